"""What a rehearsal leaves for people: tables, summary, workbook, roster, calendars and the report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat

from simlib.messages import Lang, label
from simlib.report.excel import write_matrix, write_workbook
from simlib.report.html import render_report
from simlib.report.pages import kpi_cards
from simlib.roster import to_ics, to_matrix


def shown_html(executed: Path) -> list[str]:
    """Take the HTML that a notebook's cells have shown, in their order; the report opens with the verdict itself."""
    cells = nbformat.read(executed, as_version=4).cells
    shown = []
    for cell in cells:
        if "report-opening" in cell.metadata.get("tags", ()):
            continue
        for output in cell.get("outputs", ()):
            html = output.get("data", {}).get("text/html")
            if html:
                shown.append("".join(html))
    return shown


def write_results(folder: Path, *, night: Any, sections: list[tuple[str, list[str]]], lang: Lang) -> None:
    """Write every result of one night into an empty folder."""
    tables = folder / "tables"
    tables.mkdir()
    for name, table in night.tables.items():
        table.to_parquet(tables / f"{name}.parquet", index=False)
    text = json.dumps(night.summary, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False)
    (folder / "summary.json").write_text(text + "\n", encoding="utf-8")
    write_workbook(
        folder / "report.xlsx",
        night.tables,
        lang=lang,
        title=night.store.store.name,
        verdict=night.verdict(lang),
        meta=night.provenance(lang),
    )
    team = night.store.frame("agents")
    write_matrix(folder / "roster.xlsx", to_matrix(night.roster, team, lang=lang), lang=lang)
    calendars = folder / "calendars"
    calendars.mkdir()
    for number, agent_id in enumerate(night.roster["agent_id"].unique(), start=1):
        name = re.sub(r"[^\w-]", "_", str(agent_id))
        (calendars / f"{number:03d}-{name}.ics").write_bytes(to_ics(night.roster, agent_id, lang=lang).encode())
    html = render_report(
        [(label(key, lang), shown) for key, shown in sections],
        title=night.store.store.name,
        lang=lang,
        meta=night.provenance(lang),
        verdict=night.verdict(lang),
        tone="good" if night.holds else "bad",
        cards=kpi_cards(night, lang=lang),
    )
    (folder / "report.html").write_text(html, encoding="utf-8")
