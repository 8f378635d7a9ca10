"""The payouts against a second implementation of the pay model that shares no line with the first."""

import random

import pytest

from simlib.goals import work_out_payouts
from tests.goals.random_schemes import cents_of, draw_results, draw_schemes
from tests.goals.slow_payouts import pay


def assert_same(seed):
    """Compare every cent, every provisional rule and every refusal of one drawn case; return whether it pays."""
    draw = random.Random(seed)
    results, schemes = draw_results(draw, draw.randint(1, 9)), draw_schemes(draw)
    frame = work_out_payouts(schemes, results)
    paid, provisional, refused = pay(schemes, results)
    assert {one["scheme"] for one in frame.attrs["refused"]} == refused, seed
    assert cents_of(frame) == paid, seed
    assert {(row.scheme, row.rule) for row in frame.itertuples() if row.provisional} == provisional, seed
    return any(paid.values()), bool(provisional), bool(refused)


@pytest.mark.parametrize("block", range(4))
def test_both_implementations_pay_the_same_cents(block):
    found = [assert_same(seed) for seed in range(block * 40, block * 40 + 40)]
    assert all(any(kind) for kind in list(zip(*found, strict=True))[:2])
