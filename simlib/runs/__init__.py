"""Run the notebooks for one store or for many; a run either replaces the last one whole or leaves it alone."""

from __future__ import annotations

import ast
import difflib
import hashlib
import io
import json
import logging
import os
import platform
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import papermill
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from papermill.engines import Engine, papermill_engines

from simlib.messages import HOUSE, Lang, UserError, label, translate
from simlib.planning import Plan, plan, sharing
from simlib.report import pages
from simlib.report.excel import write_matrix, write_workbook
from simlib.report.html import render_index, render_report
from simlib.report.pages import kpi_cards
from simlib.roster import to_ics, to_matrix
from simlib.store import StoreError, load_store

NOTEBOOKS = HOUSE / "notebooks"
MADE_BY_PEOPLE = ("drill", "repairs")  # beside a rehearsal's results, and not of it: they outlive it
ABANDONED_S = 86_400  # a run that was killed leaves its folder, and nobody is at work in it a day later
PACKAGES = ("numpy", "numba", "ortools", "pandas", "papermill", "scipy", "simpy")
Parameters = Mapping[str, Any]
Progress = Callable[[str, str, float], None]  # chapter, stage, share done


class ParameterError(ValueError):
    """A parameter that no notebook declares, or of another type; the message is ready for the user."""


class NotebookError(RuntimeError):
    """A notebook stopped; ``notebook``, ``reason`` (one line) and ``kept`` (the executed part) say where."""

    def __init__(self, *, notebook: str, reason: str, kept: Path) -> None:
        super().__init__(f"{notebook}: {reason}")
        self.notebook, self.reason, self.kept = notebook, reason, kept


# --- running a notebook in this process -------------------------------------------------------------------


class _Publisher(DisplayPublisher):
    """Collects what a cell displays."""

    outputs: list[nbformat.NotebookNode]

    def publish(self, data: dict, metadata: dict | None = None, *_: Any, **__: Any) -> None:
        """Keep one display."""
        self.outputs.append(nbformat.v4.new_output("display_data", data=data, metadata=metadata or {}))


class _Hook(DisplayHook):
    """Collects the value of a cell's last expression."""

    shell: Any

    def write_output_prompt(self) -> None:
        """Print no prompt: there is no terminal."""

    def write_format_data(self, format_dict: dict, md_dict: dict | None = None) -> None:
        """Keep one value in all its formats."""
        self.shell.display_pub.outputs.append(
            nbformat.v4.new_output(
                "execute_result", data=format_dict, metadata=md_dict or {}, execution_count=self.prompt_count
            )
        )

    def finish_displayhook(self) -> None:
        """Print no line end."""
        self._is_active = False


class _Shell(InteractiveShell):
    """A shell whose cells leave notebook outputs instead of printing."""

    displayhook_class = _Hook
    display_pub_class = _Publisher
    display_pub: Any
    history_manager: Any

    def _words_of(self, error: BaseException) -> str:
        """Say an error in the language of the notebook's own parameter."""
        return error.text(self.user_ns.get("lang", "zh")) if isinstance(error, UserError) else str(error)

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        name = (UserError if isinstance(evalue, UserError) else etype).__name__
        self.display_pub.outputs.append(
            nbformat.v4.new_output("error", ename=name, evalue=self._words_of(evalue), traceback=stb)
        )


class InProcessEngine(Engine):
    """Papermill's engine that runs cells in this process: a kernel's start costs more than most chapters."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> None:
        """Run the code cells in order; the first error stops the notebook and stays in its cell.

        An interrupt ends the run, even where a cell takes it as "enough" and goes on with what it has.
        """
        on_cell = kwargs.get("on_cell")
        with _fresh_shell() as shell, _noting_interrupts() as interrupted:
            for index, cell in enumerate(nb_man.nb.cells):
                if cell.cell_type != "code" or not cell.source.strip():
                    continue
                if on_cell:
                    on_cell(index, cell)
                nb_man.cell_start(cell, index)
                error = _run_cell(shell, cell)
                if interrupted.is_set():
                    raise KeyboardInterrupt
                if error is not None:
                    nb_man.cell_exception(cell, cell_index=index, exception=error)
                nb_man.cell_complete(cell, cell_index=index)
                if error is not None:
                    return


@contextmanager
def _fresh_shell() -> Iterator[_Shell]:
    """Open a shell of our own and put the former one back; a notebook never sees another one's names."""
    former: Any = InteractiveShell._instance
    hook, main = sys.displayhook, sys.modules.get("__main__")
    _Shell.clear_instance()
    shell = _Shell.instance()
    shell.display_pub.outputs = []
    shell.history_manager.enabled = False
    try:
        yield shell
    finally:
        shell.history_manager.end_session()
        _Shell.clear_instance()
        sys.displayhook = hook
        if main is not None:
            sys.modules["__main__"] = main
        if former is not None:
            for kin in type(former)._walk_mro():
                kin._instance = former


@contextmanager
def _noting_interrupts() -> Iterator[threading.Event]:
    """Note whether somebody presses Ctrl-C; a worker's thread never hears of it."""
    interrupted = threading.Event()

    def note(*_: Any) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    former = signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, former)


def _run_cell(shell: _Shell, cell: nbformat.NotebookNode) -> BaseException | None:
    outputs: list[nbformat.NotebookNode] = []
    shell.display_pub.outputs = outputs
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        result = shell.run_cell(cell.source, store_history=True)
    streams = [("stdout", out.getvalue()), ("stderr", err.getvalue())]
    printed = [nbformat.v4.new_output("stream", name=name, text=text) for name, text in streams if text]
    cell.outputs = printed + outputs
    cell.execution_count = shell.execution_count - 1
    return result.error_before_exec or result.error_in_exec


papermill_engines.register("in-process", InProcessEngine)


# --- parameters -------------------------------------------------------------------------------------------


def chapter_notebooks() -> list[Path]:
    """List the notebooks that a rehearsal runs, in their order: those with a parameters cell."""
    return [path for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")) if declared_parameters(path)]


@lru_cache(maxsize=64)
def declared_parameters(notebook: Path) -> dict[str, Any]:
    """Read the typed literals of a notebook's parameters cell, by name."""
    cells = nbformat.read(notebook, as_version=4).cells
    found: dict[str, Any] = {}
    for cell in cells:
        if "parameters" in cell.metadata.get("tags", ()):
            for line in ast.parse(cell.source).body:
                if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
                    found[line.targets[0].id] = ast.literal_eval(line.value)
    return found


def read_parameters(given: Sequence[str], *, lang: Lang = "zh") -> dict[str, Any]:
    """Read ``name=value`` words against the notebooks' own declarations, before anything runs.

    Raises
    ------
    ParameterError
        A name that no notebook declares (with the nearest one), or a value of another type.
    """
    declared: dict[str, Any] = {}
    for notebook in chapter_notebooks():
        declared |= declared_parameters(notebook)
    found = {}
    for word in given:
        name, equals, text = word.partition("=")
        if not equals:
            raise ParameterError(translate("runs.parameter_form", lang, word=word))
        if name not in declared or name in ("store", "lang"):
            free = [key for key in declared if key not in ("store", "lang")]
            near = difflib.get_close_matches(name, free, n=1, cutoff=0.0)
            raise ParameterError(translate("runs.parameter_unknown", lang, name=name, nearest=near[0]))
        found[name] = _typed(name=name, text=text.strip(), like=declared[name], lang=lang)
    return found


def _typed(*, name: str, text: str, like: Any, lang: Lang) -> Any:
    """Read ``text`` as the type of ``like``: ``007`` stays text for a text, ``true`` is a truth value."""
    try:
        if isinstance(like, bool):
            return {"true": True, "false": False, "是": True, "否": False}[text.lower()]
        if isinstance(like, int):
            return int(text)
        if isinstance(like, float):
            return float(text)
    except (KeyError, ValueError):
        kind = type(like).__name__
        raise ParameterError(
            translate("runs.parameter_type", lang, name=name, value=text, kind=kind, example=repr(like))
        ) from None
    return text


# --- one store --------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """Where one store's rehearsal lies and what it says."""

    store_id: str
    folder: Path
    summary: dict[str, Any]


def file_hash(path: Path) -> str:
    """Hash a file, or a folder's files with their names in order, by SHA-256."""
    digest = hashlib.sha256()
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in files:
        if file.is_file():
            if path.is_dir():
                digest.update(str(file.relative_to(path)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def rehearse(
    store_path: Path,
    *,
    out: Path,
    lang: Lang = "zh",
    parameters: Parameters | None = None,
    on_progress: Progress | None = None,
) -> Rehearsed:
    """Run every notebook for one store and lay the results into ``out/<store>``.

    The run is built beside its place and moved there when it is whole, so a run that fails or is killed leaves
    the last good one as it was. Drills and repairs that lie there stay.

    Parameters
    ----------
    store_path : Path
        A workbook or a folder of tables.
    out : Path
        The folder of all results.
    lang : {"zh", "en"}
    parameters : mapping
        As :func:`read_parameters` gives them.
    on_progress : callable, optional
        Called with the chapter, the stage and the share done in [0, 1].

    Raises
    ------
    simlib.store.StoreError
        The store's data is wrong; the error lists every problem.
    NotebookError
        A notebook stopped; what it did up to there is kept in ``out/<store>/failed``.
    """
    parameters = dict(parameters or {})
    store = load_store(store_path)
    out.mkdir(parents=True, exist_ok=True)
    place = out / store.store_id
    _restore(place)
    for left in out.glob(f".{store.store_id}-????????"):
        if time.time() - left.stat().st_mtime > ABANDONED_S:
            shutil.rmtree(left, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{store.store_id}-", dir=out))
    try:
        notebooks = chapter_notebooks()
        night = plan(store, **plan_parameters(parameters))
        for number, notebook in enumerate(notebooks):
            executed = staging / notebook.name

            def tell(index: int, cell: Any, *, number: int = number, notebook: Path = notebook) -> None:
                if on_progress:
                    cells = len(nbformat.read(notebook, as_version=4).cells)
                    share = (number + index / cells) / len(notebooks)
                    on_progress(notebook.stem[3:], cell.metadata.get("stage", notebook.stem[3:]), share)

            declared = declared_parameters(notebook)
            given = {"store": str(store_path.resolve()), "lang": lang} | parameters
            with sharing(night):
                _run_notebook(
                    notebook,
                    executed,
                    parameters={name: value for name, value in given.items() if name in declared},
                    on_cell=tell,
                    keep=place / "failed",
                )
        _write_results(staging, night=night, lang=lang)
        _write_manifest(staging, store_path=store_path, parameters=parameters, lang=lang)
        _move_into_place(staging, place)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    if on_progress:
        on_progress("report", "report", 1.0)
    return Rehearsed(store_id=store.store_id, folder=place, summary=night.conclusion.summary)


# What a notebook's own parameter is called in a plan, where the two differ: each scenario has nights of its own.
OF_ROSTER = ("wave", "seed", "roster_effort", "roster_file")  # what a roster depends on, beside the store
PLAN_NAMES = {("06_stress_test", "replications"): "stress_replications"}


def plan_parameters(parameters: Parameters) -> dict[str, Any]:
    """Return the arguments of the plan that a run's notebooks share: their declared defaults, and what was given."""
    known = {field.name for field in fields(Plan)} - {"store"}
    found: dict[str, Any] = {}
    for notebook in chapter_notebooks():
        for name, default in declared_parameters(notebook).items():
            named = PLAN_NAMES.get((notebook.stem, name), name)
            if named in known:
                found[named] = parameters.get(name, default)
    return found


def _run_notebook(
    notebook: Path, executed: Path, *, parameters: Parameters, on_cell: Callable[..., None], keep: Path
) -> None:
    try:
        papermill.execute_notebook(
            notebook,
            executed,
            parameters=dict(parameters),
            engine_name="in-process",
            cwd=NOTEBOOKS,
            progress_bar=False,
            request_save_on_cell_execute=False,
            on_cell=on_cell,
        )
    except papermill.PapermillExecutionError as error:
        keep.mkdir(parents=True, exist_ok=True)
        kept = keep / notebook.name
        shutil.copy(executed, kept)
        spoken = error.ename == UserError.__name__
        reason = (error.evalue if spoken else f"{error.ename}: {error.evalue}").splitlines()[0]
        raise NotebookError(notebook=notebook.stem, reason=reason, kept=kept) from None


def _write_results(folder: Path, *, night: Plan, lang: Lang) -> None:
    tables = folder / "tables"
    tables.mkdir()
    for name, table in night.tables.items():
        table.to_parquet(tables / f"{name}.parquet", index=False)
    text = json.dumps(night.conclusion.summary, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False)
    (folder / "summary.json").write_text(text + "\n", encoding="utf-8")
    write_workbook(
        folder / "report.xlsx",
        night.tables,
        lang=lang,
        title=night.store.store.name,
        verdict=night.verdict(lang),
        meta=night.conclusion.provenance(lang),
    )
    team = night.store.frame("agents")
    write_matrix(folder / "roster.xlsx", to_matrix(night.roster, team, lang=lang), lang=lang)
    calendars = folder / "calendars"
    calendars.mkdir()
    for number, agent_id in enumerate(night.roster["agent_id"].unique(), start=1):
        name = re.sub(r"[^\w-]", "_", str(agent_id))
        (calendars / f"{number:03d}-{name}.ics").write_bytes(to_ics(night.roster, agent_id, lang=lang).encode())
    html = render_report(
        [(label(chapter, lang), made) for chapter, made in pages.report_sections(night, lang=lang)],
        title=night.store.store.name,
        lang=lang,
        meta=night.conclusion.provenance(lang),
        verdict=night.verdict(lang),
        tone="good" if night.conclusion.holds else "bad",
        cards=kpi_cards(night, lang=lang),
    )
    (folder / "report.html").write_text(html, encoding="utf-8")


def _write_manifest(folder: Path, *, store_path: Path, parameters: Parameters, lang: Lang) -> None:
    """Write what the run was made from and the hash of everything it made."""
    made = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    manifest = {
        **_recipe(store_path, parameters=parameters, lang=lang),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "hashes": {name: file_hash(path) for name, path in made.items() if not name.endswith(".ipynb")},
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2, sort_keys=True)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")


def _recipe(store_path: Path, *, parameters: Parameters, lang: Lang) -> dict[str, Any]:
    """Name all that decides a run's outcome: the store's data, the parameters, the kit."""
    house = {path.name: file_hash(path) for path in chapter_notebooks()}
    return {
        "store": store_path.name,
        "store_hash": file_hash(store_path),
        "parameters": dict(parameters),
        "lang": lang,
        "sandtable": version("sandtable"),
        "notebooks": house,
        "simlib": _simlib_hash(),
        "playbook": file_hash(HOUSE / "playbook"),
    }


@lru_cache(maxsize=1)
def _simlib_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted((HOUSE / "simlib").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _move_into_place(staging: Path, place: Path) -> None:
    """Swap the new run in for the old one; the old one goes only when the new one stands, what people made stays."""
    staging.chmod(0o755)
    try:
        if place.exists():
            os.replace(place, _former(place))
        os.replace(staging, place)
    finally:
        _restore(place)


def _former(place: Path) -> Path:
    return place.with_name(f".{place.name}-former")


def _restore(place: Path) -> None:
    """Leave one run at its place: the new one with what people made beside the old one, else the old one.

    A run that was killed while it moved into place is set right by the next one.
    """
    former = _former(place)
    if not former.exists():
        return
    if not place.exists():
        os.replace(former, place)
        return
    for name in MADE_BY_PEOPLE:
        for made in sorted((former / name).glob("*")):
            goal = place / name / made.name
            goal.parent.mkdir(exist_ok=True)
            while goal.exists():  # made meanwhile
                goal = goal.with_name(f"{goal.name}-former")
            os.replace(made, goal)
    shutil.rmtree(former)


# --- the dashboard ----------------------------------------------------------------------------------------

LIVE = NOTEBOOKS / "live.ipynb"
STAGES = ("cascade", "forecast", "requirement", "roster")
CULL_AFTER_S, CULL_EVERY_S = 600, 60


def prepare_dashboard(
    folder: Path,
    store_path: Path,
    *,
    out: Path,
    lang: Lang = "zh",
    parameters: Parameters | None = None,
    on_stage: Callable[[str], None] | None = None,
) -> Path:
    """Lay out in ``folder`` what the dashboard is served from: its page, the roster, and the server's settings.

    The roster is the one that the last rehearsal in ``out`` has found if it was made from the same data, seed and
    kit, and else worked out now; so every browser that opens the page finds it ready.

    Parameters
    ----------
    on_stage : callable, optional
        Called with the name of each stage of the plan before it is worked out.

    Returns
    -------
    Path
        The notebook to serve; the settings (``voila.json``) lie beside it.

    Raises
    ------
    simlib.store.StoreError
        The store's data is wrong; the error lists every problem.
    """
    parameters = dict(parameters or {})
    roster = folder / "roster.parquet"
    kept = _kept_roster(store_path, out=out, parameters=parameters)
    if kept:
        shutil.copy(kept, roster)
    else:
        night = plan(load_store(store_path), **plan_parameters(parameters))
        for stage in STAGES:
            if on_stage:
                on_stage(stage)
            table = getattr(night, stage)
        table.to_parquet(roster, index=False)
    given = {"store": str(store_path.resolve()), "lang": lang, "roster": str(roster)} | parameters
    declared = declared_parameters(LIVE)
    page = papermill.iorw.load_notebook_node(str(LIVE))
    page.cells = [cell for cell in page.cells if "notebook-only" not in cell.metadata.get("tags", ())]
    page = papermill.parameterize.parameterize_notebook(
        page, {name: value for name, value in given.items() if name in declared}, engine_name="in-process"
    )
    notebook = folder / LIVE.name
    nbformat.write(page, notebook)
    settings = {
        "Voila": {"ip": "127.0.0.1", "auto_token": True},
        "VoilaConfiguration": {"strip_sources": True, "template": "sandtable", "show_tracebacks": False},
        "MappingKernelManager": {"cull_idle_timeout": CULL_AFTER_S, "cull_interval": CULL_EVERY_S},
    }
    (folder / "voila.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")
    return notebook


def _kept_roster(store_path: Path, *, out: Path, parameters: Parameters) -> Path | None:
    """Find the roster of a rehearsal of the same data, with the same plan parameters, by the same kit."""
    place = out / load_store(store_path).store_id
    try:
        manifest = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
    recipe = _recipe(store_path, parameters=parameters, lang="zh")
    same = ("store_hash", "sandtable", "simlib", "playbook")
    if any(manifest.get(key) != recipe[key] for key in same):
        return None
    of_roster = [
        {name: value for name, value in plan_parameters(given).items() if name in OF_ROSTER}
        for given in (manifest.get("parameters", {}), parameters)
    ]
    roster = place / "tables" / "roster.parquet"
    return roster if of_roster[0] == of_roster[1] and roster.exists() else None


# --- many stores ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class BatchRow:
    """What became of one store of a batch."""

    store: str
    folder: str | None = None
    summary: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None


def rehearse_one(store_path: str, *, out: str, lang: Lang, parameters: Parameters, resume: bool) -> BatchRow:
    """Rehearse one store of a batch; its failure is its own row and never raises."""
    path = Path(store_path)
    try:
        done = _finished(path, out=Path(out), lang=lang, parameters=parameters) if resume else None
        done = done or rehearse(path, out=Path(out), lang=lang, parameters=parameters)
    except StoreError as error:
        return BatchRow(store=path.name, problem=error.text(lang))
    except (NotebookError, OSError, ValueError) as error:
        return BatchRow(store=path.name, problem=str(error).splitlines()[0])
    return BatchRow(store=path.name, folder=done.store_id, summary=done.summary)


def _finished(store_path: Path, *, out: Path, lang: Lang, parameters: Parameters) -> Rehearsed | None:
    """Find the run that an earlier batch has finished from exactly the same data, parameters and kit."""
    place = out / load_store(store_path).store_id
    try:
        manifest = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
        summary = json.loads((place / "summary.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
    recipe = _recipe(store_path, parameters=parameters, lang=lang)
    if {key: manifest.get(key) for key in recipe} != recipe:
        return None
    return Rehearsed(store_id=place.name, folder=place, summary=summary)


def rehearse_batch(
    store_paths: Sequence[Path],
    *,
    out: Path,
    lang: Lang = "zh",
    parameters: Parameters | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    resume: bool = False,
    on_store: Callable[[BatchRow], None] | None = None,
) -> list[BatchRow]:
    """Rehearse many stores, one process a core or on a cluster, and write one page over all of them.

    A broken store fails alone. A task is the same work whenever it is repeated, so a worker that dies costs
    only the time of the store it was at.

    Parameters
    ----------
    workers : int, optional
        Processes on this machine; one a core if left out.
    scheduler : str, optional
        Address of a running Dask scheduler (``tcp://...``) to use instead.
    resume : bool
        Keep the runs of an earlier batch that were made from the same data, parameters and kit.

    Returns
    -------
    list of BatchRow
        In the order of ``store_paths``.
    """
    from dask.distributed import Client, as_completed

    out.mkdir(parents=True, exist_ok=True)
    task = {"out": str(out.resolve()), "lang": lang, "parameters": dict(parameters or {}), "resume": resume}
    rows: dict[str, BatchRow] = {}
    with nullcontext(scheduler) if scheduler else _own_cluster(workers) as cluster, Client(cluster) as client:
        futures = {
            client.submit(rehearse_one, str(path.resolve()), pure=False, retries=2, **task): path
            for path in store_paths
        }
        for future in as_completed(futures):
            path = futures[future]
            if future.status == "finished":
                row = future.result()
            else:
                reason = translate("runs.worker_lost", lang, reason=type(future.exception()).__name__)
                row = BatchRow(store=path.name, problem=reason)
            rows[str(path)] = row
            if on_store:
                on_store(row)
    ordered = [rows[str(path)] for path in store_paths]
    _write_index(out, ordered, lang=lang)
    return ordered


@contextmanager
def _own_cluster(workers: int | None) -> Iterator[Any]:
    """Start processes on this machine, which nobody else on it can reach.

    Whoever reaches a scheduler has it run what he likes. So all of it binds to this machine alone and speaks TLS with
    keys made for this batch, and what Dask shows by HTTP beside its dashboard is left out. So is what it logs, for what
    became of a store is said in its row.
    """
    import dask
    from dask.distributed import LocalCluster

    own: dict[str, Any] = {f"distributed.{part}.http.routes": [] for part in ("scheduler", "worker")}
    own["distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED"] = "critical"
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with (
        tempfile.TemporaryDirectory(prefix="sandtable-dask-") as scratch,
        dask.config.set(own),
        LocalCluster(
            n_workers=workers or os.cpu_count() or 1,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            security=True,
            local_directory=scratch,
        ) as cluster,
    ):
        yield cluster


def _write_index(out: Path, rows: Sequence[BatchRow], *, lang: Lang) -> None:
    import pandas as pd

    (out / "index.html").write_text(render_index([asdict(row) for row in rows], lang=lang), encoding="utf-8")
    flat = [
        {"store": row.store, "folder": row.folder, "problem": "; ".join((row.problem or "").splitlines())}
        | {key: value for key, value in row.summary.items() if not isinstance(value, (dict, list))}
        for row in rows
    ]
    table = pd.DataFrame(flat)
    texts = [column for column in table if not pd.api.types.is_numeric_dtype(table[column])]
    table[texts] = table[texts].map(as_plain_text)
    table.to_csv(out / "summary.csv", index=False, encoding="utf-8-sig")


def as_plain_text(value: Any) -> Any:
    """Keep a spreadsheet from reading a store's text as a formula.

    Examples
    --------
    >>> as_plain_text("=HYPERLINK(1)"), as_plain_text("Plain Day")
    ("'=HYPERLINK(1)", 'Plain Day')
    """
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
