"""Exports of many stores in one command."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simlib.cli import SOME_FAILED, app
from simlib.messages import HOUSE
from simlib.runs.imports import import_one
from simlib.store import load_store

A1 = HOUSE / "tests" / "stores" / "a1"


def make_shops(folder: Path) -> tuple[Path, Path]:
    """Make three stores, and exports of two of them: of one, nothing that can be read."""
    stores, exports = folder / "stores", folder / "exports"
    for name in ("north", "south", "east"):
        shutil.copytree(A1, stores / name)
    for day in range(1, 8):
        own = exports / "north"
        own.mkdir(parents=True, exist_ok=True)
        text = f"旺旺昵称,接待人数,平均响应时长（秒)\n店:一号,{80 + day},37.8\n"
        (own / f"客服_202604{day:02d}.csv").write_text(text, encoding="utf-8")
    (exports / "south").mkdir()
    (exports / "south" / "notes.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    return stores, exports


def test_each_store_takes_its_own_folder_and_fails_alone(tmp_path: Path) -> None:
    """What is read, what cannot be read and what is missing are a row each; copies lie beside the stores."""
    stores, exports = make_shops(tmp_path)
    task = {"exports": str(exports), "save_to": str(tmp_path / "copies"), "write": True, "lang": "en"}
    (tmp_path / "copies").mkdir()
    north, south, east = (import_one(str(stores / name), **task) for name in ("north", "south", "east"))
    assert (north.files, north.rows, north.problem) == (7, 7, "")
    assert north.questions == 1, "the account of nobody in the store is asked about"
    assert load_store(north.saved).store.name == load_store(stores / "north").store.name
    assert "Not one file was understood" in south.problem
    assert not (tmp_path / "copies" / "south").exists()
    assert "has no folder east" in east.problem


@pytest.mark.slow
def test_one_command_reads_them_all_and_writes_nothing_when_asked_so(tmp_path: Path) -> None:
    """A sentence per store, an exit that says that some failed, and stores as they were."""
    stores, exports = make_shops(tmp_path)
    before = {path: path.read_bytes() for path in sorted(stores.rglob("*")) if path.is_file()}
    command = ["import", str(exports), "--store", str(stores), "--dry-run", "--lang", "en"]
    shown = CliRunner().invoke(app, command)
    text = " ".join(shown.output.split())
    assert shown.exit_code == SOME_FAILED, text
    assert "north: 7 tables and 7 rows read" in text
    assert "Nothing was written" in text
    assert {path: path.read_bytes() for path in sorted(stores.rglob("*")) if path.is_file()} == before


def test_many_stores_need_one_folder(tmp_path: Path) -> None:
    """Single files for many stores are refused in a sentence."""
    stores, exports = make_shops(tmp_path)
    one = exports / "north" / "客服_20260401.csv"
    shown = CliRunner().invoke(app, ["import", str(one), "--store", str(stores), "--lang", "en"])
    assert shown.exit_code != 0
    assert "FILES is one folder" in " ".join(shown.output.split())
