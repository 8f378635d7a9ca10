"""Chart of chapter 7, the drill: how many waited, round by round."""

from __future__ import annotations

import matplotlib.dates as mdates
import pandas as pd
from matplotlib.axes import Axes

from simlib.messages import Lang, translate
from simlib.report.columns import titled
from simlib.report.style import INK, MISSING, MUTED, Table, chart, place_legend

MINE, IDLE, BEST = "#0072B2", MUTED, "#009E73"


@chart(size=(11, 4.2))
def plot_courses(courses: Table, ax: Axes, *, lang: Lang, incidents: list[tuple[pd.Timestamp, pd.Timestamp]]) -> None:
    """Draw the buyers waiting, round by round: the team's night, a night without moves, and the best play found.

    Parameters
    ----------
    courses : DataFrame
        clock; mine, idle, best: buyers waiting.
    """
    clock = mdates.date2num(courses["clock"])
    for start, end in incidents:
        ax.axvspan(mdates.date2num(start), mdates.date2num(end), color=MISSING, alpha=0.08, linewidth=0)
    for key, colour, style in (("idle", IDLE, (0, (4, 2))), ("best", BEST, (0, (1, 1))), ("mine", MINE, "-")):
        ax.plot(
            clock,
            courses[key],
            color=colour,
            linestyle=style,
            linewidth=2.2,
            label=translate(f"drill.line_{key}", lang),
        )
    ax.set_xlim(clock[0], clock[-1])
    ax.xaxis.set_major_locator(mdates.MinuteLocator(byminute=(0, 30), tz=courses["clock"].dt.tz))
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M", tz=courses["clock"].dt.tz))
    ax.set_ylim(bottom=0)
    ax.tick_params(colors=INK)
    ax.set_title(titled("waiting", lang), pad=30)
    place_legend(ax)
