"""The readiness chapter worked out: every table, figure and finding, from what the store has filled in."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd

from simlib.messages import Message, Term
from simlib.readiness.changes import find_stale, find_uncovered
from simlib.readiness.clashes import find_clashes, follow_rally
from simlib.readiness.conflicts import find_conflicts
from simlib.readiness.countdown import catalogue, lay_catalogue, lay_countdown, match_catalogue
from simlib.readiness.counts import check_readiness, score_readiness
from simlib.readiness.explain import missing_figures
from simlib.readiness.floor import (
    check_logistics,
    count_food,
    count_presence,
    diets_of,
    find_interval_shortage,
    find_quiet_windows,
    find_shortage,
    lay_duty_sheet,
    lay_ladder,
    lay_seat_plan,
    list_equipment,
    list_posts,
    plan_rental,
    rooms_of,
    sum_complaints,
)
from simlib.readiness.gate import follow_training, open_gate
from simlib.readiness.kept import pending_changes
from simlib.readiness.library import check_own_phrases, fill_library, lay_coverage
from simlib.readiness.quiz import ExamResult, mark_exam
from simlib.readiness.rules import is_missing, read_promo_sheet
from simlib.readiness.stages import STAGES, lay_modules, lay_syllabus, posts_of
from simlib.readiness.training import (
    DOCUMENTS,
    lay_buyer_prices,
    lay_documents,
    lay_samples,
    list_dropouts,
    plan_special,
)
from simlib.readiness.workbook import BLOCKS, SHEETS, ReadinessBook
from simlib.store.models import Store
from simlib.store.problems import Problem

NAMED = 5  # people that a finding names; all of them are in the table
# What the kept history calls its figures, under the terms of a table to read: shares as shares, one title for each.
HISTORY_TERMS = {"day": "run_on", "score": "readiness_score", "agents": "agents_listed"}
HISTORY_TERMS |= {block: f"{block}_done" for block in BLOCKS} | {"phrase_matrix": "phrases_covered"}
# The task of the catalogue whose owner answers for what has no owner of its own: rules, and what is handed out.
RULES_TASK = "collect_rules"
FIGURES_TASK = "ask_figures"  # whose owner and day answer for a figure that operations have not given
CONTENT_TASKS = {"phrase": "write_phrases", "quiz": "quiz_start", "bot": "teach_bot", "card": "knowledge_pack"}
RED_STATES = {"task_late": "red_late", "task_impossible": "task_impossible", "task_undated": "red_no_date"}


@dataclass(frozen=True, kw_only=True)
class CardPart:
    """One part of a card: a heading, then a text, a list, or a table (columns and rows); what is not there is empty."""

    heading: str
    text: str = ""
    items: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    strong: bool = False


@dataclass(frozen=True, kw_only=True)
class PrintCard:
    """One page: what kind of card, its name, a line below it, and its parts."""

    kind: str
    key: str
    title: str
    subtitle: str
    parts: tuple[CardPart, ...]


@dataclass(frozen=True, kw_only=True)
class ReadinessResult:
    """What the chapter says.

    Attributes
    ----------
    tables : mapping of str to DataFrame
        By glossary key, columns by glossary key; a table is absent where the sheets it needs are.
    figures : mapping of str to float
        score (0 to 100, nan where nothing is asked), blocks_known, allowed, agents, conflicts, at_risk_cny,
        stale_items, red_items.
    findings : tuple of Message
        What it comes to, the most urgent first.
    problems, notices : tuple of Problem
        What is wrong in the sheets, by row; and what of them is worth knowing and no mistake.
    """

    tables: Mapping[str, pd.DataFrame]
    figures: Mapping[str, float]
    findings: tuple[Message, ...]
    problems: tuple[Problem, ...]
    notices: tuple[Problem, ...] = ()

    @property
    def tasks(self) -> pd.DataFrame:
        """What the picture of the countdown shows: the store's own tasks with a day, else the catalogue."""
        own = self.tables.get("countdown")
        if own is None or own["due_on"].isna().all():
            return self.tables["task_plan"]
        return own[own["due_on"].notna()].rename(columns={"task": "task_key"})


def work_out_readiness(
    store: Store,
    *,
    book: ReadinessBook,
    promo_day: dt.date,
    today: dt.date,
    peak_heads: float,
    assignments: pd.DataFrame | None = None,
    contacts: pd.DataFrame | None = None,
    change_log: pd.DataFrame | None = None,
    exam: ExamResult | None = None,
    gone: Collection[str] = (),
) -> ReadinessResult:
    """Work out how ready a store is: rules, phrases, people, site, logistics, countdown, one score, red items.

    Parameters
    ----------
    store : Store
    book : ReadinessBook
        What the store wrote into its readiness workbook; sheets that are missing shrink the result.
    promo_day, today : datetime.date
    peak_heads : float
        Heads at the peak, against which the core workbook's seats are counted.
    assignments : pandas.DataFrame, optional
        The roster's segments; without them nothing is counted by half hour.
    contacts : pandas.DataFrame, optional
        start, queue, contacts of the forecast, for quiet windows and the complaints desk.
    change_log : pandas.DataFrame, optional
        As `read_change_log` gives it; left out, the one that is kept, with what the rules differ since.
    exam : ExamResult, optional
    gone : collection of str
        People who are no longer there.
    """
    sheets = book.tables
    tables: dict[str, pd.DataFrame] = {
        sheet: show_sheet(sheets[sheet], sheet) for sheet in ("activities", "goods") if sheet not in book.missing
    }
    problems = list(book.problems)
    has_rules = {"activities", "goods"} <= tables.keys()
    exam = exam or _mark(store, book)
    if change_log is None:
        change_log = pending_changes(book.kept, sheets, today=today) if has_rules else book.kept.change_log
    conflicts = find_conflicts(sheets["activities"], sheets["goods"]) if has_rules else None
    if conflicts is not None:
        tables["conflicts"] = show_conflicts(conflicts)
    if not change_log.empty:
        accepted = [not is_missing(moment) for moment in change_log["accepted_on"]]
        liable = ["liable_service" if one else "liable_operations" for one in accepted]
        tables["rule_changes"] = change_log.assign(liable=liable)
        tables["stale_items"] = find_stale(change_log, _handed_out(book))
    tables |= _look_at_phrases(store, book, change_log, today=today)
    training = None if "training" in book.missing else sheets["training"]
    results = None if exam is None else exam.results
    tables["gate"] = open_gate(store, day=promo_day, training=training, results=results)
    tables["kept_off"] = tables["gate"][~tables["gate"]["allowed"]].drop(columns="allowed").reset_index(drop=True)
    if training is not None:
        tables["progress"] = follow_training(training, today=today)
        tables["acceptance"] = lay_samples(store, training, promo_day=promo_day)
    if "rally" not in book.missing:
        tables["rally"] = follow_rally(store, sheets["rally"], today=today)
    tables["dropouts"] = list_dropouts(tables["gate"], tables.get("progress"))
    if exam is not None:
        right = {"share": "share_right"}
        tables["weak_items"] = exam.by_item.rename(columns=right | {"number": "quiz_item", "question": "quiz_question"})
        tables["weak_topics"] = exam.by_topic.rename(columns=right | {"group": "answer_group"})
        if len(exam.by_topic):  # where nobody has taken the exam, nobody knows what is weak
            tables["special_training"] = plan_special(exam.by_topic).rename(columns=right)
        problems += exam.problems
    if "goods" in tables:
        tables["documents"] = lay_documents(sheets["goods"])
    if "tasks" not in book.missing:
        tables["countdown"] = lay_countdown(sheets["tasks"], promo_day=promo_day, today=today)
    tables["task_plan"] = lay_catalogue(promo_day=promo_day, today=today, countdown=tables.get("countdown"))
    tables |= _look_at_floor(store, book, assignments, contacts, promo_day, today)
    if "logistics" not in book.missing or store.duties:
        tables["duty_sheet"] = lay_duty_sheet(sheets["logistics"], store=store, assignments=assignments)
    if "logistics" not in book.missing:
        absent = {"gone": gone, "away": _away_on(store, promo_day)}
        names = {agent.agent_id: agent.name for agent in store.agents}
        tables["posts"] = list_posts(sheets["logistics"], posts=posts_of(book.stage), names=names, **absent)
        problems += check_logistics(sheets["logistics"], gone=gone)
    if not {"logistics", "training"} <= set(book.missing):
        given = {name: sheets[name] for name in ("logistics", "training")}
        tables["clashes"], twice = find_clashes(store, assignments=assignments, **given)
        problems += twice
    tables["escalation_ladder"] = lay_ladder(store, tables["gate"], tables.get("posts"))
    if book.stage in STAGES:
        tables["stage_modules"] = lay_modules(book.stage)
        tables["syllabus"] = lay_syllabus(book.stage)
    if not book.kept.history.empty:
        tables["readiness_history"] = book.kept.history.rename(columns=HISTORY_TERMS)
    if "stale_items" in tables:
        tables["stale_items"] = _name_owners(tables["stale_items"], tables.get("countdown"), gone)
    items = _count_items(store, book, tables, promo_day=promo_day, today=today, peak_heads=peak_heads)
    tables["readiness"] = items
    tables["blocks"] = _count_blocks(items)
    tables["red_items"] = _list_red(tables, gone, open_figures=_open_figures(store, promo_day))
    figures = _figures(tables)
    return ReadinessResult(
        tables={name: _as_numbers(table) for name, table in tables.items()},
        figures=figures,
        findings=tuple(_findings(figures, tables, book, contacts)),
        problems=tuple(problems),
        notices=book.notices,
    )


def _mark(store: Store, book: ReadinessBook) -> ExamResult | None:
    """Mark the answers of the sheet exam against the quizzes that were handed out."""
    groups = {agent.agent_id: agent.cohort for agent in store.agents}
    mark = store.rule("exam_pass_mark")
    return mark_exam(book.tables["exam"], book.kept.quizzes, pass_mark=mark, groups=groups)


def _handed_out(book: ReadinessBook) -> dict[str, pd.DataFrame]:
    """Return what may go stale, by kind: the store's own phrases, and whatever was handed out before."""
    content = book.kept.content
    kinds = {kind: content[content["stale_kind"] == kind] for kind in dict.fromkeys(content["stale_kind"])}
    own = book.tables["phrases"]
    kinds["phrase"] = pd.concat([own, kinds["phrase"]], ignore_index=True) if "phrase" in kinds else own
    return kinds


def _owner_of(task: str, countdown: pd.DataFrame | None, gone: Collection[str]) -> str:
    """Return the owner of a catalogue's task in the store's own countdown, else the role that the catalogue names."""
    kept = match_catalogue(countdown).get(task)
    if kept is not None and not is_missing(kept.owner) and kept.owner not in gone:
        return str(kept.owner)
    return f"task_role_{next(each['role'] for each in catalogue() if each['key'] == task)}"


def _name_owners(stale: pd.DataFrame, countdown: pd.DataFrame | None, gone: Collection[str]) -> pd.DataFrame:
    """Fill in who answers for stale content that has no owner of its own."""
    answers = {kind: _owner_of(task, countdown, gone) for kind, task in CONTENT_TASKS.items()}
    pairs = zip(stale["stale_kind"], stale["owner"], strict=True)
    return stale.assign(owner=[answers[kind] if is_missing(owner) else owner for kind, owner in pairs])


def _look_at_phrases(
    store: Store, book: ReadinessBook, change_log: pd.DataFrame, *, today: dt.date
) -> dict[str, pd.DataFrame]:
    """Fill the library for the store, set it against the matrix, and check the store's own wording."""
    if {"activities", "goods"} & set(book.missing):
        return {}
    sheet = read_promo_sheet(book.tables["activities"], book.tables["goods"])
    platforms = (store.store.platform,)
    library = fill_library(sheet, store=store.store.name, platforms=platforms, on=today)
    own = book.tables["phrases"]
    found = {
        "phrase_library": library,
        "phrase_matrix": lay_coverage(library, own=own, platforms=platforms),
        "phrase_faults": check_own_phrases(own, sheet),
        "rule_phrases": _set_against_rules(book, change_log, platforms),
    }
    return {name: table for name, table in found.items() if not table.empty} | {"buyer_prices": lay_buyer_prices(sheet)}


def _set_against_rules(book: ReadinessBook, change_log: pd.DataFrame, platforms: tuple[str, ...]) -> pd.DataFrame:
    """Set every rule against the store's own phrases that rest on it."""
    own = book.tables["phrases"]
    stale = find_stale(change_log, {"phrase": own})
    table = find_uncovered(book.tables["activities"], own, stale=stale, platforms=platforms)
    return table.rename(columns={"written": "own_phrases", "current": "current_phrases"})


def _away_on(store: Store, day: dt.date) -> set[str]:
    """Return the ids and names of those who are on leave or not yet at work on a day."""
    away = [
        agent
        for agent in store.agents
        if (agent.starts_on is not None and agent.starts_on > day)
        or any(span.first <= day <= span.last for span in agent.leave)
    ]
    return {word for agent in away for word in (agent.agent_id, agent.name)}


def _open_figures(store: Store, promo_day: dt.date) -> list[str]:
    """Return which of the four figures operations still owe."""
    wave = next((wave for wave in store.waves if wave.day == promo_day), None)
    figures = {"month_gmv_cny": store.store.month_gmv_cny, "month_aov_cny": store.store.month_aov_cny}
    if wave is not None:
        figures |= {"day_gmv_cny": wave.sales_cny(store.store.month_gmv_cny or 0.0), "day_aov_cny": wave.day_aov_cny}
    return missing_figures(figures)


def show_sheet(table: pd.DataFrame, sheet: str) -> pd.DataFrame:
    """Return a sheet of the workbook as a table to read: its filled columns under the terms of their fields."""
    terms = {field.key: field.term for field in SHEETS[sheet]}
    filled = [key for key in terms if key in table and table[key].notna().any()]
    return table[filled].rename(columns=terms)


def _as_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose exact amounts are numbers: only a number is shown with the unit of its column."""
    exact = [column for column in table if any(isinstance(cell, Decimal) for cell in table[column])]
    plain = {column: [float(cell) if isinstance(cell, Decimal) else None for cell in table[column]] for column in exact}
    return table.assign(**{column: pd.Series(cells, index=table.index, dtype=float) for column, cells in plain.items()})


def show_conflicts(conflicts: pd.DataFrame) -> pd.DataFrame:
    """Return the conflicts as a table to read: keys of the glossary, rows and basket as text."""
    rows = []
    for found in conflicts.itertuples(index=False):
        basket = None
        if found.basket is not None:
            basket = "; ".join(f"{sku} × {quantity}" for sku, quantity in found.basket)
        rows.append(
            {
                "conflict": f"conflict_{found.kind}",
                "conflict_rows": "; ".join(found.rows),
                "lowered_by": "; ".join(found.lowered_by) or None,
                "basket": basket,
                "buyer": None if found.buyer is None else f"open_to_{found.buyer}",
                "order_at": found.at,
                "at_risk_cny": found.at_risk_cny,
            }
        )
    columns = ["conflict", "conflict_rows", "lowered_by", "basket", "buyer", "order_at", "at_risk_cny"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def _look_at_floor(
    store: Store,
    book: ReadinessBook,
    assignments: pd.DataFrame | None,
    contacts: pd.DataFrame | None,
    promo_day: dt.date,
    today: dt.date,
) -> dict[str, pd.DataFrame]:
    tables: dict[str, pd.DataFrame] = {}
    equipment = None
    if "site" not in book.missing:
        equipment = list_equipment(book.tables["site"])
        shown = equipment.drop(columns="row").rename(columns={"item": "site_item", "owner": "device_owner"})
        shown = shown.assign(site_item=[f"item_{item}" for item in shown["site_item"]])
        tables["equipment"] = shown
        tables["failed_checks"] = shown[shown["state"] != "usable"].reset_index(drop=True)
    if store.site:
        tables["seat_plan"] = lay_seat_plan(store)
    if assignments is None or assignments.empty:
        return tables
    presence = count_presence(assignments, rooms=rooms_of(store))
    tables["floor_presence"] = presence
    logistics = book.tables["logistics"]
    tables["food"] = count_food(assignments, diets=diets_of(logistics), logistics=logistics)
    if equipment is not None:
        shortage = find_shortage(presence, equipment)
        tables["rental"] = plan_rental(shortage, promo_day=promo_day, today=today)
        tables["equipment_shortage"] = shortage.assign(site_item=[f"item_{item}" for item in shortage["site_item"]])
        by_interval = find_interval_shortage(presence, equipment)
        tables["interval_shortage"] = by_interval.assign(
            site_item=[f"item_{item}" for item in by_interval["site_item"]]
        )
    if contacts is not None:
        tables["quiet_windows"] = find_quiet_windows(contacts, presence)
    return tables


def _count_items(
    store: Store,
    book: ReadinessBook,
    tables: Mapping[str, pd.DataFrame],
    *,
    promo_day: dt.date,
    today: dt.date,
    peak_heads: float,
) -> pd.DataFrame:
    """Count what is ready, item by item: those of the core workbook, and those of the chapter's own.

    One rule holds for all: done of what is asked for. Where nothing is asked the share is nan, neither 0 nor 1, and
    the item weighs nothing in its block.
    """
    base = check_readiness(store, day=promo_day, today=today, peak_heads=peak_heads)
    rows: list[tuple[str, str, int, int]] = []
    rows.append(("gate", "people", int(tables["gate"]["allowed"].sum()), len(store.agents)))
    if "progress" in tables:
        rows.append(("training", "people", int(tables["progress"]["done"].sum()), int(tables["progress"]["of"].sum())))
    if "rally" in tables:
        held = tables["rally"][tables["rally"]["rally_state"] != "rally_ahead"]
        rows.append(("rally", "people", int((held["rally_state"] == "rally_there").sum()), len(held)))
    if "conflicts" in tables:
        named = {row for rows_of in tables["conflicts"]["conflict_rows"] for row in rows_of.split("; ")}
        keys = [*book.tables["activities"]["id"], *book.tables["goods"]["sku"]]
        rows.append(("activities", "software", sum(str(key) not in named for key in keys), len(keys)))
    if "stale_items" in tables:
        stale = set(tables["stale_items"]["content_id"])
        ids = list(book.tables["phrases"]["id"])
        rows.append(("stale_items", "software", sum(key not in stale for key in ids), len(ids)))
    if "phrase_matrix" in tables:
        cells = tables["phrase_matrix"]
        open_cells = cells[cells["state"] != "cell_closed"]
        covered = int((open_cells["state"] == "cell_covered").sum())
        rows.append(("phrase_matrix", "software", covered, len(open_cells)))
    if "documents" in tables and len(tables["documents"]):
        lacking = int(tables["documents"]["missing_documents"].sum())
        asked_for = len(tables["documents"]) * len(DOCUMENTS)
        rows.append(("documents", "people", asked_for - lacking, asked_for))
    if "posts" in tables:
        filled = sum(not is_missing(owner) for owner in tables["posts"]["owner"])
        rows.append(("posts", "logistics", filled, len(tables["posts"])))
    if "equipment_shortage" in tables:
        short = tables["equipment_shortage"]
        there = (short["pieces_needed"] - short["shortage"]).sum()
        rows.append(("equipment", "hardware", int(there), int(short["pieces_needed"].sum())))
    if "logistics" not in book.missing:  # the core workbook's duties are counted as owned_duties
        duties = lay_duty_sheet(book.tables["logistics"])
        pairs = zip(duties["owner"], duties["at"], strict=True)
        owned = sum(not is_missing(owner) and not is_missing(at) for owner, at in pairs)
        rows.append(("duty_sheet", "logistics", owned, len(duties)))
    if "countdown" in tables:
        for block, tasks in tables["countdown"].groupby("block", sort=False):
            rows.append(("tasks", str(block), int((tasks["state"] == "task_done").sum()), len(tasks)))
    own = pd.DataFrame(rows, columns=["item", "block", "done", "of"])
    own["share"] = own["done"] / own["of"].where(own["of"] > 0)
    own["days_left"] = (promo_day - today).days
    return pd.concat([base, own], ignore_index=True)


def _count_blocks(items: pd.DataFrame) -> pd.DataFrame:
    """Count the items that are whole, and their mean share (nan where nothing is asked); every block is there."""
    rows = []
    for block in BLOCKS:
        shares = items.loc[items["block"] == block, "share"].dropna().astype(float)
        rows.append((block, int((shares >= 1).sum()), len(shares), float(shares.mean()) if len(shares) else math.nan))
    return pd.DataFrame(rows, columns=["block", "items_done", "items_asked", "mean_done"])


def _list_red(
    tables: Mapping[str, pd.DataFrame], gone: Collection[str], *, open_figures: Collection[str] = ()
) -> pd.DataFrame:
    """List what is red, with owner and date: tasks, duties, conflicts, shortages; the earliest date first."""
    of_figures = _owner_of(FIGURES_TASK, tables.get("countdown"), gone)
    asked_on = next(row.due_on for row in tables["task_plan"].itertuples() if row.task_key == FIGURES_TASK)
    rows: list[tuple[str, Any, str, Any, Any]] = [
        ("software", f"ask_{figure}", "red_figure_open", of_figures, asked_on) for figure in open_figures
    ]
    for task in tables["countdown"].itertuples() if "countdown" in tables else ():
        if task.state == "task_done":
            continue
        if task.state in RED_STATES:
            rows.append((task.block, task.task, RED_STATES[task.state], task.owner, task.due_on))
        elif task.owner is None or task.owner in gone:
            rows.append((task.block, task.task, "red_no_owner", task.owner, task.due_on))
    for duty in tables["duty_sheet"].itertuples() if "duty_sheet" in tables else ():
        at = None if is_missing(duty.at) else pd.Timestamp(duty.at).date()
        owner = None if is_missing(duty.owner) else duty.owner
        name = f"item_{duty.logistics_item}" if is_missing(duty.name) else duty.name
        if owner is None or owner in gone:
            rows.append(("logistics", name, "red_no_owner", owner, at))
        elif at is None:
            rows.append(("logistics", name, "red_no_date", owner, at))
        elif duty.logistics_item == "live" and duty.duty_state in ("there", "absent"):
            rows.append(("logistics", name, "red_not_on_duty", owner, at))
    for post in tables["posts"].itertuples() if "posts" in tables else ():
        if post.owner is None:
            reason = "red_no_owner" if post.post_state == "post_nobody" else post.post_state
            rows.append(("logistics", post.post, reason, None, None))
    for clash in tables["clashes"].itertuples() if "clashes" in tables else ():
        person = clash.person if is_missing(clash.name) else clash.name
        rows.append(("people", clash.first_task, "red_clash", person, clash.start.date()))
    of_rules, of_phrases = (
        _owner_of(task, tables.get("countdown"), gone) for task in (RULES_TASK, CONTENT_TASKS["phrase"])
    )
    for found in tables["conflicts"].itertuples() if "conflicts" in tables else ():
        at = None if is_missing(found.order_at) else pd.Timestamp(found.order_at).date()
        named = found.conflict_rows if is_missing(found.lowered_by) else f"{found.conflict_rows}; {found.lowered_by}"
        rows.append(("software", named, found.conflict, of_rules, at))
    for fault in tables["phrase_faults"].itertuples() if "phrase_faults" in tables else ():
        owner = of_phrases if is_missing(fault.owner) else fault.owner
        rows.append(("software", fault.phrase_id, fault.reason, owner, None))
    for short in tables["rental"].itertuples() if "rental" in tables else ():
        rows.append(("hardware", short.room, "red_short", None, short.last_day))
    rows.sort(key=lambda row: (row[4] or dt.date.max, BLOCKS.index(row[0]), str(row[1])))
    return pd.DataFrame(rows, columns=["block", "item", "reason", "owner", "due_on"], dtype=object)


def _figures(tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    gate = tables["gate"]
    figures = {
        "score": 100 * score_readiness(tables["readiness"]),
        "blocks_known": float(tables["blocks"]["mean_done"].notna().sum()),
        "allowed": float(gate["allowed"].sum()),
        "agents": float(len(gate)),
        "red_items": float(len(tables["red_items"])),
    }
    if "conflicts" in tables:
        risks = [risk for risk in tables["conflicts"]["at_risk_cny"] if not is_missing(risk)]
        figures["conflicts"] = float(len(tables["conflicts"]))
        figures["at_risk_cny"] = float(sum(risks, Decimal(0)))
    if "phrase_matrix" in tables:
        cells = tables["phrase_matrix"]
        asked = (cells["state"] != "cell_closed").sum()
        figures["phrase_matrix"] = float((cells["state"] == "cell_covered").sum() / asked) if asked else float("nan")
    figures |= {row.block: row.mean_done for row in tables["blocks"].itertuples()}
    if "stale_items" in tables:
        figures["stale_items"] = float(len(tables["stale_items"]))
    return figures


def _name_some(key: str, names: Sequence[object], *, count: int) -> Message:
    """Return a sentence that names people: all of them, or some as examples."""
    return Message(key if count > len(names) else f"{key}_all", names=tuple(names), count=count)


def _name_kept_off(person: Any) -> Message:
    """Return who may not go online, why, what else would stand in the way, and the step back."""
    named = {"name": person.name, "reason": Term(person.reason), "step": Term(person.step)}
    if is_missing(person.reason_left):
        return Message("readiness.kept_off", **named)
    return Message("readiness.kept_off_left", **named, left=Term(person.reason_left))


def _judge_complaints(ladder: pd.DataFrame, contacts: pd.DataFrame | None) -> Message:
    """Return what the complaints desk has to expect and who is there, or that it has no forecast of its own."""
    desk = int(ladder.set_index("ladder_step").loc["ladder_complaints", "step_people"])
    expected = sum_complaints(contacts)
    if expected is None:
        return Message("readiness.complaints_unknown", people=desk, ratio=Term("escalation_share"))
    total, most, at = expected
    named = {"total": f"{total:,.0f}", "most": f"{most:,.1f}", "at": f"{at:%m-%d %H:%M}"}
    return Message("readiness.complaints_expected", people=desk, **named)


def _findings(
    figures: Mapping[str, float],
    tables: Mapping[str, pd.DataFrame],
    book: ReadinessBook,
    contacts: pd.DataFrame | None,
) -> list[Message]:
    """Return what the tables come to: the score and how much of it is known, then what hurts most."""
    known = int(figures["blocks_known"])
    said = []
    if known:
        said.append(Message("readiness.found_score", score=f"{figures['score']:.0f}", known=known, blocks=len(BLOCKS)))
    else:
        said.append(Message("readiness.found_nothing"))
    if figures.get("conflicts"):
        count, risk = int(figures["conflicts"]), f"{figures['at_risk_cny']:,.0f}"
        said.append(Message("readiness.found_conflicts", count=count, risk=risk))
    kept_off = int(figures["agents"] - figures["allowed"])
    if kept_off:
        allowed, agents = int(figures["allowed"]), int(figures["agents"])
        said.append(Message("readiness.found_gate", allowed=allowed, agents=agents, count=kept_off))
    if kept_off:
        names = tuple(_name_kept_off(person) for person in tables["kept_off"].head(NAMED).itertuples())
        said.append(_name_some("readiness.found_kept_off", names, count=kept_off))
    if "rally" in tables:
        rally = tables["rally"]
        absent = [str(name) for name in rally.loc[rally["rally_state"] == "rally_absent", "name"]]
        if absent:
            said.append(_name_some("readiness.found_rally", absent[:NAMED], count=len(absent)))
    if "clashes" in tables and len(tables["clashes"]):
        said.append(Message("readiness.found_clashes", count=len(tables["clashes"])))
    if figures.get("stale_items"):
        said.append(Message("readiness.found_stale", count=int(figures["stale_items"])))
    rental = tables.get("rental")
    if rental is not None and not rental.empty:
        pieces, last = int(rental["quantity"].sum()), rental["last_day"].iloc[0]
        said.append(Message("readiness.found_rental", count=pieces, last=f"{last:%Y-%m-%d}"))
    if figures["red_items"]:
        said.append(Message("readiness.found_red", count=int(figures["red_items"])))
    said.append(_judge_complaints(tables["escalation_ladder"], contacts))
    if book.missing:
        said.append(Message("readiness.found_missing", sheets=tuple(Term(sheet) for sheet in book.missing)))
    return said
