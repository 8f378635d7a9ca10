"""Teams without a queue: a contact that finds every agent busy is lost or tries again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from simlib.erlang.arguments import require_not_negative, require_positive, whole_number


def erlang_b(agents: int, load: float) -> float:
    """Return the probability that a contact finds every agent busy and is lost (M/G/n/n).

    ``load`` is the offered load, arrival rate x mean service. Accurate for 0 to 100,000 agents: the recursion
    only multiplies and adds positive numbers.

    >>> round(erlang_b(10, 10), 6)
    0.214582
    """
    agents = whole_number("agents", agents, least=0)
    require_not_negative(load=load)
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
    """Return Erlang B when a share of the blocked attempts is repeated at once, as often as it takes.

    The load A of all attempts solves ``A = load + retry_share * A * erlang_b(agents, A)``; the right side
    grows more slowly than the left, so there is one answer, found by bisection. When everybody tries again
    (``retry_share = 1``) there is one only while ``load < agents``.

    >>> tried = extended_erlang_b(10, 8, 0.5)
    >>> round(tried.offered_load, 4), round(tried.blocked, 4)
    (8.6578, 0.152)
    """
    agents = whole_number("agents", agents)
    require_not_negative(load=load)
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


class RetrialAgent(NamedTuple):
    """One agent whose blocked callers try again: the share of attempts blocked, and how many keep trying."""

    blocked: float
    trying_again: float


def retrial_agent(arrival_rate: float, service_rate: float, retry_rate: float) -> RetrialAgent:
    """Return one agent without a queue whose blocked callers try again after an exponential time (M/M/1 retrial).

    >>> retrial_agent(0.7, 1.0, 0.5).trying_again.__round__(6)
    4.9
    """
    require_not_negative(arrival_rate=arrival_rate)
    require_positive(service_rate=service_rate, retry_rate=retry_rate)
    busy = arrival_rate / service_rate
    if busy >= 1:
        raise ValueError(f"arrival_rate must be below service_rate ({service_rate!r}), got {arrival_rate!r}")
    return RetrialAgent(busy, busy**2 / (1 - busy) * (1 + service_rate / retry_rate))
