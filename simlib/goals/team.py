"""The team, week by week: duties, talk sheets, the board, praise, rules, the anonymous box, a saved buyer's value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from simlib import facts
from simlib.goals.figures import each_record, exact_number, is_empty, read_date, text_of
from simlib.goals.wording import number_text, value_with_unit
from simlib.kpis import BETTER
from simlib.messages import Lang, Message, Term, UserError, glossary, label

__all__ = [
    "assign_work",
    "board",
    "box_status",
    "daily_first",
    "duty_list",
    "is_form_address",
    "open_duties",
    "published_items",
    "rules_sheet",
    "saved_buyer_value",
    "segment_phrases",
    "spotlight",
    "talk_sheet",
    "talk_sheets",
]

ADDRESS_MAX = 500  # characters of a form's address: a longer one makes a code that phones read badly
AUDIENCES = ("self", "team", "all")
DAILY_SAMPLE = 20  # ours: inquiries in a day below which a conversion is luck
SPOTLIGHT_LEAD = 0.05  # ours: how much better than the team's median a strength must be to be praised
# Which strength fits which work (seed: the careful to tables, the lively to activities; the others are ours).
WORK_OF = {"careful": "tables", "lively": "team_activities", "fast": "peak_hours", "patient": "hard_cases"}


def duty_list(lang: Lang, *, owners: Mapping[str, str] | None = None, kind: str = "duty") -> pd.DataFrame:
    """Return the lead's duties, or the rituals of people at home, with an owner for each block.

    Parameters
    ----------
    lang : {"zh", "en"}
    owners : mapping of block to name, optional
        Left out, the lead owns all.
    kind : {"duty", "ritual", "monthly"}

    Returns
    -------
    DataFrame
        key, every (day, week, month), at, block, task, done_when, owner.

    Raises
    ------
    ValueError
        An owner of a block that does not exist, or another kind.
    """
    rows = facts.table("lead_duties")
    blocks = set(rows["block"])
    strange = sorted(set(owners or {}) - blocks)
    if strange or kind not in ("duty", "ritual", "monthly"):
        raise ValueError(f"kind {kind!r}; owners belong to blocks {sorted(blocks)}, not {strange}")
    table = []
    for row in rows[rows["kind"] == kind].to_dict("records"):
        at = row[f"at_{lang}"] if is_empty(row["at"]) else row["at"]
        owner = (owners or {}).get(row["block"], "")
        key = f"duty_{row['key']}"
        table.append(
            (row["key"], row["value"], at, row["block"], label(key, lang), glossary()[key][f"definition_{lang}"], owner)
        )
    return pd.DataFrame(table, columns=["key", "every", "at", "block", "task", "done_when", "owner"])


def open_duties(done: pd.DataFrame, *, on: dt.date) -> tuple[Message, ...]:
    """Return the duties of the lead that are due and not recorded as done in their day, week or month.

    Parameters
    ----------
    done : DataFrame
        key, done_on.
    on : date
    """
    since = {"day": on, "week": on - dt.timedelta(days=on.weekday()), "month": on.replace(day=1)}
    last: dict[str, dt.date] = {}
    for row in each_record(done)[0]:
        key, day = text_of(row["key"]), read_date(row["done_on"])
        if day <= on:
            last[key] = max(day, last.get(key, day))
    rows = facts.table("lead_duties")
    return tuple(
        Message("goals.duty_open", task=Term(f"duty_{row.key}"), every=Term(f"every_{row.value}"))
        for row in rows[rows["kind"].isin(["duty", "monthly"])].itertuples()
        if row.key not in last or last[row.key] < since[row.value]
    )


def published_items() -> tuple[str, ...]:
    """Return the keys of the four items that everybody can see at once.

    Examples
    --------
    >>> published_items()
    ('login_time', 'work_done', 'problem_cases', 'rating_invitations')
    """
    rows = facts.table("lead_duties")
    return tuple(rows.loc[rows["kind"] == "published", "key"])


def talk_sheet(
    month: pd.DataFrame, before: pd.DataFrame, *, person: str, figures: Sequence[str]
) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Fill in the sheet of a monthly talk with the person's own figures, the month before, and the team's median.

    Parameters
    ----------
    month, before : DataFrame
        person and figures: one row per person, this month and the one before.
    person : str
    figures : sequence of str

    Returns
    -------
    DataFrame
        figure, own, before, team (median), rank (1 = best), people.
    tuple of Message
        What to begin with: the best figure first, then the one to work on; the questions are open ones.

    Raises
    ------
    ValueError
        The person is not in the month.
    """
    if (month["person"] == person).sum() != 1:
        raise ValueError(f"{person!r} must have one row in the month, has {(month['person'] == person).sum()}")
    return talk_sheets(month, before, figures=figures)[person]


def talk_sheets(
    month: pd.DataFrame, before: pd.DataFrame, *, figures: Sequence[str]
) -> dict[str, tuple[pd.DataFrame, tuple[Message, ...]]]:
    """Fill in everybody's sheet at once: by person what :func:`talk_sheet` returns."""
    numbers = month[list(figures)].astype(float)
    ranks = pd.DataFrame(
        {name: numbers[name].rank(method="min", ascending=BETTER.get(name) == "lower") for name in figures}
    ).to_numpy()
    medians, known = numbers.median().to_numpy(), numbers.notna().sum().to_numpy()
    past = before.set_index("person")[list(figures)].astype(float)
    values = numbers.to_numpy()
    found = {}
    for at, person in enumerate(month["person"]):
        earlier = past.loc[person].to_numpy() if person in past.index else np.full(len(figures), np.nan)
        columns = {"own": values[at], "before": earlier, "team": medians, "rank": ranks[at], "people": known}
        found[person] = (
            pd.DataFrame({"figure": list(figures), **columns}),
            _questions(figures, ranks[at], known, person),
        )
    return found


def _questions(figures: Sequence[str], ranks: np.ndarray, known: np.ndarray, person: str) -> tuple[Message, ...]:
    if np.isnan(ranks).all():
        return (Message("goals.talk_no_figures", person=person),)
    best, worst = int(np.nanargmin(ranks)), int(np.nanargmax(ranks))
    named = [{"figure": _named(figures[at]), "rank": int(ranks[at]), "people": int(known[at])} for at in (best, worst)]
    found = [Message("goals.talk_praise", **named[0])]
    if worst != best:
        found.append(Message("goals.talk_ask", **named[1]))
    return (*found, Message("goals.talk_open"))


def _named(key: object) -> str:
    return Term(str(key)) if str(key) in glossary() else str(key)


def board(day: pd.DataFrame, *, audience: str, viewer: str | None = None, figure: str = "sales_cny") -> pd.DataFrame:
    """Return the board of the day: ranking, attainment, and the four published items, with a privacy switch.

    Parameters
    ----------
    day : DataFrame
        person, name, team, the figure, target, and login_time, work_done, problem_cases, rating_invitations.
    audience : {"self", "team", "all"}
        Whose figures are shown: the viewer's own, those of the viewer's team, or everybody's.
    viewer : str, optional
        The person before the board; needed for ``self`` and ``team``.
    figure : str
        What is ranked.

    Returns
    -------
    DataFrame
        rank (in the whole team of teams), name, the figure, target, attainment, and the published items.

    Raises
    ------
    ValueError
        Another audience, or a viewer who is not there.
    """
    if audience not in AUDIENCES:
        raise ValueError(f"audience must be one of {', '.join(AUDIENCES)}, got {audience!r}")
    table = day.copy()
    higher = BETTER.get(figure) != "lower"
    table["rank"] = table[figure].astype(float).rank(method="min", ascending=not higher).astype("Int64")
    target = table["target"].astype(float)
    table["attainment"] = table[figure].astype(float) / target.where(target > 0)
    if audience != "all":
        own = table[table["person"] == viewer]
        if len(own) != 1:
            raise ValueError(f"viewer {viewer!r} must have one row on the board, has {len(own)}")
        same = table["person"] == viewer if audience == "self" else table["team"] == own["team"].iloc[0]
        table = table[same]
    columns = ["rank", "name", figure, "target", "attainment", *(key for key in published_items() if key in table)]
    return table.sort_values(["rank", "person"], na_position="last")[columns].reset_index(drop=True)


def daily_first(
    day: pd.DataFrame, *, amount_cny: float, on: dt.date, sample: int = DAILY_SAMPLE
) -> list[dict[str, Any]]:
    """Return the daily prize of the first in conversion as a scheme for ``work_out_payouts``.

    Parameters
    ----------
    day : DataFrame
        person, buyers_paid, inquiries.
    amount_cny : float
        The seed names none; a store sets it.
    on : date
        The day; the prize is announced before it and paid on it or after.
    sample : int
        Inquiries below which nobody takes the place (ours).

    Raises
    ------
    UserError
        The figures are not there.
    """
    lacking = [name for name in ("buyers_paid", "inquiries") if name not in day.columns]
    if lacking:
        raise UserError(Message("goals.day_lacks", names=lacking))
    return [
        {
            "scheme": f"daily first {on}",
            "rule": 1,
            "kind": "rank",
            "metric": "buyers_paid / inquiries",
            "sample": "inquiries",
            "min_sample": sample,
            "ties": "split",
            "amount_cny": amount_cny,
            "announced_on": on,
            "pay_on": on,
        }
    ]


def spotlight(week: pd.DataFrame, *, figures: Sequence[str], last: str | None = None) -> Message | None:
    """Draft the praise of one strength of one person from real figures; None where nobody stands out.

    The person who is furthest ahead of the team's median in any figure, who was not praised last.

    Parameters
    ----------
    week : DataFrame
        person, name, and figures.
    figures : sequence of str
    last : str, optional
        Who was praised last.
    """
    best: tuple[float, str, str, float, float] | None = None
    for figure in figures:
        column = week[figure].astype(float)
        median = float(column.median())
        if not median > 0:
            continue
        for person, name, value in zip(week["person"], week["name"], column, strict=True):
            lead = (median - value) / median if BETTER.get(figure) == "lower" else (value - median) / median
            if person != last and lead >= SPOTLIGHT_LEAD and (best is None or lead > best[0]):
                best = (lead, str(name), figure, float(value), median)
    if best is None:
        return None
    _, name, figure, value, median = best
    values = {"value": value_with_unit(figure, value), "median": value_with_unit(figure, median)}
    return Message("goals.spotlight", name=name, figure=_named(figure), **values)


def assign_work(people: pd.DataFrame) -> pd.DataFrame:
    """Return which work fits whom, from the field of strengths: person, name, strength, work (missing = ask).

    Parameters
    ----------
    people : DataFrame
        person, name, strength: ``careful``, ``lively``, ``fast``, ``patient``, or empty.
    """
    strengths = [None if is_empty(value) else text_of(value) for value in people["strength"]]
    unknown = sorted({value for value in strengths if value is not None and value not in WORK_OF})
    if unknown:
        raise ValueError(f"a strength must be one of {sorted(WORK_OF)}, got {unknown}")
    work = [None if value is None else WORK_OF[value] for value in strengths]
    return people[["person", "name"]].assign(strength=strengths, work=work)


def rules_sheet(
    rules: pd.DataFrame, people: Sequence[str], acknowledged: pd.DataFrame
) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Return the sheet of rules with its dates and who acknowledged each when.

    Parameters
    ----------
    rules : DataFrame
        rule, text, announced_on.
    people : sequence of str
    acknowledged : DataFrame
        rule, person, acknowledged_on.

    Returns
    -------
    DataFrame
        rule, text, announced_on, person, acknowledged_on (missing = not yet): one row per rule and person.
    tuple of Message
        Rules that somebody has not acknowledged, or acknowledged before they were announced.
    """
    read = {
        (text_of(row["rule"]), text_of(row["person"])): read_date(row["acknowledged_on"])
        for row in each_record(acknowledged)[0]
        if not is_empty(row.get("acknowledged_on"))
    }
    rows, found = [], []
    for rule in each_record(rules)[0]:
        key, announced = text_of(rule["rule"]), read_date(rule["announced_on"])
        missing = []
        for person in people:
            day = read.get((key, person))
            if day is not None and day < announced:
                found.append(Message("goals.acknowledged_early", rule=key, person=person, day=day, announced=announced))
                day = None
            if day is None:
                missing.append(person)
            rows.append((key, rule["text"], announced, person, day))
        if missing:
            found.append(Message("goals.not_acknowledged", rule=key, people=missing[:5], count=len(missing)))
    table = pd.DataFrame(rows, columns=["rule", "text", "announced_on", "person", "acknowledged_on"])
    return table, tuple(found)


def is_form_address(text: str) -> bool:
    """Return whether a text is the address of a form that a phone can open: http or https, a host, no blanks.

    Examples
    --------
    >>> is_form_address("https://example.org/f/7?x=1"), is_form_address("example.org"), is_form_address("file:///x")
    (True, False, False)
    """
    if len(text) > ADDRESS_MAX or any(sign.isspace() or not sign.isprintable() for sign in text):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "." in (parts.hostname or "") and parts.username is None


def box_status(box: pd.DataFrame, *, on: dt.date, days: int = 7) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Return the reply board of the anonymous box: entries by number and day, never by person.

    Parameters
    ----------
    box : DataFrame
        received_on, text, reply, replied_on; a column that could name somebody is refused.
    on : date
    days : int
        Within which an answer is published (ours).

    Returns
    -------
    DataFrame
        entry, received_on, text, reply, replied_on.
    tuple of Message
        One where answers are overdue.

    Raises
    ------
    UserError
        The box holds a column that names who wrote.
    """
    named = [name for name in box.columns if name in ("person", "name", "agent_id", "phone", "account", "ip")]
    if named:
        raise UserError(Message("goals.box_not_anonymous", columns=named))
    table = box.sort_values("received_on", kind="stable", ignore_index=True)
    table.insert(0, "entry", range(1, len(table) + 1))
    late = [
        row.entry for row in table.itertuples() if is_empty(row.reply) and (on - read_date(row.received_on)).days > days
    ]
    found = (Message("goals.box_overdue", entries=[str(entry) for entry in late], days=days),) if late else ()
    return table[["entry", "received_on", "text", "reply", "replied_on"]], found


def saved_buyer_value(
    *, keeping_cost_cny: float, buyers_saved: int, factor: float | None = None
) -> tuple[float, Message]:
    """Return what buyers who were kept spare in winning new ones: factor - 1 times the cost of keeping each.

    The factor, new to kept, is the seed's claim of 7 : 1 unless the store has its own; it is a figure of speech,
    and the message says so.

    Examples
    --------
    >>> saved_buyer_value(keeping_cost_cny=20, buyers_saved=10)[0]
    1200.0
    """
    if keeping_cost_cny < 0 or buyers_saved < 0 or (factor is not None and factor < 1):
        raise ValueError("cost and buyers must be >= 0 and the factor >= 1")
    times = exact_number(facts.value("project_rewards", "new_buyer_cost_factor") if factor is None else factor)
    value = float((times - Fraction(1)) * exact_number(keeping_cost_cny) * buyers_saved)
    key = "goals.saved_buyer_claim" if factor is None else "goals.saved_buyer_own"
    return value, Message(key, count=buyers_saved, factor=number_text(times), value=f"{value:,.0f}")


def segment_phrases(segment: str, lang: Lang) -> pd.DataFrame:
    """Return the phrases for a segment of buyers: topic, phrase, status.

    Examples
    --------
    >>> segment_phrases("returning", "en")["topic"].tolist()
    ['member_points', 'member_activity', 'care', 'live_draw']
    """
    rows = facts.table("buyer_segments")
    rows = rows[rows["value"] == segment]
    return pd.DataFrame(
        {
            "topic": rows["key"].tolist(),
            "phrase": rows[f"phrase_{lang}"].tolist(),
            "status": rows["status"].tolist(),
        }
    )
