"""The pieces of the stress test's chapter: what its notebook shows, made from a stress test's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from simlib import facts
from simlib.messages import Lang, glossary, label, translate
from simlib.report.columns import list_words, quantity
from simlib.report.html import Fragment, show_chart, show_table, show_text, show_verdict
from simlib.report.pages import put_together
from simlib.report.stress_charts import plot_lever_map, plot_ranking, plot_stressed_night
from simlib.stress import (
    Answer,
    Incident,
    Reserve,
    Scenario,
    StressTest,
    find_scenario,
    read_scenarios,
    standard_scenarios,
)

if TYPE_CHECKING:
    from simlib.planning import Plan

BEFORE, AFTER = pd.Timedelta(hours=2), pd.Timedelta(hours=3)
ANSWERS_SHOWN = 12


def all_scenarios(plan: Plan, *, also: str = "") -> tuple[Scenario, ...]:
    """Give the scenarios to rehearse: the house's, the store's own that lie in this night, and one combination.

    Parameters
    ----------
    also : str
        Names joined by ``+``: these at once, beside all others. A single name adds nothing.
    """
    known = (*standard_scenarios(plan.night), *own_scenarios(plan)[0])
    names = [scenario.name for scenario in known]
    return (*known, find_scenario(known, also)) if also and also not in names and "+" in also else known


def own_scenarios(plan: Plan) -> tuple[tuple[Scenario, ...], tuple[Scenario, ...]]:
    """Part the store's own scenarios into those of this night and those of another."""
    grid = plan.night.grid
    closes = grid.times(grid.edges_s[-1:])[0]
    own = read_scenarios(plan.store.frame("scenarios"), tz=plan.store.zone)
    inside = tuple(scenario for scenario in own if grid.opens <= scenario.start and scenario.end <= closes)
    return inside, tuple(scenario for scenario in own if scenario not in inside)


def show_scenarios(plan: Plan, scenarios: Sequence[Scenario], *, lang: Lang) -> Fragment:
    """Show what happens in each scenario, when, how much, where; name the store's own that are not of this night."""
    left_out = [scenario.name for scenario in own_scenarios(plan)[1]]
    note = [show_text(translate("stress.left_out", lang, names=list_words(left_out, lang)))] if left_out else []
    rows = [
        {
            "scenario": scenario.title(lang),
            "incident": label(f"kind_{incident.kind}", lang),
            "start": incident.start,
            "end": incident.end,
            "size": incident.size,
            "queue": incident.queue,
            "where": incident.seat or incident.room or incident.site or whose(incident, lang),
        }
        for scenario in scenarios
        for incident in scenario.incidents
    ]
    return put_together(show_table(pd.DataFrame(rows), lang=lang), *note)


def whose(incident: Incident, lang: Lang) -> str | None:
    """Name the cohort that an incident is about, if it is about one."""
    return label(incident.cohort, lang) if incident.cohort else None


def show_ranking(test: StressTest, *, lang: Lang) -> Fragment:
    """Show every scenario against the plan, the dearest first, and say which fails how."""
    ranking = test.ranking
    names = [test.scenario(name).title(lang) for name in ranking["scenario"]]
    fails = [failure_words(key, lang) for key in ranking["fails_first"]]
    table = ranking.assign(scenario=names, fails_first=fails)
    hidden = [f"{key}_{end}" for key in ("answered_change", "overtime_change") for end in ("low", "high")]
    worst = ranking.iloc[0]
    said = translate(
        "stress.worst",
        lang,
        name=names[0],
        lost=quantity(worst["extra_lost_cny"], "CNY", lang),
        low=quantity(worst["extra_lost_cny_low"], "CNY", lang),
        high=quantity(worst["extra_lost_cny_high"], "CNY", lang),
        nights=len(test.nights["plan"]),
    )
    stopped = [] if test.complete else [show_text(translate("stress.stopped", lang))]
    return put_together(
        *stopped,
        show_verdict([said, *failure_sentence(test, ranking["scenario"].iloc[0], lang=lang)], tone="bad"),
        show_chart(plot_ranking(ranking, lang=lang, names=names)),
        show_table(table.drop(columns=hidden), lang=lang),
    )


def failure_words(key: object, lang: Lang) -> str | None:
    """Name what fails first; nothing where nothing does."""
    return label(key, lang) if isinstance(key, str) and key in glossary() else None


def failure_sentence(test: StressTest, name: str, *, lang: Lang) -> list[str]:
    """Say what fails first in a scenario and how long the floor takes to recover."""
    failure = test.first_failure(name)
    minutes = float(np.median(test.recovery_min(name)))
    said = (
        translate("stress.nothing_fails", lang)
        if failure is None
        else translate("stress.fails_first", lang, what=label(failure[0], lang), clock=f"{failure[1]:%H:%M}")
    )
    if np.isinf(minutes):
        return [said, translate("stress.never_recovers", lang)]
    return [said, translate("stress.recovers", lang, minutes=f"{minutes:.0f}")]


def show_stressed_night(test: StressTest, name: str, *, lang: Lang) -> Fragment:
    """Show one scenario: the picture of the night, its KPIs against the plan's, the fullest agents, the card."""
    scenario = test.scenario(name)
    inside = _around(test, scenario)
    course, plan = test.course(name)[inside], test.course("plan")[inside]
    differences = test.difference(name).drop(columns=["half_width", "clear", "better"])
    kept = [
        "human",
        "answered",
        "lost_share",
        "first_response",
        test.rate,
        "sales_lost",
        "overtime",
        "occupancy",
    ]
    compared = differences.loc[[key for key in kept if key in differences.index]].rename_axis("kpi").reset_index()
    compared.insert(1, "unit", [glossary()[key]["unit"] for key in compared["kpi"]])
    compared = compared.rename(columns={"a": "in_plan", "b": "in_scenario"})
    limits = {"first_response": test.night.threshold_s}
    if test.rate in test.targets:
        limits["platform_rate"] = test.targets[test.rate]
    return put_together(
        show_text(scenario.title(lang)),
        show_chart(plot_stressed_night(course, lang=lang, plan=plan, incidents=test.shades(name), limits=limits)),
        show_table(compared, lang=lang),
        show_table(test.saturation(name).head(10), lang=lang, caption=label("busiest_agents", lang)),
        show_card(scenario, lang=lang),
    )


def _around(test: StressTest, scenario: Scenario) -> pd.Series:
    """Mark the steps around a scenario, so that a short incident can be seen."""
    starts = pd.Series(test.steps.starts)
    return ((starts >= scenario.start - BEFORE) & (starts < scenario.end + AFTER)).to_numpy()


def show_card(scenario: Scenario, *, lang: Lang) -> Fragment:
    """Show what the incident cards say: when to call it, the first five minutes, what to tell buyers."""
    cards = facts.table("incidents").set_index("key")
    pieces = []
    for key in scenario.cards:
        card = cards.loc[key, lang]
        pieces.append(
            show_text(translate("stress.card", lang, name=card["name"]), card["trigger"], *card["first_5_min"])
        )
        pieces.append(show_text(translate("stress.card_phrase", lang, phrase=card["phrase"])))
    return put_together(*pieces)


def show_failing(test: StressTest, *, lang: Lang) -> Fragment:
    """Say which scenarios the night survives without missing a target that the plan keeps."""
    held = [scenario.title(lang) for scenario in test.scenarios if test.first_failure(scenario.name) is None]
    return show_text(
        translate("stress.held", lang, names=list_words(held, lang)) if held else translate("stress.none_held", lang)
    )


def show_answer(answer: Answer, *, lang: Lang) -> Fragment:
    """Show the best answer to a scenario, and everything that was tried, with gain and cost."""
    name = answer.scenario.title(lang)
    kinds = tuple(lever.kind for lever in answer.levers)
    if kinds:
        row = answer.table[answer.table["levers"] == kinds].iloc[0]
        said = translate(
            "stress.best_answer",
            lang,
            name=name,
            levers=lever_words(kinds, lang),
            won=quantity(row["won_back_cny"], "CNY", lang),
            cost=quantity(row["cost_cny"], "CNY", lang),
            net=quantity(row["net_cny"], "CNY", lang),
        )
    else:
        said = translate("stress.wait_it_out", lang, name=name)
    table = answer.table.drop(columns="levers")
    table.insert(0, "answer", [lever_words(tried, lang) for tried in answer.table["levers"]])
    return put_together(show_verdict([said]), show_table(table.head(ANSWERS_SHOWN), lang=lang))


def lever_words(kinds: Sequence[str], lang: Lang) -> str:
    """Name a set of levers; an empty one is waiting it out."""
    return list_words([label(kind, lang) for kind in kinds], lang) if kinds else label("no_lever", lang)


def show_lever_map(grid: pd.DataFrame, *, across: str, up: str, lang: Lang) -> Fragment:
    """Show what two levers bring together, net of their cost."""
    return show_chart(plot_lever_map(grid, lang=lang, across=across, up=up, value="net_cny"))


def show_reserve(
    reserve: Reserve, scenarios: Sequence[Scenario], *, targets: Mapping[str, float], lang: Lang
) -> Fragment:
    """Show how many people should stand by, and how each scenario's nights hold without and with them."""
    table = reserve.table.set_index("reserve_agents")
    agents = int(table.index[-1]) if reserve.agents is None else reserve.agents
    key = "too_few" if reserve.agents is None else "enough" if agents else "none"
    values = {
        "share": quantity(table.loc[agents, "held_share"], "share", lang),
        "targets": list_words([label(kpi, lang) for kpi in targets], lang),
    }
    if key == "none":
        said = translate("stress.reserve_none", lang, **values)
    else:
        said = translate(f"stress.reserve_{key}", lang, agents=agents, **values)
    rows = [
        {
            "scenario": scenario.title(lang),
            "held_without": table.loc[0, scenario.name],
            "held_with": table.loc[agents, scenario.name],
        }
        for scenario in scenarios
    ]
    return put_together(
        show_verdict([said], tone="plain" if reserve.agents is not None else "bad"),
        show_table(pd.DataFrame(rows), lang=lang),
    )
