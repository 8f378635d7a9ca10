"""Explain a price so that an agent can read it aloud, and ask operations for what the plan stands on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd

from simlib.messages import Lang, label, translate
from simlib.readiness.prices import Price
from simlib.readiness.rules import PromoSheet
from simlib.store.figures import FOUR_FIGURES


def spell_cny(amount: Decimal) -> str:
    """Return an amount as people say it: no cents where there are none.

    Examples
    --------
    >>> spell_cny(Decimal("1299.00")), spell_cny(Decimal("27.50"))
    ('1,299', '27.50')
    """
    return f"{amount:,.0f}" if amount == amount.to_integral_value() else f"{amount:,.2f}"


def explain_price(price: Price, *, sheet: PromoSheet, lang: Lang) -> list[str]:
    """Return the sentences with which an agent explains a price, from the list price to what is paid.

    Parameters
    ----------
    price : Price
        As `final_price` gives it for the sheet.
    sheet : PromoSheet

    Returns
    -------
    list of str
        One sentence per line of the basket, per step that took something off, per deposit and gift, and the sum; for
        a refused basket what it breaks.
    """
    if price.pay_cny is None:
        return [_refusal(key, sheet, lang) for key in price.refused]
    said = []
    total = Decimal(0)
    for sku, quantity, _, _ in price.line_rows:
        good = sheet.goods[sku]
        worth = Decimal(good.list_cents * quantity).scaleb(-2)
        each = spell_cny(Decimal(good.list_cents).scaleb(-2))
        total += worth
        values = {"name": good.name, "quantity": quantity, "each": each, "worth": spell_cny(worth)}
        said.append(translate("readiness.say_line", lang, **values))
    lines = len(price.line_rows)
    for (sku, _, unit, _), (activity, off) in zip(price.line_rows, price.step_rows[:lines], strict=True):
        if off:
            values = {"name": sheet.goods[sku].name, "unit": spell_cny(unit), "off": spell_cny(off)}
            if activity is None:
                said.append(translate("readiness.say_own_price", lang, **values))
            else:
                reason = _name(activity, sheet, lang)
                said.append(translate("readiness.say_unit_price", lang, reason=reason, **values))
    deposits = {activity for activity, _ in price.deposit_rows}
    for activity, off in price.step_rows[lines:]:
        if activity is not None and off and activity not in deposits:
            reason = _name(activity, sheet, lang)
            said.append(translate("readiness.say_reduction", lang, reason=reason, off=spell_cny(off)))
    taken = dict(price.step_rows[lines:])
    for activity, paid in price.deposit_rows:
        counted = spell_cny(taken[activity])
        said.append(translate("readiness.say_deposit", lang, paid=spell_cny(paid), worth=counted))
    for _, sku, quantity in price.gift_rows:
        said.append(translate("readiness.say_gift", lang, name=sheet.goods[sku].name, quantity=quantity))
    advance = sum((paid for _, paid in price.deposit_rows), Decimal(0))
    saved = spell_cny(total - price.pay_cny)
    said.append(translate("readiness.say_total", lang, pay=spell_cny(price.pay_cny), saved=saved))
    if advance:
        rest = spell_cny(price.pay_cny - advance)
        said.append(translate("readiness.say_split", lang, advance=spell_cny(advance), rest=rest))
    return said


def _name(activity: str, sheet: PromoSheet, lang: Lang) -> str:
    """Return what an activity is called: its own name, else its kind."""
    found = sheet.by_id[activity]
    return found.name if found.name != found.id else label(f"activity_kind_{found.kind}", lang)


def _refusal(key: str, sheet: PromoSheet, lang: Lang) -> str:
    if key in sheet.goods:
        good = sheet.goods[key]
        return translate("readiness.say_refused_good", lang, name=good.name, most=good.most)
    activity = sheet.by_id[key]
    return translate("readiness.say_refused_limit", lang, name=_name(key, sheet, lang), count=activity.limit_pieces)


def request_form(figures: dict[str, Any], *, lang: Lang) -> pd.DataFrame:
    """Return the form by which operations are asked for the four figures that the cascade starts from.

    Parameters
    ----------
    figures : dict
        What is known of `FOUR_FIGURES`, in CNY; absent or None is open.

    Returns
    -------
    pandas.DataFrame
        item (what is asked, in words), answer_given (None while open), unit, reason (what stands still without it).
    """
    rows = []
    for key in FOUR_FIGURES:
        given = figures.get(key)
        asked, reason = translate(f"readiness.ask_{key}", lang), translate(f"readiness.why_{key}", lang)
        rows.append((asked, given, translate("report.unit_CNY", lang), reason))
    return pd.DataFrame(rows, columns=["item", "answer_given", "unit", "reason"], dtype=object)


def missing_figures(figures: dict[str, Any]) -> list[str]:
    """Return the keys of the four figures that are still open: without one of them the cascade stops.

    Examples
    --------
    >>> missing_figures({"month_gmv_cny": 1e6, "day_gmv_cny": 2e5, "day_aov_cny": None})
    ['month_aov_cny', 'day_aov_cny']
    """
    return [key for key in FOUR_FIGURES if not figures.get(key)]
