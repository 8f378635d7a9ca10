"""The chapter's result: everything by name in one place, and findings instead of failures."""

import datetime as dt

import pandas as pd
import pytest

from simlib.goals.result import Month, work_out_goals
from simlib.messages import LANGS, glossary
from tests.goals.test_pay import AUGUST, REWARDS, TEAM
from tests.goals.test_scores import FULL
from tests.goals.test_targets import AGENTS, DAY, ROSTER, demand


def night(number, factor):
    return demand().assign(
        night=number, receptions=lambda t: t["human"] * factor, sales_cny=lambda t: t["human"] * 200 * factor
    )


def result(**more):
    nights = pd.concat([night(number, factor) for number, factor in enumerate((0.8, 1.0, 1.3))])
    return work_out_goals(
        sales_cny=100_000,
        receptions=540,
        roster=ROSTER,
        agents=AGENTS,
        demand=demand(),
        day=DAY,
        nights=nights[nights["start"].dt.date == DAY],
        **more,
    )


def month():
    results = pd.DataFrame(TEAM).assign(**FULL, effective_hours=10)
    schemes = pd.concat(
        [
            REWARDS,
            pd.DataFrame(
                [
                    REWARDS.iloc[-1].to_dict() | {"scheme": "bad", "amount_cny": -1},
                    REWARDS.iloc[6].to_dict() | {"scheme": "rank", "metric": "gone", "group": None, "where": None},
                ]
            ),
        ]
    )
    months = [(dt.date(2026, m, 1), p, 1 + (p == "B"), 90 + (p == "B"), 90) for m in (5, 6, 7) for p in "AB"]
    return Month(
        schemes=schemes,
        results=results.assign(gone=[1, 2, None, 4, 5, 6]),
        period=AUGUST,
        evidence=pd.DataFrame([{"person": "A", "day": "2026-08-03", "points": 1, "reason": "r"}]),
        qa=pd.DataFrame({"person": ["A"], "week": [1], "score": [96]}),
        grades=pd.DataFrame({"person": ["A"], "grade": ["P3"], "since": ["2025-01-01"]}),
        events=pd.DataFrame({"person": [], "day": [], "kind": []}),
        months=pd.DataFrame(months, columns=["month", "person", "sales_cny", "score", "exam"]),
        budget_nights={"likely": [results.assign(gone=1)]},
    )


def test_targets_alone_need_no_month():
    found = result()
    assert set(found.tables) == {"team_targets", "half_hours", "personal_targets", "cohorts", "efficiency", "chances"}
    assert found.figures["cs_sales_cny_stretch"] == pytest.approx(115_000)
    assert found.figures["receptions_floor_chance"] == pytest.approx(2 / 3)
    assert found.payouts is None
    assert found.tables["efficiency"].iloc[-1]["sales_cny"] == pytest.approx(100_000)


def test_a_whole_month_is_worked_out_and_what_is_wrong_is_a_finding():
    found = result(month=month())
    assert {"payouts", "payroll", "totals", "figure_sources", "refused", "budget", "bonus_per_hour"} <= set(
        found.tables
    )
    assert {"scores", "score_items", "sampling", "grades", "lacking"} <= set(found.tables)
    assert found.figures["paid_cny"] == float(sum(found.tables["totals"]["amount_cny"])) == 800
    assert found.figures["schemes_refused"] == 1
    assert found.figures["provisional_cny"] == 300
    keys = [one.key for one in found.findings]
    assert keys[:2] == ["goals.refused", "goals.provisional"]
    assert {"goals.ledger_lacks", "goals.last_in_sales"} <= set(keys)
    for lang in LANGS:
        assert all(one.text(lang) for one in found.findings)


def test_the_columns_of_the_tables_are_in_the_glossary():
    tables = result(month=month()).tables
    columns = {name for table in tables.values() for name in table.columns}
    named = {name.removesuffix("_zh").removesuffix("_en") for name in columns}
    assert sorted(named - set(glossary())) == []


def test_a_target_of_a_kpi_that_nobody_knows_does_not_end_the_chapter():
    """The store's own sheet lets it pass with a notice; it stands among the targets without a unit."""
    goals = pd.DataFrame({"kpi": ["smiles"], "queue": [None], "floor": [1.0], "stretch": [2.0]})
    table = result(goals=goals).tables["team_targets"].set_index("kpi")
    assert table.loc["smiles", ["floor", "stretch", "unit"]].tolist() == [1, 2, ""]
