"""Find the header of a sheet and say what each column means, by its name and never by its place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Literal

from simlib.store.cells import is_blank
from simlib.store.exports.formats import (
    OWN_REPORT,
    Format,
    Heading,
    bare_names,
    fields,
    flipping,
    formats,
    nearest_format,
    rules,
    spellings,
    split_heading,
    value,
    word_classes,
)
from simlib.store.exports.values import is_day, is_figure

SHORTEST_TYPO = 5  # a mistyped name shorter than this is not guessed at
Rows = Sequence[tuple[int, Sequence[Any]]]
How = Literal["known", "close", "asked", "unknown", "twice", "place"]


@dataclass(kw_only=True)
class HeaderColumn:
    """One column of a sheet: where it stands, what its heading says, what it was taken for and how.

    ``how`` is known (a listed spelling), close (a slip of the pen, reported), asked (not read; ``candidates`` may be
    meant), unknown (not read), twice (the same name a second time) or place (a layout without a header).
    """

    at: int
    title: str
    heading: Heading
    field: str | None = None
    how: How = "unknown"
    candidates: tuple[str, ...] = ()
    attribution: str | None = None


@dataclass(kw_only=True)
class Header:
    """A sheet's header: the row of the list at which the data begin, its columns, the format it is most like."""

    begins: int
    row: int
    columns: list[HeaderColumn] = field(default_factory=list)
    format: str = OWN_REPORT
    titles: tuple[str, ...] = ()

    @property
    def listed(self) -> Format | None:
        """The listed format, None for a report of the shop's own."""
        return formats().get(self.format)

    def at(self, key: str) -> HeaderColumn | None:
        """Return the column that was taken for a field."""
        return next((column for column in self.columns if column.field == key), None)


def find_header(rows: Rows) -> Header | None:
    """Find the header of a sheet among its first rows; None where no row names two known fields.

    Titles may stand above it, and it may be two rows high: groups above, names below.
    """
    top = rows[: int(rules()["header_within_rows"])]
    known = [_count_known(cells) for _, cells in top]
    best = max(range(len(top)), key=lambda at: (known[at], -at), default=None)
    if best is None or known[best] < 2:
        return None
    first, last = _span(top, known, best)
    names = _names(top, first, last)
    columns = [HeaderColumn(at=at, title=name, heading=split_heading(name)) for at, name in names if name]
    _settle_names(columns)
    header = Header(begins=last + 1, row=top[last][0], columns=columns)
    header.format, _ = nearest_format(column.heading.name for column in columns)
    header.titles = tuple(
        str(cell) for _, cells in top[:first] for cell in cells if not is_blank(cell) and not is_figure(cell)
    )
    return header


def lay_by_place(rows: Rows) -> Header | None:
    """Lay a listed format over a sheet without a header that has exactly its columns, days in the first."""
    width = max((len(cells) for _, cells in rows), default=0)
    begins = next((at for at, (_, cells) in enumerate(rows) if cells and is_day(cells[0])), None)
    if begins is None:
        return None
    for listed in formats().values():
        if not listed.by_place or len(listed.columns) != width:
            continue
        columns = []
        for at, name in enumerate(listed.columns):
            heading = split_heading(name)
            key = spellings().get((heading.name, heading.remarks))
            columns.append(HeaderColumn(at=at, title=name, heading=heading, field=key, how="place"))
        return Header(begins=begins, row=rows[begins][0], columns=columns, format=listed.key)
    return None


def _count_known(cells: Sequence[Any]) -> int:
    """Count the distinct fields that a row names outright."""
    found: set[str] = set()
    for cell in cells:
        if isinstance(cell, str) and len(cell) <= 60:
            heading = split_heading(cell)
            found |= bare_names().get(heading.name, frozenset())
            if (heading.name, heading.remarks) not in spellings() and _close_fields(heading.name):
                found.add(f"~{heading.name}")
    return len(found)


def _span(rows: Rows, known: Sequence[int], best: int) -> tuple[int, int]:
    """Return the first and the last row of a header whose richest row is ``best``."""
    first = last = best
    below = best + 1
    if below < len(rows) and known[below] >= 2 and not _has_figures(rows[below][1]):
        last = below
    elif best > 0 and last == best and _is_group_row(rows[best - 1][1], rows[best][1]):
        first = best - 1
    return first, last


def _has_figures(cells: Sequence[Any]) -> bool:
    return any(is_figure(cell) or is_day(cell) for cell in cells if not is_blank(cell))


def _is_group_row(above: Sequence[Any], names: Sequence[Any]) -> bool:
    """Distinguish a row of groups over a header from a title: it is short text, and it names what the header lacks.

    It does so where a name below stands twice, or where a cell below is blank.
    """
    filled = [at for at, cell in enumerate(above) if not is_blank(cell)]
    if not filled or _has_figures(above) or any(len(str(above[at])) > 20 for at in filled):
        return False
    below = [split_heading(str(cell)).name for cell in names if not is_blank(cell)]
    repeated = any(count > 1 for count in Counter(below).values())
    fills_gaps = any(at < len(names) and is_blank(names[at]) and _is_known(above[at]) for at in filled)
    return repeated or fills_gaps


def _is_known(cell: Any) -> bool:
    heading = split_heading(str(cell))
    return (heading.name, heading.remarks) in spellings() or heading.name in bare_names()


def _names(rows: Rows, first: int, last: int) -> list[tuple[int, str]]:
    """Return each column's name: of one row, or of a group and a name below it."""
    low = rows[last][1]
    width = max(len(rows[first][1]), len(low))
    texts = [_text(low, at) for at in range(width)]
    if first == last:
        return list(enumerate(texts))
    groups, group = [], ""
    for at in range(width):
        group = _text(rows[first][1], at) or group
        groups.append(group)
    bare = Counter(split_heading(text).name for text in texts if text)
    joined = []
    for at, text in enumerate(texts):
        above = _text(rows[first][1], at)
        if not text:
            joined.append((at, above))
        elif above and not groups[at]:
            joined.append((at, text))
        else:
            both = f"{groups[at]}/{text}" if groups[at] else text
            twice = bare[split_heading(text).name] > 1
            joined.append((at, both if twice or split_heading(both).name in bare_names() else text))
    return joined


def _text(cells: Sequence[Any], at: int) -> str:
    return "" if at >= len(cells) or is_blank(cells[at]) else str(cells[at]).strip()


def _settle_names(columns: Sequence[HeaderColumn]) -> None:
    """Return what each column is by its name alone."""
    taken: dict[str, HeaderColumn] = {}
    for column in columns:
        _match(column)
        if column.field is None or fields()[column.field].kind in ("ignore", "private"):
            continue
        key = f"{column.field}|{column.attribution}"
        if key in taken:
            column.candidates, column.how = (column.field,), "twice"
        else:
            taken[key] = column


def _match(column: HeaderColumn) -> None:
    heading = column.heading
    remarks = []
    for remark in heading.remarks:
        rule = _attribution_of(remark)
        if rule is None:
            remarks.append(remark)
        column.attribution = rule or column.attribution
    key = spellings().get((heading.name, tuple(remarks)))
    if key is not None:
        column.field, column.how = key, "known"
        return
    candidates = bare_names().get(heading.name, frozenset())
    if candidates:
        # The name is known, what its brackets add is not: it may be another figure.
        column.candidates, column.how = tuple(sorted(candidates)), "asked"
        return
    if heading.remarks:
        close = _close_fields(heading.name)
        if close:
            column.candidates, column.how = tuple(sorted(close)), "asked"
        return
    meant = repair_name(heading.name)
    if isinstance(meant, str):
        column.field, column.how = meant, "close"
    elif meant:
        column.candidates, column.how = meant, "asked"


def _attribution_of(remark: str) -> str | None:
    for rule, written in value("attribution").items():
        if any(word in remark for word in written):
            return str(rule)
    return None


@lru_cache(maxsize=8192)
def repair_name(name: str) -> str | tuple[str, ...]:
    """Return the field that a mistyped bare name means; a tuple of those it might mean where that is not plain.

    Taken for a slip: two neighbours exchanged, a sign doubled, a sign left out, or a sign exchanged behind the
    first, where no sign concerned can turn the meaning and no other field's name is as near.

    Examples
    --------
    >>> repair_name("首次响应时场"), repair_name("间单人数")
    ('first_response_s', ('buyers_ordered', 'inquiries'))
    >>> repair_name("今天天气")
    ()
    """
    near = _close_names(name)
    if not near:
        return ()
    keys = {key for known in near for key in _plain_fields(known)}
    meant = {key for known in near if _is_slip(name, known) for key in _plain_fields(known)}
    if len(keys) == 1 and len(meant) == 1:
        (key,) = meant
        if fields()[key].kind != "private":
            return key
    return tuple(sorted(keys))


def _plain_fields(known: str) -> frozenset[str]:
    """Return what a bare name stands for without brackets; all that it may with them, where it never is without."""
    key = spellings().get((known, ()))
    return bare_names()[known] if key is None else frozenset({key})


def _close_fields(name: str) -> frozenset[str]:
    return frozenset(key for known in _close_names(name) for key in bare_names()[known])


@lru_cache(maxsize=16384)
def _close_names(name: str) -> tuple[str, ...]:
    """Return the known bare names that one slip away from ``name``."""
    if len(name) < SHORTEST_TYPO - 1 or len(name) > 40:
        return ()
    found = set()
    for at in range(len(name)):
        found |= _index().get(name[:at] + name[at + 1 :], set())  # one sign too many
        found |= _index().get(name[:at] + "\0" + name[at + 1 :], set())  # one exchanged, or one left out here
    for at in range(len(name) + 1):
        found |= _index().get(name[:at] + "\0" + name[at:], set())  # one left out
    for at in range(len(name) - 1):
        swapped = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
        found |= _index().get(swapped, set())
    found.discard(name)
    return tuple(sorted(found))


@cache
def _index() -> dict[str, set[str]]:
    """Index every known bare name by itself and by itself with one sign covered."""
    index: dict[str, set[str]] = {}
    for name in bare_names():
        if len(name) < SHORTEST_TYPO - 1:
            continue
        index.setdefault(name, set()).add(name)
        for at in range(len(name)):
            index.setdefault(name[:at] + "\0" + name[at + 1 :], set()).add(name)
    return index


def _is_slip(written: str, known: str) -> bool:
    """Distinguish a slip of the pen from a name that may mean something else."""
    if min(len(written), len(known)) < SHORTEST_TYPO - 1 or len(known) < SHORTEST_TYPO:
        return False
    at = next(
        (i for i, (a, b) in enumerate(zip(written, known, strict=False)) if a != b), min(len(written), len(known))
    )
    if len(written) == len(known):
        if written[at + 1 : at + 2] == known[at] and written[at] == known[at + 1 : at + 2]:
            return written[at + 2 :] == known[at + 2 :]
        return at > 0 and not {written[at], known[at]} & flipping() and not re.search(r"\d", written[at] + known[at])
    if len(written) == len(known) + 1:
        extra = written[at]
        return extra in (known[at - 1 : at], known[at : at + 1]) and not extra.isdigit()
    lost = known[at]
    return at > 0 and lost not in flipping() and not lost.isdigit()


def summary_kind(cell: Any) -> str | None:
    """Return what a row is whose label is ``cell``: sum, mean, shop_sum, shop_mean or peer; None for a person.

    Examples
    --------
    >>> summary_kind("汇总值"), summary_kind("小美")
    ('sum', None)
    """
    if not isinstance(cell, str):
        return None
    heading = re.sub(r"[:：()（）\s]", "", cell).casefold()
    return word_classes("summaries").get(heading)
