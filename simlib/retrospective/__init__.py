"""Chapter 5, retrospective: what came against what was planned, why, and what the next promo starts from."""

from simlib.retrospective.forecast import Fit, check_actuals, compare_actuals, measure_fit
from simlib.retrospective.incidents import cost_incidents
from simlib.retrospective.result import NightRecord, RetrospectiveResult, work_out_retrospective
from simlib.retrospective.variance import NightFacts, Variance, variance_tree, work_out_variance
from simlib.retrospective.write_back import NightFigures, WriteBack, learn_from_night

__all__ = [
    "Fit",
    "NightFacts",
    "NightFigures",
    "NightRecord",
    "RetrospectiveResult",
    "Variance",
    "WriteBack",
    "check_actuals",
    "compare_actuals",
    "cost_incidents",
    "learn_from_night",
    "measure_fit",
    "variance_tree",
    "work_out_retrospective",
    "work_out_variance",
]
