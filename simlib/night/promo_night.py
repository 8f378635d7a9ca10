"""A promo night ready to be simulated: who comes, who serves, how it is measured. A scenario is a changed copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from simlib.intervals import Grid
from simlib.kpis import ConversionCurve, PlatformRate, PlatformScore
from simlib.night.bot import BotIntent
from simlib.night.buyers import Buyers, Deferral, Episode, RememberedBuyers, change_buyers
from simlib.night.risk import ForecastRisk, UncertainDemand
from simlib.night.shrinkage import Shrinkage
from simlib.simulator import Agents, Disruptions, Policy
from simlib.simulator.draw import ChatService, Demand, agents_from_roster
from simlib.simulator.replicate import Attend, KpiMeasure, Replications, Variant, replicate_variants


@dataclass(frozen=True, kw_only=True, eq=False)
class PromoNight:
    """Everything that one night on the chat floor depends on.

    Parameters
    ----------
    grid : Grid
        The night's intervals.
    forecast : pandas.DataFrame
        start, queue, contacts (mean offered, bot and human together), one row per interval and queue.
    services : mapping of queue to ChatService
        What a chat of each queue takes; its order is the order of the queue numbers.
    people : pandas.DataFrame
        agent_id, name, cohort, skill_1 to skill_3, capacity, speed, cost_cny_h, seat, site, room: agent number i
        of the simulator is row i.
    roster : pandas.DataFrame
        One row per segment: agent_id, queue, start, end, activity.
    policy, disruptions
        How the floor is run and what goes wrong.
    busyness_cv : float
        Spread of a night's total around its forecast.
    minute_profile : pandas.Series, optional
        How the contacts of an interval fall into its minutes.
    opening : pandas.Timestamp, optional
        When the wave opens, where its day has an opening; what a time that comes twice in the night is read by.
    threshold_s : float
        Of the service level.
    rates : sequence of PlatformRate
        The platform's own response rates; the first is drawn by interval.
    scores : sequence of PlatformScore
        What the platforms score; the first is the headline, by which the night is judged.
    curve, values_cny
        What slow replies cost, and what a contact of a queue is worth.
    episodes, deferrals
        Stretches in which the buyers are different, or are put off (:mod:`simlib.night.buyers`).
    shrinkage : Shrinkage
        How much of the rostered time is not on chat, drawn person by person in each night; left out, none.
    risk : ForecastRisk, optional
        How far the forecast may be off, drawn once a night; left out, the forecast is right.
    engine : {"compiled", "simpy"}
        What simulates it; the figures are the same.
    service_s : (float, float)
        The hours in which the store serves, in seconds since its midnight; equal = round the clock.
    intents : sequence of BotIntent
        What buyers ask the bot, as the store knows it; empty, the usual mix.
    """

    grid: Grid
    forecast: pd.DataFrame
    services: Mapping[str, ChatService]
    people: pd.DataFrame
    roster: pd.DataFrame
    threshold_s: float
    rates: Sequence[PlatformRate]
    curve: ConversionCurve
    values_cny: Mapping[str, float]
    policy: Policy = field(default_factory=Policy)
    disruptions: Disruptions = field(default_factory=Disruptions)
    busyness_cv: float = 0.0
    minute_profile: pd.Series | None = None
    opening: pd.Timestamp | None = None
    scores: Sequence[PlatformScore] = ()
    episodes: Sequence[Episode] = ()
    deferrals: Sequence[Deferral] = ()
    shrinkage: Shrinkage = field(default_factory=Shrinkage)
    risk: ForecastRisk | None = None
    engine: str = "compiled"
    service_s: tuple[float, float] = (0.0, 0.0)
    intents: Sequence[BotIntent] = ()

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues in the order of their numbers."""
        return tuple(self.services)

    def demand(self) -> Buyers:
        """Lay the forecast out, ready to be drawn night after night; what episodes change is not in it."""
        return self._demand_of(self.forecast, self.services)

    def _demand_of(self, forecast: pd.DataFrame, services: Mapping[str, ChatService]) -> Buyers:
        how: dict[str, Any] = {"busyness_cv": self.busyness_cv, "minute_profile": self.minute_profile}
        if self.risk is None:
            return Demand.of(forecast, services, grid=self.grid, **how)
        return UncertainDemand(
            forecast=forecast, services=services, grid=self.grid, risk=self.risk, whole=self.forecast, how=how
        )

    def _stretch(self, start_s: float, end_s: float, episodes: Sequence[Episode]) -> Buyers:
        """Lay out the intervals that a stretch touches, as its episodes change them."""
        start = self.grid.seconds(self.forecast["start"])
        forecast = self.forecast[(start < end_s) & (start + self.grid.step_s > start_s)]
        services = dict(self.services)
        for episode in episodes:
            forecast = episode.change_forecast(forecast)
            services = {queue: episode.change_service(queue, service) for queue, service in services.items()}
        return self._demand_of(forecast, services)

    def buyers(self, base: Buyers | None = None) -> Buyers:
        """Return who comes, episodes and deferrals included; give another night's buyers to change those."""
        return change_buyers(
            base or self.demand(), self.episodes, self.deferrals, demand_of=self._stretch, services=self.services
        )

    def shares_buyers(self, other: PromoNight) -> bool:
        """Return whether both draw the same buyers before episodes change them."""
        same = ("grid", "forecast", "services", "busyness_cv", "minute_profile", "risk")
        return all(getattr(self, name) is getattr(other, name) for name in same)

    def agents(self) -> Agents:
        """Put the roster's people on the floor."""
        return agents_from_roster(self.roster, self.people, queues=self.queues, grid=self.grid)

    def attend(self, names: Sequence[str] | None = None) -> Attend | None:
        """Return what draws who is there in each night; ``names`` (left out, the people's) as the agents stand."""
        until_s = float(self.grid.edges_s[-1])
        return self.shrinkage.bind(self.people["agent_id"].tolist() if names is None else names, until_s=until_s)

    def heads_on_chat(
        self, *, seed: int, replications: Sequence[int], standard: Mapping[str, float] | None = None
    ) -> np.ndarray:
        """Return the mean heads on chat of each night, by interval and rostered queue: [nights, intervals, queues].

        Who is absent or off chat does not count; everybody counts at the queue that the roster gives them, as one head
        or as many standard heads as ``standard`` gives by agent.
        """
        rows = self.roster[self.roster["activity"] == "chat"]
        edges_s = self.grid.edges_s
        start_s, end_s = (np.clip(self.grid.seconds(rows[edge]), 0.0, edges_s[-1]) for edge in ("start", "end"))
        column = pd.Index(self.queues).get_indexer(rows["queue"])
        seats = Agents(shifts=np.column_stack([np.arange(len(rows)), start_s, end_s])) if len(rows) else None
        attend = None if seats is None else self.attend(rows["agent_id"].tolist())
        counts = np.ones(len(rows)) if standard is None else rows["agent_id"].map(standard).to_numpy(dtype=float)
        heads = np.zeros((len(replications), self.grid.n, len(self.queues)))
        for number, replication in enumerate(replications):
            if seats is None:
                break
            there = seats if attend is None else attend(seats, seed=seed, replication=int(replication))
            for queue in range(len(self.queues)):
                spans = there.shifts[column[there.shifts["agent"]] == queue]
                spent_s = _time_in(spans["start"], spans["end"], edges_s, counts[spans["agent"].astype(int)])
                heads[number, :, queue] = np.round(spent_s / self.grid.step_s, 9)
        return heads

    def shares_people(self, other: PromoNight) -> bool:
        """Return whether in both the same people are there at the same times."""
        same = ("grid", "people", "roster", "shrinkage")
        return all(getattr(self, name) is getattr(other, name) for name in same) and self.queues == other.queues

    def variant(self, *, demand: Buyers | None = None, people: Variant | None = None) -> Variant:
        """Make this night a variant.

        Parameters
        ----------
        demand : Buyers, optional
            Of another night, to meet the very same drawn buyers.
        people : Variant, optional
            Of a night that has the same people at the same times; they are laid out and drawn once for both.
        """
        return Variant(
            draw=self.buyers(demand).draw,
            agents=people.agents if people else self.agents(),
            policy=self.policy,
            disruptions=self.disruptions,
            attend=people.attend if people else self.attend(),
            engine=self.engine,
        )

    def measure(self, *, by_interval: bool = True) -> KpiMeasure:
        """Measure a night by every KPI, by half hour and queue, and by interval where that is asked for."""
        return KpiMeasure(
            queues=self.queues,
            opens=self.grid.opens,
            threshold_s=self.threshold_s,
            rates=self.rates,
            scores=self.scores,
            curve=self.curve,
            values_cny=self.values_cny,
            grid=self.grid if by_interval else None,
            cells=self.grid,
        )

    def rehearse(self, *, seed: int, replications: int, by_interval: bool = True, **how: Any) -> Replications:
        """Simulate many nights; further arguments as in :func:`simlib.simulator.replicate.replicate_variants`."""
        nights = replicate_variants(
            {"plan": self.variant()},
            measure=self.measure(by_interval=by_interval),
            seed=seed,
            replications=replications,
            turns=True,
            trace=by_interval,
            **how,
        )
        return nights["plan"]


def make_variants(nights: Mapping[str, PromoNight]) -> dict[str, Variant]:
    """Make versions of one night variants; those that share buyers or people with an earlier one draw them once.

    Parameters
    ----------
    nights : mapping of str to PromoNight
        By name; the buyers of the first are what the others may share.
    """
    first = next(iter(nights.values()))
    base = RememberedBuyers(buyers=first.demand())
    made: dict[str, Variant] = {}
    for name, night in nights.items():
        demand = base if night.shares_buyers(first) else None
        people = next((made[other] for other in made if night.shares_people(nights[other])), None)
        made[name] = night.variant(demand=demand, people=people)
    return made


def _time_in(start_s: np.ndarray, end_s: np.ndarray, edges_s: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted seconds of all spans in each interval between edges."""
    before = [np.clip(edges_s[:, None] - each[None, :], 0.0, None) @ weight for each in (start_s, end_s)]
    return np.asarray(np.diff(before[0] - before[1]))
