"""Response rates as the platforms count them: turns, windows of the day, thresholds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol

import numpy as np
import pandas as pd

from simlib import facts
from simlib.intervals import DAY_S


class DayWindow(Protocol):
    """A stretch of every local day, in seconds since its midnight."""

    @property
    def opens_s(self) -> int:
        """The first second inside."""

    @property
    def closes_s(self) -> int:
        """The first second outside again."""


@dataclass(frozen=True, kw_only=True)
class PlatformRate:
    """How a platform counts its response rate; ``playbook/facts/platform_scores.yml`` holds them.

    Parameters
    ----------
    key : str
        Its glossary key.
    platform : str
        Whose rate it is.
    threshold_s : float
        A reply within so many seconds is in time, the last one included.
    opens_s, closes_s : int
        The window of the store's local day in seconds since midnight. A turn belongs by the time of its question:
        ``opens_s`` is inside, ``closes_s`` is not. A window that closes before it opens runs over midnight.
    counts : {"turn", "first", "contact"}
        Every turn; the first turn of each contact (so the contact belongs by its beginning); or each contact once,
        in time if every turn of it in the window was.
    replies : tuple of str
        Whose replies end a turn in a message log: agent, assist.
    """

    key: str
    platform: str
    threshold_s: float
    opens_s: int
    closes_s: int
    counts: Literal["turn", "first", "contact"] = "turn"
    replies: tuple[str, ...] = ("agent",)

    def __post_init__(self) -> None:
        if not self.threshold_s > 0:
            raise ValueError(f"threshold_s must be > 0 seconds, got {self.threshold_s!r}")
        for name in ("opens_s", "closes_s"):
            if not 0 <= getattr(self, name) <= DAY_S:
                raise ValueError(f"{name} must be a second of the day, 0 to {DAY_S}, got {getattr(self, name)!r}")
        if self.counts not in ("turn", "first", "contact"):
            raise ValueError(f"counts must be turn, first or contact, got {self.counts!r}")


def platform_rates(platform: str, *, on: dt.date) -> tuple[PlatformRate, ...]:
    """Return the rates that a platform shows on a day, those too that its exports show and its score does not count.

    What it scores, means and shares not served among them, is in :func:`simlib.kpis.platform_scores`.

    Examples
    --------
    >>> [(rate.key, rate.opens_s // 3600, rate.closes_s // 3600)
    ...  for rate in platform_rates("tmall", on=dt.date(2026, 11, 1))]
    [('wangwang_3min', 8, 23)]
    >>> [rate.closes_s // 3600 for rate in platform_rates("tmall", on=dt.date(2023, 11, 1))]
    [24]
    """
    found = facts.rows("platform_scores", on=on)
    found = found[(found["platform"] == platform) & (found["measure"] == "rate")]
    return tuple(
        PlatformRate(
            key=row["key"],
            platform=platform,
            threshold_s=row["value"],
            opens_s=_second_of_day(row["opens"]),
            closes_s=_second_of_day(row["closes"]),
            counts=row["counts"] if row["counts"] in ("turn", "first") else "contact",
            replies=tuple(row["replies"]),
        )
        for row in found.to_dict("records")
    )


def _second_of_day(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def find_turns(messages: pd.DataFrame, *, replies: Sequence[str] = ("agent", "assist")) -> pd.DataFrame:
    """Return the turns of a message log: from the first unanswered question to the first reply (首问首答).

    Parameters
    ----------
    messages : DataFrame
        One row per message: ``contact`` (a buyer's chat on one day), ``time``, ``sender``: buyer; agent; assist (a
        robot's draft under a person's eyes); auto (a canned greeting, which answers nothing); bot (a robot that
        serves alone: it ends a turn that then counts nowhere); and, if known, ``agent``.
    replies : sequence of str
        Which senders answer; other senders, but for buyer and bot, are ignored.

    Returns
    -------
    DataFrame
        contact, turn (0 = the contact's first), sent, replied (NaT or nan = never), agent (-1 = no one).

    Examples
    --------
    >>> find_turns(pd.DataFrame({"contact": 1, "time": [0.0, 60.0, 100.0, 130.0],
    ...                          "sender": ["buyer", "buyer", "agent", "buyer"]}))
       contact  turn   sent  replied  agent
    0        1     0    0.0    100.0     -1
    1        1     1  130.0      NaN     -1
    """
    enders = [*replies, "bot"]
    log = messages[messages["sender"].isin(["buyer", *enders])]
    log = log.sort_values(["contact", "time"], kind="stable").reset_index(drop=True)
    asks = (log["sender"] == "buyer").to_numpy()
    new = np.ones(len(log), dtype=bool)
    new[1:] = log["contact"].to_numpy()[1:] != log["contact"].to_numpy()[:-1]
    after_reply = np.zeros(len(log), dtype=bool)
    after_reply[1:] = ~asks[:-1]
    starts = np.flatnonzero(asks & (new | after_reply))
    ends = np.append(np.flatnonzero(~asks), len(log))
    end = ends[np.searchsorted(ends, starts)]
    contact = log["contact"].to_numpy()
    has_end = end < len(log)
    has_end[has_end] = contact[end[has_end]] == contact[starts[has_end]]
    reply = pd.Series(np.where(has_end, end, -1))
    replied = log["time"].reindex(reply).reset_index(drop=True)
    sender = log["sender"].reindex(reply).to_numpy()
    agent = log["agent"].reindex(reply).to_numpy() if "agent" in log else np.full(len(reply), -1)
    turns = pd.DataFrame(
        {
            "contact": contact[starts],
            "sent": log["time"].iloc[starts].reset_index(drop=True),
            "replied": replied,
            "agent": np.where(has_end, agent, -1),
        }
    )[sender != "bot"].reset_index(drop=True)
    turns.insert(1, "turn", turns.groupby("contact").cumcount())
    return turns


def judge_turns(turns: pd.DataFrame, rate: PlatformRate, *, opens: pd.Timestamp) -> pd.DataFrame:
    """Return the turns with what a platform counts and what was in time.

    Parameters
    ----------
    turns : DataFrame
        contact, turn, sent, replied; times in seconds since ``opens``, or tz-aware.
    rate : PlatformRate
        How the platform counts.
    opens : pandas.Timestamp
        The instant of second 0; its time zone is the store's.

    Returns
    -------
    DataFrame
        Like ``turns``, with ``counted`` and ``in_time`` (never true where ``counted`` is not). A rate that counts
        contacts counts them at their first turn in the window.

    Examples
    --------
    >>> rate, = platform_rates("jd", on=dt.date(2026, 11, 1))
    >>> early = pd.DataFrame({"contact": [0, 1], "turn": 0, "sent": [0.0, 240.0], "replied": [20.0, 270.0]})
    >>> judge_turns(early, rate, opens=pd.Timestamp("2026-11-01 08:56+08:00"))["counted"].tolist()
    [False, True]
    """
    rows, good = judge_rows(turns, rate, opens)
    counted, in_time = np.zeros(len(turns), dtype=bool), np.zeros(len(turns), dtype=bool)
    counted[rows], in_time[rows] = True, good
    return turns.assign(counted=counted, in_time=in_time)


def judge_rows(turns: pd.DataFrame, rate: PlatformRate, opens: pd.Timestamp) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that count, and which of them were answered in time."""
    sent, replied = seconds_since(turns["sent"], opens), seconds_since(turns["replied"], opens)
    rows = np.flatnonzero(find_in_window(sent, rate, opens))
    if rate.counts == "first":
        rows = rows[np.asarray(turns["turn"])[rows] == 0]
    good = replied[rows] - sent[rows] <= rate.threshold_s  # a turn without a reply is nan, which is never good
    if rate.counts == "contact":
        _, first, group = np.unique(np.asarray(turns["contact"])[rows], return_index=True, return_inverse=True)
        rows, good = rows[first], np.bincount(group, weights=~good, minlength=len(first)) == 0
    return rows, good


def seconds_since(times: pd.Series, opens: pd.Timestamp) -> np.ndarray:
    """Return times, tz-aware or already seconds, as seconds since an instant."""
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        return np.asarray((times - opens).dt.total_seconds(), dtype=float)
    return np.asarray(times, dtype=float)


def find_in_window(sent_s: np.ndarray, window: DayWindow, opens: pd.Timestamp) -> np.ndarray:
    """Return which times fall into the clock window of their day, by the store's clock."""
    earliest, latest = (float(pick.reduce(sent_s, initial=np.nan)) for pick in (np.fmin, np.fmax))  # past nan
    if np.isnan(earliest):
        return np.zeros(len(sent_s), dtype=bool)
    first = (opens + pd.Timedelta(seconds=earliest)).date() - dt.timedelta(days=1)
    last = (opens + pd.Timedelta(seconds=latest)).date()
    inside = np.zeros(len(sent_s), dtype=bool)
    for start_s, end_s in _windows(window.opens_s, window.closes_s, first, last, opens, opens.tz):
        if start_s <= latest and earliest < end_s:
            inside |= (start_s <= sent_s) & (sent_s < end_s)
    return inside


@lru_cache(maxsize=256)
def _windows(
    opens_s: int, closes_s: int, first: dt.date, last: dt.date, opens: pd.Timestamp, zone: dt.tzinfo
) -> tuple[tuple[float, float], ...]:
    """Return a clock window per day from the first to the last: start and end, in seconds since ``opens``.

    The zone is its own argument because instants of two zones are equal, and the cache would take them for one.
    """
    length_s = (closes_s - opens_s) % DAY_S or DAY_S

    def seconds(clock: pd.Timestamp) -> float:
        return float((clock.tz_localize(zone, ambiguous=False, nonexistent="shift_forward") - opens).total_seconds())

    starts = [day + pd.Timedelta(seconds=opens_s) for day in pd.date_range(first, last)]
    return tuple((seconds(start), seconds(start + pd.Timedelta(seconds=length_s))) for start in starts)
