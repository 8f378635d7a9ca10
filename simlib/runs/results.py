"""What a rehearsal leaves for people: tables, summary, workbook, roster, calendars and the report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from simlib.messages import Lang, label
from simlib.planning import Plan
from simlib.report.excel import write_roster, write_workbook
from simlib.report.html import render_report
from simlib.report.pages import FOLDED, kpi_cards, report_sections
from simlib.report.pages.goals import write_handouts
from simlib.roster import to_ics, to_sheets


def write_team_files(folder: Path, *, night: Plan, lang: Lang) -> None:
    """Write what the team gets: the roster, each person's calendar, slips and announcements."""
    team = night.store.frame("agents")
    write_roster(folder / "roster.xlsx", to_sheets(night.roster, team, lang=lang), lang=lang)
    calendars = folder / "calendars"
    calendars.mkdir()
    for number, agent_id in enumerate(night.roster["agent_id"].unique(), start=1):
        name = re.sub(r"[^\w-]", "_", str(agent_id))
        (calendars / f"{number:03d}-{name}.ics").write_bytes(to_ics(night.roster, agent_id, lang=lang).encode())
    write_handouts(night, folder / "goals", lang=lang)


def tabulate(folder: Path, *, night: Plan, lang: Lang) -> Callable[[], None]:
    """Return what writes the workbook when it is called; another process can be given it."""
    return partial(
        write_workbook,
        folder / "report.xlsx",
        night.tables,
        lang=lang,
        title=night.store.store.name,
        verdict=night.verdict(lang),
        cards=kpi_cards(night, lang=lang),
        meta=night.conclusion.provenance(lang),
    )


def write_results(folder: Path, *, night: Plan, lang: Lang) -> None:
    """Write the night's tables, summary and report, beside what :func:`write_team_files` and `tabulate` write."""
    tables = folder / "tables"
    tables.mkdir()
    for name, table in night.tables.items():
        table.to_parquet(tables / f"{name}.parquet", index=False)
    text = json.dumps(night.conclusion.summary, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False)
    (folder / "summary.json").write_text(text + "\n", encoding="utf-8")
    html = render_report(
        [(label(chapter, lang), shown) for chapter, shown in report_sections(night, lang=lang)],
        title=night.store.store.name,
        lang=lang,
        meta=night.conclusion.provenance(lang),
        verdict=night.verdict(lang),
        tone="good" if night.conclusion.holds else "bad",
        cards=kpi_cards(night, lang=lang),
        folded=[label(chapter, lang) for chapter in FOLDED],
    )
    (folder / "report.html").write_text(html, encoding="utf-8")
