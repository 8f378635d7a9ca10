"""What every chapter starts from: what a store types of its floor reaches the night, the requirement and the scores."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from simlib.forecasting.result import PART_OF, split_queues
from simlib.inputs import NightInputs, find_wave
from simlib.kpis import Tally
from simlib.messages import UserError
from simlib.night.bot import blend_intents
from simlib.simulator.draw import agents_from_roster, slowdown_from_curve, slowdown_from_ratio
from simlib.simulator.replicate import Replications
from simlib.store import load_store
from simlib.store.models import IntentShare, PlatformShare, Ratio
from simlib.stress.floor import ALL_QUESTIONS, _bot


@pytest.fixture(scope="module")
def plain():
    """The smallest sound store of the tests."""
    return load_store("tests/stores/a1")


def inputs_of(store, **sheets):
    """Make the inputs of a store with other sheets; the field slowdown_by_chats goes to the sheet store."""
    curve = sheets.pop("slowdown_by_chats", None)
    info = store.store.model_copy(update={"slowdown_by_chats": curve})
    changed = store.model_copy(update={"store": info, **sheets})
    return NightInputs(store=changed, wave=find_wave(changed))


def test_a_curve_by_level_takes_the_place_of_the_ratio(plain):
    """One policy for night, requirement and sweep: the curve's where it is typed, else the ratio's as before."""
    usual = inputs_of(plain)
    pct = plain.ratio("switch_cost_pct").likely
    assert usual.policy.slowdown == slowdown_from_ratio(pct, capacity_max=usual.most_chats)
    typed = inputs_of(plain, slowdown_by_chats="3:1.05, 6:1.3")
    assert typed.policy.slowdown == slowdown_from_curve({3: 1.05, 6: 1.3}, capacity_max=typed.most_chats)
    assert typed.policy.slowdown[:6] == pytest.approx((1.0, 1.025, 1.05, 1.05 + 0.25 / 3, 1.05 + 0.5 / 3, 1.3))
    assert set(typed.policy.slowdown[6:]) == {1.3}  # what holds beyond
    assert typed.floor["policy"] is typed.policy


def test_the_bot_is_shown_by_the_store_s_own_questions(plain):
    """Gross and net by question and in all, and the floor's bot takes as much as the questions add up to."""
    rows = (
        IntentShare(intent="rules", share=0.6, bot_solves=0.5),
        IntentShare(intent="price", share=0.4, bot_solves=0.1),
    )
    back = Ratio(key="bot_return_rate", low=0.2, likely=0.25, high=0.3)
    ratios = (*(ratio for ratio in plain.ratios if ratio.key not in ("bot_share", "bot_return_rate")), back)
    found = inputs_of(plain, intents=rows, ratios=ratios)
    assert [service.bot_share for service in found.services.values()] == pytest.approx([0.34] * len(found.services))
    assert found.bot_net_share == pytest.approx(0.34 * 0.75)
    assert blend_intents(found.intents, return_rate=0.25).net_share == pytest.approx(found.bot_net_share)

    class Night:
        queues, services, intents = tuple(found.services), found.services, found.intents

    table = _bot(Night()).set_index("intent")
    assert table["gross_share"].to_dict() == pytest.approx({"rules": 0.30, "price": 0.04, ALL_QUESTIONS: 0.34})
    assert table["net_share"].to_dict() == pytest.approx({"rules": 0.225, "price": 0.03, ALL_QUESTIONS: 0.255})


def test_the_steps_of_a_score_are_those_of_the_platform_s_headline(plain):
    """Points for the night and for the 30 days where there are steps; steps of the wrong way are a sentence."""
    both = (
        PlatformShare(platform="tmall", share=0.7),
        PlatformShare(
            platform="douyin", share=0.3, figure_before=20, counted_before=29_000, score_steps="12:100, 18:90, 25:80"
        ),
    )
    found = inputs_of(plain, platforms=both)
    assert {score.key: bool(found.steps_of(score)) for score in found.scores}["douyin_mean_response"]
    number = [score.key for score in found.scores].index("douyin_mean_response")
    tallies = np.zeros((1, len(found.scores), 2))
    tallies[:, :, 0] = 1000.0
    tallies[0, number, 1] = 30_000.0
    nights = Replications(numbers=np.arange(1), figures={"score_tallies": tallies}, complete=True)
    table = found.score_nights(nights).set_index("kpi")
    mean = table.loc["douyin_mean_response"]
    assert (mean["mean"], mean["score_points"]) == (30.0, 50.0)
    month = Tally.of_value(20.0, counted=29_000) + Tally(counted=300.0, total=9_000.0)
    assert (mean["figure_after"], mean["score_points_after"]) == (pytest.approx(month.value), 80.0)
    assert np.isnan(table.loc["wangwang_3min", "score_points"])
    wrong = (both[0], both[1].model_copy(update={"score_steps": "25:100, 18:90"}))
    with pytest.raises(UserError) as refused:
        inputs_of(plain, platforms=wrong).score_nights(nights)
    assert "25 s: 100" in refused.value.text("en")


def test_groups_by_order_status_are_queues(plain):
    """What a chat client calls groups by order status are queues of their own: shares on Ratios, skills on Agents."""
    unpaid = Ratio(key="payment_chasing_share", low=0.1, likely=0.2, high=0.3)
    unsent = Ratio(key="order_change_share", low=0.2, likely=0.3, high=0.4)
    ratios = (*(ratio for ratio in plain.ratios if ratio.key not in (unpaid.key, unsent.key)), unpaid, unsent)
    first = plain.agents[0].model_copy(update={"skill_1": "payment_chasing", "skill_2": "presale", "skill_3": None})
    found = inputs_of(plain, ratios=ratios, agents=(first, *plain.agents[1:]))
    shares = {queue: found.store.ratio(f"{queue}_share").likely for queue in PART_OF}
    day = split_queues({"presale": {"value": 1000.0}, "aftersale": {"value": 500.0}}, shares)
    assert {queue: part["value"] for queue, part in day.items()} == pytest.approx(
        {"presale": 800.0, "aftersale": 350.0, "payment_chasing": 200.0, "order_change": 150.0}
    )
    queues = tuple(found.services)
    start = found.grid.starts[20]
    hour = {"agent_id": first.agent_id, "start": start, "end": start + pd.Timedelta(hours=1), "activity": "chat"}
    roster = pd.DataFrame([hour | {"queue": "payment_chasing"}])
    agents = agents_from_roster(roster, found.people, queues=queues, grid=found.grid)
    ranks = dict(zip(queues, agents.skill[0].tolist(), strict=True))
    assert (ranks["payment_chasing"], ranks["presale"], ranks["aftersale"]) == (1, 2, 0)


def test_a_platform_without_facts_on_that_day_is_a_sentence(plain):
    """It names the platform, the day and the platforms that are known."""
    wave = find_wave(plain)
    early = wave.model_copy(update={"start": dt.datetime(2019, 10, 31, 20), "end": dt.datetime(2019, 11, 3, 23, 59)})
    with pytest.raises(UserError) as refused:
        NightInputs(store=plain, wave=early).rates
    assert "2019-10-31" in refused.value.text("en")
    assert "2019-10-31" in refused.value.text("zh")
