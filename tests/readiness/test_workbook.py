"""The readiness workbook: what the empty one holds, and how mistakes are named."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner

from simlib.cli import app
from simlib.messages import HOUSE, LANGS
from simlib.readiness import final_price, find_conflicts
from simlib.readiness.workbook import SHEETS, open_readiness, read_readiness, write_readiness_template
from simlib.store import StoreError


@pytest.mark.parametrize("lang", LANGS)
def test_the_empty_workbook_has_an_example_in_each_sheet_and_reads_as_nothing(tmp_path: Path, lang: str) -> None:
    """Eight sheets with header, example, lists and units; read back there is no problem and no row."""
    path = tmp_path / "readiness.xlsx"
    write_readiness_template(path, lang)
    pages = openpyxl.load_workbook(path)
    assert [page.title.split()[-1] for page in pages.worksheets[1:]] == list(SHEETS)
    for page, columns in zip(pages.worksheets[1:], SHEETS.values(), strict=True):
        header = [cell.value for cell in page[1]]
        assert len(header) == len(columns)
        assert page.max_row == 2
        assert all(cell.comment for cell in page[1])
        needed = [at for at, column in enumerate(columns) if column.needed]
        assert all(page[2][at].value is not None for at in needed)
    assert any("CNY" in str(cell.value) and "元" in str(cell.value) for cell in pages.worksheets[1][1])
    words = [cell.value for cell in pages.worksheets[1][2]]
    assert ("店铺满减" if lang == "zh" else "Store reduction") in words
    assert "store_reduction" not in words
    book = read_readiness(path)
    assert book.problems == ()
    assert book.missing == tuple(SHEETS)


def test_the_examples_are_sound_where_they_are_meant(tmp_path: Path) -> None:
    """Without the note that calls them examples, the examples of each sheet are data without a problem."""
    for lang in LANGS:
        path = tmp_path / f"{lang}.xlsx"
        write_readiness_template(path, lang)
        pages = openpyxl.load_workbook(path)
        for page in pages.worksheets[1:]:
            page[2][page.max_column - 1].value = None
        pages.save(path)
        book = read_readiness(path, people={"A001"})
        assert book.problems == ()
        assert book.missing == ()
        rules, goods = book.tables["activities"], book.tables["goods"]
        assert find_conflicts(rules, goods)["kind"].tolist() == ["picture_price"]
        paid = final_price([("SKU-001", 3)], activities=rules, goods=goods, buyer="all", at="2026-10-31 21:00")
        assert paid.pay_cny == Decimal(337)


def write_csv(path: Path, rows: list[list[object]]) -> None:
    """Write a table as people's spreadsheets do."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)


ACTIVITIES = ["活动编号", "活动类型", "适用商品", "适用买家", "开始", "结束", "减多少元（元）", "减百分之几"]


def test_a_folder_with_two_tables_is_read_and_the_rest_is_missing(tmp_path: Path) -> None:
    """CSV tables under Chinese headers; words for choices and scopes; what is not there is named."""
    folder = tmp_path / "readiness"
    folder.mkdir()
    write_csv(folder / "商品.csv", [["商品编号", "日常价（元）", "类目"], ["A", "100", "洗护"], ["B", "￥50", "洗护"]])
    write_csv(
        folder / "activities.csv",
        [
            ACTIVITIES,
            ["C1", "店铺券", "类目：洗护", "会员", "2026-11-01 00:00", "2026年11月11日 24:00", "5", ""],
            ["C2", "coupon", "商品：A、B", "Everybody", "2026-11-01", "2026-11-12", "", "10%"],
        ],
    )
    book = read_readiness(tmp_path)
    assert book.problems == ()
    assert book.missing == tuple(sheet for sheet in SHEETS if sheet not in ("activities", "goods"))
    assert book.tables["activities"]["scope"].tolist() == ["category:洗护", "sku:A;B"]
    assert book.tables["activities"]["end"].tolist() == [dt.datetime(2026, 11, 12)] * 2
    paid = final_price(
        [("A", 1)],
        activities=book.tables["activities"],
        goods=book.tables["goods"],
        buyer="member",
        at=dt.datetime(2026, 11, 5),
    )
    assert paid.pay_cny == Decimal(85)


@pytest.mark.parametrize(
    ("row", "column", "value", "says"),
    [
        (["C", "coupon", "all", "all", "2026-11-01", "2026-11-02", "", "10"], "percent", "10", "10%"),
        (["C", "coupon", "all", "all", "2026-11-01", "2026-11-02", "$5", ""], "amount_off_cny", "$5", ""),
        (["C", "coupons", "all", "all", "2026-11-01", "2026-11-02", "5", ""], "activity_kind", "coupons", "coupon"),
        (["C", "coupon", "all", "vip", "2026-11-01", "2026-11-02", "5", ""], "open_to", "vip", "Members"),
        (["C", "coupon", "all", "all", "11-01", "2026-11-02", "5", ""], "start", "11-01", "2026"),
        (["C", "coupon", "all", "all", "2026-11-01", "2026-11-02", "-5", ""], "amount_off_cny", "-5", "0"),
        (["C", "coupon", "all", "all", "2026-11-01", "2026-11-02", "5", "10%"], "amount_off_cny", "5", ""),
    ],
)
def test_a_wrong_cell_is_named_with_sheet_row_column_and_value(
    tmp_path: Path, row: list[str], column: str, value: str, says: str
) -> None:
    """The problem names the place in both languages and what is allowed; the sound row beside it is read."""
    good = ["G", "coupon", "all", "all", "2026-11-01", "2026-11-02", "1", ""]
    write_csv(tmp_path / "activities.csv", [ACTIVITIES, good, row])
    book = read_readiness(tmp_path)
    found = [problem for problem in book.problems if (problem.column, problem.row) == (column, 3)]
    assert found
    for lang in LANGS:
        text = found[0].text(lang)
        assert "3" in text
        assert value in text
    assert says in found[0].text("en") or found[0].message == "year_and_time_missing"
    assert book.tables["activities"]["id"].tolist()[0] == "G"
    with pytest.raises(StoreError):
        open_readiness(tmp_path)


def test_people_nobody_knows_are_named_once(tmp_path: Path) -> None:
    """An agent id that is not among the store's agents is named at its first row."""
    header = ["quiz", "agent_id", "attempt", "item", "answer"]
    rows = [["Q1", person, 1, item, "A"] for person in ("A1", "小花") for item in (1, 2)]
    write_csv(tmp_path / "exam.csv", [header, *rows])
    book = read_readiness(tmp_path, people={"A1"})
    assert [(p.message, p.row, p.value) for p in book.problems] == [("not_in_sheet", 4, "小花")]
    assert len(book.tables["exam"]) == 4


def test_a_header_that_nobody_knows_and_one_that_is_lacking_are_named(tmp_path: Path) -> None:
    """An unknown column is named with the nearest; without a needed column the sheet is not read."""
    write_csv(tmp_path / "goods.csv", [["sku", "List prise", "类目"], ["A", "5", "x"]])
    book = read_readiness(tmp_path)
    assert [problem.message for problem in book.problems] == ["column_unknown", "column_needed"]
    assert book.problems[0].nearest == "list_price_cny"
    assert "goods" in book.missing


def test_the_command_line_writes_the_chapters_workbook(tmp_path: Path) -> None:
    """``sandtable new --chapter readiness`` writes it once and leaves it as it is afterwards."""
    runner = CliRunner()
    target = str(tmp_path / "readiness")
    assert runner.invoke(app, ["new", target, "--chapter", "readiness"]).exit_code == 0
    assert read_readiness(tmp_path).problems == ()
    assert runner.invoke(app, ["new", target, "--chapter", "readiness"]).exit_code == 2
    assert runner.invoke(app, ["new"]).exit_code == 2


def test_a_phrase_that_rests_on_an_unknown_rule_is_named_once(tmp_path):
    """Each unknown id is a problem with its row; the phrases are read all the same."""
    activities = [{"id": "C1", "name": "券", "kind": "coupon", "scope": "all", "buyers": "all", "amount_cny": 10}]
    activities[0] |= {"start": dt.datetime(2026, 10, 31, 20), "end": dt.datetime(2026, 11, 4)}
    topic = {"topic": "coupon", "zh": "您好"}
    phrases = [{"id": f"A{n}", "rests_on": rests} | topic for n, rests in enumerate(("C1", "X99", "C1; X99"))]
    path = tmp_path / "readiness.xlsx"
    write_readiness_template(path, "zh", rows={"activities": activities, "phrases": phrases})
    book = read_readiness(path)
    found = [(problem.sheet, problem.row, problem.value) for problem in book.problems if problem.sheet == "phrases"]
    assert [each for each in found if each[2] == "X99"] == [("phrases", 3, "X99")]
    assert len(book.tables["phrases"]) == 3


def test_a_copy_before_its_sheet_is_not_read_in_its_place(tmp_path):
    """The order of the tabs is no matter: the sheet of the known name is read, and its copy is named with it."""
    path = tmp_path / "readiness.xlsx"
    write_readiness_template(path, "zh")
    pages = openpyxl.load_workbook(path)
    sheet = next(page for page in pages if page.title.endswith(" goods"))
    copy = pages.copy_worksheet(sheet)
    copy.title = f"{sheet.title} (2)"
    sheet[2][sheet.max_column - 1].value = None  # without the note of an example the row is data
    pages.move_sheet(copy, -pages.index(copy))
    pages.save(path)
    book = read_readiness(path)
    assert len(book.tables["goods"]) == 1
    [problem] = book.problems
    assert (problem.message, problem.values) == ("sheet_twice", {"first": sheet.title, "second": copy.title})


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_what_excel_hides_is_read_and_named(tmp_path, state):
    """A hidden sheet, row or column counts, and notices name them; "sandtable check" shows them."""
    store = tmp_path / "bodycare"
    shutil.copytree(HOUSE / "templates" / "stores" / "bodycare", store)
    path = store / "readiness.xlsx"
    pages = openpyxl.load_workbook(path)
    goods = next(page for page in pages if page.title.endswith(" goods"))
    goods.sheet_state = state
    goods.row_dimensions[2].hidden = goods.column_dimensions["B"].hidden = True
    pages.save(path)
    book = read_readiness(store)
    words = {"hidden": "sheet_hidden", "veryHidden": "sheet_very_hidden"}
    assert [each.message for each in book.notices] == [words[state], "columns_hidden", "rows_hidden"]
    assert {each.sheet for each in book.notices} == {"goods"}
    assert book.notices[1].column == SHEETS["goods"][1].term
    assert len(book.tables["goods"]) == goods.max_row - 1
    assert read_readiness(HOUSE / "templates" / "stores" / "bodycare").notices == ()
    shown = CliRunner().invoke(app, ["check", str(store), "--lang", "en"])
    assert "counts like the others" in shown.output


def test_a_hidden_sheet_with_its_example_alone_is_no_matter(tmp_path):
    """Of the empty workbook nothing is read, whatever is hidden in it."""
    write_readiness_template(tmp_path / "readiness.xlsx", "zh")
    pages = openpyxl.load_workbook(tmp_path / "readiness.xlsx")
    for page in pages.worksheets[1:]:
        page.sheet_state = "hidden"
    pages.save(tmp_path / "readiness.xlsx")
    assert read_readiness(tmp_path).notices == ()
