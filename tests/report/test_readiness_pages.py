"""A16: pictures and pages of chapter 2: blocks, countdown, seats, the A3 sheet, lists, prices, the quiz."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from matplotlib.axes import Axes

from simlib.messages import LANGS, glossary, label
from simlib.readiness.countdown import lay_catalogue, lay_countdown, make_calendar
from simlib.readiness.floor import lay_seat_plan
from simlib.readiness.quiz import make_quiz, print_quiz
from simlib.report.charts import plot_blocks, plot_gantt, plot_presence, plot_seat_plan, to_svg
from simlib.report.columns import KEY_COLUMNS, describe_column, show_cell
from simlib.report.pages.readiness_pack import print_exam, print_prices
from simlib.report.style import INK, PAPER
from simlib.store import load_store

TODAY, DAY = dt.date(2026, 9, 27), dt.date(2026, 10, 31)
BLOCKS = pd.DataFrame(
    {
        "block": ["people", "software", "hardware", "logistics"],
        "items_done": [3, 2, 0, 5],
        "items_asked": [4, 4, 0, 5],
        "mean_done": [0.75, 0.5, float("nan"), 1.0],
    }
)


def texts_of(ax: Axes) -> str:
    """Return every text that an axis shows."""
    return " ".join(text.get_text() for text in [*ax.texts, *ax.get_yticklabels(), ax.title])


@pytest.mark.parametrize("lang", LANGS)
def test_a_block_that_nobody_filled_in_has_a_word_and_no_bar(lang: str) -> None:
    """Neither nought nor a hundred: the word stands in place of the share."""
    ax = plot_blocks(BLOCKS, lang=lang)
    assert label("not_asked", lang) in texts_of(ax)
    assert "75%" in texts_of(ax)
    assert to_svg(ax).startswith("<svg")


@pytest.mark.parametrize("lang", LANGS)
def test_the_countdown_is_drawn_from_the_catalogue_and_from_the_stores_own_tasks(lang: str) -> None:
    """One bar per task, named in the language of the reader, today as a line."""
    plan = lay_catalogue(promo_day=DAY, today=TODAY)
    ax = plot_gantt(plan, lang=lang, today=TODAY)
    assert len(ax.patches) == len(plan)
    wanted = {"zh": "推算要多少人", "en": "Work out the heads"}[lang]
    assert wanted in texts_of(ax)
    own = lay_countdown(
        pd.DataFrame([{"task": "rent", "block": "hardware", "owner": "Li", "offset_days": -10, "takes_days": 4}]),
        promo_day=DAY,
        today=TODAY,
    ).rename(columns={"task": "task_key"})
    (bar,) = plot_gantt(own, lang=lang, today=TODAY).patches
    assert bar.get_width() == 4


@pytest.mark.parametrize("lang", LANGS)
def test_seats_are_drawn_with_their_people(lang: str) -> None:
    """A box per seat, with seat and name; a machine that failed has a colour of its own."""
    store = load_store("templates/stores/bodycare")
    plan = lay_seat_plan(store)
    assert set(plan["seat"]) == {seat.seat for seat in store.site}
    ax = plot_seat_plan(plan, lang=lang)
    assert len(ax.patches) == plan["seat"].nunique()
    assert store.site[0].seat in texts_of(ax)


def test_a_broken_seat_can_be_read() -> None:
    """Its box is red, so seat and name are written in the colour of the paper."""
    seats = {"site": "1", "room": "301", "seat": ["a", "b"], "name": ["A", "B"], "state": ["seat_taken", "seat_broken"]}
    ax = plot_seat_plan(pd.DataFrame(seats), lang="zh")
    colours = {text.get_text(): text.get_color() for text in ax.texts}
    assert colours["a"] == colours["A"] == INK
    assert colours["b"] == colours["B"] == PAPER


def test_people_are_drawn_against_seats() -> None:
    """A bar per half hour and a line for the seats."""
    starts = pd.date_range("2026-10-31 18:00", periods=4, freq="30min", tz="Asia/Shanghai")
    ax = plot_presence(pd.DataFrame({"start": starts, "room": "A", "present": [3, 5, 8, 2]}), lang="en", seats=6)
    assert [bar.get_height() for bar in ax.patches] == [3, 5, 8, 2]
    assert len(ax.lines) == 1


@pytest.mark.parametrize("lang", LANGS)
def test_a_quiz_and_prices_print_a_page_each(lang: str) -> None:
    """The quiz without its key, one page per good; nothing of it runs."""
    quiz = make_quiz(
        activities=pd.DataFrame(), goods=pd.DataFrame({"sku": ["A"], "list_price_cny": [10]}), items=4, lang=lang
    )
    page = print_exam(quiz.id, print_quiz(quiz), lang=lang)
    assert quiz.id in page
    assert "<script" not in page
    prices = print_prices([("<b>", "A · 2026", {"all": ["10"]}), ("c", "C", {"all": ["20"]})], lang=lang)
    assert prices.count("<article") == 2
    assert "&lt;b&gt;" in prices


def test_keys_in_cells_become_words() -> None:
    """States of tasks, kinds of content, stages and variants are read in the reader's language, tasks by name."""
    cells = {"state": "task_late", "stale_kind": "quiz", "stage": ("opening",), "variant": ("tiger", "step_1")}
    for key, value in cells.items():
        column = describe_column(key, pd.Series([value], dtype=object), "zh")
        assert str(value) != show_cell(value, column, lang="zh"), key
        assert not set(show_cell(value, column, lang="zh")) & set("abcdefg_"), key
    column = describe_column("task_key", pd.Series(["ask_figures"]), "en")
    assert show_cell("ask_figures", column, lang="en") == "Ask operations for the four figures"
    assert all(prefix == "" or prefix.endswith("_") for prefix in KEY_COLUMNS.values())
    assert "task_late" in glossary()


def test_the_calendar_file_has_every_open_task() -> None:
    """One entry per task of the catalogue, folded to the length that the format allows."""
    plan = lay_catalogue(promo_day=DAY, today=TODAY)
    rows = plan.assign(task=plan["task_key"], owner="Li", proof="x" * 90)
    text = make_calendar(rows, name="shop", stamp=dt.datetime(2026, 9, 27), lang="en")
    assert text.count("BEGIN:VEVENT") == len(plan)
    assert max(len(line.encode()) for line in text.split("\r\n")) <= 75
