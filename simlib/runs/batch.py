"""Many stores: one process per core or a cluster, and one page, one workbook and one print over all of them."""

from __future__ import annotations

import logging
import os
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from simlib.files import explain, explained, write_file
from simlib.messages import Lang, Message, UserError, translate
from simlib.report.html import render_index
from simlib.runs.engine import NotebookError
from simlib.runs.folder import RunFolder, write_recipe
from simlib.runs.overview import write_overview
from simlib.runs.parameters import Values
from simlib.runs.rehearsal import Rehearsed, rehearse
from simlib.store.reader import store_id

RowT = TypeVar("RowT")


@dataclass(frozen=True, kw_only=True)
class BatchRow:
    """What became of one store of a batch; ``store`` is the name of its file or folder."""

    store: str
    folder: str | None = None
    summary: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None


def rehearse_one(store_path: str, *, out: str, lang: Lang, parameters: Values, resume: bool) -> BatchRow:
    """Rehearse one store of a batch; its failure is its own row and never raises."""
    path = Path(store_path)
    try:
        done = find_finished(path, out=Path(out), lang=lang, parameters=parameters) if resume else None
        done = done or rehearse(path, out=Path(out), lang=lang, parameters=parameters)
    except UserError as error:
        return BatchRow(store=path.name, problem=error.text(lang))
    except OSError as error:
        return BatchRow(store=path.name, problem=explain(error).text(lang))
    except (NotebookError, ValueError) as error:
        return BatchRow(store=path.name, problem=str(error).splitlines()[0])
    return BatchRow(store=path.name, folder=done.store_id, summary=done.summary)


def find_finished(store_path: Path, *, out: Path, lang: Lang, parameters: Values) -> Rehearsed | None:
    """Return the run that an earlier batch has finished from exactly the same data, parameters and kit."""
    folder = RunFolder.of(out, store_id(store_path))
    if not folder.manifest or not folder.holds_run(write_recipe(store_path, parameters=parameters, lang=lang)):
        return None
    return Rehearsed(store_id=folder.path.name, folder=folder.path, summary=folder.summary)


def refuse_twins(store_paths: Sequence[Path]) -> list[Path]:
    """Return the stores without repetitions, and refuse two whose results would share a folder.

    Names that differ in case alone are one folder on many systems, so they are refused everywhere.

    Raises
    ------
    simlib.messages.UserError
        One message for each pair, with both files.

    Examples
    --------
    >>> [path.name for path in refuse_twins([Path("a.xlsx"), Path("b.xlsx"), Path("a.xlsx")])]
    ['a.xlsx', 'b.xlsx']
    >>> try:
    ...     refuse_twins([Path("my shop.xlsx"), Path("my-shop.xlsx")])
    ... except UserError as error:
    ...     print(error.text("en")[:83])
    my shop.xlsx and my-shop.xlsx would both be written to the folder my-shop, one over
    """
    first: dict[str, Path] = {}
    distinct: dict[Path, Path] = {}
    wrong = []
    for path in store_paths:
        if path.resolve() in distinct:
            continue
        distinct[path.resolve()] = path
        name = store_id(path)
        other = first.setdefault(unicodedata.normalize("NFC", name).casefold(), path)
        if other is not path:
            wrong.append(Message("runs.same_folder", first=other, second=path, folder=name))
    if wrong:
        raise UserError(*wrong)
    return list(distinct.values())


def rehearse_batch(
    store_paths: Sequence[Path],
    *,
    out: Path,
    lang: Lang = "zh",
    parameters: Values | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    resume: bool = False,
    on_store: Callable[[BatchRow], None] | None = None,
) -> list[BatchRow]:
    """Rehearse many stores, one process per core or on a cluster, and write what stands over all of them.

    That is index.html and summary.csv, batch.xlsx (the stores' tables in one workbook), print.html (a sheet to print
    per store) and manifest.json.

    A broken store fails alone. A task is the same work whenever it is repeated, so a worker that dies costs only the
    time of the store it was at.

    Parameters
    ----------
    workers : int, optional
        Processes on this machine; one per core if left out.
    scheduler : str, optional
        Address of a running Dask scheduler (``tcp://...``) to use instead.
    resume : bool
        Keep the runs of an earlier batch that were made from the same data, parameters and kit.

    Returns
    -------
    list of BatchRow
        In the order of ``store_paths``; a store that is given twice is rehearsed once.

    Raises
    ------
    simlib.messages.UserError
        Two stores would share a folder, or ``out`` cannot be written; nothing was run.
    """
    store_paths = refuse_twins(store_paths)
    with explained():
        out.mkdir(parents=True, exist_ok=True)
    task = {"out": str(out.resolve()), "lang": lang, "parameters": dict(parameters or {}), "resume": resume}

    def lose(path: Path, reason: str) -> BatchRow:
        return BatchRow(store=path.name, problem=translate("runs.worker_lost", lang, reason=reason))

    where: dict[str, Any] = {"workers": workers, "scheduler": scheduler}
    rows = run_each(rehearse_one, store_paths, task=task, lose=lose, on_done=on_store, **where)
    with explained():
        write_index(out, rows, lang=lang)
        write_overview(out, rows, lang=lang)
    return rows


def run_each(
    work: Callable[..., RowT],
    store_paths: Sequence[Path],
    *,
    task: Mapping[str, Any],
    lose: Callable[[Path, str], RowT],
    workers: int | None = None,
    scheduler: str | None = None,
    on_done: Callable[[RowT], None] | None = None,
) -> list[RowT]:
    """Do the same work for each store, one process per core or on a cluster, and return the rows in their order.

    ``lose`` makes the row of a store whose process was lost; a task that a worker took down with it is tried twice
    more. ``work`` is called with the store's path and ``task`` as keywords.
    """
    from dask.distributed import Client, as_completed

    rows: dict[str, RowT] = {}
    with nullcontext(scheduler) if scheduler else _own_cluster(workers) as cluster, Client(cluster) as client:
        futures = {
            client.submit(work, str(path.resolve()), pure=False, retries=2, **task): path for path in store_paths
        }
        for future in as_completed(futures):
            path = futures[future]
            done = future.status == "finished"
            row = future.result() if done else lose(path, type(future.exception()).__name__)
            rows[str(path)] = row
            if on_done:
                on_done(row)
    return [rows[str(path)] for path in store_paths]


@contextmanager
def _own_cluster(workers: int | None) -> Iterator[Any]:
    """Start processes on this machine, out of reach for everybody else.

    Anyone who can reach a Dask scheduler can run arbitrary code. So everything binds to this machine alone and speaks
    TLS with keys made for this batch, and Dask's HTTP pages are left out. So is its log: the row of a store says what
    became of it.
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


def write_index(out: Path, rows: Sequence[BatchRow], *, lang: Lang) -> None:
    """Write the page and the table over all stores of a batch."""
    import pandas as pd

    write_file(out / "index.html", render_index([asdict(row) for row in rows], lang=lang, overview=True))
    flat = [
        {"file": row.store, "folder": row.folder, "problem": "; ".join((row.problem or "").splitlines())}
        | {key: value for key, value in row.summary.items() if not isinstance(value, dict | list)}
        for row in rows
    ]
    table = pd.DataFrame(flat)
    texts = [column for column in table if not pd.api.types.is_numeric_dtype(table[column])]
    table[texts] = table[texts].map(as_plain_text)
    write_file(out / "summary.csv", table.to_csv(index=False, lineterminator="\n").encode("utf-8-sig"))


def as_plain_text(value: Any) -> Any:
    """Keep a spreadsheet from reading a store's text as a formula.

    Examples
    --------
    >>> as_plain_text("=HYPERLINK(1)"), as_plain_text("Plain Day")
    ("'=HYPERLINK(1)", 'Plain Day')
    """
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
