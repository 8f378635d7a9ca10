"""The phrase library out to a chat client's quick-reply spreadsheet, and what a team changed in it back in."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from simlib import facts
from simlib.files import write_file
from simlib.messages import Lang, Message, UserError, label
from simlib.readiness.library import name_variant
from simlib.readiness.wording import check_wording
from simlib.store.cells import fold, is_blank
from simlib.store.sources import HEADER_WITHIN_ROWS, read_source

PARTS = ("group", "code", "text")
CHANNELS = ("chat", "phone", "sms", "bot")
MADE_ON = dt.datetime(2026, 1, 1)  # one date, so that the same library gives the same bytes
WIDTHS = (26, 30, 110)


def list_replies(library: pd.DataFrame, *, channel: str, lang: Lang) -> pd.DataFrame:
    """Return the phrases of a channel that are ready, as a chat client takes them.

    Returns
    -------
    pandas.DataFrame
        group (stage and situation in words), code (the phrase's id), text.
    """
    rows = []
    for row in library.itertuples():
        if channel in row.channel and row.state == "phrase_ready":
            variant = name_variant(row.variant, lang)
            group = " - ".join([label(row.topic, lang), *([variant] if variant else [])])
            rows.append((group, row.phrase_id, getattr(row, lang)))
    return pd.DataFrame(rows, columns=list(PARTS), dtype=object)


def write_quick_replies(path: Path, library: pd.DataFrame, *, lang: Lang) -> Path:
    """Write one sheet per channel; the first is the one that a chat client imports."""
    from xlsxwriter import Workbook

    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(buffer, options) as book:
        book.set_properties({"created": MADE_ON})
        head = book.add_format({"bold": True, "font_color": "#FFFFFF", "bg_color": "#1F4E79", "border": 1})
        wrap = book.add_format({"text_wrap": True, "valign": "top"})
        for channel in CHANNELS:
            page = book.add_worksheet(label(f"channel_{channel}", lang))
            page.freeze_panes(1, 0)
            for at, part in enumerate(PARTS):
                page.set_column(at, at, WIDTHS[at])
                page.write_string(0, at, facts.value("quick_replies", part)[0 if lang == "zh" else 1], head)
            for line, reply in enumerate(list_replies(library, channel=channel, lang=lang).itertuples(), start=1):
                for at, part in enumerate(PARTS):
                    page.write_string(line, at, str(getattr(reply, part)), wrap)
    return write_file(path, buffer.getvalue())


@dataclass(frozen=True, kw_only=True)
class ReturnedReplies:
    """A quick-reply sheet that came back.

    Attributes
    ----------
    replies : DataFrame
        sheet, row, group, code, text, state: ``reply_same``, ``reply_changed``, ``reply_new``, or ``reply_wrong``
        where a check finds fault; reason (the kinds of fault, as a tuple) and words.
    gone : tuple of str
        Codes of the library that the sheet no longer has.
    """

    replies: pd.DataFrame
    gone: tuple[str, ...]


def read_quick_replies(path: Path, library: pd.DataFrame, *, lang: Lang) -> ReturnedReplies:
    """Read a quick-reply sheet of a chat client and hold it against the library.

    Raises
    ------
    UserError
        No sheet of the file has a column of texts.
    """
    texts = {row.phrase_id: getattr(row, lang) for row in library.itertuples()}
    offered = {code for channel in CHANNELS for code in list_replies(library, channel=channel, lang=lang)["code"]}
    names = {fold(name): part for part in PARTS for name in facts.value("quick_replies", part)}
    channels = {fold(label(f"channel_{channel}", one)): channel for channel in CHANNELS for one in ("zh", "en")}
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    understood = False
    for raw in read_source(path)[0]:
        found = _find_columns(raw.rows, names)
        if found is None:
            continue
        understood = True
        start, places = found
        channel = channels.get(fold(raw.name), "chat")
        for line, cells in raw.rows[start + 1 :]:
            cut = {
                part: str(cells[at]).strip()
                for part, at in places.items()
                if at < len(cells) and not is_blank(cells[at])
            }
            if "text" not in cut:
                continue
            code, text = cut.get("code", ""), cut["text"]
            seen.add(code)
            faults = check_wording(text, channel=channel, lang=lang)
            state = "reply_same" if texts.get(code) == text else "reply_changed" if code in texts else "reply_new"
            rows.append(
                {
                    "sheet_name": raw.name,
                    "row": line,
                    "group": cut.get("group", ""),
                    "phrase_id": code,
                    "text": text,
                    "state": "reply_wrong" if faults else state,
                    "reason": tuple(f"wording_{fault.kind}" for fault in faults),
                    "words": "; ".join(fault.words for fault in faults),
                }
            )
    if not understood:
        raise UserError(
            Message("readiness.replies_no_header", path=path.name, names=facts.value("quick_replies", "text"))
        )
    columns = ["sheet_name", "row", "group", "phrase_id", "text", "state", "reason", "words"]
    return ReturnedReplies(
        replies=pd.DataFrame(rows, columns=columns, dtype=object), gone=tuple(sorted(offered - seen))
    )


def _find_columns(rows: Any, names: dict[str, str]) -> tuple[int, dict[str, int]] | None:
    for at, (_, cells) in enumerate(rows[:HEADER_WITHIN_ROWS]):
        places = {
            names[fold(str(cell))]: n for n, cell in enumerate(cells) if not is_blank(cell) and fold(str(cell)) in names
        }
        if "text" in places:
            return at, places
    return None
