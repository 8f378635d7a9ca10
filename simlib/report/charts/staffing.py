"""Charts of chapter 1, staffing: the cascade, the day average against the hours, the tornado, the organisation."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter

from simlib.messages import Lang, glossary, label, translate
from simlib.report.columns import quantity, show_number, titled, unit_word
from simlib.report.style import (
    COUNT,
    INK,
    MISSING,
    MUTED,
    NEEDED,
    PAPER,
    QUEUE_COLOURS,
    UNIT_COLOURS,
    Table,
    add_note,
    chart,
    place_legend,
    queues_in_order,
    set_headroom,
    set_number_axis,
    text_width,
    tick_text,
)


@chart(size=(11, 8))
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
    add_note(ax, translate("report.cascade_note", lang))


@chart(size=(11, 5))
def plot_day_heads(hours: Table, ax: Axes, *, lang: Lang, day_agents: int) -> None:
    """Draw the agents that each hour needs, against the number that the day average gives.

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
    set_number_axis(ax, whole=True)
    set_headroom(ax, ceiling.max() * 1.04)
    place_legend(
        ax,
        handles=[
            Patch(color="#D55E00", label=translate("report.flat_out", lang)),
            Patch(color="#F5C6A5", label=translate("report.at_ceiling", lang)),
        ],
    )


@chart(size=(11, 5))
def plot_tornado(tornado: Table, ax: Axes, *, lang: Lang, target: str) -> None:
    """Draw the target with each ratio alone at its low and at its high value.

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
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(value, unit)))
    ax.set_xlabel(titled(target, lang))
    ax.grid(visible=False, axis="y")
    ax.grid(axis="x")
    ax.set_title(translate("report.tornado_title", lang, target=label(target, lang)))
    place_legend(ax)


ORGANISATION_IN = 11.0  # width of the organisation chart, whose axis counts in inches
COLUMNS_MOST = 6
ACROSS, DOWN = 1.83, 0.74  # from one column, and from one squad, to the next
BOX, HIGH = 1.64, 0.56  # size of a squad's box


def _organisation_columns(squads: Table) -> tuple[list[list[list[int]]], int]:
    """Return the squads of each queue in columns, as low as the width allows, and the number of rows."""
    by_queue = [squads.loc[squads["queue"] == queue, "squad"].unique() for queue in queues_in_order(squads)]
    rows = 1
    while sum(-(-len(numbers) // rows) for numbers in by_queue) > max(COLUMNS_MOST, len(by_queue)):
        rows += 1
    laid = [np.array_split(numbers, -(-len(numbers) // rows)) for numbers in by_queue]
    return [[column.tolist() for column in columns] for columns in laid], rows


def _organisation_size(squads: Table) -> tuple[float, float]:
    return ORGANISATION_IN, 2.75 + DOWN * _organisation_columns(squads)[1]


@chart(size=_organisation_size)
def plot_organisation(squads: Table, ax: Axes, *, lang: Lang) -> None:
    """Draw the promo organisation as a tree: all on top, below it each role, and its squads under their named leads.

    A squad's box shows its lead and its head count; one without a lead is red.

    Parameters
    ----------
    squads : DataFrame
        One row per person: squad (its number), queue, lead_name (None without a lead), is_lead.
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
    for queue, columns_of in zip(queues_in_order(squads), columns, strict=True):
        colour = QUEUE_COLOURS.get(queue, MUTED)
        centre = left + len(columns_of) * ACROSS / 2
        centres.append(centre)
        people = squads[squads["queue"] == queue]
        text = translate("report.organisation_role", lang, heads=len(people), squads=people["squad"].nunique())
        ax.plot([centre, centre], [bus, roles], **line)
        at = (centre, roles - HIGH / 2)
        _person_box(ax, at, width=BOX, face=_pale(colour), edge=colour, ink=INK, lines=(label(queue, lang), text))
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
    add_note(ax, translate(f"report.organisation_{'short' if missing else 'whole'}", lang, missing=missing))


def _squad_box(ax: Axes, at: tuple[float, float], squad: Table, colour: str, lang: Lang) -> None:
    """Draw a squad: its lead's name, its number and its head count; red without a lead."""
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
    """Draw a box of the organisation around a point: a name, and in smaller print a count; its edge solid or dashed."""
    corner = at[0] - width / 2, at[1] - HIGH / 2
    dash: Any = "-" if whole else (0, (4, 2))
    box = Rectangle(corner, width, HIGH, facecolor=face, edgecolor=edge, linewidth=1.2, linestyle=dash, zorder=2)
    ax.add_patch(box)
    for text, above, size in ((lines[0], 0.12, 13), (lines[1], -0.14, 10)):
        ax.text(at[0] + 0.02, at[1] + above, text, ha="center", va="center", fontsize=size, color=ink, zorder=4)


def _clip(text: str, letters: int) -> str:
    """Return a text shortened to a width in Latin letters."""
    if text_width(text) <= letters:
        return text
    while text_width(text) > letters - 1:
        text = text[:-1]
    return text + "…"


def _pale(colour: str) -> str:
    """Return a colour light enough for dark letters on it."""
    red, green, blue = (1 - 0.25 * (1 - part) for part in mpl.colors.to_rgb(colour))
    return str(mpl.colors.to_hex((red, green, blue)))
