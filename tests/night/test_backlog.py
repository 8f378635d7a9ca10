"""Chats outside service hours wait for the opening, and are worked off in hours."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simlib.night.backlog import leave_for_morning, measure_backlog
from simlib.simulator import Agents, Contacts, run_arrays

H = 3600.0


def test_who_comes_outside_the_hours_waits_for_the_opening():
    """Second 0 is 20:00; hours 8:00-22:00: until 22:00 at once, later at 8:00; who left a message stays."""
    contacts = Contacts(
        arrival=[1 * H, 2 * H - 1, 2 * H, 11.9 * H, 12 * H],
        turns=[1, 2, 1, 3, 1],
        handle=np.arange(8.0),
        think=np.arange(8.0) * 10,
        patience=50.0,
        silent=True,
        bot=5.0,
        bot_resolves=True,
    )
    morning, left = leave_for_morning(contacts, opens_s=8 * H, closes_s=22 * H, midnight_s=4 * H)
    assert morning.arrival.tolist() == [H, 2 * H - 1, 12 * H, 12 * H, 12 * H]
    assert left.tolist() == [False, False, True, True, False]
    assert morning.turns.tolist() == [1, 2, 1, 3, 1]
    assert morning.handle.tolist() == contacts.handle.tolist()
    assert morning.patience.tolist() == [50.0, 50.0, math.inf, math.inf, 50.0]
    assert morning.silent.tolist() == [True, True, False, False, True]
    assert np.isnan(morning.bot).tolist() == [False, False, True, True, False]


def test_chats_keep_their_own_replies_when_they_change_places():
    """A message that waits past the first chats of the morning comes behind them with its own times."""
    contacts = Contacts(arrival=[0.0, 1.0], turns=[2, 1], handle=[1.0, 2.0, 3.0], think=[4.0, 5.0, 6.0])
    morning, left = leave_for_morning(contacts, opens_s=1.0, closes_s=0.0)
    assert (morning.arrival.tolist(), left.tolist()) == ([1.0, 1.0], [True, False])
    contacts = Contacts(arrival=[0.0, 2.0], turns=[2, 1], handle=[1.0, 2.0, 3.0], queue=[0, 1])
    morning, left = leave_for_morning(contacts, opens_s=10.0, closes_s=86_400.0, queues=(0,))
    assert (morning.arrival.tolist(), left.tolist()) == ([2.0, 10.0], [False, True])
    assert (morning.handle.tolist(), morning.queue.tolist()) == ([3.0, 1.0, 2.0], [1, 0])


def test_hours_over_midnight_and_around_the_clock():
    """18:00 to 2:00 holds midnight; equal edges hold the whole day."""
    contacts = Contacts(arrival=[1 * H, 3 * H, 17 * H, 19 * H], handle=10.0)
    assert leave_for_morning(contacts, opens_s=18 * H, closes_s=2 * H)[1].tolist() == [False, True, True, False]
    assert not leave_for_morning(contacts, opens_s=8 * H, closes_s=8 * H)[1].any()


def test_the_backlog_is_gone_when_its_last_message_has_an_answer():
    """Sixty messages of six minutes' work each for two agents: three hours; within two hours two thirds."""
    contacts = Contacts(arrival=np.linspace(0, 7 * H, 60), handle=360.0)
    morning, left = leave_for_morning(contacts, opens_s=8 * H, closes_s=22 * H)
    outcome = run_arrays(morning, Agents(shifts=[(0, 8 * H, 22 * H), (1, 8 * H, 22 * H)]))
    backlog = measure_backlog(outcome, morning, left, within_h=2.0)
    assert (backlog.contacts, backlog.answered, backlog.gone_h) == (60, 60, pytest.approx(3.0))
    assert backlog.within_share == pytest.approx(40 / 60)
    nobody = measure_backlog(run_arrays(morning, Agents(shifts=[])), morning, left, within_h=2.0)
    assert (nobody.answered, nobody.gone_h, nobody.within_share) == (0, math.inf, 0.0)
    none = measure_backlog(outcome, morning, np.zeros(60, bool), within_h=2.0)
    assert (none.contacts, none.gone_h) == (0, 0.0)
    assert math.isnan(none.within_share)


def test_hours_that_are_none_are_refused():
    """A second that is not of the day, and a window without length."""
    contacts = Contacts(arrival=[0.0], handle=1.0)
    with pytest.raises(ValueError, match="closes_s must be a second of the day"):
        leave_for_morning(contacts, opens_s=0.0, closes_s=90_000.0)
    morning, left = leave_for_morning(contacts, opens_s=8 * H, closes_s=22 * H)
    with pytest.raises(ValueError, match="within_h must be > 0 hours"):
        measure_backlog(run_arrays(morning, Agents(shifts=[])), morning, left, within_h=0.0)
