"""Chapter 5, retrospective: what came against what was planned, why, and what the next promo starts from."""

from simlib.retrospective.forecast import Fit, compare_actuals, measure_fit
from simlib.retrospective.variance import NightFacts, Variance, variance_tree, work_out_variance

__all__ = [
    "Fit",
    "NightFacts",
    "Variance",
    "compare_actuals",
    "measure_fit",
    "variance_tree",
    "work_out_variance",
]
