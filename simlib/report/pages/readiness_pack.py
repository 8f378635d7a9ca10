"""The readiness pack: what a lead prints, hands out and imports two months to one day before the promo."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from simlib.files import write_file
from simlib.messages import LANGS, Lang, label, translate
from simlib.readiness.cards import KINDS, make_cards
from simlib.readiness.countdown import catalogue, make_calendar
from simlib.readiness.explain import explain_price, request_form
from simlib.readiness.library import schedule_chases
from simlib.readiness.prices import final_price
from simlib.readiness.quick_replies import write_quick_replies
from simlib.readiness.quiz import Quiz, print_quiz
from simlib.readiness.rules import PromoSheet, read_promo_sheet
from simlib.readiness.workbook import ReadinessBook, write_answer_sheet
from simlib.report.charts.readiness import plot_blocks, plot_gantt, plot_seat_plan
from simlib.report.columns import table_label
from simlib.report.html import Card, Fragment, render_print, show_cards, show_chart, show_table, show_text
from simlib.report.pages.readiness_cards import print_cards
from simlib.report.style import save_figure

if TYPE_CHECKING:
    from simlib.planning import Plan

RED_SHOWN = 18  # rows of the A3 page: the rest is in the report
GOODS_EXPLAINED = 12
LISTS = ("duty_sheet", "food", "posts", "sampling", "failed_checks", "kept_off")


def write_cards(folder: Path, *, kinds: tuple[str, ...] = KINDS, lang: Lang, **days: Any) -> list[Path]:
    """Write one file per kind of card, each card on a page of its own, and return the files."""
    return [
        write_file(
            folder / f"{kind}.html",
            print_cards(make_cards(kind, lang, **days), title=label(f"print_{kind}", lang), lang=lang),
        )
        for kind in kinds
    ]


def print_meeting(plan: Plan, *, lang: Lang) -> str:
    """Return the page of the readiness meeting, one A3 sheet: score, blocks, red items, last order dates, countdown."""
    ready = plan.readiness
    days = (plan.wave.day - plan.counted_from).days
    cards = [Card(label=label("score", lang), value=f"{ready.figures['score']:.0f}", tone="plain")]
    for row in ready.tables["blocks"].itertuples():
        known = row.share == row.share
        value = f"{100 * row.share:.0f}%" if known else label("not_asked", lang)
        tone = "plain" if not known else "good" if row.share >= 1 else "bad"
        band = f"{row.done:.0f} / {row.of:.0f}" if known else ""
        cards.append(Card(label=label(row.block, lang), value=value, band=band, tone=tone))
    pieces: list[Fragment] = [
        Fragment(
            show_text(translate("pages.readiness_days", lang, days=days)).html
            + show_cards(cards).html
            + show_text(*(finding.text(lang) for finding in ready.findings[:4])).html
        ),
        _table(ready.tables, "red_items", lang, RED_SHOWN),
        Fragment(_dates(plan, lang).html + _signatures(lang).html),
        show_chart(plot_gantt(_tasks(ready.tables), lang=lang, today=plan.counted_from)),
    ]
    line = f"{plan.store.store.name} · {plan.wave.name} · {plan.wave.day:%Y-%m-%d} · {plan.counted_from:%Y-%m-%d}"
    return render_print(
        [(label("readiness_meeting", lang), line, pieces)],
        title=label("readiness_meeting", lang),
        lang=lang,
        paper="A3 landscape",
    )


def _tasks(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the store's own countdown, or the catalogue where it wrote none."""
    if "countdown" in tables:
        own = tables["countdown"]
        return own[own["due_on"].notna()].rename(columns={"task": "task_key", "owner": "task_role"})
    return tables["task_plan"]


def _table(tables: Mapping[str, pd.DataFrame], name: str, lang: Lang, rows: int) -> Fragment:
    return show_table(tables[name].head(rows), lang=lang, caption=table_label(name, lang))


def _dates(plan: Plan, lang: Lang) -> Fragment:
    """Show the last safe order dates: people, computers, food."""
    tables = plan.readiness.tables
    pieces = []
    safe = plan.people.tables.get("last_safe_dates")
    if safe is not None:
        pieces.append(show_table(safe, lang=lang, caption=table_label("last_safe_dates", lang)))
    for name in ("rental", "food"):
        if name in tables and not tables[name].empty:
            pieces.append(_table(tables, name, lang, 8))
    return Fragment("".join(piece.html for piece in pieces))


def _signatures(lang: Lang) -> Fragment:
    return show_text(translate("readiness.sign_line", lang))


def explain_goods(sheet: PromoSheet, *, lang: Lang) -> list[tuple[str, str, list[Fragment]]]:
    """Return one page per good with the sentences that explain its price when most activities are in force."""
    starts = sorted({activity.window[0] for activity in sheet.activities})
    if not starts or sheet.wrong_cells:
        return []
    busiest = max(starts, key=lambda at: (sum(one.in_force(at) for one in sheet.activities), -at))
    at = sheet.instants[busiest]
    pages = []
    for sku, good in list(sheet.goods.items())[:GOODS_EXPLAINED]:
        pieces = []
        for buyer in ("all", "member"):
            price = final_price([(sku, 1)], activities=sheet, buyer=buyer, at=at)
            sentences = explain_price(price, sheet=sheet, lang=lang)
            pieces.append(show_text(label(f"open_to_{buyer}", lang), *sentences))
        pages.append((good.name, f"{sku} · {at:%Y-%m-%d %H:%M}", pieces))
    return pages


def write_pack(plan: Plan, folder: Path, *, book: ReadinessBook, quiz: Quiz | None, lang: Lang) -> list[Path]:
    """Write everything that the chapter prints and hands out, and return the files in the order of their use.

    Parameters
    ----------
    plan : Plan
    folder : Path
        Replaced file by file.
    book : ReadinessBook
    quiz : Quiz, optional
        Printed with its key and an answer sheet.
    lang : {"zh", "en"}
        Of everything but the page of the meeting, which is written in both.
    """
    ready, tables = plan.readiness, plan.readiness.tables
    written = [write_file(folder / f"meeting-{each}.html", print_meeting(plan, lang=each)) for each in LANGS]
    tasks = _tasks(tables)
    written.append(_picture(plot_gantt(tasks, lang=lang, today=plan.counted_from), folder / "gantt.svg"))
    written.append(_picture(plot_blocks(tables["blocks"], lang=lang), folder / "blocks.svg"))
    stamp = dt.datetime.combine(plan.counted_from, dt.time())
    days = _calendar_rows(tables, lang)
    text = make_calendar(days, name=plan.store.store.name, stamp=stamp, lang=lang)
    written.append(write_file(folder / "countdown.ics", text))
    if "seat_plan" in tables:
        written.append(_picture(plot_seat_plan(tables["seat_plan"], lang=lang), folder / "seats.svg"))
    if "phrase_library" in tables:
        written.append(write_quick_replies(folder / "quick-replies.xlsx", tables["phrase_library"], lang=lang))
        sheet = read_promo_sheet(book.tables["activities"], book.tables["goods"])
        pages = explain_goods(sheet, lang=lang)
        if pages:
            title = label("prices_explained", lang)
            written.append(write_file(folder / "prices.html", render_print(pages, title=title, lang=lang)))
    if quiz is not None:
        for name, key in (("quiz", False), ("quiz-key", True)):
            page = [(label("quiz", lang), quiz.id, [Fragment(print_quiz(quiz, with_key=key))])]
            written.append(write_file(folder / f"{name}.html", render_print(page, title=quiz.id, lang=lang)))
        people = [agent.agent_id for agent in plan.store.agents]
        written.append(write_answer_sheet(folder / "answers.xlsx", quiz, people=people, lang=lang))
    lists = [
        name for name in ("duty_sheet", "food", "posts", "sampling", "failed_checks", "kept_off") if name in tables
    ]
    pages = [(table_label(name, lang), "", [_table(tables, name, lang, 400)]) for name in lists]
    wave = plan.wave
    asked = {"month_gmv_cny": plan.store.store.month_gmv_cny, "month_aov_cny": plan.store.store.month_aov_cny}
    asked |= {"day_gmv_cny": wave.sales_cny(plan.store.store.month_gmv_cny or 0.0), "day_aov_cny": wave.day_aov_cny}
    form = show_table(request_form(asked, lang=lang), lang=lang)
    pages.append((label("request_form", lang), "", [form, _signatures(lang)]))
    chases = schedule_chases(ordered_at=wave.start, closes_at=wave.end).rename(columns={"allowed": "allowed_now"})
    pages.append((label("chases", lang), "", [show_table(chases, lang=lang)]))
    title = label("readiness_lists", lang)
    written.append(write_file(folder / "lists.html", render_print(pages, title=title, lang=lang)))
    written += write_cards(folder / "cards", lang=lang, promo_day=wave.day, today=plan.counted_from)
    assert ready is not None
    return written


def _picture(axes: Any, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_figure(axes, path)
    return path


def _calendar_rows(tables: Mapping[str, pd.DataFrame], lang: Lang) -> pd.DataFrame:
    """Return the store's own countdown, or the catalogue in words, as the calendar file takes it."""
    if "countdown" in tables:
        return tables["countdown"]
    names = {task["key"]: task[lang] for task in catalogue()}
    plan = tables["task_plan"]
    return plan.assign(
        task=[names[key]["name"] for key in plan["task_key"]],
        owner=[label(role, lang) for role in plan["task_role"]],
        proof=[names[key]["evidence"] for key in plan["task_key"]],
    )
