"""The promo curve: how much a promo day brings, how it falls into the day, and how the opening falls into minutes.

The field's figures stand in where a store has no promos of its own, with wide bands, and give way as past promos
come in. Both shrinkages are conjugate, and the field counts as ``field_weight`` (k) promos of the store:

* The logarithm x of the uplift (the day's contacts over an ordinary day's) is normal with unknown mean and spread,
  with a normal-inverse-gamma belief. After n promos the next one is Student t with 2a degrees of freedom around
  (k x0 + sum x) / (k + n) [1]_; with n = 0 its 90 % band is exactly the field's.
* The shape of the day is (k field + sum of own shapes) / (k + n), as a Dirichlet belief gives it with every promo
  weighing the same. An hour's share still differs from promo to promo: its spread falls from the field's by
  sqrt((1 + 1 / (k + n)) / (1 + 1 / k)), and never to nothing.

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
from simlib.forecasting.base import TAIL_Z, expected_base, quantiles
from simlib.intervals import Grid
from simlib.messages import Lang, translate

Floats = NDArray[np.float64]
Profile = Literal["N", "M", "E", "L"]
PROFILES: tuple[Profile, ...] = ("N", "M", "E", "L")
MINUTE = pd.Timedelta(minutes=1)
BELIEF_SHAPE = 2.0  # a0 of the inverse gamma belief: the first band is a Student t with four degrees of freedom


@dataclass(frozen=True, kw_only=True)
class PastPromo:
    """One past promo day of the store, as its history tells it.

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
        """Say on what the curve rests, and that little is known where little is known."""
        key = "basis_field" if self.promos == 0 else "basis_own"
        return translate(
            f"forecasting.{key}",
            lang,
            promos=self.promos,
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
    scale_squared = (reach / stdtrit(2 * BELIEF_SHAPE, 0.95)) ** 2

    x = np.log([promo.uplift for promo in own])
    n = len(x)
    mean = (weight * centre + x.sum()) / (weight + n)
    a = BELIEF_SHAPE + n / 2
    b = BELIEF_SHAPE * scale_squared * weight / (weight + 1)
    if n:
        b += ((x - x.mean()) ** 2).sum() / 2 + weight * n * (x.mean() - centre) ** 2 / (2 * (weight + n))
    half_width = stdtrit(2 * a, 0.95) * np.sqrt(b * (weight + n + 1) / (a * (weight + n)))

    shapes = [np.asarray(promo.shape) / sum(promo.shape) for promo in own if promo.shape]
    total = weight * _shares(facts.value("profiles", profile), "profile") + np.sum(shapes, axis=0)
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
    burst = float(facts.value("uplift", "opening_burst")) - 1
    decay = float(facts.value("uplift", "opening_decay_min"))
    weights = 1 + np.where(since > 0, burst * np.exp(-np.maximum(since, 0.0) / decay), 0.0)
    return pd.Series(weights, index=minutes, name="weight")


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
        Instant of an opening: inside its hours the contacts fall as ``minute_profile`` says, elsewhere evenly.
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
    """Put the promo curve on top of an ordinary day: base x uplift x shape.

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


def _interval_shares(grid: Grid, own: Floats, after: Floats, opening: pd.Timestamp | None) -> Floats:
    """Share of the day's total in each interval, minute by minute: hours by the profile, minutes by the burst."""
    if grid.step_s % 60:
        raise ValueError(f"grid.step_s must be whole minutes, got {grid.step_s!r} s")
    step = pd.Timedelta(seconds=grid.step_s)
    minutes = pd.date_range(grid.opens, grid.opens + grid.n * step, freq=MINUTE, inclusive="left")
    weight = np.ones(len(minutes)) if opening is None else minute_profile(grid, opening=opening).to_numpy()
    hour = np.asarray(minutes.hour)
    first_day = np.asarray(minutes.normalize() == grid.opens.normalize())
    share = np.where(first_day, own[hour], after[hour])
    whole_hour = pd.Series(weight).groupby([np.asarray(minutes.date), hour]).transform("mean").to_numpy()
    by_minute = share * weight / whole_hour / 60
    interval = np.asarray((minutes - grid.opens) // step)
    return np.asarray(np.bincount(interval, by_minute, minlength=grid.n), dtype=float)


def _shares(profile: ArrayLike, name: str) -> Floats:
    """Take 24 hourly figures on any scale as shares of a day."""
    hours = np.asarray(profile, dtype=float)
    if hours.shape != (24,) or not (np.isfinite(hours) & (hours >= 0)).all() or hours.sum() <= 0:
        raise ValueError(f"{name} must be 24 shares >= 0 with a sum > 0, got {np.round(hours, 3).tolist()}")
    return hours / hours.sum()


def _known(profile: str) -> None:
    """Refuse a kind of day that the field does not know."""
    if profile not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(PROFILES)}, got {profile!r}")
