"""What a position does to the night, compared with the plan on the same buyers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from simlib.kpis import PlatformScore, points_of
from simlib.live.night import ONE_MORE, LiveNight, NightFigures, Position
from simlib.messages import Lang, glossary, join_list, label, translate
from simlib.night import Judgement, judge_nights
from simlib.report.columns import list_words, quantity
from simlib.simulator.replicate import half_width

CURVES = ("open_chats", "waiting", "first_response")
COLUMNS = ("kpi", "plan", "now", "change", "half_width")
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """What a position does to the night, against the plan on the same buyers.

    Parameters
    ----------
    live : LiveNight
        The night that was asked about.
    position : mapping
        Where the sliders stood.
    plan, now : sequence of NightFigures
        One per night, the same number of both.
    """

    live: LiveNight
    position: Position
    plan: Sequence[NightFigures]
    now: Sequence[NightFigures]

    def difference(self, key: str) -> tuple[float, float, float, float]:
        """Return one KPI's mean in the plan, its mean now, the mean difference and its half-width."""
        before, after = (np.array([night[key] for night in nights], dtype=float) for nights in (self.plan, self.now))
        both = ~np.isnan(before) & ~np.isnan(after)
        if not both.any():
            return np.nan, np.nan, np.nan, np.nan
        change = (after - before)[both]
        half = half_width(change, confidence=CONFIDENCE)
        return float(before[both].mean()), float(after[both].mean()), float(change.mean()), half

    def table(self) -> pd.DataFrame:
        """Return the comparison of every KPI in the table, one row per KPI.

        Returns
        -------
        DataFrame
            kpi, plan, now, change, half_width (of the mean change, 95 %).
        """
        return pd.DataFrame(self.rows, columns=list(COLUMNS))

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of :meth:`table` without pandas, which takes longer than the figures."""
        return [dict(zip(COLUMNS, (key, *self.difference(key)), strict=True)) for key in self.live.headline]

    @cached_property
    def judged(self) -> Judgement:
        """Return how the position does against the targets: the judgement that the plan's verdict rests on."""
        live = self.live
        return judge_nights(
            self.now,
            grid=live.night.grid,
            queues=live.night.queues,
            targets=live.targets,
            open_hours=live.open_hours,
        )

    def missed(self) -> list[str]:
        """Return the targets that the nights miss, by key of the glossary."""
        return self.judged.missed

    def curves(self) -> np.ndarray:
        """Return each curve's mean in the plan, and its mean now with the band of that mean.

        Returns
        -------
        float32 array [curves, 4, steps]
            plan, mean, low, high; nan where no buyer came. The band is 95 %, by Student's t.
        """
        drawn = []
        for key in CURVES:
            before, after = (
                np.array([night[f"{key}_by_step"] for night in nights]) for nights in (self.plan, self.now)
            )
            mean, half = mean_band(after)
            drawn.append([mean_band(before)[0], mean, np.maximum(mean - half, 0.0), mean + half])
        return np.array(drawn, dtype=np.float32)

    def verdict(self, lang: Lang) -> str:
        """Return one sentence on what the position does, or what to do where it changes nothing."""
        missed = list_words([label(key, lang) for key in self.missed()], lang)
        kept = translate("live.missed", lang, targets=missed) if missed else translate("live.kept", lang)
        weak = [each.text(lang) for each in self.judged.messages]
        if weak:
            kept = translate("live.weakest", lang, missed=kept, where=join_list(weak[:1], lang))
        kept += self._one_more_lost(lang)
        if self.live.is_plan(self.position):
            return translate("live.as_planned", lang, kept=kept)
        rate = self.live.judged_by
        _, share, change, _ = self.difference(rate)
        mean = glossary()[rate]["unit"] == "s"
        scale = 1.0 if mean else 100.0
        return translate(
            f"live.{'verdict_mean' if mean else 'verdict'}",
            lang,
            rate=label(rate, lang),
            share=f"{scale * share:.1f}",
            change=signed(scale * change, 1),
            lost=self._more_or_less("sales_lost", lang),
            cost=self._more_or_less("night_wages", lang),
            kept=kept,
        )

    def _one_more_lost(self, lang: Lang) -> str:
        """Return the score of the night on each platform, and what one more buyer whom nobody answers does to it."""
        judges = self.live.judges
        if not judges:
            return ""
        if len(judges) == 1 and not self.live.score_steps.get(judges[0].key) and not self._is_over_line(judges[0]):
            mean = judges[0].measure == "mean"
            return translate(
                f"live.one_more_lost_{'mean' if mean else 'rate'}",
                lang,
                score=label(judges[0].key, lang),
                change=self._cost_of_one(judges[0]),
            )
        return "".join(self._score_words(score, lang) for score in judges)

    def _is_over_line(self, score: PlatformScore) -> bool:
        return score.is_over_line(self.difference(score.key)[1])

    def _cost_of_one(self, score: PlatformScore) -> str:
        costs = [night[f"{ONE_MORE}{score.key}"] for night in self.now]
        return signed(float(np.mean(costs)) * (1.0 if score.measure == "mean" else 100.0), 3)

    def _score_words(self, score: PlatformScore, lang: Lang) -> str:
        """Return one platform's figure, its points by the typed steps, and what one more lost buyer does."""
        value, unit = self.difference(score.key)[1], "s" if score.measure == "mean" else "share"
        steps = self.live.score_steps.get(score.key)
        points = translate("live.points", lang, points=f"{points_of(value, steps, score=score):g}") if steps else ""
        points += translate("live.over_line", lang, limit=f"{score.limit_s:g}") if self._is_over_line(score) else ""
        return translate(
            f"live.platform_now_{'mean' if score.measure == 'mean' else 'rate'}",
            lang,
            score=label(score.key, lang),
            value=quantity(value, unit, lang) if np.isfinite(value) else "–",
            points=points,
            change=self._cost_of_one(score),
        )

    def _more_or_less(self, key: str, lang: Lang) -> str:
        change = self.difference(key)[2]
        if abs(change) < 0.5:
            return translate("live.unchanged", lang)
        amount = quantity(abs(change), "CNY", lang)
        return translate("live.more" if change > 0 else "live.less", lang, amount=amount)


def mean_band(nights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over the nights (rows), and the half-width of the 95 % band of each mean.

    One night has no band (0); a column without any value has no mean (nan).

    Examples
    --------
    >>> mean, half = mean_band(np.array([[1.0, np.nan], [3.0, np.nan]]))
    >>> mean.tolist(), half.round(2).tolist()
    ([2.0, nan], [12.71, 0.0])
    """
    from scipy import special

    counted = ~np.isnan(nights)
    n = counted.sum(axis=0)
    total = np.where(counted, nights, 0.0).sum(axis=0)
    mean = np.divide(total, n, out=np.full(nights.shape[1], np.nan), where=n > 0)
    spread = np.where(counted, (nights - mean) ** 2, 0.0).sum(axis=0)
    more = n > 1
    variance = np.divide(spread, n - 1, out=np.zeros(nights.shape[1]), where=more)
    students = special.stdtrit(np.maximum(n - 1, 1), (1 + CONFIDENCE) / 2)
    return mean, np.where(more, students * np.sqrt(variance / np.maximum(n, 1)), 0.0)


def signed(value: float, digits: int) -> str:
    """Return a number with its sign, without one for zero.

    Examples
    --------
    >>> signed(1.25, 1), signed(-3.0, 0), signed(-0.01, 1)
    ('+1.2', '−3', '0.0')
    """
    shown = f"{abs(value):,.{digits}f}"
    if not float(shown.replace(",", "")):
        return shown
    return f"+{shown}" if value > 0 else f"−{shown}"
