"""Levers: what each does and when, what it costs, the search against all sets, the reserve against every number."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from simlib import facts
from simlib.messages import glossary
from simlib.stress import (
    Incident,
    Lever,
    Scenario,
    ScenarioError,
    apply_levers,
    best_answer,
    find_scenario,
    levers_for,
    map_levers,
    smallest_reserve,
    standard_scenarios,
)
from simlib.stress.compare import rehearse_nights
from simlib.stress.levers import LEVERS
from tests.conftest import clock

HOUR_CNY = 40.0 * 1.5


def lever(kind, size=None, decided="21:00", until="22:30"):
    """Make a lever of the small night."""
    return Lever(kind=kind, decided=clock(decided), until=clock(until), size=size)


def scenario_of(night, name):
    """Look up one of the house's scenarios."""
    return find_scenario(standard_scenarios(night), name)


def test_the_pool_is_seated_ten_minutes_later(night):
    """Six people more from 21:10 to 22:30, of the middle kind, at their cost of overtime; nobody else is touched."""
    with_levers = lever("call_pool", 6).apply(night)
    shifts = with_levers.agents().shifts
    newcomers = shifts[shifts["agent"] >= 12]
    assert newcomers.tolist() == [(agent, 4200.0, 9000.0) for agent in range(12, 18)]
    assert with_levers.agents().capacity[12:].tolist() == [4] * 6
    assert shifts[shifts["agent"] < 12].tolist() == night.agents().shifts.tolist()
    assert lever("call_pool", 6).cost_cny(night) == pytest.approx(6 * 80 / 60 * HOUR_CNY)


def test_the_pool_shares_what_affects_everybody(night):
    """A chat client that is down or slow for all is so for those who are called; a dark room is not."""
    window = {"start": clock("21:00"), "end": clock("22:00")}
    everybody = Incident(kind="seats_down", **window).apply_to(night)
    assert {row[0] for row in lever("call_pool", 2).apply(everybody).disruptions.down.tolist()} == set(range(14))
    slow = Incident(kind="slow", size=2.0, **window).apply_to(night)
    assert len(lever("call_pool", 2).apply(slow).disruptions.slow) == 14
    room = Incident(kind="seats_down", room="N1", **window).apply_to(night)
    assert len(lever("call_pool", 2).apply(room).disruptions.down) == 4


def test_more_chats_each(night):
    """The limit of everybody rises, at no cost."""
    with_levers = lever("raise_concurrency", 2).apply(night)
    assert with_levers.agents().capacity.tolist() == [6] * 12
    assert lever("raise_concurrency", 2).cost_cny(night) == 0


def test_only_who_would_leave_stays_longer(night):
    """Two of the early team end at 23:00 while the lever is on and stay an hour; those till one do not."""
    apply = lever("extend_shifts", 60, until="23:30")
    with_levers = apply.apply(night)
    last = with_levers.roster[with_levers.roster["activity"] == "chat"].groupby("agent_id")["end"].max()
    before = night.roster[night.roster["activity"] == "chat"].groupby("agent_id")["end"].max()
    stayed = last[last > before]
    early = before[before < clock("01:00")].index
    inside = before[(before >= clock("21:05")) & (before < clock("23:30"))].index
    assert set(stayed.index) == set(inside) <= set(early)
    assert len(stayed) > 0
    assert ((last - before)[stayed.index] == pd.Timedelta(hours=1)).all()
    assert apply.cost_cny(night) == pytest.approx(len(stayed) * HOUR_CNY)


def test_meals_come_after_the_incident(night):
    """A meal from 21:30 to 22:00 is taken at 22:30 instead; nobody's time at work or at rest changes."""
    with_levers = lever("move_breaks").apply(night)
    meals = with_levers.roster[with_levers.roster["activity"] == "meal"].set_index("agent_id")
    assert (meals.loc[["A00", "A01", "A02"], "start"] == clock("22:30")).all()
    assert (meals.loc[["A03", "A11"], "start"] == clock("22:30")).all()  # not meanwhile: as it was

    def hours(table, activity):
        rows = table[table["activity"] == activity]
        return (rows["end"] - rows["start"]).groupby(rows["agent_id"]).sum().sort_index()

    for activity in ("chat", "meal"):
        pd.testing.assert_series_equal(hours(with_levers.roster, activity), hours(night.roster, activity))
    for _, rows in with_levers.roster.groupby("agent_id"):
        ordered = rows.sort_values("start")
        assert (ordered["start"].to_numpy()[1:] >= ordered["end"].to_numpy()[:-1]).all()


def test_a_meal_with_nowhere_to_go_stays(night):
    """Who is not on chat after the lever keeps the meal where it was."""
    until_end = lever("move_breaks", until="01:00")
    pd.testing.assert_frame_equal(
        until_end.apply(night).roster.sort_values(["agent_id", "start"], ignore_index=True),
        night.roster.sort_values(["agent_id", "start"], ignore_index=True),
    )


def test_the_bot_takes_more_and_costs_goodwill(night):
    """Ten points more from 21:05 on, and a tenth of the worth of the contacts moved is its cost."""
    apply = lever("shift_bot_share", 0.1, until="22:05")
    (episode,) = apply.apply(night).episodes
    assert (episode.start_s, episode.end_s, episode.bot_share_change) == (3900.0, 7500.0, 0.1)
    presale = 120 * 25 / 30 + 90 + 70 * 5 / 30
    assert apply.cost_cny(night) == pytest.approx(0.1 * presale * 100 * 0.1)


def test_aftersale_is_asked_to_come_later(night):
    """After-sale buyers of the window come back when it is over, at two yuan of goodwill each."""
    apply = lever("triage_aftersale", until="22:05")
    (deferral,) = apply.apply(night).deferrals
    assert (deferral.queue, deferral.start_s, deferral.end_s, deferral.later_s) == (
        "aftersale",
        3900,
        7500,
        3600,
    )
    assert apply.cost_cny(night) == pytest.approx(2 * 0.4 * (120 * 25 / 30 + 90 + 70 * 5 / 30))


def test_chats_of_dark_seats_are_handed_over(night):
    """Two minutes after a seat goes dark its chats go to others, which the plan never does."""
    assert np.isnan(night.policy.transfer_s)
    assert lever("hand_over_sites").apply(night).policy.transfer_s == 120.0


def test_a_lever_that_comes_too_late_does_nothing(night):
    """A pool that would be seated after its end neither comes nor costs."""
    late = lever("call_pool", 6, decided="22:25", until="22:30")
    assert late.apply(night) is night
    assert late.cost_cny(night) == 0.0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: lever("call_pol", 3), "nearest is call_pool"),
        (lambda: lever("call_pool", -1), "between 0 and 500"),
        (lambda: lever("call_pool"), "between 0 and 500"),
        (lambda: lever("move_breaks", 3), "has no size"),
        (lambda: lever("call_pool", 3, until="20:30"), "after it begins"),
    ],
)
def test_a_lever_is_checked_at_birth(make, says):
    """An unknown lever, a size out of range, missing or out of place, and a time that runs back are refused."""
    with pytest.raises(ScenarioError, match=says):
        make()


def test_a_lever_twice_is_refused(night):
    """The sentence names the lever and what else there is, in both languages; outside the night is refused, too."""
    with pytest.raises(ScenarioError) as refused:
        apply_levers(night, [lever("call_pool", 3), lever("move_breaks"), lever("call_pool", 6)])
    assert "Call the pool is applied twice" in refused.value.text("en")
    assert "叫机动人员到岗" in refused.value.text("zh")
    assert "raise_concurrency" in refused.value.text("zh")
    with pytest.raises(ScenarioError, match="outside the night"):
        apply_levers(night, [lever("call_pool", 3, decided="19:30")])
    with pytest.raises(ScenarioError, match="applied twice"):
        map_levers(night, scenario_of(night, "surge"), across="call_pool", up="call_pool", seed=1, replications=1)
    with pytest.raises(ScenarioError, match="no such lever"):
        map_levers(night, scenario_of(night, "surge"), across="call_pool", up="move_breaks", seed=1, replications=1)


def test_levers_facts_and_words_belong_together(night):
    """Each lever has a fact with a delay and a name; the cards apply only levers that exist."""
    known = facts.table("levers").set_index("key")
    for kind in LEVERS:
        assert known.loc[kind, "delay_min"] >= 0
        assert kind in glossary()
    with_levers = {kind for levers in facts.table("incidents")["levers"] for kind in levers}
    assert with_levers <= set(LEVERS)
    for scenario in standard_scenarios(night):
        for each in levers_for(night, scenario):
            assert scenario.start < each.decided < each.until <= clock("01:00")


def lost(nights, **how):
    """Simulate nights and return each one's sales lost, night by night."""
    simulated = rehearse_nights(nights, course=False, **how)
    return {name: each.figures["sales_lost"] for name, each in simulated.items()}


def test_the_search_against_every_set_of_levers(night):
    """Of four levers the greedy answer is as good as the best of all sixteen sets, within the chance of six nights."""
    scenario = scenario_of(night, "power_cut")
    choices = [each for each in levers_for(night, scenario) if each.kind in ("call_pool", "shift_bot_share")]
    choices += [each for each in levers_for(night, scenario) if each.kind in ("hand_over_sites", "move_breaks")]
    answer = best_answer(night, scenario, seed=7, replications=6, levers=choices)
    with_incidents = scenario.apply_to(night)
    sets = {" ".join(each.kind for each in chosen): chosen for n in range(5) for chosen in combinations(choices, n)}
    results = lost({key: apply_levers(with_incidents, chosen) for key, chosen in sets.items()}, seed=7, replications=6)
    net = {
        key: float((results[""] - results[key]).mean()) - sum(each.cost_cny(with_incidents) for each in chosen)
        for key, chosen in sets.items()
    }
    mine = " ".join(each.kind for each in choices if each in answer.levers)
    row = answer.table[answer.table["levers"].map(set) == {each.kind for each in answer.levers}].iloc[0]
    assert row["net_cny"] == pytest.approx(net[mine])
    best = max(net, key=net.get)
    spread = (results[mine] - results[best]).std(ddof=1) / np.sqrt(6)
    assert net[best] - net[mine] <= max(2.6 * spread, 1e-9)
    assert net[mine] > 0


def test_nothing_is_applied_where_nothing_helps(night):
    """Levers that cost and bring nothing are left alone: at a quiet hour the answer is to wait."""
    window = {"start": clock("00:00"), "end": clock("00:10")}
    calm = Scenario(name="calm", incidents=(Incident(kind="contacts", size=1.0, **window),))
    answer = best_answer(night, calm, seed=7, replications=5)
    assert not {"call_pool", "shift_bot_share"} & {each.kind for each in answer.levers}
    assert answer.table["net_cny"].is_monotonic_decreasing
    assert answer.table.loc[answer.table["levers"] == (), "net_cny"].item() == 0.0


def test_the_map_is_the_levers_themselves(night):
    """Each field of the map is what pulling both levers at its sizes gives; nothing of both gives nothing."""
    scenario = scenario_of(night, "surge")
    sizes = {"call_pool": [0, 4], "shift_bot_share": [0, 0.2]}
    grid = map_levers(
        night, scenario, across="call_pool", up="shift_bot_share", seed=7, replications=3, sizes=sizes
    ).set_index(["call_pool", "shift_bot_share"])["net_cny"]
    assert grid[0, 0] == 0.0
    with_incidents = scenario.apply_to(night)
    both = [each for each in levers_for(night, scenario, call_pool=4, shift_bot_share=0.2) if each.kind in sizes]
    results = lost({"": with_incidents, "both": apply_levers(with_incidents, both)}, seed=7, replications=3)
    expected = (results[""] - results["both"]).mean() - sum(each.cost_cny(with_incidents) for each in both)
    assert grid[4, 0.2] == pytest.approx(expected)


def test_the_reserve_is_the_smallest(night):
    """By trying every number: with one person fewer too few nights hold, and with the reserve enough do."""
    scenarios = [scenario_of(night, name) for name in ("surge", "network_down", "no_shows")]
    targets = {"lost_share": 0.08}
    found = smallest_reserve(night, scenarios, targets=targets, seed=7, replications=8, held_share=0.9, most=16)

    def share(reserve):
        kept = []
        for scenario in scenarios:
            pool = [each for each in levers_for(night, scenario, call_pool=reserve) if each.kind == "call_pool"]
            nights = rehearse_nights(
                {"": apply_levers(scenario.apply_to(night), pool)}, course=False, seed=7, replications=8
            )
            kept.append((nights[""].figures["lost_share"] <= 0.08).mean())
        return np.mean(kept)

    assert found.agents is not None
    assert share(found.agents) >= 0.9
    assert found.agents == 0 or share(found.agents - 1) < 0.9
    row = found.table.set_index("reserve_agents").loc[found.agents]
    assert row["held_share"] == pytest.approx(share(found.agents))
    assert row["held_share"] == pytest.approx(row[[each.name for each in scenarios]].mean())


def test_no_reserve_is_enough(night):
    """Where even the largest reserve misses the target the answer is none; where the plan holds it is nobody."""
    dark = [scenario_of(night, "tool_down")]
    assert smallest_reserve(night, dark, targets={"lost_share": 0.0}, seed=7, replications=2, most=3).agents is None
    assert smallest_reserve(night, dark, targets={"lost_share": 1.0}, seed=7, replications=2, most=3).agents == 0
    with pytest.raises(ValueError, match="held_share"):
        smallest_reserve(night, dark, targets={"lost_share": 1.0}, seed=7, replications=2, held_share=0)
    with pytest.raises(ValueError, match="targets"):
        smallest_reserve(night, dark, targets={}, seed=7, replications=2)


def test_a_stopped_search_gives_what_it_has(night):
    """A search that is stopped in its first round still has a table with waiting it out in it."""
    answer = best_answer(replace(night), scenario_of(night, "surge"), seed=7, replications=300, stop=lambda: True)
    assert answer.levers == ()
    assert () in set(answer.table["levers"])
