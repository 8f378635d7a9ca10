"""Replications: the same on every machine, stopped when precise enough, compared on the same buyers."""

import math
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from simlib.intervals import Grid
from simlib.kpis import ConversionCurve, platform_rates
from simlib.simulator import Agents, Contacts, Disruptions, Policy
from simlib.simulator.draw import ChatService, Demand
from simlib.simulator.replicate import (
    KpiMeasure,
    Replications,
    Variant,
    compare,
    half_width,
    replicate,
    replicate_variants,
)

NIGHT = Grid(opens=pd.Timestamp("2026-10-31 18:00", tz="Asia/Shanghai"), n=4)
SERVICE = ChatService(
    replies_mean=3, reply_s=20, think_s=30, patience_s=90, silent_share=0.5, retry_share=0.3, bot_share=0.3
)
FORECAST = pd.DataFrame({"start": NIGHT.starts, "queue": "presale", "contacts": [60.0, 90.0, 140.0, 80.0]})
DEMAND = Demand.of(FORECAST, {"presale": SERVICE}, grid=NIGHT, busyness_cv=0.15)
MEASURE = KpiMeasure(
    queues=("presale",),
    opens=NIGHT.opens,
    threshold_s=30,
    rates=platform_rates("tmall", on=NIGHT.opens.date()),
    curve=ConversionCurve.default(),
    values_cny={"presale": 40.0},
    grid=NIGHT,
)


def floor(agents):
    """Put so many people on the floor for the whole night."""
    return Agents(capacity=[3] * agents, shifts=[(a, 0, 7200) for a in range(agents)])


def coin(*, seed, replication):
    """Draw a night of one contact whose reply takes a random time."""
    return Contacts(arrival=[0.0], handle=[np.random.default_rng([seed, replication]).normal(100.0, 10.0)])


def reply_s(contacts, agents, result):
    """Measure that time."""
    return {"reply_s": float(result.contacts["first_reply"].iloc[0])}


def test_both_engines_replicate_the_same_figures():
    """Night by night and measure by measure, to the last digit."""
    how = {"measure": MEASURE, "seed": 7, "replications": 3, "turns": True, "trace": True}
    fast, readable = (replicate(DEMAND.draw, floor(5), engine=engine, **how) for engine in ("compiled", "simpy"))
    assert fast.figures.keys() == readable.figures.keys()
    for key, values in fast.figures.items():
        np.testing.assert_array_equal(values, readable.figures[key], err_msg=key)
    with pytest.raises(ValueError, match="must be one of 'compiled', 'simpy'"):
        replicate(DEMAND.draw, floor(5), engine="simply", **how)


ONE = Agents(shifts=[(0, 0, 3600)])


def test_results_do_not_hang_on_workers_or_on_who_finishes_first():
    """One thread, three threads and threads that dawdle give the same numbers to the bit."""

    def dawdle(contacts, agents, result):
        time.sleep(0.02 * (len(contacts) % 3))
        return MEASURE(contacts, agents, result)

    how = {"seed": 5, "replications": 6, "turns": True, "trace": True}
    one = replicate(DEMAND.draw, floor(6), measure=MEASURE, workers=1, **how)
    for workers, measure in ((3, MEASURE), (4, dawdle)):
        other = replicate(DEMAND.draw, floor(6), measure=measure, workers=workers, **how)
        assert other.numbers.tolist() == [0, 1, 2, 3, 4, 5]
        assert other.figures.keys() == one.figures.keys()
        for key, values in one.figures.items():
            np.testing.assert_array_equal(values, other.figures[key], err_msg=key)


def test_more_replications_keep_the_first_ones():
    """Night r is night r, however many are run."""
    few = replicate(DEMAND.draw, floor(6), measure=MEASURE, seed=5, replications=3, turns=True)
    more = replicate(DEMAND.draw, floor(6), measure=MEASURE, seed=5, replications=5, turns=True)
    pd.testing.assert_frame_equal(few.nights, more.nights.iloc[:3])


def test_it_grows_until_the_half_width_is_small_enough():
    """It stops as soon as a round meets the target, and not before the last round did not."""
    found = replicate(coin, ONE, measure=reply_s, seed=1, replications=5, until={"reply_s": 2.0})
    assert found.complete
    assert found.bands().loc["reply_s", "half_width"] <= 2.0
    assert 5 < len(found) < 400
    assert half_width(found.figures["reply_s"][: len(found) // 2], confidence=0.95) > 2.0


def test_it_stops_at_the_limit_and_says_so():
    """A target that cannot be met within the limit comes back incomplete, with the limit's nights."""
    found = replicate(coin, ONE, measure=reply_s, seed=1, replications=4, until={"reply_s": 0.01}, max_replications=25)
    assert len(found) == 25
    assert not found.complete


def test_a_target_that_is_met_at_once_costs_no_more():
    """The first round is enough for a wide target."""
    found = replicate(coin, ONE, measure=reply_s, seed=1, replications=4, until={"reply_s": 1000.0})
    assert len(found) == 4
    assert found.complete


def test_it_can_be_stopped_at_any_moment_with_what_it_has():
    """After a stop the finished nights come back, each what it would have been."""
    seen = []

    def slow(contacts, agents, result):
        time.sleep(0.005)
        return reply_s(contacts, agents, result)

    found = replicate(
        coin,
        ONE,
        measure=slow,
        seed=1,
        replications=500,
        workers=2,
        on_progress=lambda done, planned: seen.append((done, planned)),
        stop=lambda: len(seen) >= 3,
    )
    assert 3 <= len(found) < 500
    assert not found.complete
    assert seen == sorted(seen)
    assert {planned for _, planned in seen} == {500}
    for number, value in zip(found.numbers, found.figures["reply_s"], strict=True):
        assert value == coin(seed=1, replication=int(number)).handle[0]


def test_an_interrupt_from_the_keyboard_gives_what_it_has():
    """Ctrl-C in the middle returns the finished nights; before the first it is an interrupt."""

    def interrupt(done, planned):
        raise KeyboardInterrupt

    found = replicate(coin, ONE, measure=reply_s, seed=1, replications=50, on_progress=interrupt)
    assert 1 <= len(found) < 50
    assert not found.complete

    def at_once():
        raise KeyboardInterrupt

    def slow(contacts, agents, result):
        time.sleep(0.3)
        return {}

    with pytest.raises(KeyboardInterrupt):
        replicate(coin, ONE, measure=slow, seed=1, replications=2, stop=at_once)


def test_stopping_before_the_first_night_gives_none():
    """A stop that comes at once leaves an empty, incomplete result rather than an error."""

    def slow(contacts, agents, result):
        time.sleep(0.2)
        return reply_s(contacts, agents, result)

    found = replicate(coin, ONE, measure=slow, seed=1, replications=50, workers=1, stop=lambda: True)
    assert len(found) <= 2
    assert not found.complete
    assert len(found.bands()) <= 1


def test_an_error_of_one_night_is_not_swallowed():
    """A measure that fails stops the run with its own error."""

    def broken(contacts, agents, result):
        raise RuntimeError("no such figure")

    with pytest.raises(RuntimeError, match="no such figure"):
        replicate(coin, ONE, measure=broken, seed=1, replications=8)


def test_variants_with_the_same_draw_are_drawn_once():
    """Three variants of five nights take five draws."""
    drawn = []

    def draw(*, seed, replication):
        drawn.append(replication)
        return coin(seed=seed, replication=replication)

    variants = {str(n): Variant(draw=draw, agents=ONE) for n in range(3)}
    found = replicate_variants(variants, measure=reply_s, seed=1, replications=5)
    assert sorted(drawn) == [0, 1, 2, 3, 4]
    assert found["0"].figures["reply_s"].tolist() == found["2"].figures["reply_s"].tolist()


@pytest.fixture(scope="module")
def plan_and_more():
    """Simulate the plan, two people more, a copy of the plan, and the plan on other buyers."""
    variants = {
        "plan": Variant(draw=DEMAND.draw, agents=floor(5)),
        "more": Variant(draw=DEMAND.draw, agents=floor(7)),
        "copy": Variant(draw=DEMAND.draw, agents=floor(5), policy=Policy(), disruptions=Disruptions()),
        "strangers": Variant(
            draw=lambda *, seed, replication: DEMAND.draw(seed=seed + 1, replication=replication), agents=floor(7)
        ),
    }
    return replicate_variants(variants, measure=replace(MEASURE, grid=None), seed=5, replications=20, turns=True)


def test_two_more_people_are_clearly_better_on_the_same_buyers(plan_and_more):
    """The paired band of the lost share lies below 0, and is much narrower than with other buyers."""
    same = compare(plan_and_more["plan"], plan_and_more["more"]).loc["lost_share"]
    other = compare(plan_and_more["plan"], plan_and_more["strangers"]).loc["lost_share"]
    assert same["high"] < 0
    assert same["better"] is True
    assert same["half_width"] < 0.7 * other["half_width"]
    money = compare(plan_and_more["plan"], plan_and_more["more"]).loc["sales_lost"]
    assert money["difference"] < 0
    assert money["better"] is True


def test_a_copy_differs_by_nothing(plan_and_more):
    """Equal variants differ by exactly 0, which is clear of nothing and better in no way."""
    table = compare(plan_and_more["plan"], plan_and_more["copy"])
    assert (table["difference"] == 0).all()
    assert not table["clear"].any()
    assert table["better"].isna().all()


def test_worse_is_not_better_and_neutral_is_neither(plan_and_more):
    """Fewer people are worse where a KPI has a side; occupancy has none."""
    table = compare(plan_and_more["more"], plan_and_more["plan"])
    assert table.loc["lost_share", "better"] is False
    assert table.loc["occupancy", "clear"]
    assert table.loc["occupancy", "better"] is None


def test_comparisons_use_the_nights_that_both_have():
    """A stopped run is compared on its own nights; with none in common there is nothing to compare."""
    a = Replications(numbers=np.array([0, 1, 2, 3]), figures={"kpi": np.array([1.0, 2.0, 3.0, 4.0])})
    b = Replications(numbers=np.array([1, 3, 7]), figures={"kpi": np.array([2.5, 4.5, 9.0])}, complete=False)
    row = compare(a, b).loc["kpi"]
    assert (row["a"], row["b"], row["difference"]) == (3.0, 3.5, 0.5)
    with pytest.raises(ValueError, match="no replication in common"):
        compare(a, Replications(numbers=np.array([9]), figures={"kpi": np.array([1.0])}))


def test_growth_of_variants_is_judged_by_their_difference():
    """The half-width that is made small is the one of the paired difference."""

    def longer(*, seed, replication):
        contacts = coin(seed=seed, replication=replication)
        return replace(contacts, handle=contacts.handle * 1.1)

    variants = {"plan": Variant(draw=coin, agents=ONE), "longer": Variant(draw=longer, agents=ONE)}
    found = replicate_variants(variants, measure=reply_s, seed=1, replications=10, until={"reply_s": 1.0})
    assert compare(found["plan"], found["longer"]).loc["reply_s", "half_width"] <= 1.0
    assert found["plan"].bands().loc["reply_s", "half_width"] > 1.0


def test_bands_are_students_t_and_percentiles():
    """The band of the mean equals scipy's t interval; the nights' band its percentiles; nan nights are left out."""
    values = np.random.default_rng(3).normal(5.0, 2.0, 17)
    nights = Replications(numbers=np.arange(18), figures={"kpi": np.append(values, math.nan)})
    row = nights.bands(confidence=0.9).loc["kpi"]
    low, high = stats.t.interval(0.9, 16, loc=values.mean(), scale=stats.sem(values))
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert (row["p05"], row["p95"]) == pytest.approx(tuple(np.percentile(values, [5, 95])))


def test_nine_bands_in_ten_hold_the_truth():
    """Of 4,000 bands of six normal nights, 90 % hold the true mean (within four standard errors)."""
    samples = np.random.default_rng(3).normal(5.0, 2.0, (4000, 6))
    holds = [abs(sample.mean() - 5.0) <= half_width(sample, confidence=0.9) for sample in samples]
    assert np.mean(holds) == pytest.approx(0.9, abs=4 * math.sqrt(0.09 / 4000))


def test_figures_by_interval_have_bands_by_interval():
    """A measure that gives one number an interval is kept whole and banded interval by interval."""
    found = replicate(DEMAND.draw, floor(6), measure=MEASURE, seed=5, replications=5, turns=True, trace=True)
    band = found.band("offered_by_interval", index=NIGHT.starts)
    assert list(band.index) == list(NIGHT.starts)
    assert band["mean"].sum() == pytest.approx(found.bands().loc["offered", "mean"])
    assert "offered_by_interval" not in found.nights
    assert {"open_chats_by_interval", "occupancy_by_interval"} <= found.figures.keys()
    with pytest.raises(ValueError, match="single number"):
        found.band("offered")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"replications": 0}, "replications must lie in"),
        ({"replications": 30, "max_replications": 20}, "replications must lie in"),
        ({"until": {"reply_s": 0.0}}, "half-width > 0"),
        ({"workers": 0}, "workers"),
    ],
)
def test_wrong_numbers_are_refused(wrong, says):
    """The sentence says which argument and what is allowed."""
    with pytest.raises(ValueError, match=says):
        replicate(coin, ONE, measure=reply_s, seed=1, **({"replications": 2} | wrong))
    with pytest.raises(ValueError, match="at least one"):
        replicate_variants({}, measure=reply_s, seed=1)
    with pytest.raises(ValueError, match="confidence"):
        Replications(numbers=np.arange(1), figures={"kpi": np.zeros(1)}).bands(confidence=1.0)
