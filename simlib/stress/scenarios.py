"""What may go wrong with a night, as data: incidents with a time and a size, and scenarios made of them.

A scenario changes a copy of the night and nothing else, so any two can be laid on top of each other (``a + b``), and
the night, the incident cards and the workbook all speak of the same thing. The ones that every store should rehearse
are in ``playbook/facts/scenarios.yml``; a store adds its own on the sheet ``scenarios``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from simlib import facts
from simlib.clock import read_moment
from simlib.messages import LANGS, Lang, Message, Term, UserError, glossary, label
from simlib.night.buyers import Episode
from simlib.night.promo_night import PromoNight
from simlib.night.seats import leave_seats
from simlib.simulator import Disruptions
from simlib.store.models import INCIDENT_SIZES, ScenarioRow, Store

DETAILS = ("size", "queue", "cohort", "site", "room", "seat")


class ScenarioError(UserError):
    """A scenario or a lever that this night cannot have: what was given, what is allowed, and the nearest.

    Parameters
    ----------
    key : str
        Of the sentence in ``playbook/messages/stress.yml``.
    values
        Put in for its {names}; ``what`` is a key of the glossary.
    """

    def __init__(self, key: str, **values: object) -> None:
        self.key = key
        super().__init__(Message(f"stress.{key}", **{name: _shown(name, value) for name, value in values.items()}))


def _shown(name: str, value: object) -> object:
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M}"
    return Term(value) if name == "what" else value


def nearest(value: object, allowed: Iterable[str]) -> str:
    """Return the allowed value that looks most like a given one.

    >>> nearest("roomB", ["room A", "room B"])
    'room B'
    """
    return difflib.get_close_matches(str(value), list(allowed), n=1, cutoff=0.0)[0]


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One thing that happens in a night.

    Parameters
    ----------
    kind : str
        What happens; one of :data:`KINDS`.
    start, end : pandas.Timestamp
        From when to when, tz-aware. For ``opening_moved`` the opening's planned and its new time.
    size : float, optional
        How much: a factor (contacts, handling, slow), a change (bot_share), a share (absent), people more or fewer
        (people), chats more or fewer (concurrency), hours (stay), minutes until it is noticed (seat_left), a factor of
        weights (weights); the other kinds have none.
    queue : str, optional
        Whose buyers, for contacts, handling and bot_share; left out, everybody's.
    cohort : str, optional
        Whose people, for absent, people, concurrency and stay; left out, everybody.
    site, room, seat : str, optional
        Where, for seats_down and seat_left; left out, everywhere, and for seat_left one seat.

    Raises
    ------
    ScenarioError
        The kind is unknown, the end is not after the start, or the size is missing, superfluous or out of range.

    Examples
    --------
    >>> eight = pd.Timestamp("2026-10-31 20:00+08:00")
    >>> Incident(kind="contacts", start=eight, end=eight + pd.Timedelta(hours=1), size=1.5).size
    1.5
    """

    kind: str
    start: pd.Timestamp
    end: pd.Timestamp
    size: float | None = None
    queue: str | None = None
    cohort: str | None = None
    site: str | None = None
    room: str | None = None
    seat: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ScenarioError("unknown_kind", kind=self.kind, allowed=list(KINDS), near=nearest(self.kind, KINDS))
        for name in ("start", "end"):
            if getattr(self, name).tzinfo is None:
                raise ValueError(f"{name} must carry a time zone, got {getattr(self, name)!r}")
        if self.end <= self.start and not KINDS[self.kind].may_go_back:
            raise ScenarioError("ends_before_start", start=self.start, end=self.end)
        sizes = INCIDENT_SIZES.get(self.kind)
        if sizes is None and self.size is not None:
            raise ScenarioError("size_unwanted", what=f"kind_{self.kind}", size=self.size)
        if sizes is not None and (self.size is None or not sizes[0] <= self.size <= sizes[1]):
            low, high = sizes
            raise ScenarioError("size_out_of_range", what=f"kind_{self.kind}", size=self.size, low=low, high=high)

    @property
    def window(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """From when to when the night is touched."""
        return min(self.start, self.end), max(self.start, self.end)

    def apply_to(self, night: PromoNight) -> PromoNight:
        """Change a copy of the night.

        Raises
        ------
        ScenarioError
            The incident lies outside the night, or it names a queue, a site, a room or a seat that is not there.
        """
        opens, closes = night.grid.opens, night.grid.times(night.grid.edges_s[-1:])[0]
        start, end = self.window
        if start < opens or end > closes:
            wrong = start if start < opens else end
            near = opens if start < opens else closes
            raise ScenarioError("outside_night", value=wrong, opens=opens, closes=closes, near=near)
        if self.queue is not None and self.queue not in night.queues:
            near = nearest(self.queue, night.queues)
            raise ScenarioError("unknown_queue", queue=self.queue, allowed=night.queues, near=near)
        if self.cohort is not None and not (night.people["cohort"] == self.cohort).any():
            cohorts = sorted(set(night.people["cohort"].dropna()))
            near = nearest(self.cohort, cohorts)
            raise ScenarioError("unknown_cohort", cohort=self.cohort, allowed=cohorts, near=near)
        return KINDS[self.kind].apply_to(night, self)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A night that goes wrong: its name, the card that says what to do, and its incidents.

    Parameters
    ----------
    name : str
        Of the house's scenarios a key of the glossary; of a store's own whatever it likes.
    incidents : tuple of Incident
        What happens, in any order.
    cards : tuple of str
        Keys of the incident cards.

    Examples
    --------
    >>> eight = pd.Timestamp("2026-10-31 20:00+08:00")
    >>> hour = {"start": eight, "end": eight + pd.Timedelta(hours=1)}
    >>> surge = Scenario(name="surge", incidents=(Incident(kind="contacts", size=1.5, **hour),), cards=("surge",))
    >>> dark = Scenario(name="bot_down", incidents=(Incident(kind="bot_down", **hour),), cards=("bot_down",))
    >>> (surge + dark).name, (surge + dark).cards
    ('surge+bot_down', ('surge', 'bot_down'))
    """

    name: str
    incidents: tuple[Incident, ...]
    cards: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.incidents:
            raise ScenarioError("nothing_happens", name=self.name)

    def __add__(self, other: Scenario) -> Scenario:
        return Scenario(
            name=f"{self.name}+{other.name}",
            incidents=self.incidents + other.incidents,
            cards=tuple(dict.fromkeys(self.cards + other.cards)),
        )

    @property
    def start(self) -> pd.Timestamp:
        """When it begins."""
        return min(incident.window[0] for incident in self.incidents)

    @property
    def end(self) -> pd.Timestamp:
        """When the last of it is over."""
        return max(incident.window[1] for incident in self.incidents)

    def apply_to(self, night: PromoNight) -> PromoNight:
        """Change a copy of the night by all incidents."""
        return reduce(lambda with_incidents, incident: incident.apply_to(with_incidents), self.incidents, night)

    def title(self, lang: Lang) -> str:
        """Return the name of the scenario in one language; a combination by its parts."""
        parts = self.name.split("+")
        return " + ".join(label(part, lang) if part in glossary() else part for part in parts)


# --- what each kind does to a night -----------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """What a kind of incident does; how large it may be is in :data:`simlib.store.models.INCIDENT_SIZES`."""

    apply_to: Callable[[PromoNight, Incident], PromoNight]
    may_go_back: bool = False


def _seconds(night: PromoNight, incident: Incident) -> tuple[float, float]:
    start, end = night.grid.seconds(pd.DatetimeIndex([incident.start, incident.end]))
    return float(start), float(end)


def _change_buyers(night: PromoNight, incident: Incident, **changes: float) -> PromoNight:
    start_s, end_s = _seconds(night, incident)
    episode = Episode(start_s=start_s, end_s=end_s, queue=incident.queue, **changes)
    return replace(night, episodes=(*night.episodes, episode))


def disrupt(night: PromoNight, **rows: Sequence[tuple[float, ...]]) -> PromoNight:
    """Add rows to what goes wrong on the floor: ``down``, ``slow``, ``away`` or ``bot_down``."""
    added: dict[str, Any] = {
        name: [*getattr(night.disruptions, name).tolist(), *rows.get(name, ())]
        for name in ("down", "slow", "away", "bot_down")
    }
    return replace(night, disruptions=Disruptions(**added))


def _apply_contacts(night: PromoNight, incident: Incident) -> PromoNight:
    return _change_buyers(night, incident, contacts_factor=incident.size or 0.0)


def _apply_handling(night: PromoNight, incident: Incident) -> PromoNight:
    return _change_buyers(night, incident, reply_factor=incident.size or 0.0)


def _apply_bot_share(night: PromoNight, incident: Incident) -> PromoNight:
    return _change_buyers(night, incident, bot_share_change=incident.size or 0.0)


def _apply_bot_down(night: PromoNight, incident: Incident) -> PromoNight:
    return disrupt(night, bot_down=[_seconds(night, incident)])


def _apply_seats_down(night: PromoNight, incident: Incident) -> PromoNight:
    window = _seconds(night, incident)
    return disrupt(night, down=[(agent, *window) for agent in people_at(night, incident)])


def _apply_seat_left(night: PromoNight, incident: Incident) -> PromoNight:
    """Leave the seats of a place while they are shown online; without a place, the first seat on duty.

    ``size`` minutes later somebody notices and logs them off; where that is not before the end, nobody does.
    """
    start_s, end_s = _seconds(night, incident)
    if incident.site is not None or incident.room is not None or incident.seat is not None:
        agents = people_at(night, incident).tolist()
    else:
        agents = pd.Index(night.people["agent_id"]).get_indexer(_on_duty(night, incident)[:1]).tolist()
    noticed_s = start_s + 60.0 * (incident.size or 0.0)
    return leave_seats(night, agents, start_s=start_s, end_s=end_s, noticed_s=noticed_s)


def _apply_weights(night: PromoNight, incident: Incident) -> PromoNight:
    """Assign chats by weight, all night, with every second agent at ``size`` times the weight of the others."""
    weight = night.people["weight"] if "weight" in night.people else pd.Series(1.0, index=night.people.index)
    heavy = np.arange(len(night.people)) % 2 == 0
    people = night.people.assign(weight=weight.where(~heavy, weight * (incident.size or 1.0)))
    return replace(night, people=people, policy=replace(night.policy, routing="weighted"))


def _apply_slow(night: PromoNight, incident: Incident) -> PromoNight:
    start_s, end_s = _seconds(night, incident)
    everybody = range(len(night.people))
    return disrupt(night, slow=[(agent, start_s, end_s, incident.size or 1.0) for agent in everybody])


def _apply_absent(night: PromoNight, incident: Incident) -> PromoNight:
    """Take people off the roster by a systematic sample over their starting times, so that every shift gives some.

    A larger share takes all whom a smaller one takes where it is a multiple of it, and the number is always right.
    """
    people = _on_duty(night, incident)
    counted = np.floor(np.arange(len(people) + 1) * (incident.size or 0.0) + 1e-9)
    gone = people[np.diff(counted) > 0]
    return replace(night, roster=night.roster[~night.roster["agent_id"].isin(gone)])


def _on_duty(night: PromoNight, incident: Incident) -> np.ndarray:
    """Return the people of an incident's cohort who chat in its window, by their starting times."""
    roster = night.roster
    there = roster["activity"].eq("chat") & (roster["start"] < incident.end) & (roster["end"] > incident.start)
    if incident.cohort is not None:
        there &= roster["agent_id"].isin(night.people.loc[night.people["cohort"] == incident.cohort, "agent_id"])
    people = roster.loc[there, ["start", "agent_id"]].sort_values(["start", "agent_id"])
    return np.asarray(people["agent_id"].drop_duplicates().to_numpy())


def people_in_order(night: PromoNight, incident: Incident) -> np.ndarray:
    """Return an incident's people on duty in an order that is even over the starting times wherever it is cut."""
    people = _on_duty(night, incident)
    golden = (np.arange(len(people)) * 0.6180339887498949) % 1.0  # the golden section: even from the first step on
    return people[np.argsort(golden)]


def _apply_people(night: PromoNight, incident: Incident) -> PromoNight:
    """Take people off, or add people who are rostered, seated and affected exactly like one of the cohort.

    Both go through the cohort in one order, so a larger change contains the smaller one and no shift is emptied
    before the others.
    """
    order = people_in_order(night, incident)
    number = round(incident.size or 0.0)
    if not len(order) or not number:
        return night
    if number < 0:
        return replace(night, roster=night.roster[~night.roster["agent_id"].isin(order[:-number])])
    chosen = np.resize(order, number)
    marks = np.array([f"+{round_ + 1}" for round_ in np.arange(number) // len(order)], dtype=object)

    def double(table: pd.DataFrame) -> pd.DataFrame:
        """Put the rows of those who are chosen below a table once more, under marked names."""
        places = table.groupby("agent_id").indices
        rows = [places[agent_id] for agent_id in chosen]
        again = table.take(np.concatenate(rows))
        mark = np.repeat(marks, [len(each) for each in rows])
        named = {column: again[column].astype(str) + mark for column in ("agent_id", "name")}
        return pd.concat([table, again.assign(**named)], ignore_index=True)

    number_of = {agent_id: row for row, agent_id in enumerate(night.people["agent_id"])}
    with_incidents = {
        name: [
            (len(night.people) + new, *row[1:])
            for new, agent_id in enumerate(chosen)
            for row in getattr(night.disruptions, name).tolist()
            if row[0] == number_of[agent_id]
        ]
        for name in ("down", "slow", "away")
    }
    return disrupt(replace(night, people=double(night.people), roster=double(night.roster)), **with_incidents)


def _apply_concurrency(night: PromoNight, incident: Incident) -> PromoNight:
    """Change how many chats the people hold, at least one; all night, for a limit is a setting of the tool."""
    capacity = night.people["capacity"]
    mine = night.people["cohort"].eq(incident.cohort) | (incident.cohort is None)
    changed = (capacity + round(incident.size or 0.0)).clip(lower=1)
    return replace(night, people=night.people.assign(capacity=capacity.where(~mine, changed)))


def _apply_stay(night: PromoNight, incident: Incident) -> PromoNight:
    """Keep those whose last chats of a shift end in the window for some hours more."""
    roster = night.roster
    chat = roster["activity"].eq("chat") & roster["agent_id"].isin(_on_duty(night, incident))
    shift = [roster["agent_id"], roster["date"]] if "date" in roster else [roster["agent_id"]]
    last = chat & (roster["end"] == roster["end"].where(chat).groupby(shift).transform("max"))
    staying = last & (roster["end"] > incident.start) & (roster["end"] <= incident.end)
    longer = roster["end"] + pd.Timedelta(hours=incident.size or 0.0)
    return replace(night, roster=roster.assign(end=roster["end"].where(~staying, longer)))


def _apply_opening_moved(night: PromoNight, incident: Incident) -> PromoNight:
    """Roll the night from the earlier of both openings on: what is pushed off its end fills the hours before.

    So nobody is lost: the opening's buyers come at the new hour, and the quiet hours change places with them.
    """
    grid = night.grid
    old_s, new_s = _seconds(night, incident)
    first_s, shift_s = min(old_s, new_s), new_s - old_s
    for edge, moment in ((old_s, incident.start), (new_s, incident.end)):
        if edge % grid.step_s:
            raise ScenarioError("off_the_grid", value=moment, minutes=grid.step_s // 60, near=moment.round("30min"))
    length_s = grid.edges_s[-1] - first_s

    def rolled(times: pd.DatetimeIndex | pd.Series) -> pd.DatetimeIndex:
        seconds = grid.seconds(times)
        return grid.times(np.where(seconds < first_s, seconds, (seconds - first_s + shift_s) % length_s + first_s))

    forecast = night.forecast
    origin = forecast["origin"] if "origin" in forecast else forecast["start"]
    forecast = forecast.assign(origin=origin, start=rolled(forecast["start"])).sort_values(["start", "queue"])
    profile = night.minute_profile
    if profile is not None:
        inside = profile[(profile.index >= grid.opens) & (grid.seconds(profile.index) < grid.edges_s[-1])]
        profile = pd.Series(inside.to_numpy(), index=rolled(inside.index)).sort_index()
    return replace(night, forecast=forecast.reset_index(drop=True), minute_profile=profile)


KINDS: Mapping[str, Kind] = {
    "contacts": Kind(_apply_contacts),
    "handling": Kind(_apply_handling),
    "bot_share": Kind(_apply_bot_share),
    "bot_down": Kind(_apply_bot_down),
    "seats_down": Kind(_apply_seats_down),
    "slow": Kind(_apply_slow),
    "absent": Kind(_apply_absent),
    "people": Kind(_apply_people),
    "concurrency": Kind(_apply_concurrency),
    "stay": Kind(_apply_stay),
    "opening_moved": Kind(_apply_opening_moved, may_go_back=True),
    "seat_left": Kind(_apply_seat_left),
    "weights": Kind(_apply_weights),
}
"""Every kind of incident; the glossary names it under ``kind_<key>``."""


def people_at(night: PromoNight, incident: Incident) -> np.ndarray:
    """Find the numbers of the agents who sit where an incident happens; everybody where it names no place.

    Raises
    ------
    ScenarioError
        There is no such site, room or seat; or nobody sits where all of them meet.
    """
    here = np.ones(len(night.people), dtype=bool)
    for place in ("site", "room", "seat"):
        value = getattr(incident, place)
        if value is None:
            continue
        seated = night.people[place] if place in night.people else pd.Series(None, index=night.people.index)
        known = sorted(set(seated.dropna().astype(str)))
        if str(value) not in known:
            if not known:
                raise ScenarioError("no_places", what=place, value=value)
            allowed = known if len(known) <= 12 else [*known[:12], "…"]
            raise ScenarioError("unknown_place", what=place, value=value, allowed=allowed, near=nearest(value, known))
        here &= (seated.astype(str) == str(value)).to_numpy()
    found = np.flatnonzero(here)
    if not found.size:
        where = [value for value in (incident.site, incident.room, incident.seat) if value is not None]
        raise ScenarioError("nobody_there", where=where)
    return found


# --- the house's scenarios and a store's own --------------------------------------------------------------


def busiest_moment(night: PromoNight) -> pd.Timestamp:
    """Find the start of the interval that expects most contacts, all queues at once."""
    return night.forecast.groupby("start")["contacts"].sum().idxmax()


def standard_scenarios(night: PromoNight) -> tuple[Scenario, ...]:
    """Lay the scenarios of ``playbook/facts/scenarios.yml`` on a night, around its busiest half hour.

    The site and the room that fail are the ones with the most people on duty then; where nobody has a place,
    everybody fails. What would begin before or last beyond the night is cut to it.

    Returns
    -------
    tuple of Scenario
        In the order of the file; the name is the key.
    """
    moment = busiest_moment(night)
    opens, closes = night.grid.opens, night.grid.times(night.grid.edges_s[-1:])[0]
    made = []
    for row in facts.table("scenarios").to_dict("records"):
        incidents = []
        for given in row["value"]:
            start = min(max(moment + pd.Timedelta(minutes=given["after_min"]), opens), closes)
            end = min(start + pd.Timedelta(minutes=given["minutes"]), closes)
            if end <= start:
                continue
            where = given.get("where", "all")
            place = {} if where == "all" else fullest_place(night, where, at=start)
            details: dict[str, Any] = {"size": given.get("size"), "queue": given.get("queue")} | place
            incidents.append(Incident(kind=given["kind"], start=start, end=end, **details))
        if incidents:
            made.append(Scenario(name=row["key"], incidents=tuple(incidents), cards=(row["card"],)))
    return tuple(made)


def fullest_place(night: PromoNight, place: str, *, at: pd.Timestamp) -> dict[str, str]:
    """Find the site or the room with the most people on chat at a time; nothing where nobody there has one."""
    chat = night.roster[night.roster["activity"] == "chat"]
    on_duty = chat[(chat["start"] <= at) & (chat["end"] > at)]["agent_id"]
    if place not in night.people:
        return {}
    seated = night.people.loc[night.people["agent_id"].isin(on_duty), place].dropna().astype(str)
    return {place: seated.value_counts().sort_index(kind="stable").idxmax()} if len(seated) else {}


def find_scenario(scenarios: Sequence[Scenario], name: str) -> Scenario:
    """Find a scenario by its name or its title; ``a+b`` lays two or more on top of each other.

    Raises
    ------
    ScenarioError
        No scenario has that name; the nearest is named.
    """
    called = {scenario.title(lang): scenario for scenario in scenarios for lang in LANGS}
    called |= {scenario.name: scenario for scenario in scenarios}
    if name in called:
        return called[name]
    parts = [part.strip() for part in name.split("+")]
    for part in parts:
        if part not in called:
            allowed, near = [scenario.name for scenario in scenarios], nearest(part, called)
            raise ScenarioError("unknown_scenario", name=part, allowed=allowed, near=near)
    return reduce(lambda first, second: first + second, [called[part] for part in parts])


def read_scenarios(rows: pd.DataFrame, *, tz: Any) -> tuple[Scenario, ...]:
    """Make scenarios of the rows of the sheet ``scenarios``: rows of the same name are one scenario.

    Parameters
    ----------
    rows : DataFrame
        name, kind, start, end (the store's clock), size, queue, cohort, site, room, seat.
    tz : str or tzinfo
        The store's time zone.
    """
    made = []
    for name, group in rows.groupby("name", sort=False):
        incidents = []
        for row in group.to_dict("records"):
            given = {key: None if pd.isna(row[key]) else row[key] for key in DETAILS}
            start, end = (pd.Timestamp(row[edge]).tz_localize(tz) for edge in ("start", "end"))
            incidents.append(Incident(kind=row["kind"], start=start, end=end, **given))
        made.append(Scenario(name=str(name), incidents=tuple(incidents)))
    return tuple(made)


def list_incidents(scenarios: Sequence[Scenario]) -> pd.DataFrame:
    """Write scenarios out as the rows of the sheet ``scenarios``; :func:`read_scenarios` reads them back."""
    rows = []
    for scenario in scenarios:
        for incident in scenario.incidents:
            local = {edge: getattr(incident, edge).tz_localize(None) for edge in ("start", "end")}
            kept = {key: getattr(incident, key) for key in ("kind", *DETAILS)}
            rows.append({"name": scenario.name, **local, **kept})
    return pd.DataFrame(rows, columns=["name", "kind", "start", "end", *DETAILS])


def keep_scenario(store: Store, scenario: Scenario) -> Store:
    """Put a scenario on the sheet ``scenarios`` of a copy of the store, in the place of one of the same name.

    ``simlib.store.save_store`` then writes the copy as a workbook or a folder.
    """
    rows = list_incidents([scenario]).astype(object)
    filled = rows.where(rows.notna(), None).to_dict("records")
    made = [ScenarioRow.model_validate({str(key): value for key, value in row.items()}) for row in filled]
    others = [row for row in store.scenarios if row.name != scenario.name]
    return store.model_copy(update={"scenarios": (*others, *made)})


def moment_of(night: PromoNight, clock: str) -> pd.Timestamp:
    """Return the instant of a night that a typed time means, as :func:`simlib.clock.read_moment` reads it."""
    return read_moment(
        clock, first=night.grid.opens, last=night.grid.times(night.grid.edges_s[-1:])[0], opening=night.opening
    )
