"""The seat nobody sits at: what it does to a night, who sees it, and what logging it off brings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simlib.night.seats import PhantomSeat, find_phantom_seats
from simlib.simulator import Policy, simulate


def simulate_night(night):
    """Run replication 0 of seed 7."""
    return simulate(
        night.buyers().draw(seed=7, replication=0),
        night.agents(),
        night.policy,
        night.disruptions,
        turns=True,
        trace=True,
    )


def lost(result):
    """Count the contacts for people that got no reply."""
    human = result.contacts["attempts"] > 0
    return int((human & (result.contacts["replies"] == 0)).sum())


@pytest.fixture
def weighted(night):
    """Return the night with everybody on equal weights."""
    return replace(night, policy=replace(night.policy, routing="weighted"))


def seat_of(night, **times):
    """Leave the seat of the first agent for an hour in the rush, unless other times are given."""
    agent = night.people["agent_id"].iloc[0]
    start = float(night.agents().shifts["start"][0]) + 4200.0
    return PhantomSeat(**{"agent_id": agent, "start_s": start, "end_s": start + 3600.0} | times)


def test_an_empty_seat_goes_on_getting_chats_and_answers_none(weighted):
    """Contacts are assigned to it all the while, nothing is sent from it, and more buyers are lost."""
    seat = seat_of(weighted)
    whole, broken = simulate_night(weighted), simulate_night(seat.apply_to(weighted))
    inside = broken.contacts["assigned"].between(seat.start_s + 1, seat.end_s - 1)
    assert (inside & (broken.contacts["agent"] == 0)).any()
    sent = broken.turns[(broken.turns["agent"] == 0)]["replied"]
    assert not sent.between(seat.start_s, seat.end_s).any()
    assert lost(broken) > lost(whole)
    assert (broken.turns["replied"] - broken.turns["sent"]).max() > 1200  # who was in the middle of a chat
    assert (whole.turns["replied"] - whole.turns["sent"]).max() < 600


def test_logging_the_seat_off_hands_its_chats_over(weighted):
    """Noticed after ten minutes its chats go to the others, and fewer buyers are lost than if nobody sees it."""
    seat = seat_of(weighted)
    noticed = replace(seat, noticed_s=seat.start_s + 600.0)
    unseen, seen = simulate_night(seat.apply_to(weighted)), simulate_night(noticed.apply_to(weighted))
    assert seen.contacts["transfers"].sum() > unseen.contacts["transfers"].sum()
    assert lost(seen) <= lost(unseen)
    inside = seen.contacts["assigned"].between(noticed.noticed_s, seat.end_s - 1)
    assert not (inside & (seen.contacts["agent"] == 0)).any()


def test_the_team_s_own_time_to_hand_over_is_kept(weighted):
    """A policy that hands over after five minutes does so here too."""
    slow = replace(weighted, policy=replace(weighted.policy, transfer_s=300.0))
    seat = seat_of(slow)
    night = replace(seat, noticed_s=seat.start_s + 600.0).apply_to(slow)
    assert night.policy.transfer_s == 300.0
    assert replace(seat, noticed_s=seat.start_s + 600.0).apply_to(weighted).policy.transfer_s == 0.0
    assert night.disruptions.down["start"].tolist() == [seat.start_s + 600.0]
    assert weighted.policy == Policy(routing="weighted", silent_close_s=60)  # the night before is untouched


def test_the_trace_shows_the_empty_seat(weighted):
    """A seat that holds chats and writes nothing for twenty minutes is found, and no other."""
    seat = seat_of(weighted)
    broken = simulate_night(seat.apply_to(weighted))
    until = float(weighted.grid.edges_s[-1])
    found = find_phantom_seats(broken.trace, silent_s=1200.0, until_s=until)
    assert found["agent"].tolist() == [0]
    assert found["end"].iloc[0] == pytest.approx(seat.end_s, abs=60)
    assert find_phantom_seats(simulate_night(weighted).trace, silent_s=1200.0, until_s=until).empty


def test_a_seat_can_only_be_left_by_who_is_there(weighted):
    """A stranger, a time outside the shift, and times out of order are a sentence each."""
    seat = seat_of(weighted)
    for wrong, sentence in (
        ({"agent_id": "nobody"}, "agent_id must be one of the night's people, got 'nobody'"),
        ({"start_s": 90_000.0, "end_s": 90_600.0}, "is not on duty at 90000 s: a seat can only be left in a shift"),
    ):
        with pytest.raises(ValueError, match=sentence):
            replace(seat, **wrong).apply_to(weighted)
    with pytest.raises(ValueError, match="a seat must be left for some time"):
        replace(seat, end_s=seat.start_s)
    with pytest.raises(ValueError, match="noticed_s must lie between start_s and end_s"):
        replace(seat, noticed_s=seat.end_s + 1)
    assert np.isnan(weighted.policy.transfer_s)
