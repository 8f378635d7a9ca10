"""Chart of a night, interval by interval."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from simlib.messages import Lang, translate
from simlib.report.style import (
    MISSING,
    MUTED,
    PANEL_COLOURS,
    Table,
    chart,
    divide_axis,
    interval_edges,
    place_legend,
    set_clock_axis,
    set_measure_axis,
)

NIGHT_MEASURES = ("offered", "open_chats", "waiting", "first_response", "platform_rate")


@chart(size=(11, 9))
def plot_night(
    intervals: Table,
    ax: Axes,
    *,
    lang: Lang,
    measures: Sequence[str] = NIGHT_MEASURES,
    incidents: Sequence[tuple[pd.Timestamp, pd.Timestamp, str]] = (),
) -> None:
    """Draw the night interval by interval, one panel per measure, each with its band.

    Parameters
    ----------
    intervals : DataFrame
        start, and one column per measure; with ``<measure>_low`` and ``<measure>_high`` beside it a band is drawn.
    measures : sequence of str
        Terms of the glossary; those that ``intervals`` lacks get no panel.
    incidents : sequence of (start, end, name)
        What to shade, tz-aware, with its name in the user's language.
    """
    shown = [measure for measure in measures if measure in intervals]
    if not shown:
        raise ValueError(f"intervals must have one of {', '.join(measures)}, got {list(intervals.columns)}")
    starts = pd.DatetimeIndex(intervals["start"])
    edges = interval_edges(starts)
    panels = divide_axis(ax, heights=[1.0] * len(shown))
    ax.set_title(translate("report.night_title", lang), pad=34)
    for panel, key, colour in zip(panels, shown, PANEL_COLOURS, strict=False):
        values = intervals[key].to_numpy(dtype=float)
        drawn = [values]
        if {f"{key}_low", f"{key}_high"} <= set(intervals.columns):
            low, high = (intervals[f"{key}_{end}"].to_numpy(dtype=float) for end in ("low", "high"))
            panel.stairs(high, edges, baseline=low, fill=True, color=colour, alpha=0.25)
            drawn.append(high)
        panel.stairs(values, edges, baseline=None, color=colour, linewidth=2.2)
        for begins, ends, _ in incidents:
            panel.axvspan(mdates.date2num(begins), mdates.date2num(ends), color=MISSING, alpha=0.12, linewidth=0)
        set_measure_axis(panel, key, np.concatenate(drawn), colour, lang)
        set_clock_axis(panel, starts, lang)
        panel.tick_params(labelbottom=panel is panels[-1])
    handles = [Patch(color=MUTED, alpha=0.25, label=translate("report.band", lang))]
    for _, _, name in incidents:
        handles.append(Patch(color=MISSING, alpha=0.12, label=translate("report.incident", lang, name=name)))
    place_legend(ax, handles=handles, right=True)
