"""The chat floor a third time: the slowest and plainest reading of the chat model.

Nothing here is shared with ``simlib``. There is no event list: at every step all contacts and all duty
tables are scanned for the next instant, whether an agent is on duty or down is looked up in the tables
each time it is asked, and a queue is sorted each time somebody takes from it. The numbers in the
comments are the rules of the chat model. Inputs are read by field name only, so anything that has the
fields will do.
"""

import math
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pandas as pd

# Rule 11: the order of what happens at one instant; within a kind the lowest contact index goes first.
DUTY, REPLY_SENT, PLACE_FREED, MESSAGE, PATIENCE, ENTERING = range(6)

CONTACT_COLUMNS = [
    "outcome", "entry", "assigned", "first_reply", "end", "agent",
    "replies", "attempts", "transfers", "response_sum", "response_max",
]  # fmt: skip
AGENT_COLUMNS = ["busy", "on_duty", "overtime", "replies", "chat_seconds"]
TURN_COLUMNS = ["contact", "turn", "sent", "replied", "agent"]


@dataclass(eq=False)
class Chat:
    """One contact and where it stands."""

    index: int
    arrival: float
    queue: int
    handle: list[float]
    think: list[float]
    patience: float
    silent: bool
    bot: float
    bot_resolves: bool
    retry: float
    # coming, bot, queue, inbox, replying, thinking, closing, away (will come back), over
    stage: str = "coming"
    when: float = math.nan  # the instant its stage ends by itself, where it does
    seat: "Seat | None" = None
    turn: int = 0
    sent: float = math.nan  # when the message now unanswered was sent
    begun: bool = False  # its first reply has begun in time
    gone: bool = False  # the reply in progress is written to a buyer who has left
    leaving: bool = False  # handed over as the reply in progress ends
    outcome: str = ""
    entry: float = math.nan
    assigned: float = math.nan
    first_reply: float = math.nan
    end: float = math.nan
    agent: int = -1
    replies: int = 0
    attempts: int = 0  # times it entered the human stage
    transfers: int = 0
    response_sum: float = 0.0
    response_max: float = 0.0
    log: list[list] = field(default_factory=list)

    @property
    def deadline(self) -> float:
        return self.entry + self.patience

    @property
    def waits_for_ever(self) -> bool:
        return math.isinf(self.patience)


@dataclass(eq=False)
class Seat:
    """One agent, what it holds and what it does."""

    index: int
    capacity: int
    speed: float
    skill: list[int]
    weight: float
    shifts: list[tuple[float, float]]
    down: list[tuple[float, float]]
    away: list[tuple[float, float]]
    slow: list[tuple[float, float, float]]
    open: list[Chat] = field(default_factory=list)
    inbox: list[Chat] = field(default_factory=list)
    writing: Chat | None = None
    begun_at: float = math.nan
    last_assigned: float = -math.inf
    assignments: int = 0
    busy: float = 0.0
    overtime: float = 0.0
    replies: int = 0
    chat_seconds: float = 0.0

    @property
    def on_duty(self) -> float:
        return sum(end - start for start, end in self.shifts)


class ReferenceFloor:
    """A floor that is run once, from opening until nothing more can happen."""

    def __init__(self, contacts, agents, policy, disruptions):
        self.policy = policy
        self.chats = _chats(contacts)
        self.seats = _seats(agents, disruptions)
        self.bot_down = _without_empty(_rows(disruptions.bot_down))
        self.now = 0.0
        self.duty_instants = self._duty_instants()

    def run(self) -> SimpleNamespace:
        """Run the floor and return its ``contacts``, ``agents`` and ``turns`` frames."""
        while (instant := self._next_instant()) is not None:
            when, kind, chat = instant
            self._advance(when)
            if kind == DUTY:
                self.duty_instants.remove(when)
                self._change_duty()
            elif kind == REPLY_SENT:
                self._send_reply(chat)
            elif kind == PLACE_FREED:
                self._free_place(chat)
            elif kind == MESSAGE:
                self._send_message(chat)
            elif kind == PATIENCE:
                self._give_up(chat)
            else:
                self._come_in(chat)
        self._close_books()
        return SimpleNamespace(contacts=self._contacts(), agents=self._agents(), turns=self._turns())

    # ---- what happens next -------------------------------------------------------------------------

    def _duty_instants(self) -> list[float]:
        instants = {edge for start, end in self.bot_down for edge in (start, end)}
        for seat in self.seats:
            instants |= {edge for start, end in seat.shifts + seat.down + seat.away for edge in (start, end)}
            instants |= set(self._transfers(seat))
        return sorted(instant for instant in instants if instant < math.inf)

    def _transfers(self, seat):
        """Instants at which the chats of a downed seat are handed over (8); nan compares false."""
        return [start + self.policy.transfer_s for start, end in seat.down if start + self.policy.transfer_s < end]

    def _next_instant(self):
        happenings = [(self.duty_instants[0], DUTY, -1)] if self.duty_instants else []
        kinds = {
            "coming": ENTERING, "bot": ENTERING, "away": ENTERING,
            "replying": REPLY_SENT, "closing": PLACE_FREED, "thinking": MESSAGE,
        }  # fmt: skip
        for chat in self.chats:
            if chat.stage in kinds:
                happenings.append((chat.when, kinds[chat.stage], chat.index))
            elif chat.stage in ("queue", "inbox") and not (chat.begun or chat.silent or chat.waits_for_ever):
                happenings.append((chat.deadline, PATIENCE, chat.index))
        if not happenings:
            return None
        when, kind, index = min(happenings)
        return when, kind, self.chats[index] if index >= 0 else None

    def _advance(self, when):
        assert when >= self.now, "time went backwards"
        for seat in self.seats:
            seat.chat_seconds += len(seat.open) * (when - self.now)
            if seat.open and not self._on_duty(seat):
                seat.overtime += when - self.now
        self.now = when

    # ---- agents ------------------------------------------------------------------------------------

    def _on_duty(self, seat):
        return any(start <= self.now < end for start, end in seat.shifts)

    def _is_down(self, seat):
        return any(start <= self.now < end for start, end in seat.down)

    def _is_away(self, seat):
        """Nobody sits there: no work, but as available as ever (8b)."""
        return any(start <= self.now < end for start, end in seat.away)

    def _available(self, seat):
        return self._on_duty(seat) and not self._is_down(seat) and len(seat.open) < seat.capacity

    def _begin(self, seat):
        """Begin the reply at the head of the inbox, on or off duty (4)."""
        if seat.writing is not None or self._is_down(seat) or self._is_away(seat) or not seat.inbox:
            return
        chat = seat.inbox.pop(0)
        if not chat.begun:
            chat.gone = self.now > chat.deadline  # only a silent buyer can still be here (6)
            chat.begun = not chat.gone
        factors = 1.0
        for start, end, factor in seat.slow:
            if start <= self.now < end:
                factors = factors * factor
        # 4b: by the places taken at this moment; the last entry holds for all larger numbers.
        slowdown = self.policy.slowdown[min(len(seat.open), len(self.policy.slowdown)) - 1]
        chat.stage, chat.when = "replying", self.now + chat.handle[chat.turn] * factors * slowdown / seat.speed
        seat.writing, seat.begun_at = chat, self.now

    def _stop_writing(self, seat):
        seat.busy += self.now - seat.begun_at
        seat.writing, seat.begun_at = None, math.nan

    def _waiting(self, seat):
        """The contact a seat takes next: smallest skill number, then earliest entry, then index (5)."""
        waiting = [chat for chat in self.chats if chat.stage == "queue" and seat.skill[chat.queue] > 0]
        return min(waiting, key=lambda chat: (seat.skill[chat.queue], chat.entry, chat.index), default=None)

    def _take_one(self, seat):
        chat = self._waiting(seat) if self._available(seat) else None
        if chat is None:
            return False
        self._assign(chat, seat)
        self._begin(seat)
        return True

    def _take_all(self, seat):
        while self._take_one(seat):
            pass

    # ---- contacts ----------------------------------------------------------------------------------

    def _come_in(self, chat):
        """Arrive, leave the bot, or come back (1, 2, 7)."""
        bot_answers = not any(start <= self.now < end for start, end in self.bot_down)
        if chat.stage == "coming" and bot_answers and not math.isnan(chat.bot):
            chat.stage, chat.when = "bot", chat.arrival + chat.bot
        elif chat.stage == "bot" and chat.bot_resolves:
            chat.stage, chat.outcome, chat.end = "over", "bot", self.now
        else:
            self._enter(chat)

    def _enter(self, chat):
        """Enter the human stage: the first message is sent now (2)."""
        chat.attempts += 1
        chat.entry = chat.sent = self.now
        chat.log = [[chat.index, 0, self.now, math.nan, -1]]
        seat = self._offer(chat)
        if seat is not None:
            self._begin(seat)

    def _offer(self, chat):
        """Assign to the best available agent, or wait in the queue (2)."""
        chat.stage = "queue"
        able = [seat for seat in self.seats if seat.skill[chat.queue] > 0 and self._available(seat)]
        if not able:
            return None
        if self.policy.routing == "least_active":
            best = min(able, key=lambda seat: (len(seat.open), seat.last_assigned, seat.index))
        elif self.policy.routing == "most_available":
            best = min(able, key=lambda seat: (len(seat.open) - seat.capacity, seat.last_assigned, seat.index))
        else:  # 2b
            best = min(able, key=lambda seat: ((seat.assignments + 1) / seat.weight, seat.last_assigned, seat.index))
        self._assign(chat, best)
        return best

    def _assign(self, chat, seat):
        """Open a chat on the agent and put its message at the tail of the inbox (3)."""
        chat.stage, chat.seat, chat.agent = "inbox", seat, seat.index
        if math.isnan(chat.assigned):
            chat.assigned = self.now
        seat.open.append(chat)
        seat.inbox.append(chat)
        seat.last_assigned = self.now
        seat.assignments += 1

    def _send_reply(self, chat):
        seat = chat.seat
        self._stop_writing(seat)
        if chat.gone:  # 6: the agent finds nobody there
            chat.outcome, chat.end = "silent", chat.deadline
            self._hold_place(chat, self.policy.silent_close_s)
        else:
            self._count_reply(chat, seat)
            chat.turn += 1
            if chat.turn == len(chat.handle):
                chat.outcome, chat.end = "served", self.now
                self._hold_place(chat, self.policy.close_s)
            else:
                chat.stage, chat.when = "thinking", self.now + chat.think[chat.turn - 1]
                if chat.leaving:
                    self._leave(chat)
        self._take_all(seat)
        self._begin(seat)

    def _count_reply(self, chat, seat):
        response = self.now - chat.sent
        chat.replies += 1
        seat.replies += 1
        chat.response_sum += response
        chat.response_max = max(chat.response_max, response)
        if chat.replies == 1:
            chat.first_reply = self.now
        chat.log[-1][3:] = [self.now, seat.index]

    def _hold_place(self, chat, seconds):
        if seconds > 0:
            chat.stage, chat.when = "closing", self.now + seconds
        else:
            chat.stage = "over"
            chat.seat.open.remove(chat)
            chat.seat = None

    def _free_place(self, chat):
        seat = chat.seat
        self._hold_place(chat, 0.0)
        self._take_all(seat)

    def _send_message(self, chat):
        """Send the buyer's next message to the agent who has the chat, or to the queue (4, 10)."""
        chat.sent = self.now
        chat.log.append([chat.index, chat.turn, self.now, math.nan, -1])
        if chat.seat is None:
            seat = self._offer(chat)
        else:
            chat.stage, seat = "inbox", chat.seat
            seat.inbox.append(chat)
        if seat is not None:
            self._begin(seat)

    def _give_up(self, chat):
        """Leave at the deadline, out of the queue or the inbox, and perhaps come back once (6, 7)."""
        seat = chat.seat
        if seat is not None:
            seat.open.remove(chat)
            seat.inbox.remove(chat)
            chat.seat = None
        if chat.attempts == 1 and not math.isnan(chat.retry):
            chat.stage, chat.when = "away", self.now + chat.retry
            # Its row is that of the last attempt.
            chat.transfers, chat.agent, chat.assigned = 0, -1, math.nan
        else:
            chat.stage, chat.outcome, chat.end = "over", "abandoned", self.now
        if seat is not None:
            self._take_all(seat)

    def _leave(self, chat):
        """Take a chat off its agent (10)."""
        seat = chat.seat
        seat.open.remove(chat)
        if chat in seat.inbox:
            seat.inbox.remove(chat)
        chat.seat, chat.leaving = None, False
        chat.transfers += 1

    # ---- duty and disruption -----------------------------------------------------------------------

    def _change_duty(self):
        """Do everything that the tables say for this instant, in the order of rule 11."""
        leavers = set()
        for seat in self.seats:
            if any(start == self.now for start, _ in seat.down + seat.away) and seat.writing is not None:
                chat = seat.writing
                self._stop_writing(seat)
                chat.stage, chat.when, chat.gone = "inbox", math.nan, False
                seat.inbox.insert(0, chat)
            # A shift of no length puts nobody on duty, so it does not end either.
            off_duty = any(start < end == self.now for start, end in seat.shifts)
            if self.policy.at_shift_end == "handover" and off_duty:
                leavers.add(seat.index)
            if self.now in self._transfers(seat):
                leavers.add(seat.index)
        for index in sorted(leavers):
            self._hand_over(self.seats[index])
        for seat in self.seats:
            self._begin(seat)
        while self._take_a_round():
            pass
        if any(start == self.now for start, _ in self.bot_down):
            for chat in self.chats:
                if chat.stage == "bot":
                    self._enter(chat)

    def _take_a_round(self):
        took = [self._take_one(seat) for seat in self.seats]
        return any(took)

    def _hand_over(self, seat):
        """Hand over every open chat but the one being written to, which follows as its reply ends (9, 10).

        A chat that is over and only holds its place (closing) has nothing to hand over and stays.
        """
        leaving = [chat for chat in seat.open if chat.stage in ("inbox", "thinking")]
        for chat in leaving:
            self._leave(chat)
        if seat.writing is not None:
            seat.writing.leaving = True
        for chat in sorted(leaving, key=lambda chat: (chat.entry, chat.index)):
            if chat.stage == "inbox":
                self._offer(chat)

    # ---- the books ---------------------------------------------------------------------------------

    def _close_books(self):
        for chat in self.chats:
            if not chat.outcome:  # 12
                left_silently = chat.silent and not (chat.waits_for_ever or chat.begun)
                chat.outcome = "silent" if left_silently else "unserved"
                chat.end = chat.deadline if left_silently else math.nan

    def _contacts(self):
        return pd.DataFrame({column: [getattr(chat, column) for chat in self.chats] for column in CONTACT_COLUMNS})

    def _agents(self):
        table = pd.DataFrame({column: [getattr(seat, column) for seat in self.seats] for column in AGENT_COLUMNS})
        return table

    def _turns(self):
        return pd.DataFrame([row for chat in self.chats for row in chat.log], columns=TURN_COLUMNS)


def _rows(table):
    """Rows of a list of tuples, an array or a frame."""
    values = table.itertuples(index=False) if isinstance(table, pd.DataFrame) else table
    return [tuple(float(value) for value in row) for row in values]


def _without_empty(windows):
    """Leave out windows of no length: they are none (8)."""
    return [window for window in windows if window[0] < window[1]]


def _chats(contacts):
    firsts = np.concatenate([[0], np.cumsum(contacts.turns)]).astype(int)
    return [
        Chat(
            index=i,
            arrival=float(contacts.arrival[i]),
            queue=int(contacts.queue[i]),
            handle=[float(seconds) for seconds in contacts.handle[firsts[i] : firsts[i + 1]]],
            think=[float(seconds) for seconds in contacts.think[firsts[i] : firsts[i + 1]]],
            patience=float(contacts.patience[i]),
            silent=bool(contacts.silent[i]),
            bot=float(contacts.bot[i]),
            bot_resolves=bool(contacts.bot_resolves[i]),
            retry=float(contacts.retry[i]),
            when=float(contacts.arrival[i]),
        )
        for i in range(len(contacts.arrival))
    ]


def _seats(agents, disruptions):
    def of(table, index):
        return [row[1:] for row in _rows(table) if int(row[0]) == index]

    return [
        Seat(
            index=i,
            capacity=int(agents.capacity[i]),
            speed=float(agents.speed[i]),
            skill=[int(level) for level in agents.skill[i]],
            weight=float(agents.weight[i]),
            shifts=of(agents.shifts, i),
            down=_without_empty(of(disruptions.down, i)),
            away=_without_empty(of(disruptions.away, i)),
            slow=of(disruptions.slow, i),
        )
        for i in range(len(agents.capacity))
    ]


def simulate_floor(contacts, agents, policy, disruptions) -> SimpleNamespace:
    """Run the reference floor on any objects that have the fields of the chat model."""
    return ReferenceFloor(contacts, agents, policy, disruptions).run()
