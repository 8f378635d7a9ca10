"""The small night with a gap: its roster has shifts and dates, four people less, and a requirement that it misses."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pandas as pd
import pytest

from simlib.actions.moves import Room, find_gap
from simlib.roster import RosterRules
from simlib.staffing import make_or_buy
from tests.conftest import clock

DAY = dt.date(2026, 10, 31)
TODAY = dt.date(2026, 10, 1)


@pytest.fixture(scope="session")
def short_night(night):
    """Eight of twelve people from eight, A03 to A05 only from ten; A08 to A11 are off."""
    roster = night.roster[~night.roster["agent_id"].isin(["A08", "A09", "A10", "A11"])].copy()
    late = roster["agent_id"].isin(["A03", "A04", "A05"])
    roster.loc[late, "start"] = roster.loc[late, "start"].clip(lower=clock("22:00"))
    roster = roster[roster["end"] > roster["start"]]
    shift = ["L" if agent in ("A03", "A04", "A05") else "E" for agent in roster["agent_id"]]
    roster = roster.assign(shift=shift, date=DAY)[
        ["agent_id", "name", "cohort", "queue", "shift", "date", "start", "end", "activity"]
    ]
    people = night.people.assign(on_call=[agent == "A10" for agent in night.people["agent_id"]])
    return replace(night, roster=roster.reset_index(drop=True), people=people)


@pytest.fixture(scope="session")
def coverage(short_night):
    """Eight heads are needed from nine to ten, four at any other time."""
    grid, chat = short_night.grid, short_night.roster[short_night.roster["activity"] == "chat"]
    rows = []
    for start in grid.starts:
        need = 8 if clock("21:00") <= start < clock("22:00") else 3
        have = int(((chat["start"] <= start) & (chat["end"] >= start + pd.Timedelta(minutes=30))).sum())
        rows.append((start, "presale", need, float(have), float(max(0, need - have))))
    return pd.DataFrame(rows, columns=["start", "queue", "required", "rostered", "shortfall"])


@pytest.fixture(scope="session")
def out():
    """A08 to A10 are off, A11 has not passed QA."""
    rows = [
        (agent, agent, "own", "presale", [reason], [step], DAY - dt.timedelta(days=1), True)
        for agent, reason, step in (
            ("A08", "out_off", "back_call"),
            ("A09", "out_off", "back_call"),
            ("A10", "out_off", "back_call"),
            ("A11", "out_qa", "back_qa"),
        )
    ]
    columns = ["agent_id", "name", "cohort", "skill_1", "out_reason", "back_step", "back_by", "can_return"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture(scope="session")
def shifts():
    """One shift, from eight to one, with half an hour to eat."""
    shift = {
        "code": "E",
        "start": dt.time(20),
        "end": dt.time(1),
        "meal_from": dt.time(20, 30),
        "meal_to": dt.time(0, 30),
        "meal_min": 30,
    }
    return pd.DataFrame([shift])


@pytest.fixture(scope="session")
def room(short_night, coverage, out, shifts):
    """Everything that moves are looked for in."""
    gap = find_gap(coverage)
    return Room(
        night=short_night,
        gap=gap,
        coverage=coverage,
        rules=RosterRules.of_playbook(on=DAY),
        shifts=shifts,
        out=out,
        sources=make_or_buy(gap=gap.heads, promo_day=DAY, today=TODAY),
        tied=frozenset({"A05"}),
        day=DAY,
        today=TODAY,
    )
