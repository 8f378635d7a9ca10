"""The sheet for the meeting: what to change, the picture of the night, who decides what by when; one page of A4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import escape

from simlib.messages import Lang, label, translate
from simlib.report.charts.actions import plot_gap
from simlib.report.html import Fragment, show_chart, show_text
from simlib.report.pages.common import stack

if TYPE_CHECKING:
    from simlib.actions.result import ActionsResult
    from simlib.planning import Plan


def sections(plan: Plan, *, lang: Lang) -> list[Fragment]:
    """Return the sheet's pieces in order; the verdict and the cards stand above them."""
    return [show_meeting(plan.actions_result, lang=lang)]


def show_meeting(found: ActionsResult, *, lang: Lang) -> Fragment:
    """Show the gap, the best actions, the night's picture, and what must be decided by when."""
    best = [text[:1].upper() + text[1:] for text in (message.text(lang) for message in found.top())]
    by_when = [
        translate("actions.decide", lang, day=f"{each.day:%Y-%m-%d}", what=each.what, ways=[*map(str, each.ways)])
        for each in found.decisions
    ]
    return stack(
        show_text(*(finding.text(lang) for finding in found.findings)),
        show_list(best, heading=label("actions", lang)) if best else None,
        show_chart(plot_gap(found.course, lang=lang, gap=(found.gap.start, found.gap.end) if found.gap else None)),
        show_list(
            by_when or [translate("actions.nothing_to_decide", lang)], heading=translate("actions.decides", lang)
        ),
        show_text(translate("actions.one_of", lang)) if len(best) > 1 else None,
        show_text(translate("actions.decided_by", lang)),
    )


def show_list(items: list[str], *, heading: str) -> Fragment:
    """Show a numbered list under a small heading."""
    lines = "".join(f"<li>{escape(item)}</li>" for item in items)
    return Fragment(f'<div class="st-list"><h3>{escape(heading)}</h3><ol>{lines}</ol></div>')
