"""How many agents each interval needs, queue by queue: two formulas and a simulation, which has the last word.

``chat pool`` takes an interval for a steady hour of its own (:func:`simlib.erlang.chat_pool`). ``Modified offered
load`` first lets the open chats of one interval run on into the next, minute by minute, and staffs the largest load
inside the interval: after an opening the two differ. ``Simulation`` puts the people on the chat floor, stops where
each interval begins, and finds the fewest with whom it and the one before meet their targets, on the same buyers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from statistics import NormalDist
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from simlib.erlang import ChatPool, OutOfReachError, agents_for, chat_pool, offered_load
from simlib.intervals import HALF_HOUR_S, Grid
from simlib.kpis import PlatformRate
from simlib.messages import Message, Term, UserError
from simlib.simulator import Agents, Contacts, Policy, RunningNight, count_cores, run_arrays
from simlib.simulator.draw import ChatService, Demand

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_Given = TypeVar("_Given")
_Night = TypeVar("_Night")

COLUMNS = (
    "start", "queue", "human", "load", "agents_pool", "agents_offered_load", "agents_simulated", "on_chat",
    "on_chat_low", "on_chat_high", "holds_share", "to_roster", "bound_by",
)  # fmt: skip
TARGETS = ("service_level", "platform_rate", "abandoned")  # those that the floor judges, as the glossary calls them
NIGHTS = 20  # nights on which a staffing is judged
FRESH = 1000  # number of the first of as many nights that no search has seen
JUDGED = 100  # buyers of an interval, over all nights, below which the simulation does not judge it
NIGHTLY = 50.0  # mean buyers of an interval from which on its nights are judged one by one; below, all together
BAND_Z = 1.645  # nine tenths of a normal distribution lie within so many standard errors
AFTER_S = 3600.0  # the last interval's agents stay so long, so that nobody is lost to the edge of the forecast
FOR_EVER_S = 1e12
MINUTE_S = 60.0
MOST_AGENTS = 10_000  # of a queue: what asks for more is a figure with a zero too many


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What an interval must keep; what is left out is not asked for.

    Parameters
    ----------
    answered_share, answered_s : float, optional
        Share of buyers who get their first reply within ``answered_s`` of entering the human stage; who gives up
        stays in the denominator.
    turn_share, turn_s : float, optional
        Share of the buyers' turns that get their reply within ``turn_s``: how platforms count.
    abandoned_max : float, optional
        Largest share of buyers who leave without a reply, silently or not.
    occupancy_max : float, optional
        Largest share of on-duty time spent writing.

    Examples
    --------
    >>> Targets(answered_share=0.9, answered_s=60, occupancy_max=0.85).occupancy_max
    0.85
    >>> Targets(answered_share=0.9)
    Traceback (most recent call last):
    ValueError: answered_share and answered_s go together, got 0.9 and None
    """

    answered_share: float | None = None
    answered_s: float | None = None
    turn_share: float | None = None
    turn_s: float | None = None
    abandoned_max: float | None = None
    occupancy_max: float | None = None

    def __post_init__(self) -> None:
        for share, seconds in (("answered_share", "answered_s"), ("turn_share", "turn_s")):
            pair = getattr(self, share), getattr(self, seconds)
            if (pair[0] is None) != (pair[1] is None):
                raise ValueError(f"{share} and {seconds} go together, got {pair[0]!r} and {pair[1]!r}")
            if pair[1] is not None and not 0 < pair[1] < math.inf:
                raise ValueError(f"{seconds} must be > 0 seconds and finite, got {pair[1]!r}")
        for name in ("answered_share", "turn_share", "abandoned_max", "occupancy_max"):
            value = getattr(self, name)
            if value is not None and not (0 < value < 1 or (value == 1 and name == "occupancy_max")):
                raise ValueError(f"{name} must lie between 0 and 1, got {value!r}")
        if all(getattr(self, name) is None for name in self.__dataclass_fields__):
            raise ValueError("at least one target must be given")


class TargetOutOfReachError(UserError, OutOfReachError):
    """No number of people meets a target: the reply itself takes too long.

    ``queue``, ``target`` (a key of the glossary), ``share`` and ``seconds`` as asked for, ``best`` = the share that
    an agent for every buyer would reach, ``reply_s``.
    """

    def __init__(self, *, queue: str, target: str, share: float, seconds: float, best: float, reply_s: float) -> None:
        self.queue, self.target, self.share, self.seconds = queue, target, share, seconds
        self.best, self.reply_s = best, reply_s
        super().__init__(
            Message(
                "requirement.out_of_reach",
                queue=Term(queue),
                target=Term(target),
                share=f"{share:.1%}",
                seconds=f"{seconds:g}",
                best=f"{best:.1%}",
                reply_s=f"{reply_s:g}",
            )
        )


def require_agents(
    forecast: pd.DataFrame,
    services: Mapping[str, ChatService],
    targets: Targets | Mapping[str, Targets],
    *,
    concurrency: int | Mapping[str, int],
    shrinkage: float,
    seed: int,
    policy: Policy | None = None,
    minute_profile: pd.Series | None = None,
    busyness_cv: float = 0.0,
    holds_share: float = 0.5,
    banded: bool = True,
) -> pd.DataFrame:
    """Find the agents that every interval and queue needs to keep its targets.

    Every queue has its own people here; what shared skills save is the roster's to find. The buyers are
    those who reach a human, so the bot's share is what the forecast says. The simulation runs whole nights,
    so that a backlog has to be cleared by those who come after. An interval must keep its targets on ``holds_share``
    of the nights, read off quantiles of `NIGHTS` of them; one with fewer than `NIGHTLY` buyers on the
    mean night; one with fewer than `JUDGED` buyers over all nights is left to the larger of the two formulas.
    The occupancy cap is kept on the expected work.

    *What is guaranteed, and what is measured.* On the nights of the search every judged interval keeps its targets,
    unless it asks for more than twice the larger formula and ten, and nobody is spare: with one head less in any of
    them some interval misses. Heads that grow with the load interval by interval are not guaranteed: in 200 random
    nights of 8 intervals (tests/prove/prove_requirement.py) a load 4.8 % heavier needed fewer heads in 86 of 1,595
    intervals, 5.4 % (two fewer or more in 9), and fewer in all on 4 nights. What one interval leaves to the next
    hangs on whole heads, and even of an interval alone the least number may fall where more come.

    Parameters
    ----------
    forecast : DataFrame
        One row per interval and queue, at a regular step: ``start`` (tz-aware), ``queue``, ``human`` (mean contacts
        that reach a human), or ``contacts``, of which the queue's ``bot_share`` is taken off and to
        which its ``transfer_rate`` adds. ``standing``, if it is there: heads on chat of intervals that are over or
        settled, which stay as they are and hand their open chats on; nan where heads are asked for.
    services : mapping of str to ChatService
        By queue, at least those of the forecast.
    targets : Targets, or mapping of str to Targets
        For all queues, or by queue.
    concurrency : int, or mapping of str to int
        Most chats an agent holds at a time, for all queues or by queue.
    shrinkage : float
        Share of rostered time not spent on chats, in [0, 1); applied once, to get ``to_roster``.
    seed : int
        Same seed, same buyers, same requirement.
    policy : Policy, optional
        How the floor is run; ``close_s`` counts in the formulas too.
    minute_profile : Series, optional
        How the contacts of an interval fall into its minutes, see :func:`simlib.simulator.draw.draw_contacts`.
    busyness_cv : float
        Standard deviation over mean of a night's level around its forecast.
    holds_share : float
        Share of nights, in (0, 1), that must keep the targets of an interval.
    banded : bool
        Whether on_chat_low, on_chat_high and holds_share are found too; nan where they are not.

    Returns
    -------
    DataFrame
        In the forecast's order: start, queue, human, load (offered load: busy agents), agents_pool,
        agents_offered_load, agents_simulated, on_chat (the simulated one), on_chat_low and on_chat_high (the 90 %
        band of on_chat that other nights would give), holds_share (share of as many fresh nights on which on_chat
        heads keep the targets; nan where nights are not judged one by one), to_roster, bound_by (the glossary's key
        of the target that forbids one agent less: service_level, platform_rate, abandoned, occupancy; presence =
        one must be there; no_contacts).

    Raises
    ------
    TargetOutOfReachError
        A reply takes longer than the target allows, however many people there are.
    UserError
        A queue needs more than `MOST_AGENTS`.
    ValueError
        A queue without service or targets, an irregular forecast, a shrinkage out of range.

    Examples
    --------
    >>> from simlib.intervals import HALF_HOUR_S, Grid
    >>> night = Grid(opens=pd.Timestamp("2026-10-31 19:00+08:00"), n=4)
    >>> forecast = pd.DataFrame({"start": night.starts, "queue": "presale", "human": [60.0, 80.0, 400.0, 250.0]})
    >>> need = require_agents(
    ...     forecast,
    ...     {"presale": ChatService(replies_mean=5, reply_s=18, think_s=40, patience_s=180)},
    ...     Targets(answered_share=0.85, answered_s=60, occupancy_max=0.85),
    ...     concurrency=4, shrinkage=0.15, seed=7,
    ... )
    >>> need[["human", "on_chat", "to_roster"]].values.tolist()[2]
    [400.0, 24.0, 29.0]
    """
    if not 0 <= shrinkage < 1:
        raise ValueError(f"shrinkage must lie in [0, 1), got {shrinkage!r}")
    how: dict[str, Any] = {"concurrency": concurrency, "busyness_cv": busyness_cv, "holds_share": holds_share}
    work = _read_work(forecast, services, targets, policy=policy, **how)
    grid = work[0].grid
    with ThreadPoolExecutor(count_cores()) as threads:
        drawn: dict[str, Any] = {"seed": seed, "minute_profile": minute_profile, "threads": threads}
        needs = [_staff(each, banded=banded, **drawn) for each in work]
    by_cell = pd.concat(needs).set_index(["queue", "interval"])
    cells = pd.MultiIndex.from_arrays([forecast["queue"], _interval_of(forecast["start"], grid)])
    need = by_cell.loc[cells].reset_index(drop=True)
    need["on_chat"] = need["agents_simulated"]
    need["to_roster"] = np.ceil(need["on_chat"] / (1 - shrinkage) - 1e-9).astype(np.int64)
    need.insert(0, "queue", forecast["queue"].to_numpy())
    need.insert(0, "start", forecast["start"].reset_index(drop=True))
    return need[list(COLUMNS)]


def judge_heads(
    forecast: pd.DataFrame,
    services: Mapping[str, ChatService],
    targets: Targets | Mapping[str, Targets],
    *,
    concurrency: int | Mapping[str, int],
    seed: int,
    policy: Policy | None = None,
    minute_profile: pd.Series | None = None,
    busyness_cv: float = 0.0,
    holds_share: float = 0.5,
    level: float = 1.0,
    fresh: bool = False,
) -> pd.DataFrame:
    """Judge given heads as :func:`require_agents` does.

    Parameters
    ----------
    forecast : DataFrame
        As :func:`require_agents` takes it, with ``on_chat``: heads on chat.
    level : float
        Part of the buyers that come, of the same nights.
    fresh : bool
        Whether on nights that no requirement of the seed was searched on, rather than on those that it was.
    services, targets, concurrency, seed, policy, minute_profile, busyness_cv, holds_share
        As of :func:`require_agents`.

    Returns
    -------
    DataFrame
        In the forecast's order: judged (whether enough buyers come to judge), missed (the target that is missed, by key
        of the glossary; empty where all are kept), holds_share (share of single nights that keep all).
    """
    how: dict[str, Any] = {"concurrency": concurrency, "busyness_cv": busyness_cv, "holds_share": holds_share}
    found: dict[tuple[str, int], tuple[bool, str, float]] = {}
    with ThreadPoolExecutor(count_cores()) as threads:
        for work in _read_work(forecast, services, targets, policy=policy, **how):
            rows = forecast[forecast["queue"] == work.queue]
            heads = np.zeros(work.grid.n, dtype=np.int64)
            heads[_interval_of(rows["start"], work.grid)] = rows["on_chat"].to_numpy(dtype=np.int64)
            demand = work.demand(minute_profile, level=level)
            nights = _Rehearsal.of(work, demand, seed=seed, first=FRESH if fresh else 0, threads=threads)
            lacks = nights.lacks(heads)
            judged = nights.judge(lacks)
            names = np.where((judged > 1e-9).any(axis=0), np.array(TARGETS)[judged.argmax(axis=0)], "")
            held = (lacks <= 1e-9).all(axis=0).mean(axis=0)
            for i, cell in enumerate(zip(nights.judged.tolist(), names.tolist(), held.tolist(), strict=True)):
                found[work.queue, i] = cell
    cells = zip(forecast["queue"], _interval_of(forecast["start"], work.grid), strict=True)
    columns = ["judged", "missed", "holds_share"]
    return pd.DataFrame([found[cell] for cell in cells], columns=columns, index=forecast.index)


def sweep_concurrency(
    service: ChatService,
    targets: Targets,
    *,
    contacts_h: float,
    limits: Sequence[int] = tuple(range(1, 11)),
    policy: Policy | None = None,
    agents: int | None = None,
    rate: PlatformRate | None = None,
) -> pd.DataFrame:
    """Show what the concurrency limit changes, in a steady hour: people, response, rates, and the usual error.

    More chats an agent save fewer and fewer people, because an agent still writes one reply at a time, and every
    buyer waits longer for each. The sweet spot is the smallest limit that needs at most 2 % more people than the
    best. ``divided`` is what dividing the people needed at one chat each by the limit would give. Where further chats
    make people slower (``policy.slowdown``), output an hour has a peak and the people needed have a least.

    Parameters
    ----------
    service : ChatService
        One queue.
    targets : Targets
        What must be kept.
    contacts_h : float
        Contacts an hour that reach a human, > 0.
    limits : sequence of int
        The limits to try; they need not begin with 1.
    policy : Policy, optional
        How the floor is run: how long a served chat holds its place, and the slow-down by open chats.
    agents : int, optional
        People who are there: response, rates and occupancy are theirs at every limit. Left out, each limit has as
        many as it needs. With too few people a higher limit first helps, then only moves the wait from the line
        into the chats.
    rate : PlatformRate, optional
        How the platform counts; left out, by turn as the targets do. Of a platform that counts a contact once, by all
        its turns, the turns are shown, which is what the targets hold.

    Returns
    -------
    DataFrame
        One row per limit: concurrency, agents_needed, output_agent_hour (contacts that an agent with so many chats at
        all times ends in an hour), mean_response (s), service_level (where it is a target),
        platform_rate (where it is one, or where ``rate`` is given), occupancy, divided, sweet_spot (bool). A target
        for the first reply that is the platform's own stands once, as platform_rate.

    Examples
    --------
    >>> service = ChatService(replies_mean=6, reply_s=18, think_s=40, patience_s=180)
    >>> table = sweep_concurrency(service, Targets(answered_share=0.85, answered_s=60), contacts_h=600)
    >>> table.loc[[0, 1, 3], ["concurrency", "agents_needed", "divided"]].values.tolist()
    [[1, 51, 51], [2, 30, 26], [4, 23, 13]]
    """
    if not 0 < contacts_h < math.inf:
        raise ValueError(f"contacts_h must be > 0 contacts an hour and finite, got {contacts_h!r}")
    if len(limits) == 0:
        raise ValueError("limits must name at least one concurrency limit")
    arriving = contacts_h / 3600
    policy = policy or Policy()
    by_first = rate is not None and rate.counts == "first"
    rate_s = targets.turn_s if rate is None else rate.threshold_s

    def best(limit: int, start: int) -> int:
        return _smallest(lambda n: _pool(service, limit, policy, n, arriving), targets, start=start)

    alone = best(1, max(1, math.ceil(arriving * service.replies_mean * (service.reply_s + service.think_s))))
    rows = []
    needed = alone
    for limit in limits:
        needed = best(limit, needed)
        pool = _pool(service, limit, policy, agents or needed, arriving)
        output = pool.capacity_rate / (agents or needed) * 3600
        row = {"concurrency": limit, "agents_needed": needed, "output_agent_hour": output}
        row["mean_response"] = pool.mean_response_s
        if targets.answered_s is not None and not (by_first and targets.answered_s == rate_s):
            row["service_level"] = pool.first_begun_within(max(targets.answered_s - pool.reply_s, 0))
        if rate_s is not None:
            within = pool.first_begun_within if by_first else pool.turns_begun_within
            row["platform_rate"] = within(max(rate_s - pool.reply_s, 0))
        rows.append(row | {"occupancy": pool.occupancy, "divided": math.ceil(alone / limit)})
    table = pd.DataFrame(rows)
    good = table["agents_needed"] <= 1.02 * table["agents_needed"].min()
    return table.assign(sweet_spot=table["concurrency"] == table.loc[good, "concurrency"].min())


# ------------------------------------------------------------------ the forecast


@dataclass(frozen=True, kw_only=True)
class _Work:
    """What one queue asks for; ``human`` is its mean contacts by interval."""

    queue: str
    grid: Grid
    human: Floats
    standing: Floats
    service: ChatService
    targets: Targets
    concurrency: int
    policy: Policy
    busyness_cv: float
    holds_share: float

    @property
    def rates(self) -> Floats:
        """Contacts a second."""
        return self.human / self.grid.step_s

    @property
    def load(self) -> Floats:
        """Offered load: agents busy writing."""
        return self.rates * self.service.replies_mean * self.service.reply_s

    def demand(self, minute_profile: pd.Series | None, *, level: float = 1.0) -> Demand:
        """Return the buyers of this queue, ready to be drawn."""
        buyers = pd.DataFrame({"start": self.grid.starts, "queue": self.queue, "contacts": self.human * level})
        humans = {self.queue: replace(self.service, bot_share=0.0, bot_meets_share=None, transfer_rate=0.0)}
        how: dict[str, Any] = {"minute_profile": minute_profile, "busyness_cv": self.busyness_cv}
        return Demand.of(buyers, humans, grid=self.grid, **how)

    def pool(self, agents: int, rate: float) -> ChatPool:
        """Steady hour of this queue."""
        return _pool(self.service, self.concurrency, self.policy, agents, rate)


def _for_queue(given: _Given | Mapping[str, _Given], queue: str, name: str) -> _Given:
    if not isinstance(given, Mapping):
        return given
    if queue not in given:
        raise ValueError(f"{name} must name every queue of the forecast, {queue!r} is missing")
    return given[queue]


def _grid_of(forecast: pd.DataFrame) -> Grid:
    if forecast.empty:
        raise ValueError("forecast must have at least one row")
    starts = pd.DatetimeIndex(forecast["start"].drop_duplicates()).sort_values()
    steps = np.unique((starts[1:] - starts[:-1]).total_seconds())
    step_s = int(steps[0]) if len(steps) else HALF_HOUR_S
    if (steps % step_s != 0).any():
        raise ValueError(f"forecast.start must lie a regular step apart, got steps of {steps.tolist()} s")
    n = int((starts[-1] - starts[0]).total_seconds()) // step_s + 1
    return Grid(opens=starts[0], n=n, step_s=step_s)


def _interval_of(start: pd.Series, grid: Grid) -> Counts:
    return (grid.seconds(start) // grid.step_s).astype(np.int64)


def _human_of(rows: pd.DataFrame, service: ChatService, grid: Grid) -> Floats:
    """Mean contacts of one queue that reach a human, by interval."""
    if "human" in rows:
        mean = rows["human"].to_numpy(dtype=float)
    elif "contacts" in rows:
        mean = rows["contacts"].to_numpy(dtype=float) * (1 - service.bot_net_share) * (1 + service.transfer_rate)
    else:
        raise ValueError("forecast needs the column human, or contacts")
    bad = np.flatnonzero(~np.isfinite(mean) | (mean < 0))
    if bad.size:
        row = rows.iloc[bad[0]]
        raise ValueError(f"forecast must count >= 0 contacts, got {mean[bad[0]]} for {row['queue']} at {row['start']}")
    human = np.zeros(grid.n)
    np.add.at(human, _interval_of(rows["start"], grid), mean)
    return human


def _read_work(
    forecast: pd.DataFrame,
    services: Mapping[str, ChatService],
    targets: Targets | Mapping[str, Targets],
    *,
    concurrency: int | Mapping[str, int],
    policy: Policy | None,
    busyness_cv: float,
    holds_share: float,
) -> list[_Work]:
    """Read what each queue of a forecast asks for."""
    if not 0 < holds_share < 1:
        raise ValueError(f"holds_share must lie between 0 and 1, got {holds_share!r}")
    grid, work = _grid_of(forecast), []
    for queue, rows in forecast.groupby("queue", sort=False):
        if queue not in services:
            raise ValueError(f"services must describe every queue of the forecast, {queue!r} is missing")
        work.append(
            _Work(
                queue=str(queue),
                grid=grid,
                human=_human_of(rows, services[str(queue)], grid),
                standing=_standing_of(rows, grid),
                service=services[str(queue)],
                targets=_for_queue(targets, str(queue), "targets"),
                concurrency=_for_queue(concurrency, str(queue), "concurrency"),
                policy=policy or Policy(),
                busyness_cv=busyness_cv,
                holds_share=holds_share,
            )
        )
    return work


def _standing_of(rows: pd.DataFrame, grid: Grid) -> Floats:
    """Return the heads of settled intervals; nan where they are asked for."""
    standing = np.full(grid.n, np.nan)
    if "standing" in rows:
        standing[_interval_of(rows["start"], grid)] = rows["standing"].to_numpy(dtype=float)
    return standing


def _staff(
    work: _Work, *, seed: int, minute_profile: pd.Series | None, threads: Executor, banded: bool
) -> pd.DataFrame:
    """Staff one queue in the three ways."""
    demand = work.demand(minute_profile)
    try:
        pool = _by_formula(work, work.rates)
        moved = _by_formula(work, np.where(work.human > 0, _moved_rates(work, pool, demand), 0.0))
    except OutOfReachError:
        worst = int(work.load.argmax())
        figures = {
            "queue": Term(work.queue),
            "at": f"{work.grid.starts[worst]:%m-%d %H:%M}",
            "most": f"{MOST_AGENTS:,}",
        }
        figures |= {"minutes": f"{work.grid.step_s / MINUTE_S:g}"}
        figures |= {"contacts": f"{work.human[worst]:,.0f}", "load": f"{work.load[worst]:,.0f}"}
        raise UserError(Message("requirement.too_many", **figures)) from None
    nights = [
        _Rehearsal.of(work, demand, seed=seed, first=first, threads=threads) for first in (0, FRESH)[: 1 + banded]
    ]
    simulated, bound_by = nights[0].staff(np.maximum(pool, moved))
    unknown = np.full(work.grid.n, np.nan)
    low, high, holds = _find_bands(work, nights, simulated) if banded else (unknown, unknown, unknown)
    return pd.DataFrame(
        {
            "queue": work.queue,
            "interval": np.arange(work.grid.n),
            "human": work.human,
            "load": work.load,
            "agents_pool": pool,
            "agents_offered_load": moved,
            "agents_simulated": simulated,
            "on_chat_low": low,
            "on_chat_high": high,
            "holds_share": holds,
            "bound_by": bound_by,
        }
    )


# ------------------------------------------------------------------ the two formulas


def _pool(service: ChatService, concurrency: int, policy: Policy, agents: int, rate: float) -> ChatPool:
    return chat_pool(
        agents,
        concurrency,
        rate,
        replies=service.replies_mean,
        reply_s=service.reply_s,
        think_s=service.think_s,
        patience_s=min(max(service.patience_s, 1e-3), 1e9),  # a finite patience gives an overload an answer too
        close_s=policy.close_s,
        slowdown=policy.slowdown,
    )


def _missed(pool: ChatPool, targets: Targets) -> str | None:
    """Return a target that the pool does not keep, those first that are quickly judged.

    A reply counts as sent its mean length after it is begun, so that a target can be met whatever the spread.
    """
    if targets.occupancy_max is not None and pool.occupancy > targets.occupancy_max:
        return "occupancy"
    if targets.abandoned_max is not None and pool.lost_before_reply > targets.abandoned_max:
        return "abandoned"
    if targets.answered_share is not None and targets.answered_s is not None:
        begun_s = max(targets.answered_s - pool.reply_s, 0.0)
        if pool.first_begun_within(begun_s) < targets.answered_share:
            return "service_level"
    if targets.turn_share is not None and targets.turn_s is not None:
        begun_s = max(targets.turn_s - pool.reply_s, 0.0)
        if pool.turns_begun_within(begun_s) < targets.turn_share:
            return "platform_rate"
    return None


def _by_formula(work: _Work, rates: Floats) -> Counts:
    """Smallest chat pool for each arrival rate (contacts a second)."""
    distinct, where = np.unique(rates, return_inverse=True)
    agents = np.zeros(len(distinct), dtype=np.int64)
    needed = 1
    for i, rate in enumerate(distinct.tolist()):
        if rate > 0:
            needed = _smallest(partial(work.pool, rate=rate), work.targets, start=needed)
            agents[i] = needed
    return agents[where]


def _smallest(pool: Callable[[int], ChatPool], targets: Targets, *, start: int) -> int:
    return agents_for(lambda n: _missed(pool(n), targets) is None, start=start, at_most=MOST_AGENTS)


def _moved_rates(work: _Work, pool: Counts, demand: Demand) -> Floats:
    """Arrival rate of the steady hour whose open chats equal the most of each interval, minute by minute.

    The chats left over from the interval before are their own agents' to finish: they are given the time of one
    chat, or half the interval.
    """
    grid = work.grid
    busiest = int(np.argmax(work.human))
    if work.human[busiest] == 0:
        return work.rates
    minutes = max(1, round(grid.step_s / MINUTE_S))
    share = np.full((grid.n, minutes), 1 / minutes)
    if demand.bend is not None:
        times, level = demand.bend
        edges = np.arange(grid.n * minutes + 1) * (grid.step_s / minutes)
        weight = np.diff(np.interp(edges, times, level)).reshape(grid.n, minutes)
        total = weight.sum(axis=1, keepdims=True)
        share = np.where(total > 0, weight / np.where(total > 0, total, 1.0), share)
    chat_s = work.pool(int(pool[busiest]), work.rates[busiest]).mean_chat
    by_minute = work.rates[:, None] * share * minutes
    load = offered_load(by_minute.ravel(), grid.step_s / minutes, chat_s).at_end.reshape(grid.n, minutes)
    left_over = min(int(chat_s / grid.step_s * minutes), minutes // 2)
    return np.asarray(load[:, left_over:].max(axis=1) / chat_s)


# ------------------------------------------------------------------ the simulation


class _Kept(NamedTuple):
    """How a staffing did, by night and interval (buyers by entry, turns by the buyer's message)."""

    offered: Counts
    answered: Counts  # first reply in time
    lost: Counts  # never a reply
    turns: Counts
    in_time: Counts  # turns replied to in time


class _Floor(NamedTuple):
    """Nights side by side: each is a queue, with people of its own."""

    nights: int
    contacts: Contacts
    turn_night: Counts  # of each message

    @classmethod
    def of(cls, nights: Sequence[Contacts]) -> _Floor:
        """Lay nights side by side, by arrival."""
        order = np.argsort(np.concatenate([night.arrival for night in nights]), kind="stable")
        lengths = [len(night) for night in nights]

        def lay(name: str) -> npt.NDArray[Any]:
            return np.asarray(np.concatenate([getattr(night, name) for night in nights])[order])

        turns, number = lay("turns"), np.repeat(np.arange(len(nights)), lengths)[order]
        all_turns = np.concatenate([night.turns for night in nights])
        first = (np.cumsum(all_turns) - all_turns)[order]
        message = np.arange(turns.sum()) + np.repeat(first - (np.cumsum(turns) - turns), turns)
        contacts = Contacts(
            **{name: lay(name) for name in ("arrival", "patience", "silent", "retry")},
            **{
                name: np.concatenate([getattr(night, name) for night in nights])[message]
                for name in ("handle", "think")
            },
            queue=number,
            turns=turns,
        )
        return cls(nights=len(nights), contacts=contacts, turn_night=np.repeat(number, turns))


@dataclass(frozen=True, kw_only=True)
class _Rehearsal:
    """The nights on which a staffing of one queue is judged, always the same buyers.

    They lie side by side on a floor for each processor core, so that there is no Python between them.
    """

    work: _Work
    floors: tuple[_Floor, ...]
    threads: Executor

    @classmethod
    def of(cls, work: _Work, demand: Demand, *, seed: int, first: int, threads: Executor) -> _Rehearsal:
        nights = list(
            threads.map(lambda night: demand.draw(seed=seed, replication=night), range(first, first + NIGHTS))
        )
        parts = np.array_split(np.arange(NIGHTS), min(count_cores(), NIGHTS))
        floors = threads.map(lambda part: _Floor.of([nights[night] for night in part]), parts)
        return cls(work=work, floors=tuple(floors), threads=threads)

    @cached_property
    def ideal(self) -> _Kept:
        """What an agent for every buyer would reach."""
        return self.count(self._with_an_agent_each, self.floors)

    @cached_property
    def judged(self) -> npt.NDArray[np.bool_]:
        """Intervals with enough buyers to judge, whose heads are asked for."""
        return np.asarray((self.ideal.offered.sum(axis=0) >= JUDGED) & np.isnan(self.work.standing))

    def lacks(self, staff: Counts) -> Floats:
        """Count what each target lacks: replies or buyers, below 0 where it is kept; by target, night and interval."""
        return self.weigh(self.count(self._count, self.floors, self.put_on_floors(staff)), self.ideal)

    def weigh(self, kept: _Kept, ideal: _Kept) -> Floats:
        """Return what each target lacks, by target, night and interval."""
        targets = self.work.targets
        lost_max = 1.0 if targets.abandoned_max is None else targets.abandoned_max
        late = np.minimum((targets.answered_share or 0.0) * kept.offered, ideal.answered) - kept.answered
        possible = np.divide(ideal.in_time, ideal.turns, out=np.zeros(ideal.turns.shape), where=ideal.turns > 0)
        slow = np.minimum(targets.turn_share or 0.0, possible) * kept.turns - kept.in_time
        return np.stack([late, slow, kept.lost - lost_max * kept.offered])

    def judge(self, lacks: Floats, where: slice = slice(None)) -> Floats:
        """Return what each target lacks on the night that as many nights are as good as; by target and interval.

        Three quantiles around the share are averaged, so that more nights than one speak and the figure moves smoothly
        with heads and load. Of a quiet interval the mean night is judged, for its single nights are chance.
        """
        share = self.work.holds_share
        reach = min(share, 1 - share) / 2
        around = np.quantile(lacks, [share - reach, share, share + reach], axis=1).mean(axis=0)
        return np.asarray(np.where(self.work.human[where] >= NIGHTLY, around, lacks.mean(axis=1)))

    def missed(self, staff: Counts) -> Counts:
        """Return the target that the intervals miss most; -1 where they keep all."""
        judged = self.judge(self.lacks(staff))
        return np.where((judged > 1e-9).any(axis=0), judged.argmax(axis=0), -1)

    def staff(self, start: Counts) -> tuple[Counts, npt.NDArray[np.object_]]:
        """Find the fewest agents by interval, and the target that forbids one less."""
        work, targets = self.work, self.work.targets
        by_work = np.ceil(work.load / (targets.occupancy_max or math.inf) - 1e-9)
        least = np.maximum(by_work, work.human > 0).astype(np.int64)
        reason = np.where(work.human == 0, "no_contacts", np.where(by_work > 1, "occupancy", "presence"))
        self._refuse_unreachable(self.ideal)
        given = ~np.isnan(work.standing)
        start = np.where(given, np.nan_to_num(work.standing), np.maximum(start, least)).astype(np.int64)
        least = np.where(given, start, least)
        judged = self.judged
        staff, why = self._find_fewest(start, least)
        names = np.array(TARGETS, dtype=object)[why]
        for i in np.flatnonzero(~judged & ~given & (staff > least)):
            names[i] = _missed(work.pool(int(staff[i]) - 1, work.rates[i]), targets) or TARGETS[0]
        return staff, np.where(staff > least, names, reason)

    def count(self, run: Callable[..., _Kept], *floors: Iterable[Any]) -> _Kept:
        """Count on every floor; the nights of all, one below the other."""
        return _Kept(*(np.concatenate(column) for column in zip(*self.threads.map(run, *floors), strict=True)))

    def _find_fewest(self, start: Counts, least: Counts) -> tuple[Counts, Counts]:
        """Search the smallest staffing that misses nothing, and the target that each interval misses with one less.

        First interval by interval as the night goes, each with what the one before has left: the fewest with whom both
        keep their targets. Then those who turn out to be spare are released: what comes later was a guess until then.
        """
        if not self.judged.any():
            return start, np.zeros_like(start)
        most = 2 * start + 10  # an interval that needs more is not short of people
        usual = np.minimum(most, int(1.2 * start.max()) + 5)
        staff, why, kept = self._go_forward(start, least, usual)
        if not kept[self.judged & (usual < most)].all():
            staff, why, kept = self._go_forward(start, least, most)
        while (failing := self.judged & ((missed := self.missed(staff)) >= 0) & (staff < most)).any():
            why = np.where(failing, missed, why)
            staff = staff + (failing & ~np.append(False, failing[:-1]))  # the first of a row may help the others
        return self._spare_nobody(staff, why, least, kept=self.judged & (missed < 0))

    def _go_forward(self, start: Counts, least: Counts, most: Counts) -> tuple[Counts, Counts, npt.NDArray[np.bool_]]:
        """Find the heads of one interval after the other.

        The next interval has the heads of the formula, less what it was found to be too high by so far. Returns the
        heads, what is missed with one less, and who is kept with at most ``most``.
        """
        staff, why, ratio, kept = start.copy(), np.zeros_like(start), 1.0, self.judged.copy()
        order, walk = np.arange(len(start)), _Walk(self, staff, heads=int(most.max()))
        for i in np.flatnonzero(self.judged).tolist():
            walk.go_to(i)
            guess = np.maximum(np.ceil(ratio * start - 1e-9), least).astype(np.int64)
            guess = np.where(self.judged & (order >= i), guess, staff)
            later = np.where(order > i, guess[min(i + 1, len(guess) - 1)], staff)  # no further than that is looked

            def keeps(heads: int, i: int = i, later: Counts = later) -> bool:
                if heads < least[i]:
                    return False
                missed, _ = walk.miss_with(np.where(order == i, heads, later), kept=kept, reaches=(1,))
                if missed >= 0:
                    why[i] = missed
                return missed < 0

            try:
                staff[i] = agents_for(keeps, start=max(int(guess[i]), 1), at_most=max(int(most[i]), 1))
            except OutOfReachError:
                staff[i], kept[i] = most[i], False
            ratio += 0.5 * (staff[i] / max(start[i], 1) - ratio)
            walk.go_on(np.where(order <= i, staff, guess))
        return staff, why, kept

    def _spare_nobody(
        self, staff: Counts, why: Counts, least: Counts, *, kept: npt.NDArray[np.bool_]
    ) -> tuple[Counts, Counts]:
        """Release those who are spare, until with one head less anywhere an interval misses that kept its targets.

        What a head less does is seen in the minutes that follow. Where it does no harm so near, the rest of the night
        decides.
        """
        why, order, n = why.copy(), np.arange(len(staff)), len(staff)
        pending = self.judged & (staff > least)
        seen = np.zeros(n, dtype=np.int64)  # the interval before which something was missed with one head less
        while pending.any():
            walk = _Walk(self, staff, heads=int(staff.max()))
            for i in order.tolist():
                if not pending[i:].any():
                    break
                walk.go_to(i)
                if not pending[i]:
                    continue
                pending[i] = False
                while staff[i] > least[i]:
                    less = staff - (order == i)
                    missed, seen[i] = walk.miss_with(less, kept=kept, reaches=(1, 2, 4, n))
                    if missed >= 0:
                        why[i] = missed
                        break
                    staff = less
                    walk.go_on(staff)
                    pending |= (order < i) & (seen >= i - 1) | (order > i) & self.judged & (staff > least)
        return staff, why

    def _count(self, floor: _Floor, agents: Agents) -> _Kept:
        """Run the nights of a floor and count."""
        seen = run_arrays(floor.contacts, agents, self.work.policy, turns=self.by_turn)
        asked = ~np.isnan(seen.asked)
        turns = seen.asked[asked], (seen.replied - seen.asked)[asked], floor.turn_night[: len(asked)][asked]
        return self.keep(floor, (seen.entry, seen.first_reply - seen.entry, floor.contacts.queue), turns)

    def _with_an_agent_each(self, floor: _Floor) -> _Kept:
        """Count what would be in time if every reply were begun at once."""
        contacts = floor.contacts
        first_s = contacts.handle[contacts.first_turn[:-1]]
        turns = np.repeat(contacts.arrival, contacts.turns), contacts.handle, floor.turn_night
        return self.keep(floor, (contacts.arrival, first_s, contacts.queue), turns)

    def keep(self, floor: _Floor, buyers: tuple[Floats, Floats, Counts], turns: tuple[Floats, Floats, Counts]) -> _Kept:
        """Count buyers and turns, each by when it began, the seconds until the reply (nan is none) and night."""
        targets = self.work.targets
        answered = buyers[1] <= (targets.answered_s or math.inf)
        in_time = turns[1] <= (targets.turn_s or math.inf)
        return _Kept(
            offered=self._tally(floor, buyers),
            answered=self._tally(floor, buyers, among=answered),
            lost=self._tally(floor, buyers, among=np.isnan(buyers[1])),
            turns=self._tally(floor, turns),
            in_time=self._tally(floor, turns, among=in_time),
        )

    def _tally(
        self,
        floor: _Floor,
        rows: tuple[Floats, Floats, Counts],
        *,
        among: npt.NDArray[np.bool_] | slice = slice(None),
    ) -> Counts:
        """Count by night and interval; who comes after the last counts in it."""
        n = self.work.grid.n
        at, night = rows[0][among], rows[2][among]
        interval = np.minimum((at / self.work.grid.step_s).astype(np.int64), n - 1)
        return np.bincount(n * night + interval, minlength=n * floor.nights).reshape(floor.nights, n)

    @property
    def by_turn(self) -> bool:
        return self.work.targets.turn_s is not None

    def _refuse_unreachable(self, ideal: _Kept) -> None:
        targets = self.work.targets
        for target, share, seconds, good, of in (
            (TARGETS[0], targets.answered_share, targets.answered_s, ideal.answered, ideal.offered),
            (TARGETS[1], targets.turn_share, targets.turn_s, ideal.in_time, ideal.turns),
        ):
            if share is None or seconds is None or of.sum() < JUDGED:
                continue
            best = float(good.sum() / of.sum())
            if best < share:
                raise TargetOutOfReachError(
                    queue=self.work.queue,
                    target=target,
                    share=share,
                    seconds=seconds,
                    best=best,
                    reply_s=self.work.service.reply_s,
                )

    def put_on_floors(self, staff: Counts, *, heads: int | None = None, since: int = 0) -> list[Agents]:
        """Return numbers by interval as people with shifts, the first to come the last to go; each night has its own.

        Of the intervals before ``since`` only who is there at its end matters.
        """
        edges = self.work.grid.edges_s[since:].copy()
        edges[-1] += AFTER_S
        heads = int(staff.max(initial=0)) if heads is None else heads
        on = np.zeros((heads, len(edges) + 1), dtype=np.int8)
        on[:, 1:-1] = staff[since:] > np.arange(heads)[:, None]
        change = np.diff(on, axis=1)
        agent, begins = np.nonzero(change == 1)
        ends = np.nonzero(change == -1)[1]
        people = {}
        for nights in {floor.nights for floor in self.floors}:
            number = np.add.outer(heads * np.arange(nights), agent).ravel()
            shifts = np.column_stack([number, np.tile(edges[begins], nights), np.tile(edges[ends], nights)])
            skill = np.repeat(np.eye(nights, dtype=np.int64), heads, axis=0)
            people[nights] = Agents(capacity=np.full(len(skill), self.work.concurrency), shifts=shifts, skill=skill)
        return [people[floor.nights] for floor in self.floors]


class _Walk:
    """The nights of a rehearsal, stopped where an interval begins, and what follows there with other heads."""

    def __init__(self, rehearsal: _Rehearsal, staff: Counts, *, heads: int) -> None:
        self.rehearsal, self.heads, self.at = rehearsal, heads, 0
        floors, policy = rehearsal.floors, rehearsal.work.policy
        agents = rehearsal.put_on_floors(staff, heads=heads)
        how: dict[str, Any] = {"policy": policy, "turns": rehearsal.by_turn}
        self._floors = [
            RunningNight(floor.contacts, people, **how) for floor, people in zip(floors, agents, strict=True)
        ]
        self._over = [0] * len(floors)  # contacts of each floor that were over at the stop before

    def go_to(self, i: int) -> None:
        """Go on to where an interval begins."""
        self.at, self._over = i, [floor.over for floor in self._floors]
        until_s = self.rehearsal.work.grid.step_s * i
        list(self.rehearsal.threads.map(partial(RunningNight.run_to, until_s=until_s), self._floors))

    def go_on(self, staff: Counts) -> None:
        """Go on with other heads from here."""
        for floor, agents in zip(self._floors, self._put_on(staff), strict=True):
            floor.change_shifts(agents)

    def miss_with(self, staff: Counts, *, kept: npt.NDArray[np.bool_], reaches: Sequence[int]) -> tuple[int, int]:
        """Return the target that is missed most with other heads from here on, -1 for none, and how far was looked.

        Of those that are ``kept``, the intervals on both sides are looked at first, and only if they keep all, others.
        """
        rehearsal, n = self.rehearsal, len(staff)
        trials = [floor.try_shifts(agents) for floor, agents in zip(self._floors, self._put_on(staff), strict=True)]
        for reach in reaches:
            near = slice(max(self.at - 1, 0), self.at + reach) if self.at + reach < n else slice(0, n)
            over = self._over if near.start else [0] * len(trials)
            counts = rehearsal.count(partial(self._count, near=near), trials, over, rehearsal.floors)
            ideal = _Kept(*(column[:, near] for column in rehearsal.ideal))
            lacking = rehearsal.judge(rehearsal.weigh(counts, ideal), near)
            lacking[:, ~kept[near]] = -math.inf
            if (lacking > 1e-9).any():
                return int(lacking.max(axis=1).argmax()), near.stop
            if near.stop == n:
                break
        return -1, near.stop

    def _put_on(self, staff: Counts) -> list[Agents]:
        return self.rehearsal.put_on_floors(staff, heads=self.heads, since=max(self.at - 1, 0))

    def _count(self, trial: RunningNight, over: int, floor: _Floor, *, near: slice) -> _Kept:
        """Run on until all is known of the buyers of some intervals in a row, and count them."""
        work = self.rehearsal.work
        targets, step_s, last = work.targets, work.grid.step_s, near.stop == work.grid.n
        in_time_s = max(targets.answered_s or 0.0, targets.turn_s or 0.0)
        ends_s = step_s * near.stop + in_time_s + step_s * np.array([0.0, 0.1, 0.3, 1.0, 4.0, math.inf])
        from_s, to_s = step_s * near.start, math.inf if last else step_s * near.stop
        for until_s in ends_s[-1:] if last else ends_s:  # who comes after the last counts in it
            trial.run_to(min(until_s, FOR_EVER_S))
            seen = trial.seen(over)
            here = (seen.entry >= from_s) & (seen.entry < to_s) & ~seen.coming_back
            if targets.abandoned_max is None or not (here & seen.waiting).any():
                break
        night, turn_night = floor.contacts.queue[over:], floor.turn_night[floor.contacts.first_turn[over] :]
        buyers = seen.entry[here], (seen.first_reply - seen.entry)[here], night[: len(here)][here]
        asked = (seen.asked >= from_s) & (seen.asked < to_s)
        turns = seen.asked[asked], (seen.replied - seen.asked)[asked], turn_night[: len(asked)][asked]
        return _Kept(*(column[:, near] for column in self.rehearsal.keep(floor, buyers, turns)))


def _find_bands(work: _Work, nights: Sequence[_Rehearsal], staff: Counts) -> tuple[Counts, Counts, Floats]:
    """Return the 90 % band of the heads, and the share of fresh nights that they hold.

    How fast what is lacking falls with the heads is read off the nights with 6 % fewer and more people (at least one);
    the band is as many heads as the standard error of what is lacking is worth.
    """
    own, fresh = nights
    step = np.maximum(np.rint(0.06 * staff), 1).astype(np.int64)
    less = np.maximum(staff - step, 0)
    at = own.lacks(less)
    targets = work.targets
    asked = np.array([targets.answered_share, targets.turn_share, targets.abandoned_max], dtype=float)
    binding = np.where(np.isnan(asked)[:, None], -np.inf, own.judge(at)).argmax(axis=0)[None]
    few, many = (np.take_along_axis(own.judge(lacks), binding, axis=0)[0] for lacks in (at, own.lacks(staff + step)))
    slope = np.maximum((few - many) / np.maximum(staff + step - less, 1), 1e-9)
    spread = np.take_along_axis(at.std(axis=1), binding, axis=0)[0]
    safety = NormalDist().inv_cdf(work.holds_share)
    error = spread * math.sqrt((1 + safety**2 / 2) / NIGHTS)
    reach = np.where(own.judged, np.minimum(np.ceil(BAND_Z * error / slope - 1e-9), 2 * step), 0)
    by_work = np.ceil(work.load / (targets.occupancy_max or math.inf) - 1e-9)
    low = np.minimum(np.maximum(staff - reach, np.maximum(by_work, work.human > 0)), staff)
    held = (fresh.lacks(staff) <= 1e-9).all(axis=0).mean(axis=0)
    one_by_one = own.judged & (work.human >= NIGHTLY)
    return low.astype(np.int64), (staff + reach).astype(np.int64), np.where(one_by_one, held, np.nan)
