"""A night that is run piece by piece is the night run at once, whatever the pieces, and with whatever shifts follow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simlib.simulator import Agents, Contacts, Policy, RunningNight, run_arrays
from simlib.simulator.tables import SILENT, UNSERVED
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
    seen = night.seen()
    come = len(seen.entry)
    first = np.where(whole.first_reply < until_s, whole.first_reply, np.nan)
    once = whole.attempts[:come] == 1
    assert once.any()
    np.testing.assert_array_equal(seen.entry[once], whole.entry[:come][once])
    np.testing.assert_array_equal(seen.first_reply[once], first[:come][once])


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
        seen = night.seen()
        come = len(seen.asked)
        np.testing.assert_array_equal(seen.asked[once[:come]], asked[:come][once[:come]])
        np.testing.assert_array_equal(seen.replied[once[:come]], replied[:come][once[:come]])
        assert np.isnan(asked[come:]).all()
    night.run_to(FOR_EVER_S)
    seen = night.seen()
    np.testing.assert_array_equal(seen.entry, whole.entry)
    np.testing.assert_array_equal(seen.first_reply, whole.first_reply)
    np.testing.assert_array_equal(seen.asked, whole.asked)
    np.testing.assert_array_equal(seen.replied, whole.replied)
    assert not seen.coming_back.any()
    assert not seen.waiting[~np.isnan(whole.first_reply)].any()
    assert not seen.waiting[: night.over].any()
    assert night.over == len(contacts) or whole.outcome[night.over] in (SILENT, UNSERVED)  # never taken, or handed on
    for part, of in zip(night.seen(300), seen, strict=True):
        since = contacts.first_turn[300] if len(of) > len(contacts) else 300
        np.testing.assert_array_equal(part, of[since:])


@pytest.mark.parametrize("seed", range(4))
def test_who_is_over_stays_so(seed):
    """Of contacts that are over nothing changes any more, on the night itself and on every trial that follows."""
    contacts, agents, policy = draw_night(seed)
    night = RunningNight(contacts, agents, policy)
    before, over, counts = None, 0, []
    for until_s in np.arange(600.0, END_S + 3600.0, 600.0):
        night.run_to(until_s)
        for seen in (night.seen(), night.try_shifts(agents).seen()):
            if before is not None:
                np.testing.assert_array_equal(seen.entry[:over], before.entry[:over])
                np.testing.assert_array_equal(seen.first_reply[:over], before.first_reply[:over])
        before, over = night.seen()._replace(entry=night.seen().entry.copy()), night.over
        before = before._replace(first_reply=before.first_reply.copy())
        assert not before.waiting[:over].any()
        assert not before.coming_back[:over].any()
        counts.append(over)
    assert 0 < counts[1] < counts[5] < len(contacts)


@pytest.mark.parametrize("seed", range(8))
def test_other_shifts_from_here_on(seed):
    """Trials with other shifts, one after another, are the nights run with those from the start; the night stays."""
    contacts, agents, policy = draw_night(seed, grid_s=30.0)
    night = RunningNight(contacts, agents, policy, turns=True)
    draw = stream(seed, 2, "running night")
    for now_s in (900.0, 3600.0, 5400.0):
        night.run_to(now_s)
        for _ in range(3):
            end_s = np.maximum(agents.shifts["end"] - draw.uniform(0, 3600, len(agents)), now_s)
            shifts = [(a, row["start"], end) for a, (row, end) in enumerate(zip(agents.shifts, end_s, strict=True))]
            others = replace(agents, shifts=shifts)
            whole = run_arrays(contacts, others, policy, turns=True)
            trial = night.try_shifts(others)
            trial.run_to(now_s + 600.0)
            same_so_far(trial, whole, now_s + 600.0)
            trial.run_to(FOR_EVER_S)
            np.testing.assert_array_equal(trial.seen().entry, whole.entry)
            np.testing.assert_array_equal(trial.seen().first_reply, whole.first_reply)
            np.testing.assert_array_equal(trial.seen().asked, whole.asked)
            np.testing.assert_array_equal(trial.seen().replied, whole.replied)
    night.run_to(FOR_EVER_S)
    np.testing.assert_array_equal(night.seen().first_reply, run_arrays(contacts, agents, policy).first_reply)


def test_a_night_with_a_bot_is_refused():
    """Contacts of the bot enter in another order than they arrive."""
    contacts, agents, policy = draw_night(1)
    with pytest.raises(ValueError, match="has no bot"):
        RunningNight(replace(contacts, bot=30.0), agents, policy)
