"""Check the wording of a phrase: length by channel, forbidden words, and promises beyond an agent's authority."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from simlib import facts
from simlib.messages import Lang

WORD_KINDS = ("absolute", "contact", "review_bribe", "rude", "privacy", "over_promise", "platform_claim")
ROLES = ("agent", "lead", "manager", "command")
OF_PROMISES = ("grant_freight", "grant_difference", "grant_coupon", "grant_gift", "grant_compensation")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault of a text: its kind (`wording_` + kind is in the glossary) and the words that show it."""

    kind: str
    words: str


@cache
def _rules(kind: str, lang: Lang) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
    row = facts.table("wording").set_index("key").loc[kind]
    found, spared = ("|".join(row[part][lang]) for part in ("value", "spared"))
    return tuple(re.compile(text, re.IGNORECASE) if text else None for text in (found, spared))  # type: ignore[return-value]


@cache
def longest(channel: str, lang: Lang) -> int:
    """Return the most characters that a text of a channel may have.

    Examples
    --------
    >>> longest("sms", "zh"), longest("sms", "en")
    (70, 160)
    """
    return int(facts.value("wording", f"length_{channel}")[lang])


@cache
def _most_granted(role: str) -> Decimal:
    return max(Decimal(str(facts.value("authority", action)[role])) for action in OF_PROMISES)


@cache
def _promise(lang: Lang) -> re.Pattern[str]:
    return re.compile("|".join(facts.value("wording", "promise")[lang]), re.IGNORECASE)


def check_wording(text: str, *, channel: str, lang: Lang, role: str = "agent") -> tuple[Fault, ...]:
    """Check one text in one language.

    Parameters
    ----------
    text : str
        Filled in; what stands in [ ] counts with its own length.
    channel : {"chat", "phone", "sms", "bot"}
    lang : {"zh", "en"}
    role : str
        Who sends it, of `ROLES`: the sums that it promises are held against the authority matrix.

    Returns
    -------
    tuple of Fault
        Empty where nothing is wrong.

    Examples
    --------
    >>> [fault.kind for fault in check_wording("I promise you a refund of 500 yuan.", channel="chat", lang="en")]
    ['over_promise', 'beyond_authority']
    """
    faults = []
    if len(text) > longest(channel, lang):
        faults.append(Fault(kind="too_long", words=f"{len(text)} > {longest(channel, lang)}"))
    for kind in WORD_KINDS:
        pattern, spared = _rules(kind, lang)
        plain = spared.sub("", text) if spared else text
        hit = pattern.search(plain) if pattern else None
        if hit:
            faults.append(Fault(kind=kind, words=hit[0]))
    for hit in _promise(lang).finditer(text):
        sums = [Decimal(number) for number in re.findall(r"\d+(?:\.\d+)?", hit[0].replace(",", ""))]
        if any(amount > _most_granted(role) for amount in sums):
            faults.append(Fault(kind="beyond_authority", words=hit[0]))
            break
    return tuple(faults)


def describe_faults(faults: Iterable[Fault]) -> tuple[str, ...]:
    """Return the glossary keys of faults, each once."""
    return tuple(dict.fromkeys(f"wording_{fault.kind}" for fault in faults))
