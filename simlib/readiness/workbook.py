"""The workbook of the readiness chapter: the empty one with an example in each sheet, and what a store wrote into it.

``readiness.xlsx`` stands beside the store's own workbook. Cells are read by the readers of the store; every mistake is
named with sheet, row, column, value and what is allowed, and the rest is used.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from simlib import facts
from simlib.files import write_file
from simlib.messages import Lang, label, translate
from simlib.readiness.changes import split_rests_on
from simlib.readiness.kept import Kept, open_kept
from simlib.readiness.quiz import Quiz
from simlib.readiness.rules import BUYERS, KINDS, read_amount, read_promo_sheet
from simlib.readiness.stages import POSTS
from simlib.readiness.training import DOCUMENTS
from simlib.store.book import MADE_ON, NEEDED_COLOUR, WIDTHS, BookField, ChapterBook
from simlib.store.cells import fold, shown, spellings
from simlib.store.problems import Problem, StoreError
from simlib.store.sources import TABLE_ENDINGS, WORKBOOK_ENDINGS, find_beside

BOOK_NAME = "readiness.xlsx"


def _choices(prefix: str, values: Iterable[str]) -> dict[str, str]:
    return {value: f"{prefix}{value}" for value in values}


def read_scope(text: str) -> str:
    """Return a scope as the promo model writes it, however people write it.

    Examples
    --------
    >>> read_scope("类目：洗护"), read_scope("商品：A、B"), read_scope("全场")
    ('category:洗护', 'sku:A;B', 'all')
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if fold(plain) in {fold(name) for name in facts.value("readiness_sheets", "scope_all")}:
        return "all"
    head, mark, names = plain.partition(":")
    for kind in ("category", "sku"):
        if mark and fold(head) in {fold(name) for name in facts.value("readiness_sheets", f"scope_{kind}")}:
            if kind == "sku":
                for sign in spellings("list_marks"):
                    names = names.replace(sign, ";")
                names = ";".join(name.strip() for name in names.split(";"))
            return f"{kind}:{names.strip()}"
    return plain


QUEUES = ("presale", "aftersale", "order_change", "payment_chasing", "escalation")
STAGES = ("deposit", "warmup", "opening", "final", "last_day", "shipping", "returns")
EQUIPMENT = ("seat", "pc", "laptop", "rented", "keyboard", "mouse", "headset", "port", "socket")
LOGISTICS = ("meal", "tea", "snack", "activity", "atmosphere", "transport", "diet", "other", *POSTS, "post_training")
DIETS = ("regular", "vegetarian", "halal", "mild")
BLOCKS = ("people", "software", "hardware", "logistics")


def _money(key: str, *, needed: bool = False) -> BookField:
    return BookField(key=key, term=key, kind="money", low=0, needed=needed, convert=read_amount)


def _pieces(key: str, *, low: int = 0) -> BookField:
    return BookField(key=key, term=key, kind="integer", low=low)


def _when(key: str, *, needed: bool = False) -> BookField:
    return BookField(key=key, term=key, kind="datetime", needed=needed)


def _day(key: str) -> BookField:
    return BookField(key=key, term=key, kind="date")


NOTE = BookField(key="note", term="note")
AGENT = BookField(key="agent_id", term="agent_id", kind="code", needed=True)
OWNER = BookField(key="owner", term="owner")
SHEETS: Mapping[str, tuple[BookField, ...]] = {
    "activities": (
        BookField(key="id", term="activity_id", kind="code", needed=True),
        BookField(key="name", term="activity_name"),
        BookField(
            key="kind", term="activity_kind", kind="choice", needed=True, choices=_choices("activity_kind_", KINDS)
        ),
        BookField(key="scope", term="scope", needed=True, convert=read_scope),
        BookField(key="buyers", term="open_to", kind="choice", needed=True, choices=_choices("open_to_", BUYERS)),
        _when("start", needed=True),
        _when("end", needed=True),
        _when("claim_start"),
        _when("claim_end"),
        _money("threshold_cny"),
        _pieces("threshold_pieces"),
        _money("price_cny"),
        BookField(key="amount_cny", term="amount_off_cny", kind="money", low=0, convert=read_amount),
        BookField(key="percent", term="percent", kind="share", low=0, high=1, convert=read_amount),
        BookField(key="repeat", term="repeat", kind="bool"),
        _money("cap_cny"),
        BookField(key="group", term="stacking_group", kind="code"),
        _money("deposit_cny"),
        BookField(key="inflate", term="inflate", kind="number", low=1, convert=read_amount),
        _when("final_start"),
        _when("final_end"),
        BookField(key="gift_sku", term="gift_sku", kind="code"),
        _pieces("gift_quantity"),
        _pieces("stock"),
        _pieces("limit_pieces"),
        NOTE,
    ),
    "goods": (
        BookField(key="sku", term="sku", kind="code", needed=True),
        BookField(key="name", term="good_name"),
        BookField(key="category", term="category"),
        _money("list_price_cny", needed=True),
        _money("picture_price_cny"),
        _money("floor_price_cny"),
        _money("member_price_cny"),
        _money("fan_price_cny"),
        _pieces("stock"),
        _pieces("limit_per_buyer"),
        *(BookField(key=key, term=key, kind="bool") for key in DOCUMENTS),
        NOTE,
    ),
    "phrases": (
        BookField(key="id", term="phrase_id", kind="code", needed=True),
        BookField(key="topic", term="topic", needed=True),
        BookField(key="queue", term="queue", kind="choice", choices=_choices("", QUEUES)),
        BookField(key="stage", term="stage", kind="choice", choices=_choices("stage_", STAGES)),
        BookField(key="channel", term="channel", kind="choice", choices=_choices("channel_", ("chat", "phone", "sms"))),
        BookField(key="platform", term="platform"),
        BookField(key="zh", term="zh"),
        BookField(key="en", term="en"),
        OWNER,
        BookField(key="rests_on", term="rests_on"),
        _day("checked_on"),
        NOTE,
    ),
    "training": (
        AGENT,
        BookField(key="course", term="course", needed=True),
        BookField(key="trainer", term="trainer"),
        BookField(key="mentor", term="mentor"),
        _when("session_at"),
        _day("due_on"),
        _day("done_on"),
        BookField(key="hours_h", term="hours_h", kind="number", low=0, convert=read_amount),
        BookField(key="signed_by", term="signed_by"),
        _day("qa_sampled_on"),
        BookField(key="qa_result", term="qa_result", kind="bool"),
        NOTE,
    ),
    "rally": (
        AGENT,
        BookField(key="held_on", term="held_on", kind="date", needed=True),
        BookField(key="attended", term="attended", kind="bool"),
        NOTE,
    ),
    "exam": (
        BookField(key="quiz", term="quiz", kind="code", needed=True),
        AGENT,
        BookField(key="attempt", term="attempt", kind="integer", low=1, high=2, needed=True),
        BookField(key="item", term="quiz_item", kind="integer", low=1, needed=True),
        BookField(key="answer", term="answer_given"),
        NOTE,
    ),
    "site": (
        BookField(key="room", term="room", needed=True),
        BookField(key="item", term="site_item", kind="choice", needed=True, choices=_choices("item_", EQUIPMENT)),
        _pieces("quantity"),
        BookField(key="seat", term="seat", kind="code"),
        BookField(key="owner", term="device_owner"),
        BookField(key="test_smooth", term="test_smooth", kind="bool"),
        BookField(key="test_accounts", term="test_accounts", kind="bool"),
        BookField(key="test_bot", term="test_bot", kind="bool"),
        NOTE,
    ),
    "logistics": (
        BookField(key="item", term="logistics_item", kind="choice", needed=True, choices=_choices("item_", LOGISTICS)),
        BookField(key="name", term="name"),
        _when("at"),
        _when("until"),
        OWNER,
        _when("order_by"),
        BookField(key="person", term="person", kind="code"),
        BookField(key="diet", term="diet", kind="choice", choices=_choices("diet_", DIETS)),
        _money("budget_cny"),
        _day("done_on"),
        NOTE,
    ),
    "tasks": (
        BookField(key="task", term="task", needed=True),
        BookField(key="block", term="block", kind="choice", needed=True, choices=_choices("", BLOCKS)),
        OWNER,
        BookField(key="offset_days", term="offset_days", kind="integer", low=-365, high=365),
        BookField(key="takes_days", term="takes_days", kind="integer", low=0, high=365),
        _day("due_on"),
        _day("done_on"),
        BookField(key="proof", term="proof"),
        NOTE,
    ),
}
BOOK = ChapterBook(
    name=BOOK_NAME,
    chapter="readiness",
    sheets=SHEETS,
    examples="readiness_sheets",
    also_named="sheet_names",
    texts=tuple(f"readiness.template_{key}" for key in ("begin", "example", "partial", "scope", "limits")),
)


@dataclass(frozen=True, kw_only=True)
class ReadinessBook:
    """What a store wrote into its readiness workbook.

    Attributes
    ----------
    tables : mapping of str to DataFrame
        One frame per sheet with the sheet's columns and ``row``, the row as Excel numbers it; amounts are Decimals.
    problems : tuple of Problem
        Every mistake; a wrong cell counts as blank, a row that lacks something needed is left out.
    notices : tuple of Problem
        What is read although Excel does not show it.
    missing : tuple of str
        Sheets that are not there or empty.
    kept : Kept
        What earlier runs left beside the store: changes, quizzes, what was handed out, the score's history.
    stage : str
        The stage of the store (startup, growth, mature), as the goals workbook has it; empty where nobody set it.
    """

    tables: Mapping[str, pd.DataFrame]
    problems: tuple[Problem, ...] = ()
    notices: tuple[Problem, ...] = ()
    missing: tuple[str, ...] = ()
    kept: Kept = field(default_factory=Kept)
    stage: str = ""


def empty_book() -> ReadinessBook:
    """Return the book of a store that has written nothing yet."""
    return ReadinessBook(tables=BOOK.empty().tables, missing=tuple(SHEETS))


def read_readiness(path: str | Path, *, people: Collection[str] | None = None) -> ReadinessBook:
    """Read a readiness workbook, or the tables of a folder, as far as they are right.

    Parameters
    ----------
    path : str or Path
        ``readiness.xlsx``; or a folder that holds it, a folder ``readiness`` with CSV tables, or the tables themselves.
    people : collection of str, optional
        The ids of the store's agents; an agent of training, rally, exam or logistics who is not among them is named.

    Raises
    ------
    StoreError
        The file cannot be opened at all.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_readiness_template(Path(folder) / "readiness.xlsx", "en")
    ...     book = read_readiness(folder)
    >>> book.problems, book.missing == tuple(SHEETS)
    ((), True)
    """
    source = _find_source(Path(path))
    kept = open_kept(Path(path))
    if source is None:
        return replace(empty_book(), kept=kept)
    filled = BOOK.read(source)
    problems = [*filled.problems, *_find_wrong_rules(filled.tables)]
    if not any(problem.sheet in ("activities", "goods") for problem in problems):  # a row that fails is not unknown
        problems += _find_unknown_rules(filled.tables)
    if people is not None:
        problems += _find_unknown_people(filled.tables, people)
    missing = tuple(sheet for sheet in SHEETS if filled.tables[sheet].empty)
    return ReadinessBook(
        tables=filled.tables, problems=BOOK.sort(problems), notices=filled.notices, missing=missing, kept=kept
    )


def read_readiness_beside(store: str | Path, *, people: Collection[str] | None = None) -> ReadinessBook:
    """Read what a store keeps for readiness, as :func:`read_readiness` does; an empty book where it keeps nothing.

    The store's own workbook, which has sheets of the same names, is never taken for a readiness workbook.
    """
    path = Path(store)
    if path.is_file() and _find_source(path) == path and not path.name.lower().endswith(BOOK_NAME):
        return replace(empty_book(), kept=open_kept(path))
    return read_readiness(path, people=people)


def _find_source(path: Path) -> Path | None:
    """Find where a store keeps its readiness tables; None where it has none."""
    if not path.is_dir():
        if path.name.lower() == BOOK_NAME or path.suffix.lower() not in WORKBOOK_ENDINGS or not path.exists():
            return path
        return find_beside(path, BOOK_NAME) or path
    own = find_beside(path, BOOK_NAME)
    if own is not None:
        return own
    if (path / "readiness").is_dir():
        return path / "readiness"
    known = any(BOOK.find_sheet(file.stem) for file in path.iterdir() if file.suffix.lower() in TABLE_ENDINGS)
    return path if known and not (path / "store.yml").exists() else None


def _find_wrong_rules(tables: Mapping[str, pd.DataFrame]) -> Iterator[Problem]:
    """List each cell of activities and goods that no price can be worked out from, with its row."""
    sheet = read_promo_sheet(tables["activities"], tables["goods"])
    for name, key in (("activities", "id"), ("goods", "sku")):
        fields = {column.key: column for column in SHEETS[name]}
        rows = dict(zip(tables[name][key].map(str), tables[name]["row"], strict=True))
        wrong = set(sheet.wrong_activities if name == "activities" else sheet.wrong_goods)
        for cell in sheet.wrong_cells:
            if cell.row in wrong and cell.row in rows and cell.column in fields:
                value = cell.value or None
                message = "rule_cell" if value else "missing"
                yield Problem(
                    message=message,
                    sheet=name,
                    row=rows[cell.row],
                    column=fields[cell.column].term,
                    value=value,
                    loss="row",
                )


def _find_unknown_rules(tables: Mapping[str, pd.DataFrame]) -> Iterator[Problem]:
    """List the phrases that rest on an activity or a sku that no sheet has, each unknown id once."""
    known = {str(key) for sheet, column in (("activities", "id"), ("goods", "sku")) for key in tables[sheet][column]}
    column = next(column for column in SHEETS["phrases"] if column.key == "rests_on")
    seen: set[str] = set()
    for row, cell in zip(tables["phrases"]["row"], tables["phrases"]["rests_on"], strict=True):
        for rule in split_rests_on(cell):
            if known and rule not in known and rule not in seen:
                seen.add(rule)
                values = {"sheet_name": "activities"}
                yield Problem(
                    message="not_in_sheet",
                    sheet="phrases",
                    row=row,
                    column=column.term,
                    value=shown(rule),
                    loss="nothing",
                    values=values,
                )


def _find_unknown_people(tables: Mapping[str, pd.DataFrame], people: Collection[str]) -> Iterator[Problem]:
    for sheet, key in (("training", "agent_id"), ("rally", "agent_id"), ("exam", "agent_id"), ("logistics", "person")):
        column = next(column for column in SHEETS[sheet] if column.key == key)
        seen: set[str] = set()
        for row, person in zip(tables[sheet]["row"], tables[sheet][key], strict=True):
            if person is not None and person not in people and person not in seen:
                seen.add(person)
                values = {"sheet_name": "agents"}
                yield Problem(
                    message="not_in_sheet",
                    sheet=sheet,
                    row=row,
                    column=column.term,
                    value=shown(person),
                    loss="nothing",
                    values=values,
                )


# --- the empty workbook


def write_readiness_template(
    path: str | Path, lang: Lang, *, rows: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
) -> None:
    """Write the workbook that a store fills in: nine sheets, an example row in each, lists to choose from.

    Parameters
    ----------
    path : str or Path
        The ``.xlsx`` file to write; one that is there is replaced whole.
    lang : {"zh", "en"}
        Language of examples, notes and lists; the header is in both.
    rows : mapping of sheet to rows, optional
        What is filled in already, by the keys of the fields; it takes the place of the examples.
    """
    BOOK.write(path, lang=lang, rows=rows)


def open_readiness(path: str | Path, *, people: Collection[str] | None = None) -> ReadinessBook:
    """Read a readiness workbook and refuse it with all its problems at once.

    Raises
    ------
    StoreError
        Its ``problems`` list everything that is wrong.
    """
    book = read_readiness(path, people=people)
    if book.problems:
        raise StoreError(book.problems)
    return book


def write_answer_sheet(path: str | Path, quiz: Quiz, *, people: Sequence[str], lang: Lang, attempt: int = 1) -> Path:
    """Write the sheet on which answers are typed: one row per person and question, the answer left open.

    Its sheet is the sheet exam of the readiness workbook: filled in, its rows are pasted there as they are.

    Parameters
    ----------
    people : sequence of str
        Agent ids.
    attempt : int
        1, or 2 for the resit.
    """
    from xlsxwriter import Workbook

    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(buffer, options) as book:
        book.set_properties({"created": MADE_ON})
        page = book.add_worksheet(f"{label('exam', 'zh')} exam")
        page.freeze_panes(1, 4)
        head = book.add_format({"bold": True, "text_wrap": True, "font_color": "#FFFFFF", "bg_color": NEEDED_COLOUR})
        for at, column in enumerate(SHEETS["exam"]):
            page.set_column(at, at, WIDTHS.get(column.kind, 14))
            page.write_string(0, at, f"{column.title('zh')}\n{column.title('en')}", head)
        line = 0
        for person in people:
            for item in quiz.items:
                line += 1
                page.write_string(line, 0, quiz.id)
                page.write_string(line, 1, person)
                page.write_number(line, 2, attempt)
                page.write_number(line, 3, item.number)
                hint = translate(f"readiness.quiz_kind_{item.kind}", lang)
                page.write_string(line, 5, hint)
    return write_file(Path(path), buffer.getvalue())
