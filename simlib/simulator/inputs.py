"""The inputs of the chat floor: the contacts, the agents, the policy and the disruptions of one night.

Times are float64 seconds since the horizon opens. Everything is checked once, when it is made, and cannot
be changed afterwards: a wrong row raises a ValueError that names the field, the first offending row, its
value and what is allowed. A scenario is a copy: ``dataclasses.replace(policy, routing="most_available")``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from math import isinf, isnan
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Windows = npt.NDArray[np.void]

ROUTINGS = ("least_active", "most_available", "weighted")
SHIFT_ENDS = ("finish", "handover")

_SHIFT = np.dtype([("agent", np.int64), ("start", np.float64), ("end", np.float64)])
_SLOW = np.dtype([*_SHIFT.descr, ("factor", np.float64)])
_SPAN = np.dtype([("start", np.float64), ("end", np.float64)])

# Of one message: what a reply begins with and what follows it are read together, far from the ones read before.
_MESSAGE = np.dtype([("handle", np.float64), ("think", np.float64)])


@dataclass(frozen=True, kw_only=True, eq=False)
class Contacts:
    """The buyers of one night, one row per contact, by arrival, with all that chance has drawn for them.

    Parameters
    ----------
    arrival : float array, length n
        Seconds at which the buyer opens the chat; >= 0, ascending.
    handle : float array, length ``sum(turns)``, or one number for all
        Agent seconds to write each reply at speed 1, contact after contact; >= 0.
    queue : int array or one number
        Index of the queue the contact belongs to.
    turns : int array or one number
        Buyer messages that each need one reply; >= 1.
    think : float array, length ``sum(turns)``, or one number
        Seconds from a reply to the buyer's next message; a contact's last entry is unused.
    patience : float array or one number
        Longest wait in seconds for the first reply to be begun; ``inf`` waits for ever.
    silent : bool array or one value
        This buyer gives up without telling anyone.
    bot : float array or one number
        Seconds with the bot; ``nan`` meets no bot.
    bot_resolves : bool array or one value
        The bot settles the contact (only read where ``bot`` is not nan).
    retry : float array or one number
        Seconds after giving up until the buyer comes back, once; ``nan`` never.

    Notes
    -----
    An array that is already float64 (or int64, bool) and read-only is kept as it is, any other is copied, so
    a large night is held in memory once if its maker freezes it (``array.setflags(write=False)``). ``handle`` and
    ``think`` are kept side by side, as the columns of ``messages``; a copy that changes neither shares them.

    Examples
    --------
    >>> three = Contacts(arrival=[0.0, 4.0, 9.0], turns=[1, 2, 1], handle=[30, 20, 20, 30], think=60)
    >>> len(three), three.first_turn.tolist(), three.patience.tolist()
    (3, [0, 1, 3, 4], [inf, inf, inf])
    >>> Contacts(arrival=[5.0, 4.0], handle=30)
    Traceback (most recent call last):
    ValueError: arrival[1] = 4.0: must not be before arrival[0] = 5.0 (rows are ordered by arrival)
    """

    arrival: FloatArray
    handle: FloatArray
    queue: IntArray = 0  # type: ignore[assignment]
    turns: IntArray = 1  # type: ignore[assignment]
    think: FloatArray = 0.0  # type: ignore[assignment]
    patience: FloatArray = np.inf  # type: ignore[assignment]
    silent: BoolArray = False  # type: ignore[assignment]
    bot: FloatArray = np.nan  # type: ignore[assignment]
    bot_resolves: BoolArray = False  # type: ignore[assignment]
    retry: FloatArray = np.nan  # type: ignore[assignment]

    def __post_init__(self) -> None:
        arrival = _column("arrival", self.arrival, np.float64)
        _demand("arrival", arrival, np.isfinite(arrival) & (arrival >= 0), "finite seconds >= 0")
        early = np.flatnonzero(arrival[1:] < arrival[:-1])
        if early.size:
            row = int(early[0]) + 1
            raise ValueError(
                f"arrival[{row}] = {arrival[row]}: must not be before "
                f"arrival[{row - 1}] = {arrival[row - 1]} (rows are ordered by arrival)"
            )
        n = len(arrival)
        queue = _column("queue", self.queue, np.int64, n)
        _demand("queue", queue, queue >= 0, "a queue index >= 0")
        turns = _column("turns", self.turns, np.int64, n)
        _demand("turns", turns, turns >= 1, "a whole number >= 1")
        messages = _lay_side_by_side(self.handle, self.think, int(turns.sum()))
        patience = _column("patience", self.patience, np.float64, n)
        _demand("patience", patience, patience >= 0, "seconds >= 0, inf = waits for ever")
        bot = _column("bot", self.bot, np.float64, n)
        _demand("bot", bot, np.isnan(bot) | (np.isfinite(bot) & (bot >= 0)), "seconds >= 0, nan = meets no bot")
        retry = _column("retry", self.retry, np.float64, n)
        _demand(
            "retry",
            retry,
            np.isnan(retry) | (np.isfinite(retry) & (retry >= 0)),
            "seconds >= 0, nan = never comes back",
        )
        silent = _column("silent", self.silent, np.bool_, n)
        bot_resolves = _column("bot_resolves", self.bot_resolves, np.bool_, n)
        _keep(
            self,
            arrival=arrival,
            queue=queue,
            turns=turns,
            handle=messages["handle"],
            think=messages["think"],
            patience=patience,
            silent=silent,
            bot=bot,
            bot_resolves=bot_resolves,
            retry=retry,
        )

    def __len__(self) -> int:
        return len(self.arrival)

    @cached_property
    def messages(self) -> npt.NDArray[np.void]:
        """``handle`` and ``think`` as one table, one row per message."""
        return _lay_side_by_side(self.handle, self.think, len(self.handle))

    @cached_property
    def first_turn(self) -> IntArray:
        """Where each contact's turns begin in ``handle`` and ``think``; one entry more, the end."""
        first = np.concatenate(([0], np.cumsum(self.turns)))
        first.setflags(write=False)
        return first

    @cached_property
    def turn_contact(self) -> IntArray:
        """The contact of each turn."""
        contact = np.repeat(np.arange(len(self)), self.turns)
        contact.setflags(write=False)
        return contact

    @cached_property
    def turn_number(self) -> IntArray:
        """The number of each turn in its contact, from 0."""
        number = np.arange(len(self.handle)) - self.first_turn[self.turn_contact]
        number.setflags(write=False)
        return number


@dataclass(frozen=True, kw_only=True, eq=False)
class Agents:
    """The people (or seats) who answer: how many chats, how fast, which queues, when.

    Parameters
    ----------
    shifts : rows (agent, start, end): tuples, an array or a DataFrame
        When each agent is on duty, [start, end) in seconds; several rows an agent leave breaks between
        them. Rows of one agent may touch but not overlap; a row of no length puts nobody on duty; ``end``
        may be inf.
    capacity : int array or one number
        Chats an agent may hold at the same time; >= 1.
    speed : float array or one number
        1 = standard; a reply takes ``handle / speed`` seconds.
    skill : int array [agents, queues], optional
        0 = does not serve the queue, 1 = serves it first, 2 = next, ...; None = everybody serves every
        queue first.
    weight : float array or one number
        Share of the contacts an agent gets under the routing "weighted", beside the others' weights; > 0. No other
        routing reads it.

    Notes
    -----
    There are as many agents as the longest of ``capacity``, ``speed``, ``weight`` and ``skill`` says; where all four
    are left to numbers that hold for everybody, as many as ``shifts`` names.

    Examples
    --------
    >>> two = Agents(capacity=[3, 5], shifts=[(0, 0, 3600), (1, 0, 1800), (1, 2400, 3600)])
    >>> len(two), two.on_duty_s.tolist()
    (2, [3600.0, 3000.0])
    >>> Agents(shifts=[(0, 0, 100), (0, 90, 200)])
    Traceback (most recent call last):
    ValueError: shifts row 1 = (0, 90.0, 200.0): overlaps row 0 = (0, 0.0, 100.0) of the same agent; \
shifts of one agent may touch but not overlap
    """

    shifts: Windows
    capacity: IntArray = 1  # type: ignore[assignment]
    speed: FloatArray = 1.0  # type: ignore[assignment]
    skill: IntArray | None = None
    weight: FloatArray = 1.0  # type: ignore[assignment]

    def __post_init__(self) -> None:
        shifts = _windows("shifts", self.shifts, _SHIFT)
        skill = None
        if self.skill is not None:
            skill = _numbers("skill", self.skill, np.int64)
            if skill.ndim != 2:
                raise ValueError(f"skill has {skill.ndim} dimension(s): must have two, [agents, queues]")
            _demand("skill", skill, skill >= 0, "0 (does not serve) or a rank >= 1")
        given: tuple[Any, ...] = (self.capacity, self.speed, self.weight, skill)
        lengths = {len(values) for values in given if np.ndim(values)}
        if not lengths:
            lengths = {int(shifts["agent"].max()) + 1 if len(shifts) else 0}
        n = max(lengths)
        if skill is not None and len(skill) != n:
            raise ValueError(f"skill has {len(skill)} rows: must have {n}, one an agent")
        capacity = _column("capacity", self.capacity, np.int64, n)
        _demand("capacity", capacity, (capacity >= 1) & (capacity < 2**31), "a whole number of chats >= 1")
        speed = _column("speed", self.speed, np.float64, n)
        _demand("speed", speed, np.isfinite(speed) & (speed > 0), "a number > 0 (1 = standard)")
        weight = _column("weight", self.weight, np.float64, n)
        _demand("weight", weight, np.isfinite(weight) & (weight > 0), "a number > 0 (1 = as much as any other)")
        _demand_agents("shifts", shifts, n)
        _refuse_overlaps(shifts)
        _keep(self, shifts=shifts, capacity=capacity, speed=speed, skill=skill, weight=weight)

    def __len__(self) -> int:
        return len(self.capacity)

    @cached_property
    def on_duty_s(self) -> FloatArray:
        """Seconds on duty of each agent by its shifts."""
        seconds = np.zeros(len(self))
        np.add.at(seconds, self.shifts["agent"], self.shifts["end"] - self.shifts["start"])
        seconds.setflags(write=False)
        return seconds

    def skill_table(self, contacts: Contacts) -> IntArray:
        """Return skill ranks [agents, queues]; refuse a queue that ``skill`` has no column for."""
        if self.skill is None:
            return np.ones((len(self), int(contacts.queue.max(initial=0)) + 1), dtype=np.int64)
        columns = self.skill.shape[1]
        _demand(
            "queue",
            contacts.queue,
            contacts.queue < columns,
            f"a queue index below {columns}, the number of columns of skill",
        )
        return self.skill


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How the floor is run.

    Parameters
    ----------
    routing : {"least_active", "most_available", "weighted"}
        A contact goes to the available agent with the fewest open chats, with the most free capacity, or with the
        fewest assignments for their weight: the smallest (assignments so far + 1) / weight.
    slowdown : sequence of float
        A reply takes ``slowdown[k - 1]`` times as long, where k is the number of the agent's open chats as the reply
        begins; each >= 1. The last entry holds for all larger numbers.
    at_shift_end : {"finish", "handover"}
        An agent whose shift ends finishes its chats (overtime), or hands them over.
    close_s : float
        A served chat holds its place this many seconds after the last reply.
    silent_close_s : float
        The same for a chat whose buyer has gone silently.
    transfer_s : float
        A downed agent's chats are handed over after so many seconds; nan = never.

    Examples
    --------
    >>> Policy(close_s=30).routing
    'least_active'
    >>> Policy(routing="random")
    Traceback (most recent call last):
    ValueError: routing = 'random': must be one of 'least_active', 'most_available', 'weighted'
    >>> Policy(slowdown=[1, 1.03, 0.9])
    Traceback (most recent call last):
    ValueError: slowdown[2] = 0.9: must be a factor >= 1 (1 = as fast as with one open chat)
    """

    routing: str = "least_active"
    slowdown: tuple[float, ...] = (1.0,)
    at_shift_end: str = "finish"
    close_s: float = 0.0
    silent_close_s: float = 0.0
    transfer_s: float = np.nan

    def __post_init__(self) -> None:
        for name, allowed in (("routing", ROUTINGS), ("at_shift_end", SHIFT_ENDS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} = {getattr(self, name)!r}: must be one of {', '.join(map(repr, allowed))}")
        for name in ("close_s", "silent_close_s", "transfer_s"):
            value = float(getattr(self, name))
            never = name == "transfer_s"
            if not (value >= 0 and not isinf(value)) and not (never and isnan(value)):
                raise ValueError(f"{name} = {value}: must be finite seconds >= 0{', nan = never' if never else ''}")
            object.__setattr__(self, name, value)
        slowdown = _column("slowdown", self.slowdown, np.float64)
        if not len(slowdown):
            raise ValueError(
                "slowdown has no entry: must have one factor for each number of open chats, (1.0,) for none"
            )
        _demand(
            "slowdown",
            slowdown,
            np.isfinite(slowdown) & (slowdown >= 1),
            "a factor >= 1 (1 = as fast as with one open chat)",
        )
        object.__setattr__(self, "slowdown", tuple(slowdown.tolist()))


@dataclass(frozen=True, kw_only=True, eq=False)
class Disruptions:
    """What goes wrong. Rows are tuples, an array or a DataFrame; a window is [start, end) in seconds.

    A window of no length is none.

    Parameters
    ----------
    down : rows (agent, start, end)
        This seat cannot work. Windows of one agent may overlap; ``end`` may be inf (the seat is lost).
    slow : rows (agent, start, end, factor)
        A reply begun in the window takes ``factor`` (> 0) times as long; overlapping factors multiply in
        row order.
    away : rows (agent, start, end)
        Nobody sits at this seat, yet the chat client shows its agent as online: nothing is written, and contacts go
        on being assigned to it. Windows of one agent may overlap.
    bot_down : rows (start, end)
        The bot answers nobody.

    Examples
    --------
    >>> Disruptions(bot_down=[(600, 900)]).bot_down["end"].tolist()
    [900.0]
    >>> Disruptions(down=[(0, 50, 20)])
    Traceback (most recent call last):
    ValueError: down row 0 = (0, 50.0, 20.0): end must not be before start
    """

    down: Windows = ()  # type: ignore[assignment]
    slow: Windows = ()  # type: ignore[assignment]
    away: Windows = ()  # type: ignore[assignment]
    bot_down: Windows = ()  # type: ignore[assignment]

    def __post_init__(self) -> None:
        slow = _windows("slow", self.slow, _SLOW)
        _demand_rows("slow", slow, np.isfinite(slow["factor"]) & (slow["factor"] > 0), "factor must be a number > 0")
        _keep(
            self,
            down=_windows("down", self.down, _SHIFT),
            slow=slow,
            away=_windows("away", self.away, _SHIFT),
            bot_down=_windows("bot_down", self.bot_down, _SPAN),
        )


def check_together(contacts: Contacts, agents: Agents, disruptions: Disruptions) -> IntArray:
    """Check what no input can check alone (agents named by disruptions, queues without a skill column).

    Returns the skill table [agents, queues].
    """
    _demand_agents("down", disruptions.down, len(agents))
    _demand_agents("slow", disruptions.slow, len(agents))
    _demand_agents("away", disruptions.away, len(agents))
    return agents.skill_table(contacts)


def _lay_side_by_side(handle: Any, think: Any, n: int) -> npt.NDArray[np.void]:
    """Return the times of n messages as one table: the one they are the columns of, if they are."""
    given = {"handle": handle, "think": think}
    laid: Any = getattr(handle, "base", None)
    if getattr(laid, "dtype", None) == _MESSAGE and laid.shape == (n,) and not laid.flags.writeable:
        here = [getattr(times, "__array_interface__", None) for times in given.values()]
        if here == [laid[name].__array_interface__ for name in given]:
            return np.asarray(laid)
    messages = np.empty(n, _MESSAGE)
    for name, times in given.items():
        column = _column(name, times, np.float64, n, "sum(turns)")
        _demand(name, column, np.isfinite(column) & (column >= 0), "finite seconds >= 0")
        messages[name] = column
    messages.setflags(write=False)
    return messages


def _keep(instance: Any, **values: Any) -> None:
    """Set the checked values on a frozen instance, arrays read-only."""
    assert values.keys() == {field.name for field in fields(instance)}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
        object.__setattr__(instance, name, value)


def _numbers(name: str, values: Any, dtype: Any) -> npt.NDArray[Any]:
    """Return the values as an array of this type, our own unless it is read-only; nothing is rounded."""
    given = np.asarray(values)
    wanted = np.dtype(dtype)
    if given.dtype == wanted and given.flags.c_contiguous and given.flags.aligned and not given.flags.writeable:
        return given
    if given.dtype == object or given.dtype.kind not in "biuf":
        try:
            given = given.astype(np.float64)
        except (TypeError, ValueError) as problem:
            raise ValueError(f"{name}: must be numbers, got {given.dtype} values") from problem
    if wanted.kind in "ib" and given.dtype.kind == "f":
        _demand(name, given, np.isfinite(given) & (given == np.floor(given)), "a whole number")
    if wanted.kind == "b" and given.dtype.kind != "b":
        _demand(name, given, (given == 0) | (given == 1), "True or False")
    return np.array(given, dtype=wanted, order="C")


def _column(name: str, values: Any, dtype: Any, n: int | None = None, rows: str = "one a row") -> npt.NDArray[Any]:
    """Return a one-dimensional array of length n; a single number stands for every row."""
    column = _numbers(name, values, dtype)
    if column.ndim == 0 and n is not None:
        return np.full(n, column)
    if column.ndim != 1:
        raise ValueError(f"{name} has {column.ndim} dimensions: must have one")
    if n is not None and len(column) != n:
        raise ValueError(f"{name} has length {len(column)}: must have {n}, {rows}")
    return column


def _demand(name: str, values: npt.NDArray[Any], allowed: npt.NDArray[np.bool_], what: str) -> None:
    """Raise for the first value that is not allowed."""
    if not allowed.all():
        where = tuple(int(i) for i in np.argwhere(~allowed)[0])
        at = f"[{', '.join(map(str, where))}]" if where else ""
        raise ValueError(f"{name}{at} = {values[where]}: must be {what}")


def _demand_rows(name: str, rows: Windows, allowed: npt.NDArray[np.bool_], what: str) -> None:
    """Raise for the first window that is not allowed."""
    if not allowed.all():
        row = int(np.flatnonzero(~allowed)[0])
        raise ValueError(f"{name} row {row} = {rows[row].item()}: {what}")


def _demand_agents(name: str, rows: Windows, n: int) -> None:
    _demand_rows(
        name,
        rows,
        (rows["agent"] >= 0) & (rows["agent"] < n),
        f"agent must be an index from 0 to {n - 1}" if n else "there are no agents",
    )


def _windows(name: str, rows: Any, dtype: np.dtype[Any]) -> Windows:
    """Return windows as a structured array, from tuples, an array (by order) or a frame (by names)."""
    names = list(dtype.names or ())
    if hasattr(rows, "columns"):
        by_name = set(names) <= set(rows.columns)
        if not by_name and len(rows.columns) != len(names):
            raise ValueError(f"{name} has columns {list(rows.columns)}: must have {names}")
        columns = [rows[key] if by_name else rows.iloc[:, i] for i, key in enumerate(names)]
    elif isinstance(rows, np.ndarray) and rows.dtype.names:
        if not set(names) <= set(rows.dtype.names):
            raise ValueError(f"{name} has fields {rows.dtype.names}: must have {names}")
        columns = [rows[key] for key in names]
    else:
        listed = rows if isinstance(rows, np.ndarray) else list(rows)
        if isinstance(listed, list):
            for row, values in enumerate(listed):
                if np.ndim(values) != 1 or len(values) != len(names):
                    raise ValueError(f"{name} row {row} = {values!r}: must be ({', '.join(names)})")
        table = np.asarray(listed, dtype=np.float64 if len(listed) == 0 else None)
        if len(table) == 0:
            table = np.empty((0, len(names)))
        if table.ndim != 2 or table.shape[1] != len(names):
            raise ValueError(f"{name} has shape {table.shape}: must be rows of ({', '.join(names)})")
        columns = list(table.T)
    windows = np.empty(len(columns[0]), dtype=dtype)
    for key, column in zip(names, columns, strict=True):
        windows[key] = _column(f"{name}.{key}", column, dtype[key])
    start, end = windows["start"], windows["end"]
    _demand_rows(name, windows, np.isfinite(start) & (start >= 0), "start must be finite seconds >= 0")
    _demand_rows(name, windows, ~np.isnan(end), "end must be seconds, inf = for ever")
    _demand_rows(name, windows, end >= start, "end must not be before start")
    return windows


def _refuse_overlaps(shifts: Windows) -> None:
    """Raise for the first row (as given) that overlaps an earlier row of its agent."""
    rows = np.flatnonzero(shifts["end"] > shifts["start"])  # a row of no length covers nothing
    rows = rows[np.lexsort((shifts["start"][rows], shifts["agent"][rows]))]
    before, after = rows[:-1], rows[1:]
    same = shifts["agent"][before] == shifts["agent"][after]
    clash = np.flatnonzero(same & (shifts["start"][after] < shifts["end"][before]))
    if clash.size:
        pairs = np.sort(np.stack([before[clash], after[clash]]), axis=0)
        first = int(np.argmin(pairs[1]))
        earlier, later = int(pairs[0, first]), int(pairs[1, first])
        raise ValueError(
            f"shifts row {later} = {shifts[later].item()}: overlaps row {earlier} = {shifts[earlier].item()} "
            "of the same agent; shifts of one agent may touch but not overlap"
        )
