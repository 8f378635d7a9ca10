"""The stress test: a night, what may go wrong with it, and what that does."""

from simlib.stress.compare import StressTest, rehearse_scenarios
from simlib.stress.night import PromoNight
from simlib.stress.scenarios import (
    Incident,
    Scenario,
    ScenarioError,
    find_scenario,
    list_incidents,
    read_scenarios,
    standard_scenarios,
)

__all__ = [
    "Incident",
    "PromoNight",
    "Scenario",
    "ScenarioError",
    "StressTest",
    "find_scenario",
    "list_incidents",
    "read_scenarios",
    "rehearse_scenarios",
    "standard_scenarios",
]
