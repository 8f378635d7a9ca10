"""Training as tables: goods by document, who lags, what is taught again, and what each kind of buyer pays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pandas as pd

from simlib import facts
from simlib.readiness.gate import list_samples
from simlib.readiness.prices import InForce, price_order
from simlib.readiness.rules import BUYERS, PromoSheet, is_missing
from simlib.store.models import Store

DOCUMENTS = ("doc_knowledge", "doc_selling", "doc_manual", "doc_repair")
PRICED_GOODS = 200  # of how many goods the price of each kind of buyer is worked out


def lay_documents(goods: pd.DataFrame) -> pd.DataFrame:
    """Lay goods against the four kinds of documents.

    Returns
    -------
    pandas.DataFrame
        sku, good_name, the four of `DOCUMENTS` (yes, no, None where nobody wrote it), missing_documents (how many are
        not there); goods of which nothing is written in any column are left out.
    """
    rows = []
    for good in goods.to_dict("records"):
        given = [good.get(key) for key in DOCUMENTS]
        if all(is_missing(one) for one in given):
            continue
        found = [None if is_missing(one) else bool(one) for one in given]
        rows.append((good["sku"], good.get("name"), *found, sum(one is not True for one in found)))
    columns = ["sku", "good_name", *DOCUMENTS, "missing_documents"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def plan_special(by_topic: pd.DataFrame) -> pd.DataFrame:
    """List the topics and groups that are taught again: those below the share that the facts ask for.

    Returns
    -------
    pandas.DataFrame
        topic, answer_group, asked, correct, share; the weakest first.
    """
    weak = by_topic[by_topic["share"] < float(facts.value("courses", "weak_share"))]
    return weak.rename(columns={"group": "answer_group"}).reset_index(drop=True)


def list_dropouts(gate: pd.DataFrame, progress: pd.DataFrame | None) -> pd.DataFrame:
    """List by rule who does other work on the night: exam failed twice, or too many courses late.

    Returns
    -------
    pandas.DataFrame
        agent_id, name, reason (``gate_failed_twice`` or ``courses_late``), late_courses; a list to decide on, by rule.
    """
    most = int(facts.value("courses", "late_courses_max"))
    late: Mapping[str, int] = {}
    if progress is not None:
        late = dict(zip(progress["agent_id"], progress["late_courses"], strict=True))
    rows = []
    for person in gate.itertuples():
        courses = int(late.get(person.agent_id, 0))
        failed = "gate_failed_twice" in (person.reason, person.reason_left)
        if failed or courses > most:
            reason = "gate_failed_twice" if failed else "courses_late"
            rows.append((person.agent_id, person.name, reason, courses))
    return pd.DataFrame(rows, columns=["agent_id", "name", "reason", "late_courses"], dtype=object)


def lay_samples(store: Store, training: pd.DataFrame, *, promo_day: dt.date) -> pd.DataFrame:
    """Lay the acceptance of everybody over the checkers that sign courses, in the days that the facts name.

    Returns
    -------
    pandas.DataFrame
        agent_id, name, sampler, sample_day (when the person is to be checked), chats, last_sampled_on and
        last_sample_passed (of the check that was, None where there was none); empty where nobody signs anything.
    """
    samplers = sorted({str(name) for name in training["signed_by"] if not is_missing(name)})
    columns = ["agent_id", "name", "sampler", "sample_day", "chats", "last_sampled_on", "last_sample_passed"]
    if not samplers or not store.agents:
        return pd.DataFrame(columns=columns)
    offsets = (int(facts.value("courses", key)) for key in ("accept_from", "accept_to"))
    first, last = (promo_day + dt.timedelta(days=days) for days in offsets)
    table = list_samples(store.agents, samplers=samplers, first_day=first, last_day=last)
    table = table.rename(columns={"day": "sample_day"})
    rows = zip(training["agent_id"], training["qa_sampled_on"], training["qa_result"], strict=True)
    checked = {
        agent: (None if is_missing(day) else day, bool(passed)) for agent, day, passed in rows if not is_missing(passed)
    }
    for place, column in enumerate(columns[-2:]):
        found = [checked.get(agent, (None, None))[place] for agent in table["agent_id"]]
        table[column] = pd.Series(found, dtype=object)
    return table


def lay_buyer_prices(sheet: PromoSheet) -> pd.DataFrame:
    """Work out what one piece of each good costs each kind of buyer when most activities are in force.

    Returns
    -------
    pandas.DataFrame
        sku, good_name, order_at, list_price_cny, pays_all, pays_new, pays_member, pays_fan (CNY); at most
        `PRICED_GOODS` goods.
    """
    starts = sorted({activity.window[0] for activity in sheet.activities})
    if not starts:
        return pd.DataFrame()
    busiest = max(starts, key=lambda at: (sum(one.in_force(at) for one in sheet.activities), -at))
    at = sheet.instants[busiest]
    rows: list[tuple[Any, ...]] = []
    for sku, good in list(sheet.goods.items())[:PRICED_GOODS]:
        paid = []
        for buyer in BUYERS:
            counting = InForce.of([activity for activity in sheet.activities if activity.counts(busiest, buyer)])
            price = price_order({sku: 1}, goods=sheet.goods, counting=counting, buyer=buyer)
            paid.append(None if price.pay_cny is None else float(price.pay_cny))
        rows.append((sku, good.name, at, good.list_cents / 100, *paid))
    columns = ["sku", "good_name", "order_at", "list_price_cny", *(f"pays_{buyer}" for buyer in BUYERS)]
    return pd.DataFrame(rows, columns=columns)
