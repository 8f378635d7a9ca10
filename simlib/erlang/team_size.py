"""The smallest team that meets a target."""

from __future__ import annotations

from collections.abc import Callable

from simlib.erlang.arguments import whole_number


class OutOfReachError(ValueError):
    """No number of people up to the limit meets the target."""


def agents_for(meets: Callable[[int], bool], *, start: int = 1, at_most: int = 10_000) -> int:
    """Return the smallest number of agents for which ``meets(agents)`` holds, by doubling and bisection.

    ``meets`` must stay true once it is true, as every service target here does. ``start`` is a guess that
    saves steps when it is near.

    >>> from simlib.erlang import service_level_c
    >>> agents_for(lambda n: service_level_c(n, 10, mean_service=180, threshold=20) >= 0.8)
    14
    """
    at_most = whole_number("at_most", at_most)
    high = min(whole_number("start", start), at_most)
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
