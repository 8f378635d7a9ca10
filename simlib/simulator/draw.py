"""Draw a night's buyers: who comes when, how long they write, wait and think, before any engine runs.

A buyer is a pure function of (seed, replication, source of chance, queue, interval, number in the interval).
Every source has a key from its own named stream (:func:`simlib.streams.stream`); a buyer's number is hashed with
it by the finaliser of SplitMix64 [1]_, reply by reply where a source is asked once a reply, and turned into the
wanted distribution by its inverse cumulative distribution. It follows that between two scenarios

* a higher rate only *adds* buyers to an interval (the count is the inverse Poisson distribution of one uniform),
* a changed bot share, silent share or retry share only moves buyers across the line that changed,
* a longer chat keeps its first replies, and a slower reply is the same reply, slower,
* a forecast row that is moved in time takes its buyers along when its column ``origin`` says where from.

So two plans meet the same people, and the difference between two nights is the difference between the plans.

.. [1] Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast, get_args
from zlib import crc32

import numpy as np
import pandas as pd

from simlib.intervals import Grid
from simlib.simulator.inputs import Agents, Contacts
from simlib.streams import stream

if TYPE_CHECKING:
    from simlib.store.models import Store

SpreadName = Literal["fixed", "exponential", "lognormal", "gamma", "geometric", "empirical"]
_NEEDS_CV = ("lognormal", "gamma")
_WHOLE = ("fixed", "geometric", "empirical")
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MOST_QUANTILES = 1000


@dataclass(frozen=True)
class Spread:
    """The shape of a distribution around a mean: its name and its coefficient of variation.

    Parameters
    ----------
    name : {"fixed", "exponential", "lognormal", "gamma", "geometric", "empirical"}
        ``geometric`` counts from 1 and has a mean of at least 1; ``empirical`` repeats what was seen.
    cv : float, optional
        Standard deviation over mean, > 0; for lognormal and gamma only, the others have none of their own.
    values : tuple of float
        For empirical only: what was seen, sorted, divided by its mean (see :func:`fit_spread`).

    Examples
    --------
    >>> Spread("exponential").draw(np.array([0.5]), mean=100.0).round(2).tolist()
    [69.31]
    >>> Spread("geometric").draw(np.array([0.1, 0.6, 0.9]), mean=2.0).tolist()
    [1.0, 2.0, 4.0]
    """

    name: SpreadName
    cv: float | None = None
    values: tuple[float, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.name not in get_args(SpreadName):
            raise ValueError(f"name must be one of {get_args(SpreadName)}, got {self.name!r}")
        if self.name in _NEEDS_CV:
            if self.cv is None or not 0 < self.cv < math.inf:
                raise ValueError(f"cv must be a number > 0 for {self.name}, got {self.cv!r}")
        elif self.cv is not None:
            raise ValueError(f"cv is for {' and '.join(_NEEDS_CV)} only, got {self.cv!r} for {self.name}")
        if (self.name == "empirical") != bool(self.values):
            raise ValueError(f"values must be filled for empirical and only for it, got {len(self.values)}")
        if self.values and (min(self.values) < 0 or list(self.values) != sorted(self.values)):
            raise ValueError("values must be sorted and >= 0")

    def draw(self, uniforms: np.ndarray, *, mean: float | np.ndarray) -> np.ndarray:
        """Turn uniform numbers into draws around a mean, larger from larger.

        Parameters
        ----------
        uniforms : numpy.ndarray
            Any shape, strictly inside (0, 1).
        mean : float or array
            Mean of the draws in their own unit, >= 0, one for all or one each; inf gives inf, and geometric
            needs >= 1.

        Returns
        -------
        numpy.ndarray
            Same shape, float64.

        Examples
        --------
        >>> Spread("lognormal", cv=0.5).draw(np.array([0.5]), mean=18.0).round(3).tolist()
        [16.1]
        """
        if self.name == "geometric":
            with np.errstate(divide="ignore"):  # a mean of 1 is a chance of 1 to stop
                stay = np.log1p(-1.0 / np.asarray(mean, dtype=float))
            return np.asarray(np.floor(np.log1p(-uniforms) / stay) + 1.0)
        drawn = self._unit(uniforms)
        drawn *= mean
        return np.where(np.isinf(mean), np.inf, drawn) if np.isinf(mean).any() else drawn

    def _unit(self, uniforms: np.ndarray) -> np.ndarray:
        """Draw around a mean of 1; the rest is scale."""
        if self.name == "fixed":
            return np.ones(np.shape(uniforms))
        if self.name == "exponential":
            drawn = np.log1p(-uniforms)
            return np.asarray(np.negative(drawn, out=drawn))
        if self.name == "empirical":
            seen = np.asarray(self.values)
            return seen[(uniforms * len(seen)).astype(np.intp)]
        from scipy import special

        cv = cast(float, self.cv)
        if self.name == "lognormal":
            variance = math.log1p(cv * cv)
            drawn = special.ndtri(uniforms)
            drawn *= math.sqrt(variance)
            drawn -= variance / 2
            return np.asarray(np.exp(drawn, out=drawn))
        shape = 1.0 / (cv * cv)
        return np.asarray(special.gammaincinv(shape, uniforms) / shape)


def fit_spread(samples: Sequence[float] | np.ndarray, *, name: SpreadName = "empirical") -> tuple[float, Spread]:
    """Fit the mean and the spread to what a store has seen.

    Parameters
    ----------
    samples : array of float
        Reply seconds, think seconds or replies a chat: at least one, finite, >= 0 (> 0 for lognormal).
    name : str
        The family. Lognormal by maximum likelihood on the logarithms, gamma by its two moments, the one-parameter
        families by their mean; ``empirical`` keeps the samples themselves (beyond 1,000 of them, 1,000 evenly
        spaced quantiles), so a draw repeats one of them.

    Returns
    -------
    (float, Spread)
        The mean, in the unit of the samples, and the spread around it.

    Raises
    ------
    ValueError
        No samples, or one that the family cannot give, named by its position.

    Examples
    --------
    >>> mean, spread = fit_spread([10.0, 20.0, 30.0])
    >>> mean, spread.draw(np.array([0.1, 0.5, 0.9]), mean=mean).tolist()
    (20.0, [10.0, 20.0, 30.0])
    """
    seen = np.sort(np.asarray(samples, dtype=float))
    least = "> 0" if name == "lognormal" else ">= 0"
    bad = ~np.isfinite(seen) | (seen < 0) | ((seen == 0) & (name == "lognormal"))
    if not seen.size or bad.any():
        shown = seen[bad][0] if seen.size else "none"
        raise ValueError(f"samples must be at least one number, finite and {least}, got {shown}")
    mean = float(seen.mean())
    if name == "empirical":
        if seen.size > _MOST_QUANTILES:
            places = (np.arange(_MOST_QUANTILES) + 0.5) / _MOST_QUANTILES
            seen = np.quantile(seen, places, method="inverted_cdf")
        scale = float(seen.mean()) or 1.0
        return mean, Spread("empirical", values=tuple((seen / scale).tolist()))
    if name == "lognormal":
        logs = np.log(seen)
        variance = max(float(logs.var()), 1e-12)
        return float(np.exp(logs.mean() + variance / 2)), Spread(name, cv=math.sqrt(math.expm1(variance)))
    if name == "gamma":
        return mean, Spread(name, cv=max(float(seen.std()) / mean, 1e-6) if mean else 1e-6)
    return mean, Spread(name)


@dataclass(frozen=True, kw_only=True)
class ChatService:
    """What the buyers of one queue are like and what a chat with one takes, in the store's own terms.

    Means are numbers, so that a scenario changes one of them (``replace(service, reply_s=25)``); how draws spread
    around a mean stands beside it.

    Parameters
    ----------
    replies_mean : float
        Replies that a chat needs, >= 1.
    reply_s, think_s : float
        Mean seconds to write one reply at speed 1, and from a reply to the buyer's next message.
    patience_s : float
        Mean longest wait for the first reply to be begun; inf waits for ever.
    silent_share : float
        Share of buyers who, when they give up, do so without telling anyone.
    retry_share, retry_s : float
        Share of openly lost buyers who come back once, and the mean seconds until they do.
    bot_share : float
        Share of all contacts that the bot resolves alone.
    bot_meets_share : float, optional
        Share of all contacts that meet the bot first, >= bot_share; left out, all of them where there is a bot
        (``bot_share`` > 0) and none where there is not.
    bot_s : float
        Mean seconds with the bot before it resolves or hands over.
    bot_return_rate : float
        Share of the contacts that the bot counts as resolved whose buyers come back to a person.
    bot_return_s : float
        Mean seconds from there until they do; a bot outage in between brings them at once.
    transfer_rate : float
        Share of the contacts not resolved by the bot that one agent hands on to another; each is received once more,
        in the same queue and interval, past the bot.
    replies, reply, think, patience, retry, bot, bot_return : Spread
        How the draws spread around their means.

    Examples
    --------
    >>> presale = ChatService(replies_mean=6, reply_s=18, think_s=40, patience_s=120)
    >>> round(presale.chats_agent_h, 1)
    33.3
    >>> ChatService.of_rate(chats_agent_h=22, replies_mean=6, think_s=40).reply_s.__round__(2)
    27.27
    """

    replies_mean: float
    reply_s: float
    think_s: float
    patience_s: float = math.inf
    silent_share: float = 0.0
    retry_share: float = 0.0
    retry_s: float = 300.0
    bot_share: float = 0.0
    bot_meets_share: float | None = None
    bot_s: float = 45.0
    bot_return_rate: float = 0.0
    bot_return_s: float = 600.0
    transfer_rate: float = 0.0
    replies: Spread = Spread("geometric")
    reply: Spread = Spread("lognormal", cv=0.6)
    think: Spread = Spread("exponential")
    patience: Spread = Spread("exponential")
    retry: Spread = Spread("exponential")
    bot: Spread = Spread("exponential")
    bot_return: Spread = Spread("exponential")

    def __post_init__(self) -> None:
        if not 1 <= self.replies_mean < math.inf:
            raise ValueError(f"replies_mean must be >= 1 and finite, got {self.replies_mean!r}")
        for name in ("reply_s", "think_s", "retry_s", "bot_s", "bot_return_s"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be >= 0 seconds and finite, got {getattr(self, name)!r}")
        if not self.patience_s >= 0:
            raise ValueError(f"patience_s must be >= 0 seconds, inf allowed, got {self.patience_s!r}")
        for name in ("silent_share", "retry_share", "bot_share", "bot_return_rate", "transfer_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)!r}")
        if self.bot_meets_share is not None and not self.bot_share <= self.bot_meets_share <= 1:
            raise ValueError(
                f"bot_meets_share must lie in [bot_share, 1] = [{self.bot_share}, 1], got {self.bot_meets_share!r}"
            )
        if self.replies.name not in _WHOLE:
            raise ValueError(f"replies must be one of {_WHOLE}, which count, got {self.replies.name!r}")

    @classmethod
    def of_rate(cls, *, chats_agent_h: float, replies_mean: float, **rest: Any) -> ChatService:
        """Describe a service by the chats that an agent who never pauses handles in an hour."""
        if not 0 < chats_agent_h < math.inf:
            raise ValueError(f"chats_agent_h must be > 0 chats an hour, got {chats_agent_h!r}")
        reply_s = 3600.0 / (chats_agent_h * replies_mean)
        return cls(replies_mean=replies_mean, reply_s=reply_s, **rest)

    @property
    def chats_agent_h(self) -> float:
        """Chats an hour that an agent who never pauses handles; inf where a reply takes no time."""
        work_s = self.replies_mean * self.reply_s
        return 3600.0 / work_s if work_s else math.inf

    @property
    def bot_net_share(self) -> float:
        """Share of all contacts that the bot settles for good: its share less those who come back to a person."""
        return self.bot_share * (1.0 - self.bot_return_rate)

    @property
    def meets_bot(self) -> float:
        """Share of contacts that meet the bot first, the default worked out."""
        if self.bot_meets_share is None:
            return 1.0 if self.bot_share > 0 else 0.0
        return self.bot_meets_share


_KIND = {"presale": "presale", "payment_chasing": "presale"}


def services_from_store(store: Store) -> dict[str, ChatService]:
    """Read from a store's ratios what a chat of each queue takes.

    Payment chasing works like presale, order changes and escalations like after-sale: a store gives its ratios
    for these two. The order of the queues is the order of the simulator's queue numbers.

    Returns
    -------
    dict of str to ChatService
        By queue: presale, aftersale, order_change, payment_chasing, escalation.
    """
    from simlib.store.models import Queue

    def likely(key: str) -> float:
        return store.ratio(key).likely

    def service(kind: str) -> ChatService:
        return ChatService(
            replies_mean=likely(f"{kind}_replies"),
            reply_s=likely(f"{kind}_reply_s"),
            think_s=likely(f"{kind}_think_s"),
            patience_s=likely("patience_s"),
            silent_share=likely("silent_share"),
            retry_share=likely("retry_share"),
            retry_s=likely("retry_s"),
            bot_share=likely("bot_share"),
            bot_s=likely("bot_s"),
            bot_return_rate=likely("bot_return_rate"),
            transfer_rate=likely("transfer_rate"),
        )

    return {queue: service(_KIND.get(queue, "aftersale")) for queue in get_args(Queue)}


def slowdown_from_ratio(pct: float, *, capacity_max: int) -> tuple[float, ...]:
    """Return the slow-down by open chats (``Policy.slowdown``) of a store's ratio ``switch_cost_pct``.

    Parameters
    ----------
    pct : float
        By how many percent each further open chat makes a reply slower than with one chat fewer; >= 0 and finite.
    capacity_max : int
        The most chats that anybody may hold, >= 1; the factor of that many holds for more.

    Returns
    -------
    tuple of float
        Factors for 1 to ``capacity_max`` open chats, the first 1.

    Examples
    --------
    >>> [round(factor, 4) for factor in slowdown_from_ratio(3, capacity_max=4)]
    [1.0, 1.03, 1.0609, 1.0927]
    >>> slowdown_from_ratio(0, capacity_max=9)
    (1.0,)
    """
    if not 0 <= pct < math.inf:
        raise ValueError(f"switch_cost_pct must be >= 0 percent and finite, got {pct!r}")
    if capacity_max < 1:
        raise ValueError(f"capacity_max must be a whole number of chats >= 1, got {capacity_max!r}")
    if pct == 0:
        return (1.0,)
    return tuple((1.0 + pct / 100.0) ** further for further in range(int(capacity_max)))


def slowdown_from_curve(points: Mapping[int, float], *, capacity_max: int) -> tuple[float, ...]:
    """Return the slow-down by open chats of a curve by level: what a store measured at some numbers of open chats.

    Parameters
    ----------
    points : mapping of open chats to factor
        Seconds of a reply at so many open chats, over the seconds at one; each >= 1 and none below an earlier one.
        Between two levels the factor rises evenly, before the first it rises from 1 at one open chat, and beyond the
        last level that level's factor holds.
    capacity_max : int
        The most chats that anybody may hold, >= 1.

    Examples
    --------
    >>> slowdown_from_curve({3: 1.1, 5: 1.2}, capacity_max=7)
    (1.0, 1.05, 1.1, 1.15, 1.2, 1.2, 1.2)
    >>> slowdown_from_curve({2: 0.9}, capacity_max=3)
    Traceback (most recent call last):
    ValueError: slow-down at 2 open chats = 0.9: must be a factor >= 1, and not below that of fewer chats (1.0)
    """
    if capacity_max < 1:
        raise ValueError(f"capacity_max must be a whole number of chats >= 1, got {capacity_max!r}")
    known = {1: 1.0} | dict(sorted(points.items()))
    before = 1.0
    for level, factor in known.items():
        if level < 1 or level != int(level):
            raise ValueError(f"slow-down at {level!r} open chats: the level must be a whole number of chats >= 1")
        if not before <= factor < math.inf:
            raise ValueError(
                f"slow-down at {level} open chats = {factor}: must be a factor >= 1, and not below that of fewer "
                f"chats ({before})"
            )
        before = factor
    factors = np.interp(np.arange(1, int(capacity_max) + 1), list(known), list(known.values()))
    return tuple(np.round(factors, 12).tolist())


def _weights(agents: pd.DataFrame) -> np.ndarray:
    """Return everybody's routing weight; who has none, added by a scenario for instance, has the usual one."""
    if "weight" not in agents or agents["weight"].isna().all():
        return np.ones(len(agents))
    weight = agents["weight"].astype(float)
    return np.asarray(weight.fillna(weight.median()).to_numpy())


def agents_from_roster(roster: pd.DataFrame, agents: pd.DataFrame, *, queues: Sequence[str], grid: Grid) -> Agents:
    """Put a roster's people on the floor of one night.

    Parameters
    ----------
    roster : DataFrame
        One row per segment: agent_id, start, end (tz-aware), activity and, if it is there, queue. Segments of the
        activity ``chat`` are worked; one already under way when the grid opens counts from its opening, and one
        that does not touch the grid belongs to another night. Segments that touch or overlap become one.
    agents : DataFrame
        agent_id, skill_1, skill_2, skill_3, capacity, speed and, if it is there, weight (for the routing "weighted"):
        agent number i of the simulator is row i, rostered or not.
    queues : sequence of str
        The queues in the order of their numbers.
    grid : Grid
        The night.

    Returns
    -------
    Agents
        The queue that a person is rostered to for the longest time comes first, then their skills in order.

    Raises
    ------
    ValueError
        An agent of the roster is unknown, an agent stands twice, or a queue is unknown.
    """
    ids = list(agents["agent_id"])
    number = {agent_id: index for index, agent_id in enumerate(ids)}
    if len(number) < len(ids):
        twice = next(agent_id for agent_id in ids if ids.count(agent_id) > 1)
        raise ValueError(f"agents.agent_id must be unique, got {twice!r} twice")
    chat = roster[roster["activity"] == "chat"]
    agent = pd.Index(ids).get_indexer(chat["agent_id"])
    if (agent < 0).any():
        stranger = chat["agent_id"].iloc[agent.argmin()]
        raise ValueError(f"roster.agent_id must be one of agents.agent_id, got {stranger!r}")
    start, end = grid.seconds(chat["start"]), grid.seconds(chat["end"])
    tonight = (end > 0) & (start < grid.edges_s[-1])
    agent, start, end = agent[tonight], np.maximum(start[tonight], 0.0), end[tonight]

    shifts: list[list[float]] = []
    in_order = np.lexsort((end, start, agent))
    for who, begins, ends in zip(*(each[in_order].tolist() for each in (agent, start, end)), strict=True):
        if shifts and shifts[-1][0] == who and begins <= shifts[-1][2]:
            shifts[-1][2] = max(shifts[-1][2], ends)
        else:
            shifts.append([who, begins, ends])

    first: dict[int, str] = {}
    if "queue" in chat:
        code, names = pd.factorize(chat["queue"].to_numpy()[tonight], sort=True)
        served_s = np.zeros((len(ids), len(names)))
        np.add.at(served_s, (agent[code >= 0], code[code >= 0]), (end - start)[code >= 0])
        first = {who: names[served_s[who].argmax()] for who in np.flatnonzero(served_s.any(axis=1)).tolist()}
    column = {queue: index for index, queue in enumerate(queues)}
    skill = np.zeros((len(ids), len(queues)), dtype=np.int64)
    named = [name for name in ("skill_1", "skill_2", "skill_3") if name in agents]
    for index, skills in enumerate(agents[named].itertuples(index=False, name=None)):
        wanted = [first.get(index), *skills]
        filled = dict.fromkeys(q for q in wanted if q is not None and q == q)  # nan differs from itself
        for rank, queue in enumerate(filled, start=1):
            if queue not in column:
                raise ValueError(f"queue of agent {ids[index]!r} must be one of {list(queues)}, got {queue!r}")
            skill[index, column[queue]] = rank
    return Agents(
        capacity=agents["capacity"].to_numpy(dtype=np.int64),
        speed=agents["speed"].to_numpy(dtype=float),
        skill=skill,
        weight=_weights(agents),
        shifts=np.array(shifts).reshape(-1, 3),
    )


def _mix(bits: np.ndarray) -> np.ndarray:
    """Scramble 64-bit numbers in place by the finaliser of SplitMix64."""
    bits ^= bits >> np.uint64(30)
    bits *= np.uint64(0xBF58476D1CE4E5B9)
    bits ^= bits >> np.uint64(27)
    bits *= np.uint64(0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    return bits


def _uniforms(bits: np.ndarray) -> np.ndarray:
    """Turn 64-bit numbers into uniforms strictly inside (0, 1), 2**-52 apart."""
    uniforms = (bits >> np.uint64(12)).astype(np.float64)
    uniforms += 0.5
    uniforms *= 2.0**-52
    return uniforms


def _count(uniforms: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Invert the Poisson distribution: counts that only grow with the mean."""
    from scipy import special

    guess = np.ceil(special.pdtrik(uniforms, mean))
    below = np.maximum(guess - 1.0, 0.0)
    return np.asarray(np.where(special.pdtr(below, mean) >= uniforms, below, guess).astype(np.int64))


@dataclass(frozen=True, kw_only=True)
class _Marks:
    """The sources of chance of one night, each with a key from its own named stream."""

    seed: int
    replication: int

    def of(self, ids: np.ndarray, source: str) -> np.ndarray:
        """One uniform a buyer."""
        return _uniforms(self._hash(ids, source))

    def by_turn(self, ids: np.ndarray, source: str, turns: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """One uniform a turn: turn t of a buyer is step t of the buyer's own SplitMix64 sequence.

        ``steps`` counts through all turns of all buyers, so a buyer starts its own count where the last one ended.
        """
        before = (np.cumsum(turns) - turns).astype(np.uint64)
        bits = np.repeat(self._hash(ids, source) - before * _GOLDEN, turns)
        bits += steps
        return _uniforms(_mix(bits))

    def _hash(self, ids: np.ndarray, source: str) -> np.ndarray:
        key = stream(self.seed, self.replication, source).integers(2**64, dtype=np.uint64)
        return _mix(ids + key)


@dataclass(frozen=True, kw_only=True, eq=False)
class Demand:
    """A forecast made ready to be drawn night after night; see :func:`draw_contacts` for the arguments.

    Examples
    --------
    >>> night = Grid(opens=pd.Timestamp("2026-10-31 19:00+08:00"), n=4)
    >>> forecast = pd.DataFrame({"start": night.starts, "queue": "presale", "contacts": [5.0, 9.0, 20.0, 6.0]})
    >>> demand = Demand.of(forecast, {"presale": ChatService(replies_mean=3, reply_s=18, think_s=40)}, grid=night)
    >>> [len(demand.draw(seed=7, replication=night).arrival) for night in range(3)]
    [40, 46, 30]
    """

    services: tuple[ChatService, ...]
    queues: tuple[str, ...]
    busyness_cv: float
    cells: np.ndarray = field(repr=False)
    cell_mean: np.ndarray = field(repr=False)
    row_cell: np.ndarray = field(repr=False)
    row_level: np.ndarray = field(repr=False)
    row_queue: np.ndarray = field(repr=False)
    row_start_s: np.ndarray = field(repr=False)
    step_s: float
    bend: tuple[np.ndarray, np.ndarray] | None = field(repr=False)

    @classmethod
    def of(
        cls,
        forecast: pd.DataFrame,
        services: Mapping[str, ChatService],
        *,
        grid: Grid,
        busyness_cv: float = 0.0,
        minute_profile: pd.Series | None = None,
    ) -> Demand:
        """Check a forecast and lay it out; the arguments are those of :func:`draw_contacts`."""
        if not 0 <= busyness_cv < math.inf:
            raise ValueError(f"busyness_cv must be >= 0 and finite, got {busyness_cv!r}")
        queues = tuple(services)
        rows = _night_rows(forecast, queues, grid)
        start_s = grid.seconds(rows["start"])
        steps = np.diff(np.unique(start_s))
        step_s = min(float(steps.min()), grid.step_s) if steps.size else float(grid.step_s)

        # One buyer's identity hangs on where they would have come: queue and absolute second, not row number.
        second = ((rows["origin"] - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(seconds=1)).to_numpy(np.uint64)
        named = _mix(np.array([crc32(queue.encode()) for queue in rows["queue"]], dtype=np.uint64) + _GOLDEN)
        cells, row_cell = np.unique(_mix(named + second), return_inverse=True)
        order = np.argsort(row_cell, kind="stable")
        mean = rows["contacts"].to_numpy(dtype=float)[order]
        row_cell = row_cell[order]
        cell_mean = np.bincount(row_cell, weights=mean, minlength=len(cells))
        level = np.cumsum(mean) - np.concatenate([[0.0], np.cumsum(cell_mean)])[row_cell]
        share = np.divide(level, cell_mean[row_cell], out=np.ones_like(level), where=cell_mean[row_cell] > 0)
        number = {queue: index for index, queue in enumerate(queues)}
        return cls(
            services=tuple(services.values()),
            queues=queues,
            busyness_cv=busyness_cv,
            cells=cells,
            cell_mean=cell_mean,
            row_cell=row_cell,
            row_level=row_cell + share,
            row_queue=rows["queue"].map(number).to_numpy(dtype=np.int64)[order],
            row_start_s=start_s[order],
            step_s=step_s,
            bend=None if minute_profile is None else _bend(minute_profile, grid),
        )

    def draw(self, *, seed: int, replication: int) -> Contacts:
        """Draw the buyers of one night; the same seed and replication give the same buyers, always."""
        marks = _Marks(seed=seed, replication=replication)
        ids, row, second = self._hand_on(marks, *self._buyers(marks))
        arrival = self._arrivals(row, marks.of(ids, "arrival"))
        order = np.argsort(arrival, kind="stable")
        ids, row, second, arrival = ids[order], row[order], second[order], arrival[order]
        queue = self.row_queue[row]

        turns = self._turns(queue, marks.of(ids, "turns"))
        steps = np.arange(1, int(turns.sum()) + 1, dtype=np.uint64) * _GOLDEN
        bot_mark = np.where(second, 1.0, marks.of(ids, "bot_share"))  # a second reception is past the bot
        meets_bot = bot_mark < self._each("meets_bot")[queue]
        comes_back = marks.of(ids, "retry_share") < self._each("retry_share")[queue]
        bot_s = self._spread("bot", marks.of(ids, "bot"), queue)
        resolves = bot_mark < self._each("bot_share")[queue]
        if self._each("bot_return_rate").any():
            back = resolves & (marks.of(ids, "bot_return_rate") < self._each("bot_return_rate")[queue])
            bot_s = bot_s + np.where(back, self._spread("bot_return", marks.of(ids, "bot_return"), queue), 0.0)
            resolves &= ~back
        retry_s = self._spread("retry", marks.of(ids, "retry"), queue)
        drawn = {
            "arrival": arrival,
            "queue": queue,
            "turns": turns,
            "handle": self._spread("reply", marks.by_turn(ids, "handle", turns, steps), queue, turns),
            "think": self._spread("think", marks.by_turn(ids, "think", turns, steps), queue, turns),
            "patience": self._spread("patience", marks.of(ids, "patience"), queue),
            "silent": marks.of(ids, "silent") < self._each("silent_share")[queue],
            "bot": np.where(meets_bot, bot_s, np.nan),
            "bot_resolves": resolves,
            "retry": np.where(comes_back, retry_s, np.nan),
        }
        for column in drawn.values():
            column.setflags(write=False)  # Contacts keeps read-only arrays as they are
        return Contacts(**drawn)

    def _buyers(self, marks: _Marks) -> tuple[np.ndarray, np.ndarray]:
        """Count and name the night's buyers, with the forecast row that each belongs to."""
        busyness = 1.0
        if self.busyness_cv > 0:
            uniform = stream(marks.seed, marks.replication, "busyness").random(1)
            busyness = float(Spread("gamma", cv=self.busyness_cv).draw(uniform, mean=1.0)[0])
        count = _count(marks.of(self.cells, "count"), self.cell_mean * busyness)
        cell = np.repeat(np.arange(len(count)), count)
        number = np.arange(1, len(cell) + 1) - np.repeat(np.cumsum(count) - count, count)
        ids = _mix(self.cells[cell] + number.astype(np.uint64) * _GOLDEN)
        if len(self.row_cell) == len(self.cells):
            return ids, cell
        # Several rows share a cell: each takes its share of the cell's buyers, by a mark of their own.
        row = np.searchsorted(self.row_level, cell + marks.of(ids, "origin"), side="right")
        last_row = np.searchsorted(self.row_cell, cell, side="right") - 1
        return ids, np.minimum(row, last_row)

    def _hand_on(self, marks: _Marks, ids: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Add the second receptions of those who are handed on, marked in the third array.

        Each comes at a moment of its own in the interval of the first: who waits behind whom is the floor's to say,
        and the interval's load is the same.
        """
        rate = self._each("transfer_rate")
        if not rate.any():
            return ids, row, np.zeros(len(ids), dtype=bool)
        queue = self.row_queue[row]
        human = marks.of(ids, "bot_share") >= self._each("bot_share")[queue]
        again = human & (marks.of(ids, "transfer") < rate[queue])
        second = np.repeat([False, True], [len(ids), int(again.sum())])
        return np.append(ids, _mix(ids[again] + _GOLDEN)), np.append(row, row[again]), second

    def _arrivals(self, row: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
        start = self.row_start_s[row]
        if self.bend is None:
            return np.asarray(start + uniforms * self.step_s)
        times, level = self.bend
        low = np.interp(start, times, level)
        high = np.interp(start + self.step_s, times, level)
        bent = np.interp(low + uniforms * (high - low), level, times)
        return np.asarray(
            np.where(high > low, np.clip(bent, start, start + self.step_s), start + uniforms * self.step_s)
        )

    def _turns(self, queue: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
        turns = np.empty(len(queue), dtype=np.int64)
        for index, service in enumerate(self.services):
            here = queue == index
            if service.replies.name == "fixed":  # a mean of 2.85 is 2 or 3 replies, 2.85 on average
                drawn = np.floor(service.replies_mean + uniforms[here])
            else:
                drawn = np.rint(service.replies.draw(uniforms[here], mean=service.replies_mean))
            turns[here] = np.maximum(drawn, 1.0)
        return turns

    def _spread(
        self, source: str, uniforms: np.ndarray, queue: np.ndarray, turns: np.ndarray | None = None
    ) -> np.ndarray:
        """Draw around each queue's own mean, one a contact or one a turn."""
        mean = self._each(f"{source}_s")[queue]
        mean = mean if turns is None else np.repeat(mean, turns)
        spreads = [getattr(service, source) for service in self.services]
        if len(set(spreads)) == 1:
            return np.asarray(spreads[0].draw(uniforms, mean=mean))
        queue = queue if turns is None else np.repeat(queue, turns)
        drawn = np.empty(len(queue))
        for index, spread in enumerate(spreads):
            here = np.flatnonzero(queue == index)
            drawn[here] = spread.draw(uniforms[here], mean=mean[here])
        return drawn

    def _each(self, name: str) -> np.ndarray:
        """Read one number of every service, by queue number."""
        return np.array([getattr(service, name) for service in self.services], dtype=float)


def draw_contacts(
    forecast: pd.DataFrame,
    services: Mapping[str, ChatService],
    *,
    grid: Grid,
    seed: int,
    replication: int,
    busyness_cv: float = 0.0,
    minute_profile: pd.Series | None = None,
) -> Contacts:
    """Draw the buyers of one night from a forecast.

    Arrivals are Poisson within an interval around its mean; the whole night is scaled by one gamma variable of
    mean 1, because busy days are busy all day. To draw many nights, lay the forecast out once with
    :meth:`Demand.of` and call its ``draw``.

    Parameters
    ----------
    forecast : DataFrame
        One row per interval and queue: ``start`` (tz-aware), ``queue``, ``contacts`` (mean offered, bot and human
        together). The rows whose start lies on the grid are the night; their step is the smallest that occurs,
        the grid's at most, so rows by the minute are welcome. With a column ``origin`` (tz-aware) a row is drawn
        from the buyers of that interval: an opening moved from 20:00 to 0:00 keeps its buyers. Rows that share
        queue and origin share its buyers out.
    services : mapping of str to ChatService
        By queue; its order is the order of the queue numbers.
    grid : Grid
        The night: where second 0 is, and where it ends.
    seed, replication : int
        The run's seed and the number of the night.
    busyness_cv : float
        Spread of a night's total around its forecast (standard deviation over mean); 0 = none.
    minute_profile : Series, optional
        Weights by tz-aware time at a regular step, any scale: how the contacts of an interval fall into its
        minutes. An interval without any weight stays even.

    Returns
    -------
    Contacts
        Ordered by arrival, in seconds since the grid opens; a buyer who is handed on (``transfer_rate``) stands in
        two rows.

    Raises
    ------
    ValueError
        A column is missing, a mean is negative or not finite, a queue has no service, or no row is on the grid.

    Examples
    --------
    >>> night = Grid(opens=pd.Timestamp("2026-10-31 19:00+08:00"), n=4)
    >>> forecast = pd.DataFrame({"start": night.starts, "queue": "presale", "contacts": [5.0, 9.0, 20.0, 6.0]})
    >>> services = {"presale": ChatService(replies_mean=3, reply_s=18, think_s=40, bot_share=0.4)}
    >>> plan = draw_contacts(forecast, services, grid=night, seed=7, replication=0)
    >>> surge = draw_contacts(forecast.assign(contacts=forecast["contacts"] * 1.5), services,
    ...                       grid=night, seed=7, replication=0)
    >>> len(plan.arrival), len(surge.arrival), set(plan.arrival) <= set(surge.arrival)
    (40, 60, True)
    """
    demand = Demand.of(forecast, services, grid=grid, busyness_cv=busyness_cv, minute_profile=minute_profile)
    return demand.draw(seed=seed, replication=replication)


def _night_rows(forecast: pd.DataFrame, queues: Sequence[str], grid: Grid) -> pd.DataFrame:
    """Keep the forecast rows on the grid, checked, with the column ``origin`` filled in."""
    lacking = [name for name in ("start", "queue", "contacts") if name not in forecast]
    if lacking:
        raise ValueError(f"forecast needs the columns start, queue, contacts; {', '.join(lacking)} missing")
    if not queues:
        raise ValueError("services must describe at least one queue, got none")
    rows = forecast[(forecast["start"] >= grid.opens) & (grid.seconds(forecast["start"]) < grid.edges_s[-1])]
    if rows.empty:
        raise ValueError(f"forecast has no row on the grid that opens at {grid.opens}")
    mean = rows["contacts"].to_numpy(dtype=float)
    bad = np.flatnonzero(~np.isfinite(mean) | (mean < 0))
    if bad.size:
        where = rows["start"].iloc[bad[0]]
        raise ValueError(f"forecast.contacts must be >= 0 and finite, got {mean[bad[0]]} at {where}")
    strange = [queue for queue in rows["queue"].unique() if queue not in queues]
    if strange:
        raise ValueError(f"forecast.queue must be one of {list(queues)}, got {strange[0]!r}")
    return rows if "origin" in rows else rows.assign(origin=rows["start"])


def _bend(minute_profile: pd.Series, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Lay out a minute profile as the times and levels of its cumulative weight."""
    weight = minute_profile.to_numpy(dtype=float)
    times = grid.seconds(pd.DatetimeIndex(minute_profile.index))
    steps = np.diff(times)
    if len(times) < 2 or (steps <= 0).any() or not np.allclose(steps, steps[0]):
        raise ValueError("minute_profile must stand at two or more times, a regular step apart")
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError(f"minute_profile must be >= 0 and finite, got {weight[~(weight >= 0)][:1]}")
    return np.append(times, times[-1] + steps[0]), np.concatenate([[0.0], np.cumsum(weight)])
