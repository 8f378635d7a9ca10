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

_NUMBER = re.compile(r"(?=[\d.])(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)?(?:\.\d*)?(?:e[+-]?\d+)?")
_DATE = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_COMPACT_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_LEAP_YEAR = "2024"  # has every day that some year has
_DAY_OF_SOME_YEAR = re.compile(r"(\d{1,2})[-/.](\d{1,2})")
_TIME = re.compile(r"(\d{1,2}):(\d{2})?(?::(\d{2})(?:\.\d+)?)?:?")
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?"
_HOUR_S = 3600
_JOINERS = "\u200c\u200d"


class CellError(ValueError):
    """A cell that cannot be read: ``message`` is a sentence key, ``values`` fill its {names}."""

    def __init__(self, message: str, **values: object) -> None:
        self.message = message
        self.values = values
        super().__init__(message)


class Formula(str):
    """The text of a formula whose result the file does not hold."""

    __slots__ = ()


class Percent(float):
    """A figure that the workbook shows as a percentage: 1.45 is 145 %."""

    __slots__ = ()


@cache
def spellings(key: str) -> Any:
    """Look up how people write one thing, from ``playbook/facts/spellings.yml``."""
    return facts.value("spellings", key)


def visible(text: str, *, joiners: bool = False) -> str:
    r"""Drop the characters that nobody sees, as chats and dialogs of an operating system paste them in.

    Examples
    --------
    >>> visible("S1\u200b"), visible("\u200e2026-10-31")
    ('S1', '2026-10-31')
    """
    if text.isascii():
        return text
    kept = _JOINERS if joiners else ""
    return "".join(
        letter
        for letter in text
        if letter in kept or (unicodedata.category(letter) != "Cf" and letter not in spellings("fillers"))
    )


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
    return re.sub(r"[\s_\-/]+", "", unicodedata.normalize("NFKC", visible(text))).casefold()


def is_blank(value: object) -> bool:
    """Return whether a cell holds nothing: empty, or only white space."""
    if value is None:
        return True
    return isinstance(value, str) and not isinstance(value, Formula) and not visible(value).strip()


def shown(value: object) -> str:
    """Show a cell's value in a message: short, on one line, without unfolding nested things."""
    if isinstance(value, dt.datetime):
        text = value.isoformat(sep=" ", timespec="minutes")
    elif isinstance(value, Percent):
        text = f"{100 * value:.15g}%"
    elif isinstance(value, str | int | float | bool | dt.date | dt.time | dt.timedelta):
        text = f"{value:.15g}" if isinstance(value, float) else str(value)
    else:
        text = type(value).__name__
    text = " ".join(visible(text[:1000]).split())
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return text if len(text) <= 60 else text[:57] + "..."


def shown_share(value: object) -> tuple[str, dict[str, str]]:
    """Show a share that is wrong as it was typed, with how to write it where percent were meant.

    A cell formatted as a percentage that holds 20 shows 2000%, and 20 % was meant.

    Examples
    --------
    >>> shown_share(Percent(20)), shown_share(45), shown_share(Percent(1.45))
    (('20', {'hint': '20%', 'part': '0.2'}), ('45', {'hint': '45%', 'part': '0.45'}), ('145%', {}))
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        return shown(value), {}
    typed = value >= 2 if isinstance(value, Percent) else value > 1
    text = f"{float(value):.15g}" if typed else shown(value)
    return text, {"hint": f"{value:g}%", "part": f"{value / 100:g}"} if typed and value <= 100 else {}


def read_cell(
    value: object,
    kind: str,
    choices: Mapping[str, str] | None = None,
    *,
    unit: str = "",
    begins: bool = False,
) -> Any:
    """Read one cell that is not blank as a value of ``kind``.

    Parameters
    ----------
    value : object
        As the file gives it: text, number, bool, date, time, or a `Formula` without a result.
    kind : str
        text, note, code, share, money, number, integer, bool, date, datetime, time, choice or spans.
    choices : mapping, optional
        For kind choice: folded spelling to value.
    unit : str
        For figures: the unit of the column (``s``, ``h``, ``CNY``, ``contacts``...). A figure that is typed with
        another unit of the same kind is converted; a unit of another kind is refused.
    begins : bool
        For kind datetime: whether an interval is read as its beginning.

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
    >>> read_cell("2分钟", "number", unit="s"), read_cell("1小时30分", "integer", unit="min")
    (120.0, 90)
    >>> read_cell("2026年10月31日 24:00", "datetime")
    datetime.datetime(2026, 11, 1, 0, 0)
    >>> read_cell(62.5, "share")
    Traceback (most recent call last):
    simlib.store.cells.CellError: share_not_percent
    """
    if isinstance(value, Formula):
        raise CellError("formula_without_result")
    if isinstance(value, str):
        value = visible(value, joiners=kind in ("text", "note")).strip()
        if value in EXCEL_ERRORS:
            raise CellError("excel_error")
        if kind not in ("text", "note") and unicodedata.normalize("NFKC", value).casefold() in spellings("blank"):
            return None
    if isinstance(value, list | dict):
        raise CellError("nested_value")
    if kind == "choice":
        return _choice(value, choices or {})
    if kind == "datetime":
        return _datetime(value, begins=begins)
    if kind in _FIGURES:
        return _FIGURES[kind](value, unit)
    return _READERS[kind](value)


def says_nothing(value: object, *, promo: bool = False) -> bool:
    """Return whether a text says that there is nothing: a dash, ``none``, and of a promo that the day belongs to none.

    Examples
    --------
    >>> says_nothing("-"), says_nothing("否"), says_nothing("否", promo=True)
    (True, False, True)
    """
    text = unicodedata.normalize("NFKC", visible(str(value))).strip().casefold()
    return text in spellings("blank") or text in spellings("blank_text") or (promo and text in spellings("no_promo"))


def _text(value: object) -> str:
    text = _note(value)
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in text):
        raise CellError("control_character")
    return text


def _note(value: object) -> str:
    """Take a text of one line or several; what is no text at all, a control character, is refused."""
    if isinstance(value, bool):
        return str(value).upper()
    text = f"{value:.15g}" if isinstance(value, float) else str(value)
    bare = text.replace("\r", "").replace("\n", "").replace("\t", "")
    if not bare.isprintable() and any(unicodedata.category(letter) in ("Cc", "Cs") for letter in bare):
        raise CellError("control_character")
    return text


def _code(value: object) -> str:
    return unicodedata.normalize("NFKC", _text(value)).strip()


def _amount(value: object, unit: str) -> tuple[float, bool]:
    """Read a number in the column's unit, and whether it was written as a percentage."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise CellError("not_number")
    if isinstance(value, Percent):
        kind = _kind_of(unit)
        return float(value) * (100 if kind == "percent" else 1), kind in ("share", "plain", "percent")
    if not isinstance(value, str):
        return float(value), False
    text = re.sub(r"\s+", "", unicodedata.normalize("NFKC", value)).casefold().lstrip("'")
    sign = -1.0 if text.startswith("-") else 1.0
    text = text.removeprefix("-") if sign < 0 else text.removeprefix("+")
    for mark in spellings("currency"):
        if text.startswith(mark):
            if unit and _kind_of(unit) not in ("money", "money_rate"):
                raise _unit_error(mark, unit)
            text = text.removeprefix(mark)
            break
    parts: list[tuple[float, str]] = []
    while text:
        found = _NUMBER.match(text)
        if found is None or not any(letter.isdigit() for letter in found.group().partition("e")[0]):
            raise CellError("not_number")
        word = re.match(r"\D*", text[found.end() :])
        typed = word.group() if word else ""
        parts.append((float(found.group().replace(",", "")), typed))
        text = text[found.end() + len(typed) :]
    if not parts or (len(parts) > 1 and not all(typed for _, typed in parts)):
        raise CellError("not_number")
    sizes = [_size(typed, unit) for _, typed in parts]
    if len(parts) > 1 and (sizes != sorted(sizes, reverse=True) or len(set(sizes)) < len(sizes)):
        raise CellError("not_number")
    total = sum(number * size for (number, _), size in zip(parts, sizes, strict=True))
    return sign * float(f"{total:.15g}"), parts[0][1].endswith("%")  # 35% is 0.35 and nothing behind it


def _kind_of(unit: str) -> str:
    """Return what a column's unit measures; a figure without a unit is plain."""
    return str(spellings("unit_kinds").get(unit, {"kind": "plain"})["kind"])


def _size(typed: str, unit: str) -> float:
    """Return how many of the column's unit one of what was typed behind a figure is, multipliers included."""
    if not typed:
        return 1.0
    base = float(spellings("unit_kinds").get(unit, {"size": 1})["size"])
    kind = _kind_of(unit)
    known = spellings("typed_units")
    fitting = dict(known["money" if kind == "money_rate" else kind])
    if kind == "plain":
        fitting |= known["count"] | known["share"]
    multipliers = {"": 1, **spellings("multipliers")}
    for mark in sorted(multipliers, key=len, reverse=True):
        rest = typed.removeprefix(mark)
        if len(rest) + len(mark) != len(typed):
            continue
        rest, per = _without_rate(rest, kind)
        if not rest:
            return float(multipliers[mark]) * per
        if rest in fitting:
            return float(multipliers[mark] * fitting[rest]) / base * per
    if "%" in typed and kind in ("count", "money", "money_rate", "time", "points", "years"):
        raise CellError("percent_unwanted")
    raise _unit_error(typed, unit)


def _without_rate(typed: str, kind: str) -> tuple[str, float]:
    """Take "per hour" off what was typed behind a rate; a rate by the minute or second is converted."""
    if kind != "money_rate":
        return typed, 1.0
    for per in sorted(spellings("per_units"), key=len, reverse=True):
        for stroke in spellings("per_marks"):
            if typed.endswith(stroke + per):
                size = float(spellings("per_units")[per])
                if size > _HOUR_S:
                    raise _unit_error(typed, "CNY/h")
                return typed.removesuffix(stroke + per), _HOUR_S / size
    return typed, 1.0


def _unit_error(typed: str, unit: str) -> CellError:
    """Make the error of a unit: one that does not fit the column, or a word that is none at all."""
    words = {word for group in spellings("typed_units").values() for word in group} | set(spellings("currency"))
    bare = typed
    for mark in sorted(spellings("multipliers"), key=len, reverse=True):
        if typed.startswith(mark) and typed != mark:
            bare = typed.removeprefix(mark)
            break
    known = bool({typed, bare, *(bare.partition(stroke)[0] for stroke in spellings("per_marks"))} & words)
    if not known:
        return CellError("not_number")
    if _kind_of(unit) == "plain":
        return CellError("unit_unwanted", typed=typed)
    return CellError("unit_wrong", typed=typed, unit=unit)


def _number(value: object, unit: str) -> float:
    return _amount(value, unit)[0]


def _money(value: object, unit: str) -> float:
    number, percent = _amount(value, unit or "CNY")
    if percent:
        raise CellError("percent_unwanted")
    return number


def _share(value: object, unit: str) -> float:
    number, percent = _amount(value, unit or "share")
    if not percent and 1 < number <= 100:
        raise CellError("share_not_percent", hint=f"{number:g}%", part=f"{number / 100:g}")
    return number


def _integer(value: object, unit: str) -> int:
    number, percent = _amount(value, unit)
    if percent:
        raise CellError("percent_unwanted")
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
    found = choices.get(fold(_note(value)[:200]))
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


def _datetime(value: object, *, begins: bool = False) -> dt.datetime:
    if isinstance(value, dt.datetime):
        moment = value
    elif isinstance(value, dt.date):
        moment = dt.datetime.combine(value, dt.time())
    elif isinstance(value, int | float) and not isinstance(value, bool):
        moment = _datetime_from_number(value)
    elif isinstance(value, str):
        moment = _datetime_from_text(value, begins=begins)
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


def _beginning(text: str, *, begins: bool) -> str:
    """Cut an interval down to its beginning where that may be read; a bare hyphen could be a zone's as well."""
    marks = "|".join(re.escape(mark) for mark in spellings("interval_marks"))
    found = re.fullmatch(rf"(.*?\d{{1,2}}:\d{{2}}(?::\d{{2}})?)(\s*)({marks})(\s*)(?:\S+ )?{_CLOCK}", text)
    if found is None:
        return text
    start, before, mark, behind = found.groups()
    if not begins or (mark == "-" and not (before and behind)):
        raise CellError("interval", hint=start)
    return start


def _datetime_from_text(value: str, *, begins: bool = False) -> dt.datetime:
    text = _beginning(_plain_date_text(value), begins=begins)
    day, _, clock_text = text.partition(" ")
    found = _DATE.fullmatch(day) or _COMPACT_DATE.fullmatch(day)
    if not found:
        if _clock(text) is not None:
            raise CellError("date_missing")
        some_year = _DAY_OF_SOME_YEAR.fullmatch(day)
        if some_year:
            month, day_of_month = some_year.groups()
            _datetime_of_parts(_LEAP_YEAR, month, day_of_month)  # no year has a 32nd of October
            day_of_year = f"YYYY-{int(month):02d}-{int(day_of_month):02d}"
            if _clock(clock_text) is None:
                raise CellError("year_and_time_missing", hint=f"{day_of_year} 20:00")
            raise CellError("year_missing", hint=f"{day_of_year} {clock_text}")
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
    try:
        moment = _datetime(value)
    except CellError as error:
        if error.message in ("year_missing", "year_and_time_missing"):
            raise CellError("year_missing", hint=str(error.values["hint"])[: len("YYYY-10-31")]) from None
        raise
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
        clock = _clock(_beginning(_plain_date_text(value), begins=False))
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


_FIGURES: dict[str, Callable[[Any, str], Any]] = {
    "share": _share,
    "money": _money,
    "number": _number,
    "integer": _integer,
}
_READERS: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "note": _note,
    "code": _code,
    "bool": _bool,
    "date": _date,
    "time": _time,
    "spans": _spans,
}


_PAIR = re.compile(r"\s*(\d+(?:\.\d+)?)\s*[:=]\s*(\d+(?:\.\d+)?)\s*")


def read_pairs(text: str) -> tuple[tuple[float, float], ...]:
    """Read a short list of pairs such as ``3:1.05, 6:1.3``, in either width of the marks.

    Raises
    ------
    ValueError
        Something in it is no pair of numbers with a colon between them.

    Examples
    --------
    >>> read_pairs("3:1.05, 6:1.3"), read_pairs("12:100")
    (((3.0, 1.05), (6.0, 1.3)), ((12.0, 100.0),))
    """
    parts = [
        part for part in re.split(r"[,;]", unicodedata.normalize("NFKC", text).replace("\u3001", ",")) if part.strip()
    ]
    found = [_PAIR.fullmatch(part) for part in parts]
    if not found or None in found:
        raise ValueError(f"text must be pairs of numbers such as 3:1.05, 6:1.3, got {text!r}")
    return tuple((float(pair[1]), float(pair[2])) for pair in found if pair is not None)
