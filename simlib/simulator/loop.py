"""The event loop of the compiled engine: playbook/chat_model.md in Numba, on arrays only, without the GIL.

`run_floor` is one loop. Each turn of it asks what comes next (rule 11), does what is particular to that step,
and then what steps have in common: a place is freed, a contact looks for an agent, an agent takes contacts,
begins a reply, something is scheduled. It is one function because Numba compiles one function of this size in
seconds, and a dozen that hand fifty arrays to each other in most of a minute.

Two structures make a step cheap whatever the size of the floor:

* **Ordered heaps** (`_put`, `_drop`) that know where each member sits, so that a member can leave
  from the middle. One for each load of each group of agents who serve the same queues (best agent on top), one for
  each queue (next contact on top), one for the events that are nearly due.
* **A wheel** (`_schedule`, `_cancel`, `_turn`) for the events further off: time is cut into slots narrow
  enough to hold a few events, an event is linked into its slot in O(1), and a slot is put in order only when
  its turn comes. A contact has at most one thing scheduled at any moment (its reply being written, its place
  being freed, its buyer's next message, its patience, its return), so an event is known by its contact and
  nothing is ever stale.

What a buyer writes next is mostly no event at all. It lies on the agent's **desk** (`_expect_mail`) with the time
at which it will be there, in the order in which it will be answered, and a look at the desk shows what has
come by now (`_has_come`). Nobody else's steps hang on that, so it is exact. Only the next message for an agent who
has nothing to answer is scheduled, to wake it.

On a floor of thousands of agents an event waits for memory, not for arithmetic. So what all events touch of
a chat or an agent lies on one cache line (`tables`), and since the wheel knows what comes next, the loop
asks for it ahead of time (`_look_ahead`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from simlib.simulator import tables
from simlib.simulator.cache import compile_once
from simlib.simulator.tables import (
    ABANDONED,
    ATTENDED,
    AWAY,
    BACK,
    BETWEEN,
    BOT,
    DOWN,
    ENDED,
    LOADS,
    OPEN,
    QUEUED,
    REMEMBERED,
    SERVED,
    SHIFT_END,
    SHIFT_START,
    SILENT,
    TRANSFER,
    UNSERVED,
    UP,
)

# What a contact has scheduled, in the order of rule 11, and the steps that only a change of duty brings.
NOTHING, SENT, FREED, MESSAGE, PATIENCE, ENTER, CHANGE, LEAVE, OFFER, GO_ON = range(10)

# How far the changes of duty of one instant have come; CALM between them.
CALM, CHANGING, LEAVING, BEGINNING, TAKING, ENTERING = range(6)

ALL = 1 << 60
AHEAD_SLOTS = 24  # how far to look: what is asked for earlier is forgotten again before it is needed
AHEAD_ENTRIES = 8


class Floor(NamedTuple):
    """Everything the loop reads and writes, laid out by `compiled`."""

    clock: np.ndarray  # one record: the wheel and the policy
    chats: np.ndarray  # one record a contact
    seats: np.ndarray  # one record an agent
    desks: np.ndarray  # the messages of each agent's chats, see `tables.MAIL`

    # The contacts
    queue: np.ndarray
    first_turn: np.ndarray  # one entry more than contacts
    messages: np.ndarray  # reply and think times, side by side
    patience: np.ndarray
    silent: np.ndarray
    retry: np.ndarray
    leaves_bot: np.ndarray
    enters: np.ndarray  # contacts that enter the human stage from arrival or bot, in order
    enter_s: np.ndarray

    # Agents, duty and disruptions
    skill: np.ndarray  # [agents, queues]
    slow: np.ndarray  # windows ordered by agent, rows of an agent in the order given
    slowdown: np.ndarray  # by open chats, from one on
    batches: np.ndarray  # changes of duty, see `tables.Timetable`
    changes: np.ndarray
    concerned: np.ndarray
    outages: np.ndarray

    # Heaps: the keys; where each heap begins and its size; where a member sits, from 1 on, 0 = nowhere
    free: np.ndarray  # available agents, a heap for each group and load
    free_heap: np.ndarray
    free_at: np.ndarray
    groups: np.ndarray  # queue q is served by the groups groups[group_from[q]:group_from[q + 1]]
    group_from: np.ndarray
    waiting: np.ndarray  # waiting contacts, a heap for each queue
    waiting_heap: np.ndarray
    waiting_at: np.ndarray
    handed: np.ndarray  # chats that one agent hands over
    handed_heap: np.ndarray
    called: np.ndarray  # agents who have been handed a chat at this instant
    near: np.ndarray  # events that are nearly due
    near_heap: np.ndarray
    near_at: np.ndarray
    wheel: np.ndarray  # first contact of each slot
    after: np.ndarray  # next contact in the slot
    ahead: np.ndarray  # the contacts met last when looking ahead, see `tables.NOTED`

    # When a contact got how far, and the logs, empty unless wanted
    entry: np.ndarray
    assigned: np.ndarray
    first_reply: np.ndarray
    end: np.ndarray
    asked: np.ndarray  # one entry a turn
    replied: np.ndarray
    replied_by: np.ndarray
    trace: np.ndarray  # one row per change of an agent


# The loop owns nothing it works on, so it counts no references (Numba's counts are atomic, and would make
# it five times slower); a part of it is only ever called from it, so it needs no wrapper for Python.
_FAST: dict[str, Any] = {"_nrt": False, "error_model": "numpy", "no_cfunc_wrapper": True, "no_rewrites": True}
_part = njit(forceinline=True, no_cpython_wrapper=True, **_FAST)
_apart = njit(no_cpython_wrapper=True, **_FAST)  # wanted in many places: it is compiled once, and called

# An unsigned index: Numba then leaves out the test for counting from the end, a sixth of the loop's time.
ix = np.uintp


def _fetch_at(byte):
    """Make a function that asks for a row, from one of its bytes on, to be brought near the processor."""

    @intrinsic
    def fetch(typing_context, table, row):
        def generate(context, builder, signature, arguments):
            array = make_array(signature.args[0])(context, builder, arguments[0])
            place = cgutils.get_item_pointer(context, builder, signature.args[0], array, [arguments[1]])
            place = builder.bitcast(place, cgutils.voidptr_t)
            place = builder.gep(place, [ir.Constant(ir.IntType(64), byte)])
            word = ir.IntType(32)
            prefetch = builder.module.declare_intrinsic(
                "llvm.prefetch", [place.type], ir.FunctionType(ir.VoidType(), [place.type, word, word, word])
            )
            builder.call(prefetch, [place, word(0), word(3), word(1)])  # to read, to keep, data; nothing waits for it
            return context.get_dummy_value()

        return types.none(table, row), generate

    return fetch


_fetch = _fetch_at(0)
_fetch_second = _fetch_at(64)  # the second cache line of a row


# --- ordered heaps ----------------------------------------------------------------------------------------


@_part
def _precedes(key, first, second, item):
    return key.first < first or (
        key.first == first and (key.second < second or (key.second == second and key.item < item))
    )


@_part
def _place(heap, base, i, at, item, first, second):
    key = heap[ix(base + i)]
    key.first = first
    key.second = second
    key.item = item
    at[ix(item)] = i + 1


@_part
def _lift(heap, base, at, i, item, first, second):
    """Place an item at position i, or above it where its order (first, second, item) asks for."""
    while i > 0:
        above = heap[ix(base + ((i - 1) >> 1))]
        if _precedes(above, first, second, item):
            break
        _place(heap, base, i, at, above.item, above.first, above.second)
        i = (i - 1) >> 1
    _place(heap, base, i, at, item, first, second)


@_part
def _put(heap, heap_is, at, item, first, second):
    """Put an item into a heap."""
    heap_is.size += 1
    _lift(heap, heap_is.base, at, heap_is.size - 1, item, first, second)


@_part
def _drop(heap, heap_is, at, item):
    """Take an item out of a heap, from wherever it sits; the last one goes there, or below, or above."""
    i = np.int64(at[item]) - 1
    at[item] = 0
    heap_is.size -= 1
    base = heap_is.base
    size = heap_is.size
    if i == size:
        return
    last = heap[ix(base + size)]
    down = 2 * i + 1
    while down < size:
        below = heap[ix(base + down)]
        if down + 1 < size and _precedes(heap[ix(base + down + 1)], below.first, below.second, below.item):
            down += 1
            below = heap[ix(base + down)]
        if not _precedes(below, last.first, last.second, last.item):
            break
        _place(heap, base, i, at, below.item, below.first, below.second)
        i = down
        down = 2 * i + 1
    _lift(heap, base, at, i, last.item, last.first, last.second)


# --- the wheel of events ----------------------------------------------------------------------------------


@_part
def _slot(clock, time):
    slot = time * clock.slots_a_s
    return np.int64(slot if slot < 4e18 else 4e18)


@_part
def _schedule(clock, chats, wheel, after, near, near_heap, near_at, c):
    """Put the event of a contact (its kind, when it is due) where it will be found."""
    chat = chats[ix(c)]
    slot = _slot(clock, chat.due)
    if slot <= clock.slot:
        _put(near, near_heap, near_at, c, chat.due, float(chat.kind))
        return
    after[ix(c)] = wheel[slot & clock.mask]
    wheel[slot & clock.mask] = c
    clock.far += 1


@_part
def _cancel(clock, chats, wheel, after, near, near_heap, near_at, c):
    """Cancel the next event of a contact."""
    chat = chats[ix(c)]
    chat.kind = NOTHING
    if near_at[ix(c)] > 0:
        _drop(near, near_heap, near_at, c)
        return
    slot = _slot(clock, chat.due) & clock.mask
    before = np.int64(wheel[slot])
    if before == c:
        wheel[slot] = after[ix(c)]
    else:
        while after[ix(before)] != c:
            before = np.int64(after[ix(before)])
        after[ix(before)] = after[ix(c)]
    clock.far -= 1


@_part
def _look_ahead(clock, chats, seats, desks, messages, wheel, after, ahead):
    """Ask for what the events of a slot that is still ahead will touch.

    A contact is noted when its slot comes into sight, and its chat asked for. What was noted some contacts ago has
    arrived by now and says what else to ask for: agent and turn, the agent's desk, whose message it answers next, and
    the slot where the end of that reply will go, or the message that will wake the agent. All this is a guess, for a
    contact may be scheduled anew in the meantime; and no step hangs on what was found, so that the processor never has
    to guess along.
    """
    any_row = np.int64(0)  # where there is none to ask for
    last = np.int64(len(messages) - 1)
    _fetch(after, max(np.int64(wheel[(clock.slot + 2 * AHEAD_SLOTS) & clock.mask]), any_row))
    c = np.int64(wheel[(clock.slot + AHEAD_SLOTS) & clock.mask])
    while c >= 0:
        met = clock.met
        clock.met += 1
        ahead[ix(met & (REMEMBERED - 1))].contact = c
        _fetch(chats, c)

        noted = ahead[ix((met - 4) & (REMEMBERED - 1))]
        chat = chats[ix(noted.contact)]
        noted.agent = max(np.int64(chat.agent), any_row)
        _fetch(seats, np.int64(noted.agent))
        _fetch_second(seats, np.int64(noted.agent) if chat.turns_left <= 1 else any_row)

        noted = ahead[ix((met - 8) & (REMEMBERED - 1))]
        seat = seats[ix(noted.agent)]
        noted.mail = seat.desk + max(np.int64(seat.mails) - 1, any_row)
        _fetch(desks, np.int64(seat.desk))

        noted = ahead[ix((met - 12) & (REMEMBERED - 1))]
        noted.following = desks[ix(noted.mail)].item
        _fetch(chats, np.int64(noted.following))

        noted = ahead[ix((met - 16) & (REMEMBERED - 1))]
        noted.turn = min(np.int64(chats[ix(noted.following)].turn), last)
        _fetch(messages, np.int64(noted.turn))

        noted = ahead[ix((met - 20) & (REMEMBERED - 1))]
        chat = chats[ix(noted.contact)]
        mail_due = desks[ix(noted.mail)].due if seats[ix(noted.agent)].mails > 0 else np.inf
        own_due = chat.due + chat.think if chat.turns_left > 1 else np.inf
        next_due = chat.due + messages[ix(noted.turn)].handle if mail_due <= chat.due else min(mail_due, own_due)
        _fetch(wheel, _slot(clock, next_due) & clock.mask)
        c = np.int64(after[ix(c)])


@_part
def _turn(clock, chats, seats, desks, messages, wheel, after, ahead, near, near_heap, near_at):
    """Turn the wheel until an event is near, if there is any."""
    turned = 0
    while near_heap.size == 0 and clock.far > 0:
        if turned == len(wheel):  # a whole turn met nothing: go straight to the earliest event
            earliest = np.inf
            for first in wheel:
                c = first
                while c >= 0:
                    if chats[c].due < earliest:
                        earliest = chats[c].due
                    c = after[c]
            clock.slot = _slot(clock, earliest) - 1
            turned = 0
        clock.slot += 1
        turned += 1
        if clock.large:
            _look_ahead(clock, chats, seats, desks, messages, wheel, after, ahead)
        c = np.int64(wheel[clock.slot & clock.mask])
        wheel[clock.slot & clock.mask] = -1
        while c >= 0:
            chat = chats[ix(c)]
            following = np.int64(after[ix(c)])
            if _slot(clock, chat.due) == clock.slot:
                _put(near, near_heap, near_at, c, chat.due, float(chat.kind))
                clock.far -= 1
            else:  # of a later turn
                after[ix(c)] = wheel[clock.slot & clock.mask]
                wheel[clock.slot & clock.mask] = c
            c = following


# --- agents -----------------------------------------------------------------------------------------------


@_part
def _tally(seat, now):
    """Bring an agent's time integrals up to now, before its open chats or its duty change."""
    if seat.open > 0:
        seat.chat_s += seat.open * (now - seat.since)
        if not seat.on_duty:
            seat.overtime_s += now - seat.since
    seat.since = now


@_part
def _is_available(seat):
    return seat.on_duty and seat.down == 0 and seat.open < seat.capacity


@_apart
def _rank(seat, free, free_heap, free_at, a):
    """Put an agent where it belongs among the available of its group, or out of them."""
    load = np.int64(seat.open) + np.int64(seat.handicap)
    heap = np.int64(-1)
    if _is_available(seat) and seat.group >= 0:
        heap = LOADS * np.int64(seat.group) + min(load, np.int64(LOADS - 1))
    if seat.ranked >= 0:
        _drop(free, free_heap[ix(seat.ranked)], free_at, a)
    seat.ranked = heap
    if heap >= 0:
        first = float(load)
        if seat.weight > 0.0:
            first = (float(seat.assignments) + 1.0) / seat.weight
        _put(free, free_heap[ix(heap)], free_at, a, first, seat.assigned)


@_part
def _best_heap(free_heap, group):
    """Return the heap on top of which is the best available agent of a group; an empty one if there is none."""
    heap = LOADS * group
    last = heap + LOADS - 1
    while heap < last and free_heap[ix(heap)].size == 0:
        heap += 1
    return heap


@_part
def _free_place(seat, free, free_heap, free_at, a, now):
    """Close a chat on an agent."""
    _tally(seat, now)
    seat.open -= 1
    _rank(seat, free, free_heap, free_at, a)


@_part
def _write(asked, chat, when):
    """Note when the buyer of a chat wrote the message that is answered next."""
    chat.asked = when
    if len(asked) > 0:
        asked[chat.turn] = when


@_part
def _has_come(mail, now, before):
    """Return whether a message is there: of this very instant are those of contacts before this one."""
    return mail.here or mail.due < now or (mail.due == now and mail.item < before)


@_part
def _lay_mail(seat, desks, i, c, due, here):
    """Put a message on a desk, in place i of it; those from there on move up."""
    k = np.int64(seat.desk + seat.mails)
    seat.mails += 1
    while k > i:
        mail = desks[ix(k)]
        below = desks[ix(k - 1)]
        mail.due = below.due
        mail.item = below.item
        mail.here = below.here
        k -= 1
    mail = desks[ix(i)]
    mail.due = due
    mail.item = c
    mail.here = here


@_part
def _expect_mail(seat, desks, c, due):
    """Put a message on a desk that is not there yet."""
    i = np.int64(seat.desk)
    end = i + np.int64(seat.mails)
    while i < end:
        mail = desks[ix(i)]
        if mail.here or mail.due < due or (mail.due == due and mail.item < c):
            break
        i += 1
    _lay_mail(seat, desks, i, c, due, False)


@_part
def _join_mail(seat, desks, c, now, before):
    """Put a message on a desk behind those that are there."""
    i = np.int64(seat.desk + seat.mails)
    while i > seat.desk and _has_come(desks[ix(i - 1)], now, before):
        i -= 1
    _lay_mail(seat, desks, i, c, now, True)


@_part
def _take_mail(seat, desks, c):
    """Take the message of a contact from a desk."""
    k = np.int64(seat.desk)
    while desks[ix(k)].item != c:
        k += 1
    seat.mails -= 1
    end = np.int64(seat.desk + seat.mails)
    while k < end:
        mail = desks[ix(k)]
        above = desks[ix(k + 1)]
        mail.due = above.due
        mail.item = above.item
        mail.here = above.here
        k += 1


@_part
def _note(clock, trace, now, a, seat):
    """Trace that an agent's open chats or writing changed, while there is room; count the rows that takes."""
    if clock.noted < len(trace):
        row = trace[clock.noted]
        row.time = now
        row.agent = a
        row.open = seat.open
        row.writing = seat.writing >= 0
    clock.noted += 1


# --- the floor --------------------------------------------------------------------------------------------


@compile_once([Path(__file__), Path(tables.__file__)], nogil=True, **_FAST)
def run_floor(floor):
    """Run the floor until nothing more can happen, its tables hold the outcome then; or up to ``clock.until``.

    Run again, a floor that stopped there goes on, as if it had never stopped.

    ``clock.noted`` is then the number of changes of agents; a ``trace`` shorter than that lacks the last ones.
    """
    clock, chats, seats, desks = floor.clock[0], floor.chats, floor.seats, floor.desks
    messages, wheel, after = floor.messages, floor.wheel, floor.after
    near, near_heap, near_at = floor.near, floor.near_heap[0], floor.near_at
    free, free_heap, free_at = floor.free, floor.free_heap, floor.free_at
    waiting, waiting_heap, waiting_at = floor.waiting, floor.waiting_heap, floor.waiting_at
    handed, handed_heap = floor.handed, floor.handed_heap[0]
    batches, concerned, skill, trace = floor.batches, floor.concerned, floor.skill, floor.trace
    levels = np.int64(len(floor.slowdown))
    if levels == 1 and floor.slowdown[0] == 1.0:
        levels = np.int64(0)
    in_queue, b, e = clock.in_queue, clock.batch, clock.entered
    i = calls = 0
    taken = False
    now = 0.0
    phase = CALM

    while True:
        # --- What comes next (rule 11)
        c = a = -1
        takes = 0  # waiting contacts that agent a may take in this step
        if phase == CALM:
            if near_heap.size == 0:
                _turn(clock, chats, seats, desks, messages, wheel, after, floor.ahead, near, near_heap, near_at)
            due_s = near[0].first if near_heap.size > 0 else np.inf
            batch_s = batches[b].time if b < len(batches) else np.inf
            enter_s = floor.enter_s[e] if e < len(floor.enter_s) else np.inf
            if clock.until < np.inf and due_s >= clock.until and batch_s >= clock.until and enter_s >= clock.until:
                clock.in_queue, clock.batch, clock.entered = in_queue, b, e
                break
            if batch_s <= due_s and batch_s <= enter_s:
                if b == len(batches):
                    break
                now = batch_s
                phase = CHANGING
                i = batches[b].changes_from
                continue
            step = ENTER
            if due_s <= enter_s:
                c = near[0].item
                step = chats[ix(c)].kind
            if due_s < enter_s or (due_s == enter_s and (step < ENTER or c < floor.enters[e])):
                now = due_s
                _drop(near, near_heap, near_at, c)
                chats[ix(c)].kind = NOTHING
            else:
                now = enter_s
                step = ENTER
                c = floor.enters[e]
                e += 1
                if clock.large:
                    soon = floor.enters[min(e + AHEAD_ENTRIES, len(floor.enters) - 1)]
                    _fetch(chats, soon)
                    _fetch(messages, floor.first_turn[soon])
                    _fetch(wheel, _slot(clock, enter_s + floor.patience[soon]) & clock.mask)
        elif phase == CHANGING:
            if i == batches[b].changes_to:
                phase = LEAVING
                i = batches[b].agents_from
                continue
            step = CHANGE
            a = floor.changes[i].agent
            i += 1
        elif phase == LEAVING:
            if handed_heap.size > 0:
                step = OFFER
                c = handed[0].item
                _drop(handed, handed_heap, waiting_at, c)
            elif i == batches[b].agents_to:
                phase = BEGINNING
                i = batches[b].agents_from
                continue
            elif seats[ix(concerned[i])].handing:
                step = LEAVE
                a = concerned[i]
                i += 1
            else:
                i += 1
                continue
        elif phase == BEGINNING:
            if i == batches[b].agents_to and calls == 0:
                phase = TAKING
                i = batches[b].agents_from
                taken = False
                continue
            step = GO_ON
            if i < batches[b].agents_to:
                a = concerned[i]
                i += 1
            else:
                calls -= 1
                a = np.int64(floor.called[calls])
                seats[a].called = False
        elif phase == TAKING:
            if in_queue == 0 or (i == batches[b].agents_to and not taken):
                phase = ENTERING
                i = batches[b].outages_from
                continue
            if i == batches[b].agents_to:
                i = batches[b].agents_from
                taken = False
            step = GO_ON
            a = concerned[i]
            i += 1
            takes = 1
        else:
            if i == batches[b].outages_to:
                phase = CALM
                b += 1
                continue
            step = ENTER
            c = floor.outages[i]
            i += 1

        # --- What is particular to it
        frees = -1  # contact whose chat closes on agent a
        seeks = -1  # contact that looks for an agent
        then = NOTHING  # what contact c is to have scheduled
        then_s = 0.0
        also = np.int64(-1)  # another contact that is to have something scheduled
        also_then = NOTHING
        also_s = 0.0
        before = np.int64(0)  # messages of this very instant are there of contacts before this one
        if phase == CALM and step >= MESSAGE:
            before = ALL if step > MESSAGE else np.int64(c + 1)
        if step == SENT:
            chat = chats[ix(c)]
            a = np.int64(chat.agent)
            seat = seats[ix(a)]
            seat.writing = -1
            seat.busy_s += now - seat.began
            _note(clock, trace, now, a, seat)
            if chat.begun:
                response_s = now - chat.asked
                chat.response_sum += response_s
                if chat.response_max < 0.0:  # it is the first
                    floor.first_reply[c] = now
                if response_s > chat.response_max:
                    chat.response_max = response_s
                if len(floor.replied) > 0:
                    floor.replied[chat.turn] = now
                    floor.replied_by[chat.turn] = a
                seat.replies += 1
                chat.turn += 1
                chat.turns_left -= 1
                if chat.turns_left > 0:
                    chat.stage = ATTENDED
                    then_s = now + chat.think
                    if chat.leaving:  # this was the reply that a shift end waited for (rule 9)
                        chat.leaving = False
                        chat.stage = BETWEEN
                        chat.transfers += 1
                        frees = c
                        then = MESSAGE
                    else:
                        _expect_mail(seat, desks, c, then_s)
                else:
                    chat.stage = ENDED
                    chat.outcome = SERVED
                    floor.end[c] = now
                    then, then_s = FREED, now + clock.close_s
                    if clock.close_s == 0.0:
                        then, frees = NOTHING, c
            else:  # the buyer had gone: no reply, and the chat is over (rule 6)
                chat.stage = ENDED
                chat.outcome = SILENT
                floor.end[c] = floor.entry[c] + floor.patience[c]
                then, then_s = FREED, now + clock.silent_close_s
                if clock.silent_close_s == 0.0:
                    then, frees = NOTHING, c
            takes = ALL
        elif step == MESSAGE:
            chat = chats[ix(c)]
            if chat.stage == BETWEEN:
                _write(floor.asked, chat, now)
                seeks = c
            else:
                a = np.int64(chat.agent)
        elif step == FREED:
            a = np.int64(chats[ix(c)].agent)
            frees = c
            takes = ALL
        elif step == PATIENCE:
            chat = chats[c]
            if chat.stage == QUEUED:
                _drop(waiting, waiting_heap[floor.queue[c]], waiting_at, c)
                in_queue -= 1
            else:
                a = np.int64(chat.agent)
                _take_mail(seats[a], desks, c)
                frees = c
                takes = ALL
            chat.stage = ENDED
            chat.outcome = ABANDONED
            floor.end[c] = now
            if chat.attempts == 1 and floor.retry[c] >= 0.0:
                then, then_s = ENTER, now + floor.retry[c]
        elif step == ENTER:
            chat = chats[c]
            if chat.attempts == 0:
                chat.turn = floor.first_turn[c]
                chat.turns_left = floor.first_turn[c + 1] - chat.turn
                chat.response_max = -1.0
                floor.first_reply[c] = np.nan
            chat.attempts += 1
            chat.outcome = OPEN
            floor.entry[c] = now
            _write(floor.asked, chat, now)
            floor.assigned[c] = floor.end[c] = np.nan
            chat.agent = -1
            chat.transfers = 0
            deadline = now + floor.patience[c]
            if not floor.silent[c] and deadline < np.inf:
                then, then_s = PATIENCE, deadline
            seeks = c
        elif step == OFFER:
            seeks = c
        elif step == CHANGE:
            seat = seats[a]
            kind = floor.changes[i - 1].kind
            if kind in (DOWN, AWAY):
                if kind == DOWN:
                    seat.down += 1
                else:
                    seat.away += 1
                if seat.writing >= 0:  # the reply is cut, its message is the next one again (rule 8)
                    cut = np.int64(seat.writing)
                    _cancel(clock, chats, wheel, after, near, near_heap, near_at, cut)
                    seat.writing = -1
                    seat.busy_s += now - seat.began
                    _note(clock, trace, now, a, seat)
                    chats[cut].stage = ATTENDED
                    _lay_mail(seat, desks, np.int64(seat.desk + seat.mails), cut, now, True)
            elif kind == UP:
                seat.down -= 1
            elif kind == BACK:
                seat.away -= 1
            elif kind == TRANSFER:
                seat.handing = True
            else:
                _tally(seat, now)
                seat.on_duty = kind == SHIFT_START
                if kind == SHIFT_END and clock.handover:
                    seat.handing = True
            _rank(seat, free, free_heap, free_at, a)
            continue
        elif step == LEAVE:
            seat = seats[a]
            seat.handing = False
            if seat.writing >= 0:
                chats[seat.writing].leaving = True
            while seat.mails > 0:
                seat.mails -= 1
                mail = desks[seat.desk + seat.mails]
                c = np.int64(mail.item)
                chat = chats[c]
                chat.leaving = False
                chat.transfers += 1
                if _has_come(mail, now, before):
                    if not mail.here:
                        _write(floor.asked, chat, mail.due)
                    _put(handed, handed_heap, waiting_at, c, floor.entry[c], 0.0)
                else:
                    chat.stage = BETWEEN
                    if chat.kind == NOTHING:
                        chat.kind = MESSAGE
                        chat.due = mail.due
                        _schedule(clock, chats, wheel, after, near, near_heap, near_at, c)
                _free_place(seat, free, free_heap, free_at, a, now)
                _note(clock, trace, now, a, seat)
            continue

        # --- A place is freed
        if frees >= 0:
            _free_place(seats[ix(a)], free, free_heap, free_at, a, now)
            _note(clock, trace, now, a, seats[ix(a)])

        # --- A contact looks for the best available agent, or waits (rule 2)
        if seeks >= 0:
            q = floor.queue[seeks]
            best = -1
            for k in range(floor.group_from[q], floor.group_from[q + 1]):
                heap = _best_heap(free_heap, floor.groups[k])
                if free_heap[heap].size > 0:
                    top = free_heap[heap].base
                    if best < 0 or _precedes(free[top], free[best].first, free[best].second, free[best].item):
                        best = top
            if best >= 0:
                a = free[best].item
            else:
                chats[ix(seeks)].stage = QUEUED
                _put(waiting, waiting_heap[q], waiting_at, seeks, floor.entry[seeks], 0.0)
                in_queue += 1
                seeks = -1

        # --- Chats are opened: of the contact that found its agent (rule 3), then of those that wait (rule 5)
        while a >= 0:
            seat = seats[ix(a)]
            opens = seeks
            seeks = -1
            if opens < 0:
                if takes == 0 or in_queue == 0 or not _is_available(seat):
                    break
                best = -1
                for q in range(skill.shape[1]):
                    if skill[a, q] == 0 or waiting_heap[q].size == 0:
                        continue
                    if best >= 0:
                        if skill[a, q] > skill[a, best]:
                            continue
                        if skill[a, q] == skill[a, best]:
                            other = waiting[waiting_heap[best].base]
                            if not _precedes(waiting[waiting_heap[q].base], other.first, other.second, other.item):
                                continue
                    best = q
                if best < 0:
                    break
                opens = waiting[waiting_heap[best].base].item
                _drop(waiting, waiting_heap[best], waiting_at, opens)
                in_queue -= 1
                takes -= 1
                taken = True
            chat = chats[ix(opens)]
            if floor.assigned[opens] != floor.assigned[opens]:  # nan: for the first time
                floor.assigned[opens] = now
            chat.agent = a
            chat.stage = ATTENDED
            _tally(seat, now)
            seat.open += 1
            seat.assigned = now
            seat.assignments += 1
            _rank(seat, free, free_heap, free_at, a)
            _join_mail(seat, desks, opens, now, before)
            if clock.large and seat.group >= 0:  # who takes the next one
                heap = _best_heap(free_heap, np.int64(seat.group))
                if free_heap[heap].size > 0:
                    following = np.int64(free[free_heap[heap].base].item)
                    _fetch(seats, following)
                    _fetch_second(seats, following)
            _note(clock, trace, now, a, seat)

        # --- The agent begins the reply to the next message on its desk (rule 4)
        if a >= 0 and step == OFFER:  # but not before all chats of this instant are handed over (rule 11)
            if not seats[a].called:
                seats[a].called = True
                floor.called[calls] = a
                calls += 1
        elif a >= 0:
            seat = seats[ix(a)]
            if seat.writing < 0 and seat.mails > 0 and seat.down + seat.away == 0 and not seat.handing:
                mail = desks[ix(seat.desk + seat.mails - 1)]
                head = np.int64(mail.item)
                chat = chats[ix(head)]
                if not _has_come(mail, now, before):  # the next message finds it idle
                    if chat.kind == NOTHING:
                        also, also_then, also_s = head, MESSAGE, mail.due
                else:
                    seat.mails -= 1
                    if not mail.here:
                        _write(floor.asked, chat, mail.due)
                    if not chat.begun and (not floor.silent[head] or now <= floor.entry[head] + floor.patience[head]):
                        chat.begun = True  # in time: patience no longer matters
                        if chat.kind == PATIENCE:
                            _cancel(clock, chats, wheel, after, near, near_heap, near_at, head)
                        if head == c:
                            then = NOTHING
                    seat.writing = head
                    seat.began = now
                    factor = 1.0
                    for row in range(seat.slow_from, seat.slow_to):
                        if floor.slow[row].start <= now < floor.slow[row].end:
                            factor *= floor.slow[row].factor
                    message = messages[ix(chat.turn)]
                    chat.think = message.think
                    handle_s = message.handle * factor
                    if levels > 0:
                        handle_s *= floor.slowdown[ix(min(np.int64(seat.open), levels) - 1)]
                    also, also_then, also_s = head, SENT, now + handle_s / seat.speed
                    _note(clock, trace, now, a, seat)

        while also >= 0 or then != NOTHING:
            if also < 0:
                also, also_then, also_s = np.int64(c), then, then_s
                then = NOTHING
            chats[ix(also)].kind = also_then
            chats[ix(also)].due = also_s
            _schedule(clock, chats, wheel, after, near, near_heap, near_at, also)
            also = np.int64(-1)

    # --- Messages that nobody has answered
    if len(floor.asked) > 0:
        for seat in seats:
            for k in range(seat.desk, seat.desk + seat.mails):
                if not desks[k].here and desks[k].due < clock.until:
                    floor.asked[chats[desks[k].item].turn] = desks[k].due
    if clock.until < np.inf:
        return

    # --- The outcome, with what never ended (rule 12)
    for c in range(len(chats)):
        chat = chats[c]
        if chat.attempts == 0:
            chat.outcome = BOT
            chat.agent = -1
            floor.end[c] = floor.leaves_bot[c]
            floor.entry[c] = floor.assigned[c] = floor.first_reply[c] = np.nan
            continue
        if chat.outcome == OPEN:
            chat.outcome = UNSERVED
            if floor.silent[c] and not chat.begun and floor.patience[c] < np.inf:
                chat.outcome = SILENT
                floor.end[c] = floor.entry[c] + floor.patience[c]
        chat.turn -= floor.first_turn[c]
        chat.response_max = max(chat.response_max, 0.0)
