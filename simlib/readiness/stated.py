"""Hold the figures that a phrase states against the promo rules on which it rests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from simlib import facts
from simlib.messages import Lang
from simlib.readiness.explain import spell_cny
from simlib.readiness.rules import Activity, PromoSheet, to_cny
from simlib.readiness.wording import Fault

KINDS = ("reduction", "pieces", "deposit", "limit")


class Stated(NamedTuple):
    """What a phrase or a rule says: its kind, the threshold (deposit, limit), and what it brings, in CNY or pieces."""

    kind: str
    first: Decimal
    second: Decimal | None = None


@cache
def _pattern(kind: str, lang: Lang) -> re.Pattern[str]:
    return re.compile("|".join(facts.value("wording", f"stated_{kind}")[lang]), re.IGNORECASE)


def _read(number: str) -> Decimal:
    return Decimal(number.replace(",", ""))


def _find_stated(text: str, lang: Lang) -> Iterator[tuple[Stated, str]]:
    """Find every figure that a text states, with its words."""
    for kind in KINDS:
        for hit in _pattern(kind, lang).finditer(text):
            second = hit.groupdict().get("second")
            yield Stated(kind, _read(hit["first"]), None if second is None else _read(second)), hit[0]


def _state(activity: Activity) -> Stated | None:
    """Return the figures of an activity as a phrase would state them; None for an activity without any."""
    if activity.kind == "limit":
        return Stated("limit", Decimal(activity.limit_pieces))
    if activity.kind == "deposit":
        counts = activity.inflate * activity.deposit_cents / 100
        return Stated("deposit", to_cny(activity.deposit_cents), Decimal(counts.numerator) / counts.denominator)
    if activity.amount_cents is None:
        return None
    amount = to_cny(activity.amount_cents)
    if activity.threshold_cents:
        return Stated("reduction", to_cny(activity.threshold_cents), amount)
    return Stated("pieces", Decimal(activity.threshold_pieces), amount) if activity.threshold_pieces > 1 else None


def _is_said_by(said: Stated, activity: Activity) -> bool:
    """Return whether an activity bears out what is said; one that repeats does at every multiple, up to its cap."""
    own = _state(activity)
    if own is None or own.kind != said.kind:
        return False
    if own == said:
        return True
    if not activity.repeat or said.second is None or said.first <= 0 or said.first % own.first:
        return False
    times = Fraction(said.first) / Fraction(own.first)
    most = times * (activity.amount_cents or 0)
    if activity.cap_cents is not None:
        most = min(most, Fraction(activity.cap_cents))
    return Fraction(said.second) * 100 == most


def find_contradictions(text: str, *, rests_on: Sequence[str], sheet: PromoSheet, lang: Lang) -> tuple[Fault, ...]:
    """Find the figures of a text that contradict the rules on which it rests.

    Parameters
    ----------
    text : str
    rests_on : sequence of str
        The ids that the phrase names; what is no activity of the sheet is left out.
    sheet : PromoSheet
    lang : {"zh", "en"}

    Returns
    -------
    tuple of Fault
        One for each figure that no rule of the sheet bears out, where the phrase rests on a rule of that kind; words
        are those of the phrase, then the rules with theirs.

    Examples
    --------
    >>> import pandas as pd
    >>> from simlib.readiness.rules import read_promo_sheet
    >>> day = {"buyers": "all", "scope": "all", "start": "2026-11-01", "end": "2026-11-12"}
    >>> rule = {"id": "S1", "kind": "store_reduction", "threshold_cny": 300, "amount_cny": 50, **day}
    >>> sheet = read_promo_sheet(pd.DataFrame([rule]), pd.DataFrame({"sku": ["A"], "list_price_cny": [100]}))
    >>> found = find_contradictions("满300减40", rests_on=["S1"], sheet=sheet, lang="zh")
    >>> [fault.words for fault in found]
    ['满300减40 ≠ S1: 300 − 50']
    """
    rules = [(rule, _state(sheet.by_id[rule])) for rule in rests_on if rule in sheet.by_id]
    faults = []
    for said, words in _find_stated(text, lang):
        own = [(rule, stated) for rule, stated in rules if stated is not None and stated.kind == said.kind]
        if not own or any(_is_said_by(said, activity) for activity in sheet.activities):
            continue
        if said.kind == "limit" and any(good.limit_per_buyer == said.first for good in sheet.goods.values()):
            continue
        near = [one for one in own if said.first == one[1].first or said.second == one[1].second] or own
        faults.append(Fault(kind="contradicts_rule", words=f"{words} ≠ {'; '.join(_show(*one) for one in near)}"))
    return tuple(faults)


def _show(rule: str, stated: Stated) -> str:
    """Return a rule and its figures without a word, so that it reads in either language."""
    mark = {"deposit": "→"}.get(stated.kind, "−")
    figures = [spell_cny(number) for number in (stated.first, stated.second) if number is not None]
    return f"{rule}: {f' {mark} '.join(figures)}"
