"""Memory that night after night is written into: the system hands out cleared pages, and clearing takes its time.

On a floor of thousands of agents that was a tenth of a night. A room is lent as an array, and comes back by itself when
nobody holds a piece of the array any more; the outcome of a night keeps its room as long as somebody keeps the outcome.
"""

from __future__ import annotations

from threading import RLock
from typing import Any

import numpy as np
import numpy.typing as npt

KEPT_BYTES = 1 << 29  # of rooms that wait for the next night; what comes back beyond that goes to the system
SMALLEST_BYTES = 1 << 16  # what is smaller is quickly had anew
ALIGNED = 128  # a pair of cache lines

_Bytes = npt.NDArray[np.uint8]
_free: list[_Bytes] = []
_lock = RLock()  # the collector may bring a room back while one is looked for


class _Lent:
    """A room that is in use: it holds the memory, and NumPy holds it for every array of that memory."""

    def __init__(self, memory: _Bytes) -> None:
        self.memory, self.__array_interface__ = memory, memory.__array_interface__

    def __del__(self) -> None:
        with _lock:
            if sum(map(len, _free)) + len(self.memory) <= KEPT_BYTES:
                _free.append(self.memory)


def lend(rows: int, dtype: npt.DTypeLike, *, cleared: bool = False) -> npt.NDArray[Any]:
    """Return an array that begins where a pair of cache lines does, filled with zeros if ``cleared``.

    Parameters
    ----------
    rows : int
        Its length, >= 0.
    dtype : dtype
        Without Python objects.
    cleared : bool
        Whether it is zeros; whatever was there otherwise.

    Examples
    --------
    >>> lend(3, float, cleared=True).tolist()
    [0.0, 0.0, 0.0]
    """
    kind = np.dtype(dtype)
    size = rows * kind.itemsize
    memory = np.empty(size + ALIGNED, np.uint8) if size < SMALLEST_BYTES else np.asarray(_Lent(_find(size + ALIGNED)))
    skip = -memory.ctypes.data % ALIGNED
    room = memory[skip : skip + size]
    if cleared:
        room[:] = 0
    return room.view(kind)


def _find(size: int) -> _Bytes:
    """Return the smallest room that waits and is large enough, but not twice too large; else a new one."""
    with _lock:
        fitting = [number for number, room in enumerate(_free) if size <= len(room) <= 2 * size]
        if fitting:
            return _free.pop(min(fitting, key=lambda number: len(_free[number])))
    return np.empty(size, np.uint8)
