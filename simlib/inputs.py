"""What every chapter of one promo night starts from: a store and a wave, bound to the chapters' functions."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simlib import facts
from simlib.actions.folk import UsualDay, folk_heads, work_out_folk
from simlib.actions.plausibility import work_out_plausibility
from simlib.actions.result import ActionsResult, work_out_actions
from simlib.clock import read_moment
from simlib.forecasting.promo import (
    PastPromo,
    PromoCurve,
    hours_of_opening,
    minute_profile,
    promo_curve,
    read_past_promos,
    spread_day,
)
from simlib.forecasting.requirement import Targets
from simlib.forecasting.result import (
    PART_OF,
    ConcurrencyResult,
    ForecastResult,
    RequirementResult,
    TonightResult,
    open_at,
    split_queues,
    work_out_concurrency,
    work_out_forecast,
    work_out_requirement,
    work_out_tonight,
)
from simlib.goals.month import read_month
from simlib.goals.workbook import find_goals_workbook
from simlib.intervals import Grid
from simlib.kpis import (
    ConversionCurve,
    PlatformRate,
    PlatformScore,
    Tally,
    contact_values,
    platform_rates,
    platform_scores,
    score_nights,
)
from simlib.messages import Message, UserError
from simlib.night import ForecastRisk, PromoNight, Shrinkage
from simlib.night.bot import BotIntent
from simlib.readiness.conflicts import ask_stacking, find_conflicts
from simlib.readiness.floor import check_logistics
from simlib.readiness.gate import bring_results
from simlib.readiness.quiz import mark_exam
from simlib.readiness.result import show_conflicts
from simlib.readiness.workbook import ReadinessBook, empty_book, read_readiness_beside
from simlib.retrospective.workbook import FIGURES
from simlib.roster import Roster, RosterRules, adopt_roster, from_matrix, make_shifts
from simlib.simulator import Policy
from simlib.simulator.draw import ChatService, services_from_store, slowdown_from_curve, slowdown_from_ratio
from simlib.simulator.replicate import Replications
from simlib.staffing import effective_speed, list_out, may_serve
from simlib.staffing.result import PeopleResult, SalesResult
from simlib.store.checks import find_odd_years
from simlib.store.models import INCIDENT_SIZES, NEEDED, SHEETS, Profile, Ratio, Store, Wave
from simlib.store.problems import Problem, StoreError
from simlib.store.sources import read_matrix

EXPORTS = "exports"  # the folder beside a store that holds what the platforms export
NIGHT_H = 28  # the promo day and the first hours after its midnight
FOR_VERDICT = ("inputs", "sales", "forecasting", "required", "night", "nights", "seed")
FOR_ACTIONS = (
    "required",
    "roster_result",
    "concurrency",
    "people",
    "sales",
    "counted_from",
    "seed",
    "replications",
)
RESULTS = (  # what a plan works out, in the order of the report
    *("inputs", "sales", "people", "readiness", "forecasting", "required", "headcounts", "concurrency"),
    *("roster_result", "conclusion", "actions_result", "next_hours", "goals", "retrospective", "stress", "drill"),
)
ACTION_NIGHTS, FOLK_NIGHTS = 12, 8  # behind the figures of each action, and of each rule of thumb (ours)
# The day after each kind of day, for the hours after midnight (ours: profile L is the day after an evening opening).
NEXT_PROFILE: dict[Profile, Profile] = {"N": "N", "M": "N", "E": "L", "L": "N"}


FLOOR_RATIOS = (
    *(f"{queue}_{part}" for queue in ("presale", "aftersale") for part in ("replies", "reply_s", "think_s")),
    *("patience_s", "silent_share", "busyness_cv", "switch_cost_pct"),
)


@dataclass(frozen=True, kw_only=True)
class NightInputs:
    """The store and the wave, made ready for the chapters.

    Attributes
    ----------
    store, wave : Store, Wave
        The store and the wave whose day is planned.
    engine : {"compiled", "simpy"}
        What simulates its nights; the figures are the same.
    """

    store: Store
    wave: Wave
    engine: str = "compiled"

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
        return _opening_of(self.store, self.wave)

    def read_moment(self, text: str) -> pd.Timestamp:
        """Read a time of this night, as :func:`simlib.clock.read_moment` does."""
        last = self.grid.times(self.grid.edges_s[-1:])[0] - pd.Timedelta(minutes=1)
        return read_moment(text, first=self.grid.opens, last=last, opening=self.opening)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """What the store has filled in: sheet, rows, needed; and what a chat takes, beside the kit's defaults."""
        count = {sheet: 1 if sheet == "store" else len(getattr(self.store, sheet)) for sheet in SHEETS}
        rows = [(sheet, count[sheet], sheet in NEEDED) for sheet in SHEETS]
        filled = pd.DataFrame(rows, columns=["sheet", "rows", "needed"])
        return {"filled_in": filled, "floor_ratios": self.floor_ratios}

    @cached_property
    def floor_ratios(self) -> pd.DataFrame:
        """What a chat takes: each ratio of the floor as the night runs on it, beside what the kit has by default."""
        bare = self.store.model_copy(update={"ratios": ()})
        units = facts.table("ratios").drop_duplicates("key").set_index("key")["unit"]
        rows = []
        for key in FLOOR_RATIOS:
            own, usual = self.store.ratio(key), bare.ratio(key)
            spans = {name: getattr(own, name) for name in ("low", "likely", "high")}
            usual_spans = {f"default_{name}": getattr(usual, name) for name in ("low", "likely", "high")}
            rows.append(
                {"ratio": key, "unit": units[key], **spans, "source": own.source, **usual_spans, "note": own.note}
            )
        return pd.DataFrame(rows)

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
        return promo_curve(self.wave.profile, self.past_promos)

    @cached_property
    def past_promos(self) -> list[PastPromo]:
        """What the history's promos were like; a night with two queues is one night."""
        found: dict[tuple[str, Profile], list[PastPromo]] = {}
        for counts in self.history.values():
            for promo in read_past_promos(counts, self.promo_days, coming=self.wave.profile):
                found.setdefault((promo.name, promo.profile), []).append(promo)
        merged = []
        for alike in found.values():
            shapes = [promo.shape for promo in alike if promo.shape]
            uplift = float(np.exp(np.mean(np.log([promo.uplift for promo in alike]))))
            shape = tuple(np.mean(shapes, axis=0)) if shapes else ()
            merged.append(replace(alike[0], uplift=uplift, shape=shape))
        return merged

    @cached_property
    def shape(self) -> np.ndarray:
        """Share of the promo day in each of its 24 hours."""
        own = self.store.day_profile
        if self.wave.profile != "N" or not own:
            return self.curve.shape
        shares = np.zeros(24)
        for row in own:
            shares[row.hour] = row.share
        return np.asarray(shares / shares.sum())

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
            bot_share=self.bot_net_share,
            transfer_rate=self.transfer_rate,
            shape_cv=self.curve.shape_cv,
        )

    @cached_property
    def peak_share(self) -> float:
        """Share of the day in its busiest half hour."""
        return float(self.spread_day("presale", total=1.0, low=1.0, high=1.0)["contacts"].max())

    @property
    def minutes(self) -> pd.Series | None:
        """How the contacts after the opening fall into minutes: a burst, the store's own where it has learned one."""
        if self.opening is None:
            return None
        weights, own = minute_profile(self.grid, opening=self.opening), self.store.ratio("opening_burst").likely
        return weights if own == 0 else 1 + (weights - 1) * (own - 1) / (self.field_burst.likely - 1)

    @property
    def field_burst(self) -> Ratio:
        """The burst of an opening where the store has none of its own."""
        burst = float(facts.value("uplift", "opening_burst"))
        return Ratio(key="opening_burst", low=1.0, likely=burst, high=2 * burst, source="ours")

    # --- how they are served ---

    @property
    def transfer_rate(self) -> float:
        """Share of the human contacts that one agent hands on to another, who receives them once more."""
        return self.store.ratio("transfer_rate").likely

    @property
    def bot_net_share(self) -> float:
        """Share of all contacts that no person ever sees: the bot's, less those who come back to a person."""
        return self.services["presale"].bot_net_share

    @cached_property
    def services(self) -> dict[str, ChatService]:
        """What a chat of each queue takes, by the store's ratios."""
        return services_from_store(self.store)

    @cached_property
    def policy(self) -> Policy:
        """How the floor is run, by the store's ratios; the slow-down by its own curve where it gives one."""
        if points := self.store.store.slowdown_points:
            slowdown = slowdown_from_curve(points, capacity_max=self.most_chats)
        else:
            slowdown = slowdown_from_ratio(self.store.ratio("switch_cost_pct").likely, capacity_max=self.most_chats)
        return Policy(
            routing="weighted" if self.store.frame("agents")["routing_weight"].notna().any() else "least_active",
            slowdown=slowdown,
            close_s=self.store.ratio("close_s").likely,
            silent_close_s=self.store.ratio("silent_close_s").likely,
        )

    @property
    def most_chats(self) -> int:
        """The most chats that anybody may hold, with all that a scenario or a slider may add."""
        return int(self.people["capacity"].max()) + int(INCIDENT_SIZES["concurrency"][1])

    @property
    def shrinkage(self) -> Shrinkage:
        """How much of the rostered time is not on chat, by the store's ratios."""
        whole, absent = self.store.ratio("shrinkage").likely, self.store.ratio("no_show_share").likely
        usual = Shrinkage.of_share(whole)
        return usual if absent == 0 else replace(usual, absence=absent, off_chat=max(1 - (1 - whole) / (1 - absent), 0))

    @property
    def floor(self) -> dict[str, Any]:
        """The services and the policy, as the requirement and the night take them."""
        return {"services": self.services, "policy": self.policy}

    @property
    def service_s(self) -> tuple[float, float]:
        """The hours in which the store serves, in seconds since its midnight; equal = round the clock."""
        opens, closes = self.store.store.service_opens, self.store.store.service_closes
        return float(opens.hour * 3600 + opens.minute * 60), float(closes.hour * 3600 + closes.minute * 60)

    def make_night(self, forecast: pd.DataFrame, roster: pd.DataFrame, *, aov_cny: float) -> PromoNight:
        """Make the night as a roster meets it."""
        return PromoNight(
            grid=self.grid,
            forecast=forecast,
            people=self.people,
            roster=roster,
            threshold_s=self.target("service_level_s"),
            rates=self.rates,
            scores=self.scores,
            curve=ConversionCurve.default(),
            values_cny=self.contact_values_cny(aov_cny=aov_cny),
            busyness_cv=self.store.ratio("busyness_cv").likely,
            minute_profile=self.minutes,
            opening=self.opening,
            shrinkage=self.shrinkage,
            engine=self.engine,
            service_s=self.service_s,
            intents=self.intents,
            **self.floor,
        )

    @property
    def intents(self) -> tuple[BotIntent, ...]:
        """What buyers ask the bot, as the store has typed it; empty where it has not."""
        rows = self.store.intents
        whole = sum(row.share for row in rows)
        return tuple(BotIntent(key=row.intent, share=row.share / whole, resolves=row.bot_solves) for row in rows)

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
        weight = pd.to_numeric(agents.pop("routing_weight"))
        if weight.notna().any():  # who has none has the usual one
            agents["weight"] = weight.fillna(weight.median())
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

    @property
    def standard(self) -> pd.Series:
        """How many standard heads each person counts for on a roster: the mean speed of their cohort, by 5 percent.

        Whole cohorts, because nobody plans a shift by one person's hundredths, and a roster of few kinds of people is
        found sooner.
        """
        speed = self.people.groupby("cohort")["speed"].transform("mean")
        return (speed * 20).round().clip(lower=1) / 20

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
            "agents": self.people.assign(standard=self.standard),
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
        parents = {queue: steps.loc[f"{queue}_contacts"].to_dict() for queue in ("presale", "aftersale")}
        days = split_queues(parents, {queue: self.store.ratio(f"{queue}_share").likely for queue in PART_OF})
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
            **self.nights_drawn,
            **self.floor,
        )

    @property
    def nights_drawn(self) -> dict[str, Any]:
        """How the nights of a requirement are drawn, and which share of them it must hold."""
        return {
            "minute_profile": self.minutes,
            "busyness_cv": self.store.ratio("busyness_cv").likely,
            "holds_share": self.store.ratio("holds_share").likely,
        }

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
        self,
        forecast: pd.DataFrame,
        roster: pd.DataFrame,
        required: RequirementResult,
        *,
        until: str,
        pasted: str,
        seed: int,
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
            targets=required.reachable,
            requirement=required.requirement,
            seed=seed,
            **self.nights_drawn,
            **self.floor,
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

    def find_readiness(self, source: str) -> ReadinessBook:
        """Read what lies beside the store for chapter 2; an empty book where nothing does."""
        book = read_readiness_beside(source, people=set(self.people["agent_id"])) if source else empty_book()
        return replace(book, stage=self.find_stage(source))

    def find_stage(self, source: str) -> str:
        """Return the stage of the store (startup, growth, mature) that the goals workbook beside it sets, or ''."""
        settings = find_goals_workbook(source).tables["settings"] if source else pd.DataFrame()
        stages = settings.loc[settings["setting"] == "stage", "value"] if len(settings) else ()
        return next((str(stage).strip().lower() for stage in stages), "")

    def find_goals(
        self, source: str, night: PromoNight, today: dt.date, seed: int, replications: int
    ) -> dict[str, Any]:
        """Return what chapter 4 starts from: the night, and what lies beside the store, with what is wrong there."""
        book = find_goals_workbook(source) if source else None
        own = [self.store.frame("goals")] if book is None else [self.store.frame("goals"), book.tables["goals"]]
        filled = [table for table in own if not table.empty]
        goals = pd.concat(filled, ignore_index=True) if filled else own[0]
        found: dict[str, Any] = {"goals": goals, "agents": self.people, "incentives": self.store.frame("incentives")}
        found |= {"day": self.wave.day, "bot_share": self.store.ratio("bot_share").likely}
        found |= {"night": night, "roster": night.roster, "demand": night.forecast}
        found |= {"today": today, "seed": seed, "replications": replications}
        if book is not None and book.folder is not None:
            found |= {"month": read_month(book, store=self.store), "problems": book.problems}
            found["notices"] = book.notices
        return found

    def read_own_roster(self, path: str) -> pd.DataFrame:
        """Read the team's own matrix: who takes which shift on which day.

        Raises
        ------
        UserError
            The file cannot be read, or cells of it cannot; all that is wrong at once.
        """
        eve = self.wave.day - dt.timedelta(days=1)
        return from_matrix(read_matrix(Path(path)), self.shifts, self.store.frame("agents"), first_day=eve)

    # --- what to change, bound to this store ---

    def find_actions(
        self,
        night: PromoNight,
        *,
        required: RequirementResult,
        roster_result: Roster,
        concurrency: ConcurrencyResult,
        people: PeopleResult,
        sales: SalesResult,
        counted_from: dt.date,
        seed: int,
        replications: int,
    ) -> ActionsResult:
        """Find what can still be changed about this night, beside rules of thumb and the store's own past."""
        tables, day = self.roster_tables(required.requirement), self.wave.day
        tied = {str(agent) for agent in tables["duties"]["agent_id"].dropna()}
        tied |= {wish["agent_id"] for wish in tables["wishes"] if wish["date"] == day}
        planned = {queue: sales.value(f"{queue}_contacts") for queue in ("presale", "aftersale")}
        one_by_one = concurrency.sweep.loc[concurrency.sweep["concurrency"] == 1, "agents_needed"]
        human = night.forecast.groupby("start")["human"].sum() if "human" in night.forecast else pd.Series(dtype=float)
        at_peak = night.forecast[(night.forecast["start"] == concurrency.peak) & (night.forecast["queue"] == "presale")]
        mine = float(at_peak["human"].sum())
        heads = folk_heads(
            self.find_usual_day(night.forecast),
            per_hour=float(facts.value("actions", "folk_per_hour")),
            one_by_one=float(one_by_one.max()) * (float(human[concurrency.peak]) / mine if mine else 1.0),
            concurrency=self.concurrency,
        )
        return work_out_actions(
            night,
            coverage=roster_result.coverage,
            rules=tables["rules"],
            shifts=self.shifts,
            list_out=lambda start, end: list_out(
                self.store,
                day=day,
                today=counted_from,
                queues=tuple(night.forecast["queue"].unique()),
                roster=night.roster,
                start=start,
                end=end,
            ),
            sources=people.sources,
            tied=tied,
            folk=work_out_folk(
                night, need=required.requirement, heads=heads, seed=seed, replications=min(replications, FOLK_NIGHTS)
            ),
            plausibility=work_out_plausibility(
                planned=planned,
                history=self.history,
                promo_days=self.promo_days,
                uplift=self.curve.likely,
                ratios=self.past_ratios(sales),
                day=day,
            ),
            targets=self.floors,
            day=day,
            today=counted_from,
            seed=seed,
            replications=min(replications, ACTION_NIGHTS),
            chats_enough=concurrency.concurrency,
        )

    def find_usual_day(self, forecast: pd.DataFrame) -> UsualDay:
        """Return an ordinary day beside the promo day, in contacts that people answer; the trade's shape if unknown."""
        mine = forecast[forecast["start"].dt.date == self.wave.day]
        hourly = mine.groupby(mine["start"].dt.floor("h"))["human"].sum()
        share = float(mine["human"].sum() / mine["contacts"].sum()) if mine["contacts"].sum() else 1.0
        promo = {"promo_day": float(hourly.sum()), "promo_peak_h": float(hourly.max()) if len(hourly) else 0.0}
        marked = {day for days in self.promo_days.values() for day in days} | {self.wave.day}
        counts = (
            pd.concat(list(self.history.values())).groupby(level=0).sum() if self.history else pd.Series(dtype=float)
        )
        days = sorted({day for day in counts.index.date if day not in marked})[-28:] if len(counts) else []
        if not days:
            usual = promo["promo_day"] / self.curve.likely
            return UsualDay(day=usual, peak_h=usual * float(promo_curve("N").shape.max()), **promo)
        recent = counts[np.isin(counts.index.date, days)]
        by_day = recent.groupby(recent.index.date).sum()
        peaks = recent.groupby(recent.index.floor("h")).sum()
        peak = peaks.groupby(peaks.index.date).max()
        if (recent.groupby(recent.index.date).size() <= 1).all():  # counts by day
            peak = by_day * float(promo_curve("N").shape.max())
        return UsualDay(day=float(by_day.median()) * share, peak_h=float(peak.median()) * share, **promo)

    def past_ratios(self, sales: SalesResult) -> dict[str, tuple[float, float, str]]:
        """Return conversion and order value of the plan beside the store's own: planned, past, unit."""
        own = {ratio.key: ratio for ratio in self.store.ratios if ratio.source == "store"}
        found = {}
        if "conversion" in own:
            usual = (own["conversion"].low + own["conversion"].high) / 2
            found["conversion"] = (sales.spans["conversion"].likely, usual, "share")
        if self.store.store.month_aov_cny:
            found["order_value"] = (sales.spans["aov_cny"].likely, float(self.store.store.month_aov_cny), "CNY")
        return found

    # --- what they are held to ---

    def target(self, key: str) -> float:
        """Return what a KPI must reach: the store's own goal, else the default of the playbook."""
        own = [goal.floor for goal in self.store.goals if goal.kpi == key and goal.queue is None]
        if own:
            return own[0]
        return float(facts.value("targets", key, on=self.wave.day, platform=self.store.store.platform))

    @cached_property
    def rates(self) -> tuple[PlatformRate, ...]:
        """The platform's own response rates on the promo day; the first is drawn by half hour.

        Raises
        ------
        UserError
            Nothing is known of the platform on that day.
        """
        platform_scores(self.store.store.platform, on=self.wave.day)
        return platform_rates(self.store.store.platform, on=self.wave.day)

    @cached_property
    def scores(self) -> tuple[PlatformScore, ...]:
        """What the platforms score on the promo day, the store's own platform first; the first is the headline."""
        own = self.store.store.platform
        platforms = sorted({own, *self.store.platform_shares}, key=lambda platform: (platform != own, platform))
        return tuple(score for platform in platforms for score in platform_scores(platform, on=self.wave.day))

    @property
    def headline(self) -> PlatformScore:
        """The figure by which the store's own platform judges the night."""
        return self.scores[0]

    def score_nights(self, nights: Replications) -> pd.DataFrame:
        """Return what the nights come to on every platform that the store sells on, and over its 30 days."""
        shares = self.store.platform_shares
        before = {}
        for row in self.store.platforms:
            if row.figure_before is not None and row.counted_before is not None:
                headline = platform_scores(row.platform, on=self.wave.day)[0]
                before[headline.key] = Tally.of_value(row.figure_before, counted=row.counted_before)
        steps = {score.key: found for score in self.scores if (found := self.steps_of(score))}
        sold = [number for number, score in enumerate(self.scores) if score.platform in shares]
        scores = [self.scores[number] for number in sold]
        return score_nights(nights.figures["score_tallies"][:, sold], scores, shares, before=before, steps=steps)

    def steps_of(self, score: PlatformScore) -> tuple[tuple[float, float], ...]:
        """Return what a platform's headline earns, as the store has typed it; empty for every other figure."""
        headline = next(each for each in self.scores if each.platform == score.platform)
        typed = [row.steps for row in self.store.platforms if row.platform == score.platform]
        return typed[0] if typed and headline is score else ()

    def targets(self, *, occupancy_max: float) -> Targets:
        """Return what every half hour of the night is held to.

        A platform that counts first turns binds the first reply; one that scores a mean binds neither.
        """
        rate, share, within_s = self.rates[0], self.target("service_level"), self.target("service_level_s")
        if self.headline.measure != "rate":  # a mean is judged by the simulated nights alone
            return Targets(
                answered_share=share,
                answered_s=within_s,
                abandoned_max=self.target("abandoned"),
                occupancy_max=occupancy_max,
            )
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
    def headline_target(self) -> float:
        """What the headline must reach: the store's own goal for it, else the share or the mean of the playbook."""
        if any(goal.kpi == self.headline.key and goal.queue is None for goal in self.store.goals):
            return self.target(self.headline.key)
        return self.target("platform_rate" if self.headline.measure == "rate" else "platform_mean_s")

    @property
    def floors(self) -> dict[str, float]:
        """What the mean night must reach, by KPI; at most where less is better, else at least."""
        targets = self.targets(occupancy_max=1.0)
        floors = {
            "service_level": targets.answered_share,
            self.headline.key: self.headline_target,
            "lost_share": targets.abandoned_max,
        }
        return {key: floor for key, floor in floors.items() if floor is not None}

    def contact_values_cny(self, *, aov_cny: float) -> Mapping[str, float]:
        """Return what a reception of a queue is worth: a buyer handed on is received twice and buys once."""
        receptions = 1 + self.transfer_rate * (1 - self.bot_net_share)
        return {queue: value / receptions for queue, value in contact_values(self.store, aov_cny=aov_cny).items()}


def with_exam(store: Store, source: str) -> Store:
    """Return the store with the marks and checks of the readiness workbook beside it: the roster obeys the gate.

    A store without a source stays as it is.
    """
    if not source:
        return store
    book = read_readiness_beside(source)
    marked = mark_exam(book.tables["exam"], book.kept.quizzes, pass_mark=store.rule("exam_pass_mark"))
    results = None if marked is None else marked.results
    return bring_results(store, training=book.tables["training"], results=results)


def check_book(store: Store | None, path: Path) -> tuple[pd.DataFrame, tuple[Problem, ...], tuple[Problem, ...]]:
    """Check the readiness workbook beside a store; of a store that cannot be read (None) what needs none.

    Returns
    -------
    tuple
        The conflicts of its rules as a table, what is wrong by row, and what is no mistake but worth asking about.
    """
    book = empty_book()
    try:
        if path.exists():
            people = None if store is None else {agent.agent_id for agent in store.agents}
            book = read_readiness_beside(path, people=people)
    except StoreError as error:
        book = replace(book, problems=error.problems)
    activities, goods = book.tables["activities"], book.tables["goods"]
    mark = facts.value("labour", "exam_pass_mark") if store is None else store.rule("exam_pass_mark")
    marked = mark_exam(book.tables["exam"], book.kept.quizzes, pass_mark=mark)
    of_exam = () if marked is None else marked.problems
    problems = (*book.problems, *check_logistics(book.tables["logistics"]), *of_exam)
    dated = [
        ("activities", "start", int(row["row"]), str(row["name"] or row["id"]), row["start"], row["end"])
        for row in activities.dropna(subset=["start", "end"]).to_dict("records")
    ]
    years = find_odd_years(dated, beside=[] if store is None else [wave.start for wave in store.waves])
    asked = (*book.notices, *years, *ask_stacking(activities, goods))
    return show_conflicts(find_conflicts(activities, goods)), problems, asked


def clock_of(store: Store, wave: Wave) -> Callable[[str], pd.Timestamp]:
    """Return what reads a time that was noted of a wave's night: 01:30 after an evening opening is the next morning."""
    grid = Grid.of_day(wave.day, tz=store.store.timezone, hours=NIGHT_H)
    last = grid.times(grid.edges_s[-1:])[0]
    return partial(read_moment, first=grid.opens, last=last, opening=_opening_of(store, wave))


def noted_figures(store: Store, wave: Wave) -> dict[str, float]:
    """Return what the plan has for the figures that are noted after the night: the order value, and the ratios."""
    known = set(facts.table("ratios")["key"])
    found = {key: store.ratio(key).likely for key in FIGURES if key in known}
    own = [ratio.likely for ratio in store.ratios if ratio.key == "aov_cny"]
    aov_cny = next(filter(None, (wave.day_aov_cny, *own, store.store.month_aov_cny)), None)
    return found if aov_cny is None else found | {"aov_cny": aov_cny}


def know_clock(text: str) -> pd.Timestamp:
    """Return NaT for a time of a night that nobody knows: that it is a time is all that can be said.

    Raises
    ------
    UserError
        It is none.
    """
    day = pd.Timestamp("2026-01-01", tz="UTC")
    try:
        read_moment(text, first=day, last=day + pd.Timedelta(days=1))
    except UserError as error:
        if error.messages[0].key == "clock.unread":
            raise
    return pd.NaT


def _opening_of(store: Store, wave: Wave) -> pd.Timestamp | None:
    return store.local_times([wave.start])[0] if wave.profile in ("E", "M") else None


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
