"""The columns of every sheet, read off the models: kind, limits, choices, labels and the spellings we know."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from simlib import facts
from simlib.messages import LANGS, Lang, glossary, label, texts, translate
from simlib.store.cells import fold, is_blank, spellings
from simlib.store.models import SHEETS

CODES = frozenset({"agent_id", "seat", "code", "key", "kpi"})
NAME_LENGTH_MAX = 200
ONE_NAME = {"0 or 1": ""}  # units that the facts call by another name
DECLARED_UNITS = ("ratios", "rules")  # sheets whose rows bear a unit that the facts declare
SCENARIO_UNITS = {
    "stay": "h",
    "people": "people",
    "concurrency": "chats",
    "bot_share": "share",
    "absent": "share",
    "seat_left": "min",
}
NAME_MAX = 200  # characters of a header that are compared with the known names
NUMBER_MARK = re.compile(r"^[(]?\d{1,2}[.\u3001:)]?")  # before the name of a sheet, folded: 1. or 02
COPY_MARK = re.compile(r"[(]\d{1,2}[)]$")  # behind it: what Excel puts behind the name of a copy
NEAR_ENOUGH, CLEARLY_NEARER = 0.75, 0.08  # likeness of a suggestion, and its lead over the next one
_KINDS = {bool: "bool", int: "integer", dt.datetime: "datetime", dt.date: "date", dt.time: "time"}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a sheet; ``choices`` maps each value of a list to its glossary key."""

    key: str
    kind: str
    needed: bool
    low: float | None = None
    high: float | None = None
    above: float | None = None
    unit: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)

    def header(self) -> str:
        """Head the column in both languages, as the template does."""
        return f"{label(self.key, 'zh')}\n{label(self.key, 'en')}"

    @property
    def allowed(self) -> tuple[str, ...]:
        """What may stand in a cell: the choices of a list, or the limits of a figure."""
        if self.choices:
            return tuple(self.choices.values())
        above = () if self.above is None else (f"> {self.above:g}",)
        low = () if self.low is None else (f">= {self.low:g}",)
        return (*above, *low, *(() if self.high is None else (f"<= {self.high:g}",)))

    @property
    def allowed_in_words(self) -> tuple[str, ...]:
        """What may stand in a cell as a complaint shows it: a share in percent."""
        if self.kind == "share" and self.low is not None and self.high is not None:
            return (percent_range(self.low, self.high),)
        return self.allowed

    def spelled(self) -> dict[str, str]:
        """Fold every spelling of every choice and map it to its value: key, labels, other spellings."""
        found: dict[str, str] = {}
        for value, key in self.choices.items():
            labels = [value, key, *(label(key, lang) for lang in LANGS), *spellings("choices").get(value, ())]
            labels += [f"{value} {label(key, lang)}" for lang in LANGS]
            found |= {fold(name): value for name in labels}
        return found


def percent_range(low: float, high: float) -> str:
    """Return the limits of a share as people write one.

    Examples
    --------
    >>> percent_range(0.0, 0.99), percent_range(0.001, 1.0)
    ('0–99%', '0.1–100%')
    """
    return f"{100 * low:.6g}–{100 * high:.6g}%"


def _plain(annotation: Any, metadata: Iterable[Any] = ()) -> tuple[Any, list[Any]]:
    """Strip Annotated and Optional off a type and collect its limits."""
    metadata = list(metadata)
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            for item in more:
                metadata += getattr(item, "metadata", [item])
        elif NoneType in get_args(annotation):
            annotation = next(part for part in get_args(annotation) if part is not NoneType)
        else:
            return annotation, metadata


def _limit(metadata: list[Any], name: str) -> float | None:
    return next((getattr(item, name) for item in metadata if hasattr(item, name)), None)


def _kind(key: str, annotation: Any, low: float | None, high: float | None, length: float | None) -> str:
    if get_origin(annotation) is Literal:
        return "choice"
    if get_origin(annotation) is tuple:
        return "spans"
    if annotation is str:
        if key in CODES:
            return "code"
        return "note" if length is not None and length > NAME_LENGTH_MAX else "text"
    if annotation is float:
        if (low, high) == (0, 1):
            return "share"
        return "money" if "_cny" in key else "number"
    return _KINDS[annotation]


def _choice_key(column: str, value: str) -> str:
    """Find the glossary key that names a value of a list: its own, or one with the column before it."""
    with_column = f"{column}_{value}"
    return with_column if with_column in glossary() else value


def _unit(key: str, kind: str) -> str:
    """Return the unit of a column of figures; empty where a row decides it, or there is none."""
    if kind not in ("share", "money", "number", "integer"):
        return ""
    return "CNY/h" if key.endswith("_cny_h") else glossary()[key]["unit"]


@cache
def _declared_units(fact_file: str) -> Mapping[str, str]:
    units = {row["key"]: row["unit"] or "" for row in facts.table(fact_file).to_dict("records")}
    return {key: ONE_NAME.get(unit, unit) for key, unit in units.items()}


def unit_of_row(sheet: str, values: Mapping[str, Any]) -> str | None:
    """Return the unit of a row's figures where the row itself decides it; None where the column does.

    Examples
    --------
    >>> unit_of_row("ratios", {"key": "patience_s"}), unit_of_row("rules", {"key": "rest_min_h"})
    ('s', 'h')
    >>> unit_of_row("goals", {"kpi": "first_response"}), unit_of_row("waves", {})
    ('s', None)
    """
    if sheet in DECLARED_UNITS:
        return _declared_units("ratios" if sheet == "ratios" else "labour").get(str(values.get("key")), "")
    if sheet == "goals":
        kpi = str(values.get("kpi"))
        return glossary()[kpi]["unit"] if kpi in glossary() else _declared_units("targets").get(kpi, "")
    if sheet == "scenarios":
        return SCENARIO_UNITS.get(str(values.get("kind")), "")
    return None


@cache
def columns(sheet: str) -> tuple[Column, ...]:
    """Read the columns of a sheet off its model.

    Examples
    --------
    >>> [column.key for column in columns("rules")]
    ['key', 'value', 'note']
    >>> columns("waves")[1].choices["E"], columns("waves")[5].kind
    ('profile_E', 'share')
    """
    found = []
    for key, info in SHEETS[sheet].model_fields.items():
        annotation, metadata = _plain(info.annotation, info.metadata)
        low, high = _limit(metadata, "ge"), _limit(metadata, "le")
        kind = _kind(key, annotation, low, high, _limit(metadata, "max_length"))
        choices = {value: _choice_key(key, value) for value in get_args(annotation)} if kind == "choice" else {}
        found.append(
            Column(
                key=key,
                kind=kind,
                needed=info.is_required(),
                low=low,
                high=high,
                above=_limit(metadata, "gt"),
                unit=_unit(key, kind),
                choices=choices,
            )
        )
    return tuple(found)


@cache
def column_names(sheet: str) -> Mapping[str, str]:
    """Map every known spelling of a sheet's column names, folded, to its key."""
    keys = [column.key for column in columns(sheet)]
    found: dict[str, str] = {}
    for key in keys:
        for name in spellings("columns").get(key, ()):
            found.setdefault(fold(name), key)
    for key in keys:
        zh, en, unit = label(key, "zh"), label(key, "en"), glossary()[key]["unit"]
        for name in (zh, en, zh + en, f"{zh} ({unit})", f"{en} ({unit})"):
            found[fold(name)] = key
    return found | {fold(key): key for key in keys}


@cache
def sheet_names() -> Mapping[str, str]:
    """Map every known spelling of a sheet's name, folded, to its key."""
    found: dict[str, str] = {}
    for key in SHEETS:
        zh, en = label(key, "zh"), label(key, "en")
        for name in (key, zh, en, zh + en, zh + key, *spellings("sheets").get(key, ())):
            found[fold(name)] = key
    return found


def find_sheet(name: str, known: Mapping[str, str]) -> str | None:
    """Find the key of the sheet that goes by a name: with a number in front, or as Excel names a copy, too.

    Parameters
    ----------
    name : str
        As it stands on the sheet's tab.
    known : mapping of str to str
        Spellings, folded, to keys.

    Examples
    --------
    >>> names = sheet_names()
    >>> find_sheet(" 波次", names), find_sheet("2. 波次 Waves ", names), find_sheet("波次 waves (2)", names)
    ('waves', 'waves', 'waves')
    >>> find_sheet("Sheet1", names) is None
    True
    """
    folded = fold(name)
    bare = COPY_MARK.sub("", NUMBER_MARK.sub("", folded, count=1))
    return known.get(folded) or known.get(bare)


def rank_name(name: str, known: Mapping[str, str]) -> int:
    """Return how far the name of a sheet is from a known one: 0 the name itself, 1 with a number in front, 2 a copy.

    Examples
    --------
    >>> names = sheet_names()
    >>> [rank_name(name, names) for name in ("波次", "2. waves", "waves (2)", "波次 waves")]
    [0, 1, 2, 0]
    """
    folded = fold(name)
    return 0 if folded in known else 2 if COPY_MARK.search(folded) else 1


def is_header(cells: Sequence[Any], names: Mapping[str, str], *, own_columns: bool = False) -> bool:
    """Return whether a row heads a table: it names two known columns, and most of what it names is known.

    Parameters
    ----------
    cells : sequence
        The row.
    names : mapping of str to str
        Spellings of the columns, folded, to keys.
    own_columns : bool
        The sheet may have columns that only its owner knows, in any number.
    """
    words = [fold(str(cell)[:NAME_MAX]) for cell in cells if not is_blank(cell)]
    known = sum(word in names for word in words)
    return known >= 2 and (own_columns or known * 2 >= len(words))


def is_header_again(cells: Sequence[Any], header: Sequence[Any]) -> bool:
    """Return whether a row below a header repeats it: tables were pasted under each other."""

    def words(row: Sequence[Any]) -> list[str]:
        return [fold(str(cell)[:NAME_MAX]) for cell in row if not is_blank(cell)]

    first = next((cell for cell in cells if not is_blank(cell)), None)
    return isinstance(first, str) and words(cells) == words(header)


def adds_up(record: Mapping[str, Any], needed: Set[str]) -> bool:
    """Return whether a row is the sum of the ones above it: a word for a sum, and beside it nothing a row is made of.

    Examples
    --------
    >>> adds_up({"person": "合计", "sales_cny": 900}, {"person"}), adds_up({"name": "Total", "code": "T1"}, {"name"})
    (True, False)
    >>> adds_up({"start": "小计", "queue": "presale", "contacts": 90}, {"start"})
    True
    """
    begin, *others = record.items()
    if not isinstance(begin[1], str) or fold(begin[1][:NAME_MAX]).rstrip(":") not in _total_words():
        return False
    figures = bool(others) and all(isinstance(cell, int | float) for _, cell in others)
    return bool(needed - record.keys()) or begin[0] in ("start", "hour", "day") or figures


@cache
def _total_words() -> frozenset[str]:
    return frozenset(fold(word) for word in spellings("total_rows"))


def sheet_title(sheet: str) -> str:
    """Return the name of a sheet of the workbook: label and key.

    Examples
    --------
    >>> sheet_title("waves")
    '波次 waves'
    """
    return f"{label(sheet, 'zh')} {sheet}"


def nearest(name: str, known: Mapping[str, str]) -> str | None:
    """Find the key whose known spelling is plainly meant by a name, or None where that is not sure.

    A spelling must be alike in three letters of four, and clearly more alike than that of any other key.

    Examples
    --------
    >>> nearest("waevs", sheet_names()), nearest("S3", {"s1": "S1", "s2": "S2"})
    ('waves', None)
    """
    folded = fold(name)[:80]
    if not folded:
        return None
    likeness: dict[str, float] = {}
    for spelling, key in known.items():
        matcher = difflib.SequenceMatcher(None, folded, spelling, autojunk=False)
        if matcher.real_quick_ratio() >= NEAR_ENOUGH and matcher.quick_ratio() >= NEAR_ENOUGH:
            likeness[key] = max(likeness.get(key, 0.0), matcher.ratio())
    ranked = sorted(likeness.items(), key=lambda item: -item[1])
    if not ranked or ranked[0][1] < NEAR_ENOUGH:
        return None
    sure = len(ranked) == 1 or ranked[0][1] - ranked[1][1] >= CLEARLY_NEARER
    return ranked[0][0] if sure else None


def meant_choice(name: str, column: Column) -> str | None:
    """Find the value of a list that a word stands for: by the table of synonyms first, then by its letters.

    Examples
    --------
    >>> cohort, profile = columns("agents")[2], columns("waves")[1]
    >>> meant_choice("全职", cohort), meant_choice("晚上8点开卖", profile), meant_choice("freelance", cohort)
    ('own', 'E', None)
    """
    folded = fold(name)[:80]
    words = spellings("synonyms").get(column.key, {})
    meant = {value for value, parts in words.items() if any(_says(folded, fold(part)) for part in parts)}
    if meant:
        return meant.pop() if len(meant) == 1 else None
    return nearest(name, column.spelled())


def _says(text: str, part: str) -> bool:
    """Return whether a text holds a part; a part that begins with a figure does not end a longer one: 0:00 in 20:00."""
    at = text.find(part)
    while at >= 0:
        if not (part[0].isdigit() and at > 0 and text[at - 1].isdigit()):
            return True
        at = text.find(part, at + 1)
    return False


@cache
def known_keys(fact_file: str) -> Mapping[str, str]:
    """Map the spellings of the keys of a file of facts (ratios, labour), folded, to the keys."""
    found: dict[str, str] = {}
    for key in facts.table(fact_file)["key"]:
        names = [key, *(key_label(key, lang) for lang in LANGS)]
        found |= {fold(name): key for name in names}
    return found


def key_label(key: str, lang: Lang) -> str:
    """Return the name of a ratio, a rule or a KPI in words; the key itself where there are none.

    Examples
    --------
    >>> key_label("rest_min_h", "zh"), key_label("conversion", "en")
    ('两班之间最短休息', 'Inquiry conversion')
    """
    if key in glossary():
        return label(key, lang)
    return translate(f"store.rule_{key}", lang) if f"store.rule_{key}" in texts() else key


@cache
def known_terms() -> Mapping[str, str]:
    """Map the labels of all glossary terms, folded, to their keys; a key goes before a label."""
    found: dict[str, str] = {}
    for key in reversed(glossary()):
        found |= {fold(label(key, lang)): key for lang in LANGS}
    return found | {fold(key): key for key in glossary()}


def choice_label(column: Column, value: str, lang: Lang) -> str:
    """Show a value of a list as the template writes it."""
    return label(column.choices[value], lang)
