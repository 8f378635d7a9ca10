"""Chapter 0, the sand table: the verdict, the calendar, what is filled in, and the way to the chapters."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from simlib.messages import Lang, label, translate
from simlib.report.charts import plot_calendar
from simlib.report.columns import list_words
from simlib.report.html import Fragment, show_chart, show_text, show_verdict
from simlib.report.pages.common import drawn_once, show_result, stack

if TYPE_CHECKING:
    from simlib.planning import Plan

CHAPTERS = ("staffing", "readiness", "forecasting", "goals", "retrospective", "stress_test", "drill")


def sections(plan: Plan, *, lang: Lang) -> list[Fragment]:
    """Return the chapter's pieces in the order of the report."""
    return [show_calendar(plan, lang=lang), show_filled(plan, lang=lang)]


def show_plan_verdict(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the sentences that a lead reads out."""
    good = plan.conclusion.holds and not plan.store.problems
    return show_verdict(plan.verdict(lang), tone="good" if good else "bad")


@drawn_once
def show_calendar(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the store's promo calendar with today's place on it."""
    days = (plan.wave.day - plan.counted_from).days
    key = "days_to_go" if days > 0 else "today_is_it" if days == 0 else "days_ago"
    text = translate(f"pages.{key}", lang, wave=plan.wave.name, count=abs(days))
    chart = plot_calendar(plan.store.frame("waves"), lang=lang, today=plan.counted_from)
    return stack(show_chart(chart), show_text(text))


def show_filled(plan: Plan, *, lang: Lang) -> Fragment:
    """Show which sheets are filled in and which are missing."""
    missing = list_words([label(sheet, lang) for sheet in plan.store.missing], lang)
    text = translate("pages.missing", lang, sheets=missing) if missing else translate("pages.nothing_missing", lang)
    return stack(show_text(text), show_result(plan.inputs.tables, "filled_in", lang=lang))


def show_chapters(*, lang: Lang) -> Fragment:
    """Show one line and one link per chapter."""
    lines = []
    for number, chapter in enumerate(CHAPTERS, start=1):
        where = f"{number:02d}_{chapter}.ipynb"
        question = escape(translate(f"pages.question_{chapter}", lang))
        lines.append(f'<li><a href="{where}">{escape(label(chapter, lang))}</a>　{question}</li>')
    return Fragment(f"<ul>{''.join(lines)}</ul>")
