"""One chat agent solved exactly, message by message: the check of the chat pool."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simlib.erlang.arguments import require_positive, whole_number


@dataclass(frozen=True, kw_only=True)
class MessageAgent:
    """One chat agent, solved exactly. Names as in :class:`ChatPool`."""

    wait_probability: float
    abandon_probability: float
    mean_wait: float
    occupancy: float
    agent_response_s: float
    mean_chat: float
    concurrency: float


def message_agent(
    capacity: int,
    arrival_rate: float,
    replies: float,
    reply_s: float,
    think_s: float,
    patience_s: float,
) -> MessageAgent:
    """Return one agent of :func:`chat_pool`, solved as a Markov chain of every message: the check of the pool.

    State: open chats, messages in the inbox, buyers in line. The line is cut where it is longer with a
    probability below 1e-16, so patience must be finite.

    >>> agent = message_agent(4, 26 / 3600, replies=6, reply_s=20, think_s=40, patience_s=120)
    >>> round(agent.wait_probability, 4), round(agent.abandon_probability, 4)
    (0.3301, 0.1946)
    """
    capacity = whole_number("capacity", capacity)
    require_positive(arrival_rate=arrival_rate, reply_s=reply_s, think_s=think_s, patience_s=patience_s)
    if not 1 <= replies < math.inf:
        raise ValueError(f"replies must be a finite number >= 1 (a mean), got {replies!r}")
    from scipy.sparse import coo_matrix
    from scipy.sparse.linalg import spsolve

    # Nobody served at all would make the line longest: then it is Poisson with this mean.
    longest = arrival_rate * patience_s
    line = int(longest + 10 * math.sqrt(longest) + 40)
    states = [(k, j, 0) for k in range(capacity) for j in range(k + 1)]
    states += [(capacity, j, q) for q in range(line + 1) for j in range(capacity + 1)]
    index = {state: i for i, state in enumerate(states)}
    moves: list[tuple[int, int, float]] = []
    for (chats, inbox, waiting), i in index.items():
        if chats < capacity:
            moves.append((i, index[chats + 1, inbox + 1, 0], arrival_rate))
        elif waiting < line:
            moves.append((i, index[chats, inbox, waiting + 1], arrival_rate))
        if inbox:
            ended = (chats, inbox, waiting - 1) if waiting else (chats - 1, inbox - 1, 0)
            moves.append((i, index[ended], 1 / (reply_s * replies)))
            moves.append((i, index[chats, inbox - 1, waiting], (1 - 1 / replies) / reply_s))
        if inbox < chats:
            moves.append((i, index[chats, inbox + 1, waiting], (chats - inbox) / think_s))
        if waiting:
            moves.append((i, index[chats, inbox, waiting - 1], waiting / patience_s))
    source, target, rate = (np.array(column) for column in zip(*moves, strict=True))
    size = len(states)
    leaving = np.bincount(source.astype(int), weights=rate, minlength=size)
    balance = coo_matrix((rate, (target, source)), shape=(size, size)).tolil()
    balance.setdiag(-leaving)
    balance[0, :] = 1.0
    share = spsolve(balance.tocsc(), np.eye(size)[0])
    chats, inbox, waiting = np.array(states).T
    in_line = float(share @ waiting)
    busy = float(share @ (inbox > 0))
    abandoned = in_line / patience_s / arrival_rate
    open_chats = float(share @ chats)
    return MessageAgent(
        wait_probability=float(share @ (chats == capacity)),
        abandon_probability=abandoned,
        mean_wait=in_line / arrival_rate,
        occupancy=busy,
        agent_response_s=float(share @ inbox) * reply_s / busy,
        mean_chat=open_chats / (arrival_rate * (1 - abandoned)),
        concurrency=open_chats,
    )
