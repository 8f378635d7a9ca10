"""The long proof of the promo model: a thousand random sheets against a second implementation."""

from __future__ import annotations

import pytest

from tests.readiness.compare_prices import compare_sheet

HUNDREDS = range(10)


@pytest.mark.parametrize("hundred", HUNDREDS)
def test_a_hundred_sheets_cost_and_conflict_alike(hundred: int) -> None:
    """Every price to the cent and every conflict with its basket and money, on a hundred sheets."""
    priced = found = 0
    for seed in range(1000 + 100 * hundred, 1100 + 100 * hundred):
        prices, conflicts = compare_sheet(seed, baskets=12)
        priced, found = priced + prices, found + conflicts
    assert priced > 500
    assert found > 100
