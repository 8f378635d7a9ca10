"""The workbook goals.xlsx: what is written is read again, and each mistake names sheet, row, column, value, allowed."""

import datetime as dt
import shutil

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from simlib.cli import app
from simlib.goals import work_out_payouts
from simlib.goals import workbook as module
from simlib.goals.workbook import (
    SHEETS,
    check_goals_workbook,
    find_goals_workbook,
    read_goals_workbook,
    write_goals_template,
)
from simlib.messages import HOUSE, LANGS
from simlib.retrospective.workbook import review_book
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


def rows(sheet, *records):
    """Return a change that fills in a sheet from its second row on."""
    return lambda sheets: [put(sheets[sheet], at, **cells) for at, cells in enumerate(records, start=2)]


def places(problems):
    return [(each.message, each.row, each.column) for each in problems]


def test_a_total_below_a_table_is_nobody(book):
    """Read as a person, it would be paid and would move every mean."""
    people = [{"person": name, "completion": share} for name, share in (("A", 1.2), ("B", 0.9), ("合计", 2.1))]
    found, problems = check_goals_workbook(book(rows("results", *people)))
    assert problems == ()
    assert found.tables["results"]["person"].tolist() == ["A", "B"]
    [notice] = found.notices
    assert (notice.message, notice.sheet, notice.values) == ("total_rows", "results", {"rows": "4", "count": 1})


def test_a_percentage_among_points_is_refused_and_not_read_as_less_than_one(book):
    """95% beside 95 would make somebody's QA score 0.95; full-width digits and the unit of the column are read."""
    scores = [{"person": f"A{at}", "week": 1, "score": typed} for at, typed in enumerate([95, "95%", "９５", "95 分"])]
    found, problems = check_goals_workbook(book(rows("qa", *scores)))
    assert places(problems) == [("percent_unwanted", 3, "pay_score")]
    assert found.tables["qa"]["score"].tolist() == [95, 95, 95]


def test_a_percentage_of_a_figure_of_pay_is_read_in_every_spelling_and_95_is_asked_about(book):
    typed = ["95%", 0.95, "０．９５", 1.2, 95, "#REF!", "300人"]
    people = [{"person": f"A{at}", "completion": each} for at, each in enumerate(typed)]
    found, problems = check_goals_workbook(book(rows("results", *people)))
    wrong = [("share_not_percent", 6), ("excel_error", 7), ("unit_wrong", 8)]
    assert places(problems) == [(message, row, "completion") for message, row in wrong]
    assert found.tables["results"]["completion"].tolist() == [0.95, 0.95, 0.95, 1.2, None, None, None]


def test_a_goal_is_read_in_the_unit_of_its_kpi_by_whatever_name(book):
    """A share typed as 98 is not 9800%, a label is its KPI, a name that nobody knows costs the row."""
    goals = [
        {"kpi": "wangwang_3min", "floor": "95%", "stretch": 98},
        {"kpi": "客服销售额", "queue": "售前", "floor": "5万元", "stretch": 60000},
        {"kpi": "mean_response", "queue": "-", "floor": "30秒", "stretch": "20秒"},
        {"kpi": "smiles", "floor": 1, "stretch": 2},
        {"kpi": "receptions", "queue": "everyone", "floor": 1, "stretch": 2},
    ]
    found, problems = check_goals_workbook(book(rows("goals", *goals)))
    wrong = [("share_not_percent", 2, "stretch"), ("kpi_unknown", 5, "kpi"), ("not_choice", 6, "queue")]
    assert places(problems) == wrong
    read = found.tables["goals"].to_dict("records")
    assert [(row["kpi"], row["floor"], row["stretch"]) for row in read] == [
        ("wangwang_3min", 0.95, None),
        ("cs_sales_cny", 50000, 60000),
        ("mean_response", 30, 20),
    ]
    assert read[1]["queue"] == "presale"


def test_a_setting_is_read_by_what_it_is(book):
    typed = {"first_day": "2026年11月1日", "daily_prize_cny": "200元", "red_packets": "10%", "stage": "mature"}
    found, problems = check_goals_workbook(
        book(rows("settings", *({"setting": name, "value": value} for name, value in typed.items())))
    )
    assert places(problems) == [("percent_unwanted", 4, "value")]
    assert found.tables["settings"]["value"].tolist() == [dt.date(2026, 11, 1), 200, "mature"]


def test_rows_under_merged_cells_are_left_out_as_nobody_knows_whose_they_are(book):
    """One cell for two goals: the second would be read as a goal for everybody."""

    def change(sheets):
        goals = [{"kpi": "receptions", "queue": "presale", "floor": 5}, {"kpi": "cs_sales_cny", "floor": 9}]
        rows("goals", *goals, {"kpi": "mean_response", "floor": 30})(sheets)
        sheets["goals"].merge_cells("B2:B3")

    found, problems = check_goals_workbook(book(change))
    assert [(each.message, each.value, each.loss) for each in problems] == [("merged", "B2:B3", "merged")]
    assert found.tables["goals"]["kpi"].tolist() == ["mean_response"]


def test_rows_are_counted_as_excel_does_below_a_title_and_gaps(book):
    def change(sheets):
        page = sheets["qa"]
        for row, week, score in ((2, 1, 90), (4, 1, 95)):
            put(page, row, person="A", week=week, score=score)
        page.cell(5, 9, "stray")
        page.insert_rows(1, 3)
        page["A1"] = "QA of November"

    _, problems = check_goals_workbook(book(change))
    assert {(each.message, each.row) for each in problems} == {("stands_twice", 7), ("cell_outside", 8)}
    assert next(each for each in problems if each.message == "stands_twice").values == {"first": 5}


def test_exchanged_floor_and_stretch_are_one_question_and_one_slip_is_a_slip(book):
    crossed = [{"kpi": "receptions", "floor": 9, "stretch": 5}, {"kpi": "mean_response", "floor": 20, "stretch": 30}]
    found, [asked] = check_goals_workbook(book(rows("goals", *crossed)))
    assert (asked.message, asked.rows, asked.columns) == ("levels_exchanged", (2, 3), ("floor", "stretch"))
    assert (asked.typed, asked.loss) == (("9", "5"), "row")
    assert found.tables["goals"].empty
    right = {"kpi": "cs_sales_cny", "floor": 5, "stretch": 9}
    found, problems = check_goals_workbook(book(rows("goals", *crossed, right)))
    assert [(each.row, each.loss) for each in problems] == [(2, "row"), (3, "row")]
    assert found.tables["goals"]["kpi"].tolist() == ["cs_sales_cny"]


def test_what_excel_hides_is_read_and_named(book):
    def change(sheets):
        rows("qa", {"person": "A", "week": 1, "score": 90}, {"person": "B", "week": 1, "score": 80})(sheets)
        page = sheets["qa"]
        page.sheet_state = "hidden"
        page.row_dimensions[3].hidden = page.column_dimensions["C"].hidden = True
        sheets["staff"].sheet_state = "hidden"  # nothing is read of it

    path = book(change)
    found = find_goals_workbook(path)
    assert found.problems == ()
    assert found.tables["qa"]["score"].tolist() == [90, 80]
    named = [(each.message, each.sheet, each.row, each.column) for each in found.notices]
    assert named == [
        ("sheet_hidden", "qa", None, None),
        ("rows_hidden", "qa", 3, None),
        ("columns_hidden", "qa", None, "pay_score"),
    ]


def test_the_check_of_a_store_lists_what_is_wrong_in_goals_and_review_too(tmp_path):
    """The page sends to this list; without the two workbooks the store would pass as sound."""
    store = tmp_path / "appliances.xlsx"
    for name in ("appliances.xlsx", "appliances.goals.xlsx"):
        shutil.copy(HOUSE / "templates" / "stores" / name, tmp_path / name)
    sound = CliRunner().invoke(app, ["check", str(store), "--lang", "en"])
    assert sound.exit_code == 0
    pages = load_workbook(tmp_path / "appliances.goals.xlsx")
    page = next(page for page in pages if page.title.endswith(" schemes"))
    put(page, 2, kind="ranks")
    page.row_dimensions[3].hidden = True
    pages.save(tmp_path / "appliances.goals.xlsx")
    night = [{"figure": "conversion", "value": "41"}]
    review_book().write(tmp_path / "appliances.review.xlsx", lang="en", rows={"review_night": night})
    found = CliRunner().invoke(app, ["check", str(store), "--lang", "en"])
    assert found.exit_code == 1
    assert [
        word for word in ('"ranks"', '"41"', "count like the others", "2 mistakes") if word not in found.output
    ] == []
