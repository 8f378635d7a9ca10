"""What the chapter keeps beside the store from run to run: rules, changes, quizzes, content, the score's history.

It lies in the store's own folder and not in the output, which every run replaces.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from simlib.files import write_file
from simlib.readiness.changes import (
    CHANGE_COLUMNS,
    LOG_NAME,
    accept_changes,
    plain_cell,
    read_change_log,
    record_change,
    write_change_log,
)
from simlib.readiness.quiz import Quiz, QuizItem
from simlib.readiness.rules import ACTIVITY_COLUMNS, GOODS_COLUMNS, is_missing
from simlib.store.sources import decode, guard, unguard

HISTORY_COLUMNS = ["day", "score", "people", "software", "hardware", "logistics", "allowed", "agents", "conflicts"]
HISTORY_COLUMNS += ["phrase_matrix", "stale_items", "red_items"]
CONTENT_COLUMNS = ["stale_kind", "id", "owner", "rests_on", "checked_on"]
SNAPSHOT = {"activities": list(ACTIVITY_COLUMNS), "goods": list(GOODS_COLUMNS)}


def _empty(columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(columns=list(columns), dtype=object)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What is kept of a store.

    Attributes
    ----------
    change_log : DataFrame
        As `record_change` gives it.
    history : DataFrame
        `HISTORY_COLUMNS`, one row per day on which the chapter was run, the oldest first.
    content : DataFrame
        `CONTENT_COLUMNS`: what was handed out (phrases, quiz items, bot scripts, cards), on which rules it rests, when.
    quizzes : tuple of Quiz
        Every quiz that was printed, the newest last.
    rules : mapping of str to DataFrame
        The activities and goods as they were last seen, as text; empty before the first run.
    """

    change_log: pd.DataFrame = field(default_factory=lambda: _empty(CHANGE_COLUMNS))
    history: pd.DataFrame = field(default_factory=lambda: _empty(HISTORY_COLUMNS))
    content: pd.DataFrame = field(default_factory=lambda: _empty(CONTENT_COLUMNS))
    quizzes: tuple[Quiz, ...] = ()
    rules: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def last_noted(self) -> dt.datetime | None:
        """The latest instant at which a rule changed, a change was accepted or something was handed out, if any."""
        cells = (*self.change_log["changed_on"], *self.change_log["accepted_on"], *self.content["checked_on"])
        noted = [pd.Timestamp(cell) for cell in cells if not is_missing(cell)]
        return max(noted).to_pydatetime() if noted else None


def kept_folder(store: Path) -> Path:
    """Return where a store's runs are kept: a folder beside the workbook, or inside the store's folder.

    Examples
    --------
    >>> kept_folder(Path("a/shop.xlsx")).as_posix()
    'a/shop.readiness'
    """
    return store / "readiness_kept" if store.is_dir() else store.with_name(f"{store.stem}.readiness")


def open_kept(store: Path) -> Kept:
    """Read what is kept of a store; what is not there is empty."""
    folder = kept_folder(store)
    if not folder.is_dir():
        return Kept()
    rules = {sheet: _read_table(folder / f"rules_{sheet}.csv", columns) for sheet, columns in SNAPSHOT.items()}
    history = _read_table(folder / "history.csv", HISTORY_COLUMNS)
    for column in HISTORY_COLUMNS[1:]:
        history[column] = pd.to_numeric(history[column])
    history["day"] = [dt.date.fromisoformat(day) for day in history["day"]]
    quizzes = sorted((folder / "quizzes").glob("*.json"), key=lambda path: path.name)
    return Kept(
        change_log=read_change_log(folder / LOG_NAME),
        history=history,
        content=_read_table(folder / "content.csv", CONTENT_COLUMNS),
        quizzes=tuple(_read_quiz(path) for path in quizzes),
        rules={sheet: table for sheet, table in rules.items() if not table.empty},
    )


def note_changes(
    kept: Kept,
    rules: Mapping[str, pd.DataFrame],
    *,
    changed_by: str,
    at: dt.datetime,
    informed: tuple[str, ...] = (),
    accepted_by: str = "",
) -> Kept:
    """Hold the rules of today against those last seen: what differs goes into the log.

    ``accepted_by`` accepts for customer service all that nobody has accepted yet. The first rules that are seen are
    no change.
    """
    plain = {sheet: _plain_table(sheet, rules[sheet]) for sheet in SNAPSHOT}
    log = kept.change_log
    if kept.rules:
        how: dict[str, Any] = {"changed_by": changed_by, "changed_on": at, "informed": informed}
        log = record_change(log, before=kept.rules, after=plain, **how)
    if accepted_by and not log.empty:
        log = accept_changes(log, accepted_by=accepted_by, accepted_on=at)
    return replace(kept, change_log=log, rules=plain)


def pending_changes(kept: Kept, rules: Mapping[str, pd.DataFrame], *, today: dt.date) -> pd.DataFrame:
    """Return the change log with what differs from the rules last seen, which no review has noted yet.

    Such a change has nobody's name, and counts as made today, after all that is noted. Nothing is kept of it.
    """
    at = dt.datetime.combine(today, dt.time(second=1))
    if kept.last_noted is not None:
        at = max(at, kept.last_noted + dt.timedelta(seconds=1))
    log = note_changes(kept, rules, changed_by="", at=at).change_log
    return log.assign(changed_by=[author or None for author in log["changed_by"]])


def _plain_table(sheet: str, frame: pd.DataFrame) -> pd.DataFrame:
    columns = SNAPSHOT[sheet]
    rows = [[plain_cell(column, row.get(column)) for column in columns] for row in frame.to_dict("records")]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def note_score(kept: Kept, *, day: dt.date, figures: Mapping[str, float]) -> Kept:
    """Add a run's figures to the history; the last run of a day stands for it."""
    row = {column: figures.get(column, float("nan")) for column in HISTORY_COLUMNS[1:]}
    earlier = kept.history[kept.history["day"] != day]
    rows = [*earlier.to_dict("records"), {"day": day, **row}]
    history = pd.DataFrame(rows, columns=HISTORY_COLUMNS).sort_values("day", ignore_index=True)
    return replace(kept, history=history)


def note_content(kept: Kept, content: pd.DataFrame) -> Kept:
    """Note what was handed out now; what was handed out of these kinds before is replaced."""
    kinds = set(content["stale_kind"])
    earlier = [row for row in kept.content.to_dict("records") if row["stale_kind"] not in kinds]
    rows = [*earlier, *content.to_dict("records")]
    table = pd.DataFrame(rows, columns=CONTENT_COLUMNS, dtype=object)
    return replace(kept, content=table)


def note_quiz(kept: Kept, quiz: Quiz) -> Kept:
    """Keep a quiz that is handed out, so that its answers can be marked after the rules changed."""
    quizzes = (*(one for one in kept.quizzes if one.id != quiz.id), quiz)
    return replace(kept, quizzes=quizzes)


def save_kept(store: Path, kept: Kept) -> Path:
    """Write what is kept, each file whole, and return the folder."""
    folder = kept_folder(store)
    folder.mkdir(parents=True, exist_ok=True)
    write_change_log(folder / LOG_NAME, kept.change_log)
    _write_table(folder / "history.csv", kept.history)
    _write_table(folder / "content.csv", kept.content)
    for sheet, table in kept.rules.items():
        _write_table(folder / f"rules_{sheet}.csv", table)
    for number, quiz in enumerate(kept.quizzes, start=1):
        path = folder / "quizzes" / f"{number:03d}-{quiz.id}.json"
        write_file(path, json.dumps(asdict(quiz), ensure_ascii=False, indent=1) + "\n")
    return folder


def _read_quiz(path: Path) -> Quiz:
    data: dict[str, Any] = json.loads(path.read_text("utf-8"))
    items = tuple(QuizItem(**{**item, "options": tuple(item["options"])}) for item in data.pop("items"))
    return Quiz(**data, items=items)


def _write_table(path: Path, table: pd.DataFrame) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(table.columns)
    for row in table.itertuples(index=False):
        writer.writerow(["" if cell is None or cell != cell else guard(str(cell)) for cell in row])
    write_file(path, text.getvalue().encode("utf-8-sig"))


def _read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    if not path.exists():
        return _empty(columns)
    rows = list(csv.reader(io.StringIO(decode(path, path.read_bytes()))))
    head = rows[0] if rows else list(columns)
    records = [{name: unguard(cell) or None for name, cell in zip(head, row, strict=False)} for row in rows[1:]]
    return pd.DataFrame(records, columns=list(columns), dtype=object)
