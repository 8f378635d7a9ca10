"""The Excel workbook: one sheet per table, formatted and filtered, and native charts that stay editable."""

from __future__ import annotations

import datetime as dt
import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.chart import Chart
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from simlib.files import replace_file
from simlib.messages import Lang, label, translate
from simlib.report.columns import (
    ROW_UNIT_COLUMNS,
    ShownColumn,
    describe_column,
    digits_of,
    is_empty,
    show_cell,
    table_label,
    titled,
    unit_word,
)

# The same tables give the same bytes: a workbook would otherwise carry the second it was written in.
WRITTEN = dt.datetime(2026, 1, 1)
LONGEST_TEXT = 32_767  # of a cell; XlsxWriter would leave a longer one out
WIDEST, NARROWEST = 60, 8
MOMENT, DAY, CLOCK = "yyyy-mm-dd hh:mm", "yyyy-mm-dd", "hh:mm"
QUEUE_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9")
GREY, RED, DARK, PALE = "#B8C0CA", "#C81E1E", "#0B3C5D", "#9CC9EA"
CHART_LINES, CHART_COLUMNS = 21, 15  # what a chart covers of its sheet; the figures stand right of it


class _Book:
    """A workbook being written, with each cell format made once."""

    def __init__(self, path: Path) -> None:
        # Text stays text: a cell that begins with = would otherwise become a live formula.
        options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        self.workbook: Workbook = xlsxwriter.Workbook(path, options)
        self.workbook.set_properties({"created": WRITTEN})
        self._formats: dict[tuple[tuple[str, Any], ...], Format] = {}

    def style(self, **wanted: Any) -> Format:
        """Find or make a format; every cell has the house's letters."""
        key = tuple(sorted(wanted.items()))
        if key not in self._formats:
            self._formats[key] = self.workbook.add_format({"font_size": 10.5, "valign": "top"} | wanted)
        return self._formats[key]

    def header(self, *, number: bool = True) -> Format:
        """Find the format of a title: over numbers it stands right, as they do."""
        return self.style(
            bold=True,
            bg_color="#DCE6F0",
            border_color="#9AA5B1",
            bottom=2,
            valign="vcenter",
            align="right" if number else "left",
        )


def write_workbook(
    path: Path,
    tables: Mapping[str, pd.DataFrame],
    *,
    lang: Lang,
    title: str = "",
    verdict: Sequence[str] = (),
    meta: Mapping[str, object] | None = None,
) -> None:
    """Write tables into a workbook: a cover, a sheet of charts, and one sheet per table, in that order.

    The file appears whole or not at all. The charts are native ones over the tables ``forecast``,
    ``requirement`` and ``coverage``, as far as they are there.

    Parameters
    ----------
    path : Path
        The file to write; its folder must exist.
    tables : mapping of str to DataFrame
        By key of the glossary, which names the sheet; columns are keys of the glossary too. Instants are written
        as the clock of their own zone, for Excel knows no zones.
    title, verdict, meta
        What the cover says: usually the store's name, the sentences to read out, and where all comes from.

    Raises
    ------
    KeyError
        A table or column has no row in the glossary.
    """
    with _whole_book(path) as book:
        if title or verdict or meta:
            _write_cover(book, title=title, verdict=verdict, meta=meta or {}, lang=lang)
        _write_charts(book, tables, lang=lang)
        for key, table in tables.items():
            _write_table(book, key, table, lang=lang)


def write_matrix(path: Path, matrix: pd.DataFrame, *, lang: Lang) -> None:
    """Write a roster as the team's own matrix, ready to be changed in Excel and read in again.

    Parameters
    ----------
    path : Path
        The file to write, whole or not at all.
    matrix : DataFrame
        As :func:`simlib.forecasting.to_matrix` gives it: names, then one column a date; every cell a text.
    """
    with _whole_book(path) as book:
        sheet = book.workbook.add_worksheet(label("roster", lang))
        for place, column in enumerate(matrix.columns):
            sheet.write_string(0, place, str(column), book.header(number=place > 0))
            for line, cell in enumerate(matrix[column], start=1):
                sheet.write_string(line, place, str(cell), book.style(align="center") if place else book.style())
        sheet.set_column(0, 0, 18)
        sheet.set_column(1, max(len(matrix.columns) - 1, 1), 12)
        sheet.freeze_panes(1, 1)


@contextmanager
def _whole_book(path: Path) -> Iterator[_Book]:
    """Open a workbook beside its place, and move it there when it is whole."""
    with replace_file(path) as staging:
        book = _Book(staging)
        yield book
        book.workbook.close()


def _write_cover(book: _Book, *, title: str, verdict: Sequence[str], meta: Mapping[str, object], lang: Lang) -> None:
    sheet = book.workbook.add_worksheet(label("report", lang))
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, 90)
    sheet.write_string(0, 0, title, book.style(bold=True, font_size=18))
    line = 2
    wrapped = book.style(text_wrap=True, font_size=12)
    for number, sentence in enumerate(verdict):
        if number == 0:
            sheet.write_string(line, 0, label("verdict", lang), book.style(bold=True, font_size=12))
        sheet.write_string(line, 1, sentence, wrapped)
        line += 1
    line += 1
    for heading, value in meta.items():
        sheet.write_string(line, 0, heading, book.style(font_color="#52606D"))
        sheet.write_string(line, 1, str(value), book.style(font_color="#52606D", text_wrap=True))
        line += 1
    sheet.fit_to_pages(1, 0)


# --- tables -----------------------------------------------------------------------------------------------


def _write_table(book: _Book, key: str, table: pd.DataFrame, *, lang: Lang) -> None:
    sheet = book.workbook.add_worksheet(table_label(key, lang)[:31])
    columns = [describe_column(name, table[name], lang) for name in table.columns]
    units = table["unit"].astype(str).tolist() if "unit" in table else [None] * len(table)
    for place, column in enumerate(columns):
        sheet.write_string(0, place, column.title, book.header(number=column.kind == "number"))
        widest = _width(column.title)
        for line, (value, unit) in enumerate(zip(table[column.key], units, strict=True), start=1):
            widest = max(widest, _write_cell(book, sheet, line, place, value, column, row_unit=unit, lang=lang))
        sheet.set_column(place, place, min(max(widest + 2.5, NARROWEST), WIDEST))
        if column.key == "shortfall" and len(table):
            rule = {
                "type": "cell",
                "criteria": ">",
                "value": 0,
                "format": book.style(font_color=RED, bold=True),
            }
            sheet.conditional_format(1, place, len(table), place, rule)
    sheet.freeze_panes(1, 0)
    if columns:
        sheet.autofilter(0, 0, len(table), len(columns) - 1)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.repeat_rows(0)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&R&P / &N")


def _write_cell(
    book: _Book,
    sheet: Worksheet,
    line: int,
    place: int,
    value: Any,
    column: ShownColumn,
    *,
    row_unit: str | None,
    lang: Lang,
) -> float:
    """Write one cell by what it is and return how wide it shows."""
    if is_empty(value):
        return 0
    if column.kind == "number" and not math.isinf(value):
        unit, digits = column.unit, column.digits
        if row_unit is not None and column.key in ROW_UNIT_COLUMNS:
            unit, digits = row_unit, digits_of(pd.Series([value]), unit=row_unit)
        sheet.write_number(line, place, float(value), book.style(num_format=_number_format(unit, digits)))
        return len(f"{value:,.{digits}f}") + 1
    if column.kind == "moment":
        moment = pd.Timestamp(value).tz_localize(None).to_pydatetime()
        sheet.write_datetime(line, place, moment, book.style(num_format=MOMENT, align="left"))
        return len(MOMENT)
    if column.kind == "date":
        sheet.write_datetime(line, place, value, book.style(num_format=DAY, align="left"))
        return len(DAY)
    if column.kind == "clock":
        sheet.write_datetime(line, place, value, book.style(num_format=CLOCK, align="left"))
        return len(CLOCK)
    # Text, or an endless number, which Excel has no cell for.
    text = show_cell(value, column, lang=lang)[:LONGEST_TEXT]
    long = _width(text) > WIDEST
    sheet.write_string(line, place, text, book.style(text_wrap=True) if long else book.style())
    return _width(text)


def _number_format(unit: str, digits: int) -> str:
    fraction = "." + "0" * digits if digits else ""
    return f"0{fraction}%" if unit == "share" else f"#,##0{fraction}"


def _width(text: str) -> float:
    """Measure text in columns of a sheet: a Chinese character takes two."""
    lines = text.splitlines() or [""]
    return max(sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line) for line in lines)


# --- charts -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Picture:
    """A chart to be: its figures by interval, and how each column of them is drawn."""

    key: str
    figures: pd.DataFrame
    titles: Sequence[str]
    colours: Sequence[str]
    lines: frozenset[str] = frozenset()
    stacked: bool = False


def _write_charts(book: _Book, tables: Mapping[str, pd.DataFrame], *, lang: Lang) -> None:
    """Lay the night's tables out by interval and draw a chart over each."""
    makers = {
        "forecast": _forecast_picture,
        "requirement": _requirement_picture,
        "coverage": _coverage_picture,
    }
    pictures = [make(tables[key], lang) for key, make in makers.items() if key in tables and len(tables[key])]
    if not pictures:
        return
    sheet = book.workbook.add_worksheet(translate("report.charts_sheet", lang))
    sheet.hide_gridlines(2)
    place = CHART_COLUMNS
    for number, picture in enumerate(pictures):
        _write_figures(book, sheet, place, picture, lang)
        sheet.insert_chart(number * CHART_LINES, 0, _native_chart(book, sheet, place, picture, lang))
        place += len(picture.titles) + 2
    sheet.set_paper(9)
    sheet.print_area(0, 0, len(pictures) * CHART_LINES, CHART_COLUMNS - 1)
    sheet.fit_to_pages(1, 1)


def _by_start(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    return table.groupby("start", sort=True)[list(columns)].sum()


def _forecast_picture(forecast: pd.DataFrame, lang: Lang) -> _Picture:
    queues = list(dict.fromkeys(forecast["queue"].astype(str)))
    by_queue = {queue: _by_start(forecast[forecast["queue"] == queue], ["human"])["human"] for queue in queues}
    figures = pd.DataFrame(by_queue).assign(bot=_by_start(forecast, ["bot"])["bot"])
    return _Picture(
        key="forecast",
        figures=figures,
        titles=[*(label(queue, lang) for queue in queues), translate("report.bot_resolves", lang)],
        colours=[*QUEUE_COLOURS[: len(queues)], GREY],
        stacked=True,
    )


def _requirement_picture(requirement: pd.DataFrame, lang: Lang) -> _Picture:
    figures = _by_start(requirement, ["on_chat", "to_roster"])
    return _Picture(
        key="requirement",
        figures=figures,
        titles=[titled(key, lang) for key in figures.columns],
        colours=[PALE, DARK],
        lines=frozenset({"to_roster"}),
    )


def _coverage_picture(coverage: pd.DataFrame, lang: Lang) -> _Picture:
    figures = _by_start(coverage, ["rostered", "shortfall", "required"])
    return _Picture(
        key="coverage",
        figures=figures,
        titles=[titled(key, lang) for key in figures.columns],
        colours=[PALE, RED, DARK],
        lines=frozenset({"required"}),
    )


def _write_figures(book: _Book, sheet: Worksheet, place: int, picture: _Picture, lang: Lang) -> None:
    sheet.write_string(0, place, label("start", lang), book.header(number=False))
    sheet.set_column(place, place, 17)
    sheet.set_column(place + 1, place + len(picture.titles), 13)
    moments = pd.DatetimeIndex(picture.figures.index).tz_localize(None)
    for line, moment in enumerate(moments, start=1):
        sheet.write_datetime(line, place, moment.to_pydatetime(), book.style(num_format=MOMENT, align="left"))
    for number, (key, title) in enumerate(zip(picture.figures.columns, picture.titles, strict=True), start=1):
        sheet.write_string(0, place + number, title, book.header())
        for line, value in enumerate(picture.figures[key].fillna(0).to_numpy(dtype=float), start=1):
            sheet.write_number(line, place + number, value, book.style(num_format="#,##0"))


def _native_chart(book: _Book, sheet: Worksheet, place: int, picture: _Picture, lang: Lang) -> Chart:
    last, name = len(picture.figures), sheet.get_name()
    columns = book.workbook.add_chart({"type": "column"} | ({"subtype": "stacked"} if picture.stacked else {}))
    lines = book.workbook.add_chart({"type": "line"})
    for number, (key, colour) in enumerate(zip(picture.figures.columns, picture.colours, strict=True), start=1):
        line = key in picture.lines
        drawn = {"line": {"color": colour, "width": 2.25}} if line else {"fill": {"color": colour}, "gap": 4}
        series = {
            "name": [name, 0, place + number],
            "categories": [name, 1, place, last, place],
            "values": [name, 1, place + number, last, place + number],
        }
        (lines if line else columns).add_series(series | drawn | ({} if line else {"overlap": 100}))
    if picture.lines:
        columns.combine(lines)
    columns.set_title({"name": translate(f"report.{picture.key}_title", lang), "name_font": {"size": 13}})
    columns.set_x_axis({"text_axis": True, "num_format": "hh:mm", "interval_unit": 4, "num_font": {"rotation": 0}})
    columns.set_y_axis(
        {
            "name": unit_word("contacts" if picture.key == "forecast" else "agents", lang),
            "num_format": "#,##0",
            "min": 0,
            "major_gridlines": {"visible": True, "line": {"color": "#E4E7EB"}},
        }
    )
    columns.set_legend({"position": "bottom"})
    columns.set_size({"width": 900, "height": 400})
    return columns
