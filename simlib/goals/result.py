"""Chapter 4 worked out: targets, chances, efficiency, payouts, scores, sampling and grades in one frozen result."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from simlib.goals.grades import GradeReview, review_grades
from simlib.goals.pay import bonus_per_hour, budget
from simlib.goals.payouts import Payouts, calculate_payouts
from simlib.goals.quality import plan_sampling
from simlib.goals.scores import read_ledger, work_out_scores
from simlib.goals.targets import (
    STRETCH,
    chance_of_reaching,
    cohort_targets,
    compare_efficiency,
    half_hour_targets,
    paid_hours,
    seat_shares,
    split_targets,
    team_targets,
)
from simlib.messages import Message, glossary

__all__ = ["GoalsResult", "Month", "work_out_goals"]


@dataclass(frozen=True, kw_only=True)
class Month:
    """What is known of a month, each part where there is one; frames as the functions of the chapter take them.

    Attributes
    ----------
    schemes, results : DataFrame
        For the payouts.
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
    """

    schemes: pd.DataFrame | None = None
    results: pd.DataFrame | None = None
    period: tuple[dt.date, dt.date] | None = None
    confirmed: Collection[tuple[str, int]] = ()
    sheets: pd.DataFrame | None = None
    evidence: pd.DataFrame | None = None
    rules: pd.DataFrame | None = None
    qa: pd.DataFrame | None = None
    grades: pd.DataFrame | None = None
    events: pd.DataFrame | None = None
    months: pd.DataFrame | None = None
    budget_nights: Mapping[str, Iterable[pd.DataFrame]] | None = None


@dataclass(frozen=True, kw_only=True)
class GoalsResult:
    """The chapter's result.

    Attributes
    ----------
    tables : dict of str to DataFrame
        By name: targets, half_hours, people, cohorts, efficiency; chances, payouts, totals, lacking, evidence,
        refused, budget, bonus_per_hour, scores, score_items, sampling, grades where there is what they need.
    figures : dict of str to float
        Single figures for the summary: floor and stretch of the team, chances, what is paid, refused schemes.
    findings : tuple of Message
        What somebody should look at, the most pressing first.
    payouts : Payouts or None
        For slips, disputes and late payments.
    """

    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    figures: Mapping[str, float]
    findings: tuple[Message, ...]
    payouts: Payouts | None = field(default=None, repr=False)


def work_out_goals(
    *,
    sales_cny: float,
    receptions: float,
    roster: pd.DataFrame,
    agents: pd.DataFrame,
    demand: pd.DataFrame,
    day: dt.date,
    goals: pd.DataFrame | None = None,
    stretch: float = STRETCH,
    nights: pd.DataFrame | None = None,
    month: Month | None = None,
) -> GoalsResult:
    """Work the chapter out from tables of the other chapters.

    Parameters
    ----------
    sales_cny, receptions : float
        What follows from the sales task.
    roster : DataFrame
        agent_id, queue, start, end, activity.
    agents : DataFrame
        agent_id, name, cohort, speed.
    demand : DataFrame
        start, queue, human.
    day : date
        The promo day.
    goals : DataFrame, optional
        The store's sheet of goals.
    nights : DataFrame, optional
        night, start, queue, receptions, sales_cny, for the chances.
    month : Month, optional
        For pay, scores, quality and grades.

    Raises
    ------
    UserError
        Results, weights or bands that cannot be read; a refused scheme is a finding instead.
    """
    targets = team_targets(sales_cny=sales_cny, receptions=receptions, goals=goals, stretch=stretch)
    whole = targets[targets["queue"].isna()]
    people = split_targets(whole, roster=roster, agents=agents, demand=demand, day=day)
    tables = {
        "team_targets": targets.assign(unit=[glossary()[kpi]["unit"] for kpi in targets["kpi"]]),
        "half_hours": half_hour_targets(whole, demand=demand, day=day),
        "personal_targets": people,
        "cohorts": cohort_targets(people),
        "efficiency": _planned_efficiency(people, roster),
    }
    figures = {
        f"{kpi}_{level}": float(whole.loc[whole["kpi"] == kpi, level].iloc[0])
        for kpi in ("cs_sales_cny", "receptions")
        for level in ("floor", "stretch")
    }
    findings: list[Message] = []
    if nights is not None:
        shares = None if "agent_id" in nights.columns else seat_shares(roster, agents, demand["start"])
        tables["chances"], odd = chance_of_reaching(nights, whole, people=people, shares=shares)
        team = tables["chances"][tables["chances"]["agent_id"] == "all"]
        for row in team.itertuples():
            figures |= {f"{row.kpi}_floor_chance": row.floor_chance, f"{row.kpi}_stretch_chance": row.stretch_chance}
        findings += odd
    payouts = None
    if month is not None:
        payouts, more = _pay(month, tables, figures)
        findings = [*more, *findings, *_assess(month, tables)]
    return GoalsResult(tables=tables, figures=figures, findings=tuple(findings), payouts=payouts)


def _planned_efficiency(people: pd.DataFrame, roster: pd.DataFrame) -> pd.DataFrame:
    hours = paid_hours(roster)
    planned = people.merge(hours, on="agent_id", how="left").assign(
        sales_cny=people["cs_sales_cny_floor"], receptions=people["receptions_floor"]
    )
    return compare_efficiency(planned)


def _pay(
    month: Month, tables: dict[str, pd.DataFrame], figures: dict[str, float]
) -> tuple[Payouts | None, list[Message]]:
    if month.schemes is None or month.results is None:
        return None, []
    found = calculate_payouts(month.schemes, month.results, period=month.period, confirmed=month.confirmed)
    refused: list[tuple[Any, ...]] = [(one.scheme, one.rule, one.text("zh"), one.text("en")) for one in found.refused]
    tables["payouts"] = found.lines
    tables["totals"] = found.totals
    tables["lacking"] = found.lacking
    tables["evidence"] = found.evidence
    tables["refused"] = pd.DataFrame(refused, columns=["scheme", "rule", "zh", "en"])
    figures["paid_cny"] = float(sum(found.totals["amount_cny"]))
    figures["provisional_cny"] = float(sum(found.totals["provisional_cny"]))
    figures["schemes_refused"] = float(len({one.scheme for one in found.refused}))
    findings = [one.error.messages[0] for one in found.refused]
    waiting = found.lacking[~found.lacking["confirmed"].astype(bool)]
    for (scheme, rule), own in waiting.groupby(["scheme", "rule"]):
        people = [str(person) for person in own["person"]]
        findings.append(Message("goals.provisional", scheme=scheme, rule=rule, people=people[:5], count=len(people)))
    findings += found.notices
    if {"person", "cohort", "effective_hours"} <= set(month.results.columns):
        tables["bonus_per_hour"], unequal = bonus_per_hour(found, month.results)
        findings += unequal
    if month.budget_nights is not None:
        tables["budget"], _ = budget(month.schemes, month.budget_nights)
    return found, findings


def _assess(month: Month, tables: dict[str, pd.DataFrame]) -> list[Message]:
    findings: list[Message] = []
    if month.results is not None:
        ledger = None
        if month.evidence is not None:
            ledger, unread = read_ledger(month.evidence, rules=month.rules)
            findings += unread
        scores = work_out_scores(month.results, sheets=month.sheets, ledger=ledger)
        tables["scores"], tables["score_items"] = scores.scores, scores.items
        findings += scores.findings
    if month.qa is not None and not month.qa.empty:
        tables["sampling"] = plan_sampling(month.qa)
    if month.grades is not None and month.events is not None and month.months is not None:
        on = month.period[1] if month.period is not None else dt.date.max
        review: GradeReview = review_grades(month.grades, events=month.events, months=month.months, on=on)
        tables["grades"] = review.people
        findings += [*review.warnings, *(one for reasons in review.reasons.values() for one in reasons)]
    return findings
