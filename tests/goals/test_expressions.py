"""Expressions of a pay scheme: exact numbers, three-valued conditions, errors that name the nearest figure."""

from fractions import Fraction

import pytest

from simlib.goals.expressions import DEPTH_MAX, LENGTH_MAX, Scope, parse_condition, parse_number
from simlib.messages import UserError

FIGURES = {"exam": 92, "usual": 85, "exempt": 1, "zero": 0, "gone": None, "考试分数": 7}
SCOPE = Scope(
    figures={name: None if value is None else Fraction(value) for name, value in FIGURES.items()},
    cohort="own",
    metric=Fraction(80),
    means={"exam": Fraction(3), "gone": None},
    lasts={"exam": Fraction(2), "gone": None},
)


def number(source):
    return parse_number(source, figures=FIGURES, metric_allowed=True).number(SCOPE)


def holds(source):
    return parse_condition(source, figures=FIGURES, metric_allowed=True).holds(SCOPE)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("0.7 * exam + 0.3 * usual", Fraction("89.9")),
        ("3800 + (4300 - 3800) * 0.5", 4050),
        ("1 - 2 - 3", -4),
        ("2 / 4 / 2", Fraction(1, 4)),
        ("2 + 3 * 4", 14),
        ("-exam * 2", -184),
        ("- -exam", 92),
        ("2--3", 5),
        ("0.1 + 0.2", Fraction(3, 10)),
        ("1e3 + .5 + 2.", Fraction("1002.5")),
        ("min(exam, usual)", 85),
        ("max(exam, min(3, metric + 20))", 92),
        ("mean(exam) + last(exam)", 5),
        ("考试分数 * 2", 14),
        ("exam / zero", None),
        ("gone * zero", None),
        ("mean(gone)", None),
        ("last(gone)", None),
        ("min(gone, 1)", None),
    ],
)
def test_numbers_are_exact_and_none_where_a_figure_is_missing(source, value):
    assert number(source) == value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("exempt == 1 or gone >= 80", True),
        ("gone >= 80 or exempt == 1", True),
        ("exempt == 0 and gone >= 80", False),
        ("gone >= 80 and exempt == 0", False),
        ("exempt == 0 or gone >= 80", None),
        ("exempt == 1 and gone >= 80", None),
        ("not gone >= 80", None),
        ("not exam >= 80", False),
        ("not not exam >= 80", True),
        ("not exam >= 80 or exempt == 1", True),
        ("exam >= 92 and exam > 91.99 and exam <= 92 and exam < 92.01 and exam == 92 and exam != 91", True),
        ("(exam > 92)", False),
        ("exam > 1 or exam > 2 and exam > 100", True),
        ("(exam > 1 or exam > 2) and exam > 100", False),
        ("cohort == 'own'", True),
        ('"own" != cohort', False),
        ('cohort == "student"', False),
        ("exam / zero >= 0", None),
        ("metric >= 80", True),
        ("0.1 + 0.2 == 0.3", True),
    ],
)
def test_conditions_are_three_valued(source, value):
    assert holds(source) is value


def test_a_cohort_that_is_missing_leaves_the_condition_open():
    rule = parse_condition("cohort == 'own'", figures=())
    assert rule.holds(Scope(figures={})) is None
    assert rule.missing(Scope(figures={})) == ("cohort",)


@pytest.mark.parametrize(
    "source",
    [
        *("", "  ", "exam >=", "exam exam", "(exam", "exam)", "exam + ", "* exam", "+exam", "exam ** 2", "exam // 2"),
        *("exam % 2", "90%", "exam.real", "exam[0]", "__import__('os')", "abs(exam)", "exam(1)", "lambda: 1"),
        *("1 < exam < 3", "exam = 1", "'own'", "cohort", "exam == 'own'", "cohort < 'own'", "cohort == cohort"),
        *("'a' == 'a'", "cohort == 1", "(exam > 1) + 1", "-(exam > 1)", "min(exam)", "min(exam, usual, 3)"),
        *("min(exam > 1, 2)", "mean(exam + 1)", "mean(metric)", "mean(nobody)", "not exam", "exam and exam > 1"),
        *("exam if exam else 1", "True", "None", "exam > 1 == (usual > 1)", "1_000", "0x10", "１００", "1e999"),
        *("exam >= 80 & usual", "nobody", "and", "12exam", "exam; usual", "exam\x00", "9" * 41),
        *("(" * (DEPTH_MAX + 1) + "1" + ")" * (DEPTH_MAX + 1), "1+" * LENGTH_MAX + "1", "not " * 200 + "exam"),
    ],
)
def test_nothing_else_is_understood(source):
    for parse in (parse_number, parse_condition):
        with pytest.raises(UserError) as error:
            parse(source, figures=FIGURES)
        assert error.value.text("zh")
        assert error.value.text("en")


def test_a_condition_is_no_number_and_a_number_no_condition():
    with pytest.raises(UserError, match="is a number; a condition belongs here"):
        parse_condition("exam", figures=FIGURES)
    with pytest.raises(UserError, match="is a condition; a number belongs here"):
        parse_number("exam > 1", figures=FIGURES)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UserError, match="no figure is called exma; nearest: exam"):
        parse_number("exma + 1", figures=FIGURES)
    with pytest.raises(UserError, match="hold no figure at all"):
        parse_number("exma + 1", figures=())
    with pytest.raises(UserError, match="column name is no figure"):
        parse_number("name", figures=FIGURES, reserved=("name",))


def test_metric_stands_only_where_it_may():
    with pytest.raises(UserError, match="may not use metric"):
        parse_number("metric * 2", figures=FIGURES)


def test_the_part_that_fails_is_quoted_as_it_was_written():
    rule = parse_condition("exam >= 80 and (usual >= 90  and exempt == 1)", figures=FIGURES)
    assert rule.failed_part(SCOPE) == "usual >= 90"
    both = parse_condition("gone > 1 and exam < 1", figures=FIGURES)
    assert both.failed_part(SCOPE) == "exam < 1"
    either = parse_condition("exam < 1 or usual < 1", figures=FIGURES)
    assert either.failed_part(SCOPE) == "exam < 1 or usual < 1"


@pytest.mark.parametrize(
    ("source", "weights"),
    [
        ("0.60 * exam + 0.20 * usual + 0.20 * gone + 2", ["0.6", "0.2", "0.2"]),
        ("(0.7 * exam) + usual * 0.4", ["0.7", "0.4"]),
        ("0.5 * exam", None),
        ("exam + 0.5 * usual + 0.3 * gone", None),
        ("0.5 * exam - 0.2 * usual", None),
        ("2 * exam + 0.5 * usual", None),
        ("0.5 * exam + 0.5 * usual / 2", None),
    ],
)
def test_a_score_is_known_by_its_weights(source, weights):
    found = parse_number(source, figures=FIGURES).score_weights()
    assert found == (None if weights is None else tuple(map(Fraction, weights)))
