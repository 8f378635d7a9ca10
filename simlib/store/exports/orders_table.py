"""Orders out of an export: one row per order, whatever the number of its lines, paid and refunded as the file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from simlib.store.exports.formats import fold_word, value, word_classes
from simlib.store.exports.part import Part

ENOUGH_ORDERS = 5  # so many orders of several lines show whether a file repeats the order's amount


def build_orders(columns: Mapping[str, Any], rows: np.ndarray, part: Part) -> pd.DataFrame:
    """Merge an export's lines into orders.

    Parameters
    ----------
    columns : mapping of str to array
        What was read, by field, one entry per line.
    rows : int array
        The line's row in the file.
    part : Part
        Gets the notes: how the amounts of several lines were put together.

    Returns
    -------
    DataFrame
        order, created, paid, amount_cny, refunded_cny, status, channel, shop, buyer, is_paid, lines, source_row; buyer
        is a key that says only which orders are of one buyer (:mod:`simlib.store.exports.buyer_keys`).
    """
    n = len(rows)
    blank = np.full(n, None, dtype=object)
    nan = np.full(n, np.nan)
    nat = np.full(n, np.datetime64("NaT", "s"))
    lines = pd.DataFrame(
        {
            "order": columns.get("order", blank),
            "created": columns.get("created", nat),
            "paid": columns.get("paid", nat),
            "amount_cny": _amounts(columns, n, part),
            "refunded_cny": columns.get("refunded_cny", nan),
            "status": columns.get("status", blank),
            "channel": columns.get("channel", blank),
            "shop": columns.get("shop", blank),
            "buyer": columns.get("buyer", blank),
            "source_row": rows,
        }
    )
    states = [columns[name] for name in ("status", "aftersale_status", "closed_reason") if name in columns]
    lines["is_paid"] = _is_paid(lines, "paid" in columns, states)
    if "refunded_cny" in columns:
        lines["refunded_cny"] = lines["refunded_cny"].fillna(0.0).where(lines["order"].notna())
    elif states:
        went_back = _went_back(lines["status"], states, lines["is_paid"])
        lines["refunded_cny"] = np.where(went_back, lines["amount_cny"].fillna(0.0), 0.0)
        part.note("refunds_by_state")
    nameless = lines["order"].isna()
    if nameless.any():
        part.note("rows_without_order", count=int(nameless.sum()))
    lines = lines[~nameless]
    orders = _merge(lines, part, parts_of_order="sub_order" in columns)
    return orders.reset_index(drop=True)


def _amounts(columns: Mapping[str, Any], n: int, part: Part) -> np.ndarray:
    """Return the amount that the buyer pays for a line: what the file calls paid, else due, else the total."""
    if "amount_cny" in columns:
        return np.asarray(columns["amount_cny"])
    if "sales_cny" in columns:
        return np.asarray(columns["sales_cny"])
    if "due_cny" in columns:
        return np.asarray(columns["due_cny"] + np.nan_to_num(columns.get("balance_cny", np.zeros(n))))
    if "total_cny" in columns:
        part.note("amount_is_total")
        return np.asarray(columns["total_cny"])
    return np.full(n, np.nan)


def _is_paid(lines: pd.DataFrame, has_time: bool, states: list[Any]) -> pd.Series:
    if has_time:
        return lines["paid"].notna()
    if not states:
        return pd.Series(pd.NA, index=lines.index, dtype="boolean")
    kinds = word_classes("refunded_words")
    status = lines["status"].map(lambda text: kinds.get(fold_word(str(text)), ""), na_action="ignore")
    return ~status.isin(["unpaid", "closed"])


def _went_back(status: pd.Series, states: list[Any], paid: pd.Series) -> np.ndarray:
    """Find the lines whose amount went back: a state that says so, or an order that was closed after its payment."""
    listed = value("refunded_words")
    verdicts = np.zeros(len(status), dtype=bool)
    refused = np.zeros(len(status), dtype=bool)
    for column in states:
        texts = pd.Series(column, index=status.index, dtype=object).fillna("").astype(str)
        known = {text: fold_word(text) for text in texts.unique()}
        yes = {t for t, w in known.items() if any(fold_word(y) in w for y in listed["yes"])}
        no = {t for t, w in known.items() if any(fold_word(y) in w for y in listed["no"])}
        verdicts |= texts.isin(yes - no).to_numpy()
        refused |= texts.isin(no).to_numpy()
    closed = {fold_word(word) for word in listed["closed"]}
    shut = status.map(lambda text: fold_word(str(text)) in closed, na_action="ignore").fillna(False).astype(bool)
    paid_then_closed = shut.to_numpy() & paid.fillna(False).astype(bool).to_numpy() & ~refused
    return np.asarray((verdicts | paid_then_closed) & paid.fillna(True).astype(bool).to_numpy())


def _merge(lines: pd.DataFrame, part: Part, *, parts_of_order: bool) -> pd.DataFrame:
    counts = lines.groupby("order", sort=False)["source_row"].transform("size")
    lines = lines.assign(lines=counts)
    if (counts == 1).all():
        return lines
    several = lines[counts > 1]
    alike = several.groupby("order")["amount_cny"].nunique(dropna=False).eq(1)
    repeated = bool(alike.all()) and (not parts_of_order or len(alike) >= ENOUGH_ORDERS)
    if not parts_of_order and not repeated:
        part.ask("amounts", count=int((~alike).sum()))
    orders = lines.drop_duplicates("order").set_index("order")
    grouped = lines.groupby("order", sort=False)
    if parts_of_order and not repeated:
        for name in ("amount_cny", "refunded_cny"):
            orders[name] = grouped[name].sum(min_count=1)
        part.note("lines_added", count=len(alike), lines=int((counts > 1).sum()))
    else:
        for name in ("amount_cny", "refunded_cny"):
            orders[name] = grouped[name].max()
        orders.loc[alike.index[~alike], ["amount_cny", "refunded_cny"]] = np.nan
        part.note("lines_repeat", count=len(alike), lines=int((counts > 1).sum()))
    orders["is_paid"] = grouped["is_paid"].max()
    orders["created"] = grouped["created"].min()
    orders["paid"] = grouped["paid"].min()
    return orders.reset_index()
