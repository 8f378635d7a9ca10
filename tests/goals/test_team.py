"""The team: duties, talk sheets, the board and its privacy, praise, rules, the anonymous box."""

import datetime as dt

import pandas as pd
import pytest

from simlib.goals.team import (
    assign_work,
    board,
    box_status,
    duty_list,
    open_duties,
    published_items,
    rules_sheet,
    saved_buyer_value,
    segment_phrases,
    spotlight,
    talk_sheet,
)
from simlib.messages import UserError

ON = dt.date(2026, 8, 12)  # a Wednesday


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_duty_has_a_time_and_shows_when_it_is_done(lang):
    for kind, count in (("duty", 8), ("ritual", 5), ("monthly", 4)):
        table = duty_list(lang, owners={"people": "Ann"}, kind=kind)
        assert len(table) == count
        assert (
            table[["at", "task", "done_when"]].map(lambda text: isinstance(text, str) and len(text) > 1).all(axis=None)
        )
        assert set(table.loc[table["block"] == "people", "owner"]) <= {"Ann"}
    with pytest.raises(ValueError, match="moon"):
        duty_list(lang, owners={"moon": "Ann"})


def test_what_is_due_and_not_on_record_is_open():
    every = [*duty_list("en")["key"], *duty_list("en", kind="monthly")["key"]]
    done = pd.DataFrame({"key": every, "done_on": [ON] * len(every)})
    assert open_duties(done, on=ON) == ()
    old = done.assign(done_on=[dt.date(2026, 8, 9)] * len(every))  # the Sunday before
    open_now = {one.fields["task"] for one in open_duties(old, on=ON)}
    assert "duty_watch_figures" in open_now
    assert "duty_spotlight" in open_now
    assert "duty_team_day" not in open_now
    assert {"duty_team_day"} <= {one.fields["task"] for one in open_duties(old, on=dt.date(2026, 9, 1))}
    assert open_duties(done.iloc[:0], on=ON)[0].text("zh").startswith("看昨天")


MONTH = pd.DataFrame(
    {
        "person": ["A", "B", "C"],
        "name": ["Ann", "Bo", "Cy"],
        "sales_cny": [300.0, 200.0, 100.0],
        "mean_response_s": [30.0, 20.0, 10.0],
        "conversion": [0.5, 0.5, None],
    }
)


def test_a_talk_begins_with_the_good_and_uses_the_person_s_own_figures():
    figures = ["sales_cny", "mean_response_s", "conversion"]
    table, found = talk_sheet(MONTH, MONTH.assign(sales_cny=[150, 1, 1]), person="A", figures=figures)
    assert table.loc[0, ["own", "before", "team", "rank", "people"]].tolist() == [300, 150, 200, 1, 3]
    assert table["rank"].tolist() == [1, 3, 1]
    assert found[0].text("en").startswith("Begin with the good: place 1 of 3 in Sales")
    assert "place 3 of 3 in Mean response" in found[1].text("en")
    assert len(talk_sheet(MONTH, MONTH.iloc[:0], person="C", figures=["conversion"])[1]) == 1
    with pytest.raises(ValueError, match="must have one row"):
        talk_sheet(MONTH, MONTH, person="Z", figures=figures)


def day():
    return MONTH.assign(
        team=["x", "x", "y"],
        target=[200, 200, 0],
        login_time=["08:58", "09:02", None],
        work_done=1,
        problem_cases=0,
        rating_invitations=5,
    )


def test_the_board_shows_what_its_audience_may_see():
    whole = board(day(), audience="all")
    assert whole["name"].tolist() == ["Ann", "Bo", "Cy"]
    assert whole["attainment"].tolist()[:2] == [1.5, 1.0]
    assert pd.isna(whole["attainment"][2])
    assert list(whole)[-4:] == list(published_items())
    assert board(day(), audience="team", viewer="B")["name"].tolist() == ["Ann", "Bo"]
    own = board(day(), audience="self", viewer="B")
    assert own[["rank", "name"]].to_numpy().tolist() == [[2, "Bo"]]
    assert board(day(), audience="all", figure="mean_response_s")["name"][0] == "Cy"
    for wrong in ({"audience": "friends"}, {"audience": "self"}, {"audience": "team", "viewer": "Z"}):
        with pytest.raises(ValueError, match=r"audience|viewer"):
            board(day(), **wrong)


def test_praise_goes_to_who_is_furthest_ahead_and_not_twice_in_a_row():
    first = spotlight(MONTH, figures=["sales_cny", "mean_response_s"])
    assert first.text("en").startswith("Praise for Ann today: Sales 300 CNY, the team's median is 200 CNY")
    assert "Cy" in spotlight(MONTH, figures=["sales_cny", "mean_response_s"], last="A").text("zh")
    big = MONTH.assign(sales_cny=[1_234_567.4, 440_008, 900], conversion=[0.5, 0.463, 0.41])
    text = spotlight(big, figures=["sales_cny"]).text("zh")
    assert "客服销售额 1,234,567 元，团队中位数 440,008 元" in text
    assert "询单转化率 50%，团队中位数 46.3%" in spotlight(big, figures=["conversion"]).text("zh")
    assert spotlight(MONTH.assign(sales_cny=200), figures=["sales_cny"]) is None


def test_strengths_choose_the_work():
    people = MONTH[["person", "name"]].assign(strength=["careful", "lively", None])
    assert assign_work(people)["work"].tolist()[:2] == ["tables", "team_activities"]
    with pytest.raises(ValueError, match="loud"):
        assign_work(people.assign(strength="loud"))


def test_a_rule_is_acknowledged_after_it_was_announced():
    rules = pd.DataFrame([{"rule": "R1", "text": "no gifts", "announced_on": "2026-08-01"}])
    read = pd.DataFrame(
        [("R1", "A", "2026-08-01"), ("R1", "B", "2026-07-31"), ("R1", "C", None)],
        columns=["rule", "person", "acknowledged_on"],
    )
    table, found = rules_sheet(rules, ["A", "B", "C"], read)
    assert table["acknowledged_on"].notna().tolist() == [True, False, False]
    assert [one.key for one in found] == ["goals.acknowledged_early", "goals.not_acknowledged"]
    assert "2 people: B, C" in found[1].text("en")


def test_the_box_names_nobody_and_answers_in_time():
    box = pd.DataFrame(
        {
            "received_on": ["2026-08-10", "2026-08-01", "2026-08-05"],
            "text": ["c", "a", "b"],
            "reply": ["ok", None, None],
            "replied_on": ["2026-08-11", None, None],
        }
    )
    table, found = box_status(box, on=ON)
    assert table["text"].tolist() == ["a", "b", "c"]
    assert found[0].text("en") == "Entries 1 of the anonymous box have had no answer for more than 7 days."
    with pytest.raises(UserError, match="columns that name people: name"):
        box_status(box.assign(name="A"), on=ON)


def test_a_saved_buyer_is_worth_what_the_factor_says_and_the_claim_is_named():
    value, claim = saved_buyer_value(keeping_cost_cny=20, buyers_saved=10)
    assert value == 1200
    assert "a saying, not a measurement" in claim.text("en")
    value, own = saved_buyer_value(keeping_cost_cny=20, buyers_saved=10, factor=3)
    assert (value, own.key) == (400, "goals.saved_buyer_own")
    with pytest.raises(ValueError, match="factor"):
        saved_buyer_value(keeping_cost_cny=20, buyers_saved=10, factor=0.5)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_returning_buyers_have_their_phrases(lang):
    assert segment_phrases("returning", lang)["phrase"].str.len().min() > 10
    assert segment_phrases("nobody", lang).empty
