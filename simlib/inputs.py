"""What every chapter of one promo night starts from: a store and a wave, bound to the chapters' functions."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simlib import facts
from simlib.clock import read_moment
from simlib.forecasting.promo import (
    PromoCurve,
    hours_of_opening,
    minute_profile,
    promo_curve,
    read_past_promos,
    spread_day,
)
from simlib.forecasting.requirement import Targets
from simlib.forecasting.result import (
    ConcurrencyResult,
    ForecastResult,
    RequirementResult,
    TonightResult,
    open_at,
    work_out_concurrency,
    work_out_forecast,
    work_out_requirement,
    work_out_tonight,
)
from simlib.intervals import Grid
from simlib.kpis import ConversionCurve, PlatformRate, contact_values, platform_rates
from simlib.messages import Message, UserError
from simlib.night import ForecastRisk, PromoNight, Shrinkage
from simlib.readiness.conflicts import find_conflicts
from simlib.readiness.floor import check_logistics
from simlib.readiness.gate import bring_results
from simlib.readiness.quiz import mark_exam
from simlib.readiness.result import show_conflicts
from simlib.readiness.workbook import ReadinessBook, empty_book, read_readiness
from simlib.retrospective.variance import NightFacts
from simlib.roster import Roster, RosterRules, adopt_roster, from_matrix, make_shifts
from simlib.simulator import Policy
from simlib.simulator.draw import ChatService, services_from_store
from simlib.staffing import effective_speed, may_serve
from simlib.store.models import NEEDED, SHEETS, Profile, Store, Wave
from simlib.store.problems import Problem
from simlib.store.sources import read_matrix

NIGHT_H = 28  # the promo day and the first hours after its midnight
# The day after each kind of day, for the hours after midnight (ours: profile L is the day after an evening opening).
NEXT_PROFILE: dict[Profile, Profile] = {"N": "N", "M": "N", "E": "L", "L": "N"}


@dataclass(frozen=True, kw_only=True)
class NightInputs:
    """The store and the wave, made ready for the chapters.

    Attributes
    ----------
    store, wave : Store, Wave
        The store and the wave whose day is planned.
    """

    store: Store
    wave: Wave

    @property
    def grid(self) -> Grid:
        """The night's half hours, from midnight before the promo day to four in the morning after it."""
        return Grid.of_day(self.wave.day, tz=self.store.store.timezone, hours=NIGHT_H)

    @property
    def open_hours(self) -> np.ndarray:
        """Which half hours of the night are in service hours."""
        return open_at(self.grid.starts, self.store.store)

    @property
    def opening(self) -> pd.Timestamp | None:
        """The instant at which the wave opens, where its day has an opening."""
        if self.wave.profile not in ("E", "M"):
            return None
        return self.store.local_times([self.wave.start])[0]

    def read_moment(self, text: str) -> pd.Timestamp:
        """Read a time of this night, as :func:`simlib.clock.read_moment` does."""
        last = self.grid.times(self.grid.edges_s[-1:])[0] - pd.Timedelta(minutes=1)
        return read_moment(text, first=self.grid.opens, last=last, opening=self.opening)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """What the store has filled in: sheet, rows, needed."""
        count = {sheet: 1 if sheet == "store" else len(getattr(self.store, sheet)) for sheet in SHEETS}
        rows = [(sheet, count[sheet], sheet in NEEDED) for sheet in SHEETS]
        return {"filled_in": pd.DataFrame(rows, columns=["sheet", "rows", "needed"])}

    # --- who comes ---

    @cached_property
    def history(self) -> dict[str, pd.Series]:
        """Contacts that came, by queue: counts on the store's own clock."""
        rows = self.store.frame("history")
        return {
            queue: pd.Series(table["contacts"].to_numpy(), index=self.store.local_times(table["start"])).sort_index()
            for queue, table in rows.groupby("queue", sort=False)
        }

    @property
    def promo_days(self) -> dict[str, list[dt.date]]:
        """The days of the history that belonged to a promo, by its name."""
        rows = self.store.frame("history").dropna(subset="promo")
        days = rows["start"].dt.date if len(rows) else rows["start"]
        return {name: sorted(set(days[rows["promo"] == name])) for name in rows["promo"].unique()}

    @cached_property
    def actuals(self) -> pd.DataFrame:
        """What came on the night itself, on the store's own clock; the sheet of actuals."""
        rows = self.store.frame("actuals")
        return rows.assign(start=self.store.local_times(rows["start"]))

    @cached_property
    def curve(self) -> PromoCurve:
        """Shape and uplift of the wave's kind of day, the more the store's own the more promos it has behind it."""
        own = [
            promo
            for counts in self.history.values()
            for promo in read_past_promos(counts, self.promo_days, coming=self.wave.profile)
        ]
        return promo_curve(self.wave.profile, own)

    @cached_property
    def shape(self) -> np.ndarray:
        """Share of the promo day in each of its 24 hours."""
        own = self.store.day_profile
        if self.wave.profile != "N" or not own:
            return self.curve.shape
        shares = np.zeros(24)
        for row in own:
            shares[row.hour] = row.share
        return shares / shares.sum()

    @cached_property
    def hours(self) -> np.ndarray:
        """Share of the promo day in each of its hours, with the opening at its own hour."""
        opens = self.wave.start.time()
        if self.opening is None or opens == dt.time(int(self.shape.argmax())):
            return self.shape
        return hours_of_opening(self.shape, opening=opens, next_profile=self.next_shape)

    @property
    def next_shape(self) -> np.ndarray:
        """Shape of the day after, for the hours after midnight."""
        return promo_curve(NEXT_PROFILE[self.wave.profile]).shape

    def spread_day(self, queue: str, *, total: float, low: float, high: float) -> pd.DataFrame:
        """Spread one queue's day over the night's half hours: start, queue, contacts, p05, p95, bot, human."""
        return spread_day(
            queue=queue,
            total=total,
            low=low,
            high=high,
            profile=self.shape,
            next_profile=self.next_shape,
            grid=self.grid,
            opening=self.opening,
            bot_share=self.store.ratio("bot_share").likely,
            transfer_rate=self.transfer_rate,
            shape_cv=self.curve.shape_cv,
        )

    @cached_property
    def peak_share(self) -> float:
        """Share of the day in its busiest half hour."""
        return float(self.spread_day("presale", total=1.0, low=1.0, high=1.0)["contacts"].max())

    @property
    def minutes(self) -> pd.Series | None:
        """How the contacts after the opening fall into minutes: a burst, not an even half hour."""
        return None if self.opening is None else minute_profile(self.grid, opening=self.opening)

    # --- how they are served ---

    @property
    def transfer_rate(self) -> float:
        """Share of the human contacts that one agent hands on to another, who receives them once more."""
        return self.store.ratio("transfer_rate").likely

    @cached_property
    def services(self) -> dict[str, ChatService]:
        """What a chat of each queue takes, by the store's ratios."""
        return services_from_store(self.store)

    @cached_property
    def policy(self) -> Policy:
        """How the floor is run, by the store's ratios."""
        return Policy(
            close_s=self.store.ratio("close_s").likely, silent_close_s=self.store.ratio("silent_close_s").likely
        )

    @property
    def shrinkage(self) -> Shrinkage:
        """How much of the rostered time is not on chat, by the store's ratio."""
        return Shrinkage.of_share(self.store.ratio("shrinkage").likely)

    @property
    def floor(self) -> dict[str, Any]:
        """The services and the policy, as the requirement and the night take them."""
        return {"services": self.services, "policy": self.policy}

    def make_night(self, forecast: pd.DataFrame, roster: pd.DataFrame, *, aov_cny: float) -> PromoNight:
        """Make the night as a roster meets it."""
        return PromoNight(
            grid=self.grid,
            forecast=forecast,
            people=self.people,
            roster=roster,
            threshold_s=self.target("service_level_s"),
            rates=self.rates,
            curve=ConversionCurve.default(),
            values_cny=self.contact_values_cny(aov_cny=aov_cny),
            busyness_cv=self.store.ratio("busyness_cv").likely,
            minute_profile=self.minutes,
            opening=self.opening,
            shrinkage=self.shrinkage,
            **self.floor,
        )

    def forecast_risk(self, cascade: pd.DataFrame) -> ForecastRisk:
        """Return how far the forecast may be off: each queue's total by the cascade's band, the shape by its spread."""
        steps = cascade.set_index("step").loc[[f"{queue}_contacts" for queue in ("presale", "aftersale")]]
        steps = steps[(steps["value"] > 0) & (steps["low"] > 0)]
        total = {
            step.removesuffix("_contacts"): (min(row["low"] / row["value"], 1.0), max(row["high"] / row["value"], 1.0))
            for step, row in steps.iterrows()
        }
        return ForecastRisk(total=total, shape_cv=self.curve.shape_cv)

    @cached_property
    def people(self) -> pd.DataFrame:
        """The store's people with speed on the day, site and room; row i is the simulator's agent i."""
        agents = self.store.frame("agents")
        agents["speed"] = [effective_speed(agent, day=self.wave.day) for agent in self.store.agents]
        places = self.store.frame("site")[["seat", "site", "room"]]
        return agents.merge(places, on="seat", how="left")

    @cached_property
    def ready(self) -> frozenset[str]:
        """The agent_id of everybody who may serve on the promo day."""
        mark = self.store.rule("exam_pass_mark")
        return frozenset(a.agent_id for a in self.store.agents if may_serve(a, day=self.wave.day, exam_pass=mark))

    @property
    def concurrency(self) -> int:
        """The concurrency limit that a requirement counts with: the median of those who may serve."""
        return int(self.people["capacity"].median())

    @cached_property
    def shifts(self) -> pd.DataFrame:
        """The store's library of shifts; without one, a shift of nine hours with an hour's meal from any hour."""
        if self.store.shifts:
            return self.store.frame("shifts")
        return make_shifts(length_h=9, first=dt.time(0), last=dt.time(23), step_min=60, meal_min=60)

    def roster_tables(self, requirement: pd.DataFrame) -> dict[str, Any]:
        """Return what every roster of the night is made from, as :func:`simlib.roster.solve_roster` takes it."""
        own = {rule.key: rule.value for rule in self.store.rules}
        known = {key: value for key, value in own.items() if key in RosterRules.__dataclass_fields__}
        seats = self.store.frame("site").groupby("room")["usable"].sum().to_dict()  # a room may have none
        return {
            "requirement": requirement,
            "agents": self.people,
            "shifts": self.shifts,
            "rules": RosterRules.of_playbook(on=self.wave.day, seats=seats, **known),
            "duties": self.store.frame("duties").query("kind == 'live'"),
            "wishes": [
                {"agent_id": agent.agent_id, "date": date, "wish": wish}
                for agent in self.store.agents
                for date, wish in agent.dated_wishes
            ],
        }

    # --- chapter 3, bound to this store ---

    def forecast(self, cascade: pd.DataFrame) -> ForecastResult:
        """Spread the cascade's contacts over the night and hold them against the store's own history."""
        steps = cascade.set_index("step")[["value", "low", "high"]]
        days = {queue: steps.loc[f"{queue}_contacts"].to_dict() for queue in ("presale", "aftersale")}
        return work_out_forecast(
            [
                self.spread_day(queue, total=day["value"], low=day["low"], high=day["high"])
                for queue, day in days.items()
            ],
            planned={queue: float(day["value"]) for queue, day in days.items()},
            history=self.history,
            promo_days=self.promo_days,
            curve=self.curve,
            day=self.wave.day,
        )

    def require(self, forecast: pd.DataFrame, *, occupancy_max: float, seed: int) -> RequirementResult:
        """Find the people each half hour needs."""
        return work_out_requirement(
            forecast,
            targets=self.targets(occupancy_max=occupancy_max),
            concurrency=self.concurrency,
            shrinkage=self.store.ratio("shrinkage").likely,
            info=self.store.store,
            seed=seed,
            minute_profile=self.minutes,
            **self.floor,
        )

    def sweep_concurrency(self, forecast: pd.DataFrame, targets: Targets) -> ConcurrencyResult:
        """Sweep the concurrency limit over the busiest half hour of presale."""
        return work_out_concurrency(
            forecast,
            service=self.services["presale"],
            targets=targets,
            policy=self.policy,
            rate=self.rates[0],
            step_s=self.grid.step_s,
        )

    def look_ahead(
        self, forecast: pd.DataFrame, roster: pd.DataFrame, *, until: str, pasted: str, **how: Any
    ) -> TonightResult:
        """Correct the rest of the night by what has come up to a typed time, or by pasted lines."""
        try:
            end = self.read_moment(until) if until and not pasted else None
        except UserError as error:
            return TonightResult(note=error)
        return work_out_tonight(
            forecast,
            actuals=self.actuals,
            until=end,
            pasted=pasted,
            day=self.wave.day,
            tz=self.store.store.timezone,
            roster=roster,
            concurrency=self.concurrency,
            on_call=sorted(self.ready - set(roster["agent_id"])),
            step_s=self.grid.step_s,
            on_chat_share=self.shrinkage.on_chat_share,
            **self.floor,
            **how,
        )

    # --- the roster and the night, bound to this store ---

    def adopt_roster(self, rows: pd.DataFrame, requirement: pd.DataFrame) -> Roster:
        """Take roster rows that were kept, of a rehearsal for instance, as a roster of this night.

        Raises
        ------
        UserError
            The rows name people who are not in the store's sheet any more.
        """
        gone = sorted(set(rows["agent_id"]) - set(self.people["agent_id"]))
        if gone:
            raise UserError(Message("repair.people_gone", people=gone))
        return adopt_roster(rows, **self.roster_tables(requirement))

    def sum_contacts(self, forecast: pd.DataFrame) -> pd.DataFrame:
        """Return the night's contacts over all queues: start, contacts."""
        return forecast.groupby("start", as_index=False)["contacts"].sum()

    def plan_facts(self, night: PromoNight, *, aov_cny: float) -> NightFacts:
        """Return the planned side of the retrospective."""
        return NightFacts(
            night=night,
            inquiry_share=self.store.ratio("inquiries_per_reception").likely,
            conversion=self.store.ratio("conversion").likely,
            aov_cny=aov_cny,
            opening=self.opening,
        )

    def find_readiness(self, source: str) -> ReadinessBook:
        """Read what lies beside the store for chapter 2; an empty book where nothing does."""
        return read_readiness(source, people=set(self.people["agent_id"])) if source else empty_book()

    def read_own_roster(self, path: str) -> pd.DataFrame:
        """Read the team's own matrix: who takes which shift on which day.

        Raises
        ------
        UserError
            The file cannot be read, or cells of it cannot; all that is wrong at once.
        """
        eve = self.wave.day - dt.timedelta(days=1)
        return from_matrix(read_matrix(Path(path)), self.shifts, self.store.frame("agents"), first_day=eve)

    # --- what they are held to ---

    def target(self, key: str) -> float:
        """Return what a KPI must reach: the store's own goal, else the default of the playbook."""
        own = [goal.floor for goal in self.store.goals if goal.kpi == key and goal.queue is None]
        if own:
            return own[0]
        return float(facts.value("targets", key, on=self.wave.day, platform=self.store.store.platform))

    @cached_property
    def rates(self) -> tuple[PlatformRate, ...]:
        """The platform's own response rates on the promo day; the first is the headline."""
        return platform_rates(self.store.store.platform, on=self.wave.day)

    def targets(self, *, occupancy_max: float) -> Targets:
        """Return what every half hour of the night is held to.

        A platform that counts first turns binds the first reply.
        """
        rate, share, within_s = self.rates[0], self.target("service_level"), self.target("service_level_s")
        floor = self.target("platform_rate")
        counts_first = rate.counts == "first"
        return Targets(
            answered_share=max(share, floor) if counts_first else share,
            answered_s=min(within_s, rate.threshold_s) if counts_first else within_s,
            turn_share=None if counts_first else floor,
            turn_s=None if counts_first else rate.threshold_s,
            abandoned_max=self.target("abandoned"),
            occupancy_max=occupancy_max,
        )

    @property
    def floors(self) -> dict[str, float]:
        """What the mean night must reach, by KPI; at most where less is better, else at least."""
        targets = self.targets(occupancy_max=1.0)
        floors = {
            "service_level": targets.answered_share,
            self.rates[0].key: self.target("platform_rate"),
            "lost_share": targets.abandoned_max,
        }
        return {key: floor for key, floor in floors.items() if floor is not None}

    def contact_values_cny(self, *, aov_cny: float) -> Mapping[str, float]:
        """Return what a reception of a queue is worth: a buyer handed on is received twice and buys once."""
        receptions = 1 + self.transfer_rate * (1 - self.store.ratio("bot_share").likely)
        return {queue: value / receptions for queue, value in contact_values(self.store, aov_cny=aov_cny).items()}


def with_exam(store: Store, source: str) -> Store:
    """Return the store with the marks and checks of the readiness workbook beside it: the roster obeys the gate.

    A store without a source stays as it is.
    """
    if not source:
        return store
    book = read_readiness(source)
    marked = mark_exam(book.tables["exam"], book.kept.quizzes, pass_mark=store.rule("exam_pass_mark"))
    results = None if marked is None else marked.results
    return bring_results(store, training=book.tables["training"], results=results)


def check_book(store: Store, path: Path) -> tuple[pd.DataFrame, tuple[Problem, ...]]:
    """Check the readiness workbook beside a store: conflicts of its rules as a table, and what is wrong by row."""
    book = read_readiness(path, people={agent.agent_id for agent in store.agents})
    conflicts = show_conflicts(find_conflicts(book.tables["activities"], book.tables["goods"]))
    marked = mark_exam(book.tables["exam"], book.kept.quizzes, pass_mark=store.rule("exam_pass_mark"))
    of_exam = () if marked is None else marked.problems
    return conflicts, (*book.problems, *check_logistics(book.tables["logistics"]), *of_exam)


def find_wave(store: Store, name: str = "") -> Wave:
    """Find a wave by its name; without one, the wave whose day sells most.

    Raises
    ------
    UserError
        No wave has that name; the nearest one is named.
    """
    if not name:
        month = store.store.month_gmv_cny or 0.0
        return max(store.waves, key=lambda wave: wave.sales_cny(month))
    for wave in store.waves:
        if wave.name == name:
            return wave
    near = difflib.get_close_matches(name, [wave.name for wave in store.waves], n=1, cutoff=0.0)
    raise UserError(Message("plan.wave_unknown", name=name, nearest=near[0]))
