"""What is wrong with a sheet of activities: each kind from both sides, twenty faults in one sheet, none in its twin."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from decimal import Decimal

import pandas as pd
import pytest

from simlib.messages import LANGS, label
from simlib.readiness import BUYERS, CONFLICT_KINDS, KINDS, find_conflicts
from simlib.readiness.conflicts import ask_stacking

START, END = dt.datetime(2026, 11, 1), dt.datetime(2026, 11, 12)
DAY = {"buyers": "all", "scope": "all", "start": START, "end": END}


def day(number: int) -> dt.datetime:
    """Return a day of November at midnight."""
    return dt.datetime(2026, 11, number)


def good(sku="A", price="100", **cells):
    """Make a row of goods."""
    return {"sku": sku, "list_price_cny": Decimal(price), "category": "x", **cells}


def act(key, kind, **cells):
    """Make an activity for everybody and everything."""
    return {"id": key, "kind": kind, **DAY, **cells}


def conflicts(activities, goods=None):
    """List kind and rows of a sheet's conflicts."""
    found = find_conflicts(pd.DataFrame(activities), pd.DataFrame(goods or [good()]))
    return list(zip(found["kind"], found["rows"], strict=True))


DEPOSIT = {"deposit_cny": 10, "inflate": 2, "start": day(1), "end": day(3), "final_start": day(3), "final_end": day(5)}

# (kind, wrong row, the same row put right); goods as the last where they matter
SIDES: list[tuple[str, dict, dict]] = [
    ("wrong_value", act("X", "unit_price"), act("X", "unit_price", price_cny=90)),
    ("wrong_value", act("X", "unit_price", price_cny=90, percent=0.1), act("X", "unit_price", percent=0.1)),
    ("wrong_value", act("X", "coupon", price_cny=9, amount_cny=9), act("X", "coupon", amount_cny=9)),
    ("wrong_value", act("X", "coupon", percent=10), act("X", "coupon", percent="10%")),
    ("wrong_value", act("X", "coupon", amount_cny=-1), act("X", "coupon", amount_cny=0)),
    ("wrong_value", act("X", "coupon", amount_cny=1.005), act("X", "coupon", amount_cny=1.05)),
    (
        "wrong_value",
        act("X", "coupon", amount_cny=60, threshold_cny=50),
        act("X", "coupon", amount_cny=50, threshold_cny=50),
    ),
    ("wrong_value", act("X", "deposit") | DEPOSIT | {"inflate": 0.9}, act("X", "deposit") | DEPOSIT),
    ("wrong_value", act("X", "deposit") | DEPOSIT | {"inflate": None}, act("X", "deposit") | DEPOSIT),
    ("wrong_value", act("X", "deposit") | DEPOSIT | {"final_end": None}, act("X", "deposit") | DEPOSIT),
    ("wrong_value", act("X", "deposit") | DEPOSIT | {"threshold_pieces": 2}, act("X", "deposit") | DEPOSIT),
    ("wrong_value", act("X", "limit"), act("X", "limit", limit_pieces=2)),
    ("wrong_value", act("X", "limit", limit_pieces=1.5), act("X", "limit", limit_pieces=1.0)),
    (
        "wrong_value",
        act("X", "gift", gift_quantity=1),
        act("X", "gift", gift_quantity=1, gift_sku="A"),
    ),
    (
        "wrong_value",
        act("X", "coupon", amount_cny=5, repeat=True, threshold_cny=9),
        act("X", "coupon", amount_cny=5, repeat="no", threshold_cny=9),
    ),
    ("wrong_value", act("X", "voucher", amount_cny=5), act("X", "coupon", amount_cny=5)),
    (
        "wrong_value",
        act("X", "coupon", amount_cny=5) | {"buyers": None},
        act("X", "coupon", amount_cny=5) | {"buyers": "fan"},
    ),
    ("wrong_value", act("X", "coupon", amount_cny="5 USD"), act("X", "coupon", amount_cny="5元")),
    ("wrong_value", act("X", "coupon", amount_cny=5, start=None), act("X", "coupon", amount_cny=5)),
    ("unknown_scope", act("X", "coupon", amount_cny=5, scope="sku:Z"), act("X", "coupon", amount_cny=5, scope="sku:A")),
    ("unknown_scope", act("X", "coupon", amount_cny=5, scope="A"), act("X", "coupon", amount_cny=5)),
    (
        "unknown_scope",
        act("X", "coupon", amount_cny=5, scope="category:y"),
        act("X", "coupon", amount_cny=5, scope="category:x"),
    ),
    (
        "unknown_scope",
        act("X", "gift", gift_quantity=1, gift_sku="Z"),
        act("X", "gift", gift_quantity=1, gift_sku="A"),
    ),
    ("wrong_time", act("X", "coupon", amount_cny=5, end=START), act("X", "coupon", amount_cny=5)),
    (
        "wrong_time",
        act("X", "coupon", amount_cny=5, claim_start=day(3), claim_end=day(2)),
        act("X", "coupon", amount_cny=5, claim_start=day(2), claim_end=day(3)),
    ),
    ("wrong_time", act("X", "deposit") | DEPOSIT | {"final_start": day(2)}, act("X", "deposit") | DEPOSIT),
    ("unclaimable", act("X", "coupon", amount_cny=5, stock=0), act("X", "coupon", amount_cny=5, stock=1)),
    (
        "unclaimable",
        act("X", "platform_coupon", amount_cny=5, claim_start=END),
        act("X", "platform_coupon", amount_cny=5, claim_start=day(11)),
    ),
    ("above_list", act("X", "unit_price", price_cny=101), act("X", "unit_price", price_cny=100)),
]


@pytest.mark.parametrize(("kind", "wrong", "right"), SIDES)
def test_each_conflict_of_one_row_is_found_and_its_twin_is_clean(kind: str, wrong: dict, right: dict) -> None:
    """A wrong row is found under its id; the same row put right gives nothing."""
    assert conflicts([wrong]) == [(kind, ("X",))]
    assert conflicts([right]) == []


def test_goods_that_are_wrong_are_named_by_their_sku() -> None:
    """No list price, a negative stock, a sku twice: each named by the sku, and scopes that name it stay known."""
    coupon = act("C", "coupon", amount_cny=5, scope="sku:A;B")
    for wrong in (good("B") | {"list_price_cny": 0}, good("B", stock=-1), good("B", floor_price_cny=9.999)):
        assert conflicts([coupon], [good(), wrong]) == [("wrong_value", ("B",))]
    assert conflicts([coupon], [good(), good("B"), good("B")]) == [("wrong_value", ("B",))]
    assert conflicts([coupon], [good(), good("B")]) == []


def test_an_id_twice_leaves_both_out() -> None:
    """Nobody knows which of the two is meant, so neither is looked at further."""
    rows = [act("X", "coupon", amount_cny=5), act("X", "unit_price", price_cny=500)]
    assert conflicts(rows) == [("wrong_value", ("X",))]


def test_unit_prices_that_cross_overlap_and_nested_ones_do_not() -> None:
    """Crossing windows, the same buyers, a common sku, another price: all four are needed."""
    one = act("1", "unit_price", price_cny=90, end=day(5))
    other = act("2", "unit_price", price_cny=80, start=day(4), end=day(9))
    assert conflicts([one, other]) == [("overlap", ("1", "2"))]
    assert conflicts([one, other | {"price_cny": 90}]) == []
    assert conflicts([one, other | {"buyers": "fan"}]) == []
    assert conflicts([one, other | {"start": day(5)}]) == []
    assert conflicts([one, other | {"start": START}]) == []
    assert conflicts([one, other | {"threshold_pieces": 2}]) == []
    assert conflicts([one, other | {"threshold_pieces": 1, "threshold_cny": 0}]) == [("overlap", ("1", "2"))]
    apart = [one | {"scope": "sku:A"}, other | {"scope": "sku:B"}]
    assert conflicts(apart, [good(), good("B")]) == []


def test_a_bundle_larger_than_the_limit_is_found_even_where_limits_cross() -> None:
    """Two pieces of each pair and three goods: no basket has four, though each limit alone allows it."""
    goods = [good(sku) for sku in "ABC"]
    limits = [act(f"L{pair}", "limit", scope=f"sku:{pair[0]};{pair[1]}", limit_pieces=2) for pair in ("AB", "BC", "AC")]
    bundle = act("P", "pieces", threshold_pieces=4, amount_cny=5)
    assert conflicts([*limits, bundle], goods) == [("limit_against_bundle", ("P",))]
    assert conflicts([*limits, bundle | {"threshold_pieces": 3}], goods) == []
    assert conflicts([bundle], [good(limit_per_buyer=3)]) == [("limit_against_bundle", ("P",))]
    later = act("L", "limit", limit_pieces=1, start=day(12), end=day(13))
    assert conflicts([later, bundle]) == []
    for_fans = act("L", "limit", limit_pieces=1, buyers="fan")
    assert conflicts([for_fans, bundle]) == [("limit_against_bundle", ("P",))]
    assert conflicts([for_fans, bundle | {"buyers": "new"}]) == []


def test_a_threshold_in_money_that_no_holding_reaches_is_found() -> None:
    """Two pieces at 90 never reach 200; at list prices a unit price does; unlimited goods reach everything."""
    goods = [good(limit_per_buyer=2)]
    price = act("U", "unit_price", price_cny=90)
    coupon = act("C", "coupon", threshold_cny=200, amount_cny=5)
    assert conflicts([price, coupon], goods) == [("unreachable", ("C",))]
    assert conflicts([price, coupon], [good()]) == []
    assert conflicts([coupon], goods) == []
    assert conflicts([price | {"end": day(3)}, coupon], goods) == []
    assert conflicts([price, act("V", "unit_price", threshold_cny=200, price_cny=80)], goods) == []
    gone = coupon | {"stock": 0}
    assert conflicts([price, gone], goods) == [("unclaimable", ("C",))]


def test_gifts_promised_at_the_same_time_are_added_up() -> None:
    """Twice 5 gifts of 10 are 10; a third that overlaps is too much, a later one is not."""
    goods = [good(), good("B", stock=10)]
    rows = [act(key, "gift", gift_sku="B", gift_quantity=1, stock=5, end=day(4)) for key in ("1", "2")]
    third = act("3", "gift", gift_sku="B", gift_quantity=1, start=day(3), end=day(6))
    assert conflicts(rows, goods) == []
    assert conflicts([*rows, third], goods) == [("gift_without_stock", ("1", "2", "3"))]
    assert conflicts([*rows, third | {"start": day(4)}], goods) == []


def test_a_gift_of_which_its_own_row_has_none_is_found_whatever_the_good_has() -> None:
    """Its row says 0: found by its id, with the good in stock, without a figure, or too few for the others."""
    gift = act("1", "gift", gift_sku="B", gift_quantity=1, stock=0)
    for cells in ({"stock": 10}, {"stock": 0}, {}):
        assert conflicts([gift], [good(), good("B", **cells)]) == [("gift_without_stock", ("1",))]
    assert conflicts([gift | {"stock": 1}], [good(), good("B", stock=10)]) == []
    other = act("2", "gift", gift_sku="B", gift_quantity=1, stock=11)
    expected = [("gift_without_stock", ("1",)), ("gift_without_stock", ("2",))]
    assert conflicts([gift, other], [good(), good("B", stock=10)]) == expected


def test_a_price_below_the_floor_is_shown_with_its_basket_and_its_money() -> None:
    """The pair that stacks the deepest is named, with the buyer, the instant, and the loss over the stock."""
    goods = [good("A", floor_price_cny=85, stock=40), good("B", "200")]
    rows = [
        act("R", "store_reduction", threshold_cny=300, amount_cny=60),
        act("M", "coupon", amount_cny=3, scope="sku:A", buyers="member", start=day(5)),
    ]
    found = find_conflicts(pd.DataFrame(rows), pd.DataFrame(goods))
    assert found["rows"].tolist() == [("A",)]
    row = found.iloc[0]
    assert row["basket"] == [("A", 1), ("B", 1)]
    assert (row["buyer"], row["at"]) == ("member", pd.Timestamp(day(5)))
    assert row["at_risk_cny"] == Decimal(8) * 40  # 100 - 20 - 3 = 77
    assert row["lowered_by"] == ("M", "R")
    exact = [good("A", floor_price_cny=77, stock=40), good("B", "200")]
    assert find_conflicts(pd.DataFrame(rows), pd.DataFrame(exact)).empty


def test_only_the_activities_that_take_something_off_are_named_for_a_price_below_the_floor() -> None:
    """A unit price, the better coupon of a group and a deposit that counts for more; no gift, no coupon of others."""
    rows = [
        act("U", "unit_price", price_cny=90, scope="sku:A"),
        act("C", "coupon", amount_cny=5, group="g"),
        act("D", "coupon", amount_cny=7, group="g"),
        act("E", "coupon", amount_cny=9, scope="sku:B"),
        act("F", "gift", gift_sku="B", gift_quantity=1),
        act("G", "deposit", deposit_cny=5, inflate=2, final_start=END, final_end=day(13), end=day(2)),
    ]
    lasting = [row | {"end": day(13)} if row["kind"] != "deposit" else row for row in rows]
    found = find_conflicts(pd.DataFrame(lasting), pd.DataFrame([good(floor_price_cny=80), good("B")]))
    assert found[["kind", "rows", "lowered_by"]].to_numpy().tolist() == [["below_floor", ("A",), ("D", "G", "U")]]
    own = find_conflicts(pd.DataFrame([rows[4]]), pd.DataFrame([good(floor_price_cny=101), good("B")]))
    assert own["lowered_by"].tolist() == [()]


def test_a_main_picture_that_promises_less_than_is_paid_is_found() -> None:
    """One piece costs everybody 95: a picture of 94.99 is wrong, one of 95 is not, and a member's price is no help."""
    rows = [act("C", "coupon", amount_cny=5), act("M", "coupon", amount_cny=50, scope="sku:A", buyers="member")]
    found = find_conflicts(pd.DataFrame(rows), pd.DataFrame([good(picture_price_cny=94.99, stock=10)]))
    assert found[["kind", "rows", "basket", "buyer"]].iloc[0].tolist() == ["picture_price", ("A",), [("A", 1)], "all"]
    assert found["at_risk_cny"].tolist() == [Decimal("0.10")]
    assert conflicts(rows, [good(picture_price_cny=95)]) == []
    assert conflicts([act("M", "coupon", amount_cny=5, buyers="member")], [good(picture_price_cny=90)]) == []


def test_every_kind_has_a_word_in_both_languages() -> None:
    """The kinds of conflict, of activities and of buyers are shown by their labels."""
    keys = [f"conflict_{kind}" for kind in CONFLICT_KINDS] + [f"activity_kind_{kind}" for kind in KINDS]
    keys += [f"open_to_{buyer}" for buyer in BUYERS]
    assert all(label(key, lang) for key in keys for lang in LANGS)


# --- twenty faults in one sheet


def clean_sheet() -> tuple[list[dict], list[dict]]:
    """Make a sheet as a store has it, in order: prices, ladders, coupons, a deposit, gifts, limits, member prices."""
    goods = [
        good(
            f"G{number:02d}",
            str(100 + 10 * number),
            category="care" if number < 10 else "hair",
            floor_price_cny=Decimal(100 + 10 * number) * Decimal("0.5"),
            picture_price_cny=100 + 10 * number,
            member_price_cny=95 + 10 * number,
            stock=500,
            limit_per_buyer=10,
        )
        for number in range(20)
    ]
    goods += [good("GIFT", "10", category="gift", stock=1000), good("MINI", "5", category="gift", stock=300)]
    rows = [
        act("U1", "unit_price", scope="sku:G00", price_cny=90, end=day(4)),
        act("U2", "unit_price", scope="sku:G00", price_cny=85, start=day(4)),
        act("U3", "unit_price", scope="category:hair", percent=0.1),
        act("U4", "unit_price", scope="sku:G05;G06", amount_cny=20, threshold_pieces=2),
        act("P1", "pieces", scope="category:care", threshold_pieces=3, amount_cny=15),
        act("S1", "store_reduction", threshold_cny=300, amount_cny=30, repeat=True, cap_cny=90),
        act("C1", "coupon", threshold_cny=199, amount_cny=10, stock=5000, claim_start=START, claim_end=day(11)),
        act("C2", "coupon", threshold_cny=499, amount_cny=30, stock=2000),
        act("C3", "coupon", scope="category:hair", amount_cny=5, buyers="new"),
        act("R1", "platform_reduction", threshold_cny=300, amount_cny=20, repeat=True),
        act("K1", "platform_coupon", percent=0.05, cap_cny=20, buyers="member"),
        act("D1", "deposit", scope="sku:G10") | DEPOSIT,
        act("F1", "gift", threshold_cny=299, gift_sku="GIFT", gift_quantity=1, stock=800),
        act("F2", "gift", scope="sku:G03", gift_sku="MINI", gift_quantity=2, stock=100),
        act("L1", "limit", scope="category:care", limit_pieces=20),
    ]
    return rows, goods


def put(key: str, **cells: object) -> Callable[[dict], None]:
    """Change the cells of one row."""

    def change(sheet: dict) -> None:
        sheet[key].update(cells)

    return change


def add(key: str, kind: str, **cells: object) -> Callable[[dict], None]:
    """Add an activity."""

    def change(sheet: dict) -> None:
        sheet[key] = act(key, kind, **cells)

    return change


FAULTS: list[tuple[str, tuple[str, ...], Callable[[dict], None]]] = [
    ("wrong_value", ("C1",), put("C1", percent=0.1)),
    ("wrong_value", ("K1",), put("K1", percent=5)),
    ("wrong_value", ("S1",), put("S1", amount_cny=310)),
    ("wrong_value", ("L1",), put("L1", limit_pieces=None)),
    ("wrong_value", ("G07",), put("G07", list_price_cny="19.9 USD")),
    ("unknown_scope", ("U1",), put("U1", scope="sku:G00;G99")),
    ("unknown_scope", ("P1",), put("P1", scope="category:cares")),
    ("unknown_scope", ("F1",), put("F1", gift_sku="GIFTS")),
    ("wrong_time", ("C2",), put("C2", end=START - dt.timedelta(days=365))),
    ("wrong_time", ("D1",), put("D1", final_start=day(2))),
    ("unclaimable", ("C2",), put("C2", stock=0)),
    ("unclaimable", ("C1",), put("C1", claim_start=END, claim_end=END + dt.timedelta(days=1))),
    ("overlap", ("U1", "U2"), put("U1", end=day(5))),
    ("above_list", ("U1",), put("U1", price_cny=190)),
    ("limit_against_bundle", ("P1",), put("L1", limit_pieces=2)),
    ("unreachable", ("C9",), add("C9", "coupon", scope="sku:G00", threshold_cny=1200, amount_cny=99)),
    ("gift_without_stock", ("F2",), put("MINI", stock=199)),
    ("below_floor", ("G04",), put("G04", floor_price_cny=120)),
    ("below_floor", ("G11",), add("S9", "store_reduction", scope="sku:G11", amount_cny=99, group="extra")),
    ("picture_price", ("G08",), put("G08", picture_price_cny=139)),
]


def test_the_clean_sheet_has_no_conflict() -> None:
    """No false alarm on a sheet with every kind of activity."""
    assert conflicts(*clean_sheet()) == []


@pytest.mark.parametrize(("kind", "rows", "fault"), FAULTS, ids=[f"{kind}-{rows[0]}" for kind, rows, _ in FAULTS])
def test_each_of_twenty_faults_is_found(kind: str, rows: tuple[str, ...], fault: Callable[[dict], None]) -> None:
    """One fault put into the clean sheet is found by its kind and its rows."""
    activities, goods = clean_sheet()
    sheet = {row["id"]: row for row in activities} | {row["sku"]: row for row in goods}
    fault(sheet)
    found = conflicts([row for row in sheet.values() if "id" in row], [row for row in sheet.values() if "sku" in row])
    assert (kind, rows) in found
    assert len(FAULTS) == 20


def test_five_thousand_rules_are_checked_in_seconds() -> None:
    """A sheet of 500 goods and 5,000 rules in order gives nothing, and one fault in it is found."""
    goods = [
        good(f"G{number:03d}", str(50 + number), category=f"c{number % 20}", floor_price_cny=25, stock=900)
        for number in range(500)
    ]
    rows = []
    for number in range(4_900):
        sku, turn = f"sku:G{number % 500:03d}", number // 500
        start = START + dt.timedelta(days=turn)
        window = {"scope": sku, "start": start, "end": start + dt.timedelta(days=1)}
        rows.append(act(f"U{number:04d}", "unit_price", percent=0.1) | window)
    for number in range(100):
        rows.append(act(f"C{number:04d}", "coupon", scope=f"category:c{number % 20}", threshold_cny=300, amount_cny=30))
    begun = time.perf_counter()
    assert conflicts(rows, goods) == []
    rows[77]["percent"] = 0.9
    assert conflicts(rows, goods) == [("below_floor", ("G077",))]
    assert time.perf_counter() - begun < 60


def stacking(*activities, goods=None):
    """List the coupons that are worth asking about: the first by its name, the second by its id, and its row."""
    sheet = pd.DataFrame([activity | {"name": activity["id"]} for activity in activities])
    sheet["row"] = range(2, 2 + len(sheet))
    asked = ask_stacking(sheet, pd.DataFrame(goods or [good(price="300")]))
    assert all(problem.row == 1 + len(sheet) for problem in asked)
    named = [dict(problem.values) for problem in asked]
    return [(each["name"], each["other"]) for each in named]


def test_coupons_of_one_threshold_that_add_up_are_asked_about() -> None:
    """Two groups, one threshold, one time, one sku: a basket takes both. Not so with any of these changed."""
    ten = act("C", "coupon", amount_cny=10, threshold_cny=199, group="C")
    more = act("D", "coupon", amount_cny=15, threshold_cny=199, group="D")
    assert stacking(ten, more) == [("C", "D")]
    assert stacking(ten, more | {"group": "C"}) == []
    assert stacking(ten, more | {"threshold_cny": 299}) == []
    assert stacking(ten | {"end": day(3)}, more | {"start": day(3)}) == []
    assert stacking(ten, more | {"kind": "platform_coupon"}) == []
    assert stacking(ten | {"buyers": "member"}, more | {"buyers": "fan"}) == []
    assert stacking(ten | {"buyers": "member"}, more) == [("C", "D")]
    other = [good(price="300"), good(sku="B", price="300")]
    assert stacking(ten | {"scope": "sku:A"}, more | {"scope": "sku:B"}, goods=other) == []
    assert stacking(ten, more | {"stock": 0}) == []


def test_a_group_that_is_empty_is_said_to_be_empty() -> None:
    """One coupon in a group, one in none: the question says that the cell is empty and quotes nothing."""
    rows = [act("C", "coupon", amount_cny=10, threshold_cny=199, group="C")]
    rows += [act("D", "coupon", amount_cny=15, threshold_cny=199, group=group) for group in (None, "E")]
    for number, (zh, en) in enumerate([("没有填：", "empty: "), ("填的是“E”：", 'value "E": ')], start=1):
        (asked,) = ask_stacking(pd.DataFrame([rows[0], rows[number]]).assign(row=[2, 3]), pd.DataFrame([good()]))
        assert zh in asked.text("zh")
        assert en in asked.text("en")
        assert "“”" not in asked.text("zh")
