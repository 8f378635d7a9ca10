"""A promo night ready to be lived through: who comes, who serves, how it is judged. A scenario is a changed copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from simlib.intervals import Grid
from simlib.kpis import ConversionCurve, PlatformRate, PlatformScore
from simlib.night.buyers import Buyers, Deferral, Episode, change_buyers
from simlib.simulator import Agents, Disruptions, Policy
from simlib.simulator.draw import ChatService, Demand, agents_from_roster
from simlib.simulator.replicate import KpiMeasure, Replications, Variant, replicate_variants


@dataclass(frozen=True, kw_only=True, eq=False)
class PromoNight:
    """Everything that one night on the chat floor depends on.

    Parameters
    ----------
    grid : Grid
        The night's intervals.
    forecast : pandas.DataFrame
        start, queue, contacts (mean offered, bot and human together), one row an interval and queue.
    services : mapping of queue to ChatService
        What a chat of each queue takes; its order is the order of the queue numbers.
    people : pandas.DataFrame
        agent_id, name, cohort, skill_1 to skill_3, capacity, speed, cost_cny_h, seat, site, room: agent number i
        of the simulator is row i.
    roster : pandas.DataFrame
        One row a segment: agent_id, queue, start, end, activity.
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
    engine : {"compiled", "simpy"}
        What simulates it; the figures are the same.
    service_s : (float, float)
        The hours in which the store serves, in seconds since its midnight; equal = round the clock.
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
    engine: str = "compiled"
    service_s: tuple[float, float] = (0.0, 0.0)

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues in the order of their numbers."""
        return tuple(self.services)

    def demand(self) -> Demand:
        """Lay the forecast out, ready to be drawn night after night; what episodes change is not in it."""
        return self._demand_of(self.forecast, self.services)

    def _demand_of(self, forecast: pd.DataFrame, services: Mapping[str, ChatService]) -> Demand:
        return Demand.of(
            forecast,
            services,
            grid=self.grid,
            busyness_cv=self.busyness_cv,
            minute_profile=self.minute_profile,
        )

    def _stretch(self, start_s: float, end_s: float, episodes: Sequence[Episode]) -> Demand:
        """Lay out the intervals that a stretch touches, as its episodes change them."""
        start = self.grid.seconds(self.forecast["start"])
        forecast = self.forecast[(start < end_s) & (start + self.grid.step_s > start_s)]
        services = dict(self.services)
        for episode in episodes:
            forecast = episode.change_forecast(forecast)
            services = {queue: episode.change_service(queue, service) for queue, service in services.items()}
        return self._demand_of(forecast, services)

    def buyers(self, base: Buyers | None = None) -> Buyers:
        """Say who comes, episodes and deferrals included; give another night's buyers to change those."""
        return change_buyers(
            base or self.demand(), self.episodes, self.deferrals, demand_of=self._stretch, queues=self.queues
        )

    def shares_buyers(self, other: PromoNight) -> bool:
        """Tell whether both draw the same buyers before episodes change them."""
        same = ("grid", "forecast", "services", "busyness_cv", "minute_profile")
        return all(getattr(self, name) is getattr(other, name) for name in same)

    def agents(self) -> Agents:
        """Put the roster's people on the floor."""
        return agents_from_roster(self.roster, self.people, queues=self.queues, grid=self.grid)

    def variant(self, *, demand: Buyers | None = None) -> Variant:
        """Make this night a variant; give the demand of another night to meet the very same drawn buyers."""
        return Variant(
            draw=self.buyers(demand).draw,
            agents=self.agents(),
            policy=self.policy,
            disruptions=self.disruptions,
            engine=self.engine,
        )

    def measure(self, *, by_interval: bool = True) -> KpiMeasure:
        """Measure a night by every KPI, and by interval where that is asked for."""
        return KpiMeasure(
            queues=self.queues,
            opens=self.grid.opens,
            threshold_s=self.threshold_s,
            rates=self.rates,
            scores=self.scores,
            curve=self.curve,
            values_cny=self.values_cny,
            grid=self.grid if by_interval else None,
        )

    def rehearse(self, *, seed: int, replications: int, by_interval: bool = True, **how: Any) -> Replications:
        """Live through many nights; further arguments as in :func:`simlib.simulator.replicate.replicate_variants`."""
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
