"""Rehearsals: whole or not at all, repeatable to the byte, and parameters refused before anything runs."""

import json
import os
import shutil
import signal
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import nbformat
import psutil
import pytest
from distributed import default_client

from simlib import runs
from simlib.messages import HOUSE
from simlib.runs import NotebookError, ParameterError, read_parameters, rehearse, rehearse_batch
from simlib.store import StoreError

SMALL = HOUSE / "templates" / "stores" / "bodycare"
QUICK = {"replications": 3, "roster_effort": 0.5, "today": "2026-10-10"}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """One quick rehearsal of the small store, in English."""
    out = tmp_path_factory.mktemp("out")
    steps = []
    made = rehearse(SMALL, out=out, lang="en", parameters=QUICK, on_progress=lambda *step: steps.append(step))
    return made, steps


def test_everything_promised_is_there(done):
    """The folder holds report, workbook, summary, manifest, tables and every executed notebook."""
    folder = done[0].folder
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    tables = {f"tables/{name}.parquet" for name in ("cascade", "forecast", "requirement", "roster", "coverage", "kpis")}
    assert tables | {"report.html", "report.xlsx", "summary.json", "manifest.json"} <= names
    assert {path.name for path in runs.chapter_notebooks()} <= names


def test_progress_rises_to_the_end(done):
    """Progress names chapter and stage, never falls, and ends at one."""
    shares = [share for _, _, share in done[1]]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert {"staffing", "forecasting"} <= {chapter for chapter, _, _ in done[1]}


def test_report_holds_no_code_and_loads_nothing(done):
    """The page has no script, no source line of a notebook, and no address that a browser would fetch."""
    html = (done[0].folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "read_store(" not in html
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "https://" not in html


def test_same_seed_same_bytes(done, tmp_path):
    """A second run from the same data and seed leaves byte-identical tables and summary."""
    again = rehearse(SMALL, out=tmp_path, lang="en", parameters=QUICK)
    first = json.loads((done[0].folder / "manifest.json").read_text())["hashes"]
    second = json.loads((again.folder / "manifest.json").read_text())["hashes"]
    same = [name for name in first if name.startswith("tables/") or name == "summary.json"]
    assert len(same) > 8
    assert {name: first[name] for name in same} == {name: second[name] for name in same}


def test_manifest_names_every_file(done):
    """Each file's hash in the manifest is the file's own."""
    folder = done[0].folder
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, digest in manifest["hashes"].items():
        assert runs.file_hash(folder / name) == digest
    assert manifest["store_hash"] == runs.file_hash(SMALL)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("replication=3", "replications"),
        ("replications=many", "int"),
        ("seed=1.5", "int"),
        ("seed", "NAME=VALUE"),
        ("store=other.xlsx", "no parameter store"),
    ],
)
def test_wrong_parameter_is_refused_with_the_way_out(given, said):
    """An unknown or ill-typed parameter is refused before anything runs, with the nearest name or an example."""
    with pytest.raises(ParameterError, match=said):
        read_parameters([given], lang="en")


def test_parameters_keep_their_declared_type():
    """A text that looks like a number stays a text, a number becomes one."""
    assert read_parameters(["wave=007", "seed=9", "roster_effort=2"]) == {
        "wave": "007",
        "seed": 9,
        "roster_effort": 2.0,
    }


@pytest.fixture
def broken_notebook(tmp_path, monkeypatch):
    """A house whose second chapter stops in its third cell."""
    place = tmp_path / "notebooks"
    place.mkdir()
    for name in ("00_sand_table", "01_staffing"):
        shutil.copy(runs.NOTEBOOKS / f"{name}.ipynb", place)
    path = place / "01_staffing.ipynb"
    book = nbformat.read(path, as_version=4)
    book.cells[3].source = 'raise RuntimeError("the cascade\\nis stuck")'
    nbformat.write(book, path)
    monkeypatch.setattr(runs, "NOTEBOOKS", place)
    runs.declared_parameters.cache_clear()


def test_failing_notebook_leaves_the_last_good_run(done, broken_notebook, tmp_path):
    """A stopped notebook gives one line, keeps itself up to the error, and touches nothing of the run before."""
    out = tmp_path / "out"
    shutil.copytree(done[0].folder, out / done[0].store_id)
    before = runs.file_hash(out / done[0].store_id / "report.html")
    with pytest.raises(NotebookError) as stopped:
        rehearse(SMALL, out=out, lang="en", parameters=QUICK)
    assert stopped.value.reason == "RuntimeError: the cascade"
    kept = nbformat.read(stopped.value.kept, as_version=4)
    kinds = [output.output_type for cell in kept.cells for output in cell.get("outputs", ())]
    assert "error" in kinds
    assert runs.file_hash(out / done[0].store_id / "report.html") == before
    assert [path.name for path in out.iterdir()] == [done[0].store_id]


@pytest.mark.parametrize("dead", [False, True])
@pytest.mark.parametrize("killed_at", [0, 1, 2, 3, 9])
def test_what_people_made_outlives_a_new_run(killed_at, dead, tmp_path, monkeypatch):
    """Drills and repairs stay; a run stopped or killed while it moves into place loses neither them nor the last."""
    place, new = tmp_path / "store", tmp_path / ".store-new"
    for path in (place / "report.html", place / "drill" / "noon" / "log", place / "repairs" / "001-1111-1900" / "x"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("old")
    new.mkdir()
    (new / "report.html").write_text("new")
    moves, replace = iter(range(9)), os.replace

    def killable(source, target):
        if (move := next(moves)) == killed_at or (dead and move > killed_at):
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", killable)
    with nullcontext() if killed_at == 9 else pytest.raises(KeyboardInterrupt):
        runs._move_into_place(new, place)
    monkeypatch.undo()
    assert (place / "report.html").exists() or dead
    runs._restore(place)
    assert (place / "report.html").read_text() == ("old" if killed_at in (0, 1) else "new")
    assert (place / "drill" / "noon" / "log").read_text() == "old"
    assert (place / "repairs" / "001-1111-1900" / "x").read_text() == "old"
    assert not list(tmp_path.glob(".store-former"))


def test_what_was_made_before_a_killed_run_and_after_it_is_kept(tmp_path):
    """A drill of the same name that was begun meanwhile does not push out the older one."""
    place, former = tmp_path / "store", tmp_path / ".store-former"
    for folder, text in ((place, "young"), (former, "old")):
        (folder / "drill" / "noon").mkdir(parents=True)
        (folder / "drill" / "noon" / "log").write_text(text)
    runs._restore(place)
    assert (place / "drill" / "noon" / "log").read_text() == "young"
    assert (place / "drill" / "noon-former" / "log").read_text() == "old"
    assert not former.exists()


@pytest.mark.parametrize("found", ["a search that ends with what it has", "an error"])
def test_an_interrupt_ends_the_run_and_leaves_the_last_one(found, done, tmp_path, monkeypatch):
    """Ctrl-C is no "enough" where a whole run is under way: nothing is moved into place, and nothing is left behind."""
    out, books = tmp_path / "out", tmp_path / "notebooks"
    shutil.copytree(done[0].folder, out / done[0].store_id)
    old, young = out / f".{done[0].store_id}-killed01", out / f".{done[0].store_id}-running1"
    for folder in (old, young):
        folder.mkdir()
    os.utime(old, (0, 0))
    books.mkdir()
    book = nbformat.read(runs.NOTEBOOKS / "01_staffing.ipynb", as_version=4)
    press = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)"
    taken = f"try:\n    exec({press!r})\nexcept KeyboardInterrupt:\n    pass"
    book.cells[3].source = press if found == "an error" else taken
    nbformat.write(book, books / "01_staffing.ipynb")
    monkeypatch.setattr(runs, "NOTEBOOKS", books)
    runs.declared_parameters.cache_clear()
    before, handler = runs.file_hash(out / done[0].store_id), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        rehearse(SMALL, out=out, lang="en", parameters=QUICK)
    assert runs.file_hash(out / done[0].store_id) == before
    assert sorted(path.name for path in out.iterdir()) == [young.name, done[0].store_id]
    assert signal.getsignal(signal.SIGINT) is handler


def test_wrong_data_runs_nothing(tmp_path):
    """A store with wrong data raises its problems and leaves no folder behind."""
    bad = tmp_path / "bad"
    shutil.copytree(SMALL, bad)
    (bad / "waves.csv").write_text("name,profile,start,end,day_gmv_cny\nx,Q,2026-11-11,2026-11-12,5\n")
    with pytest.raises(StoreError):
        rehearse(bad, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_batch_lets_a_broken_store_fail_alone(tmp_path):
    """Of two stores one is broken: the other is rehearsed, both stand on the page, in the order given."""
    bad = tmp_path / "broken"
    shutil.copytree(SMALL, bad)
    (bad / "agents.csv").write_text("agent_id,name\n")
    out = tmp_path / "out"
    doors = []

    def look(row):
        us = psutil.Process()
        doors.append(default_client().scheduler.address)
        for process in (us, *us.children(recursive=True)):
            doors.extend(door.laddr.ip for door in process.net_connections("inet") if door.status == "LISTEN")

    rows = rehearse_batch([bad, SMALL], out=out, lang="en", parameters=QUICK, workers=1, on_store=look)
    assert all(door == "127.0.0.1" or door.startswith("tls://127.0.0.1:") for door in doors)
    assert len(doors) > 4
    assert [row.problem is None for row in rows] == [False, True]
    assert "agents" in rows[0].problem.lower()
    assert (out / "bodycare" / "report.html").exists()
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "broken" in page
    assert "bodycare" in page
    assert (out / "summary.csv").read_text(encoding="utf-8-sig").count("\n") == 3


def test_a_killed_worker_costs_a_batch_only_time(done, tmp_path):
    """The store at which a worker is killed is done again by another one, with the results of a quiet run."""
    out, killed = tmp_path / "out", []

    def kill_when_at_work():
        while not list(out.glob(".bodycare-*")):
            time.sleep(0.1)
        for process in psutil.Process().children(recursive=True):
            if "spawn_main" in " ".join(process.cmdline()):
                process.kill()
                killed.append(process.pid)

    killer = threading.Thread(target=kill_when_at_work, daemon=True)
    killer.start()
    rows = rehearse_batch([SMALL], out=out, lang="en", parameters=QUICK, workers=1)
    killer.join(10)
    assert len(killed) == 1
    assert [row.problem for row in rows] == [None]
    hashes = [
        json.loads((folder / "manifest.json").read_text())["hashes"] for folder in (done[0].folder, out / "bodycare")
    ]
    tables = [{name: told for name, told in each.items() if name.startswith("tables/")} for each in hashes]
    assert tables[0] == tables[1]
    assert len(tables[0]) > 7


def test_notebooks_are_committed_with_their_outputs():
    """Every code cell has been run in order, so that the comparison of outputs compares something."""
    for path in sorted(Path(HOUSE / "notebooks").glob("0*.ipynb")):
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), path.name
        assert any(cell.outputs for cell in cells), path.name


@pytest.mark.parametrize(
    ("given", "reason"),
    [({"wave": "Xmas"}, "没有叫“Xmas”的波段"), ({"roster_file": "gone.xlsx"}, "班表文件 gone.xlsx 打不开")],
)
def test_a_wrong_name_is_told_in_the_language_of_the_run(given, reason, tmp_path):
    """A wave or a matrix that does not exist stops the run with a sentence in the run's own language."""
    with pytest.raises(NotebookError) as stopped:
        rehearse(SMALL, out=tmp_path / "out", lang="zh", parameters=QUICK | given)
    assert stopped.value.reason.startswith(reason)
