"""The workbook of the retrospective, ``review.xlsx``: what the team notes of the night, and of the weeks around it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pandas as pd

from simlib import facts
from simlib.messages import LANGS
from simlib.retrospective.audit import HIGHEST
from simlib.retrospective.buyers import FEEDBACK_STATUS
from simlib.retrospective.forecast import check_actuals
from simlib.retrospective.result import NightRecord
from simlib.retrospective.variance import NightFacts
from simlib.retrospective.write_back import NightFigures
from simlib.store.book import BookField, ChapterBook, FilledBook
from simlib.store.cells import CellError, fold, read_cell, shown
from simlib.store.problems import Problem

BOOK_NAME = "review.xlsx"
FIGURES: Mapping[str, str] = {
    "opening": "datetime",
    "inquiries_per_reception": "share",
    "conversion": "share",
    "aov_cny": "money",
    "bot_share": "share",
    "sales_kept": "money",
    "unserved": "number",
    "platform_rate": "share",
}
"""What the sheet of the night may hold, and how each is written."""
SHEET_OF = {
    "review_answers": "answers",
    "review_feedback": "feedback",
    "review_promises": "promises",
    "review_pushes": "pushes",
    "review_push_sales": "push_sales",
    "review_actions": "actions",
}
LEARNT = ("inquiries_per_reception", "conversion", "bot_share", "aov_cny")


def _text(key: str, *, needed: bool = False) -> BookField:
    return BookField(key=key, term=f"review_{key}", needed=needed)


def _moment(key: str, *, needed: bool = False, kind: str = "datetime") -> BookField:
    return BookField(key=key, term=f"review_{key}", kind=kind, needed=needed)


def _count(key: str, *, kind: str = "integer", high: float | None = None, needed: bool = False) -> BookField:
    return BookField(key=key, term=f"review_{key}", kind=kind, low=0, high=high, needed=needed)


def _choices(keys: Iterable[str], prefix: str = "") -> dict[str, str]:
    return {key: f"{prefix}{key}" for key in keys}


NOTE = BookField(key="note", term="note")
AGENT_ID = BookField(key="agent_id", term="agent_id", kind="code", needed=True)
AGENT = BookField(key="agent", term="agent_id", kind="code", needed=True)
START, END = (BookField(key=key, term=key, kind="datetime", needed=True) for key in ("start", "end"))


@cache
def review_book() -> ChapterBook:
    """Return the workbook's sheets and fields.

    Examples
    --------
    >>> sorted(review_book().sheets)[:2]
    ['review_absences', 'review_actions']
    """
    scenarios = facts.table("scenarios")["key"].tolist()
    figure = BookField(key="figure", term="review_figure", kind="choice", needed=True, choices=_choices(FIGURES))
    incident = BookField(key="incident", term="incident", kind="choice", needed=True, choices=_choices(scenarios))
    status = _choices(FEEDBACK_STATUS, "feedback_status_")
    sheets: dict[str, tuple[BookField, ...]] = {
        "review_night": (figure, _text("value", needed=True), NOTE),
        "review_absences": (AGENT_ID, START, END, NOTE),
        "review_incidents": (incident, START, END, NOTE),
        "review_answers": (
            _text("question", needed=True),
            AGENT,
            _text("wording", needed=True),
            _count("votes", needed=True),
            _count("sent"),
            _count("paid"),
            NOTE,
        ),
        "review_feedback": (
            _moment("day", kind="date"),
            _text("what", needed=True),
            _text("department", needed=True),
            BookField(key="status", term="review_status", kind="choice", needed=True, choices=status),
            _moment("due", kind="date"),
            NOTE,
        ),
        "review_promises": (
            _text("promise", needed=True),
            AGENT,
            _moment("made", needed=True),
            _moment("due", needed=True),
            _moment("kept"),
            NOTE,
        ),
        "review_pushes": (_moment("week", kind="date", needed=True), _text("item", needed=True), _text("script"), NOTE),
        "review_push_sales": (
            _moment("day", kind="date", needed=True),
            _text("item", needed=True),
            BookField(key="inquiries", term="inquiries", kind="integer", low=0, needed=True),
            _count("orders", needed=True),
            BookField(key="sales_cny", term="sales_cny", kind="money", low=0, needed=True),
            NOTE,
        ),
        "review_audit": (
            _text("question", needed=True),
            _count("score", kind="number", high=HIGHEST),
            _count("score_before", kind="number", high=HIGHEST),
            NOTE,
        ),
        "review_actions": (
            _text("lesson", needed=True),
            _text("action", needed=True),
            BookField(key="owner", term="owner"),
            _moment("due", kind="date"),
            _text("card"),
            BookField(key="done", term="review_done", kind="bool"),
            NOTE,
        ),
    }
    texts = tuple(f"retrospective.book_{key}" for key in ("begin", "example", "partial", "exports"))
    return ChapterBook(name=BOOK_NAME, chapter="retrospective", sheets=sheets, examples="review_sheets", texts=texts)


@dataclass(frozen=True, kw_only=True)
class Review:
    """What a store noted of a night: the figures read, the book, what is wrong in it."""

    book: FilledBook = field(repr=False)
    figures: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def absences(self) -> pd.DataFrame:
        """Who was rostered and not there: agent_id, start, end."""
        return self.book.tables["review_absences"]

    @property
    def incidents(self) -> pd.DataFrame:
        """What went wrong: incident, start, end."""
        return self.book.tables["review_incidents"]


def read_review(path: Any) -> Review:
    """Read what lies beside a store for the retrospective; an empty review where nothing does.

    Parameters
    ----------
    path : str or Path
        The store's workbook or folder.

    Raises
    ------
    StoreError
        The workbook cannot be opened at all.
    """
    book = review_book()
    found = book.find(path)
    if found is None:
        return Review(book=book.empty())
    filled = book.read(found)
    problems = list(filled.problems)
    filled = replace(filled, tables={**filled.tables, "review_audit": _read_audit(filled, problems)})
    figures: dict[str, Any] = {}
    for row in filled.tables["review_night"].to_dict("records"):
        name = row["figure"]
        place: dict[str, Any] = {"sheet": "review_night", "row": row["row"], "column": "review_value"}
        place |= {"value": shown(row["value"]), "loss": "row"}
        if name in figures:
            problems.append(Problem(message="duplicate", values={"first": name}, **place))
            continue
        try:
            value = read_cell(row["value"], FIGURES[name])
            if FIGURES[name] != "datetime" and not (0 <= value < math.inf and (FIGURES[name] != "share" or value <= 1)):
                raise CellError("out_of_range")
        except CellError as error:
            high = (*((">= 0", "<= 1") if FIGURES[name] == "share" else (">= 0",)),)
            allowed = () if FIGURES[name] == "datetime" else high
            problems.append(Problem(message=error.message, values=error.values, allowed=allowed, **place))
            continue
        figures[name] = value
    return Review(book=filled, figures=figures, problems=tuple(problems))


def _read_audit(filled: FilledBook, problems: list[Problem]) -> pd.DataFrame:
    """Return the audit by the keys of its questions, which a team writes as the questionnaire words them."""
    table = filled.tables["review_audit"]
    known = facts.table("self_audit")
    key_of = {fold(str(row[name])): str(row["key"]) for _, row in known.iterrows() for name in ("key", *LANGS)}
    keys = [key_of.get(fold(str(question))) for question in table["question"]]
    for row, key in zip(table.to_dict("records"), keys, strict=True):
        if key is None:
            place: dict[str, Any] = {"sheet": "review_audit", "row": row["row"], "column": "review_question"}
            problems.append(Problem(message="not_choice", value=shown(row["question"]), loss="row", **place))
    return table.assign(question=keys).dropna(subset=["question"])


def note_night(
    review: Review,
    planned: NightFacts,
    *,
    happened: NightFacts | None = None,
    actuals: pd.DataFrame | None,
    tables: Mapping[str, pd.DataFrame] | None = None,
) -> NightRecord:
    """Return the record of a night from what the store noted and exported.

    Parameters
    ----------
    review : Review
        The workbook.
    planned : NightFacts
        The night as it was planned.
    happened : NightFacts, optional
        The planned night with everything that went wrong in it; left out, nothing did or nobody noted it.
    actuals : DataFrame, optional
        start, queue, contacts, answered, in_time.
    tables : mapping of str to DataFrame, optional
        The canonical tables of the store's exports.
    """
    exported = {name: table for name, table in (tables or {}).items() if len(table)}
    lists: dict[str, pd.DataFrame] = {}
    for sheet, name in SHEET_OF.items():
        table = review.book.given(sheet)
        if table is not None:
            lists[name] = table.drop(columns=["row"])
    audit = review.book.given("review_audit")
    audits: dict[str, pd.DataFrame] = {}
    if audit is not None:
        audits["audit"] = audit[["question", "score"]].astype({"score": float})
        if audit["score_before"].notna().any():
            before = audit[["question", "score_before"]].rename(columns={"score_before": "score"})
            audits["audit_before"] = before.astype({"score": float})
    if actuals is None and "store_interval" in exported:
        actuals = exported["store_interval"]
    chats = exported.get("chat")
    if chats is not None and not {"agent", "begun", "ended", "complaint"} <= set(chats):
        chats = None
    return NightRecord(
        actual=_as_it_came(review, planned, happened or planned, actuals, noted=happened is not None),
        actuals=actuals,
        orders=exported.get("orders"),
        agent_day=exported.get("agent_day"),
        store_day=exported.get("store_day"),
        chats=chats,
        questions=_questions(exported.get("message")),
        **lists,
        **audits,
    )


def _questions(messages: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return what buyers wrote, by chat; None where nobody exported it."""
    if messages is None or not {"chat", "text", "sender"} <= set(messages):
        return None
    return messages.loc[messages["sender"] == "buyer", ["chat", "text"]].dropna()


def _as_it_came(
    review: Review, planned: NightFacts, happened: NightFacts, actuals: pd.DataFrame | None, *, noted: bool
) -> NightFacts | None:
    """Put what was measured in the place of the plan; what was not is named, and stays at plan."""
    figures = review.figures
    if actuals is None and not figures and not noted and review.absences.empty:
        return None
    night = happened.night
    unmeasured = {"heads", "handling"} | (set() if noted else {"outages"})
    came = None
    if actuals is not None:
        checked = check_actuals(actuals, planned.night.forecast)
        came = checked.table if checked.covered >= 1.0 else None  # a part of a night gives no total
    if came is None:
        unmeasured |= {"contacts", "shape"}
    else:
        counted = came.set_index(["start", "queue"])["contacts"]
        forecast = night.forecast
        keys = pd.MultiIndex.from_frame(forecast[["start", "queue"]])
        contacts = counted.reindex(keys).to_numpy(dtype=float)
        night = replace(night, forecast=forecast.assign(contacts=contacts))
    if "bot_share" in figures:
        share = float(figures["bot_share"])
        night = replace(night, services={q: replace(each, bot_share=share) for q, each in night.services.items()})
    else:
        unmeasured.add("bot_net_share")
    if review.absences.empty:
        unmeasured.add("absence")
    for figure, driver in (
        ("inquiries_per_reception", "inquiry_share"),
        ("conversion", "conversion"),
        ("aov_cny",) * 2,
    ):
        if figure not in figures:
            unmeasured.add(driver)
    zone = planned.night.grid.opens.tz
    opening = planned.opening
    if "opening" in figures:
        opening = pd.Timestamp(figures["opening"]).tz_localize(zone)
    else:
        unmeasured.add("opening")
    optional = {"sales_cny": "sales_kept", "lost_buyers": "unserved", "rate": "platform_rate"}
    return NightFacts(
        night=night,
        inquiry_share=float(figures.get("inquiries_per_reception", planned.inquiry_share)),
        conversion=float(figures.get("conversion", planned.conversion)),
        aov_cny=float(figures.get("aov_cny", planned.aov_cny)),
        opening=opening,
        absences=[
            (str(row.agent_id), pd.Timestamp(row.start).tz_localize(zone), pd.Timestamp(row.end).tz_localize(zone))
            for row in review.absences.itertuples()
        ],
        unmeasured=tuple(sorted(unmeasured)),
        **{key: float(figures[name]) for key, name in optional.items() if name in figures},
    )


def take_figures(review: Review, *, promo: str, actuals: pd.DataFrame | None) -> NightFigures | None:
    """Return what the night taught, for :func:`simlib.retrospective.learn_from_night`; None where nothing was noted."""
    ratios = {key: float(review.figures[key]) for key in LEARNT if key in review.figures}
    if not ratios and actuals is None:
        return None
    return NightFigures(promo=promo, ratios=ratios, contacts=actuals)
