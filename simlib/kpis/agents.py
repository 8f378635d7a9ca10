"""KPIs of agents: time worked, chats at the same time, overtime, breaks that begin late."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd

from simlib.kpis.contacts import answered
from simlib.kpis.log import Figure, Grouping, NightLog, divide_sums, sum_groups


def _worked(agents: pd.DataFrame) -> np.ndarray:
    worked = agents["worked"] if "worked" in agents else agents["on_duty"] + agents["overtime"]
    return np.asarray(worked, dtype=float)


def occupancy(log: NightLog, by: Grouping | None = None) -> Figure:
    """Return the share of the time worked, overtime included, that is spent writing replies (工作饱和度).

    ``by`` groups the rows of the agents' table here and in the other figures of agents.

    >>> from simlib.kpis import example_log
    >>> occupancy(example_log())
    0.5
    """
    agents = log.need("agents")
    return divide_sums(np.asarray(agents["busy"]), _worked(agents), by)


def saturation(log: NightLog, by: Grouping | None = None) -> Figure:
    """Return the share of the chat places of the time worked that hold an open chat.

    >>> from simlib.kpis import example_log
    >>> saturation(example_log())
    0.375
    """
    agents = log.need("agents")
    return divide_sums(np.asarray(agents["chat_seconds"]), _worked(agents) * np.asarray(agents["capacity"]), by)


def concurrency(log: NightLog, by: Grouping | None = None) -> Figure:
    """Return the mean number of open chats of an agent at work.

    >>> from simlib.kpis import example_log
    >>> concurrency(example_log())
    1.5
    """
    agents = log.need("agents")
    return divide_sums(np.asarray(agents["chat_seconds"]), _worked(agents), by)


def concurrency_peak(log: NightLog, by: Grouping | None = None) -> Figure:
    """Return the most chats that one agent had open at the same time (最大同时聊天数).

    From the trace where the log has one; else from the contacts, each open at the agent who had it last from
    ``assigned`` to ``end``. ``by`` groups the rows of the agents' table.

    >>> from simlib.kpis import example_log
    >>> concurrency_peak(example_log())
    2.0
    """
    if log.trace is not None:
        agent, chats = np.asarray(log.trace["agent"]), np.asarray(log.trace["open"])
    else:
        who, start, end = (np.asarray(log.contacts[name]) for name in ("agent", "assigned", "end"))
        had = np.flatnonzero((who >= 0) & (end > start))
        # Ends stand first, so at one instant a chat ends before the next begins. Every agent's steps sum to 0, so
        # one running sum, agent after agent, will do.
        by_time = np.argsort(np.concatenate([end[had], start[had]]), kind="stable")
        agent = np.tile(who[had].astype(np.int32), 2)[by_time]
        of_agent = np.argsort(agent, kind="stable")
        agent = agent[of_agent]
        chats = np.cumsum(np.repeat([-1, 1], len(had))[by_time][of_agent])
    peak = np.zeros(len(log.need("agents")))
    if len(agent):
        starts = np.flatnonzero(np.append(True, agent[1:] != agent[:-1]))
        np.maximum.at(peak, agent[starts], np.maximum.reduceat(chats, starts))
    if by is None:
        return float(peak.max(initial=0.0))
    most = pd.Series(peak).groupby(by.codes).max().reindex(range(len(by.labels)), fill_value=0.0)
    return pd.Series(most.to_numpy(), index=by.labels)


def overtime(log: NightLog, by: Grouping | None = None) -> Figure:
    """Return the hours worked after the end of each person's last shift; a break that begins late is none.

    >>> from simlib.kpis import example_log
    >>> overtime(example_log())
    0.0
    """
    return sum_groups(np.asarray(log.need("agents")["overtime"]) / 3600.0, by)


def late_break(log: NightLog, by: Grouping | None = None) -> Figure:
    """Return the hours of breaks and meals in which a person still had a chat open; nan where the log does not know.

    >>> from simlib.kpis import example_log
    >>> late_break(example_log())
    nan
    """
    agents = log.need("agents")
    late_s = agents["late_break"] if "late_break" in agents else np.full(len(agents), np.nan)
    return sum_groups(np.asarray(late_s, dtype=float) / 3600.0, by)


def contacts_agent_hour(log: NightLog) -> float:
    """Return the number of contacts answered for every hour that an agent worked.

    >>> from simlib.kpis import example_log
    >>> contacts_agent_hour(example_log())
    18.0
    """
    hours = _worked(log.need("agents")).sum() / 3600.0
    return cast(float, answered(log)) / float(hours) if hours > 0 else float("nan")
