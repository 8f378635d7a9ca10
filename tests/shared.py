"""What the workers of one test run share: something costly is worked out once, by the first that asks."""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any


def run_folder(base: Path) -> Path:
    """Return the folder that all workers of a run share, from the base folder of one worker's temporary files."""
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def work_out_once(folder: Path, name: str, make: Callable[[], Any]) -> Path:
    """Return the pickle of what ``make`` gives; the first worker that asks makes it, the others wait for it."""
    kept = folder / f"{name}.pickle"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.with_suffix(".new").write_bytes(pickle.dumps(make()))
            kept.with_suffix(".new").replace(kept)
    return kept
