"""The workbook of the retrospective, ``review.xlsx``: what the team notes of the night, and of the weeks around it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, get_args

import pandas as pd

from simlib import facts
from simlib.intervals import Grid
from simlib.messages import LANGS, PLAYBOOK, Message, Term, read_yaml
from simlib.night import PromoNight
from simlib.retrospective.audit import HIGHEST
from simlib.retrospective.buyers import FEEDBACK_STATUS
from simlib.retrospective.forecast import check_actuals
from simlib.retrospective.inputs import on_clock
from simlib.retrospective.measured import AS_DEFINED, MeasuredNight
from simlib.retrospective.result import NightRecord
from simlib.retrospective.variance import NightFacts, without_absent
from simlib.retrospective.write_back import NightFigures
from simlib.store.book import BookField, ChapterBook, FilledBook, ReadTime, read_moment_cell
from simlib.store.cells import CellError, fold, read_cell, shown
from simlib.store.models import Cohort, Profile, Queue
from simlib.store.problems import Problem, StoreError
from simlib.store.sources import note_passed_over

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
    "presale_reply_s": "number",
    "presale_think_s": "number",
    "aftersale_reply_s": "number",
    "aftersale_think_s": "number",
    "patience_s": "number",
    "shrinkage": "share",
}
"""What the sheet of the night may hold, and how each is written."""
FAR_FACTOR = 3.0
"""From so many times the plan's figure, or so small a part of it, a figure is asked about (our choice)."""
DISSATISFIED = 0.0
"""The satisfaction at and below which a chat counts as a complaint (our choice: exports mark nothing else)."""
SECOND_LEVERS = ("second_gift", "second_bundle", "second_threshold", "second_coupon", "second_other")
SHEET_OF = {
    "review_answers": "answers",
    "review_feedback": "feedback",
    "review_promises": "promises",
    "review_pushes": "pushes",
    "review_push_sales": "push_sales",
    "review_actions": "actions",
    "review_second_sales": "second_sales",
    "review_reminders": "reminders",
    "review_promos": "promos",
    "review_learned": "learned",
}
LEARNT = (
    *("inquiries_per_reception", "conversion", "bot_share", "aov_cny", "transfer_rate", "presale_replies"),
    *("presale_reply_s", "presale_think_s", "aftersale_reply_s", "aftersale_think_s", "patience_s", "shrinkage"),
    *("no_show_share", "opening_burst"),
)
"""The ratios that a night can teach the next plan, written down or measured from its exports."""
TAUGHT = (*LEARNT, *(f"uplift_{kind}" for kind in get_args(Profile)), *(f"speed_{each}" for each in get_args(Cohort)))
"""All that a night can teach and the chain of promos keeps."""
FIXED_REASONS = {"switch_cost_pct": "slowdown", "ordinary_shape": "promo_day"}
"""What no single night can teach, and why."""
WHOLE_NIGHT = 0.95
"""Share of the planned contacts whose intervals must have a count before a night is kept as history (our choice)."""
SPANS = ("review_absences", "review_served", "review_incidents")


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
    queue = BookField(key="queue", term="queue", kind="choice", needed=True, choices=_choices(get_args(Queue)))
    lever = _choices(SECOND_LEVERS)
    sales = BookField(key="sales_cny", term="sales_cny", kind="money", low=0, needed=True)
    promo = BookField(key="promo", term="promo", needed=True)
    learned = [replace(_count(key, kind="number"), term=f"learned_{key}") for key in ("before", "seen", "after")]
    sheets: dict[str, tuple[BookField, ...]] = {
        "review_night": (figure, _text("value", needed=True), NOTE),
        "review_absences": (AGENT_ID, START, END, NOTE),
        "review_served": (AGENT_ID, queue, START, END, NOTE),
        "review_incidents": (incident, START, END, NOTE),
        "review_questions": (_text("asked", needed=True), _count("times"), NOTE),
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
            sales,
            NOTE,
        ),
        "review_second_sales": (
            BookField(key="lever", term="second_lever", kind="choice", needed=True, choices=lever),
            replace(AGENT, needed=False),
            _count("orders", needed=True),
            sales,
            NOTE,
        ),
        "review_reminders": (
            _moment("day", kind="date", needed=True),
            replace(AGENT, needed=False),
            *(BookField(key=key, term=key, kind="integer", low=0, needed=True) for key in ("reminded", "paid_after")),
            BookField(key="sales_cny", term="paid_after_cny", kind="money", low=0),
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
        "review_promos": (
            promo,
            replace(_moment("day", kind="date", needed=True), term="promo_day"),
            *(BookField(key=key, term=key, kind="number", low=0) for key in ("planned_contacts", "actual_contacts")),
            *(BookField(key=key, term=key, kind="share", low=0) for key in ("wape", "poisson_floor")),
            *(BookField(key=key, term=key, kind="money", low=0) for key in ("planned_cny", "actual_cny")),
            NOTE,
        ),
        "review_learned": (
            promo,
            BookField(key="key", term="learned_key", kind="choice", needed=True, choices=_choices(TAUGHT)),
            *learned,
            BookField(key="weight", term="learned_weight", kind="share", low=0, high=1),
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
    def notices(self) -> tuple[Problem, ...]:
        """What of the workbook is worth knowing and no mistake: what Excel does not show, rows that add up others."""
        return self.book.notices

    @property
    def absences(self) -> pd.DataFrame:
        """Who was rostered and not there: agent_id, start, end."""
        return self.book.tables["review_absences"]

    @property
    def served(self) -> pd.DataFrame:
        """Who was on chat where another roster was worked than the planned one: agent_id, queue, start, end."""
        return self.book.tables["review_served"]

    @property
    def incidents(self) -> pd.DataFrame:
        """What went wrong: incident, start, end."""
        return self.book.tables["review_incidents"]


def read_review(path: Any, *, read_time: ReadTime | None = None) -> Review:
    """Read what lies beside a store for the retrospective; an empty review where nothing does.

    Parameters
    ----------
    path : str or Path
        The store's workbook or folder.
    read_time : callable, optional
        Reads a time without its date as the night's own, where the night is known.

    Returns
    -------
    Review
        One that cannot be opened at all is a problem, and every sheet is empty.
    """
    book = review_book()
    found = book.find(path)
    if found is None:
        return Review(book=book.empty())
    try:
        filled = book.read(found, read_time=read_time)
        filled = replace(filled, notices=(*note_passed_over(path, BOOK_NAME), *filled.notices))
    except StoreError as error:
        return Review(book=book.empty(), problems=error.problems)
    problems = list(filled.problems)
    actions = filled.tables["review_actions"]
    actions = actions.assign(card=[_card_names().get(fold(str(card)), card) for card in actions["card"]])
    read = {"review_audit": _read_audit(filled, problems), "review_actions": actions}
    read["review_promises"] = _read_promises(filled, problems)
    parts = (("review_reminders", "paid_after", "reminded"), ("review_answers", "paid", "sent"))
    read |= {sheet: _read_parts(filled, sheet, part, whole, problems) for sheet, part, whole in parts}
    filled = replace(filled, tables={**filled.tables, **read})
    figures: dict[str, Any] = {}
    rows: dict[str, int] = {}
    for row in filled.tables["review_night"].to_dict("records"):
        name, kind = row["figure"], FIGURES[row["figure"]]
        place: dict[str, Any] = {"sheet": "review_night", "row": row["row"], "column": "review_value"}
        place |= {"value": shown(row["value"]), "loss": "row"}
        if name in figures:
            problems.append(Problem(message="stands_twice", values={"first": rows[name]}, **place))
            continue
        takes_time = name.endswith("_s")
        try:
            if kind == "datetime":
                value = read_moment_cell(row["value"], read_time)
            else:
                value = read_cell(row["value"], kind, unit="s" if takes_time else "")
            if kind != "datetime" and not (takes_time <= value < math.inf and (kind != "share" or value <= 1)):
                raise CellError("out_of_range")
        except CellError as error:
            limits = (f">= {takes_time:d}", "<= 1") if kind == "share" else (f">= {takes_time:d}",)
            allowed = () if kind == "datetime" else limits
            problems.append(Problem(message=error.message, values=error.values, allowed=allowed, **place))
            continue
        if value is not None:
            figures[name], rows[name] = value, row["row"]
    for sheet in SPANS:
        filled = replace(filled, tables={**filled.tables, sheet: _read_spans(filled, sheet, problems)})
    return Review(book=filled, figures=figures, problems=tuple(problems))


def doubt_figures(review: Review, planned: Mapping[str, float]) -> Review:
    """Return the review with a notice of each figure that is a multiple of the plan's, or a part of it.

    Parameters
    ----------
    planned : mapping of str to float
        The plan's figures by the keys of `FIGURES`; one that is missing, or 0, is not compared.
    """
    rows = review.book.tables["review_night"].drop_duplicates("figure").set_index("figure")
    doubts = []
    for name, value in review.figures.items():
        plan = planned.get(name, 0.0)
        if plan and value and not 1 / FAR_FACTOR < value / plan < FAR_FACTOR:
            place: dict[str, Any] = {
                "sheet": "review_night",
                "row": int(rows.loc[name, "row"]),
                "column": "review_value",
            }
            values = {"ratio": name, "plan": shown(float(plan))}
            doubts.append(Problem(message="far_from_plan", value=shown(float(value)), values=values, **place))
    notices = review_book().sort([*review.book.notices, *doubts])
    return replace(review, book=replace(review.book, notices=notices))


@cache
def _card_names() -> dict[str, str]:
    """Return the key of every task card and incident card by its key and its names."""
    rows = [*read_yaml(PLAYBOOK / "tasks" / "tasks.yml"), *facts.table("incidents").to_dict("records")]
    return {fold(name): row["key"] for row in rows for name in (row["key"], *(row[lang]["name"] for lang in LANGS))}


def _read_spans(filled: FilledBook, sheet: str, problems: list[Problem]) -> pd.DataFrame:
    """Leave out what ends before it begins."""
    table = filled.tables[sheet]
    backwards = pd.Series(
        [end <= start for start, end in zip(table["start"], table["end"], strict=True)], index=table.index, dtype=bool
    )
    for row in table[backwards].to_dict("records"):
        place: dict[str, Any] = {"sheet": sheet, "row": row["row"], "column": "end"}
        place["value"] = f"{row['end']:%Y-%m-%d %H:%M}"
        problems.append(Problem(message="end_after_start", loss="row", **place))
    return table[~backwards].reset_index(drop=True)


def within_night(review: Review, grid: Grid) -> Review:
    """Return the review without rows that lie outside the night, or inside an earlier row of the same; each is named.

    Parameters
    ----------
    grid : Grid
        Of the night that was planned.
    """
    opens = grid.opens.tz_localize(None)
    closes = grid.times(grid.edges_s[-1:])[0].tz_localize(None)
    allowed = (f">= {opens:%Y-%m-%d %H:%M}", f"<= {closes:%Y-%m-%d %H:%M}")
    problems, tables, figures = list(review.problems), dict(review.book.tables), dict(review.figures)
    for sheet in SPANS:
        kept: list[dict[str, Any]] = []
        who = [name for name in ("agent_id", "queue", "incident") if name in tables[sheet]]
        for row in tables[sheet].to_dict("records"):
            place: dict[str, Any] = {"sheet": sheet, "row": row["row"], "loss": "row"}
            twin = next((each for each in kept if _overlap(each, row) and all(each[w] == row[w] for w in who)), None)
            if row["start"] >= closes or row["end"] <= opens:
                value = f"{row['start']:%Y-%m-%d %H:%M}"
                problems.append(Problem(message="out_of_range", column="start", value=value, allowed=allowed, **place))
            elif twin is not None:
                value = f"{row['start']:%Y-%m-%d %H:%M}"
                first = {"first": twin["row"]}
                problems.append(Problem(message="stands_twice", column="start", value=value, values=first, **place))
            else:
                kept.append(row)
        at = {row["row"] for row in kept}
        tables[sheet] = tables[sheet][tables[sheet]["row"].isin(at)].reset_index(drop=True)
    if "opening" in figures and not opens <= pd.Timestamp(figures["opening"]) < closes:
        noted = tables["review_night"]
        place = {"sheet": "review_night", "row": int(noted.loc[noted["figure"] == "opening", "row"].iloc[0])}
        place |= {"column": "review_value", "value": f"{figures.pop('opening'):%Y-%m-%d %H:%M}", "loss": "row"}
        problems.append(Problem(message="out_of_range", allowed=allowed, **place))
    book = replace(review.book, tables=tables)
    return replace(review, book=book, figures=figures, problems=review_book().sort(problems))


def _overlap(one: Mapping[str, Any], two: Mapping[str, Any]) -> bool:
    return bool(one["start"] < two["end"] and two["start"] < one["end"])


def _read_promises(filled: FilledBook, problems: list[Problem]) -> pd.DataFrame:
    """Leave out promises that were due or kept before they were made."""
    table = filled.tables["review_promises"]
    wrong = set()
    for row in table.to_dict("records"):
        for name in ("due", "kept"):
            if pd.notna(row[name]) and row[name] < row["made"]:
                place: dict[str, Any] = {"sheet": "review_promises", "row": row["row"], "column": f"review_{name}"}
                place |= {"value": f"{row[name]:%Y-%m-%d %H:%M}", "allowed": (f">= {row['made']:%Y-%m-%d %H:%M}",)}
                problems.append(Problem(message="out_of_range", loss="row", **place))
                wrong.add(row["row"])
    return table[~table["row"].isin(wrong)].reset_index(drop=True)


def _read_parts(filled: FilledBook, sheet: str, part: str, whole: str, problems: list[Problem]) -> pd.DataFrame:
    """Leave out rows in which a part is more than its whole: more paid than were reminded."""
    table = filled.tables[sheet]
    counts = table[[part, whole]].astype(float)
    too_many = counts[part] > counts[whole]
    term = next(each.term for each in review_book().sheets[sheet] if each.key == part)
    for row in table[too_many].to_dict("records"):
        place: dict[str, Any] = {"sheet": sheet, "row": row["row"], "column": term, "value": shown(row[part])}
        problems.append(Problem(message="out_of_range", allowed=(f"<= {row[whole]:g}",), loss="row", **place))
    return table[~too_many].reset_index(drop=True)


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
        The canonical tables of the store's exports. Exports of several days are cut to the night where the night is
        asked for; an interval longer than the plan's is laid out by the plan's own shape.
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
    notices: tuple[Message, ...] = ()
    if actuals is None and "store_interval" in exported:
        actuals, notices = lay_on_grid(exported["store_interval"], planned)
    served = worked_roster(review, planned)
    return NightRecord(
        actual=_as_it_came(review, planned, happened or planned, actuals, noted=happened is not None, served=served),
        actuals=actuals,
        served=without_absences(served, review.absences),
        orders=exported.get("orders"),
        agent_day=exported.get("agent_day"),
        store_day=exported.get("store_day"),
        chats=_chats(exported.get("chat"), planned),
        questions=_questions(review),
        platform_messages=_messages(exported.get("message"), planned),
        notices=notices,
        **lists,
        **audits,
    )


def lay_on_grid(intervals: pd.DataFrame, planned: NightFacts) -> tuple[pd.DataFrame | None, tuple[Message, ...]]:
    """Cut exported intervals to the night, and lay hours out by half hours as the plan divides them.

    Returns
    -------
    (DataFrame or None, tuple of Message)
        start, queue, contacts, answered, in_time; None where the night is not among them. A message where hours were
        divided: their shape inside the hour is the plan's.
    """
    grid, forecast = planned.night.grid, planned.night.forecast
    figures = ["contacts", "answered", "in_time"]
    table = intervals.reindex(columns=["start", "queue", *figures])
    table["start"] = on_clock(table["start"], grid.opens.tz)
    last = grid.times(grid.edges_s[-1:])[0]
    inside = table[(table["start"] >= grid.opens) & (table["start"] < last)]
    if inside.empty:
        return (None, ()) if table.empty else (table, ())
    starts = pd.Series(sorted(inside["start"].unique()))
    step, own = starts.diff().min(), pd.Timedelta(seconds=grid.step_s)
    if pd.isna(step) or step <= own:
        return inside.reset_index(drop=True), ()
    plan = forecast[["start", "queue", "contacts"]].rename(columns={"start": "at", "contacts": "part"})
    plan["start"] = grid.opens + (plan["at"] - grid.opens) // step * step
    whole = plan.groupby(["start", "queue"])["part"].transform("sum")
    plan["part"] = (plan["part"] / whole.where(whole > 0)).fillna(own / step)
    both = inside.drop_duplicates(["start", "queue"]).merge(plan, on=["start", "queue"])
    for name in figures:
        both[name] = both[name].astype(float) * both["part"]
    laid = both.drop(columns=["start", "part"]).rename(columns={"at": "start"})
    minutes = f"{step / pd.Timedelta(minutes=1):g}"
    message = Message("retrospective.laid_by_plan", minutes=minutes, step=f"{grid.step_s / 60:g}")
    return laid[["start", "queue", *figures]], (message,)


def _questions(review: Review) -> pd.DataFrame | None:
    """Return what buyers asked, one row per text, with the number of contacts that asked it."""
    asked = review.book.given("review_questions")
    if asked is None:
        return None
    return pd.DataFrame(
        {"chat": asked["row"], "text": asked["asked"], "times": pd.to_numeric(asked["times"]).fillna(1).astype(float)}
    )


def _chats(chats: pd.DataFrame | None, planned: NightFacts) -> pd.DataFrame | None:
    """Return the night's chats with whether the buyer was dissatisfied, which is all that exports know of complaints.

    Exports mark satisfaction by a share: 1 satisfied, 0 not, nothing where nobody was asked.
    """
    if chats is None or not {"agent", "begun", "ended", "satisfied"} <= set(chats):
        return None
    grid = planned.night.grid
    known = chats[["agent", "begun", "ended", "satisfied"]].dropna(subset=["agent", "begun", "ended"])
    known = known.assign(**{name: on_clock(known[name], grid.opens.tz) for name in ("begun", "ended")})
    last = grid.times(grid.edges_s[-1:])[0]
    own = known[(known["begun"] >= grid.opens) & (known["begun"] < last)]
    return None if own.empty else own.assign(complaint=own["satisfied"] <= DISSATISFIED).drop(columns="satisfied")


def _messages(messages: pd.DataFrame | None, planned: NightFacts) -> pd.DataFrame | None:
    """Return the night's messages as the platforms' scores read them: contact, time, sender."""
    if messages is None or not {"chat", "sent", "side"} <= set(messages):
        return None
    grid = planned.night.grid
    sent = on_clock(messages["sent"], grid.opens.tz)
    last = grid.times(grid.edges_s[-1:])[0]
    own = sent.notna() & (sent >= grid.opens) & (sent < last)
    if not own.any():
        return None
    return pd.DataFrame(
        {"contact": messages.loc[own, "chat"], "time": grid.seconds(sent[own]), "sender": messages.loc[own, "side"]}
    )


def worked_roster(review: Review, planned: NightFacts) -> pd.DataFrame | None:
    """Return the roster that was worked, absences not yet cut: the one written down, else the planned one.

    None where nobody wrote down either who served or who was absent.
    """
    roster = planned.night.roster
    if review.served.empty:
        return None if review.absences.empty else roster
    zone = planned.night.grid.opens.tz
    rows = review.served[["agent_id", "queue", "start", "end"]].reset_index(drop=True)
    rows = rows.assign(activity="chat", **{name: on_clock(rows[name], zone) for name in ("start", "end")})
    return rows[rows["end"] > rows["start"]].reset_index(drop=True)


def without_absences(served: pd.DataFrame | None, absences: pd.DataFrame) -> pd.DataFrame | None:
    """Cut the absences out of the roster that was worked."""
    if served is None or absences.empty:
        return served
    zone = served["start"].dt.tz
    return without_absent(served, _spans(absences, zone))


def _spans(absences: pd.DataFrame, zone: Any) -> list[tuple[str, pd.Timestamp, pd.Timestamp]]:
    return [
        (str(row.agent_id), pd.Timestamp(row.start).tz_localize(zone), pd.Timestamp(row.end).tz_localize(zone))
        for row in absences.itertuples()
    ]


def _as_it_came(
    review: Review,
    planned: NightFacts,
    happened: NightFacts,
    actuals: pd.DataFrame | None,
    *,
    noted: bool,
    served: pd.DataFrame | None,
) -> NightFacts | None:
    """Put what was measured in the place of the plan; what was not is named, and stays at plan.

    Intervals without a count stay at plan too, so that a part of a night moves the total by what is known of it.
    """
    figures = review.figures
    if actuals is None and not figures and not noted and served is None:
        return None
    night = happened.night
    unmeasured = set() if noted else {"outages"}
    came = None
    if actuals is not None:
        checked = check_actuals(actuals, planned.night.forecast).table
        came = None if checked.empty else checked
    if came is None:
        unmeasured |= {"contacts", "shape"}
    else:
        counted = came.set_index(["start", "queue"])["contacts"]
        forecast = night.forecast
        keys = pd.MultiIndex.from_frame(forecast[["start", "queue"]])
        contacts = counted.reindex(keys).fillna(pd.Series(forecast["contacts"].to_numpy(dtype=float), index=keys))
        night = replace(night, forecast=forecast.assign(contacts=contacts.to_numpy()))
    night, measured = _as_served(night, figures)
    unmeasured |= {"bot_net_share", "handling"} - measured
    if review.served.empty:
        unmeasured.add("heads")
    elif served is not None:
        known = served[served["agent_id"].isin(night.people["agent_id"])]
        night = replace(night, roster=known.reset_index(drop=True))
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
        absences=_spans(review.absences, zone),
        unmeasured=tuple(sorted(unmeasured)),
        **{key: float(figures[name]) for key, name in optional.items() if name in figures},
    )


def _as_served(night: PromoNight, figures: Mapping[str, Any]) -> tuple[PromoNight, set[str]]:
    """Put the bot's share and the times of a chat as they were into the night; return which drivers that measures."""
    services, measured = dict(night.services), set()
    for queue, service in services.items():
        changes: dict[str, Any] = {}
        if "bot_share" in figures:
            measured.add("bot_net_share")
            changes["bot_share"] = float(figures["bot_share"])
            if service.bot_meets_share is not None:
                changes["bot_meets_share"] = max(service.bot_meets_share, changes["bot_share"])
        for name in ("reply_s", "think_s"):
            if f"{queue}_{name}" in figures:
                measured.add("handling")
                changes[name] = float(figures[f"{queue}_{name}"])
        services[queue] = replace(service, **changes)
    return replace(night, services=services), measured


def with_measured(review: Review, measured: MeasuredNight) -> tuple[Review, tuple[Message, ...]]:
    """Return the review with the figures that exports have by their own definition and nobody wrote down."""
    found = {key: measured.ratios[key] for key in AS_DEFINED if key in measured.ratios and key not in review.figures}
    if not found:
        return review, ()
    message = Message("retrospective.from_exports", figures=tuple(Term(key) for key in found))
    return replace(review, figures={**review.figures, **found}), (message,)


def take_figures(
    review: Review,
    *,
    promo: str,
    actuals: pd.DataFrame | None,
    forecast: pd.DataFrame,
    measured: MeasuredNight | None = None,
) -> NightFigures | None:
    """Return what the night taught, for :func:`simlib.retrospective.learn_from_night`; None where nothing is known.

    What was written down goes before what was measured. A night of which parts are missing teaches its figures, and is
    not kept as history.
    """
    measured = measured or MeasuredNight()
    ratios = {key: value for key, value in measured.ratios.items() if key in LEARNT}
    ratios |= {key: float(review.figures[key]) for key in LEARNT if key in review.figures}
    contacts = None
    if actuals is not None:
        checked = check_actuals(actuals, forecast)
        contacts = checked.table if checked.covered >= WHOLE_NIGHT else None
    if not ratios and contacts is None and not measured.cohort_speed:
        return None
    speed = measured.cohort_speed or None
    return NightFigures(
        promo=promo, ratios=ratios, contacts=contacts, cohort_speed=speed, reasons={**FIXED_REASONS, **measured.reasons}
    )


def begin_next_review(review: FilledBook, *, promo: Mapping[str, Any], changes: pd.DataFrame) -> dict[str, Any]:
    """Return the rows with which the next promo's ``review.xlsx`` begins.

    The chain of promos and what each taught go on by this one; feedback and actions that are not done are carried
    over, and the scores of the self-audit become those of the last time.

    Parameters
    ----------
    promo : mapping
        Of the sheet of promos: promo, day, planned_contacts, actual_contacts, wape ...
    changes : DataFrame
        key, before, seen, weight, after of the figures that the next plan starts from.
    """
    tables = {sheet: table.drop(columns="row") for sheet, table in review.tables.items()}
    learned = changes[["key", "before", "seen", "after", "weight"]].assign(promo=promo["promo"])
    learned = learned[learned["key"].isin(TAUGHT)]
    audit = tables["review_audit"].dropna(subset="score")
    texts = facts.table("self_audit").set_index("key")
    open_feedback = tables["review_feedback"]["status"].isin(["open", "sent"])
    return {
        "review_promos": [*_filled(tables["review_promos"]), dict(promo)],
        "review_learned": [*_filled(tables["review_learned"]), *learned.to_dict("records")],
        "review_audit": [
            {"question": {lang: texts.loc[row["question"], lang] for lang in LANGS}, "score_before": row["score"]}
            for row in audit.to_dict("records")
        ],
        "review_feedback": _filled(tables["review_feedback"][open_feedback]),
        "review_actions": [row for row in _filled(tables["review_actions"]) if not row.get("done")],
    }


def _filled(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a sheet, each with the cells that are filled in."""
    return [{key: value for key, value in row.items() if not pd.isna(value)} for row in table.to_dict("records")]
