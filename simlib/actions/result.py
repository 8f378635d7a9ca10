"""What to change before the night: the gap and what it costs, the sets of moves that close it, and who is out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from simlib.actions.folk import FolkResult
from simlib.actions.moves import STEP, ActionError, Gap, PlannedMove, Room, find_gap, list_moves, name_moves
from simlib.actions.offers import write_moves, write_shifts
from simlib.actions.plausibility import PlausibilityResult
from simlib.actions.search import CONFIDENCE, MoveSet, rehearse_moves, rehearse_sets, search_sets
from simlib.kpis import BETTER
from simlib.messages import Message, Term
from simlib.night.promo_night import PromoNight
from simlib.simulator.replicate import Replications, half_width

LISTED = 10  # actions in the table
ON_SHEET = 3  # of them those on the sheet for the meeting, whose moves are decided there (ours)
PLAN = "plan"
ACTION_COLUMNS = ["action", "move", "heads", "hours", "cost_cny"]
ACTION_COLUMNS += [f"saves_cny{end}" for end in ("", "_low", "_high")] + ["net_cny"]
ACTION_COLUMNS += [f"lost_buyers_less{end}" for end in ("", "_low", "_high")] + ["lost_share", "gap_lost_share"]
ACTION_COLUMNS += ["platform_rate", *(f"rate_change{end}" for end in ("", "_low", "_high")), "closes_gap", "last_day"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Action:
    """A set of moves with what it does to the night.

    Attributes
    ----------
    key : str
        ``A1`` is the first of the ranking.
    trial : MoveSet
        Its moves and its nights beside the plan's.
    closes_gap : bool
        Whether the mean night meets the targets in the gap.
    """

    key: str
    trial: MoveSet = field(repr=False)
    closes_gap: bool

    @property
    def moves(self) -> tuple[PlannedMove, ...]:
        """What is done."""
        return self.trial.moves

    @property
    def cost_cny(self) -> float:
        """What it costs beyond the roster's wages."""
        return self.trial.cost_cny

    @property
    def last_day(self) -> dt.date:
        """The last day on which all of it can still be decided."""
        return min(move.last_day for move in self.moves)

    @property
    def what(self) -> Message:
        """Return what is done, in a few words."""
        return name_moves(self.moves)

    def text(self, rate: str) -> Message:
        """Return one sentence: what is done, what it saves, what it costs, by when it must be decided."""
        saves, half = self.trial.gain("sales_lost")
        lost, lost_half = self.trial.gain("lost")
        plan, now = (float(np.nanmean(each.figures[rate])) for each in (self.trial.plan, self.trial.nights))
        return Message(
            "actions.sentence" if self.closes_gap else "actions.sentence_open",
            what=self.what,
            saves=f"{saves:,.0f}",
            low=f"{saves - half:,.0f}",
            high=f"{saves + half:,.0f}",
            buyers=f"{lost:,.0f}",
            buyers_low=f"{lost - lost_half:,.0f}",
            buyers_high=f"{lost + lost_half:,.0f}",
            cost=f"{self.cost_cny:,.0f}",
            rate=Term(rate),
            before=f"{100 * plan:.1f}",
            after=f"{100 * now:.1f}",
            day=f"{self.last_day:%Y-%m-%d}",
        )


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A move that must be decided by a day; ``ways`` are the numbers of the actions that need it."""

    day: dt.date
    what: Message
    ways: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class ActionsResult:
    """What to change about this plan, ranked and priced.

    Attributes
    ----------
    gap : Gap, optional
        The stretch that misses heads; None where none does.
    actions : tuple of Action
        Sets that close the gap first; among them by net gain, and where two cannot be distinguished on the same buyers
        (95 %), the cheaper first, then the one with fewer people.
    worth : (float, float)
        Sales that the missing heads would save if each half hour of the gap had as many more as it misses, and the
        half-width of its band.
    closed_share : float
        Share of the gap's buyers that is lost with those heads.
    out : DataFrame
        Who is not on chat in the half hour ``looked_at``, and why.
    looked_at : pandas.Timestamp
        The half hour that misses most heads; the busiest one where none does.
    folk, plausibility
        Rules of thumb beside the answer, and the plan beside the store's past.
    rate : str
        The platform's headline rate.
    targets : mapping of KPI to floor
        What the gap is held to.
    plan_nights : Replications
        The plan's nights, on the same buyers as those of each action.
    night : PromoNight
        The plan's.
    coverage : DataFrame
        start, queue, required, rostered.
    """

    gap: Gap | None
    actions: tuple[Action, ...]
    worth: tuple[float, float] = (0.0, 0.0)
    gap_lost_share: tuple[float, float] = (0.0, 0.0)
    out: pd.DataFrame = field(repr=False)
    looked_at: pd.Timestamp
    folk: FolkResult = field(repr=False)
    plausibility: PlausibilityResult = field(repr=False)
    rate: str
    targets: Mapping[str, float]
    plan_nights: Replications = field(repr=False)
    night: PromoNight = field(repr=False)
    coverage: pd.DataFrame = field(repr=False)

    @property
    def nights(self) -> int:
        """Nights behind the figures of each action."""
        return len(self.plan_nights)

    def top(self, n: int = ON_SHEET) -> list[Message]:
        """Return the first ``n`` actions as sentences, by default those to decide on; fewer where there are fewer."""
        return [action.text(self.rate) for action in self.actions[:n]]

    @property
    def findings(self) -> list[Message]:
        """Return what the gap is and what it costs a night; that there is none, where there is none."""
        if self.gap is None:
            return [Message("actions.no_gap")]
        worth, half = self.worth
        found = [
            Message(
                f"actions.{'gap_half_hour' if self.gap.end - self.gap.start == STEP else 'gap'}",
                start=f"{self.gap.start:%H:%M}",
                end=f"{self.gap.end:%H:%M}",
                minutes=self.gap.minutes,
                count=self.gap.heads,
                worth=f"{worth:,.0f}",
                low=f"{worth - half:,.0f}",
                high=f"{worth + half:,.0f}",
                lost=f"{100 * self.gap_lost_share[0]:.1f}",
                then=f"{100 * self.gap_lost_share[1]:.1f}",
                nights=self.nights,
            )
        ]
        return found if self.actions else [*found, Message("actions.nothing_helps")]

    @property
    def out_message(self) -> Message:
        """Return how many are not on chat in the half hour ``looked_at``, and for how many there is still time."""
        count, back = len(self.out), int(self.out["can_return"].astype(bool).sum())
        half_hour = Message(f"actions.{'at_busiest' if self.gap is None else 'at_gap'}", at=f"{self.looked_at:%H:%M}")
        if count == 0:
            return Message("actions.out_nobody", half_hour=half_hour)
        if back in (0, count):
            return Message(f"actions.{'out_back' if back else 'out_late'}", half_hour=half_hour, count=count)
        return Message("actions.out", half_hour=half_hour, count=count, back=back)

    @property
    def elsewhere_message(self) -> Message | None:
        """Return how many of those who are out work another shift, and what a move costs; None where nobody does."""
        count = int(self.out["out_reason"].map(lambda reasons: "out_elsewhere" in reasons).sum())
        return Message("actions.out_elsewhere", count=count) if count else None

    def action(self, key: str) -> Action:
        """Look an action up by its key.

        Raises
        ------
        ActionError
            There is none of that key; those that there are are named.
        """
        for action in self.actions:
            if action.key == key:
                return action
        raise ActionError("unknown_action", action=key, allowed=[action.key for action in self.actions])

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per action, the best first, the plan as it stands above them."""
        rows = [self._row(action) for action in self.actions]
        if rows:
            plan = self.plan_nights
            first = {"action": PLAN, "move": [], "heads": 0, "hours": 0.0, "cost_cny": 0.0, "closes_gap": False}
            first |= {"saves_cny": 0.0, "net_cny": 0.0, "lost_buyers_less": 0.0, "rate_change": 0.0}
            first |= {"lost_share": _mean(plan, "lost_share"), "platform_rate": _mean(plan, self.rate)}
            rows.insert(0, first | {"gap_lost_share": self.gap_lost_share[0]})
        return pd.DataFrame(rows, columns=ACTION_COLUMNS)

    def _row(self, action: Action) -> dict[str, Any]:
        trial = action.trial
        row: dict[str, Any] = {"action": action.key, "move": [move.kind for move in action.moves]}
        row |= {"heads": sum(len(move.agents) for move in action.moves)}
        row |= {"hours": sum(move.hours for move in action.moves), "cost_cny": action.cost_cny}
        for name, key, sign in (
            ("saves_cny", "sales_lost", 1),
            ("lost_buyers_less", "lost", 1),
            ("rate_change", self.rate, -1),
        ):
            mean, half = trial.gain(key)
            row |= {name: sign * mean, f"{name}_low": sign * mean - half, f"{name}_high": sign * mean + half}
        row |= {"net_cny": row["saves_cny"] - action.cost_cny, "lost_share": _mean(trial.nights, "lost_share")}
        row |= {"gap_lost_share": lost_in(trial.nights, self._in_gap), "platform_rate": _mean(trial.nights, self.rate)}
        return row | {"closes_gap": action.closes_gap, "last_day": action.last_day}

    @property
    def _in_gap(self) -> np.ndarray:
        return mark_gap(self.night, self.gap)

    @cached_property
    def moves_table(self) -> pd.DataFrame:
        """One row per move of each action: what, who, when, how much, by when."""
        return write_moves((action.key, move) for action in self.actions for move in action.moves)

    @cached_property
    def shifts_table(self) -> pd.DataFrame:
        """Who works when under each move, one row per segment."""
        moves = {move.key: move for action in self.actions for move in action.moves}
        return write_shifts(moves.values(), self.night.people)

    @cached_property
    def course(self) -> pd.DataFrame:
        """The night by half hour: start, required, rostered, and the lost share of the plan and of the first action."""
        heads = self.coverage.groupby("start")[["required", "rostered"]].sum()
        table = pd.DataFrame({"start": self.night.grid.starts})
        for name in heads.columns:
            table[name] = table["start"].map(heads[name]).astype(float)
        table["lost_share"] = _lost_by_interval(self.plan_nights)
        table["lost_share_then"] = _lost_by_interval(self.actions[0].trial.nights) if self.actions else np.nan
        return table

    @property
    def decisions(self) -> list[Decision]:
        """Return what must be decided by when, each move of the sheet's actions once, the earliest day first."""
        on_sheet = enumerate(self.actions[:ON_SHEET], start=1)
        moves = [(number, move) for number, action in on_sheet for move in action.moves]
        ways: dict[str, list[int]] = {}
        for number, move in moves:
            ways.setdefault(move.key, []).append(number)
        found = {
            move.key: Decision(day=move.last_day, what=move.text_with_names(), ways=tuple(ways[move.key]))
            for _, move in moves
        }
        return sorted(found.values(), key=lambda each: each.day)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table, by name."""
        found = {"actions": self.table, "action_moves": self.moves_table}
        found |= {"move_shifts": self.shifts_table, "who_is_out": self.out}
        return found | self.folk.tables | self.plausibility.tables


def _mean(nights: Replications, key: str) -> float:
    return float(np.nanmean(np.asarray(nights.figures[key], dtype=float)))


def _lost_by_interval(nights: Replications) -> np.ndarray:
    lost, human = (np.asarray(nights.figures[f"{key}_by_interval"]).sum(axis=0) for key in ("lost", "human"))
    return np.asarray(np.divide(lost, human, out=np.full(len(human), np.nan), where=human > 0))


def mark_gap(night: PromoNight, gap: Gap | None) -> np.ndarray:
    """Mark the half hours of the gap; none where there is none."""
    starts = night.grid.starts
    return np.asarray((starts >= gap.start) & (starts < gap.end)) if gap else np.zeros(len(starts), dtype=bool)


def lost_in(nights: Replications, inside: np.ndarray, key: str = "lost") -> float:
    """Return the share of the buyers of some half hours who are lost (or served in time), over all nights."""
    part, whole = (np.asarray(nights.figures[f"{each}_by_interval"])[:, inside].sum() for each in (key, "human"))
    return float(part / whole) if whole else float("nan")


def work_out_actions(
    night: PromoNight,
    *,
    coverage: pd.DataFrame,
    rules: Any,
    shifts: pd.DataFrame,
    list_out: Callable[[pd.Timestamp, pd.Timestamp], pd.DataFrame],
    sources: pd.DataFrame,
    tied: Collection[str],
    folk: FolkResult,
    plausibility: PlausibilityResult,
    targets: Mapping[str, float],
    day: dt.date,
    today: dt.date,
    seed: int,
    replications: int = 16,
    chats_enough: int | None = None,
    on_progress: Callable[[int, int], object] | None = None,
) -> ActionsResult:
    """Find, price and rank what can still be changed about this night.

    Parameters
    ----------
    night : PromoNight
        The plan's.
    coverage, rules, shifts, sources, tied, day, today, chats_enough
        As :class:`simlib.actions.moves.Room` has them.
    list_out : callable
        (start, end) of a stretch -> who does not serve all of it, and why; asked of the half hour that misses most,
        or of the busiest one where none does.
    targets : mapping of KPI to floor
        What the night is held to; of these, ``lost_share`` and ``service_level`` are asked of the gap.
    replications : int
        Nights behind the figures of each action.
    """
    gap = find_gap(coverage)
    grid = night.grid
    peak = night.forecast.groupby("start")["contacts"].sum().idxmax()
    looked_at = gap.worst if gap else peak
    out = list_out(looked_at, looked_at + pd.Timedelta(seconds=grid.step_s))
    kept: dict[str, Any] = {"out": out, "looked_at": looked_at, "folk": folk, "plausibility": plausibility}
    kept |= {"targets": targets, "rate": night.rates[0].key, "night": night, "coverage": coverage}
    how: dict[str, Any] = {"seed": seed, "replications": replications, "on_progress": on_progress}
    if gap is None:
        return ActionsResult(gap=None, actions=(), plan_nights=rehearse_moves(night, {}, **how)[frozenset()], **kept)
    room = Room(
        night=night,
        gap=gap,
        coverage=coverage,
        rules=rules,
        shifts=shifts,
        out=out,
        sources=sources,
        tied=frozenset(tied),
        day=day,
        today=today,
        chats_enough=chats_enough,
    )
    inside = mark_gap(night, gap)

    def closes(trial: MoveSet) -> bool:
        return meets(trial.nights, inside, targets)

    finalists = search_sets(night, list_moves(room), closes=closes, seed=seed) if len(night.roster) else []
    filled, *trials = rehearse_sets(night, [(fill_gap(room),), *finalists], **how)
    ranked = [trial for trial in rank_trials(trials, closes=closes) if trial.net_cny.mean() > 0][:LISTED]
    actions = tuple(
        Action(key=f"A{number}", trial=trial, closes_gap=closes(trial)) for number, trial in enumerate(ranked, start=1)
    )
    plan, full = filled.plan, filled.nights
    return ActionsResult(
        gap=gap,
        actions=actions,
        worth=filled.gain("sales_lost"),
        gap_lost_share=(lost_in(plan, inside), lost_in(full, inside)),
        plan_nights=plan,
        **kept,
    )


def meets(nights: Replications, inside: np.ndarray, targets: Mapping[str, float]) -> bool:
    """Return whether the mean of the nights meets the targets in some half hours."""
    found = {"lost_share": lost_in(nights, inside), "service_level": lost_in(nights, inside, "in_time")}
    held = {key: value for key, value in found.items() if key in targets and np.isfinite(value)}
    return all(
        value >= targets[key] if BETTER[key] == "higher" else value <= targets[key] for key, value in held.items()
    )


def fill_gap(room: Room) -> PlannedMove:
    """Return the move that nobody can make: each half hour of the gap gets the heads that it misses; its worth."""
    gap, night = room.gap, room.night
    usual = {"capacity": int(room.people["capacity"].median()), "speed": 1.0, "cohort": "own", "cost_cny_h": 0.0}
    people: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    inside = room.coverage[(room.coverage["start"] >= gap.start) & (room.coverage["start"] < gap.end)]
    for queue, mine in inside.groupby("queue"):
        short = np.ceil(mine.set_index("start")["shortfall"].sort_index() - 1e-9)
        for number in range(int(short.max())):
            name = f"gap-{queue}-{number:02d}"
            people.append({"agent_id": name, "name": name, "skill_1": queue} | usual)
            row = {"agent_id": name, "name": name, "cohort": "own", "queue": queue, "activity": "chat"}
            at = short.index[short > number]
            cuts = np.flatnonzero(np.diff(at) > STEP) + 1
            runs = np.split(np.arange(len(at)), cuts)
            rows += [row | {"start": at[run[0]], "end": at[run[-1]] + STEP} for run in runs]
    return PlannedMove(
        key="fill_gap",
        kind="call_in",
        start=gap.start,
        end=gap.end,
        agents=tuple(str(person["agent_id"]) for person in people),
        heads=len(people),
        last_day=room.day,
        segments=pd.DataFrame(rows, columns=night.roster.columns),
        newcomers=pd.DataFrame(people, columns=["agent_id", "name", "skill_1", "skill_2", "skill_3", *usual]),
    )


def rank_trials(trials: Sequence[MoveSet], *, closes: Callable[[MoveSet], bool]) -> list[MoveSet]:
    """Rank sets of moves by the rule of :class:`ActionsResult`.

    Sets with the same nights and cost are one. A set that holds a smaller one is left out where it is not better beyond
    chance and does not close a gap that the smaller one leaves open.
    """
    once: dict[tuple[Any, ...], MoveSet] = {}
    for trial in sorted(trials, key=lambda each: len(each.moves)):
        once.setdefault((round(trial.cost_cny), tuple(np.round(trial.changes("sales_lost"), 6))), trial)
    waiting = sorted(once.values(), key=lambda each: (not closes(each), -float(each.net_cny.mean()), sorted(each.key)))
    ranked: list[MoveSet] = []
    while waiting:
        first = waiting[0]
        equal = [each for each in waiting if closes(each) == closes(first) and not _clear(first, each)]
        equal.sort(key=lambda each: (each.cost_cny, sum(len(move.agents) for move in each.moves), sorted(each.key)))
        ranked += equal
        waiting = [each for each in waiting if each not in equal]
    return [
        each
        for each in ranked
        if not any(
            less.key < each.key and not _clear(each, less) and closes(less) == closes(each) for less in once.values()
        )
    ]


def _clear(first: MoveSet, other: MoveSet) -> bool:
    """Return whether one set's net gain is above another's beyond chance."""
    ahead = first.net_cny - other.net_cny
    return bool(ahead.mean() > half_width(ahead, confidence=CONFIDENCE)) if first is not other else False
