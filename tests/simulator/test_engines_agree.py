"""The compiled engine and the readable one give the same night, float for float."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from simlib.simulator import Agents, Contacts, Disruptions, Policy, run_arrays, simulate, tables
from simlib.simulator.loop import run_floor
from simlib.streams import stream
from tests.simulator.conftest import assert_same_arrays, floors

EXAMPLES = int(os.environ.get("SANDTABLE_EXAMPLES", "150"))


@given(floors())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_small_floors_are_the_same(floor):
    """Whatever happens on a small floor with everything on happens in both engines."""
    assert_same_arrays(
        run_arrays(*floor, turns=True, trace=True),
        run_arrays(*floor, engine="simpy", turns=True, trace=True),
    )


def busy_night(seed: int, *, n: int = 1200, n_agents: int = 25, grid_s: float | None = None):
    """Return a night of some size with everything on; with a grid, much falls on the same instant."""
    draw = stream(seed, 0, "busy night")
    end_s = 3600.0

    def seconds(values):
        return values if grid_s is None else np.round(values / grid_s) * grid_s

    def windows(rows, mean_s):
        start = seconds(draw.uniform(0, end_s, rows))
        return np.stack([draw.integers(0, n_agents, rows), start, start + seconds(draw.exponential(mean_s, rows))], 1)

    turns = draw.geometric(0.3, n)
    contacts = Contacts(
        arrival=np.sort(seconds(draw.uniform(0, end_s, n))),
        queue=draw.integers(0, 4, n),
        turns=turns,
        handle=seconds(draw.gamma(2, 10, turns.sum())),
        think=seconds(draw.exponential(30, turns.sum())),
        patience=np.where(draw.random(n) < 0.1, np.inf, seconds(draw.exponential(120, n))),
        silent=draw.random(n) < 0.3,
        bot=np.where(draw.random(n) < 0.5, np.nan, seconds(draw.exponential(20, n))),
        bot_resolves=draw.random(n) < 0.4,
        retry=np.where(draw.random(n) < 0.5, np.nan, seconds(draw.exponential(200, n))),
    )
    edges = seconds(np.sort(draw.uniform(0, end_s * 1.1, (n_agents, 4)), axis=1))
    agents = Agents(
        capacity=draw.integers(1, 6, n_agents),
        speed=draw.uniform(0.7, 1.3, n_agents),
        skill=draw.integers(0, 4, (n_agents, 4)),
        weight=draw.integers(8, 16, n_agents) / 10,
        shifts=[(a, *edges[a, k : k + 2]) for a in range(n_agents) for k in (0, 2)],
    )
    policy = Policy(
        routing=("least_active", "most_available", "weighted")[seed % 3],
        slowdown=((1.0,), (1.0, 1.03, 1.07, 1.12))[seed // 2 % 2],
        at_shift_end=("finish", "handover")[seed // 2 % 2],
        close_s=(0.0, 20.0)[seed // 4 % 2],
        silent_close_s=60.0,
        transfer_s=45.0,
    )
    disruptions = Disruptions(
        down=windows(30, 120),
        slow=np.column_stack([windows(30, 400), draw.uniform(0.5, 3, 30)]),
        away=windows(20, 200),
        bot_down=windows(3, 200)[:, 1:],
    )
    return contacts, agents, policy, disruptions


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("grid_s", [None, 5.0])
def test_busy_nights_are_the_same(seed, grid_s):
    """A night of 1,200 contacts, with everything on, is the same in both engines and loses no contact."""
    floor = busy_night(seed, grid_s=grid_s)
    compiled = run_arrays(*floor, turns=True, trace=True)
    assert_same_arrays(compiled, run_arrays(*floor, engine="simpy", turns=True, trace=True))
    assert set(np.unique(compiled.outcome)) >= {0, 1, 2, 3}, "the night should show bots, replies and leavers"
    assert compiled.transfers.sum() > 0


@pytest.mark.parametrize("seed", range(4))
def test_a_floor_of_thousands_is_run_like_a_small_one(seed, monkeypatch):
    """What the loop asks for ahead of time on a large floor changes nothing of the night."""
    floor = busy_night(seed, grid_s=(None, 5.0)[seed % 2])
    small = run_arrays(*floor, turns=True, trace=True)
    monkeypatch.setattr(tables, "LARGE_FLOOR", 0)
    assert_same_arrays(run_arrays(*floor, turns=True, trace=True), small)


def test_events_far_apart_are_found_in_order():
    """Gaps of days and of microseconds in one night do not confuse the wheel of events."""
    contacts = Contacts(
        arrival=[0.0, 1e-6, 2e-6, 5e6, 5e6 + 1e-3],
        turns=3,
        handle=np.tile([1e-6, 3e5, 2.0], 5),
        think=np.tile([7e6, 1e-7, 0.0], 5),
        patience=[np.inf, 10.0, 1e7, 1e-9, 4e5],
        retry=[np.nan, 9e9, np.nan, 1e-5, np.nan],
    )
    floor = (contacts, Agents(capacity=2, shifts=[(0, 0, 1e8)]))
    compiled = run_arrays(*floor, turns=True, trace=True)
    assert_same_arrays(compiled, run_arrays(*floor, engine="simpy", turns=True, trace=True))
    assert compiled.end.max() > 5e6


def test_everybody_at_the_same_instant():
    """A thousand buyers at once, with equal draws, are served in order of their index."""
    contacts = Contacts(arrival=np.zeros(1000), turns=2, handle=10.0, think=10.0)
    floor = (contacts, Agents(capacity=3, shifts=[(a, 0, 1e5) for a in range(10)]))
    compiled = run_arrays(*floor)
    assert_same_arrays(compiled, run_arrays(*floor, engine="simpy"))
    assert (np.diff(compiled.assigned) >= 0).all()


@pytest.mark.parametrize("routing", ["least_active", "most_available", "weighted"])
def test_agents_who_hold_many_chats_are_ranked_by_how_many(routing):
    """More open chats than there are loads with a ranking of their own, on agents whose capacities differ."""
    draw = np.random.default_rng(7)
    contacts = Contacts(
        arrival=np.sort(draw.uniform(0, 600, 300)),
        turns=draw.integers(1, 5, 300),
        handle=20.0,
        think=240.0,
    )
    agents = Agents(
        capacity=[3, tables.LOADS - 1, tables.LOADS, 3 * tables.LOADS, 99],
        shifts=[(0, 0, 9e4), (1, 60, 9e4), (2, 0, 9e4), (3, 30, 9e4), (4, 0, 300), (4, 400, 9e4)],
    )
    floor = (contacts, agents, Policy(routing=routing, close_s=15.0))
    compiled = run_arrays(*floor, trace=True)
    assert_same_arrays(compiled, run_arrays(*floor, engine="simpy", trace=True))
    assert compiled.changes["open"].max() > 2 * tables.LOADS


def test_a_capacity_without_end_takes_no_more_room_than_there_are_contacts():
    """The largest capacity that is allowed, on several agents, is run like any other."""
    contacts = Contacts(arrival=np.arange(60.0), turns=2, handle=30.0, think=5.0)
    agents = Agents(capacity=[2**31 - 1, 2**31 - 1, 3], shifts=[(a, 0, 900) for a in range(3)])
    compiled = run_arrays(contacts, agents)
    assert_same_arrays(compiled, run_arrays(contacts, agents, engine="simpy"))
    assert (compiled.assigned == contacts.arrival).all()


def test_a_chat_that_was_to_leave_with_its_reply_leaves_once_when_that_is_cut():
    """A shift end waits for a reply, the seat goes down in it and its chats are handed over: that was the leaving."""
    contacts = Contacts(arrival=[0.0], turns=2, handle=[25.0, 5.0], think=10.0)
    agents = Agents(shifts=[(0, 0, 20), (0, 20, 300)])
    policy = Policy(at_shift_end="handover", transfer_s=0.0)
    floor = (contacts, agents, policy, Disruptions(down=[(0, 22, 30)]))
    compiled = run_arrays(*floor, turns=True, trace=True)
    assert_same_arrays(compiled, run_arrays(*floor, engine="simpy", turns=True, trace=True))
    assert compiled.transfers.tolist() == [1]
    assert compiled.replied.tolist() == [55.0, 70.0]


def test_threads_give_the_nights_of_one_thread():
    """Nights that run side by side do not touch each other."""
    nights = [busy_night(seed) for seed in range(6)]
    alone = [run_arrays(*night) for night in nights]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda night: run_arrays(*night), nights))
    for one, other in zip(alone, together, strict=True):
        assert_same_arrays(one, other)


def test_an_engine_leaves_its_inputs_alone():
    """The same inputs give the same night twice."""
    floor = busy_night(3)
    assert_same_arrays(run_arrays(*floor), run_arrays(*floor))


def test_a_team_that_plays_again_is_as_new():
    """What is kept of a team for its next night is read only, whatever went wrong in between."""
    contacts, agents, policy, disruptions = busy_night(3)
    calm = Disruptions()
    alone = run_arrays(contacts, replace(agents), policy, calm)
    kept = [run_arrays(contacts, agents, policy, what) for what in (calm, disruptions, calm)]
    assert_same_arrays(kept[0], alone)
    assert_same_arrays(kept[2], alone)
    assert_same_arrays(kept[1], run_arrays(contacts, replace(agents), policy, disruptions))


def test_an_unknown_engine_is_refused():
    """The engines that exist are named."""
    with pytest.raises(ValueError, match=r"engine = 'fast': must be one of 'compiled', 'simpy'"):
        simulate(Contacts(arrival=[], handle=[]), Agents(shifts=[]), engine="fast")


@pytest.mark.parametrize("n", [0, 1, 2, 1200])
@pytest.mark.parametrize("logs", [False, True])
def test_no_night_has_the_loop_compiled_again(n, logs):
    """Whatever the size of a night and however its arrays were made: one machine code, made when the kit is set up."""
    contacts, *others = busy_night(3)
    frozen = {field.name: getattr(contacts, field.name)[:n] for field in fields(Contacts) if field.name != "handle"}
    messages = int(frozen["turns"].sum())
    few = replace(contacts, **frozen | {"handle": contacts.handle[:messages], "think": contacts.think[:messages]})
    run_arrays(few, *others, turns=logs, trace=logs)
    run_arrays(Contacts(arrival=np.arange(float(n)), handle=5), Agents(shifts=[(0, 0, 60)]), turns=logs, trace=logs)
    assert len(run_floor.signatures) == 1
