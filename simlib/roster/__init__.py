"""Who works when: a roster by constraint programming (OR-tools CP-SAT) that explains itself.

A *shift option* is a shift of the library on one day, with or without a duty (a live stream) inside. People decide
options: how many of a crew take an option. On one day nobody's yesterday matters, so people who are alike form a crew
and the small model is the exact one.

::

    problem (what a store has) -> model (its rules, priced) -> search -> solve -> result (names, why)
"""

from simlib.roster.check import check_roster
from simlib.roster.exchange import RosterSheets, from_matrix, to_ics, to_matrix, to_sheets
from simlib.roster.problem import ROSTER_COLUMNS, RosterRules, make_shifts
from simlib.roster.result import Roster, list_changes
from simlib.roster.search import Progress, SearchResult, ShiftModel, Stop
from simlib.roster.solve import adopt_roster, repair_roster, solve_roster

__all__ = [
    "ROSTER_COLUMNS",
    "SearchResult",
    "Progress",
    "Roster",
    "RosterRules",
    "RosterSheets",
    "ShiftModel",
    "Stop",
    "adopt_roster",
    "check_roster",
    "from_matrix",
    "list_changes",
    "make_shifts",
    "repair_roster",
    "solve_roster",
    "to_ics",
    "to_matrix",
    "to_sheets",
]
