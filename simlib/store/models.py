"""What a store knows of itself: one frozen model per row of each sheet, and the store that holds them all."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from simlib import facts
from simlib.messages import translate
from simlib.store.cells import read_pairs, spellings
from simlib.store.problems import Problem

Queue = Literal["presale", "aftersale", "order_change", "payment_chasing", "escalation"]
Cohort = Literal["own", "temp", "outsourced", "student"]
Platform = Literal["tmall", "taobao", "jd", "pdd", "douyin", "kuaishou", "xiaohongshu"]
Profile = Literal["N", "M", "E", "L"]
RatioSource = Literal["store", "fitted", "platform", "field", "ours"]
IncidentKind = Literal[
    "contacts",
    "handling",
    "bot_share",
    "bot_down",
    "seats_down",
    "slow",
    "absent",
    "people",
    "concurrency",
    "stay",
    "opening_moved",
    "seat_left",
    "weights",
]

DAY_MIN = 24 * 60
MOST_CHATS = 99  # that a person may hold at the same time

Share = Annotated[float, Field(ge=0, le=1)]
Sales = Annotated[float, Field(gt=0)]  # a night without sales has nothing to rehearse
Money = Annotated[float, Field(ge=0)]
Count = Annotated[float, Field(ge=0)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Note = Annotated[str, Field(max_length=2000)] | None


class Row(BaseModel):
    """A row of a sheet: frozen, and no column that nobody knows.

    A validator names its complaint by a sentence of ``playbook/messages/store.yml``, and the column at which
    the reader points.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _complaint(sentence: str, column: str) -> PydanticCustomError:
    """Make the error of a validator: a sentence's key, the English sentence, and the column it is about."""
    return PydanticCustomError(sentence, translate(f"store.{sentence}", "en"), {"column": column})


class StoreInfo(Row):
    """The sheet ``store``: one field per line. Service hours that are equal mean round the clock.

    ``slowdown_by_chats`` says how many times as long a reply takes with so many open chats, such as ``3:1.05, 6:1.3``;
    it takes the place of the ratio ``switch_cost_pct``. ``today`` is the day from which the store is looked at; left
    empty it is the calendar's own. The example stores carry one, so that they always lie before their promo.
    """

    name: Text
    platform: Platform
    timezone: str = "Asia/Shanghai"
    month_gmv_cny: Sales | None = None
    month_aov_cny: Sales | None = None
    service_opens: dt.time = dt.time(0)
    service_closes: dt.time = dt.time(0)
    slowdown_by_chats: Text | None = None
    today: dt.date | None = None
    note: Note = None

    @field_validator("slowdown_by_chats")
    @classmethod
    def _rising_curve(cls, text: str | None) -> str | None:
        if text is None:
            return None
        try:
            pairs = read_pairs(text)
        except ValueError as error:
            raise _complaint("slowdown_unreadable", "slowdown_by_chats") from error
        levels, factors = zip(*pairs, strict=True)
        if any(level != int(level) or not 1 <= level <= MOST_CHATS for level in levels) or list(levels) != sorted(
            set(levels)
        ):
            raise _complaint("slowdown_levels", "slowdown_by_chats")
        if min(factors) < 1:
            raise _complaint("slowdown_below_one", "slowdown_by_chats")
        if list(factors) != sorted(factors) or (levels[0] == 1 and factors[0] != 1):
            raise _complaint("slowdown_falls", "slowdown_by_chats")
        return text

    @property
    def slowdown_points(self) -> dict[int, float]:
        """The slow-down that the store gives, by open chats; empty where it gives none.

        Examples
        --------
        >>> StoreInfo(name="A", platform="jd", slowdown_by_chats="3:1.05, 6:1.3").slowdown_points
        {3: 1.05, 6: 1.3}
        """
        pairs = read_pairs(self.slowdown_by_chats) if self.slowdown_by_chats else ()
        return {int(level): factor for level, factor in pairs}

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise _complaint("time_zone", "timezone")
        return zone


class Wave(Row):
    """One wave of the store's own promo calendar.

    The GMV belongs to the wave's day: the calendar day of ``start`` (of ``end`` for profile L, the last day).
    Give it as money, or as a share of the month's GMV.
    """

    name: Text
    profile: Profile
    start: dt.datetime
    end: dt.datetime
    day_gmv_cny: Sales | None = None
    month_share: Share | None = None
    day_aov_cny: Sales | None = None
    note: Note = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end <= self.start:
            raise _complaint("end_after_start", "end")
        if not (self.day_gmv_cny or self.month_share):
            raise _complaint("wave_without_sales", "day_gmv_cny")
        return self

    @property
    def day(self) -> dt.date:
        """The wave's busiest calendar day: the opening day, or the last one for profile L."""
        if self.profile == "L":
            return (self.end - dt.timedelta(seconds=1)).date()
        return self.start.date()

    def sales_cny(self, month_gmv_cny: float) -> float:
        """GMV of the wave's day: its own figure, or its share of the month's."""
        return self.day_gmv_cny or month_gmv_cny * (self.month_share or 0.0)


class Ratio(Row):
    """A ratio that the plan rests on, with its span and where it comes from."""

    key: Text
    low: float
    likely: float
    high: float
    source: RatioSource = "store"
    note: Note = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low <= self.likely <= self.high:
            raise _complaint("span_out_of_order", "likely")
        return self


class HistoryRow(Row):
    """Contacts that came, by interval or by day; ``promo`` names the promo that the day belonged to."""

    start: dt.datetime
    queue: Queue = "presale"
    contacts: Count
    promo: Text | None = None
    note: Note = None


class DateSpan(Row):
    """Days from ``first`` to ``last``, both included."""

    first: dt.date
    last: dt.date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise _complaint("days_out_of_order", "leave")
        return self


class Agent(Row):
    """One person who serves: what they can, how fast, what they cost, and when they may not."""

    agent_id: Text
    name: Text
    cohort: Cohort
    skill_1: Queue
    skill_2: Queue | None = None
    skill_3: Queue | None = None
    capacity: Annotated[int, Field(ge=1, le=MOST_CHATS)] = 5
    speed: Annotated[float, Field(gt=0, le=5)] = 1.0
    routing_weight: Annotated[float, Field(gt=0, le=10_000)] | None = None
    cost_cny_h: Money = 0.0
    exam_score: Annotated[float, Field(ge=0, le=100)] | None = None
    qa_pass: bool | None = None
    lead: bool = False
    on_call: bool = False
    starts_on: dt.date | None = None
    seat: Text | None = None
    leave: tuple[DateSpan, ...] = ()
    wishes: Note = None
    note: Note = None

    @field_validator("routing_weight", mode="before")
    @classmethod
    def _some_weight(cls, weight: object) -> object:
        if isinstance(weight, int | float) and weight <= 0:
            raise _complaint("weight_zero", "routing_weight")
        return weight

    @model_validator(mode="after")
    def _distinct_skills(self) -> Self:
        if len(set(self.skills)) < len(self.skills):
            raise _complaint("skill_twice", "skill_2")
        return self

    @property
    def skills(self) -> tuple[Queue, ...]:
        """The queues this person serves, the best first."""
        return tuple(skill for skill in (self.skill_1, self.skill_2, self.skill_3) if skill is not None)

    @property
    def dated_wishes(self) -> tuple[tuple[dt.date, str], ...]:
        """The wishes that name a day: the shift's code, or ``rest``. Other text of the cell is a remark.

        Examples
        --------
        >>> wishes = "2026-10-31 D; 2026-11-01 off; likes early shifts"
        >>> Agent(agent_id="A1", name="A", cohort="own", skill_1="presale", wishes=wishes).dated_wishes
        ((datetime.date(2026, 10, 31), 'D'), (datetime.date(2026, 11, 1), 'rest'))
        """
        found = re.findall(r"(\d{4}-\d{2}-\d{2})\s+([^\s;；,，]+)", self.wishes or "")
        rest = spellings("rest")
        return tuple((dt.date.fromisoformat(day), "rest" if wish in rest else wish) for day, wish in found)


class Shift(Row):
    """A shift of the library: a code, its hours (over midnight where end <= start), its meal window."""

    code: Annotated[str, Field(min_length=1, max_length=8)]
    name: Text | None = None
    start: dt.time
    end: dt.time
    meal_from: dt.time | None = None
    meal_to: dt.time | None = None
    meal_min: Annotated[int, Field(ge=0, le=180)] = 0
    break_min: Annotated[int, Field(ge=0, le=60)] = 0
    note: Note = None

    @model_validator(mode="after")
    def _whole_meal(self) -> Self:
        if self.meal_min and (self.meal_from is None or self.meal_to is None):
            raise _complaint("meal_without_window", "meal_from")
        if self.meal_min and self.meal_min > self._window_min():
            raise _complaint("meal_outside_shift", "meal_from")
        return self

    def _window_min(self) -> int:
        """Minutes of the shift that lie in the meal's window; both may run over midnight."""
        assert self.meal_from is not None
        assert self.meal_to is not None
        start, end, first, last = (
            clock.hour * 60 + clock.minute for clock in (self.start, self.end, self.meal_from, self.meal_to)
        )
        end += DAY_MIN * (end <= start)
        last += DAY_MIN * (last <= first)
        later = DAY_MIN * (last <= start)
        return min(last + later, end) - max(first + later, start)


class Rule(Row):
    """A rule of the store that takes the place of a default limit of the playbook."""

    key: Text
    value: float
    note: Note = None


class Phrase(Row):
    """A quick reply, in the languages the store needs, and the topic it answers."""

    topic: Text
    queue: Queue | None = None
    zh: Note = None
    en: Note = None
    owner: Text | None = None
    note: Note = None


class Seat(Row):
    """A working place: where it stands, what machine it has, and whether that passed its tests."""

    seat: Text
    site: Text
    room: Text
    machine: Literal["company", "laptop", "rented"] = "company"
    usable: bool = True
    note: Note = None


class Duty(Row):
    """Something that must be done at a time by a named person: a live stream, or logistics."""

    duty: Text
    kind: Literal["live", "logistics"]
    agent_id: Text | None = None
    owner: Text | None = None
    start: dt.datetime
    end: dt.datetime
    note: Note = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end <= self.start:
            raise _complaint("end_after_start", "end")
        return self


BETTER: Mapping[str, Literal["higher", "lower"]] = {
    "answered": "higher",
    "abandoned": "lower",
    "silent": "lower",
    "unserved": "lower",
    "lost_share": "lower",
    "buyers_lost": "lower",
    "first_response": "lower",
    "first_response_p90": "lower",
    "mean_response": "lower",
    "service_level": "higher",
    "wangwang_3min": "higher",
    "jd_30s": "higher",
    "pdd_3min": "higher",
    "pdd_30s": "higher",
    "douyin_3min": "higher",
    "douyin_mean_response": "lower",
    "jd_mean_response": "lower",
    "kuaishou_3min_buyer": "higher",
    "kuaishou_3min_chat": "higher",
    "kuaishou_unserved": "lower",
    "xiaohongshu_45s": "higher",
    "xiaohongshu_3min": "higher",
    "overtime": "lower",
    "late_break": "lower",
    "contacts_agent_hour": "higher",
    "sales_kept": "higher",
    "sales_lost": "lower",
    "first_response_s": "lower",  # of a person, as exports have it; the ones above are of the night
    "mean_response_s": "lower",
    "unanswered": "lower",
    "complaints": "lower",
    "dispute_rate": "lower",
}
"""Which way is better, by glossary key; what is not here (offered, occupancy, concurrency) is better in neither."""


class Goal(Row):
    """A target: the floor that must hold and the stretch that is aimed for."""

    kpi: Text
    queue: Queue | None = None
    floor: float
    stretch: float | None = None
    note: Note = None


class Incentive(Row):
    """A prize with the four parts that must be published: prize, basis, selection, payout."""

    prize: Text
    basis: Text
    selection: Text
    payout: Text
    payout_cny: Money | None = None
    pay_on: dt.date | None = None
    note: Note = None


class Actual(Row):
    """What came on the night itself, by interval: contacts, and how they were served where known."""

    start: dt.datetime
    queue: Queue = "presale"
    contacts: Count
    answered: Count | None = None
    in_time: Count | None = None
    note: Note = None


class HourShare(Row):
    """The store's own day: the share of a day's contacts or orders that falls into one hour."""

    hour: Annotated[int, Field(ge=0, le=23)]
    share: Share
    source: RatioSource = "store"
    note: Note = None


class PlatformShare(Row):
    """A platform that the store sells on: its share of the chats, and what its headline figure stands at so far.

    ``figure_before`` is the figure of the 29 days before the night and ``counted_before`` the turns, chats or buyers
    that it is taken over; both or neither. ``score_steps`` says what the platform's headline figure earns, the best
    step first: ``12:100, 18:90`` is 100 points for a mean of at most 12 s, and 90 up to 18 s; beyond the last step 50.
    Of a rate they are percent that must be reached: ``95:100, 90:90``.
    """

    platform: Platform
    share: Share
    figure_before: Annotated[float, Field(ge=0)] | None = None
    counted_before: Count | None = None
    score_steps: Text | None = None
    note: Note = None

    @field_validator("score_steps")
    @classmethod
    def _sound_steps(cls, text: str | None) -> str | None:
        if text is None:
            return None
        try:
            pairs = read_pairs(text)
        except ValueError as error:
            raise _complaint("score_steps_unreadable", "score_steps") from error
        limits, points = ([pair[at] for pair in pairs] for at in (0, 1))
        one_way = limits in (sorted(set(limits)), sorted(set(limits), reverse=True))
        if not one_way or points != sorted(set(points), reverse=True) or max(points) > 100:
            raise _complaint("score_steps_order", "score_steps")
        return text

    @property
    def steps(self) -> tuple[tuple[float, float], ...]:
        """What the headline figure earns: limit and points, the best first; empty where the store gives none."""
        return read_pairs(self.score_steps) if self.score_steps else ()

    @model_validator(mode="after")
    def _whole_figure(self) -> Self:
        if (self.figure_before is None) != (self.counted_before is None):
            raise _complaint("figure_without_count", "counted_before")
        return self


class IntentShare(Row):
    """One thing that buyers ask: its share of the contacts, and what share of these the bot counts as solved."""

    intent: Text
    share: Share
    bot_solves: Share
    note: Note = None


INCIDENT_SIZES: Mapping[str, tuple[float, float]] = {
    "contacts": (0.0, 20.0),
    "handling": (0.1, 10.0),
    "bot_share": (-1.0, 1.0),
    "slow": (0.1, 10.0),
    "absent": (0.0, 1.0),
    "people": (-500.0, 500.0),
    "concurrency": (-20.0, 20.0),
    "stay": (0.0, 6.0),
    "seat_left": (0.0, 600.0),
    "weights": (1.0, 100.0),
}
"""What the size of an incident may be, by kind: factors, a change of the bot share, a share, people more or fewer,
chats more or fewer, hours, minutes until somebody notices, a factor of weights; others have none."""


class ScenarioRow(Row):
    """One incident of a scenario of the store's own; rows of the same name are one scenario.

    What the size means hangs on the kind (:data:`INCIDENT_SIZES`). For ``opening_moved`` the start is the planned
    opening and the end the new one, which may come sooner.
    """

    name: Text
    kind: IncidentKind
    start: dt.datetime
    end: dt.datetime
    size: float | None = None
    queue: Queue | None = None
    cohort: Cohort | None = None
    site: Text | None = None
    room: Text | None = None
    seat: Text | None = None
    note: Note = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.end <= self.start and self.kind != "opening_moved":
            raise _complaint("end_after_start", "end")
        sizes = INCIDENT_SIZES.get(self.kind)
        fits = self.size is None if sizes is None else self.size is not None and sizes[0] <= self.size <= sizes[1]
        if not fits:
            raise _complaint("size_of_kind", "size")
        return self


SHEETS: Mapping[str, type[Row]] = {
    "store": StoreInfo,
    "waves": Wave,
    "ratios": Ratio,
    "history": HistoryRow,
    "day_profile": HourShare,
    "agents": Agent,
    "shifts": Shift,
    "rules": Rule,
    "phrases": Phrase,
    "site": Seat,
    "duties": Duty,
    "goals": Goal,
    "incentives": Incentive,
    "actuals": Actual,
    "scenarios": ScenarioRow,
    "platforms": PlatformShare,
    "intents": IntentShare,
}
NEEDED = ("store", "waves", "ratios", "agents")
ONE_IS_ENOUGH = ("store", "platforms", "intents")  # sheets that are never missing: without them there is a usual case


@cache
def _usual_ratio(key: str, platform: str) -> Ratio:
    """Find the default of a ratio: its platform's, else the field's."""
    known = facts.rows("ratios", platform=platform)
    known = known[known["key"] == key]
    if known.empty:
        raise KeyError(f"playbook/facts/ratios.yml has no ratio {key!r}")
    row = max(known.to_dict("records"), key=lambda row: row["platform"] is not None)
    source: RatioSource = "ours" if row["status"] == "ours" else "field"
    if row["platform"]:
        source = "platform"
    return Ratio(key=key, low=row["low"], likely=row["value"], high=row["high"], source=source)


class Store(BaseModel):
    """A store's whole workbook, read and checked. ``missing`` names the sheets that were left empty.

    ``problems`` is empty unless the store was read only as far as it is right; each says what was left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    store_id: Annotated[str, Field(pattern=r"^[\w-]{1,80}$")]
    store: StoreInfo
    waves: tuple[Wave, ...]
    ratios: tuple[Ratio, ...]
    agents: tuple[Agent, ...]
    history: tuple[HistoryRow, ...] = ()
    day_profile: tuple[HourShare, ...] = ()
    shifts: tuple[Shift, ...] = ()
    rules: tuple[Rule, ...] = ()
    phrases: tuple[Phrase, ...] = ()
    site: tuple[Seat, ...] = ()
    duties: tuple[Duty, ...] = ()
    goals: tuple[Goal, ...] = ()
    incentives: tuple[Incentive, ...] = ()
    actuals: tuple[Actual, ...] = ()
    scenarios: tuple[ScenarioRow, ...] = ()
    platforms: tuple[PlatformShare, ...] = ()
    intents: tuple[IntentShare, ...] = ()
    problems: tuple[Problem, ...] = ()

    def __hash__(self) -> int:
        """Hash by name and store sheet alone: a year of history would take as long to hash as to read."""
        return hash((self.store_id, self.store))

    @property
    def zone(self) -> ZoneInfo:
        """The store's time zone."""
        return ZoneInfo(self.store.timezone)

    def local_times(self, times: Iterable[dt.datetime]) -> pd.DatetimeIndex:
        """Put times of the store's own clock into its zone.

        A time that the clock shows twice is the first of the two, and the second where it stands there again; one
        that the clock leaves out is the first that comes after it.

        Examples
        --------
        >>> store = Store.model_validate({"store_id": "x", "store": {"name": "x", "platform": "jd", "timezone":
        ...     "America/New_York"}, "waves": (), "ratios": (), "agents": ()})
        >>> twice = [dt.datetime(2026, 11, 1, 1, 30)] * 2 + [dt.datetime(2027, 3, 14, 2, 30)]
        >>> [str(time)[11:] for time in store.local_times(twice)]
        ['01:30:00-04:00', '01:30:00-05:00', '03:00:00-04:00']
        """
        index = pd.DatetimeIndex(list(times))
        first = ~index.duplicated()
        return index.tz_localize(self.zone, ambiguous=first, nonexistent="shift_forward")

    @property
    def missing(self) -> tuple[str, ...]:
        """Sheets without a row, in the workbook's order."""
        return tuple(sheet for sheet in SHEETS if sheet not in ONE_IS_ENOUGH and not getattr(self, sheet))

    def frame(self, sheet: str) -> pd.DataFrame:
        """Show one sheet as a frame with the model's columns, one row per row (``store`` has one)."""
        model = SHEETS[sheet]
        rows = [self.store] if sheet == "store" else getattr(self, sheet)
        return pd.DataFrame([row.model_dump() for row in rows], columns=list(model.model_fields))

    def ratio(self, key: str) -> Ratio:
        """Find a ratio: the store's own, else its platform's default, else the field's.

        What the bot takes is what the sheet ``intents`` adds up to, where that is filled in.

        Raises
        ------
        KeyError
            No such ratio is defined in ``playbook/facts/ratios.yml``.
        """
        own = next((ratio for ratio in self.ratios if ratio.key == key), None)
        if key == "bot_share" and self.intents and (own is None or own.source != "store"):
            usual = own or _usual_ratio(key, self.store.platform)
            likely = self.bot_gross_share
            return Ratio(
                key=key, low=min(usual.low, likely), likely=likely, high=max(usual.high, likely), source="store"
            )
        return own or _usual_ratio(key, self.store.platform)

    @property
    def bot_gross_share(self) -> float:
        """What the bot counts as solved over what buyers ask, by the sheet ``intents``."""
        return sum(row.share * row.bot_solves for row in self.intents) / sum(row.share for row in self.intents)

    @property
    def platform_shares(self) -> dict[str, float]:
        """Share of the chats by platform, adding up to 1; all on the store's own where the sheet is empty.

        Examples
        --------
        >>> store = Store.model_validate({"store_id": "x", "store": {"name": "x", "platform": "jd"}, "waves": (),
        ...     "ratios": (), "agents": ()})
        >>> store.platform_shares
        {'jd': 1.0}
        """
        total = sum(row.share for row in self.platforms)
        return {row.platform: row.share / total for row in self.platforms} if total else {self.store.platform: 1.0}

    def with_ratios(self, **likely: float) -> Self:
        """Return a copy of the store in which some ratios are others; a span grows where it has to.

        Examples
        --------
        >>> store = Store.model_validate({"store_id": "x", "store": {"name": "x", "platform": "tmall"}, "waves": (),
        ...     "ratios": (), "agents": ()})
        >>> store.with_ratios(bot_share=0.6).ratio("bot_share").likely
        0.6

        Raises
        ------
        KeyError
            As :meth:`ratio`.
        """
        changed = []
        for key, value in likely.items():
            known = self.ratio(key)
            span = {"low": min(known.low, value), "likely": value, "high": max(known.high, value)}
            changed.append(known.model_copy(update=span))
        kept = [ratio for ratio in self.ratios if ratio.key not in likely]
        return self.model_copy(update={"ratios": (*kept, *changed)})

    def rule(self, key: str) -> float:
        """Find a rule: the store's own, else the default of ``playbook/facts/labour.yml``."""
        for own in self.rules:
            if own.key == key:
                return own.value
        return float(facts.value("labour", key))
