"""The floor on the night: people against seats and machines by half hour and room, food counted, everything owned."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from simlib import facts
from simlib.readiness.rules import is_missing
from simlib.readiness.stages import POSTS
from simlib.store.models import Duty, Store
from simlib.store.problems import Problem

HALF_HOUR = pd.Timedelta(minutes=30)
COMPUTERS = ("pc", "laptop", "rented")
TESTS = ("test_smooth", "test_accounts", "test_bot")
PER_PERSON = ("seat", "computer", "keyboard", "mouse", "headset", "port", "socket")
NOWHERE = "-"
SAME_FOOD = pd.Timedelta(hours=2)  # so far apart at most are a meal of the sheet logistics and the roster's (ours)


def count_presence(assignments: pd.DataFrame, *, rooms: Mapping[str, str]) -> pd.DataFrame:
    """Count who is on the floor in each half hour and room, on chat or not.

    Parameters
    ----------
    assignments : pandas.DataFrame
        The roster's segments: agent_id, start, end, activity; a segment that touches a half hour counts in it.
    rooms : mapping of agent id to room
        A person who is not in it sits nowhere yet (``-``).

    Returns
    -------
    pandas.DataFrame
        start, room, present; half hours with nobody in a room are left out.
    """
    seen: set[tuple[pd.Timestamp, str, str]] = set()
    for agent, start, end in zip(assignments["agent_id"], assignments["start"], assignments["end"], strict=True):
        at = pd.Timestamp(start).floor(HALF_HOUR)
        while at < end:
            seen.add((at, rooms.get(agent, NOWHERE), agent))
            at += HALF_HOUR
    table = pd.DataFrame(sorted(seen), columns=["start", "room", "agent_id"])
    return table.groupby(["start", "room"], as_index=False).agg(present=("agent_id", "size"))


def rooms_of(store: Store) -> dict[str, str]:
    """Return the room of every agent whose seat is in the store's sheet of seats."""
    rooms = {seat.seat: seat.room for seat in store.site}
    return {agent.agent_id: rooms[agent.seat] for agent in store.agents if agent.seat in rooms}


def list_equipment(site: pd.DataFrame) -> pd.DataFrame:
    """List what is registered, and whether it counts: a laptop only with all three tests passed.

    Returns
    -------
    pandas.DataFrame
        row, room, item, quantity, seat, owner, state: ``usable``, ``failed`` (a test failed) or ``untested`` (a
        laptop with a test that nobody has done).
    """
    rows = []
    for record in site.to_dict("records"):
        results = [record[test] for test in TESTS]
        if any(result is False for result in results):
            state = "failed"
        elif record["item"] == "laptop" and any(is_missing(result) for result in results):
            state = "untested"
        else:
            state = "usable"
        quantity = 1 if is_missing(record["quantity"]) else int(record["quantity"])
        rows.append((record["row"], record["room"], record["item"], quantity, record["seat"], record["owner"], state))
    return pd.DataFrame(rows, columns=["row", "room", "item", "quantity", "seat", "owner", "state"], dtype=object)


def find_shortage(presence: pd.DataFrame, equipment: pd.DataFrame) -> pd.DataFrame:
    """Set the equipment of each room against the most people in it at once, spares included.

    Only kinds of equipment of which anything is registered anywhere are judged: what nobody wrote down is unknown,
    which is not the same as none.

    Parameters
    ----------
    presence : pandas.DataFrame
        As `count_presence` gives it.
    equipment : pandas.DataFrame
        As `list_equipment` gives it.

    Returns
    -------
    pandas.DataFrame
        room, site_item, peak_start (the first half hour with the most people), present, pieces_needed (with spares),
        pieces_usable, shortage.
    """
    usable = equipment[equipment["state"] == "usable"]
    have: dict[tuple[str, str], int] = {}
    registered = {_family(item) for item in equipment["item"]}
    for room, item, quantity in zip(usable["room"], usable["item"], usable["quantity"], strict=True):
        key = (room, _family(item))
        have[key] = have.get(key, 0) + int(quantity)
    rows = []
    for room, at_room in presence.groupby("room", sort=True):
        peak = at_room.loc[at_room["present"].idxmax()]
        for item in PER_PERSON:
            if item not in registered:
                continue
            needed = math.ceil(peak["present"] * (1 + _spare(item)) - 1e-9)
            there = have.get((str(room), item), 0)
            rows.append((room, item, peak["start"], peak["present"], needed, there, max(needed - there, 0)))
    columns = ["room", "site_item", "peak_start", "present", "pieces_needed", "pieces_usable", "shortage"]
    return pd.DataFrame(rows, columns=columns)


def _family(item: str) -> str:
    return "computer" if item in COMPUTERS else item


def _spare(item: str) -> float:
    keys = set(facts.table("floor")["key"])
    return float(facts.value("floor", f"spare_{item}")) if f"spare_{item}" in keys else 0.0


def plan_rental(shortage: pd.DataFrame, *, promo_day: dt.date, today: dt.date) -> pd.DataFrame:
    """List how many computers each room has to rent and the last day to order them.

    Returns
    -------
    pandas.DataFrame
        room, quantity, last_day, days_left, late.
    """
    short = shortage[(shortage["site_item"] == "computer") & (shortage["shortage"] > 0)]
    last_day = promo_day - dt.timedelta(days=int(facts.value("sourcing", "pc_rental")))
    table = short[["room", "shortage"]].rename(columns={"shortage": "quantity"}).reset_index(drop=True)
    table["last_day"] = pd.Series([last_day] * len(table), dtype=object)
    table["days_left"] = (last_day - today).days
    table["late"] = last_day < today
    return table


def find_interval_shortage(presence: pd.DataFrame, equipment: pd.DataFrame) -> pd.DataFrame:
    """Find the half hours in which a room has more people than seats or computers.

    Returns
    -------
    pandas.DataFrame
        start, room, present, site_item (``seat`` or ``computer``), pieces_usable, shortage; only where something is
        short. Kinds of which nothing is registered anywhere are not judged.
    """
    usable = equipment[equipment["state"] == "usable"]
    registered = {_family(item) for item in equipment["item"]}
    have: dict[tuple[str, str], int] = {}
    for room, item, quantity in zip(usable["room"], usable["item"], usable["quantity"], strict=True):
        have[(room, _family(item))] = have.get((room, _family(item)), 0) + int(quantity)
    rows = []
    for start, room, present in zip(presence["start"], presence["room"], presence["present"], strict=True):
        for item in ("seat", "computer"):
            there = have.get((room, item), 0)
            if item in registered and present > there:
                rows.append((start, room, present, item, there, present - there))
    return pd.DataFrame(rows, columns=["start", "room", "present", "site_item", "pieces_usable", "shortage"])


def lay_seat_plan(store: Store) -> pd.DataFrame:
    """Lay who sits where: every seat of the store's sheet, with the one who has it.

    Returns
    -------
    pandas.DataFrame
        site, room, seat, machine, agent_id and name (None where nobody has it), state: ``seat_taken``, ``seat_free``,
        ``seat_broken`` (its machine failed), ``seat_shared`` (several people have it); one row per seat and person.
    """
    owners: dict[str, list[tuple[str | None, str | None]]] = {}
    for agent in store.agents:
        if agent.seat:
            owners.setdefault(agent.seat, []).append((agent.agent_id, agent.name))
    rows = []
    for seat in sorted(store.site, key=lambda one: (one.site, one.room, one.seat)):
        people = owners.get(seat.seat, [(None, None)])
        for agent_id, name in people:
            state = "seat_taken" if agent_id else "seat_free"
            state = "seat_shared" if len(people) > 1 else state
            state = state if seat.usable else "seat_broken"
            rows.append((seat.site, seat.room, seat.seat, f"device_{seat.machine}", agent_id, name, state))
    columns = ["site", "room", "seat", "machine", "agent_id", "name", "state"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


# --- food


def count_food(
    assignments: pd.DataFrame, *, diets: Mapping[str, str], logistics: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Count meals, teas and midnight snacks from who is there, with their diets and the last moment to order.

    A meal is a meal break of the roster, counted by shift; tea and snack are for everybody present at their time. The
    last moment to order is the one of the sheet logistics where it has one, else it follows from the lead time.

    Parameters
    ----------
    assignments : pandas.DataFrame
    diets : mapping of agent id to diet
    logistics : pandas.DataFrame, optional
        The sheet logistics of the readiness workbook.

    Returns
    -------
    pandas.DataFrame
        logistics_item (meal, tea, snack), at (the first meal of the shift, or the time), shift (None for tea and
        snack), quantity, one column per diet, order_by.
    """
    eaters: dict[tuple[str, pd.Timestamp, str | None], set[str]] = {}
    meals = assignments[assignments["activity"] == "meal"]
    for (date, shift), of_shift in meals.groupby(["date", "shift"], sort=True):
        first = min(of_shift["start"])
        eaters[("meal", first, f"{date:%m-%d} {shift}")] = set(of_shift["agent_id"])
    if not assignments.empty:
        zone = pd.Timestamp(assignments["start"].min()).tz
        days = pd.date_range(
            pd.Timestamp(assignments["start"].min()).date(), pd.Timestamp(assignments["end"].max()).date(), tz=zone
        )
        for item in ("tea", "snack"):
            hour, minute = map(int, str(facts.value("floor", item)).split(":"))
            for day in days:
                at = day + pd.Timedelta(hours=hour, minutes=minute)
                there = assignments[(assignments["start"] <= at) & (assignments["end"] > at)]
                if not there.empty:
                    eaters[(item, at, None)] = set(there["agent_id"])
    kinds = ("regular", "vegetarian", "halal", "mild")
    rows = []
    for (item, at, shift), people in sorted(eaters.items(), key=lambda entry: (entry[0][1], entry[0][0])):
        counts = {kind: sum(diets.get(person, "regular") == kind for person in people) for kind in kinds}
        row = facts.table("floor").set_index("key").loc[item]
        entered = _entered_order(logistics, item, at)
        order_by = at - pd.Timedelta(hours=float(row["order_h"])) if entered is None else entered
        rows.append({"logistics_item": item, "at": at, "shift": shift, "quantity": len(people)} | counts)
        rows[-1]["order_by"] = order_by
    columns = ["logistics_item", "at", "shift", "quantity", *kinds, "order_by"]
    return pd.DataFrame(rows, columns=columns)


def _entered_order(logistics: pd.DataFrame | None, item: str, at: pd.Timestamp) -> pd.Timestamp | None:
    """Return the last moment to order that the sheet states for the same food at about the same time, else None."""
    found = []
    for row in () if logistics is None else logistics[logistics["item"] == item].itertuples():
        if is_missing(row.at) or is_missing(row.order_by):
            continue
        served, order_by = (pd.Timestamp(moment).tz_localize(at.tz) for moment in (row.at, row.order_by))
        if abs(served - at) <= SAME_FOOD and order_by <= at:
            found.append((abs(served - at), order_by))
    return min(found)[1] if found else None


def diets_of(logistics: pd.DataFrame) -> dict[str, str]:
    """Return the diets that the sheet logistics states, by agent id."""
    rows = logistics[logistics["item"] == "diet"]
    return {
        person: diet
        for person, diet in zip(rows["person"], rows["diet"], strict=True)
        if not is_missing(person) and not is_missing(diet)
    }


# --- everything is owned


def check_logistics(logistics: pd.DataFrame, *, gone: Collection[str] = ()) -> Iterator[Problem]:
    """List every logistics item without an owner or a time, and every owner who left.

    Parameters
    ----------
    logistics : pandas.DataFrame
        The sheet logistics.
    gone : collection of str
        Names and ids of people who are no longer there.
    """
    for record in logistics[logistics["item"] != "diet"].to_dict("records"):
        for column, value in (("owner", answers_for(record)), ("at", record["at"])):
            if is_missing(value):
                yield Problem(
                    message="needs_owner_and_time", sheet="logistics", row=record["row"], column=column, loss="nothing"
                )
        owner = answers_for(record)
        if owner in gone:
            yield Problem(
                message="owner_left",
                sheet="logistics",
                row=record["row"],
                column="person" if is_missing(record["owner"]) else "owner",
                value=owner,
                loss="nothing",
            )


def list_posts(
    logistics: pd.DataFrame,
    *,
    gone: Collection[str] = (),
    away: Collection[str] = (),
    posts: Collection[str] = POSTS,
    names: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """List the posts of the night: who has each, and which has nobody.

    Parameters
    ----------
    logistics : pandas.DataFrame
        The sheet logistics.
    gone, away : collection of str
        Names and ids of people who are no longer there, and of those on leave or not yet at work on the night.
    posts : collection of str
        The posts that must have an owner.
    names : mapping of str to str, optional
        The names of agents, by id.

    Returns
    -------
    pandas.DataFrame
        post, owner (None where nobody can have it), post_state (``post_filled``, ``post_nobody``, ``post_gone`` or
        ``post_away``: who was named has left, or is away on the night), stops_coupon (whether the post may stop one).
    """
    stop = facts.table("authority").set_index("key").loc["stop_coupon", "value"]
    stopping = {f"post_{role}" for role, most in stop.items() if most}
    rows = []
    for post in posts:
        given = [answers_for(record, names) for record in logistics[logistics["item"] == post].to_dict("records")]
        named = [owner for owner in given if owner is not None]
        owners = [owner for owner in named if owner not in gone and owner not in away]
        state = "post_filled" if owners else "post_nobody"
        if named and not owners:
            state = "post_gone" if named[0] in gone else "post_away"
        rows.append((f"item_{post}", owners[0] if owners else None, state, post in stopping))
    return pd.DataFrame(rows, columns=["post", "owner", "post_state", "stops_coupon"], dtype=object)


def lay_ladder(store: Store, gate: pd.DataFrame, posts: pd.DataFrame | None) -> pd.DataFrame:
    """Lay the escalation ladder for complaints over the people of the night.

    Parameters
    ----------
    gate : pandas.DataFrame
        As `open_gate` gives it.
    posts : pandas.DataFrame or None
        As `list_posts` gives it; None where nobody has filled it in.

    Returns
    -------
    pandas.DataFrame
        ladder_step, answer_min (until the first answer), hands_on_min (when the next step takes over), step_people
        (who may serve and belong to the step; of the upper steps the posts that are filled, nan where not known).
    """
    allowed = set(gate.loc[gate["allowed"].astype(bool), "agent_id"])
    people = [agent for agent in store.agents if agent.agent_id in allowed]
    filled = None if posts is None else set(posts.loc[posts["post_state"] == "post_filled", "post"])
    there = {
        "agent": float(len(people)),
        "lead": float(sum(agent.lead for agent in people)),
        "complaints": float(sum("escalation" in agent.skills for agent in people)),
        "manager": float("nan") if filled is None else float("item_post_floor" in filled),
        "command": float("nan") if filled is None else float("item_post_command" in filled),
    }
    steps = facts.table("escalation").to_dict("records")
    rows = [
        (step["key"], float(step["value"]), float(step["hands_on_after_min"]), there[step["role"]]) for step in steps
    ]
    return pd.DataFrame(rows, columns=["ladder_step", "answer_min", "hands_on_min", "step_people"])


def sum_complaints(contacts: pd.DataFrame | None) -> tuple[float, float, pd.Timestamp] | None:
    """Return the contacts of the complaints desk in all, those of its busiest half hour, and when that begins.

    None where the desk has no forecast of its own.
    """
    if contacts is None or "queue" not in contacts:
        return None
    mine = contacts[contacts["queue"] == "escalation"].groupby("start")["contacts"].sum()
    return (float(mine.sum()), float(mine.max()), mine.idxmax()) if mine.sum() > 0 else None


def answers_for(record: Mapping[Hashable, Any], names: Mapping[str, str] | None = None) -> str | None:
    """Return who answers for a row of the sheet logistics: its owner, else the name of its person; None for nobody.

    Examples
    --------
    >>> answers_for({"owner": None, "person": "A07"}, {"A07": "Ava"}), answers_for({"owner": None, "person": None})
    ('Ava', None)
    """
    if not is_missing(record["owner"]):
        return str(record["owner"])
    return None if is_missing(record["person"]) else (names or {}).get(str(record["person"]), str(record["person"]))


def lay_duty_sheet(
    logistics: pd.DataFrame, *, store: Store | None = None, assignments: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Lay the duty sheet of the night: what, when, who, in the order of time; items without a time come last.

    Parameters
    ----------
    logistics : pandas.DataFrame
        The sheet logistics of the readiness workbook.
    store : Store, optional
        Adds the duties of the core workbook (live streams, logistics), and the people by whose ids rows are owned.
    assignments : pandas.DataFrame, optional
        The roster's segments: agent_id, start, end, activity. Whom it puts on a duty is the duty's owner; of every
        other owner who is an agent it shows whether they are on a shift at that time.

    Returns
    -------
    pandas.DataFrame
        at, logistics_item, name, owner, duty_state (``held``, ``there``, ``absent``; None without a roster, or for
        who is no agent), order_by, budget_cny, done_on.
    """
    names = {} if store is None else {agent.agent_id: agent.name for agent in store.agents}
    ids = {name: agent_id for agent_id, name in names.items()} | {agent_id: agent_id for agent_id in names}
    rows = []
    for record in logistics[logistics["item"] != "diet"].to_dict("records"):
        owner = answers_for(record, names)
        state = None if owner is None or is_missing(record["at"]) else _seen(assignments, ids.get(owner), record["at"])
        kept = {key: record[key] for key in ("at", "name", "order_by", "budget_cny", "done_on")}
        rows.append(kept | {"logistics_item": record["item"], "owner": owner, "duty_state": state})
    for duty in () if store is None else store.duties:
        holder = None if assignments is None else _holder(assignments, duty)
        named = None if duty.agent_id is None else names.get(duty.agent_id, duty.agent_id)
        owner = named or duty.owner if holder is None else names.get(holder, holder)
        state = "held" if holder else None if owner is None else _seen(assignments, ids.get(owner), duty.start)
        item = "live" if duty.kind == "live" else "other"
        rows.append({"at": duty.start, "logistics_item": item, "name": duty.duty, "owner": owner, "duty_state": state})
    rows.sort(key=lambda row: pd.Timestamp.max if is_missing(row["at"]) else pd.Timestamp(row["at"]))
    columns = ["at", "logistics_item", "name", "owner", "duty_state", "order_by", "budget_cny", "done_on"]
    table = pd.DataFrame(rows, columns=columns, dtype=object)
    return table.where(table.notna(), None)


def _holder(assignments: pd.DataFrame, duty: Duty) -> str | None:
    """Return the id of whom the roster puts on a duty of the core workbook; None where it is nobody."""
    on_it = assignments[assignments["activity"] == duty.kind]
    starts, ends = (on_it[end].dt.tz_localize(None) for end in ("start", "end"))
    on_it = on_it[(starts == pd.Timestamp(duty.start)) & (ends == pd.Timestamp(duty.end))]
    if duty.agent_id is not None:
        on_it = on_it[on_it["agent_id"] == duty.agent_id]
    return None if on_it.empty else str(on_it["agent_id"].iloc[0])


def _seen(assignments: pd.DataFrame | None, agent_id: str | None, at: Any) -> str | None:
    """Return whether an agent is on a shift at a moment, on chat or not; None without a roster or an agent."""
    if assignments is None or agent_id is None:
        return None
    own = assignments[assignments["agent_id"] == agent_id]
    moment = pd.Timestamp(at)
    there = (own["start"].dt.tz_localize(None) <= moment) & (moment < own["end"].dt.tz_localize(None))
    return "there" if there.any() else "absent"


def find_quiet_windows(contacts: pd.DataFrame, presence: pd.DataFrame) -> pd.DataFrame:
    """Find the half hours in which an activity on site costs least: few contacts for each person present.

    Parameters
    ----------
    contacts : pandas.DataFrame
        start, contacts (several queues of one half hour are added up).
    presence : pandas.DataFrame
        As `count_presence` gives it.

    Returns
    -------
    pandas.DataFrame
        start, contacts, present, contacts_per_person; the quietest quarter, in the order of time.
    """
    load = contacts.groupby("start", as_index=False)["contacts"].sum()
    there = presence.groupby("start", as_index=False)["present"].sum()
    table = load.merge(there, on="start")
    table["contacts_per_person"] = table["contacts"] / table["present"]
    count = math.ceil(len(table) * float(facts.value("floor", "quiet_share")))
    return table.nsmallest(count, "contacts_per_person").sort_values("start", ignore_index=True)
