"""S151, S152: the stage of a store presets chapters, organisation, posts and what newcomers learn."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace

import pytest

from simlib import facts
from simlib.goals.workbook import write_goals_template
from simlib.inputs import NightInputs, find_wave
from simlib.messages import HOUSE, LANGS, glossary, label
from simlib.readiness.result import work_out_readiness
from simlib.readiness.stages import STAGES, lay_modules, lay_syllabus, posts_of
from simlib.readiness.workbook import empty_book
from simlib.staffing.people import organise
from simlib.store import load_store

BODYCARE = HOUSE / "templates" / "stores" / "bodycare"
DAY = dt.date(2026, 10, 31)


def test_each_stage_has_what_the_one_before_has_and_more() -> None:
    """Chapters, subjects and posts only grow, and every lesson that is named is in its course."""
    for earlier, later in itertools.pairwise(STAGES):
        for what in (lambda stage: set(lay_syllabus(stage)["subject"]), lambda stage: set(posts_of(stage))):
            assert what(earlier) < what(later)
        begun = [lay_modules(stage).query("module_state == 'module_now'")["chapter"] for stage in (earlier, later)]
        assert set(begun[0]) < set(begun[1])
    courses = facts.table("courses").to_dict("records")
    lessons = {row["key"]: len(row["lessons"]) for row in courses if isinstance(row.get("lessons"), list)}
    mature = lay_syllabus("mature")
    assert all(row.lesson <= lessons[row.taught_in.removeprefix("course_")] for row in mature.itertuples())
    assert not mature.duplicated(["taught_in", "lesson"]).any()


@pytest.mark.parametrize(
    ("stage", "subjects"),
    [
        ("startup", ["goods", "buying", "rules"]),
        ("growth", ["goods", "buying", "rules", "aftersale", "rotation", "talking"]),
        ("mature", ["goods", "buying", "rules", "aftersale", "rotation", "talking", "culture", "on_the_job"]),
    ],
)
def test_newcomers_learn_what_the_matrix_says(stage: str, subjects: list[str]) -> None:
    """The seed's matrix, subject by subject."""
    assert lay_syllabus(stage)["subject"].drop_duplicates().tolist() == [f"subject_{one}" for one in subjects]


def test_a_store_that_begins_has_one_team() -> None:
    """Presale and after-sale stand in the same squads; everybody is still there once; who may not serve is not."""
    store = load_store(BODYCARE)
    together, apart = organise(store, day=DAY, one_team=True), organise(store, day=DAY)
    assert sorted(together["agent_id"]) == sorted(apart["agent_id"])
    assert together["agent_id"].is_unique
    assert "aftersale" in set(apart["queue"])
    assert "aftersale" not in set(together["queue"])
    assert together["squad"].nunique() <= apart["squad"].nunique()


def test_the_switch_is_one_line_of_the_goals_workbook(tmp_path) -> None:
    """Typed there it reaches the inputs of the night; without it, or with another word, nothing is preset."""
    store = load_store(BODYCARE)
    given = NightInputs(store=store, wave=find_wave(store))
    path = tmp_path / "shop.xlsx"
    assert given.find_stage(str(path)) == ""
    for typed in ("growth", " Growth "):
        rows = {"settings": [{"setting": "stage", "value": typed}]}
        write_goals_template(tmp_path / "shop.goals.xlsx", lang="zh", rows=rows)
        assert given.find_stage(str(path)) == "growth"


@pytest.mark.parametrize("stage", [*STAGES, "", "old"])
def test_the_chapter_shows_the_presets_of_its_stage(stage: str) -> None:
    """Both tables are there for a stage that is known, each key in both languages; the posts follow it."""
    store = load_store(BODYCARE)
    book = empty_book()
    missing = tuple(sheet for sheet in book.missing if sheet != "logistics")
    book = replace(book, stage=stage, missing=missing)
    done = work_out_readiness(store, book=book, promo_day=DAY, today=DAY, peak_heads=5.0)
    assert ({"stage_modules", "syllabus"} <= set(done.tables)) == (stage in STAGES)
    assert done.tables["posts"]["post"].tolist() == [f"item_{post}" for post in posts_of(stage)]
    for table in (done.tables.get("stage_modules"), done.tables.get("syllabus")):
        for column in table.select_dtypes("str") if table is not None else ():
            assert all(label(key, lang) for key in table[column] for lang in LANGS), column
            assert set(table[column]) <= set(glossary())
