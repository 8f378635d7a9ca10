"""Scenarios: what each kind does to a night and to nothing else, and what is refused in whose words."""

from dataclasses import fields, replace
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from simlib import facts, load_store
from simlib.messages import HOUSE, UserError, glossary
from simlib.simulator import Contacts, simulate
from simlib.store import save_store
from simlib.store.models import INCIDENT_SIZES, IncidentKind
from simlib.stress import (
    Incident,
    Scenario,
    ScenarioError,
    find_scenario,
    keep_scenario,
    list_incidents,
    moment_of,
    read_scenarios,
    standard_scenarios,
)
from simlib.stress.result import collect_scenarios
from simlib.stress.scenarios import KINDS, busiest_moment, people_at
from tests.conftest import clock

USUAL = {"contacts": 1.5, "handling": 1.4, "bot_share": -0.2, "slow": 1.5, "absent": 0.5}
WHOLE = {"start": clock("20:00"), "end": clock("01:00")}


def incident(kind, start="21:00", end="22:00", **details):
    """Make an incident of a usual size."""
    return Incident(kind=kind, start=clock(start), end=clock(end), size=USUAL.get(kind), **details)


def draw(night, replication=0):
    """Draw the buyers of a night, episodes included."""
    return night.buyers().draw(seed=7, replication=replication)


def rows(contacts):
    """List every contact with all that was drawn for it, so that two nights can be compared contact by contact."""
    first = contacts.first_turn
    listed = []
    for index in range(len(contacts)):
        turns = slice(first[index], first[index + 1])
        single = [getattr(contacts, f.name)[index] for f in fields(Contacts) if f.name not in ("handle", "think")]
        listed.append(repr([*single, contacts.handle[turns].tolist(), contacts.think[turns].tolist()]))
    return listed


@pytest.mark.parametrize("kind", ["contacts", "handling", "bot_share"])
def test_buyers_outside_the_window_are_untouched(night, kind):
    """Who arrives before or after the incident is as in the plan, but for chats that a weaker bot has as it begins."""
    plan = draw(night)
    changed = draw(incident(kind, "21:07", "21:49").apply_to(night))
    if kind == "bot_share":
        early = plan.arrival < 67 * 60
        flying = early & (plan.arrival + plan.bot > 67 * 60)
        resolves = changed.bot_resolves.copy()
        assert not (resolves[: early.sum()] & ~plan.bot_resolves[early]).any()
        resolves[: early.sum()][flying[early]] = plan.bot_resolves[early][flying[early]]
        changed = replace(changed, bot_resolves=resolves)
    inside = [(seconds >= 67 * 60) & (seconds < 109 * 60) for seconds in (plan.arrival, changed.arrival)]
    listed = [np.array(rows(contacts))[~within] for contacts, within in zip((plan, changed), inside, strict=True)]
    assert listed[0].tolist() == listed[1].tolist()
    assert np.array(rows(plan))[inside[0]].tolist() != np.array(rows(changed))[inside[1]].tolist()


def test_a_surge_only_adds_buyers(night):
    """Every buyer of the plan is there in the surge, identical; the extra ones are about half, in the window."""
    extra = []
    for replication in range(20):
        plan, surge = (
            rows(draw(night, replication)),
            rows(draw(incident("contacts").apply_to(night), replication)),
        )
        assert set(plan) <= set(surge)
        extra.append(len(surge) - len(plan))
    expected = 0.5 * 1.4 * (120 + 90)
    assert abs(np.mean(extra) - expected) < 4 * np.sqrt(expected / 20)


def test_a_surge_of_nobody_empties_the_window(night):
    """A factor of 0 for one queue leaves none of its buyers in the window, and all of the other's."""
    plan = draw(night)
    night = Incident(kind="contacts", start=clock("21:00"), end=clock("22:00"), size=0.0, queue="presale").apply_to(
        night
    )
    left = draw(night)
    inside = (left.arrival >= 3600) & (left.arrival < 7200)
    assert not (left.queue[inside] == 0).any()
    assert (left.queue == 1).sum() == (plan.queue == 1).sum()


def test_harder_contacts_are_the_same_contacts_slower(night):
    """Handling x 1.4 multiplies each reply of the window and changes neither buyers nor turns."""
    plan, harder = draw(night), draw(incident("handling", "20:00", "01:00").apply_to(night))
    assert np.allclose(harder.handle, 1.4 * plan.handle)
    assert np.array_equal(harder.turns, plan.turns)
    assert np.array_equal(harder.arrival, plan.arrival)


def test_a_weaker_bot_only_moves_buyers_over_the_line(night):
    """With a lower share the bot resolves a subset of those whom it resolved, and still meets everybody."""
    plan, weaker = draw(night), draw(incident("bot_share", "20:00", "01:00").apply_to(night))
    assert set(np.flatnonzero(weaker.bot_resolves)) < set(np.flatnonzero(plan.bot_resolves))
    assert np.array_equal(np.isnan(plan.bot), np.isnan(weaker.bot))


def test_incidents_on_top_of_each_other_multiply(night):
    """Two surges of x1.5 in overlapping hours make x2.25 where they overlap, whichever comes first."""
    early, late = incident("contacts", "21:00", "22:00"), incident("contacts", "21:30", "22:30")
    both = draw(late.apply_to(early.apply_to(night)))
    turned = draw(early.apply_to(late.apply_to(night)))
    assert rows(both) == rows(turned)
    counts = []
    for replication in range(30):
        arrival = draw(late.apply_to(early.apply_to(night)), replication).arrival
        counts.append(((arrival >= 5400) & (arrival < 7200)).sum())
    expected = 2.25 * 1.4 * 90
    assert abs(np.mean(counts) - expected) < 4 * np.sqrt(expected / 30)


@pytest.mark.parametrize(("old", "new"), [("21:00", "23:00"), ("21:00", "20:00"), ("21:00", "00:30")])
def test_a_moved_opening_keeps_its_buyers(night, old, new):
    """Nobody is lost when the opening moves: the same people with the same patience, the busiest half hour later."""
    moved = Incident(kind="opening_moved", start=clock(old), end=clock(new)).apply_to(night)
    assert moved.forecast["contacts"].sum() == pytest.approx(night.forecast["contacts"].sum())
    assert busiest_moment(moved) == clock(new)
    plan, later = draw(night), draw(moved)
    assert sorted(plan.patience.tolist()) == sorted(later.patience.tolist())
    before = min(clock(old), clock(new)) - night.grid.opens
    quiet = plan.arrival < before.total_seconds()
    assert np.array_equal(plan.arrival[quiet], later.arrival[later.arrival < before.total_seconds()])


def test_a_moved_opening_takes_its_minutes_along(night):
    """The burst of the first minutes moves with the opening."""
    from dataclasses import replace

    minutes = pd.Series(1.0, index=pd.date_range(night.grid.opens, periods=300, freq="min"))
    minutes[clock("21:00")] = 50.0
    moved = Incident(kind="opening_moved", start=clock("21:00"), end=clock("23:00")).apply_to(
        replace(night, minute_profile=minutes)
    )
    assert moved.minute_profile.idxmax() == clock("23:00")
    assert len(moved.minute_profile) == 300
    assert moved.minute_profile.index.is_monotonic_increasing


def test_seats_go_dark_where_the_incident_is(night):
    """A room takes its people, a site those of both its rooms, no place takes all, a seat takes one."""
    assert people_at(night, incident("seats_down", room="N1")).tolist() == [0, 3, 6, 9]
    assert people_at(night, incident("seats_down", site="North")).tolist() == [0, 1, 3, 4, 6, 7, 9, 10]
    assert len(people_at(night, incident("seats_down"))) == 12
    assert people_at(night, incident("seats_down", seat="seat-05")).tolist() == [5]
    down = incident("seats_down", room="N1").apply_to(night).disruptions.down
    assert down.tolist() == [(agent, 3600.0, 7200.0) for agent in (0, 3, 6, 9)]


def test_the_bot_and_the_client_fail_in_their_window(night):
    """A dead bot and a slow client are rows of the disruptions; both stand beside what was there before."""
    with_incidents = incident("slow", "22:00", "23:00").apply_to(incident("bot_down").apply_to(night))
    assert with_incidents.disruptions.bot_down.tolist() == [(3600.0, 7200.0)]
    assert with_incidents.disruptions.slow.tolist() == [(agent, 7200.0, 10800.0, 1.5) for agent in range(12)]


@pytest.mark.parametrize(("share", "gone"), [(0.0, 0), (0.25, 3), (0.5, 6), (1.0, 12)])
def test_no_shows_are_that_share_of_those_on_duty(night, share, gone):
    """A share of the people in the window is missing all night, and a larger share misses them too."""
    with_incidents = Incident(kind="absent", start=clock("21:00"), end=clock("21:10"), size=share).apply_to(night)
    assert night.roster["agent_id"].nunique() - with_incidents.roster["agent_id"].nunique() == gone
    assert len(with_incidents.people) == len(night.people)


def test_a_scenario_leaves_the_plan_as_it_is(night):
    """An incident changes a copy of the night: forecast, roster, services and disruptions of the plan stay."""
    before = (night.forecast.copy(), night.roster.copy(), dict(night.services))
    for scenario in standard_scenarios(night):
        scenario.apply_to(night)
    pd.testing.assert_frame_equal(night.forecast, before[0])
    pd.testing.assert_frame_equal(night.roster, before[1])
    assert night.services == before[2]
    assert night.episodes == ()
    assert len(night.disruptions.down) == 0


def test_the_house_has_the_scenarios_that_its_cards_rehearse(night):
    """Each card's scenario exists, each scenario has a card and a name, and all of them lie inside the night."""
    scenarios = standard_scenarios(night)
    cards = facts.table("incidents")
    assert set(cards["value"]) <= {scenario.name for scenario in scenarios}
    assert {card for scenario in scenarios for card in scenario.cards} <= set(cards["key"])
    assert len(scenarios) >= 12
    for scenario in scenarios:
        assert scenario.name in glossary()
        assert night.grid.opens <= scenario.start < scenario.end <= clock("01:00")


def on_roster(night):
    """Name the people who chat, in order."""
    return sorted(night.roster.loc[night.roster["activity"] == "chat", "agent_id"].unique())


@pytest.mark.parametrize("size", [-12, -5, -1, 1, 5, 12, 30])
def test_people_more_or_fewer(night, size):
    """The number is right, a smaller change is part of a larger one, and who is added works somebody's very shift."""
    changed = Incident(kind="people", size=size, cohort="own", **WHOLE).apply_to(night)
    before, after = on_roster(night), on_roster(changed)
    assert len(after) == len(before) + size
    smaller = on_roster(Incident(kind="people", size=size - np.sign(size), **WHOLE).apply_to(night))
    assert set(smaller) ^ set(after) <= set(before) ^ set(after)
    assert len(changed.agents()) == 12 + max(size, 0)
    for agent in set(after) - set(before):
        original = agent.partition("+")[0]
        mine, theirs = (changed.roster[changed.roster["agent_id"] == name] for name in (agent, original))
        columns = ["cohort", "queue", "start", "end", "activity"]
        assert mine[columns].to_numpy().tolist() == theirs[columns].to_numpy().tolist()
        seats = changed.people.set_index("agent_id")["seat"]
        assert seats[agent] == seats[original]


def test_who_is_added_is_affected_with_their_room(night):
    """Somebody added to a dark room sits in the dark, whether the people or the outage come first."""
    people = Incident(kind="people", size=12, **WHOLE)
    dark = incident("seats_down", room="N1")
    rows_of = [
        {row[1:] for row in with_incidents.disruptions.down.tolist() if row[0] >= 12}
        for with_incidents in (dark.apply_to(people.apply_to(night)), people.apply_to(dark.apply_to(night)))
    ]
    assert rows_of[0] == rows_of[1] != set()
    first, second = (
        len(with_incidents.disruptions.down)
        for with_incidents in (dark.apply_to(people.apply_to(night)), people.apply_to(dark.apply_to(night)))
    )
    assert first == second == 8


def test_a_seat_that_is_left_is_away_and_logged_off_when_it_is_noticed(night):
    """A named seat, or the first on duty; unnoticed until the end it is away alone, and a later incident keeps it."""
    hour = {"kind": "seat_left", "start": clock("21:00"), "end": clock("22:00")}
    left = Incident(size=20.0, seat="seat-05", **hour).apply_to(night)
    assert left.disruptions.away.tolist() == [(5, 3600.0, 7200.0)]
    assert left.disruptions.down.tolist() == [(5, 4800.0, 7200.0)]
    assert left.policy.transfer_s == 0.0
    unnoticed = incident("bot_down").apply_to(Incident(size=60.0, **hour).apply_to(night))
    assert unnoticed.disruptions.away.tolist() == [(0, 3600.0, 7200.0)]
    assert not len(unnoticed.disruptions.down)
    measured = [simulate(draw(each), each.agents(), each.policy, each.disruptions) for each in (night, unnoticed)]
    lost = [int((one.contacts["outcome"] != "bot").sum() - (one.contacts["replies"] > 0).sum()) for one in measured]
    assert lost[1] > lost[0]


def test_a_seat_can_only_be_left_in_a_shift(night):
    """A store's own scenario in which nobody sits there at that time is refused with both times."""
    store = load_store(HOUSE / "templates" / "stores" / "bodycare")
    nobody = night.roster[night.roster["agent_id"] != "A09"]
    gone = Incident(kind="seat_left", start=clock("23:10"), end=clock("23:40"), size=5.0, seat="seat-09")
    kept = keep_scenario(store, Scenario(name="too late", incidents=(gone,)))
    with pytest.raises(ScenarioError, match="nobody is on duty at that seat"):
        collect_scenarios(replace(night, roster=nobody), kept)


def test_wrong_weights_give_every_second_agent_more(night):
    """The heavy half takes clearly more of the chats, on the same buyers; whoever is added has the usual weight."""
    wrong = Incident(kind="weights", start=clock("21:00"), end=clock("22:00"), size=3.0).apply_to(night)
    assert wrong.policy.routing == "weighted"
    assert wrong.agents().weight.tolist() == [3.0, 1.0] * 6
    shares = []
    for each in (night, wrong):
        agent = simulate(draw(each), each.agents(), each.policy).contacts["agent"]
        shares.append((agent[agent >= 0] % 2 == 0).mean())
    assert shares[1] > shares[0] + 0.05
    more = Incident(kind="people", start=clock("21:00"), end=clock("22:00"), size=2).apply_to(wrong)
    assert len(more.agents().weight) == 14


def test_concurrency_never_falls_below_one(night):
    """Everybody holds so many chats more or fewer, but always one."""
    more, none = (Incident(kind="concurrency", size=size, **WHOLE).apply_to(night) for size in (2, -9))
    assert set(more.people["capacity"]) == {6}
    assert set(none.people["capacity"]) == {1}


def test_staying_moves_the_last_end_only(night):
    """Who goes home in the window stays longer; earlier chats, meals and later shifts are as they were."""
    stayed = Incident(kind="stay", start=clock("22:00"), end=clock("23:30"), size=1.5).apply_to(night)
    moved = stayed.roster["end"] != night.roster["end"]
    assert sorted(night.roster.loc[moved, "agent_id"]) == ["A09", "A10", "A11"]
    assert set(stayed.roster.loc[moved, "end"]) == {clock("22:30") + pd.Timedelta(hours=1.5)}


def test_a_cohort_that_is_not_there_is_refused(night):
    """Nobody of the night is a student: the sentence says so, and who is there."""
    with pytest.raises(ScenarioError, match=r"student.*own"):
        Incident(kind="people", size=3, cohort="student", **WHOLE).apply_to(night)


def test_kinds_sizes_and_words_belong_together():
    """What the sheet allows is what the stress test knows, each kind has its words, sizes are for known kinds."""
    assert set(get_args(IncidentKind)) == set(KINDS)
    assert set(INCIDENT_SIZES) <= set(KINDS)
    assert all(f"kind_{kind}" in glossary() for kind in KINDS)


def test_a_combination_is_both_at_once(night):
    """``a+b`` finds both, applies both, and keeps both cards; it is found by titles, too."""
    scenarios = standard_scenarios(night)
    both = find_scenario(scenarios, "surge + bot_down")
    assert both.name == "surge+bot_down"
    assert both.cards == ("surge", "bot_down")
    with_incidents = both.apply_to(night)
    assert len(with_incidents.episodes) == 1
    assert len(with_incidents.disruptions.bot_down) == 1
    assert find_scenario(scenarios, "停电").name == "power_cut"
    assert find_scenario(scenarios, "Power cut").name == "power_cut"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: incident("contacts", "19:00", "21:00"), ["2026-10-31 19:00", "2026-10-31 20:00"]),
        (lambda: incident("bot_down", "23:00", "01:30"), ["2026-11-01 01:30", "2026-11-01 01:00"]),
        (lambda: incident("seats_down", site="Nort"), ["Nort", "North, South"]),
        (lambda: incident("seats_down", room="N3"), ["N3", "N1, N2, S1", "nearest is N"]),
        (lambda: incident("seats_down", seat="seat-99"), ["seat-99", "seat-0"]),
        (lambda: incident("seats_down", site="South", room="N1"), ["South, N1"]),
        (lambda: incident("contacts", queue="presales"), ["presales", "presale, aftersale"]),
        (lambda: incident("opening_moved", "21:10", "23:00"), ["21:10", "30", "21:00"]),
    ],
)
def test_an_incident_that_this_night_cannot_have_is_refused(night, make, says):
    """A time outside, a place or a queue that is not there: the value, what is allowed, and the nearest, twice."""
    with pytest.raises(ScenarioError) as refused:
        make().apply_to(night)
    for part in says:
        assert part in str(refused.value)
    assert refused.value.text("zh") in str(refused.value)
    assert refused.value.text("en") in str(refused.value)


def test_nobody_has_a_place(night):
    """Where no seats are filled in the sentence says on which sheets to fill them in."""
    from dataclasses import replace

    homeless = replace(night, people=night.people.drop(columns=["site", "room", "seat"]))
    with pytest.raises(ScenarioError, match="Agents and Site"):
        incident("seats_down", room="N1").apply_to(homeless)
    dark = find_scenario(standard_scenarios(homeless), "power_cut").apply_to(homeless)
    assert len(dark.disruptions.down) == 12


@pytest.mark.parametrize(
    ("details", "says"),
    [
        ({"kind": "contact", "size": 1.5}, "nearest is contacts"),
        ({"kind": "contacts", "size": 99.0}, "between 0.0 and 20.0"),
        ({"kind": "contacts"}, "between 0.0 and 20.0"),
        ({"kind": "bot_down", "size": 0.5}, "has no size"),
    ],
)
def test_an_incident_is_checked_at_birth(details, says):
    """An unknown kind, a size too large, missing or out of place is refused when the incident is made."""
    with pytest.raises(ScenarioError, match=says):
        Incident(start=clock("21:00"), end=clock("22:00"), **details)


def test_time_runs_forward():
    """An incident that ends before it begins is refused, and an empty scenario as well."""
    with pytest.raises(ScenarioError, match="after it begins"):
        Incident(kind="bot_down", start=clock("22:00"), end=clock("21:00"))
    with pytest.raises(ScenarioError, match="Nothing happens"):
        Scenario(name="calm", incidents=())


def test_an_unknown_scenario_names_the_nearest(night):
    """A mistyped name, alone or in a combination, is answered with the nearest."""
    with pytest.raises(ScenarioError, match="nearest is surge"):
        find_scenario(standard_scenarios(night), "bot_down+surg")


def test_a_store_keeps_its_scenarios(tmp_path):
    """A scenario goes into the workbook and comes back the same; keeping it again replaces it."""
    store = load_store(HOUSE / "templates" / "stores" / "bodycare")
    own = Scenario(
        name="Two at once",
        incidents=(
            incident("contacts", queue="presale"),
            incident("seats_down", room="Main room"),
            Incident(kind="people", size=-2, cohort="temp", start=clock("21:00"), end=clock("22:00")),
            Incident(kind="opening_moved", start=clock("22:00"), end=clock("21:00")),
        ),
    )
    kept = keep_scenario(keep_scenario(store, own), own)
    save_store(kept, tmp_path / "kept.xlsx", "en")
    again = load_store(tmp_path / "kept.xlsx")
    found = read_scenarios(again.frame("scenarios"), tz="Asia/Shanghai")
    assert [scenario.name for scenario in found] == ["The router dies at the opening", "Two at once"]
    assert found[1] == own
    pd.testing.assert_frame_equal(list_incidents([found[1]]), list_incidents([own]))


def test_a_clock_time_is_found_in_the_night(night):
    """Half past midnight is after midnight; a time that the night has not is refused with its nearer end."""
    assert moment_of(night, "00:30") == clock("00:30")
    assert moment_of(night, "20:00") == night.grid.opens
    with pytest.raises(UserError, match="11-01 01:00"):
        moment_of(night, "02:00")
