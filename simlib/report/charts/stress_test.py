"""Charts of chapter 6, the stress test: the cost of each scenario, a night that goes wrong, two levers together."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from simlib.messages import Lang, label, translate
from simlib.report.columns import quantity, show_number, size_words, titled
from simlib.report.style import (
    INK,
    MISSING,
    MUTED,
    NEEDED,
    PANEL_COLOURS,
    Table,
    add_note,
    chart,
    divide_axis,
    interval_edges,
    place_legend,
    set_clock_axis,
    set_measure_axis,
)

STRESSED = ("open_chats", "waiting", "first_response", "platform_rate")
GOOD, BAD = "#009E73", "#D55E00"
GAIN = LinearSegmentedColormap.from_list("gain", ["#F0A35E", "#FFFFFF", "#7CC3AB"])  # pale: figures stay legible on it


@chart(size=(11, 6))
def plot_ranking(ranking: Table, ax: Axes, *, lang: Lang, names: Sequence[str]) -> None:
    """Draw what each scenario costs beyond the plan as a bar with the band of its mean, the most expensive on top.

    Parameters
    ----------
    ranking : DataFrame
        extra_lost_cny, extra_lost_cny_low, extra_lost_cny_high: one row per scenario, in the order of the picture.
    names : sequence of str
        The name of each row, in the user's language.
    """
    rows = np.arange(len(ranking))[::-1]
    value, low, high = (ranking[f"extra_lost_cny{end}"].to_numpy(dtype=float) for end in ("", "_low", "_high"))
    ax.barh(rows, value, height=0.62, color=np.where(value > 0, BAD, GOOD))
    ax.hlines(rows, low, high, color=INK, linewidth=1.6)
    span = max(float(np.nanmax(np.abs([low, high]))), 1.0)
    for row, cost, end in zip(rows, value, np.maximum(high, 0.0), strict=True):
        ax.annotate(
            quantity(cost, "CNY", lang),
            xy=(end, row),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
        )
    ax.axvline(0, color=INK, linewidth=1)
    ax.set_yticks(rows, list(names))
    ax.set_xlim(min(float(np.nanmin(low)), 0.0) - 0.02 * span, max(float(np.nanmax(high)), 0.0) + 0.22 * span)
    ax.xaxis.set_visible(False)
    ax.spines["bottom"].set_visible(False)
    ax.grid(visible=False)
    ax.set_title(translate("stress.ranking_title", lang), pad=24)
    add_note(ax, translate("stress.ranking_note", lang))


@chart(size=(11, 9))
def plot_stressed_night(
    course: Table,
    ax: Axes,
    *,
    lang: Lang,
    plan: Table,
    incidents: Sequence[tuple[pd.Timestamp, pd.Timestamp, str]],
    limits: dict[str, float] | None = None,
) -> None:
    """Draw a night that goes wrong over the plan's own, one panel per measure, with what happens shaded.

    Parameters
    ----------
    course, plan : DataFrame
        start; open_chats, waiting, first_response, platform_rate, each with ``_low`` and ``_high``; the same steps.
    incidents : sequence of (start, end, key)
        What to shade, tz-aware, with its key in the glossary.
    limits : dict of str to float, optional
        A line at the limit of a measure.
    """
    starts = pd.DatetimeIndex(course["start"])
    edges = interval_edges(starts)
    shown = [measure for measure in STRESSED if course[measure].notna().any()]
    panels = divide_axis(ax, heights=[1.0] * len(shown))
    ax.set_title(translate("stress.night_title", lang), pad=52)
    for panel, key, colour in zip(panels, shown, PANEL_COLOURS[1:], strict=False):
        values, usual = course[key].to_numpy(dtype=float), plan[key].to_numpy(dtype=float)
        low, high = (course[f"{key}_{end}"].to_numpy(dtype=float) for end in ("low", "high"))
        panel.stairs(high, edges, baseline=low, fill=True, color=colour, alpha=0.25)
        panel.stairs(values, edges, baseline=None, color=colour, linewidth=2.2)
        panel.stairs(usual, edges, baseline=None, color=NEEDED, linewidth=1.4, linestyle=(0, (4, 2)))
        for begins, ends, _ in incidents:
            panel.axvspan(mdates.date2num(begins), mdates.date2num(ends), color=MISSING, alpha=0.1, linewidth=0)
        if limits and key in limits:
            panel.axhline(limits[key], color=MUTED, linewidth=1.2, linestyle=(0, (1, 2)))
        set_measure_axis(panel, key, np.concatenate([usual, high]), colour, lang)
        set_clock_axis(panel, starts, lang)
        panel.tick_params(labelbottom=panel is panels[-1])
    handles: list[Line2D | Patch] = [
        Patch(color=MUTED, alpha=0.35, label=translate("report.band", lang)),
        Line2D([], [], color=NEEDED, linewidth=1.4, linestyle=(0, (4, 2)), label=label("plan", lang)),
    ]
    for kind in dict.fromkeys(kind for _, _, kind in incidents):
        handles.append(
            Patch(color=MISSING, alpha=0.2, label=translate("report.incident", lang, name=label(kind, lang)))
        )
    place_legend(ax, handles=handles, right=True)


@chart(size=(9, 6))
def plot_lever_map(grid: Table, ax: Axes, *, lang: Lang, across: str, up: str, value: str) -> None:
    """Draw two levers against each other: one field per pair of sizes, with the value as colour and figure.

    Parameters
    ----------
    grid : DataFrame
        The two levers' columns and the value's, one row per combination.
    across, up, value : str
        Their columns, keys of the glossary.
    """
    table = grid.pivot_table(index=up, columns=across, values=value)
    shown = table.to_numpy(dtype=float)
    most = float(np.nanmax(np.abs(shown), initial=1.0))
    ax.imshow(shown, origin="lower", aspect="auto", cmap=GAIN, norm=Normalize(-most, most))
    for row, column in np.ndindex(*shown.shape):
        ax.annotate(
            show_number(shown[row, column], unit="CNY", digits=0),
            xy=(column, row),
            ha="center",
            va="center",
            color=INK,
            fontsize=15,
        )
    for axis, key, sizes in ((ax.xaxis, across, table.columns), (ax.yaxis, up, table.index)):
        axis.set_ticks(range(len(sizes)), [size_words(key, size, lang) for size in sizes])
        axis.set_label_text(label(key, lang))
    ax.grid(visible=False)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set_title(translate("stress.map_title", lang, value=titled(value, lang)), pad=14)
