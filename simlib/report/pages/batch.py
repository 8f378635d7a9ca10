"""The pages to print over a batch: a sheet over all stores, then a sheet per store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from simlib.messages import Lang, translate
from simlib.report.charts.roster import plot_coverage
from simlib.report.columns import table_label
from simlib.report.html import Fragment, render_print, show_cards, show_chart, show_table, show_text, show_verdict
from simlib.report.pages.common import Tables, figure_cards, stack

ON_PAPER = ("store", "batch_state", "human", "agents_needed", "may_serve", "shortfall", "platform_rate", "sales_lost")
ACTIONS_ON_PAPER = ("action", "move", "heads", "cost_cny", "saves_cny", "lost_share", "last_day")


def print_batch(stores: Mapping[str, Mapping[str, Any]], tables: Tables, *, lang: Lang) -> str:
    """Return the pages to print: what all stores come to on the first, each store that is done on one of its own.

    A browser prints them, or saves them as one PDF.

    Parameters
    ----------
    stores : mapping of str to mapping
        The summary of each store that is done, by its name in the tables.
    tables : mapping of str to DataFrame
        As :func:`simlib.runs.overview.gather_tables` gives them.
    """
    title = translate("report.batch_title", lang)
    overview = tables["batch_stores"]
    failed = overview[overview["batch_state"] == "failed"]
    counts = {"count": len(overview), "done": len(overview) - len(failed), "failed": len(failed)}
    first = [
        show_table(overview[list(ON_PAPER)], lang=lang),
        *(show_text(f"{row.source_file}: {row.failed_because}") for row in failed.itertuples()),
        *_show_together(tables, lang),
    ]
    pages = [(title, translate("report.batch_counts", lang, **counts), [stack(*first)])]
    pages += [_store_page(name, summary, tables, lang) for name, summary in stores.items()]
    return render_print(pages, title=title, lang=lang)


def _show_together(tables: Tables, lang: Lang) -> list[Fragment]:
    """Show the half hours of several stores at once, where they follow one another without a gap."""
    table = tables.get("batch_together", pd.DataFrame({"start": []}))
    steps = table["start"].diff().dropna().unique()
    if len(steps) != 1 or table["stores_open"].max() < 2:
        return []
    caption = translate("report.batch_together_note", lang, count=int(table["stores_open"].max()))
    return [show_chart(plot_coverage(table, lang=lang), caption=caption)]


def _store_page(name: str, summary: Mapping[str, Any], tables: Tables, lang: Lang) -> tuple[str, str, list[Fragment]]:
    """Return one store's sheet: what was concluded, its KPIs, its roster against the requirement, what to change."""
    met = summary["targets_met"]
    own = {key: table[table["store"] == name] for key, table in tables.items() if "store" in table}
    pieces = [show_verdict(summary["verdict"][lang], tone="good" if all(met.values()) else "bad")]
    if "batch_kpis" in own:
        pieces.append(show_cards(figure_cards(own["batch_kpis"], summary["headline"], met, lang=lang)))
    if "batch_half_hours" in own:
        pieces.append(show_chart(plot_coverage(own["batch_half_hours"], lang=lang)))
    if len(own.get("batch_actions", ())):
        actions = own["batch_actions"][list(ACTIONS_ON_PAPER)]
        pieces.append(show_table(actions, lang=lang, caption=table_label("actions", lang)))
    return name, f"{summary['wave']} · {summary['day']}", [stack(*pieces)]
