"""One customer at a time, with a queue in which everybody waits."""

from __future__ import annotations

import math

from simlib.erlang.arguments import require_not_negative, require_positive, require_time, whole_number
from simlib.erlang.loss import erlang_b


def erlang_c(agents: int, load: float) -> float:
    """Return the probability that a contact has to wait when nobody ever gives up (M/M/n).

    1.0 when ``load >= agents``: the queue then grows for ever and everybody waits.

    >>> round(erlang_c(25, 20), 4)
    0.2091
    """
    agents = whole_number("agents", agents)
    require_not_negative(load=load)
    if load >= agents:
        return 1.0
    blocked = erlang_b(agents, load)
    return agents * blocked / (agents - load * (1 - blocked))


def service_level_c(agents: int, load: float, mean_service: float, threshold: float) -> float:
    """Return the share of contacts that wait at most ``threshold`` when nobody gives up (M/M/n).

    0.0 when ``load >= agents``: in the long run nobody is answered within any threshold.

    >>> round(service_level_c(14, 10, mean_service=180, threshold=20), 4)
    0.8884
    """
    waits = erlang_c(agents, load)
    require_positive(mean_service=mean_service)
    if load >= agents:
        return 0.0
    return 1 - waits * math.exp(-(agents - load) * require_time(threshold) / mean_service)


def halfin_whitt(beta: float) -> float:
    """Return the probability of waiting in a large team of ``load + beta * sqrt(load)`` agents (the square-root rule).

    >>> round(halfin_whitt(1.0), 4)
    0.2234
    """
    require_not_negative(beta=beta)
    density = math.exp(-beta * beta / 2) / math.sqrt(2 * math.pi)
    share_below = math.erfc(-beta / math.sqrt(2)) / 2
    return density / (density + beta * share_below)


def silent_share(agents: int, load: float, mean_service: float, mean_patience: float) -> float:
    """Return the share of buyers who are gone when their turn comes, if they leave silently (M/M/n).

    An agent cannot see that the buyer has gone and spends the same time on the empty window, so the queue is
    Erlang C's and a buyer is lost when the wait outlasts an exponential patience.

    >>> round(silent_share(12, 10, mean_service=1, mean_patience=1 / 1.5), 4)
    0.1926
    """
    require_positive(mean_service=mean_service, mean_patience=mean_patience)
    waits = erlang_c(agents, load)
    if load >= agents:
        return 1.0
    return waits / (1 + mean_patience * (agents - load) / mean_service)
