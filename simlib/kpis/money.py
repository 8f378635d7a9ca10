"""Return the sales kept and lost, by how soon buyers are answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol, Self

import numpy as np

from simlib import facts
from simlib.kpis.log import Figure, Grouping, NightLog, sum_groups


@dataclass(frozen=True, kw_only=True)
class ConversionCurve:
    """What slow replies cost: the share of the usual conversion that is left.

    Parameters
    ----------
    points : tuple of (seconds, share)
        By a contact's mean response; straight between the points, flat outside them. Seconds rise, shares lie in
        [0, 1] and never rise.
    unanswered : float
        What is left of a buyer whom nobody answered.

    Examples
    --------
    >>> curve = ConversionCurve(points=((20, 1.0), (60, 0.5)))
    >>> curve.keeps(np.array([10.0, 40.0, 600.0])).tolist()
    [1.0, 0.75, 0.5]
    """

    points: tuple[tuple[float, float], ...]
    unanswered: float = 0.0

    def __post_init__(self) -> None:
        seconds, shares = zip(*self.points, strict=True) if self.points else ((), ())
        if not seconds or seconds[0] < 0 or any(b <= a for a, b in pairwise(seconds)):
            raise ValueError(f"points must have seconds >= 0 that rise, got {seconds}")
        if not all(0 <= share <= 1 for share in (*shares, self.unanswered)):
            raise ValueError(f"points and unanswered must have shares in [0, 1], got {shares}, {self.unanswered}")
        if any(b > a for a, b in pairwise(shares)):
            raise ValueError(f"points must have shares that never rise, got {shares}")

    @classmethod
    def default(cls) -> Self:
        """Read the curve of ``playbook/facts/conversion.yml``: an assumption of this kit, to be replaced."""
        known = facts.rows("conversion")
        row = known[known["key"] == "conversion_curve"].to_dict("records")[0]
        return cls(points=tuple((s, share) for s, share in row["value"]), unanswered=row["unanswered"])

    def keeps(self, response_s: np.ndarray) -> np.ndarray:
        """Return the share of the usual conversion that is left after this mean response; nan = nobody answered."""
        seconds, shares = zip(*self.points, strict=True)
        left = np.interp(response_s, seconds, shares)
        return np.where(np.isnan(response_s), self.unanswered, left)


class HasRatios(Protocol):
    """Anything that has ratios by key, such as a store."""

    def ratio(self, key: str) -> Any:
        """Return a ratio, which has a ``likely`` value."""


def contact_values(store: HasRatios, *, aov_cny: float) -> dict[str, float]:
    """Return the mean value in yuan of one contact answered at once, by queue.

    Presale: inquiries a reception x conversion x order value. The other queues sell nothing.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> shop = SimpleNamespace(ratio=lambda key: SimpleNamespace(
    ...     likely={"inquiries_per_reception": 0.5, "conversion": 0.5}[key]))
    >>> contact_values(shop, aov_cny=150.0)
    {'presale': 37.5}
    """
    share = store.ratio("inquiries_per_reception").likely * store.ratio("conversion").likely
    return {"presale": share * aov_cny}


def sales(
    log: NightLog, *, curve: ConversionCurve, values_cny: Mapping[str, float], by: Grouping | None = None
) -> tuple[Figure, Figure]:
    """Return the sales kept and lost, in yuan; their sum is what the night would sell if all were answered at once.

    Parameters
    ----------
    curve : ConversionCurve
        What is left of the conversion at a contact's mean response. What the bot resolves keeps all of it.
    values_cny : mapping
        What a contact is worth, by queue (:func:`contact_values`); a queue that is not named sells nothing.

    Examples
    --------
    >>> from simlib.kpis import example_log
    >>> sales(example_log(), curve=ConversionCurve(points=((0, 1.0), (100, 0.5))), values_cny={"presale": 10.0})
    (24.0, 26.0)
    """
    contacts = log.contacts
    replies = np.asarray(contacts["replies"])
    got = np.flatnonzero(replies > 0)
    keeps = np.where(log.is_outcome("bot"), 1.0, curve.unanswered)
    keeps[got] = curve.keeps(np.asarray(contacts["response_sum"])[got] / replies[got])
    codes, queues = log.queue_codes
    value = np.array([*(values_cny.get(name, 0.0) for name in queues), 0.0])[codes]  # the last is for no queue
    return sum_groups(value * keeps, by), sum_groups(value * (1.0 - keeps), by)
