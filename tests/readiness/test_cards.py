"""S002, S022, S031, S059 to S069, S112 to S120, S136 to S173: every card is whole, in both languages, on one page."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from simlib import facts
from simlib.messages import LANGS, PLAYBOOK, glossary, label, read_yaml
from simlib.readiness.cards import KINDS, make_cards
from simlib.readiness.countdown import catalogue, lay_catalogue, lay_countdown
from simlib.readiness.wording import check_wording
from simlib.report.charts.readiness import STATE_COLOURS
from simlib.report.columns import describe_column
from simlib.report.pages.readiness_cards import print_cards
from tests.test_messages import CHINESE, NOTATION

DAYS = {"promo_day": dt.date(2026, 10, 31), "today": dt.date(2026, 9, 27)}
LEAST = {
    "incident": len(facts.table("incidents")),
    "gate": 2,
    "ladder": 1,
    "task": 37,
    "course": 3,
    "role_play": 17,
    "teaching": 10,
}
LEAST |= {"checklist": 14, "authority": 1, "request": 1}


@pytest.mark.parametrize("kind", KINDS)
def test_every_card_is_whole_in_both_languages(kind: str) -> None:
    """The same cards with the same parts in both languages; no part is empty; no English card holds Chinese."""
    both = {lang: make_cards(kind, lang, **DAYS) for lang in LANGS}
    assert len(both["zh"]) == LEAST[kind]
    assert [card.key for card in both["zh"]] == [card.key for card in both["en"]]
    for one, other in zip(both["zh"], both["en"], strict=True):
        assert CHINESE.search(one.title), one.key
        texts = [other.title, other.subtitle]
        assert len(one.parts) == len(other.parts), one.key
        for mine, its in zip(one.parts, other.parts, strict=True):
            assert mine.text or mine.items or mine.rows, (one.key, mine.heading)
            assert (len(mine.items), len(mine.rows)) == (len(its.items), len(its.rows)), (one.key, mine.heading)
            assert all(len(row) == len(part.columns) for part in (mine, its) for row in part.rows), one.key
            texts += [its.heading, its.text, *its.items, *its.columns, *(cell for row in its.rows for cell in row)]
        assert set("".join(CHINESE.findall("".join(texts)))) <= NOTATION, one.key


def test_an_incident_card_has_all_that_it_must() -> None:
    """Who declares, trigger, first five minutes, phrase, fallback, levers, metric, recovery, log; phantom seat too."""
    for card in make_cards("incident", "en"):
        headings = [part.heading for part in card.parts]
        assert len(headings) == 9, card.key
        assert headings[0] == "Who declares it"
    assert "phantom_seat" in {card.key for card in make_cards("incident", "zh")}


def test_five_cards_have_scenarios_of_their_own() -> None:
    """Courier stop, live burst, payment failure, page error and negative post borrow no other's scenario."""
    own = {"courier_stop", "live_burst", "payment_failure", "page_error", "negative_post"}
    cards = facts.table("incidents").set_index("key")["value"]
    scenarios = facts.table("scenarios").set_index("key")
    assert all(cards[key] == key and scenarios.loc[key, "card"] == key for key in own)
    assert own <= set(glossary())


def test_phrases_of_gate_cards_pass_the_checks() -> None:
    """What buyers are told on a gate card keeps to the rules of wording."""
    for row in facts.table("gate_cards").to_dict("records"):
        for lang in LANGS:
            faults = list(check_wording(row[lang]["phrase"], channel="phone", lang=lang))
            assert faults == [], (row["key"], lang)


def test_the_ladder_climbs() -> None:
    """Each step answers later than the one before and hands on later; roles go up."""
    steps = facts.table("escalation")
    assert steps["value"].is_monotonic_increasing
    assert steps["hands_on_after_min"].is_monotonic_increasing
    assert (steps["value"] < steps["hands_on_after_min"]).all()


def test_tasks_lie_between_90_days_before_and_15_after_in_an_order_that_can_be_kept() -> None:
    """T-90 to T+15; rules before phrases before training of the bot before the drill; the seeds' dates for 11-11."""
    plan = lay_catalogue(promo_day=dt.date(2026, 11, 11), today=dt.date(2026, 9, 1)).set_index("task_key")
    assert plan["offset_days"].min() == -90
    assert plan["offset_days"].max() == 15
    assert set(plan["block"]) == {"people", "software", "hardware", "logistics"}
    for task in catalogue():
        if task["after"]:
            assert plan.loc[task["after"], "due_on"] <= plan.loc[task["key"], "due_on"], task["key"]
        if "seed_date" in task:
            assert f"{plan.loc[task['key'], 'due_on']:%m-%d}" == task["seed_date"], task["key"]
        assert {f"task_role_{task['role']}", task["block"]} <= set(glossary())
    order = ["collect_rules", "find_conflicts", "write_phrases", "teach_bot", "three_places"]
    assert list(plan.loc[order, "due_on"]) == sorted(plan.loc[order, "due_on"])


def test_today_decides_what_is_late_and_what_is_impossible() -> None:
    """Before its day a task is open, after it late, and impossible once its days no longer fit."""
    states = {
        today: lay_catalogue(promo_day=DAYS["promo_day"], today=today)
        .set_index("task_key")
        .loc["start_training", "state"]
        for today in (dt.date(2026, 8, 1), dt.date(2026, 9, 10), dt.date(2026, 10, 20))
    }
    assert list(states.values()) == ["task_open", "task_late", "task_impossible"]


def test_the_calendar_of_tasks_never_contradicts_the_stores_own_list() -> None:
    """A task that is done, moved or undated on the store's list is so in the calendar; one not listed has no state."""
    names = {task["key"]: task for task in catalogue()}
    day, today = DAYS["promo_day"], dt.date(2026, 10, 20)
    rows = [
        {"task": names["ask_figures"]["en"]["name"], "offset_days": -75, "done_on": day - dt.timedelta(days=75)},
        {"task": names["forecast_heads"]["zh"]["name"], "due_on": today + dt.timedelta(days=3), "takes_days": 2},
        {"task": names["start_training"]["zh"]["name"]},
    ]
    own = lay_countdown(pd.DataFrame(rows, dtype=object).assign(block="people"), promo_day=day, today=today)
    plan = lay_catalogue(promo_day=day, today=today, countdown=own).set_index("task_key")
    states = {"ask_figures": "task_done", "forecast_heads": "task_open", "start_training": "task_undated"}
    assert plan["state"].drop(list(states)).unique().tolist() == ["task_unlisted"]
    assert plan.loc[list(states), "state"].to_dict() == states
    moved = plan.loc["forecast_heads", ["begin_on", "due_on", "days_left", "takes_days"]].tolist()
    assert moved == [today + dt.timedelta(days=2), today + dt.timedelta(days=3), 3, 2]
    assert set(plan["state"]) <= set(STATE_COLOURS)
    assert describe_column("task_before", plan["task_before"], "zh").title == "前置任务"
    cards = {card.key: card for card in make_cards("task", "zh", promo_day=day, today=today, countdown=own)}
    shown = "".join(part.text for part in cards["order_outsourcer"].parts)
    assert label("task_unlisted", "zh") in shown


def test_courses_have_their_hours() -> None:
    """Support 7 days, newcomers 4 weeks, the warehouse 25.0 hours."""
    courses = {card.key: card.parts[0].text for card in make_cards("course", "en", **DAYS)}
    assert "25.0 hours" in courses["warehouse_rotation"]
    assert "42.0 hours" in courses["support_7_days"]
    assert "160.0 hours" in courses["newcomer_4_weeks"]


def test_a_rubric_gives_a_hundred_points() -> None:
    """The points of each rubric add up to 100; every role play names one; principles, kinds and steps are complete."""
    rows = read_yaml(PLAYBOOK / "cards" / "rubric.yml")
    for rubric in ("presale", "complaint"):
        assert sum(row["value"] for row in rows if row["rubric"] == rubric) == 100
    cards = read_yaml(PLAYBOOK / "cards" / "role_play.yml")
    kinds = [card["kind"] for card in cards]
    assert (kinds.count("principle"), kinds.count("complainant"), kinds.count("temperament")) == (4, 4, 4)
    assert {"presale_steps", "presale_points", "emotion", "footprints_card", "listening"} <= {c["key"] for c in cards}


def test_the_stage_matrix_has_three_stages_and_what_each_is_judged_by() -> None:
    """Organisation, newcomers, courses, chapters, presale, after-sale, pay: a cell for each stage."""
    (matrix,) = (card for card in make_cards("teaching", "zh") if card.key == "stage_matrix")
    (part,) = matrix.parts
    assert len(part.rows) == 7
    assert all(all(row) for row in part.rows)


@pytest.mark.parametrize("lang", LANGS)
def test_cards_are_written_as_pages(lang: str) -> None:
    """One page per card, nothing loaded from elsewhere, no code."""
    html = print_cards(make_cards("ladder", lang), title=label("print_ladder", lang), lang=lang)
    assert html.count('<article class="pc">') == 1
    assert "<script" not in html
    assert "@page{size:A4" in html


def test_an_unknown_kind_is_refused() -> None:
    """The error names the kinds."""
    with pytest.raises(ValueError, match="incident"):
        make_cards("nothing", "en")
