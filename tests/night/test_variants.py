"""Versions of a night as variants: what they share is drawn once, and the figures are those of each alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simlib.night.promo_night import make_variants
from simlib.planning import plan
from simlib.simulator.replicate import replicate_variants

SMALL = Path(__file__).parents[2] / "templates" / "stores" / "bodycare"


@pytest.fixture(scope="module")
def night():
    return plan(SMALL, roster_effort=0.2).night


def test_what_versions_share_is_laid_out_once(night):
    """The same people at the same times are one team; another roster, or other buyers, are another."""
    slower = replace(night, policy=replace(night.policy, close_s=night.policy.close_s + 30))
    fewer = replace(night, roster=night.roster.iloc[:-1])
    busier = replace(night, forecast=night.forecast.assign(contacts=1.1 * night.forecast["contacts"]))
    made = make_variants({"plan": night, "slower": slower, "fewer": fewer, "busier": busier})
    assert made["slower"].agents is made["plan"].agents
    assert made["slower"].attend is made["plan"].attend
    assert made["busier"].agents is made["plan"].agents
    assert made["fewer"].agents is not made["plan"].agents
    assert made["slower"].draw == made["plan"].draw == made["fewer"].draw
    assert made["busier"].draw != made["plan"].draw


def test_shared_people_give_the_figures_of_each_version_alone(night):
    """Who is there in a night does not hang on the version beside it."""
    closing = replace(night, policy=replace(night.policy, close_s=night.policy.close_s + 300))
    nights = {"plan": night, "closing": closing, "fewer": replace(night, roster=night.roster.iloc[:-3])}
    how = {"measure": night.measure(), "seed": 3, "replications": 3, "turns": True, "trace": True}
    together = replicate_variants(make_variants(nights), **how)
    for name, each in nights.items():
        alone = replicate_variants({name: each.variant()}, **how)[name]
        assert together[name].figures.keys() == alone.figures.keys()
        for key, values in alone.figures.items():
            np.testing.assert_array_equal(together[name].figures[key], values, err_msg=f"{name} {key}")
    assert (together["closing"].figures["occupancy"] != together["plan"].figures["occupancy"]).any() or (
        together["closing"].figures["lost_share"] != together["plan"].figures["lost_share"]
    ).any()
