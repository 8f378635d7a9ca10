"""Find what is wrong with a sheet of promo rules: each conflict with its rows, the basket that shows it, the money.

The kinds and what each of them means are those of the promo model. Prices below the floor are searched in baskets of
one or two skus; what a second sku can bring is bounded first, so that a sheet in order is searched quickly and the
answer is the one that trying every basket would give.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import chain, combinations, pairwise, zip_longest
from typing import Any, NamedTuple

import pandas as pd

from simlib.readiness.holdings import largest_holding
from simlib.readiness.prices import InForce, breaks_limits, cost_lines
from simlib.readiness.rules import (
    BUYERS,
    COUPONS,
    REDUCING,
    Activity,
    PromoSheet,
    read_promo_sheet,
    round_half_up,
    to_cny,
)
from simlib.store.problems import Problem

CONFLICT_KINDS = (
    "wrong_value",
    "unknown_scope",
    "wrong_time",
    "unclaimable",
    "overlap",
    "above_list",
    "limit_against_bundle",
    "unreachable",
    "gift_without_stock",
    "below_floor",
    "picture_price",
)
COLUMNS = ["kind", "rows", "basket", "buyer", "at", "at_risk_cny", "lowered_by"]
WITH_THRESHOLDS = ("unit_price", *REDUCING, "gift")


class _Found(NamedTuple):
    """One row of the result."""

    kind: str
    rows: tuple[str, ...]
    basket: list[tuple[str, int]] | None = None
    buyer: str | None = None
    at: pd.Timestamp | None = None
    at_risk_cny: Decimal | None = None
    lowered_by: tuple[str, ...] = ()


def find_conflicts(activities: pd.DataFrame | PromoSheet, goods: pd.DataFrame | None = None) -> pd.DataFrame:
    """Find every conflict of a sheet of activities.

    Parameters
    ----------
    activities, goods : pandas.DataFrame
        As `read_promo_sheet` takes them; a sheet that is read already may stand for both.

    Returns
    -------
    pandas.DataFrame
        kind (of `CONFLICT_KINDS`, in their order), rows (sorted tuple of ids or skus), basket (sorted list of (sku,
        quantity)), buyer, at, at_risk_cny (Decimal), each None where a kind has none; lowered_by (sorted tuple of the
        ids of the activities that take something off a good below its floor; empty for every other kind, and where
        the good's own price is below it). A clean sheet gives no row.

    Examples
    --------
    >>> goods = pd.DataFrame({"sku": ["A"], "list_price_cny": [100], "floor_price_cny": [80], "stock": [50]})
    >>> day = {"buyers": "all", "scope": "all", "start": "2026-11-01", "end": "2026-11-12"}
    >>> coupon = {"id": "C", "kind": "coupon", "amount_cny": 30, **day}
    >>> found = find_conflicts(pd.DataFrame([coupon]), goods)
    >>> found.loc[0, ["kind", "rows", "basket", "buyer", "at_risk_cny"]].tolist()
    ['below_floor', ('A',), [('A', 1)], 'all', Decimal('500.00')]
    """
    if isinstance(activities, PromoSheet):
        sheet = activities
    elif goods is None:
        raise TypeError("goods must be given with a frame of activities")
    else:
        sheet = read_promo_sheet(activities, goods)
    found = [_Found("wrong_value", (key,)) for key in (*sheet.wrong_activities, *sheet.wrong_goods)]
    found += [_Found("unknown_scope", (key,)) for key in sheet.unknown_scope]
    found += [_Found("wrong_time", (key,)) for key in sheet.wrong_time]
    found += [_Found("unclaimable", (activity.id,)) for activity in sheet.activities if _is_unclaimable(activity)]
    found += _find_overlaps(sheet)
    found += _find_above_list(sheet)
    found += _find_beyond_reach(sheet)
    found += _find_gifts_without_stock(sheet)
    clock = _Clock(sheet)
    found += _find_below_floor(sheet, clock)
    found += _find_above_picture(sheet, clock)
    found.sort(key=lambda row: (CONFLICT_KINDS.index(row.kind), row.rows))
    return pd.DataFrame(found, columns=COLUMNS, dtype=object)


def ask_stacking(activities: pd.DataFrame, goods: pd.DataFrame) -> list[Problem]:
    """Ask about coupons of one kind and one threshold that a basket takes both of, their groups being different.

    That is no conflict of the promo model, which prices it as it stands; it is worth asking whether it is meant.

    Parameters
    ----------
    activities : pandas.DataFrame
        The sheet of the readiness workbook, with the number of each row.
    """
    row_of = dict(zip(activities["id"].map(str), activities["row"], strict=True))
    by_threshold: dict[tuple[str, int], list[Activity]] = defaultdict(list)
    for activity in read_promo_sheet(activities, goods).activities:
        if activity.kind in COUPONS and not _is_unclaimable(activity):
            by_threshold[activity.kind, activity.threshold_cents].append(activity)
    asked = []
    for one, other in chain.from_iterable(combinations(coupons, 2) for coupons in by_threshold.values()):
        meet = one.start < other.end and other.start < one.end
        both = one.buyers == other.buyers or "all" in (one.buyers, other.buyers)
        if meet and both and one.group_order != other.group_order and one.skus & other.skus:
            values = {"name": one.name, "other": other.name, "threshold": f"{one.threshold_cents / 100:g}"}
            place: dict[str, Any] = {"sheet": "activities", "row": int(row_of[other.id]), "column": "group"}
            asked.append(Problem(message="coupons_add_up", value=other.group or "", values=values, **place))
    return asked


def _is_unclaimable(activity: Activity) -> bool:
    if activity.kind not in COUPONS:
        return False
    return activity.stock == 0 or (activity.claim_start is not None and activity.claim_start >= activity.end)


# --- unit prices that cross, and that are no reduction


def _find_overlaps(sheet: PromoSheet) -> Iterator[_Found]:
    """Find pairs of plain unit prices whose windows cross and that ask different prices for a common sku."""
    by_buyers: dict[str, list[Activity]] = defaultdict(list)
    for activity in sheet.activities:
        if activity.kind == "unit_price" and activity.simple:
            by_buyers[activity.buyers].append(activity)

    @cache
    def common(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
        return one & other

    for prices in by_buyers.values():
        prices.sort(key=lambda activity: activity.start)
        starts = [activity.start for activity in prices]
        for number, one in enumerate(prices):
            for other in prices[bisect_right(starts, one.start, number) : bisect_left(starts, one.end, number)]:
                if other.end <= one.end:
                    continue
                shared = common(one.skus, other.skus)
                if shared and _ask_differently(one, other, shared, sheet):
                    first, second = sorted((one.id, other.id))
                    yield _Found("overlap", (first, second))


def _ask_differently(one: Activity, other: Activity, shared: frozenset[str], sheet: PromoSheet) -> bool:
    if one.price_cents is not None and other.price_cents is not None:
        return one.price_cents != other.price_cents
    listed = {sheet.goods[sku].list_cents for sku in shared}
    return any(one.asks_cents(cents) != other.asks_cents(cents) for cents in listed)


def _find_above_list(sheet: PromoSheet) -> Iterator[_Found]:
    for activity in sheet.activities:
        asked = activity.price_cents if activity.kind == "unit_price" else None
        if asked is not None and any(asked > sheet.goods[sku].list_cents for sku in activity.skus):
            yield _Found("above_list", (activity.id,))


# --- thresholds that nobody reaches


def _find_beyond_reach(sheet: PromoSheet) -> Iterator[_Found]:
    """Find thresholds above what any holding has that is not refused: pieces first, worth where pieces are enough."""
    lowest = {sku: _lowest_unit(sku, sheet) for sku in sheet.goods}
    for activity in sheet.activities:
        if activity.kind not in WITH_THRESHOLDS:
            continue
        if activity.threshold_pieces and _lacks_pieces(activity, sheet):
            yield _Found("limit_against_bundle", (activity.id,))
        elif activity.threshold_cents and _lacks_worth(activity, sheet, lowest):
            yield _Found("unreachable", (activity.id,))


def _lowest_unit(sku: str, sheet: PromoSheet) -> int:
    """Return the least that a piece can ever count at its unit price."""
    good = sheet.goods[sku]
    asked = [activity.asks_cents(good.list_cents) for activity in sheet.touching[sku] if activity.kind == "unit_price"]
    return min([good.base_cents("member"), good.base_cents("fan"), *asked])


def _moments(activity: Activity, others: Iterable[Activity]) -> Iterator[tuple[int, str]]:
    """Walk through the instants and buyers for which an activity counts and others may begin or cease to count."""
    start, end = activity.window
    if activity.claim_start is not None and activity.kind in COUPONS:
        start = max(start, activity.claim_start)
    inside = {start, *(at for other in others for at in other.window if start < at < end)}
    for at in sorted(inside):
        for buyer in BUYERS:
            if activity.counts(at, buyer):
                yield at, buyer


def _limits_on(skus: frozenset[str], sheet: PromoSheet) -> list[Activity]:
    found = {limit.id: limit for sku in skus for limit in sheet.touching[sku] if limit.kind == "limit"}
    return list(found.values())


def _lacks_pieces(activity: Activity, sheet: PromoSheet) -> bool:
    """Return whether at some instant somebody for whom the activity counts cannot have enough pieces in its scope."""
    limits = _limits_on(activity.skus, sheet)
    ones = dict.fromkeys(activity.skus, 1)
    most = {sku: sheet.goods[sku].most for sku in activity.skus}
    known: dict[tuple[str, ...], int | float] = {}
    for at, buyer in _moments(activity, limits):
        on = [limit for limit in limits if limit.counts(at, buyer)]
        key = tuple(limit.id for limit in on)
        if key not in known:
            bounds = [(limit.skus, limit.limit_pieces) for limit in on]
            known[key] = largest_holding(ones, most=most, limits=bounds)
        if known[key] < activity.threshold_pieces:
            return True
    return False


def _lacks_worth(activity: Activity, sheet: PromoSheet, lowest: dict[str, int]) -> bool:
    """Return whether an activity counts for somebody, and never for goods that are worth enough."""
    limits = _limits_on(activity.skus, sheet)
    limited = {sku for limit in limits for sku in limit.skus}
    most = {sku: sheet.goods[sku].most for sku in activity.skus}
    at_list = activity.kind == "unit_price"
    endless = [sku for sku in activity.skus if most[sku] is None and sku not in limited]
    if any(at_list or lowest[sku] > 0 for sku in endless):
        return False
    plain = [] if at_list else _plain_prices_on(activity.skus, sheet)
    counted = False
    for at, buyer in _moments(activity, [*limits, *plain]):
        counted = True
        prices = [price for price in plain if price.counts(at, buyer)]
        worths = {}
        for sku in activity.skus:
            good = sheet.goods[sku]
            asked = [price.asks_cents(good.list_cents) for price in prices if sku in price.skus]
            worths[sku] = good.list_cents if at_list else min([good.base_cents(buyer), *asked])
        bounds = [(limit.skus, limit.limit_pieces) for limit in limits if limit.counts(at, buyer)]
        if largest_holding(worths, most=most, limits=bounds) >= activity.threshold_cents:
            return False
    return counted


def _plain_prices_on(skus: frozenset[str], sheet: PromoSheet) -> list[Activity]:
    found = {
        price.id: price for sku in skus for price in sheet.touching[sku] if price.kind == "unit_price" and price.simple
    }
    return list(found.values())


# --- gifts


def _find_gifts_without_stock(sheet: PromoSheet) -> Iterator[_Found]:
    """Find gift activities whose own row has none to give, and those that promise more than the gift's stock."""
    by_sku: dict[str, list[Activity]] = defaultdict(list)
    for activity in sheet.activities:
        if activity.kind != "gift":
            continue
        if activity.stock == 0 and activity.gift_quantity:
            yield _Found("gift_without_stock", (activity.id,))
        elif activity.gift_sku in sheet.goods:
            by_sku[str(activity.gift_sku)].append(activity)
    for sku, gifts in by_sku.items():
        stock = sheet.goods[sku].stock
        for linked in _link_windows(gifts):
            promised = sum(gift.gift_quantity * (1 if gift.stock is None else gift.stock) for gift in linked)
            if stock is not None and stock < promised:
                yield _Found("gift_without_stock", tuple(sorted(gift.id for gift in linked)))


def _link_windows(activities: list[Activity]) -> Iterator[list[Activity]]:
    """Split activities into those that are linked by windows with an instant in common."""
    linked: list[Activity] = []
    until = -math.inf
    for activity in sorted(activities, key=lambda activity: activity.start):
        if linked and activity.start >= until:
            yield linked
            linked = []
        until = activity.end if not linked else max(until, activity.end)
        linked.append(activity)
    if linked:
        yield linked


# --- prices below the floor


class _Clock:
    """The stretches of the sheet's time in which anything is in force."""

    def __init__(self, sheet: PromoSheet) -> None:
        self.sheet = sheet
        self.spans: list[tuple[int, int]] = []
        for start, end in sorted(activity.window for activity in sheet.activities):
            if self.spans and start <= self.spans[-1][1]:
                self.spans[-1] = (self.spans[-1][0], max(end, self.spans[-1][1]))
            else:
                self.spans.append((start, end))
        self._ends = [end for _, end in self.spans]

    def stretches(
        self, activities: Iterable[Activity], *, start: int | None = None, end: int | None = None
    ) -> list[int]:
        """Return the first instants at which something is in force of each stretch that activities leave alike."""
        if not self.spans:
            return []
        low = self.spans[0][0] if start is None else start
        high = self.spans[-1][1] if end is None else end
        changes = {low, *(at for activity in activities for at in activity.changes if low < at < high)}
        ordered = [*sorted(changes), high]
        found = []
        for begins, ends in pairwise(ordered):
            at = self._first_in_force(begins)
            if at is not None and at < ends:
                found.append(at)
        return found

    def _first_in_force(self, at: int) -> int | None:
        place = bisect_right(self._ends, at)
        return max(at, self.spans[place][0]) if place < len(self.spans) else None


class _Best(NamedTuple):
    """The lowest net price of a piece so far, in the order in which ties are broken."""

    net: Fraction
    pieces: int
    skus: int
    other: str
    at: int
    buyer: int
    quantity: int
    basket: tuple[tuple[str, int], ...]


def _find_below_floor(sheet: PromoSheet, clock: _Clock) -> Iterator[_Found]:
    search = _FloorSearch(sheet, clock)
    for sku, good in sheet.goods.items():
        if good.floor_cents is None or good.most == 0:
            continue
        best = search.lowest(sku, good.floor_cents)
        if best is None:
            continue
        stock = 1 if good.stock is None else good.stock
        risk = to_cny(round_half_up((good.floor_cents - best.net) * stock))
        at = sheet.instants[best.at]
        lowering = search.name_lowering(sku, best)
        yield _Found("below_floor", (sku,), sorted(best.basket), BUYERS[best.buyer], at, risk, lowering)


class _FloorSearch:
    """Search the baskets of one or two skus for the lowest net price of a piece."""

    def __init__(self, sheet: PromoSheet, clock: _Clock) -> None:
        self.sheet = sheet
        self.clock = clock
        self.lowest_unit = {sku: _lowest_unit(sku, sheet) for sku in sheet.goods}
        self.rates = {activity.id: self._rate(activity) for activity in sheet.activities if activity.kind in REDUCING}
        self._quantities: dict[tuple[str, int, tuple[str, ...]], list[int]] = {}

    def lowest(self, sku: str, floor_cents: int) -> _Best | None:
        """Return the lowest net price of a piece of a sku below its floor, None where there is none."""
        touching = self.sheet.touching[sku]
        best: _Best | None = None
        moments = []
        seen: set[tuple[int, tuple[str, ...]]] = set()
        instants = self.clock.stretches(touching)
        for at, following in zip_longest(instants, instants[1:]):
            for buyer in range(len(BUYERS)):
                counting = self._counting(touching, at, buyer)
                key = self._key(sku, counting, buyer)
                moments.append((at, following, buyer, counting))
                if key not in seen:
                    seen.add(key)
                    best = self._try(sku, None, at, buyer, counting, (), best, floor_cents)
        bounds: dict[tuple[int, tuple[str, ...]], float] = {}
        tried: set[tuple[str, tuple[int, tuple[str, ...]], tuple[int, tuple[str, ...]]]] = set()
        for at, ends, buyer, counting in moments:
            key = self._key(sku, counting, buyer)
            if key not in bounds:
                bounds[key] = self._bound(sku, counting, key[0])
            if bounds[key] >= floor_cents or (best is not None and bounds[key] > best.net):
                continue
            for other in sorted(self._linked(sku, counting)):
                best = self._try_pairs(sku, other, (at, ends), buyer, counting, key, tried, best, floor_cents)
        return best

    def name_lowering(self, sku: str, best: _Best) -> tuple[str, ...]:
        """Return the ids of the activities that take something off a sku in the basket that was found, sorted."""
        goods = self.sheet.goods
        skus, quantities = zip(*best.basket, strict=True)
        touching = {activity.id: activity for key in skus for activity in self.sheet.touching[key]}
        counting = self._counting((touching[key] for key in sorted(touching)), best.at, best.buyer)
        bases = [goods[key].base_cents(BUYERS[best.buyer]) for key in skus]
        lists = [goods[key].list_cents for key in skus]
        costs = cost_lines(skus, quantities, bases, lists, InForce.of(counting))
        unit_by = costs.unit_by[skus.index(sku)]
        taking = [] if unit_by is None else [unit_by]
        taking += [activity for activity, taken in costs.reductions if taken > 0 and sku in activity.skus]
        taking += [activity for activity, off, paid in costs.deductions if off > paid and sku in activity.skus]
        return tuple(sorted(activity.id for activity in taking))

    def _try_pairs(
        self,
        sku: str,
        other: str,
        stretch: tuple[int, int | None],
        buyer: int,
        counting: Sequence[Activity],
        key: tuple[int, tuple[str, ...]],
        tried: set[Any],
        best: _Best | None,
        floor_cents: int,
    ) -> _Best | None:
        """Try the baskets of a sku and another over one stretch of the sku's own."""
        touching = self.sheet.touching[other]
        for at in self.clock.stretches(touching, start=stretch[0], end=stretch[1]):
            others = self._counting(touching, at, buyer)
            pair = (other, key, self._key(other, others, buyer))
            if pair not in tried:
                tried.add(pair)
                best = self._try(sku, other, at, buyer, counting, others, best, floor_cents)
        return best

    def _counting(self, activities: Iterable[Activity], at: int, buyer: int) -> list[Activity]:
        return [activity for activity in activities if activity.counts(at, BUYERS[buyer])]

    def _key(self, sku: str, counting: Iterable[Activity], buyer: int) -> tuple[int, tuple[str, ...]]:
        """Return what the costs of a sku hang on: the buyer's own price and the activities that count."""
        return self.sheet.goods[sku].base_cents(BUYERS[buyer]), tuple(activity.id for activity in counting)

    def _linked(self, sku: str, counting: Iterable[Activity]) -> set[str]:
        """Return the other skus that share an activity with a sku: without one, another sku lowers nothing."""
        linking = [a for a in counting if a.kind in REDUCING or (a.kind == "unit_price" and not a.simple)]
        found = {other for activity in linking for other in activity.skus}
        return {other for other in found - {sku} if self.sheet.goods[other].most != 0}

    def _try(
        self,
        sku: str,
        other: str | None,
        at: int,
        buyer: int,
        own: Sequence[Activity],
        others: Sequence[Activity],
        best: _Best | None,
        floor_cents: int,
    ) -> _Best | None:
        """Price the searched quantities of one basket's skus at one instant and keep the lowest."""
        goods = self.sheet.goods
        here = self._quantities_of(sku, own, buyer)
        if other is None:
            skus, choices = [sku], [[quantity] for quantity in here]
        else:
            there = self._quantities_of(other, others, buyer)
            skus = sorted((sku, other))
            pairs = ((one, two) for one in here for two in there)
            choices = [[one, two] if skus[0] == sku else [two, one] for one, two in pairs]
        place = skus.index(sku)
        merged = {activity.id: activity for activity in (*own, *others)}
        on = InForce.of(merged[key] for key in sorted(merged))
        bases = [goods[key].base_cents(BUYERS[buyer]) for key in skus]
        lists = [goods[key].list_cents for key in skus]
        for quantities in choices:
            if breaks_limits(skus, quantities, goods, on.limits):
                continue
            net = cost_lines(skus, quantities, bases, lists, on).nets[place]
            quantity = quantities[place]
            if net >= floor_cents * quantity:
                continue
            found = _Best(
                Fraction(net, quantity),
                sum(quantities),
                len(skus),
                other or "",
                at,
                buyer,
                quantity,
                tuple(zip(skus, quantities, strict=True)),
            )
            if best is None or found < best:
                best = found
        return best

    def _quantities_of(self, sku: str, counting: Sequence[Activity], buyer: int) -> list[int]:
        """Return the quantities of a sku that are searched while some activities count for a buyer."""
        key = (sku, *self._key(sku, counting, buyer))
        if key not in self._quantities:
            good = self.sheet.goods[sku]
            found = {1, 2, 3, *(activity.threshold_pieces for activity in counting if activity.threshold_pieces)}
            units = _units_by_quantity(good.base_cents(BUYERS[buyer]), good.list_cents, counting)
            for activity in counting:
                if activity.threshold_cents:
                    at_list = activity.kind == "unit_price"
                    first = _first_to_meet(activity.threshold_cents, [(1, good.list_cents)] if at_list else units)
                    if first is not None:
                        found.add(first)
            self._quantities[key] = sorted(quantity for quantity in found if good.most is None or quantity <= good.most)
        return self._quantities[key]

    def _bound(self, sku: str, counting: Sequence[Activity], base_cents: int) -> float:
        """Return less than a piece of the sku can cost beside any other sku, in cents."""
        good = self.sheet.goods[sku]
        unit = float(base_cents)
        rates: dict[tuple[int, int, str], float] = {}
        cents: dict[tuple[int, int, str], float] = {}
        gain = 0.0
        for activity in counting:
            if activity.kind == "unit_price":
                unit = min(unit, float(activity.asks_cents(good.list_cents)))
            elif activity.kind == "deposit":
                gain = max(gain, float(activity.deposit_cents * (activity.inflate - 1)) + 1)
            elif activity.kind in REDUCING:
                group = activity.group_order
                rate, amount = self.rates[activity.id]
                rates[group] = max(rate, rates.get(group, 0.0))
                cents[group] = max(amount, cents.get(group, 0.0))
        left = 1 - sum(rates.values())
        cost = unit * left - sum(cents.values()) if left > 0 else 0.0
        return max(cost, 0.0) - gain - 1e-6 * unit - 1e-3

    def _rate(self, activity: Activity) -> tuple[float, float]:
        """Return the most that a reduction takes off a piece: a share of its unit price, and cents on top.

        A share is bounded by that of the goods in scope: the amount over the threshold in CNY, or, by pieces, over
        the least that so many pieces are worth. One cent more is what rounding and spreading can add.
        """
        if activity.percent is not None:
            return float(activity.percent), 1.5
        assert activity.amount_cents is not None
        rates = []
        if activity.threshold_cents:
            rates.append((activity.amount_cents / activity.threshold_cents, 1.0))
        if activity.repeat and activity.threshold_pieces:
            least = min((self.lowest_unit[sku] for sku in activity.skus), default=0)
            if least:
                rates.append((activity.amount_cents / (activity.threshold_pieces * least), 1.0))
        if not activity.repeat or not (activity.threshold_cents or activity.threshold_pieces):
            rates.append((0.0, float(activity.amount_cents)))
        if activity.cap_cents is not None:
            rates.append((0.0, float(activity.cap_cents)))
        return min(rates, key=lambda rate: (rate[0] >= 1, rate[1] + 1e4 * rate[0]), default=(1.0, 0.0))


def _units_by_quantity(base_cents: int, list_cents: int, counting: Iterable[Activity]) -> list[tuple[int, int]]:
    """Return the unit price of a sku alone from each quantity on at which it changes, in cents."""
    asked = []
    for activity in counting:
        if activity.kind == "unit_price":
            by_worth = -(-activity.threshold_cents // list_cents)
            asked.append((max(1, activity.threshold_pieces, by_worth), activity.asks_cents(list_cents)))
    units = [(1, base_cents)]
    for quantity, cents in sorted(asked):
        if cents < units[-1][1]:
            if quantity == units[-1][0]:
                units.pop()
            units.append((quantity, cents))
    return units


def _first_to_meet(threshold_cents: int, units: Sequence[tuple[int, int]]) -> int | None:
    """Return the first quantity whose worth meets a threshold, None where no quantity does."""
    for number, (begins, cents) in enumerate(units):
        if cents == 0:
            return None
        first = max(begins, -(-threshold_cents // cents))
        if number + 1 == len(units) or first < units[number + 1][0]:
            return first
    return None


# --- prices above the main picture


def _find_above_picture(sheet: PromoSheet, clock: _Clock) -> Iterator[_Found]:
    """Find goods of which one piece alone costs everybody more than their main picture promises."""
    for sku, good in sheet.goods.items():
        if good.picture_cents is None:
            continue
        touching = sheet.touching[sku]
        shown = [
            activity for activity in touching if activity.buyers == "all" and activity.kind in WITH_THRESHOLDS[:-1]
        ]
        for at in clock.stretches(touching):
            if not any(activity.in_force(at) for activity in shown):
                continue
            counting = [a for a in touching if a.counts(at, "all") and a.kind != "deposit"]
            on = InForce.of(counting)
            if breaks_limits([sku], [1], sheet.goods, on.limits):
                continue
            (net,) = cost_lines([sku], [1], [good.list_cents], [good.list_cents], on).nets
            if net > good.picture_cents:
                stock = 1 if good.stock is None else good.stock
                risk = to_cny((net - good.picture_cents) * stock)
                yield _Found("picture_price", (sku,), [(sku, 1)], "all", sheet.instants[at], risk)
                break
