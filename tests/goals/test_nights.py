"""People in simulated nights: what is counted adds up, and dropping slow chats meets the same buyers."""

import numpy as np
import pytest

from simlib.goals.nights import PeopleNights, drop_slow_chats
from simlib.simulator import Agents, Contacts, Policy, run_arrays


def floor(contacts):
    agents = Agents(shifts=[(0, 0, 1e5), (1, 0, 1e5)], capacity=2)
    return run_arrays(contacts, agents, Policy())


def night(n=40, seed=3):
    chance = np.random.default_rng(seed)
    turns = chance.integers(1, 5, n)
    return Contacts(
        arrival=np.sort(chance.uniform(0, 3600, n)),
        turns=turns,
        handle=chance.uniform(5, 40, int(turns.sum())),
        think=20.0,
        patience=300.0,
    )


def drop(contacts, outcome, **how):
    asked = {"slow_share": 0.3, "return_share": 0.5, "after_s": 600.0} | how
    return drop_slow_chats(contacts, outcome, chance=np.linspace(0, 1, len(contacts)), **asked)


def test_nothing_dropped_is_the_same_night():
    contacts = night()
    same, buyer, cut = drop(contacts, floor(contacts), slow_share=0.0)
    assert not cut.any()
    assert buyer.tolist() == list(range(len(contacts)))
    assert (same.arrival == contacts.arrival).all()
    assert (same.handle == contacts.handle).all()
    assert (same.turns == contacts.turns).all()


def test_the_slowest_are_cut_after_their_first_reply_and_who_returns_brings_the_rest():
    contacts = night()
    outcome = floor(contacts)
    dropped, buyer, cut = drop(contacts, outcome)
    rest = np.array(
        [contacts.handle[a + 1 : b].sum() for a, b in zip(contacts.first_turn, contacts.first_turn[1:], strict=False)]
    )
    short = buyer[cut]
    kept = np.setdiff1d(np.flatnonzero((contacts.turns > 1) & ~np.isnan(outcome.first_reply)), short)
    assert rest[short].min() >= rest[kept].max()
    assert (dropped.turns[cut] == 1).all()
    again = np.flatnonzero(np.bincount(buyer, minlength=len(contacts)) == 2)
    assert set(again) <= set(short)
    for one in again:
        first, second = np.flatnonzero(buyer == one)
        assert dropped.turns[second] == contacts.turns[one] - 1
        assert dropped.arrival[second] == pytest.approx(outcome.first_reply[one] + 600)
        begins = dropped.first_turn[second]
        own = dropped.handle[begins : begins + dropped.turns[second]]
        assert own.tolist() == contacts.handle[contacts.first_turn[one] + 1 : contacts.first_turn[one + 1]].tolist()
        assert first < second


def test_a_buyer_who_never_was_answered_is_not_dropped():
    contacts = Contacts(arrival=[0.0, 1.0], turns=[2, 2], handle=30.0, patience=5.0)
    outcome = run_arrays(contacts, Agents(shifts=[(0, 0, 100)], capacity=1), Policy())
    assert np.isnan(outcome.first_reply[1])
    _, buyer, cut = drop(contacts, outcome, slow_share=1.0, return_share=0.0)
    assert buyer[cut].tolist() == [0]


def test_frames_scale_a_night_to_a_level_and_the_long_frame_adds_up():
    nights = PeopleNights(
        persons=("A", "B"),
        receptions=np.array([[10.0, 20.0]]),
        buyers=np.array([[2.0, 4.0]]),
        sales_cny=np.array([[200.0, 400.0]]),
        response_s=np.array([[20.0, np.nan]]),
        bot_sales_cny=np.array([150.0]),
    )
    (frame,) = nights.frames(factors=np.array([1.5]))
    assert frame["sales_cny"].tolist() == [300.0, 600.0]
    assert frame["receptions"].tolist() == [15.0, 30.0]
    long = nights.long_frame()
    assert long["sales_cny"].sum() == nights.team["cs_sales_cny"].sum() == 750.0
    assert long.loc[long["agent_id"] == "bot", "receptions"].tolist() == [0.0]
