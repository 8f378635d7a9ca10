"""The loop over promos: each plan starts from what the last night taught, and is less wrong than the one before."""

from __future__ import annotations

import importlib.util

import pandas as pd
import pytest

from simlib.messages import HOUSE
from simlib.review import learn

SHOPS, PROMOS = 3, 4  # three promos taught the fourth plan


@pytest.fixture(scope="module")
def bench():
    """The benchmark that plays the loop; the tests keep a small sample of it."""
    spec = importlib.util.spec_from_file_location("bench_promo_loop", HOUSE / "benchmarks" / "promo_loop.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_error_of_the_plan_falls_from_promo_to_promo(bench):
    """Over shops unlike the field the median error of contacts, half hours and ratios falls three times running."""
    played = pd.concat([bench.SimulatedShop(number).play(PROMOS) for number in range(SHOPS)])
    errors = played.groupby("promo").median()
    for name in errors:
        assert errors[name].is_monotonic_decreasing, errors
    assert (errors.loc[PROMOS] < 0.5 * errors.loc[1]).all(), errors


def test_a_night_with_two_queues_is_one_night(bench):
    """Presale and aftersale of one promo teach one uplift with the weight of one night."""
    shop = bench.SimulatedShop(1)
    inputs = shop.plan_of(shop.store, 0)
    history = [row.model_copy(update={"queue": "aftersale"}) for row in inputs.store.history]
    both = inputs.store.model_copy(update={"history": (*inputs.store.history, *history)})
    inputs = bench.NightInputs(store=both, wave=inputs.wave)
    came = shop.true_mean(inputs)[["start", "contacts"]]
    contacts = pd.concat([came.assign(queue=queue) for queue in ("presale", "aftersale")])
    figures = bench.NightFigures(promo=inputs.wave.name, ratios={}, contacts=contacts)
    learned = learn(inputs, figures, aov_cny=150.0)
    row = learned.changes.set_index("key").loc["uplift_E"]
    assert row["weight"] == pytest.approx(0.5)
    assert row["after"] == pytest.approx((row["before"] * row["seen"]) ** 0.5)
    assert row["seen"] == pytest.approx(shop.uplift, rel=0.05)
    shape = learned.shape
    assert shape["after"].to_numpy() == pytest.approx((shape["before"] + shape["seen"]).to_numpy() / 2, abs=0.02)
    assert bench.NightInputs(store=learned.store, wave=inputs.wave).curve.promos == 1
