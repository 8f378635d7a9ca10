"""Charts of chapter 3, forecasting: contacts, the agents they need, the concurrency limit, the shape of a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from simlib.messages import Lang, label, translate
from simlib.report.columns import day_words, list_words, quantity, titled, unit_word
from simlib.report.style import (
    BOT,
    INK,
    MISSING,
    MUTED,
    NEEDED,
    PANEL_COLOURS,
    PAPER,
    QUEUE_COLOURS,
    ROSTERED,
    Table,
    add_note,
    chart,
    divide_axis,
    interval_edges,
    largest,
    place_legend,
    queues_in_order,
    set_clock_axis,
    set_headroom,
    set_measure_axis,
    set_number_axis,
    sum_by_start,
)


@chart(size=(11, 5))
def plot_forecast(forecast: Table, ax: Axes, *, lang: Lang) -> None:
    """Draw the contacts by interval: people's share stacked by queue, the bot's on top, and the band.

    Second receptions of transferred contacts are hatched above the contacts, which count each buyer once.

    Parameters
    ----------
    forecast : DataFrame
        start, queue, contacts, p05, p95, bot, human: one row per interval and queue.
    """
    received = forecast["human"] + forecast["bot"]
    twice = (received - forecast["contacts"]).where(received > forecast["contacts"] * (1 + 1e-9), 0.0)
    forecast = forecast.assign(human=forecast["human"] - twice, twice=twice)
    total = sum_by_start(forecast, ["contacts", "p05", "p95", "bot", "twice"])
    starts = pd.DatetimeIndex(total.index)
    edges = interval_edges(starts)
    floor = np.zeros(len(total))
    queues = queues_in_order(forecast)
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
    set_number_axis(ax)
    set_headroom(ax, max(high.max(), top.max()))
    set_clock_axis(ax, starts, lang)
    place_legend(ax)


@chart(size=(11, 5))
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
    total = sum_by_start(requirement, ["on_chat", "to_roster", *counted]).astype(float)
    starts = pd.DatetimeIndex(total.index)
    edges = interval_edges(starts)
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
    set_number_axis(ax, whole=True)
    set_headroom(ax, total.to_numpy().max())
    set_clock_axis(ax, starts, lang)
    place_legend(ax)


@chart(size=(11, 4.5))
def plot_hours(hours: Table, ax: Axes, *, lang: Lang, left_out: Sequence[dt.date] = ()) -> None:
    """Draw the share of a day that falls into each hour, and list the days that were left out.

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
    set_number_axis(ax, unit="share")
    set_headroom(ax, shares.max() * 1.06)
    add_note(ax, _left_out_words(sorted(left_out), lang))


def _left_out_words(days: Sequence[dt.date], lang: Lang) -> str:
    if not days:
        return translate("report.hours_all_used", lang)
    named = list_words([day_words(day, lang) for day in days[:6]], lang)
    named = translate("report.and_more", lang, list=named) if len(days) > 6 else named
    return translate("report.hours_left_out", lang, count=len(days), list=named)


@chart(size=(11, 9))
def plot_concurrency(sweep: Table, ax: Axes, *, lang: Lang) -> None:
    """Draw agents, response and rates against the concurrency limit, the sweet spot, and the usual mistake.

    Parameters
    ----------
    sweep : DataFrame
        concurrency, agents_needed, divided (people at one chat each, divided by the limit: wrong), sweet_spot
        (bool), and output_agent_hour, mean_response, begun_by_formula, platform_rate as far as they were worked out.
    """
    caps = sweep["concurrency"].to_numpy(dtype=float)
    below = [key for key in ("output_agent_hour", "mean_response", "begun_by_formula", "platform_rate") if key in sweep]
    panels = divide_axis(ax, heights=[2.2] + [1.0] * len(below))
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
    set_number_axis(heads, whole=True)
    set_headroom(heads, largest(sweep[["agents_needed", "divided"]].to_numpy(dtype=float)))
    heads.set_ylabel(unit_word("agents", lang))
    for panel, key, colour in zip(panels[1:], below, PANEL_COLOURS[1:], strict=False):
        values = sweep[key].to_numpy(dtype=float)
        panel.plot(caps, values, color=colour, linewidth=2.4, marker="o")
        set_measure_axis(panel, key, values, colour, lang)
        if key == "output_agent_hour" and np.isfinite(values).any():
            _mark_peak(panel, caps, values, colour, lang)
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
    place_legend(heads)


def _mark_peak(panel: Axes, caps: np.ndarray, values: np.ndarray, colour: str, lang: Lang) -> None:
    """Mark the limit at which an agent gets most done; beyond it a further chat costs more than it brings."""
    at = int(np.nanargmax(values))
    panel.plot(caps[at], values[at], marker="o", markersize=11, markerfacecolor="none", color=colour)
    panel.annotate(
        translate("report.output_peak", lang, cap=f"{caps[at]:.0f}", value=f"{values[at]:.1f}"),
        xy=(caps[at], values[at]),
        xytext=(0, -20),
        textcoords="offset points",
        ha="center" if 0 < at < len(caps) - 1 else ("left" if at == 0 else "right"),
        color=colour,
        fontsize=12,
    )
