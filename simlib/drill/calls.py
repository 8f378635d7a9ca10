"""What a drill's log shows afterwards: how soon each team called the cards, and what each of its levers brought."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from simlib import facts
from simlib.drill.game import Drill
from simlib.drill.log import Advanced, Decided, Injected, OpeningLine, Rewound, read_lines
from simlib.drill.result import tabulate_moves
from simlib.night import PromoNight
from simlib.stress.levers import Lever
from simlib.stress.scenarios import Scenario

COLUMNS = ("drill", "night", "scenario", "start", "card", "team", "called_min")
MOVES = ("drill", "team", "scenario", "lever", "size", "decided", "until", "promised_cny")


def read_calls(path: Path, *, tz: Any) -> pd.DataFrame:
    """Read from a drill's log when each team called the card of each incident.

    Parameters
    ----------
    path : Path
        The file ``log.jsonl``.
    tz : tzinfo or str
        The clock of the night.

    Returns
    -------
    DataFrame
        drill (the folder's name), night (when the drill began), scenario, start, card (list of keys), team, called_min
        (minutes from when the incident could be noticed to its card, nan: never called); one row per incident that
        began before the drill ended, and team. Empty where the log has no first line.
    """
    entries = list(read_lines(path))
    if not entries or not isinstance(entries[0], OpeningLine):
        return pd.DataFrame(columns=list(COLUMNS))
    opened = entries[0]
    begins = pd.Timestamp(opened.starts).tz_convert(tz)
    injected: list[tuple[int, Scenario]] = []
    calls: list[tuple[int, int, str]] = []
    now = 0
    for entry in entries[1:]:
        if isinstance(entry, Advanced):
            now = entry.round
        elif isinstance(entry, Rewound):
            now = entry.round
            injected = [row for row in injected if row[0] < now]
            calls = [row for row in calls if row[0] < now]
        elif isinstance(entry, Injected):
            injected.append((now, entry.scenario.scenario(tz)))
        elif isinstance(entry, Decided) and entry.what == "card":
            calls.append((now, entry.team, entry.key))
    notice = float(facts.value("levers", "notice_min"))

    def clock(number: int) -> pd.Timestamp:
        return begins + pd.Timedelta(minutes=number * opened.round_min)

    rows = []
    for scenario in [*(each.scenario(tz) for each in opened.scenarios), *(each for _, each in injected)]:
        if scenario.start > clock(now):
            continue  # the drill was over before it happened
        for team in range(1, opened.teams + 1):
            after = [
                (clock(number) - scenario.start) / pd.Timedelta(minutes=1) - notice
                for number, whose, card in calls
                if whose == team and card in scenario.cards and clock(number) >= scenario.start
            ]
            called = max(min(after), 0.0) if after else math.nan
            rows.append((path.parent.name, begins, scenario.name, scenario.start, list(scenario.cards), team, called))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def read_moves(path: Path, night: PromoNight) -> pd.DataFrame:
    """Replay a drill from its log and read what each lever of each team brought in it.

    Parameters
    ----------
    path : Path
        The file ``log.jsonl``; it is read only.
    night : PromoNight
        The night that was drilled.

    Returns
    -------
    DataFrame
        drill (the folder's name), team, scenario (what the lever answers; empty where nothing was going wrong), lever,
        size (nan: has none), decided, until, promised_cny (sales of the drill that are lost without it); one row per
        lever that a team has used.

    Raises
    ------
    DrillError
        It was played on another night: other contacts, people or roster.
    """
    drill = Drill.read(night, path)
    rows = []
    for team in drill.teams:
        levers = drill.levers(team)
        for lever, won in zip(levers, tabulate_moves(drill, levers)["won_back_cny"], strict=True):
            answers = _occasion(lever, drill.state.happens)
            size = math.nan if lever.size is None else lever.size
            rows.append((path.parent.name, team, answers, lever.kind, size, lever.decided, lever.until, float(won)))
    return pd.DataFrame(rows, columns=list(MOVES))


def _occasion(lever: Lever, happens: tuple[Scenario, ...]) -> str:
    """Return what a lever answers: what is going wrong when it is decided, first what its card has the lever for."""
    after = pd.Timedelta(minutes=float(facts.value("levers", "after_min")))
    on = [each for each in happens if each.start <= lever.decided <= each.end + after]
    cards = facts.table("incidents").set_index("key")["levers"]
    meant = [each for each in on if any(lever.kind in cards[card] for card in each.cards)]
    return max(meant or on, key=lambda scenario: scenario.start).name if on else ""
