"""Put what a store's exports say into the store: what changes, what stands against it, what must be asked first."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simlib import facts
from simlib.messages import Lang, Message, Term, glossary, join_list
from simlib.store.exports.formats import rules
from simlib.store.exports.measure import (
    Measured,
    count_intervals,
    is_known,
    measure_history,
    measure_hours,
    measure_ratios,
    silent_figures,
)
from simlib.store.exports.people import People, read_people, write_people
from simlib.store.exports.reader import Exports, read_exports
from simlib.store.models import Actual, Agent, DateSpan, HistoryRow, HourShare, Ratio, Store
from simlib.store.reader import load_store
from simlib.store.workbook import save_store

NOTE_LONGEST = 2000
FILES_NAMED = 6
CHANGES = ("sheet", "key", "before", "after", "note")


@dataclass(frozen=True, kw_only=True)
class StoreImport:
    """What an import would change; nothing is written before :meth:`save`.

    Attributes
    ----------
    exports : Exports
        What the files hold, sheet by sheet.
    before, store : Store
        The store as it is, and as it would be.
    changes : DataFrame
        One row per changed figure: sheet, key, before, after, note.
    against : tuple of Message
        What stands against the new figures: what of the store's own goes before them, and what is left out; and how
        a roster that was read is rehearsed.
    measured : tuple of Measured
        The ratios that the files give, with their spread over the days and their sources.
    hours, figures : DataFrame
        The shape of a day by kind of day, and shares that no sheet asks for.
    """

    exports: Exports
    before: Store
    store: Store
    changes: pd.DataFrame
    against: tuple[Message, ...]
    measured: tuple[Measured, ...]
    hours: pd.DataFrame
    figures: pd.DataFrame
    people: People
    path: Path

    def with_ratios(self, ratios: Iterable[Ratio]) -> StoreImport:
        """Return the import with these ratios in its store; they go before what was measured for the same keys.

        A ratio that the store has already, with its span and source, stays with its note, so that the same fit again
        changes nothing.
        """
        own = {ratio.key: ratio for ratio in self.before.ratios}
        mine = {ratio.key: ratio for ratio in self.store.ratios}
        rows = []
        for ratio in ratios:
            old = own.get(ratio.key)
            if old is not None and _span(old) == _span(ratio):
                mine[ratio.key] = old
                continue
            mine[ratio.key] = ratio
            before = self.before.ratio(ratio.key).likely
            rows.append(_change("ratios", ratio.key, before, ratio.likely, ratio.note or ""))
        keys = [ratio.key for ratio in ratios]
        kept = self.changes[~((self.changes["sheet"] == "ratios") & self.changes["key"].isin(keys))]
        changes = pd.DataFrame([*kept.to_dict("records"), *rows], columns=list(CHANGES))
        store = self.store.model_copy(update={"ratios": tuple(mine.values())})
        against = tuple(message for message in self.against if message.key != "exports.fitted_stays")
        return replace(self, store=store, changes=changes, against=against)

    def save(self, path: str | Path | None = None, lang: Lang = "zh") -> Path:
        """Write the store whole or not at all: in place, or as a copy where ``path`` says.

        The accounts that were asked about are kept beside the store that is written, so that none is asked twice.
        """
        target = self.path if path is None else Path(path)
        if self.store != self.before or target != self.path:
            save_store(self.store, target, lang)
        asked = [question.value for question in self.exports.questions if question.kind == "agent"]
        if asked or self.people.kept:
            write_people(self.people, target, asked=asked)
        return target


def import_exports(
    paths: str | Path | Iterable[str | Path],
    store: str | Path,
    *,
    answers: Mapping[str, str] | None = None,
    own_shops: Iterable[str] = (),
    lang: Lang = "zh",
    on_file: Callable[[str], None] | None = None,
) -> StoreImport:
    """Read exports and work out what they change in a store.

    Parameters
    ----------
    paths
        As for :func:`read_exports`.
    store : path
        The store's workbook or folder; it must be free of problems.
    answers : mapping of str to str, optional
        Account to agent_id, ``-`` for an account that is nobody's. One that names nobody of the store is not taken,
        and ``against`` says so.
    own_shops : iterable of str
        Names by which the files call this shop, where they differ from the store's own.
    lang : {"zh", "en"}
        Language of the notes that are left in the store.

    Returns
    -------
    StoreImport

    Raises
    ------
    StoreError
        The store cannot be read.
    UserError
        The answers kept beside the store cannot be read.
    """
    path = Path(store)
    loaded = load_store(path, figures_open=True)
    known = read_people(loaded, path)
    people, doubted = known.with_answers(answers or {}), known.doubt_answers(answers or {})
    exports = read_exports(paths, store=loaded, lang=lang, on_file=on_file)
    settled = _settle(exports, loaded, people, frozenset(own_shops))
    others = _files_left_out(exports, settled)
    found = _work_out(settled, loaded, people, path, lang, others)
    return replace(found, against=(*doubted, *found.against))


def _settle(exports: Exports, store: Store, people: People, own_shops: frozenset[str]) -> Exports:
    """Put people for accounts; leave out other platforms, and shops that nobody called the store's own."""
    tables = dict(exports.tables)
    for name in ("agent_day", "chat", "roster"):
        frame = tables[name]
        if len(frame):
            person = frame["agent"].map({nick: people.find(str(nick)) for nick in frame["agent"].dropna().unique()})
            frame = frame.assign(agent=person.where(person.notna(), frame["agent"]))
            tables[name] = frame[frame["agent"] != "-"].reset_index(drop=True)
    questions = tuple(
        question
        for question in exports.questions
        if not (question.kind == "agent" and (question.value in people.kept or people.find(question.value)))
        and not (question.kind == "shop" and question.value in own_shops)
    )
    own = (store.store.platform, "", *(("tmall", "taobao") if store.store.platform in ("tmall", "taobao") else ()))
    for name in ("orders", "agent_day", "store_day"):
        if "platform" in tables[name]:
            tables[name] = tables[name][tables[name]["platform"].isin(own)].reset_index(drop=True)
    foreign = {question.value for question in questions if question.kind == "shop"}
    for name in ("orders", "agent_day", "store_day"):
        if "shop" in tables[name] and foreign:
            tables[name] = tables[name][~tables[name]["shop"].isin(foreign)].reset_index(drop=True)
    return replace(exports, tables=tables, questions=questions)


def _files_left_out(exports: Exports, settled: Exports) -> tuple[str, ...]:
    """Return the files of which nothing is left once other platforms and shops are taken out."""
    files: set[str] = set()
    kept: set[str] = set()
    for name in ("orders", "agent_day", "store_day"):
        files |= set(exports.tables[name]["source_file"].astype(str))
        kept |= set(settled.tables[name]["source_file"].astype(str))
    return tuple(sorted(files - kept))


def _work_out(
    exports: Exports, store: Store, people: People, path: Path, lang: Lang, others: tuple[str, ...]
) -> StoreImport:
    measured = measure_ratios(exports)
    hours = measure_hours(exports, store)
    changes: list[dict[str, Any]] = []
    against: list[Message] = []
    ratios = _new_ratios(store, measured, changes, lang)
    profile = _new_profile(store, hours, changes, lang)
    history, actuals = _new_counts(store, exports, changes, against, lang)
    agents = _new_leave(store, exports, changes, lang)
    info = store.store
    aov = next((each for each in measured if each.key == "aov_cny"), None)
    if aov is not None and info.month_aov_cny != aov.likely:
        changes.append(_change("store", "month_aov_cny", info.month_aov_cny, aov.likely, ""))
        info = info.model_copy(update={"month_aov_cny": aov.likely})
    against += _stands_against(store, measured)
    against += _compare_definitions(exports)
    if others:
        against.append(Message("exports.left_out", files=_few(others)))
    rosters = tuple(dict.fromkeys(exports.tables["roster"]["source_file"].astype(str)))
    if rosters:
        against.append(Message("exports.roster_to_rehearse", files=_few(rosters)))
    provisional = _provisional_files(exports)
    if provisional:
        against.append(Message("exports.provisional_left_out", files=_few(provisional)))
    changed = store.model_copy(
        update={
            "ratios": ratios,
            "day_profile": profile,
            "history": history,
            "actuals": actuals,
            "agents": agents,
            "store": info,
        }
    )
    return StoreImport(
        exports=exports,
        before=store,
        store=changed,
        changes=pd.DataFrame(changes, columns=list(CHANGES)),
        against=tuple(dict.fromkeys(against)),
        measured=tuple(measured),
        hours=hours,
        figures=silent_figures(exports),
        people=people,
        path=path,
    )


def _provisional_files(exports: Exports) -> tuple[str, ...]:
    """Return the files of which a day's payments were not final when they were fetched."""
    files: set[str] = set()
    for name in ("agent_day", "store_day"):
        frame = exports.tables[name]
        if len(frame):
            files |= set(frame.loc[frame["provisional"].fillna(False).astype(bool), "source_file"].astype(str))
    return tuple(sorted(files))


def _few(files: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first files of many, with the number of the others."""
    return files if len(files) <= FILES_NAMED else (*files[:FILES_NAMED], f"+{len(files) - FILES_NAMED}")


def _change(sheet: str, key: str, before: Any, after: Any, note: str) -> dict[str, Any]:
    return {"sheet": sheet, "key": key, "before": before, "after": after, "note": note}


def _span(ratio: Ratio) -> tuple[float, float, float, str]:
    return ratio.low, ratio.likely, ratio.high, ratio.source


def _shown(ratio: Ratio | None, lang: Lang) -> str:
    if ratio is None:
        return Message("exports.nothing_before").text(lang)
    return f"{ratio.low:g} / {ratio.likely:g} / {ratio.high:g} ({ratio.source})"


def _new_ratios(
    store: Store, measured: Iterable[Measured], changes: list[dict[str, Any]], lang: Lang
) -> tuple[Ratio, ...]:
    """Return the ratios with the measured ones in them; what they replace stays in the note."""
    ratios = {ratio.key: ratio for ratio in store.ratios}
    for each in measured:
        own = ratios.get(each.key)
        base = own or store.ratio(each.key)
        low = each.low if is_known(each.low) else min(base.low, each.likely)
        high = each.high if is_known(each.high) else max(base.high, each.likely)
        if own and (own.source == "fitted" or _span(own) == (low, each.likely, high, "store")):
            continue
        files = join_list([*each.files[:3], *(["…"] if len(each.files) > 3 else [])], lang)
        note = Message(
            "exports.ratio_note",
            basis=each.basis,
            files=files,
            days=each.days,
            spread=Message("exports.spread_days" if is_known(each.low) else "exports.spread_former"),
            before=_shown(own, lang),
        ).text(lang)
        ratios[each.key] = Ratio(
            key=each.key, low=low, likely=each.likely, high=high, source="store", note=note[:NOTE_LONGEST]
        )
        changes.append(_change("ratios", each.key, base.likely, each.likely, note))
    return tuple(ratios.values())


def _new_profile(store: Store, hours: pd.DataFrame, changes: list[dict[str, Any]], lang: Lang) -> tuple[HourShare, ...]:
    """Return the day's profile from normal days; hours of waves are shown and not filled in."""
    normal = hours[hours["kind"] == "N"] if len(hours) else hours
    if normal.empty:
        return store.day_profile
    known = {row.hour: row for row in store.day_profile}
    rows = []
    for hour, share in zip(normal["hour"].astype(int).tolist(), normal["share"].tolist(), strict=True):
        old = known.get(hour)
        if old and (old.share, old.source) == (share, "store"):
            rows.append(old)
            continue
        before = f"{old.share:.4%} ({old.source})" if old else Message("exports.nothing_before").text(lang)
        note = Message("exports.was", before=before).text(lang)
        rows.append(HourShare(hour=hour, share=share, source="store", note=note))
        changes.append(_change("day_profile", f"{hour:02d}:00", old.share if old else None, share, note))
    return tuple(rows)


def _compare_definitions(exports: Exports) -> list[Message]:
    """Set the conversion of the agents' reports beside that of the shop's, on the days that have both."""
    shares: list[pd.DataFrame] = []
    for name in ("agent_day", "store_day"):
        table = exports.tables[name]
        if not {"day", "platform", "inquiries"} <= set(table) or not {"buyers_paid", "conversion"} & set(table):
            return []
        paid = table["buyers_paid"] if "buyers_paid" in table else pd.Series(np.nan, index=table.index)
        if "conversion" in table:
            stated = table["conversion"] * table["inquiries"]
            paid = paid.fillna(stated) if name == "agent_day" else stated.fillna(paid)
        known = table.assign(paid=paid).dropna(subset=["paid", "inquiries"])
        shares.append(known.groupby(["platform", "day"])[["paid", "inquiries"]].sum())
    both = shares[0].index.intersection(shares[1].index)
    of_agents, of_shop = (share.loc[both] for share in shares)
    if not (of_agents["inquiries"].sum() > 0 and of_shop["inquiries"].sum() > 0):
        return []
    agents, shop = (share["paid"].sum() / share["inquiries"].sum() for share in (of_agents, of_shop))
    if abs(agents - shop) <= rules()["disagreement"]:
        return []
    shown = {"agents": f"{agents:.2%}", "shop": f"{shop:.2%}", "count": len(of_shop)}
    return [Message("exports.two_definitions", **shown)]


def _new_counts(
    store: Store, exports: Exports, changes: list[dict[str, Any]], against: list[Message], lang: Lang
) -> tuple[tuple[HistoryRow, ...], tuple[Actual, ...]]:
    """Return history and actuals with what came; a day that the store has by interval is not replaced by its total."""
    intervals = count_intervals(exports, in_time_s=_in_time_s(store))
    counts = measure_history(exports, intervals)
    waves = {wave.day: wave.name for wave in store.waves}
    spans = [(wave.start, wave.end) for wave in store.waves]
    history = {(row.start, row.queue): row for row in store.history}
    fine = {row.start.date() for row in store.history if row.start.time() != dt.time()}
    answered = intervals.drop_duplicates(["start", "queue"], keep="last").set_index(["start", "queue"])
    actuals = {(row.start, row.queue): row for row in store.actuals}
    kept_fine, made = 0, {}
    for start, queue, contacts in counts[["start", "queue", "contacts"]].itertuples(index=False):
        moment = pd.Timestamp(start).to_pydatetime()
        daily = (start, queue) not in answered.index
        if daily and moment.date() in fine:
            kept_fine += 1
            continue
        key = (moment, queue)
        old = history.get(key)
        if old is None or old.contacts != contacts:
            note = Message("exports.was", before=f"{old.contacts:g}").text(lang) if old else None
            history[key] = HistoryRow(
                start=moment,
                queue=queue,
                contacts=contacts,
                promo=old.promo if old else waves.get(moment.date()),
                note=note,
            )
            was = old.contacts if old else None
            made[key] = _change("history", f"{moment:%Y-%m-%d %H:%M}", was, contacts, note or "")
        if not daily and any(first <= moment < last for first, last in spans):
            row = answered.loc[(start, queue)]
            figures = {name: float(row[name]) if row[name] == row[name] else None for name in ("answered", "in_time")}
            before = actuals.get(key)
            if before is None or before.contacts != contacts:
                note = Message("exports.was", before=f"{before.contacts:g}").text(lang) if before else None
                actuals[key] = Actual(start=moment, queue=queue, contacts=contacts, note=note, **figures)
                was = before.contacts if before else None
                changes.append(_change("actuals", f"{moment:%Y-%m-%d %H:%M}", was, contacts, note or ""))
    rows_of = Counter(queue for _, queue in history)
    for key in [key for key in made if rows_of[key[1]] == 1]:  # the workbook refuses a history of one interval
        del history[key], made[key]
        against.append(Message("exports.history_alone", day=f"{key[0]:%Y-%m-%d}", queue=Term(str(key[1]))))
    changes += made.values()
    if kept_fine:
        against.append(Message("exports.history_finer", count=kept_fine))
    ordered = sorted(history.values(), key=lambda row: (row.queue, row.start))
    return (
        tuple(ordered) if len(history) > len(store.history) or counts.size else store.history,
        tuple(sorted(actuals.values(), key=lambda row: (row.queue, row.start))),
    )


def _in_time_s(store: Store) -> float:
    """Return the seconds within which the store wants a first response: its own goal, else the kit's target."""
    own = next((goal.floor for goal in store.goals if goal.kpi == "service_level_s" and goal.queue is None), None)
    return float(facts.value("targets", "service_level_s") if own is None else own)


def _new_leave(store: Store, exports: Exports, changes: list[dict[str, Any]], lang: Lang) -> tuple[Agent, ...]:
    """Return the agents with the leave that an imported roster has for them; leave that is there already stays."""
    roster = exports.tables["roster"]
    away = roster[(roster["shift"] == "leave") & roster["day"].notna()]
    agents = []
    for agent in store.agents:
        known = {day for span in agent.leave for day in _days_of(span)}
        new = sorted({day.date() for day in away.loc[away["agent"] == agent.agent_id, "day"]} - known)
        if not new:
            agents.append(agent)
            continue
        spans: list[DateSpan] = []
        for day in new:
            if spans and day - spans[-1].last == dt.timedelta(days=1):
                spans[-1] = DateSpan(first=spans[-1].first, last=day)
            else:
                spans.append(DateSpan(first=day, last=day))
        agents.append(agent.model_copy(update={"leave": (*agent.leave, *spans)}))
        shown = join_list(
            [f"{span.first}" if span.first == span.last else f"{span.first}~{span.last}" for span in spans], lang
        )
        changes.append(_change("agents", agent.agent_id, None, Message("exports.leave", days=shown).text(lang), ""))
    return tuple(agents)


def _days_of(span: DateSpan) -> Iterable[dt.date]:
    return (span.first + dt.timedelta(days=number) for number in range((span.last - span.first).days + 1))


def _stands_against(store: Store, measured: Iterable[Measured]) -> list[Message]:
    """Return what of the store's own goes before a new figure."""
    keys = {each.key for each in measured}
    fitted = tuple(Term(ratio.key) for ratio in store.ratios if ratio.source == "fitted" and ratio.key in keys)
    found = [Message("exports.fitted_stays", ratios=fitted)] if fitted else []
    if "aov_cny" in keys:
        found += [
            Message("exports.wave_wins", wave=wave.name, own=f"{wave.day_aov_cny:,.2f}")
            for wave in store.waves
            if wave.day_aov_cny is not None
        ]
    if "presale_replies" in keys:
        found.append(Message("exports.all_queues"))
    return found


def label_of(key: str) -> Term | str:
    """Return a changed figure's name as a term, where the glossary has one."""
    return Term(key) if key in glossary() else key
