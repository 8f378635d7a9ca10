"""The columns of every sheet, read off the models: kind, limits, choices, labels and the spellings we know."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from simlib import facts
from simlib.messages import LANGS, Lang, glossary, label
from simlib.store.cells import fold, spellings
from simlib.store.models import SHEETS

CODES = frozenset({"agent_id", "seat", "code", "key", "kpi"})
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

    def spelled(self) -> dict[str, str]:
        """Fold every spelling of every choice and map it to its value: key, labels, other spellings."""
        found: dict[str, str] = {}
        for value, key in self.choices.items():
            labels = [value, key, *(label(key, lang) for lang in LANGS), *spellings("choices").get(value, ())]
            labels += [f"{value} {label(key, lang)}" for lang in LANGS]
            found |= {fold(name): value for name in labels}
        return found


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


def _kind(key: str, annotation: Any, low: float | None, high: float | None) -> str:
    if get_origin(annotation) is Literal:
        return "choice"
    if get_origin(annotation) is tuple:
        return "spans"
    if annotation is str:
        return "code" if key in CODES else "text"
    if annotation is float:
        if (low, high) == (0, 1):
            return "share"
        return "money" if "_cny" in key else "number"
    return _KINDS[annotation]


def _choice_key(column: str, value: str) -> str:
    """Find the glossary key that names a value of a list: its own, or one with the column before it."""
    with_column = f"{column}_{value}"
    return with_column if with_column in glossary() else value


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
        kind = _kind(key, annotation, low, high)
        choices = {value: _choice_key(key, value) for value in get_args(annotation)} if kind == "choice" else {}
        found.append(
            Column(
                key=key,
                kind=kind,
                needed=info.is_required(),
                low=low,
                high=high,
                above=_limit(metadata, "gt"),
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


def sheet_title(sheet: str) -> str:
    """Name a sheet of the workbook: label and key.

    Examples
    --------
    >>> sheet_title("waves")
    '波次 waves'
    """
    return f"{label(sheet, 'zh')} {sheet}"


def nearest(name: str, known: Mapping[str, str]) -> str | None:
    """Find the key whose known spelling is nearest to a name, or None where nothing is near.

    Examples
    --------
    >>> nearest("waevs", sheet_names())
    'waves'
    """
    close = difflib.get_close_matches(fold(name), known, n=1, cutoff=0.5)
    return known[close[0]] if close else None


@cache
def known_keys(fact_file: str) -> Mapping[str, str]:
    """Map the spellings of the keys of a file of facts (ratios, labour), folded, to the keys."""
    found: dict[str, str] = {}
    for key in facts.table(fact_file)["key"]:
        names = [key, *(label(key, lang) for lang in LANGS if key in glossary())]
        found |= {fold(name): key for name in names}
    return found


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
