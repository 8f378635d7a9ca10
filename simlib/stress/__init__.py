"""The stress test: a night, what may go wrong with it, and what that does."""

from simlib.stress.night import PromoNight

__all__ = ["PromoNight"]
