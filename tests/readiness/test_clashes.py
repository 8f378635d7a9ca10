"""Two things at one time are found outside the roster; who missed the rally is named."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pandas as pd
import pytest

from simlib.messages import LANGS, glossary
from simlib.readiness.clashes import find_clashes, follow_rally
from simlib.readiness.result import work_out_readiness
from simlib.readiness.workbook import empty_book, read_readiness, write_readiness_template
from simlib.store import load_store
from simlib.store.models import DateSpan, Duty
from tests.readiness.test_floor import DAY, roster, sheet

STORE = load_store("tests/stores/a1")
ONE, TWO = STORE.agents[0], STORE.agents[1]
NOTHING = {"logistics": sheet("logistics", []), "training": sheet("training", [])}


def at(clock: str, days: int = 0) -> dt.datetime:
    """Return a time of the promo day, or of a day counted from it."""
    return dt.datetime.combine(DAY + dt.timedelta(days=days), dt.time.fromisoformat(clock))


def job(start: str, until: str | None = None, owner: str = ONE.agent_id, item: str = "activity") -> dict:
    """Make a row of the sheet logistics."""
    return {"item": item, "at": at(start), "until": until and at(until), "owner": owner, "name": item}


def clashes(*jobs: dict, training: tuple[dict, ...] = (), store=STORE, assignments=None) -> list[tuple[str, str]]:
    """Return the kinds of the pairs that are found."""
    sheets = {"logistics": sheet("logistics", list(jobs)), "training": sheet("training", list(training))}
    table, problems = find_clashes(store, assignments=assignments, **sheets)
    assert len(problems) == (table["second_kind"] != "clash_chat").sum()
    return sorted(tuple(sorted(pair)) for pair in zip(table["first_kind"], table["second_kind"], strict=True))


def on_air(start: str, end: str):
    """Return the store with a live stream of its first agent."""
    duty = Duty(duty="stream", kind="live", agent_id=ONE.agent_id, start=at(start), end=at(end))
    return STORE.model_copy(update={"duties": (duty,)})


@pytest.mark.parametrize(
    ("jobs", "found"),
    [
        ([job("16:00", "17:00"), job("16:30", "18:00")], 1),
        ([job("16:00", "17:00"), job("17:00", "18:00")], 0),
        ([job("16:00", "17:00"), job("16:30", "18:00", TWO.agent_id)], 0),
        ([job("16:00", "17:00", "Office"), job("16:30", "16:45", "Office")], 1),
        ([job("16:00", "17:00"), job("16:30")], 1),
        ([job("16:30"), job("16:30")], 0),
        ([job("19:00", item="post_floor"), job("19:00", item="post_data")], 0),
        ([job("19:00", item="post_floor"), job("21:00")], 0),
        ([job("19:00", item="post_floor"), job("21:00", "22:00")], 1),
        ([job("19:00", "20:30", item="post_floor"), job("21:00", "22:00")], 0),
    ],
)
def test_jobs_and_posts_clash_only_where_both_take_the_person(jobs: list[dict], found: int) -> None:
    """Touching times, other people, several posts and short jobs on a post are no clash."""
    assert len(clashes(*jobs)) == found


@pytest.mark.parametrize(("start", "found"), [("18:59", 0), ("19:00", 1), ("19:30", 1), ("21:00", 0)])
def test_a_short_job_falls_into_a_live_stream_from_its_first_minute_until_before_its_end(start: str, found: int):
    """The stream runs from 19:00 to 21:00."""
    assert len(clashes(job(start), store=on_air("19:00", "21:00"))) == found


def test_a_session_clashes_with_a_stream_leave_and_another_session_and_not_once_it_is_done() -> None:
    """Two sessions of two hours at one time, on air, on leave; a session that was held is past."""
    session = {"agent_id": ONE.agent_id, "course": "c", "session_at": at("19:30"), "hours_h": 2.0}
    assert clashes(training=(session,), store=on_air("21:00", "22:00")) == [("clash_duty", "clash_session")]
    assert clashes(training=(session,), store=on_air("21:30", "22:00")) == []
    assert clashes(training=(session, session)) == [("clash_session", "clash_session")]
    assert clashes(training=(session | {"done_on": DAY}, session)) == []
    away = ONE.model_copy(update={"leave": (DateSpan(first=DAY, last=DAY),)})
    store = STORE.model_copy(update={"agents": (away, *STORE.agents[1:])})
    assert clashes(training=(session,), store=store) == [("clash_leave", "clash_session")]


def test_who_has_a_post_cannot_be_on_chat_and_is_known_by_the_name_too() -> None:
    """The roster has the first agent on chat from 15:00 to 23:30 with a break; it is one clash, for both spellings."""
    people = roster().replace({"agent_id": {"A": ONE.agent_id}})
    for owner in (ONE.agent_id, ONE.name):
        sheets = NOTHING | {"logistics": sheet("logistics", [job("17:00", "23:00", owner, "post_qa")])}
        table, problems = find_clashes(STORE, assignments=people, **sheets)
        assert table[["person", "first_kind", "second_kind"]].to_numpy().tolist() == [
            [ONE.agent_id, "clash_post", "clash_chat"]
        ]
        assert (table["start"][0], table["end"][0]) == (pd.Timestamp(at("17:00")), pd.Timestamp(at("23:00")))
        assert problems == ()  # the roster came later, and the sheet is right


def test_a_clash_shows_as_problem_red_item_and_finding_and_the_table_bears_terms() -> None:
    """One clash in the sheets is in all of them, in both languages."""
    book = empty_book()
    tables = {**book.tables, "logistics": sheet("logistics", [job("16:00", "17:00"), job("16:30", "18:00")])}
    book = replace(book, tables=tables, missing=tuple(name for name in book.missing if name != "logistics"))
    done = work_out_readiness(STORE, book=book, promo_day=DAY, today=DAY, peak_heads=5.0)
    assert set(done.tables["clashes"].columns) | set(done.tables["clashes"]["first_kind"]) <= set(glossary())
    red = done.tables["red_items"]
    assert red.loc[red["reason"] == "red_clash", "owner"].tolist() == [ONE.name]
    for lang in LANGS:
        (text,) = [problem.text(lang) for problem in done.problems if problem.message == "two_at_once"]
        assert all(word in text for word in ("2", ONE.agent_id, "16:30", "17:00"))
        assert any(finding.key == "readiness.found_clashes" for finding in done.findings)


def test_the_rally_names_who_missed_it_until_it_is_repeated() -> None:
    """Absent first; a second row that was attended closes it; a day ahead is not judged; a blank is not recorded."""
    ids = [agent.agent_id for agent in STORE.agents[:4]]
    rows = [
        {"agent_id": ids[0], "held_on": DAY, "attended": False},
        {"agent_id": ids[1], "held_on": DAY, "attended": False},
        {"agent_id": ids[1], "held_on": DAY + dt.timedelta(days=1), "attended": True},
        {"agent_id": ids[2], "held_on": DAY + dt.timedelta(days=5)},
    ]
    table = follow_rally(STORE, sheet("rally", rows), today=DAY + dt.timedelta(days=2))
    states = dict(zip(table["agent_id"], table["rally_state"], strict=True))
    assert [states[person] for person in ids] == ["rally_absent", "rally_there", "rally_ahead", "rally_unrecorded"]
    assert len(table) == len(STORE.agents)
    assert table["agent_id"].iloc[0] == ids[0]
    assert set(table["rally_state"]) <= set(glossary())


def test_the_rally_is_read_from_its_sheet_and_counts_towards_the_people(tmp_path) -> None:
    """Two were there and one was not; somebody nobody knows is named with sheet and row."""
    path = tmp_path / "readiness.xlsx"
    there = [{"agent_id": agent.agent_id, "held_on": DAY, "attended": agent is not TWO} for agent in STORE.agents]
    write_readiness_template(path, "zh", rows={"rally": [*there, {"agent_id": "nobody", "held_on": DAY}]})
    book = read_readiness(path, people={agent.agent_id for agent in STORE.agents})
    (problem,) = book.problems
    assert (problem.sheet, problem.row, problem.value) == ("rally", len(there) + 2, "nobody")
    done = work_out_readiness(STORE, book=book, promo_day=DAY, today=DAY, peak_heads=5.0)
    item = done.tables["readiness"].set_index("item").loc["rally"]
    assert (item["done"], item["of"]) == (len(there) - 1, len(there))
    (finding,) = [each for each in done.findings if each.key == "readiness.found_rally_all"]
    assert TWO.name in finding.text("en")
    assert TWO.name in finding.text("zh")
