"""The readiness review of one store: worked out, noted beside the store, written as what is printed and handed out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from simlib.files import write_file
from simlib.messages import LANGS, Lang, Message, UserError, label, translate
from simlib.planning import Plan, plan
from simlib.readiness.cards import KINDS, make_cards
from simlib.readiness.countdown import catalogue, lay_countdown, make_calendar
from simlib.readiness.explain import explain_price, request_form
from simlib.readiness.kept import note_changes, note_content, note_quiz, note_score, save_kept
from simlib.readiness.library import schedule_chases
from simlib.readiness.prices import final_price
from simlib.readiness.quick_replies import read_quick_replies, write_quick_replies
from simlib.readiness.quiz import Quiz, make_quiz, print_quiz
from simlib.readiness.result import ReadinessResult
from simlib.readiness.rules import PromoSheet, read_promo_sheet
from simlib.readiness.workbook import ReadinessBook, read_readiness_beside, write_answer_sheet
from simlib.report.charts.readiness import plot_blocks, plot_gantt, plot_seat_plan
from simlib.report.pages.readiness_cards import print_cards
from simlib.report.pages.readiness_pack import print_exam, print_lists, print_meeting, print_prices
from simlib.report.style import save_figure

GOODS_EXPLAINED = 12  # goods whose price is explained on a page of its own
SHOWN = ("blocks", "red_items", "kept_off", "conflicts", "phrase_faults", "rule_changes", "stale_items")


@dataclass(frozen=True, kw_only=True)
class ReadinessReview:
    """What a review comes to: findings, the tables to show first, the files written, and where the history is kept."""

    findings: tuple[Message, ...]
    shown: Mapping[str, pd.DataFrame]
    written: tuple[Path, ...]
    kept: Path
    result: ReadinessResult = field(repr=False)


def review_readiness(
    store: Path,
    *,
    out: Path,
    lang: Lang,
    changed_by: str = "",
    accepted_by: str = "",
    informed: tuple[str, ...] = (),
    questions: int = 20,
    replies: Path | None = None,
    at: dt.datetime | None = None,
) -> ReadinessReview:
    """Work out the readiness of a store and write its pack to ``<out>/<store>/readiness``.

    What changed in the rules since the last review goes into the change log, and whatever rests on it is stale until
    it is handed out again: a review whose log has nothing open hands everything out anew.

    Parameters
    ----------
    changed_by, accepted_by : str
        Who changed the rules since the last review (the log notes where it is not stated), and who accepts all open
        changes for customer service.
    informed : tuple of str
        Who was informed of the changes.
    questions : int
        Of the quiz.
    replies : Path, optional
        A quick-reply sheet that came back from the chat client, to be held against the library.
    at : datetime.datetime, optional
        The instant of the review; left out, the store's own today at the clock of now, and after all that is noted.
    """
    night = plan(store)
    book = night.inputs.find_readiness(str(store))
    kept = book.kept
    moment = at or _review_moment(night.counted_from, after=kept.last_noted)
    if not {"activities", "goods"} & set(book.missing):
        kept = note_changes(
            kept,
            {sheet: book.tables[sheet].drop(columns="row") for sheet in ("activities", "goods")},
            changed_by=changed_by or translate("readiness.changed_by_unnamed", lang),
            at=moment,
            informed=informed,
            accepted_by=accepted_by,
        )
    save_kept(store, kept)
    night = plan(store)  # with the changes that were noted
    book = night.inputs.find_readiness(str(store))
    ready = night.readiness
    kept = note_score(book.kept, day=night.counted_from, figures=ready.figures)
    quiz = _make_quiz(book, questions, lang)
    open_changes = [one is None for one in kept.change_log["accepted_on"]]
    if not any(open_changes):
        kept = note_content(kept, _list_content(ready, quiz, moment))
        kept = kept if quiz is None else note_quiz(kept, quiz)
    folder = out / night.store.store_id / "readiness"
    written = write_pack(night, folder, book=book, quiz=quiz, lang=lang)
    shown = {name: ready.tables[name] for name in SHOWN if name in ready.tables and not ready.tables[name].empty}
    if "kept_off" in shown and shown["kept_off"]["reason_left"].isna().all():
        shown["kept_off"] = shown["kept_off"].drop(columns="reason_left")  # a terminal has no room for an empty column
    if replies is not None:
        if "phrase_library" not in ready.tables:
            raise UserError(Message("readiness.replies_no_library"))
        back = read_quick_replies(replies, ready.tables["phrase_library"], lang=lang)
        changed = back.replies[back.replies["state"] != "reply_same"]
        shown["quick_replies"] = changed.reset_index(drop=True)
    return ReadinessReview(
        findings=ready.findings,
        shown=shown,
        written=tuple(written),
        kept=save_kept(store, kept),
        result=ready,
    )


def _review_moment(day: dt.date, *, after: dt.datetime | None) -> dt.datetime:
    """Return a day at the clock of now, or a second after what was noted last if that is later.

    Of two reviews in one second, or on two mornings with one day set as today, the second is the later.
    """
    now = dt.datetime.combine(day, dt.datetime.now().time().replace(microsecond=0))
    return now if after is None else max(now, after.replace(microsecond=0) + dt.timedelta(seconds=1))


def _make_quiz(book: ReadinessBook, questions: int, lang: Lang) -> Quiz | None:
    if {"activities", "goods"} & set(book.missing):
        return None
    sheets = book.tables
    return make_quiz(
        activities=sheets["activities"],
        goods=sheets["goods"],
        phrases=None if "phrases" in book.missing else sheets["phrases"],
        items=questions,
        lang=lang,
    )


def _list_content(ready: ReadinessResult, quiz: Quiz | None, at: dt.datetime) -> pd.DataFrame:
    """List what is handed out now, with the rules on which each rests: phrases, bot scripts, quiz items, cards."""
    rows = []
    for phrase in ready.tables["phrase_library"].itertuples() if "phrase_library" in ready.tables else ():
        if phrase.rests_on:
            rows.append(("bot" if "bot" in phrase.channel else "phrase", phrase.phrase_id, None, phrase.rests_on, at))
    for item in quiz.items if quiz is not None else ():
        rows.append(("quiz", f"{quiz.id}-{item.number}", None, item.rests_on, at))  # type: ignore[union-attr]
    table = ready.tables.get("rule_phrases")
    rules = [] if table is None else list(table["activity_id"])
    for good in ready.tables["buyer_prices"].itertuples() if "buyer_prices" in ready.tables else ():
        rows.append(("card", good.sku, None, "; ".join([good.sku, *rules]), at))
    return pd.DataFrame(rows, columns=["stale_kind", "id", "owner", "rests_on", "checked_on"], dtype=object)


# --- the pack


def write_cards(folder: Path, *, kinds: tuple[str, ...] = KINDS, lang: Lang, **days: Any) -> list[Path]:
    """Write one file per kind of card, each card on a page of its own, and return the files.

    ``days``: promo_day and today, for the dates of tasks and courses; the store's own countdown and figures.
    """
    return [
        write_file(
            folder / f"{kind}.html",
            print_cards(make_cards(kind, lang, **days), title=label(f"print_{kind}", lang), lang=lang),
        )
        for kind in kinds
    ]


def write_pack(night: Plan, folder: Path, *, book: ReadinessBook, quiz: Quiz | None, lang: Lang) -> list[Path]:
    """Write everything that the chapter prints and hands out, and return the files in the order of their use.

    The page of the review is written in both languages, all else in one.
    """
    tables, today = night.readiness.tables, night.counted_from
    written = [write_file(folder / f"meeting-{each}.html", print_meeting(night, lang=each)) for each in LANGS]
    written.append(_save_picture(plot_gantt(night.readiness.tasks, lang=lang, today=today), folder / "gantt.svg"))
    written.append(_save_picture(plot_blocks(tables["blocks"], lang=lang), folder / "blocks.svg"))
    if "seat_plan" in tables:
        written.append(_save_picture(plot_seat_plan(tables["seat_plan"], lang=lang), folder / "seats.svg"))
    stamp = dt.datetime.combine(today, dt.time())
    calendar = make_calendar(_calendar_rows(tables, lang), name=night.store.store.name, stamp=stamp, lang=lang)
    written.append(write_file(folder / "countdown.ics", calendar))
    if "phrase_library" in tables:
        written.append(write_quick_replies(folder / "quick-replies.xlsx", tables["phrase_library"], lang=lang))
        sheet = read_promo_sheet(book.tables["activities"], book.tables["goods"])
        prices = explain_goods(sheet, lang=lang)
        if prices:
            written.append(write_file(folder / "prices.html", print_prices(prices, lang=lang)))
    if quiz is not None:
        for name, key in (("quiz", False), ("quiz-key", True)):
            page = print_exam(quiz.id, print_quiz(quiz, with_key=key), lang=lang)
            written.append(write_file(folder / f"{name}.html", page))
        people = [agent.agent_id for agent in night.store.agents]
        written.append(write_answer_sheet(folder / "answers.xlsx", quiz, people=people, lang=lang))
    written.append(write_file(folder / "lists.html", print_lists(night, _make_forms(night, lang), lang=lang)))
    days: dict[str, Any] = {"promo_day": night.wave.day, "today": today, "countdown": tables.get("countdown")}
    return written + write_cards(folder / "cards", lang=lang, **days)


def read_countdown(store: Path, *, promo_day: dt.date, today: dt.date) -> pd.DataFrame | None:
    """Return the tasks of the readiness workbook beside a store, laid over the calendar; None where it has none."""
    book = read_readiness_beside(store)
    if "tasks" in book.missing:
        return None
    return lay_countdown(book.tables["tasks"], promo_day=promo_day, today=today)


def _save_picture(axes: Any, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_figure(axes, path)
    return path


def _make_forms(night: Plan, lang: Lang) -> list[tuple[str, pd.DataFrame]]:
    """Return the request to operations and the schedule of the three reminders."""
    store, wave = night.store.store, night.wave
    asked: dict[str, Any] = {"month_gmv_cny": store.month_gmv_cny, "month_aov_cny": store.month_aov_cny}
    asked |= {"day_gmv_cny": wave.sales_cny(store.month_gmv_cny or 0.0), "day_aov_cny": wave.day_aov_cny}
    form = request_form(asked, lang=lang).rename(columns={"unit": "in_unit"})
    chases = schedule_chases(ordered_at=wave.start, closes_at=wave.end).rename(columns={"allowed": "allowed_now"})
    return [("request_form", form), ("chases", chases)]


def _calendar_rows(tables: Mapping[str, pd.DataFrame], lang: Lang) -> pd.DataFrame:
    """Return the store's own countdown, or the catalogue in words, as the calendar file takes it."""
    if "countdown" in tables:
        return tables["countdown"]
    names = {task["key"]: task[lang] for task in catalogue()}
    laid = tables["task_plan"]
    return laid.assign(
        task=[names[key]["name"] for key in laid["task_key"]],
        owner=[label(role, lang) for role in laid["task_role"]],
        proof=[names[key]["evidence"] for key in laid["task_key"]],
    )


def explain_goods(sheet: PromoSheet, *, lang: Lang) -> list[tuple[str, str, dict[str, list[str]]]]:
    """Explain the price of each good, for everybody and for members, when most activities are in force.

    Returns
    -------
    list of (name, sku and instant, sentences by kind of buyer)
        Empty where nothing is in force, or a cell of the sheet is wrong.
    """
    starts = sorted({activity.window[0] for activity in sheet.activities})
    if not starts or sheet.wrong_cells:
        return []
    busiest = max(starts, key=lambda at: (sum(one.in_force(at) for one in sheet.activities), -at))
    at = sheet.instants[busiest]
    pages = []
    for sku, good in list(sheet.goods.items())[:GOODS_EXPLAINED]:
        said = {}
        for buyer in ("all", "member"):
            price = final_price([(sku, 1)], activities=sheet, buyer=buyer, at=at)
            said[buyer] = explain_price(price, sheet=sheet, lang=lang)
        pages.append((good.name, f"{sku} · {at:%Y-%m-%d %H:%M}", said))
    return pages
