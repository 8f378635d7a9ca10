"""The rosters that were repaired after a rehearsal: the files that one leaves, and those that lie there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simlib.files import replace_folder
from simlib.messages import Lang, Message, UserError
from simlib.report.excel import write_roster, write_workbook
from simlib.report.pages.repair import name_changes, repair_texts
from simlib.roster import to_ics, to_sheets

if TYPE_CHECKING:
    import pandas as pd

    from simlib.roster.repair import RepairResult


def write_repair(
    repair: RepairResult,
    place: Path,
    *,
    team: pd.DataFrame,
    title: str,
    seed: int,
    rehearsed: str,
    lang: Lang,
    texts: list[str] | None = None,
) -> Path:
    """Write the repaired roster into a fresh folder under ``place``, whole or not at all; nothing is overwritten.

    Parameters
    ----------
    team : DataFrame
        The store's people.
    title : str
        The store's name.
    seed : int
        Of the plan.
    rehearsed : str
        Hash of the rehearsed roster behind it, or empty: a later repair goes on from one of its own.
    texts : list of str, optional
        What the workbook has to say, where it is not what a repair says.

    Returns
    -------
    Path
        The folder: ``roster.xlsx`` (the team's matrix), ``repair.xlsx`` (changes, gaps, roster, coverage),
        ``calendars`` of everybody whose shift is another one, ``roster.parquet`` and ``repair.json``.
    """
    rows = repair.after.assignments
    number = 1 + max((int(path.name[:3]) for path in kept_repairs(place)), default=0)
    folder = place / f"{number:03d}-{repair.at:%m%d-%H%M}"
    with replace_folder(folder) as staging:
        write_roster(staging / "roster.xlsx", to_sheets(rows, team, lang=lang), lang=lang)
        tables = {
            "changes": name_changes(repair, lang),
            "remaining_gaps": repair.gaps,
            "roster": rows,
            "coverage": repair.after.coverage,
        }
        said = repair_texts(repair, lang) if texts is None else texts
        write_workbook(staging / "repair.xlsx", tables, lang=lang, title=title, verdict=said)
        (staging / "calendars").mkdir()
        for agent_id in repair.changes["agent_id"].unique():
            name = re.sub(r"[^\w-]", "_", str(agent_id))
            (staging / "calendars" / f"{name}.ics").write_bytes(to_ics(rows, agent_id, lang=lang).encode())
        rows.to_parquet(staging / "roster.parquet", index=False)
        note = {"absent": list(repair.absent), "from": repair.at.isoformat(), "seed": seed}
        note |= {"rehearsed": rehearsed, "away": [*repair.still_away, *repair.absent]}
        note |= {"changed": repair.changes.loc[repair.changes["change"] != "absent", "agent_id"].tolist()}
        (staging / "repair.json").write_text(json.dumps(note, ensure_ascii=False, indent=2), encoding="utf-8")
    return folder


def kept_repairs(place: Path) -> list[Path]:
    """Return the folders of earlier repairs, the latest last."""
    return sorted(path for path in place.glob("[0-9][0-9][0-9]-*") if (path / "repair.json").exists())


def read_repair(folder: Path) -> dict[str, Any]:
    """Read what a repair noted: who is ``away`` by it (an agent_id each), the hash of the ``rehearsed`` roster."""
    try:
        note = json.loads((folder / "repair.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        note = None
    if not isinstance(note, dict) or not isinstance(note.get("away"), list):
        raise UserError(Message("repair.kept_damaged", path=folder / "repair.json", folder=folder))
    return note
