"""Versions of a rule sheet: what changed, who was informed, what rests on it, and who is liable.

Operations confirm the plan before the promo and pass every later change on at once. What was not passed on, or not yet
accepted, is on operations; from the moment a change is accepted, a wrong answer is on customer service.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from simlib.readiness.rules import (
    ACTIVITY_COLUMNS,
    GOODS_COLUMNS,
    MONEY,
    PIECES,
    SHARES,
    TIMES,
    is_missing,
    read_amount,
    read_id,
    read_instant,
)
from simlib.store.sources import decode, guard, unguard

CHANGE_COLUMNS = ["version", "changed_on", "changed_by", "sheet", "changed_row", "changed_column", "before", "after"]
CHANGE_COLUMNS += ["informed", "accepted_by", "accepted_on"]
SHEET_KEYS = {"activities": ("id", ACTIVITY_COLUMNS), "goods": ("sku", GOODS_COLUMNS)}
LOG_NAME = "rule_changes.csv"
CONTENT_KINDS = ("phrase", "quiz", "bot", "card")


def plain_cell(column: str, cell: object) -> str:
    """Return a cell as one text per meaning: 10, 10.0 and "10.00" are one amount, a blank is "".

    Examples
    --------
    >>> plain_cell("amount_cny", 10.0), plain_cell("amount_cny", "10.50"), plain_cell("scope", "sku:B;A")
    ('10', '10.5', 'sku:A;B')
    """
    if is_missing(cell):
        return ""
    try:
        if column in MONEY or column in PIECES or column in SHARES:
            number = read_amount(cell)
            return f"{number.normalize():f}"
        if column in TIMES:
            return str(read_instant(cell)[1].isoformat(sep=" ", timespec="minutes"))
    except ValueError:
        return str(cell)
    text = read_id(cell)
    if column == "scope" and text.startswith("sku:"):
        return "sku:" + ";".join(sorted({name.strip() for name in text[4:].split(";")}))
    return text


def version_of(activities: pd.DataFrame, goods: pd.DataFrame) -> str:
    """Return the fingerprint of a rule sheet: the same rules in any order have the same one.

    Examples
    --------
    >>> goods = pd.DataFrame({"sku": ["A", "B"], "list_price_cny": [10, 20]})
    >>> version_of(pd.DataFrame(), goods) == version_of(pd.DataFrame(), goods.iloc[::-1])
    True
    """
    lines = sorted(
        repr((sheet, key, sorted(cells.items())))
        for sheet, frame in (("activities", activities), ("goods", goods))
        for key, cells in _plain_rows(sheet, frame).items()
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]


def _plain_rows(sheet: str, frame: pd.DataFrame) -> dict[str, dict[str, str]]:
    key, columns = SHEET_KEYS[sheet]
    known = [column for column in columns if column in frame.columns]
    rows = {}
    for record in frame.reindex(columns=known).to_dict("records"):
        cells = {str(column): plain_cell(str(column), cell) for column, cell in record.items()}
        if any(cells.values()):
            rows[cells.get(key, "")] = {column: text for column, text in cells.items() if text and column != key}
    return rows


def compare_versions(before: Mapping[str, pd.DataFrame], after: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Compare two versions of activities and goods cell by cell.

    Parameters
    ----------
    before, after : mapping of str to DataFrame
        ``activities`` and ``goods``; one that is absent is empty.

    Returns
    -------
    pandas.DataFrame
        sheet, changed_row (id or sku), changed_column ("" where the whole row came or went), before, after (texts).
    """
    rows = []
    for sheet in SHEET_KEYS:
        old = _plain_rows(sheet, before.get(sheet, pd.DataFrame()))
        new = _plain_rows(sheet, after.get(sheet, pd.DataFrame()))
        for key in sorted(old.keys() | new.keys()):
            if key not in new or key not in old:
                texts = [_row_text(side.get(key)) for side in (old, new)]
                rows.append((sheet, key, "", *texts))
                continue
            for column in sorted(old[key].keys() | new[key].keys()):
                one, other = old[key].get(column, ""), new[key].get(column, "")
                if one != other:
                    rows.append((sheet, key, column, one, other))
    return pd.DataFrame(rows, columns=["sheet", "changed_row", "changed_column", "before", "after"], dtype=object)


def _row_text(cells: Mapping[str, str] | None) -> str:
    return "" if cells is None else "; ".join(f"{column}={text}" for column, text in cells.items())


def record_change(
    log: pd.DataFrame | None,
    *,
    before: Mapping[str, pd.DataFrame],
    after: Mapping[str, pd.DataFrame],
    changed_by: str,
    changed_on: dt.datetime,
    informed: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Add what changed between two versions to the change log; a log of its own where nothing is given.

    Returns
    -------
    pandas.DataFrame
        The columns of `CHANGE_COLUMNS`, the newest last; accepted_by and accepted_on are None until it is accepted.
    """
    found = compare_versions(before, after)
    version = version_of(after.get("activities", pd.DataFrame()), after.get("goods", pd.DataFrame()))
    found = found.assign(
        version=version,
        changed_on=changed_on,
        changed_by=changed_by,
        informed="; ".join(informed),
        accepted_by=None,
        accepted_on=None,
    )
    found = found.reindex(columns=CHANGE_COLUMNS).astype(object)
    kept = [] if log is None or log.empty else [log.reindex(columns=CHANGE_COLUMNS).astype(object)]
    return found if not kept else pd.concat([*kept, found], ignore_index=True)


def accept_changes(log: pd.DataFrame, *, accepted_by: str, accepted_on: dt.datetime) -> pd.DataFrame:
    """Accept for customer service every change made by then that nobody has accepted yet."""
    open_rows = log["accepted_on"].map(is_missing) & (log["changed_on"].map(pd.Timestamp) <= pd.Timestamp(accepted_on))
    accepted = log.copy()
    accepted.loc[open_rows, "accepted_by"] = accepted_by
    accepted.loc[open_rows, "accepted_on"] = accepted_on
    return accepted


def find_liable(log: pd.DataFrame, *, row: str, at: dt.datetime) -> pd.DataFrame:
    """Return who is liable for a wrong answer about a rule: the trail of its changes up to that instant.

    Returns
    -------
    pandas.DataFrame
        The changes of the row up to ``at``, the newest first, with liable: ``liable_operations`` where the change was
        not accepted by then, ``liable_service`` where it was. Empty where nothing had changed.
    """
    instant = pd.Timestamp(at)
    trail = log[(log["changed_row"] == row) & (log["changed_on"].map(pd.Timestamp) <= instant)]
    trail = trail.iloc[::-1].reset_index(drop=True)
    known = [not is_missing(moment) and pd.Timestamp(moment) <= instant for moment in trail["accepted_on"]]
    return trail.assign(liable=["liable_service" if accepted else "liable_operations" for accepted in known])


def split_rests_on(cell: object) -> list[str]:
    """Return the ids that a cell names, whichever marks stand between them.

    Examples
    --------
    >>> split_rests_on("HD-01；HD-02, HD-01"), split_rests_on(None)
    (['HD-01', 'HD-02'], [])
    """
    if is_missing(cell):
        return []
    return list(dict.fromkeys(part for part in re.split(r"[;；,，、\s]+", str(cell)) if part))


def find_stale(log: pd.DataFrame, content: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Find the phrases, quiz items, bot scripts and training cards that rest on a rule that changed since.

    Parameters
    ----------
    log : pandas.DataFrame
        As `record_change` gives it.
    content : mapping of str to DataFrame
        By kind (`CONTENT_KINDS`): frames with id, owner, rests_on (ids apart by semicolons) and checked_on (day or
        instant of the last check; a change on the day itself counts as later unless an instant is given).

    Returns
    -------
    pandas.DataFrame
        stale_kind, content_id, owner, rests_on (the changed id), changed_on, changed_by, checked_on; one row per
        content and changed id, by owner, those of nobody last.
    """
    newest: dict[str, tuple[pd.Timestamp, str]] = {}
    for key, moment, author in zip(log["changed_row"], log["changed_on"], log["changed_by"], strict=True):
        stamp = pd.Timestamp(moment)
        if key not in newest or stamp >= newest[key][0]:
            newest[key] = (stamp, author)
    rows: list[tuple[Any, ...]] = []
    for kind, frame in content.items():
        if kind not in CONTENT_KINDS:
            raise ValueError(f"kind of content must be one of {', '.join(CONTENT_KINDS)}, got {kind!r}")
        owners = frame["owner"] if "owner" in frame else [None] * len(frame)
        checks = frame["checked_on"] if "checked_on" in frame else [None] * len(frame)
        for key, owner, cell, checked in zip(frame["id"], owners, frame["rests_on"], checks, strict=True):
            for rule in split_rests_on(cell):
                if rule in newest and _is_older(checked, newest[rule][0]):
                    rows.append((kind, key, owner, rule, *newest[rule], checked))
    rows.sort(key=lambda row: (is_missing(row[2]), str(row[2]), CONTENT_KINDS.index(row[0]), str(row[1]), row[3]))
    columns = ["stale_kind", "content_id", "owner", "rests_on", "changed_on", "changed_by", "checked_on"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def _is_older(checked: object, changed: pd.Timestamp) -> bool:
    return is_missing(checked) or pd.Timestamp(str(checked)) < changed


def find_uncovered(
    activities: pd.DataFrame, phrases: pd.DataFrame, *, stale: pd.DataFrame, platforms: tuple[str, ...]
) -> pd.DataFrame:
    """Set every rule on every platform against the phrases that rest on it and are up to date.

    Returns
    -------
    pandas.DataFrame
        activity_id, platform, written (phrases that rest on it; one without a platform holds for all), current (those
        that are not stale), owners of the stale ones.
    """
    outdated = {(row.content_id, row.rests_on) for row in stale.itertuples() if row.stale_kind == "phrase"}
    written: dict[str, list[Any]] = defaultdict(list)
    for phrase in phrases.itertuples():
        if is_missing(phrase.zh) and is_missing(phrase.en):
            continue
        for rule in split_rests_on(phrase.rests_on):
            written[rule].append(phrase)
    rows = []
    for rule in activities["id"].map(read_id):
        for platform in platforms:
            found = [one for one in written[rule] if is_missing(one.platform) or one.platform == platform]
            old = [one for one in found if (one.id, rule) in outdated]
            owners = sorted({str(one.owner) for one in old if not is_missing(one.owner)})
            rows.append((rule, platform, len(found), len(found) - len(old), "; ".join(owners)))
    return pd.DataFrame(rows, columns=["activity_id", "platform", "written", "current", "owner"], dtype=object)


def write_change_log(path: str | Path, log: pd.DataFrame) -> None:
    """Write the change log whole as a CSV that a spreadsheet opens and runs nothing of."""
    path = Path(path)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(CHANGE_COLUMNS)
    for record in log.reindex(columns=CHANGE_COLUMNS).itertuples(index=False):
        writer.writerow([guard(_log_text(cell)) for cell in record])
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".csv")
    with os.fdopen(handle, "wb") as file:
        file.write(text.getvalue().encode("utf-8-sig"))
    Path(name).chmod(0o644)
    Path(name).replace(path)


def _log_text(cell: object) -> str:
    if is_missing(cell):
        return ""
    return cell.isoformat(sep=" ", timespec="seconds") if isinstance(cell, dt.datetime) else str(cell)


def read_change_log(path: str | Path) -> pd.DataFrame:
    """Read a change log; one that is not there yet is empty."""
    path = Path(path)
    if not path.exists():
        return pd.DataFrame(columns=CHANGE_COLUMNS, dtype=object)
    rows = [[unguard(cell) for cell in row] for row in csv.reader(io.StringIO(decode(path, path.read_bytes())))]
    log = pd.DataFrame(rows[1:], columns=CHANGE_COLUMNS, dtype=object)
    log = log.where(log != "", None)
    for column in ("changed_on", "accepted_on"):
        log[column] = [None if cell is None else dt.datetime.fromisoformat(cell) for cell in log[column]]
    for column in ("before", "after", "informed", "changed_column"):
        log[column] = [cell or "" for cell in log[column]]
    return log
