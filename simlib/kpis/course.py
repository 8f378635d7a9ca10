"""How a night runs: levels in steps of ten minutes, from the log."""

from __future__ import annotations

import numpy as np

from simlib.intervals import Grid
from simlib.kpis.log import NightLog

COURSE_STEP_S = 600


def buyers_waiting(log: NightLog, steps: Grid) -> np.ndarray:
    """Return the mean number of buyers in each step who have asked a person, wait for a first reply and have not left.

    >>> from simlib.kpis import example_log
    >>> log = example_log()
    >>> buyers_waiting(log, Grid(opens=log.opens, n=2, step_s=200)).tolist()
    [0.85, 0.1]
    """
    contacts = log.contacts
    asked, replied, end = (np.asarray(contacts[key], dtype=float) for key in ("asked", "first_reply", "end"))
    people = ~np.isnan(asked)
    until = np.fmin(replied, np.where(np.isnan(end), np.inf, end))
    return mean_level(asked[people], until[people], steps)


def open_chats(log: NightLog, steps: Grid) -> np.ndarray:
    """Return the mean number of chats in each step that an agent has been given and that have not ended.

    >>> from simlib.kpis import example_log
    >>> log = example_log()
    >>> open_chats(log, Grid(opens=log.opens, n=2, step_s=200)).tolist()
    [1.3, 1.1]
    """
    assigned, end = (np.asarray(log.contacts[key], dtype=float) for key in ("assigned", "end"))
    taken = ~np.isnan(assigned)
    until = np.where(np.isnan(end), np.inf, np.maximum(end, assigned))
    return mean_level(assigned[taken], until[taken], steps)


def mean_level(start: np.ndarray, end: np.ndarray, steps: Grid, weight: np.ndarray | None = None) -> np.ndarray:
    """Add up the weights of spans [start, end) over each step, on average over the step; a span may be endless."""

    def risen(moments: np.ndarray) -> np.ndarray:
        """Integral over each step of the weight whose moment has passed."""
        inside = np.clip(moments, 0.0, steps.edges_s[-1])
        step = (inside // steps.step_s).astype(np.int64)
        rest_s = (step + 1) * steps.step_s - inside  # of its own step
        whole, part = (
            np.bincount(step, values, minlength=steps.n + 1)[: steps.n]
            for values in (weight, rest_s if weight is None else rest_s * weight)
        )
        return (np.cumsum(whole) - whole) * steps.step_s + part

    level = (risen(start) - risen(end)) / steps.step_s
    return np.asarray(np.round(level, 9) + 0.0)  # sums leave traces of 1e-16 where nobody is
