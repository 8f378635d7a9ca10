"""Chapter 6, the stress test: what each scenario costs, the night that goes wrong, the best answer, the reserve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from simlib import facts
from simlib.messages import Lang, glossary, label, translate
from simlib.report.charts.stress_test import plot_lever_map, plot_ranking, plot_stressed_night
from simlib.report.columns import list_words, lower_end, quantity, table_label
from simlib.report.html import Fragment, show_chart, show_left_out, show_table, show_text, show_verdict
from simlib.report.pages.common import drawn_once, show_result, stack

if TYPE_CHECKING:
    from simlib.planning import Plan
    from simlib.stress.result import ScenarioSet, StressResult
    from simlib.stress.scenarios import Scenario

ANSWERS_SHOWN = 12


def sections(plan: Plan, *, lang: Lang) -> list[Fragment]:
    """Return the chapter's pieces in the order of the report; of a plan that fails by itself that stands first."""
    failing = [show_failing(plan.stress, lang=lang)]
    return [
        *(failing if plan.stress.plan_fails else []),
        show_scenarios(plan.scenarios, lang=lang),
        show_ranking(plan.stress, lang=lang),
        show_stressed_night(plan.stress, lang=lang),
        *([] if plan.stress.plan_fails else failing),
        show_answer(plan.stress, lang=lang),
        show_lever_map(plan.stress, lang=lang),
        show_reserve(plan.stress, lang=lang),
        show_floor(plan.stress, lang=lang),
    ]


def show_floor(stress: StressResult, *, lang: Lang) -> Fragment:
    """Show how chats are assigned and who drowns, what waits for the morning, and what the bot really takes."""
    tables, routing = stress.floor.tables, stress.floor.routing
    by_way = routing.routing.set_index("weighting")
    unit = str(by_way["unit"].iloc[0])
    today, best = (quantity(by_way.loc[name, "headline"], unit, lang) for name in ("weights_today", routing.best))
    text = translate(
        f"stress.{'routing_holds' if routing.best == 'weights_today' else 'routing_better'}",
        lang,
        count=int(by_way.loc["weights_today", "drowning"]),
        way=label(routing.best, lang),
        today=today,
        best=best,
    )
    return stack(
        show_text(text),
        *(show_result(tables, name, lang=lang) for name in tables),
        show_text(translate("stress.backlog_window", lang, hours=f"{stress.floor.within_h:g}"))
        if "morning_backlog" in tables
        else None,
    )


def show_if_any(stress: StressResult, name: str, *, lang: Lang, figures: Sequence[str] = ()) -> Fragment:
    """Show a table of the stress test, or one line where all its figures (or those named) are zero or it is empty."""
    table = stress.tables[name]
    judged = table[list(figures)] if figures else table.select_dtypes("number")
    if len(table) and judged.fillna(0.0).ne(0.0).to_numpy().any():
        return show_result(stress.tables, name, lang=lang)
    reason = "nobody_changed" if name == "busiest_agents" else "all_zero"
    return show_left_out(table_label(name, lang), translate(f"stress.{reason}", lang))


def show_scenarios(found: ScenarioSet, *, lang: Lang) -> Fragment:
    """Show what happens in each scenario, when, how much, where; name the store's own that are not of this night."""
    left_out = list_words(list(found.left_out), lang)
    return stack(
        show_table(found.table, lang=lang, caption=table_label("scenario_list", lang)),
        show_text(translate("stress.left_out", lang, names=left_out)) if found.left_out else None,
    )


@drawn_once
def show_ranking(stress: StressResult, *, lang: Lang) -> Fragment:
    """Show every scenario against the plan, the dearest first, and which fails how; of a plan that fails, the table."""
    if stress.plan_fails:
        return show_if_any(stress, "ranking", lang=lang)
    test, ranking = stress.test, stress.ranking
    names = [test.scenario(name).title(lang) for name in ranking["scenario"]]
    worst = ranking.iloc[0]
    text = translate(
        "stress.worst",
        lang,
        name=names[0],
        lost=quantity(worst["extra_lost_cny"], "CNY", lang),
        low=lower_end(worst["extra_lost_cny_low"], "CNY", lang),
        high=quantity(worst["extra_lost_cny_high"], "CNY", lang),
        nights=stress.nights,
    )
    return stack(
        None if test.complete else show_text(translate("stress.stopped", lang)),
        show_verdict([text, *_failure_texts(stress, ranking["scenario"].iloc[0], lang)], tone="bad"),
        show_chart(plot_ranking(ranking, lang=lang, names=names)),
        show_if_any(stress, "ranking", lang=lang),
    )


def _failure_texts(stress: StressResult, name: str, lang: Lang) -> list[str]:
    """Return what fails first in a scenario and how long the floor takes to recover."""
    failure = stress.test.first_failure(name)
    minutes = float(np.median(stress.test.recovery_min(name)))
    text = (
        translate("stress.nothing_fails", lang)
        if failure is None
        else translate("stress.fails_first", lang, what=label(failure[0], lang), clock=f"{failure[1]:%H:%M}")
    )
    if np.isinf(minutes):
        return [text, translate("stress.never_recovers", lang)]
    return [text, translate("stress.recovers", lang, minutes=f"{minutes:.0f}")]


@drawn_once
def show_stressed_night(stress: StressResult, *, lang: Lang) -> Fragment:
    """Show one scenario: the picture of the night, its KPIs against the plan's, the fullest agents, the card.

    Of a plan that fails by itself there are only the tables.
    """
    if stress.plan_fails:
        return stack(*(show_if_any(stress, name, lang=lang) for name in ("stressed_kpis", "busiest_agents")))
    test, scenario = stress.test, stress.chosen
    course, plan = test.course(scenario.name)[stress.around], test.course("plan")[stress.around]
    limits = {"first_response": test.night.threshold_s}
    if test.rate in test.targets:
        limits["platform_rate"] = test.targets[test.rate]
    shades = test.shades(scenario.name)
    return stack(
        show_text(scenario.title(lang)),
        show_chart(plot_stressed_night(course, lang=lang, plan=plan, incidents=shades, limits=limits)),
        show_if_any(stress, "stressed_kpis", lang=lang),
        show_if_any(stress, "busiest_agents", lang=lang),
        show_card(scenario, lang=lang),
    )


def show_card(scenario: Scenario, *, lang: Lang) -> Fragment:
    """Show what the incident cards say: when to call it, the first five minutes, the words for buyers."""
    cards = facts.table("incidents").set_index("key")
    pieces = []
    for key in scenario.cards:
        card = cards.loc[key, lang]
        name = translate("stress.card", lang, name=card["name"])
        pieces.append(show_text(name, card["trigger"], *card["first_5_min"]))
        pieces.append(show_text(translate("stress.card_phrase", lang, phrase=card["phrase"])))
    return stack(*pieces)


def show_failing(stress: StressResult, *, lang: Lang) -> Fragment:
    """Show which scenarios the night survives without missing a target that the plan keeps, where it keeps any."""
    if stress.plan_fails:
        return show_verdict([translate("stress.plan_fails", lang)], tone="bad")
    held = list_words([scenario.title(lang) for scenario in stress.held], lang)
    key = "held" if held else "none_held"
    return show_text(translate(f"stress.{key}", lang, names=held, nights=stress.nights))


def show_answer(stress: StressResult, *, lang: Lang) -> Fragment:
    """Show the best answer to a scenario, and everything that was tried, with gain and cost."""
    if stress.plan_fails:
        return stack()
    answer, name = stress.answer, stress.chosen.title(lang)
    kinds = tuple(lever.kind for lever in answer.levers)
    text = translate("stress.wait_it_out", lang, name=name)
    if kinds:
        row = answer.table[answer.table["levers"] == kinds].iloc[0]
        text = translate(
            "stress.best_answer",
            lang,
            name=name,
            levers=name_levers(kinds, lang),
            won=quantity(row["won_back_cny"], "CNY", lang),
            cost=quantity(row["cost_cny"], "CNY", lang),
            net=quantity(row["net_cny"], "CNY", lang),
        )
    shown = stress.answers.head(ANSWERS_SHOWN)
    rule = translate("stress.answer_rule" if answer.follows_from_table else "stress.answer_within_chance", lang)
    return stack(
        show_verdict([text]), show_text(rule), show_table(shown, lang=lang, caption=table_label("answers", lang))
    )


def name_levers(kinds: Sequence[str], lang: Lang) -> str:
    """Return a set of levers in words; an empty one is waiting it out."""
    return list_words([label(kind, lang) for kind in kinds], lang) if kinds else label("no_lever", lang)


@drawn_once
def show_lever_map(stress: StressResult, *, lang: Lang) -> Fragment:
    """Show what two levers bring together, net of their cost."""
    if stress.plan_fails:
        return stack()
    across, up = stress.lever_map.columns[:2]
    some = stress.lever_map["net_cny"].fillna(0.0).ne(0.0).any()
    chart = plot_lever_map(stress.lever_map, lang=lang, across=across, up=up, value="net_cny") if some else None
    return stack(
        None if chart is None else show_chart(chart),
        show_if_any(stress, "lever_map", lang=lang, figures=["net_cny"]),
    )


def show_reserve(stress: StressResult, *, lang: Lang) -> Fragment:
    """Show how many people should stand by, and how each scenario's nights hold without and with them."""
    if stress.plan_fails:
        return stack()
    agents, enough = stress.reserve_agents, stress.reserve.agents is not None
    values = {
        "nights": stress.reserve_nights,
        "share": quantity(stress.held_share, "share", lang),
        "targets": list_words([label(kpi, lang) for kpi in stress.targets if kpi in glossary()], lang),
    }
    if enough and not agents:
        text = translate("stress.reserve_none", lang, **values)
    else:
        text = translate(f"stress.reserve_{'enough' if enough else 'too_few'}", lang, agents=agents, **values)
    return stack(
        show_verdict([text], tone="plain" if enough else "bad"),
        show_if_any(stress, "reserve", lang=lang),
    )
