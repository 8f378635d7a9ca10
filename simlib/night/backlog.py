"""Chats that come outside service hours: left as a message, waiting at the opening, worked off in hours."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from simlib.intervals import DAY_S
from simlib.simulator import Contacts
from simlib.simulator.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """What waits at the opening and how long it takes.

    Attributes
    ----------
    contacts : int
        Messages that were left.
    answered : int
        Those of them that got a reply.
    gone_h : float
        Hours from the opening until the last of them had its first reply; inf if some never had one, 0 for none.
    within_share : float
        Share of them whose first reply came within the window that was asked for; nan for none.
    """

    contacts: int
    answered: int
    gone_h: float
    within_share: float


def leave_for_morning(
    contacts: Contacts,
    *,
    opens_s: float,
    closes_s: float,
    midnight_s: float = 0.0,
    queues: tuple[int, ...] | None = None,
) -> tuple[Contacts, np.ndarray]:
    """Return the contacts with a message left by each buyer who comes outside service hours, for the next opening.

    Parameters
    ----------
    contacts : Contacts
        As they come, round the clock.
    opens_s, closes_s : float
        Service hours in seconds since midnight, closes excluded; hours that close before they open run over midnight.
    midnight_s : float
        Where a midnight lies, in seconds since the horizon opens.
    queues : tuple of int, optional
        The queues that keep these hours; left out, all.

    Returns
    -------
    (Contacts, bool array)
        The same buyers by the time at which the floor meets them: who came outside the hours comes at the next opening,
        meets no bot, and waits for ever. The array marks them.

    Examples
    --------
    >>> night = Contacts(arrival=[3600.0, 30000.0, 82000.0], handle=[1.0, 2.0, 3.0], patience=60.0)
    >>> morning, left = leave_for_morning(night, opens_s=8 * 3600, closes_s=22 * 3600)
    >>> morning.arrival.tolist(), left.tolist(), morning.patience.tolist(), morning.handle.tolist()
    ([28800.0, 30000.0, 115200.0], [True, False, True], [inf, 60.0, inf], [1.0, 2.0, 3.0])
    """
    for name, value in (("opens_s", opens_s), ("closes_s", closes_s)):
        if not 0 <= value <= DAY_S:
            raise ValueError(f"{name} must be a second of the day, 0 to {DAY_S}, got {value!r}")
    length_s = (closes_s - opens_s) % DAY_S or DAY_S
    since_opening = (contacts.arrival - midnight_s - opens_s) % DAY_S
    left = since_opening >= length_s
    if queues is not None:
        left &= np.isin(contacts.queue, queues)
    comes = np.where(left, contacts.arrival + (DAY_S - since_opening), contacts.arrival)
    order = np.argsort(comes, kind="stable")
    turns = contacts.turns[order]
    first = contacts.first_turn[:-1][order]
    flat = np.repeat(first - (np.cumsum(turns) - turns), turns) + np.arange(int(turns.sum()))
    columns = {
        column.name: getattr(contacts, column.name)[flat if column.name in ("handle", "think") else order]
        for column in fields(contacts)
    }
    left = left[order]
    columns |= {
        "arrival": comes[order],
        "patience": np.where(left, np.inf, columns["patience"]),
        "silent": columns["silent"] & ~left,
        "bot": np.where(left, np.nan, columns["bot"]),
    }
    return Contacts(**columns), left


def measure_backlog(outcome: Outcome, contacts: Contacts, left: np.ndarray, *, within_h: float) -> Backlog:
    """Measure how the messages that were left are worked off; each counts from the opening that it waits for.

    Parameters
    ----------
    outcome : Outcome
        Of :func:`simlib.simulator.run_arrays` on these contacts.
    contacts, left
        As :func:`leave_for_morning` returns them.
    within_h : float
        The window of hours in which they are to be answered.
    """
    if not within_h > 0:
        raise ValueError(f"within_h must be > 0 hours, got {within_h!r}")
    if not left.any():
        return Backlog(contacts=0, answered=0, gone_h=0.0, within_share=math.nan)
    hours = (outcome.first_reply[left] - contacts.arrival[left]) / 3600.0
    answered = ~np.isnan(hours)
    return Backlog(
        contacts=int(left.sum()),
        answered=int(answered.sum()),
        gone_h=float(hours.max()) if answered.all() else math.inf,
        within_share=float((hours <= within_h).mean()),
    )
