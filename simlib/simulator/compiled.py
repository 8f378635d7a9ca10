"""The fast engine: lays a night out as tables, runs the compiled loop, reads the outcome off the tables."""

from __future__ import annotations

import numpy as np

from simlib.simulator import tables
from simlib.simulator.inputs import Agents, Contacts, Disruptions, Policy, check_together
from simlib.simulator.outcome import Outcome
from simlib.simulator.tables import CHANGE, CHAT, CLOCK, KEY, SEAT


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

    The loop itself holds no Python object and releases the GIL, so that threads run nights side by side. A trace
    costs a second run: the first counts how many rows it will have.
    """
    from simlib.simulator.loop import run_floor  # imports Numba, which takes as long as the rest of the kit

    skill = check_together(contacts, agents, disruptions)
    bot = tables.pass_bot(contacts, disruptions.bot_down)
    timetable = tables.build_timetable(agents, policy, disruptions, bot)
    enters = np.flatnonzero(~bot.resolved & (bot.opening < 0)).astype(np.int32)
    enter_s = bot.leaves[enters]
    if (np.diff(enter_s) < 0).any():
        order = np.argsort(enter_s, kind="stable")
        enters, enter_s = enters[order], enter_s[order]

    rows = 0
    while True:
        floor = _lay_out(contacts, agents, policy, disruptions, skill, turns=turns, changes=rows,
            enters=enters, enter_s=enter_s, batches=timetable.batches, duty=timetable.changes,
            concerned=timetable.agents, outages=timetable.outages)
        needed = run_floor(floor)
        if not trace or rows == needed:
            break
        rows = needed
    return _read_off(floor, contacts, agents, bot)


def _lay_out(contacts, agents, policy, disruptions, skill, *, turns, changes, duty, **tt):
    from simlib.simulator.loop import Floor

    n, queues = len(contacts), skill.shape[1]
    first_turn = contacts.first_turn
    chats = np.zeros(n, CHAT)
    chats["turn"] = first_turn[:-1]
    chats["last_turn"] = first_turn[1:]
    chats["queue"] = contacts.queue
    chats["agent"] = -1
    chats["outcome"] = tables.OPEN
    for name in ("entry", "assigned", "first_reply", "end"):
        chats[name] = np.nan

    groups = tables.group_agents(skill)
    seats = np.zeros(len(agents), SEAT)
    seats["capacity"] = agents.capacity
    seats["spare"] = agents.capacity if policy.routing == "most_available" else 0
    seats["speed"] = agents.speed
    seats["group"] = groups.of_agent
    seats["assigned"] = -np.inf
    for name in ("writing", "head", "tail", "chats"):
        seats[name] = -1
    slow = disruptions.slow[np.argsort(disruptions.slow["agent"], kind="stable")]
    seats["slow_from"] = np.searchsorted(slow["agent"], np.arange(len(agents)), side="left")
    seats["slow_to"] = np.searchsorted(slow["agent"], np.arange(len(agents)), side="right")

    messages = int(first_turn[-1])
    events = 2 * messages + n
    span_s = contacts.arrival[-1] - contacts.arrival[0] if n else 0.0
    slots = 1 << int(np.clip(np.log2(events + 1), 4, np.log2(tables.LARGEST_WHEEL)))
    clock = np.zeros(1, CLOCK)
    clock["slots_a_s"] = min(events / span_s / tables.EVENTS_A_SLOT, 1e6) if span_s > 0 else 1.0
    clock["slot"] = -1
    clock["mask"] = slots - 1
    clock["close_s"] = policy.close_s
    clock["silent_close_s"] = policy.silent_close_s
    clock["handover"] = policy.at_shift_end == "handover"
    a_turn = messages if turns else 0
    return Floor(
        clock=clock, chats=chats, seats=seats, handle=contacts.handle, think=contacts.think,
        patience=contacts.patience, retry=contacts.retry, silent=contacts.silent, skill=skill, slow=slow,
        groups=groups.by_queue, group_from=groups.from_,
        free=np.empty(len(agents), KEY), free_heap=tables.lay_heaps(groups.sizes),
        free_at=np.full(len(agents), -1, np.int32),
        waiting=np.empty(n, KEY), waiting_heap=tables.lay_heaps(np.bincount(contacts.queue, minlength=queues)),
        waiting_at=np.full(n, -1, np.int32),
        near=np.empty(n, KEY), near_heap=tables.lay_heaps([n]), near_at=np.full(n, -1, np.int32),
        handed=np.empty(n, KEY), handed_heap=tables.lay_heaps([0]),
        wheel=np.full(slots, -1, np.int32),
        asked=np.full(a_turn, np.nan), replied=np.full(a_turn, np.nan), replied_by=np.full(a_turn, -1, np.int32),
        trace=np.empty(changes, CHANGE), changes=duty, **tt
    )


def _read_off(floor, contacts, agents, bot):
    chats, seats = floor.chats, floor.seats
    outcome = chats["outcome"].copy()
    end = chats["end"].copy()
    outcome[bot.resolved] = tables.BOT
    end[bot.resolved] = bot.leaves[bot.resolved]
    waiting = outcome == tables.OPEN
    if waiting.any():
        gone = waiting & contacts.silent & np.isfinite(contacts.patience) & ~chats["begun"]
        outcome[waiting] = tables.UNSERVED
        outcome[gone] = tables.SILENT
        end[gone] = chats["deadline"][gone]
    return Outcome(
        outcome=outcome, end=end,
        **{name: chats[name].copy() for name in ("entry", "assigned", "first_reply", "response_sum", "response_max")},
        **{name: chats[name].astype(np.int64) for name in ("agent", "replies", "attempts", "transfers")},
        busy=seats["busy_s"].copy(), on_duty=agents.on_duty_s, overtime=seats["overtime_s"].copy(),
        agent_replies=seats["replies"].copy(), chat_seconds=seats["chat_s"].copy(),
        asked=floor.asked, replied=floor.replied, replied_by=floor.replied_by,
        changes=floor.trace,
    )
