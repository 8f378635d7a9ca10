"""Is the plan plausible: the planned day beside the store's own past, whatever its age."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from simlib import facts
from simlib.messages import Message, Term

YEAR = dt.timedelta(days=365)
NEAR = dt.timedelta(days=10)  # a promo of last year lies within so many days of the same date (ours)
WEEKS = 28  # days behind an ordinary day (ours)
COLUMNS = [
    "plausibility",
    "queue",
    "unit",
    "in_plan",
    "past",
    "past_day",
    "past_age_days",
    "ratio_to_past",
    "plausible",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class PlausibilityResult:
    """The plan beside the past.

    Attributes
    ----------
    table : DataFrame
        plausibility (the comparison), queue, unit, in_plan, past, past_day, past_age_days, ratio_to_past, plausible.
    """

    table: pd.DataFrame = field(repr=False)

    @property
    def findings(self) -> list[Message]:
        """Return one sentence on all rows that are plausible, and one on each that is not."""
        stands = self.table[self.table["plausible"].astype(bool)]
        low, high = (f"{bound:.2f}" for bound in (stands["ratio_to_past"].min(), stands["ratio_to_past"].max()))
        given: dict[str, Any] = {"count": len(stands), "of": len(self.table), "low": low, "high": high}
        found = [Message("actions.plausible", **given)] if len(stands) else []
        for row in self.table[~self.table["plausible"].astype(bool)].to_dict("records"):
            share = row["unit"] == "share"
            planned, past = (f"{100 * row[key]:.1f}%" if share else f"{row[key]:,.0f}" for key in ("in_plan", "past"))
            if not row["unit"]:
                planned, past = f"{row['in_plan']:.2f}", f"{row['past']:.2f}"
            found.append(
                Message(
                    f"actions.{row['plausibility']}",
                    queue=Term(row["queue"]) if isinstance(row["queue"], str) else "",
                    planned=planned,
                    past=past,
                    day="" if pd.isna(row["past_day"]) else f"{row['past_day']:%Y-%m-%d}",
                    age=0 if pd.isna(row["past_age_days"]) else int(row["past_age_days"]),
                    ratio=f"{row['ratio_to_past']:.2f}",
                    judged=Message("actions.doubtful"),
                )
            )
        return found

    @property
    def doubtful(self) -> int:
        """How many comparisons the plan does not stand."""
        return int((~self.table["plausible"].astype(bool)).sum())

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The table, by name."""
        return {"plausibility": self.table}


def work_out_plausibility(
    *,
    planned: Mapping[str, float],
    history: Mapping[str, pd.Series],
    promo_days: Mapping[str, Sequence[dt.date]],
    uplift: float,
    ratios: Mapping[str, tuple[float, float, str]],
    day: dt.date,
) -> PlausibilityResult:
    """Hold the planned day against the store's own past.

    Parameters
    ----------
    planned : mapping of queue to contacts
        The promo day's.
    history : mapping of queue to counts
        On the store's own clock; every day counts, however old.
    promo_days : mapping of name to days
        Which days of the history were promos.
    uplift : float
        By how much this kind of promo lifts an ordinary day, likely.
    ratios : mapping of name to (planned, past, unit)
        Conversion, order value: what the plan counts with, and the store's own.

    Returns
    -------
    PlausibilityResult
        Plausible is what lies within a factor of the past (``plausible_factor`` of ``playbook/facts/actions.yml``).
    """
    rows = []
    marked = {each for days in promo_days.values() for each in days}
    for queue, counts in history.items():
        daily = counts.groupby(counts.index.date).sum()
        daily = daily[daily.index < day]
        if queue in planned and len(daily) and planned[queue] > 0:
            rows += _of_queue(queue, planned[queue], daily, marked=marked, uplift=uplift, day=day)
    for name, (now, past, unit) in ratios.items():
        if past > 0 and np.isfinite(past):
            rows.append({"plausibility": f"past_{name}", "in_plan": now, "past": past, "unit": unit})
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["ratio_to_past"] = table["in_plan"].astype(float) / table["past"].astype(float)
    limit = float(facts.value("actions", "plausible_factor"))
    table["plausible"] = table["ratio_to_past"].between(1 / limit, limit)
    return PlausibilityResult(table=table)


def _of_queue(
    queue: str, planned: float, daily: pd.Series, *, marked: Collection[dt.date], uplift: float, day: dt.date
) -> list[dict[str, Any]]:
    """Compare one queue's day with the same promo a year ago, the last promo, the busiest day and ordinary days."""
    promos = daily[[each in marked for each in daily.index]]
    last_year = promos[[abs(each - (day - YEAR)) <= NEAR for each in promos.index]]
    rows = [_row("past_same_promo", queue, planned, last_year, day=day)]
    if len(promos):
        newest = max(promos.index)
        run = promos[[newest - each <= NEAR for each in promos.index]]
        rows.append(_row("past_last_promo", queue, planned, run, day=day))
    rows.append(_row("past_busiest_day", queue, planned, daily, day=day))
    usual = daily[[each not in marked for each in daily.index]]
    recent = (
        usual[[max(usual.index) - each < dt.timedelta(days=WEEKS) for each in usual.index]] if len(usual) else usual
    )
    if len(recent):
        ordinary = float(recent.median())
        expected = {"in_plan": planned, "past": ordinary * uplift, "unit": "contacts"}
        rows.append({"plausibility": "past_usual_day", "queue": queue} | expected)
        before = usual[[0 <= (max(recent.index) - YEAR - each).days < WEEKS for each in usual.index]]
        if len(before) and len(last_year) and before.median() > 0:
            growth = {"in_plan": planned / float(last_year.max()), "past": ordinary / float(before.median())}
            rows.append({"plausibility": "past_growth", "queue": queue, "unit": ""} | growth)
    return [row for row in rows if row is not None and row["past"] > 0]


def _row(name: str, queue: str, planned: float, days: pd.Series, *, day: dt.date) -> dict[str, Any] | None:
    """Compare with the busiest of some days; None where there are none."""
    if not len(days):
        return None
    past_day = days.idxmax()
    compared = {
        "in_plan": planned,
        "past": float(days.max()),
        "past_day": past_day,
        "past_age_days": (day - past_day).days,
    }
    return {"plausibility": name, "queue": queue, "unit": "contacts"} | compared
