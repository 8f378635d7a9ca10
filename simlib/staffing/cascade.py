"""The sales cascade: from a sales task to buyers, contacts and heads, each step a row that can be checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from simlib.store.models import Ratio, Store, Wave
from simlib.streams import stream

Values = Mapping[str, Any]  # a number or an array of draws a figure
DRAWS = 20_000


@dataclass(frozen=True, kw_only=True)
class Span:
    """A figure with its low, likely and high value and where it comes from."""

    low: float
    likely: float
    high: float
    source: str

    def __post_init__(self) -> None:
        if not self.low <= self.likely <= self.high:
            raise ValueError(f"low <= likely <= high is needed, got {self.low}, {self.likely}, {self.high}")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the cascade: what it gives, in which unit, and how it is calculated."""

    key: str
    unit: str
    formula: str
    calculate: Callable[[Values], Any]


# The inputs of the cascade, in the order in which a team lead is asked for them.
INPUTS = (
    "month_gmv_cny",
    "wave_share",
    "day_gmv_cny",
    "cs_share",
    "aov_cny",
    "conversion",
    "inquiries_per_reception",
    "presale_share",
    "bot_share",
    "bot_return_rate",
    "transfer_rate",
    "agent_day_capacity",
    "agent_hour_capacity",
    "reserve",
    "occupancy_max",
)
SALES_TASK = INPUTS[:3]  # known to the store as a day's sales, as a month's and the wave's share of it, or both ways
# What an input is that nobody gives: a bot whose share is net of those who come back, a floor that hands no chat on, a
# store that sells nothing outside its chat.
LEFT_OUT = {"bot_return_rate": 0.0, "transfer_rate": 0.0, "outside_share": 0.0}
OUTSIDE = "outside_share"  # an input only where a store gives it
DECISIONS = ("reserve", "occupancy_max")  # what the lead sets: no chance, so neither draws nor a band come from them
INPUT_UNITS = {
    "month_gmv_cny": "CNY",
    "day_gmv_cny": "CNY",
    "aov_cny": "CNY",
    "agent_day_capacity": "contacts",
    "agent_hour_capacity": "contacts",
}

STEPS = (
    Step(
        key="day_gmv_cny",
        unit="CNY",
        formula="month_gmv_cny x wave_share",
        calculate=lambda v: v["month_gmv_cny"] * v["wave_share"],
    ),
    Step(
        key="cs_sales_cny",
        unit="CNY",
        formula="day_gmv_cny x (1 - outside_share) x cs_share",
        calculate=lambda v: v["day_gmv_cny"] * (1 - v["outside_share"]) * v["cs_share"],
    ),
    Step(
        key="buyers",
        unit="buyers",
        formula="cs_sales_cny / aov_cny",
        calculate=lambda v: v["cs_sales_cny"] / v["aov_cny"],
    ),
    Step(
        key="inquiries",
        unit="contacts",
        formula="buyers / conversion",
        calculate=lambda v: v["buyers"] / v["conversion"],
    ),
    Step(
        key="presale_contacts",
        unit="contacts",
        formula="inquiries / inquiries_per_reception",
        calculate=lambda v: v["inquiries"] / v["inquiries_per_reception"],
    ),
    Step(
        key="total_contacts",
        unit="contacts",
        formula="presale_contacts / presale_share",
        calculate=lambda v: v["presale_contacts"] / v["presale_share"],
    ),
    Step(
        key="aftersale_contacts",
        unit="contacts",
        formula="total_contacts - presale_contacts",
        calculate=lambda v: v["total_contacts"] - v["presale_contacts"],
    ),
    Step(
        key="human_contacts",
        unit="contacts",
        formula="total_contacts x (1 - bot_share x (1 - bot_return_rate)) x (1 + transfer_rate)",
        calculate=lambda v: (
            v["total_contacts"] * (1 - v["bot_share"] * (1 - v["bot_return_rate"])) * (1 + v["transfer_rate"])
        ),
    ),
    Step(
        key="agents_day",
        unit="agents",
        formula="human_contacts / agent_day_capacity",
        calculate=lambda v: v["human_contacts"] / v["agent_day_capacity"],
    ),
    Step(
        key="agents_day_reserve",
        unit="agents",
        formula="agents_day x (1 + reserve)",
        calculate=lambda v: v["agents_day"] * (1 + v["reserve"]),
    ),
    Step(
        key="peak_half_hour_contacts",
        unit="contacts",
        formula="human_contacts x peak_share",
        calculate=lambda v: v["human_contacts"] * v["peak_share"],
    ),
    Step(
        key="agents_peak",
        unit="agents",
        formula="peak_half_hour_contacts / (agent_hour_capacity / 2)",
        calculate=lambda v: v["peak_half_hour_contacts"] / (v["agent_hour_capacity"] / 2),
    ),
    Step(
        key="agents_peak_occupancy",
        unit="agents",
        formula="agents_peak / occupancy_max",
        calculate=lambda v: v["agents_peak"] / v["occupancy_max"],
    ),
)
HEADS = tuple(step.key for step in STEPS if step.unit == "agents")


def cascade_inputs(store: Store, wave: Wave, *, peak_share: float) -> dict[str, Span]:
    """Gather what the cascade needs, each with its span and its source.

    A day GMV of the wave's own goes before the month's; the wave's share of the month is then what it comes to.
    Otherwise the day GMV is left to be calculated from the two. The store's ratio ``task_reach``, the share of the
    sales task that comes, gives the task its span.

    Parameters
    ----------
    store, wave : Store, Wave
    peak_share : float
        Share of the day's contacts in its busiest half hour, from the day's curve.

    Raises
    ------
    ValueError
        The wave gives its GMV as a share of a month's GMV that the sheet ``store`` leaves empty.
    """
    month, reach = store.store.month_gmv_cny, store.ratio("task_reach")
    spans: dict[str, Span] = {}
    if month is not None:
        spans["month_gmv_cny"] = _certain(month) if wave.day_gmv_cny is not None else _reached(month, reach)
    if wave.day_gmv_cny is not None:
        if month:
            spans["wave_share"] = _certain(wave.day_gmv_cny / month, source="calculated")
        spans["day_gmv_cny"] = _reached(wave.day_gmv_cny, reach)
    elif month is not None and wave.month_share is not None:
        spans["wave_share"] = _certain(wave.month_share)
    else:
        raise ValueError(f"wave {wave.name!r} needs day_gmv_cny, or month_share with a month_gmv_cny")
    for key in INPUTS[len(SALES_TASK) :]:
        ratio = store.ratio(key)
        spans[key] = Span(low=ratio.low, likely=ratio.likely, high=ratio.high, source=ratio.source)
    outside = store.ratio(OUTSIDE)
    if outside.high > 0:
        spans[OUTSIDE] = Span(low=outside.low, likely=outside.likely, high=outside.high, source=outside.source)
    # The wave's own order value goes before the ratio of the store, and that before the month's.
    measured = spans["aov_cny"].source == "store"
    aov = wave.day_aov_cny or (None if measured else store.store.month_aov_cny)
    if aov is not None:
        spans["aov_cny"] = _certain(aov)
    spans["peak_share"] = _certain(peak_share, source="profile")
    return spans


def _reached(task_cny: float, reach: Ratio) -> Span:
    """Return a sales task with the span of the share of it that comes."""
    low, likely, high = (task_cny * share for share in (reach.low, reach.likely, reach.high))
    return Span(low=low, likely=likely, high=high, source="store")


def _certain(value: float, *, source: str = "store") -> Span:
    return Span(low=value, likely=value, high=value, source=source)


def run_steps(values: Values) -> dict[str, Any]:
    """Calculate every step from the inputs; numbers or arrays of draws alike. A figure that is given stays."""
    found = LEFT_OUT | dict(values)
    for step in STEPS:
        if step.key not in values:
            found[step.key] = step.calculate(found)
    return found


def draw_inputs(spans: Mapping[str, Span], *, seed: int, draws: int = DRAWS) -> dict[str, np.ndarray]:
    """Draw the inputs from triangular spans, each from its own named stream; a decision is what it is."""
    drawn = {}
    for key, span in spans.items():
        if span.low == span.high or key in DECISIONS:
            drawn[key] = np.full(draws, span.likely)
        else:
            chance = stream(seed, 0, f"cascade.{key}")
            drawn[key] = chance.triangular(span.low, span.likely, span.high, draws)
    return drawn


def whole_heads(heads: float) -> int:
    """Round heads up to whole people; a hair of floating-point noise makes nobody.

    Examples
    --------
    >>> whole_heads(13.3), whole_heads(16.000000000000004)
    (14, 16)
    """
    return math.ceil(heads - 1e-9 * max(1.0, abs(heads)))


def sales_cascade(spans: Mapping[str, Span], *, seed: int = 7) -> pd.DataFrame:
    """Go from the sales task to contacts and heads, one row per step.

    Parameters
    ----------
    spans : mapping of str to Span
        The inputs of :data:`INPUTS` and ``peak_share``, as :func:`cascade_inputs` gathers them: ``day_gmv_cny``, or
        ``month_gmv_cny`` with ``wave_share``; ``bot_return_rate`` and ``transfer_rate`` may be left out and
        are 0 then.
    seed : int
        Seed of the Monte Carlo band.

    Returns
    -------
    pandas.DataFrame
        step, value (at the likely inputs), low, high (in every row the 5th and 95th percentile over the draws of the
        inputs; a decision and what is certain have no band), unit, formula, source, heads (value rounded up; only for
        agents). The sales task comes first: month, the wave's share of it, day; nan with the source ``missing`` where
        not known.

    Examples
    --------
    The worked example of the trade: 500,000 CNY, one fifth through customer service, 100 CNY an order.

    >>> fixed = {"day_gmv_cny": 500_000, "cs_share": 0.2, "aov_cny": 100, "conversion": 0.4,
    ...          "inquiries_per_reception": 1, "presale_share": 1, "bot_share": 0, "agent_day_capacity": 576,
    ...          "agent_hour_capacity": 72, "reserve": 0, "occupancy_max": 1, "peak_share": 1 / 16}
    >>> spans = {key: Span(low=v, likely=v, high=v, source="store") for key, v in fixed.items()}
    >>> table = sales_cascade(spans).set_index("step")
    >>> float(table.loc["inquiries", "value"]), round(float(table.loc["agents_day", "value"]), 2)
    (2500.0, 4.34)
    """
    likely = run_steps({key: np.float64(span.likely) for key, span in spans.items()})
    drawn = run_steps(draw_inputs(spans, seed=seed))
    ends = {key: np.percentile(values, [5, 95]) for key, values in drawn.items()}
    rows = {key: (np.nan, np.nan, np.nan, INPUT_UNITS.get(key, "share"), "", "missing") for key in SALES_TASK}
    for key, span in spans.items():
        rows[key] = (span.likely, *ends[key], INPUT_UNITS.get(key, "share"), "", span.source)
    for step in STEPS:
        if step.key not in spans:
            formula = step.formula if OUTSIDE in spans else step.formula.replace(" x (1 - outside_share)", "")
            rows[step.key] = (float(likely[step.key]), *ends[step.key], step.unit, formula, "calculated")
    columns = ["value", "low", "high", "unit", "formula", "source"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("step").reset_index()
    heads = [whole_heads(row.value) if row.unit == "agents" else None for row in table.itertuples()]
    table["heads"] = pd.array(heads, dtype="Int64")
    return table


def hour_view(
    *, human_contacts: float, profile: np.ndarray, agent_hour_capacity: float, occupancy_max: float
) -> pd.DataFrame:
    """Spread the day over its hours and count heads in each, flat out and at the occupancy ceiling.

    Returns
    -------
    pandas.DataFrame
        24 rows: hour, share, contacts, agents_flat_out, agents_at_ceiling.

    Examples
    --------
    >>> profile = np.full(24, 1 / 24)
    >>> hours = hour_view(human_contacts=2400, profile=profile, agent_hour_capacity=22, occupancy_max=0.85)
    >>> int(hours.loc[0, "agents_flat_out"]), int(hours.loc[0, "agents_at_ceiling"])
    (5, 6)
    """
    contacts = human_contacts * profile
    flat_out = contacts / agent_hour_capacity
    return pd.DataFrame(
        {
            "hour": np.arange(24),
            "share": profile,
            "contacts": contacts,
            "agents_flat_out": [whole_heads(heads) for heads in flat_out],
            "agents_at_ceiling": [whole_heads(heads / occupancy_max) for heads in flat_out],
        }
    )


def day_capacity(*, messages: float, message_s: float, hours: float) -> float:
    """Count the contacts one agent can take in a day at full load: no pause, no peak, one chat at a time.

    Examples
    --------
    >>> day_capacity(messages=10, message_s=5, hours=8)
    576.0
    """
    if not (messages > 0 and message_s > 0 and hours > 0):
        raise ValueError(f"messages, message_s and hours must be > 0, got {messages}, {message_s}, {hours}")
    return hours * 3600 / (messages * message_s)


def tornado(spans: Mapping[str, Span], *, target: str = "agents_peak_occupancy") -> pd.DataFrame:
    """Move one input at a time to its low and high end and see what the target does, the widest swing first.

    Inputs that the target does not depend on are left out, and so are decisions.

    Returns
    -------
    pandas.DataFrame
        step (the input), at_low, at_high (the target there), swing (absolute difference), base.
    """
    likely = {key: np.float64(span.likely) for key, span in spans.items()}
    base = float(run_steps(likely)[target])
    rows = []
    for key, span in spans.items():
        if span.low == span.high or key in DECISIONS:
            continue
        at_low = float(run_steps(likely | {key: np.float64(span.low)})[target])
        at_high = float(run_steps(likely | {key: np.float64(span.high)})[target])
        if at_low != at_high:
            rows.append((key, at_low, at_high, abs(at_high - at_low), base))
    table = pd.DataFrame(rows, columns=["step", "at_low", "at_high", "swing", "base"])
    return table.sort_values("swing", ascending=False, ignore_index=True)
