"""The same page twice: provisional on D+1, final on D+9; and against last week and last year."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import pandas as pd

from simlib import facts
from simlib.messages import Message, Term, UserError
from simlib.retrospective.inputs import need_columns, on_clock

FIGURES = ("orders_created", "orders_paid", "paid_share", "paid_cny", "refunded_cny", "net_cny")
_SUMS = ("receptions", "inquiries", "buyers_paid", "sales_cny")
_SECONDS = ("first_response_s", "mean_response_s")


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """What the orders of a promo day have come to, as an export of some later day has it.

    Parameters
    ----------
    promo_day, as_of : datetime.date
        The day of the orders, and the day of the export.
    final_on : datetime.date
        From when on the figures are final: after the payment lag.
    orders_created, orders_paid : int
        Orders created on the promo day, and those of them paid by ``as_of``.
    paid_cny, refunded_cny : float
        Their amounts.
    """

    promo_day: dt.date
    as_of: dt.date
    final_on: dt.date
    orders_created: int
    orders_paid: int
    paid_cny: float
    refunded_cny: float

    @property
    def provisional(self) -> bool:
        """Return whether payments can still come in."""
        return self.as_of < self.final_on

    @property
    def paid_share(self) -> float:
        """Share of the created orders that are paid; nan without orders."""
        return self.orders_paid / self.orders_created if self.orders_created else math.nan

    @property
    def net_cny(self) -> float:
        """Paid less refunded."""
        return self.paid_cny - self.refunded_cny

    @property
    def finding(self) -> Message:
        """Return whether the figures are provisional or final."""
        key = "provisional" if self.provisional else "final"
        return Message(
            f"retrospective.{key}",
            day=self.promo_day.isoformat(),
            as_of=self.as_of.isoformat(),
            final=self.final_on.isoformat(),
            paid=f"{self.paid_share:.1%}" if self.orders_created else "–",
        )


def settle_orders(
    orders: pd.DataFrame, *, promo_day: dt.date, as_of: dt.date, lag_days: int | None = None
) -> Settlement:
    """Read what the orders of a promo day have come to by a day.

    Parameters
    ----------
    orders : DataFrame
        order, created, paid (NaT = not yet), amount_cny, refunded_cny; as the exports give them.
    as_of : date
        The day of the export; later payments in it are left out, so the state of an earlier day can be read too.
        Refunds bear no date in an export: they are those known to it.
    lag_days : int, optional
        Days until payments are complete; ``routine.final_payment_lag_days`` if left out. On D+lag the figures are
        still provisional, from the next day on they are final.

    Raises
    ------
    UserError
        A column is missing, an order stands twice, an amount is negative, or the export is older than the promo.

    Examples
    --------
    >>> orders = pd.DataFrame({"order": [1, 2], "created": pd.to_datetime(["2026-11-11 20:01", "2026-11-11 21:00"]),
    ...     "paid": pd.to_datetime(["2026-11-11 20:05", "2026-11-15 09:00"]), "amount_cny": [100.0, 50.0],
    ...     "refunded_cny": [0.0, 0.0]})
    >>> days = [dt.date(2026, 11, 12), dt.date(2026, 11, 20)]
    >>> [(s.paid_cny, s.provisional) for s in (settle_orders(orders, promo_day=dt.date(2026, 11, 11), as_of=day)
    ...                                        for day in days)]
    [(100.0, True), (150.0, False)]
    """
    needed = ("order", "created", "paid", "amount_cny", "refunded_cny")
    need_columns(orders, *needed, name="orders")
    if as_of < promo_day:
        raise UserError(Message("retrospective.export_too_old", as_of=as_of.isoformat(), day=promo_day.isoformat()))
    twice = orders["order"].duplicated()
    if twice.any():
        raise UserError(
            Message("retrospective.order_twice", count=int(twice.sum()), order=str(orders.loc[twice, "order"].iloc[0]))
        )
    for name in ("amount_cny", "refunded_cny"):
        bad = orders[name] < 0
        if bad.any():
            row = orders[bad].iloc[0]
            raise UserError(
                Message(
                    "retrospective.order_negative", order=str(row["order"]), column=Term(name), value=f"{row[name]:g}"
                )
            )
    lag = int(facts.value("routine", "final_payment_lag_days")) if lag_days is None else lag_days
    own = orders[_days(orders["created"]) == pd.Timestamp(promo_day)]
    paid = own[_days(own["paid"]) <= pd.Timestamp(as_of)]
    return Settlement(
        promo_day=promo_day,
        as_of=as_of,
        final_on=promo_day + dt.timedelta(days=lag + 1),
        orders_created=len(own),
        orders_paid=len(paid),
        paid_cny=float(paid["amount_cny"].sum()),
        refunded_cny=float(paid["refunded_cny"].fillna(0.0).sum()),
    )


def _days(moments: pd.Series) -> pd.Series:
    """Return the local calendar day of each moment, NaT where there is none."""
    return on_clock(moments, None).dt.normalize()


def compare_settlements(first: Settlement, second: Settlement) -> pd.DataFrame:
    """Set the first review against the second: the same figures, what changed marked.

    Returns
    -------
    DataFrame
        figure, first, second, change, changed.
    """
    rows = [(name, float(getattr(first, name)), float(getattr(second, name))) for name in FIGURES]
    table = pd.DataFrame(rows, columns=["figure", "first", "second"])
    table["change"] = table["second"] - table["first"]
    table["changed"] = table["change"].abs() > 1e-9
    return table


def list_payment_lag(orders: pd.DataFrame, *, promo_day: dt.date, as_of: dt.date) -> pd.DataFrame:
    """List how many of a promo day's orders were paid within how many days.

    Returns
    -------
    DataFrame
        days, orders_paid (so far), paid_share (of the orders created, so that its last row is the paid share of the
        :class:`Settlement` of that day); empty where none was paid by ``as_of``.
    """
    own = orders[_days(orders["created"]) == pd.Timestamp(promo_day)]
    paid = _days(own["paid"])
    lag = (paid[paid <= pd.Timestamp(as_of)] - pd.Timestamp(promo_day)).dt.days
    counted = lag.value_counts().sort_index().cumsum()
    share = counted.to_numpy() / max(len(own), 1)
    return pd.DataFrame({"days": counted.index, "orders_paid": counted.to_numpy(), "paid_share": share})


def compare_weeks(store_day: pd.DataFrame) -> pd.DataFrame:
    """Set each week against the week before and against the same week of the year before.

    Parameters
    ----------
    store_day : DataFrame
        day, and any of receptions, inquiries, buyers_paid, sales_cny, first_response_s, mean_response_s; one row per
        day, as the exports give it.

    Returns
    -------
    DataFrame
        week (its Monday), days (with data), figure, value, week_before, year_before (52 weeks earlier), week_change,
        year_change (shares; nan where there is nothing to compare or the weeks have different numbers of days).
        Response times weigh by receptions; conversion is buyers who paid over inquiries.
    """
    need_columns(store_day, "day", name="store_day")
    table = store_day.assign(day=on_clock(store_day["day"], None))
    table["week"] = table["day"] - pd.to_timedelta(table["day"].dt.day_of_week, unit="D")
    known = [name for name in _SUMS if name in table]
    weeks = table.groupby("week")[known].sum(min_count=1)
    weeks.insert(0, "days", table.groupby("week")["day"].nunique())
    if {"buyers_paid", "inquiries"} <= set(known):
        weeks["conversion"] = weeks["buyers_paid"] / weeks["inquiries"].where(weeks["inquiries"] > 0)
    for name in _SECONDS:
        if name in table and "receptions" in table:
            weight = table["receptions"].where(table[name].notna())
            total = (table[name] * weight).groupby(table["week"]).sum(min_count=1)
            weeks[name] = total / weight.groupby(table["week"]).sum(min_count=1)
    rows = []
    for week, row in weeks.iterrows():
        for figure in weeks.columns.drop("days"):
            line = {"week": week, "days": int(row["days"]), "figure": figure, "value": row[figure]}
            for name, back in (("week", 7), ("year", 364)):
                earlier = week - pd.Timedelta(days=back)
                there = earlier in weeks.index and weeks.loc[earlier, "days"] == row["days"]
                before = float(weeks.loc[earlier, figure]) if there else math.nan
                line[f"{name}_before"] = before
                line[f"{name}_change"] = row[figure] / before - 1 if before else math.nan
            rows.append(line)
    columns = ["week", "days", "figure", "value", "week_before", "year_before", "week_change", "year_change"]
    return pd.DataFrame(rows, columns=columns)
