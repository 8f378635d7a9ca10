"""A roster that is mended on the night: what a notebook's cell and the command show of it, and the files it leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from simlib import facts
from simlib.files import replace_folder
from simlib.messages import Lang, UserError, label, translate
from simlib.report.charts import plot_coverage
from simlib.report.excel import write_matrix, write_workbook
from simlib.report.html import Fragment, show_chart, show_table, show_text
from simlib.report.pages import put_together
from simlib.roster import list_changes, to_ics, to_matrix

if TYPE_CHECKING:
    from simlib.planning import Plan
    from simlib.roster import Roster


@dataclass(frozen=True, kw_only=True)
class Repair:
    """A roster before and after people called in sick.

    Attributes
    ----------
    plan : Plan
        The night.
    before, after : Roster
        The roster that was published, and the mended one.
    absent : sequence of str
        The agent_id of those who are away.
    at : pandas.Timestamp
        From when on.
    still_away : sequence of str
        The agent_id of those whom an earlier repair went without.
    """

    plan: Plan
    before: Roster
    after: Roster
    absent: Sequence[str]
    at: pd.Timestamp
    still_away: Sequence[str] = ()

    @property
    def step(self) -> pd.Timedelta:
        """Length of an interval."""
        return pd.Timedelta(seconds=self.plan.grid.step_s)

    @cached_property
    def changes(self) -> pd.DataFrame:
        """Whose shift is another one, as :func:`simlib.forecasting.list_changes` tells it."""
        return list_changes(self.before.assignments, self.after.assignments, absent=self.absent)

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """Intervals from the absence on that lack people, now or before: required, rostered, both shortfalls."""
        keys = ["start", "queue"]
        was = self.before.coverage[[*keys, "shortfall"]].rename(columns={"shortfall": "shortfall_before"})
        table = self.after.coverage.merge(was, on=keys, how="left", validate="one_to_one")
        lacking = (table["shortfall"] > 0) | (table["shortfall_before"] > 0)
        columns = [*keys, "required", "rostered", "shortfall_before", "shortfall"]
        return table.loc[lacking & (table["start"] + self.step > self.at), columns].reset_index(drop=True)

    def short_h(self, coverage: pd.DataFrame) -> float:
        """Agent-hours short in the intervals from the absence on."""
        ahead = coverage[coverage["start"] + self.step > self.at]
        return float(ahead["shortfall"].sum() * (self.step / pd.Timedelta(hours=1)))

    def texts(self, lang: Lang) -> list[str]:
        """Say how many were changed, what that wins back, and what is still short."""
        mine = self.after.assignments["agent_id"].isin(self.absent)
        others = ~self.before.assignments["agent_id"].isin(self.absent)
        untouched = pd.concat([self.after.assignments[mine], self.before.assignments[others]], ignore_index=True)
        hours = {
            "planned": self.before.coverage,
            "untouched": self.plan.adopt_roster(untouched).coverage,
            "mended": self.after.coverage,
        }
        told = {name: f"{self.short_h(coverage):.1f}" for name, coverage in hours.items()}
        told |= {"clock": f"{self.at:%H:%M}"}
        levers = facts.table("levers").set_index("key")
        changed = int((self.changes["change"] != "absent").sum())
        said = [
            translate(
                f"repair.found{'' if changed else '_none'}", lang, absent=len(self.absent), changed=changed, **told
            ),
            translate("repair.won_back", lang, delay=f"{levers.loc['call_pool', 'delay_min']:g}", **told),
        ]
        worse = self.gaps[self.gaps["shortfall"] > self.gaps["shortfall_before"] + 1e-9]
        if worse.empty:
            return [*said, translate("repair.as_before", lang)]
        worst = worse.loc[(worse["shortfall"] - worse["shortfall_before"]).idxmax()]
        where = {"at": f"{worst['start']:%m-%d %H:%M}", "queue": label(worst["queue"], lang)}
        return [*said, translate("repair.still_short", lang, n=len(worse), heads=f"{worst['shortfall']:.1f}", **where)]

    def name_changes(self, lang: Lang) -> pd.DataFrame:
        """Word the changes: agent_id, name, cohort, shift_before, shift_after, reason."""
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
                    clock=f"{self.at if row.change == 'absent' else row.start_after:%H:%M}",
                    more=f"{(row.end_after - row.end_before) / pd.Timedelta(hours=1):g}",
                ),
            }
            for row in self.changes.rename(columns={"name": "name_"}).itertuples()
        ]
        return pd.DataFrame(rows, columns=["agent_id", "name", "cohort", "shift_before", "shift_after", "reason"])


def _name_shift(code: str, start: pd.Timestamp, end: pd.Timestamp, lang: Lang) -> str:
    """Word a shift, or that there is none."""
    if pd.isna(start):
        return translate("repair.no_shift", lang)
    return translate("repair.shift", lang, code=code, start=f"{start:%H:%M}", end=f"{end:%H:%M}")


def mend(
    plan: Plan,
    *,
    absent: str,
    absent_from: str,
    rows: pd.DataFrame | None = None,
    still_away: Sequence[str] = (),
) -> Repair:
    """Mend the plan's roster, or rows of one that was kept, after people called in sick.

    Raises
    ------
    UserError
        A name, the time or the kept rows are not of this night.
    """
    at = plan.find_moment(absent_from)
    before = plan.roster_result if rows is None else plan.adopt_roster(rows)
    away = plan.find_absent(absent, at=at, roster=before)
    return Repair(
        plan=plan,
        before=before,
        after=plan.repair(before, absent=[*away, *still_away], at=at),
        absent=away,
        at=at,
        still_away=still_away,
    )


def show_repair(plan: Plan, *, absent: str, absent_from: str, lang: Lang) -> Fragment:
    """Show who is changed when people call in sick, what that wins back, and the coverage before and after.

    With nothing to mend it says how to use it; what cannot be read is a sentence, too.
    """
    if not absent and not absent_from:
        return show_text(translate("repair.how_to", lang))
    if not absent or not absent_from:
        return show_text(translate("repair.half_given", lang))
    try:
        repair = mend(plan, absent=absent, absent_from=absent_from)
    except UserError as error:
        return show_text(error.text(lang))
    pieces = [
        show_text(*repair.texts(lang)),
        show_table(repair.name_changes(lang), lang=lang, caption=label("changes", lang)),
        show_text(translate("repair.before", lang)),
        show_chart(plot_coverage(repair.before.coverage, lang=lang)),
        show_text(translate("repair.after", lang)),
        show_chart(plot_coverage(repair.after.coverage, lang=lang)),
    ]
    if len(repair.gaps):
        pieces.append(show_table(repair.gaps, lang=lang, caption=label("remaining_gaps", lang)))
    return put_together(*pieces)


def write_repair(repair: Repair, place: Path, *, rehearsed: str, lang: Lang) -> Path:
    """Write the mended roster into a fresh folder under ``place``, whole or not at all; nothing is overwritten.

    ``rehearsed`` is the hash of the rehearsed roster behind it, or empty: a later repair goes on from one of its own.

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
        team = repair.plan.store.frame("agents")
        write_matrix(staging / "roster.xlsx", to_matrix(rows, team, lang=lang), lang=lang)
        tables = {
            "changes": repair.name_changes(lang),
            "remaining_gaps": repair.gaps,
            "roster": rows,
            "coverage": repair.after.coverage,
        }
        title = repair.plan.store.store.name
        write_workbook(staging / "repair.xlsx", tables, lang=lang, title=title, verdict=repair.texts(lang))
        (staging / "calendars").mkdir()
        for agent_id in repair.changes["agent_id"].unique():
            name = re.sub(r"[^\w-]", "_", str(agent_id))
            (staging / "calendars" / f"{name}.ics").write_bytes(to_ics(rows, agent_id, lang=lang).encode())
        rows.to_parquet(staging / "roster.parquet", index=False)
        told = {"absent": list(repair.absent), "from": repair.at.isoformat(), "seed": repair.plan.seed}
        told |= {"rehearsed": rehearsed, "away": [*repair.still_away, *repair.absent]}
        told |= {"changed": repair.changes.loc[repair.changes["change"] != "absent", "agent_id"].tolist()}
        (staging / "repair.json").write_text(json.dumps(told, ensure_ascii=False, indent=2), encoding="utf-8")
    return folder


def kept_repairs(place: Path) -> list[Path]:
    """List the folders of earlier repairs, the latest last."""
    return sorted(path for path in place.glob("[0-9][0-9][0-9]-*") if (path / "repair.json").exists())


def read_repair(folder: Path) -> dict[str, Any]:
    """Read what a repair noted: who is ``away`` by it (an agent_id each), the hash of the ``rehearsed`` roster."""
    told: dict[str, Any] = json.loads((folder / "repair.json").read_text(encoding="utf-8"))
    return told
