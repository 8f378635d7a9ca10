"""Chapter 5, retrospective: what came against the plan, why, and what the next promo starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.messages import Lang, translate
from simlib.report.columns import quantity, show_number
from simlib.report.html import Fragment, show_text
from simlib.report.pages.common import drawn_once, show_findings, show_result, stack

if TYPE_CHECKING:
    from simlib.planning import Plan


def sections(plan: Plan, *, lang: Lang) -> list[Fragment]:
    """Return the chapter's pieces in the order of the report."""
    return [show_retrospective(plan, lang=lang)]


@drawn_once
def show_retrospective(plan: Plan, *, lang: Lang) -> Fragment:
    """Show what came against the plan where the store has filled in actuals, or what is missing."""
    found, fit = plan.retrospective, plan.retrospective.fit
    if fit is None:
        elsewhere = translate("pages.actuals_elsewhere", lang, day=plan.wave.day)
        empty = plan.inputs.actuals.empty
        text = translate("pages.no_actuals", lang) if empty else elsewhere
    else:
        text = translate(
            "pages.fit",
            lang,
            planned=quantity(fit.planned, "contacts", lang),
            actual=quantity(fit.actual, "contacts", lang),
            wape=show_number(fit.wape, unit="share", digits=1),
            floor=show_number(fit.poisson_floor, unit="share", digits=1),
            inside=show_number(fit.inside_band, unit="share", digits=0),
        )
    return stack(
        show_text(text),
        show_findings(found.findings, lang=lang),
        *(show_result(found.tables, name, lang=lang) for name in found.tables),
    )
