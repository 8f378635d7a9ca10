"""What a drill has to show: how the teams stand, and for one of them what it saw, did, and could have done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from simlib.drill.game import Drill, TeamScore, read_schedule
from simlib.drill.play import Hindsight, find_best_play, play_idle, play_out, play_well
from simlib.night import PromoNight
from simlib.stress.levers import Lever

PARTS = ("sales", "platform_rate", "fatigue", "cards")


def tabulate_standing(drill: Drill) -> pd.DataFrame:
    """Return how the teams stand, the best first: team, score, its parts, sales_lost, cost_cny, ..."""
    rows = []
    for team in drill.teams:
        score = drill.score(team)
        rows.append(
            {"team": team, "score": score.total}
            | {f"score_{part}": getattr(score, part) for part in PARTS}
            | {"sales_lost": score.lost_cny, "cost_cny": score.cost_cny, "platform_rate": score.rate}
            | {"strain_h": score.strain_h}
        )
    table = pd.DataFrame(rows).sort_values("score", ascending=False, kind="stable", ignore_index=True)
    return table.round(4)


def tabulate_schedule(drill: Drill) -> pd.DataFrame:
    """Return what happens in this drill, and when: scenario, start, end, card."""
    rows = [
        {"scenario": each.name, "start": each.start, "end": each.end, "card": list(each.cards)}
        for each in sorted(drill.state.happens, key=lambda scenario: scenario.start)
    ]
    return pd.DataFrame(rows, columns=["scenario", "start", "end", "card"])


@dataclass(frozen=True, kw_only=True)
class DrillResult:
    """A drill and what its teams learn from it.

    Attributes
    ----------
    drill : Drill
        The drill, played.
    standing, schedule : DataFrame
        How the teams stand, and what happened.
    debrief : DebriefResult
        Of the first team.
    """

    drill: Drill = field(repr=False)
    standing: pd.DataFrame = field(repr=False)
    schedule: pd.DataFrame = field(repr=False)
    debrief: DebriefResult = field(repr=False)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table of the drill, by name; those without a row are left out."""
        found = {"drill_schedule": self.schedule, "drill_standing": self.standing, "drill_cards": self.debrief.by_card}
        found |= {"drill_moves": self.debrief.moves, "drill_best": self.debrief.gains}
        return {name: table for name, table in found.items() if len(table)}


def play_by_script(
    night: PromoNight, *, seed: int, teams: int, minutes: int, round_min: int, incidents: str = ""
) -> Drill:
    """Open a drill and play it out: team 1 follows the cards, the others do nothing."""
    schedule = read_schedule(night, incidents)
    drill = Drill.open(night, seed=seed, teams=teams, minutes=minutes, round_min=round_min, scenarios=schedule)
    play_out(drill, {team: play_well if team == 1 else play_idle for team in drill.teams})
    return drill


def work_out_drill(drill: Drill, *, team: int = 1, most: int = 3) -> DrillResult:
    """Rank the teams of a drill and debrief one of them; ``most`` limits the levers of the best play."""
    return DrillResult(
        drill=drill,
        standing=tabulate_standing(drill),
        schedule=tabulate_schedule(drill),
        debrief=work_out_debrief(drill, team=team, best=find_best_play(drill, most=most)),
    )


@dataclass(frozen=True, kw_only=True)
class DebriefResult:
    """One team's night beside the night that nobody leads and the best play found.

    Attributes
    ----------
    team : int
        Whose debrief it is.
    score : Score
        What it scored.
    best : Hindsight
        The best play with hindsight.
    courses : DataFrame
        clock; mine, idle, best: buyers waiting, round by round.
    rounds : DataFrame
        clock, waiting, first_response, platform_rate, did: what stood on the screen, and what was decided.
    by_card, moves, gains : DataFrame
        The cards, what each lever brought and cost, and the best play's levers.
    decisions : int
        Decisions the team made.
    """

    team: int
    score: TeamScore = field(repr=False)
    best: Hindsight = field(repr=False)
    courses: pd.DataFrame = field(repr=False)
    rounds: pd.DataFrame = field(repr=False)
    by_card: pd.DataFrame = field(repr=False)
    moves: pd.DataFrame = field(repr=False)
    gains: pd.DataFrame = field(repr=False)
    decisions: int


def work_out_debrief(drill: Drill, *, team: int, best: Hindsight) -> DebriefResult:
    """Compare a team's play with doing nothing and with the best play, and take each of its levers back once."""
    score, view = drill.score(team), drill.view(team)
    done: dict[pd.Timestamp, list[object]] = {}
    for clock, decided in view.decisions:
        done.setdefault(clock, []).append(decided)
    course = view.course
    rounds = course[["clock", "waiting", "first_response", "platform_rate"]].assign(
        did=[done.get(clock, []) for clock in course["clock"]]
    )
    cards = score.by_card
    return DebriefResult(
        team=team,
        score=score,
        best=best,
        courses=_courses(drill, {"mine": drill.levers(team), "idle": (), "best": best.levers}),
        rounds=rounds,
        by_card=pd.DataFrame(
            {
                "clock": [moment.time() for moment in cards["clock"]],
                "card": cards["card"],
                "called_min": cards["called"],
                "by_role": cards["role"].astype(bool),
                "card_moves": cards["moves"],
                "phrase_used": cards["phrase"].astype(bool),
                "points": cards["points"].astype(float),
            }
        ),
        moves=tabulate_moves(drill, drill.levers(team)),
        gains=best.gains.rename(columns={"kind": "lever"}),
        decisions=len(view.decisions),
    )


def _courses(drill: Drill, played: dict[str, Sequence[Lever]]) -> pd.DataFrame:
    numbers = range(drill.state.round + 1)
    waiting = {
        name: [int(drill.moment(tuple(levers), round_=number).waiting()["waiting"].sum()) for number in numbers]
        for name, levers in played.items()
    }
    return pd.DataFrame({"clock": [drill.clock(number) for number in numbers], **waiting})


def tabulate_moves(drill: Drill, levers: tuple[Lever, ...]) -> pd.DataFrame:
    """Return what each lever brought: the night again without it, everything else as it was."""
    rows = []
    whole = drill.moment(levers).sales()[1] if levers else 0.0
    for place, lever in enumerate(levers):
        without = drill.moment(levers[:place] + levers[place + 1 :]).sales()[1]
        cost = float(lever.cost_cny(drill.night))
        won = float(without - whole)
        rows.append(
            {
                "clock": lever.decided.time(),
                "lever": lever.kind,
                "size": np.nan if lever.size is None else lever.size,
                "won_back_cny": won,
                "cost_cny": cost,
                "net_cny": won - cost,
            }
        )
    return pd.DataFrame(rows, columns=["clock", "lever", "size", "won_back_cny", "cost_cny", "net_cny"])
