"""The chart kit: colours, the list of queues, axes, legends and sizes, and how a figure becomes SVG.

Colours are those of Okabe and Ito, which people with colour blindness can distinguish; red is kept for what is missing.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeAlias, get_args

import matplotlib as mpl
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator

from simlib.messages import Lang, glossary
from simlib.report.columns import day_words, show_number, titled
from simlib.report.typeface import register_typeface
from simlib.store.models import Queue

INK, PAPER, GRID, MUTED = "#1F2933", "#FFFFFF", "#E4E7EB", "#7B8794"
MISSING = "#C81E1E"
ROSTERED, NEEDED = "#9CC9EA", "#0B3C5D"
QUEUES: tuple[str, ...] = get_args(Queue)  # the one order in which queues are drawn, listed and stacked
QUEUE_COLOURS = dict(zip(QUEUES, ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9"), strict=True))
BOT = "#B8C0CA"
ACTIVITY_COLOURS = {"live": "#8C564B", "meal": "#F0E442", "break": "#D3DAE2"}
UNIT_COLOURS = {"CNY": "#0072B2", "share": "#B8C0CA", "agents": "#D55E00"}
COUNT = "#009E73"
# Pale enough for black letters; shifts take them in the order in which they begin.
SHIFT_FILLS = (
    *("#CFE5F5", "#FBE3C0", "#CDEBDD", "#F3D6E6", "#FFF3B0", "#DDD6F3", "#D9EAD3", "#F8D2C7"),
    *("#C9E7EE", "#E8E0D5", "#E6EEC1", "#D4DCE6"),
)
LEGEND_LINE = 110  # Latin letters that stand beside each other over a chart
P = ParamSpec("P")
Table: TypeAlias = pd.DataFrame


def house_style() -> Any:
    """Return matplotlib's settings for every chart of the kit."""
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


def chart(
    *, size: tuple[float, float] | Callable[[Table], tuple[float, float]]
) -> Callable[[Callable[Concatenate[Table, Axes, P], None]], Callable[..., Axes]]:
    """Return a decorator that gives a drawing function the kit's style, and a new figure when no axis is given."""

    def decorate(draw: Callable[Concatenate[Table, Axes, P], None]) -> Callable[..., Axes]:
        @wraps(draw)
        def plot(table: Table, ax: Axes | None = None, *args: P.args, **kwargs: P.kwargs) -> Axes:
            if table.empty:
                raise ValueError(f"{draw.__name__} needs a table with at least one row")
            with mpl.rc_context(house_style()):
                if ax is None:
                    _, ax = plt.subplots(figsize=size(table) if callable(size) else size, layout="constrained")
                    draw(table, ax, *args, **kwargs)
                else:
                    ax.spines[["top", "right"]].set_visible(False)
                    draw(table, ax, *args, **kwargs)
                    set_font(ax)
            return ax

        return plot

    return decorate


def set_font(ax: Axes) -> None:
    """Set the kit's font, which can write Chinese, on the texts of an axis made outside the kit."""
    for text in ax.findobj(Text):
        text.set_fontfamily(mpl.rcParams["font.family"])


def place_legend(ax: Axes, *, handles: Sequence[Any] | None = None, right: bool = False) -> None:
    """Place the legend between title and picture, where it covers nothing: in one line, or in two if it is long."""
    shown = list(handles) if handles is not None else ax.get_legend_handles_labels()[0]
    length = sum(5 + text_width(str(handle.get_label())) for handle in shown)
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


def text_width(text: str) -> int:
    """Return the width of a text in Latin letters: a Chinese character takes two."""
    return sum(2 if ord(sign) >= 0x2E80 else 1 for sign in text)


def interval_bounds(starts: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the starts of equal intervals and the end of the last one."""
    step = starts[1] - starts[0] if len(starts) > 1 else pd.Timedelta(minutes=30)
    return pd.DatetimeIndex(starts.append(pd.DatetimeIndex([starts[-1] + step])))


def interval_edges(starts: pd.DatetimeIndex) -> np.ndarray:
    """Return matplotlib's numbers for the n + 1 edges of n equal intervals."""
    return np.asarray(mdates.date2num(interval_bounds(starts)), dtype=float)


def set_clock_axis(ax: Axes, starts: pd.DatetimeIndex, lang: Lang) -> None:
    """Mark whole hours on the starts' own clock, and the day where it changes.

    The marks are edges of intervals: matplotlib's own locators lose the second 02:00 of an autumn night.
    """
    bounds, edges = interval_bounds(starts), interval_edges(starts)
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


def set_number_axis(ax: Axes, *, unit: str = "", whole: bool = False) -> None:
    """Write the numbers of the upright axis with thousands separators; they begin at 0."""
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=whole))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(value, unit)))


def tick_text(value: float, unit: str) -> str:
    """Return the text at a tick: a whole number without digits, any other with one."""
    scaled = 100 * value if unit == "share" else value
    return show_number(value, unit=unit, digits=0 if abs(scaled - round(scaled)) < 1e-9 else 1)


def set_headroom(ax: Axes, top: float) -> None:
    """Make the upright axis run from 0 to a little above ``top``."""
    ax.set_ylim(0, top * 1.06 if top > 0 else 1)


def queues_in_order(table: Table) -> list[str]:
    """Return the queues that occur, in the order of :data:`QUEUES`, unknown ones last."""
    present = set(table["queue"].astype(str))
    return [queue for queue in QUEUE_COLOURS if queue in present] + sorted(present - set(QUEUE_COLOURS))


def sum_by_start(table: Table, columns: Sequence[str]) -> Table:
    """Return the sums over the queues, one row per interval."""
    return table.groupby("start", sort=True)[list(columns)].sum()


def add_note(ax: Axes, text: str) -> None:
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


PANEL_COLOURS = ("#0072B2", "#D55E00", "#8A5A00", "#00795A", "#A3457C")


def divide_axis(ax: Axes, *, heights: Sequence[float]) -> list[Axes]:
    """Return panels under one another that divide an axis in proportion to ``heights``."""
    ax.set_axis_off()
    gap = 0.075
    room = (1 - gap * (len(heights) - 1)) / sum(heights)
    panels, top = [], 1.0
    for height in heights:
        panels.append(ax.inset_axes((0, top - height * room, 1, height * room)))
        top -= height * room + gap
    return panels


def set_measure_axis(panel: Axes, key: str, values: np.ndarray, colour: str, lang: Lang) -> None:
    """Title a panel by its measure, with the unit, and begin its numbers at 0."""
    unit = glossary()[key]["unit"]
    set_number_axis(panel, unit=unit)
    panel.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    set_headroom(panel, 1.0 if unit == "share" else largest(values))
    panel.annotate(
        titled(key, lang),
        xy=(0, 1),
        xycoords="axes fraction",
        xytext=(0, 5),
        textcoords="offset points",
        color=colour,
        fontsize=13,
    )


def largest(values: np.ndarray) -> float:
    """Return the largest finite value, or 0."""
    return float(values[np.isfinite(values)].max(initial=0.0))


def to_svg(ax: Axes) -> str:
    """Return the axis' figure as an SVG element for a page, and close the figure.

    Its letters are outlines, so that it looks the same on a machine without any font. The same table gives the
    same bytes; its ids are its own, so that several charts may stand in one page.
    """
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("ax must belong to a figure")
    written = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with mpl.rc_context(house_style() | {"svg.hashsalt": "sandtable", "svg.fonttype": "path"}):
        FigureCanvasSVG(figure)
        if engine := figure.get_layout_engine():  # once, and not for each of the two passes that saving takes
            engine.execute(figure)
            figure.set_layout_engine(None)
        figure.savefig(written, format="svg", metadata=nothing)
    plt.close(figure)
    svg = written.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    # Hundredths of a point are finer than any screen, and half the size.
    svg = re.sub(r'\bd="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg)
    return _with_own_ids(svg)


def save_figure(ax: Axes, path: Path) -> None:
    """Write the axis' figure as an SVG file that opens alone, in a browser or an office program, and close it."""
    path.write_text(to_svg(ax) + "\n", encoding="utf-8")


def _with_own_ids(svg: str) -> str:
    """Return the SVG with a prefix of its own before each id and each reference to one."""
    mark = "c" + hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub(r'\bid="', f'id="{mark}-', svg)
    svg = re.sub(r'href="#', f'href="#{mark}-', svg)
    return re.sub(r"url\(#", f"url(#{mark}-", svg)
