"""Chart of the sand table: the promo calendar."""

from __future__ import annotations

import datetime as dt

import matplotlib.dates as mdates
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from simlib.messages import Lang, label, translate
from simlib.report.columns import day_words
from simlib.report.style import MISSING, MUTED, Table, chart, place_legend


@chart(size=(11, 4))
def plot_calendar(waves: Table, ax: Axes, *, lang: Lang, today: dt.date) -> None:
    """Draw the waves of the promo calendar as bars, each with its name and opening, and a line for today.

    Parameters
    ----------
    waves : DataFrame
        name, profile, start, end: one row per wave, times on the store's own clock.
    today : datetime.date
    """
    colours = {"N": MUTED, "M": "#0072B2", "E": "#D55E00", "L": "#CC79A7"}
    waves = waves.sort_values("start", kind="stable")
    starts, ends = mdates.date2num(waves["start"]), mdates.date2num(waves["end"])
    rows = np.arange(len(waves))[::-1]
    now = mdates.date2num(today)
    left, right = min([*starts, now]), max([*ends, now + 1])
    width = right - left
    ax.barh(
        rows,
        np.maximum(ends - starts, width / 150),
        left=starts,
        height=0.55,
        color=[colours.get(profile, MUTED) for profile in waves["profile"]],
    )
    ax.set_yticks(rows, waves["name"].astype(str).tolist())
    for row, start, end, begins in zip(rows, starts, ends, waves["start"], strict=True):
        moment = translate("report.moment", lang, day=day_words(begins.date(), lang), clock=f"{begins:%H:%M}")
        beside = end + width * 0.24 < right + width * 0.2
        ax.annotate(
            moment,
            xy=(end if beside else start, row),
            xytext=(8 if beside else -8, 0),
            textcoords="offset points",
            va="center",
            ha="left" if beside else "right",
            fontsize=11,
        )
    ax.axvline(now, color=MISSING, linewidth=2)
    near_end = now > left + width * 0.8
    ax.annotate(
        translate("report.calendar_today", lang, day=day_words(today, lang)),
        xy=(now, 0),
        xycoords=("data", "axes fraction"),
        xytext=(-6 if near_end else 6, 6),
        textcoords="offset points",
        ha="right" if near_end else "left",
        color=MISSING,
        fontsize=13,
    )
    ax.set_xlim(left - width * 0.03, right + width * 0.22)
    ax.set_ylim(-1.1, len(rows) - 0.4)
    ax.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=9))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda day, _: day_words(mdates.num2date(day).date(), lang)))
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    ax.set_title(translate("report.calendar_title", lang))
    kinds = [kind for kind in colours if (waves["profile"] == kind).any()]
    place_legend(ax, handles=[Patch(color=colours[kind], label=label(f"profile_{kind}", lang)) for kind in kinds])
