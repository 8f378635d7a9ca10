"""Two people want to swap a day's shift: what it does to the rules and to the coverage, and whether it may be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from simlib.messages import Message, UserError
from simlib.roster.check import check_roster
from simlib.roster.repair import RepairResult, find_people
from simlib.roster.result import Roster
from simlib.roster.solve import adopt_roster

SHORT_MORE_H = 0.5  # agent-hours by which a swap may add to what the roster lacks (ours)
HOUR = pd.Timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class SwapResult:
    """A roster before and after two people swap a day.

    Attributes
    ----------
    before, after : Roster
        The roster that was published, and the one after the swap, whether it may be or not.
    people : tuple of two (agent_id, name)
    day : datetime.date
        Of the shifts.
    broken : DataFrame
        What the swap breaks and the roster before does not: rule, agent_id, where, found, allowed.
    step : pandas.Timedelta
        Length of an interval.
    """

    before: Roster = field(repr=False)
    after: Roster = field(repr=False)
    people: tuple[tuple[str, str], tuple[str, str]]
    day: dt.date
    broken: pd.DataFrame = field(repr=False)
    step: pd.Timedelta

    @cached_property
    def effect(self) -> pd.DataFrame:
        """The half hours that the swap changes: start, queue, required, rostered, shortfall_before, shortfall."""
        keys = ["start", "queue"]
        was = self.before.coverage[[*keys, "rostered", "shortfall"]]
        table = self.after.coverage.merge(was, on=keys, suffixes=("", "_before"), validate="one_to_one")
        moved = (table["rostered"] - table["rostered_before"]).abs() > 1e-9
        columns = [*keys, "required", "rostered", "shortfall_before", "shortfall"]
        return table.loc[moved, columns].reset_index(drop=True)

    @property
    def short_more_h(self) -> float:
        """Standard agent-hours that the roster lacks more than before, where it lacks more."""
        more = (self.effect["shortfall"] - self.effect["shortfall_before"]).clip(lower=0)
        return float(more.sum() * (self.step / HOUR))

    @property
    def leaves_gap(self) -> bool:
        """True if the swap adds more to the shortfall than a swap may."""
        return self.short_more_h > SHORT_MORE_H + 1e-9

    @property
    def allowed(self) -> bool:
        """True if the swap breaks no rule and leaves no gap."""
        return self.broken.empty and not self.leaves_gap

    @property
    def texts(self) -> tuple[Message, ...]:
        """What comes of it, in sentences: allowed or refused, why, and the coverage."""
        names = dict(self.people)
        first, second = (name for _, name in self.people)
        given = {"first": first, "second": second, "day": f"{self.day:%m-%d}"}
        found = [Message(f"repair.swap_{'allowed' if self.allowed else 'refused'}", **given)]
        for row in self.broken.itertuples():
            value = f"{row.found:g}" if isinstance(row.found, float) else str(row.found)
            who = names.get(str(row.agent_id), str(row.where))
            found.append(Message(f"repair.swap_breaks_{row.rule}", name=who, found=value, allowed=str(row.allowed)))
        more = f"{self.short_more_h:.1f}"
        if self.leaves_gap:
            worse = self.effect.assign(more=self.effect["shortfall"] - self.effect["shortfall_before"])
            at = worse.loc[worse["more"].idxmax(), "start"]
            found.append(Message("repair.swap_leaves_gap", hours=more, at=f"{at:%m-%d %H:%M}"))
        elif self.effect.empty:
            found.append(Message("repair.swap_same_cover"))
        else:
            found.append(Message("repair.swap_cover", count=len(self.effect), hours=more))
        return tuple(found)

    def as_repair(self, *, still_away: Sequence[str] = ()) -> RepairResult:
        """Return the swap as a change of the roster, as it is written beside a rehearsal."""
        mine = self.after.assignments["agent_id"].isin([who for who, _ in self.people])
        return RepairResult(
            before=self.before,
            after=self.after,
            untouched=self.before.coverage,
            absent=(),
            at=self.after.assignments.loc[mine & _on(self.after.assignments, self.day), "start"].min(),
            step=self.step,
            still_away=tuple(still_away),
        )


def work_out_swap(
    before: Roster, *, people: pd.DataFrame, first: str, second: str, day: dt.date, step: pd.Timedelta
) -> SwapResult:
    """Swap the shifts of two people on a day and hold the roster that results against every rule.

    One of them may be off on that day: the other's shift is then handed over.

    Parameters
    ----------
    before : Roster
        The plan's own, or one that :func:`simlib.roster.adopt_roster` took.
    people : DataFrame
        agent_id and name of everybody.
    first, second : str
        By agent_id or name.
    day : datetime.date
        On which the shifts begin.

    Raises
    ------
    UserError
        A name is unknown or two people's, both are one person, or neither has a shift on that day.
    """
    pair = find_people([first, second], people=people)
    names = people.set_index("agent_id")["name"]
    if len(pair) < 2:
        raise UserError(Message("repair.swap_with_oneself", name=str(names[pair[0]])))
    rows = before.assignments
    of_day, tables = _on(rows, day), {key: value for key, value in before.inputs.items() if key != "locked"}
    if not (of_day & rows["agent_id"].isin(pair)).any():
        both = [str(names[who]) for who in pair]
        raise UserError(Message("repair.swap_nobody_works", first=both[0], second=both[1], day=f"{day:%m-%d}"))
    swapped = rows.copy()
    for who, taker in ((pair[0], pair[1]), (pair[1], pair[0])):
        mine = of_day & (rows["agent_id"] == who)
        swapped.loc[mine, "agent_id"] = taker
        swapped.loc[mine, "name"] = str(names[taker])
        swapped.loc[mine, "cohort"] = tables["agents"].set_index("agent_id")["cohort"][taker]
    return SwapResult(
        before=before,
        after=adopt_roster(swapped, **tables),
        people=((pair[0], str(names[pair[0]])), (pair[1], str(names[pair[1]]))),
        day=day,
        broken=_newly_broken(rows, swapped, before),
        step=step,
    )


def _on(rows: pd.DataFrame, day: dt.date) -> pd.Series:
    return pd.to_datetime(rows["date"]).dt.date == day


def _newly_broken(rows: pd.DataFrame, swapped: pd.DataFrame, roster: Roster) -> pd.DataFrame:
    """Return what breaks a rule after the swap and did not before: one row per rule and person."""
    given = roster.inputs
    tables = [
        check_roster(
            each, given["agents"], given["shifts"], given["rules"], leave=given["leave"], duties=given["duties"]
        )
        for each in (rows, swapped)
    ]
    known = set(zip(*(tables[0][key].astype(str) for key in ("rule", "agent_id", "where")), strict=True))
    after = tables[1]
    new = [
        key not in known
        for key in zip(*(after[name].astype(str) for name in ("rule", "agent_id", "where")), strict=True)
    ]
    return after[new].drop_duplicates(["rule", "agent_id"]).reset_index(drop=True)
