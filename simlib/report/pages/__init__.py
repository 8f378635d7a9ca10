"""The pieces of every chapter: what a notebook's cell and the report show, made from a plan's results.

A module per chapter; its ``sections`` are the chapter in the report, in order. A page computes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.report.html import Fragment
from simlib.report.lesson import show_check, show_passage
from simlib.report.pages import (
    actions,
    drill,
    forecasting,
    goals,
    meeting,
    readiness,
    retrospective,
    sand_table,
    staffing,
    stress_test,
)
from simlib.report.pages.actions import show_actions, show_folk_rules, show_plausibility, show_who_is_out
from simlib.report.pages.common import kpi_cards, open_chapter, show_problems, solve_with_progress, stack, watch_parts
from simlib.report.pages.engines import show_chat, show_engines
from simlib.report.pages.forecasting import (
    show_concurrency,
    show_floor_ratios,
    show_forecast,
    show_night,
    show_requirement,
    show_roster,
    show_tonight,
)
from simlib.report.pages.goals import show_goals
from simlib.report.pages.meeting import show_meeting
from simlib.report.pages.readiness import show_readiness
from simlib.report.pages.repair import show_repair
from simlib.report.pages.retrospective import show_retrospective
from simlib.report.pages.sand_table import show_calendar, show_chapters, show_filled, show_plan_verdict
from simlib.report.pages.staffing import (
    show_aftersale,
    show_cascade,
    show_cross_check,
    show_hours,
    show_organisation,
    show_people,
    show_tornado,
    show_unknowns,
)
from simlib.report.pages.stress_test import (
    show_answer,
    show_failing,
    show_lever_map,
    show_ranking,
    show_reserve,
    show_scenarios,
    show_stressed_night,
)

if TYPE_CHECKING:
    from simlib.messages import Lang
    from simlib.planning import Plan

REPORT = {
    "meeting": meeting,
    "actions": actions,
    "sand_table": sand_table,
    "staffing": staffing,
    "readiness": readiness,
    "forecasting": forecasting,
    "goals": goals,
    "retrospective": retrospective,
    "stress_test": stress_test,
    "drill": drill,
}
FOLDED = ("sand_table", "retrospective", "drill")  # seldom looked at before the night


def report_sections(plan: Plan, *, lang: Lang) -> list[tuple[str, list[Fragment]]]:
    """Return the chapters of the report in order: the key of each in the glossary, and its pieces."""
    return [(chapter, page.sections(plan, lang=lang)) for chapter, page in REPORT.items()]


__all__ = [
    "report_sections",
    "kpi_cards",
    "open_chapter",
    "show_actions",
    "show_aftersale",
    "show_answer",
    "show_calendar",
    "show_cascade",
    "show_chapters",
    "show_chat",
    "show_check",
    "show_concurrency",
    "show_cross_check",
    "show_engines",
    "show_failing",
    "show_filled",
    "show_folk_rules",
    "show_floor_ratios",
    "show_forecast",
    "show_goals",
    "show_hours",
    "show_lever_map",
    "show_meeting",
    "show_night",
    "show_organisation",
    "show_passage",
    "show_people",
    "show_plan_verdict",
    "show_plausibility",
    "show_problems",
    "show_ranking",
    "show_readiness",
    "show_repair",
    "show_requirement",
    "show_reserve",
    "show_retrospective",
    "show_roster",
    "show_scenarios",
    "show_stressed_night",
    "show_tonight",
    "show_tornado",
    "show_unknowns",
    "show_who_is_out",
    "solve_with_progress",
    "stack",
    "watch_parts",
]
