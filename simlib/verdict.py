"""What a plan comes to: its KPIs against their targets, the sentences to read out, the figures of summary.json."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import Any

import pandas as pd

from simlib.forecasting.result import ForecastResult, RequirementResult
from simlib.inputs import NightInputs
from simlib.kpis import BETTER
from simlib.messages import LANGS, Lang, glossary, join_list, label, translate
from simlib.roster import Roster
from simlib.simulator.replicate import Replications
from simlib.staffing.result import SalesResult

OF_THE_CASCADE = {
    "agents_day": "agents_day",
    "agents_day_reserve": "agents_day_reserve",
    "agents_peak": "agents_peak_occupancy",
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A plan's night against its targets.

    Attributes
    ----------
    inputs : NightInputs
        The store and the wave.
    sales, forecasting, required, roster, nights
        The results that the verdict rests on.
    seed, asked : int
        Of the draws, and how many nights were asked for.
    """

    inputs: NightInputs
    sales: SalesResult = field(repr=False)
    forecasting: ForecastResult = field(repr=False)
    required: RequirementResult = field(repr=False)
    roster: Roster = field(repr=False)
    nights: Replications = field(repr=False)
    seed: int
    asked: int

    @cached_property
    def kpis(self) -> pd.DataFrame:
        """Every KPI of the night: kpi, unit, mean, low, high (band of the mean), p05, p95 (nine nights in ten)."""
        bands = self.nights.bands().rename_axis("kpi").reset_index().drop(columns="half_width")
        bands.insert(1, "unit", [glossary()[key]["unit"] for key in bands["kpi"]])
        return bands

    @cached_property
    def intervals(self) -> pd.DataFrame:
        """The night by half hour: start, and each measure's mean with its 5th and 95th percentile of nights."""
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
        """What the mean night must reach, by KPI; at most where less is better, else at least."""
        return self.inputs.floors

    @cached_property
    def targets_met(self) -> dict[str, bool]:
        """Whether the mean night reaches the floor of each KPI that has one."""
        mean = self.kpis.set_index("kpi")["mean"]
        return {
            key: bool(mean[key] >= floor if BETTER[key] == "higher" else mean[key] <= floor)
            for key, floor in self.floors.items()
        }

    @property
    def holds(self) -> bool:
        """Whether the night meets every target."""
        return all(self.targets_met.values())

    @property
    def shortfall(self) -> int:
        """The worst shortfall of the roster in any half hour, all queues at once."""
        return round(self._short_by_start.max())

    @property
    def _short_by_start(self) -> pd.Series:
        return self.roster.coverage.groupby("start")["shortfall"].sum()

    @property
    def complete(self) -> bool:
        """Whether every night that was asked for was simulated."""
        return self.nights.complete

    def sentences(self, lang: Lang) -> list[str]:
        """Return three sentences that a manager can read out: the need, the roster, the night.

        A sentence before them warns where the store's data holds mistakes or the run was cut short.
        """
        kpis = self.kpis.set_index("kpi")
        human = self.forecasting.forecast["human"].sum()
        rate = self.inputs.transfer_rate
        twice = human * rate / (1 + rate)
        wrong = len(self.inputs.store.problems)
        warned = [translate("store.verdict_not_to_sign", lang, count=wrong)] if wrong else []
        if not self.complete:
            warned.append(translate("plan.cut_short", lang, nights=len(self.nights), asked=self.asked))
        score = self.inputs.headline
        judged, scale = ("mean", 1.0) if score.measure == "mean" else ("night", 100.0)
        missed = join_list([label(key, lang) for key, met in self.targets_met.items() if not met], lang)
        return [
            *warned,
            translate(
                f"plan.{'verdict_need_twice' if twice else 'verdict_need'}",
                lang,
                wave=self.inputs.wave.name,
                contacts=f"{self.forecasting.forecast['contacts'].sum():,.0f}",
                human=f"{human:,.0f}",
                twice=f"{twice:,.0f}",
                peak=f"{self.required.peak_start:%H:%M}",
                heads=self.required.peak_heads,
                ready=len(self.inputs.ready),
            ),
            translate(
                f"plan.{'verdict_roster_short' if self.shortfall else 'verdict_roster_whole'}",
                lang,
                short=self.shortfall,
                worst=f"{self._short_by_start.idxmax():%H:%M}",
            ),
            translate(
                f"plan.verdict_{judged}_{'holds' if self.holds else 'misses'}",
                lang,
                rate=label(score.key, lang),
                share=f"{scale * kpis.loc[score.key, 'mean']:.1f}",
                low=f"{scale * kpis.loc[score.key, 'p05']:.1f}",
                high=f"{scale * kpis.loc[score.key, 'p95']:.1f}",
                first=whole_or_dash(kpis.loc["first_response", "mean"]),
                lost=f"{kpis.loc['sales_lost', 'mean']:,.0f}",
                missed=missed,
            ),
        ]

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
            "kpis": {key: {end: rounded(kpis.loc[key, end]) for end in ("mean", "p05", "p95")} for key in kpis.index},
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
        return {"kpis": self.kpis, "platform_scores": self.platform_scores, "intervals": self.intervals}


def whole_or_dash(value: float) -> str:
    """Return a whole number as text, or a dash for a figure that nobody has."""
    return "–" if pd.isna(value) else f"{value:,.0f}"


def rounded(value: float) -> float | None:
    """Round for the summary, so that a processor's last digit never shows; nan becomes None."""
    return None if pd.isna(value) else float(f"{float(value):.6g}")
