"""Named streams of random numbers: one a source of chance, so that a new source never moves an old one."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def stream(seed: int, replication: int, name: str) -> np.random.Generator:
    """Open the stream of random numbers for one source of chance.

    Parameters
    ----------
    seed, replication : int
        The run's seed and the number of the night, both >= 0.
    name : str
        What the numbers are for (``"patience"``, ``"arrival"``); the same name always gives the same numbers.

    Returns
    -------
    numpy.random.Generator

    Examples
    --------
    >>> bool(stream(7, 0, "patience").random() == stream(7, 0, "patience").random())
    True
    >>> bool(stream(7, 0, "patience").random() == stream(7, 0, "arrival").random())
    False
    """
    if seed < 0 or replication < 0:
        raise ValueError(f"seed and replication must be >= 0, got {seed!r} and {replication!r}")
    if not name:
        raise ValueError("a stream needs a name that says what its numbers are for")
    return np.random.default_rng([seed, replication, crc32(name.encode())])
