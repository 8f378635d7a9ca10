"""Absence and time off chat: drawn person by person, the same in every version of a night, as much as was asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simlib.night import Shrinkage
from simlib.simulator import Agents
from simlib.simulator.replicate import measure_night
from simlib.stress import Incident, Scenario
from simlib.stress.compare import rehearse_nights

HALF_DAY_S = 12 * 3600.0


def test_so_much_is_lost_as_the_ratio_says():
    """Over 400 nights of 40 people, the share of the rostered time on chat is one minus the shrinkage."""
    shrinkage = Shrinkage.of_share(0.2)
    assert shrinkage.on_chat_share == pytest.approx(0.8)
    agents = Agents(shifts=[(agent, 3600.0, HALF_DAY_S) for agent in range(40)])
    names = [f"A{number}" for number in range(40)]
    nights = [
        shrinkage.attend(agents, names=names, until_s=HALF_DAY_S, seed=7, replication=night) for night in range(400)
    ]
    on_chat = np.array([night.on_duty_s for night in nights]) / agents.on_duty_s
    assert on_chat.mean() == pytest.approx(0.8, abs=0.005)
    assert (on_chat == 0).mean() == pytest.approx(shrinkage.absence, abs=0.005)
    assert on_chat[on_chat > 0].mean() == pytest.approx(1 - shrinkage.off_chat, abs=0.005)


def test_spells_begin_at_any_time_alike():
    """From the first minute on, the share off chat is that of the long run, and spells last as long as asked."""
    shrinkage = Shrinkage(off_chat=0.25, spell_s=600.0)
    spells = [shrinkage.spells_s(f"A{name}", until_s=HALF_DAY_S, seed=3, replication=0) for name in range(2000)]
    for moment in (0.0, 60.0, 6 * 3600.0):
        off = np.mean([any(begins <= moment < ends for begins, ends in each) for each in spells])
        assert off == pytest.approx(0.25, abs=0.03)
    lengths = [ends - begins for each in spells for begins, ends in each if begins > 0 and ends < HALF_DAY_S]
    assert np.mean(lengths) == pytest.approx(600.0, rel=0.05)


def test_nobody_works_outside_the_shift_and_more_shrinkage_only_takes_away():
    """What is left lies within the roster; who is absent at 5 % is absent at 20 % as well."""
    agents = Agents(shifts=[(0, 0.0, 7200.0), (0, 9000.0, 20000.0), (1, 5000.0, 20000.0)], capacity=3, speed=[1.0, 0.8])
    for replication in range(50):
        how = {"names": ["A", "B"], "until_s": HALF_DAY_S, "seed": 1, "replication": replication}
        night = Shrinkage(absence=0.05, off_chat=0.3).attend(agents, **how)
        for agent, start_s, end_s in night.shifts.tolist():
            inside = [
                begins <= start_s <= end_s <= ends for who, begins, ends in agents.shifts.tolist() if who == agent
            ]
            assert any(inside)
        assert night.speed.tolist() == [1.0, 0.8]
        gone = {name for name in "AB" if Shrinkage(absence=0.05).is_absent(name, seed=1, replication=replication)}
        more = {name for name in "AB" if Shrinkage(absence=0.2).is_absent(name, seed=1, replication=replication)}
        assert gone <= more


def test_without_shrinkage_a_night_is_as_before(night):
    """The very same agents go to the engine, so nothing in a result can differ."""
    variant = night.variant()
    assert variant.attend is None
    assert variant.of_night(seed=7, replication=0) is variant


def test_scenarios_meet_the_same_absences(night):
    """An added person moves nobody's spells: the others are on chat at the same times, in both versions of a night."""
    shrinking = replace(night, shrinkage=Shrinkage(absence=0.2, off_chat=0.2))
    window = (night.grid.opens, night.grid.times(night.grid.edges_s[-1:])[0])
    more = Scenario(name="more", incidents=(Incident(kind="people", start=window[0], end=window[1], size=3),))
    changed = more.apply_to(shrinking)
    for replication in range(5):
        before, after = (
            each.variant().of_night(seed=7, replication=replication).agents.shifts for each in (shrinking, changed)
        )
        assert after[after["agent"] < 12].tolist() == before.tolist()
    found = rehearse_nights({"plan": shrinking, "again": replace(shrinking)}, seed=7, replications=3, course=False)
    assert found["plan"].nights.equals(found["again"].nights)


def test_heads_on_chat_are_those_who_take_buyers(night):
    """Counted second by second from the drawn shifts; without shrinkage, from the roster."""
    shrinking = replace(night, shrinkage=Shrinkage(absence=0.1, off_chat=0.2))
    for each in (night, shrinking):
        heads = each.heads_on_chat(seed=7, replications=[0, 3])
        for place, replication in enumerate((0, 3)):
            agents = each.variant().of_night(seed=7, replication=replication).agents
            seconds = np.arange(0.5, each.grid.edges_s[-1])
            there = sum(
                ((seconds >= start) & (seconds < end)).astype(float) for _, start, end in agents.shifts.tolist()
            )
            counted = there.reshape(each.grid.n, each.grid.step_s).mean(axis=1)
            np.testing.assert_allclose(heads[place].sum(axis=1), counted, atol=0.02)
    assert heads.sum() < night.heads_on_chat(seed=7, replications=[0, 3]).sum()


def test_a_spell_off_chat_is_no_late_break(night):
    """Overtime and late breaks are counted against the roster: the same chats, more spells, no break more."""
    measure = night.measure(by_interval=False)
    contacts = night.buyers().draw(seed=7, replication=0)
    long_spells = replace(night, shrinkage=Shrinkage(off_chat=0.3, spell_s=1200.0))
    variant = long_spells.variant().of_night(seed=7, replication=0)
    figures = measure_night(contacts, variant, measure=measure, turns=True)
    rostered = night.agents().shifts
    most_s = sum(
        other["start"] - row["end"]
        for row in rostered
        for other in rostered
        if other["agent"] == row["agent"] and other["start"] > row["end"]
    )
    assert 0 <= figures["late_break"] <= most_s / 3600


@pytest.mark.parametrize(
    ("asked", "says"),
    [({"absence": 1.0}, "absence"), ({"off_chat": -0.1}, "off_chat"), ({"spell_s": 0.0}, "spell_s")],
)
def test_what_cannot_be_is_refused(asked, says):
    """A share of one or below zero, and a spell of no length, are refused by name."""
    with pytest.raises(ValueError, match=says):
        Shrinkage(**asked)
