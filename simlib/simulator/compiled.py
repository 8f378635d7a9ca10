"""The fast engine: lays a night out as tables, runs the compiled loop, reads the outcome off the tables."""

from __future__ import annotations

from copy import copy

import numpy as np

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
from simlib.simulator.loop import ENTER, Floor, run_floor
from simlib.simulator.outcome import Outcome
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


class RunningNight:
    """A night that is run piece by piece, with nothing going wrong, and can go on with other shifts from there.

    ``entry``, ``first_reply`` (by contact), ``asked`` and ``replied`` (by turn, empty unless ``turns``) hold what has
    happened so far, as :class:`simlib.simulator.outcome.Outcome` has them for a whole night.

    Examples
    --------
    >>> contacts = Contacts(arrival=[0.0, 10.0], handle=30.0, patience=40.0)
    >>> night = RunningNight(contacts, Agents(shifts=[(0, 0, 3600)]), Policy())
    >>> night.run_to(35.0)
    >>> night.first_reply.tolist(), night.waiting.tolist()
    ([30.0, nan], [False, True])
    >>> night.run_to(100.0)
    >>> night.first_reply.tolist(), night.waiting.tolist()
    ([30.0, 60.0], [False, False])
    """

    def __init__(self, contacts: Contacts, agents: Agents, policy: Policy, *, turns: bool = False) -> None:
        if not np.isnan(contacts.bot).all():
            raise ValueError("a night that is run piece by piece has no bot: leave out who meets it")
        nothing = Disruptions()
        skill = check_together(contacts, agents, nothing)
        bot = tables.pass_bot(contacts, nothing.bot_down)
        timetable = tables.sort_shifts(agents)
        self._floor = _lay_out(contacts, agents, policy, nothing, skill, bot, timetable, turns=turns, rows=0)
        self._floor.clock["until"] = 0.0
        self._room: RunningNight | None = None

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
            own = {name: np.zeros_like(getattr(self._floor, name)) for name in _WRITTEN}
            self._room._floor = self._floor._replace(**own, near_at=own["chats"]["near_at"])
        ours, theirs = self._floor, self._room._floor
        come = max(self._come, self._room._come)  # nothing is written yet of who comes later
        near, waiting = (int((heaps["base"] + heaps["size"]).max()) for heaps in (ours.near_heap, ours.waiting_heap))
        written = dict.fromkeys(_BY_CONTACT, come) | {"near": near, "waiting": waiting}
        for name in _WRITTEN:
            rows = slice(written.get(name))
            np.copyto(getattr(theirs, name)[rows], getattr(ours, name)[rows])
        self._room.change_shifts(agents)
        return self._room

    @property
    def entry(self) -> FloatArray:
        """Seconds at which each contact that has come entered the human stage for the last time."""
        return self._floor.entry[: self._come]

    @property
    def first_reply(self) -> FloatArray:
        """Seconds of the first reply, nan without any."""
        return self._floor.first_reply[: self._come]

    @property
    def waiting(self) -> BoolArray:
        """True where a first reply may still come."""
        chats = self._floor.chats[: self._come]
        return np.asarray((chats["outcome"] == tables.OPEN) & np.isnan(self.first_reply))

    @property
    def coming_back(self) -> BoolArray:
        """True where it gave up and is to enter once more."""
        return np.asarray(self._floor.chats["kind"][: self._come] == ENTER)

    @property
    def asked(self) -> FloatArray:
        """Seconds at which each message was written, nan if it was not."""
        return self._floor.asked

    @property
    def replied(self) -> FloatArray:
        """Seconds at which it was answered, nan if it was not."""
        return self._floor.replied

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
) -> Floor:
    """Set the tables for one run: nobody on duty, nobody there yet."""
    n, first_turn = len(contacts), contacts.first_turn
    chats = tables.clear_table(max(n, 2), CHAT)  # a column of one row would be another type to Numba
    groups = tables.group_agents(skill)
    slow = disruptions.slow[np.argsort(disruptions.slow["agent"], kind="stable")]
    seats = tables.clear_table(len(agents), SEAT)
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
    slots, slots_a_s = tables.size_wheel(contacts, events=2 * messages + n)
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
        desks=tables.clear_table(int(room.sum()) + 1, MAIL),
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
        free=np.empty(tables.LOADS * len(agents), KEY),
        free_heap=tables.lay_heaps(np.repeat(groups.sizes, tables.LOADS)),
        free_at=np.zeros(len(agents), np.int32),
        groups=groups.by_queue,
        group_from=groups.from_,
        waiting=np.empty(n, KEY),
        waiting_heap=tables.lay_heaps(in_queue),
        waiting_at=np.zeros(n, np.int32),
        handed=np.empty(min(n, int(agents.capacity.max(initial=0))), KEY),
        handed_heap=tables.lay_heaps([n]),
        called=np.empty(len(agents), np.int32),
        near=np.empty(n, KEY),
        near_heap=tables.lay_heaps([n]),
        near_at=chats["near_at"],
        wheel=np.full(slots, -1, np.int32),
        after=np.empty(n, np.int32),
        ahead=np.zeros(tables.REMEMBERED, NOTED),
        entry=np.empty(n),
        assigned=np.empty(n),
        first_reply=np.empty(n),
        end=np.empty(n),
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
