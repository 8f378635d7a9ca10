"""A pay scheme is data: read its rules, and refuse what could not be defended before the person paid."""

from __future__ import annotations

import ast
import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from simlib.goals.expressions import Expression, Scope, nearest_names, parse_condition, parse_number
from simlib.goals.figures import PLAIN_COLUMNS, Figures, each_record, exact_number, is_empty, read_date, text_of
from simlib.goals.wording import number_text
from simlib.messages import Lang, Message, Term, UserError

__all__ = ["COLUMNS", "KINDS", "Refusal", "SchemeRule", "read_schemes"]

KINDS = ("each", "rank", "step", "tier", "share")
TIES = ("all", "split", "none")
UNITS = ("amount_cny", "points")
CENT = Fraction(1, 100)

_EVERY = ("scheme", "rule", "kind", "where", "sample", "min_sample", "group", "announced_on", "pay_on", "metric")
_OF_KIND: Mapping[str, tuple[str, ...]] = {
    "each": ("amount_cny", "points", "round_cny"),
    "rank": ("amount_cny", "points", "round_cny", "top", "ties"),
    "step": ("amount_cny", "points", "round_cny", "from", "step", "cap_steps"),
    "tier": ("tiers", "unit", "round_cny"),
    "share": ("amount_cny", "points"),
}
# The columns of a scheme, in the order of the sheet.
COLUMNS = (
    *("scheme", "rule", "kind", "where", "metric", "top", "ties", "from", "step", "cap_steps", "tiers", "unit"),
    *("amount_cny", "points", "sample", "min_sample", "group", "round_cny", "announced_on", "pay_on"),
)
# What may stand beside the rules and pays nothing: words for people, and where the row was read.
REMARKS = (
    *("note", "prize", "definition", "selection", "payout", "owner", "side_effect"),
    *("source_file", "source_row"),
)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a scheme is not paid: the scheme, the rule as it was written, and what is wrong and allowed."""

    scheme: str
    rule: str
    message: Message
    source_row: str = ""

    def text(self, lang: Lang) -> str:
        """Return the refusal in one language, with scheme, rule, and the row of the sheet where it is known."""
        return self._named.text(lang)

    @property
    def _named(self) -> Message:
        values: dict[str, object] = {"scheme": self.scheme, "rule": self.rule, "what": self.message}
        if self.source_row:
            return Message("goals.refused_in_row", sheet=Term("schemes"), row=self.source_row, **values)
        return Message("goals.refused", **values)

    @property
    def error(self) -> UserError:
        """The refusal as an error for the user."""
        return UserError(self._named)


@dataclass(frozen=True, kw_only=True)
class SchemeRule:
    """One rule of a scheme, read and checked; amounts and points are exact."""

    scheme: str
    number: int
    kind: str
    where: Expression | None
    metric: Expression | None
    unit: str
    amount: Expression | None = None
    amounts: tuple[Fraction, ...] = ()
    top: int = 1
    ties: str = "all"
    start: Fraction = Fraction(0)
    step: Fraction = Fraction(1)
    cap_steps: int | None = None
    tiers: tuple[tuple[Fraction, Fraction], ...] = ()
    sample: Expression | None = None
    min_sample: Fraction = Fraction(0)
    group: str = ""
    rounding: Fraction = CENT
    announced_on: dt.date = field(default=dt.date.min)
    pay_on: dt.date = field(default=dt.date.max)
    source_row: str = ""

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        """The expressions of the rule, in the order in which they are looked at."""
        return tuple(part for part in (self.where, self.sample, self.metric, self.amount) if part is not None)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The figures that the rule looks at, in order of name."""
        return tuple(sorted({name for part in self.expressions for name in part.names}))

    def amount_of_place(self, place: int) -> Fraction:
        """Return what a place of a rank rule is worth; beyond ``top`` nothing."""
        if place > self.top:
            return Fraction(0)
        return self.amounts[0] if len(self.amounts) == 1 else self.amounts[place - 1]

    @property
    def is_pool(self) -> bool:
        """Return whether a sum is divided so that it is paid exactly."""
        return self.kind == "share" or (self.kind == "rank" and self.ties == "split")


def read_schemes(
    schemes: pd.DataFrame | Iterable[Mapping[str, Any]], figures: Figures
) -> tuple[dict[str, tuple[SchemeRule, ...]], tuple[Refusal, ...]]:
    """Read the rules of all schemes against the figures that there are.

    Returns
    -------
    dict of str to tuple of Rule
        The schemes that can be paid, in order of name, their rules in order of number.
    tuple of Refusal
        What is wrong with the others; one wrong rule stops its scheme and no other.

    Raises
    ------
    UserError
        There are rows but no column scheme or rule, so that nothing can be named.
    """
    rows, names = each_record(schemes)
    for needed in ("scheme", "rule"):
        if rows and needed not in names:
            raise UserError(Message("goals.no_scheme_column", column=needed, names=names[:8]))
    strangers = [name for name in names if name not in COLUMNS and name not in REMARKS]
    read: dict[str, list[SchemeRule]] = {}
    refused: list[Refusal] = []
    for position, row in enumerate(rows, start=1):
        scheme = "" if is_empty(row["scheme"]) else text_of(row["scheme"])
        source_row = text_of(row["source_row"]) if not is_empty(row.get("source_row")) else ""
        number = "" if is_empty(row["rule"]) else text_of(row["rule"])
        if not scheme:
            refused.append(
                Refusal(
                    scheme="", rule=number, message=Message("goals.scheme_empty", row=position), source_row=source_row
                )
            )
            continue
        read.setdefault(scheme, [])
        try:
            for name in strangers:
                if not is_empty(row.get(name)):
                    near = nearest_names(name, COLUMNS)
                    raise UserError(Message("goals.column_unknown", column=name, nearest=near))
            read[scheme].append(_RuleReader(row, scheme, figures, source_row).read())
        except UserError as error:
            refused += [
                Refusal(scheme=scheme, rule=number, message=message, source_row=source_row)
                for message in error.messages
            ]
    for scheme, rules in read.items():
        refused += _check_together(scheme, rules)
    stopped = {refusal.scheme for refusal in refused}
    paid = {
        scheme: tuple(sorted(rules, key=lambda rule: rule.number))
        for scheme, rules in sorted(read.items())
        if scheme not in stopped
    }
    return paid, tuple(sorted(refused, key=lambda refusal: (refusal.scheme, refusal.rule.zfill(8), str(refusal))))


def _check_together(scheme: str, rules: list[SchemeRule]) -> list[Refusal]:
    """Refuse two rules of one number, groups of money and points, and pools that stand in a group with others."""
    found = []
    for number, count in Counter(rule.number for rule in rules).items():
        if count > 1:
            found.append(Refusal(scheme=scheme, rule=str(number), message=Message("goals.rule_twice", count=count)))
    groups: dict[str, list[SchemeRule]] = {}
    for rule in sorted(rules, key=lambda rule: rule.number):
        if rule.group:
            groups.setdefault(rule.group, []).append(rule)
    for group, members in groups.items():
        other = next((rule for rule in members if rule.unit != members[0].unit), None)
        if other is not None:
            message = Message("goals.group_of_both", group=group)
            found.append(Refusal(scheme=scheme, rule=str(other.number), message=message, source_row=other.source_row))
        pool = next((rule for rule in members if rule.is_pool), None)
        if pool is not None and len(members) > 1:
            message = Message("goals.pool_in_group", group=group)
            found.append(Refusal(scheme=scheme, rule=str(pool.number), message=message, source_row=pool.source_row))
    return found


class _RuleReader:
    """One row of the sheet; each method reads one thing or refuses it."""

    def __init__(self, row: Mapping[str, Any], scheme: str, figures: Figures, source_row: str) -> None:
        self.row, self.scheme, self.figures, self.source_row = row, scheme, figures, source_row

    def read(self) -> SchemeRule:
        """Return the rule.

        Raises
        ------
        UserError
            What is wrong first.
        """
        number = self.whole("rule", least=None)
        kind = self.word("kind", KINDS)
        used = {*_EVERY, *_OF_KIND[kind]}
        for column in COLUMNS:
            if column not in used and not self.empty(column):
                raise UserError(
                    Message("goals.column_not_used", column=column, kind=kind, value=str(self.row[column])[:40])
                )
        metric = None if self.empty("metric") else self.number("metric")
        if metric is None and kind != "each":
            raise UserError(Message("goals.column_needed", column="metric", kind=kind))
        self.check_weights(metric)
        with_metric = metric is not None
        where = None if self.empty("where") else self.condition("where", with_metric)
        sample = None if self.empty("sample") else self.number("sample", with_metric)
        if self.empty("sample") != self.empty("min_sample"):
            column = "min_sample" if self.empty("min_sample") else "sample"
            raise UserError(Message("goals.sample_half", column=column))
        announced, pay = self.dates()
        top = 1 if self.empty("top") else self.whole("top", least=1)
        ties = "all" if self.empty("ties") else self.word("ties", TIES)
        unit = self.unit(kind)
        is_pool = kind == "share" or (kind == "rank" and ties == "split")
        rule: dict[str, Any] = {
            "scheme": self.scheme,
            "number": number,
            "kind": kind,
            "where": where,
            "metric": metric,
            "unit": unit,
            "top": top,
            "ties": ties,
            "sample": sample,
            "min_sample": Fraction(0) if self.empty("min_sample") else self.exact("min_sample"),
            "group": "" if self.empty("group") else text_of(self.row["group"]),
            "rounding": self.rounding(unit, is_pool),
            "announced_on": announced,
            "pay_on": pay,
            "source_row": self.source_row,
        }
        if kind == "step":
            rule |= self.steps()
        if kind == "tier":
            rule["tiers"] = self.tiers(unit)
        elif kind == "each":
            rule["amount"] = self.amount_expression(unit)
        else:
            rule["amounts"] = self.amounts(unit, kind, top, is_pool)
        return SchemeRule(**rule)

    def empty(self, column: str) -> bool:
        return is_empty(self.row.get(column))

    def word(self, column: str, allowed: tuple[str, ...]) -> str:
        if self.empty(column):
            raise UserError(Message("goals.word_needed", column=column, allowed=allowed))
        word = str(self.row[column]).strip()
        if word not in allowed:
            raise UserError(Message("goals.word_unknown", column=column, value=word[:40], allowed=allowed))
        return word

    def exact(self, column: str) -> Fraction:
        value = self.row[column]
        try:
            if isinstance(value, bool | np.bool_):
                raise ValueError
            return exact_number(value)
        except ValueError as error:
            raise UserError(Message("goals.not_a_number", column=column, value=str(value)[:40])) from error

    def whole(self, column: str, *, least: int | None) -> int:
        if self.empty(column):
            raise UserError(Message("goals.whole_needed", column=column, least=0 if least is None else least))
        number = self.exact(column)
        if number.denominator != 1 or (least is not None and number < least):
            shown = str(self.row[column])[:40]
            raise UserError(Message("goals.not_whole", column=column, value=shown, least=0 if least is None else least))
        return int(number)

    def parse(self, column: str, source: str, *, metric: bool, condition: bool) -> Expression:
        reserved = [name for name in PLAIN_COLUMNS if name != "cohort"]
        try:
            parse = parse_condition if condition else parse_number
            found = parse(source, figures=self.figures.names, metric_allowed=metric, reserved=reserved)
        except UserError as error:
            raise UserError(Message("goals.in_column", column=column, what=error.messages[0])) from error
        if found.uses_cohort and not self.figures.has_cohort:
            raise UserError(Message("goals.no_cohort_column", column=column))
        for name in sorted(found.names):
            self.figures.column(name)
        return found

    def number(self, column: str, metric: bool = False) -> Expression:
        return self.parse(column, self.source(column), metric=metric, condition=False)

    def condition(self, column: str, metric: bool) -> Expression:
        return self.parse(column, self.source(column), metric=metric, condition=True)

    def source(self, column: str) -> str:
        value = self.row[column]
        return value if isinstance(value, str) else str(value)

    def dates(self) -> tuple[dt.date, dt.date]:
        days = []
        for column in ("announced_on", "pay_on"):
            if self.empty(column):
                raise UserError(Message("goals.day_needed", column=column))
            try:
                days.append(read_date(self.row[column]))
            except ValueError as error:
                value = str(self.row[column])[:40]
                raise UserError(Message("goals.not_a_day", column=column, value=value)) from error
        announced, pay = days
        first, last = self.figures.first_day, self.figures.last_day
        if first is not None and announced > first:
            raise UserError(Message("goals.announced_late", day=announced, first=first))
        if last is not None and pay < last:
            raise UserError(Message("goals.paid_early", day=pay, last=last))
        if announced > pay:
            raise UserError(Message("goals.days_out_of_order", announced=announced, pay=pay))
        return announced, pay

    def unit(self, kind: str) -> str:
        if kind == "tier":
            return self.word("unit", UNITS)
        filled = [column for column in UNITS if not self.empty(column)]
        if len(filled) != 1:
            raise UserError(Message("goals.one_amount", count=len(filled)))
        return filled[0]

    def rounding(self, unit: str, is_pool: bool) -> Fraction:
        if self.empty("round_cny"):
            return CENT
        multiple = self.exact("round_cny")
        if is_pool or unit == "points":
            raise UserError(Message("goals.round_not_used", value=str(self.row["round_cny"])[:40]))
        if multiple <= 0 or (multiple / CENT).denominator != 1:
            raise UserError(Message("goals.round_wrong", value=str(self.row["round_cny"])[:40]))
        return multiple

    def steps(self) -> dict[str, Any]:
        for column in ("from", "step"):
            if self.empty(column):
                raise UserError(Message("goals.column_needed", column=column, kind="step"))
        step = self.exact("step")
        if step <= 0:
            raise UserError(Message("goals.step_not_positive", value=str(self.row["step"])[:40]))
        cap = None if self.empty("cap_steps") else self.whole("cap_steps", least=0)
        return {"start": self.exact("from"), "step": step, "cap_steps": cap}

    def tiers(self, unit: str) -> tuple[tuple[Fraction, Fraction], ...]:
        if self.empty("tiers"):
            raise UserError(Message("goals.column_needed", column="tiers", kind="tier"))
        try:
            pairs = [(exact_number(bound), exact_number(amount)) for bound, amount in _pairs(self.row["tiers"])]
        except (ValueError, TypeError) as error:
            raise UserError(Message("goals.tiers_unread", value=str(self.row["tiers"])[:60])) from error
        for (lower, _), (upper, _) in pairwise(pairs):
            if upper <= lower:
                raise UserError(Message("goals.bounds_not_rising", lower=number_text(lower), upper=number_text(upper)))
        self.check_money(unit, "tiers", [amount for _, amount in pairs])
        return tuple(pairs)

    def amount_expression(self, unit: str) -> Expression:
        found = self.number(unit)
        if unit == "points":
            self.check_weights(found)
        if not found.names and not found.uses_cohort:
            return self.check_constant(unit, found)
        return found

    def check_constant(self, unit: str, found: Expression) -> Expression:
        value = found.number(Scope(figures={}))
        self.check_money(unit, unit, [] if value is None else [value])
        return found

    def amounts(self, unit: str, kind: str, top: int, is_pool: bool) -> tuple[Fraction, ...]:
        values = _list_of(self.row[unit]) if kind == "rank" else None
        try:
            parts = [exact_number(value) for value in ([self.row[unit]] if values is None else values)]
        except ValueError as error:
            raise UserError(Message("goals.not_a_number", column=unit, value=str(self.row[unit])[:40])) from error
        if values is not None and len(parts) != top:
            raise UserError(Message("goals.amounts_not_top", column=unit, count=len(parts), top=top))
        self.check_money(unit, unit, parts)
        broken = [part for part in parts if (part / CENT).denominator != 1]
        if is_pool and broken:
            raise UserError(Message("goals.parts_of_a_cent", column=unit, value=number_text(broken[0])))
        return tuple(parts)

    def check_money(self, unit: str, column: str, amounts: list[Fraction]) -> None:
        negative = [amount for amount in amounts if amount < 0]
        if unit == "amount_cny" and negative:
            raise UserError(Message("goals.negative_money", column=column, value=number_text(negative[0])))

    def check_weights(self, found: Expression | None) -> None:
        weights = None if found is None else found.score_weights()
        if found is not None and weights is not None and sum(weights) != 1:
            total = sum(weights, Fraction(0))
            raise UserError(Message("goals.weights_not_one", source=found.source, total=number_text(total)))


def _list_of(value: object) -> list[Any] | None:
    """Return the parts of a list, written as such or as text (``300; 200`` or ``[300, 200]``); None of a number."""
    if isinstance(value, list | tuple | np.ndarray):
        return list(value)
    if isinstance(value, str):
        text = value.strip()
        if text.startswith(("[", "(")):
            try:
                found = ast.literal_eval(text[:2000])
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                return [text]
            return list(found) if isinstance(found, list | tuple) else [found]
        if re.search("[;\uff1b]", text):
            return [part.strip() for part in re.split("[;\uff1b]", text) if part.strip()]
    return None


def _pairs(value: object) -> list[tuple[Any, Any]]:
    parts = _list_of(value)
    if parts is None:
        parts = [value]
    pairs = []
    for part in parts:
        cut = re.split("[:\uff1a]", part) if isinstance(part, str) else list(part)
        if len(cut) != 2:
            raise ValueError(f"no pair: {part!r}")
        pairs.append((cut[0], cut[1]))
    return pairs
