"""Tables of all KPIs: of a night, by queue, by interval, by agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from simlib.intervals import Grid
from simlib.kpis.agents import (
    concurrency,
    concurrency_peak,
    contacts_agent_hour,
    late_break,
    occupancy,
    overtime,
    saturation,
)
from simlib.kpis.contacts import (
    abandoned,
    answered,
    bot_resolved,
    first_response,
    first_response_p90,
    human,
    lost_share,
    mean_response,
    offered,
    platform_rate,
    service_level,
    silently_left,
    unserved,
)
from simlib.kpis.log import (
    Figure,
    Grouping,
    NightLog,
    agent_groups,
    cell_groups,
    interval_groups,
    queue_groups,
    sum_groups,
)
from simlib.kpis.money import ConversionCurve, sales
from simlib.kpis.platforms import PlatformRate


def summarise(
    log: NightLog,
    *,
    threshold_s: float,
    rates: Sequence[PlatformRate] = (),
    curve: ConversionCurve | None = None,
    values_cny: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Compute every KPI of a night that its log allows, by glossary key.

    Parameters
    ----------
    threshold_s : float
        For the service level.
    rates : sequence of PlatformRate
        The platforms' rates to compute; they need the log's turns.
    curve, values_cny
        For the money, if both are given.

    Examples
    --------
    >>> from simlib.kpis import example_log
    >>> night = summarise(example_log(), threshold_s=30)
    >>> night["offered"], night["first_response"], night["occupancy"]
    (5.0, 70.0, 0.5)
    """
    figures = _of_contacts(log, None, threshold_s=threshold_s, rates=rates, curve=curve, values_cny=values_cny)
    if log.agents is not None:
        figures |= _of_agents(log, None)
        figures["contacts_agent_hour"] = contacts_agent_hour(log)
    return cast(dict[str, float], figures)


def by_queue(log: NightLog, *, threshold_s: float, **options: Any) -> pd.DataFrame:
    """Compute the KPIs of contacts, one row per queue; options as in :func:`summarise`.

    >>> from simlib.kpis import example_log
    >>> by_queue(example_log(), threshold_s=30)["offered"].to_dict()
    {'presale': 5.0}
    """
    return pd.DataFrame(_of_contacts(log, queue_groups(log), threshold_s=threshold_s, **options))


def by_interval(log: NightLog, *, grid: Grid, threshold_s: float, **options: Any) -> pd.DataFrame:
    """Compute the KPIs, one row per interval of the grid; options as in :func:`summarise`.

    Contacts belong to the interval in which they arrive, however late they are answered. With a trace and shifts
    also ``on_duty`` (mean number of agents), ``open_chats`` (mean of the floor) and the interval's own ``occupancy``.

    >>> from simlib.kpis import example_log
    >>> night = Grid(opens=pd.Timestamp("2026-10-31 20:00+08:00"), n=2, step_s=300)
    >>> by_interval(example_log(), grid=night, threshold_s=30)["offered"].tolist()
    [4.0, 1.0]
    """
    figures = _of_contacts(log, interval_groups(log, grid), threshold_s=threshold_s, **options)
    if log.trace is not None and log.shifts is not None:
        edges = grid.edges_s + (grid.opens - log.opens).total_seconds()
        on_duty = _spans(np.asarray(log.shifts["start"]), np.asarray(log.shifts["end"]), edges)
        trace = log.trace
        if not trace["agent"].is_monotonic_increasing:
            trace = trace.sort_values(["agent", "time"], kind="stable")
        agent, time = np.asarray(trace["agent"]), np.asarray(trace["time"])
        last = np.append(agent[1:] != agent[:-1], True)
        until = np.where(
            last, time, np.append(time[1:], 0.0)
        )  # a trace ends with no open chat and no reply being written
        open_s = _spans(time, until, edges, np.asarray(trace["open"], dtype=float))
        busy_s = _spans(time, until, edges, np.asarray(trace["replying"], dtype=float))
        duty = np.divide(busy_s, on_duty, out=np.full(grid.n, np.nan), where=on_duty > 0)
        figures["on_duty"] = pd.Series(on_duty / grid.step_s, index=grid.starts)
        figures["open_chats"] = pd.Series(open_s / grid.step_s, index=grid.starts)
        figures["occupancy"] = pd.Series(duty, index=grid.starts)
    return pd.DataFrame(figures)


CELL_COUNTS = ("cell_offered", "cell_human", "cell_lost", "cell_late", "cell_answered", "cell_wait_s", "cell_lost_cny")


def by_cell(
    log: NightLog,
    *,
    grid: Grid,
    queues: Sequence[str],
    threshold_s: float,
    curve: ConversionCurve | None = None,
    values_cny: Mapping[str, float] | None = None,
) -> dict[str, np.ndarray]:
    """Count what each interval and queue comes to, so that nights can be added up before shares are taken.

    Returns
    -------
    dict of str to float array [intervals, queues]
        ``cell_offered``; ``cell_human`` (contacts for people); ``cell_lost`` of them (no human reply); ``cell_late``
        (no first reply within ``threshold_s``, the lost ones included); ``cell_answered`` and ``cell_wait_s`` (those
        with a first reply, and the sum of their waits); ``cell_lost_cny`` (sales lost to slow replies). A contact
        belongs to the interval in which it arrives.

    Examples
    --------
    >>> from simlib.kpis import example_log
    >>> night = Grid(opens=pd.Timestamp("2026-10-31 20:00+08:00"), n=2, step_s=300)
    >>> cells = by_cell(example_log(), grid=night, queues=("presale",), threshold_s=30)
    >>> cells["cell_human"][:, 0].tolist(), cells["cell_lost"][:, 0].tolist(), cells["cell_late"][:, 0].tolist()
    ([3.0, 1.0], [1.0, 1.0], [2.0, 1.0])
    """
    by = cell_groups(log, grid, queues)
    people = ~log.is_outcome("bot")
    wait_s = log.first_response_s
    got = ~np.isnan(wait_s)
    counted: dict[str, Figure] = {
        "cell_offered": sum_groups(np.ones(len(people)), by),
        "cell_human": sum_groups(people, by),
        "cell_lost": sum_groups(people & (np.asarray(log.contacts["replies"]) == 0), by),
        "cell_late": sum_groups(people & ~(wait_s <= threshold_s), by),
        "cell_answered": sum_groups(got, by),
        "cell_wait_s": sum_groups(np.where(got, wait_s, 0.0), by),
        "cell_lost_cny": sum_groups(np.zeros(len(people)), by),
    }
    if curve is not None and values_cny is not None:
        counted["cell_lost_cny"] = sales(log, curve=curve, values_cny=values_cny, by=by)[1]
    shape = (grid.n, len(queues))
    return {key: np.asarray(values, dtype=float).reshape(shape) for key, values in counted.items()}


def by_agent(log: NightLog, *, threshold_s: float, **options: Any) -> pd.DataFrame:
    """Compute the KPIs, one row per agent in the simulator's order; options as in :func:`summarise`.

    >>> from simlib.kpis import example_log
    >>> by_agent(example_log(), threshold_s=30)[["answered", "occupancy", "concurrency_peak"]].to_dict("records")
    [{'answered': 2.0, 'occupancy': 0.5, 'concurrency_peak': 2.0}]
    """
    figures = _of_contacts(log, agent_groups(log), threshold_s=threshold_s, **options)
    each = Grouping(
        codes=np.arange(len(log.need("agents"))), labels=pd.RangeIndex(len(log.need("agents")), name="agent")
    )
    return pd.DataFrame(figures | _of_agents(log, each)).drop(columns=["offered", "bot_resolved"])


def _of_contacts(
    log: NightLog,
    by: Grouping | None,
    *,
    threshold_s: float,
    rates: Sequence[PlatformRate] = (),
    curve: ConversionCurve | None = None,
    values_cny: Mapping[str, float] | None = None,
) -> dict[str, Figure]:
    figures: dict[str, Figure] = {
        "offered": offered(log, by),
        "bot_resolved": bot_resolved(log, by),
        "human": human(log, by),
        "answered": answered(log, by),
        "abandoned": abandoned(log, by),
        "silent": silently_left(log, by),
        "unserved": unserved(log, by),
        "lost_share": lost_share(log, by),
        "first_response": first_response(log, by),
        "first_response_p90": first_response_p90(log, by),
        "mean_response": mean_response(log, by),
        "service_level": service_level(log, threshold_s=threshold_s, by=by),
    }
    figures |= {rate.key: platform_rate(log, rate, by=by) for rate in rates}
    if curve is not None and values_cny is not None:
        figures["sales_kept"], figures["sales_lost"] = sales(log, curve=curve, values_cny=values_cny, by=by)
    return figures


def _of_agents(log: NightLog, by: Grouping | None) -> dict[str, Figure]:
    return {
        "occupancy": occupancy(log, by),
        "saturation": saturation(log, by),
        "concurrency": concurrency(log, by),
        "concurrency_peak": concurrency_peak(log, by),
        "overtime": overtime(log, by),
        "late_break": late_break(log, by),
    }


def _spans(start: np.ndarray, end: np.ndarray, edges: np.ndarray, weight: np.ndarray | float = 1.0) -> np.ndarray:
    """Return the integral of weighted spans over the intervals between edges; a span may be endless."""
    step_s = np.diff(edges)
    level, within = np.zeros(len(edges)), np.zeros(len(edges))
    weight = np.broadcast_to(np.asarray(weight, dtype=float), start.shape)
    for time, rises in ((start, weight), (end, -weight)):
        time = np.clip(time, edges[0], edges[-1])
        interval = np.searchsorted(edges, time, side="right") - 1
        level += np.bincount(interval, weights=rises, minlength=len(edges))
        within += np.bincount(
            interval, weights=rises * (edges[np.minimum(interval + 1, len(step_s))] - time), minlength=len(edges)
        )
    before = np.cumsum(level)[:-1] - level[:-1]
    return np.asarray(before * step_s + within[:-1])
