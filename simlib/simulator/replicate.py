"""Many nights side by side: replications on all cores, their bands, and fair comparisons of variants.

Replication r of a seed is always the same night on every machine: results hang neither on the number of workers nor
on who finishes first. Variants meet the same buyers in every replication, so their *differences* have narrow bands
where the nights themselves vary a lot.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from simlib.intervals import Grid
from simlib.kpis import (
    BETTER,
    ConversionCurve,
    NightLog,
    PlatformRate,
    PlatformScore,
    by_cell,
    by_interval,
    summarise,
    tally_scores,
)
from simlib.simulator import count_cores, run_arrays
from simlib.simulator.inputs import Agents, Contacts, Disruptions, Policy
from simlib.simulator.outcome import Outcome, Result, frame_agents, frame_contacts, frame_trace

Figures = Mapping[str, Any]
Measure = Callable[[Contacts, Agents, Result], Figures]


class Draw(Protocol):
    """Draws the buyers of one night; ``Demand.draw`` does."""

    def __call__(self, *, seed: int, replication: int) -> Contacts:
        """Draw the night ``replication`` of ``seed``."""


class Attend(Protocol):
    """Draws who of the rostered is there in one night, and when; :meth:`simlib.night.Shrinkage.attend` does."""

    def __call__(self, agents: Agents, *, seed: int, replication: int) -> Agents:
        """Return the agents of the night ``replication`` of ``seed``."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Variant:
    """One version of the night: who comes, who serves, how the floor is run, what goes wrong.

    ``attend`` draws who of the agents is there, night by night; left out, everybody is, for the whole shift. Variants
    with the very same ``draw``, or the very same ``agents`` and ``attend``, share what is drawn, once. ``engine`` is
    ``compiled`` or ``simpy``; the figures are the same.
    """

    draw: Draw
    agents: Agents
    policy: Policy = field(default_factory=Policy)
    disruptions: Disruptions = field(default_factory=Disruptions)
    engine: str = "compiled"
    attend: Attend | None = None

    def of_night(self, *, seed: int, replication: int) -> Variant:
        """Return this version with the agents who are there in one night."""
        if self.attend is None:
            return self
        return replace(self, agents=self.attend(self.agents, seed=seed, replication=replication), attend=None)


@dataclass(frozen=True, kw_only=True, eq=False)
class Replications:
    """What was measured night by night.

    Parameters
    ----------
    numbers : int array
        The replications that were run, ascending.
    figures : mapping of str to array
        By measure: one entry a replication along the first axis.
    complete : bool
        False if it was stopped before the wanted precision or number was reached.

    Examples
    --------
    >>> nights = Replications(numbers=np.arange(4), figures={"lost": np.array([2.0, 4.0, 3.0, 3.0])})
    >>> nights.bands().round(3).to_dict("index")
    {'lost': {'mean': 3.0, 'low': 1.701, 'high': 4.299, 'half_width': 1.299, 'p05': 2.15, 'p95': 3.85}}
    """

    numbers: np.ndarray
    figures: Mapping[str, np.ndarray] = field(repr=False)
    complete: bool = True

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def nights(self) -> pd.DataFrame:
        """One row per replication, one column per measure that is a single number a night."""
        single = {key: values for key, values in self.figures.items() if values.ndim == 1}
        return pd.DataFrame(single, index=pd.Index(self.numbers, name="replication"))

    def bands(self, *, confidence: float = 0.95) -> pd.DataFrame:
        """Return for each single number where its mean lies, and between what it falls from night to night.

        Returns
        -------
        DataFrame
            One row per measure. ``low`` and ``high``: confidence band of the *mean*, by Student's t, ``half_width``
            either way; it narrows as replications grow. ``p05`` and ``p95``: what nine *nights* in ten lie
            between, by percentiles; that does not narrow. Nights without a value (nan) are left out.
        """
        return _bands(self.nights.to_numpy(dtype=float), confidence, index=pd.Index(self.nights.columns))

    def band(self, key: str, *, index: pd.Index | None = None, confidence: float = 0.95) -> pd.DataFrame:
        """Return the same bands for a measure that has many numbers a night, such as one an interval."""
        values = np.asarray(self.figures[key], dtype=float)
        if values.ndim != 2:
            raise ValueError(f"{key!r} is a single number a night; its band is in bands()")
        return _bands(values, confidence, index=pd.RangeIndex(values.shape[1]) if index is None else index)


def _bands(values: np.ndarray, confidence: float, *, index: pd.Index) -> pd.DataFrame:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence!r}")
    columns = ["mean", "low", "high", "half_width", "p05", "p95"]
    rows = []
    for column in values.T:
        seen = column[~np.isnan(column)]
        if not seen.size:
            rows.append([math.nan] * len(columns))
            continue
        mean, half = float(seen.mean()), half_width(seen, confidence=confidence)
        rows.append([mean, mean - half, mean + half, half, *np.percentile(seen, [5, 95])])
    return pd.DataFrame(rows, index=index, columns=columns)


def half_width(values: np.ndarray, *, confidence: float) -> float:
    """Half-width of the confidence band of a mean, by Student's t; inf for fewer than two values.

    >>> round(half_width(np.array([1.0, 2.0, 3.0]), confidence=0.95), 3)
    2.484
    """
    n = len(values)
    if n < 2:
        return math.inf
    from scipy import special

    return float(special.stdtrit(n - 1, (1 + confidence) / 2) * np.std(values, ddof=1) / math.sqrt(n))


@dataclass(frozen=True, kw_only=True, eq=False)
class KpiMeasure:
    """Measure a night by its KPIs: those of :func:`simlib.kpis.summarise`, by interval and by cell if grids are given.

    A figure by interval of ``grid`` stands under its key with ``_by_interval`` behind it; the counts by interval and
    queue of ``cells`` under the keys of :func:`simlib.kpis.by_cell`.
    """

    queues: Sequence[str]
    opens: pd.Timestamp
    threshold_s: float
    rates: Sequence[PlatformRate] = ()
    scores: Sequence[PlatformScore] = ()
    curve: ConversionCurve | None = None
    values_cny: Mapping[str, float] | None = None
    grid: Grid | None = None
    cells: Grid | None = None

    def __call__(self, contacts: Contacts, agents: Agents, result: Result) -> Figures:
        """Measure one night."""
        log = NightLog.of(contacts, agents, result, queues=self.queues, opens=self.opens)
        options: dict[str, Any] = {"threshold_s": self.threshold_s, "rates": self.rates}
        options |= {"curve": self.curve, "values_cny": self.values_cny}
        figures: dict[str, Any] = dict(summarise(log, **options))
        if self.scores:
            figures |= {key: value for key, value in tally_scores(log, self.scores).items() if key not in figures}
        if self.grid is not None:
            frame = by_interval(log, grid=self.grid, **options)
            figures |= {f"{key}_by_interval": column.to_numpy() for key, column in frame.items()}
        if self.cells is not None:
            money: dict[str, Any] = {"curve": self.curve, "values_cny": self.values_cny}
            figures |= by_cell(log, grid=self.cells, queues=self.queues, threshold_s=self.threshold_s, **money)
        return figures


def replicate(
    draw: Draw,
    agents: Agents,
    *,
    measure: Measure,
    seed: int,
    policy: Policy | None = None,
    disruptions: Disruptions | None = None,
    engine: str = "compiled",
    **how: Any,
) -> Replications:
    """Run many nights of one floor, in either engine; :func:`replicate_variants` names the rest of the arguments.

    Examples
    --------
    >>> def draw(*, seed, replication):
    ...     return Contacts(arrival=[0.0, 10.0], handle=[30.0 + replication, 30.0])
    >>> def wait(contacts, agents, result):
    ...     return {"wait_s": float((result.contacts["assigned"] - contacts.arrival).mean())}
    >>> replicate(draw, Agents(shifts=[(0, 0, 600)]), measure=wait, seed=7, replications=3).figures["wait_s"].tolist()
    [10.0, 10.5, 11.0]
    """
    floor: dict[str, Any] = {"policy": policy or Policy(), "disruptions": disruptions or Disruptions()}
    only = Variant(draw=draw, agents=agents, engine=engine, **floor)
    return replicate_variants({"": only}, measure=measure, seed=seed, **how)[""]


def replicate_variants(
    variants: Mapping[str, Variant],
    *,
    measure: Measure,
    seed: int,
    replications: int = 20,
    until: Mapping[str, float] | None = None,
    max_replications: int = 1000,
    confidence: float = 0.95,
    turns: bool = False,
    trace: bool = False,
    workers: int | None = None,
    on_progress: Callable[[int, int], object] | None = None,
    stop: Callable[[], bool] | None = None,
) -> dict[str, Replications]:
    """Run the same nights for several variants, side by side on all cores.

    Parameters
    ----------
    variants : mapping of str to Variant
        By name; the first is what the others are compared with.
    measure : callable
        (contacts, agents, result) -> mapping of str to a number or a one-dimensional array; called from several
        threads at once, so it must not change anything. :class:`KpiMeasure` is one.
    seed : int
        Night r of a seed is always the same.
    replications : int
        How many nights at first; without ``until`` all there are.
    until : mapping of str to float, optional
        Go on until the half-width of each of these measures is at most this: of its mean where there is one
        variant, of its difference from the first variant where there are more. After each round the number that
        is still needed is estimated from the spread so far; at most it doubles.
    max_replications : int
        The limit to that.
    confidence : float
        Of the half-widths.
    turns, trace : bool
        Log every message, or every change on the floor, for measures that need it (platform rates need turns).
    workers : int, optional
        Threads; one a core if left out. The compiled engine and NumPy work outside the interpreter's lock.
    on_progress : callable, optional
        Called with the nights done and planned so far, in the calling thread.
    stop : callable, optional
        Asked again and again; once it returns True, nights under way are finished and what there is comes back. So
        it does after an interrupt from the keyboard, unless not one night is finished.

    Returns
    -------
    dict of str to Replications
        By variant, all with the same replications.
    """
    if not variants:
        raise ValueError("variants must hold at least one")
    if not 1 <= replications <= max_replications:
        raise ValueError(f"replications must lie in 1 to {max_replications}, got {replications!r}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be >= 1, got {workers!r}")
    for key, target in (until or {}).items():
        if not target > 0:
            raise ValueError(f"until[{key!r}] must be a half-width > 0, got {target!r}")
    done: dict[int, dict[str, Figures]] = {}

    def night(replication: int) -> dict[str, Figures]:
        drawn: dict[Draw, Contacts] = {}
        there: dict[tuple[Agents, Attend | None], Agents] = {}
        figures = {}
        for name, variant in variants.items():
            people = variant.agents, variant.attend
            if variant.draw not in drawn:
                drawn[variant.draw] = variant.draw(seed=seed, replication=replication)
            if people not in there:
                there[people] = variant.of_night(seed=seed, replication=replication).agents
            tonight = replace(variant, agents=there[people], attend=None)
            figures[name] = measure_night(drawn[variant.draw], tonight, measure=measure, turns=turns, trace=trace)
        return figures

    planned, stopped = replications, False
    with ThreadPoolExecutor(workers or count_cores()) as pool:
        while not stopped and len(done) < planned:
            futures = {pool.submit(night, number): number for number in range(len(done), planned)}
            stopped = _collect(futures, done, on_progress, stop)
            if not stopped and until:
                planned = min(_nights_needed(done, until, confidence), max_replications)
    numbers = sorted(done)
    complete = not stopped and (not until or _nights_needed(done, until, confidence) <= len(done))
    measured = {name: done[numbers[0]][name] if numbers else {} for name in variants}
    return {
        name: Replications(
            numbers=np.array(numbers, dtype=np.int64),
            figures={key: np.array([done[number][name][key] for number in numbers]) for key in measured[name]},
            complete=complete,
        )
        for name in variants
    }


def measure_night(
    contacts: Contacts, variant: Variant, *, measure: Measure, turns: bool = False, trace: bool = False
) -> Figures:
    """Simulate one night of a variant with buyers already drawn; the rest as in :func:`replicate_variants`.

    The agents are taken as they stand (:meth:`Variant.of_night` draws them). The measure sees frames that are views of
    the engine's arrays, turns that never came about left in.
    """
    how: dict[str, Any] = {"engine": variant.engine, "turns": turns, "trace": trace}
    outcome = run_arrays(contacts, variant.agents, variant.policy, variant.disruptions, **how)
    result = Result(
        contacts=frame_contacts(outcome),
        agents=frame_agents(outcome),
        turns=_frame_all_turns(outcome, contacts) if turns else None,
        trace=frame_trace(outcome) if trace else None,
    )
    return measure(contacts, variant.agents, result)


def _frame_all_turns(outcome: Outcome, contacts: Contacts) -> pd.DataFrame:
    columns = {
        "contact": contacts.turn_contact,
        "turn": contacts.turn_number,
        "sent": outcome.asked,
        "replied": outcome.replied,
        "agent": outcome.replied_by,
    }
    return pd.DataFrame(columns, copy=False)


def _collect(
    futures: Mapping[Future[dict[str, Figures]], int],
    done: dict[int, dict[str, Figures]],
    on_progress: Callable[[int, int], object] | None,
    stop: Callable[[], bool] | None,
) -> bool:
    """Gather nights as they finish; return whether it was stopped."""
    planned = len(done) + len(futures)
    waiting = set(futures)
    stopped = False
    try:
        while waiting:
            finished, waiting = wait(waiting, timeout=0.1, return_when=FIRST_COMPLETED)
            for future in finished:
                if not future.cancelled():
                    done[futures[future]] = future.result()
            if finished and on_progress is not None:
                on_progress(len(done), planned)
            if not stopped and stop is not None and stop():
                stopped = True
                for future in waiting:
                    future.cancel()
    except KeyboardInterrupt:
        if not done:
            raise
        stopped = True
    finally:
        for future in waiting:
            future.cancel()
    return stopped and len(done) < planned


def _nights_needed(done: Mapping[int, Mapping[str, Figures]], until: Mapping[str, float], confidence: float) -> int:
    """Estimate how many nights the wanted half-widths take; what there is if that is enough, else at most twice it."""
    n = len(done)
    needed = n
    numbers = sorted(done)
    first, *others = done[numbers[0]]
    for key, target in until.items():
        start = np.array([done[number][first][key] for number in numbers], dtype=float)
        differences = [
            np.array([done[number][name][key] for number in numbers], dtype=float) - start for name in others
        ]
        for values in differences or [start]:
            half = half_width(values[~np.isnan(values)], confidence=confidence)
            if half > target:
                needed = max(needed, n + 1, math.ceil(min(n * (half / target) ** 2, 2 * n)))
    return needed


def compare(a: Replications, b: Replications, *, confidence: float = 0.95) -> pd.DataFrame:
    """Compare two variants night by night on the same buyers.

    Parameters
    ----------
    a, b : Replications
        Of the same seed; only nights that both have are compared.
    confidence : float
        Of the band of each difference, by Student's t on the nightly differences. Each band stands for itself:
        where many are read at once, some miss.

    Returns
    -------
    DataFrame
        One row per measure that both have as a single number: ``a``, ``b`` (means over the common nights),
        ``difference`` (b - a), ``low``, ``high``, ``half_width``, ``clear`` (the band does not hold 0) and
        ``better``: True or False where it is clear and the KPI has a better side (:data:`simlib.kpis.BETTER`),
        else None.

    Raises
    ------
    ValueError
        The two have no night in common.

    Examples
    --------
    >>> plan = Replications(numbers=np.arange(3), figures={"lost_share": np.array([0.2, 0.4, 0.3])})
    >>> more = Replications(numbers=np.arange(3), figures={"lost_share": np.array([0.1, 0.31, 0.2])})
    >>> compare(plan, more).round(3).to_dict("records")
    [{'a': 0.3, 'b': 0.203, 'difference': -0.097, 'low': -0.111, 'high': -0.082, 'half_width': 0.014,
      'clear': True, 'better': True}]
    """
    common = np.intersect1d(a.numbers, b.numbers)
    if not common.size:
        raise ValueError("a and b have no replication in common")
    left, right = a.nights.loc[common], b.nights.loc[common]
    keys = [key for key in left if key in right]
    rows = []
    for key in keys:
        difference = (right[key] - left[key]).dropna().to_numpy(dtype=float)
        mean = float(difference.mean()) if difference.size else math.nan
        half = half_width(difference, confidence=confidence)
        clear = bool(abs(mean) > half)
        side = BETTER.get(str(key))
        rows.append(
            {
                "a": left[key].mean(),
                "b": right[key].mean(),
                "difference": mean,
                "low": mean - half,
                "high": mean + half,
                "half_width": half,
                "clear": clear,
                "better": (mean > 0) == (side == "higher") if clear and side else None,
            }
        )
    return pd.DataFrame(rows, index=pd.Index(keys, name="kpi")).astype({"better": object})
