"""Chapter 3: contacts by interval with bands, the people each interval asks for, and who works when.

forecast_counts says what an ordinary day brings, the promo curve what a promo puts on top, reforecast what the
night so far has taught; the requirement and the roster follow from there. Names load on first use, so that
importing the chapter costs nothing.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "forecast_counts": "base",
    "expected_base": "base",
    "spread_day": "promo",
    "promo_curve": "promo",
    "past_promos": "promo",
    "read_past_promos": "promo",
    "forecast_by_history": "promo",
    "hours_of_opening": "promo",
    "HistoryForecast": "promo",
    "PastPromo": "promo",
    "PromoCurve": "promo",
    "minute_profile": "promo",
    "forecast_contacts": "promo",
    "reforecast": "intraday",
    "read_actuals": "pasted",
    "require_agents": "requirement",
    "judge_heads": "requirement",
    "sweep_concurrency": "requirement",
    "Targets": "requirement",
    "TargetOutOfReachError": "requirement",
    "solve_roster": "simlib.roster",
    "check_roster": "simlib.roster",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Load a public name from the module that holds it."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOME[name]
    return getattr(import_module(home if "." in home else f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return __all__
