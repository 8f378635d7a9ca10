"""The stress test: a night, what may go wrong with it, and what that does."""

from simlib.stress.compare import StressTest, rehearse_scenarios
from simlib.stress.levers import (
    BestResponse,
    Lever,
    Reserve,
    apply_levers,
    best_answer,
    levers_for,
    map_levers,
    smallest_reserve,
)
from simlib.stress.scenarios import (
    Incident,
    Scenario,
    ScenarioError,
    find_scenario,
    keep_scenario,
    list_incidents,
    moment_of,
    read_scenarios,
    standard_scenarios,
)

__all__ = [
    "BestResponse",
    "Incident",
    "Lever",
    "Reserve",
    "Scenario",
    "ScenarioError",
    "StressTest",
    "best_answer",
    "find_scenario",
    "keep_scenario",
    "levers_for",
    "list_incidents",
    "map_levers",
    "moment_of",
    "apply_levers",
    "read_scenarios",
    "rehearse_scenarios",
    "smallest_reserve",
    "standard_scenarios",
]
