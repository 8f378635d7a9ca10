"""What the drill taught, and whether the night bore it out."""

from __future__ import annotations

import math

import pandas as pd

from simlib import facts
from simlib.messages import Message, Term, glossary

COLUMNS = (
    *("scenario", "card", "verdict", "teams", "in_time", "called_min", "happened", "cost_cny"),
    *("saved_cny", "saved_low", "saved_high"),
)
MOVES_MOST = 12
"""Levers of the drill that are simulated in the night that came, those that promised most first (our choice)."""


def compare_drill(calls: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """Set what was drilled beside what happened in the night.

    A card was worth drilling where the same night with its moves, made at once, loses less than without them by more
    than chance; what happened and was not drilled belongs into the next drill.

    Parameters
    ----------
    calls : DataFrame
        scenario, card (list), team, called_min (nan: never); one row per incident of the drill and team.
    costs : DataFrame
        incident, cost_cny, saved_cny, saved_low, saved_high: the incidents of the night
        (:func:`simlib.retrospective.incidents.cost_incidents`); saved is nan without a card.

    Returns
    -------
    DataFrame
        scenario, card, verdict, teams (who met it), in_time (teams that called the card in time), called_min (median of
        those that called it), happened, cost_cny, saved_cny, saved_low, saved_high. The verdict is ``borne_out``,
        ``unclear`` (the band of what the card saves holds 0, or no card has a move for it), ``not_drilled`` or
        ``stayed_away``. What happened stands first, the dearest before the others.

    Examples
    --------
    >>> calls = pd.DataFrame({"scenario": ["bot_down"] * 2, "card": [["bot_down"]] * 2, "team": [1, 2],
    ...                       "called_min": [5.0, float("nan")]})
    >>> costs = pd.DataFrame({"incident": ["bot_down", "price_error"], "cost_cny": [900.0, 400.0],
    ...                       "saved_cny": [300.0, 10.0], "saved_low": [200.0, -5.0], "saved_high": [400.0, 25.0]})
    >>> compare_drill(calls, costs)[["scenario", "teams", "in_time", "verdict"]].to_numpy().tolist()
    [['bot_down', 2, 1, 'borne_out'], ['price_error', 0, 0, 'not_drilled']]
    """
    limit = float(facts.value("drill", "called_in_time_min"))
    night = costs.set_index("incident")
    rows = []
    for scenario in dict.fromkeys([*night.index, *calls["scenario"]]):
        met = calls[calls["scenario"] == scenario]
        happened = scenario in night.index
        figures = dict.fromkeys(("cost_cny", "saved_cny", "saved_low", "saved_high"), math.nan)
        if happened:
            figures |= {name: float(night.loc[scenario, name]) for name in figures if name in night}
        row = {
            "scenario": scenario,
            "card": met["card"].iloc[0] if len(met) else [],
            "teams": len(met),
            "in_time": int((met["called_min"] <= limit).sum()),
            "called_min": float(met["called_min"].median()),
            "happened": happened,
            **figures,
        }
        if not happened:
            row["verdict"] = "stayed_away"
        elif met.empty:
            row["verdict"] = "not_drilled"
        else:
            row["verdict"] = "borne_out" if figures["saved_low"] > 0 else "unclear"
        rows.append(row)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.sort_values(["happened", "cost_cny"], ascending=False, kind="stable", ignore_index=True)


def drill_findings(compared: pd.DataFrame) -> list[Message]:
    """Return what follows for the next drill: what was borne out, what was called late, what nobody had drilled."""
    came = compared[compared["happened"]]
    if came.empty:
        return [Message("retrospective.drill_nothing_came")]
    drilled = came[came["teams"] > 0]
    found = [Message("retrospective.drill_met", drilled=len(drilled), count=len(came))]
    for row in drilled[drilled["verdict"] == "borne_out"].itertuples():
        money = {"saved": f"{row.saved_cny:,.0f}", "low": f"{row.saved_low:,.0f}", "high": f"{row.saved_high:,.0f}"}
        found.append(Message("retrospective.drill_borne_out", scenario=_named(str(row.scenario)), **money))
    late = drilled[drilled["in_time"] < drilled["teams"]]
    if len(late):
        each = tuple(
            Message("retrospective.drill_teams", scenario=_named(str(row.scenario)), count=row.in_time, teams=row.teams)
            for row in late.itertuples()
        )
        limit = f"{float(facts.value('drill', 'called_in_time_min')):g}"
        found.append(Message("retrospective.drill_late", scenarios=each, minutes=limit))
    new = came[came["teams"] == 0]
    if len(new):
        found.append(
            Message("retrospective.drill_next", scenarios=tuple(_named(str(name)) for name in new["scenario"]))
        )
    return found


def group_moves(moves: pd.DataFrame) -> pd.DataFrame:
    """Return the levers of the drills by what they answer and by their size, those that promised most first.

    Parameters
    ----------
    moves : DataFrame
        drill, team, scenario (empty: nothing was going wrong), lever, size (nan: has none), decided, until,
        promised_cny; one row per lever that a team has used.

    Returns
    -------
    DataFrame
        scenario, lever, size, teams, promised_cny (mean of one use), decided, until (of the first use).

    Examples
    --------
    >>> at = pd.Timestamp("2026-10-31 20:00")
    >>> moves = pd.DataFrame({"drill": "a", "team": [1, 2, 2], "scenario": "", "lever": "call_pool", "size": [6, 6, 3],
    ...                       "decided": at, "until": at, "promised_cny": [100.0, 200.0, 90.0]})
    >>> group_moves(moves)[["lever", "size", "teams", "promised_cny"]].to_numpy().tolist()
    [['call_pool', 6, 2, 150.0], ['call_pool', 3, 1, 90.0]]
    """
    table = moves.assign(whose=moves["drill"].astype(str) + "/" + moves["team"].astype(str))
    table = table.sort_values("decided", kind="stable")
    grouped = table.groupby(["scenario", "lever", "size"], dropna=False, sort=False)
    summed = grouped.agg(
        teams=("whose", "nunique"),
        promised_cny=("promised_cny", "mean"),
        decided=("decided", "first"),
        until=("until", "first"),
    )
    return summed.reset_index().sort_values("promised_cny", ascending=False, kind="stable", ignore_index=True)


def compare_moves(moves: pd.DataFrame, saved: pd.DataFrame) -> pd.DataFrame:
    """Set what each lever of the drill promised beside what it would have saved in the night that came.

    Parameters
    ----------
    moves : DataFrame
        As :func:`group_moves`, with cost_cny: what the lever costs in the night (nan: what it answers did not happen).
    saved : DataFrame
        saved_cny, saved_low, saved_high by the row of ``moves``
        (:func:`simlib.retrospective.incidents.value_levers`).

    Returns
    -------
    DataFrame
        scenario (missing where nothing was going wrong), lever, size, verdict, teams, promised_cny, saved_cny,
        saved_low, saved_high, cost_cny. The verdict is ``borne_out`` (saves more than it costs, by more
        than chance), ``not_worth`` (saves less than it costs, by more than chance), ``unclear``, ``stayed_away`` or
        ``not_tried`` (promised too little to be simulated).
    """
    table = moves.join(saved).drop(columns=["decided", "until"])
    tried = moves.index.isin(saved.index)
    happened = set(moves.loc[tried, "scenario"]) | {""}
    verdicts = []
    for row, was_tried in zip(table.itertuples(), tried, strict=True):
        if not was_tried:
            verdicts.append("not_tried" if row.scenario in happened else "stayed_away")
        elif row.saved_low > row.cost_cny:
            verdicts.append("borne_out")
        else:
            verdicts.append("not_worth" if row.saved_high < row.cost_cny else "unclear")
    table = table.assign(verdict=verdicts, scenario=table["scenario"].where(table["scenario"] != ""))
    columns = ["scenario", "lever", "size", "verdict", "teams", "promised_cny"]
    return table[[*columns, "saved_cny", "saved_low", "saved_high", "cost_cny"]]


def move_findings(compared: pd.DataFrame) -> list[Message]:
    """Return which levers of the drill the night bears out, and which promised more than they keep."""
    found = []
    good = compared[compared["verdict"] == "borne_out"]
    promised = compared[(compared["promised_cny"] > 0) & compared["verdict"].isin(["unclear", "not_worth"])]
    for key, rows in (("moves_borne_out", good), ("moves_not_kept", promised)):
        if len(rows):
            each = tuple(
                Message(
                    "retrospective.move_figures",
                    lever=Term(str(row.lever)),
                    promised=f"{row.promised_cny:,.0f}",
                    saved=f"{row.saved_cny:,.0f}",
                    low=f"{row.saved_low:,.0f}",
                    high=f"{row.saved_high:,.0f}",
                    cost=f"{row.cost_cny:,.0f}",
                )
                for row in rows.itertuples()
            )
            found.append(Message(f"retrospective.{key}", levers=each))
    return found


def _named(scenario: str) -> object:
    """Return a scenario by its name, several at once by all of theirs; one that the kit does not know stays."""
    return tuple(Term(part) if part in glossary() else part for part in scenario.split("+"))
