"""What a night is judged by: one function, at the grain of each target, for the report, the live page and the summary.

The platform's rate is judged as the platform counts it. Lost buyers and the service level are judged in every half hour
and queue in service hours, because a mean over the night hides the one half hour in which the floor breaks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from simlib.intervals import HALF_HOUR_S, Grid
from simlib.kpis import BETTER
from simlib.messages import Message, Noun

BY_CELL = {"lost_share": "cell_lost", "service_level": "cell_late"}
CONFIDENCE = 0.95
WITHOUT_DATES_MIN = 12 * 60  # a longer stretch is written with its days
STEEPER = 1.25  # times as far from the target: worth naming beside the half hour that most buyers suffer in (ours)
ROUNDING = 1e-9  # of a share: a mean of numbers that all meet a target meets it


@dataclass(frozen=True, kw_only=True)
class Weakness:
    """Where one target is missed by most buyers, and the stretch of half hours around it that miss the target too.

    Attributes
    ----------
    kpi : str
        ``lost_share`` or ``service_level``.
    queue : str
    start : Timestamp
        The half hour with most buyers beyond what the target allows.
    share, limit : float
        The KPI in that half hour, and its target.
    begins, ends : Timestamp
        The stretch.
    buyers : float
        Buyers lost in the stretch, or answered late in it, on average over the nights.
    lost_cny : float
        Sales lost to slow replies in the stretch, this queue alone.
    steepest : (Timestamp, str, float), optional
        Half hour, queue and share of where the share is worst, if that is clearly elsewhere: few buyers may come then.
    """

    kpi: str
    queue: str
    start: pd.Timestamp
    share: float
    limit: float
    begins: pd.Timestamp
    ends: pd.Timestamp
    buyers: float
    lost_cny: float
    steepest: tuple[pd.Timestamp, str, float] | None = None

    @property
    def minutes(self) -> int:
        """Length of the stretch."""
        return round(float((self.ends - self.begins).total_seconds()) / 60)

    @property
    def message(self) -> Message:
        """The weakness in words: which half hour, how bad, for how long, how many buyers, how much money."""
        money = "_cny" if self.lost_cny >= 0.5 else ""
        alone = "_alone" if 60 * self.minutes <= HALF_HOUR_S else ""
        clock = "%H:%M" if self.minutes <= WITHOUT_DATES_MIN else "%m-%d %H:%M"
        also: Message | str = ""
        if self.steepest is not None:
            at, queue, share = self.steepest
            also = Message("plan.weak_steepest", queue=Noun(queue), clock=f"{at:%H:%M}", share=f"{100 * share:.1f}")
        return Message(
            f"plan.weak_{self.kpi}{money}{alone}",
            queue=Noun(self.queue),
            clock=f"{self.start:%H:%M}",
            share=f"{100 * self.share:.1f}",
            limit=f"{100 * self.limit:.3g}",
            begins=f"{self.begins:{clock}}",
            ends=f"{self.ends:{clock}}",
            minutes=self.minutes,
            count=round(self.buyers),
            lost=f"{self.lost_cny:,.0f}",
            also=also,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Judgement:
    """How nights do against their targets.

    Parameters
    ----------
    grid : Grid
        The half hours.
    queues : tuple of str
        In the order of the cells.
    targets : mapping of str to float
        What must be reached, by KPI: at most where less is better, else at least.
    open_hours : bool array, one per half hour
        In service hours.
    nights : mapping of str to array [nights, intervals, queues]
        The counts of :func:`simlib.kpis.by_cell`.
    rates : mapping of str to array [nights]
        The platform's rates of each night.
    """

    grid: Grid
    queues: tuple[str, ...]
    targets: Mapping[str, float]
    open_hours: np.ndarray = field(repr=False)
    nights: Mapping[str, np.ndarray] = field(repr=False)
    rates: Mapping[str, np.ndarray] = field(repr=False)

    @cached_property
    def mean(self) -> dict[str, np.ndarray]:
        """The counts of the mean night, by key: [intervals, queues]."""
        return {key: counts.mean(axis=0) for key, counts in self.nights.items()}

    def share(self, kpi: str) -> np.ndarray:
        """Return a KPI of each cell over all nights together, nan where nobody came: [intervals, queues]."""
        bad, people = self.mean[BY_CELL[kpi]], self.mean["cell_human"]
        part = np.divide(bad, people, out=np.full(people.shape, np.nan), where=people > 0)
        return np.asarray(part if BETTER[kpi] == "lower" else 1.0 - part)

    def beyond(self, kpi: str) -> np.ndarray:
        """Return the buyers beyond what the target allows, night by night; below 0 within it: [nights, ...]."""
        allowed = self.targets[kpi] if BETTER[kpi] == "lower" else 1.0 - self.targets[kpi]
        return self.nights[BY_CELL[kpi]] - allowed * self.nights["cell_human"]

    @cached_property
    def misses(self) -> dict[str, np.ndarray]:
        """Which cells in service hours clearly miss each target: bool [intervals, queues]."""
        return {
            kpi: exceeds_clearly(self.beyond(kpi)) & self.open_hours[:, None] for kpi in BY_CELL if kpi in self.targets
        }

    @cached_property
    def met(self) -> dict[str, bool]:
        """Return for each target whether it is met, in the order of the targets.

        A target is missed where the mean over the service hours of all nights misses it, or where some half hour of a
        queue clearly does; the platform's rate, where the mean over the nights does.
        """
        found = {}
        for kpi, target in self.targets.items():
            if kpi in BY_CELL or kpi in self.rates:
                mean = self.mean_share(kpi)
                short = target - mean if BETTER[kpi] == "higher" else mean - target
                found[kpi] = not (short > ROUNDING or (kpi in BY_CELL and bool(self.misses[kpi].any())))
        return found

    @property
    def missed(self) -> list[str]:
        """The targets that are missed, by key of the glossary."""
        return [kpi for kpi, met in self.met.items() if not met]

    @property
    def holds(self) -> bool:
        """True if every target is met."""
        return not self.missed

    def mean_share(self, kpi: str) -> float:
        """Return the mean over the nights of a KPI in service hours, or of the platform's rate; nan for none."""
        if kpi not in BY_CELL:
            seen = self.rates[kpi][~np.isnan(self.rates[kpi])]
            return float(seen.mean()) if seen.size else math.nan
        bad, people = (self.nights[key][:, self.open_hours].sum(axis=(1, 2)) for key in (BY_CELL[kpi], "cell_human"))
        part = float((bad[people > 0] / people[people > 0]).mean()) if (people > 0).any() else math.nan
        return part if BETTER[kpi] == "lower" else 1.0 - part

    @cached_property
    def closed_contacts(self) -> float:
        """Buyers for people who come outside service hours, in the mean night."""
        return float(self.mean["cell_human"][~self.open_hours].sum())

    def weakness(self, kpi: str) -> Weakness | None:
        """Return the worst half hour of a target that some half hour misses; None where none does."""
        misses = self.misses.get(kpi)
        if misses is None or not misses.any():
            return None
        beyond = np.where(misses, self.beyond(kpi).mean(axis=0), -math.inf)
        row, column = np.unravel_index(int(beyond.argmax()), beyond.shape)
        first = last = int(row)
        while first > 0 and misses[first - 1, column]:
            first -= 1
        while last + 1 < len(misses) and misses[last + 1, column]:
            last += 1
        edges = self.grid.times(self.grid.edges_s)
        stretch = slice(first, last + 1)
        return Weakness(
            kpi=kpi,
            queue=self.queues[int(column)],
            start=edges[int(row)],
            share=float(self.share(kpi)[row, column]),
            limit=float(self.targets[kpi]),
            begins=edges[first],
            ends=edges[last + 1],
            buyers=float(self.mean[BY_CELL[kpi]][stretch, column].sum()),
            lost_cny=float(self.mean["cell_lost_cny"][stretch, column].sum()),
            steepest=self._steepest(kpi, row=int(row), column=int(column)),
        )

    def _steepest(self, kpi: str, *, row: int, column: int) -> tuple[pd.Timestamp, str, float] | None:
        """Return where the share itself is worst, unless that is the given cell or hardly worse than it."""
        far = np.abs(self.share(kpi) - self.targets[kpi])
        at = np.unravel_index(int(np.where(self.misses[kpi], far, -math.inf).argmax()), far.shape)
        if far[at] <= STEEPER * far[row, column]:
            return None
        return self.grid.times(self.grid.edges_s)[int(at[0])], self.queues[int(at[1])], float(self.share(kpi)[at])

    @property
    def messages(self) -> list[Message]:
        """The weaknesses in words; what a queue loses in a stretch is given once, however many targets it misses."""
        priced: set[tuple[str, pd.Timestamp, pd.Timestamp]] = set()
        found = []
        for each in self.weaknesses:
            stretch = (each.queue, each.begins, each.ends)
            found.append((replace(each, lost_cny=0.0) if stretch in priced else each).message)
            priced.add(stretch)
        return found

    @cached_property
    def weaknesses(self) -> tuple[Weakness, ...]:
        """The worst half hour of each target that some half hour misses."""
        return tuple(found for kpi in BY_CELL if (found := self.weakness(kpi)) is not None)


def exceeds_clearly(values: np.ndarray) -> np.ndarray:
    """Return where the mean over the nights (first axis) is above 0 by more than its 95 % band.

    One night has no band: its value alone decides.

    Examples
    --------
    >>> exceeds_clearly(np.array([[1.0, 1.0], [2.0, -1.0], [1.5, 1.0]])).tolist()
    [True, False]
    """
    mean = values.mean(axis=0)
    if len(values) < 2:
        return np.asarray(mean > 0)
    from scipy import special

    unit = float(special.stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2)) / math.sqrt(len(values))
    return np.asarray(mean > unit * values.std(axis=0, ddof=1))


def judge_nights(
    nights: Mapping[str, np.ndarray] | Sequence[Mapping[str, object]],
    *,
    grid: Grid,
    queues: Sequence[str],
    targets: Mapping[str, float],
    open_hours: np.ndarray | None = None,
) -> Judgement:
    """Judge nights against their targets.

    Parameters
    ----------
    nights : mapping of str to array, or sequence of mappings
        By measure, one entry per night along the first axis (``Replications.figures``); or one mapping per night. At
        least the counts of :func:`simlib.kpis.by_cell` and the platform's rates that the targets name.
    grid : Grid
        The half hours of the counts.
    queues : sequence of str
        Their queues.
    targets : mapping of str to float
        By KPI; those that are neither judged by cell nor measured are left out.
    open_hours : bool array, optional
        Which half hours are in service hours; left out, all.
    """
    if not isinstance(nights, Mapping):
        rows = list(nights)
        nights = {key: np.array([row[key] for row in rows]) for key in (rows[0] if rows else {})}
    return Judgement(
        grid=grid,
        queues=tuple(queues),
        targets=targets,
        open_hours=np.ones(grid.n, dtype=bool) if open_hours is None else open_hours,
        nights={key: np.asarray(nights[key], dtype=float) for key in nights if key.startswith("cell_")},
        rates={key: np.asarray(nights[key], dtype=float) for key in targets if key not in BY_CELL and key in nights},
    )
