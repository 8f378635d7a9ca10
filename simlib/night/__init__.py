"""One promo night as a roster meets it, and its buyers; a scenario is a changed copy."""

from simlib.night.promo_night import PromoNight

__all__ = ["PromoNight"]
