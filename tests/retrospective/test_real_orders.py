"""What the page would have stated of a real promo: Black Friday 2017 in the daily orders of a marketplace."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simlib.forecasting.promo import forecast_by_history
from simlib.inputs import NightInputs
from simlib.messages import HOUSE
from simlib.retrospective import NightFigures, compare_actuals, measure_fit
from simlib.retrospective.forecast import check_actuals
from simlib.review import learn
from simlib.store import load_store
from simlib.store.models import HistoryRow, Wave

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
DAYS, HOURS = DATA / "olist_daily_orders_2017_2018.csv", DATA / "olist_weekday_hour.csv"
PROMO = dt.date(2017, 11, 24)

pytestmark = pytest.mark.skipif(not DAYS.exists(), reason=f"needs {DAYS}")


@pytest.fixture(scope="module")
def eve():
    """What the plan would have started from: ten months of daily counts, and a day that opens at midnight."""
    table = pd.read_csv(DAYS, parse_dates=["date"])
    past = table[table["date"] < pd.Timestamp(PROMO)]
    history = tuple(
        HistoryRow(start=row.date.to_pydatetime(), queue="presale", contacts=float(row.orders))
        for row in past.itertuples()
    )
    start = dt.datetime.combine(PROMO, dt.time())
    wave = Wave(name="Black Friday 2017", profile="M", start=start, end=start.replace(hour=23), day_gmv_cny=1e5)
    store = load_store(HOUSE / "tests" / "stores" / "a1")
    return NightInputs(store=store.model_copy(update={"history": history, "waves": (wave,)}), wave=wave)


@pytest.fixture(scope="module")
def came(eve):
    """What came by half hour: the day's orders, laid over a Friday's hours (the data have none of that day)."""
    table = pd.read_csv(DAYS, parse_dates=["date"]).set_index("date")["orders"]
    friday = pd.read_csv(HOURS, index_col=0).loc[4].to_numpy(dtype=float)
    starts = eve.grid.starts[:48]
    shares = np.repeat(friday / friday.sum() / 2, 2)
    return pd.DataFrame({"start": starts, "queue": "presale", "contacts": shares * float(table[pd.Timestamp(PROMO)])})


def plan_day(inputs: NightInputs) -> tuple[pd.DataFrame, tuple[float, float, float]]:
    """Plan the day by its history."""
    days = [day for days in inputs.promo_days.values() for day in days]
    found = forecast_by_history(inputs.history["presale"], inputs.curve, day=inputs.wave.day, promo_days=days)
    total = {"total": found.mean, "low": found.low, "high": found.high}
    return inputs.spread_day("presale", **total), (found.low, found.mean, found.high)


def test_the_day_lay_inside_the_band_and_a_fifth_above_the_plan(eve, came):
    """Plan 974 (358 to 2,662), 1,176 came: +21 %, inside the band, which is wide because it is the field's."""
    planned, (low, mean, high) = plan_day(eve)
    assert (low, mean, high) == pytest.approx((358, 974, 2662), rel=0.01)
    fit = measure_fit(compare_actuals(planned, check_actuals(came, planned).table))
    assert fit.actual == pytest.approx(1176)
    assert fit.bias == pytest.approx(0.21, abs=0.01)
    assert low < fit.actual < high


def test_what_the_next_plan_would_have_started_from(eve, came):
    """An uplift of 7.9 seen moves the field's 4.5 half the way, to 6.0, with a narrower band; hours are not learned."""
    learned = learn(eve, NightFigures(promo=eve.wave.name, ratios={}, contacts=came), aov_cny=150.0, lang="en")
    row = learned.changes.set_index("key").loc["uplift_M"]
    assert (row["before"], row["seen"], row["weight"], row["after"]) == pytest.approx((4.5, 7.9, 0.5, 6.0), rel=0.02)
    assert row["high"] / row["low"] < row["before_high"] / row["before_low"]
    assert learned.history_rows == 1  # the history is by day and stays so
    reasons = learned.unlearned.set_index("key")["reason"]
    assert reasons["day_shape"] == "by_day"
    again = NightInputs(store=learned.store, wave=eve.wave)
    before, after = (plan_day(inputs)[1] for inputs in (eve, again))
    actual = came["contacts"].sum()
    assert abs(np.log(after[1] / actual)) < abs(np.log(before[1] / actual))
