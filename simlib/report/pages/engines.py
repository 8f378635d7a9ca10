"""Both engines side by side, and one buyer's chat; a page of the stress test's notebook, not of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.messages import Lang, translate
from simlib.report.charts.chat import plot_chat
from simlib.report.html import Fragment, show_chart, show_table, show_text, show_verdict
from simlib.report.pages.common import stack

if TYPE_CHECKING:
    from simlib.night.engines import EngineComparison


def show_engines(found: EngineComparison, *, lang: Lang) -> Fragment:
    """Show whether both engines gave the same rows, and how long each took."""
    values = {"contacts": f"{found.contacts:,}", "columns": found.columns}
    text = translate("pages.engines_agree", lang, **values)
    if found.different:
        text = translate("pages.engines_differ", lang, different=f"{found.different:,}", **values)
    took = translate("pages.engines_took", lang, simpy=f"{found.simpy_s:.2f}", compiled=f"{found.compiled_s:.2f}")
    return show_verdict([text, took], tone="bad" if found.different else "good")


def show_chat(found: EngineComparison, *, lang: Lang) -> Fragment:
    """Show one buyer's chat event by event, as a picture and as a table; or that nobody was served."""
    if found.chat.empty:
        return show_text(translate("pages.no_chat", lang))
    table = found.chat[["chat_part", "start", "lasts_s"]].assign(start=found.chat["start"].dt.strftime("%H:%M:%S"))
    return stack(show_chart(plot_chat(found.chat, lang=lang)), show_table(table, lang=lang))
