"""People: need minus have, where more come from and by when, who is trained by then, who leads whom."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from simlib import facts
from simlib.store.models import Agent, Store


def has_passed(agent: Agent, *, exam_pass: float) -> bool:
    """Return whether an agent has passed both exam and QA."""
    return agent.exam_score is not None and agent.exam_score >= exam_pass and agent.qa_pass is True


def may_serve(agent: Agent, *, day: dt.date, exam_pass: float) -> bool:
    """Return whether an agent may take promo chats on a day: exam and QA passed, at work, not on leave."""
    arrived = agent.starts_on is None or agent.starts_on <= day
    away = any(span.first <= day <= span.last for span in agent.leave)
    return has_passed(agent, exam_pass=exam_pass) and arrived and not away


def ramp_speed(cohort: str, *, days_at_work: float) -> float:
    """Read the speed of a newcomer after some days at work, between the points of the facts.

    Examples
    --------
    >>> ramp_speed("outsourced", days_at_work=0), ramp_speed("outsourced", days_at_work=400)
    (0.6, 1.0)
    """
    days, speeds = zip(*_source(cohort)["ramp"], strict=True)
    return float(np.interp(days_at_work, days, speeds))


def effective_speed(agent: Agent, *, day: dt.date) -> float:
    """Scale an agent's own speed by the ramp of their cohort, where the first day at work is known."""
    if agent.starts_on is None:
        return agent.speed
    return agent.speed * ramp_speed(agent.cohort, days_at_work=max((day - agent.starts_on).days, 0))


def need_and_have(store: Store, *, need: Mapping[str, float], day: dt.date) -> pd.DataFrame:
    """Set the heads needed at once by role against the people there are.

    Parameters
    ----------
    need : mapping of queue to heads
        Heads to have on the roster at the peak, by role.
    day : datetime.date
        The promo day.

    Returns
    -------
    pandas.DataFrame
        queue, need (rounded up), have (may serve, by first skill), own, temp, outsourced, student, not_ready (have
        the skill and lack exam, QA or arrival), can_help (others with it as second or third skill), gap (need - have).
        need and gap are NA for a role that ``need`` does not name: nobody knows, which is not the same as none.
    """
    exam_pass = store.rule("exam_pass_mark")
    rows = []
    for queue in _roles(store, need):
        first = [agent for agent in store.agents if agent.skill_1 == queue]
        ready = [agent for agent in first if may_serve(agent, day=day, exam_pass=exam_pass)]
        helpers = [
            agent
            for agent in store.agents
            if queue in agent.skills[1:] and may_serve(agent, day=day, exam_pass=exam_pass)
        ]
        cohorts = {c: sum(a.cohort == c for a in ready) for c in ("own", "temp", "outsourced", "student")}
        heads = math.ceil(need[queue] - 1e-9) if queue in need else pd.NA
        rows.append(
            {
                "queue": queue,
                "need": heads,
                "have": len(ready),
                **cohorts,
                "not_ready": len(first) - len(ready),
                "can_help": len(helpers),
                "gap": heads - len(ready),
            }
        )
    return pd.DataFrame(rows).astype({"need": "Int64", "gap": "Int64"})


def _roles(store: Store, need: Mapping[str, float]) -> list[str]:
    order = ("presale", "aftersale", "order_change", "payment_chasing", "escalation")
    skills = {agent.skill_1 for agent in store.agents}
    return [queue for queue in order if queue in need or queue in skills]


def make_or_buy(*, gap: int, promo_day: dt.date, today: dt.date, complex_goods: bool = False) -> pd.DataFrame:
    """Compare where the missing people can come from, and the last safe day for each.

    A source is signed ``lead`` days ahead and trained after that; it must also be signed before its dry months
    begin, where the promo falls into them. Speed on the promo day follows the ramp after training.

    Parameters
    ----------
    gap : int
        Heads at full speed that are missing; 0 or less asks for none.
    promo_day, today : datetime.date
    complex_goods : bool
        Whether the goods need the long training.

    Returns
    -------
    pandas.DataFrame
        cohort, sign_by, train_by, days_left, state (``ok``, ``late`` when the safe day is over but training still
        fits, ``impossible``), speed_on_day, heads_to_take, cost_cny_day (8 hours), hours_max_day (the law's, overtime
        included), night_work (whether nights are allowed). An ``impossible`` source is no choice: it comes last and has
        no speed, heads or cost.
    """
    rows = []
    for cohort in ("own", "temp", "outsourced", "student"):
        source = _source(cohort)
        training = source["training_days_complex" if complex_goods else "training_days"]
        train_by = promo_day - dt.timedelta(days=training)
        sign_by = min(
            promo_day - dt.timedelta(days=max(source["value"], training)),
            *_before_dry_months(source["dry_from"], promo_day),
            promo_day,
        )
        state = "ok" if today <= sign_by else "late" if today <= train_by else "impossible"
        at_work = max((promo_day - max(today, sign_by)).days - training, 0)
        speed = ramp_speed(cohort, days_at_work=at_work)
        heads = math.ceil(max(gap, 0) / speed - 1e-9)
        choice = {"speed_on_day": speed, "heads_to_take": heads, "cost_cny_day": heads * 8 * source["cost_cny_h"]}
        if state == "impossible":
            choice = dict.fromkeys(choice)
        rows.append(
            {
                "cohort": cohort,
                "sign_by": sign_by,
                "train_by": train_by,
                "days_left": (sign_by - today).days,
                "state": state,
                **choice,
                **_limits(cohort, on=promo_day),
            }
        )
    rows.sort(key=lambda row: row["state"] == "impossible")
    return pd.DataFrame(rows).astype({"speed_on_day": float, "heads_to_take": "Int64", "cost_cny_day": float})


def _limits(cohort: str, *, on: dt.date) -> dict[str, object]:
    """Return how long a day of a cohort may be, and whether it may be at night."""

    def law(key: str) -> float:
        return float(facts.value("labour", key, on=on))

    if cohort == "student":
        return {"hours_max_day": law("student_max_h_day"), "night_work": bool(law("student_nights_allowed"))}
    return {"hours_max_day": law("standard_h_day") + law("overtime_max_h_day"), "night_work": True}


def _before_dry_months(dry_from: list[str], promo_day: dt.date) -> list[dt.date]:
    """Return the day before a dry season that begins in the ninety days ahead of the promo."""
    days = []
    for month_day in dry_from:
        begins = dt.date.fromisoformat(f"{promo_day.year}-{month_day}")
        if begins <= promo_day <= begins + dt.timedelta(days=90):
            days.append(begins - dt.timedelta(days=1))
    return days


def last_safe_dates(*, promo_day: dt.date, today: dt.date, complex_goods: bool = False) -> pd.DataFrame:
    """List every last safe day of the staffing chapter, the earliest first, with what is too late.

    Returns
    -------
    pandas.DataFrame
        task (glossary key), last_day, days_left, late.
    """
    options = make_or_buy(gap=0, promo_day=promo_day, today=today, complex_goods=complex_goods)
    rows = [(f"sign_{row.cohort}", row.sign_by) for row in options.itertuples()]
    start = "training_start" if complex_goods else "training_start_simple"
    for task, fact in (("start_training", start), ("rent_pcs", "pc_rental")):
        rows.append((task, promo_day - dt.timedelta(days=facts.value("sourcing", fact))))
    table = pd.DataFrame(rows, columns=["task", "last_day"])
    table["days_left"] = [(day - today).days for day in table["last_day"]]
    table["late"] = table["days_left"] < 0
    return table.sort_values(["last_day", "task"], ignore_index=True)


def list_out(
    store: Store,
    *,
    day: dt.date,
    today: dt.date,
    queues: Sequence[str],
    roster: pd.DataFrame,
    start: pd.Timestamp,
    end: pd.Timestamp,
) -> pd.DataFrame:
    """List everybody who does not serve in a stretch of the promo night, and why, person by person.

    Parameters
    ----------
    day, today : datetime.date
        The promo day, and the day from which the last days to act are counted.
    queues : sequence of str
        The queues that the night has a forecast for.
    roster : DataFrame
        agent_id, start, end, activity: one row per segment.
    start, end : pandas.Timestamp
        The stretch that is looked at; who chats through it is not out.

    Returns
    -------
    pandas.DataFrame
        agent_id, name, cohort, skill_1, out_reason (list of glossary keys: exam, QA, leave, not arrived, no forecast
        for any of their skills, off, on a shift elsewhere in the day), back_step (list of what would bring them back),
        back_by (the last day to begin with it), can_return (whether there is still time for all of it).
    """
    mark = store.rule("exam_pass_mark")
    chat = roster[roster["activity"] == "chat"]
    inside = chat["end"].clip(upper=end) - chat["start"].clip(lower=start)
    served = inside[inside > pd.Timedelta(0)].groupby(chat["agent_id"]).sum()
    there = set(served[served >= end - start].index)
    near = roster[(roster["start"] < end + HALF_DAY) & (roster["end"] > start - HALF_DAY)]
    rostered = set(near["agent_id"])
    rows = []
    for agent in store.agents:
        if agent.agent_id in there:
            continue
        reasons = []
        if agent.exam_score is None or agent.exam_score < mark:
            reasons.append("out_exam")
        if agent.qa_pass is not True:
            reasons.append("out_qa")
        if any(span.first <= day <= span.last for span in agent.leave):
            reasons.append("out_leave")
        if agent.starts_on is not None and agent.starts_on > day:
            reasons.append("out_not_started")
        if not set(agent.skills) & set(queues):
            reasons.append("out_no_forecast")
        if not reasons:
            reasons.append("out_elsewhere" if agent.agent_id in rostered else "out_off")
        steps = [WAYS_BACK[reason] for reason in reasons]
        by = min(day - dt.timedelta(days=facts.value("actions", fact)) for _, fact in steps)
        rows.append(
            {
                "agent_id": agent.agent_id,
                "name": agent.name,
                "cohort": agent.cohort,
                "skill_1": agent.skill_1,
                "out_reason": reasons,
                "back_step": [step for step, _ in steps],
                "back_by": by,
                "can_return": by >= today and "out_not_started" not in reasons,
            }
        )
    columns = ["agent_id", "name", "cohort", "skill_1", "out_reason", "back_step", "back_by", "can_return"]
    return pd.DataFrame(rows, columns=columns)


HALF_DAY = pd.Timedelta(hours=12)
# What brings somebody back, and the fact with its days of notice.
WAYS_BACK = {
    "out_exam": ("back_exam", "resit_days"),
    "out_qa": ("back_qa", "resit_days"),
    "out_leave": ("back_leave", "leave_days"),
    "out_not_started": ("back_start", "leave_days"),
    "out_no_forecast": ("back_teach", "second_skill_days"),
    "out_elsewhere": ("back_shift", "shift_days"),
    "out_off": ("back_call", "call_in_days"),
}


def head_ratio(store: Store) -> dict[str, float]:
    """Check the ratio of presale to after-sale heads against the trade's; a ratio of people, not of chats.

    Returns
    -------
    dict
        presale, aftersale (heads by first skill), ratio (inf without after-sale heads), trade.
    """
    presale = sum(agent.skill_1 == "presale" for agent in store.agents)
    aftersale = sum(agent.skill_1 == "aftersale" for agent in store.agents)
    ratio = presale / aftersale if aftersale else math.inf
    trade = float(facts.value("sourcing", "presale_to_aftersale_heads"))
    return {"presale": presale, "aftersale": aftersale, "ratio": ratio, "trade": trade}


def organise(store: Store, *, day: dt.date | None = None, one_team: bool = False) -> pd.DataFrame:
    """Lay the promo organisation: squads by first skill under named leads, none wider than the span of control.

    Parameters
    ----------
    store : Store
    day : datetime.date, optional
        List only those who may serve on it: cleared by exam and QA, at work, not on leave.
    one_team : bool
        Presale and after-sale are one team, as in a store that begins; squads stand under presale then.

    Returns
    -------
    pandas.DataFrame
        agent_id, name, queue, squad (number from 1), lead_id, lead_name (None where no lead is named), is_lead.
        Where the named leads of a skill are too few for the span, further squads stand without a lead.
    """
    span = int(facts.value("sourcing", "span_of_control"))
    rows = []
    squad = 0
    mark = store.rule("exam_pass_mark")
    there = [agent for agent in store.agents if day is None or may_serve(agent, day=day, exam_pass=mark)]
    merged = ("presale", "aftersale") if one_team and {"presale", "aftersale"} <= {a.skill_1 for a in there} else ()
    of_team = {agent.agent_id: "presale" if agent.skill_1 in merged else agent.skill_1 for agent in there}
    for queue in _roles(store, {}):
        people = [agent for agent in there if of_team[agent.agent_id] == queue]
        leads = [agent for agent in people if agent.lead]
        members = [agent for agent in people if not agent.lead]
        squads = max(len(leads), math.ceil(len(members) / span))
        for number in range(squads):
            squad += 1
            lead = leads[number] if number < len(leads) else None
            for agent in ([lead] if lead else []) + members[number::squads]:
                rows.append(
                    {
                        "agent_id": agent.agent_id,
                        "name": agent.name,
                        "queue": queue,
                        "squad": squad,
                        "lead_id": lead.agent_id if lead else None,
                        "lead_name": lead.name if lead else None,
                        "is_lead": agent is lead,
                    }
                )
    columns = ["agent_id", "name", "queue", "squad", "lead_id", "lead_name", "is_lead"]
    return pd.DataFrame(rows, columns=columns)


def _source(cohort: str) -> dict[str, Any]:
    rows = facts.table("sourcing")
    return dict(rows[rows["key"] == cohort].iloc[0].to_dict())
