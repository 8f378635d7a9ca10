"""The readiness review of one store: worked out, noted beside the store, written as what is printed and handed out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from simlib.messages import Lang, Message, UserError
from simlib.planning import plan
from simlib.readiness.kept import note_changes, note_content, note_quiz, note_score, save_kept
from simlib.readiness.quick_replies import read_quick_replies
from simlib.readiness.quiz import Quiz, make_quiz
from simlib.readiness.result import ReadinessResult
from simlib.readiness.workbook import ReadinessBook
from simlib.report.pages.readiness_pack import write_pack

SHOWN = ("blocks", "red_items", "kept_off", "conflicts", "rule_changes", "stale_items")


@dataclass(frozen=True, kw_only=True)
class Review:
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
) -> Review:
    """Work out the readiness of a store and write its pack to ``<out>/<store>/readiness``.

    What changed in the rules since the last review goes into the change log, and whatever rests on it is stale until
    it is handed out again: a review whose log has nothing open hands everything out anew.

    Parameters
    ----------
    changed_by, accepted_by : str
        Who changed the rules since the last review, and who accepts all open changes for customer service.
    informed : tuple of str
        Who was informed of the changes.
    questions : int
        Of the quiz.
    replies : Path, optional
        A quick-reply sheet that came back from the chat client, to be held against the library.
    at : datetime.datetime, optional
        The instant of the review; left out, the store's own today at the clock of now.
    """
    night = plan(store)
    moment = at or dt.datetime.combine(night.counted_from, dt.datetime.now().time().replace(microsecond=0))
    book = night.inputs.find_readiness(str(store))
    kept = book.kept
    if not {"activities", "goods"} & set(book.missing):
        kept = note_changes(
            kept,
            {sheet: book.tables[sheet].drop(columns="row") for sheet in ("activities", "goods")},
            changed_by=changed_by or "?",
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
    if replies is not None:
        if "phrase_library" not in ready.tables:
            raise UserError(Message("readiness.replies_no_library"))
        back = read_quick_replies(replies, ready.tables["phrase_library"], lang=lang)
        changed = back.replies[back.replies["state"] != "reply_same"]
        shown["quick_replies"] = changed.reset_index(drop=True)
    return Review(
        findings=ready.findings,
        shown=shown,
        written=tuple(written),
        kept=save_kept(store, kept),
        result=ready,
    )


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
