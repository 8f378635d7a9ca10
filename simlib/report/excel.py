"""The Excel workbook: one sheet per table, formatted and filtered, and native charts that stay editable."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    band_of,
    describe_column,
    digits_of,
    explain_column,
    for_readers,
    is_empty,
    list_words,
    show_cell,
    size_unit,
    size_words,
    table_label,
    titled,
    unit_of_row,
    unit_word,
)
from simlib.report.style import BOT, INK, MISSING, MUTED, NEEDED, QUEUE_COLOURS, ROSTERED, SHIFT_FILLS

if TYPE_CHECKING:
    from simlib.report.html import Card
    from simlib.roster import RosterSheets

# The same tables give the same bytes: a workbook would otherwise carry the second it was written in.
WRITTEN = dt.datetime(2026, 1, 1)
LONGEST_TEXT = 32_767  # of a cell; XlsxWriter would leave a longer one out
WIDEST, NARROWEST = 60, 8
MOMENT, DAY, CLOCK = "yyyy-mm-dd hh:mm", "yyyy-mm-dd", "hh:mm"
COVER_WIDTH = 90  # of the column with the sentences, in characters of 11 points
CHART_LINES, CHART_COLUMNS = 21, 15  # what a chart covers of its sheet; the figures stand right of it
TICK_EVERY = 4  # intervals between two times under a chart
CARD_COLOURS = {"good": "#00795A", "bad": MISSING, "plain": INK}


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
    cards: Sequence[Card] = (),
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
    title, verdict, cards, meta
        What the cover says: usually the store's name, the sentences to read out, the KPIs beside them, and where all
        comes from.

    Raises
    ------
    KeyError
        A table or column has no row in the glossary.
    """
    with _whole_book(path) as book:
        if title or verdict or meta:
            _write_cover(book, tables, title=title, verdict=verdict, cards=cards, meta=meta or {}, lang=lang)
        _write_charts(book, tables, lang=lang)
        for key, table in tables.items():
            _write_table(book, key, table, lang=lang)


def write_roster(path: Path, sheets: RosterSheets, *, lang: Lang) -> None:
    """Write a roster as the team's own matrix, ready to be changed in Excel and read in again.

    Each shift has a colour, which follows a cell that is changed, and a legend; the sheets behind it count the people
    per shift and per half hour.

    Parameters
    ----------
    path : Path
        The file to write, whole or not at all.
    sheets : RosterSheets
        As :func:`simlib.roster.to_sheets` gives it.
    """
    fills = dict(zip(sheets.shifts["shift"].astype(str), itertools.cycle(SHIFT_FILLS), strict=False))
    with _whole_book(path) as book:
        _write_matrix(book, sheets, fills, lang)
        _write_table(book, "roster_shifts", sheets.shifts, lang=lang, fills=fills)
        _write_table(book, "roster_half_hours", sheets.half_hours, lang=lang)


def _write_matrix(book: _Book, sheets: RosterSheets, fills: Mapping[str, str], lang: Lang) -> None:
    matrix = sheets.matrix
    sheet = book.workbook.add_worksheet(label("roster", lang))
    first_day = matrix.shape[1] - sheets.days
    for place, column in enumerate(matrix.columns):
        sheet.write_string(0, place, str(column), book.header(number=place >= first_day))
        for line, cell in enumerate(matrix[column], start=1):
            if isinstance(cell, float):
                sheet.write_number(line, place, cell, book.style(num_format="0.#"))
            else:
                sheet.write_string(line, place, str(cell), book.style(align="center" if place >= first_day else "left"))
        widest = max(map(_width, [str(column), *matrix[column].astype(str)]), default=0)
        sheet.set_column(place, place, min(max(widest + 2, 12), 28))
    sheet.freeze_panes(1, first_day)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.repeat_rows(0)
    sheet.fit_to_pages(1, 0)
    legend = matrix.shape[1] + 1
    sheet.set_column(legend, legend, 8)
    sheet.set_column(legend + 1, legend + 1, 14)
    for line, row in enumerate(sheets.shifts.itertuples(), start=1):
        sheet.write_string(line, legend, str(row.shift), book.style(bg_color=fills[str(row.shift)], align="center"))
        sheet.write_string(line, legend + 1, f"{row.start:%H:%M}–{row.end:%H:%M}", book.style())
    if not len(matrix) or not sheets.days:
        return
    for code, fill in fills.items():
        quoted = code.replace('"', '""')
        rule = {"type": "cell", "criteria": "==", "value": f'"{quoted}"', "format": book.style(bg_color=fill)}
        sheet.conditional_format(1, first_day, len(matrix), matrix.shape[1] - 1, rule)


@contextmanager
def _whole_book(path: Path) -> Iterator[_Book]:
    """Open a workbook beside its place, and move it there when it is whole."""
    with replace_file(path) as staging:
        book = _Book(staging)
        yield book
        book.workbook.close()


def _write_cover(
    book: _Book,
    tables: Mapping[str, pd.DataFrame],
    *,
    title: str,
    verdict: Sequence[str],
    cards: Sequence[Card],
    meta: Mapping[str, object],
    lang: Lang,
) -> None:
    """Write the sentences to read out, the KPIs beside them, where all comes from, and what the ends of bands mean."""
    sheet = book.workbook.add_worksheet(label("report", lang))
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, COVER_WIDTH)
    sheet.set_column(2, 2, 3)
    sheet.set_column(3, 3, 24)
    sheet.set_column(4, 4, 16)
    sheet.set_column(5, 5, 34)
    sheet.write_string(0, 0, title, book.style(bold=True, font_size=18))
    sheet.set_row(0, 28)
    for line, sentence in enumerate(verdict, start=2):
        if line == 2:
            sheet.write_string(line, 0, label("verdict", lang), book.style(bold=True, font_size=12))
        _write_lines(book, sheet, line, sentence, font_size=12)
    for line, card in enumerate(cards, start=2):
        colour = CARD_COLOURS[card.tone]
        sheet.write_string(line, 3, card.label, book.style(font_color=MUTED))
        sheet.write_string(line, 4, card.value, book.style(bold=True, font_size=13, font_color=colour))
        sheet.write_string(line, 5, card.band, book.style(font_color=MUTED))
    line = 3 + max(len(verdict), len(cards))
    bands: dict[str, list[str]] = {}
    for key, table in tables.items():
        for band in dict.fromkeys(band_of(column, key) for column in table.columns):
            if band is not None:
                bands.setdefault(band, []).append(table_label(key, lang))
    notes = [(heading, str(value)) for heading, value in meta.items()]
    for number, (band, names) in enumerate(bands.items()):
        heading = "" if number else translate("report.band_ends", lang)
        notes.append((heading, translate(f"report.band_{band}", lang, tables=list_words(names, lang))))
    for heading, text in notes:
        sheet.write_string(line, 0, heading, book.style(font_color=MUTED))
        _write_lines(book, sheet, line, text, font_color=MUTED)
        line += 1
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)


def _write_lines(book: _Book, sheet: Worksheet, line: int, text: str, *, font_size: float = 10.5, **look: Any) -> None:
    """Write a text that wraps into the cover's wide column, and make its row high enough for every line of it."""
    sheet.write_string(line, 1, text, book.style(text_wrap=True, font_size=font_size, **look))
    in_line = COVER_WIDTH * 10 / font_size  # a tenth less than fits, for words that break early
    lines = sum(math.ceil(max(_width(part), 1) / in_line) for part in text.splitlines() or [""])
    sheet.set_row(line, lines * font_size * 1.5 + 4)


# --- tables -----------------------------------------------------------------------------------------------


def _write_table(
    book: _Book, key: str, table: pd.DataFrame, *, lang: Lang, fills: Mapping[str, str] | None = None
) -> None:
    """Write a table on a sheet of its own; a title carries what its column holds, a shift its colour of ``fills``."""
    sheet = book.workbook.add_worksheet(table_label(key, lang)[:31])
    table = for_readers(table, lang)
    columns = [describe_column(name, table[name], lang) for name in table.columns]
    records = table.to_dict("records")
    units = [unit_of_row(row) for row in records]
    sizes = [size_unit(row) for row in records] if "size" in table else []
    for place, column in enumerate(columns):
        sheet.write_string(0, place, column.title, book.header(number=column.kind == "number"))
        meaning = explain_column(column.key, key, lang)
        if meaning:
            sheet.write_comment(0, place, meaning, {"author": "", "x_scale": 1.6, "font_size": 9})
        widest = _width(column.title)
        for line, (value, unit) in enumerate(zip(table[column.key], units, strict=True), start=1):
            sized = sizes[line - 1] if column.key == "size" and not is_empty(value) else None
            if sized:
                text = size_words(sized, value, lang)
                sheet.write_number(line, place, float(value), book.style(num_format=_size_format(text)))
                widest = max(widest, _width(text))
                continue
            widest = max(widest, _write_cell(book, sheet, line, place, value, column, row_unit=unit, lang=lang))
        sheet.set_column(place, place, min(max(widest + 2.5, NARROWEST), WIDEST))
        if column.key == "shift" and fills:
            for line, code in enumerate(table["shift"].astype(str), start=1):
                sheet.write_string(line, place, code, book.style(bg_color=fills[code], align="center"))
        if column.key == "shortfall" and len(table):
            rule = {
                "type": "cell",
                "criteria": ">",
                "value": 0,
                "format": book.style(font_color=MISSING, bold=True),
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


def _size_format(shown: str) -> str:
    """Return the number format under which Excel shows a size as it is shown on a page: ×1.5, +3 people, −15.0%.

    Examples
    --------
    >>> _size_format("×1.4"), _size_format("−15.0%"), _size_format("+3 agents")
    ('"×"General', '"+"0.0%;"−"0.0%', '"+"General" agents";"−"General" agents"')
    """
    parts = re.fullmatch(r"([^\d]?)[\d,.]+(.*)", shown)
    sign, unit = (parts[1], parts[2]) if parts else ("", "")
    form = "0.0%" if unit == "%" else f'General"{unit}"' if unit else "General"
    if sign == "×":
        return f'"×"{form}'
    return f'"+"{form};"−"{form}' if sign else form


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
        place += len(picture.titles) + 3
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
        colours=[*(QUEUE_COLOURS.get(queue, MUTED) for queue in queues), BOT],
        stacked=True,
    )


def _requirement_picture(requirement: pd.DataFrame, lang: Lang) -> _Picture:
    figures = _by_start(requirement, ["on_chat", "to_roster"])
    return _Picture(
        key="requirement",
        figures=figures,
        titles=[titled(key, lang) for key in figures.columns],
        colours=[ROSTERED, NEEDED],
        lines=frozenset({"to_roster"}),
    )


def _coverage_picture(coverage: pd.DataFrame, lang: Lang) -> _Picture:
    figures = _by_start(coverage, ["rostered", "shortfall", "required"])
    return _Picture(
        key="coverage",
        figures=figures,
        titles=[titled(key, lang) for key in figures.columns],
        colours=[ROSTERED, MISSING, NEEDED],
        lines=frozenset({"required"}),
    )


def _write_figures(book: _Book, sheet: Worksheet, place: int, picture: _Picture, lang: Lang) -> None:
    """Write the figures of a chart: the moment, the clock as a text for the axis, and one column per series.

    A text stays on one line under the chart; a moment would be broken by office programs that show it with its date.
    """
    sheet.write_string(0, place, label("start", lang), book.header(number=False))
    sheet.write_string(0, place + 1, label("clock", lang), book.header(number=False))
    sheet.set_column(place, place, 17)
    sheet.set_column(place + 1, place + 1, 8)
    sheet.set_column(place + 2, place + 1 + len(picture.titles), 13)
    moments = pd.DatetimeIndex(picture.figures.index).tz_localize(None)
    for line, moment in enumerate(moments, start=1):
        sheet.write_datetime(line, place, moment.to_pydatetime(), book.style(num_format=MOMENT, align="left"))
        sheet.write_string(line, place + 1, f"{moment:%H:%M}", book.style())
    for number, (key, title) in enumerate(zip(picture.figures.columns, picture.titles, strict=True), start=2):
        sheet.write_string(0, place + number, title, book.header())
        for line, value in enumerate(picture.figures[key].fillna(0).to_numpy(dtype=float), start=1):
            sheet.write_number(line, place + number, value, book.style(num_format="#,##0"))


def _native_chart(book: _Book, sheet: Worksheet, place: int, picture: _Picture, lang: Lang) -> Chart:
    last, name = len(picture.figures), sheet.get_name()
    columns = book.workbook.add_chart({"type": "column"} | ({"subtype": "stacked"} if picture.stacked else {}))
    lines = book.workbook.add_chart({"type": "line"})
    for number, (key, colour) in enumerate(zip(picture.figures.columns, picture.colours, strict=True), start=2):
        line = key in picture.lines
        drawn = {"line": {"color": colour, "width": 2.25}} if line else {"fill": {"color": colour}, "gap": 4}
        series = {
            "name": [name, 0, place + number],
            "categories": [name, 1, place + 1, last, place + 1],
            "values": [name, 1, place + number, last, place + number],
        }
        (lines if line else columns).add_series(series | drawn | ({} if line else {"overlap": 100}))
    if picture.lines:
        columns.combine(lines)
    columns.set_title({"name": translate(f"report.{picture.key}_title", lang), "name_font": {"size": 13}})
    every = TICK_EVERY * max(1, math.ceil(last / 60))
    columns.set_x_axis({"text_axis": True, "interval_unit": every, "interval_tick": every, "num_font": {"size": 9}})
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
