"""The most that one buyer can put into a basket: pieces or worth, under stock and purchase limits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import combinations

import numpy as np

Limit = tuple[frozenset[str], int]


def largest_holding(
    weights: Mapping[str, int], *, most: Mapping[str, int | None], limits: Iterable[Limit]
) -> int | float:
    """Return the largest sum of weight times pieces that stock and limits allow; inf where there is no end.

    Where limits are nested or apart, taking the heaviest goods first is exact; where they cross, the pieces are
    found by integer programming and the sum is taken from them exactly.

    Parameters
    ----------
    weights : mapping of sku to int
        What a piece counts; never negative.
    most : mapping of sku to int or None
        Most pieces of the sku by itself.
    limits : iterable of (skus, pieces)
        Most pieces of all these skus together.

    Examples
    --------
    >>> largest_holding({"A": 5, "B": 2}, most={"A": 1, "B": None}, limits=[(frozenset("AB"), 3)])
    9
    >>> largest_holding({"A": 1}, most={"A": None}, limits=[])
    inf
    """
    tight: dict[frozenset[str], int] = {}
    for skus, pieces in limits:
        inside = skus.intersection(weights)
        if inside:
            tight[inside] = min(pieces, tight.get(inside, pieces))
    bound: dict[str, int | float] = {}
    for sku in weights:
        own = most[sku]
        bounds = [pieces for skus, pieces in tight.items() if sku in skus]
        bound[sku] = min(bounds, default=math.inf) if own is None else min([own, *bounds])
    if any(weights[sku] > 0 and bound[sku] == math.inf for sku in weights):
        return math.inf
    wanted = [sku for sku in weights if weights[sku] > 0 and bound[sku] > 0]
    crossing = any(a & b and not a <= b and not b <= a for a, b in combinations(tight, 2))
    if crossing:
        return _search(wanted, weights, bound, tight)
    return _take_heaviest_first(wanted, weights, bound, tight)


def _take_heaviest_first(
    wanted: list[str], weights: Mapping[str, int], bound: Mapping[str, int | float], tight: Mapping[frozenset[str], int]
) -> int:
    left = dict(tight)
    total = 0
    for sku in sorted(wanted, key=lambda sku: (-weights[sku], sku)):
        over = [skus for skus in left if sku in skus]
        pieces = int(min([bound[sku], *(left[skus] for skus in over)]))
        total += weights[sku] * pieces
        for skus in over:
            left[skus] -= pieces
    return total


def _search(
    wanted: list[str], weights: Mapping[str, int], bound: Mapping[str, int | float], tight: Mapping[frozenset[str], int]
) -> int:
    from scipy.optimize import Bounds, LinearConstraint, milp

    if not wanted:
        return 0
    rows = np.array([[float(sku in skus) for sku in wanted] for skus in tight])
    found = milp(
        -np.array([weights[sku] for sku in wanted], dtype=float),
        integrality=np.ones(len(wanted)),
        bounds=Bounds(0, np.array([bound[sku] for sku in wanted], dtype=float)),
        constraints=LinearConstraint(rows, ub=np.array(list(tight.values()), dtype=float)),
        options={"mip_rel_gap": 0.0},
    )
    pieces = [round(value) for value in found.x]
    return sum(weights[sku] * count for sku, count in zip(wanted, pieces, strict=True))
