"""Rehearse a promo night in customer service before it happens.

The pipeline, in the order in which a team lead goes through it::

    store = load_store("templates/stores/appliances.xlsx")     # what a store knows of itself
    night = plan(store, seed=7)                                # everything below, on one page (simlib/planning.py)
    night.cascade        # sales task -> buyers -> contacts, step by step          staffing
    night.forecast       # contacts by half hour and queue, with bands             forecasting
    night.requirement    # agents needed by half hour, and which target binds      forecasting
    night.roster         # who works when; night.coverage names what is short      forecasting
    night.kpis           # what the simulated night does to them, with bands       simulator, kpis

Names are loaded when first used, so that ``import simlib`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "load_store": "simlib.store",
    "Store": "simlib.store",
    "plan": "simlib.planning",
    "Plan": "simlib.planning",
    "chat_pool": "simlib.erlang",
    "forecast_counts": "simlib.forecasting",
    "simulate": "simlib.simulator",
    "solve_roster": "simlib.roster",
}

__all__ = ["Plan", "Store", "chat_pool", "forecast_counts", "load_store", "plan", "simulate", "solve_roster"]


def __getattr__(name: str) -> Any:
    if name == "widgets":  # the name at the door of the live page
        return import_module("simlib.live")
    if name in _HOMES:
        found = getattr(import_module(_HOMES[name]), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'simlib' has no attribute {name!r}")
