"""Open a workbook or a folder of tables as plain rows; nothing is run, nothing is unpacked blindly."""

from __future__ import annotations

import codecs
import csv
import io
import re
import stat
import zipfile
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from simlib.store.cells import fold, is_blank, shown, spellings, visible
from simlib.store.columns import find_sheet, is_header_again, rank_name
from simlib.store.problems import Problem, StoreError
from simlib.store.xlsx import (
    CELLS_MAX,
    COLUMNS_MAX,
    ROWS_MAX,
    UnsafeXmlError,
    Visibility,
    column_letters,
    find_workbook,
    read_cells,
)

BYTES_MAX = 200_000_000
TABLE_BYTES_MAX = 60_000_000  # of a CSV table of a store: more than 200,000 rows need
YAML_BYTES_MAX = 5_000_000
YAML_DEPTH_MAX = 20
YAML_EVENTS_MAX = 1_000_000
PARTS_MAX = 10_000
DELIMITERS_WITHIN_LINES = 12
HEADER_WITHIN_ROWS = 10  # of a sheet: people put titles and remarks above a table
MATRIX_ROWS_MAX = 20_000
OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP_MAGIC = b"PK\x03\x04"
# What a damaged zip raises as it is opened; the names of its parts are text, or damaged too.
ZIP_DAMAGE = (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, UnicodeDecodeError)
# What a spreadsheet takes for the beginning of a formula, full-width forms and line ends included.
FORMULA_BEGIN = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
WEB_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|!--|html|\?xml|table|head|body|meta)", re.IGNORECASE)
TABLE_ENDINGS = (".csv", ".yml", ".yaml")
WORKBOOK_ENDINGS = (".xlsx", ".xlsm", ".xls")


@dataclass(frozen=True, kw_only=True)
class RawSheet:
    """A sheet as it stands in the file: its name and its rows, each with the number a person sees.

    ``merged`` lists (first row, last row, range) of merged cells, ``hidden`` the rows that Excel does not show
    and ``hidden_columns`` the columns, from 1 on; ``visibility`` says whether it shows the sheet.
    """

    name: str
    rows: Sequence[tuple[int, Sequence[Any]]]
    merged: tuple[tuple[int, int, str], ...] = ()
    hidden: tuple[int, ...] = ()
    hidden_columns: tuple[int, ...] = ()
    visibility: Visibility = "visible"

    @property
    def stem(self) -> str:
        """Return the name without the ending of a file."""
        return Path(self.name).stem if self.name.lower().endswith(TABLE_ENDINGS) else self.name

    @property
    def private(self) -> bool:
        """Return whether the sheet is the user's own: a name with _ in front, or a page that explains."""
        return self.stem.startswith("_") or fold(self.stem) in {fold(name) for name in spellings("readme_sheets")}


def sort_sheets(
    sheets: Iterable[RawSheet], names: Mapping[str, str]
) -> tuple[dict[str, list[RawSheet]], list[RawSheet]]:
    """Sort sheets by what they are: one's own and empty ones are left out.

    Parameters
    ----------
    sheets : iterable of RawSheet
        As they stand in the file.
    names : mapping of str to str
        Spellings of the known sheets, folded, to keys.

    Returns
    -------
    tuple
        Of each key the sheets that go by it, and the sheets that nobody knows. Of several the one to be read comes
        first: the nearest to the known name, whatever the order of the tabs.
    """
    known: dict[str, list[RawSheet]] = {}
    unknown: list[RawSheet] = []
    for raw in sheets:
        if raw.private or not raw.rows:
            continue
        key = find_sheet(raw.stem, names)
        known.setdefault(key, []).append(raw) if key is not None else unknown.append(raw)
    return {key: sorted(same, key=lambda raw: rank_name(raw.stem, names)) for key, same in known.items()}, unknown


def find_hidden(raw: RawSheet, *, sheet: str, header: int, columns: Sequence[str | None]) -> list[Problem]:
    """List what Excel does not show of a sheet that is read: the sheet itself, rows, columns that hold data.

    Parameters
    ----------
    raw : RawSheet
        The sheet as it stands in the file.
    sheet : str
        Its key.
    header : int
        The row of the header; only what stands below is data.
    columns : sequence of str or None
        What each column is; a note and a column that is not read are no data.

    Returns
    -------
    list of Problem
        Notices: at most one of each kind.
    """
    found: list[Problem] = []
    if raw.visibility != "visible":
        message = "sheet_hidden" if raw.visibility == "hidden" else "sheet_very_hidden"
        found.append(Problem(message=message, sheet=sheet))
    rows = tuple(line for line in raw.hidden if line > header)
    if rows:
        found.append(Problem(message="rows_hidden", sheet=sheet, row=rows[0], rows=rows))
    data = [cells for line, cells in raw.rows if line > header]
    places = {
        name: number
        for number, name in enumerate(columns, start=1)
        if name and name != "note" and number in raw.hidden_columns
        if any(len(cells) >= number and not is_blank(cells[number - 1]) for cells in data)
    }
    if places:
        names = tuple(places)
        values = {"letters": tuple(map(column_letters, places.values())), "count": len(names)}
        found.append(Problem(message="columns_hidden", sheet=sheet, column=names[0], columns=names, values=values))
    return found


def find_stray(cells: Sequence[Any], headless: Set[int], *, sheet: str, row: int, width: int) -> Iterator[Problem]:
    """List the cells of a row that stand under no header; ``headless`` are the columns in which there is none."""
    for at, cell in enumerate(cells):
        if (at >= width or at in headless) and not is_blank(cell):
            yield Problem(message="cell_outside", sheet=sheet, row=row, value=shown(cell), loss="unread")


def find_merged(raw: RawSheet, *, sheet: str, header: int) -> tuple[list[Problem], set[int]]:
    """List the merged cells from the header on, and the rows below it under them.

    What stands in merged cells belongs to one of their rows, and nobody knows to which: the rows count as not there.
    """
    problems: list[Problem] = []
    under: set[int] = set()
    lines = [line for line, _ in raw.rows]
    for top, bottom, where in raw.merged:
        if bottom >= header:
            covered = lines[bisect_left(lines, max(top, header + 1)) : bisect_right(lines, bottom)]
            problems.append(
                Problem(message="merged", sheet=sheet, value=where, loss="merged" if covered else "nothing")
            )
            under.update(covered)
    return problems, under


def read_below(
    raw: RawSheet, header: int, *, sheet: str, problems: list[Problem]
) -> Iterator[tuple[int, Sequence[Any]]]:
    """Walk through the rows below the header at a place, and list what stands there and is not read.

    Left out are rows under merged cells and the header where it stands once more.
    """
    number, names = raw.rows[header]
    merged, under = find_merged(raw, sheet=sheet, header=number)
    problems += merged
    headless = {at for at, cell in enumerate(names) if is_blank(cell)}
    for line, cells in raw.rows[header + 1 :]:
        if line in under:
            continue
        if is_header_again(cells, names):
            problems.append(Problem(message="header_again", sheet=sheet, row=line, loss="nothing"))
            continue
        problems += find_stray(cells, headless, sheet=sheet, row=line, width=len(names))
        yield line, cells


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
    except OSError as error:
        raise refuse(path, "file_unreadable", reason=error.strerror or type(error).__name__) from error


def find_beside(store: str | Path, name: str) -> Path | None:
    """Find the workbook of a chapter beside a store's workbook, or in its folder; None where there is none.

    One with macros counts, and one of the old kind, which is refused by its name where it is read: passed over, what
    stands in it would be missing from a chapter that looks complete.
    """
    return next(_beside(store, name), None)


def note_passed_over(store: str | Path, name: str) -> list[Problem]:
    """Return the notice that of two workbooks of a chapter beside a store the first is read; else none."""
    first, *others = [path.name for path in _beside(store, name)] or [""]
    return [Problem(message="beside_twice", values={"first": first, "second": other}) for other in others[:1]]


def _beside(store: str | Path, name: str) -> Iterator[Path]:
    """Walk through the workbooks of a chapter beside a store, the one that bears the store's name first."""
    path = Path(store)
    if not str(store):
        return
    names = [name] if path.is_dir() else [f"{path.stem}.{name}", name]
    folder = path if path.is_dir() else path.parent
    found = (folder / f"{Path(each).stem}{ending}" for each in names for ending in WORKBOOK_ENDINGS)
    yield from (each for each in found if each.is_file())


def refuse(path: Path, message: str, **values: object) -> StoreError:
    """Make the error that refuses a whole file."""
    return StoreError([Problem(message=message, values={"file": shown(path.name), **values})])


def refuse_irregular(path: Path) -> None:
    """Refuse a path that is no plain file: nothing there, a broken link, a folder, a pipe or a device.

    Raises
    ------
    StoreError
        With the sentence that says what stands there.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise refuse(path, "file_broken_link" if path.is_symlink() else "file_missing") from error
    except PermissionError as error:
        raise refuse(path, "file_in_use") from error
    except OSError as error:
        raise refuse(path, "file_unreadable", reason=error.strerror or type(error).__name__) from error
    if stat.S_ISDIR(found.st_mode):
        raise refuse(path, "file_is_folder")
    if not stat.S_ISREG(found.st_mode):
        raise refuse(path, "file_not_plain")


def _read_bytes(path: Path, limit: int) -> bytes:
    """Read a plain file that is not larger than a limit."""
    refuse_irregular(path)
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise refuse(path, "file_too_big", limit_mb=limit // 1_000_000)
    return data


def read_workbook(path: Path) -> tuple[list[RawSheet], list[Problem]]:
    """Open an Excel workbook as raw sheets: cached results of formulas, no links, no macros."""
    _refuse_unreadable(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_sheets(path, _checked_parts(path, archive))
    except ZIP_DAMAGE as error:
        raise refuse(path, "file_truncated") from error


def _refuse_unreadable(path: Path) -> None:
    """Identify a file by name and first bytes, and refuse what is not a workbook."""
    if path.name.startswith("~$"):
        raise refuse(path, "file_lock")
    refuse_irregular(path)
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
    if WEB_PAGE.match(head):
        raise refuse(path, "file_html")
    if path.suffix.lower() in TABLE_ENDINGS:
        raise refuse(path, "file_csv_alone")
    raise refuse(path, "file_text_renamed" if _is_text(head) else "file_not_excel")


def _is_text(head: bytes) -> bool:
    """Return whether a file begins as a table of text does: no control characters, and something that parts cells."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    return not re.search(rb"[\x00-\x08\x0e-\x1f]", head) and re.search(rb"[,;\t\r\n]", head) is not None


class _Package(Mapping[str, bytes]):
    """The parts of a workbook's package by name, whatever the case and the slashes; each is unpacked when asked for."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path, self._archive = path, archive
        self._names: dict[str, zipfile.ZipInfo] = {}
        for part in archive.infolist():
            self._names.setdefault(self._plain(part.filename), part)

    @staticmethod
    def _plain(name: str) -> str:
        return name.replace("\\", "/").lstrip("/").casefold()

    def __getitem__(self, name: str) -> bytes:
        part = self._names[self._plain(name)]
        try:
            return self._archive.read(part)
        except (*ZIP_DAMAGE, OSError, RuntimeError, ValueError, zlib.error) as error:
            raise refuse(self._path, "file_truncated") from error

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._plain(name) in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _checked_parts(path: Path, archive: zipfile.ZipFile) -> _Package:
    """Make the parts of a workbook readable once their stated size is known to be bearable."""
    parts = _Package(path, archive)
    if any(part.flag_bits & 0x1 for part in archive.infolist()):
        raise refuse(path, "file_encrypted")
    if len(parts) > PARTS_MAX or sum(part.file_size for part in archive.infolist()) > BYTES_MAX:
        raise refuse(path, "file_too_big", limit_mb=BYTES_MAX // 1_000_000)
    if "content.xml" in parts and "mimetype" in parts:
        raise refuse(path, "file_other_sheet", kind=".ods")
    if "xl/workbook.bin" in parts:
        raise refuse(path, "file_other_sheet", kind=".xlsb")
    if any(name.endswith(".iwa") for name in parts):
        raise refuse(path, "file_other_sheet", kind=".numbers")
    return parts


def _read_sheets(path: Path, parts: Mapping[str, bytes]) -> tuple[list[RawSheet], list[Problem]]:
    try:
        find_workbook(parts)
    except StoreError:
        raise
    except UnsafeXmlError as error:
        raise refuse(path, "file_unsafe") from error
    except (ValueError, KeyError) as error:
        raise refuse(path, "file_not_excel") from error
    try:
        found = read_cells(parts)
    except StoreError:
        raise
    except UnsafeXmlError as error:
        raise refuse(path, "file_unsafe") from error
    except (ValueError, KeyError, IndexError, OverflowError, StopIteration) as error:
        raise refuse(path, "file_damaged", reason=shown(str(error)) or type(error).__name__) from error
    problems = [
        Problem(message="sheet_too_long", sheet=sheet.name, values={"limit": ROWS_MAX}) for sheet in found if sheet.cut
    ]
    problems += [
        Problem(message="sheet_too_wide", sheet=sheet.name, values={"limit": CELLS_MAX})
        for sheet in found
        if sheet.full
    ]
    return [
        RawSheet(
            name=sheet.name,
            rows=sheet.rows,
            merged=sheet.merged,
            hidden=sheet.hidden,
            hidden_columns=sheet.hidden_columns,
            visibility=sheet.visibility,
        )
        for sheet in found
    ], problems


def read_matrix(path: Path) -> pd.DataFrame:
    """Read the first table of a workbook, or of a CSV file, as a frame under its first row.

    The same reader as for a store: bounded, no formula is run, no link followed. Row n of the frame is row n + 2 of the
    sheet; what is empty is None.

    Raises
    ------
    StoreError
        The file is none of the two, cannot be read, or is larger than any roster.
    """
    refuse_irregular(path)
    if path.suffix.lower() == ".csv":
        rows = list(read_csv(path))
    else:
        sheets, problems = read_workbook(path)
        if problems:
            raise StoreError(problems)
        rows = list(next((sheet.rows for sheet in sheets if sheet.rows and not sheet.private), ()))
    if not rows:
        raise refuse(path, "file_empty")
    lines = {number: list(cells) for number, cells in rows}
    first, last = min(lines), max(lines)
    if last - first > MATRIX_ROWS_MAX:
        raise refuse(path, "file_too_long", limit=MATRIX_ROWS_MAX)
    wide = max(len(cells) for cells in lines.values())
    header = [*lines[first], *[None] * (wide - len(lines[first]))]
    names: list[Any] = []
    for at, cell in enumerate(header):
        name = f"Unnamed: {at}" if is_blank(cell) else visible(cell).strip() if isinstance(cell, str) else cell
        twins = sum(cell == other for other in header[:at]) if not is_blank(cell) else 0
        names.append(f"{name}.{twins}" if twins else name)
    table = [
        [*lines.get(number, ()), *[None] * (wide - len(lines.get(number, ())))] for number in range(first + 1, last + 1)
    ]
    cells = [[None if is_blank(cell) else cell for cell in row] for row in table]
    return pd.DataFrame(cells, columns=pd.Index(names, dtype=object), dtype=object)


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
    """Decode a text file as people save it: UTF-8 or UTF-16 with a mark, UTF-8 without, else GB 18030.

    Raises
    ------
    StoreError
        A web page under another name, or no text in any of these encodings.
    """
    if WEB_PAGE.match(data[:2000]):
        raise refuse(path, "file_html")
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
    rows: list[tuple[int, Sequence[str]]] = []
    held = 0
    for number, cells in csv_rows(path, decode(path, _read_bytes(path, TABLE_BYTES_MAX))):
        if len(rows) > ROWS_MAX:
            raise refuse(path, "file_too_long", limit=ROWS_MAX)
        if any(cell.strip() for cell in cells):
            while cells and not cells[-1]:
                cells.pop()
            held += len(cells)
            if len(cells) > COLUMNS_MAX or held > CELLS_MAX:
                raise refuse(path, "table_too_wide", limit=COLUMNS_MAX)
            rows.append((number, [unguard(cell) for cell in cells]))
    return rows


def find_delimiter(text: str) -> str:
    r"""Find what separates the cells: comma, semicolon or tab, whichever most of the first lines hold, then most often.

    Examples
    --------
    >>> find_delimiter("Promo calendar, 2026\nname\tprofile\nw\tE"), find_delimiter("a;b\n1,5;2,5")
    ('\t', ';')
    """
    lines = [line for line in re.split(r"\r\n|\r|\n", text[:50_000])[:DELIMITERS_WITHIN_LINES] if line.strip()]
    return max(",;\t", key=lambda mark: (sum(mark in line for line in lines), sum(line.count(mark) for line in lines)))


def csv_rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Walk through the rows of CSV text, whatever separates its cells; a title above the table is no matter."""
    stated = re.match(r"sep=([,;\t])\r?\n", text)  # Excel's own first line
    mark = stated.group(1) if stated else find_delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    begins = 1
    try:
        for cells in reader:
            if not (stated and begins == 1):
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise refuse(path, "csv_damaged", line=begins) from error


def guard(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run as a formula.

    Examples
    --------
    >>> guard("=1+1"), unguard(guard("=1+1")), unguard("'quoted'")
    ("'=1+1", '=1+1', "'quoted'")
    """
    return "'" + text if FORMULA_BEGIN.match(text) else text


def unguard(text: str) -> str:
    """Take the apostrophe of `guard` away again."""
    return text[1:] if text.startswith("'") and FORMULA_BEGIN.match(text) else text


def _read_yaml(path: Path) -> list[tuple[int, Sequence[Any]]]:
    """Read a YAML list of mappings as a table; one mapping alone is a list of key and value."""
    text = decode(path, _read_bytes(path, YAML_BYTES_MAX))
    # the base loader makes nothing but text, lists and mappings: 20:00 stays 20:00, and no object is ever built
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        _refuse_unbounded_yaml(path, text, loader)
        data = yaml.load(text, Loader=loader)
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
    if len(header) > COLUMNS_MAX:
        raise refuse(path, "table_too_wide", limit=COLUMNS_MAX)
    if len(data) > ROWS_MAX:
        raise refuse(path, "file_too_long", limit=ROWS_MAX)
    empty = ("", "~", "null")
    rows = [[None if _bare(item.get(key)) in empty else item[key] for key in header] for item in data]
    return [(0, header), *((number, row) for number, row in enumerate(rows, start=1))]


def _refuse_unbounded_yaml(path: Path, text: str, loader: Any) -> None:
    """Refuse YAML that is nested too deep, too large, or has a key twice, before anything is built of it."""
    keys: list[set[str] | None] = []
    waits_for_key: list[bool] = []
    for count, event in enumerate(yaml.parse(text, Loader=loader)):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if count > YAML_EVENTS_MAX:
            raise refuse(path, "file_too_long", limit=ROWS_MAX)
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            keys.pop()
            waits_for_key.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        if keys and keys[-1] is not None:
            if waits_for_key[-1] and isinstance(event, yaml.ScalarEvent):
                if event.value in keys[-1]:
                    raise refuse(path, "yaml_key_twice", line=line, twin=shown(event.value))
                keys[-1].add(event.value)
            waits_for_key[-1] = not waits_for_key[-1]
        if isinstance(event, yaml.CollectionStartEvent):
            keys.append(set() if isinstance(event, yaml.MappingStartEvent) else None)
            waits_for_key.append(True)
            if len(keys) > YAML_DEPTH_MAX:
                raise refuse(path, "yaml_too_deep", line=line, limit=YAML_DEPTH_MAX)


def _bare(value: Any) -> Any:
    return "" if value is None else value
