"""A16: the readiness of a store worked out: every table, one score, red items, and what is missing said."""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import openpyxl
import pandas as pd
import pytest

from simlib import facts
from simlib.messages import LANGS, PLAYBOOK, glossary, label, read_yaml, texts, translate
from simlib.readiness import work_out_readiness
from simlib.readiness.changes import record_change
from simlib.readiness.quiz import make_quiz, mark_answers
from simlib.readiness.result import _count_blocks
from simlib.readiness.workbook import BLOCKS, SHEETS, empty_book, read_readiness, write_readiness_template
from simlib.report.charts import plot_blocks
from simlib.report.columns import describe_column, show_cell
from simlib.report.pages.common import show_result
from simlib.report.pages.readiness import show_readiness
from simlib.store import load_store
from simlib.store.models import Store
from simlib.store.problems import Problem
from tests.readiness.test_changes import CHANGED
from tests.readiness.test_conflicts import clean_sheet
from tests.readiness.test_floor import TASKS, roster, sheet

DAY = dt.date(2026, 10, 31)
STORE = load_store("tests/stores/a1")


def full_book(**changes: pd.DataFrame):
    """Make the book of a store that has filled in every sheet."""
    activities, goods = clean_sheet()
    agents = [agent.agent_id for agent in STORE.agents]
    tables = {
        "activities": sheet("activities", activities),
        "goods": sheet("goods", goods),
        "phrases": sheet("phrases", [{"id": "P1", "topic": "coupon", "zh": "满199减10", "rests_on": "C1"}]),
        "training": sheet(
            "training",
            [{"agent_id": agent, "course": "c", "due_on": DAY, "qa_result": True} for agent in agents[:4]],
        ),
        "rally": sheet("rally", []),
        "exam": sheet("exam", []),
        "site": sheet("site", [{"room": "-", "item": "pc", "quantity": 1}]),
        "logistics": sheet(
            "logistics",
            [
                {"item": "snack", "owner": "Wang", "at": dt.datetime(2026, 10, 31, 23)},
                {"item": "tea", "at": dt.datetime(2026, 10, 31, 15)},
            ],
        ),
        "tasks": TASKS,
    } | changes
    missing = tuple(name for name in SHEETS if tables[name].empty)
    return type(empty_book())(tables=tables, missing=missing)


def work_out(book, **more):
    """Work the chapter out seven days before the promo."""
    given = {"promo_day": DAY, "today": DAY - dt.timedelta(days=7), "peak_heads": 4.0}
    return work_out_readiness(STORE, book=book, **(given | more))


def full_log() -> pd.DataFrame:
    """Return a change log in which every threshold of the clean sheet has come since."""
    activities, goods = (pd.DataFrame(rows) for rows in clean_sheet())
    before, after = activities.assign(threshold_cny=None), activities
    versions = {"before": {"activities": before, "goods": goods}, "after": {"activities": after, "goods": goods}}
    return record_change(None, **versions, changed_by="Li", changed_on=CHANGED)


def full_result():
    """Work out a store that has given everything."""
    activities, goods = clean_sheet()
    frames = pd.DataFrame(activities), pd.DataFrame(goods)
    quiz = make_quiz(activities=frames[0], goods=frames[1], items=10)
    rows = [
        {"quiz": quiz.id, "agent_id": agent.agent_id, "attempt": 1, "item": item.number, "answer": item.correct}
        for agent in STORE.agents[:5]
        for item in quiz.items
    ]
    people = roster().assign(name="x", cohort="own", queue="presale")
    starts = pd.date_range(people["start"].min(), periods=20, freq="30min")
    return work_out(
        full_book(),
        assignments=people,
        contacts=pd.DataFrame({"start": starts, "contacts": range(20)}),
        change_log=full_log(),
        exam=mark_answers(quiz, pd.DataFrame(rows), pass_mark=90),
    )


def test_every_table_and_column_has_a_word() -> None:
    """Each table and each of its columns is a key of the glossary, and so is each key that stands in a cell."""
    result = full_result()
    assert set(result.tables) == {
        "activities",
        "goods",
        "conflicts",
        "phrase_library",
        "phrase_matrix",
        "rule_phrases",
        "buyer_prices",
        "documents",
        "kept_off",
        "dropouts",
        "acceptance",
        "special_training",
        "task_plan",
        "posts",
        "clashes",
        "escalation_ladder",
        "failed_checks",
        "interval_shortage",
        "rule_changes",
        "stale_items",
        "gate",
        "progress",
        "weak_items",
        "weak_topics",
        "countdown",
        "equipment",
        "floor_presence",
        "equipment_shortage",
        "rental",
        "food",
        "quiet_windows",
        "duty_sheet",
        "readiness",
        "blocks",
        "red_items",
    }
    known = set(glossary())
    lacking = {
        (name, column) for name, table in result.tables.items() for column in table.columns if column not in known
    }
    assert lacking == set()
    assert set(result.tables) <= known
    cells = {
        "readiness": ["item", "block"],
        "gate": ["reason", "step", "cohort"],
        "countdown": ["block", "state"],
        "red_items": ["reason", "block"],
        "equipment": ["site_item", "state"],
        "equipment_shortage": ["site_item"],
        "weak_topics": ["topic"],
        "phrase_matrix": ["topic", "queue", "state", "platform"],
        "posts": ["post"],
        "kept_off": ["reason", "step"],
        "task_plan": ["task_role", "state"],
    }
    for name, columns in cells.items():
        for column in columns:
            assert set(result.tables[name][column].dropna()) <= known, (name, column)


def test_the_red_items_have_owner_and_date_and_the_block_that_lacks_them() -> None:
    """Late, too late, undated tasks, a duty without an owner, computers that are missing: each once."""
    red = full_result().tables["red_items"]
    found = set(zip(red["item"], red["reason"], strict=True))
    assert {
        ("rent", "red_late"),
        ("meals", "red_no_owner"),
        ("banner", "red_no_date"),
        ("item_tea", "red_no_owner"),
        ("-", "red_short"),
    } <= found
    dates = [day for day in red["due_on"] if day is not None]
    assert dates == sorted(dates)
    assert red.loc[red["item"] == "rent", "owner"].tolist() == ["office"]


def test_the_figures_are_those_of_the_tables() -> None:
    """Score, gate, conflicts, red items and stale phrases can be counted again from the tables."""
    result = full_result()
    figures, tables = result.figures, result.tables
    items = tables["readiness"]
    assert figures["score"] == pytest.approx(100 * items.groupby("block")["share"].mean().mean())
    assert figures["allowed"] == tables["gate"]["allowed"].sum()
    assert figures["red_items"] == len(tables["red_items"])
    assert figures["conflicts"] == 0
    assert figures["stale_items"] == 1
    assert 0 <= figures["score"] <= 100
    assert figures["blocks_known"] == 4


def test_a_conflict_shows_with_its_money_in_table_figures_findings_and_red_items() -> None:
    """A floor that a coupon breaks: the basket as text, the loss summed, a finding in both languages."""
    activities, goods = clean_sheet()
    goods[4]["floor_price_cny"] = 120
    result = work_out(full_book(goods=sheet("goods", goods)))
    (row,) = result.tables["conflicts"].to_dict("records")
    assert row["conflict"] == "conflict_below_floor"
    assert row["conflict_rows"] == "G04"
    assert row["lowered_by"]
    assert "×" in row["basket"]
    assert row["buyer"] in glossary()
    assert result.figures["at_risk_cny"] == float(row["at_risk_cny"]) > 0
    red = result.tables["red_items"]
    assert red.loc[red["reason"] == "conflict_below_floor", "item"].tolist() == [f"G04; {row['lowered_by']}"]
    risk = f"{row['at_risk_cny']:,.0f}"
    assert any(risk in finding.text("en") for finding in result.findings)
    items = result.tables["readiness"].set_index("item")
    assert items.loc["activities", "of"] - items.loc["activities", "done"] == 1
    assert activities


def with_task(task: str, owner: str) -> pd.DataFrame:
    """Return the countdown of the tests with a task of the catalogue and its owner beside the others."""
    more = sheet("tasks", [{"task": task, "block": "software", "owner": owner, "offset_days": -3}])
    return pd.concat([TASKS, more], ignore_index=True)


def test_red_conflicts_have_the_owner_of_the_rules() -> None:
    """The role that the catalogue names, or the owner whom the store's own task names; nobody who has left."""
    _, goods = clean_sheet()
    goods[4]["floor_price_cny"] = 120

    def owner(**more):
        gone = more.pop("gone", ())
        red = work_out(full_book(goods=sheet("goods", goods), **more), gone=gone).tables["red_items"]
        return red.loc[red["reason"] == "conflict_below_floor", "owner"].tolist()

    assert owner() == ["task_role_operations"]
    tasks = with_task("Collect the activity rules", "Zhao")
    assert owner(tasks=tasks) == ["Zhao"]
    assert owner(tasks=tasks, gone={"Zhao"}) == ["task_role_operations"]


def test_a_figure_that_is_open_has_the_owner_and_the_day_of_the_task_that_asks_for_it() -> None:
    """Those of the store's own task, else the role and the day of the catalogue."""
    store = STORE.model_copy(update={"store": STORE.store.model_copy(update={"month_gmv_cny": None})})

    def asked(**more):
        given = {"promo_day": DAY, "today": DAY - dt.timedelta(days=7), "peak_heads": 4.0}
        red = work_out_readiness(store, book=full_book(**more), **given).tables["red_items"]
        rows = red[red["item"] == "ask_month_gmv_cny"]
        return list(zip(rows["reason"], rows["owner"], rows["due_on"], strict=True))

    assert asked() == [("red_figure_open", "task_role_lead", DAY - dt.timedelta(days=75))]
    tasks = with_task("Ask operations for the four figures", "Zhao")
    assert asked(tasks=tasks) == [("red_figure_open", "Zhao", DAY - dt.timedelta(days=3))]


def test_stale_content_without_an_owner_has_the_role_that_makes_it() -> None:
    """A phrase keeps the owner of its own row; what has none of any kind has the role that makes it, or its owner."""
    book = full_book(tasks=with_task("teach_bot", "Sun"))
    own = [{"id": "P1", "owner": "Li"}, {"id": "P2"}]
    phrases = sheet("phrases", [{"topic": "coupon", "zh": "a", "rests_on": "C1", **row} for row in own])
    kinds = ("phrase", "quiz", "bot", "card")
    content = pd.DataFrame([{"stale_kind": kind, "id": kind, "owner": None, "rests_on": "C1"} for kind in kinds])
    kept = replace(book.kept, content=content.assign(checked_on="2026-01-01"))
    book = replace(book, tables={**book.tables, "phrases": phrases}, kept=kept)
    stale = work_out(book, change_log=full_log()).tables["stale_items"].set_index("content_id")["owner"]
    assert stale.to_dict() == {
        "P1": "Li",
        "P2": "task_role_lead",
        "phrase": "task_role_lead",
        "quiz": "task_role_qa",
        "bot": "Sun",
        "card": "task_role_trainer",
    }


@pytest.mark.parametrize("lang", LANGS)
def test_an_owner_is_a_name_or_a_role_in_words(lang: str) -> None:
    """A role is shown by its word; a person stays as written, though the glossary knows the word."""
    column = describe_column("owner", pd.Series(["qa"]), lang)
    assert show_cell("task_role_qa", column, lang=lang) == label("task_role_qa", lang)
    assert [show_cell(name, column, lang=lang) for name in ("presale", None)] == ["presale", "–"]


@pytest.mark.parametrize("lang", LANGS)
def test_what_is_missing_is_named_and_counts_neither_as_nought_nor_as_a_hundred(lang: str) -> None:
    """Without a readiness workbook the result is that of the core workbook, and each empty sheet is named."""
    bare = work_out(empty_book())
    assert "conflicts" not in bare.tables
    assert "conflicts" not in bare.figures
    shown = bare.findings[-1].text(lang)
    assert all(glossary()[name][lang] in shown for name in SHEETS)
    blocks = bare.tables["blocks"].set_index("block")["mean_done"]
    empty = blocks[bare.tables["blocks"].set_index("block")["items_asked"] == 0]
    assert empty.isna().all()
    assert bare.figures["blocks_known"] == blocks.notna().sum()
    known = bare.tables["readiness"].dropna(subset=["share"]).groupby("block")["share"].mean().mean()
    assert bare.figures["score"] == pytest.approx(100 * known)


@pytest.mark.parametrize("first", [0, 1])
def test_line_6_a_sheet_without_rows_counts_as_one_that_is_not_there(tmp_path: Path, first: int) -> None:
    """Deleted, or there with its header alone: the same tables, figures and findings, and no score of nought for it."""
    write_readiness_template(tmp_path / "readiness.xlsx", "en")
    book = openpyxl.load_workbook(tmp_path / "readiness.xlsx")
    with_header = work_out(read_readiness(tmp_path))
    for name in [name for name in book.sheetnames if name.split()[-1] in list(SHEETS)[first::2]]:
        book.remove(book[name])
    assert len(book.sheetnames) < len(SHEETS)
    book.save(tmp_path / "readiness.xlsx")
    without = work_out(read_readiness(tmp_path))
    assert dict(without.figures) == pytest.approx(dict(with_header.figures), nan_ok=True)
    assert [each.text("en") for each in without.findings] == [each.text("en") for each in with_header.findings]
    assert without.tables.keys() == with_header.tables.keys()
    for name, table in without.tables.items():
        pd.testing.assert_frame_equal(table, with_header.tables[name])


@pytest.mark.parametrize("lang", LANGS)
def test_the_history_has_one_scale_and_a_title_for_each_column(lang: str) -> None:
    """Three runs of the example: the people's 0.41 reads 41.0 as the score does, and no two columns share a title."""
    history = work_out(read_readiness("templates/stores/bodycare")).tables["readiness_history"]
    shown = {key: describe_column(key, history[key], lang) for key in history}
    assert len({column.title for column in shown.values()}) == len(shown)
    first = history.iloc[0]
    score, people = (show_cell(first[key], shown[key], lang=lang) for key in ("readiness_score", "people_done"))
    assert score == people == "41.0"


@pytest.mark.parametrize("lang", LANGS)
def test_a_block_says_that_its_figure_is_a_mean_over_its_items(lang: str) -> None:
    """None of two items whole and 75 % done: the title and the picture say of what it is a mean."""
    rows = [("a", "people", 3, 4), ("b", "people", 3, 4)]
    items = pd.DataFrame(rows, columns=["item", "block", "done", "of"]).assign(share=0.75)
    blocks = _count_blocks(items)
    assert blocks.iloc[0].tolist() == ["people", 0, 2, 0.75]
    title = describe_column("mean_done", blocks["mean_done"], lang).title
    assert {"zh": "平均完成度", "en": "Mean share done"}[lang] in title
    axes = plot_blocks(blocks, lang=lang)
    plt.close(axes.figure)
    assert axes.get_xlabel() == title
    assert label("share", lang) not in {describe_column(key, blocks[key], lang).title for key in blocks}


@pytest.mark.parametrize("lang", LANGS)
def test_amounts_and_shares_of_a_sheet_are_numbers_with_their_unit(lang: str) -> None:
    """Ten percent off reads 10.0 under a title with %, an amount has its currency: both were text."""
    table = work_out(read_readiness("templates/stores/bodycare")).tables["activities"]
    columns = {key: describe_column(key, table[key], lang) for key in ("percent", "amount_off_cny")}
    cells = {key: show_cell(table[key].dropna().iloc[0], column, lang=lang) for key, column in columns.items()}
    assert cells == {"percent": "10.0", "amount_off_cny": "20"}
    assert {"zh": "百分", "en": "(%)"}[lang] in columns["percent"].title
    assert columns["amount_off_cny"].title.endswith({"zh": "元", "en": "(CNY)"}[lang])


@pytest.mark.parametrize("lang", LANGS)
def test_prices_are_shown_to_the_cent(lang: str) -> None:
    """A member price of 75.05 and what a member pays, 65.05, keep their cents; a column of whole yuan stays short."""
    tables = work_out(read_readiness("templates/stores/bodycare")).tables
    for table, key, price in (("goods", "member_price_cny", "75.05"), ("buyer_prices", "pays_member", "65.05")):
        rows = tables[table].set_index("sku")[key]
        assert show_cell(rows["MY-01"], describe_column(key, rows, lang), lang=lang) == price
    whole = tables["goods"]["list_price_cny"]
    assert show_cell(whole.iloc[0], describe_column("list_price_cny", whole, lang), lang=lang) == "79"


def test_the_exam_counts_answers_and_calls_their_share_right() -> None:
    """Five people and several items of a topic: more answers than people, under titles that fit."""
    topics = full_result().tables["weak_topics"]
    titles = [describe_column(key, topics[key], "zh").title for key in topics]
    assert topics["asked"].max() > 5
    assert titles[2:] == ["应答次数", "答对", "正确率（%）"]


def test_where_nobody_has_taken_the_exam_nothing_is_said_to_be_at_the_standard() -> None:
    """Answers that are all blank: no score, and no list of weak topics that would be empty because all is well."""
    activities, goods = clean_sheet()
    quiz = make_quiz(activities=pd.DataFrame(activities), goods=pd.DataFrame(goods), items=4)
    blank = [{"quiz": quiz.id, "agent_id": "A1", "attempt": 1, "item": n, "answer": None} for n in range(1, 5)]
    tables = work_out(full_book(), exam=mark_answers(quiz, pd.DataFrame(blank), pass_mark=90)).tables
    assert "special_training" not in tables
    assert (tables["gate"]["attempts"] == 0).all()


@pytest.mark.parametrize("lang", LANGS)
def test_that_no_topic_is_weak_names_the_share_from_which_it_is_not(lang: str) -> None:
    """The share right stands in the sentence as in the facts: topics below full marks are no contradiction to it."""
    page = show_result({"special_training": full_result().tables["special_training"]}, "special_training", lang=lang)
    assert f"{facts.value('courses', 'weak_share'):.0%}" in page.html


def test_the_lesson_counts_the_blocks_that_there_are() -> None:
    """Both languages say four, as many as the tool has."""
    assert len(BLOCKS) == 4
    assert "四大块" in (PLAYBOOK / "zh" / "02_readiness.md").read_text("utf-8")
    assert "the four blocks" in (PLAYBOOK / "en" / "02_readiness.md").read_text("utf-8")


@pytest.mark.parametrize("lang", LANGS)
def test_no_sentence_shows_a_key(lang: str) -> None:
    """Messages, tasks, cards and findings of the chapter, without what is filled in: no word of the form a_b."""
    written = [forms[lang] for key, forms in texts().items() if key.startswith("readiness.")]
    written += [forms["en_one"] for key, forms in texts().items() if key.startswith("readiness.") and "en_one" in forms]
    for path in sorted([*(PLAYBOOK / "cards").glob("*.yml"), *(PLAYBOOK / "tasks").glob("*.yml")]):
        written += [text for row in read_yaml(path) for text in all_texts(row.get(lang))]
    sentences = [re.sub(r"\{\w+\}", "", text) for text in written]
    for book in (full_book(), empty_book()):
        sentences += [finding.text(lang) for finding in work_out(book).findings]
    assert len(sentences) > 300
    assert [text for text in sentences if re.search(r"[a-z]+_[a-z]+", text)] == []


def all_texts(part: object) -> list[str]:
    """Return every text of a nested part of a card."""
    if isinstance(part, str):
        return [part]
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return [text for each in inner for text in all_texts(each)]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(("absent", "some"), [(1, False), (3, False), (7, True)])
def test_people_are_among_those_named_only_where_others_are_not(absent: int, some: bool, lang: str) -> None:
    """Three who missed the rally are named as the three, seven with five of them as examples."""
    rows = [
        {"agent_id": agent.agent_id, "held_on": DAY - dt.timedelta(days=9), "attended": number >= absent}
        for number, agent in enumerate(STORE.agents)
    ]
    found = [each for each in work_out(full_book(rally=sheet("rally", rows))).findings if "found_rally" in each.key]
    text = found[0].text(lang)
    assert ({"zh": "其中", "en": "among"}[lang] in text) is some
    assert sum(agent.name in text for agent in STORE.agents) == min(absent, 5)


@pytest.mark.parametrize("lang", LANGS)
def test_a_check_that_is_still_to_come_has_no_result(lang: str, short_store: Store) -> None:
    """Everybody is checked in October; the results of September stand with their day, under titles that say so."""
    today = dt.date(2026, 9, 27)
    book = read_readiness("templates/stores/bodycare")
    given = {"promo_day": DAY, "today": today, "peak_heads": 4.0}
    found = work_out_readiness(short_store, book=book, **given).tables["acceptance"]
    assert (found["sample_day"] > today).all()
    assert set(found["last_sampled_on"].dropna()) == {dt.date(2026, 9, 24)}
    title = describe_column("last_sample_passed", found["last_sample_passed"], lang).title
    assert {"zh": "上次", "en": "Last"}[lang] in title


def test_own_phrases_and_their_coverage_are_two_items() -> None:
    """The store's own topics and the cells that the library fills as well no longer share a name in Chinese."""
    items = work_out(full_book()).tables["readiness"]["item"]
    titles = {label(item, "zh") for item in items if item in ("own_topics", "phrases", "phrase_matrix")}
    assert titles == {"自己写了话术的主题", "话术覆盖"}


def test_an_empty_item_changes_no_score() -> None:
    """One rule: an item of which nothing is asked leaves the score as it was."""
    with_tasks = work_out(full_book())
    nothing_asked = with_tasks.tables["readiness"].query("of == 0")
    assert nothing_asked["share"].isna().all()
    rest = with_tasks.tables["readiness"].query("of > 0")
    assert with_tasks.figures["score"] == pytest.approx(100 * rest.groupby("block")["share"].mean().mean())
    assert not math.isnan(with_tasks.figures["score"])


def test_the_template_filled_with_its_own_examples_is_worked_out(tmp_path: Path) -> None:
    """An untouched template changes nothing; the result of a path is that of an empty book."""
    write_readiness_template(tmp_path / "readiness.xlsx", "zh")
    book = read_readiness(tmp_path)
    assert repr(work_out(book).figures) == repr(work_out(empty_book()).figures)


class Plan(SimpleNamespace):
    """A plan of which only this chapter is asked."""


@pytest.mark.parametrize("lang", LANGS)
def test_what_excel_hides_in_the_workbook_is_carried_and_shown(lang: str) -> None:
    """What is read although nobody sees it goes with the result and stands on the page, not in red."""
    hidden = Problem(message="sheet_hidden", sheet="goods")
    result = work_out(replace(empty_book(), notices=(hidden,)))
    assert (result.notices, result.problems) == ((hidden,), ())
    plan = Plan(wave=SimpleNamespace(day=DAY), counted_from=DAY, readiness=replace(result, tables={}))
    html = unescape(show_readiness(plan, lang=lang).html)
    assert hidden.text(lang) in html
    assert translate("store.problems_way_out", lang) not in html
