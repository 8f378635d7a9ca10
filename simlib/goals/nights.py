"""What each person does in the simulated nights, and what a prize that is paid by response time does to the floor."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from simlib import facts
from simlib.night import PromoNight
from simlib.simulator import Contacts, run_arrays
from simlib.simulator.outcome import Outcome
from simlib.simulator.replicate import half_width
from simlib.streams import stream

__all__ = ["PeopleNights", "compare_dropping", "drop_slow_chats", "simulate_people"]

BOT, SERVED = 0, 1  # of Outcome.outcome
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True, eq=False)
class PeopleNights:
    """Figures of each person in each night: arrays [night, person].

    Attributes
    ----------
    persons : tuple of str
    receptions, buyers, sales_cny : array
        Contacts answered, of these the presale buyers who bought, and what they paid.
    response_s : array
        Mean seconds from a message to its reply; nan without a reply.
    bot_sales_cny : array [night]
        Sales of presale buyers whom the bot served alone.
    """

    persons: tuple[str, ...]
    receptions: np.ndarray = field(repr=False)
    buyers: np.ndarray = field(repr=False)
    sales_cny: np.ndarray = field(repr=False)
    response_s: np.ndarray = field(repr=False)
    bot_sales_cny: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.receptions)

    @property
    def team(self) -> pd.DataFrame:
        """One row per night: cs_sales_cny (the bot's included) and receptions of all together."""
        return pd.DataFrame(
            {
                "cs_sales_cny": self.sales_cny.sum(axis=1) + self.bot_sales_cny,
                "receptions": self.receptions.sum(axis=1),
            }
        )

    def long_frame(self) -> pd.DataFrame:
        """One row per night and person: night, agent_id, receptions, sales_cny; the bot's sales are a row too."""
        nights = np.arange(len(self))
        people = pd.DataFrame(
            {
                "night": np.repeat(nights, len(self.persons)),
                "agent_id": np.tile(np.array(self.persons, dtype=object), len(self)),
                "receptions": self.receptions.ravel(),
                "sales_cny": self.sales_cny.ravel(),
            }
        )
        bot = pd.DataFrame({"night": nights, "agent_id": "bot", "receptions": 0.0, "sales_cny": self.bot_sales_cny})
        return pd.concat([people, bot], ignore_index=True)

    def frames(self, *, factors: np.ndarray | float = 1.0) -> Iterator[pd.DataFrame]:
        """Yield each night as results: person, receptions, buyers_paid, sales_cny, mean_response_s.

        ``factors``, one per night, scale the counts and the sales, for a night that comes in at a given level.
        """
        for number, factor in enumerate(np.broadcast_to(factors, len(self))):
            yield pd.DataFrame(
                {
                    "person": self.persons,
                    "receptions": np.rint(self.receptions[number] * factor),
                    "buyers_paid": np.rint(self.buyers[number] * factor),
                    "sales_cny": np.round(self.sales_cny[number] * factor, 2),
                    "mean_response_s": np.round(self.response_s[number], 1),
                }
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Night:
    """One night's contacts as they are counted: whose purchase each is, and whether its sale is already lost."""

    contacts: Contacts
    buyer: np.ndarray
    gone: np.ndarray


def _buys(seed: int, replication: int, buyers: int) -> np.ndarray:
    """Return one number of chance per buyer: who buys in one scenario at a given chance buys in every other too."""
    return stream(seed, replication, "goals: purchase").random(buyers)


def simulate_people(night: PromoNight, *, day: dt.date, aov_cny: float, seed: int, replications: int) -> PeopleNights:
    """Simulate nights and count what each person does on the promo day; a sale counts for who answered last.

    Parameters
    ----------
    night : PromoNight
    day : date
        Buyers who come before or after this day do not count.
    aov_cny : float
        What a buyer pays.
    seed, replications : int
        Night r of a seed meets the same buyers as everywhere else in the kit.
    """
    nights = []
    draw, agents = night.buyers().draw, night.agents()
    for number in range(replications):
        contacts = draw(seed=seed, replication=number)
        outcome = run_arrays(contacts, agents, night.policy, night.disruptions, turns=False, trace=False)
        plain = _Night(contacts=contacts, buyer=np.arange(len(contacts)), gone=np.zeros(len(contacts), dtype=bool))
        nights.append(_count(night, plain, outcome, day, aov_cny, _buys(seed, number, len(contacts))))
    parts = [np.array(part) for part in zip(*nights, strict=True)]
    names = ("receptions", "buyers", "sales_cny", "response_s", "bot_sales_cny")
    return PeopleNights(persons=tuple(night.people["agent_id"]), **dict(zip(names, parts, strict=True)))


def _count(
    night: PromoNight, one: _Night, outcome: Outcome, day: dt.date, aov_cny: float, chance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    heads = len(night.people)
    starts = night.grid.times(night.grid.edges_s[:-1])
    edges = night.grid.edges_s[:-1][np.array([start.date() == day for start in starts])]
    arrival = one.contacts.arrival
    counts = (arrival >= edges[0]) & (arrival < edges[-1] + night.grid.step_s)
    got = counts & (outcome.replies > 0) & (outcome.agent >= 0)
    who = outcome.agent[got]
    receptions = np.bincount(who, minlength=heads).astype(float)
    bought = counts & _bought(night, one, outcome, aov_cny, chance)
    own = bought & got
    buyers = np.bincount(outcome.agent[own], minlength=heads).astype(float)
    replies = np.bincount(who, weights=outcome.replies[got], minlength=heads)
    seconds = np.bincount(who, weights=outcome.response_sum[got], minlength=heads)
    response = np.full(heads, np.nan)
    np.divide(seconds, replies, out=response, where=replies > 0)
    return receptions, buyers, buyers * aov_cny, response, float((bought & ~got).sum()) * aov_cny


def _bought(night: PromoNight, one: _Night, outcome: Outcome, aov_cny: float, chance: np.ndarray) -> np.ndarray:
    """Return who buys: the usual chance of the queue times what the response leaves of it."""
    value = np.array([night.values_cny.get(queue, 0.0) for queue in night.queues])[one.contacts.queue]
    keeps = np.where(outcome.outcome == BOT, 1.0, night.curve.unanswered)
    got = outcome.replies > 0
    keeps[got] = night.curve.keeps(outcome.response_sum[got] / outcome.replies[got])
    found: np.ndarray = (chance[one.buyer] < value / aov_cny * keeps) & ~one.gone
    return found


def drop_slow_chats(
    contacts: Contacts,
    outcome: Outcome,
    *,
    slow_share: float,
    return_share: float,
    after_s: float,
    chance: np.ndarray,
) -> tuple[Contacts, np.ndarray, np.ndarray]:
    """Return a night in which slow chats are dropped after their first reply, and part of their buyers come back.

    Parameters
    ----------
    contacts, outcome
        The night as it was without dropping: who is answered at all, and when.
    slow_share : float
        The chats with the most writing still to do after the first reply, as a share of all that have some.
    return_share : float
        Share of the dropped buyers who write again, to an agent who is free; the others buy nothing.
    after_s : float
        Seconds from the first reply until they do.
    chance : float array
        One number per contact, that says who comes back.

    Returns
    -------
    (Contacts, int array, bool array)
        The contacts by arrival; by contact, which of the given ones it is or continues; and which were cut short.
    """
    n, first = len(contacts), contacts.first_turn
    writing = np.bincount(np.repeat(np.arange(n), contacts.turns), weights=contacts.handle, minlength=n)
    rest_s = writing - contacts.handle[first[:-1]]
    may = (contacts.turns > 1) & ~np.isnan(outcome.first_reply)
    cut = np.zeros(n, dtype=bool)
    if may.any() and slow_share > 0:
        cut = may & (rest_s >= np.quantile(rest_s[may], 1 - slow_share))
    back = np.flatnonzero(cut & (chance < return_share))
    arrival = np.concatenate([contacts.arrival, outcome.first_reply[back] + after_s])
    buyer = np.concatenate([np.arange(n), back])
    again = np.arange(len(arrival)) >= n
    order = np.argsort(arrival, kind="stable")
    buyer, again = buyer[order], again[order]
    turns = np.where(again, contacts.turns[buyer] - 1, np.where(cut[buyer], 1, contacts.turns[buyer]))
    begins = first[:-1][buyer] + again
    flat = np.repeat(begins - (np.cumsum(turns) - turns), turns) + np.arange(int(turns.sum()))
    columns = {
        name: getattr(contacts, name)[buyer] for name in ("queue", "patience", "silent", "bot_resolves", "retry")
    }
    dropped = Contacts(
        arrival=arrival[order],
        turns=turns,
        handle=contacts.handle[flat],
        think=contacts.think[flat],
        bot=np.where(again, np.nan, contacts.bot[buyer]),
        **columns,
    )
    return dropped, buyer, cut[buyer] & ~again


def compare_dropping(night: PromoNight, *, day: dt.date, aov_cny: float, seed: int, replications: int) -> pd.DataFrame:
    """Compare the floor as it is with one on which slow chats are dropped for a better response time.

    The same buyers in both; sizes of the behaviour are the kit's own assumptions (facts ``pay_behaviour``).

    Returns
    -------
    DataFrame
        figure, as_is, dropping, difference, difference_low, difference_high: mean_response_s (what the prize pays
        by), cs_sales_cny, buyers_dropped, first_response_s; the band holds the mean difference in 95 % of cases.
    """
    how = {key: float(facts.value("pay_behaviour", key)) for key in ("slow_share", "return_share", "after_s")}
    draw, agents = night.buyers().draw, night.agents()
    rows = []
    for number in range(replications):
        contacts = draw(seed=seed, replication=number)
        outcome = run_arrays(contacts, agents, night.policy, night.disruptions, turns=False, trace=False)
        back = stream(seed, number, "goals: comes back").random(len(contacts))
        chance = _buys(seed, number, len(contacts))
        none = np.zeros(len(contacts), dtype=bool)
        plain = _Night(contacts=contacts, buyer=np.arange(len(contacts)), gone=none)
        changed, buyer, cut = drop_slow_chats(contacts, outcome, chance=back, **how)
        after = run_arrays(changed, agents, night.policy, night.disruptions, turns=False, trace=False)
        other = _Night(contacts=changed, buyer=buyer, gone=cut)
        rows.append(
            [
                (*_floor_figures(night, plain, outcome, day, aov_cny, chance), 0.0),
                (*_floor_figures(night, other, after, day, aov_cny, chance), float(cut.sum())),
            ]
        )
    values = np.array(rows)
    table = []
    for at, figure in enumerate(("mean_response_s", "first_response_s", "cs_sales_cny", "buyers_dropped")):
        before, then = values[:, 0, at], values[:, 1, at]
        half = half_width(then - before, confidence=CONFIDENCE) if replications > 1 else float("nan")
        mean = float((then - before).mean())
        table.append((figure, before.mean(), then.mean(), mean, mean - half, mean + half))
    columns = ["figure", "as_is", "dropping", "difference", "difference_low", "difference_high"]
    return pd.DataFrame(table, columns=columns)


def _floor_figures(
    night: PromoNight, one: _Night, outcome: Outcome, day: dt.date, aov_cny: float, chance: np.ndarray
) -> tuple[float, float, float]:
    receptions, _, sales, _, bot_sales = _count(night, one, outcome, day, aov_cny, chance)
    got = outcome.replies > 0
    mean_response = outcome.response_sum[got].sum() / max(outcome.replies[got].sum(), 1)
    first = np.nanmean((outcome.first_reply - outcome.entry)[got]) if receptions.any() else float("nan")
    return float(mean_response), float(first), float(sales.sum() + bot_sales)
