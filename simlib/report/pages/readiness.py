"""Chapter 2, readiness: the share that is ready by block, what is red, and every list that the chapter works out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.messages import Lang, translate
from simlib.report.html import Fragment, show_alarm, show_text
from simlib.report.pages.common import drawn_once, show_findings, show_result, stack

if TYPE_CHECKING:
    from simlib.planning import Plan


def sections(plan: Plan, *, lang: Lang) -> list[Fragment]:
    """Return the chapter's pieces in the order of the report."""
    return [show_readiness(plan, lang=lang)]


@drawn_once
def show_readiness(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the score, what it comes to, what is wrong in the chapter's sheets, and its tables."""
    ready = plan.readiness
    days = (plan.wave.day - plan.counted_from).days
    wrong = [(problem.text(lang), problem.loss_text(lang)) for problem in ready.problems]
    head, foot = (translate(f"store.{key}", lang, count=len(wrong)) for key in ("problems_head", "problems_way_out"))
    return stack(
        show_alarm(head, wrong, foot) if wrong else None,
        show_text(translate("pages.readiness_days", lang, days=days)),
        show_findings(ready.findings, lang=lang),
        *(show_result(ready.tables, name, lang=lang) for name in ready.tables),
    )
