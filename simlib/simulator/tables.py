"""The tables of the compiled engine: everything that can be known of a night before the first event.

The bot never looks at the floor, so who leaves it when is plain array arithmetic; shifts and disruptions
are fixed, so all changes of duty are sorted once and grouped by instant. What is left for the event loop is
what depends on the floor itself.

"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.simulator.inputs import Agents, BoolArray, Contacts, Disruptions, FloatArray, IntArray, Policy

# Outcome of a contact; OPEN while it is under way.
OPEN, BOT, SERVED, ABANDONED, SILENT, UNSERVED = range(-1, 5)
OUTCOMES = ("bot", "served", "abandoned", "silent", "unserved")

# Where a contact in the human stage is: in its queue, with an agent, between two agents while its buyer writes (handed
# over), over.
QUEUED, ATTENDED, BETWEEN, ENDED = range(4)

# Changes of duty, in the order in which those of one instant are made.
DOWN, AWAY, SHIFT_END, TRANSFER, UP, BACK, SHIFT_START = range(7)

# The available agents of a group are ranked apart by load (open chats, or how many more the most spacious agent could
# hold): who takes a chat goes behind all of the next load, where one heap of all would have to be walked down.
LOADS = 8  # the last one is of all that have more
REMEMBERED_AGENTS = 8  # teams whose tables are kept for their next night
REMEMBERED = 32  # contacts that are noted when the loop looks ahead of the events; a power of 2

EVENTS_A_SLOT = 2.0
LARGEST_WHEEL = 1 << 17
SMALL_WHEEL = 1 << 14  # where the wheel is copied again and again
LARGE_FLOOR = 1500  # agents whose open chats no longer fit the cache that a processor core has to itself

KEY = np.dtype([("first", "f8"), ("second", "f8"), ("item", "i8")], align=True)
HEAP = np.dtype([("base", "i8"), ("size", "i8")], align=True)


def _record(size: int, fields: list[tuple[str, str]]) -> np.dtype[np.void]:
    """Return an aligned record filled up to whole cache lines."""
    names, formats = zip(*fields, strict=True)
    return np.dtype({"names": names, "formats": formats, "itemsize": size}, align=True)


# A contact in the human stage: one cache line, which every event of it needs.
CHAT = _record(
    64,
    [
        ("due", "f8"),
        ("asked", "f8"),
        ("think", "f8"),  # after the reply that is being written
        ("response_sum", "f8"),
        ("response_max", "f8"),  # -1 until there is a reply
        ("turn", "i4"),
        ("turns_left", "i4"),
        ("agent", "i4"),
        ("near_at", "i4"),  # its place among the events that are nearly due, from 1 on; 0 = nowhere
        ("kind", "i1"),
        ("stage", "i1"),
        ("outcome", "i1"),
        ("attempts", "i1"),
        ("begun", "?"),
        ("leaving", "?"),
        ("transfers", "i2"),
    ],
)
# A message on the desk of an agent: of a contact, due then or waiting here since. A desk is the inbox of the model and
# what is still to come; it has room for as many as its agent can hold chats, and begins where a cache line does. They
# lie in the order in which they are answered, the next one last, where it is soon taken.
MAIL = np.dtype([("due", "f8"), ("item", "i4"), ("here", "?")], align=True)
MAILS_A_LINE = 64 // MAIL.itemsize
# An agent: the first cache line has what writing needs, the second what opening and closing chats needs.
SEAT = _record(
    128,
    [
        ("began", "f8"),
        ("speed", "f8"),
        ("busy_s", "f8"),
        ("desk", "i8"),
        ("replies", "i4"),
        ("writing", "i4"),
        ("mails", "i4"),
        ("down", "i4"),  # windows that hold the seat
        ("away", "i4"),
        ("slow_from", "i4"),
        ("slow_to", "i4"),
        ("on_duty", "?"),
        ("handing", "?"),
        ("called", "?"),  # has been handed a chat and begins when all chats are handed over
        ("open", "i4"),
        ("capacity", "i4"),
        ("handicap", "i4"),  # what its load is above its open chats
        ("assignments", "i4"),
        ("assigned", "f8"),
        ("since", "f8"),
        ("chat_s", "f8"),
        ("overtime_s", "f8"),
        ("group", "i4"),
        ("ranked", "i4"),  # the heap of available agents it is in, -1 = none
        ("weight", "f8"),  # 0 = ranked by load
    ],
)
# A contact met when looking ahead, and what has been found out of it since.
NOTED = np.dtype([("contact", "i8"), ("agent", "i8"), ("mail", "i8"), ("following", "i8"), ("turn", "i8")])
CLOCK = np.dtype(
    [
        ("now", "f8"),
        ("slots_a_s", "f8"),
        ("close_s", "f8"),
        ("silent_close_s", "f8"),
        ("slot", "i8"),
        ("mask", "i8"),
        ("far", "i8"),
        ("noted", "i8"),
        ("met", "i8"),
        ("until", "f8"),  # stop before the first step at this time or later
        ("in_queue", "i8"),  # where a floor that stopped goes on: contacts that wait, next change of duty, next entry
        ("batch", "i8"),
        ("entered", "i8"),
        ("handover", "?"),
        ("large", "?"),
    ],
    align=True,
)
CHANGE = np.dtype([("time", "f8"), ("agent", "i4"), ("open", "i4"), ("writing", "?")], align=True)
DUTY = np.dtype([("time", "f8"), ("agent", "i8"), ("kind", "i8")])
BATCH = np.dtype(
    [
        ("time", "f8"),
        ("changes_from", "i8"),
        ("changes_to", "i8"),
        ("agents_from", "i8"),
        ("agents_to", "i8"),
        ("outages_from", "i8"),
        ("outages_to", "i8"),
    ]
)


class BotStage(NamedTuple):
    """What becomes of every contact before a human sees it."""

    resolved: BoolArray  # the bot settles it
    leaves: FloatArray  # when it leaves the bot, or its arrival
    opening: IntArray  # the bot outage that drives it to the agents, -1 = none


class Timetable(NamedTuple):
    """The changes of duty, grouped by instant."""

    batches: npt.NDArray[np.void]
    changes: npt.NDArray[np.void]  # by time, kind, agent
    agents: IntArray  # the agents concerned, by instant, then by index
    outages: IntArray  # the contacts that a bot outage drives to the agents, by instant, then by index


def pass_bot(contacts: Contacts, bot_down: npt.NDArray[np.void]) -> BotStage:
    """Send every contact through the bot (rule 1)."""
    n = len(contacts)
    arrival = contacts.arrival
    meets = ~np.isnan(contacts.bot)
    opening = np.full(n, -1)
    if not meets.any():
        return BotStage(resolved=meets, leaves=arrival, opening=opening)
    windows = np.sort(_of_some_length(bot_down), order="start")
    opens = np.append(windows["start"], np.inf)
    down_until = np.append(np.maximum.accumulate(windows["end"]), -np.inf)  # by windows opened so far; last: none
    opened = np.searchsorted(windows["start"], arrival, side="right")
    meets &= ~(down_until[opened - 1] > arrival)
    leaves = np.where(meets, arrival + contacts.bot, arrival)
    driven_out = meets & (opens[opened] <= leaves)  # an outage comes before the bot's end of the same instant
    opening[driven_out] = opened[driven_out]
    leaves[driven_out] = opens[opened[driven_out]]
    leaves.setflags(write=False)
    return BotStage(resolved=meets & ~driven_out & contacts.bot_resolves, leaves=leaves, opening=opening)


def build_timetable(agents: Agents, policy: Policy, disruptions: Disruptions, bot: BotStage) -> Timetable:
    """Sort the changes of duty and group them by instant (rule 11)."""
    if not len(disruptions.down) and not len(disruptions.away) and not (bot.opening >= 0).any():
        return sort_shifts(agents)
    return _sort_changes(agents, policy, disruptions, bot)


@lru_cache(maxsize=REMEMBERED_AGENTS)
def sort_shifts(agents: Agents) -> Timetable:
    """Sort the changes of duty where nothing goes wrong: they are those of every such night of these agents."""
    nothing = np.empty(0)
    bot = BotStage(resolved=nothing.astype(bool), leaves=nothing, opening=nothing.astype(np.int64))
    return _sort_changes(agents, Policy(), Disruptions(), bot)


def _sort_changes(agents: Agents, policy: Policy, disruptions: Disruptions, bot: BotStage) -> Timetable:
    shifts, down, away = (_of_some_length(rows) for rows in (agents.shifts, disruptions.down, disruptions.away))
    transfer_s = down["start"] + policy.transfer_s
    transferred = transfer_s < down["end"]
    parts = [
        (DOWN, down["start"], down["agent"]),
        (AWAY, away["start"], away["agent"]),
        (SHIFT_END, shifts["end"], shifts["agent"]),
        (TRANSFER, transfer_s[transferred], down["agent"][transferred]),
        (UP, down["end"], down["agent"]),
        (BACK, away["end"], away["agent"]),
        (SHIFT_START, shifts["start"], shifts["agent"]),
    ]
    changes = np.empty(sum(len(time) for _, time, _ in parts), DUTY)
    changes["kind"] = np.repeat([kind for kind, _, _ in parts], [len(time) for _, time, _ in parts])
    changes["time"] = np.concatenate([time for _, time, _ in parts])
    changes["agent"] = np.concatenate([agent for _, _, agent in parts])
    changes = changes[np.isfinite(changes["time"])]
    changes = changes[np.lexsort((changes["agent"], changes["kind"], changes["time"]))]

    outages = np.flatnonzero(bot.opening >= 0)
    outages = outages[np.argsort(bot.leaves[outages], kind="stable")]
    times = np.unique(np.concatenate([changes["time"], bot.leaves[outages]]))
    concerned = changes[np.lexsort((changes["agent"], changes["time"]))]
    first = np.ones(len(concerned), dtype=bool)
    first[1:] = (np.diff(concerned["time"]) > 0) | (np.diff(concerned["agent"]) > 0)
    concerned = concerned[first]
    batches = np.empty(len(times), BATCH)
    batches["time"] = times
    for name, column in (
        ("changes", changes["time"]),
        ("agents", concerned["time"]),
        ("outages", bot.leaves[outages]),
    ):
        batches[f"{name}_from"] = np.searchsorted(column, times, side="left")
        batches[f"{name}_to"] = np.searchsorted(column, times, side="right")
    return Timetable(batches=batches, changes=changes, agents=concerned["agent"].copy(), outages=outages)


def _of_some_length(windows: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Leave out the windows of no length, which are none."""
    return windows[windows["end"] > windows["start"]]


class Groups(NamedTuple):
    """Agents who serve the same queues, whatever their ranks: they compete for the same contacts."""

    of_agent: npt.NDArray[np.int64]  # -1 = serves no queue
    sizes: IntArray
    by_queue: IntArray  # queue q is served by by_queue[from_[q]:from_[q + 1]]
    from_: IntArray


def group_agents(skill: IntArray) -> Groups:
    """Group agents by the set of queues they serve.

    >>> group_agents(np.array([[1, 0], [1, 2], [2, 0], [0, 0]])).of_agent.tolist()
    [0, 1, 0, -1]
    """
    serves = skill > 0
    packed = np.packbits(serves, axis=1)  # sorts as its columns do, and a row is one value: quick to compare
    rows = packed.view(f"V{packed.shape[1]}") if packed.size else np.zeros(len(skill))
    _, first, of_agent = np.unique(rows, return_index=True, return_inverse=True)
    sets = serves[first]
    of_agent = of_agent.reshape(-1).copy()
    if len(sets) and not sets[0].any():  # the empty set sorts first
        sets = sets[1:]
        of_agent -= 1
    if not len(sets):
        of_agent = np.full(len(skill), -1)
    sizes = np.bincount(of_agent[of_agent >= 0], minlength=len(sets))
    queue, group = np.nonzero(sets.T)
    return Groups(
        of_agent=of_agent,
        sizes=sizes,
        by_queue=group.copy(),  # in one piece, like all that Numba compiles for
        from_=np.searchsorted(queue, np.arange(skill.shape[1] + 1)),
    )


def lay_heaps(sizes: npt.ArrayLike) -> npt.NDArray[np.void]:
    """Lay heaps of these largest sizes one behind the other."""
    heaps = np.zeros(np.size(sizes), HEAP)
    heaps["base"][1:] = np.cumsum(sizes)[:-1]
    return heaps


def order_entries(bot: BotStage) -> tuple[IntArray, FloatArray]:
    """Order the contacts that enter the human stage from arrival or bot, by time, then index.

    Returns the contacts and their times.
    """
    contacts = np.flatnonzero(~bot.resolved & (bot.opening < 0))
    times = bot.leaves[contacts]
    if (times[1:] < times[:-1]).any():
        order = np.argsort(times, kind="stable")
        contacts, times = contacts[order], times[order]
    return contacts, times


def size_wheel(contacts: Contacts, *, events: int, largest: int = LARGEST_WHEEL) -> tuple[int, float]:
    """Return the number of slots of the wheel of events (a power of 2), and slots a second.

    A slot should hold about `EVENTS_A_SLOT` events while contacts arrive; whatever the guess, the order of
    events is right, and only the time to find it suffers.
    """
    slots = 1 << int(np.clip(np.log2(events + 1), 4, np.log2(largest)))
    span_s = float(contacts.arrival[-1] - contacts.arrival[0]) if len(contacts) else 0.0
    return slots, min(events / span_s / EVENTS_A_SLOT, 1e6) if span_s > 0 else 1.0
