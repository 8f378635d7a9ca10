"""The declarative table of exports, read once: fields with their spellings, formats with their headers, words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, Literal

from simlib import facts

Kind = Literal[
    "day",
    "moment",
    "clock",
    "slot",
    "text",
    "agent",
    "id",
    "count",
    "number",
    "money",
    "duration",
    "hours",
    "share",
    "state",
    "ignore",
    "private",
]
METRIC_KINDS = frozenset({"count", "number", "money", "duration", "hours", "share"})
# Marks between the words of a name say nothing: arrows, dashes, dots, quotes, line breaks.
_MARKS = re.compile(r"[\W_]+")
_BRACKETS = re.compile(r"[(\[{](.*?)(?:[)\]}]|$)")


@cache
def value(key: str) -> Any:
    """Look up one row of ``playbook/facts/exports.yml``."""
    return facts.value("exports", key)


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A header cell, taken apart: the bare name, what stands in its brackets, and the unit found there.

    Examples
    --------
    >>> split_heading("平均响应时长（秒)").unit, split_heading("聊天人数(原咨询人数)").remarks
    ('秒', ('原咨询人数',))
    """

    name: str
    remarks: tuple[str, ...] = ()
    unit: str | None = None


@lru_cache(maxsize=16384)
def split_heading(text: str) -> Heading:
    r"""Take a header cell apart; width, spaces, line breaks, arrows and case do not count.

    Examples
    --------
    >>> split_heading("询单->最终\n付款人数") == split_heading("询单 最终付款人数")
    True
    """
    # Two headings of one column stand on either side of "/": that mark is the only one with a meaning.
    group, found, rest = text.partition("/")
    if found and group.strip() and rest.strip() and not _BRACKETS.search(group):
        upper, lower = split_heading(group), split_heading(rest)
        return Heading(name=f"{upper.name}/{lower.name}", remarks=lower.remarks, unit=lower.unit)
    folded = unicodedata.normalize("NFKC", text).casefold()
    for written, meant in _same_signs().items():
        folded = folded.replace(written, meant)
    unit = None
    remarks = []
    for inner in _BRACKETS.findall(folded):
        bare = inner.strip() if inner.strip() in units() else _MARKS.sub("", inner)
        if bare in units():
            unit = bare
        elif bare and inner.strip() not in _harmless() and bare not in _harmless():
            remarks.append(bare)
    bare_name = _BRACKETS.sub("", folded)
    name = _MARKS.sub("", bare_name)
    return Heading(name=name or _MARKS.sub("", folded), remarks=tuple(remarks), unit=unit)


@cache
def _same_signs() -> Mapping[str, str]:
    """Return what is written in more than one way: other brackets, other words for the same."""
    return MappingProxyType({"<=": "≤", **value("brackets"), **value("same_words")})


@cache
def units() -> Mapping[str, float]:
    """Return what the units in a header's brackets multiply a figure by."""
    return MappingProxyType({unicodedata.normalize("NFKC", str(k)).casefold(): v for k, v in value("units").items()})


@cache
def _harmless() -> frozenset[str]:
    return frozenset(unicodedata.normalize("NFKC", remark).casefold() for remark in value("harmless_remarks"))


@dataclass(frozen=True, kw_only=True)
class FieldMeaning:
    """What a column can mean: its key, how its cells are read, and how exports spell its name."""

    key: str
    kind: Kind
    names: tuple[str, ...]


@cache
def fields() -> Mapping[str, FieldMeaning]:
    """Return every field by its key."""
    return MappingProxyType(
        {
            key: FieldMeaning(key=key, kind=row["kind"], names=tuple(map(str, row["names"])))
            for key, row in value("fields").items()
        }
    )


@cache
def spellings() -> Mapping[tuple[str, tuple[str, ...]], str]:
    """Return the field of every known spelling, by bare name and remarks."""
    found: dict[tuple[str, tuple[str, ...]], str] = {}
    for field in fields().values():
        for name in field.names:
            heading = split_heading(name)
            key = (heading.name, heading.remarks)
            if found.setdefault(key, field.key) != field.key:
                raise ValueError(f"playbook/facts/exports.yml: {name!r} stands for {found[key]} and {field.key}")
    return MappingProxyType(found)


@cache
def bare_names() -> Mapping[str, frozenset[str]]:
    """Return the fields that a bare name may stand for, whatever its remarks."""
    found: dict[str, set[str]] = {}
    for (name, _), key in spellings().items():
        found.setdefault(name, set()).add(key)
    return MappingProxyType({name: frozenset(keys) for name, keys in found.items()})


@dataclass(frozen=True, kw_only=True)
class Format:
    """One listed export: its key, its platform, its header, and how long its payments stay provisional."""

    key: str
    columns: tuple[str, ...]
    platform: str | None = None
    final_after_days: int | None = None
    by_place: bool = False

    @property
    def names(self) -> frozenset[str]:
        """The bare names of its header."""
        return frozenset(split_heading(column).name for column in self.columns)


@cache
def formats() -> Mapping[str, Format]:
    """Return every listed format by its key."""
    return MappingProxyType(
        {
            key: Format(
                key=key,
                columns=tuple(row["columns"]),
                platform=row.get("platform"),
                final_after_days=row.get("final_after_days"),
                by_place=row.get("by_place", False),
            )
            for key, row in value("formats").items()
        }
    )


OWN_REPORT = "own_report"


def nearest_format(names: Iterable[str]) -> tuple[str, float]:
    """Return the listed format whose header shares most with ``names``, and how much of the two is shared.

    A header that shares less than half with every list is the shop's own report.

    Examples
    --------
    >>> nearest_format(["日期", "销售额", "销售量", "销售人数", "客单价"])[0]
    'sycm_order_value'
    """
    have = frozenset(names)
    best, most = OWN_REPORT, 0.0
    for listed in formats().values():
        share = 2 * len(have & listed.names) / (len(have) + len(listed.names)) if have else 0.0
        if share > most:
            best, most = listed.key, share
    return (best, most) if most >= 0.5 else (OWN_REPORT, most)


@cache
def words(key: str) -> frozenset[str]:
    """Return a list of words of the table, folded for comparison."""
    return frozenset(fold_word(str(word)) for word in value(key))


@cache
def word_classes(key: str) -> Mapping[str, str]:
    """Return the class of each word of a table of classes: ``{"sum": ["total", ...]}`` gives total → sum."""
    return MappingProxyType({fold_word(str(word)): str(name) for name, listed in value(key).items() for word in listed})


@lru_cache(maxsize=65536)
def fold_word(text: str) -> str:
    """Fold a cell for comparison with a word: width, white space, quotes and case do not count."""
    return re.sub(r"[\s'\"​﻿]+", "", unicodedata.normalize("NFKC", text)).casefold()


@cache
def rules() -> Mapping[str, float]:
    """Return the reader's own limits."""
    return MappingProxyType(value("reading_rules"))


@cache
def flipping() -> frozenset[str]:
    """Return the signs that turn a name into another figure."""
    return frozenset(value("flipping"))
