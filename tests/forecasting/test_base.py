"""The base forecast: against simple rivals, against known processes, and on the odd histories that stores have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simlib.forecasting import expected_base, forecast_counts
from simlib.streams import stream

BANK = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "bank_il_1999_01_to_09_6min.csv.gz"
OPEN = np.r_[np.zeros(18), np.full(26, 40.0), np.zeros(4)]
WEEK = (1.0, 0.9, 0.9, 1.0, 1.1, 1.4, 1.2)


def shop(days, profile=OPEN, week=WEEK, start="2026-01-05", tz=None, growth=0.0, name="shop"):
    """Draw Poisson counts of a store with a weekly pattern; the first day is a Monday."""
    level = np.array(week)[np.arange(days) % 7] * np.exp(growth * np.arange(days))
    mean = np.outer(level, profile).ravel()
    index = pd.date_range(start, periods=len(mean), freq=pd.Timedelta(days=1) / len(profile), tz=tz)
    return pd.Series(stream(11, 0, name).poisson(mean).astype(float), index=index)


def day_totals(forecast):
    return forecast["mean"].groupby(forecast.index.date).sum()


def svd_ar1(days, weekday, target_weekday, ahead):
    """SVD(3) + AR(1) on square-root counts, the rival that the literature holds up."""
    root = np.sqrt(days)
    left, size, right = np.linalg.svd(root, full_matrices=False)
    score = left[:, :3] * size[:3]
    said = np.zeros(3)
    for k in range(3):
        usual = np.array([score[weekday == d, k].mean() for d in range(7)])
        rest = score[:, k] - usual[weekday]
        slope = rest[1:] @ rest[:-1] / (rest[:-1] @ rest[:-1])
        said[k] = usual[target_weekday] + slope**ahead * rest[-1]
    return np.maximum(said @ right[:3], 0.0) ** 2


def judge_bank(ahead, *, days):
    """Add up the errors of the kit and of two rivals on days of the bank; gives them and the share in the band."""
    wide = pd.read_csv(BANK, index_col=0, parse_dates=True)
    came = wide.to_numpy(dtype=float).reshape(len(wide), 48, 5).sum(axis=2)
    history = pd.Series(came.ravel(), index=pd.date_range(wide.index[0], periods=came.size, freq="30min"))
    weekday = wide.index.day_of_week.to_numpy()
    error = {"kit": 0.0, "svd": 0.0, "mean8": 0.0}
    inside = []
    for day in range(len(came))[days]:
        known = day - ahead + 1
        forecast = forecast_counts(history.iloc[: known * 48], ahead).iloc[-48:]
        same = [d for d in range(known) if weekday[d] == weekday[day]][-8:]
        error["kit"] += np.abs(forecast["mean"].to_numpy() - came[day]).sum()
        error["svd"] += np.abs(svd_ar1(came[:known], weekday[:known], weekday[day], ahead) - came[day]).sum()
        error["mean8"] += np.abs(came[same].mean(axis=0) - came[day]).sum()
        inside.append((came[day] >= forecast["p05"]) & (came[day] <= forecast["p95"]))
    return error, np.mean(inside)


@pytest.mark.parametrize("ahead", [1, 10])
def test_bank_is_forecast_at_least_as_well_as_by_its_rivals_and_the_band_holds(ahead):
    """No worse than SVD(3)+AR(1), better than eight same weekdays: every fifth day of the 50 of prove_base.py."""
    if not BANK.exists():
        pytest.skip("the bank's counts are not beside the repository")
    error, inside = judge_bank(ahead, days=slice(-50, None, 5))
    assert error["kit"] <= error["svd"]
    assert error["kit"] < error["mean8"]
    assert 0.85 <= inside <= 0.95


def share_inside(history, days, origins, aheads, *, hours):
    """Share of the counts of open hours that the band holds, forecast from some mornings with a history of days."""
    inside = []
    for origin in origins:
        forecast = forecast_counts(history.iloc[(origin - days) * 48 : origin * 48], max(aheads))
        came = history.reindex(forecast.index)
        held = (came >= forecast["p05"]) & (came <= forecast["p95"])
        for ahead in aheads:
            day = held.iloc[(ahead - 1) * 48 : ahead * 48]
            inside.extend(day[(day.index.hour >= hours[0]) & (day.index.hour < hours[1])])
    return np.mean(inside)


@pytest.mark.parametrize(
    ("days", "dispersion", "least", "most"),
    [(14, None, 0.88, 0.97), (28, None, 0.87, 0.97), (28, 20.0, 0.87, 0.97), (42, None, 0.86, 0.96)],
)
def test_band_holds_what_it_says_after_few_weeks(days, dispersion, least, most):
    """Tomorrow's Poisson and negative binomial counts of a known process lie in the band about nine times in ten."""
    history = shop(days + 30, name=f"band-{days}")
    if dispersion:
        chance = stream(12, 0, "dispersion")
        level = np.outer(np.array(WEEK)[np.arange(days + 30) % 7], OPEN).ravel()
        history[:] = chance.poisson(level * chance.gamma(dispersion, 1 / dispersion, len(level)))
    origins = range(days, days + 30, 2)
    assert least < share_inside(history, days, origins, [1], hours=(9, 22)) < most


@pytest.mark.parametrize("days", [7, 14, 28])
def test_band_of_the_bank_holds_after_few_weeks(days):
    """With one, two or four weeks of the bank's calls behind it, the band of the next week is near what it says."""
    if not BANK.exists():
        pytest.skip("the bank's counts are not beside the repository")
    wide = pd.read_csv(BANK, index_col=0, parse_dates=True)
    counts = wide.to_numpy(dtype=float).reshape(len(wide), 48, 5).sum(axis=2).ravel()
    history = pd.Series(counts, index=pd.date_range(wide.index[0], periods=len(counts), freq="30min"))
    least = 0.78 if days == 7 else 0.85
    assert least < share_inside(history, days, range(42, 238, 13), [1, 7], hours=(7, 24)) < 0.97


def test_three_good_mornings_on_one_side_do_not_narrow_the_band():
    """After ten days of one count a day the band of the next holds more than three in four, over 60 drawn stores."""
    chance = stream(12, 0, "short-10")
    held = []
    for _ in range(60):
        came = chance.poisson(400 * chance.gamma(12, 1 / 12, 11))
        history = pd.Series(came[:-1].astype(float), index=pd.date_range("2026-09-01", periods=10))
        tomorrow = forecast_counts(history, 1).iloc[0]
        held.append(tomorrow["p05"] <= came[-1] <= tomorrow["p95"])
    assert 0.77 < np.mean(held) < 0.97


def test_weekday_seen_once_near_zero_is_believed():
    """After one week whose Sunday was shut, the next Sunday is forecast below a tenth, the other days as they were."""
    totals = day_totals(forecast_counts(shop(7, week=(1, 1, 1, 1, 1, 1, 0.01)), 7)).to_numpy()
    assert totals[6] < 0.1 * OPEN.sum()
    np.testing.assert_allclose(totals[:6], OPEN.sum(), rtol=0.1)


@pytest.mark.parametrize("days", [1, 2, 6, 7, 8, 13, 28, 60])
def test_any_length_of_history_gives_an_ordered_band_on_the_next_days(days):
    """From one day on, mean and quantiles are finite, ordered, and stand on the next days at the same step."""
    history = shop(days)
    forecast = forecast_counts(history, 14)
    assert len(forecast) == 14 * 48
    assert forecast.index[0] == history.index[-1] + pd.Timedelta("30min")
    assert np.isfinite(forecast.to_numpy()).all()
    assert (forecast["p05"] >= 0).all()
    for low, high in [("p05", "p50"), ("p50", "p95"), ("p05", "mean"), ("mean", "p95")]:
        assert (forecast[low] <= forecast[high]).all()


def test_band_narrows_as_the_store_becomes_known():
    """A band after eight weeks is narrower than one after a single day."""
    width = [(f["p95"] - f["p05"]).sum() / f["mean"].sum() for f in (forecast_counts(shop(d), 1) for d in (1, 56))]
    assert width[1] < 0.8 * width[0]


def test_weekly_pattern_and_closed_hours_are_found():
    """Ten weeks of a known process give its weekday totals within 5 %, and nothing at night."""
    forecast = forecast_counts(shop(70), 7)
    np.testing.assert_allclose(day_totals(forecast), OPEN.sum() * np.array(WEEK), rtol=0.05)
    night = forecast.between_time("22:00", "08:30")
    assert (night["p95"] == 0).all()


@pytest.mark.parametrize("mean", [0.05, 0.3, 3.0, 3000.0])
def test_poisson_counts_keep_their_mean_and_their_band(mean):
    """Pure Poisson noise is forecast at its mean, and the band holds at least 85 % of it, rare or frequent."""
    history = shop(120, profile=np.full(24, mean), week=(1,) * 7, name=f"poisson-{mean}")
    forecast = forecast_counts(history.iloc[: -14 * 24], 14)
    known = history.iloc[: -14 * 24].mean()
    assert abs(forecast["mean"].mean() - known) < 0.1 * known + 0.01
    came = history.iloc[-14 * 24 :]
    assert ((came >= forecast["p05"]) & (came <= forecast["p95"])).mean() > 0.85


def test_growth_is_followed():
    """A store that grows 0.6 % a day is forecast within 10 % a week ahead, which its eight-week mean misses."""
    history = shop(150, growth=0.006)
    truth = shop(157, growth=0.006).iloc[-7 * 48 :].sum()
    assert abs(forecast_counts(history, 7)["mean"].sum() / truth - 1) < 0.10
    assert history.iloc[-56 * 48 :].sum() / 8 / truth < 0.85


def test_new_level_is_learned_within_two_weeks():
    """After the level rose by 80 % for two weeks, tomorrow is forecast within 12 % of the new level."""
    history = shop(100)
    history.iloc[-14 * 48 :] = shop(14, profile=OPEN * 1.8, start="2026-04-01", name="new").to_numpy()
    tomorrow = forecast_counts(history, 7)["mean"].sum()
    assert abs(tomorrow / (1.8 * OPEN.sum() * sum(WEEK)) - 1) < 0.12


def test_shop_that_opens_one_weekday_keeps_it():
    """A shop that opens on Saturdays only is forecast on Saturday and at less than a thousandth on other days."""
    totals = day_totals(forecast_counts(shop(91, week=(0, 0, 0, 0, 0, 1, 0)), 7)).to_numpy()
    assert abs(totals[5] / OPEN.sum() - 1) < 0.06
    assert np.delete(totals, 5).max() < OPEN.sum() / 1000


def test_weekend_of_zeros_is_shut_and_one_that_was_not_recorded_is_not():
    """Zeros at weekends are a shut shop; rows that the export leaves out are days that nobody recorded."""
    zeros = shop(82, week=(1, 1, 1, 1, 1, 0, 0))
    left_out = zeros[zeros.index.day_of_week < 5]
    shut, unknown = (forecast_counts(history, 14) for history in (zeros, left_out))
    totals = day_totals(shut)
    weekend = pd.DatetimeIndex(totals.index).day_of_week >= 5
    assert totals[weekend].max() < OPEN.sum() / 200
    np.testing.assert_allclose(totals[~weekend], OPEN.sum(), rtol=0.08)
    np.testing.assert_allclose(day_totals(unknown), OPEN.sum(), rtol=0.12)
    wide, narrow = (
        unknown[(unknown.index.day_of_week >= 5) == at_weekend].pipe(lambda f: f["p95"].sum() / f["mean"].sum())
        for at_weekend in (True, False)
    )
    assert wide > narrow + 0.2


def test_constant_zeros_stay_zero():
    """A queue that nobody ever wrote to is forecast at nothing, with no band."""
    assert (forecast_counts(shop(30) * 0, 7) == 0).all(axis=None)


def test_promo_day_is_kept_out_when_marked_and_tamed_when_not():
    """A sevenfold day moves the base by under 1 % when marked by date or mask, by under 5 % when nobody marked it."""
    history = shop(70)
    usual = forecast_counts(history, 7)["mean"].sum()
    spiked = history.copy()
    promo = spiked.index.normalize() == pd.Timestamp("2026-03-01")
    spiked[promo] *= 7
    by_date = forecast_counts(spiked, 7, promo_days=["2026-03-01"])["mean"].sum()
    by_mask = forecast_counts(spiked, 7, promo_days=pd.Series(promo, index=spiked.index))["mean"].sum()
    unmarked = forecast_counts(spiked, 7)["mean"].sum()
    assert by_date == by_mask
    assert abs(by_date / usual - 1) < 0.01
    assert abs(unmarked / usual - 1) < 0.05


def test_marked_promo_teaches_what_the_day_would_have_been():
    """The base that is read under a marked promo day is the ordinary Sunday within 10 %."""
    spiked = shop(70)
    promo = spiked.index.normalize() == pd.Timestamp("2026-03-01")
    spiked[promo] *= 7
    base = expected_base(spiked, ["2026-03-01"])
    assert len(base) == 48
    assert abs(base.sum() / (OPEN.sum() * WEEK[6]) - 1) < 0.10


def test_coming_holiday_is_forecast_by_past_holidays():
    """With three past holidays at a tenth, the coming one lies between a tenth and a half; other days stay."""
    history = shop(70)
    marked = ["2026-01-22", "2026-02-11", "2026-02-26"]
    for day in marked:
        history[history.index.normalize() == pd.Timestamp(day)] *= 0.1
    plain = day_totals(forecast_counts(history, 7, holidays=marked)).to_numpy()
    with_holiday = day_totals(forecast_counts(history, 7, holidays=[*marked, "2026-03-18"])).to_numpy()
    assert 0.1 < with_holiday[2] / plain[2] < 0.5
    np.testing.assert_allclose(np.delete(with_holiday, 2), np.delete(plain, 2))


@pytest.mark.parametrize("harm", ["nan cells", "rows missing", "three weeks away", "night rows left out", "shuffled"])
def test_holes_do_not_move_the_forecast(harm):
    """Cells, rows or weeks that were not seen change the next week by under 6 %."""
    history = shop(70)
    usual = forecast_counts(history, 7)["mean"].sum()
    lost = stream(3, 0, "lost").random(len(history)) < 0.15
    harmed = {
        "nan cells": history.mask(lost),
        "rows missing": history[~lost],
        "three weeks away": history.mask((history.index >= "2026-02-02") & (history.index < "2026-02-23")),
        "night rows left out": history[history > 0],
        "shuffled": history.sample(frac=1.0, random_state=1),
    }[harm]
    forecast = forecast_counts(harmed, 7)
    assert forecast.index[0] == pd.Timestamp("2026-03-16")
    assert len(forecast) == 7 * 48
    assert abs(forecast["mean"].sum() / usual - 1) < 0.06


def test_evening_that_is_not_over_is_not_taken_for_a_bad_day():
    """Cut at 14:00, the forecast begins at 14:00 and the next days stay within 4 % of the whole history's."""
    history = shop(70)
    whole = forecast_counts(history.iloc[:-48], 7)
    cut = forecast_counts(history.iloc[:-20], 6)
    assert cut.index[0] == history.index[-20]
    later = cut[cut.index >= "2026-03-16"]
    assert abs(later["mean"].sum() / whole["mean"].reindex(later.index).sum() - 1) < 0.04


@pytest.mark.parametrize(
    ("zone", "start", "rows"),
    [("Europe/Berlin", "2026-01-26", 670), ("Europe/Berlin", "2025-08-25", 674), ("Asia/Shanghai", "2026-01-26", 672)],
)
def test_clock_change_moves_no_opening_hour(zone, start, rows):
    """Over the clock change the open hours of the wall clock stay, and the fortnight is an hour shorter or longer."""
    wall = shop(56, start=start)
    history = wall.copy()
    history.index = wall.index.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
    forecast = forecast_counts(history, 14)
    assert len(forecast) == rows
    assert str(forecast.index.tz) == zone
    assert forecast.index.is_unique
    opened = forecast[forecast["mean"] > 1]
    assert opened.index.hour.min() == 9
    assert opened.index.hour.max() == 21


def test_autumn_hour_that_comes_twice_is_one_hour_seen_twice():
    """A history across the end of summer time keeps its mean at two in the morning."""
    index = pd.date_range("2025-10-01", "2025-11-10", freq="h", tz="Europe/Berlin", inclusive="left")
    forecast = forecast_counts(pd.Series(50.0, index=index), 2)
    np.testing.assert_allclose(forecast["mean"], 50.0, rtol=0.02)


@pytest.mark.parametrize("step", ["5min", "6min", "15min", "60min", "6h", "D"])
def test_every_step_forecasts_the_same_day_total(step):
    """The same buyers counted by another step give the same day totals within 3 %."""
    fine = shop(56, profile=np.full(288, 4.0))
    history = fine.resample(step).sum()
    expected = day_totals(forecast_counts(fine, 7)).to_numpy()
    np.testing.assert_allclose(day_totals(forecast_counts(history, 7)), expected, rtol=0.03)


def test_same_history_gives_the_same_bytes_and_stays_untouched():
    """Two forecasts are equal to the last bit, and the history is not changed."""
    history = shop(60)
    before = history.copy()
    first, second = forecast_counts(history, 7), forecast_counts(history, 7)
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    pd.testing.assert_series_equal(history, before)


STAMPS = pd.date_range("2026-01-01", periods=4, freq="30min")


@pytest.mark.parametrize(
    ("history", "says"),
    [
        (pd.Series(dtype=float, index=pd.DatetimeIndex([])), "holds no observation"),
        (pd.Series(np.nan, index=STAMPS), "holds no observation"),
        (pd.Series([1.0, 2.0]), "DatetimeIndex"),
        (pd.Series([1.0, 2.0, -3.0, 4.0], index=STAMPS), "-3 at 2026-01-01 01:00:00"),
        (pd.Series([1.0, np.inf, 3.0, 4.0], index=STAMPS), "inf at 2026-01-01 00:30:00"),
        (pd.Series([5.0], index=pd.DatetimeIndex(["2026-01-01"])), "step is unknown"),
        (pd.Series(1.0, index=pd.date_range("2026-01-01", periods=5, freq="7D")), "divides a day"),
        (pd.Series(1.0, index=STAMPS.union(pd.DatetimeIndex(["2026-01-01 02:07"]))), "02:07:00 is off that grid"),
    ],
)
def test_a_history_that_cannot_be_read_is_refused_by_name(history, says):
    """What cannot be a history is refused with the value, the place and what is allowed."""
    with pytest.raises(ValueError, match=says):
        forecast_counts(history, 1)


def test_zero_days_and_a_history_of_promos_only_are_refused():
    """No day to forecast, and no ordinary day to learn from, are both said."""
    with pytest.raises(ValueError, match="days must be >= 1"):
        forecast_counts(shop(7), 0)
    with pytest.raises(ValueError, match="no ordinary day is left"):
        forecast_counts(shop(2), 1, promo_days=["2026-01-05", "2026-01-06"])


@pytest.mark.parametrize("argument", ["promo_days", "holidays"])
def test_a_bare_mask_is_refused_with_what_is_allowed(argument):
    """A mask without the index of history, as numpy gives it, is refused in a sentence."""
    history = shop(7)
    with pytest.raises(ValueError, match="dates, or a boolean Series with the index of history"):
        forecast_counts(history, 1, **{argument: history.to_numpy() > 1e6})
