"""The time grid: regular intervals of a night, tz-aware outside the simulator and seconds inside it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

HALF_HOUR_S = 1800
DAY_S = 86_400


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A run of equal intervals that begins at ``opens``.

    Parameters
    ----------
    opens : pandas.Timestamp
        Start of the first interval, tz-aware.
    n : int
        How many intervals, >= 1.
    step_s : int
        Length of one interval in seconds.

    Examples
    --------
    >>> night = Grid.of_day(dt.date(2026, 10, 31), tz="Asia/Shanghai", hours=28)
    >>> night.n, str(night.starts[40])
    (56, '2026-10-31 20:00:00+08:00')
    >>> night.seconds(night.starts[:3]).tolist()
    [0.0, 1800.0, 3600.0]
    """

    opens: pd.Timestamp
    n: int
    step_s: int = HALF_HOUR_S

    def __post_init__(self) -> None:
        if self.opens.tzinfo is None:
            raise ValueError(f"opens must carry a time zone, got {self.opens!r}")
        if self.n < 1 or self.step_s < 1:
            raise ValueError(f"n and step_s must be >= 1, got {self.n!r} and {self.step_s!r}")

    @classmethod
    def of_day(cls, day: dt.date, *, tz: str, hours: int = 24, step_s: int = HALF_HOUR_S) -> Grid:
        """Lay the grid that opens at midnight of ``day`` and lasts ``hours``."""
        opens = pd.Timestamp(day).tz_localize(tz)
        return cls(opens=opens, n=hours * 3600 // step_s, step_s=step_s)

    @property
    def starts(self) -> pd.DatetimeIndex:
        """Start of every interval, tz-aware, length n."""
        return pd.date_range(self.opens, periods=self.n, freq=pd.Timedelta(seconds=self.step_s), name="start")

    @property
    def edges_s(self) -> np.ndarray:
        """Edges of the intervals in seconds since ``opens``, length n + 1."""
        return np.arange(self.n + 1, dtype=float) * self.step_s

    def seconds(self, times: pd.DatetimeIndex | pd.Series) -> np.ndarray:
        """Turn tz-aware times into seconds since ``opens``."""
        return np.asarray((pd.DatetimeIndex(times) - self.opens).total_seconds(), dtype=float)

    def times(self, seconds: np.ndarray) -> pd.DatetimeIndex:
        """Turn seconds since ``opens`` into tz-aware times."""
        return pd.DatetimeIndex(self.opens + pd.to_timedelta(np.asarray(seconds, dtype=float), unit="s"))
