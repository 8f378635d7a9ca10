"""Calibration against shops whose truth is known, and its honest limits."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from simlib.messages import UserError
from simlib.simulator import Agents, Contacts, run_arrays
from simlib.simulator.calibrate import (
    SHOWN,
    DayFigures,
    day_spread,
    fit_conversion,
    fit_floor,
    fit_patience,
    open_chats,
    read_day_figures,
    response_by_load,
    simulate_figures,
    with_fit,
)
from simlib.simulator.draw import ChatService
from simlib.simulator.tables import OUTCOMES
from simlib.streams import stream

TRUTH = {
    "turns": 6.2,
    "reply_s": 22.0,
    "think_s": 48.0,
    "patience_s": 120.0,
    "busyness_cv": 0.15,
    "switch_cost_pct": 3.0,
}
# The one agent-day that the field page gives.
FIELD = DayFigures(
    agents=1,
    receptions=82,
    online_s=8.6 * 3600,
    turns=507 / 82,
    first_response_s=27.8,
    mean_response_s=37.8,
    chat_s=528,
    most_chats=12,
)


def shop(truth, *, seed, days=20, agents=4):
    """Return what a shop with this truth would export."""
    blank = replace(FIELD, agents=agents, days=days)
    seen = simulate_figures(blank, truth, days=days, seed=seed)
    return replace(blank, **{name: seen[name] for name in SHOWN})


def test_a_shop_of_known_truth_is_found_again():
    """Turns, reply time and think time come back within a tenth, and the figures they rest on are matched."""
    fit = fit_floor(shop(TRUTH, seed=5), draws=60, seed=11)
    table = fit.parameters.set_index("parameter")
    for name in ("turns", "reply_s", "think_s"):
        assert table.loc[name, "value"] == pytest.approx(TRUTH[name], rel=0.1)
        assert table.loc[name, "low"] < table.loc[name, "high"]
        assert table.loc[name, "learnt"]
    assert table.loc["turns", "rests_on"] == "turns"
    matched = fit.matched.set_index("figure")
    for name in ("turns", "mean_response_s", "chat_s"):
        assert matched.loc[name, "fitted"] == pytest.approx(matched.loc[name, "exported"], rel=0.1)
    service = with_fit(ChatService(replies_mean=3, reply_s=10, think_s=10), fit)
    assert service.reply_s == fit.value("reply_s")


def test_the_days_most_at_once_does_not_set_the_load():
    """82 chats a day are 1.4 open on average beside a most of 12: fitted to the 12, the load would be eightfold."""
    assert round(open_chats(FIELD), 1) == 1.4
    assert FIELD.most_chats / open_chats(FIELD) > 8
    fit = fit_floor(FIELD, draws=60, seed=3)
    assert fit.open_chats == pytest.approx(1.4, abs=0.25)
    row = fit.matched.set_index("figure").loc["most_chats"]
    assert not row["used"]
    assert row["exported"] == 12
    assert row["fitted"] < 12
    without = fit_floor(replace(FIELD, most_chats=math.nan), draws=60, seed=3)
    pd.testing.assert_frame_equal(without.parameters, fit.parameters)


def test_what_one_day_cannot_teach_is_not_claimed():
    """From a single day nothing is learnt of the spread between days."""
    table = fit_floor(FIELD, draws=60, seed=3).parameters.set_index("parameter")
    assert not table.loc["busyness_cv", "learnt"]
    assert table.loc["busyness_cv", "rests_on"] == ""


@pytest.mark.parametrize("truth_s", [60.0, 120.0, 240.0])
def test_patience_of_silent_leavers_at_five_thousand_chats(truth_s):
    """Known truth within a tenth, where seven of ten leavers say nothing and a fifth of the served write no more."""
    chance = stream(2026, int(truth_s), "patience test")
    n = 5000
    waits, patience = chance.exponential(90, n), chance.exponential(truth_s, n)
    silent, content = chance.random(n) < 0.7, chance.random(n) < 0.2
    stays = patience > waits
    outcome = np.where(stays, np.where(content, "quiet", "talked"), np.where(silent, "quiet", "left"))
    fit = fit_patience(np.where(outcome == "left", patience, waits), outcome)
    assert fit.patience_s == pytest.approx(truth_s, rel=0.1)
    assert fit.silent_share == pytest.approx(0.7, abs=0.07)
    assert fit.one_turn_share == pytest.approx(0.2, abs=0.05)
    assert fit.low_s < fit.patience_s < fit.high_s
    assert fit.left_silently == pytest.approx((~stays & silent).mean(), abs=0.03)


def test_patience_on_the_floor_itself():
    """Chats of the simulated floor, seen only as a log shows them, give back the patience they were drawn with."""
    chance = stream(7, 0, "patience floor")
    n = 5000
    arrival = np.sort(chance.uniform(0, 8 * 3600, n))
    turns = np.where(chance.random(n) < 0.25, 1, 3)
    contacts = Contacts(
        arrival=arrival,
        turns=turns,
        handle=25.0,
        think=30.0,
        patience=chance.exponential(100, n),
        silent=chance.random(n) < 0.6,
    )
    # one chat at a time: a chat is picked up when its first reply is begun, which is how long patience has to last
    night = run_arrays(contacts, Agents(capacity=1, speed=np.ones(16), shifts=[(a, 0, 12 * 3600) for a in range(16)]))
    name = np.array(OUTCOMES)[night.outcome]
    waited = np.where(name == "abandoned", night.end, night.assigned) - night.entry
    outcome = np.where(name == "abandoned", "left", np.where((name == "served") & (turns > 1), "talked", "quiet"))
    fit = fit_patience(waited, outcome)
    assert (name == "abandoned").sum() > 300
    assert fit.patience_s == pytest.approx(100, rel=0.1)


def test_wrong_chats_are_refused():
    with pytest.raises(ValueError, match="left, talked or quiet"):
        fit_patience(np.array([1.0]), np.array(["gone"]))
    with pytest.raises(ValueError, match="at least one chat"):
        fit_patience(np.array([]), np.array([]))


def agent_days(n, *, slope=-0.02, seed=1, agents=8):
    """Write agent-days whose conversion falls with the response, and whose better agents are also the faster ones."""
    chance = stream(seed, 0, "conversion test")
    who = np.arange(n) % agents
    wait = 20 + 3 * who + chance.normal(0, 6, n)
    chances = np.clip(0.55 - 0.02 * who + slope * (wait - 20 - 3 * who) / 10, 0.01, 0.99)
    asked = chance.integers(50, 110, n)
    return pd.DataFrame(
        {
            "agent": [f"a{k}" for k in who],
            "inquiries": asked.astype(float),
            "buyers_paid": chance.binomial(asked, chances).astype(float),
            "mean_response_s": wait,
        }
    )


def test_conversion_against_response_within_agents():
    """The slope within agents is found, not the steeper one between them; the band covers it."""
    fit = fit_conversion(agent_days(2000))
    assert fit.low < -0.02 < fit.high
    assert fit.per_10_s == pytest.approx(-0.02, abs=0.01)
    assert (fit.agent_days, fit.agents) == (2000, 8)


def test_conversion_is_refused_under_sixty_agent_days():
    with pytest.raises(UserError) as caught:
        fit_conversion(agent_days(59))
    assert "59" in caught.value.text("en")
    assert fit_conversion(agent_days(60)).agent_days == 60


def test_figures_are_read_from_agent_days():
    """Means weigh by receptions; without messages nothing is fitted."""
    table = pd.DataFrame(
        {
            "day": pd.Timestamp(2026, 4, 20),
            "receptions": [80.0, 20.0],
            "messages_buyer": [500.0, 100.0],
            "messages_agent": [450.0, 120.0],
            "first_response_s": [20.0, 40.0],
            "mean_response_s": [30.0, 60.0],
            "chat_s": [500.0, 400.0],
            "most_chats": [12.0, 4.0],
        }
    )
    found = read_day_figures(table)
    assert (found.agents, found.receptions, found.days) == (2, 50.0, 1)
    assert found.mean_response_s == pytest.approx(36.0)
    assert found.turns == pytest.approx(5.5)
    with pytest.raises(UserError):
        read_day_figures(table.assign(messages_buyer=np.nan))


def test_how_response_goes_with_load_is_within_agents():
    """A slow agent with few receptions and a quick one with many say nothing; each one's own days do."""
    agent = np.repeat(["slow", "quick"], 3)
    load = np.array([4.0, 5.0, 6.0, 12.0, 15.0, 18.0])
    response = np.where(agent == "slow", 90.0, 30.0) * (load / np.where(agent == "slow", 5.0, 15.0)) ** 0.4
    assert response_by_load(agent, load, response) == pytest.approx(0.4)
    assert math.isnan(response_by_load(agent[:1], load[:1], response[:1]))


def test_a_slow_down_by_open_chats_shows_in_how_response_goes_with_load():
    """The slope that the slow-down rests on grows with it, on the same shop."""
    busy = replace(FIELD, agents=3, receptions=130.0, online_s=8 * 3600.0)
    flat, steep = (
        simulate_figures(busy, TRUTH | {"switch_cost_pct": pct, "busyness_cv": 0.25}, days=25, seed=4)
        for pct in (0.0, 10.0)
    )
    assert steep["response_by_load"] > flat["response_by_load"] + 0.1
    assert steep["mean_response_s"] > flat["mean_response_s"]


def test_the_spread_of_days_leaves_weekdays_out():
    """A shop that is busy at weekends is not a shop of unpredictable days."""
    days = pd.date_range("2026-03-02", periods=28)
    totals = pd.Series(np.where(days.day_of_week >= 5, 200.0, 100.0), index=days)
    assert day_spread(totals) == pytest.approx(0.0, abs=1e-12)
    assert day_spread(totals.iloc[:10]) > 0.2
    assert math.isnan(day_spread(totals.iloc[:4]))
