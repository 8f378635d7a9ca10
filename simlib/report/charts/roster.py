"""Charts of the roster: who works when, and how that covers the requirement."""

from __future__ import annotations

import math
from collections.abc import Mapping

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import Patch

from simlib.messages import Lang, label, translate
from simlib.report.columns import quantity, titled, unit_word
from simlib.report.style import (
    ACTIVITY_COLOURS,
    INK,
    MISSING,
    MUTED,
    NEEDED,
    PAPER,
    QUEUE_COLOURS,
    ROSTERED,
    Table,
    chart,
    interval_edges,
    place_legend,
    set_clock_axis,
    set_headroom,
    set_number_axis,
    sum_by_start,
)


@chart(size=(11, 5))
def plot_coverage(coverage: Table, ax: Axes, *, lang: Lang) -> None:
    """Draw the agents rostered under the line of those needed; what is missing in any queue is red.

    Parameters
    ----------
    coverage : DataFrame
        start, queue, required, rostered, shortfall. The queues are added up, so that a queue with spare
        people never hides the gap of another.
    """
    total = sum_by_start(coverage, ["required", "rostered", "shortfall"]).astype(float)
    starts = pd.DatetimeIndex(total.index)
    edges = interval_edges(starts)
    required, short = total["required"].to_numpy(), total["shortfall"].to_numpy()
    ax.stairs(total["rostered"], edges, fill=True, color=ROSTERED, label=label("rostered", lang))
    ax.stairs(
        required,
        edges,
        baseline=required - short,
        fill=True,
        facecolor=MISSING,
        edgecolor=PAPER,
        hatch="////",
        label=titled("shortfall", lang),
    )
    ax.stairs(required, edges, baseline=None, color=NEEDED, linewidth=2.4, label=label("required", lang))
    worst = int(short.argmax())
    top = float(max(required.max(), total["rostered"].max()))
    if short[worst] > 0:
        agents = math.ceil(short[worst] - 1e-9)  # whole people, as the verdict counts them
        text = translate("report.coverage_worst", lang, count=agents, clock=f"{starts[worst]:%H:%M}")
    else:
        text = translate("report.coverage_whole", lang)
    ax.set_title(translate("report.coverage_title", lang))
    ax.annotate(
        text,
        xy=(1, 1),
        xycoords="axes fraction",
        xytext=(0, 8),
        textcoords="offset points",
        ha="right",
        va="bottom",
        color=MISSING if short[worst] > 0 else INK,
    )
    ax.set_ylabel(unit_word("agents", lang))
    set_number_axis(ax, whole=True)
    set_headroom(ax, top)
    set_clock_axis(ax, starts, lang)
    place_legend(ax)


@chart(size=(11, 8))
def plot_roster(roster: Table, ax: Axes, *, lang: Lang) -> None:
    """Draw the roster as one line per person: chats in the colour of the queue, other activities in their own.

    Up to forty people are named; more are bracketed by cohort.

    Parameters
    ----------
    roster : DataFrame
        agent_id, name, cohort, queue, start, end, activity: one row per segment.
    """
    first = roster.groupby("agent_id", sort=False).agg(
        name=("name", "first"), cohort=("cohort", "first"), begins=("start", "min")
    )
    order = [cohort for cohort in ("own", "temp", "outsourced", "student") if (first["cohort"] == cohort).any()]
    first["rank"] = first["cohort"].astype(str).map({cohort: rank for rank, cohort in enumerate(order)})
    people = first.sort_values(["rank", "begins", "name"], kind="stable")
    line = {agent: len(people) - 1 - number for number, agent in enumerate(people.index)}
    half = 0.4 if len(people) <= 40 else 0.5
    kinds = roster["queue"].astype(str).where(roster["activity"] == "chat", roster["activity"].astype(str))
    handles = []
    for kind, colour in {**QUEUE_COLOURS, **ACTIVITY_COLOURS}.items():
        segments = roster[kinds == kind]
        if segments.empty:
            continue
        begins = mdates.date2num(segments["start"])
        ends = mdates.date2num(segments["end"])
        rows = segments["agent_id"].map(line).to_numpy(dtype=float)
        corners = np.stack(
            [
                np.stack([begins, rows - half], axis=1),
                np.stack([ends, rows - half], axis=1),
                np.stack([ends, rows + half], axis=1),
                np.stack([begins, rows + half], axis=1),
            ],
            axis=1,
        )
        ax.add_collection(PolyCollection(list(corners), facecolor=colour, linewidth=0))
        name = label(kind, lang)
        named = translate("report.queue_activity", lang, queue=name) if kind in QUEUE_COLOURS else name
        handles.append(Patch(color=colour, label=named))
    if len(people) <= 40:
        names = people["name"].astype(str)
        ax.set_yticks([line[agent] for agent in people.index], names.tolist(), fontsize=10)
    else:
        _bracket_cohorts(ax, people, line, lang)
    ax.set_ylim(-0.8, len(people) - 0.2)
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    zone = roster["start"].dt.tz
    starts = pd.date_range(
        roster["start"].min().floor("h"), roster["end"].max().ceil("h"), freq="h", inclusive="left", tz=None
    ).tz_convert(zone)
    set_clock_axis(ax, starts, lang)
    ax.set_title(translate("report.roster_title", lang))
    place_legend(ax, handles=handles)


def _bracket_cohorts(ax: Axes, people: Table, line: Mapping[str, int], lang: Lang) -> None:
    """Write each cohort with its head count at the middle of its lines, and draw a line between cohorts."""
    ticks, labels = [], []
    for cohort, members in people.groupby("cohort", sort=False, observed=True):
        rows = [line[agent] for agent in members.index]
        ticks.append((min(rows) + max(rows)) / 2)
        labels.append(f"{label(str(cohort), lang)}\n{quantity(len(rows), 'agents', lang)}")
        ax.axhline(min(rows) - 0.5, color=MUTED, linewidth=0.8)
    ax.set_yticks(ticks, labels)
