"""What a floor can do about an incident: levers with a delay and a cost, the best answer, the smallest reserve.

A lever, like a scenario, changes a copy of the night from the moment at which it begins to work, so answers are
compared on the same buyers as everything else. Delays, usual sizes and costs are in ``playbook/facts/levers.yml``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, reduce
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from simlib import facts
from simlib.kpis import BETTER
from simlib.night.buyers import Deferral, Episode
from simlib.night.promo_night import PromoNight
from simlib.simulator.replicate import Replications, half_width
from simlib.stress.compare import rehearse_nights
from simlib.stress.scenarios import Scenario, ScenarioError, disrupt, nearest

WITH_INCIDENTS = "no_lever"


@dataclass(frozen=True, kw_only=True)
class Lever:
    """Something a lead decides in the middle of a night.

    Parameters
    ----------
    kind : str
        What is done; one of :data:`LEVERS`.
    decided, until : pandas.Timestamp
        When it is decided (it works after its delay), and until when it is kept up, tz-aware.
    size : float, optional
        How much: people (call_pool), chats (raise_concurrency), minutes (extend_shifts), a share
        (shift_bot_share); the others have none.

    Raises
    ------
    ScenarioError
        The kind is unknown, or the size is missing, superfluous or out of range.
    """

    kind: str
    decided: pd.Timestamp
    until: pd.Timestamp
    size: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in LEVERS:
            near = nearest(self.kind, LEVERS)
            raise ScenarioError("unknown_lever", name=self.kind, allowed=list(LEVERS), near=near)
        if self.until <= self.decided:
            raise ScenarioError("ends_before_start", start=self.decided, end=self.until)
        fact = _fact(self.kind)
        if fact["value"] is None:
            if self.size is not None:
                raise ScenarioError("size_unwanted", what=self.kind, size=self.size)
        elif self.size is None or not fact["low"] <= self.size <= fact["high"]:
            low, high = fact["low"], fact["high"]
            raise ScenarioError("size_out_of_range", what=self.kind, size=self.size, low=low, high=high)

    @property
    def works_from(self) -> pd.Timestamp:
        """When it begins to work."""
        return self.decided + pd.Timedelta(minutes=_fact(self.kind)["delay_min"])

    def apply(self, night: PromoNight) -> PromoNight:
        """Change a copy of the night; a lever that would begin to work after its end changes nothing."""
        return LEVERS[self.kind].apply(night, self) if self.works_from < self.until else night

    def cost_cny(self, night: PromoNight) -> float:
        """Work out what it costs on this night, in yuan, beyond the wages of the roster."""
        return LEVERS[self.kind].cost(night, self) if self.works_from < self.until else 0.0


def apply_levers(night: PromoNight, levers: Sequence[Lever]) -> PromoNight:
    """Apply several levers, each at most once.

    Raises
    ------
    ScenarioError
        A lever is applied twice, or outside the night.
    """
    opens, closes = night.grid.opens, night.grid.times(night.grid.edges_s[-1:])[0]
    kinds = [lever.kind for lever in levers]
    for lever in levers:
        if kinds.count(lever.kind) > 1:
            others = [kind for kind in LEVERS if kind not in kinds]
            near = others[0] if others else WITH_INCIDENTS
            raise ScenarioError("lever_twice", what=lever.kind, allowed=others, near=near)
        if not opens <= lever.decided < closes:
            near = opens if lever.decided < opens else closes
            raise ScenarioError("outside_night", value=lever.decided, opens=opens, closes=closes, near=near)
    return reduce(lambda with_levers, lever: lever.apply(with_levers), levers, night)


@cache
def _fact(key: str) -> dict[str, Any]:
    rows = facts.table("levers")
    return dict(rows[rows["key"] == key].to_dict("records")[0])


# --- what each lever does and costs -----------------------------------------------------------------------


@dataclass(frozen=True)
class LeverKind:
    """What a kind of lever does to a night, and what that costs."""

    apply: Callable[[PromoNight, Lever], PromoNight]
    cost: Callable[[PromoNight, Lever], float]


def _free(night: PromoNight, lever: Lever) -> float:
    return 0.0


def _span_s(night: PromoNight, lever: Lever) -> tuple[float, float]:
    start, end = night.grid.seconds(pd.DatetimeIndex([lever.works_from, lever.until]))
    return float(start), float(end)


def _paid_hour_cny(night: PromoNight) -> float:
    """Price an hour beyond the roster: the people's mean hour at the overtime rate."""
    pay = facts.value("labour", "overtime_pay_pct", on=night.grid.opens.date()) / 100
    return float(night.people["cost_cny_h"].mean()) * float(pay)


def _call_pool(night: PromoNight, lever: Lever) -> PromoNight:
    """Seat people who stand by: each works like the middle one of the floor, and serves the busiest queue first.

    What affects everybody, a chat client that is down for all, affects them too.
    """
    n = round(lever.size or 0)
    if n == 0:
        return night
    busy = night.forecast.groupby("queue")["contacts"].sum().sort_values(ascending=False).index.tolist()
    skills = dict(zip(("skill_1", "skill_2", "skill_3"), busy[:3] + [None] * 3, strict=False))
    usual = {
        "capacity": int(night.people["capacity"].median()),
        "speed": float(night.people["speed"].median()),
    }
    so_far = len(night.people)
    ids = [f"reserve-{so_far + number}" for number in range(n)]
    people = pd.DataFrame({"agent_id": ids, "name": ids} | skills | usual, columns=night.people.columns)
    shift = {"queue": busy[0], "start": lever.works_from, "end": lever.until, "activity": "chat"}
    roster = pd.DataFrame({"agent_id": ids, "name": ids} | shift, columns=night.roster.columns)
    more = replace(
        night,
        people=_stack(night.people, people),
        roster=_stack(night.roster, roster),
    )
    newcomers = range(so_far, so_far + n)
    with_incidents = {}
    for name in ("down", "slow"):
        rows = [tuple(row) for row in getattr(night.disruptions, name).tolist()]
        common = {row[1:] for row in rows if {other[0] for other in rows if other[1:] == row[1:]} >= set(range(so_far))}
        with_incidents[name] = [(agent, *window) for agent in newcomers for window in sorted(common)]
    return disrupt(more, **with_incidents)


def _stack(table: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """Put rows below a table, every column keeping its type."""
    typed = {name: dtype for name, dtype in table.dtypes.items() if more[name].notna().all()}
    return pd.concat([table, more.astype(typed)], ignore_index=True)


def _cost_of_pool(night: PromoNight, lever: Lever) -> float:
    start_s, end_s = _span_s(night, lever)
    return (lever.size or 0.0) * (end_s - start_s) / 3600 * _paid_hour_cny(night)


def _raise_concurrency(night: PromoNight, lever: Lever) -> PromoNight:
    """Raise the chats that everybody may hold, all night: before the incident places are free, so no limit is met."""
    return replace(night, people=night.people.assign(capacity=night.people["capacity"] + round(lever.size or 0)))


def _staying(night: PromoNight, lever: Lever) -> pd.Series:
    """Mark the last chat segment of those whose shift ends while the lever is on."""
    chat = night.roster["activity"] == "chat"
    ends = night.roster["end"]
    is_last = chat & (ends == ends.where(chat).groupby(night.roster["agent_id"]).transform("max"))
    return is_last & (ends >= lever.works_from) & (ends < lever.until)


def _extend_shifts(night: PromoNight, lever: Lever) -> PromoNight:
    longer = night.roster["end"] + pd.Timedelta(minutes=lever.size or 0.0)
    return replace(night, roster=night.roster.assign(end=night.roster["end"].where(~_staying(night, lever), longer)))


def _cost_of_staying(night: PromoNight, lever: Lever) -> float:
    return int(_staying(night, lever).sum()) * (lever.size or 0.0) / 60 * _paid_hour_cny(night)


def _move_breaks(night: PromoNight, lever: Lever) -> PromoNight:
    """Move meals and breaks that would begin meanwhile to the end, for those who are still on chat by then."""
    roster = night.roster
    resting = roster["activity"].isin(["meal", "break"])
    moved = roster[resting & (roster["start"] >= lever.works_from) & (roster["end"] <= lever.until)]
    changed = roster.drop(moved.index)
    for agent, rests in moved.groupby("agent_id"):
        length = (rests["end"] - rests["start"]).sum()
        back = lever.until + length
        later = changed[(changed["agent_id"] == agent) & (changed["activity"] == "chat")]
        later = later[(later["start"] <= lever.until) & (later["end"] >= back)]
        if later.empty:  # nowhere to move it to: the rest stays where it was
            changed = pd.concat([changed, rests])
            continue
        cut = later.iloc[[0]]
        pieces = [rests.assign(activity="chat", queue=cut["queue"].iloc[0]), cut.assign(end=lever.until)]
        pieces += [rests.iloc[[0]].assign(start=lever.until, end=back), cut.assign(start=back)]
        changed = pd.concat([changed.drop(cut.index), *pieces], ignore_index=True)
    return replace(night, roster=changed[changed["end"] > changed["start"]].reset_index(drop=True))


def _expected(night: PromoNight, lever: Lever) -> pd.Series:
    """Contacts that are expected while the lever is on, by queue."""
    start_s, end_s = _span_s(night, lever)
    begins = night.grid.seconds(night.forecast["start"])
    inside = np.clip(np.minimum(begins + night.grid.step_s, end_s) - np.maximum(begins, start_s), 0.0, None)
    return (night.forecast["contacts"] * inside / night.grid.step_s).groupby(night.forecast["queue"]).sum()


def _shift_bot_share(night: PromoNight, lever: Lever) -> PromoNight:
    start_s, end_s = _span_s(night, lever)
    episode = Episode(start_s=start_s, end_s=end_s, bot_share_change=lever.size or 0.0)
    return replace(night, episodes=(*night.episodes, episode))


def _cost_of_bot(night: PromoNight, lever: Lever) -> float:
    worth = sum(count * night.values_cny.get(str(queue), 0.0) for queue, count in _expected(night, lever).items())
    return float(worth * (lever.size or 0.0) * _fact("bot_push_loss")["value"])


def _triage_aftersale(night: PromoNight, lever: Lever) -> PromoNight:
    start_s, end_s = _span_s(night, lever)
    deferral = Deferral(start_s=start_s, end_s=end_s, queue="aftersale", later_s=end_s - start_s)
    return replace(night, deferrals=(*night.deferrals, deferral)) if "aftersale" in night.queues else night


def _cost_of_triage(night: PromoNight, lever: Lever) -> float:
    return float(_expected(night, lever).get("aftersale", 0.0) * _fact("deferral_cost_cny")["value"])


def _hand_over(night: PromoNight, lever: Lever) -> PromoNight:
    """Hand the chats of a dark seat over once the delay has passed, wherever a seat goes dark."""
    return replace(night, policy=replace(night.policy, transfer_s=60.0 * _fact(lever.kind)["delay_min"]))


LEVERS: Mapping[str, LeverKind] = {
    "call_pool": LeverKind(_call_pool, _cost_of_pool),
    "raise_concurrency": LeverKind(_raise_concurrency, _free),
    "extend_shifts": LeverKind(_extend_shifts, _cost_of_staying),
    "move_breaks": LeverKind(_move_breaks, _free),
    "shift_bot_share": LeverKind(_shift_bot_share, _cost_of_bot),
    "triage_aftersale": LeverKind(_triage_aftersale, _cost_of_triage),
    "hand_over_sites": LeverKind(_hand_over, _free),
}
"""Every kind of lever, by its key in the glossary."""


def levers_for(night: PromoNight, scenario: Scenario, **sizes: float) -> tuple[Lever, ...]:
    """Lay every lever on a scenario: decided when it has been noticed, kept up until a while after its end.

    Parameters
    ----------
    sizes
        By kind, where another size than the usual one is wanted.
    """
    closes = night.grid.times(night.grid.edges_s[-1:])[0]
    latest = closes - pd.Timedelta(minutes=1)
    decided = min(scenario.start + pd.Timedelta(minutes=_fact("notice_min")["value"]), latest)
    until = min(max(scenario.end, decided) + pd.Timedelta(minutes=_fact("after_min")["value"]), closes)
    return tuple(
        Lever(kind=kind, decided=decided, until=until, size=sizes.get(kind, _fact(kind)["value"])) for kind in LEVERS
    )


# --- the best answer --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class BestResponse:
    """The best answer to a scenario that was found, and everything that was tried.

    Parameters
    ----------
    scenario : Scenario
        What is answered.
    levers : tuple of Lever
        The best answer; empty where waiting it out is best.
    table : DataFrame
        One row per set of levers: levers (tuple of kinds), won_back_cny with ``_low`` and ``_high`` (sales lost less
        than without levers, its band of 95 %), cost_cny, net_cny, platform_rate; the best net gain first. Sets that
        give the same nights at the same cost are one row, that of the smallest.
    """

    scenario: Scenario
    levers: tuple[Lever, ...]
    table: pd.DataFrame = field(repr=False)

    @property
    def follows_from_table(self) -> bool:
        """True if the first row of the table is the answer; else what it adds to the answer is no more than chance."""
        return set(self.table["levers"].iloc[0]) == {lever.kind for lever in self.levers}


def best_answer(
    night: PromoNight,
    scenario: Scenario,
    *,
    seed: int,
    replications: int,
    levers: Sequence[Lever] | None = None,
    on_progress: Callable[[int, int], object] | None = None,
    stop: Callable[[], bool] | None = None,
) -> BestResponse:
    """Search the levers that win back most beyond what they cost, one after the other on the same buyers.

    Every lever is tried alone; the best is kept, every other is tried on top of it, and so on until none adds more
    than it costs, beyond chance: the band of 95 % of the last gain must lie above 0. It is a greedy search; two
    levers that help only together would be missed.

    Parameters
    ----------
    levers : sequence of Lever, optional
        What may be applied; left out, :func:`levers_for`.
    on_progress, stop
        As in :func:`simlib.simulator.replicate.replicate_variants`, over each round of the search.
    """
    choices = {lever.kind: lever for lever in (levers_for(night, scenario) if levers is None else levers)}
    with_incidents = scenario.apply_to(night)
    simulated: dict[tuple[str, ...], Replications] = {}
    costs: dict[tuple[str, ...], float] = {(): 0.0}
    best: tuple[str, ...] = ()
    while True:
        sets = [(*best, kind) for kind in choices if kind not in best]
        asked = {
            key: apply_levers(with_incidents, [choices[kind] for kind in key]) for key in sets if key not in simulated
        }
        costs |= {key: sum(choices[kind].cost_cny(with_incidents) for kind in key) for key in asked}
        names = {" ".join(key): changed for key, changed in asked.items()}
        found = rehearse_nights(
            {"": with_incidents} | names,
            course=False,
            seed=seed,
            replications=replications,
            on_progress=on_progress,
            stop=stop,
        )
        simulated |= {tuple(name.split()): nights for name, nights in found.items()}
        if not found[""].complete or not sets:
            break
        nets = {key: _lost(simulated[best]) - _lost(simulated[key]) - (costs[key] - costs[best]) for key in sets}
        top = max(sets, key=lambda key: float(nets[key].mean()))
        if not nets[top].mean() > half_width(nets[top], confidence=0.95):
            break
        best = top
    rows = []
    for key, nights in distinct(simulated, costs, best=best).items():
        n = min(len(nights), len(simulated[()]))
        gain = _lost(simulated[()])[:n] - _lost(nights)[:n]
        mean, half = float(gain.mean()), half_width(gain, confidence=0.95) if key else 0.0
        rows.append(
            {
                "levers": key,
                "won_back_cny": mean,
                "won_back_cny_low": mean - half,
                "won_back_cny_high": mean + half,
                "cost_cny": costs[key],
                "net_cny": mean - costs[key],
                "platform_rate": float(np.nanmean(nights.figures[night.rates[0].key])),
            }
        )
    table = pd.DataFrame(rows).sort_values("net_cny", ascending=False, kind="stable", ignore_index=True)
    return BestResponse(scenario=scenario, levers=tuple(choices[kind] for kind in best), table=table)


def distinct(
    simulated: Mapping[tuple[str, ...], Replications], costs: Mapping[tuple[str, ...], float], *, best: tuple[str, ...]
) -> dict[tuple[str, ...], Replications]:
    """Return one set of levers for all that give the same nights at the same cost: the answer, else the smallest."""
    once: dict[tuple[Any, ...], tuple[str, ...]] = {}
    for key in sorted(simulated, key=lambda key: (key != best, len(key))):
        once.setdefault((round(costs[key], 2), *np.round(_lost(simulated[key]), 6)), key)
    return {key: simulated[key] for key in simulated if key in once.values()}


def _lost(nights: Replications) -> np.ndarray:
    return np.asarray(nights.figures["sales_lost"], dtype=float)


def map_levers(
    night: PromoNight,
    scenario: Scenario,
    *,
    across: str,
    up: str,
    seed: int,
    replications: int,
    sizes: Mapping[str, Sequence[float]] | None = None,
) -> pd.DataFrame:
    """Try two levers in every combination of their sizes.

    Parameters
    ----------
    across, up : str
        Kinds of levers that have a size.
    sizes : mapping, optional
        By kind; left out, those of ``playbook/facts/levers.yml``.

    Returns
    -------
    DataFrame
        A column for each of the two levers, and net_cny: sales won back against pulling neither, less the cost.
    """
    for kind in (across, up):
        if kind not in LEVERS or _fact(kind)["value"] is None:
            allowed = [name for name in LEVERS if _fact(name)["value"] is not None]
            raise ScenarioError("unknown_lever", name=kind, allowed=allowed, near=nearest(kind, allowed))
    if across == up:
        raise ScenarioError("lever_twice", what=up, allowed=list(LEVERS), near=nearest(up, set(LEVERS) - {up}))
    wanted = [list((sizes or {}).get(kind, _fact(kind)["sizes"])) for kind in (across, up)]
    with_incidents = scenario.apply_to(night)
    nights, costs = {"": with_incidents}, {}
    for pair in product(*wanted):
        laid = levers_for(night, scenario, **dict(zip((across, up), pair, strict=True)))
        with_levers = [lever for lever in laid if lever.kind in (across, up) and lever.size]
        nights[repr(pair)] = apply_levers(with_incidents, with_levers)
        costs[pair] = sum(lever.cost_cny(with_incidents) for lever in with_levers)
    simulated = rehearse_nights(nights, course=False, seed=seed, replications=replications)
    rows = []
    for pair, cost in costs.items():
        gain = float((_lost(simulated[""]) - _lost(simulated[repr(pair)])).mean())
        rows.append({across: pair[0], up: pair[1], "net_cny": gain - cost})
    return pd.DataFrame(rows)


# --- the smallest reserve ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Reserve:
    """The smallest reserve with which enough nights keep their targets.

    Parameters
    ----------
    agents : int or None
        People who stand by; None where even ``most`` are too few.
    table : DataFrame
        One row per reserve that was tried: reserve_agents, held_share (over the nights of all scenarios), and a
        column a scenario with the share of its own nights.
    """

    agents: int | None
    table: pd.DataFrame = field(repr=False)


def smallest_reserve(
    night: PromoNight,
    scenarios: Sequence[Scenario],
    *,
    targets: Mapping[str, float],
    seed: int,
    replications: int,
    held_share: float = 0.9,
    most: int = 60,
    on_progress: Callable[[int, int], object] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Reserve:
    """Find the fewest people standing by with whom enough nights with any one failure keep every target.

    One failure happens in a night, each as likely as the others; the reserve is called when it has been noticed, is
    seated ten minutes later and stays until a while after its end. More people on the same buyers hold at least about
    as many nights, so the number is found by halving.

    Parameters
    ----------
    targets : mapping of str to float
        What a night must reach, by KPI; at most where less is better, else at least.
    held_share : float
        Share of the nights that must hold, in (0, 1].
    most : int
        The largest reserve to try.
    """
    if not targets or not set(targets) <= set(BETTER):
        raise ValueError(f"targets must be at least one KPI with a better side, got {list(targets)}")
    if not 0 < held_share <= 1:
        raise ValueError(f"held_share must lie in (0, 1], got {held_share!r}")
    with_incidents = {scenario.name: scenario.apply_to(night) for scenario in scenarios}
    tried: dict[int, dict[str, float]] = {}

    def share(reserve: int) -> float:
        nights = {}
        kept = {}
        for scenario in scenarios:
            known = [(fewer, each[scenario.name]) for fewer, each in tried.items()]
            if any(fewer < reserve and held == 1.0 for fewer, held in known):
                kept[scenario.name] = 1.0  # every night held with fewer people already
                continue
            laid = levers_for(night, scenario, call_pool=reserve)
            pool = [lever for lever in laid if lever.kind == "call_pool"]
            nights[scenario.name] = apply_levers(with_incidents[scenario.name], pool)
        if nights:
            simulated = rehearse_nights(
                nights, course=False, seed=seed, replications=replications, on_progress=on_progress, stop=stop
            )
            kept |= {name: float(_holds(each, targets).mean()) for name, each in simulated.items()}
        tried[reserve] = {scenario.name: kept[scenario.name] for scenario in scenarios}
        return float(np.mean(list(kept.values())))

    low, high = 0, most
    if share(0) >= held_share:
        high = 0
    elif share(most) < held_share:
        low, high = most, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if share(middle) >= held_share else (middle, high)
    rows = [
        {"reserve_agents": reserve, "held_share": float(np.mean(list(kept.values()))), **kept}
        for reserve, kept in sorted(tried.items())
    ]
    return Reserve(agents=high if high <= most else None, table=pd.DataFrame(rows))


def _holds(nights: Replications, targets: Mapping[str, float]) -> np.ndarray:
    """Return for each night whether it keeps every target."""
    held = np.ones(len(nights), dtype=bool)
    for key, target in targets.items():
        values = np.asarray(nights.figures[key], dtype=float)
        held &= values >= target if BETTER[key] == "higher" else values <= target
    return held
