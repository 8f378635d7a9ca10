"""Who works when: a roster by constraint programming (OR-tools CP-SAT) that explains itself.

How it is built. A *shift option* is a shift of the library on one day, with or without a duty (a live stream) inside.
People decide options (``x``: how many of a crew take an option). When the meals are, and which queue a desk serves
in which half hour, does not depend on who sits there: those are counts for a whole desk (people with the same
skills), dealt out to names at the end. That is the implicit modelling of breaks of Aykin (1996, Management Science
42:591): linear in the number of break slots, and exact, because the windows of a shift's pauses never overlap.

Every rule about a person is a linear sum with the limit 1 x limit. For a crew of n people the same sum has the limit
n x limit, and is what remains when the rules of the n people are added up. So one builder makes two models: with
crews of one, the roster; with whole cohorts as crews, a relaxation that is small, and whose optimum no roster can beat.
On one day nobody's yesterday matters, so people who are alike form a crew and the small model is the exact one.

Every flaw has a price and a name (``ShiftModel.charge``), so a legal answer always exists and says what it lacks.
"""

from __future__ import annotations

import datetime as dt
import math
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from ortools.sat.python import cp_model

from simlib import facts
from simlib.words import Lang, say, term

ROSTER_COLUMNS = ["agent_id", "name", "cohort", "queue", "shift", "date", "start", "end", "activity"]
_FEN = 100  # the solver counts money in whole fen
_GOOD_ENOUGH = 0.001  # a gap at which more thinking buys nothing that a floor would notice
_SMALL = 3_000  # decisions that the solver also takes on in one piece, which raises the bound
_FIRST_ANSWER_S = 120.0  # some answer is worth this, whatever the time that was given
_BITE = 0.3  # units of solver time for one neighbourhood
_SWEEP_BITE = 5.0  # and for a whole day of everybody

Progress = Callable[[float, float, float], None]
Stop = Callable[[], bool]


# --- the machine: a model of people, days and shifts whose objective is a list of named charges ---------------------


class Charge(NamedTuple):
    """One named flaw or cost at ``price`` each: the sum of the variables or, where ``lacking``, what it lacks of 1."""

    rule: str
    where: Any
    variables: tuple[int, ...]
    price: int
    lacking: bool

    def amount(self, values: Sequence[int]) -> int:
        """How much of it an answer has."""
        found = sum(values[variable] for variable in self.variables)
        return 1 - found if self.lacking else found


class _Row(NamedTuple):
    """``low <= sum(weights x variables) <= high``."""

    variables: tuple[int, ...]
    weights: tuple[int, ...]
    low: int
    high: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a search found: the value of each variable, its cost, the proven bound, and the effort it took."""

    chosen: Sequence[int]
    cost: int
    bound: int
    status: Literal["optimal", "feasible"]
    seconds: float
    effort: float


class _Clock:
    """How much thinking is left, in seconds or, repeatably, in units of solver effort."""

    def __init__(self, seconds: float, effort: float | None, stop: Stop | None) -> None:
        self.begun, self.seconds, self.effort, self.stop = time.monotonic(), seconds, effort, stop
        self.used = 0.0

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.begun

    @property
    def left(self) -> float:
        return self.seconds - self.elapsed_s if self.effort is None else self.effort - self.used

    @property
    def over(self) -> bool:
        return self.left <= 0 or (self.stop is not None and self.stop())

    def share(self, part: float) -> _Clock:
        """Hand a part of what is left to one stage."""
        left = max(0.0, self.left)
        return _Clock(left * part, None if self.effort is None else left * part, self.stop)


class _Part(NamedTuple):
    """A piece of the model, as the solver sees it: its variables, and the rows that touch them."""

    model: cp_model.CpModel
    variables: list[int]
    rows: set[int]


_FAR = 1 << 40  # beyond every sum in a model


class ShiftModel:
    """A linear model of who works what on which day; shared by rosters and the public scheduling instances.

    Variables are numbers (0, 1, 2, ...). Decisions are registered by who and day, so that the search can open a
    neighbourhood (some people, some days) and hand only that piece to CP-SAT. What is settled already outranks a
    limit: ``at_most`` gives way to it, so a roster that was broken by hand can still be completed.

    Examples
    --------
    >>> model = ShiftModel()
    >>> work = [[model.decide(who, day) for day in range(3)] for who in ("ann", "bo")]
    >>> for days in work:
    ...     model.limit_run(days, longest=2)
    >>> for day in range(3):
    ...     model.cover([days[day] for days in work], 2, rule="short", where=day, under=10)
    >>> answer = model.search(seconds=5, seed=1, workers=1)
    >>> answer.cost, answer.status
    (20, 'optimal')
    """

    def __init__(self) -> None:
        self.charges: list[Charge] = []
        self._high: list[int] = []
        self._settled: list[frozenset[int]] = []
        self._rows: list[_Row] = []
        self._rows_of: list[list[int]] = []
        self._decisions: dict[tuple[Hashable, int], list[int]] = defaultdict(list)
        self._shared: dict[int, list[int]] = defaultdict(list)

    # what it is made of

    def variable(self, high: int = 1) -> int:
        """Add a number from 0 to ``high`` that follows from the decisions."""
        self._high.append(high)
        self._rows_of.append([])
        return len(self._high) - 1

    def decide(self, who: Hashable, day: int, high: int = 1) -> int:
        """Add a decision about one person (or crew) on one day."""
        made = self.variable(high)
        self._decisions[who, day].append(made)
        return made

    def count(self, day: int, high: int) -> int:
        """Add a number that everybody of a day shares: heads at a meal, minutes on a queue."""
        made = self.variable(high)
        self._shared[day].append(made)
        return made

    def most(self, variables: Iterable[int]) -> int:
        """Upper limit of a sum of variables."""
        return sum(self._high[each] for each in variables)

    def charge(
        self, rule: str, where: Any, variables: Iterable[int], price: int, *, lacking: bool = False
    ) -> None:
        """Put a price on a sum (or on what it lacks of 1); ``rule`` names it in the explanation."""
        if price:
            self.charges.append(Charge(rule, where, tuple(variables), price, lacking))

    def bind(
        self, variables: Sequence[int], weights: Sequence[int] | None = None, *, low: int = -_FAR, high: int = _FAR
    ) -> None:
        """Keep a weighted sum (weights 1 unless given) within ``low`` and ``high``."""
        weights = [1] * len(variables) if weights is None else weights
        for variable in set(variables):
            self._rows_of[variable].append(len(self._rows))
        self._rows.append(_Row(tuple(variables), tuple(weights), low, high))

    def settle(self, variables: Sequence[int]) -> None:
        """Say that one of the variables is taken in any case: a day that stands. Say it before the limits."""
        self.bind(variables, low=1)
        self._settled.append(frozenset(variables))

    def at_most(self, variables: Sequence[int], limit: int, weights: Sequence[int] | None = None) -> None:
        """Keep a sum (weights >= 0) within ``limit``, or within what is settled already if that is more."""
        weights = [1] * len(variables) if weights is None else weights
        weight_of = dict(zip(variables, weights, strict=True))
        settled = sum(min(weight_of[v] for v in group) for group in self._settled if group <= weight_of.keys())
        limit = max(limit, settled)
        if sum(self._high[variable] * weight for variable, weight in weight_of.items()) > limit:
            self.bind(variables, weights, high=limit)

    def limit_run(self, work: Sequence[int], *, longest: int) -> None:
        """Allow at most ``longest`` working days in a row (0/1 variables by day)."""
        for first in range(len(work) - longest):
            self.at_most(work[first : first + longest + 1], longest)

    def require_run(self, work: Sequence[int], *, shortest: int, of: Literal[0, 1] = 1) -> None:
        """Forbid runs of ``of`` that are shorter than ``shortest``, unless they touch an end of the horizon."""
        sign = 1 if of else -1
        for length in range(1, shortest):
            for first in range(len(work) - length - 1):
                window = work[first : first + length + 2]
                weights = [sign, *[-sign] * length, sign]
                self.bind(window, weights, low=1 - length if of else -1)

    def cover(
        self, heads: Sequence[int], need: int, *, rule: str, where: Any, under: int, over: int = 0
    ) -> None:
        """Ask for ``need`` heads; each one missing costs ``under``, each one too many ``over``."""
        short, spare = self.variable(need), self.variable(max(0, self.most(heads) - need))
        self.bind([*heads, short, spare], [1] * len(heads) + [1, -1], low=need, high=need)
        self.charge(rule, where, [short], under)
        self.charge(f"{rule} (over)", where, [spare], over)

    # how it is solved

    def search(
        self,
        *,
        seconds: float = 20.0,
        effort: float | None = None,
        seed: int = 7,
        workers: int = 2,
        hint: Mapping[int, int] | None = None,
        bound: int | None = None,
        on_progress: Progress | None = None,
        stop: Stop | None = None,
        gap: float = 0.0,
        whole: float = 0.05,
        sweep_only: bool = False,
    ) -> Answer:
        """Look for the cheapest answer: first the whole model, then neighbourhoods of the best one found.

        Parameters
        ----------
        seconds, effort : float
            How long. ``effort`` (units of solver time, a few seconds of one core) takes the place of ``seconds``
            and makes the answer a function of the model, the seed and the number of workers alone.
        hint : mapping of variable to value, optional
            Where to begin. Decisions that it names stand until a neighbourhood opens them; the rest is filled in.
            A hint that no answer agrees with is dropped.
        bound : int, optional
            A cost below which there is known to be nothing.
        on_progress : callable (best, bound, seconds), optional
        stop : callable returning bool, optional
            Asked about five times a second; true ends the search with the best so far.
        gap : float
            Share of the cost that is not worth the time it takes to save.
        whole : float
            Share of the time for the whole model, which alone can raise the bound, before the neighbourhoods begin;
            0 goes straight to the neighbourhoods of a hint that holds.
        sweep_only : bool
            Stop when each day of a hint has been improved once.

        Raises
        ------
        RuntimeError
            No answer exists, or none is found in two minutes beyond the time given.
        """
        clock = _Clock(seconds, effort, stop)
        floor = -_FAR if bound is None else bound
        values: list[int] | None = None

        def tell(cost: float, proven: float) -> None:
            if on_progress is not None:
                on_progress(cost, max(proven, floor), clock.elapsed_s)

        if hint:
            values = self._complete(hint, clock, seed=seed, workers=workers)
        if values is None or whole > 0:
            stage = clock.share(whole)
            values, floor = self._begin(values, floor, clock, stage, seed=seed, workers=workers, gap=gap, tell=tell)
        else:
            tell(self._cost(values), floor)
        if not _close(self._cost(values), floor, gap):
            values, floor = self._improve(
                values,
                floor,
                clock,
                seed=seed,
                workers=workers,
                gap=gap,
                tell=tell,
                sweep=bool(hint),
                more=not sweep_only,
            )
        cost = self._cost(values)
        return Answer(
            chosen=values,
            cost=cost,
            bound=min(floor, cost),
            status="optimal" if _close(cost, floor, gap) else "feasible",
            seconds=clock.elapsed_s,
            effort=clock.used,
        )

    def relax(self) -> tuple[int, dict[int, int]]:
        """Solve without the whole numbers (HiGHS, interior point): a proven bound, and each decision rounded down.

        Limits from above still hold when decisions are rounded down, so they are a place to begin.
        """
        from scipy.optimize import linprog
        from scipy.sparse import csr_matrix, vstack

        lengths = [len(row.variables) for row in self._rows]
        places = (
            np.repeat(np.arange(len(lengths)), lengths),
            np.concatenate([row.variables for row in self._rows]),
        )
        weights = np.concatenate([row.weights for row in self._rows]).astype(float)
        matrix = csr_matrix((weights, places), shape=(len(lengths), len(self._high)))
        low, high = np.array([(row.low, row.high) for row in self._rows], dtype=float).T
        prices, always = self._prices
        same, above, below = low == high, (high < _FAR) & (low != high), (low > -_FAR) & (low != high)
        found = linprog(
            [prices.get(variable, 0) for variable in range(len(self._high))],
            A_ub=vstack([matrix[above], -matrix[below]]),
            b_ub=np.concatenate([high[above], -low[below]]),
            A_eq=matrix[same],
            b_eq=low[same],
            bounds=np.array([np.zeros(len(self._high)), self._high]).T,
            method="highs-ipm",
        )
        if found.status != 0:
            raise RuntimeError(f"the relaxation has no answer: {found.message}")
        bound = math.ceil(found.fun * (1 - 1e-7) - 1e-3) + always
        decisions = [variable for each in self._decisions.values() for variable in each]
        return bound, {variable: math.floor(found.x[variable] + 1e-6) for variable in decisions}

    @cached_property
    def _prices(self) -> tuple[dict[int, int], int]:
        """Price of each variable, and what is paid whatever they are."""
        prices: dict[int, int] = defaultdict(int)
        for charge in self.charges:
            for variable in charge.variables:
                prices[variable] += -charge.price if charge.lacking else charge.price
        return prices, sum(charge.price for charge in self.charges if charge.lacking)

    def _cost(self, values: Sequence[int]) -> int:
        return sum(charge.amount(values) * charge.price for charge in self.charges)

    def _cut(self, free: Iterable[int], values: Sequence[int] | None, *, anew: bool = False) -> _Part:
        """Hand the free variables, and whatever follows from them, to a model of their own; the rest is constant.

        The values are its hint; or, ``anew``, a cost that must not be exceeded by an answer found elsewhere, which
        leads off plateaus.
        """
        own = self._registered
        inside, rows, waiting = set(free), set(), list(free)
        while waiting:
            for number in self._rows_of[waiting.pop()]:
                if number not in rows:
                    rows.add(number)
                    follows = [v for v in self._rows[number].variables if v not in own and v not in inside]
                    inside.update(follows)
                    waiting += follows
        order, known = sorted(inside), values or ()
        model = cp_model.CpModel()
        made = {index: model.new_int_var(0, self._high[index], "") for index in order}
        for number in sorted(rows):
            row = self._rows[number]
            pairs = [(made[v], w) for v, w in zip(row.variables, row.weights, strict=True) if v in made]
            fixed = sum(known[v] * w for v, w in zip(row.variables, row.weights, strict=True) if v not in made)
            total = cp_model.LinearExpr.weighted_sum(*zip(*pairs, strict=True))
            if row.low == row.high:
                model.add(total == row.low - fixed)
            else:
                if row.high < _FAR:
                    model.add(total <= row.high - fixed)
                if row.low > -_FAR:
                    model.add(total >= row.low - fixed)
        prices, _ = self._prices
        priced = [(made[index], prices[index]) for index in order if prices.get(index)]
        cost = cp_model.LinearExpr.weighted_sum(*zip(*priced, strict=True)) if priced else 0
        model.minimize(cost)
        if values is not None and anew and priced:
            model.add(cost <= sum(prices[index] * values[index] for index in order if prices.get(index)))
        elif values is not None:
            for index in order:
                model.add_hint(made[index], values[index])
        return _Part(model, order, rows)

    @cached_property
    def _registered(self) -> frozenset[int]:
        """Decisions and shared counts: what a neighbourhood may hold fixed; all else follows from them."""
        return frozenset(index for each in (*self._decisions.values(), *self._shared.values()) for index in each)

    def _begin(
        self,
        values: list[int] | None,
        floor: int,
        clock: _Clock,
        stage: _Clock,
        *,
        seed: int,
        workers: int,
        gap: float,
        tell: Callable[[float, float], None],
    ) -> tuple[list[int], int]:
        """Solve the whole model within the stage; without any answer yet, wait for a first one."""
        whole = self._cut(range(len(self._high)), values)
        always = self._prices[1]
        patient = _Clock(_FIRST_ANSWER_S, None if clock.effort is None else _FIRST_ANSWER_S, None)
        for own in (stage, patient):
            solver, status = _run(
                whole.model,
                own,
                seed=seed,
                workers=workers,
                gap=gap,
                counts=bool(self._shared),
                tell=lambda best, proven: tell(best + always, proven + always),
                first_only=own is patient,
            )
            clock.used += own.used
            if status != cp_model.UNKNOWN or values is not None:
                break
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            floor = max(floor, math.ceil(solver.best_objective_bound - 1e-6) + always)
            return list(solver.response_proto.solution), floor
        if values is None:
            raise RuntimeError(f"no answer found: {solver.status_name(status)}")
        return values, floor

    def _complete(
        self, hint: Mapping[int, int], clock: _Clock, *, seed: int, workers: int
    ) -> list[int] | None:
        """Find some answer with the decisions of the hint, then the best of what follows from it."""
        decided = {index for each in self._decisions.values() for index in each}

        def solve_fixed(fixed: Mapping[int, int], near: Mapping[int, int], first_only: bool) -> list[int] | None:
            whole = self._cut(range(len(self._high)), None)
            for index, value in fixed.items():
                domain = whole.model.proto.variables[index].domain
                domain.clear()
                domain.extend([value, value])
            for index, value in near.items():
                whole.model.add_hint(whole.model.get_int_var_from_proto_index(index), value)
            stage, counts = clock.share(0.5), bool(self._shared)
            solver, status = _run(
                whole.model, stage, seed=seed, workers=workers, gap=0.0, counts=counts, first_only=first_only
            )
            clock.used += stage.used
            return list(solver.response_proto.solution) if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else None

        some = solve_fixed({index: value for index, value in hint.items() if index in decided}, hint, True)
        if some is None:
            return None
        return solve_fixed({index: some[index] for index in self._registered}, dict(enumerate(some)), False) or some

    def _improve(
        self,
        values: list[int],
        floor: int,
        clock: _Clock,
        *,
        seed: int,
        workers: int,
        gap: float,
        tell: Callable[[float, float], None],
        sweep: bool,
        more: bool,
    ) -> tuple[list[int], int]:
        """Free some people on some days, solve that piece, keep what is not worse; sizes adapt to what is solved.

        ``sweep`` goes once through the days; then, if there is to be ``more``, chance chooses. Pieces that were
        solved side by side are both kept where they agree; a day that loses its turn so has another.
        """
        whos = sorted({who for who, _ in self._decisions}, key=str)
        days = sorted({day for _, day in self._decisions})
        size = {"people": 0.25, "days": 0.25, "box": 0.35}
        chance, values, cost = random.Random(seed), list(values), self._cost(values)

        windows = [{(who, day) for who in whos} for day in days if sweep]

        everything = {(who, day) for who in whos for day in days}
        always = self._prices[1]

        def bite(part: _Part, own_seed: int, most: float) -> tuple[list[int] | None, bool, float, float]:
            own = clock.share(1.0)
            solver, status = _run(
                part.model, own, seed=own_seed, workers=1, gap=gap, counts=bool(self._shared), most=most
            )
            found = list(solver.response_proto.solution) if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else None
            return found, status == cp_model.OPTIMAL, solver.best_objective_bound, own.used

        with ThreadPoolExecutor(workers) as pool:
            while (windows or more) and not clock.over and not _close(cost, floor, gap):
                kinds = [chance.choice(sorted(size)) for _ in range(workers)]
                most, anew = (_SWEEP_BITE, False) if windows else (_BITE, chance.random() < 0.5)
                bites = [windows.pop(len(windows) * turn // workers) for turn in range(min(workers, len(windows)))]
                swept = bool(bites)
                if not swept:
                    nears = self._troubles(values, chance, workers)
                    pairs = zip(kinds, nears, strict=True)
                    bites = [_pick(kind, size[kind], whos, days, near, chance) for kind, near in pairs]
                parts = [self._cut(self._inside(window), values, anew=anew) for window in bites]
                jobs = [pool.submit(bite, part, chance.randrange(1 << 30), most) for part in parts]
                for kind, window, part, job in zip(kinds, bites, parts, jobs, strict=False):
                    found, proven, bound, used = job.result()
                    clock.used += used
                    size[kind] = min(1.0, size[kind] * 1.05) if proven else max(0.02, size[kind] * 0.93)
                    if found is None:
                        continue
                    fresh = list(values)
                    for index, value in zip(part.variables, found, strict=True):
                        fresh[index] = value
                    its_cost = self._cost(fresh)
                    if fresh != values and its_cost <= cost:
                        if self._holds(part.rows, fresh):
                            if its_cost < cost:
                                tell(its_cost, floor)
                            values, cost = fresh, its_cost
                        elif swept:
                            windows.append(window)
                    if window == everything:  # the neighbourhood has grown to the whole: what it proves holds
                        floor = max(floor, min(cost, math.ceil(bound - 1e-6) + always))
        return values, floor

    @cached_property
    def _keys_of(self) -> list[list[tuple[Hashable, int]]]:
        """Of each charge: the people and days whose decisions share a row with it."""
        key_of = {index: key for key, indices in self._decisions.items() for index in indices}
        found = []
        for charge in self.charges:
            rows = {number for variable in charge.variables for number in self._rows_of[variable]}
            near = {v for number in rows for v in self._rows[number].variables} | {*charge.variables}
            found.append(sorted({key_of[v] for v in near if v in key_of}, key=str))
        return found

    def _troubles(self, values: Sequence[int], chance: random.Random, n: int) -> list[tuple[Hashable, int]]:
        """Draw people and days where something is paid for; half of the time any will do."""
        costs = [
            charge.price * charge.amount(values) if keys else 0
            for charge, keys in zip(self.charges, self._keys_of, strict=True)
        ]
        anywhere = list(self._decisions)
        if not any(costs):
            return [chance.choice(anywhere) for _ in range(n)]
        drawn = chance.choices(self._keys_of, weights=costs, k=n)
        return [chance.choice(keys if chance.random() < 0.5 else anywhere) for keys in drawn]

    def _holds(self, rows: Iterable[int], values: Sequence[int]) -> bool:
        for number in rows:
            row = self._rows[number]
            total = sum(values[v] * weight for v, weight in zip(row.variables, row.weights, strict=True))
            if not row.low <= total <= row.high:
                return False
        return True

    def _inside(self, window: set[tuple[Hashable, int]]) -> list[int]:
        """Variables that a neighbourhood opens; a shift may reach into the next morning, whose counts open too."""
        open_days = {day + late for _, day in window for late in (0, 1)}
        free = [index for key in window for index in self._decisions.get(key, ())]
        return free + [index for day in open_days for index in self._shared.get(day, ())]


def _run(
    model: cp_model.CpModel,
    clock: _Clock,
    *,
    seed: int,
    workers: int,
    gap: float,
    counts: bool,
    tell: Callable[[float, float], None] | None = None,
    most: float = math.inf,
    first_only: bool = False,
) -> tuple[cp_model.CpSolver, cp_model.CpSolverStatus]:
    """Solve once within the clock; a second thread asks ``stop`` while the solver thinks."""
    solver = cp_model.CpSolver()
    solver.parameters.random_seed = seed
    solver.parameters.num_workers = workers
    if counts:
        solver.parameters.linearization_level = 2  # sums over a whole desk relax well: lean on it
    solver.parameters.interleave_search = clock.effort is not None and workers > 1
    solver.parameters.relative_gap_limit = gap
    solver.parameters.stop_after_first_solution = first_only
    if clock.effort is None:
        solver.parameters.max_time_in_seconds = max(0.01, clock.left)
        if most < math.inf:
            solver.parameters.max_deterministic_time = most
    else:
        solver.parameters.max_deterministic_time = max(0.01, min(clock.left, most))
    done = threading.Event()

    def watch(ask: Stop) -> None:
        while not done.wait(0.2):
            if ask():
                solver.stop_search()

    if clock.stop is not None:
        threading.Thread(target=watch, args=(clock.stop,), daemon=True).start()
    try:
        status = solver.solve(model, _Teller(tell) if tell else None)
    finally:
        done.set()
    clock.used += solver.response_proto.deterministic_time
    return solver, status


class _Teller(cp_model.CpSolverSolutionCallback):
    def __init__(self, tell: Callable[[float, float], None]) -> None:
        super().__init__()
        self._tell = tell

    def on_solution_callback(self) -> None:
        self._tell(self.objective_value, self.best_objective_bound)


def _pick(
    kind: str,
    size: float,
    whos: Sequence[Hashable],
    days: Sequence[int],
    near: tuple[Hashable, int],
    chance: random.Random,
) -> set[tuple[Hashable, int]]:
    """Choose a neighbourhood that holds ``near``: all days of some people, some days of all, or some of some."""
    n_people = len(whos) if kind == "days" else round((size if kind == "people" else size**0.5) * len(whos))
    n_days = len(days) if kind == "people" else round((size if kind == "days" else size**0.5) * len(days))
    n_people, n_days = min(len(whos), max(2, n_people)), min(len(days), max(2, n_days))
    place = days.index(near[1])
    first = chance.randint(max(0, place - n_days + 1), min(place, len(days) - n_days))
    some = {near[0], *chance.sample(whos, n_people - 1)}
    return {(who, day) for who in some for day in days[first : first + n_days]}


def _close(cost: int, floor: int, gap: float) -> bool:
    return cost - floor <= gap * abs(cost)


# --- what goes in -----------------------------------------------------------------------------------------------------


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
        """Take the limits that hold on a day, and put a store's own in their place.

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


class _Pause(NamedTuple):
    """A meal or break: one of ``starts`` (minutes since the horizon opens), for ``minutes``."""

    activity: str
    starts: tuple[int, ...]
    minutes: int


class _Segment(NamedTuple):
    start: int
    end: int
    activity: str
    queue: str | None


@dataclass(frozen=True, kw_only=True)
class _Option:
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
    pauses: tuple[_Pause, ...] = ()
    duty: int | None = None
    cohorts: tuple[str, ...] | None = None
    fixed: tuple[_Segment, ...] = ()
    flexible_from: int = 0
    only: str | None = None
    must: bool = False
    changes: bool = False


@dataclass(frozen=True, kw_only=True)
class _Duty:
    name: str
    kind: str
    start: int
    end: int
    agent_id: str | None


@dataclass(frozen=True, kw_only=True)
class _Person:
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

    @property
    def kind(self) -> tuple[Hashable, ...]:
        """What makes people alike, apart from the days on which they can work."""
        return (self.skills, self.cohort, self.cost_cny_h, self.on_call, self.room)


@dataclass(frozen=True, kw_only=True)
class _Calendar:
    """Clock times of a store as minutes since the first midnight, clock changes included."""

    opens: pd.Timestamp
    days: tuple[dt.date, ...]

    def minute(self, day: dt.date, clock: dt.time) -> int:
        stamp = pd.Timestamp(dt.datetime.combine(day, clock))
        local = stamp.tz_localize(self.opens.tz, nonexistent="shift_forward", ambiguous=True)
        return self.since(local)

    def since(self, stamp: pd.Timestamp) -> int:
        return round((stamp - self.opens).total_seconds() / 60)

    def stamp(self, minute: int) -> pd.Timestamp:
        return (self.opens.tz_convert("UTC") + pd.Timedelta(minutes=minute)).tz_convert(self.opens.tz)

    def dates(self, start: int, end: int) -> set[dt.date]:
        """Dates that a span touches."""
        return {self.stamp(start).date(), self.stamp(end - 1).date()}


@dataclass(frozen=True, kw_only=True)
class _Problem:
    calendar: _Calendar
    step: int
    slots: tuple[int, ...]
    starts: pd.DatetimeIndex
    queues: tuple[str, ...]
    need: Mapping[tuple[int, str], int]
    people: tuple[_Person, ...]
    options: tuple[_Option, ...]
    duties: tuple[_Duty, ...]
    rules: RosterRules
    closed: frozenset[tuple[str, int]] = frozenset()

    @cached_property
    def unit(self) -> int:
        """Largest number of minutes that divides every cut of every slot."""
        cuts = [self.step]
        for option in self.options:
            cuts += [option.start, option.end, option.flexible_from]
            cuts += [minute for pause in option.pauses for minute in (*pause.starts, pause.minutes)]
            cuts += [minute for piece in option.fixed for minute in (piece.start, piece.end)]
        cuts += [minute for duty in self.duties for minute in (duty.start, duty.end)]
        return math.gcd(*cuts, *self.slots)

    def fits(self, person: _Person, option: _Option) -> bool:
        """Whether a person may be given an option, looking at that option alone."""
        if option.only is not None:
            return option.only == person.agent_id
        if (person.agent_id, option.day) in self.closed:
            return False
        days = self.calendar.dates(option.start, option.end)
        if option.duty is not None and self.duties[option.duty].agent_id not in (None, person.agent_id):
            return False
        return (
            person.fit
            and self.lawful(person.cohort, option)
            and not days & person.leave
            and (person.starts_on is None or min(days) >= person.starts_on)
            and (option.cohorts is None or person.cohort in option.cohorts)
        )

    def lawful(self, cohort: str, option: _Option) -> bool:
        """Whether the length and the hours of an option are allowed for a cohort."""
        rules = self.rules
        if cohort == "student":
            return option.paid_min <= rules.student_max_h_day * 60 and (
                not option.night or bool(rules.student_nights_allowed)
            )
        return option.paid_min <= (rules.standard_h_day + rules.overtime_max_h_day) * 60

    def spans(self, start: int, end: int) -> list[tuple[int, int]]:
        """Slots that a span of minutes touches, each with the units of it that fall inside."""
        first = int(np.searchsorted(self.slots, start - self.step, side="right"))
        found = []
        for index in range(first, len(self.slots)):
            if self.slots[index] >= end:
                break
            inside = min(end, self.slots[index] + self.step) - max(start, self.slots[index])
            if inside > 0:
                found.append((index, inside // self.unit))
        return found


@dataclass(frozen=True, kw_only=True)
class _Crew:
    """People who are alike in all that their model looks at; ``room_for[option]`` = how many may take an option."""

    members: tuple[_Person, ...]
    room_for: Mapping[int, int]
    free_on: Mapping[int, int]


# --- what comes out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Roster:
    """A roster and its explanation.

    Attributes
    ----------
    assignments : DataFrame
        agent_id, name, cohort, queue, shift, date, start, end, activity: one row a segment.
    coverage : DataFrame
        start, queue, required, rostered, shortfall: mean heads on chat in each interval.
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
        """Share of the cost that might still be saved."""
        return max(0.0, (self.cost_cny - self.bound_cny) / self.cost_cny) if self.cost_cny else 0.0

    def explain(self, lang: Lang) -> list[str]:
        """Say in sentences what the roster lacks, why, and what to do about it."""
        return _explain(self, lang)


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
        start (tz-aware), queue, to_roster (heads on chat), one row an interval and queue, equal intervals.
    agents : DataFrame
        agent_id, name, cohort, cost_cny_h, exam_score, qa_pass and ``skills`` (queues, best first; or a mapping
        queue -> rank) or skill_1, skill_2, ...; as they apply on_call, room, starts_on, leave (spans with first
        and last).
    shifts : DataFrame
        code, start, end (``datetime.time``; over midnight where end <= start); as they apply meal_from, meal_to,
        meal_min (unpaid), break_min (one paid break in every stretch of two hours or more), cohorts (who may).
    rules : RosterRules, optional
        Limits and prices; those of the playbook on the first day otherwise.
    duties : DataFrame or rows
        duty, kind (``live`` or ``logistics``), start, end, agent_id (None: anyone): one person each, off the chat.
    leave : DataFrame or rows
        agent_id, first, last (dates, both included), on top of what ``agents`` tells.
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
        ``on_progress(best, bound, seconds)`` in yuan; ``stop()`` true ends the search with the best so far.

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
    Coverage counts heads on chat; how fast they are is the simulator's business.

    Examples
    --------
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
    clock = _Clock(seconds, effort, stop)
    rules = RosterRules.of_playbook(on=_first_day(requirement)) if rules is None else rules
    problem = _read_problem(requirement, agents, shifts, rules, duties, leave, wishes, locked)
    tables: dict[str, Any] = {"requirement": requirement, "agents": agents, "shifts": shifts, "rules": rules}
    tables |= {"duties": duties, "leave": leave, "wishes": wishes}
    plan = _plan(problem, clock=clock, seed=seed, workers=workers, on_progress=_in_yuan(on_progress))
    return _write_roster(problem, plan, seconds=time.monotonic() - begun, inputs=tables)


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
    """Mend a roster after people call in sick, changing as few assignments as possible.

    What lies before ``from_time`` stands; the absent drop out for the rest of that working day. A person who is on
    shift may stay on for one to three hours, one who has not begun may get another shift, one who is off (or on
    call) may be called in. Each change has the price ``change_cny``, so it happens only where it closes a gap.

    Parameters
    ----------
    roster : Roster
    absent : sequence of agent_id
    from_time : Timestamp, tz-aware

    Returns
    -------
    Roster
        Over the same horizon; ``why`` has one row for each person who was changed.
    """
    begun = time.monotonic()
    unknown = sorted(set(absent) - set(roster.inputs["agents"]["agent_id"]))
    if unknown:
        raise ValueError(f"absent names people who are not in the team: {', '.join(map(str, unknown))}")
    given = roster.inputs
    base = _read_problem(**given, locked=None)
    problem = _repair_problem(base, roster.assignments, set(absent), base.calendar.since(pd.Timestamp(from_time)))
    clock = _Clock(seconds, effort, stop)
    plan = _plan(problem, clock=clock, seed=seed, workers=workers, on_progress=_in_yuan(on_progress), staged=False)
    whole = replace(problem, need=base.need)
    return _write_roster(whole, plan, seconds=time.monotonic() - begun, inputs=given)


# --- reading ----------------------------------------------------------------------------------------------------------


def _need_columns(frame: pd.DataFrame, table: str, columns: Iterable[str]) -> None:
    lacking = [column for column in columns if column not in frame.columns]
    if lacking:
        raise ValueError(f"{table} lacks the column(s) {', '.join(lacking)}")


def _each(frame: pd.DataFrame) -> list[Any]:
    """Rows of a frame by column name."""
    return list(frame.itertuples(index=False))


def _rows(table: pd.DataFrame | Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Take a frame or rows; whatever pandas calls missing becomes None."""
    records: list[Any] = table.to_dict("records") if isinstance(table, pd.DataFrame) else [dict(row) for row in table]
    return [
        {str(key): None if value is None or value is pd.NaT or value != value else value for key, value in row.items()}
        for row in records
    ]


def _first_day(requirement: pd.DataFrame) -> dt.date:
    _need_columns(requirement, "requirement", ("start", "queue", "to_roster"))
    if requirement.empty:
        raise ValueError("requirement has no rows: there is nothing to roster")
    if getattr(requirement["start"].dt, "tz", None) is None:
        raise ValueError("requirement.start must carry a time zone")
    return requirement["start"].min().date()


def _read_problem(
    requirement: pd.DataFrame,
    agents: pd.DataFrame,
    shifts: pd.DataFrame,
    rules: RosterRules,
    duties: pd.DataFrame | Sequence[Mapping[str, Any]],
    leave: pd.DataFrame | Sequence[Mapping[str, Any]],
    wishes: pd.DataFrame | Sequence[Mapping[str, Any]],
    locked: pd.DataFrame | None,
) -> _Problem:
    """Check the tables and turn clock times into minutes since the first midnight."""
    _first_day(requirement)
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
    calendar = _Calendar(opens=opens, days=days)
    slots = tuple(calendar.since(start) for start in starts)
    gaps = np.diff(slots)
    step = int(gaps.min()) if len(gaps) else 30
    if (gaps % step).any():
        raise ValueError(f"requirement.start must lie on one grid; its steps are {sorted({*gaps.tolist()})} minutes")
    index_of = {start: index for index, start in enumerate(starts)}
    queues = tuple(dict.fromkeys(requirement["queue"]))
    need = {
        (index_of[row.start], row.queue): math.ceil(row.to_roster - 1e-9)
        for row in _each(requirement)
        if row.to_roster > 0
    }
    people = _read_people(agents, rules, leave, wishes)
    duty_list = _read_duties(duties, calendar, {person.agent_id for person in people})
    options = _shift_options(calendar, shifts, rules, duty_list, step, slots)
    kept, closed = _locked_options(calendar, locked, rules, options, duty_list)
    return _Problem(
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
) -> tuple[_Person, ...]:
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
            _Person(
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
            )
        )
        if rules.seats and people[-1].room not in (None, *rules.seats):
            rooms = ", ".join(sorted(rules.seats))
            raise ValueError(f"agents: room {people[-1].room!r} of {row['agent_id']} is not among {rooms}")
    return tuple(people)


def _read_duties(
    duties: pd.DataFrame | Sequence[Mapping[str, Any]], calendar: _Calendar, known: set[str]
) -> tuple[_Duty, ...]:
    found = []
    for row in _rows(duties):
        spans = [pd.Timestamp(row[end]) for end in ("start", "end")]
        start, end = (each if each.tz else each.tz_localize(calendar.opens.tz) for each in spans)
        if end <= start:
            raise ValueError(f"duties: {row['duty']} must end after it starts")
        if row.get("agent_id") is not None and row["agent_id"] not in known:
            raise ValueError(f"duties: {row['duty']} names {row['agent_id']!r}, who is not in agents")
        span = {"start": calendar.since(start), "end": calendar.since(end)}
        found.append(_Duty(name=str(row["duty"]), kind=row["kind"], agent_id=row.get("agent_id"), **span))
    return tuple(found)


def _shift_options(
    calendar: _Calendar,
    shifts: pd.DataFrame,
    rules: RosterRules,
    duties: Sequence[_Duty],
    step: int,
    slots: Sequence[int],
) -> list[_Option]:
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
            plain = _Option(
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


def _span(calendar: _Calendar, day: dt.date, opens: dt.time, closes: dt.time) -> tuple[int, int]:
    """Minutes of a span of clock times that may cross midnight."""
    next_day = day if closes > opens else day + dt.timedelta(days=1)
    return calendar.minute(day, opens), calendar.minute(next_day, closes)


def _touches_night(calendar: _Calendar, start: int, end: int, rules: RosterRules) -> bool:
    """Whether any minute lies in the night hours (which may cross midnight)."""
    over = 24 * 60 if rules.night_to_h <= rules.night_from_h else 0
    for back in (1, 0, -1):
        day = calendar.stamp(start).date() - dt.timedelta(days=back)
        midnight = calendar.minute(day, dt.time(0))
        opens, closes = midnight + round(rules.night_from_h * 60), midnight + round(rules.night_to_h * 60) + over
        if start < closes and opens < end:
            return True
    return False


def _pauses(
    calendar: _Calendar, day: dt.date, row: Mapping[str, Any], start: int, end: int, step: int, duty: _Duty | None
) -> tuple[_Pause, ...]:
    """Say when the meal and the short breaks of a shift may lie; their windows never overlap.

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
            pauses.append(_Pause("meal", starts, meal_min))
            stretches = [(start, starts[0]), (starts[-1] + meal_min, end)]
    for opens, closes in stretches:
        if break_min and closes - opens >= 120:
            begins = range(opens + 30, closes - 30 - break_min + 1, step)
            starts = tuple(begin for begin in begins if free(begin, break_min))
            if starts:
                pauses.append(_Pause("break", starts, break_min))
    return tuple(pauses)


def _standing(calendar: _Calendar, rows: pd.DataFrame, rules: RosterRules) -> list[_Option]:
    """Turn roster rows into options that keep them as they are, one a person and day."""
    options = []
    days: list[tuple[Any, pd.DataFrame]] = list(rows.groupby(["agent_id", "date"], sort=True))
    for (agent_id, day), group in days:
        pieces = tuple(
            _Segment(calendar.since(row.start), calendar.since(row.end), row.activity, row.queue)
            for row in _each(group.sort_values("start"))
        )
        start, end = pieces[0].start, pieces[-1].end
        options.append(
            _Option(
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
    calendar: _Calendar,
    locked: pd.DataFrame | None,
    rules: RosterRules,
    library: Sequence[_Option],
    duties: Sequence[_Duty],
) -> tuple[list[_Option], frozenset[tuple[str, int]]]:
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


def _repair_problem(base: _Problem, rows: pd.DataFrame, absent: set[str], now: int) -> _Problem:
    """Collect what may still change: the absent go home at ``now``, others keep, stay on, swap or are called in."""
    today = (base.calendar.stamp(now).date() - base.calendar.opens.date()).days
    cohort_of = {person.agent_id: person.cohort for person in base.people}
    options, closed = [], {(agent_id, today) for agent_id in absent}
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
        for more_min in (60, 120, 180) if running else ():
            end = kept.end + more_min
            night = _touches_night(base.calendar, kept.start, end, base.rules)
            longer = replace(kept, end=end, paid_min=kept.paid_min + more_min, night=night, must=True, changes=True)
            if base.lawful(cohort_of[str(kept.only)], longer):
                options.append(longer)
    options += [replace(new, changes=True) for new in base.options if new.day == today and new.start >= now]
    need = {key: heads for key, heads in base.need.items() if base.slots[key[0]] + base.step > now}
    return replace(base, options=tuple(options), need=need, closed=frozenset(closed))


# --- the model --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Built:
    """A model with its variables by what they mean: crew and option; desk, option, pause, start; desk, slot, queue."""

    model: ShiftModel
    crews: tuple[_Crew, ...]
    takes: Mapping[tuple[int, int], int]
    pauses: Mapping[tuple[tuple[str, ...], int, int, int], int]
    quotas: Mapping[tuple[tuple[str, ...], int, str], int]


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """Who takes which option, how many pause when, units of each desk's time on each queue, and what it costs."""

    takes: Mapping[str, list[int]]
    pauses: Mapping[tuple[tuple[str, ...], int, int], list[int]]
    quotas: Mapping[tuple[tuple[str, ...], int, str], int]
    flaws: list[tuple[str, Any, int, int]]
    cost: int
    bound: int
    status: str


def _in_yuan(on_progress: Progress | None) -> Progress | None:
    if on_progress is None:
        return None
    return lambda best, bound, seconds: on_progress(best / _FEN, bound / _FEN, seconds)


def _crews(
    problem: _Problem,
    key: Callable[[_Person, tuple[int, ...]], Hashable],
    *,
    among: Sequence[_Person] | None = None,
) -> tuple[_Crew, ...]:
    """Put people with the same key into one crew, in the order of their first member."""
    people = problem.people if among is None else among
    allowed = {
        person.agent_id: tuple(n for n, option in enumerate(problem.options) if problem.fits(person, option))
        for person in people
    }
    groups: dict[Hashable, list[_Person]] = defaultdict(list)
    for person in people:
        if allowed[person.agent_id]:
            groups[key(person, allowed[person.agent_id])].append(person)
    crews = []
    for members in groups.values():
        room_for: dict[int, int] = defaultdict(int)
        free_on: dict[int, int] = defaultdict(int)
        for person in members:
            for n in allowed[person.agent_id]:
                room_for[n] += 1
            for day in {problem.options[n].day for n in allowed[person.agent_id]}:
                free_on[day] += 1
        crews.append(_Crew(members=tuple(members), room_for=room_for, free_on=free_on))
    return tuple(crews)


def _plan(
    problem: _Problem,
    *,
    clock: _Clock,
    seed: int,
    workers: int,
    on_progress: Progress | None,
    staged: bool = True,
) -> _Plan:
    """Solve: in one go on one day; else cohorts first (the bound), then names for their shifts, then both together."""

    def search(built: _Built, own: _Clock, part: float, **more: Any) -> Answer:
        mine = own.share(part)
        budget: dict[str, Any] = {"seconds": mine.seconds, "effort": mine.effort, "seed": seed, "workers": workers}
        answer = built.model.search(**budget, stop=clock.stop, gap=_GOOD_ENOUGH, **more)
        own.used += answer.effort
        return answer

    def alone(person: _Person, _: tuple[int, ...]) -> Hashable:
        return person.agent_id

    def alike(person: _Person, options: tuple[int, ...]) -> Hashable:
        return person.agent_id if person.wishes or person.on_call else (person.kind, options)

    one_day = len({option.day for option in problem.options}) <= 1
    if one_day or not staged:
        built = _build(problem, _crews(problem, alike if one_day else alone))
        answer = search(built, clock, 1.0, on_progress=on_progress, whole=0.6)
        return _read_plan(problem, built, answer)
    cohorts = _build(problem, _crews(problem, lambda person, _: person.kind), relaxed=True)
    bound, rounded = cohorts.model.relax()
    ideal = search(cohorts, clock, 0.5, hint=rounded, bound=bound, whole=0.0, sweep_only=True)
    named: dict[tuple[str, int], int] = {}
    naming = clock.share(0.4)
    for number, crew in enumerate(cohorts.crews):
        wanted = {n: ideal.chosen[cohorts.takes[number, n]] for n in crew.room_for}
        names = _build(problem, _crews(problem, alone, among=crew.members), wanted=wanted)
        least, start = names.model.relax()
        part = 1 / (len(cohorts.crews) - number)
        answer = search(names, naming, part, hint=start, bound=least, whole=0.4)
        for (each, n), variable in names.takes.items():
            named[names.crews[each].members[0].agent_id, n] = answer.chosen[variable]
    clock.used += naming.used
    whole = _build(problem, _crews(problem, alone))
    hint = {variable: named[whole.crews[each].members[0].agent_id, n] for (each, n), variable in whole.takes.items()}
    hint |= {variable: ideal.chosen[cohorts.pauses[key]] for key, variable in whole.pauses.items()}
    hint |= {variable: ideal.chosen[cohorts.quotas[key]] for key, variable in whole.quotas.items()}
    share = 0.4 if len(whole.takes) <= _SMALL else 0.0
    answer = search(whole, clock, 1.0, hint=hint, bound=bound, on_progress=on_progress, whole=share)
    return _read_plan(problem, whole, answer)


def _build(
    problem: _Problem,
    crews: tuple[_Crew, ...],
    *,
    relaxed: bool = False,
    wanted: Mapping[int, int] | None = None,
) -> _Built:
    """Write the model down. ``relaxed`` leaves wishes out; ``wanted`` asks for heads by option in place of coverage."""
    model = ShiftModel()
    takes = {
        (number, n): model.decide(number, problem.options[n].day, room)
        for number, crew in enumerate(crews)
        for n, room in sorted(crew.room_for.items())
    }
    standing: dict[tuple[str | None, int], list[int]] = defaultdict(list)
    for (_, n), variable in takes.items():
        if problem.options[n].must:
            standing[problem.options[n].only, problem.options[n].day].append(variable)
    for variables in standing.values():
        model.settle(variables)
    for number, crew in enumerate(crews):
        mine = {n: takes[number, n] for n in sorted(crew.room_for)}
        _add_person_rules(model, problem, crew, mine)
        if not relaxed:
            _add_wishes(model, problem, crew, mine)
    if wanted is not None:
        _add_wanted(model, takes, wanted)
        return _Built(model=model, crews=crews, takes=takes, pauses={}, quotas={})
    _add_seats(model, problem, crews, takes)
    _add_duties(model, problem, takes)
    pauses, quotas = _add_desks(model, problem, crews, takes)
    return _Built(model=model, crews=crews, takes=takes, pauses=pauses, quotas=quotas)


def _add_person_rules(
    model: ShiftModel, problem: _Problem, crew: _Crew, takes: Mapping[int, int]
) -> None:
    """One shift a day, rest, days in a row, hours, pay, nights: sums over a crew, exact for a crew of one."""
    rules, options, people = problem.rules, problem.options, len(crew.members)
    who, cohort = crew.members[0].agent_id, crew.members[0].cohort
    by_day: dict[int, list[int]] = defaultdict(list)
    for n in takes:
        by_day[options[n].day].append(n)
    for day, ns in by_day.items():
        model.at_most([takes[n] for n in ns], crew.free_on[day])
        for end in sorted({options[n].end for n in ns}):
            late = [takes[n] for n in ns if options[n].end >= end]
            early = [takes[n] for n in by_day.get(day + 1, ()) if options[n].start < end + rules.rest_min_h * 60]
            if early:
                model.at_most(late + early, people)
    longest = int(rules.consecutive_days_max)
    for day in by_day:
        window = [takes[n] for each in range(day, day + longest + 1) for n in by_day.get(each, ())]
        model.at_most(window, longest * people)
    rate = crew.members[0].cost_cny_h
    standard = round(rules.standard_h_day * 60)
    weeks: dict[tuple[int, int], list[int]] = defaultdict(list)
    months: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for n, variable in takes.items():
        date = problem.calendar.opens.date() + dt.timedelta(days=options[n].day)
        regular = min(options[n].paid_min, standard)
        beyond = options[n].paid_min - regular
        usual = rules.holiday_pay_pct if date in rules.holidays else 100
        model.charge("wages", cohort, [variable], round(rate * regular * usual / 60 / 100 * _FEN))
        extra = max(usual, rules.overtime_pay_pct)
        model.charge("overtime_pay", cohort, [variable], round(rate * beyond * extra / 60 / 100 * _FEN))
        if crew.members[0].on_call:
            model.charge("on_call", who, [variable], round(rules.on_call_cny * _FEN))
        if options[n].changes:
            model.charge("change", who, [variable], round(rules.change_cny * _FEN))
        weeks[date.isocalendar()[:2]].append(n)
        if beyond:
            months[date.year, date.month].append((variable, beyond))
    week = round(rules.standard_h_week * 60)
    for ns in weeks.values():
        regular_of = [min(options[n].paid_min, standard) for n in ns]
        if len({options[n].day for n in ns}) * standard <= week:
            continue
        grain = math.gcd(week, *regular_of)
        rest_day = model.variable(people * (7 * standard - week) // grain)
        works = [takes[n] for n in ns]
        weights = [each // grain for each in regular_of]
        model.bind([*works, rest_day], [*weights, -1], high=people * week // grain)
        price = rate * grain / 60 * (rules.rest_day_pay_pct - 100) / 100
        model.charge("rest_day_pay", cohort, [rest_day], round(price * _FEN))
        date = problem.calendar.opens.date() + dt.timedelta(days=options[ns[-1]].day)
        months[date.year, date.month].append((rest_day, grain))
    for pairs in months.values():
        limit = round(rules.overtime_max_h_month * 60) * people
        model.at_most([variable for variable, _ in pairs], limit, [minutes for _, minutes in pairs])
    nights = [takes[n] for n in takes if options[n].night]
    most = len({options[n].day for n in takes if options[n].night})
    for already in range(1, most):
        beyond_fair = model.variable(people * (most - already))
        model.bind([*nights, beyond_fair], [1] * len(nights) + [-1], high=people * already)
        model.charge("night_unfair", who, [beyond_fair], round(rules.night_unfair_cny * _FEN))


def _add_wishes(model: ShiftModel, problem: _Problem, crew: _Crew, takes: Mapping[int, int]) -> None:
    for person in crew.members:
        for date, wish, weight in person.wishes:
            day = (date - problem.calendar.opens.date()).days
            works = [takes[n] for n in takes if problem.options[n].day == day]
            wished = [takes[n] for n in takes if problem.options[n].day == day and problem.options[n].code == wish]
            price = round(problem.rules.wish_cny * weight * _FEN)
            if wish == "rest":
                model.charge("wish", person.agent_id, works, price)
            elif 0 <= day < len(problem.calendar.days):
                model.charge("wish", person.agent_id, wished, price, lacking=True)


def _add_seats(
    model: ShiftModel,
    problem: _Problem,
    crews: Sequence[_Crew],
    takes: Mapping[tuple[int, int], int],
) -> None:
    """Never more people on shift in a room, or in all, than there are seats."""
    if not problem.rules.seats:
        return
    present: dict[tuple[str | None, int], list[int]] = defaultdict(list)
    for (number, n), variable in takes.items():
        for slot, _ in problem.spans(problem.options[n].start, problem.options[n].end):
            present[None, slot].append(variable)
            if crews[number].members[0].room is not None:
                present[crews[number].members[0].room, slot].append(variable)
    for (room, _), variables in present.items():
        seats = sum(problem.rules.seats.values()) if room is None else problem.rules.seats[room]
        model.at_most(variables, seats)


def _holds_duty(option: _Option, duty: _Duty) -> bool:
    return any((piece.start, piece.end, piece.activity) == (duty.start, duty.end, duty.kind) for piece in option.fixed)


def _add_duties(
    model: ShiftModel, problem: _Problem, takes: Mapping[tuple[int, int], int]
) -> None:
    """One person for each duty, or a named gap."""
    for number, duty in enumerate(problem.duties):
        holders = [
            variable
            for (_, n), variable in takes.items()
            if problem.options[n].duty == number or _holds_duty(problem.options[n], duty)
        ]
        nobody = model.variable()
        model.at_most(holders, 1)
        model.bind([*holders, nobody], low=1)
        hours = (duty.end - duty.start) / 60
        model.charge("duty_uncovered", duty.name, [nobody], round(problem.rules.duty_uncovered_cny_h * hours * _FEN))


def _add_wanted(model: ShiftModel, takes: Mapping[tuple[int, int], int], wanted: Mapping[int, int]) -> None:
    """Ask for so many heads on each option and never more, so that seats and duties stay as they were shared out."""
    groups: dict[int, list[int]] = defaultdict(list)
    for (_, n), variable in takes.items():
        groups[n].append(variable)
    for n, variables in groups.items():
        short = model.variable(wanted[n])
        model.at_most(variables, wanted[n])
        model.bind([*variables, short], low=wanted[n])
        model.charge("wanted", n, [short], 1000 * _FEN)


def _add_desks(
    model: ShiftModel,
    problem: _Problem,
    crews: Sequence[_Crew],
    takes: Mapping[tuple[int, int], int],
) -> tuple[dict[Any, int], dict[Any, int]]:
    """Place pauses and share each desk's time among its queues, so that little is missing anywhere."""
    rules, unit = problem.rules, problem.unit
    whole = problem.step // unit
    asked = {queue for _, queue in problem.need}
    pauses: dict[Any, int] = {}
    quotas: dict[Any, int] = {}
    on_queue: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)
    at_desk: dict[tuple[tuple[str, ...], int], list[tuple[int, int]]] = defaultdict(list)
    seated: dict[tuple[tuple[str, ...], int], list[int]] = defaultdict(list)
    for (number, n), variable in takes.items():
        seated[crews[number].members[0].skills, n].append(variable)
    for (skills, n), variables in seated.items():
        option = problem.options[n]
        for begin, end in _chat_spans(problem, option):
            for slot, units in problem.spans(begin, end):
                at_desk[skills, slot] += [(variable, units) for variable in variables]
        for piece in option.fixed:
            if piece.activity == "chat":
                for slot, units in problem.spans(piece.start, piece.end):
                    on_queue[slot, str(piece.queue)] += [(variable, units) for variable in variables]
        most = model.most(variables)
        for number, pause in enumerate(option.pauses):
            begun = []
            for begin in pause.starts:
                begun.append(model.count(option.day, most))
                pauses[skills, n, number, begin] = begun[-1]
                for slot, units in problem.spans(begin, begin + pause.minutes):
                    at_desk[skills, slot].append((begun[-1], -units))
            model.bind([*begun, *variables], [1] * len(begun) + [-1] * len(variables), low=0, high=0)
    for (skills, slot), pairs in at_desk.items():
        useful = [queue for queue in skills if queue in asked and problem.need.get((slot, queue))]
        if skills[0] in useful and len(useful) == 1:
            on_queue[slot, useful[0]] += pairs
            continue
        shared = []
        for queue in useful:
            most = _padded(problem.need[slot, queue] * whole, rules)
            day = problem.slots[slot] // (24 * 60)
            quota = model.count(day, most)
            quotas[skills, slot, queue] = quota
            shared.append(quota)
            on_queue[slot, queue].append((quota, 1))
            down = skills.index(queue)
            model.charge("second_skill", queue, [quota], round(rules.second_skill_cny_h * down * unit / 60 * _FEN))
        if shared:
            taken, units_of = zip(*pairs, strict=True)
            model.bind([*shared, *taken], [*[1] * len(shared), *(-units for units in units_of)], high=0)
    for (slot, queue), heads in problem.need.items():
        need, padded = heads * whole, _padded(heads * whole, rules)
        short, thin = model.variable(need), model.variable(padded - need)
        supply = [*on_queue[slot, queue], (short, 1), (thin, 1)]
        model.bind(*zip(*supply, strict=True), low=padded)
        model.charge("shortfall", (slot, queue), [short], round(rules.shortfall_cny_h * unit / 60 * _FEN))
        model.charge("thin_cover", queue, [thin], round(rules.thin_cover_cny_h * unit / 60 * _FEN))
    return pauses, quotas


def _padded(units: int, rules: RosterRules) -> int:
    """Need with its cushion: spare heads are worth a little where they are few, so pauses fall into troughs."""
    return units + round(units * rules.cushion_pct / 100)


def _chat_spans(problem: _Problem, option: _Option) -> list[tuple[int, int]]:
    """Minutes of an option that the solver may use for chats: all but what stands and the duty."""
    begin = max(option.start, option.flexible_from)
    if option.duty is None:
        return [(begin, option.end)] if begin < option.end else []
    duty = problem.duties[option.duty]
    return [span for span in ((begin, duty.start), (duty.end, option.end)) if span[0] < span[1]]


# --- writing ----------------------------------------------------------------------------------------------------------


def _read_plan(problem: _Problem, built: _Built, answer: Answer) -> _Plan:
    """Deal the counts of each crew out to its members."""
    takes: dict[str, list[int]] = defaultdict(list)
    for number, crew in enumerate(built.crews):
        free = sorted(crew.members, key=lambda person: str(person.agent_id))
        if len(free) == 1:
            takes[free[0].agent_id] = [n for n in crew.room_for if answer.chosen[built.takes[number, n]]]
            continue
        for n in sorted(crew.room_for):
            for _ in range(answer.chosen[built.takes[number, n]]):
                takes[free.pop(0).agent_id].append(n)
    pauses: dict[tuple[tuple[str, ...], int, int], list[int]] = defaultdict(list)
    for (skills, n, which, begin), variable in sorted(built.pauses.items(), key=lambda item: item[0][3]):
        pauses[skills, n, which] += [begin] * answer.chosen[variable]
    flaws = []
    for charge in built.model.charges:
        amount = charge.amount(answer.chosen)
        if amount:
            flaws.append((charge.rule, charge.where, amount, amount * charge.price))
    return _Plan(
        takes=takes,
        pauses=pauses,
        quotas={key: answer.chosen[variable] for key, variable in built.quotas.items()},
        flaws=flaws,
        cost=answer.cost,
        bound=answer.bound,
        status=answer.status,
    )


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


def _write_roster(problem: _Problem, plan: _Plan, *, seconds: float, inputs: Mapping[str, Any]) -> Roster:
    """Put names to the counts, cut the shifts into segments, count heads again, and list what it costs."""
    cuts = _cut_shifts(problem, plan)
    queue_at = _deal_queues(problem, plan, cuts)
    person_of = {person.agent_id: person for person in problem.people}
    rows = []
    for (agent_id, n), pieces in cuts.items():
        person, option = person_of[agent_id], problem.options[n]
        date = problem.calendar.opens.date() + dt.timedelta(days=option.day)
        for piece in _merge(pieces, queue_at.get((agent_id, n), {}), problem.unit):
            span = problem.calendar.stamp(piece.start), problem.calendar.stamp(piece.end)
            rows.append(
                (agent_id, person.name, person.cohort, piece.queue, option.code, date, *span, piece.activity)
            )
    assignments = pd.DataFrame(rows, columns=ROSTER_COLUMNS)
    for column in ("start", "end"):
        assignments[column] = pd.DatetimeIndex(assignments[column], tz=problem.calendar.opens.tz).as_unit("ns")
    assignments = assignments.sort_values(["start", "agent_id"], kind="stable").reset_index(drop=True)
    return Roster(
        assignments=assignments,
        coverage=_count_heads(problem, assignments),
        why=_why(problem, plan),
        cost_cny=plan.cost / _FEN,
        bound_cny=plan.bound / _FEN,
        seconds=seconds,
        status=plan.status,
        inputs=inputs,
    )


def _cut_shifts(problem: _Problem, plan: _Plan) -> dict[tuple[str, int], list[_Segment]]:
    """Cut each shift at its duty and its pauses; people of a desk take the pauses' starts in turn."""
    skills_of = {person.agent_id: person.skills for person in problem.people}
    left = {key: list(begins) for key, begins in plan.pauses.items()}
    cuts: dict[tuple[str, int], list[_Segment]] = {}
    for agent_id in sorted(plan.takes, key=str):
        for n in plan.takes[agent_id]:
            option = problem.options[n]
            off = list(option.fixed)
            if option.duty is not None:
                duty = problem.duties[option.duty]
                off.append(_Segment(duty.start, duty.end, duty.kind, None))
            for which, pause in enumerate(option.pauses):
                queue = left[skills_of[agent_id], n, which]
                begin = queue.pop(0)
                twice = pause.activity == "break" and 2 * pause.minutes <= problem.step
                if twice and len(queue) % 2 and begin % problem.step == 0:
                    begin += pause.minutes  # two short breaks in one half hour follow each other
                off.append(_Segment(begin, begin + pause.minutes, pause.activity, None))
            pieces, at = [], option.start
            for piece in sorted(off):
                if at < piece.start:
                    pieces.append(_Segment(at, piece.start, "chat", None))
                pieces.append(piece)
                at = piece.end
            if at < option.end:
                pieces.append(_Segment(at, option.end, "chat", None))
            cuts[agent_id, n] = pieces
    return cuts


def _deal_queues(
    problem: _Problem, plan: _Plan, cuts: Mapping[tuple[str, int], Sequence[_Segment]]
) -> dict[tuple[str, int], dict[int, str]]:
    """Give each free unit of chat time a queue within its desk's quotas, moving people as little as possible."""
    skills_of = {person.agent_id: person.skills for person in problem.people}
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
                skills = skills_of[key[0]]
                for queue in [now_on.get(key, "")] if stay else skills:
                    if left.get((skills, slot, queue), 0) > 0:
                        left[skills, slot, queue] -= 1
                        now_on[key] = queue_at[key][minute] = queue
                        break
                else:
                    unplaced.append(key)
            waiting = unplaced
        for key in waiting:
            shared = any((skills_of[key[0]], slot, queue) in plan.quotas for queue in skills_of[key[0]])
            queue_at[key][minute] = now_on.get(key, skills_of[key[0]][0]) if shared else skills_of[key[0]][0]
    return queue_at


def _merge(pieces: Iterable[_Segment], queue_at: Mapping[int, str], unit: int) -> list[_Segment]:
    """Join neighbouring units of the same activity and queue."""
    fine = []
    for piece in pieces:
        if piece.activity == "chat" and piece.queue is None:
            minutes = range(piece.start, piece.end, unit)
            fine += [_Segment(minute, minute + unit, "chat", queue_at[minute]) for minute in minutes]
        else:
            fine.append(piece)
    merged: list[_Segment] = []
    for piece in fine:
        if merged and merged[-1].end == piece.start and merged[-1][2:] == piece[2:]:
            merged[-1] = merged[-1]._replace(end=piece.end)
        else:
            merged.append(piece)
    return merged


def _count_heads(problem: _Problem, assignments: pd.DataFrame) -> pd.DataFrame:
    """Mean heads on chat in each interval and queue that asks for any."""
    minutes: dict[tuple[int, str], int] = defaultdict(int)
    for row in _each(assignments[assignments["activity"] == "chat"]):
        span = problem.calendar.since(row.start), problem.calendar.since(row.end)
        for slot, units in problem.spans(*span):
            minutes[slot, row.queue] += units * problem.unit
    rows = [
        (problem.starts[slot], queue, problem.need.get((slot, queue), 0), minutes[slot, queue] / problem.step)
        for slot in range(len(problem.slots))
        for queue in problem.queues
    ]
    coverage = pd.DataFrame(rows, columns=["start", "queue", "required", "rostered"])
    coverage["shortfall"] = (coverage["required"] - coverage["rostered"]).clip(lower=0.0)
    return coverage


def _why(problem: _Problem, plan: _Plan) -> pd.DataFrame:
    """List each rule that cost something, where, how much of it, at what penalty; and who could not be used."""
    sums: dict[tuple[str, Any], list[int]] = defaultdict(lambda: [0, 0])
    for rule, where, amount, fen in plan.flaws:
        if rule == "shortfall":
            slot, queue = where
            where = f"{queue} {problem.starts[slot]:%Y-%m-%d %H:%M}"
        sums[rule, where][0] += amount
        sums[rule, where][1] += fen
    hour = 60 / problem.unit
    rows = [
        (rule, where, amount / hour if _UNITS[rule] == "h" else amount, _UNITS[rule], fen / _FEN)
        for (rule, where), (amount, fen) in sums.items()
    ]
    rows += [("not_fit", person.agent_id, 1, "people", 0.0) for person in problem.people if not person.fit]
    able = {queue for person in problem.people if person.fit for queue in person.skills}
    lost = sorted({queue for _, queue in problem.need} - able)
    rows += [("nobody_can", queue, 1, "queues", 0.0) for queue in lost]
    why = pd.DataFrame(rows, columns=["rule", "where", "amount", "unit", "penalty_cny"])
    return why.sort_values(["penalty_cny", "rule", "where"], ascending=[False, True, True]).reset_index(drop=True)


def _explain(roster: Roster, lang: Lang) -> list[str]:
    """Turn coverage and ``why`` into sentences, the dearest first."""
    lines = [
        say(
            "roster.summary",
            lang,
            status=say(f"roster.status_{roster.status}", lang),
            cost=f"{roster.cost_cny:,.0f}",
            gap=f"{roster.gap:.1%}",
        )
    ]
    short = roster.coverage[roster.coverage["shortfall"] > 0]
    if short.empty:
        lines.append(say("roster.covered", lang))
    for queue, rows in short.groupby("queue", sort=False):
        worst = rows.sort_values("shortfall", kind="stable").iloc[-1]
        lines.append(
            say(
                "roster.short",
                lang,
                queue=term(str(queue), lang),
                n=len(rows),
                at=f"{worst['start']:%m-%d %H:%M}",
                heads=f"{worst['shortfall']:g}",
                required=worst["required"],
            )
        )
    why = roster.why
    for row in _each(why[why["rule"] == "nobody_can"]):
        lines.append(say("roster.nobody_can", lang, queue=term(row.where, lang)))
    unfit = why.loc[why["rule"] == "not_fit", "where"]
    if len(unfit):
        mark = roster.inputs["rules"].exam_pass_mark
        lines.append(say("roster.not_fit", lang, n=len(unfit), people=", ".join(map(str, unfit)), mark=f"{mark:g}"))
    for rule in ("duty_uncovered", "on_call", "change", "wish"):
        rows = why[why["rule"] == rule]
        if len(rows):
            lines.append(say(f"roster.{rule}", lang, n=len(rows), where=", ".join(map(str, rows["where"]))))
    paid = why[why["rule"].isin(["overtime_pay", "rest_day_pay"])]
    if len(paid):
        lines.append(say("roster.overtime", lang, cost=f"{paid['penalty_cny'].sum():,.0f}"))
    return lines
