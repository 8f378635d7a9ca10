"""Check a roster against the rules, without looking at how it was made.

Shares no code with the solver: it reads the roster's own rows, minute by minute where need be, and lists who breaks
which rule. It also counts the coverage again.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

VIOLATION_COLUMNS = ["rule", "agent_id", "where", "found", "allowed"]
_HOUR = pd.Timedelta(hours=1)


def check_roster(
    roster: pd.DataFrame,
    agents: pd.DataFrame,
    shifts: pd.DataFrame,
    rules: Any,
    requirement: pd.DataFrame | None = None,
    *,
    leave: pd.DataFrame | Iterable[Mapping[str, Any]] = (),
    duties: pd.DataFrame | Iterable[Mapping[str, Any]] = (),
    coverage: pd.DataFrame | None = None,
    changed: Collection[Any] = (),
) -> pd.DataFrame:
    """List every rule that a roster breaks; an empty frame is a legal roster.

    Parameters
    ----------
    roster : DataFrame
        agent_id, name, cohort, queue, shift, date, start, end, activity, one row per segment.
    agents, shifts : DataFrame
        The tables that the roster was made from.
    rules : object
        Anything with the fields of ``RosterRules``.
    requirement : DataFrame, optional
        start, queue, to_roster: an interval with fewer heads on chat gives a row of rule ``coverage``.
    leave, duties : DataFrame or rows, optional
        As ``solve_roster`` takes them.
    coverage : DataFrame, optional
        The roster's own coverage table, compared with the heads counted here (needs ``requirement``).
    changed : collection of agent_id
        People whom a repair sent home, kept on or called in late: their hours need not be those of the library, but
        they begin inside the shift.

    Returns
    -------
    DataFrame
        rule, agent_id, where, found, allowed. Rules: unknown_person, unknown_shift, overlap, gap, shift_hours,
        one_shift_a_day, exam, quality, skill, starts_on, leave, cohort_shift, student_hours, student_night,
        overtime_day, overtime_month, rest, consecutive_days, meal_window, meal_length, seats, duty, coverage,
        coverage_table.

    Examples
    --------
    >>> from simlib.roster import RosterRules
    >>> start = pd.Timestamp("2026-10-31 09:00", tz="Asia/Shanghai")
    >>> row = {"agent_id": "a1", "name": "Lin", "cohort": "own", "queue": "presale", "shift": "A",
    ...        "date": start.date(), "start": start, "end": start + pd.Timedelta(hours=8), "activity": "chat"}
    >>> team = pd.DataFrame([{"agent_id": "a1", "skills": ("presale",), "exam_score": 85, "qa_pass": True}])
    >>> library = pd.DataFrame([{"code": "A", "start": dt.time(9), "end": dt.time(17)}])
    >>> check_roster(pd.DataFrame([row]), team, library, RosterRules.of_playbook())[["rule", "found", "allowed"]]
       rule found allowed
    0  exam    85    >= 90
    """
    found: list[tuple[Any, ...]] = []
    people = {row["agent_id"]: row for row in _records(agents)}
    library = {str(row["code"]): row for row in _records(shifts)}
    away = _days_away(people, leave)
    work = roster.sort_values(["agent_id", "start"], kind="stable")
    for agent_id, segments in itertools.groupby(_each(work), key=lambda row: row.agent_id):
        rows, person = list(segments), people.get(agent_id)
        if person is None:
            found.append(("unknown_person", agent_id, "", agent_id, "one of agents"))
            continue
        days: dict[dt.date, list[Any]] = {}
        for row in rows:
            days.setdefault(pd.Timestamp(row.date).date(), []).append(row)
        found += _check_person(person, rows, rules, away.get(agent_id, set()))
        found += _check_time(agent_id, rows, days, rules)
        for date, day in days.items():
            found += _check_day(person, date, day, rules, library, agent_id in changed)
    found += _check_seats(work, people, rules)
    found += _check_duties(work, duties)
    if requirement is not None:
        found += _check_coverage(work, requirement, coverage, people)
    return pd.DataFrame(found, columns=VIOLATION_COLUMNS, dtype=object)


def _records(table: pd.DataFrame | Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    rows: list[Any] = table.to_dict("records") if isinstance(table, pd.DataFrame) else [dict(row) for row in table]
    clean: list[dict[str, Any]] = []
    for row in rows:
        clean.append({k: v for k, v in row.items() if not (isinstance(v, float) and v != v) and v is not pd.NaT})
    return clean


def _each(frame: pd.DataFrame) -> list[Any]:
    """Rows of a frame by column name."""
    return list(frame.itertuples(index=False))


def _can_serve(person: Mapping[str, Any]) -> set[str]:
    skills = person.get("skills")
    if skills is None:
        return {str(v) for k, v in person.items() if k.startswith("skill_") and v}
    if isinstance(skills, str):
        return {skills}
    return {queue for queue in skills if not isinstance(skills, Mapping) or skills[queue]}


def _days_away(people: Mapping[str, Any], leave: Any) -> dict[str, set[dt.date]]:
    away: dict[str, set[dt.date]] = {}
    spans = [(row["agent_id"], row["first"], row["last"]) for row in _records(leave)]
    for agent_id, person in people.items():
        for span in person.get("leave") or ():
            ends = (span["first"], span["last"]) if isinstance(span, Mapping) else (span.first, span.last)
            spans.append((agent_id, *ends))
    for agent_id, first, last in spans:
        away.setdefault(agent_id, set()).update(pd.date_range(first, last).date)
    return away


def _night_minutes(start: pd.Timestamp, end: pd.Timestamp, rules: Any) -> int:
    """Count night minutes one by one."""
    opens, closes = rules.night_from_h * 60, rules.night_to_h * 60
    minutes = pd.date_range(start, end, freq="min", inclusive="left")
    clock = np.asarray(minutes.hour * 60 + minutes.minute)
    night = (clock >= opens) | (clock < closes) if opens >= closes else (clock >= opens) & (clock < closes)
    return int(night.sum())


def _hours(rows: Iterable[Any]) -> float:
    return float(sum((row.end - row.start).total_seconds() for row in rows) / 3600)


def _worked_h(rows: Iterable[Any]) -> float:
    return _hours(row for row in rows if row.activity != "meal")


def _check_person(person: Mapping[str, Any], rows: list[Any], rules: Any, away: set[dt.date]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    who = person["agent_id"]
    score = person.get("exam_score")
    if score is None or score < rules.exam_pass_mark:
        found.append(("exam", who, "", score, f">= {rules.exam_pass_mark:g}"))
    if not person.get("qa_pass"):
        found.append(("quality", who, "", person.get("qa_pass"), "passed"))
    skills = _can_serve(person)
    for row in rows:
        if row.activity == "chat" and row.queue not in skills:
            found.append(("skill", who, str(row.start), row.queue, ", ".join(sorted(skills))))
    begins = person.get("starts_on")
    for row in rows:
        if begins is not None and row.start.date() < pd.Timestamp(begins).date():
            found.append(("starts_on", who, str(row.start), row.start.date(), f"from {begins}"))
        for day in {row.start.date(), (row.end - pd.Timedelta(minutes=1)).date()} & away:
            found.append(("leave", who, str(row.start), day, "on leave"))
    return found


def _check_time(who: str, rows: list[Any], days: Mapping[dt.date, list[Any]], rules: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for before, after in itertools.pairwise(rows):
        if after.start < before.end:
            found.append(("overlap", who, str(after.start), str(before.end), "no two at once"))
    dates = sorted(days)
    for earlier, later in itertools.pairwise(dates):
        opens = min(row.start for row in days[later])
        rest_h = (opens - max(row.end for row in days[earlier])) / _HOUR
        if rest_h < rules.rest_min_h:
            found.append(("rest", who, str(opens), rest_h, f">= {rules.rest_min_h:g} h"))
    run = 0
    for position, date in enumerate(dates):
        run = run + 1 if position and date - dates[position - 1] == dt.timedelta(days=1) else 1
        if run == rules.consecutive_days_max + 1:
            found.append(("consecutive_days", who, str(date), run, f"<= {rules.consecutive_days_max:g}"))
    standard = rules.standard_h_day
    overtime: dict[tuple[int, int], float] = {}
    regular: dict[tuple[int, int], float] = {}
    last: dict[tuple[int, int], dt.date] = {}
    for date in dates:
        hours = _worked_h(days[date])
        month, week = (date.year, date.month), (date.isocalendar().year, date.isocalendar().week)
        overtime[month] = overtime.get(month, 0.0) + max(0.0, hours - standard)
        regular[week] = regular.get(week, 0.0) + min(hours, standard)
        last[week] = max(date, last.get(week, date))
    for week, hours in regular.items():
        month = (last[week].year, last[week].month)
        overtime[month] = overtime.get(month, 0.0) + max(0.0, hours - rules.standard_h_week)
    for (year, number), hours in overtime.items():
        if hours > rules.overtime_max_h_month + 1e-9:
            where = f"{year}-{number:02d}"
            found.append(("overtime_month", who, where, hours, f"<= {rules.overtime_max_h_month:g} h"))
    return found


def _check_day(
    person: Mapping[str, Any],
    date: dt.date,
    day: list[Any],
    rules: Any,
    library: Mapping[str, Mapping[str, Any]],
    changed: bool,
) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    who, where, hours = person["agent_id"], str(date), _worked_h(day)
    start, end = min(row.start for row in day), max(row.end for row in day)
    codes = {row.shift for row in day}
    if len(codes) > 1:
        found.append(("one_shift_a_day", who, where, ", ".join(sorted(map(str, codes))), "one"))
    present = _hours(day)
    if present < (end - start) / _HOUR - 1e-9:
        found.append(("gap", who, where, present, f"{(end - start) / _HOUR:g} h from first to last"))
    if person.get("cohort") == "student":
        if hours > rules.student_max_h_day + 1e-9:
            found.append(("student_hours", who, where, hours, f"<= {rules.student_max_h_day:g} h"))
        if not rules.student_nights_allowed and (night := _night_minutes(start, end, rules)):
            found.append(("student_night", who, where, night, "0 min"))
    elif hours > rules.standard_h_day + rules.overtime_max_h_day + 1e-9:
        most = rules.standard_h_day + rules.overtime_max_h_day
        found.append(("overtime_day", who, where, hours, f"<= {most:g} h"))
    shift = library.get(str(day[0].shift))
    if shift is None:
        found.append(("unknown_shift", who, where, day[0].shift, "one of shifts"))
        return found
    cohorts = shift.get("cohorts")
    if cohorts is not None and person.get("cohort") not in cohorts:
        found.append(("cohort_shift", who, where, person.get("cohort"), ", ".join(cohorts)))
    begins, ends = (each.hour * 60 + each.minute for each in (shift["start"], shift["end"]))
    missed, length = (start.hour * 60 + start.minute - begins) % 1440, (ends - begins) % 1440 or 1440
    if missed and not (changed and missed < length):
        found.append(("shift_hours", who, where, f"{start:%H:%M}", f"{shift['start']:%H:%M}"))
    in_full = end.hour * 60 + end.minute == ends
    if not in_full and not changed:
        found.append(("shift_hours", who, where, f"{end:%H:%M}", f"{shift['end']:%H:%M}"))
    meals = [row for row in day if row.activity == "meal"]
    minutes = _hours(meals) * 60
    if in_full and not missed and minutes != (shift.get("meal_min") or 0):
        found.append(("meal_length", who, where, minutes, f"{shift.get('meal_min') or 0:g} min"))
    for meal in meals:
        if shift.get("meal_from") is None:
            continue
        since_midnight = [_minutes(meal.start, start), _minutes(meal.end, start)]
        opens, closes = (each.hour * 60 + each.minute for each in (shift["meal_from"], shift["meal_to"]))
        closes += 1440 * (closes <= opens)
        late = 1440 * (closes <= start.hour * 60 + start.minute)
        if since_midnight[0] < opens + late or since_midnight[1] > closes + late:
            window = f"{shift['meal_from']:%H:%M}-{shift['meal_to']:%H:%M}"
            found.append(("meal_window", who, str(meal.start), f"{meal.start:%H:%M}", window))
    return found


def _minutes(stamp: pd.Timestamp, start: pd.Timestamp) -> int:
    """Clock minutes since the midnight before ``start``."""
    return int((stamp.date() - start.date()).days * 1440 + stamp.hour * 60 + stamp.minute)


def _check_seats(work: pd.DataFrame, people: Mapping[str, Mapping[str, Any]], rules: Any) -> list[tuple[Any, ...]]:
    """Walk through arrivals and departures and count who is in."""
    if not rules.seats or work.empty:
        return []
    found: list[tuple[Any, ...]] = []
    shifts = work.groupby(["agent_id", "date"]).agg(start=("start", "min"), end=("end", "max")).reset_index()
    room_of = {who: person.get("room") for who, person in people.items()}
    for room in (None, *rules.seats):
        here = shifts if room is None else shifts[[room_of.get(who) == room for who in shifts["agent_id"]]]
        moves = sorted([(end, -1) for end in here["end"]] + [(start, 1) for start in here["start"]])
        seats, inside = sum(rules.seats.values()) if room is None else rules.seats[room], 0
        for at, step in moves:
            inside += step
            if step > 0 and inside == seats + 1:
                found.append(("seats", "", f"{room or ''} {at}".strip(), inside, f"<= {seats}"))
    return found


def _check_duties(work: pd.DataFrame, duties: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for duty in _records(duties):
        at = work[work["activity"] == duty["kind"]]
        zone = work["start"].dt.tz if len(work) else None
        start, end = (
            stamp if stamp.tz or zone is None else stamp.tz_localize(zone)
            for stamp in (pd.Timestamp(duty["start"]), pd.Timestamp(duty["end"]))
        )
        held = at[(at["start"] == start) & (at["end"] == end)]
        if duty.get("agent_id") is not None:
            held = held[held["agent_id"] == duty["agent_id"]]
        if held.empty:
            found.append(("duty", duty.get("agent_id") or "", str(duty["start"]), 0, f"1 for {duty['duty']}"))
    return found


def _utc(stamps: pd.Series) -> np.ndarray:
    return np.asarray(stamps.dt.tz_convert(None).to_numpy())


def _check_coverage(
    work: pd.DataFrame,
    requirement: pd.DataFrame,
    coverage: pd.DataFrame | None,
    people: Mapping[str, Mapping[str, Any]],
) -> list[tuple[Any, ...]]:
    """Count heads on chat in each interval, person by person, each for as many standard heads as the agents give."""
    found: list[tuple[Any, ...]] = []
    starts = sorted(requirement["start"].unique())
    step = min((after - before for before, after in itertools.pairwise(starts)), default=pd.Timedelta(minutes=30))
    chat = work[work["activity"] == "chat"]
    counts_for = {who: round(float(person.get("standard", 1.0)), 2) for who, person in people.items()}
    spans = {
        queue: (_utc(rows["start"]), _utc(rows["end"]), rows["agent_id"].map(counts_for).to_numpy(dtype=float))
        for queue, rows in chat.groupby("queue")
    }
    shown = {} if coverage is None else {(row.start, row.queue): row for row in _each(coverage)}
    for need in _each(requirement):
        opens, closes = (stamp.tz_convert(None).to_datetime64() for stamp in (need.start, need.start + step))
        begins, ends, each = spans.get(need.queue, (np.empty(0, "M8[ns]"), np.empty(0, "M8[ns]"), np.empty(0)))
        inside = np.clip((np.minimum(ends, closes) - np.maximum(begins, opens)) / np.timedelta64(1, "s"), 0, None)
        heads = float((inside * each).sum() / step.total_seconds())
        bodies = float(inside.sum() / step.total_seconds())
        where = f"{need.queue} {need.start:%Y-%m-%d %H:%M}"
        if heads < need.to_roster - 1e-9:
            found.append(("coverage", "", where, heads, f">= {need.to_roster:g}"))
        if coverage is not None:
            row = shown.get((need.start, need.queue))
            if row is not None and abs(getattr(row, "people_on_chat", bodies) - bodies) > 1e-9:
                found.append(("coverage_table", "", where, row.people_on_chat, f"{bodies:g} people"))
            if row is None or abs(row.rostered - heads) > 1e-9:
                found.append(("coverage_table", "", where, None if row is None else row.rostered, f"{heads:g}"))
    return found
