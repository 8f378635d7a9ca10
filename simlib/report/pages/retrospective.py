"""Chapter 5, retrospective: what came against the plan, why, and what the next promo starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.messages import Lang, Message, translate
from simlib.report.charts.retrospective import plot_audit, plot_questions, plot_variance
from simlib.report.columns import quantity, show_number
from simlib.report.html import Fragment, show_alarm, show_chart, show_text
from simlib.report.pages.common import drawn_once, show_findings, show_result, stack
from simlib.store.problems import shorten

ORDER = (
    *("variance", "variance_groups", "variance_lost", "variance_rate", "incident_costs", "drill_borne_out"),
    "drill_moves_borne_out",
    *("compare_actuals", "heads_actual", "requirement_judged", "platform_scores_actual"),
    *("reviews", "payment_lag", "weeks", "questions", "wordings", "feedback", "promises"),
    *("main_push", "second_sales", "second_orders", "load", "reliefs", "daily_board", "reminders"),
    *("outliers", "traits"),
    *("self_audit", "review_actions", "write_back", "write_back_shape", "unlearned", "learned", "promos"),
)
"""The tables in the order of the page: why, the night by half hour, money, buyers, people, the team, what changes."""

if TYPE_CHECKING:
    from simlib.planning import Plan
    from simlib.retrospective.result import RetrospectiveResult


def sections(plan: Plan, *, lang: Lang) -> list[Fragment]:
    """Return the chapter's pieces in the order of the report."""
    return [show_retrospective(plan, lang=lang)]


@drawn_once
def show_retrospective(plan: Plan, *, lang: Lang) -> Fragment:
    """Show what came against the plan where the store has filled in actuals, or what is missing."""
    found = plan.retrospective
    wrong = [(problem.text(lang), problem.loss_text(lang)) for problem in shorten(found.problems)]
    head, foot = (translate(f"store.{key}", lang, count=len(wrong)) for key in ("problems_head", "problems_way_out"))
    pictures = _draw(found, lang=lang)
    tables = {name: show_result(found.tables, name, lang=lang) for name in ORDER if name in found.tables}
    return stack(
        show_alarm(head, wrong, foot) if wrong else None,
        show_text(*(notice.text(lang) for notice in shorten(found.notices))),
        show_text(*_first_words(plan, found, lang)),
        show_findings(found.findings, lang=lang),
        *(stack(pictures.get(name), table) for name, table in tables.items()),
        show_text(*_missing_words(found, lang)),
    )


def _first_words(plan: Plan, found: RetrospectiveResult, lang: Lang) -> list[str]:
    """Return whether the figures can still change, and how far the forecast was off or that nothing came in yet."""
    fit = found.fit
    if fit is not None:
        words = translate(
            "pages.fit",
            lang,
            planned=quantity(fit.planned, "contacts", lang),
            actual=quantity(fit.actual, "contacts", lang),
            wape=show_number(fit.wape, unit="share", digits=1),
            floor=show_number(fit.poisson_floor, unit="share", digits=1),
            inside=show_number(fit.inside_band, unit="share", digits=0),
        )
        return [words] if found.settlement is not None else [translate("retrospective.no_orders", lang), words]
    if found.is_empty:
        return [translate("pages.no_actuals", lang)]
    return []


def _missing_words(found: RetrospectiveResult, lang: Lang) -> list[str]:
    """Return what nobody gave, by where it is to be put; nothing where nothing is there at all."""
    if found.is_empty:
        return []
    parts = {"missing_exports": found.missing_exports, "missing_sheets": found.missing_sheets}
    return [
        translate(f"retrospective.{key}", lang, tables=tuple(Message(f"retrospective.table_{name}") for name in names))
        for key, names in parts.items()
        if names
    ]


def _draw(found: RetrospectiveResult, *, lang: Lang) -> dict[str, Fragment]:
    """Draw what is easier to look at than to read, by the table it belongs to."""
    tables, pictures = found.tables, {}
    if "variance" in tables:
        planned_cny = found.figures["planned_cny"]
        drawn = plot_variance(tables["variance"], lang=lang, planned_cny=planned_cny)
        pictures["variance"] = show_chart(drawn, caption=translate("report.variance_note", lang))
    if "questions" in tables:
        pictures["questions"] = show_chart(plot_questions(tables["questions"], lang=lang))
    if "self_audit" in tables:
        pictures["self_audit"] = show_chart(plot_audit(tables["self_audit"], lang=lang, highest=found.audit_highest))
    return pictures
