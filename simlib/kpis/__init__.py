"""Every KPI once: pure functions of the log of a night, simulated or real.

A log is a :class:`NightLog`: one row a contact, lost ones too; where there is one, a row a turn, which is what
platforms judge; and a row an agent. Times are seconds since ``opens``. A KPI is a number for the whole night, or,
given a grouping (:func:`queue_groups`, :func:`interval_groups`, :func:`agent_groups`), one number a group, from the
same line of code. A share or a mean of nothing is nan.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, Literal, Protocol, Self, TypeAlias, cast

import numpy as np
import pandas as pd

from simlib import facts
from simlib.intervals import DAY_S, Grid

BETTER: Mapping[str, Literal["higher", "lower"]] = {
    "answered": "higher",
    "abandoned": "lower",
    "silent": "lower",
    "unserved": "lower",
    "lost_share": "lower",
    "first_response": "lower",
    "first_response_p90": "lower",
    "mean_response": "lower",
    "service_level": "higher",
    "wangwang_3min": "higher",
    "jd_30s": "higher",
    "pdd_3min": "higher",
    "pdd_30s": "higher",
    "douyin_3min": "higher",
    "overtime": "lower",
    "contacts_agent_hour": "higher",
    "sales_kept": "higher",
    "sales_lost": "lower",
}
"""Which way is better, by glossary key; what is not here (offered, occupancy, concurrency) is better in neither."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NightLog:
    """The log of one night; frames are read, never changed.

    Parameters
    ----------
    contacts : DataFrame
        One row a contact, index 0 to n - 1: ``queue``; ``arrival``; ``outcome`` (bot, served, abandoned, silent,
        unserved); ``asked`` (the first message to a person, nan if it never came to that); ``first_reply``, ``end``
        (nan if unknown); ``agent`` (-1 = no one); ``replies``; ``response_sum`` (seconds from message to reply,
        summed over the replies). For the peak of concurrency also ``assigned``.
    turns : DataFrame, optional
        One row a turn, that is a first unanswered question up to its first reply: ``contact``, ``turn`` (0 =
        first), ``sent``, ``replied`` (nan = never), ``agent`` (-1 = no one). A row with nan for ``sent`` is none.
    agents : DataFrame, optional
        One row an agent: ``busy``, ``on_duty``, ``overtime``, ``chat_seconds`` (time integral of the open chats)
        in seconds, ``capacity``.
    shifts : structured array or DataFrame, optional
        ``agent``, ``start``, ``end``: who is on duty when, for figures by interval.
    trace : DataFrame, optional
        ``agent``, ``time``, ``open``, ``replying``: a row each time one of the last two changes.
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
        A buyer who gave up and came back first asked on the first attempt; the simulator's row tells of the last,
        so that first question is counted back from it. It starts the first turn: on a platform it is still the
        first unanswered question.
        """
        back = np.flatnonzero(result.contacts["attempts"] > 1)
        asked = np.array(result.contacts["entry"])
        asked[back] -= contacts.retry[back] + contacts.patience[back]
        turns = result.turns
        if turns is not None and back.size:
            sent = np.array(turns["sent"])
            sent[np.searchsorted(turns["contact"].to_numpy(), back)] = asked[back]
            turns = _with(turns, sent=sent)
        queue = pd.Categorical.from_codes(contacts.queue, categories=pd.Index(list(queues)))
        return cls(
            contacts=_with(result.contacts, queue=queue, arrival=contacts.arrival, asked=asked),
            opens=opens,
            turns=turns,
            agents=_with(result.agents, capacity=agents.capacity),
            shifts=agents.shifts,
            trace=result.trace,
        )

    @cached_property
    def _outcome(self) -> pd.Categorical:
        return pd.Categorical(self.contacts["outcome"])

    @cached_property
    def _judged(self) -> dict[PlatformRate, tuple[np.ndarray, np.ndarray]]:
        return {}

    def is_outcome(self, outcome: str) -> np.ndarray:
        """Mark the contacts that ended so."""
        return np.asarray(self._outcome == outcome)

    @cached_property
    def first_response_s(self) -> np.ndarray:
        """Seconds from the first message to the first human reply, one a contact, nan where there was none."""
        return np.asarray(self.contacts["first_reply"], dtype=float) - np.asarray(self.contacts["asked"], dtype=float)

    def judge(self, rate: PlatformRate) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of the turns that a platform counts, and which of them were answered in time."""
        if rate not in self._judged:
            self._judged[rate] = _judge(self.need("turns"), rate, self.opens)
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


def _with(frame: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    """Add or replace columns without a copy of the others, which ``assign`` would make."""
    wider = frame.copy(deep=False)
    for name, values in columns.items():
        wider[name] = values
    return wider


@dataclass(frozen=True, kw_only=True, eq=False)
class Groups:
    """A grouping of rows: the number of each row's group (-1 = in none), and the groups' labels."""

    codes: np.ndarray
    labels: pd.Index

    @cached_property
    def slots(self) -> np.ndarray:
        """The codes moved up by one, so that slot 0 gathers what is in no group."""
        return self.codes + 1

    def take(self, rows: np.ndarray | pd.Series) -> Groups:
        """Group the rows of another table by the rows of this one that they point to (turns by their contact)."""
        return Groups(codes=self.codes[np.asarray(rows)], labels=self.labels)


Figure: TypeAlias = float | pd.Series


def queue_groups(log: NightLog) -> Groups:
    """Group contacts by queue."""
    codes, labels = pd.factorize(log.contacts["queue"], sort=True)
    return Groups(codes=codes, labels=pd.Index(labels, name="queue"))


def interval_groups(log: NightLog, grid: Grid) -> Groups:
    """Group contacts by the interval in which they arrive; those outside the grid are in none.

    The grid may open at another instant than the log.
    """
    shift_s = (log.opens - grid.opens).total_seconds()
    codes = np.floor((np.asarray(log.contacts["arrival"], dtype=float) + shift_s) / grid.step_s).astype(np.int64)
    return Groups(codes=np.where((codes >= 0) & (codes < grid.n), codes, -1), labels=grid.starts)


def agent_groups(log: NightLog) -> Groups:
    """Group contacts by the agent who had them last."""
    agent = np.asarray(log.contacts["agent"])
    n = len(log.agents) if log.agents is not None else int(agent.max(initial=-1)) + 1
    return Groups(codes=agent, labels=pd.RangeIndex(n, name="agent"))


def _total(values: np.ndarray, by: Groups | None) -> Any:
    if by is None:
        return float(values.sum())
    return np.bincount(by.slots, weights=values, minlength=len(by.labels) + 1)[1:]


def _named(values: Any, by: Groups | None) -> Figure:
    return float(values) if by is None else pd.Series(values, index=by.labels)


def _sum(values: np.ndarray, by: Groups | None) -> Figure:
    return _named(_total(values, by), by)


def _ratio(part: np.ndarray, whole: np.ndarray, by: Groups | None) -> Figure:
    """Divide sums, not average ratios: a busy hour weighs what it weighs."""
    below = np.asarray(_total(whole, by), dtype=float)
    above = np.asarray(_total(part, by), dtype=float)
    return _named(np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0), by)


# --- contacts ------------------------------------------------------------------------------------------------


def offered(log: NightLog, by: Groups | None = None) -> Figure:
    """Contacts that buyers open, the bot's included.

    >>> offered(example_log())
    5.0
    """
    return _sum(np.ones(len(log.contacts)), by)


def bot_resolved(log: NightLog, by: Groups | None = None) -> Figure:
    """Contacts that the bot resolves alone.

    >>> bot_resolved(example_log())
    1.0
    """
    return _sum(log.is_outcome("bot"), by)


def human(log: NightLog, by: Groups | None = None) -> Figure:
    """Contacts that come to the people: offered less bot-resolved.

    >>> human(example_log())
    4.0
    """
    return _sum(~log.is_outcome("bot"), by)


def answered(log: NightLog, by: Groups | None = None) -> Figure:
    """Contacts that got at least one human reply while their buyer was there.

    >>> answered(example_log())
    2.0
    """
    return _sum(np.asarray(log.contacts["replies"]) > 0, by)


def abandoned(log: NightLog, by: Groups | None = None) -> Figure:
    """Contacts whose buyer left openly before the first reply.

    >>> abandoned(example_log())
    1.0
    """
    return _sum(log.is_outcome("abandoned"), by)


def silently_left(log: NightLog, by: Groups | None = None) -> Figure:
    """Contacts whose buyer left without a word before the first reply.

    >>> silently_left(example_log())
    1.0
    """
    return _sum(log.is_outcome("silent"), by)


def unserved(log: NightLog, by: Groups | None = None) -> Figure:
    """Contacts that were still waiting for their first reply when nothing more could happen.

    One that was answered and then left waiting for its next reply counts as answered, so that the bot's, the
    answered, those who left and these add up to the offered.

    >>> unserved(example_log())
    0.0
    """
    return _sum(log.is_outcome("unserved") & (np.asarray(log.contacts["replies"]) == 0), by)


def lost_share(log: NightLog, by: Groups | None = None) -> Figure:
    """Share of the contacts for people that got no human reply: left openly or silently, or never served.

    >>> lost_share(example_log())
    0.5
    """
    people = ~log.is_outcome("bot")
    return _ratio(people & (np.asarray(log.contacts["replies"]) == 0), people, by)


def first_response(log: NightLog, by: Groups | None = None) -> Figure:
    """Mean seconds from a contact's first message to its first human reply, over those that got one (首响).

    >>> first_response(example_log())
    70.0
    """
    wait = log.first_response_s
    got = ~np.isnan(wait)
    return _ratio(np.where(got, wait, 0.0), got, by)


def first_response_p90(log: NightLog, by: Groups | None = None) -> Figure:
    """Seconds within which nine in ten of the answered contacts had their first reply.

    The smallest of the observed waits that at least 90 % do not exceed.

    >>> first_response_p90(example_log())
    120.0
    """
    wait = log.first_response_s
    codes = np.zeros(len(wait), dtype=np.int64) if by is None else by.codes
    n = 1 if by is None else len(by.labels)
    use = ~np.isnan(wait) & (codes >= 0)
    wait, codes = wait[use], codes[use]
    wait = wait[np.lexsort((wait, codes))]
    size = np.bincount(codes, minlength=n)
    place = np.cumsum(size) - size + np.maximum(np.ceil(0.9 * size - 1e-9).astype(np.int64) - 1, 0)
    values = np.full(n, np.nan)
    values[size > 0] = wait[place[size > 0]]
    return _named(values[0] if by is None else values, by)


def mean_response(log: NightLog, by: Groups | None = None) -> Figure:
    """Mean seconds from a message to its reply, over all human replies (均响): long chats weigh more.

    >>> mean_response(example_log())
    90.0
    """
    return _ratio(np.asarray(log.contacts["response_sum"]), np.asarray(log.contacts["replies"]), by)


def service_level(log: NightLog, *, threshold_s: float, by: Groups | None = None) -> Figure:
    """Share of the contacts for people whose first reply came within ``threshold_s`` of their first message.

    Whoever left, openly or silently, and whoever was never served stays in the denominator; the bot's do not.

    >>> service_level(example_log(), threshold_s=30), service_level(example_log(), threshold_s=120)
    (0.25, 0.5)
    """
    if not threshold_s >= 0:
        raise ValueError(f"threshold_s must be >= 0 seconds, got {threshold_s!r}")
    return _ratio(log.first_response_s <= threshold_s, ~log.is_outcome("bot"), by)


# --- what platforms count ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class PlatformRate:
    """How a platform counts its response rate; ``playbook/facts/platform_kpis.yml`` holds them.

    Parameters
    ----------
    key : str
        Its glossary key.
    platform : str
        Whose rate it is.
    threshold_s : float
        A reply within so many seconds is in time, the last one included.
    opens_s, closes_s : int
        The window of the store's local day in seconds since midnight. A turn belongs by the time of its question:
        ``opens_s`` is inside, ``closes_s`` is not. A window that closes before it opens runs over midnight.
    counts : {"turn", "first", "contact"}
        Every turn; the first turn of each contact (so the contact belongs by its beginning); or each contact once,
        in time if every turn of it in the window was.
    replies : tuple of str
        Whose replies end a turn in a message log: agent, assist.
    """

    key: str
    platform: str
    threshold_s: float
    opens_s: int
    closes_s: int
    counts: Literal["turn", "first", "contact"] = "turn"
    replies: tuple[str, ...] = ("agent",)

    def __post_init__(self) -> None:
        if not self.threshold_s > 0:
            raise ValueError(f"threshold_s must be > 0 seconds, got {self.threshold_s!r}")
        for name in ("opens_s", "closes_s"):
            if not 0 <= getattr(self, name) <= DAY_S:
                raise ValueError(f"{name} must be a second of the day, 0 to {DAY_S}, got {getattr(self, name)!r}")
        if self.counts not in ("turn", "first", "contact"):
            raise ValueError(f"counts must be turn, first or contact, got {self.counts!r}")


def platform_rates(platform: str, *, on: dt.date) -> tuple[PlatformRate, ...]:
    """Look up how a platform counts on a day.

    Examples
    --------
    >>> [(rate.key, rate.opens_s // 3600, rate.closes_s // 3600)
    ...  for rate in platform_rates("tmall", on=dt.date(2026, 11, 1))]
    [('wangwang_3min', 8, 23)]
    >>> [rate.closes_s // 3600 for rate in platform_rates("tmall", on=dt.date(2023, 11, 1))]
    [24]
    """
    found = facts.rows("platform_kpis", on=on, platform=platform)
    return tuple(
        PlatformRate(
            key=row["key"],
            platform=platform,
            threshold_s=row["value"],
            opens_s=_second_of_day(row["opens"]),
            closes_s=_second_of_day(row["closes"]),
            counts=row["counts"],
            replies=tuple(row["replies"]),
        )
        for row in found[found["platform"] == platform].to_dict("records")
    )


def _second_of_day(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def find_turns(messages: pd.DataFrame, *, replies: Sequence[str] = ("agent", "assist")) -> pd.DataFrame:
    """Cut a message log into turns: from the first unanswered question to the first reply (首问首答).

    Parameters
    ----------
    messages : DataFrame
        One row a message: ``contact`` (a buyer's chat on one day), ``time``, ``sender``: buyer; agent; assist (a
        robot's draft under a person's eyes); auto (a canned greeting, which answers nothing); bot (a robot that
        serves alone: it ends a turn that then counts nowhere); and, if known, ``agent``.
    replies : sequence of str
        Which senders answer; a sender who is neither here nor buyer nor bot is passed over.

    Returns
    -------
    DataFrame
        contact, turn (0 = the contact's first), sent, replied (NaT or nan = never), agent (-1 = no one).

    Examples
    --------
    >>> find_turns(pd.DataFrame({"contact": 1, "time": [0.0, 60.0, 100.0, 130.0],
    ...                          "sender": ["buyer", "buyer", "agent", "buyer"]}))
       contact  turn   sent  replied  agent
    0        1     0    0.0    100.0     -1
    1        1     1  130.0      NaN     -1
    """
    enders = [*replies, "bot"]
    log = messages[messages["sender"].isin(["buyer", *enders])]
    log = log.sort_values(["contact", "time"], kind="stable").reset_index(drop=True)
    asks = (log["sender"] == "buyer").to_numpy()
    new = np.ones(len(log), dtype=bool)
    new[1:] = log["contact"].to_numpy()[1:] != log["contact"].to_numpy()[:-1]
    after_reply = np.zeros(len(log), dtype=bool)
    after_reply[1:] = ~asks[:-1]
    starts = np.flatnonzero(asks & (new | after_reply))
    ends = np.append(np.flatnonzero(~asks), len(log))
    end = ends[np.searchsorted(ends, starts)]
    contact = log["contact"].to_numpy()
    has_end = end < len(log)
    has_end[has_end] = contact[end[has_end]] == contact[starts[has_end]]
    reply = pd.Series(np.where(has_end, end, -1))
    replied = log["time"].reindex(reply).reset_index(drop=True)
    sender = log["sender"].reindex(reply).to_numpy()
    agent = log["agent"].reindex(reply).to_numpy() if "agent" in log else np.full(len(reply), -1)
    turns = pd.DataFrame(
        {
            "contact": contact[starts],
            "sent": log["time"].iloc[starts].reset_index(drop=True),
            "replied": replied,
            "agent": np.where(has_end, agent, -1),
        }
    )[sender != "bot"].reset_index(drop=True)
    turns.insert(1, "turn", turns.groupby("contact").cumcount())
    return turns


def judge_turns(turns: pd.DataFrame, rate: PlatformRate, *, opens: pd.Timestamp) -> pd.DataFrame:
    """Judge every turn as a platform does.

    Parameters
    ----------
    turns : DataFrame
        contact, turn, sent, replied; times in seconds since ``opens``, or tz-aware.
    rate : PlatformRate
        How the platform counts.
    opens : pandas.Timestamp
        The instant of second 0; its time zone is the store's.

    Returns
    -------
    DataFrame
        Like ``turns``, with ``counted`` and ``in_time`` (never true where ``counted`` is not). A rate that counts
        contacts counts them at their first turn in the window.

    Examples
    --------
    >>> rate, = platform_rates("jd", on=dt.date(2026, 11, 1))
    >>> early = pd.DataFrame({"contact": [0, 1], "turn": 0, "sent": [0.0, 240.0], "replied": [20.0, 270.0]})
    >>> judge_turns(early, rate, opens=pd.Timestamp("2026-11-01 08:56+08:00"))["counted"].tolist()
    [False, True]
    """
    rows, good = _judge(turns, rate, opens)
    counted, in_time = np.zeros(len(turns), dtype=bool), np.zeros(len(turns), dtype=bool)
    counted[rows], in_time[rows] = True, good
    return turns.assign(counted=counted, in_time=in_time)


def _judge(turns: pd.DataFrame, rate: PlatformRate, opens: pd.Timestamp) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that count, and which of them were answered in time."""
    sent, replied = _seconds(turns["sent"], opens), _seconds(turns["replied"], opens)
    rows = np.flatnonzero(_in_window(sent, rate, opens))
    if rate.counts == "first":
        rows = rows[np.asarray(turns["turn"])[rows] == 0]
    good = replied[rows] - sent[rows] <= rate.threshold_s  # a turn without a reply is nan, which is never good
    if rate.counts == "contact":
        _, first, group = np.unique(np.asarray(turns["contact"])[rows], return_index=True, return_inverse=True)
        rows, good = rows[first], np.bincount(group, weights=~good, minlength=len(first)) == 0
    return rows, good


def platform_rate(log: NightLog, rate: PlatformRate, *, by: Groups | None = None) -> Figure:
    """Share of what a platform counts that was answered in time, by the platform's own definition.

    Parameters
    ----------
    log : NightLog
        With its turns; contacts that only met the bot have none and count nowhere.
    rate : PlatformRate
        How the platform counts.
    by : Groups, optional
        A grouping of the contacts; a turn belongs to its contact's group.

    Examples
    --------
    >>> rate, = platform_rates("tmall", on=dt.date(2026, 11, 1))
    >>> platform_rate(example_log(), rate)
    0.5
    """
    rows, good = log.judge(rate)
    of_contact = None if by is None else by.take(np.asarray(log.need("turns")["contact"])[rows])
    return _ratio(good, np.ones(len(rows)), of_contact)


def _seconds(times: pd.Series, opens: pd.Timestamp) -> np.ndarray:
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        return (times - opens).dt.total_seconds().to_numpy()
    return times.to_numpy(dtype=float)


def _in_window(sent_s: np.ndarray, rate: PlatformRate, opens: pd.Timestamp) -> np.ndarray:
    """Mark the seconds that fall into the clock window of their day, by the store's clock."""
    earliest, latest = (float(pick.reduce(sent_s, initial=np.nan)) for pick in (np.fmin, np.fmax))  # past nan
    if np.isnan(earliest):
        return np.zeros(len(sent_s), dtype=bool)
    first = (opens + pd.Timedelta(seconds=earliest)).date() - dt.timedelta(days=1)
    last = (opens + pd.Timedelta(seconds=latest)).date()
    inside = np.zeros(len(sent_s), dtype=bool)
    for start_s, end_s in _windows(rate.opens_s, rate.closes_s, first, last, opens, opens.tz):
        if start_s <= latest and earliest < end_s:
            inside |= (start_s <= sent_s) & (sent_s < end_s)
    return inside


@lru_cache(maxsize=256)
def _windows(
    opens_s: int, closes_s: int, first: dt.date, last: dt.date, opens: pd.Timestamp, zone: dt.tzinfo
) -> tuple[tuple[float, float], ...]:
    """Lay a clock window on each day from the first to the last: from and to, in seconds since ``opens``.

    The zone is its own argument because instants of two zones are equal, and would be remembered as one.
    """
    length_s = (closes_s - opens_s) % DAY_S or DAY_S

    def seconds(clock: pd.Timestamp) -> float:
        return float((clock.tz_localize(zone, ambiguous=False, nonexistent="shift_forward") - opens).total_seconds())

    starts = [day + pd.Timedelta(seconds=opens_s) for day in pd.date_range(first, last)]
    return tuple((seconds(start), seconds(start + pd.Timedelta(seconds=length_s))) for start in starts)


# --- agents --------------------------------------------------------------------------------------------------


def _worked(agents: pd.DataFrame) -> np.ndarray:
    return np.asarray(agents["on_duty"] + agents["overtime"], dtype=float)


def occupancy(log: NightLog, by: Groups | None = None) -> Figure:
    """Share of the time worked, overtime included, that is spent writing replies (工作饱和度).

    ``by`` groups the rows of the agents' table here and in the other figures of agents.

    >>> occupancy(example_log())
    0.5
    """
    agents = log.need("agents")
    return _ratio(np.asarray(agents["busy"]), _worked(agents), by)


def saturation(log: NightLog, by: Groups | None = None) -> Figure:
    """Share of the chat places of the time worked that hold an open chat.

    >>> saturation(example_log())
    0.375
    """
    agents = log.need("agents")
    return _ratio(np.asarray(agents["chat_seconds"]), _worked(agents) * np.asarray(agents["capacity"]), by)


def concurrency(log: NightLog, by: Groups | None = None) -> Figure:
    """Mean number of open chats an agent has while at work.

    >>> concurrency(example_log())
    1.5
    """
    agents = log.need("agents")
    return _ratio(np.asarray(agents["chat_seconds"]), _worked(agents), by)


def concurrency_peak(log: NightLog, by: Groups | None = None) -> Figure:
    """Most chats that one agent had open at the same time (最大同时聊天数).

    From the trace where the log has one; else from the contacts, each open at the agent who had it last from
    ``assigned`` to ``end``. ``by`` groups the rows of the agents' table.

    >>> concurrency_peak(example_log())
    2.0
    """
    if log.trace is not None:
        agent, chats = np.asarray(log.trace["agent"]), np.asarray(log.trace["open"])
    else:
        who, start, end = (np.asarray(log.contacts[name]) for name in ("agent", "assigned", "end"))
        had = np.flatnonzero((who >= 0) & (end > start))
        # Ends stand first, so at one instant a chat ends before the next begins. Every agent's steps sum to 0, so
        # one running sum, agent after agent, will do.
        by_time = np.argsort(np.concatenate([end[had], start[had]]), kind="stable")
        agent = np.tile(who[had].astype(np.int32), 2)[by_time]
        of_agent = np.argsort(agent, kind="stable")
        agent = agent[of_agent]
        chats = np.cumsum(np.repeat([-1, 1], len(had))[by_time][of_agent])
    highest = pd.Series(chats).groupby(agent).max()
    peak = highest.reindex(range(len(log.need("agents"))), fill_value=0).to_numpy(dtype=float)
    if by is None:
        return float(peak.max(initial=0.0))
    most = pd.Series(peak).groupby(by.codes).max().reindex(range(len(by.labels)), fill_value=0.0)
    return pd.Series(most.to_numpy(), index=by.labels)


def overtime(log: NightLog, by: Groups | None = None) -> Figure:
    """Hours worked after the end of shifts.

    >>> overtime(example_log())
    0.0
    """
    return _sum(np.asarray(log.need("agents")["overtime"]) / 3600.0, by)


def contacts_agent_hour(log: NightLog) -> float:
    """Contacts answered for every hour that an agent worked.

    >>> contacts_agent_hour(example_log())
    18.0
    """
    hours = _worked(log.need("agents")).sum() / 3600.0
    return cast(float, answered(log)) / float(hours) if hours > 0 else float("nan")


# --- money ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ConversionCurve:
    """What slow replies cost: the share of the usual conversion that is left.

    Parameters
    ----------
    points : tuple of (seconds, share)
        By a contact's mean response; straight between the points, flat outside them. Seconds rise, shares lie in
        [0, 1] and never rise.
    unanswered : float
        What is left of a buyer whom nobody answered.

    Examples
    --------
    >>> curve = ConversionCurve(points=((20, 1.0), (60, 0.5)))
    >>> curve.keeps(np.array([10.0, 40.0, 600.0])).tolist()
    [1.0, 0.75, 0.5]
    """

    points: tuple[tuple[float, float], ...]
    unanswered: float = 0.0

    def __post_init__(self) -> None:
        seconds, shares = zip(*self.points, strict=True) if self.points else ((), ())
        if not seconds or seconds[0] < 0 or any(b <= a for a, b in pairwise(seconds)):
            raise ValueError(f"points must have seconds >= 0 that rise, got {seconds}")
        if not all(0 <= share <= 1 for share in (*shares, self.unanswered)):
            raise ValueError(f"points and unanswered must have shares in [0, 1], got {shares}, {self.unanswered}")
        if any(b > a for a, b in pairwise(shares)):
            raise ValueError(f"points must have shares that never rise, got {shares}")

    @classmethod
    def default(cls) -> Self:
        """Read the curve of ``playbook/facts/platform_kpis.yml``: an assumption of this kit, to be replaced."""
        known = facts.rows("platform_kpis")
        row = known[known["key"] == "conversion_curve"].to_dict("records")[0]
        return cls(points=tuple((s, share) for s, share in row["value"]), unanswered=row["unanswered"])

    def keeps(self, response_s: np.ndarray) -> np.ndarray:
        """Share of the usual conversion that is left after this mean response; nan = nobody answered."""
        seconds, shares = zip(*self.points, strict=True)
        left = np.interp(response_s, seconds, shares)
        return np.where(np.isnan(response_s), self.unanswered, left)


class HasRatios(Protocol):
    """Whatever can look up a ratio by its key; a store can."""

    def ratio(self, key: str) -> Any:
        """Look up a ratio, which has a ``likely`` value."""


def contact_values(store: HasRatios, *, aov_cny: float) -> dict[str, float]:
    """Work out what one contact of a queue is worth on average when it is answered at once, in yuan.

    Presale: inquiries a reception x conversion x order value. The other queues sell nothing.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> shop = SimpleNamespace(ratio=lambda key: SimpleNamespace(
    ...     likely={"inquiries_per_reception": 0.5, "conversion": 0.5}[key]))
    >>> contact_values(shop, aov_cny=150.0)
    {'presale': 37.5}
    """
    share = store.ratio("inquiries_per_reception").likely * store.ratio("conversion").likely
    return {"presale": share * aov_cny}


def sales(
    log: NightLog, *, curve: ConversionCurve, values_cny: Mapping[str, float], by: Groups | None = None
) -> tuple[Figure, Figure]:
    """Sales kept and sales lost, in yuan: together what the night would sell if everybody were answered at once.

    Parameters
    ----------
    curve : ConversionCurve
        What is left of the conversion at a contact's mean response. What the bot resolves keeps all of it.
    values_cny : mapping
        What a contact is worth, by queue (:func:`contact_values`); a queue that is not named sells nothing.

    Examples
    --------
    >>> sales(example_log(), curve=ConversionCurve(points=((0, 1.0), (100, 0.5))), values_cny={"presale": 10.0})
    (24.0, 26.0)
    """
    contacts = log.contacts
    replies = np.asarray(contacts["replies"])
    got = np.flatnonzero(replies > 0)
    keeps = np.where(log.is_outcome("bot"), 1.0, curve.unanswered)
    keeps[got] = curve.keeps(np.asarray(contacts["response_sum"])[got] / replies[got])
    queue = pd.Categorical(contacts["queue"])
    value = np.array([values_cny.get(name, 0.0) for name in queue.categories])[queue.codes]
    return _sum(value * keeps, by), _sum(value * (1.0 - keeps), by)


# --- tables --------------------------------------------------------------------------------------------------


def summarise(
    log: NightLog,
    *,
    threshold_s: float,
    rates: Sequence[PlatformRate] = (),
    curve: ConversionCurve | None = None,
    values_cny: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Work out every KPI of a night that its log allows, by glossary key.

    Parameters
    ----------
    threshold_s : float
        For the service level.
    rates : sequence of PlatformRate
        The platforms' rates to work out; they need the log's turns.
    curve, values_cny
        For the money, if both are given.

    Examples
    --------
    >>> night = summarise(example_log(), threshold_s=30)
    >>> night["offered"], night["first_response"], night["occupancy"]
    (5.0, 70.0, 0.5)
    """
    figures = _of_contacts(log, None, threshold_s=threshold_s, rates=rates, curve=curve, values_cny=values_cny)
    if log.agents is not None:
        figures |= _of_agents(log, None)
        figures["contacts_agent_hour"] = contacts_agent_hour(log)
    return cast(dict[str, float], figures)


def by_queue(log: NightLog, *, threshold_s: float, **options: Any) -> pd.DataFrame:
    """Work out the KPIs of contacts by queue; options as in :func:`summarise`, one row a queue.

    >>> by_queue(example_log(), threshold_s=30)["offered"].to_dict()
    {'presale': 5.0}
    """
    return pd.DataFrame(_of_contacts(log, queue_groups(log), threshold_s=threshold_s, **options))


def by_interval(log: NightLog, *, grid: Grid, threshold_s: float, **options: Any) -> pd.DataFrame:
    """Work out the KPIs by interval, one row an interval of the grid; options as in :func:`summarise`.

    Contacts belong to the interval in which they arrive, however late they are answered. With a trace and shifts
    also ``on_duty`` (mean number of agents), ``open_chats`` (mean of the floor) and the interval's own ``occupancy``.

    >>> night = Grid(opens=pd.Timestamp("2026-10-31 20:00+08:00"), n=2, step_s=300)
    >>> by_interval(example_log(), grid=night, threshold_s=30)["offered"].tolist()
    [4.0, 1.0]
    """
    figures = _of_contacts(log, interval_groups(log, grid), threshold_s=threshold_s, **options)
    if log.trace is not None and log.shifts is not None:
        edges = grid.edges_s + (grid.opens - log.opens).total_seconds()
        on_duty = _spans(np.asarray(log.shifts["start"]), np.asarray(log.shifts["end"]), edges)
        trace = log.trace.sort_values(["agent", "time"], kind="stable")
        agent, time = np.asarray(trace["agent"]), np.asarray(trace["time"])
        last = np.append(agent[1:] != agent[:-1], True)
        until = np.where(last, time, np.append(time[1:], 0.0))  # a trace ends with nothing open and nobody writing
        open_s = _spans(time, until, edges, np.asarray(trace["open"], dtype=float))
        busy_s = _spans(time, until, edges, np.asarray(trace["replying"], dtype=float))
        duty = np.divide(busy_s, on_duty, out=np.full(grid.n, np.nan), where=on_duty > 0)
        figures["on_duty"] = pd.Series(on_duty / grid.step_s, index=grid.starts)
        figures["open_chats"] = pd.Series(open_s / grid.step_s, index=grid.starts)
        figures["occupancy"] = pd.Series(duty, index=grid.starts)
    return pd.DataFrame(figures)


def by_agent(log: NightLog, *, threshold_s: float, **options: Any) -> pd.DataFrame:
    """Work out the KPIs by agent, one row an agent in the order of the simulator; options as in :func:`summarise`.

    >>> by_agent(example_log(), threshold_s=30)[["answered", "occupancy", "concurrency_peak"]].to_dict("records")
    [{'answered': 2.0, 'occupancy': 0.5, 'concurrency_peak': 2.0}]
    """
    figures = _of_contacts(log, agent_groups(log), threshold_s=threshold_s, **options)
    each = Groups(codes=np.arange(len(log.need("agents"))), labels=pd.RangeIndex(len(log.need("agents")), name="agent"))
    return pd.DataFrame(figures | _of_agents(log, each)).drop(columns=["offered", "bot_resolved"])


def _of_contacts(
    log: NightLog,
    by: Groups | None,
    *,
    threshold_s: float,
    rates: Sequence[PlatformRate] = (),
    curve: ConversionCurve | None = None,
    values_cny: Mapping[str, float] | None = None,
) -> dict[str, Figure]:
    figures: dict[str, Figure] = {
        "offered": offered(log, by),
        "bot_resolved": bot_resolved(log, by),
        "human": human(log, by),
        "answered": answered(log, by),
        "abandoned": abandoned(log, by),
        "silent": silently_left(log, by),
        "unserved": unserved(log, by),
        "lost_share": lost_share(log, by),
        "first_response": first_response(log, by),
        "first_response_p90": first_response_p90(log, by),
        "mean_response": mean_response(log, by),
        "service_level": service_level(log, threshold_s=threshold_s, by=by),
    }
    figures |= {rate.key: platform_rate(log, rate, by=by) for rate in rates}
    if curve is not None and values_cny is not None:
        figures["sales_kept"], figures["sales_lost"] = sales(log, curve=curve, values_cny=values_cny, by=by)
    return figures


def _of_agents(log: NightLog, by: Groups | None) -> dict[str, Figure]:
    return {
        "occupancy": occupancy(log, by),
        "saturation": saturation(log, by),
        "concurrency": concurrency(log, by),
        "concurrency_peak": concurrency_peak(log, by),
        "overtime": overtime(log, by),
    }


def _spans(start: np.ndarray, end: np.ndarray, edges: np.ndarray, weight: np.ndarray | float = 1.0) -> np.ndarray:
    """Integrate spans of a weight over the intervals between edges; a span may be endless."""
    start, end = np.clip(start, edges[0], edges[-1]), np.clip(end, edges[0], edges[-1])
    weight = np.broadcast_to(np.asarray(weight, dtype=float), start.shape)
    time = np.concatenate([start, end])
    order = np.argsort(time, kind="stable")
    time = time[order]
    level = np.cumsum(np.concatenate([weight, -weight])[order])
    if not time.size:
        return np.zeros(len(edges) - 1)
    until_now = np.concatenate([[0.0], np.cumsum(level[:-1] * np.diff(time))])
    return np.diff(np.interp(edges, time, until_now))


def example_log() -> NightLog:
    """Make the log of five contacts by hand: one bot, two served, one abandoned, one silent; for examples.

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
