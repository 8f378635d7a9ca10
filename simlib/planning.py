"""The whole pipeline on one page: the only place where the chapters meet.

::

    store -> waves -> sales cascade -> contacts by half hour -> agents required -> roster -> the night -> verdict
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
import unicodedata
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from simlib import facts
from simlib.forecasting import forecast_counts
from simlib.forecasting.promo import (
    PastPromo,
    PromoCurve,
    day_total,
    minute_profile,
    past_promos,
    promo_curve,
    spread_day,
)
from simlib.forecasting.requirement import TargetOutOfReachError, Targets, require_agents
from simlib.intervals import Grid
from simlib.kpis import BETTER, ConversionCurve, PlatformRate, contact_values, platform_rates
from simlib.messages import LANGS, Lang, Message, UserError, glossary, label, translate
from simlib.night import PromoNight
from simlib.roster import Roster, RosterRules, adopt_roster, from_matrix, make_shifts, repair_roster, solve_roster
from simlib.simulator import Policy
from simlib.simulator.draw import ChatService, services_from_store
from simlib.simulator.replicate import Replications
from simlib.staffing import (
    Span,
    cascade_inputs,
    effective_speed,
    hour_view,
    may_serve,
    sales_cascade,
)
from simlib.staffing.cascade import whole_heads
from simlib.store.models import Profile, Store, StoreInfo, Wave

NIGHT_H = 28  # the promo day and the first hours after its midnight
# The day after each kind of day, for the hours after midnight (ours: profile L is the day after an evening opening).
MOMENT = re.compile(r"(?:(?P<day>\d{4}-\d{1,2}-\d{1,2})[ T]+)?(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::00)?")
FURTHEST_DAYS = 120  # a history older than that says nothing of the day
NEXT_PROFILE: dict[Profile, Profile] = {"N": "N", "M": "N", "E": "L", "L": "N"}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One store's promo night, stage by stage; a stage is worked out when it is first asked for.

    Attributes
    ----------
    store, wave : Store, Wave
        The store and the wave whose day is planned.
    seed, replications : int
        Of every draw, and how many nights are simulated.
    roster_effort : float
        How long the roster is thought about, in the solver's deterministic units (about seconds).
    roster_file : str
        A team's own matrix (names by dates) to rehearse as it is, empty for a roster of ours.
    """

    store: Store
    wave: Wave
    seed: int
    replications: int
    roster_effort: float
    roster_file: str = ""

    @property
    def grid(self) -> Grid:
        """The night's half hours, from midnight before the promo day to four in the morning after it."""
        return Grid.of_day(self.wave.day, tz=self.store.store.timezone, hours=NIGHT_H)

    # --- the day's curve: the field's, giving way to the store's own promos ---

    @cached_property
    def curve(self) -> PromoCurve:
        """Shape and uplift of the wave's kind of day, the more the store's own the more promos it has behind it."""
        own = [promo for counts in self.history.values() for promo in promos_of(counts, self.promo_days)]
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
    def history(self) -> dict[str, pd.Series]:
        """Contacts that came, by queue: counts on the store's own clock."""
        rows = self.store.frame("history")
        zone = self.store.store.timezone
        return {
            queue: pd.Series(
                table["contacts"].to_numpy(),
                index=pd.DatetimeIndex(table["start"]).tz_localize(zone, ambiguous=False, nonexistent="shift_forward"),
            ).sort_index()
            for queue, table in rows.groupby("queue", sort=False)
        }

    @cached_property
    def actuals(self) -> pd.DataFrame:
        """What came on the night itself, on the store's own clock; the sheet of actuals."""
        rows = self.store.frame("actuals")
        return rows.assign(start=pd.DatetimeIndex(rows["start"]).tz_localize(self.store.store.timezone))

    @property
    def promo_days(self) -> dict[str, list[dt.date]]:
        """The days of the history that belonged to a promo, by its name."""
        rows = self.store.frame("history").dropna(subset="promo")
        days = rows["start"].dt.date if len(rows) else rows["start"]
        return {name: sorted(set(days[rows["promo"] == name])) for name in rows["promo"].unique()}

    # --- chapter 1: from the sales task to contacts and heads ---

    @cached_property
    def spans(self) -> dict[str, Span]:
        """The inputs of the cascade, each with its span and its source."""
        half_hours = self._spread("presale", 1.0, 1.0, 1.0)["contacts"]
        return cascade_inputs(self.store, self.wave, peak_share=float(half_hours.max()))

    @cached_property
    def cascade(self) -> pd.DataFrame:
        """The sales cascade: step, value, low, high, unit, formula, source, heads."""
        return sales_cascade(self.spans, seed=self.seed)

    def step(self, key: str) -> float:
        """Look up the value of one step of the cascade."""
        return float(self.cascade.set_index("step").loc[key, "value"])

    def heads(self, key: str) -> int:
        """Look up one step of the cascade as whole people."""
        return whole_heads(self.step(key))

    @cached_property
    def hours(self) -> pd.DataFrame:
        """The day by hours: contacts and agents, flat out and at the occupancy ceiling."""
        return hour_view(
            human_contacts=self.step("human_contacts"),
            profile=self.shape,
            agent_hour_capacity=self.spans["agent_hour_capacity"].likely,
            occupancy_max=self.spans["occupancy_max"].likely,
        )

    # --- chapter 3: contacts by half hour, agents required, roster ---

    @cached_property
    def forecast(self) -> pd.DataFrame:
        """Contacts by half hour and queue: start, queue, contacts, p05, p95, bot, human.

        ``contacts`` counts each buyer once, ``human`` each reception: who is handed on is received twice.
        """
        table = self.cascade.set_index("step")
        queues = []
        for queue, step in (("presale", "presale_contacts"), ("aftersale", "aftersale_contacts")):
            total, low, high = (float(table.loc[step, column]) for column in ("value", "low", "high"))
            queues.append(self._spread(queue, total, low, high))
        return pd.concat(queues, ignore_index=True).sort_values(["start", "queue"], ignore_index=True)

    @property
    def transfer_rate(self) -> float:
        """Share of the human contacts that one agent hands on to another, who receives them once more."""
        return self.store.ratio("transfer_rate").likely

    def _spread(self, queue: str, total: float, low: float, high: float) -> pd.DataFrame:
        """Spread one queue's day over the night's half hours."""
        return spread_day(
            queue=queue,
            total=total,
            low=low,
            high=high,
            profile=self.shape,
            next_profile=promo_curve(NEXT_PROFILE[self.wave.profile]).shape,
            grid=self.grid,
            opening=self.opening,
            bot_share=self.store.ratio("bot_share").likely,
            transfer_rate=self.transfer_rate,
            shape_cv=self.curve.shape_cv,
        )

    @cached_property
    def second_route(self) -> pd.DataFrame:
        """What the history says of the day, beside the cascade: queue, planned, mean, p05, p95; empty without one."""
        rows = []
        table = self.cascade.set_index("step")["value"]
        for queue, counts in self.history.items():
            ahead = (self.wave.day - counts.index[-1].date()).days
            step = f"{queue}_contacts"
            if step not in table.index or not 1 <= ahead <= FURTHEST_DAYS:
                continue
            marked = [day for days in self.promo_days.values() for day in days]
            base = forecast_counts(counts, ahead, promo_days=marked)
            low, mean, high = day_total(base, self.curve, day=self.wave.day)
            rows.append((queue, table[step], mean, low, high))
        return pd.DataFrame(rows, columns=["queue", "planned", "mean", "p05", "p95"])

    @property
    def minutes(self) -> pd.Series | None:
        """How the contacts after the opening fall into minutes: a burst, not an even half hour."""
        return None if self.opening is None else minute_profile(self.grid, opening=self.opening)

    @property
    def opening(self) -> pd.Timestamp | None:
        """The instant at which the wave opens, where its day has an opening."""
        if self.wave.profile not in ("E", "M"):
            return None
        return pd.Timestamp(self.wave.start).tz_localize(self.store.zone)

    @cached_property
    def services(self) -> dict[str, ChatService]:
        """What a chat of each queue takes, by the store's ratios."""
        return services_from_store(self.store)

    def floor_of(self, key: str) -> float:
        """Look up what a KPI must reach: the store's own goal, else the default of the playbook."""
        own = [goal.floor for goal in self.store.goals if goal.kpi == key and goal.queue is None]
        if own:
            return own[0]
        return float(facts.value("targets", key, on=self.wave.day, platform=self.store.store.platform))

    @cached_property
    def rates(self) -> tuple[PlatformRate, ...]:
        """The platform's own response rates on the promo day; the first is the headline."""
        return platform_rates(self.store.store.platform, on=self.wave.day)

    @cached_property
    def targets(self) -> Targets:
        """What every half hour of the night is held to; a platform that counts first turns binds the first reply."""
        rate, share, within_s = self.rates[0], self.floor_of("service_level"), self.floor_of("service_level_s")
        floor = self.floor_of("platform_rate")
        counts_first = rate.counts == "first"
        return Targets(
            answered_share=max(share, floor) if counts_first else share,
            answered_s=min(within_s, rate.threshold_s) if counts_first else within_s,
            turn_share=None if counts_first else floor,
            turn_s=None if counts_first else rate.threshold_s,
            abandoned_max=self.floor_of("abandoned"),
            occupancy_max=self.spans["occupancy_max"].likely,
        )

    @cached_property
    def policy(self) -> Policy:
        """How the floor is run, by the store's ratios."""
        return Policy(
            close_s=self.store.ratio("close_s").likely, silent_close_s=self.store.ratio("silent_close_s").likely
        )

    @cached_property
    def people(self) -> pd.DataFrame:
        """The store's people with speed on the day, site and room; row i is the simulator's agent i."""
        agents = self.store.frame("agents")
        agents["speed"] = [effective_speed(agent, day=self.wave.day) for agent in self.store.agents]
        places = self.store.frame("site")[["seat", "site", "room"]]
        return agents.merge(places, on="seat", how="left")

    @property
    def concurrency(self) -> int:
        """The concurrency limit that a requirement counts with: the median of those who may serve."""
        return int(self.people["capacity"].median())

    @cached_property
    def requirement(self) -> pd.DataFrame:
        """Agents needed by half hour and queue, three methods, and which target binds; none in closed hours."""
        return self._required[0]

    @property
    def reachable(self) -> dict[str, Targets]:
        """The targets of each queue without those that no number of people can meet."""
        return self._required[2]

    @property
    def out_of_reach(self) -> tuple[TargetOutOfReachError, ...]:
        """The targets that no number of people can meet; the requirement is worked out without them."""
        return self._required[1]

    @cached_property
    def _required(self) -> tuple[pd.DataFrame, tuple[TargetOutOfReachError, ...], dict[str, Targets]]:
        targets = dict.fromkeys(self.forecast["queue"].unique(), self.targets)
        beyond: list[TargetOutOfReachError] = []
        while True:
            try:
                need = require_agents(
                    self.forecast,
                    self.services,
                    targets,
                    concurrency=self.concurrency,
                    shrinkage=self.store.ratio("shrinkage").likely,
                    seed=self.seed,
                    policy=self.policy,
                    minute_profile=self.minutes,
                )
                break
            except TargetOutOfReachError as error:
                beyond.append(error)
                targets[error.queue] = without(targets[error.queue], error.target)
        closed = ~open_at(pd.DatetimeIndex(need["start"]), self.store.store)
        heads = ["on_chat", "to_roster"]
        return need.assign(**{column: need[column].where(~closed, 0) for column in heads}), tuple(beyond), targets

    @cached_property
    def need_by_queue(self) -> dict[str, float]:
        """Heads on the roster at the worst half hour, by queue."""
        return self.requirement.groupby("queue")["to_roster"].max().astype(float).to_dict()

    @property
    def peak_heads(self) -> int:
        """Heads on the roster at the worst half hour, all queues at once."""
        return int(self.requirement.groupby("start")["to_roster"].sum().max())

    @property
    def ready_heads(self) -> int:
        """People who may serve on the promo day."""
        mark = self.store.rule("exam_pass_mark")
        return sum(may_serve(agent, day=self.wave.day, exam_pass=mark) for agent in self.store.agents)

    @cached_property
    def shifts(self) -> pd.DataFrame:
        """The store's library of shifts; without one, a shift of nine hours with an hour's meal from any hour."""
        if self.store.shifts:
            return self.store.frame("shifts")
        return make_shifts(length_h=9, first=dt.time(0), last=dt.time(23), step_min=60, meal_min=60)

    @cached_property
    def roster_result(self) -> Roster:
        """The roster with its explanation, as the solver gives it."""
        return self._solve_roster()

    def watch_roster(self, *, on_progress: Callable[[float, float, float], None]) -> None:
        """Work the roster out now, unless it is there, and tell the best cost, its bound and the seconds on the way.

        An interrupt from the keyboard ends it with the best roster so far.
        """
        if "roster_result" not in vars(self):
            vars(self)["roster_result"] = self._solve_roster(on_progress=on_progress)

    def _solve_roster(self, **watched: Any) -> Roster:
        return solve_roster(
            **self._roster_tables, locked=self._own_roster(), seed=self.seed, effort=self.roster_effort, **watched
        )

    @property
    def _roster_tables(self) -> dict[str, Any]:
        """What every roster of the night is made from."""
        own = {rule.key: rule.value for rule in self.store.rules}
        known = {key: value for key, value in own.items() if key in RosterRules.__dataclass_fields__}
        seats = self.store.frame("site").groupby("room")["usable"].sum().to_dict()  # a room may have none
        return {
            "requirement": self.requirement,
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

    # --- people call in sick on the night ---

    def adopt_roster(self, rows: pd.DataFrame) -> Roster:
        """Take roster rows that were kept, of a rehearsal for instance, as a roster of this night.

        Raises
        ------
        UserError
            The rows name people who are not in the store's sheet any more.
        """
        gone = sorted(set(rows["agent_id"]) - set(self.people["agent_id"]))
        if gone:
            raise UserError(Message("repair.people_gone", people=gone))
        return adopt_roster(rows, **self._roster_tables)

    def find_absent(self, absent: str | Sequence[str], *, at: pd.Timestamp, roster: Roster) -> list[str]:
        """Find people by agent_id or name, one by one or as words parted by commas; each has work left at a moment.

        Raises
        ------
        UserError
            Nobody is named, a person is unknown (the nearest is named), a name is two people's, or somebody has no
            work left; all that is wrong at once.
        """
        words = re.split(r"[,;，；、\n]", absent) if isinstance(absent, str) else [str(word) for word in absent]
        words = [word.strip() for word in words if word.strip()]
        meant: dict[str, list[str]] = {}
        for column in ("agent_id", "name"):
            for word, who in zip(self.people[column], self.people["agent_id"], strict=True):
                meant.setdefault(str(word).upper(), []).append(who)
        found, wrong = list[str](), list[Message]()
        for word in words:
            mine = meant.get(word.upper(), [])
            if not mine:
                known = [*self.people["agent_id"], *self.people["name"]]
                near = difflib.get_close_matches(word, known, n=1, cutoff=0.0)[0]
                wrong.append(Message("repair.person_unknown", name=word, nearest=near))
            elif len(mine) > 1:
                wrong.append(Message("repair.person_twice", name=word, ids=mine))
            else:
                wrong += _nothing_to_miss(word, roster.assignments[roster.assignments["agent_id"] == mine[0]], at)
                found += [who for who in mine if who not in found]
        if not words:
            wrong.append(Message("repair.nobody_named"))
        if wrong:
            raise UserError(*wrong)
        return found

    def find_moment(self, clock: str) -> pd.Timestamp:
        """Read a moment of the night: ``18:00``, ``25:30`` for half past one after midnight, or with its date.

        Raises
        ------
        UserError
            No time, or one outside the night.
        """
        first, last = self.grid.starts[0], self.grid.starts[-1] + pd.Timedelta(seconds=self.grid.step_s)
        allowed = {"first": f"{first:%m-%d %H:%M}", "last": f"{last:%m-%d %H:%M}", "clock": clock}
        parts = MOMENT.fullmatch(unicodedata.normalize("NFKC", clock).strip())
        try:
            midnight = pd.Timestamp(parts["day"] or self.wave.day) if parts else pd.NaT
        except ValueError:
            midnight = pd.NaT
        if not parts or midnight is pd.NaT or int(parts["minute"]) > 59:
            raise UserError(Message("repair.time_unread", **allowed))
        local = midnight + pd.Timedelta(hours=int(parts["hour"]), minutes=int(parts["minute"]))
        at = local.tz_localize(self.store.store.timezone, ambiguous=True, nonexistent="shift_forward")
        if not first <= at < last:
            raise UserError(Message("repair.time_outside", **allowed))
        return at

    def repair(self, roster: Roster, *, absent: Sequence[str], at: pd.Timestamp) -> Roster:
        """Mend a roster of this night after people call in sick, changing as few assignments as possible.

        Parameters
        ----------
        roster : Roster
            The plan's own, or one that :meth:`adopt_roster` took.
        absent : sequence of str
            The agent_id of everybody who is away, as :meth:`find_absent` finds them; nobody calls them in.
        at : pandas.Timestamp
            From when on, as :meth:`find_moment` reads it.

        Returns
        -------
        Roster
            As :func:`simlib.forecasting.repair_roster` gives it.
        """
        return repair_roster(roster, absent=absent, from_time=at, seed=self.seed, effort=self.roster_effort)

    def _own_roster(self) -> pd.DataFrame | None:
        """Read the team's own matrix, if there is one."""
        if not self.roster_file:
            return None
        try:
            matrix = pd.read_excel(self.roster_file, dtype=object)
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise UserError(Message("roster.matrix_file", file=self.roster_file, why=error)) from None
        eve = self.wave.day - dt.timedelta(days=1)
        return from_matrix(matrix, self.shifts, self.store.frame("agents"), first_day=eve)

    @property
    def roster(self) -> pd.DataFrame:
        """Who works when: agent_id, name, cohort, queue, shift, date, start, end, activity."""
        return self.roster_result.assignments

    @property
    def coverage(self) -> pd.DataFrame:
        """Need against roster: start, queue, required, rostered, shortfall."""
        return self.roster_result.coverage

    # --- the night on the chat floor ---

    @cached_property
    def night(self) -> PromoNight:
        """The night as the roster meets it, ready to be lived through; scenarios are changed copies of it."""
        return self.night_of(self.roster)

    def night_of(self, roster: pd.DataFrame) -> PromoNight:
        """Make the night as any roster of the same columns meets it, one that was kept for instance."""
        return PromoNight(
            grid=self.grid,
            forecast=self.forecast,
            services=self.services,
            people=self.people,
            roster=roster,
            threshold_s=self.floor_of("service_level_s"),
            rates=self.rates,
            curve=ConversionCurve.default(),
            values_cny=self._values_cny,
            policy=self.policy,
            busyness_cv=self.store.ratio("busyness_cv").likely,
            minute_profile=self.minutes,
        )

    @property
    def _values_cny(self) -> dict[str, float]:
        """What a reception of a queue is worth: a buyer who is handed on is received twice and buys once."""
        receptions = 1 + self.transfer_rate * (1 - self.store.ratio("bot_share").likely)
        values = contact_values(self.store, aov_cny=self.spans["aov_cny"].likely)
        return {queue: value / receptions for queue, value in values.items()}

    @cached_property
    def nights(self) -> Replications:
        """The simulated nights."""
        return self.night.rehearse(seed=self.seed, replications=self.replications)

    @cached_property
    def kpis(self) -> pd.DataFrame:
        """Every KPI of the night: kpi, unit, mean, low, high (band of the mean), p05, p95 (nine nights in ten)."""
        bands = self.nights.bands().rename_axis("kpi").reset_index().drop(columns="half_width")
        bands.insert(1, "unit", [glossary()[key]["unit"] for key in bands["kpi"]])
        return bands

    @cached_property
    def intervals(self) -> pd.DataFrame:
        """The night by half hour: start, and each measure's mean with its 5th and 95th percentile of nights."""
        table = pd.DataFrame({"start": self.grid.starts})
        for measure, key in self.measures.items():
            band = self.nights.band(f"{key}_by_interval")
            table[measure] = band["mean"].to_numpy()
            table[f"{measure}_low"], table[f"{measure}_high"] = band["p05"].to_numpy(), band["p95"].to_numpy()
        return table

    @property
    def measures(self) -> dict[str, str]:
        """What the picture of the night shows, and the KPI behind it."""
        return {
            "offered": "offered",
            "open_chats": "open_chats",
            "first_response": "first_response",
            "platform_rate": self.rates[0].key,
        }

    # --- what it all says ---

    @property
    def headline(self) -> tuple[str, ...]:
        """The KPIs that stand first."""
        return ("human", "service_level", self.rates[0].key, "first_response", "lost_share", "sales_lost")

    @property
    def floors(self) -> dict[str, float]:
        """What the mean night must reach, by KPI; at most where less is better, else at least."""
        floors = {
            "service_level": self.targets.answered_share,
            self.rates[0].key: self.floor_of("platform_rate"),
            "lost_share": self.targets.abandoned_max,
        }
        return {key: floor for key, floor in floors.items() if floor is not None}

    @cached_property
    def targets_met(self) -> dict[str, bool]:
        """Whether the mean night reaches the floor of each KPI that has one."""
        mean = self.kpis.set_index("kpi")["mean"]
        return {
            key: bool(mean[key] >= floor if BETTER[key] == "higher" else mean[key] <= floor)
            for key, floor in self.floors.items()
        }

    @property
    def shortfall(self) -> int:
        """The worst shortfall of the roster in any half hour, all queues at once."""
        return round(self.coverage.groupby("start")["shortfall"].sum().max())

    @property
    def holds(self) -> bool:
        """Whether the night meets every target."""
        return all(self.targets_met.values())

    def verdict(self, lang: Lang) -> list[str]:
        """Say in three sentences what a manager can read out: the need, the roster, the night.

        Where the store's data holds mistakes, a sentence before them says that this is nothing to sign.
        """
        kpis = self.kpis.set_index("kpi")
        hours = self.coverage.groupby("start")["shortfall"].sum()
        worst = f"{hours.idxmax():%H:%M}"
        rate = self.rates[0].key
        human = self.forecast["human"].sum()
        twice = human * self.transfer_rate / (1 + self.transfer_rate)
        need_key = "verdict_need_twice" if twice else "verdict_need"
        roster_key = "verdict_roster_short" if self.shortfall else "verdict_roster_whole"
        night_key = "verdict_night_holds" if self.holds else "verdict_night_misses"
        wrong = len(self.store.problems)
        return [
            *([translate("store.verdict_not_to_sign", lang, count=wrong)] if wrong else []),
            translate(
                f"plan.{need_key}",
                lang,
                wave=self.wave.name,
                contacts=f"{self.forecast['contacts'].sum():,.0f}",
                human=f"{human:,.0f}",
                twice=f"{twice:,.0f}",
                peak=f"{self.peak_start:%H:%M}",
                heads=self.peak_heads,
                ready=self.ready_heads,
            ),
            translate(f"plan.{roster_key}", lang, short=self.shortfall, worst=worst),
            translate(
                f"plan.{night_key}",
                lang,
                rate=label(rate, lang),
                share=f"{100 * kpis.loc[rate, 'mean']:.1f}",
                low=f"{100 * kpis.loc[rate, 'p05']:.1f}",
                high=f"{100 * kpis.loc[rate, 'p95']:.1f}",
                first=whole_or_dash(kpis.loc["first_response", "mean"]),
                lost=f"{kpis.loc['sales_lost', 'mean']:,.0f}",
                missed=self._missed_words(lang),
            ),
        ]

    def _missed_words(self, lang: Lang) -> str:
        comma = translate("words.list_comma", lang, first="", second="")
        return comma.join(label(key, lang) for key, met in self.targets_met.items() if not met)

    @property
    def peak_start(self) -> pd.Timestamp:
        """The half hour that needs most heads."""
        return self.requirement.groupby("start")["to_roster"].sum().idxmax()

    def forecast_basis(self, lang: Lang) -> list[str]:
        """Say what the forecast rests on and what it does not know."""
        guessed = [label(key, lang) for key, span in self.spans.items() if span.source in ("field", "platform", "ours")]
        comma = translate("words.list_comma", lang, first="", second="")
        said = [
            translate("plan.basis", lang, profile=label(f"profile_{self.wave.profile}", lang)),
            self.curve.text(lang),
        ]
        if self.transfer_rate:
            said.append(translate("plan.basis_transfers", lang, share=f"{100 * self.transfer_rate:.3g}"))
        if guessed:
            said.append(translate("plan.basis_guessed", lang, ratios=comma.join(guessed)))
        return said

    @property
    def summary(self) -> dict[str, Any]:
        """The run in a few figures, as it goes into summary.json; the same seed gives the same summary."""
        kpis = self.kpis.set_index("kpi")
        shown = {key: {name: rounded(kpis.loc[key, name]) for name in ("mean", "p05", "p95")} for key in kpis.index}
        return {
            "store": self.store.store.name,
            "store_id": self.store.store_id,
            "wave": self.wave.name,
            "day": self.wave.day.isoformat(),
            "seed": self.seed,
            "replications": self.replications,
            "contacts": rounded(self.forecast["contacts"].sum()),
            "human": rounded(self.forecast["human"].sum()),
            "agents_day": self.heads("agents_day"),
            "agents_day_reserve": self.heads("agents_day_reserve"),
            "agents_peak": self.heads("agents_peak_occupancy"),
            "agents_needed": self.peak_heads,
            "ready": self.ready_heads,
            "shortfall": self.shortfall,
            "platform_rate": rounded(kpis.loc[self.rates[0].key, "mean"]),
            "sales_lost": rounded(kpis.loc["sales_lost", "mean"]),
            "targets_met": self.targets_met,
            "kpis": shown,
            "missing": list(self.store.missing),
            "verdict": {lang: self.verdict(lang) for lang in LANGS},
        }

    def provenance(self, lang: Lang) -> dict[str, str]:
        """Say what the run was made from, by label."""
        return {
            label("store", lang): f"{self.store.store.name} ({self.store.store_id})",
            label("wave", lang): f"{self.wave.name}, {self.wave.day.isoformat()}",
            label("seed", lang): str(self.seed),
            label("replications", lang): str(self.replications),
            label("versions", lang): f"sandtable {version('sandtable')}",
        }

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table of the run, by name, as it is kept."""
        return {
            "cascade": self.cascade,
            "hours": self.hours,
            "forecast": self.forecast,
            "requirement": self.requirement,
            "roster": self.roster,
            "coverage": self.coverage,
            "why": self.roster_result.why,
            "kpis": self.kpis,
            "intervals": self.intervals,
        }


def _nothing_to_miss(name: str, rows: pd.DataFrame, at: pd.Timestamp) -> list[Message]:
    """Say that somebody has no work left on the day of a moment, if so."""
    shifts = rows.groupby("date").agg(start=("start", "min"), end=("end", "max")).reset_index()
    today = pd.to_datetime(shifts["date"]).dt.date == at.date()
    told: dict[str, object] = {"name": name, "clock": f"{at:%m-%d %H:%M}"}
    if ((shifts["end"] > at) & (today | (shifts["start"] < at))).any():
        return []
    if shifts.empty:
        return [Message("repair.person_off", **told)]
    spans = tuple(f"{shift.start:%m-%d %H:%M}–{shift.end:%H:%M}" for shift in shifts.itertuples())
    return [Message("repair.person_over", **told, spans=spans)]


def promos_of(counts: pd.Series, promo_days: Mapping[str, list[dt.date]]) -> list[PastPromo]:
    """Read the busiest day of each past promo, its kind told by its busiest hour: 0-1 M, 20-21 E, else L."""
    found = []
    dates = pd.Index(counts.index.date)
    for name, days in promo_days.items():
        inside = counts[dates.isin(days)]
        if inside.empty:
            continue
        daily = inside.groupby(inside.index.date).sum()
        busiest = daily.idxmax()
        hour = int(inside[inside.index.date == busiest].idxmax().hour)
        profile: Profile = "M" if hour <= 1 else "E" if hour in (20, 21) else "L"
        others = [day for group in promo_days.values() for day in group if day != busiest]
        clean = counts[~dates.isin(others)]
        found += past_promos(clean, {name: [busiest]}, profile)
    return found


def whole_or_dash(value: float) -> str:
    """Write a whole number, or a dash for a figure that nobody has."""
    return "–" if pd.isna(value) else f"{value:,.0f}"


def rounded(value: float) -> float | None:
    """Round for the summary, so that a processor's last digit never shows; nan becomes None."""
    return None if pd.isna(value) else float(f"{float(value):.6g}")


def without(targets: Targets, target: str) -> Targets:
    """Drop the target that a KPI stands for."""
    fields = {
        "service_level": {"answered_share": None, "answered_s": None},
        "platform_rate": {"turn_share": None, "turn_s": None},
        "abandoned": {"abandoned_max": None},
    }
    return replace(targets, **fields[target])


def open_at(starts: pd.DatetimeIndex, info: StoreInfo) -> np.ndarray:
    """Tell which half hours human service is open; equal hours mean round the clock."""
    opens, closes = info.service_opens, info.service_closes
    clock = np.array([start.time() for start in starts])
    if opens == closes:
        return np.ones(len(clock), dtype=bool)
    if opens < closes:
        return (clock >= opens) & (clock < closes)
    return (clock >= opens) | (clock < closes)


def find_wave(store: Store, name: str = "") -> Wave:
    """Find a wave by its name; without one, the wave whose day sells most.

    Raises
    ------
    UserError
        No wave has that name; the nearest one is named.
    """
    if name:
        for wave in store.waves:
            if wave.name == name:
                return wave
        near = difflib.get_close_matches(name, [wave.name for wave in store.waves], n=1, cutoff=0.0)
        raise UserError(Message("plan.wave_unknown", name=name, nearest=near[0]))
    month = store.store.month_gmv_cny or 0.0
    return max(store.waves, key=lambda wave: wave.sales_cny(month))


def plan(
    store: Store,
    *,
    wave: str = "",
    seed: int = 7,
    replications: int = 30,
    roster_effort: float = 3.0,
    roster_file: str = "",
) -> Plan:
    """Plan one store's promo night.

    Parameters
    ----------
    store : Store
        As :func:`simlib.load_store` gives it.
    wave : str
        Name of the wave; left out, the one whose day sells most.
    seed : int
        The same seed gives the same plan.
    replications : int
        Simulated nights.
    roster_effort : float
        Deterministic units of the roster's solver, about seconds.
    roster_file : str
        Workbook with the team's own matrix, rehearsed in place of a roster of ours.

    Returns
    -------
    Plan
        ``.cascade .forecast .requirement .roster .coverage`` and what follows from them; each stage is worked out
        when it is first asked for. Plans of the same arguments are the same object.
    """
    return _plan_once(store, wave, seed, replications, roster_effort, roster_file)


@lru_cache(maxsize=8)
def _plan_once(store: Store, wave: str, seed: int, replications: int, roster_effort: float, roster_file: str) -> Plan:
    """Make a plan once, however its arguments were written: notebooks of one run share it."""
    return Plan(
        store=store,
        wave=find_wave(store, wave),
        seed=seed,
        replications=replications,
        roster_effort=roster_effort,
        roster_file=roster_file,
    )
