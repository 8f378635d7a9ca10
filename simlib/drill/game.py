"""The drill: a promo night as a game in rounds, played by teams against the same buyers and the same incidents.

The state of a drill is its log (:mod:`simlib.drill.log`); every screen is the night simulated again under the
decisions so far, cut at the clock (:mod:`simlib.drill.floor`). So the same seed and the same log are the same
night, on any machine and at any speed, and a crash loses nothing. The rules are in ``playbook/facts/drill.yml``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from simlib import facts
from simlib.drill.floor import DARK, FREE, FULL, REPLYING, DrillFloor, Moment, cut_night, simulate_floor
from simlib.drill.log import (
    LOG,
    Advanced,
    Decided,
    DrillLog,
    Entry,
    Injected,
    OpeningLine,
    Paused,
    Rewound,
    Scheduled,
    read_lines,
)
from simlib.messages import Message, Term, UserError, glossary
from simlib.night.buyers import RememberedBuyers
from simlib.night.promo_night import PromoNight
from simlib.streams import stream
from simlib.stress.levers import Lever
from simlib.stress.scenarios import (
    Scenario,
    ScenarioError,
    busiest_moment,
    find_scenario,
    fullest_place,
    moment_of,
    nearest,
    standard_scenarios,
)

# These change people from the night's first hour on, so they cannot begin in the middle of a drill.
BEFORE_THE_NIGHT = frozenset({"absent", "opening_moved", "people", "concurrency", "stay"})


class DrillError(UserError):
    """A step that a drill cannot take: what was asked for, and what is possible instead; the game goes on.

    Parameters
    ----------
    key : str
        Of the sentence in ``playbook/messages/drill.yml``.
    values
        For its {names}.
    """

    def __init__(self, key: str, **values: object) -> None:
        self.key = key
        super().__init__(Message(f"drill.{key}", **values))


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The rules of the game, as ``playbook/facts/drill.yml`` has them.

    Examples
    --------
    >>> rules = Rules.of_playbook()
    >>> rules.cooldown_min, rules.may("aftersale", "triage_aftersale"), rules.may("aftersale", "call_pool")
    (15, True, False)
    """

    minutes: int
    round_min: int
    teams_most: int
    incidents: int
    first_min: int
    cooldown_min: int
    hold_min: int
    pool_agents: int
    concurrency_more: int
    stacking: Sequence[str]
    deck: Sequence[str]
    roles: Mapping[str, Sequence[str]]
    weight_sales: float
    weight_platform_rate: float
    weight_fatigue: float
    weight_cards: float
    least_sales_share: float
    least_strain_h: float
    card_called: float
    card_role: float
    card_moves: float
    card_phrase: float
    called_in_time_min: float
    called_too_late_min: float
    wrong_card: float
    waiting_warn: float
    waiting_bad: float
    warn_share: float
    surge_share: float
    points_good: float
    points_bad: float
    pace_s: float

    @classmethod
    def of_playbook(cls) -> Self:
        """Read the rules from the playbook."""
        return cls(**{rule.name: facts.value("drill", rule.name) for rule in fields(cls)})

    def may(self, role: str, kind: str) -> bool:
        """Return whether a role may make a move."""
        return kind in self.roles[role]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return every lever that a role may use."""
        return tuple(dict.fromkeys(kind for kinds in self.roles.values() for kind in kinds))

    @cached_property
    def notice_min(self) -> float:
        """Return the minutes until an incident can be noticed on the floor."""
        return float(facts.value("levers", "notice_min"))

    def delay_min(self, kind: str) -> float:
        """Return the minutes that a move takes to work."""
        return float(_lever_facts()[kind]["delay_min"])

    def most(self, kind: str) -> float:
        """Return how much of a stacking move may be on at the same time."""
        return {"call_pool": self.pool_agents, "raise_concurrency": self.concurrency_more}.get(kind, np.inf)

    def sizes(self, kind: str) -> tuple[float, ...]:
        """Return the sizes in which a move can be made; none for a move without a size."""
        lever = _lever_facts()[kind]
        if lever["value"] is None:
            return ()
        return tuple(float(size) for size in lever["sizes"] if 0 < size <= self.most(kind))


@lru_cache(maxsize=1)
def _lever_facts() -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in facts.table("levers").to_dict("records")}


@dataclass(frozen=True, kw_only=True)
class DrillState:
    """The state of a drill: the sum of its log."""

    round: int = 0
    paused: bool = False
    scenarios: tuple[Scenario, ...] = ()
    injected: tuple[tuple[int, Scenario], ...] = ()
    decisions: tuple[tuple[int, Decided], ...] = ()

    @property
    def happens(self) -> tuple[Scenario, ...]:
        """Return every scenario: those scheduled at the beginning, and those the facilitator has added."""
        return (*self.scenarios, *(scenario for _, scenario in self.injected))


@dataclass(frozen=True, kw_only=True)
class Move:
    """A lever as a team has it now.

    Parameters
    ----------
    kind : str
        The lever's.
    sizes : tuple of float
        In which it can be used now; none for a lever without a size.
    delay_min, ready_min : float
        Minutes until it works once it is used, and until it can be used again.
    ready : bool
        Whether it can be used now.
    on_until : pandas.Timestamp, optional
        When what is on ends.
    left : float
        How much of it is still available; inf without a limit.
    """

    kind: str
    sizes: tuple[float, ...]
    delay_min: float
    ready_min: float
    ready: bool
    on_until: pd.Timestamp | None
    left: float


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """What one team sees: its floor up to the clock, and its own game.

    Parameters
    ----------
    round : int
        From 0; at the last one the drill is over.
    clock : pandas.Timestamp
        What time it is in the night.
    queues : DataFrame
        queue, waiting, oldest_s; empty while every seat is dark, since no screen shows a queue then.
    now : mapping
        offered, abandoned, first_response, platform_rate of the last round, expected (offered by the forecast), and
        platform_rate_so_far.
    agents : DataFrame
        agent_id, name, site, room, state, open_chats; dark where the power is out: unknown, not zero.
    signs : tuple of str
        Names of the scenarios whose signs can be noticed by now.
    moves : mapping of str to Move
        Every lever, by its kind.
    course : DataFrame
        One row per round so far: clock, waiting, first_response, platform_rate, offered, abandoned.
    decisions : tuple of (clock, Decided)
        The team's own.
    """

    round: int
    clock: pd.Timestamp
    over: bool
    paused: bool
    queues: pd.DataFrame
    now: Mapping[str, float]
    agents: pd.DataFrame
    signs: tuple[str, ...]
    moves: Mapping[str, Move]
    course: pd.DataFrame
    decisions: tuple[tuple[pd.Timestamp, Decided], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class TeamScore:
    """How a team stands: points of 100, and the figures behind them.

    Parameters
    ----------
    total, sales, platform_rate, fatigue, cards : float
        Points; 50 each for a team that does nothing.
    kept_cny, lost_cny, cost_cny, rate, strain_h : float
        What the points rest on; ``idle`` has the same for a team that does nothing.
    by_card : DataFrame
        One row per incident that could be noticed: scenario, card, clock (when it began), called (minutes after it
        could be noticed, nan if never), role, moves, phrase, points.
    wrong : int
        Cards called for what has not happened.
    """

    total: float
    sales: float
    platform_rate: float
    fatigue: float
    cards: float
    kept_cny: float
    lost_cny: float
    cost_cny: float
    rate: float
    strain_h: float
    idle: Mapping[str, float] = field(repr=False)
    by_card: pd.DataFrame = field(repr=False)
    wrong: int = 0


class Drill:
    """A drill under way.

    Parameters
    ----------
    night : PromoNight
        The plan's, whole.
    log : DrillLog
        Whose first line opens the drill.
    notices : sequence of DrillError
        What was found wrong with the log when it was read.

    Raises
    ------
    DrillError
        The log was written for another night.
    """

    def __init__(self, night: PromoNight, log: DrillLog, *, notices: Sequence[DrillError] = ()) -> None:
        opened = log.entries[0] if log.entries else None
        if not isinstance(opened, OpeningLine):
            raise DrillError("no_beginning")
        if opened.night != fingerprint(night):
            raise DrillError("other_night")
        self.log, self.opened, self.notices = log, opened, tuple(notices)
        self.rules = Rules.of_playbook()
        self.starts = pd.Timestamp(opened.starts).tz_convert(night.grid.opens.tz)
        self._whole = night
        self.night = cut_night(night, starts=self.starts, minutes=opened.minutes)
        self._buyers = RememberedBuyers(buyers=self.night.demand())
        self._floors = lru_cache(maxsize=4 * opened.teams + 16)(self._simulate)
        self._measured = lru_cache(maxsize=4 * opened.teams + 16)(self._measure)
        self.cost_cny = lru_cache(maxsize=1024)(self._cost_of)
        self._rows: dict[tuple[object, ...], dict[str, Any]] = {}
        self.state = DrillState(scenarios=tuple(map(self._read, opened.scenarios)))
        for entry in log.entries[1:]:
            self.state = self._step(entry)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as the night and the log: the rest follows from them."""
        return partial(Drill, notices=self.notices), (self._whole, self.log)

    @classmethod
    def open(
        cls,
        night: PromoNight,
        *,
        seed: int,
        teams: int,
        folder: Path | None = None,
        starts: pd.Timestamp | None = None,
        minutes: int | None = None,
        round_min: int | None = None,
        scenarios: Sequence[Scenario] | None = None,
        store: str = "",
        shop: str = "",
    ) -> Self:
        """Return a new drill on a night.

        Parameters
        ----------
        seed : int
            Of the buyers, and of the schedule.
        teams : int
            1 to 8.
        folder : Path, optional
            Where the log is kept; left out, in memory only. It must not hold a drill already.
        starts : pandas.Timestamp, optional
            On the night's grid; left out, the busiest half hour.
        minutes, round_min : int, optional
            How long the drill and a round last; left out, as in the rules.
        scenarios : sequence of Scenario, optional
            What happens, and when; left out, the seed draws it (:func:`draw_schedule`).
        store, shop : str
            Id and name of the store whose night it is, so that no other store takes the drill for its own.

        Raises
        ------
        DrillError
            Too many teams, rounds that do not fit, or a drill is there already.
        """
        rules = Rules.of_playbook()
        starts = busiest_moment(night) if starts is None else starts
        left_min = int((night.grid.times(night.grid.edges_s[-1:])[0] - starts).total_seconds()) // 60
        minutes = min(minutes or rules.minutes, left_min)
        round_min = round_min or rules.round_min
        step_min = night.grid.step_s // 60
        if not 1 <= teams <= rules.teams_most:
            raise DrillError("teams", teams=teams, most=rules.teams_most)
        if round_min < 1 or minutes % round_min or minutes % step_min or minutes < round_min:
            raise DrillError("rounds", minutes=minutes, round_min=round_min, step=step_min)
        cut = cut_night(night, starts=starts, minutes=minutes)
        if scenarios is None:
            scenarios = draw_schedule(cut, starts, minutes, seed=seed)
        else:
            ends = starts + pd.Timedelta(minutes=minutes)
            scenarios = tuple(_fit_schedule(scenario, cut, starts=starts, ends=ends) for scenario in scenarios)
        for scenario in scenarios:
            scenario.apply_to(cut)  # refuses what this night cannot have, before anything is written
        log = DrillLog(None if folder is None else folder / LOG)
        if log.path is not None:
            if log.path.exists():
                raise DrillError("exists", folder=folder)
            log.path.parent.mkdir(parents=True, exist_ok=True)
        log.append(
            OpeningLine(
                night=fingerprint(night),
                store=store,
                shop=shop,
                seed=seed,
                teams=teams,
                starts=starts.isoformat(),
                minutes=minutes,
                round_min=round_min,
                scenarios=tuple(Scheduled.of(scenario) for scenario in scenarios),
            )
        )
        return cls(night, log)

    @classmethod
    def resume(cls, night: PromoNight, folder: Path) -> Self:
        """Return a drill from its log, as far as the log is sound; the rest is set aside, with a notice.

        Raises
        ------
        DrillError
            There is no drill, its first line is not sound, or it was played on another night.
        """
        path = folder / LOG
        if not path.exists():
            raise DrillError("nothing_there", folder=folder)
        log = DrillLog(path)
        drill, keep = cls._replay(night, list(read_lines(path)))
        aside = log.cut(keep)
        drill.log = log
        if aside is not None:
            drill.notices = (DrillError("set_aside", line=keep + 1, file=aside.name),)
        return drill

    @classmethod
    def read(cls, night: PromoNight, path: Path) -> Self:
        """Return a drill as far as its log is sound, to look at: the file stays as it is.

        Raises
        ------
        DrillError
            Its first line is not sound, or it was played on another night.
        """
        return cls._replay(night, list(read_lines(path)))[0]

    @classmethod
    def _replay(cls, night: PromoNight, sound: list[Entry]) -> tuple[Self, int]:
        """Take the steps of a log in memory until one cannot be taken; return how many lines could."""
        in_memory = DrillLog()
        in_memory.entries = sound[:1]
        drill = cls(night, in_memory)
        keep = min(len(sound), 1)
        for entry in sound[1:]:
            try:
                drill.state = drill._step(entry)
            except (DrillError, ScenarioError):
                break
            keep += 1
        return drill, keep

    # --- the clock ---

    @property
    def rounds(self) -> int:
        """Return the number of rounds."""
        return self.opened.minutes // self.opened.round_min

    @property
    def teams(self) -> range:
        """Return the teams' numbers, from 1."""
        return range(1, self.opened.teams + 1)

    @property
    def over(self) -> bool:
        """Return whether the last round has been played."""
        return self.state.round >= self.rounds

    def clock(self, round_: int | None = None) -> pd.Timestamp:
        """Return the time at which a round begins; left out, now."""
        number = self.state.round if round_ is None else round_
        return self.starts + pd.Timedelta(minutes=number * self.opened.round_min)

    # --- steps: each is checked, written down, and then it counts ---

    def advance(self, to: int | None = None) -> None:
        """Go to the next round; ``to`` is its number, so that a step asked for twice is taken once."""
        self._take(Advanced(round=self.state.round + 1 if to is None else to))

    def pause(self, *, paused: bool = True) -> None:
        """Pause the game, or resume it."""
        self._take(Paused(paused=paused))

    def rewind(self, to: int) -> None:
        """Go back to the beginning of a round and undo what was decided and injected from then on."""
        self._take(Rewound(round=to))

    def inject(self, name: str) -> None:
        """Begin one of the standard scenarios now."""
        known = {scenario.name: scenario for scenario in standard_scenarios(self.night)}
        if name not in known:
            raise DrillError("unknown_scenario", name=name, allowed=_terms(known), near=Term(nearest(name, known)))
        self._take(Injected(scenario=Scheduled.of(place_scenario(self.night, known[name], at=self.clock()))))

    def move(self, team: int, role: str, kind: str, size: float | None = None) -> None:
        """Use a lever; it begins to work after its delay and lasts as long as the rules allow."""
        self._take(Decided(team=team, role=role, what="lever", key=kind, size=size))

    def call_card(self, team: int, role: str, card: str) -> None:
        """Declare an incident by its card."""
        self._take(Decided(team=team, role=role, what="card", key=card))

    def use_phrase(self, team: int, role: str, card: str) -> None:
        """Put the phrase of a card to use on the floor."""
        self._take(Decided(team=team, role=role, what="phrase", key=card))

    def _take(self, entry: Entry) -> None:
        state = self._step(entry)
        self.log.append(entry)
        self.state = state

    def _step(self, entry: Entry) -> DrillState:
        """Return the state after a step.

        Raises
        ------
        DrillError
            It cannot be taken.
        """
        state = self.state
        if isinstance(entry, Advanced):
            if self.over:
                raise DrillError("is_over")
            if state.paused:
                raise DrillError("is_paused")
            if entry.round != state.round + 1:
                raise DrillError("round_passed", round=entry.round, now=state.round)
            return replace(state, round=entry.round)
        if isinstance(entry, Paused):
            if entry.paused == state.paused:
                raise DrillError("is_paused" if state.paused else "goes_on")
            return replace(state, paused=entry.paused)
        if isinstance(entry, Rewound):
            if not 0 <= entry.round <= state.round:
                raise DrillError("cannot_rewind", round=entry.round, now=state.round)
            return replace(
                state,
                round=entry.round,
                injected=tuple(row for row in state.injected if row[0] < entry.round),
                decisions=tuple(row for row in state.decisions if row[0] < entry.round),
            )
        if isinstance(entry, Injected):
            if self.over:
                raise DrillError("is_over")
            scenario = self._read(entry.scenario)
            kinds = {incident.kind for incident in scenario.incidents}
            if kinds & BEFORE_THE_NIGHT or scenario.start < self.clock():
                raise DrillError("not_in_the_middle", scenario=_terms(scenario.name.split("+")))
            scenario.apply_to(self._with_incidents(state.happens))
            return replace(state, injected=(*state.injected, (state.round, scenario)))
        if isinstance(entry, Decided):
            self._check(entry)
            return replace(state, decisions=(*state.decisions, (state.round, entry)))
        raise DrillError("opened_already")

    def _check(self, wanted: Decided) -> None:
        """Refuse a decision that the rules do not allow now."""
        if self.over:
            raise DrillError("is_over")
        if self.state.paused:
            raise DrillError("is_paused")
        if wanted.team not in self.teams:
            raise DrillError("unknown_team", team=wanted.team, teams=self.opened.teams)
        if wanted.role not in self.rules.roles:
            raise DrillError(
                "unknown_role", role=wanted.role, allowed=_terms(f"role_{role}" for role in self.rules.roles)
            )
        if wanted.what == "lever":
            self._check_lever(wanted)
            return
        cards = list(facts.table("incidents")["key"])
        if wanted.key not in cards:
            raise DrillError("unknown_card", card=wanted.key, near=nearest(wanted.key, cards))
        latest = max(
            (
                round_
                for round_, decided in self.decisions(wanted.team)
                if decided.what == wanted.what and decided.key == wanted.key
            ),
            default=None,
        )
        if latest is not None and self._minutes_since(latest) < self.rules.cooldown_min:
            clock = f"{self.clock(latest):%H:%M}"
            raise DrillError(f"{wanted.what}_twice", clock=clock, minutes=self.rules.cooldown_min)

    def _check_lever(self, wanted: Decided) -> None:
        kind = wanted.key
        every = self.rules.kinds
        if kind not in every:
            raise DrillError("unknown_move", kind=kind, allowed=_terms(every), near=Term(nearest(kind, every)))
        if not self.rules.may(wanted.role, kind):
            allowed = _terms(self.rules.roles[wanted.role])
            raise DrillError("role_may_not", role=Term(f"role_{wanted.role}"), kind=Term(kind), allowed=allowed)
        sizes = self.rules.sizes(kind)
        if wanted.size not in (sizes or (None,)):
            shown = tuple(f"{size:g}" for size in sizes) or "–"
            raise DrillError("move_size", kind=Term(kind), size=wanted.size, allowed=shown)
        move = self.moves(wanted.team)[kind]
        if move.ready_min > 0:
            raise DrillError("cooling_down", kind=Term(kind), minutes=f"{move.ready_min:.0f}")
        if move.on_until is not None and kind not in self.rules.stacking:
            raise DrillError("still_on", kind=Term(kind), clock=f"{move.on_until:%H:%M}")
        if wanted.size is not None and wanted.size > move.left:
            raise DrillError("none_left", kind=Term(kind), size=f"{wanted.size:g}", left=f"{move.left:g}")

    def _read(self, scheduled: Scheduled) -> Scenario:
        return scheduled.scenario(self.night.grid.opens.tz)

    def decisions(self, team: int) -> list[tuple[int, Decided]]:
        """Return what a team has decided, each with its round, in order."""
        return [(round_, decided) for round_, decided in self.state.decisions if decided.team == team]

    def _minutes_since(self, round_: int) -> int:
        return (self.state.round - round_) * self.opened.round_min

    # --- the night ---

    def levers(self, team: int) -> tuple[Lever, ...]:
        """Return the levers that a team has used, in order."""
        return self.levers_of(self.decisions(team))

    def levers_of(self, decisions: Sequence[tuple[int, Decided]]) -> tuple[Lever, ...]:
        """Return decisions, each with its round, as levers that last as long as the rules allow."""
        closes = self.night.grid.times(self.night.grid.edges_s[-1:])[0]
        levers = []
        for round_, decided in decisions:
            if decided.what == "lever":
                lever = Lever(kind=decided.key, decided=self.clock(round_), until=closes, size=decided.size)
                until = min(lever.works_from + pd.Timedelta(minutes=self.rules.hold_min), closes)
                levers.append(replace(lever, until=until))
        return tuple(levers)

    def _with_incidents(self, scenarios: tuple[Scenario, ...]) -> PromoNight:
        night = self.night
        for scenario in scenarios:
            night = scenario.apply_to(night)
        return night

    def _simulate(self, scenarios: tuple[Scenario, ...], levers: tuple[Lever, ...]) -> DrillFloor:
        night = self._with_incidents(scenarios)
        buyers = self._buyers if night.shares_buyers(self.night) else None
        more = self.rules.concurrency_more
        return simulate_floor(night, levers, seed=self.opened.seed, more=more, buyers=buyers)

    def moment(self, levers: tuple[Lever, ...], *, round_: int | None = None) -> Moment:
        """Return a floor at the beginning of a round (default: now); at the last one buyers are followed to the end."""
        return self._moment(self.state.happens, levers, self.state.round if round_ is None else round_)

    def _moment(self, scenarios: tuple[Scenario, ...], levers: tuple[Lever, ...], round_: int) -> Moment:
        start_s, now_s = self.night.grid.seconds(pd.DatetimeIndex([self.starts, self.clock(round_)]))
        floor = self._floors(scenarios, levers)
        return Moment(floor=floor, start_s=float(start_s), now_s=float(now_s), over=round_ >= self.rounds)

    # --- what a team sees ---

    def game(self, team: int) -> Hashable:
        """Return all that a team's view and score depend on: while this is unchanged, so are they."""
        return self.state.round, self.state.paused, self.state.happens, tuple(self.decisions(team))

    def view(self, team: int) -> View:
        """Return what a team sees now."""
        levers = self.levers(team)
        moment = self.moment(levers)
        agents = moment.agents()
        on_duty = agents["state"].isin([FREE, REPLYING, FULL, DARK])
        blind = bool(on_duty.any() and (agents.loc[on_duty, "state"] == DARK).all())
        course = pd.DataFrame([self._course_row(levers, number) for number in range(self.state.round + 1)])
        if blind:
            course = course.astype(object)
            course.loc[course.index[-1], ["waiting", "first_response", "platform_rate", "abandoned"]] = np.nan
        now = {key: float(value) for key, value in course.iloc[-1].items() if key not in ("clock", "waiting")}
        now["platform_rate_so_far"] = float("nan") if blind else moment.platform_rate()
        queues = moment.waiting()
        return View(
            round=self.state.round,
            clock=self.clock(),
            over=self.over,
            paused=self.state.paused,
            queues=queues.iloc[:0] if blind else queues,
            now=now,
            agents=agents,
            signs=tuple(scenario.name for scenario in self.noticed()),
            moves=self.moves(team),
            course=course,
            decisions=tuple((self.clock(round_), decided) for round_, decided in self.decisions(team)),
        )

    def noticed(self) -> list[Scenario]:
        """Return the scenarios that can be noticed by now, the latest last."""
        notice = pd.Timedelta(minutes=self.rules.notice_min)
        return sorted(
            (scenario for scenario in self.state.happens if scenario.start + notice <= self.clock()),
            key=lambda scenario: scenario.start,
        )

    def _course_row(self, levers: tuple[Lever, ...], number: int) -> dict[str, Any]:
        """Return one round of a team's night; later decisions have not changed it."""
        clock = self.clock(number)
        before = tuple(lever for lever in levers if lever.decided < clock)
        begun = tuple(scenario for scenario in self.state.happens if scenario.start < clock)
        key = (number, before, begun)
        if key not in self._rows:
            moment = self.moment(levers, round_=number)
            lately = moment.lately(60.0 * self.opened.round_min)
            waiting = int(moment.waiting()["waiting"].sum())
            self._rows[key] = {"clock": clock, "waiting": waiting, **lately, "expected": self._expected(number)}
        return self._rows[key]

    def _expected(self, number: int) -> float:
        """Return the contacts that the forecast expected in the round before."""
        grid = self.night.grid
        minutes = pd.date_range(grid.opens, periods=grid.n * grid.step_s // 60, freq="min")
        weights = np.ones(len(minutes))
        if self.night.minute_profile is not None:
            weights = self.night.minute_profile.reindex(minutes).fillna(1.0).to_numpy(dtype=float)
        slot = np.arange(len(minutes)) * 60 // grid.step_s
        contacts = self.night.forecast.groupby("start")["contacts"].sum().reindex(grid.starts, fill_value=0.0)
        by_minute = contacts.to_numpy()[slot] * weights / np.bincount(slot, weights)[slot]
        begin = self.clock(number) - pd.Timedelta(minutes=self.opened.round_min)
        return float(by_minute[(minutes >= begin) & (minutes < self.clock(number))].sum())

    def moves(self, team: int) -> dict[str, Move]:
        """Return every lever, and whether a team can use it now."""
        clock, levers = self.clock(), self.levers(team)
        found = {}
        for kind in self.rules.kinds:
            own = [lever for lever in levers if lever.kind == kind]
            on = [lever for lever in own if lever.until > clock]
            latest = max((lever.decided for lever in own), default=None)
            waited_min = np.inf if latest is None else (clock - latest).total_seconds() / 60
            ready_min = max(self.rules.cooldown_min - waited_min, 0.0)
            left = self.rules.most(kind) - sum(lever.size or 0.0 for lever in on)
            sizes = tuple(size for size in self.rules.sizes(kind) if size <= left)
            free = bool(sizes) if kind in self.rules.stacking else not on
            found[kind] = Move(
                kind=kind,
                sizes=sizes,
                delay_min=self.rules.delay_min(kind),
                ready_min=ready_min,
                ready=ready_min == 0 and free and not self.over and not self.state.paused,
                on_until=max((lever.until for lever in on), default=None),
                left=left,
            )
        return found

    # --- the score ---

    def score(self, team: int) -> TeamScore:
        """Return a team's score by now."""
        return self.judge(self.levers(team), self.decisions(team))

    def judge(self, levers: tuple[Lever, ...], decisions: Sequence[tuple[int, Decided]]) -> TeamScore:
        """Return the score of any set of levers and decisions on this night, by now."""
        rules = self.rules
        mine, idle = self._figures(levers), self._figures(())
        cost = sum(map(self.cost_cny, levers))
        stake = max(idle["lost_cny"], rules.least_sales_share * (idle["kept_cny"] + idle["lost_cny"]), 1.0)
        missed = max(1.0 - idle["rate"], 1.0 - mine["rate"], 0.02) if not np.isnan(idle["rate"]) else np.nan
        strain = max(idle["strain_h"], rules.least_strain_h)
        by_card, wrong = self._judge_cards(decisions)
        earned = float(by_card["points"].mean()) / 100 if len(by_card) else 0.0
        points = {
            "sales": half_scale((idle["lost_cny"] - mine["lost_cny"] - cost) / stake),
            "platform_rate": half_scale((mine["rate"] - idle["rate"]) / missed),
            "fatigue": half_scale((idle["strain_h"] - mine["strain_h"]) / strain),
            "cards": half_scale(earned - wrong * rules.wrong_card / 50),
        }
        total = sum(getattr(rules, f"weight_{key}") * value for key, value in points.items())
        return TeamScore(total=total, **points, **mine, cost_cny=float(cost), idle=idle, by_card=by_card, wrong=wrong)

    def _figures(self, levers: tuple[Lever, ...]) -> Mapping[str, float]:
        return self._measured(self.state.happens, levers, self.state.round)

    def _cost_of(self, lever: Lever) -> float:
        return float(lever.cost_cny(self.night))

    def _measure(self, scenarios: tuple[Scenario, ...], levers: tuple[Lever, ...], round_: int) -> Mapping[str, float]:
        moment = self._moment(scenarios, levers, round_)
        kept, lost = moment.sales()
        strain = moment.strain_h(self.night.roster)
        return {"kept_cny": kept, "lost_cny": lost, "rate": moment.platform_rate(), "strain_h": strain}

    def _judge_cards(self, decisions: Sequence[tuple[int, Decided]]) -> tuple[pd.DataFrame, int]:
        """Return a team's decisions compared with the cards of what could be noticed by now, and its wrong cards."""
        cards = facts.table("incidents").set_index("key")
        notice = pd.Timedelta(minutes=self.rules.notice_min)
        rows: list[dict[str, Any]] = []
        right: set[tuple[int, Decided]] = set()
        for scenario in self.noticed():
            if not scenario.cards:
                continue
            card, seen, ends = scenario.cards[0], scenario.start + notice, scenario.end + notice
            during = [row for row in decisions if scenario.start <= self.clock(row[0]) <= ends]
            called = [row for row in during if (row[1].what, row[1].key) == ("card", card)]
            right |= set(called)
            late = max((self.clock(called[0][0]) - seen).total_seconds() / 60, 0.0) if called else np.nan
            made = {decided.key for _, decided in during if decided.what == "lever"}
            moves = made & set(cards.loc[card, "levers"])
            phrase = any((decided.what, decided.key) == ("phrase", card) for _, decided in during)
            by_role = bool(called) and called[0][1].role == cards.loc[card, "declares"]
            rows.append(
                {
                    "scenario": scenario.name,
                    "card": card,
                    "clock": scenario.start,
                    "called": late,
                    "role": by_role,
                    "moves": len(moves),
                    "phrase": phrase,
                    "points": self._card_points(late, by_role=by_role, moves=len(moves), phrase=phrase),
                }
            )
        columns = ["scenario", "card", "clock", "called", "role", "moves", "phrase", "points"]
        wrong = sum(row[1].what == "card" and row not in right for row in decisions)
        return pd.DataFrame(rows, columns=columns), wrong

    def _card_points(self, late_min: float, *, by_role: bool, moves: int, phrase: bool) -> float:
        rules = self.rules
        span = rules.called_too_late_min - rules.called_in_time_min
        prompt = 0.0 if np.isnan(late_min) else float(np.clip((rules.called_too_late_min - late_min) / span, 0, 1))
        share = (0.0, 2 / 3, 1.0)[min(moves, 2)]
        return (
            rules.card_called * prompt
            + rules.card_role * by_role
            + rules.card_moves * share
            + rules.card_phrase * phrase
        )


def _terms(keys: Iterable[str]) -> tuple[str, ...]:
    """Return keys of the glossary as terms to be translated; a store's own scenario keeps its name."""
    return tuple(Term(key) if key in glossary() else key for key in keys)


def half_scale(gain: float) -> float:
    """Return points for a gain over a team that does nothing: no gain is 50, all that was missing is 100.

    >>> half_scale(0.0), half_scale(1.0), half_scale(-3.0), half_scale(float("nan"))
    (50.0, 100.0, 0.0, 50.0)
    """
    return 50.0 if np.isnan(gain) else float(np.clip(50.0 + 50.0 * gain, 0.0, 100.0))


def fingerprint(night: PromoNight) -> str:
    """Return a hash of what a drill depends on: who comes, who serves, and when."""
    digest = hashlib.sha256()
    people = ["agent_id", "capacity", "speed"]
    roster = ["agent_id", "start", "end", "activity"]
    for table in (night.forecast[["start", "queue", "contacts"]], night.people[people], night.roster[roster]):
        digest.update(table.to_csv(index=False, float_format="%.6g").encode())
    return digest.hexdigest()[:16]


def place_scenario(night: PromoNight, scenario: Scenario, *, at: pd.Timestamp) -> Scenario:
    """Return a scenario moved to a time and to the fullest place of that time, cut to the night."""
    shift = at - scenario.start
    closes = night.grid.times(night.grid.edges_s[-1:])[0]
    moved = []
    for incident in scenario.incidents:
        start, end = incident.start + shift, min(incident.end + shift, closes)
        if end <= start:
            continue
        place: dict[str, Any] = {
            name: fullest_place(night, name, at=start).get(name) for name in ("site", "room") if getattr(incident, name)
        }
        moved.append(replace(incident, start=start, end=end, **place))
    return replace(scenario, incidents=tuple(moved))


def _fit_schedule(scenario: Scenario, cut: PromoNight, *, starts: pd.Timestamp, ends: pd.Timestamp) -> Scenario:
    """Return a scenario cut to a drill.

    Raises
    ------
    DrillError
        It begins outside the drill; the message has the time that was asked for, and the drill's own.
    """
    if scenario.start < starts:
        raise DrillError(
            "before_drill",
            scenario=_terms(scenario.name.split("+")),
            clock=f"{scenario.start:%H:%M}",
            starts=f"{starts:%H:%M}",
        )
    if scenario.start >= ends:
        raise DrillError(
            "outside_drill",
            scenario=_terms(scenario.name.split("+")),
            clock=f"{scenario.start:%H:%M}",
            starts=f"{starts:%H:%M}",
            ends=f"{ends:%H:%M}",
            minutes=int((scenario.start - starts).total_seconds() // 60) + 1,
        )
    closes = cut.grid.times(cut.grid.edges_s[-1:])[0]
    inside = (incident for incident in scenario.incidents if incident.start < closes)
    return replace(scenario, incidents=tuple(replace(incident, end=min(incident.end, closes)) for incident in inside))


def draw_schedule(night: PromoNight, starts: pd.Timestamp, minutes: int, *, seed: int) -> tuple[Scenario, ...]:
    """Return a random schedule: one scenario of the deck in each equal stretch of the night, at a random minute.

    Parameters
    ----------
    night : PromoNight
        Cut for the drill.
    seed : int
        The same seed gives the same schedule.
    """
    rules = Rules.of_playbook()
    chance = stream(seed, 0, "drill_deal")
    known = [scenario for scenario in standard_scenarios(night) if scenario.name in rules.deck]
    n = min(rules.incidents, len(known))
    chosen = chance.choice(len(known), size=n, replace=False)
    stretch = minutes / n
    latest = np.maximum(stretch / 2, rules.first_min + 1)
    after = [round(number * stretch + chance.uniform(rules.first_min, latest)) for number in range(n)]
    return tuple(
        place_scenario(night, known[index], at=starts + pd.Timedelta(minutes=minute))
        for index, minute in zip(chosen, after, strict=True)
    )


def read_schedule(night: PromoNight, text: str) -> tuple[Scenario, ...] | None:
    """Read what a facilitator wants to happen when: ``bot_down 20:05, network_down 20:20``; nothing is None.

    Parameters
    ----------
    night : PromoNight
        The plan's, whole.

    Raises
    ------
    DrillError, ScenarioError
        It is written otherwise, a scenario is unknown, or a time is outside the night.
    """
    if not text.strip():
        return None
    known = standard_scenarios(night)
    schedule = []
    for part in re.split(r"[,，;；]", text):
        name, _, clock = part.strip().partition(" ")
        if not name or not clock.strip():
            raise DrillError("schedule_form", part=part.strip())
        scenario = find_scenario(known, name.strip())
        if {incident.kind for incident in scenario.incidents} & BEFORE_THE_NIGHT:
            raise DrillError("not_in_the_middle", scenario=_terms(scenario.name.split("+")))
        schedule.append(place_scenario(night, scenario, at=moment_of(night, clock)))
    return tuple(schedule)
