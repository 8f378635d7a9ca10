"""Read a store from a workbook or a folder of tables; every problem is found before anything is said."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from simlib.messages import LANGS, label
from simlib.store import checks
from simlib.store.cells import (
    CellError,
    Percent,
    fold,
    is_blank,
    read_cell,
    says_nothing,
    shown,
    shown_share,
)
from simlib.store.columns import (
    NAME_MAX,
    Column,
    adds_up,
    column_names,
    columns,
    is_header,
    is_header_again,
    known_keys,
    known_terms,
    meant_choice,
    nearest,
    rank_name,
    sheet_names,
    unit_of_row,
)
from simlib.store.models import NEEDED, SHEETS, Row, Store
from simlib.store.problems import Loss, Problem, StoreError, unit_label
from simlib.store.sources import (
    HEADER_WITHIN_ROWS,
    RawSheet,
    find_hidden,
    find_merged,
    find_stray,
    read_source,
    sort_sheets,
)

# A row with nothing outside these columns is a remark, not data: the template's lines that say what to fill in.
DESCRIBING: dict[str, set[str]] = {"ratios": {"key", "source", "note"}}
# Columns that say what a row speaks of: left blank, it would speak of everybody, so one that is wrong costs the row.
SPEAKS_OF: dict[str, set[str]] = {
    "history": {"queue"},
    "actuals": {"queue"},
    "goals": {"queue"},
    "scenarios": {"queue", "cohort", "site", "room", "seat"},
}
# What a wrong row costs where it is more than the row, or something stands in for it.
COST_OF_ROW: dict[str, Loss] = {
    "waves": "wave",
    "ratios": "default",
    "day_profile": "profile",
    "platforms": "platforms",
    "intents": "intents",
}
PROBLEMS_MAX = 20_000
DAY_END = re.compile(r"24\s*(?:[:\uff1a]\s*00(?:[:\uff1a]00)?|[\u70b9\u65f6])\s*$")  # 24:00, or 24 o'clock in Chinese
# Sheets whose rows may say in a column of their own in which unit their figures are.
WITH_UNIT = ("ratios", "rules", "goals")
UNIT = "unit"
SHEETS_NAMED = 4  # of a workbook that is no store's
SHOW_ALLOWED = ("not_choice", "not_number", "not_integer", "share_not_percent")
FIGURES = ("share", "money", "number", "integer")
R = TypeVar("R", bound=Row)


@dataclass(kw_only=True)
class ReadSheet:
    """What one sheet gave: sound rows with their numbers, the cells of all rows, columns that lack, problems.

    ``merged`` are the rows under merged cells: what stands there belongs to one of them, and nobody knows to which.
    ``percents`` are the cells in which a figure was typed as a percentage, ``day_ends`` the rows whose end was typed as
    24:00, ``totals`` the rows that add up others, ``hidden`` the notices of what Excel does not show.
    ``copies`` are the names of the sheet and of each copy beside it that is not read.
    """

    sheet: str
    rows: list[tuple[int, Row]] = field(default_factory=list)
    cells: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    absent: set[str] = field(default_factory=set)
    merged: set[int] = field(default_factory=set)
    percents: dict[tuple[int, str], Any] = field(default_factory=dict)
    day_ends: set[int] = field(default_factory=set)
    totals: list[int] = field(default_factory=list)
    hidden: list[Problem] = field(default_factory=list)
    copies: list[dict[str, str]] = field(default_factory=list)

    def of(self, *models: type[R]) -> list[tuple[int, R]]:
        """Take the sound rows with their numbers, as rows of ``models``."""
        return [(number, row) for number, row in self.rows if isinstance(row, models)]

    def complain(self, message: str, row: int | None = None, column: str | None = None, **more: Any) -> None:
        """Note a problem of this sheet; of very many the first ones are kept."""
        if len(self.problems) >= PROBLEMS_MAX:
            self.problems[-1] = Problem(
                message="too_many_problems", sheet=self.sheet, values={"limit": PROBLEMS_MAX}, loss="nothing"
            )
            return
        self.problems.append(Problem(message=message, sheet=self.sheet, row=row, column=column, **more))


class StoreCheck(NamedTuple):
    """What a check found: the store as far as it is right, or None; the problems; what is worth knowing."""

    store: Store | None
    problems: tuple[Problem, ...]
    notices: tuple[Problem, ...]


def load_store(path: str | Path, *, figures_open: bool = False) -> Store:
    """Read a store and refuse it with all its problems at once.

    Parameters
    ----------
    path : str or Path
        An ``.xlsx`` workbook, or a folder with one CSV or YAML file per sheet (``waves.csv``, ``store.yml``).
    figures_open : bool
        Accept a store without a figure that operations still owe: an import may bring it.

    Returns
    -------
    Store

    Raises
    ------
    StoreError
        Its ``problems`` list everything that is wrong; ``render(lang)`` says it in one language.

    Examples
    --------
    >>> load_store("no_such_file.xlsx")
    Traceback (most recent call last):
    simlib.store.problems.StoreError: no_such_file.xlsx: there is no such file or folder.
    """
    store = read_store(path)
    wrong = [problem for problem in store.problems if not (figures_open and problem.loss == "missing")]
    if wrong:
        raise StoreError(store.problems)
    return store.model_copy(update={"problems": ()}) if store.problems else store


def read_store(path: str | Path) -> Store:
    """Read a store as far as it is right.

    A wrong cell that may be empty counts as blank, a wrong row is left out, a sheet that cannot be read counts as
    not filled in. What is typed wrong is never guessed at.

    Parameters
    ----------
    path : str or Path
        As for `load_store`.

    Returns
    -------
    Store
        Its ``problems`` list everything that is wrong, each with what was left out; there are none where
        `load_store` would give the store.

    Raises
    ------
    StoreError
        What is right is not enough to build anything: no store sheet, not one wave or not one agent.

    Examples
    --------
    >>> read_store("tests/stores/a1").problems
    ()
    """
    found = _check_once(Path(path))
    if found.store is None:
        raise StoreError(found.problems)
    return found.store


def _check_once(path: Path) -> StoreCheck:
    """Read a store once as long as its files stay as they are: every notebook of a run asks for it."""
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        found = [(file, file.stat()) for file in files if file.is_file()]
    except OSError:  # said in words where the store is read
        return check_store(path)
    stamp = tuple((file.name, stat.st_mtime_ns, stat.st_size) for file, stat in found)
    return _check_unchanged(path.absolute(), stamp)


@lru_cache(maxsize=8)
def _check_unchanged(path: Path, stamp: tuple[tuple[str, int, int], ...]) -> StoreCheck:
    return check_store(path)


def check_store(path: str | Path) -> StoreCheck:
    """Read a store and report what is wrong with it and what is worth knowing.

    Parameters
    ----------
    path : str or Path
        As for `load_store`.

    Returns
    -------
    StoreCheck
        ``store, problems, notices``; the store as `read_store` gives it, or None. Notices are sheets left empty,
        agents without an exam score, a queue that nobody serves; there are none as long as there are problems.

    Examples
    --------
    >>> found = check_store("tests/stores/a1")
    >>> len(found.store.agents), found.problems, found.notices[0].sheet
    (16, (), 'history')
    """
    path = Path(path)
    try:
        raw_sheets, of_files = read_source(path)
    except StoreError as error:
        return StoreCheck(None, error.problems, ())
    read = {key: ReadSheet(sheet=key) for key in SHEETS}
    problems = [replace(problem, loss="unread") for problem in of_files]
    problems += _read_known(raw_sheets, read)
    other_book = _find_other_book(raw_sheets, problems, read)
    if other_book:
        return StoreCheck(None, (other_book,), ())
    problems = _recognise_renamed(raw_sheets, problems, read)
    for sheet in NEEDED:
        if not read[sheet].cells and not read[sheet].problems:
            problems.append(Problem(message="sheet_needed", sheet=sheet, loss="sheet"))
    problems += checks.find_problems(read)
    problems += [problem for sheet in read.values() for problem in sheet.problems]
    problems = _without_consequences(problems, read)
    problems += checks.find_missing_figures(read, tuple(problems))
    if any(problem.loss != "missing" for problem in problems):  # asked with them, as it may explain some; else a notice
        problems += [replace(problem, loss="nothing") for problem in checks.find_exchanged(read)]
    problems.sort(key=_reading_order)
    store = _build(path, read, problems)
    notices = () if problems or store is None else tuple(checks.find_notices(store, read))
    return StoreCheck(store, tuple(problems), notices)


def _without_consequences(problems: Sequence[Problem], read: Mapping[str, ReadSheet]) -> list[Problem]:
    """Leave out complaints that only follow from another: once that one is corrected, they are gone."""
    renamed = {
        (problem.sheet, problem.nearest)
        for problem in problems
        if problem.message in ("column_unknown", "item_unknown")
    }
    misnamed = {problem.nearest for problem in problems if problem.message == "sheet_unknown"}
    spoiled = {
        (problem.sheet, problem.row)
        for problem in problems
        if problem.message in ("ratio_out_of_range", "share_not_percent")
    }
    under_merged = {(sheet, row) for sheet, found in read.items() for row in found.merged}
    hour_twice = any(problem.message == "hour_twice" for problem in problems)
    kept: list[Problem] = []
    lost: set[tuple[str | None, str | None]] = set()
    for problem in problems:
        place = problem.sheet, problem.column
        if problem.message in ("column_needed", "missing") and place in renamed:
            lost |= {place} if problem.message == "column_needed" else set()
        elif (
            (problem.message == "sheet_needed" and problem.sheet in misnamed)
            or (problem.message == "span_out_of_order" and (problem.sheet, problem.row) in spoiled)
            or (problem.message == "shares_not_one" and hour_twice)
            or (problem.message == "missing" and (problem.sheet, problem.row) in under_merged)
        ):
            continue
        else:
            kept.append(problem)
    return [replace(problem, loss="sheet") if (problem.sheet, problem.nearest) in lost else problem for problem in kept]


def _reading_order(problem: Problem) -> tuple[int, int]:
    sheets = list(SHEETS)
    place = sheets.index(problem.sheet) if problem.sheet in sheets else -1
    return place, problem.row or 0


def _build(path: Path, read: Mapping[str, ReadSheet], problems: Sequence[Problem]) -> Store | None:
    """Put together what the problems leave; None where that is too little. Every ratio has a default."""
    tables = {sheet: _take_out(found, [of for of in problems if of.sheet == sheet]) for sheet, found in read.items()}
    for reference in checks.REFERENCES:
        tables[reference.sheet] = tuple(_without_dangling(reference, tables, read))
    if not all(tables[sheet] for sheet in NEEDED if sheet != "ratios"):
        return None
    (store,) = tables.pop("store")
    return Store.model_validate({"store_id": store_id(path), "store": store, "problems": tuple(problems)} | tables)


def _take_out(found: ReadSheet, problems: Sequence[Problem]) -> tuple[Row, ...]:
    """Leave out of a sheet's sound rows what its problems cost."""
    costs = {problem.loss for problem in problems}
    if costs & {"sheet", "profile", "platforms", "intents"}:
        return ()
    gone = found.merged | {problem.row for problem in problems if problem.loss in ("row", "wave", "default")}
    queues = {problem.values["queue"] for problem in problems if problem.loss == "series"}
    blank: dict[int, set[str]] = defaultdict(set)
    for problem in problems:
        if problem.loss == "cell" and problem.row is not None and problem.column is not None:
            blank[problem.row].add(problem.column)
    return tuple(
        _blanked(row, blank[number])
        for number, row in found.rows
        if number not in gone and getattr(row, "queue", None) not in queues
    )


def _blanked(row: R, names: Iterable[str]) -> R:
    """Make a row with some cells as if they had been left blank."""
    return row.model_copy(update={name: type(row).model_fields[name].get_default() for name in names})


def _without_dangling(
    reference: checks.Reference, tables: Mapping[str, Sequence[Row]], read: Mapping[str, ReadSheet]
) -> Iterator[Row]:
    """Walk through a sheet's rows without what names a row of another sheet that was itself left out."""
    sheet, column, home, wanted = reference
    named = {cells.get(wanted) for _, cells in read[home].cells}
    lost = named - {getattr(row, wanted) for row in tables[home]} - {None}
    for row in tables[sheet]:
        if getattr(row, column) not in lost:
            yield row
        elif column not in SPEAKS_OF.get(sheet, ()):
            yield _blanked(row, [column])


def store_id(path: Path) -> str:
    """Make a name for a store's folder of results out of its file's name.

    Examples
    --------
    >>> store_id(Path("my shop (2).xlsx"))
    'my-shop-2'
    """
    stem = path.resolve().name if path.is_dir() else path.stem
    return re.sub(r"[^\w-]+", "-", stem).strip("-")[:80] or "store"


def _read_known(raw_sheets: Sequence[RawSheet], read: dict[str, ReadSheet]) -> Iterator[Problem]:
    """Read every sheet whose name we know; yield a problem for the others."""
    names = sheet_names()
    known, unknown = sort_sheets(raw_sheets, names)
    for key, (raw, *others) in known.items():
        _read_sheet(raw, read[key])
        for other in others:
            twins = {"first": raw.name, "second": other.name}
            if read[key].cells and _is_copy(other, of=raw, names=names):
                read[key].copies.append(twins)
            else:
                yield Problem(message="sheet_twice", sheet=key, values=twins, loss="second")
    free = tuple(key for key in SHEETS if not read[key].cells and not read[key].problems)
    for raw in unknown:
        near = nearest(raw.stem, names)
        allowed = free if near is None else ()
        yield Problem(message="sheet_unknown", sheet=raw.name, nearest=near, allowed=allowed, loss="unread")


def _recognise_renamed(
    raw_sheets: Sequence[RawSheet], problems: Sequence[Problem], read: Mapping[str, ReadSheet]
) -> list[Problem]:
    """Ask whether a sheet of an unknown name is the needed one that lacks, where its header fits that one alone."""
    missing = [sheet for sheet in NEEDED if not read[sheet].cells and not read[sheet].problems]
    unnamed = {each.sheet for each in problems if each.message == "sheet_unknown" and each.nearest is None}
    unknown = [raw for raw in raw_sheets if raw.name in unnamed and not raw.private]
    fitting = {sheet: [raw.name for raw in unknown if _is_headed(raw, sheet)] for sheet in missing}
    meant: dict[str | None, list[str]] = defaultdict(list)
    for sheet, names in fitting.items():
        if len(names) == 1:
            meant[names[0]].append(sheet)
    return [
        replace(problem, nearest=meant[problem.sheet][0], allowed=())
        if problem.sheet in unnamed and len(meant[problem.sheet]) == 1
        else problem
        for problem in problems
    ]


def _is_headed(raw: RawSheet, sheet: str) -> bool:
    """Return whether a sheet begins as a known one does: every column that it needs, or lines of item and value."""
    header = _find_header(raw, sheet)
    if header is None:
        return False
    at, tall = header
    names = column_names(sheet)
    heads = {names.get(fold(str(cell)[:NAME_MAX])) for cell in raw.rows[at][1] if not is_blank(cell)}
    return not tall or _needed(sheet) <= heads


def _find_other_book(
    raw_sheets: Sequence[RawSheet], problems: Sequence[Problem], read: Mapping[str, ReadSheet]
) -> Problem | None:
    """Find that a workbook is no store's, goals.xlsx for instance, so that one sentence does for all its sheets."""
    unknown = [problem for problem in problems if problem.message == "sheet_unknown"]
    needed = any(read[sheet].cells or read[sheet].problems for sheet in NEEDED)
    if needed or not unknown or any(problem.nearest in NEEDED for problem in unknown):
        return None
    sheets = tuple(raw.name for raw in raw_sheets)
    return Problem(message="other_book", values={"sheets": sheets[:SHEETS_NAMED], "needed": NEEDED}, loss="unread")


def _is_copy(other: RawSheet, *, of: RawSheet, names: Mapping[str, str]) -> bool:
    """Return whether the names show which of two sheets is meant; a hidden one may be the older of the two."""
    behind = of.visibility != "visible" and other.visibility == "visible"
    return rank_name(of.stem, names) < rank_name(other.stem, names) and not behind


def _read_sheet(raw: RawSheet, into: ReadSheet) -> None:
    """Find the header, then read every row under it."""
    if not raw.rows:
        return
    header = _find_header(raw, into.sheet)
    if header is None:
        into.complain("no_header", allowed=tuple(column.key for column in columns(into.sheet)), loss="sheet")
        return
    at, tall = header
    number, cells = raw.rows[at]
    merged, under = find_merged(raw, sheet=into.sheet, header=number)
    into.problems += merged
    into.merged |= under
    if tall:
        places = _match_columns(cells, number, into, column_names(into.sheet), _needed(into.sheet))
        rows = list(_below_header(raw.rows[at:], into))
        records = [(line, _pick(row, places)) for line, row in rows]
        _complain_of_stray_cells(rows, places, into)
        _read_records(records, into)
    else:
        places = _match_columns(cells, number, into, column_names("rules"), set())
        _read_store_lines(raw.rows[at:], places, into)
    into.hidden = find_hidden(raw, sheet=into.sheet, header=number, columns=places)


def _below_header(rows: Sequence[tuple[int, Sequence[Any]]], into: ReadSheet) -> Iterator[tuple[int, Sequence[Any]]]:
    """Walk through the rows below a header; where it stands once more, tables were pasted under each other."""
    (_, header), *below = rows
    for number, cells in below:
        if is_header_again(cells, header):
            into.complain("header_again", row=number, loss="nothing")
        else:
            yield number, cells


@cache
def _unit_headers() -> frozenset[str]:
    """Return the headers, folded, of the column that says the unit of a row's figures."""
    names = [UNIT, *(label(UNIT, lang) for lang in LANGS), "".join(label(UNIT, lang) for lang in LANGS)]
    return frozenset(fold(name) for name in names)


def _needed(sheet: str) -> set[str]:
    return {column.key for column in columns(sheet) if column.needed}


def _find_header(raw: RawSheet, sheet: str) -> tuple[int, bool] | None:
    """Find the header among the first rows, and whether it heads a table (or lines of item and value)."""
    names = column_names(sheet)
    for at, (_, cells) in enumerate(raw.rows[:HEADER_WITHIN_ROWS]):
        words = [fold(str(cell)[:NAME_MAX]) for cell in cells if not is_blank(cell)]
        if sheet == "store" and {"key", "value"} <= {column_names("rules").get(word) for word in words}:
            return at, False
        if is_header(cells, names):
            return at, True
    return None


def _match_columns(
    cells: Sequence[Any], number: int, into: ReadSheet, names: dict[str, str] | Any, needed: set[str]
) -> list[str | None]:
    """Return the column of every header cell; None for one without a name, or one nobody knows."""
    places: list[str | None] = []
    unknown: list[Any] = []
    for cell in cells:
        if is_blank(cell):
            places.append(None)
            continue
        key = names.get(fold(str(cell)[:NAME_MAX]))
        if key is None and into.sheet in WITH_UNIT and fold(str(cell)[:NAME_MAX]) in _unit_headers():
            key = UNIT
        if key is None:
            unknown.append(cell)
        elif key in places:
            into.complain("column_twice", row=number, column=key, loss="second")
            key = ""
        places.append(key or "")
    into.absent = needed - set(places)
    free = [column.key for column in columns(into.sheet) if column.key not in places]
    wanted = tuple(key for key in free if key in into.absent) or tuple(free)
    for cell in unknown:
        near = nearest(str(cell), names) or (wanted[0] if len(unknown) == len(into.absent) == 1 else None)
        allowed = wanted if near is None else ()
        into.complain("column_unknown", row=number, value=shown(cell), nearest=near, allowed=allowed, loss="unread")
    for key in [column.key for column in columns(into.sheet) if column.key in into.absent]:
        into.complain("column_needed", row=number, column=key, loss="sheet")
    return places


def _pick(cells: Sequence[Any], places: Sequence[str | None]) -> dict[str, Any]:
    return {key: cell for key, cell in zip(places, cells, strict=False) if key and not is_blank(cell)}


def _complain_of_stray_cells(
    rows: Sequence[tuple[int, Sequence[Any]]], places: Sequence[str | None], into: ReadSheet
) -> None:
    headless = {at for at, key in enumerate(places) if key is None}
    for number, cells in rows:
        for stray in find_stray(cells, headless, sheet=into.sheet, row=number, width=len(places)):
            into.complain(stray.message, row=number, value=stray.value, loss=stray.loss)


def _read_store_lines(rows: Sequence[tuple[int, Sequence[Any]]], places: Sequence[str | None], into: ReadSheet) -> None:
    """Read the sheet ``store``: one item a line, with its value; a note beside it is a remark."""
    number, _ = rows[0]
    names = column_names("store")
    lines: dict[str, int] = {}
    record: dict[str, Any] = {}
    for line, cells in rows[1:]:
        picked = _pick(cells, places)
        item = picked.get("key")
        if item is None:
            if "value" in picked:
                into.complain("missing", row=line, column="key", loss="unread")
            continue
        key = names.get(fold(str(item)))
        if key is None:
            near = nearest(str(item), names)
            into.complain("item_unknown", row=line, value=shown(item), nearest=near, loss="unread")
        elif key in lines:
            into.complain("item_twice", row=line, column=key, loss="second")
        else:
            lines[key] = line
            if "value" in picked:
                record[key] = picked["value"]
    _read_records([(number, record)], into, lines)


def _read_records(
    records: Sequence[tuple[int, dict[str, Any]]], into: ReadSheet, lines: dict[str, int] | None = None
) -> None:
    """Read the cells of every record and build its row; ``lines`` gives a column its own line."""
    known = {column.key: (column, column.spelled()) for column in columns(into.sheet)}
    needed = _needed(into.sheet)
    may_be_blank = known.keys() - needed - SPEAKS_OF.get(into.sheet, set())
    model = SHEETS[into.sheet]
    for number, record in records:
        typed_unit = record.pop(UNIT, None) if into.sheet in WITH_UNIT else None
        if into.sheet != "store" and not record.keys() - DESCRIBING.get(into.sheet, {"note"}):
            continue
        if into.sheet != "store" and adds_up(record, needed):
            into.totals.append(number)
            continue
        values: dict[str, Any] = {}
        errors: dict[str, CellError] = {}
        for key in sorted(record, key=lambda key: known[key][0].kind in FIGURES):  # what decides the unit comes first
            column, spelled = known[key]
            cell = record[key]
            if column.kind == "text" and key not in needed and says_nothing(cell, promo=key == "promo"):
                continue
            unit = column.unit
            if column.kind in FIGURES:
                _resolve_names(into.sheet, values)
                own = unit_of_row(into.sheet, values)
                unit = column.unit if own is None else own
                cell = _with_unit(cell, typed_unit, unit)
            try:
                value = read_cell(cell, column.kind, spelled, unit=unit, begins=key == "start")
            except CellError as error:
                errors[key] = error
                continue
            if value is not None:
                values[key] = value
                if column.kind in FIGURES and (
                    isinstance(cell, Percent) or str(cell).rstrip().endswith(("%", "\uff05"))
                ):
                    into.percents[number, key] = cell
                if key == "end" and DAY_END.search(str(cell)[-NAME_MAX:]):
                    into.day_ends.add(number)
        into.cells.append((number, values))
        _resolve_names(into.sheet, values)
        row, details = _fit(model, values, may_be_blank)
        cost: Loss = "cell"
        if row is None or not errors.keys() <= may_be_blank:
            cost = COST_OF_ROW.get(into.sheet, "row")
        else:
            into.rows.append((number, row))
        for key, wrong in errors.items():
            _complain_of_cell(into, (lines or {}).get(key, number), known[key][0], record[key], wrong, cost)
        for detail in details:
            _complain_of_row(into, number, record, errors.keys(), detail, lines or {}, cost)


def _with_unit(cell: Any, typed: Any, unit: str) -> Any:
    """Put the unit that a row says in its own column behind a bare figure, unless it is meant anyway."""
    if typed is None or isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return cell
    word = fold(str(typed)[:NAME_MAX])
    usual = {fold(name) for name in (unit, *(unit_label(unit, lang) for lang in LANGS))}
    bare = not isinstance(cell, str) or re.fullmatch(r"[\d.,\s]+", cell) is not None
    if not word or word in usual or not bare or says_nothing(typed):
        return cell
    return f"{cell:.15g}{typed}" if isinstance(cell, float) else f"{cell}{typed}"


def _fit(model: type[Row], values: Mapping[str, Any], may_be_blank: Set[str]) -> tuple[Row | None, list[Any]]:
    """Build a row, without the cells that it complains of if that is enough; give it with the first complaints."""
    try:
        return model.model_validate(values), []
    except ValidationError as error:
        details = error.errors()
    wrong = {_column_of(detail) for detail in details}
    if not wrong <= may_be_blank & values.keys():
        return None, details
    rest = {key: value for key, value in values.items() if key not in wrong}
    return _fit(model, rest, may_be_blank)[0], details


def _column_of(detail: Any) -> str:
    """Return the column that a complaint of the model is about."""
    return str(detail["loc"][0] if detail["loc"] else detail["ctx"]["column"])


def _resolve_names(sheet: str, values: dict[str, Any]) -> None:
    """Turn the label of a ratio, a rule or a KPI into its key, where it is known."""
    if sheet == "ratios" and "key" in values:
        values["key"] = known_keys("ratios").get(fold(values["key"]), values["key"])
    elif sheet == "rules" and "key" in values:
        values["key"] = known_keys("labour").get(fold(values["key"]), values["key"])
    elif sheet == "goals" and "kpi" in values:
        values["kpi"] = known_terms().get(fold(values["kpi"]), values["kpi"])


def _complain_of_cell(into: ReadSheet, row: int, column: Column, cell: Any, error: CellError, cost: Loss) -> None:
    found = meant_choice(str(cell), column) if error.message == "not_choice" else None
    into.complain(
        error.message,
        row=row,
        column=column.key,
        value=shown(cell),
        values=error.values,
        allowed=column.allowed_in_words if error.message in SHOW_ALLOWED else (),
        nearest=column.choices[found] if found else None,
        loss=cost,
    )


def _complain_of_row(
    into: ReadSheet,
    number: int,
    record: dict[str, Any],
    spoiled: Set[str],
    detail: Any,
    lines: dict[str, int],
    cost: Loss,
) -> None:
    """Turn one complaint of the model into a problem; what a spoiled cell caused is left out."""
    key = _column_of(detail)
    if key in spoiled or key in into.absent:
        return
    place: dict[str, Any] = {"row": lines.get(key, number), "column": key, "loss": cost}
    column = next(column for column in columns(into.sheet) if column.key == key)
    if detail["type"] == "missing":
        into.complain("missing", allowed=column.allowed if column.choices else (), **place)
        return
    if key in record:
        place["value"] = shown(record[key])
    context = detail.get("ctx", {})
    if detail["type"] in ("greater_than_equal", "less_than_equal", "greater_than", "finite_number"):
        if column.kind == "share" and key in record:
            place["value"], meant = shown_share(record[key])
            if meant:
                into.complain("share_not_percent", values=meant, allowed=column.allowed_in_words, **place)
                return
        into.complain("out_of_range", allowed=column.allowed_in_words, **place)
    elif detail["type"] == "string_too_long":
        into.complain("too_long", values={"limit": context["max_length"]}, **place)
    else:
        into.complain(detail["type"], **place)
