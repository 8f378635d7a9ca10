"""Rehearsals: whole or not at all, repeatable to the byte, one folder for one store."""

import json
import re
import shutil
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import nbformat
import pandas as pd
import psutil
import pytest
from distributed import default_client

from simlib import files, runs
from simlib.messages import HOUSE, UserError
from simlib.runs import NotebookError, parameters, rehearse, rehearse_batch
from simlib.runs.batch import refuse_twins
from simlib.runs.folder import write_recipe
from simlib.store import StoreError

SMALL = HOUSE / "templates" / "stores" / "bodycare"
QUICK = {"replications": 2, "roster_effort": 0.2, "minutes": 60, "today": "2026-10-10"}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """One quick rehearsal of the small store, in English."""
    out = tmp_path_factory.mktemp("out")
    steps = []
    made = rehearse(SMALL, out=out, lang="en", parameters=QUICK, on_progress=lambda *step: steps.append(step))
    return made, steps


@pytest.fixture(scope="module")
def batched(tmp_path_factory):
    """One batch of a broken store and the small one, whose worker is killed: rows, folder, doors it opened, killed."""
    place = tmp_path_factory.mktemp("batch")
    bad, out, doors, killed = place / "broken", place / "out", [], []
    shutil.copytree(SMALL, bad)
    (bad / "agents.csv").write_text("agent_id,name\n")

    def look(row):
        us = psutil.Process()
        doors.append(default_client().scheduler.address)
        for process in (us, *us.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # the one that was killed
                doors.extend(door.laddr.ip for door in process.net_connections("inet") if door.status == "LISTEN")

    def kill_when_at_work():
        while not list(out.glob(f".bodycare{files.STAGING}*")):
            time.sleep(0.1)
        for process in psutil.Process().children(recursive=True):
            if "spawn_main" in " ".join(process.cmdline()):
                process.kill()
                killed.append(process.pid)

    killer = threading.Thread(target=kill_when_at_work, daemon=True)
    killer.start()
    rows = rehearse_batch([bad, SMALL], out=out, lang="en", parameters=QUICK, workers=1, on_store=look)
    killer.join(10)
    return rows, out, doors, killed


def test_everything_promised_is_there(done):
    """The folder holds report, workbook, summary, manifest, tables and every executed notebook."""
    folder = done[0].folder
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    tables = {f"tables/{name}.parquet" for name in ("cascade", "forecast", "requirement", "roster", "coverage", "kpis")}
    assert tables | {"report.html", "report.xlsx", "summary.json", "manifest.json"} <= names
    assert {path.name for path in runs.chapter_notebooks()} <= names


def test_line_17_executed_notebooks_show_results_and_fold_their_code(done):
    """In JupyterLab each code cell is folded but the parameters, which are described in both languages."""
    for notebook in runs.chapter_notebooks():
        executed = nbformat.read(done[0].folder / notebook.name, as_version=4)
        code = [cell for cell in executed.cells if cell.cell_type == "code" and cell.source.strip()]
        folded = [cell.metadata.get("jupyter", {}).get("source_hidden", False) for cell in code]
        open_cells = [cell for cell, hidden in zip(code, folded, strict=True) if not hidden]
        assert {tag for cell in open_cells for tag in cell.metadata["tags"]} == {"parameters", "injected-parameters"}
        assert len(open_cells) == 2
        for line in open_cells[0].source.splitlines():
            assert re.search(r"# .+ · [^·]*[\u4e00-\u9fff][^·]* · [^·]*[a-z]", line), line


PYTHON_WORDS = re.compile(r"\w+\((&#39;|&#34;|['\"])|Traceback|KeyError|dtype|Timestamp\(|\bNaT\b|>nan<|>None<|>inf<")


def python_in(made):
    """List what looks like Python in the words of a report."""
    html = (made.folder / "report.html").read_text("utf-8")
    return PYTHON_WORDS.findall(re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", html, flags=re.S))


def test_no_python_is_shown_to_the_reader(done):
    """Neither names of classes nor values that are none stand in the report."""
    assert python_in(done[0]) == []


@pytest.mark.slow
def test_a_shop_before_its_first_promo_is_rehearsed(tmp_path):
    """With five tables filled in, no actuals and nothing beside it, every chapter shows what it can."""
    shop = tmp_path / "shop"
    shop.mkdir()
    for name in ("store.yml", "waves.csv", "ratios.csv", "agents.csv", "shifts.csv"):
        shutil.copy(SMALL / name, shop)
    made = rehearse(shop, out=tmp_path / "out", lang="zh", parameters=QUICK | {"stress_replications": 2})
    assert python_in(made) == []
    assert "compare_actuals" not in {table.stem for table in (made.folder / "tables").iterdir()}


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


def hashes_of(folder):
    """Return the hashes of a run's tables and summary, by name."""
    hashes = json.loads((folder / "manifest.json").read_text())["hashes"]
    return {name: digest for name, digest in hashes.items() if name.startswith("tables/") or name == "summary.json"}


def test_same_seed_same_bytes(done, batched):
    """A second run from the same data and seed, in another process, leaves byte-identical tables and summary."""
    first, second = hashes_of(done[0].folder), hashes_of(batched[1] / "bodycare")
    assert len(first) > 8
    assert first == second


def test_manifest_names_every_file(done):
    """Each file's hash in the manifest is the file's own."""
    folder = done[0].folder
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, digest in manifest["hashes"].items():
        assert runs.file_hash(folder / name) == digest
    assert manifest["store_hash"] == runs.file_hash(SMALL)


@pytest.fixture
def broken_notebook(tmp_path, monkeypatch):
    """A house whose second chapter stops in its third cell."""
    place = tmp_path / "notebooks"
    place.mkdir()
    for name in ("01_staffing", "02_readiness"):
        shutil.copy(runs.NOTEBOOKS / f"{name}.ipynb", place)
    path = place / "02_readiness.ipynb"
    book = nbformat.read(path, as_version=4)
    book.cells[3].source = 'raise RuntimeError("the review\\nis stuck")'
    nbformat.write(book, path)
    monkeypatch.setattr(parameters, "NOTEBOOKS", place)
    runs.declared_parameters.cache_clear()


def test_failing_notebook_leaves_the_last_good_run(done, broken_notebook, tmp_path):
    """A stopped notebook gives one line, keeps itself up to the error, and touches nothing of the run before."""
    out = tmp_path / "out"
    shutil.copytree(done[0].folder, out / done[0].store_id)
    before = runs.file_hash(out / done[0].store_id / "report.html")
    with pytest.raises(NotebookError) as stopped:
        rehearse(SMALL, out=out, lang="en", parameters=QUICK)
    assert stopped.value.reason == "RuntimeError: the review"
    kept = nbformat.read(stopped.value.kept, as_version=4)
    kinds = [output.output_type for cell in kept.cells for output in cell.get("outputs", ())]
    assert "error" in kinds
    assert runs.file_hash(out / done[0].store_id / "report.html") == before
    assert [path.name for path in out.iterdir()] == [done[0].store_id]


@pytest.mark.parametrize("found", ["a search that ends with what it has", "an error"])
def test_an_interrupt_ends_the_run_and_leaves_the_last_one(found, done, tmp_path, monkeypatch):
    """Ctrl-C is no "enough" where a whole run is under way: nothing is moved into place, and nothing is left behind."""
    out, books = tmp_path / "out", tmp_path / "notebooks"
    shutil.copytree(done[0].folder, out / done[0].store_id)
    old = out / f".{done[0].store_id}{files.STAGING}killed01"
    old.mkdir()
    books.mkdir()
    book = nbformat.read(runs.NOTEBOOKS / "01_staffing.ipynb", as_version=4)
    press = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)"
    taken = f"try:\n    exec({press!r})\nexcept KeyboardInterrupt:\n    pass"
    book.cells[3].source = press if found == "an error" else taken
    nbformat.write(book, books / "01_staffing.ipynb")
    monkeypatch.setattr(parameters, "NOTEBOOKS", books)
    runs.declared_parameters.cache_clear()
    before, handler = runs.file_hash(out / done[0].store_id), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        rehearse(SMALL, out=out, lang="en", parameters=QUICK)
    assert runs.file_hash(out / done[0].store_id) == before
    assert [path.name for path in out.iterdir()] == [done[0].store_id]  # what a killed run left is gone too
    assert signal.getsignal(signal.SIGINT) is handler


def write_other_store(path):
    """Write a second store: the small one with another sales task."""
    shutil.copytree(SMALL, path)
    waves = (path / "waves.csv").read_text(encoding="utf-8-sig")
    (path / "waves.csv").write_text(waves + "\n", encoding="utf-8")
    return path


def test_a_run_into_another_stores_folder_is_refused(done, tmp_path):
    """The folder says which file it came from; another file of that name is refused, a moved or edited one is not."""
    mine = Path(shutil.copytree(SMALL, tmp_path / "mine" / "bodycare"))
    out = tmp_path / "out"
    shutil.copytree(done[0].folder, out / "bodycare")
    manifest = json.loads((out / "bodycare" / "manifest.json").read_text())
    assert manifest["store_path"] == str(SMALL)
    folder = runs.RunFolder(out / "bodycare")
    folder.refuse_other_store(mine)  # a copy of the same data
    other = write_other_store(tmp_path / "other" / "bodycare")
    before = runs.file_hash(out)
    with pytest.raises(UserError) as refused:
        rehearse(other, out=out, lang="en", parameters=QUICK)
    assert str(SMALL) in refused.value.text("en")
    assert str(other) in refused.value.text("zh")
    assert runs.file_hash(out) == before
    assert [path.name for path in out.iterdir()] == ["bodycare"]
    manifest["store_path"] = str(tmp_path / "moved" / "bodycare")
    (out / "bodycare" / "manifest.json").write_text(json.dumps(manifest))
    runs.RunFolder(out / "bodycare").refuse_other_store(other)  # its file is gone: moved and edited


def test_a_folder_that_is_written_by_another_run_is_refused(done, tmp_path):
    """A second run of one store, and a run while its drill is open, end in a sentence and change nothing."""
    out = tmp_path / "out"
    shutil.copytree(done[0].folder, out / "bodycare")
    before = runs.file_hash(out / "bodycare")
    with files.lock_folder(out / "bodycare"), pytest.raises(UserError) as refused:
        rehearse(SMALL, out=out, lang="en", parameters=QUICK)
    assert "is being written by another program" in refused.value.text("en")
    folder = runs.RunFolder(out / "bodycare")
    with folder.drill_held("noon") as drill:
        drill.mkdir()
        with pytest.raises(UserError) as refused:
            rehearse(SMALL, out=out, lang="en", parameters=QUICK)
        assert 'The drill "noon" of this store is open' in refused.value.text("en")
        with pytest.raises(UserError) as refused, folder.drill_held("noon"):
            pass
        assert "open already in another window" in refused.value.text("en")
        drill.rmdir()
    assert runs.file_hash(out / "bodycare") == before
    assert not list(out.glob(".*"))


def test_the_same_run_is_one_idea(done):
    """A default that is written out changes nothing; a language leaves the roster; a seed, a file, the data do not."""
    folder = runs.RunFolder(done[0].folder)
    recipe = write_recipe(SMALL, parameters=QUICK, lang="en")
    assert folder.holds_run(recipe)
    assert folder.holds_run(recipe | {"parameters": QUICK | {"seed": 7, "wave": ""}})
    for change in ({"lang": "zh"}, {"parameters": QUICK | {"replications": 4}}):
        assert not folder.holds_run(recipe | change)
        assert folder.holds_roster(recipe | change)
    for change in ({"store_hash": "x"}, {"parameters": QUICK | {"seed": 8}}, {"files": {"roster_file": "x"}}):
        assert not folder.holds_run(recipe | change)
        assert not folder.holds_roster(recipe | change)


def test_a_damaged_run_is_made_again(done, tmp_path):
    """A table cut off or a page gone is not a finished run; a roster that somebody has written into still is."""
    recipe = write_recipe(SMALL, parameters=QUICK, lang="en")
    copy = shutil.copytree(done[0].folder, tmp_path / "run")
    (copy / "roster.xlsx").write_bytes(b"corrected by hand")
    assert runs.RunFolder(copy).holds_run(recipe)
    table = copy / "tables" / "kpis.parquet"
    table.write_bytes(table.read_bytes()[:-9])
    assert not runs.RunFolder(copy).holds_run(recipe)
    shutil.copy(done[0].folder / "tables" / "kpis.parquet", table)
    assert runs.RunFolder(copy).holds_run(recipe)
    (copy / "report.html").unlink()
    assert not runs.RunFolder(copy).holds_run(recipe)


def test_wrong_data_runs_nothing(tmp_path):
    """A store with wrong data raises its problems and leaves no folder behind."""
    bad = tmp_path / "bad"
    shutil.copytree(SMALL, bad)
    (bad / "waves.csv").write_text("name,profile,start,end,day_gmv_cny\nx,Q,2026-11-11,2026-11-12,5\n")
    with pytest.raises(StoreError):
        rehearse(bad, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_stores_of_one_folder_are_refused_before_anything_runs(tmp_path):
    """The message names both files; the same file given twice is one store."""
    stores = [Path(shutil.copytree(SMALL, tmp_path / name)) for name in ("my shop", "my-shop", "!!!", "Store")]
    with pytest.raises(UserError) as refused:
        rehearse_batch(stores, out=tmp_path / "out", parameters=QUICK)
    assert len(refused.value.messages) == 2
    assert all(str(store) in refused.value.text("en") for store in stores)
    assert not (tmp_path / "out").exists()
    assert refuse_twins([stores[0], tmp_path / "x" / ".." / "my shop"]) == [stores[0]]


def test_batch_lets_a_broken_store_fail_alone(batched):
    """Of two stores one is broken: the other is rehearsed, both stand on the page, in the order given."""
    rows, out, doors, _ = batched
    assert all(door == "127.0.0.1" or door.startswith("tls://127.0.0.1:") for door in doors)
    assert len(doors) > 4
    assert [row.problem is None for row in rows] == [False, True]
    assert "agents" in rows[0].problem.lower()
    assert (out / "bodycare" / "report.html").exists()
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "broken" in page
    assert "bodycare" in page
    summary = pd.read_csv(out / "summary.csv", encoding="utf-8-sig")
    assert summary["file"].tolist() == ["broken", "bodycare"]
    assert summary["store"].fillna("").tolist() == ["", rows[1].summary["store"]]


def test_a_killed_worker_costs_a_batch_only_time(done, batched):
    """The store at which a worker is killed is done again by another one, with the results of a quiet run."""
    rows, out, _, killed = batched
    assert len(killed) == 1
    assert rows[1].problem is None
    assert hashes_of(out / "bodycare") == hashes_of(done[0].folder)


def test_notebooks_are_committed_with_their_outputs():
    """Every code cell has been run in order, so that the comparison of outputs compares something."""
    for path in sorted(Path(HOUSE / "notebooks").glob("0*.ipynb")):
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), path.name
        assert any(cell.outputs for cell in cells), path.name


@pytest.mark.parametrize(
    ("given", "reason"),
    [({"wave": "Xmas"}, "没有叫“Xmas”的波段"), ({"roster_file": "gone.xlsx"}, "gone.xlsx：找不到这个文件")],
)
def test_a_wrong_name_is_reported_in_the_language_of_the_run(given, reason, tmp_path):
    """A wave or a matrix that does not exist stops the run with a sentence in the run's own language."""
    with pytest.raises((NotebookError, UserError)) as stopped:
        rehearse(SMALL, out=tmp_path / "out", lang="zh", parameters=QUICK | given)
    text = stopped.value.reason if isinstance(stopped.value, NotebookError) else stopped.value.text("zh")
    assert text.startswith(reason)
