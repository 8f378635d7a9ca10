"""Buyers whose behaviour changes in the middle of the night: more of them, harder ones, a weaker bot, put off.

A changed stretch of the night is drawn from a changed forecast and changed services, and put in the place of the
same stretch of the plan's night. Because a higher rate only adds buyers and a longer reply is the same reply, longer
(:mod:`simlib.simulator.draw`), the plan's buyers are all there again, to the second, and everything outside the
stretch is untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Protocol

import numpy as np
import pandas as pd

from simlib.simulator import Contacts
from simlib.simulator.draw import ChatService
from simlib.streams import stream


class Buyers(Protocol):
    """Whatever draws the buyers of a night, as :class:`simlib.simulator.draw.Demand` does."""

    def draw(self, *, seed: int, replication: int) -> Contacts:
        """Draw the night ``replication`` of ``seed``."""


@dataclass(frozen=True, kw_only=True)
class Episode:
    """A stretch of the night in which the buyers of a queue are different.

    Parameters
    ----------
    start_s, end_s : float
        [start, end) in seconds since the night opens; a buyer belongs by arrival.
    queue : str, optional
        Of the buyers; left out, all queues.
    contacts_factor, reply_factor : float
        Contacts, and the seconds of each reply, times this.
    bot_share_change : float
        Added to the share that the bot resolves, which stays within [0, 1].

    Examples
    --------
    >>> episode = Episode(start_s=0, end_s=60, bot_share_change=-0.5)
    >>> episode.change_service("presale", ChatService(replies_mean=2, reply_s=20, think_s=40, bot_share=0.4)).bot_share
    0.0
    """

    start_s: float
    end_s: float
    queue: str | None = None
    contacts_factor: float = 1.0
    reply_factor: float = 1.0
    bot_share_change: float = 0.0

    def concerns(self, queue: str) -> bool:
        """Return whether the buyers of a queue are changed."""
        return self.queue in (None, queue)

    def change_service(self, queue: str, service: ChatService) -> ChatService:
        """Change what a chat of a queue takes."""
        if not self.concerns(queue):
            return service
        share = min(max(service.bot_share + self.bot_share_change, 0.0), 1.0)
        return replace(
            service,
            reply_s=service.reply_s * self.reply_factor,
            bot_share=share,
            bot_meets_share=max(service.meets_bot, share),  # a bot that resolves less still meets the buyers
        )

    def change_forecast(self, forecast: pd.DataFrame) -> pd.DataFrame:
        """Change how many contacts are expected."""
        factor = np.where([self.concerns(queue) for queue in forecast["queue"]], self.contacts_factor, 1.0)
        return forecast.assign(contacts=forecast["contacts"] * factor)


@dataclass(frozen=True, kw_only=True)
class Deferral:
    """The buyers of a queue who arrive in [start, end), asked to come ``later_s`` seconds later, and who do."""

    start_s: float
    end_s: float
    queue: str
    later_s: float


@dataclass(frozen=True, kw_only=True)
class Degrading:
    """A moment at which the bot of a queue begins to solve less: of the chats it then has, a share is not solved."""

    at_s: float
    queue: str
    share: float


@dataclass(frozen=True, kw_only=True, eq=False)
class ChangedBuyers:
    """The plan's buyers, with other ones in the place of some stretches of the night, and some put off.

    Parameters
    ----------
    base : Buyers
        The plan's.
    stretches : sequence of (start_s, end_s, Buyers)
        In the order of time, not overlapping.
    deferrals : sequence of Deferral
        Applied to what the stretches have left, one after the other.
    queues : sequence of str
        The queues in the order of their numbers.
    degradings : sequence of Degrading
        In the order of time: what happens to the chats in flight.
    """

    base: Buyers
    stretches: Sequence[tuple[float, float, Buyers]] = ()
    deferrals: Sequence[Deferral] = ()
    queues: Sequence[str] = ()
    degradings: Sequence[Degrading] = ()

    def draw(self, *, seed: int, replication: int) -> Contacts:
        """Draw the night: the plan's buyers outside the stretches, changed ones inside."""
        plan = self.base.draw(seed=seed, replication=replication)
        pieces, until = [], 0.0
        for start_s, end_s, changed in self.stretches:
            pieces.append(_columns(plan, until, start_s))
            pieces.append(_columns(changed.draw(seed=seed, replication=replication), start_s, end_s))
            until = end_s
        pieces.append(_columns(plan, until, np.inf))
        night = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
        for deferral in self.deferrals:
            night = _defer(night, deferral, queue=self.queues.index(deferral.queue))
        for column in night.values():
            column.setflags(write=False)  # Contacts keeps read-only arrays as they are
        contacts = Contacts(**night)
        for each in self.degradings:
            queue = self.queues.index(each.queue)
            how = {"queue": queue, "seed": seed, "replication": replication}
            contacts = degrade_in_flight(contacts, at_s=each.at_s, share=each.share, **how)
        return contacts


def change_buyers(
    base: Buyers,
    episodes: Sequence[Episode],
    deferrals: Sequence[Deferral],
    *,
    demand_of: Callable[[float, float, Sequence[Episode]], Buyers],
    services: Mapping[str, ChatService],
) -> Buyers:
    """Cut the night where an episode begins or ends, and draw each stretch under all its episodes together.

    Where a bot begins to solve less, part of the chats that it has at that moment come to a person too.

    Parameters
    ----------
    demand_of : callable
        (start_s, end_s, episodes) -> the buyers of the intervals that the stretch touches, under these episodes.
    services : mapping of queue to ChatService
        What a chat takes without any episode, in the order of the queues' numbers.
    """
    if not episodes and not deferrals:
        return base
    cuts = sorted({edge for episode in episodes for edge in (episode.start_s, episode.end_s)})
    stretches = []
    for start_s, end_s in pairwise(cuts):
        active = [episode for episode in episodes if episode.start_s <= start_s and end_s <= episode.end_s]
        if active:
            stretches.append((start_s, end_s, demand_of(start_s, end_s, active)))
    degradings = _degradings(episodes, cuts, services)
    return ChangedBuyers(
        base=base, stretches=stretches, deferrals=deferrals, queues=tuple(services), degradings=degradings
    )


def _degradings(
    episodes: Sequence[Episode], cuts: Sequence[float], services: Mapping[str, ChatService]
) -> tuple[Degrading, ...]:
    """Find where the bot's share falls: of the chats in flight that it would solve, it loses what its share loses."""
    found = []
    for at_s in cuts:
        for queue, service in services.items():
            before, after = service, service
            for episode in episodes:
                before = episode.change_service(queue, before) if episode.start_s < at_s <= episode.end_s else before
                after = episode.change_service(queue, after) if episode.start_s <= at_s < episode.end_s else after
            if after.bot_share < before.bot_share:
                found.append(Degrading(at_s=at_s, queue=queue, share=1.0 - after.bot_share / before.bot_share))
    return tuple(found)


def degrade_in_flight(
    contacts: Contacts, *, at_s: float, share: float, seed: int, replication: int = 0, queue: int | None = None
) -> Contacts:
    """Return the buyers of a night whose bot degrades: of the chats it has at that moment, a share is not solved.

    They stay with the bot as long as they would have, and then come to a person instead of being solved.

    Parameters
    ----------
    at_s : float
        When it degrades.
    share : float
        Share of the chats then with the bot that it would have solved and now does not.
    seed, replication : int
        Decide which ones: a larger share only adds to them.
    queue : int, optional
        Number of the queue whose bot it is; left out, all.

    Examples
    --------
    >>> night = Contacts(arrival=[0.0, 50.0, 200.0], handle=20.0, bot=100.0, bot_resolves=True)
    >>> degrade_in_flight(night, at_s=60.0, share=1.0, seed=1).bot_resolves.tolist()
    [False, False, True]
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie in [0, 1], got {share!r}")
    with_bot = (contacts.arrival <= at_s) & (contacts.arrival + contacts.bot > at_s)  # nan compares false
    if queue is not None:
        with_bot &= contacts.queue == queue
    fails = stream(seed, replication, "bot degrades").random(len(contacts)) < share
    resolves = contacts.bot_resolves & ~(with_bot & fails)
    columns = {column.name: getattr(contacts, column.name) for column in fields(contacts)}
    return Contacts(**columns | {"bot_resolves": np.asarray(resolves)})


@dataclass(frozen=True, kw_only=True, eq=False)
class RememberedBuyers:
    """Buyers that several scenarios change in their own ways: a night that was just drawn is not drawn again."""

    buyers: Buyers
    nights: int = 4

    @cached_property
    def _draw(self) -> Callable[..., Contacts]:
        return lru_cache(maxsize=self.nights)(self.buyers.draw)

    def draw(self, *, seed: int, replication: int) -> Contacts:
        """Draw the night ``replication`` of ``seed``."""
        return self._draw(seed=seed, replication=replication)


def _columns(contacts: Contacts, start_s: float, end_s: float) -> dict[str, np.ndarray]:
    """Cut out the columns of the contacts that arrive in [start, end)."""
    first, last = np.searchsorted(contacts.arrival, [start_s, end_s])
    turns = contacts.first_turn[[first, last]]
    cut = {}
    for column in fields(contacts):
        rows = slice(*turns) if column.name in ("handle", "think") else slice(first, last)
        cut[column.name] = getattr(contacts, column.name)[rows]
    return cut


def _defer(night: dict[str, np.ndarray], deferral: Deferral, *, queue: int) -> dict[str, np.ndarray]:
    """Move some arrivals, and bring everything back into the order of arrival."""
    arrival = night["arrival"]
    put_off = (night["queue"] == queue) & (arrival >= deferral.start_s) & (arrival < deferral.end_s)
    moved = np.where(put_off, arrival + deferral.later_s, arrival)
    order = np.argsort(moved, kind="stable")
    turns = night["turns"]
    first = np.cumsum(turns) - turns
    length = turns[order]
    flat = np.repeat(first[order] - (np.cumsum(length) - length), length) + np.arange(int(length.sum()))
    moved_night = {name: column[flat if name in ("handle", "think") else order] for name, column in night.items()}
    return moved_night | {"arrival": moved[order]}
