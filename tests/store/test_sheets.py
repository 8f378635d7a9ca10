"""Sheets that are wrong in one way each: the sentence names sheet, row, column, value and the way out."""

import datetime as dt
import re
import warnings
import zipfile
from pathlib import Path

import pytest
from openpyxl.worksheet.formula import ArrayFormula

from simlib.messages import LANGS, texts
from simlib.store import StoreError, check_store, load_store
from simlib.store.checks import find_odd_years
from simlib.store.problems import count_mistakes, list_problems


def only_problem(path):
    """Give the one problem of a store, after looking that it is said in both languages."""
    problems = check_store(path)[1]
    assert len(problems) == 1, [problem.text("en") for problem in problems]
    assert problems[0].text("zh") != problems[0].text("en")
    with pytest.raises(StoreError):
        load_store(path)
    return problems[0]


def test_the_sound_store_is_read(as_book, as_folder, sound):
    """The store that the other tests spoil is read, and the same from a workbook and from a folder."""
    store = load_store(as_book(sound))
    assert store == load_store(as_folder(sound))
    assert [wave.day for wave in store.waves] == [dt.date(2026, 10, 31), dt.date(2026, 11, 11)]
    assert store.ratio("conversion").likely == 0.45
    assert "shifts" in store.missing


def test_all_problems_at_once(as_book, sound):
    """One reading names every problem of every sheet, in the order in which a person walks through the workbook."""
    sound["store"][2][1] = "ebay"
    sound["waves"][1][4] = "a lot"
    sound["ratios"][1][2] = 45
    sound["agents"][1][2] = "freelance"
    sound["agents"][2][5] = 120
    problems = check_store(as_book(sound))[1]
    places = [(problem.sheet, problem.row, problem.column) for problem in problems]
    assert places == [
        ("store", 3, "platform"),
        ("waves", 2, "day_gmv_cny"),
        ("ratios", 2, "likely"),
        ("agents", 2, "cohort"),
        ("agents", 3, "exam_score"),
    ]


@pytest.mark.parametrize(
    "header", ["cohort", "人员类型", "Cohort", "人员类型\nCohort", " ＣＯＨＯＲＴ ", "人员类型 cohort"]
)
def test_headers_in_any_dress(as_book, sound, header):
    """A column is known by key, by either label, by both, in any width, case and spacing."""
    sound["agents"][0][2] = header
    assert load_store(as_book(sound)).agents[1].cohort == "temp"


@pytest.mark.parametrize("value", ["temp", "临时", "Temporary", "TEMP", "临时 "])
def test_choices_in_any_dress(as_book, sound, value):
    """A value of a list is known by key or either label."""
    sound["agents"][2][2] = value
    assert load_store(as_book(sound)).agents[1].cohort == "temp"


@pytest.mark.parametrize("title", ["agents", "人员", "Agents", "人员 agents", "人员 Agents", "客服名单"])
def test_sheet_names_in_any_dress(as_book, sound, title):
    """A sheet is known by key, by either label, by both, or by another usual name."""
    sound[title] = sound.pop("agents")
    assert len(load_store(as_book(sound)).agents) == 2


def test_a_bracket_is_a_bracket(as_book, sound):
    """Full-width and half-width brackets around a unit are the same."""
    sound["waves"][0][4] = "当天GMV（CNY)"
    assert load_store(as_book(sound)).waves[0].day_gmv_cny == 1_000_000


def test_unknown_sheet(as_book, sound):
    """An unknown sheet is named with the nearest known one."""
    sound["agnets"] = [["x"], [1]]
    problem = only_problem(as_book(sound))
    assert (problem.message, problem.sheet, problem.nearest) == ("sheet_unknown", "agnets", "agents")
    assert "人员" in problem.text("zh")


def test_own_and_explaining_sheets_are_left_alone(as_book, sound):
    """A sheet with _ in front and the page that explains are nobody's business."""
    sound["_scratch"] = [["anything"], [1]]
    sound["说明"] = [["how to fill in"]]
    assert load_store(as_book(sound)).store_id == "shop"


def test_a_sheet_twice(as_book, sound):
    """Two sheets of one meaning are refused, not merged."""
    sound["波次"] = sound["waves"]
    problem = only_problem(as_book(sound))
    assert (problem.message, problem.sheet) == ("sheet_twice", "waves")


def test_unknown_column(as_book, sound):
    """A mistyped header is named with the nearest known one."""
    sound["agents"][0][4] = "capacty"
    problem = only_problem(as_book(sound))
    assert (problem.message, problem.row, problem.value, problem.nearest) == (
        "column_unknown",
        1,
        "capacty",
        "capacity",
    )


def test_column_twice(as_book, sound):
    """A column that is there twice is refused."""
    sound["agents"][0][5] = "并发上限"
    assert only_problem(as_book(sound)).message == "column_twice"


def test_column_needed(as_book, sound):
    """A missing column is named once, not once a row; its rows are not called empty as well."""
    sound["waves"] = [[row[0], *row[2:]] for row in sound["waves"]]
    problem = only_problem(as_book(sound))
    assert (problem.message, problem.column) == ("column_needed", "profile")


def test_no_header(as_book, sound):
    """A sheet without a header names the columns that it may have."""
    sound["waves"] = sound["waves"][1:]
    problem = only_problem(as_book(sound))
    assert problem.message == "no_header"
    assert "day_gmv_cny" in problem.allowed


def test_title_above_the_header(as_book, sound):
    """A title over the table, merged or not, does no harm, and rows keep the numbers that Excel shows."""
    sound["agents"] = [["Our people"], [], *sound["agents"]]
    sound["agents"][3][2] = "freelance"

    def merge(book):
        book["agents"].merge_cells("A1:F1")

    problem = only_problem(as_book(sound, merge))
    assert (problem.message, problem.row) == ("not_choice", 4)


def test_merged_cells(as_book, sound):
    """Merged cells among the rows are refused with their range."""

    def merge(book):
        book["agents"].merge_cells("C2:C3")

    problems = check_store(as_book(sound, merge))[1]
    assert ("merged", "C2:C3") in {(problem.message, problem.value) for problem in problems}


def test_formula_without_result(as_book, sound):
    """A formula that was never calculated is refused by its cell, wherever it stands, and never evaluated."""
    sound["waves"][1][4] = "=SUM(1,2)"
    problem = only_problem(as_book(sound))
    assert (problem.message, problem.row, problem.column) == ("formula_without_result", 2, "day_gmv_cny")


def test_array_formula_without_result(as_book, sound):
    """An array formula is no other case."""

    def put(book):
        book["waves"]["E3"] = ArrayFormula("E3", "=SUM(1,2)")

    assert only_problem(as_book(sound, put)).message == "formula_without_result"


def spoil_part(path, old, new):
    """Replace bytes in the packed sheets of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert any(old in part for part in parts.values())
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part.replace(old, new))


def test_formula_with_result(tmp_path):
    """The result that Excel stored with a formula is read; an empty text is an empty cell."""
    import xlsxwriter

    path = tmp_path / "shop.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for title, rows in {
            "store": [["key", "value"], ["name", "Shop"], ["platform", "tmall"], ["month_aov_cny", 150]],
            "ratios": [["key", "low", "likely", "high"], ["conversion", 0.4, 0.45, 0.5]],
            "agents": [["agent_id", "name", "cohort", "skill_1"], ["A1", "Ann", "own", "presale"]],
            "waves": [["name", "profile", "start", "end", "day_gmv_cny", "note"]],
        }.items():
            sheet = book.add_worksheet(title)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
        sheet.write_row(1, 0, ["Opening", "E", "2026-10-31 20:00", "2026-11-01 23:59"])
        sheet.write_formula(1, 4, "=500000*2", None, 1_000_000)
        sheet.write_formula(1, 5, '=IF(1=1,"","x")', None, "as text")
    spoil_part(path, b"<v>as text</v>", b"<v></v>")
    wave = load_store(path).waves[0]
    assert (wave.day_gmv_cny, wave.note) == (1_000_000, None)


def test_excel_error_value(as_book, sound):
    """An error value of Excel is refused by its cell."""
    sound["waves"][1][4] = "#REF!"
    assert only_problem(as_book(sound)).message == "excel_error"


def test_text_numbers_dates_and_blank_rows(as_book, sound):
    """Figures and times as people write them are read, and empty rows are no rows."""
    sound["waves"] = [
        ["名称", "曲线", "开始", "结束", "当天GMV", "占月GMV"],
        [None, " "],
        ["Opening", "晚间开卖", dt.datetime(2026, 10, 31, 20), "2026年11月3日 23:59", "￥１００万", None],
        [],
        ["Last day", "L", "2026/11/11", "2026-11-11 24:00", None, "10.5%"],
        ["", "", "", "", "", ""],
    ]
    first, last = load_store(as_book(sound)).waves
    assert (first.day_gmv_cny, first.end) == (1_000_000, dt.datetime(2026, 11, 3, 23, 59))
    assert (last.month_share, last.end) == (0.105, dt.datetime(2026, 11, 12))


def test_a_row_with_only_a_note_is_a_remark(as_book, sound):
    """The template's lines that say what to fill in are no data."""
    sound["agents"][0].append("note")
    sound["agents"].insert(1, [None] * 7 + ["one agent a row"])
    assert [agent.agent_id for agent in load_store(as_book(sound)).agents] == ["A1", "A2"]


def test_cell_beside_the_table(as_book, sound):
    """A value with no header above it is not dropped silently."""
    sound["agents"][1] += [None, "stray"]
    problem = only_problem(as_book(sound))
    assert (problem.message, problem.row, problem.value) == ("cell_outside", 2, "stray")


def test_share_that_is_a_percentage(as_book, sound):
    """45 where a share is wanted is refused with the way to write it, in a column of shares and in a ratio."""
    sound["waves"][0].append("month_share")
    sound["waves"][1].append(45)
    problem = only_problem(as_book(sound))
    assert (problem.message, problem.column) == ("share_not_percent", "month_share")
    assert "45%" in problem.text("zh")


def test_ratio_out_of_range(as_book, sound):
    """A conversion of 0 is out of the range that the facts allow, and the range is said."""
    sound["ratios"][1][1:4] = [0, 0.45, 0.5]
    problem = only_problem(as_book(sound))
    assert (problem.message, problem.column, problem.value) == ("ratio_out_of_range", "low", "0")
    assert "0.1–" in problem.text("en")


def test_unknown_ratio_and_rule(as_book, sound):
    """A mistyped ratio or rule is named with the nearest; a label in Chinese is as good as the key."""
    sound["ratios"].append(["询单转化", 0.4, 0.5, 0.6, "store"])
    sound["rules"] = [["key", "value"], ["rest_min_hh", 11]]
    problems = check_store(as_book(sound))[1]
    assert [(problem.message, problem.nearest) for problem in problems] == [
        ("key_unknown", "conversion"),
        ("key_unknown", "rest_min_h"),
    ]
    sound["ratios"][1][0] = "询单转化率"
    del sound["ratios"][3], sound["rules"]
    assert load_store(as_book(sound, name="other.xlsx")).ratio("conversion").high == 0.5


@pytest.mark.parametrize(
    ("row", "message", "column"),
    [
        (["X", "E", "2026-10-20 20:00", "2026-10-20 20:00", 1], "end_after_start", "end"),
        (["X", "E", "2026-10-20 20:00", "2026-10-21 20:00", None], "wave_without_sales", "day_gmv_cny"),
        (["X", "E", "2026-10-20 20:00", "2026-10-21 20:00", -5], "out_of_range", "day_gmv_cny"),
        (["X", "E", "2026-10-20 20:00", "2026-10-21 20:00", 0], "out_of_range", "day_gmv_cny"),
        (["Opening", "E", "2026-10-20 20:00", "2026-10-21 20:00", 1], "stands_twice", "name"),
        (["X", "E", "2026-11-01", "2026-11-02", 1], "waves_overlap", "start"),
        (["X", "Q", "2026-10-20", "2026-10-21", 1], "not_choice", "profile"),
        ([None, "E", "2026-10-20", "2026-10-21", 1], "missing", "name"),
        (["X" * 300, "E", "2026-10-20", "2026-10-21", 1], "too_long", "name"),
    ],
)
def test_a_bad_wave(as_book, sound, row, message, column):
    """Each way in which a wave can be wrong has its own sentence at its own cell."""
    sound["waves"].append(row)
    problem = only_problem(as_book(sound))
    assert (problem.message, problem.column) == (message, column)
    assert problem.row == 4


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["A", "08:00", "17:00", "11:00", "14:00", 60], None),
        (["N", "23:00", "08:00", "03:00", "05:00", 60], None),  # after midnight
        (["N", "20:00", "05:00", "23:30", "01:00", 60], None),  # over it
        (["A", "08:00", "17:00", "17:00", "19:00", 60], "meal_outside_shift"),
        (["A", "08:00", "17:00", "16:30", "18:00", 60], "meal_outside_shift"),  # half of it inside
        (["N", "23:00", "08:00", "20:00", "22:00", 60], "meal_outside_shift"),
        (["A", "08:00", "17:00", None, "14:00", 60], "meal_without_window"),
    ],
)
def test_a_meal_lies_in_its_shift(as_book, sound, row, message):
    """A meal that no roster could place is refused where it is written."""
    sound["shifts"] = [["code", "start", "end", "meal_from", "meal_to", "meal_min"], row]
    if message is None:
        assert load_store(as_book(sound)).shifts[0].code == row[0]
        return
    problem = only_problem(as_book(sound))
    assert (problem.message, problem.sheet, problem.row, problem.column) == (message, "shifts", 2, "meal_from")


def test_shares_of_the_month(as_book, sound):
    """Shares of the month must not exceed it, need it, and must agree with the day's own figure."""
    sound["waves"] = [
        ["name", "profile", "start", "end", "month_share", "day_gmv_cny"],
        ["A", "E", "2026-10-31 20:00", "2026-11-01", 0.7, None],
        ["B", "L", "2026-11-11", "2026-11-12", 0.6, 900_000],
    ]
    messages = {problem.message for problem in check_store(as_book(sound))[1]}
    assert messages == {"month_shares_above_one", "wave_figures_disagree"}
    del sound["store"][3]
    messages = {problem.message for problem in check_store(as_book(sound, name="two.xlsx"))[1]}
    assert messages == {"month_shares_above_one", "share_of_unknown_month"}


def test_names_across_sheets(as_book, sound):
    """Ids that stand twice, seats and people that no sheet knows: each with what is near."""
    sound["agents"][0] += ["seat"]
    sound["agents"][1] += ["S1"]
    sound["agents"][2] += ["S22"]
    sound["agents"].append(["A1", "Cy", "own", "presale", 5, 95, "yes", "S1"])
    sound["site"] = [["seat", "site", "room"], ["S1", "North", "1"], ["S2", "North", "1"]]
    sound["duties"] = [
        ["duty", "kind", "agent_id", "start", "end"],
        ["Stream", "live", "A9", "2026-10-31 20:00", "2026-10-31 21:00"],
    ]
    problems = check_store(as_book(sound))[1]
    found = [(problem.sheet, problem.row, problem.message, problem.nearest) for problem in problems]
    assert found == [
        ("agents", 3, "not_in_sheet", "S2"),
        ("agents", 4, "stands_twice", None),
        ("duties", 2, "not_in_sheet", None),  # A1 and A2 are equally near
    ]


def test_a_spoiled_row_raises_no_false_alarm(as_book, sound):
    """An agent whose row is unsound is still known to the sheets that name them."""
    sound["agents"][1][4] = "five"
    sound["duties"] = [
        ["duty", "kind", "agent_id", "start", "end"],
        ["Stream", "live", "A1", "2026-10-31 20:00", "2026-10-31 21:00"],
    ]
    assert only_problem(as_book(sound)).column == "capacity"


def test_day_profile(as_book, sound):
    """The hours of a day make 100 %, each once."""
    sound["day_profile"] = [["hour", "share"], *([hour, 1 / 24] for hour in range(24))]
    assert len(load_store(as_book(sound)).day_profile) == 24
    sound["day_profile"][5] = [3, 0.2]
    messages = {problem.message for problem in check_store(as_book(sound, name="two.xlsx"))[1]}
    assert messages == {"hour_twice"}  # that they do not add up only follows from it


@pytest.mark.parametrize(
    ("rows", "messages"),
    [
        ([["tmall", 0.7, 0.93, 41000], ["douyin", 0.3, 24, 18000]], set()),
        ([["tmall", 0.7], ["douyin", 0.2]], {"platform_shares_not_one"}),
        ([["tmall", 0.7], ["tmall", 0.3]], {"platform_twice"}),
        ([["tmall", 0.7, 0.93], ["kuaishou", 0.3]], {"figure_without_count"}),
    ],
)
def test_platforms(as_book, sound, rows, messages):
    """The shares make 100 %, each platform stands once, and a figure has its count; else a sentence for each."""
    sound["platforms"] = [
        ["platform", "share", "figure_before", "counted_before"],
        *(row + [None] * (4 - len(row)) for row in rows),
    ]
    found = {problem.message for problem in check_store(as_book(sound))[1] if problem.sheet == "platforms"}
    assert found == messages
    if not messages:
        assert load_store(as_book(sound, name="two.xlsx")).platform_shares == {"tmall": 0.7, "douyin": 0.3}


def history(step, count, contacts=10):
    start = dt.datetime(2026, 9, 1)
    return [["start", "queue", "contacts"], *([start + n * step, "presale", contacts] for n in range(count))]


def test_history_by_half_hour_and_by_day(as_book, sound):
    """Both steps are read; of the daily one it is said where the hours come from."""
    sound["history"] = history(dt.timedelta(minutes=30), 96)
    assert len(load_store(as_book(sound)).history) == 96
    sound["history"] = history(dt.timedelta(days=1), 40)
    notices = check_store(as_book(sound, name="two.xlsx"))[2]
    assert "history_by_day" in {notice.message for notice in notices}


def test_history_with_a_gap_is_fine(as_book, sound):
    """Missing rows are a gap, not an error."""
    sound["history"] = history(dt.timedelta(minutes=30), 96)
    del sound["history"][20:25]
    assert len(load_store(as_book(sound)).history) == 91


@pytest.mark.parametrize(
    ("spoil", "message", "row"),
    [
        (lambda rows: rows[10].__setitem__(0, dt.datetime(2026, 9, 1, 4, 40)), "step_irregular", 11),
        (lambda rows: rows[10].__setitem__(0, rows[9][0]), "time_twice", 11),
        (lambda rows: rows[10].__setitem__(2, 480), "day_total_in_row", 11),
        (lambda rows: rows[10].__setitem__(2, -1), "out_of_range", 11),
    ],
)
def test_bad_history(as_book, sound, spoil, message, row):
    """A time off the grid, a time twice, a day's total among half hours: named by row."""
    sound["history"] = history(dt.timedelta(minutes=30), 48)
    spoil(sound["history"])
    problem = only_problem(as_book(sound))
    assert (problem.message, problem.row) == (message, row)


def test_days_mixed_with_half_hours(as_book, sound):
    """One queue by day and another by half hour is the wrong unit in one of them."""
    sound["history"] = history(dt.timedelta(minutes=30), 96)
    sound["history"] += [[dt.datetime(2026, 9, 1 + day), "aftersale", 500] for day in range(10)]
    assert only_problem(as_book(sound)).message == "steps_differ"


def test_weekly_history(as_book, sound):
    """A step that does not divide a day cannot be used."""
    sound["history"] = history(dt.timedelta(days=7), 10)
    assert only_problem(as_book(sound)).message == "step_unusable"


def test_needed_sheets(as_book, sound):
    """Without a needed sheet there is no store; each missing one is named."""
    del sound["ratios"], sound["agents"]
    problems = check_store(as_book(sound))[1]
    assert [(problem.sheet, problem.message) for problem in problems] == [
        ("ratios", "sheet_needed"),
        ("agents", "sheet_needed"),
    ]


@pytest.mark.parametrize("book", ["appliances.goals.xlsx", "appliances.readiness.xlsx"])
def test_another_workbook_is_one_sentence(book):
    """What belongs beside a store and is given in its place is named once, with what to choose instead."""
    found = check_store(Path("templates/stores") / book)
    assert found.store is None
    assert [problem.message for problem in found.problems] == ["other_book"]
    first = "schemes" if "goals" in book else "activities"
    assert all(word in found.problems[0].text("en") for word in (first, "Waves", "goals.xlsx"))
    assert "店铺工作簿" in found.problems[0].text("zh")


def test_a_store_with_misspelt_sheets_is_still_one(as_book, sound):
    """Where a sheet looks like a needed one, its name is asked about, not the whole workbook."""
    renamed = {f"{sheet}x": sound[sheet] for sheet in list(sound)}
    problems = check_store(as_book(renamed)).problems
    assert {problem.message for problem in problems} >= {"sheet_unknown"}
    assert "other_book" not in {problem.message for problem in problems}


def test_store_items(as_book, sound):
    """The sheet of the store names an unknown item, one that is there twice, and one that is lacking, by its line."""
    sound["store"] = [
        ["项目", "数值"],
        ["platfrom", "tmall"],
        ["名称", "Shop"],
        ["Name", "Other"],
        ["timezone", "Mars"],
    ]
    problems = check_store(as_book(sound))[1]
    found = {(problem.message, problem.row, problem.nearest or problem.column) for problem in problems}
    assert found == {
        ("item_unknown", 2, "platform"),
        ("item_twice", 4, "name"),
        ("time_zone", 5, "timezone"),  # and platform, which platfrom is, is not called missing as well
    }


def test_wide_store_sheet(as_folder, sound):
    """The store's items may also stand side by side, as a table with one row."""
    sound["store"] = [["name", "platform"], ["Shop", "京东"]]
    assert load_store(as_folder(sound)).store.platform == "jd"


def test_notices(as_book, sound):
    """What is no error is said as a notice: a queue nobody serves, people without a gate, an unknown KPI, midnight."""
    sound["goals"] = [["kpi", "queue", "floor"], ["首响", "escalation", 30], ["hapiness", None, 1]]
    sound["agents"][1][5] = None
    sound["waves"][2][3] = "2026-11-12"
    store, problems, notices = check_store(as_book(sound))
    assert not problems
    assert store.goals[0].kpi == "first_response"
    messages = {notice.message for notice in notices}
    assert {"queue_without_agents", "agents_without_gate", "kpi_unknown", "wave_ends_at_midnight"} <= messages
    assert {notice.sheet for notice in notices if notice.message == "sheet_left_empty"} == set(store.missing)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
def test_csv_encodings(as_folder, sound, encoding):
    """A CSV table reads the same in every encoding that Excel writes."""
    sound["agents"][1][1] = "王小燕"
    assert load_store(as_folder(sound, encoding=encoding)).agents[0].name == "王小燕"


def test_csv_line_numbers(as_folder, sound):
    """A problem in a CSV table is named by the line on which the row begins."""
    sound["agents"][0].append("note")
    sound["agents"][1].append("two\nlines")
    sound["agents"][2][2] = "freelance"
    problem = only_problem(as_folder(sound))
    assert (problem.sheet, problem.row) == ("agents", 4)


def test_yaml_tables(as_folder, sound):
    """YAML tables read as CSV ones: 20:00 stays a time, yes stays a yes, a null is an empty cell."""
    folder = as_folder(sound)
    (folder / "shifts.yml").write_text(
        "- {code: D, start: 15:30, end: 24:00, name: null}\n- {code: E, start: 18:00, end: 02:30}\n"
    )
    (folder / "site.yaml").write_text("- {seat: 007, site: North, room: 1, usable: no}\n")
    store = load_store(folder)
    assert [(shift.start, shift.end) for shift in store.shifts] == [
        (dt.time(15, 30), dt.time(0)),
        (dt.time(18), dt.time(2, 30)),
    ]
    assert (store.site[0].seat, store.site[0].usable) == ("007", False)


def test_many_of_a_kind_are_summed_up(as_book, sound):
    """A thousand rows with one fault are all counted, and said in a page that can be read."""
    sound["agents"] += [[f"B{n}", "Cy", "freelance", "presale", 5, 95, "yes"] for n in range(1000)]
    with pytest.raises(StoreError) as caught:
        load_store(as_book(sound))
    assert len(caught.value.problems) == 1000
    lines = caught.value.text("zh").splitlines()
    assert len(lines) == 1
    assert "4–1003" in lines[0]


def test_reading_warns_of_nothing(as_book, sound):
    """Styles and validations that the reader does not keep are no concern of the user."""
    from openpyxl.worksheet.datavalidation import DataValidation

    def validate(book):
        book["agents"].add_data_validation(DataValidation(type="list", formula1='"own,temp"', sqref="C2:C9"))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_store(as_book(sound, validate)).agents


def test_every_sentence_has_its_twin():
    """Each sentence of the package is there in both languages and asks for the same values."""
    from simlib.messages import placeholders

    for key, twins in texts().items():
        if key.startswith("store."):
            assert twins["zh"] or key == "store.sentence_space", key
            assert placeholders(twins["zh"]) == placeholders(twins["en"]), key


@pytest.mark.parametrize("typed", [(20, 40, 170), ("=P", 40, 170)])
def test_percent_typed_without_its_sign_is_one_line(as_book, sound, typed):
    """20, 40, 170 in a row of percent is one mistake: as typed, with the way to write it and the range in percent."""
    sound["ratios"][1][1:4] = [20, 40, 170]

    def percent(book):
        if typed[0] == "=P":
            for cell in book["ratios"][2][1:4]:
                cell.number_format = "0%"

    problems = check_store(as_book(sound, percent))[1]
    for lang, hint in (("en", "write 20% or 0.2"), ("zh", "请写成 20% 或 0.2")):
        (line,) = list_problems(problems, lang).splitlines()
        assert "20, 40, 170" in line.replace("、", ", ")
        assert hint in line
        assert "100%" in line
        assert "2000%" not in line
    assert count_mistakes(problems) == 1


def test_a_share_column_shows_percent_as_typed(as_book, sound):
    """A cell of percent that holds 20 in a column of shares is asked for in the same way."""
    sound["waves"][0].append("month_share")
    sound["waves"][1].append(20)

    def percent(book):
        book["waves"].cell(2, 6).number_format = "0%"

    (problem,) = check_store(as_book(sound, percent))[1]
    assert (problem.message, problem.value, problem.allowed) == ("share_not_percent", "20", ("0–100%",))


def test_an_unknown_person_is_named_with_the_nearest_and_the_next_step(as_book, sound):
    """A name where an id belongs gives the id, and the sentence says what to do in both languages."""
    sound["duties"] = [
        ["duty", "kind", "agent_id", "start", "end"],
        ["Stream", "live", "ann", "2026-10-31 20:00", "2026-10-31 21:00"],
    ]
    problem = only_problem(as_book(sound))
    assert "A1 (Ann)" in problem.text("en")
    assert "or add it there first" in problem.text("en")
    assert "先在那张表里加上" in problem.text("zh")


def test_an_unlike_column_names_what_is_missing(as_book, sound):
    """One header that nobody knows beside one column that is needed is that column; else the free ones are listed."""
    sound["agents"][0][2] = "department"
    problem = only_problem(as_book(sound))
    assert (problem.message, problem.nearest) == ("column_unknown", "cohort")
    sound["agents"][0][2] = "cohort"
    sound["agents"][0][6] = "zzz"
    problem = only_problem(as_book(sound, name="other.xlsx"))
    assert "qa_pass" in problem.allowed
    assert "cohort" not in problem.allowed


def test_a_date_without_year_and_time_asks_for_both(as_book, sound):
    """What lacks the year and the time is asked for both in both languages; with a time it is kept."""
    sound["waves"][1][2] = "10月31日"
    problem = only_problem(as_book(sound))
    assert all("YYYY-10-31 20:00" in problem.text(lang) for lang in ("zh", "en"))
    assert "时间" in problem.text("zh")
    sound["waves"][1][2] = "10-31 21:30"
    assert "YYYY-10-31 21:30" in only_problem(as_book(sound, name="other.xlsx")).text("zh")


def test_people_of_one_name_are_a_notice(as_book, sound):
    """Two people of one name with two ids are no error and are named with both."""
    sound["agents"][2][1] = "Ann"
    _, problems, notices = check_store(as_book(sound))
    (twins,) = (notice for notice in notices if notice.message == "name_twice")
    assert not problems
    assert twins.rows == (2, 3)
    assert "A1, A2" in twins.text("zh")


def test_a_wave_of_another_year_is_asked_about(as_book, sound):
    """2025 among waves of 2026, and a wave that is over on the store's own today, are notices with row and value."""
    sound["store"].append(["today", "2026-10-08"])
    sound["waves"][1][2:4] = ["2025-10-31 20:00", "2025-11-03 23:59"]
    _, problems, notices = check_store(as_book(sound))
    found = {notice.message: notice for notice in notices}
    assert not problems
    assert (found["odd_year"].row, found["odd_year"].value) == (2, "2025-10-31 20:00")
    assert "2026" in found["odd_year"].text("zh")
    assert "2026-10-08" in found["wave_over"].text("en")
    sound["waves"][1][2:4] = ["2026-10-31 20:00", "2026-11-03 23:59"]
    right = {notice.message for notice in check_store(as_book(sound, name="other.xlsx"))[2]}
    assert not right & {"odd_year", "wave_over"}


def test_an_activity_of_another_year_is_asked_about():
    """Rows are compared with the dates of another sheet; 400 days off is no slip of the year."""
    waves = [dt.datetime(2026, 10, 31, 20)]
    rows = [
        ("activities", "start", row, name, start, start + dt.timedelta(days=3))
        for row, name, start in (
            (2, "right", dt.datetime(2026, 10, 30)),
            (3, "slip", dt.datetime(2025, 10, 30)),
            (4, "far", dt.datetime(2024, 3, 1)),
        )
    ]
    assert [problem.row for problem in find_odd_years(rows, beside=waves)] == [3]


def test_the_unit_that_a_row_names_is_obeyed(as_book, sound):
    """Patience in minutes is read as minutes; what this makes too long is refused."""
    sound["ratios"][0].append("unit")
    for row in sound["ratios"][1:]:
        row.append(None)
    sound["ratios"].append(["patience_s", 1, 2, 3, "store", "min"])
    assert load_store(as_book(sound)).ratio("patience_s").likely == 120
    sound["ratios"][-1][1:4] = [60, 120, 300]
    assert load_store(as_book(sound, name="other.xlsx")).ratio("patience_s").likely == 7200
    sound["ratios"][-1][3] = 900
    (problem,) = check_store(as_book(sound, name="third.xlsx"))[1]
    assert (problem.message, problem.row, problem.column) == ("ratio_out_of_range", 4, "high")


def test_a_row_of_totals_is_counted_rightly(as_book, sound):
    """One row adds up, two rows add up."""
    sound["agents"].append(["Total", None, None, None, 10, None, None])
    notice = next(notice for notice in check_store(as_book(sound))[2] if notice.message == "total_rows")
    assert "row 4 adds up" in notice.text("en")


def test_both_languages_give_the_next_step():
    """Where the Chinese sentence asks for something the English one does too, with the same commands and dates."""
    asks = (
        r"(?i)\b(write|rename|choose|correct|keep|delete|add|close|save|copy|download|fill|change|give|put|make|look|"
    )
    asks += r"remove|export|open|complete|convert|mend|format|unmerge|type|paste|lower|use|do not|name|shorten|enter|"
    asks += r"leave|rest|run|begin|lengthen|is put on leave|see)\b"
    for key, twins in texts().items():
        marks = [sorted(set(re.findall(r"--[a-z][a-z-]+|YYYY|\d{4}-\d\d-\d\d", twins[lang]))) for lang in ("zh", "en")]
        assert marks[0] == marks[1] or not key.startswith(("store.", "cli.", "runs.")), key
        if key.startswith("store.") and re.search("请(?!单)", twins["zh"]):
            assert re.search(asks, twins["en"]), key


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["service_level", 0.9, 0.8], "levels_exchanged_higher"),
        (["First response", 20, 30], "levels_exchanged_lower"),
        (["cs_sales_cny", 200_000, 100_000], "levels_exchanged_higher"),
    ],
)
def test_a_goal_whose_floor_is_better_than_its_stretch_is_one_sentence(as_book, sound, row, message):
    """It names the row and both values; a goal the right way round and a figure that is better neither way pass."""
    sound["goals"] = [["kpi", "floor", "stretch"], ["first_response", 30, 20], ["occupancy", 0.9, 0.8], row]
    found = check_store(as_book(sound))
    [problem] = found.problems
    assert (problem.message, problem.row) == (message, 4)
    assert len(found.store.goals) == 2
    for lang in LANGS:
        assert all(f" {value:g}" in problem.text(lang) for value in row[1:])
