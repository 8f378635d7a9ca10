"""Exports of many stores: each store takes the folder that carries its name, one process per core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simlib.files import explain, explained
from simlib.messages import Lang, Message, UserError, translate
from simlib.runs.batch import refuse_twins, run_each
from simlib.store import import_exports
from simlib.store.reader import store_id


@dataclass(frozen=True, kw_only=True)
class ImportRow:
    """What became of one store: files and rows that were read, values that changed, questions left, or a problem."""

    store: str
    files: int = 0
    rows: int = 0
    changes: int = 0
    questions: int = 0
    saved: str = ""
    problem: str = ""


def import_one(store_path: str, *, exports: str, save_to: str, write: bool, lang: Lang) -> ImportRow:
    """Import the exports of one store; its failure is its own row and never raises.

    Parameters
    ----------
    store_path : str
    exports : str
        The folder in which the store's own folder of exports lies.
    save_to : str
        Folder for copies of the stores; empty, each store is written in place.
    write : bool
        Whether anything is written at all.
    """
    path = Path(store_path)
    own = find_own_folder(path, Path(exports))
    if own is None:
        return ImportRow(store=path.name, problem=Message("exports.no_own_folder", folder=store_id(path)).text(lang))
    try:
        found = import_exports(own, path, lang=lang)
        read = found.exports.understood
        counted: dict[str, Any] = {"store": path.name, "files": len(read), "rows": int(read["rows"].sum())}
        counted |= {"changes": len(found.changes), "questions": len(found.exports.questions)}
        if not counted["rows"]:
            return ImportRow(**counted, problem=translate("exports.nothing_understood", lang))
        if not write:
            return ImportRow(**counted)
        return ImportRow(**counted, saved=str(found.save(Path(save_to) / path.name if save_to else None, lang)))
    except UserError as error:
        return ImportRow(store=path.name, problem=error.text(lang))
    except OSError as error:
        return ImportRow(store=path.name, problem=explain(error).text(lang))


def find_own_folder(store_path: Path, exports: Path) -> Path | None:
    """Return the folder of exports that carries a store's name, or None.

    Examples
    --------
    >>> find_own_folder(Path("templates/stores/bodycare"), Path("templates/stores")).name
    'bodycare'
    """
    name = store_id(store_path)
    return next((each for each in sorted(exports.iterdir()) if each.is_dir() and store_id(each) == name), None)


def import_stores(
    store_paths: Sequence[Path],
    *,
    exports: Path,
    save_to: Path | None = None,
    write: bool = True,
    lang: Lang = "zh",
    workers: int | None = None,
    on_store: Callable[[ImportRow], None] | None = None,
) -> list[ImportRow]:
    """Import the exports of many stores on all cores; a store that fails costs itself only.

    Parameters
    ----------
    exports : Path
        A folder that holds one folder of files per store, by the store's name.
    save_to : Path, optional
        Folder for copies; left out, the stores are written in place.
    write : bool
        False shows what would change.

    Returns
    -------
    list of ImportRow
        In the order of ``store_paths``.

    Raises
    ------
    simlib.messages.UserError
        Two stores carry one name, or the folder for copies cannot be made; nothing was read.
    """
    store_paths = refuse_twins(store_paths)
    if save_to is not None and write:
        with explained():
            save_to.mkdir(parents=True, exist_ok=True)
    copies = "" if save_to is None else str(save_to.resolve())
    task = {"exports": str(exports.resolve()), "save_to": copies, "write": write, "lang": lang}

    def lose(path: Path, reason: str) -> ImportRow:
        return ImportRow(store=path.name, problem=translate("runs.worker_lost", lang, reason=reason))

    return run_each(import_one, store_paths, task=task, lose=lose, workers=workers, on_done=on_store)
