"""The promo curve: shrinkage against its own algebra, totals that add up, and a real Black Friday."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from simlib import facts
from simlib.forecasting import (
    PastPromo,
    forecast_contacts,
    forecast_counts,
    minute_profile,
    past_promos,
    promo_curve,
    spread_day,
)
from simlib.forecasting.promo import PROFILES, day_total
from simlib.intervals import Grid
from simlib.streams import stream

OLIST = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "olist_daily_orders_2017_2018.csv"
TZ = "Asia/Shanghai"
DAY = dt.date(2026, 10, 31)
OPENING = pd.Timestamp("2026-10-31 20:00", tz=TZ)
EVENING = np.asarray(facts.value("profiles", "E"), dtype=float)


def promos(*uplifts, profile="E", shape=()):
    return [PastPromo(name="past", day=DAY, profile=profile, uplift=u, shape=shape) for u in uplifts]


@pytest.mark.parametrize("profile", PROFILES)
def test_without_own_promos_the_curve_is_the_fields(profile):
    """With nothing of its own a store gets the field's shape, uplift and band to the digit, and says so."""
    curve = promo_curve(profile)
    row = facts.table("uplift").set_index("key").loc[f"uplift_{profile}"]
    assert curve.promos == 0
    assert curve.likely == pytest.approx(row["value"])
    assert curve.high / curve.low == pytest.approx(row["high"] / row["low"])
    field = np.asarray(facts.value("profiles", profile), dtype=float)
    np.testing.assert_allclose(curve.shape, field / field.sum())
    assert "wide" in curve.text("en")
    assert "很宽" in curve.text("zh")


def test_uplift_is_the_student_t_of_its_textbook():
    """The band after three promos equals a normal-inverse-gamma predictive worked out step by step."""
    x = np.log([6.0, 7.0, 9.0])
    row = facts.table("uplift").set_index("key").loc["uplift_E"]
    mean, k, a = np.log(row["value"]), 1.0, 2.0
    b = a * k / (k + 1) * (np.log(row["high"] / row["low"]) / 2 / t.ppf(0.95, 2 * a)) ** 2
    for value in x:  # one promo at a time, by the sequential form of the update
        b += k * (value - mean) ** 2 / (2 * (k + 1))
        mean, k, a = (k * mean + value) / (k + 1), k + 1, a + 0.5
    reach = t.ppf(0.95, 2 * a) * np.sqrt(b * (k + 1) / (a * k))
    curve = promo_curve("E", promos(6.0, 7.0, 9.0))
    np.testing.assert_allclose([curve.low, curve.likely, curve.high], np.exp([mean - reach, mean, mean + reach]))


def test_own_promos_take_over_from_the_field():
    """The likely uplift moves to the store's own with every promo, and the band narrows once they agree."""
    curves = [promo_curve("E", promos(*[8.0] * n)) for n in (0, 1, 3, 12)]
    away = [abs(np.log(curve.likely / 8.0)) for curve in curves]
    assert away == sorted(away, reverse=True)
    assert away[-1] < 0.06
    widths = [curve.high / curve.low for curve in curves]
    assert widths[3] < widths[2] < widths[1] < widths[0]
    assert [curve.promos for curve in curves] == [0, 1, 3, 12]


def test_promos_that_disagree_keep_the_band_wide():
    """Four promos between 2 and 16 times leave a wider band than four at about 6 times."""
    apart, alike = promo_curve("E", promos(2, 4, 9, 16)), promo_curve("E", promos(5.5, 6, 6, 6.5))
    assert apart.high / apart.low > 2 * alike.high / alike.low


def test_shape_is_the_mean_of_the_field_and_the_own_promos():
    """With two own shapes the curve is a third field and two thirds own, hour by hour, and its spread narrower."""
    flat = tuple(np.full(24, 1 / 24))
    curve = promo_curve("E", promos(5, 5, shape=flat))
    np.testing.assert_allclose(curve.shape, (EVENING / EVENING.sum() + 2 / 24) / 3)
    assert 0 < curve.shape_cv < promo_curve("E").shape_cv


def test_promos_of_another_kind_teach_nothing():
    """A midnight opening says nothing about an evening opening."""
    assert promo_curve("E", promos(9, 9, 9, profile="M")).likely == promo_curve("E").likely


def test_past_promos_are_read_out_of_a_history():
    """A sevenfold evening in an hourly history comes back as its uplift and its shape."""
    index = pd.date_range("2026-04-01", periods=70 * 24, freq="h", tz=TZ)
    normal = np.asarray(facts.value("profiles", "N"), dtype=float)
    mean = np.tile(normal / normal.sum() * 2400, 70)
    promo = np.asarray(index.date == dt.date(2026, 5, 31))
    mean[promo] = EVENING / EVENING.sum() * 2400 * 7
    history = pd.Series(stream(4, 0, "history").poisson(mean).astype(float), index=index)
    [found] = past_promos(history, {"618": ["2026-05-31"]}, "E")
    assert found.name == "618"
    assert found.day == dt.date(2026, 5, 31)
    assert found.uplift == pytest.approx(7.0, rel=0.05)
    np.testing.assert_allclose(found.shape, EVENING / EVENING.sum(), atol=0.01)


def test_day_is_spread_without_losing_a_buyer():
    """The day's intervals add up to its total, each hour to its share, the rest of the night to the next profile."""
    night = Grid.of_day(DAY, tz=TZ, hours=28)
    last = np.asarray(facts.value("profiles", "L"), dtype=float)
    day = spread_day(
        queue="presale", total=10_000, low=6000, high=16_000, profile=EVENING, next_profile=last, grid=night,
        opening=OPENING, bot_share=0.4,
    )  # fmt: skip
    by_hour = day["contacts"].to_numpy().reshape(28, 2).sum(axis=1)
    np.testing.assert_allclose(by_hour[:24], 10_000 * EVENING / EVENING.sum())
    np.testing.assert_allclose(by_hour[24:], 10_000 * last[:4] / last.sum())
    np.testing.assert_allclose(day["bot"] + day["human"], day["contacts"])
    np.testing.assert_allclose(day["bot"], 0.4 * day["contacts"])
    assert ((day["p05"] <= day["contacts"]) & (day["contacts"] <= day["p95"])).all()


def test_who_is_handed_on_is_received_twice_and_comes_once():
    """A transfer rate raises the receptions of people; contacts, their band and the bot's part stay."""
    right = {"queue": "presale", "total": 5000, "low": 4000, "high": 7000, "profile": EVENING, "bot_share": 0.4}
    plain, handed = (spread_day(**right, grid=Grid.of_day(DAY, tz=TZ), transfer_rate=rate) for rate in (0.0, 0.1))
    np.testing.assert_allclose(handed["human"], 1.1 * plain["human"])
    pd.testing.assert_frame_equal(handed.drop(columns="human"), plain.drop(columns="human"))


def test_opening_is_a_burst_and_not_a_half_hour_average():
    """The half hour from 20:00 gets more than the one from 20:30, its first minute more than its last."""
    night = Grid.of_day(DAY, tz=TZ)
    day = spread_day(queue="presale", total=10_000, low=9000, high=11_000, profile=EVENING, grid=night, opening=OPENING)
    opening = day.set_index("start").loc[OPENING, "contacts"]
    assert opening > 1.5 * day.set_index("start").loc[OPENING + pd.Timedelta("30min"), "contacts"]
    weights = minute_profile(night, opening=OPENING)
    assert weights.idxmax() == OPENING
    assert len(weights) == 24 * 60
    assert (weights[weights.index < OPENING] == 1).all()
    assert weights[OPENING] > 2 * weights[OPENING + pd.Timedelta("29min")]


def test_intervals_of_any_length_hold_the_same_minutes():
    """Five-minute intervals add up to the half hours of the same day."""
    coarse, fine = (
        spread_day(
            queue="presale", total=5000, low=5000, high=5000, profile=EVENING, opening=OPENING,
            grid=Grid.of_day(DAY, tz=TZ, step_s=step_s),
        )["contacts"].to_numpy()
        for step_s in (1800, 300)
    )  # fmt: skip
    np.testing.assert_allclose(fine.reshape(48, 6).sum(axis=1), coarse)


def test_band_of_an_interval_holds_what_may_come():
    """Days drawn from the total's band, spread and counted fall into the intervals' bands nine times in ten."""
    night = Grid.of_day(DAY, tz=TZ)
    day = spread_day(queue="presale", total=6000, low=4000, high=9000, profile=EVENING, grid=night, shape_cv=0.1)
    chance = stream(8, 0, "band")
    level = np.exp(chance.normal(0, np.log(1.5) / 1.645, 2000))
    shape = np.exp(chance.normal(-0.005, 0.1, (2000, 48)))
    came = chance.poisson(level[:, None] * shape * day["contacts"].to_numpy())
    inside = (came >= day["p05"].to_numpy()) & (came <= day["p95"].to_numpy())
    assert 0.86 < inside.mean() < 0.96


def test_promo_on_top_of_a_base_is_base_times_uplift_times_shape():
    """With a store's four own promos of six times, the day is six ordinary days in the curve's shape."""
    history = pd.Series(1000.0, index=pd.date_range("2026-08-01", periods=84, freq="D", tz=TZ))
    base = forecast_counts(history, 14)
    curve = promo_curve("E", promos(*[6.0] * 40))
    night = Grid.of_day(DAY, tz=TZ)
    promo = forecast_contacts(base, curve, queue="presale", grid=night, opening=OPENING, bot_share=0.5)
    assert promo["contacts"].sum() == pytest.approx(6000, rel=0.03)
    by_hour = promo["contacts"].to_numpy().reshape(24, 2).sum(axis=1)
    np.testing.assert_allclose(by_hour / by_hour.sum(), curve.shape)


def test_black_friday_lay_in_the_band_that_was_said_a_week_before():
    """On 17 November 2017 the kit says, of 24 November, a wide band on the field's word, and 1,176 lies in it."""
    if not OLIST.exists():
        pytest.skip("the marketplace's daily orders are not beside the repository")
    orders = pd.read_csv(OLIST, index_col="date", parse_dates=True)["orders"].astype(float)
    black_friday = pd.Timestamp("2017-11-24")
    base = forecast_counts(orders[: black_friday - pd.Timedelta(days=7)], 7)
    curve = promo_curve("M")
    low, likely, high = day_total(base, curve, day=black_friday.date())
    assert curve.promos == 0
    assert low < orders[black_friday] < high
    assert likely > 3 * base["p95"].iloc[-1] / 2
    assert high / low > 5


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"low": 6000}, "low <= total <= high"),
        ({"bot_share": 1.2}, "bot_share must lie between 0 and 1, got 1.2"),
        ({"transfer_rate": -0.1}, "transfer_rate must lie between 0 and 1, got -0.1"),
        ({"profile": np.ones(23)}, "profile must be 24 shares"),
        ({"profile": np.zeros(24)}, "sum > 0"),
        ({"next_profile": -np.ones(24)}, "next_profile must be 24 shares"),
        ({"shape_cv": -0.1}, "shape_cv must be >= 0"),
        ({"opening": pd.Timestamp("2026-10-31 20:00")}, "opening must carry a time zone"),
    ],
)
def test_a_day_that_cannot_be_spread_is_refused_by_name(wrong, says):
    """What cannot be a day is refused with field, value and what is allowed."""
    right = {"queue": "presale", "total": 5000, "low": 4000, "high": 7000, "profile": EVENING}
    with pytest.raises(ValueError, match=says):
        spread_day(**{**right, "grid": Grid.of_day(DAY, tz=TZ), **wrong})


def test_unknown_kinds_and_impossible_promos_are_refused():
    """A kind of day that does not exist, an uplift of zero and half a day of shape are refused at birth."""
    with pytest.raises(ValueError, match="one of N, M, E, L, got 'X'"):
        promo_curve("X")
    with pytest.raises(ValueError, match="uplift must be a number > 0"):
        promos(0.0)
    with pytest.raises(ValueError, match="24 shares"):
        promos(5.0, shape=(0.5, 0.5))
    with pytest.raises(ValueError, match="base must hold 2026-10-31"):
        day_total(
            forecast_counts(pd.Series(9.0, index=pd.date_range("2026-01-01", periods=30, freq="D")), 3),
            promo_curve("E"),
            day=DAY,
        )
