"""The log of one night, simulated or real, and how its rows are grouped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
import pandas as pd

from simlib.intervals import Grid
from simlib.kpis.platforms import PlatformRate, judge_rows, seconds_since


class Turns(NamedTuple):
    """The turns that came about, one entry each: its row in the log, its number in its contact, seconds."""

    rows: np.ndarray
    turn: np.ndarray
    sent_s: np.ndarray
    replied_s: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class NightLog:
    """The log of one night; frames are read, never changed.

    Parameters
    ----------
    contacts : DataFrame
        One row per contact, index 0 to n - 1: ``queue``; ``arrival``; ``outcome`` (bot, served, abandoned, silent,
        unserved); ``asked`` (the first message to a person, nan if it never came to that); ``first_reply``, ``end``
        (nan if unknown); ``agent`` (-1 = no one); ``replies``; ``response_sum`` (seconds from message to reply,
        summed over the replies). For the peak of concurrency also ``assigned``.
    turns : DataFrame, optional
        One row per turn, that is a first unanswered question up to its first reply: ``contact``, ``turn`` (0 =
        first), ``sent``, ``replied`` (nan = never), ``agent`` (-1 = no one). A row with nan for ``sent`` is none.
    agents : DataFrame, optional
        One row per agent: ``busy``, ``on_duty``, ``overtime`` (after the end of the last shift), ``chat_seconds``
        (time integral of the open chats) in seconds, ``capacity``; if known, ``late_break`` (seconds of breaks in
        which a chat was still open) and ``worked`` (left out, ``on_duty`` and ``overtime``).
    shifts : structured array or DataFrame, optional
        ``agent``, ``start``, ``end``: who is on duty when, for figures by interval.
    trace : DataFrame, optional
        ``agent``, ``time``, ``open``, ``replying``: one row per change of one of the last two.
    opens : pandas.Timestamp
        The instant of second 0, tz-aware.
    """

    contacts: pd.DataFrame
    opens: pd.Timestamp
    turns: pd.DataFrame | None = None
    agents: pd.DataFrame | None = None
    shifts: Any = None
    trace: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        if self.opens.tzinfo is None:
            raise ValueError(f"opens must carry a time zone, got {self.opens!r}")
        for table, needed in (
            ("contacts", ("queue", "arrival", "outcome", "asked", "first_reply", "end", "agent", "replies")),
            ("turns", ("contact", "turn", "sent", "replied", "agent")),
            ("agents", ("busy", "on_duty", "overtime", "chat_seconds", "capacity")),
        ):
            frame = getattr(self, table)
            lacking = [] if frame is None else [column for column in needed if column not in frame]
            if lacking:
                raise ValueError(f"{table} lacks {', '.join(lacking)}; a log needs {', '.join(needed)}")

    @classmethod
    def of(cls, contacts: Any, agents: Any, result: Any, *, queues: Sequence[str], opens: pd.Timestamp) -> Self:
        """Read the log of a simulated night.

        Parameters
        ----------
        contacts, agents : simlib.simulator.Contacts, simlib.simulator.Agents
            What went into the simulator.
        result
            What came out: the frames ``contacts`` and ``agents``, and ``turns`` and ``trace``, None if they were
            not asked for. Turns are in order of contact and turn; those that never came about may be left out or
            have nan for ``sent``.
        queues : sequence of str
            The queues by number.
        opens : pandas.Timestamp
            The instant of second 0.

        Notes
        -----
        A buyer who gave up and came back first asked on the first attempt; the simulator's row describes the last,
        so that first question is counted back from it. It starts the first turn: on a platform it is still the
        first unanswered question.

        The simulator's overtime is all time off duty with a place taken. Here it is split by the rostered shifts
        (``agents.rostered`` where the night has taken hours out of them) into overtime and late breaks, up to the
        last chat's end: a place that only waits to be closed keeps nobody. Of a chat that was handed over only the
        last agent's time is known.
        """
        back = np.flatnonzero(result.contacts["attempts"] > 1)
        asked = np.array(result.contacts["entry"])
        asked[back] -= contacts.retry[back] + contacts.patience[back]
        turns = result.turns
        if turns is not None and back.size:
            sent = np.array(turns["sent"])
            sent[np.searchsorted(turns["contact"].to_numpy(), back)] = asked[back]
            turns = turns.copy(deep=False)
            turns["sent"] = sent
        queue = pd.Categorical.from_codes(contacts.queue, categories=pd.Index(list(queues)))
        overtime_s, late_s = split_late_work(result.contacts, getattr(agents, "rostered", agents.shifts), len(agents))
        worked_s = result.agents["on_duty"] + result.agents["overtime"]
        return cls(
            contacts=_with(result.contacts, queue=queue, arrival=contacts.arrival, asked=asked),
            opens=opens,
            turns=turns,
            agents=_with(
                result.agents, capacity=agents.capacity, overtime=overtime_s, late_break=late_s, worked=worked_s
            ),
            shifts=agents.shifts,
            trace=result.trace,
        )

    @cached_property
    def _outcomes(self) -> dict[str, np.ndarray]:
        ended = pd.Categorical(self.contacts["outcome"])
        return {outcome: ended.codes == number for number, outcome in enumerate(ended.categories)}

    @cached_property
    def _judged(self) -> dict[PlatformRate, tuple[np.ndarray, np.ndarray]]:
        return {}

    def is_outcome(self, outcome: str) -> np.ndarray:
        """Return which contacts ended with this outcome."""
        found = self._outcomes.get(outcome)
        return np.zeros(len(self.contacts), dtype=bool) if found is None else found

    @cached_property
    def queue_codes(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return the number of each contact's queue (-1 = none), and the queues by number."""
        queue = pd.Categorical(self.contacts["queue"])
        return queue.codes, tuple(queue.categories)

    @cached_property
    def asked_turns(self) -> Turns:
        """Return the columns of the turns that came about, as arrays."""
        turns = self.need("turns")
        sent = np.asarray(seconds_since(turns["sent"], self.opens))
        rows = np.flatnonzero(~np.isnan(sent))
        return Turns(
            rows=rows,
            turn=np.asarray(turns["turn"])[rows],
            sent_s=sent[rows],
            replied_s=seconds_since(turns["replied"], self.opens)[rows],
        )

    @cached_property
    def asked_contacts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of the contact of each turn that came about, and those contacts by number."""
        return _number(np.asarray(self.need("turns")["contact"])[self.asked_turns.rows])

    @cached_property
    def first_response_s(self) -> np.ndarray:
        """Return the seconds from the first message to the first human reply, one per contact, nan without a reply."""
        first_reply, asked = (np.asarray(self.contacts[key], dtype=float) for key in ("first_reply", "asked"))
        wait_s: np.ndarray = first_reply - asked
        return wait_s

    def judge(self, rate: PlatformRate) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of the turns that a platform counts, and which of them were answered in time."""
        if rate not in self._judged:
            self._judged[rate] = judge_rows(self.need("turns"), rate, self.opens)
        return self._judged[rate]

    def need(self, table: str) -> pd.DataFrame:
        """Return a table that a KPI cannot do without.

        Raises
        ------
        ValueError
            The log was made without it.
        """
        frame = getattr(self, table)
        if frame is None:
            raise ValueError(f"this KPI needs the table {table!r}, and the log has none")
        return frame


def split_late_work(contacts: pd.DataFrame, shifts: np.ndarray, agents: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each agent's seconds with a chat open after the last shift's end, and in the gaps between shifts.

    Parameters
    ----------
    contacts : DataFrame
        ``agent`` who had the contact last (-1 = no one), ``assigned`` and ``end`` in seconds, nan if unknown.
    shifts : structured array
        ``agent``, ``start``, ``end``; shifts that touch leave no gap.
    agents : int
        How many there are.

    Returns
    -------
    (float array, float array)
        Overtime and late breaks, one number per agent. A gap counts from the end of the shift before it to the end of
        the last chat that began before the gap, or to the next shift where that comes first.

    Examples
    --------
    >>> chats = pd.DataFrame({"agent": 0, "assigned": [0.0, 90.0, 290.0], "end": [50.0, 130.0, 320.0]})
    >>> rows = pd.DataFrame({"agent": 0, "start": [0.0, 200.0], "end": [100.0, 300.0]})
    >>> shifts = rows.to_records(index=False)
    >>> [seconds.tolist() for seconds in split_late_work(chats, shifts, 1)]
    [[20.0], [30.0]]
    """
    overtime_s, late_s = np.zeros(agents), np.zeros(agents)
    shifts = np.asarray(shifts)
    shifts = shifts[shifts["end"] > shifts["start"]]
    shifts = shifts[np.lexsort((shifts["start"], shifts["agent"]))]
    agent, ends = np.asarray(contacts["agent"]), np.asarray(contacts["end"], dtype=float)
    had = np.flatnonzero((agent >= 0) & ~np.isnan(ends))
    if not len(shifts) or not had.size:
        return overtime_s, late_s
    begins = np.asarray(contacts["assigned"], dtype=float)[had]
    agent, ends = agent[had], ends[had]
    # Agents lie so far apart that one order serves all, and a running maximum is each agent's own.
    apart = 2.0 * max(float(ends.max()), float(shifts["end"][np.isfinite(shifts["end"])].max(initial=0.0)), 1.0)
    begins = agent * apart + begins
    order = np.argsort(begins)
    agent, begins = agent[order], begins[order]
    until = np.maximum.accumulate(agent * apart + ends[order])
    who, off = shifts["agent"], shifts["end"]
    last = np.append(who[1:] != who[:-1], True)
    back = np.where(last, np.inf, np.append(shifts["start"][1:], np.inf))
    before = np.searchsorted(begins, who * apart + off) - 1
    mine = (before >= 0) & (agent[before] == who) & np.isfinite(off)
    open_s = np.where(mine, np.minimum(until[before] - who * apart, back) - np.where(mine, off, 0.0), 0.0)
    open_s = np.maximum(open_s, 0.0)
    np.add.at(overtime_s, who[last], open_s[last])
    np.add.at(late_s, who[~last], open_s[~last])
    return overtime_s, late_s


def _number(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each key in the order in which they first appear, and the keys by number."""
    if not len(keys) or keys.dtype.kind not in "iu" or (keys[1:] < keys[:-1]).any():
        numbers, found = pd.factorize(keys)
        return numbers, np.asarray(found)
    new = np.append(True, keys[1:] != keys[:-1])  # a simulated night's are in order: no table of those seen is needed
    return np.cumsum(new) - 1, keys[new]


def _with(frame: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    """Return a frame with columns added or replaced; made in one go, for each column put in later costs as much."""
    return pd.DataFrame(dict(frame.items()) | columns, index=frame.index, copy=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Grouping:
    """A grouping of rows: the number of each row's group (-1 = in none), and the groups' labels."""

    codes: np.ndarray
    labels: pd.Index

    @cached_property
    def slots(self) -> np.ndarray:
        """Return the codes plus one, so that slot 0 collects the rows in no group."""
        return self.codes + 1

    def take(self, rows: np.ndarray | pd.Series) -> Grouping:
        """Return a grouping of another table by the rows of this one it points to (turns by their contact)."""
        return Grouping(codes=self.codes[np.asarray(rows)], labels=self.labels)


Figure: TypeAlias = float | pd.Series


def queue_groups(log: NightLog) -> Grouping:
    """Return contacts grouped by queue."""
    codes, labels = pd.factorize(log.contacts["queue"], sort=True)
    return Grouping(codes=codes, labels=pd.Index(labels, name="queue"))


def interval_groups(log: NightLog, grid: Grid) -> Grouping:
    """Return contacts grouped by the interval in which they arrive; those outside the grid are in none.

    The grid may open at another instant than the log.
    """
    shift_s = (log.opens - grid.opens).total_seconds()
    codes = np.floor((np.asarray(log.contacts["arrival"], dtype=float) + shift_s) / grid.step_s).astype(np.int64)
    return Grouping(codes=np.where((codes >= 0) & (codes < grid.n), codes, -1), labels=grid.starts)


def cell_groups(log: NightLog, grid: Grid, queues: Sequence[str]) -> Grouping:
    """Return contacts grouped by interval and queue: interval after interval, the queues in their order."""
    codes, known = log.queue_codes
    number = np.array([queues.index(name) if name in queues else -1 for name in known] + [-1], dtype=np.int64)
    queue = number[codes]  # the last one is for code -1
    interval = interval_groups(log, grid).codes
    codes = np.where((interval >= 0) & (queue >= 0), interval * len(queues) + queue, -1)
    return Grouping(codes=codes, labels=pd.RangeIndex(grid.n * len(queues), name="cell"))


def agent_groups(log: NightLog) -> Grouping:
    """Return contacts grouped by the agent who had them last."""
    agent = np.asarray(log.contacts["agent"])
    n = len(log.agents) if log.agents is not None else int(agent.max(initial=-1)) + 1
    return Grouping(codes=agent, labels=pd.RangeIndex(n, name="agent"))


def _total(values: np.ndarray, by: Grouping | None) -> Any:
    if by is None:
        return float(values.sum())
    return np.bincount(by.slots, weights=values, minlength=len(by.labels) + 1)[1:]


def label_groups(values: Any, by: Grouping | None) -> Figure:
    """Return a float, or with a grouping a series by its labels."""
    return float(values) if by is None else pd.Series(values, index=by.labels)


def sum_groups(values: np.ndarray, by: Grouping | None) -> Figure:
    """Return the sum of the values, or one sum per group."""
    return label_groups(_total(values, by), by)


def divide_sums(part: np.ndarray, whole: np.ndarray, by: Grouping | None) -> Figure:
    """Return ratios of sums, not averages of ratios, so that a busy hour has its weight."""
    below = np.asarray(_total(whole, by), dtype=float)
    above = np.asarray(_total(part, by), dtype=float)
    return label_groups(np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0), by)


def example_log() -> NightLog:
    """Return a log of five contacts for examples: one bot, two served, one abandoned, one silent.

    >>> example_log().contacts["outcome"].tolist()
    ['bot', 'served', 'served', 'abandoned', 'silent']
    """
    nan = float("nan")
    contacts = pd.DataFrame(
        {
            "queue": "presale",
            "arrival": [0.0, 10.0, 20.0, 30.0, 310.0],
            "outcome": ["bot", "served", "served", "abandoned", "silent"],
            "asked": [nan, 10.0, 20.0, 30.0, 310.0],
            "assigned": [nan, 10.0, 20.0, nan, 310.0],
            "first_reply": [nan, 30.0, 140.0, nan, nan],
            "end": [5.0, 90.0, 440.0, 60.0, 330.0],
            "agent": [-1, 0, 0, -1, 0],
            "replies": [0, 2, 2, 0, 0],
            "response_sum": [0.0, 40.0, 320.0, 0.0, 0.0],
        }
    )
    turns = pd.DataFrame(
        {
            "contact": [1, 1, 2, 2, 3, 4],
            "turn": [0, 1, 0, 1, 0, 0],
            "sent": [10.0, 70.0, 20.0, 240.0, 30.0, 310.0],
            "replied": [30.0, 90.0, 140.0, 440.0, nan, nan],
            "agent": [0, 0, 0, 0, -1, -1],
        }
    )
    agents = pd.DataFrame(
        {"busy": [200.0], "on_duty": [400.0], "overtime": [0.0], "chat_seconds": [600.0], "capacity": [4]}
    )
    return NightLog(
        contacts=contacts, turns=turns, agents=agents, opens=pd.Timestamp("2026-10-31 20:00", tz="Asia/Shanghai")
    )
