"""How the chapter writes figures, expressions and schemes into a sentence: in the reader's words, never as keys."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, get_args

from simlib.messages import Lang, Message, Term, glossary, label, translate
from simlib.store.models import Cohort

__all__ = [
    "PayFormula",
    "lowest_first",
    "name_figures",
    "name_formulas",
    "name_scheme",
    "number_text",
    "value_with_unit",
]

WORDS = ("metric", "mean", "last", "and", "or", "not", "min", "max")
# Keys of a single word that are named; a store's own figure, such as "usual", may be called like another term.
SHORT_KEYS = frozenset({"completion", "conversion", "inquiries", "receptions", "cohort"} | set(get_args(Cohort)))
SIGNS = {">=": "≥", "<=": "≤", "==": "=", "!=": "≠", " * ": " × "}
_KEY = re.compile(r"(?<![A-Za-z0-9_])[a-z][a-z0-9]*(?:_[a-z0-9]+)*(?![A-Za-z0-9_])")
_METRIC = re.compile(r"\bmetric\b")
_NEGATIVE = re.compile(r"\s*(?:0\s*)?-\s*([^\W\d]\w*)\s*")
_PLACE = re.compile(r"(\[[^\]]*\])")  # the file and row of a figure


class PayFormula(Message):
    """An expression of a pay rule as a value of a message: with the glossary's words in place of its keys.

    Parameters
    ----------
    source : str
        The expression as it was written, or the key of one figure.
    metric : str, optional
        The rule's own metric, which stands in place of the word ``metric``.

    Examples
    --------
    >>> PayFormula("typing_cpm >= 80 and metric > 1", metric="completion").text("en")
    'Typing speed ≥ 80 and Completion > 1'
    >>> PayFormula("metric >= 80", metric="0.7 * exam_score + 0.3 * usual_score").text("zh")
    '0.7 × 考试分数 + 0.3 × 平时分 ≥ 80'
    """

    __slots__ = ()

    def __init__(self, source: str, metric: str | None = None) -> None:
        if metric is not None:
            bare = not re.search(r"[-+*/(]", source) or _KEY.fullmatch(metric)
            source = _METRIC.sub(lambda _: metric if bare else f"({metric})", source)
        super().__init__("goals.formula", source=source)

    def text(self, lang: Lang) -> str:
        """Return the expression in the words of one language."""
        return translate(self.key, lang, source=_name_keys(str(self.fields["source"]), lang))

    def __reduce__(self) -> tuple[Any, ...]:
        return PayFormula, (self.fields["source"],)


def _name_keys(source: str, lang: Lang) -> str:
    def word(found: re.Match[str]) -> str:
        if found[0] in WORDS:
            return translate(f"goals.word_{found[0]}", lang)
        known = found[0] in glossary() and ("_" in found[0] or found[0] in SHORT_KEYS)
        return label(found[0], lang) if known else found[0]

    named = _KEY.sub(word, source)
    for sign, written in SIGNS.items():
        named = named.replace(sign, written)
    return named


def name_formulas(sources: Iterable[str]) -> tuple[PayFormula, ...]:
    """Return several expressions, or keys of figures, as values of a message."""
    return tuple(PayFormula(source) for source in sources)


def name_figures(text: str, lang: Lang) -> str:
    """Return a list of figures with their values in words; the file and row behind each stay as they are.

    Examples
    --------
    >>> name_figures("sales_cny=313,495 [goals.xlsx:2]; completion=- [goals.xlsx:2]", "zh")
    '客服销售额=313,495 [goals.xlsx:2]; 业绩完成率=- [goals.xlsx:2]'
    """
    return "".join(part if _PLACE.fullmatch(part) else _name_keys(part, lang) for part in _PLACE.split(text))


def lowest_first(source: str) -> str | None:
    """Return the figure whose lowest value is the best where a metric is the negative of one, else None.

    Examples
    --------
    >>> lowest_first("0 - mean_response_s"), lowest_first("-mean_response_s"), lowest_first("receptions")
    ('mean_response_s', 'mean_response_s', None)
    """
    found = _NEGATIVE.fullmatch(source)
    return found[1] if found else None


def name_scheme(scheme: object) -> str:
    """Return the name of a scheme as a value of a message: the kit's own ones are terms of the glossary."""
    key = f"scheme_{scheme}"
    return Term(key) if key in glossary() else str(scheme)


def number_text(number: Fraction | float) -> str:
    """Return a number as people write it: separators from a thousand up, at most six digits after the point.

    Examples
    --------
    >>> [number_text(one) for one in (Fraction(1234567), 0.30000000000000004, Fraction(10000, 3), -0.0)]
    ['1,234,567', '0.3', '3,333.333333', '0']
    """
    if isinstance(number, Fraction) and number.denominator == 1:
        return f"{number.numerator:,}"
    written = f"{float(number):,.6f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def value_with_unit(figure: str, value: float) -> str | Message:
    """Return the value of a figure with the figure's unit: whole from a thousand up, else two digits at most.

    Examples
    --------
    >>> [value_with_unit(*one).text("en") for one in (("sales_cny", 440008.4), ("conversion", 0.463))]
    ['440,008 CNY', '46.3%']
    """
    unit = glossary()[figure]["unit"] if figure in glossary() else ""
    if unit == "share":
        return Message("goals.value_share", value=number_text(round(100 * value, 1)))
    written = number_text(round(value, 0 if abs(value) >= 1000 else 2))
    return Message("goals.value_unit", value=written, unit=Message(f"report.unit_{unit}")) if unit else written
