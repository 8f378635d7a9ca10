"""What a night's exports and lists measure of the figures that the next plan rests on, and what they cannot."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from simlib import facts
from simlib.retrospective.inputs import on_clock
from simlib.simulator.calibrate import fit_patience, read_waits
from simlib.store.exports.measure import measure_ratios
from simlib.store.exports.reader import Exports

AS_DEFINED = ("inquiries_per_reception", "conversion", "bot_share")
"""Ratios that exports give by their own definition, so that the variance tree takes them as well."""
FROM_REPORTS = (*AS_DEFINED, "transfer_rate", "presale_replies", "presale_reply_s", "presale_think_s")
"""Ratios that the daily reports of the promo day give the next plan."""
CHATS_FOR_PATIENCE, PATIENCE_SPAN = 300, 2.5  # as ``import --fit`` asks for
CHATS_FOR_BURST, BURST_MIN, BURST_MOST = 200, 30, 40.0  # chats of the minutes after an opening (ours)
PEOPLE_FOR_SPEED, RECEPTIONS_FOR_SPEED = 3, 30  # people of a cohort, and receptions of each of them (ours)


@dataclass(frozen=True, kw_only=True)
class MeasuredNight:
    """What was measured, and why the rest was not.

    Parameters
    ----------
    ratios : mapping of str to float
        By the keys of ``playbook/facts/ratios.yml``.
    cohort_speed : mapping of str to float
        By cohort, against the speed that the plan had; the level is in the reply time, so that they lie around 1.
    reasons : mapping of str to str
        By figure, why it could not be measured: a key of the glossary without its ``unlearned_``.
    """

    ratios: Mapping[str, float] = field(default_factory=dict)
    cohort_speed: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


def measure_night(
    exports: Exports | None,
    *,
    day: dt.date,
    people: pd.DataFrame,
    reply_s: Mapping[str, float],
    opening: pd.Timestamp | None = None,
    rostered: pd.DataFrame | None = None,
    came: pd.DataFrame | None = None,
) -> MeasuredNight:
    """Measure what a night's exports and its list of absences teach.

    Parameters
    ----------
    exports : Exports, optional
        Of the night, among other days.
    day : date
        The promo day.
    people : DataFrame
        agent_id, cohort, skill_1, speed: as the plan had them on that day.
    reply_s : mapping of str to float
        By queue, the reply time that the plan had.
    opening : Timestamp, optional
        When the wave opened; None where its day has no opening.
    rostered, came : DataFrame, optional
        The planned roster, and what is left of it without the absences that were noted; None where nobody noted any.
    """
    ratios: dict[str, float] = {}
    reasons: dict[str, str] = {}
    speed: dict[str, float] = {}
    tables: Mapping[str, pd.DataFrame] = {}
    if exports is not None:
        exports = cut_to_day(exports, day)
        tables = exports.tables
        ratios |= {each.key: each.likely for each in measure_ratios(exports) if each.key in FROM_REPORTS}

    def keep(key: str, found: float | str) -> None:
        if isinstance(found, str):
            reasons[key] = found
        else:
            ratios[key] = found

    messages = tables.get("message", pd.DataFrame())
    keep("patience_s", measure_patience(messages, reply_s=ratios.get("presale_reply_s", reply_s["presale"])))
    keep("opening_burst", measure_burst(tables.get("chat", pd.DataFrame()), opening=opening))
    keep("no_show_share", measure_no_shows(rostered, came))
    found = compare_speeds(tables.get("agent_day", pd.DataFrame()), people, reply_s=reply_s)
    if isinstance(found, str):
        reasons["cohort_speed"] = found
    else:
        speed = found
    return MeasuredNight(ratios=ratios, cohort_speed=speed, reasons=reasons)


def cut_to_day(exports: Exports, day: dt.date) -> Exports:
    """Return the exports with the rows of one day: of chat records the chats that began on it."""
    tables = dict(exports.tables)
    for name, column in {"agent_day": "day", "store_day": "day", "orders": "created", "chat": "begun"}.items():
        tables[name] = tables[name][_is_day(tables[name][column], day)]
    messages = tables["message"]
    begun = messages.groupby("chat")["sent"].transform("min")
    tables["message"] = messages[_is_day(begun, day)]
    return replace(exports, tables=tables)


def _is_day(moments: pd.Series, day: dt.date) -> pd.Series:
    return on_clock(moments, None).dt.normalize() == pd.Timestamp(day)


def measure_no_shows(rostered: pd.DataFrame | None, came: pd.DataFrame | None) -> float | str:
    """Return the share of the rostered chat time of people who did not come; a reason where nobody noted it.

    >>> roster = pd.DataFrame({"start": pd.to_datetime(["2026-10-31 18:00"] * 2), "activity": "chat",
    ...                        "end": pd.to_datetime(["2026-10-31 22:00"] * 2)})
    >>> measure_no_shows(roster, roster.head(1)), measure_no_shows(roster, None)
    (0.5, 'no_absences')
    """
    if rostered is None or came is None:
        return "no_absences"
    planned, there = (_chat_hours(table) for table in (rostered, came))
    return max(1.0 - there / planned, 0.0) if planned > 0 else "no_absences"


def _chat_hours(roster: pd.DataFrame) -> float:
    chat = roster[roster["activity"] == "chat"]
    return float((chat["end"] - chat["start"]).dt.total_seconds().sum()) / 3600


def measure_patience(messages: pd.DataFrame, *, reply_s: float) -> float | str:
    """Return the mean patience of a chat record in seconds; a reason where it does not show one."""
    if messages.empty:
        return "not_measured"
    waited, outcome = read_waits(messages, reply_s=reply_s)
    if len(waited) < CHATS_FOR_PATIENCE or not waited.sum() > 0:
        return "few_chats"
    fitted = fit_patience(waited, outcome)
    return float(fitted.patience_s) if fitted.high_s / fitted.low_s < PATIENCE_SPAN else "flat"


def measure_burst(chats: pd.DataFrame, *, opening: pd.Timestamp | None) -> float | str:
    """Return how many times as busy the first minute after the opening was as one an hour later.

    The most likely burst of the half hour after the opening, with contacts that fall off as the forecast has them
    (``opening_decay_min`` of ``playbook/facts/uplift.yml``); a reason where the record cannot show it.
    """
    from scipy.optimize import minimize_scalar

    if opening is None:
        return "no_opening"
    begun = on_clock(chats["begun"], opening.tz).dropna() if "begun" in chats else pd.Series(dtype=float)
    if begun.empty:
        return "no_minutes"
    since = (begun - opening).dt.total_seconds().to_numpy(dtype=float) / 60
    since = since[(since >= 0) & (since < BURST_MIN)]
    if len(since) < CHATS_FOR_BURST:
        return "few_chats"
    if len(np.unique(np.floor(since))) < BURST_MIN / 2:  # times by the quarter or half hour
        return "no_minutes"
    decay = float(facts.value("uplift", "opening_decay_min"))
    falling = np.exp(-since / decay)
    whole = decay * (1.0 - math.exp(-BURST_MIN / decay))

    def surprise(more: float) -> float:
        return float(len(since) * math.log(BURST_MIN + more * whole) - np.log1p(more * falling).sum())

    return 1.0 + float(minimize_scalar(surprise, bounds=(0.0, BURST_MOST), method="bounded").x)


def compare_speeds(
    agent_day: pd.DataFrame, people: pd.DataFrame, *, reply_s: Mapping[str, float]
) -> dict[str, float] | str:
    """Return by cohort how fast people were against the plan; a reason where the reports cannot show it.

    A person's reply time is what is left of the mean response when the wait behind other chats is taken off, as for a
    queue of one server (:func:`simlib.store.exports.measure.measure_ratios`); against the planned one of the queue and
    the planned speed it is a factor. The mean over the cohorts is left to the ratio of the reply time.

    Examples
    --------
    >>> people = pd.DataFrame({"agent_id": list("abcdef"), "cohort": ["own"] * 3 + ["temp"] * 3, "speed": 1.0,
    ...                        "skill_1": "presale"})
    >>> day = pd.DataFrame({"agent": list("abcdef"), "receptions": 100.0, "messages_buyer": 600.0,
    ...                     "online_s": 28800.0, "mean_response_s": [32.0] * 3 + [96.0] * 3})
    >>> {cohort: round(speed, 3) for cohort, speed in compare_speeds(day, people, reply_s={"presale": 20.0}).items()}
    {'own': 1.291, 'temp': 0.775}
    """
    needed = ("agent", "receptions", "messages_buyer", "online_s", "mean_response_s")
    if agent_day.empty or not set(needed) <= set(agent_day):
        return "no_agent_day"
    table = agent_day.merge(people[["agent_id", "cohort", "skill_1", "speed"]], left_on="agent", right_on="agent_id")
    online = table["online_s"] - (table["break_s"].fillna(0.0) if "break_s" in table else 0.0)
    rate = table["messages_buyer"] / online.where(online > 0)
    alone = table["mean_response_s"] / (1.0 + rate * table["mean_response_s"])
    planned = table["skill_1"].map(reply_s) / table["speed"].astype(float)
    table = table.assign(factor=np.log(planned / alone.where(alone > 0)))
    table = table[table["factor"].notna() & (table["receptions"] >= RECEPTIONS_FOR_SPEED)]
    if table.empty:
        return "no_agent_day"
    enough = table.groupby("cohort")["agent"].transform("nunique") >= PEOPLE_FOR_SPEED
    table = table[enough]
    if table["cohort"].nunique() < 2:
        return "one_cohort"
    level = float(np.average(table["factor"], weights=table["receptions"]))
    return {
        str(cohort): math.exp(float(np.average(own["factor"], weights=own["receptions"])) - level)
        for cohort, own in table.groupby("cohort")
    }


def list_unlearned(
    learned: Collection[str], wanted: Sequence[str], reasons: Mapping[str, str], *, otherwise: str = "not_measured"
) -> pd.DataFrame:
    """Return the figures that were not learned, with why: key, reason."""
    rows = [(key, reasons.get(key, otherwise)) for key in wanted if key not in learned]
    return pd.DataFrame(rows, columns=["key", "reason"])
