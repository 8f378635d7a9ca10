"""Run the notebooks for one store or for many; a run either replaces the last one whole or leaves it alone.

Names are loaded when first used: a notebook that checks its parameters needs no papermill, and no command but
``batch`` needs Dask.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

# nbformat loads jsonschema, which builds a grammar of international addresses, two seconds of work, for a check that
# no notebook asks for; jsonschema does without where that library is missing.
cast("dict[str, Any]", sys.modules).setdefault("rfc3987_syntax", None)

if TYPE_CHECKING:
    from simlib.runs.batch import BatchRow, rehearse_batch, rehearse_one
    from simlib.runs.dashboard import prepare_dashboard, serve_dashboard
    from simlib.runs.engine import InProcessEngine, NotebookError
    from simlib.runs.fit import StoreFit, fit_store
    from simlib.runs.folder import RunFolder, file_hash, read_kept
    from simlib.runs.imports import ImportRow, import_stores
    from simlib.runs.parameters import (
        NOTEBOOKS,
        Parameter,
        ParameterError,
        chapter_notebooks,
        check_parameters,
        declared_parameters,
        read_parameters,
    )
    from simlib.runs.rehearsal import Rehearsed, rehearse

_HOMES = {
    "NOTEBOOKS": "parameters",
    "Parameter": "parameters",
    "ParameterError": "parameters",
    "chapter_notebooks": "parameters",
    "check_parameters": "parameters",
    "declared_parameters": "parameters",
    "read_parameters": "parameters",
    "InProcessEngine": "engine",
    "NotebookError": "engine",
    "StoreFit": "fit",
    "fit_store": "fit",
    "RunFolder": "folder",
    "file_hash": "folder",
    "read_kept": "folder",
    "Rehearsed": "rehearsal",
    "rehearse": "rehearsal",
    "ImportRow": "imports",
    "import_stores": "imports",
    "BatchRow": "batch",
    "rehearse_batch": "batch",
    "rehearse_one": "batch",
    "prepare_dashboard": "dashboard",
    "serve_dashboard": "dashboard",
}

__all__ = [
    "NOTEBOOKS",
    "BatchRow",
    "ImportRow",
    "InProcessEngine",
    "NotebookError",
    "Parameter",
    "ParameterError",
    "Rehearsed",
    "RunFolder",
    "StoreFit",
    "chapter_notebooks",
    "check_parameters",
    "declared_parameters",
    "file_hash",
    "fit_store",
    "import_stores",
    "prepare_dashboard",
    "read_kept",
    "read_parameters",
    "rehearse",
    "rehearse_batch",
    "rehearse_one",
    "serve_dashboard",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        found = getattr(import_module(f"simlib.runs.{_HOMES[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'simlib.runs' has no attribute {name!r}")
