"""How many agents, how long a wait: the closed formulas behind the requirement.

Three models, from the oldest to that of a chat team:

* one customer at a time, nobody waits: :func:`erlang_b` (and :func:`extended_erlang_b` when they try again);
* one customer at a time, with a queue: :func:`erlang_c` when everybody waits, :func:`erlang_a` when people
  give up, :func:`silent_share` when they leave silently;
* several chats at a time: :func:`chat_pool`, built on :func:`saturated_agent` (what one agent with k chats
  gets done) and :func:`lps_pool` (limited processor sharing). :func:`message_agent` is one agent solved
  exactly, message by message: the check of the bridge between them.

:func:`offered_load` follows a load that changes faster than a chat lasts (the first half hour after an
opening), and :func:`agents_for` finds the smallest team for any of them.

Use one unit of time throughout a call: rates in 1/unit, durations in the unit. An argument that makes no
sense raises ``ValueError`` saying which one and what is allowed; no function returns nan.

Sources: Erlang (1917); Palm (1957), Mandelbaum & Zeltyn (2007) for Erlang A by its building blocks; Eick,
Massey & Whitt (1993) for time-varying infinite-server queues; Halfin & Whitt (1981); Luo & Zhang (2013) and
Tezcan & Zhang (2014) for chat agents as limited processor sharing; the machine-repair chain is Palm's.
"""

from simlib.erlang.arguments import MAX_AGENTS
from simlib.erlang.chats import EXACT_STATES, ChatPool, SaturatedAgent, SharedPool, chat_pool, lps_pool, saturated_agent
from simlib.erlang.loss import RetrialAgent, RetriedLoss, erlang_b, extended_erlang_b, retrial_agent
from simlib.erlang.message_chain import MessageAgent, message_agent
from simlib.erlang.patience import WaitingLine, erlang_a
from simlib.erlang.team_size import OutOfReachError, agents_for
from simlib.erlang.varying import OfferedLoad, SinusoidalLoad, offered_load, sinusoidal_load
from simlib.erlang.waiting import erlang_c, halfin_whitt, service_level_c, silent_share

__all__ = [
    "ChatPool",
    "EXACT_STATES",
    "MAX_AGENTS",
    "MessageAgent",
    "OfferedLoad",
    "OutOfReachError",
    "RetrialAgent",
    "RetriedLoss",
    "SaturatedAgent",
    "SharedPool",
    "SinusoidalLoad",
    "WaitingLine",
    "agents_for",
    "chat_pool",
    "erlang_a",
    "erlang_b",
    "erlang_c",
    "extended_erlang_b",
    "halfin_whitt",
    "lps_pool",
    "message_agent",
    "offered_load",
    "retrial_agent",
    "saturated_agent",
    "service_level_c",
    "silent_share",
    "sinusoidal_load",
]
