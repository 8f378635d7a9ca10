"""Chat records: who wrote when and how much, and nothing else; no buyer's name and no word of a chat is kept."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from simlib.store.cells import EXCEL_EPOCH, CellError, is_blank, read_cell
from simlib.store.exports.files import RawTable
from simlib.store.exports.formats import fold_word, value, words
from simlib.store.exports.headers import Header, HeaderColumn
from simlib.store.exports.part import Part
from simlib.store.exports.values import bare, days_in

DAY_S = 86_400
LINES_TRIED = 60
BACK_S = 6 * 3600  # a clock that goes back by more than this has passed midnight
_STAMP = r"(20\d{2}[-/]\d{1,2}[-/]\d{1,2}\s+\d{1,2}:\d{2}(?::\d{2})?)"
_HEADS = (
    re.compile(rf"^\s*\[?(?P<who>[^\[\]]{{1,60}}?)\]?\s*[(（]?{_STAMP}[)）]?\s*[:：]?\s*$"),
    re.compile(rf"^\s*{_STAMP}\s*(?P<who>[^:：]{{1,60}})?\s*[:：]?\s*$"),
)
_SAID = re.compile(r"^\s*(?P<who>[^:：\s]{1,40}(?::[^:：\s]{1,40})?)\s*[:：]\s*(?P<text>.*)$")


def read_messages(header: Header, raw: RawTable, part: Part) -> None:
    """Read a sheet with a message per row; times without a date take the day that the file names."""
    part.table, part.format = "message", "qianniu_chats"
    shown = raw.sheet
    part.sheet = ""
    if fold_word(shown) in words("summary_sheets"):
        part.frame = _frame([], part)
        part.note("summary_sheet")
        return
    body = raw.rows[header.begins :]
    day = next(iter(days_in(raw.sheet) or days_in(raw.file)), None)
    lines: list[dict[str, Any]] = []
    chats: dict[str, int] = {}
    last: dict[str, tuple[dt.datetime | None, int]] = {}
    undated = lost = 0
    buyer, account = _column(header, "buyer"), _column(header, "account")
    sent, content, kind = _column(header, "sent"), _column(header, "content"), _column(header, "sender_kind")
    sender = _column(header, "sender")
    for number, cells in body:
        who = _at(cells, buyer)
        name = shown if who is None and shown else str(who)
        chat = chats.setdefault(name, len(chats) + 1)
        moment, clock = _moment(_at(cells, sent))
        if moment is None and clock is None:
            lost += not all(is_blank(cell) for cell in cells)
            continue
        if moment is None:
            assert clock is not None
            before, days = last.get(name, (None, 0))
            base = dt.datetime.combine(day or dt.date(1970, 1, 1), dt.time())
            moment = base + dt.timedelta(days=days, seconds=clock)
            if before is not None and (before - moment).total_seconds() > BACK_S:
                days += 1
                moment += dt.timedelta(days=1)
            last[name] = (moment, days)
            undated += day is None
        text = _at(cells, content)
        side = _side(_at(cells, kind), str(_at(cells, sender) or _at(cells, account) or ""), name)
        size = None if text is None or _is_placeholder(str(text)) else len(str(text).strip())
        lines.append({"chat": chat, "sent": moment, "side": side, "characters": size, "source_row": number})
    if undated:
        part.ask("day")
    if lost:
        part.note("rows_without_time", count=lost)
    if any(not line["side"] for line in lines):
        part.ask("side")
    part.frame = _frame(lines, part, undated=bool(undated), key=_chat_key(raw))
    _close(part)


def _column(header: Header, key: str) -> HeaderColumn | None:
    return header.at(key)


def _at(cells: Sequence[Any], column: HeaderColumn | None) -> Any:
    if column is None or column.at >= len(cells):
        return None
    return bare(cells[column.at])


def _chat_key(raw: RawTable) -> str:
    """Return what a chat's number is put behind: the file, and which of its sheets; never a name of a sheet."""
    return f"{raw.file.rpartition('.')[0] or raw.file}/{raw.number}"


def _moment(cell: Any) -> tuple[dt.datetime | None, int | None]:
    """Read when a message was sent: a moment, or a time of some day as a second."""
    if is_blank(cell):
        return None, None
    if isinstance(cell, dt.datetime):
        if cell.year > 1900:
            return cell, None
        return None, int((cell - EXCEL_EPOCH).total_seconds()) % DAY_S
    if isinstance(cell, dt.time):
        return None, cell.hour * 3600 + cell.minute * 60 + cell.second
    if isinstance(cell, dt.timedelta):
        return None, int(cell.total_seconds())
    if isinstance(cell, float) and 0 <= cell < 1:
        return None, round(cell * DAY_S)
    found = re.fullmatch(r"\s*(\d{1,2})[:：](\d{2})(?:[:：](\d{2}))?\s*", str(cell))
    if found and int(found[1]) < 24:
        return None, int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3] or 0)
    try:
        moment = read_cell(cell, "datetime")
    except CellError:
        return None, None
    return moment, None


def _side(kind: Any, sender: str, buyer: str) -> str:
    """Return who wrote: buyer, agent, bot, or nothing where the record does not say."""
    if kind is not None:
        folded = fold_word(str(kind))
        for side in ("bot", "agent", "buyer"):
            if any(fold_word(word) in folded for word in value("sides")[side]):
                return side
    if sender and buyer and sender == buyer:
        return "buyer"
    return "agent" if ":" in sender or "：" in sender else ""


def _is_placeholder(text: str) -> bool:
    return any(word in text for word in value("not_the_text"))


def _frame(lines: list[dict[str, Any]], part: Part, *, undated: bool = False, key: str = "") -> pd.DataFrame:
    frame = pd.DataFrame(lines, columns=["chat", "sent", "side", "characters", "source_row"])
    frame["chat"] = [f"{key}#{number}" for number in frame["chat"]]
    frame["sent"] = pd.to_datetime(frame["sent"]).astype("datetime64[s]")
    if undated:
        frame["sent"] = np.datetime64("NaT", "s")
    frame["characters"] = frame["characters"].astype(float)
    frame["source_file"] = part.file
    return frame[["chat", "sent", "side", "characters", "source_file", "source_row"]]


def _close(part: Part) -> None:
    known = part.frame["sent"].dropna()
    if len(known):
        part.first_day, part.last_day = known.min().date(), known.max().date()
    part.note("messages", count=len(part.frame), chats=part.frame["chat"].nunique())


def read_talk(raw: RawTable, part: Part) -> bool:
    """Read a chat copied as text, if the sheet or file is one: ``[nick] time`` above each message, or time and sender.

    A cell with several lines is read like the lines of a file.
    """
    blocks = _blocks(raw)
    if not blocks:
        return False
    part.table, part.format = "message", "qianniu_text"
    part.platform, part.sheet = "tmall", ""
    lines: list[dict[str, Any]] = []
    for chat, (number, spoken) in enumerate(blocks, start=1):
        people = list(dict.fromkeys(who for who, _, _, _ in spoken if who))
        for who, moment, text, offset in spoken:
            side = "" if not who else "agent" if ":" in who else "buyer" if any(":" in p for p in people) else ""
            size = None if _is_placeholder(text) else len(text.strip())
            line = {"chat": chat, "sent": moment, "side": side, "characters": size, "source_row": number + offset}
            lines.append(line)
    if any(not line["side"] for line in lines):
        part.ask("side")
    part.frame = _frame(lines, part, key=_chat_key(raw))
    _close(part)
    return True


Spoken = list[tuple[str, dt.datetime, str, int]]


def _blocks(raw: RawTable) -> list[tuple[int, Spoken]]:
    """Find the chats of a file: its text as one, or each cell of several lines as one."""
    if raw.text is not None:
        if len(raw.text) > 5_000_000:
            return []
        lines = raw.text.splitlines()
        if not _spoken(lines[:LINES_TRIED], least=1):
            return []
        spoken = _spoken(lines)
        return [(1, spoken)] if spoken else []
    found = []
    for number, cells in raw.rows[:20_000]:
        for cell in cells:
            if isinstance(cell, str) and "\n" in cell and re.search(_STAMP, cell):
                spoken = [(who, when, text, 0) for who, when, text, _ in _spoken(cell.splitlines(), least=1)]
                if spoken:
                    found.append((number, spoken))
    return found


def _spoken(lines: Sequence[str], *, least: int = 2) -> Spoken:
    """Split lines into messages; empty where they are no chat."""
    heads: list[tuple[int, str, dt.datetime]] = []
    for at, line in enumerate(lines):
        if len(line) > 120 or not re.search(r"20\d{2}[-/]\d", line):
            continue
        for form in _HEADS:
            match = form.match(line)
            moment, _ = (
                _moment(next((g for g in match.groups() if g and g[:2] == "20"), None)) if match else (None, None)
            )
            if match and moment is not None:
                heads.append((at, (match["who"] or "").strip(), moment))
                break
    filled = sum(bool(line.strip()) for line in lines)
    if len(heads) < least or len(heads) * 12 < filled or any("," in lines[at] for at, _, _ in heads):
        return []
    spoken: Spoken = []
    for number, (at, who, moment) in enumerate(heads):
        until = heads[number + 1][0] if number + 1 < len(heads) else len(lines)
        text = [line for line in lines[at + 1 : until] if line.strip()]
        if not who and text:
            said = _SAID.match(text[0])
            if said:
                who, text = said["who"], [said["text"], *text[1:]]
            elif len(text) > 1 and len(text[-1].strip()) <= 40:
                who, text = text[-1].strip(" -—"), text[:-1]  # the block's last line names the sender
        spoken.append((who, moment, "\n".join(text), at))
    return spoken
