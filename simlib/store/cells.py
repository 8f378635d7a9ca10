"""Turn what people write in a cell into one value, or say why it cannot be read; nothing is guessed."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

from simlib import facts

EXCEL_ERRORS = frozenset({"#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!", "#GETTING_DATA"})
EXCEL_EPOCH = dt.datetime(1899, 12, 30)
FIRST_YEAR, LAST_YEAR = 2000, 2099

_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:e[+-]?\d+)?")
_DATE = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_COMPACT_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_DAY_OF_SOME_YEAR = re.compile(r"(\d{1,2})[-/.](\d{1,2})")
_TIME = re.compile(r"(\d{1,2}):(\d{2})?(?::(\d{2})(?:\.\d+)?)?:?")


class CellError(ValueError):
    """A cell that cannot be read: ``message`` is a sentence key, ``values`` fill its {names}."""

    def __init__(self, message: str, **values: object) -> None:
        self.message = message
        self.values = values
        super().__init__(message)


class Formula(str):
    """The text of a formula whose result the file does not hold."""

    __slots__ = ()


@cache
def spellings(key: str) -> Any:
    """Look up how people write one thing, from ``playbook/facts/spellings.yml``."""
    return facts.value("spellings", key)


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    r"""Fold full-width forms, spaces, brackets' sides, underscores and case away, to compare names.

    Examples
    --------
    >>> fold("平均响应时长（秒)") == fold("平均响应时长 (秒）")
    True
    >>> fold("Day\nGMV") == fold("day_gmv")
    True
    """
    return re.sub(r"[\s_\-/]+", "", unicodedata.normalize("NFKC", text)).casefold()


def is_blank(value: object) -> bool:
    """Say whether a cell holds nothing: empty, or only white space."""
    return value is None or (isinstance(value, str) and not isinstance(value, Formula) and not value.strip())


def shown(value: object) -> str:
    """Show a cell's value in a message: short, on one line, without unfolding nested things."""
    if isinstance(value, dt.datetime):
        text = value.isoformat(sep=" ", timespec="minutes")
    elif isinstance(value, str | int | float | bool | dt.date | dt.time | dt.timedelta):
        text = f"{value:.15g}" if isinstance(value, float) else str(value)
    else:
        text = type(value).__name__
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def read_cell(value: object, kind: str, choices: Mapping[str, str] | None = None) -> Any:
    """Read one cell that is not blank as a value of ``kind``.

    Parameters
    ----------
    value : object
        As the file gives it: text, number, bool, date, time, or a `Formula` without a result.
    kind : str
        text, code, share, money, number, integer, bool, date, datetime, time, choice or spans.
    choices : mapping, optional
        For kind choice: folded spelling to value.

    Returns
    -------
    object
        The value, or None where the cell says that there is none (``-``, ``暂无数据``).

    Raises
    ------
    CellError
        With the sentence that says what is wrong and, where it is plain, what to write instead.

    Examples
    --------
    >>> read_cell("62.5%", "share"), read_cell("￥1,234.50", "money"), read_cell("100万", "money")
    (0.625, 1234.5, 1000000.0)
    >>> read_cell("2026年10月31日 24:00", "datetime")
    datetime.datetime(2026, 11, 1, 0, 0)
    >>> read_cell(62.5, "share")
    Traceback (most recent call last):
    simlib.store.cells.CellError: share_not_percent
    """
    if isinstance(value, Formula):
        raise CellError("formula_without_result")
    if isinstance(value, str):
        value = value.strip()
        if value in EXCEL_ERRORS:
            raise CellError("excel_error")
        if kind != "text" and unicodedata.normalize("NFKC", value).casefold() in spellings("blank"):
            return None
    if isinstance(value, list | dict):
        raise CellError("nested_value")
    if kind == "choice":
        return _choice(value, choices or {})
    return _READERS[kind](value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value)


def _code(value: object) -> str:
    return unicodedata.normalize("NFKC", _text(value)).strip()


def _amount(value: object) -> tuple[float, bool]:
    """Read a number, and whether it was written as a percentage."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise CellError("not_number")
    if not isinstance(value, str):
        return float(value), False
    text = re.sub(r"\s+", "", unicodedata.normalize("NFKC", value)).casefold().lstrip("'")
    for mark in spellings("currency"):
        text = text.removeprefix(mark).removesuffix(mark)
    percent = text.endswith("%")
    text, factor = text.removesuffix("%"), 1.0
    for marks in (dict.fromkeys(spellings("units"), 1), spellings("multipliers")):
        for mark in sorted(marks, key=len, reverse=True):
            if text.endswith(mark):
                text, factor = text.removesuffix(mark), factor * marks[mark]
                break
    if not _NUMBER.fullmatch(text) or not any(sign.isdigit() for sign in text.partition("e")[0]):
        raise CellError("not_number")
    number = float(text.replace(",", "")) * factor
    return (number / 100 if percent else number), percent


def _number(value: object) -> float:
    return _amount(value)[0]


def _money(value: object) -> float:
    number, percent = _amount(value)
    if percent:
        raise CellError("percent_unwanted")
    return number


def _share(value: object) -> float:
    number, percent = _amount(value)
    if not percent and 1 < number <= 100:
        raise CellError("share_not_percent", hint=f"{number:g}%")
    return number


def _integer(value: object) -> int:
    number = _money(value)
    if not number.is_integer():
        raise CellError("not_integer")
    return int(number)


def _bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    text = unicodedata.normalize("NFKC", _text(value)).casefold()
    if text in spellings("yes"):
        return True
    if text in spellings("no"):
        return False
    raise CellError("not_bool")


def _choice(value: object, choices: Mapping[str, str]) -> str:
    found = choices.get(fold(_text(value)))
    if found is None:
        raise CellError("not_choice")
    return found


def _plain_date_text(value: str) -> str:
    text = unicodedata.normalize("NFKC", value)
    for mark, plain in spellings("date_marks").items():
        text = text.replace(mark, plain)
    return re.sub(r"\s*:\s*", ":", " ".join(text.replace("T", " ").split()))


def _clock(text: str) -> dt.timedelta | None:
    found = _TIME.fullmatch(text)
    if not found:
        return None
    hour, minute, second = (int(part or 0) for part in found.groups())
    clock = dt.timedelta(hours=hour, minutes=minute, seconds=second)
    if minute > 59 or second > 59 or clock > dt.timedelta(hours=24):
        raise CellError("not_time")
    return clock


def _datetime(value: object) -> dt.datetime:
    if isinstance(value, dt.datetime):
        moment = value
    elif isinstance(value, dt.date):
        moment = dt.datetime.combine(value, dt.time())
    elif isinstance(value, int | float) and not isinstance(value, bool):
        moment = _datetime_from_number(value)
    elif isinstance(value, str):
        moment = _datetime_from_text(value)
    else:
        raise CellError("date_missing" if isinstance(value, dt.time | dt.timedelta) else "not_date")
    if moment.tzinfo is not None:
        raise CellError("date_with_zone", hint=moment.replace(tzinfo=None).isoformat(sep=" ", timespec="minutes"))
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise CellError("year_out_of_range", first=FIRST_YEAR, last=LAST_YEAR)
    return moment


def _datetime_from_number(value: float) -> dt.datetime:
    compact = _COMPACT_DATE.fullmatch(f"{value:.0f}")
    if compact:
        return _datetime_of_parts(*compact.groups())
    days = (dt.datetime(FIRST_YEAR, 1, 1) - EXCEL_EPOCH).days, (dt.datetime(LAST_YEAR, 12, 31) - EXCEL_EPOCH).days
    if days[0] <= value <= days[1]:
        likely = EXCEL_EPOCH + dt.timedelta(days=int(value))
        raise CellError("date_as_number", hint=likely.date().isoformat())
    raise CellError("not_date")


def _datetime_of_parts(year: str, month: str, day: str) -> dt.datetime:
    try:
        return dt.datetime(int(year), int(month), int(day))
    except ValueError:
        raise CellError("not_in_calendar") from None


def _datetime_from_text(value: str) -> dt.datetime:
    text = _plain_date_text(value)
    day, _, clock_text = text.partition(" ")
    found = _DATE.fullmatch(day) or _COMPACT_DATE.fullmatch(day)
    if not found:
        if _clock(text) is not None:
            raise CellError("date_missing")
        some_year = _DAY_OF_SOME_YEAR.fullmatch(day)
        if some_year:
            month, day_of_month = some_year.groups()
            raise CellError("year_missing", hint=f"YYYY-{int(month):02d}-{int(day_of_month):02d}")
        raise CellError("not_date")
    moment = _datetime_of_parts(*found.groups())
    if not clock_text:
        return moment
    if re.search(r"(?:[+-]\d{2}:?\d{2}|Z)$", clock_text):
        raise CellError("date_with_zone", hint=text[:16])
    clock = _clock(clock_text)
    if clock is None:
        raise CellError("not_date")
    return moment + clock


def _date(value: object) -> dt.date:
    moment = _datetime(value)
    if moment.time() != dt.time():
        raise CellError("date_with_time", hint=moment.date().isoformat())
    return moment.date()


def _time(value: object) -> dt.time:
    if isinstance(value, dt.datetime) and value.year > 1900:
        raise CellError("time_with_date", hint=f"{value:%H:%M}")
    if isinstance(value, dt.datetime):
        return value.time()
    if isinstance(value, dt.time):
        return value
    clock = value if isinstance(value, dt.timedelta) else None
    if isinstance(value, str):
        clock = _clock(_plain_date_text(value))
    elif isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        clock = dt.timedelta(seconds=round(value * 86_400))
    if clock is None or not dt.timedelta(0) <= clock <= dt.timedelta(hours=24):
        raise CellError("not_time")
    return (dt.datetime(2000, 1, 1) + clock).time()


def _spans(value: object) -> tuple[dict[str, dt.date], ...]:
    if not isinstance(value, str):
        day = _date(value)
        return ({"first": day, "last": day},)
    text = unicodedata.normalize("NFKC", value)
    for mark in spellings("list_marks"):
        text = text.replace(mark, ";")
    for mark in spellings("span_marks"):
        text = text.replace(mark, "~")
    spans = []
    for item in filter(None, (part.strip() for part in text.split(";"))):
        first, joined, last = item.partition("~")
        spans.append({"first": _date(first.strip()), "last": _date(last.strip() if joined else first.strip())})
    return tuple(spans)


_READERS: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "code": _code,
    "share": _share,
    "money": _money,
    "number": _number,
    "integer": _integer,
    "bool": _bool,
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "spans": _spans,
}
