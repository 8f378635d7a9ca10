"""Why a promo came out as it did, in money: effects of the drivers that add up to the gap to the cent.

The effect of a driver is its Owen value [1]_: the average, over all orders of the groups and all orders inside its
group, of what changes when the driver goes from its planned to its actual value. Two forms share that arithmetic:

* the cheap form multiplies contacts, inquiry share, conversion and order value;
* the full form simulates the chat floor for the same buyers, so that head count, absence, handling and outages have
  their share too (:class:`NightFacts`).

.. [1] G. Owen, "Values of games with a priori unions", Essays in Mathematical Economics and Game Theory, 1977.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from typing import Any, cast

import numpy as np
import pandas as pd

from simlib import kpis
from simlib.messages import Message, Term, UserError
from simlib.night import PromoNight
from simlib.simulator.draw import ChatService
from simlib.simulator.inputs import Agents, Contacts, Disruptions
from simlib.simulator.replicate import Figures, Variant, half_width, replicate_variants

GROUPS: Mapping[str, tuple[str, ...]] = {
    "traffic": ("contacts", "shape", "opening"),
    "demand": ("bot_net_share", "inquiry_share"),
    "worth": ("conversion", "aov_cny"),
    "capacity": ("heads", "absence", "handling", "outages"),
}
"""The drivers of the full form, by group, in the order in which tables list them."""

FACTORS: Mapping[str, tuple[str, ...]] = {
    "traffic": ("contacts",),
    "demand": ("inquiry_share",),
    "worth": ("conversion", "aov_cny"),
}
"""The drivers of the cheap form, by group."""

NOT_EXPLAINED = "not_explained"
"""The row of what the model does not explain, and its group."""

COLUMNS = ("driver", "group", "planned", "actual", "effect_cny", "low", "high")
_WORTH = ("inquiry_share", "conversion", "aov_cny")
_BOT = ("bot_share", "bot_meets_share", "bot_s", "bot", "bot_return_rate", "bot_return_s", "bot_return")
_HANDLING = ("replies_mean", "reply_s", "think_s", "replies", "reply", "think")
_PACE = ("capacity", "speed", "weight")


# --- the arithmetic ------------------------------------------------------------------------------------------


def owen_values(value: Callable[[frozenset[str]], Any], groups: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Compute the Owen value of every driver of a game, exactly.

    Parameters
    ----------
    value : callable
        v(S) for a set of drivers, a number or an array (one entry per night); called once per distinct set.
    groups : sequence of sequences of str
        The drivers that stay together.

    Returns
    -------
    dict of str to number or array
        By driver. They add up to v(all) - v(nothing).

    Examples
    --------
    >>> sales = {"": 1000.0, "a": 1200.0, "b": 900.0, "ab": 1080.0}
    >>> owen_values(lambda drivers: sales["".join(sorted(drivers))], [["a"], ["b"]])
    {'a': 190.0, 'b': -110.0}
    """
    known: dict[frozenset[str], Any] = {}

    def v(drivers: frozenset[str]) -> Any:
        if drivers not in known:
            known[drivers] = value(drivers)
        return known[drivers]

    effects: dict[str, list[Any]] = {}
    for own, driver, before, weight in _orders(groups):
        terms = effects.setdefault(driver, [])
        change = v(before | own) - v(before)
        terms.append((weight if isinstance(change, Fraction) else float(weight)) * change)
    return {driver: _exact_sum(terms) for driver, terms in effects.items()}


def coalitions(groups: Sequence[Sequence[str]]) -> set[frozenset[str]]:
    """Return the sets of drivers whose values the Owen values of these groups need.

    >>> len(coalitions([["a", "b"], ["c"]])), len(coalitions([["a", "b", "c"]]))
    (8, 8)
    """
    needed = set()
    for own, _, before, _ in _orders(groups):
        needed |= {before, before | own}
    return needed


def _orders(groups: Sequence[Sequence[str]]) -> Iterator[tuple[frozenset[str], str, frozenset[str], Fraction]]:
    """Yield each driver (as a set and by name), a set that may come before it, and how often it does."""
    for index, group in enumerate(groups):
        others = [frozenset(other) for place, other in enumerate(groups) if place != index]
        for driver in group:
            mates = [mate for mate in group if mate != driver]
            for whole, outer in _subsets(others):
                for inside, inner in _subsets(mates):
                    before = frozenset[str]().union(*whole) | frozenset(inside)
                    yield frozenset([driver]), driver, before, outer * inner


def _subsets(items: Sequence[Any]) -> Iterator[tuple[tuple[Any, ...], Fraction]]:
    """Yield the subsets of the others, each with the share of the orders in which exactly it comes before."""
    n = len(items) + 1
    for size in range(n):
        share = Fraction(math.factorial(size) * math.factorial(n - size - 1), math.factorial(n))
        for subset in combinations(items, size):
            yield subset, share


def _exact_sum(terms: Sequence[Any]) -> Any:
    """Add up so that the order of the terms does not matter to the last digit."""
    if isinstance(terms[0], Fraction):
        return sum(terms, Fraction(0))
    if np.ndim(terms[0]) == 0:
        return math.fsum(terms)
    return np.array([math.fsum(column) for column in np.asarray(terms, dtype=float).T])


def round_to_cents(effects: Mapping[str, float | Fraction]) -> dict[str, float]:
    """Round effects to cents so that they add up to their rounded sum, by the largest remainder.

    A driver without any effect stays without; changing every sign changes every sign of the result.

    Examples
    --------
    >>> round_to_cents({"a": 0.333, "b": 0.333, "c": 0.334, "d": 0.0})
    {'a': 0.33, 'b': 0.33, 'c': 0.34, 'd': 0.0}
    """
    exact = {driver: 100 * Fraction(effect) for driver, effect in effects.items()}
    cents = {driver: round(effect) for driver, effect in exact.items()}
    left = round(sum(exact.values(), Fraction(0))) - sum(cents.values())
    sign = 1 if left > 0 else -1
    moving = sorted((driver for driver in exact if exact[driver]), key=lambda name: sign * (cents[name] - exact[name]))
    for driver in moving[: abs(left)]:  # at most half a cent was cut off each
        cents[driver] += sign
    return {driver: cent / 100 for driver, cent in cents.items()}


def driver_name(driver: str) -> Term:
    """Return the name of a driver, of a group, or of the row that the model does not explain.

    >>> driver_name("absence")
    'driver_absence'
    """
    return Term(f"driver_{driver}")


# --- what goes in --------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class NightFacts:
    """One side of a variance tree: a promo night as it was planned, or as it came.

    Parameters
    ----------
    night : PromoNight
        Who came when (``forecast``, by the clock of this side), what a chat took (``services``), who was rostered
        (``people``, ``roster``), what went wrong (``disruptions``, ``episodes``, ``deferrals``).
    inquiry_share, conversion : float
        Inquiries per reception, and buyers per inquiry at no wait; shares in [0, 1].
    aov_cny : float
        Order value, >= 0.
    opening : pandas.Timestamp, optional
        When the sale opened; needed on both sides where it moved.
    absences : sequence of (agent_id, start, end)
        Who of the roster was not there, and from when to when.
    unmeasured : sequence of str
        Drivers that nobody measured: they stay at plan and are named.
    sales_cny, lost_buyers, rate : float, optional
        What was measured on the night: sales kept, buyers without any human reply, the platform's own response rate.

    Raises
    ------
    UserError
        A share outside [0, 1], a negative or missing figure, an unknown driver.
    """

    night: PromoNight
    inquiry_share: float
    conversion: float
    aov_cny: float
    opening: pd.Timestamp | None = None
    absences: Sequence[tuple[str, pd.Timestamp, pd.Timestamp]] = ()
    unmeasured: Sequence[str] = ()
    sales_cny: float | None = None
    lost_buyers: float | None = None
    rate: float | None = None

    def __post_init__(self) -> None:
        for name in _WORTH:
            _check_number(name, getattr(self, name))
        for name in ("inquiry_share", "conversion"):
            if getattr(self, name) > 1:
                raise UserError(
                    Message("retrospective.share_above_one", driver=driver_name(name), value=f"{getattr(self, name):g}")
                )
        for name in self.unmeasured:
            if name not in _group_of(GROUPS):
                raise UserError(_unknown(name, GROUPS))

    @property
    def worth_cny(self) -> float:
        """What a reception is worth that is answered at once."""
        return self.inquiry_share * self.conversion * self.aov_cny

    def as_it_came(self, *, worth_cny: float) -> PromoNight:
        """Return the night without those who were absent, its contacts at this side's worth against the plan's."""
        scale = self.worth_cny / worth_cny if worth_cny else 1.0
        return replace(
            self.night,
            roster=without_absent(self.night.roster, self.absences),
            values_cny={queue: value * scale for queue, value in self.night.values_cny.items()},
        )


def _check_number(driver: str, value: object) -> float:
    """Return a figure as a number >= 0; anything else is an error for the user."""
    try:
        number = float(cast(Any, value))
    except (TypeError, ValueError):
        raise UserError(Message("retrospective.not_a_number", driver=driver_name(driver), value=repr(value))) from None
    if isinstance(value, bool) or not math.isfinite(number):
        raise UserError(Message("retrospective.not_a_number", driver=driver_name(driver), value=repr(value)))
    if number < 0:
        raise UserError(Message("retrospective.negative", driver=driver_name(driver), value=f"{number:g}"))
    return number


def _group_of(groups: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {driver: group for group, drivers in groups.items() for driver in drivers}


def _unknown(driver: object, groups: Mapping[str, Sequence[str]]) -> Message:
    known = tuple(driver_name(name) for names in groups.values() for name in names)
    return Message("retrospective.unknown_driver", driver=repr(driver), known=known)


# --- the tree ------------------------------------------------------------------------------------------------


def variance_tree(
    planned: Mapping[str, float] | NightFacts, actual: Mapping[str, float] | NightFacts, **how: Any
) -> pd.DataFrame:
    """Return the effect of each driver on the sales of the night, in yuan.

    Parameters
    ----------
    planned, actual : mapping of driver to value, or NightFacts
        Mappings with any of contacts, inquiry_share, conversion, aov_cny use the cheap form, in which sales are their
        product; a driver that ``actual`` lacks stays at plan. :class:`NightFacts` use the full form.
    **how
        For the full form, as in :func:`work_out_variance`.

    Returns
    -------
    pandas.DataFrame
        driver, group, planned, actual, effect_cny, low, high. The effects add up to the gap, to the cent. The band
        (95 %) is missing in the cheap form. Where the actual sales were measured, the full form's last row is
        ``not_explained``.

    Raises
    ------
    UserError
        A negative or missing figure, an unknown driver, one without a plan, two nights that do not belong together.

    Examples
    --------
    >>> tree = variance_tree({"contacts": 100, "aov_cny": 10}, {"contacts": 120, "aov_cny": 9})
    >>> tree[["driver", "effect_cny"]].to_dict("records")
    [{'driver': 'contacts', 'effect_cny': 190.0}, {'driver': 'aov_cny', 'effect_cny': -110.0}]
    """
    if isinstance(planned, NightFacts) and isinstance(actual, NightFacts):
        return work_out_variance(planned, actual, **how).tree
    if isinstance(planned, NightFacts) or isinstance(actual, NightFacts):
        raise UserError(Message("retrospective.forms_mixed"))
    return _cheap_tree(planned, actual)


def _cheap_tree(planned: Mapping[str, float], actual: Mapping[str, float]) -> pd.DataFrame:
    group_of = _group_of(FACTORS)
    for name in (*planned, *actual):
        if name not in group_of:
            raise UserError(_unknown(name, FACTORS))
    for name in actual:
        if name not in planned:
            raise UserError(Message("retrospective.without_plan", driver=driver_name(name)))
    if not planned:
        raise UserError(Message("retrospective.no_drivers", known=tuple(driver_name(name) for name in group_of)))
    drivers = [name for name in group_of if name in planned]
    plan = {name: _check_number(name, planned[name]) for name in drivers}
    came = {name: _check_number(name, actual[name]) for name in drivers if name in actual}

    def value(changed: frozenset[str]) -> Fraction:
        return math.prod((Fraction((came if name in changed else plan)[name]) for name in drivers), start=Fraction(1))

    moved = [name for name in came if came[name] != plan[name]]
    effects = owen_values(value, _grouped(moved, FACTORS))
    rounded = round_to_cents({name: effects.get(name, Fraction(0)) for name in drivers})
    rows = [(name, group_of[name], plan[name], came.get(name, math.nan), rounded[name]) for name in drivers]
    return pd.DataFrame([(*row, math.nan, math.nan) for row in rows], columns=list(COLUMNS))


def _grouped(drivers: Sequence[str], groups: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Lay drivers out in their groups, without empty groups; one at plan changes nothing and is left out before."""
    laid = [[name for name in names if name in drivers] for names in groups.values()]
    return [names for names in laid if names]


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What slow and missing replies lose in a night: buyers who left or met nobody, and sales, with their band."""

    buyers: float
    sales_cny: float
    low_cny: float
    high_cny: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Variance:
    """The variance trees of one night: in money, in lost buyers, and in the platform's figure.

    Parameters
    ----------
    tree : DataFrame
        driver, group, planned, actual, effect_cny, low, high; with ``not_explained`` as its last row where the actual
        sales are known.
    lost, rate : DataFrame
        The same with ``effect`` in buyers, and as a share (of the headline platform rate).
    groups : DataFrame
        group, effect_cny, low, high; with ``not_explained`` as its last row where the tree has it, so that both add up
        to the same gap.
    planned_cny, expected_cny : float
        Sales kept by the plan, and by the model with every driver at its actual value.
    actual_cny : float or None
        What was measured.
    within_chance : bool or None
        Whether the measured sales lie between the 5th and the 95th percentile of the model's nights.
    unmeasured : tuple of str
        Drivers that stayed at plan because nobody measured them.
    floors, nights : int
        How many different chat floors were simulated, and how many nights of each.
    planned_loss, expected_loss : Loss or None
        What slow and missing replies lose by the plan, and with every driver at its actual value.
    bot_gross : tuple of (float, float) or None
        What the bot counts as solved, by the plan and as it came; the tree's driver is net of those who came back to a
        person. None where it did as planned, or nobody measured it.
    """

    tree: pd.DataFrame
    lost: pd.DataFrame
    rate: pd.DataFrame
    groups: pd.DataFrame
    planned_cny: float
    expected_cny: float
    actual_cny: float | None
    within_chance: bool | None
    unmeasured: tuple[str, ...]
    floors: int
    nights: int
    planned_loss: Loss | None = None
    expected_loss: Loss | None = None
    bot_gross: tuple[float, float] | None = None

    @cached_property
    def ranking(self) -> pd.DataFrame:
        """The drivers whose effect is clear of chance, the largest first."""
        drivers = self.tree[self.tree["driver"] != NOT_EXPLAINED]
        clear = drivers[is_clear(drivers)]
        order = clear["effect_cny"].abs().sort_values(ascending=False, kind="stable").index
        return clear.loc[order].reset_index(drop=True)

    @property
    def warnings(self) -> list[Message]:
        """What is to be read before everything else: that the model does not explain the night."""
        if self.within_chance is not False:
            return []
        left = float(self.tree.loc[self.tree["driver"] == NOT_EXPLAINED, "effect_cny"].iloc[0])
        return [Message("retrospective.model_misses", left=_signed(left))]

    @property
    def findings(self) -> list[Message]:
        """What the tree says: the gap, the clear drivers, the largest first, then what nobody measured."""
        gap = (self.actual_cny if self.actual_cny is not None else self.expected_cny) - self.planned_cny
        said = [Message("retrospective.gap", planned=f"{self.planned_cny:,.0f}", gap=_signed(gap))]
        if self.planned_loss is not None and self.expected_loss not in (None, self.planned_loss):
            plan, came = self.planned_loss, self.expected_loss
            low, high = f"{came.low_cny:,.0f}", f"{came.high_cny:,.0f}"
            figures = {"sales": f"{came.sales_cny:,.0f}", "planned_sales": f"{plan.sales_cny:,.0f}"}
            figures |= {"buyers": f"{came.buyers:,.0f}", "planned_buyers": f"{plan.buyers:,.0f}"}
            said.append(Message("retrospective.lost_sales", low=low, high=high, **figures))
        for row in self.ranking.itertuples():
            effect, low, high = (_signed(value) for value in (row.effect_cny, row.low, row.high))
            said.append(
                Message(
                    "retrospective.driver_effect",
                    driver=driver_name(str(row.driver)),
                    effect=effect,
                    low=low,
                    high=high,
                )
            )
        if self.ranking.empty:
            said.append(Message("retrospective.nothing_clear"))
        if self.bot_gross is not None:
            net = self.tree.loc[self.tree["driver"] == "bot_net_share", ["planned", "actual"]].iloc[0]
            if not np.allclose(self.bot_gross, net.to_numpy(dtype=float)):
                shares = zip(("planned_gross", "gross", "planned_net", "net"), (*self.bot_gross, *net), strict=True)
                said.append(Message("retrospective.bot_gross_net", **{name: f"{share:.1%}" for name, share in shares}))
        if self.unmeasured:
            said.append(
                Message(
                    "retrospective.unmeasured_drivers", drivers=tuple(driver_name(name) for name in self.unmeasured)
                )
            )
        return said


def is_clear(tree: pd.DataFrame) -> pd.Series:
    """Mark the rows of a tree whose band does not hold 0; a row without a band is not clear.

    >>> is_clear(pd.DataFrame({"low": [-2.0, 1.0, -9.0], "high": [3.0, 4.0, -1.0]})).tolist()
    [False, True, True]
    """
    return (tree["low"] > 0) | (tree["high"] < 0)


def _signed(value: float) -> str:
    return f"{value:+,.0f}".replace("-", "\N{MINUS SIGN}")


def work_out_variance(
    planned: NightFacts,
    actual: NightFacts,
    *,
    seed: int = 7,
    nights: int = 30,
    confidence: float = 0.95,
    workers: int | None = None,
    on_progress: Callable[[int, int], object] | None = None,
) -> Variance:
    """Explain the gap between a planned night and the one that came, by simulating the drivers on the same buyers.

    Each distinct chat floor is simulated once: inquiry share, conversion and order value change no floor, and a driver
    at plan is left out of the game.

    Parameters
    ----------
    planned, actual : NightFacts
        Of the same night and queues. The plan's conversion-against-response curve, thresholds and platform rates hold
        for both, and what is no driver (patience, retries, transfers) stays at plan.
    seed, nights : int
        The same nights for every floor; at least two for a band.
    confidence : float
        Of the bands, by Student's t on the nights' paired differences.
    on_progress : callable, optional
        Called with the floors done and planned so far.

    Raises
    ------
    UserError
        The two sides are not the same night, or do not have the same queues; the plan's worth is 0.
    """
    mixture = _Mixture.of(planned, actual)
    moved = [name for name in _group_of(GROUPS) if mixture.differs(name) and name not in actual.unmeasured]
    groups = _grouped(moved, GROUPS)
    everything = frozenset(moved)
    needed = coalitions(groups) | {frozenset(), everything}
    floors = _simulate(mixture, needed, seed=seed, nights=nights, workers=workers, on_progress=on_progress)

    def sales(changed: frozenset[str]) -> np.ndarray:
        return np.asarray(floors[_floor(changed)]["kept"] @ mixture.values_cny(changed))

    def figure(key: str) -> Callable[[frozenset[str]], np.ndarray]:
        return lambda changed: floors[_floor(changed)][key]

    def loss(changed: frozenset[str]) -> Loss:
        nightly = np.asarray(floors[_floor(changed)]["missed"] @ mixture.values_cny(changed))
        low, high = _band(nightly, confidence)
        buyers = _mean(figure("lost")(changed))
        return Loss(buyers=buyers, sales_cny=_mean(nightly), low_cny=max(low, 0.0), high_cny=high)

    kept, expected = sales(frozenset()), sales(everything)
    nightly = owen_values(sales, groups)
    tree = _table(mixture, nightly, actual.unmeasured, column="effect_cny", cents=True, confidence=confidence)
    within = None
    if actual.sales_cny is not None:
        low, high = np.percentile(expected, [5, 95])
        within = bool(low <= actual.sales_cny <= high)
        total = round_to_cents({"gap": actual.sales_cny - float(kept.mean())})["gap"]
        left = round(total - math.fsum(tree["effect_cny"]), 2)
        row = (NOT_EXPLAINED, NOT_EXPLAINED, 0.0, left, left, actual.sales_cny - high, actual.sales_cny - low)
        tree = pd.concat([tree, pd.DataFrame([row], columns=list(COLUMNS))], ignore_index=True)
    service = {}
    for key, measured in (("lost", actual.lost_buyers), ("rate", actual.rate)):
        effects = owen_values(figure(key), groups)
        service[key] = _table(mixture, effects, actual.unmeasured, column="effect", cents=False, confidence=confidence)
        if measured is not None:
            came = figure(key)(everything)
            known = came[~np.isnan(came)]
            low, high = np.percentile(known, [5, 95]) if known.size else (math.nan, math.nan)
            left = measured - _mean(came)
            row = (NOT_EXPLAINED, NOT_EXPLAINED, 0.0, left, left, measured - high, measured - low)
            service[key] = pd.concat([service[key], pd.DataFrame([row], columns=list(service[key]))], ignore_index=True)
    rows = []
    for group, names in GROUPS.items():
        each = sum((nightly[name] for name in names if name in nightly), np.zeros(len(kept)))
        effect = math.fsum(tree.loc[tree["group"] == group, "effect_cny"])
        rows.append((group, round(effect, 2), *_band(each, confidence)))
    if actual.sales_cny is not None:
        rows.append((NOT_EXPLAINED, *tree.loc[tree["driver"] == NOT_EXPLAINED, ["effect_cny", "low", "high"]].iloc[0]))
    return Variance(
        tree=tree,
        lost=service["lost"],
        rate=service["rate"],
        groups=pd.DataFrame(rows, columns=["group", "effect_cny", "low", "high"]),
        planned_cny=float(kept.mean()),
        expected_cny=float(expected.mean()),
        actual_cny=actual.sales_cny,
        within_chance=within,
        unmeasured=tuple(actual.unmeasured),
        floors=len(floors),
        nights=nights,
        planned_loss=loss(frozenset()),
        expected_loss=loss(everything),
        bot_gross=mixture.described("bot_gross_share") if "bot_net_share" in moved else None,
    )


def _mean(values: np.ndarray) -> float:
    """Return the mean over the nights that have a value; nan where none has."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan


def _band(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """Return the confidence band of a mean over nights; one that is the same every night has no width."""
    values = values[~np.isnan(values)]
    if not values.size:
        return math.nan, math.nan
    if not values.any():
        return 0.0, 0.0
    mean, half = float(values.mean()), half_width(values, confidence=confidence)
    return mean - half, mean + half


def _table(
    mixture: _Mixture,
    nightly: Mapping[str, np.ndarray],
    unmeasured: Sequence[str],
    *,
    column: str,
    cents: bool,
    confidence: float,
) -> pd.DataFrame:
    group_of = _group_of(GROUPS)
    means = {name: _mean(nightly[name]) if name in nightly else 0.0 for name in group_of}
    effects = round_to_cents(means) if cents else means
    rows = []
    for name, group in group_of.items():
        before, after = mixture.described(name)
        band = _band(nightly[name], confidence) if name in nightly else (0.0, 0.0)
        rows.append((name, group, before, math.nan if name in unmeasured else after, effects[name], *band))
    return pd.DataFrame(rows, columns=[column if name == "effect_cny" else name for name in COLUMNS])


# --- a night between plan and actual -------------------------------------------------------------------------


def _floor(changed: frozenset[str]) -> frozenset[str]:
    """Return what of a set of drivers changes the chat floor."""
    return changed - frozenset(_WORTH)


def _crowd(changed: frozenset[str], *, episodes: bool) -> frozenset[str]:
    """Return what of a set of drivers changes the buyers that are drawn."""
    still = {"heads", "absence", *_WORTH} | (set() if episodes else {"outages"})
    return changed - still


@dataclass(frozen=True, kw_only=True, eq=False)
class _Mixture:
    """Every night between the planned one and the actual one: each driver from one of the two sides."""

    planned: NightFacts
    actual: NightFacts
    people: tuple[str, ...]
    reference: pd.Timestamp | None
    curves: tuple[pd.DataFrame, pd.DataFrame] = field(repr=False)

    @classmethod
    def of(cls, planned: NightFacts, actual: NightFacts) -> _Mixture:
        """Check that the two sides belong together, and lay them side by side."""
        before, after = planned.night, actual.night
        if before.grid != after.grid:
            spans = [f"{night.grid.starts[0]:%Y-%m-%d %H:%M}" for night in (before, after)]
            raise UserError(Message("retrospective.another_night", planned=spans[0], actual=spans[1]))
        if set(before.queues) != set(after.queues):
            strange = tuple(Term(queue) for queue in sorted(set(before.queues) ^ set(after.queues)))
            raise UserError(Message("retrospective.other_queues", queues=strange))
        if not planned.worth_cny:
            raise UserError(Message("retrospective.worthless_plan"))
        ids = [tuple(night.people["agent_id"]) for night in (before, after)]
        reference = None
        if planned.opening is not None and actual.opening is not None and planned.opening != actual.opening:
            reference = min(planned.opening, actual.opening)
        return cls(
            planned=planned,
            actual=actual,
            people=ids[0] if ids[0] == ids[1] else tuple(sorted({*ids[0], *ids[1]})),
            reference=reference,
            curves=_lay_curves(planned, actual, reference),
        )

    def side(self, driver: str, changed: frozenset[str]) -> NightFacts:
        """Return the side from which a driver comes."""
        return self.actual if driver in changed else self.planned

    def night(self, changed: frozenset[str]) -> PromoNight:
        """Make the night whose changed drivers are the actual ones."""
        grid = self.planned.night.grid
        forecast = self._forecast(changed)
        profile = self.side("shape", changed).night.minute_profile
        shape_side = self.side("shape", changed)
        if self.reference is not None and profile is not None:
            profile = _roll_profile(
                profile, grid, cast(pd.Timestamp, shape_side.opening), self.reference, self._first_s
            )
        if self.reference is not None:
            opening = cast(pd.Timestamp, self.side("opening", changed).opening)
            forecast = forecast.assign(
                origin=forecast["start"], start=_roll(forecast["start"], grid, self.reference, opening, self._first_s)
            )
            if profile is not None:
                profile = _roll_profile(profile, grid, self.reference, opening, self._first_s)
        bot, handling, outages = (
            self.side(driver, changed).night for driver in ("bot_net_share", "handling", "outages")
        )
        services = {
            queue: _mix_service(service, bot.services[queue], handling.services[queue])
            for queue, service in self.planned.night.services.items()
        }
        return replace(
            self.planned.night,
            forecast=forecast,
            services=services,
            people=self._people(changed),
            roster=without_absent(self.side("heads", changed).night.roster, self.side("absence", changed).absences),
            policy=handling.policy,
            disruptions=self._disruptions(outages),
            episodes=outages.episodes,
            deferrals=outages.deferrals,
            busyness_cv=self.side("contacts", changed).night.busyness_cv,
            minute_profile=profile,
        )

    @property
    def _first_s(self) -> float:
        return float(self.planned.night.grid.seconds(pd.DatetimeIndex([self.reference]))[0])

    @property
    def episodes(self) -> bool:
        """Return whether outages change who comes."""
        return any(side.night.episodes or side.night.deferrals for side in (self.planned, self.actual))

    def _forecast(self, changed: frozenset[str]) -> pd.DataFrame:
        """Give the day totals of one side the shares by interval of the other, on the clock of the reference."""
        totals, shape = ("contacts" in changed, "shape" in changed)
        curve = self.curves[shape]
        if totals == shape:
            return curve
        other = self.curves[totals].groupby("queue", observed=True)["contacts"].sum()
        own = curve.groupby("queue", observed=True)["contacts"].transform("sum")
        even = curve.groupby("queue", observed=True)["contacts"].transform("size")
        share = (curve["contacts"] / own.where(own > 0)).fillna(1.0 / even)  # a queue that got nobody has no shape
        return curve.assign(contacts=share * curve["queue"].map(other).astype(float))

    def _people(self, changed: frozenset[str]) -> pd.DataFrame:
        """Take skills from the side of the roster and pace from the side of the handling."""
        frames = [side.night.people.set_index("agent_id", drop=False) for side in (self.planned, self.actual)]
        main, spare = frames[::-1] if "heads" in changed else frames
        both = pd.concat([main, spare[~spare.index.isin(main.index)]]).loc[list(self.people)]
        pace, rest = frames[::-1] if "handling" in changed else frames
        for column in _PACE:
            if column in both and column in pace and column in rest:
                speeds = pd.concat([pace[column], rest.loc[~rest.index.isin(pace.index), column]])
                both[column] = speeds.loc[list(self.people)].to_numpy()
        return both.reset_index(drop=True)

    def _disruptions(self, night: PromoNight) -> Disruptions:
        """Renumber the agents of the disruptions to the rows of this mixture."""
        place = {agent_id: row for row, agent_id in enumerate(self.people)}
        new = np.array([place[agent_id] for agent_id in night.people["agent_id"]], dtype=np.int64)
        renamed = {}
        for column in fields(night.disruptions):
            rows = getattr(night.disruptions, column.name).copy()
            if len(rows) and "agent" in rows.dtype.names:
                rows["agent"] = new[rows["agent"]]
            renamed[column.name] = rows
        return Disruptions(**renamed)

    def values_cny(self, changed: frozenset[str]) -> np.ndarray:
        """Return what a contact of each queue is worth, in the order of the queues."""
        worth = 1.0
        for name in _WORTH:
            worth *= getattr(self.side(name, changed), name)
        plan = self.planned.night
        scale = worth / self.planned.worth_cny
        return np.array([plan.values_cny.get(queue, 0.0) * scale for queue in plan.queues])

    def differs(self, driver: str) -> bool:
        """Return whether a driver has another actual than planned value."""
        a, b = self.planned, self.actual
        if driver in _WORTH:
            return bool(getattr(a, driver) != getattr(b, driver))
        if driver in ("contacts", "shape"):
            one, two = (curve.pivot_table("contacts", "start", "queue", "sum", observed=True) for curve in self.curves)
            if driver == "contacts":
                same = np.allclose(one.sum(), two.sum(), rtol=1e-12, atol=0)
                return not (same and a.night.busyness_cv == b.night.busyness_cv)
            profiles = a.night.minute_profile, b.night.minute_profile
            same_minutes = profiles[0] is profiles[1] or (
                profiles[0] is not None and profiles[1] is not None and profiles[0].equals(profiles[1])
            )
            shares = [curve / curve.sum().where(curve.sum() > 0) for curve in (one, two)]
            came = [curve.sum() > 0 for curve in (one, two)]
            known = came[0] & came[1]
            return not (same_minutes and np.allclose(shares[0].loc[:, known], shares[1].loc[:, known], rtol=1e-9))
        if driver == "opening":
            return self.reference is not None
        if driver == "bot_net_share":
            return self._services_differ(_BOT)
        if driver == "heads":
            return not (_same_frame(a.night.roster, b.night.roster) and self._people_differ_not(exclude=_PACE))
        if driver == "absence":
            return _spans_of(a) != _spans_of(b)
        if driver == "handling":
            same_policy = repr(a.night.policy) == repr(b.night.policy)
            return self._services_differ(_HANDLING) or not same_policy or not self._people_differ_not(only=_PACE)
        one_d, two_d = (self._disruptions(side.night) for side in (a, b))
        same = all(np.array_equal(getattr(one_d, column.name), getattr(two_d, column.name)) for column in fields(one_d))
        return not (
            same
            and tuple(a.night.episodes) == tuple(b.night.episodes)
            and tuple(a.night.deferrals) == tuple(b.night.deferrals)
        )

    def _services_differ(self, names: Sequence[str]) -> bool:
        a, b = self.planned.night.services, self.actual.night.services
        return any(getattr(a[queue], name) != getattr(b[queue], name) for queue in a for name in names)

    def _people_differ_not(self, *, only: Sequence[str] = (), exclude: Sequence[str] = ()) -> bool:
        """Return whether the people whom both sides have are the same in what the floor reads of them."""
        frames = [side.night.people.set_index("agent_id") for side in (self.planned, self.actual)]
        both = frames[0].index.intersection(frames[1].index)
        read = only or [name for name in ("skill_1", "skill_2", "skill_3", *_PACE) if name not in exclude]
        columns = [name for name in read if all(name in frame for frame in frames)]
        return _same_frame(*(frame.loc[both, columns] for frame in frames))

    def described(self, driver: str) -> tuple[float, float]:
        """Return a driver's planned and actual value as one number each (units in the glossary)."""
        return _describe(self, driver, self.planned, 0), _describe(self, driver, self.actual, 1)


def _describe(mixture: _Mixture, driver: str, side: NightFacts, which: int) -> float:
    """Return a driver as one number: contacts, the busiest interval's share, minutes, hours, seconds, or its own."""
    night = side.night
    if driver in _WORTH:
        return float(getattr(side, driver))
    curve = mixture.curves[which]
    total = float(curve["contacts"].sum())
    by_queue = curve.groupby("queue", observed=True)["contacts"].sum()

    def weighted(name: Callable[[ChatService], float]) -> float:
        weights = [float(by_queue.get(queue, 0.0)) for queue in night.queues]
        values = [name(night.services[queue]) for queue in night.queues]
        return float(np.average(values, weights=weights)) if sum(weights) else float(np.mean(values))

    if driver == "contacts":
        return total
    if driver == "shape":
        return float(curve.groupby("start")["contacts"].sum().max() / total) if total else 0.0
    if driver == "opening":
        if mixture.reference is None or mixture.planned.opening is None or side.opening is None:
            return 0.0
        return float((side.opening - mixture.planned.opening).total_seconds() / 60)
    if driver == "bot_net_share":
        return weighted(lambda service: service.bot_net_share)
    if driver == "bot_gross_share":
        return weighted(lambda service: service.bot_share)
    if driver == "handling":
        return weighted(lambda service: service.replies_mean * service.reply_s)
    if driver == "heads":
        return _chat_hours(night.roster)
    if driver == "absence":
        return _chat_hours(night.roster) - _chat_hours(without_absent(night.roster, side.absences))
    return _down_hours(night)


def _down_hours(night: PromoNight) -> float:
    """Add up the hours that seats or the bot were down or slow, cut to the night."""
    last = float(night.grid.edges_s[-1])
    lost = 0.0
    for column in fields(night.disruptions):
        rows = getattr(night.disruptions, column.name)
        if len(rows):
            lost += float((np.minimum(rows["end"], last) - np.minimum(rows["start"], last)).sum())
    lost += sum(min(episode.end_s, last) - episode.start_s for episode in night.episodes)
    return lost / 3600


def _chat_hours(roster: pd.DataFrame) -> float:
    chat = roster[roster["activity"] == "chat"]
    return float((chat["end"] - chat["start"]).dt.total_seconds().sum() / 3600)


def _mix_service(service: ChatService, bot: ChatService, handling: ChatService) -> ChatService:
    taken = {name: getattr(bot, name) for name in _BOT} | {name: getattr(handling, name) for name in _HANDLING}
    return replace(service, **taken)


def _same_frame(one: pd.DataFrame, two: pd.DataFrame) -> bool:
    if one is two:
        return True
    read = [name for name in ("agent_id", "queue", "start", "end", "activity") if name in one and name in two]
    if not read:
        return bool(one.equals(two))
    return bool(
        one[read].sort_values(read).reset_index(drop=True).equals(two[read].sort_values(read).reset_index(drop=True))
    )


def _spans_of(side: NightFacts) -> set[tuple[str, pd.Timestamp, pd.Timestamp]]:
    return {(agent_id, start, end) for agent_id, start, end in side.absences}


def without_absent(roster: pd.DataFrame, absences: Sequence[tuple[str, pd.Timestamp, pd.Timestamp]]) -> pd.DataFrame:
    """Cut the absences out of a roster's segments; a new roster, the one given stays as it is."""
    for agent_id, start, end in absences:
        hit = (roster["agent_id"] == agent_id) & (roster["start"] < end) & (roster["end"] > start)
        if not hit.any():
            continue
        cut = roster[hit]
        before = cut.assign(end=cut["end"].where(cut["end"] < start, start))
        after = cut.assign(start=cut["start"].where(cut["start"] > end, end))
        left = [piece[piece["end"] > piece["start"]] for piece in (before, after)]
        roster = pd.concat([roster[~hit], *left], ignore_index=True)
    return roster


def _lay_curves(
    planned: NightFacts, actual: NightFacts, reference: pd.Timestamp | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bring both sides' contacts to the same rows, on the clock of the reference opening."""
    grid = planned.night.grid
    curves = []
    for side in (planned, actual):
        forecast = side.night.forecast
        inside = forecast[(forecast["start"] >= grid.opens) & (grid.seconds(forecast["start"]) < grid.edges_s[-1])]
        start = inside["start"]
        if reference is not None:
            first_s = float(grid.seconds(pd.DatetimeIndex([reference]))[0])
            start = _roll(start, grid, cast(pd.Timestamp, side.opening), reference, first_s)
        curve = pd.DataFrame(
            {"start": pd.DatetimeIndex(start), "queue": list(inside["queue"]), "contacts": list(inside["contacts"])}
        )
        curves.append(curve.groupby(["start", "queue"])["contacts"].sum().astype(float))
    rows = curves[0].index.union(curves[1].index)
    one, two = (curve.reindex(rows, fill_value=0.0).reset_index() for curve in curves)
    return one, two


def _roll(
    times: pd.Series | pd.DatetimeIndex, grid: Any, old: pd.Timestamp, new: pd.Timestamp, first_s: float
) -> pd.DatetimeIndex:
    """Move times with an opening: the night rolls from the earlier opening on, as the stress test's moved opening."""
    seconds = grid.seconds(times)
    shift_s = (new - old).total_seconds()
    length_s = grid.edges_s[-1] - first_s
    rolled = np.where(seconds < first_s, seconds, (seconds - first_s + shift_s) % length_s + first_s)
    return cast(pd.DatetimeIndex, grid.times(rolled))


def _roll_profile(profile: pd.Series, grid: Any, old: pd.Timestamp, new: pd.Timestamp, first_s: float) -> pd.Series:
    index = pd.DatetimeIndex(profile.index)
    inside = profile[(index >= grid.opens) & (grid.seconds(index) < grid.edges_s[-1])]
    return pd.Series(
        inside.to_numpy(), index=_roll(pd.DatetimeIndex(inside.index), grid, old, new, first_s)
    ).sort_index()


@dataclass(frozen=True, kw_only=True, eq=False)
class _FloorMeasure:
    """What the trees read of a night: contacts kept and missed by queue, buyers lost, the headline platform rate."""

    night: PromoNight

    def __call__(self, contacts: Contacts, agents: Agents, result: Any) -> Figures:
        """Measure one night."""
        night = self.night
        log = kpis.NightLog.of(contacts, agents, result, queues=night.queues, opens=night.grid.opens)
        ones = dict.fromkeys(night.queues, 1.0)
        kept, missed = kpis.sales(log, curve=night.curve, values_cny=ones, by=kpis.queue_groups(log))
        lost = sum(float(cast(float, part(log))) for part in (kpis.abandoned, kpis.silently_left, kpis.unserved))
        rate = kpis.platform_rate(log, night.rates[0]) if night.rates else math.nan
        queues = list(night.queues)
        by_queue = {
            name: cast(pd.Series, sales).reindex(queues, fill_value=0.0).to_numpy(dtype=float)
            for name, sales in (("kept", kept), ("missed", missed))
        }
        return {**by_queue, "lost": lost, "rate": rate}


def _simulate(
    mixture: _Mixture,
    needed: set[frozenset[str]],
    *,
    seed: int,
    nights: int,
    workers: int | None,
    on_progress: Callable[[int, int], object] | None,
) -> dict[frozenset[str], Mapping[str, np.ndarray]]:
    """Simulate each distinct floor once; floors with the same buyers draw them once."""
    floors = sorted({_floor(changed) for changed in needed}, key=lambda changed: (len(changed), sorted(changed)))
    crowds: dict[frozenset[str], list[frozenset[str]]] = {}
    for floor in floors:
        crowds.setdefault(_crowd(floor, episodes=mixture.episodes), []).append(floor)
    measure = _FloorMeasure(night=mixture.planned.night)
    measured: dict[frozenset[str], Mapping[str, np.ndarray]] = {}
    for same in crowds.values():
        versions = {floor: mixture.night(floor) for floor in same}
        buyers = versions[same[0]].buyers()
        variants = {
            str(index): Variant(
                draw=buyers.draw,
                agents=night.agents(),
                policy=night.policy,
                disruptions=night.disruptions,
                attend=night.attend(),
            )
            for index, night in enumerate(versions.values())
        }
        done = replicate_variants(
            variants, measure=measure, seed=seed, replications=nights, turns=bool(measure.night.rates), workers=workers
        )
        for index, floor in enumerate(same):
            measured[floor] = done[str(index)].figures
        if on_progress is not None:
            on_progress(len(measured), len(floors))
    return measured
