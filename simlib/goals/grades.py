"""Grades P1 to P6: who may rise, who falls, whom a rule only warns of, with the reasons and the law beside them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from simlib import facts
from simlib.goals.figures import read_date
from simlib.messages import Lang, Message, Term

__all__ = ["GradeReview", "competition_months", "grade_ladder", "review_grades", "stage_kpis", "stage_pay"]

BLOCKING = ("penalty", "complaint", "bad_review", "major_mistake")
STAGES = ("startup", "growth", "mature")


@dataclass(frozen=True, kw_only=True)
class GradeReview:
    """What the months say about each grade.

    Attributes
    ----------
    people : DataFrame
        person, grade, eligible (for promotion), next_grade (after a demotion by rule), counts_from (first month
        of the six).
    warnings : tuple of Message
        Warnings, each with its reason and the law; nothing follows from them by itself.
    reasons : dict of str to tuple of Message
        By person, why not eligible or demoted.
    """

    people: pd.DataFrame
    warnings: tuple[Message, ...]
    reasons: dict[str, tuple[Message, ...]]


def grade_ladder() -> pd.DataFrame:
    """Return the grades from the lowest: grade, rank, honour (whether the grade bears a title of honour)."""
    rows = facts.table("grades")
    rows = rows[rows["kind"] == "grade"]
    return pd.DataFrame(
        {"grade": rows["key"].tolist(), "rank": rows["value"].astype(int).tolist(), "honour": rows["honour"].tolist()}
    )


def competition_months(year: int) -> tuple[dt.date, ...]:
    """Return the first days of the two months with a competition for posts."""
    return tuple(dt.date(year, month, 1) for month in facts.value("grades", "competition_months"))


def review_grades(people: pd.DataFrame, *, events: pd.DataFrame, months: pd.DataFrame, on: dt.date) -> GradeReview:
    """Review the grades on a day.

    Parameters
    ----------
    people : DataFrame
        person, grade, since (day from which the grade counts).
    events : DataFrame
        person, day, kind: penalty, complaint (by a colleague), bad_review (caused by the person), major_mistake.
    months : DataFrame
        month (first day), person, sales_cny, score, exam (missing = not sat): one row per person and month.
    on : date
        The day of the review; months before it count.

    Raises
    ------
    ValueError
        An unknown grade or kind of event.
    """
    ladder = grade_ladder().set_index("grade")["rank"]
    unknown = sorted(set(people["grade"]) - set(ladder.index))
    kinds = sorted(set(events["kind"]) - set(BLOCKING))
    if unknown or kinds:
        raise ValueError(f"grades must be of {list(ladder.index)} and events of {list(BLOCKING)}: {unknown + kinds}")
    needed = int(facts.value("grades", "clean_months"))
    since = _months_before(on, needed)
    past = events.assign(day=[read_date(day) for day in events["day"]])
    past = past[np.array([day <= on for day in past["day"]], dtype=bool)]
    reasons: dict[str, tuple[Message, ...]] = {}
    rows = []
    for person in people.itertuples():
        own = past[past["person"] == person.person]
        why = [
            Message("goals.not_eligible", person=person.person, kind=Term(f"event_{row.kind}"), day=row.day)
            for row in own.itertuples()
            if row.day > since
        ]
        begun = read_date(person.since)
        if begun > since:
            why.append(Message("goals.too_new", person=person.person, since=begun, months=needed))
        down = _exam_missed(months[months["person"] == person.person], on)
        rank, grade, counts_from = int(ladder[person.grade]), str(person.grade), begun
        if down:
            why.append(Message("goals.demoted", person=person.person, months=down))
            counts_from = on
            if rank > 1:
                grade = str(ladder.index[ladder == rank - 1][0])
        top = rank == int(ladder.max())
        rows.append((person.person, person.grade, not why and not top, grade, counts_from))
        reasons[str(person.person)] = tuple(why)
    table = pd.DataFrame(rows, columns=["person", "grade", "eligible", "next_grade", "counts_from"])
    return GradeReview(people=table, warnings=tuple(_warnings(people, past, months, on)), reasons=reasons)


def _months_before(on: dt.date, months: int) -> dt.date:
    number = on.year * 12 + on.month - 1 - months
    year, month = divmod(number, 12)
    first = pd.Timestamp(year=year, month=month + 1, day=1)
    return dt.date(year, month + 1, min(on.day, first.days_in_month))


def _full_months(table: pd.DataFrame, on: dt.date, count: int) -> list[dt.date]:
    """Return the first days of the last full months before a day, the latest last."""
    first = on.replace(day=1)
    return [_months_before(first, back) for back in range(count, 0, -1)]


def _exam_missed(own: pd.DataFrame, on: dt.date) -> int:
    """Return the months in a row without a passed exam where they reach the limit, else 0."""
    limit, passed = (int(facts.value("grades", key)) for key in ("exam_months_down", "exam_pass"))
    exams = {read_date(row.month).replace(day=1): row.exam for row in own.itertuples()}
    wanted = _full_months(own, on, limit)
    if not all(month in exams for month in wanted):
        return 0  # somebody who was not there yet has missed nothing
    return limit if all(pd.isna(exams[month]) or exams[month] < passed for month in wanted) else 0


def _warnings(people: pd.DataFrame, events: pd.DataFrame, months: pd.DataFrame, on: dt.date) -> list[Message]:
    limit, complaints = (int(facts.value("grades", key)) for key in ("last_months", "complaints_month"))
    wanted = _full_months(months, on, limit)
    dated = months.assign(month=[read_date(day).replace(day=1) for day in months["month"]])
    found = []
    for column, key in (("sales_cny", "goals.last_in_sales"), ("score", "goals.last_in_score")):
        last = []
        for month in wanted:
            rows = dated[(dated["month"] == month) & dated[column].notna()]
            last.append(set(rows.loc[rows[column] == rows[column].min(), "person"]) if len(rows) > 1 else set())
        for person in sorted(set.intersection(*last)) if last else []:
            found.append(Message(key, person=person, months=limit))
    month = wanted[-1]
    in_month = np.array([day.replace(day=1) == month for day in events["day"]], dtype=bool)
    own = events[(events["kind"] == "complaint").to_numpy(dtype=bool) & in_month]
    for person, count in sorted(own.groupby("person").size().items()):
        if count >= complaints:
            found.append(Message("goals.many_complaints", person=person, count=int(count), limit=complaints))
    return found


def law_text(key: str, lang: Lang) -> str:
    """Return what the law says about one matter, with its source and how sure that is, for the page beside it."""
    row = facts.table("pay_law").set_index("key").loc[key]
    return str(row[f"text_{lang}"])


def stage_kpis(stage: str, queue: str) -> tuple[str, ...]:
    """Return the KPI set of a store's stage: keys of the glossary.

    Raises
    ------
    ValueError
        Another stage than startup, growth and mature.

    Examples
    --------
    >>> stage_kpis("growth", "presale")
    ('mean_response_s', 'conversion', 'sales_cny')
    """
    return tuple(_stage_row(stage, queue))


def stage_pay(stage: str) -> tuple[str, ...]:
    """Return the parts of pay of a store's stage.

    Examples
    --------
    >>> stage_pay("mature")
    ('base_pay', 'performance_bonus', 'project_reward')
    """
    return tuple(_stage_row(stage, "pay"))


def _stage_row(stage: str, what: str) -> list[str]:
    if stage not in STAGES:
        raise ValueError(f"stage must be one of {', '.join(STAGES)}, got {stage!r}")
    return list(facts.value("stages", f"{stage}_{what}"))
