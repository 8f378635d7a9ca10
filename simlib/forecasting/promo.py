"""The promo curve: how much a promo day brings, how it falls into the day, and how the opening falls into minutes.

The field's figures stand in where a store has no promos of its own, with wide bands, and give way as past promos
come in. Both shrinkages are conjugate, and the field counts as ``field_weight`` (k) promos of the store:

* The logarithm x of the uplift (the day's contacts over an ordinary day's) is normal with unknown mean and spread,
  with a normal-inverse-gamma prior. After n promos the next one is Student t with 2a degrees of freedom around
  (k x0 + sum x) / (k + n) [1]_; with n = 0 its 90 % band is exactly the field's.
* The shape of the day is (k field + sum of own shapes) / (k + n), as a Dirichlet prior gives it with every promo
  weighing the same. An hour's share still differs from promo to promo: its spread falls from the field's by
  sqrt((1 + 1 / (k + n)) / (1 + 1 / k)), and never to nothing.

The curve of an opening belongs to the opening, not to the clock. It is split into an ordinary day below and the surge
around its busiest hour; the surge moves to the hour and minute at which the wave opens, and the ordinary day keeps its
hours.

.. [1] Gelman et al., "Bayesian Data Analysis", 3rd ed., 2013, section 3.3.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from simlib import facts
from simlib.forecasting.base import TAIL_Z, expected_base, forecast_counts, quantiles
from simlib.intervals import Grid
from simlib.messages import Lang, translate

Floats = NDArray[np.float64]
Profile = Literal["N", "M", "E", "L"]
PROFILES: tuple[Profile, ...] = ("N", "M", "E", "L")
OPENED: tuple[Profile, ...] = ("M", "E")  # the kinds of day that have an opening
MINUTE = pd.Timedelta(minutes=1)
HOUR_MIN = 60
SURGE_LEAD_H, SURGE_TAIL_H = 3, 8  # hours around an opening that belong to it rather than to the clock (ours)
OPENING_JUMP = 1.6  # an hour so much busier than the one before it is an opening (ours)
OLD_DAYS = 120  # a history that ended longer ago is compared with a wider band
OLD_SPREAD = 0.4  # standard deviation of the log of a store's level over one more year (ours)
FURTHEST_AHEAD = 28  # days the base forecast has learned; a farther day is its weekday in the last of those weeks
PRIOR_SHAPE = 2.0  # a0 of the inverse gamma prior: the first band is a Student t with four degrees of freedom


@dataclass(frozen=True, kw_only=True)
class PastPromo:
    """One past promo day of the store, as its history shows it.

    Parameters
    ----------
    name : str
        The promo's name.
    day : datetime.date
        Its day.
    profile : {"N", "M", "E", "L"}
        What kind of day it was.
    uplift : float
        Contacts of the day over those of an ordinary day, > 0.
    shape : tuple of 24 floats
        Share of the day in each hour; empty where the history is by day.
    """

    name: str
    day: dt.date
    profile: Profile
    uplift: float
    shape: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _known(self.profile)
        if not 0 < self.uplift < np.inf:
            raise ValueError(f"uplift must be a number > 0, got {self.uplift!r}")
        if self.shape and (len(self.shape) != 24 or min(self.shape) < 0 or sum(self.shape) <= 0):
            raise ValueError(f"shape must be 24 shares >= 0 or empty, got {len(self.shape)} values")


@dataclass(frozen=True, kw_only=True)
class PromoCurve:
    """What is believed of the next promo day of one kind.

    Attributes
    ----------
    profile : str
        Kind of day.
    shape : ndarray of 24
        Share of the day in each hour, adds up to 1.
    shape_cv : float
        Spread of an hour's share between promos.
    low, likely, high : float
        Uplift over an ordinary day: 5 %, 50 %, 95 %.
    promos : int
        How many promos of its own the store brought in; 0 = the field's figures alone.
    """

    profile: Profile
    shape: Floats
    shape_cv: float
    low: float
    likely: float
    high: float
    promos: int

    def text(self, lang: Lang) -> str:
        """Return on what the curve rests, and that little is known where little is known."""
        key = "basis_field" if self.promos == 0 else "basis_own"
        return translate(
            f"forecasting.{key}",
            lang,
            count=self.promos,
            likely=f"{self.likely:.1f}",
            low=f"{self.low:.1f}",
            high=f"{self.high:.1f}",
        )


def past_promos(history: pd.Series, promo_days: Mapping[str, Sequence[Any]], profile: Profile) -> list[PastPromo]:
    """Read a store's past promo days of one kind out of its history.

    Parameters
    ----------
    history : Series of counts on a DatetimeIndex
        As for ``forecast_counts``; hourly or finer steps give shapes as well, daily ones uplifts only.
    promo_days : mapping of str to dates
        Days by the name of the promo. All of them are kept out of what counts as ordinary.
    profile : {"N", "M", "E", "L"}
        Kind of these days.

    Returns
    -------
    list of PastPromo
        One a day that the history holds, in order of time.

    Examples
    --------
    >>> shop = pd.Series(100.0, index=pd.date_range("2026-10-01", periods=42, freq="D"))
    >>> shop["2026-11-11"] = 700.0
    >>> [round(promo.uplift, 1) for promo in past_promos(shop, {"double11": ["2026-11-11"]}, "L")]
    [7.0]
    """
    days = {pd.Timestamp(day).date(): name for name, marked in promo_days.items() for day in marked}
    ordinary = expected_base(history, list(days))
    stamps = pd.DatetimeIndex(ordinary.index)
    found = []
    for day in sorted(days):
        usual = ordinary[stamps.date == day]
        came = history.loc[usual.index]
        seen = came.notna()
        if usual[seen].sum() <= 0 or came.sum() <= 0:
            continue
        by_hour = len(came) >= 23 and seen.all()  # 23 on the day on which summer time begins
        hours = came.groupby(pd.DatetimeIndex(came.index).hour).sum().reindex(range(24), fill_value=0.0)
        found.append(
            PastPromo(
                name=days[day],
                day=day,
                profile=profile,
                uplift=float(came.sum() / usual[seen].sum()),
                shape=tuple(hours / hours.sum()) if by_hour else (),
            )
        )
    return found


def read_past_promos(counts: pd.Series, promo_days: Mapping[str, Sequence[Any]], *, coming: Profile) -> list[PastPromo]:
    """Return what the store's own promos teach about a coming day: one day per promo.

    Parameters
    ----------
    counts : Series of counts on a DatetimeIndex
        One queue's history, as for ``forecast_counts``.
    promo_days : mapping of str to dates
        Days by the name of the promo.
    coming : {"N", "M", "E", "L"}
        Kind of the day that is planned.

    Returns
    -------
    list of PastPromo
        From a history by the hour or finer, the busiest day of each promo; its hours show its kind. A history by the
        day has no hours: of each promo it gives the day that stands where the coming one stands in its own promo, the
        last day for profile L and the first one for the others. Empty where no ordinary day is left to compare with.

    Examples
    --------
    >>> shop = pd.Series(100.0, index=pd.date_range("2026-05-01", periods=60, freq="D"))
    >>> shop["2026-06-17"], shop["2026-06-18"] = 450.0, 300.0
    >>> marked = {"618": [dt.date(2026, 6, 17), dt.date(2026, 6, 18)]}
    >>> [(promo.day.day, promo.profile, round(promo.uplift, 1)) for promo in read_past_promos(shop, marked, coming="E")]
    [(17, 'E', 4.5)]
    """
    found: list[PastPromo] = []
    dates = pd.Index(counts.index.date)
    everything = [day for days in promo_days.values() for day in days]
    by_day = _is_daily(counts)
    for name, days in promo_days.items():
        inside = counts[dates.isin(days)].dropna()
        if inside.empty:
            continue
        daily = inside.groupby(inside.index.date).sum()
        if by_day:
            day = max(daily.index) if coming == "L" else min(daily.index)
            profile = coming
        else:
            day = daily.idxmax()
            profile = _kind_of_day(inside[inside.index.date == day])
        clean = counts[~dates.isin([other for other in everything if other != day])]
        if clean.dropna().index.date.tolist() == [day] * len(clean.dropna()):
            continue  # nothing but promo days: nobody knows what is ordinary
        found += past_promos(clean, {name: [day]}, profile)
    return found


def _is_daily(counts: pd.Series) -> bool:
    """Return whether a history has one figure per day."""
    return not pd.Index(counts.index.date).duplicated().any()


def _kind_of_day(day: pd.Series) -> Profile:
    """Return the kind of a promo day by its busiest hour: 0-1 M, a jump within two hours before it E, else L."""
    hours = day.groupby(pd.DatetimeIndex(day.index).hour).sum()
    hour = int(pd.Timestamp(day.idxmax()).hour)
    if hour <= 1:
        return "M"
    before = hours.reindex([hour - 2, hour - 1]).min()
    return "E" if hours[hour] >= OPENING_JUMP * before else "L"


@dataclass(frozen=True, kw_only=True)
class HistoryForecast:
    """What a store's own history says of one queue's promo day.

    Attributes
    ----------
    low, mean, high : float
        Contacts of the day: 5 %, likely, 95 %.
    last_day : datetime.date
        The last day of the history that was used.
    age_days : int
        Days from there to the promo day.
    unseen_weekday : bool
        Whether the history holds no day of the promo day's weekday, so that other weekdays stand in for it.
    """

    low: float
    mean: float
    high: float
    last_day: dt.date
    age_days: int
    unseen_weekday: bool

    @property
    def is_old(self) -> bool:
        """Return whether the history ended so long ago that its band was widened."""
        return self.age_days > OLD_DAYS


def forecast_by_history(
    counts: pd.Series, curve: PromoCurve, *, day: dt.date, promo_days: Sequence[Any] = ()
) -> HistoryForecast | None:
    """Forecast one queue's promo day from its history: an ordinary day times the uplift.

    Parameters
    ----------
    counts : Series of counts on a DatetimeIndex
        The queue's history; what it holds of ``day`` and later is not used.
    curve : PromoCurve
        Uplift of the kind of day.
    day : datetime.date
        The promo day.
    promo_days : sequence of dates
        Days that are not ordinary.

    Returns
    -------
    HistoryForecast or None
        None where the history holds no ordinary day before ``day``, or one observation alone, whose step nobody knows.
        A history that ended more than 120 days before is compared all the same, with a band that widens with its age.

    Examples
    --------
    >>> shop = pd.Series(100.0, index=pd.date_range("2025-01-01", periods=60, freq="D", tz="Asia/Shanghai"))
    >>> old = forecast_by_history(shop, promo_curve("E"), day=dt.date(2026, 10, 31))
    >>> round(old.mean), old.age_days, old.is_old
    (450, 609, True)
    """
    known = counts[pd.Index(counts.index.date) < day].dropna()
    marked = {pd.Timestamp(other).date() for other in promo_days}
    ordinary = [date for date in known.index.date if date not in marked]
    if not ordinary or len(known.index.unique()) < 2:
        return None
    last_day = max(known.index.date)
    age = (day - last_day).days
    # a far day is forecast as the same weekday in the last week that the method has learned
    ahead = age if age <= OLD_DAYS else FURTHEST_AHEAD - 7 + (age - 1) % 7 + 1
    base = forecast_counts(known, ahead, promo_days=sorted(marked))
    stands_for = last_day + dt.timedelta(days=ahead)
    low, mean, high = day_total(base, curve, day=stands_for)
    if age > OLD_DAYS and mean > 0:
        drift = TAIL_Z * OLD_SPREAD * np.sqrt((age - OLD_DAYS) / 365)
        low = mean * np.exp(-np.hypot(np.log(mean / low), drift)) if low > 0 else 0.0
        high = mean * np.exp(np.hypot(np.log(high / mean), drift))
    seen_weekdays = {date.weekday() for date in ordinary}
    return HistoryForecast(
        low=float(low),
        mean=float(mean),
        high=float(high),
        last_day=last_day,
        age_days=age,
        unseen_weekday=day.weekday() not in seen_weekdays,
    )


def promo_curve(profile: Profile, past: Sequence[PastPromo] = ()) -> PromoCurve:
    """Believe in the field's figures, less and less as the store's own promos of the same kind come in.

    Parameters
    ----------
    profile : {"N", "M", "E", "L"}
        Kind of the coming day; see ``playbook/facts/profiles.yml`` and ``uplift.yml``.
    past : sequence of PastPromo
        The store's promos; those of another kind are left aside.

    Returns
    -------
    PromoCurve

    Examples
    --------
    >>> field = promo_curve("E")
    >>> field.promos, round(field.low, 1), round(field.likely, 1), round(field.high, 1)
    (0, 1.7, 4.5, 12.0)
    >>> own = [PastPromo(name="618", day=dt.date(2026, 5, 31), profile="E", uplift=7.0)] * 4
    >>> known = promo_curve("E", own)
    >>> known.high / known.low < field.high / field.low
    True
    """
    from scipy.special import stdtrit

    _known(profile)
    own = [promo for promo in past if promo.profile == profile]
    weight = float(facts.value("uplift", "field_weight"))
    rows = facts.table("uplift").set_index("key")
    believed = rows.loc[f"uplift_{profile}"]
    centre = np.log(believed["value"])
    reach = np.log(believed["high"] / believed["low"]) / 2
    scale_squared = (reach / stdtrit(2 * PRIOR_SHAPE, 0.95)) ** 2

    x = np.log([promo.uplift for promo in own])
    n = len(x)
    mean = (weight * centre + x.sum()) / (weight + n)
    a = PRIOR_SHAPE + n / 2
    b = PRIOR_SHAPE * scale_squared * weight / (weight + 1)
    if n:
        b += ((x - x.mean()) ** 2).sum() / 2 + weight * n * (x.mean() - centre) ** 2 / (2 * (weight + n))
    half_width = stdtrit(2 * a, 0.95) * np.sqrt(b * (weight + n + 1) / (a * (weight + n)))

    field = _shares(facts.value("profiles", profile), "profile")
    shapes = [np.asarray(promo.shape) / sum(promo.shape) for promo in own if promo.shape]
    if profile in OPENED:  # openings at another hour are laid over the field's before they are averaged
        at = dt.time(int(field.argmax()))
        shapes = [hours_of_opening(shape, opening=at) for shape in shapes]
    total = weight * field + np.sum(shapes, axis=0)
    narrower = np.sqrt((1 + 1 / (weight + len(shapes))) / (1 + 1 / weight))
    return PromoCurve(
        profile=profile,
        shape=total / total.sum(),
        shape_cv=float(facts.value("uplift", "shape_cv")) * float(narrower),
        low=float(np.exp(mean - half_width)),
        likely=float(np.exp(mean)),
        high=float(np.exp(mean + half_width)),
        promos=n,
    )


def minute_profile(grid: Grid, *, opening: pd.Timestamp) -> pd.Series:
    """Weigh the minutes of a night: even, but for the burst that an opening starts with.

    Parameters
    ----------
    grid : Grid
        The night.
    opening : pandas.Timestamp
        The instant of the opening, tz-aware.

    Returns
    -------
    Series
        A weight for each minute of the grid; 1 = as busy as long after the opening. Only ratios inside an interval
        or an hour matter.

    Examples
    --------
    >>> night = Grid(opens=pd.Timestamp("2026-10-31 19:00+08:00"), n=4)
    >>> weights = minute_profile(night, opening=pd.Timestamp("2026-10-31 20:00+08:00"))
    >>> weights.iloc[[0, 59, 60, 119]].round(1).tolist()
    [1.0, 1.0, 3.9, 1.0]
    """
    if opening.tzinfo is None:
        raise ValueError(f"opening must carry a time zone, got {opening!r}")
    minutes = pd.date_range(grid.opens, grid.opens + grid.n * pd.Timedelta(seconds=grid.step_s), freq=MINUTE)[:-1]
    since = np.asarray((minutes - opening) / MINUTE, dtype=float) + 0.5
    return pd.Series(_burst_weights(since), index=minutes, name="weight")


def _burst_weights(since: Floats) -> Floats:
    """Weigh minutes by how long after an opening their middle lies."""
    burst = float(facts.value("uplift", "opening_burst")) - 1
    decay = float(facts.value("uplift", "opening_decay_min"))
    return np.asarray(1 + np.where(since > 0, burst * np.exp(-np.maximum(since, 0.0) / decay), 0.0), dtype=float)


def spread_day(
    *,
    queue: str,
    total: float,
    low: float,
    high: float,
    profile: ArrayLike,
    grid: Grid,
    opening: pd.Timestamp | None = None,
    next_profile: ArrayLike | None = None,
    bot_share: float = 0.0,
    transfer_rate: float = 0.0,
    shape_cv: float = 0.0,
) -> pd.DataFrame:
    """Spread the total of a day over its intervals.

    Parameters
    ----------
    queue : str
        Queue of the contacts.
    total, low, high : float
        Contacts of the calendar day on which the grid opens, bot and human together, with its 90 % band.
    profile : array of 24
        Share of the day in each hour by the wall clock, on any scale.
    grid : Grid
        Intervals to spread over; they may run past midnight.
    opening : pandas.Timestamp, optional
        Instant of an opening: the surge around the profile's busiest hour moves there, and its contacts fall into
        the minutes as ``minute_profile`` says; the rest of the day keeps its own hours.
    next_profile : array of 24, optional
        Shape of the day after, for a grid that runs past midnight, at the same day total; the day's own if left out.
    bot_share : float
        Share of the contacts that the bot is expected to resolve, 0 to 1.
    transfer_rate : float
        Share of the others that one agent hands on to another and that is received twice, 0 to 1.
    shape_cv : float
        Spread of an hour's share, as ``promo_curve`` knows it.

    Returns
    -------
    DataFrame
        start, queue, contacts (each buyer once), p05, p95, bot, human (receptions). The band of an
        interval holds the day's band, the spread of the shape and the chance of a Poisson count, added as independent.

    Raises
    ------
    ValueError
        low <= total <= high does not hold, a share is negative or outside 0 to 1, a profile is not 24 shares.

    Examples
    --------
    >>> night = Grid.of_day(dt.date(2026, 10, 31), tz="Asia/Shanghai")
    >>> day = spread_day(queue="presale", total=4800, low=3000, high=8000, profile=np.ones(24), grid=night,
    ...                  bot_share=0.4)
    >>> day[["contacts", "bot", "human"]].iloc[0].tolist(), round(day["contacts"].sum())
    ([100.0, 40.0, 60.0], 4800)
    """
    if not 0 <= low <= total <= high < np.inf:
        raise ValueError(f"0 <= low <= total <= high must hold, got {low!r}, {total!r}, {high!r}")
    if not 0 <= bot_share <= 1:
        raise ValueError(f"bot_share must lie between 0 and 1, got {bot_share!r}")
    if not 0 <= transfer_rate <= 1:
        raise ValueError(f"transfer_rate must lie between 0 and 1, got {transfer_rate!r}")
    if shape_cv < 0:
        raise ValueError(f"shape_cv must be >= 0, got {shape_cv!r}")
    own = _shares(profile, "profile")
    after = own if next_profile is None else _shares(next_profile, "next_profile")
    contacts = total * _interval_shares(grid, own, after, opening)
    return forecast_frame(
        start=grid.starts,
        queue=queue,
        contacts=contacts,
        low=contacts * (low / total if total else 1.0),
        high=contacts * (high / total if total else 1.0),
        spread=shape_cv,
        bot_share=bot_share,
        transfer_rate=transfer_rate,
    )


def forecast_contacts(
    base: pd.DataFrame,
    curve: PromoCurve,
    *,
    queue: str,
    grid: Grid,
    opening: pd.Timestamp | None = None,
    next_profile: ArrayLike | None = None,
    bot_share: float = 0.0,
) -> pd.DataFrame:
    """Compute the promo curve on top of an ordinary day: base x uplift x shape.

    Parameters
    ----------
    base : DataFrame
        Forecast of ``forecast_counts`` that holds the day on which the grid opens.
    curve : PromoCurve
        Uplift and shape of ``promo_curve``.
    queue, grid, opening, next_profile, bot_share
        As for ``spread_day``.

    Returns
    -------
    DataFrame
        start, queue, contacts, p05, p95, bot, human.

    Raises
    ------
    ValueError
        The base does not hold the day.

    Examples
    --------
    >>> shop = pd.Series(100.0, index=pd.date_range("2026-09-01", periods=56, freq="D", tz="Asia/Shanghai"))
    >>> night = Grid.of_day(dt.date(2026, 10, 31), tz="Asia/Shanghai")
    >>> from simlib.forecasting import forecast_counts
    >>> promo = forecast_contacts(forecast_counts(shop, 7), promo_curve("E"), queue="presale", grid=night)
    >>> round(promo["contacts"].sum(), -1)
    np.float64(450.0)
    """
    low, likely, high = day_total(base, curve, day=grid.opens.date())
    return spread_day(
        queue=queue,
        total=likely,
        low=low,
        high=high,
        profile=curve.shape,
        grid=grid,
        opening=opening,
        next_profile=next_profile,
        bot_share=bot_share,
        shape_cv=curve.shape_cv,
    )


def day_total(base: pd.DataFrame, curve: PromoCurve, *, day: dt.date) -> tuple[float, float, float]:
    """Multiply an ordinary day by the uplift: low (5 %), likely and high (95 %) contacts of the promo day.

    The two uncertainties are independent factors, so that their reaches add in squares on a logarithmic scale; the
    intervals of an ordinary day are taken to be high or low together.
    """
    on_day = base[base.index.date == day]
    if on_day.empty:
        raise ValueError(f"base must hold {day}, got {base.index.min()} to {base.index.max()}")
    usual, p05, p95 = (float(on_day[column].sum()) for column in ("mean", "p05", "p95"))
    likely = usual * curve.likely
    if likely == 0:
        return 0.0, 0.0, 0.0
    below = np.hypot(np.log(usual / p05) if p05 > 0 else np.inf, np.log(curve.likely / curve.low))
    above = np.hypot(np.log(p95 / usual), np.log(curve.high / curve.likely))
    return float(likely * np.exp(-below)), likely, float(likely * np.exp(above))


def forecast_frame(
    *,
    start: pd.DatetimeIndex,
    queue: str,
    contacts: Floats,
    low: Floats,
    high: Floats,
    spread: float,
    bot_share: float,
    transfer_rate: float,
) -> pd.DataFrame:
    """Lay out the forecast table of one queue; Poisson noise and a relative spread widen the band of the mean."""
    p05, p95 = quantiles(contacts, np.zeros_like(contacts))
    below = np.sqrt((contacts - low) ** 2 + (contacts - p05) ** 2 + (TAIL_Z * spread * contacts) ** 2)
    above = np.sqrt((high - contacts) ** 2 + (p95 - contacts) ** 2 + (TAIL_Z * spread * contacts) ** 2)
    return pd.DataFrame(
        {
            "start": start,
            "queue": queue,
            "contacts": contacts,
            "p05": np.maximum(contacts - below, 0.0),
            "p95": contacts + above,
            "bot": contacts * bot_share,
            "human": contacts * (1 - bot_share) * (1 + transfer_rate),
        }
    )


def hours_of_opening(
    profile: ArrayLike, *, opening: dt.time | None, next_profile: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Return the share of a day in each of its hours when its opening comes at a given time.

    Parameters
    ----------
    profile : array of 24
        Share of the day in each hour, on any scale, with the opening in its busiest hour.
    opening : datetime.time or None
        When the wave opens by the wall clock; None leaves the profile as it is.
    next_profile : array of 24, optional
        Shape of the day after, into which a late opening runs on.

    Returns
    -------
    ndarray of 24
        Adds up to 1.

    Examples
    --------
    >>> evening = promo_curve("E").shape
    >>> int(evening.argmax()), int(hours_of_opening(evening, opening=dt.time(10)).argmax())
    (20, 10)
    """
    own = _shares(profile, "profile")
    if opening is None or opening == dt.time(int(own.argmax())):
        return own
    day = dt.date(2001, 1, 1)
    after = own if next_profile is None else _shares(next_profile, "next_profile")
    grid = Grid.of_day(day, tz="UTC", step_s=3600)
    return _interval_shares(grid, own, after, pd.Timestamp(dt.datetime.combine(day, opening), tz="UTC"))


def _interval_shares(grid: Grid, own: Floats, after: Floats, opening: pd.Timestamp | None) -> Floats:
    """Compute the share of the day's total in each interval: hours by the profile, minutes by the burst."""
    if grid.step_s % 60:
        raise ValueError(f"grid.step_s must be whole minutes, got {grid.step_s!r} s")
    step = pd.Timedelta(seconds=grid.step_s)
    midnight = grid.opens.normalize()
    tomorrow = (midnight + pd.Timedelta(hours=36)).normalize()
    ends = max(grid.opens + grid.n * step, tomorrow)
    minutes = pd.date_range(midnight, ends, freq=MINUTE, inclusive="left")
    first_day = np.asarray(minutes < tomorrow)
    hour = np.asarray(minutes.hour)
    share = np.where(first_day, own[hour], after[hour])
    plain = int(first_day.sum()) == 24 * HOUR_MIN
    if opening is not None and opening.tzinfo is None:
        raise ValueError(f"opening must carry a time zone, got {opening!r}")
    if opening is not None and opening.tz_convert(midnight.tz).normalize() == midnight:
        since = np.floor(np.asarray((minutes - opening) / MINUTE, dtype=float)).astype(int)
        moved = int(first_day.sum()) != 24 * HOUR_MIN or int((opening - midnight) / MINUTE) != own.argmax() * HOUR_MIN
        if moved and np.ptp(own) > 0:
            share = _move_surge(own, after, hour=hour, first_day=first_day, since_h=since // HOUR_MIN)
        share = _with_burst(share, minutes, opening, hour)
        plain = plain and not moved
    if not plain:  # a moved surge, and a day of 23 or 25 hours, still add up to the day
        share = share * HOUR_MIN / share[first_day].sum()
    inside = np.asarray((minutes >= grid.opens) & (minutes < grid.opens + grid.n * step))
    interval = np.asarray((minutes[inside] - grid.opens) // step)
    return np.asarray(np.bincount(interval, share[inside] / HOUR_MIN, minlength=grid.n), dtype=float)


def _with_burst(share: Floats, minutes: pd.DatetimeIndex, opening: pd.Timestamp, hour: NDArray[np.int64]) -> Floats:
    """Weigh the minutes by the burst of an opening, so that each hour since it keeps what it has."""
    since = np.asarray((minutes - opening) / MINUTE, dtype=float) + 0.5
    weight = _burst_weights(since)
    if opening.minute == 0:
        whole_hour = pd.Series(weight).groupby([np.asarray(minutes.date), hour]).transform("mean").to_numpy()
        return np.asarray(share * weight / whole_hour, dtype=float)
    table = pd.DataFrame({"share": share, "weighed": share * weight}).groupby(np.floor(since / HOUR_MIN))
    whole = table["share"].transform("sum") / table["weighed"].transform("sum").clip(lower=1e-300)
    return np.asarray(share * weight * whole.to_numpy(), dtype=float)


def _move_surge(
    own: Floats, after: Floats, *, hour: NDArray[np.int64], first_day: NDArray[np.bool_], since_h: NDArray[np.int64]
) -> Floats:
    """Move the surge of a day's curve to its opening: share of an hour, minute by minute.

    Below the surge lies an ordinary day at the level of the hours that the opening leaves alone. ``since_h`` counts
    the hours since the new opening, by the elapsed time.
    """
    both = np.concatenate([own, after])
    peak = int(own.argmax())
    window = np.zeros(len(both), dtype=bool)
    window[max(peak - SURGE_LEAD_H, 0) : peak + SURGE_TAIL_H] = True
    ordinary = _shares(facts.value("profiles", "N"), "profile")
    floor = both.copy()
    for part in (slice(0, 24), slice(24, 48)):
        calm = ~window[part]
        level = both[part][calm].sum() / ordinary[calm].sum() if calm.any() else 0.0
        floor[part] = np.where(calm, both[part], np.minimum(both[part], level * ordinary))
    surge = both - floor
    offset = since_h + peak
    inside = (offset >= 0) & (offset < len(both))
    inside[inside] = window[offset[inside]]
    on_top = np.where(inside, surge[np.clip(offset, 0, len(both) - 1)], 0.0)
    return np.where(first_day, floor[hour], floor[24 + hour]) + on_top


def _shares(profile: ArrayLike, name: str) -> Floats:
    """Return 24 hourly figures on any scale as shares of a day."""
    hours = np.asarray(profile, dtype=float)
    if hours.shape != (24,) or not (np.isfinite(hours) & (hours >= 0)).all() or hours.sum() <= 0:
        raise ValueError(f"{name} must be 24 shares >= 0 with a sum > 0, got {np.round(hours, 3).tolist()}")
    return np.asarray(hours / hours.sum())


def _known(profile: str) -> None:
    """Refuse a kind of day that the field does not know."""
    if profile not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(PROFILES)}, got {profile!r}")
