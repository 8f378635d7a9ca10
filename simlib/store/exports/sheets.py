"""Two books that have no column names: a roster as a matrix of people and days, and a book of targets by month."""

from __future__ import annotations

import calendar
import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import pandas as pd

from simlib.messages import LANGS, Lang, label
from simlib.store.cells import is_blank
from simlib.store.exports.files import RawTable
from simlib.store.exports.formats import bare_names, fold_word, split_heading, word_classes, words
from simlib.store.exports.headers import summary_kind
from simlib.store.exports.part import Part
from simlib.store.exports.values import bare, is_missing, read_column, read_day

LEAST_DAYS = 3
CODE_LONGEST = 8
_MONTH = re.compile(r"(?<!\d)(20\d{2})\s*[-/._年]?\s*(1[0-2]|0?[1-9])(?:月|(?!\d))")
_NAME_AND_ID = re.compile(r".+ \((.+)\)")  # the kit's matrix writes so where two people share a name
OWN_HEADINGS = ("name", "cohort", "paid_hours")  # of the kit's matrix, before its days
COUNT_HEADINGS = (("shift", "start", "end", "paid_hours"), ("start", "on_duty"))  # of the sheets behind it
_BARE_DAY = re.compile(r"([1-9]|[12]\d|3[01])(?:日|号)?")


def read_roster_matrix(raw: RawTable, part: Part) -> bool:
    """Read a sheet as a roster with a person per row and a day per column, if it is one."""
    head = _find_days(raw.rows[:15])
    if head is None:
        return False
    at, places = head
    cells = raw.rows[at][1]
    days, numbers_only = _days_of(cells, places, _month_of(raw, at))
    first, own = min(places), _is_own(cells, OWN_HEADINGS)
    heads = (i for i in range(first) if (_is_heading(cells[i], "name") if own else _names_people(cells, i)))
    name_at = next(heads, max(first - 1, 0))
    kinds = word_classes("rest_codes")
    lines: list[dict[str, Any]] = []
    people: set[str] = set()
    seen_codes = 0
    for number, row in raw.rows[at + 1 :]:
        who = bare(row[name_at]) if name_at < len(row) else None
        if is_blank(who) or summary_kind(who) or not isinstance(who, str) or who.startswith("*"):
            continue
        if fold_word(who) in bare_names():
            continue
        codes = [bare(row[i]) if i < len(row) else None for i in places]
        if any(len(str(code)) > CODE_LONGEST for code in codes if code is not None):
            return False
        people.add(who.strip())
        seen_codes += sum(code is not None for code in codes)
        named = _NAME_AND_ID.fullmatch(who.strip()) if own else None
        account = {"account": named[1] if named else who.strip()} if own else {}
        for day, code in zip(days or (), codes, strict=days is not None):
            if day is None:
                continue
            text = "rest" if code is None or is_missing(code) else str(code).strip()
            shift = kinds.get(fold_word(text), text)
            lines.append({"day": day, "agent": who.strip(), "shift": shift, "source_row": number, **account})
    if not people or not seen_codes:
        return False
    part.table, part.format = "roster", "roster_matrix"
    if days is None:
        part.ask("day")
        part.note("roster_undated", count=len(people))
        part.frame = pd.DataFrame({name: [] for name in ("day", "agent", "shift", "source_file", "source_row")})
        return True
    if not lines:
        return False
    frame = pd.DataFrame(lines)
    frame["day"] = pd.to_datetime(frame["day"]).astype("datetime64[s]")
    frame.insert(3, "source_file", part.file)
    part.frame = frame
    part.first_day, part.last_day = frame["day"].min().date(), frame["day"].max().date()
    if numbers_only:
        part.note("month_from_name", month=f"{part.first_day:%Y-%m}")
    return True


def counts_a_roster(raw: RawTable) -> bool:
    """Return whether a sheet is one of those behind the kit's own matrix, which count its people."""
    cells = raw.rows[0][1] if len(raw.rows) else ()
    return any(_is_own(cells[: len(headings)], headings) for headings in COUNT_HEADINGS)


def _is_own(cells: Sequence[Any], headings: Sequence[str]) -> bool:
    """Return whether a row holds these headings as the kit writes them, in either language."""
    return any(all(any(_is_heading(cell, key, lang) for cell in cells) for key in headings) for lang in LANGS)


def _is_heading(cell: Any, key: str, *langs: Lang) -> bool:
    return isinstance(cell, str) and any(
        split_heading(cell).name == split_heading(label(key, lang)).name for lang in langs or LANGS
    )


def _names_people(cells: Sequence[Any], at: int) -> bool:
    if at >= len(cells) or is_blank(cells[at]):
        return False
    return bool(bare_names().get(split_heading(str(cells[at])).name, frozenset()) & {"agent", "account"})


def _find_days(rows: Sequence[tuple[int, Sequence[Any]]]) -> tuple[int, list[int]] | None:
    """Find the row that names days: the one with most cells that can be one, each later than the one before."""
    best: tuple[int, list[int]] | None = None
    for at, (_, cells) in enumerate(rows):
        places = [i for i, cell in enumerate(cells) if i > 0 and _may_be_day(cell)]
        run = [i for i in places if not any(_text(cells[i]) == _text(cells[j]) for j in places if j < i)]
        filled = sum(not is_blank(cell) for cell in cells)
        enough = len(run) >= LEAST_DAYS and len(run) * 2 >= filled
        if run and (enough or _is_own(cells, OWN_HEADINGS)) and (best is None or len(run) > len(best[1])):
            best = (at, run)
    return best


def _text(cell: Any) -> str:
    return unicodedata.normalize("NFKC", str(bare(cell))).strip()


def _may_be_day(cell: Any) -> bool:
    if is_blank(cell) or isinstance(cell, bool):
        return False
    if isinstance(cell, int | float):
        return float(cell).is_integer() and (1 <= cell <= 31 or 36_526 <= cell < 73_050)
    if isinstance(cell, str) and _BARE_DAY.fullmatch(_text(cell)):
        return True
    try:
        return read_day(cell, 2024) is not None  # a leap year, so that the 29th of February may stand
    except ValueError:
        return False


def _month_of(raw: RawTable, head: int) -> tuple[int, int] | int | None:
    """Return the year and the month, or the year alone, that titles, the sheet or the file name."""
    titles = [str(cell) for _, cells in raw.rows[:head] for cell in cells if not is_blank(cell)]
    year = None
    for text in (*titles, raw.sheet, raw.file):
        plain = unicodedata.normalize("NFKC", text)
        found = _MONTH.search(plain)
        if found:
            return int(found[1]), int(found[2])
        alone = re.search(r"(?<!\d)(20\d{2})(?!\d)", plain)
        year = year or (int(alone[1]) if alone else None)
    return year


def _days_of(
    cells: Sequence[Any], places: Sequence[int], month: tuple[int, int] | int | None
) -> tuple[list[dt.date | None] | None, bool]:
    """Read the days of a roster's first row; None where nothing says of which month they are."""
    days: list[dt.date | None] = []
    bare_days = False
    for i in places:
        cell = bare(cells[i])
        found = _BARE_DAY.fullmatch(_text(cell)) if not isinstance(cell, dt.date) else None
        if found:
            if not isinstance(month, tuple):
                return None, True
            bare_days = True
            day = int(found[1])
            days.append(dt.date(*month, day) if day <= calendar.monthrange(*month)[1] else None)
            continue
        year = month[0] if isinstance(month, tuple) else month
        try:
            days.append(read_day(cell, year))
        except ValueError:
            return None, False
    # a span that runs over the new year names the later days of the earlier months
    for at in range(1, len(days)):
        before, this = days[at - 1], days[at]
        if before and this and this < before and before.month == 12 and this.month == 1:
            days[at:] = [day and day.replace(year=day.year + 1) for day in days[at:]]
            break
    return days, bare_days


def _month_head(text: str) -> re.Match[str] | None:
    """Find the month in a heading: bare, or with the year before it and a word for a target behind it."""
    found = re.fullmatch(r"(?:20\d{2}\s*[-/._年]?\s*)?0?(1[0-2]|[1-9])月(.*)", text)
    return found if found and (not found[2] or fold_word(found[2]) in words("target_words")) else None


def read_targets(raw: RawTable, part: Part) -> bool:
    """Read a sheet as targets with a shop per row and a month per column, if it is one."""
    for at in range(min(len(raw.rows), 15)):
        cells = raw.rows[at][1]
        months = {
            i: int(found[1])
            for i, cell in enumerate(cells)
            if isinstance(cell, str) and (found := _month_head(_text(cell)))
        }
        if len(months) >= LEAST_DAYS and len(set(months.values())) == len(months):
            break
    else:
        return False
    part.table, part.format = "target", "target_book"
    year = _month_of(raw, at)
    year = year[0] if isinstance(year, tuple) else year
    if year is None:
        part.ask("day")
    labels = {}
    for i, cell in enumerate(cells):
        if i in months or is_blank(cell):
            continue
        keys = bare_names().get(split_heading(str(cell)).name, frozenset())
        labels.update(dict.fromkeys(keys & {"shop", "channel", "platform"}, i))
    body = [(n, row) for n, row in raw.rows[at + 1 :] if not any(summary_kind(bare(cell)) for cell in row[:3])]
    lines = []
    for i, month in months.items():
        read = read_column("money", [row[i] if i < len(row) else None for _, row in body])
        if read.bad:
            rows = tuple(str(body[k][0]) for k, _ in read.bad[:6])
            part.note("bad_cells", title=str(cells[i]), count=len(read.bad), rows=rows, more="", cell="***")
        for (number, row), amount in zip(body, read.found, strict=True):
            names = {key: bare(row[k]) if k < len(row) else None for key, k in labels.items()}
            if amount == amount and any(names.values()):
                day = pd.NaT if year is None else pd.Timestamp(year, month, 1)
                line = {"month": day, "shop": names.get("shop"), "channel": names.get("channel", names.get("platform"))}
                lines.append({**line, "target_cny": float(amount), "source_file": part.file, "source_row": number})
    columns = ["month", "shop", "channel", "target_cny", "source_file", "source_row"]
    part.frame = pd.DataFrame(lines, columns=columns)
    part.frame["month"] = part.frame["month"].astype("datetime64[s]")
    if year is not None and len(part.frame):
        part.first_day = part.frame["month"].min().date()
        last = part.frame["month"].max()
        part.last_day = dt.date(last.year, last.month, calendar.monthrange(last.year, last.month)[1])
    return True
