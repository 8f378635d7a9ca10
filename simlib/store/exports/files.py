"""Open whatever is dropped: workbooks, text tables in any encoding, zips of them; refuse the rest in a sentence."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from simlib.messages import Message
from simlib.store.exports.formats import rules
from simlib.store.exports.values import days_in
from simlib.store.problems import Problem, StoreError
from simlib.store.sources import BYTES_MAX, OLE_MAGIC, ZIP_DAMAGE, ZIP_MAGIC, decode, read_workbook

GZIP_MAGIC = b"\x1f\x8b"
PICTURES = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"Rar!", b"7z\xbc\xaf", b"PK\x05\x06")
MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|\?xml|table|head|body|meta)", re.IGNORECASE)


class Refused(Exception):
    """A file that is not read, with the message that says why."""

    def __init__(self, message: Message) -> None:
        self.message = message
        super().__init__(message.text("en"))


@dataclass(frozen=True, kw_only=True)
class RawTable:
    """One sheet of one file, the ``number``-th: its rows as a person counts them; ``text`` where the file is text."""

    file: str
    sheet: str
    rows: Sequence[tuple[int, Sequence[Any]]]
    text: str | None = None
    number: int = 1


@dataclass(frozen=True, kw_only=True)
class OpenedFile:
    """A file as it was opened: its tables, or the message that says why there are none."""

    file: str
    tables: tuple[RawTable, ...] = ()
    refusal: Message | Problem | None = None


def open_files(paths: Iterable[str | Path]) -> Iterator[OpenedFile]:
    """Open files, folders and zips of them, one after the other; the same bytes a second time are refused.

    Nothing that is wrong with one file keeps another from being read.
    """
    seen: dict[str, str] = {}
    for path in paths:
        path = Path(path)
        if path.is_dir():
            inside = sorted(each for each in path.rglob("*") if each.is_file() and not each.name.startswith("."))
            if not inside:
                yield OpenedFile(file=path.name, refusal=Message("exports.folder_empty", file=path.name))
            for each in inside:
                yield from _open(each, each.name, seen)
        else:
            yield from _open(path, path.name, seen)


def _open(path: Path, name: str, seen: dict[str, str], *, nested: bool = False) -> Iterator[OpenedFile]:
    try:
        yield from _open_one(path, name, seen, nested=nested)
    except Refused as error:
        yield OpenedFile(file=name, refusal=error.message)
    except StoreError as error:
        yield OpenedFile(file=name, refusal=error.problems[0])
    except OSError:
        yield OpenedFile(file=name, refusal=Problem(message="file_in_use", values={"file": name}))


def _open_one(path: Path, name: str, seen: dict[str, str], *, nested: bool) -> Iterator[OpenedFile]:
    if name.startswith("~$") or not path.exists() or not path.is_file() or path.stat().st_size == 0:
        read_workbook(path)  # refuses it by name
        return
    if path.stat().st_size > BYTES_MAX:
        raise StoreError([Problem(message="file_too_big", values={"file": name, "limit_mb": BYTES_MAX // 1_000_000})])
    data = path.read_bytes()
    # the same rows under another day's name may be another day: only the name says which
    mark = f"{hashlib.sha256(data).hexdigest()} {days_in(name)}"
    if mark in seen:
        yield OpenedFile(file=name, refusal=Message("exports.same_file", file=name, other=seen[mark]))
        return
    seen[mark] = name
    if data.startswith(PICTURES):
        yield OpenedFile(file=name, refusal=Message("exports.no_table", file=name))
    elif data.startswith(ZIP_MAGIC) and not _is_workbook(path):
        if nested:
            yield OpenedFile(file=name, refusal=Message("exports.zip_in_zip", file=name))
        else:
            yield from _open_zip(path, name, seen)
    elif data.startswith((ZIP_MAGIC, OLE_MAGIC)) or MARKUP.match(data[:4096]):
        yield OpenedFile(file=name, tables=tuple(_read_book(path, name)))
    else:
        if data.startswith(GZIP_MAGIC):
            data = _unpack(data, name)
        yield OpenedFile(file=name, tables=(_read_text(path, name, data),))


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist() or "[Content_Types].xml" in archive.namelist()
    except (*ZIP_DAMAGE, OSError):
        return True  # cut off: the reader of workbooks says so


def _read_book(path: Path, name: str) -> Iterator[RawTable]:
    sheets, problems = read_workbook(path)
    if problems:
        raise StoreError(problems)
    for number, sheet in enumerate(sheets, start=1):
        if sheet.rows:
            _refuse_wide(name, sheet.rows)
            yield RawTable(file=name, sheet=sheet.name, rows=sheet.rows, number=number)


def _refuse_wide(name: str, rows: Sequence[tuple[int, Sequence[Any]]]) -> None:
    limit = int(rules()["columns_max"])
    wide = next((number for number, cells in rows if len(cells) > limit), None)
    if wide is not None:
        raise Refused(Message("exports.too_wide", file=name, row=wide, limit=limit))


def _unpack(data: bytes, name: str) -> bytes:
    try:
        with gzip.open(io.BytesIO(data)) as file:
            plain = file.read(BYTES_MAX + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise StoreError([Problem(message="file_truncated", values={"file": name})]) from error
    if len(plain) > BYTES_MAX:
        raise StoreError([Problem(message="file_too_big", values={"file": name, "limit_mb": BYTES_MAX // 1_000_000})])
    return plain


def _read_text(path: Path, name: str, data: bytes) -> RawTable:
    text = decode(path, data)
    mark = find_mark(text)
    rows: list[tuple[int, Sequence[Any]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    begins, limit = 1, int(rules()["rows_max"])
    try:
        for cells in reader:
            if any(cells):
                rows.append((begins, cells))
            begins = reader.line_num + 1
            if len(rows) > limit:
                raise StoreError([Problem(message="file_too_long", values={"file": name, "limit": limit})])
    except csv.Error as error:
        raise StoreError([Problem(message="file_damaged", values={"file": name, "reason": str(error)})]) from error
    _refuse_wide(name, rows[:1000])
    return RawTable(file=name, sheet="", rows=rows, text=text if len(text) < 20_000_000 else None)


def find_mark(text: str) -> str:
    r"""Return what stands between the cells of text: the mark that most lines have, and have equally often.

    Examples
    --------
    >>> find_mark("title, of a kind\na\tb\tc\n1\t2\t3\n")
    '\t'
    """
    lines = [line for line in text[:200_000].splitlines()[:60] if line.strip()]

    def weight(mark: str) -> tuple[int, int]:
        counts = [line.count(mark) for line in lines]
        return sum(count == max(counts, default=0) > 0 for count in counts) + sum(c > 0 for c in counts), sum(counts)

    return max(",\t;|", key=weight)


def _open_zip(path: Path, name: str, seen: dict[str, str]) -> Iterator[OpenedFile]:
    """Unpack a zip's files into a folder of its own, by their bare names, within bounds."""
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
            members = [part for part in archive.infolist() if not part.is_dir() and not _is_hidden(part.filename)]
            if any(part.flag_bits & 0x1 for part in members):
                raise StoreError([Problem(message="file_encrypted", values={"file": name})])
            too_many = len(members) > int(rules()["members_max"])
            if too_many or sum(part.file_size for part in members) > BYTES_MAX:
                values = {"file": name, "limit_mb": BYTES_MAX // 1_000_000}
                raise StoreError([Problem(message="file_too_big", values=values)])
            if not members:
                yield OpenedFile(file=name, refusal=Message("exports.no_table", file=name))
            for number, part in enumerate(members):
                inner = _member_name(part)
                place = Path(folder) / str(number)
                place.mkdir()
                target = place / inner
                target.write_bytes(archive.read(part))
                yield from _open(target, inner, seen, nested=True)
    except (*ZIP_DAMAGE, zlib.error, RuntimeError) as error:
        raise StoreError([Problem(message="file_truncated", values={"file": name})]) from error


def _is_hidden(name: str) -> bool:
    last = PurePosixPath(name.replace("\\", "/")).name
    return last.startswith(".") or "__MACOSX" in name


def _member_name(part: zipfile.ZipInfo) -> str:
    """Return the bare name of a zip's member; names of older Windows tools are GBK."""
    text = part.filename
    if not part.flag_bits & 0x800:
        try:
            text = text.encode("cp437").decode("gbk")
        except (UnicodeEncodeError, UnicodeDecodeError):
            text = part.filename
    name = PurePosixPath(text.replace("\\", "/")).name
    return re.sub(r'[<>:"|?*\x00-\x1f]', "_", name)[-150:] or "table"
