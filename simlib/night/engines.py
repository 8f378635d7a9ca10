"""One night in both engines, compared figure by figure, and one buyer's chat in it, event by event."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from time import perf_counter

import numpy as np
import pandas as pd

from simlib.intervals import Grid
from simlib.night.promo_night import PromoNight
from simlib.simulator import Contacts, Result, simulate

MESSAGES_SHOWN = (3, 8)  # replies in a chat that can be read at a glance (ours)


@dataclass(frozen=True, kw_only=True, eq=False)
class EngineComparison:
    """What both engines made of the same buyers.

    Attributes
    ----------
    contacts, columns : int
        Rows and columns of the log that were compared.
    different : int
        Cells that are not equal, bit for bit; unknown times (nan) are equal to each other.
    simpy_s, compiled_s : float
        Seconds that each engine took on this machine.
    outcomes : DataFrame
        One row per outcome: its number of contacts in either engine.
    chat : DataFrame
        One buyer's chat, one row per part: chat_part, start, end, lasts_s; empty where nobody was served.
    """

    contacts: int
    columns: int
    different: int
    simpy_s: float
    compiled_s: float
    outcomes: pd.DataFrame = field(repr=False)
    chat: pd.DataFrame = field(repr=False)


def compare_engines(
    night: PromoNight, *, seed: int, start: pd.Timestamp | None = None, minutes: int | None = None
) -> EngineComparison:
    """Simulate one night with the SimPy engine and with the compiled one, and compare their logs.

    Parameters
    ----------
    night : PromoNight
        As planned, or as a scenario makes it.
    seed : int
        Of the buyers.
    start, minutes : pandas.Timestamp, int, optional
        Only the buyers who come within so many minutes after ``start``; left out, or with nobody in it, all.
    """
    variant = night.variant()
    contacts = variant.draw(seed=seed, replication=0)
    if start is not None and minutes is not None:
        first_s = float(night.grid.seconds(pd.DatetimeIndex([start]))[0])
        contacts = contacts_between(contacts, start_s=first_s, end_s=first_s + 60 * minutes) or contacts
    floor = (contacts, variant.agents, variant.policy, variant.disruptions)
    began = perf_counter()
    compiled = simulate(*floor, engine="compiled", turns=True)
    between = perf_counter()
    readable = simulate(*floor, engine="simpy", turns=True)
    ended = perf_counter()
    same = compiled.contacts.eq(readable.contacts) | (compiled.contacts.isna() & readable.contacts.isna())
    counts = {
        name: found.contacts["outcome"].value_counts()
        for name, found in zip(ENGINES, (readable, compiled), strict=True)
    }
    return EngineComparison(
        contacts=len(contacts),
        columns=same.shape[1],
        different=int((~same).to_numpy().sum()),
        simpy_s=ended - between,
        compiled_s=between - began,
        outcomes=pd.DataFrame(counts).rename_axis("outcome").reset_index(),
        chat=follow_chat(contacts, readable, grid=night.grid),
    )


ENGINES = ("simpy", "compiled")


def contacts_between(contacts: Contacts, *, start_s: float, end_s: float) -> Contacts | None:
    """Return the contacts that arrive from ``start_s`` up to ``end_s``, both in seconds; None where nobody does.

    Examples
    --------
    >>> night = Contacts(arrival=[0.0, 5.0, 9.0], turns=[2, 1, 1], handle=[1.0, 2.0, 3.0, 4.0])
    >>> contacts_between(night, start_s=5, end_s=9).handle.tolist()
    [3.0]
    """
    first, last = np.searchsorted(contacts.arrival, [start_s, end_s])
    if first == last:
        return None
    turns = slice(contacts.first_turn[first], contacts.first_turn[last])
    rows = slice(first, last)
    return Contacts(
        **{
            column.name: getattr(contacts, column.name)[turns if column.name in ("handle", "think") else rows]
            for column in fields(contacts)
        }
    )


def follow_chat(contacts: Contacts, found: Result, *, grid: Grid) -> pd.DataFrame:
    """Return the parts of one buyer's chat: the bot, the queue, then waiting for each reply and writing again.

    Taken is a served buyer with a few messages, who has met the bot and queued where anybody has, and of those the one
    who waited longest for a reply.

    Returns
    -------
    DataFrame
        chat_part (with_bot, in_queue, waits_reply, buyer_writes), start, end, lasts_s.
    """
    log = found.contacts
    fewest, most = MESSAGES_SHOWN
    served = (log["outcome"] == "served").to_numpy() & (log["attempts"] == 1).to_numpy()
    readable = served & log["replies"].between(fewest, most).to_numpy()
    met = readable & (log["entry"].to_numpy() > contacts.arrival)
    for wanted in (met & (log["assigned"] > log["entry"]).to_numpy(), met, readable, served):
        if wanted.any():
            chosen = int(np.flatnonzero(wanted)[log["response_max"].to_numpy()[wanted].argmax()])
            break
    else:
        return pd.DataFrame(columns=["chat_part", "start", "end", "lasts_s"])
    assert found.turns is not None
    row, turns = log.loc[chosen], found.turns[found.turns["contact"] == chosen]
    begins = float(contacts.arrival[chosen])
    parts = [("with_bot", begins, row["entry"])] if row["entry"] > begins else []
    if row["assigned"] > row["entry"]:
        parts.append(("in_queue", row["entry"], row["assigned"]))
    sent, replied = turns["sent"].to_numpy(), turns["replied"].to_numpy()
    for turn in range(len(turns)):
        waits_from = max(sent[turn], row["assigned"]) if turn == 0 else sent[turn]
        parts.append(("waits_reply", waits_from, replied[turn]))
        if turn + 1 < len(turns):
            parts.append(("buyer_writes", replied[turn], sent[turn + 1]))
    table = pd.DataFrame(parts, columns=["chat_part", "start_s", "end_s"])
    return pd.DataFrame(
        {
            "chat_part": table["chat_part"],
            "start": grid.times(table["start_s"].to_numpy(dtype=float)),
            "end": grid.times(table["end_s"].to_numpy(dtype=float)),
            "lasts_s": table["end_s"] - table["start_s"],
        }
    )
