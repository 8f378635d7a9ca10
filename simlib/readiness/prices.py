"""Work out what a basket costs a buyer, step by step, as the promo model says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from numbers import Integral
from typing import Any, NamedTuple

import pandas as pd

from simlib.messages import Message, UserError
from simlib.readiness.rules import (
    BUYERS,
    REDUCING,
    Activity,
    Good,
    PromoSheet,
    read_id,
    read_instant,
    read_promo_sheet,
    round_half_up,
    to_cny,
)

Basket = Iterable[tuple[object, object]]


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a basket costs, and why.

    Attributes
    ----------
    pay_cny : Decimal or None
        Deposits included; None where the basket is refused.
    refused : list of str
        The skus and the ids of limits that the basket breaks, sorted.
    """

    pay_cny: Decimal | None
    refused: list[str]
    step_rows: tuple[tuple[str | None, Decimal], ...] = ()
    line_rows: tuple[tuple[str, int, Decimal, Decimal], ...] = ()
    gift_rows: tuple[tuple[str, str, int], ...] = ()
    deposit_rows: tuple[tuple[str, Decimal], ...] = ()

    @cached_property
    def steps(self) -> pd.DataFrame:
        """Return what each step took off: activity (None for list, member and fan prices), off_cny."""
        return pd.DataFrame(self.step_rows, columns=["activity", "off_cny"], dtype=object)

    @cached_property
    def lines(self) -> pd.DataFrame:
        """Return one row per sku: sku, quantity, unit_cny, net_cny (with its deposit)."""
        return pd.DataFrame(self.line_rows, columns=["sku", "quantity", "unit_cny", "net_cny"], dtype=object)

    @cached_property
    def gifts(self) -> pd.DataFrame:
        """Return the gifts by the id of their activity: sku, quantity."""
        index = pd.Index([row[0] for row in self.gift_rows], name="activity", dtype=object)
        return pd.DataFrame([row[1:] for row in self.gift_rows], columns=["sku", "quantity"], index=index, dtype=object)

    @cached_property
    def deposits(self) -> pd.DataFrame:
        """Return what is paid in advance: activity, deposit_cny."""
        return pd.DataFrame(self.deposit_rows, columns=["activity", "deposit_cny"], dtype=object)


def final_price(
    basket: Basket, *, activities: pd.DataFrame | PromoSheet, goods: pd.DataFrame | None = None, buyer: str, at: object
) -> Price:
    """Work out what a basket costs a buyer at an instant.

    Parameters
    ----------
    basket : iterable of (sku, quantity)
        A sku once, whole pieces; an empty basket costs 0.
    activities, goods : pandas.DataFrame
        As `read_promo_sheet` takes them; a sheet that is read already may stand for both.
    buyer : {"all", "new", "member", "fan"}
    at : datetime
        The instant of the order, for a deposit that of the final payment.

    Returns
    -------
    Price
        pay_cny, steps, lines, gifts, deposits, refused.

    Raises
    ------
    UserError
        A ValueError that names an unknown sku or buyer, a quantity that is no whole number of at least 1, a sku
        twice, and every wrong cell of the sheet; the smallest name first.

    Examples
    --------
    >>> goods = pd.DataFrame({"sku": ["A"], "list_price_cny": [1000]})
    >>> day = {"buyers": "all", "scope": "all", "start": "2026-11-01 00:00", "end": "2026-11-12 00:00"}
    >>> activities = pd.DataFrame([
    ...     {"id": "U", "kind": "unit_price", "price_cny": 899, **day},
    ...     {"id": "R", "kind": "store_reduction", "threshold_cny": 300, "amount_cny": 50, "repeat": True, **day},
    ... ])
    >>> price = final_price([("A", 1)], activities=activities, goods=goods, buyer="all", at="2026-11-11 00:00")
    >>> price.pay_cny, price.steps["off_cny"].tolist()
    (Decimal('799.00'), [Decimal('101.00'), Decimal('100.00')])
    """
    if isinstance(activities, PromoSheet):
        sheet = activities
    elif goods is None:
        raise TypeError("goods must be given with a frame of activities")
    else:
        sheet = read_promo_sheet(activities, goods)
    quantities = _check_order(list(basket), sheet, buyer)
    try:
        instant = read_instant(at)[0]
    except ValueError:
        raise UserError(Message("readiness.price_no_time", value=str(at))) from None
    counting = [activity for activity in sheet.activities if activity.counts(instant, buyer)]
    return price_order(quantities, goods=sheet.goods, counting=InForce.of(counting), buyer=buyer)


def _check_order(basket: Sequence[Any], sheet: PromoSheet, buyer: str) -> dict[str, int]:
    """Return the pieces by sku in the order of skus, or raise all that is wrong, the smallest name first."""
    wrong: list[tuple[str, Message]] = []
    quantities: dict[str, int] = {}
    for entry in basket:
        sku, quantity = read_id(entry[0]), _whole(entry[1])
        if sku in quantities:
            wrong.append((sku, Message("readiness.price_twice", sku=sku)))
        elif sku not in sheet.goods and sku not in sheet.wrong_goods:
            wrong.append((sku, Message("readiness.price_unknown_sku", sku=sku)))
        elif quantity is None:
            wrong.append((sku, Message("readiness.price_quantity", sku=sku, value=str(entry[1]))))
        quantities.setdefault(sku, quantity or 0)
    if buyer not in BUYERS:
        wrong.append((str(buyer), Message("readiness.price_buyer", buyer=str(buyer), allowed=BUYERS)))
    for cell in sheet.wrong_cells:
        found = Message("readiness.price_wrong_cell", row=cell.row, column=cell.column, value=cell.value)
        wrong.append((cell.row, found))
    if wrong:
        wrong.sort(key=lambda pair: pair[0])
        raise UserError(*(message for _, message in wrong))
    return {sku: quantities[sku] for sku in sorted(quantities)}


def _whole(quantity: object) -> int | None:
    """Return a whole number of at least 1, else None."""
    if isinstance(quantity, bool | str) or not isinstance(quantity, Integral | float | Decimal | Fraction):
        return None
    try:
        whole = int(quantity)
    except (ValueError, OverflowError):
        return None
    return whole if whole == quantity and whole >= 1 else None


# --- the five steps, in cents


class InForce(NamedTuple):
    """The activities that count for one buyer at one instant, sorted into the steps of a price."""

    limits: list[Activity]
    unit_prices: list[Activity]
    groups: list[list[Activity]]
    deposits: list[Activity]
    gifts: list[Activity]

    @classmethod
    def of(cls, counting: Iterable[Activity]) -> InForce:
        """Sort activities that come in the order of their ids."""
        by_kind: dict[str, list[Activity]] = {"limit": [], "unit_price": [], "deposit": [], "gift": []}
        groups: dict[tuple[int, int, str], list[Activity]] = {}
        for activity in counting:
            if activity.kind in REDUCING:
                groups.setdefault(activity.group_order, []).append(activity)
            else:
                by_kind[activity.kind].append(activity)
        ordered = [groups[order] for order in sorted(groups)]
        return cls(by_kind["limit"], by_kind["unit_price"], ordered, by_kind["deposit"], by_kind["gift"])


class Costs(NamedTuple):
    """What the lines of an order cost, in cents, and what each activity took."""

    units: list[int]
    unit_by: list[Activity | None]
    reductions: list[tuple[Activity, int]]
    deductions: list[tuple[Activity, int, int]]
    nets: list[int]


def breaks_limits(
    skus: Sequence[str], quantities: Sequence[int], goods: Mapping[str, Good], limits: Iterable[Activity]
) -> list[str]:
    """Return the skus and the ids of limits that an order breaks, sorted."""
    broken = []
    for sku, quantity in zip(skus, quantities, strict=True):
        most = goods[sku].most
        if most is not None and quantity > most:
            broken.append(sku)
    for limit in limits:
        pieces = sum(quantity for sku, quantity in zip(skus, quantities, strict=True) if sku in limit.skus)
        if pieces > limit.limit_pieces:
            broken.append(limit.id)
    return sorted(broken)


def cost_lines(
    skus: Sequence[str], quantities: Sequence[int], bases: Sequence[int], lists: Sequence[int], on: InForce
) -> Costs:
    """Work out steps 2 to 5 for lines in the order of their skus; nothing is refused here.

    Parameters
    ----------
    bases, lists : sequence of int
        The buyer's own price of a piece and its list price, in cents.
    on : InForce
    """
    lines = range(len(skus))
    units = list(bases)
    unit_by: list[Activity | None] = [None] * len(skus)
    for activity in on.unit_prices:
        inside = [line for line in lines if skus[line] in activity.skus]
        if not inside:
            continue
        pieces = sum(quantities[line] for line in inside)
        worth = sum(lists[line] * quantities[line] for line in inside)
        if not activity.is_met(cents=worth, pieces=pieces):
            continue
        for line in inside:
            asked = activity.asks_cents(lists[line])
            if asked < units[line]:
                units[line], unit_by[line] = asked, activity
    worths = [unit * quantity for unit, quantity in zip(units, quantities, strict=True)]
    left = list(worths)
    reductions = []
    for group in on.groups:
        best: Activity | None = None
        best_cents, best_inside = -1, lines
        for activity in group:
            inside = [line for line in lines if skus[line] in activity.skus]
            if not inside:
                continue
            cents = sum(worths[line] for line in inside)
            pieces = sum(quantities[line] for line in inside)
            if not activity.is_met(cents=cents, pieces=pieces):
                continue
            nominal = activity.nominal_cents(cents=cents, pieces=pieces)
            if nominal > best_cents:
                best, best_cents, best_inside = activity, nominal, inside  # type: ignore[assignment]
        if best is not None:
            taken = 0
            for line, part in zip(best_inside, spread(best_cents, [worths[at] for at in best_inside]), strict=True):
                really = min(part, left[line])
                left[line] -= really
                taken += really
            reductions.append((best, taken))
    deductions: dict[str, tuple[Activity, int, int]] = {}
    for line in lines:
        chosen: Activity | None = None
        saved, deducted, paid = 0, 0, 0
        for activity in on.deposits:
            if skus[line] not in activity.skus:
                continue
            advance = activity.deposit_cents * quantities[line]
            deduction = min(round_half_up(activity.inflate * advance), left[line])
            if chosen is None or deduction - advance > saved:
                chosen, saved, deducted, paid = activity, deduction - advance, deduction, advance
        if chosen is not None:
            left[line] += paid - deducted
            _, before, advance_before = deductions.get(chosen.id, (chosen, 0, 0))
            deductions[chosen.id] = (chosen, before + deducted, advance_before + paid)
    ordered = [deductions[key] for key in sorted(deductions)]
    return Costs(units, unit_by, reductions, ordered, left)


def spread(cents: int, worths: Sequence[int]) -> list[int]:
    """Spread cents over lines in proportion to their worth: downwards, the rest to the largest remainders.

    Examples
    --------
    >>> spread(1000, [10000, 5000]), spread(100, [1, 1, 1])
    ([667, 333], [34, 33, 33])
    """
    total = sum(worths)
    if total == 0:
        return [0] * len(worths)
    parts = [cents * worth // total for worth in worths]
    rest = cents - sum(parts)
    if rest:
        by_remainder = sorted(range(len(worths)), key=lambda line: (-(cents * worths[line] % total), line))
        for line in by_remainder[:rest]:
            parts[line] += 1
    return parts


def price_order(quantities: Mapping[str, int], *, goods: Mapping[str, Good], counting: InForce, buyer: str) -> Price:
    """Price an order whose skus come in order: refused, or every step with what it took."""
    skus, pieces = list(quantities), list(quantities.values())
    refused = breaks_limits(skus, pieces, goods, counting.limits)
    if refused:
        return Price(pay_cny=None, refused=refused)
    lists = [goods[sku].list_cents for sku in skus]
    costs = cost_lines(skus, pieces, [goods[sku].base_cents(buyer) for sku in skus], lists, counting)
    steps: list[tuple[str | None, Decimal]] = [
        (None if by is None else by.id, to_cny((listed - unit) * quantity))
        for by, listed, unit, quantity in zip(costs.unit_by, lists, costs.units, pieces, strict=True)
    ]
    steps += [(activity.id, to_cny(taken)) for activity, taken in costs.reductions]
    steps += [(activity.id, to_cny(deducted)) for activity, deducted, _ in costs.deductions]
    lines = [
        (sku, quantity, to_cny(unit), to_cny(net))
        for sku, quantity, unit, net in zip(skus, pieces, costs.units, costs.nets, strict=True)
    ]
    gifts = []
    for activity in counting.gifts:
        inside = [line for line, sku in enumerate(skus) if sku in activity.skus]
        worth = sum(costs.units[line] * pieces[line] for line in inside)
        if activity.is_met(cents=worth, pieces=sum(pieces[line] for line in inside)):
            gifts.append((activity.id, str(activity.gift_sku), activity.gift_quantity))
    return Price(
        pay_cny=to_cny(sum(costs.nets)),
        refused=[],
        step_rows=tuple(steps),
        line_rows=tuple(lines),
        gift_rows=tuple(gifts),
        deposit_rows=tuple((activity.id, to_cny(paid)) for activity, _, paid in costs.deductions),
    )
