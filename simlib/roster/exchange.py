"""The roster in the team's own shapes: the matrix of names and dates (A, B, C, rest), and a calendar file."""

from __future__ import annotations

import datetime as dt
import difflib
import itertools
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from simlib.messages import Lang, Message, UserError, label, translate

REST, LEAVE = "rest", "leave"
HALF_HOUR = pd.Timedelta(minutes=30)
_DATE_FORMS = (
    re.compile(r"(?P<year>\d{4})\D(?P<month>\d{1,2})\D(?P<day>\d{1,2})\D?"),
    re.compile(r"(?P<month>\d{1,2})\D(?P<day>\d{1,2})\D?"),
    re.compile(r"(?P<day>\d{1,2})(?:\.0|\D)?"),
)


def to_matrix(roster: pd.DataFrame, agents: pd.DataFrame, *, lang: Lang = "zh") -> pd.DataFrame:
    """Write a roster as the team knows it: one row per person, one column per date, shift codes in the cells.

    Parameters
    ----------
    roster : DataFrame
        Roster rows (``Roster.assignments``).
    agents : DataFrame
        agent_id, name, optionally cohort: everybody gets a row, those who rest throughout as well. Names that two
        people share are followed by the agent_id.

    Returns
    -------
    DataFrame
        First column the names, then the cohort and the paid hours where ``agents`` has a cohort, then one column per
        date as ``YYYY-MM-DD``; the rest word of ``lang`` where nobody works.

    Examples
    --------
    >>> rows = pd.DataFrame({"agent_id": ["a1", "a1"], "date": [dt.date(2026, 10, 31)] * 2, "shift": ["B", "B"]})
    >>> team = pd.DataFrame({"agent_id": ["a1", "a2"], "name": ["Lin", "Wu"]})
    >>> to_matrix(rows, team, lang="en").values.tolist()
    [['Lin', 'B'], ['Wu', 'off']]
    """
    rest = translate("roster.rest_cells", lang).split("|")[0]
    days = roster.drop_duplicates(["agent_id", "date"])
    code = {(row.agent_id, pd.Timestamp(row.date).date()): row.shift for row in _each(days)}
    worked = {day for _, day in code}
    dates = list(pd.date_range(min(worked), max(worked)).date) if code else []
    matrix = pd.DataFrame({label("name", lang): _labels(agents)})
    if "cohort" in agents:
        paid = _paid_hours(roster).groupby(roster["agent_id"]).sum()
        matrix[label("cohort", lang)] = [label(str(cohort), lang) for cohort in agents["cohort"]]
        matrix[label("paid_hours", lang)] = [float(paid.get(agent_id, 0.0)) for agent_id in agents["agent_id"]]
    for date in dates:
        matrix[str(date)] = [code.get((agent_id, date), rest) for agent_id in agents["agent_id"]]
    return matrix


@dataclass(frozen=True, kw_only=True)
class RosterSheets:
    """A roster as the sheets of a workbook.

    Attributes
    ----------
    matrix : DataFrame
        As :func:`to_matrix` gives it; its last ``days`` columns are dates.
    days : int
    shifts : DataFrame
        shift, start, end (clock), paid_hours (of one person), then the people per date: one row per shift.
    half_hours : DataFrame
        start, on_duty (anybody within a shift), then the people on chat per queue: one row per half hour.
    """

    matrix: pd.DataFrame
    days: int
    shifts: pd.DataFrame
    half_hours: pd.DataFrame


def to_sheets(roster: pd.DataFrame, agents: pd.DataFrame, *, lang: Lang = "zh") -> RosterSheets:
    """Return a roster as the team's matrix with the counts per shift and per half hour; arguments: :func:`to_matrix`.

    Examples
    --------
    >>> start = pd.Timestamp("2026-10-31 18:00", tz="Asia/Shanghai")
    >>> row = {"agent_id": "a1", "date": start.date(), "shift": "C", "start": start, "end": start + 2 * HALF_HOUR}
    >>> rows = pd.DataFrame([row | {"activity": "chat", "queue": "presale"}])
    >>> sheets = to_sheets(rows, pd.DataFrame({"agent_id": ["a1"], "name": ["Lin"]}), lang="en")
    >>> sheets.days, sheets.shifts["paid_hours"].tolist(), sheets.half_hours["presale"].tolist()
    (1, [1.0], [1, 1])
    """
    days = roster.drop_duplicates(["agent_id", "date"])
    return RosterSheets(
        matrix=to_matrix(roster, agents, lang=lang),
        days=len(pd.date_range(min(days["date"]), max(days["date"]))) if len(days) else 0,
        shifts=_count_shifts(roster),
        half_hours=_count_half_hours(roster),
    )


def _paid_hours(roster: pd.DataFrame) -> pd.Series:
    """Return the hours of each row that are paid: all but meals."""
    return (roster["end"] - roster["start"]) / pd.Timedelta(hours=1) * (roster["activity"] != "meal")


def _count_shifts(roster: pd.DataFrame) -> pd.DataFrame:
    """Count the people of each shift by date; its times are those of most of them."""
    columns = ["shift", "start", "end", "paid_hours"]
    if roster.empty:
        return pd.DataFrame(columns=columns)
    keys = ["shift", "date", "agent_id"]
    worked = roster.assign(paid_hours=_paid_hours(roster)).groupby(keys, as_index=False)
    each = worked.agg(start=("start", "min"), end=("end", "max"), paid_hours=("paid_hours", "sum"))
    each = each.assign(start=[time.time() for time in each["start"]], end=[time.time() for time in each["end"]])
    usual = each.groupby("shift")[columns[1:]].agg(lambda values: values.mode().iloc[0])
    heads = pd.crosstab(each["shift"], each["date"])
    return usual.join(heads).reset_index().sort_values(["start", "shift"], ignore_index=True)


def _count_half_hours(roster: pd.DataFrame) -> pd.DataFrame:
    """Count who is there in the middle of each half hour: within a shift, and on chat by queue."""
    if roster.empty:
        return pd.DataFrame(columns=["start", "on_duty"])
    starts = pd.date_range(
        roster["start"].min().floor(HALF_HOUR), roster["end"].max(), freq=HALF_HOUR, inclusive="left"
    )
    middles = starts + HALF_HOUR / 2

    def count(rows: pd.DataFrame) -> np.ndarray:
        begun = np.searchsorted(np.sort(rows["start"].to_numpy()), middles.to_numpy(), side="right")
        return np.asarray(begun - np.searchsorted(np.sort(rows["end"].to_numpy()), middles.to_numpy(), side="right"))

    chats = roster[roster["activity"] == "chat"]
    by_queue = {str(queue): count(rows) for queue, rows in chats.groupby("queue", sort=True)}
    return pd.DataFrame({"start": starts, "on_duty": count(roster), **by_queue})


def from_matrix(frame: pd.DataFrame, shifts: pd.DataFrame, agents: pd.DataFrame, *, first_day: dt.date) -> pd.DataFrame:
    """Read a team's matrix, or its three-column list (name, date, shift).

    Parameters
    ----------
    frame : DataFrame
        As read from the sheet. Dates stand in the header, or in the first row, as dates, ``YYYY-MM-DD``, month and
        day, or the day alone; what lacks a year or month is the first such date from ``first_day`` on. Columns
        whose header is no date are left out, and rows without a name.
    shifts, agents : DataFrame
        The codes and the people that are allowed.
    first_day : date
        First day of the roster.

    Returns
    -------
    DataFrame
        agent_id, name, date, shift (a code, ``"rest"`` or ``"leave"``): what ``solve_roster`` takes as ``locked``.

    Raises
    ------
    UserError
        Every cell that is not understood: row (as Excel numbers it), name, date, value, what is allowed.

    Examples
    --------
    >>> sheet = pd.DataFrame({"name": ["Lin"], "10/31": [" b "], "11/1": [None]})
    >>> team = pd.DataFrame({"agent_id": ["a1"], "name": ["Lin"]})
    >>> read = from_matrix(sheet, pd.DataFrame({"code": ["B"]}), team, first_day=dt.date(2026, 10, 31))
    >>> read.astype(str).values.tolist()
    [['a1', 'Lin', '2026-10-31', 'B'], ['a1', 'Lin', '2026-11-01', 'rest']]
    """
    id_of = {_plain(heading): agent for heading, agent in zip(_labels(agents), agents["agent_id"], strict=True)}
    id_of |= {_plain(agent): agent for agent in agents["agent_id"]}
    name_of = dict(zip(agents["agent_id"], agents["name"], strict=True))
    codes = {_plain(code): str(code) for code in shifts["code"]}
    allowed = ", ".join([*codes.values(), *_words("rest_cells")[:2], *_words("leave_cells")[:1]])
    rows: list[tuple[Any, str, dt.date, str]] = []
    problems: dict[tuple[int, Any, str], dict[str, object]] = {}
    read: dict[tuple[Any, dt.date], int] = {}
    for row, heading, column, day, cell in _cells(frame, first_day):
        agent_id, shift = id_of.get(_plain(heading)), _shift(cell, codes)
        if agent_id is None:
            near = next(iter(difflib.get_close_matches(str(heading), [*name_of.values()], n=1, cutoff=0.0)), "")
            problems[row, None, "name"] = {"row": row, "name": heading, "nearest": near}
        elif day is None:
            problems[row, column, "date"] = {"row": row, "value": column}
        elif shift is None:
            problems[row, column, "cell"] = {"row": row, "name": heading, "day": day, "value": cell, "allowed": allowed}
        elif (agent_id, day) in read:
            problems[row, column, "twice"] = {"row": row, "first": read[agent_id, day], "name": heading, "day": day}
        else:
            read[agent_id, day] = row
            rows.append((agent_id, name_of[agent_id], day, shift))
    if problems:
        complaints = [Message(f"roster.matrix_{kind}", **values) for (_, _, kind), values in problems.items()]
        raise UserError(Message("roster.matrix_unread"), *complaints)
    return pd.DataFrame(rows, columns=["agent_id", "name", "date", "shift"])


def to_ics(roster: pd.DataFrame, agent_id: Any, *, lang: Lang = "zh") -> str:
    """Write one person's shifts as a calendar (RFC 5545), one event a shift, its parts in the description.

    Returns
    -------
    str
        CRLF line ends, lines of at most 75 octets, times in UTC. A person without shifts has an empty calendar.
    """
    mine = roster[roster["agent_id"] == agent_id].sort_values("start")
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//sandtable//roster//EN", "CALSCALE:GREGORIAN"]
    for date, day in mine.groupby("date", sort=True):
        start, end, code = day["start"].min(), day["end"].max(), day["shift"].iloc[0]
        parts = [f"{row.start:%H:%M}-{row.end:%H:%M} {_part_name(row, lang)}" for row in _each(day)]
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_escape(str(agent_id))}-{date}@sandtable",
            f"DTSTAMP:{_utc(mine['start'].min())}",
            f"DTSTART:{_utc(start)}",
            f"DTEND:{_utc(end)}",
            f"SUMMARY:{_escape(translate('roster.event', lang, code=code))}",
            f"DESCRIPTION:{_escape(chr(10).join(parts))}",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(_fold(line) for line in lines)


def _each(frame: pd.DataFrame) -> list[Any]:
    """Rows of a frame by column name."""
    return list(frame.itertuples(index=False))


def _labels(agents: pd.DataFrame) -> list[str]:
    twice = agents["name"].duplicated(keep=False)
    return [
        f"{row.name_} ({row.agent_id})" if double else str(row.name_)
        for row, double in zip(_each(agents.rename(columns={"name": "name_"})), twice, strict=True)
    ]


def _plain(value: Any) -> str:
    """Fold widths, case and white space; whole numbers lose Excel's ``.0``."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", str(value))).upper()


def _words(key: str) -> list[str]:
    return [word for lang in ("zh", "en") for word in translate(f"roster.{key}", lang).split("|")]


def _shift(cell: Any, codes: dict[str, str]) -> str | None:
    if cell is None or pd.isna(cell) or not _plain(cell):
        return REST
    plain = _plain(cell)
    if plain in codes:
        return codes[plain]
    if plain in {_plain(word) for word in _words("rest_cells")}:
        return REST
    if plain in {_plain(word) for word in _words("leave_cells")}:
        return LEAVE
    return None


def _cells(frame: pd.DataFrame, first_day: dt.date, top: int = 2) -> list[tuple[int, Any, Any, dt.date | None, Any]]:
    """Split a sheet into cells: row as Excel numbers it (the frame begins in row ``top``), name, column, date, cell."""
    head = list(frame.columns)
    if not any(_date(heading, first_day) for heading in head[1:]) and len(frame):
        in_list = len(head) == 3 and _date(frame.iloc[0, 1], first_day) is not None
        if in_list:
            return [
                (row, name, day, _date(day, first_day), cell)
                for row, (name, day, cell) in enumerate(frame.itertuples(index=False, name=None), start=top)
                if _named(name)
            ]
        below = frame.iloc[1:].set_axis(pd.Index(frame.iloc[0], dtype=object), axis=1)
        return _cells(below, first_day, top + 1)
    dates = [(place, _date(heading, first_day)) for place, heading in enumerate(head) if place]
    if not any(day for _, day in dates):
        raise UserError(Message("roster.matrix_undated", found=", ".join(map(str, head[1:]))))
    return [
        (number, row[0], head[place], day, row[place])
        for number, row in enumerate(frame.itertuples(index=False, name=None), start=top)
        if _named(row[0])
        for place, day in dates
        if day is not None
    ]


def _named(heading: Any) -> bool:
    return not pd.isna(heading) and bool(_plain(heading))


def _date(heading: Any, first_day: dt.date) -> dt.date | None:
    """Understand a date; what it leaves open is filled in with the first such date from ``first_day`` on."""
    if isinstance(heading, dt.date | pd.Timestamp):
        day: dt.date = pd.Timestamp(heading).date()
        return day
    if heading is None or pd.isna(heading):
        return None
    words = unicodedata.normalize("NFKC", str(heading)).split() or [""]
    for text, form in itertools.product((_plain(heading), words[0]), _DATE_FORMS):
        match = form.fullmatch(text)
        if match:
            parts = {key: int(value) for key, value in match.groupdict().items()}
            if "year" in parts:
                return _real(parts["year"], parts["month"], parts["day"])
            months = [divmod(first_day.year * 12 + first_day.month - 1 + n, 12) for n in range(14)]
            wanted = parts.get("month")
            days = [_real(year, month + 1, parts["day"]) for year, month in months if wanted in (None, month + 1)]
            return next((day for day in days if day is not None and day >= first_day), None)
    return None


def _real(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _part_name(row: Any, lang: Lang) -> str:
    if row.activity == "chat" and row.queue:
        return f"{label('chat', lang)} {label(row.queue, lang)}"
    return label(row.activity, lang)


def _utc(stamp: pd.Timestamp) -> str:
    return f"{stamp.tz_convert('UTC'):%Y%m%dT%H%M%SZ}"


def _escape(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for sign, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        text = text.replace(sign, written)
    return text


def _fold(line: str) -> str:
    """Break a line into pieces of at most 75 octets, never inside a character; the next ones begin with a space."""
    pieces, piece = [], ""
    for sign in line:
        if len((piece + sign).encode()) > 75:
            pieces.append(piece)
            piece = " "
        piece += sign
    return "\r\n".join([*pieces, piece]) + "\r\n"
