"""Chapter 2, readiness: what must be in place before the promo, item by item, and what a basket costs."""

from simlib.readiness.conflicts import CONFLICT_KINDS, find_conflicts
from simlib.readiness.counts import check_readiness, phrase_coverage, score_readiness
from simlib.readiness.prices import Price, final_price
from simlib.readiness.result import ReadinessResult, work_out_readiness
from simlib.readiness.rules import BUYERS, KINDS, PromoSheet, read_promo_sheet

__all__ = [
    "BUYERS",
    "CONFLICT_KINDS",
    "KINDS",
    "Price",
    "PromoSheet",
    "ReadinessResult",
    "check_readiness",
    "final_price",
    "find_conflicts",
    "phrase_coverage",
    "read_promo_sheet",
    "score_readiness",
    "work_out_readiness",
]
