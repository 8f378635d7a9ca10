"""The floor of a drill: one night simulated under a team's levers, and what is known of it at a moment.

A drill decides as it goes, so a lever must change nothing before it is applied, to the second: a team that has seen
its screen at 20:30 must find the same 20:30 in every later replay. Most levers of :mod:`simlib.stress.levers` are so
by nature. Two are not, and are applied here by inputs that the simulator already has:

* **The concurrency limit.** The simulator's agents have one limit all night. Here everybody may hold
  ``concurrency_more`` chats more than their own limit, and placeholders hold those places: chats of a queue that only
  this agent serves, before all others, in which a buyer thinks until the limit is raised. Where the limit is not
  raised the floor is the plan's own.
* **Transfers.** The simulator transfers the chats of a dark seat a fixed time after the seat went dark. Here a
  dark stretch is passed on in pieces of just that length, which are never transferred, until a transfer is ordered;
  what is left from then on is one piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from itertools import pairwise

import numpy as np
import pandas as pd

from simlib import facts, kpis
from simlib.intervals import Grid
from simlib.kpis import NightLog
from simlib.night.buyers import Buyers
from simlib.night.promo_night import PromoNight
from simlib.simulator import Agents, Contacts, Policy, simulate
from simlib.stress.levers import Lever

WARM_UP_S, AFTER_S = 3600, 3600
FULL, REPLYING, FREE, RESTING, OFF, DARK = "full", "replying", "free", "resting", "off", "dark"
STATES = (FREE, REPLYING, FULL, RESTING, DARK, OFF)


def cut_night(night: PromoNight, *, starts: pd.Timestamp, minutes: int) -> PromoNight:
    """Return the stretch of a drill from a night, with an hour before it to fill the floor and one to empty it.

    Parameters
    ----------
    starts : pandas.Timestamp
        On an edge of the night's intervals.
    minutes : int
        How long the drill lasts; a whole number of the night's intervals.

    Returns
    -------
    PromoNight
        The same people, roster, services and money on a shorter grid, cut where the night itself ends.
    """
    grid = night.grid
    first_s = float((starts - grid.opens).total_seconds())
    if first_s % grid.step_s or (minutes * 60) % grid.step_s or not 0 <= first_s < grid.edges_s[-1]:
        raise ValueError(f"starts and minutes must lie on the night's grid, got {starts} and {minutes}")
    begin_s = max(first_s - WARM_UP_S, 0.0)
    end_s = min(first_s + minutes * 60 + AFTER_S, float(grid.edges_s[-1]))
    cut = Grid(
        opens=grid.opens + pd.Timedelta(seconds=begin_s), n=int(end_s - begin_s) // grid.step_s, step_s=grid.step_s
    )
    inside = night.forecast["start"].between(cut.starts[0], cut.starts[-1])
    profile = night.minute_profile
    if profile is not None:
        profile = profile[(profile.index >= cut.opens) & (cut.seconds(profile.index) < cut.edges_s[-1])]
    return replace(
        night,
        grid=cut,
        forecast=night.forecast[inside].reset_index(drop=True),
        minute_profile=None if profile is None or profile.empty else profile,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class DrillFloor:
    """A drill's night, simulated to its end under the levers so far.

    Parameters
    ----------
    night : PromoNight
        With all incidents and all levers.
    agents : Agents
        The people on the floor with their own limits.
    log : NightLog
        What happened, placeholders left out; in its trace they are still among the open chats.
    raised : sequence of (start_s, end_s, chats)
        By how many chats the limit is raised, and when.
    more : int
        Chats beyond their own limit that people may at most be asked to hold.
    """

    night: PromoNight
    agents: Agents
    log: NightLog
    raised: Sequence[tuple[float, float, int]]
    more: int


def simulate_floor(
    night: PromoNight, levers: Sequence[Lever], *, seed: int, more: int, buyers: Buyers | None = None
) -> DrillFloor:
    """Simulate the night with its incidents and the given levers; a lever changes nothing before it is applied.

    Parameters
    ----------
    night : PromoNight
        With its incidents.
    levers : sequence of Lever
        In the order in which they were decided; a kind may come again.
    seed : int
        Of the buyers.
    more : int
        Chats beyond their own limit that people may at most be asked to hold.
    buyers : Buyers, optional
        Of the night before its incidents, if they are at hand.
    """
    applied = [lever for lever in levers if lever.kind not in ("raise_concurrency", "hand_over_sites")]
    with_levers = reduce(lambda changed, lever: lever.apply(changed), applied, night)
    real = with_levers.buyers(buyers).draw(seed=seed, replication=0)
    agents = with_levers.agents()
    raised = _limit_raises(with_levers, levers, more=more)
    transfer_s = 60.0 * _delay_min("hand_over_sites")
    orders = [_span_s(with_levers, lever.decided, lever.until) for lever in levers if lever.kind == "hand_over_sites"]
    down = [
        (int(agent), *piece)
        for agent, start, end in with_levers.disruptions.down.tolist()
        for piece in _dark_pieces(start, end, orders, transfer_s)
    ]
    handed = [row for row in down if row[2] - row[1] > transfer_s]
    held = _held_places(agents, raised, handed, more=more, transfer_s=transfer_s)
    contacts, is_real = _with_placeholders(real, held, queues=len(with_levers.queues))
    ranks = agents.skill_table(real)
    disruptions = with_levers.disruptions
    policy, faster = _real_slowdown(with_levers.policy, agents, held, raised, more=more)
    result = simulate(
        contacts,
        Agents(
            capacity=agents.capacity + more,
            speed=agents.speed,
            weight=agents.weight,
            skill=np.hstack([np.where(ranks > 0, ranks + 1, 0), np.eye(len(agents), dtype=np.int64)]),
            shifts=agents.shifts,
        ),
        replace(policy, transfer_s=transfer_s),
        replace(
            disruptions,
            down=np.array(down, dtype=disruptions.down.dtype),
            slow=np.array([*disruptions.slow.tolist(), *faster], dtype=disruptions.slow.dtype),
        ),
        turns=True,
        trace=True,
    )
    assert result.turns is not None
    turns = result.turns[is_real[result.turns["contact"].to_numpy()]].reset_index(drop=True)
    turns["contact"] = (np.cumsum(is_real) - 1)[turns["contact"].to_numpy()]
    real_result = replace(result, contacts=result.contacts[is_real].reset_index(drop=True), turns=turns)
    log = NightLog.of(real, agents, real_result, queues=with_levers.queues, opens=with_levers.grid.opens)
    return DrillFloor(night=with_levers, agents=agents, log=log, raised=raised, more=more)


def _delay_min(kind: str) -> float:
    levers = facts.table("levers")
    return float(levers.loc[levers["key"] == kind, "delay_min"].iloc[0])


def _span_s(night: PromoNight, start: pd.Timestamp, end: pd.Timestamp) -> tuple[float, float]:
    first, last = night.grid.seconds(pd.DatetimeIndex([start, end]))
    return float(first), float(last)


def _limit_raises(night: PromoNight, levers: Sequence[Lever], *, more: int) -> list[tuple[float, float, int]]:
    """Return the raises of the limit over time, summed up to at most ``more``."""
    spans = [
        (*_span_s(night, lever.works_from, lever.until), round(lever.size or 0))
        for lever in levers
        if lever.kind == "raise_concurrency"
    ]
    edges = sorted({edge for start, end, _ in spans for edge in (start, end)})
    steps = []
    for start, end in pairwise(edges):
        chats = min(sum(size for first, last, size in spans if first <= start and end <= last), more)
        if chats:
            steps.append((start, end, chats))
    return steps


def _dark_pieces(
    start: float, end: float, orders: Sequence[tuple[float, float]], transfer_s: float
) -> list[tuple[float, float]]:
    """Return a dark stretch in pieces too short for a transfer, but for what is left when a transfer is ordered.

    >>> _dark_pieces(0.0, 300.0, [], 120.0)
    [(0.0, 120.0), (120.0, 240.0), (240.0, 300.0)]
    >>> _dark_pieces(0.0, 900.0, [(200.0, 500.0)], 120.0)
    [(0.0, 120.0), (120.0, 200.0), (200.0, 900.0)]
    """
    ordered = min((max(start, first) for first, last in orders if first < end and last > start), default=end)
    edges = [*np.arange(start, ordered, transfer_s).tolist(), ordered]
    pieces = list(pairwise(edges))
    return [*pieces, (ordered, end)] if ordered < end else pieces


def _held_places(
    agents: Agents,
    raised: Sequence[tuple[float, float, int]],
    handed: Sequence[tuple[int, float, float]],
    *,
    more: int,
    transfer_s: float,
) -> np.ndarray:
    """Return when placeholders hold the places beyond people's limits: rows agent, start, end."""
    lost: dict[int, list[tuple[float, float]]] = {}
    for agent, start, end in handed:  # the placeholders are handed over too, and hold nothing until the seat is back
        lost.setdefault(agent, []).append((start + transfer_s + 1.0, end))
    rows = []
    for agent, start, end in agents.shifts.tolist():
        for place in range(1, more + 1):
            free = [(first, last) for first, last, chats in raised if chats >= place]
            for first, last in _without(start, end, free + lost.get(agent, [])):
                rows.append((agent, first, last))
    return np.array(rows, dtype=float).reshape(-1, 3)


def _real_slowdown(
    policy: Policy, agents: Agents, held: np.ndarray, raised: Sequence[tuple[float, float, int]], *, more: int
) -> tuple[Policy, list[tuple[int, float, float, float]]]:
    """Return the policy and the slow windows under which placeholders, which count as open chats, slow nobody down.

    Where every further chat slows by the same factor, as a store's ratio has it, each placeholder is divided out by a
    window of its own. A curve by level is moved up by the ``more`` placeholders instead; while the limit is raised and
    some of them are gone, a window brings back what that many more chats cost somebody who is full.
    """
    factors = np.array(policy.slowdown)
    if len(factors) == 1 or np.allclose(factors[1:] / factors[:-1], factors[1] / factors[0], rtol=1e-9):
        return policy, _without_placeholders(held, policy.slowdown)

    def factor_of(chats: int) -> float:
        return policy.slowdown[min(chats, len(policy.slowdown)) - 1]

    rows = []
    for agent, begins, ends in agents.shifts.tolist():
        limit = int(agents.capacity[agent])
        for first, last, chats in raised:
            start, end = max(begins, first), min(ends, last)
            if start < end:
                rows.append((int(agent), start, end, factor_of(limit + chats) / factor_of(limit)))
    return replace(policy, slowdown=(*(1.0,) * more, *policy.slowdown)), rows


def _without_placeholders(held: np.ndarray, slowdown: Sequence[float]) -> list[tuple[int, float, float, float]]:
    """Return the slow windows that take back what placeholders, which count as open chats, add to the slow-down.

    Each makes the replies of its agent slower by one further chat; the slow-down of a store's ratio is the same factor
    for every further chat, so dividing by it leaves what the real chats make.

    >>> _without_placeholders(np.array([[3.0, 0.0, 60.0]]), (1.0, 1.25, 1.5625))
    [(3, 0.0, 60.0, 0.8)]
    """
    if len(slowdown) == 1:
        return []
    return [(int(agent), start, end, slowdown[0] / slowdown[1]) for agent, start, end in held.tolist()]


def _without(start: float, end: float, holes: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return a span without some holes.

    >>> _without(0.0, 10.0, [(2.0, 3.0), (8.0, 20.0)])
    [(0.0, 2.0), (3.0, 8.0)]
    """
    left, at = [], start
    for first, last in sorted(holes):
        if last > at and first < end:
            if first > at:
                left.append((at, first))
            at = max(at, last)
    return [*left, (at, end)] if at < end else left


def _with_placeholders(real: Contacts, held: np.ndarray, *, queues: int) -> tuple[Contacts, np.ndarray]:
    """Return the buyers with placeholders among them, and which are real.

    A placeholder asks a second before its place is needed, so that it is the first to be served; its buyer thinks
    until the place is given free, and is answered in no time.
    """
    n = len(held)
    arrival = np.concatenate([np.maximum(held[:, 1] - 1.0, 0.0), real.arrival])
    order = np.argsort(arrival, kind="stable")
    turns = np.concatenate([np.full(n, 2), real.turns])
    first = np.cumsum(turns) - turns
    length = turns[order]
    flat = np.repeat(first[order] - (np.cumsum(length) - length), length) + np.arange(int(length.sum()))
    waits = np.zeros(2 * n)
    waits[::2] = held[:, 2] - held[:, 1]
    columns = {
        "queue": np.concatenate([queues + held[:, 0].astype(np.int64), real.queue]),
        "turns": turns,
        "patience": np.concatenate([np.full(n, np.inf), real.patience]),
        "silent": np.concatenate([np.zeros(n, bool), real.silent]),
        "bot": np.concatenate([np.full(n, np.nan), real.bot]),
        "bot_resolves": np.concatenate([np.zeros(n, bool), real.bot_resolves]),
        "retry": np.concatenate([np.full(n, np.nan), real.retry]),
    }
    contacts = Contacts(
        arrival=arrival[order],
        handle=np.concatenate([np.zeros(2 * n), real.handle])[flat],
        think=np.concatenate([waits, real.think])[flat],
        **{name: column[order] for name, column in columns.items()},
    )
    return contacts, order >= n


# --- what is known at a moment ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Moment:
    """What a floor knows when the clock stands at ``now_s``: nothing that has not happened yet.

    Parameters
    ----------
    floor : DrillFloor
        The night under the levers so far.
    start_s, now_s : float
        When the drill began, and the clock, in seconds since the night's grid opens.
    over : bool
        The drill is over: the buyers who came meanwhile are followed to their end.
    """

    floor: DrillFloor
    start_s: float
    now_s: float
    over: bool = False

    @cached_property
    def _contacts(self) -> pd.DataFrame:
        """Return the buyers who came during the drill, and before the clock."""
        contacts = self.floor.log.contacts
        arrival = contacts["arrival"].to_numpy()
        return contacts[(arrival >= self.start_s) & (arrival < self.now_s)]

    # --- buyers ---

    def waiting(self) -> pd.DataFrame:
        """Return who waits for a first reply now, as the floor can know it: queue, waiting, oldest_s.

        A buyer who has left silently still counts as waiting until an agent has the chat: nothing shows it before.
        """
        contacts = self.floor.log.contacts
        asked, reply, end = (contacts[key].to_numpy(dtype=float) for key in ("asked", "first_reply", "end"))
        silent = (contacts["outcome"] == "silent").to_numpy()
        gone = np.where(silent, contacts["assigned"].to_numpy(dtype=float), end)
        until = np.fmin(np.where(np.isnan(reply), np.inf, reply), np.where(np.isnan(gone), np.inf, gone))
        here = (asked <= self.now_s) & (until > self.now_s)
        table = pd.DataFrame({"queue": contacts["queue"][here], "asked": asked[here]})
        grouped = table.groupby("queue", observed=False)["asked"]
        oldest = (self.now_s - grouped.min()).fillna(0.0)
        return pd.DataFrame({"waiting": grouped.size(), "oldest_s": oldest}).rename_axis("queue").reset_index()

    def lately(self, span_s: float) -> dict[str, float]:
        """Return offered, abandoned, first_response and platform_rate of the last stretch; nan where there was none."""
        begin_s = self.now_s - span_s
        contacts = self.floor.log.contacts
        reply = contacts["first_reply"].to_numpy(dtype=float)
        replied = (reply > begin_s) & (reply <= self.now_s)
        waits = reply[replied] - contacts["asked"].to_numpy(dtype=float)[replied]
        end = contacts["end"].to_numpy(dtype=float)
        left = (contacts["outcome"] == "abandoned").to_numpy() & (end > begin_s) & (end <= self.now_s)
        arrival = contacts["arrival"].to_numpy()
        return {
            "offered": float(((arrival > begin_s) & (arrival <= self.now_s)).sum()),
            "abandoned": float(left.sum()),
            "first_response": float(waits.mean()) if waits.size else np.nan,
            "platform_rate": self._rate(begin_s),
        }

    def platform_rate(self) -> float:
        """Return the platform's rate of all it has judged since the drill began; nan before the first."""
        return self._rate(self.start_s)

    def _rate(self, begin_s: float) -> float:
        """Return the rate of the messages sent since ``begin_s`` that are old enough to be judged by now."""
        rate = self.floor.night.rates[0]
        turns = self.floor.log.need("turns")
        sent = turns["sent"].to_numpy(dtype=float)
        judged_s = self.now_s if self.over else self.now_s - rate.threshold_s
        known = turns[(sent >= begin_s - (0 if self.over else rate.threshold_s)) & (sent < judged_s)]
        known = known[known["sent"] >= self.start_s]
        if known.empty:
            return float("nan")
        return float(kpis.platform_rate(replace(self.floor.log, turns=known), rate))

    def sales(self) -> tuple[float, float]:
        """Return the sales kept and lost so far, in yuan, of those who came during the drill and have ended by now."""
        contacts = self._contacts
        if not self.over:
            contacts = contacts[contacts["end"].to_numpy(dtype=float) <= self.now_s]
        night = self.floor.night
        log = replace(self.floor.log, contacts=contacts)
        kept, lost = kpis.sales(log, curve=night.curve, values_cny=night.values_cny)
        return float(kept), float(lost)

    # --- people ---

    @cached_property
    def _trace(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        trace = self.floor.log.need("trace")
        agent, time, chats, replying = (trace[key].to_numpy() for key in ("agent", "time", "open", "replying"))
        return np.searchsorted(agent, np.arange(len(self.floor.agents) + 1)), time, chats, replying

    def agents(self) -> pd.DataFrame:
        """Return the state of everybody now, as the screens show it.

        Returns
        -------
        DataFrame
            agent_id, name, site, room; state, one of :data:`STATES`; open_chats, None where the seat is dark or
            nobody is there.
        """
        night, now = self.floor.night, self.now_s
        first, time, chats, replying = self._trace
        shifts = self.floor.agents.shifts
        here = np.zeros(len(self.floor.agents), dtype=bool)
        here[shifts["agent"][(shifts["start"] <= now) & (now < shifts["end"])]] = True
        down = night.disruptions.down
        dark = np.zeros(len(here), dtype=bool)
        dark[down["agent"][(down["start"] <= now) & (now < down["end"])]] = True
        roster = night.roster[~night.roster["activity"].isin(["chat"])]
        clock = night.grid.opens + pd.Timedelta(seconds=now)
        resting = set(roster.loc[(roster["start"] <= clock) & (clock < roster["end"]), "agent_id"])
        more = self.floor.more
        free = next((size for start, end, size in self.floor.raised if start <= now < end), 0)
        rows = []
        people = night.people
        places = [people[key] if key in people else [None] * len(people) for key in ("site", "room")]
        for number, (agent_id, name, site, room) in enumerate(
            zip(people["agent_id"], people["name"], *places, strict=True)
        ):
            row = first[number] + int(np.searchsorted(time[first[number] : first[number + 1]], now, "right")) - 1
            known = row >= first[number]
            held, writes = (int(chats[row]), bool(replying[row])) if known else (0, False)
            if here[number] and dark[number]:
                state = DARK
            elif here[number]:
                full = held >= self.floor.agents.capacity[number] + more
                state = FULL if full else REPLYING if writes else FREE
            else:
                state = RESTING if agent_id in resting else OFF
            seen = max(held - (more - free), 0) if here[number] and not dark[number] else None
            rows.append((agent_id, name, site, room, state, seen))
        return pd.DataFrame(rows, columns=["agent_id", "name", "site", "room", "state", "open_chats"], dtype=object)

    def strain_h(self, plan: pd.DataFrame) -> float:
        """Return the agent-hours of strain so far: with all places taken, after the planned end, on a rest not taken.

        Parameters
        ----------
        plan : DataFrame
            The roster before any lever.
        """
        return self._full_h() + self._late_h(plan) + self._unrested_h(plan)

    def _full_h(self) -> float:
        """Return the hours at the concurrency limit; time with a raised limit counts for more."""
        first, time, chats, _ = self._trace
        until = np.append(time[1:], np.inf)
        until[first[1:][first[1:] > first[:-1]] - 1] = np.inf  # an agent's last row holds for good
        capacity = np.repeat(self.floor.agents.capacity, np.diff(first))
        placeholders = np.full(len(time), self.floor.more)
        for start, end, size in self.floor.raised:
            placeholders[(time >= start) & (time < end)] -= size
        held = chats - placeholders
        span = np.clip(np.minimum(until, self.now_s) - np.maximum(time, self.start_s), 0.0, None)
        return float((span * held / capacity)[held >= capacity].sum()) / 3600

    def _late_h(self, plan: pd.DataFrame) -> float:
        """Return the hours on chat after the planned end of the shift, and hours off duty with chats still open."""
        first, time, chats, _ = self._trace
        planned = plan[plan["activity"] == "chat"].groupby("agent_id")["end"].max()
        home = dict(zip(planned.index, self.floor.night.grid.seconds(planned), strict=True))
        ids = self.floor.night.people["agent_id"].tolist()
        shifts = self.floor.agents.shifts.tolist()  # by agent, then time
        total = 0.0
        for (agent, start, end), (after, again, _) in pairwise([*shifts, (-1, np.inf, np.inf)]):
            due = home.get(ids[agent])
            if due is not None:
                total += max(min(end, self.now_s) - max(start, due, self.start_s), 0.0)
            if not self.start_s <= end <= self.now_s:
                continue
            mine = slice(int(first[agent]), int(first[agent + 1]))
            later = np.flatnonzero((time[mine] >= end) & (chats[mine] == 0))
            empty = time[mine][later[0]] if later.size else end
            total += max(min(empty, again if after == agent else np.inf, self.now_s) - end, 0.0)
        return total / 3600

    def _unrested_h(self, plan: pd.DataFrame) -> float:
        """Return the hours of meals and breaks that were planned by now and have not been taken."""
        if self.floor.night.roster is plan:
            return 0.0
        begin, clock = (self.floor.night.grid.opens + pd.Timedelta(seconds=at) for at in (self.start_s, self.now_s))

        def rested_s(roster: pd.DataFrame) -> float:
            rests = roster[roster["activity"].isin(["meal", "break"])]
            span = rests["end"].clip(upper=clock) - rests["start"].clip(lower=begin)
            return float(span.dt.total_seconds().clip(lower=0.0).sum())

        return max(rested_s(plan) - rested_s(self.floor.night.roster), 0.0) / 3600
