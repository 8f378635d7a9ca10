"""What chapter 2 has worked out: what is ready, block by block, and one score."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import pandas as pd

from simlib.readiness import check_readiness, phrase_coverage, score_readiness
from simlib.store.models import Store


@dataclass(frozen=True, kw_only=True)
class ReadinessResult:
    """What is ready.

    Attributes
    ----------
    items : DataFrame
        item, block, done, of, share, days_left.
    phrases : DataFrame
        topic, queue, written, owner.
    score : float
        In [0, 1]; nan where nothing is asked for.
    days_left : int
        Days until the promo day.
    """

    items: pd.DataFrame = field(repr=False)
    phrases: pd.DataFrame = field(repr=False)
    score: float
    days_left: int

    @property
    def unwritten(self) -> list[str]:
        """The topics of phrases that are still to be written."""
        return self.phrases.loc[~self.phrases["written"], "topic"].tolist()

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table of the chapter, by name."""
        return {"readiness": self.items.drop(columns="days_left"), "phrase_coverage": self.phrases}


def work_out_readiness(store: Store, *, day: dt.date, today: dt.date, peak_heads: float) -> ReadinessResult:
    """Count what is ready by the promo day, as :func:`simlib.readiness.check_readiness` does."""
    items = check_readiness(store, day=day, today=today, peak_heads=peak_heads)
    return ReadinessResult(
        items=items,
        phrases=phrase_coverage(store),
        score=score_readiness(items),
        days_left=int(items["days_left"].iloc[0]),
    )
