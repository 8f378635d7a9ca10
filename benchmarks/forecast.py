"""The base forecast and the promo forecast beside what a user would pick instead, in one run.

Run: ``.venv/bin/python benchmarks/forecast.py [--days 50] [--statsforecast-days 10]``.

*Half hours.* A bank's call centre, its last 50 days, rolling, 1 and 10 days ahead: share of contacts misjudged (WAPE)
by half hour and by day, the share of half hours inside the 90 % band, and the Poisson floor: the error of somebody
who knew every mean. The rivals are SVD(3) + AR(1) on square-root counts, the mean of the last eight same weekdays, the
last same weekday, and statsforecast's MSTL where the group ``bench`` is installed (slow, so on fewer days).

*Days.* A marketplace's orders, 50 days before its Black Friday, the same way.

*The promo.* That Black Friday, said a week before: ordinary day x uplift with its band, beside "as last promo": the
last day that was far above its weeks, taken over by hand. Then the uplift's band after 0 to 3 promos of its own.

The data are read from ``../shared/data`` and are not part of the project.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import gammaln

from simlib.forecasting import PastPromo, forecast_counts, promo_curve
from simlib.forecasting.promo import day_total

DATA = Path(__file__).parents[2] / "shared" / "data"
BLACK_FRIDAY = pd.Timestamp("2017-11-24")
Rival = Callable[[np.ndarray, np.ndarray, int, int], np.ndarray]  # days so far, weekdays, weekday wanted, days ahead


def svd_ar1(days: np.ndarray, weekday: np.ndarray, wanted: int, ahead: int) -> np.ndarray:
    """Three singular vectors of the square roots, their daily weights as weekday mean plus AR(1)."""
    left, size, right = np.linalg.svd(np.sqrt(days), full_matrices=False)
    said = []
    for score in (left * size).T[:3]:
        usual = np.array([score[weekday == day].mean() for day in range(7)])
        rest = score - usual[weekday]
        slope = rest[1:] @ rest[:-1] / (rest[:-1] @ rest[:-1])
        said.append(usual[wanted] + slope**ahead * rest[-1])
    return np.maximum(np.array(said) @ right[:3], 0.0) ** 2


def mean_of_eight(days: np.ndarray, weekday: np.ndarray, wanted: int, ahead: int) -> np.ndarray:
    """Mean of the last eight same weekdays."""
    return days[weekday == wanted][-8:].mean(axis=0)


def last_same(days: np.ndarray, weekday: np.ndarray, wanted: int, ahead: int) -> np.ndarray:
    """Take the last same weekday."""
    return days[weekday == wanted][-1]


def mstl(days: np.ndarray, weekday: np.ndarray, wanted: int, ahead: int) -> np.ndarray:
    """Ask statsforecast's MSTL with a daily and a weekly season, as its guide shows it, on eight weeks."""
    from statsforecast.models import MSTL

    slots = days.shape[1]
    seasons = [7] if slots == 1 else [slots, 7 * slots]
    said = MSTL(season_length=seasons).forecast(days[-56:].ravel(), h=ahead * slots)["mean"]
    return np.maximum(said[-slots:], 0.0)


RIVALS: dict[str, Rival] = {"svd(3)+ar(1)": svd_ar1, "mean of 8 weekdays": mean_of_eight, "last weekday": last_same}


def poisson_floor(came: np.ndarray) -> float:
    """Mean absolute error of a Poisson count around its known mean, over the mean; the counts stand for the means."""
    mean = came[came > 0]
    k = np.floor(mean)
    return float((2 * np.exp(-mean + (k + 1) * np.log(mean) - gammaln(k + 1))).sum() / came.sum())


def misjudged(said: np.ndarray, came: np.ndarray) -> tuple[float, float]:
    """WAPE by interval and by day, in percent."""
    by_day = np.abs(said.sum(axis=1) - came.sum(axis=1)).sum()
    return 100 * float(np.abs(said - came).sum() / came.sum()), 100 * float(by_day / came.sum())


def compare(history: pd.Series, slots: int, ahead: int, days: int, slow_days: int) -> pd.DataFrame:
    """Forecast the last days one by one with what was known so many days before."""
    matrix = history.to_numpy(dtype=float).reshape(-1, slots)
    weekday = pd.DatetimeIndex(history.index[::slots]).day_of_week.to_numpy()
    targets = np.arange(len(matrix) - days, len(matrix))
    rows = {}

    began = time.perf_counter()
    frames = [forecast_counts(history.iloc[: (t - ahead + 1) * slots], ahead).iloc[-slots:] for t in targets]
    seconds = (time.perf_counter() - began) / days
    said, p05, p95 = (np.array([frame[column].to_numpy() for frame in frames]) for column in ("mean", "p05", "p95"))
    came = matrix[targets]
    inside = 100 * float(((came >= p05) & (came <= p95)).mean())
    rows["forecast_counts"] = (*misjudged(said, came), inside, 1000 * seconds, days)

    rivals = dict(RIVALS)
    if slow_days and importlib.util.find_spec("statsforecast"):
        rivals["statsforecast MSTL"] = mstl
    few = np.arange(days)[:: max(days // max(slow_days, 1), 1)]
    for name, rival in rivals.items():
        chosen = targets[few] if rival is mstl else targets
        began = time.perf_counter()
        answers = [rival(matrix[: t - ahead + 1], weekday[: t - ahead + 1], weekday[t], ahead) for t in chosen]
        seconds = (time.perf_counter() - began) / len(chosen)
        rows[name] = (*misjudged(np.array(answers), matrix[chosen]), np.nan, 1000 * seconds, len(chosen))
    if mstl in rivals.values():
        rows["forecast_counts, those days"] = (*misjudged(said[few], came[few]), np.nan, np.nan, len(few))
    rows["poisson floor"] = (100 * poisson_floor(came), 100 * poisson_floor(came.sum(axis=1)), np.nan, np.nan, days)
    columns = ["interval_wape_pct", "day_wape_pct", "inside_band_pct", "ms_a_forecast", "days"]
    return pd.DataFrame(rows, index=columns).T


def bank_half_hours() -> pd.Series:
    """Read the bank's calls, from six minutes to half hours."""
    wide = pd.read_csv(DATA / "bank_il_1999_01_to_09_6min.csv.gz", index_col=0, parse_dates=True)
    counts = wide.to_numpy(dtype=float).reshape(len(wide), 48, 5).sum(axis=2).ravel()
    return pd.Series(counts, index=pd.date_range(wide.index[0], periods=len(counts), freq="30min"))


def marketplace_days() -> pd.Series:
    """Read the marketplace's orders by day."""
    table = pd.read_csv(DATA / "olist_daily_orders_2017_2018.csv", index_col="date", parse_dates=True)
    return table["orders"].astype(float).asfreq("D").fillna(0.0)


def say_black_friday(orders: pd.Series) -> None:
    """Print the forecast of Black Friday a week before, and how the band narrows with promos of its own."""
    known = orders[: BLACK_FRIDAY - pd.Timedelta(days=7)]
    base = forecast_counts(known, 7)
    came = orders[BLACK_FRIDAY]
    by_hand = (known / known.rolling(28).median().shift()).iloc[28:]
    best = by_hand.idxmax()
    print(f"\nBlack Friday {BLACK_FRIDAY:%Y-%m-%d}, said on {known.index[-1]:%Y-%m-%d}: {came:,.0f} orders came")
    print(f"  ordinary day: {base['mean'].iloc[-1]:,.0f} ({base['p05'].iloc[-1]:,.0f} to {base['p95'].iloc[-1]:,.0f})")
    print(f"  by hand, as the busiest day so far ({best:%Y-%m-%d}): {base['mean'].iloc[-1] * by_hand[best]:,.0f}")
    for promos in range(4):
        own = [PastPromo(name="own", day=BLACK_FRIDAY.date(), profile="M", uplift=7.24)] * promos
        low, likely, high = day_total(base, promo_curve("M", own), day=BLACK_FRIDAY.date())
        held = "inside" if low <= came <= high else "OUTSIDE"
        print(f"  kit, after {promos} (imagined) promos of 7.24 x: {likely:,.0f} ({low:,.0f} to {high:,.0f}), {held}")


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=50)
    parser.add_argument("--statsforecast-days", type=int, default=7)
    chosen = parser.parse_args()
    if not DATA.exists():
        print(f"no data at {DATA}: nothing to compare on")
        return
    print(f"Python {platform.python_version()}, {platform.machine()}; last {chosen.days} days, rolling")
    orders = marketplace_days()
    before = orders[: BLACK_FRIDAY - pd.Timedelta(days=1)]
    for name, history, slots in (("bank, half hours", bank_half_hours(), 48), ("marketplace, days", before, 1)):
        for ahead in (1, 10):
            print(f"\n{name}, {ahead} days ahead")
            table = compare(history, slots, ahead, chosen.days, chosen.statsforecast_days)
            print(table.round(1).to_string(na_rep=""))
    say_black_friday(orders)


if __name__ == "__main__":
    main()
