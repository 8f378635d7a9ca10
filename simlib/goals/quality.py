"""Quality assurance: the written standard, next week's sample from this week's stars, steps seen in chats, courses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pandas as pd

from simlib import facts
from simlib.messages import Lang, Message, Term, glossary, label

__all__ = ["plan_sampling", "qa_score", "qa_standard", "stars_of", "step_coverage", "suggest_courses"]


def qa_standard(sheet: str, lang: Lang) -> pd.DataFrame:
    """Return the written standard of one sheet: the form that a checker fills in.

    Returns
    -------
    DataFrame
        item, group, name, rule, points (of 100), status.

    Examples
    --------
    >>> float(qa_standard("aftersale", "en")["points"].sum())
    100.0
    """
    rows = facts.table("qa_standard")
    rows = rows[rows["sheet"] == sheet]
    return pd.DataFrame(
        {
            "item": rows["key"].tolist(),
            "group": rows["group"].tolist(),
            "name": [label(f"qa_{key}", lang) for key in rows["key"]],
            "rule": rows[f"rule_{lang}"].tolist(),
            "points": [float(value) for value in rows["value"]],
            "status": rows["status"].tolist(),
        }
    )


def qa_score(marks: Mapping[str, float], *, sheet: str) -> float:
    """Return the score of a checked chat from the share that each item of the standard was met, 0 to 1.

    Raises
    ------
    ValueError
        An item is missing, unknown, or outside 0 to 1.

    Examples
    --------
    >>> qa_score({item: 1.0 for item in qa_standard("presale", "en")["item"]}, sheet="presale")
    100.0
    """
    points = dict(zip(*qa_standard(sheet, "en")[["item", "points"]].to_numpy().T, strict=True))
    if set(marks) != set(points):
        raise ValueError(f"marks must be given for {sorted(points)}, got {sorted(marks)}")
    if any(not 0 <= mark <= 1 for mark in marks.values()):
        raise ValueError("each mark must lie in 0 to 1")
    return float(sum(points[item] * mark for item, mark in marks.items()))


def stars_of(score: float) -> int:
    """Return the stars of a week's mean QA score, 1 to 5.

    Examples
    --------
    >>> [stars_of(score) for score in (95, 94.99, 88, 78, 65, 64.9)]
    [5, 4, 4, 3, 2, 1]
    """
    return next((stars for stars, bound in _star_bounds() if score >= bound), 1)


@cache
def _star_bounds() -> tuple[tuple[int, float], ...]:
    return tuple((stars, float(facts.value("qa_rules", f"stars_{stars}_from"))) for stars in (5, 4, 3, 2))


def plan_sampling(weeks: pd.DataFrame, *, supervisors: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Plan next week's sample of chats from the stars of the weeks so far.

    Five stars: exempt next week (once; a week without a check is no week of five stars). One or two: sampled with
    priority, and the supervisor coaches. Again and again: named for an improvement plan; people decide.

    Parameters
    ----------
    weeks : DataFrame
        person, week, score: mean QA score of each checked week.
    supervisors : mapping, optional
        Person to supervisor.

    Returns
    -------
    DataFrame
        person, stars, weeks_low (in a row up to now), chats, action (``exempt``, ``usual``, ``coach``,
        ``improvement_plan``), coach.
    """
    usual, focus = (int(facts.value("qa_rules", key)) for key in ("chats_a_week", "focus_factor"))
    low_up_to, exempt = (int(facts.value("qa_rules", key)) for key in ("focus_up_to_stars", "exempt_from_stars"))
    repeated = int(facts.value("qa_rules", "repeated_weeks"))
    last_week = weeks["week"].max()
    rows: list[tuple[Any, ...]] = []
    for person, own in weeks.sort_values(["person", "week"]).groupby("person"):
        stars = [stars_of(score) for score in own["score"]]
        low = 0
        for star in reversed(stars):
            if star > low_up_to:
                break
            low += 1
        coach = (supervisors or {}).get(str(person), "")
        if low:
            action = "improvement_plan" if low >= repeated else "coach"
            rows.append((person, stars[-1], low, usual * focus, action, coach))
        elif stars[-1] >= exempt and own["week"].iloc[-1] == last_week:
            rows.append((person, stars[-1], 0, 0, "exempt", ""))
        else:
            rows.append((person, stars[-1], 0, usual, "usual", ""))
    table = pd.DataFrame(rows, columns=["person", "stars", "weeks_low", "chats", "action", "coach"])
    return table.sort_values(["stars", "person"], ignore_index=True)


def step_coverage(messages: pd.DataFrame, *, sheet: str) -> pd.DataFrame:
    """Count in how many chats of an agent each step of the standard appears: by its words, and nothing cleverer.

    Parameters
    ----------
    messages : DataFrame
        chat, agent, side (``agent`` or ``buyer``), text.
    sheet : {"presale", "aftersale"}

    Returns
    -------
    DataFrame
        agent, item, chats, found, share: one row per agent and step that has words. A person decides what it means.
    """
    standard = facts.table("qa_standard")
    steps = {
        row.key: tuple(row.words)
        for row in standard[standard["sheet"] == sheet].itertuples()
        if isinstance(row.words, list) and row.words
    }
    own = messages[messages["side"] == "agent"]
    texts = own.groupby(["agent", "chat"])["text"].agg(lambda parts: "\n".join(str(part) for part in parts))
    rows = []
    for agent, chats in texts.groupby(level="agent"):
        for step, words in steps.items():
            found = sum(any(word in text for word in words) for text in chats)
            rows.append((agent, step, len(chats), found, found / len(chats)))
    return pd.DataFrame(rows, columns=["agent", "item", "chats", "found", "share"])


def suggest_courses(faults: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """List the faults by how often they occur, and the courses for those that make up most of them.

    Parameters
    ----------
    faults : DataFrame
        person, item: one row per fault found; the item is one of the standard.

    Returns
    -------
    DataFrame
        item, faults, people, share, cumulative, course (whether it deserves one).
    tuple of Message
        One per course.
    """
    cut = float(facts.value("qa_rules", "course_cumulative_share"))
    table = faults.groupby("item", as_index=False).agg(faults=("item", "size"), people=("person", "nunique"))
    table = table.sort_values(["faults", "item"], ascending=[False, True], ignore_index=True)
    table["share"] = table["faults"] / max(int(table["faults"].sum()), 1)
    table["cumulative"] = table["share"].cumsum()
    table["course"] = table["cumulative"] - table["share"] < cut - 1e-12
    found = [
        Message("goals.course", item=_name(row.item), faults=row.faults, people=row.people)
        for row in table[table["course"]].itertuples()
    ]
    return table, tuple(found)


def _name(item: str) -> str:
    return Term(f"qa_{item}") if f"qa_{item}" in glossary() else item
