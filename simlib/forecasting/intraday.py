"""The night so far corrects the rest of the night, and one odd half hour does not.

Tonight's contacts are the forecast times one unknown level. The prior about the level is a gamma distribution with
mean 1 and the spread of the forecast's own band; counts are Poisson given the level, so the prior stays gamma [1]_.
Two things keep it honest: a half hour scatters more than Poisson around its day (relative variance
``interval_spread``), so a busy one counts for less; and old evidence fades (``level_memory_h``), because the level
itself drifts through a night [2]_.

The rest of the forecast moves only for a reason, and the reason is given:

* ``beyond_band``: the latest interval lies outside its own band;
* ``sustained``: the level's 90 % band excludes 1, and still does without the interval that speaks loudest;
* ``inside``: neither; the forecast stays to the last digit.

.. [1] Gelman et al., "Bayesian Data Analysis", 3rd ed., 2013, section 2.6.
.. [2] Harvey and Fernandes, Journal of Business & Economic Statistics 7(4), 1989 (discounted gamma-Poisson counts).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simlib import facts
from simlib.forecasting.base import TAIL, TAIL_Z, quantiles
from simlib.messages import Lang, Message, Term, UserError, label, translate

Floats = NDArray[np.float64]
Reason = Literal["beyond_band", "sustained", "inside"]
LEAST_CV = 0.05  # nobody knows a day's level better than this beforehand


@dataclass(frozen=True, kw_only=True)
class Level:
    """What the night so far says about one queue.

    Attributes
    ----------
    queue : str
        The queue.
    seen, expected : float
        Contacts that came so far, and that the forecast had for the same intervals.
    factor, low, high : float
        Level of tonight beside the forecast: mean and 90 % band of the prior.
    reason : {"beyond_band", "sustained", "inside"}
        Why the rest of the forecast moved, or that it did not.
    last : pandas.Timestamp
        Start of the latest interval that was counted.
    until : pandas.Timestamp
        End of that interval: what came was counted up to then.
    """

    queue: str
    seen: float
    expected: float
    factor: float
    low: float
    high: float
    reason: Reason
    last: pd.Timestamp
    until: pd.Timestamp

    @property
    def reacts(self) -> bool:
        """Return whether the rest of the forecast was changed."""
        return self.reason != "inside"

    def text(self, lang: Lang) -> str:
        """Return what changed and why, as a sentence."""
        return translate(
            f"forecasting.{self.reason}",
            lang,
            queue=label(self.queue, lang),
            time=f"{self.last:%H:%M}",
            until=f"{self.until:%H:%M}",
            seen=f"{self.seen:,.0f}",
            expected=f"{self.expected:,.0f}",
            factor=f"{self.factor:.0%}",
            low=f"{self.low:.0%}",
            high=f"{self.high:.0%}",
        )


@dataclass(frozen=True, kw_only=True)
class Reforecast:
    """The forecast of the rest of the night.

    Attributes
    ----------
    forecast : DataFrame
        start, queue, contacts, p05, p95, bot, human of the intervals still to come, the same for all queues, and
        ``before``, the contacts that the old forecast had there.
    behind : DataFrame
        start, queue, human of the intervals that are over: as they came, and as forecast where nobody counted.
    levels : tuple of Level
        One a queue with actuals, in the order of the forecast.
    """

    forecast: pd.DataFrame
    behind: pd.DataFrame
    levels: tuple[Level, ...]

    @property
    def reacts(self) -> bool:
        """Return whether anything was changed."""
        return any(level.reacts for level in self.levels)


def reforecast(forecast: pd.DataFrame, actuals: pd.DataFrame) -> Reforecast:
    """Correct the rest of the night by what has come so far.

    Parameters
    ----------
    forecast : DataFrame
        start (tz-aware), queue, contacts, p05, p95, bot, human: one row per interval and queue.
    actuals : DataFrame
        start (tz-aware), queue, contacts of the intervals that are over, counted as the forecast counts them (bot
        and human together). A gap is an interval that nobody counted, not a zero; a queue left out stays as it is.
        The latest interval of any queue is over for all of them.

    Returns
    -------
    Reforecast

    Raises
    ------
    UserError
        An interval or queue that the forecast does not have (what is allowed is named), twice the same one, a
        negative count.

    Examples
    --------
    >>> import datetime as dt
    >>> from simlib.forecasting import spread_day
    >>> from simlib.intervals import Grid
    >>> night = Grid.of_day(dt.date(2026, 10, 31), tz="Asia/Shanghai")
    >>> plan = spread_day(queue="presale", total=4800, low=3800, high=6000, profile=np.ones(24), grid=night)
    >>> came = plan[["start", "queue"]].iloc[:8].assign(contacts=130)
    >>> again = reforecast(plan, came)
    >>> again.levels[0].reason, round(again.levels[0].factor, 2), len(again.forecast)
    ('sustained', 1.24, 40)
    """
    _check_actuals(forecast, actuals)
    rest, behind, levels = [], [], []
    latest = actuals["start"].max() if len(actuals) else None
    for queue, rows in forecast.groupby("queue", sort=False):
        rows = rows.sort_values("start")
        came = actuals[actuals["queue"] == queue].set_index("start")["contacts"].astype(float).sort_index()
        over = rows["start"] <= latest if latest is not None else np.zeros(len(rows), dtype=bool)
        ahead = rows[~over].assign(before=rows.loc[~over, "contacts"])
        behind.append(_as_it_came(rows[over], came))
        if not came.empty:
            level, spread = _learn_level(rows, came)
            levels.append(level)
            if level.reacts:
                ahead = _move(ahead, level.factor, spread)
        rest.append(ahead)
    forecast, past = (pd.concat(part).sort_values(["start", "queue"], ignore_index=True) for part in (rest, behind))
    return Reforecast(forecast=forecast, behind=past, levels=tuple(levels))


def _as_it_came(over: pd.DataFrame, came: pd.Series) -> pd.DataFrame:
    """Scale the humans of the intervals that are over to the contacts that were counted."""
    counted = over["start"].map(came).to_numpy(dtype=float)
    planned = over["contacts"].to_numpy(dtype=float)
    share = np.divide(over["human"].to_numpy(dtype=float), planned, out=np.ones(len(over)), where=planned > 0)
    human = np.where(np.isnan(counted), over["human"], counted * share)
    return over[["start", "queue"]].assign(human=human)


def _check_actuals(forecast: pd.DataFrame, actuals: pd.DataFrame) -> None:
    """Refuse actuals that the forecast cannot be compared with."""
    starts = {str(queue): pd.DatetimeIndex(rows["start"]) for queue, rows in forecast.groupby("queue", sort=False)}
    for queue, start, contacts in zip(actuals["queue"], actuals["start"], actuals["contacts"], strict=True):
        named: dict[str, object] = {"start": f"{start:%Y-%m-%d %H:%M}"}
        if queue not in starts:
            allowed = tuple(map(Term, starts))
            raise UserError(Message("forecasting.actual_queue", **named, queue=queue, allowed=allowed))
        named["queue"] = Term(queue)
        if start not in starts[queue]:
            near = starts[queue][np.abs(starts[queue] - start).argmin()]
            raise UserError(Message("forecasting.actual_interval", **named, nearest=f"{near:%Y-%m-%d %H:%M}"))
        if not 0 <= contacts < np.inf:
            raise UserError(Message("forecasting.actual_count", **named, contacts=contacts))
    twice = actuals[actuals.duplicated(["start", "queue"])]
    for queue, start in zip(twice["queue"], twice["start"], strict=True):
        named = {"queue": Term(queue), "start": f"{start:%Y-%m-%d %H:%M}"}
        raise UserError(Message("forecasting.actual_twice", **named))


def _learn_level(night: pd.DataFrame, came: pd.Series) -> tuple[Level, float]:
    """Learn tonight's level of one queue, and the relative spread of an interval around the moved forecast."""
    from scipy.special import gammaincinv

    rows = night.set_index("start").loc[came.index]
    expected, seen = rows["contacts"].to_numpy(), came.to_numpy()
    scatter = float(facts.value("uplift", "interval_spread"))
    memory = pd.Timedelta(hours=float(facts.value("uplift", "level_memory_h")))
    age = np.asarray((came.index[-1] - came.index) / memory, dtype=float)
    evidence = 0.5**age / (1 + scatter * expected)
    prior = 1 / _level_variance(night)

    def believe(weight: Floats) -> tuple[float, float, float, float]:
        shape, rate = prior + weight @ seen, prior + weight @ expected
        low, high = gammaincinv(shape, [TAIL, 1 - TAIL]) / rate
        return shape / rate, low, high, 1 / shape

    factor, low, high, doubt = believe(evidence)
    last_beyond = not rows["p05"].iloc[-1] <= seen[-1] <= rows["p95"].iloc[-1]
    without_one = [believe(np.where(np.arange(len(evidence)) == one, 0.0, evidence)) for one in range(len(evidence))]
    sustained = all(not least <= 1 <= most for _, least, most, _ in [(factor, low, high, doubt), *without_one])
    reason: Reason = "beyond_band" if last_beyond else "sustained" if sustained else "inside"
    level = Level(
        queue=str(rows["queue"].iloc[0]),
        seen=float(seen.sum()),
        expected=float(expected.sum()),
        factor=float(factor),
        low=float(low),
        high=float(high),
        reason=reason,
        last=came.index[-1],
        until=came.index[-1] + pd.Series(night["start"]).diff().min(),
    )
    return level, scatter + float(doubt)


def _level_variance(night: pd.DataFrame) -> float:
    """Relative variance of the night's level that the forecast's band admits, once Poisson noise is taken off."""
    busy = night[night["contacts"] > 0]
    mean = busy["contacts"].to_numpy()
    reach = (busy["p95"] - busy["p05"]).to_numpy() / (2 * TAIL_Z)
    variance = (reach**2 - mean).sum() / max((mean**2).sum(), 1e-12)
    return max(float(variance), LEAST_CV**2)


def _move(ahead: pd.DataFrame, factor: float, spread: float) -> pd.DataFrame:
    """Scale the coming intervals by the level, with the band of a count around a level that is still in doubt."""
    contacts = ahead["contacts"].to_numpy() * factor
    p05, p95 = quantiles(contacts, np.full_like(contacts, spread))
    return ahead.assign(contacts=contacts, p05=p05, p95=p95, bot=ahead["bot"] * factor, human=ahead["human"] * factor)
