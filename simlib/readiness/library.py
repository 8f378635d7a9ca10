"""The phrase library: every situation by stage, channel and platform, filled from rules, goods and dated facts."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, get_args

import pandas as pd

from simlib import facts
from simlib.messages import LANGS, PLAYBOOK, Lang, join_list, label, placeholders, read_yaml, translate
from simlib.readiness.changes import split_rests_on
from simlib.readiness.explain import spell_cny
from simlib.readiness.rules import Activity, PromoSheet, is_missing, to_cny
from simlib.readiness.stated import find_contradictions
from simlib.readiness.wording import check_wording, describe_faults
from simlib.store.cells import fold
from simlib.store.models import Platform

PLATFORMS: tuple[str, ...] = get_args(Platform)
TEMPERS = ("tiger", "peacock", "owl", "dove")
COMPLAINANTS = ("venting", "compensation", "respect", "professional")
FILES = ("presale", "chasing", "aftersale", "temperaments", "complainants", "bot")
STATES = ("phrase_ready", "phrase_unfilled", "phrase_fact", "phrase_wording")
# Which activity a placeholder is filled from; a phrase is written once for each activity of the kind.
OF_KIND = {
    "deposit": ("deposit", "counts", "final_start", "final_end"),
    "gift": ("gift", "gift_activity"),
    "limit": ("limit",),
}
COLUMNS = ["phrase_id", "topic", "queue", "stage", "channel", "platform", "variant", "zh", "en", "rests_on", "state"]
COLUMNS += ["reason"]


@dataclass(frozen=True, kw_only=True)
class Template:
    """One phrase of the library as it stands in the playbook; an empty tuple of stages or platforms means all."""

    key: str
    situation: str
    queue: str
    stages: tuple[str, ...]
    channels: tuple[str, ...]
    platforms: tuple[str, ...]
    variant: str
    wave: int
    slot: int
    consent: bool
    texts: Mapping[str, str] = field(hash=False)

    @property
    def asks(self) -> set[str]:
        """Return the names that are filled in."""
        return placeholders(self.texts["zh"])


@cache
def situations() -> Mapping[str, Mapping[str, Any]]:
    """Read the situations of the library, by key, in their order."""
    return {row["key"]: row for row in read_yaml(PLAYBOOK / "phrases" / "situations.yml")}


@cache
def read_library() -> tuple[Template, ...]:
    """Read every phrase of the playbook, those of the bot included.

    Examples
    --------
    >>> len(read_library()) > 100, read_library()[0].key
    (True, 'welcome_deposit')
    """
    found = []
    for name in FILES:
        for row in read_yaml(PLAYBOOK / "phrases" / f"{name}.yml"):
            of = situations().get(row["value"], {"value": "all", "stages": [], "channels": ["chat"]})
            wave = row.get("wave", 0)
            parts = [row[kind] for kind in ("temper", "complainant") if kind in row]
            parts += [f"slot_{row['slot']}"] if "slot" in row else []
            parts += [f"step_{row['step']}"] if "step" in row else []
            parts += [f"wave_{wave}"] if wave else []
            found.append(
                Template(
                    key=row["key"],
                    situation=row["value"],
                    queue=of["value"],
                    stages=tuple(row.get("stages", () if wave else of["stages"])),
                    channels=("bot",) if wave else tuple(row.get("channels", of["channels"])),
                    platforms=tuple(row.get("platforms", PLATFORMS)),
                    variant=" ".join(parts),
                    wave=wave,
                    slot=row.get("slot", 0),
                    consent=row.get("consent", False),
                    texts={lang: row[lang] for lang in LANGS},
                )
            )
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class _Filling:
    """What placeholders are filled with, by language, and the ids that it rests on."""

    known: Mapping[str, Mapping[str, str]]
    rests_on: tuple[str, ...]


def fill_library(sheet: PromoSheet, *, store: str, platforms: Sequence[str] = PLATFORMS, on: dt.date) -> pd.DataFrame:
    """Fill every phrase of the library for a store, and write one phrase for each of its rules.

    Parameters
    ----------
    sheet : PromoSheet
        The store's activities and goods.
    store : str
        The store's name.
    platforms : sequence of str
        Where it sells; a phrase for other platforms is left out.
    on : datetime.date
        The day on which dated facts must hold.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`: phrase_id (the library's key, with the activity's id where it is filled from one), topic, queue,
        stage, channel, platform and variant as tuples, zh, en, rests_on (ids and facts, semicolons), state (of
        `STATES`), reason (the placeholders, facts or faults that keep it back, as a tuple).
    """
    rows = []
    general = _general(sheet, store)
    for template in read_library():
        asked = set(template.platforms) & set(platforms)
        if asked:
            order = tuple(platform for platform in PLATFORMS if platform in asked)
            for key, filling in _fillings(template, sheet, general):
                rows.append(_fill(template, key, filling, order, on))
    rows += [_fill_rule(activity, sheet, tuple(platforms)) for activity in sheet.activities]
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


def _fillings(template: Template, sheet: PromoSheet, general: _Filling) -> Iterator[tuple[str, _Filling]]:
    """Yield the phrase's key and what fills it: once, or once for each activity of the kind that it names."""
    kinds = [kind for kind, names in OF_KIND.items() if template.asks & set(names)]
    used = {name: general.known[name] for name in template.asks if name in general.known}
    rests = general.rests_on if template.asks & {"start", "end", "member_price"} else ()
    base = _Filling(known=used, rests_on=rests)
    of_kind = [activity for activity in sheet.activities if kinds and activity.kind == kinds[0]]
    if not of_kind:
        yield template.key, base
    for activity in of_kind:
        values = {**used, **_of_activity(activity, sheet)}
        key = template.key if len(of_kind) == 1 else f"{template.key}@{activity.id}"
        yield key, _Filling(known=values, rests_on=(*rests, activity.id))


def _moment(stamp: pd.Timestamp, lang: Lang) -> str:
    return translate("readiness.phrase_moment", lang, month=stamp.month, day=stamp.day, clock=f"{stamp:%H:%M}")


def _general(sheet: PromoSheet, store: str) -> _Filling:
    values: dict[str, Mapping[str, str]] = {"store": dict.fromkeys(LANGS, store)}
    main = [activity for activity in sheet.activities if activity.kind != "deposit"]
    rests: list[str] = []
    if main:
        first, last = min(main, key=lambda one: one.start), max(main, key=lambda one: one.end)
        values["start"] = {lang: _moment(sheet.instants[first.start], lang) for lang in LANGS}
        values["end"] = {lang: _moment(sheet.instants[last.end], lang) for lang in LANGS}
        rests += [first.id, last.id]
    for good in sheet.goods.values():
        if good.member_cents is not None and "member_price" not in values:
            values["member_price"] = dict.fromkeys(LANGS, spell_cny(to_cny(good.member_cents)))
            rests.append(good.sku)
    return _Filling(known=values, rests_on=tuple(dict.fromkeys(rests)))


def _of_activity(activity: Activity, sheet: PromoSheet) -> dict[str, Mapping[str, str]]:
    """Return what an activity fills in."""
    both: dict[str, str] = {"limit": str(activity.limit_pieces)}
    if activity.kind == "deposit":
        counted = to_cny(activity.deposit_cents) * Decimal(activity.inflate.numerator) / activity.inflate.denominator
        both |= {"deposit": spell_cny(to_cny(activity.deposit_cents)), "counts": spell_cny(counted)}
    found: dict[str, Mapping[str, str]] = {name: dict.fromkeys(LANGS, text) for name, text in both.items()}
    for name, instant in (("final_start", activity.final_start), ("final_end", activity.final_end)):
        if instant is not None:
            found[name] = {lang: _moment(sheet.instants[instant], lang) for lang in LANGS}
    if activity.gift_sku in sheet.goods:
        gift = sheet.goods[str(activity.gift_sku)].name
        found["gift_activity"] = dict.fromkeys(LANGS, activity.name)
        found["gift"] = {
            lang: translate("readiness.quiz_piece", lang, name=gift, quantity=activity.gift_quantity) for lang in LANGS
        }
    return found


def _fill(template: Template, key: str, filling: _Filling, platforms: tuple[str, ...], on: dt.date) -> tuple[Any, ...]:
    values, rests = dict(filling.known), list(filling.rests_on)
    lacking: list[str] = []
    outdated: list[str] = []
    for name in sorted(template.asks - values.keys()):
        if name not in set(facts.table("phrase_facts")["key"]):
            lacking.append(f"placeholder_{name}")
            continue
        value, fault = _read_fact(name, platforms, on)
        if fault:
            outdated.append(fault)
        values[name] = dict.fromkeys(LANGS, value)
        rests.append(f"fact:{name}")
    texts = {lang: _write(template.texts[lang], values, lang) for lang in LANGS}
    channel = template.channels[0] if template.channels else "chat"
    faults = describe_faults(
        fault for lang in LANGS for fault in check_wording(texts[lang], channel=channel, lang=lang)
    )
    reason = tuple(lacking or outdated or faults)
    state = STATES[1] if lacking else STATES[2] if outdated else STATES[3] if faults else STATES[0]
    where = (template.stages, template.channels, platforms)
    head = (key, template.situation, template.queue, *where, tuple(template.variant.split()))
    return (*head, texts["zh"], texts["en"], "; ".join(rests), state, reason)


def _write(text: str, values: Mapping[str, Mapping[str, str]], lang: Lang) -> str:
    """Put the values in; what is not known stays as its name in [ ]."""
    names = placeholders(text)
    known = {
        name: values[name][lang] if name in values else f"[{label(f'placeholder_{name}', lang)}]" for name in names
    }
    return text.format(**known)


def _read_fact(name: str, platforms: Sequence[str], on: dt.date) -> tuple[str, str]:
    """Return a dated fact for the platforms, and why it may not be quoted ("" where it may)."""
    table = facts.table("phrase_facts")
    rows = table[(table["key"] == name) & table["platform"].isin(list(platforms))].to_dict("records")
    if len({row["platform"] for row in rows}) < len(set(platforms)):
        return "", "fact_unknown"
    values = sorted({f"{row['value']}" for row in rows})
    if any(row["status"] == "unverified" for row in rows):
        return "/".join(values), "fact_unverified"
    if any(row["recheck_by"] < on or (row["valid_to"] or on) < on or (row["valid_from"] or on) > on for row in rows):
        return "/".join(values), "fact_outdated"
    return "/".join(values), "" if len(values) == 1 else "fact_differs"


# --- one phrase per rule


@cache
def _rule_texts() -> Mapping[str, Mapping[str, str]]:
    return {row["value"]: row for row in read_yaml(PLAYBOOK / "phrases" / "rules.yml")}


def _fill_rule(activity: Activity, sheet: PromoSheet, platforms: tuple[str, ...]) -> tuple[Any, ...]:
    """Write the phrase of one rule, in both languages."""
    template = _rule_texts()[activity.kind]
    of_activity = _of_activity(activity, sheet)
    texts: dict[str, str] = {}
    lacking: set[str] = set()
    for lang in LANGS:
        values = {
            "activity": activity.name
            if activity.name != activity.id
            else label(f"activity_kind_{activity.kind}", lang),
            "goods": describe_scope(activity, sheet, lang),
            "terms": _terms(activity, lang),
            "benefit": _benefit(activity, lang),
            "buyers": label(f"open_to_{activity.buyers}", lang).lower(),
            "window": _window(activity, sheet, lang),
            **{name: text[lang] for name, text in of_activity.items()},
        }
        lacking |= placeholders(template[lang]) - values.keys()
        known = {name: values.get(name, f"[{name}]") for name in placeholders(template[lang])}
        texts[lang] = template[lang].format(**known)
    faults = describe_faults(f for lang in LANGS for f in check_wording(texts[lang], channel="chat", lang=lang))
    state = STATES[1] if lacking else STATES[3] if faults else STATES[0]
    reason = tuple(sorted(f"placeholder_{name}" for name in lacking)) or faults
    place = (("warmup", "opening", "final", "last_day"), ("chat",), platforms)
    head = (f"rule@{activity.id}", "activity_rules", "presale", *place, ())
    return (*head, texts["zh"], texts["en"], activity.id, state, reason)


def name_activity(activity: Activity, lang: Lang) -> str:
    """Return what an activity is called: its own name, else its kind."""
    return activity.name if activity.name != activity.id else label(f"activity_kind_{activity.kind}", lang)


def describe_scope(activity: Activity, sheet: PromoSheet, lang: Lang) -> str:
    """Return the goods of an activity in words: all goods, a category, up to three names, or how many."""
    if activity.scope == "all":
        return translate("readiness.scope_all", lang)
    if activity.scope.startswith("category:"):
        return translate("readiness.scope_category", lang, name=activity.scope.partition(":")[2])
    names = [sheet.goods[sku].name for sku in sorted(activity.skus)]
    shown = join_list(names[:3], lang)
    return shown if len(names) <= 3 else translate("readiness.scope_more", lang, names=shown, count=len(names))


def _terms(activity: Activity, lang: Lang) -> str:
    """Return what must be met, "" where nothing must."""
    parts = []
    if activity.threshold_cents:
        parts.append(translate("readiness.terms_cny", lang, amount=spell_cny(to_cny(activity.threshold_cents))))
    if activity.threshold_pieces > 1:
        parts.append(translate("readiness.terms_pieces", lang, count=activity.threshold_pieces))
    return "".join(parts)


def _benefit(activity: Activity, lang: Lang) -> str:
    """Return what an activity gives, "" for a kind that takes nothing off."""
    text = ""
    if activity.price_cents is not None:
        text = translate("readiness.benefit_price", lang, amount=spell_cny(to_cny(activity.price_cents)))
    elif activity.percent is not None:
        share = Decimal(activity.percent.numerator) / activity.percent.denominator
        fold_of_ten = f"{(10 * (1 - share)).normalize():f}"
        text = translate("readiness.benefit_percent", lang, tenths=fold_of_ten, percent=f"{float(100 * share):g}")
    elif activity.amount_cents is not None:
        key = "benefit_each" if activity.repeat else "benefit_amount"
        text = translate(f"readiness.{key}", lang, amount=spell_cny(to_cny(activity.amount_cents)))
    if text and activity.cap_cents is not None:
        text += translate("readiness.benefit_cap", lang, amount=spell_cny(to_cny(activity.cap_cents)))
    return text


def _window(activity: Activity, sheet: PromoSheet, lang: Lang) -> str:
    start, end = (_moment(sheet.instants[instant], lang) for instant in activity.window)
    return translate("readiness.phrase_window", lang, start=start, end=end)


# --- what is covered


@cache
def _topic_names() -> Mapping[str, str]:
    names = {fold(key): key for key in situations()}
    for key in situations():
        names |= {fold(label(key, lang)): key for lang in LANGS}
    return names


def read_topic(text: object) -> str | None:
    """Return the situation that a store's own topic names, in either language; None where it is another."""
    return None if is_missing(text) else _topic_names().get(fold(str(text)))


def lay_coverage(
    library: pd.DataFrame, *, own: pd.DataFrame | None = None, platforms: Sequence[str] = PLATFORMS
) -> pd.DataFrame:
    """Set every cell of the matrix against the phrases that are ready in both languages.

    Parameters
    ----------
    library : pandas.DataFrame
        As `fill_library` gives it.
    own : pandas.DataFrame, optional
        The store's sheet of phrases: topic, stage, channel, platform, zh, en; a blank stage, channel or platform
        holds for all of the situation's.
    platforms : sequence of str

    Returns
    -------
    pandas.DataFrame
        topic, queue, stage, channel, platform, ready (phrases), held_back (phrases that are not ready), state:
        ``cell_covered``, ``cell_blocked`` (only phrases that are held back), ``cell_open`` or ``cell_closed`` (the
        platform does not allow the channel); one row per cell.
    """
    ready: dict[tuple[str, str, str, str], int] = {}
    held: dict[tuple[str, str, str, str], int] = {}
    for row in library.itertuples():
        count = ready if row.state == "phrase_ready" else held
        for cell in _cells(row.topic, row.stage, row.channel, row.platform):
            count[cell] = count.get(cell, 0) + 1
    for row in own.itertuples() if own is not None else ():
        topic = read_topic(row.topic)
        if topic is None or is_missing(row.zh):
            continue
        of = situations()[topic]
        channel = of["channels"] if is_missing(row.channel) else [row.channel]
        texts = [(lang, getattr(row, lang)) for lang in LANGS if not is_missing(getattr(row, lang))]
        faulty = any(check_wording(str(text), channel=channel[0], lang=lang) for lang, text in texts)
        count = held if faulty else ready
        stages = of["stages"] if is_missing(row.stage) else [row.stage]
        for cell in _cells(topic, stages, channel, platforms if is_missing(row.platform) else [row.platform]):
            count[cell] = count.get(cell, 0) + 1
    rows = []
    for topic, of in situations().items():
        closed = {(one["platform"], one["channel"]) for one in of.get("closed", ())}
        for cell in _cells(topic, of["stages"], of["channels"], platforms):
            passing, failing = ready.get(cell, 0), held.get(cell, 0)
            state = "cell_covered" if passing else "cell_blocked" if failing else "cell_open"
            state = "cell_closed" if (cell[3], cell[2]) in closed else state
            rows.append((topic, of["value"], *cell[1:], passing, failing, state))
    columns = ["topic", "queue", "stage", "channel", "platform", "ready", "held_back", "state"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def _cells(
    topic: str, stages: Sequence[str], channels: Sequence[str], platforms: Sequence[str]
) -> Iterator[tuple[str, str, str, str]]:
    for stage in stages:
        for channel in channels:
            for platform in platforms:
                yield topic, stage, channel, platform


def check_own_phrases(phrases: pd.DataFrame, sheet: PromoSheet | None = None) -> pd.DataFrame:
    """Check the wording of the store's own phrases and, given the rules, the figures that they state.

    Returns
    -------
    pandas.DataFrame
        phrase_id, owner, written_in (language), reason (`wording_` + kind), words (what shows it); one row per fault.
    """
    rows = []
    for row in phrases.itertuples():
        channel = "chat" if is_missing(row.channel) else row.channel
        for lang in LANGS:
            text = getattr(row, lang)
            if is_missing(text):
                continue
            faults = check_wording(str(text), channel=channel, lang=lang)
            if sheet is not None:
                rests = split_rests_on(row.rests_on)
                faults += find_contradictions(str(text), rests_on=rests, sheet=sheet, lang=lang)
            rows += [(row.id, row.owner, f"in_{lang}", f"wording_{fault.kind}", fault.words) for fault in faults]
    return pd.DataFrame(rows, columns=["phrase_id", "owner", "written_in", "reason", "words"], dtype=object)


def schedule_chases(*, ordered_at: dt.datetime, closes_at: dt.datetime) -> pd.DataFrame:
    """Lay the three chases of an unpaid order over the clock: never after it closed, no call or text at night.

    Returns
    -------
    pandas.DataFrame
        slot (1 to 3), at, channel (``chat`` always; ``phone`` and ``sms`` only outside the quiet hours), allowed.

    Examples
    --------
    >>> found = schedule_chases(ordered_at=dt.datetime(2026, 10, 31, 20), closes_at=dt.datetime(2026, 11, 1, 0))
    >>> [f"{at:%H:%M}" for at in found[found["channel"] == "chat"]["at"]]
    ['20:05', '20:15', '23:00']
    """
    from_, to = (dt.time.fromisoformat(str(facts.value("chasing", key))) for key in ("quiet_from", "quiet_to"))
    rows = []
    for slot in range(1, int(facts.value("routine", "chase_times")) + 1):
        minutes = int(facts.value("chasing", f"slot_{slot}"))
        at = (closes_at if minutes < 0 else ordered_at) + dt.timedelta(minutes=minutes)
        in_time = ordered_at < at < closes_at
        for channel in ("chat", "phone", "sms"):
            quiet = at.time() >= from_ or at.time() < to
            rows.append((slot, at, channel, in_time and (channel == "chat" or not quiet)))
    return pd.DataFrame(rows, columns=["slot", "at", "channel", "allowed"])


def name_variant(variant: Sequence[str], lang: Lang) -> str:
    """Return a variant in words."""
    return join_list([label(f"variant_{part}", lang) for part in variant], lang)


def strip_brackets(text: str) -> list[str]:
    """Return what an agent has to fill in by hand, as it stands in [ ].

    Examples
    --------
    >>> strip_brackets("take [product], [amount] yuan")
    ['product', 'amount']
    """
    return re.findall(r"\[([^\]]+)\]", text)
