"""The machine: a linear model of who works what on which day, and the search for its cheapest answer.

Every flaw has a price and a name (:meth:`ShiftModel.charge`), so a legal answer always exists and says what it lacks.
The machine knows nothing of stores; the public scheduling instances are solved with it as well.
"""

from __future__ import annotations

import itertools
import math
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from ortools.sat.python import cp_model

_FIRST_ANSWER_S = 120.0  # some answer is worth this, whatever the time that was given
_WINDOW = 0.1  # units of solver time for one neighbourhood
_PORTFOLIO = 8  # strategies of the solver that race on the whole model, however few the cores: they help each other
_COUNTS_ENOUGH = 0.01  # a gap at which the counts of a day are left to what opens everybody's decisions too
_PATIENCE = 40  # rounds of neighbourhoods without anything better, after which the whole is looked at again
_SECOND_LOOK = 0.15  # of the time left, for the whole model from where the neighbourhoods got stuck
_DAY_WINDOW = 5.0  # and for a whole day of everybody

Progress = Callable[[float, float, float], None]
Stop = Callable[[], bool]


class Charge(NamedTuple):
    """One named flaw or cost at ``price`` each: the sum of the variables or, where ``lacking``, what it lacks of 1."""

    rule: str
    where: Any
    variables: tuple[int, ...]
    price: int
    lacking: bool

    def amount(self, values: Sequence[int]) -> int:
        """Return how much of it an answer has."""
        found = sum(values[variable] for variable in self.variables)
        return 1 - found if self.lacking else found


class _Row(NamedTuple):
    """``low <= sum(weights x variables) <= high``."""

    variables: tuple[int, ...]
    weights: tuple[int, ...]
    low: int
    high: int


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What a search found: the value of each variable, its cost, the proven bound, and the effort it took."""

    chosen: Sequence[int]
    cost: int
    bound: int
    status: Literal["optimal", "feasible"]
    seconds: float
    effort: float


class Clock:
    """Effort that is left, in seconds or, repeatably, in units of solver effort."""

    def __init__(self, seconds: float, effort: float | None, stop: Stop | None) -> None:
        self.begun, self.seconds, self.effort, self.stop = time.monotonic(), seconds, effort, stop
        self.used = 0.0

    @property
    def elapsed_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.begun

    @property
    def left(self) -> float:
        """Seconds or effort that may still be spent."""
        return self.seconds - self.elapsed_s if self.effort is None else self.effort - self.used

    @property
    def over(self) -> bool:
        """Return whether time is up, or a stop was asked for."""
        return self.left <= 0 or (self.stop is not None and self.stop())

    def share(self, part: float) -> Clock:
        """Hand a part of what is left to one stage."""
        left = max(0.0, self.left)
        return Clock(left * part, None if self.effort is None else left * part, self.stop)


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

    def charge(self, rule: str, where: Any, variables: Iterable[int], price: int, *, lacking: bool = False) -> None:
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
        """Declare that one of the variables is taken in any case: a day that stands. Call it before the limits."""
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

    def cover(self, heads: Sequence[int], need: int, *, rule: str, where: Any, under: int, over: int = 0) -> None:
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
        whole: float = 0.3,
        sweep_only: bool = False,
    ) -> SearchResult:
        """Search for the cheapest answer: first the whole model, then neighbourhoods of the best one found.

        Parameters
        ----------
        seconds, effort : float
            How long. ``effort`` (units of solver time, a few seconds of one core) takes the place of ``seconds``
            and makes the answer a function of the model, the seed and the number of workers alone.
        hint : mapping of variable to value, optional
            Where to begin. Decisions that it names stand until a neighbourhood opens them; the rest is filled in.
            A hint that no answer agrees with is dropped.
        bound : int, optional
            A cost below which there is known to be nothing; left out, what the relaxation proves.
        on_progress : callable (best, bound, seconds), optional
        stop : callable returning bool, optional
            Asked about five times a second; true ends the search with the best so far.
        gap : float
            Share of the cost that is not worth the time it takes to save.
        whole : float
            Share of the time for the whole model before the neighbourhoods begin; it alone can raise the bound, and
            is looked at again where they get stuck. 0 goes straight to the neighbourhoods of a hint that holds.
        sweep_only : bool
            Stop when each day of a hint has been improved once.

        Raises
        ------
        RuntimeError
            No answer exists, or none is found in two minutes beyond the time given.
        """
        clock = Clock(seconds, effort, stop)
        if bound is None:
            bound = self._lower_bound() if whole > 0 else -_FAR
        floor = bound
        values: list[int] | None = None

        def report(cost: float, proven: float) -> None:
            if on_progress is not None:
                on_progress(cost, max(proven, floor), clock.elapsed_s)

        if hint:
            values = self._complete(hint, clock, seed=seed, workers=workers)
        if values is None or whole > 0:
            stage = clock.share(whole)
            values, floor = self._begin(values, floor, clock, stage, seed=seed, workers=workers, gap=gap, report=report)
        else:
            report(self._cost(values), floor)
        for turn in itertools.count():
            if clock.over or _close(self._cost(values), floor, gap) or (turn and sweep_only):
                break
            if turn and whole > 0:
                values, floor = self._begin(
                    values,
                    floor,
                    clock,
                    clock.share(_SECOND_LOOK),
                    seed=seed + turn,
                    workers=workers,
                    gap=gap,
                    report=report,
                    anew=turn % 2 == 1,
                )
            values, floor = self._improve(
                values,
                floor,
                clock,
                seed=seed + turn,
                workers=workers,
                gap=gap,
                report=report,
                sweep=turn == 0 and bool(hint),
                more=not sweep_only,
            )
        cost = self._cost(values)
        return SearchResult(
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

    def _lower_bound(self) -> int:
        """Use what the relaxation proves; an answer is worth having without it, too."""
        try:
            return self.relax()[0]
        except RuntimeError:
            return -_FAR

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
        clock: Clock,
        stage: Clock,
        *,
        seed: int,
        workers: int,
        gap: float,
        report: Callable[[float, float], None],
        anew: bool = False,
    ) -> tuple[list[int], int]:
        """Solve the whole model within the stage; without any answer yet, wait for a first one."""
        whole = self._cut(range(len(self._high)), values, anew=anew)
        always = self._prices[1]
        patient = Clock(_FIRST_ANSWER_S, None if clock.effort is None else _FIRST_ANSWER_S, None)
        for own in (stage, patient):
            solver, status = _run(
                whole.model,
                own,
                seed=seed,
                workers=workers,
                gap=gap,
                counts=bool(self._shared),
                report=lambda best, proven: report(best + always, proven + always),
                first_only=own is patient,
            )
            clock.used += own.used
            if status != cp_model.UNKNOWN or values is not None:
                break
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            floor = max(floor, math.ceil(solver.best_objective_bound - 1e-6) + always)
            found = list(solver.response_proto.solution)
            return (found if values is None or self._cost(found) <= self._cost(values) else values), floor
        if values is None:
            raise RuntimeError(f"no answer found: {solver.status_name(status)}")
        return values, floor

    def _complete(self, hint: Mapping[int, int], clock: Clock, *, seed: int, workers: int) -> list[int] | None:
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
        clock: Clock,
        *,
        seed: int,
        workers: int,
        gap: float,
        report: Callable[[float, float], None],
        sweep: bool,
        more: bool,
    ) -> tuple[list[int], int]:
        """Free some people on some days, solve that piece, keep what is not worse; sizes adapt to what is solved.

        ``sweep`` goes twice through the days, first with the shared counts alone, which is cheap, then with
        everybody's decisions; after it, if there is to be ``more``, chance chooses. Pieces that were solved side by
        side are both kept where they agree; a day that loses its turn so has another.
        """
        whos = sorted({who for who, _ in self._decisions}, key=str)
        days = sorted({day for _, day in self._decisions})
        size = {"people": 0.25, "days": 0.25, "box": 0.35}
        chance, values, cost = random.Random(seed), list(values), self._cost(values)

        windows: list[set[tuple[Hashable, int]]] = [{(who, day) for who in whos} for day in days if sweep]
        tables: list[set[tuple[Hashable, int]]] = [{(None, day)} for day in days if sweep and self._shared]

        everything = {(who, day) for who in whos for day in days}
        always = self._prices[1]

        def search_window(
            part: _Part, own_seed: int, most: float, enough: float
        ) -> tuple[list[int] | None, bool, float, float]:
            own = clock.share(1.0)
            solver, status = _run(
                part.model, own, seed=own_seed, workers=1, gap=enough, counts=bool(self._shared), most=most
            )
            found = list(solver.response_proto.solution) if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else None
            return found, status == cp_model.OPTIMAL, solver.best_objective_bound, own.used

        idle = 0
        with ThreadPoolExecutor(workers) as pool:
            while (tables or windows or more) and idle < _PATIENCE and not clock.over and not _close(cost, floor, gap):
                kinds = [chance.choice(sorted(size)) for _ in range(workers)]
                swept = bool(tables or windows)
                sweeps, enough = (tables, max(gap, _COUNTS_ENOUGH)) if tables else (windows, gap)
                idle += 1
                if swept:  # no day spends on its last thousandths what the days after it need
                    most, anew = min(_DAY_WINDOW, clock.left / (len(tables) + len(windows)) / workers), False
                    picked = _side_by_side(sweeps, workers)
                else:
                    most, anew = _WINDOW, chance.random() < 0.5
                    nears = self._troubles(values, chance, workers)
                    pairs = zip(kinds, nears, strict=True)
                    picked = [_pick(kind, size[kind], whos, days, near, chance) for kind, near in pairs]
                parts = [self._cut(self._inside(window), values, anew=anew) for window in picked]
                jobs = [pool.submit(search_window, part, chance.randrange(1 << 30), most, enough) for part in parts]
                answers: list[tuple[dict[int, int], set[tuple[Hashable, int]], _Part]] = []
                for kind, window, part, job in zip(kinds, picked, parts, jobs, strict=False):
                    found, proven, bound, used = job.result()
                    clock.used += used
                    size[kind] = min(1.0, size[kind] * 1.05) if proven else max(0.02, size[kind] * 0.93)
                    if found is None:
                        continue
                    answers.append((dict(zip(part.variables, found, strict=True)), window, part))
                    if window == everything:  # the neighbourhood has grown to the whole: what it proves holds
                        floor = max(floor, min(cost, math.ceil(bound - 1e-6) + always))
                before = values
                answers.sort(key=lambda answer: self._cost(_put_in(before, answer[0])))  # the best stands first
                for changed, window, part in answers:
                    fresh = _put_in(values, changed)
                    its_cost = self._cost(fresh)
                    if fresh != values and its_cost <= cost:
                        if self._holds(part.rows, fresh):
                            if its_cost < cost:
                                report(its_cost, floor)
                                idle = 0
                            values, cost = fresh, its_cost
                        elif swept:
                            sweeps.append(window)
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
    clock: Clock,
    *,
    seed: int,
    workers: int,
    gap: float,
    counts: bool,
    report: Callable[[float, float], None] | None = None,
    most: float = math.inf,
    first_only: bool = False,
) -> tuple[cp_model.CpSolver, cp_model.CpSolverStatus]:
    """Solve once within the clock; a second thread asks ``stop`` while the solver thinks."""
    solver = cp_model.CpSolver()
    solver.parameters.random_seed = seed
    solver.parameters.catch_sigint_signal = False  # an interrupt is for who called, and may end more than this solve
    racing = workers > 1 and clock.effort is None  # who races has no need of being repeatable
    if first_only and not racing:
        workers = 1  # OR-tools 9.15 aborts where interleaved workers stop at a hint: no round has shared it yet
    solver.parameters.num_workers = max(workers, _PORTFOLIO) if racing else workers
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
        status = solver.solve(model, _Reporter(report) if report else None)
    finally:
        done.set()
    clock.used += solver.response_proto.deterministic_time
    return solver, status


class _Reporter(cp_model.CpSolverSolutionCallback):
    def __init__(self, report: Callable[[float, float], None]) -> None:
        super().__init__()
        self._report = report

    def on_solution_callback(self) -> None:
        self._report(self.objective_value, self.best_objective_bound)


def _put_in(values: Sequence[int], changed: Mapping[int, int]) -> list[int]:
    return [changed.get(variable, value) for variable, value in enumerate(values)]


def _side_by_side(sweeps: list[set[tuple[Hashable, int]]], workers: int) -> list[set[tuple[Hashable, int]]]:
    """Take days off a sweep that do not touch each other; workers that are left try the first one with another seed."""
    picked = [sweeps.pop(0)]
    while len(picked) < workers:
        taken = {day for window in picked for _, day in window}
        apart = [
            number
            for number, window in enumerate(sweeps)
            if all(abs(day - other) > 1 for _, day in window for other in taken)
        ]
        picked.append(sweeps.pop(apart[0]) if apart else picked[0])
    return picked


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
