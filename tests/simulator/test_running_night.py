"""A night that is run piece by piece is the night run at once, whatever the pieces, and with whatever shifts follow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simlib.simulator import Agents, Contacts, Policy, RunningNight, run_arrays
from simlib.streams import stream

END_S = 7200.0
FOR_EVER_S = 1e12


def draw_night(seed: int, *, grid_s: float = 0.0) -> tuple[Contacts, Agents, Policy]:
    """Draw a night with silent and returning buyers and shifts that end; with a grid, much falls on one instant."""
    draw = stream(seed, 0, "running night")
    n, people = 700, 18

    def seconds(values):
        return np.round(values / grid_s) * grid_s if grid_s else values

    turns = draw.integers(1, 6, n)
    contacts = Contacts(
        arrival=np.sort(seconds(draw.uniform(0, END_S, n))),
        queue=draw.integers(0, 2, n),
        turns=turns,
        handle=seconds(draw.gamma(2.0, 25.0, turns.sum())),
        think=seconds(draw.exponential(40.0, turns.sum())),
        patience=seconds(draw.exponential(200.0, n)),
        silent=draw.random(n) < 0.3,
        retry=np.where(draw.random(n) < 0.4, seconds(draw.exponential(300.0, n)), np.nan),
    )
    shifts = [(a, seconds(draw.uniform(0, 1800)), END_S - seconds(draw.uniform(0, 1800))) for a in range(people)]
    agents = Agents(capacity=draw.integers(1, 5, people), shifts=shifts, skill=draw.integers(0, 3, (people, 2)))
    return contacts, agents, Policy(close_s=20.0, at_shift_end=str(draw.choice(["finish", "handover"])))


def same_so_far(night: RunningNight, whole, until_s: float) -> None:
    """What a night holds at a time is what the whole night has until then."""
    come = len(night.entry)
    first = np.where(whole.first_reply < until_s, whole.first_reply, np.nan)
    once = whole.attempts[:come] == 1
    assert once.any()
    np.testing.assert_array_equal(night.entry[once], whole.entry[:come][once])
    np.testing.assert_array_equal(night.first_reply[once], first[:come][once])


@pytest.mark.parametrize("grid_s", [0.0, 30.0])
@pytest.mark.parametrize("seed", range(8))
def test_pieces_make_the_whole(seed, grid_s):
    """Stopped anywhere, at an instant at which much happens too, a night goes on as if it had not stopped."""
    contacts, agents, policy = draw_night(seed, grid_s=grid_s)
    whole = run_arrays(contacts, agents, policy, turns=True)
    once = np.repeat(whole.attempts == 1, contacts.turns)  # of who came back the whole night knows the second time only
    night = RunningNight(contacts, agents, policy, turns=True)
    cuts = np.sort(stream(seed, 1, "running night").choice(np.arange(0, END_S, 30.0), 40, replace=False))
    for until_s in cuts:
        night.run_to(until_s)
        same_so_far(night, whole, until_s)
        asked, replied = (np.where(at < until_s, at, np.nan) for at in (whole.asked, whole.replied))
        np.testing.assert_array_equal(night.asked[once], asked[once])
        np.testing.assert_array_equal(night.replied[once], replied[once])
    night.run_to(FOR_EVER_S)
    np.testing.assert_array_equal(night.entry, whole.entry)
    np.testing.assert_array_equal(night.first_reply, whole.first_reply)
    np.testing.assert_array_equal(night.asked, whole.asked)
    np.testing.assert_array_equal(night.replied, whole.replied)
    assert not night.coming_back.any()
    assert not night.waiting[~np.isnan(whole.first_reply)].any()


@pytest.mark.parametrize("seed", range(8))
def test_other_shifts_from_here_on(seed):
    """Trials with other shifts, one after another, are the nights run with those from the start; the night stays."""
    contacts, agents, policy = draw_night(seed, grid_s=30.0)
    night = RunningNight(contacts, agents, policy)
    draw = stream(seed, 2, "running night")
    for now_s in (900.0, 3600.0, 5400.0):
        night.run_to(now_s)
        for _ in range(3):
            end_s = np.maximum(agents.shifts["end"] - draw.uniform(0, 3600, len(agents)), now_s)
            shifts = [(a, row["start"], end) for a, (row, end) in enumerate(zip(agents.shifts, end_s, strict=True))]
            others = replace(agents, shifts=shifts)
            whole = run_arrays(contacts, others, policy)
            trial = night.try_shifts(others)
            trial.run_to(now_s + 600.0)
            same_so_far(trial, whole, now_s + 600.0)
            trial.run_to(FOR_EVER_S)
            np.testing.assert_array_equal(trial.entry, whole.entry)
            np.testing.assert_array_equal(trial.first_reply, whole.first_reply)
    night.run_to(FOR_EVER_S)
    np.testing.assert_array_equal(night.first_reply, run_arrays(contacts, agents, policy).first_reply)


def test_a_night_with_a_bot_is_refused():
    """Contacts of the bot enter in another order than they arrive."""
    contacts, agents, policy = draw_night(1)
    with pytest.raises(ValueError, match="has no bot"):
        RunningNight(replace(contacts, bot=30.0), agents, policy)
