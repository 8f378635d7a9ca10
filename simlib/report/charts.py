"""Still charts: each takes a table and an axis, and finds every word in the glossary.

``ax`` is an axis to draw on, or None for a new figure; ``lang`` is ``"zh"`` or ``"en"``; the axis comes back.
Times are drawn on the clock of their own zone. Colours are those of Okabe and Ito, which people with colour
blindness tell apart; red is kept for what is missing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeAlias

import matplotlib as mpl
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator

from simlib.messages import Lang, glossary, label, translate
from simlib.report.columns import day_words, list_words, quantity, show_number, titled, unit_word
from simlib.report.typeface import register_typeface

INK, PAPER, GRID, MUTED = "#1F2933", "#FFFFFF", "#E4E7EB", "#7B8794"
MISSING = "#C81E1E"
ROSTERED, NEEDED = "#9CC9EA", "#0B3C5D"
QUEUE_COLOURS = {
    "presale": "#0072B2",
    "aftersale": "#E69F00",
    "order_change": "#009E73",
    "payment_chasing": "#CC79A7",
    "escalation": "#56B4E9",
}
BOT = "#B8C0CA"
ACTIVITY_COLOURS = {"live": "#8C564B", "meal": "#F0E442", "break": "#D3DAE2"}
UNIT_COLOURS = {"CNY": "#0072B2", "share": "#B8C0CA", "agents": "#D55E00"}
COUNT = "#009E73"
LEGEND_LINE = 110  # Latin letters that stand beside each other over a chart

P = ParamSpec("P")
Table: TypeAlias = pd.DataFrame


def _style() -> Any:
    return {
        "font.family": [register_typeface(), "DejaVu Sans"],
        "font.size": 12,
        "text.color": INK,
        "text.parse_math": False,  # a store's name with two dollar signs is no formula
        "axes.edgecolor": MUTED,
        "axes.labelcolor": INK,
        "axes.titlesize": 15,
        "axes.titlelocation": "left",
        "axes.titlepad": 30,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "grid.color": GRID,
        "grid.linewidth": 1,
        "xtick.color": INK,
        "ytick.color": INK,
        "ytick.left": False,
        "legend.frameon": False,
        "legend.fontsize": 11,
        "hatch.linewidth": 0.6,
        "figure.facecolor": PAPER,
        "savefig.facecolor": PAPER,
    }


def _chart(
    *, size: tuple[float, float] | Callable[[Table], tuple[float, float]]
) -> Callable[[Callable[Concatenate[Table, Axes, P], None]], Callable[..., Axes]]:
    """Give a drawing function the house's style, and a new figure when no axis is given."""

    def dress(draw: Callable[Concatenate[Table, Axes, P], None]) -> Callable[..., Axes]:
        @wraps(draw)
        def plot(table: Table, ax: Axes | None = None, *args: P.args, **kwargs: P.kwargs) -> Axes:
            if table.empty:
                raise ValueError(f"{draw.__name__} needs a table with at least one row")
            with mpl.rc_context(_style()):
                if ax is None:
                    _, ax = plt.subplots(figsize=size(table) if callable(size) else size, layout="constrained")
                    draw(table, ax, *args, **kwargs)
                else:
                    ax.spines[["top", "right"]].set_visible(False)
                    draw(table, ax, *args, **kwargs)
                    _lend_letters(ax)
            return ax

        return plot

    return dress


def _lend_letters(ax: Axes) -> None:
    """Give the texts of somebody else's axis, made before the house's style, letters that can write Chinese."""
    for text in ax.findobj(Text):
        text.set_fontfamily(mpl.rcParams["font.family"])


def _legend(ax: Axes, *, handles: Sequence[Any] | None = None, right: bool = False) -> None:
    """Lay the legend between title and picture, where it covers nothing: in one line, or in two if it is long."""
    shown = list(handles) if handles is not None else ax.get_legend_handles_labels()[0]
    length = sum(5 + _width(str(handle.get_label())) for handle in shown)
    lines = 1 if length <= LEGEND_LINE else 2
    ax.legend(
        handles=shown,
        loc="lower right" if right else "lower left",
        bbox_to_anchor=(1 if right else 0, 1.0),
        ncols=-(-len(shown) // lines),
        borderaxespad=0.2,
        columnspacing=1.4,
        handlelength=1.5,
    )
    if lines > 1:
        ax.set_title(ax.get_title(loc="left"), pad=50)


def _width(text: str) -> int:
    """Measure text in Latin letters: a Chinese character takes two."""
    return sum(2 if ord(sign) >= 0x2E80 else 1 for sign in text)


def _bounds(starts: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Add to the starts of equal intervals the end of the last one."""
    step = starts[1] - starts[0] if len(starts) > 1 else pd.Timedelta(minutes=30)
    return pd.DatetimeIndex(starts.append(pd.DatetimeIndex([starts[-1] + step])))


def _edges(starts: pd.DatetimeIndex) -> np.ndarray:
    """Turn the starts of n equal intervals into matplotlib's numbers for their n + 1 edges."""
    return mdates.date2num(_bounds(starts))


def _clock_axis(ax: Axes, starts: pd.DatetimeIndex, lang: Lang) -> None:
    """Mark whole hours on the starts' own clock, and the day where it changes.

    The marks are edges of intervals: matplotlib's own locators lose the second 02:00 of an autumn night.
    """
    bounds, edges = _bounds(starts), _edges(starts)
    hours = (edges[-1] - edges[0]) * 24
    step = next((step for step in (1, 2, 3, 6, 12) if hours / step <= 16), 24)
    marked = np.flatnonzero((bounds.minute == 0) & (bounds.second == 0) & (bounds.hour % step == 0))
    marked = marked[:: max(1, len(marked) // 16)]
    moments = bounds[marked]
    labels: list[str] = []
    days = [day_words(moment.date(), lang) for moment in moments]
    for moment, day, day_before in zip(moments, days, ["", *days], strict=False):
        clock = f"{moment:%H:%M}"
        labels.append(day if step == 24 else clock if day == day_before else f"{clock}\n{day}")
    ax.set_xticks(edges[marked], labels)
    ax.set_xlim(edges[0], edges[-1])


def _number_axis(ax: Axes, *, unit: str = "", whole: bool = False) -> None:
    """Write the numbers of the upright axis with thousands separators; they begin at nought."""
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=whole))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, unit)))


def _tick(value: float, unit: str) -> str:
    scaled = 100 * value if unit == "share" else value
    return show_number(value, unit=unit, digits=0 if abs(scaled - round(scaled)) < 1e-9 else 1)


def _headroom(ax: Axes, top: float) -> None:
    ax.set_ylim(0, top * 1.06 if top > 0 else 1)


def _queues(table: Table) -> list[str]:
    """List the queues that occur, in the house's order."""
    present = set(table["queue"].astype(str))
    return [queue for queue in QUEUE_COLOURS if queue in present] + sorted(present - set(QUEUE_COLOURS))


def _by_start(table: Table, columns: Sequence[str]) -> Table:
    """Add the queues up within each interval."""
    return table.groupby("start", sort=True)[list(columns)].sum()


@_chart(size=(11, 5))
def plot_forecast(forecast: Table, ax: Axes, *, lang: Lang) -> None:
    """Draw the contacts by interval: people's share stacked by queue, the bot's on top, and the band.

    Second receptions of contacts that are handed on stand hatched above the contacts, which count each buyer once.

    Parameters
    ----------
    forecast : DataFrame
        start, queue, contacts, p05, p95, bot, human: one row an interval and queue.
    """
    received = forecast["human"] + forecast["bot"]
    twice = (received - forecast["contacts"]).where(received > forecast["contacts"] * (1 + 1e-9), 0.0)
    forecast = forecast.assign(human=forecast["human"] - twice, twice=twice)
    total = _by_start(forecast, ["contacts", "p05", "p95", "bot", "twice"])
    starts = pd.DatetimeIndex(total.index)
    edges = _edges(starts)
    floor = np.zeros(len(total))
    queues = _queues(forecast)
    for queue in queues:
        rows = forecast[forecast["queue"].astype(str) == queue]
        human = rows.groupby("start")["human"].sum().reindex(total.index, fill_value=0).to_numpy(dtype=float)
        colour = QUEUE_COLOURS.get(queue, MUTED)
        ax.stairs(floor + human, edges, baseline=floor, fill=True, color=colour, label=label(queue, lang))
        floor = floor + human
    bot = total["bot"].to_numpy(dtype=float)
    resolved = translate("report.bot_resolves", lang)
    ax.stairs(floor + bot, edges, baseline=floor, fill=True, color=BOT, label=resolved)
    top = floor + bot + total["twice"].to_numpy(dtype=float)
    if twice.any():
        again = translate("report.received_again", lang)
        look: dict[str, Any] = {"facecolor": PAPER, "edgecolor": MUTED, "hatch": "////", "linewidth": 0}
        ax.stairs(top, edges, baseline=floor + bot, fill=True, label=again, **look)
    low, high = total["p05"].to_numpy(dtype=float), total["p95"].to_numpy(dtype=float)
    band = translate("report.band_summed" if len(queues) > 1 else "report.band", lang)
    ax.stairs(high, edges, baseline=None, color=INK, linewidth=1.2, linestyle=(0, (4, 2)), label=band)
    ax.stairs(low, edges, baseline=None, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
    minutes = round((edges[1] - edges[0]) * 1440)
    ax.set_ylabel(translate("report.contacts_half_hour", lang, minutes=minutes))
    ax.set_title(translate("report.forecast_title", lang))
    _number_axis(ax)
    _headroom(ax, max(high.max(), top.max()))
    _clock_axis(ax, starts, lang)
    _legend(ax)


@_chart(size=(11, 5))
def plot_requirement(requirement: Table, ax: Axes, *, lang: Lang) -> None:
    """Draw the agents needed by interval: three ways to count them, those on chat, and those to roster.

    Parameters
    ----------
    requirement : DataFrame
        start, queue, on_chat, to_roster, and agents_pool, agents_offered_load, agents_simulated as far as
        they were counted. The queues are added up.
    """
    methods = {"agents_pool": "#E69F00", "agents_offered_load": "#CC79A7", "agents_simulated": "#009E73"}
    counted = [key for key in methods if key in requirement and requirement[key].notna().any()]
    total = _by_start(requirement, ["on_chat", "to_roster", *counted]).astype(float)
    starts = pd.DatetimeIndex(total.index)
    edges = _edges(starts)
    ax.stairs(total["on_chat"], edges, fill=True, color=ROSTERED, label=label("on_chat", lang))
    ax.stairs(total["to_roster"], edges, baseline=None, color=NEEDED, linewidth=2.4, label=label("to_roster", lang))
    dashes = ((0, (1, 1)), (0, (5, 2)), (0, (3, 1, 1, 1)))
    for key, dash in zip(counted, dashes, strict=False):
        ax.stairs(
            total[key],
            edges,
            baseline=None,
            color=methods[key],
            linewidth=1.8,
            linestyle=dash,
            label=label(key, lang),
        )
    ax.set_ylabel(titled("agents_needed", lang))
    ax.set_title(translate("report.requirement_title", lang))
    _number_axis(ax, whole=True)
    _headroom(ax, total.to_numpy().max())
    _clock_axis(ax, starts, lang)
    _legend(ax)


@_chart(size=(11, 5))
def plot_coverage(coverage: Table, ax: Axes, *, lang: Lang) -> None:
    """Draw the agents rostered under the line of those needed; what is missing in any queue is red.

    Parameters
    ----------
    coverage : DataFrame
        start, queue, required, rostered, shortfall. The queues are added up, so that a queue with people to
        spare never hides another one's gap.
    """
    total = _by_start(coverage, ["required", "rostered", "shortfall"]).astype(float)
    starts = pd.DatetimeIndex(total.index)
    edges = _edges(starts)
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
        agents = show_number(short[worst], unit="agents", digits=0)
        said = translate("report.coverage_worst", lang, agents=agents, clock=f"{starts[worst]:%H:%M}")
    else:
        said = translate("report.coverage_whole", lang)
    ax.set_title(translate("report.coverage_title", lang))
    ax.annotate(
        said,
        xy=(1, 1),
        xycoords="axes fraction",
        xytext=(0, 8),
        textcoords="offset points",
        ha="right",
        va="bottom",
        color=MISSING if short[worst] > 0 else INK,
    )
    ax.set_ylabel(unit_word("agents", lang))
    _number_axis(ax, whole=True)
    _headroom(ax, top)
    _clock_axis(ax, starts, lang)
    _legend(ax)


@_chart(size=(11, 8))
def plot_cascade(cascade: Table, ax: Axes, *, lang: Lang) -> None:
    """Draw every step of the sales cascade as a bar with its figure and its span.

    The steps have different units, so a bar's length is its share of the longest bar of its own unit.

    Parameters
    ----------
    cascade : DataFrame
        step, value, low, high, unit, in the order of the calculation.
    """
    values = cascade["value"].to_numpy(dtype=float)
    high = cascade["high"].to_numpy(dtype=float)
    units = cascade["unit"].astype(str).to_numpy()
    whole = pd.Series(np.fmax(values, high)).groupby(units).transform("max").to_numpy()
    whole = np.where(whole > 0, whole, 1.0)
    rows = np.arange(len(cascade))[::-1]
    colours = [UNIT_COLOURS.get(unit, COUNT) for unit in units]
    ax.barh(rows, values / whole, height=0.62, color=colours)
    low = cascade["low"].to_numpy(dtype=float)
    ax.hlines(rows, low / whole, high / whole, color=INK, linewidth=1.4)
    for row, value, end, unit in zip(rows, values, np.fmax(values, high) / whole, units, strict=True):
        ax.annotate(
            quantity(value, unit, lang),
            xy=(end, row),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=14 if unit == "agents" else 12,
        )
    ax.set_yticks(rows, [label(step, lang) for step in cascade["step"]])
    ax.set_xlim(0, 1.2)
    ax.set_ylim(-0.7, len(rows) - 0.3)
    ax.xaxis.set_visible(False)
    ax.spines["bottom"].set_visible(False)
    ax.grid(visible=False)
    ax.set_title(translate("report.cascade_title", lang), pad=24)
    _remark(ax, translate("report.cascade_note", lang))


def _remark(ax: Axes, text: str) -> None:
    """Write a line of smaller print between title and picture."""
    ax.annotate(
        text,
        xy=(0, 1),
        xycoords="axes fraction",
        xytext=(0, 8),
        textcoords="offset points",
        color=MUTED,
        fontsize=11,
    )


NIGHT = ("offered", "open_chats", "waiting", "first_response", "platform_rate")


@_chart(size=(11, 9))
def plot_night(
    intervals: Table,
    ax: Axes,
    *,
    lang: Lang,
    measures: Sequence[str] = NIGHT,
    incidents: Sequence[tuple[pd.Timestamp, pd.Timestamp, str]] = (),
) -> None:
    """Draw the night interval by interval, one panel a measure, each with its band.

    Parameters
    ----------
    intervals : DataFrame
        start, and a column a measure; with ``<measure>_low`` and ``<measure>_high`` beside it a band is drawn.
    measures : sequence of str
        Terms of the glossary; those that ``intervals`` lacks get no panel.
    incidents : sequence of (start, end, name)
        What to shade, tz-aware, with its name in the user's words.
    """
    shown = [measure for measure in measures if measure in intervals]
    if not shown:
        raise ValueError(f"intervals must have one of {', '.join(measures)}, got {list(intervals.columns)}")
    starts = pd.DatetimeIndex(intervals["start"])
    edges = _edges(starts)
    panels = _panels(ax, heights=[1.0] * len(shown))
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
        _measure_axis(panel, key, np.concatenate(drawn), colour, lang)
        _clock_axis(panel, starts, lang)
        panel.tick_params(labelbottom=panel is panels[-1])
    handles = [Patch(color=MUTED, alpha=0.25, label=translate("report.band", lang))]
    for _, _, name in incidents:
        handles.append(Patch(color=MISSING, alpha=0.12, label=translate("report.incident", lang, name=name)))
    _legend(ax, handles=handles, right=True)


PANEL_COLOURS = ("#0072B2", "#D55E00", "#8A5A00", "#00795A", "#A3457C")


def _panels(ax: Axes, *, heights: Sequence[float]) -> list[Axes]:
    """Divide an axis into panels under one another, in proportion to their heights."""
    ax.set_axis_off()
    gap = 0.075
    room = (1 - gap * (len(heights) - 1)) / sum(heights)
    panels, top = [], 1.0
    for height in heights:
        panels.append(ax.inset_axes((0, top - height * room, 1, height * room)))
        top -= height * room + gap
    return panels


def _measure_axis(panel: Axes, key: str, values: np.ndarray, colour: str, lang: Lang) -> None:
    """Name a panel by its measure, with the unit, and let its numbers begin at nought."""
    unit = glossary()[key]["unit"]
    _number_axis(panel, unit=unit)
    panel.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    _headroom(panel, 1.0 if unit == "share" else _top(values))
    panel.annotate(
        titled(key, lang),
        xy=(0, 1),
        xycoords="axes fraction",
        xytext=(0, 5),
        textcoords="offset points",
        color=colour,
        fontsize=13,
    )


def _top(values: np.ndarray) -> float:
    """Find the largest finite value, or 0."""
    return float(values[np.isfinite(values)].max(initial=0.0))


@_chart(size=(11, 8))
def plot_roster(roster: Table, ax: Axes, *, lang: Lang) -> None:
    """Draw the roster as one line a person: chats in the colour of the queue, other activities in their own.

    Up to forty people are named; more are bracketed by cohort.

    Parameters
    ----------
    roster : DataFrame
        agent_id, name, cohort, queue, start, end, activity: one row a segment.
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
    _clock_axis(ax, starts, lang)
    ax.set_title(translate("report.roster_title", lang))
    _legend(ax, handles=handles)


def _bracket_cohorts(ax: Axes, people: Table, line: Mapping[str, int], lang: Lang) -> None:
    """Write each cohort with its head count at the middle of its lines, and rule the cohorts off."""
    ticks, labels = [], []
    for cohort, members in people.groupby("cohort", sort=False, observed=True):
        rows = [line[agent] for agent in members.index]
        ticks.append((min(rows) + max(rows)) / 2)
        labels.append(f"{label(str(cohort), lang)}\n{quantity(len(rows), 'agents', lang)}")
        ax.axhline(min(rows) - 0.5, color=MUTED, linewidth=0.8)
    ax.set_yticks(ticks, labels)


@_chart(size=(11, 4))
def plot_calendar(waves: Table, ax: Axes, *, lang: Lang, today: dt.date) -> None:
    """Draw the waves of the promo calendar as bars, each with its name and opening, and a line for today.

    Parameters
    ----------
    waves : DataFrame
        name, profile, start, end: one row a wave, times on the store's own clock.
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
    _legend(ax, handles=[Patch(color=colours[kind], label=label(f"profile_{kind}", lang)) for kind in kinds])


@_chart(size=(11, 4.5))
def plot_hours(hours: Table, ax: Axes, *, lang: Lang, left_out: Sequence[dt.date] = ()) -> None:
    """Draw the share of a day that falls into each hour, and name the days that were not counted in.

    Parameters
    ----------
    hours : DataFrame
        hour (0 to 23) and share.
    left_out : sequence of datetime.date
        Days with too little data.
    """
    shares = hours["share"].to_numpy(dtype=float)
    peak = shares == shares.max()
    ax.bar(hours["hour"], shares, width=0.86, color=np.where(peak, "#D55E00", "#0072B2"))
    top = int(shares.argmax())
    ax.annotate(
        quantity(shares[top], "share", lang),
        xy=(hours["hour"].iloc[top], shares[top]),
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        fontsize=13,
    )
    ax.set_xticks(range(0, 24, 2))
    ax.set_xlim(-0.6, 23.6)
    ax.set_xlabel(translate("report.hour_axis", lang))
    ax.set_ylabel(titled("share", lang))
    ax.set_title(translate("report.hours_title", lang))
    _number_axis(ax, unit="share")
    _headroom(ax, shares.max() * 1.06)
    _remark(ax, _left_out_words(sorted(left_out), lang))


def _left_out_words(days: Sequence[dt.date], lang: Lang) -> str:
    if not days:
        return translate("report.hours_all_used", lang)
    named = list_words([day_words(day, lang) for day in days[:6]], lang)
    named = translate("report.and_more", lang, list=named) if len(days) > 6 else named
    return translate("report.hours_left_out", lang, days=len(days), list=named)


@_chart(size=(11, 5))
def plot_day_heads(hours: Table, ax: Axes, *, lang: Lang, day_agents: int) -> None:
    """Draw the agents that each hour needs, against the number that the day average suggests.

    Parameters
    ----------
    hours : DataFrame
        hour, agents_flat_out, agents_at_ceiling: 24 rows.
    day_agents : int
        Agents by the day average.
    """
    hour = hours["hour"].to_numpy(dtype=float)
    ceiling = hours["agents_at_ceiling"].to_numpy(dtype=float)
    flat_out = hours["agents_flat_out"].to_numpy(dtype=float)
    above = flat_out > day_agents
    ax.bar(hour, ceiling, width=0.86, color=np.where(above, "#F5C6A5", "#D8E6F2"))
    ax.bar(hour, flat_out, width=0.86, color=np.where(above, "#D55E00", "#0072B2"))
    ax.axhline(day_agents, color=INK, linewidth=2, linestyle=(0, (5, 2)))
    ax.annotate(
        translate("report.day_heads_average", lang, agents=show_number(day_agents, unit="agents", digits=0)),
        xy=(0, day_agents),
        xytext=(-12, 6),
        textcoords="offset points",
        fontsize=13,
    )
    top = int(ceiling.argmax())
    for bar in (flat_out, ceiling):
        ax.annotate(
            show_number(bar[top], unit="agents", digits=0),
            xy=(hour[top], bar[top]),
            xytext=(0, -4 if bar is flat_out else 4),
            textcoords="offset points",
            ha="center",
            va="top" if bar is flat_out else "bottom",
            color=PAPER if bar is flat_out else INK,
            fontsize=13,
        )
    ax.set_xticks(range(0, 24, 2))
    ax.set_xlim(-0.6, 23.6)
    ax.set_xlabel(translate("report.hour_axis", lang))
    ax.set_ylabel(unit_word("agents", lang))
    ax.set_title(translate("report.day_heads_title", lang))
    _number_axis(ax, whole=True)
    _headroom(ax, ceiling.max() * 1.04)
    _legend(
        ax,
        handles=[
            Patch(color="#D55E00", label=translate("report.flat_out", lang)),
            Patch(color="#F5C6A5", label=translate("report.at_ceiling", lang)),
        ],
    )


@_chart(size=(11, 5))
def plot_tornado(tornado: Table, ax: Axes, *, lang: Lang, target: str) -> None:
    """Draw what each ratio does to the target when it alone goes to its low and to its high value.

    A ratio that moves nothing is left out, unless none moves anything.

    Parameters
    ----------
    tornado : DataFrame
        step, at_low, at_high, base, the widest swing first.
    target : str
        Term of the glossary: what the bars measure.
    """
    moving = tornado[tornado["at_low"] != tornado["at_high"]]
    tornado = moving if len(moving) else tornado
    rows = np.arange(len(tornado))[::-1]
    base = float(tornado["base"].iloc[0])
    unit = glossary()[target]["unit"]
    for column, colour in (("at_low", "#0072B2"), ("at_high", "#E69F00")):
        reach = tornado[column].to_numpy(dtype=float)
        ax.barh(rows, reach - base, left=base, height=0.6, color=colour, label=translate(f"report.{column}", lang))
        for row, value in zip(rows, reach, strict=True):
            right = value >= base
            ax.annotate(
                show_number(value, unit=unit, digits=0 if abs(value) >= 100 else 1),
                xy=(value, row),
                xytext=(5 if right else -5, 0),
                textcoords="offset points",
                va="center",
                ha="left" if right else "right",
                fontsize=11,
            )
    ax.axvline(base, color=INK, linewidth=1.4)
    ends = tornado[["at_low", "at_high"]].to_numpy(dtype=float)
    width = max(float(ends.max() - ends.min()), abs(base) * 0.01, 1e-9)
    ax.set_xlim(ends.min() - width * 0.12, ends.max() + width * 0.12)
    ax.set_yticks(rows, [label(step, lang) for step in tornado["step"]])
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, unit)))
    ax.set_xlabel(titled(target, lang))
    ax.grid(visible=False, axis="y")
    ax.grid(axis="x")
    ax.set_title(translate("report.tornado_title", lang, target=label(target, lang)))
    _legend(ax)


ORGANISATION_IN = 11.0  # width of the organisation chart, whose axis counts in inches
COLUMNS_MOST = 6
ACROSS, DOWN = 1.83, 0.74  # from one column, and from one squad, to the next
BOX, HIGH = 1.64, 0.56  # size of a squad's box


def _organisation_columns(squads: Table) -> tuple[list[list[list[int]]], int]:
    """Lay the squads of each queue into columns: as few squads on top of each other as the width allows."""
    by_queue = [squads.loc[squads["queue"] == queue, "squad"].unique() for queue in _queues(squads)]
    rows = 1
    while sum(-(-len(numbers) // rows) for numbers in by_queue) > max(COLUMNS_MOST, len(by_queue)):
        rows += 1
    laid = [np.array_split(numbers, -(-len(numbers) // rows)) for numbers in by_queue]
    return [[column.tolist() for column in columns] for columns in laid], rows


def _organisation_size(squads: Table) -> tuple[float, float]:
    return ORGANISATION_IN, 2.75 + DOWN * _organisation_columns(squads)[1]


@_chart(size=_organisation_size)
def plot_organisation(squads: Table, ax: Axes, *, lang: Lang) -> None:
    """Draw the promo organisation as a tree: all on top, below it each role, and its squads under their named leads.

    A squad's box says who leads it and how many; one without a lead is red.

    Parameters
    ----------
    squads : DataFrame
        One row a person: squad (its number), queue, lead_name (None without a lead), is_lead.
    """
    columns, rows = _organisation_columns(squads)
    width = sum(len(columns_of) for columns_of in columns) * ACROSS
    middle, top = ORGANISATION_IN / 2, rows * DOWN + 1.65
    left = middle - width / 2
    led = squads.loc[squads["lead_name"].notna(), "squad"].nunique()
    line: dict[str, Any] = {"color": MUTED, "linewidth": 1.3, "solid_capstyle": "butt"}
    everybody = translate("report.organisation_all", lang, heads=len(squads), squads=squads["squad"].nunique(), led=led)
    root, head = (middle, top - HIGH / 2), translate("report.organisation_head", lang)
    _person_box(ax, root, width=3.4, face=NEEDED, edge=NEEDED, ink=PAPER, lines=(head, everybody))
    bus, roles = top - HIGH - 0.2, top - HIGH - 0.4
    ax.plot([middle, middle], [root[1] - HIGH / 2, bus], **line)
    centres = []
    for queue, columns_of in zip(_queues(squads), columns, strict=True):
        colour = QUEUE_COLOURS.get(queue, MUTED)
        centre = left + len(columns_of) * ACROSS / 2
        centres.append(centre)
        people = squads[squads["queue"] == queue]
        said = translate("report.organisation_role", lang, heads=len(people), squads=people["squad"].nunique())
        ax.plot([centre, centre], [bus, roles], **line)
        at = (centre, roles - HIGH / 2)
        _person_box(ax, at, width=BOX, face=_pale(colour), edge=colour, ink=INK, lines=(label(queue, lang), said))
        trunks = [left + column * ACROSS + (ACROSS - BOX) / 2 - 0.07 for column in range(len(columns_of))]
        under = roles - HIGH - 0.12
        ax.plot([centre, centre], [roles - HIGH, under], **line)
        ax.plot([trunks[0], max(centre, trunks[-1])], [under, under], **line)
        for trunk, numbers in zip(trunks, columns_of, strict=True):
            heights = [under - 0.14 - HIGH / 2 - row * DOWN for row in range(len(numbers))]
            ax.plot([trunk, trunk], [under, heights[-1]], **line)
            for number, height in zip(numbers, heights, strict=True):
                ax.plot([trunk, trunk + 0.07], [height, height], **line)
                _squad_box(ax, (trunk + 0.07 + BOX / 2, height), squads[squads["squad"] == number], colour, lang)
        left += len(columns_of) * ACROSS
    ax.plot([min(centres), max(centres)], [bus, bus], **line)
    ax.set_xlim(0, ORGANISATION_IN)
    ax.set_ylim(0, top + 0.1)
    ax.set_axis_off()
    missing = squads["squad"].nunique() - led
    ax.set_title(translate("report.organisation_title", lang))
    _remark(ax, translate(f"report.organisation_{'short' if missing else 'whole'}", lang, missing=missing))


def _squad_box(ax: Axes, at: tuple[float, float], squad: Table, colour: str, lang: Lang) -> None:
    """Draw a squad: its lead's name, its number and how many are led; red where nobody leads it."""
    lead = squad["lead_name"].iloc[0]
    led = pd.notna(lead)
    size = translate(
        f"report.squad_{'led' if led else 'alone'}", lang, number=squad["squad"].iloc[0], heads=len(squad) - led
    )
    name = _clip(str(lead), 15) if led else translate("report.squad_leaderless", lang)
    ink = INK if led else MISSING
    _person_box(ax, at, width=BOX, face=PAPER, edge=MUTED if led else MISSING, ink=ink, lines=(name, size), whole=led)
    ax.add_patch(Rectangle((at[0] - BOX / 2, at[1] - HIGH / 2), 0.07, HIGH, color=colour, linewidth=0, zorder=3))


def _person_box(
    ax: Axes,
    at: tuple[float, float],
    *,
    width: float,
    face: str,
    edge: str,
    ink: str,
    lines: tuple[str, str],
    whole: bool = True,
) -> None:
    """Draw a box of the organisation around a point: who, and in smaller print how many; its edge whole or dashed."""
    corner = at[0] - width / 2, at[1] - HIGH / 2
    dash: Any = "-" if whole else (0, (4, 2))
    box = Rectangle(corner, width, HIGH, facecolor=face, edgecolor=edge, linewidth=1.2, linestyle=dash, zorder=2)
    ax.add_patch(box)
    for text, above, size in ((lines[0], 0.12, 13), (lines[1], -0.14, 10)):
        ax.text(at[0] + 0.02, at[1] + above, text, ha="center", va="center", fontsize=size, color=ink, zorder=4)


def _clip(text: str, letters: int) -> str:
    """Shorten a text to a width in Latin letters."""
    if _width(text) <= letters:
        return text
    while _width(text) > letters - 1:
        text = text[:-1]
    return text + "…"


def _pale(colour: str) -> str:
    """Lighten a colour until dark letters stand on it."""
    red, green, blue = (1 - 0.25 * (1 - part) for part in mpl.colors.to_rgb(colour))
    return str(mpl.colors.to_hex((red, green, blue)))


@_chart(size=(11, 9))
def plot_concurrency(sweep: Table, ax: Axes, *, lang: Lang) -> None:
    """Draw agents, response and rates against the concurrency limit, the sweet spot, and the usual mistake.

    Parameters
    ----------
    sweep : DataFrame
        concurrency, agents_needed, divided (people at one chat each, divided by the limit: wrong), sweet_spot
        (bool), and mean_response, service_level, platform_rate as far as they were worked out.
    """
    caps = sweep["concurrency"].to_numpy(dtype=float)
    below = [key for key in ("mean_response", "service_level", "platform_rate") if key in sweep]
    panels = _panels(ax, heights=[2.2] + [1.0] * len(below))
    ax.set_title(translate("report.concurrency_title", lang), pad=34)
    heads = panels[0]
    divided = translate("report.divided_by_cap", lang)
    heads.plot(
        caps,
        sweep["agents_needed"],
        color=NEEDED,
        linewidth=2.6,
        marker="o",
        label=label("agents_needed", lang),
    )
    heads.plot(caps, sweep["divided"], color=MISSING, linewidth=1.8, linestyle=(0, (5, 2)), marker="x", label=divided)
    _number_axis(heads, whole=True)
    _headroom(heads, _top(sweep[["agents_needed", "divided"]].to_numpy(dtype=float)))
    heads.set_ylabel(unit_word("agents", lang))
    for panel, key, colour in zip(panels[1:], below, PANEL_COLOURS[1:], strict=False):
        values = sweep[key].to_numpy(dtype=float)
        panel.plot(caps, values, color=colour, linewidth=2.4, marker="o")
        _measure_axis(panel, key, values, colour, lang)
    for panel in panels:
        panel.set_xlim(caps.min() - 0.3, caps.max() + 0.3)
        panel.set_xticks(caps, [f"{cap:.0f}" for cap in caps] if panel is panels[-1] else [])
        for cap in caps[sweep["sweet_spot"].to_numpy(dtype=bool)]:
            panel.axvline(cap, color="#009E73", linewidth=7, alpha=0.3)
    for cap in caps[sweep["sweet_spot"].to_numpy(dtype=bool)]:
        heads.annotate(
            translate("report.sweet_spot", lang, cap=f"{cap:.0f}"),
            xy=(cap, 1),
            xycoords=("data", "axes fraction"),
            xytext=(8, -14),
            textcoords="offset points",
            color="#00795A",
            fontsize=13,
        )
    panels[-1].set_xlabel(titled("capacity", lang))
    _legend(heads)


def to_svg(ax: Axes) -> str:
    """Turn the axis' figure into an SVG element to stand in a page, and close the figure.

    Its letters are outlines, so that it looks the same on a machine without any font. The same table gives the
    same bytes; its ids are its own, so that several charts may stand in one page.
    """
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("ax must belong to a figure")
    written = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with mpl.rc_context(_style() | {"svg.hashsalt": "sandtable", "svg.fonttype": "path"}):
        figure.savefig(written, format="svg", metadata=nothing)
    plt.close(figure)
    svg = written.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    # Hundredths of a point are finer than any screen, and half the size.
    svg = re.sub(r'\bd="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg)
    return _own_ids(svg)


def save_figure(ax: Axes, path: Path) -> None:
    """Write the axis' figure as an SVG file that opens alone, in a browser or an office programme, and close it."""
    path.write_text(to_svg(ax) + "\n", encoding="utf-8")


def _own_ids(svg: str) -> str:
    """Put a mark of the picture's own before each id and each reference to one."""
    mark = "c" + hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub(r'\bid="', f'id="{mark}-', svg)
    svg = re.sub(r'href="#', f'href="#{mark}-', svg)
    return re.sub(r"url\(#", f"url(#{mark}-", svg)
