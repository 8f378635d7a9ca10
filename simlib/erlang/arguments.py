"""What the formulas accept: whole numbers, rates and times, refused with a sentence that names them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
MAX_AGENTS = 100_000


def whole_number(name: str, value: float, *, least: int = 1) -> int:
    """Return ``value`` as an int, or raise ValueError unless it is whole and from ``least`` to MAX_AGENTS."""
    if not (least <= value <= MAX_AGENTS and int(value) == value):
        raise ValueError(f"{name} must be a whole number from {least} to {MAX_AGENTS}, got {value!r}")
    return int(value)


def require_positive(**values: float) -> None:
    """Raise ValueError for the first value that is not finite and > 0."""
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be a finite number > 0, got {value!r}")


def require_not_negative(**values: float) -> None:
    """Raise ValueError for the first value that is not finite and >= 0."""
    for name, value in values.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must be a finite number >= 0, got {value!r}")


def require_time(t: float) -> float:
    """Return ``t``, or raise ValueError unless it is a time >= 0; infinity is allowed."""
    if not t >= 0:
        raise ValueError(f"the threshold must be a time >= 0, got {t!r}")
    return float(t)
