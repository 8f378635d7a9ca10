"""What came against what was planned by half hour: contacts, heads, and whether the requirement itself was right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from simlib import kpis
from simlib.intervals import Grid
from simlib.messages import Message, Term
from simlib.retrospective.inputs import need_columns, on_clock
from simlib.store.models import Queue

SHOWN_ROWS = 3
ANOTHER_ROSTER = 0.5
"""Fewer of the rostered people than this share really served: another roster was worked (our choice)."""

CHANCE = 0.05
"""A share in time below the target counts as missed where chance alone gives as few less often (our choice)."""

LATE_BREAK = 0.5
"""So little of a head lacking in an interval is a break taken late, and no lack of people (our choice)."""


class Fit(NamedTuple):
    """How well the forecast met the night, over the intervals that have actuals."""

    planned: float
    actual: float
    wape: float
    inside_band: float
    poisson_floor: float
    bias: float


@dataclass(frozen=True, kw_only=True, eq=False)
class CheckedActuals:
    """Actuals as far as they can be used, and one message for each kind of mistake in them.

    Parameters
    ----------
    table : DataFrame
        start, queue, contacts, answered, in_time (nan where unknown), one row per interval and queue.
    messages : tuple of Message
        What was wrong and what became of it.
    covered : float
        Share of the planned contacts whose intervals have an actual, in [0, 1].
    """

    table: pd.DataFrame
    messages: tuple[Message, ...]
    covered: float


def check_actuals(actuals: pd.DataFrame, forecast: pd.DataFrame) -> CheckedActuals:
    """Keep what can be used of a night's actuals, and report the rest once per kind of mistake.

    Parameters
    ----------
    actuals : DataFrame
        start, queue, contacts; answered and in_time where known. A start without a time zone is on the night's clock.
        As ``store_interval`` of the exports.
    forecast : DataFrame
        start, queue, contacts of the planned night.

    Returns
    -------
    CheckedActuals
        Empty where nothing belongs to the night.

    Raises
    ------
    UserError
        A column is missing (:func:`simlib.retrospective.inputs.need_columns`).

    Examples
    --------
    >>> starts = pd.date_range("2026-10-31 20:00", periods=2, freq="30min", tz="Asia/Shanghai")
    >>> plan = pd.DataFrame({"start": starts, "queue": "presale", "contacts": [10.0, 30.0]})
    >>> came = pd.DataFrame({"start": starts, "queue": "presale", "contacts": [12.0, -1.0]})
    >>> checked = check_actuals(came, plan)
    >>> checked.table["contacts"].tolist(), checked.covered, len(checked.messages)
    ([12.0], 0.25, 2)
    """
    need_columns(actuals, "start", "queue", "contacts", name="actuals")
    table = actuals.reindex(columns=["start", "queue", "contacts", "answered", "in_time"])
    table["start"] = on_clock(table["start"], forecast["start"].dt.tz)
    for name in ("contacts", "answered", "in_time"):
        table[name] = pd.to_numeric(table[name], errors="coerce").astype(float)
    messages: list[Message] = []

    def drop(bad: pd.Series, key: str) -> None:
        nonlocal table
        if bad.any():
            messages.append(Message(f"retrospective.actuals_{key}", count=int(bad.sum()), rows=_named(table[bad])))
            table = table[~bad]

    if not table.empty and not table["start"].isin(forecast["start"]).any():
        first, last = table["start"].min(), table["start"].max()
        messages.append(
            Message(
                "retrospective.actuals_elsewhere",
                planned=f"{forecast['start'].min():%Y-%m-%d %H:%M}",
                first=f"{first:%Y-%m-%d %H:%M}",
                last=f"{last:%Y-%m-%d %H:%M}",
            )
        )
        table = table.head(0)
    drop(~table["start"].isin(forecast["start"]), "outside")
    drop(~table["queue"].isin(forecast["queue"].unique()), "queue")
    drop(table["contacts"].isna(), "empty")
    drop(table["contacts"] < 0, "negative")
    drop(table.duplicated(["start", "queue"]), "twice")
    for part, whole in (("answered", "contacts"), ("in_time", "contacts"), ("in_time", "answered")):
        bad = (table[part] > table[whole]) | (table[part] < 0)
        if bad.any():
            messages.append(
                Message(
                    "retrospective.actuals_too_many",
                    part=Term(part),
                    whole=Term(whole),
                    count=int(bad.sum()),
                    rows=_named(table[bad]),
                )
            )
            table = table.assign(**{part: table[part].where(~bad)})
    both = forecast.merge(table[["start", "queue"]], on=["start", "queue"], how="left", indicator="seen")
    planned = float(both["contacts"].sum())
    seen = both["seen"] == "both"
    covered = float(both.loc[seen, "contacts"].sum() / planned) if planned else 0.0
    gaps = both[~seen & (both["contacts"] > 0)]
    if covered < 1 and not table.empty and not gaps.empty:
        messages.append(Message("retrospective.actuals_part", covered=f"{covered:.0%}", rows=_named(gaps)))
    return CheckedActuals(
        table=table.sort_values(["start", "queue"], ignore_index=True), messages=tuple(messages), covered=covered
    )


def _queue(queue: str) -> Term | str:
    """Return a queue by its name, one that the plan does not know as it was written."""
    return Term(queue) if queue in get_args(Queue) else queue


def _named(rows: pd.DataFrame) -> tuple[object, ...]:
    """Return the first rows as times and queues, and how many more there are."""
    named: list[object] = []
    for row in rows.head(SHOWN_ROWS).itertuples():
        named.append(Message("retrospective.at_row", at=f"{row.start:%m-%d %H:%M}", queue=_queue(str(row.queue))))
    if len(rows) > SHOWN_ROWS:
        named.append(Message("retrospective.and_more", count=len(rows) - SHOWN_ROWS))
    return tuple(named)


def compare_actuals(forecast: pd.DataFrame, actuals: pd.DataFrame) -> pd.DataFrame:
    """Set what came against the forecast, for the intervals and queues that have both.

    Parameters
    ----------
    forecast : pandas.DataFrame
        start, queue, contacts, p05, p95.
    actuals : pandas.DataFrame
        start (tz-aware), queue, contacts.

    Returns
    -------
    pandas.DataFrame
        start, queue, planned, actual, contacts_gap (actual - planned), chance_gap (the gap that pure chance leaves on
        average), inside_band.
    """
    both = forecast.merge(actuals, on=["start", "queue"], suffixes=("_planned", "_actual"))
    table = pd.DataFrame(
        {
            "start": both["start"],
            "queue": both["queue"],
            "planned": both["contacts_planned"].astype(float),
            "actual": both["contacts_actual"].astype(float),
        }
    )
    table["contacts_gap"] = table["actual"] - table["planned"]
    table["chance_gap"] = (table["planned"] * 2 / math.pi) ** 0.5
    table["inside_band"] = both["contacts_actual"].between(both["p05"], both["p95"])
    return table.sort_values(["start", "queue"], ignore_index=True)


def measure_fit(compared: pd.DataFrame) -> Fit:
    """Measure the forecast's error beside the error that pure chance alone would leave.

    ``poisson_floor`` is the WAPE of a perfect forecast of Poisson counts: the mean absolute deviation of a count
    with mean m is close to sqrt(2 m / pi). ``bias`` is actual less planned contacts, as a share of the planned ones.

    Raises
    ------
    ValueError
        No interval has both a forecast and an actual.

    Examples
    --------
    >>> night = pd.DataFrame({"planned": [100.0, 300.0], "actual": [120.0, 280.0], "inside_band": [True, False]})
    >>> measure_fit(night).wape, measure_fit(night).inside_band, measure_fit(night).bias
    (0.1, 0.5, 0.0)
    """
    if compared.empty:
        raise ValueError("compared must have at least one interval with a forecast and an actual")
    planned, actual = float(compared["planned"].sum()), float(compared["actual"].sum())
    errors = (compared["actual"] - compared["planned"]).abs().sum()
    chance = ((2 / math.pi) * compared["planned"]).pow(0.5).sum()
    return Fit(
        planned=planned,
        actual=actual,
        wape=float(errors / max(actual, 1e-9)),
        inside_band=float(compared["inside_band"].mean()),
        poisson_floor=float(chance / max(planned, 1e-9)),
        bias=(actual - planned) / max(planned, 1e-9),
    )


# --- heads ---------------------------------------------------------------------------------------------------


def count_heads(roster: pd.DataFrame, *, grid: Grid, queues: Sequence[str]) -> pd.DataFrame:
    """Count the people on chat by interval and by the queue that they are rostered to.

    Parameters
    ----------
    roster : DataFrame
        agent_id, queue, start, end, activity; one row per segment. Only ``chat`` counts.

    Returns
    -------
    DataFrame
        start, queue, heads (mean over the interval); every interval and queue has a row.
    """
    chat = roster[roster["activity"] == "chat"]
    edges = grid.edges_s
    rows = []
    for queue in queues:
        own = chat[chat["queue"] == queue]
        start, end = grid.seconds(own["start"]), grid.seconds(own["end"])
        inside = np.clip(end[:, None], edges[:-1], edges[1:]) - np.clip(start[:, None], edges[:-1], edges[1:])
        heads = inside.sum(axis=0) / grid.step_s
        rows.append(pd.DataFrame({"start": grid.starts, "queue": queue, "heads": heads}))
    return pd.concat(rows, ignore_index=True).sort_values(["start", "queue"], ignore_index=True)


def compare_heads(
    requirement: pd.DataFrame, *, rostered: pd.DataFrame, served: pd.DataFrame, grid: Grid
) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Set the people who were needed, rostered and there side by side.

    Parameters
    ----------
    requirement : DataFrame
        start, queue, on_chat.
    rostered, served : DataFrame
        Rosters (as :func:`count_heads`): as it was rehearsed, and who really was on chat.

    Returns
    -------
    (DataFrame, tuple of Message)
        start, queue, needed, rostered, served, over (served - needed; below 0 is under). A message says so where
        another roster was worked than the one that was rehearsed.
    """
    need_columns(served, "agent_id", "queue", "start", "end", "activity", name="served")
    queues = list(dict.fromkeys(requirement["queue"]))
    table = requirement[["start", "queue", "on_chat"]].rename(columns={"on_chat": "needed"})
    for name, roster in (("rostered", rostered), ("served", served)):
        heads = count_heads(roster, grid=grid, queues=queues).rename(columns={"heads": name})
        table = table.merge(heads, on=["start", "queue"], how="left")
    table["over"] = table["served"] - table["needed"]
    plan, came = (set(roster.loc[roster["activity"] == "chat", "agent_id"]) for roster in (rostered, served))
    messages: tuple[Message, ...] = ()
    if plan and len(plan & came) < ANOTHER_ROSTER * len(plan):
        messages = (Message("retrospective.another_roster", planned=len(plan), common=len(plan & came)),)
    return table.sort_values(["start", "queue"], ignore_index=True), messages


def judge_requirement(
    heads: pd.DataFrame, *, compared: pd.DataFrame, actuals: pd.DataFrame, target: float
) -> pd.DataFrame:
    """Judge the requirement itself by whether the target was held with what came and who came.

    Parameters
    ----------
    heads : DataFrame
        As :func:`compare_heads`.
    compared : DataFrame
        As :func:`compare_actuals`.
    actuals : DataFrame
        start, queue, contacts, in_time.
    target : float
        Share of contacts in time that the requirement was to hold.

    Returns
    -------
    DataFrame
        start, queue, needed, served, contacts_gap, in_time_share, judgement: ``right`` (the heads were there and the
        target held), ``generous`` (held with fewer), ``by_chance`` (below the target, by no more than a handful of
        contacts may be by chance), ``short`` (missed with fewer than needed), ``more_came`` (missed because more came
        than the band says), ``too_low`` (missed though the heads were there and no more came: the requirement was
        wrong). Only intervals with people to answer and a known share in time.
    """
    table = heads[["start", "queue", "needed", "served"]].merge(
        compared[["start", "queue", "contacts_gap", "inside_band"]], on=["start", "queue"]
    )
    table = table.merge(actuals[["start", "queue", "contacts", "in_time"]], on=["start", "queue"])
    table = table[(table["contacts"] > 0) & table["in_time"].notna()]
    in_time, contacts = table["in_time"].to_numpy(dtype=float), table["contacts"].to_numpy(dtype=float)
    share = in_time / contacts
    enough = _has_heads(table)
    more = (table["contacts_gap"] > 0) & ~table["inside_band"].astype(bool)
    late_by_chance = _is_by_chance(in_time, contacts, target)
    judgement = np.select(
        [(share >= target) & enough, share >= target, late_by_chance, ~enough, more],
        ["right", "generous", "by_chance", "short", "more_came"],
        default="too_low",
    )
    table = table.assign(in_time_share=share, judgement=judgement)
    return table.drop(columns=["inside_band", "contacts", "in_time"]).reset_index(drop=True)


def heads_findings(heads: pd.DataFrame, *, step_h: float) -> list[Message]:
    """Return by how many hours more or fewer people were on chat than needed, and where most were missing.

    Parameters
    ----------
    heads : DataFrame
        As :func:`compare_heads`.
    step_h : float
        Length of an interval.
    """
    over, under = (float((sign * heads["over"]).clip(lower=0).sum()) * step_h for sign in (1, -1))
    hours = {"over": f"{over:,.1f}", "under": f"{under:,.1f}"}
    if not under:
        return [Message("retrospective.heads_enough", **hours)]
    worst = heads.loc[heads["over"].idxmin()]
    at = Message("retrospective.at_row", at=f"{worst['start']:%m-%d %H:%M}", queue=_queue(str(worst["queue"])))
    return [Message("retrospective.heads_short", at=at, heads=f"{-worst['over']:.3g}", **hours)]


def requirement_findings(judged: pd.DataFrame, *, actuals: pd.DataFrame, target: float) -> list[Message]:
    """Return how far the target was held, why it was missed where it was, and what all intervals come to together.

    Parameters
    ----------
    judged : DataFrame
        As :func:`judge_requirement`, of these actuals and this target.

    Notes
    -----
    Single intervals often have too few contacts to know. Below the target as a whole, all of them are judged as one,
    each contact for itself, and what is lacking is split by whether the heads that were needed were there.
    """
    if judged.empty:
        return []
    own = judged[["start", "queue"]].merge(actuals, on=["start", "queue"])
    share = float(own["in_time"].sum() / own["contacts"].sum())
    counts = judged["judgement"].value_counts()
    held = int(counts.reindex(["right", "generous"]).sum())
    parts = {name: int(counts.get(name, 0)) for name in ("by_chance", "short", "more_came", "too_low")}
    shares = {"share": f"{share:.0%}", "target": f"{target:.0%}"}
    found = [Message("retrospective.requirement_held", count=len(judged), held=held, **shares, **parts)]
    if share < target:
        lacking = target * own["contacts"] - own["in_time"]
        short = ~_has_heads(judged).to_numpy()
        split = [round(float(part.sum())) for part in (lacking[short], lacking[~short])]
        chance = _is_by_chance(own["in_time"].sum(), own["contacts"].sum(), target)
        pooled = f"retrospective.all_missed{'_by_chance' if chance else ''}"
        found.append(Message(pooled, count=sum(split), short=split[0], enough=split[1]))
    return found


def _has_heads(table: pd.DataFrame) -> pd.Series:
    """Return where as many were on chat as needed."""
    return table["served"] >= table["needed"] - LATE_BREAK


def _is_by_chance(in_time: ArrayLike, contacts: ArrayLike, target: float) -> np.ndarray:
    """Return whether so few in time are no wonder where each is in time with the chance of the target (binomial)."""
    from scipy.special import bdtr

    return np.asarray(bdtr(np.floor(in_time), np.ceil(contacts).astype(int), target) > CHANCE)


def score_platforms(messages: pd.DataFrame, *, platforms: Sequence[str], opens: pd.Timestamp) -> pd.DataFrame:
    """Score a night's real messages by each platform's own definition.

    Parameters
    ----------
    messages : DataFrame
        contact, time, sender, as :func:`simlib.kpis.find_turns` reads them.
    platforms : sequence of str
        Whose definitions to apply; one that has no rate in the facts gives no row.
    opens : pandas.Timestamp
        The instant of second 0.

    Returns
    -------
    DataFrame
        platform, kpi, counted (turns or contacts), in_time, rate (nan where nothing counts).
    """
    need_columns(messages, "contact", "time", "sender", name="platform_messages")
    rows = []
    for platform in platforms:
        for rate in kpis.platform_rates(platform, on=opens.date()):
            judged = kpis.judge_turns(kpis.find_turns(messages, replies=rate.replies), rate, opens=opens)
            counted, in_time = int(judged["counted"].sum()), int(judged["in_time"].sum())
            rows.append((platform, rate.key, counted, in_time, in_time / counted if counted else math.nan))
    return pd.DataFrame(rows, columns=["platform", "kpi", "counted", "in_time", "rate"])
