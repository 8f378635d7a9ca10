"""A night that came, from what lies beside its store: what is known of it, and what the next plan learns from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from simlib import facts
from simlib.drill.calls import read_calls, read_moves
from simlib.drill.log import read_opening
from simlib.inputs import NightInputs, clock_of, noted_figures
from simlib.messages import Lang, Message, Term, UserError
from simlib.night import PromoNight
from simlib.readiness.countdown import catalogue
from simlib.retrospective.drilled import MOVES_MOST, group_moves
from simlib.retrospective.measured import list_unlearned, measure_night
from simlib.retrospective.result import NightRecord
from simlib.retrospective.variance import NightFacts
from simlib.retrospective.workbook import (
    LEARNT,
    doubt_figures,
    note_night,
    read_review,
    take_figures,
    with_measured,
    within_night,
    without_absences,
    worked_roster,
)
from simlib.retrospective.write_back import NightFigures, WriteBack, chain_promos, learn_from_night
from simlib.store.exports import Exports, read_exports
from simlib.store.models import Ratio, Store
from simlib.stress import Lever, Scenario, apply_levers, levers_for, standard_scenarios

EXPORTS = "exports"  # the folder beside a store that holds what the platforms export
FILES_NAMED = 5
ALL_NIGHT = frozenset({"raise_concurrency", "hand_over_sites"})
"""Levers that hold the whole night, so that a second incident does not apply them again."""


def gather_night(inputs: NightInputs, night: PromoNight, *, aov_cny: float, source: str) -> dict[str, Any]:
    """Return what the retrospective of a night starts from: its plan, its record, and what it is held against."""
    planned = state_plan(inputs, night, aov_cny=aov_cny)
    people = inputs.people[["agent_id", "exam_score"]].astype({"exam_score": float})
    begun = pd.to_datetime(inputs.people["starts_on"])
    people["tenure_days"] = (pd.Timestamp(inputs.wave.day) - begun).dt.days.astype(float)
    platforms = {inputs.store.store.platform, *inputs.store.platform_shares}
    return {
        "planned": planned,
        "record": record_night(inputs, planned, source=source),
        "target": inputs.target("service_level"),
        "promo_day": inputs.wave.day,
        "people": people,
        "platforms": tuple(sorted(platforms)),
        "cards": [*(task["key"] for task in catalogue()), *facts.table("incidents")["key"]],
    }


def state_plan(inputs: NightInputs, night: PromoNight, *, aov_cny: float) -> NightFacts:
    """Return the planned side of the retrospective."""
    return NightFacts(
        night=night,
        inquiry_share=inputs.store.ratio("inquiries_per_reception").likely,
        conversion=inputs.store.ratio("conversion").likely,
        aov_cny=aov_cny,
        opening=inputs.opening,
    )


def record_night(inputs: NightInputs, planned: NightFacts, *, source: str) -> NightRecord:
    """Read what the store noted of the night beside it and in its folder of exports, and what it makes of it."""
    review = within_night(read_review(source, read_time=clock_of(inputs.store, inputs.wave)), inputs.grid)
    review = doubt_figures(review, noted_figures(inputs.store, inputs.wave))
    beside = Path(source) if Path(source).is_dir() else Path(source).parent
    folder = beside / EXPORTS
    exports = read_exports(folder, store=inputs.store) if source and folder.is_dir() else None
    tables = {} if exports is None else exports.tables
    rostered = worked_roster(review, planned)
    opened = inputs.opening
    if opened is not None and "opening" in review.figures:
        opened = inputs.store.local_times([review.figures["opening"]])[0]
    measured = measure_night(
        exports,
        day=inputs.wave.day,
        people=inputs.people,
        reply_s={queue: service.reply_s for queue, service in inputs.services.items()},
        opening=opened,
        rostered=rostered,
        came=None if review.absences.empty else without_absences(rostered, review.absences),
    )
    review, from_exports = with_measured(review, measured)
    replayed = _replay_incidents(planned, review.incidents)
    notices = [*replayed.notices, *from_exports, *_unread(exports)]
    actuals = None if inputs.actuals.empty else inputs.actuals
    record = note_night(review, planned, happened=replayed.happened, actuals=actuals, tables=tables)
    strangers = sorted({*review.absences["agent_id"], *review.served["agent_id"]} - {*inputs.people["agent_id"]})
    if strangers:
        notices.append(Message("retrospective.unknown_people", people=tuple(strangers)))
    seen: dict[str, Any] = {"incidents": replayed.alone, "cards": replayed.carded}
    seen["promos"] = chain_promos(record.promos, inputs.store)
    if source:
        drills = _find_drills(inputs, planned.night, beside)
        notices += drills.notices
        seen |= {"drilled": drills.calls, **_use_levers(drills.moves, record.actual, planned, replayed.scenarios)}
    taken: dict[str, Any] = {"actuals": record.actuals, "forecast": planned.night.forecast, "measured": measured}
    figures = take_figures(review, promo=inputs.wave.name, **taken)
    if figures is not None:
        seen["write_back"] = learn(inputs, figures, aov_cny=planned.aov_cny)
        if "aov_cny" in review.figures and inputs.wave.day_aov_cny:
            notices.append(Message("retrospective.aov_by_store", seen=f"{review.figures['aov_cny']:g}"))
    return replace(
        record, problems=review.problems, book_notices=review.notices, notices=(*record.notices, *notices), **seen
    )


def _unread(exports: Exports | None) -> list[Message]:
    """Return which files of the folder gave no rows; why is what ``sandtable import`` says."""
    if exports is None:
        return []
    rows = exports.understood.groupby("file", sort=False)["rows"].sum()
    files = tuple(str(name) for name in rows.index[rows == 0])
    if not files:
        return []
    more = () if len(files) <= FILES_NAMED else (Message("retrospective.and_files", count=len(files) - FILES_NAMED),)
    return [Message("retrospective.exports_unread", files=(*files[:FILES_NAMED], *more))]


# --- what the next plan learns ---


def learn(inputs: NightInputs, figures: NightFigures, *, aov_cny: float, lang: Lang = "zh") -> WriteBack:
    """Work out what the next plan starts from; what the store leaves open moves from what this plan had."""
    store, ratios, reasons = inputs.store, dict(figures.ratios), dict(figures.reasons)
    if inputs.wave.day_aov_cny:
        ratios.pop("aov_cny", None)
        reasons["aov_cny"] = "by_wave"
    if store.store.slowdown_points:
        reasons["switch_cost_pct"] = "own_curve"
    had = {"aov_cny": Ratio(key="aov_cny", low=aov_cny, likely=aov_cny, high=aov_cny)}
    if store.ratio("opening_burst").likely == 0:
        had["opening_burst"] = inputs.field_burst
    if "no_show_share" in ratios:
        whole, planned = store.ratio("shrinkage"), inputs.shrinkage
        if store.ratio("no_show_share").likely == 0:
            absent: dict[str, Any] = {"likely": planned.absence, "high": max(whole.high, planned.absence)}
            had["no_show_share"] = Ratio(key="no_show_share", low=0.0, source=whole.source, **absent)
        ratios.setdefault("shrinkage", 1 - (1 - ratios["no_show_share"]) * (1 - planned.off_chat))
    own = [ratio for key, ratio in had.items() if key in ratios and store.ratio(key).likely != ratio.likely]
    others = [ratio for ratio in store.ratios if ratio.key not in {each.key for each in own}]
    store = store.model_copy(update={"ratios": (*others, *own)})
    learned = learn_from_night(store, replace(figures, ratios=ratios, reasons=reasons), lang=lang)
    return _learn_curve(inputs, learned, figures)


def _learn_curve(inputs: NightInputs, learned: WriteBack, figures: NightFigures) -> WriteBack:
    """Add what the night, as history, does to the uplift and the hours of its kind of day; name what is left."""
    after, kind = replace(inputs, store=learned.store), inputs.wave.profile
    reasons = dict(learned.figures.reasons)
    changes, shape = learned.changes, pd.DataFrame()
    seen = [promo for promo in after.past_promos if promo.name == figures.promo and learned.history_rows]
    alike = [promo for promo in seen if promo.profile == kind]
    if not alike:
        why = "part_of_night" if not learned.history_rows else "other_kind" if seen else "no_ordinary"
        reasons |= {f"uplift_{kind}": why, "day_shape": why}
    else:
        before, now, prior = inputs.curve, after.curve, float(facts.value("uplift", "field_weight"))
        weight = 1 - (prior + before.promos) / (prior + now.promos)
        uplift = {"key": f"uplift_{kind}", "before": before.likely, "weight": weight, "after": now.likely}
        uplift["seen"] = alike[0].uplift
        uplift |= {"before_low": before.low, "before_high": before.high, "low": now.low, "high": now.high}
        rows = pd.DataFrame([uplift])
        changes = rows.reindex(columns=changes.columns) if changes.empty else pd.concat([changes, rows])
        if alike[0].shape:
            shape = pd.DataFrame(
                {"hour": range(24), "unit": "share", "before": before.shape, "seen": alike[0].shape,
                 "weight": weight, "after": now.shape}
            )  # fmt: skip
        else:
            reasons["day_shape"] = "by_day"
    taught = {*changes["key"], *(["day_shape"] if len(shape) else [])}
    wanted = [*LEARNT, f"uplift_{kind}", "day_shape", "cohort_speed", "switch_cost_pct", "ordinary_shape"]
    if figures.cohort_speed:
        wanted.remove("cohort_speed")
    left = list_unlearned(taught, wanted, reasons)
    return replace(learned, changes=changes.reset_index(drop=True), shape=shape, unlearned=left)


# --- what went wrong, and what was drilled ---


@dataclass(frozen=True, kw_only=True, eq=False)
class _Replayed:
    """The noted incidents in the planned night: all at once, each alone, each with its card, and as they were."""

    happened: NightFacts | None
    alone: Mapping[str, PromoNight]
    carded: Mapping[str, PromoNight]
    scenarios: Mapping[str, Scenario]
    notices: list[Message]


def _replay_incidents(planned: NightFacts, rows: pd.DataFrame) -> _Replayed:
    """Put the noted incidents into the planned night; one that came twice is there twice, its card as well."""
    notices: list[Message] = []
    alone: dict[str, PromoNight] = {}
    carded: dict[str, PromoNight] = {}
    scenarios: dict[str, Scenario] = {}
    night = planned.night
    known = {scenario.name: scenario for scenario in standard_scenarios(night)}
    cards = facts.table("incidents").set_index("key")
    for row in rows.itertuples():
        name, tz = str(row.incident), night.grid.opens.tz
        when = {"start": pd.Timestamp(row.start).tz_localize(tz), "end": pd.Timestamp(row.end).tz_localize(tz)}
        usual = known.get(name)
        try:
            if usual is None:
                raise UserError(Message("retrospective.incident_not_here", incident=Term(name)))
            scenario = replace(usual, incidents=tuple(replace(each, **when) for each in usual.incidents))
            with_it = scenario.apply_to(alone.get(name, planned.night))
            answers = {lever for card in scenario.cards for lever in cards.loc[card, "levers"]}
            answers -= ALL_NIGHT if name in alone else set()
            levers = [lever for lever in levers_for(planned.night, scenario) if lever.kind in answers]
            with_card = apply_levers(scenario.apply_to(carded.get(name, planned.night)), levers)
            night = scenario.apply_to(night)
        except UserError as error:
            notices += error.messages
            continue
        alone[name], carded[name] = with_it, with_card
        scenarios.setdefault(name, scenario)
    happened = replace(planned, night=night) if alone else None
    return _Replayed(happened=happened, alone=alone, carded=carded, scenarios=scenarios, notices=notices)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Drills:
    """The drills of a night: when cards were called, what levers brought, and what could not be used."""

    calls: pd.DataFrame | None = None
    moves: pd.DataFrame | None = None
    notices: list[Message] = field(default_factory=list)


def _find_drills(inputs: NightInputs, night: PromoNight, beside: Path) -> _Drills:
    """Read the drills of this night: beside the store, or in the folder of results beside it."""
    notices: list[Message] = []
    calls: list[pd.DataFrame] = []
    moves: list[pd.DataFrame] = []
    folders = (beside / "drill", beside / "out" / inputs.store.store_id / "drill")
    last = inputs.grid.times(inputs.grid.edges_s[-1:])[0]
    for path in [path for folder in folders for path in sorted(folder.glob("*/log.jsonl"))]:
        named = {"drill": path.parent.name}
        called = read_calls(path, tz=inputs.grid.opens.tz)
        if called.empty:
            notices.append(Message("retrospective.drill_unreadable", **named))
            continue
        if (played := _other_store(path, inputs.store)) is not None:
            notices.append(
                Message("retrospective.drill_other_store", played=played, own=inputs.store.store.name, **named)
            )
            continue
        if not inputs.grid.opens <= called["night"].iloc[0] < last:
            day = f"{called['night'].iloc[0]:%Y-%m-%d}"
            notices.append(Message("retrospective.drill_elsewhere", day=day, **named))
            continue
        calls.append(called)
        try:
            moves.append(read_moves(path, night))
        except UserError:
            notices.append(Message("retrospective.drill_other_plan", **named))
    moves = [table for table in moves if len(table)]
    return _Drills(
        calls=pd.concat(calls, ignore_index=True) if calls else None,
        moves=pd.concat(moves, ignore_index=True) if moves else None,
        notices=notices,
    )


def _other_store(path: Path, store: Store) -> str | None:
    """Return the store that a drill was played on, where it is another one; a renamed workbook is still the store's."""
    opened = read_opening(path)
    if opened is None or not opened.store or store.store_id == opened.store or store.store.name == opened.shop:
        return None
    return opened.shop or opened.store


def _use_levers(
    moves: pd.DataFrame | None, came: NightFacts | None, planned: NightFacts, scenarios: Mapping[str, Scenario]
) -> dict[str, Any]:
    """Put each lever of the drill into the night as it came: against its incident, at once, or at the drill's time."""
    if moves is None or came is None:
        return {}
    night = came.as_it_came(worth_cny=planned.worth_cny)
    grouped = group_moves(moves)
    levered: dict[int, PromoNight] = {}
    costs: dict[int, float] = {}
    for row in grouped.head(MOVES_MOST).itertuples():
        size = None if pd.isna(row.size) else float(row.size)
        if row.scenario in scenarios:
            sizes = {} if size is None else {row.lever: size}
            lever = next(each for each in levers_for(night, scenarios[row.scenario], **sizes) if each.kind == row.lever)
        elif row.scenario:
            continue  # what it answers did not happen
        else:
            lever = Lever(kind=row.lever, decided=row.decided, until=row.until, size=size)
        levered[int(row.Index)], costs[int(row.Index)] = lever.apply(night), lever.cost_cny(night)
    known = grouped.assign(cost_cny=pd.Series(costs, dtype=float))
    return {"moves": known, "as_came": night, "levered": levered}
