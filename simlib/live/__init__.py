"""The live night: sliders that change a copy of the plan's night, and a page that shows at once what that does.

Three parts, each of use without the next. :class:`LiveNight` knows what the sliders are and what a position of them
means: a scenario like any other (:mod:`simlib.stress.scenarios`), so whatever a lead has tried can be kept in the
workbook and rehearsed. :class:`Newest` lives through nights in a thread of its own; of everybody who asks only the
newest question counts, and while nobody asks anew the answer is made narrower. :class:`LivePage` is the widget: it
passes positions one way and figures the other, and knows nothing of chats.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, cached_property, lru_cache, partial, reduce
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import pandas as pd
import traitlets

from simlib import facts, kpis
from simlib.intervals import Grid
from simlib.kpis import BETTER, NightLog
from simlib.messages import Lang, glossary, label, texts, translate
from simlib.night import PromoNight
from simlib.night.buyers import Buyers
from simlib.planning import Plan
from simlib.report.columns import list_words, quantity, unit_word
from simlib.report.typeface import embed_typeface
from simlib.simulator import Agents, Contacts, Result
from simlib.simulator.replicate import Variant, half_width, measure_night
from simlib.store import StoreError, load_store, save_store
from simlib.stress import Incident, Scenario, ScenarioError, keep_scenario, standard_scenarios
from simlib.stress.compare import STEP_S, buyers_waiting, open_chats
from simlib.stress.scenarios import people_in_order

Position = Mapping[str, float | str]
Figures = Mapping[str, Any]

OUTAGES = ("bot_down", "seats_down", "slow")
CURVES = ("open_chats", "waiting", "first_response")
NIGHTS_KEPT = 8  # drawn nights of changed buyers that stay in memory, some 2 MB each for 14,000 contacts
PLAN_NIGHTS_KEPT = 30  # of the plan's own buyers, whom most positions meet
WORKERS = 2  # one answers what is asked anew, while the other ends the night that it is at
ASKERS_MAX = 32  # browsers that show one page at the same time
TOLD_AFTER = (1, 4, 8, 16, 30)  # nights after which an answer is told again
REST_S = 0.4  # without a new question for so long, the last answer is made narrower
CONFIDENCE = 0.95
log = logging.getLogger(__name__)


# --- what a position of the sliders means -----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Slider:
    """One thing that a lead can change.

    Parameters
    ----------
    key : str
        Its name in a position.
    group : str
        What it belongs to; a key of the glossary.
    plan, low, high, step : float
        Where it stands in the plan, and where it may stand.
    shown : str
        How its value is written: people, chats, hours, share, mix or clock (minutes since the night opens).
    """

    key: str
    group: str
    plan: float
    low: float
    high: float
    step: float
    shown: str


@dataclass(frozen=True, kw_only=True, eq=False)
class LiveNight:
    """A night and all that a lead can change about it.

    Parameters
    ----------
    night : PromoNight
        The plan's.
    opening : pandas.Timestamp, optional
        When the wave opens; without one there is nothing to move.
    targets : mapping of str to float
        What the mean night must reach, by KPI.
    seed : int
        Replication r of a seed is the same buyers in every position.
    name : str
        Of the store.

    Examples
    --------
    A position names what is to differ; the rest is as in the plan::

        live = LiveNight.of(plan(load_store("templates/stores/appliances.xlsx")))
        live.scenario({"people_own": 50, "bot_share": 0.6}, name="More of both")
    """

    night: PromoNight
    opening: pd.Timestamp | None
    targets: Mapping[str, float]
    seed: int
    name: str = ""

    @classmethod
    def of(cls, plan: Plan, *, roster: pd.DataFrame | None = None) -> LiveNight:
        """Take a plan's night; a roster that was kept from a run of it saves working it out again."""
        night = plan.night if roster is None else plan.night_of(roster)
        return cls(
            night=night,
            opening=plan.inputs.opening,
            targets=plan.inputs.floors,
            seed=plan.seed,
            name=plan.store.store.name,
        )

    # --- the sliders

    @cached_property
    def sliders(self) -> Mapping[str, Slider]:
        """Every slider, by key, in the order in which they stand on the page."""
        night, opens_min, closes_min = self.night, 0.0, float(self.night.grid.edges_s[-1]) / 60
        made = []
        for cohort, heads in self.cohorts.items():
            most = heads + max(10, heads // 2)
            made.append(self._slider(f"people_{cohort}", "cohort", heads, 0, most, 1, "people"))
        made.append(self._slider("concurrency", "floor", self.concurrency, 1, self.concurrency + 4, 1, "chats"))
        made.append(self._slider("stay", "floor", 0.0, 0.0, 4.0, 0.5, "hours"))
        made.append(self._slider("bot_share", "buyers", self.bot_share, 0.0, 0.95, 0.01, "share"))
        if {"presale", "aftersale"} <= set(night.forecast["queue"]):
            made.append(self._slider("presale_share", "buyers", self.presale_share, 0.05, 0.95, 0.01, "mix"))
        if self.opening is not None:
            planned = self._minutes(self.opening)
            step = night.grid.step_s / 60
            low, high = max(planned - 240, opens_min), min(planned + 360, closes_min - step)
            made.append(self._slider("opening", "buyers", planned, low, high, step, "clock"))
        peak = self._minutes(night.forecast.groupby("start")["contacts"].sum().idxmax())
        begins, ends = peak + 10, min(peak + 70, closes_min)
        made.append(self._slider("outage_from", "outage", begins, opens_min, closes_min - 10, 10, "clock"))
        made.append(self._slider("outage_to", "outage", ends, opens_min + 10, closes_min, 10, "clock"))
        return {slider.key: slider for slider in made}

    @staticmethod
    def _slider(key: str, group: str, plan: float, low: float, high: float, step: float, shown: str) -> Slider:
        low, high = min(low, plan), max(high, plan)
        return Slider(key=key, group=group, plan=plan, low=low, high=high, step=step, shown=shown)

    @cached_property
    def cohorts(self) -> dict[str, int]:
        """People on the night's roster, by cohort."""
        opens, closes = self._window
        roster = self.night.roster
        chatting = roster["activity"].eq("chat") & (roster["start"] < closes) & (roster["end"] > opens)
        on_duty = self.night.people["agent_id"].isin(roster.loc[chatting, "agent_id"])
        counted = self.night.people.loc[on_duty, "cohort"].value_counts()
        return {str(cohort): int(heads) for cohort, heads in counted.items()}

    @cached_property
    def concurrency(self) -> int:
        """Chats that the middle one of the people holds at once."""
        return int(self.night.people["capacity"].median())

    @cached_property
    def bot_share(self) -> float:
        """Share of the contacts that the bot resolves, rounded to what the slider can show."""
        return round(next(iter(self.night.services.values())).bot_share, 2)

    @cached_property
    def presale_share(self) -> float:
        """Share of presale among presale and after-sale contacts, rounded to what the slider can show."""
        contacts = self._contacts
        return round(contacts["presale"] / (contacts["presale"] + contacts["aftersale"]), 2)

    @cached_property
    def outages(self) -> dict[str, Scenario]:
        """What may fail, by the house's scenario: its incident, whose time is the sliders'."""
        found = {scenario.name: scenario for scenario in standard_scenarios(self.night)}
        return {
            name: scenario
            for name, scenario in found.items()
            if len(scenario.incidents) == 1 and scenario.incidents[0].kind in OUTAGES
        }

    @property
    def plan_position(self) -> dict[str, float | str]:
        """Where everything stands in the plan."""
        return {"outage": "", **{key: slider.plan for key, slider in self.sliders.items()}}

    @cached_property
    def _contacts(self) -> dict[str, float]:
        return self.night.forecast.groupby("queue")["contacts"].sum().to_dict()

    @cached_property
    def _window(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        grid = self.night.grid
        return grid.opens, grid.times(grid.edges_s[-1:])[0]

    def _minutes(self, moment: pd.Timestamp) -> float:
        return float(self.night.grid.seconds(pd.DatetimeIndex([moment]))[0]) / 60

    def moment(self, minutes: float) -> pd.Timestamp:
        """Say what time it is so many minutes after the night opens."""
        return self.night.grid.opens + pd.Timedelta(minutes=float(minutes))

    # --- positions

    def read(self, position: Position) -> dict[str, float | str]:
        """Fill a position up with the plan's values.

        Raises
        ------
        ValueError
            A key is unknown, or a value is no number in its slider's range or no outage that there is.
        """
        whole = self.plan_position
        for key, value in position.items():
            if key not in whole:
                raise ValueError(f"position must name one of {', '.join(whole)}, got {key!r}")
            if key == "outage":
                if value not in ("", *self.outages):
                    raise ValueError(f"outage must be empty or one of {', '.join(self.outages)}, got {value!r}")
                whole[key] = str(value)
                continue
            slider = self.sliders[key]
            if not isinstance(value, int | float) or not slider.low <= value <= slider.high:
                raise ValueError(f"{key} must lie in {slider.low:g} to {slider.high:g}, got {value!r}")
            whole[key] = float(value)
        return whole

    def scenario(self, position: Position, *, name: str) -> Scenario | None:
        """Say in incidents what a position changes; None where it changes nothing.

        Raises
        ------
        ValueError
            As :meth:`read`.
        ScenarioError
            The outage ends before it begins.
        """
        incidents = tuple(self._incidents(self.read(position)))
        return Scenario(name=name, incidents=incidents) if incidents else None

    def _incidents(self, position: Mapping[str, Any]) -> Iterator[Incident]:
        """List the incidents of a whole position: people first, so that an outage strikes those who are added."""
        yield from self._crew_incidents(position)
        yield from self._buyer_incidents(position)
        yield from self._outage_incidents(position)

    def _buyer_incidents(self, position: Mapping[str, Any]) -> Iterator[Incident]:
        """List what changes who comes, and when."""
        start, end = self._window
        if position["bot_share"] != self.bot_share:
            change = round(position["bot_share"] - self.bot_share, 4)
            yield Incident(kind="bot_share", start=start, end=end, size=change)
        yield from self._mixed(position.get("presale_share"))
        if self.opening is not None and position["opening"] != self.sliders["opening"].plan:
            moved = self.moment(position["opening"])
            yield Incident(kind="opening_moved", start=self.opening, end=moved)

    def _outage_incidents(self, position: Mapping[str, Any]) -> Iterator[Incident]:
        """List what fails."""
        if position["outage"]:
            begins, ends = (self.moment(position[edge]) for edge in ("outage_from", "outage_to"))
            given = self.outages[position["outage"]].incidents[0]
            place = {key: getattr(given, key) for key in ("size", "queue", "site", "room", "seat")}
            yield Incident(kind=given.kind, start=begins, end=ends, **place)

    def _crew_incidents(self, position: Mapping[str, Any]) -> Iterator[Incident]:
        """List what changes who works, how, and until when."""
        start, end = self._window
        for cohort, heads in self.cohorts.items():
            if position[f"people_{cohort}"] != heads:
                more = position[f"people_{cohort}"] - heads
                yield Incident(kind="people", start=start, end=end, size=more, cohort=cohort)
        if position["concurrency"] != self.concurrency:
            more = position["concurrency"] - self.concurrency
            yield Incident(kind="concurrency", start=start, end=end, size=more)
        if position["stay"]:
            yield Incident(kind="stay", start=start, end=end, size=position["stay"])

    def _mixed(self, share: float | None) -> Iterator[Incident]:
        """Shift contacts between presale and after-sale and leave their sum as it is."""
        if share is None or share == self.presale_share:
            return
        start, end = self._window
        both = self._contacts["presale"] + self._contacts["aftersale"]
        for queue, part in (("presale", share), ("aftersale", 1 - share)):
            factor = part * both / self._contacts[queue]
            yield Incident(kind="contacts", start=start, end=end, size=factor, queue=queue)

    # --- who works

    @cached_property
    def _order(self) -> dict[str, np.ndarray]:
        """Rows of each cohort's people, in the order in which its slider takes them off or doubles them."""
        start, end = self._window
        rows = pd.Index(self.night.people["agent_id"])
        change = {
            cohort: Incident(kind="people", start=start, end=end, size=1, cohort=cohort) for cohort in self.cohorts
        }
        return {cohort: rows.get_indexer(people_in_order(self.night, one)) for cohort, one in change.items()}

    @cached_property
    def _crew(self) -> Callable[[float], Crew]:
        """Put the roster's people on the floor who all go home so many hours later; each number of hours once."""
        return cache(self._put_on_floor)

    def _put_on_floor(self, stay_h: float) -> Crew:
        start, end = self._window
        stay = (Incident(kind="stay", start=start, end=end, size=stay_h),) if stay_h else ()
        night = reduce(_strike, stay, self.night)
        regular_h, all_h = self._paid_h(self.night), self._paid_h(night)
        overtime = facts.value("labour", "overtime_pay_pct", on=self.night.grid.opens.date()) / 100
        rate = night.people["cost_cny_h"].astype(float)
        rate = rate.fillna(rate.mean() if rate.notna().any() else 0.0).to_numpy()
        return Crew(agents=night.agents(), wages_cny=(regular_h + (all_h - regular_h) * float(overtime)) * rate)

    def _paid_h(self, night: PromoNight) -> np.ndarray:
        """Add up each person's hours of the night: all that are rostered but meals."""
        opens_s, closes_s = night.grid.edges_s[[0, -1]]
        roster = night.roster[night.roster["activity"] != "meal"]
        end_s, start_s = (night.grid.seconds(roster[edge]).clip(opens_s, closes_s) for edge in ("end", "start"))
        person = pd.Index(night.people["agent_id"]).get_indexer(roster["agent_id"])
        return np.bincount(person, (end_s - start_s) / 3600, minlength=len(night.people))

    def _chosen(self, position: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Say which row of the people each agent of a position is, and which of these agents are there.

        The plan's people come first, whoever is taken off included, then those who are added: as the incident has it.
        """
        rows = [np.arange(len(self.night.people))]
        gone: list[int] = []
        for cohort, heads in self.cohorts.items():
            more = round(position[f"people_{cohort}"]) - heads
            rows.append(np.resize(self._order[cohort], max(more, 0)))
            gone += self._order[cohort][: max(-more, 0)].tolist()
        row = np.concatenate(rows)
        there = np.ones(len(row), dtype=bool)
        there[gone] = False
        return row, there

    # --- living through it

    @property
    def headline(self) -> tuple[str, ...]:
        """What the table compares, by key of the glossary."""
        return ("rostered_heads", "first_response", self.night.rates[0].key, "sales_lost", "night_wages")

    @cached_property
    def steps(self) -> Grid:
        """The steps of ten minutes in which the curves are drawn."""
        grid = self.night.grid
        return Grid(opens=grid.opens, n=int(grid.edges_s[-1]) // STEP_S, step_s=STEP_S)

    def prepare(self, position: Position) -> Prepared:
        """Lay a position out: who comes, who serves, how many people that takes and what they cost.

        Raises
        ------
        ValueError, ScenarioError
            As :meth:`scenario`.
        """
        whole: Mapping[str, Any] = self.read(position)
        row, there = self._chosen(whole)
        crew = self._crew(whole["stay"])
        shifts = deal_rows(crew.agents.shifts, np.where(there, row, -1))
        places = crew.agents.capacity[row] + round(whole["concurrency"] - self.concurrency)
        agents = Agents(
            shifts=shifts,
            capacity=np.maximum(places, 1),
            speed=crew.agents.speed[row],
            skill=None if crew.agents.skill is None else crew.agents.skill[row],
        )
        struck = reduce(_strike, self._outage_incidents(whole), self.night).disruptions
        disruptions = replace(struck, down=deal_rows(struck.down, row), slow=deal_rows(struck.slow, row))
        buyers = self._buyers_of(whole)
        return Prepared(
            variant=Variant(draw=buyers.draw, agents=agents, policy=self.night.policy, disruptions=disruptions),
            heads=float(len(np.unique(shifts["agent"]))),
            wages_cny=float(crew.wages_cny[row[there]].sum()),
        )

    def live_through(
        self, prepared: Prepared, replication: int, *, pause: Callable[[], object] = lambda: None
    ) -> Figures:
        """Live through one night of a position and measure what the page shows of it.

        ``pause`` is called before the night and before it is measured: in a thread that can wait, it waits there.
        """

        def measure(contacts: Contacts, agents: Agents, result: Result) -> Figures:
            pause()
            return self.measure(contacts, agents, result)

        pause()
        contacts = prepared.variant.draw(seed=self.seed, replication=replication)
        figures = dict(measure_night(contacts, prepared.variant, measure=measure, turns=True))
        return figures | {"rostered_heads": prepared.heads, "night_wages": prepared.wages_cny}

    def measure(self, contacts: Contacts, agents: Agents, result: Result) -> Figures:
        """Measure one night: the KPIs of the table and of the targets, and the curves by ten minutes."""
        night, rate = self.night, self.night.rates[0]
        logged = NightLog.of(contacts, agents, result, queues=night.queues, opens=night.grid.opens)
        by_step = kpis.interval_groups(logged, self.steps)
        return {
            "first_response": kpis.first_response(logged),
            rate.key: kpis.platform_rate(logged, rate),
            "service_level": kpis.service_level(logged, threshold_s=night.threshold_s),
            "lost_share": kpis.lost_share(logged),
            "sales_lost": kpis.sales(logged, curve=night.curve, values_cny=night.values_cny)[1],
            "open_chats_by_step": open_chats(logged, self.steps),
            "waiting_by_step": buyers_waiting(logged, self.steps),
            "first_response_by_step": np.asarray(kpis.first_response(logged, by_step)),
        }

    @cached_property
    def _buyers(self) -> FirstNights:
        return FirstNights(buyers=self.night.demand(), kept=PLAN_NIGHTS_KEPT)

    def _buyers_of(self, position: Mapping[str, Any]) -> FirstNights:
        """Give a position's buyers; those of the plan and of the last other position are remembered."""
        incidents = tuple(self._buyer_incidents(position))
        if not incidents:
            return self._buyers
        return self._other_buyers(incidents)

    @cached_property
    def _other_buyers(self) -> Callable[[tuple[Incident, ...]], FirstNights]:
        return lru_cache(maxsize=1)(self._change_buyers)

    def _change_buyers(self, incidents: tuple[Incident, ...]) -> FirstNights:
        night = reduce(_strike, incidents, self.night)
        return FirstNights(buyers=night.buyers(self._buyers if night.shares_buyers(self.night) else None))


def _strike(night: PromoNight, incident: Incident) -> PromoNight:
    return incident.strike(night)


def deal_rows(rows: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Give each of some agents the rows of the person who they are; an agent who is nobody (-1) gets none.

    Examples
    --------
    >>> shifts = Agents(shifts=[(0, 0, 60), (1, 0, 30), (1, 40, 60)]).shifts
    >>> deal_rows(shifts, np.array([-1, 1, 1])).tolist()
    [(1, 0.0, 30.0), (1, 40.0, 60.0), (2, 0.0, 30.0), (2, 40.0, 60.0)]
    """
    agent, row = np.nonzero(people[:, None] == rows["agent"])
    dealt = rows[row]
    dealt["agent"] = agent
    return dealt


@dataclass(frozen=True, kw_only=True, eq=False)
class Crew:
    """The roster's people, row by row: as the simulator takes them, and what the night pays each of them in yuan."""

    agents: Agents
    wages_cny: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """A position ready to be lived through: the floor, the people it takes, and their wages in yuan."""

    variant: Variant
    heads: float
    wages_cny: float


@dataclass(frozen=True, kw_only=True, eq=False)
class FirstNights:
    """Buyers whose first nights, asked for after every move, are drawn once and stay in memory."""

    buyers: Buyers
    kept: int = NIGHTS_KEPT
    drawn: dict[int, Contacts] = field(default_factory=dict, repr=False)

    def draw(self, *, seed: int, replication: int) -> Contacts:
        """Draw the night ``replication``; a position's seed is always the same."""
        if replication not in self.drawn:
            contacts = self.buyers.draw(seed=seed, replication=replication)
            if replication >= self.kept:
                return contacts
            self.drawn[replication] = contacts
        return self.drawn[replication]


# --- what an answer says ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What a position does to the night, against the plan on the same buyers.

    Parameters
    ----------
    live : LiveNight
        What was asked about.
    position : mapping
        Where the sliders stood.
    plan, now : sequence of Figures
        Night by night, as many of both.
    """

    live: LiveNight
    position: Position
    plan: Sequence[Figures]
    now: Sequence[Figures]

    def difference(self, key: str) -> tuple[float, float, float, float]:
        """Compare one KPI: its mean in the plan, its mean now, the mean difference and that one's half-width."""
        before, after = (np.array([night[key] for night in nights], dtype=float) for nights in (self.plan, self.now))
        both = ~np.isnan(before) & ~np.isnan(after)
        if not both.any():
            return np.nan, np.nan, np.nan, np.nan
        change = (after - before)[both]
        half = half_width(change, confidence=CONFIDENCE)
        return float(before[both].mean()), float(after[both].mean()), float(change.mean()), half

    def table(self) -> pd.DataFrame:
        """Compare everything that stands in the table, one row a KPI.

        Returns
        -------
        DataFrame
            kpi, plan, now, change, half_width (of the mean change, 95 %).
        """
        rows = [(key, *self.difference(key)) for key in self.live.headline]
        return pd.DataFrame(rows, columns=["kpi", "plan", "now", "change", "half_width"])

    def missed(self) -> list[str]:
        """List the targets that the mean of the nights misses, by key of the glossary."""
        found = []
        for key, target in self.live.targets.items():
            now = self.difference(key)[1]
            if now < target if BETTER[key] == "higher" else now > target:
                found.append(key)
        return found

    def curves(self) -> np.ndarray:
        """Lay out the curves: for each of them the plan's mean, and the mean now with the band of that mean.

        Returns
        -------
        float32 array [curves, 4, steps]
            plan, mean, low, high; nan where nobody came. The band is 95 %, by Student's t.
        """
        drawn = []
        for key in CURVES:
            before, after = (
                np.array([night[f"{key}_by_step"] for night in nights]) for nights in (self.plan, self.now)
            )
            mean, half = mean_band(after)
            drawn.append([mean_band(before)[0], mean, np.maximum(mean - half, 0.0), mean + half])
        return np.array(drawn, dtype=np.float32)

    def verdict(self, lang: Lang) -> str:
        """Say in one sentence what the position does, or what to do where it changes nothing."""
        missed = list_words([label(key, lang) for key in self.missed()], lang)
        kept = translate("live.missed", lang, targets=missed) if missed else translate("live.kept", lang)
        if self.live.scenario(self.position, name="live") is None:
            return translate("live.as_planned", lang, kept=kept)
        rate = self.live.night.rates[0].key
        _, share, change, _ = self.difference(rate)
        return translate(
            "live.verdict",
            lang,
            rate=label(rate, lang),
            share=f"{100 * share:.1f}",
            change=signed(100 * change, 1),
            lost=self._more_or_less("sales_lost", lang),
            cost=self._more_or_less("night_wages", lang),
            kept=kept,
        )

    def _more_or_less(self, key: str, lang: Lang) -> str:
        change = self.difference(key)[2]
        if abs(change) < 0.5:
            return translate("live.unchanged", lang)
        amount = quantity(abs(change), "CNY", lang)
        return translate("live.more" if change > 0 else "live.less", lang, amount=amount)


def mean_band(nights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average over the nights (rows), with the half-width of the 95 % band of each mean.

    One night has no band (0); a column without any value has no mean (nan).

    Examples
    --------
    >>> mean, half = mean_band(np.array([[1.0, np.nan], [3.0, np.nan]]))
    >>> mean.tolist(), half.round(2).tolist()
    ([2.0, nan], [12.71, 0.0])
    """
    from scipy import special

    counted = ~np.isnan(nights)
    n = counted.sum(axis=0)
    total = np.where(counted, nights, 0.0).sum(axis=0)
    mean = np.divide(total, n, out=np.full(nights.shape[1], np.nan), where=n > 0)
    spread = np.where(counted, (nights - mean) ** 2, 0.0).sum(axis=0)
    more = n > 1
    variance = np.divide(spread, n - 1, out=np.zeros(nights.shape[1]), where=more)
    students = special.stdtrit(np.maximum(n - 1, 1), (1 + CONFIDENCE) / 2)
    return mean, np.where(more, students * np.sqrt(variance / np.maximum(n, 1)), 0.0)


def signed(value: float, digits: int) -> str:
    """Write a number with its sign, none before a zero.

    Examples
    --------
    >>> signed(1.25, 1), signed(-3.0, 0), signed(-0.01, 1)
    ('+1.2', '−3', '0.0')
    """
    shown = f"{abs(value):,.{digits}f}"
    if not float(shown.replace(",", "")):
        return shown
    return f"+{shown}" if value > 0 else f"−{shown}"


# --- the thread that computes -----------------------------------------------------------------------------


@dataclass(kw_only=True, eq=False)
class Question:
    """What somebody asks: a number of their own and a position; ``now`` grows night by night, while it is ``taken``."""

    asker: str
    number: int
    position: Position
    prepared: Prepared | None = None
    now: list[Figures] = field(default_factory=list)
    taken: bool = False


class Replaced(Exception):
    """A question that is being worked on is not asked any more."""


class Newest:
    """Answers in threads of its own; of everybody who asks, only the newest question counts.

    New questions go first. When nobody has asked for a while, whoever has lived through the fewest nights gets one
    more, so answers to several browsers narrow alike; one thread at a time does that and stands still when somebody
    asks anew, which the other then answers. A question that was replaced meanwhile is never answered, and work on it
    ends: if it stood still, and the next one beside it, nobody would be left for the third. The threads end when
    there is nothing left to do.

    Parameters
    ----------
    live : LiveNight
        What is asked about.
    tell : callable
        (question, answer), called in a thread.
    complain : callable
        (question, error), called in a thread when a position cannot be lived through.
    nights : int
        How many nights an answer rests on in the end.
    """

    def __init__(
        self,
        live: LiveNight,
        *,
        tell: Callable[[Question, Answer], object],
        complain: Callable[[Question, Exception], object],
        nights: int,
    ) -> None:
        self._live, self._tell, self._complain, self._nights = live, tell, complain, nights
        self._questions: dict[str, Question] = {}
        self._plan: dict[int, Figures] = {}
        self._changed = threading.Condition()
        self._workers = 0
        self._asked_at = 0.0

    def ask(self, asker: str, number: int, position: Position) -> None:
        """Ask anew; an older question of the same asker is dropped."""
        with self._changed:
            self._questions[asker] = Question(asker=asker, number=number, position=position)
            while len(self._questions) > ASKERS_MAX:
                del self._questions[next(iter(self._questions))]
            self._asked_at = time.monotonic()
            while self._workers < WORKERS:
                self._workers += 1
                threading.Thread(target=self._work, name="sandtable-live", daemon=True).start()
            self._changed.notify_all()

    def forget(self, asker: str) -> None:
        """Drop somebody who has left."""
        with self._changed:
            self._questions.pop(asker, None)
            self._changed.notify_all()

    def _take(self) -> Question | None:
        """Wait for a question to go on with and take it; None when there is nothing left to do."""
        with self._changed:
            while True:
                open_ = [question for question in self._questions.values() if len(question.now) < self._nights]
                if not open_:
                    self._workers -= 1
                    return None
                fresh = [question for question in open_ if not question.now and not question.taken]
                rest_s = self._asked_at + REST_S - time.monotonic()
                somebody_works = any(question.taken for question in open_)
                if fresh or (rest_s <= 0 and not somebody_works):
                    question = fresh[0] if fresh else min(open_, key=lambda each: len(each.now))
                    question.taken = True
                    return question
                self._changed.wait(None if somebody_works else rest_s)

    def _work(self) -> None:
        while (question := self._take()) is not None:
            try:
                self._live_once_more(question)
                self._tell_if_due(question)
            except Replaced:
                continue
            except Exception as error:  # whatever it is, the next question must still be answered
                if not isinstance(error, ValueError):
                    log.exception("a live night failed")
                self._drop(question)
                self._complain(question, error)
                continue
            with self._changed:
                question.taken = False
                self._changed.notify_all()

    def _live_once_more(self, question: Question) -> None:
        replication = len(question.now)
        if question.prepared is None:
            question.prepared = self._live.prepare(question.position)
        pause = partial(self._let_new_ones_pass, question) if replication else lambda: None
        if replication not in self._plan:
            self._plan[replication] = self._live.live_through(self._prepared_plan, replication, pause=pause)
        question.now.append(self._live.live_through(question.prepared, replication, pause=pause))

    def _tell_if_due(self, question: Question) -> None:
        nights = len(question.now)
        if self._is_newest(question) and nights in (*TOLD_AFTER, self._nights):
            plan = [self._plan[number] for number in range(nights)]
            self._tell(question, Answer(live=self._live, position=question.position, plan=plan, now=list(question.now)))

    def _let_new_ones_pass(self, question: Question) -> None:
        """Wait as long as somebody has no answer yet: two threads that measure would slow each other down."""
        with self._changed:
            while self._questions.get(question.asker) is question:
                if all(each.now for each in self._questions.values()):
                    return
                self._changed.wait()
        raise Replaced

    @cached_property
    def _prepared_plan(self) -> Prepared:
        return self._live.prepare({})

    def _is_newest(self, question: Question) -> bool:
        with self._changed:
            return self._questions.get(question.asker) is question

    def _drop(self, question: Question) -> None:
        with self._changed:
            if self._questions.get(question.asker) is question:
                del self._questions[question.asker]
            self._changed.notify_all()


# --- the page ---------------------------------------------------------------------------------------------


class LivePage(anywidget.AnyWidget):
    """The live controls as a widget, for JupyterLab and the dashboard.

    Every browser and every tab that shows it has sliders of its own: what one moves no other sees, even where both
    show the same notebook and so have one kernel. A tab that is reloaded stands where it stood. All computing is
    done by :class:`Newest`; a message that comes in only leaves a question behind.

    Parameters
    ----------
    live : LiveNight
        What is shown.
    store : str or Path
        Where a scenario is kept when the user says so.
    lang : {"zh", "en"}
        Language of every word on the page.
    nights : int
        How many nights an answer rests on in the end.
    """

    _esm = Path(__file__).with_name("live.js")
    _css = Path(__file__).with_name("live.css")
    page = traitlets.Dict().tag(sync=True)

    def __init__(self, live: LiveNight, *, store: str | Path, lang: Lang = "zh", nights: int = 30) -> None:
        self.live, self._store, self._lang, self._nights = live, Path(store), lang, nights
        self._newest = Newest(live, tell=self._tell, complain=self._complain, nights=nights)
        super().__init__(page=describe_page(live, lang))
        self.on_msg(self._hear)

    @classmethod
    def of(
        cls, plan: Plan, *, store: str | Path, roster: str | Path = "", lang: Lang = "zh", nights: int = 30
    ) -> LivePage:
        """Make the page of a plan's night; ``roster`` is the Parquet table of an earlier run of the same plan."""
        kept = pd.read_parquet(roster) if roster else None
        return cls(LiveNight.of(plan, roster=kept), store=store, lang=lang, nights=nights)

    def _hear(self, _: object, message: Mapping[str, Any], buffers: object) -> None:
        """Take in what a browser says."""
        if message["kind"] == "ask":
            self._newest.ask(message["view"], message["number"], message["position"])
        elif message["kind"] == "leave":
            self._newest.forget(message["view"])
        elif message["kind"] == "keep":
            said, good = self.keep(message["position"], name=message["name"])
            self.send({"kind": "said", "view": message["view"], "text": said, "good": good})

    def keep(self, position: Position, *, name: str) -> tuple[str, bool]:
        """Keep a position in the store's workbook as a scenario; give the sentence to show, and whether it is kept."""
        name = name.strip()
        if not name:
            return translate("live.nameless", self._lang), False
        try:
            scenario = self.live.scenario(position, name=name)
            if scenario is None:
                return translate("live.nothing_changed", self._lang), False
            place, replaced = keep_in_store(scenario, self._store, lang=self._lang)
        except ScenarioError as error:
            return error.text(self._lang), False
        except StoreError as error:
            return error.text(self._lang), False
        except OSError as error:
            return translate("live.not_kept", self._lang, file=self._store.name, reason=error.strerror), False
        except ValueError as error:  # a position that the page itself cannot make
            return self._failed(error), False
        again = translate("live.replaced", self._lang) if replaced else ""
        told = {"name": name, "file": self._store.name, "again": again}
        if place != self._store:
            return translate("live.kept_beside", self._lang, copy=place, **told), True
        return translate("live.kept_in", self._lang, **told), True

    def _tell(self, question: Question, answer: Answer) -> None:
        whole = self.live.read(question.position)
        dark = [whole["outage_from"], whole["outage_to"]] if whole["outage"] else None
        message = {
            "kind": "night",
            "view": question.asker,
            "number": question.number,
            "nights": len(answer.now),
            "status": translate("live.nights", self._lang, n=len(answer.now), of=self._nights),
            "table": describe_table(answer, self._lang),
            "verdict": answer.verdict(self._lang),
            "good": not answer.missed(),
            "dark": dark,
        }
        self.send(message, buffers=[answer.curves().tobytes()])

    def _failed(self, error: Exception) -> str:
        return translate("live.failed", self._lang, reason=type(error).__name__)

    def _complain(self, question: Question, error: Exception) -> None:
        text = error.text(self._lang) if isinstance(error, ScenarioError) else self._failed(error)
        self.send({"kind": "said", "view": question.asker, "number": question.number, "text": text, "good": False})


def keep_in_store(scenario: Scenario, path: Path, *, lang: Lang) -> tuple[Path, bool]:
    """Put a scenario on the sheet ``scenarios`` of the store as it is on the disk now.

    Gives the file it went into, and whether it took the place of a scenario of the same name.

    A workbook that must not be written, or that somebody has open in Excel, stays as it is: the store with the
    scenario is saved beside it under a new name, or in the working directory where its folder is closed, too.

    Raises
    ------
    StoreError
        The store cannot be read any more.
    OSError
        Nowhere can be written.
    """
    before = load_store(path)
    replaced = any(row.name == scenario.name for row in before.scenarios)
    store = keep_scenario(before, scenario)
    opened = path.with_name(f"~${path.name}").exists()
    if not opened and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        try:
            save_store(store, path, lang)
        except StoreError:  # Windows: another program holds the file
            opened = True
        else:
            return path, replaced
    folder = path.parent if os.access(path.parent, os.W_OK) else Path.cwd()
    stamp = pd.Timestamp.now().strftime("%Y%m%d-%H%M%S")
    copy = folder / f"{path.stem}-{stamp}{path.suffix}"
    save_store(store, copy, lang)
    return copy, replaced


GROUPS = ("cohort", "floor", "buyers", "outage")
ASCII = "".join(map(chr, range(32, 127)))
UNITS = {"people": "people", "chats": "chats", "hours": "h"}
WORDS = ("undo", "back_to_plan", "keep", "name_it", "now", "change", "none", "thinking", "keys", "lost_touch")


def describe_page(live: LiveNight, lang: Lang) -> dict[str, Any]:
    """Write out everything on the page that does not change: words, sliders, the clock, the curves' titles."""
    night = live.night
    minutes = np.arange(live.steps.n + 1) * STEP_S / 60
    page = {
        "lang": {"zh": "zh-CN", "en": "en"}[lang],
        "title": translate("live.title", lang, store=live.name, day=f"{night_day(live):%Y-%m-%d}"),
        "words": {key: translate(f"live.{key}", lang) for key in WORDS} | {"plan": label("plan", lang)},
        "groups": [[group, translate(f"live.group_{group}", lang)] for group in GROUPS],
        "sliders": [
            asdict(slider) | {"label": slider_label(slider, lang), "unit": unit_of(slider, lang)}
            for slider in live.sliders.values()
        ],
        "outages": [[name, outage_label(scenario, lang)] for name, scenario in live.outages.items()],
        "outage_label": translate("live.outage", lang),
        "plan": live.plan_position,
        "clock": [f"{live.moment(minute):%H:%M}" for minute in minutes],
        "step_min": STEP_S / 60,
        "curves": [[key, label(key, lang), unit_word(glossary()[key]["unit"], lang)] for key in CURVES],
        "target": {
            "curve": "first_response",
            "value": night.threshold_s,
            "label": target_label(night.threshold_s, lang),
        },
        "rows": [[key, label(key, lang)] for key in live.headline],
    }
    spoken = "".join(twins[lang] for key, twins in texts().items() if key.startswith(("live.", "store.")))
    return page | {"typeface": embed_typeface(repr(page) + spoken + ASCII)}


def night_day(live: LiveNight) -> pd.Timestamp:
    """Tell the day of the night: that of its opening, else that of its first hour."""
    return live.opening if live.opening is not None else live.night.grid.opens


def slider_label(slider: Slider, lang: Lang) -> str:
    """Name a slider: a cohort by its own name, the rest by its key."""
    cohort = slider.key.removeprefix("people_")
    return label(cohort, lang) if cohort != slider.key else translate(f"live.slider_{slider.key}", lang)


def target_label(seconds: float, lang: Lang) -> str:
    """Name the line of the target."""
    return translate("live.target", lang, value=quantity(seconds, "s", lang))


def unit_of(slider: Slider, lang: Lang) -> str:
    """Name the unit behind a slider's value; shares and clock times have none."""
    return unit_word(UNITS[slider.shown], lang) if slider.shown in UNITS else ""


def outage_label(scenario: Scenario, lang: Lang) -> str:
    """Name an outage and the place that it strikes."""
    incident = scenario.incidents[0]
    place = incident.room or incident.site
    title = scenario.title(lang)
    return translate("live.outage_at", lang, name=title, place=place) if place else title


def describe_table(answer: Answer, lang: Lang) -> list[dict[str, Any]]:
    """Write out the table of differences, one row a KPI: plan, now, change with its band, and whether it is better."""
    rows = []
    for row in answer.table().to_dict("records"):
        key, change, half = row["kpi"], row["change"], row["half_width"]
        unit = glossary()[key]["unit"]
        scale, digits = (100.0, 1) if unit == "share" else (1.0, 1 if unit == "s" else 0)
        certain = np.isfinite(half) and abs(change) > half
        finer = digits + (scale * half < 0.5 * 10.0**-digits)  # a narrow band does not read as none
        rows.append(
            {
                "plan": figure(row["plan"], unit, lang),
                "now": figure(row["now"], unit, lang),
                "change": signed(scale * change, digits) if np.isfinite(change) else "–",
                "band": f"±{scale * half:,.{finer}f}" if np.isfinite(half) and half > 0 else "",
                "better": bool((change > 0) == (BETTER.get(key) == "higher")) if certain and key in BETTER else None,
            }
        )
    return rows


def figure(value: float, unit: str, lang: Lang) -> str:
    """Write a figure of the table: money and people whole, seconds and shares with one digit.

    Examples
    --------
    >>> figure(1234.5, "CNY", "en"), figure(0.8512, "share", "en"), figure(float("nan"), "s", "en")
    ('1,234 CNY', '85.1%', '–')
    """
    if not np.isfinite(value):
        return "–"
    if unit == "share":
        return f"{100 * value:.1f}%"
    return f"{value:,.{1 if unit == 's' else 0}f} {unit_word(unit, lang)}"
