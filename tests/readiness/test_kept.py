"""A10, S024: what is kept beside the store: versions, changes, stale content of four kinds, quizzes, history."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pandas as pd

from simlib.readiness import work_out_readiness
from simlib.readiness.changes import find_liable
from simlib.readiness.kept import Kept, note_changes, note_content, note_quiz, note_score, open_kept, save_kept
from simlib.readiness.quiz import make_quiz, mark_exam
from simlib.readiness.workbook import read_readiness, write_answer_sheet
from tests.readiness.test_conflicts import clean_sheet
from tests.readiness.test_floor import sheet
from tests.readiness.test_result import DAY, STORE, full_book
from tests.readiness.test_training import answers_of

AT = dt.datetime(2026, 10, 20, 21, 40)


def rules(**changes: object) -> dict[str, pd.DataFrame]:
    """Make the two frames of the clean sheet, the first coupon changed."""
    activities, goods = (pd.DataFrame(part, dtype=object) for part in clean_sheet())
    first = activities.index[activities["id"] == "C1"]
    for column, value in changes.items():
        activities.loc[first, column] = value
    return {"activities": activities, "goods": goods}


def handed_out(when: dt.datetime) -> pd.DataFrame:
    """Note one of each kind that rests on the first coupon, and one that does not."""
    rows = [(kind, f"{kind}-1", "Li", "C1", when) for kind in ("phrase", "quiz", "bot", "card")]
    rows.append(("card", "card-2", "Li", "S9", when))
    return pd.DataFrame(rows, columns=["stale_kind", "id", "owner", "rests_on", "checked_on"], dtype=object)


def test_the_first_rules_are_no_change_and_the_same_rules_are_none() -> None:
    """A log begins empty, and a second look at the same sheet adds nothing."""
    first = note_changes(Kept(), rules(), changed_by="Li", at=AT)
    again = note_changes(first, rules(), changed_by="Li", at=AT)
    assert first.change_log.empty
    assert again.change_log.empty


def test_a_threshold_changed_at_21_40_makes_four_kinds_stale_and_leaves_a_trail() -> None:
    """The coupon's threshold: phrase, quiz item, bot script and card are stale with their owner; who is liable when."""
    kept = note_changes(Kept(), rules(), changed_by="Li", at=AT - dt.timedelta(days=2))
    kept = note_content(kept, handed_out(AT - dt.timedelta(days=1)))
    kept = note_changes(kept, rules(threshold_cny=777), changed_by="Wang", at=AT, informed=("Zhou",))
    log = kept.change_log
    assert log[["changed_row", "changed_column", "after", "informed"]].to_numpy().tolist() == [
        ["C1", "threshold_cny", "777", "Zhou"]
    ]
    assert find_liable(log, row="C1", at=AT)["liable"].tolist() == ["liable_operations"]
    accepted = note_changes(
        kept, rules(threshold_cny=777), changed_by="", at=AT + dt.timedelta(minutes=9), accepted_by="Chen"
    )
    later = AT + dt.timedelta(hours=1)
    assert find_liable(accepted.change_log, row="C1", at=later)["liable"].tolist() == ["liable_service"]

    now = {"activities": sheet("activities", rules(threshold_cny=777)["activities"].to_dict("records"))}
    book = replace(full_book(**now), kept=accepted)
    given = {"promo_day": DAY, "today": DAY - dt.timedelta(days=7), "peak_heads": 4.0}
    stale = work_out_readiness(STORE, book=book, **given).tables["stale_items"]
    assert set(stale["stale_kind"]) == {"phrase", "quiz", "bot", "card"}
    assert "card-2" not in set(stale["content_id"])
    fixed = note_content(accepted, handed_out(later))
    after = work_out_readiness(STORE, book=replace(book, kept=fixed), **given).tables["stale_items"]
    assert set(after["content_id"]) == {"P1"}  # the store's own phrase that nobody has checked


def test_a_change_that_no_review_has_noted_shows_at_once_and_is_kept_nowhere() -> None:
    """Rules that differ from those last seen make what rests on them stale, as of today and by nobody's name."""
    kept = note_changes(Kept(), rules(), changed_by="Li", at=AT)
    kept = note_content(kept, handed_out(AT))
    given = {"promo_day": DAY, "today": AT.date(), "peak_heads": 4.0}
    checked = sheet("phrases", [{"id": "P1", "topic": "coupon", "zh": "a", "rests_on": "C1", "checked_on": AT.date()}])
    as_seen = replace(full_book(phrases=checked), kept=kept)
    tables = work_out_readiness(STORE, book=as_seen, **given).tables
    assert {"rule_changes", "stale_items"} & tables.keys() == set()
    now = {"activities": sheet("activities", rules(threshold_cny=777)["activities"].to_dict("records"))}
    tables = work_out_readiness(STORE, book=replace(full_book(phrases=checked, **now), kept=kept), **given).tables
    (change,) = tables["rule_changes"].to_dict("records")
    assert (change["changed_row"], change["after"], change["changed_by"]) == ("C1", "777", None)
    assert change["liable"] == "liable_operations"
    assert change["changed_on"] == AT + dt.timedelta(seconds=1)
    assert set(tables["stale_items"]["content_id"]) == {"P1", "phrase-1", "quiz-1", "bot-1", "card-1"}
    coupon = tables["rule_phrases"].set_index("activity_id").loc["C1"]
    assert (coupon["own_phrases"], coupon["current_phrases"]) == (1, 0)
    assert kept.change_log.empty


def test_what_is_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    """Written and read: log, history, content, quiz and rules; formulas stay text."""
    store = tmp_path / "shop.xlsx"
    quiz = make_quiz(**rules(), items=6)
    kept = note_changes(Kept(), rules(), changed_by="=cmd", at=AT)
    kept = note_changes(kept, rules(threshold_cny=500), changed_by="=cmd|' /C calc'", at=AT)
    kept = note_quiz(note_content(kept, handed_out(AT)), quiz)
    kept = note_score(kept, day=DAY, figures={"score": 61.5, "red_items": 3.0})
    kept = note_score(kept, day=DAY, figures={"score": 70.0})
    kept = note_score(kept, day=DAY - dt.timedelta(days=7), figures={"score": 50.0})
    folder = save_kept(store, kept)
    assert folder.name == "shop.readiness"
    assert b"'=cmd" in (folder / "rule_changes.csv").read_bytes()
    back = open_kept(store)
    assert back.change_log["changed_by"].tolist() == kept.change_log["changed_by"].tolist()
    assert back.history["score"].tolist() == [50.0, 70.0]
    assert back.quizzes == (quiz,)
    assert back.content["id"].tolist() == kept.content["id"].tolist()
    assert note_changes(back, rules(threshold_cny=500), changed_by="x", at=AT).change_log.shape == kept.change_log.shape


def test_a_store_without_anything_kept_is_empty(tmp_path: Path) -> None:
    """No folder, no history."""
    assert open_kept(tmp_path / "none.xlsx").history.empty


def test_answers_are_marked_against_the_quiz_that_was_handed_out() -> None:
    """Answers to a quiz nobody handed out are named; a resit with another quiz counts as the second attempt."""
    one, two = make_quiz(**rules(), items=10), make_quiz(**rules(), items=10, seed=8)
    exam = pd.DataFrame([*answers_of(one, "A1", wrong=(1, 2, 3)), *answers_of(two, "A1", attempt=2)])
    strange = exam.head(1).assign(quiz="QXXXXX", agent_id="A2")
    marked = mark_exam(pd.concat([exam, strange], ignore_index=True), (one, two), pass_mark=90)
    assert marked is not None
    assert marked.results[["agent_id", "attempt", "score"]].to_numpy().tolist() == [["A1", 1, 70.0], ["A1", 2, 100.0]]
    assert [problem.message for problem in marked.problems] == ["other_quiz"]
    assert mark_exam(exam, (), pass_mark=90) is None


def test_the_answer_sheet_is_read_as_the_sheet_exam(tmp_path: Path) -> None:
    """One row per person and question, filled in by hand, read back by the reader of the workbook."""
    quiz = make_quiz(**rules(), items=5)
    path = write_answer_sheet(tmp_path / "readiness.xlsx", quiz, people=["A1", "A2"], lang="zh")
    exam = read_readiness(path).tables["exam"]
    assert len(exam) == 10
    assert set(exam["quiz"]) == {quiz.id}
    assert exam["answer"].isna().all()
