"""The seat nobody sits at: shown online by the chat client, given its full share of chats, answering none.

It is the commonest mishap of routing by weight. How to see it: an agent with open chats and no reply for minutes. What
to do: log the seat off, so that its chats are handed over to the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from simlib.night.promo_night import PromoNight
from simlib.simulator import Disruptions


@dataclass(frozen=True, kw_only=True)
class PhantomSeat:
    """One seat that is left while it is shown online.

    Parameters
    ----------
    agent_id : str
        Whose seat.
    start_s, end_s : float
        From when nobody sits there, and when somebody is back, in seconds since the night opens; both inside a shift.
    noticed_s : float, optional
        When somebody logs the seat off: its chats are handed over and it gets no more until ``end_s``. Left out,
        nobody notices.
    """

    agent_id: str
    start_s: float
    end_s: float
    noticed_s: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.start_s < self.end_s:
            raise ValueError(f"a seat must be left for some time, got {self.start_s!r} to {self.end_s!r}")
        if self.noticed_s is not None and not self.start_s <= self.noticed_s <= self.end_s:
            raise ValueError(
                f"noticed_s must lie between start_s and end_s, {self.start_s!r} to {self.end_s!r}, "
                f"got {self.noticed_s!r}"
            )

    def apply_to(self, night: PromoNight) -> PromoNight:
        """Return the night with this seat left.

        A seat that is logged off is down: its chats are handed over ``policy.transfer_s`` after that, which is how long
        the team needs for it. Where the policy never hands over and no other seat fails, they go at once.

        Raises
        ------
        ValueError
            An agent who is not in the night, or a time outside their shifts (named with the shifts there are).
        """
        people = list(night.people["agent_id"])
        if self.agent_id not in people:
            raise ValueError(f"agent_id must be one of the night's people, got {self.agent_id!r}")
        agent = people.index(self.agent_id)
        shifts = night.agents().shifts
        own = shifts[shifts["agent"] == agent]
        if not ((own["start"] <= self.start_s) & (self.start_s < own["end"])).any():
            rows = [f"{start:g} to {end:g} s" for _, start, end in own.tolist()]
            raise ValueError(
                f"{self.agent_id} is not on duty at {self.start_s:g} s: a seat can only be left in a shift, and theirs "
                f"are {', '.join(rows) or 'none'}"
            )
        return leave_seats(night, [agent], start_s=self.start_s, end_s=self.end_s, noticed_s=self.noticed_s)


def leave_seats(
    night: PromoNight, agents: Sequence[int], *, start_s: float, end_s: float, noticed_s: float | None = None
) -> PromoNight:
    """Return the night in which nobody sits at some seats that are shown online; off duty that changes nothing.

    Parameters
    ----------
    agents : sequence of int
        Rows of the night's people.
    start_s, end_s, noticed_s
        As in :class:`PhantomSeat`.
    """
    gone, policy = night.disruptions, night.policy
    down = gone.down.tolist()
    away = [*gone.away.tolist(), *((agent, start_s, end_s) for agent in agents)]
    if noticed_s is not None and noticed_s < end_s:
        if math.isnan(policy.transfer_s) and not down:
            policy = replace(policy, transfer_s=0.0)
        down += [(agent, noticed_s, end_s) for agent in agents]
    disruptions = Disruptions(
        down=np.array(down).reshape(-1, 3), slow=gone.slow, away=np.array(away).reshape(-1, 3), bot_down=gone.bot_down
    )
    return replace(night, policy=policy, disruptions=disruptions)


def find_phantom_seats(trace: pd.DataFrame, *, silent_s: float, until_s: float) -> pd.DataFrame:
    """Find the seats that hold chats and write nothing for a long time.

    Parameters
    ----------
    trace : DataFrame
        agent, time, open, replying: a row each time one of the last two changes, by agent, then time.
    silent_s : float
        How long a seat with open chats may write nothing.
    until_s : float
        How far the trace is read; a seat that is silent then is listed up to it.

    Returns
    -------
    DataFrame
        One row per stretch: agent, start, end (seconds), open (the most chats it held).

    Notes
    -----
    An agent whose buyers all think is silent too; ``silent_s`` is best some multiples of the mean think time.

    Examples
    --------
    >>> trace = pd.DataFrame({"agent": 0, "time": [0.0, 30.0, 60.0, 700.0], "open": [1, 1, 2, 2],
    ...                       "replying": [True, False, False, True]})
    >>> find_phantom_seats(trace, silent_s=300, until_s=900).values.tolist()
    [[0.0, 30.0, 700.0, 2.0]]
    """
    rows = []
    for agent, changes in trace[trace["time"] < until_s].groupby("agent", sort=True):
        since, most = None, 0
        for time, chats, replying in changes[["time", "open", "replying"]].itertuples(index=False, name=None):
            if chats > 0 and not replying:
                since, most = (time, chats) if since is None else (since, max(most, chats))
                continue
            if since is not None and time - since >= silent_s:
                rows.append((agent, since, time, most))
            since = None
        if since is not None and until_s - since >= silent_s:
            rows.append((agent, since, until_s, most))
    return pd.DataFrame(rows, columns=["agent", "start", "end", "open"])
