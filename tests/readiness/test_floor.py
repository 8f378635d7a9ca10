"""Seats, machines and food against the roster, everything owned, the countdown and its calendar."""

from __future__ import annotations

import datetime as dt
import math
import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from simlib.forecasting.result import split_queues
from simlib.messages import HOUSE, LANGS, label, translate
from simlib.readiness.countdown import STATES, lay_countdown, make_calendar
from simlib.readiness.floor import (
    check_logistics,
    count_food,
    count_presence,
    diets_of,
    find_quiet_windows,
    find_shortage,
    lay_duty_sheet,
    lay_ladder,
    list_equipment,
    list_posts,
    plan_rental,
    sum_complaints,
)
from simlib.readiness.gate import open_gate
from simlib.readiness.result import work_out_readiness
from simlib.readiness.workbook import SHEETS, empty_book
from simlib.report.charts.readiness import plot_posts
from simlib.store import load_store

ZONE = "Asia/Shanghai"
DAY = dt.date(2026, 10, 31)


def clock(text: str) -> pd.Timestamp:
    """Return a time of the promo night; before eight it is the morning after."""
    day = "2026-11-01" if text < "08:00" else "2026-10-31"
    return pd.Timestamp(f"{day} {text}", tz=ZONE)


def segment(agent, start, end, activity="chat", shift="E"):
    """Make a segment of a roster."""
    date = pd.Timestamp(DAY)
    return {
        "agent_id": agent,
        "date": date,
        "shift": shift,
        "start": clock(start),
        "end": clock(end),
        "activity": activity,
    }


def roster() -> pd.DataFrame:
    """Make four people in two rooms: two from 15:00, one from 17:00, one at night."""
    rows = [
        segment("A", "15:00", "19:00"),
        segment("A", "19:00", "19:30", "meal"),
        segment("A", "19:30", "23:30"),
        segment("B", "15:00", "18:30"),
        segment("B", "18:30", "19:00", "meal"),
        segment("B", "19:00", "22:45"),
        segment("C", "17:00", "23:59", shift="L"),
        segment("D", "22:00", "03:00", shift="N"),
    ]
    return pd.DataFrame(rows)


ROOMS = {"A": "big", "B": "big", "C": "small"}


def sheet(name: str, rows: list[dict]) -> pd.DataFrame:
    """Make a frame of a readiness sheet."""
    columns = ["row", *(column.key for column in SHEETS[name])]
    filled = [{"row": number, **row} for number, row in enumerate(rows, start=2)]
    return pd.DataFrame([{key: row.get(key) for key in columns} for row in filled], columns=columns, dtype=object)


def test_presence_counts_everybody_once_in_each_half_hour_and_room() -> None:
    """The same as counting minute by minute whether somebody is there; who has no seat sits nowhere."""
    people = roster()
    counted = count_presence(people, rooms=ROOMS).set_index(["start", "room"])["present"].to_dict()
    by_hand: dict[tuple[pd.Timestamp, str], set[str]] = {}
    for row in people.itertuples():
        at = row.start
        while at < row.end:
            by_hand.setdefault((at.floor("30min"), ROOMS.get(row.agent_id, "-")), set()).add(row.agent_id)
            at += pd.Timedelta(minutes=1)
    assert counted == {key: len(found) for key, found in by_hand.items()}
    assert counted[clock("22:30"), "big"] == 2
    assert counted[clock("22:30"), "-"] == 1


def test_a_laptop_counts_only_with_three_tests_passed() -> None:
    """A failed test is named failed, one that nobody did untested; a PC needs none."""
    site = sheet(
        "site",
        [
            {"room": "big", "item": "laptop", "test_smooth": True, "test_accounts": True, "test_bot": True},
            {"room": "big", "item": "laptop", "test_smooth": True, "test_accounts": False, "test_bot": True},
            {"room": "big", "item": "laptop", "test_smooth": True, "owner": "Li"},
            {"room": "big", "item": "pc", "quantity": 4},
            {"room": "big", "item": "pc", "test_bot": False},
        ],
    )
    listed = list_equipment(site)
    assert listed["state"].tolist() == ["usable", "failed", "untested", "usable", "failed"]
    assert listed["quantity"].tolist() == [1, 1, 1, 4, 1]


def test_the_shortage_is_that_of_the_fullest_half_hour_with_spares() -> None:
    """Two people need two seats and three computers and keyboards; what nobody registered is not judged."""
    site = sheet(
        "site",
        [
            {"room": "big", "item": "seat", "quantity": 5},
            {"room": "big", "item": "pc", "quantity": 1},
            {"room": "small", "item": "pc", "quantity": 9},
            {"room": "big", "item": "keyboard", "quantity": 1},
        ],
    )
    presence = count_presence(roster(), rooms=ROOMS)
    short = find_shortage(presence, list_equipment(site))
    found = short.set_index(["room", "site_item"])["shortage"].to_dict()
    assert found["big", "seat"] == 0
    assert found["big", "computer"] == math.ceil(2 * 1.1) - 1
    assert found["big", "keyboard"] == math.ceil(2 * 1.2) - 1
    assert found["small", "computer"] == 0
    assert found["-", "seat"] == 1
    assert {item for _, item in found} == {"seat", "computer", "keyboard"}
    assert short.loc[short["room"] == "big", "peak_start"].iloc[0] == clock("15:00")
    rental = plan_rental(short, promo_day=DAY, today=DAY - dt.timedelta(days=12)).set_index("room")
    assert rental["quantity"].to_dict() == {"-": 2, "big": 2}
    assert rental["days_left"].tolist() == [2, 2]
    assert not rental["late"].any()
    late = plan_rental(short, promo_day=DAY, today=DAY - dt.timedelta(days=9))
    assert late["late"].all()


def test_food_is_counted_from_who_is_there_with_their_diets() -> None:
    """Meals by shift, tea at 15:30 and a snack at 23:00 for those present, each with its last order."""
    diets = diets_of(
        sheet(
            "logistics",
            [{"item": "diet", "person": "A", "diet": "halal"}, {"item": "diet", "person": "D", "diet": "vegetarian"}],
        )
    )
    food = count_food(roster(), diets=diets)
    assert food["logistics_item"].tolist() == ["tea", "meal", "snack"]
    assert food["quantity"].tolist() == [2, 2, 3]
    assert food["halal"].tolist() == [1, 1, 1]
    assert food["vegetarian"].tolist() == [0, 0, 1]
    assert (food[["regular", "vegetarian", "halal", "mild"]].sum(axis=1) == food["quantity"]).all()
    assert food["at"].tolist() == [clock("15:30"), clock("18:30"), clock("23:00")]
    assert (food["order_by"] < food["at"]).all()


def test_the_order_time_that_was_entered_goes_before_the_lead_time() -> None:
    """The meals list and the duty sheet show one moment: the entered one; another meal keeps the lead time."""
    entered = dt.datetime(2026, 10, 31, 12, 30)
    dinner = dt.datetime(2026, 10, 31, 18)
    logistics = sheet("logistics", [{"item": "meal", "name": "dinner", "at": dinner, "order_by": entered}])
    food = count_food(roster(), diets={}, logistics=logistics).set_index("logistics_item")["order_by"]
    assert food["meal"] == clock("12:30")
    assert food["meal"].tz_localize(None) == lay_duty_sheet(logistics)["order_by"].iloc[0]
    worked_out = count_food(roster(), diets={}).set_index("logistics_item")["order_by"]
    assert worked_out["meal"] != food["meal"]
    assert (food[["tea", "snack"]] == worked_out[["tea", "snack"]]).all()


def test_every_item_has_an_owner_and_a_time_or_is_an_error() -> None:
    """What lacks either, and who left, is named by row in both languages; diets need neither."""
    logistics = sheet(
        "logistics",
        [
            {"item": "snack", "owner": "Wang", "at": dt.datetime(2026, 10, 31, 23)},
            {"item": "tea", "owner": "Wang"},
            {"item": "atmosphere", "at": dt.datetime(2026, 10, 31, 9)},
            {"item": "transport", "owner": "Zhao", "at": dt.datetime(2026, 10, 31, 12)},
            {"item": "diet", "person": "A", "diet": "halal"},
        ],
    )
    found = list(check_logistics(logistics, gone={"Zhao"}))
    assert [(problem.message, problem.row, problem.column) for problem in found] == [
        ("needs_owner_and_time", 3, "at"),
        ("needs_owner_and_time", 4, "owner"),
        ("owner_left", 5, "owner"),
    ]
    assert all(str(problem.row) in problem.text(lang) for problem in found for lang in LANGS)
    duties = lay_duty_sheet(logistics)
    assert duties["logistics_item"].tolist() == ["atmosphere", "transport", "snack", "tea"]


def test_quiet_windows_are_those_with_the_fewest_contacts_for_each_person() -> None:
    """The quarter of the half hours with the least load, and none that is fuller is left out for it."""
    starts = pd.date_range(clock("15:00"), periods=8, freq="30min")
    contacts = pd.DataFrame({"start": starts, "contacts": [40, 10, 50, 60, 5, 70, 80, 90]})
    presence = pd.DataFrame({"start": starts, "room": "big", "present": [2, 2, 2, 2, 1, 2, 2, 2]})
    quiet = find_quiet_windows(contacts, presence)
    assert quiet["contacts_per_person"].tolist() == [5.0, 5.0]
    assert quiet["start"].tolist() == [starts[1], starts[4]]


# --- countdown

TASKS = sheet(
    "tasks",
    [
        {
            "task": "four figures",
            "block": "people",
            "owner": "lead",
            "offset_days": -60,
            "done_on": dt.date(2026, 9, 1),
        },
        {"task": "rent", "block": "hardware", "owner": "office", "offset_days": -10, "takes_days": 3},
        {"task": "train", "block": "people", "owner": "QA", "offset_days": -20, "takes_days": 7},
        {"task": "meals", "block": "logistics", "offset_days": -4},
        {"task": "slogans", "block": "logistics", "owner": "office", "due_on": dt.date(2026, 10, 30)},
        {"task": "banner", "block": "logistics", "owner": "office"},
        {"task": "review", "block": "people", "owner": "lead", "offset_days": 15},
    ],
)
TODAY = DAY - dt.timedelta(days=4)


def test_the_countdown_says_where_each_task_stands_today() -> None:
    """Done, late and still possible, too late, due today, not due yet, no date; in the order of days."""
    found = lay_countdown(TASKS, promo_day=DAY, today=TODAY).set_index("task")
    assert found["state"].to_dict() == {
        "four figures": "task_done",
        "train": "task_impossible",
        "rent": "task_late",
        "meals": "task_today",
        "slogans": "task_open",
        "review": "task_open",
        "banner": "task_undated",
    }
    assert found["offset_days"].to_dict()["slogans"] == -1
    assert found["days_left"].to_dict()["rent"] == -6
    assert set(found["state"]) == set(STATES)
    moved = lay_countdown(TASKS, promo_day=DAY + dt.timedelta(days=30), today=TODAY).set_index("task")
    assert moved.loc["rent", "state"] == "task_open"


@pytest.mark.parametrize("lang", LANGS)
def test_the_calendar_is_one_that_calendars_read(lang: str) -> None:
    """Lines end in CRLF and have at most 75 bytes, text is escaped, ids stay, done tasks are left out."""
    tasks = TASKS.copy()
    tasks.loc[1, "task"] = "租电脑；联系租赁公司, 留备用机\n并写进合同，还要确认送货上门的时间和楼层" * 2
    countdown = lay_countdown(tasks, promo_day=DAY, today=TODAY)
    stamp = dt.datetime(2026, 10, 27, 1, 2, 3)
    text = make_calendar(countdown, name="shop", stamp=stamp, lang=lang)
    assert text.endswith("END:VCALENDAR\r\n")
    lines = text.split("\r\n")
    assert max(len(line.encode()) for line in lines) <= 75
    unfolded = text.replace("\r\n ", "")
    assert unfolded.count("BEGIN:VEVENT") == 5
    assert "four figures" not in unfolded
    assert "\\, " in unfolded
    assert "\\n" in unfolded
    assert "DTSTART;VALUE=DATE:20261021" in unfolded
    assert "DTEND;VALUE=DATE:20261022" in unfolded
    ids = re.findall("UID:(.+)\r\n", unfolded)
    assert len(set(ids)) == 5
    later = lay_countdown(tasks, promo_day=DAY + dt.timedelta(days=1), today=TODAY)
    assert re.findall("UID:(.+)\r\n", make_calendar(later, name="shop", stamp=stamp, lang=lang)) == ids


def test_the_posts_of_the_night_name_who_is_there() -> None:
    """S012: who left or is away does not hold a post, the reason stands beside it; one post alone stops a coupon."""
    rows = [
        {"item": "post_command", "owner": "Zhang"},
        {"item": "post_floor", "owner": "Li"},
        {"item": "post_qa", "owner": "Gone"},
        {"item": "post_data"},
    ]
    table = list_posts(sheet("logistics", rows), gone=["Gone"], away=["Li"]).set_index("post")
    states = table["post_state"].to_dict()
    assert states == {
        "item_post_command": "post_filled",
        "item_post_floor": "post_away",
        "item_post_qa": "post_gone",
        "item_post_data": "post_nobody",
        "item_post_logistics": "post_nobody",
        "item_post_liaison": "post_nobody",
    }
    assert table["owner"].dropna().to_dict() == {"item_post_command": "Zhang"}
    assert table.index[table["stops_coupon"].astype(bool)].tolist() == ["item_post_command"]
    deputy = [*rows, {"item": "post_floor", "owner": "Wang"}]
    assert (
        list_posts(sheet("logistics", deputy), away=["Li"]).set_index("post").loc["item_post_floor", "owner"] == "Wang"
    )


@pytest.mark.parametrize("lang", LANGS)
def test_the_picture_of_the_posts_names_everybody_and_who_stops_a_coupon(lang: str) -> None:
    """Each post is a box with its owner or with what is wrong; the squads below are counted."""
    rows = [{"item": "post_command", "owner": "Zhang"}, {"item": "post_floor", "owner": "Li"}]
    posts = list_posts(sheet("logistics", rows), away=["Li"])
    squads = pd.DataFrame(
        {"squad": [1, 2], "queue": "presale", "lead_name": ["Wu", None], "members": [["a", "b"], ["c"]]}
    )
    axes = plot_posts(posts, lang=lang, squads=squads)
    texts = [text.get_text() for text in axes.texts]
    assert {"Zhang", label("post_away", lang), label("stops_coupon", lang)} <= set(texts)
    assert texts.count(label("post_nobody", lang)) == 4
    assert translate("readiness.posts_squads", lang, squads=2, led=1, heads=4) in texts
    plt.close(axes.figure)


@pytest.mark.parametrize("lang", LANGS)
def test_the_ladder_has_its_limits_its_people_and_a_forecast_of_its_own(lang: str) -> None:
    """S067: each step answers later and hands on later than the one before; the desk is counted and forecast."""
    store = load_store(HOUSE / "templates" / "stores" / "bodycare")
    gate = open_gate(store, day=dt.date(2026, 10, 31))
    ladder = lay_ladder(store, gate, None).set_index("ladder_step")
    assert (ladder["answer_min"].diff().dropna() > 0).all()
    assert (ladder["hands_on_min"].diff().dropna() > 0).all()
    assert (ladder["answer_min"] < ladder["hands_on_min"]).all()
    allowed = set(gate.loc[gate["allowed"], "agent_id"])
    able = [agent for agent in store.agents if agent.agent_id in allowed and "escalation" in agent.skills]
    assert ladder.loc["ladder_complaints", "step_people"] == len(able) > 0
    assert math.isnan(ladder.loc["ladder_command", "step_people"])
    starts = pd.date_range("2026-10-31 20:00", periods=2, freq="30min")
    contacts = pd.DataFrame({"start": [*starts, *starts], "queue": ["aftersale"] * 2 + ["escalation"] * 2})
    contacts["contacts"] = [50.0, 60.0, 3.0, 4.0]
    assert sum_complaints(contacts) == (7.0, 4.0, starts[1])
    assert sum_complaints(contacts[:2]) is None
    asked = {"book": empty_book(), "promo_day": dt.date(2026, 10, 31), "today": dt.date(2026, 10, 1), "peak_heads": 5.0}
    texts = [
        " ".join(found.text(lang) for found in work_out_readiness(store, contacts=each, **asked).findings)
        for each in (contacts, None)
    ]
    assert "10-31 20:30" in texts[0]
    assert label("escalation_share", lang) in texts[1]


def test_complaints_get_a_queue_of_their_own_by_their_share() -> None:
    """With a share of after-sale typed the night forecasts the desk apart, and nothing is lost or counted twice."""
    parts = split_queues({"presale": {"value": 900.0}, "aftersale": {"value": 600.0}}, {"escalation": 0.05})
    assert parts["escalation"]["value"] == pytest.approx(30.0)
    assert sum(part["value"] for part in parts.values()) == pytest.approx(1500.0)
