"""The promo model a second time: slow, by enumeration, from the page; it shares no code with simlib.

Rows are plain dicts with None for an empty cell, Decimals for amounts, ints for pieces, datetimes for instants.
Read beside the page, its sentences come in their order.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import combinations, product

BUYERS = ["all", "new", "member", "fan"]
KINDS = ["pieces", "store_reduction", "coupon", "platform_reduction", "platform_coupon"]
ALL_KINDS = [*KINDS, "unit_price", "deposit", "gift", "limit"]
ZERO = Decimal(0)
NUMBERS = ["threshold_cny", "threshold_pieces", "price_cny", "amount_cny", "percent", "cap_cny", "deposit_cny"]
NUMBERS += ["inflate", "gift_quantity", "stock", "limit_pieces"]


def cent(amount):
    """Round half up to the cent."""
    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def in_scope(goods, scope):
    """Return the skus that a scope names, None where it cannot be read or names nothing there is."""
    if scope == "all":
        return [g["sku"] for g in goods]
    if scope is not None and scope.startswith("category:"):
        category = scope[len("category:") :]
        return [g["sku"] for g in goods if g["category"] == category] or None
    if scope is not None and scope.startswith("sku:"):
        names = scope[len("sku:") :].split(";")
        return names if set(names) <= {g["sku"] for g in goods} else None
    return None


def wrong_good(good):
    """Return whether a row of goods has a wrong value."""
    if not good["list_price_cny"]:
        return True
    for name in good:
        number = good[name]
        if number is None or name in ("sku", "name", "category"):
            continue
        if number < 0 or (name.endswith("_cny") and number != round(number, 2)):
            return True
        if not name.endswith("_cny") and number != int(number):
            return True
    return False


def wrong_activity(a):
    """Return whether a row of activities has a wrong value, by the sentences of the table."""
    kind = a["kind"]
    prices = {name for name in ("price_cny", "amount_cny", "percent") if a[name] is not None}
    wrong = kind not in ALL_KINDS or a["buyers"] not in BUYERS or a["start"] is None or a["end"] is None
    if kind == "unit_price":
        wrong |= len(prices) != 1
    if kind in KINDS:
        wrong |= len(prices) != 1 or "price_cny" in prices
    if kind in ("limit", "gift", "deposit"):
        wrong |= bool(prices)
    if kind in ("limit", "deposit"):
        wrong |= bool(a["threshold_cny"]) or bool(a["threshold_pieces"])
    wrong |= a["percent"] is not None and not 0 < a["percent"] < 1
    for name in NUMBERS:
        number = a[name]
        if number is not None:
            wrong |= number < 0
            wrong |= name.endswith("_cny") and number * 100 != int(number * 100)
            wrong |= name in ("threshold_pieces", "gift_quantity", "stock", "limit_pieces") and number != int(number)
    wrong |= bool(a["threshold_cny"]) and a["amount_cny"] is not None and a["amount_cny"] > a["threshold_cny"]
    if kind == "deposit":
        wrong |= a["inflate"] is None or a["inflate"] < 1
        wrong |= any(a[name] is None for name in ("deposit_cny", "final_start", "final_end"))
    if kind == "gift":
        wrong |= a["gift_sku"] is None or a["gift_quantity"] is None
    if kind == "limit":
        wrong |= a["limit_pieces"] is None
    if a["repeat"]:
        wrong |= kind not in ("pieces", "store_reduction", "platform_reduction") or a["amount_cny"] is None
    return wrong


def wrong_time(a):
    """Return whether a window ends before it begins, or a final payment begins before the deposits end."""
    for first, last in (("start", "end"), ("claim_start", "claim_end"), ("final_start", "final_end")):
        if a[first] is not None and a[last] is not None and a[last] <= a[first]:
            return True
    return a["kind"] == "deposit" and a["final_start"] < a["end"]


class Sheet:
    """A sheet sorted into what counts and what is wrong."""

    def __init__(self, activities, goods):
        skus = Counter(g["sku"] for g in goods)
        ids = Counter(a["id"] for a in activities)
        self.bad_skus = sorted({g["sku"] for g in goods if wrong_good(g) or skus[g["sku"]] > 1})
        self.bad_ids = sorted({a["id"] for a in activities if wrong_activity(a) or ids[a["id"]] > 1})
        fine = [a for a in activities if a["id"] not in self.bad_ids]
        self.unknown = sorted(
            a["id"]
            for a in fine
            if in_scope(goods, a["scope"]) is None or (a["kind"] == "gift" and a["gift_sku"] not in skus)
        )
        fine = [a for a in fine if a["id"] not in self.unknown]
        self.times = sorted(a["id"] for a in fine if wrong_time(a))
        self.goods = {g["sku"]: g for g in goods if g["sku"] not in self.bad_skus}
        self.acts = []
        for a in fine:
            if a["id"] not in self.times:
                skus_of = {sku for sku in in_scope(goods, a["scope"]) if sku in self.goods}
                self.acts.append({**a, "skus": skus_of})


def window(a):
    """Return when an activity is in force."""
    return (a["final_start"], a["final_end"]) if a["kind"] == "deposit" else (a["start"], a["end"])


def in_force(a, at):
    """Return whether an activity is in force."""
    start, end = window(a)
    return start <= at < end


def counting(sheet, buyer, at):
    """List the activities that count."""
    found = []
    for a in sheet.acts:
        if not in_force(a, at) or a["buyers"] not in ("all", buyer):
            continue
        if a["kind"] in ("coupon", "platform_coupon"):
            claimed = a["claim_start"] is None or a["claim_start"] <= at
            if not claimed or a["stock"] == 0:
                continue
        found.append(a)
    return found


def broken(sheet, basket, buyer, at):
    """List the skus and limits that a basket breaks."""
    found = []
    for sku, quantity in basket.items():
        for name in ("limit_per_buyer", "stock"):
            most = sheet.goods[sku][name]
            if most is not None and quantity > most and sku not in found:
                found.append(sku)
    for a in counting(sheet, buyer, at):
        if a["kind"] == "limit" and sum(q for sku, q in basket.items() if sku in a["skus"]) > a["limit_pieces"]:
            found.append(a["id"])
    return sorted(found)


def asked(a, listed):
    """Return the unit price that an activity asks."""
    if a["price_cny"] is not None:
        return a["price_cny"]
    if a["amount_cny"] is not None:
        return max(listed - a["amount_cny"], ZERO)
    return cent(listed * (1 - a["percent"]))


def own_price(good, buyer):
    """Return the lowest of list, member and fan price."""
    own = good.get(f"{buyer}_price_cny")
    return good["list_price_cny"] if own is None else min(good["list_price_cny"], own)


def met(a, basket, worth):
    """Return whether the thresholds of an activity are met at some prices."""
    inside = [sku for sku in basket if sku in a["skus"]]
    pieces = sum(basket[sku] for sku in inside)
    total = sum((worth[sku] * basket[sku] for sku in inside), ZERO)
    return bool(inside) and pieces >= (a["threshold_pieces"] or 0) and total >= (a["threshold_cny"] or 0)


def price(sheet, basket, buyer, at):
    """Price a basket: dict with pay, steps, lines, gifts, refused."""
    if sheet.bad_ids or sheet.bad_skus:
        raise ValueError(min(sheet.bad_ids + sheet.bad_skus))
    return _price(sheet, dict(basket), buyer, at)


def _price(sheet, basket, buyer, at, deposits=True):
    basket = {sku: basket[sku] for sku in sorted(basket)}
    refused = broken(sheet, basket, buyer, at)
    if refused:
        return {"pay": None, "steps": [], "lines": [], "gifts": [], "refused": refused}
    acts = counting(sheet, buyer, at)
    listed = {sku: sheet.goods[sku]["list_price_cny"] for sku in basket}
    steps, unit = [], {}
    for sku, quantity in basket.items():
        offers = [(own_price(sheet.goods[sku], buyer), 0, "")]
        for a in acts:
            if a["kind"] == "unit_price" and sku in a["skus"] and met(a, basket, listed):
                offers.append((asked(a, listed[sku]), 1, a["id"]))
        unit[sku], _, by = min(offers)
        steps.append((by or None, (listed[sku] - unit[sku]) * quantity))
    u = {sku: unit[sku] * basket[sku] for sku in basket}

    costs = dict(u)
    for kind in KINDS:
        groups = {}
        for a in acts:
            if a["kind"] == kind:
                name = (1, a["group"]) if a["group"] is not None else (0, scope_name(a["scope"]))
                groups.setdefault(name, []).append(a)
        for name in sorted(groups):
            offers = []
            for a in groups[name]:
                if met(a, basket, unit):
                    offers.append((-nominal(a, basket, u), a["id"], a))
            if not offers:
                continue
            amount, _, a = min(offers, key=lambda offer: offer[:2])
            took = ZERO
            for sku, part in shares(-amount, {sku: u[sku] for sku in basket if sku in a["skus"]}).items():
                really = min(part, costs[sku])
                costs[sku] -= really
                took += really
            steps.append((a["id"], took))

    taken = {}
    for sku, quantity in basket.items() if deposits else ():
        offers = []
        for a in acts:
            if a["kind"] == "deposit" and sku in a["skus"]:
                owed = a["deposit_cny"] * quantity
                deduction = min(cent(a["deposit_cny"] * a["inflate"] * quantity), costs[sku])
                offers.append((owed - deduction, a["id"], deduction, owed))
        if offers:
            _, key, deduction, owed = min(offers)
            costs[sku] += owed - deduction
            taken[key] = taken.get(key, ZERO) + deduction
    steps += sorted(taken.items())
    gifts = sorted(
        (a["id"], a["gift_sku"], a["gift_quantity"]) for a in acts if a["kind"] == "gift" and met(a, basket, unit)
    )
    lines = [(sku, basket[sku], unit[sku], costs[sku]) for sku in basket]
    return {"pay": sum(costs.values(), ZERO), "steps": steps, "lines": lines, "gifts": gifts, "refused": []}


def scope_name(scope):
    """Spell a scope the same way whatever the order of its skus."""
    if scope.startswith("sku:"):
        return "sku:" + ";".join(sorted(set(scope[4:].split(";"))))
    return scope


def nominal(a, basket, u):
    """Return the nominal amount of an activity whose threshold is met."""
    total = sum((u[sku] for sku in basket if sku in a["skus"]), ZERO)
    pieces = sum(basket[sku] for sku in basket if sku in a["skus"])
    if a["percent"] is not None:
        amount = cent(a["percent"] * total)
    else:
        times = 1
        if a["repeat"]:
            full = []
            if a["threshold_cny"]:
                full.append(int((total / a["threshold_cny"]).to_integral_value(rounding=ROUND_FLOOR)))
            if a["threshold_pieces"]:
                full.append(pieces // a["threshold_pieces"])
            times = min(full) if full else 1
        amount = a["amount_cny"] * times
    if a["cap_cny"] is not None:
        amount = min(amount, a["cap_cny"])
    return min(amount, total)


def shares(amount, u):
    """Spread an amount over lines: exact fractions, down to the cent, the rest to the largest remainders."""
    total = sum(u.values(), ZERO)
    if not total:
        return dict.fromkeys(u, ZERO)
    exact = {sku: Fraction(amount) * Fraction(worth) / Fraction(total) * 100 for sku, worth in u.items()}
    cents = {sku: int(part) for sku, part in exact.items()}
    order = sorted(u, key=lambda sku: (-(exact[sku] - cents[sku]), sku))
    for sku in order[: int(amount * 100) - sum(cents.values())]:
        cents[sku] += 1
    return {sku: Decimal(count) / 100 for sku, count in cents.items()}


# --- conflicts


def instants(sheet, *, halfway=False):
    """List one instant of each stretch between changes, all of the sheet's together."""
    changes = set()
    for a in sheet.acts:
        changes |= {a[name] for name in ("start", "end", "final_start", "final_end", "claim_start") if a[name]}
    found = sorted(changes)
    return [at for at in found if any(in_force(a, at) for a in sheet.acts)]


def holdings(sheet, skus, buyer, at, *, beyond):
    """Enumerate holdings of the skus that are not refused, each up to a number of pieces that stands for no end."""
    for pieces in product(*(range(beyond + 1) for _ in skus)):
        basket = {sku: quantity for sku, quantity in zip(skus, pieces, strict=True) if quantity}
        if not broken(sheet, basket, buyer, at):
            yield basket


def plain_unit(sheet, sku, buyer, at):
    """Return a unit price by list, member, fan and activities without thresholds."""
    good = sheet.goods[sku]
    prices = [own_price(good, buyer)]
    for a in counting(sheet, buyer, at):
        simple = not a["threshold_cny"] and (a["threshold_pieces"] or 0) <= 1
        if a["kind"] == "unit_price" and sku in a["skus"] and simple:
            prices.append(asked(a, good["list_price_cny"]))
    return min(prices)


def conflicts(sheet, *, beyond):
    """List the conflicts as (kind, rows, basket, buyer, at, at_risk); ``beyond`` is above every finite bound."""
    found = [("wrong_value", (key,)) for key in sheet.bad_ids + sheet.bad_skus]
    found += [("unknown_scope", (key,)) for key in sheet.unknown]
    found += [("wrong_time", (key,)) for key in sheet.times]
    for a in sheet.acts:
        coupon = a["kind"] in ("coupon", "platform_coupon")
        late = a["claim_start"] is not None and a["claim_start"] >= a["end"]
        if coupon and (a["stock"] == 0 or late):
            found.append(("unclaimable", (a["id"],)))
    for a, b in combinations([a for a in sheet.acts if a["kind"] == "unit_price"], 2):
        simple = all(not x["threshold_cny"] and (x["threshold_pieces"] or 0) <= 1 for x in (a, b))
        first, second = sorted((a, b), key=lambda x: (x["start"], x["end"]))
        crossing = first["start"] < second["start"] < first["end"] < second["end"]
        differ = any(
            asked(a, sheet.goods[sku]["list_price_cny"]) != asked(b, sheet.goods[sku]["list_price_cny"])
            for sku in a["skus"] & b["skus"]
        )
        if simple and crossing and differ and a["buyers"] == b["buyers"]:
            found.append(("overlap", tuple(sorted((a["id"], b["id"])))))
    for a in sheet.acts:
        if a["kind"] == "unit_price" and any(
            asked(a, sheet.goods[sku]["list_price_cny"]) > sheet.goods[sku]["list_price_cny"] for sku in a["skus"]
        ):
            found.append(("above_list", (a["id"],)))
    found += _beyond_reach(sheet, beyond)
    found += _gifts(sheet)
    found += [("below_floor", *rest) for rest in _below_floor(sheet)]
    found += [("picture_price", *rest) for rest in _picture(sheet)]
    order = ["wrong_value", "unknown_scope", "wrong_time", "unclaimable", "overlap", "above_list"]
    order += ["limit_against_bundle", "unreachable", "gift_without_stock", "below_floor", "picture_price"]
    full = [(*row, None, None, None, None) if len(row) == 2 else row for row in found]
    return sorted(full, key=lambda row: (order.index(row[0]), row[1]))


def _beyond_reach(sheet, beyond):
    for a in sheet.acts:
        if a["kind"] in ("deposit", "limit"):
            continue
        too_few, worth_enough, counted = False, False, False
        for at, buyer in product(instants(sheet), BUYERS):
            if a["id"] not in [b["id"] for b in counting(sheet, buyer, at)]:
                continue
            counted = True
            most, dearest = 0, ZERO
            for basket in holdings(sheet, sorted(a["skus"]), buyer, at, beyond=beyond):
                most = max(most, sum(basket.values()))
                worth = ZERO
                for sku, quantity in basket.items():
                    listed = sheet.goods[sku]["list_price_cny"]
                    each = listed if a["kind"] == "unit_price" else plain_unit(sheet, sku, buyer, at)
                    # a quantity that only the enumeration ends has no end
                    worth += (Decimal(10**9) if quantity == beyond else quantity) * each
                dearest = max(dearest, worth)
            too_few |= (a["threshold_pieces"] or 0) > most
            worth_enough |= (a["threshold_cny"] or 0) <= dearest
        if counted and too_few:
            yield "limit_against_bundle", (a["id"],)
        elif counted and not worth_enough:
            yield "unreachable", (a["id"],)


def _gifts(sheet):
    gifts = [a for a in sheet.acts if a["kind"] == "gift"]
    empty = [a["id"] for a in gifts if a["stock"] == 0 and a["gift_quantity"] > 0]
    yield from (("gift_without_stock", (key,)) for key in empty)
    for sku, good in sheet.goods.items():
        left = [a for a in gifts if a["gift_sku"] == sku and a["id"] not in empty]
        while left:
            linked = [left.pop()]
            grown = True
            while grown:
                more = [a for a in left if any(max(a["start"], b["start"]) < min(a["end"], b["end"]) for b in linked)]
                left = [a for a in left if a not in more]
                linked += more
                grown = bool(more)
            promised = sum(a["gift_quantity"] * (1 if a["stock"] is None else a["stock"]) for a in linked)
            if good["stock"] is not None and good["stock"] < promised:
                yield "gift_without_stock", tuple(sorted(a["id"] for a in linked))


def _quantities(sheet, sku, buyer, at):
    good = sheet.goods[sku]
    found = {1, 2, 3}
    for a in counting(sheet, buyer, at):
        if sku not in a["skus"]:
            continue
        if a["threshold_pieces"]:
            found.add(a["threshold_pieces"])
        for quantity in range(1, 400) if a["threshold_cny"] else ():
            each = good["list_price_cny"] if a["kind"] == "unit_price" else _alone(sheet, sku, quantity, buyer, at)
            if each * quantity >= a["threshold_cny"]:
                found.add(quantity)
                break
    bounds = [good[name] for name in ("stock", "limit_per_buyer") if good[name] is not None]
    return [quantity for quantity in found if quantity <= min(bounds, default=quantity)]


def _alone(sheet, sku, quantity, buyer, at):
    """Return the unit price of a sku alone in a quantity, refused or not."""
    good = sheet.goods[sku]
    prices = [own_price(good, buyer)]
    for a in counting(sheet, buyer, at):
        if a["kind"] == "unit_price" and met(a, {sku: quantity}, {sku: good["list_price_cny"]}):
            prices.append(asked(a, good["list_price_cny"]))
    return min(prices)


def _below_floor(sheet):
    best = {}
    for at, buyer in product(instants(sheet), BUYERS):
        quantities = {sku: _quantities(sheet, sku, buyer, at) for sku in sheet.goods}
        baskets = [{sku: q} for sku in sheet.goods for q in quantities[sku]]
        for one, two in combinations(sheet.goods, 2):
            baskets += [{one: q, two: r} for q in quantities[one] for r in quantities[two]]
        for basket in baskets:
            for sku, quantity, _, net in _price(sheet, basket, buyer, at)["lines"]:
                floor = sheet.goods[sku]["floor_price_cny"]
                if floor is None or net >= floor * quantity:
                    continue
                (other,) = [key for key in basket if key != sku] or [""]
                rank = (Fraction(net) / quantity, sum(basket.values()), len(basket), other, at, BUYERS.index(buyer))
                rank += (quantity,)
                if sku not in best or rank < best[sku][0]:
                    best[sku] = (rank, basket, buyer, at)
    for sku, (rank, basket, buyer, at) in best.items():
        good = sheet.goods[sku]
        each = Fraction(good["floor_price_cny"]) - rank[0]
        total = each * (1 if good["stock"] is None else good["stock"]) * 100
        risk = Decimal(int(total + Fraction(1, 2))) / 100
        yield (sku,), sorted(basket.items()), buyer, at, risk


def _picture(sheet):
    for sku, good in sheet.goods.items():
        if good["picture_price_cny"] is None:
            continue
        for at in instants(sheet):
            shown = [
                a
                for a in sheet.acts
                if in_force(a, at) and a["buyers"] == "all" and sku in a["skus"] and a["kind"] in ("unit_price", *KINDS)
            ]
            if not shown:
                continue
            pay = _price(sheet, {sku: 1}, "all", at, deposits=False)["pay"]
            if pay is not None and pay > good["picture_price_cny"]:
                risk = (pay - good["picture_price_cny"]) * (1 if good["stock"] is None else good["stock"])
                yield (sku,), [(sku, 1)], "all", at, cent(risk)
                break


# --- random sheets

DAY = dt.datetime(2026, 11, 1)
GOOD_CELLS = ["sku", "name", "category", "list_price_cny", "picture_price_cny", "floor_price_cny"]
GOOD_CELLS += ["member_price_cny", "fan_price_cny", "stock", "limit_per_buyer"]
ACTIVITY_CELLS = ["id", "name", "kind", "scope", "buyers", "start", "end", "claim_start", "claim_end"]
ACTIVITY_CELLS += ["threshold_cny", "threshold_pieces", "price_cny", "amount_cny", "percent", "repeat", "cap_cny"]
ACTIVITY_CELLS += ["group", "deposit_cny", "inflate", "final_start", "final_end", "gift_sku", "gift_quantity"]
ACTIVITY_CELLS += ["stock", "limit_pieces"]


def random_sheet(rng, *, wrong=0.0):
    """Draw a small sheet full of ties, crossings and odd cents; ``wrong`` is the share of rows with a wrong cell."""
    skus = ["A", "B", "C", "D"][: rng.integers(1, 5)]
    goods = [_random_good(rng, sku) for sku in skus]
    activities = [_random_activity(rng, f"{number:02d}", skus) for number in range(rng.integers(0, 9))]
    for row in activities:
        if rng.random() < wrong:
            _spoil(rng, row, activities)
    for row in goods:
        if rng.random() < wrong / 2:
            name = rng.choice(GOOD_CELLS[3:])
            row[name] = rng.choice([Decimal("-1"), Decimal("1.005"), Decimal(0)])
            if name in ("stock", "limit_per_buyer") and row[name] != 0:
                row[name] = Decimal("1.5")
    if rng.random() < wrong / 4:
        goods.append(dict(goods[0]))
    return activities, goods


def _pick(rng, *choices):
    return choices[rng.integers(len(choices))]


def _money(rng, low, high):
    whole = Decimal(int(rng.integers(low, high + 1)))
    return whole + _pick(rng, Decimal(0), Decimal(0), Decimal("0.5"), Decimal("0.99"), Decimal("0.01"))


def _random_good(rng, sku):
    listed = _money(rng, 5, 200) if rng.random() < 0.7 else _pick(rng, Decimal(100), Decimal(50), Decimal(150))
    row = dict.fromkeys(GOOD_CELLS)
    row |= {"sku": sku, "name": f"good {sku}", "list_price_cny": listed, "category": _pick(rng, "x", "y", None)}
    for name, chance, low in (("picture", 0.4, 0.5), ("floor", 0.6, 0.3), ("member", 0.3, 0.6), ("fan", 0.3, 0.6)):
        if rng.random() < chance:
            share = Decimal(str(round(low + (1.05 - low) * rng.random(), 2)))
            row[f"{name}_price_cny"] = cent(listed * share)
    if rng.random() < 0.4:
        row["stock"] = int(rng.integers(0, 6))
    if rng.random() < 0.3:
        row["limit_per_buyer"] = int(rng.integers(0, 5))
    return row


def _random_scope(rng, skus):
    if rng.random() < 0.3:
        return "all"
    if rng.random() < 0.2:
        return _pick(rng, "category:x", "category:y")
    some = [sku for sku in skus if rng.random() < 0.5] or [skus[0]]
    rng.shuffle(some)
    return "sku:" + ";".join(some)


def _random_activity(rng, key, skus):
    kind = _pick(rng, "unit_price", "unit_price", *KINDS, *KINDS, "deposit", "gift", "limit")
    row = dict.fromkeys(ACTIVITY_CELLS)
    start = int(rng.integers(0, 6))
    row |= {"id": key, "name": kind, "kind": kind, "scope": _random_scope(rng, skus)}
    row["buyers"] = _pick(rng, "all", "all", "all", *BUYERS[1:])
    row |= {"start": DAY + dt.timedelta(days=start), "end": DAY + dt.timedelta(days=start + int(rng.integers(1, 6)))}
    if kind in KINDS or kind in ("unit_price", "gift"):
        if rng.random() < 0.5:
            row["threshold_cny"] = _money(rng, 20, 400)
        if rng.random() < 0.4:
            row["threshold_pieces"] = int(rng.integers(0, 6))
    if kind in KINDS or kind == "unit_price":
        most = int(row["threshold_cny"] or 100)
        if rng.random() < 0.4:
            row["percent"] = Decimal(int(rng.integers(1, 999))) / 1000
        elif kind == "unit_price" and rng.random() < 0.6:
            row["price_cny"] = _money(rng, 1, 120)
        else:
            row["amount_cny"] = Decimal(int(rng.integers(0, max(most, 1) * 2))) / 2
            row["repeat"] = _pick(rng, None, True, False) if kind in REPEATS else None
    if kind in KINDS:
        row["group"] = _pick(rng, None, None, "g", "h")
        row["cap_cny"] = _money(rng, 1, 80) if rng.random() < 0.2 else None
    if kind in ("coupon", "platform_coupon"):
        row["stock"] = _pick(rng, None, None, None, 0, 7)
        if rng.random() < 0.4:
            row["claim_start"] = DAY + dt.timedelta(days=int(rng.integers(-3, 9)))
        if rng.random() < 0.3:
            row["claim_end"] = DAY + dt.timedelta(days=int(rng.integers(0, 12)))
    if kind == "deposit":
        row |= {"deposit_cny": _money(rng, 1, 40), "inflate": _pick(rng, 1, Decimal("1.5"), 2, Decimal("1.333"))}
        final = row["end"] + dt.timedelta(days=int(rng.integers(0, 3)))
        row |= {"final_start": final, "final_end": final + dt.timedelta(days=int(rng.integers(1, 4)))}
    if kind == "gift":
        row |= {"gift_sku": _pick(rng, *skus), "gift_quantity": int(rng.integers(1, 3))}
        row["stock"] = _pick(rng, None, 0, 2, 5)
    if kind == "limit":
        row["limit_pieces"] = int(rng.integers(0, 5))
    return row


REPEATS = ("pieces", "store_reduction", "platform_reduction")


def _spoil(rng, row, activities):
    """Make one thing of a row wrong, or odd in a way that may be allowed."""
    name = _pick(rng, *ACTIVITY_CELLS[1:], "id", "scope", "end", "percent")
    if name == "id" and len(activities) > 1:
        row["id"] = _pick(rng, *activities)["id"]
    elif name in ("start", "end", "claim_start", "claim_end", "final_start", "final_end"):
        row[name] = _pick(rng, None, DAY + dt.timedelta(days=int(rng.integers(-2, 12))))
    elif name == "scope":
        row[name] = _pick(rng, None, "all;", "sku:A;Z", "category:z", "sku:", "A", "sku:A;")
    elif name in ("kind", "buyers"):
        row[name] = _pick(rng, None, "vip", "all", "gift", "limit")
    elif name == "gift_sku":
        row[name] = _pick(rng, None, "Z", "A")
    elif name == "repeat":
        row[name] = True
    elif name == "percent":
        row[name] = _pick(rng, None, Decimal(1), Decimal(0), Decimal("1.2"), Decimal("0.1"))
    elif name not in ("name", "group", "id"):
        row[name] = _pick(rng, None, Decimal("-1"), Decimal("2.5"), Decimal("10.005"), Decimal(0), Decimal(3))
