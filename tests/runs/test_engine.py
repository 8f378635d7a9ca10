"""The engine that runs a notebook's cells in this process."""

import atexit
import gc
import threading
import weakref
from pathlib import Path

import nbformat
from IPython.core.interactiveshell import InteractiveShell

from simlib.runs.engine import run_notebook

CODE = """
class Held:
    pass

held = Held()
import weakref
from tests.runs.test_engine import SEEN
SEEN.append(weakref.ref(held))
"""
SEEN: list["weakref.ref[object]"] = []


def test_a_notebook_leaves_nothing_behind(tmp_path: Path, monkeypatch) -> None:
    """What a cell made is freed, no thread goes on, nothing waits for the end of Python, no shell stays in place."""
    at_end = []
    register = atexit.register
    monkeypatch.setattr(atexit, "register", lambda job, *a, **k: at_end.append(job) or register(job, *a, **k))
    unregister = atexit.unregister
    monkeypatch.setattr(atexit, "unregister", lambda job: at_end.remove(job) if job in at_end else unregister(job))
    threads, shell = {*threading.enumerate()}, InteractiveShell._instance
    notebook = tmp_path / "one.ipynb"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)], metadata=kernel), notebook)
    executed = tmp_path / "executed.ipynb"
    run_notebook(notebook, executed, parameters={}, on_cell=lambda *_: None, keep=tmp_path / "failed")
    assert executed.is_file()
    assert not (tmp_path / "failed").exists()
    gc.collect()
    assert len(SEEN) == 1
    assert SEEN[0]() is None
    assert {*threading.enumerate()} <= threads
    assert not [job for job in at_end if isinstance(getattr(job, "__self__", None), InteractiveShell)]
    assert InteractiveShell._instance is shell
