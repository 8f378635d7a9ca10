"""What the stress test has worked out: scenarios on the plan's buyers, the best answer to one, and the reserve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from simlib.messages import glossary
from simlib.night import PromoNight
from simlib.store.models import Store
from simlib.stress.compare import PLAN, StressTest, rehearse_scenarios
from simlib.stress.floor import FloorResult, examine_floor
from simlib.stress.levers import BestResponse, Reserve, best_answer, map_levers, smallest_reserve
from simlib.stress.scenarios import (
    Incident,
    Scenario,
    ScenarioError,
    find_scenario,
    people_at,
    people_in_order,
    read_scenarios,
    standard_scenarios,
)

BEFORE, AFTER = pd.Timedelta(hours=2), pd.Timedelta(hours=3)
ACROSS, UP = "call_pool", "shift_bot_share"
MOST_RESERVE = 24  # people; the largest reserve that is tried
BUSIEST = 10  # agents in the table of the fullest
UNCHANGED = 0.005  # change of an agent's saturation below which the scenario leaves the agent as in the plan (ours)
KEPT = ("human", "answered", "lost_share", "first_response", "sales_lost", "overtime", "occupancy")
OnProgress = Callable[[int, int], object]


@dataclass(frozen=True, kw_only=True)
class ScenarioSet:
    """The scenarios that a night is rehearsed with.

    Attributes
    ----------
    scenarios : tuple of Scenario
        The house's, the store's own that lie in this night, and a combination that was asked for.
    left_out : tuple of str
        The store's own that lie in another night.
    """

    scenarios: tuple[Scenario, ...]
    left_out: tuple[str, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """One row per incident: scenario, incident, start, end, size, queue, where."""
        rows = [
            {
                "scenario": scenario.name,
                "incident": incident.kind,
                "start": incident.start,
                "end": incident.end,
                "size": incident.size,
                "queue": incident.queue,
                "where": incident.seat or incident.room or incident.site or incident.cohort,
            }
            for scenario in self.scenarios
            for incident in scenario.incidents
        ]
        return pd.DataFrame(rows)


def collect_scenarios(night: PromoNight, store: Store, *, also: str = "") -> ScenarioSet:
    """Collect the scenarios to rehearse.

    Parameters
    ----------
    also : str
        Names joined by ``+``: these at once, beside all others. A single name adds nothing.

    Raises
    ------
    ScenarioError
        A seat is to be left at a time at which nobody sits there.
    """
    closes = night.grid.times(night.grid.edges_s[-1:])[0]
    own = read_scenarios(store.frame("scenarios"), tz=store.zone)
    inside = tuple(each for each in own if night.grid.opens <= each.start and each.end <= closes)
    for incident in (incident for scenario in inside for incident in scenario.incidents):
        if incident.kind == "seat_left" and not _somebody_there(night, incident):
            raise ScenarioError("nobody_on_duty", start=incident.start, end=incident.end)
    known = (*standard_scenarios(night), *inside)
    if also and "+" in also and also not in [scenario.name for scenario in known]:
        known = (*known, find_scenario(known, also))
    return ScenarioSet(scenarios=known, left_out=tuple(each.name for each in own if each not in inside))


def _somebody_there(night: PromoNight, incident: Incident) -> bool:
    """Return whether anybody of an incident's place is on duty while it lasts."""
    here = night.people["agent_id"].to_numpy()[people_at(night, incident)]
    return bool(set(here) & set(people_in_order(night, incident)))


@dataclass(frozen=True, kw_only=True)
class StressResult:
    """The stress test of one night.

    Attributes
    ----------
    scenarios : ScenarioSet
        What was rehearsed.
    test : StressTest
        The nights, on the same buyers.
    chosen : Scenario
        The scenario that is looked into: the one that was asked for, else the one that costs most.
    answer : Answer
        The best answer to it.
    lever_map : DataFrame
        Two levers in every combination of their sizes: call_pool, shift_bot_share, net_cny.
    reserve : Reserve
        The smallest reserve with which enough nights keep their targets.
    targets : mapping of str to float
        What a night must reach, by KPI.
    floor : FloorResult
        How chats are assigned, what waits for the morning, what the bot really takes.
    reserve_nights : int
        Nights of each scenario that the reserve rests on.
    plan_fails : bool
        Whether the plan itself fails so badly that answers and reserve mean nothing.
    """

    scenarios: ScenarioSet
    test: StressTest = field(repr=False)
    chosen: Scenario
    answer: BestResponse = field(repr=False)
    lever_map: pd.DataFrame = field(repr=False)
    reserve: Reserve = field(repr=False)
    targets: Mapping[str, float]
    floor: FloorResult = field(repr=False)
    reserve_nights: int = 0
    plan_fails: bool = False

    def moved(
        self, night: PromoNight, *, later: pd.Timedelta, lasts: pd.Timedelta, seed: int, replications: int
    ) -> StressResult:
        """Return the result in which the chosen scenario begins later and lasts so long; the answers stay as they are.

        Raises
        ------
        ScenarioError
            It does not lie in the night any more.
        """
        longer = lasts - (self.chosen.end - self.chosen.start)
        incidents = tuple(
            replace(each, start=each.start + later, end=each.end + later + longer) for each in self.chosen.incidents
        )
        moved = replace(self.chosen, incidents=incidents)
        test = rehearse_scenarios(night, (moved,), seed=seed, replications=replications, targets=self.targets)
        return replace(self, chosen=moved, test=test)

    @property
    def ranking(self) -> pd.DataFrame:
        """Every scenario against the plan, the dearest first."""
        hidden = [f"{key}_{end}" for key in ("answered_change", "overtime_change") for end in ("low", "high")]
        return self.test.ranking.drop(columns=hidden)

    @cached_property
    def held(self) -> tuple[Scenario, ...]:
        """The scenarios in which nothing fails that the plan keeps."""
        return tuple(each for each in self.test.scenarios if self.test.first_failure(each.name) is None)

    @property
    def recovery_min(self) -> float:
        """Minutes after the chosen scenario's end until the median night has recovered; inf where it does not."""
        return float(np.median(self.test.recovery_min(self.chosen.name)))

    @cached_property
    def around(self) -> np.ndarray:
        """Which steps of the course lie around the chosen scenario, so that a short incident can be seen."""
        starts = pd.Series(self.test.steps.starts)
        return np.asarray(((starts >= self.chosen.start - BEFORE) & (starts < self.chosen.end + AFTER)).to_numpy())

    @cached_property
    def stressed_kpis(self) -> pd.DataFrame:
        """The chosen scenario's KPIs beside the plan's: kpi, unit, in_plan, in_scenario, difference, low, high."""
        differences = self.test.difference(self.chosen.name).drop(columns=["half_width", "clear", "better"])
        kept = [*KEPT[:4], self.test.rate, *KEPT[4:]]
        table = differences.loc[[key for key in kept if key in differences.index]].rename_axis("kpi").reset_index()
        table.insert(1, "unit", [glossary()[key]["unit"] for key in table["kpi"]])
        return table.rename(columns={"a": "in_plan", "b": "in_scenario"})

    @cached_property
    def busiest_agents(self) -> pd.DataFrame:
        """The agents whose places are fullest in the chosen scenario, of those whom it changes."""
        table = self.test.saturation(self.chosen.name)
        change = (table["saturation"] - table["saturation_plan"].fillna(0.0)).abs()
        return table[change >= UNCHANGED].head(BUSIEST).reset_index(drop=True)

    @cached_property
    def answers(self) -> pd.DataFrame:
        """Every set of levers that was tried, the best net gain first: answer (lever keys) and its figures."""
        table = self.answer.table.drop(columns="levers")
        table.insert(0, "answer", [list(kinds) or ["no_lever"] for kinds in self.answer.table["levers"]])
        return table

    @cached_property
    def reserve_table(self) -> pd.DataFrame:
        """Share of each scenario's nights that hold: scenario, held_without, held_with the reserve."""
        table = self.reserve.table.set_index("reserve_agents")
        rows = [
            {
                "scenario": scenario.name,
                "held_without": table.loc[0, scenario.name],
                "held_with": table.loc[self.reserve_agents, scenario.name],
            }
            for scenario in self.scenarios.scenarios
        ]
        return pd.DataFrame(rows)

    @property
    def reserve_agents(self) -> int:
        """People who stand by: the smallest reserve that is enough, else the largest that was tried."""
        tried = self.reserve.table["reserve_agents"]
        return int(tried.iloc[-1]) if self.reserve.agents is None else self.reserve.agents

    @property
    def held_share(self) -> float:
        """Share of all nights that hold with that reserve."""
        table = self.reserve.table.set_index("reserve_agents")
        return float(table.loc[self.reserve_agents, "held_share"])

    @property
    def nights(self) -> int:
        """Nights of each scenario that were simulated."""
        return len(self.test.nights[PLAN])

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table of the stress test, by name."""
        return {
            "scenario_list": self.scenarios.table,
            "ranking": self.ranking,
            "stressed_kpis": self.stressed_kpis,
            "busiest_agents": self.busiest_agents,
            "answers": self.answers,
            "lever_map": self.lever_map,
            "reserve": self.reserve_table,
            **self.floor.tables,
        }


def work_out_stress(
    night: PromoNight,
    scenarios: ScenarioSet,
    *,
    targets: Mapping[str, float],
    seed: int,
    replications: int,
    scenario: str = "",
    plan_fails: bool = False,
    on_progress: Callable[[str], OnProgress] | None = None,
) -> StressResult:
    """Rehearse the scenarios, answer one of them, and find the smallest reserve.

    Parameters
    ----------
    targets : mapping of str to float
        What a night must reach, by KPI.
    replications : int
        Nights of each scenario; the search for answers and the reserve take a half and a quarter of them.
    scenario : str
        Name of the one to look into, ``a+b`` for two at once; empty for the one that costs most.
    plan_fails : bool
        Whether the plan fails badly without any scenario (:attr:`simlib.verdict.Verdict.fails_badly`).
    on_progress : callable, optional
        Called with the name of each part; returns what is called with nights done and nights in all.
    """
    watch: Callable[[str], OnProgress | None] = on_progress or (lambda _: None)
    asked: dict[str, Any] = {"seed": seed, "targets": targets}
    test = rehearse_scenarios(
        night, scenarios.scenarios, replications=replications, on_progress=watch("stress_test"), **asked
    )
    chosen = find_scenario(scenarios.scenarios, scenario) if scenario else test.worst
    few = max(2, replications // 4)
    return StressResult(
        scenarios=scenarios,
        test=test,
        chosen=chosen,
        answer=best_answer(
            night, chosen, seed=seed, replications=max(3, replications // 2), on_progress=watch("best_answer")
        ),
        lever_map=map_levers(night, chosen, across=ACROSS, up=UP, seed=seed, replications=few),
        reserve=smallest_reserve(
            night,
            scenarios.scenarios,
            replications=few,
            most=MOST_RESERVE,
            on_progress=watch("reserve_agents"),
            **asked,
        ),
        targets=targets,
        floor=examine_floor(night, seed=seed, replications=few),
        reserve_nights=few,
        plan_fails=plan_fails,
    )
