"""The workbook that a newcomer meets: issue 15, lines 15 and 16."""

from __future__ import annotations

import datetime as dt
import re

import openpyxl
import pytest

from simlib.messages import HOUSE, LANGS
from simlib.store import check_store, load_store, save_store, write_template
from simlib.store.columns import columns, sheet_title
from simlib.store.models import SHEETS
from simlib.store.workbook import example_rows

STORES = [HOUSE / "templates" / "stores" / "appliances.xlsx", HOUSE / "templates" / "stores" / "bodycare"]


@pytest.fixture(scope="module", params=LANGS)
def template(request, tmp_path_factory):
    """The empty workbook in one language, with that language."""
    path = tmp_path_factory.mktemp("template") / "store.xlsx"
    write_template(path, request.param)
    return openpyxl.load_workbook(path), request.param


def column_of(sheet, key):
    """List the cells under the header of a column."""
    book_header = [str(cell.value) for cell in sheet[1]]
    at = next(at for at, name in enumerate(book_header, start=1) if name.split("\n")[1].casefold() == key)
    return [cell.value for (cell,) in sheet.iter_rows(min_row=2, min_col=at, max_col=at)]


def test_line_15_the_notes_of_the_ratios_are_in_one_language(template):
    """In Chinese a note holds no English sentence, in English it holds no Chinese."""
    book, lang = template
    notes = [note for note in column_of(book[sheet_title("ratios")], "note") if note]
    assert len(notes) > 20
    for note in notes:
        bare = note.replace("playbook/facts/ratios.yml", "").replace("GMV", "")
        found = re.findall(r"[A-Za-z]{3,}" if lang == "zh" else r"[\u4e00-\u9fff]", bare)
        assert not [word for word in found if word not in ("CSV",)], note


def test_line_15_rules_are_named_in_words(template):
    """The list of rules to choose from shows no key, and each name leads back to its rule."""
    book, _ = template
    names = [cell.value for cell in book["_lists"]["B"] if cell.value]
    assert len(names) > 20
    assert not [name for name in names if "_" in name]


def test_line_15_each_ratio_has_its_unit_beside_it(template):
    """The sheet of ratios says in which unit each figure is."""
    book, lang = template
    sheet = book[sheet_title("ratios")]
    units = dict(zip(column_of(sheet, "item"), column_of(sheet, "unit"), strict=True))
    assert len(units) > 20
    assert all(units.values())
    assert {"秒", "元", "%"} <= set(units.values()) if lang == "zh" else {"s", "CNY", "%"} <= set(units.values())


@pytest.mark.parametrize("lang", LANGS)
def test_line_15_the_example_rows_can_be_copied_as_they_are(tmp_path, lang):
    """Each sheet but the store has example rows on one page; put into their sheets they make a sound store."""
    path = tmp_path / "new.xlsx"
    write_template(path, lang)
    book = openpyxl.load_workbook(path)
    page = book["示例 examples"]
    lines = [[cell.value for cell in row] for row in page.iter_rows()]
    for sheet in SHEETS:
        if sheet in ("store", "day_profile"):  # a day has 24 rows
            continue
        title = next(at for at, line in enumerate(lines) if line[0] and str(line[0]).endswith(f"({sheet})"))
        header = [cell for cell in lines[title + 1] if cell]
        target = book[sheet_title(sheet)]
        assert header == [cell.value for cell in target[1] if cell.value]
        target.delete_rows(2, target.max_row)
        for number in range(len(example_rows(sheet, lang))):
            for at, value in enumerate(lines[title + 2 + number][: len(header)], start=1):
                target.cell(2 + number, at, value)
    store = book[sheet_title("store")]
    store["B2"], store["B3"], store["B6"] = "Shop", "tmall", 150
    book.save(path)
    found, problems, _ = check_store(path)
    assert [problem.text("en") for problem in problems] == []
    assert (len(found.agents), len(found.shifts), found.waves[0].profile) == (2, 2, "E")
    assert found.waves[0].start == dt.datetime(2026, 10, 31, 20)


def test_line_15_every_example_row_fills_what_must_be_filled():
    """No example row leaves a column empty that must be filled in."""
    for sheet in SHEETS:
        if sheet != "store":
            for row in example_rows(sheet, "zh"):
                assert {column.key for column in columns(sheet) if column.needed} <= row.keys()


@pytest.mark.parametrize("path", STORES, ids=lambda path: path.name)
def test_line_16_the_example_stores_carry_a_today_before_their_promo(path, tmp_path):
    """Both example stores are looked at 34 days before their opening, and keep it when they are saved."""
    store = load_store(path)
    opening = min(wave.start.date() for wave in store.waves)
    assert (opening - store.store.today).days == 34
    save_store(store, tmp_path / path.name)
    assert load_store(tmp_path / path.name) == store
