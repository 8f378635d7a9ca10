"""Open a workbook or a folder of tables as plain rows; nothing is run, nothing is unpacked blindly."""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from simlib.store.cells import fold, spellings
from simlib.store.problems import Problem, StoreError
from simlib.store.xlsx import ROWS_MAX, read_cells

BYTES_MAX = 200_000_000
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
    try:
        return _read_folder(path) if path.is_dir() else read_workbook(path)
    except PermissionError as error:
        raise refuse(path, "file_in_use") from error


def refuse(path: Path, message: str, **values: object) -> StoreError:
    """Make the error that refuses a whole file."""
    return StoreError([Problem(message=message, values={"file": path.name, **values})])


def read_workbook(path: Path) -> tuple[list[RawSheet], list[Problem]]:
    """Open an Excel workbook as raw sheets: cached results of formulas, no links, no macros."""
    _refuse_unreadable(path)
    try:
        with zipfile.ZipFile(path) as archive:
            parts = _checked_parts(path, archive)
            return _read_sheets(path, parts)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError) as error:
        raise refuse(path, "file_truncated") from error


def _refuse_unreadable(path: Path) -> None:
    """Tell by name and first bytes what the file is, and refuse what is not a workbook."""
    if path.name.startswith("~$"):
        raise refuse(path, "file_lock")
    if not path.exists():
        raise refuse(path, "file_missing")
    if path.stat().st_size == 0:
        raise refuse(path, "file_empty")
    if path.stat().st_size > BYTES_MAX:
        raise refuse(path, "file_too_big", limit_mb=BYTES_MAX // 1_000_000)
    with path.open("rb") as file:
        head = file.read(65_536)
    if head.startswith(OLE_MAGIC):
        encrypted = "EncryptedPackage".encode("utf-16-le") in path.read_bytes()
        raise refuse(path, "file_encrypted" if encrypted else "file_xls")
    if head.startswith(ZIP_MAGIC):
        return
    if re.match(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|\?xml|table|head|body|meta)", head, re.IGNORECASE):
        raise refuse(path, "file_html")
    if path.suffix.lower() in TABLE_ENDINGS:
        raise refuse(path, "file_csv_alone")
    raise refuse(path, "file_not_excel")


def _checked_parts(path: Path, archive: zipfile.ZipFile) -> dict[str, bytes]:
    """Unpack the XML parts of a workbook once their stated size is known to be bearable."""
    names = set(archive.namelist())
    if "xl/workbook.xml" not in names:
        raise refuse(path, "file_not_excel")
    if any(part.flag_bits & 0x1 for part in archive.infolist()):
        raise refuse(path, "file_encrypted")
    if sum(part.file_size for part in archive.infolist()) > BYTES_MAX:
        raise refuse(path, "file_too_big", limit_mb=BYTES_MAX // 1_000_000)
    try:
        parts = {name: archive.read(name) for name in names if name.endswith((".xml", ".rels"))}
    except (OSError, RuntimeError, ValueError, zlib.error) as error:
        raise refuse(path, "file_truncated") from error
    if any(b"<!DOCTYPE" in part or b"<!ENTITY" in part for part in parts.values()):
        raise refuse(path, "file_unsafe")
    return parts


def _read_sheets(path: Path, parts: dict[str, bytes]) -> tuple[list[RawSheet], list[Problem]]:
    try:
        found = read_cells(parts)
    except (ValueError, KeyError, IndexError, OverflowError, StopIteration) as error:
        raise refuse(path, "file_damaged", reason=type(error).__name__) from error
    problems = [
        Problem(message="sheet_too_long", sheet=sheet.name, values={"limit": ROWS_MAX}) for sheet in found if sheet.cut
    ]
    return [RawSheet(name=sheet.name, rows=sheet.rows, merged=sheet.merged) for sheet in found], problems


def _read_folder(path: Path) -> tuple[list[RawSheet], list[Problem]]:
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in TABLE_ENDINGS and file.name[0] not in ".~")
    if not files:
        raise refuse(path, "folder_empty")
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
    raise refuse(path, "file_not_text")


def read_csv(path: Path) -> list[tuple[int, Sequence[str]]]:
    """Read a CSV file's rows with the line each begins on."""
    if path.stat().st_size > BYTES_MAX:
        raise refuse(path, "file_too_big", limit_mb=BYTES_MAX // 1_000_000)
    rows: list[tuple[int, Sequence[str]]] = []
    for number, cells in csv_rows(path, decode(path, path.read_bytes())):
        if len(rows) > ROWS_MAX:
            raise refuse(path, "file_too_long", limit=ROWS_MAX)
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
        raise refuse(path, "file_damaged", reason=str(error)) from error


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
        raise refuse(path, "file_too_big", limit_mb=BYTES_MAX // 1_000_000)
    # the base loader makes nothing but text, lists and mappings: 20:00 stays 20:00, and no object is ever built
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        data = yaml.load(decode(path, path.read_bytes()), Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise refuse(path, "yaml_damaged", line="?" if mark is None else mark.line + 1) from error
    if data in (None, ""):
        return []
    if isinstance(data, dict):
        return [(0, ["key", "value"]), *((number, pair) for number, pair in enumerate(data.items(), start=1))]
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise refuse(path, "yaml_not_table")
    header = list(dict.fromkeys(key for item in data for key in item))
    empty = ("", "~", "null")
    rows = [[None if _bare(item.get(key)) in empty else item[key] for key in header] for item in data]
    return [(0, header), *((number, row) for number, row in enumerate(rows, start=1))]


def _bare(value: Any) -> Any:
    return "" if value is None else value
