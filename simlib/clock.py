"""The one reader of a time of the night, as people type it."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata

import pandas as pd

from simlib import facts
from simlib.messages import Message, UserError

_TIME = re.compile(
    r"(?:(?:(?P<year>\d{4})[-/.])?(?P<month>\d{1,2})[-/.](?P<day>\d{1,2})[ t]+)?"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})?(?::\d{2}(?:\.0+)?)?"
)


def read_moment(
    text: str, *, first: pd.Timestamp, last: pd.Timestamp, opening: pd.Timestamp | None = None
) -> pd.Timestamp:
    """Read a time of the night: ``20:05``, ``8:05``, ``25:30``, ``11-01 01:30``, in Chinese as well.

    Parameters
    ----------
    text : str
        A clock time, with or without its date. 24:00 and later count from the midnight that begins the promo day.
    first, last : pandas.Timestamp
        Where the night begins and ends, tz-aware; both ends may be named.
    opening : pandas.Timestamp, optional
        When the wave opens. A clock time that comes twice in the night is the first one after it; without an
        opening it is asked back.

    Returns
    -------
    pandas.Timestamp
        In the time zone of ``first``.

    Raises
    ------
    UserError
        The text is no time, lies outside the night, or comes twice in it.

    Examples
    --------
    >>> night = {"first": pd.Timestamp("2026-10-31", tz="Asia/Shanghai"),
    ...          "last": pd.Timestamp("2026-11-01 04:00", tz="Asia/Shanghai")}
    >>> str(read_moment("25:30", **night))
    '2026-11-01 01:30:00+08:00'
    >>> str(read_moment("1:30", **night, opening=pd.Timestamp("2026-10-31 20:00", tz="Asia/Shanghai")))
    '2026-11-01 01:30:00+08:00'
    """
    parts, next_day = _parse(text)
    if parts is None:
        raise UserError(Message("clock.unread", text=text, example=_name(last)))
    midnight = first.tz_localize(None).normalize()
    date, clock = parts
    if date is not None:
        found = [_localise(day + clock, first) for day in _dates(date, midnight)]
    elif next_day or clock >= pd.Timedelta(days=1):
        found = [_localise(midnight + clock % pd.Timedelta(days=1) + pd.Timedelta(days=max(clock.days, 1)), first)]
    else:
        days = (last.tz_localize(None).normalize() - midnight).days + 1
        found = [_localise(midnight + pd.Timedelta(days=day) + clock, first) for day in range(days)]
    inside = [moment for moment in found if first <= moment <= last]
    if not inside:
        raise UserError(Message("clock.outside", text=text, first=_name(first), last=_name(last)))
    if len(inside) > 1 and opening is not None:
        inside = [moment for moment in inside if moment >= opening] or inside[-1:]
    elif len(inside) > 1:
        early, late = (_name(moment) for moment in inside[:2])
        raise UserError(Message("clock.ambiguous", text=text, early=early, late=late))
    return inside[0]


def read_date(text: str) -> dt.date:
    """Read a date as people type it: ``2026-10-10``, ``2026/10/10``, ``20261010``, in Chinese as well.

    Raises
    ------
    UserError
        The text is no date.

    Examples
    --------
    >>> read_date("2026/10/10")
    datetime.date(2026, 10, 10)
    """
    plain = _without_marks(_plain(text))
    found = re.fullmatch(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", plain) or re.fullmatch(r"(\d{4})(\d{2})(\d{2})", plain)
    try:
        return dt.date(*map(int, found.groups())) if found else dt.date.fromisoformat(plain[:10] if plain else plain)
    except ValueError:
        raise UserError(Message("clock.no_date", text=text)) from None


def _plain(text: str) -> str:
    """Write full-width signs as the plain ones."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", str(text)).strip().casefold())


def _without_marks(plain: str) -> str:
    """Write the Chinese marks of a date or a time as the plain ones."""
    marks: dict[str, str] = facts.value("clock", "marks")
    for mark, sign in marks.items():
        plain = plain.replace(mark, sign)
    return re.sub(r"\s+", " ", plain).strip()


def _parse(text: str) -> tuple[tuple[tuple[int | None, int, int] | None, pd.Timedelta] | None, bool]:
    """Split a text into its date (year, month, day) and its time since that day's midnight; no time is None."""
    plain, marked = _plain(text), set()
    for key in ("next_day", "after_midnight", "evening", "morning"):
        for word in sorted(facts.value("clock", key), key=len, reverse=True):
            if word in plain:
                plain = plain.replace(word, " ", 1)
                marked |= {key, "night"} if word in facts.value("clock", "night") else {key}
                break
    plain = _without_marks(plain)
    if re.fullmatch(r"\d{1,2}", plain) and marked & {"evening", "morning"}:
        plain += ":"
    found = _TIME.fullmatch(plain)
    if not found:
        return None, False
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    if hour == 12 and marked & {"night", "after_midnight"}:  # the midnight that ends the evening of a date
        hour = 24 if found["day"] and "night" in marked else 0
    elif "evening" in marked and 1 <= hour < 12:
        hour += 12
    if hour > 48 or minute > 59:
        return None, False
    date = None
    if found["day"]:
        date = (int(found["year"]) if found["year"] else None, int(found["month"]), int(found["day"]))
    return (date, pd.Timedelta(hours=hour, minutes=minute)), "next_day" in marked


def _dates(date: tuple[int | None, int, int], near: pd.Timestamp) -> list[pd.Timestamp]:
    """Complete a date without a year by those around the night; a day that no calendar has is none."""
    year, month, day = date
    found = []
    for one in [year] if year else [near.year, near.year + 1]:
        try:
            found.append(pd.Timestamp(dt.date(one, month, day)))
        except ValueError:
            continue
    return found


def _localise(local: pd.Timestamp, like: pd.Timestamp) -> pd.Timestamp:
    return local.tz_localize(like.tz, ambiguous=True, nonexistent="shift_forward")


def _name(moment: pd.Timestamp) -> str:
    return f"{moment:%m-%d %H:%M}"
