"""The workbook goals.xlsx: what is written is read again, and each mistake names sheet, row, column, value, allowed."""

import datetime as dt

import pytest
from openpyxl import load_workbook

from simlib.goals import work_out_payouts
from simlib.goals import workbook as module
from simlib.goals.workbook import (
    SHEETS,
    check_goals_workbook,
    find_goals_workbook,
    read_goals_workbook,
    write_goals_template,
)
from simlib.messages import LANGS
from simlib.store.problems import StoreError


@pytest.fixture
def book(tmp_path):
    """Write the template, change it with a function, and return its path."""

    def make(change=lambda sheets: None):
        path = tmp_path / "goals.xlsx"
        write_goals_template(path, lang="en")
        opened = load_workbook(path)
        change({name.split()[-1]: opened[name] for name in opened.sheetnames})
        opened.save(path)
        return path

    return make


def put(page, row, **cells):
    heads = {cell.value.split("\n")[-1]: cell.column for cell in page[1] if cell.value}
    for name, value in cells.items():
        page.cell(row, heads[name], value)


@pytest.mark.parametrize("lang", LANGS)
def test_the_template_reads_as_it_was_written(tmp_path, lang):
    path = tmp_path / "new" / "goals.xlsx"
    write_goals_template(path, lang=lang)
    tables = read_goals_workbook(path).tables
    assert set(tables) == set(SHEETS) >= {"goals", "schemes", "prizes", "scores", "evidence", "qa", "grades"}
    assert len(tables["schemes"]) == 12
    assert tables["scores"].groupby("sheet")["weight"].sum().round(9).to_dict() == {"aftersale": 1.0, "presale": 1.0}
    assert tables["schemes"]["source_row"].tolist() == list(range(2, 14))
    again = tmp_path / "again.xlsx"
    write_goals_template(again, lang=lang)
    assert again.read_bytes() == path.read_bytes()


def test_rewards_without_a_date_are_refused_with_their_row_and_dated_ones_are_paid(book):
    def fill(sheets):
        results = sheets["results"]
        put(results, 2, person="A", completion=1.2)
        put(results, 3, person="B", completion=1.0)
        put(sheets["schemes"], 13, announced_on=dt.date(2026, 7, 28), pay_on=dt.date(2026, 9, 10))

    tables = read_goals_workbook(book(fill)).tables
    frame = work_out_payouts(tables["schemes"], tables["results"], lang="en")
    assert frame["amount_cny"].astype(float).tolist() == [200, 0]
    assert frame["rows"][0] == "completion=1.2 [goals.xlsx:2]"
    refused = {one["scheme"]: one["en"] for one in frame.attrs["refused"]}
    assert "rule 3 (sheet Schemes, row 7)" in refused["typing"]
    assert "announced_on is needed" in refused["typing"]


def test_a_column_of_the_store_s_own_is_a_figure(book):
    def fill(sheets):
        sheets["results"].cell(1, 30, "满意单")
        sheets["results"].cell(2, 30, 7)
        put(sheets["results"], 2, person="A")
        put(
            sheets["schemes"],
            14,
            scheme="own",
            rule=1,
            kind="each",
            where="满意单 >= 7",
            amount_cny=5,
            announced_on=dt.date(2026, 7, 28),
            pay_on=dt.date(2026, 9, 10),
        )

    tables = read_goals_workbook(book(fill)).tables
    frame = work_out_payouts(tables["schemes"], tables["results"])
    assert frame.loc[frame["scheme"] == "own", "amount_cny"].astype(float).tolist() == [5]


MISTAKES = {
    "kind": (lambda s: put(s["schemes"], 2, kind="ranks"), ["schemes", "row 2", "ranks", "each"]),
    "date": (lambda s: put(s["schemes"], 2, pay_on="soon"), ["schemes", "row 2", "pay_on", "soon"]),
    "number": (lambda s: put(s["schemes"], 2, rule="first"), ["schemes", "row 2", "first"]),
    "rule twice": (lambda s: put(s["schemes"], 3, rule=1), ["schemes", "row 3", "exam, 1", "row 2"]),
    "no person": (lambda s: put(s["results"], 2, completion=1), ["results", "row 2", "person"]),
    "weights": (lambda s: put(s["scores"], 2, weight=0.25), ["scores", "rows 2", "presale", "add up to 1.1"]),
    "bands": (lambda s: put(s["scores"], 2, bands="0.5:60; 0.4:80"), ["scores", "rows 2", "presale", "bands cross"]),
    "two cohorts": (
        lambda s: [put(s["results"], row, person="A", cohort=cohort) for row, cohort in ((2, "own"), (3, "student"))],
        ["results", "row 3", "row 2"],
    ),
    "grade": (lambda s: put(s["grades"], 2, person="A", grade="P7", since=dt.date(2026, 1, 1)), ["P7", "P1", "P6"]),
    "column": (lambda s: s["qa"].cell(1, 9, "stars"), ["qa", "stars", "week"]),
    "column gone": (lambda s: s["qa"].delete_cols(1), ["qa", "person", "this column is missing"]),
    "column twice": (lambda s: s["qa"].cell(1, 9, "person"), ["qa", "person", "twice"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_names_its_place_and_what_is_allowed(book, name):
    change, words = MISTAKES[name]
    path = book(change)
    with pytest.raises(StoreError) as error:
        read_goals_workbook(path)
    text = error.value.text("en")
    assert [word for word in words if word.casefold() not in text.casefold()] == [], text
    assert error.value.text("zh") != text


def test_what_is_right_is_read_beside_a_mistake(book):
    workbook, problems = check_goals_workbook(book(lambda s: put(s["schemes"], 2, kind="ranks")))
    assert len(problems) == 1
    assert len(workbook.tables["schemes"]) == 11


def test_an_unknown_sheet_is_named_and_a_private_one_is_not_read(book):
    def more(sheets):
        owner = next(iter(sheets.values())).parent
        owner.create_sheet("_mine").append(["what"])
        owner.create_sheet("bonus").append(["what"])

    _, problems = check_goals_workbook(book(more))
    assert [problem.sheet for problem in problems] == ["bonus"]


def test_no_file_is_an_error_without_a_traceback(tmp_path):
    with pytest.raises(StoreError, match="there is no such file"):
        read_goals_workbook(tmp_path / "none.xlsx")


def test_a_plan_reads_the_workbook_once_and_again_after_a_change(tmp_path, monkeypatch):
    """Asked three times it is read once; what a caller does to a table stays his; a new file is read anew."""
    reads = []
    check = module.check_goals_workbook
    monkeypatch.setattr(module, "check_goals_workbook", lambda path: reads.append(path) or check(path))
    for stage in ("growth", "mature"):
        write_goals_template(
            tmp_path / "goals.xlsx", lang="zh", rows={"settings": [{"setting": "stage", "value": stage}]}
        )
        for _ in range(3):
            settings = find_goals_workbook(tmp_path).tables["settings"]
            assert settings["value"].tolist() == [stage]
            settings["value"] = "old"
    assert len(reads) == 2
