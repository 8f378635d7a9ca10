"""The pages of the readiness pack: the review on one A3 sheet, the lists to hand out, prices explained, the quiz."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from simlib.messages import Lang, label, translate
from simlib.report.charts.readiness import plot_gantt
from simlib.report.columns import table_label
from simlib.report.html import Card, Fragment, Tone, render_print, show_cards, show_chart, show_table, show_text
from simlib.report.pages.common import stack

if TYPE_CHECKING:
    from simlib.planning import Plan

RED_SHOWN = 16  # rows of the A3 page: the rest is in the report
DATES_SHOWN = 6
RENTAL_SHOWN = 4
FOOD_SHOWN = 6  # at least; more where the other tables of the page leave room
PAGE_ROWS = 22  # of all tables together, for which the page has room
FINDINGS_SHOWN = 4
FOOD = ["logistics_item", "at", "shift", "quantity", "order_by"]  # the diets are on the order list
LISTED = 400
LISTS = (
    *("duty_sheet", "food", "posts", "escalation_ladder", "acceptance", "failed_checks", "kept_off", "seat_plan"),
    "syllabus",
)


def print_meeting(plan: Plan, *, lang: Lang) -> str:
    """Return the page of the readiness review, one A3 sheet: score, blocks, red items, last order dates, countdown."""
    ready = plan.readiness
    days = (plan.wave.day - plan.counted_from).days
    cards = [Card(label=label("readiness_score", lang), value=f"{ready.figures['score']:.0f}")]
    for row in ready.tables["blocks"].itertuples():
        known = row.mean_done == row.mean_done
        tone: Tone = "plain" if not known else "good" if row.mean_done >= 1 else "bad"
        value = f"{100 * row.mean_done:.0f}%" if known else label("not_asked", lang)
        whole = translate("readiness.items_whole", lang, done=f"{row.items_done:.0f}", of=f"{row.items_asked:.0f}")
        band = whole if known else ""
        cards.append(Card(label=label(row.block, lang), value=value, band=band, tone=tone))
    food = {"food": ready.tables.get("food", pd.DataFrame()).reindex(columns=FOOD)}
    above = (
        *((ready.tables, "red_items", RED_SHOWN), (plan.people.tables, "last_safe_dates", DATES_SHOWN)),
        (ready.tables, "rental", RENTAL_SHOWN),
    )
    taken = sum(min(len(tables.get(name, ())), rows) for tables, name, rows in above)
    pieces = [
        stack(
            show_text(translate("pages.readiness_days", lang, count=days)),
            show_cards(cards),
            show_text(*(finding.text(lang) for finding in ready.findings[:FINDINGS_SHOWN])),
            *(_list(tables, name, lang, rows) for tables, name, rows in above),
            _list(food, "food", lang, max(FOOD_SHOWN, PAGE_ROWS - taken)),
        ),
        stack(
            show_chart(plot_gantt(ready.tasks, lang=lang, today=plan.counted_from)),
            show_text(translate("readiness.sign_line", lang)),
        ),
    ]
    line = f"{plan.store.store.name} · {plan.wave.name} · {plan.wave.day:%Y-%m-%d} · {plan.counted_from:%Y-%m-%d}"
    title = label("readiness_meeting", lang)
    return render_print([(title, line, pieces)], title=title, lang=lang, paper="A3 landscape")


def _list(tables: Mapping[str, pd.DataFrame], name: str, lang: Lang, rows: int) -> Fragment | None:
    """Show the first rows of a table and how many more it has; nothing where it is not there or empty."""
    if name not in tables or tables[name].empty:
        return None
    more = len(tables[name]) - rows
    return stack(
        show_table(tables[name].head(rows), lang=lang, caption=table_label(name, lang)),
        show_text(translate("readiness.rows_left", lang, count=more)) if more > 0 else None,
    )


def print_lists(plan: Plan, forms: Sequence[tuple[str, pd.DataFrame]], *, lang: Lang) -> str:
    """Return the lists of the review and the forms, one per page.

    Parameters
    ----------
    forms : sequence of (glossary key, table)
        What is filled in by hand or handed to others, such as the request to operations.
    """
    tables = plan.readiness.tables
    lists = [(name, _list(tables, name, lang, LISTED)) for name in LISTS]
    pages: list[tuple[str, str, list[str | Fragment]]] = []
    pages += [(table_label(name, lang), "", [piece]) for name, piece in lists if piece is not None]
    signed = show_text(translate("readiness.sign_line", lang))
    pages += [(label(name, lang), "", [show_table(table, lang=lang), signed]) for name, table in forms]
    return render_print(pages, title=label("readiness_lists", lang), lang=lang)


def print_prices(prices: Sequence[tuple[str, str, Mapping[str, Sequence[str]]]], *, lang: Lang) -> str:
    """Return the sentences that explain prices, one page per good.

    Parameters
    ----------
    prices : sequence of (name, line, sentences by kind of buyer)
    """
    pages = [
        (name, line, [show_text(label(f"open_to_{buyer}", lang), *said) for buyer, said in by_buyer.items()])
        for name, line, by_buyer in prices
    ]
    return render_print(pages, title=label("prices_explained", lang), lang=lang)


def print_exam(quiz_id: str, html: str, *, lang: Lang) -> str:
    """Return a quiz as a page to print."""
    return render_print([(label("quiz", lang), quiz_id, [Fragment(html)])], title=quiz_id, lang=lang)
