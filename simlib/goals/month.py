"""A month of a team: what the sheets of ``goals.xlsx`` and the platforms' exports say, ready for the chapter."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simlib.goals.figures import exact_number, is_empty, read_date, text_of
from simlib.goals.sheets import SETTINGS
from simlib.goals.workbook import GoalsWorkbook
from simlib.messages import Message
from simlib.store.exports import read_exports
from simlib.store.models import Store

__all__ = ["Month", "read_month", "sum_agent_days"]

# Sums of an export's days, and means that are weighted by the receptions they were measured on.
SUMS = ("receptions", "inquiries", "buyers_paid", "sales_cny", "messages_buyer", "messages_agent", "unanswered")
MEANS = ("first_response_s", "mean_response_s", "rate_3min", "satisfied_share")
_OLD_NAMES = {"rule_name": "rule", "assessment": "score", "fault": "item", "event": "kind", "begins": "start"}


@dataclass(frozen=True, kw_only=True)
class Month:
    """What is known of a month, each part where there is one; frames as the functions of the chapter take them.

    Attributes
    ----------
    schemes, results : DataFrame
        For the payouts.
    sources : DataFrame
        person, figure, source_file, source_row: the rows of exports behind figures.
    period : (date, date)
        First and last day of the results.
    confirmed : collection of (scheme, rule)
        Provisional rules that somebody has confirmed.
    sheets : DataFrame
        The store's own score sheets.
    evidence : DataFrame
        The ledger of bonus and malus.
    rules : DataFrame
        The team's rules with their dates, which a malus needs.
    qa : DataFrame
        person, week, score.
    grades, events, months : DataFrame
        For the review of grades on ``period[1]``.
    budget_nights : mapping of level to frames of results
        Simulated nights for the budget.
    more : mapping of str to DataFrame
        The sheets of the team week by week, by name; those that nobody filled in are left out.
    settings : mapping of str to value
        What the store set once.
    findings : tuple of Message
        What did not fit while it was read.
    """

    schemes: pd.DataFrame | None = None
    results: pd.DataFrame | None = None
    sources: pd.DataFrame | None = None
    period: tuple[dt.date, dt.date] | None = None
    confirmed: tuple[tuple[str, int], ...] = ()
    sheets: pd.DataFrame | None = None
    evidence: pd.DataFrame | None = None
    rules: pd.DataFrame | None = None
    qa: pd.DataFrame | None = None
    grades: pd.DataFrame | None = None
    events: pd.DataFrame | None = None
    months: pd.DataFrame | None = None
    budget_nights: Mapping[str, Any] | None = None
    more: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Message, ...] = ()


def read_month(book: GoalsWorkbook, *, store: Store) -> Month:
    """Read the month from the workbook and, where its settings name a folder beside it, from exports.

    A figure that both have is the sheet's; a cohort that the sheet leaves out is the one of the store's people.
    """
    tables = {
        sheet: table.rename(columns=_OLD_NAMES) if sheet not in ("schemes", "results", "scores") else table
        for sheet, table in book.tables.items()
    }
    settings, findings = _read_settings(tables["settings"])
    first, last = settings.get("first_day"), settings.get("last_day")
    period = (first, last) if first is not None and last is not None else None
    filled = {sheet: table for sheet, table in tables.items() if not table.empty}
    exported, sources = None, None
    if "exports" in settings and book.folder is not None:
        exported, sources, more = _read_folder(book.folder, str(settings["exports"]), store, period)
        findings += more
    for sheet, column in (("days", "day"), ("hours", "start")):
        if sheet in filled and period is not None:
            filled[sheet], late = _keep_period(filled[sheet], column, sheet, period)
            findings += late
    given = filled.get("results")
    results = _join_results(given, exported)
    if sources is not None and given is not None:
        sources = _without_own(sources, given)
    if results is not None:
        results, unequal = _with_people(results, store)
        findings += unequal
    confirmed = filled.get("confirmed")
    named = ("goals", "schemes", "results", "scores", "evidence", "qa", "grades", "events", "months", "settings")
    return Month(
        schemes=filled.get("schemes"),
        results=results,
        sources=sources,
        period=period,
        confirmed=()
        if confirmed is None
        else tuple((text_of(row.scheme), int(row.rule)) for row in confirmed.itertuples()),
        sheets=filled.get("scores"),
        evidence=filled.get("evidence"),
        rules=filled.get("team_rules"),
        qa=filled.get("qa"),
        grades=filled.get("grades"),
        events=tables["events"],
        months=filled.get("months"),
        more={sheet: table for sheet, table in filled.items() if sheet not in named},
        settings=settings,
        findings=tuple(findings),
    )


def _read_settings(table: pd.DataFrame) -> tuple[dict[str, Any], list[Message]]:
    found: dict[str, Any] = {}
    wrong = []
    for position, row in enumerate(table.itertuples(), start=2):
        try:
            if SETTINGS[row.setting] == "date":
                found[row.setting] = read_date(row.value)
            elif SETTINGS[row.setting] == "number":
                found[row.setting] = float(exact_number(row.value))
            else:
                found[row.setting] = text_of(row.value)
        except ValueError:
            value = str(row.value)[:40]
            wrong.append(Message("goals.setting_unread", row=position, setting=row.setting, value=value))
    if found.get("first_day") and found.get("last_day") and found["first_day"] > found["last_day"]:
        wrong.append(Message("goals.period_backwards", first=found.pop("first_day"), last=found.pop("last_day")))
    return found, wrong


def _read_folder(
    folder: Path, name: str, store: Store, period: tuple[dt.date, dt.date] | None
) -> tuple[pd.DataFrame | None, pd.DataFrame | None, list[Message]]:
    """Read the exports of a folder beside the workbook; a name that leads elsewhere is refused."""
    place = folder / name
    if Path(name).name != name or not place.is_dir():
        return None, None, [Message("goals.no_exports", folder=name)]
    days = read_exports(place, store=store).tables.get("agent_day")
    if days is None or days.empty:
        return None, None, [Message("goals.no_agent_days", folder=name)]
    return sum_agent_days(days, period=period)


def sum_agent_days(
    days: pd.DataFrame, *, period: tuple[dt.date, dt.date] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, list[Message]]:
    """Sum the days of an export by person: counts and money added, means weighted by receptions.

    Parameters
    ----------
    days : DataFrame
        The canonical table ``agent_day``.
    period : (date, date), optional
        Days outside it do not count, and are named.

    Returns
    -------
    DataFrame
        person, the sums and means that the export has, conversion, reply_ratio, exported_days.
    DataFrame
        person, figure, source_file, source_row: what each figure was added up from.
    list of Message
        Days of another period.

    Examples
    --------
    >>> days = pd.DataFrame({"day": [dt.date(2026, 8, 1), dt.date(2026, 8, 2)], "agent": ["A", "A"],
    ...                      "receptions": [30.0, 10.0], "mean_response_s": [20.0, 40.0],
    ...                      "source_file": "x.xlsx", "source_row": [2, 3]})
    >>> sum_agent_days(days)[0][["receptions", "mean_response_s"]].values.tolist()
    [[40.0, 25.0]]
    """
    kept, found = days, []
    if period is not None:
        dates = pd.to_datetime(days["day"]).dt.date
        inside = np.array([period[0] <= day <= period[1] if day == day else False for day in dates], dtype=bool)
        if not inside.all():
            outside = sorted({str(day) for day in dates[~inside]})
            places = [f"{row.source_file}:{row.source_row}" for row in days[~inside].head(3).itertuples()]
            count = int((~inside).sum())
            late = {"days": outside[:3], "where": places, "count": count, "first": period[0], "last": period[1]}
            found.append(Message("goals.days_outside", **late))
        kept = days[inside]
    rows = []
    for person, own in kept.groupby("agent", sort=True):
        weight = own["receptions"].astype(float) if "receptions" in own else pd.Series(1.0, index=own.index)
        row: dict[str, Any] = {"person": person, "exported_days": len(own)}
        for name in SUMS:
            if name in own and own[name].notna().any():
                row[name] = float(own[name].astype(float).sum())
        for name in MEANS:
            known = own[name].notna() & (weight > 0) if name in own else None
            if known is not None and known.any():
                values = own.loc[known, name].astype(float)
                row[name] = round(float((values * weight[known]).sum() / weight[known].sum()), 6)
        for name, over, under in (
            ("conversion", "buyers_paid", "inquiries"),
            ("reply_ratio", "messages_agent", "messages_buyer"),
        ):
            if row.get(under):
                row[name] = round(row.get(over, 0.0) / row[under], 6)
        rows.append(row)
    table = pd.DataFrame(rows, columns=None if rows else ["person", "exported_days"])
    figures = [name for name in table.columns if name not in ("person", "exported_days")]
    places = kept[["agent", "source_file", "source_row"]].rename(columns={"agent": "person"})
    sources = places.merge(pd.DataFrame({"figure": figures}), how="cross")
    return table, sources[["person", "figure", "source_file", "source_row"]], found


def _keep_period(
    table: pd.DataFrame, column: str, sheet: str, period: tuple[dt.date, dt.date]
) -> tuple[pd.DataFrame, list[Message]]:
    """Leave out the rows of another period, and name them by row."""
    inside = np.array([period[0] <= _day_of(value) <= period[1] for value in table[column]], dtype=bool)
    if inside.all():
        return table, []
    rows = [str(position + 2) for position in np.flatnonzero(~inside)]
    late = Message("goals.rows_outside", sheet=sheet, rows=rows[:5], count=len(rows), first=period[0], last=period[1])
    return table[inside].reset_index(drop=True), [late]


def _day_of(moment: Any) -> dt.date:
    """Return the day of a date or of a moment."""
    return moment.date() if isinstance(moment, dt.datetime) else read_date(moment)


def _join_results(sheet: pd.DataFrame | None, exported: pd.DataFrame | None) -> pd.DataFrame | None:
    """Join what the sheet has and what exports have, one row per person; the sheet's own figure goes first."""
    if sheet is not None:
        empty = [name for name in sheet.columns if sheet[name].map(is_empty).all()]
        sheet = sheet.drop(columns=[name for name in empty if name not in ("source_file", "source_row")])
    if sheet is None or exported is None or exported.empty:
        return sheet if sheet is not None else exported
    both = sheet.merge(exported, on="person", how="outer", suffixes=("", "_exported"))
    for name in [name for name in both.columns if name.endswith("_exported") and name != "exported_days"]:
        own = name.removesuffix("_exported")
        both[own] = both[own].where(both[own].notna(), both[name])
        both = both.drop(columns=name)
    return both.astype(object).where(both.notna(), None)


def _without_own(sources: pd.DataFrame, sheet: pd.DataFrame) -> pd.DataFrame:
    """Leave out the exports' rows behind figures that the sheet itself gives."""
    own = {
        (text_of(row["person"]), name)
        for row in sheet.to_dict("records")
        for name, value in row.items()
        if not is_empty(value)
    }
    keep = [(text_of(row.person), row.figure) not in own for row in sources.itertuples()]
    return sources[np.array(keep, dtype=bool)]


def _with_people(results: pd.DataFrame, store: Store) -> tuple[pd.DataFrame, list[Message]]:
    """Fill in name and cohort from the store's people; name those whose cohort is another one there."""
    people = {agent.agent_id: agent for agent in store.agents}
    table = results.copy()
    found = []
    for name in ("cohort", "name"):
        known = [getattr(people.get(text_of(person)), name, None) for person in table["person"]]
        own = table[name].tolist() if name in table else [None] * len(table)
        if name == "cohort":
            unequal = [
                text_of(person)
                for person, given, here in zip(table["person"], own, known, strict=True)
                if not is_empty(given) and here is not None and given != here
            ]
            if unequal:
                found.append(Message("goals.cohort_differs", people=unequal[:5], count=len(unequal)))
        filled = [here if is_empty(given) else given for given, here in zip(own, known, strict=True)]
        if any(value is not None for value in filled):
            table[name] = filled
    strangers = [text_of(person) for person in table["person"] if text_of(person) not in people]
    if strangers:
        found.append(Message("goals.person_unknown", people=strangers[:5], count=len(strangers)))
    return table, found
