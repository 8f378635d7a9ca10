"""The floor as people work it: how chats are assigned, what waits for the morning, what the bot really takes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from simlib import facts
from simlib.night.backlog import leave_for_morning, measure_backlog
from simlib.night.bot import blend_intents, default_intents
from simlib.night.promo_night import PromoNight
from simlib.night.routing import RoutingResult, weigh_routing
from simlib.simulator import run_arrays

ALL_QUESTIONS = "all_questions"


@dataclass(frozen=True, kw_only=True, eq=False)
class FloorResult:
    """What the stress test says of the floor itself.

    Attributes
    ----------
    routing : RoutingResult
        Ways to assign the chats, and who drowns under today's.
    backlog : DataFrame
        One row per queue: queue, contacts (messages left outside service hours, a night's mean), answered, gone_h
        (hours from the opening until the last has its first reply; inf where one never has), within_share (first reply
        within the window of hours; nan where none was left).
    bot : DataFrame
        One row per thing that buyers ask, and one for all of them: intent, share (of all contacts), gross_share (of all
        contacts, counted as solved), net_share (less those who come back); by the store's own sheet, else by the
        default mix at the store's own share.
    within_h : float
        The window of hours.
    """

    routing: RoutingResult = field(repr=False)
    backlog: pd.DataFrame = field(repr=False)
    bot: pd.DataFrame = field(repr=False)
    within_h: float

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables, by name; without a backlog where the store serves round the clock."""
        tables = {"routing_ways": self.routing.routing, "routing_agents": self.routing.agents}
        tables |= {} if self.backlog.empty else {"morning_backlog": self.backlog}
        return tables | {"bot_intents": self.bot}


def examine_floor(night: PromoNight, *, seed: int, replications: int) -> FloorResult:
    """Look at the floor of a night: routing, backlog, bot.

    Parameters
    ----------
    replications : int
        Nights of each way to assign the chats, and of the backlog.
    """
    within_h = float(facts.value("targets", "backlog_within_h"))
    return FloorResult(
        routing=weigh_routing(night, seed=seed, replications=replications),
        backlog=_backlog(night, seed=seed, replications=replications, within_h=within_h),
        bot=_bot(night),
        within_h=within_h,
    )


def _backlog(night: PromoNight, *, seed: int, replications: int, within_h: float) -> pd.DataFrame:
    """Have buyers outside service hours leave a message, and measure the morning, queue by queue."""
    columns = ["queue", "contacts", "answered", "gone_h", "within_share"]
    opens_s, closes_s = night.service_s
    if opens_s == closes_s:
        return pd.DataFrame(columns=columns)
    demand, variant = night.buyers(), night.variant()
    midnight_s = -float((night.grid.opens - night.grid.opens.normalize()).total_seconds())
    found: dict[str, list[tuple[float, float, float, float]]] = {queue: [] for queue in night.queues}
    for replication in range(replications):
        drawn = demand.draw(seed=seed, replication=replication)
        contacts, left = leave_for_morning(drawn, opens_s=opens_s, closes_s=closes_s, midnight_s=midnight_s)
        tonight = contacts.arrival < night.grid.edges_s[-1]  # who waits for an opening after the grid is not judged
        agents = variant.of_night(seed=seed, replication=replication).agents
        outcome = run_arrays(contacts, agents, night.policy, night.disruptions)
        for number, queue in enumerate(night.queues):
            mine = measure_backlog(outcome, contacts, left & tonight & (contacts.queue == number), within_h=within_h)
            found[queue].append((mine.contacts, mine.answered, mine.gone_h, mine.within_share))
    rows = []
    for queue, nights in found.items():
        table = np.array(nights, dtype=float)
        if table[:, 0].any():
            share = float(np.nanmean(table[:, 3]))
            rows.append((queue, table[:, 0].mean(), table[:, 1].mean(), table[:, 2].mean(), share))
    return pd.DataFrame(rows, columns=columns)


def _bot(night: PromoNight) -> pd.DataFrame:
    """Spread the store's bot share over what buyers ask: by its own sheet, else by the usual mix."""
    service = night.services[night.queues[0]]
    intents = tuple(night.intents) or default_intents()
    usual = blend_intents(intents).gross_share
    scale = service.bot_share / usual if usual else 0.0
    most = max(intent.resolves for intent in intents)
    scaled = [replace(each, resolves=each.resolves * min(scale, 1.0 / most if most else 0.0)) for each in intents]
    blend = blend_intents(scaled, return_rate=service.bot_return_rate)
    columns = ["intent", "share", "gross_share", "net_share"]
    table = pd.DataFrame(blend.by_intent, columns=columns)
    table.loc[len(table)] = [ALL_QUESTIONS, 1.0, blend.gross_share, blend.net_share]
    return table
