"""One run of tests and notebooks: the longest files begin, and the notebooks share a plan as in a rehearsal."""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.shared import run_folder, work_out_once

LONGEST = (
    "tests/report/test_pages.py",
    "tests/runs/test_rehearse.py",
    "tests/browser/test_live.py",
    "tests/browser/test_drill.py",
    "notebooks/06_stress_test.ipynb",
    "notebooks/07_drill.ipynb",
    "notebooks/04_goals.ipynb",
    "notebooks/03_forecasting.ipynb",
    "notebooks/05_retrospective.ipynb",
    "notebooks/00_sand_table.ipynb",
    "notebooks/02_readiness.ipynb",
    "notebooks/01_staffing.ipynb",
    "notebooks/live.ipynb",
)
HOUSE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that no worker is left alone with one at the end."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(LONGEST)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before the kernel of a notebook starts, have the plan ready that it shares with the others.

    ``make prove`` runs each notebook by itself (``SANDTABLE_ALONE``).
    """
    os.environ.pop("SANDTABLE_SHARED_PLAN", None)
    if item.nodeid.startswith("notebooks/") and not os.environ.get("SANDTABLE_ALONE"):
        os.environ.update(_share_with_kernels(item.config))


@cache
def _share_with_kernels(config: Any) -> dict[str, str]:
    """Work the plan out, and return the environment in which tests/notebooks/share_plan.py gives it to a kernel."""
    base = config._tmp_path_factory.getbasetemp()
    profile = base / "ipython" / "profile_default" / "startup"
    profile.mkdir(parents=True)
    shutil.copy(HOUSE / "tests" / "notebooks" / "share_plan.py", profile)
    plan = work_out_once(run_folder(base), "example_plan", _plan_example)
    return {"SANDTABLE_SHARED_PLAN": str(plan), "IPYTHONDIR": str(base / "ipython")}


def _plan_example() -> Any:
    """Return the plan of a notebook that is given no store, as far as several notebooks show it, and that store."""
    from simlib.planning import plan
    from simlib.runs.folder import plan_parameters
    from simlib.runs.parameters import EXAMPLE
    from simlib.store import load_store

    store = load_store(EXAMPLE)
    night = plan(store, source=str(EXAMPLE), **plan_parameters({}))
    assert night.conclusion.summary
    return night, store
