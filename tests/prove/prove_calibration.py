"""What a plan promises of single nights is what nights that nobody has seen do: shares that hold, and bands."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from simlib.forecasting.requirement import NIGHTLY, judge_heads, require_agents
from simlib.messages import HOUSE
from simlib.planning import Plan, plan

STORES = HOUSE / "templates" / "stores"
SEEDS = range(100, 110)  # of twenty nights each
FRESH_SEED, FRESH_NIGHTS = 1007, 150


@pytest.mark.parametrize("share", [0.5, 0.8, 0.9])
def test_the_heads_hold_the_share_of_nights_that_was_asked_for(share: float) -> None:
    """Over 200 fresh nights of the busiest six hours: never clearly fewer than asked for, and hardly more.

    Whole heads give a little more than was asked for, half of one head on average.
    """
    night = plan(STORES / "appliances.xlsx")
    given, presale = night.inputs, night.forecast[night.forecast["queue"] == "presale"]
    first = presale.loc[presale["human"].idxmax(), "start"] - pd.Timedelta(hours=2)
    rows = presale[(presale["start"] >= first) & (presale["start"] < first + pd.Timedelta(hours=6))]
    rows = rows[["start", "queue", "human"]].reset_index(drop=True)
    targets = given.targets(occupancy_max=night.sales.spans["occupancy_max"].likely)
    how: dict[str, Any] = {"concurrency": given.concurrency, "policy": given.policy, "holds_share": share}
    how |= {"minute_profile": given.minutes, "busyness_cv": given.store.ratio("busyness_cv").likely}
    need = require_agents(rows, given.services, targets, shrinkage=0.0, seed=7, **how)
    asked = rows.assign(on_chat=need["on_chat"])
    judged = [judge_heads(asked, given.services, targets, seed=seed, fresh=True, **how) for seed in SEEDS]
    held = np.array([each["holds_share"] for each in judged])[:, rows["human"].to_numpy() >= NIGHTLY]
    assert share - 0.03 <= held.mean() <= share + 0.10


@pytest.fixture(scope="module", params=["bodycare", "appliances.xlsx"])
def rehearsed(request: pytest.FixtureRequest) -> Plan:
    """Both example stores."""
    return plan(STORES / request.param, roster_effort=0.5, replications=30)


@pytest.mark.parametrize(("kind", "low", "high"), [("right", "p05", "p95"), ("risk", "risk_p05", "risk_p95")])
def test_nine_nights_in_ten_are_nine_in_ten(rehearsed: Plan, kind: str, low: str, high: str) -> None:
    """Of 150 fresh nights, with the forecast's risk and without, about nine in ten lie inside each headline's band.

    A band that is read off thirty nights holds 87 % of all nights on average, and may miss a few more.
    """
    bands = rehearsed.kpis.set_index("kpi")
    fresh = _fresh_nights(rehearsed, with_risk=kind == "risk")
    inside = [fresh[key].between(bands.loc[key, low], bands.loc[key, high]).mean() for key in _headline(rehearsed)]
    assert min(inside) >= 0.75
    assert 0.82 <= np.mean(inside) <= 0.97


def test_as_many_nights_meet_a_target_as_the_plan_showed(rehearsed: Plan) -> None:
    """With the forecast's risk, the share of fresh nights that meet a target is that of the plan's own thirty."""
    shown, fresh = rehearsed.conclusion.risk_nights.nights, _fresh_nights(rehearsed, with_risk=True)
    for key, floor in rehearsed.conclusion.floors.items():
        met = [(each[key] <= floor if key == "lost_share" else each[key] >= floor).mean() for each in (shown, fresh)]
        pooled = (met[0] * len(shown) + met[1] * len(fresh)) / (len(shown) + len(fresh))
        error = math.sqrt(pooled * (1 - pooled) * (1 / len(shown) + 1 / len(fresh)))
        assert abs(met[0] - met[1]) <= 2.6 * error + 0.01, key


def _headline(rehearsed: Plan) -> tuple[str, ...]:
    return tuple(key for key in rehearsed.conclusion.headline if key in rehearsed.conclusion.risk_nights.nights)


def _fresh_nights(rehearsed: Plan, *, with_risk: bool) -> pd.DataFrame:
    risk = rehearsed.inputs.forecast_risk(rehearsed.cascade) if with_risk else None
    night = replace(rehearsed.night, risk=risk)
    return night.rehearse(seed=FRESH_SEED, replications=FRESH_NIGHTS, by_interval=False).nights
