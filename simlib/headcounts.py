"""Which number is this: every headcount and total of the plan in one table, each with what it counts and over what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from simlib.forecasting.result import ForecastResult, RequirementResult
from simlib.inputs import NightInputs
from simlib.roster import Roster
from simlib.staffing.result import SalesResult

COLUMNS = ["headcount", "value", "low", "high", "unit", "counts_what", "grain", "at", "queue", "source"]
OF_THE_DAY = ("agents_day", "agents_day_reserve")
OF_THE_PEAK = ("agents_peak", "agents_peak_occupancy")


@dataclass(frozen=True, kw_only=True)
class Headcounts:
    """Every headcount of the plan, and the totals behind them.

    Attributes
    ----------
    table : DataFrame
        headcount (what it is called), value, low, high, unit, counts_what (on chat, to roster, on the roster, ready, or
        contacts), grain (day, hour, half hour, night), at (the hour or half hour, where it is one), queue (``all``: all
        queues at once), source (calculated, simulated, the roster, the store). The first row is the number.
    """

    table: pd.DataFrame = field(repr=False)

    @property
    def the_number(self) -> int:
        """People to roster in the half hour that needs most, all queues at once."""
        return int(self.table["value"].iloc[0])

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The table, by name."""
        return {"headcounts": self.table}


def collect_headcounts(
    inputs: NightInputs,
    sales: SalesResult,
    forecasting: ForecastResult,
    required: RequirementResult,
    roster: Roster,
) -> Headcounts:
    """Collect what the chapters count, from the number that the plan goes by down to the totals.

    Parameters
    ----------
    inputs, sales, forecasting, required, roster
        The results that the counts are read from; nothing is counted anew.
    """
    peak = required.peak_start
    at_peak = required.requirement[required.requirement["start"] == peak]
    beside = roster.coverage[roster.coverage["start"] == peak]
    low, high = required.peak_band
    rows: list[Sequence[object]] = [
        ("the_number", required.peak_heads, low, high, "agents", "to_roster", "half_hour", peak, "all", "simulated"),
        _simulated("heads_on_chat", at_peak["on_chat"].sum(), "on_chat", peak, "all"),
    ]
    for queue, need in required.requirement.groupby("queue", sort=False):
        worst = need.loc[need["to_roster"].idxmax()]
        rows.append(_simulated("heads_to_roster", worst["to_roster"], "to_roster", worst["start"], queue))
    rows += [
        ("heads_standard", beside["rostered"].sum(), None, None, "agents", "standard", "half_hour", peak,
         "all", "roster"),
        ("heads_rostered", beside["people_on_chat"].sum(), None, None, "agents", "rostered", "half_hour", peak,
         "all", "roster"),
        ("heads_leads", _leads_on_chat(inputs, roster, peak), None, None, "agents", "rostered", "half_hour", peak,
         "all", "roster"),
        ("heads_of_night", roster.assignments["agent_id"].nunique(), None, None, "agents", "rostered", "night", None,
         "all", "roster"),
        ("heads_ready", len(inputs.ready), None, None, "agents", "ready", "day", None, "all", "store"),
    ]  # fmt: skip
    steps = sales.cascade.set_index("step")
    for key in (*OF_THE_PEAK, *OF_THE_DAY):
        span, at = ("half_hour", peak) if key in OF_THE_PEAK else ("day", None)
        band = steps.loc[key, "low"], steps.loc[key, "high"]
        rows.append((key, sales.heads(key), *band, "agents", "on_chat", span, at, "all", "calculated"))
    busiest = sales.hours.loc[sales.hours["agents_flat_out"].idxmax()]
    hour = inputs.grid.opens.normalize() + pd.Timedelta(hours=int(busiest["hour"]))
    for key in ("agents_flat_out", "agents_at_ceiling"):
        rows.append((key, busiest[key], None, None, "agents", "on_chat", "hour", hour, "all", "calculated"))
    of_day = forecasting.forecast[forecasting.forecast["start"].dt.date == inputs.wave.day]
    for span, forecast in (("day", of_day), ("night", forecasting.forecast)):
        for measure in ("contacts", "human"):
            total = forecast[measure].sum()
            rows.append((f"all_{measure}", total, None, None, "contacts", measure, span, None, "all", "calculated"))
    return Headcounts(table=pd.DataFrame(rows, columns=COLUMNS).astype({"value": float, "low": float, "high": float}))


def _leads_on_chat(inputs: NightInputs, roster: Roster, at: pd.Timestamp) -> int:
    """Count the leads who chat at some time of a half hour."""
    rows = roster.assignments
    there = rows[(rows["activity"] == "chat") & (rows["start"] < at + pd.Timedelta(seconds=inputs.grid.step_s))]
    leads = inputs.people.loc[inputs.people["lead"], "agent_id"]
    return int(there.loc[(there["end"] > at) & there["agent_id"].isin(leads), "agent_id"].nunique())


def _simulated(key: str, heads: object, kind: str, at: pd.Timestamp, queue: object) -> Sequence[object]:
    return (key, heads, None, None, "agents", kind, "half_hour", at, queue, "simulated")
