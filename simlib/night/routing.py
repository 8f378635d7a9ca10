"""Routing by weight, looked at: who drowns under today's weights, and the weights that do best on the same buyers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from simlib import kpis
from simlib.kpis import BETTER, NightLog
from simlib.messages import glossary
from simlib.night.promo_night import PromoNight
from simlib.simulator import Agents, Contacts, Result
from simlib.simulator.replicate import Replications, replicate_variants

TODAY = "weights_today"
DROWNS = 1.5  # an agent drowns whose mean response is so many times the floor's
TUNED = "weights_tuned"


@dataclass(frozen=True, kw_only=True, eq=False)
class RoutingResult:
    """A night under several ways to assign its chats, on the same buyers.

    Attributes
    ----------
    routing : DataFrame
        One row per way, the best first: weighting; unit and headline (the platform's figure), lost_share,
        mean_response, drowning (agents whose mean response is half as long again as the floor's).
    agents : DataFrame
        One row per agent with chats today, the slowest first: agent_id, name, routing_weight, best_weight, contacts and
        mean_response under today's weights, best_response under the best, drowns.
    """

    routing: pd.DataFrame
    agents: pd.DataFrame

    @property
    def best(self) -> str:
        """The way that does best by the platform's figure."""
        return str(self.routing.loc[0, "weighting"])


@dataclass(frozen=True, kw_only=True, eq=False)
class _RoutingMeasure:
    night: PromoNight

    def __call__(self, contacts: Contacts, agents: Agents, result: Result) -> dict[str, Any]:
        """Measure one night: the headline, the lost, the response, and each agent's sums."""
        night = self.night
        log = NightLog.of(contacts, agents, result, queues=night.queues, opens=night.grid.opens)
        by = kpis.agent_groups(log)
        figures: dict[str, Any] = {"lost_share": kpis.lost_share(log), "mean_response": kpis.mean_response(log)}
        if night.scores:
            figures[night.scores[0].key] = kpis.count_score(log, night.scores[0]).value
        else:
            figures[night.rates[0].key] = kpis.platform_rate(log, night.rates[0])
        figures["contacts_by_agent"] = np.asarray(kpis.human(log, by), dtype=float)
        figures["response_by_agent"] = np.asarray(kpis.mean_response(log, by), dtype=float)
        return figures


def weigh_routing(night: PromoNight, *, seed: int, replications: int) -> RoutingResult:
    """Try ways to assign the chats: today's, fewest open chats first, and weights by speed, by places, and tuned.

    Tuned weights start from the best fixed ones and move chats from the slower to the faster agents, twice.

    Parameters
    ----------
    replications : int
        Nights of each way.
    """
    people = night.people
    speed = people["speed"].astype(float).to_numpy()
    places = people["capacity"].to_numpy(dtype=float)
    fewest = replace(night, policy=replace(night.policy, routing="least_active"))
    ways = {
        TODAY: night,
        **({} if night.policy.routing == "least_active" else {"fewest_open": fewest}),
        "weights_even": _weighted(night, np.ones(len(people))),
        "weights_speed": _weighted(night, speed),
        "weights_places": _weighted(night, speed * places),
    }
    demand = night.buyers()
    measure = _RoutingMeasure(night=night)

    def simulate(nights: Mapping[str, PromoNight]) -> dict[str, Replications]:
        variants = {name: each.variant(demand=demand) for name, each in nights.items()}
        return replicate_variants(variants, measure=measure, seed=seed, replications=replications, turns=True)

    measured = simulate(ways)
    headline = night.scores[0].key if night.scores else night.rates[0].key
    worse = -1.0 if BETTER[headline] == "higher" else 1.0

    def cost(name: str) -> float:
        return worse * _mean(measured[name].figures[headline])

    fixed = min((name for name in ways if name.startswith("weights_") and name != TODAY), key=cost)
    weight = ways[fixed].agents().weight
    for step in (1, 2):
        response = _mean_by_agent(measured[fixed if step == 1 else TUNED], "response_by_agent")
        usual = _mean(response)
        factor = np.where(np.isnan(response), 1.0, np.clip((usual / response) ** 0.5, 0.5, 2.0))
        weight = weight * factor
        tuned = _weighted(night, weight)
        trial = simulate({TUNED: tuned})[TUNED]
        if step == 1 or worse * _mean(trial.figures[headline]) < cost(TUNED):
            ways[TUNED], measured[TUNED] = tuned, trial
    rows = []
    for name, nights in measured.items():
        response = _mean_by_agent(nights, "response_by_agent")
        floor_s = _mean(nights.figures["mean_response"])
        figures = {key: _mean(nights.figures[key]) for key in (headline, "lost_share", "mean_response")}
        drowning = int((response > DROWNS * floor_s).sum())
        rows.append(
            {
                "weighting": name,
                "unit": glossary()[headline]["unit"],
                "headline": figures[headline],
                "lost_share": figures["lost_share"],
                "mean_response": figures["mean_response"],
                "drowning": drowning,
            }
        )
    order = np.argsort([cost(name) for name in measured], kind="stable")
    routing = pd.DataFrame(rows).iloc[order].reset_index(drop=True)
    best = str(routing.loc[0, "weighting"])
    today_s = _mean_by_agent(measured[TODAY], "response_by_agent")
    weights = {name: ways[name].agents().weight for name in (TODAY, best)}
    agents = pd.DataFrame(
        {
            "agent_id": people["agent_id"],
            "name": people["name"],
            "routing_weight": weights[TODAY] / weights[TODAY].mean(),
            "best_weight": weights[best] / weights[best].mean(),
            "contacts": _mean_by_agent(measured[TODAY], "contacts_by_agent"),
            "mean_response": today_s,
            "best_response": _mean_by_agent(measured[best], "response_by_agent"),
            "drowns": today_s > DROWNS * _mean(measured[TODAY].figures["mean_response"]),
        }
    )
    agents = agents[agents["contacts"] > 0].sort_values("mean_response", ascending=False, kind="stable")
    return RoutingResult(routing=routing, agents=agents.reset_index(drop=True))


def _mean(values: np.ndarray) -> float:
    """Return the mean of what is known; nan where nothing is."""
    return float(pd.Series(values).mean())


def _weighted(night: PromoNight, weight: np.ndarray) -> PromoNight:
    people = night.people.assign(weight=weight)
    return replace(night, people=people, policy=replace(night.policy, routing="weighted"))


def _mean_by_agent(nights: Replications, key: str) -> np.ndarray:
    """Return each agent's mean over the nights in which there is one; nan where there is none."""
    values = np.asarray(nights.figures[key], dtype=float)
    known = ~np.isnan(values)
    total, n = np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0)
    return np.asarray(np.divide(total, n, out=np.full(values.shape[1], np.nan), where=n > 0))
