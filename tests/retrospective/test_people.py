"""Load and fatigue, reliefs, outliers, the daily board, and what results hang on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from simlib.retrospective.people import (
    build_daily_board,
    find_outliers,
    limit,
    measure_load,
    plan_relief,
    relate_results,
    relief_findings,
    sum_reminders,
)


def at(text):
    return pd.Timestamp(f"2026-11-11 {text}", tz="Asia/Shanghai")


def shift(agent, *spans):
    return [{"agent_id": agent, "start": at(a), "end": at(b), "activity": "chat"} for a, b in spans]


ROSTER = pd.DataFrame(
    shift("A", ("14:00", "18:30"))
    + shift("B", ("14:00", "16:00"), ("16:30", "18:30"))
    + shift("C", ("18:00", "19:00"), ("19:00", "20:00"))
)
PEOPLE = pd.DataFrame({"agent_id": ["A", "B", "C"], "capacity": [4, 4, 2]})


def chats(agent, start, complaints):
    moments = [at(start) + pd.Timedelta(minutes=10 * index) for index in range(len(complaints))]
    return pd.DataFrame(
        {"agent": agent, "begun": moments, "ended": [m + pd.Timedelta(minutes=10) for m in moments],
         "complaint": complaints}
    )  # fmt: skip


CHATS = pd.concat([chats("A", "14:00", [False, False]), chats("C", "18:00", [True, True, True, False])])


def test_load_names_long_stretches_complaints_in_a_row_and_missed_breaks():
    """Four and a half hours without a break, three complaints in a row, and a normal shift."""
    load = measure_load(ROSTER, CHATS, PEOPLE).set_index("agent_id")
    assert load.loc["A", "longest_h"] == 4.5
    assert load.loc["A", "breaks_missed"] == 1
    assert load.loc["A", "load_index"] == pytest.approx(4.5 / limit("stretch_h_max"))
    assert load.loc["B", "breaks_missed"] == 0
    assert not load.loc["B", "relief"]
    assert load.loc["C", "complaints_row"] == 3
    assert load.loc["C", "longest_h"] == 2
    assert load.loc["C", "open_chats"] == pytest.approx(40 / 120)
    assert load["relief"].sum() == 2
    messages = relief_findings(load.reset_index())
    assert messages[0].text("en").startswith("2 of 3 agents reached a limit")
    assert "都没有到上限" in relief_findings(load[~load["relief"]])[0].text("zh")


def test_two_shifts_of_one_night_are_two():
    """The hours between two shifts are no shift without a break: four and four hours on chat miss none."""
    roster = pd.DataFrame(shift("E", ("00:00", "04:00"), ("18:00", "22:00")) + shift("F", ("00:00", "05:00")))
    load = measure_load(roster, None, PEOPLE).set_index("agent_id")
    assert load.loc["E", ["hours", "longest_h", "breaks_missed"]].tolist() == [8, 4, 0]
    assert load.loc["F", "breaks_missed"] == 1


def test_reliefs_come_after_hours_in_a_row_and_after_complaints_in_a_row():
    """One relief for the long stretch, one for the third complaint; none for a stretch that ends at the limit."""
    reliefs = plan_relief(ROSTER, CHATS)
    assert reliefs[["agent_id", "reason"]].to_numpy().tolist() == [["A", "stretch"], ["C", "complaints"]]
    assert reliefs["at"].tolist() == [at("18:00"), at("18:30")]
    assert ((reliefs["until"] - reliefs["at"]) == pd.Timedelta(minutes=limit("relief_min"))).all()
    exact = pd.DataFrame(shift("D", ("14:00", "18:00")))
    assert plan_relief(exact, CHATS).empty
    long = pd.DataFrame(shift("D", ("08:00", "20:00")))
    assert len(plan_relief(long, CHATS)) == 2


@pytest.fixture(scope="module")
def agent_day():
    rng = np.random.default_rng(2)
    rows = []
    for day in ("2026-11-10", "2026-11-11"):
        for agent in range(12):
            receptions = float(rng.poisson(120))
            rows.append(
                {"day": day, "agent": f"A{agent}", "receptions": receptions, "inquiries": receptions * 0.6,
                 "buyers_paid": receptions * 0.3, "sales_cny": receptions * 40, "mean_response_s": rng.normal(35, 3),
                 "chat_s": 200.0, "unanswered": 1.0}
            )  # fmt: skip
    table = pd.DataFrame(rows)
    table.loc[5, "mean_response_s"] = 140.0
    return table


def test_a_remote_day_that_stands_out_is_found(agent_day):
    """An agent four times as slow as the others is an outlier on that day, and no ordinary colleague is."""
    found = find_outliers(agent_day)
    assert found.iloc[0][["day", "agent", "figure"]].tolist() == ["2026-11-10", "A5", "mean_response_s"]
    assert len(found) <= 2


def test_ordinary_days_have_few_outliers_and_small_teams_none(agent_day):
    """Among normal figures a z of 3.5 is rare; fewer than five people have no usual spread."""
    rng = np.random.default_rng(4)
    many = pd.DataFrame({"day": np.repeat(np.arange(200), 30), "agent": np.tile(np.arange(30), 200)})
    many["mean_response_s"] = rng.normal(40, 5, len(many))
    assert len(find_outliers(many)) / len(many) < 0.01
    assert find_outliers(agent_day[agent_day["agent"].isin(["A4", "A5", "A6"])]).empty


def test_the_daily_board_divides_sums_and_weighs_by_receptions(agent_day):
    """Conversion of sums, response by receptions, saturation of chat time over time on duty."""
    hours = agent_day[["day", "agent"]].assign(hours=8.0)
    board = build_daily_board(agent_day, on_duty_h=hours).set_index("day")
    own = agent_day[agent_day["day"] == "2026-11-10"]
    row = board.loc["2026-11-10"]
    assert row["conversion"] == pytest.approx(0.5)
    weighted = (own["mean_response_s"] * own["receptions"]).sum() / own["receptions"].sum()
    assert row["mean_response_s"] == pytest.approx(weighted)
    assert row["saturation"] == pytest.approx((own["chat_s"] * own["receptions"]).sum() / 3600 / 96)
    assert row["unusual"] >= 1
    assert row["agents"] == 12


def test_the_board_has_the_time_online_the_unpaid_and_the_reminders(agent_day):
    """Saturation over the exported time online comes before the roster's; unpaid and reminded orders by day."""
    online = agent_day.assign(online_s=9 * 3600.0, buyers_ordered=agent_day["buyers_paid"] + 2)
    online.loc[online["day"] == "2026-11-11", "online_s"] = np.nan
    hours = pd.DataFrame({"day": ["2026-11-10", "2026-11-11"], "hours": 50.0})
    reminders = pd.DataFrame(
        {"day": ["2026-11-11"] * 3, "agent": ["A1", "A2", "A2"], "reminded": [20, 6, 4], "paid_after": [5, 4, 3],
         "sales_cny": [500.0, None, None]}
    )  # fmt: skip
    board = build_daily_board(online, on_duty_h=hours, reminders=reminders).set_index("day")
    chat_h = (online["chat_s"] * online["receptions"]).groupby(online["day"]).sum() / 3600
    assert board.loc["2026-11-10", "saturation"] == pytest.approx(chat_h["2026-11-10"] / (12 * 9))
    assert board.loc["2026-11-11", "saturation"] == pytest.approx(chat_h["2026-11-11"] / 50)
    assert board["ordered_unpaid"].tolist() == [24, 24]
    assert board.loc["2026-11-11", ["reminded", "paid_after_share"]].tolist() == [30, 0.4]
    assert board.loc["2026-11-10", ["reminded", "paid_after_share"]].isna().all()
    by_agent = sum_reminders(reminders)
    assert by_agent["agent"].tolist() == ["A2", "A1"]
    assert by_agent["paid_after_share"].tolist() == [0.7, 0.25]


def test_what_results_hang_on_is_found_only_where_it_is_there():
    """Speed that follows the exam is clear with thirty people; pure chance seldom is."""
    rng = np.random.default_rng(8)
    clear = 0
    for _ in range(100):
        people = pd.DataFrame({"agent_id": range(30), "exam_score": rng.uniform(60, 100, 30)})
        results = pd.DataFrame({"agent_id": range(30), "chance": rng.normal(size=30)})
        results["speed"] = people["exam_score"] + rng.normal(0, 5, 30)
        table = relate_results(people, results).set_index("figure")
        assert table.loc["speed", "clear"]
        clear += bool(table.loc["chance", "clear"])
    assert clear <= 12
