"""After-sale contacts as a stream of their own: delivery questions first, returns later; and the second route."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from simlib import facts


def aftersale_stream(*, orders: float, promo_day: dt.date, refund_share: float) -> pd.DataFrame:
    """Spread the after-sale contacts of a promo day's orders over the days that follow.

    Delivery contacts are orders x rate over days +1 to +5, falling evenly to nothing; returns are refunded
    orders x rate over days +5 to +15, rising to the middle and falling again. Rates and days are facts of
    ``playbook/facts/aftersale.yml``.

    Parameters
    ----------
    orders : float
        Paid orders of the promo day, >= 0.
    promo_day : datetime.date
    refund_share : float
        Share of those orders that are refunded, in [0, 1].

    Returns
    -------
    pandas.DataFrame
        date, phase, contacts, low, high: one row per day and phase; each phase adds up to its total exactly.

    Examples
    --------
    >>> table = aftersale_stream(orders=1000, promo_day=dt.date(2026, 11, 11), refund_share=0.2)
    >>> table.groupby("phase")["contacts"].sum().round(6).to_dict()
    {'delivery': 100.0, 'returns': 300.0}
    """
    if orders < 0 or not 0 <= refund_share <= 1:
        raise ValueError(f"orders must be >= 0 and refund_share in [0, 1], got {orders!r}, {refund_share!r}")
    rows = []
    for phase in facts.rows("aftersale", on=None).to_dict("records"):
        base = orders * (refund_share if phase["key"] == "returns" else 1.0)
        days = np.arange(phase["first_day"], phase["last_day"] + 1)
        weights = _falling(len(days)) if phase["key"] == "delivery" else _tent(len(days))
        for day, weight in zip(days.tolist(), weights, strict=True):
            date = promo_day + dt.timedelta(days=day)
            rows.append((date, phase["key"], *(base * weight * phase[k] for k in ("value", "low", "high"))))
    return pd.DataFrame(rows, columns=["date", "phase", "contacts", "low", "high"])


def _falling(n: int) -> np.ndarray:
    weights = np.arange(n, 0, -1, dtype=float)
    return np.asarray(weights / weights.sum())


def _tent(n: int) -> np.ndarray:
    weights = 1.0 + np.minimum(np.arange(n), np.arange(n)[::-1])
    return np.asarray(weights / weights.sum())


def visitor_route(*, visitors: float, consult_share: float) -> float:
    """Count presale contacts the second way: visitors of the day x the share of them that ask.

    Examples
    --------
    >>> visitor_route(visitors=100_000, consult_share=0.05)
    5000.0
    """
    if visitors < 0 or not 0 <= consult_share <= 1:
        raise ValueError(f"visitors must be >= 0 and consult_share in [0, 1], got {visitors!r} and {consult_share!r}")
    return visitors * consult_share
