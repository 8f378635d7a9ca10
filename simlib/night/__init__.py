"""One promo night as a roster meets it, and its buyers; a scenario is a changed copy."""

from simlib.night.judge import Judgement, Weakness, judge_nights
from simlib.night.promo_night import PromoNight
from simlib.night.risk import ForecastRisk
from simlib.night.shrinkage import Shrinkage

__all__ = ["ForecastRisk", "Judgement", "PromoNight", "Shrinkage", "Weakness", "judge_nights"]
