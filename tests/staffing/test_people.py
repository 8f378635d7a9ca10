"""Need and have, sourcing dates, after-sale stream and organisation against laws and counts by hand."""

import datetime as dt

import pytest

from simlib.staffing import (
    aftersale_stream,
    head_ratio,
    last_safe_dates,
    make_or_buy,
    may_serve,
    need_and_have,
    organise,
)
from simlib.store.models import Agent, DateSpan, Rule, Store, StoreInfo

PROMO = dt.date(2026, 11, 11)


def agent(number, **given):
    base = {"agent_id": f"a{number}", "name": f"n{number}", "cohort": "own", "skill_1": "presale"}
    return Agent(**base | {"exam_score": 95, "qa_pass": True} | given)


def store(agents):
    return Store(store_id="s", store=StoreInfo(name="s", platform="tmall"), waves=(), ratios=(), agents=tuple(agents))


@pytest.mark.parametrize(
    ("given", "serves"),
    [
        ({}, True),
        ({"exam_score": 90}, True),
        ({"exam_score": 89.9}, False),
        ({"exam_score": None}, False),
        ({"qa_pass": False}, False),
        ({"starts_on": dt.date(2026, 11, 12)}, False),
        ({"leave": (DateSpan(first=dt.date(2026, 11, 10), last=PROMO),)}, False),
    ],
)
def test_gate(given, serves):
    """Nobody serves without the exam, the QA pass and being there."""
    assert may_serve(agent(1, **given), day=PROMO, exam_pass=90) is serves


def test_need_and_have_counts_everybody_once():
    """Ready and not ready add up to all agents, and the gap is need minus ready."""
    people = [agent(1), agent(2, exam_score=70), agent(3, skill_1="aftersale", skill_2="presale"), agent(4)]
    table = need_and_have(store(people), need={"presale": 4.2}, day=PROMO).set_index("queue")
    assert table[["have", "not_ready"]].to_numpy().sum() == len(people)
    assert table.loc["presale", ["need", "have", "not_ready", "can_help", "gap"]].tolist() == [5, 2, 1, 1, 3]


def test_outsourcer_is_signed_before_the_dry_season():
    """For Double 11 the outsourcer must sign before the end of September, not merely 20 days ahead."""
    table = make_or_buy(gap=10, promo_day=PROMO, today=dt.date(2026, 9, 1)).set_index("cohort")
    assert table.loc["outsourced", "sign_by"] == dt.date(2026, 9, 29)
    assert table.loc["outsourced", "sign_by"] <= PROMO - dt.timedelta(days=20)


def test_june_promo_is_signed_before_mid_april():
    """For 618 the outsourcer's dry season begins in mid-April."""
    table = make_or_buy(gap=10, promo_day=dt.date(2026, 6, 18), today=dt.date(2026, 3, 1)).set_index("cohort")
    assert table.loc["outsourced", "sign_by"] == dt.date(2026, 4, 14)


@pytest.mark.parametrize(
    ("today", "state"),
    [(dt.date(2026, 9, 29), "ok"), (dt.date(2026, 9, 30), "late"), (dt.date(2026, 11, 5), "impossible")],
)
def test_too_late_is_said(today, state):
    """One day after the last safe day it is late; when training no longer fits it is impossible."""
    table = make_or_buy(gap=1, promo_day=PROMO, today=today).set_index("cohort")
    assert table.loc["outsourced", "state"] == state


def test_slower_people_mean_more_heads():
    """The heads to take make up the gap at the speed that their ramp gives."""
    table = make_or_buy(gap=10, promo_day=PROMO, today=dt.date(2026, 10, 1))
    assert (table["heads_to_take"] * table["speed_on_day"] >= 10 - 1e-9).all()
    assert ((table["heads_to_take"] - 1) * table["speed_on_day"] < 10).all()


def test_dates_come_in_order_and_flag_the_late_ones():
    """Every date before today is late, and no other."""
    today = dt.date(2026, 10, 10)
    table = last_safe_dates(promo_day=PROMO, today=today)
    assert table["last_day"].is_monotonic_increasing
    assert (table["late"] == (table["last_day"] < today)).all()
    assert table["late"].any()
    assert not table["late"].all()


def test_aftersale_adds_up_and_stays_in_its_days():
    """Each phase gives orders x rate in all, on days +1 to +5 and +5 to +15."""
    table = aftersale_stream(orders=2_000, promo_day=PROMO, refund_share=0.1)
    offset = table["date"].map(lambda day: (day - PROMO).days)
    assert offset[table["phase"] == "delivery"].agg(["min", "max"]).tolist() == [1, 5]
    assert offset[table["phase"] == "returns"].agg(["min", "max"]).tolist() == [5, 15]
    assert table.groupby("phase")["contacts"].sum().to_dict() == pytest.approx({"delivery": 200, "returns": 300})
    assert (table["low"] <= table["contacts"]).all()
    assert (table["contacts"] <= table["high"]).all()


def test_squads_hold_everybody_within_the_span():
    """Every agent sits in one squad, no squad has more than ten under its lead, leads are named where there are any."""
    people = [agent(n, lead=n % 15 == 0) for n in range(45)] + [agent(100, skill_1="aftersale")]
    chart = organise(store(people))
    assert sorted(chart["agent_id"]) == sorted(a.agent_id for a in people)
    members = chart[~chart["is_lead"]].groupby("squad").size()
    assert members.max() <= 10
    assert chart["lead_id"].dropna().nunique() == 3


def test_head_ratio_counts_people():
    """Three presale heads and one after-sale head are 3:1, beside the trade's 2:1."""
    people = [agent(n) for n in range(3)] + [agent(9, skill_1="aftersale")]
    assert head_ratio(store(people)) == {"presale": 3, "aftersale": 1, "ratio": 3.0, "trade": 2.0}


def test_limits_stand_beside_every_source():
    """Students work 8 hours and no nights; everybody else 8 and 3 of overtime, as the law has it."""
    table = make_or_buy(gap=5, promo_day=dt.date(2026, 10, 31), today=dt.date(2026, 9, 1)).set_index("cohort")
    assert table["hours_max_day"].to_dict() == {"own": 11, "temp": 11, "outsourced": 11, "student": 8}
    assert table["night_work"].to_dict() == {"own": True, "temp": True, "outsourced": True, "student": False}


def test_an_unknown_need_is_no_surplus():
    """A role that nobody forecasts has no need and no gap, rather than a need of 0 and people to spare."""
    people = [agent(1), *(agent(n, skill_1="order_change") for n in range(2, 7))]
    table = need_and_have(store(people), need={"presale": 3}, day=PROMO).set_index("queue")
    assert table.loc["order_change", ["need", "gap"]].isna().all()
    assert table.loc["order_change", "have"] == 5
    assert table["gap"].clip(lower=0).sum() == 2


def test_what_comes_too_late_is_no_choice():
    """A source whose training no longer fits has no speed, heads or cost, and stands behind every other."""
    for today in (dt.date(2026, 9, 1), dt.date(2026, 10, 20), dt.date(2026, 11, 10)):
        table = make_or_buy(gap=10, promo_day=PROMO, today=today)
        gone = table["state"] == "impossible"
        assert (gone == (table["train_by"] < today)).all()
        assert gone.is_monotonic_increasing
        assert (table[["speed_on_day", "heads_to_take", "cost_cny_day"]].isna().all(axis=1) == gone).all()


def test_complex_goods_move_the_training_forward():
    """Complex goods take the long training: no date comes later, and where training binds it comes sooner."""
    today = dt.date(2026, 8, 1)
    simple, complex_ = (
        last_safe_dates(promo_day=PROMO, today=today, complex_goods=goods).set_index("task")["last_day"]
        for goods in (False, True)
    )
    assert (complex_ <= simple.loc[complex_.index]).all()
    assert complex_["start_training"] == PROMO - dt.timedelta(days=60)
    assert simple["start_training"] == PROMO - dt.timedelta(days=7)


def test_complexity_is_a_rule_of_the_store():
    """A store says that its goods are complex on its sheet of rules; without a word they are simple."""
    stated = store([]).model_copy(update={"rules": (Rule(key="complex_goods", value=1),)})
    assert (store([]).rule("complex_goods"), stated.rule("complex_goods")) == (0, 1)
