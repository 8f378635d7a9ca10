"""Read the cells of an Excel workbook in one pass over its XML: stored results only, no links, no macros, no styles."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from posixpath import basename, dirname, join, normpath
from typing import Any, Literal
from urllib.parse import unquote
from xml.parsers import expat

from simlib.store.cells import EXCEL_EPOCH, Formula, Percent

ROWS_MAX = 200_000
COLUMNS_MAX = 256
CELLS_MAX = 6_000_000  # cells held of one workbook, those that only fill a row up to a stray one included
SHEETS_MAX = 500
MERGED_MAX = 2_000  # merged ranges kept of one sheet; of more, the whole sheet counts as merged
LAST_ROW = 1_048_576  # as Excel has them
USUAL_WORKBOOK = "xl/workbook.xml"
EPOCH_1904 = dt.datetime(1904, 1, 1)
LAST_SERIAL = 2_958_465  # 9999-12-31
# Number formats that every workbook has and that show a date, a time, or hours that run on past 24.
DATE_FORMATS = frozenset({*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)})
ELAPSED_FORMAT = 46
PERCENT_FORMATS = frozenset({9, 10})

REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?\d{1,7}$", re.ASCII)
Row = tuple[int, Sequence[Any]]
Visibility = Literal["visible", "hidden", "veryHidden"]  # of a sheet: the last one is not listed in Excel's menu either


@dataclass(frozen=True, kw_only=True)
class SheetCells:
    """The cells of one sheet: rows that hold something, with their numbers, and (first row, last row, range) merged.

    ``cut`` says that the sheet has more rows than are read, ``full`` that the workbook has more cells.
    ``hidden`` are the rows of it that Excel does not show: of a filter, or folded away; ``hidden_columns`` the columns,
    from 1 on. ``visibility`` is the tab's.
    """

    name: str
    rows: list[Row]
    merged: tuple[tuple[int, int, str], ...]
    cut: bool
    full: bool = False
    hidden: tuple[int, ...] = ()
    hidden_columns: tuple[int, ...] = ()
    visibility: Visibility = "visible"


def read_cells(parts: Mapping[str, bytes]) -> list[SheetCells]:
    """Read every worksheet of a workbook from its parts.

    Text is text, whatever it begins with; a date is a date by its cell's format; a formula gives its stored
    result, or a `Formula` where none is stored.

    Parameters
    ----------
    parts : mapping of str to bytes
        The parts of the package by name: case and the kind of slash do not matter (ECMA-376 part 2).

    Raises
    ------
    UnsafeXmlError
        A part declares a document type.
    ValueError, KeyError, IndexError
        The parts do not make a workbook; malformed XML is a ValueError.
    """
    home = find_workbook(parts)
    book = _Outline(parts[home])
    links = _Links(parts[join(dirname(home), "_rels", basename(home) + ".rels")], base=dirname(home))
    strings = _Strings(parts[links.one("sharedStrings")]).found if links.one("sharedStrings") in parts else []
    kinds = _Formats(parts[links.one("styles")]).kinds if links.one("styles") in parts else []
    epoch = EPOCH_1904 if book.from_1904 else EXCEL_EPOCH
    sheets: list[SheetCells] = []
    room = CELLS_MAX
    for name, link, visibility in book.sheets[:SHEETS_MAX]:
        target = links.worksheets.get(link)
        if target is not None:
            sheet = _Sheet(parts[target], strings, kinds, epoch, room)
            room -= sheet.held
            sheets.append(
                SheetCells(
                    name=name,
                    rows=sheet.rows,
                    merged=tuple(sheet.merged),
                    cut=sheet.cut,
                    full=sheet.full,
                    hidden=tuple(sheet.hidden),
                    hidden_columns=tuple(sorted(sheet.hidden_columns)),
                    visibility=visibility,
                )
            )
    return sheets


def find_workbook(parts: Mapping[str, bytes]) -> str:
    """Find the part that is the workbook: where the package's relationships say, else where Excel puts it.

    Raises
    ------
    KeyError
        The package holds no workbook.
    """
    if "_rels/.rels" in parts:
        found = _Links(parts["_rels/.rels"], base="").one("officeDocument")
        if found in parts:
            return found
    if USUAL_WORKBOOK in parts:
        return USUAL_WORKBOOK
    raise KeyError(USUAL_WORKBOOK)


class UnsafeXmlError(Exception):
    """A part declares a document type, by which XML can unfold without bound; a workbook never does."""


class _Enough(Exception):
    """The sheet is longer than what is read of one."""


class _Part:
    """One XML part, walked through by expat; the prefix of the root's namespace is taken off every name."""

    def __init__(self, data: bytes) -> None:
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.EntityDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._open_root
        self._parser.EndElementHandler = self.close
        self._parser.CharacterDataHandler = self._text
        try:
            self._parser.Parse(data, True)
        except (expat.ExpatError, LookupError) as error:  # a LookupError is an encoding or attribute nobody knows
            raise ValueError(f"malformed XML: {error}") from error

    def _refuse_doctype(self, *_: object) -> None:
        raise UnsafeXmlError

    def _open_root(self, name: str, attributes: dict[str, str]) -> None:
        """Meet the root: what stands before its name is taken off the names inside it."""
        prefix, colon, bare = name.rpartition(":")
        own = prefix + colon
        if own:
            self._parser.StartElementHandler = lambda name, found: self.open(name.removeprefix(own), found)
            self._parser.EndElementHandler = lambda name: self.close(name.removeprefix(own))
        else:
            self._parser.StartElementHandler = self.open
        self.open(bare, attributes)

    def _text(self, text: str) -> None:
        pass

    def open(self, name: str, attributes: dict[str, str]) -> None:
        """Meet the beginning of an element."""

    def close(self, name: str) -> None:
        """Meet the end of an element."""


class _Outline(_Part):
    """The workbook's list of sheets, each with its link and whether its tab shows, and its first day."""

    def __init__(self, data: bytes) -> None:
        self.sheets: list[tuple[str, str, Visibility]] = []
        self.from_1904 = False
        super().__init__(data)

    def open(self, name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            link = next((value for key, value in attributes.items() if key.rpartition(":")[2] == "id"), "")
            self.sheets.append((attributes["name"], link, _visibility(attributes.get("state"))))
        elif name == "workbookPr":
            self.from_1904 = attributes.get("date1904") in ("1", "true")


class _Links(_Part):
    """Where the parts are that one part names; ``base`` is the folder of that part."""

    def __init__(self, data: bytes, *, base: str) -> None:
        self.worksheets: dict[str, str] = {}
        self._others: dict[str, str] = {}
        self._base = base
        super().__init__(data)

    def open(self, name: str, attributes: dict[str, str]) -> None:
        if name != "Relationship" or attributes.get("TargetMode") == "External":
            return
        target = unquote(attributes["Target"].replace("\\", "/"))
        path = target.lstrip("/") if target.startswith("/") else normpath(join(self._base, target))
        if attributes["Type"].endswith("/worksheet"):
            self.worksheets[attributes["Id"]] = path
        else:
            self._others.setdefault(attributes["Type"].rpartition("/")[2], path)

    def one(self, kind: str) -> str:
        """Find the one part of a kind; a workbook may do without it."""
        return self._others.get(kind, "")


class _Strings(_Part):
    """The texts that cells share; readings printed above characters are left out."""

    def __init__(self, data: bytes) -> None:
        self.found: list[str] = []
        self._pieces: list[str] = []
        self._in_text = self._in_reading = False
        super().__init__(data)

    def open(self, name: str, attributes: dict[str, str]) -> None:
        if name == "si":
            self._pieces = []
        elif name == "rPh":
            self._in_reading = True
        elif name == "t":
            self._in_text = not self._in_reading

    def _text(self, text: str) -> None:
        if self._in_text:
            self._pieces.append(text)

    def close(self, name: str) -> None:
        if name == "t":
            self._in_text = False
        elif name == "rPh":
            self._in_reading = False
        elif name == "si":
            self.found.append(_unescape("".join(self._pieces)))


class _Formats(_Part):
    """What each cell style shows: a number, a date or time, or hours that run on."""

    def __init__(self, data: bytes) -> None:
        self.kinds: list[str] = []
        self._codes: dict[int, str] = {}
        self._in_styles = False
        super().__init__(data)

    def open(self, name: str, attributes: dict[str, str]) -> None:
        if name == "numFmt" and "formatCode" in attributes:
            self._codes[_index(attributes.get("numFmtId"))] = attributes["formatCode"]
        elif name == "cellXfs":
            self._in_styles = True
        elif name == "xf" and self._in_styles:
            self.kinds.append(self._kind(_index(attributes.get("numFmtId"))))

    def close(self, name: str) -> None:
        if name == "cellXfs":
            self._in_styles = False

    def _kind(self, number: int) -> str:
        code = self._codes.get(number)
        if code is None:
            if number in PERCENT_FORMATS:
                return "percent"
            return "elapsed" if number == ELAPSED_FORMAT else "date" if number in DATE_FORMATS else "number"
        first = re.sub(r'"[^"]*"|\\.|_.|\*.', "", code).partition(";")[0]
        if re.search(r"\[(?:h+|m+|s+)\]", first, re.IGNORECASE):
            return "elapsed"
        if re.search(r"[dmhys]", re.sub(r"\[[^]]*\]", "", first), re.IGNORECASE):
            return "date"
        return "percent" if "%" in first else "number"


class _Sheet(_Part):
    """The cells of a sheet, in one pass."""

    def __init__(
        self, data: bytes, strings: Sequence[str], kinds: Sequence[str], epoch: dt.datetime, room: int
    ) -> None:
        self.rows: list[Row] = []
        self.merged: list[tuple[int, int, str]] = []
        self.hidden: list[int] = []
        self.hidden_columns: set[int] = set()
        self.cut = self.full = self._unseen = False
        self.held = 0
        self._room = room
        self._strings, self._kinds, self._epoch = strings, kinds, epoch
        self._row: list[Any] = []
        self._number = self._column = 0
        self._type = self._style = ""
        self._pieces: list[str] | None = None
        self._value: str | None = None
        self._formula: str | None = None
        self._in_reading = False
        try:
            super().__init__(data)
        except _Enough:
            self.cut = not self.full

    def open(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._type, self._style = attributes.get("t") or "n", attributes.get("s", "0")
            self._column = _column_number(attributes["r"]) if "r" in attributes else self._column + 1
            self._value = self._formula = None
        elif name in ("v", "f") or (name == "t" and not self._in_reading):
            self._pieces = []
        elif name == "rPh":
            self._in_reading = True
        elif name == "row":
            self._number = int(attributes.get("r") or self._number + 1)
            if not 1 <= self._number <= LAST_ROW:
                raise ValueError(f"row {self._number}")
            self._row, self._column = [], 0
            self._unseen = attributes.get("hidden") in ("1", "true")
        elif name == "col":
            if attributes.get("hidden") in ("1", "true"):
                first, last = (_index(attributes.get(end)) for end in ("min", "max"))
                self.hidden_columns.update(range(max(first, 1), min(last, COLUMNS_MAX) + 1))
        elif name == "mergeCell" and len(self.merged) <= MERGED_MAX:
            where = attributes["ref"][:40]
            rows = [int(row) for row in re.findall(r"\d{1,7}", where)] or [1, LAST_ROW]
            if len(self.merged) == MERGED_MAX:
                rows, where = [1, LAST_ROW], "..."
            self.merged.append((rows[0], rows[-1], where))

    def _text(self, text: str) -> None:
        if self._pieces is not None:
            self._pieces.append(text)

    def close(self, name: str) -> None:
        if name in ("v", "t") and self._pieces is not None:
            self._value = (self._value or "") + "".join(self._pieces)
            self._pieces = None
        elif name == "f":
            self._formula = "=" + "".join(self._pieces or ())
            self._pieces = None
        elif name == "c":
            value = self._cell()
            if value is not None:
                column = min(self._column, COLUMNS_MAX)
                self._row += [None] * (column - len(self._row))
                self._row[column - 1] = value
        elif name == "row" and self._row:
            self.held += len(self._row)
            self.full = self.held > self._room
            if len(self.rows) == ROWS_MAX or self.full:
                raise _Enough
            self.rows.append((self._number, self._row))
            if self._unseen:
                self.hidden.append(self._number)
        elif name == "rPh":
            self._in_reading = False

    def _cell(self) -> Any:
        """Give the value of the cell that has just ended."""
        text, kind = self._value, self._type
        if kind == "str" or (kind == "inlineStr" and text is not None):
            return _unescape(text or "")
        if not text:
            return None if self._formula is None else Formula(self._formula)
        if kind == "n":
            return self._number_or_date(text)
        if kind == "s":
            at = int(text)
            if at < 0:
                raise IndexError(at)
            return self._strings[at]
        if kind == "b":
            return text.strip() in ("1", "true")
        return _iso_moment(text) if kind == "d" else text

    def _number_or_date(self, text: str) -> Any:
        style = _index(self._style)
        kind = self._kinds[style] if style < len(self._kinds) else "number"
        try:
            number = float(text)
        except ValueError:
            return text  # the cell says what is wrong with it where it is read
        if kind == "percent":
            return Percent(number)
        if kind == "number" or not math.isfinite(number):
            return int(number) if number.is_integer() and abs(number) < 2**53 else number
        if kind == "elapsed":
            return _round_ms(dt.timedelta(days=number)) if abs(number) < LAST_SERIAL else number
        if not 0 <= number < LAST_SERIAL:
            return number
        if number < 1:
            return (EPOCH_1904 + _round_ms(dt.timedelta(days=number))).time()
        if self._epoch == EXCEL_EPOCH and number < 60:
            number += 1  # Excel counts a 29th of February 1900 that never was
        return self._epoch + _round_ms(dt.timedelta(days=number))


def _visibility(state: str | None) -> Visibility:
    """Take the state of a tab; one that nobody knows is visible, as in Excel."""
    return "hidden" if state == "hidden" else "veryHidden" if state == "veryHidden" else "visible"


def _round_ms(span: dt.timedelta) -> dt.timedelta:
    return dt.timedelta(milliseconds=round(span / dt.timedelta(milliseconds=1)))


def _index(text: str | None) -> int:
    """Take an index of a style or format; one that is empty or no number is the first."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 8 else 0


def _iso_moment(text: str) -> Any:
    """Take a cell that is written as a date, a time of day or both; anything else stays the text it is."""
    plain = text.strip().removesuffix("Z")
    try:
        return dt.datetime.fromisoformat(plain) if "-" in plain[:8] else dt.time.fromisoformat(plain.removeprefix("T"))
    except ValueError:
        return text


def _column_number(reference: str) -> int:
    """Count the column of a cell reference: B7 stands in column 2."""
    found = REFERENCE.match(reference)
    if found is None:
        raise ValueError(f"cell reference {reference[:20]}")
    number = 0
    for letter in found.group(1).upper():
        number = number * 26 + ord(letter) - 64
    return number


def column_letters(number: int) -> str:
    """Return the letters by which Excel shows a column.

    Examples
    --------
    >>> column_letters(2), column_letters(26), column_letters(27), column_letters(256)
    ('B', 'Z', 'AA', 'IV')
    """
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _unescape(text: str) -> str:
    """Turn _x000D_ back into the character that XML cannot hold."""
    if "_x" not in text:
        return text
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found.group(1), 16)), text)
