"""The base forecast on the bank's last 50 days, one and ten days ahead; ``tests/forecasting`` keeps every fifth."""

from __future__ import annotations

import pytest

from tests.forecasting.test_base import BANK, judge_bank


@pytest.mark.parametrize("ahead", [1, 10])
def test_bank_is_forecast_at_least_as_well_as_by_its_rivals_and_the_band_holds(ahead):
    """On the bank's last 50 days the forecast is no worse than SVD(3)+AR(1), better than eight same weekdays."""
    if not BANK.exists():
        pytest.skip("the bank's counts are not beside the repository")
    error, inside = judge_bank(ahead, days=slice(-50, None))
    assert error["kit"] <= error["svd"]
    assert error["kit"] < error["mean8"]
    assert 0.85 <= inside <= 0.95
