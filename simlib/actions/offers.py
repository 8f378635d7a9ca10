"""Actions as tables and back: what a run leaves is all that the live page needs to take an action by one click."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simlib.actions.moves import SKILLS, PlannedMove, name_moves
from simlib.messages import LANGS, Message

TABLES = ("actions", "action_moves", "move_shifts")
WHAT = [f"move_what_{lang}" for lang in LANGS]
MOVE_COLUMNS = [
    "action",
    "move",
    *WHAT,
    "people",
    "shift",
    "start",
    "end",
    "heads",
    "hours",
    "cost_cny",
    "last_day",
    "move_key",
]
PERSON = [*SKILLS, "capacity", "speed", "cost_cny_h"]
SEGMENT = ["queue", "shift", "date", "start", "end", "activity"]
SHIFT_COLUMNS = ["move_key", "move", *WHAT, "move_size", "agent_id", "name", "cohort", "newcomer", *PERSON, *SEGMENT]


@dataclass(frozen=True, kw_only=True, eq=False)
class Offer:
    """An action that can be taken: its key, its moves, what it saves and costs."""

    key: str
    moves: tuple[PlannedMove, ...] = field(repr=False)
    saves_cny: float
    cost_cny: float
    closes_gap: bool

    @property
    def text(self) -> Message:
        """Return one short line."""
        return Message(
            "actions.offer_closes" if self.closes_gap else "actions.offer",
            what=name_moves(self.moves),
            saves=f"{self.saves_cny:,.0f}",
            cost=f"{self.cost_cny:,.0f}",
        )


def _describe(move: PlannedMove) -> dict[str, str]:
    return {f"move_what_{lang}": move.text().text(lang) for lang in LANGS}


def write_moves(taken: Iterable[tuple[str, PlannedMove]]) -> pd.DataFrame:
    """Return one row per move of each action: what, who, when, how much, by when.

    Parameters
    ----------
    taken : iterable of (action, move)
    """
    rows = [
        {
            "action": action,
            "move": move.kind,
            **_describe(move),
            "people": list(move.names),
            "shift": move.shift or None,
        }
        | {"start": move.start, "end": move.end, "heads": len(move.agents), "hours": move.hours}
        | {"cost_cny": move.cost_cny, "last_day": move.last_day, "move_key": move.key}
        for action, move in taken
    ]
    return pd.DataFrame(rows, columns=MOVE_COLUMNS)


def write_shifts(moves: Iterable[PlannedMove], people: pd.DataFrame) -> pd.DataFrame:
    """Return the shifts that moves give: one row per segment of each person, one per move that concerns everybody.

    Parameters
    ----------
    people : DataFrame
        The night's: agent_id, skills, capacity, speed, cost_cny_h.
    """
    known = people.set_index("agent_id")[PERSON].to_dict("index")
    rows: list[dict[str, Any]] = []
    for move in moves:
        own: dict[str, Any] = {"move_key": move.key, "move": move.kind, **_describe(move)}
        own |= {"move_size": move.size}
        if move.segments.empty:
            rows.append(own | {"start": move.start, "end": move.end, "newcomer": False})
            continue
        fresh = move.newcomers.set_index("agent_id").to_dict("index") if len(move.newcomers) else {}
        for row in move.segments.to_dict("records"):
            agent = row["agent_id"]
            person = fresh.get(agent) or known[agent]
            rows.append(own | row | {name: person.get(name) for name in PERSON} | {"newcomer": agent in fresh})
    table = pd.DataFrame(rows, columns=SHIFT_COLUMNS)
    return table.astype(
        {"capacity": "Int64", "speed": float, "cost_cny_h": float, "newcomer": bool, "move_size": float}
    )


def read_offers(tables: Mapping[str, pd.DataFrame]) -> list[Offer]:
    """Make the actions of a result's tables, of a run's Parquet files for instance, ready to be taken again.

    Parameters
    ----------
    tables : mapping of name to table
        Those of :data:`TABLES`.
    """
    shifts = dict(iter(tables["move_shifts"].groupby("move_key", sort=False)))
    offers = []
    for action, rows in tables["action_moves"].groupby("action", sort=False):
        figures = tables["actions"].set_index("action").loc[action]
        moves = tuple(_read_move(row, shifts[row["move_key"]]) for row in rows.to_dict("records"))
        gain = {"saves_cny": float(figures["saves_cny"]), "cost_cny": float(figures["cost_cny"])}
        offers.append(Offer(key=str(action), moves=moves, closes_gap=bool(figures["closes_gap"]), **gain))
    return offers


def _read_move(row: Mapping[str, Any], shifts: pd.DataFrame) -> PlannedMove:
    rows = shifts[shifts["agent_id"].notna()]
    persons = rows.drop_duplicates("agent_id")
    new = persons[persons["newcomer"]]
    last = row["last_day"]
    hired = row["move"] == "outside_help"
    return PlannedMove(
        key=row["move_key"],
        kind=row["move"],
        start=row["start"],
        end=row["end"],
        agents=tuple(persons["agent_id"]),
        names=tuple(np.asarray(row["people"], dtype=object).tolist()),
        heads=len(persons),
        hours=float(row["hours"]),
        cost_cny=float(row["cost_cny"]),
        last_day=last if isinstance(last, dt.date) else pd.Timestamp(last).date(),
        size=float(shifts["move_size"].iloc[0]),
        shift=row["shift"] if isinstance(row["shift"], str) else "",
        cohort=str(persons["cohort"].iloc[0]) if hired else "",
        segments=rows[["agent_id", "name", "cohort", *SEGMENT]].reset_index(drop=True),
        newcomers=new[["agent_id", "name", "cohort", *PERSON]].reset_index(drop=True),
    )


def read_run(folder: Path) -> list[Offer]:
    """Read the actions that a run has left as Parquet in a folder; none where it left none."""
    paths = {name: folder / f"{name}.parquet" for name in TABLES}
    if not all(path.exists() for path in paths.values()):
        return []
    return read_offers({name: pd.read_parquet(path) for name, path in paths.items()})
