"""What the drill taught beside what the night had."""

from __future__ import annotations

import pandas as pd
import pytest

from simlib.messages import LANGS
from simlib.retrospective.drilled import compare_drill, drill_findings

NAN = float("nan")


@pytest.fixture
def calls():
    """Two teams met a dead bot, one of them late; both met a power cut that did not come."""
    return pd.DataFrame(
        {"scenario": ["bot_down", "bot_down", "power_cut", "power_cut"],
         "card": [["bot_down"], ["bot_down"], ["power_cut"], ["power_cut"]], "team": [1, 2, 1, 2],
         "called_min": [5.0, 25.0, 5.0, NAN]}
    )  # fmt: skip


@pytest.fixture
def costs():
    """The bot went down and its card pays; a slow system came that nobody had drilled."""
    return pd.DataFrame(
        {"incident": ["bot_down", "network_down"], "cost_cny": [900.0, 1400.0], "cost_low": 0.0, "cost_high": 0.0,
         "lost_buyers": 3.0, "saved_cny": [300.0, NAN], "saved_low": [200.0, NAN], "saved_high": [400.0, NAN]}
    )  # fmt: skip


def test_each_incident_has_its_verdict(calls, costs):
    """Borne out, not drilled, did not happen; the dearest of what happened stands first."""
    table = compare_drill(calls, costs).set_index("scenario")
    assert table["verdict"].to_dict() == {
        "network_down": "not_drilled",
        "bot_down": "borne_out",
        "power_cut": "stayed_away",
    }
    assert table.index.tolist() == ["network_down", "bot_down", "power_cut"]
    assert table.loc["bot_down", ["teams", "in_time", "called_min"]].tolist() == [2, 1, 15.0]
    assert table.loc["power_cut", "in_time"] == 1


def test_a_card_whose_worth_may_be_nothing_is_unclear(calls, costs):
    """A band that holds 0 bears nothing out, and neither does a card without a move."""
    wide = costs.assign(saved_low=-1.0)
    assert compare_drill(calls, wide).set_index("scenario").loc["bot_down", "verdict"] == "unclear"
    none = costs.assign(saved_low=NAN)
    assert compare_drill(calls, none).set_index("scenario").loc["bot_down", "verdict"] == "unclear"


def test_the_next_drill_follows_from_it(calls, costs):
    """One sentence each: how many had been drilled, what the card is worth, who was late, what comes next."""
    found = drill_findings(compare_drill(calls, costs))
    assert [message.key for message in found] == [
        "retrospective.drill_met",
        "retrospective.drill_borne_out",
        "retrospective.drill_late",
        "retrospective.drill_next",
    ]
    for lang in LANGS:
        text = " ".join(message.text(lang) for message in found)
        assert "300" in text
        assert "{" not in text
    nothing = drill_findings(compare_drill(calls, costs.head(0)))
    assert [message.key for message in nothing] == ["retrospective.drill_nothing_came"]
