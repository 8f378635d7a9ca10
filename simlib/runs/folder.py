"""The folder ``out/<store>``: the only reader and writer of its manifest, and the one idea of "the same run"."""

from __future__ import annotations

import hashlib
import json
import platform
import socket
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simlib.files import FolderLockedError, explained, is_locked, lock_folder, replace_folder, write_file
from simlib.messages import HOUSE, Lang, Message, UserError
from simlib.planning import Plan
from simlib.runs.parameters import Values, chapter_notebooks, declared_parameters

if TYPE_CHECKING:
    import pandas as pd

MADE_BY_PEOPLE = ("drill", "repairs")  # beside a rehearsal's results, and not of it: they outlive it
PACKAGES = ("numpy", "numba", "ortools", "pandas", "papermill", "scipy", "simpy")
OF_ROSTER = ("wave", "seed", "roster_effort", "roster_file")  # the parameters that the roster depends on
NOT_OF_TABLES = ("store", "lang", "notebooks")  # what a run may differ in and have the same tables


class OtherStoreError(UserError):
    """A folder holds the results of another store."""


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's files with their names in order."""
    digest = hashlib.sha256()
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in files:
        if file.is_file():
            if path.is_dir():
                digest.update(str(file.relative_to(path)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


# --- what a run is made from ------------------------------------------------------------------------------


def write_recipe(store_path: Path, *, parameters: Values, lang: Lang) -> dict[str, Any]:
    """Return all that decides a run's outcome: the store's data, the parameters, the kit."""
    paths = {name: Path(value) for name, value in parameters.items() if name == "roster_file" and value}
    return {
        "store": store_path.name,
        "store_hash": file_hash(store_path),
        "parameters": dict(parameters),
        "files": {name: file_hash(path) for name, path in paths.items() if path.is_file()},
        "lang": lang,
        "sandtable": version("sandtable"),
        "notebooks": {path.name: file_hash(path) for path in chapter_notebooks()},
        "simlib": _simlib_hash(),
        "playbook": file_hash(HOUSE / "playbook"),
    }


@lru_cache(maxsize=1)
def _simlib_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted((HOUSE / "simlib").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def name_differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    """Return what two recipes differ in: their keys, and ``parameters.<name>`` for a parameter of another value.

    A parameter that is left out has its default. Two runs are the same where nothing differs; their rosters are the
    same where nothing of :func:`roster_differences` does.

    Examples
    --------
    >>> sorted(name_differences({"lang": "zh", "parameters": {"seed": 7}}, {"lang": "en", "parameters": {"seed": 8}}))
    ['lang', 'parameters.seed']
    >>> name_differences({"parameters": {"seed": 7}}, {"parameters": {}})
    set()
    """
    defaults = plan_defaults()
    given = [{**defaults, **dict(recipe.get("parameters") or {})} for recipe in (one, other)]
    keys = (one.keys() | other.keys()) - {"parameters"}
    return {key for key in keys if one.get(key) != other.get(key)} | {
        f"parameters.{name}" for name in given[0].keys() | given[1].keys() if given[0].get(name) != given[1].get(name)
    }


def roster_differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    """Return what two recipes differ in that their rosters depend on."""
    of_roster = {f"parameters.{name}" for name in OF_ROSTER}
    return {
        name
        for name in name_differences(one, other)
        if name not in NOT_OF_TABLES and (name in of_roster or not name.startswith("parameters."))
    }


# What a notebook's own parameter is called in a plan, where the two differ: each scenario has nights of its own.
PLAN_NAMES = {("06_stress_test", "replications"): "stress_replications"}


@lru_cache(maxsize=1)
def plan_defaults() -> dict[str, Any]:
    """Return the parameters that the notebooks declare for a plan, with their defaults."""
    return plan_parameters({})


def plan_parameters(parameters: Values) -> dict[str, Any]:
    """Return the arguments of the plan that a run's notebooks share: what was given, else what they declare."""
    known = {field.name for field in fields(Plan)} - {"store"}
    found: dict[str, Any] = {}
    for notebook in chapter_notebooks():
        for name, declared in declared_parameters(notebook).items():
            named = PLAN_NAMES.get((notebook.stem, name), name)
            if named in known:
                found[named] = parameters.get(name, declared.default)
    return found


# --- the folder -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunFolder:
    """The results of one store: ``out/<store>``.

    Parameters
    ----------
    path : Path
    """

    path: Path

    @classmethod
    def of(cls, out: Path, store_id: str) -> RunFolder:
        """Return the folder of a store's results."""
        return cls(out / store_id)

    # --- reading ---

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What the results were made from; empty where there are none that can be read."""
        return self._read("manifest.json")

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The night in a few figures; empty where there are no results."""
        return self._read("summary.json")

    def _read(self, name: str) -> dict[str, Any]:
        try:
            found = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def roster(self) -> Path | None:
        """The table of the rehearsed roster; None where there is none."""
        return self._table("roster")

    @property
    def requirement(self) -> Path | None:
        """The table of the requirement that the roster was made for; None where there is none."""
        return self._table("requirement")

    def _table(self, name: str) -> Path | None:
        path = self.path / "tables" / f"{name}.parquet"
        return path if self.manifest and path.exists() else None

    def refuse_unreadable_manifest(self) -> None:
        """Refuse to go on from results whose manifest cannot be read: nobody knows what their roster was made from.

        Raises
        ------
        UserError
            There is a roster here, and no manifest that can be read.
        """
        known = isinstance(self.manifest.get("store_hash"), str)
        known &= isinstance(self.manifest.get("parameters", {}), dict | None)
        if (self.path / "tables" / "roster.parquet").exists() and not known:
            raise UserError(Message("runs.manifest_damaged", path=self.path / "manifest.json", folder=self.path))

    @property
    def repairs(self) -> Path:
        """The folder of the rosters that were repaired after this rehearsal."""
        return self.path / "repairs"

    @property
    def roster_parameters(self) -> dict[str, Any]:
        """The parameters of the rehearsal that its roster depends on."""
        given = self.manifest.get("parameters") or {}
        return {name: value for name, value in given.items() if name in OF_ROSTER}

    def holds_run(self, recipe: Mapping[str, Any]) -> bool:
        """Return whether these are the results of exactly this recipe, all there and their figures as they were made.

        What people may have written into since, a roster for instance, only has to be there.
        """
        made = {key: self.manifest.get(key) for key in recipe}
        return bool(self.manifest and self.summary) and not name_differences(made, recipe) and self._is_whole()

    def _is_whole(self) -> bool:
        hashes = self.manifest.get("hashes")
        if not isinstance(hashes, dict):
            return False
        for name, made in hashes.items():
            path = self.path / name
            figures = name.startswith("tables/") or name == "summary.json"
            if not path.is_file() or (figures and file_hash(path) != made):
                return False
        return True

    def holds_roster(self, recipe: Mapping[str, Any]) -> bool:
        """Return whether this recipe's roster would be the one that lies here."""
        made = {key: self.manifest.get(key) for key in recipe}
        return self.roster is not None and not roster_differences(made, recipe)

    # --- writing ---

    @contextmanager
    def replaced(self, store_path: Path) -> Iterator[Path]:
        """Hold the folder for one run: yield an empty one to fill, and put it in this one's place when it is whole.

        Drills and repairs that lie here stay.

        Raises
        ------
        simlib.files.FolderLockedError
            Another run writes here, or a drill of this store is open.
        OtherStoreError
            The results here are another store's.
        """
        with explained(), lock_folder(self.path):
            self.refuse_other_store(store_path)
            for drill in sorted((self.path / "drill").glob("*/")):
                if is_locked(drill):
                    raise UserError(Message("runs.drill_open", drill=drill.name, folder=self.path))
            with replace_folder(self.path, keep=MADE_BY_PEOPLE) as staging:
                yield staging

    @contextmanager
    def drill_held(self, name: str) -> Iterator[Path]:
        """Hold the folder of one drill while it is open, and yield it; no run moves it meanwhile.

        Raises
        ------
        simlib.messages.UserError
            The drill is open already, or a run writes here.
        """
        folder = self.path / "drill" / name
        with ExitStack() as doors:
            with lock_folder(self.path):
                try:
                    doors.enter_context(lock_folder(folder))
                except FolderLockedError:
                    raise UserError(Message("runs.drill_twice", drill=name, folder=folder)) from None
            try:
                yield folder
            finally:
                doors.close()
                with suppress(OSError):  # a drill that could not begin leaves no empty folders
                    folder.parent.rmdir()
                    self.path.rmdir()

    def refuse_other_store(self, store_path: Path) -> None:
        """Refuse to write another store's results over those that are here.

        A workbook that was renamed, moved or copied is the same store as long as its data is, or as long as the
        former file is gone.

        Raises
        ------
        OtherStoreError
            The message names both files.
        """
        made = self.manifest
        former = made.get("store_path")
        here = str(store_path.resolve())
        if not made or here == former or file_hash(store_path) == made.get("store_hash"):
            return
        if former is None:
            other = made.get("store") not in (None, store_path.name)
        else:
            other = made.get("host") == socket.gethostname() and Path(former).exists()
        if other:
            raise OtherStoreError(
                Message("runs.other_store", folder=self.path, former=former or made["store"], store=here)
            )


def read_kept(path: Path, *, columns: Collection[str], otherwise: str) -> pd.DataFrame:
    """Read a table that an earlier run left, as Parquet.

    Parameters
    ----------
    path : Path
    columns : collection of str
        What the table must hold; ``start`` and ``end`` are instants.
    otherwise : str
        Key of the message that explains what to do where it cannot be read; it asks for {path} and {folder}.

    Raises
    ------
    UserError
        The file is cut off or empty, no Parquet, or lacks a column.
    """
    import pandas as pd

    try:
        table = pd.read_parquet(path)
    except PermissionError:
        raise
    except (OSError, ValueError, KeyError):  # what Arrow raises of a file that is none of its own
        table = pd.DataFrame()
    instants = [name for name in ("start", "end") if name in columns]
    if not set(columns) <= set(table) or not all(
        isinstance(table[name].dtype, pd.DatetimeTZDtype) for name in instants
    ):
        raise UserError(Message(otherwise, path=path, folder=path.parent))
    return table


def write_manifest(folder: Path, *, recipe: Mapping[str, Any], store_path: Path) -> None:
    """Write into a filled folder what it was made from, and the hash of everything that was made."""
    made = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    manifest = {
        **recipe,
        "store_path": str(store_path.resolve()),
        "host": socket.gethostname(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "hashes": {name: file_hash(path) for name, path in made.items() if not name.endswith(".ipynb")},
    }
    write_file(folder / "manifest.json", json.dumps(manifest, ensure_ascii=False, indent=2, sort_keys=True) + "\n")


def declared_for(notebook: Path, given: Values) -> dict[str, Any]:
    """Return those of the given values that a notebook declares."""
    declared = declared_parameters(notebook)
    return {name: value for name, value in given.items() if name in declared}
