"""Rules of thumb for heads, beside the answer: how many each gives, and what this night would do with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from simlib import facts
from simlib.messages import Message
from simlib.night.buyers import RememberedBuyers
from simlib.night.promo_night import PromoNight
from simlib.simulator import Agents
from simlib.simulator.replicate import Replications, Variant, half_width, replicate_variants

RULES = ("usual_growth", "usual_peak", "per_hour", "by_concurrency")
NEED, ROSTER = "need", "roster"
FOLK_COLUMNS = ["folk_rule", "heads", "heads_less", *(f"peak_lost_share{end}" for end in ("", "_low", "_high"))]
FOLK_COLUMNS += ["lost_share", "sales_lost", "sales_lost_low", "sales_lost_high", "platform_rate"]
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class UsualDay:
    """An ordinary day of the store, and the promo day beside it, in contacts that people answer.

    Attributes
    ----------
    day, peak_h : float
        Of an ordinary day: contacts, and those of its busiest hour.
    promo_day, promo_peak_h : float
        The same of the promo day.
    """

    day: float
    peak_h: float
    promo_day: float
    promo_peak_h: float


def folk_heads(usual: UsualDay, *, per_hour: float, one_by_one: float, concurrency: int) -> dict[str, int]:
    """Return the heads of the busiest half hour by each rule of thumb.

    Parameters
    ----------
    per_hour : float
        Contacts that a head is said to answer in an hour.
    one_by_one : float
        Heads that would be needed if everybody held one chat at a time.
    concurrency : int
        Chats that a head may hold.

    Returns
    -------
    dict
        ``usual_growth``: the heads of an ordinary day's busiest hour, times the growth of the day's contacts, times
        0.7; ``usual_peak``: the heads of an ordinary day's busiest hour, times 1.5; ``per_hour``: the contacts of the
        busiest hour by what a head answers; ``by_concurrency``: the heads one by one, divided by the chats each holds.

    Examples
    --------
    >>> usual = UsualDay(day=1000, peak_h=88, promo_day=4000, promo_peak_h=660)
    >>> folk_heads(usual, per_hour=22, one_by_one=120, concurrency=6)
    {'usual_growth': 12, 'usual_peak': 6, 'per_hour': 30, 'by_concurrency': 20}
    """
    heads = usual.peak_h / per_hour
    growth = usual.promo_day / usual.day if usual.day else 1.0
    found = {
        "usual_growth": heads * growth * float(facts.value("actions", "folk_growth_factor")),
        "usual_peak": heads * float(facts.value("actions", "folk_peak_factor")),
        "per_hour": usual.promo_peak_h / per_hour,
        "by_concurrency": one_by_one / concurrency,
    }
    return {rule: max(1, math.ceil(value - 1e-9)) for rule, value in found.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class FolkResult:
    """What rules of thumb give, and what the night does with it.

    Attributes
    ----------
    heads : mapping of rule to heads
        In the busiest half hour, on chat.
    nights : mapping of rule to Replications
        On the same buyers: ``need`` is the kit's requirement, ``roster`` the people as they are rostered.
    rate : str
        The platform's headline rate.
    peak : int
        Place of the busiest half hour in the night.
    """

    heads: Mapping[str, int]
    nights: Mapping[str, Replications] = field(repr=False)
    rate: str
    peak: int = 0

    def peak_lost_share(self, rule: str) -> tuple[float, float, float]:
        """Return the share of the busiest half hour's buyers who are lost: mean, and the 95 % band of the mean."""
        figures = self.nights[rule].figures
        lost, human = (np.asarray(figures[key])[:, self.peak].sum(axis=1) for key in ("cell_lost", "cell_human"))
        shares = np.asarray(lost[human > 0] / human[human > 0], dtype=float)
        if not len(shares):
            return np.nan, np.nan, np.nan
        half = half_width(shares, confidence=CONFIDENCE)
        return float(shares.mean()), max(float(shares.mean()) - half, 0.0), float(shares.mean()) + half

    @property
    def table(self) -> pd.DataFrame:
        """One row per rule, the requirement and the roster first: heads, and the night with its bands."""
        rows = []
        for rule, nights in self.nights.items():
            bands = nights.bands()
            row: dict[str, Any] = {"folk_rule": f"folk_{rule}", "heads": self.heads[rule]}
            row |= {"heads_less": self.heads[NEED] - self.heads[rule], "platform_rate": bands.loc[self.rate, "mean"]}
            row |= {f"sales_lost{end}": bands.loc["sales_lost", name] for end, name in BANDS.items()}
            row |= zip((f"peak_lost_share{end}" for end in BANDS), self.peak_lost_share(rule), strict=True)
            rows.append(row | {"lost_share": bands.loc["lost_share", "mean"]})
        return pd.DataFrame(rows, columns=FOLK_COLUMNS)

    @property
    def findings(self) -> list[Message]:
        """Return one sentence: the rules that are too low, and what the lowest of them would cost this night."""
        table = self.table.set_index("folk_rule")
        if table.empty:
            return []
        lowest = min(RULES, key=lambda rule: self.heads[rule])
        row, need = table.loc[f"folk_{lowest}"], table.loc[f"folk_{NEED}"]
        return [
            Message(
                "actions.folk",
                lowest=self.heads[lowest],
                highest=max(self.heads[rule] for rule in RULES),
                need=self.heads[NEED],
                lost=f"{100 * row['peak_lost_share']:.1f}",
                least=f"{100 * need['peak_lost_share']:.1f}",
                cost=f"{row['sales_lost']:,.0f}",
                nights=len(next(iter(self.nights.values()))),
            )
        ]

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The table, by name; none where the night has no contacts."""
        return {"folk_rules": self.table}


BANDS = {"": "mean", "_low": "low", "_high": "high"}


def work_out_folk(
    night: PromoNight, *, need: pd.DataFrame, heads: Mapping[str, int], seed: int, replications: int
) -> FolkResult:
    """Simulate the night with the heads of each rule, with the requirement's, and as it is rostered.

    A rule gives the heads of the busiest half hour; the other half hours and the queues get their share by the
    contacts that people answer, at least one head each. Everybody works at standard speed. The roster's people are
    absent and off chat as in the plan's nights, and counted without those who are.

    Parameters
    ----------
    need : DataFrame
        start, queue, human, on_chat.
    heads : mapping of rule to heads
        As :func:`folk_heads` gives it.
    """
    by_start = need.groupby("start")["on_chat"].sum()
    chat = night.roster[night.roster["activity"] == "chat"]
    at = by_start.idxmax()
    on_chat = ((chat["start"] <= at) & (chat["end"] > at)).sum() * night.shrinkage.on_chat_share
    total = {NEED: int(by_start.max()), ROSTER: round(on_chat)} | dict(heads)
    busiest = float(need.groupby("start")["human"].sum().max())
    draw = RememberedBuyers(buyers=night.buyers()).draw
    variants = {}
    if busiest > 0:
        curves = {NEED: need["on_chat"].to_numpy(dtype=float)}
        share = need["human"].to_numpy(dtype=float) / busiest
        curves |= {rule: np.ceil(number * share - 1e-9) * (share > 0) for rule, number in heads.items()}
        agents = {rule: seat_curve(night, need, curve) for rule, curve in curves.items()}
        agents = {NEED: agents.pop(NEED), ROSTER: night.agents()} | agents
        attend = {ROSTER: night.attend()}
        variants = {
            rule: Variant(draw=draw, agents=who, policy=night.policy, attend=attend.get(rule))
            for rule, who in agents.items()
        }
    measure = night.measure(by_interval=False)
    how: dict[str, Any] = {"measure": measure, "seed": seed, "replications": replications, "turns": True}
    nights = replicate_variants(variants, **how) if variants else {}
    return FolkResult(heads=total, nights=nights, rate=night.rates[0].key, peak=night.grid.starts.get_loc(at))


def seat_curve(night: PromoNight, need: pd.DataFrame, heads: np.ndarray) -> Agents:
    """Seat so many heads in each half hour and queue, at standard speed, each in one queue.

    Parameters
    ----------
    need : DataFrame
        start, queue: what each of ``heads`` belongs to.
    """
    step_s = float(night.grid.step_s)
    shifts: list[tuple[int, float, float]] = []
    skill: list[int] = []
    for column, queue in enumerate(night.queues):
        mine = (need["queue"] == queue).to_numpy()
        starts, counts = night.grid.seconds(need.loc[mine, "start"]), heads[mine]
        for level in range(int(counts.max(initial=0))):
            number = len(skill)
            skill.append(column)
            at = starts[counts > level]
            cuts = np.flatnonzero(np.diff(at) > step_s) + 1
            shifts += [(number, float(run[0]), float(run[-1]) + step_s) for run in np.split(at, cuts)]
    matrix = np.zeros((len(skill), len(night.queues)), dtype=np.int64)
    matrix[np.arange(len(skill)), skill] = 1
    capacity = int(night.people["capacity"].median())
    return Agents(
        shifts=np.array(shifts, dtype=float).reshape(-1, 3),
        capacity=np.full(len(skill), capacity, dtype=np.int64),
        speed=np.ones(len(skill)),
        skill=matrix,
    )
