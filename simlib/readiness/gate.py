"""Who may go online: courses, exam, one resit, quality check; and the step that brings each of the others back."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence

import pandas as pd

from simlib import facts
from simlib.messages import Lang
from simlib.readiness.rules import is_missing
from simlib.store.models import Agent, Store


def lay_course(course: str, *, starts_on: dt.date, lang: Lang) -> pd.DataFrame:
    """Lay a course of the playbook over the calendar, beginning on a day.

    Returns
    -------
    pandas.DataFrame
        course, lesson (number), due_on, hours_h, title, trainer, material, sign_off; rest days are not left out.

    Examples
    --------
    >>> plan = lay_course("warehouse_rotation", starts_on=dt.date(2026, 9, 1), lang="en")
    >>> float(plan["hours_h"].sum()), str(plan["due_on"].iloc[-1])
    (25.0, '2026-09-03')
    """
    row = next(row for row in facts.table("courses").to_dict("records") if row["key"] == course)
    rows = [
        {
            "course": course,
            "lesson": number,
            "due_on": starts_on + dt.timedelta(days=lesson["day"] - 1),
            "hours_h": float(lesson["hours_h"]),
            **{key: lesson[lang][key] for key in ("title", "trainer", "material", "sign_off")},
        }
        for number, lesson in enumerate(row["lessons"], start=1)
    ]
    return pd.DataFrame(rows)


def follow_training(training: pd.DataFrame, *, today: dt.date) -> pd.DataFrame:
    """Count each person's courses: done, late, without a sign-off.

    Returns
    -------
    pandas.DataFrame
        agent_id, of (courses), done, share, late_courses (due before today and not done), unsigned (done without a
        sign-off), mentor (the last named, None where nobody is), next_due (the earliest day of what is open).
    """
    rows = []
    for agent, courses in training.groupby("agent_id", sort=True):
        done = courses["done_on"].map(lambda day: not is_missing(day))
        due = courses["due_on"]
        late = [not over and not is_missing(day) and day < today for over, day in zip(done, due, strict=True)]
        unsigned = sum(over and is_missing(name) for over, name in zip(done, courses["signed_by"], strict=True))
        mentors = [name for name in courses["mentor"] if not is_missing(name)]
        open_days = [day for over, day in zip(done, due, strict=True) if not over and not is_missing(day)]
        rows.append(
            {
                "agent_id": agent,
                "of": len(courses),
                "done": int(done.sum()),
                "share": float(done.mean()),
                "late_courses": sum(late),
                "unsigned": unsigned,
                "mentor": mentors[-1] if mentors else None,
                "next_due": min(open_days, default=None),
            }
        )
    columns = ["agent_id", "of", "done", "share", "late_courses", "unsigned", "mentor", "next_due"]
    table = pd.DataFrame(rows, columns=columns)
    for column in ("mentor", "next_due"):
        table[column] = pd.Series([row[column] for row in rows], dtype=object)
    return table


def list_samples(
    agents: Sequence[Agent], *, samplers: Sequence[str], first_day: dt.date, last_day: dt.date
) -> pd.DataFrame:
    """Spread the acceptance of everybody over the quality checkers and days; nobody checks themselves.

    Parameters
    ----------
    samplers : sequence of str
        Agent ids, or names of people outside the list.

    Returns
    -------
    pandas.DataFrame
        agent_id, name, sampler, day, chats (to look at); every agent is there once.

    Raises
    ------
    ValueError
        There is nobody to check, or the days are in the wrong order.
    """
    if not samplers:
        raise ValueError("samplers must name at least one person")
    if last_day < first_day:
        raise ValueError(f"last_day must not be before first_day, got {first_day} and {last_day}")
    days = (last_day - first_day).days + 1
    chats = int(facts.value("courses", "sample_chats"))
    load = dict.fromkeys(samplers, 0)
    per_day = math.ceil(len(agents) / days)
    rows = []
    for number, agent in enumerate(sorted(agents, key=lambda agent: agent.agent_id)):
        able = [name for name in samplers if name not in (agent.agent_id, agent.name)] or list(samplers)
        sampler = min(able, key=lambda name: (load[name], samplers.index(name)))
        load[sampler] += 1
        day = first_day + dt.timedelta(days=number // per_day)
        rows.append((agent.agent_id, agent.name, sampler, day, chats))
    return pd.DataFrame(rows, columns=["agent_id", "name", "sampler", "day", "chats"])


def open_gate(
    store: Store, *, day: dt.date, training: pd.DataFrame | None = None, results: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return for every agent whether they may go online on a day, and what would bring back who may not.

    Scores of marked answers go before the score of the store's sheet; the resit counts where there is one, and there
    is one. A quality check of the training sheet goes before that of the store's.

    Parameters
    ----------
    day : datetime.date
        The promo day.
    training : pandas.DataFrame, optional
        The sheet training.
    results : pandas.DataFrame, optional
        As `mark_answers` gives them.

    Returns
    -------
    pandas.DataFrame
        agent_id, name, cohort, allowed, score (nan where none), attempts, reason and step (glossary keys, None where
        allowed): what keeps the person off, first the one that takes longest to put right; and reason_left, what would
        still keep off who is away that day if they came after all (None where nothing would).
    """
    pass_mark = store.rule("exam_pass_mark")
    tries = 1 + int(facts.value("courses", "resits"))
    scores = _scores(results)
    checks = _checks(training)
    rows = []
    for agent in store.agents:
        own = scores.get(agent.agent_id, [])
        score = own[-1] if own else agent.exam_score
        check = checks.get(agent.agent_id, agent.qa_pass)
        away, lacking = _absence(agent, day), _obstacle(score, len(own), check, pass_mark, tries)
        reason, step = away or lacking
        left = lacking[0] if away else None
        shown = float("nan") if score is None else float(score)
        rows.append((agent.agent_id, agent.name, agent.cohort, reason is None, shown, len(own), reason, left, step))
    columns = ["agent_id", "name", "cohort", "allowed", "score", "attempts", "reason", "reason_left", "step"]
    return pd.DataFrame(rows, columns=columns).astype({"reason": object, "reason_left": object, "step": object})


def _scores(results: pd.DataFrame | None) -> Mapping[str, list[float]]:
    found: dict[str, list[float]] = {}
    if results is not None:
        for row in results.sort_values(["agent_id", "attempt"]).itertuples():
            found.setdefault(row.agent_id, []).append(row.score)
    return found


def _checks(training: pd.DataFrame | None) -> Mapping[str, bool]:
    if training is None:
        return {}
    rows = zip(training["agent_id"], training["qa_result"], strict=True)
    return {agent: bool(passed) for agent, passed in rows if not is_missing(passed)}


def _absence(agent: Agent, day: dt.date) -> tuple[str, str] | None:
    """Return why somebody is not there on a day and the step that would change it; None where they are."""
    if agent.starts_on is not None and agent.starts_on > day:
        return "gate_not_started", "step_start_sooner"
    if any(span.first <= day <= span.last for span in agent.leave):
        return "gate_on_leave", "step_ask_leave"
    return None


def _obstacle(
    score: float | None, attempts: int, check: bool | None, pass_mark: float, tries: int
) -> tuple[str | None, str | None]:
    """Return what somebody lacks to go online and the step that would change it; None twice where they may."""
    if score is None:
        return "gate_no_exam", "step_sit_exam"
    if score < pass_mark:
        if attempts == 0:
            return "gate_sheet_failed", "step_resit"
        if attempts >= tries:
            return "gate_failed_twice", "step_other_work"
        return "gate_failed_once", "step_resit"
    if check is None:
        return "gate_no_check", "step_sample"
    if not check:
        return "gate_check_failed", "step_coach"
    return None, None


def bring_results(store: Store, *, training: pd.DataFrame, results: pd.DataFrame | None) -> Store:
    """Return the store with the last mark and the last quality check of everybody in place of those of its own sheet.

    The roster reads exam and check from the store's people, so that it refuses those whom the gate refuses. Who failed
    twice has no more tries and keeps the failing mark.

    Parameters
    ----------
    training : pandas.DataFrame
        The sheet training.
    results : pandas.DataFrame, optional
        As `mark_answers` gives them.
    """
    scores, checks = _scores(results), _checks(training)
    tries = 1 + int(facts.value("courses", "resits"))
    agents = []
    for agent in store.agents:
        found: dict[str, object] = {}
        if agent.agent_id in scores:
            found["exam_score"] = scores[agent.agent_id][:tries][-1]
        if agent.agent_id in checks:
            found["qa_pass"] = checks[agent.agent_id]
        agents.append(agent.model_copy(update=found) if found else agent)
    return store.model_copy(update={"agents": tuple(agents)})
