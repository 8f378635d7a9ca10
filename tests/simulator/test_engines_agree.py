"""The compiled engine and the readable one tell the same night, float for float."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings

from simlib.simulator import simulate
from tests.simulator.conftest import assert_same_night, floors

EXAMPLES = int(os.environ.get("SANDTABLE_EXAMPLES", "1500"))


@given(floors())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_small_floors_are_the_same(floor):
    """Whatever happens on a small floor happens in both engines."""
    assert_same_night(
        simulate(*floor, turns=True, trace=True),
        simulate(*floor, engine="simpy", turns=True, trace=True),
    )
