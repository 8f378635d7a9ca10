"""Questions and their tags, wordings, feedback, promises, main-push items, second orders, self-audit, actions."""

from __future__ import annotations

import datetime as dt
import pickle

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simlib import facts
from simlib.messages import UserError
from simlib.retrospective.audit import AREAS, audit_questions, check_actions, score_audit
from simlib.retrospective.buyers import (
    GAPS,
    UNTAGGED,
    TagName,
    check_promises,
    find_second_orders,
    find_words,
    pick_wordings,
    rank_questions,
    review_feedback,
    review_main_push,
    sum_second_orders,
    tag_name,
    tag_questions,
    tag_words,
)

TODAY = dt.date(2026, 11, 20)


def at(text):
    return pd.Timestamp(text, tz="Asia/Shanghai")


@settings(max_examples=200, deadline=None)
@given(st.text("ab", max_size=12), st.lists(st.text("ab", min_size=1, max_size=4), unique=True, max_size=5))
def test_words_found_are_in_the_text_in_order_and_the_longest_at_their_place(text, words):
    """What is found stands in the text, left to right without overlap, and no longer word begins at its place."""
    place = 0
    for word in find_words(text, dict.fromkeys(words, "tag")):
        place = min(at for at in range(place, len(text)) if any(text.startswith(known, at) for known in words))
        assert text.startswith(word, place)
        assert not any(len(known) > len(word) and text.startswith(known, place) for known in words)
        place += len(word)


def test_the_longest_word_decides():
    """Who asks about the price guarantee does not ask for a discount, and dispatch in advance sale is one tag."""
    words = tag_words()
    price, guarantee = "便宜", "降价"
    assert words[price] == "price_discount"
    assert words[guarantee] == "price_drop"
    assert find_words("漏发赠品了", words) == ["漏发赠品"]


def test_the_three_most_asked_questions_are_the_top():
    """Each contact counts once for a tag however often it asks; what nobody knows is last and no top question."""
    texts = {
        1: "发票怎么开 发票",
        2: "开票",
        3: "什么时候发货",
        4: "发货 发票",
        5: "色差大",
        6: "你好",
        7: None,
        8: "哦",
    }
    messages = pd.DataFrame({"chat": list(texts), "text": list(texts.values())})
    ranked = rank_questions(tag_questions(messages)).set_index("tag")
    assert ranked["contacts"].to_dict() == {"invoice": 3, "delivery_time": 2, "quality": 1, UNTAGGED: 3}
    assert list(ranked.index[ranked["top"]]) == ["invoice", "delivery_time", "quality"]
    assert ranked.index[-1] == UNTAGGED
    assert ranked["cumulative"].iloc[-1] == 1
    assert ranked.loc["invoice", "share"] == pytest.approx(3 / 8)


def test_no_word_marks_two_tags_and_every_tag_has_its_names():
    """The editable list has each word once, and a name in both languages and a department for each tag."""
    words = [word for row in facts.table("question_tags").itertuples() for word in row.value]
    assert len(words) == len(set(words))
    for tag in facts.table("question_tags")["key"]:
        assert tag_name(tag, "zh") != tag_name(tag, "en")
    assert facts.table("question_tags")["department"].notna().all()
    assert pickle.loads(pickle.dumps(TagName("invoice"))).text("en") == "Invoice"


def test_the_wording_with_most_votes_is_kept():
    """Equal wordings add their votes; ties go to the one after which more ordered; too few votes keep none."""
    answers = pd.DataFrame(
        [
            ("gift?", "A", "a gift each", 2, 50, 10),
            ("gift?", "B", " a gift each", 2, 50, 10),
            ("gift?", "C", "two gifts", 4, 100, 60),
            ("size?", "A", "see the table", 2, 10, 1),
        ],
        columns=["question", "agent", "wording", "votes", "sent", "paid"],
    )
    table = pick_wordings(answers)
    assert list(table["question"]) == ["gift?", "gift?", "size?"]
    assert list(table["wording"][table["kept"]]) == ["two gifts"]
    assert table["agents"][1] == ("A", "B")
    assert table["votes"][1] == 4
    assert pick_wordings(answers, votes_min=1)["kept"].sum() == 2
    with pytest.raises(UserError, match="columns are missing: votes"):
        pick_wordings(answers.drop(columns="votes"))


def test_feedback_that_departments_owe_is_counted():
    """Unanswered and overdue feedback by department; an unknown status is refused."""
    register = pd.DataFrame(
        [
            ("2026-11-12", "x", "warehouse", "sent", "2026-11-15"),
            ("2026-11-12", "y", "warehouse", "done", "2026-11-15"),
            ("2026-11-12", "z", "products", "open", None),
        ],
        columns=["day", "what", "department", "status", "due"],
    )
    table = review_feedback(register, today=TODAY)
    assert table.to_dict("records")[0] == {
        "department": "warehouse", "received": 2, "unanswered": 1, "overdue": 1, "done": 1
    }  # fmt: skip
    assert list(table["overdue"]) == [1, 0]
    with pytest.raises(UserError, match="does not know the status"):
        review_feedback(register.assign(status="lost"), today=TODAY)


def test_promises_are_checked_in_the_evening():
    """Due and not kept is broken, later than due is late, not due yet is open; what is made later is not listed."""
    promises = pd.DataFrame(
        [
            ("refund", "A", at("2026-11-11 10:00"), at("2026-11-11 18:00"), pd.NaT),
            ("gift", "B", at("2026-11-11 10:00"), at("2026-11-11 18:00"), at("2026-11-11 17:00")),
            ("call", "B", at("2026-11-11 11:00"), at("2026-11-11 12:00"), at("2026-11-11 15:00")),
            ("dispatch", "C", at("2026-11-11 12:00"), at("2026-11-12 12:00"), pd.NaT),
            ("later", "C", at("2026-11-12 09:00"), at("2026-11-12 12:00"), pd.NaT),
        ],
        columns=["promise", "agent", "made", "due", "kept"],
    )
    table = check_promises(promises, evening=at("2026-11-11 22:00"))
    assert table["state"].tolist() == ["broken", "open", "kept_late", "kept"]
    assert table["promise"].tolist() == ["refund", "dispatch", "call", "gift"]


def test_a_main_push_item_is_set_against_the_week_before():
    """Conversion of the week in which it was pushed, less that of the week before."""
    days = pd.date_range("2026-11-02", periods=14, freq="D")
    sales = pd.DataFrame({"day": days, "item": "pan", "inquiries": 10, "orders": [2] * 7 + [3] * 7, "sales_cny": 100.0})
    items = pd.DataFrame({"week": ["2026-11-09"], "item": ["pan"], "script": ["keeps warm"]})
    row = review_main_push(sales, items=items).iloc[0]
    assert (row["inquiries"], row["orders"], row["sales_cny"]) == (70, 21, 700)
    assert row["change"] == pytest.approx(0.1)


def test_second_orders_follow_a_paid_first_one():
    """A second order within the days counts; after an unpaid one, or too late, it is none."""
    rows = [
        ("a", "2026-11-11 20:00", "2026-11-11 20:01"),
        ("a", "2026-11-12 09:00", "2026-11-12 09:01"),
        ("b", "2026-11-01 09:00", "2026-11-01 09:01"),
        ("b", "2026-11-12 09:00", "2026-11-12 09:01"),
        ("c", "2026-11-11 20:00", None),
        ("c", "2026-11-11 21:00", "2026-11-11 21:01"),
    ]
    orders = pd.DataFrame(rows, columns=["buyer", "created", "paid"]).assign(amount_cny=10.0)
    orders[["created", "paid"]] = orders[["created", "paid"]].apply(pd.to_datetime)
    second = find_second_orders(orders)
    assert second["buyer"].tolist() == ["a"]
    assert second["first_created"].iloc[0] == pd.Timestamp("2026-11-11 20:00")


def test_an_order_without_a_key_is_no_second_one():
    """Orders of unknown buyers are not one buyer's; an order before the promo counts as a first one only."""
    rows = [
        (None, "2026-11-11 20:00"),
        (None, "2026-11-11 20:05"),
        ("a", "2026-11-10 09:00"),
        ("a", "2026-11-10 09:30"),
        ("a", "2026-11-11 20:30"),
        ("b", "2026-11-11 20:00"),
        ("b", "2026-11-11 21:00"),
    ]
    orders = pd.DataFrame(rows, columns=["buyer", "created"]).assign(amount_cny=10.0)
    orders["created"] = orders["paid"] = pd.to_datetime(orders["created"])
    promo, late = dt.date(2026, 11, 11), dt.date(2026, 11, 20)
    found = sum_second_orders(orders, promo_day=promo, as_of=late)
    assert (found.paid, found.known) == (5, 3)
    assert found.table[["gap", "orders"]].to_numpy().tolist() == [["gap_hour", 1], ["gap_week", 1]]
    stated = [message.text("en") for message in found.findings]
    assert "2 (66.7%) came from buyers" in stated[0]
    assert stated[1].startswith("For 2 more paid orders nobody knows who bought")
    unknown = sum_second_orders(orders.assign(buyer=None), promo_day=promo, as_of=late)
    assert [message.key for message in unknown.findings] == ["retrospective.buyers_unknown"]
    alone = sum_second_orders(orders[orders["buyer"] != "a"].head(3), promo_day=promo, as_of=late)
    assert alone.findings[0].key == "retrospective.nobody_again"
    unpaid = sum_second_orders(orders.assign(paid=pd.NaT), promo_day=promo, as_of=late)
    assert unpaid.findings == []
    assert unpaid.table.empty


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 20 * 24 * 60)), min_size=1, max_size=40),
    st.integers(0, 12),
)
def test_second_orders_are_those_that_a_search_by_hand_finds(rows, day):
    """For every paid order from the promo day on: the same buyer's last one before, and how long ago it was."""
    begin = pd.Timestamp("2026-11-01")
    orders = pd.DataFrame(rows, columns=["buyer", "minute"]).assign(amount_cny=1.0)
    orders["created"] = orders["paid"] = begin + pd.to_timedelta(orders["minute"], unit="min")
    promo = (begin + pd.Timedelta(days=day)).date()
    found = sum_second_orders(orders, promo_day=promo, as_of=dt.date(2026, 12, 31)).table.set_index("gap")["orders"]
    counts = dict.fromkeys(GAPS, 0)
    timed = sorted(enumerate(rows), key=lambda item: (item[1][1], item[0]))
    for place, (_, (buyer, minute)) in enumerate(timed):
        before = [other for _, (who, other) in timed[:place] if who == buyer]
        if minute < day * 1440 or not before or minute - before[-1] > 7 * 1440:
            continue
        gap = minute - before[-1]
        counts["gap_hour" if gap <= 60 else "gap_day" if gap <= 1440 else "gap_week"] += 1
    assert {gap: count for gap, count in counts.items() if count} == found.to_dict()


def test_the_self_audit_is_a_radar_of_four_areas():
    """Means of questions' means by area, how much was answered, and what moved since the last time."""
    questions = audit_questions("zh")
    assert set(questions["area"]) == set(AREAS)
    answers = questions.assign(score=3)[["question", "score"]]
    two = pd.concat([answers, pd.DataFrame({"question": ["role_known"], "score": [5]})])
    before = answers.assign(score=2)
    table = score_audit(two, before=before).set_index("area")
    assert table.loc["role", "score"] == pytest.approx((4 + 3 + 3) / 3)
    assert table.loc["process", "change"] == 1
    assert (table["answered"] == 1).all()
    for bad, words in (
        (answers.assign(question="what"), "no question what"),
        (answers.assign(score=6), "has the score 6; give 0 to 5"),
    ):
        with pytest.raises(UserError) as caught:
            score_audit(bad)
        assert words in caught.value.text("en")


def test_actions_without_owner_date_or_card_are_incomplete():
    """An action is overdue, incomplete, open or done, and says what it lacks; the urgent ones come first."""
    actions = pd.DataFrame(
        [
            ("l1", "a1", "Li", "2026-12-01", "bot_down", False),
            ("l2", "a2", None, "2026-12-01", "nowhere", False),
            ("l3", "a3", "Li", "2026-11-12", "bot_down", False),
            ("l4", "a4", "Li", "2026-11-12", "bot_down", True),
        ],
        columns=["lesson", "action", "owner", "due", "card", "done"],
    )
    table = check_actions(actions, today=TODAY, cards=["bot_down"])
    assert table["state"].tolist() == ["overdue", "incomplete", "open", "done"]
    assert table["lacks"][1] == ("owner", "card")
