"""Make the readiness workbooks of the two invented stores: all is invented, and the sheet of activities is clean.

Run ``python templates/make_readiness.py`` from the top of the project. The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from simlib.inputs import find_wave
from simlib.messages import Lang, label, read_yaml
from simlib.readiness.countdown import catalogue
from simlib.readiness.gate import lay_course
from simlib.readiness.kept import Kept, note_changes, note_quiz, note_score, save_kept
from simlib.readiness.quiz import Quiz, make_quiz
from simlib.readiness.workbook import write_readiness_template
from simlib.store import Store, load_store
from simlib.streams import stream

SEED = 2026
HERE = Path(__file__).resolve().parent
QUESTIONS = 20
TEXTS = HERE / "readiness.yml"
Rows = list[dict[str, Any]]


def at(day: dt.date, days: int, clock: str) -> dt.datetime:
    """Return the clock of a day counted from the opening."""
    return dt.datetime.combine(day + dt.timedelta(days=days), dt.time.fromisoformat(clock))


def lay_goods(own: Mapping[str, Any]) -> Rows:
    """Lay the goods of a store, all documents there but a few."""
    rows = []
    for number, (sku, name, category, price, floor) in enumerate(own["goods"]):
        there = {
            "doc_knowledge": True,
            "doc_selling": True,
            "doc_manual": number % 5 != 4,
            "doc_repair": number % 4 != 3,
        }
        row = {"sku": sku, "name": name, "category": category, "list_price_cny": price, "floor_price_cny": floor}
        rows.append(row | {"stock": 400 + 60 * number, "member_price_cny": round(price * 0.95, 2)} | there)
    rows[-1] |= {"stock": 5000, "member_price_cny": None}
    return rows


def lay_activities(own: Mapping[str, Any], day: dt.date) -> Rows:
    """Lay nine kinds of activities without a conflict."""
    goods = [row[0] for row in own["goods"]]
    names = own["activities"]
    opening, end = at(day, 0, "20:00"), at(day, 4, "00:00")
    base: dict[str, Any] = {"scope": "all", "buyers": "all", "start": opening, "end": end}
    first = {"scope": f"sku:{goods[0]}", "start": at(day, -10, "20:00"), "end": at(day, -1, "20:00")}
    final = {"final_start": opening, "final_end": at(day, 3, "20:00")}
    gift = {"gift_sku": goods[-1], "gift_quantity": 1}
    rows: Rows = [
        base | {"id": "U1", "kind": "unit_price", "scope": f"sku:{goods[1]};{goods[2]}", "percent": 0.1},
        base | {"id": "U2", "kind": "unit_price", "scope": f"sku:{goods[3]}", "amount_cny": 20},
        base | {"id": "P1", "kind": "pieces", "scope": f"sku:{goods[4]}", "threshold_pieces": 2, "amount_cny": 10},
        base | {"id": "S1", "kind": "store_reduction", "threshold_cny": 300, "amount_cny": 20, "group": "S"},
        base | {"id": "S2", "kind": "store_reduction", "threshold_cny": 600, "amount_cny": 50, "group": "S"},
        base | {"id": "C1", "kind": "coupon", "threshold_cny": 199, "amount_cny": 10, "stock": 5000, "group": "C"},
        base | {"id": "C2", "kind": "coupon", "buyers": "member", "threshold_cny": 399, "amount_cny": 25, "group": "C"},
        base | {"id": "R1", "kind": "platform_reduction", "threshold_cny": 300, "amount_cny": 30, "repeat": True},
        base | {"id": "D1", "kind": "deposit", "deposit_cny": 20, "inflate": 1.5} | first | final,
        base | {"id": "G1", "kind": "gift", "threshold_cny": 500, "stock": 900} | gift,
        base | {"id": "L1", "kind": "limit", "scope": f"sku:{goods[0]}", "limit_pieces": 3},
    ]
    for row in rows:
        row["name"] = names[row["id"]]
        if row["kind"] == "coupon":
            row |= {"claim_start": at(day, -5, "10:00"), "claim_end": end}
    rows[7]["cap_cny"] = 90
    return rows


def lay_training(store: Store, own: Mapping[str, Any], *, today: dt.date, lang: Lang) -> Rows:
    """Lay each person's course by cohort, the mentor of newcomers, and the quality checks of the store's own sheet."""
    chance = stream(SEED, 0, f"{store.store_id}.training")
    rows = []
    for number, agent in enumerate(store.agents):
        course = "newcomer_4_weeks" if agent.cohort == "own" else "support_7_days"
        due = today + dt.timedelta(days=int(chance.integers(-12, 18)))
        over = due < today and chance.random() < 0.85
        row = {
            "agent_id": agent.agent_id,
            "course": label(f"course_{course}", lang),
            "trainer": own["trainer"],
            "mentor": own["mentors"][number % len(own["mentors"])],
            "due_on": due,
            "hours_h": float(lay_course(course, starts_on=due, lang=lang)["hours_h"].sum()),
        }
        if over:
            row |= {"done_on": due, "signed_by": own["checkers"][number % len(own["checkers"])]}
        if agent.qa_pass is not None:
            row |= {"qa_sampled_on": today - dt.timedelta(days=3), "qa_result": agent.qa_pass}
        rows.append(row)
    return rows


def lay_rally(store: Store, day: dt.date) -> Rows:
    """Lay the list of the rally, six days before the opening: everybody, nobody ticked yet."""
    return [{"agent_id": agent.agent_id, "held_on": day - dt.timedelta(days=6)} for agent in store.agents]


def answer_quiz(store: Store, quiz: Quiz) -> Rows:
    """Answer the quiz for everybody whose sheet has a score, with as many wrong answers as that score says."""
    rows: Rows = []
    mark = store.rule("exam_pass_mark")
    for agent in store.agents:
        if agent.exam_score is None:
            continue
        chance = stream(SEED, 0, f"{store.store_id}.exam.{agent.agent_id}")
        passed = agent.exam_score >= mark
        most = int(len(quiz.items) * (100 - mark) / 100)
        wrong = min(round(len(quiz.items) * (100 - agent.exam_score) / 100), most) if passed else most + 2
        missed = set(chance.permutation(len(quiz.items))[:wrong].tolist())
        for item in quiz.items:
            answer = item.correct if item.number - 1 not in missed else ("0" if item.kind == "sum" else "")
            rows.append(
                {"quiz": quiz.id, "agent_id": agent.agent_id, "attempt": 1, "item": item.number, "answer": answer}
            )
    return rows


def lay_site(store: Store, own: Mapping[str, Any]) -> Rows:
    """Lay seats, computers and small equipment by room; some laptops failed, some were not tested."""
    rows: Rows = []
    rooms: dict[str, int] = {}
    for seat in store.site:
        rooms[seat.room] = rooms.get(seat.room, 0) + 1
    for number, (room, seats) in enumerate(sorted(rooms.items())):
        spare = max(2, seats // 5)
        counts = {"seat": seats, "pc": seats - 2, "keyboard": seats + spare, "mouse": seats + spare}
        counts |= {"headset": seats + 1, "port": seats + 2, "socket": seats + 4}
        rows += [{"room": room, "item": item, "quantity": quantity} for item, quantity in counts.items()]
        for laptop in range(3):
            tests = {"test_smooth": True, "test_accounts": laptop != 1, "test_bot": None if laptop == 2 else True}
            owner = own["mentors"][(number + laptop) % len(own["mentors"])]
            rows.append({"room": room, "item": "laptop", "quantity": 1, "owner": owner} | tests)
    return rows


def lay_logistics(store: Store, own: Mapping[str, Any], day: dt.date) -> Rows:
    """Lay food, activities, atmosphere, transport and the posts, each with owner and time, and some diets."""
    rows: Rows = []
    for item, name, days, clock, owner, budget in own["logistics"]:
        when = at(day, days, clock)
        row = {"item": item, "name": name, "at": when, "owner": owner, "budget_cny": budget or None}
        row["order_by"] = when - dt.timedelta(hours=5) if item in ("meal", "tea", "snack") else None
        rows.append(row)
    diets = ("vegetarian", "halal", "mild")
    people = [agent.agent_id for agent in store.agents][::9]
    rows += [{"item": "diet", "person": person, "diet": diets[n % 3]} for n, person in enumerate(people)]
    return rows


def lay_tasks(own: Mapping[str, Any], *, day: dt.date, today: dt.date, lang: Lang) -> Rows:
    """Lay the whole catalogue: what was due is done, but one; owners by role."""
    rows = []
    for task in sorted(catalogue(), key=lambda one: one["offset_days"]):
        due = day + dt.timedelta(days=task["offset_days"])
        row = {
            "task": task[lang]["name"],
            "block": task["block"],
            "owner": own["owners"][task["role"]],
            "offset_days": task["offset_days"],
            "takes_days": task["takes_days"],
            "proof": task[lang]["evidence"],
        }
        late = task["key"] == own["late"]
        rows.append(row | ({"done_on": due} if due < today and not late else {}))
    return rows


def lay_phrases(own: Mapping[str, Any], today: dt.date) -> Rows:
    """Lay the store's own phrases: one per activity, with its owner and the day it was checked."""
    checked = {"owner": own["checkers"][0], "checked_on": today - dt.timedelta(days=1)}
    return [row | checked for row in own["phrases"]]


def make(path: Path, own: Mapping[str, Any], *, target: Path, lang: Lang) -> None:
    """Write one store's readiness workbook, and beside the store the quiz and a history of three reviews."""
    store = load_store(path)
    day, today = find_wave(store).day, store.store.today
    assert today is not None
    rows: dict[str, Rows] = {"goods": lay_goods(own), "activities": lay_activities(own, day)}
    rows["phrases"] = lay_phrases(own, today)
    frames = {name: pd.DataFrame(rows[name], dtype=object) for name in ("activities", "goods")}
    quiz = make_quiz(**frames, phrases=None, items=QUESTIONS, seed=SEED, lang=lang)
    rows["training"] = lay_training(store, own, today=today, lang=lang)
    rows["rally"] = lay_rally(store, day)
    rows["exam"] = answer_quiz(store, quiz)
    rows["site"], rows["logistics"] = lay_site(store, own), lay_logistics(store, own, day)
    rows["tasks"] = lay_tasks(own, day=day, today=today, lang=lang)
    write_readiness_template(target, lang, rows=rows)
    kept = note_quiz(Kept(), quiz)
    changed = at(today, -6, "10:00")
    kept = note_changes(kept, frames, changed_by=own["owners"]["operations"], at=changed)
    for number, score in enumerate((41.0, 52.5, 60.2)):
        figures = {
            "score": score,
            "people": score / 100,
            "agents": float(len(store.agents)),
            "red_items": 14.0 - number,
        }
        kept = note_score(kept, day=today - dt.timedelta(days=21 - 7 * number), figures=figures)
    save_kept(path, kept)


def main(argv: Sequence[str] | None = None) -> None:
    """Write both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stores", type=Path, default=HERE / "stores")
    folder = parser.parse_args(argv).stores
    texts = read_yaml(TEXTS)
    make(folder / "appliances.xlsx", texts["appliances"], target=folder / "appliances.readiness.xlsx", lang="zh")
    make(folder / "bodycare", texts["bodycare"], target=folder / "bodycare" / "readiness.xlsx", lang="en")


if __name__ == "__main__":
    main()
