"""Any figure of the cascade can be the unknown: heads, the GMV they carry, the bot share that is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from simlib import facts
from simlib.staffing.cascade import LEFT_OUT

Basis = Literal["day", "peak"]
POWERS: dict[Basis, dict[str, int]] = {
    "day": {"agent_day_capacity": -1},
    "peak": {"peak_share": 1, "agent_hour_capacity": -1, "occupancy_max": -1},
}
ADDED: dict[Basis, tuple[str, ...]] = {"day": ("transfer_rate", "reserve"), "peak": ("transfer_rate",)}
DAY_SALES = {"day_gmv_cny": 1}
MONTH_SALES = {"month_gmv_cny": 1, "wave_share": 1}
COMMON = {
    "cs_share": 1,
    "aov_cny": -1,
    "conversion": -1,
    "inquiries_per_reception": -1,
    "presale_share": -1,
}


@dataclass(frozen=True, kw_only=True)
class SolvedValue:
    """The unknown's value, or why there is none.

    ``value`` is None without a solution; then ``needed`` is what the equation asks for and ``allowed`` the span
    that it falls out of.
    """

    unknown: str
    value: float | None
    needed: float
    allowed: tuple[float, float]


def needed_heads(values: Mapping[str, float], *, basis: Basis) -> float:
    """Calculate the heads that the cascade asks for, not rounded.

    ``basis="day"`` divides the day by a day's capacity and adds the reserve; ``"peak"`` divides the worst half
    hour by half an hour's capacity at the occupancy ceiling.
    """
    heads = _constant(LEFT_OUT | dict(values), basis=basis)
    for key, power in _powers(values, basis=basis).items():
        heads *= values[key] ** power
    return heads


def _powers(values: Mapping[str, float], *, basis: Basis) -> dict[str, int]:
    """Return to which power each figure enters; the day's sales stand for the month's wherever they are known."""
    sales = DAY_SALES if "day_gmv_cny" in values else MONTH_SALES
    return sales | COMMON | POWERS[basis]


def _constant(values: Mapping[str, float], *, basis: Basis) -> float:
    human = (1 - values["bot_share"] * (1 - values["bot_return_rate"])) * (1 + values["transfer_rate"])
    human *= 1 - values["outside_share"]
    return human * (1 + values["reserve"] if basis == "day" else 2.0)


def solve_for(unknown: str, values: Mapping[str, float], *, heads: float, basis: Basis = "peak") -> SolvedValue:
    """Solve the cascade for one of its figures, given the heads and all the others.

    The heads are a product of powers of the figures, so the solution is a closed form and exact. They are one pool
    of people who are all there at once: shifts and skills come in chapter 3.

    Parameters
    ----------
    unknown : str
        A figure of the cascade: ``"day_gmv_cny"``, ``"month_gmv_cny"``, ``"bot_share"``, ``"conversion"``, ...; its
        own entry in ``values`` is not read, nor is the day's GMV for a figure of the month.
    values : mapping of str to float
        The other figures, as in :data:`simlib.staffing.cascade.INPUTS` with ``peak_share``.
    heads : float
        The people there are, > 0.
    basis : {"peak", "day"}

    Raises
    ------
    ValueError
        The unknown is no figure of this basis, or a figure is not positive or not there.

    Examples
    --------
    >>> values = {"cs_share": 0.3, "aov_cny": 150, "conversion": 0.45, "inquiries_per_reception": 1,
    ...           "presale_share": 2 / 3, "bot_share": 0.4, "agent_day_capacity": 300, "reserve": 0.15}
    >>> round(solve_for("day_gmv_cny", values, heads=16, basis="day").value)
    1043478
    >>> round(solve_for("month_gmv_cny", values | {"wave_share": 0.1}, heads=16, basis="day").value)
    10434783
    >>> solve_for("bot_share", values | {"day_gmv_cny": 1e9}, heads=16, basis="day").value is None
    True
    """
    known = dict(values)
    if unknown in MONTH_SALES:
        known.pop("day_gmv_cny", None)
    powers = _powers(known | {unknown: 1.0}, basis=basis)
    solvable = {*powers, *DAY_SALES, *MONTH_SALES, "bot_share", *ADDED[basis]}
    if unknown not in solvable:
        raise ValueError(f"unknown must be one of {', '.join(sorted(solvable))}, got {unknown!r}")
    if not heads > 0:
        raise ValueError(f"heads must be > 0, got {heads!r}")
    for key in powers:
        if key != unknown and not known.get(key, 0.0) > 0:
            raise ValueError(f"{key} must be > 0, got {known.get(key)!r}")
    if unknown == "bot_share":
        needed = 1 - heads / needed_heads(known | {"bot_share": 0.0}, basis=basis)
        settled = 1 - known.get("bot_return_rate", 0.0)  # of those whom the bot counts as solved
        needed = max(needed, 0.0) / settled if settled else float("inf" if needed > 0 else 0.0)
    elif unknown in ADDED[basis]:
        needed = heads / needed_heads(known | {unknown: 0.0}, basis=basis) - 1
    else:
        needed = (heads / needed_heads(known | {unknown: 1.0}, basis=basis)) ** powers[unknown]
    low, high = allowed_span(unknown)
    fits = low <= needed <= high
    return SolvedValue(unknown=unknown, value=needed if fits else None, needed=needed, allowed=(low, high))


def allowed_span(key: str) -> tuple[float, float]:
    """Return what a figure may be at all."""
    if key in ("day_gmv_cny", "month_gmv_cny"):
        return 0.0, float("inf")
    if key == "wave_share":
        return 0.0, 1.0
    if key == "peak_share":
        return 1 / 48, 1.0
    rows = facts.table("ratios")
    row = rows[rows["key"] == key].iloc[0]
    return float(row["min"]), float(row["max"])
