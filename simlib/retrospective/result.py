"""The retrospective as one result: every table, figure and finding, worked out once."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from simlib.intervals import Grid
from simlib.messages import Message, Term, UserError
from simlib.night import PromoNight
from simlib.retrospective.audit import HIGHEST, check_actions, score_audit
from simlib.retrospective.buyers import (
    TOP,
    TagName,
    check_promises,
    pick_wordings,
    rank_questions,
    review_feedback,
    review_main_push,
    sum_second_orders,
    sum_second_sales,
    tag_questions,
)
from simlib.retrospective.drilled import compare_drill, compare_moves, drill_findings, move_findings
from simlib.retrospective.forecast import (
    Fit,
    check_actuals,
    compare_actuals,
    compare_heads,
    heads_findings,
    judge_requirement,
    measure_fit,
    requirement_findings,
    score_platforms,
)
from simlib.retrospective.incidents import cost_incidents, value_levers
from simlib.retrospective.naming import name_columns, unit_of
from simlib.retrospective.people import (
    COMPARED,
    build_daily_board,
    find_outliers,
    measure_load,
    plan_relief,
    relate_results,
    relief_findings,
    sum_reminders,
)
from simlib.retrospective.periods import Settlement, compare_settlements, compare_weeks, list_payment_lag, settle_orders
from simlib.retrospective.variance import NightFacts, Variance, work_out_variance
from simlib.retrospective.write_back import WriteBack
from simlib.store.problems import Problem

GIVEN = (
    "actual",
    "actuals",
    "served",
    "orders",
    "agent_day",
    "store_day",
    "chats",
    "questions",
    "platform_messages",
    "answers",
    "feedback",
    "promises",
    "pushes",
    "second_sales",
    "reminders",
    "audit",
    "actions",
)
MOVED_SHOWN = 3  # figures that the last promo moved most
FROM_EXPORTS = ("orders", "agent_day", "store_day", "chats", "platform_messages")
"""Of these the parts that a platform exports; the others are written down in ``review.xlsx``."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NightRecord:
    """What is known of a night that came; whatever is missing narrows the retrospective and is named.

    Parameters
    ----------
    actual : NightFacts, optional
        The night as it came, for the variance tree.
    actuals : DataFrame, optional
        start, queue, contacts, answered, in_time: ``store_interval`` of the exports, or the sheet of actuals.
    served : DataFrame, optional
        Who was really on chat: agent_id, queue, start, end, activity.
    incidents, cards : mapping of str to PromoNight
        By incident: the planned night with it alone, and with the levers of its card.
    orders, agent_day, store_day : DataFrame, optional
        As the exports give them.
    chats : DataFrame, optional
        agent, begun, ended, complaint.
    questions : DataFrame, optional
        chat, text of the buyers' messages.
    platform_messages : DataFrame, optional
        contact, time, sender, for the platforms' scores.
    answers, feedback, promises, pushes, push_sales, second_sales, reminders : DataFrame, optional
        The team's own lists (:mod:`simlib.retrospective.buyers`, :mod:`simlib.retrospective.people`).
    audit, audit_before, actions : DataFrame, optional
        The team's self-audit and its list of what changes (:mod:`simlib.retrospective.audit`).
    drilled : DataFrame, optional
        scenario, card, team, called_min of the night's drills.
    moves : DataFrame, optional
        Of the night's drills: scenario, lever, size, teams, promised_cny, cost_cny
        (:func:`simlib.retrospective.drilled.group_moves`).
    as_came, levered : PromoNight and mapping of int to PromoNight
        The night as it came, and the same with one of these levers, by the row of ``moves``.
    promos, learned : DataFrame, optional
        How wrong the plans of earlier promos were, and what this plan learned from each.
    notices, problems : tuple of Message, tuple of Problem
        What of it could not be used, and what is wrong in the workbook of the retrospective.
    book_notices : tuple of Problem
        What of the workbook is worth knowing and no mistake.
    write_back : WriteBack, optional
        What the next promo starts from.
    """

    actual: NightFacts | None = None
    actuals: pd.DataFrame | None = None
    served: pd.DataFrame | None = None
    incidents: Mapping[str, PromoNight] = field(default_factory=dict)
    cards: Mapping[str, PromoNight] = field(default_factory=dict)
    orders: pd.DataFrame | None = None
    agent_day: pd.DataFrame | None = None
    store_day: pd.DataFrame | None = None
    chats: pd.DataFrame | None = None
    questions: pd.DataFrame | None = None
    platform_messages: pd.DataFrame | None = None
    answers: pd.DataFrame | None = None
    feedback: pd.DataFrame | None = None
    promises: pd.DataFrame | None = None
    pushes: pd.DataFrame | None = None
    push_sales: pd.DataFrame | None = None
    second_sales: pd.DataFrame | None = None
    reminders: pd.DataFrame | None = None
    audit: pd.DataFrame | None = None
    audit_before: pd.DataFrame | None = None
    actions: pd.DataFrame | None = None
    drilled: pd.DataFrame | None = None
    moves: pd.DataFrame | None = None
    as_came: PromoNight | None = None
    levered: Mapping[int, PromoNight] = field(default_factory=dict)
    promos: pd.DataFrame | None = None
    learned: pd.DataFrame | None = None
    notices: tuple[Message, ...] = ()
    problems: tuple[Problem, ...] = ()
    book_notices: tuple[Problem, ...] = ()
    write_back: WriteBack | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class RetrospectiveResult:
    """What came of a promo, worked out once: whatever shows it computes nothing.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By name; only what could be worked out.
    figures : mapping of str to float
        Single figures, by name.
    findings : tuple of Message
        What it says, the most important first.
    missing : tuple of str
        The parts of :class:`NightRecord` that nobody gave.
    variance, settlement, fit, write_back
        The results behind the tables, None where there are none.
    problems, notices : tuple of Problem
        What is wrong in the workbook, and what of it is worth knowing and no mistake.
    """

    tables: Mapping[str, pd.DataFrame]
    figures: Mapping[str, float]
    findings: tuple[Message, ...]
    missing: tuple[str, ...]
    variance: Variance | None = None
    settlement: Settlement | None = None
    fit: Fit | None = None
    write_back: WriteBack | None = None
    problems: tuple[Problem, ...] = ()
    notices: tuple[Problem, ...] = ()

    @property
    def audit_highest(self) -> float:
        """The best score of a question of the self-audit."""
        return HIGHEST

    @property
    def is_empty(self) -> bool:
        """Return whether nothing of the night is known: no part of the record, nothing wrong in the workbook."""
        return len(self.missing) == len(GIVEN) and not self.problems

    @property
    def missing_exports(self) -> tuple[str, ...]:
        """The parts that nobody gave and that a platform exports."""
        return tuple(name for name in self.missing if name in FROM_EXPORTS)

    @property
    def missing_sheets(self) -> tuple[str, ...]:
        """The parts that nobody gave and that are written down in the workbooks."""
        return tuple(name for name in self.missing if name not in FROM_EXPORTS)

    @cached_property
    def provisional(self) -> bool:
        """Return whether the figures can still change: payments may come in, or nobody gave the orders."""
        return self.settlement is None or self.settlement.provisional


def work_out_retrospective(
    record: NightRecord,
    *,
    planned: NightFacts,
    forecast: pd.DataFrame,
    requirement: pd.DataFrame,
    target: float,
    today: dt.date,
    promo_day: dt.date | None = None,
    platforms: Sequence[str] = (),
    first_review: Settlement | None = None,
    people: pd.DataFrame | None = None,
    cards: list[str] | None = None,
    seed: int = 7,
    nights: int = 30,
    workers: int | None = None,
) -> RetrospectiveResult:
    """Work out the retrospective of a night: what missed, why, in money, and what the next promo starts from.

    Parameters
    ----------
    record : NightRecord
        What is known of the night.
    planned : NightFacts
        The night as it was planned.
    forecast, requirement : DataFrame
        Of the plan: start, queue, contacts, p05, p95; start, queue, on_chat.
    target : float
        Share of contacts in time that the requirement was to hold.
    today : date
        The day of the retrospective: D+1, D+9.
    promo_day : date, optional
        Day of the orders; the day of the night's grid if left out.
    platforms : sequence of str
        Whose scores to work out.
    first_review : Settlement, optional
        Of the provisional retrospective, so that what changed can be marked; left out, the orders as they stood the
        day after the promo.
    people : DataFrame, optional
        agent_id, exam_score, tenure_days.
    cards : list of str, optional
        The task cards there are.
    seed, nights, workers
        Of the simulated nights.

    Returns
    -------
    RetrospectiveResult
        Data that belong to another night or are wrong are reported among the findings; the rest is worked out.
    """
    grid = planned.night.grid
    day = promo_day or grid.opens.date()
    tables: dict[str, pd.DataFrame] = {}
    figures: dict[str, float] = {}
    findings: list[Message] = [*_learned_before(record, tables), *record.notices]
    settlement = variance = fit = None

    if record.orders is not None:
        try:
            settlement = settle_orders(record.orders, promo_day=day, as_of=today)
        except UserError as error:
            findings += error.messages
        else:
            findings.append(settlement.finding)
            figures |= {"paid_cny": settlement.paid_cny, "net_cny": settlement.net_cny}
            figures |= {"paid_share": settlement.paid_share}
            tables["payment_lag"] = list_payment_lag(record.orders, promo_day=day, as_of=today)
            if first_review is None and today > day + dt.timedelta(days=1):
                first_review = settle_orders(record.orders, promo_day=day, as_of=day + dt.timedelta(days=1))
            if first_review is not None:
                tables["reviews"] = compare_settlements(first_review, settlement)
            if {"buyer", "created", "paid", "amount_cny"} <= set(record.orders):
                again = sum_second_orders(record.orders, promo_day=day, as_of=today)
                tables["second_orders"] = again.table
                findings += again.findings
    if record.actual is not None:
        try:
            variance = work_out_variance(planned, record.actual, seed=seed, nights=nights, workers=workers)
        except UserError as error:
            findings += error.messages
        else:
            tables |= {"variance": variance.tree, "variance_groups": variance.groups}
            tables |= {"variance_lost": variance.lost, "variance_rate": variance.rate}
            figures |= {"planned_cny": variance.planned_cny, "expected_cny": variance.expected_cny}
            for name, loss in (("planned", variance.planned_loss), ("expected", variance.expected_loss)):
                if loss is not None:
                    figures |= {f"{name}_lost_cny": loss.sales_cny, f"{name}_lost_buyers": loss.buyers}
            findings = [*variance.warnings, *findings, *variance.findings]
    fit = _night_by_interval(record, tables, figures, findings, planned, forecast, requirement, target, grid)
    if record.incidents:
        tables["incident_costs"] = cost_incidents(
            planned.night, record.incidents, record.cards, seed=seed, nights=nights, workers=workers
        )
    if record.drilled is not None:
        costs = tables.get("incident_costs", pd.DataFrame(columns=["incident"]))
        tables["drill_borne_out"] = compare_drill(record.drilled, costs)
        if record.incidents or record.actual is not None:
            findings += drill_findings(tables["drill_borne_out"])
    elif record.incidents:
        findings.append(Message("retrospective.no_drill"))
    if record.moves is not None and record.as_came is not None:
        saved = value_levers(record.as_came, record.levered, seed=seed, nights=nights, workers=workers)
        tables["drill_moves_borne_out"] = compare_moves(record.moves, saved)
        findings += move_findings(tables["drill_moves_borne_out"])
    if (log := record.platform_messages) is not None:
        _try(
            tables,
            findings,
            "platform_scores_actual",
            lambda: score_platforms(log, platforms=platforms, opens=grid.opens),
        )
    if (store_day := record.store_day) is not None:
        _try(tables, findings, "weeks", lambda: compare_weeks(store_day))
    _buyers(record, tables, findings, today, grid)
    _people(record, tables, findings, planned, people)
    _team(record, tables, findings, today, cards)
    if (write_back := record.write_back) is not None:
        tables["write_back"] = write_back.changes
        tables["write_back_shape"] = write_back.shape
        tables["unlearned"] = write_back.unlearned
        findings += write_back.messages
    return RetrospectiveResult(
        tables={name: table for name, table in name_columns(tables).items() if not table.empty},
        figures={name: value for name, value in figures.items() if not math.isnan(value)},
        findings=tuple(findings),
        missing=tuple(name for name in GIVEN if getattr(record, name) is None),
        variance=variance,
        settlement=settlement,
        fit=fit,
        write_back=write_back,
        problems=record.problems,
        notices=record.book_notices,
    )


def _learned_before(record: NightRecord, tables: dict[str, pd.DataFrame]) -> list[Message]:
    """Show the chain of promos behind this plan: how wrong each plan was, and what was learned from it."""
    if record.learned is not None:
        tables["learned"] = record.learned.drop(columns="note", errors="ignore")
    if record.promos is None or record.promos.empty:
        return []
    promos = record.promos.drop(columns="note", errors="ignore").sort_values("day", kind="stable", ignore_index=True)
    promos["bias"] = promos["actual_contacts"] / promos["planned_contacts"].where(promos["planned_contacts"] > 0) - 1
    tables["promos"] = promos
    last = promos.iloc[-1]
    if pd.isna(last["bias"]):
        return [Message("retrospective.learned_from", promo=str(last["promo"]))]
    figures = {"planned": f"{last['planned_contacts']:,.0f}", "actual": f"{last['actual_contacts']:,.0f}"}
    known = not pd.isna(last["wape"])
    moved = [] if record.learned is None else _moved_most(record.learned, promo=str(last["promo"]))
    return [
        Message(
            "retrospective.last_plan" if known else "retrospective.last_plan_total",
            promo=str(last["promo"]),
            bias=f"{last['bias']:+.0%}",
            **figures,
            **({"wape": f"{last['wape']:.0%}"} if known else {}),
        ),
        *moved,
    ]


def _moved_most(learned: pd.DataFrame, *, promo: str) -> list[Message]:
    """Return which figures of this plan the last promo moved most, by the logarithm."""
    own = learned[(learned["promo"] == promo) & (learned["before"] > 0) & (learned["after"] > 0)]
    own = own.assign(moved=np.log(own["after"].astype(float) / own["before"].astype(float)).abs())
    own = own[own["moved"] > 0.005].nlargest(MOVED_SHOWN, "moved")

    def shown(key: str, value: float) -> str:
        return f"{value:.1%}" if unit_of(key) == "share" else f"{value:.3g}"

    steps = tuple(
        Message(
            "retrospective.learned_step",
            figure=Term(str(row.key)),
            before=shown(str(row.key), float(row.before)),
            after=shown(str(row.key), float(row.after)),
        )
        for row in own.itertuples()
    )
    return [Message("retrospective.learned_moved", promo=promo, figures=steps)] if steps else []


def _night_by_interval(
    record: NightRecord,
    tables: dict[str, pd.DataFrame],
    figures: dict[str, float],
    findings: list[Message],
    planned: NightFacts,
    forecast: pd.DataFrame,
    requirement: pd.DataFrame,
    target: float,
    grid: Grid,
) -> Fit | None:
    """Compare contacts, heads and the requirement by interval."""
    fit = checked = None
    if record.actuals is not None:
        try:
            checked = check_actuals(record.actuals, forecast)
        except UserError as error:
            findings += error.messages
        else:
            findings += checked.messages
            compared = compare_actuals(forecast, checked.table)
            if not compared.empty:
                tables["compare_actuals"] = compared
                fit = measure_fit(compared)
                figures |= {f"forecast_{name}": float(value) for name, value in fit._asdict().items()}
                figures["covered"] = checked.covered
    if record.served is not None:
        try:
            heads, messages = compare_heads(requirement, rostered=planned.night.roster, served=record.served, grid=grid)
        except UserError as error:
            findings += error.messages
            return fit
        tables["heads_actual"] = heads
        findings += [*messages, *heads_findings(heads, step_h=grid.step_s / 3600)]
        if checked is not None and "compare_actuals" in tables:
            tables["requirement_judged"] = judge_requirement(
                heads, compared=tables["compare_actuals"], actuals=checked.table, target=target
            )
            judged = tables["requirement_judged"]
            findings += requirement_findings(judged, actuals=checked.table, target=target)
    return fit


def _try(tables: dict[str, pd.DataFrame], findings: list[Message], name: str, work: Callable[[], pd.DataFrame]) -> None:
    """Add a table, or what is wrong with its input to the findings."""
    try:
        tables[name] = work()
    except UserError as error:
        findings += error.messages


def _buyers(
    record: NightRecord, tables: dict[str, pd.DataFrame], findings: list[Message], today: dt.date, grid: Grid
) -> None:
    """Work out what buyers asked, which wordings are kept, what departments and promises owe."""
    if (questions := record.questions) is not None:
        _try(tables, findings, "questions", lambda: rank_questions(tag_questions(questions)))
    if "questions" in tables:
        ranked = tables["questions"]
        top = ranked[ranked["top"]]
        if not top.empty:
            tags = tuple(
                Message("retrospective.tag_contacts", tag=TagName(str(row.tag)), count=f"{row.contacts:,.0f}")
                for row in top.head(TOP).itertuples()
            )
            share = f"{top['contacts'].sum() / ranked['contacts'].sum():.0%}"
            findings.append(Message("retrospective.top_questions", tags=tags, share=share))
    if (answers := record.answers) is not None:
        _try(tables, findings, "wordings", lambda: pick_wordings(answers))
    if (feedback := record.feedback) is not None:
        _try(tables, findings, "feedback", lambda: review_feedback(feedback, today=today))
    if (promises := record.promises) is not None:
        evening = pd.Timestamp(grid.starts[-1]) + pd.Timedelta(seconds=grid.step_s)
        _try(tables, findings, "promises", lambda: check_promises(promises, evening=evening))
    if (second := record.second_sales) is not None:
        _try(tables, findings, "second_sales", lambda: sum_second_sales(second))
    if (pushes := record.pushes) is not None and (sales := record.push_sales) is not None:
        _try(tables, findings, "main_push", lambda: review_main_push(sales, items=pushes))


def _people(
    record: NightRecord,
    tables: dict[str, pd.DataFrame],
    findings: list[Message],
    planned: NightFacts,
    people: pd.DataFrame | None,
) -> None:
    """Work out load, reliefs, unusual days and what results hang on."""
    chats = record.chats
    if chats is not None or record.served is not None:
        roster = planned.night.roster if record.served is None or "heads_actual" not in tables else record.served
        roster = roster[roster["end"] > planned.night.grid.opens] if "end" in roster else roster
        _try(tables, findings, "load", lambda: measure_load(roster, chats, planned.night.people))
        if "load" in tables:
            tables["reliefs"] = plan_relief(roster, chats)
            findings += relief_findings(tables["load"])
    reminders = record.reminders
    if reminders is not None:
        _try(tables, findings, "reminders", lambda: sum_reminders(reminders))
    if (agent_day := record.agent_day) is not None:
        on_duty = _hours_on(planned.night.grid.opens, planned.night.roster if record.served is None else record.served)
        _try(
            tables,
            findings,
            "daily_board",
            lambda: build_daily_board(agent_day, on_duty_h=on_duty, reminders=reminders),
        )
        if "daily_board" in tables:
            tables["outliers"] = find_outliers(agent_day)
            if people is not None:
                figures = [name for name in COMPARED if name in agent_day]
                means = agent_day.groupby("agent")[figures].mean().rename_axis("agent_id").reset_index()
                tables["traits"] = relate_results(people, means)


def _hours_on(opens: pd.Timestamp, roster: pd.DataFrame) -> pd.DataFrame | None:
    """Return the hours on chat of the promo day, the only one that its roster wholly has; None without its columns."""
    if not {"start", "end", "activity"} <= set(roster):
        return None
    chat = roster[roster["activity"] == "chat"]
    closes = opens + pd.Timedelta("1D")
    inside = chat["end"].clip(opens, closes) - chat["start"].clip(opens, closes)
    return pd.DataFrame(
        {"day": [opens.tz_localize(None).normalize()], "hours": [inside.dt.total_seconds().sum() / 3600]}
    )


def _team(
    record: NightRecord,
    tables: dict[str, pd.DataFrame],
    findings: list[Message],
    today: dt.date,
    cards: list[str] | None,
) -> None:
    """Score the self-audit and check the list of what changes."""
    if (audit := record.audit) is not None:
        _try(tables, findings, "self_audit", lambda: score_audit(audit, before=record.audit_before))
    if (actions := record.actions) is not None:
        _try(tables, findings, "review_actions", lambda: check_actions(actions, today=today, cards=cards))
