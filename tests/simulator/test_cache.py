"""Machine code is kept where this state of the sources finds it, and nothing else does."""

import ast
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numba
import pytest

from simlib.messages import HOUSE
from simlib.simulator import cache, loop, tables

MODULE = """
from pathlib import Path
from typing import NamedTuple
import numba
from simlib.simulator.cache import compile_once

class {name}(NamedTuple):
    seats: int

@numba.njit(cache=True)
def plain(floor):
    return floor.seats + {more}

@compile_once([Path(__file__)])
def kept(floor):
    return floor.seats + {more}
"""
CALL = """
from pathlib import Path
import floor
from simlib.simulator.cache import compile_once
made = floor.{name}(seats=3)
again = compile_once([Path(floor.__file__)])(floor.kept.py_func)
print(floor.kept(made), again(made), *(sum(each.stats.cache_hits.values()) for each in (floor.kept, again)))
try:
    floor.plain(made)
except AttributeError as error:
    print(error)
"""


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Make a checkout, a home and a folder for temporary files of one's own."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "checkout" / "cache.py"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def forbid(path):
    """Put a file where a folder would be made: nobody can write into it, not even root."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")


def test_code_of_another_version_is_never_read(tmp_path):
    """After an upgrade that renamed a class Numba fails on its own cache; what is compiled once is compiled anew."""

    def run(name, more):
        (tmp_path / "floor.py").write_text(MODULE.format(name=name, more=more))
        done = subprocess.run(
            [sys.executable, "-c", CALL.format(name=name)],
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kept"), "PYTHONPATH": f"{tmp_path}:{HOUSE}"},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    assert run("Floor", 1) == ["4 4 0 1"]  # the second time nothing is compiled
    upgraded = run("Hall", 2)
    assert upgraded[0] == "5 5 0 1"
    assert "Floor" in upgraded[1]  # the poison is real


def test_a_key_is_of_every_source_and_of_what_compiles(tmp_path, monkeypatch):
    """Another text in either file, or another Numba, is another folder; the same text is the same one."""
    first, second = tmp_path / "loop.py", tmp_path / "tables.py"
    first.write_text("a")
    second.write_text("b")
    keys = [cache.key_of([first, second])]
    second.write_text("c")
    keys.append(cache.key_of([first, second]))
    monkeypatch.setattr(numba, "__version__", "another")
    keys.append(cache.key_of([first, second]))
    assert len(set(keys)) == 3
    monkeypatch.undo()
    second.write_text("b")
    assert cache.key_of([first, second]) == keys[0]


def test_the_floor_is_keyed_by_all_that_is_compiled_into_it():
    """The loop takes its numbers from `tables` and from no other file of the kit, and both files make its key."""
    found = {
        node.module
        for node in ast.walk(ast.parse(Path(loop.__file__).read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("simlib.")
    }
    assert found == {"simlib.simulator", "simlib.simulator.cache", "simlib.simulator.tables"}
    key = cache.key_of([Path(loop.__file__), Path(tables.__file__)])
    assert Path(loop.run_floor.stats.cache_path).parent.name == f"floor-{key}"


def test_code_lies_beside_the_sources_else_at_home(places):
    """A checkout that can be written holds its code; else the user's folder for caches does."""
    assert cache.find_folder("k") == places / "checkout" / "__pycache__" / "floor-k"
    (places / "checkout" / "__pycache__" / "floor-k").rmdir()
    (places / "checkout" / "__pycache__").rmdir()
    forbid(places / "checkout" / "__pycache__")
    assert cache.find_folder("k") == places / "home" / "sandtable" / "floor-k"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no owner of a folder to compare")
def test_where_nothing_can_be_written_code_gets_a_private_folder(places):
    """A service user without a home compiles into a folder of its own, and never into one that others may write."""
    forbid(places / "checkout" / "__pycache__")
    forbid(places / "home")
    own = cache.find_folder("k")
    assert own == places / f"sandtable-{os.getuid()}" / "floor-k"
    assert own.parent.stat().st_mode & 0o777 == 0o700
    assert cache.find_folder("k") == own
    own.parent.chmod(0o777)  # somebody may have put code into it
    other = cache.find_folder("k")
    assert other.parent != own.parent
    assert other.parent.stat().st_mode & 0o777 == 0o700


def test_without_any_folder_each_process_compiles_for_itself(places, monkeypatch):
    """A read-only machine still simulates."""
    monkeypatch.setattr(cache, "_places", lambda: iter([places / "file"]))
    forbid(places / "file")

    @cache.compile_once([Path(__file__)])
    def double(number):
        return 2 * number

    assert double(4) == 8
    assert numba.config.CACHE_DIR == ""


def test_an_upgrade_cleans_away_what_nobody_uses(places):
    """A new folder removes those unused for two weeks and the files of versions that kept all in one place."""
    place = places / "checkout" / "__pycache__"
    old, recent = place / "floor-old", place / "floor-recent"
    for folder in (old, recent):
        (folder / "simulator").mkdir(parents=True)
        (folder / "simulator" / "loop.nbi").write_text("")
    os.utime(old, (time.time() - 15 * 86_400,) * 2)
    left = [place / name for name in ("loop.run_floor-498.py311.nbi", "loop.run_floor-498.py311.1.nbc")]
    others = place / "loop.cpython-311.pyc"
    for file in (*left, others):
        file.write_text("")
    kept = cache.find_folder("new")
    assert sorted(path.name for path in place.iterdir()) == ["floor-new", "floor-recent", "loop.cpython-311.pyc"]
    os.utime(kept, (0, 0))
    assert cache.find_folder("new").stat().st_mtime > time.time() - 60  # in use
