"""The roster checker: each rule alone is found in a roster that breaks that rule alone, and a legal roster is clean."""

import datetime as dt

import pandas as pd
import pytest

from simlib.roster import RosterRules
from simlib.roster.check import check_roster

RULES = RosterRules.of_playbook(seats={"hall": 2})
ZONE = "Asia/Shanghai"
DAY = dt.date(2026, 11, 2)
SHIFTS = pd.DataFrame(
    [
        ("A", dt.time(9), dt.time(18), dt.time(11), dt.time(14), 60, None),
        ("N", dt.time(22), dt.time(7), dt.time(2), dt.time(4), 60, None),
        ("L", dt.time(8), dt.time(21), dt.time(12), dt.time(15), 60, None),
        ("K", dt.time(9), dt.time(21), None, None, 0, ("own",)),
        ("X", dt.time(9), dt.time(19), None, None, 0, None),
        ("S", dt.time(9), dt.time(13), None, None, 0, ("own",)),
    ],
    columns=["code", "start", "end", "meal_from", "meal_to", "meal_min", "cohorts"],
).astype(object)
TEAM = pd.DataFrame(
    [
        ("own", "own", ("presale",), 95, True, "hall"),
        ("stu", "student", ("presale",), 95, True, "hall"),
        ("own2", "own", ("presale", "aftersale"), 95, True, "hall"),
        ("bad", "own", ("presale",), 85, True, None),
        ("raw", "own", ("presale",), 95, False, None),
    ],
    columns=["agent_id", "cohort", "skills", "exam_score", "qa_pass", "room"],
)


def rows_of(agent_id, code, *, day=DAY, meal_h=12.0, queue="presale", end_h=None):
    """One person's day on a shift, the meal at ``meal_h`` hours after the day's midnight."""
    shift = SHIFTS.set_index("code").loc[code]
    midnight = pd.Timestamp(day, tz=ZONE)
    start = shift["start"].hour
    end = shift["end"].hour + (24 if shift["end"] <= shift["start"] else 0) if end_h is None else end_h
    pieces = [(start, end, "chat")]
    if shift["meal_min"]:
        pieces = [(start, meal_h, "chat"), (meal_h, meal_h + 1, "meal"), (meal_h + 1, end, "chat")]
    cohort = TEAM.set_index("agent_id")["cohort"].get(agent_id, "own")
    return pd.DataFrame(
        {
            "agent_id": agent_id,
            "name": agent_id,
            "cohort": cohort,
            "queue": [queue if what == "chat" else None for _, _, what in pieces],
            "shift": code,
            "date": day,
            "start": [midnight + pd.Timedelta(hours=first) for first, _, _ in pieces],
            "end": [midnight + pd.Timedelta(hours=last) for _, last, _ in pieces],
            "activity": [what for _, _, what in pieces],
        }
    )


def later(days):
    return DAY + dt.timedelta(days=days)


def month_of_overtime():
    """Thirteen days of eleven hours, with rest days between."""
    days = [0, 1, 3, 4, 7, 8, 10, 11, 14, 15, 17, 18, 21]
    return pd.concat([rows_of("own", "X", day=later(n), end_h=20) for n in days]).assign(shift="X")


def moved(rows, *, hours):
    return rows.assign(**{end: rows[end] + pd.Timedelta(hours=hours) for end in ("start", "end")})


def two_shifts():
    """One person on two shifts of four and a half and three hours on one day."""
    return pd.concat([rows_of("own", "A", end_h=14), moved(rows_of("own", "S", end_h=12), hours=6)])


BROKEN = {
    "unknown_person": (rows_of("ghost", "A"), {}),
    "unknown_shift": (rows_of("own", "A").assign(shift="Z"), {}),
    "overlap": (pd.concat([rows_of("own", "S"), rows_of("own", "S", end_h=12)]), {}),
    "gap": (rows_of("own", "A").query("activity == 'chat'"), {}),
    "shift_hours": (rows_of("own", "A", end_h=17), {}),
    "one_shift_a_day": (two_shifts(), {}),
    "exam": (rows_of("bad", "A"), {}),
    "quality": (rows_of("raw", "A"), {}),
    "skill": (rows_of("own", "A", queue="aftersale"), {}),
    "leave": (rows_of("own", "A"), {"leave": [{"agent_id": "own", "first": DAY, "last": DAY}]}),
    "cohort_shift": (rows_of("stu", "S"), {}),
    "student_hours": (rows_of("stu", "X"), {}),
    "student_night": (rows_of("stu", "N", meal_h=26.0), {}),
    "overtime_day": (rows_of("own", "L"), {}),
    "overtime_month": (month_of_overtime(), {}),
    "rest": (pd.concat([rows_of("own", "K"), moved(rows_of("own", "A", day=later(1)), hours=-3)]), {}),
    "consecutive_days": (pd.concat([rows_of("own", "S", day=later(n)) for n in range(7)]), {}),
    "meal_window": (rows_of("own", "A", meal_h=14.0), {}),
    "meal_length": (rows_of("own", "A").assign(activity="chat", queue="presale"), {}),
    "seats": (pd.concat([rows_of(who, "A") for who in ("own", "stu", "own2")]), {}),
    "duty": (
        rows_of("own", "A"),
        {
            "duties": [
                {
                    "duty": "stream",
                    "kind": "live",
                    "start": dt.datetime(2026, 11, 2, 15),
                    "end": dt.datetime(2026, 11, 2, 17),
                    "agent_id": None,
                }
            ]
        },
    ),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_each_broken_rule_is_found(rule):
    """A roster that breaks one rule is reported under that rule, with what was found and what is allowed."""
    roster, more = BROKEN[rule]
    found = check_roster(roster.reset_index(drop=True), TEAM, SHIFTS, RULES, **more)
    assert rule in set(found["rule"])
    assert found["allowed"].map(lambda text: len(str(text)) > 0).all()


MIXED = {"one_shift_a_day", "gap", "meal_length", "overlap", "rest", "overtime_month"}  # these break hours as well


@pytest.mark.parametrize("rule", sorted(set(BROKEN) - MIXED))
def test_no_other_rule_is_reported(rule):
    """Breaking one rule is not reported as breaking others."""
    roster, more = BROKEN[rule]
    assert set(check_roster(roster.reset_index(drop=True), TEAM, SHIFTS, RULES, **more)["rule"]) == {rule}


def test_a_legal_roster_is_clean():
    """Two people on legal days give an empty frame with the five columns."""
    roster = pd.concat([rows_of("own", "A"), rows_of("own2", "N", meal_h=27.0), rows_of("stu", "A", meal_h=11.0)])
    found = check_roster(roster, TEAM, SHIFTS, RULES)
    assert found.empty
    assert list(found.columns) == ["rule", "agent_id", "where", "found", "allowed"]


def test_coverage_is_counted_again():
    """A half hour with a meal counts no head; a coverage table that claims more is contradicted."""
    roster = rows_of("own", "A", meal_h=12.0)
    starts = pd.date_range("2026-11-02 11:30", periods=3, freq="30min", tz=ZONE)
    need = pd.DataFrame({"start": starts, "queue": "presale", "to_roster": 1})
    claim = need.assign(rostered=[1.0, 1.0, 0.0])
    found = check_roster(roster, TEAM, SHIFTS, RULES, need, coverage=claim)
    assert found["rule"].tolist() == ["coverage", "coverage_table", "coverage"]
    assert found.loc[1, "where"] == "presale 2026-11-02 12:00"


def test_a_changed_person_may_leave_early():
    """A shift cut short by a repair is no violation for the people who were changed."""
    roster = rows_of("own", "A", end_h=17)
    assert check_roster(roster, TEAM, SHIFTS, RULES, changed=["own"]).empty
