"""People call in sick on the night: who is meant, and the roster before and after."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from simlib.messages import Message, UserError
from simlib.roster.result import Roster, list_changes
from simlib.roster.solve import adopt_roster, repair_roster


@dataclass(frozen=True, kw_only=True)
class RepairResult:
    """A roster before and after people called in sick.

    Attributes
    ----------
    before, after : Roster
        The roster that was published, and the repaired one.
    untouched : DataFrame
        Coverage if nobody is changed.
    absent : tuple of str
        The agent_id of those who are away.
    at : pandas.Timestamp
        From when on.
    step : pandas.Timedelta
        Length of an interval.
    still_away : tuple of str
        The agent_id of those whom an earlier repair went without.
    """

    before: Roster = field(repr=False)
    after: Roster = field(repr=False)
    untouched: pd.DataFrame = field(repr=False)
    absent: tuple[str, ...]
    at: pd.Timestamp
    step: pd.Timedelta
    still_away: tuple[str, ...] = ()

    @cached_property
    def changes(self) -> pd.DataFrame:
        """Whose shift is another one, as :func:`simlib.roster.list_changes` gives it."""
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

    @property
    def changed(self) -> int:
        """People, the absent apart, whose shift is another one."""
        return int((self.changes["change"] != "absent").sum())

    @property
    def short_h(self) -> dict[str, float]:
        """Agent-hours short from the absence on: as planned, untouched, repaired."""
        cover = {"planned": self.before.coverage, "untouched": self.untouched, "repaired": self.after.coverage}
        hour = pd.Timedelta(hours=1)
        ahead = {name: table[table["start"] + self.step > self.at] for name, table in cover.items()}
        return {name: float(table["shortfall"].sum() * (self.step / hour)) for name, table in ahead.items()}


def work_out_repair(
    before: Roster,
    *,
    people: pd.DataFrame,
    absent: str | Sequence[str],
    at: pd.Timestamp,
    step: pd.Timedelta,
    seed: int,
    effort: float,
    still_away: Sequence[str] = (),
) -> RepairResult:
    """Repair a roster after people call in sick, changing as few assignments as possible.

    Parameters
    ----------
    before : Roster
        The plan's own, or one that :func:`simlib.roster.adopt_roster` took.
    people : DataFrame
        agent_id and name of everybody.
    absent : str or sequence of str
        Those who are away, by agent_id or name, as :func:`find_absent` reads them.
    at : pandas.Timestamp
        From when on.
    still_away : sequence of str
        The agent_id of those whom an earlier repair went without; nobody calls them in.

    Raises
    ------
    UserError
        A name is not of this night.
    """
    away = find_absent(absent, people=people, at=at, rows=before.assignments)
    after = repair_roster(before, absent=[*away, *still_away], from_time=at, seed=seed, effort=effort)
    mine = after.assignments["agent_id"].isin(away)
    others = ~before.assignments["agent_id"].isin(away)
    rows = pd.concat([after.assignments[mine], before.assignments[others]], ignore_index=True)
    tables = {key: value for key, value in before.inputs.items() if key != "locked"}
    return RepairResult(
        before=before,
        after=after,
        untouched=adopt_roster(rows, **tables).coverage,
        absent=tuple(away),
        at=at,
        step=step,
        still_away=tuple(still_away),
    )


def find_absent(
    absent: str | Sequence[str], *, people: pd.DataFrame, at: pd.Timestamp, rows: pd.DataFrame
) -> list[str]:
    """Find people by agent_id or name, one by one or as words parted by commas; each has work left in a roster.

    Raises
    ------
    UserError
        Nobody is named, a person is unknown (the nearest is named), a name is two people's, or somebody has no work
        left; all that is wrong at once.
    """
    words = re.split(r"[,;，；、\n]", absent) if isinstance(absent, str) else [str(word) for word in absent]
    words = [word.strip() for word in words if word.strip()]
    found, wrong = _name_people(words, people)
    for who, word in found.items():
        wrong += _nothing_to_miss(word, rows[rows["agent_id"] == who], at)
    if not words:
        wrong.append(Message("repair.nobody_named"))
    if wrong:
        raise UserError(*wrong)
    return list(found)


def find_people(words: Sequence[str], *, people: pd.DataFrame) -> list[str]:
    """Find people by agent_id or name; somebody who is named twice stands once.

    Raises
    ------
    UserError
        A person is unknown (the nearest is named), or a name is two people's; all that is wrong at once.
    """
    found, wrong = _name_people(words, people)
    if wrong:
        raise UserError(*wrong)
    return list(found)


def _name_people(words: Sequence[str], people: pd.DataFrame) -> tuple[dict[str, str], list[Message]]:
    """Return who is meant, by agent_id with the word that names them, and what is wrong with the others."""
    meant: dict[str, list[str]] = {}
    for column in ("agent_id", "name"):
        for word, who in zip(people[column], people["agent_id"], strict=True):
            meant.setdefault(str(word).upper(), []).append(who)
    found, wrong = dict[str, str](), list[Message]()
    for word in words:
        mine = list(dict.fromkeys(meant.get(word.upper(), [])))
        if not mine:
            known = [*people["agent_id"], *people["name"]]
            near = difflib.get_close_matches(word, known, n=1, cutoff=0.0)[0]
            wrong.append(Message("repair.person_unknown", name=word, nearest=near))
        elif len(mine) > 1:
            wrong.append(Message("repair.person_twice", name=word, ids=mine))
        else:
            found.setdefault(mine[0], word)
    return found, wrong


def _nothing_to_miss(name: str, rows: pd.DataFrame, at: pd.Timestamp) -> list[Message]:
    """Return a message where somebody has no work left on the day of a moment."""
    shifts = rows.groupby("date").agg(start=("start", "min"), end=("end", "max")).reset_index()
    today = pd.to_datetime(shifts["date"]).dt.date == at.date()
    given: dict[str, object] = {"name": name, "clock": f"{at:%m-%d %H:%M}"}
    if ((shifts["end"] > at) & (today | (shifts["start"] < at))).any():
        return []
    if shifts.empty:
        return [Message("repair.person_off", **given)]
    spans = tuple(f"{shift.start:%m-%d %H:%M}–{shift.end:%H:%M}" for shift in shifts.itertuples())
    return [Message("repair.person_over", **given, spans=spans)]
