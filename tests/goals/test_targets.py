"""Targets: floor and stretch of team, half hour, cohort and person, and the chance of reaching them."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from simlib.goals.targets import (
    chance_of_reaching,
    cohort_targets,
    compare_efficiency,
    half_hour_targets,
    paid_hours,
    seat_shares,
    set_targets,
    split_targets,
    team_targets,
)

DAY = dt.date(2026, 10, 31)


def at(text, day=31):
    return pd.Timestamp(f"2026-10-{day} {text}", tz="Asia/Shanghai")


def segment(agent, start, end, queue="presale", activity="chat"):
    return {"agent_id": agent, "queue": queue, "start": start, "end": end, "activity": activity}


MIDNIGHT = at("00:00") + pd.Timedelta(days=1)
ROSTER = pd.DataFrame(
    [
        segment("E", at("18:00"), at("20:30")),
        segment("E", at("20:30"), at("21:00"), activity="meal"),
        segment("E", at("21:00"), MIDNIGHT),
        segment("F", at("20:00"), MIDNIGHT),
        segment("N", at("22:00"), MIDNIGHT + pd.Timedelta(hours=4)),
        segment("S", at("20:00"), at("22:00"), queue="aftersale"),
    ]
)
AGENTS = pd.DataFrame(
    {"agent_id": list("EFNS"), "name": list("EFNS"), "cohort": ["own", "own", "student", "temp"], "speed": [1, 2, 1, 1]}
)


def demand():
    starts = pd.date_range(at("18:00"), MIDNIGHT + pd.Timedelta(hours=3.5), freq="30min")
    presale = [5.0] * 4 + [100.0] * 4 + [20.0] * 4 + [50.0] * 8
    rows = [(start, "presale", human) for start, human in zip(starts, presale, strict=True)]
    rows += [(start, "aftersale", 10.0) for start in starts[4:8]]
    return pd.DataFrame(rows, columns=["start", "queue", "human"])


def test_each_column_of_the_split_adds_up_to_the_team():
    targets = set_targets(sales_cny=100_000, receptions=1000)
    for more in ({}, {"demand": demand()}, {"demand": demand(), "day": DAY}):
        people = split_targets(targets, roster=ROSTER, agents=AGENTS, **more)
        assert people["cs_sales_cny_floor"].sum() == pytest.approx(100_000)
        assert people["receptions_stretch"].sum() == pytest.approx(1150)
        assert people.set_index("agent_id").loc["S", "cs_sales_cny_floor"] == 0


def test_the_night_agent_carries_what_comes_in_the_hours_they_sit_in():
    targets = set_targets(sales_cny=100_000, receptions=1000)
    by_hours = split_targets(targets, roster=ROSTER, agents=AGENTS).set_index("agent_id")
    by_demand = split_targets(targets, roster=ROSTER, agents=AGENTS, demand=demand(), day=DAY).set_index("agent_id")
    # By hand: 22:00-24:00 has 80 presale buyers, speed 1 of 1 + 2 + 1, so N carries 20 of 500.
    assert by_demand.loc["N", "cs_sales_cny_floor"] == pytest.approx(100_000 * 20 / 500)
    # E alone 18:00-20:00: 20; 20:00 a third; 20:30 at the meal: none; 21:00-22:00 a third; then a quarter.
    assert by_demand.loc["E", "cs_sales_cny_floor"] == pytest.approx(100_000 * (20 + 100 / 3 + 200 / 3 + 20) / 500)
    assert by_hours.loc["N", "cs_sales_cny_floor"] > 5 * by_demand.loc["N", "cs_sales_cny_floor"]


def test_shares_of_a_seated_interval_add_up_to_one_against_brute_force():
    shares = seat_shares(ROSTER, AGENTS, demand()["start"])
    sums = shares.groupby(["start", "queue"])["share"].sum()
    np.testing.assert_allclose(sums, 1.0)
    speed = AGENTS.set_index("agent_id")["speed"]
    for row in shares.itertuples():
        minutes = {}
        for piece in ROSTER[(ROSTER["queue"] == row.queue) & (ROSTER["activity"] == "chat")].itertuples():
            for minute in range(30):
                if piece.start <= row.start + pd.Timedelta(minutes=minute) < piece.end:
                    minutes[piece.agent_id] = minutes.get(piece.agent_id, 0) + 1
        weights = {agent: count * speed[agent] for agent, count in minutes.items()}
        assert row.share == pytest.approx(weights[row.agent_id] / sum(weights.values()))
        assert row.hours == pytest.approx(minutes[row.agent_id] / 60)


def test_who_can_serve_a_queue_carries_it_from_another_seat_too():
    """S sits at after-sale and can serve presale: the floor sends presale buyers there, and the target follows."""
    skilled = AGENTS.assign(skill_1=["presale"] * 3 + ["aftersale"], skill_2=[None, None, None, "presale"])
    people = split_targets(
        set_targets(sales_cny=100_000, receptions=540), roster=ROSTER, agents=skilled, demand=demand(), day=DAY
    ).set_index("agent_id")
    # By hand, speeds E 1, F 2, N 1, S 1, S from 20:00 to 22:00: a quarter, a third at E's meal, two quarters of 100.
    assert people.loc["S", "cs_sales_cny_floor"] == pytest.approx(100_000 * (25 + 100 / 3 + 50) / 500)
    assert people.loc["S", "receptions_floor"] == pytest.approx(25 + 100 / 3 + 50 + 40)
    assert people["cs_sales_cny_floor"].sum() == pytest.approx(100_000)
    shares = seat_shares(ROSTER, skilled, demand()["start"])
    np.testing.assert_allclose(shares.groupby(["start", "queue"])["share"].sum(), 1.0)


def test_half_hours_and_cohorts_add_up_too():
    targets = set_targets(sales_cny=100_000, receptions=1000)
    slots = half_hour_targets(targets, demand=demand(), day=DAY)
    assert len(slots) == 12
    assert slots["cs_sales_cny_floor"].sum() == pytest.approx(100_000)
    assert slots.set_index("start").loc[at("20:00"), "receptions_floor"] == pytest.approx(1000 * 110 / 540)
    people = split_targets(targets, roster=ROSTER, agents=AGENTS, demand=demand(), day=DAY)
    cohorts = cohort_targets(people).set_index("cohort")
    assert cohorts.index[-1] == "all"
    assert cohorts.loc["all", "cs_sales_cny_stretch"] == pytest.approx(115_000)
    assert cohorts.loc["own", "heads"] == 2


def test_the_store_s_own_stretch_is_used_and_a_default_is_marked_ours():
    goals = pd.DataFrame(
        {
            "kpi": ["service_level", "first_response", "cs_sales_cny", "lost_share", "receptions"],
            "queue": [None, "presale", None, None, None],
            "floor": [0.8, 30.0, 90_000, 0.05, 2000],
            "stretch": [None, 20.0, None, None, 2100],
        }
    )
    table = team_targets(sales_cny=1.0, receptions=1.0, goals=goals).set_index("kpi")
    assert table.loc["first_response"].tolist() == ["presale", 30, 20, "store", "store"]
    assert table.loc["service_level", "stretch"] == pytest.approx(0.83)
    assert table.loc["lost_share", "stretch"] == pytest.approx(0.0425)
    assert table.loc["cs_sales_cny", "stretch"] == pytest.approx(103_500)
    assert table.loc["cs_sales_cny", "stretch_source"] == "ours"
    assert table.loc["receptions", "stretch"] == 2100
    assert set_targets(sales_cny=1, receptions=1, stretch=0)["stretch"].tolist() == [1, 1]
    with pytest.raises(ValueError, match="stretch must be >= 0"):
        set_targets(sales_cny=1, receptions=1, stretch=-0.1)


@pytest.mark.parametrize("kpi", ["mean_response", "first_response_s", "mean_response_s", "complaints", "dispute_rate"])
def test_a_stretch_asks_for_less_of_what_is_better_low(kpi):
    """Seconds of a person's export and complaints are better low, as the night's own seconds are."""
    goals = pd.DataFrame({"kpi": [kpi], "queue": [None], "floor": [40.0], "stretch": [None]})
    table = team_targets(sales_cny=1.0, receptions=1.0, goals=goals).set_index("kpi")
    assert table.loc[kpi, "stretch"] == pytest.approx(34.0)


def test_meals_are_no_paid_hours_and_nobody_paid_has_no_rate():
    hours = paid_hours(ROSTER).set_index("agent_id")["paid_hours"]
    assert hours.to_dict() == {"E": 5.5, "F": 4.0, "N": 6.0, "S": 2.0}
    people = pd.DataFrame({"cohort": ["own"], "paid_hours": [0.0], "sales_cny": [10.0], "receptions": [1]})
    assert compare_efficiency(people)["sales_cny_paid_hour"].isna().all()


def test_chances_count_the_nights_of_team_and_person():
    shares = seat_shares(ROSTER, AGENTS, demand()["start"])
    factors = [0.5, 0.95, 1.0, 1.2]
    nights = pd.concat(
        [
            demand()[demand()["start"].dt.date == DAY].assign(
                night=number,
                receptions=lambda t, f=factor: t["human"] * f,
                sales_cny=lambda t, f=factor: t["human"].where(t["queue"] == "presale", 0.0) * 200 * f,
            )
            for number, factor in enumerate(factors)
        ]
    )
    targets = set_targets(sales_cny=100_000, receptions=540)
    people = split_targets(targets, roster=ROSTER, agents=AGENTS, demand=demand(), day=DAY)
    table, found = chance_of_reaching(nights, targets, people=people, shares=shares)
    team = table[table["agent_id"] == "all"].set_index("kpi")
    assert team.loc["cs_sales_cny", ["floor_chance", "stretch_chance"]].tolist() == [0.5, 0.25]
    night = table[(table["agent_id"] == "N") & (table["kpi"] == "cs_sales_cny")].iloc[0]
    assert (night["floor_chance"], night["stretch_chance"], night["nights"]) == (0.5, 0.25, 4)
    assert "S" not in set(table.loc[table["kpi"] == "cs_sales_cny", "agent_id"])
    assert found == ()
    easy = set_targets(sales_cny=1, receptions=1_000_000)
    messages = [one.text("en") for one in chance_of_reaching(nights, easy)[1]]
    assert len([text for text in messages if "it can be raised" in text]) == 2
    assert len([text for text in messages if "lower it" in text]) == 2


def test_nights_by_person_are_taken_as_they_are():
    nights = pd.DataFrame(
        {"night": [0, 0, 1], "agent_id": ["A", "B", "A"], "receptions": [10, 5, 4], "sales_cny": [1, 1, 1]}
    )
    targets = set_targets(sales_cny=1, receptions=10)
    people = pd.DataFrame(
        {"agent_id": ["A", "B"]}
        | {f"{kpi}_{level}": [5.0, 5.0] for kpi in ("receptions", "cs_sales_cny") for level in ("floor", "stretch")}
    )
    table, _ = chance_of_reaching(nights, targets, people=people)
    own = table[(table["kpi"] == "receptions")].set_index("agent_id")["floor_chance"]
    assert own.to_dict() == {"all": 0.5, "A": 0.5, "B": 0.5}
    with pytest.raises(ValueError, match="at least one night"):
        chance_of_reaching(nights.iloc[:0], targets)
    with pytest.raises(ValueError, match="need shares"):
        chance_of_reaching(nights.drop(columns="agent_id"), targets, people=people)
