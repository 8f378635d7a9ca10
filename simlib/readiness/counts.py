"""Chapter 2, readiness: what must be in place before the promo, counted from what the store has filled in."""

from __future__ import annotations

import datetime as dt
import math

import pandas as pd

from simlib import facts
from simlib.store.models import Agent, Store

__all__ = ["check_readiness", "phrase_coverage", "score_readiness"]


def phrase_coverage(store: Store) -> pd.DataFrame:
    """Set the phrases a promo night needs against those the store has written.

    Returns
    -------
    pandas.DataFrame
        topic, queue (``all`` where everybody needs it), written (bool), owner (None where nobody is named).
    """
    written = {phrase.topic: phrase for phrase in store.phrases if phrase.zh or phrase.en}
    rows = []
    for topic in facts.table("phrase_topics").to_dict("records"):
        phrase = written.get(topic["key"])
        rows.append((topic["key"], topic["value"], phrase is not None, phrase.owner if phrase else None))
    return pd.DataFrame(rows, columns=["topic", "queue", "written", "owner"])


def check_readiness(store: Store, *, day: dt.date, today: dt.date, peak_heads: float) -> pd.DataFrame:
    """Count what is ready, block by block.

    Parameters
    ----------
    day : datetime.date
        The promo day.
    today : datetime.date
    peak_heads : float
        Heads that sit at the same time at the peak; what seats are measured against.

    Returns
    -------
    pandas.DataFrame
        item (glossary key), block (``people``, ``software``, ``hardware``, ``logistics``), done, of, share in [0, 1]
        (nan where nothing is asked for), days_left until the promo day.
    """
    exam_pass = store.rule("exam_pass_mark")
    serving = [agent for agent in store.agents if not _away(agent, day)]
    phrases = phrase_coverage(store)
    usable = sum(seat.usable for seat in store.site)
    logistics = [duty for duty in store.duties if duty.kind == "logistics"]
    rows = [
        ("exam_gate", "people", sum((a.exam_score or 0) >= exam_pass for a in serving), len(serving)),
        ("qa_gate", "people", sum(a.qa_pass is True for a in serving), len(serving)),
        ("own_topics", "software", int(phrases["written"].sum()), len(phrases)),
        ("seats", "hardware", min(usable, math.ceil(peak_heads)), math.ceil(peak_heads)),
        ("machines", "hardware", usable, len(store.site)),
        ("owned_duties", "logistics", sum(bool(d.owner or d.agent_id) for d in logistics), len(logistics)),
    ]
    table = pd.DataFrame(rows, columns=["item", "block", "done", "of"])
    table["share"] = table["done"] / table["of"].where(table["of"] > 0)
    table["days_left"] = (day - today).days
    return table


def score_readiness(table: pd.DataFrame) -> float:
    """Give one score in [0, 1]: the mean of the blocks, each the mean of its items; nan where nothing is asked."""
    return float(table.groupby("block")["share"].mean().mean())


def _away(agent: Agent, day: dt.date) -> bool:
    return any(span.first <= day <= span.last for span in agent.leave)
