"""Chapter 5, retrospective: what came against what was planned, interval by interval."""

from __future__ import annotations

import math
from typing import NamedTuple

import pandas as pd

__all__ = ["Fit", "compare_actuals", "measure_fit"]


class Fit(NamedTuple):
    """How well the forecast met the night, over the intervals that have actuals."""

    planned: float
    actual: float
    wape: float
    inside_band: float
    poisson_floor: float


def compare_actuals(forecast: pd.DataFrame, actuals: pd.DataFrame) -> pd.DataFrame:
    """Set what came against the forecast, for the intervals and queues that have both.

    Parameters
    ----------
    forecast : pandas.DataFrame
        start, queue, contacts, p05, p95.
    actuals : pandas.DataFrame
        start (tz-aware), queue, contacts.

    Returns
    -------
    pandas.DataFrame
        start, queue, planned, actual, gap (actual - planned), inside_band.
    """
    both = forecast.merge(actuals, on=["start", "queue"], suffixes=("_planned", "_actual"))
    table = pd.DataFrame(
        {
            "start": both["start"],
            "queue": both["queue"],
            "planned": both["contacts_planned"].astype(float),
            "actual": both["contacts_actual"].astype(float),
        }
    )
    table["gap"] = table["actual"] - table["planned"]
    table["inside_band"] = both["contacts_actual"].between(both["p05"], both["p95"])
    return table.sort_values(["start", "queue"], ignore_index=True)


def measure_fit(compared: pd.DataFrame) -> Fit:
    """Measure the forecast's error beside the error that pure chance alone would leave.

    ``poisson_floor`` is the WAPE of a perfect forecast of Poisson counts: the mean absolute deviation of a count
    with mean m is close to sqrt(2 m / pi).

    Raises
    ------
    ValueError
        No interval has both a forecast and an actual.

    Examples
    --------
    >>> night = pd.DataFrame({"planned": [100.0, 300.0], "actual": [120.0, 280.0], "inside_band": [True, False]})
    >>> measure_fit(night).wape, measure_fit(night).inside_band
    (0.1, 0.5)
    """
    if compared.empty:
        raise ValueError("compared must have at least one interval with a forecast and an actual")
    planned, actual = float(compared["planned"].sum()), float(compared["actual"].sum())
    errors = (compared["actual"] - compared["planned"]).abs().sum()
    chance = ((2 / math.pi) * compared["planned"]).pow(0.5).sum()
    return Fit(
        planned=planned,
        actual=actual,
        wape=float(errors / max(actual, 1e-9)),
        inside_band=float(compared["inside_band"].mean()),
        poisson_floor=float(chance / max(planned, 1e-9)),
    )
