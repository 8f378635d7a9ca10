"""What chapter 3 has worked out before anybody is rostered: who comes, how many people that asks for, and tonight."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from simlib.forecasting.intraday import Level, reforecast
from simlib.forecasting.pasted import read_actuals
from simlib.forecasting.promo import PromoCurve, forecast_by_history
from simlib.forecasting.requirement import TargetOutOfReachError, Targets, require_agents, sweep_concurrency
from simlib.forecasting.tonight import look_ahead
from simlib.kpis import PlatformRate
from simlib.messages import Message, UserError
from simlib.simulator import Policy
from simlib.simulator.draw import ChatService
from simlib.store.models import StoreInfo

ROUTE_COLUMNS = ["queue", "planned", "mean", "p05", "p95", "history_end", "age_days", "unseen_weekday"]
UNIT_FACTOR = 10  # a history so many times off the cascade is in another unit; promos differ by far less (ours)
PART_OF = {"payment_chasing": "presale", "order_change": "aftersale", "escalation": "aftersale"}
TIGHT = 1.02  # people for the work there is, where a concurrency limit shows what it does


@dataclass(frozen=True, kw_only=True)
class ForecastResult:
    """Who comes.

    Attributes
    ----------
    forecast : DataFrame
        start, queue, contacts, p05, p95, bot, human. ``contacts`` counts each buyer once, ``human`` each reception:
        who is handed on is received twice.
    second_route : DataFrame
        queue, planned, mean, p05, p95, history_end, age_days, unseen_weekday: what the history expects of the day,
        beside the cascade, and how old it is; empty without one.
    doubtful_units : DataFrame
        queue, usual, expected, factor, rows_per_day: histories so far off the cascade that no promo explains it.
    curve : PromoCurve
        What is believed of the promo day.
    """

    forecast: pd.DataFrame = field(repr=False)
    second_route: pd.DataFrame = field(repr=False)
    doubtful_units: pd.DataFrame = field(repr=False)
    curve: PromoCurve = field(repr=False)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables, by name; those without a row are left out."""
        return {"forecast": self.forecast} | ({} if self.second_route.empty else {"second_route": self.second_route})


def work_out_forecast(
    by_queue: Sequence[pd.DataFrame],
    *,
    planned: Mapping[str, float],
    history: Mapping[str, pd.Series],
    promo_days: Mapping[str, Sequence[dt.date]],
    curve: PromoCurve,
    day: dt.date,
) -> ForecastResult:
    """Join the queues' nights and hold them against the store's own history.

    Parameters
    ----------
    by_queue : sequence of DataFrame
        Each queue's night, as :func:`simlib.forecasting.spread_day` gives it.
    planned : mapping of queue to contacts
        The cascade's contacts of the promo day.
    history, promo_days
        Counts that came, by queue, and the days of them that were promos, by name.
    """
    forecast = pd.concat(by_queue, ignore_index=True).sort_values(["start", "queue"], ignore_index=True)
    marked = [each for days in promo_days.values() for each in days]
    routes = []
    for queue, counts in history.items():
        found = forecast_by_history(counts, curve, day=day, promo_days=marked) if queue in planned else None
        if found is not None:
            row = (queue, planned[queue], found.mean, found.low, found.high)
            routes.append((*row, found.last_day, found.age_days, found.unseen_weekday))
    return ForecastResult(
        forecast=forecast,
        second_route=pd.DataFrame(routes, columns=ROUTE_COLUMNS),
        doubtful_units=_doubt_units(history, planned=planned, marked=marked, uplift=curve.likely),
        curve=curve,
    )


def split_queues(days: Mapping[str, Mapping[str, float]], shares: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Split the day of presale and after-sale into the queues that a store serves apart.

    Parameters
    ----------
    days : mapping of queue to value, low, high
        The cascade's contacts of the day, for presale and aftersale.
    shares : mapping of queue to share
        For each of `PART_OF`, the share of its parent's contacts, 0 to 1; a queue with the share 0 is none of its own.

    Returns
    -------
    dict of queue to value, low, high
        The parents without their parts, then the parts; they add up to ``days``.

    Examples
    --------
    >>> day = {"presale": {"value": 200.0}, "aftersale": {"value": 100.0}}
    >>> split_queues(day, {"order_change": 0.2})
    {'presale': {'value': 200.0}, 'aftersale': {'value': 80.0}, 'order_change': {'value': 20.0}}
    """
    left = dict.fromkeys(days, 1.0)
    parts = {}
    for queue, parent in PART_OF.items():
        share = shares.get(queue, 0.0)
        left[parent] -= share
        if share > 0:
            parts[queue] = {end: share * contacts for end, contacts in days[parent].items()}
    whole = {queue: {end: left[queue] * contacts for end, contacts in day.items()} for queue, day in days.items()}
    return whole | parts


def _doubt_units(
    history: Mapping[str, pd.Series], *, planned: Mapping[str, float], marked: Collection[dt.date], uplift: float
) -> pd.DataFrame:
    """Find each queue whose ordinary days lie so far from the cascade that no promo explains it: a wrong unit."""
    rows = []
    for queue, counts in history.items():
        days = counts.groupby(counts.index.date).sum()
        usual = days[~days.index.isin(marked)].median()
        expected = planned.get(queue, 0.0) / uplift
        if not (usual > 0 and expected > 0) or 1 / UNIT_FACTOR < usual / expected < UNIT_FACTOR:
            continue
        factor = max(usual / expected, expected / usual)
        rows.append((queue, float(usual), expected, float(factor), len(counts) / len(days)))
    return pd.DataFrame(rows, columns=["queue", "usual", "expected", "factor", "rows_per_day"])


@dataclass(frozen=True, kw_only=True)
class RequirementResult:
    """How many people the night asks for.

    Attributes
    ----------
    requirement : DataFrame
        start, queue, human, load, agents_pool, agents_offered_load, agents_simulated, on_chat, to_roster, bound_by;
        none in closed hours.
    out_of_reach : tuple of TargetOutOfReachError
        Targets that no number of people can meet; the requirement is worked out without them.
    reachable : mapping of queue to Targets
        The targets that are left.
    holds_share : float
        Share of nights that must keep the targets of a half hour.
    """

    requirement: pd.DataFrame = field(repr=False)
    out_of_reach: tuple[TargetOutOfReachError, ...]
    reachable: Mapping[str, Targets]
    holds_share: float = 0.5

    @property
    def peak_holds(self) -> float:
        """Share of fresh nights that the heads of the worst half hour hold, in the queue that holds fewest."""
        return float(self.requirement.loc[self.requirement["start"] == self.peak_start, "holds_share"].min())

    @property
    def by_queue(self) -> dict[str, float]:
        """Heads on the roster at the worst half hour, by queue."""
        return dict(self.requirement.groupby("queue")["to_roster"].max().astype(float).to_dict())

    @property
    def peak_heads(self) -> int:
        """Heads on the roster at the worst half hour, all queues at once."""
        return int(self.requirement.groupby("start")["to_roster"].sum().max())

    @property
    def peak_band(self) -> tuple[int, int]:
        """The 90 % band of the heads on the roster at the worst half hour, all queues at once.

        The queues' nights are drawn apart, so their bands add up as independent ones do.
        """
        rows = self.requirement[self.requirement["start"] == self.peak_start]
        share = (rows["to_roster"] / rows["on_chat"].clip(lower=1)).to_numpy(dtype=float)
        low, high = (
            math.sqrt(float(((share * (rows["on_chat"] - rows[end]).to_numpy(dtype=float)) ** 2).sum()))
            for end in ("on_chat_low", "on_chat_high")
        )
        return math.floor(self.peak_heads - low), math.ceil(self.peak_heads + high)

    @property
    def peak_start(self) -> pd.Timestamp:
        """The half hour that needs most heads."""
        return self.requirement.groupby("start")["to_roster"].sum().idxmax()

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables, by name."""
        return {"requirement": self.requirement}


def work_out_requirement(
    forecast: pd.DataFrame,
    *,
    services: Mapping[str, ChatService],
    targets: Targets,
    concurrency: int,
    shrinkage: float,
    info: StoreInfo,
    seed: int,
    policy: Policy,
    minute_profile: pd.Series | None,
    busyness_cv: float = 0.0,
    holds_share: float = 0.5,
) -> RequirementResult:
    """Find the people each half hour needs; a target that nobody can meet is left out and named."""
    held = dict.fromkeys(forecast["queue"].unique(), targets)
    beyond: list[TargetOutOfReachError] = []
    while True:
        try:
            need = require_agents(
                forecast,
                services,
                held,
                concurrency=concurrency,
                shrinkage=shrinkage,
                seed=seed,
                policy=policy,
                minute_profile=minute_profile,
                busyness_cv=busyness_cv,
                holds_share=holds_share,
            )
            break
        except TargetOutOfReachError as error:
            beyond.append(error)
            held[error.queue] = without(held[error.queue], error.target)
    closed = ~open_at(pd.DatetimeIndex(need["start"]), info)
    heads = ["on_chat", "on_chat_low", "on_chat_high", "to_roster"]
    need = need.assign(**{column: need[column].where(~closed, 0) for column in heads})
    return RequirementResult(requirement=need, out_of_reach=tuple(beyond), reachable=held, holds_share=holds_share)


def without(targets: Targets, target: str) -> Targets:
    """Return the targets without the one that a KPI stands for."""
    fields = {
        "service_level": {"answered_share": None, "answered_s": None},
        "platform_rate": {"turn_share": None, "turn_s": None},
        "abandoned": {"abandoned_max": None},
    }
    return replace(targets, **fields[target])


def open_at(starts: pd.DatetimeIndex, info: StoreInfo) -> np.ndarray:
    """Return which half hours human service is open; equal hours mean round the clock."""
    opens, closes = info.service_opens, info.service_closes
    clock = np.array([start.time() for start in starts])
    if opens == closes:
        return np.ones(len(clock), dtype=bool)
    if opens < closes:
        return (clock >= opens) & (clock < closes)
    return (clock >= opens) | (clock < closes)


# --- the concurrency limit ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ConcurrencyResult:
    """What the concurrency limit does to people, response and rate in the busiest hour of presale.

    Attributes
    ----------
    sweep : DataFrame
        One row per limit: concurrency, agents_needed, divided, sweet_spot, and response and rates with ``agents``.
    concurrency, agents_needed, divided : int
        The limit from which on more chats at once save nobody, the people it needs, and what dividing would say.
    agents : int
        People of the sweep: just enough for the work there is.
    load : float
        Offered load in agents.
    best : int
        The limit with the best rate among them.
    peak_output : int
        The limit at which an agent ends most contacts an hour; the largest tried where output never falls.
    peak : Timestamp
        The busiest half hour.
    rate : PlatformRate
        The platform's rate that is drawn.
    """

    sweep: pd.DataFrame = field(repr=False)
    concurrency: int
    agents_needed: int
    divided: int
    agents: int
    load: float
    best: int
    peak_output: int
    peak: pd.Timestamp
    rate: PlatformRate

    @property
    def counted(self) -> bool:
        """Return whether the platform counts the busiest time of day at all."""
        second = (self.peak - self.peak.normalize()).total_seconds()
        return bool(self.rate.opens_s <= second < self.rate.closes_s)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables, by name."""
        return {"concurrency_sweep": self.sweep.drop(columns="sweet_spot")}


def work_out_concurrency(
    forecast: pd.DataFrame,
    *,
    service: ChatService,
    targets: Targets,
    policy: Policy,
    rate: PlatformRate,
    step_s: int,
    queue: str = "presale",
) -> ConcurrencyResult:
    """Sweep the concurrency limit over the busiest half hour of a queue (story A4)."""
    mine = forecast[forecast["queue"] == queue]
    peak = mine.loc[mine["human"].idxmax()]
    sweep_hour = partial(
        sweep_concurrency,
        service,
        targets,
        contacts_h=float(peak["human"]) * 3600 / step_s,
        policy=policy,
        rate=rate,
    )
    enough = sweep_hour().query("sweet_spot").iloc[0]
    load = float(enough["occupancy"] * enough["agents_needed"])
    agents = math.ceil(load * TIGHT)
    sweep = sweep_hour(agents=agents)
    sweep = sweep.rename(columns={"service_level": "begun_by_formula"})  # no figure of a simulated night
    key = "begun_by_formula" if "begun_by_formula" in sweep else "platform_rate"
    return ConcurrencyResult(
        sweep=sweep,
        concurrency=int(enough["concurrency"]),
        agents_needed=int(enough["agents_needed"]),
        divided=int(enough["divided"]),
        agents=agents,
        load=load,
        best=int(sweep.loc[sweep[key].idxmax(), "concurrency"]),
        peak_output=int(sweep.loc[sweep["output_agent_hour"].idxmax(), "concurrency"]),
        peak=peak["start"],
        rate=rate,
    )


# --- the night while it runs --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class TonightResult:
    """The rest of the night, corrected by what has come.

    Attributes
    ----------
    note : Message or UserError, optional
        Why there is nothing to show, or what could not be read.
    levels : tuple of Level
        What the night so far says about each queue.
    heads, levers : DataFrame
        As :class:`simlib.forecasting.tonight.Tonight` has them.
    step_h : float
        Length of an interval in hours.
    """

    note: Message | UserError | None = None
    levels: tuple[Level, ...] = ()
    heads: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    levers: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    step_h: float = 0.5

    @property
    def now(self) -> pd.DataFrame:
        """The rows of the first interval that is still to come."""
        return self.heads[self.heads["start"] == self.heads["start"].min()]

    @property
    def short_h(self) -> float:
        """Agent-hours short in the next hours."""
        return float(self.heads["shortfall"].sum() * self.step_h)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables, by name; none where there is nothing to show."""
        return {} if self.heads.empty else {"levers": self.levers, "next_hours": self.heads}


def work_out_tonight(
    forecast: pd.DataFrame,
    *,
    actuals: pd.DataFrame,
    until: pd.Timestamp | UserError | None,
    pasted: str,
    day: dt.date,
    tz: str,
    roster: pd.DataFrame,
    services: Mapping[str, ChatService],
    targets: Mapping[str, Targets],
    concurrency: int,
    on_call: Collection[str],
    seed: int,
    policy: Policy,
    step_s: int,
    on_chat_share: float = 1.0,
    requirement: pd.DataFrame,
    **drawn: Any,
) -> TonightResult:
    """Correct the rest of the night by what has come, count the next hours' heads, rank the levers.

    Parameters
    ----------
    actuals : DataFrame
        start, queue, contacts: the sheet of actuals.
    until : Timestamp, UserError or None
        The time up to which the sheet counts (None: all of it), or why what was typed is no time.
    pasted : str
        Lines of times and counts in place of the sheet.
    on_chat_share : float
        Share of the rostered heads that is on chat, after absence and time off chat.
    requirement : DataFrame
        What the night was planned with.
    **drawn
        How nights are drawn and judged, as :func:`simlib.forecasting.tonight.look_ahead` takes it.
    """
    if isinstance(until, UserError):
        return TonightResult(note=until)
    try:
        if pasted:
            came = read_actuals(pasted, day=day, tz=tz, forecast=forecast)
        else:
            came = actuals if until is None else actuals[actuals["start"] < until]
        if came.empty:
            return TonightResult(note=Message("pages.no_actuals"))
        again = reforecast(forecast, came[["start", "queue", "contacts"]])
    except UserError as error:
        return TonightResult(note=error)
    if again.forecast.empty:
        return TonightResult(note=Message("pages.night_is_over"))
    ahead = look_ahead(
        again.forecast,
        roster,
        services,
        targets,
        concurrency=concurrency,
        on_call=on_call,
        seed=seed,
        policy=policy,
        on_chat_share=on_chat_share,
        requirement=requirement,
        behind=again.behind,
        **drawn,
    )
    return TonightResult(levels=tuple(again.levels), heads=ahead.heads, levers=ahead.levers, step_h=step_s / 3600)
