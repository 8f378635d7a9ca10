"""What a plan comes to: its KPIs against their targets, the sentences to read out, the figures of summary.json."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from simlib.forecasting.result import ForecastResult, RequirementResult
from simlib.inputs import NightInputs
from simlib.messages import LANGS, Lang, Message, Noun, Term, glossary, join_list, label, translate
from simlib.night import Judgement, PromoNight, judge_nights
from simlib.roster import Roster
from simlib.simulator.replicate import Replications
from simlib.staffing.result import SalesResult
from simlib.store.problems import count_mistakes

OF_THE_CASCADE = {
    "agents_day": "agents_day",
    "agents_day_reserve": "agents_day_reserve",
    "agents_peak": "agents_peak_occupancy",
}
ENDS = ("mean", "p05", "p95", "risk_p05", "risk_p95")
KPI_OF_BOUND = {"abandoned": "lost_share", "service_level": "service_level"}  # what a requirement is bound by, judged


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A plan's night against its targets.

    Attributes
    ----------
    inputs : NightInputs
        The store and the wave.
    sales, forecasting, required, roster, night
        The results that the verdict rests on.
    nights : Replications
        The simulated nights, if the forecast is right.
    seed, asked : int
        Of the draws, and how many nights were asked for.
    """

    inputs: NightInputs
    sales: SalesResult = field(repr=False)
    forecasting: ForecastResult = field(repr=False)
    required: RequirementResult = field(repr=False)
    roster: Roster = field(repr=False)
    night: PromoNight = field(repr=False)
    nights: Replications = field(repr=False)
    seed: int
    asked: int

    @cached_property
    def risk_nights(self) -> Replications:
        """The same nights with the forecast's own risk: one error of its total and its shape per night."""
        night = replace(self.night, risk=self.inputs.forecast_risk(self.sales.cascade))
        return night.rehearse(seed=self.seed, replications=len(self.nights), by_interval=False)

    @cached_property
    def judged(self) -> Judgement:
        """How the nights do against the targets, each at its own grain."""
        given = self.inputs
        return judge_nights(
            self.nights.figures,
            grid=given.grid,
            queues=self.night.queues,
            targets=given.floors,
            open_hours=given.open_hours,
        )

    @cached_property
    def kpis(self) -> pd.DataFrame:
        """Every KPI of the night: kpi, unit, mean, low, high, p05, p95, risk_p05, risk_p95.

        ``low`` and ``high`` are the band of the mean. Nine nights in ten lie between ``p05`` and ``p95`` if the
        forecast is right, and between ``risk_p05`` and ``risk_p95`` with the forecast's own risk.
        """
        bands = self.nights.bands().drop(columns="half_width")
        risk = self.risk_nights.bands()[["p05", "p95"]].add_prefix("risk_")
        bands = bands.join(risk).rename_axis("kpi").reset_index()
        bands.insert(1, "unit", [glossary()[key]["unit"] for key in bands["kpi"]])
        return bands

    @cached_property
    def intervals(self) -> pd.DataFrame:
        """The mean night by half hour and queue, what is judged in it, and the heads on chat there and required.

        start, queue, offered, human; lost_share and service_level, each with the band of nine nights in ten;
        first_response, sales_lost; on_chat (after absence and time off chat), required_on_chat; missed (the targets
        that it clearly misses).
        """
        judged, figures = self.judged, self.nights.figures
        starts, queues = self.inputs.grid.starts, self.night.queues
        table = pd.DataFrame({"start": starts.repeat(len(queues)), "queue": list(queues) * len(starts)})
        for key in ("offered", "human"):
            table[key] = judged.mean[f"cell_{key}"].ravel()
        for key, worse in (("lost_share", "cell_lost"), ("service_level", "cell_late")):
            table[key] = judged.share(key).ravel()
            people = figures["cell_human"]
            nightly = np.divide(figures[worse], people, out=np.full(people.shape, np.nan), where=people > 0)
            nightly = nightly if key == "lost_share" else 1.0 - nightly
            table[f"{key}_low"], table[f"{key}_high"] = _percentiles(nightly.reshape(len(self.nights), -1))
        answered = judged.mean["cell_answered"]
        wait_s = np.divide(
            judged.mean["cell_wait_s"], answered, out=np.full(answered.shape, np.nan), where=answered > 0
        )
        table["first_response"] = wait_s.ravel()
        table["sales_lost"] = judged.mean["cell_lost_cny"].ravel()
        table["on_chat"] = self.heads_on_chat.mean(axis=0).ravel()
        need = self.required.requirement.set_index(["start", "queue"])["on_chat"]
        keys = pd.MultiIndex.from_frame(table[["start", "queue"]])
        table["required_on_chat"] = need.reindex(keys).fillna(0.0).to_numpy(dtype=float)
        missed = [[kpi for kpi, cells in judged.misses.items() if cells.ravel()[row]] for row in range(len(table))]
        table["missed"] = pd.Series(missed, dtype=object)
        served = table["queue"].isin(self.forecasting.forecast["queue"].unique())
        return table[served].reset_index(drop=True)

    @cached_property
    def heads_on_chat(self) -> np.ndarray:
        """Standard heads on chat of each night, after absence and time off chat: [nights, intervals, queues]."""
        standard = dict(zip(self.inputs.people["agent_id"], self.inputs.standard, strict=True))
        numbers = self.nights.numbers.tolist()
        return self.night.heads_on_chat(seed=self.seed, replications=numbers, standard=standard)

    @cached_property
    def course(self) -> pd.DataFrame:
        """The night by half hour, all queues at once: start, and each measure with the band of nine nights in ten."""
        table = pd.DataFrame({"start": self.inputs.grid.starts})
        for measure, key in self.measures.items():
            band = self.nights.band(f"{key}_by_interval")
            table[measure] = band["mean"].to_numpy()
            table[f"{measure}_low"], table[f"{measure}_high"] = band["p05"].to_numpy(), band["p95"].to_numpy()
        return table

    @property
    def measures(self) -> dict[str, str]:
        """What the picture of the night shows, and the KPI behind it."""
        same = ("offered", "open_chats", "first_response")
        return {key: key for key in same} | {"platform_rate": self.rate}

    @property
    def rate(self) -> str:
        """The platform's rate that is drawn by half hour, by key of the glossary."""
        return self.inputs.rates[0].key

    @cached_property
    def platform_scores(self) -> pd.DataFrame:
        """The night on every platform that the store sells on, and over each one's 30 days."""
        return self.inputs.score_nights(self.nights)

    @property
    def headline(self) -> tuple[str, ...]:
        """The KPIs that stand first."""
        return ("human", "service_level", self.inputs.headline.key, "first_response", "lost_share", "sales_lost")

    @property
    def floors(self) -> dict[str, float]:
        """What must be reached, by KPI; at most where less is better, else at least."""
        return self.inputs.floors

    @property
    def targets_met(self) -> dict[str, bool]:
        """Return for each target whether it is met, at its own grain: see :class:`simlib.night.Judgement`."""
        return self.judged.met

    @property
    def holds(self) -> bool:
        """True if the night meets every target."""
        return self.judged.holds

    @property
    def fails_badly(self) -> bool:
        """True if so many buyers are lost in service hours that finer figures mean nothing."""
        lost = self.judged.mean_share("lost_share")
        return not self.holds and bool(lost >= self.inputs.target("plan_fails_share"))

    @property
    def shortfall(self) -> int:
        """The worst shortfall of the roster in any half hour, all queues at once, in whole people."""
        return math.ceil(float(self._short_by_start.max()) - 1e-9)

    @property
    def _short_by_start(self) -> pd.Series:
        return self.roster.coverage.groupby("start")["shortfall"].sum()

    @property
    def complete(self) -> bool:
        """True if every night that was asked for was simulated."""
        return self.nights.complete

    def sentences(self, lang: Lang) -> list[str]:
        """Return the sentences that a manager can read out: what fails, the need, the roster, the night.

        A sentence before them warns where the store's data holds mistakes or the run was cut short. A plan that meets
        its targets has no sentence on failing; one that fails badly has none on the night. Where operations still owe
        a figure on which the cascade stands there is nothing to sign, and only the warnings are given.
        """
        lacking = self.sales.missing_figures
        wrong = count_mistakes(each for each in self.inputs.store.problems if each.loss != "missing")
        warned = [translate("store.verdict_not_to_sign", lang, count=wrong)] if wrong else []
        if lacking:
            owed = tuple(Term(f"ask_{key}") for key in lacking)
            return [Message("store.verdict_figures_missing", figures=owed).text(lang), *warned]
        if not self.complete:
            warned.append(translate("plan.cut_short", lang, nights=len(self.nights), asked=self.asked))
        closing = [] if self.fails_badly else [self._night_message]
        if self.judged.closed_contacts >= 1:
            closing.append(Message("plan.closed_hours", contacts=f"{self.judged.closed_contacts:,.0f}"))
        found = [*self.failures, self._need_message, self._roster_message, *closing]
        return [*warned, *(message.text(lang) for message in found)]

    @cached_property
    def failures(self) -> tuple[Message, ...]:
        """What fails, in one sentence that stands first; none where every target is met."""
        if self.holds:
            return ()
        judged = self.judged
        if self.fails_badly:
            lost, limit = f"{100 * judged.mean_share('lost_share'):.1f}", f"{100 * self.floors['lost_share']:.3g}"
            worst = judged.weakness("lost_share")
            where = "" if worst is None else Message("plan.fails_badly_where", where=worst.message)
            return (
                Message("plan.fails_badly", lost=lost, limit=f"{100 * self.floors['lost_share']:.3g}", where=where),
            )
        parts = judged.messages
        named = {each.kpi for each in judged.weaknesses}
        for kpi in judged.missed:
            if kpi not in named:
                key, scale = ("weak_overall_mean", 1) if glossary()[kpi]["unit"] == "s" else ("weak_overall", 100)
                share, limit = f"{scale * judged.mean_share(kpi):.1f}", f"{scale * self.floors[kpi]:.3g}"
                parts.append(Message(f"plan.{key}", kpi=Term(kpi), share=share, limit=limit))
        halves = int(np.any([cells.any(axis=1) for cells in judged.misses.values()], axis=0).sum())
        what = _join_parts(parts)
        if not halves:
            return (Message("plan.fails", what=what),)
        most = Message("plan.fails_most") if halves > 1 else ""
        return (Message("plan.fails_halves", count=halves, most=most, what=what),)

    @property
    def _need_message(self) -> Message:
        human = self.forecasting.forecast["human"].sum()
        rate = self.inputs.transfer_rate
        twice = human * rate / (1 + rate)
        return Message(
            f"plan.{'verdict_need_twice' if twice else 'verdict_need'}",
            wave=self.inputs.wave.name,
            opens=f"{self.inputs.grid.opens:%m-%d %H:%M}",
            closes=f"{self.inputs.grid.times(self.inputs.grid.edges_s)[-1]:%m-%d %H:%M}",
            contacts=f"{self.forecasting.forecast['contacts'].sum():,.0f}",
            human=f"{human:,.0f}",
            twice=f"{twice:,.0f}",
            peak=f"{self.required.peak_start:%H:%M}",
            heads=self.required.peak_heads,
            ready=len(self.inputs.ready),
        )

    @property
    def _roster_message(self) -> Message:
        """The roster against the requirement, in heads to roster, and what the simulated night makes of it."""
        state = "short" if self.shortfall else "whole"
        return Message(
            f"plan.verdict_roster_{state}_{'holds' if self.holds else 'misses'}",
            short=self.shortfall,
            worst=f"{self._short_by_start.idxmax():%H:%M}",
        )

    @property
    def _night_message(self) -> Message:
        kpis = self.kpis.set_index("kpi")
        score = self.inputs.headline
        kind, scale = ("mean", 1) if score.measure == "mean" else ("night", 100)
        rate = kpis.loc[score.key]
        shares = {key: f"{scale * rate[key]:.1f}" for key in ("mean", "p05", "p95", "risk_p05", "risk_p95")}
        lost = {key: f"{kpis.loc['sales_lost', key]:,.0f}" for key in ("mean", "risk_p05", "risk_p95")}
        return Message(
            f"plan.verdict_{kind}_{'holds' if self.holds else 'misses'}",
            rate=Term(score.key),
            share=shares["mean"],
            low=shares["p05"],
            high=shares["p95"],
            risk_low=shares["risk_p05"],
            risk_high=shares["risk_p95"],
            first=whole_or_dash(kpis.loc["first_response", "mean"]),
            lost=lost["mean"],
            lost_low=lost["risk_p05"],
            lost_high=lost["risk_p95"],
            binding=self._binding_message or "",
        )

    @property
    def _binding_message(self) -> Message | None:
        """The target that decides the heads of the busiest half hour, and what the simulated night makes of it."""
        need = self.required.requirement
        there = need[need["start"] == self.required.peak_start]
        row = there.loc[there["to_roster"].idxmax()]
        bound, place = str(row["bound_by"]), int(np.flatnonzero(self.inputs.grid.starts == row["start"])[0])
        kpi = KPI_OF_BOUND.get(bound)
        if kpi is not None:
            value, limit = self.judged.share(kpi)[place, self.night.queues.index(row["queue"])], self.floors[kpi]
        elif bound in ("platform_rate", "occupancy"):
            kpi = self.rate if bound == "platform_rate" else bound
            value = self.nights.band(f"{kpi}_by_interval")["mean"].iloc[place]
            limit = self.floors[kpi] if bound == "platform_rate" else self.sales.spans["occupancy_max"].likely
        else:
            return None
        shown = {"value": f"{100 * value:.1f}", "limit": f"{100 * limit:.3g}"}
        if not np.isfinite(value):
            return None
        named = Term(kpi) if kpi == self.rate else Noun(kpi)
        return Message("plan.binding", clock=f"{row['start']:%H:%M}", queue=Noun(row["queue"]), kpi=named, **shown)

    def basis(self, lang: Lang) -> list[str]:
        """Return what the forecast rests on and what it does not know."""
        spans, rate = self.sales.spans, self.inputs.transfer_rate
        guessed = [label(key, lang) for key, span in spans.items() if span.source in ("field", "platform", "ours")]
        profile = label(f"profile_{self.inputs.wave.profile}", lang)
        lines = [translate("plan.basis", lang, profile=profile), self.forecasting.curve.text(lang)]
        if rate:
            lines.append(translate("plan.basis_transfers", lang, share=f"{100 * rate:.3g}"))
        if guessed:
            lines.append(translate("plan.basis_guessed", lang, ratios=join_list(guessed, lang)))
        return lines

    @property
    def summary(self) -> dict[str, Any]:
        """The run in a few figures, as it goes into summary.json; the same seed gives the same summary."""
        kpis = self.kpis.set_index("kpi")
        store, wave, forecast = self.inputs.store, self.inputs.wave, self.forecasting.forecast
        return {
            "store": store.store.name,
            "store_id": store.store_id,
            "wave": wave.name,
            "day": wave.day.isoformat(),
            "seed": self.seed,
            "replications": len(self.nights),
            "complete": self.complete,
            "contacts": rounded(forecast["contacts"].sum()),
            "human": rounded(forecast["human"].sum()),
            **{name: self.sales.heads(step) for name, step in OF_THE_CASCADE.items()},
            "agents_needed": self.required.peak_heads,
            "ready": len(self.inputs.ready),
            "shortfall": self.shortfall,
            "platform_rate": rounded(kpis.loc[self.rate, "mean"]),
            "sales_lost": rounded(kpis.loc["sales_lost", "mean"]),
            "targets_met": self.targets_met,
            "headline": list(self.headline),
            "worst_half_hours": [
                {
                    "kpi": weak.kpi,
                    "queue": weak.queue,
                    "start": weak.start.isoformat(),
                    "share": rounded(weak.share),
                    "limit": rounded(weak.limit),
                    "minutes": weak.minutes,
                    "buyers": rounded(weak.buyers),
                    "lost_cny": rounded(weak.lost_cny),
                }
                for weak in self.judged.weaknesses
            ],
            "kpis": {key: {end: rounded(kpis.loc[key, end]) for end in ENDS} for key in kpis.index},
            "missing": list(store.missing),
            "verdict": {lang: self.sentences(lang) for lang in LANGS},
        }

    def provenance(self, lang: Lang) -> dict[str, str]:
        """Return what the run was made from, by label."""
        store, wave = self.inputs.store, self.inputs.wave
        return {
            label("store", lang): f"{store.store.name} ({store.store_id})",
            label("wave", lang): f"{wave.name}, {wave.day.isoformat()}",
            label("seed", lang): str(self.seed),
            label("replications", lang): str(len(self.nights)),
            label("versions", lang): f"sandtable {version('sandtable')}",
        }

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables of the simulated night, by name."""
        scored = {"kpis": self.kpis, "platform_scores": self.platform_scores}
        return scored | {"night_course": self.course, "intervals": self.intervals}


def _percentiles(nights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the 5th and 95th percentile over the nights (rows), nan where no night has a value."""
    low, high = (np.full(nights.shape[1], np.nan) for _ in range(2))
    some = ~np.isnan(nights).all(axis=0)
    if some.any():
        low[some], high[some] = np.nanpercentile(nights[:, some], [5, 95], axis=0)
    return low, high


def _join_parts(parts: list[Message]) -> Message:
    """Join parts of a sentence that hold commas of their own."""
    joined = parts[0]
    for part in parts[1:]:
        joined = Message("plan.and_also", first=joined, second=part)
    return joined


def whole_or_dash(value: float) -> str:
    """Return a whole number as text, or a dash for a figure that nobody has."""
    return "–" if pd.isna(value) else f"{value:,.0f}"


def rounded(value: float) -> float | None:
    """Round for the summary, so that a processor's last digit never shows; nan becomes None."""
    return None if pd.isna(value) else float(f"{float(value):.6g}")
