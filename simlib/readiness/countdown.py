"""The countdown: tasks as offsets to the store's own opening, where today stands, and a calendar file with owners."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

import pandas as pd

from simlib.messages import PLAYBOOK, Lang, label, read_yaml, translate
from simlib.readiness.rules import is_missing
from simlib.store.cells import fold

STATES = ("task_done", "task_late", "task_impossible", "task_today", "task_open", "task_undated")
UNLISTED = "task_unlisted"  # a task of the catalogue that the store's own list does not have: nobody knows its state
FOLD_AT = 73  # bytes of a line of a calendar file, its CRLF left out; RFC 5545 asks for lines of at most 75


def lay_countdown(tasks: pd.DataFrame, *, promo_day: dt.date, today: dt.date) -> pd.DataFrame:
    """Lay the tasks over the calendar and say of each where it stands today.

    A date of its own goes before an offset. What is late is still possible as long as the days that it takes fit
    before the promo day (a task after the promo day is always possible).

    Parameters
    ----------
    tasks : pandas.DataFrame
        The sheet tasks: task, block, owner, offset_days, takes_days, due_on, done_on, proof.
    promo_day : datetime.date
        The day of the store's own opening.
    today : datetime.date

    Returns
    -------
    pandas.DataFrame
        task, block, owner, offset_days, begin_on, due_on, days_left, state (of `STATES`), done_on, proof; by due day.

    Examples
    --------
    >>> tasks = pd.DataFrame([{"task": "rent", "block": "hardware", "owner": "Li", "offset_days": -10}])
    >>> found = lay_countdown(tasks, promo_day=dt.date(2026, 10, 31), today=dt.date(2026, 10, 25))
    >>> str(found["due_on"][0]), int(found["days_left"][0]), found["state"][0]
    ('2026-10-21', -4, 'task_late')
    """
    rows = []
    for record in tasks.to_dict("records"):
        due, offset = record.get("due_on"), record.get("offset_days")
        if is_missing(due):
            due = None if is_missing(offset) else promo_day + dt.timedelta(days=int(str(offset)))
        takes = record.get("takes_days")
        days = 0 if is_missing(takes) else int(str(takes))
        state = _state(record.get("done_on"), due, days, promo_day, today)
        rows.append(
            {
                "task": record["task"],
                "block": record["block"],
                "owner": None if is_missing(record.get("owner")) else record["owner"],
                "offset_days": None if due is None else (due - promo_day).days,
                "begin_on": None if due is None else due - dt.timedelta(days=max(days - 1, 0)),
                "due_on": due,
                "days_left": None if due is None else (due - today).days,
                "state": state,
                "done_on": None if is_missing(record.get("done_on")) else record["done_on"],
                "proof": None if is_missing(record.get("proof")) else record["proof"],
            }
        )
    rows.sort(key=lambda row: (row["due_on"] or dt.date.max, str(row["task"])))
    columns = ["task", "block", "owner", "offset_days", "begin_on", "due_on", "days_left", "state", "done_on", "proof"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def _state(done: object, due: dt.date | None, takes: int, promo_day: dt.date, today: dt.date) -> str:
    if not is_missing(done):
        return "task_done"
    if due is None:
        return "task_undated"
    if due == today:
        return "task_today"
    if due > today:
        return "task_open"
    if due <= promo_day and today + dt.timedelta(days=takes) > promo_day:
        return "task_impossible"
    return "task_late"


def make_calendar(countdown: pd.DataFrame, *, name: str, stamp: dt.datetime, lang: Lang) -> str:
    """Return the open tasks as a calendar file (iCalendar, RFC 5545): one day-long entry each, with its owner.

    Parameters
    ----------
    countdown : pandas.DataFrame
        As `lay_countdown` gives it.
    name : str
        The store, in the name of the calendar and the ids of the entries: imported again, entries are replaced.
    stamp : datetime.datetime
        When the file was made, UTC.
    """
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//sandtable//countdown//", "CALSCALE:GREGORIAN"]
    lines = [*head, f"X-WR-CALNAME:{_escape(name)}"]
    for row in countdown.itertuples():
        if row.due_on is None or row.state == "task_done":
            continue
        owner = row.owner or translate("readiness.nobody", lang)
        uid = hashlib.sha256(repr((name, row.task, row.block)).encode()).hexdigest()[:24]
        said = translate("readiness.calendar_entry", lang, task=row.task, owner=owner)
        details = [label(row.block, lang), label(row.state, lang), *([row.proof] if row.proof else [])]
        lines += [
            "BEGIN:VEVENT",
            f"UID:{uid}@sandtable",
            f"DTSTAMP:{stamp:%Y%m%dT%H%M%SZ}",
            f"DTSTART;VALUE=DATE:{row.due_on:%Y%m%d}",
            f"DTEND;VALUE=DATE:{row.due_on + dt.timedelta(days=1):%Y%m%d}",
            f"SUMMARY:{_escape(said)}",
            f"DESCRIPTION:{_escape(translate('words.list_comma', lang, first='', second='').join(details))}",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{_fold(line)}\r\n" for line in lines)


def _escape(text: str) -> str:
    escaped = str(text).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")


def _fold(line: str) -> str:
    """Fold a line at whole characters, so that no line has more bytes than allowed."""
    parts, current = [], ""
    for sign in line:
        if len((current + sign).encode()) > FOLD_AT:
            parts.append(current)
            current = ""
        current += sign
    return "\r\n ".join([*parts, current])


@cache
def catalogue() -> tuple[Mapping[str, Any], ...]:
    """Read the task catalogue of the playbook."""
    return tuple(read_yaml(PLAYBOOK / "tasks" / "tasks.yml"))


def match_catalogue(countdown: pd.DataFrame | None) -> dict[str, Any]:
    """Return the rows of a store's own countdown that are tasks of the catalogue, by the catalogue's key.

    A row is a task of the catalogue where it has its name in either language, or its key.
    """
    rows = {} if countdown is None else {fold(str(row.task)): row for row in countdown.itertuples()}
    found = {}
    for task in catalogue():
        spelt = (fold(name) for name in (task["zh"]["name"], task["en"]["name"], task["key"]))
        kept = next((rows[name] for name in spelt if name in rows), None)
        if kept is not None:
            found[task["key"]] = kept
    return found


def lay_catalogue(*, promo_day: dt.date, today: dt.date, countdown: pd.DataFrame | None = None) -> pd.DataFrame:
    """Lay the task catalogue over the calendar of a store's own promo day.

    Parameters
    ----------
    promo_day, today : datetime.date
    countdown : pandas.DataFrame, optional
        The store's own tasks, as `lay_countdown` gives them. A task that stands there has its dates and its state
        from there, so that two lists never contradict each other; one that does not is `UNLISTED`.

    Returns
    -------
    pandas.DataFrame
        task_key, block, task_role, offset_days, takes_days, begin_on, due_on, days_left, state, task_before (the task
        that must be done before); by due day. A task is late from its due day on, impossible once the days that it
        takes no longer fit before the promo day.

    Examples
    --------
    >>> plan = lay_catalogue(promo_day=dt.date(2026, 11, 11), today=dt.date(2026, 10, 1))
    >>> str(plan.set_index("task_key").loc["quiz_start", "due_on"])
    '2026-10-10'
    """
    own, rows = match_catalogue(countdown), []
    for task in catalogue():
        due, takes = promo_day + dt.timedelta(days=task["offset_days"]), task["takes_days"]
        state = _state(None, due, takes, promo_day, today) if countdown is None else UNLISTED
        if task["key"] in own:
            kept = own[task["key"]]
            state = kept.state
            if kept.due_on is not None:
                due, takes = kept.due_on, (kept.due_on - kept.begin_on).days + 1
        rows.append(
            {
                "task_key": task["key"],
                "block": task["block"],
                "task_role": f"task_role_{task['role']}",
                "offset_days": (due - promo_day).days,
                "takes_days": takes,
                "begin_on": due - dt.timedelta(days=takes - 1),
                "due_on": due,
                "days_left": (due - today).days,
                "state": state,
                "task_before": task["after"],
            }
        )
    rows.sort(key=lambda row: (row["due_on"], str(row["task_key"])))
    return pd.DataFrame(rows, dtype=object)
