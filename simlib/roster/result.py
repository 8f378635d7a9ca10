"""What comes out: named segments, heads counted again, what each rule cost, and sentences that say so."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from simlib.messages import Lang, label, translate
from simlib.roster.model import FEN
from simlib.roster.problem import ROSTER_COLUMNS, Desk, RosterProblem, Segment, each_row

_UNITS = {  # of ``amount`` in ``why``: minutes of staffing, or a count
    "shortfall": "h",
    "thin_cover": "h",
    "second_skill": "h",
    "wages": "shifts",
    "overtime_pay": "shifts",
    "rest_day_pay": "shifts",
    "night_unfair": "shifts",
    "duty_uncovered": "duties",
    "on_call": "people",
    "change": "people",
    "wish": "wishes",
}


NOTHING_TO_SAY = pd.DataFrame({"rule": [], "where": [], "amount": [], "unit": [], "penalty_cny": []}).astype(
    {"rule": object, "where": object, "amount": float, "unit": object, "penalty_cny": float}
)
CHANGES_COLUMNS = ["agent_id", "name", "cohort", "change", "shift_before", "start_before", "end_before"]
CHANGES_COLUMNS += ["shift_after", "start_after", "end_after"]


@dataclass(frozen=True, kw_only=True)
class RosterSolution:
    """Who takes which option, how many pause when, units of each desk's time on each queue, and what it costs."""

    takes: Mapping[str, list[int]]
    pauses: Mapping[tuple[Desk, int, int], list[int]]
    quotas: Mapping[tuple[Desk, int, str], int]
    flaws: list[tuple[str, Any, int, int]]
    cost: int
    bound: int
    status: str


@dataclass(frozen=True, kw_only=True)
class Roster:
    """A roster and its explanation.

    Attributes
    ----------
    assignments : DataFrame
        agent_id, name, cohort, queue, shift, date, start, end, activity: one row per segment.
    coverage : DataFrame
        start, queue, required, rostered, shortfall, people_on_chat: mean heads on chat in each interval. Required,
        rostered and shortfall are standard heads (speed 1); ``people_on_chat`` are the people who make them up.
    why : DataFrame
        rule, where, amount, unit, penalty_cny: what the roster costs, rule by rule, and who or what was left out
        (penalty 0). The penalties add up to ``cost_cny``.
    cost_cny, bound_cny, gap : float
        Total price, the price below which no roster exists, and the share between them.
    seconds : float
    status : str
        ``"optimal"`` (nothing cheaper by more than 0.1 %) or ``"feasible"`` (the best so far).
    inputs : mapping
        The arguments it was made from, for a repair and for the checker.
    """

    assignments: pd.DataFrame
    coverage: pd.DataFrame
    why: pd.DataFrame
    cost_cny: float
    bound_cny: float
    seconds: float
    status: str
    inputs: Mapping[str, Any] = field(repr=False)

    @property
    def gap(self) -> float:
        """Return the share of the cost that might still be saved."""
        return max(0.0, (self.cost_cny - self.bound_cny) / self.cost_cny) if self.cost_cny else 0.0

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Its tables, by name."""
        return {"roster": self.assignments, "coverage": self.coverage, "why": self.why}

    def texts(self, lang: Lang) -> list[str]:
        """Return in sentences what the roster lacks, why, and what to do about it."""
        return _explain(self, lang)


def write_roster(
    problem: RosterProblem, plan: RosterSolution, *, base: RosterProblem, seconds: float, inputs: Mapping[str, Any]
) -> Roster:
    """Write names to the counts, cut the shifts into segments, count heads again, and list what it costs.

    ``base`` holds the whole need; the problem itself, unless it is a repair.
    """
    cuts = _cut_shifts(problem, plan)
    queue_at = _share_out_queues(problem, plan, cuts)
    person_of = {person.agent_id: person for person in problem.people}
    rows = []
    for (agent_id, n), pieces in cuts.items():
        person, option = person_of[agent_id], problem.options[n]
        date = problem.calendar.opens.date() + dt.timedelta(days=option.day)
        for piece in _merge(pieces, queue_at.get((agent_id, n), {}), problem.unit):
            span = problem.calendar.stamp(piece.start), problem.calendar.stamp(piece.end)
            rows.append((agent_id, person.name, person.cohort, piece.queue, option.code, date, *span, piece.activity))
    assignments = pd.DataFrame(rows, columns=ROSTER_COLUMNS)
    for column in ("start", "end"):
        assignments[column] = pd.DatetimeIndex(assignments[column], tz=problem.calendar.opens.tz).as_unit("ns")
    assignments = assignments.sort_values(["start", "agent_id"], kind="stable").reset_index(drop=True)
    return Roster(
        assignments=assignments,
        coverage=count_heads(base, assignments),
        why=_why(problem, plan),
        cost_cny=plan.cost / FEN,
        bound_cny=plan.bound / FEN,
        seconds=seconds,
        status=plan.status,
        inputs=inputs,
    )


def list_changes(before: pd.DataFrame, after: pd.DataFrame, *, absent: Collection[str]) -> pd.DataFrame:
    """List whose shift is another one in two rosters, and what became of it.

    Parameters
    ----------
    before, after : DataFrame
        Roster rows (``Roster.assignments``).
    absent : collection of str
        The agent_id of those who fell ill.

    Returns
    -------
    DataFrame
        agent_id, name, cohort, change, shift_before, start_before, end_before, shift_after, start_after, end_after:
        one row per person and day, the absent first, nothing where there was no shift. ``change`` is one of ``absent``,
        ``stays_on``, ``called_in``, ``moved`` (another shift) and ``given_up``.

    Examples
    --------
    >>> at = pd.Timestamp("2026-10-31 14:00", tz="Asia/Shanghai")
    >>> who = {"agent_id": "a1", "name": "Lin", "cohort": "own", "shift": "C", "date": at.date(), "start": at}
    >>> was = pd.DataFrame([who | {"end": at + pd.Timedelta(hours=8)}])
    >>> now = pd.DataFrame([who | {"end": at + pd.Timedelta(hours=10)}])
    >>> list_changes(was, now, absent=[])[["agent_id", "change"]].values.tolist()
    [['a1', 'stays_on']]
    """
    shifts = [
        rows.groupby(["agent_id", "date"]).agg(
            name=("name", "first"),
            cohort=("cohort", "first"),
            shift=("shift", "first"),
            start=("start", "min"),
            end=("end", "max"),
        )
        for rows in (before, after)
    ]
    beside = shifts[0].add_suffix("_before").join(shifts[1].add_suffix("_after"), how="outer").reset_index()
    beside = beside.assign(
        name=beside["name_before"].fillna(beside["name_after"]),
        cohort=beside["cohort_before"].fillna(beside["cohort_after"]),
    )
    same = (beside["start_before"] == beside["start_after"]) & (beside["end_before"] == beside["end_after"])
    changed = beside[~same | (beside["shift_before"] != beside["shift_after"])].copy()
    kinds = ["absent", "called_in", "given_up", "stays_on"]
    tests = [
        changed["agent_id"].isin(list(absent)),
        changed["start_before"].isna(),
        changed["start_after"].isna(),
        (changed["start_before"] == changed["start_after"]) & (changed["end_before"] < changed["end_after"]),
    ]
    changed["change"] = np.select([test.to_numpy() for test in tests], kinds, default="moved")
    order = changed["change"].map({"absent": 0}).fillna(1)
    return changed.assign(order=order).sort_values(["order", "agent_id"], kind="stable", ignore_index=True)[
        CHANGES_COLUMNS
    ]


def _cut_shifts(problem: RosterProblem, plan: RosterSolution) -> dict[tuple[str, int], list[Segment]]:
    """Cut each shift at its duty and its pauses; people of a desk take the pauses' starts in turn."""
    desk_of = {person.agent_id: person.desk for person in problem.people}
    left = {key: list(begins) for key, begins in plan.pauses.items()}
    cuts: dict[tuple[str, int], list[Segment]] = {}
    for agent_id in sorted(plan.takes, key=str):
        for n in plan.takes[agent_id]:
            option = problem.options[n]
            off = list(option.fixed)
            if option.duty is not None:
                duty = problem.duties[option.duty]
                off.append(Segment(duty.start, duty.end, duty.kind, None))
            for which, pause in enumerate(option.pauses):
                queue = left[desk_of[agent_id], n, which]
                begin = queue.pop(0)
                twice = pause.activity == "break" and 2 * pause.minutes <= problem.step
                if twice and len(queue) % 2 and begin % problem.step == 0:
                    begin += pause.minutes  # two short breaks in one half hour follow each other
                off.append(Segment(begin, begin + pause.minutes, pause.activity, None))
            pieces, at = [], option.start
            for piece in sorted(off):
                if at < piece.start:
                    pieces.append(Segment(at, piece.start, "chat", None))
                pieces.append(piece)
                at = piece.end
            if at < option.end:
                pieces.append(Segment(at, option.end, "chat", None))
            cuts[agent_id, n] = pieces
    return cuts


def _share_out_queues(
    problem: RosterProblem, plan: RosterSolution, cuts: Mapping[tuple[str, int], Sequence[Segment]]
) -> dict[tuple[str, int], dict[int, str]]:
    """Assign each free unit of chat time a queue within its desk's quotas, moving people as little as possible."""
    desk_of = {person.agent_id: person.desk for person in problem.people}
    free: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for key, pieces in cuts.items():
        for piece in pieces:
            if piece.activity == "chat" and piece.queue is None:
                for minute in range(piece.start, piece.end, problem.unit):
                    free[minute].append(key)
    left = dict(plan.quotas)
    now_on: dict[tuple[str, int], str] = {}
    queue_at: dict[tuple[str, int], dict[int, str]] = defaultdict(dict)
    for minute in sorted(free):
        slot = int(np.searchsorted(problem.slots, minute, side="right")) - 1
        waiting = sorted(free[minute])
        for stay in (True, False):
            unplaced = []
            for key in waiting:
                desk = desk_of[key[0]]
                for queue in [now_on.get(key, "")] if stay else desk[0]:
                    if left.get((desk, slot, queue), 0) > 0:
                        left[desk, slot, queue] -= 1
                        now_on[key] = queue_at[key][minute] = queue
                        break
                else:
                    unplaced.append(key)
            waiting = unplaced
        for key in waiting:
            skills = desk_of[key[0]][0]
            shared = any((desk_of[key[0]], slot, queue) in plan.quotas for queue in skills)
            queue_at[key][minute] = now_on.get(key, skills[0]) if shared else skills[0]
    return queue_at


def _merge(pieces: Iterable[Segment], queue_at: Mapping[int, str], unit: int) -> list[Segment]:
    """Join neighbouring units of the same activity and queue."""
    fine = []
    for piece in pieces:
        if piece.activity == "chat" and piece.queue is None:
            minutes = range(piece.start, piece.end, unit)
            fine += [Segment(minute, minute + unit, "chat", queue_at[minute]) for minute in minutes]
        else:
            fine.append(piece)
    merged: list[Segment] = []
    for piece in fine:
        if merged and merged[-1].end == piece.start and merged[-1][2:] == piece[2:]:
            merged[-1] = merged[-1]._replace(end=piece.end)
        else:
            merged.append(piece)
    return merged


def count_heads(problem: RosterProblem, assignments: pd.DataFrame) -> pd.DataFrame:
    """Mean heads on chat in each interval and queue that asks for any: standard heads, and the people beside them."""
    step = problem.step
    minutes, standard = problem.count_minutes(assignments)
    rows = [
        (
            problem.starts[slot],
            queue,
            problem.need.get((slot, queue), 0) // step,
            standard[slot, queue] / 100 / step,
            minutes[slot, queue] / step,
        )
        for slot in range(len(problem.slots))
        for queue in problem.queues
    ]
    coverage = pd.DataFrame(rows, columns=["start", "queue", "required", "rostered", "people_on_chat"])
    lacking = (coverage["required"] - coverage["rostered"]).clip(lower=0.0)
    coverage.insert(4, "shortfall", lacking.where(lacking > 1e-9, 0.0))
    return coverage


def _why(problem: RosterProblem, plan: RosterSolution) -> pd.DataFrame:
    """List each rule that cost something, where, how much of it, at what penalty; and who could not be used."""
    sums: dict[tuple[str, Any], list[int]] = defaultdict(lambda: [0, 0])
    for rule, where, amount, fen in plan.flaws:
        if rule == "shortfall":
            slot, queue = where
            where = f"{queue} {problem.starts[slot]:%Y-%m-%d %H:%M}"
        sums[rule, where][0] += amount
        sums[rule, where][1] += fen
    hour = 60 / problem.unit
    parts = dict.fromkeys(("shortfall", "thin_cover"), problem.scale)
    rows = [
        (rule, where, amount / hour / parts.get(rule, 1) if _UNITS[rule] == "h" else amount, _UNITS[rule], fen / FEN)
        for (rule, where), (amount, fen) in sums.items()
    ]
    rows += [("not_fit", person.agent_id, 1, "people", 0.0) for person in problem.people if not person.fit]
    able = {queue for person in problem.people if person.fit for queue in person.skills}
    lost = sorted({queue for _, queue in problem.need} - able)
    rows += [("nobody_can", queue, 1, "queues", 0.0) for queue in lost]
    rows += _list_blocked(problem, plan)
    why = pd.DataFrame(rows, columns=["rule", "where", "amount", "unit", "penalty_cny"])
    return why.sort_values(["penalty_cny", "rule", "where"], ascending=[False, True, True]).reset_index(drop=True)


def _list_blocked(problem: RosterProblem, plan: RosterSolution) -> list[tuple[str, str, float, str, float]]:
    """Return for each queue that is short which hard rule keeps how many shifts from people who are idle that day.

    A shift that touches a short interval counts once for each such person who serves the queue; hours that no shift
    of the library reaches are a row of their own.
    """
    short: dict[str, set[int]] = defaultdict(set)
    for rule, where, _, _ in plan.flaws:
        if rule == "shortfall" and problem.today in (None, problem.slots[where[0]] // (24 * 60)):
            short[where[1]].add(where[0])
    if not short:
        return []
    touched = [{slot for slot, _ in problem.spans(option.start, option.end)} for option in problem.options]
    given = {who: [problem.options[n] for n in ns] for who, ns in plan.takes.items()}
    present: Counter[tuple[str | None, int]] = Counter()
    for person in problem.people:
        for n in plan.takes.get(person.agent_id, ()):
            present.update((room, slot) for room in {None, person.room} for slot in touched[n])
    seats: list[tuple[str | None, int]] = [*problem.rules.seats.items()]
    if seats:
        seats.append((None, sum(problem.rules.seats.values())))
    full = {(room, slot) for room, most in seats for slot in range(len(problem.slots)) if present[room, slot] >= most}
    library = [n for n, option in enumerate(problem.options) if option.only is None and option.duty is None]
    rows = []
    for queue, slots in short.items():
        unreached = len(slots.difference(*touched))
        if unreached:
            rows.append(("blocked_shift", queue, unreached * problem.step / 60, "h", 0.0))
        bars: Counter[str] = Counter()
        for person in problem.people:
            shifts = given.get(person.agent_id, [])
            busy = {shift.day for shift in shifts}
            for n in library if queue in person.skills else ():
                if touched[n] & slots and problem.options[n].day not in busy:
                    bar = problem.find_bar(person, problem.options[n])
                    if bar is None and any((room, slot) in full for room in (None, person.room) for slot in touched[n]):
                        bar = "seats"
                    if bar is None and any(problem.too_close(shift, problem.options[n]) for shift in shifts):
                        bar = "rest"
                    bars.update([bar] if bar else [])
        rows += [(f"blocked_{bar}", queue, n, "shifts", 0.0) for bar, n in bars.items()]
    return rows


def _ways_out(roster: Roster, queue: str, lang: Lang) -> list[str]:
    """Return which hard rule stands most in the way of a queue that is short, and what to change about it."""
    rules = roster.inputs["rules"]
    limits = {"student_h": rules.student_max_h_day, "most_h": rules.standard_h_day + rules.overtime_max_h_day}
    limits |= {"rest_h": rules.rest_min_h, "mark": rules.exam_pass_mark}
    limits_words = {key: f"{limit:g}" for key, limit in limits.items()}
    blocked = roster.why[roster.why["rule"].str.startswith("blocked_") & (roster.why["where"] == queue)]
    unreached = blocked[blocked["unit"] == "h"]
    kept = blocked.drop(unreached.index).sort_values("amount", ascending=False, kind="stable")
    limits_words["all"] = f"{kept['amount'].sum():g}"
    reasons = [*each_row(unreached), *each_row(kept.head(1))]
    said = [translate(f"roster.{row.rule}", lang, count=f"{row.amount:g}", **limits_words) for row in reasons]
    return said or [translate("roster.more_people", lang)]


def _explain(roster: Roster, lang: Lang) -> list[str]:
    """Return coverage and ``why`` as sentences, the dearest first."""
    lines = [
        translate(
            "roster.summary",
            lang,
            status=translate(f"roster.status_{roster.status}", lang),
            cost=f"{roster.cost_cny:,.0f}",
            gap=f"{roster.gap:.1%}",
        )
    ]
    short = roster.coverage[roster.coverage["shortfall"] > 0]
    if short.empty:
        lines.append(translate("roster.covered", lang))
    why = roster.why
    for queue, rows in short.groupby("queue", sort=False):
        worst = rows.sort_values("shortfall", kind="stable").iloc[-1]
        lacking = translate(
            "roster.short",
            lang,
            queue=label(str(queue), lang),
            count=len(rows),
            at=f"{worst['start']:%m-%d %H:%M}",
            heads=f"{worst['shortfall']:.3g}",
            required=worst["required"],
        )
        lines.append(translate("words.sentence_space", lang).join([lacking, *_ways_out(roster, str(queue), lang)]))
    for row in each_row(why[why["rule"] == "nobody_can"]):
        lines.append(translate("roster.nobody_can", lang, queue=label(row.where, lang)))
    unfit = why.loc[why["rule"] == "not_fit", "where"]
    if len(unfit):
        mark = roster.inputs["rules"].exam_pass_mark
        lines.append(
            translate("roster.not_fit", lang, count=len(unfit), people=list(map(str, unfit)), mark=f"{mark:g}")
        )
    for rule in ("duty_uncovered", "on_call", "change", "wish"):
        rows = why[why["rule"] == rule]
        if len(rows):
            lines.append(translate(f"roster.{rule}", lang, count=len(rows), where=list(map(str, rows["where"]))))
    paid = why[why["rule"].isin(["overtime_pay", "rest_day_pay"])]
    if len(paid):
        lines.append(translate("roster.overtime", lang, cost=f"{paid['penalty_cny'].sum():,.0f}"))
    return lines
