"""What buyers asked and complained about, what they were promised, and which wording answers them best."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from simlib import facts
from simlib.messages import Lang, Message, UserError
from simlib.retrospective.inputs import need_columns, on_clock

UNTAGGED = "untagged"
TOP = 3
FEEDBACK_STATUS = ("open", "sent", "answered", "done", "rejected")


def tag_words() -> dict[str, str]:
    """Return the tag of every marking word, from the editable list ``playbook/facts/question_tags.yml``."""
    table = facts.table("question_tags")
    return {word: row.key for row in table.itertuples() for word in row.value}


def tag_name(tag: str, lang: Lang) -> str:
    """Return a tag in one language.

    >>> tag_name("invoice", "zh"), tag_name("invoice", "en")
    ('发票', 'Invoice')
    """
    if tag == UNTAGGED:
        return Message("retrospective.untagged").text(lang)
    table = facts.table("question_tags").set_index("key")
    return str(table.loc[tag, lang])


class TagName(Message):
    """The name of a tag as a value of a message, in the language of the message.

    Its names stand with the editable list of tags, so that a store's own tag needs no message.

    >>> TagName("invoice").text("en")
    'Invoice'
    """

    __slots__ = ()

    def text(self, lang: Lang) -> str:
        """Return the name in one language."""
        return tag_name(self.key, lang)

    def __reduce__(self) -> tuple[Any, ...]:
        return TagName, (self.key,)


def find_words(text: str, words: Mapping[str, str]) -> list[str]:
    """Cut a text into the known words that it holds, the longest first at every place.

    A word inside a longer known word is not found again: who asks for the price guarantee does not ask for the price.

    Examples
    --------
    >>> find_words("aabb abc", {"aa": "x", "aab": "y", "b": "z"})
    ['aab', 'b', 'b']
    """
    longest = max(map(len, words), default=0)
    found, at = [], 0
    while at < len(text):
        for length in range(min(longest, len(text) - at), 0, -1):
            if text[at : at + length] in words:
                found.append(text[at : at + length])
                at += length
                break
        else:
            at += 1
    return found


def tag_questions(messages: pd.DataFrame, *, words: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Tag the contacts of a night by what their buyers wrote.

    Parameters
    ----------
    messages : DataFrame
        chat, text; one row per message of a buyer. A missing text counts as empty. ``times``, where it is known, is
        how many contacts the row stands for.
    words : mapping of word to tag, optional
        The store's own; :func:`tag_words` if left out.

    Returns
    -------
    DataFrame
        chat, tag, times; one row per contact and tag, each tag once per contact however often it was asked. A contact
        without any known word is ``untagged``.
    """
    need_columns(messages, "chat", "text", name="questions")
    known = tag_words() if words is None else words
    rows = []
    table = messages.assign(text=messages["text"].fillna("").astype(str)).reindex(columns=["chat", "text", "times"])
    for chat, asked in table.groupby("chat", sort=False):
        tags = dict.fromkeys(known[word] for part in asked["text"] for word in find_words(part, known))
        times = float(asked["times"].fillna(1).max())
        rows += [(chat, tag, times) for tag in tags or [UNTAGGED]]
    return pd.DataFrame(rows, columns=["chat", "tag", "times"])


def rank_questions(tagged: pd.DataFrame) -> pd.DataFrame:
    """Rank the tags by the contacts that asked for them (Pareto).

    Returns
    -------
    DataFrame
        tag, contacts, share (of all contacts), cumulative (share of all tags given so far), top (among the first
        three); untagged contacts come last, without rank. A contact with two tags counts for both.
    """
    times = tagged["times"] if "times" in tagged else pd.Series(1.0, index=tagged.index)
    once = tagged.assign(times=times).drop_duplicates(["chat", "tag"])
    chats = float(once.drop_duplicates("chat")["times"].sum())
    counts = once.groupby("tag")["times"].sum().rename("contacts").reset_index()
    counts["last"] = counts["tag"] == UNTAGGED
    counts = counts.sort_values(["last", "contacts", "tag"], ascending=[True, False, True], ignore_index=True)
    counts["share"] = counts["contacts"] / max(chats, 1)
    counts["cumulative"] = counts["contacts"].cumsum() / max(float(counts["contacts"].sum()), 1)
    counts["top"] = (counts.index < TOP) & ~counts["last"]
    return counts.drop(columns="last")


def pick_wordings(answers: pd.DataFrame, *, votes_min: int | None = None) -> pd.DataFrame:
    """Pick the wording that is kept for each question: every agent's answer collected, voted on, the best kept.

    Parameters
    ----------
    answers : DataFrame
        question, agent, wording, votes; ``sent`` and ``paid`` (how often it was used, and how often an order followed)
        where the phrase tool counts them. The same wording of two agents is one, its votes added.
    votes_min : int, optional
        Fewer votes on a question keep none yet; ``wording_votes_min`` of the facts if left out.

    Returns
    -------
    DataFrame
        question, wording, agents (who wrote it), votes, sent, paid_share, kept. Most votes win; then the share of
        orders, then who comes first. Questions in the order in which they were asked.
    """
    needed = ("question", "agent", "wording", "votes")
    need_columns(answers, *needed, name="answers")
    least = int(facts.value("retrospective", "wording_votes_min")) if votes_min is None else votes_min
    table = answers.reindex(columns=[*needed, "sent", "paid"])
    table["wording"] = table["wording"].astype(str).str.strip()
    grouped = table.groupby(["question", "wording"], sort=False)
    wordings = grouped[["votes", "sent", "paid"]].sum(min_count=1).reset_index()
    wordings["agents"] = grouped["agent"].agg(lambda names: tuple(dict.fromkeys(names))).to_numpy()
    wordings["votes"] = wordings["votes"].fillna(0)
    wordings["paid_share"] = wordings["paid"] / wordings["sent"].where(wordings["sent"] > 0)
    place = {question: index for index, question in enumerate(dict.fromkeys(table["question"]))}
    wordings["place"] = wordings["question"].map(place)
    wordings = wordings.sort_values(
        ["place", "votes", "paid_share"], ascending=[True, False, False], kind="stable", ignore_index=True
    )
    enough = wordings.groupby("question")["votes"].transform("sum") >= least
    wordings["kept"] = ~wordings.duplicated("question") & enough
    return wordings[["question", "wording", "agents", "votes", "sent", "paid_share", "kept"]]


def review_feedback(register: pd.DataFrame, *, today: dt.date) -> pd.DataFrame:
    """Sum the feedback register up by the department it was sent to.

    Parameters
    ----------
    register : DataFrame
        day, what, department, status (open, sent, answered, done, rejected), due (may be missing).

    Returns
    -------
    DataFrame
        department, received, unanswered (open or sent), overdue (unanswered and due before today), done, the most
        overdue first.

    Raises
    ------
    UserError
        A status that the register does not know.
    """
    need_columns(register, "department", "status", "due", name="feedback")
    strange = sorted(set(register["status"]) - set(FEEDBACK_STATUS))
    if strange:
        raise UserError(Message("retrospective.feedback_status", value=str(strange[0]), known=FEEDBACK_STATUS))
    waiting = register["status"].isin(["open", "sent"])
    overdue = waiting & (pd.to_datetime(register["due"]) < pd.Timestamp(today))
    table = pd.DataFrame(
        {
            "department": register["department"],
            "received": 1,
            "unanswered": waiting.astype(int),
            "overdue": overdue.astype(int),
            "done": (register["status"] == "done").astype(int),
        }
    )
    summed = table.groupby("department", as_index=False).sum()
    order = ["overdue", "unanswered", "department"]
    return summed.sort_values(order, ascending=[False, False, True], ignore_index=True)


def check_promises(promises: pd.DataFrame, *, evening: pd.Timestamp) -> pd.DataFrame:
    """Check in the evening which promises made to buyers are kept.

    Parameters
    ----------
    promises : DataFrame
        promise, agent, made, due, kept (when; NaT = not yet); a moment without a time zone is on the evening's clock.
    evening : pandas.Timestamp
        When the list is checked.

    Returns
    -------
    DataFrame
        promise, agent, made, due, state: ``kept``, ``kept_late`` (after it was due), ``broken`` (due and not kept) or
        ``open`` (not due yet); what needs somebody tonight first.
    """
    need_columns(promises, "promise", "agent", "made", "due", "kept", name="promises")
    times = {name: on_clock(promises[name], evening.tz) for name in ("made", "due", "kept")}
    made = promises.assign(**times)
    made = made[made["made"] <= evening]
    kept = made["kept"].notna() & (made["kept"] <= evening)
    state = pd.Series("open", index=made.index)
    state[made["due"] <= evening] = "broken"
    state[kept] = "kept"
    state[kept & (made["kept"] > made["due"])] = "kept_late"
    order = state.map({"broken": 0, "open": 1, "kept_late": 2, "kept": 3})
    table = made[["promise", "agent", "made", "due"]].assign(state=state, order=order)
    return table.sort_values(["order", "due"], kind="stable", ignore_index=True).drop(columns="order")


def review_main_push(sales: pd.DataFrame, *, items: pd.DataFrame) -> pd.DataFrame:
    """Compare each week's main-push item with the week before it.

    Parameters
    ----------
    sales : DataFrame
        day, item, inquiries, orders, sales_cny; one row per day and item.
    items : DataFrame
        week (its first day), item, script.

    Returns
    -------
    DataFrame
        week, item, script, inquiries, orders, sales_cny, conversion, conversion_before, change (in points of share);
        nan where a week has no inquiries.
    """
    need_columns(sales, "day", "item", "inquiries", "orders", "sales_cny", name="push_sales")
    need_columns(items, "week", "item", "script", name="pushes")
    table = sales.assign(day=on_clock(sales["day"], None))
    rows = []
    for push in items.itertuples():
        first = pd.Timestamp(push.week)
        spans = [(first, first + pd.Timedelta("7D")), (first - pd.Timedelta("7D"), first)]
        own = table[table["item"] == push.item]
        weeks = [own[(own["day"] >= start) & (own["day"] < end)] for start, end in spans]
        shares = [
            float(week["orders"].sum() / week["inquiries"].sum()) if week["inquiries"].sum() else float("nan")
            for week in weeks
        ]
        sums = weeks[0][["inquiries", "orders", "sales_cny"]].sum()
        rows.append((first, push.item, push.script, *sums, *shares, shares[0] - shares[1]))
    columns = ["week", "item", "script", "inquiries", "orders", "sales_cny"]
    columns += ["conversion", "conversion_before", "change"]
    return pd.DataFrame(rows, columns=columns)


def sum_second_sales(register: pd.DataFrame) -> pd.DataFrame:
    """Sum up what buyers ordered beside their first order, by what brought it about.

    Parameters
    ----------
    register : DataFrame
        lever (a gift, a bundle, a threshold, a coupon, other), orders, sales_cny; as many rows as people wrote down.

    Returns
    -------
    DataFrame
        lever, orders, sales_cny, order_cny (mean of an order; nan without orders), share (of all that the table
        sells), the most sales first.

    Examples
    --------
    >>> sold = pd.DataFrame({"lever": ["gift", "bundle", "gift"], "orders": [2, 1, 2], "sales_cny": [60, 100, 40]})
    >>> sum_second_sales(sold)[["lever", "orders", "order_cny", "share"]].to_dict("records")[1]
    {'lever': 'gift', 'orders': 4.0, 'order_cny': 25.0, 'share': 0.5}
    """
    need_columns(register, "lever", "orders", "sales_cny", name="second_sales")
    table = register[["lever", "orders", "sales_cny"]].astype({"orders": float, "sales_cny": float})
    summed = table.groupby("lever", as_index=False).sum()
    summed["order_cny"] = summed["sales_cny"] / summed["orders"].where(summed["orders"] > 0)
    total = summed["sales_cny"].sum()
    summed["share"] = summed["sales_cny"] / total if total else float("nan")
    return summed.sort_values(["sales_cny", "lever"], ascending=[False, True], ignore_index=True)


SECOND_DAYS = 7
"""How many days after a paid order of the same buyer another one counts as a second order (our choice)."""
GAPS: Mapping[str, pd.Timedelta] = {
    "gap_hour": pd.Timedelta("1h"),
    "gap_day": pd.Timedelta("1D"),
    "gap_week": pd.Timedelta(days=SECOND_DAYS),
}


def find_second_orders(orders: pd.DataFrame, *, days: int = SECOND_DAYS) -> pd.DataFrame:
    """Find paid orders of buyers who had paid another one shortly before.

    Parameters
    ----------
    orders : DataFrame
        buyer (a key; missing where nobody knows who ordered, and then the order is no second one), created, paid,
        amount_cny.
    days : int
        How many days back the first order may lie.

    Returns
    -------
    DataFrame
        The orders that are second ones, with ``first_created``, in order of time.
    """
    need_columns(orders, "buyer", "created", "paid", "amount_cny", name="orders")
    paid = orders[orders["paid"].notna()].sort_values("created", kind="stable")
    before = paid.groupby("buyer")["created"].shift()
    second = (paid["created"] - before) <= pd.Timedelta(days=days)
    return paid.assign(first_created=before)[second].reset_index(drop=True)


@dataclass(frozen=True, kw_only=True)
class SecondOrders:
    """What buyers ordered again, from the promo day on.

    Attributes
    ----------
    table : DataFrame
        gap (``gap_hour``, ``gap_day``, ``gap_week``: how soon after the same buyer's paid order before), orders,
        sales_cny, order_cny, share (of the paid orders whose buyer is known); only gaps with orders. Empty where
        nobody ordered again.
    paid, known : int
        Paid orders from the promo day on, and those of them whose buyer has a key.
    first_day : date
        The promo day.
    """

    table: pd.DataFrame
    paid: int
    known: int
    first_day: dt.date

    @property
    def findings(self) -> list[Message]:
        """How many ordered again, and for how many orders that cannot be known; nothing without a paid order."""
        if not self.paid:
            return []
        day = f"{self.first_day:%Y-%m-%d}"
        if not self.known:
            return [Message("retrospective.buyers_unknown", count=self.paid)]
        again, sales = float(self.table["orders"].sum()), float(self.table["sales_cny"].sum())
        figures = {"day": day, "days": SECOND_DAYS, "known": f"{self.known:,}"}
        if not again:
            found = [Message("retrospective.nobody_again", **figures)]
        else:
            share, sold = f"{again / self.known:.1%}", f"{sales:,.0f}"
            found = [Message("retrospective.ordered_again", count=int(again), share=share, sales=sold, **figures)]
        if self.known < self.paid:
            found.append(Message("retrospective.buyers_partly", count=self.paid - self.known))
        return found


def sum_second_orders(orders: pd.DataFrame, *, promo_day: dt.date, as_of: dt.date) -> SecondOrders:
    """Sum up what buyers ordered again from the promo day on, by how soon; amounts as paid, refunds not taken off.

    Parameters
    ----------
    orders : DataFrame
        As :func:`find_second_orders`; what was paid before the promo counts as a first order.
    promo_day, as_of : date
        What was created before the one is no second order, and what was paid after the other is not paid yet.

    Examples
    --------
    >>> at = pd.to_datetime(["2026-10-31 20:00", "2026-10-31 20:20", "2026-11-02 09:00", "2026-10-31 21:00"])
    >>> orders = pd.DataFrame({"buyer": ["a", "a", "a", None], "created": at, "paid": at, "amount_cny": 50.0})
    >>> found = sum_second_orders(orders, promo_day=dt.date(2026, 10, 31), as_of=dt.date(2026, 11, 9))
    >>> found.table[["gap", "orders", "sales_cny", "share"]].round(3).to_numpy().tolist()
    [['gap_hour', 1, 50.0, 0.333], ['gap_week', 1, 50.0, 0.333]]
    >>> found.paid, found.known
    (4, 3)
    """
    times = {name: on_clock(orders[name], None) for name in ("created", "paid")}
    table = orders.assign(**times).reindex(columns=["buyer", "created", "paid", "amount_cny"])
    table = table[table["paid"] < pd.Timestamp(as_of) + pd.Timedelta("1D")]
    since = table["created"] >= pd.Timestamp(promo_day)
    known = int(table.loc[since, "buyer"].notna().sum())
    again = find_second_orders(table)
    again = again[again["created"] >= pd.Timestamp(promo_day)]
    edges = [pd.Timedelta(-1), *GAPS.values()]
    gap = pd.cut(again["created"] - again["first_created"], edges, labels=list(GAPS))
    grouped = again.groupby(gap, observed=True)["amount_cny"]
    summed = pd.DataFrame({"orders": grouped.size(), "sales_cny": grouped.sum()}).rename_axis("gap").reset_index()
    summed["gap"] = summed["gap"].astype(str)
    summed["order_cny"] = summed["sales_cny"] / summed["orders"]
    summed["share"] = summed["orders"] / max(known, 1)
    return SecondOrders(table=summed, paid=int(since.sum()), known=known, first_day=promo_day)
