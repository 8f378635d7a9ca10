"""Floor and stretch: for the team, each half hour, cohort and person, and the chance of reaching them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from simlib.kpis import BETTER
from simlib.messages import Message, Term, glossary

__all__ = [
    "STRETCH",
    "add_levels",
    "chance_of_reaching",
    "chance_of_service",
    "cohort_targets",
    "compare_efficiency",
    "half_hour_targets",
    "paid_hours",
    "seat_shares",
    "set_targets",
    "split_targets",
    "team_targets",
]

STRETCH = 0.15  # ours: the middle of the 10-20 % on top of the floor that is common in the trade
NEARLY_ALL = 0.95  # ours: a target that is reached in more nights than this asks nothing of anybody
NEARLY_NONE = 0.05  # ours: and one that is reached in fewer is believed by nobody
NEARLY_EVERYBODY = 0.8  # ours: share of the people from which a target is named that nearly all or nearly none reach
SKILLS = ("skill_1", "skill_2", "skill_3")
BOT = "bot"  # the row of what no person sells
EVERYBODY = "all"  # the row of all cohorts together


def set_targets(*, sales_cny: float, receptions: float, stretch: float = STRETCH) -> pd.DataFrame:
    """Return the team's floor (what the sales task asks for) and its stretch.

    Returns
    -------
    pandas.DataFrame
        kpi (``cs_sales_cny``, ``receptions``), floor, stretch.

    Examples
    --------
    >>> set_targets(sales_cny=300_000, receptions=4_000, stretch=0.1)["stretch"].round().tolist()
    [330000.0, 4400.0]
    """
    if stretch < 0:
        raise ValueError(f"stretch must be >= 0, got {stretch!r}")
    table = pd.DataFrame({"kpi": ["cs_sales_cny", "receptions"], "floor": [sales_cny, receptions]})
    table["stretch"] = table["floor"] * (1 + stretch)
    return table


def team_targets(
    *, sales_cny: float, receptions: float, goals: pd.DataFrame | None = None, stretch: float = STRETCH
) -> pd.DataFrame:
    """Return all targets of the team, each with where floor and stretch come from.

    Parameters
    ----------
    sales_cny, receptions : float
        What follows from the sales task; the floor of both unless the store's sheet says otherwise.
    goals : DataFrame, optional
        The store's sheet of goals: kpi, queue, floor, stretch. Its own stretch is used; an empty one is ours.
    stretch : float
        The default: so much on top of sales and receptions; of any other KPI so much of the distance to its best
        value (0, or 1 of a share) is closed.

    Returns
    -------
    pandas.DataFrame
        kpi, queue, floor, stretch, floor_source, stretch_source (``cascade``, ``store`` or ``ours``).

    Examples
    --------
    >>> sheet = pd.DataFrame({"kpi": ["first_response"], "queue": [None], "floor": [30.0], "stretch": [None]})
    >>> team_targets(sales_cny=1e5, receptions=900, goals=sheet)[["stretch", "stretch_source"]].to_numpy().tolist()[-1]
    [25.5, 'ours']
    """
    targets = set_targets(sales_cny=sales_cny, receptions=receptions, stretch=stretch)
    rows: dict[tuple[str, str | None], dict[str, Any]] = {
        (row.kpi, None): {"floor": row.floor, "stretch": row.stretch, "sources": ("cascade", "ours")}
        for row in targets.itertuples()
    }
    for row in () if goals is None else goals.itertuples():
        kpi, queue = str(row.kpi), None if pd.isna(row.queue) else str(row.queue)
        floor, own = float(row.floor), row.stretch
        if pd.isna(own):
            rows[kpi, queue] = {"floor": floor, "stretch": _default_stretch(kpi, floor, stretch)}
            rows[kpi, queue]["sources"] = ("store", "ours")
        else:
            rows[kpi, queue] = {"floor": floor, "stretch": float(own), "sources": ("store", "store")}
    return pd.DataFrame(
        [(kpi, queue, row["floor"], row["stretch"], *row["sources"]) for (kpi, queue), row in rows.items()],
        columns=["kpi", "queue", "floor", "stretch", "floor_source", "stretch_source"],
    )


def _default_stretch(kpi: str, floor: float, stretch: float) -> float:
    if kpi in ("cs_sales_cny", "receptions"):
        return floor * (1 + stretch)
    if _lower_is_better(kpi):
        return floor * (1 - stretch)
    return 1 - (1 - floor) * (1 - stretch) if floor <= 1 else floor * (1 + stretch)


def _lower_is_better(kpi: str) -> bool:
    return BETTER.get(kpi, "higher") == "lower"


def seat_shares(roster: pd.DataFrame, agents: pd.DataFrame, starts: Iterable[pd.Timestamp]) -> pd.DataFrame:
    """Return who carries which share of each interval and queue: by minutes on chat in it x speed.

    A person on chat takes contacts of every queue of their skills, whatever queue the roster seats them at, because
    the floor routes by skill.

    Parameters
    ----------
    roster : DataFrame
        One row per segment: agent_id, queue, start, end, activity.
    agents : DataFrame
        agent_id, speed; skill_1, skill_2, skill_3 as far as they are known.
    starts : iterable of Timestamp
        Beginnings of the intervals, evenly spaced.

    Returns
    -------
    DataFrame
        start, queue, agent_id, hours (on chat in the interval, in each of the queues the same), share; the shares of
        an interval and queue that anybody can serve add up to 1.
    """
    grid = pd.DatetimeIndex(sorted(set(starts)))
    step = pd.Series(grid).diff().min() if len(grid) > 1 else pd.Timedelta(minutes=30)
    chat = _with_skills(roster.loc[roster["activity"] == "chat", ["agent_id", "queue", "start", "end"]], agents)
    pieces = chat.merge(pd.DataFrame({"interval": grid}), how="cross")
    begins = pieces["interval"].where(pieces["interval"] > pieces["start"], pieces["start"])
    ends = (pieces["interval"] + step).where(pieces["interval"] + step < pieces["end"], pieces["end"])
    pieces["hours"] = (ends - begins).dt.total_seconds() / 3600
    pieces = pieces[pieces["hours"] > 0].drop(columns=["start", "end"]).rename(columns={"interval": "start"})
    pieces = pieces.groupby(["start", "queue", "agent_id"], as_index=False)["hours"].sum()
    speed = agents.set_index("agent_id")["speed"].astype(float)
    weight = pieces["hours"] * pieces["agent_id"].map(speed).fillna(1.0)
    pieces["share"] = weight / weight.groupby([pieces["start"], pieces["queue"]]).transform("sum")
    return pieces[["start", "queue", "agent_id", "hours", "share"]]


def _with_skills(chat: pd.DataFrame, agents: pd.DataFrame) -> pd.DataFrame:
    """Return segments on chat once for each queue that their person can serve, the rostered one included."""
    known = agents.reindex(columns=["agent_id", *SKILLS]).melt("agent_id", value_name="skill").dropna(subset="skill")
    spans = chat[["agent_id", "start", "end"]].drop_duplicates()
    more = spans.merge(known[["agent_id", "skill"]], on="agent_id").rename(columns={"skill": "queue"})
    return pd.concat([chat, more[chat.columns]], ignore_index=True).drop_duplicates(ignore_index=True)


def split_targets(
    targets: pd.DataFrame,
    *,
    roster: pd.DataFrame,
    agents: pd.DataFrame,
    demand: pd.DataFrame | None = None,
    day: dt.date | None = None,
    bot_share: float = 0.0,
) -> pd.DataFrame:
    """Split the team's targets over people; sales only over those who serve presale.

    With a demand, each queue's part of a half hour goes to those on chat in it who can serve the queue, by speed: a
    night-shift agent who carries 1.7 % of the presale buyers gets 1.7 % of the sales. Who sits at after-sale and can
    serve presale carries presale buyers too, as the floor routes by skill. Without a demand the split is by hours on
    chat x speed, whatever the hour, and sales by hours seated at presale.

    Parameters
    ----------
    targets : pandas.DataFrame
        As :func:`set_targets` gives them: kpi, floor, stretch.
    roster : pandas.DataFrame
        One row per segment: agent_id, queue, start, end, activity.
    agents : pandas.DataFrame
        agent_id, name, cohort, speed; skill_1, skill_2, skill_3 as far as they are known.
    demand : pandas.DataFrame, optional
        start, queue, human: what people are to receive in each interval.
    day : date, optional
        The promo day: hours before and after it carry nothing of its targets.
    bot_share : float
        Share of the sales that the bot makes by itself; it is a row of its own (agent_id ``bot``), for nobody's
        export shows it.

    Returns
    -------
    pandas.DataFrame
        agent_id, name, cohort, hours, cs_sales_cny_floor, cs_sales_cny_stretch, receptions_floor,
        receptions_stretch; each column of targets adds up to the team's. What falls into half hours that nobody
        sits in is carried by all, in proportion.
    """
    chat = roster[roster["activity"] == "chat"]
    hours = (chat["end"] - chat["start"]).dt.total_seconds() / 3600
    people = chat.assign(hours=hours).groupby("agent_id", as_index=False)["hours"].sum()
    people = people.merge(agents[["agent_id", "name", "cohort", "speed"]], on="agent_id", how="left")
    table = people[["agent_id", "name", "cohort", "hours"]].copy()
    if demand is None:
        presale = hours.where(chat["queue"] == "presale", 0.0).groupby(chat["agent_id"]).sum()
        weights = {
            "cs_sales_cny": people["agent_id"].map(presale).fillna(0.0) * people["speed"],
            "receptions": people["hours"] * people["speed"],
        }
    else:
        carried = _carried(roster, agents, _within(demand, day))
        weights = {
            kpi: people["agent_id"].map(rows.groupby("agent_id")["carried"].sum()).fillna(0.0)
            for kpi, rows in (("cs_sales_cny", carried[carried["queue"] == "presale"]), ("receptions", carried))
        }
    for row in targets[targets["kpi"].isin(list(weights))].itertuples():
        weight = weights[row.kpi]
        own = 1 - bot_share if row.kpi == "cs_sales_cny" else 1.0
        for level in ("floor", "stretch"):
            table[f"{row.kpi}_{level}"] = getattr(row, level) * own * weight / (weight.sum() or 1.0)
    table = table.sort_values("agent_id", ignore_index=True)
    if not bot_share or table.empty:
        return table
    sales = targets.set_index("kpi").loc["cs_sales_cny"]
    bot: dict[str, Any] = dict.fromkeys(table.columns, 0.0) | {"agent_id": BOT, "name": None, "cohort": BOT}
    bot |= {f"cs_sales_cny_{level}": float(sales[level]) * bot_share for level in ("floor", "stretch")}
    return pd.concat([table, pd.DataFrame([bot])], ignore_index=True)


def _within(demand: pd.DataFrame, day: dt.date | None) -> pd.DataFrame:
    return demand if day is None else demand[demand["start"].dt.date == day]


def _carried(roster: pd.DataFrame, agents: pd.DataFrame, demand: pd.DataFrame) -> pd.DataFrame:
    shares = seat_shares(roster, agents, demand["start"])
    carried = shares.merge(demand[["start", "queue", "human"]], on=["start", "queue"], how="inner")
    return carried.assign(carried=carried["human"] * carried["share"])


def half_hour_targets(targets: pd.DataFrame, *, demand: pd.DataFrame, day: dt.date | None = None) -> pd.DataFrame:
    """Split the team's targets over the half hours of the promo day by their demand; sales by presale demand.

    Returns
    -------
    pandas.DataFrame
        start, cs_sales_cny_floor, cs_sales_cny_stretch, receptions_floor, receptions_stretch: one row per
        interval; each column adds up to the team's.
    """
    rows = _within(demand, day)
    by_start = {
        "cs_sales_cny": rows[rows["queue"] == "presale"].groupby("start")["human"].sum(),
        "receptions": rows.groupby("start")["human"].sum(),
    }
    table = pd.DataFrame({"start": sorted(rows["start"].unique())})
    for row in targets[targets["kpi"].isin(list(by_start))].itertuples():
        weight = table["start"].map(by_start[row.kpi]).fillna(0.0)
        for level in ("floor", "stretch"):
            table[f"{row.kpi}_{level}"] = getattr(row, level) * weight / (weight.sum() or 1.0)
    return table


def cohort_targets(people: pd.DataFrame) -> pd.DataFrame:
    """Sum the targets of people by cohort, with everybody as the last row (cohort ``all``).

    Returns
    -------
    pandas.DataFrame
        cohort, heads, hours and the columns of targets of :func:`split_targets`.
    """
    columns = [name for name in people.columns if name.endswith(("_floor", "_stretch"))]
    heads = people.groupby("cohort", as_index=False).agg(
        heads=("agent_id", "count"), **{name: (name, "sum") for name in ["hours", *columns]}
    )
    heads.loc[heads["cohort"] == BOT, "heads"] = 0
    whole = {"cohort": EVERYBODY, **heads.drop(columns="cohort").sum().to_dict()}
    return pd.concat([heads, pd.DataFrame([whole])], ignore_index=True).astype({"heads": "int64"})


def paid_hours(roster: pd.DataFrame) -> pd.DataFrame:
    """Return the paid hours of each person: all that is rostered but meals (ours; a store may pay them).

    Returns
    -------
    pandas.DataFrame
        agent_id, paid_hours.
    """
    work = roster[roster["activity"] != "meal"]
    hours = (work["end"] - work["start"]).dt.total_seconds() / 3600
    return work.assign(paid_hours=hours).groupby("agent_id", as_index=False)["paid_hours"].sum()


def compare_efficiency(people: pd.DataFrame) -> pd.DataFrame:
    """Return sales and receptions per paid hour of each cohort and of all together.

    Parameters
    ----------
    people : pandas.DataFrame
        cohort, paid_hours, sales_cny, receptions: one row per person, planned or actual.

    Returns
    -------
    pandas.DataFrame
        cohort (``all`` last), heads, paid_hours, sales_cny, receptions, sales_cny_paid_hour,
        receptions_paid_hour; missing where nobody was paid an hour.

    Examples
    --------
    >>> people = pd.DataFrame({"cohort": ["own", "own", "student"], "paid_hours": [8, 8, 4],
    ...                        "sales_cny": [8000, 4000, 1000], "receptions": [160, 160, 60]})
    >>> compare_efficiency(people)[["cohort", "sales_cny_paid_hour"]].values.tolist()
    [['own', 750.0], ['student', 250.0], ['all', 650.0]]
    """
    sums = people.groupby("cohort", as_index=False).agg(
        heads=("cohort", "size"),
        paid_hours=("paid_hours", "sum"),
        sales_cny=("sales_cny", "sum"),
        receptions=("receptions", "sum"),
    )
    sums.loc[sums["cohort"] == BOT, "heads"] = 0
    whole = pd.DataFrame([{"cohort": EVERYBODY, **sums.drop(columns="cohort").sum().to_dict()}])
    table = pd.concat([sums, whole], ignore_index=True).astype({"heads": "int64"})
    hours = table["paid_hours"].astype(float).where(table["paid_hours"] > 0)
    return table.assign(
        sales_cny_paid_hour=table["sales_cny"] / hours, receptions_paid_hour=table["receptions"] / hours
    )


def chance_of_reaching(
    nights: pd.DataFrame,
    targets: pd.DataFrame,
    *,
    people: pd.DataFrame | None = None,
    shares: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Return in which share of simulated nights floor and stretch are reached, by the team and by each person.

    Parameters
    ----------
    nights : DataFrame
        night, start, queue, receptions, sales_cny: one row per night, interval and queue, drawn with the
        forecast's risk. With a column agent_id the figures are the person's own.
    targets : DataFrame
        kpi, floor, stretch of the team.
    people : DataFrame, optional
        As :func:`split_targets` gives it.
    shares : DataFrame, optional
        As :func:`seat_shares` gives it: where nights have no agent_id, each interval is shared out by it, so that
        a person's chance holds the night's luck and not the person's own.

    Returns
    -------
    DataFrame
        agent_id (``all`` for the team), kpi, floor, stretch, floor_chance, stretch_chance, nights.
    tuple of Message
        Targets that nearly everybody or nearly nobody reaches.

    Raises
    ------
    ValueError
        There is no night.
    """
    count = nights["night"].nunique()
    if not count:
        raise ValueError("nights must hold at least one night")
    figures = {"cs_sales_cny": "sales_cny", "receptions": "receptions"}
    rows = []
    for target in targets[targets["kpi"].isin(list(figures))].itertuples():
        column = figures[target.kpi]
        totals = nights.groupby("night")[column].sum()
        rows.append((EVERYBODY, target.kpi, target.floor, target.stretch, *_reached(totals, target), count))
        if people is None:
            continue
        own = _own_nights(nights, column, shares)
        for person in people.itertuples():
            aims = _Aims(getattr(person, f"{target.kpi}_floor"), getattr(person, f"{target.kpi}_stretch"))
            if aims.floor <= 0 or person.agent_id == BOT:
                continue
            reached = own.get(person.agent_id, np.zeros(count))
            rows.append(
                (person.agent_id, target.kpi, aims.floor, aims.stretch, *_reached(pd.Series(reached), aims), count)
            )
    columns = ["agent_id", "kpi", "floor", "stretch", "floor_chance", "stretch_chance", "nights"]
    table = pd.DataFrame(rows, columns=columns)
    return table, tuple(_odd_targets(table))


class _Aims:
    def __init__(self, floor: float, stretch: float) -> None:
        self.floor, self.stretch = floor, stretch


def _reached(totals: pd.Series, aims: Any) -> tuple[float, float]:
    """Return the shares of nights that reach floor and stretch; a hair below by rounding counts as reached."""
    return tuple(float((totals >= aim * (1 - 1e-9)).mean()) for aim in (aims.floor, aims.stretch))  # type: ignore[return-value]


def _own_nights(nights: pd.DataFrame, column: str, shares: pd.DataFrame | None) -> dict[str, np.ndarray]:
    if "agent_id" in nights.columns:
        own = nights.assign(own=nights[column].astype(float))
    elif shares is None:
        raise ValueError("nights without agent_id need shares, as seat_shares gives them")
    else:
        own = nights.merge(shares[["start", "queue", "agent_id", "share"]], on=["start", "queue"], how="inner")
        own = own.assign(own=own[column].astype(float) * own["share"])
    table = own.pivot_table(index="night", columns="agent_id", values="own", aggfunc="sum", fill_value=0.0)
    table = table.reindex(sorted(nights["night"].unique()), fill_value=0.0)
    return {str(agent): table[agent].to_numpy() for agent in table.columns}


def _odd_targets(table: pd.DataFrame) -> list[Message]:
    found = []
    for kpi, rows in table.groupby("kpi", sort=False):
        team = rows[rows["agent_id"] == EVERYBODY]
        for level in ("floor", "stretch"):
            chance = float(team[f"{level}_chance"].iloc[0])
            values = {"kpi": Term(str(kpi)), "level": Term(level), "chance": f"{chance:.0%}"}
            if chance >= NEARLY_ALL:
                found.append(Message("goals.target_too_easy", **values))
            elif chance <= NEARLY_NONE:
                found.append(Message("goals.target_too_hard", **values))
            chances = rows.loc[rows["agent_id"] != EVERYBODY, f"{level}_chance"]
            for key, odd in (("easy", chances >= NEARLY_ALL), ("hard", chances <= NEARLY_NONE)):
                if len(chances) and odd.mean() >= NEARLY_EVERYBODY:
                    named = {"kpi": Term(str(kpi)), "level": Term(level), "people": len(chances)}
                    found.append(Message(f"goals.people_too_{key}", count=int(odd.sum()), **named))
    return found


def add_levels(table: pd.DataFrame, targets: pd.DataFrame) -> pd.DataFrame:
    """Add floor and stretch of the service KPIs: a rate is not split, it holds for each row as for the team."""
    split = [row for row in targets.itertuples() if f"{row.kpi}_floor" not in table.columns]
    levels = {f"{row.kpi}_{level}": getattr(row, level) for row in split for level in ("floor", "stretch")}
    return table.assign(**levels)


def chance_of_service(service: pd.DataFrame, targets: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Return in which share of simulated nights the service KPIs reach floor and stretch.

    Parameters
    ----------
    service : DataFrame
        One row per night, one column per KPI.
    targets : DataFrame
        kpi, floor, stretch of the team; KPIs that the nights do not have are left out.

    Returns
    -------
    DataFrame
        kpi, unit, floor, stretch, floor_chance, stretch_chance, nights.
    tuple of Message
        Targets that nearly every night or nearly no night reaches.

    Examples
    --------
    >>> aims = pd.DataFrame({"kpi": ["service_level"], "floor": [0.8], "stretch": [0.9]})
    >>> chance_of_service(pd.DataFrame({"service_level": [0.7, 0.85, 0.92, 0.8]}), aims)[0]["floor_chance"].tolist()
    [0.75]
    """
    rows = []
    for target in targets[targets["kpi"].isin(list(service.columns))].itertuples():
        values = service[target.kpi].astype(float).dropna()
        sign = -1 if _lower_is_better(target.kpi) else 1
        reached = [float((sign * values >= sign * aim).mean()) for aim in (target.floor, target.stretch)]
        unit = glossary()[target.kpi]["unit"]
        rows.append((EVERYBODY, target.kpi, unit, target.floor, target.stretch, *reached, len(values)))
    columns = ["agent_id", "kpi", "unit", "floor", "stretch", "floor_chance", "stretch_chance", "nights"]
    table = pd.DataFrame(rows, columns=columns)
    return table.drop(columns="agent_id"), tuple(_odd_targets(table))
