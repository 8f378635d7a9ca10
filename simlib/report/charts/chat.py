"""One buyer's chat, event by event."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from simlib.messages import Lang, label, translate
from simlib.report.columns import show_number, unit_word
from simlib.report.style import BOT, GRID, INK, MISSING, NEEDED, PAPER, ROSTERED, Table, chart

LANES = {"with_bot": BOT, "in_queue": MISSING, "waits_reply": NEEDED, "buyer_writes": ROSTERED}
WIDE = 0.045  # of the whole chat: a part that its seconds fit into


@chart(size=(11, 4.2))
def plot_chat(chat: Table, ax: Axes, *, lang: Lang) -> None:
    """Draw one chat along the clock: a lane per kind of part, a mark at each message and each reply.

    Parameters
    ----------
    chat : DataFrame
        chat_part, start, end, lasts_s, one row per part.
    """
    begins = chat["start"].iloc[0]
    start_s, end_s = ((chat[edge] - begins).dt.total_seconds().to_numpy() for edge in ("start", "end"))
    lanes = [part for part in LANES if (chat["chat_part"] == part).any()]
    for lane, part in enumerate(lanes):
        rows = (chat["chat_part"] == part).to_numpy()
        ax.barh(
            [lane] * rows.sum(),
            (end_s - start_s)[rows],
            left=start_s[rows],
            height=0.56,
            color=LANES[part],
            edgecolor=PAPER,
        )
        following = np.append(start_s[rows][1:], np.inf)
        for left, right, next_left in zip(start_s[rows], end_s[rows], following, strict=True):
            inside = right - left > WIDE * end_s[-1]
            if not inside and next_left - right < WIDE * end_s[-1]:
                continue  # no room; the table has it
            ax.annotate(
                show_number(right - left, unit="", digits=0),
                xy=((left + right) / 2, lane) if inside else (right, lane),
                xytext=(0, 0) if inside else (4, 0),
                textcoords="offset points",
                ha="center" if inside else "left",
                va="center",
                fontsize=10,
                color=PAPER if inside and part in ("in_queue", "waits_reply") else INK,
            )
    waiting = (chat["chat_part"] == "waits_reply").to_numpy()
    top = len(lanes)
    messages = np.unique(np.append(start_s[chat["chat_part"] == "in_queue"], start_s[waiting][1:]))
    if len(messages) < waiting.sum():  # nobody queued: the first message is where the wait begins
        messages = start_s[waiting]
    ax.plot(messages, [top] * len(messages), "v", color=INK, label=translate("report.chat_message", lang))
    ax.plot(end_s[waiting], [top] * waiting.sum(), "o", color=NEEDED, label=translate("report.chat_reply", lang))
    ax.vlines(end_s[waiting], -0.5, top, color=GRID, linewidth=1, zorder=0)
    ax.set_yticks(range(top), [label(part, lang) for part in lanes])
    ax.set_ylim(top + 0.5, -0.6)
    ax.set_xlim(0, end_s[-1] * 1.04)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=8))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.set_xlabel(translate("report.since", lang, clock=f"{begins:%H:%M:%S}", unit=unit_word("s", lang)))
    ax.grid(visible=False)
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2)
    ax.set_title(translate("report.chat_title", lang), pad=14)
