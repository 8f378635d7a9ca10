"""Chapter 4, goals: a floor that must hold and a stretch to aim for, split over the people on the roster."""

from __future__ import annotations

import pandas as pd

__all__ = ["STRETCH", "set_targets", "split_targets"]

STRETCH = 0.15  # ours: the middle of the 10-20 % on top of the floor that is common in the trade


def set_targets(*, sales_cny: float, receptions: float, stretch: float = STRETCH) -> pd.DataFrame:
    """Set the team's floor (what the sales task asks for) and its stretch.

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


def split_targets(targets: pd.DataFrame, *, roster: pd.DataFrame, agents: pd.DataFrame) -> pd.DataFrame:
    """Split the team's targets over people by hours on chat x speed; sales only over presale hours.

    Parameters
    ----------
    targets : pandas.DataFrame
        As :func:`set_targets` gives them.
    roster : pandas.DataFrame
        One row a segment: agent_id, queue, start, end, activity.
    agents : pandas.DataFrame
        agent_id, name, cohort, speed.

    Returns
    -------
    pandas.DataFrame
        agent_id, name, cohort, hours, cs_sales_cny_floor, cs_sales_cny_stretch, receptions_floor,
        receptions_stretch; each column of targets adds up to the team's.
    """
    chat = roster[roster["activity"] == "chat"]
    hours = (chat["end"] - chat["start"]).dt.total_seconds() / 3600
    work = chat.assign(hours=hours, presale_hours=hours.where(chat["queue"] == "presale", 0.0))
    people = work.groupby("agent_id")[["hours", "presale_hours"]].sum().reset_index()
    people = people.merge(agents[["agent_id", "name", "cohort", "speed"]], on="agent_id", how="left")
    table = people[["agent_id", "name", "cohort", "hours"]].copy()
    for row in targets.itertuples():
        weight = people["presale_hours" if row.kpi == "cs_sales_cny" else "hours"] * people["speed"]
        for level in ("floor", "stretch"):
            table[f"{row.kpi}_{level}"] = getattr(row, level) * weight / (weight.sum() or 1.0)
    return table.sort_values("agent_id", ignore_index=True)
