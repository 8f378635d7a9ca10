"""The fast engine: lays a night out as tables, runs the compiled loop, reads the outcome off the tables."""

from __future__ import annotations

import numpy as np

from simlib.simulator import tables
from simlib.simulator.inputs import Agents, Contacts, Disruptions, IntArray, Policy, check_together
from simlib.simulator.loop import Floor, run_floor
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
