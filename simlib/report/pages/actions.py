"""What to change before the night: actions with their price, who is out and why, rules of thumb, the plan's past."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.messages import Lang, translate
from simlib.report.charts.actions import plot_folk_rules
from simlib.report.html import Fragment, show_chart, show_text
from simlib.report.pages.common import show_findings, show_result, stack

if TYPE_CHECKING:
    from simlib.actions.result import ActionsResult
    from simlib.planning import Plan


def sections(plan: Plan, *, lang: Lang) -> list[Fragment]:
    """Return the section's pieces in the order of the report."""
    found = plan.actions_result
    return [
        show_actions(found, lang=lang),
        show_who_is_out(found, lang=lang),
        show_folk_rules(found, lang=lang),
        show_plausibility(found, lang=lang),
    ]


def show_actions(found: ActionsResult, *, lang: Lang) -> Fragment:
    """Show every action that was worth a look, by what rule they are ordered, and the moves of each."""
    return stack(
        show_text(*(finding.text(lang) for finding in found.findings)),
        show_text(translate("actions.rule", lang, nights=found.nights)),
        show_result(found.tables, "actions", lang=lang),
        show_result(found.tables, "action_moves", lang=lang),
        show_result(found.tables, "move_shifts", lang=lang),
    )


def show_who_is_out(found: ActionsResult, *, lang: Lang) -> Fragment:
    """Show who is not on chat when most heads are missing, why, and who could be back by which step."""
    texts = [message.text(lang) for message in (found.out_message, found.elsewhere_message) if message is not None]
    return stack(show_text(*texts), show_result(found.tables, "who_is_out", lang=lang))


def show_folk_rules(found: ActionsResult, *, lang: Lang) -> Fragment:
    """Show the heads of rules of thumb, and what this night would do with them."""
    table = found.folk.table
    return stack(
        show_findings(found.folk.findings, lang=lang),
        show_chart(plot_folk_rules(table, lang=lang)) if len(table) else None,
        show_result(found.tables, "folk_rules", lang=lang),
    )


def show_plausibility(found: ActionsResult, *, lang: Lang) -> Fragment:
    """Show the plan beside the store's own past: what fits in one sentence, each row that does not in its own."""
    texts = [finding.text(lang) for finding in found.plausibility.findings]
    return stack(
        show_text(*(texts or [translate("actions.no_past", lang)])),
        show_result(found.tables, "plausibility", lang=lang),
    )
