"""The pipeline on one page: store -> cascade -> contacts -> agents required -> roster -> the night -> verdict."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from simlib.actions.result import ActionsResult
from simlib.clock import read_date
from simlib.drill.result import DrillResult, play_by_script, work_out_drill
from simlib.forecasting.result import ConcurrencyResult, ForecastResult, RequirementResult, TonightResult
from simlib.goals.result import GoalsResult, work_out_goals
from simlib.headcounts import Headcounts, collect_headcounts
from simlib.inputs import FOR_ACTIONS, FOR_VERDICT, RESULTS, NightInputs, find_wave, with_exam
from simlib.messages import Lang
from simlib.night import PromoNight
from simlib.readiness.result import ReadinessResult, work_out_readiness
from simlib.retrospective.result import RetrospectiveResult, work_out_retrospective
from simlib.review import gather_night
from simlib.roster import Roster, solve_roster
from simlib.roster.repair import RepairResult, work_out_repair
from simlib.simulator.replicate import Replications
from simlib.staffing.result import PeopleResult, SalesResult, work_out_people, work_out_sales
from simlib.store import Store, load_store
from simlib.store.models import Wave
from simlib.stress.result import ScenarioSet, StressResult, collect_scenarios, work_out_stress
from simlib.verdict import Verdict


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """One store's promo night, chapter by chapter, each worked out when asked for; parameters: :func:`plan`."""

    store: Store
    wave: Wave
    source: str = ""
    seed: int = 7
    engine: str = "compiled"
    replications: int = 30
    roster_effort: float = 3.0
    roster_file: str = ""
    today: dt.date | None = None
    tonight: str = ""
    pasted: str = ""
    absent: str = ""
    absent_from: str = ""
    scenario: str = ""
    stress_replications: int = 10
    teams: int = 2
    minutes: int = 120
    round_min: int = 30
    incidents: str = ""

    @cached_property
    def inputs(self) -> NightInputs:
        """What every chapter starts from."""
        return NightInputs(store=self.store, wave=self.wave, engine=self.engine)

    @property
    def counted_from(self) -> dt.date:
        """The day from which days to go are counted: given, the store's own, else the real one."""
        return self.today or self.store.store.today or dt.date.today()

    @cached_property
    def sales(self) -> SalesResult:
        """Chapter 1: from the sales task to contacts and heads."""
        how: dict[str, Any] = {"shape": self.inputs.hours, "peak_share": self.inputs.peak_share, "seed": self.seed}
        return work_out_sales(self.store, wave=self.wave, ready_heads=len(self.inputs.ready), **how)

    @cached_property
    def forecasting(self) -> ForecastResult:
        """Chapter 3: who comes, by half hour and queue."""
        return self.inputs.forecast(self.cascade)

    @cached_property
    def required(self) -> RequirementResult:
        """Chapter 3: the people each half hour needs."""
        ceiling = self.sales.spans["occupancy_max"].likely
        return self.inputs.require(self.forecast, occupancy_max=ceiling, seed=self.seed)

    @cached_property
    def concurrency(self) -> ConcurrencyResult:
        """Chapter 3: what the concurrency limit does in the busiest half hour."""
        return self.inputs.sweep_concurrency(self.forecast, self.required.reachable["presale"])

    @cached_property
    def people(self) -> PeopleResult:
        """Chapter 1: need against have, where the missing people come from, who leads whom."""
        when = {"day": self.wave.day, "today": self.counted_from}
        stage = self.inputs.find_stage(self.source)
        return work_out_people(self.store, need=self.required.by_queue, stage=stage, **when)

    @cached_property
    def roster_result(self) -> Roster:
        """Chapter 3: the roster with its explanation."""
        return self._solve_roster()

    def solve_with_progress(self, on_progress: Callable[[float, float, float], None]) -> Roster:
        """Work the roster out unless it is there, reporting cost, bound, seconds; an interrupt keeps the best."""
        if "roster_result" not in vars(self):
            vars(self)["roster_result"] = self._solve_roster(on_progress=on_progress)
        return self.roster_result

    def _solve_roster(self, **watched: Any) -> Roster:
        tables = self.inputs.roster_tables(self.requirement)
        locked = self.inputs.read_own_roster(self.roster_file) if self.roster_file else None
        return solve_roster(**tables, locked=locked, seed=self.seed, effort=self.roster_effort, **watched)

    @cached_property
    def readiness(self) -> ReadinessResult:
        """Chapter 2: what is ready."""
        asked: dict[str, Any] = {"book": self.inputs.find_readiness(self.source), "promo_day": self.wave.day}
        asked |= {"assignments": self.roster, "contacts": self.forecast}
        return work_out_readiness(self.store, today=self.counted_from, peak_heads=self.required.peak_heads, **asked)

    @cached_property
    def night(self) -> PromoNight:
        """The night as the roster meets it; scenarios are changed copies of it."""
        return self.night_of(self.roster)

    def night_of(self, roster: pd.DataFrame) -> PromoNight:
        """Make the night as any roster of the same columns meets it, one that was kept for instance."""
        return self.inputs.make_night(self.forecast, roster, aov_cny=self.sales.spans["aov_cny"].likely)

    @cached_property
    def nights(self) -> Replications:
        """The simulated nights, if the forecast is right."""
        return self.night.rehearse(seed=self.seed, replications=self.replications)

    @cached_property
    def conclusion(self) -> Verdict:
        """What it all comes to."""
        return Verdict(roster=self.roster_result, asked=self.replications, **{n: getattr(self, n) for n in FOR_VERDICT})

    @cached_property
    def headcounts(self) -> Headcounts:
        """Which number is which: every headcount with its basis."""
        return collect_headcounts(self.inputs, self.sales, self.forecasting, self.required, self.roster_result)

    @cached_property
    def next_hours(self) -> TonightResult:
        """Chapter 3: the rest of the night, corrected by what has come."""
        how: dict[str, Any] = {"until": self.tonight, "pasted": self.pasted, "seed": self.seed}
        return self.inputs.look_ahead(self.forecast, self.roster, self.required, **how)

    def repair(self, *, before: Roster | None = None, still_away: tuple[str, ...] = ()) -> RepairResult:
        """Repair the roster, or one that was adopted, after ``absent`` called in sick from ``absent_from`` on."""
        how: dict[str, Any] = {"people": self.inputs.people, "absent": self.absent, "still_away": still_away}
        how |= {"at": self.inputs.read_moment(self.absent_from), "step": pd.Timedelta(seconds=self.inputs.grid.step_s)}
        return work_out_repair(before or self.roster_result, seed=self.seed, effort=self.roster_effort, **how)

    @cached_property
    def goals(self) -> GoalsResult:
        """Chapter 4: what to aim for, what it pays, and a team that knows."""
        given = self.inputs.find_goals(self.source, self.night, self.counted_from, self.seed, self.replications)
        given |= {"sales_cny": self.sales.value("cs_sales_cny"), "receptions": self.sales.value("human_contacts")}
        return work_out_goals(service=self.nights.nights, aov_cny=self.sales.spans["aov_cny"].likely, **given)

    @cached_property
    def retrospective(self) -> RetrospectiveResult:
        """Chapter 5: what came against the plan."""
        given = gather_night(self.inputs, self.night, aov_cny=self.sales.spans["aov_cny"].likely, source=self.source)
        asked: dict[str, Any] = {"forecast": self.forecast, "requirement": self.requirement, "seed": self.seed}
        return work_out_retrospective(**given, **asked, today=self.counted_from)

    @cached_property
    def scenarios(self) -> ScenarioSet:
        """Chapter 6: what may go wrong in this night."""
        return collect_scenarios(self.night, self.store, also=self.scenario)

    @cached_property
    def stress(self) -> StressResult:
        """Chapter 6: what each scenario costs, the best answer to one, the reserve."""
        return self._rehearse_stress()

    def stress_with_progress(self, on_progress: Callable[[str], Callable[[int, int], object]]) -> StressResult:
        """Work the stress test out now, unless it is there, as :func:`simlib.stress.result.work_out_stress` reports."""
        if "stress" not in vars(self):
            vars(self)["stress"] = self._rehearse_stress(on_progress=on_progress)
        return self.stress

    def _rehearse_stress(self, **watched: Any) -> StressResult:
        how: dict[str, Any] = {"seed": self.seed, "replications": self.stress_replications, "scenario": self.scenario}
        how |= {"targets": self.inputs.floors, "plan_fails": self.conclusion.fails_badly}
        return work_out_stress(self.night, self.scenarios, **how, **watched)

    @cached_property
    def actions_result(self) -> ActionsResult:
        """What to change before the night, ranked and priced."""
        return self.inputs.find_actions(self.night, **{name: getattr(self, name) for name in FOR_ACTIONS})

    @cached_property
    def drill(self) -> DrillResult:
        """Chapter 7: a drill of this night, played by script: team 1 follows the cards, the others do nothing."""
        game: dict[str, Any] = {"teams": self.teams, "minutes": self.minutes, "round_min": self.round_min}
        return work_out_drill(play_by_script(self.night, seed=self.seed, incidents=self.incidents, **game))

    cascade = property(lambda self: self.sales.cascade, doc="The sales cascade.")
    forecast = property(lambda self: self.forecasting.forecast, doc="Contacts by half hour and queue.")
    requirement = property(lambda self: self.required.requirement, doc="Agents needed by half hour and queue.")
    roster = property(lambda self: self.roster_result.assignments, doc="Who works when.")
    coverage = property(lambda self: self.roster_result.coverage, doc="Need against roster.")
    actions = property(lambda self: self.actions_result.table, doc="What to change, ranked and priced.")
    kpis = property(lambda self: self.conclusion.kpis, doc="Every KPI of the night, with its bands.")
    intervals = property(lambda self: self.conclusion.intervals, doc="The night by half hour.")

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table of every chapter, by name, in the order of the report; no two have one name."""
        return {name: table for each in RESULTS for name, table in getattr(self, each).tables.items()}

    def verdict(self, lang: Lang) -> list[str]:
        """Return the sentences that a manager can read out."""
        return self.conclusion.sentences(lang)


_SHARED: ContextVar[tuple[Plan, Store] | None] = ContextVar("shared_plan", default=None)


@contextmanager
def sharing(plan: Plan, *, of: Store) -> Iterator[None]:
    """Make every :func:`plan` of a store and the same parameters return this one: a run's notebooks share results."""
    token = _SHARED.set((plan, of))
    try:
        yield
    finally:
        _SHARED.reset(token)


def plan(store: Store | str | Path, *, wave: str = "", today: str = "", **parameters: Any) -> Plan:
    """Plan the night of one store, or of a path to one.

    ``wave`` is a name (left out, the wave whose day sells most), ``today`` the day from which days to go are counted.
    ``parameters`` are the fields of :class:`Plan`: seed, replications, engine, roster_effort, tonight and so on.
    """
    given: dict[str, Any] = {**parameters, **({} if isinstance(store, Store) else {"source": str(store)})}
    loaded = store if isinstance(store, Store) else load_store(Path(store))
    given |= {"wave": find_wave(loaded, wave)} | ({"today": read_date(today)} if today else {})
    shared, of = _SHARED.get() or (None, None)
    if shared is not None and (of is loaded or of == loaded) and all(getattr(shared, k) == given[k] for k in given):
        return shared
    return Plan(store=with_exam(loaded, given.get("source", "")), **given)
