"""How a rehearsal uses memory: what one night frees the next one takes, and garbage is looked for seldom."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # of glibc's malloc.h
KEPT_BYTES = 1 << 30
AT_ONCE_BYTES = 1 << 26


def keep_freed_memory() -> None:
    """Keep what this process frees for what it asks for next, for good; on Linux with glibc, elsewhere nothing happens.

    Each array of a night would otherwise go back to the system, which clears every page before it is lent again.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            libc = ctypes.CDLL("libc.so.6")
            libc.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
            libc.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
            libc.mallopt(M_TOP_PAD, AT_ONCE_BYTES)


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Look for cyclic garbage a hundredth as often: what a rehearsal makes lives until its end, and looking costs."""
    often = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100 * often[0], *often[1:])
    try:
        yield
    finally:
        gc.set_threshold(*often)
        gc.unfreeze()
