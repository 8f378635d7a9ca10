"""The next hours begin after the latest count of any queue, with the chats that are open, and agree with the plan."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from simlib.forecasting import Targets, minute_profile, reforecast, require_agents, spread_day
from simlib.forecasting.tonight import look_ahead
from simlib.intervals import Grid
from simlib.simulator.draw import ChatService

TZ = "Asia/Shanghai"
OPENING = pd.Timestamp("2026-10-31 20:00", tz=TZ)
NIGHT = Grid(opens=pd.Timestamp("2026-10-31 18:00", tz=TZ), n=10)
SERVICE = ChatService(replies_mean=5, reply_s=18, think_s=40, patience_s=180, silent_share=0.3)
GOOD = Targets(answered_share=0.85, answered_s=60, abandoned_max=0.05)
LOAD = np.array([60, 60, 70, 80, 420, 260, 240, 220, 180, 150], dtype=float)


def forecast_of(queue="presale", share=1.0):
    """Give a night with an opening at eight."""
    contacts = LOAD * share
    band = {"p05": contacts * 0.7, "p95": contacts * 1.3, "bot": 0.0 * contacts, "human": contacts}
    return pd.DataFrame({"start": NIGHT.starts, "queue": queue, "contacts": contacts, **band})


def roster_of(need, heads=None):
    """Seat as many people as every half hour needs."""
    rows = []
    for cell in need.itertuples():
        on = cell.on_chat if heads is None else heads
        for each in range(int(on)):
            who = f"{cell.queue}{each}"
            rows.append((who, cell.queue, cell.start, cell.start + pd.Timedelta(minutes=30), "chat"))
    return pd.DataFrame(rows, columns=["agent_id", "queue", "start", "end", "activity"])


DRAWN = {"minute_profile": minute_profile(NIGHT, opening=OPENING), "busyness_cv": 0.1, "holds_share": 0.5}


@pytest.fixture(scope="module")
def plan():
    """Work a night's requirement out."""
    forecast = forecast_of()
    how = {"concurrency": 4, "shrinkage": 0.0, "seed": 7}
    return forecast, require_agents(forecast, {"presale": SERVICE}, GOOD, **how, **DRAWN)


def ahead_of(plan, roster, on_chat_share=1.0):
    """Look ahead from half past eight, everything as forecast so far."""
    forecast, need = plan
    came = forecast.loc[forecast["start"] <= OPENING, ["start", "queue", "contacts"]]
    again = reforecast(forecast, came)
    how = {"concurrency": 4, "on_call": [], "seed": 7, "requirement": need, "behind": again.behind}
    how["on_chat_share"] = on_chat_share
    return look_ahead(again.forecast, roster, {"presale": SERVICE}, {"presale": GOOD}, **how, **DRAWN).heads


@pytest.fixture(scope="module")
def heads(plan):
    """The next hours of the floor as it was planned."""
    return ahead_of(plan, roster_of(plan[1]))


def test_an_unchanged_night_needs_what_the_requirement_says(plan, heads):
    """With the burst, the busyness and the open chats in, the next hours agree with the plan within a head."""
    assert heads["start"].iloc[0] == OPENING + pd.Timedelta(minutes=30)
    known = plan[1].set_index("start")["on_chat"].loc[heads["start"]].to_numpy()
    assert heads["on_chat_planned"].tolist() == known.tolist()
    assert np.abs(heads["required"] - known).max() <= 1


def test_a_short_floor_leaves_work_behind(plan):
    """What a floor of too few people has left open asks for more than the plan in the next half hour."""
    heads = ahead_of(plan, roster_of(plan[1], heads=15))
    assert heads["required"].iloc[0] > heads["on_chat_planned"].iloc[0]


def test_now_is_the_latest_count_of_any_queue():
    """A queue that nobody counted is over up to the same moment as the one that was pasted."""
    day = {"total": 4800, "low": 3000, "high": 7000, "profile": np.ones(24)}
    night = Grid.of_day(dt.date(2026, 10, 31), tz=TZ)
    forecast = pd.concat([spread_day(queue=queue, grid=night, **day) for queue in ("presale", "aftersale")])
    came = pd.DataFrame({"start": [OPENING], "queue": "presale", "contacts": 100.0})
    again = reforecast(forecast, came)
    assert again.forecast.groupby("queue")["start"].min().tolist() == [OPENING + pd.Timedelta(minutes=30)] * 2
    assert again.behind.groupby("queue")["start"].max().tolist() == [OPENING] * 2
    assert len(again.behind) + len(again.forecast) == len(forecast)


def test_what_is_behind_is_what_came():
    """Humans of a counted half hour scale with the count; one that nobody counted stays as forecast."""
    forecast = forecast_of().assign(human=LOAD * 0.5)
    came = pd.DataFrame({"start": [NIGHT.starts[1]], "queue": "presale", "contacts": [120.0]})
    assert reforecast(forecast, came).behind["human"].tolist() == [30.0, 60.0]


def test_absence_and_time_off_chat_count_in_the_next_hours(plan, heads):
    """With a fifth of the rostered off chat, the same need meets four fifths of the heads and falls short by more."""
    all_there, four_fifths = heads, ahead_of(plan, roster_of(plan[1]), on_chat_share=0.8)
    assert four_fifths["required"].tolist() == all_there["required"].tolist()
    assert four_fifths["rostered"].tolist() == all_there["rostered"].tolist()
    np.testing.assert_allclose(four_fifths["on_chat"], 0.8 * all_there["rostered"])
    gap = (four_fifths["required"] - four_fifths["on_chat"]).clip(lower=0)
    np.testing.assert_allclose(four_fifths["shortfall"], gap)
    assert four_fifths["shortfall"].sum() > all_there["shortfall"].sum()
