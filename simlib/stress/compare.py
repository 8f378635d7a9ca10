"""Scenarios side by side on the same buyers: what each costs, what fails first, how long the floor takes to recover."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from simlib import kpis
from simlib.intervals import Grid
from simlib.kpis import BETTER, COURSE_STEP_S, NightLog, buyers_waiting, mean_level, open_chats
from simlib.night.promo_night import PromoNight, make_variants
from simlib.simulator import Agents, Contacts, Result
from simlib.simulator.replicate import Replications, compare, replicate_variants
from simlib.stress.scenarios import Scenario

PLAN = "plan"
# When the floor has recovered: at most so many more buyers wait than in the plan's night, or this share more (ours).
EXCESS_BUYERS, EXCESS_SHARE = 3.0, 0.1
FULL_SHARE = 0.95  # of the places for chats, on average over a step: for most of it none is left (ours)


NIGHT_KPIS: Mapping[str, Callable[[NightLog], Any]] = {
    "offered": kpis.offered,
    "bot_resolved": kpis.bot_resolved,
    "human": kpis.human,
    "answered": kpis.answered,
    "abandoned": kpis.abandoned,
    "silent": kpis.silently_left,
    "unserved": kpis.unserved,
    "lost_share": kpis.lost_share,
    "first_response": kpis.first_response,
    "mean_response": kpis.mean_response,
    "occupancy": kpis.occupancy,
    "overtime": kpis.overtime,
}
"""What is measured of each stressed night, beside the service level, the platform's rates and the money.

Not every KPI there is: a stress test simulates thousands of nights, and the rest adds little about them.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class StressMeasure:
    """Measure a stressed night: its KPIs and, if asked for, its course and the use of each agent's places.

    Parameters
    ----------
    night : PromoNight
        The plan's, for its queues, its threshold, its rates and its money.
    course : bool
        Also measure it in steps of ten minutes, under ``<measure>_by_step``, and ``saturation_by_agent``.
    """

    night: PromoNight
    course: bool = True

    @cached_property
    def steps(self) -> Grid:
        """The steps of the course."""
        n = int(self.night.grid.edges_s[-1]) // COURSE_STEP_S
        return Grid(opens=self.night.grid.opens, n=n, step_s=COURSE_STEP_S)

    def __call__(self, contacts: Contacts, agents: Agents, result: Result) -> dict[str, Any]:
        """Measure one night."""
        night = self.night
        log = NightLog.of(contacts, agents, result, queues=night.queues, opens=night.grid.opens)
        figures = {key: measure(log) for key, measure in NIGHT_KPIS.items()}
        figures["service_level"] = kpis.service_level(log, threshold_s=night.threshold_s)
        figures |= {score.key: kpis.count_score(log, score).value for score in night.scores[:1]}
        figures |= {rate.key: kpis.platform_rate(log, rate) for rate in night.rates}
        kept, lost = kpis.sales(log, curve=night.curve, values_cny=night.values_cny)
        figures |= {"sales_kept": kept, "sales_lost": lost}
        if self.course:
            figures |= {f"{key}_by_step": np.asarray(values) for key, values in self._course(log).items()}
            places_s = np.asarray(agents.capacity * agents.on_duty_s, dtype=float)
            used_s = result.agents["chat_seconds"].to_numpy(dtype=float)
            nothing = np.full(len(places_s), np.nan)
            figures["saturation_by_agent"] = np.divide(used_s, places_s, out=nothing, where=places_s > 0)
        return figures

    def _course(self, log: NightLog) -> dict[str, Any]:
        by_step = kpis.interval_groups(log, self.steps)
        return {
            "offered": np.bincount(by_step.slots, minlength=self.steps.n + 1)[1:].astype(float),
            "open_chats": open_chats(log, self.steps),
            "waiting": buyers_waiting(log, self.steps),
            "first_response": kpis.first_response(log, by_step),
            "service_level": kpis.service_level(log, threshold_s=self.night.threshold_s, by=by_step),
            "platform_rate": kpis.platform_rate(log, self.night.rates[0], by=by_step),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class StressTest:
    """A plan and its scenarios, simulated on the same buyers.

    Parameters
    ----------
    night : PromoNight
        The plan's.
    scenario_nights : mapping of str to PromoNight
        The night of each scenario, by its name.
    scenarios : tuple of Scenario
        As they were asked for.
    nights : mapping of str to Replications
        By name; ``plan`` is the plan's.
    targets : mapping of str to float
        What each KPI must reach, by glossary key.
    """

    night: PromoNight
    scenarios: tuple[Scenario, ...]
    scenario_nights: Mapping[str, PromoNight] = field(repr=False)
    nights: Mapping[str, Replications] = field(repr=False)
    targets: Mapping[str, float] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Return whether every night that was asked for was simulated."""
        return self.nights[PLAN].complete

    @cached_property
    def steps(self) -> Grid:
        """The steps of ten minutes in which the course of a night is given."""
        return StressMeasure(night=self.night).steps

    @property
    def rate(self) -> str:
        """The platform's own response rate, the headline one."""
        return self.night.rates[0].key

    def scenario(self, name: str) -> Scenario:
        """Look a scenario up by its name."""
        return next(scenario for scenario in self.scenarios if scenario.name == name)

    def difference(self, name: str) -> pd.DataFrame:
        """Compare a scenario with the plan night by night, one row per KPI: what ``replicate.compare`` gives."""
        return compare(self.nights[PLAN], self.nights[name])

    @cached_property
    def ranking(self) -> pd.DataFrame:
        """Every scenario against the plan on the same buyers, the dearest first.

        Returns
        -------
        DataFrame
            scenario; extra_lost_cny, answered_change, rate_change (of the platform's rate), overtime_change, each
            the mean difference with ``_low`` and ``_high``, its band of 95 %; recovery_min (the median night's);
            fails_first and fails_at (None where nothing fails that held in the plan).
        """
        measures = {
            "extra_lost_cny": "sales_lost",
            "answered_change": "answered",
            "rate_change": self.rate,
            "overtime_change": "overtime",
        }
        rows = []
        for scenario in self.scenarios:
            table = self.difference(scenario.name)
            row: dict[str, Any] = {"scenario": scenario.name}
            for column, kpi in measures.items():
                row[column] = table.loc[kpi, "difference"]
                row[f"{column}_low"], row[f"{column}_high"] = table.loc[kpi, "low"], table.loc[kpi, "high"]
            row["recovery_min"] = float(np.median(self.recovery_min(scenario.name)))
            row["fails_first"], row["fails_at"] = self.first_failure(scenario.name) or (None, None)
            rows.append(row)
        return pd.DataFrame(rows).sort_values("extra_lost_cny", ascending=False, kind="stable", ignore_index=True)

    @property
    def worst(self) -> Scenario:
        """The scenario that costs most."""
        return self.scenario(self.ranking["scenario"].iloc[0])

    def recovery_min(self, name: str) -> np.ndarray:
        """Minutes from the end of a scenario until no more buyers wait than in the plan's same night, one a night.

        In whole steps. At most three more, or a tenth more, counts as recovered; a scenario that never made more
        wait takes 0, and one under which too many wait until the night is over takes inf.
        """
        plan, scenario = self.nights[PLAN], self.nights[name]
        _, mine, theirs = np.intersect1d(scenario.numbers, plan.numbers, return_indices=True)
        waiting = scenario.figures["waiting_by_step"][mine]
        usual = plan.figures["waiting_by_step"][theirs]
        crowded = waiting > usual + np.maximum(EXCESS_BUYERS, EXCESS_SHARE * usual)
        last = crowded.shape[1] - np.argmax(crowded[:, ::-1], axis=1)  # the edge behind the last crowded step
        end_s = self.night.grid.seconds(pd.DatetimeIndex([self.scenario(name).end]))[0]
        minutes = np.maximum(self.steps.edges_s[last] - end_s, 0.0) / 60
        minutes = np.where(crowded.any(axis=1), minutes, 0.0)
        return np.where(crowded[:, -1], np.inf, minutes)

    def first_failure(self, name: str) -> tuple[str, pd.Timestamp] | None:
        """Find what first misses its limit from the beginning of a scenario on, on the mean of the nights.

        The limits: places for chats left, the mean first response within the service level's threshold, and the
        targets of the service level and the platform's rate. What the plan misses in the same step is not counted.

        Returns
        -------
        (str, Timestamp) or None
            The glossary key and the start of the step.
        """
        start_s = self.night.grid.seconds(pd.DatetimeIndex([self.scenario(name).start]))[0]
        begin = int(np.searchsorted(self.steps.edges_s, start_s, side="right")) - 1
        usual = self._plan_breaches
        broken = {key: missed & ~usual[key] for key, missed in self._breaches(name).items()}
        found = [(int(np.argmax(steps[begin:])), key) for key, steps in broken.items() if steps[begin:].any()]
        if not found:
            return None
        step, key = min(found, key=lambda pair: pair[0])
        return key, self.steps.starts[begin + step]

    @cached_property
    def _plan_breaches(self) -> dict[str, np.ndarray]:
        return self._breaches(PLAN)

    def _breaches(self, name: str) -> dict[str, np.ndarray]:
        """Mark the steps in which each limit is missed."""
        course = self._means(name)
        night = self.night if name == PLAN else self.scenario_nights[name]
        places = chat_places(night, self.steps)
        broken = {"places_full": (course["open_chats"] >= FULL_SHARE * places) & (course["offered"] > 0)}
        broken["first_response"] = course["first_response"] > self.night.threshold_s
        for key, curve in (("service_level", "service_level"), (self.rate, "platform_rate")):
            if key in self.targets:
                broken[key] = course[curve] < self.targets[key]
        return broken

    def _means(self, name: str) -> dict[str, np.ndarray]:
        suffix = "_by_step"
        figures = self.nights[name].figures
        return {key.removesuffix(suffix): _mean(values) for key, values in figures.items() if key.endswith(suffix)}

    def course(self, name: str) -> pd.DataFrame:
        """Return a night in steps of ten minutes, as :func:`simlib.report.charts.plot_night` draws it.

        Returns
        -------
        DataFrame
            start; offered, open_chats, waiting, first_response, service_level, platform_rate, each with the 5th
            and 95th percentile of nights as ``_low`` and ``_high``.
        """
        table = pd.DataFrame({"start": self.steps.starts})
        for key in self._means(name):
            band = self.nights[name].band(f"{key}_by_step")
            table[key] = band["mean"].to_numpy()
            table[f"{key}_low"], table[f"{key}_high"] = band["p05"].to_numpy(), band["p95"].to_numpy()
        return table

    def saturation(self, name: str) -> pd.DataFrame:
        """Share of each agent's places in use, in the plan and in a scenario, the fullest first.

        Returns
        -------
        DataFrame
            agent_id, name, cohort, saturation_plan, saturation; who is not on duty in the scenario is left out.
        """
        table = self.night.people[["agent_id", "name", "cohort"]].copy()
        for column, night in (("saturation_plan", PLAN), ("saturation", name)):
            table[column] = _mean(self.nights[night].figures["saturation_by_agent"])
        table = table.dropna(subset=["saturation"])
        return table.sort_values("saturation", ascending=False, kind="stable", ignore_index=True)

    def shades(self, name: str) -> list[tuple[pd.Timestamp, pd.Timestamp, str]]:
        """List what to shade in a picture of the night: from, to, and the kind of each incident."""
        return [(*incident.window, f"kind_{incident.kind}") for incident in self.scenario(name).incidents]


def _mean(values: np.ndarray) -> np.ndarray:
    """Average over the nights; a step without a value in any night has none."""
    counted = ~np.isnan(values)
    n = counted.sum(axis=0)
    total = np.where(counted, values, 0.0).sum(axis=0)
    return np.asarray(np.divide(total, n, out=np.full(values.shape[1], np.nan), where=n > 0))


def chat_places(night: PromoNight, steps: Grid) -> np.ndarray:
    """Mean number of places for chats in each step: of those on duty, at seats that work, less the shrinkage."""
    agents = night.agents()
    spans = [(start_s, end_s, agents.capacity[agent]) for agent, start_s, end_s in agents.shifts.tolist()]
    dark: dict[int, list[tuple[float, float]]] = {}
    for agent, start_s, end_s in night.disruptions.down.tolist():
        dark.setdefault(agent, []).append((start_s, end_s))
    for agent, start_s, end_s in agents.shifts.tolist():
        for dark_s, light_s in _union(dark.get(agent, [])):
            low, high = max(dark_s, start_s), min(light_s, end_s)
            if low < high:
                spans.append((low, high, -agents.capacity[agent]))
    table = np.array(spans, dtype=float).reshape(-1, 3)
    places = np.maximum(mean_level(table[:, 0], table[:, 1], steps, table[:, 2]), 0.0)
    return np.asarray(places * night.shrinkage.on_chat_share)


def _union(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join spans that overlap."""
    joined: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def rehearse_scenarios(
    night: PromoNight,
    scenarios: Sequence[Scenario],
    *,
    seed: int,
    replications: int,
    targets: Mapping[str, float] | None = None,
    workers: int | None = None,
    on_progress: Callable[[int, int], object] | None = None,
    stop: Callable[[], bool] | None = None,
) -> StressTest:
    """Simulate a night as planned and as each scenario makes it, every time with the same buyers.

    Parameters
    ----------
    night : PromoNight
        The plan's.
    scenarios : sequence of Scenario
        With different names.
    targets : mapping of str to float, optional
        What each KPI must reach, by glossary key: ``service_level``, the platform's rate.
    workers, on_progress, stop
        As in :func:`simlib.simulator.replicate.replicate_variants`; a night counts as done when all its scenarios
        are.

    Raises
    ------
    ScenarioError
        A scenario lies outside the night or names a place that is not there.
    ValueError
        Two scenarios have the same name, or a target has no better side.
    """
    names = [scenario.name for scenario in scenarios]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"scenarios must have different names, got {twice[0]!r} twice")
    aimless = [key for key in targets or {} if key not in BETTER]
    if aimless:
        raise ValueError(f"targets must be KPIs with a better side, got {aimless[0]!r}")
    scenario_nights = {scenario.name: scenario.apply_to(night) for scenario in scenarios}
    return StressTest(
        night=night,
        scenarios=tuple(scenarios),
        scenario_nights=scenario_nights,
        nights=rehearse_nights(
            {PLAN: night, **scenario_nights},
            seed=seed,
            replications=replications,
            workers=workers,
            on_progress=on_progress,
            stop=stop,
        ),
        targets=targets or {},
    )


def rehearse_nights(nights: Mapping[str, PromoNight], *, course: bool = True, **how: Any) -> dict[str, Replications]:
    """Simulate versions of one night on the same buyers.

    Parameters
    ----------
    nights : mapping of str to PromoNight
        By name; the buyers of the first are drawn once for all that share them.
    course : bool
        Measure the course of each night too, not only its KPIs (:class:`StressMeasure`).
    how
        seed, replications and the rest, as in :func:`simlib.simulator.replicate.replicate_variants`.
    """
    measure = StressMeasure(night=next(iter(nights.values())), course=course)
    return replicate_variants(make_variants(nights), measure=measure, turns=True, **how)
