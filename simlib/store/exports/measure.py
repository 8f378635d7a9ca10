"""What a store's exports say about the store: its ratios with their spread over the days, its hours, its history."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from simlib import facts
from simlib.messages import Message
from simlib.store.cells import spellings
from simlib.store.exports.reader import Exports
from simlib.store.models import Store
from simlib.store.orders import judge_days, measure_orders

DIGITS = {"aov_cny": 2, "agent_hour_capacity": 1, "agent_day_capacity": 0}
DAYS_FOR_SPREAD = 3
AGENT_DAYS_FOR_CAPACITY = 10
CHATS_FOR_RECORD = 200  # chats of a record from which on they go before daily means
COMES_BACK_S = 1800.0  # a buyer who writes after half an hour has come back, and was not thinking (ours)
COMPLETE = 0.9  # share of a day's receptions that chat records must hold to count as the whole day


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One ratio as the exports give it.

    Attributes
    ----------
    key : str
        As in ``playbook/facts/ratios.yml``.
    low, likely, high : float
        Quantiles over the days, and all days together; with fewer than three days low and high are nan.
    days : int
        Days that it rests on.
    files : tuple of str
        Where they are from.
    basis : Message
        What was divided by what.
    """

    key: str
    low: float
    likely: float
    high: float
    days: int
    files: tuple[str, ...]
    basis: Message


def measure_ratios(exports: Exports) -> list[Measured]:
    """Measure every ratio that the exports can give; one that they cannot is not among them."""
    found = _from_orders(exports.tables["orders"])
    days = day_figures(exports)
    if len(days):
        found += _from_days(days)
    found += _from_agents(exports.tables["agent_day"])
    recorded = _from_messages(exports.tables["message"])
    direct = {each.key for each in recorded}  # a record of every message goes before sums of daily means
    return [each for each in [each for each in found if each.key not in direct] + recorded if _is_allowed(each)]


def _is_allowed(each: Measured) -> bool:
    row = facts.table("ratios")
    row = row[row["key"] == each.key].iloc[0]
    return bool(row["min"] <= each.likely <= row["max"])


def day_figures(exports: Exports) -> pd.DataFrame:
    """Return one row per day of the shop: its own report where there is one, else its agents added up.

    Means of the agents are weighted by receptions, never averaged.
    """
    own = exports.tables["store_day"]
    agents = exports.tables["agent_day"]
    days = _add_up(agents[agents["day"].notna()])
    own = own[own["day"].notna()]
    if len(own):
        reported = _add_up(own)
        days = reported.combine_first(days) if len(days) else reported
    return days.sort_index()


_WEIGHTED = ("first_response_s", "mean_response_s", "chat_s", "rate_3min", "satisfied_share", "bot_share")
_SUMMED = (
    *("receptions", "consultations", "inquiries", "buyers_paid", "sales_cny", "messages_buyer", "messages_agent"),
    *(
        "characters",
        "unanswered",
        "presale_receptions",
        "aftersale_receptions",
        "transferred_out",
        "online_s",
        "break_s",
        "sessions",
    ),
)
_PLAIN = ("conversion", "cs_share", "transfer_rate", "bot_meets_share", "rate_30s")


def _add_up(rows: pd.DataFrame) -> pd.DataFrame:
    if rows.empty:
        return pd.DataFrame()
    days = rows["day"].to_numpy()
    table: dict[str, Any] = {}
    for name in _SUMMED:
        if name in rows:
            table[name] = rows[name].groupby(days).sum(min_count=1)
    weight = rows["receptions"].fillna(0.0)
    for name in (*_WEIGHTED, *_PLAIN):
        if name in rows:
            has = rows[name].notna()
            plain = rows[name].groupby(days).mean()
            over = (rows[name] * weight).where(has).groupby(days).sum(min_count=1)
            under = weight.where(has).groupby(days).sum(min_count=1)
            table[name] = (over / under.where(under > 0)).fillna(plain)
    frame = pd.DataFrame(table)
    if "provisional" in rows:
        frame["provisional"] = rows["provisional"].fillna(False).astype(bool).groupby(days).max()
    frame["files"] = rows["source_file"].astype(str).groupby(days).agg(lambda names: "|".join(sorted(set(names))))
    return frame


def _quotient(
    days: pd.DataFrame, key: str, over: pd.Series | None, under: pd.Series | None, basis: Message
) -> list[Measured]:
    """Divide two series of days: all days together, and the quantiles of each."""
    if over is None or under is None:
        return []
    use = over.notna() & under.notna() & (under > 0)
    if not use.any():
        return []
    shares = over[use] / under[use]
    return [_measured(key, shares, float(over[use].sum() / under[use].sum()), days.loc[use[use].index, "files"], basis)]


def _measured(key: str, by_day: pd.Series, likely: float, files: pd.Series, basis: Message) -> Measured:
    rules, digits = spellings("import_rules"), DIGITS.get(key, 4)
    low = high = float("nan")
    if len(by_day) >= DAYS_FOR_SPREAD:
        low = min(float(by_day.quantile(rules["low_quantile"])), likely)
        high = max(float(by_day.quantile(rules["high_quantile"])), likely)
    names = sorted({name for joined in files for name in str(joined).split("|")})
    low, likely, high = (round(figure, digits) for figure in (low, likely, high))
    return Measured(key=key, low=low, likely=likely, high=high, days=len(by_day), files=tuple(names), basis=basis)


def _from_days(days: pd.DataFrame) -> list[Measured]:
    """Measure what the daily reports give."""

    def column(name: str, *, final: bool = False) -> pd.Series | None:
        if name not in days:
            return None
        series = days[name]
        return series.where(~days["provisional"]) if final and "provisional" in days else series

    receptions = column("receptions")
    found = _quotient(
        days, "inquiries_per_reception", column("inquiries"), receptions, Message("exports.basis_inquiries")
    )
    paid = _quotient(
        days, "conversion", column("buyers_paid", final=True), column("inquiries"), Message("exports.basis_conversion")
    )
    stated = column("conversion", final=True)
    if not paid and stated is not None:
        weight = days["inquiries"] if "inquiries" in days else stated.notna().astype(float)
        paid = _quotient(days, "conversion", stated * weight, weight, Message("exports.basis_conversion_stated"))
    found += paid
    presale, aftersale = column("presale_receptions"), column("aftersale_receptions")
    if aftersale is not None and receptions is not None:
        rest = (receptions - aftersale).where(lambda count: count >= 0)
        presale = rest if presale is None else presale.fillna(rest)
    found += _quotient(days, "presale_share", presale, receptions, Message("exports.basis_presale"))
    found += _quotient(days, "transfer_rate", column("transferred_out"), receptions, Message("exports.basis_transfer"))
    for key in ("cs_share",):
        series = column(key)
        if series is not None:
            found += _quotient(days, key, series, series.notna().astype(float), Message("exports.basis_cs_share"))
    found += _bot(days)
    found += _service(days)
    return found


def _bot(days: pd.DataFrame) -> list[Measured]:
    """Measure the share that the bot settles alone: net of those who come back to a person."""
    if "bot_share" in days and days["bot_share"].notna().any():
        net, gross = days["bot_share"], days.get("bot_meets_share", days["bot_share"])
    elif "bot_meets_share" in days and "transfer_rate" in days:
        gross = days["bot_meets_share"]
        net = gross * (1.0 - days["transfer_rate"])
    else:
        return []
    shown = f"{float(gross.mean()):.1%}"
    return _quotient(days, "bot_share", net, net.notna().astype(float), Message("exports.basis_bot", gross=shown))


def _service(days: pd.DataFrame) -> list[Measured]:
    """Measure turns, think time and reply time of the chats from the daily means.

    A chat takes ``turns`` replies, each after the mean response, and the buyer's own time between them. The reply
    time is what remains of the response when the wait behind other chats of the same agent is taken off, as in a
    queue of one server (M/M/1): S = R / (1 + messages an online second x R).
    """
    needed = ("messages_buyer", "receptions", "mean_response_s")
    if any(name not in days for name in needed):
        return []
    messages = (
        days[["messages_buyer", "messages_agent"]].min(axis=1) if "messages_agent" in days else days["messages_buyer"]
    )
    found = _quotient(days, "presale_replies", messages, days["receptions"], Message("exports.basis_replies"))
    turns = messages / days["receptions"]
    if "chat_s" in days:
        think = (days["chat_s"] - turns * days["mean_response_s"]) / turns
        think = think.where(think > 0)
        found += _quotient(days, "presale_think_s", think, think.notna().astype(float), Message("exports.basis_think"))
    if "online_s" in days:
        online = days["online_s"] - (days["break_s"].fillna(0.0) if "break_s" in days else 0.0)
        rate = messages / online.where(online > 0)
        reply = days["mean_response_s"] / (1.0 + rate * days["mean_response_s"])
        found += _quotient(days, "presale_reply_s", reply, reply.notna().astype(float), Message("exports.basis_reply"))
    return found


def _from_messages(messages: pd.DataFrame) -> list[Measured]:
    """Measure turns and think time from chat records: what the buyer wrote in one go is one turn.

    A gap from a person's reply to the buyer's next message is think time, up to the wait after which the buyer has
    come back with something new; a bot's messages are neither.
    """
    rows = messages[messages["sent"].notna() & messages["side"].isin(["buyer", "agent"])]
    if rows["chat"].nunique() < CHATS_FOR_RECORD:
        return []
    rows = rows.sort_values(["chat", "sent", "source_row"], kind="stable")
    before = rows.groupby("chat")[["side", "sent"]].shift()
    answered = rows["chat"].isin(rows.loc[rows["side"] == "agent", "chat"])
    begins = (rows["side"] == "buyer") & (before["side"] != "buyer") & answered
    gap = (rows["sent"] - before["sent"]).dt.total_seconds()
    thinks = gap[begins & (before["side"] == "agent") & (gap <= COMES_BACK_S)]
    day = rows.groupby("chat")["sent"].transform("min").dt.normalize()
    chats = rows[answered].groupby(day[answered])["chat"].nunique()
    turns = begins.groupby(day).sum()[chats.index]
    files = pd.Series("|".join(sorted(set(rows["source_file"].astype(str)))), index=chats.index)
    basis = Message("exports.basis_record", count=int(chats.sum()))
    found = [_measured("presale_replies", turns / chats, float(turns.sum() / chats.sum()), files, basis)]
    if len(thinks) >= CHATS_FOR_RECORD:
        by_day = thinks.groupby(day[thinks.index]).mean()
        found.append(_measured("presale_think_s", by_day, float(thinks.mean()), files, basis))
    return found


def _from_agents(agents: pd.DataFrame) -> list[Measured]:
    """Measure what one person receives on a busy day and in a busy hour: the upper tenth of agent-days."""
    rows = agents[agents["day"].notna() & (agents["receptions"] > 0)]
    if len(rows) < AGENT_DAYS_FOR_CAPACITY:
        return []
    files = rows["source_file"].astype(str)
    basis = Message("exports.basis_capacity", count=len(rows))
    found = [_upper("agent_day_capacity", rows["receptions"], files, basis, rows["day"].nunique())]
    if "online_s" in rows:
        hours = (rows["online_s"] - (rows["break_s"].fillna(0.0) if "break_s" in rows else 0.0)) / 3600.0
        rate = (rows["receptions"] / hours.where(hours > 0.5)).dropna()
        if len(rate) >= AGENT_DAYS_FOR_CAPACITY:
            found.append(_upper("agent_hour_capacity", rate, files, basis, rows["day"].nunique()))
    return found


def _upper(key: str, values: pd.Series, files: pd.Series, basis: Message, days: int) -> Measured:
    low, likely, high = (round(float(values.quantile(q)), DIGITS[key]) for q in (0.5, 0.9, 1.0))
    return Measured(key=key, low=low, likely=likely, high=high, days=days, files=tuple(sorted(set(files))), basis=basis)


def _from_orders(orders: pd.DataFrame) -> list[Measured]:
    """Measure order value, paid share and refund share, each day by itself and all together."""
    rows = orders[orders["created"].notna() & orders["amount_cny"].notna()]
    if rows.empty:
        return []
    frame = pd.DataFrame(
        {
            "created": rows["created"],
            "paid_at": rows["paid"].where(
                rows["paid"].notna(), rows["created"].where(rows["is_paid"].fillna(False).astype(bool))
            ),
            "amount_cny": rows["amount_cny"],
            "refund_cny": rows["refunded_cny"].fillna(0.0),
        }
    )
    frame["date"] = frame["created"].dt.normalize()
    days = judge_days(frame)
    used = frame[frame["date"].isin(days.loc[days["used"], "date"])]
    count = used["date"].nunique()
    if not count or used["paid_at"].isna().all():
        return []
    spans, _, _ = measure_orders(used)
    files = tuple(sorted(set(rows["source_file"].astype(str))))
    known_refunds = rows["refunded_cny"].notna().any()
    found = []
    for key, (low, likely, high) in spans.items():
        if key == "refund_share" and not known_refunds:
            continue
        if count < DAYS_FOR_SPREAD:
            low = high = float("nan")
        basis = Message("exports.basis_orders", count=len(used))
        found.append(Measured(key=key, low=low, likely=likely, high=high, days=count, files=files, basis=basis))
    return found


def measure_hours(exports: Exports, store: Store) -> pd.DataFrame:
    """Return the shape of a day by kind of day: hour, kind, count, share, days.

    Contacts by interval come first, then chats, then the creation times of orders. A day of a wave has the wave's
    profile for its kind, any other is N.
    """
    intervals, chats, orders = (exports.tables[name] for name in ("store_interval", "chat", "orders"))
    sources = (
        (intervals["start"], intervals["contacts"]),
        (chats["begun"], None),
        (orders["created"], None),
    )
    moments, weights = next((pair for pair in sources if pair[0].notna().sum() >= 24), (None, None))
    if moments is None:
        return pd.DataFrame({"hour": [], "kind": [], "count": [], "share": [], "days": []})
    known = moments.notna()
    frame = pd.DataFrame({"moment": moments[known], "count": 1.0 if weights is None else weights[known]})
    kinds = {wave.day: wave.profile for wave in store.waves}
    frame["day"] = frame["moment"].dt.date
    frame["kind"] = [kinds.get(day, "N") for day in frame["day"]]
    sizes = frame.groupby("day")["count"].sum()
    rules = spellings("import_rules")
    enough = sizes[sizes >= max(rules["day_orders_min"], rules["day_share_of_median"] * float(sizes.median()))].index
    frame = frame[frame["day"].isin(enough)]
    rows = []
    for kind, of_kind in frame.groupby("kind"):
        counts = of_kind.groupby(of_kind["moment"].dt.hour)["count"].sum().reindex(range(24), fill_value=0.0)
        if counts.sum() > 0:
            shares = (counts / counts.sum()).round(6)
            hours = {"hour": range(24), "kind": kind, "count": counts.to_numpy(), "share": shares.to_numpy()}
            rows.append(pd.DataFrame(hours).assign(days=of_kind["day"].nunique()))
    return (
        pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=["hour", "kind", "count", "share", "days"])
    )


def count_intervals(exports: Exports, *, in_time_s: float) -> pd.DataFrame:
    """Return contacts by interval: start, queue, contacts, answered, in_time.

    The files' own intervals come first; for other days a list of single chats is counted by half hour, where it holds
    at least nine in ten of what the daily reports of that day received, or no report does.

    Parameters
    ----------
    in_time_s : float
        Seconds within which a first response is in time.
    """
    own = exports.tables["store_interval"]
    own = own.loc[own["start"].notna() & own["contacts"].notna(), ["start", "queue", "contacts", "answered", "in_time"]]
    chats = exports.tables["chat"]
    chats = chats[chats["begun"].notna()]
    if chats.empty:
        return own.reset_index(drop=True)
    day = chats["begun"].dt.normalize()
    whole = day.value_counts()
    days = day_figures(exports)
    if len(days) and "receptions" in days:
        reported = days["receptions"].reindex(whole.index)
        whole = whole[~(whole < COMPLETE * reported.fillna(0.0))]
    keep = day.isin(whole.index) & ~day.isin(own["start"].dt.normalize())
    chats = chats[keep]
    answered = chats["first_response_s"].notna()
    counted = pd.DataFrame(
        {
            "start": chats["begun"].dt.floor("30min"),
            "queue": "presale",
            "contacts": 1.0,
            "answered": answered.astype(float),
            "in_time": (answered & (chats["first_response_s"] <= in_time_s)).astype(float),
        }
    )
    counted = counted.groupby(["start", "queue"], as_index=False).sum()
    return pd.concat([frame for frame in (own, counted) if len(frame)], ignore_index=True) if len(counted) else own


def measure_history(exports: Exports, intervals: pd.DataFrame) -> pd.DataFrame:
    """Return contacts that came: start, queue, contacts, by interval where the files have it, else by day."""
    rows = intervals[["start", "queue", "contacts"]]
    days = day_figures(exports)
    if len(days):
        counts = days["consultations"] if "consultations" in days else days["receptions"]
        if "receptions" in days:
            counts = counts.fillna(days["receptions"])
        known = counts.dropna()
        known = known[~known.index.isin(rows["start"].dt.normalize())]
        daily = pd.DataFrame({"start": known.index, "queue": "presale", "contacts": known.to_numpy()})
        rows = pd.concat([frame for frame in (rows, daily) if len(frame)], ignore_index=True) if len(daily) else rows
    return rows.reset_index(drop=True)


def as_of(exports: Exports) -> dt.date | None:
    """Return the last day that the exports know anything of."""
    last = exports.understood["last_day"].dropna()
    return last.max().date() if len(last) else None


def silent_figures(exports: Exports) -> pd.DataFrame:
    """Return figures that no sheet of the store asks for: unanswered, response, satisfied.

    One row per figure: export_figure, unit, low, likely, high, days; low and high are quantiles of the days, nan under
    three of them.
    """
    days = day_figures(exports)
    rows: list[dict[str, Any]] = []
    rules = spellings("import_rules")

    def add(name: str, by_day: pd.Series, likely: float) -> None:
        spread = len(by_day) >= DAYS_FOR_SPREAD
        low, high = (
            float(by_day.quantile(rules[f"{end}_quantile"])) if spread else float("nan") for end in ("low", "high")
        )
        unit = "s" if name.endswith("_s") else "share"
        row = {"export_figure": name, "unit": unit, "low": low, "likely": likely, "high": high, "days": len(by_day)}
        rows.append(row)

    if len(days) and {"unanswered", "receptions"} <= set(days):
        asked = days["consultations"] if "consultations" in days else days["receptions"]
        use = days["unanswered"].notna() & asked.notna()
        if use.any():
            by_day = (days["unanswered"] / asked.where(asked > 0))[use].dropna()
            add("unanswered_share", by_day, float(days.loc[use, "unanswered"].sum() / max(asked[use].sum(), 1.0)))
    chats = exports.tables["chat"]
    if len(chats) and chats["first_response_s"].notna().any():
        none = chats["first_response_s"].isna()
        add("chats_without_reply", none.groupby(chats["day"]).mean(), float(none.mean()))
    for name in ("first_response_s", "mean_response_s", "rate_3min", "rate_30s", "satisfied_share"):
        if len(days) and name in days and days[name].notna().any():
            use = days[name].notna()
            weight = days.loc[use, "receptions"].fillna(0.0) if "receptions" in days else use[use].astype(float)
            mean = float((days.loc[use, name] * weight).sum() / weight.sum()) if weight.sum() else float("nan")
            add(name, days.loc[use, name], mean if is_known(mean) else float(days.loc[use, name].mean()))
    return pd.DataFrame(rows, columns=["export_figure", "unit", "low", "likely", "high", "days"])


def is_known(figure: float) -> bool:
    """Return whether a figure is one."""
    return bool(np.isfinite(figure))
