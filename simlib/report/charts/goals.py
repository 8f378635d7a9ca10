"""Pictures of chapter 4: targets by half hour, chances, and a card for each winner."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from simlib.messages import Lang, label, translate
from simlib.report.columns import titled
from simlib.report.style import chart, place_legend, set_number_axis

__all__ = ["plot_half_hours", "plot_winner"]


@chart(size=(9.0, 3.2))
def plot_half_hours(half_hours: pd.DataFrame, ax: Axes, *, lang: Lang) -> None:
    """Draw the floor and the stretch of sales by half hour."""
    starts = pd.DatetimeIndex(half_hours["start"])
    x = np.arange(len(starts))
    ax.bar(x, half_hours["cs_sales_cny_floor"], width=0.8, label=label("floor", lang))
    ax.step(x, half_hours["cs_sales_cny_stretch"], where="mid", color="black", lw=1, label=label("stretch", lang))
    ax.set_ylabel(titled("cs_sales_cny", lang))
    set_number_axis(ax, unit="CNY")
    ticks = x[::4]
    ax.set_xticks(ticks, [f"{starts[at]:%H:%M}" for at in ticks])
    ax.set_title(label("table_half_hours", lang), loc="left")
    place_legend(ax)


@chart(size=(5.0, 3.0))
def plot_winner(winner: pd.DataFrame, ax: Axes, *, lang: Lang) -> None:
    """Draw the card of one winner (one row: name, prize, amount_cny)."""
    row = winner.iloc[0]
    ax.set_axis_off()
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.axhspan(0, 1, color="#FFF4D6")
    ax.axhspan(0.93, 1, color="#B8860B")
    for y, size, colour, text in (
        (0.68, 26, "black", str(row["name"])),
        (0.44, 12, "black", str(row["prize"])),
        (0.22, 20, "#8B0000", translate("goals.winner_amount", lang, amount=f"{row['amount_cny']:g}")),
    ):
        ax.text(0.5, y, text, fontsize=size, color=colour, ha="center", va="center")
