"""Two hundred random stores: verdict, coverage, intervals, KPI cards and summary never disagree."""

from __future__ import annotations

import pytest

from tests.one_truth import find_contradictions, plan_quickly

STORES = 200


@pytest.mark.parametrize("number", range(STORES))
def test_a_random_store_never_contradicts_itself(number):
    """One judgement, one count, one basis of heads, whatever people, task, platform and hours a store has."""
    assert find_contradictions(plan_quickly(number)) == []
