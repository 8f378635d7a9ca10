"""The bot, honestly: by intent, less those who come back, drifting, and with chats in flight as it degrades."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from simlib.intervals import Grid
from simlib.messages import glossary
from simlib.night.bot import BotIntent, blend_intents, default_intents, drift_bot
from simlib.night.buyers import Episode, degrade_in_flight
from simlib.simulator import Agents, Contacts, simulate
from simlib.simulator.draw import ChatService, draw_contacts

GRID = Grid(opens=pd.Timestamp("2026-10-31 19:00+08:00"), n=4)
FORECAST = pd.DataFrame({"start": GRID.starts, "queue": "presale", "contacts": 500.0})
SERVICE = ChatService(replies_mean=3, reply_s=18, think_s=40, bot_share=0.5, bot_s=60.0)


def drawn(service):
    """Draw one night of 2,000 contacts."""
    return draw_contacts(FORECAST, {"presale": service}, grid=GRID, seed=7, replication=0)


def test_gross_and_net_share_add_up_over_the_intents():
    """The net share is the gross share less those who come back, by intent and in all."""
    intents = (BotIntent(key="a", share=0.6, resolves=0.5), BotIntent(key="b", share=0.4, resolves=0.25))
    bot = blend_intents(intents, return_rate=0.5)
    assert bot.gross_share == pytest.approx(0.4)
    assert bot.net_share == pytest.approx(0.2)
    assert [row[2] for row in bot.by_intent] == pytest.approx([0.3, 0.1])
    assert sum(row[3] for row in bot.by_intent) == pytest.approx(bot.net_share)
    service = bot.apply_to(SERVICE)
    assert (service.bot_share, service.bot_return_rate) == (bot.gross_share, 0.5)
    assert service.bot_net_share == pytest.approx(bot.net_share)


def test_the_kit_s_intents_are_whole_and_have_names():
    """Shares add up to 1, each intent has a name, gross and net lie where the trade's claims do."""
    intents = default_intents()
    bot = blend_intents(intents, return_rate=0.5)
    assert all(intent.key in glossary() for intent in intents)
    assert 0.40 <= bot.gross_share <= 0.60
    assert 0.10 <= bot.net_share <= 0.25


def test_those_who_come_back_enter_the_human_stage_later():
    """The same buyers, of whom a share of the solved ones comes to a person some ten minutes on."""
    plain, back = drawn(SERVICE), drawn(replace(SERVICE, bot_return_rate=0.4))
    same = ("arrival", "turns", "handle", "think", "patience", "silent")
    assert all((getattr(plain, name) == getattr(back, name)).all() for name in same)
    returned = plain.bot_resolves & ~back.bot_resolves
    assert not (back.bot_resolves & ~plain.bot_resolves).any()
    assert returned.sum() / plain.bot_resolves.sum() == pytest.approx(0.4, abs=0.05)
    assert (back.bot[~returned] == plain.bot[~returned]).all()
    assert (back.bot - plain.bot)[returned].mean() == pytest.approx(600.0, rel=0.1)
    more = drawn(replace(SERVICE, bot_return_rate=0.6))
    assert not (more.bot_resolves & ~back.bot_resolves).any()  # a higher rate only adds to them
    night = simulate(back, Agents(capacity=5, shifts=[(a, 0, 9e4) for a in range(60)]))
    entry = night.contacts["entry"].to_numpy()
    assert (entry[returned] > back.arrival[returned]).all()


def test_no_return_rate_changes_nothing():
    """With a rate of 0 the drawn night is the one of before."""
    for name in ("bot", "bot_resolves"):
        np.testing.assert_array_equal(
            getattr(drawn(SERVICE), name), getattr(drawn(replace(SERVICE, bot_return_s=1.0)), name)
        )


def test_a_bot_that_drifts_resolves_less_step_by_step(night):
    """A ramp over the evening: the share falls from one step to the next, and stays where it ends."""
    end = float(night.grid.edges_s[-1])
    steps = drift_bot(start_s=0.0, end_s=end / 2, change=-0.3, steps=3, until_s=end)
    assert [step.end_s for step in steps] == [end / 6, end / 3, end]
    assert [step.bot_share_change for step in steps] == pytest.approx([-0.1, -0.2, -0.3])
    plan = night.buyers().draw(seed=7, replication=0)
    drifting = replace(night, episodes=steps).buyers().draw(seed=7, replication=0)
    np.testing.assert_array_equal(plan.arrival, drifting.arrival)
    assert not (drifting.bot_resolves & ~plan.bot_resolves).any()
    thirds = [(drifting.arrival >= step.start_s) & (drifting.arrival < step.end_s) for step in steps]
    kept = [drifting.bot_resolves[part].mean() / plan.bot_resolves[part].mean() for part in thirds]
    assert kept[0] > kept[1] > kept[2]


def test_chats_in_flight_come_to_a_person_when_the_bot_degrades():
    """Only those whom the bot has at that moment and would have solved; a larger share only adds to them."""
    contacts = Contacts(
        arrival=[0.0, 10.0, 20.0, 30.0, 100.0],
        handle=20.0,
        bot=[30.0, 30.0, 30.0, np.nan, 30.0],
        bot_resolves=[True, True, False, True, True],
    )
    all_fail = degrade_in_flight(contacts, at_s=35.0, share=1.0, seed=3)
    assert all_fail.bot_resolves.tolist() == [True, False, False, True, True]
    assert (
        degrade_in_flight(contacts, at_s=35.0, share=0.0, seed=3).bot_resolves.tolist()
        == contacts.bot_resolves.tolist()
    )
    big = drawn(SERVICE)
    some, most = (degrade_in_flight(big, at_s=3600.0, share=share, seed=3) for share in (0.3, 0.8))
    assert 0 < (big.bot_resolves & ~some.bot_resolves).sum() < (big.bot_resolves & ~most.bot_resolves).sum()
    assert not (most.bot_resolves & ~some.bot_resolves).any()


def test_a_weaker_bot_loses_chats_in_flight_too(night):
    """Where an episode begins, of the chats that the bot has and would solve it loses the part that its share loses."""
    start = 3600.0
    long = {queue: replace(service, bot_s=900.0) for queue, service in night.services.items()}
    plain = replace(night, services=long)
    weaker = replace(plain, episodes=(Episode(start_s=start, end_s=7200.0, bot_share_change=-0.15),))
    lost, had = 0, 0
    for replication in range(6):
        before, after = (each.buyers().draw(seed=7, replication=replication) for each in (plain, weaker))
        flying = (before.arrival < start) & (before.arrival + before.bot > start) & before.bot_resolves
        earlier = before.arrival < start
        assert (before.arrival[earlier] == after.arrival[: earlier.sum()]).all()
        changed = before.bot_resolves[earlier] != after.bot_resolves[: earlier.sum()]
        assert not (changed & ~flying[earlier]).any()
        lost, had = lost + int(changed.sum()), had + int(flying.sum())
    assert lost / had == pytest.approx(0.5, abs=0.15)  # of a share of 0.3
    better = replace(plain, episodes=(Episode(start_s=start, end_s=7200.0, bot_share_change=0.15),))
    rescued = better.buyers().draw(seed=7, replication=0).bot_resolves
    plan = plain.buyers().draw(seed=7, replication=0)
    assert (rescued[plan.arrival < start] == plan.bot_resolves[plan.arrival < start]).all()


def test_nonsense_is_refused():
    """Shares that do not add up, rates outside 0 to 1 and ramps without length are named."""
    half = BotIntent(key="a", share=0.5, resolves=0.5)
    for call, sentence in (
        (lambda: BotIntent(key="a", share=1.5, resolves=0.5), "share of 'a' must lie in"),
        (lambda: blend_intents([half]), "shares of the intents must add up to 1, got 0.5"),
        (lambda: blend_intents([half, half], return_rate=1.2), "return_rate must lie in"),
        (lambda: drift_bot(start_s=5, end_s=5, change=-0.1, steps=2, until_s=9), "start_s < end_s <= until_s"),
        (lambda: drift_bot(start_s=0, end_s=5, change=-0.1, steps=0, until_s=9), "steps must be a whole number"),
        (lambda: degrade_in_flight(drawn(SERVICE), at_s=0, share=2, seed=1), "share must lie in"),
        (lambda: replace(SERVICE, bot_return_rate=1.5), "bot_return_rate must lie in"),
    ):
        with pytest.raises(ValueError, match=sentence):
            call()
