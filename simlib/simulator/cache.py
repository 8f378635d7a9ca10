"""Where the compiled chat floor is kept: one folder for each state of its sources.

Numba reads everything that an earlier version left, the names of its classes included, before it looks whether the
source is still the same: after an upgrade that renamed a class, the first night would end in a traceback. It also
looks at one file only. So each state of the sources, of Python and of the packages that compile has a folder of its
own, and what no longer fits is never opened.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np

_CONFIG: Any = numba.config  # its settings are made while Numba is loaded
_UNUSED_S = 14 * 86_400.0  # an older folder that nobody has used for so long is removed (our choice)


def compile_once(sources: Iterable[Path], **how: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function with Numba and keep its machine code for later processes.

    Parameters
    ----------
    sources : paths
        Every file whose text is compiled into the function.
    how
        Options of ``numba.njit``.

    Returns
    -------
    callable
        A decorator. Where no folder can be written, each process compiles for itself.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        folder = find_folder(key_of(sources))
        given = _CONFIG.CACHE_DIR
        _CONFIG.CACHE_DIR = "" if folder is None else str(folder)  # read once, while the function is decorated
        try:
            return numba.njit(cache=folder is not None, **how)(function)
        finally:
            _CONFIG.CACHE_DIR = given

    return decorate


def key_of(sources: Iterable[Path]) -> str:
    """Return a name for the state of some sources and of what compiles them."""
    made_by = (sys.implementation.cache_tag, numba.__version__, llvmlite.__version__, np.__version__)
    state = hashlib.sha256(repr(made_by).encode())
    for path in sources:
        state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()[:16]


def find_folder(key: str) -> Path | None:
    """Return the folder of a key, made where it is missing, in the first place that can be written; None where none."""
    for place in _places():
        folder = place / f"floor-{key}"
        try:
            fresh = not folder.is_dir()
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
            os.utime(folder)  # in use
        except OSError:
            continue
        if fresh:
            _clean(place, keep=folder)
        return folder
    return None


def _places() -> Iterator[Path]:
    """Yield where machine code may lie, best first.

    The last is in the system's folder for temporary files; it is used only if nobody else can write it, for what lies
    in it is run.
    """
    if _CONFIG.CACHE_DIR:
        yield Path(_CONFIG.CACHE_DIR)
    yield Path(__file__).parent / "__pycache__"
    if os.name == "nt":
        yield Path(os.environ.get("LOCALAPPDATA") or tempfile.gettempdir()) / "sandtable"
        return
    yield Path(os.environ.get("XDG_CACHE_HOME") or Path(os.path.expanduser("~"), ".cache")) / "sandtable"
    own = Path(tempfile.gettempdir()) / f"sandtable-{os.getuid()}"
    try:
        own.mkdir(mode=0o700, exist_ok=True)
        found = own.lstat()
        safe = found.st_uid == os.getuid() and not found.st_mode & 0o077 and not own.is_symlink()
        yield own if safe else Path(tempfile.mkdtemp(prefix="sandtable-"))
    except OSError:
        return


def _clean(place: Path, *, keep: Path) -> None:
    """Remove what earlier versions left and nobody uses; who runs one meanwhile compiles again."""
    for folder in place.glob("floor-*"):
        try:
            unused = folder != keep and time.time() - folder.stat().st_mtime > _UNUSED_S
        except OSError:  # somebody else cleans as well
            continue
        if unused:
            shutil.rmtree(folder, ignore_errors=True)
    for file in place.glob("loop.run_floor-*.nb[ic]"):  # of versions that kept all in one place
        file.unlink(missing_ok=True)
