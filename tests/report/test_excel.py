"""The workbook: text stays text, times keep their clock, the same tables give the same bytes."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from simlib.report.excel import write_roster, write_workbook
from simlib.report.html import Card
from simlib.roster import from_matrix, to_sheets
from simlib.store.sources import read_matrix

ZONE = "Asia/Shanghai"
ATTACKS = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    '=HYPERLINK("http://x")',
    "\t=1",
    "http://x.example/",
]


def read(path: Path) -> openpyxl.Workbook:
    """Open a workbook as Excel would, formulas as formulas."""
    return openpyxl.load_workbook(path)


def column(sheet: object, title: str) -> list:
    """Take the cells under a title."""
    place = [cell.value for cell in sheet[1]].index(title)
    return [row[place].value for row in sheet.iter_rows(min_row=2)]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_table_is_a_sheet_in_the_readers_language(
    lang: str, tmp_path: Path, cascade: pd.DataFrame, coverage: pd.DataFrame
) -> None:
    """Sheets and titles are in one language, with frozen titles and filters."""
    path = tmp_path / "report.xlsx"
    write_workbook(path, {"cascade": cascade, "coverage": coverage}, lang=lang)
    book = read(path)
    assert book.sheetnames == (
        ["图表", "销售推算", "覆盖情况"] if lang == "zh" else ["Charts", "Sales cascade", "Coverage"]
    )
    sheet = book[book.sheetnames[2]]
    titles = [cell.value for cell in sheet[1]]
    assert titles[-1] == ("缺口（人）" if lang == "zh" else "Shortfall (agents)")
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == f"A1:E{len(coverage) + 1}"
    assert column(sheet, titles[1])[0] == ("售前" if lang == "zh" else "Presale")


def test_text_never_becomes_a_formula_or_a_link(tmp_path: Path) -> None:
    """What begins with =, +, -, @ or an address stays a string, in cells, titles and on the cover."""
    path = tmp_path / "report.xlsx"
    frame = pd.DataFrame({"name": ATTACKS, "note": ATTACKS, "agent_id": [f"00{n}" for n in range(len(ATTACKS))]})
    write_workbook(path, {"agents": frame}, lang="en", title="=1+1", verdict=ATTACKS, meta={"=2": "=3"})
    for sheet in read(path):
        for row in sheet.iter_rows():
            assert all(cell.data_type in ("s", "n") and cell.hyperlink is None for cell in row)
            assert all(cell.data_type == "s" for cell in row if cell.value is not None)
    assert column(read(path)["Agents"], "Name") == ATTACKS
    assert column(read(path)["Agents"], "Agent id")[1] == "001"
    with zipfile.ZipFile(path) as parts:
        assert not any(b"<f>" in parts.read(part) for part in parts.namelist() if "worksheets" in part)


def test_times_keep_the_clock_of_their_zone(tmp_path: Path, coverage: pd.DataFrame) -> None:
    """20:00 in Shanghai is 20:00 in Excel, as a real date that can be sorted."""
    path = tmp_path / "report.xlsx"
    write_workbook(path, {"coverage": coverage}, lang="en")
    starts = column(read(path)["Coverage"], "Start")
    assert starts[:2] == [dt.datetime(2026, 10, 31, 8), dt.datetime(2026, 10, 31, 8, 30)]


def test_numbers_are_numbers_in_the_format_of_their_unit(tmp_path: Path, cascade: pd.DataFrame) -> None:
    """A share is a percentage, money has separators, and each row of a mixed table follows its own unit."""
    path = tmp_path / "report.xlsx"
    write_workbook(path, {"cascade": cascade, "ratios": pd.DataFrame({"share": [0.25]})}, lang="en")
    sheet = read(path)["Sales cascade"]
    formats = {row[0].value: (row[1].value, row[1].number_format) for row in sheet.iter_rows(min_row=2)}
    assert formats["Day GMV"] == (1_000_000, "#,##0")
    assert formats["CS share of sales"] == (0.3, "0.0%")
    assert formats["Agents needed"] == (13.33, "#,##0.0")
    assert read(path)["Ratios"]["A2"].number_format == "0.0%"


def test_what_is_empty_stays_empty(tmp_path: Path) -> None:
    """Missing values are empty cells, an endless one is a word, and truth is in the reader's language."""
    path = tmp_path / "report.xlsx"
    frame = pd.DataFrame(
        {
            "first_response": [np.nan, np.inf, 1.5],
            "lead": pd.array([True, None, False], dtype="boolean"),
            "capacity": pd.array([5, None, 6], dtype="Int64"),
            "starts_on": [dt.date(2026, 10, 1), None, None],
            "start": [pd.Timestamp("2026-10-31 20:00", tz=ZONE), pd.NaT, pd.NaT],
            "note": [None, "x" * 40_000, "两行\n字"],
        }
    )
    write_workbook(path, {"agents": frame}, lang="zh")
    rows = list(read(path)["人员"].iter_rows(min_row=2, values_only=True))
    assert rows[0] == (None, "是", 5, dt.datetime(2026, 10, 1), dt.datetime(2026, 10, 31, 20), None)
    assert rows[1][:5] == ("∞", None, None, None, None)
    assert len(rows[1][5]) == 32_767
    assert rows[2][5] == "两行\n字"


def test_native_charts_stand_over_the_nights_tables(
    tmp_path: Path, forecast: pd.DataFrame, requirement: pd.DataFrame, coverage: pd.DataFrame
) -> None:
    """Forecast, requirement and coverage each get a chart whose figures add the queues up."""
    path = tmp_path / "report.xlsx"
    tables = {"forecast": forecast, "requirement": requirement, "coverage": coverage}
    write_workbook(path, tables, lang="en")
    sheet = read(path)["Charts"]
    titles = [cell.value for cell in sheet[1]]
    with zipfile.ZipFile(path) as parts:
        drawn = [name for name in parts.namelist() if name.startswith("xl/charts/chart")]
    assert len(drawn) == 3
    presale = column(sheet, "Presale")[: len(forecast) // 2]
    wanted = forecast.loc[forecast["queue"] == "presale", "human"]
    assert presale == pytest.approx(wanted.tolist())
    required = [value for value in column(sheet, "Required (agents)") if value is not None]
    assert required == coverage.groupby("start")["required"].sum().tolist()
    assert titles.count("Start") == 3


def test_the_same_tables_give_the_same_bytes(tmp_path: Path, forecast: pd.DataFrame) -> None:
    """Two workbooks of the same tables are equal to the byte."""
    for name in ("a.xlsx", "b.xlsx"):
        write_workbook(tmp_path / name, {"forecast": forecast}, lang="zh", title="店", meta={"种子": 7})
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_a_failed_write_leaves_the_last_good_file(tmp_path: Path, coverage: pd.DataFrame) -> None:
    """A table that cannot be written leaves the former workbook as it was, and nothing beside it."""
    path = tmp_path / "report.xlsx"
    write_workbook(path, {"coverage": coverage}, lang="en")
    before = path.read_bytes()
    with pytest.raises(KeyError, match="no_such_column"):
        write_workbook(path, {"coverage": coverage.assign(no_such_column=1)}, lang="en")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["report.xlsx"]


def test_an_empty_table_is_a_sheet_with_titles(tmp_path: Path, coverage: pd.DataFrame) -> None:
    """A table without rows is written with its titles and draws no chart."""
    path = tmp_path / "report.xlsx"
    write_workbook(path, {"coverage": coverage.head(0)}, lang="en")
    book = read(path)
    assert book.sheetnames == ["Coverage"]
    assert book["Coverage"].max_row == 1


def test_line_17_the_cover_shows_whole_sentences_and_the_kpis_beside_them(tmp_path: Path) -> None:
    """A row of the cover is as high as its sentence, each KPI stands beside it, and the ends of bands are explained."""
    path = tmp_path / "report.xlsx"
    kpis = pd.DataFrame({"kpi": ["first_response"], "mean": [9.0], "low": [8.0], "high": [10.0], "p05": [7.0]})
    cards = [Card(label="First response", value="9 s", band="7 to 11", tone="bad")]
    sentence = "这一夜缺人，" * 40
    write_workbook(path, {"kpis": kpis}, lang="zh", title="店", verdict=[sentence], cards=cards, meta={"种子": 7})
    cover = read(path)["报告"]
    assert [cover.cell(3, column).value for column in (2, 4, 5, 6)] == [sentence, "First response", "9 s", "7 to 11"]
    letters_in_line = cover.column_dimensions["B"].width / 2 * 11 / 12  # of Chinese, at the cover's size
    assert cover.row_dimensions[3].height >= len(sentence) / letters_in_line * 12 * 1.2
    texts = [cell.value for cell in cover["B"] if cell.value]
    assert any("95% 区间" in text for text in texts)
    assert any("十晚里的九晚" in text for text in texts)
    sheet = read(path)["演练指标"]
    assert {cell.value: cell.comment.text for cell in sheet[1]}["低"].startswith("演练指标：低和高是平均值的 95% 区间")


def test_line_17_the_axis_of_a_native_chart_is_text_on_one_line(tmp_path: Path, coverage: pd.DataFrame) -> None:
    """The categories of a chart are clock texts, so that no office program shows them with a date over three lines."""
    path = tmp_path / "report.xlsx"
    write_workbook(path, {"coverage": coverage}, lang="en")
    with zipfile.ZipFile(path) as parts:
        chart = parts.read("xl/charts/chart1.xml").decode()
    place = re.search(r"<c:cat><c:strRef><c:f>Charts!\$(\w+)\$2", chart)[1]
    assert "<c:numRef><c:f>Charts!$" + place not in chart
    sheet = read(path)["Charts"]
    assert [sheet[f"{place}{line}"].value for line in (2, 3)] == ["08:00", "08:30"]


def test_line_17_a_roster_has_a_colour_and_a_legend_per_shift_and_its_counts(
    tmp_path: Path, roster: pd.DataFrame
) -> None:
    """The matrix names cohort and hours, colours follow its cells, and two sheets count by shift and half hour."""
    late = roster["start"].min() + pd.Timedelta(hours=5)
    begins = roster.groupby("agent_id")["start"].transform("min")
    roster = roster.assign(shift=np.where(begins < late, "A", 'B"'))
    team = roster.drop_duplicates("agent_id")[["agent_id", "name", "cohort"]]
    path = tmp_path / "roster.xlsx"
    write_roster(path, to_sheets(roster, team, lang="en"), lang="en")
    book = read(path)
    matrix, shifts, half_hours = book.worksheets
    assert [cell.value for cell in matrix[1]][:4] == ["Name", "Cohort", "Paid hours", "2026-10-31"]
    assert [cell.value for cell in matrix[2]][1:3] == ["Own", 9]
    rules = [rule for each in matrix.conditional_formatting for rule in each.rules]
    assert [rule.formula for rule in rules] == [['"A"'], ['"B"""']]
    fills = [rule.dxf.fill.bgColor.rgb for rule in rules]
    assert len(set(fills)) == 2
    legend = [(row[5].value, row[5].fill.fgColor.rgb, row[6].value) for row in matrix.iter_rows(min_row=2, max_row=3)]
    assert [(code, fill) for code, fill, _ in legend] == list(zip(["A", 'B"'], fills, strict=True))
    assert legend[0][2] == "08:00–18:00"
    counted = {row[0]: row[4] for row in shifts.iter_rows(min_row=2, values_only=True)}
    assert counted == team.merge(roster.drop_duplicates("agent_id"))["shift"].value_counts().to_dict()
    for start, on_duty, aftersale, presale in half_hours.iter_rows(min_row=2, values_only=True):
        middle = pd.Timestamp(start, tz=ZONE) + pd.Timedelta(minutes=15)
        there = roster[(roster["start"] <= middle) & (roster["end"] > middle)]
        chats = there[there["activity"] == "chat"]["queue"]
        assert (on_duty, aftersale, presale) == (len(there), sum(chats == "aftersale"), sum(chats == "presale"))
    assert len(list(half_hours.rows)) == 1 + 32
    locked = from_matrix(read_matrix(path), pd.DataFrame({"code": ["A", 'B"']}), team, first_day=dt.date(2026, 10, 31))
    first = roster.drop_duplicates("agent_id").set_index("agent_id")["shift"].to_dict()
    assert locked.set_index("agent_id")["shift"].to_dict() == first
