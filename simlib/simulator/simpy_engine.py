"""The readable engine: the chat floor as SimPy processes, to be walked through line by line.

A buyer is a process (`SimpyFloor.buyer`): it meets the bot, enters the human stage, waits, gives up or is
answered, thinks, writes again. An agent is a process (`SimpyFloor.work`): it writes the reply that it has begun,
sends it, and waits for mail. Everything that an instant changes at once (who is available, who takes whom,
which reply is begun) is a plain method that a process calls, because a floor decides in no time.

**Order.** SimPy's queue is ordered by (time, priority, insertion). A priority here is a step of the model's
rule 11 and an index (`_Moment`), so what falls on one instant happens in the model's order, not in the
order in which it happened to be scheduled. SimPy's own events (a process that starts, an event that
succeeds, an interrupt) have the priorities 0 and 1, before any of ours: what a step sets going is over
before the next step begins.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from math import inf, isinf, isnan, nan
from typing import Any

import numpy as np
import simpy
from simpy.core import Environment

from simlib.simulator.inputs import Agents, Contacts, Disruptions, Policy, check_together
from simlib.simulator.outcome import Outcome
from simlib.simulator.tables import (
    ABANDONED,
    AWAY,
    BACK,
    BOT,
    CHANGE,
    DOWN,
    OPEN,
    SERVED,
    SHIFT_END,
    SHIFT_START,
    SILENT,
    TRANSFER,
    UNSERVED,
    UP,
)

# Rule 11: what comes first when it falls on the same instant.
DUTY, SENT, FREED, MESSAGE, PATIENCE, ENTER = range(1, 7)

_STEP = 1 << 40  # more than any index: a priority is step * _STEP + index

Process = Generator[simpy.Event, Any, None]


class _Moment(simpy.Event):
    """A point in time, `delay` seconds from now, that comes in its place among all that falls on it."""

    def __init__(self, env: Environment, delay: float, step: int, index: int) -> None:
        super().__init__(env)
        self._ok = True
        self._value = None
        env.schedule(self, priority=step * _STEP + index, delay=delay)  # type: ignore[arg-type]


class _Chat:
    """A contact in the human stage."""

    def __init__(self, contacts: Contacts, index: int, first_turn: int) -> None:
        self.index = index
        self.queue = int(contacts.queue[index])
        self.silent = bool(contacts.silent[index])
        self.patience = float(contacts.patience[index])
        self.retry = float(contacts.retry[index])
        self.last = int(contacts.turns[index]) - 1
        stop = first_turn + self.last + 1
        self.handle = contacts.handle[first_turn:stop].tolist()
        self.think = contacts.think[first_turn:stop].tolist()
        self.asked = [nan] * (self.last + 1)
        self.replied = [nan] * (self.last + 1)
        self.replied_by = [-1] * (self.last + 1)
        self.outcome = OPEN
        self.entry = self.assigned = self.first_reply = self.end = nan
        self.had_by = -1
        self.replies = self.attempts = self.transfers = 0
        self.response_sum = self.response_max = 0.0
        self.agent: _Agent | None = None  # whose screen it is on
        self.unanswered = False  # its message waits for a reply
        self.begun: simpy.Event | None = None  # the first reply is begun in time
        self.sent: simpy.Event | None = None  # the reply to its message is sent
        self.leaving = False  # to be handed over when the reply in progress is sent

    @property
    def deadline(self) -> float:
        return self.entry + self.patience

    @property
    def is_begun(self) -> bool:
        return self.begun is not None and self.begun.triggered

    def place(self) -> tuple[float, int]:
        """Where it stands in its queue."""
        return self.entry, self.index


class _Agent:
    """A person at the desk."""

    def __init__(
        self, agents: Agents, index: int, slow: list[tuple[float, float, float]], slowdown: tuple[float, ...]
    ) -> None:
        self.index = index
        self.capacity = int(agents.capacity[index])
        self.speed = float(agents.speed[index])
        self.weight = float(agents.weight[index])
        self.slow = slow
        self.slowdown = slowdown
        self.on_duty = False
        self.down = 0  # windows that hold the seat
        self.away = 0  # windows in which nobody sits there
        self.handing = False
        self.open: list[_Chat] = []  # chats on the screen, those whose place is not freed yet included
        self.inbox: deque[_Chat] = deque()
        self.writing: _Chat | None = None
        self.began = self.writes_s = nan
        self.assignments = 0
        self.last_assigned = -inf
        self.mail: simpy.Event | None = None  # what an idle agent waits for
        self.process: simpy.Process | None = None
        self.since = self.busy = self.overtime = self.chat_seconds = 0.0
        self.replies = 0

    @property
    def is_available(self) -> bool:
        return self.on_duty and not self.down and len(self.open) < self.capacity

    @property
    def can_begin(self) -> bool:
        return not self.writing and not self.down and not self.away and bool(self.inbox)

    def handling_time(self, seconds: float, now: float) -> float:
        """Return how long a reply of so many seconds takes if it is begun now (rules 4 and 4b)."""
        factor = 1.0
        for start, end, times in self.slow:
            if start <= now < end:
                factor *= times
        level = min(len(self.open), len(self.slowdown))
        return seconds * factor * self.slowdown[level - 1] / self.speed

    def tally(self, now: float) -> None:
        """Bring the time integrals up to now, before the open chats or the duty change."""
        if self.open:
            self.chat_seconds += len(self.open) * (now - self.since)
            if not self.on_duty:
                self.overtime += now - self.since
        self.since = now


class SimpyFloor:
    """The floor of one night."""

    def __init__(self, contacts: Contacts, agents: Agents, policy: Policy, disruptions: Disruptions) -> None:
        self.env = Environment()
        self.contacts = contacts
        self.policy = policy
        self.skill = check_together(contacts, agents, disruptions).tolist()
        self.chats = [_Chat(contacts, i, first) for i, first in enumerate(contacts.first_turn[:-1].tolist())]
        slow = disruptions.slow
        self.agents = [
            _Agent(agents, a, [row.item()[1:] for row in slow[slow["agent"] == a]], policy.slowdown)
            for a in range(len(agents))
        ]
        queues = range(len(self.skill[0]) if self.skill else 1 + int(contacts.queue.max(initial=0)))
        self.serving = [[agent for agent in self.agents if self.skill[agent.index][q] > 0] for q in queues]
        self.waiting: list[list[_Chat]] = [[] for _ in queues]  # each in order of (entry, index)
        self.handing_over = False  # nobody begins a reply before all chats of an instant are handed over
        self.bot_outages = 0
        self.with_bot: dict[int, simpy.Process] = {}
        self.changes: list[tuple[float, int, int, bool]] = []

        for agent in self.agents:
            agent.process = self.env.process(self.work(agent))
        for chat in self.chats:
            self.env.process(self.buyer(chat))
        self.env.process(self.duty(_read_calendar(agents, policy, disruptions)))

    # --- buyers -------------------------------------------------------------------------------------------

    def buyer(self, chat: _Chat) -> Process:
        """Run one contact (rules 1, 2, 4, 6 and 7)."""
        env, contacts, index = self.env, self.contacts, chat.index
        yield _Moment(env, float(contacts.arrival[index]), ENTER, index)

        if not isnan(contacts.bot[index]) and not self.bot_outages:
            self.with_bot[index] = env.active_process  # type: ignore[assignment]
            try:
                yield _Moment(env, float(contacts.bot[index]), ENTER, index)
            except simpy.Interrupt:  # the bot went down: on to the agents
                pass
            else:
                del self.with_bot[index]
                if contacts.bot_resolves[index]:
                    chat.outcome, chat.end = BOT, env.now
                    return

        while True:
            self.enter(chat)
            if not chat.silent and not isinf(chat.deadline):
                yield chat.begun | _Moment(env, chat.patience, PATIENCE, index)  # type: ignore[operator]
                if not chat.is_begun:
                    self.give_up(chat)
                    if chat.attempts > 1 or isnan(chat.retry):
                        return
                    yield _Moment(env, chat.retry, ENTER, index)
                    continue
            break

        for turn in range(chat.last + 1):
            if turn > 0:
                yield _Moment(env, chat.think[turn - 1], MESSAGE, index)
                self.write(chat, turn)
            yield chat.sent  # type: ignore[misc]
            if chat.outcome != OPEN:
                break
        hold_s = self.holds_place_s(chat)
        if hold_s > 0:  # else the place was freed with the reply
            yield _Moment(env, hold_s, FREED, index)
            self.free_place(chat)

    def enter(self, chat: _Chat) -> None:
        """Enter the human stage, the first time or again; the first message is sent now (rules 2 and 7)."""
        chat.outcome = OPEN
        chat.entry = self.env.now
        chat.assigned = chat.end = nan
        chat.had_by = -1
        chat.transfers = 0
        chat.attempts += 1
        chat.begun = self.env.event()
        self.write(chat, 0)

    def write(self, chat: _Chat, turn: int) -> None:
        """Send a message to the agent who has the chat, else to the queue (rules 4 and 10)."""
        chat.asked[turn] = self.env.now
        chat.unanswered = True
        chat.sent = self.env.event()
        if chat.agent is None:
            self.offer(chat)
        else:
            self.deliver(chat)

    def give_up(self, chat: _Chat) -> None:
        """Leave the queue or the inbox, and say so (rule 6)."""
        chat.outcome, chat.end = ABANDONED, self.env.now
        chat.unanswered = False
        if chat.agent is None:
            self.waiting[chat.queue].remove(chat)
        else:
            chat.agent.inbox.remove(chat)
            self.free_place(chat)

    # --- agents -------------------------------------------------------------------------------------------

    def work(self, agent: _Agent) -> Process:
        """Reply to the inbox, first come first served (rules 4, 6, 8 and 9)."""
        env = self.env
        while True:
            while agent.writing is None:
                agent.mail = env.event()
                yield agent.mail
            chat = agent.writing
            try:
                yield _Moment(env, agent.writes_s, SENT, chat.index)
            except simpy.Interrupt:  # cut: the message is back in the inbox already
                continue
            self.stop_writing(agent)
            chat.unanswered = False
            if chat.is_begun:
                self.count_reply(chat, agent)
            else:  # the buyer had gone
                chat.outcome, chat.end = SILENT, chat.deadline
            if chat.outcome != OPEN and self.holds_place_s(chat) == 0:
                self.free_place(chat)
            elif chat.outcome == OPEN and chat.leaving:
                self.leave(chat)
                self.take_waiting(agent)
            chat.sent.succeed()  # type: ignore[union-attr]
            self.begin(agent)

    def begin(self, agent: _Agent) -> None:
        """Begin the reply at the head of the inbox, if the agent can (rule 4)."""
        if self.handing_over or not agent.can_begin:
            return
        now = self.env.now
        chat = agent.inbox.popleft()
        if not chat.is_begun and (not chat.silent or now <= chat.deadline):
            chat.begun.succeed()  # type: ignore[union-attr]
        agent.writing, agent.began = chat, now
        agent.writes_s = agent.handling_time(chat.handle[chat.replies], now)
        self.note(agent)
        if agent.mail is not None and not agent.mail.triggered:
            agent.mail.succeed()

    def holds_place_s(self, chat: _Chat) -> float:
        """Return how long a chat that is over holds its place (rules 4 and 6)."""
        return self.policy.close_s if chat.outcome == SERVED else self.policy.silent_close_s

    def count_reply(self, chat: _Chat, agent: _Agent) -> None:
        """Enter a reply that reached its buyer into the books."""
        now, turn = self.env.now, chat.replies
        response_s = now - chat.asked[turn]
        chat.replied[turn], chat.replied_by[turn] = now, agent.index
        chat.response_sum += response_s
        chat.response_max = max(chat.response_max, response_s)
        chat.replies += 1
        agent.replies += 1
        if turn == 0:
            chat.first_reply = now
        if turn == chat.last:
            chat.outcome, chat.end = SERVED, now

    def stop_writing(self, agent: _Agent) -> None:
        """End the reply in progress, sent or cut."""
        agent.busy += self.env.now - agent.began
        agent.writing = None
        self.note(agent)

    def deliver(self, chat: _Chat) -> None:
        """Put the contact's message at the tail of its agent's inbox (rules 3 and 4)."""
        assert chat.agent is not None
        chat.agent.inbox.append(chat)
        self.begin(chat.agent)

    # --- who gets whom ------------------------------------------------------------------------------------

    def offer(self, chat: _Chat) -> None:
        """Assign a contact to the best available agent, or let it wait (rule 2)."""
        available = [agent for agent in self.serving[chat.queue] if agent.is_available]
        if available:
            self.assign(chat, min(available, key=self.rank))
        else:
            insort(self.waiting[chat.queue], chat, key=_Chat.place)

    def rank(self, agent: _Agent) -> tuple[float, float, int]:
        """Return what makes an agent the best: routing, then longest without an assignment, then index."""
        first: float = len(agent.open)
        if self.policy.routing == "most_available":
            first -= agent.capacity
        elif self.policy.routing == "weighted":
            first = (agent.assignments + 1) / agent.weight
        return first, agent.last_assigned, agent.index

    def assign(self, chat: _Chat, agent: _Agent) -> None:
        """Open a chat (rule 3)."""
        now = self.env.now
        if isnan(chat.assigned):
            chat.assigned = now
        agent.tally(now)
        agent.open.append(chat)
        agent.last_assigned = now
        agent.assignments += 1
        chat.agent = agent
        chat.had_by = agent.index
        self.note(agent)
        self.deliver(chat)

    def free_place(self, chat: _Chat) -> None:
        """Close a chat; its agent takes contacts while it is available (rule 5)."""
        assert chat.agent is not None
        agent = chat.agent
        self.close(chat)
        self.take_waiting(agent)

    def close(self, chat: _Chat) -> None:
        """Take a chat off its agent's screen."""
        agent = chat.agent
        assert agent is not None
        agent.tally(self.env.now)
        agent.open.remove(chat)
        chat.agent = None
        self.note(agent)

    def take_waiting(self, agent: _Agent) -> None:
        """Give contacts to an agent while it is available and anyone waits (rule 5)."""
        while self.take_one(agent):
            pass

    def take_one(self, agent: _Agent) -> bool:
        """Take the waiting contact that this agent should serve first, if it can (rule 5)."""
        if not agent.is_available:
            return False
        ranks = self.skill[agent.index]
        firsts = [queue[0] for queue, rank in zip(self.waiting, ranks, strict=True) if rank > 0 and queue]
        if not firsts:
            return False
        chat = min(firsts, key=lambda chat: (ranks[chat.queue], chat.place()))
        self.waiting[chat.queue].remove(chat)
        self.assign(chat, agent)
        return True

    # --- duty and disruptions -----------------------------------------------------------------------------

    def duty(self, calendar: list[_Instant]) -> Process:
        """Make the changes of duty, one instant after the other (rule 11)."""
        # All scheduled at the start, so that a time is 0 + itself and not a rounded sum.
        for instant, moment in [(instant, _Moment(self.env, instant.time, DUTY, 0)) for instant in calendar]:
            yield moment
            for kind, a in sorted(instant.changes):
                self.change_duty(self.agents[a], kind)
            concerned = [self.agents[a] for a in sorted({a for _, a in instant.changes})]
            self.handing_over = True
            for agent in concerned:
                if agent.handing:
                    self.hand_over(agent)
            self.handing_over = False
            for agent in self.agents:
                self.begin(agent)
            while sum(self.take_one(agent) for agent in concerned):  # one each, until no one takes any
                pass
            self.bot_outages += instant.bot_opens - instant.bot_closes
            if instant.bot_opens:
                for index in sorted(self.with_bot):
                    self.with_bot.pop(index).interrupt()

    def change_duty(self, agent: _Agent, kind: int) -> None:
        """Change one agent's duty, or the state of its seat (rules 8 and 9)."""
        if kind in (DOWN, AWAY):
            agent.down += kind == DOWN
            agent.away += kind == AWAY
            if agent.writing:
                self.cut(agent)
        elif kind == UP:
            agent.down -= 1
        elif kind == BACK:
            agent.away -= 1
        elif kind == TRANSFER:
            agent.handing = True
        else:
            agent.tally(self.env.now)
            agent.on_duty = kind == SHIFT_START
            if kind == SHIFT_END and self.policy.at_shift_end == "handover":
                agent.handing = True

    def cut(self, agent: _Agent) -> None:
        """Cut the reply in progress; its message goes back to the head of the inbox (rule 8)."""
        assert agent.writing is not None
        assert agent.process is not None
        agent.inbox.appendleft(agent.writing)
        self.stop_writing(agent)
        agent.process.interrupt()

    def hand_over(self, agent: _Agent) -> None:
        """Hand over every chat that is not over; the one being replied to, as its reply is sent (rule 9)."""
        agent.handing = False
        if agent.writing:
            agent.writing.leaving = True
        chats = [chat for chat in agent.open if chat.outcome == OPEN and chat is not agent.writing]
        for chat in chats:
            self.leave(chat)
        for chat in sorted(chats, key=_Chat.place):
            if chat.unanswered:
                self.offer(chat)

    def leave(self, chat: _Chat) -> None:
        """Take a chat from its agent (rule 10)."""
        assert chat.agent is not None
        chat.transfers += 1
        chat.leaving = False
        if chat.unanswered:
            chat.agent.inbox.remove(chat)
        self.close(chat)

    # --- the books ----------------------------------------------------------------------------------------

    def note(self, agent: _Agent) -> None:
        """Write down that an agent's open chats or writing changed."""
        self.changes.append((self.env.now, agent.index, len(agent.open), agent.writing is not None))

    def close_books(self) -> None:
        """Return what never ended (rule 12)."""
        for chat in self.chats:
            if chat.outcome == OPEN:
                gone = chat.silent and not isinf(chat.patience) and not chat.is_begun
                chat.outcome = SILENT if gone else UNSERVED
                if gone:
                    chat.end = chat.deadline


@dataclass
class _Instant:
    """What changes at one instant, by the shifts and the disruptions."""

    time: float
    changes: list[tuple[int, int]] = field(default_factory=list)  # (kind, agent)
    bot_opens: int = 0  # windows of a bot outage
    bot_closes: int = 0


def _read_calendar(agents: Agents, policy: Policy, disruptions: Disruptions) -> list[_Instant]:
    """Gather what changes at each instant, in order of time."""
    instants: dict[float, _Instant] = {}

    def at(time: float) -> _Instant:
        return instants.setdefault(time, _Instant(time))

    for agent, start, end in agents.shifts.tolist():
        if start < end:
            at(start).changes.append((SHIFT_START, agent))
            at(end).changes.append((SHIFT_END, agent))
    for agent, start, end in disruptions.down.tolist():
        if start < end:
            at(start).changes.append((DOWN, agent))
            at(end).changes.append((UP, agent))
            if start + policy.transfer_s < end:
                at(start + policy.transfer_s).changes.append((TRANSFER, agent))
    for agent, start, end in disruptions.away.tolist():
        if start < end:
            at(start).changes.append((AWAY, agent))
            at(end).changes.append((BACK, agent))
    for start, end in disruptions.bot_down.tolist():
        if start < end:
            at(start).bot_opens += 1
            at(end).bot_closes += 1
    return [instants[time] for time in sorted(instants) if time < inf]


def run(
    contacts: Contacts,
    agents: Agents,
    policy: Policy,
    disruptions: Disruptions,
    *,
    turns: bool = False,
    trace: bool = False,
) -> Outcome:
    """Run one night and return its raw arrays."""
    floor = SimpyFloor(contacts, agents, policy, disruptions)
    floor.env.run()
    floor.close_books()

    def column(name: str, of: Sequence[Any], dtype: type) -> np.ndarray:
        return np.array([getattr(one, name) for one in of], dtype=dtype)

    def by_turn(name: str, dtype: type) -> np.ndarray:
        return np.array([value for chat in floor.chats for value in getattr(chat, name)] if turns else [], dtype=dtype)

    chats, people = floor.chats, floor.agents
    return Outcome(
        outcome=column("outcome", chats, np.int8),
        entry=column("entry", chats, np.float64),
        assigned=column("assigned", chats, np.float64),
        first_reply=column("first_reply", chats, np.float64),
        end=column("end", chats, np.float64),
        agent=column("had_by", chats, np.int32),
        replies=column("replies", chats, np.int32),
        attempts=column("attempts", chats, np.int8),
        transfers=column("transfers", chats, np.int16),
        response_sum=column("response_sum", chats, np.float64),
        response_max=column("response_max", chats, np.float64),
        busy=column("busy", people, np.float64),
        on_duty=agents.on_duty_s,
        overtime=column("overtime", people, np.float64),
        agent_replies=column("replies", people, np.int64),
        chat_seconds=column("chat_seconds", people, np.float64),
        asked=by_turn("asked", np.float64),
        replied=by_turn("replied", np.float64),
        replied_by=by_turn("replied_by", np.int32),
        changes=np.array(floor.changes if trace else [], dtype=CHANGE),
    )
