"""What a batch leaves over all its stores: one workbook, the pages to print, and what everything was made from."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from simlib.files import write_file
from simlib.messages import Lang, label, translate
from simlib.report.excel import write_workbook
from simlib.report.pages.batch import print_batch
from simlib.runs.folder import PACKAGES, RunFolder, file_hash

if TYPE_CHECKING:
    from simlib.runs.batch import BatchRow

OF_SUMMARY = ("contacts", "human", "agents_needed", "may_serve", "shortfall", "platform_rate", "sales_lost")
IN_SUMMARY = {"may_serve": "ready"}  # where summary.json has another name for a column
FROM_TABLES = {"batch_kpis": "kpis", "batch_actions": "actions", "batch_half_hours": "coverage"}
STORE_COLUMNS = (
    *("store", "source_file", "batch_state", "promo_day", "wave"),
    *OF_SUMMARY,
    *("targets_all_met", "verdict", "failed_because"),
)
TOGETHER_COLUMNS = ("start", "stores_open", "required", "rostered", "shortfall", "spare_elsewhere")
WRITTEN = ("index.html", "summary.csv", "batch.xlsx", "print.html")


def gather_tables(rows: Sequence[BatchRow], *, out: Path, lang: Lang) -> dict[str, pd.DataFrame]:
    """Return the tables over all stores of a batch, from the tables that each store's run has left.

    Parameters
    ----------
    rows : sequence of BatchRow
    out : Path
        The folder with a folder per store; of one that is not there (a cluster without a shared disk) only the
        summary is shown.

    Returns
    -------
    dict of str to DataFrame
        ``batch_stores`` (one row per store, the failed ones with their reason); ``batch_together`` (one row per half
        hour: required and rostered agents of all stores at once, their shortfalls added up, and how much of the
        shortfall people who are spare in another store would cover); ``batch_kpis``, ``batch_actions`` and
        ``batch_half_hours`` (the store's own tables under one another, with the store in front).
    """
    names = shop_names(rows)
    stores = [_store_row(row, name, lang) for row, name in zip(rows, names, strict=True)]
    tables = {"batch_stores": pd.DataFrame(stores, columns=list(STORE_COLUMNS))}
    for name, of_store in FROM_TABLES.items():
        parts = list(_read_each(rows, names, out, of_store))
        if parts:
            tables[name] = pd.concat(parts, ignore_index=True)
    if "batch_half_hours" in tables:
        tables = {
            "batch_stores": tables.pop("batch_stores"),
            "batch_together": add_up_stores(tables["batch_half_hours"]),
            **tables,
        }
    return tables


def shop_names(rows: Sequence[BatchRow]) -> list[str]:
    """Return each store's own name, its file's where it failed, both where two stores have one name."""
    names = [str(row.summary.get("store") or row.store) for row in rows]
    return [name if names.count(name) == 1 else f"{name} ({row.store})" for name, row in zip(names, rows, strict=True)]


def add_up_stores(half_hours: pd.DataFrame) -> pd.DataFrame:
    """Add up the half hours of several stores.

    Parameters
    ----------
    half_hours : DataFrame
        store, start, queue, required, rostered, shortfall; one row per store, half hour and queue.

    Returns
    -------
    DataFrame
        start, stores_open, required, rostered, shortfall and spare_elsewhere, one row per half hour. A store that is
        short borrows nobody in ``shortfall``; ``spare_elsewhere`` is the part of it that the people who are rostered
        beyond the requirement of another store, in the same queue, would cover.

    Examples
    --------
    >>> rows = pd.DataFrame({"store": ["a", "b"], "start": [20, 20], "queue": ["presale"] * 2,
    ...                      "required": [9, 4], "rostered": [6, 5], "shortfall": [3, 0]})
    >>> add_up_stores(rows).iloc[0].tolist()
    [20, 2, 13, 11, 3, 1]
    """
    spare = (half_hours["rostered"] - half_hours["required"]).clip(lower=0)
    by_queue = half_hours.assign(spare=spare).groupby(["start", "queue"])[["shortfall", "spare"]].sum()
    lent = by_queue.min(axis=1).groupby(level="start").sum()
    together = half_hours.groupby("start")[["required", "rostered", "shortfall"]].sum()
    together["stores_open"] = half_hours.groupby("start")["store"].nunique()
    together["spare_elsewhere"] = lent
    return together.reset_index()[list(TOGETHER_COLUMNS)]


def write_overview(out: Path, rows: Sequence[BatchRow], *, lang: Lang) -> None:
    """Write batch.xlsx, print.html and manifest.json beside the page over a batch; the same runs give the same bytes.

    Parameters
    ----------
    out : Path
        The folder that holds index.html and summary.csv already.
    rows : sequence of BatchRow
        In the order of the page.
    """
    tables = gather_tables(rows, out=out, lang=lang)
    names = shop_names(rows)
    write_workbook(
        out / "batch.xlsx",
        tables,
        lang=lang,
        title=translate("report.batch_title", lang),
        verdict=[_line(row, name, lang) for row, name in zip(rows, names, strict=True)],
        meta={label("versions", lang): f"sandtable {version('sandtable')}, Python {platform.python_version()}"},
    )
    done = {name: row.summary for name, row in zip(names, rows, strict=True) if row.problem is None}
    write_file(out / "print.html", print_batch(done, tables, lang=lang))
    manifest = {
        "sandtable": version("sandtable"),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "lang": lang,
        "stores": [_made_from(row, out) for row in rows],
        "hashes": {name: file_hash(out / name) for name in WRITTEN},
    }
    write_file(out / "manifest.json", json.dumps(manifest, ensure_ascii=False, indent=2, sort_keys=True) + "\n")


def _store_row(row: BatchRow, name: str, lang: Lang) -> dict[str, Any]:
    summary = row.summary
    figures = {key: summary.get(IN_SUMMARY.get(key, key)) for key in OF_SUMMARY}
    return {
        "store": name,
        "source_file": row.store,
        "batch_state": "done" if row.problem is None else "failed",
        "promo_day": summary.get("day"),
        "wave": summary.get("wave"),
        **{key: float("nan") if value is None else value for key, value in figures.items()},
        "targets_all_met": all(summary["targets_met"].values()) if summary.get("targets_met") else None,
        "verdict": "\n".join(summary.get("verdict", {}).get(lang, ())),
        "failed_because": row.problem or "",
    }


def _line(row: BatchRow, name: str, lang: Lang) -> str:
    """Return a store's first sentence for the cover: what fails, or why the store was not rehearsed."""
    sentences = (row.problem or "").splitlines() or row.summary.get("verdict", {}).get(lang, ())
    return translate("report.batch_line", lang, store=name, sentence=sentences[0] if sentences else "")


def _read_each(rows: Sequence[BatchRow], names: Sequence[str], out: Path, table_name: str) -> Iterator[pd.DataFrame]:
    """Yield one table of each store that is done, with the store in front."""
    for row, name in zip(rows, names, strict=True):
        path = out / str(row.folder) / "tables" / f"{table_name}.parquet"
        if row.folder and path.is_file():
            table = pd.read_parquet(path)
            table.insert(0, "store", name)
            yield table


def _made_from(row: BatchRow, out: Path) -> dict[str, Any]:
    """Return what a store's results were made from, and one hash over all that its own manifest lists."""
    made = RunFolder(out / row.folder).manifest if row.folder else {}
    listed = json.dumps(made.get("hashes", {}), sort_keys=True).encode()
    return {
        "file": row.store,
        "folder": row.folder,
        "parameters": made.get("parameters"),
        "store_hash": made.get("store_hash"),
        "results_hash": hashlib.sha256(listed).hexdigest() if made else None,
        "problem": row.problem,
    }
