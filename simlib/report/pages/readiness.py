"""Chapter 2, readiness: the share that is ready by block, one score, and the phrases that are still unwritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from simlib.messages import Lang, label, translate
from simlib.report.columns import list_words, show_number
from simlib.report.html import Fragment, show_text
from simlib.report.pages.common import show_result, stack

if TYPE_CHECKING:
    from simlib.planning import Plan


def sections(plan: Plan, *, lang: Lang) -> list[Fragment]:
    """Return the chapter's pieces in the order of the report."""
    return [show_readiness(plan, lang=lang)]


def show_readiness(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the share that is ready by block, one score, and the phrases that are still unwritten."""
    ready = plan.readiness
    score = show_number(ready.score, unit="share", digits=0) if pd.notna(ready.score) else "–"
    unwritten = [label(topic, lang) for topic in ready.unwritten]
    todo = (
        translate("pages.phrases_missing", lang, topics=list_words(unwritten, lang))
        if unwritten
        else translate("pages.phrases_whole", lang)
    )
    return stack(
        show_text(translate("pages.readiness_score", lang, score=score, days=ready.days_left)),
        show_result(ready.tables, "readiness", lang=lang),
        show_text(todo),
        show_result(ready.tables, "phrase_coverage", lang=lang),
    )
