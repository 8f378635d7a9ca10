"""What a concurrency limit is worth: output, waiting and heads against the limit, with the price of holding more chats.

Without a slow-down a higher limit never costs anything but waiting: more chats fill the pauses in which buyers think.
With one, every further chat also makes the replies slower (rule 4b of the chat model), and output has a peak where the
slow-down outgrows what is gained.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from simlib.simulator import Agents, Contacts, Policy, run_arrays

_MOST_AGENTS = 10_000


@dataclass(frozen=True, kw_only=True, eq=False)
class ConcurrencySweep:
    """The floor at each concurrency limit.

    Attributes
    ----------
    table : DataFrame
        One row per limit: concurrency; output_agent_hour (contacts answered for every hour an agent is on duty, when
        work never runs out); agents_needed (fewest agents that hold the target on these contacts, nan where no number
        does); and, with so many agents or the number asked for: mean_response and first_response (s), in_time (share
        of the contacts whose first reply came in time), turns_in_time (share of the turns), lost_share.
    """

    table: pd.DataFrame

    @property
    def best_output(self) -> int:
        """The smallest limit at which output is within a thousandth of its largest."""
        output = self.table["output_agent_hour"]
        return int(self.table.loc[output >= output.max() * 0.999, "concurrency"].min())

    @property
    def fewest_agents(self) -> int:
        """The smallest limit that needs the fewest agents."""
        needed = self.table["agents_needed"]
        return int(self.table.loc[needed == needed.min(), "concurrency"].min())


def sweep_concurrency(
    contacts: Contacts,
    *,
    duty_s: float,
    policy: Policy,
    limits: Sequence[int] = tuple(range(1, 11)),
    within_s: float = 60.0,
    share: float = 0.9,
    turn_s: float = 180.0,
    agents: int | None = None,
) -> ConcurrencySweep:
    """Try every concurrency limit on the same buyers.

    Parameters
    ----------
    contacts : Contacts
        Who comes.
    duty_s : float
        Everybody is on duty from second 0 to this one.
    policy : Policy
        How the floor is run, its slow-down included.
    limits : sequence of int
        The limits to try.
    within_s, share : float
        The target: this share of the contacts for people has its first reply within ``within_s``.
    turn_s : float
        For the share of turns that a platform with a rate would call in time.
    agents : int, optional
        Heads for the figures of waiting; left out, as many as each limit needs.

    Examples
    --------
    >>> arrival = np.arange(0.0, 3600.0, 12.0)
    >>> buyers = Contacts(arrival=arrival, turns=4, handle=15.0, think=45.0)
    >>> policy = Policy(slowdown=(1.0, 1.1, 1.3, 1.7))
    >>> sweep = sweep_concurrency(buyers, duty_s=3600.0, policy=policy, limits=(1, 2, 3, 4))
    >>> sweep.table[["concurrency", "agents_needed"]].values.tolist()
    [[1, 17], [2, 9], [3, 7], [4, 7]]
    """
    if not limits or min(limits) < 1:
        raise ValueError(f"limits must be whole numbers of chats >= 1, at least one, got {list(limits)!r}")
    if not 0 < duty_s < math.inf:
        raise ValueError(f"duty_s must be > 0 seconds and finite, got {duty_s!r}")
    if not 0 < share <= 1:
        raise ValueError(f"share must lie in (0, 1], got {share!r}")
    if agents is not None and agents < 1:
        raise ValueError(f"agents must be a whole number >= 1, got {agents!r}")
    rows = []
    needed = 1
    for limit in limits:
        found = _fewest(contacts, limit, duty_s=duty_s, policy=policy, within_s=within_s, share=share, guess=needed)
        row: dict[str, float] = {
            "concurrency": limit,
            "output_agent_hour": measure_output(contacts, limit, policy=policy),
            "agents_needed": math.nan if found is None else found,
        }
        needed = found or needed
        rows.append(row | _describe(contacts, limit, agents or needed, duty_s, policy, within_s, turn_s))
    return ConcurrencySweep(table=pd.DataFrame(rows))


def measure_output(contacts: Contacts, limit: int, *, policy: Policy, hours: float = 20.0) -> float:
    """Return the contacts that one agent answers in an hour when work never runs out, at one concurrency limit.

    All the contacts wait at second 0, whatever their arrival, and wait for ever; they are used again and again until
    the agent has worked for ``hours``.
    """
    work_s = float(contacts.handle.sum())
    times = max(1, math.ceil(hours * 3600.0 / max(work_s, 1.0)))
    backlog = Contacts(
        arrival=np.zeros(len(contacts) * times),
        turns=np.tile(contacts.turns, times),
        handle=np.tile(contacts.handle, times),
        think=np.tile(contacts.think, times),
    )
    outcome = run_arrays(backlog, _floor(limit, 1, hours * 3600.0), policy)
    return float((outcome.end <= hours * 3600.0).sum() / hours)


def _floor(limit: int, agents: int, duty_s: float) -> Agents:
    seats = np.arange(agents, dtype=float)
    shifts = np.column_stack([seats, np.zeros(agents), np.full(agents, duty_s)])
    return Agents(capacity=np.full(agents, limit), shifts=shifts)


def _in_time(contacts: Contacts, limit: int, agents: int, duty_s: float, policy: Policy, within_s: float) -> float:
    outcome = run_arrays(contacts, _floor(limit, agents, duty_s), policy)
    human = outcome.attempts > 0
    return float((outcome.first_reply[human] - outcome.entry[human] <= within_s).mean()) if human.any() else 1.0


def _fewest(
    contacts: Contacts, limit: int, *, duty_s: float, policy: Policy, within_s: float, share: float, guess: int
) -> int | None:
    """Find the fewest agents that hold the target, by doubling and halving from a guess."""

    def holds(agents: int) -> bool:
        return _in_time(contacts, limit, agents, duty_s, policy, within_s) >= share

    low, high = 0, guess
    while not holds(high):
        low, high = high, high * 2
        if high > _MOST_AGENTS or high > 4 * max(len(contacts), guess):
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _describe(
    contacts: Contacts, limit: int, agents: int, duty_s: float, policy: Policy, within_s: float, turn_s: float
) -> dict[str, float]:
    outcome = run_arrays(contacts, _floor(limit, agents, duty_s), policy, turns=True)
    human = outcome.attempts > 0
    waits_s = outcome.first_reply[human] - outcome.entry[human]
    answered = ~np.isnan(waits_s)
    sent = ~np.isnan(outcome.asked)
    replies = int(outcome.replies.sum())
    return {
        "mean_response": float(outcome.response_sum.sum() / replies) if replies else math.nan,
        "first_response": float(waits_s[answered].mean()) if answered.any() else math.nan,
        "in_time": float((waits_s <= within_s).mean()) if human.any() else math.nan,
        "turns_in_time": float((outcome.replied[sent] - outcome.asked[sent] <= turn_s).mean())
        if sent.any()
        else math.nan,
        "lost_share": float((outcome.replies[human] == 0).mean()) if human.any() else math.nan,
    }
