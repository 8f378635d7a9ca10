"""The whole retrospective as one result: complete, with pieces missing, and with bad data."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from simlib.retrospective import NightFacts, NightFigures, NightRecord, learn_from_night, work_out_retrospective
from simlib.retrospective.forecast import count_heads
from simlib.retrospective.result import GIVEN
from simlib.simulator import Disruptions
from simlib.store import load_store

DAY = dt.date(2026, 10, 31)


@pytest.fixture(scope="module")
def plan(night):
    mean = night.forecast["contacts"]
    heads = count_heads(night.roster, grid=night.grid, queues=night.queues)
    return {
        "planned": NightFacts(night=night, inquiry_share=0.5, conversion=0.5, aov_cny=400.0),
        "forecast": night.forecast.assign(p05=mean - 1.645 * mean**0.5, p95=mean + 1.645 * mean**0.5),
        "requirement": heads.rename(columns={"heads": "on_chat"}),
        "target": 0.8,
        "today": DAY + dt.timedelta(days=1),
        "nights": 4,
    }


@pytest.fixture(scope="module")
def record(night):
    """A night with a fifth more contacts, a power cut, one absent, and every list filled in."""
    rng = np.random.default_rng(4)
    forecast = night.forecast.assign(contacts=night.forecast["contacts"] * 1.2)
    contacts = rng.poisson(forecast["contacts"]).astype(float)
    cut = replace(night, disruptions=Disruptions(down=[(agent, 3600, 7200) for agent in range(3)]))
    served = night.roster[night.roster["agent_id"] != "A05"]
    opening = night.grid.starts[2]
    created = pd.Series(opening + pd.to_timedelta(rng.uniform(0, 5000, 200), unit="s"))
    begun = opening + pd.to_timedelta(np.sort(rng.uniform(0, 7000, 90)), unit="s")
    agents = [f"A{number:02d}" for number in range(12)]
    figures = ["receptions", "inquiries", "buyers_paid", "sales_cny", "mean_response_s", "chat_s", "unanswered"]
    agent_day = pd.DataFrame(rng.uniform(50, 60, (12, 7)), columns=figures).assign(day=str(DAY), agent=agents)
    agent_day.loc[3, "receptions"] = 500.0  # one unusual person
    return NightRecord(
        actual=NightFacts(
            night=replace(cut, forecast=forecast),
            inquiry_share=0.5,
            conversion=0.45,
            aov_cny=400.0,
            absences=[("A05", night.grid.opens, night.grid.opens + pd.Timedelta("6h"))],
            sales_cny=70_000.0,
            lost_buyers=100.0,
            rate=0.7,
        ),
        actuals=forecast[["start", "queue"]].assign(contacts=contacts, answered=contacts, in_time=contacts * 0.7),
        served=served,
        incidents={"power_cut": cut},
        cards={"power_cut": night},
        orders=pd.DataFrame(
            {"order": range(200), "buyer": np.arange(200) // 2, "created": created, "paid": created,
             "amount_cny": 100.0, "refunded_cny": 0.0}
        ),
        agent_day=agent_day,
        store_day=pd.DataFrame({"day": [DAY], "receptions": [700.0]}),
        chats=pd.DataFrame(
            {"agent": np.array(agents)[np.arange(90) % 12], "begun": begun, "ended": begun + pd.Timedelta("5min"),
             "complaint": True}
        ),
        questions=pd.DataFrame({"chat": [1, 2, 3], "text": ["发票", "开票", "发货"]}),
        platform_messages=pd.DataFrame({"contact": [1, 1], "time": [0.0, 20.0], "sender": ["buyer", "agent"]}),
        answers=pd.DataFrame({"question": ["q"], "agent": ["A"], "wording": ["w"], "votes": [5]}),
        feedback=pd.DataFrame({"department": ["x"], "status": ["open"], "due": [None]}),
        promises=pd.DataFrame(
            {"promise": ["p"], "agent": ["A"], "made": [opening], "due": [opening], "kept": [pd.NaT]}
        ),
        pushes=pd.DataFrame({"week": [DAY], "item": ["pan"], "script": ["s"]}),
        push_sales=pd.DataFrame({"day": [DAY], "item": ["pan"], "inquiries": [5], "orders": [1], "sales_cny": [9.0]}),
        reminders=pd.DataFrame({"day": [DAY], "agent": ["A1"], "reminded": [9], "paid_after": [4], "sales_cny": [8]}),
        second_sales=pd.DataFrame({"lever": ["second_gift"], "orders": [2], "sales_cny": [60.0]}),
        audit=pd.DataFrame({"question": ["role_known"], "score": [4]}),
        actions=pd.DataFrame(
            {"lesson": ["l"], "action": ["a"], "owner": ["o"], "due": [DAY], "card": ["c"], "done": [False]}
        ),
    )  # fmt: skip


def test_a_whole_night_has_every_table(record, plan):
    """Every part of the record comes out as a table, what it says comes in both languages, nothing is missing."""
    people = pd.DataFrame({"agent_id": record.agent_day["agent"], "exam_score": range(12)})
    learned = learn_from_night(load_store("tests/stores/a1"), NightFigures(promo="x", ratios={"conversion": 0.4}))
    result = work_out_retrospective(replace(record, write_back=learned), people=people, platforms=["tmall"], **plan)
    assert result.missing == ()
    assert set(result.tables) == {
        *("payment_lag", "second_orders", "variance", "variance_groups", "variance_lost", "variance_rate"),
        *("compare_actuals", "heads_actual", "requirement_judged", "incident_costs", "platform_scores_actual"),
        *("weeks", "questions", "wordings"),
        *("feedback", "promises", "main_push", "load", "reliefs", "daily_board", "outliers", "traits", "self_audit"),
        *("review_actions", "write_back", "second_sales", "reminders"),
    }  # fmt: skip
    assert all(isinstance(table, pd.DataFrame) for table in result.tables.values())
    gap = record.actual.sales_cny - result.figures["planned_cny"]
    assert result.tables["variance"]["effect_cny"].sum() == pytest.approx(gap, abs=0.006)
    assert result.provisional
    for lang in ("zh", "en"):
        messages = [finding.text(lang) for finding in result.findings]
        assert all(messages)
        assert len(set(messages)) == len(messages)
    assert any("发票" in finding.text("zh") for finding in result.findings)


def test_on_d_plus_9_the_same_page_is_final_and_marks_what_changed(record, plan):
    """The second review takes the first one's settlement and shows both side by side."""
    small = NightRecord(orders=record.orders)
    first = work_out_retrospective(small, **plan)
    second = work_out_retrospective(
        small, first_review=first.settlement, **(plan | {"today": DAY + dt.timedelta(days=9)})
    )
    assert first.provisional
    assert not second.provisional
    assert set(second.tables["reviews"].columns) == {
        "order_figure",
        "unit",
        "first_review",
        "second_review",
        "review_change",
        "changed",
    }


def test_what_nobody_gave_is_named_and_the_rest_is_shown(record, plan):
    """With nothing but actuals there is the table of contacts, and the other parts are listed as missing."""
    result = work_out_retrospective(NightRecord(actuals=record.actuals), **plan)
    assert set(result.tables) == {"compare_actuals"}
    assert set(result.missing) == set(GIVEN) - {"actuals"}
    assert result.fit is not None
    empty = work_out_retrospective(NightRecord(), **plan)
    assert (dict(empty.tables), empty.findings, set(empty.missing)) == ({}, (), set(GIVEN))


def test_bad_data_become_findings_and_never_a_traceback(record, plan):
    """Another promo's night, orders twice, wrong audit and feedback: a sentence each, and the good parts come out."""
    other = record.actual.night
    other = replace(other, grid=replace(other.grid, opens=other.grid.opens + pd.Timedelta("7D")))
    bad = replace(
        record,
        actual=replace(record.actual, night=other),
        orders=pd.concat([record.orders, record.orders]),
        audit=pd.DataFrame({"question": ["nothing"], "score": [1]}),
        feedback=record.feedback.assign(status="gone"),
        answers=record.answers.drop(columns="votes"),
        actuals=record.actuals.assign(start=record.actuals["start"] + pd.Timedelta("30D")),
        served=record.served.assign(agent_id="Q" + record.served["agent_id"]),
    )
    result = work_out_retrospective(bad, **plan)
    messages = " ".join(finding.text("en") for finding in result.findings)
    for words in ("not the same promo", "stand twice", "no question nothing", "status “gone”", "missing: votes"):
        assert words in messages
    assert "another promo's" in messages
    assert "another roster" in messages
    assert "questions" in result.tables
    assert "variance" not in result.tables
    assert "compare_actuals" not in result.tables


def test_lists_without_their_columns_become_findings(plan):
    """Every table of the record given without its columns is named as such, each once."""
    tables = {name: pd.DataFrame({"nothing": [1]}) for name in GIVEN if name != "actual"}
    result = work_out_retrospective(NightRecord(**tables, push_sales=pd.DataFrame()), **plan)
    messages = [finding.text("en") for finding in result.findings]
    assert len(messages) == len(tables)
    assert all("columns are missing" in text for text in messages)
    assert dict(result.tables) == {}


def test_a_result_cannot_be_changed(record, plan):
    """The result is frozen, and the record that went in is as it was."""
    result = work_out_retrospective(NightRecord(), **plan)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.tables = {}
