"""S126: two people swap a day; each rule refuses alone, the coverage is counted, and the roster before stays."""

import datetime as dt

import pandas as pd
import pytest

from simlib.messages import LANGS, UserError
from simlib.roster import adopt_roster
from simlib.roster.swap import work_out_swap
from tests.roster.test_roster import LIBRARY, RULES, ZONE, day_heads, need_of, team_of

DAY = dt.date(2026, 10, 31)
NEXT = dt.date(2026, 11, 1)
HALF_HOUR = pd.Timedelta(minutes=30)
HOURS = {"A": (8, 17), "B": (14, 23), "C": (12, 21), "N": (22, 31)}
MEALS = {"A": 12, "B": 18, "C": 18, "N": 26}


def rows_of(agent_id, code, *, day=DAY, cohort="own", queue="presale"):
    """One person's day on a shift of the library, with its meal."""
    (opens, closes), meal = HOURS[code], MEALS[code]
    midnight = pd.Timestamp(day, tz=ZONE)
    pieces = [(opens, meal, "chat"), (meal, meal + 1, "meal"), (meal + 1, closes, "chat")]
    return pd.DataFrame(
        {
            "agent_id": agent_id,
            "name": agent_id.upper(),
            "cohort": cohort,
            "queue": [queue if what == "chat" else None for _, _, what in pieces],
            "shift": code,
            "date": day,
            "start": [midnight + pd.Timedelta(hours=first) for first, _, _ in pieces],
            "end": [midnight + pd.Timedelta(hours=last) for _, last, _ in pieces],
            "activity": [what for _, _, what in pieces],
        }
    )


def roster_of(shifts, *, need=None, leave=(), duties=(), **changes):
    """A roster of hand-made rows: own01 on A and own02 on B, and whoever else is given."""
    team = pd.concat([team_of(4), team_of(2, cohort="student")], ignore_index=True)
    team["name"] = team["agent_id"].str.upper()
    records = [row | changes.get(str(row["agent_id"]), {}) for row in team.to_dict("records")]
    team = pd.DataFrame(records)
    return adopt_roster(
        pd.concat([rows_of(*each[:2], **dict(each[2:])) for each in shifts], ignore_index=True),
        requirement=need_of(day_heads(h8=1, h23=0)) if need is None else need,
        agents=team,
        shifts=LIBRARY,
        rules=RULES,
        leave=leave,
        duties=duties,
    )


def swap(roster, first, second, day=DAY):
    people = roster.inputs["agents"][["agent_id", "name"]]
    return work_out_swap(roster, people=people, first=first, second=second, day=day, step=HALF_HOUR)


TWO = [("own01", "A"), ("own02", "B")]


def test_two_who_are_alike_may_swap_and_the_coverage_stays():
    """Each has the other's shift of that day, names go with ids, other days and the roster before are as they were."""
    later = NEXT + dt.timedelta(days=1)
    roster = roster_of([*TWO, ("own01", "A", ("day", later))])
    before = roster.assignments.copy()
    found = swap(roster, "OWN01", "own02")
    assert found.allowed
    rows = found.after.assignments
    of_day = rows[rows["date"] == DAY].groupby("agent_id")["shift"].first().to_dict()
    assert of_day == {"own01": "B", "own02": "A"}
    assert rows.loc[rows["agent_id"] == "own01", "name"].eq("OWN01").all()
    assert rows[rows["date"] == later]["agent_id"].unique().tolist() == ["own01"]
    assert found.effect.empty
    pd.testing.assert_frame_equal(roster.assignments, before)
    pd.testing.assert_frame_equal(found.after.coverage, roster.coverage)


def test_a_shift_is_handed_over_to_somebody_who_is_off():
    """The one who gives it away is off, the one who takes it works; that is written as a change of two people."""
    found = swap(roster_of(TWO), "own01", "own03")
    assert found.allowed
    assert set(found.after.assignments["agent_id"]) == {"own02", "own03"}
    changes = found.as_repair().changes.set_index("agent_id")["change"].to_dict()
    assert changes == {"own01": "given_up", "own03": "called_in"}


BROKEN = {
    "exam": (TWO, ("own01", "own03"), {"own03": {"exam_score": 80.0}}),
    "quality": (TWO, ("own01", "own03"), {"own03": {"qa_pass": False}}),
    "skill": (TWO, ("own01", "own03"), {"own03": {"skills": ("aftersale",)}}),
    "starts_on": (TWO, ("own01", "own03"), {"own03": {"starts_on": NEXT}}),
    "leave": (TWO, ("own01", "own03"), {"leave": [{"agent_id": "own03", "first": DAY, "last": DAY}]}),
    "student_night": ([("own01", "N"), ("own02", "B")], ("own01", "student01"), {}),
    "rest": ([("own01", "A"), ("own02", "N"), ("own01", "A", ("day", NEXT))], ("own01", "own02"), {}),
    "duty": (
        TWO,
        ("own01", "own02"),
        {
            "duties": [
                {
                    "duty": "lunch",
                    "kind": "meal",
                    "agent_id": "own01",
                    "start": dt.datetime(2026, 10, 31, 12),
                    "end": dt.datetime(2026, 10, 31, 13),
                }
            ]
        },
    ),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_refuses_alone_in_a_sentence(rule):
    """The swap is refused for that rule only, named in both languages; without the change it would be allowed."""
    shifts, pair, changes = BROKEN[rule]
    if rule == "duty":
        # a meal at a set time stands for a duty that one named person holds
        roster = roster_of(shifts)
        roster.inputs["duties"] = changes["duties"]
    else:
        roster = roster_of(shifts, **changes)
    found = swap(roster, *pair)
    assert set(found.broken["rule"]) == {rule}
    assert not found.allowed
    for lang in LANGS:
        texts = [message.text(lang) for message in found.texts]
        assert len(texts) >= 3
        assert all(texts)


def test_a_rule_that_was_broken_before_is_no_reason():
    """The roster lets somebody work without an exam already; the swap of two others does not answer for that."""
    roster = roster_of([*TWO, ("own03", "C")], own03={"exam_score": 50.0})
    assert swap(roster, "own01", "own02").allowed


def test_a_swap_that_leaves_a_gap_is_refused_with_the_hours_and_the_half_hour():
    """Somebody half as fast takes a shift that is just covered: half a head is missing for its eight chat hours."""
    need = need_of(day_heads(h8=1, h12=0))
    roster = roster_of([("own01", "A")], need=need, own03={"standard": 0.5})
    assert roster.coverage["shortfall"].sum() == pytest.approx(0)
    found = swap(roster, "own01", "own03")
    assert found.broken.empty
    assert found.short_more_h == pytest.approx(4 * 0.5)
    assert not found.allowed
    assert "2.0 agent-hours" in found.texts[-1].text("en")
    assert found.effect["shortfall"].sum() * 0.5 == pytest.approx(2.0)


def test_what_cannot_be_swapped_is_a_sentence():
    """An unknown name with the nearest, oneself, and a day on which neither works."""
    roster = roster_of(TWO)
    with pytest.raises(UserError, match="own03"):
        swap(roster, "own01", "own033")
    with pytest.raises(UserError, match="one person"):
        swap(roster, "own01", "OWN01")
    with pytest.raises(UserError, match="nothing to swap"):
        swap(roster, "own03", "own04")
