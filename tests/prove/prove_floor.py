"""Thousands of random floors with every rule on: both engines and the reference agree, float for float.

    .venv/bin/python -m pytest -q tests/prove/prove_floor.py

The tests keep a sample of these. Times come from a coarse grid, so that shift edges, replies, messages, deadlines,
outages and absences fall on the same instant again and again, windows touch and hold each other, and down, away and
slow overlap. ``SANDTABLE_SEED`` draws other floors, ``SANDTABLE_FLOORS`` more or fewer.
"""

from __future__ import annotations

import math
import os
from dataclasses import replace

import numpy as np
import pytest

from simlib.simulator import run_arrays
from tests.simulator.conftest import assert_same_arrays
from tests.simulator.nights import run
from tests.simulator.reference_floor import AGENT_COLUMNS
from tests.simulator.test_against_reference import Tape, contact_differences, differing, night_on
from tests.simulator.test_as_before import plain_night
from tests.simulator.test_engines_agree import busy_night

SEED = int(os.environ.get("SANDTABLE_SEED", "20"))
FLOORS = int(os.environ.get("SANDTABLE_FLOORS", "6000"))
PARTS = 10


def tapes(part: int, length: int, number: int):
    """Yield strings of choices; most bytes of some are 0, the plainest choice, so that few things happen at once."""
    draw = np.random.default_rng([SEED, part, length])
    for _ in range(number):
        data = draw.integers(0, 256, length, dtype=np.uint8)
        data[draw.random(length) < draw.choice([0.0, 0.0, 0.2, 0.5])] = 0
        yield data.tobytes()


@pytest.mark.parametrize("part", range(PARTS))
def test_small_floors_are_the_same_in_both_engines_and_the_reference(part):
    """Every column of every contact, turn and agent."""
    used = {"weighted": 0, "slowdown": 0, "away": 0, "all three": 0}
    for data in tapes(part, 300, FLOORS // PARTS):
        drawn = night_on(Tape(data), most_buyers=8, most_agents=3, last=20, most_turns=3)
        reference = run(drawn, "reference")
        lost_seat = any(math.isinf(end) for _, _, end in [*drawn.disruptions.down, *drawn.disruptions.away])
        compared = [name for name in AGENT_COLUMNS if not (lost_seat and name in ("overtime", "chat_seconds"))]
        for engine in ("compiled", "simpy"):
            found = run(drawn, engine, turns=True)
            assert not contact_differences(found, reference), (engine, data)
            assert not differing(found.agents, reference.agents, compared, within=1e-9), (engine, data)
        news = (
            drawn.policy.routing == "weighted",
            len(drawn.policy.slowdown) > 1,
            any(start < end for _, start, end in drawn.disruptions.away),
        )
        for name, is_used in zip(used, (*news, all(news)), strict=True):
            used[name] += is_used
    assert min(used.values()) > FLOORS // PARTS // 50, f"too few floors use the newer rules: {used}"


@pytest.mark.parametrize("part", range(PARTS))
def test_larger_floors_are_the_same_in_both_engines(part):
    """Every column, the trace too."""
    for data in tapes(part, 600, FLOORS // PARTS // 2):
        drawn = night_on(Tape(data), most_buyers=20, most_agents=6, last=30, most_turns=4)
        compiled, simpy = (run(drawn, engine, turns=True, trace=True) for engine in ("compiled", "simpy"))
        assert not contact_differences(compiled, simpy), data
        assert not differing(compiled.agents, simpy.agents, AGENT_COLUMNS), data
        assert not differing(compiled.trace, simpy.trace, ["agent", "time", "open", "replying"]), data


@pytest.mark.parametrize("grid_s", [None, 5.0])
def test_busy_nights_are_the_same_in_both_engines(grid_s):
    """Nights of 1,200 contacts on 25 agents."""
    for seed in range(SEED, SEED + FLOORS // 200):
        floor = busy_night(seed, grid_s=grid_s)
        assert_same_arrays(
            run_arrays(*floor, turns=True, trace=True), run_arrays(*floor, engine="simpy", turns=True, trace=True)
        )


def test_plain_values_of_the_newer_rules_change_nothing():
    """A slow-down of ones, weights under another routing, and absences of no length leave a night as it is."""
    for seed in range(SEED, SEED + 40):
        contacts, agents, policy, disruptions = plain_night(seed)
        plain = run_arrays(contacts, agents, policy, disruptions, turns=True, trace=True)
        other = run_arrays(
            contacts,
            replace(agents, weight=np.linspace(0.5, 2.0, len(agents))),
            replace(policy, slowdown=(1.0,) * 9),
            replace(disruptions, away=[(a, 100.0 * a, 100.0 * a) for a in range(len(agents))]),
            turns=True,
            trace=True,
        )
        assert_same_arrays(plain, other)
