"""What the chapter writes of figures and formulas: words and separators, in both languages."""

import pickle
import re
from pathlib import Path

import pytest

from simlib.goals.wording import PayFormula, number_text
from simlib.messages import LANGS

HOUSE = Path(__file__).resolve().parents[2]


def test_no_text_of_goals_or_actions_shortens_a_number():
    """The format g writes a million as 1e+06 and never a separator; only ids of moves, which nobody reads, keep it."""
    found = []
    for package in ("goals", "actions"):
        for path in sorted((HOUSE / "simlib" / package).glob("*.py")):
            lines = [line for line in path.read_text("utf-8").splitlines() if re.search(r":[\d.]*g\}", line)]
            found += [line.strip() for line in lines if not line.strip().startswith("key=")]
    assert found == []


def test_large_numbers_bear_separators_and_small_ones_no_tail():
    assert [number_text(one) for one in (1_000_000.0, 440008.25, 999, 0.1 + 0.2)] == [
        "1,000,000",
        "440,008.25",
        "999",
        "0.3",
    ]


@pytest.mark.parametrize("lang", LANGS)
def test_a_store_s_own_figure_keeps_its_name(lang):
    """A column that the store calls "usual" is no "usual sample" of another chapter."""
    assert PayFormula("usual + items").text(lang) == "usual + items"


def test_a_formula_survives_being_stored():
    formula = PayFormula("metric * 2 > 1", metric="0 - completion")
    assert pickle.loads(pickle.dumps(formula)) == formula
    assert formula.text("en") == "(0 - Completion) × 2 > 1"
