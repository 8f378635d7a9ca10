"""Counts as they are pasted from a screen, a chat or a CSV file: one instant, queue and number each."""

from __future__ import annotations

import csv
import datetime as dt
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple, get_args

import numpy as np
import pandas as pd

from simlib import facts
from simlib.messages import LANGS, Message, Term, UserError, label
from simlib.store.models import Queue

QUEUES: tuple[str, ...] = get_args(Queue)
QUEUE_WORD = r"[^\W\d_][^\d,;:\t]*?"
DATE = r"(?:(?:(?P<year>\d{4})[-/.])?(?P<month>\d{1,2})[-/.](?P<day>\d{1,2})[ T]+)?"
UNTIL = r"(?:\s*[^\d\s]{1,2}\s*\d{1,2}:\d{2}(?::\d{2})?)?"
CLOCK = rf"{DATE}(?P<hour>\d{{1,2}}):(?P<minute>\d{{2}})(?::\d{{2}})?{UNTIL}"
FIGURE = r"\d[\d,]*(?:\.\d+)?"
COUNT = rf"(?P<count>{FIGURE})"
PASTED_LINE = re.compile(
    rf"(?:(?P<before>{QUEUE_WORD})[\s,;]+)?{CLOCK}"
    rf"[\s,;]+(?:(?P<between>{QUEUE_WORD})[\s,;]+)?{COUNT}(?:[\s,;]+(?P<behind>{QUEUE_WORD}))?"
)
PAIRED_LINE = re.compile(rf"{CLOCK}(?P<pairs>(?:[\s,;]+{QUEUE_WORD}[\s,;]+{FIGURE}){{2,}})")
PAIR = re.compile(rf"({QUEUE_WORD})[\s,;]+({FIGURE})")
BEHIND_CLOCK = re.compile(r"(?<![\d:])(\d{1,2}:\d\d)\s*(?::(?!\d\d(?!\d))|=|-*>|\u2192)\s*")
CELLS_BY = ("\t", ";", "|", ",")  # what parts the cells of a line, the surest first


class _Written(NamedTuple):
    """A line as it was pasted, with its number."""

    number: int
    line: str


@dataclass(frozen=True)
class PastedCount:
    """One count: the line it stood in, its date where that was written, its time of day, its queue, the number."""

    number: int
    line: str
    date: tuple[int | None, int, int] | None
    hour: int
    minute: int
    queue: str
    contacts: float


@dataclass(frozen=True)
class _Heading:
    """A line of titles: what parts its cells, and which of them hold counts, of which queue (empty: the row's own)."""

    mark: str
    cells: int
    counts: Mapping[int, str]


def read_actuals(
    text: str, *, day: dt.date, tz: str, queue: str = "presale", forecast: pd.DataFrame | None = None
) -> pd.DataFrame:
    r"""Read counts that were pasted from a screen or a file: a time and a number on each line, perhaps with a queue.

    Parameters
    ----------
    text : str
        Lines such as ``20:00 312``, ``20:30-21:00<tab>1,204``, ``2026-10-31 20:00,312`` or ``20:00 aftersale 96``. Of
        a table with titles the column of contacts is taken, or one column per queue. Empty lines, titles, lines that
        add up others and cells that are blank (nobody counted) are passed over. A time earlier than the one before of
        the same queue belongs to the next day; a list that begins with the latest is read from its end.
    day : datetime.date
        Day of the first line; where it could be the next night's too, the one nearer to the forecast's peak.
    tz : str
        Time zone of the store.
    queue : str
        Queue of the lines that name none.
    forecast : DataFrame, optional
        start, queue, contacts: the intervals and queues that a line may name; any without it.

    Returns
    -------
    DataFrame
        start, queue, contacts.

    Raises
    ------
    UserError
        Every line that cannot be read or belongs to no interval: its number, what it says, what is allowed; or none
        of the lines holds a count.

    Examples
    --------
    >>> pasted = "time  contacts\n23:30  1,204\n00:00\t860"
    >>> read_actuals(pasted, day=dt.date(2026, 10, 31), tz="Asia/Shanghai")
                          start    queue  contacts
    0 2026-10-31 23:30:00+08:00  presale    1204.0
    1 2026-11-01 00:00:00+08:00  presale     860.0
    >>> table = "Time,Presale,After-sale\n20:00,312,96"
    >>> read_actuals(table, day=dt.date(2026, 10, 31), tz="Asia/Shanghai")["contacts"].tolist()
    [312.0, 96.0]
    """
    known = list(QUEUES if forecast is None else forecast["queue"].unique())
    counts, wrong = _read_lines(text, known=known, queue=queue)
    starts = {} if forecast is None else _starts_of(forecast)
    rows, strays = _place(counts, first_day=day, starts=starts)
    if strays and not _place(counts[::-1], first_day=day, starts=starts)[1]:  # the latest stands on top
        counts = counts[::-1]
        rows, strays = _place(counts, first_day=day, starts=starts)
    if forecast is not None and counts and all(count.date is None for count in counts):
        later, later_strays = _place(counts, first_day=day + dt.timedelta(days=1), starts=starts)
        peak = (
            forecast.groupby("start")["contacts"].sum().idxmax().tz_localize(None) if "contacts" in forecast else None
        )
        nearer = peak is not None and not later_strays and abs(later[-1][0] - peak) < abs(rows[-1][0] - peak)
        if not later_strays and (strays or nearer):
            rows, strays = later, later_strays
    wrong = sorted([*wrong, *strays], key=lambda message: int(str(message.fields["number"])))
    if wrong:
        raise UserError(*wrong)
    if not counts and text.strip():
        raise UserError(Message("forecasting.lines_without_counts", line=text.strip().splitlines()[0]))
    table = pd.DataFrame(rows, columns=["start", "queue", "contacts"])
    local = pd.DatetimeIndex(table["start"]).tz_localize(tz, ambiguous=False, nonexistent="shift_forward")
    return table.assign(start=local, contacts=table["contacts"].astype(float))


def _starts_of(forecast: pd.DataFrame) -> dict[str, pd.DatetimeIndex]:
    """Return the starts of a forecast's intervals by queue, on the store's clock."""
    groups = forecast.groupby("queue", sort=False)["start"]
    return {str(queue): pd.DatetimeIndex(starts).tz_localize(None) for queue, starts in groups}


def _place(
    counts: Sequence[PastedCount], *, first_day: dt.date, starts: Mapping[str, pd.DatetimeIndex]
) -> tuple[list[tuple[pd.Timestamp, str, float]], list[Message]]:
    """Give each count its instant, the first of them on a day; return the rows, and those that fit no interval."""
    latest: dict[str, pd.Timestamp] = {}
    placed: dict[tuple[str, pd.Timestamp], int] = {}
    rows, wrong = [], []
    for count in counts:
        if count.date is not None:
            year, month, day = count.date
            midnight = pd.Timestamp(year or first_day.year, month, day)
        else:
            midnight = latest[count.queue].normalize() if count.queue in latest else pd.Timestamp(first_day)
        start = typed = midnight + pd.Timedelta(hours=count.hour, minutes=count.minute)
        if count.date is None and count.queue in latest and start <= latest[count.queue]:
            start += pd.Timedelta(days=1)
        rows.append((start, count.queue, count.contacts))
        own = starts.get(count.queue)
        known = own is None or start in own
        if (count.queue, start if known else typed) in placed:
            first = placed[count.queue, start if known else typed]
            again: dict[str, object] = {"number": count.number, "line": count.line, "before": first}
            wrong.append(Message("forecasting.line_twice", **again, queue=Term(count.queue)))
            continue
        if own is not None and not known:
            span = {"first": f"{own.min():%m-%d %H:%M}", "last": f"{own.max():%m-%d %H:%M}"}
            near = f"{own[np.abs(own - start).argmin()]:%m-%d %H:%M}"
            named: dict[str, object] = {"number": count.number, "line": count.line, "nearest": near}
            wrong.append(Message("forecasting.line_interval", **named, **span))
            continue
        latest[count.queue] = start
        placed[count.queue, start] = count.number
    return rows, wrong


def _read_lines(text: str, *, known: Sequence[str], queue: str) -> tuple[list[PastedCount], list[Message]]:
    """Read each line by itself; return the counts, and what cannot be read."""
    meant = {word.casefold(): name for name in known for word in (name, *(label(name, lang) for lang in LANGS))}
    heading: _Heading | None = None
    counts: list[PastedCount] = []
    wrong: list[Message] = []
    for number, typed in enumerate(text.splitlines(), start=1):
        shown = unicodedata.normalize("NFKC", typed).strip()  # full-width figures and colons are figures and colons
        line = _tidy(shown)
        has_clock = re.search(r"\d:\d\d", line) is not None
        if not re.search(r"\d", line) or (not counts and not has_clock and not line[-1].isdigit()):
            heading = _read_heading(shown, meant) or heading
            continue
        if line.casefold().startswith(_words("total_rows")):
            continue
        written = _Written(number, shown)
        cells = [] if heading is None else _split(line, heading.mark)
        if heading is not None and len(cells) == heading.cells and has_clock:
            found = _read_row(cells, heading, meant, written=written, queue=queue)
        else:
            found = _read_line(line, meant, known=known, written=written, queue=queue)
        if isinstance(found, Message):
            wrong.append(found)
        else:
            counts += found
    return counts, wrong


def _read_line(
    line: str, meant: Mapping[str, str], *, known: Sequence[str], written: _Written, queue: str
) -> list[PastedCount] | Message:
    """Read a line with one time and one count, and perhaps the name of a queue before, between or behind them."""
    words = "|".join(re.escape(word) for word in sorted(meant, key=len, reverse=True))
    line = re.sub(rf"({words})\s*[:=]?\s*(?=\d)", r"\1 ", line, flags=re.IGNORECASE)
    paired = PAIRED_LINE.fullmatch(line)
    pairs = PAIR.findall(paired["pairs"]) if paired else []
    if paired and (at := _hour_of(paired)) and all(word.casefold() in meant for word, _ in pairs):
        return [PastedCount(written.number, written.line, *at, meant[w.casefold()], _number(n)) for w, n in pairs]
    found = PASTED_LINE.fullmatch(line)
    if not found:
        rest = re.sub(CLOCK, "", line, count=1).strip(" ,;")
        timed = re.search(CLOCK, line)
        return (
            []
            if timed and _hour_of(timed) and rest in _words("blank")
            else Message("forecasting.line_unread", **written._asdict())
        )
    at = _hour_of(found)
    if at is None:
        return Message("forecasting.line_unread", **written._asdict())
    word = (found["before"] or found["between"] or found["behind"] or queue).strip().casefold()
    if word not in meant:
        return Message("forecasting.line_queue", **written._asdict(), queue=word, allowed=tuple(map(Term, known)))
    return [PastedCount(written.number, written.line, *at, meant[word], _number(found["count"]))]


def _read_row(
    cells: Sequence[str], heading: _Heading, meant: Mapping[str, str], *, written: _Written, queue: str
) -> list[PastedCount] | Message:
    """Read a row of a table by its titles; a blank count is an interval that nobody counted."""
    at = next((_hour_of(found) for cell in cells if (found := re.search(CLOCK, cell))), None)
    own = next((meant[cell.casefold()] for cell in cells if cell.casefold() in meant), queue)
    counts = []
    for column, of_queue in heading.counts.items():
        if cells[column] in _words("blank") or not cells[column]:
            continue
        if at is None or not re.fullmatch(COUNT, cells[column]):
            return Message("forecasting.line_unread", **written._asdict())
        counts.append(PastedCount(written.number, written.line, *at, of_queue or own, _number(cells[column])))
    return counts


def _read_heading(line: str, meant: Mapping[str, str]) -> _Heading | None:
    """Read a line of titles: the columns that are named like a queue, else the one that is named like contacts."""
    mark = next((mark for mark in CELLS_BY if mark in line), " ")
    cells = [cell.casefold() for cell in _split(line, mark)]
    queues = {place: meant[cell] for place, cell in enumerate(cells) if cell in meant}
    if queues:
        return _Heading(mark, len(cells), queues)
    for word in facts.value("spellings", "pasted_counts"):
        for place, cell in enumerate(cells):
            if word in cell:
                return _Heading(mark, len(cells), {place: ""})
    return None


def _split(line: str, mark: str) -> list[str]:
    if mark == " ":
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=mark), [])]


def _hour_of(found: re.Match[str]) -> tuple[tuple[int | None, int, int] | None, int, int] | None:
    """Return the date where it is written, the hour and the minute; None for what is on no calendar and no clock."""
    hour, minute = int(found["hour"]), int(found["minute"])
    if hour > 24 or minute > 59:
        return None
    if not found["day"]:
        return None, hour, minute
    year = int(found["year"]) if found["year"] else None
    try:
        dt.date(year or 2024, int(found["month"]), int(found["day"]))
    except ValueError:
        return None
    return (year, int(found["month"]), int(found["day"])), hour, minute


def _number(text: str) -> float:
    return float(text.replace(",", ""))


@lru_cache(maxsize=4)
def _words(key: str) -> tuple[str, ...]:
    return tuple(facts.value("spellings", key))


def _on_clock(found: re.Match[str], *, later: int) -> str:
    """Write an hour that has a word for its half of the day on the clock of 24 hours.

    Twelve at night is midnight: the one that ends a date's evening, else whichever follows the line before.
    """
    hour = int(found[1] or found[2])
    if hour == 12 and re.search("|".join(facts.value("clock", "night")), found[0]):
        hour = 24 if re.search(r"\d[-/.]\d{1,2}\s*$", found.string[: found.start()]) else 0
        return f"{hour:02d}{found[3] or ''}"
    return f"{hour % 12 + later if hour <= 12 else hour}{found[3] or ''}"


def _whole_number(found: re.Match[str]) -> str:
    return f"{float(found[1].replace(',', '')) * facts.value('spellings', 'multipliers')[found[2].casefold()]:.15g}"


def _tidy(line: str) -> str:
    r"""Write the clock of a line in figures, and take the words behind a number that say what was counted away.

    Examples
    --------
    >>> _tidy('"20:00","1,204"'), _tidy("2026/10/31 20:00:00 312")
    ('20:00,1204', '2026/10/31 20:00:00 312')
    """
    if '"' in line:
        line = re.sub(r'"(\d[\d,]*)"', lambda found: found[1].replace(",", ""), line).replace('"', "")
    marks: Mapping[str, str] = facts.value("clock", "marks")
    for mark, sign in marks.items():
        line = re.sub(rf"(?<=\d)\s*{re.escape(mark)}", sign, line)
    line = re.sub(r"(?<![\d:])(\d{1,2}):(?!\d)", r"\1:00 ", line)
    for half, later in (("morning", 0), ("after_midnight", 0), ("evening", 12)):
        words = "|".join(sorted(facts.value("clock", half), key=len, reverse=True))
        before, behind = rf"\b(?:{words})\s*(\d{{1,2}})(?=:)", rf"\b(\d{{1,2}})(:\d\d(?::\d\d)?)\s*(?:{words})\b"
        line = re.sub(f"{before}|{behind}", partial(_on_clock, later=later), line, flags=re.IGNORECASE)
    line = re.sub(r"(?<=\w)[^\w\s%+-]+$", "", BEHIND_CLOCK.sub(r"\1 ", line))
    units = "|".join(map(re.escape, _words("pasted_units")))
    sizes = "|".join(sorted(facts.value("spellings", "multipliers"), key=len, reverse=True))
    large = rf"(?<![\d:.])({FIGURE})\s*({sizes})(?=\s*(?:{units})*(?:$|[\s,;|]))"
    line = re.sub(large, _whole_number, line, flags=re.IGNORECASE)
    return re.sub(rf"(?<=\d)\s*(?:{units})+(?=$|[\s,;|])", "", line).strip()
