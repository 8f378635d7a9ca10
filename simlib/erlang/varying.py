"""A load that changes faster than a service lasts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from simlib.erlang.arguments import Floats, require_not_negative, require_positive


class OfferedLoad(NamedTuple):
    """Mean busy servers at the end of each interval, and the largest of them and of the load at the start."""

    at_end: Floats
    peak: float


def offered_load(
    rates: Sequence[float] | Floats, interval_s: float, mean_service_s: float, initial_load: float = 0.0
) -> OfferedLoad:
    """Return the mean number of busy servers when nobody has to wait and the arrival rate changes (M_t/M/inf).

    ``rates`` is the arrival rate in each interval, constant within it; services are exponential. Exact:
    within an interval the load moves from its value to ``rate * mean_service_s`` and never beyond it, so
    its peak is the end of some interval. The load lags and flattens the arrivals by about one service: this
    is the modified offered load that staffing a spike needs.

    >>> load = offered_load([1.0] * 200 + [10.0, 10.0, 1.0], interval_s=5, mean_service_s=5)
    >>> [round(float(m), 2) for m in load.at_end[-3:]], round(load.peak, 2)
    ([33.45, 43.91, 19.31], 43.91)
    """
    rate = np.asarray(rates, dtype=float)
    if rate.ndim != 1 or len(rate) == 0 or not (np.isfinite(rate).all() and (rate >= 0).all()):
        raise ValueError(f"rates must be a list of finite numbers >= 0, one per interval, got {rates!r}")
    require_positive(interval_s=interval_s, mean_service_s=mean_service_s)
    require_not_negative(initial_load=initial_load)
    settled = -math.expm1(-interval_s / mean_service_s)
    at_end = np.empty_like(rate)
    load = float(initial_load)
    for i, target in enumerate((rate * mean_service_s).tolist()):
        load += (target - load) * settled
        at_end[i] = load
    return OfferedLoad(at_end, max(float(at_end.max()), float(initial_load)))


@dataclass(frozen=True, kw_only=True)
class SinusoidalLoad:
    """A load that swings around its mean; its peak comes ``lag`` after that of the arrivals."""

    mean: float
    swing: float
    lag: float
    period: float

    @property
    def peak(self) -> float:
        """Return the largest load."""
        return self.mean + self.swing

    @property
    def trough(self) -> float:
        """Return the smallest load."""
        return self.mean - self.swing

    def at(self, t: float) -> float:
        """Return the load at time ``t``; the arrivals are at their mean and rising at 0."""
        return self.mean + self.swing * math.sin(2 * math.pi * (t - self.lag) / self.period)


def sinusoidal_load(
    mean_rate: float,
    amplitude: float,
    period: float,
    mean_service: float,
    service: Literal["exponential", "fixed"] = "exponential",
) -> SinusoidalLoad:
    """Return the mean busy servers for arrivals at ``mean_rate + amplitude * sin(2 pi t / period)`` (M_t/G/inf).

    >>> day = sinusoidal_load(600, 400, period=24, mean_service=0.25)
    >>> round(day.peak, 4), round(day.lag, 4)
    (249.7865, 0.2496)
    """
    require_positive(mean_rate=mean_rate, period=period, mean_service=mean_service)
    if not 0 <= amplitude <= mean_rate:
        raise ValueError(f"amplitude must be between 0 and mean_rate ({mean_rate!r}), got {amplitude!r}")
    angle = 2 * math.pi / period * mean_service
    if service == "exponential":
        damping, lag = 1 / math.hypot(1, angle), math.atan(angle) / angle * mean_service
    elif service == "fixed":
        damping, lag = 2 * math.sin(angle / 2) / angle, mean_service / 2
    else:
        raise ValueError(f"service must be 'exponential' or 'fixed', got {service!r}")
    if damping < 0:  # a service longer than the period
        damping, lag = -damping, lag + period / 2
    return SinusoidalLoad(
        mean=mean_rate * mean_service,
        swing=amplitude * mean_service * damping,
        lag=lag % period,
        period=period,
    )
