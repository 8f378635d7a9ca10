"""What a night's exports teach, against simulated nights whose truth is known, and what they cannot."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from simlib import facts
from simlib.forecasting.promo import minute_profile
from simlib.intervals import Grid
from simlib.retrospective.measured import (
    compare_speeds,
    list_unlearned,
    measure_burst,
    measure_no_shows,
    measure_patience,
)
from simlib.simulator import Policy, simulate
from simlib.simulator.draw import ChatService, Demand
from simlib.simulator.inputs import Agents

OPENING = pd.Timestamp("2026-10-31 20:00", tz="Asia/Shanghai")


def reports_of(speed: np.ndarray, *, seed: int, load: float) -> pd.DataFrame:
    """Simulate six hours of a floor and return its report by agent as a platform exports it."""
    grid = Grid(opens=OPENING, n=12)
    shape = np.array([1.6, 1.4, 1.2, 1.1, 1.0, 1.0, 0.9, 0.9, 0.8, 0.8, 0.7, 0.6])
    per_step = load * 1800 * speed.sum() / (18 * 6)
    forecast = pd.DataFrame({"start": grid.starts, "queue": "presale", "contacts": per_step * shape})
    service = ChatService(replies_mean=6, reply_s=18, think_s=40, patience_s=300, silent_share=0.5)
    contacts = Demand.of(forecast, {"presale": service}, grid=grid).draw(seed=seed, replication=0)
    agents = Agents(
        capacity=np.full(len(speed), 5), speed=speed, shifts=[(number, 0.0, 21600.0) for number in range(len(speed))]
    )
    served = simulate(contacts, agents, policy=Policy(silent_close_s=120)).contacts.query("replies > 0")
    by_agent = served.groupby("agent")
    return pd.DataFrame(
        {
            "agent": [f"A{number:02d}" for number in range(len(speed))],
            "receptions": by_agent.size().to_numpy(dtype=float),
            "messages_buyer": by_agent["replies"].sum().to_numpy(dtype=float),
            "online_s": 21600.0,
            "mean_response_s": (by_agent["response_sum"].sum() / by_agent["replies"].sum()).to_numpy(),
        }
    )


@pytest.mark.parametrize("load", [0.5, 0.8, 1.1])
def test_the_speed_of_a_cohort_is_found_from_quiet_to_overloaded_nights(load):
    """Temps at six tenths of the others' speed are found within a tenth, though they were planned alike."""
    speed = np.repeat([1.0, 0.6], [10, 8])
    people = pd.DataFrame(
        {"agent_id": [f"A{number:02d}" for number in range(18)], "cohort": np.repeat(["own", "temp"], [10, 8]),
         "skill_1": "presale", "speed": 1.0}
    )  # fmt: skip
    found = compare_speeds(reports_of(speed, seed=3, load=load), people, reply_s={"presale": 18.0})
    assert found["temp"] / found["own"] == pytest.approx(0.6, rel=0.1)


def test_a_cohort_that_is_as_planned_stays_as_planned():
    """Temps planned at six tenths and serving so get a factor near one."""
    speed = np.repeat([1.0, 0.6], [10, 8])
    people = pd.DataFrame(
        {"agent_id": [f"A{number:02d}" for number in range(18)], "cohort": np.repeat(["own", "temp"], [10, 8]),
         "skill_1": "presale", "speed": speed}
    )  # fmt: skip
    found = compare_speeds(reports_of(speed, seed=4, load=0.8), people, reply_s={"presale": 18.0})
    assert set(found) == {"own", "temp"}
    assert all(abs(math.log(factor)) < 0.1 for factor in found.values())


def test_speeds_need_a_report_and_two_cohorts():
    """Without a report, with one cohort, with two people in a cohort: a reason each."""
    report = reports_of(np.ones(6), seed=5, load=0.8)
    people = pd.DataFrame({"agent_id": report["agent"], "cohort": "own", "skill_1": "presale", "speed": 1.0})
    assert compare_speeds(report, people, reply_s={"presale": 18.0}) == "one_cohort"
    two = people.assign(cohort=["own"] * 4 + ["temp"] * 2)
    assert compare_speeds(report, two, reply_s={"presale": 18.0}) == "one_cohort"
    assert compare_speeds(report.drop(columns="online_s"), people, reply_s={"presale": 18.0}) == "no_agent_day"
    assert compare_speeds(pd.DataFrame(), people, reply_s={"presale": 18.0}) == "no_agent_day"


@pytest.mark.parametrize("burst", [1.0, 4.0, 9.0])
def test_the_burst_of_an_opening_is_found(burst):
    """Two thousand chats drawn with a burst give it back within a fifth; none is none."""
    grid = Grid(opens=OPENING, n=1)
    field = float(facts.value("uplift", "opening_burst"))
    weights = 1 + (minute_profile(grid, opening=OPENING) - 1) * (burst - 1) / (field - 1)
    rng = np.random.default_rng(8)
    minutes = rng.choice(len(weights), p=weights / weights.sum(), size=4000)
    begun = OPENING + pd.to_timedelta(minutes * 60 + rng.uniform(0, 60, 4000), unit="s")
    found = measure_burst(pd.DataFrame({"begun": begun}), opening=OPENING)
    assert found == pytest.approx(burst, rel=0.2)


def test_a_burst_needs_an_opening_minutes_and_chats():
    """No opening, no moments, few chats, moments by the half hour: a reason each."""
    half = pd.DataFrame({"begun": [OPENING] * 400})
    assert measure_burst(half, opening=None) == "no_opening"
    assert measure_burst(pd.DataFrame(), opening=OPENING) == "no_minutes"
    assert measure_burst(half.head(20), opening=OPENING) == "few_chats"
    assert measure_burst(half, opening=OPENING) == "no_minutes"


def test_patience_needs_three_hundred_answered_chats():
    """A record of chats of which many left in silence gives their patience; a short one gives a reason."""
    rng = np.random.default_rng(2)
    waits, patience = rng.exponential(80, 2000), rng.exponential(120, 2000)
    rows = []
    for number, (wait, stays) in enumerate(zip(waits, patience, strict=True)):
        rows += [(number, 0.0, "buyer"), (number, wait, "agent")]
        if stays > wait:
            rows.append((number, wait + 30, "buyer"))
    record = pd.DataFrame(rows, columns=["chat", "sent", "side"])
    record["sent"] = OPENING.tz_localize(None) + pd.to_timedelta(record["sent"], unit="s")
    assert measure_patience(record, reply_s=0.0) == pytest.approx(120, rel=0.15)
    assert measure_patience(record.head(300), reply_s=0.0) == "few_chats"
    assert measure_patience(record.head(0), reply_s=0.0) == "not_measured"


def test_no_shows_are_a_share_of_the_rostered_chat_time(night):
    """One of twelve away all night is their share of the hours; nobody noted is a reason and no zero."""
    roster = night.roster
    chat = roster[roster["activity"] == "chat"]
    hours = (chat["end"] - chat["start"]).dt.total_seconds()
    share = hours[chat["agent_id"] == "A05"].sum() / hours.sum()
    assert measure_no_shows(roster, roster[roster["agent_id"] != "A05"]) == pytest.approx(share)
    assert measure_no_shows(roster, roster) == 0.0
    assert measure_no_shows(None, None) == "no_absences"


def test_what_was_not_learned_has_its_reason():
    """Of the figures wanted those that were learned are left out, the others bear their reason."""
    left = list_unlearned(["conversion"], ["conversion", "patience_s", "bot_share"], {"patience_s": "few_chats"})
    assert left.to_numpy().tolist() == [["patience_s", "few_chats"], ["bot_share", "not_measured"]]
