"""What each scheme pays each person: exact, rounded once, and reproducible line by line from the figures.

The rules are those of the pay model: a scheme is rows of data, numbers are exact fractions, only a payout is
rounded, and the order of rows and columns never matters.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import floor
from typing import Any

import pandas as pd

from simlib.goals.expressions import Expression, Scope
from simlib.goals.figures import Figures, each_record, exact_number, is_empty, read_figures, text_of
from simlib.goals.schemes import CENT, Refusal, SchemeRule, read_schemes
from simlib.goals.wording import PayFormula, lowest_first, name_formulas, name_scheme, number_text
from simlib.messages import Lang, Message, UserError

__all__ = ["CostSums", "Payouts", "calculate_payouts", "divide_pool", "round_payout", "work_out_payouts"]

PAYOUT_COLUMNS = ["person", "scheme", "rule", "amount_cny", "points", "provisional", "rows", "why"]
TOTAL_COLUMNS = ["person", "scheme", "amount_cny", "points", "provisional_cny", "provisional_points"]
_TOTAL_KEYS = (("amount_cny", False), ("points", False), ("amount_cny", True), ("points", True))
LACKING_COLUMNS = ["scheme", "rule", "person", "lacks", "confirmed"]
EVIDENCE_COLUMNS = ["person", "scheme", "rule", "figure", "value", "source_file", "source_row"]


@dataclass(frozen=True, kw_only=True)
class Payouts:
    """What was worked out of schemes and results.

    Attributes
    ----------
    lines : DataFrame
        person, scheme, rule, amount_cny, points, provisional, rows, why (a `Message`): one row per person and
        rule, zeros included. Amounts are Decimals. A provisional amount is worked out and not paid yet.
    totals : DataFrame
        person, scheme, amount_cny, points (to be paid), provisional_cny, provisional_points: one row per person
        and scheme.
    lacking : DataFrame
        scheme, rule, person, lacks, confirmed: who lacks which figure in a rule that divides or ranks.
    refused : tuple of Refusal
        Why which scheme is not paid; the others are.
    rules : dict of str to tuple of Rule
        The rules of the schemes that are paid.
    figures : Figures
        What the lines were worked out from.
    notices : tuple of Message
        What deserves a look and stops nothing.
    """

    lines: pd.DataFrame
    totals: pd.DataFrame
    lacking: pd.DataFrame
    refused: tuple[Refusal, ...]
    rules: Mapping[str, tuple[SchemeRule, ...]] = field(repr=False)
    figures: Figures = field(repr=False)
    notices: tuple[Message, ...] = ()

    @cached_property
    def evidence(self) -> pd.DataFrame:
        """Return the rows behind the lines, one row per figure used and place it was read from.

        Columns person, scheme, rule, figure, value, source_file, source_row.
        """
        return _frame_evidence(self.rules, self.figures)

    def frame(self, lang: Lang) -> pd.DataFrame:
        """Return the lines with ``why`` as text of one language."""
        return self.lines.assign(why=[why.text(lang) for why in self.lines["why"]])


def work_out_payouts(
    schemes: pd.DataFrame | Iterable[Mapping[str, Any]],
    results: pd.DataFrame | Iterable[Mapping[str, Any]],
    *,
    period: tuple[dt.date, dt.date] | None = None,
    sources: pd.DataFrame | None = None,
    confirmed: Collection[tuple[str, int]] = (),
    lang: Lang = "zh",
) -> pd.DataFrame:
    """Work out what each rule of each scheme pays each person.

    Parameters
    ----------
    schemes : DataFrame or list of mappings
        One row per rule, with the columns of ``simlib.goals.schemes.COLUMNS``.
    results : DataFrame or list of mappings
        One row per person: person, and name, cohort, source_file, source_row where known; all else is a figure.
        A float counts as its printed digits; None and nan are missing.
    period : (date, date), optional
        First and last day of the period; without it the columns first_day and last_day of results count, and
        without those only ``announced_on <= pay_on`` is checked.
    sources : DataFrame, optional
        person, figure, source_file, source_row: the rows behind single figures.
    confirmed : collection of (scheme, rule)
        Provisional rules that somebody has confirmed.
    lang : {"zh", "en"}
        Language of the column why.

    Returns
    -------
    DataFrame
        person, scheme, rule, amount_cny, points (Decimals), provisional, rows, why: one row per person and rule,
        zeros included, ordered by person, scheme and rule. A scheme that is refused has no row; its refusals are
        in ``frame.attrs["refused"]``, a list of dicts scheme, rule, zh, en. :func:`calculate_payouts` returns the
        same with sums, evidence and refusals as objects.

    Raises
    ------
    UserError
        Nothing can be computed: two rows of one person, a figure called metric, no column person.

    Examples
    --------
    >>> rule = {"scheme": "typing", "rule": 1, "kind": "each", "amount_cny": 100, "announced_on": "2026-07-29",
    ...         "where": "typing_cpm >= 100 and typing_accuracy >= 0.90", "pay_on": "2026-09-10"}
    >>> results = [{"person": "A1", "typing_cpm": 104, "typing_accuracy": 0.93},
    ...            {"person": "A2", "typing_cpm": 100, "typing_accuracy": 0.8999}]
    >>> paid = work_out_payouts([rule], results, lang="en")
    >>> paid["amount_cny"].tolist(), paid["why"][1]
    ([Decimal('100.00'), Decimal('0.00')], 'not met: Typing accuracy ≥ 0.90')
    """
    found = calculate_payouts(schemes, results, period=period, sources=sources, confirmed=confirmed)
    frame = found.frame(lang)
    frame.attrs["refused"] = [
        {"scheme": one.scheme, "rule": one.rule, "zh": one.text("zh"), "en": one.text("en")} for one in found.refused
    ]
    return frame


def calculate_payouts(
    schemes: pd.DataFrame | Iterable[Mapping[str, Any]],
    results: pd.DataFrame | Iterable[Mapping[str, Any]],
    *,
    period: tuple[dt.date, dt.date] | None = None,
    sources: pd.DataFrame | None = None,
    confirmed: Collection[tuple[str, int]] = (),
) -> Payouts:
    """Work out payouts with sums, evidence and refusals; parameters and errors as in :func:`work_out_payouts`."""
    figures = read_figures(results, sources=sources, period=period)
    rules_of, refused = read_schemes(schemes, figures)
    settled = {(str(scheme), int(rule)) for scheme, rule in confirmed}
    lines: dict[str, list[_Lines]] = {}
    late: list[Refusal] = []
    for scheme, rules in rules_of.items():
        try:
            lines[scheme] = _pay_scheme(rules, figures)
        except _RuleError as error:
            late.append(error.refusal)
    paid_rules = {scheme: rules_of[scheme] for scheme in lines}
    return Payouts(
        lines=_frame_lines(lines, figures, settled),
        totals=_frame_totals(lines, figures, settled),
        lacking=_frame_lacking(lines, figures, settled),
        refused=tuple(sorted((*refused, *late), key=lambda one: (one.scheme, one.rule.zfill(8), str(one)))),
        rules=paid_rules,
        figures=figures,
        notices=tuple(notice for scheme in lines for one in lines[scheme] for notice in one.notices),
    )


@dataclass(kw_only=True)
class CostSums:
    """What schemes cost in many nights of results: only sums, and nothing worked out twice.

    A scheme's cost hangs on the figures that it names, on who there is and on the period. Nights that agree in these,
    such as all nights of a scheme that pays for an exam, are paid once.

    Parameters
    ----------
    schemes : DataFrame or list of mappings
        As for :func:`work_out_payouts`.
    """

    schemes: pd.DataFrame | Iterable[Mapping[str, Any]]
    refused: dict[tuple[str, str], Refusal] = field(default_factory=dict)
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _read: dict[Any, dict[str, tuple[SchemeRule, ...]]] = field(default_factory=dict)
    _paid: dict[Any, int | Refusal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rows = each_record(self.schemes)[0]

    def add_up(self, results: pd.DataFrame | Iterable[Mapping[str, Any]]) -> dict[str, float]:
        """Return what each scheme costs in CNY with these results, provisional money too; refused ones are left out."""
        figures = read_figures(results)
        who = (figures.persons, figures.cohorts, figures.first_day, figures.last_day)
        costs = {}
        for scheme, rules in self._rules(figures).items():
            names = sorted({name for rule in rules for name in rule.names})
            key = (scheme, who, tuple((name, *map(_known_value, figures.raw[name])) for name in names))
            if key not in self._paid:
                self._paid[key] = _add_cost(rules, figures)
            found = self._paid[key]
            if isinstance(found, Refusal):
                self.refused.setdefault((found.scheme, found.rule), found)
            else:
                costs[scheme] = found / 100
        return costs

    def _rules(self, figures: Figures) -> dict[str, tuple[SchemeRule, ...]]:
        """Return the rules as these figures let them be read; those that could be read once are not read again."""
        key = (figures.names, figures.has_cohort, figures.first_day, figures.last_day)
        known = self._read.setdefault(key, {})
        left = [row for row in self._rows if is_empty(row.get("scheme")) or text_of(row["scheme"]) not in known]
        if left:
            rules_of, refused = read_schemes(left, figures)
            known |= rules_of
            for one in refused:
                self.refused.setdefault((one.scheme, one.rule), one)
        return dict(sorted(known.items()))


def _known_value(value: object) -> object:
    """Return a cell as it can be compared: everything that is empty is equal."""
    return None if is_empty(value) else (type(value).__name__, str(value))


def _add_cost(rules: tuple[SchemeRule, ...], figures: Figures) -> int | Refusal:
    """Return the hundredths of CNY that a scheme pays to all together, or why it is refused."""
    try:
        paid = _pay_scheme(rules, figures, explain=False)
    except _RuleError as error:
        return error.refusal
    return sum(sum(lines.hundredths) for lines in paid if lines.rule.unit == "amount_cny")


def divide_pool(pool: Fraction, weights: list[Fraction]) -> list[int]:
    """Divide a pool by weights into whole cents, exactly.

    Each share is cut down to the cent; the cents left over go one by one to the largest remainders, the earlier
    of equal ones first. The order of ``weights`` is that of the ids in code point order.

    Parameters
    ----------
    pool : Fraction
        A whole number of cents.
    weights : list of Fraction
        All >= 0, with a sum above 0.

    Returns
    -------
    list of int
        Cents; they add up to the pool.

    Examples
    --------
    >>> divide_pool(Fraction(100), [Fraction(1), Fraction(4), Fraction(10)])
    [667, 2667, 6666]
    """
    total = sum(weights, Fraction(0))
    exact = [pool / CENT * weight / total for weight in weights]
    cents = [floor(part) for part in exact]
    left = int(pool / CENT) - sum(cents)
    order = sorted(range(len(exact)), key=lambda index: (cents[index] - exact[index], index))
    for index in order[:left]:
        cents[index] += 1
    return cents


def round_payout(amount: Fraction, multiple: Fraction = CENT) -> int:
    """Round an amount half up (halves away from 0) to a multiple and return it in hundredths.

    Examples
    --------
    >>> round_payout(Fraction(4050), Fraction(100)), round_payout(Fraction(-5, 1000))
    (410000, -1)
    """
    units = floor(abs(amount) / multiple + Fraction(1, 2))
    return int((units if amount >= 0 else -units) * multiple / CENT)


class _RuleError(Exception):
    def __init__(self, rule: SchemeRule, message: Message) -> None:
        self.refusal = Refusal(scheme=rule.scheme, rule=str(rule.number), message=message, source_row=rule.source_row)
        super().__init__(message)


@dataclass(kw_only=True)
class _Lines:
    """One rule's hundredths and reasons, by position of the person."""

    rule: SchemeRule
    hundredths: list[int]
    whys: dict[int, Message] = field(default_factory=dict)
    lacking: dict[int, tuple[str, ...]] = field(default_factory=dict)
    notices: list[Message] = field(default_factory=list)


def _pay_scheme(rules: tuple[SchemeRule, ...], figures: Figures, *, explain: bool = True) -> list[_Lines]:
    """Pay the rules of a scheme and settle its groups; without ``explain`` nobody who is not in is given a reason."""
    paid = [_pay_rule(rule, figures, explain) for rule in rules]
    groups: dict[str, list[_Lines]] = {}
    for lines in paid:
        if lines.rule.group:
            groups.setdefault(lines.rule.group, []).append(lines)
    for members in groups.values():
        for index in range(len(figures.persons)):
            _keep_one(members, index)
    return paid


def _keep_one(members: list[_Lines], index: int) -> None:
    """Leave a person one payout of a group: the largest positive one, else the most negative one."""
    values = [(lines.hundredths[index], -lines.rule.number, lines) for lines in members if lines.hundredths[index]]
    if len(values) < 2:
        return
    positive = [value for value in values if value[0] > 0]
    if positive:
        winner = max(positive, key=lambda value: value[:2])[2]
    else:
        winner = min(values, key=lambda value: (value[0], -value[1]))[2]
    for _, _, lines in values:
        if lines is not winner:
            lines.hundredths[index] = 0
            lines.whys[index] = Message("goals.why_beaten", rule=winner.rule.number)


def _pay_rule(rule: SchemeRule, figures: Figures, explain: bool) -> _Lines:
    """Pay one rule by itself; groups come later."""
    try:
        scopes, metrics = _scopes(rule, figures)
    except UserError as error:
        raise _RuleError(rule, error.messages[0]) from error
    lines = _Lines(rule=rule, hundredths=[0] * len(scopes))
    inside = []
    for index, scope in enumerate(scopes):
        if not explain and rule.where is not None and not rule.where.holds(scope):
            continue
        reason = _why_out(rule, scope)
        if reason is None:
            inside.append(index)
        else:
            lines.whys[index] = reason
    with_metric = []
    for index in inside:
        if rule.metric is not None and metrics[index] is None:
            names = rule.metric.missing(scopes[index])
            lines.whys[index] = _why_none(names, rule.metric.source)
            if rule.kind in ("rank", "share"):
                lines.lacking[index] = names or (rule.metric.source,)
        else:
            with_metric.append(index)
    if rule.kind in ("rank", "share"):
        lines.notices += _unseen(rule, scopes, metrics, figures)
    if rule.kind == "each":
        _pay_each(lines, with_metric, scopes)
    else:
        values = {index: value for index in with_metric if (value := metrics[index]) is not None}
        {"rank": _pay_rank, "step": _pay_steps, "tier": _pay_tiers, "share": _pay_share}[rule.kind](lines, values)
    return lines


def _scopes(rule: SchemeRule, figures: Figures) -> tuple[list[Scope], list[Fraction | None]]:
    columns = {name: figures.column(name) for name in rule.names}
    means: dict[str, Fraction | None] = {}
    lasts: dict[str, Fraction | None] = {}
    for name in {name for part in rule.expressions for name in part.pooled}:
        known = [value for value in columns[name] if value is not None]
        means[name] = sum(known, Fraction(0)) / len(known) if known else None
        lasts[name] = min(known, default=None)
    scopes, metrics = [], []
    for index, cohort in enumerate(figures.cohorts):
        own = {name: column[index] for name, column in columns.items()}
        scope = Scope(figures=own, cohort=cohort, means=means, lasts=lasts)
        if rule.metric is not None:
            metric = rule.metric.number(scope)
            scope = Scope(figures=own, cohort=cohort, metric=metric, means=means, lasts=lasts)
        metrics.append(scope.metric)
        scopes.append(scope)
    return scopes, metrics


def _why_out(rule: SchemeRule, scope: Scope) -> Message | None:
    """Return why a person is not in, or None where they are."""
    if rule.where is not None:
        holds = rule.where.holds(scope)
        if not holds:
            part = rule.where.failed_part(scope)
            metric = None if rule.metric is None else rule.metric.source
            if holds is False:
                return Message("goals.why_condition", condition=PayFormula(part, metric))
            return _why_none(_lacking(rule, rule.where, scope), part)
    if rule.sample is not None:
        sample = rule.sample.number(scope)
        if sample is None:
            return _why_none(_lacking(rule, rule.sample, scope), rule.sample.source)
        if sample < rule.min_sample:
            sizes = {"sample": number_text(sample), "needed": number_text(rule.min_sample)}
            return Message("goals.why_sample", source=PayFormula(rule.sample.source), **sizes)
    return None


def _lacking(rule: SchemeRule, part: Expression, scope: Scope) -> tuple[str, ...]:
    """Return the figures that an expression lacks; a metric without a value by the figures that it lacks itself."""
    names = part.missing(scope)
    if rule.metric is None or "metric" not in names:
        return names
    own = rule.metric.missing(scope)
    return tuple(sorted({*(name for name in names if name != "metric" or not own), *own}))


def _why_none(names: tuple[str, ...], source: str) -> Message:
    """Return that a figure is missing, or where none is, that an expression has no value (a division by 0)."""
    if names:
        return Message("goals.why_missing", names=name_formulas(names))
    return Message("goals.why_no_value", source=PayFormula(source))


def _unseen(rule: SchemeRule, scopes: list[Scope], metrics: list[Fraction | None], figures: Figures) -> list[Message]:
    """Return those whose missing metric already fails the condition: they are not in, and nobody waits for them."""
    if rule.where is None or rule.metric is None:
        return []
    people = [
        figures.persons[index]
        for index, scope in enumerate(scopes)
        if metrics[index] is None and rule.where.holds(scope) is None
    ]
    if not people:
        return []
    listed = (*people[:5], "…") if len(people) > 5 else tuple(people)
    return [
        Message(
            "goals.notice_unseen",
            scheme=name_scheme(rule.scheme),
            rule=rule.number,
            metric=PayFormula(rule.metric.source),
            people=listed,
        )
    ]


def _pay_each(lines: _Lines, inside: list[int], scopes: list[Scope]) -> None:
    rule = lines.rule
    assert rule.amount is not None
    for index in inside:
        amount = rule.amount.number(scopes[index])
        if amount is None:
            lines.whys[index] = _why_none(rule.amount.missing(scopes[index]), rule.amount.source)
            continue
        if amount < 0 and rule.unit == "amount_cny":
            raise _RuleError(rule, Message("goals.negative_money", column="amount_cny", value=number_text(amount)))
        lines.hundredths[index] = round_payout(amount, rule.rounding)
        if rule.amount.names or rule.amount.uses_metric:
            lines.whys[index] = Message(
                "goals.why_each", source=PayFormula(rule.amount.source), amount=number_text(amount)
            )
        else:
            lines.whys[index] = Message("goals.why_fixed", amount=number_text(amount))
        paid = Fraction(lines.hundredths[index], 100)
        if rule.rounding > CENT and paid != amount:
            rounded = {"multiple": number_text(rule.rounding), "paid": number_text(paid)}
            lines.whys[index] = Message("goals.why_rounded", why=lines.whys[index], **rounded)


def _pay_rank(lines: _Lines, values: dict[int, Fraction]) -> None:
    rule = lines.rule
    assert rule.metric is not None
    sign = -1 if lowest_first(rule.metric.source) else 1  # a rank by "0 - seconds" is explained in seconds
    tied: dict[Fraction, list[int]] = {}
    for index, value in sorted(values.items()):
        tied.setdefault(value, []).append(index)
    place = 1
    for value in sorted(tied, reverse=True):
        people = tied[value]
        alone = len(people) == 1
        if place > rule.top:
            for index in people:
                lines.whys[index] = Message("goals.why_place_unpaid", place=place, top=rule.top)
        elif rule.ties == "none" and not alone:
            for index in people:
                lines.whys[index] = Message("goals.why_tied", place=place, people=len(people))
        elif rule.ties == "split":
            covered = range(place, min(place + len(people) - 1, rule.top) + 1)
            pool = sum((rule.amount_of_place(number) for number in covered), Fraction(0))
            for index, cents in zip(people, divide_pool(pool, [Fraction(1)] * len(people)), strict=True):
                lines.hundredths[index] = cents
                lines.whys[index] = Message(
                    "goals.why_split",
                    place=place,
                    people=len(people),
                    pool=number_text(pool),
                    metric=number_text(sign * value),
                )
        else:
            for index in people:
                lines.hundredths[index] = round_payout(rule.amount_of_place(place), rule.rounding)
                lines.whys[index] = Message("goals.why_place", place=place, metric=number_text(sign * value))
        place += len(people)


def _pay_steps(lines: _Lines, values: dict[int, Fraction]) -> None:
    rule = lines.rule
    for index, value in values.items():
        steps = floor((value - rule.start) / rule.step)
        if rule.cap_steps is not None:
            steps = min(steps, rule.cap_steps)
        steps = max(steps, 0)
        lines.hundredths[index] = round_payout(rule.amounts[0] * steps, rule.rounding)
        lines.whys[index] = Message(
            "goals.why_steps",
            metric=number_text(value),
            start=number_text(rule.start),
            step=number_text(rule.step),
            count=steps,
            amount=number_text(rule.amounts[0]),
        )


def _pay_tiers(lines: _Lines, values: dict[int, Fraction]) -> None:
    rule = lines.rule
    for index, value in values.items():
        reached = [(bound, amount) for bound, amount in rule.tiers if value >= bound]
        if not reached:
            lines.whys[index] = Message(
                "goals.why_below_tiers", metric=number_text(value), bound=number_text(rule.tiers[0][0])
            )
            continue
        bound, amount = reached[-1]
        lines.hundredths[index] = round_payout(amount, rule.rounding)
        lines.whys[index] = Message("goals.why_tier", metric=number_text(value), bound=number_text(bound))


def _pay_share(lines: _Lines, values: dict[int, Fraction]) -> None:
    rule = lines.rule
    negative = [value for value in values.values() if value < 0]
    if negative:
        assert rule.metric is not None
        metric = PayFormula(rule.metric.source)
        raise _RuleError(rule, Message("goals.share_negative", metric=metric, value=number_text(negative[0])))
    total = sum(values.values(), Fraction(0))
    if not total:
        for index in values:
            lines.whys[index] = Message("goals.why_pool_of_nothing")
        return
    order = sorted(values)
    cents = divide_pool(rule.amounts[0], [values[index] for index in order])
    for index, paid in zip(order, cents, strict=True):
        lines.hundredths[index] = paid
        lines.whys[index] = Message(
            "goals.why_share",
            pool=number_text(rule.amounts[0]),
            metric=number_text(values[index]),
            total=number_text(total),
        )


# --- frames -----------------------------------------------------------------------------------------------


def money(hundredths: int) -> Decimal:
    """Return hundredths as a Decimal with two digits.

    Examples
    --------
    >>> money(-5), money(410000)
    (Decimal('-0.05'), Decimal('4100.00'))
    """
    return Decimal(hundredths).scaleb(-2)


def _is_provisional(lines: _Lines, settled: Collection[tuple[str, int]]) -> bool:
    return bool(lines.lacking) and (lines.rule.scheme, lines.rule.number) not in settled


def _shown_figures(names: Iterable[str], figures: Figures) -> dict[str, list[str]]:
    """Return each figure of each person as text, with the file and row it stands in."""
    shown_of: dict[str, list[str]] = {}
    for name in names:
        column = shown_of[name] = []
        for index, value in enumerate(figures.raw[name]):
            text = f"{name}={_shown_value(value)}"
            places = [":".join(part for part in place if part) for place in figures.place_of(index, name)]
            column.append(f"{text} [{', '.join(places)}]" if places else text)
    return shown_of


def _shown_value(value: object) -> str:
    """Return a figure as it was given, a large number with separators; a dash where there is none."""
    if is_empty(value):
        return "-"
    if isinstance(value, int | float | Decimal) and abs(float(value)) >= 1000:
        return number_text(exact_number(value))
    return str(value)


def _frame_lines(
    lines: Mapping[str, list[_Lines]], figures: Figures, settled: Collection[tuple[str, int]]
) -> pd.DataFrame:
    every = [one for paid in lines.values() for one in paid]
    shown_of = _shown_figures({name for one in every for name in one.rule.names}, figures)
    waits = [_is_provisional(one, settled) for one in every]
    nothing = money(0)
    rows = []
    for index, person in enumerate(figures.ids):
        for one, provisional in zip(every, waits, strict=True):
            rule, hundredths = one.rule, one.hundredths[index]
            amount = money(hundredths) if hundredths else nothing
            cny, points = (amount, nothing) if rule.unit == "amount_cny" else (nothing, amount)
            used = "; ".join([shown_of[name][index] for name in rule.names])
            rows.append((person, rule.scheme, rule.number, cny, points, provisional, used, one.whys[index]))
    frame = pd.DataFrame(rows, columns=PAYOUT_COLUMNS)
    return frame.astype({"rule": "int64", "provisional": bool, "why": object})


def _frame_totals(
    lines: Mapping[str, list[_Lines]], figures: Figures, settled: Collection[tuple[str, int]]
) -> pd.DataFrame:
    rows = []
    for index, person in enumerate(figures.ids):
        for scheme, paid in lines.items():
            sums = {(unit, waits): 0 for unit in ("amount_cny", "points") for waits in (False, True)}
            for one in paid:
                sums[one.rule.unit, _is_provisional(one, settled)] += one.hundredths[index]
            rows.append((person, scheme, *map(money, (sums[key] for key in _TOTAL_KEYS))))
    return pd.DataFrame(rows, columns=TOTAL_COLUMNS)


def _frame_lacking(
    lines: Mapping[str, list[_Lines]], figures: Figures, settled: Collection[tuple[str, int]]
) -> pd.DataFrame:
    rows = [
        (scheme, one.rule.number, figures.ids[index], ", ".join(names), (scheme, one.rule.number) in settled)
        for scheme, paid in lines.items()
        for one in paid
        for index, names in sorted(one.lacking.items())
    ]
    return pd.DataFrame(rows, columns=LACKING_COLUMNS)


def _frame_evidence(rules_of: Mapping[str, tuple[SchemeRule, ...]], figures: Figures) -> pd.DataFrame:
    rows = []
    for index, person in enumerate(figures.ids):
        for scheme, rules in rules_of.items():
            for rule in rules:
                for name in rule.names:
                    value = figures.raw[name][index]
                    text = None if is_empty(value) else str(value)
                    for file, row in figures.place_of(index, name) or (("", ""),):
                        rows.append((person, scheme, rule.number, name, text, file, row))
    return pd.DataFrame(rows, columns=EVIDENCE_COLUMNS)
