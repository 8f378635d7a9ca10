"""The chat floor: contacts, agents and disruptions in, one row per contact out.

One agent holds several chats and writes one reply at a time; a bot takes a share; buyers leave, aloud or
silently, and some come back. What happens, exactly, is written rule by rule in playbook/chat_model.md, and two
engines do it: ``simpy``, to read and to extend, and ``compiled``, to use. They agree float for float.

Chance is drawn before an engine runs, so the same inputs give the same night, and two plans meet the same
buyers.

>>> from simlib.simulator import Agents, Contacts, simulate
>>> contacts = Contacts(arrival=[0.0, 10.0, 20.0], turns=[2, 1, 1], handle=30.0, think=60.0, patience=35.0)
>>> agents = Agents(capacity=2, shifts=[(0, 0, 3600)])
>>> night = simulate(contacts, agents)
>>> night.contacts[["outcome", "assigned", "first_reply", "end", "replies"]]
     outcome  assigned  first_reply    end  replies
0     served       0.0         30.0  120.0        2
1     served      10.0         60.0   60.0        1
2  abandoned       NaN          NaN   55.0        0
>>> night.agents[["busy", "on_duty", "chat_seconds"]].round(1).values.tolist()
[[90.0, 3600.0, 170.0]]
"""

from __future__ import annotations

import os

from simlib.simulator import compiled, simpy_engine
from simlib.simulator.compiled import RunningNight
from simlib.simulator.inputs import Agents, Contacts, Disruptions, Policy
from simlib.simulator.outcome import (
    Outcome,
    Result,
    frame_agents,
    frame_contacts,
    frame_trace,
    frame_turns,
)

__all__ = [
    "Agents",
    "Contacts",
    "Disruptions",
    "Policy",
    "Result",
    "RunningNight",
    "count_cores",
    "run_arrays",
    "simulate",
]

AS_USUAL = Policy()
NOTHING_WRONG = Disruptions()
ENGINES = {"compiled": compiled.run, "simpy": simpy_engine.run}


def simulate(
    contacts: Contacts,
    agents: Agents,
    policy: Policy | None = None,
    disruptions: Disruptions | None = None,
    engine: str = "compiled",
    *,
    turns: bool = False,
    trace: bool = False,
) -> Result:
    """Simulate one night on the chat floor, from an empty floor until nothing more can happen.

    Parameters
    ----------
    contacts, agents, policy, disruptions
        The night; without a policy or disruptions the defaults of `Policy`, and nothing goes wrong.
    engine : {"compiled", "simpy"}
        The fast engine, or the readable one; the outcome is the same.
    turns : bool
        Also log every buyer message and its reply.
    trace : bool
        Also log how each agent's open chats and writing change.

    Returns
    -------
    Result
        Frames ``contacts`` and ``agents``, and ``turns`` and ``trace`` where asked for. Times in seconds
        since the horizon opens, nan where unknown.

    Raises
    ------
    ValueError
        An unknown engine, a disruption of an agent who is not there, or a queue without a skill column.

    Examples
    --------
    A seat fails in the middle of a reply, which then takes its full time again:

    >>> contacts = Contacts(arrival=[0.0], handle=30.0)
    >>> agents = Agents(shifts=[(0, 0, 3600)])
    >>> night = simulate(contacts, agents, disruptions=Disruptions(down=[(0, 20, 100)]), engine="simpy")
    >>> night.contacts.loc[0, "first_reply"].item(), night.agents.loc[0, "busy"].item()
    (130.0, 50.0)
    """
    outcome = run_arrays(contacts, agents, policy, disruptions, engine=engine, turns=turns, trace=trace)
    return Result(
        contacts=frame_contacts(outcome),
        agents=frame_agents(outcome),
        turns=frame_turns(outcome, contacts) if turns else None,
        trace=frame_trace(outcome) if trace else None,
    )


def run_arrays(
    contacts: Contacts,
    agents: Agents,
    policy: Policy | None = None,
    disruptions: Disruptions | None = None,
    *,
    engine: str = "compiled",
    turns: bool = False,
    trace: bool = False,
) -> Outcome:
    """Simulate one night like `simulate` and return raw arrays instead of frames.

    For many nights at once: the compiled engine holds the GIL for a few milliseconds of set-up and releases
    it for the rest, so that plain threads use every core::

        with ThreadPoolExecutor(count_cores()) as pool:
            outcomes = list(pool.map(lambda contacts: run_arrays(contacts, agents, policy), nights))

    Examples
    --------
    >>> run_arrays(Contacts(arrival=[0.0], handle=30.0), Agents(shifts=[(0, 0, 60)])).end.tolist()
    [30.0]
    """
    if engine not in ENGINES:
        raise ValueError(f"engine = {engine!r}: must be one of {', '.join(map(repr, ENGINES))}")
    how = policy or AS_USUAL, disruptions or NOTHING_WRONG
    return ENGINES[engine](contacts, agents, *how, turns=turns, trace=trace)


def count_cores() -> int:
    """Return how many cores this thread may use, of those that the machine has.

    >>> count_cores() >= 1
    True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
