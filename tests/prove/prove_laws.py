"""Laws and second counts on many random cases, of which the tests draw a few."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from tests.kpis import test_kpis
from tests.simulator.conftest import floors

ANY = list(HealthCheck)


@settings(max_examples=150, deadline=None, suppress_health_check=ANY)
@given(floors())
def test_the_laws_of_the_kpis_hold_on_any_floor(floor):
    """Contacts add up, shares stay in [0, 1], sums of groups are the night's."""
    test_kpis.test_the_laws_hold_on_any_floor.hypothesis.inner_test(floor)


@settings(max_examples=200, deadline=None, suppress_health_check=ANY)
@given(test_kpis.MESSAGES)
def test_turns_are_what_a_clerk_would_count(messages):
    """Going through each contact message by message with a pencil gives the same turns."""
    test_kpis.test_turns_are_what_a_clerk_would_count.hypothesis.inner_test(messages)
