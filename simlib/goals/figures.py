"""One period's figures of each person: read exactly, with the file and row that each stands in."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd

from simlib.goals.wording import number_text
from simlib.messages import Message, UserError, glossary

__all__ = ["Figures", "exact_number", "is_empty", "read_date", "read_figures"]

# Columns of results that are no figures: who, and where and when the row was read.
PLAIN_COLUMNS = ("person", "name", "cohort", "source_file", "source_row", "first_day", "last_day")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_DAY = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:[ T]00:00(?::00)?)?")
_SHOWN = 5


def is_empty(value: object) -> bool:
    """Return whether a cell holds nothing: None, nan, NaT, or only white space.

    Examples
    --------
    >>> is_empty(float("nan")), is_empty(" "), is_empty(0), is_empty([])
    (True, True, False, True)
    """
    if value is None or value is pd.NaT or value is pd.NA:
        return True
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, list | tuple | np.ndarray):
        return len(value) == 0
    return bool(value != value)


def exact_number(value: object) -> Fraction:
    """Return a number exactly; a float counts as its printed digits.

    Raises
    ------
    ValueError
        The value is text that is no plain number, or not finite.

    Examples
    --------
    >>> exact_number(0.1), exact_number("2.50")
    (Fraction(1, 10), Fraction(5, 2))
    >>> exact_number("90 %")
    Traceback (most recent call last):
    ValueError: no number: '90 %'
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool | np.bool_):
        return Fraction(int(value))
    if isinstance(value, str | int | float | Decimal | np.number):
        found = _read_number(str(value).strip())
        if found is not None:
            return found
    raise ValueError(f"no number: {value!r}")


@lru_cache(maxsize=65_536)
def _read_number(text: str) -> Fraction | None:
    """Return a plain number exactly; a month and its simulated nights bring the same few texts again and again."""
    return Fraction(text) if len(text) <= 400 and _NUMBER.fullmatch(text) else None


def read_date(value: object) -> dt.date:
    """Return a day from a date, a moment at midnight, or text such as 2026-08-31.

    Raises
    ------
    ValueError
        It is no day of the calendar.
    """
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    found = _DAY.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"no day: {value!r}")
    return dt.date(*map(int, found.groups()))


def each_record(table: pd.DataFrame | Iterable[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the rows of a frame or of a list of mappings as dicts, and the names of all columns."""
    if isinstance(table, pd.DataFrame):
        names = [str(name) for name in table.columns]
        if len(set(names)) < len(names):
            twice = [name for name, count in Counter(names).items() if count > 1]
            raise UserError(Message("goals.column_twice", names=twice))
        columns = [table[name].astype(object).tolist() for name in table.columns]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)], names
    rows = [{str(name): value for name, value in row.items()} for row in table]
    return rows, list(dict.fromkeys(name for row in rows for name in row))


def text_of(value: object) -> str:
    """Return an identifier as text: a whole number without its point, white space at the ends cut off."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


@dataclass(frozen=True, kw_only=True, eq=False)
class Figures:
    """The figures of one period, one row per person in code point order of the id.

    Attributes
    ----------
    persons : tuple of str
        Ids as text; ``ids`` has them as they came.
    cohorts : tuple of str or None
    names : frozenset of str
        The figures there are.
    has_cohort : bool
    first_day, last_day : date or None
        The period, where it is known.
    """

    persons: tuple[str, ...]
    ids: tuple[Any, ...]
    cohorts: tuple[str | None, ...]
    names: frozenset[str]
    has_cohort: bool
    first_day: dt.date | None
    last_day: dt.date | None
    raw: Mapping[str, Sequence[Any]] = field(repr=False)
    places: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = field(repr=False)
    row_places: tuple[tuple[str, str] | None, ...] = field(repr=False)

    def place_of(self, index: int, name: str) -> tuple[tuple[str, str], ...]:
        """Return the files and rows that a person's figure was read from."""
        own = self.places.get((self.persons[index], name))
        row = self.row_places[index]
        return own if own is not None else ((row,) if row is not None else ())

    @cached_property
    def _read(self) -> dict[str, list[Fraction | None] | Message]:
        return {}

    def column(self, name: str) -> list[Fraction | None]:
        """Return one figure of all persons, exactly.

        Raises
        ------
        UserError
            Text stands where a number belongs, or a share is above its cap (93 for 0.93).
        """
        if name not in self._read:
            self._read[name] = self._convert(name)
        found = self._read[name]
        if isinstance(found, Message):
            raise UserError(found)
        return found

    def _convert(self, name: str) -> list[Fraction | None] | Message:
        values: list[Fraction | None] = []
        cap = share_cap(name)
        wrong: list[tuple[str, object]] = []
        over: list[tuple[str, object]] = []
        for person, value in zip(self.persons, self.raw[name], strict=True):
            number = None
            if not is_empty(value):
                try:
                    number = exact_number(value)
                except ValueError:
                    wrong.append((person, value))
            if number is not None and cap is not None and number > cap:
                over.append((person, value))
            values.append(number)
        if wrong:
            return Message("goals.text_in_figure", name=name, value=str(wrong[0][1])[:40], people=_some(wrong))
        if over and cap is not None:
            return Message(
                "goals.share_above_cap", name=name, value=str(over[0][1]), cap=number_text(cap), people=_some(over)
            )
        return values


def _some(found: list[tuple[str, object]]) -> tuple[str, ...]:
    shown = [person for person, _ in found[:_SHOWN]]
    return (*shown, "…") if len(found) > _SHOWN else tuple(shown)


def share_cap(name: str) -> Fraction | None:
    """Return the largest value a figure may have, where the glossary declares it a share; else None.

    Examples
    --------
    >>> share_cap("typing_accuracy"), share_cap("completion"), share_cap("typing_cpm")
    (Fraction(1, 1), Fraction(10, 1), None)
    """
    row = glossary().get(name)
    if row is None or row["unit"] != "share":
        return None
    return Fraction(str(row.get("cap", 1)))


def read_figures(
    results: pd.DataFrame | Iterable[Mapping[str, Any]],
    *,
    sources: pd.DataFrame | None = None,
    period: tuple[dt.date, dt.date] | None = None,
) -> Figures:
    """Read one period's results, one row per person.

    Parameters
    ----------
    results : DataFrame or list of mappings
        person, and name, cohort, source_file, source_row, first_day, last_day where known; all else is a figure.
    sources : DataFrame, optional
        person, figure, source_file, source_row: where a single figure was read; several rows of one are a sum.
    period : (date, date), optional
        First and last day; left out, they are those of the columns first_day and last_day, if any.

    Raises
    ------
    UserError
        No column person, a row without a person, two rows of one person, a figure called ``metric``, or rows of
        another period.
    """
    rows, names = each_record(results)
    if rows and "person" not in names:
        raise UserError(Message("goals.no_person_column", names=names[:8]))
    if "metric" in names:
        raise UserError(Message("goals.figure_called_metric"))
    lacking = [number for number, row in enumerate(rows, start=1) if is_empty(row.get("person"))]
    if lacking:
        raise UserError(Message("goals.row_without_person", rows=[str(number) for number in lacking[:_SHOWN]]))
    counts = Counter(text_of(row["person"]) for row in rows)
    twice = sorted(person for person, count in counts.items() if count > 1)
    if twice:
        raise UserError(Message("goals.person_twice", people=twice[:_SHOWN], count=len(twice)))
    rows.sort(key=lambda row: text_of(row["person"]))
    first, last = _period(rows, period)
    figures = [name for name in names if name not in PLAIN_COLUMNS]
    cohorts = [row.get("cohort") for row in rows]
    return Figures(
        persons=tuple(text_of(row["person"]) for row in rows),
        ids=tuple(row["person"] for row in rows),
        cohorts=tuple(None if is_empty(cohort) else text_of(cohort) for cohort in cohorts),
        names=frozenset(figures),
        has_cohort="cohort" in names,
        first_day=first,
        last_day=last,
        raw={name: [row.get(name) for row in rows] for name in figures},
        places=_places(sources),
        row_places=tuple(_place(row) for row in rows),
    )


def _place(row: Mapping[str, Any]) -> tuple[str, str] | None:
    file, number = row.get("source_file"), row.get("source_row")
    if is_empty(file) and is_empty(number):
        return None
    return ("" if is_empty(file) else str(file), "" if is_empty(number) else text_of(number))


def _places(sources: pd.DataFrame | None) -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    if sources is not None:
        for row in each_record(sources)[0]:
            place = _place(row)
            if place is not None:
                found.setdefault((text_of(row["person"]), str(row["figure"])), []).append(place)
    return {key: tuple(sorted(places)) for key, places in found.items()}


def _period(
    rows: list[dict[str, Any]], period: tuple[dt.date, dt.date] | None
) -> tuple[dt.date | None, dt.date | None]:
    days: dict[str, list[dt.date]] = {"first_day": [], "last_day": []}
    for number, row in enumerate(rows, start=1):
        for name, found in days.items():
            if not is_empty(row.get(name)):
                try:
                    found.append(read_date(row[name]))
                except ValueError as error:
                    raise UserError(
                        Message("goals.day_unread", column=name, row=number, value=str(row[name])[:40])
                    ) from error
    if period is None:
        return min(days["first_day"], default=None), max(days["last_day"], default=None)
    first, last = read_date(period[0]), read_date(period[1])
    outside = [day for day in days["first_day"] + days["last_day"] if not first <= day <= last]
    if outside:
        raise UserError(Message("goals.other_period", day=min(outside), first=first, last=last))
    return first, last
