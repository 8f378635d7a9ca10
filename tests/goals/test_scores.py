"""Scores, the ledger, quality assurance and grades."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simlib import facts
from simlib.goals.grades import (
    competition_months,
    grade_ladder,
    law_text,
    review_grades,
    stage_kpis,
    stage_pay,
)
from simlib.goals.quality import plan_sampling, qa_score, qa_standard, stars_of, step_coverage, suggest_courses
from simlib.goals.scores import combine_score, read_ledger, score_sheet, work_out_scores
from simlib.messages import UserError, glossary

FULL = {
    "conversion": 0.54,
    "mean_response_s": 14,
    "second_sales_cny": 5000,
    "reply_ratio": 1.4,
    "own_learning": 3,
    "training_shared": 3,
    "cooperation": 90,
    "attendance": 1,
}


def test_88_90_95_and_2_are_91_8():
    score, terms = combine_score({"data": 88, "learning": 90, "team": 95}, adjustment=2)
    assert (score, terms) == (Decimal("91.80"), (Decimal("52.80"), Decimal(18), Decimal(19), Decimal(2)))


@pytest.mark.parametrize(
    ("parts", "weights", "why"),
    [
        ({"data": 88, "learning": 90, "team": 95}, {"data": 0.6, "learning": 0.2, "team": 0.3}, "add up to 1.1"),
        ({"data": 88, "learning": 90, "team": 95}, {"data": 1.2, "learning": -0.2, "team": 0}, "none below 0"),
        ({"data": 88, "learning": 90}, None, "needed for data, learning, team"),
        ({"data": 100.01, "learning": 90, "team": 95}, None, "must lie in 0 to 100"),
    ],
)
def test_a_score_of_wrong_weights_or_marks_is_refused(parts, weights, why):
    with pytest.raises(UserError, match=why):
        combine_score(parts, weights=weights)


@given(st.lists(st.decimals(0, 100, places=2), min_size=3, max_size=3), st.decimals(-20, 20, places=2))
@settings(deadline=None, max_examples=60)
def test_a_score_lies_in_0_to_100_plus_the_bonus(marks, bonus):
    score, terms = combine_score(dict(zip(("data", "learning", "team"), marks, strict=True)), adjustment=bonus)
    assert bonus - Decimal("0.01") <= score <= 100 + bonus + Decimal("0.01")
    assert abs(sum(terms) - score) <= Decimal("0.02")


@pytest.mark.parametrize("sheet", ["presale", "aftersale"])
def test_the_weights_of_a_sheet_are_60_20_20(sheet):
    items = score_sheet(sheet)
    sums = {part: sum(item.weight for item in items if item.part == part) for part in ("data", "learning", "team")}
    assert sums == {"data": Fraction("0.6"), "learning": Fraction("0.2"), "team": Fraction("0.2")}


@pytest.mark.parametrize(
    ("seconds", "points"), [(13.9, 100), (14, 100), (14.01, 80), (16, 80), (16.01, 60), (18, 60), (18.01, 0)]
)
def test_a_band_where_lower_is_better(seconds, points):
    item = next(item for item in score_sheet("presale") if item.key == "mean_response_s")
    assert item.points(Fraction(str(seconds))) == points


def test_linear_points_lie_between_the_bounds():
    item = score_sheet("presale")[0]
    assert item.points(Fraction("0.46"), linear=True) == 70
    assert item.points(Fraction("0.9"), linear=True) == 100
    assert item.points(Fraction("0.1"), linear=True) == 0


def test_scores_of_people_and_what_is_missing():
    results = [{"person": "A", **FULL}, {"person": "B", **FULL, "conversion": 0.45, "attendance": None}]
    ledger = pd.DataFrame([{"person": "A", "points": 2}, {"person": "A", "points": "-0.5"}])
    found = work_out_scores(results, ledger=ledger)
    first = found.scores.iloc[0]
    assert first[["data_score", "learning_score", "team_score", "bonus", "score"]].tolist() == [
        100,
        100,
        100,
        Decimal("1.5"),
        Decimal("101.5"),
    ]
    second = found.scores.iloc[1]
    assert second["score"] is None
    assert second["data_score"] == 90
    assert second["lacks"] == "attendance"
    assert "left open" in found.findings[0].text("en")
    own = found.items[found.items["person"] == "A"]
    assert own["weighted"].sum() == pytest.approx(100)


def test_a_store_has_its_own_sheet():
    sheets = pd.DataFrame(
        [
            {"sheet": "vip", "part": "data", "item": "x", "weight": 0.6, "better": "higher", "bands": "1:50；2:100"},
            {"sheet": "vip", "part": "team", "item": "y", "weight": 0.4, "better": "lower", "bands": "5:100; 9:10"},
        ]
    )
    found = work_out_scores([{"person": "A", "sheet": "vip", "x": 1, "y": 9}], sheets=sheets)
    assert found.scores["score"].tolist() == [Decimal(34)]
    crossed = sheets.assign(bands=["1:100;2:50", "5:100;9:10"])
    with pytest.raises(UserError, match="the bands cross"):
        score_sheet("vip", crossed)
    with pytest.raises(UserError, match=r"add up to 0\.9"):
        score_sheet("vip", sheets.assign(weight=[0.6, 0.3]))
    with pytest.raises(UserError, match="no score sheet gold"):
        score_sheet("gold", sheets)


def test_the_ledger_needs_evidence_and_a_rule_before_its_breach():
    entry = {"person": "A", "day": "2026-08-05", "points": 2, "reason": "helped", "evidence": "e", "entered_by": "L"}
    rows = [
        entry,
        entry | {"evidence": None},
        entry | {"points": -2, "rule": "R1"},
        entry | {"points": -2, "rule": "R1", "day": "2026-08-01"},
        entry | {"points": -2, "rule": "R9"},
        entry | {"points": "many"},
    ]
    rules = pd.DataFrame([{"rule": "R1", "announced_on": "2026-08-02"}])
    kept, found = read_ledger(rows, rules=rules)
    assert kept["points"].tolist() == [2, -2]
    texts = [one.text("en") for one in found]
    assert [text[:8] for text in texts] == ["Row 3 of", "Row 5 of", "Row 6 of", "Row 7 of"]
    assert "announced on 2026-08-02" in texts[1]


# --- quality assurance ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_standard_has_eight_and_six_steps_and_100_points(lang):
    presale, aftersale = qa_standard("presale", lang), qa_standard("aftersale", lang)
    assert (presale["group"] == "steps").sum() == 8
    assert set(aftersale["item"]) >= {"retention", "closing", "accuracy", "attitude"}
    assert (aftersale["group"] == "steps").sum() - 1 == 6
    assert presale["points"].sum() == aftersale["points"].sum() == 100
    assert presale["rule"].str.len().min() > 3


def test_qa_marks_are_checked():
    marks = dict.fromkeys(qa_standard("presale", "en")["item"], 0.5)
    assert qa_score(marks, sheet="presale") == 50
    with pytest.raises(ValueError, match="must be given for"):
        qa_score({"greeting": 1}, sheet="presale")
    with pytest.raises(ValueError, match="0 to 1"):
        qa_score(marks | {"greeting": 2}, sheet="presale")


def test_stars_decide_next_week_s_sample():
    weeks = pd.DataFrame(
        [
            *(("five", week, 96) for week in (1, 2, 3)),
            *(("away", week, 96) for week in (1, 2)),
            ("low", 1, 90),
            ("low", 2, 70),
            ("low", 3, 60),
            *(("worst", week, 50) for week in (1, 2, 3)),
            ("mid", 3, 80),
        ],
        columns=["person", "week", "score"],
    )
    plan = plan_sampling(weeks, supervisors={"low": "Lead"}).set_index("person")
    assert plan["action"].to_dict() == {
        "five": "exempt",
        "away": "usual",
        "low": "coach",
        "worst": "improvement_plan",
        "mid": "usual",
    }
    assert plan["chats"].to_dict() == {"five": 0, "away": 10, "low": 30, "worst": 30, "mid": 10}
    assert plan.loc["low", ["stars", "weeks_low", "coach"]].tolist() == [1, 2, "Lead"]
    assert [stars_of(score) for score in (0, 100)] == [1, 5]


def test_steps_are_counted_by_their_words_in_the_agent_s_messages():
    messages = pd.DataFrame(
        [
            (1, "A", "agent", "您好，欢迎光临"),
            (1, "A", "buyer", "请问有优惠吗"),
            (1, "A", "agent", "这款有满减活动"),
            (2, "A", "agent", "亲，稍等"),
            (3, "B", "agent", "感谢支持，再见"),
        ],
        columns=["chat", "agent", "side", "text"],
    )
    table = step_coverage(messages, sheet="presale").set_index(["agent", "item"])
    assert table.loc[("A", "greeting"), ["chats", "found", "share"]].tolist() == [2, 1, 0.5]
    assert table.loc[("A", "asking"), "found"] == 0
    assert table.loc[("A", "bargaining"), "share"] == 0.5
    assert table.loc[("B", "farewell"), "share"] == 1.0


def test_courses_follow_the_faults_that_make_up_four_fifths():
    faults = pd.DataFrame(
        {"person": list("ABCABCABDE"), "item": ["verifying"] * 6 + ["asking"] * 2 + ["attitude", "own fault"]}
    )
    table, found = suggest_courses(faults)
    assert table["course"].tolist() == [True, True, False, False]
    assert found[0].text("zh").startswith("建议开课：核实（")
    assert "Asking (faults: 2; people: 2)" in found[1].text("en")


# --- grades and stages ------------------------------------------------------------------------------------


def review(events=(), months=(), on=dt.date(2026, 9, 15), grade="P3", since="2025-01-01"):
    people = pd.DataFrame({"person": ["A", "B"], "grade": [grade, "P6"], "since": [since, "2025-01-01"]})
    events = pd.DataFrame(list(events), columns=["person", "day", "kind"])
    months = pd.DataFrame(list(months), columns=["month", "person", "sales_cny", "score", "exam"])
    return review_grades(people, events=events, months=months, on=on)


def test_six_grades_from_p3_up_with_honours():
    assert grade_ladder().to_numpy().tolist() == [[f"P{n}", n, n >= 3] for n in range(1, 7)]
    assert [day.month for day in competition_months(2027)] == [1, 7]
    assert glossary()["grade_P4"]["zh"] == "P4 银牌客服"


@pytest.mark.parametrize(("day", "eligible"), [("2026-03-15", True), ("2026-03-16", False), ("2026-09-16", True)])
def test_six_clean_months_make_eligible(day, eligible):
    found = review([("A", day, "bad_review")])
    assert found.people["eligible"].tolist() == [eligible, False]
    assert bool(found.reasons["A"]) is not eligible


def test_a_newcomer_to_a_grade_waits_six_months():
    assert not review(since="2026-03-16").people["eligible"][0]
    assert review(since="2026-03-15").people["eligible"][0]


@pytest.mark.parametrize(
    ("exams", "grade", "after"),
    [
        ([None, 79, 79.9], "P3", "P2"),
        ([None, 80, None], "P3", "P3"),
        ([None, None, None], "P1", "P1"),
        ([None, None], "P3", "P3"),
    ],
)
def test_three_months_without_a_passed_exam_are_one_grade_down(exams, grade, after):
    months = [(dt.date(2026, 8 - n, 1), "A", 1, 1, exam) for n, exam in enumerate(reversed(exams))]
    found = review(months=months, grade=grade)
    assert found.people["next_grade"][0] == after
    if exams == [None, None, None]:
        assert found.people["counts_from"][0] == dt.date(2026, 9, 15)
        assert "one grade down" in found.reasons["A"][-1].text("en")


def test_warnings_name_the_law_and_decide_nothing():
    months = [
        (dt.date(2026, month, 1), person, sales, score, 90)
        for month in (6, 7, 8)
        for person, sales, score in (("A", 1, 50), ("B", 2, 50 if month == 7 else 60))
    ]
    events = [("B", f"2026-08-{day:02d}", "complaint") for day in range(1, 11)]
    texts = [one.text("en") for one in review(events, months).warnings]
    assert [text.split(":")[0] for text in texts] == ["A warning"] * 3
    assert "last in sales for 3 months" in texts[0]
    assert "no lawful ground of dismissal" in texts[1]
    assert "B had 10 complaints" in texts[2]
    assert len(review(events[:9], months).warnings) == 2
    assert "末位" in law_text("last_place_dismissal", "zh")


def test_unknown_grades_and_events_are_refused():
    with pytest.raises(ValueError, match="P9"):
        review(grade="P9")
    with pytest.raises(ValueError, match="sneezed"):
        review([("A", "2026-08-01", "sneezed")])


def test_the_stage_chooses_figures_and_pay():
    assert stage_pay("startup") == ("base_pay", "commission")
    assert stage_kpis("startup", "aftersale") == ("red_lines",)
    assert "cooperation" in stage_kpis("mature", "presale")
    with pytest.raises(ValueError, match="stage must be one of"):
        stage_pay("old")
    keys = {key for value in facts.table("stages")["value"] for key in value}
    items = {item.key for sheet in ("presale", "aftersale") for item in score_sheet(sheet)}
    assert (keys | items) <= set(glossary())
