"""A roster that is repaired on the night: what a cell and the command show of it, and the files it leaves."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from simlib import facts
from simlib.files import replace_folder
from simlib.messages import Lang, Message, UserError, label, translate
from simlib.report.charts import plot_coverage
from simlib.report.excel import write_roster, write_workbook
from simlib.report.html import Fragment, show_chart, show_table, show_text
from simlib.report.pages.common import stack
from simlib.roster.exchange import to_ics, to_sheets

if TYPE_CHECKING:
    from simlib.planning import Plan
    from simlib.roster.repair import RepairResult


def show_repair(plan: Plan, *, lang: Lang) -> Fragment:
    """Show who is changed when people call in sick, what that wins back, and the coverage before and after.

    With nothing to repair it explains how to use it; what cannot be read is a sentence, too.
    """
    if not plan.absent and not plan.absent_from:
        return show_text(translate("repair.how_to", lang))
    if not plan.absent or not plan.absent_from:
        return show_text(translate("repair.half_given", lang))
    try:
        repair = plan.repair()
    except UserError as error:
        return show_text(error.text(lang))
    return stack(
        show_text(*repair_texts(repair, lang)),
        show_table(name_changes(repair, lang), lang=lang, caption=label("changes", lang)),
        show_text(translate("repair.before", lang)),
        show_chart(plot_coverage(repair.before.coverage, lang=lang)),
        show_text(translate("repair.after", lang)),
        show_chart(plot_coverage(repair.after.coverage, lang=lang)),
        show_table(repair.gaps, lang=lang, caption=label("remaining_gaps", lang)) if len(repair.gaps) else None,
    )


def repair_texts(repair: RepairResult, lang: Lang) -> list[str]:
    """Return how many were changed, what that wins back, and what is still short."""
    given: dict[str, object] = {name: f"{hours:.1f}" for name, hours in repair.short_h.items()}
    given |= {"clock": f"{repair.at:%H:%M}"}
    delay_min = facts.table("levers").set_index("key").loc["call_pool", "delay_min"]
    found = f"repair.found{'' if repair.changed else '_none'}"
    lines = [
        translate(found, lang, absent=len(repair.absent), changed=repair.changed, **given),
        translate("repair.won_back", lang, delay=f"{delay_min:g}", **given),
    ]
    worse = repair.gaps[repair.gaps["shortfall"] > repair.gaps["shortfall_before"] + 1e-9]
    if worse.empty:
        return [*lines, translate("repair.as_before", lang)]
    worst = worse.loc[(worse["shortfall"] - worse["shortfall_before"]).idxmax()]
    where = {"at": f"{worst['start']:%m-%d %H:%M}", "queue": label(worst["queue"], lang)}
    return [*lines, translate("repair.still_short", lang, n=len(worse), heads=f"{worst['shortfall']:.1f}", **where)]


def name_changes(repair: RepairResult, lang: Lang) -> pd.DataFrame:
    """Return the changes in words: agent_id, name, cohort, shift_before, shift_after, reason."""
    rows = [
        {
            "agent_id": row.agent_id,
            "name": row.name_,
            "cohort": row.cohort,
            "shift_before": _name_shift(row.shift_before, row.start_before, row.end_before, lang),
            "shift_after": _name_shift(row.shift_after, row.start_after, row.end_after, lang),
            "reason": translate(
                f"repair.reason_{row.change}",
                lang,
                clock=f"{repair.at if row.change == 'absent' else row.start_after:%H:%M}",
                more=f"{(row.end_after - row.end_before) / pd.Timedelta(hours=1):g}",
            ),
        }
        for row in repair.changes.rename(columns={"name": "name_"}).itertuples()
    ]
    return pd.DataFrame(rows, columns=["agent_id", "name", "cohort", "shift_before", "shift_after", "reason"])


def _name_shift(code: str, start: pd.Timestamp, end: pd.Timestamp, lang: Lang) -> str:
    """Return a shift in words, or that there is none."""
    if pd.isna(start):
        return translate("repair.no_shift", lang)
    return translate("repair.shift", lang, code=code, start=f"{start:%H:%M}", end=f"{end:%H:%M}")


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
