"""The comparison: the same buyers in every scenario, laws of the counts, recovery and first failure by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from simlib.kpis import NightLog, buyers_waiting, by_interval, open_chats
from simlib.simulator import Agents, Contacts, simulate
from simlib.simulator.replicate import Replications, replicate_variants
from simlib.stress import Incident, Scenario, StressTest, rehearse_scenarios, standard_scenarios
from simlib.stress.compare import (
    PLAN,
    StressMeasure,
    chat_places,
    rehearse_nights,
)
from tests.conftest import clock

TARGETS = {"service_level": 0.8, "wangwang_3min": 0.9, "lost_share": 0.05}


@pytest.fixture(scope="module")
def test(night):
    """All scenarios of the house, six nights each."""
    return rehearse_scenarios(night, standard_scenarios(night), seed=7, replications=6, targets=TARGETS)


def test_every_contact_has_one_end(test):
    """In each night of each scenario the bot's, the answered, those who left and the unserved make up the offered."""
    for nights in test.nights.values():
        simulated = nights.nights
        people = simulated[["answered", "abandoned", "silent", "unserved"]].sum(axis=1)
        assert np.allclose(people, simulated["human"])
        assert np.allclose(simulated["human"] + simulated["bot_resolved"], simulated["offered"])


def test_scenarios_meet_the_plans_buyers(test):
    """What changes nothing about the buyers meets exactly as many; a surge more, a moved opening as many."""
    plan = test.nights[PLAN].nights
    for name in (
        "tool_down",
        "power_cut",
        "network_down",
        "no_shows",
        "slow_replies",
        "bot_down",
        "wave_moved",
    ):
        assert (test.nights[name].nights["offered"] == plan["offered"]).all()
    assert (test.nights["surge"].nights["offered"] > plan["offered"]).all()
    assert (test.nights["bot_down"].nights["human"] > plan["human"]).all()
    assert (test.nights["bot_share_up"].nights["human"] < plan["human"]).all()


def test_money_adds_up(test):
    """Sales kept and lost together are what the offered presale contacts are worth."""
    for name in ("plan", "power_cut", "surge"):
        simulated = test.nights[name].nights
        worth = (simulated["sales_kept"] + simulated["sales_lost"]) / 100.0
        assert np.allclose(worth, np.rint(worth))
        assert (worth < simulated["offered"]).all()


def test_the_ranking_is_the_paired_difference(test):
    """Each line is the mean difference to the plan on the same nights; the dearest comes first, failures cost."""
    ranking = test.ranking
    plan = test.nights[PLAN].nights["sales_lost"]
    for row in ranking.itertuples():
        own = test.nights[row.scenario].nights["sales_lost"]
        assert row.extra_lost_cny == pytest.approx((own - plan).mean())
        assert row.extra_lost_cny_low <= row.extra_lost_cny <= row.extra_lost_cny_high
    assert ranking["extra_lost_cny"].is_monotonic_decreasing
    cost = ranking.set_index("scenario")["extra_lost_cny"]
    assert (cost[["tool_down", "power_cut", "network_down", "surge", "slow_replies"]] > 0).all()
    assert cost["bot_share_up"] < 0 < cost["bot_share_down"]
    assert cost["network_down"] < cost["power_cut"] < cost["tool_down"] * 2
    assert test.worst.name == ranking["scenario"].iloc[0]


def test_a_scenario_that_changes_nothing_costs_nothing(night):
    """A surge of x1 and a window of nobody's absence give the plan's night to the last figure."""
    window = {"start": clock("21:00"), "end": clock("22:00")}
    calm = Scenario(
        name="calm",
        incidents=(
            Incident(kind="contacts", size=1.0, **window),
            Incident(kind="absent", size=0.0, **window),
            Incident(kind="slow", size=1.0, **window),
        ),
    )
    calm_test = rehearse_scenarios(night, [calm], seed=7, replications=2, targets=TARGETS)
    for key, values in calm_test.nights[PLAN].figures.items():
        assert np.array_equal(values, calm_test.nights["calm"].figures[key], equal_nan=True), key
    assert calm_test.first_failure("calm") is None
    assert calm_test.recovery_min("calm").tolist() == [0.0, 0.0]


def test_waiting_and_open_chats_against_the_trace(night):
    """The two curves are those of the simulator's own trace and of a count of who waits at every second."""
    contacts = night.demand().draw(seed=7, replication=0)
    agents = night.agents()
    result = simulate(contacts, agents, night.policy, turns=True, trace=True)
    log = NightLog.of(contacts, agents, result, queues=night.queues, opens=night.grid.opens)
    steps = StressMeasure(night=night).steps
    traced = by_interval(log, grid=steps, threshold_s=60)["open_chats"].to_numpy()
    close_s = night.policy.silent_close_s  # the trace also counts the place that a silent buyer's window holds on to
    silent = (log.contacts["outcome"] == "silent").sum()
    mine = open_chats(log, steps)
    assert (mine <= traced + 1e-9).all()
    assert (traced - mine).sum() * steps.step_s <= silent * (close_s + 600)
    seconds = np.arange(0, steps.edges_s[-1], 10.0) + 5.0
    frame = log.contacts
    until = np.fmin(frame["first_reply"], frame["end"]).to_numpy()
    asked = frame["asked"].to_numpy()
    counted = [((asked <= second) & (until > second)).sum() for second in seconds]
    assert np.allclose(buyers_waiting(log, steps), np.reshape(counted, (steps.n, -1)).mean(axis=1), atol=0.6)


def test_places_by_hand(night):
    """Twelve people with four places; a dark room takes a third, twice is not more, a meal takes them too."""
    steps = StressMeasure(night=night).steps
    places = chat_places(night, steps)
    assert places[0] == pytest.approx(48)
    assert places[9] == pytest.approx(36)  # 21:30, three at their meal
    assert places[-1] == pytest.approx(36)  # after 23:00 nine are left
    room = Incident(kind="seats_down", start=clock("20:00"), end=clock("20:15"), room="N1")
    dark = room.apply_to(room.apply_to(night))
    assert chat_places(dark, steps)[:3].tolist() == pytest.approx([32, 40, 48])


def test_recovery_by_hand(night):
    """The last step in which clearly more wait than in the plan ends the recovery; to the end of night it is inf."""
    window = {"start": clock("21:00"), "end": clock("21:20")}
    scenario = Scenario(name="dark", incidents=(Incident(kind="bot_down", **window),))
    usual = np.full((4, 30), 10.0)
    waiting = usual.copy()
    waiting[0, 6:11] = 20.0  # from 21:00 to 21:50
    waiting[1, 6] = 20.0  # over before the end
    waiting[2, 6:12] = 12.9  # at most three more
    waiting[3, 6:] = 14.0
    numbers = np.arange(4)
    by_hand = StressTest(
        night=night,
        scenarios=(scenario,),
        scenario_nights={"dark": scenario.apply_to(night)},
        nights={
            name: Replications(numbers=numbers, figures={"waiting_by_step": curve})
            for name, curve in ((PLAN, usual), ("dark", waiting))
        },
    )
    assert by_hand.recovery_min("dark").tolist() == [30.0, 0.0, 0.0, np.inf]


def test_what_fails_first(test, night):
    """With the client down on the minute nobody has a place at once; what fails begins in the scenario, not before."""
    window = {"start": clock("21:20"), "end": clock("21:40")}
    dark = Scenario(name="dark", incidents=(Incident(kind="seats_down", **window),))
    with_incidents = rehearse_scenarios(night, [dark], seed=7, replications=3, targets=TARGETS)
    assert with_incidents.first_failure("dark") == ("places_full", clock("21:20"))
    for scenario in test.scenarios:
        failure = test.first_failure(scenario.name)
        if failure is not None:
            key, when = failure
            assert when >= scenario.start.floor("10min")
            assert key in ("places_full", "first_response", "service_level", "wangwang_3min")


def test_the_course_and_the_saturation(test, night):
    """The course has the night's thirty steps with bands in order; the saturation lists those on duty, sorted."""
    course = test.course("power_cut")
    assert len(course) == 30
    for key in ("open_chats", "waiting", "first_response", "platform_rate"):
        filled = course.dropna(subset=[key])
        assert (filled[f"{key}_low"] <= filled[f"{key}_high"] + 1e-9).all()
    table = test.saturation("no_shows")
    assert len(table) == test.scenario_nights["no_shows"].roster["agent_id"].nunique() < len(night.people)
    assert table["saturation"].is_monotonic_decreasing
    assert table["saturation"].between(0, 1.5).all()


def test_the_same_seed_gives_the_same_test(night):
    """One worker or two, the figures are the same to the last bit."""
    scenarios = standard_scenarios(night)[:3]
    runs = [rehearse_scenarios(night, scenarios, seed=3, replications=3, workers=workers).nights for workers in (1, 2)]
    for name in runs[0]:
        for key, values in runs[0][name].figures.items():
            assert np.array_equal(values, runs[1][name].figures[key], equal_nan=True), (name, key)


def test_it_shows_progress_and_stops(night):
    """Progress counts up to the nights asked for; a stop gives the finished nights, all scenarios alike."""
    seen = []
    scenarios = standard_scenarios(night)[:2]
    rehearse_scenarios(night, scenarios, seed=7, replications=3, on_progress=lambda *done: seen.append(done), workers=1)
    assert seen[-1] == (3, 3)
    stopped = rehearse_scenarios(
        night,
        scenarios,
        seed=7,
        replications=400,
        stop=lambda: len(seen) > 3,
        on_progress=lambda *d: seen.append(d),
    )
    assert not stopped.complete
    assert 0 < len(stopped.nights[PLAN]) < 400
    assert len({len(nights) for nights in stopped.nights.values()}) == 1
    assert len(stopped.ranking) == 2


def test_names_and_targets_are_checked(night):
    """Two scenarios of one name and a target that has no better side are refused."""
    scenario = standard_scenarios(night)[0]
    with pytest.raises(ValueError, match="'surge' twice"):
        rehearse_scenarios(night, [scenario, scenario], seed=7, replications=1)
    with pytest.raises(ValueError, match="'occupancy'"):
        rehearse_scenarios(night, [scenario], seed=7, replications=1, targets={"occupancy": 0.8})


def test_sharing_drawn_buyers_changes_nothing(night):
    """Nights that share one draw give the figures that each gives on its own draw."""
    with_incidents = {scenario.name: scenario.apply_to(night) for scenario in standard_scenarios(night)[:5]}
    shared = rehearse_nights({PLAN: night, **with_incidents}, seed=7, replications=2)
    for name, changed in with_incidents.items():
        alone = replicate_variants(
            {name: changed.variant()}, measure=StressMeasure(night=night), seed=7, replications=2, turns=True
        )[name]
        for key, values in alone.figures.items():
            assert np.array_equal(values, shared[name].figures[key], equal_nan=True), (name, key)


def test_put_off_buyers_come_back_later(night):
    """A deferral moves arrivals of its queue by its time and loses nobody; each keeps all that was drawn."""
    from simlib.night.buyers import Deferral

    put_off = replace(night, deferrals=(Deferral(start_s=3600, end_s=5400, queue="aftersale", later_s=5400),))
    plan, later = (each.buyers().draw(seed=7, replication=0) for each in (night, put_off))
    moved = (plan.queue == 1) & (plan.arrival >= 3600) & (plan.arrival < 5400)
    assert moved.any()
    expected = np.where(moved, plan.arrival + 5400, plan.arrival)
    order = np.argsort(expected, kind="stable")
    assert np.array_equal(later.arrival, expected[order])
    assert np.array_equal(later.patience, plan.patience[order])
    totals = [np.add.reduceat(c.handle, c.first_turn[:-1]) for c in (plan, later)]
    assert np.allclose(totals[1], totals[0][order])


def test_an_empty_floor_has_no_saturation(night):
    """People without a shift have no places, so their share is unknown and not zero."""
    contacts = Contacts(arrival=[0.0], handle=30.0)
    agents = Agents(capacity=[2, 2], shifts=[(0, 0, 3600)])
    result = simulate(contacts, agents, turns=True)
    figures = StressMeasure(night=night)(contacts, agents, result)
    assert figures["saturation_by_agent"][0] == pytest.approx(30 / 7200)
    assert np.isnan(figures["saturation_by_agent"][1])
    assert pd.isna(figures["first_response_by_step"][1])
