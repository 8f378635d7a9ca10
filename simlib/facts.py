"""Dated facts of the playbook: platform rules, dates, legal limits, market figures. Code holds none of them."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any

import pandas as pd

from simlib.messages import PLAYBOOK, read_yaml

REQUIRED = ("key", "value", "source", "status", "checked_on")
STATUSES = ("verified", "seen", "recalled", "unverified", "ours", "seed")


@cache
def table(name: str) -> pd.DataFrame:
    """Read one file of ``playbook/facts`` as a frame, one row per fact.

    Parameters
    ----------
    name : str
        File name without ending: ``"labour"``, ``"profiles"``, ``"calendar"``.

    Returns
    -------
    pandas.DataFrame
        Columns key, value, source, status, checked_on, valid_from, valid_to, platform, unit and what else the
        file holds; what a row leaves out is None. Treat it as read-only: it is shared.

    Raises
    ------
    ValueError
        A row lacks a required field or bears an unknown status; the message names file, row and field.
    """
    rows = read_yaml(PLAYBOOK / "facts" / f"{name}.yml")
    for number, row in enumerate(rows, start=1):
        lacking = [field for field in REQUIRED if field not in row]
        if lacking:
            raise ValueError(f"playbook/facts/{name}.yml row {number}: {', '.join(lacking)} missing")
        if row["status"] not in STATUSES:
            raise ValueError(f"playbook/facts/{name}.yml row {number}: status must be one of {STATUSES}")
    optional = {"platform": None, "unit": None, "valid_from": None, "valid_to": None}
    return pd.DataFrame([optional | row for row in rows], dtype=object)


def rows(name: str, *, on: dt.date | None = None, platform: str | None = None) -> pd.DataFrame:
    """Keep the facts of one file that hold on a day and for a platform (rows without one hold for all)."""
    facts = table(name)
    keep = pd.Series(True, index=facts.index)
    if on is not None:
        begun = facts["valid_from"].map(lambda day: day is None or day <= on)
        lasts = facts["valid_to"].map(lambda day: day is None or day >= on)
        keep &= begun & lasts
    if platform is not None:
        keep &= facts["platform"].map(lambda name: name is None or name == platform)
    return facts[keep]


@cache
def value(name: str, key: str, *, on: dt.date | None = None, platform: str | None = None) -> Any:
    """Look up the value of one fact; a platform's own row goes before the general one, the newest first.

    Raises
    ------
    KeyError
        No such fact holds on that day for that platform.

    Examples
    --------
    >>> value("labour", "overtime_max_h_day")
    3
    """
    found = rows(name, on=on, platform=platform)
    found = found[found["key"] == key]
    if found.empty:
        raise KeyError(f"playbook/facts/{name}.yml has no {key!r} that holds on {on} for platform {platform}")
    order = [(row.platform is not None, row.valid_from or dt.date.min) for row in found.itertuples()]
    return found.iloc[max(range(len(order)), key=order.__getitem__)]["value"]
