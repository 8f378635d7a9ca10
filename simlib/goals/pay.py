"""Pay around the schemes: the project rewards, budgets before anybody promises, the law, slips, announcements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
import pandas as pd

from simlib import facts
from simlib.goals.expressions import Scope, parse_number
from simlib.goals.figures import each_record, exact_number, is_empty, read_date, text_of
from simlib.goals.payouts import CostSums, Payouts, calculate_payouts, money, round_payout
from simlib.goals.schemes import CENT, COLUMNS
from simlib.goals.wording import PayFormula, lowest_first, name_scheme, number_text
from simlib.messages import Lang, Message, Term

__all__ = [
    "Slip",
    "announce_scheme",
    "announcement_day",
    "base_salary",
    "bonus_per_hour",
    "budget",
    "check_law",
    "compare_pay_models",
    "draw_red_packets",
    "find_firsts",
    "late_payments",
    "open_dispute",
    "project_rewards",
    "side_effects",
    "slips",
    "streaks",
]


def project_rewards(*, announced_on: dt.date, pay_on: dt.date) -> pd.DataFrame:
    """Return the five project rewards as schemes of the pay model, ready for ``work_out_payouts``.

    Examples
    --------
    >>> rewards = project_rewards(announced_on=dt.date(2026, 7, 29), pay_on=dt.date(2026, 9, 10))
    >>> rewards.groupby("scheme", sort=False).size().to_dict()
    {'exam': 3, 'typing': 3, 'items': 3, 'summary': 2, 'completion': 1}
    """
    rows = facts.table("project_rewards")
    found = [
        dict.fromkeys(COLUMNS)
        | {"scheme": row.scheme, "rule": row.number, **row.rule, "announced_on": announced_on, "pay_on": pay_on}
        for row in rows[rows["scheme"].notna()].itertuples()
    ]
    return pd.DataFrame(found, columns=list(COLUMNS), dtype=object)


def streaks(months: pd.DataFrame) -> pd.DataFrame:
    """Count the months in a row, up to the last one, in which somebody missed the exam or typed too slowly.

    Parameters
    ----------
    months : DataFrame
        person, month, exam_score (missing = not sat), typing_cpm, months_employed: one row per person and month.

    Returns
    -------
    DataFrame
        person, exam_months_missed, typing_months_short: figures that the project rewards look at.

    Examples
    --------
    >>> months = pd.DataFrame({"person": ["A"] * 3, "month": [6, 7, 8], "exam_score": [None, 79, 79.9],
    ...                        "typing_cpm": [70, 69.9, 69], "months_employed": [7, 8, 9]})
    >>> streaks(months).values.tolist()
    [['A', 3, 2]]
    """
    passed = float(facts.value("grades", "exam_pass"))
    regular, probation = (
        float(facts.value("project_rewards", f"typing_min_{kind}")) for kind in ("regular", "probation")
    )
    rows = []
    for person, own in months.sort_values(["person", "month"]).groupby("person"):
        needed = np.where(own["months_employed"].astype(float) > 6, regular, probation)
        missed = ~(own["exam_score"].astype(float) >= passed)
        short = own["typing_cpm"].astype(float).to_numpy() < needed
        rows.append((person, _run_at_end(missed.to_numpy()), _run_at_end(short)))
    return pd.DataFrame(rows, columns=["person", "exam_months_missed", "typing_months_short"])


def _run_at_end(flags: np.ndarray) -> int:
    wrong = np.flatnonzero(~flags)
    return len(flags) - (int(wrong[-1]) + 1 if len(wrong) else 0)


def side_effects(lang: Lang) -> pd.DataFrame:
    """Return what each rule of the project rewards pays for that it should not: scheme, rule, side_effect."""
    rows = facts.table("project_rewards")
    rows = rows[rows["scheme"].notna()]
    return pd.DataFrame(
        {
            "scheme": rows["scheme"].tolist(),
            "rule": rows["number"].astype(int).tolist(),
            "side_effect": rows[f"risk_{lang}"].tolist(),
        }
    )


def announcement_day(period_first: dt.date) -> tuple[dt.date, dt.date]:
    """Return the last day on which the figures of a month may be announced, and the day of the reminder.

    The seed announces before the 29th of the month before; so the last day is the 28th.

    Examples
    --------
    >>> announcement_day(dt.date(2026, 8, 1))
    (datetime.date(2026, 7, 28), datetime.date(2026, 7, 26))
    """
    before = period_first.replace(day=1) - dt.timedelta(days=1)
    limit = before.replace(day=min(int(facts.value("project_rewards", "announce_day")), before.day))
    reminder = limit - dt.timedelta(days=int(facts.value("project_rewards", "announce_reminder_days")))
    return limit - dt.timedelta(days=1), reminder


def base_salary(amount: Any, *, multiple: Any = CENT) -> Decimal:
    """Return a base salary rounded for the person: half up, and up where that would round it down (ours).

    Examples
    --------
    >>> base_salary("4050", multiple=100), base_salary("4025", multiple=100)
    (Decimal('4100.00'), Decimal('4100.00'))
    """
    exact, unit = exact_number(amount), exact_number(multiple)
    if exact < 0 or unit <= 0:
        raise ValueError(f"a base salary is >= 0 and its multiple above 0, got {amount!r} and {multiple!r}")
    return money(int(ceil(exact / unit) * unit / CENT))


def budget(
    schemes: pd.DataFrame | Iterable[Mapping[str, Any]], nights: Mapping[str, Iterable[pd.DataFrame]]
) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Return what the schemes would cost, before anybody promises them.

    Parameters
    ----------
    schemes : DataFrame
        As for ``work_out_payouts``.
    nights : mapping of level to results
        For ``floor``, ``likely`` and ``stretch`` nights each: one frame of results per simulated night.

    Returns
    -------
    DataFrame
        level, scheme (``all`` last), nights, mean_cny, p05_cny, p95_cny, most_cny: provisional money counts.
    tuple of Message
        Schemes that are refused on any night, each once.

    Raises
    ------
    ValueError
        A level without a night.
    """
    rows: list[tuple[Any, ...]] = []
    sums = CostSums(schemes=schemes)
    for level, results in nights.items():
        costs = [sums.add_up(result) for result in results]
        if not costs:
            raise ValueError(f"there is no night of level {level!r}")
        table = pd.DataFrame(costs).fillna(0.0).reset_index(drop=True)
        table["all"] = table.sum(axis=1)
        for scheme in table.columns:
            column = table[scheme].to_numpy()
            low, high = np.quantile(column, [0.05, 0.95])
            rows.append((level, scheme, len(column), column.mean(), low, high, column.max()))
    columns = ["level", "scheme", "nights", "mean_cny", "p05_cny", "p95_cny", "most_cny"]
    return pd.DataFrame(rows, columns=columns), tuple(one.error.messages[0] for one in sums.refused.values())


def check_law(
    pay: pd.DataFrame, *, minimum_month_cny: float | None = None, schemes: pd.DataFrame | None = None
) -> tuple[Message, ...]:
    """Check pay against the law as far as the facts know it; nothing here replaces somebody who knows it.

    Parameters
    ----------
    pay : DataFrame
        person, base_cny, commission_cny, overtime_h, overtime_cny, hourly_cny (missing where unknown).
    minimum_month_cny : float, optional
        The minimum wage of the store's city; the facts leave it empty, so it is named when it is not given.
    schemes : DataFrame, optional
        Rules with negative money are named with what the law says of deductions.

    Returns
    -------
    tuple of Message
    """
    found = []
    known = minimum_month_cny or facts.value("pay_law", "minimum_wage_cny_month")
    if known is None:
        found.append(Message("goals.minimum_unknown"))
    factor = exact_number(facts.value("labour", "overtime_pay_pct")) / 100
    for row in pay.itertuples():
        total = exact_number(row.base_cny) + exact_number(row.commission_cny)
        if known is not None and total < exact_number(known):
            found.append(
                Message(
                    "goals.below_minimum",
                    person=row.person,
                    total=number_text(total),
                    minimum=number_text(exact_number(known)),
                )
            )
        if not pd.isna(row.overtime_h) and row.overtime_h > 0 and not pd.isna(row.hourly_cny):
            owed = exact_number(row.overtime_h) * exact_number(row.hourly_cny) * factor
            paid = Fraction(0) if pd.isna(row.overtime_cny) else exact_number(row.overtime_cny)
            if paid < owed:
                found.append(
                    Message("goals.overtime_short", person=row.person, paid=number_text(paid), owed=number_text(owed))
                )
    for row in () if schemes is None else each_record(schemes)[0]:
        amount = str(row.get("amount_cny"))
        if amount.lstrip().startswith("-"):
            found.append(Message("goals.deduction", scheme=name_scheme(row["scheme"]), rule=row["rule"], amount=amount))
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Slip:
    """What one person is paid, line by line.

    Attributes
    ----------
    person, name : str
    lines : DataFrame
        scheme, rule, amount_cny, points, provisional, rows, why (text), pay_on.
    amount_cny, points, provisional_cny : Decimal
    """

    person: str
    name: str
    lines: pd.DataFrame
    amount_cny: Decimal
    points: Decimal
    provisional_cny: Decimal


def slips(payouts: Payouts, *, lang: Lang, names: Mapping[str, str] | None = None) -> tuple[Slip, ...]:
    """Return the payout slip of each person; its lines add up to its sums, provisional ones apart."""
    pay_on = {(rule.scheme, rule.number): rule.pay_on for rules in payouts.rules.values() for rule in rules}
    frame = payouts.frame(lang)
    frame = frame.assign(pay_on=[pay_on[key] for key in zip(frame["scheme"], frame["rule"], strict=True)])
    found = []
    for person, lines in frame.groupby("person", sort=False):
        due = lines[~lines["provisional"]]
        found.append(
            Slip(
                person=str(person),
                name=(names or {}).get(str(person), str(person)),
                lines=lines.drop(columns="person").reset_index(drop=True),
                amount_cny=sum(due["amount_cny"], Decimal("0.00")),
                points=sum(due["points"], Decimal("0.00")),
                provisional_cny=sum(lines.loc[lines["provisional"], "amount_cny"], Decimal("0.00")),
            )
        )
    return tuple(found)


def open_dispute(payouts: Payouts, *, person: str, scheme: str, rule: int | None = None) -> pd.DataFrame:
    """Return the rows behind what somebody was paid: rule, figure, value, source_file, source_row.

    Raises
    ------
    ValueError
        No such person or scheme was worked out.
    """
    rows = payouts.evidence
    keep = (rows["person"].map(text_of) == text_of(person)) & (rows["scheme"] == scheme)
    if rule is not None:
        keep &= rows["rule"] == rule
    if not keep.any():
        raise ValueError(f"nothing was worked out for person {person!r} in scheme {scheme!r}, rule {rule!r}")
    return rows.loc[keep].drop(columns=["person", "scheme"]).reset_index(drop=True)


def late_payments(payouts: Payouts, paid: pd.DataFrame, *, on: dt.date) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Return what should have been paid by a day and was not, or was paid late.

    Parameters
    ----------
    payouts : Payouts
    paid : DataFrame
        person, scheme, rule, paid_on: what was handed over.
    on : date

    Returns
    -------
    DataFrame
        person, scheme, rule, amount_cny, pay_on, paid_on (missing = not yet), days_late.
    tuple of Message
        One per scheme and rule with late payments.
    """
    due = {(rule.scheme, rule.number): rule.pay_on for rules in payouts.rules.values() for rule in rules}
    handed = {
        (text_of(row["person"]), text_of(row["scheme"]), int(row["rule"])): read_date(row["paid_on"])
        for row in each_record(paid)[0]
    }
    rows = []
    for line in payouts.lines.itertuples():
        if line.provisional or line.amount_cny <= 0:
            continue
        pay_on = due[line.scheme, line.rule]
        paid_on = handed.get((text_of(line.person), line.scheme, line.rule))
        late = ((paid_on or on) - pay_on).days
        if late > 0:
            rows.append((line.person, line.scheme, line.rule, line.amount_cny, pay_on, paid_on, late))
    table = pd.DataFrame(rows, columns=["person", "scheme", "rule", "amount_cny", "pay_on", "paid_on", "days_late"])
    found = []
    for (scheme, rule), own in table.groupby(["scheme", "rule"]):
        worst = int(own["days_late"].max())
        found.append(Message("goals.paid_late", scheme=name_scheme(scheme), rule=rule, count=len(own), days=worst))
    return table, tuple(found)


def announce_scheme(
    schemes: pd.DataFrame | Iterable[Mapping[str, Any]], *, scheme: str, risks: Mapping[int, str] | None = None
) -> tuple[Message, ...]:
    """Return the announcement of one scheme: prize, definition, selection, payout and day of each rule, on one page.

    Parameters
    ----------
    schemes : DataFrame
    scheme : str
    risks : mapping of rule to text, optional
        What each rule rewards that it should not, in the language of the page.

    Raises
    ------
    ValueError
        There is no such scheme.
    """
    rows = [row for row in each_record(schemes)[0] if text_of(row["scheme"]) == scheme]
    if not rows:
        raise ValueError(f"there is no scheme {scheme!r}")
    found = [Message("goals.announce_head", scheme=name_scheme(scheme), announced=read_date(rows[0]["announced_on"]))]
    for row in sorted(rows, key=lambda one: int(one["rule"])):
        number = int(row["rule"])
        metric = _given(row, "metric")
        best = lowest_first(metric)
        money_column = not is_empty(row.get("amount_cny")) or row.get("unit") == "amount_cny"
        found.append(
            Message(
                f"goals.announce_{row['kind']}{'_lowest' if best and row['kind'] == 'rank' else ''}",
                rule=number,
                where=Message("goals.everybody")
                if is_empty(row.get("where"))
                else Message("goals.condition_is", where=PayFormula(str(row["where"]), metric)),
                metric=PayFormula(best or metric if row["kind"] == "rank" else metric),
                count=int(_given(row, "top", "1")),
                ties=Term(f"ties_{_given(row, 'ties', 'all')}"),
                start=_given(row, "from"),
                step=_given(row, "step"),
                tiers=_given(row, "tiers"),
                amount=_amount_words(_given(row, "amount_cny" if money_column else "points")),
                unit=Term("unit_cny" if money_column else "unit_points"),
                pay_on=read_date(row["pay_on"]),
            )
        )
        if risks and number in risks:
            found.append(Message("goals.announce_risk", rule=number, risk=risks[number]))
    return tuple(found)


def _amount_words(text: str) -> str | PayFormula:
    """Return an amount with separators, an expression in words; lists of amounts stay as they are written."""
    try:
        return number_text(exact_number(text))
    except ValueError:
        return PayFormula(text)


def _given(row: Mapping[str, Any], column: str, default: str = "-") -> str:
    return default if is_empty(row.get(column)) else str(row[column])


def bonus_per_hour(payouts: Payouts, people: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Compare the bonus per effective hour of the cohorts: support agents are treated like the own.

    Parameters
    ----------
    payouts : Payouts
    people : DataFrame
        person, cohort, effective_hours.

    Returns
    -------
    DataFrame
        cohort, heads, effective_hours, amount_cny, amount_cny_h.
    tuple of Message
        Named where the best paid cohort has more than a tenth more an hour than the worst (ours).
    """
    sums = payouts.totals.assign(paid=payouts.totals["amount_cny"].astype(float)).groupby("person")["paid"].sum()
    own = people.assign(amount_cny=people["person"].map(sums).fillna(0.0))
    table = own.groupby("cohort", as_index=False).agg(
        heads=("person", "nunique"), effective_hours=("effective_hours", "sum"), amount_cny=("amount_cny", "sum")
    )
    hours = table["effective_hours"].astype(float).where(table["effective_hours"] > 0)
    table["amount_cny_h"] = table["amount_cny"] / hours
    known = table.dropna(subset="amount_cny_h").sort_values("amount_cny_h")
    if len(known) < 2 or known["amount_cny_h"].iloc[-1] <= 1.1 * known["amount_cny_h"].iloc[0]:
        return table, ()
    worst, best = known.iloc[0], known.iloc[-1]
    return table, (
        Message(
            "goals.cohorts_unequal",
            best=Term(best["cohort"]),
            worst=Term(worst["cohort"]),
            best_cny=f"{best['amount_cny_h']:.2f}",
            worst_cny=f"{worst['amount_cny_h']:.2f}",
        ),
    )


def draw_red_packets(people: Iterable[str], *, budget_cny: Any, packets: int, seed: int) -> pd.DataFrame:
    """Draw red packets: at most one a person while there are people enough, the budget paid to the cent.

    The log is reproducible from people, budget, packets and seed; the order of people does not matter.

    Returns
    -------
    DataFrame
        draw, person, amount_cny.

    Raises
    ------
    ValueError
        Nobody, no packet, or less than a cent a packet.
    """
    pool = sorted({text_of(person) for person in people})
    cents = round_payout(exact_number(budget_cny))
    if not pool or packets < 1 or cents < packets or packets > len(pool):
        raise ValueError(
            f"red packets need 1 to {len(pool)} packets of a cent at least, got {packets} and {budget_cny!r} CNY"
        )
    chance = np.random.default_rng([seed, len(pool), packets])
    lucky = [pool[index] for index in chance.permutation(len(pool))[:packets]]
    cuts = np.sort(chance.choice(np.arange(1, cents), size=packets - 1, replace=False)) if packets > 1 else np.array([])
    amounts = np.diff(np.concatenate([[0], cuts, [cents]])).astype(int)
    rows = [
        (number, person, money(int(amount)))
        for number, (person, amount) in enumerate(zip(lucky, amounts, strict=True), start=1)
    ]
    return pd.DataFrame(rows, columns=["draw", "person", "amount_cny"])


def find_firsts(
    rows: pd.DataFrame, *, by: str, metric: str, sample: str, least: float, amount_cny: Any
) -> pd.DataFrame:
    """Return the first of each day, or of each hour, by the pay model: the tied share the prize to the cent.

    Parameters
    ----------
    rows : DataFrame
        person, the figures, and the column ``by`` that holds the day or the hour.
    by, metric, sample : str
        What is one contest; the expression that is ranked, highest first; the figure that is the sample.
    least : float
        With a smaller sample nobody takes the place.
    amount_cny : number
        The prize of each contest.

    Returns
    -------
    DataFrame
        ``by``, person, metric_value, sample_size, amount_cny: one row per winner; contests without one are left out.

    Examples
    --------
    >>> rows = pd.DataFrame({"day": ["d1"] * 3, "person": ["A", "B", "C"], "buyers_paid": [9, 1, 18],
    ...                      "inquiries": [20, 1, 40]})
    >>> found = find_firsts(rows, by="day", metric="buyers_paid / inquiries", sample="inquiries", least=20,
    ...                     amount_cny="30.01")
    >>> found[["person", "amount_cny"]].values.tolist()
    [['A', 15.01], ['C', 15.0]]
    """
    found: list[tuple[Any, ...]] = []
    sign = -1 if lowest_first(metric) else 1
    for contest, own in rows.groupby(by, sort=True):
        on = dt.date.min
        rule = {"scheme": str(contest), "rule": 1, "kind": "rank", "metric": metric, "sample": sample, "ties": "split"}
        rule |= {"min_sample": least, "amount_cny": amount_cny, "announced_on": on, "pay_on": on}
        paid = calculate_payouts([rule], own.drop(columns=by).to_dict("records"))
        if paid.refused:
            raise paid.refused[0].error
        values = find_values(paid, metric)
        sizes = {text_of(person): float(size) for person, size in zip(own["person"], own[sample], strict=True)}
        for line in paid.lines.itertuples():
            if line.amount_cny > 0:
                person = text_of(line.person)
                found.append((contest, person, sign * values[person], sizes[person], float(line.amount_cny)))
    return pd.DataFrame(found, columns=[by, "person", "metric_value", "sample_size", "amount_cny"])


def find_values(payouts: Payouts, source: str) -> dict[str, float]:
    """Return the value of an expression for each person of some payouts; a person without one is left out."""
    expression = parse_number(source, figures=payouts.figures.names, metric_allowed=False, reserved=())
    columns = {name: payouts.figures.column(name) for name in expression.names}
    found = {}
    for index, person in enumerate(payouts.figures.persons):
        value = expression.number(Scope(figures={name: column[index] for name, column in columns.items()}))
        if value is not None:
            found[person] = float(value)
    return found


def compare_pay_models(
    results: pd.DataFrame, models: pd.DataFrame, *, minimum_month_cny: float | None = None
) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Compare models of base and commission on the same month: what each would have paid whom.

    Parameters
    ----------
    results : DataFrame
        person, sales_cny, and second_sales_cny where second sales bear a rate of their own.
    models : DataFrame
        model, base_cny, rate, second_rate: the commission on sales, and on second sales (which are no part of
        sales_cny).
    minimum_month_cny : float, optional
        The minimum wage; those below it are counted.

    Returns
    -------
    DataFrame
        model, base_cny, rate, second_rate, people, whole_cny, lowest_cny, middle_cny, highest_cny, commission_share,
        below_minimum (missing where no minimum is known).
    tuple of Message
        Models under which somebody falls below the minimum wage; or what figure is missing.
    """
    if "sales_cny" not in results:
        return pd.DataFrame(columns=["model"]), (Message("goals.pay_models_lack", figure=Term("sales_cny")),)
    has_second = "second_sales_cny" in results
    rows, found = [], []
    for model in models.itertuples():
        source = f"{exact_text(model.base_cny)} + {exact_text(model.rate)} * sales_cny"
        if has_second:
            source += f" + {exact_text(model.second_rate)} * second_sales_cny"
        rule = {"scheme": str(model.model), "rule": 1, "kind": "each", "amount_cny": source}
        rule |= {"announced_on": dt.date.min, "pay_on": dt.date.min}
        paid = calculate_payouts([rule], results.drop(columns=["first_day", "last_day"], errors="ignore"))
        if paid.refused:
            found.append(paid.refused[0].error.messages[0])
            continue
        amounts = np.array([float(amount) for amount in paid.lines["amount_cny"] if amount > 0])
        if not amounts.size:
            continue
        below = float("nan") if minimum_month_cny is None else float((amounts < minimum_month_cny).sum())
        spread = (amounts.sum(), amounts.min(), float(np.median(amounts)), amounts.max())
        share = 1 - model.base_cny * len(amounts) / amounts.sum()
        terms = (model.model, model.base_cny, model.rate, model.second_rate)
        rows.append((*terms, len(amounts), *spread, share, below))
        if below > 0 and minimum_month_cny is not None:
            named = {"model": str(model.model), "minimum": number_text(minimum_month_cny)}
            found.append(Message("goals.model_below_minimum", count=int(below), **named))
    columns = ["model", "base_cny", "rate", "second_rate", "people", "whole_cny", "lowest_cny", "middle_cny"]
    return pd.DataFrame(rows, columns=[*columns, "highest_cny", "commission_share", "below_minimum"]), tuple(found)


def exact_text(value: Any) -> str:
    """Return a number as plain digits for an expression.

    Examples
    --------
    >>> exact_text(0.03), exact_text(2500.0), exact_text(1e-07)
    ('0.03', '2500', '0.0000001')
    """
    return f"{Decimal(str(value)).normalize():f}"
