"""Read the cells of an Excel workbook in one pass over its XML: stored results only, no links, no macros, no styles."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from posixpath import join, normpath
from typing import Any
from xml.parsers import expat

from simlib.store.cells import EXCEL_EPOCH, Formula

ROWS_MAX = 200_000
COLUMNS_MAX = 256
EPOCH_1904 = dt.datetime(1904, 1, 1)
LAST_SERIAL = 2_958_465  # 9999-12-31
# Number formats that every workbook has and that show a date, a time, or hours that run on past 24.
DATE_FORMATS = frozenset({*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)})
ELAPSED_FORMAT = 46

Row = tuple[int, Sequence[Any]]


@dataclass(frozen=True, kw_only=True)
class SheetCells:
    """The cells of one sheet: rows that hold something, with their numbers, and (first row, last row, range) merged."""

    name: str
    rows: list[Row]
    merged: tuple[tuple[int, int, str], ...]
    cut: bool


def read_cells(parts: Mapping[str, bytes]) -> list[SheetCells]:
    """Read every worksheet of a workbook from its unpacked parts.

    Text is text, whatever it begins with; a date is a date by its cell's format; a formula gives its stored
    result, or a `Formula` where none is stored.

    Raises
    ------
    ValueError, KeyError, IndexError
        The parts do not make a workbook; malformed XML is a ValueError.
    """
    book = _Outline(parts["xl/workbook.xml"])
    links = _Links(parts["xl/_rels/workbook.xml.rels"])
    strings = _Strings(parts[links.one("/sharedStrings")]).found if links.one("/sharedStrings") in parts else []
    kinds = _Formats(parts[links.one("/styles")]).kinds if links.one("/styles") in parts else []
    epoch = EPOCH_1904 if book.from_1904 else EXCEL_EPOCH
    sheets = []
    for name, link in book.sheets:
        target = links.worksheets.get(link)
        if target is not None:
            sheet = _Sheet(parts[target], strings, kinds, epoch)
            sheets.append(SheetCells(name=name, rows=sheet.rows, merged=tuple(sheet.merged), cut=sheet.cut))
    return sheets


class _Enough(Exception):
    """The sheet is longer than what is read of one."""


class _Part:
    """One XML part, walked through by expat; the prefix of the root's namespace is taken off every name."""

    def __init__(self, data: bytes) -> None:
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        prefix = re.search(rb"<(\w+:)?(?:worksheet|workbook|sst|styleSheet|Relationships)\b", data)
        if prefix is None or prefix.group(1) is None:
            self._parser.StartElementHandler = self.open
            self._parser.EndElementHandler = self.close
        else:
            own = prefix.group(1).decode()
            self._parser.StartElementHandler = lambda name, found: self.open(name.removeprefix(own), found)
            self._parser.EndElementHandler = lambda name: self.close(name.removeprefix(own))
        self._parser.CharacterDataHandler = self._text
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            raise ValueError(f"malformed XML: {error}") from error

    def _text(self, text: str) -> None:
        pass

    def open(self, name: str, attributes: dict[str, str]) -> None:
        """Meet the beginning of an element."""

    def close(self, name: str) -> None:
        """Meet the end of an element."""


class _Outline(_Part):
    """The workbook's list of sheets and its first day."""

    def __init__(self, data: bytes) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.from_1904 = False
        super().__init__(data)

    def open(self, name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            link = next(value for key, value in attributes.items() if key.rpartition(":")[2] == "id")
            self.sheets.append((attributes["name"], link))
        elif name == "workbookPr":
            self.from_1904 = attributes.get("date1904") in ("1", "true")


class _Links(_Part):
    """Where the workbook's parts are."""

    def __init__(self, data: bytes) -> None:
        self.worksheets: dict[str, str] = {}
        self._others: dict[str, str] = {}
        super().__init__(data)

    def open(self, name: str, attributes: dict[str, str]) -> None:
        if name != "Relationship" or attributes.get("TargetMode") == "External":
            return
        target = attributes["Target"]
        path = target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
        if attributes["Type"].endswith("/worksheet"):
            self.worksheets[attributes["Id"]] = path
        else:
            self._others[attributes["Type"].rpartition("/")[2]] = path

    def one(self, kind: str) -> str:
        """Find the one part of a kind; a workbook may do without it."""
        return self._others.get(kind.lstrip("/"), "")


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
            self._codes[int(attributes["numFmtId"])] = attributes["formatCode"]
        elif name == "cellXfs":
            self._in_styles = True
        elif name == "xf" and self._in_styles:
            self.kinds.append(self._kind(int(attributes.get("numFmtId", 0))))

    def close(self, name: str) -> None:
        if name == "cellXfs":
            self._in_styles = False

    def _kind(self, number: int) -> str:
        code = self._codes.get(number)
        if code is None:
            return "elapsed" if number == ELAPSED_FORMAT else "date" if number in DATE_FORMATS else "number"
        first = re.sub(r'"[^"]*"|\\.|_.|\*.', "", code).partition(";")[0]
        if re.search(r"\[(?:h+|m+|s+)\]", first, re.IGNORECASE):
            return "elapsed"
        return "date" if re.search(r"[dmhys]", re.sub(r"\[[^]]*\]", "", first), re.IGNORECASE) else "number"


class _Sheet(_Part):
    """The cells of a sheet, in one pass."""

    def __init__(self, data: bytes, strings: Sequence[str], kinds: Sequence[str], epoch: dt.datetime) -> None:
        self.rows: list[Row] = []
        self.merged: list[tuple[int, int, str]] = []
        self.cut = False
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
            self.cut = True

    def open(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._type, self._style = attributes.get("t", "n"), attributes.get("s", "0")
            self._column = _column_number(attributes["r"]) if "r" in attributes else self._column + 1
            self._value = self._formula = None
        elif name in ("v", "f") or (name == "t" and not self._in_reading):
            self._pieces = []
        elif name == "rPh":
            self._in_reading = True
        elif name == "row":
            self._number = int(attributes.get("r", self._number + 1))
            self._row, self._column = [], 0
        elif name == "mergeCell":
            where = attributes["ref"]
            rows = [int(row) for row in re.findall(r"\d+", where)]
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
            if len(self.rows) == ROWS_MAX:
                raise _Enough
            self.rows.append((self._number, self._row))
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
            return self._strings[int(text)]
        if kind == "b":
            return text.strip() in ("1", "true")
        return dt.datetime.fromisoformat(text.removesuffix("Z")) if kind == "d" else text

    def _number_or_date(self, text: str) -> Any:
        style = int(self._style)
        kind = self._kinds[style] if style < len(self._kinds) else "number"
        number = float(text)
        if kind == "number":
            return int(number) if number.is_integer() and abs(number) < 2**53 else number
        if kind == "elapsed":
            return _round_ms(dt.timedelta(days=number))
        if not 0 <= number < LAST_SERIAL:
            return number
        if number < 1:
            return (EPOCH_1904 + _round_ms(dt.timedelta(days=number))).time()
        if self._epoch == EXCEL_EPOCH and number < 60:
            number += 1  # Excel counts a 29th of February 1900 that never was
        return self._epoch + _round_ms(dt.timedelta(days=number))


def _round_ms(span: dt.timedelta) -> dt.timedelta:
    return dt.timedelta(milliseconds=round(span / dt.timedelta(milliseconds=1)))


def _column_number(reference: str) -> int:
    """Count the column of a cell reference: B7 stands in column 2."""
    number = 0
    for letter in reference:
        if not letter.isalpha():
            break
        number = number * 26 + ord(letter) - 64
    return number


def _unescape(text: str) -> str:
    """Turn _x000D_ back into the character that XML cannot hold."""
    if "_x" not in text:
        return text
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found.group(1), 16)), text)
