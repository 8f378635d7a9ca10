"""The sheets of ``goals.xlsx``: their columns, what a cell may hold, and what may stand only once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from simlib.goals.schemes import COLUMNS, KINDS, TIES, UNITS
from simlib.goals.scores import PARTS
from simlib.store.models import Queue

__all__ = ["CHOICES", "FIGURES", "OPEN_SHEETS", "SETTINGS", "SHEETS", "UNIQUE", "Kind"]

# What a cell is: text, date, number, integer, a choice, or ``any`` (a number or an expression, read with its rule).
Kind = str
# What a store sets once, and whether it is a day, a word or a number.
SETTINGS: Mapping[str, str] = {
    "first_day": "date",
    "last_day": "date",
    "stage": "text",
    "exports": "text",
    "audience": "text",
    "viewer": "text",
    "minimum_month_cny": "number",
    "daily_prize_cny": "number",
    "hourly_prize_cny": "number",
    "least_inquiries": "number",
    "least_receptions": "number",
    "red_packets": "number",
    "red_packets_cny": "number",
    "keeping_cost_cny": "number",
    "buyers_saved": "number",
    "new_buyer_factor": "number",
    "box_address": "text",
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "kind": KINDS,
    "ties": TIES,
    "unit": UNITS,
    "part": PARTS,
    "better": ("higher", "lower"),
    "grade": ("P1", "P2", "P3", "P4", "P5", "P6"),
    "event": ("penalty", "complaint", "bad_review", "major_mistake"),
    "strength": ("careful", "lively", "fast", "patient"),
    "side": ("agent", "buyer"),
    "setting": tuple(SETTINGS),
    "queue": get_args(Queue),
}
# The figures that the project rewards look at; a store adds columns of its own.
FIGURES = (
    *("exam_score", "usual_score", "exam_months_missed", "typing_cpm", "typing_accuracy", "typing_months_short"),
    *("items_per_order", "completion", "summary_accepted", "summary_handed_in", "effective_hours"),
)
_PERSON = {"person": ("text", True)}
_NOTE = {"note": ("text", False)}
DAY_FIGURES = (
    *("receptions", "inquiries", "buyers_paid", "sales_cny"),
    *("mean_response_s", "target_cny", "paid_hours"),
)
# Columns by sheet: name to (kind, needed).
SHEETS: Mapping[str, Mapping[str, tuple[Kind, bool]]] = {
    "goals": {
        "kpi": ("text", True),
        "queue": ("choice", False),
        "floor": ("number", True),
        "stretch": ("number", False),
        "note": ("text", False),
    },
    "schemes": {
        **dict.fromkeys(COLUMNS, ("any", False)),
        "scheme": ("text", True),
        "rule": ("integer", True),
        "kind": ("choice", True),
        "ties": ("choice", False),
        "unit": ("choice", False),
        "announced_on": ("date", False),
        "pay_on": ("date", False),
        "note": ("text", False),
    },
    "prizes": {
        "prize": ("text", True),
        "definition": ("text", True),
        "selection": ("text", True),
        "payout": ("text", True),
        "announced_on": ("date", True),
        "pay_on": ("date", True),
        "note": ("text", False),
    },
    "results": {
        "person": ("text", True),
        "name": ("text", False),
        "cohort": ("text", False),
        **dict.fromkeys(FIGURES, ("any", False)),
    },
    "scores": {
        "sheet": ("text", True),
        "part": ("choice", True),
        "item": ("text", True),
        "weight": ("number", True),
        "better": ("choice", True),
        "bands": ("text", True),
        "note": ("text", False),
    },
    "evidence": {
        "person": ("text", True),
        "day": ("date", True),
        "points": ("number", True),
        "reason": ("text", True),
        "evidence": ("text", True),
        "entered_by": ("text", True),
        "rule": ("text", False),
    },
    "qa": {
        "person": ("text", True),
        "week": ("integer", True),
        "score": ("number", True),
        "supervisor": ("text", False),
        "note": ("text", False),
    },
    "grades": {**_PERSON, "grade": ("choice", True), "since": ("date", True), **_NOTE},
    "settings": {"setting": ("choice", True), "value": ("any", True), **_NOTE},
    "staff": {
        **_PERSON,
        "name": ("text", False),
        "supervisor": ("text", False),
        "strength": ("choice", False),
        "base_cny": ("number", False),
        "overtime_h": ("number", False),
        "overtime_cny": ("number", False),
        "hourly_cny": ("number", False),
    },
    "days": {
        "day": ("date", True),
        **_PERSON,
        **dict.fromkeys(DAY_FIGURES, ("number", False)),
        "login_time": ("text", False),
        "work_done": ("share", False),
        "problem_cases": ("integer", False),
        "rating_invitations": ("integer", False),
    },
    "hours": {
        "begins": ("datetime", True),
        **_PERSON,
        "receptions": ("number", True),
        "mean_response_s": ("number", True),
    },
    "months": {
        "month": ("date", True),
        **_PERSON,
        "sales_cny": ("number", False),
        "assessment": ("number", False),
        "exam_score": ("number", False),
        "typing_cpm": ("number", False),
        "months_employed": ("number", False),
    },
    "events": {**_PERSON, "day": ("date", True), "event": ("choice", True), **_NOTE},
    "team_rules": {"rule_name": ("text", True), "text": ("text", True), "announced_on": ("date", True)},
    "acknowledged": {"rule_name": ("text", True), **_PERSON, "acknowledged_on": ("date", True)},
    "faults": {**_PERSON, "day": ("date", True), "fault": ("text", True), **_NOTE},
    "chat_records": {"chat": ("text", True), **_PERSON, "side": ("choice", True), "text": ("text", True)},
    "pay_models": {
        "model": ("text", True),
        "base_cny": ("number", True),
        "rate": ("share", True),
        "second_rate": ("share", True),
        **_NOTE,
    },
    "paid": {**_PERSON, "scheme": ("text", True), "rule": ("integer", True), "paid_on": ("date", True)},
    "confirmed": {
        "scheme": ("text", True),
        "rule": ("integer", True),
        "confirmed_by": ("text", True),
        "day": ("date", True),
    },
    "box": {
        "received_on": ("date", True),
        "text": ("text", True),
        "reply": ("text", False),
        "replied_on": ("date", False),
    },
    "owners": {"block": ("text", True), "owner": ("text", True)},
    "done": {"duty": ("text", True), "done_on": ("date", True)},
}
OPEN_SHEETS = frozenset({"results"})  # a column that nobody knows is a figure of the store
UNIQUE: Mapping[str, tuple[str, ...]] = {
    "schemes": ("scheme", "rule"),
    "results": ("person",),
    "goals": ("kpi", "queue"),
    "scores": ("sheet", "item"),
    "qa": ("person", "week"),
    "grades": ("person",),
    "settings": ("setting",),
    "staff": ("person",),
    "days": ("day", "person"),
    "hours": ("begins", "person"),
    "months": ("month", "person"),
    "team_rules": ("rule_name",),
    "pay_models": ("model",),
    "confirmed": ("scheme", "rule"),
    "owners": ("block",),
}
