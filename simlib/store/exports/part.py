"""What one sheet of one file gave: a canonical table, what stands beside it, and what has to be asked."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pandas as pd

from simlib.messages import Lang, Message

METRICS = (
    "receptions",
    "inquiries",
    "buyers_paid",
    "sales_cny",
    "first_response_s",
    "mean_response_s",
    "chat_s",
    "rate_3min",
    "messages_buyer",
    "messages_agent",
    "characters",
    "most_chats",
    "unanswered",
    "satisfied_share",
)
SOURCE = ("source_file", "source_row")
CANONICAL = MappingProxyType(
    {
        "orders": ("order", "created", "paid", "amount_cny", "refunded_cny", "status", "channel", *SOURCE),
        "agent_day": ("day", "agent", *METRICS, *SOURCE),
        "store_day": ("day", *METRICS, *SOURCE),
        "store_interval": ("start", "queue", "contacts", "answered", "in_time", *SOURCE),
        "chat": (
            *("chat", "day", "agent", "begun", "ended", "first_response_s", "mean_response_s", "chat_s", "satisfied"),
            *SOURCE,
        ),
        "message": ("chat", "sent", "side", "characters", *SOURCE),
        "target": ("month", "shop", "channel", "target_cny", *SOURCE),
        "roster": ("day", "agent", "shift", *SOURCE),
    }
)
"""The columns that every table has, in their order; more of them follow where the files hold more."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """Something that the reader will not guess: what it is about, and what the answer may be.

    Attributes
    ----------
    kind : str
        ``column`` (which figure is this?), ``values`` (these do not fit the name), ``agent`` (whose account is
        this?), ``day`` (of which day are these?), ``place`` (read by place: is that right?), ``shop`` (is this
        your shop?), ``side`` (who writes here?), ``year`` (is this year right?).
    file, sheet, row, column : str, str, int, str or None
        Where.
    value : str
        What stands there: a heading or an account, never anything of a buyer's.
    candidates : tuple of str
        Fields or people that may be meant.
    """

    kind: str
    file: str
    sheet: str = ""
    row: int | None = None
    column: str | None = None
    value: str = ""
    candidates: tuple[str, ...] = ()
    message: Message = field(repr=False, compare=False)

    def text(self, lang: Lang) -> str:
        """Return the question in one language."""
        return self.message.text(lang)

    def __str__(self) -> str:
        return self.text("en")


@dataclass(kw_only=True)
class Part:
    """One sheet as it was understood."""

    file: str
    sheet: str
    table: str = ""
    format: str = ""
    platform: str | None = None
    frame: pd.DataFrame = field(default_factory=pd.DataFrame)
    originals: pd.DataFrame = field(default_factory=pd.DataFrame)
    summaries: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: list[Message] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    unknown: tuple[str, ...] = ()
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    fetched: dt.date | None = None
    final_on: dt.date | None = None
    reconciled: bool | None = None
    disagreements: list[dict[str, Any]] = field(default_factory=list)
    refused: bool = False

    @property
    def place(self) -> dict[str, str]:
        """File and sheet, for a message."""
        return {"file": self.file, "sheet": f" [{self.sheet}]" if self.sheet else ""}

    def note(self, key: str, **values: Any) -> None:
        """Add a sentence to what is known of this sheet."""
        self.notes.append(Message(f"exports.{key}", **values))

    def ask(
        self, kind: str, *, row: int | None = None, column: str | None = None, value: str = "", **rest: Any
    ) -> None:
        """Add a question; ``rest`` are the candidates and further values of its sentence."""
        candidates = tuple(rest.pop("candidates", ()))
        message = Message(f"exports.ask_{kind}", **self.place, **rest)
        self.questions.append(
            Question(
                kind=kind,
                file=self.file,
                sheet=self.sheet,
                row=row,
                column=column,
                value=value,
                candidates=candidates,
                message=message,
            )
        )
