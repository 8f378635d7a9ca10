"""The lock file knows every package of pyproject.toml by hash, each has its reason, and Numba has a cache."""

import os
import re
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest

import simlib
from simlib.messages import HOUSE

PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))


def test_lock_knows_every_dependency():
    """Every dependency, of the kit and of its tests, is locked with hashes."""
    lock = tomllib.loads((HOUSE / "uv.lock").read_text(encoding="utf-8"))
    locked = {package["name"]: package for package in lock["package"]}
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    for line in wanted:
        name = re.split(r"[<>=]", line)[0].lower()
        assert name in locked, name
        assert all("hash" in wheel for wheel in locked[name].get("wheels", [])), name


def test_every_dependency_has_its_reason():
    """playbook/decisions.md gives a reason for each dependency."""
    reasons = (HOUSE / "playbook" / "decisions.md").read_text(encoding="utf-8").lower()
    lacking = [
        line for line in PROJECT["project"]["dependencies"] if f"`{re.split(r'[<>=]', line)[0].lower()}`" not in reasons
    ]
    assert lacking == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no owner of a folder to compare")
def test_where_nothing_can_be_written_numba_gets_a_private_cache(tmp_path, monkeypatch):
    """A service user without a home compiles into a folder of its own, and never into one that others may write."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")  # put back at the end, whatever happens between
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(simlib, "_can_write", lambda _: False)
    folders = []
    for _ in range(2):
        monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
        simlib._give_numba_a_cache()
        folders.append(Path(os.environ["NUMBA_CACHE_DIR"]))
        assert folders[-1].stat().st_mode & 0o777 == 0o700
        folders[0].chmod(0o777)  # somebody may have put code into it
    assert folders[0] != folders[1]
    assert all(folder.parent == tmp_path for folder in folders)
    monkeypatch.setattr(simlib, "_can_write", lambda _: True)
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    simlib._give_numba_a_cache()
    assert "NUMBA_CACHE_DIR" not in os.environ
