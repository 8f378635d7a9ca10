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

import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
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


def _give_numba_a_cache() -> None:
    """Choose a folder for Numba's compiled code where neither the checkout nor the home can be written.

    Numba refuses to compile a cached function that it cannot store anywhere. The folder is in the system's folder
    for temporary files; it is used only if nobody else can write it, for what lies in it is run.
    """
    home = os.environ.get("XDG_CACHE_HOME") or Path("~").expanduser() / ".cache"
    if "NUMBA_CACHE_DIR" in os.environ or _can_write(Path(__file__).parent / "simulator" / "__pycache__"):
        return
    if os.name == "nt" or _can_write(Path(home) / "numba"):
        return
    own = Path(tempfile.gettempdir()) / f"sandtable-numba-{os.getuid()}"
    try:
        own.mkdir(mode=0o700, exist_ok=True)
        found = own.lstat()
        if found.st_uid != os.getuid() or found.st_mode & 0o077 or own.is_symlink():
            own = Path(tempfile.mkdtemp(prefix="sandtable-numba-"))
    except OSError:
        own = Path(tempfile.mkdtemp(prefix="sandtable-numba-"))
    os.environ["NUMBA_CACHE_DIR"] = str(own)
    if "numba" in sys.modules:  # it has read the environment already
        sys.modules["numba"].config.reload_config()


def _can_write(folder: Path) -> bool:
    """Return whether a folder can be written, or made where it is missing."""
    while not folder.exists():
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


_give_numba_a_cache()


def __getattr__(name: str) -> Any:
    if name == "widgets":  # the name at the door of the live page
        return import_module("simlib.live")
    if name in _HOMES:
        found = getattr(import_module(_HOMES[name]), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'simlib' has no attribute {name!r}")
