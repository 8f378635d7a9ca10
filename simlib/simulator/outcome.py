"""What comes out of a night: raw arrays from an engine, and the frames that people read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from simlib.simulator.inputs import Contacts
from simlib.simulator.tables import OUTCOMES


class Outcome(NamedTuple):
    """The raw arrays of one night, as both engines return them.

    One entry a contact from ``outcome`` (an index into `OUTCOMES`) to ``transfers``; one an agent from
    ``busy`` to ``chat_seconds``; one a turn from ``asked`` to ``replied_by`` (empty unless asked for);
    ``changes`` is one row each time an agent's open chats or writing changed (fields time, agent, open,
    writing; empty unless asked for).
    """

    outcome: npt.NDArray[np.int8]
    entry: npt.NDArray[np.float64]
    assigned: npt.NDArray[np.float64]
    first_reply: npt.NDArray[np.float64]
    end: npt.NDArray[np.float64]
    agent: npt.NDArray[np.int32]
    replies: npt.NDArray[np.int32]
    attempts: npt.NDArray[np.int8]
    transfers: npt.NDArray[np.int16]
    response_sum: npt.NDArray[np.float64]
    response_max: npt.NDArray[np.float64]
    busy: npt.NDArray[np.float64]
    on_duty: npt.NDArray[np.float64]
    overtime: npt.NDArray[np.float64]
    agent_replies: npt.NDArray[np.int64]
    chat_seconds: npt.NDArray[np.float64]
    asked: npt.NDArray[np.float64]
    replied: npt.NDArray[np.float64]
    replied_by: npt.NDArray[np.int32]
    changes: npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """One night, simulated.

    Attributes
    ----------
    contacts : DataFrame, one row per contact
        ``outcome`` (bot, served, abandoned, silent, unserved), ``entry`` into the human stage, ``assigned``
        for the first time, ``first_reply`` sent, ``end``, ``agent`` who had it last (-1 = nobody),
        ``replies``, ``attempts`` (times it entered the human stage), ``transfers``, and ``response_sum``
        and ``response_max``, seconds from a message to its reply, over the replies (0 where there is none).
        After a retry the row is that of the last attempt.
    agents : DataFrame, one row per agent
        ``busy`` seconds writing replies (cut ones, and replies to buyers who had gone, included),
        ``on_duty`` seconds by the shifts, ``overtime`` seconds off duty with a chat open, ``replies`` that
        reached a buyer, ``chat_seconds`` the time integral of open chats.
    turns : DataFrame or None, one row per buyer message
        ``contact``, ``turn`` from 0, ``sent`` by the buyer, ``replied`` (nan: never), ``agent`` who replied
        or -1.
    trace : DataFrame or None, one row per change of an agent
        ``agent``, ``time``, ``open`` chats and ``replying`` from then on; by agent, then time; an agent
        starts with none. The last row of an instant is what holds.
    """

    contacts: pd.DataFrame
    agents: pd.DataFrame
    turns: pd.DataFrame | None
    trace: pd.DataFrame | None


def frame_contacts(outcome: Outcome) -> pd.DataFrame:
    """One row per contact; ``outcome`` is categorical."""
    words = pd.Categorical.from_codes(outcome.outcome, categories=pd.Index(OUTCOMES))
    names = (
        "entry",
        "assigned",
        "first_reply",
        "end",
        "agent",
        "replies",
        "attempts",
        "transfers",
        "response_sum",
        "response_max",
    )
    columns = {name: getattr(outcome, name) for name in names}
    counts = ("agent", "replies", "attempts", "transfers")
    columns |= {name: columns[name].astype(np.int64) for name in counts}
    return pd.DataFrame({"outcome": words} | columns, copy=False)


def frame_agents(outcome: Outcome) -> pd.DataFrame:
    """One row per agent."""
    return pd.DataFrame(
        {
            "busy": outcome.busy,
            "on_duty": outcome.on_duty,
            "overtime": outcome.overtime,
            "replies": outcome.agent_replies,
            "chat_seconds": outcome.chat_seconds,
        }
    )


def frame_turns(outcome: Outcome, contacts: Contacts) -> pd.DataFrame:
    """One row per buyer message that was sent, by contact and turn."""
    sent = np.flatnonzero(~np.isnan(outcome.asked))
    return pd.DataFrame(
        {
            "contact": contacts.turn_contact[sent],
            "turn": contacts.turn_number[sent],
            "sent": outcome.asked[sent],
            "replied": outcome.replied[sent],
            "agent": outcome.replied_by[sent].astype(np.int64),
        }
    )


def frame_trace(outcome: Outcome) -> pd.DataFrame:
    """One row each time an agent's open chats or writing changed, as it stood when that instant was over."""
    changes = outcome.changes
    agent = changes["agent"].astype(np.int64)
    if (np.diff(changes["time"]) >= 0).all():  # as the engines write them
        order = np.argsort(agent.astype(np.uint16) if len(outcome.busy) < 2**16 else agent, kind="stable")
    else:
        order = np.lexsort((changes["time"], agent))
    agent, time, chats, writing = agent[order], *(changes[name][order] for name in ("time", "open", "writing"))
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (agent[1:] != agent[:-1]) | (time[1:] != time[:-1])
    agent, time, chats, writing = agent[last], time[last], chats[last], writing[last]
    new = np.ones(len(agent), dtype=bool)
    new[1:] = (agent[1:] != agent[:-1]) | (chats[1:] != chats[:-1]) | (writing[1:] != writing[:-1])
    kept = {"agent": agent, "time": time, "open": chats.astype(np.int64), "replying": writing}
    return pd.DataFrame({name: column[new] for name, column in kept.items()}, copy=False)
