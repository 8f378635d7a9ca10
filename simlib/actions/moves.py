"""Moves: what can still be changed about a roster, each as the changed night that it makes.

A move is found from tables (the roster, its coverage, the people, the sources of help) and carries everything that it
changes: the new segments of the people concerned, newcomers, chats, a share of the bot. Applying it copies the night.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np
import pandas as pd

from simlib import facts
from simlib.messages import Message, Noun, UserError
from simlib.night.buyers import Episode
from simlib.night.promo_night import PromoNight

STEP = pd.Timedelta(minutes=30)
QUARTER = pd.Timedelta(minutes=15)
EDGE = pd.Timedelta(minutes=60)  # no meal or break in the first and the last hour of a shift (ours)
SKILLS = ("skill_1", "skill_2", "skill_3")
RESTS = ("meal", "break")
KINDS = (
    "move_breaks",
    "shift_edge",
    "new_shift",
    "overtime_move",
    "call_in",
    "second_skill",
    "resit",
    "outside_help",
    "more_concurrency",
    "more_bot",
)
"""Every kind of move, by its key in the glossary, the mildest first."""
NewSpan = tuple[str, pd.Timestamp, pd.Timestamp, "list[Stint]"]
NAMED = 6  # people whose names a sentence lists
ALL_NIGHT = frozenset({"more_concurrency", "more_bot"})  # once each: they concern nobody in particular


class ActionError(UserError):
    """An action that this plan cannot take; ``key`` is that of its message in ``playbook/messages/actions.yml``."""

    def __init__(self, key: str, **values: object) -> None:
        self.key = key
        super().__init__(Message(f"actions.{key}", **values))


@dataclass(frozen=True, kw_only=True)
class Gap:
    """The stretch of half hours around the worst shortfall.

    Attributes
    ----------
    start, end : pandas.Timestamp
        From when to when heads are missing.
    worst : pandas.Timestamp
        The half hour that misses most.
    heads : int
        Most heads missing at once, all queues together.
    by_queue : mapping of queue to heads
        Of the worst half hour.
    """

    start: pd.Timestamp
    end: pd.Timestamp
    worst: pd.Timestamp
    heads: int
    by_queue: Mapping[str, int]

    @property
    def minutes(self) -> int:
        """Its length."""
        return round(float((self.end - self.start).total_seconds()) / 60)


def find_gap(coverage: pd.DataFrame) -> Gap | None:
    """Find the stretch around the half hour that misses most heads; None where no half hour misses any.

    Parameters
    ----------
    coverage : DataFrame
        start, queue, shortfall.

    Examples
    --------
    >>> starts = pd.date_range("2026-10-31 19:30", periods=3, freq="30min", tz="Asia/Shanghai")
    >>> found = find_gap(pd.DataFrame({"start": starts, "queue": "presale", "shortfall": [0.0, 3.0, 1.0]}))
    >>> found.heads, found.minutes, f"{found.start:%H:%M}"
    (3, 60, '20:00')
    """
    short = coverage.groupby("start")["shortfall"].sum().sort_index()
    if short.empty or short.max() <= 0:
        return None
    worst = short.idxmax()
    at = first = last = short.index.get_loc(worst)
    while first > 0 and short.iloc[first - 1] > 0 and short.index[first] - short.index[first - 1] == STEP:
        first -= 1
    while last + 1 < len(short) and short.iloc[last + 1] > 0 and short.index[last + 1] - short.index[last] == STEP:
        last += 1
    mine = coverage[(coverage["start"] == worst) & (coverage["shortfall"] > 0)]
    return Gap(
        start=short.index[first],
        end=short.index[last] + STEP,
        worst=worst,
        heads=int(np.ceil(short.iloc[at] - 1e-9)),
        by_queue={str(row.queue): int(np.ceil(row.shortfall - 1e-9)) for row in mine.itertuples()},
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class PlannedMove:
    """One change of the roster or of the floor.

    Attributes
    ----------
    key : str
        Its name in tables and positions; the same night gives the same keys.
    kind : str
        One of :data:`KINDS`.
    start, end : pandas.Timestamp
        The new shift of the people concerned, or from when to when the change acts.
    agents, names : tuple of str
        Who is concerned; empty where everybody is.
    heads : int
        People concerned.
    hours : float
        Person-hours worked beyond the roster, without meals.
    cost_cny : float
        What it costs beyond the roster's wages.
    last_day : datetime.date
        The last day on which it can be decided.
    size : float
        Chats, a share, or minutes by which a shift is shifted.
    shift : str
        The shift that is changed, where there is one.
    cohort : str
        Of outside help.
    segments : DataFrame
        The new roster rows of the people concerned, in the place of all of theirs in the night.
    newcomers : DataFrame
        Rows for the night's people: who is new, or has a new skill.
    """

    key: str
    kind: str
    start: pd.Timestamp
    end: pd.Timestamp
    agents: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    heads: int = 0
    hours: float = 0.0
    cost_cny: float = 0.0
    last_day: dt.date
    size: float = 0.0
    shift: str = ""
    cohort: str = ""
    segments: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    newcomers: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

    def clashes(self, other: PlannedMove) -> bool:
        """Return whether the two cannot be taken together: the same people, or the same setting twice."""
        return bool(set(self.agents) & set(other.agents)) or (self.kind == other.kind and self.kind in ALL_NIGHT)

    def apply_to(self, night: PromoNight) -> PromoNight:
        """Return the night with this move; the night itself stays as it was."""
        if self.kind == "more_concurrency":
            return replace(night, people=night.people.assign(capacity=night.people["capacity"] + round(self.size)))
        if self.kind == "more_bot":
            start_s, end_s = night.grid.seconds(pd.DatetimeIndex([self.start, self.end]))
            episode = Episode(start_s=float(start_s), end_s=float(end_s), bot_share_change=self.size)
            return replace(night, episodes=(*night.episodes, episode))
        people = night.people
        if not self.newcomers.empty:
            new = self.newcomers.set_index("agent_id")
            known = people["agent_id"].isin(new.index)
            people = people.astype(dict.fromkeys(SKILLS, object))
            for skill in SKILLS:
                people.loc[known, skill] = people.loc[known, "agent_id"].map(new[skill])
            people.loc[known, "speed"] = people.loc[known, "agent_id"].map(new["speed"]).astype(float)
            fresh = self.newcomers[~self.newcomers["agent_id"].isin(people["agent_id"])]
            people = _stack(people, fresh)
        roster = night.roster
        if not self.segments.empty:
            kept = roster[~roster["agent_id"].isin(self.agents) | ~_same_day(roster, self.segments)]
            roster = _stack(kept, self.segments)
        return replace(night, people=people, roster=roster)

    def text(self) -> Message:
        """Return what is done, in a few words."""
        return Message(
            f"actions.do_{self.kind}",
            count=self.heads,
            shift=self.shift,
            start=f"{self.start:%H:%M}",
            end=f"{self.end:%H:%M}",
            cohort=Noun(self.cohort) if self.cohort else "",
            size=f"{100 * self.size:.0f}" if self.kind == "more_bot" else f"{self.size:,.0f}",
        )

    def text_with_names(self) -> Message:
        """Return what is done and by whom; of many people the first are named."""
        if not self.names:
            return self.text()
        names: Any = list(self.names)
        if len(self.names) > NAMED:
            names = Message("actions.and_more", names=list(self.names[:NAMED]), count=len(self.names))
        return Message("actions.with_names", what=self.text(), names=names)


def name_moves(moves: Iterable[PlannedMove]) -> Message:
    """Return in one line what is done; several moves are parted by a plus, since each has commas of its own."""
    first, *others = (move.text() for move in moves)
    if not others:
        return first
    return Message(
        "actions.together", what=reduce(lambda a, b: Message("actions.plus", first=a, second=b), others, first)
    )


def _same_day(roster: pd.DataFrame, segments: pd.DataFrame) -> pd.Series:
    """Mark rows that lie within half a day of an agent's new shift: the ones it takes the place of."""
    begins = roster["agent_id"].map(segments.groupby("agent_id")["start"].min())
    ends = roster["agent_id"].map(segments.groupby("agent_id")["end"].max())
    margin = pd.Timedelta(hours=6)
    return ((roster["start"] < ends + margin) & (roster["end"] > begins - margin)).fillna(False).astype(bool)


def _stack(table: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """Put rows below a table, every column keeping its type where it can."""
    more = more.reindex(columns=table.columns)
    kept = {name: table[name].dtype for name in table.columns if more[name].notna().all()}
    loose = dict.fromkeys([name for name in table.columns if name not in kept and more[name].isna().all()], object)
    return pd.concat([table, more.astype(kept | loose)], ignore_index=True)


def apply_moves(night: PromoNight, moves: Iterable[PlannedMove]) -> PromoNight:
    """Return the night with several moves.

    Raises
    ------
    ActionError
        A move is taken twice, or two of them concern the same person or setting.
    """
    taken: list[PlannedMove] = []
    for move in moves:
        if any(move.key == other.key for other in taken):
            raise ActionError("already_taken", what=move.text())
        for other in taken:
            if move.clashes(other):
                raise ActionError("clash", what=move.text(), other=other.text())
        taken.append(move)
        night = move.apply_to(night)
    return night


# --- finding them ------------------------------------------------------------------------------------------


Row = dict[str, Any]
HOUR = pd.Timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Stint:
    """One person's shift: its rows of the roster in order, and from when to when the rests around it leave free."""

    agent_id: str
    shift: str
    rows: Sequence[Row] = field(repr=False)
    free_from: pd.Timestamp
    free_until: pd.Timestamp

    @cached_property
    def start(self) -> pd.Timestamp:
        """When it begins."""
        return min(row["start"] for row in self.rows)

    @cached_property
    def end(self) -> pd.Timestamp:
        """When it ends."""
        return max(row["end"] for row in self.rows)

    @cached_property
    def paid_h(self) -> float:
        """Hours without meals."""
        return paid_hours(self.rows)

    @cached_property
    def queue(self) -> str:
        """The queue that it serves for the longest time."""
        served: dict[str, pd.Timedelta] = {}
        for row in self.rows:
            if row["activity"] == "chat":
                served[row["queue"]] = served.get(row["queue"], pd.Timedelta(0)) + row["end"] - row["start"]
        return max(served, key=lambda queue: (served[queue], queue))

    @property
    def plain(self) -> bool:
        """True if it holds nothing but chat, meals and breaks: no duty that must stay where it is."""
        return all(row["activity"] in ("chat", *RESTS) for row in self.rows)

    def serves(self, start: pd.Timestamp, end: pd.Timestamp) -> bool:
        """Return whether the person chats through a whole stretch."""
        chats = [(row["start"], row["end"]) for row in self.rows if row["activity"] == "chat"]
        inside = [min(closes, end) - max(opens, start) for opens, closes in chats]
        return bool(sum((each for each in inside if each > pd.Timedelta(0)), pd.Timedelta(0)) >= end - start)


def paid_hours(rows: Iterable[Row]) -> float:
    """Return the hours of roster rows without meals."""
    return float(sum((row["end"] - row["start"]) / HOUR for row in rows if row["activity"] != "meal"))


@dataclass(frozen=True, kw_only=True, eq=False)
class Room:
    """What moves are looked for in.

    Attributes
    ----------
    night : PromoNight
        The plan's.
    gap : Gap
        What is to be closed.
    coverage : DataFrame
        start, queue, required, rostered.
    rules : object
        Anything with the fields of ``RosterRules``.
    shifts : DataFrame
        The library: code, start, end, meal_from, meal_to, meal_min.
    out : DataFrame
        Who is out and why, as :func:`simlib.staffing.list_out` gives it.
    sources : DataFrame
        Where more people can come from, as :func:`simlib.staffing.make_or_buy` gives it.
    tied : collection of agent_id
        People whose day must stay as it is: duties, wishes.
    day, today : datetime.date
        The promo day, and the day on which it is decided.
    chats_enough : int, optional
        Chats at once beyond which nobody more is reached: the limit is raised no further.
    """

    night: PromoNight
    gap: Gap
    coverage: pd.DataFrame
    rules: Any
    shifts: pd.DataFrame
    out: pd.DataFrame
    sources: pd.DataFrame
    tied: frozenset[str]
    day: dt.date
    today: dt.date
    chats_enough: int | None = None

    @cached_property
    def people(self) -> pd.DataFrame:
        """The night's people by agent_id."""
        return self.night.people.set_index("agent_id")

    @cached_property
    def stints(self) -> list[Stint]:
        """Every shift of the roster that somebody chats in, by person and time."""
        rest, far = pd.Timedelta(hours=float(self.rules.rest_min_h)), pd.Timedelta(days=2)
        days: dict[str, dict[Any, list[Row]]] = {}
        for row in self.night.roster.to_dict("records"):
            days.setdefault(str(row["agent_id"]), {}).setdefault(row["date"], []).append(row)
        made = []
        for agent_id in sorted(days):
            shifts = [rows for _, rows in sorted(days[agent_id].items(), key=lambda each: each[0])]
            spans = [(min(row["start"] for row in rows), max(row["end"] for row in rows)) for rows in shifts]
            for at, rows in enumerate(shifts):
                if not any(row["activity"] == "chat" for row in rows):
                    continue
                before = spans[at - 1][1] + rest if at else spans[at][0] - far
                after = spans[at + 1][0] - rest if at + 1 < len(spans) else spans[at][1] + far
                free = {"free_from": before, "free_until": after}
                made.append(Stint(agent_id=agent_id, shift=str(rows[0]["shift"]), rows=rows, **free))
        return made

    @cached_property
    def spare(self) -> pd.Series:
        """Heads beyond the need in each half hour, all queues together; below 0 where they are missing."""
        both = self.coverage.groupby("start")[["required", "rostered"]].sum()
        return both["rostered"] - both["required"]

    @cached_property
    def library(self) -> list[tuple[str, pd.Timestamp, pd.Timestamp, pd.Timedelta]]:
        """List the shifts of the library that hold the gap, the one that meets most missing heads first."""
        gap, spare = self.gap, self.spare
        found = []
        for row in self.shifts.itertuples():
            for back in (0, 1):
                midnight = gap.start.normalize() - pd.Timedelta(days=back)
                start = midnight + pd.Timedelta(hours=row.start.hour, minutes=row.start.minute)
                end = midnight + pd.Timedelta(hours=row.end.hour, minutes=row.end.minute)
                end += pd.Timedelta(days=int(end <= start))
                if start <= gap.start and end >= gap.end:
                    inside = spare[(spare.index >= start) & (spare.index < end)]
                    missing, idle = np.clip(-inside, 0, None).sum(), np.clip(inside, 0, None).sum()
                    meal = pd.Timedelta(minutes=float(row.meal_min or 0))
                    found.append(((-float(missing), float(idle), start), (str(row.code), start, end, meal)))
        return [shift for _, shift in sorted(found, key=lambda each: each[0])]

    def last_day(self, fact: str) -> dt.date:
        """Return the last day on which something can be decided."""
        return self.day - dt.timedelta(days=int(facts.value("actions", fact)))

    def wages_cny_h(self, agents: Iterable[str]) -> float:
        """Return what an hour of several people costs; the mean of all stands for an unknown wage."""
        return sum(self._wages[agent] for agent in agents)

    @cached_property
    def _wages(self) -> dict[str, float]:
        known = self.people["cost_cny_h"].astype(float)
        return dict(known.fillna(known.mean()).fillna(0.0).to_dict())

    @property
    def overtime_pay(self) -> float:
        """What an hour of overtime costs, in hours of the wage."""
        return float(self.rules.overtime_pay_pct) / 100

    @cached_property
    def cohorts(self) -> dict[str, str]:
        """Return each person's cohort."""
        return dict(zip(self.night.people["agent_id"], self.night.people["cohort"], strict=True))

    @property
    def free_seats(self) -> int:
        """Usable seats that are empty whenever anybody else sits; no limit where the store lists none."""
        seats = sum(self.rules.seats.values())
        roster = self.night.roster
        steps = pd.concat([pd.Series(1, index=roster["start"]), pd.Series(-1, index=roster["end"])])
        present = steps.groupby(level=0).sum().sort_index().cumsum()
        return max(0, int(seats - present.max())) if seats else 10 * self.gap.heads

    def limited(
        self, agent_id: str, start: pd.Timestamp, end: pd.Timestamp, paid_h: float, *, cohort: str = ""
    ) -> bool:
        """Return whether the law forbids a shift: too long a day, or a student at night."""
        rules = self.rules
        if (cohort or self.cohorts[agent_id]) != "student":
            return bool(paid_h > rules.standard_h_day + rules.overtime_max_h_day + 1e-9)
        if paid_h > rules.student_max_h_day + 1e-9:
            return True
        return not rules.student_nights_allowed and _touches_night(start, end, rules)


def _touches_night(start: pd.Timestamp, end: pd.Timestamp, rules: Any) -> bool:
    """Return whether a shift holds any of the hours that count as night.

    >>> from simlib.roster import RosterRules
    >>> nine = pd.Timestamp("2026-10-31 21:00", tz="Asia/Shanghai")
    >>> rules = RosterRules.of_playbook(night_from_h=22, night_to_h=6)
    >>> [_touches_night(nine, nine + pd.Timedelta(hours=h), rules) for h in (1, 2)]
    [False, True]
    """
    opens, closes = float(rules.night_from_h), float(rules.night_to_h)
    length = (closes - opens) % 24
    first = start.hour + start.minute / 60
    last = first + (end - start) / pd.Timedelta(hours=1)
    return any(first < opens + day + length and last > opens + day for day in (-24, 0, 24))


def list_moves(room: Room) -> list[PlannedMove]:
    """List the single moves that can still be decided, each kind in the sizes that are worth a look."""
    found = [
        *_move_breaks(room),
        *_retime(room),
        *_call_in(room),
        *_teach(room),
        *_resit(room),
        *_hire(room),
        *_settings(room),
    ]
    return [move for move in found if move.last_day >= room.today]


def _lay_anew(room: Room, stint: Stint, start: pd.Timestamp, end: pd.Timestamp) -> list[Row] | None:
    """Lay a shift anew between two times, its meals and breaks clear of the gap; None where they find no place."""
    rests = [
        (row["start"], row["end"] - row["start"], row["activity"]) for row in stint.rows if row["activity"] in RESTS
    ]
    return lay_shift(
        stint.rows[0],
        start=start,
        end=end,
        queue=stint.queue,
        rests=sorted(rests),
        avoid=(room.gap.start, room.gap.end),
    )


def lay_shift(
    who: Mapping[str, Any],
    *,
    start: pd.Timestamp,
    end: pd.Timestamp,
    queue: str,
    rests: Sequence[tuple[pd.Timestamp, pd.Timedelta, str]],
    avoid: tuple[pd.Timestamp, pd.Timestamp],
) -> list[Row] | None:
    """Lay one person's rows: chat from start to end but for the rests, each as near to its wanted time as can be.

    Parameters
    ----------
    who : mapping
        What does not change: agent_id, name, cohort, shift, date.
    rests : sequence of (wanted start, length, activity)
        None of them in the first or the last hour, nor in the stretch ``avoid``.

    Returns
    -------
    list of rows, or None
        None where a rest finds no place.
    """
    pieces: list[tuple[pd.Timestamp, pd.Timestamp, str]] = []
    for wanted, length, activity in rests:
        free = []
        place = start + EDGE
        while place + length <= end - EDGE:
            clear = place + length <= avoid[0] or place >= avoid[1]
            if clear and all(place + length <= begins or place >= ends for begins, ends, _ in pieces):
                free.append(place)
            place += QUARTER
        if not free:
            return None
        place = min(free, key=lambda each: (abs(each - wanted), each))
        pieces.append((place, place + length, activity))
    at, spans = start, []
    for begins, ends, activity in sorted(pieces):
        if begins > at:
            spans.append((at, begins, "chat"))
        spans.append((begins, ends, activity))
        at = ends
    if at < end:
        spans.append((at, end, "chat"))
    return [
        {**who, "start": begins, "end": ends, "activity": activity, "queue": queue if activity == "chat" else None}
        for begins, ends, activity in spans
    ]


def _frame(room: Room, rows: Iterable[Sequence[Row]]) -> pd.DataFrame:
    """Put rows into a frame with the roster's columns."""
    return pd.DataFrame([row for each in rows for row in each], columns=room.night.roster.columns)


def _order(room: Room, stints: Iterable[Stint]) -> list[Stint]:
    """Order people: whose first queue is short first, then the fastest."""
    skill, speed = room.people["skill_1"].to_dict(), room.people["speed"].to_dict()

    def rank(stint: Stint) -> tuple[bool, float, str]:
        return skill[stint.agent_id] not in room.gap.by_queue, -float(speed[stint.agent_id]), stint.agent_id

    return sorted(stints, key=rank)


def _make(room: Room, kind: str, stints: Sequence[Stint], rows: Sequence[Sequence[Row]], **given: Any) -> PlannedMove:
    segments = _frame(room, rows)
    before_h = sum(stint.paid_h for stint in stints)
    after_h = sum(paid_hours(each) for each in rows)
    each_h = (after_h - before_h) / len(stints)
    agents = tuple(stint.agent_id for stint in stints)
    start, end = segments["start"].min(), segments["end"].max()
    return PlannedMove(
        key=f"{kind}:{stints[0].shift}:{start:%H%M}-{end:%H%M}:{len(stints)}",
        kind=kind,
        start=start,
        end=end,
        agents=agents,
        names=tuple(room.people.loc[list(agents), "name"].astype(str)),
        heads=len(stints),
        hours=max(0.0, after_h - before_h),
        cost_cny=room.wages_cny_h(agents) * max(0.0, each_h) * room.overtime_pay,
        segments=segments,
        shift=stints[0].shift,
        **given,
    )


def _move_breaks(room: Room) -> list[PlannedMove]:
    """Move the meals and breaks that lie in the gap out of it."""
    gap = room.gap
    moved = []
    for stint in _order(room, room.stints):
        there = stint.start <= gap.start and stint.end >= gap.end
        if not there or not stint.plain or stint.serves(gap.start, gap.end):
            continue
        rows = _lay_anew(room, stint, stint.start, stint.end)
        if rows is not None:
            moved.append((stint, rows))
    if not moved:
        return []
    stints = [stint for stint, _ in moved]
    move = _make(room, "move_breaks", stints, [rows for _, rows in moved], last_day=room.last_day("breaks_days"))
    return [replace(move, key=f"move_breaks:{gap.start:%H%M}:{len(stints)}", start=gap.start, end=gap.end, shift="")]


def _retime(room: Room) -> list[PlannedMove]:
    """Shift, stretch or replace the shifts of people who are not there in the gap.

    Every start and end on the half hour is tried; of each shift and kind the spans that leave the fewest heads missing
    over the whole night, wages of overtime counted, are kept.
    """
    gap, spare = room.gap, room.spare
    price_cny = float(room.rules.shortfall_cny_h) * STEP / pd.Timedelta(hours=1)
    short = float(np.clip(-spare, 0, None).sum())
    groups: dict[tuple[str, pd.Timestamp, pd.Timestamp], list[Stint]] = {}
    for stint in room.stints:
        if stint.plain and stint.agent_id not in room.tied and not stint.serves(gap.start, gap.end):
            groups.setdefault((stint.shift, stint.start, stint.end), []).append(stint)
    best: dict[tuple[Any, str, bool], tuple[float, NewSpan]] = {}
    for name, group in groups.items():
        ordered = _order(room, group)
        for start, end in _spans(room, group[0]):
            kind = _kind_of(group[0], start, end)
            change = _change(spare.index, group[0], start, end)
            more_h = (end - start - (group[0].end - group[0].start)) / pd.Timedelta(hours=1)
            able = [
                stint
                for stint in ordered
                if start >= stint.free_from
                and end <= stint.free_until
                and not room.limited(stint.agent_id, start, end, stint.paid_h + more_h)
            ]
            for n in _sizes(room, able, change):
                wages = room.wages_cny_h(stint.agent_id for stint in able[:n]) * more_h * room.overtime_pay
                after = float(np.clip(-(spare + n * change), 0, None).sum())
                score = (short - after) * price_cny - wages
                slot = (name, kind, n == min(len(able), gap.heads))
                if score > 0 and (slot not in best or best[slot][0] < score):
                    best[slot] = (score, (kind, start, end, able[:n]))
    found: list[PlannedMove] = []
    most = int(facts.value("actions", "retimes_tried"))
    for _, (kind, start, end, stints) in sorted(best.values(), key=lambda each: -each[0]):
        laid = [(stint, _lay_anew(room, stint, start, end)) for stint in stints]
        good = [(stint, rows) for stint, rows in laid if rows is not None]
        if good and len(found) < most:
            notice = room.last_day("overtime_days" if kind == "overtime_move" else "shift_days")
            move = _make(room, kind, [each for each, _ in good], [rows for _, rows in good], last_day=notice)
            found.append(replace(move, size=(start - good[0][0].start) / pd.Timedelta(minutes=1)))
    return found


def _spans(room: Room, stint: Stint) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
    """Yield the spans that a shift may be given: they hold the gap, and what lies beyond the night is kept."""
    gap, grid = room.gap, room.night.grid
    opens, closes = grid.opens, grid.times(grid.edges_s[-1:])[0]
    length = stint.end - stint.start
    longest = length + pd.Timedelta(hours=float(room.rules.overtime_max_h_day))
    furthest = pd.Timedelta(hours=float(facts.value("actions", "retime_max_h")))
    for start in pd.date_range(stint.start - furthest, stint.start + furthest, freq=STEP):
        if start > gap.start or (stint.start < opens and start > stint.start):
            continue
        for end in pd.date_range(start + length, start + longest, freq=STEP):
            stretched = end - start > length
            if end < gap.end or (start, end) == (stint.start, stint.end) or (stint.end > closes and end < stint.end):
                continue
            if not stretched or end in (gap.end, stint.end) or start == stint.start:
                yield start, end


def _kind_of(stint: Stint, start: pd.Timestamp, end: pd.Timestamp) -> str:
    """Return which kind of move a new span is."""
    if start == stint.start or end == stint.end:
        return "overtime_move"
    near = abs(start - stint.start) <= pd.Timedelta(minutes=90)
    return "shift_edge" if near and end - start == stint.end - stint.start else "new_shift"


def _change(starts: pd.DatetimeIndex, stint: Stint, start: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
    """Return by how many heads one person's new span changes each half hour, meals left aside."""
    new = (starts >= start) & (starts < end)
    old = (starts >= stint.start) & (starts < stint.end)
    return pd.Series(new.astype(int) - old.astype(int), index=starts)


def _sizes(room: Room, able: Sequence[Stint], change: pd.Series) -> list[int]:
    """Return how many people to try: as many as are missing, and as many as are to spare where they leave."""
    most = min(len(able), room.gap.heads)
    if most == 0:
        return []
    left = room.spare[change < 0]
    free = int(max(0, min(most, left.min()))) if len(left) else most
    return sorted({most, free} - {0})


def _short_queue(room: Room) -> str:
    """Return the queue that misses most heads."""
    return max(room.gap.by_queue, key=lambda queue: (room.gap.by_queue[queue], queue))


def _seat(
    room: Room,
    agents: Sequence[str],
    kind: str,
    *,
    last_day: dt.date,
    newcomers: pd.DataFrame | None = None,
    pay: float = 1.0,
    training_h: float = 0.0,
    tag: str = "",
) -> PlannedMove | None:
    """Put people who are not on the roster on the first shift of the library that holds the gap and the law allows."""
    new = pd.DataFrame() if newcomers is None else newcomers
    people = (
        room.people if new.empty else pd.concat([room.people.drop(agents, errors="ignore"), new.set_index("agent_id")])
    )
    records = people.to_dict("index")
    rows: dict[str, list[Row]] = {}
    hours: dict[str, float] = {}
    codes = set()
    for agent in agents:
        person = records[agent]
        for code, start, end, meal in room.library:
            paid_h = (end - start - meal) / pd.Timedelta(hours=1)
            if room.limited(agent, start, end, paid_h, cohort=str(person["cohort"])):
                continue
            skills = [person[skill] for skill in SKILLS if person[skill] in room.night.queues]
            queue = _short_queue(room)
            queue = queue if queue in skills or not skills else str(skills[0])
            who = {"agent_id": agent, "name": person["name"], "cohort": person["cohort"]}
            who |= {"shift": code, "date": room.day}
            rests = [(start + (end - start) / 2, meal, "meal")] if meal else []
            laid = lay_shift(who, start=start, end=end, queue=queue, rests=rests, avoid=(room.gap.start, room.gap.end))
            if laid is not None:
                rows[agent], hours[agent] = laid, paid_h
                codes.add(code)
                break
    if not rows:
        return None
    segments = _frame(room, rows.values())
    seated = list(rows)
    wage = people["cost_cny_h"].astype(float)
    wages = wage.reindex(seated).fillna(wage.mean()).fillna(0.0)
    start, end = segments["start"].min(), segments["end"].max()
    return PlannedMove(
        key=f"{kind}:{tag}{'/'.join(sorted(codes))}:{len(seated)}",
        kind=kind,
        start=start,
        end=end,
        agents=tuple(seated),
        names=tuple(people.loc[seated, "name"].astype(str)),
        heads=len(seated),
        hours=sum(hours.values()),
        cost_cny=float((wages * (pd.Series(hours) * pay + training_h)).sum()),
        shift="/".join(sorted(codes)),
        segments=segments,
        newcomers=new[new["agent_id"].isin(seated)] if len(new) else new,
        last_day=last_day,
    )


def _who(room: Room, reasons: set[str]) -> list[str]:
    """List who is out for these reasons alone and can be back in time."""
    rows = room.out[room.out["can_return"].astype(bool)]
    chosen = [row.agent_id for row in rows.itertuples() if set(row.out_reason) <= reasons]
    return [agent for agent in chosen if agent not in room.tied]


def _call_in(room: Room) -> list[PlannedMove]:
    """Call in people who may serve and are not on the roster, those on call first."""
    off = _who(room, {"out_off"})
    first = set(room.people.index[room.people["on_call"].fillna(False).astype(bool)])
    ordered = sorted(off, key=lambda agent: (agent not in first, agent))[: room.gap.heads]
    pay = float(room.rules.rest_day_pay_pct) / 100
    move = _seat(room, ordered, "call_in", last_day=room.last_day("call_in_days"), pay=pay) if ordered else None
    return [move] if move else []


def _teach(room: Room) -> list[PlannedMove]:
    """Teach people whose skills the night has no forecast for the queue that is short, and roster them."""
    idle = _who(room, {"out_no_forecast"})[: room.gap.heads]
    if not idle:
        return []
    queue, slower = _short_queue(room), float(facts.value("actions", "second_skill_speed"))
    rows = room.people.loc[idle].reset_index()
    rows = rows.assign(skill_2=queue, skill_3=None, speed=rows["speed"] * slower)
    taught = {"training_h": float(facts.value("actions", "second_skill_h")), "newcomers": rows}
    move = _seat(room, idle, "second_skill", last_day=room.last_day("second_skill_days"), **taught)
    return [move] if move else []


def _resit(room: Room) -> list[PlannedMove]:
    """Roster the people who can be cleared in time by an exam or a quality check."""
    waiting = [agent for agent in _who(room, {"out_exam", "out_qa"}) if _serves(room, agent)][: room.gap.heads]
    move = _seat(room, waiting, "resit", last_day=room.last_day("resit_days")) if waiting else None
    return [move] if move else []


def _serves(room: Room, agent: str) -> bool:
    forecast = set(room.night.forecast["queue"])
    return bool(set(room.people.loc[agent, list(SKILLS)]) & forecast)


def _hire(room: Room) -> list[PlannedMove]:
    """Take outside help, its days of training paid, where it can be trained in time and there are seats for it."""
    found = []
    busy = sorted(room.gap.by_queue, key=lambda queue: -room.gap.by_queue[queue])
    skills = dict(zip(SKILLS, [*busy[:3], None, None, None], strict=False))
    for row in room.sources.itertuples():
        if row.state == "impossible" or row.cohort == "own":
            continue
        wanted = min(int(np.ceil(room.gap.heads / float(row.speed_on_day) - 1e-9)), room.free_seats)
        usual = {"capacity": int(room.people["capacity"].median()), "cohort": row.cohort}
        usual |= {"cost_cny_h": _source_rate(str(row.cohort)), "speed": float(row.speed_on_day)}
        for heads in sorted({wanted, -(-wanted // 3)} - {0}):
            ids = [f"new-{row.cohort}-{number:02d}" for number in range(1, heads + 1)]
            move = _seat(
                room,
                ids,
                "outside_help",
                last_day=row.sign_by if row.state == "ok" else row.train_by,
                newcomers=pd.DataFrame({"agent_id": ids, "name": ids} | skills | usual),
                training_h=float(room.rules.standard_h_day) * (room.day - row.train_by).days,
                tag=f"{row.cohort}:",
            )
            if move is not None:
                found.append(replace(move, names=(), cohort=str(row.cohort)))
    return found


def _source_rate(cohort: str) -> float:
    rows = facts.table("sourcing")
    return float(rows.loc[rows["key"] == cohort, "cost_cny_h"].iloc[0])


def _settings(room: Room) -> list[PlannedMove]:
    """Return the moves by which everybody holds more chats, or the bot answers more around the gap."""
    night, gap = room.night, room.gap
    closes = night.grid.times(night.grid.edges_s[-1:])[0]
    most = math.inf if room.chats_enough is None else room.chats_enough - float(room.people["capacity"].median())
    found = [
        PlannedMove(
            key=f"more_concurrency:{chats:g}",
            kind="more_concurrency",
            start=night.grid.opens,
            end=closes,
            heads=len(night.people),
            size=float(chats),
            last_day=room.last_day("concurrency_days"),
        )
        for chats in facts.value("actions", "concurrency_sizes")
        if chats <= most
    ]
    until = min(gap.end + STEP, closes)
    forecast = night.forecast[(night.forecast["start"] >= gap.start) & (night.forecast["start"] < until)]
    worth = sum(row.contacts * night.values_cny.get(str(row.queue), 0.0) for row in forecast.itertuples())
    loss = float(facts.value("levers", "bot_push_loss"))
    found += [
        PlannedMove(
            key=f"more_bot:{share:g}",
            kind="more_bot",
            start=gap.start,
            end=until,
            size=float(share),
            cost_cny=float(worth * share * loss),
            last_day=room.last_day("bot_days"),
        )
        for share in facts.value("actions", "bot_sizes")
    ]
    return found
