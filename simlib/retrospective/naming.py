"""How columns are named as the report, the workbook and the dictionary show them, and the unit of each row's figure."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from simlib.messages import glossary

EFFECT = {"planned": "driver_planned", "actual": "driver_actual"}
NAMES: Mapping[str, Mapping[str, str]] = {
    "payment_lag": {"days": "days_after"},
    "reviews": {
        "figure": "order_figure",
        "first": "first_review",
        "second": "second_review",
        "change": "review_change",
    },
    "second_orders": {
        "gap": "second_gap",
        "orders": "orders_paid",
        "sales_cny": "paid_cny",
        "share": "again_share",
    },
    "second_sales": {"lever": "second_lever", "orders": "review_orders", "share": "second_share"},
    "variance": EFFECT | {"group": "driver_group", "low": "effect_cny_low", "high": "effect_cny_high"},
    "variance_groups": {"group": "driver_group", "low": "effect_cny_low", "high": "effect_cny_high"},
    "variance_lost": EFFECT
    | {"group": "driver_group", "effect": "effect_buyers", "low": "effect_buyers_low", "high": "effect_buyers_high"},
    "variance_rate": EFFECT
    | {"group": "driver_group", "effect": "effect_rate", "low": "effect_rate_low", "high": "effect_rate_high"},
    "heads_actual": {
        "needed": "heads_needed",
        "rostered": "rostered_on_chat",
        "served": "heads_served",
        "over": "heads_over",
    },
    "requirement_judged": {"needed": "heads_needed", "served": "heads_served"},
    "incident_costs": {
        "incident": "scenario",
        "cost_cny": "incident_cny",
        "cost_low": "incident_cny_low",
        "cost_high": "incident_cny_high",
        "saved_low": "saved_cny_low",
        "saved_high": "saved_cny_high",
    },
    "drill_borne_out": {
        "teams": "drill_teams",
        "in_time": "teams_in_time",
        "cost_cny": "incident_cny",
        "saved_low": "saved_cny_low",
        "saved_high": "saved_cny_high",
        "verdict": "borne_out",
    },
    "drill_moves_borne_out": {
        "teams": "drill_teams",
        "saved_cny": "lever_saved_cny",
        "saved_low": "lever_saved_cny_low",
        "saved_high": "lever_saved_cny_high",
        "verdict": "move_borne_out",
    },
    "platform_scores_actual": {"counted": "turns_counted", "in_time": "turns_in_time", "rate": "platform_rate"},
    "weeks": {"week": "week_from", "days": "days_counted", "figure": "day_figure"},
    "questions": {"tag": "question_tag", "share": "contact_share", "top": "among_top"},
    "wordings": {
        "question": "review_question",
        "wording": "review_wording",
        "agents": "written_by",
        "votes": "review_votes",
        "sent": "review_sent",
        "kept": "wording_kept",
    },
    "feedback": {
        "department": "review_department",
        "received": "feedback_received",
        "unanswered": "feedback_unanswered",
        "overdue": "feedback_overdue",
        "done": "feedback_done",
    },
    "promises": {
        "promise": "review_promise",
        "agent": "agent_id",
        "made": "review_made",
        "due": "review_due",
        "state": "promise_state",
    },
    "main_push": {
        "week": "week_from",
        "item": "review_item",
        "script": "review_script",
        "orders": "review_orders",
        "conversion": "push_conversion",
        "change": "conversion_change",
    },
    "load": {"chats": "chats_taken"},
    "reliefs": {"at": "relief_at", "until": "relief_until", "reason": "relief_reason"},
    "daily_board": {
        "agents": "people_on_day",
        "unanswered": "unanswered_share",
        "saturation": "chat_saturation",
        "unusual": "unusual_people",
    },
    "reminders": {"agent": "agent_id", "sales_cny": "paid_after_cny"},
    "outliers": {"agent": "agent_id", "figure": "day_figure", "usual": "usual_value", "z": "outlier_z"},
    "traits": {
        "figure": "day_figure",
        "people": "people_compared",
        "low": "correlation_low",
        "high": "correlation_high",
        "clear": "clear_of_chance",
    },
    "self_audit": {
        "score": "audit_score",
        "answered": "audit_answered",
        "before": "audit_before",
        "change": "audit_change",
    },
    "review_actions": {
        "lesson": "review_lesson",
        "action": "review_action",
        "due": "review_due",
        "card": "review_card",
        "done": "review_done",
        "lacks": "action_lacks",
        "state": "action_state",
    },
    "promos": {"day": "promo_day"},
    "learned": {
        "key": "learned_key",
        "before": "learned_before",
        "seen": "learned_seen",
        "after": "learned_after",
        "weight": "learned_weight",
    },
    "write_back": {
        "key": "learned_key",
        "before": "learned_before",
        "seen": "learned_seen",
        "weight": "learned_weight",
        "after": "learned_after",
        "before_low": "learned_before_low",
        "before_high": "learned_before_high",
        "low": "learned_after_low",
        "high": "learned_after_high",
    },
    "write_back_shape": {
        "before": "learned_before",
        "seen": "learned_seen",
        "weight": "learned_weight",
        "after": "learned_after",
    },
    "unlearned": {"key": "learned_key", "reason": "unlearned_reason"},
}
"""By table: the name that a column has where it is worked out, and the one of the glossary."""

DRIVER_UNITS = {
    "contacts": "contacts",
    "shape": "share",
    "opening": "min",
    "bot_net_share": "share",
    "inquiry_share": "share",
    "conversion": "share",
    "aov_cny": "CNY",
    "heads": "h",
    "absence": "h",
    "handling": "s",
    "outages": "h",
}
UNIT_BEFORE = {
    "variance": ("driver", "driver_planned"),
    "variance_lost": ("driver", "driver_planned"),
    "variance_rate": ("driver", "driver_planned"),
    "reviews": ("order_figure", "first_review"),
    "weeks": ("day_figure", "value"),
    "outliers": ("day_figure", "value"),
    "write_back": ("learned_key", "learned_before"),
    "learned": ("learned_key", "learned_before"),
}
"""By table of figures with a unit each: the column that names the figure, and the one before which the unit stands."""


DAYS = ("day", "week_from", "promo_day", "review_due")
"""Columns of whole days, which come as instants from pandas; a due time of a promise stays one."""
VALUES = {"order_figure": {"net_cny": "paid_less_refunds_cny"}}
"""Figures that have another meaning elsewhere, by column."""


def name_columns(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the tables with the glossary's names for their columns, and with units where each row has its own.

    >>> table = pd.DataFrame({"figure": ["mean_response_s"], "value": [21.0], "z": [4.1]})
    >>> name_columns({"outliers": table})["outliers"].columns.tolist()
    ['day_figure', 'unit', 'value', 'outlier_z']
    """
    return {name: _name(name, table) for name, table in tables.items()}


def _name(name: str, table: pd.DataFrame) -> pd.DataFrame:
    named = table.rename(columns=dict(NAMES.get(name, {})))
    for column in [each for each in DAYS if each in named and name != "promises"]:
        named[column] = pd.to_datetime(named[column]).dt.date
    for column in [each for each in VALUES if each in named]:
        named[column] = named[column].replace(VALUES[column])
    if name in UNIT_BEFORE and "unit" not in named:
        of, before = UNIT_BEFORE[name]
        if of == "driver":  # what the model does not explain has an effect and no value of its own
            named.loc[named["driver"] == "not_explained", ["driver_planned", "driver_actual"]] = float("nan")
        named.insert(named.columns.get_loc(before), "unit", [unit_of(str(key)) for key in named[of]])
    return named


def unit_of(figure: str) -> str:
    """Return the unit of a driver, or of any other figure as the glossary has it; empty where it has none.

    >>> unit_of("absence"), unit_of("conversion"), unit_of("hour_07"), unit_of("speed_own")
    ('h', 'share', 'share', '')
    """
    if figure in DRIVER_UNITS:
        return DRIVER_UNITS[figure]
    if figure.startswith("hour_"):
        return "share"
    return str(glossary()[figure]["unit"]) if figure in glossary() else ""
