"""Chapter 5, retrospective: what came against the plan, why, and what the next promo starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.messages import Lang, translate
from simlib.report.charts.retrospective import plot_audit, plot_questions, plot_variance
from simlib.report.columns import quantity, show_number
from simlib.report.html import Fragment, show_alarm, show_chart, show_text
from simlib.report.pages.common import drawn_once, show_findings, show_result, stack
from simlib.store.problems import shorten

if TYPE_CHECKING:
    from simlib.planning import Plan
    from simlib.retrospective.result import RetrospectiveResult


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
    wrong = [(problem.text(lang), problem.loss_text(lang)) for problem in shorten(found.problems)]
    head, foot = (translate(f"store.{key}", lang, count=len(wrong)) for key in ("problems_head", "problems_way_out"))
    pictures = _draw(found, lang=lang)
    return stack(
        show_alarm(head, wrong, foot) if wrong else None,
        show_text(text),
        show_findings(found.findings, lang=lang),
        *(stack(pictures.get(name), show_result(found.tables, name, lang=lang)) for name in found.tables),
    )


def _draw(found: RetrospectiveResult, *, lang: Lang) -> dict[str, Fragment]:
    """Draw what is easier to look at than to read, by the table it belongs to."""
    tables, pictures = found.tables, {}
    if "variance" in tables:
        planned_cny = found.figures["planned_cny"]
        pictures["variance"] = show_chart(plot_variance(tables["variance"], lang=lang, planned_cny=planned_cny))
    if "questions" in tables and len(tables["questions"]):
        pictures["questions"] = show_chart(plot_questions(tables["questions"], lang=lang))
    if "self_audit" in tables:
        pictures["self_audit"] = show_chart(plot_audit(tables["self_audit"], lang=lang, highest=found.audit_highest))
    return pictures
