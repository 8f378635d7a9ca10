"""Pay around the schemes: project rewards, budget, law, slips, disputes, red packets."""

import datetime as dt
import re
from decimal import Decimal

import pandas as pd
import pytest

from simlib.goals import calculate_payouts, work_out_payouts
from simlib.goals.pay import (
    announce_scheme,
    announcement_day,
    base_salary,
    bonus_per_hour,
    budget,
    check_law,
    draw_red_packets,
    late_payments,
    open_dispute,
    project_rewards,
    side_effects,
    slips,
    streaks,
)
from simlib.goals.team import daily_first
from simlib.messages import LANGS, label

AUGUST = (dt.date(2026, 8, 1), dt.date(2026, 8, 31))
REWARDS = project_rewards(announced_on=dt.date(2026, 7, 28), pay_on=dt.date(2026, 9, 10))


def agent(person, **figures):
    usual = {
        "exam_score": 60,
        "usual_score": 60,
        "exam_months_missed": 0,
        "typing_cpm": 75,
        "typing_accuracy": 0.95,
        "typing_months_short": 0,
        "items_per_order": 1.5,
        "completion": 1,
        "summary_accepted": 0,
        "summary_handed_in": 1,
        "cohort": "own",
        "source_file": "august.xlsx",
        "source_row": 2 + ord(person) - ord("A"),
    }
    return {"person": person, **usual, **figures}


BEST = agent(
    "A",
    exam_score=92,
    usual_score=85,
    typing_cpm=104,
    typing_accuracy=0.93,
    items_per_order=2.05,
    completion=1.2,
    summary_accepted=1,
)
TEAM = [BEST, *(agent(person) for person in "BCDE"), agent("F", exam_months_missed=3, summary_handed_in=0)]


def test_the_project_rewards_pay_800_in_story_a9():
    found = calculate_payouts(REWARDS, TEAM, period=AUGUST)
    assert found.refused == ()
    sums = found.totals.groupby("person")[["amount_cny", "points"]].sum()
    assert sums.loc["A"].tolist() == [Decimal(800), Decimal(0)]
    # Below the mean of items everybody but the first loses 10; F also for exam and summary.
    assert sums.loc["B"].tolist() == [0, -10]
    assert sums.loc["F"].tolist() == [0, -25]


def test_each_rule_says_what_it_rewards_that_it_should_not():
    rules = set(zip(REWARDS["scheme"], REWARDS["rule"], strict=True))
    for lang in ("zh", "en"):
        table = side_effects(lang)
        assert set(zip(table["scheme"], table["rule"], strict=True)) == rules
        assert table["side_effect"].str.len().min() >= 5


def test_next_month_is_announced_before_the_29th():
    assert announcement_day(dt.date(2026, 9, 1)) == (dt.date(2026, 8, 28), dt.date(2026, 8, 26))
    assert announcement_day(dt.date(2026, 3, 1))[0] == dt.date(2026, 2, 27)


def test_months_in_a_row_end_with_the_last_month():
    months = pd.DataFrame(
        [
            *(("A", month, exam, 59, 2) for month, exam in ((6, None), (7, 80), (8, 79.99))),
            *(("B", month, 90, cpm, 6) for month, cpm in ((7, 59.9), (8, 60))),
            *(("C", month, None, cpm, 7) for month, cpm in ((7, 60), (8, 69.9))),
        ],
        columns=["person", "month", "exam_score", "typing_cpm", "months_employed"],
    )
    assert streaks(months).to_numpy().tolist() == [["A", 1, 3], ["B", 0, 0], ["C", 2, 2]]


@pytest.mark.parametrize(("amount", "paid"), [("4050", 4100), ("4000", 4000), ("4000.01", 4100), (0, 0)])
def test_a_base_is_never_rounded_down(amount, paid):
    assert base_salary(amount, multiple=100) == paid
    with pytest.raises(ValueError, match="base salary"):
        base_salary(-1)


def test_a_budget_has_a_band_for_each_level():
    def night(sales):
        return [{"person": person, "sales": value} for person, value in sales.items()]

    scheme = {
        "scheme": "steps",
        "rule": 1,
        "kind": "step",
        "metric": "sales",
        "from": 0,
        "step": 100,
        "amount_cny": 10,
        "announced_on": "2026-10-01",
        "pay_on": "2026-11-20",
    }
    nights = {
        "floor": [night({"A": 100, "B": 0}), night({"A": 300, "B": 0})],
        "stretch": [night({"A": 1000, "B": 1000})],
    }
    table, refused = budget([scheme, scheme | {"scheme": "bad", "amount_cny": -1}], nights)
    rows = table.set_index(["level", "scheme"])
    assert rows.loc[("floor", "steps"), ["nights", "mean_cny", "most_cny"]].tolist() == [2, 20, 30]
    assert rows.loc[("stretch", "all"), "mean_cny"] == 200
    assert rows.loc[("floor", "all"), "p95_cny"] == pytest.approx(29)
    assert len(refused) == 1
    with pytest.raises(ValueError, match="no night of level 'likely'"):
        budget([scheme], {"likely": []})


def test_the_law_is_named_where_pay_falls_short():
    pay = pd.DataFrame(
        [("A", 1500, 400, 10, 299.99, 20.0), ("B", 1500, 1000, 10, 300, 20.0), ("C", 2500, 0, None, None, None)],
        columns=["person", "base_cny", "commission_cny", "overtime_h", "overtime_cny", "hourly_cny"],
    )
    texts = [one.text("en") for one in check_law(pay, minimum_month_cny=2000)]
    assert texts[0].startswith("A: base and commission come to 1,900 CNY, below the minimum wage of 2,000")
    assert texts[1].startswith("A: overtime pay is 299.99 CNY; at 150% it is 300")
    assert len(texts) == 2
    unknown = check_law(pay.iloc[2:], schemes=pd.DataFrame([{"scheme": "s", "rule": 1, "amount_cny": -5}]))
    assert [one.key for one in unknown] == ["goals.minimum_unknown", "goals.deduction"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_slip_adds_up_line_by_line(lang):
    found = calculate_payouts(REWARDS, TEAM, period=AUGUST)
    own = slips(found, lang=lang, names={"A": "Ann"})
    assert [slip.name for slip in own][:2] == ["Ann", "B"]
    assert own[0].amount_cny == own[0].lines["amount_cny"].sum() == Decimal(800)
    assert sum(slip.amount_cny for slip in own) == found.totals["amount_cny"].sum()
    assert set(own[0].lines["pay_on"]) == {dt.date(2026, 9, 10)}
    assert own[0].lines["rows"].str.contains("august.xlsx:2").all()
    again = slips(calculate_payouts(REWARDS, TEAM[::-1], period=AUGUST), lang=lang, names={"A": "Ann"})
    pd.testing.assert_frame_equal(own[0].lines, again[0].lines)


def test_a_provisional_line_is_shown_and_not_paid():
    results = [{"person": "A", "sales": 5}, {"person": "B", "sales": None}]
    scheme = {"scheme": "s", "rule": 1, "kind": "rank", "metric": "sales", "amount_cny": 9}
    found = calculate_payouts([scheme | {"announced_on": "2026-07-28", "pay_on": "2026-09-10"}], results)
    slip = slips(found, lang="en")[0]
    assert (slip.amount_cny, slip.provisional_cny) == (0, 9)
    assert late_payments(found, pd.DataFrame(columns=["person", "scheme", "rule", "paid_on"]), on=dt.date(2027, 1, 1))[
        0
    ].empty


def test_a_dispute_opens_the_rows_behind_a_figure():
    found = calculate_payouts(REWARDS, TEAM, period=AUGUST)
    rows = open_dispute(found, person="A", scheme="items", rule=1)
    assert rows.to_numpy().tolist() == [
        [1, "completion", "1.2", "august.xlsx", "2"],
        [1, "items_per_order", "2.05", "august.xlsx", "2"],
    ]
    with pytest.raises(ValueError, match="nothing was worked out"):
        open_dispute(found, person="Z", scheme="items")


@pytest.mark.parametrize(("paid_on", "days"), [("2026-09-10", 0), ("2026-09-11", 1), (None, 5)])
def test_late_payments_are_named(paid_on, days):
    found = calculate_payouts(REWARDS, [BEST], period=AUGUST)
    lines = found.lines[found.lines["amount_cny"] > 0]
    rows = [(line.person, line.scheme, line.rule, paid_on) for line in lines.itertuples() if paid_on]
    paid = pd.DataFrame(rows, columns=["person", "scheme", "rule", "paid_on"])
    table, messages = late_payments(found, paid, on=dt.date(2026, 9, 15))
    assert table["days_late"].tolist() == [days] * (len(lines) if days else 0)
    assert len(messages) == (5 if days else 0)


@pytest.mark.parametrize(("lang", "words"), [("zh", "人人参加"), ("en", "Everybody takes part")])
def test_an_announcement_has_every_rule_its_day_and_its_risk(lang, words):
    risks = dict(side_effects(lang).query("scheme == 'completion'")[["rule", "side_effect"]].to_numpy())
    lines = [one.text(lang) for one in announce_scheme(REWARDS, scheme="completion", risks=risks)]
    assert len(lines) == 3
    assert words in lines[1]
    assert "0.10" in lines[1]
    assert "2026-09-10" in lines[1]
    assert all("{" not in line for line in lines)
    for scheme in ("exam", "typing", "items", "summary"):
        assert all("-  " not in one.text(lang) for one in announce_scheme(REWARDS, scheme=scheme))
    with pytest.raises(ValueError, match="no scheme"):
        announce_scheme(REWARDS, scheme="nothing")


def test_tiers_and_pools_can_be_announced():
    rows = [
        {"scheme": "s", "rule": 1, "kind": "tier", "metric": "x", "tiers": "1:5; 2:9", "unit": "points"},
        {"scheme": "s", "rule": 2, "kind": "share", "metric": "h", "amount_cny": 500},
    ]
    rows = [row | {"announced_on": "2026-07-28", "pay_on": "2026-09-10"} for row in rows]
    head, tier, share = (one.text("en") for one in announce_scheme(rows, scheme="s"))
    assert head == "s: announced on 2026-07-28"
    assert "1:5; 2:9 points" in tier
    assert "500 CNY are shared in proportion to h" in share


def test_cohorts_are_compared_by_the_effective_hour():
    pool = {"scheme": "p", "rule": 1, "kind": "share", "metric": "effective_hours", "amount_cny": 300}
    dates = {"announced_on": "2026-07-28", "pay_on": "2026-09-10"}
    people = pd.DataFrame({"person": ["A", "B"], "cohort": ["own", "student"], "effective_hours": [10, 20]})
    fair = calculate_payouts([pool | dates], people)
    table, found = bonus_per_hour(fair, people)
    assert table["amount_cny_h"].tolist() == [10, 10]
    assert found == ()
    only_own = {"scheme": "p", "rule": 1, "kind": "each", "where": "cohort == 'own'", "amount_cny": 50} | dates
    _, found = bonus_per_hour(calculate_payouts([only_own], people), people)
    assert "Own 5.00 CNY, Student 0.00 CNY" in found[0].text("en")


def test_red_packets_pay_the_budget_to_the_cent_and_can_be_drawn_again():
    people = [f"A{number}" for number in range(20)]
    log = draw_red_packets(people, budget_cny=200, packets=8, seed=3)
    assert log["amount_cny"].sum() == 200
    assert log["amount_cny"].min() >= Decimal("0.01")
    assert log["person"].is_unique
    pd.testing.assert_frame_equal(log, draw_red_packets(people[::-1], budget_cny=200, packets=8, seed=3))
    assert not log.equals(draw_red_packets(people, budget_cny=200, packets=8, seed=4))
    assert draw_red_packets(["A"], budget_cny=5, packets=1, seed=0)["amount_cny"].tolist() == [5]
    for wrong in ({"packets": 0}, {"packets": 21}, {"budget_cny": "0.07"}):
        with pytest.raises(ValueError, match="red packets need"):
            draw_red_packets(people, **({"budget_cny": 200, "packets": 8, "seed": 3} | wrong))


def test_the_daily_prize_goes_to_the_first_in_conversion_with_a_sample():
    day = pd.DataFrame(
        {"person": ["A", "B", "C"], "buyers_paid": [5, 12, 11], "inquiries": [5, 20, 19], "receptions": [9, 30, 30]}
    )
    scheme = daily_first(day, amount_cny=50, on=dt.date(2026, 8, 3))
    frame = work_out_payouts(scheme, day)
    assert frame["amount_cny"].astype(float).tolist() == [0, 50, 0]
    with pytest.raises(ValueError, match="day lacks buyers_paid"):
        daily_first(day.drop(columns="buyers_paid"), amount_cny=50, on=dt.date(2026, 8, 3))


SHARED = [
    {
        "scheme": "items",
        "rule": 1,
        "kind": "rank",
        "metric": "items_per_order",
        "where": "metric > 1.9 and completion >= 1",
    }
    | {"amount_cny": 3000, "announced_on": "2026-07-28", "pay_on": "2026-09-10"},
    {"scheme": "items", "rule": 2, "kind": "rank", "metric": "0 - mean_response_s", "amount_cny": 200}
    | {"announced_on": "2026-07-28", "pay_on": "2026-09-10"},
    {"scheme": "items", "rule": 3, "kind": "each", "metric": "0.7 * exam_score + 0.3 * usual_score"}
    | {"where": "metric >= 80 and cohort == 'own'", "amount_cny": "0.002 * sales_cny"}
    | {"announced_on": "2026-07-28", "pay_on": "2026-09-10"},
]
KEY = re.compile(r"[a-z]+_[a-z]+|\bmetric\b|>=|==|'own'")


@pytest.mark.parametrize("lang", LANGS)
def test_no_key_stands_in_what_a_reader_is_shown_of_a_scheme(lang):
    """Announcement, reasons and notices name figures, signs and schemes in words, each rule's metric by what it is."""
    lines = [one.text(lang) for one in announce_scheme(SHARED, scheme="items")]
    figures = {"cohort": "own", "mean_response_s": 12.6, "exam_score": 70, "usual_score": 70, "sales_cny": 440_008}
    results = [
        {"person": "A", "items_per_order": None, "completion": 1.2} | figures,
        {"person": "B", "items_per_order": 1.5, "completion": None} | figures | {"exam_score": 90, "usual_score": 90},
    ]
    paid = calculate_payouts(SHARED, results)
    lines += [why.text(lang) for why in paid.lines["why"]] + [one.text(lang) for one in paid.notices]
    late, found = late_payments(
        paid, pd.DataFrame(columns=["person", "scheme", "rule", "paid_on"]), on=dt.date(2026, 9, 20)
    )
    assert len(late) == 3
    lines += [one.text(lang) for one in found]
    assert [line for line in lines if KEY.search(line)] == []
    assert label("scheme_items", lang) in lines[0]
    assert label("scheme_items", lang) in found[0].text(lang)


def test_a_rank_by_the_lowest_figure_is_announced_and_explained_as_such():
    """The first place has 12.6 s, not -12.6: seconds are ranked from the lowest up."""
    head, _, response, by_exam = (one.text("zh") for one in announce_scheme(SHARED, scheme="items"))
    assert "按平均响应从低到高，前 1 名" in response
    assert "条件是0.7 × 考试分数 + 0.3 × 平时分 ≥ 80 并且 人员类型 = '自有'" in by_exam
    results = [{"person": name, "mean_response_s": seconds} for name, seconds in (("A", 12.6), ("B", 14))]
    paid = calculate_payouts([SHARED[1]], results)
    assert [why.text("zh") for why in paid.lines["why"]] == ["第 1 名（12.6）", "第 2 名，只奖前 1 名"]
    assert head == "【客件数奖】公布日 2026-07-28"
