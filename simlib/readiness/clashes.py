"""Two things at one time: who was given a post, a job or a training session while on air, on chat or on leave."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from simlib.readiness.rules import is_missing
from simlib.readiness.stages import POSTS
from simlib.store.models import Store
from simlib.store.problems import Problem

ONE_DAY = pd.Timedelta(days=1)
HELD_BY_ROSTER = frozenset({"clash_chat", "clash_duty", "clash_leave"})  # these the roster keeps apart itself


@dataclass(frozen=True, kw_only=True)
class Engagement:
    """What takes a person from one moment to another; without a length it is a short job.

    ``kind`` is a term: clash_chat, clash_duty (the core workbook's duties), clash_leave, clash_post, clash_job,
    clash_session. ``sheet`` and ``row`` are where it was written; a segment of the roster has no row.
    """

    person: str
    kind: str
    what: str
    start: pd.Timestamp
    end: pd.Timestamp
    sheet: str
    row: int | None = None

    def meets(self, other: Engagement) -> bool:
        """Return whether both take the person at one time; a short job meets whatever it falls into."""
        first, second = sorted((self, other), key=lambda one: (one.start, one.start - one.end))  # the longer one first
        return bool(second.start < first.end)


def find_clashes(
    store: Store,
    *,
    logistics: pd.DataFrame,
    training: pd.DataFrame,
    assignments: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, tuple[Problem, ...]]:
    """Find who has two things to do at one time, in whatever sheets they stand.

    Posts, timed jobs, training sessions, live streams and other duties, leave and chat are set against each other. A
    post without an end lasts until its day ends, or the last shift that began on that day. A job without an end is
    short: it may fall into a post or into time on chat, not into a live stream, a session or leave. Several posts of
    one person are no clash. What the roster keeps apart itself (chat, duties with a person, leave) is not repeated.

    Parameters
    ----------
    logistics, training : pandas.DataFrame
        The sheets of the readiness workbook.
    assignments : pandas.DataFrame, optional
        The roster's segments: agent_id, start, end, activity, shift.

    Returns
    -------
    pandas.DataFrame
        person (id, or the name of who is no agent), name, start, end (of the time that is taken twice), first_task,
        first_kind, second_task, second_kind; one row per person and pair, by time.
    tuple of Problem
        What clashes within the sheets, at the row of the readiness workbook that can be changed; a clash with the
        roster is no mistake of a sheet and stands in the table only.
    """
    ids = {agent.agent_id for agent in store.agents}
    named: dict[str, list[str]] = {}
    for agent in store.agents:
        named.setdefault(agent.name, []).append(agent.agent_id)
    of_name = {name: found[0] for name, found in named.items() if len(found) == 1}
    names = {agent.agent_id: agent.name for agent in store.agents}
    last = None if assignments is None or assignments.empty else _plain(assignments["end"].max())
    engaged = [
        *_read_logistics(logistics, last),
        *_read_training(training),
        *_read_store(store),
        *(() if assignments is None else _read_chat(assignments)),
    ]
    by_person: dict[str, list[Engagement]] = {}
    for one in engaged:
        by_person.setdefault(one.person if one.person in ids else of_name.get(one.person, one.person), []).append(one)
    found: dict[tuple[object, ...], tuple[pd.Timestamp, pd.Timestamp, Engagement, Engagement]] = {}
    for person, own in by_person.items():
        for first, second in _overlaps(own):
            if not _clash(first, second):
                continue
            start, end = max(first.start, second.start), min(first.end, second.end)
            key = (person, first.sheet, first.row, first.what, second.kind, second.row, second.what)
            before = found.get(key)
            span = (start, end) if before is None else (min(start, before[0]), max(end, before[1]))
            found[key] = (*span, first, second)
    ordered = sorted(found.items(), key=lambda item: (item[1][0], str(item[0][0])))
    rows, problems = [], []
    for pair, (start, end, first, second) in ordered:
        person = str(pair[0])
        rows.append(
            (person, names.get(person), start, end, first.what, first.kind, second.what, second.kind),
        )
        if second.kind == "clash_chat":  # nothing is wrong in the sheets: the roster came later
            continue
        values = {"other": second.what, "sheet_name": second.sheet}
        values |= {"start": f"{start:%m-%d %H:%M}", "end": f"{end:%m-%d %H:%M}"}
        column = "session_at" if first.sheet == "training" else "owner"
        place = {"sheet": first.sheet, "row": first.row, "column": column, "value": first.person}
        problems.append(Problem(message="two_at_once", values=values, loss="nothing", **place))  # type: ignore[arg-type]
    columns = ["person", "name", "start", "end", "first_task", "first_kind", "second_task", "second_kind"]
    return pd.DataFrame(rows, columns=columns), tuple(problems)


def _overlaps(own: Sequence[Engagement]) -> Iterator[tuple[Engagement, Engagement]]:
    """Yield each pair that may meet, the one written first in front; by time, so that few are looked at."""
    by_time = sorted(range(len(own)), key=lambda number: own[number].start)
    for place, number in enumerate(by_time):
        for later in range(place + 1, len(by_time)):
            other = by_time[later]
            if own[other].start > own[number].end:
                break
            yield own[min(number, other)], own[max(number, other)]


def _clash(first: Engagement, second: Engagement) -> bool:
    """Return whether two engagements of one person cannot both be kept."""
    kinds = {first.kind, second.kind}
    if kinds <= HELD_BY_ROSTER or kinds == {"clash_post"} or not first.meets(second):
        return False
    short = any(one.kind == "clash_job" and one.start == one.end for one in (first, second))
    return not (short and kinds & {"clash_post", "clash_chat"})


def _plain(moment: Any) -> pd.Timestamp:
    """Return a moment on the store's clock, without its zone."""
    return pd.Timestamp(moment).tz_localize(None)


def _read_logistics(logistics: pd.DataFrame, last: pd.Timestamp | None) -> Iterator[Engagement]:
    for row in logistics[logistics["item"] != "diet"].to_dict("records"):
        if is_missing(row["at"]) or is_missing(row["owner"]):
            continue
        is_post = row["item"] in POSTS or row["item"] == "post_training"
        start = pd.Timestamp(row["at"])
        end = start if is_missing(row["until"]) else pd.Timestamp(row["until"])
        if is_post and is_missing(row["until"]):
            midnight = start.normalize() + ONE_DAY
            end = midnight if last is None else max(midnight, min(last, midnight + ONE_DAY / 2))
        what = f"item_{row['item']}" if is_missing(row["name"]) else str(row["name"])
        place = {"sheet": "logistics", "row": int(row["row"])}
        kind = "clash_post" if is_post else "clash_job"
        yield Engagement(person=str(row["owner"]), kind=kind, what=what, start=start, end=max(start, end), **place)  # type: ignore[arg-type]


def _read_training(training: pd.DataFrame) -> Iterator[Engagement]:
    for row in training.to_dict("records"):
        if is_missing(row["session_at"]) or not is_missing(row["done_on"]):
            continue
        start = pd.Timestamp(row["session_at"])
        hours = 0.0 if is_missing(row["hours_h"]) else float(row["hours_h"])
        end = start + pd.Timedelta(hours=min(hours, 24.0))
        place = {"sheet": "training", "row": int(row["row"])}
        person, course = str(row["agent_id"]), str(row["course"])
        yield Engagement(person=person, kind="clash_session", what=course, start=start, end=end, **place)  # type: ignore[arg-type]


def _read_store(store: Store) -> Iterator[Engagement]:
    for number, duty in enumerate(store.duties, start=2):
        person = duty.agent_id or duty.owner
        if person:
            span = {"start": _plain(duty.start), "end": _plain(duty.end)}
            yield Engagement(person=person, kind="clash_duty", what=duty.duty, sheet="duties", row=number, **span)
    for agent in store.agents:
        for leave in agent.leave:
            start, end = pd.Timestamp(leave.first), pd.Timestamp(leave.last) + ONE_DAY
            what = f"{leave.first:%m-%d}" if leave.first == leave.last else f"{leave.first:%m-%d} – {leave.last:%m-%d}"
            span = {"start": start, "end": end}
            yield Engagement(person=agent.agent_id, kind="clash_leave", what=what, sheet="agents", **span)


def _read_chat(assignments: pd.DataFrame) -> Iterator[Engagement]:
    """Read the time on chat, one engagement per segment; breaks and duties are none."""
    for row in assignments[assignments["activity"] == "chat"].itertuples():
        span = {"start": _plain(row.start), "end": _plain(row.end)}
        yield Engagement(person=str(row.agent_id), kind="clash_chat", what=str(row.shift), sheet="roster", **span)


def follow_rally(store: Store, rally: pd.DataFrame, *, today: dt.date) -> pd.DataFrame:
    """Set who was at the rally against everybody: who missed it comes first, for the rally is repeated for them.

    Parameters
    ----------
    rally : pandas.DataFrame
        The sheet rally: agent_id, held_on, attended. A second row of a person is the repetition: one that was
        attended is enough.

    Returns
    -------
    pandas.DataFrame
        agent_id, name, cohort, held_on (the last day noted), rally_state: ``rally_absent``, ``rally_unrecorded``
        (nobody noted it), ``rally_ahead`` (the day has not come) or ``rally_there``.
    """
    noted: dict[str, list[tuple[dt.date, bool | None]]] = {}
    for row in rally.to_dict("records"):
        attended = None if is_missing(row["attended"]) else bool(row["attended"])
        noted.setdefault(str(row["agent_id"]), []).append((row["held_on"], attended))
    rows = []
    for agent in store.agents:
        own = noted.get(agent.agent_id, [])
        held = max((day for day, _ in own), default=None)
        marks = {attended for _, attended in own}
        if True in marks:
            state = "rally_there"
        elif held is not None and held > today:
            state = "rally_ahead"
        else:
            state = "rally_absent" if False in marks else "rally_unrecorded"
        rows.append((agent.agent_id, agent.name, agent.cohort, held, state))
    order = ("rally_absent", "rally_unrecorded", "rally_ahead", "rally_there")
    rows.sort(key=lambda row: order.index(row[4]))
    return pd.DataFrame(rows, columns=["agent_id", "name", "cohort", "held_on", "rally_state"], dtype=object)
