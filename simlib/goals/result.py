"""Chapter 4 worked out: targets, chances, efficiency, payouts, scores, grades and the team in one frozen result."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from simlib.goals.month import Month
from simlib.goals.nights import PeopleNights, compare_dropping, simulate_people
from simlib.goals.pay import budget
from simlib.goals.payouts import Payouts
from simlib.goals.review import assess_month, lead_team, list_prizes, pay_month
from simlib.goals.targets import (
    BOT,
    EVERYBODY,
    STRETCH,
    add_levels,
    chance_of_reaching,
    chance_of_service,
    cohort_targets,
    compare_efficiency,
    half_hour_targets,
    paid_hours,
    seat_shares,
    split_targets,
    team_targets,
)
from simlib.goals.team import is_form_address
from simlib.messages import Message, glossary
from simlib.night import PromoNight
from simlib.store.problems import Problem

__all__ = ["GoalsResult", "Month", "work_out_goals"]

SIDE_EFFECT_NIGHTS = 10  # ours: the difference on the same buyers is settled by few nights
BUDGET_NIGHTS = 10  # ours: three levels of so many nights; a band of a budget needs no more


@dataclass(frozen=True, kw_only=True)
class GoalsResult:
    """The chapter's result.

    Attributes
    ----------
    tables : dict of str to DataFrame
        By name: team_targets, half_hours, personal_targets, cohorts, efficiency, and each other table of the chapter
        where there is what it needs. A text stands in two columns, ``_zh`` and ``_en``.
    figures : dict of str to float
        Single figures for the summary: floor and stretch of the team, chances, what is paid, refused schemes.
    findings : tuple of Message
        What somebody should look at, the most pressing first.
    payouts : Payouts or None
        For slips, disputes and late payments.
    month : Month or None
        What the payouts were worked out from.
    problems : tuple of Problem
        What is wrong in the sheets of ``goals.xlsx``, by row.
    notices : tuple of Problem
        What of them is worth knowing and no mistake: what Excel does not show and is read, rows that add up others.
    """

    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    figures: Mapping[str, float]
    findings: tuple[Message, ...]
    payouts: Payouts | None = field(default=None, repr=False)
    month: Month | None = field(default=None, repr=False)
    problems: tuple[Problem, ...] = ()
    notices: tuple[Problem, ...] = ()

    @property
    def people(self) -> int:
        """People who have a target of their own; what the bot sells is nobody's."""
        return int((self.tables["personal_targets"]["cohort"] != BOT).sum())

    @property
    def box_address(self) -> str | None:
        """Address of the form behind the anonymous box; None where none is set, or none that a phone can open."""
        address = None if self.month is None else self.month.settings.get("box_address")
        return address if address is not None and is_form_address(str(address)) else None


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
    bot_share: float = 0.0,
    nights: pd.DataFrame | None = None,
    night: PromoNight | None = None,
    aov_cny: float = 0.0,
    service: pd.DataFrame | None = None,
    incentives: pd.DataFrame | None = None,
    month: Month | None = None,
    problems: Sequence[Problem] = (),
    notices: Sequence[Problem] = (),
    today: dt.date | None = None,
    seed: int = 7,
    replications: int = 0,
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
    bot_share : float
        Share of the buyers whom the bot serves alone: that part of the sales is nobody's target.
    nights : DataFrame, optional
        night, start, queue, receptions, sales_cny, for the chances; not needed with ``night``.
    night : PromoNight, optional
        The night to simulate for each person's chances, the budget and the side effect of a response-time prize.
    aov_cny : float
        What a buyer pays.
    service : DataFrame, optional
        One row per simulated night, one column per KPI.
    incentives : DataFrame, optional
        The core workbook's prizes.
    month : Month, optional
        For pay, scores, quality and grades.
    problems : sequence of Problem
        What was wrong in the workbook; the result hands it on.
    notices : sequence of Problem
        What is worth knowing of the workbook; the result hands it on too.
    today : date, optional
        The day from which late payments, open duties and overdue answers are counted.
    seed, replications : int
        Of the simulated nights.

    Raises
    ------
    UserError
        Results, weights or bands that cannot be read; a refused scheme is a finding instead.
    """
    targets = team_targets(sales_cny=sales_cny, receptions=receptions, goals=goals, stretch=stretch)
    whole = targets[targets["queue"].isna()]
    people = split_targets(whole, roster=roster, agents=agents, demand=demand, day=day, bot_share=bot_share)
    hours = paid_hours(roster)
    planned = people.merge(hours, on="agent_id", how="left").assign(
        sales_cny=people["cs_sales_cny_floor"], receptions=people["receptions_floor"]
    )
    tables = {
        "team_targets": targets.assign(unit=[glossary().get(kpi, {}).get("unit", "") for kpi in targets["kpi"]]),
        "half_hours": add_levels(half_hour_targets(whole, demand=demand, day=day), whole),
        "personal_targets": add_levels(people, whole),
        "cohorts": add_levels(cohort_targets(people), whole),
        "efficiency": compare_efficiency(planned.fillna({"paid_hours": 0.0})).assign(basis="basis_plan"),
    }
    figures = {
        f"{kpi}_{level}": float(whole.loc[whole["kpi"] == kpi, level].iloc[0])
        for kpi in ("cs_sales_cny", "receptions")
        for level in ("floor", "stretch")
    }
    findings: list[Message] = []
    simulated: PeopleNights | None = None
    if night is not None and replications:
        simulated = simulate_people(night, day=day, aov_cny=aov_cny, seed=seed, replications=replications)
        nights = simulated.long_frame()
    if nights is not None:
        shares = None if "agent_id" in nights.columns else seat_shares(roster, agents, demand["start"])
        tables["chances"], odd = chance_of_reaching(nights, whole, people=people, shares=shares)
        team = tables["chances"][tables["chances"]["agent_id"] == EVERYBODY]
        for row in team.itertuples():
            figures |= {f"{row.kpi}_floor_chance": row.floor_chance, f"{row.kpi}_stretch_chance": row.stretch_chance}
        findings += odd
    if service is not None:
        tables["service_chances"], odd = chance_of_service(service, whole)
        findings += odd
    if night is not None and replications:
        tables["floor_effects"] = compare_dropping(
            night, day=day, aov_cny=aov_cny, seed=seed, replications=min(replications, SIDE_EFFECT_NIGHTS)
        )
        findings.append(_name_side_effect(tables["floor_effects"]))
    payouts = None
    if incentives is not None or month is not None:
        prizes = list_prizes(incentives, None if month is None else month.more.get("prizes"), promo_day=day)
        tables |= prizes[0]
        findings += prizes[1]
    if month is not None:
        on = today or day
        payouts, pay_tables, pay_figures, pay_findings = pay_month(month, on=on, seed=seed)
        tables |= pay_tables
        if simulated is not None and month.schemes is not None:
            tables["budget"] = _work_out_budget(month, simulated, whole, people)
        elif month.budget_nights is not None and month.schemes is not None:
            tables["budget"], _ = budget(month.schemes, month.budget_nights)
        if "efficiency" in pay_tables:
            plan = compare_efficiency(planned.fillna({"paid_hours": 0.0}))
            both = [plan.assign(basis="basis_plan"), pay_tables["efficiency"].assign(basis="basis_actual")]
            tables["efficiency"] = pd.concat(both, ignore_index=True)
        assessed, assess_findings = assess_month(month)
        team_tables, team_findings = lead_team(month, on=on)
        tables |= assessed | team_tables
        figures |= pay_figures
        findings = [*month.findings, *pay_findings, *findings, *assess_findings, *team_findings]
    return GoalsResult(
        tables=tables,
        figures=figures,
        findings=tuple(findings),
        payouts=payouts,
        month=month,
        problems=tuple(problems),
        notices=tuple(notices),
    )


def _whole(value: float) -> str:
    return f"{round(value):,}"  # never minus nought


def _name_side_effect(effects: pd.DataFrame) -> Message:
    rows = effects.set_index("figure")
    response, sales = rows.loc["mean_response_s"], rows.loc["cs_sales_cny"]
    clear = sales["difference_high"] < 0
    return Message(
        f"goals.{'dropping' if clear else 'dropping_unclear'}",
        before=f"{response['as_is']:.1f}",
        after=f"{response['dropping']:.1f}",
        sales=_whole(-sales["difference"]),
        low=_whole(-sales["difference_high"]),
        high=_whole(-sales["difference_low"]),
        buyers=f"{rows.loc['buyers_dropped', 'dropping']:,.0f}",
    )


def _work_out_budget(month: Month, simulated: PeopleNights, whole: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Return what the schemes cost if the night comes in at its floor, as it is likely to, or at its stretch.

    Figures that a night has (receptions, sales, response, completion of the personal target) are the night's; all
    others, such as an exam, are those of the month's results.
    """
    team = simulated.team["cs_sales_cny"].to_numpy()
    target = whole.set_index("kpi").loc["cs_sales_cny"]
    own_target = people.set_index("agent_id")["cs_sales_cny_floor"]
    count = min(len(simulated), BUDGET_NIGHTS)
    nights = {}
    for level in ("floor", "likely", "stretch"):
        factors = 1.0 if level == "likely" else float(target[level]) / team.clip(min=1.0)
        frames = [frame for frame, _ in zip(simulated.frames(factors=factors), range(count), strict=False)]
        nights[level] = [_as_results(frame, month.results, own_target) for frame in frames]
    return budget(month.schemes if month.schemes is not None else [], nights)[0]


def _as_results(frame: pd.DataFrame, results: pd.DataFrame | None, own_target: pd.Series) -> pd.DataFrame:
    target = frame["person"].map(own_target).astype(float)
    night = frame.assign(completion=(frame["sales_cny"] / target.where(target > 0)).round(4))
    if results is None:
        return night
    others = results.drop(columns=[name for name in night.columns if name != "person" and name in results])
    return others.merge(night, on="person", how="left")
