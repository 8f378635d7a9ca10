"""Read and check what a store has: a workbook, a folder of CSV/YAML tables, a platform's order export."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from simlib.store.models import Store

_HOMES = {
    "load_store": "simlib.store.reader",
    "read_store": "simlib.store.reader",
    "check_store": "simlib.store.reader",
    "StoreCheck": "simlib.store.reader",
    "StoreError": "simlib.store.problems",
    "Problem": "simlib.store.problems",
    "list_problems": "simlib.store.problems",
    "write_template": "simlib.store.workbook",
    "save_store": "simlib.store.workbook",
    "import_orders": "simlib.store.orders",
    "ImportResult": "simlib.store.orders",
    "read_exports": "simlib.store.exports",
    "import_exports": "simlib.store.exports",
}

__all__ = ["Store", *_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        found = getattr(import_module(_HOMES[name]), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'simlib.store' has no attribute {name!r}")
