"""The base forecast: what an ordinary day brings, interval by interval, with a band, for any store.

A history is laid out as a matrix, one row per day and one column per interval of the day. Two simple views of it
forecast side by side and are mixed by how well each did on the days already past:

* **level x weekday x profile.** The level of the next days is a mixture of yesterday, the last week, the last
  four weeks and the whole history. The shares are those that would have served best so far, learned for each
  number of days ahead. Before there is a record near days lean on yesterday and far days on the long run
  (Taylor, Management Science 54(2), 2008: beyond two or three days a historical average is hard to beat).
* **three daily patterns.** The first three singular vectors of the square roots of the counts, whose daily
  weights fall back to their weekday's mean as an AR(1) (Shen & Huang, M&SOM 10(3), 2008).

The band is the spread of past forecasts made the same way. A count of mean m scatters with variance m + d m^2,
Poisson noise and a share of the level, as a negative binomial count does; d is set for each side, number of days
ahead and part of the day so that 5 % of what came would have been beyond.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Marked: TypeAlias = Iterable[Any] | pd.Series

DAY = pd.Timedelta(days=1)
HOUR = pd.Timedelta(hours=1)
FINEST_STEP = pd.Timedelta(minutes=1)
TAIL = 0.05  # share beyond the band on each side
TAIL_Z = 1.645

HORIZONS = (1, 2, 3, 5, 7, 10, 14, 21, 28)  # days ahead that are learned; the others lie between two of them
SPANS = (1, 7, 28, None)  # days a level looks back on; None is the whole history
SHARES = np.array([share for share in product(range(6), repeat=len(SPANS)) if sum(share) == 5]) / 5
NEAR_SHARE = np.array([0.4, 0.3, 0.2, 0.1])  # believed for tomorrow, before there is a record
FAR_SHARE = np.array([0.0, 0.0, 0.1, 0.9])  # believed for a day far ahead
FAR_DAYS = 4.0  # the prior moves from near to far within some such number of days
PATTERNS = 3
PATTERNS_FROM_DAYS = 28  # weekday means of fewer weeks are mostly noise
MIXES = np.linspace(0.0, 1.0, 5)  # shares of the patterns that are tried
NEAR_PATTERNS, FAR_PATTERNS = 0.5, 1.0  # shares of the patterns in the day total, believed before a record
ORIGINS = 42  # past mornings that judge the method
PRIOR_DAYS = 10.0  # a prior counts as much as a record of so many days
PARTS_OF_DAY = 6
ONE_SIDE = 1 / TAIL - 1  # errors from which one side has seen its own one in twenty; before, both sides speak for it
UNKNOWN_SPREAD = 0.2  # d of a store without a record: 90 % of counts between 0.4 and 1.8 times their mean
LEAN = 0.05  # days that a span borrows from the next longer one
ODD_WEEKDAY = 0.2  # a root may be so far from its week, as a share of it, without being a habit
ODD_PROFILE = 3.0  # chi-square by slot from which the day of a weekday has its own shape
ODD_FACTOR = 2.0  # a day is taken as at most so many times what its week promised, and at least one in so many


@dataclass(frozen=True, kw_only=True)
class Days:
    """A history as a matrix with no holes.

    Parameters
    ----------
    counts : ndarray, shape (days, slots)
        Counts to learn from: what was missing or kept out holds what an ordinary day would have brought, and a day
        of a spike that nobody marked is scaled down.
    weekday : ndarray of int, shape (days,)
        0 = Monday.
    came : ndarray, shape (days, slots)
        Counts that judge a forecast: as they were seen, nan on days that were not.
    """

    counts: Floats
    weekday: Ints
    came: Floats

    def before(self, day: int) -> Days:
        """Keep what was known on the morning of one day."""
        return Days(counts=self.counts[:day], weekday=self.weekday[:day], came=self.came[:day])

    def weekday_ahead(self, horizons: Ints) -> Ints:
        """Return the weekday of days ahead; 1 is the day after the last."""
        return np.asarray((self.weekday[-1] + horizons) % 7)


@dataclass(frozen=True, kw_only=True)
class DayMatrix:
    """How time stamps and the matrix of days belong together."""

    first_day: pd.Timestamp
    step: pd.Timedelta
    tz: Any

    @property
    def slots(self) -> int:
        """Count the intervals of one day."""
        return int(DAY // self.step)

    def locate(self, stamps: pd.DatetimeIndex) -> tuple[Ints, Ints]:
        """Find row (day) and column (slot by the wall clock) of each stamp."""
        wall = stamps.tz_localize(None)
        midnight = wall.normalize()
        return np.asarray((midnight - self.first_day) // DAY), np.asarray((wall - midnight) // self.step)

    def stamp(self, wall: pd.Timestamp) -> pd.Timestamp:
        """Return a wall-clock time in the zone: the first of two, the next one where the clock leaps over it."""
        return wall.tz_localize(self.tz, ambiguous=True, nonexistent="shift_forward") if self.tz else wall

    def ahead(self, begin: pd.Timestamp, days: int) -> pd.DatetimeIndex:
        """Lay the intervals over the next days; the day of a clock change is an hour shorter or longer."""
        wall = begin.tz_localize(None)
        if self.step == DAY:
            return pd.DatetimeIndex([self.stamp(wall + day * DAY) for day in range(days)])
        return pd.date_range(begin, self.stamp(wall + days * DAY), freq=self.step, inclusive="left")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What the method would have said on past mornings, beside what came.

    Parameters
    ----------
    horizons : ndarray of int, shape (h,)
        Days ahead that were tried.
    patterns_share : ndarray, shape (h,)
        Share of the daily patterns in the mixture; the rest is level x weekday x profile.
    said, came : ndarray, shape (origins, h, slots)
        Mixed forecast and count; nan where nothing was seen.
    """

    horizons: Ints
    patterns_share: Floats
    said: Floats
    came: Floats


def forecast_counts(history: pd.Series, days: int, *, promo_days: Marked = (), holidays: Marked = ()) -> pd.DataFrame:
    """Forecast a series of counts for the next days, with a 90 % band.

    Parameters
    ----------
    history : Series of counts on a DatetimeIndex
        One regular step that divides a day, from a minute to a day; with a time zone or without. Rows that are
        missing or nan were not seen. A slot that no day has is closed; a weekday that no week has was not recorded
        and is forecast as the other days are, with the band of a store about which little is known. Where the last
        day is cut short the forecast begins right after its last interval and rests on the days before
        (``reforecast`` is for tonight).
    days : int
        How many days ahead, >= 1.
    promo_days : dates, or a boolean Series with the index of ``history``
        Kept out of the base: they teach nothing about ordinary days. Future ones are forecast as ordinary days.
    holidays : dates, or a boolean Series with the index of ``history``
        Past ones are kept out too. Future ones are forecast at the share of an ordinary day that the past ones
        brought, drawn to the whole as if one more holiday had been ordinary.

    Returns
    -------
    DataFrame
        Index: the next ``days`` days at the same step. Columns mean, p05, p50, p95, counts an interval, with
        0 <= p05 <= p50 <= p95 and p05 <= mean <= p95; 90 % of the counts, not of their means, should lie between
        p05 and p95.

    Raises
    ------
    ValueError
        No observation at all (nothing says how large the store is; ``spread_day`` spreads a day total instead),
        a negative count, no regular step, a step that does not divide a day, days < 1.

    Notes
    -----
    No history at all is refused rather than guessed: a calendar says when a store is open, not how large it is, and
    ``spread_day`` turns the day total of a sales plan into intervals with a band.

    With less than a week, weekdays are held equal. From seven days on a weekday seen once is half believed, and wholly
    where it was far from its week, as a shut day is. Up to seven days the band is that of a store about which little
    is known (about 0.4 to 1.8 times the mean); its own past errors take over as they come in, the faster the less the
    intervals of a day err together.

    Examples
    --------
    >>> shop = pd.Series([40.0, 60.0] * 28, index=pd.date_range("2026-09-01", periods=56, freq="12h"))
    >>> forecast_counts(shop, days=1)["mean"].round().tolist()
    [40.0, 60.0]
    """
    if days < 1:
        raise ValueError(f"days must be >= 1, got {days!r}")
    grid, cells, begin = _lay_out(history)
    past = _fill_holes(cells, grid, _marked(promo_days, history, grid) + _marked(holidays, history, grid))
    index = grid.ahead(begin, days)
    day, slot = grid.locate(index)
    horizon = day - len(cells) + 1

    trial = _try_on_past(past, int(horizon.max()))
    mean = _forecast(past, np.arange(1, horizon.max() + 1), trial)[horizon - 1, slot]
    mean = mean * _holiday_share(cells, past, _marked(holidays, history, grid), day)
    low, high = _spreads(trial)
    least = np.where(_unseen(cells, past, horizon), UNKNOWN_SPREAD, 0.0)
    return _band(mean, np.maximum(low(horizon, slot), least), np.maximum(high(horizon, slot), least), index)


def expected_base(history: pd.Series, days_out: Marked) -> pd.Series:
    """Compute what the days of a history would have brought, had they been ordinary.

    Parameters
    ----------
    history : Series of counts on a DatetimeIndex
        As for ``forecast_counts``.
    days_out : dates, or a boolean Series with the index of ``history``
        Promo days; the days around them, same weekday first, say what was ordinary.

    Returns
    -------
    Series
        Expected ordinary counts at the stamps of ``history`` that belong to ``days_out``.

    Examples
    --------
    >>> shop = pd.Series(100.0, index=pd.date_range("2026-10-01", periods=42, freq="D"))
    >>> shop["2026-11-11"] = 700.0
    >>> expected_base(shop, ["2026-11-11"]).round().tolist()
    [100.0]
    """
    grid, cells, _ = _lay_out(history)
    out = _marked(days_out, history, grid)
    past = _fill_holes(cells, grid, out)
    day, slot = grid.locate(_stamps(history))
    chosen = np.isin(day, out) & (day < len(cells))
    return pd.Series(past.counts[day[chosen], slot[chosen]], index=history.index[chosen], name=history.name)


# --- from stamps to a matrix ---------------------------------------------------------------------------------


def _lay_out(history: pd.Series) -> tuple[DayMatrix, Floats, pd.Timestamp]:
    """Lay a history out by day and slot, nan where nothing was seen, and say when the forecast begins."""
    index = _stamps(history)
    seen = ~np.isnan(history.to_numpy(dtype=float))
    if not seen.any():
        raise ValueError(
            "history holds no observation, so nothing says how large the store is; "
            "give at least one day, or spread a day total with spread_day"
        )
    values = history.to_numpy(dtype=float)[seen]
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        raise ValueError(f"history must hold counts >= 0, got {values[wrong][0]:g} at {index[seen][wrong][0]}")
    step = _step_of(index)
    grid = DayMatrix(first_day=index[seen].min().tz_localize(None).normalize(), step=step, tz=index.tz)
    day, slot = grid.locate(index[seen])
    last = index.max()
    [last_day], [last_slot] = grid.locate(pd.DatetimeIndex([last]))
    total = np.zeros((last_day + 1, grid.slots))
    times = np.zeros_like(total)
    # an hour that the clock shows twice, or a row pasted twice, is one slot seen twice: its mean
    np.add.at(total, (day, slot), values)
    np.add.at(times, (day, slot), 1.0)
    cells = np.where(times > 0, total / np.maximum(times, 1.0), np.nan)

    closing_slot = slot[day < last_day].max() if (day < last_day).any() else last_slot
    cut_short = last_slot < closing_slot
    tomorrow = grid.stamp(grid.first_day + (last_day + 1) * DAY)
    begin = last + step if step < DAY and (cut_short or last + step > tomorrow) else tomorrow
    return grid, cells[:-1] if cut_short else cells, begin


def _unseen(cells: Floats, past: Days, horizon: Ints) -> Bools:
    """Return whether the weekday of each interval ahead has no day in the history: not recorded, which is not zero."""
    skipped = len(cells) - len(past.counts)
    seen = np.bincount(past.weekday, (~np.isnan(cells[skipped:])).any(axis=1), minlength=7) > 0
    return ~seen[past.weekday_ahead(horizon)]


def _stamps(history: pd.Series) -> pd.DatetimeIndex:
    """Return the time stamps of a history; refuse one that stands on anything else."""
    if not isinstance(history.index, pd.DatetimeIndex):
        raise ValueError(f"history must stand on a DatetimeIndex, got {type(history.index).__name__}")
    return history.index


def _step_of(index: pd.DatetimeIndex) -> pd.Timedelta:
    """Find the one step of an index; refuse one that has none or that does not divide a day."""
    stamps = index.unique().sort_values()
    gaps = np.asarray(stamps[1:] - stamps[:-1], dtype="timedelta64[ns]")
    if len(gaps):
        step = pd.Timedelta(pd.Series(gaps).mode()[0])
    elif index.freq is not None:
        step = stamps[0] + index.freq - stamps[0]
    else:
        raise ValueError("history has one stamp and no freq, so its step is unknown; give two intervals or set freq")
    if not FINEST_STEP <= step <= DAY or DAY % step != pd.Timedelta(0):
        raise ValueError(f"history must have a step that divides a day, from a minute to a day; got {step}")
    wall = stamps.tz_localize(None)
    wall_gaps = np.asarray(wall[1:] - wall[:-1], dtype="timedelta64[ns]")
    off = (gaps % step.to_timedelta64() != 0) & (wall_gaps % step.to_timedelta64() != 0)
    if off.any():
        where = stamps[int(off.argmax()) + 1]
        raise ValueError(f"history must be regular: most steps are {step}, but the stamp {where} is off that grid")
    return step


def _marked(marks: Marked, history: pd.Series, grid: DayMatrix) -> list[int]:
    """Return dates, or a mask over the history, as row numbers of the matrix; future days lie beyond its end."""
    if isinstance(marks, pd.Series) and marks.dtype == bool:
        if not marks.index.equals(history.index):
            raise ValueError("a mask of promo days or holidays must have the index of history")
        stamps = _stamps(history)[marks.to_numpy()]
    else:
        dates = []
        for mark in marks:
            if isinstance(mark, bool | np.bool_):
                raise ValueError("promo days and holidays must be dates, or a boolean Series with the index of history")
            dates.append(pd.Timestamp(mark))
        stamps = pd.DatetimeIndex([date.tz_localize(None) for date in dates])
    if len(stamps) == 0:
        return []
    return list(np.unique(grid.locate(stamps)[0]).tolist())


def _fill_holes(cells: Floats, grid: DayMatrix, kept_out: list[int]) -> Days:
    """Fill in what an ordinary day would have brought where nothing was seen or a day is kept out.

    A hole takes the mean of its slot on the same weekday, near weeks first, at the level of the rest of its day.
    """
    n = len(cells)
    weekday = (grid.first_day.day_of_week + np.arange(n)) % 7
    out = [day for day in kept_out if 0 <= day < n]
    if len(set(out)) == n:
        raise ValueError("every day of history is marked, so no ordinary day is left to learn from")
    cells = cells.copy()
    cells[out] = np.nan
    seen = ~np.isnan(cells)
    open_slot = seen.any(axis=0)
    scored = seen[:, open_slot].mean(axis=1) > 0.5
    if not seen.any():
        raise ValueError("every observation of history is marked, so no ordinary day is left to learn from")
    counts = np.where(seen, cells, 0.0)
    if not (seen | ~open_slot).all():
        near = 0.5 ** (np.abs(np.subtract.outer(np.arange(n), np.arange(n))) / 28)
        usual = _kernel_mean(near, counts, seen)
        for one in range(7):
            own = weekday == one
            means = _kernel_mean(near[np.ix_(own, own)], counts[own], seen[own])
            usual[own] = np.where(np.isnan(means), usual[own], means)
        usual = np.nan_to_num(usual)
        level = (counts.sum(axis=1) + 1.0) / ((usual * seen).sum(axis=1) + 1.0)
        counts = np.where(seen, counts, usual * level[:, None])
    begun = int(np.argmax(counts.sum(axis=1) > 0))  # zeros before the first buyer are not a history
    counts, weekday = counts[begun:], weekday[begun:]
    came = np.where(scored[begun:, None], counts, np.nan)
    total = counts.sum(axis=1)
    clipped = _clip_odd_days(total, weekday, _weekday_index(np.sqrt(total), weekday))
    shaved = np.minimum(clipped / np.maximum(total, 1e-12), 1.0)
    return Days(counts=counts * shaved[:, None], weekday=weekday, came=came)


def _kernel_mean(near: Floats, counts: Floats, seen: Bools) -> Floats:
    """Average the seen counts of each slot, days weighted by nearness; nan where no day was seen."""
    weight = near @ seen
    return np.asarray(np.divide(near @ counts, weight, out=np.full(counts.shape, np.nan), where=weight > 1e-12))


def _holiday_share(cells: Floats, past: Days, holidays: list[int], day: Ints) -> Floats:
    """Compute the share of an ordinary day that each day ahead brings: one, or what past holidays brought."""
    n = len(cells)
    skipped = n - len(past.counts)
    rows = [row for row in holidays if skipped <= row < n and not np.isnan(cells[row]).all()]
    ordinary = past.counts[[row - skipped for row in rows]]
    one_more = ordinary.sum() / max(len(rows), 1)
    came = np.nansum(cells[rows])
    share = (came + one_more) / (ordinary.sum() + one_more) if one_more > 0 else 1.0
    return np.where(np.isin(day, holidays), share, 1.0)


# --- first view: level x weekday x profile -------------------------------------------------------------------


def _weekday_index(root: Floats, weekday: Ints) -> Floats:
    """Compute how busy each weekday is beside its week, on square roots; near weeks count more, one counts half.

    A weekday farther from its week than chance would take it, a shut one above all, is believed from the first time.
    """
    n = len(root)
    if n < 7:
        return np.ones(7)  # a new level and a busy weekday look alike
    by_week = np.convolve(root, np.ones(7), mode="valid") / 7
    around = by_week[np.clip(np.arange(n) - 3, 0, n - 7)]  # whole weeks at the ends too: half of one may lack Sunday
    weight = 0.5 ** (np.arange(n)[::-1] / (26 * 7))
    own = np.bincount(weekday, weight * root, minlength=7)
    usual = np.bincount(weekday, weight * around, minlength=7)
    typical = max(float(around[-1]), 0.5)
    odd = (own - usual) / (np.maximum(np.bincount(weekday, weight, minlength=7), 1e-12) * typical)
    by_chance = ODD_WEEKDAY**2 + 1 / typical**2  # the root of a Poisson count scatters by a half; twice that, squared
    prior = 0.3 * typical * np.minimum(by_chance / np.maximum(odd**2, 1e-12), 1.0)
    return np.maximum((own + prior) / (usual + prior), 1e-3) ** 2


def _clip_odd_days(total: Floats, weekday: Ints, index: Floats) -> Floats:
    """Clip odd days: unmarked promos and shut days would otherwise pass for a new level."""
    clipped = total.astype(float).tolist()
    busy = index[weekday].tolist()
    root = [(t / b) ** 0.5 * b for t, b in zip(clipped, busy, strict=True)]
    for day in range(7, len(clipped)):
        expected = (sum(root[day - 7 : day]) / sum(busy[day - 7 : day])) ** 2 * busy[day]
        noise = 2 * expected**0.5
        clipped[day] = min(max(clipped[day], expected / ODD_FACTOR - noise, 0.0), expected * ODD_FACTOR + noise + 1)
        root[day] = (clipped[day] / busy[day]) ** 0.5 * busy[day]
    return np.array(clipped)


def _levels(total: Floats, clipped: Floats, busy: Floats) -> Floats:
    """Square root of the level on every day, one column a span, weekdays taken out.

    A day counts by how busy its weekday is. A span leans a little on the next longer one, so that a Sunday on which
    the store is shut says nothing rather than nought. Odd days are clipped in the short spans; in the long ones they
    weigh little and belong to the long run.
    """
    bottom = np.concatenate([[0.0], np.cumsum(busy)])
    end = np.arange(1, len(total) + 1)
    columns: list[Floats] = []
    for span in SPANS[::-1]:
        start = np.zeros_like(end) if span is None else np.maximum(end - span, 0)
        root = np.sqrt((clipped if span is not None and span <= 7 else total) / busy)
        top = np.concatenate([[0.0], np.cumsum(root * busy)])
        lean = LEAN * columns[0] if columns else 0.0
        columns.insert(0, (top[end] - top[start] + lean) / (bottom[end] - bottom[start] + (LEAN if columns else 0.0)))
    return np.column_stack(columns)


def _level_shares(clipped: Floats, busy: Floats, levels: Floats, horizon: int) -> Floats:
    """Mixture of spans that would have served best at one number of days ahead."""
    prior = _prior_share(horizon, NEAR_SHARE, FAR_SHARE)
    past = np.arange(7, len(clipped) - horizon)[-180:]
    if len(past) == 0:
        return np.asarray(prior)
    weight = 0.5 ** ((len(clipped) - past) / 90) / np.maximum(levels[past, 2], 1e-9) ** 2
    said = busy[past + horizon, None] * (levels[past] @ SHARES.T) ** 2
    loss = weight @ np.abs(clipped[past + horizon, None] - said)
    return _weigh(loss, weight, np.abs(SHARES - prior).sum(axis=1)) @ SHARES


def _prior_share(horizon: int, near: Any, far: Any) -> Any:
    """Pass from what is believed for tomorrow to what is believed for a day far ahead."""
    fade = np.exp(-(horizon - 1) / FAR_DAYS)
    return fade * near + (1 - fade) * far


def _weigh(loss: Floats, weight: Floats, distance: Floats) -> Floats:
    """Weigh rival mixtures by their record and by their distance from what was believed before it."""
    best = loss.min()
    if best <= 0:
        return np.asarray(np.where(loss == best, 1.0, 0.0) / (loss == best).sum())
    record_days = weight.sum() ** 2 / (weight**2).sum()
    score = -(loss / best * record_days + PRIOR_DAYS * distance)
    likely = np.exp(score - score.max())
    return np.asarray(likely / likely.sum())


def _profiles(past: Days) -> Floats:
    """Compute the share of the day in each slot, one row per weekday; an own profile is drawn to the common one.

    Less so where it is farther from the common one than chance would take it: a day that opens in the evening.
    """
    n = len(past.counts)
    weight = 0.5 ** (np.arange(n)[::-1] / 70)
    member = (past.weekday == np.arange(7)[:, None]) * weight
    own = member @ past.counts
    common = weight @ past.counts
    common = common / common.sum() if common.sum() > 0 else np.full(common.shape, 1 / len(common))
    size = own.sum(axis=1, keepdims=True)
    days = member.sum(axis=1, keepdims=True)
    expected = np.maximum(size * common, 1e-12)
    chi_square = ((own - size * common) ** 2 / expected).sum(axis=1, keepdims=True) / max((common > 0).sum(), 1)
    near = np.minimum(ODD_PROFILE / np.maximum(chi_square, 1e-12), 1.0)
    weight_of_common = np.where(size > 0, 0.4 * size / np.maximum(days, 1e-9) * near, 1.0)
    return np.asarray((own + weight_of_common * common) / (size + weight_of_common))


def _say_level(past: Days, horizons: Ints, learned: Ints) -> Floats:
    """Forecast by level x weekday x profile: shape (horizons, slots)."""
    total = past.counts.sum(axis=1)
    index = _weekday_index(np.sqrt(total), past.weekday)
    busy = index[past.weekday]
    clipped = _clip_odd_days(total, past.weekday, index)
    levels = _levels(total, clipped, busy)
    shares = np.array([_level_shares(clipped, busy, levels, int(h)) for h in learned])
    share = np.column_stack([np.interp(horizons, learned, column) for column in shares.T])
    ahead = past.weekday_ahead(horizons)
    return _count_of_root(share @ levels[-1] * np.sqrt(index[ahead]))[:, None] * _profiles(past)[ahead]


@cache
def _rare_counts() -> tuple[Floats, Floats]:
    """Tabulate the mean of the square root of a Poisson count, by the mean of the count, up to 12."""
    mean = np.linspace(0.0, 12.0, 241)[:, None]
    count = np.arange(60)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(count[1:]))])
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.exp(np.nan_to_num(count * np.log(mean), nan=0.0) - mean - log_factorial)
    return share @ np.sqrt(count), mean[:, 0]


def _count_of_root(root: Floats) -> Floats:
    """Compute the count whose square root has a mean.

    For rare counts this is the mean of the Poisson count that has such a root. From ten on it is the square alone,
    a quarter lower and nearer to the median, which errs least.
    """
    roots, means = _rare_counts()
    above = np.interp(root, roots, means - roots**2)
    return root**2 + above * np.clip((10 - root**2) / 5, 0.0, 1.0)


# --- second view: daily patterns -----------------------------------------------------------------------------


def _patterns(counts: Floats) -> Floats:
    """First singular vectors of the square roots of the counts: shape (patterns, slots)."""
    vectors = np.linalg.svd(np.sqrt(counts), full_matrices=False)[2][:PATTERNS]
    return vectors * counts.any(axis=0)  # a closed slot has no part in them, not even a rounding error


def _say_patterns(past: Days, patterns: Floats, horizons: Ints) -> Floats:
    """Forecast the daily weight of each pattern as weekday mean plus a fading remainder: shape (horizons, slots)."""
    weight = np.sqrt(past.counts) @ patterns.T
    days = np.bincount(past.weekday, minlength=7)
    usual = np.column_stack(
        [np.bincount(past.weekday, column, minlength=7) / np.maximum(days, 1) for column in weight.T]
    )
    rest = weight - usual[past.weekday]
    scale = 2.5 * 1.4826 * np.median(np.abs(rest), axis=0)
    rest = np.clip(rest, -scale, scale)
    fade = (rest[1:] * rest[:-1]).sum(axis=0) / np.maximum((rest[:-1] ** 2).sum(axis=0), 1e-12)
    ahead = usual[past.weekday_ahead(horizons)] + fade ** horizons[:, None] * rest[-1]
    return _count_of_root(np.maximum(ahead @ patterns, 0.0))


# --- the mixture, its record and its band --------------------------------------------------------------------


def _forecast(past: Days, horizons: Ints, trial: Trial) -> Floats:
    """Mix both views: mean count, shape (horizons, slots)."""
    level = _say_level(past, horizons, trial.horizons)
    if len(past.counts) < PATTERNS_FROM_DAYS:
        return level
    patterns = _say_patterns(past, _patterns(past.counts), horizons)
    share = np.interp(horizons, trial.horizons, trial.patterns_share)[:, None]
    return _mix(patterns, level, share)


def _mix(patterns: Floats, level: Floats, share: Floats) -> Floats:
    """Mix day totals by a learned share and the shapes of the day by halves, on the scale of even scatter."""
    own, other = patterns.sum(axis=-1, keepdims=True), level.sum(axis=-1, keepdims=True)
    total = (share * np.sqrt(own) + (1 - share) * np.sqrt(other)) ** 2
    shape = (np.sqrt(patterns / np.maximum(own, 1e-12)) + np.sqrt(level / np.maximum(other, 1e-12))) ** 2
    return np.asarray(total * shape / np.maximum(shape.sum(axis=-1, keepdims=True), 1e-12))


def _try_on_past(past: Days, days: int) -> Trial:
    """Forecast from past mornings with what was known then, and learn how to mix the two views."""
    n = len(past.counts)
    horizons = np.array([h for h in HORIZONS if h <= days])
    first = max(7, n - 1 - 2 * (ORIGINS - 1))  # every other morning; every one where there are fewer
    origins = np.unique(np.linspace(first, n - 1, ORIGINS).astype(int)) if n > 7 else np.arange(0)
    shape = (len(origins), len(horizons), past.counts.shape[1])
    level, patterns, came = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    basis = _patterns(past.counts) if n >= PATTERNS_FROM_DAYS else None
    for row, origin in enumerate(origins):
        known = past.before(int(origin))
        reached = origin + horizons - 1 < n
        level[row] = _say_level(known, horizons, horizons)
        patterns[row] = level[row]
        if basis is not None and origin >= PATTERNS_FROM_DAYS:
            patterns[row] = _say_patterns(known, basis, horizons)
        came[row, reached] = past.came[origin + horizons[reached] - 1]
    weight = 0.5 ** ((n - origins) / 45)
    share = np.array(
        [
            _patterns_share(
                level[:, h], patterns[:, h], came[:, h], weight, _prior_share(ahead, NEAR_PATTERNS, FAR_PATTERNS)
            )
            for h, ahead in enumerate(horizons)
        ]
    )
    said = _mix(patterns, level, share[:, None])
    return Trial(horizons=horizons, patterns_share=share, said=said, came=came)


def _patterns_share(level: Floats, patterns: Floats, came: Floats, weight: Floats, prior: float) -> float:
    """Compute the share of the daily patterns that would have served best, drawn to what is believed."""
    seen = ~np.isnan(came).all(axis=1)
    if not seen.any():
        return prior
    said = _mix(patterns[seen], level[seen], MIXES[:, None, None])
    loss = np.abs(said - np.nan_to_num(came[seen])).sum(axis=2) @ weight[seen]
    return float(_weigh(loss, weight[seen], np.abs(MIXES - prior)) @ MIXES)


@dataclass(frozen=True, kw_only=True)
class CountSpread:
    """Relative spread d of a count, variance m + d m^2, on one side of the band: shape (horizons, parts of the day)."""

    horizons: Ints
    d: Floats
    slots: int

    def __call__(self, horizon: Ints, slot: Ints) -> Floats:
        """Read d for intervals, between two learned horizons on a logarithmic scale of days."""
        part = slot * self.d.shape[1] // self.slots
        by_part = [np.interp(np.log(horizon), np.log(self.horizons), column) for column in self.d.T]
        return np.asarray(np.array(by_part)[part, np.arange(len(slot))])


def _spreads(trial: Trial) -> tuple[CountSpread, CountSpread]:
    """Set the spread below and above so that one in twenty of what came was beyond.

    A few errors cannot show one in twenty: three good mornings on one side say little about it. So until a side has
    seen as many as that takes, it is at least as wide as both sides together say, which need half as many.
    """
    slots = trial.came.shape[2]
    parts = min(PARTS_OF_DAY, slots)
    part = np.arange(slots) * parts // slots
    counted = trial.said >= 2  # rarer counts scatter by their Poisson noise, whatever d is
    error = np.where(counted, 2 * (np.sqrt(trial.came + 0.375) - np.sqrt(trial.said + 0.375)), np.nan)
    size = np.where(counted, trial.said, np.nan)
    either = ((error / TAIL_Z) ** 2 - 1) / size
    sides = []
    for sign in (-1.0, 1.0):
        beyond = sign * error / TAIL_Z
        needed = (np.sign(beyond) * beyond**2 - 1) / size
        d = np.empty((len(trial.horizons), parts))
        prior = UNKNOWN_SPREAD
        for row in range(len(trial.horizons)):
            known = _independent(error[:, row])
            both = _tail(either[:, row], known, beyond=2 * TAIL)
            own = _tail(needed[:, row], known)
            own = float(np.fmax(own, _shrink(own, both, known / ONE_SIDE)))
            whole = _shrink(own, prior, known / 6)
            for p in range(parts):
                known = _independent(error[:, row, part == p])
                d[row, p] = _shrink(_tail(needed[:, row, part == p], known), whole, known / 20)
            prior = _shrink(whole, UNKNOWN_SPREAD, 1.0)
        # a farther day is never known better; fewer mornings show it, and luck must not
        sides.append(CountSpread(horizons=trial.horizons, d=np.maximum.accumulate(d, axis=0), slots=slots))
    return sides[0], sides[1]


def _independent(error: Floats) -> float:
    """Count the errors that show something of their own; one row per morning, whose intervals may err together.

    Errors over half the design effect of a sample of whole mornings, for tails move together less than means do. Few
    mornings cannot show the effect: a prior that half of a morning moves as one counts as much as two of them.
    """
    seen = ~np.isnan(error)
    mornings = int(seen.any(axis=1).sum())
    if mornings == 0:
        return 0.0
    slots = seen.sum() / mornings
    by_morning = np.nansum(error, axis=1)
    together = (by_morning**2).sum() / max(float(np.nansum(error**2)), 1e-12)
    effect = (mornings * together + slots) / (mornings + 2)
    return float(seen.sum() / max(min(effect, slots) / 2, 1.0))


def _tail(needed: Floats, independent: float, *, beyond: float = TAIL) -> float:
    """Smallest spread that leaves a share, one in twenty, beyond; nan without a record.

    The coming morning belongs to the sample, as in conformal prediction.
    """
    seen = needed[~np.isnan(needed)]
    if len(seen) == 0:
        return np.nan
    return max(float(np.quantile(seen, min((1 - beyond) * (1 + 1 / independent), 1.0))), 1e-4)


def _shrink(own: float, prior: float, weight: float) -> float:
    """Shrink an own figure to a prior, on a scale of ratios; the own one counts ``weight`` times the prior."""
    if np.isnan(own):
        return prior
    return float(np.exp((weight * np.log(own) + np.log(prior)) / (weight + 1)))


def quantiles(mean: Floats, spread: Floats, *, spread_above: Floats | None = None) -> tuple[Floats, Floats]:
    """5 % and 95 % quantile of counts with variance m + d m^2, d below and above the mean.

    Gamma quantiles, half a count lower below because a count is whole; never past the mean.
    """
    low = np.minimum(np.maximum(_gamma_quantile(TAIL, mean, spread) - 0.5, 0.0), mean)
    above = spread if spread_above is None else spread_above
    high = np.where(mean > 0, np.maximum(_gamma_quantile(1 - TAIL, mean, above), mean), 0.0)
    return low, high


def _gamma_quantile(share: float, mean: Floats, spread: Floats) -> Floats:
    """Quantile of the gamma distribution with mean m and variance m + d m^2."""
    from scipy.special import gammaincinv

    scale = 1 + spread * mean
    return np.asarray(gammaincinv(np.maximum(mean, 1e-12) / scale, share) * scale)


def _band(mean: Floats, below: Floats, above: Floats, index: pd.DatetimeIndex) -> pd.DataFrame:
    """Compute the band round a mean."""
    p05, p95 = quantiles(mean, below, spread_above=above)
    p50 = np.clip(_gamma_quantile(0.5, mean, (below + above) / 2), p05, p95)
    return pd.DataFrame({"mean": mean, "p05": p05, "p50": p50, "p95": p95}, index=index)
