"""Chapter 4, goals: the team's floor and stretch, and each person's share of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.messages import Lang, translate
from simlib.report.html import Fragment, show_text
from simlib.report.pages.common import show_result, stack

if TYPE_CHECKING:
    from simlib.planning import Plan


def sections(plan: Plan, *, lang: Lang) -> list[Fragment]:
    """Return the chapter's pieces in the order of the report."""
    return [show_goals(plan, lang=lang)]


def show_goals(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the team's floor and stretch, and each person's share of them."""
    tables = plan.goals.tables
    return stack(
        show_text(translate("pages.goals", lang, people=len(plan.goals.people))),
        *(show_result(tables, name, lang=lang) for name in tables),
    )
