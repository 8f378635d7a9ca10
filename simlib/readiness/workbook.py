"""The workbook of the readiness chapter: the empty one with an example in each sheet, and what a store wrote into it.

``readiness.xlsx`` stands beside the store's own workbook. Cells are read by the readers of the store; every mistake is
named with sheet, row, column, value and what is allowed, and the rest is used.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import tempfile
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from simlib import facts
from simlib.files import write_file
from simlib.messages import LANGS, Lang, glossary, label, translate
from simlib.readiness.floor import POSTS
from simlib.readiness.kept import Kept, open_kept
from simlib.readiness.quiz import Quiz
from simlib.readiness.rules import BUYERS, KINDS, read_amount, read_promo_sheet
from simlib.readiness.training import DOCUMENTS
from simlib.store.cells import CellError, fold, is_blank, read_cell, shown, spellings
from simlib.store.columns import nearest
from simlib.store.problems import Loss, Problem, StoreError
from simlib.store.sources import TABLE_ENDINGS, RawSheet, read_source

BOOK_NAME = "readiness.xlsx"
HEADER_WITHIN_ROWS = 10
EMPTY_ROWS = 500
FORMATS = {"share": "0.0%", "money": "#,##0.00", "datetime": "yyyy-mm-dd hh:mm", "date": "yyyy-mm-dd"}
WIDTHS = {"text": 26, "scope": 26, "code": 14, "money": 14, "datetime": 18, "date": 13, "choice": 16}
MADE_ON = dt.datetime(2026, 1, 1)  # one date, so that the same template gives the same bytes
NEEDED_COLOUR, OPTIONAL_COLOUR, EXAMPLE_COLOUR = "#1F4E79", "#7F7F7F", "#7F7F7F"


@dataclass(frozen=True, kw_only=True)
class Field:
    """One column of a sheet: its key in the tables, its term in the glossary, what a cell may hold."""

    key: str
    term: str
    kind: str = "text"
    needed: bool = False
    low: float | None = None
    high: float | None = None
    choices: Mapping[str, str] = field(default_factory=dict)

    def title(self, lang: Lang) -> str:
        """Return the column's name in one language, with its unit.

        Examples
        --------
        >>> Field(key="cap_cny", term="cap_cny", kind="money").title("en")
        'Most off (CNY)'
        """
        unit = glossary()[self.term]["unit"]
        name = label(self.term, lang)
        return f"{name} ({translate(f'report.unit_{unit}', lang)})" if unit else name

    @property
    def allowed(self) -> tuple[str, ...]:
        """Return what may stand in a cell: the terms of a list, or the limits of a figure."""
        if self.choices:
            return tuple(self.choices.values())
        low = () if self.low is None else (f">= {self.low:g}",)
        return (*low, *(() if self.high is None else (f"<= {self.high:g}",)))

    def spelled(self) -> dict[str, str]:
        """Return every spelling of every choice, folded, with its value."""
        found: dict[str, str] = {}
        for value, term in self.choices.items():
            found |= {fold(name): value for name in (value, term, *(label(term, lang) for lang in LANGS))}
        return found


def _choices(prefix: str, values: Iterable[str]) -> dict[str, str]:
    return {value: f"{prefix}{value}" for value in values}


QUEUES = ("presale", "aftersale", "order_change", "payment_chasing", "escalation")
STAGES = ("deposit", "warmup", "opening", "final", "last_day", "shipping", "returns")
EQUIPMENT = ("seat", "pc", "laptop", "rented", "keyboard", "mouse", "headset", "port", "socket")
LOGISTICS = ("meal", "tea", "snack", "activity", "atmosphere", "transport", "diet", "other", *POSTS)
DIETS = ("regular", "vegetarian", "halal", "mild")
BLOCKS = ("people", "software", "hardware", "logistics")


def _money(key: str, *, needed: bool = False) -> Field:
    return Field(key=key, term=key, kind="money", low=0, needed=needed)


def _pieces(key: str, *, low: int = 0) -> Field:
    return Field(key=key, term=key, kind="integer", low=low)


def _when(key: str, *, needed: bool = False) -> Field:
    return Field(key=key, term=key, kind="datetime", needed=needed)


def _day(key: str) -> Field:
    return Field(key=key, term=key, kind="date")


NOTE = Field(key="note", term="note")
AGENT = Field(key="agent_id", term="agent_id", kind="code", needed=True)
OWNER = Field(key="owner", term="owner")
SHEETS: Mapping[str, tuple[Field, ...]] = {
    "activities": (
        Field(key="id", term="activity_id", kind="code", needed=True),
        Field(key="name", term="activity_name"),
        Field(key="kind", term="activity_kind", kind="choice", needed=True, choices=_choices("activity_kind_", KINDS)),
        Field(key="scope", term="scope", kind="scope", needed=True),
        Field(key="buyers", term="open_to", kind="choice", needed=True, choices=_choices("open_to_", BUYERS)),
        _when("start", needed=True),
        _when("end", needed=True),
        _when("claim_start"),
        _when("claim_end"),
        _money("threshold_cny"),
        _pieces("threshold_pieces"),
        _money("price_cny"),
        Field(key="amount_cny", term="amount_off_cny", kind="money", low=0),
        Field(key="percent", term="percent", kind="share", low=0, high=1),
        Field(key="repeat", term="repeat", kind="bool"),
        _money("cap_cny"),
        Field(key="group", term="stacking_group", kind="code"),
        _money("deposit_cny"),
        Field(key="inflate", term="inflate", kind="number", low=1),
        _when("final_start"),
        _when("final_end"),
        Field(key="gift_sku", term="gift_sku", kind="code"),
        _pieces("gift_quantity"),
        _pieces("stock"),
        _pieces("limit_pieces"),
        NOTE,
    ),
    "goods": (
        Field(key="sku", term="sku", kind="code", needed=True),
        Field(key="name", term="good_name"),
        Field(key="category", term="category"),
        _money("list_price_cny", needed=True),
        _money("picture_price_cny"),
        _money("floor_price_cny"),
        _money("member_price_cny"),
        _money("fan_price_cny"),
        _pieces("stock"),
        _pieces("limit_per_buyer"),
        *(Field(key=key, term=key, kind="bool") for key in DOCUMENTS),
        NOTE,
    ),
    "phrases": (
        Field(key="id", term="phrase_id", kind="code", needed=True),
        Field(key="topic", term="topic", needed=True),
        Field(key="queue", term="queue", kind="choice", choices=_choices("", QUEUES)),
        Field(key="stage", term="stage", kind="choice", choices=_choices("stage_", STAGES)),
        Field(key="channel", term="channel", kind="choice", choices=_choices("channel_", ("chat", "phone", "sms"))),
        Field(key="platform", term="platform"),
        Field(key="zh", term="zh"),
        Field(key="en", term="en"),
        OWNER,
        Field(key="rests_on", term="rests_on"),
        _day("checked_on"),
        NOTE,
    ),
    "training": (
        AGENT,
        Field(key="course", term="course", needed=True),
        Field(key="trainer", term="trainer"),
        Field(key="mentor", term="mentor"),
        _day("due_on"),
        _day("done_on"),
        Field(key="hours_h", term="hours_h", kind="number", low=0),
        Field(key="signed_by", term="signed_by"),
        _day("qa_sampled_on"),
        Field(key="qa_result", term="qa_result", kind="bool"),
        NOTE,
    ),
    "exam": (
        Field(key="quiz", term="quiz", kind="code", needed=True),
        AGENT,
        Field(key="attempt", term="attempt", kind="integer", low=1, high=2, needed=True),
        Field(key="item", term="quiz_item", kind="integer", low=1, needed=True),
        Field(key="answer", term="answer_given"),
        NOTE,
    ),
    "site": (
        Field(key="room", term="room", needed=True),
        Field(key="item", term="site_item", kind="choice", needed=True, choices=_choices("item_", EQUIPMENT)),
        _pieces("quantity"),
        Field(key="seat", term="seat", kind="code"),
        Field(key="owner", term="device_owner"),
        Field(key="test_smooth", term="test_smooth", kind="bool"),
        Field(key="test_accounts", term="test_accounts", kind="bool"),
        Field(key="test_bot", term="test_bot", kind="bool"),
        NOTE,
    ),
    "logistics": (
        Field(key="item", term="logistics_item", kind="choice", needed=True, choices=_choices("item_", LOGISTICS)),
        Field(key="name", term="name"),
        _when("at"),
        OWNER,
        _when("order_by"),
        Field(key="person", term="person", kind="code"),
        Field(key="diet", term="diet", kind="choice", choices=_choices("diet_", DIETS)),
        _money("budget_cny"),
        _day("done_on"),
        NOTE,
    ),
    "tasks": (
        Field(key="task", term="task", needed=True),
        Field(key="block", term="block", kind="choice", needed=True, choices=_choices("", BLOCKS)),
        OWNER,
        Field(key="offset_days", term="offset_days", kind="integer", low=-365, high=365),
        Field(key="takes_days", term="takes_days", kind="integer", low=0, high=365),
        _day("due_on"),
        _day("done_on"),
        Field(key="proof", term="proof"),
        NOTE,
    ),
}


@dataclass(frozen=True, kw_only=True)
class ReadinessBook:
    """What a store wrote into its readiness workbook.

    Attributes
    ----------
    tables : mapping of str to DataFrame
        One frame per sheet with the sheet's columns and ``row``, the row as Excel numbers it; amounts are Decimals.
    problems : tuple of Problem
        Every mistake; a wrong cell counts as blank, a row that lacks something needed is left out.
    missing : tuple of str
        Sheets that are not there or empty.
    kept : Kept
        What earlier runs left beside the store: changes, quizzes, what was handed out, the score's history.
    """

    tables: Mapping[str, pd.DataFrame]
    problems: tuple[Problem, ...] = ()
    missing: tuple[str, ...] = ()
    kept: Kept = field(default_factory=Kept)


def empty_book() -> ReadinessBook:
    """Return the book of a store that has written nothing yet."""
    return ReadinessBook(tables={sheet: _frame(sheet, []) for sheet in SHEETS}, missing=tuple(SHEETS))


def read_readiness(path: str | Path, *, people: Collection[str] | None = None) -> ReadinessBook:
    """Read a readiness workbook, or the tables of a folder, as far as they are right.

    Parameters
    ----------
    path : str or Path
        ``readiness.xlsx``; or a folder that holds it, a folder ``readiness`` with CSV tables, or the tables themselves.
    people : collection of str, optional
        The ids of the store's agents; an agent of training, exam or logistics who is not among them is named.

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
    raw_sheets, of_files = read_source(source)
    problems = list(of_files)
    records: dict[str, list[dict[str, Any]]] = {}
    names = _sheet_names()
    for raw in raw_sheets:
        if raw.private or not raw.rows:
            continue
        stem = Path(raw.name).stem if raw.name.lower().endswith(TABLE_ENDINGS) else raw.name
        key = names.get(fold(stem))
        if key is None:
            near = nearest(stem, names)
            problems.append(Problem(message="sheet_unknown", sheet=raw.name, nearest=near, loss="unread"))
        elif key in records:
            twins = {"first": key, "second": raw.name}
            problems.append(Problem(message="sheet_twice", sheet=key, values=twins, loss="second"))
        else:
            records[key] = list(_read_sheet(raw, key, problems))
    tables = {sheet: _frame(sheet, records.get(sheet, [])) for sheet in SHEETS}
    problems += _find_wrong_rules(tables)
    if people is not None:
        problems += _find_unknown_people(tables, people)
    order = list(SHEETS)
    problems.sort(key=lambda found: (order.index(found.sheet) if found.sheet in order else -1, found.row or 0))
    missing = tuple(sheet for sheet in SHEETS if tables[sheet].empty)
    return ReadinessBook(tables=tables, problems=tuple(problems), missing=missing, kept=kept)


def _find_source(path: Path) -> Path | None:
    """Find where a store keeps its readiness tables; None where it has none."""
    if not path.is_dir():
        beside = path.with_name(BOOK_NAME)
        if path.name.lower() == BOOK_NAME or path.suffix.lower() != ".xlsx" or not path.exists():
            return path
        own = path.with_name(f"{path.stem}.{BOOK_NAME}")
        return own if own.exists() else beside if beside.exists() else path
    if (path / BOOK_NAME).exists():
        return path / BOOK_NAME
    if (path / "readiness").is_dir():
        return path / "readiness"
    names = _sheet_names()
    known = any(names.get(fold(file.stem)) for file in path.iterdir() if file.suffix.lower() in TABLE_ENDINGS)
    return path if known and not (path / "store.yml").exists() else None


@cache
def _sheet_names() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for key in SHEETS:
        zh, en = label(key, "zh"), label(key, "en")
        for name in (key, zh, en, zh + en, zh + key, *facts.value("readiness_sheets", "sheet_names").get(key, ())):
            found[fold(name)] = key
    return found


@cache
def _column_names(sheet: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for column in SHEETS[sheet]:
        names = [column.key, column.term]
        for lang in LANGS:
            names += [label(column.term, lang), column.title(lang)]
        names += [column.title("zh") + column.title("en"), label(column.term, "zh") + label(column.term, "en")]
        found |= {fold(name): column.key for name in names}
    return found


@cache
def _example_notes() -> frozenset[str]:
    rows = [facts.value("readiness_sheets", sheet)["note"] for sheet in SHEETS]
    return frozenset(note[lang] for note in rows for lang in LANGS)


def _read_sheet(raw: RawSheet, sheet: str, problems: list[Problem]) -> Iterator[dict[str, Any]]:
    """Find the header of a sheet and read the rows below; a row with the note of the example is none."""
    names = _column_names(sheet)
    known = {column.key: column for column in SHEETS[sheet]}
    at = _find_header(raw, names)
    if at is None:
        terms = tuple(column.term for column in SHEETS[sheet])
        problems.append(Problem(message="no_header", sheet=sheet, allowed=terms, loss="sheet"))
        return
    number, cells = raw.rows[at]
    places: list[str | None] = []
    for cell in cells:
        key = None if is_blank(cell) else names.get(fold(str(cell)))
        if key is None and not is_blank(cell):
            near = nearest(str(cell), names)
            problems.append(
                Problem(
                    message="column_unknown",
                    sheet=sheet,
                    row=number,
                    value=shown(cell),
                    nearest=known[near].term if near else None,
                    loss="unread",
                )
            )
        if key is not None and key in places:
            term = known[key].term
            problems.append(Problem(message="column_twice", sheet=sheet, row=number, column=term, loss="second"))
            key = None
        places.append(key)
    lacking = [column for column in SHEETS[sheet] if column.needed and column.key not in places]
    for column in lacking:
        problems.append(Problem(message="column_needed", sheet=sheet, row=number, column=column.term, loss="sheet"))
    if lacking:
        return
    for line, row in raw.rows[at + 1 :]:
        record = {key: cell for key, cell in zip(places, row, strict=False) if key and not is_blank(cell)}
        if set(record) <= {"note"} or str(record.get("note", "")).strip() in _example_notes():
            continue
        values = _read_row(record, sheet, line, known, problems)
        if values is not None:
            yield {"row": line, **values}


def _find_header(raw: RawSheet, names: Mapping[str, str]) -> int | None:
    for at, (_, cells) in enumerate(raw.rows[:HEADER_WITHIN_ROWS]):
        words = [fold(str(cell)) for cell in cells if not is_blank(cell)]
        hits = sum(word in names for word in words)
        if hits >= 2 and hits * 2 >= len(words):
            return at
    return None


def _read_row(
    record: Mapping[str, Any], sheet: str, line: int, known: Mapping[str, Field], problems: list[Problem]
) -> dict[str, Any] | None:
    """Read one row; None where a cell that must be filled in is blank or wrong."""
    values: dict[str, Any] = {}
    complete = True
    for key, column in known.items():
        if key not in record:
            if column.needed:
                complete = False
                allowed = column.allowed if column.choices else ()
                problems.append(_problem("missing", sheet, line, column, None, "row", allowed=allowed))
            continue
        cell = record[key]
        loss: Loss = "row" if column.needed else "cell"
        try:
            value = _read_field(cell, column)
        except CellError as error:
            near = nearest(str(cell), column.spelled()) if error.message == "not_choice" else None
            shows_allowed = error.message in ("not_choice", "not_number", "not_integer", "out_of_range")
            problems.append(
                _problem(
                    error.message,
                    sheet,
                    line,
                    column,
                    cell,
                    loss,
                    values=error.values,
                    allowed=column.allowed if shows_allowed else (),
                    nearest=column.choices[near] if near else None,
                )
            )
            complete &= not column.needed
            continue
        if value is not None:
            values[key] = value
    return values if complete else None


def _problem(message: str, sheet: str, row: int, column: Field, cell: Any, loss: Loss, **more: Any) -> Problem:
    value = None if cell is None else shown(cell)
    return Problem(message=message, sheet=sheet, row=row, column=column.term, value=value, loss=loss, **more)


def _read_field(cell: Any, column: Field) -> Any:
    if column.kind == "scope":
        return read_scope(read_cell(cell, "text"))
    value = read_cell(cell, column.kind, column.spelled() if column.choices else None)
    if value is None or column.kind not in ("money", "number", "integer", "share"):
        return value
    if (column.low is not None and value < column.low) or (column.high is not None and value > column.high):
        raise CellError("out_of_range")
    return value if column.kind == "integer" else read_amount(value)


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


def _frame(sheet: str, records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    keys = ["row", *(column.key for column in SHEETS[sheet])]
    rows = [{key: record.get(key) for key in keys} for record in records]
    return pd.DataFrame(rows, columns=keys, dtype=object)


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


def _find_unknown_people(tables: Mapping[str, pd.DataFrame], people: Collection[str]) -> Iterator[Problem]:
    for sheet, key in (("training", "agent_id"), ("exam", "agent_id"), ("logistics", "person")):
        column = next(column for column in SHEETS[sheet] if column.key == key)
        seen: set[str] = set()
        for row, person in zip(tables[sheet]["row"], tables[sheet][key], strict=True):
            if person is not None and person not in people and person not in seen:
                seen.add(person)
                values = {"sheet_name": "agents"}
                yield _problem("not_in_sheet", sheet, row, column, person, "nothing", values=values)


# --- the empty workbook


def write_readiness_template(
    path: str | Path, lang: Lang, *, rows: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
) -> None:
    """Write the workbook that a store fills in: eight sheets, an example row in each, lists to choose from.

    Parameters
    ----------
    path : str or Path
        The ``.xlsx`` file to write; one that is there is replaced whole.
    lang : {"zh", "en"}
        Language of examples, notes and lists; the header is in both.
    rows : mapping of sheet to rows, optional
        What is filled in already, by the keys of the fields; it takes the place of the examples.
    """
    from xlsxwriter import Workbook

    path = Path(path)
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(buffer, options) as book:
        book.set_properties({"created": MADE_ON})
        _write_readme(book, lang)
        for sheet in SHEETS:
            filled = [facts.value("readiness_sheets", sheet)] if rows is None else rows.get(sheet, ())
            _write_sheet(book, sheet, lang, filled, example=rows is None)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".xlsx")
    with os.fdopen(handle, "wb") as file:
        file.write(buffer.getvalue())
    Path(name).chmod(0o644)
    Path(name).replace(path)


def _write_sheet(book: Any, sheet: str, lang: Lang, rows: Sequence[Mapping[str, Any]], *, example: bool) -> None:
    page = book.add_worksheet(f"{label(sheet, 'zh')} {sheet}")
    page.set_row(0, 46)
    page.freeze_panes(1, 1)
    looks: dict[str, Any] = {"valign": "top"}
    looks |= {"italic": True, "font_color": EXAMPLE_COLOUR} if example else {}
    for at, column in enumerate(SHEETS[sheet]):
        colour = NEEDED_COLOUR if column.needed else OPTIONAL_COLOUR
        head = book.add_format(
            {"bold": True, "text_wrap": True, "font_color": "#FFFFFF", "bg_color": colour, "border": 1, "valign": "top"}
        )
        page.write_string(0, at, f"{column.title('zh')}\n{column.title('en')}", head)
        page.write_comment(0, at, explain_field(column, lang), {"x_scale": 2, "author": ""})
        form = {"num_format": FORMATS[column.kind]} if column.kind in FORMATS else {}
        page.set_column(at, at, WIDTHS.get(column.kind, 12), book.add_format(form) if form else None)
        _offer_choices(page, at, column, lang)
        look = book.add_format(looks | form)
        for line, row in enumerate(rows, start=1):
            if row.get(column.key) is not None:
                _write_cell(page, line, at, column, row[column.key], lang, look)


def _write_cell(page: Any, line: int, at: int, column: Field, value: Any, lang: Lang, look: Any) -> None:
    if isinstance(value, dict):
        value = value[lang]
    if column.choices:
        page.write_string(line, at, label(column.choices[value], lang), look)
    elif isinstance(value, bool):
        page.write_string(line, at, label("yes" if value else "no", lang), look)
    elif column.kind in ("date", "datetime"):
        page.write_datetime(line, at, value if isinstance(value, dt.date) else read_cell(value, column.kind), look)
    elif isinstance(value, int | float | Decimal):
        page.write_number(line, at, float(value), look)
    else:
        page.write_string(line, at, str(value), look)


def explain_field(column: Field, lang: Lang) -> str:
    """Return what a column wants: meaning, whether it must be filled in, what is allowed, how it is written."""
    parts = [glossary()[column.term][f"definition_{lang}"]]
    parts.append(translate("store.column_needed_mark" if column.needed else "store.column_optional_mark", lang))
    if column.choices or column.allowed:
        words = [label(term, lang) for term in column.choices.values()] or list(column.allowed)
        parts.append(translate("store.allowed", lang, choices=translate("store.list_mark", lang).join(words)))
    if column.kind in ("share", "money", "date", "datetime", "bool"):
        parts.append(translate(f"store.write_{column.kind}", lang))
    return "\n".join(parts)


def _offer_choices(page: Any, at: int, column: Field, lang: Lang) -> None:
    rule: dict[str, Any] | None = None
    if column.choices:
        rule = {"validate": "list", "source": [label(term, lang) for term in column.choices.values()]}
    elif column.kind == "bool":
        rule = {"validate": "list", "source": [label("yes", lang), label("no", lang)]}
    elif column.kind in ("share", "money", "integer", "number") and column.low is not None:
        highest = 1e15 if column.high is None else column.high
        rule = {"validate": "decimal", "criteria": "between", "minimum": column.low, "maximum": highest}
    if rule is not None:
        rule |= {"error_type": "stop", "error_title": label(column.term, lang)[:32]}
        rule["error_message"] = explain_field(column, lang)[:255]
        page.data_validation(1, at, EMPTY_ROWS, at, rule)


def _write_readme(book: Any, lang: Lang) -> None:
    titles = (translate("store.readme_title", each) for each in LANGS)
    page = book.add_worksheet(" ".join(titles))
    page.set_column(0, 0, 18)
    page.set_column(1, 1, 30)
    page.set_column(2, 2, 90)
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    head = book.add_format({"bold": True, "font_color": "#FFFFFF", "bg_color": NEEDED_COLOUR})
    page.write_string(0, 0, label("readiness", lang), book.add_format({"bold": True, "font_size": 16}))
    lines = ("template_begin", "template_example", "template_partial", "template_scope", "template_limits")
    for line, key in enumerate(lines, start=2):
        page.merge_range(line, 0, line, 2, translate(f"readiness.{key}", lang), wrap)
        page.set_row(line, 34)
    line = 8
    for at, name in enumerate(("readme_sheet", "readme_column", "readme_what")):
        page.write_string(line, at, translate(f"store.{name}", lang), head)
    for sheet, columns in SHEETS.items():
        for column in columns:
            line += 1
            page.write_string(line, 0, label(sheet, lang), wrap)
            page.write_string(line, 1, column.title(lang), wrap)
            page.write_string(line, 2, explain_field(column, lang).replace("\n", " "), wrap)


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
