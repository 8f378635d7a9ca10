"""Make the ``goals.xlsx`` of the two invented stores: one month of a team, drawn here with a seed, none measured.

Run ``python templates/make_goals.py`` from the top of the project, after ``make_stores.py``. The same seed gives the
same bytes.
"""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np

from simlib.goals.pay import project_rewards
from simlib.goals.quality import qa_standard
from simlib.goals.workbook import write_goals_template
from simlib.messages import Lang
from simlib.store import Store, load_store
from simlib.store.models import Agent
from simlib.streams import stream

SEED = 2026
HERE = Path(__file__).resolve().parent
FIRST, LAST = dt.date(2026, 8, 1), dt.date(2026, 8, 31)
ANNOUNCED, PAY_ON = dt.date(2026, 7, 28), dt.date(2026, 9, 10)
PROMO_ANNOUNCED, PROMO_PAY_ON = dt.date(2026, 10, 20), dt.date(2026, 12, 10)
WORK_DAYS = 26
RULES = {
    "zh": (("准时", "班前十分钟到岗登录，当天公示登录时间"), ("不承诺", "没有写在活动表里的优惠不向买家承诺")),
    "en": (
        ("On time", "logged in ten minutes before the shift; login times are published"),
        ("No promises", "no offer to a buyer that is not on the activity sheet"),
    ),
}
BOX = {
    "zh": (("夜班的宵夜总是凉的", "从下周起 22:30 送到工位，行政负责"), ("周末班排得不均", None)),
    "en": (
        ("The midnight snack is always cold", "from next week it comes to the desks at 22:30"),
        ("Weekend shifts are uneven", None),
    ),
}
CHATS = (
    ("buyer", "这款有货吗"),
    ("agent", "您好，欢迎光临，请问您平时怎么用呢"),
    ("buyer", "夏天出汗多"),
    ("agent", "根据您说的，推荐这款清爽型，现在活动满减还有券"),
    ("buyer", "好的"),
    ("agent", "我帮您领券下单，麻烦核对一下收货地址，感谢您，有问题随时联系"),
)


def rounded(value: float, digits: int = 2) -> float:
    """Round a drawn figure as people type it."""
    return float(np.round(value, digits))


def draw_results(store: Store, chance: np.random.Generator) -> list[dict[str, Any]]:
    """Draw each person's month: what people sell, how fast they answer, exams and typing."""
    rows = []
    for agent in store.agents:
        hours = 174.0 if agent.cohort == "own" else 150.0
        presale = agent.skill_1 == "presale"
        inquiries = int(chance.poisson(1500 * agent.speed)) if presale else 0
        buyers = int(chance.binomial(inquiries, np.clip(chance.normal(0.49, 0.03), 0.3, 0.7)))
        completion = rounded(np.clip(chance.normal(1.02, 0.13), 0.5, 1.6), 4)
        row = {
            "person": agent.agent_id,
            "name": agent.name,
            "cohort": agent.cohort,
            "sheet": "presale" if presale else "aftersale",
            "paid_hours": hours,
            "effective_hours": rounded(hours * chance.uniform(0.84, 0.95), 1),
            "receptions": int(chance.poisson(2600 * agent.speed)),
            "inquiries": inquiries or None,
            "buyers_paid": buyers if presale else None,
            "conversion": rounded(buyers / inquiries, 4) if presale else None,
            "sales_cny": rounded(13_000 * WORK_DAYS * completion) if presale else 0.0,
            "second_sales_cny": rounded(chance.gamma(4, 900)) if presale else 0.0,
            "completion": completion if presale else None,
            "items_per_order": rounded(chance.normal(1.8, 0.15)) if presale else None,
            "mean_response_s": rounded(np.clip(chance.normal(15.5 / agent.speed, 2), 9, 40), 1),
            "reply_ratio": rounded(np.clip(chance.normal(1.25, 0.12), 0.8, 1.8)),
            "satisfied_share": rounded(np.clip(chance.normal(0.975, 0.01), 0.9, 1), 4),
            "exam_score": int(np.clip(chance.normal(86, 7), 50, 100)),
            "usual_score": int(np.clip(chance.normal(85, 5), 60, 100)),
            "exam_months_missed": int(chance.random() < 0.04) * 3,
            "typing_cpm": int(np.clip(chance.normal(88, 13), 50, 140)),
            "typing_accuracy": rounded(np.clip(chance.normal(0.94, 0.025), 0.8, 1), 4),
            "typing_months_short": int(chance.random() < 0.05) * 2,
            "summary_accepted": int(chance.random() < 0.3),
            "summary_handed_in": int(chance.random() < 0.95),
            "own_learning": int(chance.integers(0, 4)),
            "training_shared": int(chance.integers(0, 4)),
            "cooperation": int(np.clip(chance.normal(85, 6), 50, 100)),
            "attendance": rounded(np.clip(chance.normal(0.985, 0.012), 0.85, 1), 4),
        }
        rows.append(row)
    return rows


def draw_schemes(lang: Lang) -> list[dict[str, Any]]:
    """State the month's schemes, and those of the promo that are only announced later."""
    rows = project_rewards(announced_on=ANNOUNCED, pay_on=PAY_ON).to_dict("records")
    rows = [{key: value for key, value in row.items() if value is not None} for row in rows]
    words = {
        "zh": ("提成", "支援奖金池", "大促接待之星", "大促响应奖", "大促分档"),
        "en": ("commission", "support pool", "promo star", "promo response", "promo tiers"),
    }[lang]
    month: dict[str, Any] = {"announced_on": ANNOUNCED, "pay_on": PAY_ON}
    promo: dict[str, Any] = {"announced_on": PROMO_ANNOUNCED, "pay_on": PROMO_PAY_ON}
    rows += [
        {
            "scheme": words[0],
            "rule": 1,
            "kind": "each",
            "amount_cny": "0.002 * sales_cny + 0.03 * second_sales_cny",
            **month,
        },
        {"scheme": words[1], "rule": 1, "kind": "share", "metric": "effective_hours", "amount_cny": 3000, **month},
        {
            "scheme": words[2],
            "rule": 1,
            "kind": "rank",
            "metric": "receptions",
            "top": 3,
            "ties": "split",
            "sample": "receptions",
            "min_sample": 30,
            "amount_cny": "500; 300; 200",
            **promo,
        },
        {
            "scheme": words[3],
            "rule": 1,
            "kind": "rank",
            "metric": "0 - mean_response_s",
            "sample": "receptions",
            "min_sample": 30,
            "ties": "split",
            "amount_cny": 200,
            **promo,
        },
        {
            "scheme": words[4],
            "rule": 1,
            "kind": "tier",
            "metric": "completion",
            "unit": "amount_cny",
            "tiers": "1:100; 1.15:200; 1.3:300",
            "where": "completion >= 1",
            **promo,
        },
    ]
    return rows


def draw_days(agents: list[Agent], chance: np.random.Generator) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Draw the last days of the month by person, and an evening by hour."""
    days, hours = [], []
    for back in range(4, -1, -1):
        for agent in agents:
            inquiries = int(chance.poisson(58 * agent.speed))
            days.append(
                {
                    "day": LAST - dt.timedelta(days=back),
                    "person": agent.agent_id,
                    "receptions": int(chance.poisson(100 * agent.speed)),
                    "inquiries": inquiries,
                    "buyers_paid": int(chance.binomial(inquiries, 0.49)),
                    "sales_cny": rounded(chance.normal(13_400 * agent.speed, 2_400)),
                    "mean_response_s": rounded(chance.normal(15.5, 2), 1),
                    "target_cny": 13_000,
                    "paid_hours": 8,
                    "login_time": f"08:{int(chance.integers(18, 32)):02d}",
                    "work_done": 1 if chance.random() < 0.9 else 0.8,
                    "problem_cases": int(chance.poisson(1.5)),
                    "rating_invitations": int(chance.poisson(60)),
                }
            )
    for hour in (20, 21, 22):
        for agent in agents:
            hours.append(
                {
                    "begins": f"{LAST} {hour}:00",
                    "person": agent.agent_id,
                    "receptions": int(chance.poisson(14)),
                    "mean_response_s": rounded(chance.normal(15.5, 2.5), 1),
                }
            )
    return days, hours


def draw_months(store: Store, results: list[dict[str, Any]], chance: np.random.Generator) -> list[dict[str, Any]]:
    """Draw the three months before, with one person who is last in sales in each of them."""
    rows = []
    presale = [row for row in results if row["sheet"] == "presale"]
    for month in (5, 6, 7):
        for row in presale:
            last = row is presale[-1]
            rows.append(
                {
                    "month": dt.date(2026, month, 1),
                    "person": row["person"],
                    "sales_cny": rounded(
                        190_000 if last else max(row["sales_cny"], 250_000) * chance.uniform(0.93, 1.05)
                    ),
                    "assessment": rounded(np.clip(chance.normal(85, 5), 60, 100), 1),
                    "exam_score": None if row["exam_months_missed"] else int(np.clip(chance.normal(87, 3), 80, 100)),
                    "typing_cpm": row["typing_cpm"],
                    "months_employed": 12 + month,
                }
            )
    return rows


def make_rows(store: Store, *, lang: Lang, name: str) -> dict[str, list[dict[str, Any]]]:
    """Draw every sheet of one store."""
    chance = stream(SEED, 0, f"{name}.goals")
    results = draw_results(store, chance)
    own = [agent for agent in store.agents if agent.cohort == "own"]
    sellers = [agent for agent in own if agent.skill_1 == "presale"][:12]
    leads = [agent for agent in own if agent.lead] or own[:1]
    days, hours = draw_days(sellers, chance)
    strengths = ("careful", "lively", "fast", "patient")
    staff = [
        {
            "person": agent.agent_id,
            "name": agent.name,
            "supervisor": leads[place % len(leads)].name,
            "strength": strengths[int(chance.integers(4))] if chance.random() < 0.7 else None,
            "base_cny": 3200 if agent.cohort == "own" else None,
            "overtime_h": 12 if place % 5 == 0 else None,
            "overtime_cny": 420 if place % 5 == 0 else None,
            "hourly_cny": 23 if place % 5 == 0 else None,
        }
        for place, agent in enumerate(own)
    ]
    supervisor = {row["person"]: row["supervisor"] for row in staff}
    base = {agent.agent_id: chance.normal(86, 8) for agent in own}
    qa = [
        {
            "person": agent.agent_id,
            "week": week,
            "score": rounded(np.clip(chance.normal(base[agent.agent_id], 4), 40, 100), 1),
            "supervisor": supervisor[agent.agent_id],
        }
        for week in (32, 33, 34, 35)
        for agent in own
    ]
    items = {sheet: qa_standard(sheet, lang)["item"].tolist() for sheet in ("presale", "aftersale")}
    weights = np.array([2, 14, 10, 1, 1, 1, 22, 1, 1, 8, 1], dtype=float)
    faults = [
        {
            "person": own[int(chance.integers(len(own)))].agent_id,
            "day": LAST - dt.timedelta(days=int(chance.integers(28))),
            "fault": str(chance.choice(items["presale"], p=weights / weights.sum())),
        }
        for _ in range(40)
    ]
    rules = [{"rule_name": rule, "text": text, "announced_on": dt.date(2026, 6, 1)} for rule, text in RULES[lang]]
    known = [
        {"rule_name": rule["rule_name"], "person": agent.agent_id, "acknowledged_on": dt.date(2026, 6, 3)}
        for rule in rules
        for agent in store.agents[: len(store.agents) - 2]
    ]
    grades = [
        {"person": agent.agent_id, "grade": f"P{1 + place % 5}", "since": dt.date(2025, 11, 1)}
        for place, agent in enumerate(own)
    ]
    paid = [
        {"person": row["person"], "scheme": "exam", "rule": rule, "paid_on": PAY_ON}
        for row in results
        for rule in (1, 2)
    ]
    models = {"zh": ("低底薪高提成", "底薪加绩效", "高底薪低提成"), "en": ("low base", "middle", "high base")}[lang]
    answers = [
        {
            "received_on": dt.date(2026, 9, 1 + 8 * place),
            "text": text,
            "reply": reply,
            "replied_on": dt.date(2026, 9, 4) if reply else None,
        }
        for place, (text, reply) in enumerate(BOX[lang])
    ]
    reason = {
        "zh": ("主动顶班", "漏跟进差评", "班表换班记录", "质检单 0817"),
        "en": ("took over a shift", "a case left open", "shift swap log", "QA form 0817"),
    }[lang]
    evidence = [
        {
            "person": sellers[0].agent_id,
            "day": dt.date(2026, 8, 12),
            "points": 2,
            "reason": reason[0],
            "evidence": reason[2],
            "entered_by": leads[0].name,
        },
        {
            "person": sellers[-1].agent_id,
            "day": dt.date(2026, 8, 17),
            "points": -2,
            "reason": reason[1],
            "evidence": reason[3],
            "entered_by": leads[0].name,
            "rule": rules[1]["rule_name"],
        },
    ]
    return {
        "settings": [
            {"setting": "first_day", "value": str(FIRST)},
            {"setting": "last_day", "value": str(LAST)},
            {"setting": "stage", "value": "mature"},
            {"setting": "box_address", "value": "https://example.org/box"},
            {"setting": "audience", "value": "all"},
            {"setting": "daily_prize_cny", "value": 50},
            {"setting": "hourly_prize_cny", "value": 20},
            {"setting": "least_inquiries", "value": 20},
            {"setting": "least_receptions", "value": 10},
            {"setting": "red_packets", "value": min(10, len(store.agents))},
            {"setting": "red_packets_cny", "value": 200},
            {"setting": "keeping_cost_cny", "value": 15},
            {"setting": "buyers_saved", "value": 40},
        ],
        "schemes": draw_schemes(lang),
        "results": results,
        "evidence": evidence,
        "qa": qa,
        "grades": grades,
        "staff": staff,
        "days": days,
        "hours": hours,
        "months": draw_months(store, results, chance),
        "events": [{"person": own[1].agent_id, "day": dt.date(2026, 5, 20), "event": "bad_review"}],
        "team_rules": rules,
        "acknowledged": known,
        "faults": faults,
        "chat_records": [
            {"chat": f"{agent.agent_id}-{number}", "person": agent.agent_id, "side": side, "text": text}
            for place, agent in enumerate(sellers[:3])
            for number in (1, 2)
            for side, text in CHATS[: len(CHATS) - 2 * ((place + number) % 2)]
        ],
        "pay_models": [
            {"model": models[0], "base_cny": 2400, "rate": 0.006, "second_rate": 0.03},
            {"model": models[1], "base_cny": 3200, "rate": 0.0035, "second_rate": 0.02},
            {"model": models[2], "base_cny": 4200, "rate": 0.001, "second_rate": 0.01},
        ],
        "paid": paid,
        "box": answers,
        "owners": [
            {"block": block, "owner": leads[place % len(leads)].name}
            for place, block in enumerate(
                ("figures", "live", "operations", "training", "performance", "people", "remote")
            )
        ],
        "done": [
            {"duty": "monthly_talk", "done_on": dt.date(2026, 9, 8)},
            {"duty": "sales_progress", "done_on": dt.date(2026, 9, 21)},
        ],
    }


def main() -> None:
    """Write the workbooks beside the stores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "stores", help="folder of the stores")
    out = parser.parse_args().out
    appliances, body_care = load_store(out / "appliances.xlsx"), load_store(out / "bodycare")
    rows = make_rows(appliances, lang="zh", name="appliances")
    write_goals_template(out / "appliances.goals.xlsx", lang="zh", rows=rows)
    rows = make_rows(body_care, lang="en", name="bodycare")
    write_goals_template(out / "bodycare" / "goals.xlsx", lang="en", rows=rows)


if __name__ == "__main__":
    main()
