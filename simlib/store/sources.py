"""Open a workbook or a folder of tables as plain rows; nothing is run, nothing is unpacked blindly."""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from simlib.store.cells import Formula, fold, spellings
from simlib.store.problems import Problem, StoreError

BYTES_MAX = 200_000_000
ROWS_MAX = 200_000
COLUMNS_MAX = 200
OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP_MAGIC = b"PK\x03\x04"
TABLE_ENDINGS = (".csv", ".yml", ".yaml")


@dataclass(frozen=True, kw_only=True)
class RawSheet:
    """A sheet as it stands in the file: its name and its rows, each with the number a person sees.

    ``merged`` lists (first row, last row, range) of merged cells.
    """

    name: str
    rows: Sequence[tuple[int, Sequence[Any]]]
    merged: tuple[tuple[int, int, str], ...] = ()

    @property
    def private(self) -> bool:
        """Whether the sheet is the user's own: a name with _ in front, or a page that explains."""
        stem = Path(self.name).stem if self.name.lower().endswith(TABLE_ENDINGS) else self.name
        return stem.startswith("_") or fold(stem) in {fold(name) for name in spellings("readme_sheets")}


def read_source(path: Path) -> tuple[list[RawSheet], list[Problem]]:
    """Open a workbook or a folder as raw sheets, and say what stands in the way.

    Raises
    ------
    StoreError
        Nothing can be read at all: no such file, not Excel, encrypted, cut off, or too large.
    """
    if path.is_dir():
        return _read_folder(path)
    return read_workbook(path)


def _refuse(path: Path, message: str, **values: object) -> StoreError:
    return StoreError([Problem(message=message, values={"file": path.name, **values})])


def read_workbook(path: Path) -> tuple[list[RawSheet], list[Problem]]:
    """Open an Excel workbook as raw sheets: cached results of formulas, no links, no macros."""
    _refuse_unreadable(path)
    try:
        with zipfile.ZipFile(path) as archive:
            parts = _checked_parts(path, archive)
            return _read_sheets(path, parts)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError) as error:
        raise _refuse(path, "file_truncated") from error


def _refuse_unreadable(path: Path) -> None:
    """Tell by name and first bytes what the file is, and refuse what is not a workbook."""
    if path.name.startswith("~$"):
        raise _refuse(path, "file_lock")
    if not path.exists():
        raise _refuse(path, "file_missing")
    if path.stat().st_size == 0:
        raise _refuse(path, "file_empty")
    if path.stat().st_size > BYTES_MAX:
        raise _refuse(path, "file_too_big", limit_mb=BYTES_MAX // 1_000_000)
    with path.open("rb") as file:
        head = file.read(65_536)
    if head.startswith(OLE_MAGIC):
        encrypted = "EncryptedPackage".encode("utf-16-le") in path.read_bytes()
        raise _refuse(path, "file_encrypted" if encrypted else "file_xls")
    if head.startswith(ZIP_MAGIC):
        return
    if re.match(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|\?xml|table|head|body|meta)", head, re.IGNORECASE):
        raise _refuse(path, "file_html")
    if path.suffix.lower() in TABLE_ENDINGS:
        raise _refuse(path, "file_csv_alone")
    raise _refuse(path, "file_not_excel")


def _checked_parts(path: Path, archive: zipfile.ZipFile) -> dict[str, bytes]:
    """Unpack the XML parts of a workbook once their stated size is known to be bearable."""
    names = set(archive.namelist())
    if "xl/workbook.xml" not in names:
        raise _refuse(path, "file_not_excel")
    if any(part.flag_bits & 0x1 for part in archive.infolist()):
        raise _refuse(path, "file_encrypted")
    if sum(part.file_size for part in archive.infolist()) > BYTES_MAX:
        raise _refuse(path, "file_too_big", limit_mb=BYTES_MAX // 1_000_000)
    try:
        parts = {name: archive.read(name) for name in names if name.endswith((".xml", ".rels"))}
    except (OSError, RuntimeError, ValueError, zlib.error) as error:
        raise _refuse(path, "file_truncated") from error
    if any(b"<!DOCTYPE" in part or b"<!ENTITY" in part for part in parts.values()):
        raise _refuse(path, "file_unsafe")
    return parts


def _read_sheets(path: Path, parts: dict[str, bytes]) -> tuple[list[RawSheet], list[Problem]]:
    from openpyxl.utils.exceptions import InvalidFileException

    sheets: list[RawSheet] = []
    problems: list[Problem] = []
    try:
        values = _open_workbook(path, results=True)
        has_formulas = any(re.search(rb"<(?:\w+:)?f[ >/]", parts[name]) for name in parts if "/worksheets/" in name)
        formulas = _open_workbook(path, results=False) if has_formulas else None
        try:
            for title in values.sheetnames:
                sheet = values[title]
                if not hasattr(sheet, "iter_rows"):
                    continue
                raw = parts.get(sheet._worksheet_path.lstrip("/"), b"")
                rows, too_long = _rows_of(sheet)
                if too_long:
                    problems.append(Problem(message="sheet_too_long", sheet=title, values={"limit": ROWS_MAX}))
                if formulas is not None:
                    rows = _mark_formulas(rows, formulas[title], raw)
                sheets.append(RawSheet(name=title, rows=rows, merged=_merged_ranges(raw)))
        finally:
            values.close()
            if formulas is not None:
                formulas.close()
    except (InvalidFileException, KeyError, ValueError, TypeError, AttributeError, SyntaxError, IndexError) as error:
        raise _refuse(path, "file_damaged", reason=f"{type(error).__name__}") from error
    return sheets, problems


def _open_workbook(path: Path, *, results: bool) -> Any:
    from openpyxl import load_workbook

    with warnings.catch_warnings():
        # openpyxl warns of styles and validations that it does not keep; nothing of a reader's business
        warnings.simplefilter("ignore")
        return load_workbook(path, read_only=True, data_only=results, keep_links=False)


def _rows_of(sheet: Any) -> tuple[list[tuple[int, Sequence[Any]]], bool]:
    """Keep the rows that hold something; a sheet's stated size is not believed."""
    sheet.reset_dimensions()
    rows: list[tuple[int, Sequence[Any]]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            if any(cell is not None for cell in cells):
                if len(rows) == ROWS_MAX:
                    return rows, True
                rows.append((number, cells[:COLUMNS_MAX]))
    return rows, False


def _mark_formulas(rows: list[tuple[int, Sequence[Any]]], sheet: Any, raw: bytes) -> list[tuple[int, Sequence[Any]]]:
    """Put a `Formula` where the file holds a formula and no result; an empty text is a result."""
    sheet.reset_dimensions()
    known = {number: list(cells) for number, cells in rows}
    for cells in sheet.iter_rows():
        for cell in cells:
            if getattr(cell, "data_type", None) != "f" or cell.column > COLUMNS_MAX:
                continue
            row = known.setdefault(cell.row, [])
            row += [None] * (cell.column - len(row))
            if row[cell.column - 1] is None and not _is_empty_text(raw, cell.coordinate):
                row[cell.column - 1] = Formula(cell.value)
    return [(number, known[number]) for number in sorted(known)]


def _is_empty_text(raw: bytes, coordinate: str) -> bool:
    found = re.search(rb"<(?:\w+:)?c\s[^>]*\br=\"" + coordinate.encode() + rb"\"[^>]*>", raw)
    return found is not None and b't="str"' in found.group()


def _merged_ranges(raw: bytes) -> tuple[tuple[int, int, str], ...]:
    ranges = re.findall(rb"<(?:\w+:)?mergeCell\s[^>]*ref=\"([A-Z]+(\d+):[A-Z]+(\d+))\"", raw)
    return tuple((int(top), int(bottom), where.decode()) for where, top, bottom in ranges)


def _read_folder(path: Path) -> tuple[list[RawSheet], list[Problem]]:
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in TABLE_ENDINGS and file.name[0] not in ".~")
    if not files:
        raise _refuse(path, "folder_empty")
    sheets: list[RawSheet] = []
    problems: list[Problem] = []
    for file in files:
        try:
            read = read_csv if file.suffix.lower() == ".csv" else _read_yaml
            sheets.append(RawSheet(name=file.name, rows=read(file)))
        except StoreError as error:
            problems += error.problems
    return sheets, problems


def decode(path: Path, data: bytes) -> str:
    """Decode a text file as people save it: UTF-8 or UTF-16 with a mark, UTF-8 without, else GB 18030."""
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise _refuse(path, "file_not_text")


def read_csv(path: Path) -> list[tuple[int, Sequence[str]]]:
    """Read a CSV file's rows with the line each begins on."""
    if path.stat().st_size > BYTES_MAX:
        raise _refuse(path, "file_too_big", limit_mb=BYTES_MAX // 1_000_000)
    rows: list[tuple[int, Sequence[str]]] = []
    for number, cells in csv_rows(path, decode(path, path.read_bytes())):
        if len(rows) > ROWS_MAX:
            raise _refuse(path, "file_too_long", limit=ROWS_MAX)
        if any(cell.strip() for cell in cells):
            rows.append((number, [unguard(cell) for cell in cells]))
    return rows


def csv_rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Walk through the rows of CSV text: comma, semicolon or tab, whichever the first line holds most of."""
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    begins = 1
    try:
        for cells in reader:
            yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise _refuse(path, "file_damaged", reason=str(error)) from error


def guard(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run as a formula.

    Examples
    --------
    >>> guard("=1+1"), unguard(guard("=1+1")), unguard("'quoted'")
    ("'=1+1", '=1+1', "'quoted'")
    """
    return "'" + text if re.match(r"'*[=+\-@\t\r]", text) else text


def unguard(text: str) -> str:
    """Take the apostrophe of `guard` away again."""
    return text[1:] if re.match(r"'+[=+\-@\t\r]", text) else text


def _read_yaml(path: Path) -> list[tuple[int, Sequence[Any]]]:
    """Read a YAML list of mappings as a table; one mapping alone is a list of key and value."""
    if path.stat().st_size > BYTES_MAX:
        raise _refuse(path, "file_too_big", limit_mb=BYTES_MAX // 1_000_000)
    # the base loader makes nothing but text, lists and mappings: 20:00 stays 20:00, and no object is ever built
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        data = yaml.load(decode(path, path.read_bytes()), Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise _refuse(path, "yaml_damaged", line="?" if mark is None else mark.line + 1) from error
    if data in (None, ""):
        return []
    if isinstance(data, dict):
        return [(0, ["key", "value"]), *((number, pair) for number, pair in enumerate(data.items(), start=1))]
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise _refuse(path, "yaml_not_table")
    header = list(dict.fromkeys(key for item in data for key in item))
    empty = ("", "~", "null")
    rows = [[None if _bare(item.get(key)) in empty else item[key] for key in header] for item in data]
    return [(0, header), *((number, row) for number, row in enumerate(rows, start=1))]


def _bare(value: Any) -> Any:
    return "" if value is None else value
