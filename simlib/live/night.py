"""The night that the sliders change: what they are, what a position of them means, and one night of it simulated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache, reduce
from typing import Any

import numpy as np
import pandas as pd

from simlib import facts, kpis
from simlib.actions.moves import ActionError, PlannedMove, apply_moves
from simlib.actions.offers import Offer, read_offers
from simlib.intervals import Grid
from simlib.kpis import COURSE_STEP_S, NightLog, PlatformScore, buyers_waiting, open_chats
from simlib.night import PromoNight
from simlib.night.buyers import Buyers
from simlib.planning import Plan
from simlib.simulator import Agents, Contacts, Result
from simlib.simulator.replicate import Variant, measure_night
from simlib.stress.scenarios import Incident, Scenario, people_in_order, standard_scenarios

Position = Mapping[str, float | str]
NightFigures = Mapping[str, Any]
OUTAGES = ("bot_down", "seats_down", "slow", "seat_left")
BEFORE_RUSH, AFTER_RUSH = pd.Timedelta(hours=1), pd.Timedelta(hours=5)
NIGHTS_KEPT = 8  # drawn nights of changed buyers that stay in memory, some 2 MB each for 14,000 contacts
PLAN_NIGHTS_KEPT = 30  # of the plan's own buyers, whom most positions meet
MOVES, JOINT = "moves", "|"  # where a position names the moves that are taken, and what stands between them
ONE_MORE = "one_more_lost_"  # before the key of a platform's figure
MOVES_KEPT = 4  # nights after moves that stay in memory
MOST_CHATS = 10  # at once, where the concurrency slider ends at the earliest (ours)


@dataclass(frozen=True, kw_only=True)
class Slider:
    """A value that a lead can change.

    Parameters
    ----------
    key : str
        Its name in a position.
    group : str
        Its group on the page; a key of the glossary.
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
    offers : sequence of Offer
        The actions that can be taken by one click.
    base : CachedNights, optional
        The buyers to start from; left out, those that the night draws.
    open_hours : bool array, optional
        Which half hours are in service hours; left out, all.
    shares : mapping of platform to share, optional
        How the chats fall onto the platforms that the store sells on; left out, all are on its own.
    score_steps : mapping of key to steps, optional
        What a platform's headline earns, where the store has typed it (:func:`simlib.kpis.points_of`).

    Examples
    --------
    A position names what is to differ; the rest is as in the plan::

        live = LiveNight.of(plan("templates/stores/appliances.xlsx"))
        live.scenario({"people_own": 50, "bot_share": 0.6}, name="More of both")
    """

    night: PromoNight
    opening: pd.Timestamp | None
    targets: Mapping[str, float]
    seed: int
    name: str = ""
    offers: Sequence[Offer] = ()
    base: CachedNights | None = None
    open_hours: np.ndarray | None = field(default=None, repr=False)
    shares: Mapping[str, float] = field(default_factory=dict)
    score_steps: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan, *, roster: pd.DataFrame | None = None, offers: Sequence[Offer] | None = None) -> LiveNight:
        """Return the live night of a plan; roster and actions from an earlier run save working them out again."""
        night = plan.night if roster is None else plan.night_of(roster)
        if offers is None:
            offers = read_offers(plan.actions_result.tables) if roster is None else ()
        return cls(
            night=night,
            offers=tuple(offers),
            opening=plan.inputs.opening,
            targets=plan.inputs.floors,
            seed=plan.seed,
            name=plan.store.store.name,
            open_hours=plan.inputs.open_hours,
            shares=plan.store.platform_shares,
            score_steps={score.key: plan.inputs.steps_of(score) for score in night.scores},
        )

    # --- the sliders

    @cached_property
    def sliders(self) -> Mapping[str, Slider]:
        """Return every slider by key, in the order of the page."""
        night, opens_min, closes_min = self.night, 0.0, float(self.night.grid.edges_s[-1]) / 60
        made = []
        for cohort, heads in self.cohorts.items():
            most = heads + max(10, heads // 2)
            made.append(self._slider(f"people_{cohort}", "cohort", heads, 0, most, 1, "people"))
        most = max(MOST_CHATS, self.concurrency + 4)
        made.append(self._slider("concurrency", "floor", self.concurrency, 1, most, 1, "chats"))
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
        """Return the people on the night's roster, by cohort."""
        opens, closes = self._window
        roster = self.night.roster
        chatting = roster["activity"].eq("chat") & (roster["start"] < closes) & (roster["end"] > opens)
        on_duty = self.night.people["agent_id"].isin(roster.loc[chatting, "agent_id"])
        counted = self.night.people.loc[on_duty, "cohort"].value_counts()
        return {str(cohort): int(heads) for cohort, heads in counted.items()}

    @cached_property
    def concurrency(self) -> int:
        """Return the median concurrency limit of the people."""
        return int(self.night.people["capacity"].median())

    @cached_property
    def bot_share(self) -> float:
        """Return the share of the contacts that the bot resolves, rounded to what the slider can show."""
        return round(next(iter(self.night.services.values())).bot_share, 2)

    @cached_property
    def presale_share(self) -> float:
        """Return the share of presale among presale and after-sale contacts, rounded to what the slider can show."""
        contacts = self._contacts
        return round(contacts["presale"] / (contacts["presale"] + contacts["aftersale"]), 2)

    @cached_property
    def outages(self) -> dict[str, Scenario]:
        """Return what may fail, by standard scenario; the sliders set the time of its incident."""
        found = {scenario.name: scenario for scenario in standard_scenarios(self.night)}
        return {
            name: scenario
            for name, scenario in found.items()
            if len(scenario.incidents) == 1 and scenario.incidents[0].kind in OUTAGES
        }

    @property
    def plan_position(self) -> dict[str, float | str]:
        """Return the position of the plan."""
        return {"outage": "", MOVES: "", **{key: slider.plan for key, slider in self.sliders.items()}}

    @cached_property
    def _contacts(self) -> dict[str, float]:
        contacts = self.night.forecast.groupby("queue")["contacts"].sum()
        return {str(queue): float(total) for queue, total in contacts.items()}

    @cached_property
    def _window(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        grid = self.night.grid
        return grid.opens, grid.times(grid.edges_s[-1:])[0]

    def _minutes(self, moment: pd.Timestamp) -> float:
        return float(self.night.grid.seconds(pd.DatetimeIndex([moment]))[0]) / 60

    def moment(self, minutes: float) -> pd.Timestamp:
        """Return the time so many minutes after the night opens."""
        return self.night.grid.opens + pd.Timedelta(minutes=float(minutes))

    # --- positions

    def read(self, position: Position) -> dict[str, float | str]:
        """Return a position with the plan's values where it has none.

        Raises
        ------
        ValueError
            A key is unknown, or a value is no number in its slider's range or no outage that there is.
        """
        whole = self.plan_position
        for key, value in position.items():
            if key not in whole:
                raise ValueError(f"position must name one of {', '.join(whole)}, got {key!r}")
            if key == MOVES:
                self.moves_at(str(value))
                whole[key] = str(value)
                continue
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

    @cached_property
    def moves(self) -> Mapping[str, PlannedMove]:
        """Return every move of the actions, by its key."""
        return {move.key: move for offer in self.offers for move in offer.moves}

    def moves_at(self, value: str) -> tuple[PlannedMove, ...]:
        """Return the moves that a position has taken.

        Raises
        ------
        ValueError
            A move is unknown.
        """
        keys = [key for key in value.split(JOINT) if key]
        for key in keys:
            if key not in self.moves:
                raise ValueError(f"{MOVES} must name some of {', '.join(self.moves)}, got {key!r}")
        return tuple(self.moves[key] for key in keys)

    def take(self, position: Position, action: str) -> dict[str, float | str]:
        """Return the position with an action taken; moves of it that are taken already stay.

        Raises
        ------
        ActionError
            There is no such action, all of it is taken already, or it clashes with what is taken.
        """
        whole = self.read(position)
        offer = next((each for each in self.offers if each.key == action), None)
        if offer is None:
            raise ActionError("unknown_action", action=action, allowed=[each.key for each in self.offers])
        taken = self.moves_at(str(whole[MOVES]))
        fresh = [move for move in offer.moves if move not in taken]
        if not fresh:
            raise ActionError("already_taken", what=offer.moves[0].text())
        apply_moves(self.night, [*taken, *fresh])
        return whole | {MOVES: JOINT.join(move.key for move in (*taken, *fresh))}

    def scenario(self, position: Position, *, name: str) -> Scenario | None:
        """Return a position as a scenario; None where it changes nothing.

        Raises
        ------
        ValueError
            As :meth:`read`.
        ScenarioError
            The outage ends before it begins.
        """
        incidents = tuple(self._incidents(self.read(position)))
        return Scenario(name=name, incidents=incidents) if incidents else None

    def is_plan(self, position: Position) -> bool:
        """Return whether a position changes nothing; raises as :meth:`scenario`."""
        return not position.get(MOVES) and self.scenario(position, name="live") is None

    def _incidents(self, position: Mapping[str, Any]) -> Iterator[Incident]:
        """Yield the incidents of a whole position: people first, so that an outage hits those who are added."""
        yield from self._crew_incidents(position)
        yield from self._buyer_incidents(position)
        yield from self._outage_incidents(position)

    def _buyer_incidents(self, position: Mapping[str, Any]) -> Iterator[Incident]:
        """Yield the incidents that change who comes, and when."""
        start, end = self._window
        if position["bot_share"] != self.bot_share:
            change = round(position["bot_share"] - self.bot_share, 4)
            yield Incident(kind="bot_share", start=start, end=end, size=change)
        yield from self._mixed(position.get("presale_share"))
        if self.opening is not None and position["opening"] != self.sliders["opening"].plan:
            moved = self.moment(position["opening"])
            yield Incident(kind="opening_moved", start=self.opening, end=moved)

    def _outage_incidents(self, position: Mapping[str, Any]) -> Iterator[Incident]:
        """Yield the outage, if there is one."""
        if position["outage"]:
            begins, ends = (self.moment(position[edge]) for edge in ("outage_from", "outage_to"))
            given = self.outages[position["outage"]].incidents[0]
            place = {key: getattr(given, key) for key in ("size", "queue", "site", "room", "seat")}
            yield Incident(kind=given.kind, start=begins, end=ends, **place)

    def _crew_incidents(self, position: Mapping[str, Any]) -> Iterator[Incident]:
        """Yield the incidents that change who works, how, and until when."""
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
        """Yield the incidents that shift contacts between presale and after-sale and keep their sum."""
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
        """Return the rows of each cohort's people, in the order in which its slider removes or doubles them."""
        start, end = self._window
        rows = pd.Index(self.night.people["agent_id"])
        change = {
            cohort: Incident(kind="people", start=start, end=end, size=1, cohort=cohort) for cohort in self.cohorts
        }
        return {cohort: rows.get_indexer(people_in_order(self.night, one)) for cohort, one in change.items()}

    @cached_property
    def _crew(self) -> Callable[[float], PaidAgents]:
        """Return the roster's people when all stay so many hours longer; each number of hours is computed once."""
        return cache(self._make_crew)

    def _make_crew(self, stay_h: float) -> PaidAgents:
        start, end = self._window
        stay = (Incident(kind="stay", start=start, end=end, size=stay_h),) if stay_h else ()
        night = reduce(apply_incident, stay, self.night)
        regular_h = self._paid_h(self.night, within=False)
        more_h = self._paid_h(night) - self._paid_h(self.night)
        overtime = facts.value("labour", "overtime_pay_pct", on=self.night.grid.opens.date()) / 100
        rate = night.people["cost_cny_h"].astype(float)
        rate = rate.fillna(rate.mean() if rate.notna().any() else 0.0).to_numpy()
        return PaidAgents(agents=night.agents(), wages_cny=(regular_h + more_h * float(overtime)) * rate)

    def _paid_h(self, night: PromoNight, *, within: bool = True) -> np.ndarray:
        """Return each person's paid hours, all that are rostered but meals: of the night, or of the whole roster."""
        opens_s, closes_s = night.grid.edges_s[[0, -1]] if within else (-np.inf, np.inf)
        roster = night.roster[night.roster["activity"] != "meal"]
        end_s, start_s = (night.grid.seconds(roster[edge]).clip(opens_s, closes_s) for edge in ("end", "start"))
        person = pd.Index(night.people["agent_id"]).get_indexer(roster["agent_id"])
        return np.bincount(person, (end_s - start_s) / 3600, minlength=len(night.people))

    def _chosen(self, position: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Return the row of the people for each agent of a position, which of these are there, and their names.

        The plan's people come first, those taken off included, then those who are added, as in the incident.
        """
        rows = [np.arange(len(self.night.people))]
        names = self.night.people["agent_id"].tolist()
        gone: list[int] = []
        for cohort, heads in self.cohorts.items():
            more = round(position[f"people_{cohort}"]) - heads
            added = np.resize(self._order[cohort], max(more, 0))
            rows.append(added)
            names += [f"{names[row]}+{number // len(self._order[cohort]) + 1}" for number, row in enumerate(added)]
            gone += self._order[cohort][: max(-more, 0)].tolist()
        row = np.concatenate(rows)
        there = np.ones(len(row), dtype=bool)
        there[gone] = False
        return row, there, names

    # --- living through it

    @property
    def headline(self) -> tuple[str, ...]:
        """Return the KPIs of the table, by key of the glossary: all that have a target, and what they cost."""
        platforms = [score.key for score in self.judges]
        shown = ("rostered_heads", *self.targets, self.judged_by, *platforms)
        return tuple(dict.fromkeys((*shown, "first_response", "buyers_lost", "sales_lost", "night_wages")))

    @cached_property
    def judges(self) -> tuple[PlatformScore, ...]:
        """Return the headline of each platform that the store sells on, its own first."""
        first: dict[str, PlatformScore] = {}
        for number, score in enumerate(self.night.scores):
            if number == 0 or score.platform in self.shares:
                first.setdefault(score.platform, score)
        return tuple(first.values())

    @property
    def judged_by(self) -> str:
        """Return the figure by which the platform judges the night, by key of the glossary."""
        return self.night.scores[0].key if self.night.scores else self.night.rates[0].key

    @property
    def rush(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """Return the hours around the opening, or around the busiest half hour where nothing opens: 19:00 to 01:00."""
        middle = self.opening or self.night.forecast.groupby("start")["contacts"].sum().idxmax()
        opens, closes = self._window
        return max(opens, middle - BEFORE_RUSH), min(closes, middle + AFTER_RUSH)

    @cached_property
    def steps(self) -> Grid:
        """Return the ten-minute steps of the curves."""
        grid = self.night.grid
        return Grid(opens=grid.opens, n=int(grid.edges_s[-1]) // COURSE_STEP_S, step_s=COURSE_STEP_S)

    def prepare(self, position: Position) -> PreparedNight:
        """Return a position ready to be simulated: buyers, agents, head count and wages.

        Raises
        ------
        ValueError, ScenarioError
            As :meth:`scenario`.
        """
        return self._prepare(self.read(position))

    def _prepare(self, whole: Mapping[str, Any]) -> PreparedNight:
        if whole[MOVES]:
            changed = self._after(whole[MOVES])
            return changed._prepare(changed._follow(self, whole))
        row, there, names = self._chosen(whole)
        crew = self._crew(whole["stay"])
        shifts = take_rows(crew.agents.shifts, np.where(there, row, -1))
        places = crew.agents.capacity[row] + round(whole["concurrency"] - self.concurrency)
        agents = Agents(
            shifts=shifts,
            capacity=np.maximum(places, 1),
            speed=crew.agents.speed[row],
            weight=crew.agents.weight[row],
            skill=None if crew.agents.skill is None else crew.agents.skill[row],
        )
        outage = reduce(apply_incident, self._outage_incidents(whole), self.night)
        rows = {name: take_rows(getattr(outage.disruptions, name), row) for name in ("down", "slow", "away")}
        disruptions = replace(outage.disruptions, **rows)
        buyers = self._buyers_of(whole)
        return PreparedNight(
            variant=Variant(
                draw=buyers.draw,
                agents=agents,
                policy=outage.policy,
                disruptions=disruptions,
                attend=self.night.attend(names),
            ),
            heads=float(len(np.unique(shifts["agent"]))),
            wages_cny=float(crew.wages_cny[row[there]].sum()),
        )

    @cached_property
    def _after(self) -> Callable[[str], LiveNight]:
        """Return the live night after some moves, on the same buyers; the last few are kept."""
        return lru_cache(maxsize=MOVES_KEPT)(self._apply)

    def _apply(self, value: str) -> LiveNight:
        night = apply_moves(self.night, self.moves_at(value))
        base = CachedNights(buyers=night.buyers(self._buyers)) if night.episodes else self._buyers
        return replace(self, night=night, offers=(), base=base)

    def _follow(self, plan: LiveNight, whole: Mapping[str, Any]) -> dict[str, Any]:
        """Return another live night's position, its sliders as far from the plan here as they are there."""
        moved = dict(whole) | {MOVES: ""}
        for cohort, heads in self.cohorts.items():
            more = whole.get(f"people_{cohort}", 0) - plan.cohorts.get(cohort, 0)
            moved[f"people_{cohort}"] = max(0, heads + more)
        moved["concurrency"] = self.concurrency + whole["concurrency"] - plan.concurrency
        return moved

    def simulate(
        self, prepared: PreparedNight, replication: int, *, pause: Callable[[], object] = lambda: None
    ) -> NightFigures:
        """Simulate one night of a position and return what the page shows of it.

        ``pause`` is called before the night and before it is measured: in a thread that can wait, it waits there.
        """

        def measure(contacts: Contacts, agents: Agents, result: Result) -> NightFigures:
            pause()
            return self.measure(contacts, agents, result)

        pause()
        contacts = prepared.variant.draw(seed=self.seed, replication=replication)
        tonight = prepared.variant.of_night(seed=self.seed, replication=replication)
        figures = dict(measure_night(contacts, tonight, measure=measure, turns=True))
        return figures | {"rostered_heads": prepared.heads, "night_wages": prepared.wages_cny}

    def measure(self, contacts: Contacts, agents: Agents, result: Result) -> NightFigures:
        """Return one night's KPIs for the table, what it is judged by, and its curves by ten minutes."""
        night, rate = self.night, self.night.rates[0]
        money: dict[str, Any] = {"curve": night.curve, "values_cny": night.values_cny}
        logged = NightLog.of(contacts, agents, result, queues=night.queues, opens=night.grid.opens)
        by_step = kpis.interval_groups(logged, self.steps)
        cells = kpis.by_cell(logged, grid=night.grid, queues=night.queues, threshold_s=night.threshold_s, **money)
        return {
            "first_response": kpis.first_response(logged),
            rate.key: kpis.platform_rate(logged, rate),
            **self._judge(logged),
            "service_level": kpis.service_level(logged, threshold_s=night.threshold_s),
            "lost_share": kpis.lost_share(logged),
            "sales_lost": kpis.sales(logged, **money)[1],
            "open_chats_by_step": open_chats(logged, self.steps),
            "waiting_by_step": buyers_waiting(logged, self.steps),
            "first_response_by_step": np.asarray(kpis.first_response(logged, by_step)),
            "buyers_lost": float(cells["cell_lost"].sum()),
            **cells,
        }

    def _judge(self, logged: NightLog) -> dict[str, float]:
        """Return each platform's figure of a night, and what one more buyer whom nobody answers does to it."""
        found: dict[str, float] = {}
        for score in self.judges:
            tally = kpis.count_score(logged, score)
            own = tally.scale(self.shares.get(score.platform, 1.0))
            found |= {score.key: tally.value, f"{ONE_MORE}{score.key}": kpis.cost_of_one_lost(own, score)}
        return found

    @cached_property
    def _buyers(self) -> CachedNights:
        return self.base or CachedNights(buyers=self.night.demand(), kept=PLAN_NIGHTS_KEPT)

    def _buyers_of(self, position: Mapping[str, Any]) -> CachedNights:
        """Return a position's buyers; those of the plan and of the last other position are cached."""
        incidents = tuple(self._buyer_incidents(position))
        if not incidents:
            return self._buyers
        return self._other_buyers(incidents)

    @cached_property
    def _other_buyers(self) -> Callable[[tuple[Incident, ...]], CachedNights]:
        return lru_cache(maxsize=1)(self._change_buyers)

    def _change_buyers(self, incidents: tuple[Incident, ...]) -> CachedNights:
        night = reduce(apply_incident, incidents, self.night)
        return CachedNights(buyers=night.buyers(self._buyers if night.shares_buyers(self.night) else None))


def apply_incident(night: PromoNight, incident: Incident) -> PromoNight:
    """Return the night with an incident."""
    return incident.apply_to(night)


def take_rows(rows: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Return the rows of ``people`` for each agent in turn; an agent without a person (-1) gets none.

    Examples
    --------
    >>> shifts = Agents(shifts=[(0, 0, 60), (1, 0, 30), (1, 40, 60)]).shifts
    >>> take_rows(shifts, np.array([-1, 1, 1])).tolist()
    [(1, 0.0, 30.0), (1, 40.0, 60.0), (2, 0.0, 30.0), (2, 40.0, 60.0)]
    """
    agent, row = np.nonzero(people[:, None] == rows["agent"])
    taken = rows[row]
    taken["agent"] = agent
    return taken


@dataclass(frozen=True, kw_only=True, eq=False)
class PaidAgents:
    """The roster's people, row by row: the simulator's agents, and each one's wages for the night in yuan."""

    agents: Agents
    wages_cny: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class PreparedNight:
    """A position ready to be simulated: the variant, its head count, and its wages in yuan."""

    variant: Variant
    heads: float
    wages_cny: float


@dataclass(frozen=True, kw_only=True, eq=False)
class CachedNights:
    """Buyers whose first nights, needed after every move, are drawn once and cached."""

    buyers: Buyers
    kept: int = NIGHTS_KEPT
    drawn: dict[int, Contacts] = field(default_factory=dict, repr=False)

    def draw(self, *, seed: int, replication: int) -> Contacts:
        """Return the contacts of night ``replication``; a position's seed is always the same."""
        if replication not in self.drawn:
            contacts = self.buyers.draw(seed=seed, replication=replication)
            if replication >= self.kept:
                return contacts
            self.drawn[replication] = contacts
        return self.drawn[replication]
