"""Fit the chat floor to the exports of one store and put what they teach into its ratios."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from simlib import facts
from simlib.messages import Lang, Message, Term, UserError, join_list
from simlib.simulator.calibrate import (
    ConversionFit,
    FloorFit,
    PatienceFit,
    fit_conversion,
    fit_floor,
    fit_patience,
    read_day_figures,
    read_waits,
)
from simlib.store.exports import StoreImport
from simlib.store.models import Ratio

RATIO_OF = MappingProxyType(
    {
        "turns": "presale_replies",
        "reply_s": "presale_reply_s",
        "think_s": "presale_think_s",
        "patience_s": "patience_s",
        "busyness_cv": "busyness_cv",
        "switch_cost_pct": "switch_cost_pct",
        "silent_share": "silent_share",
    }
)
"""The ratio of the store that each parameter of the floor is."""
CHATS_FOR_PATIENCE = 300  # answered chats of a chat record from which on patience is fitted to them
PATIENCE_LEARNT = 2.5  # a band whose ends are this far apart says nothing of patience
FILES_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class StoreFit:
    """What the exports teach of a store's floor.

    Attributes
    ----------
    imported : StoreImport
        The import with the fitted ratios in its store; nothing is written before it is saved.
    floor : FloorFit or None
        None where the daily reports have too little.
    patience : PatienceFit or None
        From chat records; None where there are too few.
    conversion : ConversionFit or None
        None under 60 agent-days.
    notes : tuple of Message
        What was learnt, what was not and what cannot be distinguished.
    """

    imported: StoreImport
    floor: FloorFit | None
    patience: PatienceFit | None
    conversion: ConversionFit | None
    notes: tuple[Message, ...]

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """``fitted_floor``, one row per ratio, ``floor_match``, one row per exported figure; empty without a fit."""
        if self.floor is None:
            return {}
        known = facts.table("ratios").drop_duplicates("key").set_index("key")["unit"]
        fitted = self.floor.parameters
        ratio = fitted["parameter"].map(RATIO_OF)
        floor = pd.DataFrame(
            {
                "ratio": ratio,
                "unit": ratio.map(known),
                "low": fitted["low"],
                "likely": fitted["value"],
                "high": fitted["high"],
                "rests_on_figure": [name or None for name in fitted["rests_on"]],
                "learnt": ["yes" if learnt else "no" for learnt in fitted["learnt"]],
            }
        )
        match = self.floor.matched
        units = [FIGURE_UNITS[name] for name in match["figure"]]
        match = pd.DataFrame(
            {
                "exported_figure": match["figure"],
                "unit": units,
                "exported": match["exported"],
                "fitted": match["fitted"],
                "fitted_to": ["yes" if used else "no" for used in match["used"]],
            }
        )
        return {"fitted_floor": floor, "floor_match": match}


FIGURE_UNITS = MappingProxyType(
    {
        "turns": "messages",
        "mean_response_s": "s",
        "chat_s": "s",
        "unanswered_share": "share",
        "day_cv": "share",
        "response_by_load": "",
        "first_response_s": "s",
        "most_chats": "chats",
    }
)


def fit_store(
    imported: StoreImport,
    *,
    lang: Lang = "zh",
    today: dt.date | None = None,
    draws: int = 200,
    seed: int = 2026,
    on_progress: Callable[[float], object] | None = None,
) -> StoreFit:
    """Fit a store's floor to the exports of an import, and put what was learnt into the ratios.

    A parameter of which the exports teach nothing stays as the store has it. Patience comes from chat records where
    there are enough of them, else from the unanswered chats of the daily reports, given the store's silent share.

    Parameters
    ----------
    imported : StoreImport
        What :func:`simlib.store.import_exports` returned.
    lang : {"zh", "en"}
        Language of the notes that are left in the store.
    today : date, optional
        The day that the notes bear; left out, the store's own today, else the real one.
    draws, seed : int
        As for :func:`simlib.simulator.calibrate.fit_floor`.
    on_progress : callable, optional
        Called with the share done.
    """
    tables, store = imported.exports.tables, imported.store
    notes: list[Message] = []
    floor = None
    try:
        figures = read_day_figures(tables["agent_day"])
        floor = fit_floor(
            figures, draws=draws, seed=seed, silent_share=store.ratio("silent_share").likely, on_progress=on_progress
        )
    except UserError as error:
        notes += error.messages
    reply_s = floor.value("reply_s") if floor is not None else store.ratio("presale_reply_s").likely
    patience = _fit_patience(tables["message"], reply_s)
    conversion = None
    try:
        conversion = fit_conversion(tables["agent_day"])
    except UserError as error:
        notes += error.messages
    day = today or store.store.today or dt.date.today()
    ratios = _ratios(imported, floor, patience, day=day, lang=lang)
    return StoreFit(
        imported=imported.with_ratios(ratios),
        floor=floor,
        patience=patience,
        conversion=conversion,
        notes=(*_findings(floor, patience, conversion), *notes),
    )


def _fit_patience(messages: pd.DataFrame, reply_s: float) -> PatienceFit | None:
    """Fit patience to chat records; None where they are too few, or show next to nobody who left."""
    waited, outcome = read_waits(messages, reply_s=reply_s)
    if len(waited) < CHATS_FOR_PATIENCE or not waited.sum() > 0:
        return None
    found = fit_patience(waited, outcome)
    return found if found.high_s / found.low_s < PATIENCE_LEARNT else None


def _ratios(
    imported: StoreImport, floor: FloorFit | None, patience: PatienceFit | None, *, day: dt.date, lang: Lang
) -> list[Ratio]:
    """Return the learnt parameters as ratios within what is allowed, with a note of day, files and figures."""
    limits = facts.table("ratios").drop_duplicates("key").set_index("key")
    found: list[Ratio] = []

    def add(
        key: str, low: float, likely: float, high: float, basis: Message, files: tuple[str, ...], days: int
    ) -> None:
        least, most = float(limits.loc[key, "min"]), float(limits.loc[key, "max"])
        if not least <= likely <= most:
            return
        own = next((ratio for ratio in imported.before.ratios if ratio.key == key), None)
        before = Message("exports.nothing_before").text(lang)
        if own is not None:
            before = f"{own.low:g} / {own.likely:g} / {own.high:g} ({own.source})"
        shown = join_list([*files[:FILES_NAMED], *(["…"] if len(files) > FILES_NAMED else [])], lang)
        note = Message("exports.fit_note", day=day, days=days, files=shown, basis=basis, before=before).text(lang)
        likely = round(likely, 4)
        low, high = round(min(max(low, least), likely), 4), round(max(min(high, most), likely), 4)
        found.append(Ratio(key=key, low=low, likely=likely, high=high, source="fitted", note=note[:2000]))

    if floor is not None:
        agents = imported.exports.tables["agent_day"]
        files = tuple(sorted(set(agents.loc[agents["receptions"] > 0, "source_file"].astype(str))))
        exported = floor.matched.set_index("figure")
        for row in floor.parameters.itertuples():
            if not row.learnt or (row.parameter == "patience_s" and patience is not None):
                continue
            figure = str(row.rests_on)
            shown = {side: f"{float(exported.loc[figure, side]):.4g}" for side in ("exported", "fitted")}
            basis = Message("exports.fit_basis", figure=Term(figure), **shown)
            if row.like:
                like = tuple(Term(RATIO_OF[name]) for name in str(row.like).split(", "))
                basis = Message("exports.fit_basis_like", figure=Term(figure), like=like, **shown)
            add(RATIO_OF[str(row.parameter)], row.low, row.value, row.high, basis, files, floor.figures.days)
    if patience is not None:
        messages = imported.exports.tables["message"]
        files = tuple(sorted(set(messages["source_file"].astype(str))))
        basis = Message("exports.fit_basis_chats", count=messages["chat"].nunique())
        days = messages["sent"].dropna().dt.normalize().nunique()
        add("patience_s", patience.low_s, patience.patience_s, patience.high_s, basis, files, days)
    return found


def _findings(floor: FloorFit | None, patience: PatienceFit | None, conversion: ConversionFit | None) -> list[Message]:
    """Return what the fit comes to, a sentence each."""
    found: list[Message] = []
    if floor is not None:
        open_now, most = floor.open_chats, floor.figures.most_chats
        if most == most:
            found.append(Message("exports.fit_open_most", open=f"{open_now:.1f}", most=f"{most:.0f}"))
        else:
            found.append(Message("exports.fit_open", open=f"{open_now:.1f}"))
        blind = [
            Term(RATIO_OF[row.parameter])
            for row in floor.parameters.itertuples()
            if not row.learnt and not (row.parameter == "patience_s" and patience is not None)
        ]
        if blind:
            found.append(Message("exports.fit_not_learnt", ratios=tuple(blind)))
        found += [
            Message("exports.fit_alike", one=Term(RATIO_OF[one]), other=Term(RATIO_OF[other]))
            for one, other in floor.confounded
            if patience is None or "patience_s" not in (one, other)
        ]
    if conversion is not None:
        shown = {name: f"{100 * getattr(conversion, name):+.1f}" for name in ("per_10_s", "low", "high")}
        found.append(Message("exports.fit_conversion", count=conversion.agent_days, agents=conversion.agents, **shown))
    return found
