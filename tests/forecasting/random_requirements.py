"""Random nights for the requirement: a shape, a service, targets and a share of nights that must hold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from simlib.forecasting import Targets, judge_heads, minute_profile, require_agents
from simlib.forecasting.requirement import TARGETS
from simlib.intervals import Grid
from simlib.simulator.draw import ChatService

HEAVIER = 1.1 / 1.05


def draw_case(number: int, *, intervals: int = 8) -> tuple[pd.DataFrame, dict]:
    """Draw a forecast and all else that a requirement is worked out from."""
    chance = np.random.default_rng([14, number])
    grid = Grid(opens=pd.Timestamp("2026-10-31 18:00+08:00"), n=intervals)
    peak = float(np.exp(chance.uniform(np.log(40), np.log(600))))
    shape = np.exp(np.cumsum(chance.normal(0, 0.4, intervals)))
    forecast = pd.DataFrame({"start": grid.starts, "queue": "presale", "human": peak * shape / shape.max()})
    service = ChatService(
        replies_mean=float(chance.uniform(3, 8)),
        reply_s=float(chance.uniform(12, 40)),
        think_s=float(chance.uniform(20, 60)),
        patience_s=float(chance.uniform(90, 300)),
        silent_share=float(chance.uniform(0, 0.5)),
    )
    targets = Targets(
        answered_share=float(chance.uniform(0.7, 0.9)),
        answered_s=float(chance.uniform(90, 180)),
        abandoned_max=float(chance.uniform(0.03, 0.1)),
        occupancy_max=float(chance.choice([0.85, 0.9, 1.0])),
    )
    burst = minute_profile(grid, opening=grid.starts[intervals // 2]) if chance.random() < 0.5 else None
    how = {"concurrency": int(chance.integers(2, 7)), "seed": number, "minute_profile": burst}
    how |= {"busyness_cv": float(chance.choice([0.0, 0.1, 0.2]))}
    return forecast, {"services": {"presale": service}, "targets": targets, **how}


def _draw_share(number: int) -> float:
    return float(np.random.default_rng([15, number]).choice([0.5, 0.8, 0.9]))


def find_faults(number: int) -> dict[str, float]:
    """Count judged intervals, and those where a heavier load needs fewer, where one less holds, where heads fail.

    ``fresh`` counts the intervals of which single nights are judged, ``fresh_asked`` and ``fresh_held`` add up the
    shares of nights that their heads must hold, and hold, on nights that the search has not seen.
    """
    forecast, how = draw_case(number)
    share = _draw_share(number)
    need = require_agents(forecast, **how, holds_share=share, shrinkage=0.0)
    heavier = require_agents(
        forecast.assign(human=forecast["human"] * HEAVIER), **how, holds_share=share, shrinkage=0.0
    )
    heads = forecast.assign(on_chat=need["on_chat"])

    def fails(table: pd.DataFrame) -> pd.Series:
        return judge_heads(table, **how, holds_share=share)["missed"] != ""

    judged = judge_heads(heads, **how)["judged"]
    free = judged & ~need["bound_by"].isin(["occupancy", "presence", "no_contacts"])
    fresh = need["holds_share"].dropna()
    spare = 0
    for i in np.flatnonzero(free):
        less = heads.assign(on_chat=heads["on_chat"] - (np.arange(len(heads)) == i))
        spare += not (fails(less) & judged).any()
    return {
        "judged": int(judged.sum()),
        "free": int(free.sum()),
        "fewer": int((heavier["on_chat"] < need["on_chat"]).sum()),
        "fewer_by_two": int((heavier["on_chat"] < need["on_chat"] - 1).sum()),
        "fewer_in_all": int(heavier["on_chat"].sum() < need["on_chat"].sum()),
        "spare": spare,
        "failing": int((fails(heads) & judged).sum()),
        "fresh": len(fresh),
        "fresh_asked": share * len(fresh),
        "fresh_held": float(fresh.sum()),
    }


def find_least(number: int, *, tried: int = 5) -> dict[str, int]:
    """Count, of a night of one interval, whether the requirement is the least that holds, and falls with more load.

    One interval inherits nothing. ``by_chance``: some of the ``tried`` numbers below hold, though one less fails.
    ``fewer``: at the heavier load less is needed, though at the lighter one every number below fails.
    """
    forecast, how = draw_case(number, intervals=1)
    how |= {"holds_share": _draw_share(number)}
    found, holding = [], []
    for level in (1.0, HEAVIER):
        table = forecast.assign(human=forecast["human"] * level)
        need = require_agents(table, **how, shrinkage=0.0, banded=False).iloc[0]
        if need["bound_by"] not in TARGETS:
            return {"nights": 0, "by_chance": 0, "fewer": 0}
        heads = int(need["on_chat"])
        below = range(max(heads - tried, 1), heads)
        found.append(heads)
        holding.append([n for n in below if judge_heads(table.assign(on_chat=n), **how)["missed"].iloc[0] == ""])
    return {
        "nights": 1,
        "by_chance": int(any(holding)),
        "fewer": int(found[1] < found[0] and not holding[0]),
    }
