"""Output, waiting and heads against the concurrency limit: the peak is there if and only if the slow-down makes it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simlib.night.concurrency import measure_output, sweep_concurrency
from simlib.simulator import Contacts, Policy
from simlib.simulator.draw import slowdown_from_ratio

REPLY_S, THINK_S, TURNS = 18.0, 45.0, 6.0
LIMITS = range(1, 11)


def buyers(n=900, *, span_s=4 * 3600.0, seed=3):
    """Draw chats with exponential replies and geometric turns, so that the closed chain is exact."""
    draw = np.random.default_rng(seed)
    turns = draw.geometric(1 / TURNS, n)
    return Contacts(
        arrival=np.sort(draw.uniform(0, span_s, n)),
        turns=turns,
        handle=draw.exponential(REPLY_S, turns.sum()),
        think=draw.exponential(THINK_S, turns.sum()),
        patience=draw.exponential(120.0, n),
        silent=draw.random(n) < 0.5,
    )


def busy_share(limit, slowdown):
    """Share of the time an agent writes who always holds ``limit`` chats: the machine-repair chain."""
    a = REPLY_S * slowdown[limit - 1] / (THINK_S * (TURNS - 1) / TURNS)
    weights = [math.perm(limit, n) * a**n for n in range(limit + 1)]
    return 1.0 - weights[0] / sum(weights)


@pytest.mark.parametrize("pct", [0.0, 1.0, 3.0, 8.0])
def test_output_has_a_peak_if_and_only_if_the_slow_down_outgrows_what_is_gained(pct):
    """From one limit to the next, output falls exactly where s(K + 1) / s(K) > busy(K + 1) / busy(K)."""
    many = buyers(20_000)
    per_reply = len(many.handle) / len(many)
    slowdown = slowdown_from_ratio(pct, capacity_max=10) if pct else (1.0,) * 10
    output = [measure_output(many, limit, policy=Policy(slowdown=slowdown), hours=400.0) for limit in LIMITS]
    busy = [busy_share(limit, slowdown) for limit in LIMITS]
    exact = [
        3600 * share / (many.handle.mean() * factor * per_reply) for share, factor in zip(busy, slowdown, strict=True)
    ]
    assert output == pytest.approx(exact, rel=0.02)
    for k in range(9):
        gain, price = busy[k + 1] / busy[k], slowdown[k + 1] / slowdown[k]
        if abs(gain / price - 1) > 0.012:  # else within the noise of 400 hours
            assert (output[k + 1] < output[k]) == (price > gain), f"from {k + 1} to {k + 2} chats"
    peak = int(np.argmax(output)) + 1
    assert (peak < 9) == (pct > 0)
    if pct == 3.0:
        assert peak in (4, 5, 6)  # the one measured floor has most output at 5


def test_a_sweep_shows_an_optimum_under_a_slow_down_and_none_without():
    """Fewer heads up to a point; with a fixed number of heads and too much work, waiting and output say the rest."""
    short = buyers()
    free = sweep_concurrency(short, duty_s=4 * 3600.0, policy=Policy(), agents=6)
    priced = sweep_concurrency(
        short, duty_s=4 * 3600.0, policy=Policy(slowdown=slowdown_from_ratio(8, capacity_max=10)), agents=6
    )
    assert free.table["concurrency"].tolist() == list(LIMITS)
    assert free.best_output >= 7
    assert priced.best_output in (3, 4)
    assert free.table["agents_needed"].is_monotonic_decreasing
    assert priced.table["agents_needed"].min() > free.table["agents_needed"].min()
    assert (priced.table["agents_needed"] >= free.table["agents_needed"]).all()
    needed = free.table.set_index("concurrency")["agents_needed"]
    assert needed[5] > needed[1] / 5  # a limit is no divisor
    response = priced.table.set_index("concurrency")["mean_response"]
    assert response[10] > 1.3 * response[4]
    lost = priced.table.set_index("concurrency")["lost_share"]
    assert lost.idxmin() < 10
    assert lost[10] > lost.min()
    assert 1 < priced.fewest_agents < 10


def test_a_sweep_refuses_nonsense():
    """Limits, hours, targets and heads are named."""
    for wrong, sentence in (
        ({"limits": ()}, "limits must be whole numbers"),
        ({"limits": (0, 1)}, "limits must be whole numbers"),
        ({"duty_s": 0.0}, "duty_s must be > 0"),
        ({"share": 1.1}, "share must lie in"),
        ({"agents": 0}, "agents must be a whole number"),
    ):
        with pytest.raises(ValueError, match=sentence):
            sweep_concurrency(**{"contacts": buyers(5), "duty_s": 60.0, "policy": Policy()} | wrong)
