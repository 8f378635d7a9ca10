"""Charts of chapter 2, readiness: share by block, the countdown as bars, who sits where, people against seats."""

from __future__ import annotations

from typing import Any

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter

from simlib.messages import Lang, label, translate
from simlib.report.columns import day_words, key_words, titled
from simlib.report.style import INK, MISSING, MUTED, PAPER, Table, chart, place_legend, set_clock_axis

GOOD = "#009E73"
STATE_COLOURS = {
    "task_done": GOOD,
    "task_today": "#E69F00",
    "task_open": "#56B4E9",
    "task_late": "#D55E00",
    "task_impossible": MISSING,
    "task_undated": "#CC79A7",
    "task_unlisted": "#BBBBBB",
}
SEAT_COLOURS = {"seat_taken": "#9CC9EA", "seat_free": "#FFFFFF", "seat_shared": "#F0E442", "seat_broken": MISSING}
SEATS_IN_A_ROW = 12
NAME_SIGNS = 26


@chart(size=(9, 3.6))
def plot_blocks(blocks: Table, ax: Axes, *, lang: Lang) -> None:
    """Draw how much of each block is done; a block of which nothing is asked has a word and no bar.

    Parameters
    ----------
    blocks : DataFrame
        block, items_done, items_asked (items that are whole, of all), mean_done (nan where nothing is asked).
    """
    rows = np.arange(len(blocks))[::-1]
    shares = 100 * blocks["mean_done"].astype(float)
    ax.barh(rows, [100] * len(blocks), height=0.6, color="#F1F4F7")
    ax.barh(rows, shares.fillna(0), height=0.6, color=[GOOD if share >= 99.95 else "#0072B2" for share in shares])
    for row, share, done, of in zip(rows, shares, blocks["items_done"], blocks["items_asked"], strict=True):
        whole = translate("readiness.items_whole", lang, done=f"{done:.0f}", of=f"{of:.0f}")
        text = label("not_asked", lang) if np.isnan(share) else f"{share:.0f}%  ({whole})"
        at = 1 if np.isnan(share) else share + 1
        ax.annotate(text, xy=(at, row), va="center", fontsize=11, color=INK)
    ax.set_yticks(rows, [key_words(block, "block", lang) for block in blocks["block"]])
    ax.set_xlim(0, 134)
    ax.set_xticks(range(0, 101, 20))
    ax.set_xlabel(titled("mean_done", lang))
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    ax.set_title(label("blocks", lang), pad=12)


@chart(size=lambda tasks: (12, 2 + 0.28 * len(tasks)))
def plot_gantt(tasks: Table, ax: Axes, *, lang: Lang, today: pd.Timestamp) -> None:
    """Draw tasks as bars over the calendar, coloured by where each stands today.

    Parameters
    ----------
    tasks : DataFrame
        task_key, due_on, state; begin_on where the work has a length.
    today : datetime.date
    """
    rows = np.arange(len(tasks))[::-1]
    ends = mdates.date2num(list(tasks["due_on"])) + 1
    begins = mdates.date2num(list(tasks["begin_on"])) if "begin_on" in tasks else ends - 1
    ax.barh(rows, ends - begins, left=begins, height=0.62, color=[STATE_COLOURS[state] for state in tasks["state"]])
    names = [key_words(key, "task_key", lang) for key in tasks["task_key"]]
    ax.set_yticks(rows, [name if len(name) <= NAME_SIGNS * 2 else f"{name[: NAME_SIGNS * 2]}…" for name in names])
    ax.tick_params(axis="y", labelsize=9.5)
    ax.axvline(mdates.date2num(today), color=MISSING, linewidth=2)
    ax.set_ylim(-0.8, len(tasks) - 0.2)
    ax.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=10))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda day, _: day_words(mdates.num2date(day).date(), lang)))
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    ax.set_title(translate("readiness.gantt_title", lang, day=day_words(today, lang)))
    seen = [state for state in STATE_COLOURS if (tasks["state"] == state).any()]
    place_legend(ax, handles=[Patch(color=STATE_COLOURS[state], label=label(state, lang)) for state in seen])


@chart(size=lambda seats: (12, 1.6 + 0.9 * _seat_rows(seats)))
def plot_seat_plan(seats: Table, ax: Axes, *, lang: Lang) -> None:
    """Draw the seats of each room as boxes with seat and name, coloured by their state.

    Parameters
    ----------
    seats : DataFrame
        site, room, seat, name, state: one row per seat and person.
    """
    y = 0.0
    for (site, room), of_room in seats.groupby(["site", "room"], sort=True):
        people = of_room.groupby("seat", sort=True).agg(state=("state", "first"), name=("name", _join_names))
        ax.annotate(f"{site} · {room}", xy=(0, y - 0.12), fontsize=12, color=INK, va="bottom")
        for number, (seat, row) in enumerate(people.iterrows()):
            left, top = number % SEATS_IN_A_ROW, y + number // SEATS_IN_A_ROW
            box = Rectangle((left + 0.03, top), 0.94, 0.86, facecolor=SEAT_COLOURS[row["state"]], edgecolor=MUTED)
            ax.add_patch(box)
            colour = PAPER if row["state"] == "seat_broken" else INK  # dark on red cannot be read
            written: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8.5, "color": colour}
            ax.annotate(str(seat), xy=(left + 0.5, top + 0.28), **written)
            ax.annotate(str(row["name"]), xy=(left + 0.5, top + 0.6), **written)
        y += -(-len(people) // SEATS_IN_A_ROW) + 0.7
    ax.set_xlim(0, SEATS_IN_A_ROW)
    ax.set_ylim(y, -0.6)
    ax.set_axis_off()
    ax.set_title(label("seat_plan", lang))
    seen = [state for state in SEAT_COLOURS if (seats["state"] == state).any()]
    shown = [Patch(facecolor=SEAT_COLOURS[state], edgecolor=MUTED, label=label(state, lang)) for state in seen]
    place_legend(ax, handles=shown)


def _join_names(names: pd.Series) -> str:
    return "/".join(name for name in names if isinstance(name, str))[:10]


def _seat_rows(seats: pd.DataFrame) -> float:
    rooms = seats.groupby(["site", "room"])["seat"].nunique()
    return float(sum(-(-count // SEATS_IN_A_ROW) + 0.7 for count in rooms))


@chart(size=(12, 4.2))
def plot_posts(posts: Table, ax: Axes, *, lang: Lang, squads: Table) -> None:
    """Draw the command of the night: the post that may stop a coupon on top, the others below, then the squad leads.

    A post that nobody has is red.

    Parameters
    ----------
    posts : DataFrame
        post, owner (None where nobody has it), post_state, stops_coupon.
    squads : DataFrame
        squad, queue, lead_name, members: one row per squad of the people who serve.
    """
    tops = posts["stops_coupon"].astype(bool)
    _draw_posts(ax, posts[tops], y=2.0, lang=lang)
    _draw_posts(ax, posts[~tops], y=1.0, lang=lang)
    ax.plot([0, 0], [1.75, 1.5], color=MUTED, linewidth=1.3)
    led = int(squads["lead_name"].notna().sum())
    heads = int(sum(len(members) for members in squads["members"])) + led
    people = translate("readiness.posts_squads", lang, squads=len(squads), led=led, heads=heads)
    ax.annotate(people, xy=(0, 0.25), ha="center", va="center", fontsize=11, color=INK)
    ax.set_xlim(-3.1, 3.1)
    ax.set_ylim(0, 2.4)
    ax.set_axis_off()
    ax.set_title(label("posts", lang))


def _draw_posts(ax: Axes, posts: Table, *, y: float, lang: Lang) -> None:
    """Draw the boxes of one level in a row, and the line that joins them."""
    width = min(6.1 / max(len(posts), 1), 1.7)
    places = [(number - (len(posts) - 1) / 2) * width for number in range(len(posts))]
    if len(places) > 1:
        ax.plot([places[0], places[-1]], [y + 0.5, y + 0.5], color=MUTED, linewidth=1.3)
    for x, row in zip(places, posts.itertuples(), strict=True):
        filled = row.post_state == "post_filled"
        if len(places) > 1:
            ax.plot([x, x], [y + 0.27, y + 0.5], color=MUTED, linewidth=1.3)
        box = (x - 0.46 * width, y - 0.27)
        edge = GOOD if filled else MISSING
        ax.add_patch(Rectangle(box, 0.92 * width, 0.54, facecolor="#FFFFFF", edgecolor=edge, linewidth=1.6))
        who = str(row.owner)[:14] if filled else label(str(row.post_state), lang)
        name = label(str(row.post).replace("item_", "short_"), lang)
        ax.annotate(name, xy=(x, y + 0.12), ha="center", va="center", fontsize=10, color=MUTED)
        ax.annotate(who, xy=(x, y - 0.02), ha="center", va="center", fontsize=11, color=INK if filled else MISSING)
        if row.stops_coupon:
            ax.annotate(label("stops_coupon", lang), xy=(x, y - 0.18), ha="center", va="center", fontsize=9, color=INK)


@chart(size=(12, 4))
def plot_presence(presence: Table, ax: Axes, *, lang: Lang, seats: int) -> None:
    """Draw the people present by half hour against the seats that can be used.

    Parameters
    ----------
    presence : DataFrame
        start, room, present.
    seats : int
        Usable seats in all rooms; 0 where nobody counted them.
    """
    there = presence.groupby("start")["present"].sum()
    starts = pd.DatetimeIndex(there.index)
    width = 0.9 / 48
    ax.bar(mdates.date2num(starts), there, width=width, align="edge", color="#9CC9EA", label=label("present", lang))
    if seats:
        ax.axhline(seats, color=MISSING, linewidth=2, label=translate("readiness.seats_line", lang, count=seats))
    set_clock_axis(ax, starts, lang)
    ax.set_ylim(bottom=0)
    ax.set_ylabel(titled("present", lang))
    ax.set_title(label("floor_presence", lang))
    place_legend(ax)
