"""Write a store: the empty workbook to fill in, and a store back into a workbook or a folder of tables."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from simlib import facts
from simlib.files import write_file
from simlib.messages import Lang, glossary, label, translate
from simlib.store.cells import fold, spellings
from simlib.store.columns import (
    Column,
    choice_label,
    columns,
    key_label,
    known_keys,
    known_terms,
    sheet_names,
    sheet_title,
    unit_of_row,
)
from simlib.store.models import NEEDED, SHEETS, Row, Store
from simlib.store.problems import StoreError, coded_label, unit_label
from simlib.store.sources import TABLE_ENDINGS, guard, read_source, refuse

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

MADE_ON = dt.datetime(2026, 1, 1)  # one date for every workbook, so that the same store gives the same bytes
LISTS_SHEET = "_lists"
EMPTY_ROWS = 500
WIDTHS = {"text": 18, "code": 12, "money": 14, "datetime": 17, "date": 12, "time": 9, "spans": 26}
FORMATS = {"share": "0.0%", "money": "#,##0.00", "datetime": "yyyy-mm-dd hh:mm", "date": "yyyy-mm-dd", "time": "hh:mm"}
NEEDED_COLOUR, OPTIONAL_COLOUR = "#1F4E79", "#7F7F7F"

UNIT = Column(key="unit", kind="text", needed=False)
Record = Mapping[str, Any]


def write_template(path: str | Path, lang: Lang) -> None:
    """Write the empty workbook that a store fills in.

    One sheet per table, a header in both languages, lists to choose from, a note that says what to fill in, and a page
    with example rows to copy. The ratios are filled in with the figures of the field, each with its unit and what it
    rests on, so that a newcomer can begin.

    Parameters
    ----------
    path : str or Path
        The ``.xlsx`` file to write; one that is there is replaced.
    lang : {"zh", "en"}
        Language of notes, lists and the page that explains.

    Examples
    --------
    >>> import tempfile
    >>> from simlib.store import check_store
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_template(Path(folder) / "new.xlsx", "en")
    ...     store, problems, notices = check_store(Path(folder) / "new.xlsx")
    >>> sorted({problem.sheet for problem in problems})
    ['agents', 'store', 'waves']
    """
    tables: dict[str, list[Record]] = {sheet: [] for sheet in SHEETS}
    tables["store"] = [{}]
    tables["ratios"] = [_default_ratio(key, lang) for key in dict.fromkeys(facts.table("ratios")["key"])]
    _write_whole(Path(path), _workbook_bytes(tables, lang, kept={}))


def save_store(store: Store, path: str | Path, lang: Lang = "zh") -> None:
    """Write a store as a workbook (a path that ends in ``.xlsx``) or as a folder of CSV and YAML tables.

    The file appears whole or not at all. Sheets of the user's own (a name with ``_`` in front) are kept with
    their values; of a folder only the tables that change are written.

    Raises
    ------
    StoreError
        The store is only what was right in its data; saved, what was left out would be gone for good.

    Examples
    --------
    >>> import tempfile
    >>> from simlib.store import load_store
    >>> store = load_store("tests/stores/a1")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_store(store, Path(folder) / "a1.xlsx")
    ...     load_store(Path(folder) / "a1.xlsx") == store
    True
    """
    if store.problems:
        raise StoreError(store.problems)
    path = Path(path)
    tables: dict[str, list[Record]] = {sheet: _records(store, sheet) for sheet in SHEETS}
    if path.suffix.lower() == ".xlsx":
        kept = _own_sheets(path) if path.exists() else {}
        _write_whole(path, _workbook_bytes(tables, lang, kept))
    else:
        _save_folder(tables, path)


def _records(store: Store, sheet: str) -> list[Record]:
    rows: Sequence[Row] = (store.store,) if sheet == "store" else getattr(store, sheet)
    return [{key: getattr(row, key) for key in SHEETS[sheet].model_fields} for row in rows]


def _default_ratio(key: str, lang: Lang) -> Record:
    """Take a ratio from the facts, with a note that says what it is and what it rests on, in one language.

    One that differs by platform stays empty: left so, the store's platform decides.
    """
    rows = [row for row in facts.table("ratios").to_dict("records") if row["key"] == key]
    definition = glossary()[key][f"definition_{lang}"]
    by_platform = [f"{label(row['platform'], lang)} {row['value']:g}" for row in rows if row["platform"]]
    if by_platform:
        figures = translate("store.list_mark", lang).join(by_platform)
        return {"key": key, "note": translate("store.ratio_by_platform", lang, definition=definition, figures=figures)}
    row = rows[0]
    basis = translate(f"store.basis_{row['status']}", lang)
    note = translate("store.ratio_note", lang, definition=definition, basis=basis)
    source = "ours" if row["status"] == "ours" else "field"
    return {"key": key, "low": row["low"], "likely": row["value"], "high": row["high"], "source": source, "note": note}


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    try:
        write_file(path, data)
    except PermissionError as error:  # on Windows a workbook that is open in Excel cannot be replaced
        raise refuse(path, "file_in_use") from error


# --- the workbook


def _own_sheets(path: Path) -> dict[str, list[Sequence[Any]]]:
    """Read the sheets that are the user's own business, to carry them over."""
    kept: dict[str, list[Sequence[Any]]] = {}
    for raw in read_source(path)[0]:
        if raw.private and raw.name.startswith("_") and raw.name != LISTS_SHEET:
            lines = dict(raw.rows)
            kept[raw.name] = [lines.get(number, ()) for number in range(1, max(lines, default=0) + 1)]
    return kept


def _workbook_bytes(tables: Mapping[str, list[Record]], lang: Lang, kept: Mapping[str, list[Sequence[Any]]]) -> bytes:
    from xlsxwriter import Workbook

    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(buffer, options) as book:
        book.set_properties({"created": MADE_ON})
        styles = _Styles(book)
        _write_readme(book.add_worksheet(_page_title("readme")), styles, lang)
        _write_examples(book.add_worksheet(_page_title("examples")), styles, lang)
        for sheet, records in tables.items():
            page = book.add_worksheet(sheet_title(sheet))
            if sheet == "store":
                _write_store_lines(page, styles, records[0], lang)
            else:
                remark: Record = {"note": translate(f"store.fill_{sheet}", lang)}
                _write_table(page, styles, sheet, records or [remark], lang)
        for name, rows in kept.items():
            page = book.add_worksheet(name)
            for number, cells in enumerate(rows):
                for at, cell in enumerate(cells):
                    _write_cell(page, styles, number, at, cell)
        _write_lists(book.add_worksheet(LISTS_SHEET), lang)
    return buffer.getvalue()


def _page_title(page: str) -> str:
    return f"{translate(f'store.{page}_title', 'zh')} {translate(f'store.{page}_title', 'en')}"


def _laid_out(sheet: str) -> tuple[Column, ...]:
    """Return the columns of a sheet as the workbook shows them, with the unit beside figures whose row decides it."""
    laid = columns(sheet)
    if sheet not in ("ratios", "rules", "goals"):
        return laid
    at = 1 + max(number for number, column in enumerate(laid) if column.kind == "number")
    return (*laid[:at], UNIT, *laid[at:])


def _shown(sheet: str, column: Column, record: Record, lang: Lang) -> Any:
    """Return what a record shows in a column; its unit is worked out."""
    if column is UNIT:
        return unit_label(unit_of_row(sheet, record) or "", lang) or None
    return record.get(column.key)


class _Styles:
    """The cell formats of one workbook, made when first asked for."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._made: dict[tuple[tuple[str, Any], ...], Any] = {}

    def get(self, **look: Any) -> Any:
        key = tuple(sorted(look.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format({"valign": "top", **look})
        return self._made[key]

    def header(self, *, needed: bool) -> Any:
        colour = NEEDED_COLOUR if needed else OPTIONAL_COLOUR
        return self.get(bold=True, text_wrap=True, font_color="#FFFFFF", bg_color=colour, border=1)

    def number(self, form: str) -> Any:
        return self.get(num_format=form)


def _write_table(page: Worksheet, styles: _Styles, sheet: str, records: list[Record], lang: Lang) -> None:
    """Write one sheet: header with comments, cells, lists to choose from."""
    laid = _laid_out(sheet)
    _write_header(page, styles, laid, lang)
    for at, column in enumerate(laid):
        form = FORMATS.get(column.kind)
        wide = 40 if column.key in ("note", "basis") else WIDTHS.get(column.kind, 11)
        page.set_column(at, at, wide, styles.number(form) if form else None)
        last = max(EMPTY_ROWS, len(records) + 100)
        _offer_choices(page, (1, at, last, at), sheet, column, lang)
    for number, record in enumerate(records, start=1):
        for at, column in enumerate(laid):
            value = _shown(sheet, column, record, lang)
            if value not in (None, ()):
                form = _form(sheet, column, record)
                _write_cell(page, styles, number, at, _cell_of(sheet, column, value, lang), form)
    page.freeze_panes(1, 0)
    page.autofilter(0, 0, max(len(records), 1), len(laid) - 1)


def _write_header(page: Worksheet, styles: _Styles, laid: Sequence[Column], lang: Lang) -> None:
    page.set_row(0, 32)
    for at, column in enumerate(laid):
        page.write_string(0, at, column.header(), styles.header(needed=column.needed))
        page.write_comment(0, at, _explain(column, lang), {"x_scale": 2, "author": ""})


def _explain(column: Column, lang: Lang) -> str:
    """Describe what a column wants: its meaning, whether it must be filled in, what is allowed, how it is written."""
    parts = [glossary()[column.key][f"definition_{lang}"]]
    parts.append(translate("store.column_needed_mark" if column.needed else "store.column_optional_mark", lang))
    if column.allowed:
        shown = [choice_label(column, value, lang) for value in column.choices] or column.allowed
        parts.append(translate("store.allowed", lang, choices=translate("store.list_mark", lang).join(shown)))
    if column.kind in ("share", "money", "date", "datetime", "time", "spans", "bool"):
        parts.append(translate(f"store.write_{column.kind}", lang))
    return "\n".join(parts)


def _write_store_lines(page: Worksheet, styles: _Styles, record: Record, lang: Lang) -> None:
    """Write the sheet ``store``: one item a line, its value, and what to fill in."""
    item, value, note = columns("rules")
    _write_header(page, styles, (item, value, note), lang)
    page.set_column(0, 0, 24)
    page.set_column(1, 1, 30)
    page.set_column(2, 2, 70)
    for number, column in enumerate(columns("store"), start=1):
        page.write_string(number, 0, column.header().replace("\n", " "), styles.header(needed=column.needed))
        page.write_string(number, 2, _explain(column, lang).replace("\n", " "), styles.get(text_wrap=True))
        _offer_choices(page, (number, 1, number, 1), "store", column, lang)
        filled = record.get(column.key)
        form = FORMATS.get(column.kind, "")
        if filled is None:
            page.write_blank(number, 1, None, styles.number(form))
        else:
            _write_cell(page, styles, number, 1, _cell_of("store", column, filled, lang), form)
    page.freeze_panes(1, 0)


def _cell_of(sheet: str, column: Column, value: Any, lang: Lang) -> Any:
    """Show a value as the workbook holds it: labels for lists and keys, dates and figures as they are."""
    if column.choices:
        return choice_label(column, value, lang)
    if isinstance(value, bool):
        return label("yes" if value else "no", lang)
    if column.kind == "spans":
        return _spans_text(value)
    if column.key in ("key", "kpi"):
        return _key_text(sheet, value, lang)
    return value


def _spans_text(spans: Iterable[Any]) -> str:
    return "; ".join(f"{span.first}~{span.last}" if span.first != span.last else f"{span.first}" for span in spans)


def _key_text(sheet: str, key: str, lang: Lang) -> str:
    """Show a key by its label where the label leads back to the key."""
    known = {"ratios": known_keys("ratios"), "rules": known_keys("labour")}.get(sheet, known_terms())
    name = key_label(key, lang)
    return name if known.get(fold(name)) == key else key


def _form(sheet: str, column: Column, record: Record) -> str:
    """Choose the number format of a cell; a ratio's follows its unit."""
    if sheet in ("ratios", "rules", "goals") and column.kind == "number":
        key = record.get("key", record.get("kpi"))
        if key in glossary() and glossary()[key]["unit"] == "share":
            return FORMATS["share"]
    return FORMATS.get(column.kind, "")


def _write_cell(page: Worksheet, styles: _Styles, row: int, at: int, value: Any, form: str = "") -> None:
    """Write one cell by the type of its value; text is never a formula."""
    if isinstance(value, dt.datetime | dt.date | dt.time):
        kind = "datetime" if isinstance(value, dt.datetime) else "date" if isinstance(value, dt.date) else "time"
        page.write_datetime(row, at, value, styles.number(form or FORMATS[kind]))
    elif isinstance(value, bool):
        page.write_boolean(row, at, value)
    elif isinstance(value, int | float):
        page.write_number(row, at, value, styles.number(form))
    elif value is not None:
        page.write_string(row, at, str(value), styles.get(text_wrap=True) if len(str(value)) > 30 else None)


def _offer_choices(page: Worksheet, cells: tuple[int, int, int, int], sheet: str, column: Column, lang: Lang) -> None:
    """Attach a list to choose from, or the limits of a figure, to cells."""
    rule: dict[str, Any] | None = None
    if column.choices:
        rule = {"validate": "list", "source": [choice_label(column, value, lang) for value in column.choices]}
    elif column.kind == "bool":
        rule = {"validate": "list", "source": [label("yes", lang), label("no", lang)]}
    elif column.key == "key" and sheet in ("ratios", "rules"):
        letter = "AB"[("ratios", "rules").index(sheet)]
        count = len(known_lists(lang)[sheet])
        rule = {"validate": "list", "source": f"={LISTS_SHEET}!${letter}$1:${letter}${count}"}
    elif column.kind in ("share", "money", "integer", "number") and (column.low, column.high) != (None, None):
        limits = {"minimum": column.low or 0, "maximum": 1e15 if column.high is None else column.high}
        rule = {"validate": "decimal", "criteria": "between", **limits}
    if rule is not None:
        rule |= {"error_type": "stop", "error_title": label(column.key, lang)[:32]}
        rule["error_message"] = _explain(column, lang)[:255]
        page.data_validation(*cells, rule)


def known_lists(lang: Lang) -> dict[str, list[str]]:
    """List the ratios and rules that a sheet may name, as the workbook's lists show them."""
    return {
        sheet: [_key_text(sheet, key, lang) for key in dict.fromkeys(facts.table(file)["key"])]
        for sheet, file in (("ratios", "ratios"), ("rules", "labour"))
    }


def _write_lists(page: Worksheet, lang: Lang) -> None:
    for at, names in enumerate(known_lists(lang).values()):
        page.write_column(0, at, names)
    page.hide()


def example_rows(sheet: str, lang: Lang) -> list[Record]:
    """Return the example rows of a sheet, from ``playbook/facts/spellings.yml``, in one language.

    Examples
    --------
    >>> [row["profile"] for row in example_rows("waves", "en")], example_rows("shifts", "en")[0]["meal_min"]
    (['E'], 60)
    """
    rows: list[Record] = []
    for each in spellings("example_rows")[sheet]:
        spoken = {key: value[lang] if isinstance(value, dict) else value for key, value in each.items()}
        row = SHEETS[sheet].model_validate(spoken)
        rows.append({key: getattr(row, key) for key in SHEETS[sheet].model_fields if key in spoken})
    return rows


def _write_examples(page: Worksheet, styles: _Styles, lang: Lang) -> None:
    """Write the page of example rows: under each sheet's name its header and rows that can be copied as they are."""
    page.set_column(0, 20, 16)
    page.write_string(0, 0, translate("store.examples_head", lang), styles.get(bold=True))
    line = 2
    for sheet in SHEETS:
        if sheet == "store":
            continue
        laid = _laid_out(sheet)
        page.write_string(line, 0, coded_label(sheet, lang), styles.get(bold=True, font_size=13))
        for at, column in enumerate(laid):
            page.write_string(line + 1, at, column.header(), styles.header(needed=column.needed))
        line += 2
        for record in example_rows(sheet, lang):
            for at, column in enumerate(laid):
                value = _shown(sheet, column, record, lang)
                if value not in (None, ()):
                    _write_cell(
                        page, styles, line, at, _cell_of(sheet, column, value, lang), _form(sheet, column, record)
                    )
            line += 1
        line += 1


def _write_readme(page: Worksheet, styles: _Styles, lang: Lang) -> None:
    """Write the page that explains how to fill in the workbook, and lists every column."""
    page.set_column(0, 0, 22)
    page.set_column(1, 1, 26)
    page.set_column(2, 2, 90)
    page.write_string(0, 0, translate("store.readme_title", lang), styles.get(bold=True, font_size=16))
    line = 2
    for name in ("begin", "colours", "ratios", "units", "check", "private"):
        page.merge_range(line, 0, line, 2, translate(f"store.readme_{name}", lang), styles.get(text_wrap=True))
        page.set_row(line, 34)
        line += 1
    line += 1
    for at, name in enumerate(("readme_sheet", "readme_column", "readme_what")):
        page.write_string(line, at, translate(f"store.{name}", lang), styles.header(needed=True))
    for sheet in SHEETS:
        for column in columns(sheet):
            line += 1
            needed = sheet in NEEDED and column.needed
            page.write_string(line, 0, coded_label(sheet, lang), styles.get(bold=sheet in NEEDED))
            page.write_string(line, 1, coded_label(column.key, lang), styles.get(bold=needed))
            page.write_string(line, 2, _explain(column, lang).replace("\n", " "), styles.get(text_wrap=True))


# --- the folder


def _save_folder(tables: Mapping[str, list[Record]], path: Path) -> None:
    """Write the tables that are not there already; a table keeps its file's name and kind."""
    path.mkdir(parents=True, exist_ok=True)
    tabular = [file for file in sorted(path.iterdir()) if file.suffix.lower() in TABLE_ENDINGS]
    files = {sheet_names().get(fold(file.stem)): file for file in tabular}
    for sheet, records in tables.items():
        laid = columns(sheet)
        rows = [{column.key: _plain_text(column, record[column.key]) for column in laid} for record in records]
        file = files.get(sheet, path / f"{sheet}{'.yml' if sheet == 'store' else '.csv'}")
        if not rows:
            file.unlink(missing_ok=True)
            continue
        used = [key for key in rows[0] if any(row[key] for row in rows)]
        data = _csv_bytes(used, rows) if file.suffix.lower() == ".csv" else _yaml_bytes(sheet, used, rows)
        if not file.exists() or file.read_bytes() != data:
            _write_whole(file, data)


def _plain_text(column: Column, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if column.kind == "spans":
        return _spans_text(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="seconds" if value.second else "minutes")
    if isinstance(value, dt.time):
        return value.isoformat(timespec="seconds" if value.second else "minutes")
    return repr(value) if isinstance(value, float) else str(value)


def _csv_bytes(keys: Sequence[str], rows: Sequence[Mapping[str, str]]) -> bytes:
    """Write a table with the mark by which Excel knows UTF-8, and with nothing that it would run as a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(keys)
    for row in rows:
        writer.writerow([guard(row[key]) for key in keys])
    return text.getvalue().encode("utf-8-sig")


def _yaml_bytes(sheet: str, keys: Sequence[str], rows: Sequence[Mapping[str, str]]) -> bytes:
    filled = [{key: row[key] for key in keys if row[key]} for row in rows]
    data = filled[0] if sheet == "store" else filled
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=1000).encode()
