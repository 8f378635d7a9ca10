"""Chapter 4, goals: what to aim for, by team, cohort, person and half hour, and what it pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.messages import Lang, translate
from simlib.report.html import Fragment, show_text
from simlib.report.pages.common import drawn_once, show_findings, show_result, stack

if TYPE_CHECKING:
    from simlib.planning import Plan


def sections(plan: Plan, *, lang: Lang) -> list[Fragment]:
    """Return the chapter's pieces in the order of the report."""
    return [show_goals(plan, lang=lang)]


@drawn_once
def show_goals(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the team's floor and stretch, each person's share of them, and what follows from both."""
    found = plan.goals
    return stack(
        show_text(translate("pages.goals", lang, people=len(found.tables["personal_targets"]))),
        show_findings(found.findings, lang=lang),
        *(show_result(found.tables, name, lang=lang) for name in found.tables),
    )
