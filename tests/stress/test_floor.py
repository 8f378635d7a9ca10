"""The floor itself: ways to deal the chats, what waits for the morning, what the bot really takes."""

from dataclasses import replace

import numpy as np
import pytest

from simlib.night.routing import TODAY, weigh_routing
from simlib.stress.floor import ALL_QUESTIONS, examine_floor
from simlib.stress.scenarios import Incident
from tests.conftest import clock


@pytest.fixture(scope="module")
def wrong(night):
    """Return the night with twelve times the weight on every second agent."""
    return Incident(kind="weights", start=clock("21:00"), end=clock("22:00"), size=12.0).apply_to(night)


def test_wrong_weights_are_seen_and_better_ones_found(wrong):
    """Today's wrong weights come last or nearly so; the best way is no worse for anybody's platform figure."""
    found = weigh_routing(wrong, seed=7, replications=3)
    table = found.routing.set_index("weighting")
    assert found.best != TODAY
    assert table.loc[found.best, "headline"] > table.loc[TODAY, "headline"]
    assert table["headline"].is_monotonic_decreasing
    agents = found.agents
    assert agents["mean_response"].is_monotonic_decreasing
    assert agents["routing_weight"].max() / agents["routing_weight"].min() == pytest.approx(12.0)
    slow = agents.head(6)["routing_weight"].mean()
    assert slow > agents.tail(6)["routing_weight"].mean()  # who gets more answers later


def test_routing_meets_the_same_buyers_every_time(night):
    """Two looks at one night are the same to the last digit, and where nobody has a weight today is fewest first."""
    one, two = (weigh_routing(night, seed=7, replications=2).routing for _ in range(2))
    assert one.equals(two)
    assert "fewest_open" not in set(one["weighting"])


def test_the_bot_is_split_by_question_at_the_stores_own_share(night):
    """The parts add up to the store's share, gross and net."""
    services = {
        queue: replace(service, bot_return_rate=0.25, bot_share=0.3) for queue, service in night.services.items()
    }
    whole = examine_floor(replace(night, services=services), seed=7, replications=2).bot
    bot, in_all = whole[whole["intent"] != ALL_QUESTIONS], whole.set_index("intent").loc[ALL_QUESTIONS]
    assert in_all.tolist() == pytest.approx([1.0, 0.3, 0.3 * 0.75])
    assert bot["gross_share"].sum() == pytest.approx(0.3)
    assert bot["net_share"].sum() == pytest.approx(0.3 * 0.75)
    assert bot["share"].sum() == pytest.approx(1.0)


def test_messages_left_before_the_opening_are_worked_off(night):
    """A store that opens at 22:00 finds what came from 20:00 on; round the clock there is no backlog."""
    assert examine_floor(night, seed=7, replications=2).backlog.empty
    late = replace(night, service_s=(22 * 3600.0, 20 * 3600.0))
    result = examine_floor(late, seed=7, replications=2)
    backlog = result.backlog.set_index("queue")
    early = night.forecast[night.forecast["start"] < clock("22:00")]
    expected = early.groupby("queue")["contacts"].sum()
    for queue in ("presale", "aftersale"):
        assert backlog.loc[queue, "contacts"] == pytest.approx(expected[queue], rel=0.25)
        assert backlog.loc[queue, "gone_h"] > 0
        assert np.isfinite(backlog.loc[queue, "within_share"])
    assert "morning_backlog" in result.tables
