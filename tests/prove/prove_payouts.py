"""Thousands of drawn schemes against the second implementation of the pay model (`make prove`)."""

import pytest

from tests.goals.test_against_second import assert_same


@pytest.mark.parametrize("block", range(25))
def test_both_implementations_pay_the_same_cents(block):
    found = [assert_same(seed) for seed in range(10_000 + block * 200, 10_200 + block * 200)]
    assert all(any(kind) for kind in zip(*found, strict=True))
