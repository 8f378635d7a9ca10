"""What the next promo starts from: the night's own figures, shrunk to what was there, in a new workbook.

One night is one night: a figure moves by the share ``1 / (1 + nights)`` of the way to what was seen, where ``nights``
is what the figure that was there is worth (``playbook/facts/retrospective.yml``). Shares move on the straight line,
times and speeds on the logarithm. How a night's total compares with ordinary days, and how it falls into the hours, is
kept as history under the promo's name, from which the forecast learns the uplift of that kind of day.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from simlib import facts
from simlib.messages import Lang, Message, Term, UserError
from simlib.store import Store, save_store
from simlib.store.models import Cohort, HistoryRow, HourShare, Ratio

NOTE_CHARACTERS = 2000
PROMO_FIGURES = ("planned_contacts", "actual_contacts", "wape", "poisson_floor", "planned_cny", "actual_cny")


@dataclass(frozen=True, kw_only=True)
class NightFigures:
    """What a night taught, as far as it was measured.

    Parameters
    ----------
    promo : str
        Name of the promo, as history keeps it.
    ratios : mapping of str to float
        By the keys of the sheet Ratios: bot_share, conversion, presale_reply_s, patience_s, shrinkage ...
    contacts : DataFrame, optional
        start (tz-aware or on the store's clock), queue, contacts: what came, for History.
    cohort_speed : mapping of str to float
        By cohort, how fast people were as a share of what the plan had them at (1 = as planned).
    day_profile : mapping of int to float
        Share of an ordinary day's contacts by hour; all 24 hours, adding up to 1.
    reasons : mapping of str to str
        By figure, why the night cannot teach it, as :class:`simlib.retrospective.measured.MeasuredNight` has it.
    """

    promo: str
    ratios: Mapping[str, float]
    contacts: pd.DataFrame | None = None
    cohort_speed: Mapping[str, float] | None = None
    day_profile: Mapping[int, float] | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class WriteBack:
    """A store as the next promo finds it, and what changed.

    Parameters
    ----------
    store : Store
        The new store; the old one is untouched.
    changes : DataFrame
        key, before, seen, weight (share of the way to what was seen), after, and the spans before_low, before_high,
        low, high; one row per figure.
    history_rows : int
        Rows added to History.
    messages : tuple of Message
        What was left out, and why.
    figures : NightFigures
        What the night taught.
    shape : DataFrame
        hour, unit, before, seen, weight, after: shares of the promo day; empty where the night's hours teach nothing.
    unlearned : DataFrame
        key, reason: what the night could not teach, and why.
    """

    store: Store
    changes: pd.DataFrame
    history_rows: int
    messages: tuple[Message, ...]
    figures: NightFigures
    shape: pd.DataFrame = field(default_factory=pd.DataFrame)
    unlearned: pd.DataFrame = field(default_factory=pd.DataFrame)

    def save(self, path: str | Path, *, lang: Lang = "zh") -> None:
        """Write the new store into a new workbook.

        Raises
        ------
        UserError
            Something is there already: nothing is overwritten.
        """
        if Path(path).exists():
            raise UserError(Message("retrospective.workbook_exists", path=str(path)))
        save_store(self.store, path, lang)


def weight_of_night(source: str) -> float:
    """Return the share of the way that a figure moves to what one night has seen.

    >>> weight_of_night("store"), weight_of_night("fitted"), weight_of_night("field")
    (0.25, 0.25, 0.5)
    """
    key = "prior_nights_store" if source in ("store", "fitted") else "prior_nights_other"
    return 1 / (1 + float(facts.value("retrospective", key)))


def shrink(before: float, seen: float, weight: float, *, share: bool) -> float:
    """Move a figure by a weight of the way to what was seen: on the straight line for shares, else on the logarithm.

    Examples
    --------
    >>> shrink(0.4, 0.6, 0.25, share=True), round(shrink(20.0, 80.0, 0.5, share=False), 9)
    (0.45, 40.0)
    """
    if share or before <= 0 or seen <= 0:
        return before + weight * (seen - before)
    return math.exp(math.log(before) + weight * (math.log(seen) - math.log(before)))


def learn_from_night(store: Store, figures: NightFigures, *, lang: Lang = "zh") -> WriteBack:
    """Shrink what a night has shown to what the store knew, and keep the night as history.

    The span of a ratio moves with it: a bound beyond which the night went is widened to the night, the other one moves
    half as far as the likely value, so that a span narrows only slowly.

    Parameters
    ----------
    store : Store
        What the plan rested on.
    figures : NightFigures
        What came.
    lang : str
        Language of the notes in the workbook.

    Returns
    -------
    WriteBack
        Figures that no sheet knows, that are missing, or that lie outside what is allowed are left out and named.

    Examples
    --------
    >>> from simlib.store import load_store
    >>> store = load_store("tests/stores/a1")
    >>> learned = learn_from_night(store, NightFigures(promo="618", ratios={"conversion": 0.41}), lang="en")
    >>> learned.changes[["key", "before", "seen", "weight", "after"]].to_dict("records")
    [{'key': 'conversion', 'before': 0.45, 'seen': 0.41, 'weight': 0.25, 'after': 0.44}]
    """
    messages: list[Message] = []
    rows: list[dict[str, Any]] = []
    ratios = {ratio.key: ratio for ratio in store.ratios}
    known = facts.table("ratios")
    for key, seen in figures.ratios.items():
        allowed = known[known["key"] == key]
        if allowed.empty:
            messages.append(Message("retrospective.ratio_unknown", ratio=key))
            continue
        row = allowed.iloc[0]
        if not math.isfinite(seen) or not row["min"] <= seen <= row["max"]:
            messages.append(
                Message(
                    "retrospective.ratio_outside",
                    ratio=Term(key),
                    value=f"{seen:g}",
                    low=f"{row['min']:g}",
                    high=f"{row['max']:g}",
                )
            )
            continue
        before = store.ratio(key)
        after = _learn_ratio(before, seen, share=row["unit"] == "share", promo=figures.promo, lang=lang)
        rows.append(_change(key, before, seen, weight_of_night(before.source), after))
        ratios[key] = after
    agents = store.agents
    for cohort, seen in (figures.cohort_speed or {}).items():
        if cohort not in get_args(Cohort) or not 0 < seen < math.inf:
            messages.append(Message("retrospective.speed_wrong", cohort=cohort, value=f"{seen:g}"))
            continue
        weight = weight_of_night("store")
        factor = shrink(1.0, seen, weight, share=False)
        agents = tuple(
            agent.model_copy(update={"speed": min(round(agent.speed * factor, 4), 5.0)})
            if agent.cohort == cohort
            else agent
            for agent in agents
        )
        rows.append({"key": f"speed_{cohort}", "before": 1.0, "seen": seen, "weight": weight, "after": factor})
    profile = store.day_profile
    if figures.day_profile is not None:
        profile, changed = _learn_profile(store, figures.day_profile, messages)
        rows += changed
    history = store.history
    if figures.contacts is not None:
        history = _learn_history(store, figures, messages)
    columns = ["key", "before", "seen", "weight", "after", "before_low", "before_high", "low", "high"]
    return WriteBack(
        store=store.model_copy(
            update={"ratios": tuple(ratios.values()), "agents": agents, "history": history, "day_profile": profile}
        ),
        changes=pd.DataFrame(rows, columns=columns),
        history_rows=len(history) - len(store.history),
        messages=tuple(messages),
        figures=figures,
    )


def _learn_ratio(before: Ratio, seen: float, *, share: bool, promo: str, lang: Lang) -> Ratio:
    weight = weight_of_night(before.source)
    likely = round(shrink(before.likely, seen, weight, share=share), 6)
    low = seen if seen < before.low else shrink(before.low, max(seen, before.low), weight / 2, share=share)
    high = seen if seen > before.high else shrink(before.high, min(seen, before.high), weight / 2, share=share)
    learned = Message("retrospective.learned", promo=promo, seen=f"{seen:.4g}", weight=f"{weight:.0%}").text(lang)
    note = " ".join(part for part in (learned, before.note) if part)[:NOTE_CHARACTERS]
    return Ratio(
        key=before.key,
        low=round(min(low, likely), 6),
        likely=likely,
        high=round(max(high, likely), 6),
        source="store",
        note=note,
    )


def _change(key: str, before: Ratio, seen: float, weight: float, after: Ratio) -> dict[str, Any]:
    return {
        "key": key,
        "before": before.likely,
        "seen": seen,
        "weight": weight,
        "after": after.likely,
        "before_low": before.low,
        "before_high": before.high,
        "low": after.low,
        "high": after.high,
    }


def _learn_profile(
    store: Store, seen: Mapping[int, float], messages: list[Message]
) -> tuple[tuple[HourShare, ...], list[dict[str, Any]]]:
    total = sum(seen.values())
    if set(seen) != set(range(24)) or min(seen.values()) < 0 or not math.isclose(total, 1.0, abs_tol=0.005):
        messages.append(Message("retrospective.profile_wrong", total=f"{total:.1%}", hours=len(seen)))
        return store.day_profile, []
    own = {row.hour: row.share for row in store.day_profile}
    weight = weight_of_night("store") if own else 1.0
    shares = {hour: shrink(own.get(hour, 0.0), seen[hour], weight, share=True) for hour in range(24)}
    scale = sum(shares.values())
    rows = [
        {"key": f"hour_{hour:02d}", "before": own.get(hour, math.nan), "seen": seen[hour], "weight": weight,
         "after": shares[hour] / scale}
        for hour in range(24)
    ]  # fmt: skip
    return tuple(HourShare(hour=hour, share=shares[hour] / scale) for hour in range(24)), rows


def _learn_history(store: Store, figures: NightFigures, messages: list[Message]) -> tuple[HistoryRow, ...]:
    """Add the night to the history, in the steps that the queue's history has, without touching what is there."""
    assert figures.contacts is not None
    table = figures.contacts[["start", "queue", "contacts"]].dropna()
    starts = pd.DatetimeIndex(table["start"])
    if starts.tz is not None:
        starts = starts.tz_convert(store.store.timezone).tz_localize(None)
    table = table.assign(start=starts)
    there = {(row.start, row.queue) for row in store.history}
    added: list[HistoryRow] = []
    kept = 0
    for queue, own in table.groupby("queue", sort=False):
        step = _step(store, str(queue))
        fine = own["start"].sort_values().diff().min()
        if step is not None and pd.notna(fine) and step > fine:
            bucket = own["start"].dt.floor(step)
            whole = own.groupby(bucket)["contacts"].agg(["sum", "size"])
            whole = whole[whole["size"] == step // fine]  # part of a day is no day
            own = pd.DataFrame({"start": whole.index, "contacts": whole["sum"].to_numpy()})
        for row in own.itertuples():
            moment = pd.Timestamp(row.start).to_pydatetime()
            if (moment, queue) in there:
                kept += 1
                continue
            added.append(HistoryRow(start=moment, queue=queue, contacts=float(row.contacts), promo=figures.promo))
    if kept:
        messages.append(Message("retrospective.history_there", count=kept))
    return (*store.history, *sorted(added, key=lambda row: (row.start, row.queue)))


def _step(store: Store, queue: str) -> pd.Timedelta | None:
    starts = sorted({row.start for row in store.history if row.queue == queue})
    if len(starts) < 2:
        return None
    return pd.Timedelta(min(later - sooner for sooner, later in pairwise(starts)))


def list_promos(store: Store) -> pd.DataFrame:
    """List the chain of promos that the history holds: the next plan says which it learned from.

    Returns
    -------
    DataFrame
        promo, first_day, last_day, contacts; in order of time.
    """
    rows = store.frame("history").dropna(subset="promo")
    columns = ["promo", "first_day", "last_day", "contacts"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    grouped = rows.groupby("promo", sort=False)
    table = pd.DataFrame(
        {
            "promo": list(grouped.groups),
            "first_day": [_day(moment) for moment in grouped["start"].min()],
            "last_day": [_day(moment) for moment in grouped["start"].max()],
            "contacts": grouped["contacts"].sum().to_numpy(),
        }
    )
    return table.sort_values("first_day", kind="stable", ignore_index=True)


def chain_promos(noted: pd.DataFrame | None, store: Store) -> pd.DataFrame:
    """Return the promos behind a plan: those noted with how wrong their plans were, and the others of the history.

    Parameters
    ----------
    noted : DataFrame, optional
        promo, day, planned_contacts, actual_contacts, wape, poisson_floor, planned_cny, actual_cny.
    """
    columns = ["promo", "day", *PROMO_FIGURES]
    known = pd.DataFrame(columns=columns) if noted is None else noted.reindex(columns=columns)
    past = list_promos(store)
    past = past[~past["promo"].isin(known["promo"])]
    rest = pd.DataFrame({"promo": past["promo"], "day": past["first_day"], "actual_contacts": past["contacts"]})
    both = [table for table in (rest.reindex(columns=columns), known) if len(table)]
    chain = pd.concat(both, ignore_index=True) if both else known
    chain = chain.astype(dict.fromkeys(PROMO_FIGURES, float)).assign(day=pd.to_datetime(chain["day"]).dt.date)
    return chain.sort_values("day", kind="stable", ignore_index=True)


def _day(moment: dt.datetime) -> dt.date:
    day: dt.date = pd.Timestamp(moment).date()
    return day
