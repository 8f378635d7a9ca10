"""The payouts against a second implementation of the pay model that shares no line with the first."""

import random

import pytest

from simlib.goals import work_out_payouts
from simlib.goals.payouts import CostSums, calculate_payouts
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


@pytest.mark.parametrize("block", range(4))
def test_the_sums_of_many_nights_are_those_of_each_night_by_itself(block):
    """What a budget adds up, remembering what it has read and paid, is what each night's payouts add up to."""
    for seed in range(block * 10, block * 10 + 10):
        draw = random.Random(seed)
        schemes, people = draw_schemes(draw), draw.randint(1, 6)
        nights = [draw_results(random.Random(draw.randint(0, 3)), people) for _ in range(5)]
        sums = CostSums(schemes=schemes)
        refused = set()
        for night in nights:
            whole = calculate_payouts(schemes, night)
            refused |= {(one.scheme, one.rule) for one in whole.refused}
            spent = whole.totals["amount_cny"] + whole.totals["provisional_cny"]
            by_scheme = spent.astype(float).groupby(whole.totals["scheme"]).sum().to_dict()
            assert sums.add_up(night) == pytest.approx(by_scheme), seed
        assert set(sums.refused) == refused, seed
