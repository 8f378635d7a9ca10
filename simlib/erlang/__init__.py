"""How many agents, how long a wait: the closed formulas behind the requirement.

Three rooms, from the oldest to the one a chat team works in:

* one customer at a time, nobody waits: :func:`erlang_b` (and :func:`extended_erlang_b` when they try again);
* one customer at a time, with a queue: :func:`erlang_c` when everybody waits, :func:`erlang_a` when people
  give up, :func:`silent_share` when they give up without saying so;
* several chats at a time: :func:`chat_pool`, built on :func:`saturated_agent` (what one agent with k chats
  gets done) and :func:`lps_pool` (limited processor sharing). :func:`message_agent` is one agent solved
  exactly, message by message: the check of the bridge between them.

:func:`offered_load` follows a load that changes faster than a chat lasts (the first half hour after an
opening), and :func:`agents_for` finds the smallest team for any of them.

Use one unit of time throughout a call: rates in 1/unit, durations in the unit. An argument that makes no
sense raises ``ValueError`` saying which one and what is allowed; no function returns nan.

Sources: Erlang (1917); Palm (1957), Mandelbaum & Zeltyn (2007) for Erlang A by its building blocks; Eick,
Massey & Whitt (1993) for time-varying infinite-server queues; Halfin & Whitt (1981); Luo & Zhang (2013) and
Tezcan & Zhang (2014) for chat agents as limited processor sharing; the machine-repair chain is Palm's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MAX_AGENTS = 100_000
EXACT_STATES = 500  # pools with at most so many ways to spread their chats are solved exactly


# ------------------------------------------------------------------ what is allowed


def _whole(name: str, value: float, *, least: int = 1) -> int:
    if not (least <= value <= MAX_AGENTS and int(value) == value):
        raise ValueError(f"{name} must be a whole number from {least} to {MAX_AGENTS}, got {value!r}")
    return int(value)


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be a finite number > 0, got {value!r}")


def _not_negative(**values: float) -> None:
    for name, value in values.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must be a finite number >= 0, got {value!r}")


def _threshold(t: float) -> float:
    if not t >= 0:
        raise ValueError(f"the threshold must be a time >= 0, got {t!r}")
    return float(t)


# ------------------------------------------------------------------ nobody waits


def erlang_b(agents: int, load: float) -> float:
    """Probability that a contact finds every agent busy and is lost (M/G/n/n).

    ``load`` is the offered load, arrival rate x mean service. Accurate for 0 to 100,000 agents: the recursion
    only multiplies and adds positive numbers.

    >>> round(erlang_b(10, 10), 6)
    0.214582
    """
    agents = _whole("agents", agents, least=0)
    _not_negative(load=load)
    blocked = 1.0
    for n in range(1, agents + 1):
        offered = load * blocked
        blocked = offered / (n + offered)
    return blocked


@dataclass(frozen=True, kw_only=True)
class RetriedLoss:
    """A loss system whose blocked contacts try again: all attempts as a load, and the share blocked."""

    offered_load: float
    blocked: float


def extended_erlang_b(agents: int, load: float, retry_share: float) -> RetriedLoss:
    """Erlang B when a share of the blocked attempts is repeated at once, as often as it takes.

    The load A of all attempts solves ``A = load + retry_share * A * erlang_b(agents, A)``; the right side
    grows more slowly than the left, so there is one answer, found by bisection. When everybody tries again
    (``retry_share = 1``) there is one only while ``load < agents``.

    >>> tried = extended_erlang_b(10, 8, 0.5)
    >>> round(tried.offered_load, 4), round(tried.blocked, 4)
    (8.6578, 0.152)
    """
    agents = _whole("agents", agents)
    _not_negative(load=load)
    if not 0 <= retry_share <= 1:
        raise ValueError(f"retry_share must be between 0 and 1, got {retry_share!r}")
    if retry_share == 1 and load >= agents:
        raise ValueError(f"load must be below agents ({agents}) when every blocked contact tries again, got {load!r}")

    def first_attempts(attempts: float) -> float:
        return attempts * (1 - retry_share * erlang_b(agents, attempts))

    low, high = load, max(2 * load, 1.0)
    while first_attempts(high) < load:
        low, high = high, 2 * high
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return RetriedLoss(offered_load=middle, blocked=erlang_b(agents, middle))
        if first_attempts(middle) < load:
            low = middle
        else:
            high = middle


# ------------------------------------------------------------------ everybody waits


def erlang_c(agents: int, load: float) -> float:
    """Probability that a contact has to wait when nobody ever gives up (M/M/n).

    1.0 when ``load >= agents``: the queue then grows for ever and everybody waits.

    >>> round(erlang_c(25, 20), 4)
    0.2091
    """
    agents = _whole("agents", agents)
    _not_negative(load=load)
    if load >= agents:
        return 1.0
    blocked = erlang_b(agents, load)
    return agents * blocked / (agents - load * (1 - blocked))


def service_level_c(agents: int, load: float, mean_service: float, threshold: float) -> float:
    """Share of contacts that wait at most ``threshold`` when nobody gives up (M/M/n).

    0.0 when ``load >= agents``: in the long run nobody is answered within any threshold.

    >>> round(service_level_c(14, 10, mean_service=180, threshold=20), 4)
    0.8884
    """
    waits = erlang_c(agents, load)
    _positive(mean_service=mean_service)
    if load >= agents:
        return 0.0
    return 1 - waits * math.exp(-(agents - load) * _threshold(threshold) / mean_service)


def halfin_whitt(beta: float) -> float:
    """Probability of waiting in a large team of ``load + beta * sqrt(load)`` agents (the square-root rule).

    >>> round(halfin_whitt(1.0), 4)
    0.2234
    """
    _not_negative(beta=beta)
    density = math.exp(-beta * beta / 2) / math.sqrt(2 * math.pi)
    share_below = math.erfc(-beta / math.sqrt(2)) / 2
    return density / (density + beta * share_below)


def silent_share(agents: int, load: float, mean_service: float, mean_patience: float) -> float:
    """Share of buyers who are gone when their turn comes, if they leave without a word (M/M/n).

    An agent cannot see that the buyer has gone and spends the same time on the empty window, so the queue is
    Erlang C's and a buyer is lost when the wait outlasts an exponential patience.

    >>> round(silent_share(12, 10, mean_service=1, mean_patience=1 / 1.5), 4)
    0.1926
    """
    _positive(mean_service=mean_service, mean_patience=mean_patience)
    waits = erlang_c(agents, load)
    if load >= agents:
        return 1.0
    return waits / (1 + mean_patience * (agents - load) / mean_service)


class RetrialAgent(NamedTuple):
    """One agent whose blocked callers try again: the share of attempts blocked, and how many keep trying."""

    blocked: float
    trying_again: float


def retrial_agent(arrival_rate: float, service_rate: float, retry_rate: float) -> RetrialAgent:
    """One agent without a queue; whoever finds it busy tries again after an exponential time (M/M/1 retrial).

    >>> retrial_agent(0.7, 1.0, 0.5).trying_again.__round__(6)
    4.9
    """
    _not_negative(arrival_rate=arrival_rate)
    _positive(service_rate=service_rate, retry_rate=retry_rate)
    busy = arrival_rate / service_rate
    if busy >= 1:
        raise ValueError(f"arrival_rate must be below service_rate ({service_rate!r}), got {arrival_rate!r}")
    return RetrialAgent(busy, busy**2 / (1 - busy) * (1 + service_rate / retry_rate))


# ------------------------------------------------------------------ some give up

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
_LEVELS = np.array([0.5, 2.0, 5.0, 10.0, 17.0, 26.0, 40.0])
_LANDMARKS = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])


@dataclass(frozen=True, kw_only=True)
class _Wait:
    """The wait v, were they to wait for ever, of those who find the room full.

    Its density is proportional to exp(phi(v)), where phi(v) = arrival_rate * (1 - exp(-patience_rate * v)) /
    patience_rate - capacity_rate * v. It is held as a quadrature: ``v`` with weights ``share`` that sum to 1.
    """

    v: Floats
    share: Floats
    patience_rate: float
    log_peak: float  # largest phi
    log_area: float  # log of the integral of exp(phi - log_peak) over v >= 0

    @property
    def outlasted(self) -> float:
        """Share whose patience outlasts the wait."""
        return float(self.share @ np.exp(-self.patience_rate * self.v))

    @property
    def mean(self) -> float:
        """Mean of the wait or the patience, whichever ends first."""
        if self.patience_rate == 0:
            return float(self.share @ self.v)
        return float(self.share @ -np.expm1(-self.patience_rate * self.v)) / self.patience_rate

    @property
    def mean_served(self) -> float:
        """Mean of the wait over those whose patience outlasts it."""
        outlasts = self.share * np.exp(-self.patience_rate * self.v)
        return float(outlasts @ self.v) / float(outlasts.sum())


def _wait_of_delayed(capacity_rate: float, arrival_rate: float, patience_rate: float, cut: float = 0.0) -> _Wait:
    """Lay out the wait of the delayed; a quadrature panel ends at ``cut``."""
    # The integrand is log-concave. Its exponent is written relative to its peak in terms that do not cancel,
    # and Gauss-Legendre panels end where the exponent has fallen by _LEVELS: exact to about 1e-13 from a
    # light load to a hopeless one, where sums over queue lengths overflow. Time is counted in patiences from
    # the peak.
    unit = patience_rate or capacity_rate - arrival_rate
    slack = (capacity_rate - arrival_rate) / unit
    if patience_rate == 0:
        curvature, drift, peak, log_peak = 0.0, 1.0, 0.0, 0.0
    elif slack >= 0:
        curvature, drift, peak, log_peak = arrival_rate / unit, slack, 0.0, 0.0
    else:
        curvature, drift = capacity_rate / unit, 0.0
        peak = math.log1p(-slack / curvature)
        log_peak = -slack - curvature * peak
    c = _LEVELS / max(curvature, 1e-30)
    right = np.minimum(_LEVELS / drift if drift > 0 else math.inf, (c + np.sqrt(c) * np.sqrt(c + 8)) / 2)
    left = np.minimum(np.log1p(c + np.sqrt(2 * c)), peak)
    ends = np.concatenate([-left, [0.0, cut * unit - peak], right, _LANDMARKS, -_LANDMARKS])
    ends = np.sort(ends[(ends >= -left[-1]) & (ends <= right[-1])])
    half = np.diff(ends) / 2
    half, middle = half[half > 0], (ends[:-1] + half)[half > 0]
    u = (middle[:, None] + half[:, None] * _NODES).ravel()
    density = np.exp(-drift * u - curvature * (np.expm1(-u) + u)) * (half[:, None] * _WEIGHTS).ravel()
    area = float(density.sum())
    return _Wait(
        v=(u + peak) / unit,
        share=density / area,
        patience_rate=patience_rate,
        log_peak=log_peak,
        log_area=math.log(area) - math.log(unit),
    )


@dataclass(frozen=True, kw_only=True)
class WaitingLine:
    """A room that serves, and the line in front of it once it is full; patience is exponential.

    Shares are of all arrivals. ``mean_wait`` is over all arrivals, served or not, and ``queue_length`` is the
    mean number in line. ``occupancy`` is the share of an agent's time spent working.
    """

    wait_probability: float
    abandon_probability: float
    mean_wait: float
    queue_length: float
    occupancy: float
    arrival_rate: float
    capacity_rate: float
    patience_rate: float

    def waits_longer_than(self, t: float) -> float:
        """Share of arrivals that are still in line after waiting ``t``."""
        return self._beyond(t)[0]

    def served_within(self, t: float) -> float:
        """Share of arrivals whose service begins within ``t``."""
        longer, outlasted = self._beyond(t)
        at_once = 1 - self.wait_probability
        in_time = 1 - self.abandon_probability - longer * outlasted
        return in_time if in_time - at_once > 1e-12 else at_once  # below lies what rounding leaves

    def abandoned_within(self, t: float) -> float:
        """Share of arrivals that give up within ``t``."""
        longer, outlasted = self._beyond(t)
        return max(self.abandon_probability - longer * (1 - outlasted), 0.0)

    @cached_property
    def _delayed(self) -> _Wait:
        return _wait_of_delayed(self.capacity_rate, self.arrival_rate, self.patience_rate)

    def _beyond(self, t: float) -> tuple[float, float]:
        t, theta = _threshold(t), self.patience_rate
        if self.wait_probability == 0 or t == math.inf:
            return 0.0, 1.0
        start = self._delayed
        rest = _wait_of_delayed(self.capacity_rate, self.arrival_rate * math.exp(-theta * t), theta)
        # How far phi has fallen at t from its peak, or not at all while the peak lies ahead; in terms that do
        # not cancel, as in _wait_of_delayed.
        beyond = theta * t - max(math.log(self.arrival_rate / self.capacity_rate), 0.0)
        slower = min(self.arrival_rate, self.capacity_rate)
        fall = max(self.capacity_rate - self.arrival_rate, 0.0) * t
        if theta > 0 and beyond > 0:
            fall += slower / theta * (math.expm1(-beyond) + beyond)
        longer = math.exp(min(rest.log_area - start.log_area - fall - theta * t, 0.0))
        return self.wait_probability * longer, rest.outlasted


def _waiting(full: float, arrival_rate: float, capacity_rate: float, patience_rate: float) -> tuple[float, _Wait]:
    """Probability of waiting, when the same room without a line is full with probability ``full``."""
    wait = _wait_of_delayed(capacity_rate, arrival_rate, patience_rate)
    if full == 0:
        return 0.0, wait
    if full == 1:
        return 1.0, wait
    log_odds = math.log(full) - math.log1p(-full) + math.log(capacity_rate)
    log_odds += wait.log_peak + wait.log_area
    if log_odds > 0:
        return 1 / (1 + math.exp(-log_odds)), wait
    odds = math.exp(log_odds)
    return odds / (1 + odds), wait


def erlang_a(agents: int, arrival_rate: float, service_rate: float, patience_rate: float) -> WaitingLine:
    """One customer at a time, with a queue that people leave after an exponential patience (M/M/n+M).

    ``patience_rate = 0`` means that nobody gives up, which is Erlang C and needs
    ``arrival_rate < agents * service_rate``. Accurate to about 1e-12 for 1 to 10,000 agents, light loads and
    overloads, and any threshold.

    >>> team = erlang_a(50, arrival_rate=48, service_rate=1, patience_rate=0.5)
    >>> round(team.wait_probability, 4), round(team.abandon_probability, 4)
    (0.4678, 0.0309)
    >>> round(team.served_within(1 / 3), 4)
    0.943
    """
    agents = _whole("agents", agents)
    _not_negative(arrival_rate=arrival_rate, patience_rate=patience_rate)
    _positive(service_rate=service_rate)
    capacity_rate = agents * service_rate
    _refuse_overload(arrival_rate, capacity_rate, patience_rate)
    full = erlang_b(agents, arrival_rate / service_rate)
    waits, wait = _waiting(full, arrival_rate, capacity_rate, patience_rate)
    mean_wait = waits * wait.mean
    abandoned = patience_rate * mean_wait
    return WaitingLine(
        wait_probability=waits,
        abandon_probability=abandoned,
        mean_wait=mean_wait,
        queue_length=arrival_rate * mean_wait,
        occupancy=arrival_rate * (1 - abandoned) / capacity_rate,
        arrival_rate=arrival_rate,
        capacity_rate=capacity_rate,
        patience_rate=patience_rate,
    )


def _refuse_overload(arrival_rate: float, capacity_rate: float, patience_rate: float) -> None:
    if patience_rate == 0 and arrival_rate >= capacity_rate:
        raise ValueError(
            f"arrival_rate must be below what the agents can serve ({capacity_rate!r}) when nobody gives up, "
            f"got {arrival_rate!r}: add agents, or give a finite patience"
        )


# ------------------------------------------------------------------ several chats at a time


@dataclass(frozen=True, kw_only=True)
class SaturatedAgent:
    """An agent who always has the same number of chats open.

    ``occupancy`` = share of time writing; ``replies_per_s`` = replies sent a unit of time;
    ``mean_response_s`` = from a buyer's message to the agent's reply.
    """

    occupancy: float
    replies_per_s: float
    mean_response_s: float


def saturated_agent(chats: int, reply_s: float, think_s: float) -> SaturatedAgent:
    """One agent with ``chats`` open chats at all times, answering message by message (machine repair).

    A reply takes ``reply_s`` (exponential), messages wait their turn, and a buyer writes again after
    ``think_s``. For many chats ``mean_response_s`` approaches ``chats * reply_s - think_s``: this is what
    bounds concurrency.

    >>> agent = saturated_agent(4, reply_s=20, think_s=40)
    >>> round(agent.occupancy, 4), round(agent.mean_response_s, 2)
    (0.9048, 48.42)
    """
    chats = _whole("chats", chats)
    _positive(reply_s=reply_s)
    _not_negative(think_s=think_s)
    waiting = 0.0  # messages in front of the agent; mean value analysis, one chat more a step
    for k in range(1, chats + 1):
        response = reply_s * (1 + waiting)
        rate = k / (response + think_s)
        waiting = rate * response
    return SaturatedAgent(occupancy=rate * reply_s, replies_per_s=rate, mean_response_s=response)


@dataclass(frozen=True, kw_only=True)
class SharedPool(WaitingLine):
    """A pool of agents with several chats each, and its line.

    ``open_chats`` = mean number open in the pool; ``mean_chat`` = how long a chat is open; ``agent_busy`` =
    share of time an agent has at least one chat; ``concurrency`` = mean chats open on an agent;
    ``at_level`` = share of time an agent has 0, 1, ... capacity chats.
    """

    open_chats: float
    mean_chat: float
    agent_busy: float
    concurrency: float
    at_level: tuple[float, ...]


class _Spread(NamedTuple):
    """The ways in which a pool can hold one total of chats, and the moves from them."""

    counts: npt.NDArray[np.int64]  # [ways, capacity + 1]: how many agents have 0, 1, ... chats
    busier: npt.NDArray[np.int64]  # [ways]: the way with one chat more, on a least busy agent
    calmer: npt.NDArray[np.int64]  # [moves, 3]: way, chats of the agent who ends one, way with one chat less


@cache
def _spreads(agents: int, capacity: int) -> tuple[_Spread, ...]:
    """Enumerate all ways to spread chats over equal agents, by their total 0, 1, ... agents * capacity."""
    by_total: list[list[tuple[int, ...]]] = [[] for _ in range(agents * capacity + 1)]

    def spread(left: int, tail: tuple[int, ...], total: int) -> None:
        level = capacity - len(tail)
        if level == 0:
            by_total[total].append((left, *tail))
            return
        for here in range(left + 1):
            spread(left - here, (here, *tail), total + here * level)

    spread(agents, (), 0)
    position = [{way: i for i, way in enumerate(ways)} for ways in by_total]

    def move(way: tuple[int, ...], total: int, level: int, step: int) -> int:
        after = list(way)
        after[level] -= 1
        after[level + step] += 1
        return position[total + step][tuple(after)]

    found = []
    for total, ways in enumerate(by_total):
        full = total == agents * capacity
        busier = [] if full else [move(w, total, next(j for j, c in enumerate(w) if c), 1) for w in ways]
        calmer = [(i, j, move(w, total, j, -1)) for i, w in enumerate(ways) for j in range(1, capacity + 1) if w[j]]
        found.append(_Spread(np.array(ways), np.array(busier, dtype=int), np.array(calmer, dtype=int).reshape(-1, 3)))
    return tuple(found)


def _levels_exact(agents: int, completions: Floats, arrival_rate: float) -> tuple[float, Floats]:
    """P(all full) and mean agents at each level otherwise, in a pool that turns arrivals away when full.

    The chain moves by one chat, so it is solved from the full pool down, one total at a time: given that the
    pool came from t - 1 chats, ``ratio[t]`` turns the shares of the ways to hold t - 1 into those of t.
    """
    spreads = _spreads(agents, len(completions) - 1)
    ratio: list[npt.NDArray[np.floating]] = []
    returning: npt.NDArray[np.floating] = np.zeros((1, 1))
    for here, under in zip(spreads[:0:-1], spreads[-2::-1], strict=True):
        ways, level, after = here.calmer.T
        down = np.zeros((len(here.counts), len(under.counts)))
        down[ways, after] = here.counts[ways, level] * completions[level]
        leaving = down.sum(axis=1) + (arrival_rate if len(here.busier) else 0.0)
        passage = np.linalg.inv(np.diag(leaving) - returning)
        ratio.append(arrival_rate * passage[under.busier])
        returning = ratio[-1] @ down
        # Whoever arrives is gone again some day. Said exactly, or the error grows at every step down.
        returning *= arrival_rate / returning.sum(axis=1, keepdims=True)
    way = np.ones(1)  # shares of the ways, given the total; the totals in logs, as they may span 10^1000
    ways_of, log_total = [way], [0.0]
    for step in reversed(ratio):
        way = way @ step
        log_total.append(log_total[-1] + math.log(way.sum()))
        way = way / way.sum()
        ways_of.append(way)
    total = np.exp(np.array(log_total) - max(log_total))
    total /= total.sum()
    rest = sum(
        (p * (w @ here.counts) for p, w, here in zip(total[:-1], ways_of, spreads, strict=False)),
        start=np.zeros(len(completions)),
    )
    return float(total[-1]), rest


def _levels_spread(agents: int, completions: Floats, arrival_rate: float) -> tuple[float, Floats]:
    """Approximate the same for a large pool, whose chats lie almost evenly.

    Least-busy-first routing keeps everybody at q or q + 1 chats, but for the few agents who have just ended
    one and have not yet got the next: these holes come at the completion rate of the agents at q and are
    filled at the arrival rate, a birth-death chain of its own for each number of open chats. With the mean
    number of holes the total of open chats is a birth-death chain too.
    """
    capacity = len(completions) - 1
    chats = np.arange(agents * capacity)  # all but the full pool
    q, extra = np.divmod(chats, agents)
    even = (agents - extra) * completions[q] + extra * completions[q + 1]
    below = completions[np.maximum(q - 1, 0)]
    holes = np.arange(1, max(2, min(40, agents // 2)) + 1)
    born = np.maximum(agents - extra[:, None] - 2 * (holes - 1), 0) * completions[q][:, None]
    weight = np.cumprod(np.minimum(born / arrival_rate, 1e4), axis=1)
    mean_holes = (weight @ holes) / (1 + weight.sum(axis=1))
    mean_holes = np.minimum(np.where(q > 0, mean_holes, 0.0), (agents - extra) / 2)
    death = even + mean_holes * (completions[q + 1] - 2 * completions[q] + below)
    death = np.append(death[1:], agents * completions[capacity])
    log_share = np.concatenate([[0.0], np.cumsum(np.log(arrival_rate) - np.log(death))])
    share = np.exp(log_share - log_share.max())
    share /= share.sum()
    rest = np.zeros(capacity + 1)
    open_share = share[:-1]
    np.add.at(rest, q, open_share * (agents - extra - 2 * mean_holes))
    np.add.at(rest, q + 1, open_share * (extra + mean_holes))
    np.add.at(rest, np.maximum(q - 1, 0), open_share * mean_holes)
    return float(share[-1]), rest


def lps_pool(agents: int, completion_rates: Sequence[float], arrival_rate: float, patience_rate: float) -> SharedPool:
    """Limited processor sharing: a pool of agents who each hold up to ``len(completion_rates)`` chats.

    ``completion_rates[k - 1]`` is the rate at which each chat of an agent with k chats is completed. A
    contact is given to a least busy agent, and waits, with exponential patience, when all are full.

    Up to 500 ways of spreading the chats (5 agents with 5, 12 with 3) the Markov chain is solved exactly.
    Larger pools use the chain of the total number of chats with the mean unevenness of least-busy-first
    routing: within 1 % of the exact probability of waiting where that is above 0.5 % (and a few per cent of
    it below), in a few milliseconds for hundreds of agents.

    >>> pool = lps_pool(5, [1 / 10, 1 / 20, 1 / 30], arrival_rate=0.45, patience_rate=0.5)
    >>> round(pool.wait_probability, 4), round(pool.open_chats, 2)
    (0.0666, 7.97)
    """
    agents = _whole("agents", agents)
    rates = np.asarray(completion_rates, dtype=float)
    if rates.ndim != 1 or len(rates) == 0 or not (np.isfinite(rates).all() and (rates > 0).all()):
        raise ValueError(f"completion_rates must be a list of finite numbers > 0, got {completion_rates!r}")
    _not_negative(arrival_rate=arrival_rate, patience_rate=patience_rate)
    capacity = len(rates)
    completions = np.concatenate([[0.0], np.arange(1, capacity + 1) * rates])
    capacity_rate = agents * float(completions[-1])
    _refuse_overload(arrival_rate, capacity_rate, patience_rate)
    if arrival_rate < 1e-100 * capacity_rate:  # nobody, to any precision
        full, levels = 0.0, np.eye(capacity + 1)[0] * agents
    elif math.comb(agents + capacity, capacity) <= EXACT_STATES:
        full, levels = _levels_exact(agents, completions, arrival_rate)
    else:
        full, levels = _levels_spread(agents, completions, arrival_rate)
    waits, wait = _waiting(full, arrival_rate, capacity_rate, patience_rate)
    at_level = levels * ((1 - waits) / (1 - full) if full < 1 else 0.0) / agents
    at_level[-1] += waits
    mean_wait = waits * wait.mean
    abandoned = patience_rate * mean_wait
    open_chats = agents * float(at_level @ np.arange(capacity + 1))
    served_rate = arrival_rate * (1 - abandoned)
    return SharedPool(
        wait_probability=waits,
        abandon_probability=abandoned,
        mean_wait=mean_wait,
        queue_length=arrival_rate * mean_wait,
        occupancy=1 - float(at_level[0]),
        arrival_rate=arrival_rate,
        capacity_rate=capacity_rate,
        patience_rate=patience_rate,
        open_chats=open_chats,
        mean_chat=open_chats / served_rate if open_chats > 0 else 1 / float(rates[0]),
        agent_busy=1 - float(at_level[0]),
        concurrency=open_chats / agents,
        at_level=tuple(at_level.tolist()),
    )


@dataclass(frozen=True, kw_only=True)
class ChatPool(SharedPool):
    """A pool of agents who answer several chats message by message, and its line.

    ``occupancy`` = share of time an agent is writing (``agent_busy`` = has any chat open);
    ``mean_response_s`` = mean over all replies from the buyer's message to the reply, the wait in line
    included in the first; ``agent_response_s`` = the same from the moment it is in the agent's inbox;
    ``pause_s`` = seconds without a message of the same chat that follow a reply, on average.
    """

    mean_response_s: float
    agent_response_s: float
    replies: float
    reply_s: float
    pause_s: float

    @property
    def lost_before_reply(self) -> float:
        """Share of arrivals that give up in line or, patience running on, in the inbox.

        The chats that the latter save are not taken off the load, so it errs on the high side.
        """
        each = 1 / (1 + self.patience_rate * self.reply_s)  # outlasts one reply in front
        full = self._in_front(len(self.at_level) - 1)
        from_line = (self.wait_probability - self.abandon_probability) * _generate(full, each)
        return 1 - (1 - self.wait_probability) * _generate(self._in_inbox, each) - from_line

    def first_begun_within(self, t: float) -> float:
        """Share of arrivals whose first reply is begun within ``t``: line and inbox.

        A message finds in front of it what it would find with one chat less (arrival theorem of the
        machine-repair chain); who waited in line meets an agent with all places taken.
        """
        t = _threshold(t)
        at_once = 1 - self.wait_probability
        if t == math.inf:
            return 1 - self.abandon_probability
        begun = at_once * float(_erlang_mixture(self._in_inbox, self.reply_s, t))
        if self.wait_probability < 1e-9:
            return begun
        wait = _wait_of_delayed(self.capacity_rate, self.arrival_rate, self.patience_rate, cut=t)
        served = wait.share * np.exp(-self.patience_rate * wait.v)
        in_front = self._in_front(len(self.at_level) - 1)
        in_inbox = _erlang_mixture(in_front, self.reply_s, np.maximum(t - wait.v, 0.0))
        return begun + self.wait_probability * float((served * in_inbox)[wait.v <= t].sum())

    def turns_begun_within(self, t: float) -> float:
        """Share of the buyers' turns whose reply is begun within ``t``.

        The turn of a buyer who gave up in line counts as one without a reply.
        """
        served = 1 - self.abandon_probability
        later = float(_erlang_mixture(self._in_inbox, self.reply_s, _threshold(t)))
        later *= served * (self.replies - 1)
        return (later + self.first_begun_within(t)) / (served * self.replies + self.abandon_probability)

    @cached_property
    def _in_inbox(self) -> Floats:
        """Distribution of the messages in front of one that arrives, over all agents."""
        capacity = len(self.at_level) - 1
        in_front = np.zeros(capacity)
        for k in range(1, capacity + 1):
            weight = self.at_level[k] * saturated_agent(k, self.reply_s, self.pause_s).replies_per_s
            in_front[:k] += weight * self._in_front(k)
        return in_front / in_front.sum() if in_front.any() else np.eye(capacity)[0]

    def _in_front(self, chats: int) -> Floats:
        """Distribution of the messages in front of one that arrives, for an agent with ``chats`` chats."""
        pauses = self.pause_s / self.reply_s / np.arange(1, chats)
        weight = np.cumprod(np.concatenate([[1.0], pauses]))[::-1]
        return weight / weight.sum()


def _generate(in_front: Floats, each: float) -> float:
    """Mean of ``each`` to the power of j, j drawn from ``in_front``."""
    return float(in_front @ each ** np.arange(len(in_front)))


def _erlang_mixture(in_front: Floats, mean: float, t: Floats | float) -> Floats:
    """Probability that the sum of j exponential times is at most ``t``, j drawn from ``in_front``."""
    x = np.minimum(np.asarray(t, dtype=float) / mean, 700.0)  # beyond, exp(-x) is nothing
    more = 1 - np.cumsum(in_front)  # more than 0, 1, ... in front
    tail, term = np.zeros_like(x), np.exp(-x)
    for j in range(len(in_front) - 1):
        tail += more[j] * term
        term = term * x / (j + 1)
    return 1 - tail


def chat_pool(
    agents: int,
    capacity: int,
    arrival_rate: float,
    replies: float,
    reply_s: float,
    think_s: float,
    patience_s: float,
    close_s: float = 0.0,
) -> ChatPool:
    """Describe a chat team in a steady hour: agents with up to ``capacity`` chats each, and a line.

    A chat takes a geometric number of agent replies, ``replies`` on average; each takes ``reply_s`` to write,
    one after the other in the order of the messages; the buyer writes again ``think_s`` after a reply. A
    buyer goes to a least busy agent, or waits in line and gives up after an exponential patience of mean
    ``patience_s`` (``inf`` = never, allowed while the team can keep up). A chat keeps its place for
    ``close_s`` after its last reply.

    The bridge: an agent with k chats sends the replies of :func:`saturated_agent` with a think time of
    ``(think_s * (replies - 1) + close_s) / replies`` (the last reply of a chat is followed by no thinking), so
    each chat is completed at that rate over ``k * replies``, and the pool is the :func:`lps_pool` of these rates, with
    its accuracy. Against the exact chain of one agent (:func:`message_agent`) it errs by 0.1 % with four
    chats and 0.8 % with one; against pools simulated message by message its probability of waiting is 2 to
    4 % too low.

    Patience is tested in line only: once a buyer has an agent the chat is served to its end. The simulated
    floor also lets a buyer give up in the inbox of an agent who has not begun to answer.

    >>> team = chat_pool(6, 3, arrival_rate=120 / 3600, replies=6, reply_s=20, think_s=40, patience_s=120)
    >>> round(team.wait_probability, 3), round(team.abandon_probability, 3)
    (0.108, 0.03)
    >>> round(team.occupancy, 3), round(team.first_begun_within(60), 3)
    (0.647, 0.909)
    """
    capacity = _whole("capacity", capacity)
    if not 1 <= replies < math.inf:
        raise ValueError(f"replies must be a finite number >= 1 (a mean), got {replies!r}")
    _positive(reply_s=reply_s)
    _not_negative(think_s=think_s, close_s=close_s)
    if not patience_s > 0:
        raise ValueError(f"patience_s must be > 0 (inf = never gives up), got {patience_s!r}")
    pause_s = (think_s * (replies - 1) + close_s) / replies
    loaded = [saturated_agent(k, reply_s, pause_s) for k in range(1, capacity + 1)]
    rates = [agent.replies_per_s / (k * replies) for k, agent in enumerate(loaded, start=1)]
    pool = lps_pool(agents, rates, arrival_rate, 1 / patience_s)
    level = np.array(pool.at_level[1:])
    sent = float(level @ [agent.replies_per_s for agent in loaded])
    if sent > 0:
        response = float(level @ [agent.replies_per_s * agent.mean_response_s for agent in loaded]) / sent
    else:
        response = reply_s
    delayed = pool._delayed
    in_line = pool.wait_probability * delayed.outlasted * delayed.mean_served / (1 - pool.abandon_probability)
    fields = {name: getattr(pool, name) for name in SharedPool.__dataclass_fields__}
    fields["occupancy"] = float(level @ [agent.occupancy for agent in loaded])
    return ChatPool(
        **fields,
        mean_response_s=response + in_line / replies,
        agent_response_s=response,
        replies=replies,
        reply_s=reply_s,
        pause_s=pause_s,
    )


@dataclass(frozen=True, kw_only=True)
class MessageAgent:
    """One chat agent, solved exactly. Names as in :class:`ChatPool`."""

    wait_probability: float
    abandon_probability: float
    mean_wait: float
    occupancy: float
    agent_response_s: float
    mean_chat: float
    concurrency: float


def message_agent(
    capacity: int,
    arrival_rate: float,
    replies: float,
    reply_s: float,
    think_s: float,
    patience_s: float,
) -> MessageAgent:
    """One agent of :func:`chat_pool` as a Markov chain of every message: the check of the bridge.

    State: open chats, messages in the inbox, buyers in line. The line is cut where it is longer with a
    probability below 1e-16, so patience must be finite.

    >>> agent = message_agent(4, 26 / 3600, replies=6, reply_s=20, think_s=40, patience_s=120)
    >>> round(agent.wait_probability, 4), round(agent.abandon_probability, 4)
    (0.3301, 0.1946)
    """
    capacity = _whole("capacity", capacity)
    _positive(arrival_rate=arrival_rate, reply_s=reply_s, think_s=think_s, patience_s=patience_s)
    if not 1 <= replies < math.inf:
        raise ValueError(f"replies must be a finite number >= 1 (a mean), got {replies!r}")
    from scipy.sparse import coo_matrix
    from scipy.sparse.linalg import spsolve

    # Nobody served at all would make the line longest: then it is Poisson with this mean.
    longest = arrival_rate * patience_s
    line = int(longest + 10 * math.sqrt(longest) + 40)
    states = [(k, j, 0) for k in range(capacity) for j in range(k + 1)]
    states += [(capacity, j, q) for q in range(line + 1) for j in range(capacity + 1)]
    index = {state: i for i, state in enumerate(states)}
    moves: list[tuple[int, int, float]] = []
    for (chats, inbox, waiting), i in index.items():
        if chats < capacity:
            moves.append((i, index[chats + 1, inbox + 1, 0], arrival_rate))
        elif waiting < line:
            moves.append((i, index[chats, inbox, waiting + 1], arrival_rate))
        if inbox:
            ended = (chats, inbox, waiting - 1) if waiting else (chats - 1, inbox - 1, 0)
            moves.append((i, index[ended], 1 / (reply_s * replies)))
            moves.append((i, index[chats, inbox - 1, waiting], (1 - 1 / replies) / reply_s))
        if inbox < chats:
            moves.append((i, index[chats, inbox + 1, waiting], (chats - inbox) / think_s))
        if waiting:
            moves.append((i, index[chats, inbox, waiting - 1], waiting / patience_s))
    source, target, rate = (np.array(column) for column in zip(*moves, strict=True))
    size = len(states)
    leaving = np.bincount(source.astype(int), weights=rate, minlength=size)
    balance = coo_matrix((rate, (target, source)), shape=(size, size)).tolil()
    balance.setdiag(-leaving)
    balance[0, :] = 1.0
    share = spsolve(balance.tocsc(), np.eye(size)[0])
    chats, inbox, waiting = np.array(states).T
    in_line = float(share @ waiting)
    busy = float(share @ (inbox > 0))
    abandoned = in_line / patience_s / arrival_rate
    open_chats = float(share @ chats)
    return MessageAgent(
        wait_probability=float(share @ (chats == capacity)),
        abandon_probability=abandoned,
        mean_wait=in_line / arrival_rate,
        occupancy=busy,
        agent_response_s=float(share @ inbox) * reply_s / busy,
        mean_chat=open_chats / (arrival_rate * (1 - abandoned)),
        concurrency=open_chats,
    )


# ------------------------------------------------------------------ a load that changes


class OfferedLoad(NamedTuple):
    """Mean busy servers at the end of each interval, and the largest of them and of the load at the start."""

    at_end: Floats
    peak: float


def offered_load(
    rates: Sequence[float] | Floats, interval_s: float, mean_service_s: float, initial_load: float = 0.0
) -> OfferedLoad:
    """Mean number of busy servers when nobody has to wait and the arrival rate changes (M_t/M/inf).

    ``rates`` is the arrival rate in each interval, constant within it; services are exponential. Exact:
    within an interval the load moves from where it is toward ``rate * mean_service_s`` and never past it, so
    its peak is the end of some interval. The load lags and flattens the arrivals by about one service: this
    is the modified offered load that staffing a spike needs.

    >>> load = offered_load([1.0] * 200 + [10.0, 10.0, 1.0], interval_s=5, mean_service_s=5)
    >>> [round(float(m), 2) for m in load.at_end[-3:]], round(load.peak, 2)
    ([33.45, 43.91, 19.31], 43.91)
    """
    rate = np.asarray(rates, dtype=float)
    if rate.ndim != 1 or len(rate) == 0 or not (np.isfinite(rate).all() and (rate >= 0).all()):
        raise ValueError(f"rates must be a list of finite numbers >= 0, one an interval, got {rates!r}")
    _positive(interval_s=interval_s, mean_service_s=mean_service_s)
    _not_negative(initial_load=initial_load)
    settled = -math.expm1(-interval_s / mean_service_s)
    at_end = np.empty_like(rate)
    load = float(initial_load)
    for i, target in enumerate((rate * mean_service_s).tolist()):
        load += (target - load) * settled
        at_end[i] = load
    return OfferedLoad(at_end, max(float(at_end.max()), float(initial_load)))


@dataclass(frozen=True, kw_only=True)
class SinusoidalLoad:
    """A load that swings around its mean; its peak comes ``lag`` after that of the arrivals."""

    mean: float
    swing: float
    lag: float
    period: float

    @property
    def peak(self) -> float:
        """Largest load."""
        return self.mean + self.swing

    @property
    def trough(self) -> float:
        """Smallest load."""
        return self.mean - self.swing

    def at(self, t: float) -> float:
        """Load at time ``t``; the arrivals are at their mean and rising at 0."""
        return self.mean + self.swing * math.sin(2 * math.pi * (t - self.lag) / self.period)


def sinusoidal_load(
    mean_rate: float,
    amplitude: float,
    period: float,
    mean_service: float,
    service: Literal["exponential", "fixed"] = "exponential",
) -> SinusoidalLoad:
    """Mean busy servers for arrivals at ``mean_rate + amplitude * sin(2 pi t / period)`` (M_t/G/inf).

    >>> day = sinusoidal_load(600, 400, period=24, mean_service=0.25)
    >>> round(day.peak, 4), round(day.lag, 4)
    (249.7865, 0.2496)
    """
    _positive(mean_rate=mean_rate, period=period, mean_service=mean_service)
    if not 0 <= amplitude <= mean_rate:
        raise ValueError(f"amplitude must be between 0 and mean_rate ({mean_rate!r}), got {amplitude!r}")
    angle = 2 * math.pi / period * mean_service
    if service == "exponential":
        damping, lag = 1 / math.hypot(1, angle), math.atan(angle) / angle * mean_service
    elif service == "fixed":
        damping, lag = 2 * math.sin(angle / 2) / angle, mean_service / 2
    else:
        raise ValueError(f"service must be 'exponential' or 'fixed', got {service!r}")
    if damping < 0:  # a service longer than the period
        damping, lag = -damping, lag + period / 2
    return SinusoidalLoad(
        mean=mean_rate * mean_service,
        swing=amplitude * mean_service * damping,
        lag=lag % period,
        period=period,
    )


# ------------------------------------------------------------------ how many


class OutOfReachError(ValueError):
    """No number of people up to the limit meets the target."""


def agents_for(meets: Callable[[int], bool], *, start: int = 1, at_most: int = 10_000) -> int:
    """Smallest number of agents for which ``meets(agents)`` holds, by doubling and bisection.

    ``meets`` must stay true once it is true, as every service target here does. ``start`` is a guess that
    saves steps when it is near.

    >>> agents_for(lambda n: service_level_c(n, 10, mean_service=180, threshold=20) >= 0.8)
    14
    """
    at_most = _whole("at_most", at_most)
    high = min(_whole("start", start), at_most)
    step = 1
    if meets(high):
        low = high
        while low > 1:
            low = max(1, high - step)
            if not meets(low):
                break
            high, step = low, 2 * step
        else:
            return 1
    else:
        low = high
        while True:
            if low == at_most:
                raise OutOfReachError(f"no number of agents up to {at_most} meets the target")
            high = min(low + step, at_most)
            if meets(high):
                break
            low, step = high, 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        if meets(middle):
            high = middle
        else:
            low = middle
    return high
