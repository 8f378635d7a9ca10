"""A chapter's own workbook: fields declared once, an empty workbook with an example in each sheet, and its reader.

Cells are read by the readers of the store; every mistake is named with sheet, row, column, value and what is allowed,
and the rest is used.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from simlib import facts
from simlib.files import write_file
from simlib.messages import LANGS, Lang, UserError, glossary, label, translate
from simlib.store.cells import CellError, fold, is_blank, read_cell, shown
from simlib.store.columns import adds_up, find_sheet, is_header, nearest
from simlib.store.problems import Loss, Problem, note_totals
from simlib.store.sources import (
    HEADER_WITHIN_ROWS,
    RawSheet,
    find_beside,
    find_hidden,
    read_below,
    read_source,
    sort_sheets,
)

ReadTime = Callable[[str], pd.Timestamp]
"""What reads a time of the night without its date, as :func:`simlib.clock.read_moment` does; NaT: of what night?"""
EMPTY_ROWS = 500
MEASURED = ("money", "number", "integer", "share")  # kinds that have limits
LIST_CHARACTERS = 255  # what Excel takes as a list of choices
FORMATS = {"share": "0.0%", "money": "#,##0.00", "datetime": "yyyy-mm-dd hh:mm", "date": "yyyy-mm-dd"}
WIDTHS = {"text": 26, "code": 14, "money": 14, "datetime": 18, "date": 13, "choice": 22}
CLOCK_ALONE = frozenset({"date_missing", "not_time"})
TIME_ALONE = CLOCK_ALONE | {"not_date", "year_missing"}
MADE_ON = dt.datetime(2026, 1, 1)  # one date, so that the same template gives the same bytes
NEEDED_COLOUR, OPTIONAL_COLOUR, EXAMPLE_COLOUR = "#1F4E79", "#7F7F7F", "#7F7F7F"


@dataclass(frozen=True, kw_only=True)
class BookField:
    """One column of a sheet: its key in the tables, its term in the glossary, what a cell may hold.

    ``convert`` makes what stands in the tables of what a cell was read as.
    """

    key: str
    term: str
    kind: str = "text"
    needed: bool = False
    low: float | None = None
    high: float | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    convert: Callable[[Any], Any] | None = None

    def title(self, lang: Lang) -> str:
        """Return the column's name in one language, with its unit.

        Examples
        --------
        >>> BookField(key="aov_cny", term="aov_cny", kind="money").title("en")
        'Order value (CNY)'
        """
        unit = glossary()[self.term]["unit"]
        name = label(self.term, lang)
        return f"{name} ({translate(f'report.unit_{unit}', lang)})" if unit else name

    @property
    def allowed(self) -> tuple[str, ...]:
        """Return what may stand in a cell: the terms of a list, or the limits of a figure."""
        if self.choices:
            return tuple(self.choices.values())
        low = () if self.low is None else (f">= {self.low:g}",)
        return (*low, *(() if self.high is None else (f"<= {self.high:g}",)))

    def spelled(self) -> dict[str, str]:
        """Return every spelling of every choice, folded, with its value."""
        found: dict[str, str] = {}
        for value, term in self.choices.items():
            found |= {fold(name): value for name in (value, term, *(label(term, lang) for lang in LANGS))}
        return found


@dataclass(frozen=True, kw_only=True)
class FilledBook:
    """What a store wrote into a chapter's workbook.

    Attributes
    ----------
    tables : mapping of str to DataFrame
        One frame per sheet, with the row of each record and its fields; empty where nothing is filled in.
    problems : tuple of Problem
        What is wrong, in the order of the sheets.
    notices : tuple of Problem
        What is read although Excel does not show it, and rows that add up others and are not read.
    """

    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    notices: tuple[Problem, ...] = ()

    def given(self, sheet: str) -> pd.DataFrame | None:
        """Return a sheet's records, or None where nobody filled it in."""
        table = self.tables[sheet]
        return None if table.empty else table


@dataclass(frozen=True, kw_only=True)
class ChapterBook:
    """The workbook of one chapter.

    Parameters
    ----------
    name : str
        File name beside the store: ``review.xlsx``.
    chapter : str
        Term of the chapter.
    sheets : mapping of str to tuple of BookField
        By the sheet's key, which is its term in the glossary.
    examples : str
        File of facts with one example row per sheet, each with a note in both languages by which it is known again.
    texts : tuple of str
        Keys of the sentences on the first page.
    also_named : str
        Key, in the file of examples, of what else people call the sheets; empty where nothing is known.
    """

    name: str
    chapter: str
    sheets: Mapping[str, tuple[BookField, ...]]
    examples: str
    texts: tuple[str, ...]
    also_named: str = ""

    def find(self, store: str | Path) -> Path | None:
        """Return the workbook beside a store's workbook, or in its folder; None where there is none."""
        return find_beside(store, self.name)

    def empty(self) -> FilledBook:
        """Return the book of a store that has written nothing."""
        return FilledBook(tables={sheet: self._frame(sheet, []) for sheet in self.sheets})

    def read(self, path: str | Path, *, read_time: ReadTime | None = None) -> FilledBook:
        """Read a workbook as far as it is right.

        Parameters
        ----------
        path : str or Path
            The workbook.
        read_time : callable, optional
            Reads a time without its date, where a moment belongs; without it such a time is refused.

        Raises
        ------
        StoreError
            The file cannot be opened at all.
        """
        raw_sheets, of_files = read_source(Path(path))
        problems, notices = list(of_files), list[Problem]()
        records: dict[str, list[dict[str, Any]]] = {}
        known, unknown = sort_sheets(raw_sheets, self._sheet_names)
        for raw in unknown:
            near = nearest(raw.stem, self._sheet_names)
            problems.append(Problem(message="sheet_unknown", sheet=raw.name, nearest=near, loss="unread"))
        for key, (raw, *others) in known.items():
            noticed: list[Problem] = []
            records[key] = list(self._read_sheet(raw, key, problems, noticed, read_time))
            notices += noticed if records[key] else []
            for other in others:
                twins = {"first": raw.name, "second": other.name}
                problems.append(Problem(message="sheet_twice", sheet=key, values=twins, loss="second"))
        tables = {sheet: self._frame(sheet, records.get(sheet, [])) for sheet in self.sheets}
        return FilledBook(tables=tables, problems=self.sort(problems), notices=self.sort(notices))

    def sort(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """Return problems in the order of the sheets and rows, those of whole files first."""
        order = list(self.sheets)

        def place(found: Problem) -> tuple[int, int]:
            return order.index(found.sheet) if found.sheet in order else -1, found.row or 0

        return tuple(sorted(problems, key=place))

    def find_sheet(self, name: str) -> str | None:
        """Return the key of the sheet that goes by a name, in whatever language; None where none does."""
        return find_sheet(name, self._sheet_names)

    def write(
        self, path: str | Path, *, lang: Lang, rows: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
    ) -> None:
        """Write the workbook that a store fills in, with an example in each sheet, or with rows by the fields' keys."""
        from xlsxwriter import Workbook

        buffer = io.BytesIO()
        options = {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        with Workbook(buffer, options) as book:
            book.set_properties({"created": MADE_ON})
            self._write_first_page(book, lang)
            for sheet in self.sheets:
                filled = [facts.value(self.examples, sheet)] if rows is None else rows.get(sheet, ())
                self._write_sheet(book, sheet, lang, filled, example=rows is None)
        write_file(Path(path), buffer.getvalue())

    # --- names

    @cached_property
    def _sheet_names(self) -> dict[str, str]:
        found: dict[str, str] = {}
        others = facts.value(self.examples, self.also_named) if self.also_named else {}
        for key in self.sheets:
            zh, en = label(key, "zh"), label(key, "en")
            found |= {fold(name): key for name in (key, zh, en, zh + en, zh + key, *others.get(key, ()))}
        return found

    @cached_property
    def _example_notes(self) -> frozenset[str]:
        rows = [facts.value(self.examples, sheet)["note"] for sheet in self.sheets]
        return frozenset(note[lang] for note in rows for lang in LANGS)

    def _column_names(self, sheet: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for column in self.sheets[sheet]:
            names = [column.key, column.term]
            for lang in LANGS:
                names += [label(column.term, lang), column.title(lang)]
            names += [column.title("zh") + column.title("en"), label(column.term, "zh") + label(column.term, "en")]
            found |= {fold(name): column.key for name in names}
        return found

    def _frame(self, sheet: str, records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
        keys = ["row", *(column.key for column in self.sheets[sheet])]
        return pd.DataFrame([{key: record.get(key) for key in keys} for record in records], columns=keys, dtype=object)

    # --- reading

    def _read_sheet(
        self,
        raw: RawSheet,
        sheet: str,
        problems: list[Problem],
        notices: list[Problem],
        read_time: ReadTime | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Find the header of a sheet and read the rows below; a row with the note of the example is none."""
        names = self._column_names(sheet)
        known = {column.key: column for column in self.sheets[sheet]}
        heads = (at for at, (_, cells) in enumerate(raw.rows[:HEADER_WITHIN_ROWS]) if is_header(cells, names))
        at = next(heads, None)
        if at is None:
            terms = tuple(column.term for column in self.sheets[sheet])
            problems.append(Problem(message="no_header", sheet=sheet, allowed=terms, loss="sheet"))
            return
        number, cells = raw.rows[at]
        places: list[str | None] = []
        for cell in cells:
            key = None if is_blank(cell) else names.get(fold(str(cell)))
            if key is None and not is_blank(cell):
                near = nearest(str(cell), names)
                problems.append(
                    Problem(
                        message="column_unknown",
                        sheet=sheet,
                        row=number,
                        value=shown(cell),
                        nearest=known[near].term if near else None,
                        loss="unread",
                    )
                )
            if key is not None and key in places:
                term = known[key].term
                problems.append(Problem(message="column_twice", sheet=sheet, row=number, column=term, loss="second"))
                key = None
            places.append(key)
        lacking = [column for column in self.sheets[sheet] if column.needed and column.key not in places]
        for column in lacking:
            problems.append(Problem(message="column_needed", sheet=sheet, row=number, column=column.term, loss="sheet"))
        if lacking:
            return
        shown_as = [known[key].term if key else None for key in places]
        notices += find_hidden(raw, sheet=sheet, header=number, columns=shown_as)
        needed, totals = {column.key for column in self.sheets[sheet] if column.needed}, []
        for line, row in read_below(raw, at, sheet=sheet, problems=problems):
            record = {key: cell for key, cell in zip(places, row, strict=False) if key and not is_blank(cell)}
            if set(record) <= {"note"} or str(record.get("note", "")).strip() in self._example_notes:
                continue
            if adds_up(record, needed):
                totals.append(line)
                continue
            values = _read_row(record, sheet, line, known, problems, read_time)
            if values is not None:
                yield {"row": line, **values}
        notices += note_totals(sheet, totals)

    # --- writing

    def _write_sheet(
        self, book: Any, sheet: str, lang: Lang, rows: Sequence[Mapping[str, Any]], *, example: bool
    ) -> None:
        page = book.add_worksheet(f"{label(sheet, 'zh')} {sheet}")
        page.set_row(0, 46)
        page.freeze_panes(1, 1)
        looks: dict[str, Any] = {"valign": "top"}
        looks |= {"italic": True, "font_color": EXAMPLE_COLOUR} if example else {}
        for at, column in enumerate(self.sheets[sheet]):
            colour = NEEDED_COLOUR if column.needed else OPTIONAL_COLOUR
            head = book.add_format(
                {
                    "bold": True,
                    "text_wrap": True,
                    "font_color": "#FFFFFF",
                    "bg_color": colour,
                    "border": 1,
                    "valign": "top",
                }
            )
            page.write_string(0, at, f"{column.title('zh')}\n{column.title('en')}", head)
            page.write_comment(0, at, explain_field(column, lang), {"x_scale": 2, "author": ""})
            form = {"num_format": FORMATS[column.kind]} if column.kind in FORMATS else {}
            page.set_column(at, at, WIDTHS.get(column.kind, 12), book.add_format(form) if form else None)
            _offer_choices(page, at, column, lang)
            look = book.add_format(looks | form)
            for line, row in enumerate(rows, start=1):
                if row.get(column.key) is not None:
                    _write_cell(page, line, at, column, row[column.key], lang, look)

    def _write_first_page(self, book: Any, lang: Lang) -> None:
        page = book.add_worksheet(" ".join(translate("store.readme_title", each) for each in LANGS))
        page.set_column(0, 0, 18)
        page.set_column(1, 1, 30)
        page.set_column(2, 2, 90)
        wrap = book.add_format({"text_wrap": True, "valign": "top"})
        head = book.add_format({"bold": True, "font_color": "#FFFFFF", "bg_color": NEEDED_COLOUR})
        page.write_string(0, 0, label(self.chapter, lang), book.add_format({"bold": True, "font_size": 16}))
        for line, key in enumerate(self.texts, start=2):
            page.merge_range(line, 0, line, 2, translate(key, lang), wrap)
            page.set_row(line, 34)
        line = len(self.texts) + 3
        for at, name in enumerate(("readme_sheet", "readme_column", "readme_what")):
            page.write_string(line, at, translate(f"store.{name}", lang), head)
        for sheet, columns in self.sheets.items():
            for column in columns:
                line += 1
                page.write_string(line, 0, label(sheet, lang), wrap)
                page.write_string(line, 1, column.title(lang), wrap)
                page.write_string(line, 2, explain_field(column, lang).replace("\n", " "), wrap)


def _read_row(
    record: Mapping[str, Any],
    sheet: str,
    line: int,
    known: Mapping[str, BookField],
    problems: list[Problem],
    read_time: ReadTime | None,
) -> dict[str, Any] | None:
    """Read one row; None where a cell that must be filled in is blank or wrong."""
    values: dict[str, Any] = {}
    complete = True
    for key, column in known.items():
        if key not in record:
            if column.needed:
                complete = False
                allowed = column.allowed if column.choices else ()
                problems.append(_problem("missing", sheet, line, column, None, "row", allowed=allowed))
            continue
        cell = record[key]
        loss: Loss = "row" if column.needed else "cell"
        try:
            value = _read_field(cell, column, read_time)
        except CellError as error:
            near = nearest(str(cell), column.spelled()) if error.message == "not_choice" else None
            shows_allowed = error.message in ("not_choice", "not_number", "not_integer", "out_of_range")
            problems.append(
                _problem(
                    error.message,
                    sheet,
                    line,
                    column,
                    cell,
                    loss,
                    values=error.values,
                    allowed=column.allowed if shows_allowed else (),
                    nearest=column.choices[near] if near else None,
                )
            )
            complete &= not column.needed
            continue
        if value is not None:
            values[key] = value
    return values if complete else None


def _problem(message: str, sheet: str, row: int, column: BookField, cell: Any, loss: Loss, **more: Any) -> Problem:
    value = None if cell is None else shown(cell)
    return Problem(message=message, sheet=sheet, row=row, column=column.term, value=value, loss=loss, **more)


def read_moment_cell(cell: Any, read_time: ReadTime | None) -> Any:
    """Read a moment; one without its date, or without its year, is a time of the night where that is known.

    Raises
    ------
    CellError
        It is none, lies outside the night, or comes twice in it.
    """
    try:
        return read_cell(cell, "datetime")
    except CellError as error:
        if read_time is None or error.message not in TIME_ALONE:
            raise
        seconds = int(cell.total_seconds()) if isinstance(cell, dt.timedelta) else 0
        text = f"{seconds // 3600}:{seconds // 60 % 60:02d}" if isinstance(cell, dt.timedelta) else str(cell)
        try:
            moment = read_time(text)
            return moment if moment is pd.NaT else moment.tz_localize(None).to_pydatetime()
        except UserError as refused:
            (why,) = refused.messages
            if why.key == "clock.ambiguous" or (why.key == "clock.outside" and error.message in CLOCK_ALONE):
                raise CellError("time_of_night", why=why) from None
            raise error from None


def _read_field(cell: Any, column: BookField, read_time: ReadTime | None) -> Any:
    if column.kind == "datetime":
        return read_moment_cell(cell, read_time)
    unit = glossary()[column.term]["unit"] if column.kind in MEASURED else ""
    value = read_cell(cell, column.kind, column.spelled() if column.choices else None, unit=unit)
    if value is None:
        return None
    below = column.low is not None and column.kind in MEASURED and value < column.low
    above = column.high is not None and column.kind in MEASURED and value > column.high
    if below or above:
        raise CellError("out_of_range")
    return value if column.convert is None else column.convert(value)


def _write_cell(page: Any, line: int, at: int, column: BookField, value: Any, lang: Lang, look: Any) -> None:
    if isinstance(value, dict):
        value = value[lang]
    if column.choices:
        page.write_string(line, at, label(column.choices[value], lang), look)
    elif isinstance(value, bool):
        page.write_string(line, at, label("yes" if value else "no", lang), look)
    elif column.kind in ("date", "datetime"):
        page.write_datetime(line, at, value if isinstance(value, dt.date) else read_cell(value, column.kind), look)
    elif isinstance(value, int | float | Decimal):
        page.write_number(line, at, float(value), look)
    else:
        page.write_string(line, at, str(value), look)


def explain_field(column: BookField, lang: Lang) -> str:
    """Return what a column wants: meaning, whether it must be filled in, what is allowed, how it is written."""
    parts = [glossary()[column.term][f"definition_{lang}"]]
    parts.append(translate("store.column_needed_mark" if column.needed else "store.column_optional_mark", lang))
    if column.choices or column.allowed:
        words = [label(term, lang) for term in column.choices.values()] or list(column.allowed)
        parts.append(translate("store.allowed", lang, choices=translate("store.list_mark", lang).join(words)))
    if column.kind in ("share", "money", "date", "datetime", "bool"):
        parts.append(translate(f"store.write_{column.kind}", lang))
    return "\n".join(parts)


def _offer_choices(page: Any, at: int, column: BookField, lang: Lang) -> None:
    rule: dict[str, Any] | None = None
    names = [label(term, lang) for term in column.choices.values()]
    if names and len(",".join(names)) <= LIST_CHARACTERS:  # a longer list stands in the note and on the first page
        rule = {"validate": "list", "source": names}
    elif column.kind == "bool":
        rule = {"validate": "list", "source": [label("yes", lang), label("no", lang)]}
    elif column.kind in MEASURED and column.low is not None:
        highest = 1e15 if column.high is None else column.high
        rule = {"validate": "decimal", "criteria": "between", "minimum": column.low, "maximum": highest}
    if rule is not None:
        rule |= {"error_type": "stop", "error_title": label(column.term, lang)[:32]}
        rule["error_message"] = explain_field(column, lang)[:255]
        page.data_validation(1, at, EMPTY_ROWS, at, rule)
