"""What the tables that a team fills in must hold before anything is worked out from them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from simlib.messages import Message, UserError


def need_columns(table: pd.DataFrame, *columns: str, name: str) -> None:
    """Check that a table has its columns.

    Parameters
    ----------
    name : str
        Of the table, a text ``retrospective.table_<name>`` of the messages.

    Raises
    ------
    UserError
        Columns are missing; they are all named at once.
    """
    lacking = tuple(column for column in columns if column not in table)
    if lacking:
        shown = Message(f"retrospective.table_{name}")
        raise UserError(Message("retrospective.columns_missing", table=shown, columns=lacking))


def on_clock(moments: pd.Series, zone: Any) -> pd.Series:
    """Return moments on the clock of a time zone; those without a zone are taken to be on it already.

    A zone of None takes the zone away. What is no moment becomes NaT.

    >>> naive = pd.Series(["2026-11-11 20:00", None])
    >>> on_clock(naive, "Asia/Shanghai").tolist()
    [Timestamp('2026-11-11 20:00:00+0800', tz='Asia/Shanghai'), NaT]
    """
    times = pd.to_datetime(moments, errors="coerce")
    if times.dt.tz is None:
        return times if zone is None else times.dt.tz_localize(zone, ambiguous=False, nonexistent="shift_forward")
    return times.dt.tz_localize(None) if zone is None else times.dt.tz_convert(zone)
