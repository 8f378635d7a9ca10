"""The search: every move alone, then the promising ones on top of each other, on the same buyers all the time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simlib import kpis
from simlib.actions.moves import PlannedMove, apply_moves
from simlib.kpis import NightLog
from simlib.night.promo_night import PromoNight, make_variants
from simlib.simulator import Agents, Contacts, Result
from simlib.simulator.replicate import Replications, half_width, replicate_variants

CONFIDENCE = 0.95
FEW = 3  # nights of every set that is tried (ours)
SHORTLIST = 5  # single moves that are put on top of others (ours)
BEST_STARTS = 3  # single moves from which sets grow (ours)
LARGEST = 3  # moves in a set (ours)
FINALISTS, BEST_SINGLES = 2, 2  # sets, and single moves, that get all nights (ours)
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, eq=False)
class ActionMeasure:
    """Measure a night by what actions are judged by, as one number a night and by half hour."""

    night: PromoNight

    def __call__(self, contacts: Contacts, agents: Agents, result: Result) -> dict[str, Any]:
        """Measure one night."""
        night = self.night
        log = NightLog.of(contacts, agents, result, queues=night.queues, opens=night.grid.opens)
        by = kpis.interval_groups(log, night.grid)
        human = np.asarray(kpis.human(log, by), dtype=float)
        lost = human * np.nan_to_num(np.asarray(kpis.lost_share(log, by), dtype=float))
        in_time = np.asarray(kpis.service_level(log, threshold_s=night.threshold_s, by=by), dtype=float)
        return {
            "human": float(kpis.human(log)),
            "lost": float(lost.sum()),
            "lost_share": kpis.lost_share(log),
            "service_level": kpis.service_level(log, threshold_s=night.threshold_s),
            night.rates[0].key: kpis.platform_rate(log, night.rates[0]),
            "sales_lost": kpis.sales(log, curve=night.curve, values_cny=night.values_cny)[1],
            "human_by_interval": human,
            "lost_by_interval": lost,
            "in_time_by_interval": human * np.nan_to_num(in_time),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class MoveSet:
    """A set of moves and its nights beside the plan's."""

    moves: tuple[PlannedMove, ...]
    nights: Replications
    plan: Replications

    @property
    def key(self) -> frozenset[str]:
        """The keys of its moves."""
        return frozenset(move.key for move in self.moves)

    @property
    def cost_cny(self) -> float:
        """What the set costs."""
        return sum(move.cost_cny for move in self.moves)

    def gain(self, key: str) -> tuple[float, float]:
        """Return the mean of plan minus set over the common nights, and the half-width of its band of 95 %."""
        change = self.changes(key)
        return float(change.mean()), half_width(change, confidence=CONFIDENCE)

    def changes(self, key: str) -> np.ndarray:
        """Return plan minus set, night by night."""
        n = min(len(self.nights), len(self.plan))
        before, after = (np.asarray(each.figures[key], dtype=float)[:n] for each in (self.plan, self.nights))
        return np.asarray(before - after)

    @property
    def net_cny(self) -> np.ndarray:
        """Sales saved less the cost, night by night."""
        return self.changes("sales_lost") - self.cost_cny


def rehearse_moves(
    night: PromoNight,
    sets: Mapping[frozenset[str], Sequence[PlannedMove]],
    *,
    seed: int,
    replications: int,
    on_progress: Callable[[int, int], object] | None = None,
) -> dict[frozenset[str], Replications]:
    """Simulate the plan (under the empty set) and sets of moves on the same buyers."""
    nights = {NOTHING: night} | {key: apply_moves(night, moves) for key, moves in sets.items()}
    found = replicate_variants(
        make_variants({"\n".join(sorted(key)): each for key, each in nights.items()}),
        measure=ActionMeasure(night=night),
        seed=seed,
        replications=replications,
        turns=True,
        on_progress=on_progress,
    )
    return {key: found["\n".join(sorted(key))] for key in nights}


def rehearse_sets(night: PromoNight, sets: Iterable[tuple[PlannedMove, ...]], **how: Any) -> list[MoveSet]:
    """Simulate sets of moves beside the plan; arguments as for :func:`rehearse_moves`."""
    by_key = {frozenset(move.key for move in moves): moves for moves in sets}
    found = rehearse_moves(night, by_key, **how)
    return [MoveSet(moves=moves, nights=found[key], plan=found[NOTHING]) for key, moves in by_key.items()]


def search_sets(
    night: PromoNight,
    moves: Sequence[PlannedMove],
    *,
    closes: Callable[[MoveSet], bool],
    seed: int,
    replications: int = FEW,
    on_progress: Callable[[int, int], object] | None = None,
) -> list[tuple[PlannedMove, ...]]:
    """Search the sets of moves that save most beyond what they cost, and close the gap.

    Every move is tried alone on a few nights. Of those that are worth more than they cost, the ones that no other
    beats in both cost and gain come first; from the best of them, sets grow: the move that adds most beyond its cost
    is put on top, as long as that is more than chance (the band of 95 % of what it adds lies above 0), or the gap is
    still open and the set still brings more than it costs. The second set grows without the first move of the first,
    the third without those of both, so that there is a choice. It is a greedy search: two moves that help only
    together would be missed.

    Parameters
    ----------
    closes : callable
        Whether a set meets the targets in the gap.
    replications : int
        Nights of every set that is tried.

    Returns
    -------
    list of sets of moves
        The ones that are worth more nights.
    """
    by_key = {move.key: move for move in moves}
    tried: dict[frozenset[str], MoveSet] = {}

    def rehearse(keys: Iterable[frozenset[str]]) -> dict[frozenset[str], MoveSet]:
        sets = [tuple(move for name, move in by_key.items() if name in key) for key in keys]
        return {
            each.key: each
            for each in rehearse_sets(night, sets, seed=seed, replications=replications, on_progress=on_progress)
        }

    tried |= rehearse([frozenset([key]) for key in by_key])
    shortlist = shortlist_moves(tried)
    growing = {key: frozenset().union(*shortlist[:place]) for place, key in enumerate(shortlist[:BEST_STARTS])}
    ends = list(growing)
    for _ in range(LARGEST - 1):
        wider = {
            key: [key | other for other in shortlist if not other & without and not _clash(by_key, key, other)]
            for key, without in growing.items()
        }
        fresh = dict.fromkeys(each for sets in wider.values() for each in sets if each not in tried)
        tried |= rehearse(fresh) if fresh else {}
        steps = {key: _best_step(tried[key], [tried[each] for each in sets], closes) for key, sets in wider.items()}
        grown = {key: best.key for key, best in steps.items() if best is not None}
        ends = [grown.get(key, key) for key in ends]
        growing = {best: growing[key] for key, best in grown.items()}
    worth = [trial for trial in tried.values() if trial.net_cny.mean() > 0]
    ranked = sorted(worth, key=lambda trial: (not closes(trial), -float(trial.net_cny.mean())))
    singles = sorted(
        (trial for trial in tried.values() if len(trial.moves) == 1), key=lambda t: -float(t.net_cny.mean())
    )
    finalists = dict.fromkeys([*ends, *(trial.key for trial in (*ranked[:FINALISTS], *singles[:BEST_SINGLES]))])
    return [tried[key].moves for key in finalists]


def _clash(by_key: Mapping[str, PlannedMove], key: frozenset[str], other: frozenset[str]) -> bool:
    return any(name == each or by_key[name].clashes(by_key[each]) for name in key for each in other)


def _best_step(trial: MoveSet, wider: Sequence[MoveSet], closes: Callable[[MoveSet], bool]) -> MoveSet | None:
    """Return the wider set that adds most beyond its cost; None where that is chance and the gap needs no more."""
    best = max(wider, key=lambda each: float(each.net_cny.mean()), default=None)
    if best is None:
        return None
    added = best.net_cny - trial.net_cny
    if added.mean() > half_width(added, confidence=CONFIDENCE):
        return best
    return best if not closes(trial) and best.net_cny.mean() > 0 else None


def shortlist_moves(tried: Mapping[frozenset[str], MoveSet]) -> list[frozenset[str]]:
    """Return the single moves that are worth more than they cost, those that none beats in cost and gain first."""
    good = [trial for trial in tried.values() if len(trial.moves) == 1 and trial.net_cny.mean() > 0]
    gains = {trial.key: float(trial.changes("sales_lost").mean()) for trial in good}

    def beaten(trial: MoveSet) -> bool:
        return any(
            other.cost_cny <= trial.cost_cny and gains[other.key] >= gains[trial.key]
            for other in good
            if (other.cost_cny, gains[other.key]) != (trial.cost_cny, gains[trial.key])
        )

    ordered = sorted(good, key=lambda trial: (beaten(trial), -float(trial.net_cny.mean()), sorted(trial.key)))
    return [trial.key for trial in ordered[:SHORTLIST]]
