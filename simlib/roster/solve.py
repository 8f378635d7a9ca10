"""Solve a roster, or repair one: cohorts first, then names, then both together."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import pandas as pd

from simlib.roster.model import FEN, Built, build_model, make_crews
from simlib.roster.problem import (
    Desk,
    Person,
    RosterProblem,
    RosterRules,
    TimedDuty,
    first_day,
    open_for_repair,
    read_problem,
)
from simlib.roster.result import NOTHING_TO_SAY, Roster, RosterSolution, count_heads, write_roster
from simlib.roster.search import Clock, Progress, SearchResult, Stop

_GOOD_ENOUGH = 0.001  # a gap at which more thinking buys nothing that a floor would notice
_NAMED_ENOUGH = 0.02  # the same for names, which the last stage improves upon
_SMALL = 500  # decisions that the solver also takes on in one piece
_NAMED_FIRST = 3.0  # times the price of an empty duty, where a duty that names somebody was left for the chat (ours)
_NEWS_S = 0.2  # how often who waits hears how it goes


def solve_roster(
    requirement: pd.DataFrame,
    agents: pd.DataFrame,
    shifts: pd.DataFrame,
    *,
    rules: RosterRules | None = None,
    duties: pd.DataFrame | Sequence[Mapping[str, Any]] = (),
    leave: pd.DataFrame | Sequence[Mapping[str, Any]] = (),
    wishes: pd.DataFrame | Sequence[Mapping[str, Any]] = (),
    locked: pd.DataFrame | None = None,
    seed: int = 7,
    seconds: float = 20.0,
    effort: float | None = None,
    workers: int = 2,
    on_progress: Progress | None = None,
    stop: Stop | None = None,
) -> Roster:
    """Roster people over 1 to 21 days so that every half hour of every queue has the heads it needs.

    Parameters
    ----------
    requirement : DataFrame
        start (tz-aware), queue, to_roster (heads on chat), one row per interval and queue, equal intervals.
    agents : DataFrame
        agent_id, name, cohort, cost_cny_h, exam_score, qa_pass and ``skills`` (queues, best first; or a mapping
        queue -> rank) or skill_1, skill_2, ...; as they apply on_call, room, starts_on, leave (spans with first
        and last), standard (for how many standard heads a person on chat counts; 1 where it is left out).
    shifts : DataFrame
        code, start, end (``datetime.time``; over midnight where end <= start); as they apply meal_from, meal_to,
        meal_min (unpaid), break_min (one paid break in every stretch of two hours or more), cohorts (who may).
    rules : RosterRules, optional
        Limits and prices; those of the playbook on the first day otherwise.
    duties : DataFrame or rows
        duty, kind (``live`` or ``logistics``), start, end, agent_id (None: anyone): one person each, off the chat.
    leave : DataFrame or rows
        agent_id, first, last (dates, both included), on top of what ``agents`` holds.
    wishes : DataFrame or rows
        agent_id, date, wish (a shift code, or ``"rest"``), weight.
    locked : DataFrame, optional
        Roster rows that stand: those person-days are kept as they are. Or agent_id, date, shift (a code, ``"rest"``,
        ``"leave"``): those person-days get that shift, and the solver places its pauses. What stands is not
        questioned, not even where it breaks a limit.
    seed, seconds, effort, workers
        ``effort`` in place of ``seconds`` makes the roster a function of its inputs: the same bytes every time,
        on a fast machine and on a slow one. One unit is a few seconds of one core.
    on_progress, stop : callable, optional
        ``on_progress(best, bound, seconds)`` in yuan, in the calling thread; ``stop()`` true ends the search with the
        best so far, and so does a first interrupt from the keyboard.

    Returns
    -------
    Roster
        Always: what cannot be met is a named shortfall.

    Raises
    ------
    ValueError
        A table lacks a column or holds nonsense; the message names it.

    Notes
    -----
    Coverage counts standard heads on chat, each person for as many as ``standard`` of the agents gives.

    Examples
    --------
    >>> import datetime as dt
    >>> start = pd.date_range("2026-10-31 18:00", periods=8, freq="30min", tz="Asia/Shanghai")
    >>> need = pd.DataFrame({"start": start, "queue": "presale", "to_roster": [1, 1, 1, 1, 2, 2, 2, 2]})
    >>> team = pd.DataFrame({"agent_id": ["a1", "a2"], "name": ["Lin", "Wu"], "cohort": "own", "cost_cny_h": 30.0,
    ...                      "skills": [("presale",)] * 2, "exam_score": 95, "qa_pass": True})
    >>> library = pd.DataFrame({"code": ["B", "C"], "start": [dt.time(14), dt.time(20)], "end": [dt.time(22)] * 2})
    >>> roster = solve_roster(need, team, library, seconds=5)
    >>> sorted(roster.assignments["shift"]), float(roster.coverage["shortfall"].sum()), roster.status
    (['B', 'C'], 0.0, 'optimal')
    """
    begun = time.monotonic()
    rules = RosterRules.of_playbook(on=first_day(requirement)) if rules is None else rules
    problem = read_problem(requirement, agents, shifts, rules, duties, leave, wishes, locked)
    tables: dict[str, Any] = {"requirement": requirement, "agents": agents, "shifts": shifts, "rules": rules}
    tables |= {"duties": duties, "leave": leave, "wishes": wishes}
    plan = _plan_aside(
        problem, seconds=seconds, effort=effort, seed=seed, workers=workers, on_progress=on_progress, stop=stop
    )
    return write_roster(problem, plan, base=problem, seconds=time.monotonic() - begun, inputs=tables)


def adopt_roster(
    assignments: pd.DataFrame,
    *,
    requirement: pd.DataFrame,
    agents: pd.DataFrame,
    shifts: pd.DataFrame,
    rules: RosterRules,
    duties: pd.DataFrame | Sequence[Mapping[str, Any]] = (),
    leave: pd.DataFrame | Sequence[Mapping[str, Any]] = (),
    wishes: pd.DataFrame | Sequence[Mapping[str, Any]] = (),
) -> Roster:
    """Adopt a roster that was kept as rows: count it against a requirement, and make it ready to be repaired.

    Parameters
    ----------
    assignments : DataFrame
        Roster rows, as ``Roster.assignments`` holds them; a file may have turned what is missing into nan.
    requirement, agents, shifts, rules, duties, leave, wishes
        As ``solve_roster`` takes them.

    Returns
    -------
    Roster
        With coverage; nobody has priced it, so its cost and bound are nan and ``why`` is empty.

    Raises
    ------
    ValueError
        A table lacks a column or holds nonsense, or the rows name somebody who is not in the team.
    """
    tables: dict[str, Any] = {"requirement": requirement, "agents": agents, "shifts": shifts, "rules": rules}
    tables |= {"duties": duties, "leave": leave, "wishes": wishes}
    unknown = sorted(set(assignments["agent_id"]) - set(agents["agent_id"]))
    if unknown:
        raise ValueError(f"assignments names people who are not in agents: {', '.join(map(str, unknown))}")
    queue = assignments["queue"].astype(object)
    rows = assignments.assign(queue=queue.where(queue.notna(), None))
    return Roster(
        assignments=rows,
        coverage=count_heads(read_problem(**tables, locked=None), rows),
        why=NOTHING_TO_SAY.copy(),
        cost_cny=math.nan,
        bound_cny=math.nan,
        seconds=0.0,
        status="feasible",
        inputs=tables,
    )


def repair_roster(
    roster: Roster,
    *,
    absent: Sequence[str],
    from_time: pd.Timestamp,
    seed: int = 7,
    seconds: float = 10.0,
    effort: float | None = None,
    workers: int = 2,
    on_progress: Progress | None = None,
    stop: Stop | None = None,
) -> Roster:
    """Repair a roster after people call in sick, changing as few assignments as possible.

    What lies before ``from_time`` stands; the absent drop out for the rest of that working day. A person who is on
    shift may stay on for one to three hours, one who has not begun may get another shift, one who is off (or on
    call) may be called in: for a whole shift that is yet to begin, or for the rest (an hour or more) of one that is
    running, seated after the delay of the lever ``call_pool``.

    *What is repaired.* The gap that the absent leave behind, from the minute on in which somebody who is called now can
    sit. What the roster lacked before they fell ill was known and is nobody's reason to be called tonight, and the
    minutes until the first one can sit are lost whatever is done.

    *Changes against shortfall.* A change has the price ``change_cny``, a missing hour ``shortfall_cny_h``: somebody
    is asked where that closes more than ``change_cny / shortfall_cny_h`` hours (a quarter of an hour by the
    playbook), the wages it adds and ``on_call_cny`` included. Down to that grain a repair makes the fewest changes
    among all that leave the least shortfall; among those, the one that adds the lowest wages. Wages that were
    promised are paid anyway, so nobody is moved to save them.

    Parameters
    ----------
    roster : Roster
    absent : sequence of agent_id
    from_time : Timestamp, tz-aware

    Returns
    -------
    Roster
        Over the same horizon. Its coverage is that of the whole requirement; cost and ``why`` are those of the
        repair: one row of the rule ``change`` for each person, the absent apart, whose shift was changed, and the
        shortfall that the absent leave behind in spite of it. :func:`list_changes` lists who was changed and how.

    Raises
    ------
    ValueError
        ``absent`` names somebody who is not in the team, or ``from_time`` has no time zone.
    """
    begun = time.monotonic()
    now = pd.Timestamp(from_time)
    if now is pd.NaT or now.tz is None:
        raise ValueError(f"from_time must be an instant with a time zone, got {from_time!r}")
    unknown = sorted(set(absent) - set(roster.inputs["agents"]["agent_id"]))
    if unknown:
        raise ValueError(f"absent names people who are not in the team: {', '.join(map(str, unknown))}")
    given = roster.inputs
    base = read_problem(**given, locked=None)
    problem = open_for_repair(base, roster.assignments, set(absent), base.calendar.since(now))
    plan = _plan_aside(
        problem,
        seconds=seconds,
        effort=effort,
        seed=seed,
        workers=workers,
        on_progress=on_progress,
        stop=stop,
        staged=False,
    )
    return write_roster(problem, plan, base=base, seconds=time.monotonic() - begun, inputs=given)


def _plan_aside(
    problem: RosterProblem,
    *,
    seconds: float,
    effort: float | None,
    on_progress: Progress | None,
    stop: Stop | None,
    **how: Any,
) -> RosterSolution:
    """Solve in a thread of its own, so that who waits hears how it goes and can end it with an interrupt."""
    interrupted = threading.Event()
    clock = Clock(seconds, effort, lambda: interrupted.is_set() or (stop is not None and stop()))
    news: deque[tuple[float, float, float]] = deque(maxlen=1)
    with ThreadPoolExecutor(1) as aside:
        job = aside.submit(_plan_firm, problem, clock=clock, on_progress=lambda *found: news.append(found), **how)
        try:
            while True:
                try:
                    waiting = wait([job], timeout=_NEWS_S).not_done
                    if news and on_progress is not None:
                        best, bound, elapsed_s = news.pop()
                        on_progress(best / FEN, bound / FEN, elapsed_s)
                    if not waiting:
                        return job.result()
                except KeyboardInterrupt:
                    if interrupted.is_set():
                        raise
                    interrupted.set()
        finally:
            interrupted.set()


def _plan_firm(problem: RosterProblem, *, clock: Clock, **how: Any) -> RosterSolution:
    """Solve; where a duty is left empty whose own person may take it, solve again with a higher price on that.

    A missing head on chat and an empty duty cost the same, so in a deep shortage the search may put whom a live stream
    names on another shift. Who was named has been promised to the stream; the second search has the time of the first.
    """
    budget = (clock.seconds, clock.effort)
    first = _plan(problem, clock=clock, **how)
    left = _left_empty(problem, first)
    if not left or (clock.stop is not None and clock.stop()):
        return first
    price = problem.rules.duty_uncovered_cny_h * _NAMED_FIRST
    firm = replace(problem, rules=replace(problem.rules, duty_uncovered_cny_h=price))
    second = _plan(firm, clock=Clock(*budget, clock.stop), **how)
    return second if len(_left_empty(problem, second)) < len(left) else first


def _left_empty(problem: RosterProblem, found: RosterSolution) -> list[TimedDuty]:
    """Return the duties that nobody has, though they name a person for whom a shift with the duty is lawful."""
    empty = {where for rule, where, amount, _ in found.flaws if rule == "duty_uncovered" and amount}
    people = {person.agent_id: person for person in problem.people}
    return [
        duty
        for number, duty in enumerate(problem.duties)
        if duty.name in empty
        and duty.agent_id in people
        and any(each.duty == number and problem.fits(people[duty.agent_id], each) for each in problem.options)
    ]


def _plan(
    problem: RosterProblem,
    *,
    clock: Clock,
    seed: int,
    workers: int,
    on_progress: Progress,
    staged: bool = True,
) -> RosterSolution:
    """Solve: in one go on one day; else cohorts first (the bound), then names for their shifts, then both together."""

    def search(built: Built, own: Clock, part: float, gap: float = _GOOD_ENOUGH, **more: Any) -> SearchResult:
        mine = own.share(part)
        budget: dict[str, Any] = {"seconds": mine.seconds, "effort": mine.effort, "seed": seed, "workers": workers}
        answer = built.model.search(**budget, stop=clock.stop, gap=gap, **more)
        own.used += answer.effort
        return answer

    def alone(person: Person, _: tuple[int, ...]) -> Hashable:
        return person.agent_id

    def alike(person: Person, options: tuple[int, ...]) -> Hashable:
        return person.agent_id if person.wishes or person.on_call else (person.kind, options)

    one_day = len({option.day for option in problem.options}) <= 1
    if one_day or not staged:
        built = build_model(problem, make_crews(problem, alike if one_day else alone))
        answer = search(built, clock, 1.0, on_progress=on_progress, whole=0.6)
        return _read_plan(problem, built, answer)
    cohorts = build_model(problem, make_crews(problem, lambda person, _: person.kind), relaxed=True)
    bound, rounded = cohorts.model.relax()
    ideal = search(cohorts, clock, 0.25, hint=rounded, bound=bound, whole=0.0, sweep_only=True)
    named: dict[tuple[str, int], int] = {}
    naming = clock.share(0.4)
    # Small crews are named in no time; the largest has what they leave.
    by_size = sorted(enumerate(cohorts.crews), key=lambda item: len(item[1].members) * len(item[1].room_for))
    for turn, (number, crew) in enumerate(by_size):
        wanted = {n: ideal.chosen[cohorts.takes[number, n]] for n in crew.room_for}
        names = build_model(problem, make_crews(problem, alone, among=crew.members), wanted=wanted)
        least, start = names.model.relax()
        part = 1 / (len(by_size) - turn)
        answer = search(names, naming, part, hint=start, bound=least, whole=0.4, gap=_NAMED_ENOUGH)
        for (each, n), variable in names.takes.items():
            named[names.crews[each].members[0].agent_id, n] = answer.chosen[variable]
    clock.used += naming.used
    whole = build_model(problem, make_crews(problem, alone))
    hint = {variable: named[whole.crews[each].members[0].agent_id, n] for (each, n), variable in whole.takes.items()}
    hint |= {variable: ideal.chosen[cohorts.pauses[key]] for key, variable in whole.pauses.items()}
    hint |= {variable: ideal.chosen[cohorts.quotas[key]] for key, variable in whole.quotas.items()}
    # Days and neighbourhoods of a hint gain most; in one piece a small model then gains what they cannot reach.
    small = len(whole.takes) <= _SMALL
    last: dict[str, Any] = {"bound": bound, "on_progress": on_progress}
    answer = search(whole, clock, 0.6 if small else 1.0, hint=hint, whole=0.0, **last)
    if small and not clock.over:
        answer = search(whole, clock, 1.0, hint=dict(enumerate(answer.chosen)), whole=0.4, **last)
    return _read_plan(problem, whole, answer)


def _stagger_late(problem: RosterProblem, pauses: Mapping[tuple[Desk, int, int], list[int]]) -> None:
    """Put the pauses of a shift after the last half hour asked for one behind the other, so that somebody stays.

    No need and no price differs between their starts: the solver would put everybody on the first.
    """
    closes = problem.slots[-1] + problem.step
    turns: Counter[tuple[int, int]] = Counter()
    for (_, n, which), begins in pauses.items():
        pause = problem.options[n].pauses[which]
        late: list[int] = []
        for begin in pause.starts:
            if begin >= (late[-1] + pause.minutes if late else closes):
                late.append(begin)
        for at, begin in enumerate(begins):
            if begin >= closes:
                begins[at] = late[turns[n, which] % len(late)]
                turns[n, which] += 1
        begins.sort()


def _read_plan(problem: RosterProblem, built: Built, answer: SearchResult) -> RosterSolution:
    """Share the counts of each crew out to its members."""
    takes: dict[str, list[int]] = defaultdict(list)
    for number, crew in enumerate(built.crews):
        free = sorted(crew.members, key=lambda person: str(person.agent_id))
        if len(free) == 1:
            takes[free[0].agent_id] = [n for n in crew.room_for if answer.chosen[built.takes[number, n]]]
            continue
        for n in sorted(crew.room_for):
            for _ in range(answer.chosen[built.takes[number, n]]):
                takes[free.pop(0).agent_id].append(n)
    pauses: dict[tuple[Desk, int, int], list[int]] = defaultdict(list)
    for (desk, n, which, begin), variable in sorted(built.pauses.items(), key=lambda item: item[0][3]):
        pauses[desk, n, which] += [begin] * answer.chosen[variable]
    _stagger_late(problem, pauses)
    flaws: list[tuple[str, Any, int, int]] = []
    for charge in built.model.charges:
        amount = charge.amount(answer.chosen)
        if amount and charge.rule == "change":  # a crew shares its variables, but a change is somebody's own
            crew, n = charge.where
            changed = [person for person in crew.members if (n in takes[person.agent_id]) != charge.lacking]
            flaws += [(charge.rule, person.agent_id, 1, charge.price) for person in changed]
        elif amount:
            flaws.append((charge.rule, charge.where, amount, amount * charge.price))
    return RosterSolution(
        takes=takes,
        pauses=pauses,
        quotas={key: answer.chosen[variable] for key, variable in built.quotas.items()},
        flaws=flaws,
        cost=answer.cost,
        bound=answer.bound,
        status=answer.status,
    )
