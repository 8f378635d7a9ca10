"""Several chats at a time: what one agent gets done with k chats, and a pool of such agents with its line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.erlang.arguments import Floats, require_not_negative, require_positive, require_time, whole_number
from simlib.erlang.patience import WaitingLine, require_stable, solve_wait, wait_of_delayed

EXACT_STATES = 500  # pools with at most so many ways to spread their chats are solved exactly


@dataclass(frozen=True, kw_only=True)
class SaturatedAgent:
    """An agent who always has the same number of chats open.

    ``occupancy`` = share of time writing; ``replies_per_s`` = replies sent per unit of time;
    ``mean_response_s`` = from a buyer's message to the agent's reply.
    """

    occupancy: float
    replies_per_s: float
    mean_response_s: float


def saturated_agent(chats: int, reply_s: float, think_s: float) -> SaturatedAgent:
    """Return the work of an agent with ``chats`` open chats at all times, message by message (machine repair).

    A reply takes ``reply_s`` (exponential), messages wait their turn, and a buyer writes again after
    ``think_s``. For many chats ``mean_response_s`` approaches ``chats * reply_s - think_s``: this is what
    bounds concurrency.

    >>> agent = saturated_agent(4, reply_s=20, think_s=40)
    >>> round(agent.occupancy, 4), round(agent.mean_response_s, 2)
    (0.9048, 48.42)
    """
    chats = whole_number("chats", chats)
    require_positive(reply_s=reply_s)
    require_not_negative(think_s=think_s)
    waiting = 0.0  # messages in front of the agent; mean value analysis, one more chat per step
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


class _ChatSplit(NamedTuple):
    """The ways in which a pool can hold one total of chats, and the moves from them."""

    counts: npt.NDArray[np.int64]  # [ways, capacity + 1]: how many agents have 0, 1, ... chats
    busier: npt.NDArray[np.int64]  # [ways]: the way with one chat more, on a least busy agent
    calmer: npt.NDArray[np.int64]  # [moves, 3]: way, chats of the agent who ends one, way with one chat less


@cache
def _chat_splits(agents: int, capacity: int) -> tuple[_ChatSplit, ...]:
    """Return all ways to spread chats over equal agents, by their total 0, 1, ... agents * capacity."""
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
        found.append(
            _ChatSplit(np.array(ways), np.array(busier, dtype=int), np.array(calmer, dtype=int).reshape(-1, 3))
        )
    return tuple(found)


def _levels_exact(agents: int, completions: Floats, arrival_rate: float) -> tuple[float, Floats]:
    """Return P(all full), and the mean agents at each level otherwise, of a pool that refuses arrivals when full.

    The chain moves by one chat, so it is solved from the full pool down, one total at a time: given that the
    pool came from t - 1 chats, ``ratio[t]`` turns the shares of the ways to hold t - 1 into those of t.
    """
    spreads = _chat_splits(agents, len(completions) - 1)
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
        # Every arrival leaves in the end. Normalise exactly, or the error grows at every step down.
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


def _levels_even(agents: int, completions: Floats, arrival_rate: float) -> tuple[float, Floats]:
    """Return an approximation of the same for a large pool, whose chats are spread almost evenly.

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
    """Return limited processor sharing: a pool of agents with up to ``len(completion_rates)`` chats each.

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
    agents = whole_number("agents", agents)
    rates = np.asarray(completion_rates, dtype=float)
    if rates.ndim != 1 or len(rates) == 0 or not (np.isfinite(rates).all() and (rates > 0).all()):
        raise ValueError(f"completion_rates must be a list of finite numbers > 0, got {completion_rates!r}")
    require_not_negative(arrival_rate=arrival_rate, patience_rate=patience_rate)
    capacity = len(rates)
    completions = np.concatenate([[0.0], np.arange(1, capacity + 1) * rates])
    capacity_rate = agents * float(completions[-1])
    require_stable(arrival_rate, capacity_rate, patience_rate)
    if arrival_rate < 1e-100 * capacity_rate:  # nobody, to any precision
        full, levels = 0.0, np.eye(capacity + 1)[0] * agents
    elif math.comb(agents + capacity, capacity) <= EXACT_STATES:
        full, levels = _levels_exact(agents, completions, arrival_rate)
    else:
        full, levels = _levels_even(agents, completions, arrival_rate)
    waits, wait = solve_wait(full, arrival_rate, capacity_rate, patience_rate)
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
        """Return the share of arrivals that give up in line or, patience running on, in the inbox.

        Their chats still count in the load, so this errs on the high side.
        """
        each = 1 / (1 + self.patience_rate * self.reply_s)  # outlasts one reply in front
        full = self._in_front(len(self.at_level) - 1)
        from_line = (self.wait_probability - self.abandon_probability) * _generate(full, each)
        return 1 - (1 - self.wait_probability) * _generate(self._in_inbox, each) - from_line

    def first_begun_within(self, t: float) -> float:
        """Return the share of arrivals whose first reply is begun within ``t``: line and inbox.

        A message finds in front of it what it would find with one chat less (arrival theorem of the
        machine-repair chain); a buyer who waited in line meets an agent with all places taken.

        Patience is tested in line only, as in :func:`chat_pool`, while on the simulated floor buyers give up in the
        inbox too. Measured against it (6, 12 and 40 agents with 3 to 5 chats at 0.7 to 1.1 times their work, six
        exponential replies of 20 s, ``t`` of 20 to 120 s, where at least three in four are begun in time): too high
        by up to 0.05 with a patience of 300 s, 0.09 with 120, 0.14 with 60, 0.19 with 30 and 0.22 with 20 s; and on a
        full floor, where leaving the inbox makes room, too low by up to 0.27. It compares concurrency limits with
        each other; it is no service level of a night.
        """
        t = require_time(t)
        at_once = 1 - self.wait_probability
        if t == math.inf:
            return 1 - self.abandon_probability
        begun = at_once * float(_erlang_mixture(self._in_inbox, self.reply_s, t))
        if self.wait_probability < 1e-9:
            return begun
        wait = wait_of_delayed(self.capacity_rate, self.arrival_rate, self.patience_rate, cut=t)
        served = wait.share * np.exp(-self.patience_rate * wait.v)
        in_front = self._in_front(len(self.at_level) - 1)
        in_inbox = _erlang_mixture(in_front, self.reply_s, np.maximum(t - wait.v, 0.0))
        return begun + self.wait_probability * float((served * in_inbox)[wait.v <= t].sum())

    def turns_begun_within(self, t: float) -> float:
        """Return the share of the buyers' turns whose reply is begun within ``t``.

        The turn of a buyer who gave up in line counts as one without a reply.
        """
        served = 1 - self.abandon_probability
        later = float(_erlang_mixture(self._in_inbox, self.reply_s, require_time(t)))
        later *= served * (self.replies - 1)
        return (later + self.first_begun_within(t)) / (served * self.replies + self.abandon_probability)

    @cached_property
    def _in_inbox(self) -> Floats:
        """Return the distribution of the messages in front of one that arrives, over all agents."""
        capacity = len(self.at_level) - 1
        in_front = np.zeros(capacity)
        for k in range(1, capacity + 1):
            weight = self.at_level[k] * saturated_agent(k, self.reply_s, self.pause_s).replies_per_s
            in_front[:k] += weight * self._in_front(k)
        share: Floats = in_front / in_front.sum() if in_front.any() else np.eye(capacity)[0]
        return share

    def _in_front(self, chats: int) -> Floats:
        """Return the distribution of the messages in front of one that arrives, for an agent with ``chats`` chats."""
        pauses = self.pause_s / self.reply_s / np.arange(1, chats)
        weight = np.cumprod(np.concatenate([[1.0], pauses]))[::-1]
        share: Floats = weight / weight.sum()
        return share


def _generate(in_front: Floats, each: float) -> float:
    """Return the mean of ``each`` to the power of j, j drawn from ``in_front``."""
    return float(in_front @ each ** np.arange(len(in_front)))


def _erlang_mixture(in_front: Floats, mean: float, t: Floats | float) -> Floats:
    """Return the probability that the sum of j exponential times is at most ``t``, j drawn from ``in_front``."""
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
    slowdown: Sequence[float] = (1.0,),
) -> ChatPool:
    """Return a chat team in a steady hour: agents with up to ``capacity`` chats each, and a line.

    A chat takes a geometric number of agent replies, ``replies`` on average; each takes ``reply_s`` to write,
    one after the other in the order of the messages; the buyer writes again ``think_s`` after a reply. A
    buyer goes to a least busy agent, or waits in line and gives up after an exponential patience of mean
    ``patience_s`` (``inf`` = never, allowed while the team can keep up). A chat keeps its place for
    ``close_s`` after its last reply. A reply of an agent with k chats takes ``slowdown[k - 1]`` times as long, the last
    entry for all larger k; with a slow-down ``reply_s`` of the result is the mean over all replies.

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
    capacity = whole_number("capacity", capacity)
    if not 1 <= replies < math.inf:
        raise ValueError(f"replies must be a finite number >= 1 (a mean), got {replies!r}")
    require_positive(reply_s=reply_s)
    require_not_negative(think_s=think_s, close_s=close_s)
    if not patience_s > 0:
        raise ValueError(f"patience_s must be > 0 (inf = never gives up), got {patience_s!r}")
    if not len(slowdown) or not all(1 <= factor < math.inf for factor in slowdown):
        raise ValueError(f"slowdown must be factors >= 1, at least one, got {tuple(slowdown)!r}")
    pause_s = (think_s * (replies - 1) + close_s) / replies
    slowed = [reply_s * slowdown[min(k, len(slowdown)) - 1] for k in range(1, capacity + 1)]
    loaded = [saturated_agent(k, each_s, pause_s) for k, each_s in enumerate(slowed, start=1)]
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
    if sent > 0 and slowed[-1] > reply_s:
        reply_s = fields["occupancy"] / sent
    return ChatPool(
        **fields,
        mean_response_s=response + in_line / replies,
        agent_response_s=response,
        replies=replies,
        reply_s=reply_s,
        pause_s=pause_s,
    )
