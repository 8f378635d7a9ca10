"""The curve belongs to its opening, and what was not recorded is not zero: issue 15, lines 1, 3 and 11."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from simlib.forecasting import (
    PastPromo,
    forecast_by_history,
    forecast_counts,
    hours_of_opening,
    promo_curve,
    read_past_promos,
    spread_day,
)
from simlib.intervals import Grid

TZ = "Asia/Shanghai"
HALF_HOUR = pd.Timedelta(minutes=30)
AFTER = {"E": "L", "M": "N"}


def spread(profile, opening, *, day=dt.date(2026, 10, 31), tz=TZ, total=1000.0):
    """Spread a day of one kind by half hours over 28 hours."""
    return spread_day(
        queue="presale",
        total=total,
        low=total,
        high=total,
        profile=promo_curve(profile).shape,
        next_profile=promo_curve(AFTER[profile]).shape,
        grid=Grid.of_day(day, tz=tz, hours=28),
        opening=opening,
    ).set_index("start")["contacts"]


@pytest.mark.parametrize("profile", ["E", "M"])
@pytest.mark.parametrize(
    "minute", [0, 30, 10 * 60, 12 * 60 + 30, 19 * 60, 19 * 60 + 30, 20 * 60, 22 * 60, 23 * 60 + 30]
)
def test_line_1_the_busiest_half_hour_is_the_openings(profile, minute):
    """Whenever a wave opens, the half hour of its opening is the busiest, and the day still adds up."""
    opening = pd.Timestamp("2026-10-31", tz=TZ) + pd.Timedelta(minutes=minute)
    contacts = spread(profile, opening)
    assert contacts.idxmax() == opening
    day = contacts[contacts.index.date == opening.date()]
    assert day.sum() == pytest.approx(1000)


def test_line_1_the_rest_of_the_day_keeps_its_hours():
    """With an evening opening an hour earlier, morning and noon stay; the evening is an ordinary one."""
    shape = promo_curve("E").shape
    early = hours_of_opening(shape, opening=dt.time(19), next_profile=promo_curve("L").shape)
    np.testing.assert_allclose(early[:16], shape[:16], rtol=0.06)
    assert early[19] > early[20] > early[21] > early[23]
    morning = hours_of_opening(shape, opening=dt.time(10))
    np.testing.assert_allclose(morning[[20, 21, 22]] / morning[:7].sum(), np.array([7.5, 8.2, 7.5]) / 5.0, rtol=0.4)


def test_line_1_an_opening_at_the_curves_own_hour_changes_no_digit():
    """At 20:00 an evening opening is the curve itself, to the last digit."""
    shape = promo_curve("E").shape
    assert (hours_of_opening(shape, opening=dt.time(20)) == shape).all()
    assert (hours_of_opening(shape, opening=None) == shape).all()


def test_line_1_own_promos_at_another_hour_are_laid_over_the_fields():
    """A store whose past opening came at 19:00 sharpens the opening's hour instead of raising the hour before it."""
    own = hours_of_opening(promo_curve("E").shape, opening=dt.time(19))
    past = [PastPromo(name="618", day=dt.date(2026, 5, 31), profile="E", uplift=4.0, shape=tuple(own))] * 3
    assert promo_curve("E", past).shape[20] == pytest.approx(promo_curve("E").shape[20], rel=0.1)


@pytest.mark.parametrize(
    ("day", "clock"),
    [("2026-11-01", "01:30"), ("2027-03-14", "02:30"), ("2026-11-01", "20:00"), ("2027-03-14", "20:00")],
)
def test_line_11_a_day_of_23_or_25_hours_adds_up_to_its_total(day, clock):
    """On the days of a clock change the half hours add up to the cascade's figure, whatever the opening."""
    opening = pd.Timestamp(f"{day} {clock}").tz_localize(
        "America/New_York", ambiguous=True, nonexistent="shift_forward"
    )
    contacts = spread("M", opening, day=dt.date.fromisoformat(day), tz="America/New_York", total=6667)
    assert contacts[contacts.index.date == dt.date.fromisoformat(day)].sum() == pytest.approx(6667)
    assert abs(contacts.idxmax() - opening) < pd.Timedelta(minutes=31)


def weekdays_only(level=2000.0, weeks=4):
    """Make a daily history whose weekends nobody exported."""
    days = pd.date_range("2026-10-01", periods=7 * weeks, freq="D", tz=TZ)
    return pd.Series(level, index=days[days.day_of_week < 5])


@pytest.mark.parametrize("day", ["2026-10-31", "2026-11-01", "2026-11-06"])
def test_line_3_days_that_were_not_recorded_are_not_zero(day):
    """A Saturday and a Sunday that no export holds are forecast as the other days are, with a wider band."""
    found = forecast_by_history(weekdays_only(), promo_curve("E"), day=dt.date.fromisoformat(day))
    assert found.mean == pytest.approx(2000 * promo_curve("E").likely, rel=0.05)
    weekend = dt.date.fromisoformat(day).weekday() >= 5
    assert found.unseen_weekday == weekend
    usual = forecast_by_history(weekdays_only(), promo_curve("E"), day=dt.date(2026, 10, 30))
    assert (found.high / found.low > 1.1 * usual.high / usual.low) == weekend


def test_line_3_the_band_of_an_unrecorded_weekday_is_that_of_an_unknown_store():
    """The base of a weekday that nobody recorded lies between 0.5 and 1.6 times its mean at least."""
    base = forecast_counts(weekdays_only(), 7)
    saturday = base[base.index.day_of_week == 5].iloc[0]
    assert saturday["p95"] > 1.6 * saturday["mean"]
    assert saturday["p05"] < 0.5 * saturday["mean"]


def promos_by_day(uplifts, *, first="2026-06-17"):
    """Make a daily history with a promo that begins on a day."""
    shop = pd.Series(100.0, index=pd.date_range("2026-05-01", periods=70, freq="D", tz=TZ))
    days = [pd.Timestamp(first, tz=TZ) + pd.Timedelta(days=n) for n in range(len(uplifts))]
    for day, uplift in zip(days, uplifts, strict=True):
        shop[day] = 100 * uplift
    return shop, {"618": [day.date() for day in days]}


@pytest.mark.parametrize(("coming", "uplift"), [("E", 4.0), ("M", 4.0), ("L", 6.0), ("N", 4.0)])
def test_line_3_a_daily_history_teaches_the_coming_kind_of_day(coming, uplift):
    """A promo of a history by the day counts for the day that is planned, its first day or its last."""
    shop, marked = promos_by_day([4.0, 2.0, 6.0])
    [promo] = read_past_promos(shop, marked, coming=coming)
    assert (promo.profile, promo.uplift, promo.shape) == (coming, pytest.approx(uplift), ())
    assert promo_curve(coming, [promo]).promos == 1


def test_line_3_the_hours_of_a_promo_give_its_kind():
    """An opening is known by its jump, a midnight by its first hours, the rest is a last day."""
    hours = pd.date_range("2026-05-01", periods=40 * 24, freq="h", tz=TZ)
    shop = pd.Series(100.0, index=hours)
    for kind, opening in (("M", 0), ("E", 20), ("E", 10), ("L", None)):
        came = shop.copy()
        day = came.index.date == dt.date(2026, 5, 31)
        shape = promo_curve(kind).shape
        came[day] = 12_000 * hours_of_opening(shape, opening=None if opening is None else dt.time(opening))
        [promo] = read_past_promos(came, {"618": [dt.date(2026, 5, 31)]}, coming="E")
        assert promo.profile == kind


def test_line_3_a_history_of_promo_days_alone_teaches_nothing_and_breaks_nothing():
    """Where no ordinary day is left, there is no past promo and no forecast, and no error."""
    shop, _ = promos_by_day([1.0])
    marked = {"always": sorted(set(shop.index.date))}
    assert read_past_promos(shop, marked, coming="E") == []
    assert forecast_by_history(shop, promo_curve("E"), day=dt.date(2026, 10, 31), promo_days=marked["always"]) is None


@pytest.mark.parametrize(
    ("last", "age"), [("2026-10-30", 1), ("2026-07-03", 120), ("2026-07-02", 121), ("2025-05-01", 548)]
)
def test_line_3_an_old_history_is_compared_with_its_age(last, age):
    """However old a history is, it is compared; its age is known, and beyond 120 days the band widens with it."""
    days = pd.date_range(end=last, periods=60, freq="D", tz=TZ)
    found = forecast_by_history(pd.Series(500.0, index=days), promo_curve("E"), day=dt.date(2026, 10, 31))
    assert (found.age_days, found.is_old) == (age, age > 120)
    assert found.mean == pytest.approx(500 * promo_curve("E").likely, rel=0.05)
    fresh = forecast_by_history(
        pd.Series(500.0, index=pd.date_range(end="2026-07-03", periods=60, freq="D", tz=TZ)),
        promo_curve("E"),
        day=dt.date(2026, 10, 31),
    )
    assert (found.high / found.low > 1.01 * fresh.high / fresh.low) == (age > 130)


def test_line_3_a_far_day_is_forecast_as_its_weekday():
    """A history that ended a year ago keeps its busy Saturdays for a Saturday and its quiet Fridays for a Friday."""
    days = pd.date_range(end="2025-10-01", periods=84, freq="D", tz=TZ)
    shop = pd.Series(np.where(days.day_of_week == 5, 900.0, 300.0), index=days)
    saturday, friday = (
        forecast_by_history(shop, promo_curve("N"), day=day) for day in (dt.date(2026, 10, 31), dt.date(2026, 10, 30))
    )
    assert saturday.mean > 2.5 * friday.mean


def test_line_3_the_day_itself_and_what_came_after_it_are_not_used():
    """A history that runs past the promo day is used up to the day before it."""
    days = pd.date_range("2026-09-01", periods=90, freq="D", tz=TZ)
    shop = pd.Series(np.where(days >= pd.Timestamp("2026-10-31", tz=TZ), 9999.0, 100.0), index=days)
    found = forecast_by_history(shop, promo_curve("N"), day=dt.date(2026, 10, 31))
    assert (found.last_day, found.age_days) == (dt.date(2026, 10, 30), 1)
    assert found.mean == pytest.approx(100 * promo_curve("N").likely, rel=0.05)


@pytest.mark.parametrize("rows", [0, 1])
def test_line_11_one_row_of_history_is_passed_over(rows):
    """One observation has no step and none has no level: there is no forecast by history, and no error."""
    shop = pd.Series(50.0, index=pd.date_range("2026-10-30 10:00", periods=rows, tz=TZ, freq="h"))
    shop.index.freq = None
    assert forecast_by_history(shop, promo_curve("E"), day=dt.date(2026, 10, 31)) is None
