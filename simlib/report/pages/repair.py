"""A roster that is repaired on the night: what a cell and the command show of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from simlib import facts
from simlib.messages import Lang, UserError, label, translate
from simlib.report.charts import plot_coverage
from simlib.report.html import Fragment, show_chart, show_table, show_text
from simlib.report.pages.common import stack

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
