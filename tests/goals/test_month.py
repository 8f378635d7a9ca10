"""The month as it is read: exports summed and traced, other months named, cohorts compared, later schemes parted."""

import datetime as dt
import time
from dataclasses import replace

import pandas as pd
import pytest
from openpyxl import load_workbook

from simlib.goals.month import read_month, sum_agent_days
from simlib.goals.pay import compare_pay_models, find_firsts
from simlib.goals.review import assess_month, lead_team, list_prizes, pay_month, split_schemes
from simlib.goals.workbook import check_goals_workbook, find_goals_workbook
from simlib.messages import HOUSE, LANGS, label
from simlib.store import load_store

STORE = HOUSE / "templates" / "stores" / "bodycare"
TODAY = dt.date(2026, 9, 27)
AUGUST = (dt.date(2026, 8, 1), dt.date(2026, 8, 31))


@pytest.fixture(scope="module")
def month():
    return read_month(find_goals_workbook(STORE), store=load_store(STORE))


def test_days_of_an_export_are_summed_weighted_and_traced():
    days = pd.DataFrame(
        {
            "day": [dt.date(2026, 8, 1), dt.date(2026, 8, 2), dt.date(2026, 9, 1)],
            "agent": ["A", "A", "A"],
            "receptions": [30.0, 10.0, 99.0],
            "inquiries": [20.0, 5.0, 99.0],
            "buyers_paid": [10.0, None, 99.0],
            "mean_response_s": [20.0, 40.0, 1.0],
            "source_file": "x.xlsx",
            "source_row": [2, 3, 4],
        }
    )
    table, sources, found = sum_agent_days(days, period=AUGUST)
    row = table.iloc[0]
    assert (row["receptions"], row["mean_response_s"], row["conversion"]) == (40, 25, 0.4)
    assert sources[sources["figure"] == "receptions"]["source_row"].tolist() == [2, 3]
    assert [one.key for one in found] == ["goals.days_outside"]
    assert all("2026-09-01" in found[0].text(lang) and "x.xlsx:4" in found[0].text(lang) for lang in LANGS)


def test_schemes_of_the_promo_are_not_paid_in_the_month_before(month):
    now, later = split_schemes(month)
    assert set(later["scheme"]) == {"promo star", "promo response", "promo tiers"}
    assert not set(now["scheme"]) & set(later["scheme"])
    payouts, tables, figures, _ = pay_month(month, on=TODAY, seed=7)
    assert not set(payouts.lines["scheme"]) & set(later["scheme"])
    assert {"promo star", "promo response"} <= set(tables["announcements"]["scheme"])
    assert figures["paid_cny"] == pytest.approx(tables["payroll"]["amount_cny"].sum())
    assert tables["payouts"]["amount_cny"].sum() == pytest.approx(figures["paid_cny"])
    assert tables["red_packets"]["amount_cny"].sum() == pytest.approx(200)


def test_what_was_not_paid_by_its_day_is_named(month):
    _, tables, _, found = pay_month(month, on=TODAY, seed=7)
    assert set(tables["late_payments"]["days_late"]) == {17}
    assert "exam" not in set(tables["late_payments"]["scheme"])
    assert any(one.key == "goals.paid_late" for one in found)
    _, tables, _, _ = pay_month(month, on=dt.date(2026, 9, 10), seed=7)
    assert "late_payments" not in tables


def test_the_team_s_week_and_the_scores_are_laid_out(month):
    tables, _ = assess_month(month)
    assert {"scores", "sampling", "step_coverage", "courses", "grades", "stage_sets", "ledger"} <= set(tables)
    assert tables["scores"]["lacks"].eq("").sum() >= 8
    week, found = lead_team(month, on=TODAY)
    assert {"lead_duties", "remote_rituals", "board", "talk_sheets", "team_rules", "reply_board"} <= set(week)
    assert len(week["talk_questions"]) == len(month.results)
    assert {"goals.spotlight", "goals.box_overdue", "goals.not_acknowledged"} <= {one.key for one in found}
    for lang in LANGS:
        assert all(one.text(lang) for one in found)


def test_the_board_keeps_to_its_privacy_switch(month):
    def shown(**settings):
        changed = type(month)(**{**vars(month), "settings": {**month.settings, **settings}})
        tables, found = lead_team(changed, on=TODAY)
        return tables["board"], {one.key for one in found}

    day = month.more["days"]
    viewer = str(day["person"].iloc[0])
    assert len(shown(audience="self", viewer=viewer)[0]) == 1
    everybody = len(shown(audience="all")[0])
    assert 1 <= len(shown(audience="team", viewer=viewer)[0]) <= everybody
    board, keys = shown(audience="self", viewer="nobody")
    assert board.empty
    assert "goals.audience_unfit" in keys


def test_the_first_of_an_hour_needs_the_least_sample():
    rows = pd.DataFrame(
        {"start": ["20"] * 3, "person": ["A", "B", "C"], "receptions": [9, 10, 30], "mean_response_s": [5, 12, 14]}
    )
    how = {"by": "start", "metric": "0 - mean_response_s", "sample": "receptions", "amount_cny": 20}
    first = find_firsts(rows, least=10, **how).iloc[0]
    assert (first["person"], first["metric_value"]) == ("B", 12)
    assert find_firsts(rows, least=9, **how)["person"].tolist() == ["A"]
    assert find_firsts(rows, least=31, **how).empty


def test_pay_models_are_compared_on_the_same_month_and_the_minimum_is_named():
    results = pd.DataFrame({"person": ["A", "B"], "sales_cny": [100_000, 0], "second_sales_cny": [1_000, 0]})
    models = pd.DataFrame({"model": ["low"], "base_cny": [2000.0], "rate": [0.01], "second_rate": [0.05]})
    table, found = compare_pay_models(results, models, minimum_month_cny=2490)
    assert table.iloc[0][["whole_cny", "lowest_cny", "highest_cny"]].tolist() == [5050, 2000, 3050]
    assert [one.key for one in found] == ["goals.model_below_minimum"]


def test_bad_rows_are_sentences_with_their_sheet_and_row(tmp_path):
    path = tmp_path / "goals.xlsx"
    book = load_workbook(STORE / "goals.xlsx")
    sheets = {name.split()[-1]: book[name] for name in book.sheetnames}
    heads = {name: {c.value.split("\n")[-1]: c.column for c in page[1] if c.value} for name, page in sheets.items()}

    def put(sheet, row, **cells):
        for name, value in cells.items():
            sheets[sheet].cell(row, heads[sheet][name], value)

    put("goals", 2, kpi="first_response", floor=20, stretch=40)
    put("results", 14, person="B01", cohort="student")
    put(
        "prizes",
        2,
        prize="p",
        definition="d",
        selection="s",
        payout="x",
        announced_on="2026-10-20",
        pay_on="2026-10-01",
    )
    book.save(path)
    workbook, problems = check_goals_workbook(path)
    texts = "\n".join(problem.text("en") for problem in problems)
    assert "levels cross" in texts
    assert "two cohorts, own, student (the other in row 2)" in texts
    assert "after the day of payment" in texts
    assert len(problems) == 3
    assert workbook.tables["results"]["person"].is_unique
    assert workbook.tables["goals"].empty


def test_a_prize_paid_before_the_promo_is_named_with_sheet_and_row():
    """The core workbook's prizes and the chapter's own, each by its own sheet and row, in both languages."""
    core = load_store(STORE).frame("incentives")
    soon, promo, early_key = dt.date(2026, 10, 1), dt.date(2026, 10, 31), "goals.prize_paid_early"
    early = core.head(1).assign(pay_on=[soon])
    parts = {"prize": ["p", "q"], "definition": "d", "selection": "s", "payout": "x"}
    prizes = pd.DataFrame(parts | {"announced_on": dt.date(2026, 9, 1), "pay_on": [dt.date(2026, 11, 30), soon]})
    _, found = list_prizes(early, prizes, promo_day=promo)
    assert [(one.key, one.fields["row"]) for one in found] == [(early_key, 2), (early_key, 3)]
    for lang in LANGS:
        named = zip(("incentives", "prizes"), found, strict=True)
        assert all(label(sheet, lang) in one.text(lang) for sheet, one in named)


def test_an_unknown_column_of_a_rule_is_named_with_sheet_row_and_the_nearest(month):
    """A rule over a column that nobody has is refused; the finding says where it stands and what was meant."""
    rule = month.schemes.iloc[[0]].assign(
        scheme="own", rule=1, kind="each", metric=None, where="receptoins > 5", group=None, amount_cny=5, points=None
    )
    wrong = replace(month, schemes=pd.concat([month.schemes, rule.assign(source_row=77)], ignore_index=True))
    *_, findings = pay_month(wrong, on=dt.date(2026, 9, 15), seed=7)
    for lang, words in (("en", "sheet Schemes, row 77"), ("zh", "第 77 行")):
        assert any(words in one.text(lang) and "receptions" in one.text(lang) for one in findings)


def test_a_month_of_five_hundred_people_takes_less_than_five_seconds(month):
    copies = [
        month.results.assign(person=[f"{person}-{copy}" for person in month.results["person"]]) for copy in range(42)
    ]
    many = type(month)(**{**vars(month), "results": pd.concat(copies, ignore_index=True).iloc[:500], "more": {}})
    begun = time.process_time()
    payouts, _, _, _ = pay_month(many, on=TODAY, seed=7)
    assess_month(many)
    assert time.process_time() - begun < 5
    assert payouts.lines["person"].nunique() == 500
