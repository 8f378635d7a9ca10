"""What chapter 5 has worked out: what came against what was planned."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from simlib.messages import Message
from simlib.retrospective import Fit, compare_actuals, measure_fit


@dataclass(frozen=True, kw_only=True)
class RetrospectiveResult:
    """What came against the plan.

    Attributes
    ----------
    note : Message, optional
        Why there is nothing to compare.
    compared : DataFrame
        start, queue, planned, actual, gap, inside_band.
    fit : Fit, optional
        How well the forecast met the night.
    """

    note: Message | None = None
    compared: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    fit: Fit | None = None

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table of the chapter, by name; none where nothing can be compared."""
        return {} if self.fit is None else {"retrospective": self.compared}


def work_out_retrospective(forecast: pd.DataFrame, actuals: pd.DataFrame, *, day: object) -> RetrospectiveResult:
    """Set what came against the forecast, where the store has filled in actuals of this night."""
    if actuals.empty:
        return RetrospectiveResult(note=Message("pages.no_actuals"))
    compared = compare_actuals(forecast, actuals[["start", "queue", "contacts"]])
    if compared.empty:
        return RetrospectiveResult(note=Message("pages.actuals_elsewhere", day=day))
    return RetrospectiveResult(compared=compared, fit=measure_fit(compared))
