"""The fast engine: lays a night out as tables, runs the compiled loop, reads the outcome off the tables."""

from __future__ import annotations

from copy import copy
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.simulator import tables
from simlib.simulator.inputs import (
    Agents,
    BoolArray,
    Contacts,
    Disruptions,
    FloatArray,
    IntArray,
    Policy,
    check_together,
)
from simlib.simulator.loop import ENTER, NOTHING, Floor, run_floor
from simlib.simulator.outcome import Outcome
from simlib.simulator.rooms import lend
from simlib.simulator.tables import CHANGE, CHAT, CLOCK, KEY, MAIL, NOTED, SEAT


def run(
    contacts: Contacts,
    agents: Agents,
    policy: Policy,
    disruptions: Disruptions,
    *,
    turns: bool = False,
    trace: bool = False,
) -> Outcome:
    """Run one night and return its raw arrays.

    The loop holds no Python object and releases the GIL, so that threads run nights side by side. A trace gets
    room for what a night without handovers takes at most; one that takes more is run again.
    """
    skill = check_together(contacts, agents, disruptions)
    bot = tables.pass_bot(contacts, disruptions.bot_down)
    timetable = tables.build_timetable(agents, policy, disruptions, bot)
    # A reply begins and ends, a chat opens and closes: on a first attempt and a second, and again after a cut.
    cuts = len(disruptions.down) + len(disruptions.away)
    rows = 2 * (len(contacts.handle) + 2 * len(contacts) + cuts) if trace else 0
    while True:
        floor = _lay_out(contacts, agents, policy, disruptions, skill, bot, timetable, turns=turns, rows=rows)
        run_floor(floor)
        noted = int(floor.clock[0]["noted"])
        if not trace or noted <= rows:
            return _read_off(floor, agents)
        rows = noted


# What the loop writes; all else of a floor is the night's own and stays as it is.
_WRITTEN = (
    "clock", "chats", "seats", "desks", "free", "free_heap", "free_at", "waiting", "waiting_heap", "waiting_at",
    "near", "near_heap", "wheel", "after", "ahead", "entry", "assigned", "first_reply", "end", "asked", "replied",
    "replied_by",
)  # fmt: skip
_BY_CONTACT = ("chats", "waiting_at", "after", "entry", "assigned", "first_reply", "end")
_BY_TURN = ("asked", "replied", "replied_by")
_GROWING = ("near", "waiting", *_BY_CONTACT, *_BY_TURN)


def _copy(table: npt.NDArray[Any]) -> npt.NDArray[Any]:
    copied = lend(len(table), table.dtype)
    copied[:] = table
    return copied


def _bytes_of(table: npt.NDArray[Any]) -> memoryview:
    """Return a table to be copied at once, with the GIL held: NumPy copies records field by field, and releases it."""
    return table.view(np.uint8).data if table.size else memoryview(bytearray())


class Seen(NamedTuple):
    """What has happened so far to the contacts that have come, from one of them on, and to their messages."""

    entry: FloatArray  # seconds at which each entered the human stage for the last time
    first_reply: FloatArray  # nan without any
    waiting: BoolArray  # whether a first reply may still come
    coming_back: BoolArray  # whether it gave up and is to enter once more
    asked: FloatArray  # by message, as the night has them; empty unless ``turns``
    replied: FloatArray


class RunningNight:
    """A night that is run piece by piece, with nothing going wrong, and can go on with other shifts from there.

    Examples
    --------
    >>> contacts = Contacts(arrival=[0.0, 10.0], handle=30.0, patience=40.0)
    >>> night = RunningNight(contacts, Agents(shifts=[(0, 0, 3600)]), Policy())
    >>> night.run_to(35.0)
    >>> night.seen().first_reply.tolist(), night.seen().waiting.tolist(), night.over
    ([30.0, nan], [False, True], 1)
    >>> night.run_to(100.0)
    >>> night.seen().first_reply.tolist(), night.seen().waiting.tolist(), night.over
    ([30.0, 60.0], [False, False], 2)
    """

    def __init__(self, contacts: Contacts, agents: Agents, policy: Policy, *, turns: bool = False) -> None:
        if not np.isnan(contacts.bot).all():
            raise ValueError("a night that is run piece by piece has no bot: leave out who meets it")
        nothing = Disruptions()
        skill = check_together(contacts, agents, nothing)
        bot = tables.pass_bot(contacts, nothing.bot_down)
        timetable = tables.sort_shifts(agents)
        laid: dict[str, Any] = {"turns": turns, "rows": 0, "largest_wheel": tables.SMALL_WHEEL}
        self._floor = _lay_out(contacts, agents, policy, nothing, skill, bot, timetable, **laid)
        self._floor.clock["until"] = 0.0
        self._over = 0
        self._room: RunningNight | None = None
        self._small: list[tuple[memoryview, memoryview]] = []
        self._copied = 0

    def run_to(self, until_s: float) -> None:
        """Run up to a time, finite seconds; what falls on it is still to come."""
        self._floor.clock["until"] = until_s
        run_floor(self._floor)

    def change_shifts(self, agents: Agents) -> None:
        """Go on with other shifts of the same people; they must be the same up to now."""
        timetable = tables.sort_shifts(agents)
        self._floor = self._floor._replace(
            batches=timetable.batches, changes=timetable.changes, concerned=timetable.agents, outages=timetable.outages
        )
        clock = self._floor.clock
        clock["batch"] = np.searchsorted(timetable.batches["time"], clock["until"])

    def try_shifts(self, agents: Agents) -> RunningNight:
        """Return a copy that goes on with other shifts. The next one asked for takes its room."""
        if self._room is None:
            self._room = copy(self)
            own = {name: _copy(getattr(self._floor, name)) for name in _WRITTEN}
            self._room._floor = self._floor._replace(**own, near_at=own["chats"]["near_at"])
            small = [name for name in _WRITTEN if name not in _GROWING]
            self._small = [(_bytes_of(own[name]), _bytes_of(getattr(self._floor, name))) for name in small]
        ours, theirs = self._floor, self._room._floor
        # Who was over when the room was taken last is so still; nothing is written yet of who comes later.
        come = max(self._come, self._room._come)
        for into, table in self._small:
            into[:] = table
        rows = [(name, slice(self._copied, come)) for name in _BY_CONTACT]
        if len(ours.asked) > 0:
            rows += [(name, slice(ours.first_turn[self._copied], ours.first_turn[come])) for name in _BY_TURN]
        for name in ("near", "waiting"):
            heaps = getattr(ours, f"{name}_heap")
            ends = heaps["base"] + heaps["size"]
            rows += [(name, slice(base, end)) for base, end in zip(heaps["base"], ends, strict=True) if end > base]
        for name, written in rows:
            into, table = getattr(theirs, name)[written], getattr(ours, name)[written]
            _bytes_of(into)[:] = _bytes_of(table)
        self._copied = self.over
        self._room._over = self._over
        self._room.change_shifts(agents)
        return self._room

    @property
    def over(self) -> int:
        """Number of contacts, from the first to come on, of whom nothing more will be known."""
        chats = self._floor.chats[self._over : self._come]
        under_way = (chats["outcome"] == tables.OPEN) | (chats["kind"] != NOTHING)
        self._over += int(under_way.argmax()) if under_way.any() else len(chats)
        return self._over

    def seen(self, since: int = 0) -> Seen:
        """Return what has happened so far to the contacts that have come, from contact ``since`` on."""
        floor, come = self._floor, self._come
        chats, first_reply = floor.chats[since:come], floor.first_reply[since:come]
        turns = slice(floor.first_turn[since], floor.first_turn[come])
        return Seen(
            entry=floor.entry[since:come],
            first_reply=first_reply,
            waiting=(chats["outcome"] == tables.OPEN) & np.isnan(first_reply),
            coming_back=chats["kind"] == ENTER,
            asked=floor.asked[turns],
            replied=floor.replied[turns],
        )

    @property
    def _come(self) -> int:
        return int(self._floor.clock[0]["entered"])


def _lay_out(
    contacts: Contacts,
    agents: Agents,
    policy: Policy,
    disruptions: Disruptions,
    skill: IntArray,
    bot: tables.BotStage,
    timetable: tables.Timetable,
    *,
    turns: bool,
    rows: int,
    largest_wheel: int = tables.LARGEST_WHEEL,
) -> Floor:
    """Set the tables for one run: nobody on duty, nobody there yet."""
    n, first_turn = len(contacts), contacts.first_turn
    chats = lend(max(n, 2), CHAT, cleared=True)  # a column of one row would be another type to Numba
    groups = tables.group_agents(skill)
    slow = disruptions.slow[np.argsort(disruptions.slow["agent"], kind="stable")]
    seats = lend(len(agents), SEAT, cleared=True)
    seats["capacity"] = agents.capacity
    if policy.routing == "most_available":
        seats["handicap"] = agents.capacity.max(initial=0) - agents.capacity
    if policy.routing == "weighted":
        seats["handicap"] = tables.LOADS  # all of a group in one heap, by assignments for their weight
        seats["weight"] = agents.weight
    seats["speed"] = agents.speed
    seats["group"] = groups.of_agent
    seats["ranked"] = -1
    seats["assigned"] = -np.inf
    seats["slow_from"] = np.searchsorted(slow["agent"], np.arange(len(agents)), side="left")
    seats["slow_to"] = np.searchsorted(slow["agent"], np.arange(len(agents)), side="right")
    seats["writing"] = -1
    room = -(-np.minimum(agents.capacity, n) // tables.MAILS_A_LINE) * tables.MAILS_A_LINE
    seats["desk"] = np.cumsum(room) - room

    messages = int(first_turn[-1])
    slots, slots_a_s = tables.size_wheel(contacts, events=2 * messages + n, largest=largest_wheel)
    clock = np.zeros(1, CLOCK)
    clock["slots_a_s"] = slots_a_s
    clock["slot"] = -1
    clock["until"] = np.inf
    clock["mask"] = slots - 1
    clock["close_s"] = policy.close_s
    clock["silent_close_s"] = policy.silent_close_s
    clock["large"] = len(agents) >= tables.LARGE_FLOOR
    clock["handover"] = policy.at_shift_end == "handover"

    enters, enter_s = tables.order_entries(bot)
    in_queue = np.bincount(contacts.queue, minlength=skill.shape[1])
    logged = messages if turns else 0
    return Floor(
        clock=clock,
        chats=chats[:n],
        seats=seats,
        desks=lend(int(room.sum()) + 1, MAIL, cleared=True),
        queue=contacts.queue,
        first_turn=first_turn,
        messages=contacts.messages,
        patience=contacts.patience,
        silent=contacts.silent,
        retry=contacts.retry,
        leaves_bot=bot.leaves,
        enters=enters,
        enter_s=enter_s,
        skill=skill.copy(order="C"),  # writable like the rest: Numba compiles for the types it is given
        slow=slow,
        slowdown=np.array(policy.slowdown),
        batches=timetable.batches,
        changes=timetable.changes,
        concerned=timetable.agents,
        outages=timetable.outages,
        free=lend(tables.LOADS * len(agents), KEY),
        free_heap=tables.lay_heaps(np.repeat(groups.sizes, tables.LOADS)),
        free_at=np.zeros(len(agents), np.int32),
        groups=groups.by_queue,
        group_from=groups.from_,
        waiting=lend(n, KEY),
        waiting_heap=tables.lay_heaps(in_queue),
        waiting_at=lend(n, np.int32, cleared=True),
        handed=np.empty(min(n, int(agents.capacity.max(initial=0))), KEY),
        handed_heap=tables.lay_heaps([n]),
        called=np.empty(len(agents), np.int32),
        near=lend(n, KEY),
        near_heap=tables.lay_heaps([n]),
        near_at=chats["near_at"],
        wheel=np.full(slots, -1, np.int32),
        after=lend(n, np.int32),
        ahead=np.zeros(tables.REMEMBERED, NOTED),
        entry=lend(n, np.float64),
        assigned=lend(n, np.float64),
        first_reply=lend(n, np.float64),
        end=lend(n, np.float64),
        asked=np.full(logged, np.nan),
        replied=np.full(logged, np.nan),
        replied_by=np.full(logged, -1, np.int32),
        trace=np.empty(rows, CHANGE),
    )


def _read_off(floor: Floor, agents: Agents) -> Outcome:
    """Read the outcome off the tables."""
    seats = floor.seats
    chats = floor.chats
    return Outcome(
        outcome=chats["outcome"],
        entry=floor.entry,
        assigned=floor.assigned,
        first_reply=floor.first_reply,
        end=floor.end,
        agent=chats["agent"],
        replies=chats["turn"],
        attempts=chats["attempts"],
        transfers=chats["transfers"],
        response_sum=chats["response_sum"],
        response_max=chats["response_max"],
        busy=seats["busy_s"].copy(),
        on_duty=agents.on_duty_s,
        overtime=seats["overtime_s"].copy(),
        agent_replies=seats["replies"].astype(np.int64),
        chat_seconds=seats["chat_s"].copy(),
        asked=floor.asked,
        replied=floor.replied,
        replied_by=floor.replied_by,
        changes=floor.trace[: floor.clock[0]["noted"]],
    )
