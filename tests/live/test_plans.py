"""Actions taken by one click, and plans kept under a name: what they do, and what is refused in a sentence."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from simlib.actions.moves import ActionError, PlannedMove, apply_moves
from simlib.actions.offers import Offer
from simlib.live import KeptPlan, LiveNight, LivePage, PlanBook, compare_plans, read_plans, write_plans
from simlib.live.plans import plans_file
from simlib.messages import LANGS
from simlib.simulator.replicate import replicate_variants
from tests.conftest import clock

DAY = pd.Timestamp("2026-10-31").date()


@pytest.fixture
def live(night):
    """The small night with two actions: two people come from nowhere at nine, or the bot and the limit do more."""
    ids = ("new-1", "new-2")
    who = {"name": "New", "cohort": "temp"}
    rows = [{"agent_id": agent, **who, "queue": "presale", "activity": "chat"} for agent in ids]
    segments = pd.DataFrame(rows).assign(start=clock("21:00"), end=clock("23:00"))
    people = pd.DataFrame([{"agent_id": agent, **who, "skill_1": "presale"} for agent in ids])
    people = people.assign(skill_2=None, skill_3=None, capacity=4, speed=1.0, cost_cny_h=30.0)
    window = {"start": clock("21:00"), "end": clock("23:00"), "last_day": DAY}
    hired = PlannedMove(
        key="h", kind="outside_help", cohort="temp", agents=ids, heads=2, segments=segments, newcomers=people, **window
    )
    bot = PlannedMove(key="b", kind="more_bot", size=0.1, **window)
    chats = PlannedMove(key="c", kind="more_concurrency", size=1.0, **window)
    given = {"saves_cny": 100.0, "cost_cny": 10.0, "closes_gap": True}
    offers = (Offer(key="A1", moves=(hired, bot), **given), Offer(key="A2", moves=(bot, chats), **given))
    return LiveNight(night=night, opening=clock("21:00"), targets={"lost_share": 0.05}, seed=7, offers=offers)


def test_an_action_is_the_night_that_its_moves_make(live):
    """One click shows what the table of actions simulated, to the last digit; a slider moves on top of it."""
    position = live.take({}, "A1")
    assert position["moves"] == "h|b"
    variant = apply_moves(live.night, live.offers[0].moves).variant()
    expected = replicate_variants({"": variant}, measure=live.measure, seed=7, replications=2, turns=True)[""].figures
    shown = [live.simulate(live.prepare(position), number)["sales_lost"] for number in range(2)]
    np.testing.assert_array_equal(shown, expected["sales_lost"])
    ready = live.prepare(position)
    assert ready.heads == 14
    assert live.prepare(position | {"people_own": 10.0}).heads == 12
    plan = live.prepare({})
    assert ready.wages_cny == pytest.approx(plan.wages_cny + 2 * 2 * 30)


def test_actions_leave_the_plan_alone(live):
    """After an action the plan's own position gives what it gave before."""
    before = live.simulate(live.prepare({}), 0)["sales_lost"]
    live.simulate(live.prepare(live.take({}, "A1")), 0)
    assert live.simulate(live.prepare({}), 0)["sales_lost"] == before


def test_what_is_taken_cannot_be_taken_again(live):
    """All of an action that was taken is refused in both languages; of another the moves that are new are added."""
    position = live.take({}, "A1")
    with pytest.raises(ActionError) as error:
        live.take(position, "A1")
    assert error.value.key == "already_taken"
    assert all("{" not in error.value.text(lang) for lang in LANGS)
    assert live.take(position, "A2")["moves"] == "h|b|c"
    with pytest.raises(ActionError, match="A9"):
        live.take({}, "A9")
    with pytest.raises(ValueError, match="moves must name"):
        live.read({"moves": "x"})


def test_two_plans_of_one_name_are_refused_in_a_sentence():
    """A name that is taken, one that is too long, and one that is unknown; no name is Plan A, then Plan B."""
    plan = KeptPlan(name="", reason="", position={})
    book = PlanBook().keep(plan).keep(plan)
    assert [each.name for each in book.plans] == ["Plan A", "Plan B"]
    for name, key in (("Plan  A", "plan_twice"), ("x" * 61, "plan_nameless")):
        with pytest.raises(ActionError) as error:
            book.keep(replace(plan, name=name))
        assert error.value.key == key
        assert all("{" not in error.value.text(lang) for lang in LANGS)
    with pytest.raises(ActionError, match="Plan C"):
        book.find("Plan C")
    assert [each.name for each in book.drop("Plan A").plans] == ["Plan B"]


def test_plans_are_there_again_after_a_restart(live, tmp_path):
    """A kept plan lies beside the store with its reason; a broken file is an empty book, not an error."""
    store = tmp_path / "shop.xlsx"
    page = LivePage(live, store=store, lang="zh")
    text, good = page.keep_plan(live.take({}, "A1"), name="Plan A", reason="cheapest")
    assert good
    assert "Plan A" in text
    text, good = page.keep_plan({}, name="Plan A", reason="")
    assert not good
    assert "Plan A" in text
    again = read_plans(plans_file(store))
    assert again.find("Plan A").reason == "cheapest"
    assert again.find("Plan A").position["moves"] == "h|b"
    plans_file(store).write_text("{", encoding="utf-8")
    assert read_plans(plans_file(store)) == PlanBook()
    write_plans(again, plans_file(store))
    assert read_plans(plans_file(store)) == again


def test_plans_are_compared_on_the_same_buyers(live):
    """Plan A against Plan B is the paired difference, night by night."""
    first, second = live.take({}, "A1"), live.take({}, "A2")
    table = compare_plans(live, first, second, nights=3).set_index("kpi")
    lost = [
        [live.simulate(live.prepare(each), number)["sales_lost"] for number in range(3)] for each in (first, second)
    ]
    assert table.loc["sales_lost", "change"] == pytest.approx(np.mean(np.array(lost[1]) - np.array(lost[0])))


def test_a_click_sends_the_position_back_or_a_sentence(live, tmp_path):
    """The page answers a click with the position to go to, a second click with why not, and keeps plans in a table."""
    page = LivePage(live, store=tmp_path / "shop.xlsx", lang="en")
    sent = []
    page.send = lambda message, buffers=None: sent.append(message)
    page._receive(None, {"kind": "take", "view": "me", "position": {}, "action": "A1"}, [])
    assert sent[-1]["kind"] == "go"
    taken = sent[-1]["position"]
    page._receive(None, {"kind": "take", "view": "me", "position": taken, "action": "A1"}, [])
    assert sent[-1]["kind"] == "notice"
    assert not sent[-1]["good"]
    asked = {"kind": "plan", "view": "me", "position": taken, "name": "B", "reason": "safe"}
    page._receive(None, asked, [])
    assert [plan["name"] for plan in sent[-1]["plans"]] == ["B"]
    assert sent[-1]["plans"][0]["position"]["moves"] == "h|b"
    assert page.keep(taken, name="as a scenario")[1] is False
