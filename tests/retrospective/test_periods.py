"""D+1 against D+9, and weeks against weeks."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

from simlib.messages import UserError
from simlib.retrospective.periods import compare_settlements, compare_weeks, list_payment_lag, settle_orders

DAY = dt.date(2026, 11, 11)


@pytest.fixture(scope="module")
def orders():
    """A thousand orders of a promo day, paid within eight days or never, one in ten refunded."""
    rng = np.random.default_rng(9)
    created = pd.Timestamp("2026-11-11 20:00", tz="Asia/Shanghai") + pd.to_timedelta(
        rng.uniform(0, 3.9, 1000), unit="h"
    )
    paid = pd.Series(created) + pd.to_timedelta(rng.exponential(30, 1000).clip(0, 190), unit="h")
    amount = rng.lognormal(5, 0.5, 1000).round(2)
    refunded = np.where(rng.random(1000) < 0.1, amount, 0.0)
    never = rng.random(1000) < 0.15
    return pd.DataFrame(
        {"order": range(1000), "created": created, "paid": paid.where(~never), "amount_cny": amount}
    ).assign(refunded_cny=refunded)


def test_the_first_review_is_provisional_and_the_second_is_final(orders):
    """On D+1 payments are still to come; on D+9 they are complete, and every figure that changed is marked."""
    first, second = (settle_orders(orders, promo_day=DAY, as_of=DAY + dt.timedelta(days=days)) for days in (1, 9))
    assert (first.provisional, second.provisional) == (True, False)
    assert first.orders_paid < second.orders_paid == orders["paid"].notna().sum()
    assert second.paid_cny == pytest.approx(orders.loc[orders["paid"].notna(), "amount_cny"].sum())
    table = compare_settlements(first, second).set_index("figure")
    assert table.loc["paid_cny", "changed"]
    assert not table.loc["orders_created", "changed"]
    assert table.loc["paid_share", "change"] > 0
    assert "provisional" in first.finding.text("en")
    assert "暂定" in first.finding.text("zh")
    assert "are final" in second.finding.text("en")


def test_d_plus_8_is_still_provisional(orders):
    """A payment can come on the last day of the lag, so the figures are final the day after it."""
    assert settle_orders(orders, promo_day=DAY, as_of=DAY + dt.timedelta(days=8)).provisional
    assert not settle_orders(orders, promo_day=DAY, as_of=DAY + dt.timedelta(days=9)).provisional


def test_the_payment_lag_ends_at_the_paid_share_of_the_review(orders):
    """The share paid rises day by day to the one figure that the review of that day states, early or late."""
    for days in (0, 3, 20):
        as_of = DAY + dt.timedelta(days=days)
        lag, review = (work(orders, promo_day=DAY, as_of=as_of) for work in (list_payment_lag, settle_orders))
        assert lag["paid_share"].is_monotonic_increasing
        assert lag["days"].max() <= days
        assert lag["orders_paid"].iloc[-1] == review.orders_paid
        assert lag["paid_share"].iloc[-1] == pytest.approx(review.paid_share)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda rows: rows.drop(columns="paid"), "columns are missing: paid"),
        (lambda rows: pd.concat([rows, rows.head(3)]), "3 order numbers stand twice"),
        (lambda rows: rows.assign(refunded_cny=-rows["refunded_cny"]), "cannot be below 0"),
    ],
)
def test_bad_orders_are_refused_in_a_sentence(orders, spoil, words):
    """A missing column, orders twice, negative refunds: what is wrong and what to do."""
    with pytest.raises(UserError) as caught:
        settle_orders(spoil(orders), promo_day=DAY, as_of=DAY)
    assert words in caught.value.text("en")


def test_an_export_older_than_the_promo_is_refused(orders):
    """The export must be of the promo day or later."""
    with pytest.raises(UserError, match="is older than the promo day"):
        settle_orders(orders, promo_day=DAY, as_of=DAY - dt.timedelta(days=1))


def test_weeks_are_set_against_last_week_and_last_year():
    """Sums, a conversion of sums, response times by receptions; a week of other length is compared with nothing."""
    days = pd.date_range("2025-11-03", "2026-11-17", freq="D")
    table = pd.DataFrame({"day": days, "receptions": 100.0, "inquiries": 60.0, "buyers_paid": 30.0})
    table["mean_response_s"] = 40.0
    promo = (days >= "2026-11-09") & (days < "2026-11-16")
    table.loc[promo, ["receptions", "buyers_paid"]] = [300.0, 24.0]
    table.loc[days == "2026-11-11", ["receptions", "mean_response_s"]] = [3000.0, 100.0]
    weeks = compare_weeks(table).set_index(["week", "figure"])
    week = weeks.loc[pd.Timestamp("2026-11-09")]
    assert week.loc["receptions", "value"] == 6 * 300 + 3000
    assert week.loc["receptions", "week_change"] == pytest.approx(4800 / 700 - 1)
    assert week.loc["receptions", "year_change"] == pytest.approx(4800 / 700 - 1)
    assert week.loc["conversion", "value"] == pytest.approx(0.4)
    assert week.loc["mean_response_s", "value"] == pytest.approx((1800 * 40 + 3000 * 100) / 4800)
    assert math.isnan(weeks.loc[pd.Timestamp("2026-11-16")].loc["receptions", "week_before"])
