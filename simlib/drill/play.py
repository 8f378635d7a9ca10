"""Scripted teams, and the play that would have been best: what a drill is measured with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from simlib import facts
from simlib.drill.game import Drill, TeamScore
from simlib.drill.log import Decided
from simlib.streams import stream
from simlib.stress.levers import WITH_INCIDENTS, Lever

Script = Callable[[Drill, int], None]
PlayProgress = Callable[[float], object]  # called with the share of the work that is done, 0 to 1
LEAST_POINTS = 0.05  # a lever that adds less is left out
LARGE = {"call_pool": 12.0, "raise_concurrency": 2.0, "extend_shifts": 60.0, "shift_bot_share": 0.2}


def play_idle(drill: Drill, team: int) -> None:
    """Do nothing."""


def play_well(drill: Drill, team: int) -> None:
    """Call the card of every sign, use its phrase and its levers, and call for more while many wait.

    The team knows no more than its screen shows: signs, queues, and which moves are ready.
    """
    view = drill.view(team)
    cards = facts.table("incidents").set_index("key")
    house = facts.table("scenarios").set_index("key")["card"]
    called = {decided.key for _, decided in view.decisions if decided.what == "card"}
    wanted: list[str] = []
    for sign in view.signs:
        card = house.get(sign)
        if card is None:
            continue
        if card not in called:
            called.add(card)
            role = cards.loc[card, "declares"]
            drill.call_card(team, role, card)
            drill.use_phrase(team, role, card)
            wanted += list(cards.loc[card, "levers"])[:2]
    if view.queues["waiting"].sum() > drill.rules.waiting_warn:
        wanted += ["call_pool", "shift_bot_share"]
    for kind in dict.fromkeys(wanted):
        _use(drill, team, kind)


def play_badly(drill: Drill, team: int) -> None:
    """Call cards at random, push everybody to more chats, later breaks and later ends, postpone at the opening."""
    chance = stream(drill.opened.seed, drill.state.round, f"drill_bad_{team}")
    signs = drill.view(team).signs
    house = facts.table("scenarios").set_index("key")["card"]
    cards = [card for card in facts.table("incidents")["key"] if card not in {house.get(sign) for sign in signs}]
    if chance.random() < 0.25:
        card = str(chance.choice(cards))
        recent = {decided.key for _, decided in drill.view(team).decisions if decided.what == "card"}
        if card not in recent:
            drill.call_card(team, "logistics", card)
    for kind in ("raise_concurrency", "move_breaks", "extend_shifts") + (
        ("triage_aftersale",) if drill.state.round == 0 else ()
    ):
        _use(drill, team, kind)


def _use(drill: Drill, team: int, kind: str) -> None:
    """Use a lever at its largest size, if it is ready."""
    move = drill.moves(team)[kind]
    if not move.ready:
        return
    role = next(role for role, kinds in drill.rules.roles.items() if kind in kinds)
    size = max((size for size in move.sizes if size <= LARGE[kind]), default=None)
    drill.move(team, role, kind, size)


SCRIPTS: Mapping[str, Script] = {"good": play_well, "idle": play_idle, "bad": play_badly}
"""Scripted teams by name."""


def play_out(drill: Drill, scripts: Mapping[int, Script]) -> None:
    """Play a drill to its end, each team by its script."""
    while not drill.over:
        for team, script in scripts.items():
            script(drill, team)
        drill.advance()


# --- on paper -------------------------------------------------------------------------------------------------

PAPER_ROUND_MIN = 30
CROWDS = (0, 10, 30, 80)  # buyers waiting from which a floor is calm, busy, crowded, flooded (ours)
FEW = 3  # a field that rests on fewer plays than this is filled from the row beside it


def crowd_of(waiting: float) -> int:
    """Return which of the four states of the paper game a floor is in.

    >>> [crowd_of(waiting) for waiting in (0, 9, 10, 500)]
    [0, 0, 1, 3]
    """
    return int(np.searchsorted(CROWDS, waiting, side="right")) - 1


def tabulate_play(drill: Drill, *, plays: int = 80, on_progress: PlayProgress | None = None) -> pd.DataFrame:
    """Compute the tables of the paper game: where each move leads from each state, half hour by half hour.

    The night is simulated many times with random moves, and every half hour is counted by the state in
    which it began and the move that was made. A coarse table: a state stands for many floors, a move for its largest
    size, and moves of earlier half hours still work. ``on_progress`` gets the share of the plays that is done.

    Returns
    -------
    DataFrame
        One row per half hour, state and move: clock, crowd (0 to 3), move (``no_lever`` for none), next_crowd (the
        most frequent), lost_cny (the median of sales lost meanwhile), plays.
    """
    step = max(PAPER_ROUND_MIN // drill.opened.round_min, 1)
    numbers = list(range(0, drill.rounds, step))
    kinds = [WITH_INCIDENTS, *drill.rules.kinds]
    chance = stream(drill.opened.seed, 0, "drill_paper")
    seen = []
    for play in range(plays):
        made: list[tuple[int, Decided]] = []
        moves = [str(kind) for kind in chance.choice(kinds, size=len(numbers))]
        for number, kind in zip(numbers, moves, strict=True):
            if kind != WITH_INCIDENTS:
                sizes = drill.rules.sizes(kind)
                size = max((each for each in sizes if each <= LARGE[kind]), default=None) if sizes else None
                made.append((number, Decided(team=1, role="command", what="lever", key=kind, size=size)))
        levers = drill.levers_of(made)
        looks = [drill.moment(levers, round_=number) for number in (*numbers, drill.rounds)]
        crowds = [crowd_of(look.waiting()["waiting"].sum()) for look in looks]
        lost = [look.sales()[1] for look in looks]
        for place, (number, kind) in enumerate(zip(numbers, moves, strict=True)):
            seen.append((drill.clock(number), crowds[place], kind, crowds[place + 1], lost[place + 1] - lost[place]))
        if on_progress is not None:
            on_progress((play + 1) / plays)
    counted = pd.DataFrame(seen, columns=["clock", "crowd", "move", "next_crowd", "lost_cny"])
    rows = []
    for clock, here in counted.groupby("clock"):
        for crowd in range(len(CROWDS)):
            for kind in kinds:
                same = here[here["move"] == kind]
                apart = (same["crowd"] - crowd).abs()
                exact = same[apart == 0]
                near = exact if len(exact) >= FEW else same[apart == apart.min()] if len(same) else here
                rows.append(
                    {
                        "clock": clock,
                        "crowd": crowd,
                        "move": kind,
                        "next_crowd": int(near["next_crowd"].mode().iloc[0]),
                        "lost_cny": float(near["lost_cny"].median()),
                        "plays": len(exact),
                    }
                )
    return pd.DataFrame(rows)


# --- with hindsight ---------------------------------------------------------------------------------------

TRIES_A_LEVER = 4  # moves that are tried again before one more is chosen, about: for the progress bar only


@dataclass(frozen=True, kw_only=True, eq=False)
class Hindsight:
    """The best play that was found when everything is known.

    Parameters
    ----------
    levers : tuple of Lever
        In the order of time.
    score : Score
        What it would have scored.
    gains : DataFrame
        One row per lever: clock, kind, size, points (what it added when it was chosen), and the scenario it answers.
    """

    levers: tuple[Lever, ...]
    score: TeamScore
    gains: pd.DataFrame = field(repr=False)


def find_best_play(drill: Drill, *, most: int = 8, on_progress: PlayProgress | None = None) -> Hindsight:
    """Return the best play that a search finds for this night, given everything that happens.

    Every card is called at once with its phrase. Levers are added one after the other, each time the one that adds
    most: any kind in its middle or its largest size, decided when an incident begins or one round before. What a
    lever adds is assumed to shrink as others are used, so only the most promising of the rest is tried again.
    Two levers that help only together can be missed, and so can odd moments.

    Parameters
    ----------
    most : int
        Levers at most.
    on_progress : callable, optional
        Called with about the share of the work that is done; the search's length depends on what it finds.
    """
    decisions = _perfect_cards(drill)
    chosen: list[_Option] = []
    rows: list[dict[str, Any]] = []

    def score(options: Sequence[_Option]) -> TeamScore:
        made = [(option.round, option.decided) for option in sorted(options, key=lambda option: option.round)]
        return drill.judge(drill.levers_of(made), [*decisions, *made])

    best = score([])
    waiting = [(np.inf, 0, option) for option in _options(drill)]
    scored, expected = 0, len(waiting) + TRIES_A_LEVER * most
    while waiting and len(chosen) < most:
        top = max(range(len(waiting)), key=lambda index: waiting[index][0])
        points, tried, option = waiting.pop(top)
        if not _fits(drill, chosen, option):
            continue
        if tried <= len(chosen):
            points = score([*chosen, option]).total - best.total
            scored += 1
            if on_progress is not None:
                on_progress(min(scored / expected, 1.0))
            if points > LEAST_POINTS:
                waiting.append((points, len(chosen) + 1, option))
            continue
        chosen.append(option)
        best = score(chosen)
        rows.append(
            {
                "clock": drill.clock(option.round),
                "kind": option.decided.key,
                "size": option.decided.size,
                "points": points,
                "scenario": option.scenario,
            }
        )
    made = [(option.round, option.decided) for option in sorted(chosen, key=lambda option: option.round)]
    table = pd.DataFrame(rows, columns=["clock", "kind", "size", "points", "scenario"])
    return Hindsight(levers=drill.levers_of(made), score=best, gains=table.sort_values("clock", ignore_index=True))


class _Option(NamedTuple):
    """A lever that could be used: when, which, and what it answers."""

    round: int
    decided: Decided
    scenario: str


def _first_round(drill: Drill, moment: pd.Timestamp) -> int:
    """Return the first round that begins at or after a moment."""
    late_min = (moment - drill.starts).total_seconds() / 60
    return int(min(max(-(-late_min // drill.opened.round_min), 0), drill.rounds - 1))


def _perfect_cards(drill: Drill) -> list[tuple[int, Decided]]:
    cards = facts.table("incidents").set_index("key")
    made = []
    for scenario in drill.state.happens:
        for card in scenario.cards[:1]:
            role = cards.loc[card, "declares"]
            number = _first_round(drill, scenario.start)
            made += [(number, Decided(team=1, role=role, what=what, key=card)) for what in ("card", "phrase")]
    return made


def _options(drill: Drill) -> list[_Option]:
    found: dict[tuple[int, str, float | None], _Option] = {}
    for scenario in drill.state.happens:
        begins = _first_round(drill, scenario.start)
        for number in sorted({begins, max(begins - 1, 0)}):
            for kind in drill.rules.kinds:
                sizes: Sequence[float | None] = drill.rules.sizes(kind) or (None,)
                for size in dict.fromkeys((sizes[len(sizes) // 2], sizes[-1])):
                    decided = Decided(team=1, role="command", what="lever", key=kind, size=size)
                    found.setdefault((number, kind, size), _Option(number, decided, scenario.name))
    return list(found.values())


def _fits(drill: Drill, chosen: Sequence[_Option], option: _Option) -> bool:
    """Return whether the rules allow one more lever beside the chosen ones of its kind."""
    kind = option.decided.key
    same = [each for each in chosen if each.decided.key == kind]
    apart_min = [abs(option.round - each.round) * drill.opened.round_min for each in same]
    held_min = drill.rules.hold_min + drill.rules.delay_min(kind)
    if any(apart < drill.rules.cooldown_min for apart in apart_min):
        return False
    beside = [each for each, apart in zip(same, apart_min, strict=True) if apart < held_min]
    if kind not in drill.rules.stacking:
        return not beside
    return sum(each.decided.size or 0.0 for each in (*beside, option)) <= drill.rules.most(kind)
