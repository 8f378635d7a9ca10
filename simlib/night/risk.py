"""The forecast's own uncertainty, drawn once a night: how many come in all, and how they fall into the night.

A night drawn from a forecast varies around it by chance and by busyness, as if the forecast were right. Here the
forecast itself errs, one draw per night: the total of each queue within its band, all queues to the same side, and the
shape, whose half hours err together the nearer they lie. More contacts only add buyers and fewer only leave some out
(:mod:`simlib.simulator.draw`), so every scenario of a night meets the same error and the same buyers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from simlib.intervals import Grid
from simlib.simulator import Contacts
from simlib.simulator.draw import ChatService, Demand
from simlib.streams import stream

TAIL_Z = 1.6448536269514722  # 5 % of a normal variable lie beyond this on either side
TOGETHER_H = 1.0  # hours over which the errors of the shape are alike: one hour apart they correlate by 1/e (ours)


@dataclass(frozen=True, kw_only=True)
class ForecastRisk:
    """How far a forecast may be off.

    Parameters
    ----------
    total : mapping of queue to (low, high)
        5th and 95th percentile of the night's total over the forecast's total, low <= 1 <= high. A queue that is not
        named is certain.
    shape_cv : float
        Spread (standard deviation over mean) of one half hour's share of the night, >= 0.

    Examples
    --------
    >>> risk = ForecastRisk(total={"presale": (0.5, 2.0)}, shape_cv=0.1)
    >>> totals = [risk.total_factor("presale", seed=7, replication=night) for night in range(400)]
    >>> np.percentile(totals, [5, 50, 95]).round(1).tolist()
    [0.5, 1.0, 2.0]
    """

    total: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    shape_cv: float = 0.0

    def __post_init__(self) -> None:
        for queue, (low, high) in self.total.items():
            if not 0 < low <= 1 <= high < np.inf:
                raise ValueError(f"total[{queue!r}] must be 0 < low <= 1 <= high, got {(low, high)!r}")
        if not self.shape_cv >= 0:
            raise ValueError(f"shape_cv must be >= 0, got {self.shape_cv!r}")

    def total_factor(self, queue: str, *, seed: int, replication: int) -> float:
        """Return what the total of a queue is multiplied by in one night; all queues err to the same side."""
        low, high = self.total.get(queue, (1.0, 1.0))
        error = float(stream(seed, replication, "forecast total").standard_normal())
        return float(np.exp(error / TAIL_Z * np.log(high if error > 0 else 1.0 / low)))

    def shape_factors(self, grid: Grid, *, seed: int, replication: int) -> np.ndarray:
        """Return what each interval is multiplied by in one night, before the total is restored; one per interval."""
        if not self.shape_cv:
            return np.ones(grid.n)
        draws = stream(seed, replication, "forecast shape").standard_normal(grid.n)
        keeps = float(np.exp(-grid.step_s / 3600.0 / TOGETHER_H))
        errors = np.empty(grid.n)
        errors[0] = draws[0]
        for number in range(1, grid.n):
            errors[number] = keeps * errors[number - 1] + np.sqrt(1.0 - keeps**2) * draws[number]
        spread = np.sqrt(np.log1p(self.shape_cv**2))
        return np.asarray(np.exp(spread * errors - spread**2 / 2))

    def factors(self, forecast: pd.DataFrame, *, grid: Grid, seed: int, replication: int) -> np.ndarray:
        """Return what each row of a forecast is multiplied by in one night.

        Rows with an ``origin`` (buyers who come at another time than they would have) err as their origin does.
        """
        starts = forecast["origin"] if "origin" in forecast else forecast["start"]
        place = np.floor(grid.seconds(starts) / grid.step_s).astype(np.int64)
        shape = self.shape_factors(grid, seed=seed, replication=replication)[np.clip(place, 0, grid.n - 1)]
        contacts = forecast["contacts"].to_numpy(dtype=float)
        factors = np.ones(len(forecast))
        for queue in forecast["queue"].unique():
            mine = (forecast["queue"] == queue).to_numpy()
            before, after = contacts[mine].sum(), (contacts[mine] * shape[mine]).sum()
            total = self.total_factor(str(queue), seed=seed, replication=replication)
            factors[mine] = shape[mine] * (total * before / after if after > 0 else total)
        return factors


@dataclass(frozen=True, kw_only=True, eq=False)
class UncertainDemand:
    """The buyers of nights whose forecast errs.

    Parameters
    ----------
    forecast, services, grid, how
        As :meth:`simlib.simulator.draw.Demand.of` takes them.
    risk : ForecastRisk
        How far the forecast may be off.
    whole : DataFrame
        The forecast of the whole night, of which ``forecast`` may be a stretch: the shape is restored over all of it.
    """

    forecast: pd.DataFrame = field(repr=False)
    services: Mapping[str, ChatService] = field(repr=False)
    grid: Grid
    risk: ForecastRisk
    whole: pd.DataFrame = field(repr=False)
    how: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def draw(self, *, seed: int, replication: int) -> Contacts:
        """Draw the buyers of one night, around a forecast that is off by that night's error."""
        factors = self.risk.factors(self.whole, grid=self.grid, seed=seed, replication=replication)
        factor = pd.Series(factors, index=self.whole.index).reindex(self.forecast.index).to_numpy()
        erring = self.forecast.assign(contacts=self.forecast["contacts"].to_numpy(dtype=float) * factor)
        return Demand.of(erring, self.services, grid=self.grid, **self.how).draw(seed=seed, replication=replication)
