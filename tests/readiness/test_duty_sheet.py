"""The duty sheet and the task cards name who is there: rostered, named in either workbook, done or not."""

import datetime as dt

import pandas as pd
import pytest

from simlib.messages import LANGS, label
from simlib.readiness.cards import make_cards
from simlib.readiness.countdown import catalogue, lay_countdown
from simlib.readiness.floor import check_logistics, lay_duty_sheet, list_posts
from simlib.readiness.workbook import BOOK
from simlib.roster import solve_roster
from simlib.runs.readiness import read_countdown
from simlib.store.models import Duty
from tests.conftest import clock
from tests.readiness.test_floor import sheet

DAY = dt.date(2026, 10, 31)


def duty(name, agent_id=None, owner=None, kind="live"):
    """Make a duty of the evening in the core workbook."""
    hours = {"start": dt.datetime(2026, 10, 31, 20), "end": dt.datetime(2026, 10, 31, 22)}
    return Duty(duty=name, kind=kind, agent_id=agent_id, owner=owner, **hours)


def segment(agent_id, activity, start="20:00", end="22:00"):
    """Make a segment of the roster."""
    return {"agent_id": agent_id, "start": clock(start), "end": clock(end), "activity": activity}


@pytest.fixture
def shop(short_store):
    """Give the small example store three live streams and one more duty."""
    duties = (
        duty("Room 1"),
        duty("Room 2", "B02"),
        duty("Room 3", "B03"),
        duty("Power", owner="Caretaker", kind="logistics"),
    )
    return short_store.model_copy(update={"duties": duties})


def test_story_7_the_duty_sheet_names_whom_the_roster_puts_on_a_duty(shop):
    """Nobody named: the one who is rostered; named and elsewhere: the name, and that they are there or not."""
    roster = pd.DataFrame([segment("B01", "live"), segment("B02", "chat"), segment("B03", "chat", "22:30", "23:00")])
    table = lay_duty_sheet(sheet("logistics", []), store=shop, assignments=roster).set_index("name")
    assert table.loc["Room 1", ["owner", "duty_state"]].tolist() == ["Ava", "held"]
    assert table.loc["Room 2", ["owner", "duty_state"]].tolist() == ["Ben", "there"]
    assert table.loc["Room 3", ["owner", "duty_state"]].tolist() == ["Chloe", "absent"]
    assert table.loc["Power", ["owner", "duty_state"]].tolist() == ["Caretaker", None]
    alone = lay_duty_sheet(sheet("logistics", []), store=shop)
    assert alone["owner"].tolist() == [None, "Ben", "Chloe", "Caretaker"]
    assert alone["duty_state"].isna().all()


def test_a_person_given_by_id_answers_for_a_row(shop):
    """A row that names its person in the column for ids is owned: in the sheet, the posts and the complaints."""
    rows = [
        {"item": "post_floor", "person": "B01", "at": dt.datetime(2026, 10, 31, 19)},
        {"item": "snack", "at": dt.datetime(2026, 10, 31, 23)},
        {"item": "diet", "person": "B02", "diet": "halal"},
    ]
    logistics = sheet("logistics", rows)
    table = lay_duty_sheet(logistics, store=shop.model_copy(update={"duties": ()}))
    assert table[["logistics_item", "owner"]].to_numpy().tolist() == [["post_floor", "Ava"], ["snack", None]]
    posts = list_posts(logistics, posts=["post_floor"], names={"B01": "Ava"})
    assert posts[["owner", "post_state"]].to_numpy().tolist() == [["Ava", "post_filled"]]
    assert [problem.row for problem in check_logistics(logistics)] == [3]


@pytest.mark.parametrize("lang", LANGS)
def test_a_task_that_is_done_reads_as_done_on_its_card(lang):
    """Owner, day and state are the store's own, found under the task's name in either language."""
    first, second, third = catalogue()[:3]
    rows = [
        {
            "task": first["zh"]["name"],
            "block": first["block"],
            "owner": "Ava",
            "done_on": dt.date(2026, 8, 3),
            "offset_days": -80,
        },
        {"task": second["en"]["name"], "block": second["block"], "owner": "Ben", "due_on": dt.date(2026, 10, 5)},
    ]
    today = dt.date(2026, 10, 8)
    countdown = lay_countdown(sheet("tasks", rows), promo_day=DAY, today=today)
    cards = {card.key: card for card in make_cards("task", lang, promo_day=DAY, today=today, countdown=countdown)}
    plain = {card.key: card for card in make_cards("task", lang, promo_day=DAY, today=today)}

    def words(card):
        return " ".join(part.text for part in card.parts)

    done, late = words(cards[first["key"]]), words(cards[second["key"]])
    assert "2026-08-03" in done
    assert "____" not in done
    assert "Ava" in done
    assert "2026-10-05" in late
    assert "Ben" in late
    assert "____" in late
    assert label("task_unlisted", lang) in words(cards[third["key"]])
    assert cards[third["key"]].parts[2:] == plain[third["key"]].parts[2:]


def test_cards_of_a_store_are_those_of_its_own_workbook(tmp_path):
    """The tasks beside a store are found; a store without any has the catalogue's dates alone."""
    from simlib.messages import HOUSE

    found = read_countdown(HOUSE / "templates" / "stores" / "bodycare", promo_day=DAY, today=dt.date(2026, 10, 8))
    assert (found["state"] == "task_done").sum() > 3
    assert read_countdown(tmp_path, promo_day=DAY, today=DAY) is None
    assert BOOK.empty().tables["tasks"].empty


def test_story_7_who_is_named_for_a_stream_is_rostered_on_it():
    """With half the people missing on chat the stream still has the person it names, and the checker agrees."""
    starts = pd.date_range(clock("20:00"), periods=4, freq="30min")
    need = pd.DataFrame({"start": starts, "queue": "presale", "to_roster": [9, 9, 9, 9]})
    team = pd.DataFrame(
        {
            "agent_id": ["A", "B", "C"],
            "name": ["Ann", "Bo", "Cy"],
            "cohort": "own",
            "skills": [["presale"]] * 3,
            "standard": [2.0, 1.0, 1.0],
            "cost_cny_h": 40.0,
            "exam_score": 95.0,
            "qa_pass": True,
        }
    )
    library = pd.DataFrame({"code": ["E"], "start": [dt.time(20)], "end": [dt.time(22)]})
    stream = [{"duty": "Room", "kind": "live", "agent_id": "A", "start": clock("20:00"), "end": clock("22:00")}]
    roster = solve_roster(need, team, library, duties=stream, effort=1.0)
    rows = roster.assignments
    assert rows[rows["activity"] == "live"]["agent_id"].tolist() == ["A"]
    assert "duty_uncovered" not in set(roster.why["rule"])
    free = solve_roster(need, team, library, duties=[stream[0] | {"agent_id": None}], effort=1.0)
    assert free.coverage["shortfall"].sum() <= roster.coverage["shortfall"].sum()
