"""What a basket costs: the known answers, the small print, laws that every price keeps, a second implementation."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simlib.messages import LANGS, UserError
from simlib.readiness import final_price, read_promo_sheet
from simlib.readiness.holdings import largest_holding
from tests.readiness.compare_prices import compare_sheet, frames
from tests.readiness.reference_prices import random_sheet

AT = dt.datetime(2026, 11, 11)
DAY = {"buyers": "all", "scope": "all", "start": dt.datetime(2026, 11, 1), "end": dt.datetime(2026, 11, 12)}


def good(sku="A", price="1000", **cells):
    """Make a row of goods."""
    return {"sku": sku, "list_price_cny": Decimal(price), **cells}


def price(basket, activities, goods, *, buyer="all", at=AT):
    """Price a basket of a sheet given as rows."""
    return final_price(basket, activities=pd.DataFrame(activities), goods=pd.DataFrame(goods), buyer=buyer, at=at)


def act(key, kind, **cells):
    """Make an activity that is in force on the day for everybody and everything."""
    return {"id": key, "kind": kind, **DAY, **cells}


LADDER = [
    act("U", "unit_price", price_cny=899),
    act("R", "store_reduction", threshold_cny=300, amount_cny=50, repeat="yes"),
    act("C", "coupon", threshold_cny=500, amount_cny=30),
    act("P", "platform_reduction", threshold_cny=300, amount_cny=50, repeat=True),
]
DEPOSIT = act(
    "D",
    "deposit",
    start=dt.datetime(2026, 10, 20),
    end=dt.datetime(2026, 10, 31),
    final_start=dt.datetime(2026, 10, 31, 20),
    final_end=dt.datetime(2026, 11, 12),
    deposit_cny=100,
    inflate=1.5,
)


def test_a_store_reduction_a_coupon_and_a_platform_reduction_are_measured_on_unit_prices() -> None:
    """899 less twice 50, less 30, less twice 50 is 669."""
    found = price([("A", 1)], LADDER, [good()])
    assert found.pay_cny == Decimal("669.00")
    assert found.steps["activity"].tolist() == ["U", "R", "C", "P"]
    assert found.steps["off_cny"].tolist() == [Decimal(101), Decimal(100), Decimal(30), Decimal(100)]


def test_a_deposit_is_counted_at_its_inflated_worth_and_paid_at_its_own() -> None:
    """A deposit of 100 that counts 150: 100 in advance and 519 at the final payment."""
    found = price([("A", 1)], [*LADDER, DEPOSIT], [good()])
    assert found.pay_cny == Decimal("619.00")
    assert found.steps.iloc[-1].tolist() == ["D", Decimal("150.00")]
    assert found.deposits.iloc[0].tolist() == ["D", Decimal("100.00")]
    assert found.lines["net_cny"].tolist() == [Decimal("619.00")]


def test_an_amount_is_spread_by_worth_down_to_the_cent() -> None:
    """10 off two lines at 100 and 50 leaves 93.33 and 46.67."""
    goods = [good("A", "100"), good("B", "50")]
    found = price([("B", 1), ("A", 1)], [act("C", "coupon", amount_cny=10)], goods)
    assert found.lines["net_cny"].tolist() == [Decimal("93.33"), Decimal("46.67")]


def test_the_steps_of_a_ladder_do_not_stack() -> None:
    """Of 30 from 300, 60 from 500 and 100 from 800 goods of 800 get 100, and 190 in groups of their own."""
    steps = [(30, 300), (60, 500), (100, 800)]
    ladder = [act(f"S{off}", "store_reduction", threshold_cny=threshold, amount_cny=off) for off, threshold in steps]
    assert price([("A", 1)], ladder, [good(price="800")]).pay_cny == Decimal(700)
    apart = [row | {"group": row["id"]} for row in ladder]
    assert price([("A", 1)], apart, [good(price="800")]).pay_cny == Decimal(610)


@pytest.mark.parametrize(("coupon", "net"), [(100, ["27.50", "42.50"]), (150, ["0.00", "42.50"])])
def test_what_a_line_cannot_take_is_lost_by_the_later_activity(coupon: int, net: list[str]) -> None:
    """A coupon for A after a reduction over both: A pays what is left, never less than nothing."""
    goods = [good("A", "150"), good("B", "50")]
    rows = [
        act("C", "coupon", scope="sku:A", amount_cny=coupon),
        act("R", "store_reduction", threshold_cny=200, amount_cny=30),
    ]
    found = price([("A", 1), ("B", 1)], rows, goods)
    assert found.lines["net_cny"].tolist() == [Decimal(one) for one in net]
    assert found.steps["off_cny"].tolist()[-1] == Decimal(min(coupon, 150) if coupon == 100 else "127.50")


def test_a_cap_ends_what_a_percentage_takes() -> None:
    """15 % off 899 with a cap of 100 is 799."""
    rows = [act("C", "coupon", percent="15%", cap_cny=100)]
    assert price([("A", 1)], rows, [good(price="899")]).pay_cny == Decimal(799)


def test_a_basket_over_a_limit_is_refused_with_all_that_it_breaks() -> None:
    """3 pieces where 2 are the limit have no price, and name the limit; stock and limit_per_buyer name the sku."""
    rows = [act("L", "limit", limit_pieces=2)]
    found = price([("A", 3)], rows, [good()])
    assert found.pay_cny is None
    assert found.refused == ["L"]
    assert [len(table) for table in (found.steps, found.lines, found.gifts)] == [0, 0, 0]
    assert price([("A", 3)], rows, [good(stock=2, limit_per_buyer=1)]).refused == ["A", "L"]


def test_coupons_of_different_scopes_stack() -> None:
    """20 off A and 20 off B leave 160 of 200."""
    rows = [act(f"C{sku}", "coupon", scope=f"sku:{sku}", amount_cny=20) for sku in "AB"]
    assert price([("A", 1), ("B", 1)], rows, [good("A", "100"), good("B", "100")]).pay_cny == Decimal(160)


def test_the_cart_takes_the_larger_coupon_of_a_group_even_where_it_costs_more() -> None:
    """41 off B takes the place of 40 off A, and B is worth only so much."""
    goods = [good("A", "100"), good("B", "41")]
    first = act("CA", "coupon", scope="sku:A", amount_cny=40, group="g")
    reduction = act("R", "store_reduction", scope="sku:B", amount_cny=41)
    second = act("CB", "coupon", scope="sku:B", amount_cny=41, group="g")
    basket = [("A", 1), ("B", 1)]
    assert price(basket, [first, reduction], goods).pay_cny == Decimal(60)
    assert price(basket, [first, reduction, second], goods).pay_cny == Decimal(100)


def test_equal_offers_go_to_the_smaller_id_and_to_no_activity_first() -> None:
    """A member price that equals an activity wins; of two activities the smaller id does."""
    rows = [act(key, "unit_price", price_cny=90, scope="sku:A") for key in ("U2", "U1")]
    found = price([("A", 1)], rows, [good(price="100", member_price_cny=90)])
    assert found.steps["activity"].tolist() == ["U1"]
    member = price([("A", 1)], rows, [good(price="100", member_price_cny=90)], buyer="member")
    assert member.steps["activity"].tolist() == [None]
    assert member.steps["off_cny"].tolist() == [Decimal(10)]


def test_members_fans_and_newcomers_get_their_own() -> None:
    """An activity for members is for nobody else; one for all is for each of them."""
    rows = [act("M", "coupon", amount_cny=10, buyers="member"), act("F", "unit_price", amount_cny=5, buyers="fan")]
    goods = [good(price="100", fan_price_cny="97.5")]
    paid = {buyer: price([("A", 1)], rows, goods, buyer=buyer).pay_cny for buyer in ("all", "new", "member", "fan")}
    assert paid == {"all": Decimal(100), "new": Decimal(100), "member": Decimal(90), "fan": Decimal(95)}


def test_an_activity_begins_with_its_start_and_is_over_at_its_end() -> None:
    """In force from the start on, no longer at the end; a coupon only once somebody could claim it."""
    rows = [act("C", "coupon", amount_cny=10, claim_start=dt.datetime(2026, 11, 5))]
    second = dt.timedelta(seconds=1)
    paid = [
        price([("A", 1)], rows, [good(price="100")], at=at).pay_cny
        for at in (DAY["start"], dt.datetime(2026, 11, 5) - second, dt.datetime(2026, 11, 5), DAY["end"] - second)
    ]
    assert paid == [Decimal(100), Decimal(100), Decimal(90), Decimal(90)]
    assert price([("A", 1)], rows, [good(price="100")], at=DAY["end"]).pay_cny == Decimal(100)
    assert price([("A", 1)], [rows[0] | {"stock": 0}], [good(price="100")]).pay_cny == Decimal(100)


def test_gifts_stand_by_the_id_of_their_activity() -> None:
    """A gift is given once per order that meets the threshold."""
    rows = [act("G", "gift", threshold_cny=150, gift_sku="B", gift_quantity=2)]
    goods = [good("A", "100"), good("B", "5")]
    assert price([("A", 1)], rows, goods).gifts.empty
    gifts = price([("A", 4)], rows, goods).gifts
    assert gifts.index.tolist() == ["G"]
    assert gifts.iloc[0].tolist() == ["B", 2]


def test_the_smaller_count_of_two_thresholds_repeats() -> None:
    """10 off for each full 50 and each 2 pieces: 5 pieces at 30 are three times 50 and two pairs."""
    rows = [act("R", "pieces", threshold_cny=50, threshold_pieces=2, amount_cny=10, repeat="是")]
    assert price([("A", 5)], rows, [good(price="30")]).pay_cny == Decimal(130)


def test_cells_of_every_make_give_the_same_price() -> None:
    """Floats as they are printed, text, numpy, zones, pandas' own missing values: one price."""
    start = pd.Timestamp("2026-11-01", tz="Asia/Shanghai")
    cells = {"price_cny": 88.1, "amount_cny": np.nan, "percent": None, "threshold_cny": pd.NA, "claim_start": pd.NaT}
    rows = [
        act("1", "unit_price", **cells)
        | {"id": 1, "start": start, "end": "2026-11-11 16:00:01+00:00", "limit_pieces": " "}
    ]
    goods = [good("7", price="100") | {"sku": 7, "list_price_cny": "￥1,00.0".replace(",", ""), "stock": np.int64(9)}]
    at = np.datetime64("2026-11-12T00:00:00")
    assert price([(7, np.int64(2))], rows, goods, at=at).pay_cny == Decimal("176.20")


def test_an_empty_basket_costs_nothing() -> None:
    """No goods, no price, no step."""
    found = price([], LADDER, [good()])
    assert found.pay_cny == 0
    assert found.refused == []
    assert found.steps.empty


@pytest.mark.parametrize(
    ("basket", "buyer", "name"),
    [
        ([("Z", 1)], "all", "Z"),
        ([("A", 0)], "all", "A"),
        ([("A", 1.5)], "all", "A"),
        ([("A", True)], "all", "A"),
        ([("A", float("nan"))], "all", "A"),
        ([("A", 1), ("A", 1)], "all", "A"),
        ([("A", 1)], "vip", "vip"),
    ],
)
def test_an_order_that_makes_no_sense_is_named(basket: list, buyer: str, name: str) -> None:
    """A ValueError names the sku or the buyer, in both languages."""
    with pytest.raises(ValueError, match=name) as error:
        price(basket, LADDER, [good()], buyer=buyer)
    assert isinstance(error.value, UserError)
    assert all(name in error.value.text(lang) for lang in LANGS)


def test_a_wrong_cell_anywhere_in_the_sheet_is_named_the_smallest_first() -> None:
    """Prices are not worked out from a sheet with a wrong cell, even of an activity that is not in force."""
    rows = [*LADDER, act("Q", "coupon", percent=15), act("K", "gift")]
    with pytest.raises(ValueError, match="K") as error:
        price([("A", 1)], rows, [good()])
    named = [message.fields["row"] for message in error.value.messages]
    assert named == sorted(named)
    assert {"K", "Q"} == set(named)


def test_a_time_that_cannot_be_read_is_named() -> None:
    """The instant of the order must be a time."""
    with pytest.raises(ValueError, match="soon"):
        price([("A", 1)], LADDER, [good()], at="soon")


def test_unknown_scopes_and_wrong_times_hold_for_nothing() -> None:
    """A scope that names an unknown sku holds for none of its skus; an activity that ends too early for no time."""
    rows = [
        act("S", "coupon", amount_cny=10, scope="sku:A;NONE"),
        act("T", "coupon", amount_cny=10, claim_start=DAY["end"], claim_end=DAY["start"]),
    ]
    assert price([("A", 1)], rows, [good(price="100")]).pay_cny == Decimal(100)


# --- laws


def some_sheet(seed: int):
    """Draw a sheet in order and its frames."""
    rows, goods = random_sheet(np.random.default_rng([18, seed]))
    return frames(rows, goods), [row["sku"] for row in goods]


BASKETS = st.lists(st.integers(0, 5), min_size=4, max_size=4)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), pieces=BASKETS, buyer=st.sampled_from(["all", "new", "member", "fan"]))
def test_every_price_keeps_its_laws(seed: int, pieces: list[int], buyer: str) -> None:
    """No line is below nothing, list prices less steps plus deposits are paid, and no order of rows matters."""
    (activities, goods), skus = some_sheet(seed)
    basket = [(sku, count) for sku, count in zip(skus, pieces, strict=False) if count]
    at = dt.datetime(2026, 11, 1) + dt.timedelta(hours=6 * (seed % 40))
    found = final_price(basket, activities=activities, goods=goods, buyer=buyer, at=at)
    again = final_price(basket[::-1], activities=activities.iloc[::-1], goods=goods.iloc[::-1], buyer=buyer, at=at)
    assert found == again
    if found.pay_cny is None:
        assert found.refused
        return
    assert all(net >= 0 for net in found.lines["net_cny"])
    assert all(off >= 0 for off in found.steps["off_cny"])
    assert sum(found.lines["net_cny"], Decimal(0)) == found.pay_cny
    listed = dict(zip(goods["sku"], goods["list_price_cny"], strict=True))
    total = sum((listed[sku] * count for sku, count in basket), Decimal(0))
    advance = sum(found.deposits["deposit_cny"], Decimal(0))
    assert total - sum(found.steps["off_cny"], Decimal(0)) + advance == found.pay_cny


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), one=BASKETS, other=BASKETS)
def test_without_thresholds_and_amounts_a_split_order_costs_the_same_but_for_cents(
    seed: int, one: list[int], other: list[int]
) -> None:
    """Percentages and unit prices without thresholds hold for each piece, however the pieces are ordered."""
    (activities, goods), skus = some_sheet(seed)
    plain = activities["kind"].isin(["unit_price"]) | activities["percent"].notna()
    activities = activities[plain].assign(threshold_cny=None, threshold_pieces=None, cap_cny=None, stock=None)
    activities["group"] = activities["id"]
    goods = goods.assign(stock=None, limit_per_buyer=None)
    sheet = read_promo_sheet(activities, goods)
    paid = []
    for counts in (one, other, [a + b for a, b in zip(one, other, strict=True)]):
        basket = [(sku, count) for sku, count in zip(skus, counts, strict=False) if count]
        found = final_price(basket, activities=sheet, buyer="new", at=AT - dt.timedelta(days=7))
        paid.append(found.pay_cny)
    assert abs(paid[0] + paid[1] - paid[2]) <= Decimal("0.02") * (len(activities) + 1)


@settings(max_examples=60, deadline=None)
@given(
    weights=st.dictionaries(st.sampled_from("ABCD"), st.integers(0, 9), min_size=1),
    most=st.lists(st.integers(0, 4), min_size=4, max_size=4),
    limits=st.lists(st.tuples(st.frozensets(st.sampled_from("ABCD"), min_size=1), st.integers(0, 6)), max_size=4),
)
def test_the_largest_holding_is_that_of_trying_all(weights: dict, most: list[int], limits: list) -> None:
    """Nested or crossing limits: no holding that is allowed counts more."""
    bounds = dict(zip("ABCD", most, strict=True))
    skus = sorted(weights)
    grids = np.meshgrid(*(np.arange(bounds[sku] + 1) for sku in skus), indexing="ij")
    allowed = np.ones(grids[0].shape, dtype=bool)
    for inside, pieces in limits:
        counted = sum((grid for sku, grid in zip(skus, grids, strict=True) if sku in inside), np.zeros_like(grids[0]))
        allowed &= counted <= pieces
    total = sum(weights[sku] * grid for sku, grid in zip(skus, grids, strict=True))
    assert largest_holding(weights, most=bounds, limits=limits) == total[allowed].max()


@pytest.mark.parametrize("ten", range(6))
def test_random_sheets_cost_what_a_second_implementation_says(ten: int) -> None:
    """Prices and conflicts of ten random sheets equal those of the slow reference, to the cent."""
    counts = [compare_sheet(seed, baskets=8) for seed in range(10 * ten, 10 * ten + 10)]
    assert sum(priced for priced, _ in counts) > 20
    assert sum(found for _, found in counts) > 5
