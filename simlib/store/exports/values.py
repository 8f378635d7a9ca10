"""Read the cells of an export: figures, shares, durations and days in all their spellings; missing is never zero."""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from simlib.store.cells import EXCEL_EPOCH, CellError, Formula, is_blank, read_cell
from simlib.store.exports.formats import Kind, fold_word, units, value, words

DAY_S = 86_400
WRAPPING = " \t\r\n\u00a0\u3000\u200b\ufeff'\""  # what exports wrap round a value
FEW_CELLS = 400  # below this a loop is faster than pandas
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d{1,2}(?:\.\d+)?)")
_PIECE = re.compile(r"(\d+(?:\.\d+)?)([^\d.]+)")
_DAY_IN_TEXT = re.compile(
    r"(?<!\d)(20\d{2})(?:[-/._年])(\d{1,2})(?:[-/._月])(\d{1,2})(?:日)?(?!\d)|(?<!\d)(20\d{2})(\d{2})(\d{2})(?:(\d{4,6}))?(?!\d)"
)
_SHORT_DAY = re.compile(r"(?<!\d)(\d{1,2})(?:[-/.月])(\d{1,2})(?:日|号)?(?!\d)")


@dataclass(kw_only=True)
class Cells:
    """A column as it was read: found (nan where there is none), what could not be read, what was not counted yet."""

    found: Any
    bad: list[tuple[int, Any]] = field(default_factory=list)
    filled: int = 0
    delayed: int = 0
    guessed: int = 0

    @property
    def fits(self) -> float:
        """Share of the cells with something in them that could be read; 1 where none has."""
        return 1.0 - len(self.bad) / self.filled if self.filled else 1.0


def bare(cell: Any) -> Any:
    r"""Take off what exports wrap round a value: tabs, apostrophes, ``="..."``; nothing left is None.

    Examples
    --------
    >>> bare('="6920"'), bare("\t123 "), bare("  ")
    ('6920', '123', None)
    """
    if isinstance(cell, Formula):
        found = re.fullmatch(r'="([^"]*)"', str(cell).strip())
        return found[1] if found else cell
    if not isinstance(cell, str):
        return cell
    text = cell.strip(WRAPPING)
    if text.startswith("="):
        text = text[1:].strip(WRAPPING)
    return text or None


def is_missing(cell: Any) -> bool:
    """Return whether a cell holds no figure: blank, a dash, a word for not counted, or -999.

    Examples
    --------
    >>> [is_missing(cell) for cell in ("-", "", -999, "暂无数据", 0)]
    [True, True, True, True, False]
    """
    if is_blank(cell):
        return True
    if isinstance(cell, str):
        return fold_word(cell) in words("missing")
    return isinstance(cell, int | float) and not isinstance(cell, bool) and (cell == -999 or math.isnan(cell))


def is_delayed(cell: Any) -> bool:
    """Return whether a cell says that the platform has not counted yet."""
    return isinstance(cell, str) and fold_word(cell) in words("delayed")


def is_figure(cell: Any) -> bool:
    """Return whether a cell holds a figure, a share, a duration or a sum of money."""
    if isinstance(cell, bool) or is_blank(cell):
        return False
    if isinstance(cell, int | float | dt.time | dt.timedelta):
        return True
    if not isinstance(cell, str):
        return False
    text = str(bare(cell) or "")
    return bool(re.match(r"[+\-￥¥]?\s*\d", text)) and len(text) < 24 and not re.search(r"[A-Za-z]{3}", text)


def is_day(cell: Any) -> bool:
    """Return whether a cell holds a day of a known year, alone or with a time."""
    try:
        return read_day(cell) is not None
    except ValueError:
        return False


def read_day(cell: Any, year: int | None = None) -> dt.date | None:
    """Read a day; a month and a day alone take ``year``. None where the cell holds none.

    Raises
    ------
    ValueError
        The cell holds something else than one day.

    Examples
    --------
    >>> read_day("2026年4月20日"), read_day(20260420), read_day("4/20", 2026)
    (datetime.date(2026, 4, 20), datetime.date(2026, 4, 20), datetime.date(2026, 4, 20))
    """
    if is_missing(cell):
        return None
    if isinstance(cell, dt.datetime):
        return cell.date()
    if isinstance(cell, dt.date):
        return cell
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if 20_000_101 <= cell <= 20_991_231 and float(cell).is_integer():
            return dt.datetime.strptime(str(int(cell)), "%Y%m%d").date()
        if 36_526 <= cell < 73_050:  # Excel's number of a day between 2000 and 2099
            return (EXCEL_EPOCH + dt.timedelta(days=int(cell))).date()
        raise ValueError("not a day")
    if not isinstance(cell, str):
        raise ValueError("not a day")
    text = unicodedata.normalize("NFKC", str(bare(cell) or "")).strip()
    if re.fullmatch(r"[34567]\d{4}(?:\.\d+)?", text):
        return read_day(float(text))
    days = days_in(text)
    if days:
        rest = _DAY_IN_TEXT.sub("", text)
        if len(set(days)) > 1 or re.search(r"\d{5}", rest):
            raise ValueError("more than one day")
        return days[0]
    short = _SHORT_DAY.match(text)
    if year is not None and short and len(text) <= 12:
        return dt.date(year, int(short[1]), int(short[2]))
    raise ValueError("not a day")


def days_in(text: str) -> list[dt.date]:
    """Return the days that a text names, in order; a stamp with a time behind it is no day of business.

    Examples
    --------
    >>> [str(day) for day in days_in("report_2026-04-01~20260407_20260408093000.xlsx")]
    ['2026-04-01', '2026-04-07']
    """
    return [day for day, stamp in _all_days(text) if not stamp]


def stamp_in(text: str) -> dt.date | None:
    """Return the day on which a file was fetched, where its name bears a stamp of day and time."""
    return next((day for day, stamp in _all_days(text) if stamp), None)


def _all_days(text: str) -> list[tuple[dt.date, bool]]:
    found = []
    for match in _DAY_IN_TEXT.finditer(unicodedata.normalize("NFKC", text)):
        parts = match.group(1, 2, 3) if match[1] else match.group(4, 5, 6)
        try:
            day = dt.date(*map(int, parts))
        except ValueError:
            continue
        found.append((day, bool(match[7])))
    return found


@lru_cache(maxsize=65536)
def read_duration(text: str, unit_s: float = 1.0, *, long: bool = False) -> float:
    """Read a duration as seconds.

    Parameters
    ----------
    text : str
        ``8分48秒``, ``11秒``, ``7小时41分52秒``, ``HH:MM:SS``, ``MM:SS`` (``HH:MM``
        where ``long``), or a number.
    unit_s : float
        Seconds of the header's unit, for a number without one.

    Raises
    ------
    ValueError
        The text is no duration.

    Examples
    --------
    >>> read_duration("8分48秒"), read_duration("7小时41分52秒"), read_duration("00:08:48"), read_duration("8.8", 60)
    (528.0, 27712.0, 528.0, 528.0)
    """
    plain = re.sub(r"[\s,]+", "", unicodedata.normalize("NFKC", text)).casefold()
    found = _CLOCK.fullmatch(plain)
    if found:
        hours, minutes, seconds = found[1], int(found[2]), float(found[3])
        if hours is None and long:
            hours, minutes, seconds = found[2], int(seconds), 0.0
        if minutes > 59 + 940 * (hours is None) or seconds >= 60:
            raise ValueError("not a duration")
        return int(hours or 0) * 3600 + minutes * 60 + seconds
    try:
        return float(plain) * unit_s
    except ValueError:
        pass
    pieces = _PIECE.findall(plain)
    marks = value("duration_units")
    if (
        not pieces
        or "".join(number + mark for number, mark in pieces) != plain
        or any(m not in marks for _, m in pieces)
    ):
        raise ValueError("not a duration")
    return float(sum(float(number) * marks[mark] for number, mark in pieces))


def _duration(cell: Any, unit_s: float, *, long: bool) -> float:
    if isinstance(cell, dt.timedelta):
        return cell.total_seconds()
    if isinstance(cell, dt.time):
        return cell.hour * 3600 + cell.minute * 60 + cell.second + cell.microsecond / 1e6
    if isinstance(cell, dt.datetime):
        if cell.year > 1900:
            raise ValueError("not a duration")
        return (cell - EXCEL_EPOCH).total_seconds()
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return float(cell) * unit_s
    return read_duration(str(cell), unit_s, long=long)


def _number(cell: Any, *, money: bool = False) -> tuple[float, bool]:
    """Read a figure, and whether it was written as a percentage."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return float(cell), False
    if not isinstance(cell, str) or isinstance(cell, Formula):
        raise ValueError("not a figure")
    percent = cell.rstrip().endswith(("%", "％"))
    read = read_cell(cell, "money" if money else "number")
    if read is None:
        raise ValueError("not a figure")
    return float(read), percent


def read_column(kind: Kind, cells: Sequence[Any], *, unit: str | None = None, year: int | None = None) -> Cells:
    """Read a column of one kind.

    Parameters
    ----------
    kind : str
        As in ``playbook/facts/exports.yml``; durations and hours give seconds, money CNY, shares a part of one.
    cells : sequence
        The cells under the heading, summaries left out.
    unit : str, optional
        The unit in the heading's brackets.
    year : int, optional
        The year of days that are written without one.

    Returns
    -------
    Cells
        Figures as a float array, moments as datetime64[s], texts as objects.

    Examples
    --------
    >>> read_column("share", ["62.5%", 62.5, "-"]).found.tolist()
    [0.625, 0.625, nan]
    >>> read_column("money", ["￥1,234.5", "1.2万"]).found.tolist()
    [1234.5, 12000.0]
    """
    bared = [bare(cell) for cell in cells]
    if kind in ("moment", "day"):
        return _read_moments(bared, whole_days=kind == "day", year=year)
    if kind in ("text", "agent", "id", "state", "clock", "slot"):
        return _read_texts(kind, bared)
    factor = units()[unit] if unit is not None else 1.0
    read = _read_fast(bared)
    numbers = read.found
    left = np.flatnonzero(np.isnan(numbers))
    plain = ~np.isnan(numbers)
    exact = np.zeros(len(bared), bool)  # read with a unit of its own, or as a percentage
    for at in left.tolist():
        cell = bared[at]
        if is_missing(cell):
            read.delayed += is_delayed(cell)
            continue
        read.filled += 1
        try:
            if kind in ("duration", "hours"):
                numbers[at] = _duration(cell, factor, long=kind == "hours")
                exact[at] = True
            else:
                numbers[at], percent = _number(cell, money=kind == "money")
                exact[at] = percent
                plain[at] = not percent
        except (ValueError, CellError):
            read.bad.append((at, cell))
    if kind in ("duration", "hours"):
        numbers[plain & ~exact] *= _day_fraction(numbers[plain & ~exact], unit, factor)
    elif kind == "share":
        read.guessed = _settle_shares(numbers, exact)
        _refuse(read, bared, (numbers < 0) | (numbers > 1.0 + 1e-9))
    elif kind == "money":
        numbers *= factor
    if kind in ("count", "duration", "hours", "number"):
        _refuse(read, bared, numbers < 0)
    if kind == "count":
        _refuse(read, bared, numbers > 1e9)
    if kind in ("duration", "hours"):
        _refuse(read, bared, numbers > 400 * DAY_S)
    return read


def _read_fast(cells: Sequence[Any]) -> Cells:
    """Read the plain numbers of a column at once; nan where a cell is something else."""
    if len(cells) < FEW_CELLS:
        few = np.array([_plain_number(cell) for cell in cells], dtype=float)
        return Cells(found=few, filled=int(np.isfinite(few).sum()))
    numbers = pd.to_numeric(pd.Series(cells, dtype=object), errors="coerce").astype(float).to_numpy().copy()
    booleans = np.fromiter((isinstance(cell, bool) for cell in cells), bool, len(cells))
    numbers[booleans | ~np.isfinite(numbers) | (numbers == -999)] = np.nan
    return Cells(found=numbers, filled=int(np.isfinite(numbers).sum()))


def _plain_number(cell: Any) -> float:
    if isinstance(cell, bool) or not isinstance(cell, int | float | str):
        return math.nan
    try:
        number = float(cell)
    except ValueError:
        return math.nan
    return (
        math.nan if not math.isfinite(number) or number == -999 or (isinstance(cell, str) and "_" in cell) else number
    )


def _day_fraction(numbers: np.ndarray, unit: str | None, factor: float) -> float:
    """Return what bare numbers of a duration are multiplied by: the header's unit, or a day where all lie below one."""
    if unit is None and numbers.size and (numbers > 0).any() and (numbers < 1).all():
        return float(DAY_S)
    return factor


def _settle_shares(numbers: np.ndarray, exact: np.ndarray) -> int:
    """Bring shares written as 62.5 and as 0.625 to one scale, in place; return how many were decided by the others.

    Where a column holds figures above one, one at or below it is read whichever way lies nearer to the rest.
    """
    known = ~np.isnan(numbers)
    loose = known & ~exact
    above = loose & (numbers > 1)
    numbers[above] /= 100
    if not above.any():
        return 0
    low = loose & ~above & (numbers > 0)
    if not low.any():
        return 0
    others = numbers[known & ~low & (numbers > 0)]
    middle = math.log(float(np.median(others))) if others.size else 0.0
    as_percent = np.abs(np.log(numbers[low] / 100) - middle) < np.abs(np.log(numbers[low]) - middle)
    numbers[low] = np.where(as_percent, numbers[low] / 100, numbers[low])
    return int(low.sum())


def _refuse(read: Cells, cells: Sequence[Any], wrong: np.ndarray) -> None:
    """Count impossible figures among what could not be read."""
    for at in np.flatnonzero(wrong).tolist():
        read.found[at] = np.nan
        read.bad.append((at, cells[at]))


def _read_moments(cells: Sequence[Any], *, whole_days: bool, year: int | None) -> Cells:
    written = [None if isinstance(cell, int | float) else cell for cell in cells]
    series = pd.Series(written, dtype=object)
    times = pd.to_datetime(series, format="%Y-%m-%d %H:%M:%S", errors="coerce").astype("datetime64[s]")
    values = times.to_numpy().copy()
    read = Cells(found=values, filled=int((~np.isnat(values)).sum()))
    for at in np.flatnonzero(np.isnat(values)).tolist():
        cell = cells[at]
        if is_missing(cell):
            read.delayed += is_delayed(cell)
            continue
        read.filled += 1
        try:
            values[at] = _moment(cell, whole_days=whole_days, year=year)
        except (ValueError, CellError):
            read.bad.append((at, cell))
    if whole_days:
        read.found = values.astype("datetime64[D]").astype("datetime64[s]")
    return read


def _moment(cell: Any, *, whole_days: bool, year: int | None) -> np.datetime64:
    if not whole_days and isinstance(cell, str):
        try:
            moment = read_cell(cell, "datetime")
        except CellError:
            moment = None
        if moment is not None:
            return np.datetime64(moment, "s")
    if isinstance(cell, dt.datetime) and not whole_days:
        return np.datetime64(cell.replace(tzinfo=None), "s")
    if isinstance(cell, float) and not whole_days and 36_526 <= cell < 73_050:
        return np.datetime64(EXCEL_EPOCH + dt.timedelta(seconds=round(cell * DAY_S)), "s")
    day = read_day(cell, year)
    if day is None:
        raise ValueError("not a day")
    return np.datetime64(day, "s")


def _read_texts(kind: Kind, cells: Sequence[Any]) -> Cells:
    values = np.empty(len(cells), dtype=object)
    read = Cells(found=values)
    for at, cell in enumerate(cells):
        if is_blank(cell) or (kind != "id" and is_missing(cell)):
            values[at] = None
            continue
        read.filled += 1
        if kind == "id" and isinstance(cell, float) and cell >= 1e15:
            read.guessed += 1  # Excel has already rounded it
        if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**63:
            cell = int(cell)
        text = cell if kind in ("clock", "slot") else str(cell)
        if kind in ("id", "agent") and isinstance(text, str) and len(text) > 200:
            read.bad.append((at, cell))
            continue
        if kind == "agent" and isinstance(cell, dt.date | dt.time | dt.timedelta):
            read.bad.append((at, cell))
            continue
        values[at] = text
    return read


def masked(cell: Any) -> str:
    """Show a cell in a message so that nobody's name, phone or address can stand in it.

    Figures are shown as they are, anything with a letter or with seven figures in a row as stars.

    Examples
    --------
    >>> masked("12.5.3"), masked("13800001234"), masked("some street 5")
    ('12.5.3', '***', '***')
    """
    text = " ".join(str(cell).split())[:40]
    plain = re.fullmatch(r"[\d\s.,:;%+\-/￥¥万秒分时年月日()]*", text)
    return text if plain and not re.search(r"\d{7}", re.sub(r"[\s\-]", "", text)) else "***"
