"""Who works when: a roster by constraint programming (OR-tools CP-SAT) that explains itself.

A *shift option* is a shift of the library on one day, with or without a duty (a live stream) inside. People decide
options: how many of a crew take an option. On one day nobody's yesterday matters, so people who are alike form a crew
and the small model is the exact one.

::

    problem (what a store has) -> model (its rules, priced) -> machine (search) -> solve -> result (names, why)
"""

from simlib.forecasting.roster.machine import Answer, Progress, ShiftModel, Stop
from simlib.forecasting.roster.problem import ROSTER_COLUMNS, RosterRules, make_shifts
from simlib.forecasting.roster.result import Roster, list_changes
from simlib.forecasting.roster.solve import adopt_roster, repair_roster, solve_roster

__all__ = [
    "ROSTER_COLUMNS",
    "Answer",
    "Progress",
    "Roster",
    "RosterRules",
    "ShiftModel",
    "Stop",
    "adopt_roster",
    "list_changes",
    "make_shifts",
    "repair_roster",
    "solve_roster",
]
