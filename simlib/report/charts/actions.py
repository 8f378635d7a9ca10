"""Charts of what to change: the night with its gap, and what rules of thumb would do to it."""

from __future__ import annotations

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from simlib.messages import Lang, label, translate
from simlib.report.columns import quantity, unit_word
from simlib.report.style import (
    INK,
    MISSING,
    MUTED,
    NEEDED,
    ROSTERED,
    Table,
    add_note,
    chart,
    divide_axis,
    interval_edges,
    place_legend,
    set_clock_axis,
    set_headroom,
    set_number_axis,
)

HELD, LOST = "#009E73", "#D55E00"


@chart(size=(11, 4.2))
def plot_gap(course: Table, ax: Axes, *, lang: Lang, gap: tuple[pd.Timestamp, pd.Timestamp] | None = None) -> None:
    """Draw heads needed and rostered over the lost share of the plan and of the best action, half hour by half hour.

    Parameters
    ----------
    course : DataFrame
        start, required, rostered, lost_share, lost_share_then (nan without an action).
    gap : (start, end), optional
        What to shade.
    """
    starts = pd.DatetimeIndex(course["start"])
    edges = interval_edges(starts)
    heads, lost = divide_axis(ax, heights=[1.4, 1.0])
    ax.set_title(translate("actions.picture_title", lang), pad=34)
    heads.stairs(course["rostered"], edges, fill=True, color=ROSTERED, label=label("rostered", lang))
    heads.stairs(course["required"], edges, baseline=None, color=NEEDED, linewidth=2.2, label=label("required", lang))
    set_headroom(heads, float(np.nanmax([course["required"].max(), course["rostered"].max(), 1.0])))
    set_number_axis(heads, whole=True)
    heads.set_ylabel(unit_word("agents", lang))
    plan, then = (100 * course[key].to_numpy(dtype=float) for key in ("lost_share", "lost_share_then"))
    lost.stairs(plan, edges, baseline=None, color=LOST, linewidth=2.0, label=translate("actions.lost_now", lang))
    if not np.isnan(then).all():
        lost.stairs(then, edges, baseline=None, color=HELD, linewidth=2.0, label=translate("actions.lost_then", lang))
    set_headroom(lost, float(np.nanmax([np.nanmax(plan, initial=0.0), 1.0])))
    lost.set_ylabel("%")
    for panel in (heads, lost):
        if gap is not None:
            first, last = (mdates.date2num(each) for each in gap)
            panel.axvspan(first, last, color=MISSING, alpha=0.14, linewidth=0)
        set_clock_axis(panel, starts, lang)
    heads.tick_params(labelbottom=False)
    handles = [*heads.get_legend_handles_labels()[0], *lost.get_legend_handles_labels()[0]]
    place_legend(ax, handles=handles, right=True)


@chart(size=(11, 4.6))
def plot_folk_rules(rules: Table, ax: Axes, *, lang: Lang) -> None:
    """Draw the share of buyers that the busiest half hour loses with the heads of each rule, with the mean's band.

    Parameters
    ----------
    rules : DataFrame
        folk_rule, heads, peak_lost_share, peak_lost_share_low, peak_lost_share_high: one row per rule.
    """
    rows = np.arange(len(rules))[::-1]
    value, low, high = (rules[f"peak_lost_share{end}"].to_numpy(dtype=float) for end in ("", "_low", "_high"))
    low = np.maximum(np.nan_to_num(low, nan=0.0, neginf=0.0), 0.0)
    high = np.where(np.isfinite(high), high, value)
    colours = rules["folk_rule"].map({"folk_need": HELD, "folk_roster": MUTED}).fillna(LOST)  # a roster may fail, too
    ax.barh(rows, value, height=0.62, color=colours)
    ax.hlines(rows, low, high, color=INK, linewidth=1.6)
    span = max(float(high.max()), 0.01)
    for row, lost, end in zip(rows, value, np.maximum(high, value), strict=True):
        text = quantity(lost, "share", lang)
        ax.annotate(text, xy=(end, row), xytext=(8, 0), textcoords="offset points", va="center")
    names = [
        translate("actions.folk_bar", lang, rule=label(rule, lang), heads=heads)
        for rule, heads in zip(rules["folk_rule"], rules["heads"], strict=True)
    ]
    ax.set_yticks(rows, names)
    ax.set_xlim(0, span * 1.2)
    ax.xaxis.set_visible(False)
    ax.spines["bottom"].set_visible(False)
    ax.grid(visible=False)
    ax.set_title(translate("actions.folk_title", lang), pad=24)
    add_note(ax, translate("actions.folk_note", lang))
