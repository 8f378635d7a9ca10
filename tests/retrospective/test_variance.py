"""The variance tree: its known answer, its laws, brute force over all orders, the floor's form."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simlib.messages import UserError
from simlib.retrospective import NightFacts, variance_tree, work_out_variance
from simlib.retrospective.variance import FACTORS, GROUPS, NOT_EXPLAINED, coalitions, owen_values, round_to_cents
from simlib.simulator import Disruptions

DRIVERS = [driver for drivers in FACTORS.values() for driver in drivers]
SHARES = st.floats(0, 1)
VALUES = {
    "contacts": st.integers(0, 1_000_000),
    "inquiry_share": SHARES,
    "conversion": SHARES,
    "aov_cny": st.integers(0, 10_000_000).map(lambda cents: cents / 100),
}
MIXES = st.lists(st.sampled_from(DRIVERS), min_size=1, unique=True).flatmap(
    lambda names: st.tuples(*[st.fixed_dictionaries({name: VALUES[name] for name in names})] * 2)
)


def sales(values):
    return math.prod(values[driver] for driver in DRIVERS if driver in values)


# --- the cheap form ------------------------------------------------------------------------------------------


def test_the_known_answer_of_the_model_page():
    """100 contacts x 10 CNY planned and 120 x 9 come to +190 and -110, together +80."""
    tree = variance_tree({"contacts": 100, "aov_cny": 10}, {"contacts": 120, "aov_cny": 9})
    assert dict(zip(tree["driver"], tree["effect_cny"], strict=True)) == {"contacts": 190.0, "aov_cny": -110.0}
    assert tree["effect_cny"].sum() == 80.0
    assert list(tree) == ["driver", "group", "planned", "actual", "effect_cny", "low", "high"]
    assert tree[["low", "high"]].isna().all(axis=None)
    assert list(tree["group"]) == ["traffic", "worth"]


@settings(max_examples=200, deadline=None)
@given(MIXES)
def test_any_mix_of_drivers_adds_up_to_the_cent(mix):
    """The effects of any drivers add up to the gap rounded to the cent."""
    planned, actual = mix
    total = sales(actual) - sales(planned)
    cents = sum(round(100 * effect) for effect in variance_tree(planned, actual)["effect_cny"])
    assert abs(cents - 100 * total) <= 0.5 + 1e-12 * 100 * (abs(sales(actual)) + abs(sales(planned)))


@settings(max_examples=200, deadline=None)
@given(MIXES)
def test_swapping_plan_and_actual_flips_every_sign(mix):
    """What went up one way goes down the other way, to the cent."""
    there, back = variance_tree(*mix), variance_tree(*mix[::-1])
    assert (there["effect_cny"] == -back["effect_cny"]).all()


@settings(max_examples=100, deadline=None)
@given(MIXES, st.randoms())
def test_a_driver_at_plan_has_no_effect_and_order_changes_nothing(mix, chance):
    """A driver whose actual is its plan gets exactly 0; the order in which drivers are given is of no account."""
    planned, actual = mix
    still = chance.choice(list(planned))
    actual = actual | {still: planned[still]}
    tree = variance_tree(planned, actual)
    assert tree.set_index("driver").loc[still, "effect_cny"] == 0
    mixed = [dict(chance.sample(list(side.items()), len(side))) for side in (planned, actual)]
    pd.testing.assert_frame_equal(variance_tree(*mixed), tree)


def test_the_effects_are_the_average_over_all_orders_of_groups_and_within_them():
    """Brute force over every order in which groups stay together gives the same values."""
    planned = {"contacts": 1000.0, "inquiry_share": 0.6, "conversion": 0.45, "aov_cny": 150.0}
    actual = {"contacts": 1300.0, "inquiry_share": 0.5, "conversion": 0.5, "aov_cny": 140.0}
    effects = dict.fromkeys(DRIVERS, 0.0)
    orders = []
    for groups in permutations(FACTORS.values()):
        orders += [[*a, *b, *c] for a in permutations(groups[0]) for b in permutations(groups[1])
                   for c in permutations(groups[2])]  # fmt: skip
    for order in orders:
        values = dict(planned)
        for driver in order:
            before = sales(values)
            values[driver] = actual[driver]
            effects[driver] += (sales(values) - before) / len(orders)
    tree = variance_tree(planned, actual).set_index("driver")["effect_cny"]
    for driver in DRIVERS:
        assert tree[driver] == pytest.approx(effects[driver], abs=0.011)


def test_a_single_group_is_the_shapley_value():
    """With all drivers in one group the Owen value is the average over all orders of the drivers."""
    rng = np.random.default_rng(3)
    worth = {}

    def value(drivers):
        return worth.setdefault(drivers, float(rng.normal()))

    effects = owen_values(value, [list("abcd")])
    orders = list(permutations("abcd"))
    for driver in "abcd":
        steps = [
            value(frozenset(order[: order.index(driver) + 1])) - value(frozenset(order[: order.index(driver)]))
            for order in orders
        ]
        assert effects[driver] == pytest.approx(np.mean(steps))


def test_the_owen_value_of_a_group_is_the_groups_own_shapley_value():
    """Groups as players of their own get what their drivers get together (Owen's quotient game)."""
    rng = np.random.default_rng(5)
    worth = {}

    def value(drivers):
        return worth.setdefault(drivers, float(rng.normal()))

    groups = [list("abc"), list("de"), list("f")]
    effects = owen_values(value, groups)
    quotient = owen_values(
        lambda names: value(frozenset().union(*(groups[int(name)] for name in names))), [["0"], ["1"], ["2"]]
    )
    for index, group in enumerate(groups):
        assert sum(effects[driver] for driver in group) == pytest.approx(quotient[str(index)])


def test_the_full_form_needs_few_values():
    """All eleven drivers take at most the values that the model page counts."""
    assert len(coalitions(list(GROUPS.values()))) <= 2**3 * (2**3 + 2**2 + 2**2 + 2**4)


def test_rounding_gives_the_last_cents_to_the_largest_remainders():
    """Three thirds of a yuan get the missing cent where most was cut off, a driver without effect none."""
    assert round_to_cents({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3, "d": 0.0}) == {"a": 0.34, "b": 0.33, "c": 0.33, "d": 0.0}
    assert round_to_cents({"a": -1 / 3, "b": -1 / 3, "c": -1 / 3}) == {"a": -0.34, "b": -0.33, "c": -0.33}


def test_a_driver_that_nobody_measured_stays_at_plan():
    """A driver without an actual value has no effect and shows none."""
    tree = variance_tree({"contacts": 100, "conversion": 0.4}, {"contacts": 110}).set_index("driver")
    assert tree.loc["conversion", "effect_cny"] == 0
    assert math.isnan(tree.loc["conversion", "actual"])
    assert tree.loc["contacts", "effect_cny"] == 4.0


@pytest.mark.parametrize(
    ("planned", "actual", "words"),
    [
        ({"contacts": -1}, {"contacts": 1}, "cannot be below 0"),
        ({"contacts": 1}, {"contacts": math.nan}, "must be a number, got nan"),
        ({"contacts": 1}, {"contacts": math.inf}, "must be a number, got inf"),
        ({"contacts": 1}, {"contacts": "many"}, "must be a number, got 'many'"),
        ({"contacts": 1}, {"contacts": None}, "must be a number, got None"),
        ({"contacts": 1, "heads": 3}, {"contacts": 1}, "no driver 'heads'"),
        ({"contacts": 1}, {"contacts": 1, "aov_cny": 3}, "has an actual value but no planned one"),
        ({}, {}, "nothing to explain"),
    ],
)
def test_bad_figures_are_refused_in_a_sentence(planned, actual, words):
    """Negative, missing, unknown or unplanned figures are each named with what to do."""
    with pytest.raises(UserError) as caught:
        variance_tree(planned, actual)
    assert words in caught.value.text("en")
    assert caught.value.text("zh") != caught.value.text("en")


# --- the full form -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plan(night):
    return facts_of(night)


def facts_of(night, **changes):
    return NightFacts(night=night, **({"inquiry_share": 0.5, "conversion": 0.5, "aov_cny": 400.0} | changes))


def scaled(night, factor):
    return replace(night, forecast=night.forecast.assign(contacts=night.forecast["contacts"] * factor))


def slower(night, factor):
    services = {name: replace(each, reply_s=each.reply_s * factor) for name, each in night.services.items()}
    return replace(night, services=services)


def absent(night, agents):
    return [(name, night.grid.starts[0], night.grid.starts[-1] + pd.Timedelta("1h")) for name in agents]


@pytest.fixture(scope="module")
def busy(night, plan):
    """A night on which four things went otherwise, and its variance."""
    came = replace(slower(scaled(night, 1.2), 1.3), values_cny={"presale": 90.0})
    came = replace(came, disruptions=Disruptions(down=[(agent, 3600, 7200) for agent in range(3)]))
    actual = facts_of(came, aov_cny=360.0, absences=absent(night, ["A01", "A02"]), sales_cny=60_000.0)
    return actual, work_out_variance(plan, actual, nights=8)


def test_the_tree_adds_up_to_the_gap_with_what_the_model_leaves(busy, plan, night):
    """Drivers and the row of the model's rest add up to measured less planned sales; the plan is the plan's own."""
    actual, variance = busy
    tree = variance.tree
    assert tree["effect_cny"].sum() == pytest.approx(actual.sales_cny - variance.planned_cny, abs=0.006)
    drivers = tree[tree["driver"] != NOT_EXPLAINED]
    assert drivers["effect_cny"].sum() == pytest.approx(variance.expected_cny - variance.planned_cny, abs=0.011)
    kept = night.rehearse(seed=7, replications=8, by_interval=False).figures["sales_kept"]
    assert variance.planned_cny == pytest.approx(kept.mean(), rel=1e-12)
    assert list(drivers["driver"]) == [name for names in GROUPS.values() for name in names]
    groups = variance.groups.set_index("group")["effect_cny"]
    assert groups.drop(NOT_EXPLAINED).sum() == pytest.approx(drivers["effect_cny"].sum(), abs=0.006)
    assert groups.sum() == pytest.approx(tree["effect_cny"].sum(), abs=0.006)


def test_lost_sales_are_what_instant_replies_would_add(busy, plan, night):
    """Kept and lost add up to what all contacts are worth; more is lost in the busy night, and a sentence says so."""
    variance = busy[1]
    lost = night.rehearse(seed=7, replications=8, by_interval=False).figures["sales_lost"]
    assert variance.planned_loss.sales_cny == pytest.approx(lost.mean(), rel=1e-12)
    came = variance.expected_loss
    assert came.low_cny < came.sales_cny < came.high_cny
    assert came.sales_cny > variance.planned_loss.sales_cny
    more = (
        variance.lost["effect"].iloc[:-1] if NOT_EXPLAINED in set(variance.lost["driver"]) else variance.lost["effect"]
    )
    assert came.buyers - variance.planned_loss.buyers == pytest.approx(more.sum())
    stated = [message.text("en") for message in variance.findings if message.key == "retrospective.lost_sales"]
    assert len(stated) == 1
    assert f"sales of {came.sales_cny:,.0f} CNY" in stated[0]


def test_the_bot_is_named_gross_and_net(night, plan):
    """Planned 30 %; it came as 40 % of whom a quarter came back, so net nothing changed, and both shares are named."""
    services = {name: replace(each, bot_share=0.4, bot_return_rate=0.25) for name, each in night.services.items()}
    actual = facts_of(replace(night, services=services))
    variance = work_out_variance(plan, actual, nights=2)
    assert variance.bot_gross == pytest.approx((0.3, 0.4))
    row = variance.tree.set_index("driver").loc["bot_net_share"]
    assert (row["planned"], row["actual"]) == pytest.approx((0.3, 0.3))
    (said,) = (message.text("en") for message in variance.findings if message.key == "retrospective.bot_gross_net")
    assert "40.0%" in said
    assert "30.0%" in said
    for silent in (None, (0.3, 0.3)):  # not measured, and nobody came back
        findings = replace(variance, bot_gross=silent).findings
        assert "retrospective.bot_gross_net" not in [message.key for message in findings]


def test_only_what_changed_has_an_effect_and_the_signs_make_sense(busy):
    """More contacts bring sales; absence, slow replies, outages and cheaper orders cost some; the rest is 0."""
    tree = busy[1].tree.set_index("driver")["effect_cny"]
    assert tree["contacts"] > 0
    assert (tree[["absence", "handling", "outages", "aov_cny"]] < 0).all()
    assert (tree[["shape", "opening", "bot_net_share", "inquiry_share", "conversion", "heads"]] == 0).all()


def test_lost_buyers_are_explained_in_the_same_form(busy):
    """Order value loses no buyer; contacts, absence, handling and outages do, and add up."""
    lost = busy[1].lost.set_index("driver")["effect"]
    assert (lost[["contacts", "absence", "handling", "outages"]] > 0).all()
    assert lost["aov_cny"] == 0
    rate = busy[1].rate.set_index("driver")["effect"]
    assert (rate[["contacts", "absence", "handling", "outages"]] < 0).all()


def test_each_floor_is_simulated_once(busy):
    """Five drivers of three groups, four of which change the floor: sixteen floors at most."""
    assert busy[1].floors == 2 * 2**3


def test_swapping_the_nights_flips_every_sign(busy, plan):
    """The tree from the actual night back to the plan is the same with the other sign, to the cent."""
    actual, variance = busy
    back = work_out_variance(replace(actual, sales_cny=None), plan, nights=8).tree
    there = variance.tree[variance.tree["driver"] != NOT_EXPLAINED]
    np.testing.assert_allclose(back["effect_cny"], -there["effect_cny"], atol=0.011)
    np.testing.assert_allclose(back["low"], -there["high"], rtol=1e-6, atol=1e-6)


def test_worth_needs_no_floor_of_its_own(night, plan):
    """Inquiry share, conversion and order value alone are explained by one floor, exactly as the cheap form does."""
    actual = facts_of(night, inquiry_share=0.55, conversion=0.4, aov_cny=450.0)
    variance = work_out_variance(plan, actual, nights=3)
    assert variance.floors == 1
    names = ("inquiry_share", "conversion", "aov_cny")
    contacts = variance.planned_cny / plan.worth_cny
    sides = [{"contacts": contacts} | {name: getattr(side, name) for name in names} for side in (plan, actual)]
    cheap = variance_tree(*sides).set_index("driver")["effect_cny"]
    full = variance.tree.set_index("driver")["effect_cny"]
    np.testing.assert_allclose(full[list(names)], cheap[list(names)], atol=0.02)


def test_a_night_as_planned_has_no_gap(night, plan):
    """The plan against itself: every effect is 0, and nothing is clear."""
    variance = work_out_variance(plan, facts_of(night), nights=2)
    assert (variance.tree[["effect_cny", "low", "high"]] == 0).all(axis=None)
    assert variance.ranking.empty
    assert "clear of chance" in variance.findings[1].text("en")


def test_a_moved_opening_is_its_own_driver(night, plan):
    """Contacts that came an hour later because the sale opened later are put down to the opening alone."""
    opening = night.grid.starts[2]
    later = night.grid.starts[4]
    step = night.grid.step_s
    length = night.grid.n - 2
    starts = {}
    for index, start in enumerate(night.grid.starts):
        starts[start] = start if index < 2 else night.grid.starts[(index - 2 + 2) % length + 2]
    moved = night.forecast.assign(start=night.forecast["start"].map(starts)).sort_values(["start", "queue"])
    assert step == 1800
    actual = facts_of(replace(night, forecast=moved.reset_index(drop=True)), opening=later)
    tree = work_out_variance(replace(plan, opening=opening), actual, nights=4).tree.set_index("driver")
    assert tree.loc["opening", "effect_cny"] != 0
    assert tree.loc["opening", "actual"] == 60
    assert (tree["effect_cny"].drop("opening") == 0).all()
    blind = work_out_variance(plan, replace(actual, opening=None), nights=4).tree.set_index("driver")["effect_cny"]
    assert blind["shape"] != 0
    assert blind["opening"] == 0


def test_heads_and_absence_are_kept_apart(night, plan):
    """A squad that was never rostered is heads, one that was rostered and stayed away is absence, with one effect."""
    fewer = night.roster[~night.roster["agent_id"].isin(["A00", "A03"])]
    heads = work_out_variance(plan, facts_of(replace(night, roster=fewer)), nights=4).tree.set_index("driver")
    away = work_out_variance(plan, facts_of(night, absences=absent(night, ["A00", "A03"])), nights=4)
    absence = away.tree.set_index("driver")
    assert heads.loc["heads", "effect_cny"] == absence.loc["absence", "effect_cny"] < 0
    assert absence.loc["absence", "actual"] == heads.loc["heads", "planned"] - heads.loc["heads", "actual"]


def test_a_helper_who_was_not_in_the_plan_counts_as_heads(night, plan):
    """People whom only the actual side knows join the floor; the plan's figure stays as it was."""
    extra = night.people.tail(3).assign(agent_id=["Z1", "Z2", "Z3"])
    segments = night.roster[night.roster["agent_id"] == "A11"]
    rosters = [night.roster, *(segments.assign(agent_id=name) for name in extra["agent_id"])]
    came = replace(night, people=pd.concat([night.people, extra]), roster=pd.concat(rosters, ignore_index=True))
    tree = work_out_variance(plan, facts_of(came), nights=6).tree.set_index("driver")["effect_cny"]
    assert tree["heads"] > 0
    assert (tree.drop("heads") == 0).all()


def test_an_unmeasured_driver_stays_at_plan_and_is_named(night, plan):
    """Slower replies that nobody is sure of are left out of the tree and named."""
    actual = facts_of(slower(night, 2.0), unmeasured=("handling",))
    variance = work_out_variance(plan, actual, nights=2)
    row = variance.tree.set_index("driver").loc["handling"]
    assert row["effect_cny"] == 0
    assert math.isnan(row["actual"])
    assert variance.findings[-1].text("en") == "Not measured, so kept at plan: Handling time."


def test_what_the_model_misses_comes_first(busy):
    """Sales far outside the model's nights are said before any driver, and are nobody's effect."""
    variance = busy[1]
    assert variance.within_chance is False
    assert variance.warnings[0].text("en").startswith("Read this first")
    assert variance.tree["driver"].iloc[-1] == NOT_EXPLAINED
    stated = " ".join(message.text("zh") for message in variance.findings)
    assert "机器人" not in stated


def test_nights_that_do_not_belong_together_are_refused(night, plan):
    """Another grid, other queues, a plan without worth, a figure of percent, and mixed forms each get a sentence."""
    other = replace(night, grid=replace(night.grid, opens=night.grid.opens + pd.Timedelta("1D")))
    few = replace(
        night,
        services={"presale": night.services["presale"]},
        forecast=night.forecast[night.forecast["queue"] == "presale"],
    )
    for actual, words in (
        (facts_of(other), "not the same promo"),
        (facts_of(few), "do not have the same queues"),
        ({"contacts": 3}, "same form"),
    ):
        with pytest.raises(UserError, match=words):
            variance_tree(plan, actual)
    with pytest.raises(UserError, match="worth 0 CNY"):
        variance_tree(replace(plan, aov_cny=0.0), plan)
    with pytest.raises(UserError, match=r"write 45% as 0\.45"):
        facts_of(night, conversion=45.0)
