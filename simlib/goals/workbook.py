"""The workbook ``goals.xlsx``: written empty or with a store's rows, read with every mistake named by its cell."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from simlib import facts
from simlib.goals.pay import project_rewards
from simlib.goals.scores import score_sheet
from simlib.goals.sheets import CHOICES, OPEN_SHEETS, SETTINGS, SHEETS, UNIQUE, Kind
from simlib.kpis import BETTER
from simlib.messages import LANGS, Lang, Message, UserError, glossary, label, translate
from simlib.store.cells import CellError, Formula, fold, is_blank, read_cell, shown
from simlib.store.checks import ROWS_TO_JUDGE_HEADERS
from simlib.store.columns import adds_up, is_header, known_terms, nearest
from simlib.store.problems import Problem, StoreError, note_totals
from simlib.store.sources import (
    HEADER_WITHIN_ROWS,
    RawSheet,
    find_beside,
    find_hidden,
    read_below,
    read_source,
    sort_sheets,
)

__all__ = [
    "SHEETS",
    "GoalsWorkbook",
    "check_goals_workbook",
    "find_goals_workbook",
    "read_goals_workbook",
    "write_goals_template",
]

BOOK_NAME = "goals.xlsx"
UNIT_OF = {"score": "points", "points": "points", "work_done": "share", "round_cny": "CNY"}
SPEAKS_OF = frozenset({"queue", "cohort"})  # left blank, a row would speak of everybody
SHARE_SURELY_PERCENT = 10  # of a figure that may lie above one: a thousand per cent and more is no share (our choice)
MADE_ON = dt.datetime(2026, 1, 1)  # one date for every template, so that the same version gives the same bytes


@dataclass(frozen=True, kw_only=True)
class GoalsWorkbook:
    """What a store filled in.

    Attributes
    ----------
    tables : dict of str to DataFrame
        One frame per sheet with the columns of ``SHEETS``; schemes and results also source_file and source_row, so
        that a refusal and a dispute name the row. A sheet that is not there is empty.
    folder : Path or None
        Where the workbook stands; a folder of exports is looked for beside it.
    problems : tuple of Problem
        What is wrong in the sheets, by row.
    notices : tuple of Problem
        What is read although Excel does not show it, and rows that add up others and are not read.
    """

    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    folder: Path | None = None
    problems: tuple[Problem, ...] = ()
    notices: tuple[Problem, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True if nobody has filled in anything."""
        return all(table.empty for table in self.tables.values())


@dataclass(frozen=True, kw_only=True)
class _RuleProblem(Problem):
    """A problem of a whole sheet whose words are those of the goals chapter."""

    what: UserError

    def text(self, lang: Lang) -> str:
        """Return the place and what is wrong, in one language."""
        return self._place(lang) + self.what.text(lang)


def write_goals_template(
    path: str | Path, *, lang: Lang, rows: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
) -> None:
    """Write the workbook to fill in: a header with notes, lists to choose from, and the five project rewards.

    The rewards bear no dates, so that none is paid before somebody has announced it.

    Parameters
    ----------
    path : str or Path
        The ``.xlsx`` file; one that is there is replaced.
    lang : {"zh", "en"}
        Language of the notes.
    rows : mapping of sheet to rows, optional
        What to fill in; a sheet that is not named keeps its examples.
    """
    from xlsxwriter import Workbook

    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(buffer, options) as book:
        book.set_properties({"created": MADE_ON})
        head = book.add_format({"bold": True, "text_wrap": True, "font_color": "#FFFFFF", "bg_color": "#1F4E79"})
        free = book.add_format({"bold": True, "text_wrap": True, "font_color": "#FFFFFF", "bg_color": "#7F7F7F"})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for sheet, columns in SHEETS.items():
            filled = (rows or {}).get(sheet)
            records = _examples(sheet) if filled is None else filled
            if sheet in OPEN_SHEETS:
                own = dict.fromkeys(name for row in records for name in row)
                columns = {**columns, **{name: ("any", False) for name in own if name not in columns}}
            page = book.add_worksheet(f"{_label(sheet, 'zh')} {sheet}")
            page.freeze_panes(1, 0)
            page.set_row(0, 32)
            for at, (name, (kind, needed)) in enumerate(columns.items()):
                page.write_string(0, at, f"{_label(name, 'zh')}\n{name}", head if needed else free)
                page.write_comment(0, at, _explain(name, kind, needed, lang), {"x_scale": 2, "author": ""})
                page.set_column(at, at, 30 if name in ("where", "metric", "bands", "note") else 14)
                if kind == "date":
                    page.set_column(at, at, 12, day)
                if kind == "choice":
                    page.data_validation(1, at, 500, at, {"validate": "list", "source": list(CHOICES[name])})
            for number, row in enumerate(records, start=1):
                for at, name in enumerate(columns):
                    _write(page, number, at, row.get(name))
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.write_bytes(buffer.getvalue())
    part.replace(target)


def _write(page: Any, row: int, at: int, value: object) -> None:
    """Write a cell by the type of its value; text is never a formula."""
    if is_blank(value):
        return
    if isinstance(value, int | float) and not isinstance(value, bool):
        page.write_number(row, at, value)
    else:
        page.write_string(row, at, str(value))


def _examples(sheet: str) -> list[dict[str, Any]]:
    if sheet == "schemes":
        rows = project_rewards(announced_on=MADE_ON.date(), pay_on=MADE_ON.date()).to_dict("records")
        return [{**row, "announced_on": None, "pay_on": None} for row in rows]
    if sheet == "scores":
        return [
            {
                "sheet": row.sheet,
                "part": row.part,
                "item": row.key,
                "weight": float(row.value),
                "better": row.better,
                "bands": "; ".join(f"{bound}:{points}" for bound, points in row.bands),
            }
            for row in facts.table("score_sheets").itertuples()
        ]
    return []


def _term(name: str) -> str:
    return f"pay_{name}" if f"pay_{name}" in glossary() else name


def _label(name: str, lang: Lang) -> str:
    term = _term(name)
    return label(term, lang) if term in glossary() else name


def _explain(name: str, kind: Kind, needed: bool, lang: Lang) -> str:
    """Return what a column wants: its meaning, whether it must be filled in, and what is allowed."""
    term = _term(name)
    parts = [glossary()[term][f"definition_{lang}"]] if term in glossary() else []
    parts.append(translate("store.column_needed_mark" if needed else "store.column_optional_mark", lang))
    if kind == "choice":
        parts.append(translate("store.allowed", lang, choices=translate("store.list_mark", lang).join(CHOICES[name])))
    return "\n".join(parts)


def find_goals_workbook(store: str | Path) -> GoalsWorkbook:
    """Read what stands beside a store: ``goals.xlsx`` in its folder; ``<store>.goals.xlsx``, else ``goals.xlsx``.

    Without one every sheet is empty; one that cannot be opened is a problem, and every sheet is empty too. A plan asks
    several times: a file that has not changed since is read once.
    """
    found = find_beside(store, BOOK_NAME)
    if found is None:
        return GoalsWorkbook(tables=_empty_tables())
    stamp = found.stat()
    kept = _read_once(found, stamp.st_mtime_ns, stamp.st_size)
    return replace(kept, tables={sheet: table.copy() for sheet, table in kept.tables.items()})


@lru_cache(maxsize=4)
def _read_once(path: Path, _mtime_ns: int, _size: int) -> GoalsWorkbook:
    try:
        workbook, problems = check_goals_workbook(path)
    except StoreError as error:
        return GoalsWorkbook(tables=_empty_tables(), folder=path.parent, problems=error.problems)
    return replace(workbook, problems=problems)


def _empty_tables() -> dict[str, pd.DataFrame]:
    return {sheet: pd.DataFrame(columns=list(columns), dtype=object) for sheet, columns in SHEETS.items()}


def read_goals_workbook(path: str | Path) -> GoalsWorkbook:
    """Read ``goals.xlsx`` (or a folder of the same sheets as CSV) and refuse it with all its problems at once.

    Raises
    ------
    StoreError
        Each problem names sheet, row, column, value and what is allowed.
    """
    workbook, problems = check_goals_workbook(path)
    if problems:
        raise StoreError(problems)
    return workbook


def check_goals_workbook(path: str | Path) -> tuple[GoalsWorkbook, tuple[Problem, ...]]:
    """Read the workbook as far as it is right: a wrong cell counts as empty, a row without a needed cell is left out.

    Raises
    ------
    StoreError
        The file cannot be read at all.
    """
    path = Path(path)
    raw, found = read_source(path)
    problems = list(found)
    names: dict[str, str] = {}
    for sheet in SHEETS:
        zh, en = _label(sheet, "zh"), _label(sheet, "en")
        names |= {fold(name): sheet for name in (zh + sheet, zh + en, en, zh)}
    names |= {fold(sheet): sheet for sheet in SHEETS}
    tables = _empty_tables()
    notices: list[Problem] = []
    known, unknown = sort_sheets(raw, names)
    for page in unknown:
        allowed = tuple(map(_term, SHEETS))
        problems.append(Problem(message="sheet_unknown", sheet=page.name, allowed=allowed, loss="unread"))
    for sheet, (page, *others) in known.items():
        tables[sheet] = _read_sheet(sheet, page, path.name, problems, notices)
        for other in others:
            twins = {"first": page.name, "second": other.name}
            problems.append(Problem(message="sheet_twice", sheet=sheet, values=twins, loss="second"))
    problems += _check_sheets(tables)
    tables = {sheet: table.reset_index(drop=True) for sheet, table in tables.items()}
    return GoalsWorkbook(tables=tables, folder=path.parent, notices=tuple(notices)), tuple(problems)


def _read_sheet(sheet: str, page: RawSheet, file: str, problems: list[Problem], notices: list[Problem]) -> pd.DataFrame:
    """Read a sheet; the index of its table is the row as Excel numbers it."""
    columns = SHEETS[sheet]
    placed = sheet in ("schemes", "results")
    page = replace(page, rows=[row for row in page.rows if not all(is_blank(cell) for cell in row[1])])
    if not page.rows:
        return pd.DataFrame(columns=list(columns), dtype=object)
    known = _name_columns(sheet)
    heads = (
        at for at, (_, cells) in enumerate(page.rows[:HEADER_WITHIN_ROWS]) if is_header(cells, known, own_columns=True)
    )
    at_header = next(heads, 0)  # below a title, if there is one
    top, heading = page.rows[at_header]
    header = _read_header(sheet, page.rows[at_header], known, problems)
    needs = {name for name, (_, needed) in columns.items() if needed}
    place_of = {name: at for at, name in enumerate(columns)}

    def order(name: str) -> int:
        return place_of.get(name, len(place_of))

    records: list[dict[str, Any]] = []
    lines: list[int] = []
    totals: list[int] = []
    for number, cells in read_below(page, at_header, sheet=sheet, problems=problems):
        given = {name: cells[at] for at, name in header.items() if at < len(cells) and not is_blank(cells[at])}
        if not given:
            continue
        if adds_up(given, needs):
            totals.append(number)
            continue
        record: dict[str, Any] = {}
        unsure = False
        for name in sorted(given, key=order):  # what a row speaks of decides the unit of its figures
            unit = _unit_of(sheet, name, record)
            kind = _kind_of(sheet, name, record)
            before = len(problems)
            record[name] = _read(sheet, number, name, given[name], problems, kind=kind, unit=unit)
            unsure |= name in SPEAKS_OF and len(problems) > before
        lacking = [name for name, (_, needed) in columns.items() if needed and record.get(name) is None]
        for name in lacking:
            if name not in given:
                problems.append(Problem(message="missing", sheet=sheet, row=number, column=_term(name), loss="row"))
        if not lacking and not unsure:
            lines.append(number)
            records.append(record | ({"source_file": file, "source_row": number} if placed else {}))
    strange = [name for name in header.values() if name not in columns]
    wanted = [*columns, *strange, *(["source_file", "source_row"] if placed else [])]
    if records or totals:
        seen = [_term(header[at]) if at in header else None for at in range(len(heading))]
        notices += [*note_totals(sheet, totals), *find_hidden(page, sheet=sheet, header=top, columns=seen)]
    return pd.DataFrame(records, index=lines, columns=wanted, dtype=object)


def _unit_of(sheet: str, name: str, record: Mapping[str, Any]) -> str:
    """Return the unit of a column; of a goal it is that of its KPI, of a setting that of its name."""
    if sheet == "goals":
        return str(glossary().get(str(record.get("kpi")), {}).get("unit", ""))
    if sheet == "settings":
        setting = str(record.get("setting"))
        return "CNY" if setting.endswith("_cny") else "" if setting.endswith("_factor") else "times"
    return str(UNIT_OF.get(name) or glossary().get(_term(name), {}).get("unit", ""))


def _kind_of(sheet: str, name: str, record: Mapping[str, Any]) -> Kind:
    """Return what a cell is; a setting decides it for its value, and a goal of a share is one."""
    if sheet == "settings" and name == "value":
        return SETTINGS.get(str(record.get("setting")), "text")
    kind = SHEETS[sheet].get(name, ("any", False))[0]
    return "share" if kind == "number" and _unit_of(sheet, name, record) == "share" else kind


def _name_columns(sheet: str) -> dict[str, str]:
    """Return the column that each folded heading means."""
    known: dict[str, str] = {}
    for name in SHEETS[sheet]:
        zh, en = _label(name, "zh"), _label(name, "en")
        for text in (name, zh, en, zh + name, zh + en):
            known.setdefault(fold(text), name)
    return known


def _read_header(
    sheet: str, row: tuple[int, Sequence[Any]], known: Mapping[str, str], problems: list[Problem]
) -> dict[int, str]:
    number, cells = row
    header: dict[int, str] = {}
    for at, cell in enumerate(cells):
        if is_blank(cell):
            continue
        text = str(cell).strip()
        name = known.get(fold(text), text.splitlines()[-1] if sheet in OPEN_SHEETS else "")
        if not name:
            allowed = tuple(_term(one) for one in SHEETS[sheet])
            unknown = Problem(message="column_unknown", sheet=sheet, row=number, column=text, allowed=allowed)
            problems.append(replace(unknown, loss="unread"))
        elif name in header.values():
            problems.append(Problem(message="column_twice", sheet=sheet, row=number, column=_term(name), loss="second"))
        else:
            header[at] = name
    for name, (_, needed) in SHEETS[sheet].items():
        if needed and name not in header.values():
            problems.append(Problem(message="column_needed", sheet=sheet, row=number, column=_term(name), loss="sheet"))
    return header


def _read(sheet: str, number: int, name: str, value: object, problems: list[Problem], *, kind: Kind, unit: str) -> Any:
    choices = {fold(word): choice for choice in CHOICES.get(name, ()) for word in _words_of(name, choice)}
    try:
        if sheet == "goals" and name == "kpi":
            terms = known_terms()
            kpi = terms.get(fold(str(value)))
            if kpi is None:
                near = nearest(str(value), terms)
                place: dict[str, Any] = {"sheet": sheet, "row": number, "column": name, "loss": "row"}
                problems.append(Problem(message="kpi_unknown", value=shown(value), nearest=near, **place))
            return kpi
        if kind != "any":
            return read_cell(value, kind, choices if kind == "choice" else None, unit=unit)
        text = read_cell(value, "note") if isinstance(value, str | Formula) else value
        return _read_figure(text, unit) if sheet == "results" else text
    except CellError as error:
        allowed = CHOICES.get(name, ()) if kind == "choice" else ()
        problems.append(
            Problem(
                message=error.message,
                sheet=sheet,
                row=number,
                column=_term(name),
                value=shown(value),
                values=error.values,
                allowed=allowed,
                loss="row" if SHEETS[sheet].get(name, ("any", False))[1] or name in SPEAKS_OF else "cell",
            )
        )
        return None


def _words_of(name: str, choice: str) -> tuple[str, ...]:
    """Return how a choice may be written: by its key, and a queue by its names too."""
    return (choice, *(label(choice, lang) for lang in LANGS)) if name == "queue" else (choice,)


def _read_figure(value: Any, unit: str) -> Any:
    """Read a figure as people type it, 95% or 30 in full-width digits; a text that is none stays a text.

    A share far above one, beside others that are shares, is a percentage without its sign.
    """
    figure = value
    if isinstance(value, str):
        try:
            figure = read_cell(value, "number", unit=unit)
        except CellError as error:
            if error.message == "not_number":
                return value
            raise
    if unit == "share" and isinstance(figure, int | float) and SHARE_SURELY_PERCENT <= figure <= 1000:
        raise CellError("share_not_percent", hint=f"{shown(figure)}%", part=shown(figure / 100))
    return figure


def _check_sheets(tables: dict[str, pd.DataFrame]) -> list[Problem]:
    """Check what only whole sheets show, and leave out what cannot be used.

    Rows that stand twice, floors beyond their stretch, prizes paid before they are announced, weights and bands.
    """
    found: list[Problem] = _check_goals(tables)
    for sheet, keys in UNIQUE.items():
        table = tables[sheet]
        seen: dict[tuple[str, ...], int] = {}
        seen_cohort: dict[tuple[str, ...], Any] = {}
        twice: list[int] = []
        for position, (number, row) in enumerate(zip(table.index, table.to_dict("records"), strict=True)):
            key = tuple(str(row.get(name)) for name in keys)
            if key in seen and sheet == "results" and row.get("cohort") != seen_cohort[key]:
                both = [str(one) for one in (seen_cohort[key], row.get("cohort"))]
                cohorts = Message("goals.two_cohorts", person=key[0], cohorts=both, first=seen[key])
                problem = _RuleProblem(message="", sheet=sheet, row=number, what=UserError(cohorts), loss="second")
                found.append(problem)
            elif key in seen:
                value = ", ".join(part for part in key if part not in ("None", "nan"))
                found.append(
                    Problem(
                        message="stands_twice",
                        sheet=sheet,
                        row=number,
                        column=_term(keys[0]),
                        value=value,
                        values={"first": seen[key]},
                        loss="second",
                    )
                )
            if key in seen and sheet != "schemes":
                twice.append(position)
            seen.setdefault(key, number)
            seen_cohort.setdefault(key, row.get("cohort"))
        tables[sheet] = table.drop(index=table.index[twice])
    prizes = tables["prizes"]
    for row in prizes.itertuples():
        if row.pay_on < row.announced_on:
            what = UserError(Message("goals.days_out_of_order", announced=row.announced_on, pay=row.pay_on))
            found.append(_RuleProblem(message="", sheet="prizes", row=row.Index, what=what, loss="nothing"))
    scores = tables["scores"]
    for sheet in dict.fromkeys(scores["sheet"]):
        try:
            score_sheet(str(sheet), scores)
        except UserError as error:
            rows = tuple(int(number) for number in scores.index[scores["sheet"] == sheet])
            where: dict[str, Any] = {"sheet": "scores", "row": rows[0], "rows": rows, "value": str(sheet)}
            found.append(_RuleProblem(message="", what=error, loss="sheet", **where))
    return found


def _check_goals(tables: dict[str, pd.DataFrame]) -> list[Problem]:
    """Leave out each goal whose stretch asks for less than its floor, and report it.

    Where that holds of every goal, of two at least, the headers are likely to be exchanged: that is one question.
    """
    table = tables["goals"]
    wrong: list[int] = []
    found: list[Problem] = []
    right = 0
    for row in table.itertuples():
        if is_blank(row.stretch):
            continue
        sign = -1 if BETTER.get(str(row.kpi), "higher") == "lower" else 1
        if sign * (row.stretch - row.floor) < 0:
            wrong.append(row.Index)
            what = UserError(Message("goals.levels_cross", kpi=str(row.kpi), floor=row.floor, stretch=row.stretch))
            found.append(_RuleProblem(message="", sheet="goals", row=row.Index, what=what, loss="row"))
        right += sign * (row.stretch - row.floor) > 0
    if len(wrong) >= ROWS_TO_JUDGE_HEADERS and not right:
        first = table.loc[wrong[0]]
        place: dict[str, Any] = {"sheet": "goals", "row": wrong[0], "rows": tuple(wrong), "column": "floor"}
        typed = (shown(first["floor"]), shown(first["stretch"]))
        found = [Problem(message="levels_exchanged", columns=("floor", "stretch"), typed=typed, loss="row", **place)]
    tables["goals"] = table.drop(index=wrong)
    return found
