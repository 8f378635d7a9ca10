"""The verdict: one judgement, one count, one basis, whatever store it is about."""

import pytest

from simlib.messages import HOUSE
from tests.one_truth import find_contradictions, plan_quickly

SMALL = HOUSE / "templates" / "stores" / "bodycare"


@pytest.mark.parametrize("number", range(4))
def test_a_random_store_never_contradicts_itself(number):
    """Verdict, coverage, intervals, KPI cards and summary agree; 200 stores are in tests/prove/prove_verdict.py."""
    assert find_contradictions(plan_quickly(number)) == []
