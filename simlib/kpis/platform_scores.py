"""What a night does to the score that each platform gives a store's customer service.

A platform's definition is a row of ``playbook/facts/platform_scores.yml``: a rate, a mean or a share not served;
counted by turn, first turn, chat or buyer; in a clock window, by the beginning of the turn or of its chat; with what a
turn that nobody answers counts. This module reads the definition, applies it to the log of a night, and adds the night
to the days before it. On one platform a lost buyer costs one turn of a rate, on another 600 seconds of a mean.

>>> from simlib.kpis import example_log
>>> night = score_platforms(example_log(), {"tmall": 0.6, "douyin": 0.4}, on=dt.date(2026, 10, 31))
>>> night[["platform", "key", "value"]].round(3).values.tolist()
[['tmall', 'wangwang_3min', 0.5], ['douyin', 'douyin_mean_response', 260.0]]
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd

from simlib import facts
from simlib.intervals import DAY_S
from simlib.kpis.log import NightLog
from simlib.kpis.platforms import PlatformRate, find_in_window
from simlib.messages import Message, Term, UserError

FACTS = "platform_scores"
Measure = Literal["rate", "mean", "unserved"]
MEASURES = ("rate", "mean", "unserved")
COUNTS = ("turn", "first", "chat", "buyer")


@dataclass(frozen=True, kw_only=True)
class PlatformScore:
    """How a platform counts one figure of its score; see the head of ``playbook/facts/platform_scores.yml``.

    Parameters
    ----------
    key, platform : str
        The figure's glossary key, and whose it is.
    measure : {"rate", "mean", "unserved"}
        Share answered in time, mean seconds from a question to its reply, or share that nobody answered.
    limit_s : float, optional
        Seconds within which a reply is in time (the last one included), or the line a mean must stay under.
    counts : {"turn", "first", "chat", "buyer"}
        Every turn; the first of each chat; each chat or each buyer once, good if every turn of it is. A log without a
        column ``buyer`` knows no buyer with several chats.
    opens_s, closes_s : int
        The clock window in seconds since the store's midnight; ``closes_s`` is outside.
    window_by : {"turn", "chat"}
        A turn belongs by the time of its question, or by the time its chat with a person began.
    unanswered_s : float, optional
        What a turn that nobody answers counts in a mean; None = it is left out.
    replies : tuple of str
        Whose replies end a turn in a message log (:func:`simlib.kpis.find_turns`): agent, assist.
    days : int
        The days that the platform's figure covers, the last one included.
    """

    key: str
    platform: str
    measure: Measure
    limit_s: float | None
    counts: Literal["turn", "first", "chat", "buyer"]
    opens_s: int
    closes_s: int
    window_by: Literal["turn", "chat"] = "turn"
    unanswered_s: float | None = None
    replies: tuple[str, ...] = ("agent",)
    days: int = 30

    def __post_init__(self) -> None:
        for name, allowed in (("measure", MEASURES), ("counts", COUNTS), ("window_by", ("turn", "chat"))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        if self.measure == "rate" and self.limit_s is None:
            raise ValueError(f"limit_s must be given for a rate, got none for {self.key!r}")
        for name in ("opens_s", "closes_s"):
            if not 0 <= getattr(self, name) <= DAY_S:
                raise ValueError(f"{name} must be a second of the day, 0 to {DAY_S}, got {getattr(self, name)!r}")

    @property
    def better(self) -> Literal["higher", "lower"]:
        """Which way is better."""
        return "higher" if self.measure == "rate" else "lower"

    @property
    def lost_counts(self) -> float:
        """What one unit that nobody answers adds to the total: seconds of a mean, or one of a share."""
        if self.measure == "mean":
            return self.unanswered_s or 0.0
        return 0.0 if self.measure == "rate" else 1.0

    def is_over_line(self, value: float) -> bool:
        """Return whether a mean lies over the line that it should stay under; a rate has none, nan is under it.

        Examples
        --------
        >>> mean, = platform_scores("douyin", on=dt.date(2026, 11, 1))
        >>> mean.is_over_line(90.0), mean.is_over_line(90.1)
        (False, True)
        """
        return self.measure == "mean" and self.limit_s is not None and value > self.limit_s

    def as_rate(self) -> PlatformRate:
        """Return a rate in the form of :class:`simlib.kpis.PlatformRate`.

        Raises
        ------
        ValueError
            It is a mean, or a share not served.
        """
        if self.measure != "rate" or self.limit_s is None:
            raise ValueError(f"{self.key} is no response rate but a {self.measure}")
        return PlatformRate(
            key=self.key,
            platform=self.platform,
            threshold_s=self.limit_s,
            opens_s=self.opens_s,
            closes_s=self.closes_s,
            counts={"turn": "turn", "first": "first"}.get(self.counts, "contact"),  # type: ignore[arg-type]
            replies=self.replies,
        )


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What a platform has counted, and what it adds up to: in time, seconds, or not served. Nights add up.

    Examples
    --------
    >>> month = Tally.of_value(30.0, counted=2_900) + Tally(counted=100, total=9_000)
    >>> month.counted, month.value
    (3000, 32.0)
    """

    counted: float
    total: float

    @classmethod
    def of_value(cls, value: float, *, counted: float) -> Tally:
        """Return the tally behind a figure that a platform shows with the number it is taken over."""
        if not counted >= 0:
            raise ValueError(f"counted must be a number >= 0, got {counted!r}")
        return cls(counted=counted, total=value * counted if counted else 0.0)

    def __add__(self, other: Tally) -> Tally:
        return Tally(counted=self.counted + other.counted, total=self.total + other.total)

    def scale(self, share: float) -> Tally:
        """Return a share of it, with the same value."""
        return Tally(counted=self.counted * share, total=self.total * share)

    @property
    def value(self) -> float:
        """The figure; nan where nothing is counted."""
        return self.total / self.counted if self.counted else math.nan


def platform_scores(platform: str, *, on: dt.date) -> tuple[PlatformScore, ...]:
    """Look up what a platform scores on a day; the first is its headline.

    Raises
    ------
    UserError
        Nothing is known of the platform on that day.

    Examples
    --------
    >>> [score.key for score in platform_scores("douyin", on=dt.date(2026, 5, 6))]
    ['douyin_3min']
    >>> score, = platform_scores("douyin", on=dt.date(2026, 5, 7))
    >>> score.key, score.measure, score.window_by, score.unanswered_s
    ('douyin_mean_response', 'mean', 'chat', 600.0)
    """
    known = facts.rows(FACTS, on=on)
    found = known[(known["platform"] == platform) & known["scored"].ne(False)]
    if found.empty:
        names = tuple(Term(name) for name in dict.fromkeys(known["platform"]))
        raise UserError(
            Message("kpis.platform_without_facts", platform=_name(platform), day=on.isoformat(), known=names)
        )
    return tuple(_read(row) for row in found.to_dict("records"))


def _name(platform: str) -> str:
    return Term(platform) if (facts.table(FACTS)["platform"] == platform).any() else platform


def _read(row: Mapping[Any, Any]) -> PlatformScore:
    def number(name: str) -> float | None:
        return None if row[name] is None else float(row[name])

    return PlatformScore(
        key=row["key"],
        platform=row["platform"],
        measure=row["measure"],
        limit_s=number("value"),
        counts=row["counts"],
        opens_s=_second_of_day(row["opens"]),
        closes_s=_second_of_day(row["closes"]),
        window_by=row["window_by"],
        unanswered_s=number("unanswered_s"),
        replies=tuple(row["replies"]),
        days=row["days"],
    )


def _second_of_day(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def count_score(log: NightLog, score: PlatformScore) -> Tally:
    """Count a night as a platform does.

    Parameters
    ----------
    log : NightLog
        With its turns; chats that only met the bot have none and count nowhere.
    score : PlatformScore
        The definition.

    Returns
    -------
    Tally
        ``counted`` turns, chats or buyers; ``total`` of those in time, of seconds, or of those not served.

    Notes
    -----
    A simulated log has no reply for a buyer who had gone silently, because none reached them; a platform that cannot
    see that counts the reply when it came. So simulated figures are on the strict side.

    Examples
    --------
    >>> from simlib.kpis import example_log
    >>> score, = platform_scores("douyin", on=dt.date(2026, 10, 31))
    >>> count_score(example_log(), score)  # four replies after 20, 20, 120 and 200 s, two turns unanswered
    Tally(counted=6, total=1560.0)
    """
    turns = log.asked_turns
    begins_s = turns.sent_s
    if score.window_by == "chat":
        contact, contacts = log.asked_contacts
        first_s = np.full(len(contacts), np.inf)
        np.minimum.at(first_s, contact, turns.sent_s)
        begins_s = first_s[contact]
    inside = np.flatnonzero(find_in_window(begins_s, score, log.opens))
    if score.counts == "first":
        inside = inside[turns.turn[inside] == 0]
    waits_s = turns.replied_s[inside] - turns.sent_s[inside]
    answered = ~np.isnan(waits_s)
    if score.measure == "mean":
        if score.unanswered_s is not None:
            waits_s, answered = np.where(answered, waits_s, score.unanswered_s), np.ones(len(waits_s), dtype=bool)
        return Tally(counted=int(answered.sum()), total=float(waits_s[answered].sum()))
    good = waits_s <= score.limit_s if score.measure == "rate" else ~answered  # nan is never in time
    if score.counts in ("chat", "buyer"):
        contact, contacts = log.asked_contacts
        whose = contact[inside]
        if score.counts == "buyer" and "buyer" in log.contacts:
            whose = pd.factorize(log.contacts["buyer"].reindex(contacts).to_numpy())[0][whose]
            good, whose = good[whose >= 0], whose[whose >= 0]
        wholly = np.ones(int(whose.max(initial=-1)) + 1, dtype=bool)
        wholly[whose[~good]] = False
        good = wholly[np.bincount(whose, minlength=len(wholly)) > 0]
    return Tally(counted=len(good), total=float(good.sum()))


def cost_of_one_lost(tally: Tally, score: PlatformScore) -> float:
    """Return how one more buyer whom nobody answers changes a figure, in its own unit.

    Examples
    --------
    >>> mean, = platform_scores("douyin", on=dt.date(2026, 11, 1))
    >>> rate, = platform_scores("tmall", on=dt.date(2026, 11, 1))
    >>> round(cost_of_one_lost(Tally(counted=59, total=0.0), mean), 3)  # one unanswered turn in 60
    10.0
    >>> round(cost_of_one_lost(Tally(counted=59, total=59.0), rate), 4)
    -0.0167
    """
    if score.measure == "mean" and score.unanswered_s is None:
        return 0.0
    return (tally + Tally(counted=1, total=score.lost_counts)).value - tally.value


def tally_scores(log: NightLog, scores: Sequence[PlatformScore]) -> dict[str, Any]:
    """Measure a night by each score: its figure under its key, and all tallies as ``score_tallies``.

    Returns
    -------
    dict
        ``score_tallies`` is a float array [scores, 2] of counted and total, in the order of ``scores``; nights add up.

    Examples
    --------
    >>> from simlib.kpis import example_log
    >>> measured = tally_scores(example_log(), platform_scores("douyin", on=dt.date(2026, 11, 1)))
    >>> measured["douyin_mean_response"], measured["score_tallies"].tolist()
    (260.0, [[6.0, 1560.0]])
    """
    tallies = [count_score(log, score) for score in scores]
    figures: dict[str, Any] = {score.key: tally.value for score, tally in zip(scores, tallies, strict=True)}
    rows = np.array([(tally.counted, tally.total) for tally in tallies], dtype=float)
    return figures | {"score_tallies": rows.reshape(-1, 2)}


def score_nights(
    tallies: np.ndarray,
    scores: Sequence[PlatformScore],
    shares: Mapping[str, float],
    *,
    before: Mapping[str, Tally] | None = None,
    steps: Mapping[str, Sequence[tuple[float, float]]] | None = None,
) -> pd.DataFrame:
    """Return what simulated nights come to on every platform that a store sells on.

    Parameters
    ----------
    tallies : float array [nights, scores, 2]
        As :func:`tally_scores` gives them, night by night.
    scores : sequence of PlatformScore
        In the same order.
    shares, before
        As in :func:`score_platforms`.
    steps : mapping of key to steps, optional
        What a figure earns, as :func:`points_of` takes it.

    Returns
    -------
    DataFrame
        One row per figure: platform, share, kpi (its key), unit, limit_s, counted (a night's mean), mean, p05, p95 (of
        the nights, each in the figure's own unit), one_more_lost, figure_before, figure_after (nan where ``before``
        lacks the key) and one_more_lost_after: what one more buyer whom nobody answers does to the 30 days. With
        ``steps``, score_points of the mean and score_points_after of the 30 days too, nan where a figure has no steps.

    Examples
    --------
    >>> scores = platform_scores("douyin", on=dt.date(2026, 11, 1))
    >>> month = {"douyin_mean_response": Tally.of_value(20.0, counted=29_000)}
    >>> table = score_nights(np.array([[[1000.0, 40_000.0]]]), scores, {"douyin": 1.0}, before=month)
    >>> table.loc[0, ["mean", "figure_before", "figure_after"]].round(3).tolist()
    [40.0, 20.0, 20.667]
    """
    rows = []
    for number, score in enumerate(scores):
        share = shares[score.platform]
        nights = np.asarray(tallies, dtype=float)[:, number, :] * share
        counted, total = nights.mean(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = nights[:, 1] / nights[:, 0]
        seen = values[~np.isnan(values)]
        low, high = np.percentile(seen, [5, 95]) if seen.size else (math.nan, math.nan)
        tonight = Tally(counted=counted, total=total)
        earlier = (before or {}).get(score.key)
        month = None if earlier is None else earlier + tonight
        rows.append(
            {
                "platform": score.platform,
                "share": share,
                "kpi": score.key,
                "unit": "s" if score.measure == "mean" else "share",
                "limit_s": score.limit_s,
                "counted": counted,
                "mean": float(seen.mean()) if seen.size else math.nan,
                "p05": low,
                "p95": high,
                "one_more_lost": cost_of_one_lost(tonight, score),
                "figure_before": math.nan if earlier is None else earlier.value,
                "figure_after": math.nan if month is None else month.value,
                "one_more_lost_after": math.nan if month is None else cost_of_one_lost(month, score),
            }
        )
        if steps:
            mine = steps.get(score.key)
            for column, figure in (("score_points", "mean"), ("score_points_after", "figure_after")):
                rows[-1][column] = points_of(rows[-1][figure], mine, score=score) if mine else math.nan
    return pd.DataFrame(rows)


def score_platforms(
    log: NightLog,
    shares: Mapping[str, float],
    *,
    on: dt.date,
    before: Mapping[str, Tally] | None = None,
) -> pd.DataFrame:
    """Score one night on every platform that a store sells on.

    Parameters
    ----------
    log : NightLog
        With its turns.
    shares : mapping of platform to share
        How the chats fall onto the platforms; they add up to 1. The same chats are judged by each platform's own
        definition, and the share says how many of them are its.
    on : datetime.date
        The day whose definitions hold.
    before : mapping of key to Tally, optional
        What each figure stood at over the days before (``score.days - 1`` of them).

    Returns
    -------
    DataFrame
        One row per figure: platform, share, key, measure, limit_s, counted, value, one_more_lost (the change of the
        figure by one more buyer lost), before, after (nan where ``before`` lacks the key): the figure without and with
        this night; one_more_lost_after.

    Raises
    ------
    UserError
        A platform of which nothing is known on that day, or shares that do not add up to 1.
    """
    total = math.fsum(shares.values())
    if not shares or abs(total - 1.0) > 1e-6 or min(shares.values()) < 0:
        parts = tuple(f"{share:.1%}" for share in shares.values())
        raise UserError(Message("kpis.platform_shares", parts=parts, total=f"{total:.1%}"))
    rows = []
    for platform, share in shares.items():
        for score in platform_scores(platform, on=on):
            tonight = count_score(log, score).scale(share)
            earlier = (before or {}).get(score.key, Tally(counted=0, total=0.0))
            month = earlier + tonight
            rows.append(
                {
                    "platform": platform,
                    "share": share,
                    "key": score.key,
                    "measure": score.measure,
                    "limit_s": score.limit_s,
                    "counted": tonight.counted,
                    "value": tonight.value,
                    "one_more_lost": cost_of_one_lost(tonight, score),
                    "before": earlier.value,
                    "after": month.value if earlier.counted else math.nan,
                    "one_more_lost_after": cost_of_one_lost(month, score) if earlier.counted else math.nan,
                }
            )
    return pd.DataFrame(rows)


def points_of(
    value: float,
    steps: Sequence[tuple[float, float]],
    *,
    score: PlatformScore | None = None,
    beyond: float = 50.0,
) -> float:
    """Return the points that a figure earns by the steps of the store's industry.

    Parameters
    ----------
    value : float
        Seconds of a mean, or a share; nan (nothing counted) gives nan.
    steps : sequence of (limit, points)
        From the best step on: a mean of at most ``limit`` seconds earns ``points``, limits rise and points fall; a rate
        must reach ``limit`` percent, limits and points fall.
    score : PlatformScore, optional
        The figure; left out, a mean.
    beyond : float
        What a figure beyond the last limit earns.

    Raises
    ------
    UserError
        Steps whose limits do not rise (of a rate: fall) or whose points do not fall.

    Examples
    --------
    >>> steps = [(12, 100), (18, 90), (25, 80), (35, 70), (50, 60)]
    >>> [points_of(seconds, steps) for seconds in (12.0, 12.1, 49.0, 51.0)]
    [100.0, 90.0, 60.0, 50.0]
    >>> rate, = platform_scores("tmall", on=dt.date(2026, 11, 1))
    >>> [points_of(share, [(95, 100), (90, 80)], score=rate) for share in (0.95, 0.949, 0.8)]
    [100.0, 80.0, 50.0]
    """
    rate = score is not None and score.better == "higher"
    percent = score is not None and score.measure != "mean"
    limits, points = [limit for limit, _ in steps], [earned for _, earned in steps] + [beyond]
    in_order = all((low > high) if rate else (low < high) for low, high in pairwise(limits))
    fall = all(high > low for high, low in pairwise(points))
    if not steps or not in_order or not fall:
        shown = tuple(f"{limit:g} {'%' if percent else 's'}: {earned:g}" for limit, earned in steps)
        raise UserError(Message(f"kpis.score_steps{'_rate' if rate else ''}", steps=shown, beyond=f"{beyond:g}"))
    if math.isnan(value):
        return math.nan
    scaled = round(100.0 * value, 9) if percent else value
    return float(next((earned for limit, earned in steps if (scaled >= limit if rate else scaled <= limit)), beyond))


def find_overdue_facts(*, on: dt.date) -> pd.DataFrame:
    """List the platform facts that hold on a day and should have been looked at again before it.

    Returns
    -------
    DataFrame
        One row per fact: platform, key, grade, checked_on, recheck_by, source.

    Examples
    --------
    >>> find_overdue_facts(on=dt.date(2026, 12, 1)).empty, find_overdue_facts(on=dt.date(2027, 12, 1)).empty
    (True, False)
    """
    known = facts.rows(FACTS, on=on)
    known = known[known["scored"].ne(False)]
    overdue = known[known["recheck_by"].map(lambda day: day < on)]
    return overdue[["platform", "key", "grade", "checked_on", "recheck_by", "source"]].reset_index(drop=True)
