"""The little language in which a pay rule says who is meant and what is counted: parsed here, never run as code.

Numbers are exact fractions, a missing figure is None and makes what depends on it None, and conditions are
three-valued: ``exempt == 1 or exam >= 80`` holds for an exempt person without an exam.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Literal, NoReturn

from simlib.messages import Message, UserError

__all__ = ["Expression", "Scope", "parse_condition", "parse_number"]

Kind = Literal["number", "condition", "text"]
LENGTH_MAX = 500
DEPTH_MAX = 40
DIGITS_MAX = 40
RESERVED = frozenset({"and", "or", "not", "min", "max", "mean", "last", "metric", "cohort"})

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?(?![\w.]))|(?P<name>[^\W\d]\w*)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")|(?P<sign><=|>=|==|!=|[<>+\-*/(),])|(?P<end>$))"
)
_COMPARISONS: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What an expression may look at: one person's figures, cohort and metric, and figures of all persons.

    Attributes
    ----------
    figures : mapping of str to Fraction or None
        The person's figures by name; None is missing.
    cohort : str or None
    metric : Fraction or None
        The rule's own metric of the person.
    means, lasts : mapping of str to Fraction or None
        Mean and smallest of each figure over all persons, for ``mean`` and ``last``.
    """

    figures: Mapping[str, Fraction | None]
    cohort: str | None = None
    metric: Fraction | None = None
    means: Mapping[str, Fraction | None] = field(default_factory=dict)
    lasts: Mapping[str, Fraction | None] = field(default_factory=dict)


Value = Fraction | bool | str | None


@dataclass(frozen=True, kw_only=True)
class _Node:
    operation: str
    kind: Kind
    parts: tuple[_Node, ...] = ()
    name: str = ""
    number: Fraction = Fraction(0)
    begin: int = 0
    end: int = 0


@dataclass(frozen=True, kw_only=True)
class Expression:
    """A parsed expression.

    Attributes
    ----------
    source : str
        As it was written.
    kind : {"number", "condition"}
    names : frozenset of str
        The figures that it looks at, those inside ``mean`` and ``last`` included.
    uses_metric, uses_cohort : bool
    """

    source: str
    kind: Kind
    names: frozenset[str]
    uses_metric: bool
    uses_cohort: bool
    root: _Node = field(repr=False)

    @cached_property
    def pooled(self) -> frozenset[str]:
        """The figures inside ``mean`` and ``last``, which look at all persons."""
        return frozenset(node.name for node in _walk(self.root) if node.operation in ("mean", "last"))

    def number(self, scope: Scope) -> Fraction | None:
        """Return the number that the expression has for one person; None where a figure is missing."""
        found = _evaluate(self.root, scope)
        assert found is None or isinstance(found, Fraction)
        return found

    def holds(self, scope: Scope) -> bool | None:
        """Return whether the condition holds for one person; None where that hangs on a missing figure."""
        found = _evaluate(self.root, scope)
        assert found is None or isinstance(found, bool)
        return found

    def failed_part(self, scope: Scope) -> str:
        """Return the first part of the condition, parted at ``and``, that does not hold, as it was written."""
        parts = list(_conjuncts(self.root))
        values = [_evaluate(part, scope) for part in parts]
        worst = values.index(False) if False in values else values.index(None)
        return self.source[parts[worst].begin : parts[worst].end].strip()

    def missing(self, scope: Scope) -> tuple[str, ...]:
        """Return the names of the figures that the expression needs and the person lacks, in order of name."""
        return tuple(sorted(set(_missing(self.root, scope))))

    def score_weights(self) -> tuple[Fraction, ...] | None:
        """Return the weights where the expression is a score, a sum of weights below 1 times figures; else None.

        Two terms at least are weighted, and beside them stand constants only (a bonus or a malus). What is
        anything else, a plain figure beside weighted ones for instance, is no score.

        Examples
        --------
        >>> parse_number("0.7 * exam + 0.3 * usual", figures={"exam", "usual"}).score_weights()
        (Fraction(7, 10), Fraction(3, 10))
        >>> parse_number("hours + 0.5 * nights", figures={"hours", "nights"}).score_weights() is None
        True
        """
        weights = []
        for term in _summands(self.root):
            weight = _weight(term)
            if weight is None:
                return None
            if weight:
                weights.append(weight)
        return tuple(weights) if len(weights) > 1 else None


def parse_number(
    source: str, *, figures: Collection[str], metric_allowed: bool = False, reserved: Collection[str] = ()
) -> Expression:
    """Return the parsed expression of a number.

    Parameters
    ----------
    source : str
        As the scheme has it.
    figures : collection of str
        The names that may be used.
    metric_allowed : bool
        Whether ``metric`` may be used.
    reserved : collection of str
        Names that exist but are no figures, such as person and name.

    Raises
    ------
    UserError
        With what is wrong, where, and the nearest name or what is allowed.

    Examples
    --------
    >>> rule = parse_number("3800 + (4300 - 3800) * 0.5", figures=())
    >>> rule.number(Scope(figures={}))
    Fraction(4050, 1)
    >>> parse_number("a / b", figures={"a", "b"}).number(Scope(figures={"a": Fraction(1), "b": Fraction(0)}))
    """
    return _parse(source, figures, metric_allowed, reserved, "number")


def parse_condition(
    source: str, *, figures: Collection[str], metric_allowed: bool = False, reserved: Collection[str] = ()
) -> Expression:
    """Return the parsed expression of a condition; parameters and errors as in :func:`parse_number`.

    Examples
    --------
    >>> rule = parse_condition("exempt == 1 or exam >= 80", figures={"exempt", "exam"})
    >>> rule.holds(Scope(figures={"exempt": Fraction(1), "exam": None}))
    True
    >>> rule.holds(Scope(figures={"exempt": Fraction(0), "exam": None})) is None
    True
    """
    return _parse(source, figures, metric_allowed, reserved, "condition")


def nearest_names(name: str, known: Collection[str]) -> tuple[str, ...]:
    """Return up to three known names that are nearest to a name, or the first few where none is near."""
    order = sorted(known)
    folded: dict[str, str] = {}
    for key in order:
        folded.setdefault(key.casefold(), key)
    near = difflib.get_close_matches(name.casefold(), list(folded), n=3, cutoff=0.5)
    return tuple(folded[key] for key in near) or tuple(order[:6])


def _parse(source: str, figures: Collection[str], metric: bool, reserved: Collection[str], kind: Kind) -> Expression:
    root = _Parser(source, frozenset(figures), metric, frozenset(reserved)).parse()
    if root.kind != kind:
        raise UserError(Message(f"goals.expression_no_{kind}", source=source))
    nodes = list(_walk(root))
    return Expression(
        source=source,
        kind=kind,
        names=frozenset(node.name for node in nodes if node.operation in ("figure", "mean", "last")),
        uses_metric=any(node.operation == "metric" for node in nodes),
        uses_cohort=any(node.operation == "cohort" for node in nodes),
        root=root,
    )


class _Parser:
    """Recursive descent over the tokens of one expression; types are checked while it is read."""

    def __init__(self, source: str, figures: frozenset[str], metric: bool, reserved: frozenset[str]) -> None:
        self.source, self.figures, self.metric, self.reserved = source, figures, metric, reserved
        self.depth = self.at = 0
        if len(source) > LENGTH_MAX:
            raise UserError(Message("goals.expression_too_long", source=source[:40] + "…", limit=LENGTH_MAX))
        self.tokens: list[tuple[str, str, int, int]] = []
        place = 0
        while not self.tokens or self.tokens[-1][0] != "end":
            found = _TOKEN.match(source, place)
            if found is None:
                rest = source[place:].strip()
                raise UserError(Message("goals.expression_unreadable", source=source, part=rest[:20]))
            group = str(found.lastgroup)
            self.tokens.append((group, found[group], found.start(group), found.end()))
            place = found.end()

    def parse(self) -> _Node:
        if self.tokens[0][0] == "end":
            raise UserError(Message("goals.expression_empty"))
        root = self.either()
        if self.tokens[self.at][0] != "end":
            self.unexpected()
        return root

    def unexpected(self) -> NoReturn:
        group, _, begin, _ = self.tokens[self.at]
        if group == "end":
            raise UserError(Message("goals.expression_breaks_off", source=self.source))
        raise UserError(Message("goals.expression_unreadable", source=self.source, part=self.source[begin:][:20]))

    def take(self, *wanted: str) -> str:
        group, text, _, _ = self.tokens[self.at]
        if group in ("sign", "name") and text in wanted:
            self.at += 1
            return text
        return ""

    def need(self, sign: str) -> None:
        if not self.take(sign):
            self.unexpected()

    def node(self, operation: str, kind: Kind, *parts: _Node, begin: int, name: str = "") -> _Node:
        end = self.tokens[self.at - 1][3]
        return _Node(operation=operation, kind=kind, parts=parts, begin=begin, end=end, name=name)

    def check(self, node: _Node, kind: Kind) -> _Node:
        if node.kind != kind:
            if "text" in (node.kind, kind):
                raise UserError(Message("goals.expression_text", source=self.source))
            part = self.source[node.begin : node.end]
            raise UserError(Message(f"goals.expression_part_no_{kind}", source=self.source, part=part))
        return node

    def either(self) -> _Node:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise UserError(Message("goals.expression_too_deep", source=self.source, limit=DEPTH_MAX))
        begin = self.tokens[self.at][2]
        left = self.both()
        while self.take("or"):
            left = self.node("or", "condition", self.check(left, "condition"), self._right(self.both), begin=begin)
        self.depth -= 1
        return left

    def both(self) -> _Node:
        begin = self.tokens[self.at][2]
        left = self.negated()
        while self.take("and"):
            left = self.node("and", "condition", self.check(left, "condition"), self._right(self.negated), begin=begin)
        return left

    def _right(self, read: Callable[[], _Node]) -> _Node:
        return self.check(read(), "condition")

    def negated(self) -> _Node:
        begin, times = self.tokens[self.at][2], 0
        while self.take("not"):
            times += 1
        node = self.comparison()
        if times:
            self.check(node, "condition")
        for _ in range(times):
            node = self.node("not", "condition", node, begin=begin)
        return node

    def comparison(self) -> _Node:
        begin = self.tokens[self.at][2]
        left = self.sum()
        sign = self.take(*_COMPARISONS)
        if not sign:
            return left
        right = self.sum()
        if self.take(*_COMPARISONS):
            raise UserError(Message("goals.expression_chained", source=self.source))
        if "text" in (left.kind, right.kind):
            if sign not in ("==", "!=") or {left.operation, right.operation} != {"cohort", "text"}:
                raise UserError(Message("goals.expression_text", source=self.source))
        else:
            self.check(left, "number")
            self.check(right, "number")
        return self.node(sign, "condition", left, right, begin=begin)

    def sum(self) -> _Node:
        return self._chain(self.product, ("+", "-"))

    def product(self) -> _Node:
        return self._chain(self.signed, ("*", "/"))

    def _chain(self, read: Callable[[], _Node], signs: tuple[str, ...]) -> _Node:
        begin = self.tokens[self.at][2]
        left = read()
        while sign := self.take(*signs):
            right = self.check(read(), "number")
            left = self.node(sign, "number", self.check(left, "number"), right, begin=begin)
        return left

    def signed(self) -> _Node:
        begin, times = self.tokens[self.at][2], 0
        while self.take("-"):
            times += 1
        node = self.atom()
        if times:
            self.check(node, "number")
        return self.node("minus", "number", node, begin=begin) if times % 2 else node

    def atom(self) -> _Node:
        group, text, begin, end = self.tokens[self.at]
        if group == "number":
            self.at += 1
            if sum(map(str.isdigit, text)) > DIGITS_MAX:
                raise UserError(Message("goals.expression_unreadable", source=self.source, part=text[:20]))
            return _Node(operation="number", kind="number", number=Fraction(text), begin=begin, end=end)
        if group == "text":
            self.at += 1
            return _Node(operation="text", kind="text", name=text[1:-1], begin=begin, end=end)
        if self.take("("):
            inner = self.either()
            self.need(")")
            return _Node(
                operation="group", kind=inner.kind, parts=(inner,), begin=begin, end=self.tokens[self.at - 1][3]
            )
        if group != "name" or text in ("and", "or", "not"):
            self.unexpected()
        self.at += 1
        if self.take("("):
            return self._call(text, begin)
        return self._name(text, begin)

    def _call(self, text: str, begin: int) -> _Node:
        if text in ("min", "max"):
            first = self.check(self.either(), "number")
            self.need(",")
            second = self.check(self.either(), "number")
            self.need(")")
            return self.node(text, "number", first, second, begin=begin)
        if text in ("mean", "last"):
            group, name, _, _ = self.tokens[self.at]
            if group != "name":
                self.unexpected()
            self.at += 1
            if name in RESERVED or name not in self.figures:
                self._unknown(name)
            self.need(")")
            return self.node(text, "number", begin=begin, name=name)
        raise UserError(Message("goals.expression_call", source=self.source, name=text))

    def _name(self, text: str, begin: int) -> _Node:
        if text == "cohort":
            return self.node("cohort", "text", begin=begin)
        if text == "metric":
            if not self.metric:
                raise UserError(Message("goals.expression_no_metric", source=self.source))
            return self.node("metric", "number", begin=begin)
        if text in RESERVED or text not in self.figures:
            self._unknown(text)
        return self.node("figure", "number", begin=begin, name=text)

    def _unknown(self, name: str) -> NoReturn:
        known = self.figures - RESERVED
        if name in self.reserved:
            raise UserError(Message("goals.expression_no_figure", source=self.source, name=name))
        if not known:
            raise UserError(Message("goals.expression_no_figures", source=self.source, name=name))
        nearest = nearest_names(name, known)
        raise UserError(Message("goals.expression_unknown_name", source=self.source, name=name, nearest=nearest))


def _walk(node: _Node) -> Iterator[_Node]:
    yield node
    for part in node.parts:
        yield from _walk(part)


def _evaluate(node: _Node, scope: Scope) -> Value:
    operation = node.operation
    if operation == "number":
        return node.number
    if operation == "figure":
        return scope.figures.get(node.name)
    if operation == "metric":
        return scope.metric
    if operation == "cohort":
        return scope.cohort
    if operation == "text":
        return node.name
    if operation == "group":
        return _evaluate(node.parts[0], scope)
    if operation in ("mean", "last"):
        return (scope.means if operation == "mean" else scope.lasts).get(node.name)
    if operation in ("and", "or"):
        return _connect(node, scope, ends=operation == "or")
    values = [_evaluate(part, scope) for part in node.parts]
    if any(value is None for value in values):
        return None
    if operation == "not":
        return not values[0]
    if operation in ("==", "!=") and isinstance(values[0], str):
        return (values[0] == values[1]) is (operation == "==")
    return _combine(operation, [value for value in values if isinstance(value, Fraction)])


def _combine(operation: str, numbers: list[Fraction]) -> Value:
    if operation == "minus":
        return -numbers[0]
    first, second = numbers
    if operation in _COMPARISONS:
        return _COMPARISONS[operation](first, second)
    if operation == "/":
        return first / second if second else None
    if operation == "+":
        return first + second
    if operation == "-":
        return first - second
    if operation == "*":
        return first * second
    return min(first, second) if operation == "min" else max(first, second)


def _connect(node: _Node, scope: Scope, *, ends: bool) -> bool | None:
    """Join two conditions: what ``ends`` decides alone, a missing one leaves open unless the other decides."""
    first = _evaluate(node.parts[0], scope)
    if first is ends:
        return ends
    second = _evaluate(node.parts[1], scope)
    if second is ends:
        return ends
    return None if first is None or second is None else not ends


def _conjuncts(node: _Node) -> Iterator[_Node]:
    if node.operation == "and":
        for part in node.parts:
            yield from _conjuncts(part)
    elif node.operation == "group" and node.parts[0].operation == "and":
        yield from _conjuncts(node.parts[0])
    else:
        yield node


def _missing(node: _Node, scope: Scope) -> Iterator[str]:
    for part in _walk(node):
        if part.operation in ("figure", "mean", "last") and _evaluate(part, scope) is None:
            yield part.name
        elif part.operation in ("metric", "cohort") and _evaluate(part, scope) is None:
            yield part.operation


def _summands(node: _Node) -> Iterator[_Node]:
    if node.operation == "+":
        for part in node.parts:
            yield from _summands(part)
    elif node.operation == "-":
        yield from _summands(node.parts[0])
        yield _Node(operation="minus", kind="number", parts=node.parts[1:])
    elif node.operation == "group":
        yield from _summands(node.parts[0])
    else:
        yield node


def _weight(term: _Node) -> Fraction | None:
    """Return the weight of a weighted figure, 0 for a constant, None for anything else."""
    if not any(part.operation in ("figure", "metric", "mean", "last", "cohort") for part in _walk(term)):
        return Fraction(0)
    if term.operation != "*":
        return None
    first, second = term.parts
    if first.operation == "figure":
        first, second = second, first
    weighted = first.operation == "number" and second.operation == "figure" and 0 < first.number < 1
    return first.number if weighted else None
