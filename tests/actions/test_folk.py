"""Rules of thumb and plausibility: the arithmetic by hand, the night with a rule's heads, the past whatever its age."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from simlib.actions.folk import RULES, UsualDay, folk_heads, seat_curve, work_out_folk
from simlib.actions.plausibility import work_out_plausibility
from simlib.messages import HOUSE, LANGS
from simlib.staffing import list_out
from simlib.store import load_store
from simlib.store.models import DateSpan

DAY = dt.date(2026, 10, 31)


@pytest.fixture(scope="module")
def need(short_night):
    """A requirement of a head for each forty contacts that people answer, at least one."""
    rows = short_night.forecast.assign(human=short_night.forecast["contacts"] * 0.7)
    return rows.assign(on_chat=np.maximum(1, np.ceil(rows["human"] / 12)))


def test_the_rules_by_hand():
    """An ordinary peak of 88 an hour is four heads; the promo is four times the day and 660 an hour at its peak."""
    usual = UsualDay(day=1000, peak_h=88, promo_day=4000, promo_peak_h=660)
    heads = folk_heads(usual, per_hour=22, one_by_one=120, concurrency=5)
    assert heads == {"usual_growth": 12, "usual_peak": 6, "per_hour": 30, "by_concurrency": 24}
    assert set(heads) == set(RULES)


def test_seats_follow_the_curve(short_night, need):
    """As many people chat in each half hour and queue as the curve has heads."""
    heads = need["on_chat"].to_numpy()
    agents = seat_curve(short_night, need, heads)
    starts = short_night.grid.seconds(need["start"])
    queues = list(short_night.queues)
    for at, queue, wanted in zip(starts, need["queue"], heads, strict=True):
        on = agents.shifts[(agents.shifts["start"] <= at) & (agents.shifts["end"] > at)]
        assert (np.asarray(agents.skill)[on["agent"], queues.index(queue)] > 0).sum() == wanted


def test_fewer_heads_lose_more(short_night, need):
    """On the same buyers the night with the heads of a low rule loses clearly more than with the requirement."""
    heads = {"usual_growth": 3, "usual_peak": 2, "per_hour": 8, "by_concurrency": 4}
    found = work_out_folk(short_night, need=need, heads=heads, seed=7, replications=3)
    table = found.table.set_index("folk_rule")
    assert table.loc["folk_usual_peak", "sales_lost"] > table.loc["folk_need", "sales_lost"]
    assert table.loc["folk_usual_peak", "heads_less"] == table.loc["folk_need", "heads"] - 2
    assert (table["sales_lost_low"] <= table["sales_lost"]).all()
    for lang in LANGS:
        [text] = [message.text(lang) for message in found.findings]
        assert "{" not in text
        assert "2" in text


def history(day, counts):
    """Make counts by day, the last of them on a day."""
    days = pd.date_range(end=pd.Timestamp(day, tz="Asia/Shanghai"), periods=len(counts))
    return pd.Series(counts, index=days, dtype=float)


def test_the_plan_beside_the_past_whatever_its_age():
    """2,243 planned where 1,120 came on the busiest day ever, 369 days ago, is doubtful and said so in one sentence."""
    counts = history(DAY - dt.timedelta(days=3), [300.0] * 400)
    last_year = counts.index[counts.index.date == DAY - dt.timedelta(days=369)]
    counts[last_year] = 1120.0
    found = work_out_plausibility(
        planned={"presale": 2243.0},
        history={"presale": counts},
        promo_days={"2025": [DAY - dt.timedelta(days=369)]},
        uplift=4.0,
        ratios={"conversion": (0.45, 0.4, "share"), "order_value": (1280.0, 300.0, "CNY")},
        day=DAY,
    )
    table = found.table.set_index("plausibility")
    assert table.loc["past_busiest_day", "past_age_days"] == 369
    assert table.loc["past_busiest_day", "ratio_to_past"] == pytest.approx(2243 / 1120)
    assert not table.loc["past_busiest_day", "plausible"]
    assert not table.loc["past_order_value", "plausible"]
    assert table.loc["past_conversion", "plausible"]
    assert table.loc["past_usual_day", "past"] == pytest.approx(1200)
    assert table.loc["past_growth", "in_plan"] == pytest.approx(2243 / 1120)
    assert table.loc["past_growth", "past"] == pytest.approx(1.0)
    assert found.doubtful == (~found.table["plausible"]).sum()
    for lang in LANGS:
        texts = [message.text(lang) for message in found.findings]
        assert len(texts) == 1 + found.doubtful  # what fits is one sentence
        assert str(len(table) - found.doubtful) in texts[0]
        assert any("2,243" in text and "1,120" in text for text in texts[1:])
        assert all("{" not in text and "nan" not in text for text in texts)


def test_no_history_is_no_row():
    """A store without a past gets an empty table, not an error."""
    found = work_out_plausibility(planned={"presale": 10.0}, history={}, promo_days={}, uplift=3.0, ratios={}, day=DAY)
    assert found.table.empty
    assert found.findings == []


def test_who_is_out_is_listed_person_by_person():
    """Exam, QA, leave, a late start, a skill without forecast, another shift, none: each with a way back and a day."""
    store = load_store(HOUSE / "templates" / "stores" / "bodycare")
    ready = [agent for agent in store.agents if agent.qa_pass and (agent.exam_score or 0) >= 90][:7]
    leave = (DateSpan(first=DAY, last=DAY),)
    changes = [
        {"exam_score": 10.0},
        {"qa_pass": None},
        {"leave": leave},
        {"starts_on": DAY + dt.timedelta(days=1)},
        {"skill_1": "escalation", "skill_2": None, "skill_3": None},
        {},
        {},
    ]
    free = {"leave": (), "starts_on": None}
    people = [agent.model_copy(update=free | change) for agent, change in zip(ready, changes, strict=True)]
    start = pd.Timestamp("2026-10-31 20:00", tz="Asia/Shanghai")
    rows = [
        {"agent_id": people[5].agent_id, "start": start - pd.Timedelta(hours=8), "end": start, "activity": "chat"},
    ]
    given = {"day": DAY, "queues": ("presale", "aftersale"), "roster": pd.DataFrame(rows)}
    given |= {"start": start, "end": start + pd.Timedelta(minutes=30)}
    small = store.model_copy(update={"agents": tuple(people)})
    out = list_out(small, today=dt.date(2026, 10, 1), **given)
    reasons = ["out_exam", "out_qa", "out_leave", "out_not_started", "out_no_forecast", "out_elsewhere", "out_off"]
    assert out["out_reason"].tolist() == [[reason] for reason in reasons]
    assert out["can_return"].tolist() == [True, True, True, False, True, True, True]
    late = list_out(small, today=DAY, **given)
    assert not late["can_return"].any()
    serving = given | {"roster": pd.DataFrame([rows[0] | {"end": start + pd.Timedelta(hours=1)}])}
    assert people[5].agent_id not in set(list_out(small, today=DAY, **serving)["agent_id"])
