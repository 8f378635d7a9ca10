"""What a roster is made from: rules, people, shifts and duties, as minutes since the horizon opens."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from simlib import facts

_STAY_ON_MIN = (60, 120, 180)  # how much longer somebody may stay; nobody comes in for less than the first of them
_SETTLE_MIN = 30  # no pause so soon after somebody has come in (ours)
_FED_MIN = 300  # who comes in for less than this has eaten (ours)
ROSTER_COLUMNS = ["agent_id", "name", "cohort", "queue", "shift", "date", "start", "end", "activity"]


@dataclass(frozen=True, kw_only=True)
class RosterRules:
    """Limits and prices of a roster; the defaults are the dated rows of ``playbook/facts/labour.yml``.

    Build it with :meth:`of_playbook`. Prices of flaws (``*_cny``) are weights for the solver, not money paid out.
    ``seats`` maps a room to its usable seats; empty means that seats are no limit. People with a ``room`` sit
    there, people without one sit anywhere.
    """

    standard_h_day: float
    standard_h_week: float
    overtime_max_h_day: float
    overtime_max_h_month: float
    overtime_pay_pct: float
    rest_day_pay_pct: float
    holiday_pay_pct: float
    rest_min_h: float
    consecutive_days_max: float
    night_from_h: float
    night_to_h: float
    student_max_h_day: float
    student_nights_allowed: float
    exam_pass_mark: float
    shortfall_cny_h: float
    thin_cover_cny_h: float
    cushion_pct: float
    duty_uncovered_cny_h: float
    change_cny: float
    on_call_cny: float
    wish_cny: float
    night_unfair_cny: float
    second_skill_cny_h: float
    holidays: tuple[dt.date, ...] = ()
    seats: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name not in ("holidays", "seats") and not 0 <= value < math.inf:
                raise ValueError(f"{each.name} must be a number >= 0, got {value!r}")
        for hour in ("night_from_h", "night_to_h"):
            if getattr(self, hour) > 24:
                raise ValueError(f"{hour} must be an hour of the day, 0 to 24, got {getattr(self, hour)!r}")
        for room, seats in self.seats.items():
            if seats < 0:
                raise ValueError(f"seats of room {room!r} must be >= 0, got {seats!r}")

    @classmethod
    def of_playbook(cls, *, on: dt.date | None = None, **own: Any) -> RosterRules:
        """Return the limits that hold on a day, and put a store's own in their place.

        Examples
        --------
        >>> RosterRules.of_playbook(rest_min_h=10).rest_min_h, RosterRules.of_playbook().overtime_max_h_day
        (10, 3)
        """
        lookup = [each.name for each in fields(cls) if each.name not in own | {"holidays": 0, "seats": 0}]
        return cls(**{name: facts.value("labour", name, on=on) for name in lookup}, **own)


def make_shifts(
    *, length_h: float, first: dt.time, last: dt.time, step_min: int = 30, meal_min: int = 0, break_min: int = 0
) -> pd.DataFrame:
    """Make a shift library with free start times: one shift of ``length_h`` for every start in ``[first, last]``.

    A meal lies in the middle third of the shift.

    Returns
    -------
    pandas.DataFrame
        Columns code, start, end, meal_from, meal_to, meal_min, break_min, as ``solve_roster`` takes them.

    Examples
    --------
    >>> made = make_shifts(length_h=9, first=dt.time(8), last=dt.time(9), meal_min=60)
    >>> made[["code", "start", "end", "meal_from", "meal_to"]].astype(str).values.tolist()
    [['0800-9', '08:00:00', '17:00:00', '11:00:00', '14:00:00'],
     ['0830-9', '08:30:00', '17:30:00', '11:30:00', '14:30:00'],
     ['0900-9', '09:00:00', '18:00:00', '12:00:00', '15:00:00']]
    """
    if not 0 < length_h < 24 or step_min < 1:
        raise ValueError(f"length_h must be within (0, 24) and step_min >= 1, got {length_h!r}, {step_min!r}")
    midnight, length = dt.datetime(2000, 1, 1), dt.timedelta(hours=length_h)
    opens, rows = dt.datetime.combine(midnight, first), []
    while opens <= dt.datetime.combine(midnight, last):
        row: dict[str, Any] = {"code": f"{opens:%H%M}-{length_h:g}", "start": opens.time()}
        row |= {"end": (opens + length).time(), "meal_min": meal_min, "break_min": break_min}
        row["meal_from"] = (opens + length / 3).time() if meal_min else None
        row["meal_to"] = (opens + 2 * length / 3).time() if meal_min else None
        rows.append(row)
        opens += dt.timedelta(minutes=step_min)
    return pd.DataFrame(rows)


Desk = tuple[tuple[str, ...], int]


class Pause(NamedTuple):
    """A meal or break: one of ``starts`` (minutes since the horizon opens), for ``minutes``."""

    activity: str
    starts: tuple[int, ...]
    minutes: int


class Segment(NamedTuple):
    """A stretch of one activity, in minutes since the horizon opens."""

    start: int
    end: int
    activity: str
    queue: str | None


@dataclass(frozen=True, kw_only=True)
class Option:
    """A shift on one day, perhaps with a duty inside: what a person can be given. Minutes since the horizon opens.

    ``fixed`` are segments that stand already (a roster that is being repaired); the rest of the shift, from
    ``flexible_from`` on, is chat that the solver cuts up. ``only`` is the one person whom the option is for.
    """

    day: int
    code: str
    start: int
    end: int
    paid_min: int
    night: bool
    pauses: tuple[Pause, ...] = ()
    duty: int | None = None
    cohorts: tuple[str, ...] | None = None
    fixed: tuple[Segment, ...] = ()
    flexible_from: int = 0
    only: str | None = None
    must: bool = False
    changes: bool = False


@dataclass(frozen=True, kw_only=True)
class TimedDuty:
    """Work off the chat that one person does: a live stream, a delivery. Minutes since the horizon opens."""

    name: str
    kind: str
    start: int
    end: int
    agent_id: str | None


@dataclass(frozen=True, kw_only=True)
class Person:
    """One row of the agents, with leave and wishes; ``fit`` = exam and quality check passed.

    ``standard_pct``: a person on chat counts for so many hundredths of a standard head, one of speed 1.
    """

    agent_id: str
    name: str
    cohort: str
    skills: tuple[str, ...]
    cost_cny_h: float
    fit: bool
    on_call: bool
    room: str | None
    starts_on: dt.date | None
    leave: frozenset[dt.date]
    wishes: tuple[tuple[dt.date, str, float], ...]
    standard_pct: int = 100

    @property
    def desk(self) -> Desk:
        """What the roster shares a desk by: skills, and how many standard heads a person counts for, in percent."""
        return (self.skills, self.standard_pct)

    @property
    def kind(self) -> tuple[Hashable, ...]:
        """What makes people alike, apart from the days on which they can work."""
        return (self.desk, self.cohort, self.cost_cny_h, self.on_call, self.room)


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """Clock times of a store as minutes since the first midnight, clock changes included."""

    opens: pd.Timestamp
    days: tuple[dt.date, ...]

    def minute(self, day: dt.date, clock: dt.time) -> int:
        """Return which minute a clock time is; one that a clock change skips is the next that exists."""
        stamp = pd.Timestamp(dt.datetime.combine(day, clock))
        local = stamp.tz_localize(self.opens.tz, nonexistent="shift_forward", ambiguous=True)
        return self.since(local)

    def since(self, stamp: pd.Timestamp) -> int:
        """Minutes from the horizon's opening to an instant."""
        return round(float((stamp - self.opens).total_seconds()) / 60)

    def stamp(self, minute: int) -> pd.Timestamp:
        """Local time of a minute."""
        return (self.opens.tz_convert("UTC") + pd.Timedelta(minutes=minute)).tz_convert(self.opens.tz)

    def dates(self, start: int, end: int) -> set[dt.date]:
        """Dates that a span touches."""
        return {self.stamp(start).date(), self.stamp(end - 1).date()}


@dataclass(frozen=True, kw_only=True)
class RosterProblem:
    """All that a roster is made from: ``need`` in minutes on chat by slot and queue, ``closed`` = days without work.

    ``today`` is the one day that a repair may change, ``counts_from`` the minute from which it can help: work before
    it fills no need.
    """

    calendar: Calendar
    step: int
    slots: tuple[int, ...]
    starts: pd.DatetimeIndex
    queues: tuple[str, ...]
    need: Mapping[tuple[int, str], int]
    people: tuple[Person, ...]
    options: tuple[Option, ...]
    duties: tuple[TimedDuty, ...]
    rules: RosterRules
    closed: frozenset[tuple[str, int]] = frozenset()
    today: int | None = None
    counts_from: int = 0

    @cached_property
    def unit(self) -> int:
        """Largest number of minutes that divides every cut of every slot."""
        cuts = [self.step, self.counts_from]
        for option in self.options:
            cuts += [option.start, option.end, option.flexible_from]
            cuts += [minute for pause in option.pauses for minute in (*pause.starts, pause.minutes)]
            cuts += [minute for piece in option.fixed for minute in (piece.start, piece.end)]
        cuts += [minute for duty in self.duties for minute in (duty.start, duty.end)]
        return math.gcd(*cuts, *self.slots)

    @cached_property
    def scale(self) -> int:
        """Parts into which a standard head is cut, so that everybody counts for a whole number of them."""
        return 100 // math.gcd(100, *(person.standard_pct for person in self.people))

    def weigh(self, desk: Desk) -> int:
        """Return how many parts of a standard head a person of a desk counts for."""
        return desk[1] * self.scale // 100

    def fits(self, person: Person, option: Option) -> bool:
        """Return whether a person may be given an option, looking at that option alone."""
        return self.find_bar(person, option) is None

    def find_bar(self, person: Person, option: Option) -> str | None:
        """Return the first rule that keeps an option from a person, looking at that option alone; None if none does."""
        if option.only is not None:
            return None if option.only == person.agent_id else "settled"
        if (person.agent_id, option.day) in self.closed:
            return "settled"
        if option.duty is not None and self.duties[option.duty].agent_id not in (None, person.agent_id):
            return "duty"
        if not person.fit:
            return "fit"
        if option.cohorts is not None and person.cohort not in option.cohorts:
            return "cohort"
        unlawful = self.find_breach(person.cohort, option)
        if unlawful is not None or not (person.leave or person.starts_on):
            return unlawful
        days = self.calendar.dates(option.start, option.end)
        if person.starts_on is not None and min(days) < person.starts_on:
            return "start"
        return "leave" if days & person.leave else None

    def find_breach(self, cohort: str, option: Option) -> str | None:
        """Return the limit of a cohort, hours or nights, that an option breaks; None if it breaks none."""
        rules = self.rules
        if cohort == "student" and option.night and not rules.student_nights_allowed:
            return "night"
        longest_h = rules.standard_h_day + rules.overtime_max_h_day
        if cohort == "student":
            longest_h = rules.student_max_h_day
        return "hours" if option.paid_min > longest_h * 60 else None

    def too_close(self, one: Option, other: Option) -> bool:
        """Return whether there is less than the rest between two shifts of a person."""
        rest = self.rules.rest_min_h * 60
        return one.start < other.end + rest and other.start < one.end + rest

    def spans(self, start: int, end: int) -> list[tuple[int, int]]:
        """Slots that a span of minutes touches, each with the units of it that fall inside and count."""
        return [(slot, minutes // self.unit) for slot, minutes in self.overlaps(start, end)]

    def overlaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """Slots that a span of minutes touches, each with the minutes of it that fall inside and count."""
        start = max(start, self.counts_from)
        first = int(np.searchsorted(self.slots, start - self.step, side="right"))
        found = []
        for index in range(first, len(self.slots)):
            if self.slots[index] >= end:
                break
            inside = min(end, self.slots[index] + self.step) - max(start, self.slots[index])
            if inside > 0:
                found.append((index, inside))
        return found

    def count_minutes(self, rows: pd.DataFrame) -> tuple[Counter[tuple[int, str]], Counter[tuple[int, str]]]:
        """Return minutes on chat of roster rows, by slot and queue: of people, and hundredths of standard heads'."""
        percent = {person.agent_id: person.standard_pct for person in self.people}
        minutes: Counter[tuple[int, str]] = Counter()
        standard: Counter[tuple[int, str]] = Counter()
        for row in each_row(rows[rows["activity"] == "chat"]):
            for slot, inside in self.overlaps(self.calendar.since(row.start), self.calendar.since(row.end)):
                minutes[slot, row.queue] += inside
                standard[slot, row.queue] += inside * percent.get(row.agent_id, 100)
        return minutes, standard


@dataclass(frozen=True, kw_only=True)
class Crew:
    """People who are alike in all that their model looks at; ``room_for[option]`` = how many may take an option."""

    members: tuple[Person, ...]
    room_for: Mapping[int, int]
    free_on: Mapping[int, int]


def _need_columns(frame: pd.DataFrame, table: str, columns: Iterable[str]) -> None:
    lacking = [column for column in columns if column not in frame.columns]
    if lacking:
        raise ValueError(f"{table} lacks the column(s) {', '.join(lacking)}")


def each_row(frame: pd.DataFrame) -> list[Any]:
    """Rows of a frame by column name."""
    return list(frame.itertuples(index=False))


def _rows(table: pd.DataFrame | Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Read a frame or rows; whatever pandas calls missing becomes None."""
    records: list[Any] = table.to_dict("records") if isinstance(table, pd.DataFrame) else [dict(row) for row in table]
    return [
        {str(key): None if value is None or value is pd.NaT or value != value else value for key, value in row.items()}
        for row in records
    ]


def first_day(requirement: pd.DataFrame) -> dt.date:
    """First date of a requirement, whose columns are checked on the way."""
    _need_columns(requirement, "requirement", ("start", "queue", "to_roster"))
    if requirement.empty:
        raise ValueError("requirement has no rows: there is nothing to roster")
    if getattr(requirement["start"].dt, "tz", None) is None:
        raise ValueError("requirement.start must carry a time zone")
    day: dt.date = requirement["start"].min().date()
    return day


def read_problem(
    requirement: pd.DataFrame,
    agents: pd.DataFrame,
    shifts: pd.DataFrame,
    rules: RosterRules,
    duties: pd.DataFrame | Sequence[Mapping[str, Any]],
    leave: pd.DataFrame | Sequence[Mapping[str, Any]],
    wishes: pd.DataFrame | Sequence[Mapping[str, Any]],
    locked: pd.DataFrame | None,
) -> RosterProblem:
    """Check the tables and turn clock times into minutes since the first midnight."""
    first_day(requirement)
    if requirement.duplicated(["start", "queue"]).any():
        twice = requirement[requirement.duplicated(["start", "queue"])].iloc[0]
        raise ValueError(f"requirement names {twice['queue']} at {twice['start']} twice")
    heads = requirement["to_roster"].to_numpy(dtype=float)
    if not np.isfinite(heads).all() or (heads < 0).any():
        raise ValueError("requirement.to_roster must be finite numbers >= 0")
    starts = pd.DatetimeIndex(requirement["start"].drop_duplicates().sort_values(), name="start")
    opens = starts[0].normalize()
    last = starts[-1].date()
    days = tuple(opens.date() + dt.timedelta(days=n) for n in range((last - opens.date()).days + 1))
    if len(days) > 21:
        raise ValueError(f"requirement spans {len(days)} days; a roster covers 1 to 21")
    calendar = Calendar(opens=opens, days=days)
    slots = tuple(calendar.since(start) for start in starts)
    gaps = np.diff(slots)
    step = int(gaps.min()) if len(gaps) else 30
    if (gaps % step).any():
        raise ValueError(f"requirement.start must lie on one grid; its steps are {sorted({*gaps.tolist()})} minutes")
    index_of = {start: index for index, start in enumerate(starts)}
    queues = tuple(dict.fromkeys(requirement["queue"]))
    need = {
        (index_of[row.start], row.queue): math.ceil(row.to_roster - 1e-9) * step
        for row in each_row(requirement)
        if row.to_roster > 0
    }
    people = _read_people(agents, rules, leave, wishes)
    duty_list = _read_duties(duties, calendar, {person.agent_id for person in people})
    options = _shift_options(calendar, shifts, rules, duty_list, step, slots)
    kept, closed = _locked_options(calendar, locked, rules, options, duty_list)
    return RosterProblem(
        calendar=calendar,
        step=step,
        slots=slots,
        starts=starts,
        queues=queues,
        need=need,
        people=people,
        options=tuple(options + kept),
        duties=duty_list,
        rules=rules,
        closed=closed,
    )


def _skills(row: Mapping[str, Any]) -> tuple[str, ...]:
    skills = row.get("skills")
    if skills is None:
        skills = [row[key] for key in sorted(row) if key.startswith("skill_") and row[key]]
    elif isinstance(skills, Mapping):
        skills = [queue for queue, rank in sorted(skills.items(), key=lambda pair: pair[1]) if rank]
    elif isinstance(skills, str):
        skills = [skills]
    if not len(skills):
        raise ValueError(f"agents: {row['agent_id']} has no skill; name at least one queue")
    return tuple(skills)


def _read_people(
    agents: pd.DataFrame,
    rules: RosterRules,
    leave: pd.DataFrame | Sequence[Mapping[str, Any]],
    wishes: pd.DataFrame | Sequence[Mapping[str, Any]],
) -> tuple[Person, ...]:
    _need_columns(agents, "agents", ("agent_id", "name", "cohort", "cost_cny_h", "exam_score", "qa_pass"))
    twice = agents.loc[agents["agent_id"].duplicated(), "agent_id"]
    if len(twice):
        raise ValueError(f"agents: agent_id {twice.iloc[0]!r} stands twice")
    away: dict[str, set[dt.date]] = defaultdict(set)
    wanted: dict[str, list[tuple[dt.date, str, float]]] = defaultdict(list)
    spans = [(row["agent_id"], row["first"], row["last"]) for row in _rows(leave)]
    for row in _rows(agents):
        for span in row.get("leave") or ():
            days = (span["first"], span["last"]) if isinstance(span, Mapping) else (span.first, span.last)
            spans.append((row["agent_id"], *days))
    for agent_id, begins, ends in spans:
        first, last = pd.Timestamp(begins).date(), pd.Timestamp(ends).date()
        away[agent_id] |= {first + dt.timedelta(days=n) for n in range((last - first).days + 1)}
    for wish in _rows(wishes):
        weight = 1.0 if wish.get("weight") is None else float(wish["weight"])
        wanted[wish["agent_id"]].append((pd.Timestamp(wish["date"]).date(), str(wish["wish"]), weight))
    unknown = sorted(set(map(str, [*away, *wanted])) - set(map(str, agents["agent_id"])))
    if unknown:
        raise ValueError(f"leave or wishes name people who are not in agents: {', '.join(unknown)}")
    people = []
    for row in _rows(agents):
        score, cost = row["exam_score"], row["cost_cny_h"]
        if cost is None or not 0 <= cost < math.inf:
            raise ValueError(f"agents: cost_cny_h of {row['agent_id']} must be a number >= 0, got {cost!r}")
        people.append(
            Person(
                agent_id=row["agent_id"],
                name=row["name"],
                cohort=row["cohort"],
                skills=_skills(row),
                cost_cny_h=float(cost),
                fit=score is not None and score >= rules.exam_pass_mark and bool(row["qa_pass"]),
                on_call=bool(row.get("on_call")),
                room=row.get("room"),
                starts_on=None if row.get("starts_on") is None else pd.Timestamp(row["starts_on"]).date(),
                leave=frozenset(away[row["agent_id"]]),
                wishes=tuple(wanted[row["agent_id"]]),
                standard_pct=_standard_pct(row),
            )
        )
        if rules.seats and people[-1].room not in (None, *rules.seats):
            rooms = ", ".join(sorted(rules.seats))
            raise ValueError(f"agents: room {people[-1].room!r} of {row['agent_id']} is not among {rooms}")
    return tuple(people)


def _standard_pct(row: Mapping[str, Any]) -> int:
    standard = 1.0 if row.get("standard") is None else row["standard"]
    if not 0 < standard <= 10:
        raise ValueError(f"agents: standard of {row['agent_id']} must lie in (0, 10], got {standard!r}")
    return max(1, round(100 * standard))


def _read_duties(
    duties: pd.DataFrame | Sequence[Mapping[str, Any]], calendar: Calendar, known: set[str]
) -> tuple[TimedDuty, ...]:
    found = []
    for row in _rows(duties):
        spans = [pd.Timestamp(row[end]) for end in ("start", "end")]
        start, end = (each if each.tz else each.tz_localize(calendar.opens.tz) for each in spans)
        if end <= start:
            raise ValueError(f"duties: {row['duty']} must end after it starts")
        if row.get("agent_id") is not None and row["agent_id"] not in known:
            raise ValueError(f"duties: {row['duty']} names {row['agent_id']!r}, who is not in agents")
        span = {"start": calendar.since(start), "end": calendar.since(end)}
        found.append(TimedDuty(name=str(row["duty"]), kind=row["kind"], agent_id=row.get("agent_id"), **span))
    return tuple(found)


def _shift_options(
    calendar: Calendar,
    shifts: pd.DataFrame,
    rules: RosterRules,
    duties: Sequence[TimedDuty],
    step: int,
    slots: Sequence[int],
) -> list[Option]:
    """Lay the shift library over the days; the evening before counts where its shifts reach into the first day."""
    _need_columns(shifts, "shifts", ("code", "start", "end"))
    options = []
    for index in range(-1, len(calendar.days)):
        day = calendar.opens.date() + dt.timedelta(days=index)
        for row in _rows(shifts):
            start, end = _span(calendar, day, row["start"], row["end"])
            if end <= 0 or not any(start < slot + step and slot < end for slot in slots):
                continue
            meal_min = int(row.get("meal_min") or 0)
            plain = Option(
                day=index,
                code=str(row["code"]),
                start=start,
                end=end,
                paid_min=end - start - meal_min,
                night=_touches_night(calendar, start, end, rules),
                cohorts=tuple(row["cohorts"]) if row.get("cohorts") is not None else None,
                pauses=_pauses(calendar, day, row, start, end, step, None),
            )
            if meal_min and not plain.pauses:
                raise ValueError(f"shifts: the meal of {row['code']} does not fit into its window and the shift")
            options.append(plain)
            for number, duty in enumerate(duties):
                if start <= duty.start and duty.end <= end:
                    pauses = _pauses(calendar, day, row, start, end, step, duty)
                    if not meal_min or any(pause.activity == "meal" for pause in pauses):
                        options.append(replace(plain, duty=number, pauses=pauses))
    return options


def _span(calendar: Calendar, day: dt.date, opens: dt.time, closes: dt.time) -> tuple[int, int]:
    """Minutes of a span of clock times that may cross midnight."""
    next_day = day if closes > opens else day + dt.timedelta(days=1)
    return calendar.minute(day, opens), calendar.minute(next_day, closes)


def _touches_night(calendar: Calendar, start: int, end: int, rules: RosterRules) -> bool:
    """Return whether any minute lies in the night hours (which may cross midnight)."""
    over = 24 * 60 if rules.night_to_h <= rules.night_from_h else 0
    for back in (1, 0, -1):
        day = calendar.stamp(start).date() - dt.timedelta(days=back)
        midnight = calendar.minute(day, dt.time(0))
        opens, closes = midnight + round(rules.night_from_h * 60), midnight + round(rules.night_to_h * 60) + over
        if start < closes and opens < end:
            return True
    return False


def _pauses(
    calendar: Calendar, day: dt.date, row: Mapping[str, Any], start: int, end: int, step: int, duty: TimedDuty | None
) -> tuple[Pause, ...]:
    """Return when the meal and the short breaks of a shift may lie; their windows never overlap.

    A stretch of work of two hours or more, before or after the meal window, has one break, not in its first or
    last half hour.
    """
    meal_min, break_min = int(row.get("meal_min") or 0), int(row.get("break_min") or 0)
    stretches, pauses = [(start, end)], []

    def free(begin: int, minutes: int) -> bool:
        return duty is None or begin >= duty.end or begin + minutes <= duty.start

    if meal_min:
        first, last = _span(calendar, day, row["meal_from"], row["meal_to"])
        if last <= start:
            first, last = _span(calendar, day + dt.timedelta(days=1), row["meal_from"], row["meal_to"])
        first, last = max(first, start), min(last, end)
        starts = tuple(begin for begin in range(first, last - meal_min + 1, step) if free(begin, meal_min))
        if starts:
            pauses.append(Pause("meal", starts, meal_min))
            stretches = [(start, starts[0]), (starts[-1] + meal_min, end)]
    for opens, closes in stretches:
        if break_min and closes - opens >= 120:
            begins = range(opens + 30, closes - 30 - break_min + 1, step)
            starts = tuple(begin for begin in begins if free(begin, break_min))
            if starts:
                pauses.append(Pause("break", starts, break_min))
    return tuple(pauses)


def _standing(calendar: Calendar, rows: pd.DataFrame, rules: RosterRules) -> list[Option]:
    """Return roster rows as options that keep them as they are, one a person and day."""
    options = []
    days: list[tuple[Any, pd.DataFrame]] = list(rows.groupby(["agent_id", "date"], sort=True))
    for (agent_id, day), group in days:
        pieces = tuple(
            Segment(calendar.since(row.start), calendar.since(row.end), row.activity, row.queue)
            for row in each_row(group.sort_values("start"))
        )
        start, end = pieces[0].start, pieces[-1].end
        options.append(
            Option(
                day=(pd.Timestamp(day).date() - calendar.opens.date()).days,
                code=str(group["shift"].iloc[0]),
                start=start,
                end=end,
                paid_min=sum(piece.end - piece.start for piece in pieces if piece.activity != "meal"),
                night=_touches_night(calendar, start, end, rules),
                fixed=pieces,
                flexible_from=end,
                only=agent_id,
            )
        )
    return options


def _locked_options(
    calendar: Calendar,
    locked: pd.DataFrame | None,
    rules: RosterRules,
    library: Sequence[Option],
    duties: Sequence[TimedDuty],
) -> tuple[list[Option], frozenset[tuple[str, int]]]:
    """Options that stand, and person-days that get nothing else; from roster rows, or from a matrix read back."""
    if locked is None or locked.empty:
        return [], frozenset()
    if "start" in locked:
        _need_columns(locked, "locked", ROSTER_COLUMNS)
        kept = [replace(option, must=True) for option in _standing(calendar, locked, rules)]
        return kept, frozenset((str(option.only), option.day) for option in kept)
    _need_columns(locked, "locked", ("agent_id", "date", "shift"))
    kept, closed = [], set()
    for row in _rows(locked):
        day = (pd.Timestamp(row["date"]).date() - calendar.opens.date()).days
        closed.add((row["agent_id"], day))
        if row["shift"] in ("rest", "leave"):
            continue
        same = [option for option in library if option.day == day and option.code == row["shift"]]
        own = [option for option in same if option.duty is not None and duties[option.duty].agent_id == row["agent_id"]]
        if not same:
            raise ValueError(f"locked: no shift {row['shift']!r} on {row['date']} covers any required interval")
        kept.append(replace((own or same)[0], only=row["agent_id"], must=True))
    return kept, frozenset(closed)


def _duty_begun(base: RosterProblem, option: Option, at: int) -> bool:
    return option.duty is not None and base.duties[option.duty].start < at


def _rest_of_shift(base: RosterProblem, option: Option, begin: int) -> Option:
    """Cut a running shift for somebody who sits down at ``begin``; a pause that is over then is not made up for."""
    left = (
        pause._replace(starts=tuple(start for start in pause.starts if start >= begin + _SETTLE_MIN))
        for pause in option.pauses
        if pause.activity != "meal" or option.end - begin >= _FED_MIN
    )
    pauses = tuple(pause for pause in left if pause.starts)
    meal_min = sum(pause.minutes for pause in pauses if pause.activity == "meal")
    paid_min, night = option.end - begin - meal_min, _touches_night(base.calendar, begin, option.end, base.rules)
    return replace(option, start=begin, pauses=pauses, paid_min=paid_min, night=night, changes=True)


def open_for_repair(base: RosterProblem, rows: pd.DataFrame, absent: set[str], now: int) -> RosterProblem:
    """Collect what may still change: the absent go home at ``now``, others keep, stay on, swap or are called in.

    Nobody who is called sits before the delay of ``call_pool`` is over, so the need counts from there on; and it
    counts up to what the roster had, for a repair repairs what the absent leave behind and nothing else.
    """
    today = (base.calendar.stamp(now).date() - base.calendar.opens.date()).days
    levers = facts.table("levers")
    seated = now + round(levers.loc[levers["key"] == "call_pool", "delay_min"].iloc[0])
    cohort_of = {person.agent_id: person.cohort for person in base.people}
    options, closed = [], {(agent_id, day) for agent_id in absent for day in (today - 1, today)}
    for kept in _standing(base.calendar, rows, base.rules):
        running = kept.start < now < kept.end
        begins_later = kept.day == today and kept.start >= now
        if kept.only in absent and (running or begins_later):
            pieces = tuple(piece._replace(end=min(piece.end, now)) for piece in kept.fixed if piece.start < now)
            if pieces:
                paid = sum(piece.end - piece.start for piece in pieces if piece.activity != "meal")
                end = pieces[-1].end
                options.append(replace(kept, end=end, fixed=pieces, flexible_from=end, paid_min=paid, must=True))
            continue
        options.append(replace(kept, must=not begins_later))
        if not begins_later:
            closed.add((str(kept.only), kept.day))
        for more_min in _STAY_ON_MIN if running else ():
            end = kept.end + more_min
            night = _touches_night(base.calendar, kept.start, end, base.rules)
            longer = replace(kept, end=end, paid_min=kept.paid_min + more_min, night=night, must=True, changes=True)
            if base.find_breach(cohort_of[str(kept.only)], longer) is None:
                options.append(longer)
    for new in base.options:
        if new.day == today and new.start >= seated:
            options.append(replace(new, changes=True))
        elif new.start < seated and new.end - seated >= _STAY_ON_MIN[0] and not _duty_begun(base, new, seated):
            options.append(_rest_of_shift(base, new, seated))
    left = replace(base, options=tuple(options), closed=frozenset(closed), today=today, counts_from=seated)
    _, had = left.count_minutes(rows)
    need = {}
    for (slot, queue), minutes in base.need.items():
        still = min(base.slots[slot] + base.step - seated, base.step)
        lost = min(minutes * still // base.step, had[slot, queue] // 100) if still > 0 else 0
        if lost:
            need[slot, queue] = lost
    return replace(left, need=need)
