"""What a scheme pays: the known answers, each boundary from both sides, ties, groups, pools, refusals."""

import datetime as dt
import itertools
import random
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simlib.goals import calculate_payouts, divide_pool, round_payout, work_out_payouts
from simlib.goals.schemes import COLUMNS
from simlib.messages import UserError
from tests.goals.random_schemes import cents_of, draw_results, draw_schemes

DATES = {"announced_on": "2026-07-29", "pay_on": "2026-09-10"}
AUGUST = (dt.date(2026, 8, 1), dt.date(2026, 8, 31))


def rule(number=1, scheme="scheme", **columns):
    return {"scheme": scheme, "rule": number, **DATES, **columns}


def paid(schemes, results, column="amount_cny", **more):
    """Return what each person is paid in all, by person."""
    frame = work_out_payouts(schemes, results, lang="en", **more)
    assert frame.attrs["refused"] == []
    return {person: float(rows[column].sum()) for person, rows in frame.groupby("person")}


def refusal(schemes, results=({"person": "A", "exam": 1, "hours": 2},), **more):
    """Return the one refusal of the schemes, in English."""
    frame = work_out_payouts(schemes, list(results), **more)
    assert len(frame.attrs["refused"]) == 1, frame.attrs["refused"]
    assert frame.empty
    one = frame.attrs["refused"][0]
    assert one["zh"] != one["en"]
    return one["en"]


EXAM = [
    rule(1, kind="rank", metric="0.7*exam + 0.3*usual", where="metric >= 80", amount_cny=100, group="exam"),
    rule(2, kind="each", metric="0.7*exam + 0.3*usual", where="metric >= 80", amount_cny=50, group="exam"),
]
TYPING = [
    rule(1, kind="each", where="typing_cpm >= 100 and typing_accuracy >= 0.90", amount_cny=100, group="typing"),
    rule(2, kind="each", where="typing_cpm >= 80 and typing_accuracy >= 0.90", amount_cny=50, group="typing"),
]
ITEMS = [
    rule(1, kind="rank", metric="items", where="completion >= 0.60 and items > 1.9", amount_cny=300, group="items"),
    rule(2, kind="each", where="completion >= 0.60 and items >= 1.9", amount_cny=200, group="items"),
]
SUMMARY = [
    rule(1, kind="each", where="accepted == 1", amount_cny=100),
    rule(2, kind="each", where="handed_in == 0", points=-5),
]
COMPLETION = [rule(1, kind="step", metric="completion", **{"from": 1.00, "step": 0.10}, amount_cny=100)]


# --- known answers ----------------------------------------------------------------------------------------


def test_the_first_of_the_exam_gets_100_and_not_150():
    results = [
        {"person": "A", "exam": 92, "usual": 85},
        {"person": "B", "exam": 80, "usual": 80},
        {"person": "C", "exam": 79.99, "usual": 79.99},
        {"person": "D", "exam": None, "usual": 90},
    ]
    frame = work_out_payouts(EXAM, results, lang="en")
    assert paid(EXAM, results) == {"A": 100, "B": 50, "C": 0, "D": 0}
    assert frame["why"].tolist()[:2] == ["place 1 (89.9)", "rule 1 pays"]
    assert frame["why"].tolist()[-1] == "missing: exam"


@pytest.mark.parametrize(
    ("cpm", "accuracy", "amount"),
    [(104, 0.93, 100), (100, 0.90, 100), (100, 0.8999, 0), (99.99, 0.90, 50), (80, 0.90, 50), (79.99, 0.95, 0)],
)
def test_typing_pays_from_100_and_from_80_characters_at_90_percent(cpm, accuracy, amount):
    assert paid(TYPING, [{"person": "A", "typing_cpm": cpm, "typing_accuracy": accuracy}]) == {"A": amount}


@pytest.mark.parametrize(
    ("items", "completion", "amount"),
    [(2.05, 0.72, 300), (1.9, 0.72, 200), (1.9001, 0.60, 300), (1.9, 0.60, 200), (2.05, 0.5999, 0), (1.8999, 0.9, 0)],
)
def test_items_above_1_9_and_first_pay_300_and_1_9_pays_200(items, completion, amount):
    others = [{"person": "B", "items": 1.5, "completion": 0.9}]
    assert paid(ITEMS, [{"person": "A", "items": items, "completion": completion}, *others])["A"] == amount


def test_items_second_at_1_9_or_more_get_200():
    results = [{"person": p, "items": i, "completion": 0.6} for p, i in (("A", 2.05), ("B", 2.0), ("C", 1.9))]
    assert paid(ITEMS, results) == {"A": 300, "B": 200, "C": 200}


def test_summary_pays_100_and_takes_5_points():
    results = [{"person": "A", "accepted": 1, "handed_in": 1}, {"person": "B", "accepted": 0, "handed_in": 0}]
    assert paid(SUMMARY, results) == {"A": 100, "B": 0}
    assert paid(SUMMARY, results, "points") == {"A": 0, "B": -5}


@pytest.mark.parametrize(
    ("completion", "amount"),
    [(1.2, 200), (1.0, 0), (1.0999, 0), (1.1, 100), (1.19999, 100), (0.85, 0), (3.0, 2000), ("1.30", 300)],
)
def test_each_full_tenth_above_the_target_pays_100(completion, amount):
    assert paid(COMPLETION, [{"person": "A", "completion": completion}]) == {"A": amount}


def test_completion_is_the_quotient_itself_when_sales_are_given():
    target = 26 * 13_000
    scheme = [rule(kind="step", metric="sales / (days * 13000)", **{"from": 1, "step": "0.10"}, amount_cny=100)]
    assert target == 338_000
    results = [{"person": "A", "sales": 405_600, "days": 26}, {"person": "B", "sales": 405_599.99, "days": 26}]
    assert paid(scheme, results) == {"A": 200, "B": 100}


def test_an_interpolated_base_is_rounded_half_up():
    base = rule(kind="each", amount_cny="3800 + (4300 - 3800) * 0.5", round_cny=100)
    assert paid([base], [{"person": "A", "x": 1}]) == {"A": 4100}


def test_a_score_of_weights_and_a_bonus():
    score = rule(kind="each", points="0.60 * figures + 0.20 * learning + 0.20 * team + 2")
    assert paid([score], [{"person": "A", "figures": 88, "learning": 90, "team": 95}], "points") == {"A": 91.8}


def test_a_pool_is_paid_to_the_cent():
    pool = rule(kind="share", metric="hours", amount_cny=100.00)
    results = [{"person": p, "hours": h} for p, h in (("A", 1), ("B", 4), ("C", 10))]
    assert paid([pool], results) == {"A": 6.67, "B": 26.67, "C": 66.66}


def test_equal_hours_differ_by_a_cent_at_most_whatever_the_cohort():
    pool = rule(kind="share", metric="hours", amount_cny=1000)
    cohorts = ["own", "student", "outsourced"] * 2 + ["temp"]
    results = [{"person": f"P{n}", "cohort": cohort, "hours": 7.5} for n, cohort in enumerate(cohorts)]
    amounts = sorted(paid([pool], results).values())
    assert amounts == [142.85, 142.85, 142.86, 142.86, 142.86, 142.86, 142.86]


def test_story_a9_adds_up_to_800():
    sheets = {"exam": EXAM, "typing": TYPING, "items": ITEMS, "summary": SUMMARY, "completion": COMPLETION}
    schemes = [row | {"scheme": name} for name, rows in sheets.items() for row in rows]
    a = {"exam": 92, "usual": 85, "typing_cpm": 104, "typing_accuracy": 0.93, "items": 2.05, "completion": 1.2}
    results = [{"person": "A", **a, "accepted": 1, "handed_in": 1}]
    # Six agents; the first has 72 % completion in the story's items line and 120 % in its sales line: both hold.
    for n, person in enumerate("BCDEF"):
        results.append(
            {
                "person": person,
                "exam": 60 + 5 * n,
                "usual": 70,
                "typing_cpm": 60 + 10 * n,
                "typing_accuracy": 0.9,
                "items": 1.5 + n / 10,
                "completion": 0.5 + n / 10,
                "accepted": 0,
                "handed_in": n % 2,
            }
        )
    found = calculate_payouts(schemes, results, period=AUGUST)
    a_lines = found.totals[found.totals["person"] == "A"].set_index("scheme")["amount_cny"]
    assert a_lines.to_dict() == {"completion": 200, "exam": 100, "items": 300, "summary": 100, "typing": 100}
    assert a_lines.sum() == Decimal("800.00")
    assert found.totals[found.totals["person"] == "B"]["points"].sum() == -5


# --- rank, ties, samples, groups --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ties", "amounts"),
    [
        ("all", {"A": 100, "B": 100, "C": 25, "D": 0}),
        ("split", {"A": 75, "B": 75, "C": 25, "D": 0}),
        ("none", {"A": 0, "B": 0, "C": 25, "D": 0}),
    ],
)
def test_after_two_firsts_comes_place_three(ties, amounts):
    results = [{"person": p, "sales": s} for p, s in (("A", 9), ("B", 9), ("C", 8), ("D", 7))]
    assert paid([rule(kind="rank", metric="sales", top=3, ties=ties, amount_cny=[100, 50, 25])], results) == amounts


def test_tied_people_share_the_places_that_are_paid_to_the_cent():
    results = [{"person": p, "sales": 5} for p in ("B", "C", "A")]
    split = rule(kind="rank", metric="sales", top=2, ties="split", amount_cny="70; 30")
    assert paid([split], results) == {"A": 33.34, "B": 33.33, "C": 33.33}


def test_one_amount_holds_for_all_places():
    results = [{"person": p, "sales": s} for p, s in (("A", 9), ("B", 8), ("C", 7))]
    assert paid([rule(kind="rank", metric="sales", top=2, amount_cny=20)], results) == {"A": 20, "B": 20, "C": 0}


def test_a_small_sample_takes_no_place():
    daily = rule(kind="rank", metric="orders / inquiries", sample="inquiries", min_sample=30, amount_cny=50)
    results = [
        {"person": "A", "orders": 2, "inquiries": 2},
        {"person": "B", "orders": 15, "inquiries": 30},
        {"person": "C", "orders": 14, "inquiries": 29},
        {"person": "D", "orders": 10, "inquiries": None},
    ]
    frame = work_out_payouts([daily], results, lang="en")
    assert frame["amount_cny"].astype(float).tolist() == [0, 50, 0, 0]
    assert frame["why"][0] == "sample too small: Inquiries is 2, 30 needed"
    assert not frame["provisional"].any()


@pytest.mark.parametrize(
    ("points", "kept"),
    [([-5, 2, 1], [0, 2, 0]), ([-5, -7, 0], [0, -7, 0]), ([0, 0, -1], [0, 0, -1]), ([3, 3, -9], [3, 0, 0])],
)
def test_one_payout_of_a_group(points, kept):
    rules = [rule(n, kind="each", points=value, group="g") for n, value in enumerate(points, start=1)]
    for order in itertools.permutations(rules):
        frame = work_out_payouts(list(order), [{"person": "A", "x": 1}])
        assert frame["points"].astype(float).tolist() == kept


@pytest.mark.parametrize(("value", "amount"), [(0.59, 0), (0.6, 200), (0.7999, 200), (0.8, 300), (9, 300)])
def test_a_tier_is_reached_at_its_bound(value, amount):
    for tiers in ([(0.6, 200), (0.8, 300)], "0.6:200; 0.8:300", "[[0.6, 200], [0.8, 300]]", "0.6：200；0.8：300"):
        found = paid([rule(kind="tier", metric="x", tiers=tiers, unit="amount_cny")], [{"person": "A", "x": value}])
        assert found == {"A": amount}


def test_steps_end_at_their_cap_and_begin_at_none():
    steps = rule(kind="step", metric="x", **{"from": -1, "step": 2}, cap_steps=3, amount_cny=10)
    results = [{"person": f"{x}", "x": x} for x in (-9, -1, 0.99, 1, 5, 99)]
    assert paid([steps], results) == {"-9": 0, "-1": 0, "0.99": 0, "1": 10, "5": 30, "99": 30}


# --- provisional, evidence --------------------------------------------------------------------------------


def test_a_missing_metric_makes_a_rank_provisional_until_confirmed():
    results = [{"person": "A", "sales": 5}, {"person": "B", "sales": None}]
    schemes = [rule(kind="rank", metric="sales", amount_cny=100), rule(2, kind="each", amount_cny=1)]
    found = calculate_payouts(schemes, results)
    assert found.lines["provisional"].tolist() == [True, False, True, False]
    assert found.lacking.to_numpy().tolist() == [["scheme", 1, "B", "sales", False]]
    assert found.totals.iloc[0].tolist() == ["A", "scheme", Decimal(1), 0, Decimal(100), 0]
    settled = calculate_payouts(schemes, results, confirmed=[("scheme", 1)])
    assert settled.totals["amount_cny"].tolist() == [Decimal(101), Decimal(1)]
    assert settled.lacking["confirmed"].tolist() == [True]


def test_who_is_out_makes_nothing_provisional():
    results = [{"person": "A", "sales": 5, "in": 1}, {"person": "B", "sales": None, "in": 0}]
    for columns in ({"where": "on == 1"}, {"sample": "on", "min_sample": 1}):
        scheme = rule(kind="share", metric="sales", amount_cny=100, **columns)
        found = calculate_payouts([scheme], [{**row, "on": row["in"]} for row in results])
        assert found.lacking.empty
        assert found.totals["amount_cny"].tolist() == [100, 0]


def test_who_fails_the_condition_for_want_of_the_metric_is_named():
    found = calculate_payouts(
        EXAM, [{"person": "A", "exam": 90, "usual": 90}, {"person": "B", "exam": None, "usual": 1}]
    )
    assert found.lacking.empty
    assert "B have no 0.7*exam + 0.3*usual" in found.notices[0].text("en")


def test_each_line_names_its_figures_with_file_and_row():
    results = [
        {"person": "A", "typing_cpm": 104, "typing_accuracy": 0.93, "source_file": "typing.xlsx", "source_row": 7}
    ]
    frame = work_out_payouts(TYPING, results)
    assert frame["rows"][0] == "typing_accuracy=0.93 [typing.xlsx:7]; typing_cpm=104 [typing.xlsx:7]"
    sources = pd.DataFrame(
        [["A", "typing_cpm", "a.csv", 2], ["A", "typing_cpm", "a.csv", 3]],
        columns=["person", "figure", "source_file", "source_row"],
    )
    found = calculate_payouts(TYPING[:1], results, sources=sources)
    assert found.lines["rows"][0] == "typing_accuracy=0.93 [typing.xlsx:7]; typing_cpm=104 [a.csv:2, a.csv:3]"
    assert found.evidence[["figure", "value", "source_row"]].to_numpy().tolist() == [
        ["typing_accuracy", "0.93", "7"],
        ["typing_cpm", "104", "2"],
        ["typing_cpm", "104", "3"],
    ]


# --- exactness --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.3, "0.3", Decimal("0.3"), Fraction(3, 10), np.float64(0.3), np.float32(0.3)])
def test_a_number_counts_as_its_printed_digits(value):
    scheme = rule(kind="each", where="x == 0.1 + 0.2", amount_cny=1)
    assert paid([scheme], [{"person": "A", "x": value}]) == {"A": 1}


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT, "", "  ", np.nan])
def test_what_is_missing_is_no_zero(missing):
    scheme = rule(kind="each", where="x <= 0 or y == 1", amount_cny="x + 1")
    frame = work_out_payouts([scheme], [{"person": "A", "x": missing, "y": 1}], lang="en")
    assert frame["why"].tolist() == ["missing: x"]


@pytest.mark.parametrize(
    ("amount", "multiple", "cents"),
    [
        ("0.005", "0.01", 1),
        ("0.0049", "0.01", 0),
        ("4050", "100", 410000),
        ("4049.99", "100", 400000),
        ("-0.005", "0.01", -1),
    ],
)
def test_rounding_is_half_up_and_halves_go_away_from_zero(amount, multiple, cents):
    assert round_payout(Fraction(amount), Fraction(multiple)) == cents


def test_a_rounded_amount_is_explained_with_what_it_was_before():
    scheme = rule(kind="each", where="x > 0", amount_cny="x", round_cny="100")
    frame = work_out_payouts([scheme], [{"person": "A", "x": 4050}, {"person": "B", "x": 4100}], lang="en")
    assert frame["amount_cny"].tolist() == [4100, 4100]
    assert frame["why"].tolist() == ["x = 4,050; rounded to a multiple of 100: 4,100", "x = 4,100"]


@given(st.integers(0, 10**7), st.lists(st.integers(0, 10**6), min_size=1, max_size=40).filter(any))
@settings(deadline=None, max_examples=100)
def test_a_pool_is_paid_exactly_and_equals_differ_by_a_cent(pool, weights):
    cents = divide_pool(Fraction(pool, 100), [Fraction(weight) for weight in weights])
    assert sum(cents) == pool
    for weight, own in zip(weights, cents, strict=True):
        assert abs(own - Fraction(pool * weight, sum(weights))) < 1
        assert all(abs(own - other) <= 1 for w, other in zip(weights, cents, strict=True) if w == weight)
        assert weight or own == 0


@pytest.mark.parametrize("seed", range(12))
def test_order_of_rows_and_columns_never_matters(seed):
    draw = random.Random(seed)
    results, schemes = draw_results(draw, 7), draw_schemes(draw)
    before = work_out_payouts(schemes, results)

    def mixed(rows):
        rows = [dict(draw.sample(list(row.items()), len(row))) for row in rows]
        return draw.sample(rows, len(rows))

    after = work_out_payouts(pd.DataFrame(mixed(schemes), dtype=object), mixed(results))
    assert cents_of(after) == cents_of(before)
    assert after.to_numpy().tolist() == before.to_numpy().tolist()
    assert sorted(map(str, after.attrs["refused"])) == sorted(map(str, before.attrs["refused"]))


def test_frames_pay_what_lists_pay_and_nothing_is_changed():
    results = pd.DataFrame({"person": [3, 1, 2], "exam": [92.0, np.nan, 80.0], "usual": [85, 1, 80]})
    schemes = pd.DataFrame(EXAM)
    before = results.copy(), schemes.copy()
    frame = work_out_payouts(schemes, results)
    assert frame.groupby("person")["amount_cny"].sum().astype(float).to_dict() == {1: 0, 2: 50, 3: 100}
    pd.testing.assert_frame_equal(results, before[0])
    pd.testing.assert_frame_equal(schemes, before[1])
    assert list(frame) == ["person", "scheme", "rule", "amount_cny", "points", "provisional", "rows", "why"]


def test_a_frame_can_be_kept_as_parquet(tmp_path):
    frame = work_out_payouts([*EXAM, rule(1, scheme="bad", kind="each")], [{"person": "A", "exam": 90, "usual": 90}])
    frame.to_parquet(tmp_path / "payouts.parquet")
    kept = pd.read_parquet(tmp_path / "payouts.parquet")
    assert kept["amount_cny"].tolist() == frame["amount_cny"].tolist()
    assert kept.attrs["refused"] == frame.attrs["refused"]


def test_nobody_and_no_scheme_are_no_error():
    assert work_out_payouts([], []).empty
    assert work_out_payouts([rule(kind="each", amount_cny=1)], []).empty
    assert work_out_payouts([], [{"person": "A", "x": 1}]).empty


# --- refusals ---------------------------------------------------------------------------------------------

RANK = {"kind": "rank", "metric": "exam"}
STEP = {"kind": "step", "metric": "exam", "from": 0, "step": 1, "amount_cny": 1}
TIER = {"kind": "tier", "metric": "exam", "unit": "amount_cny"}


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"kind": None, "amount_cny": 1}, "kind is needed; allowed: each, rank, step, tier, share"),
        ({"kind": "ranks", "amount_cny": 1}, 'kind cannot be "ranks"; allowed: each, rank'),
        ({"kind": "rank", "amount_cny": 1}, "a rule of kind rank needs metric"),
        ({"kind": "share", "amount_cny": 1}, "a rule of kind share needs metric"),
        ({"kind": "each"}, "exactly one of amount_cny and points is needed; 0 are"),
        ({"kind": "each", "amount_cny": 1, "points": 1}, "exactly one of amount_cny and points is needed; 2 are"),
        ({"kind": "each", "amount_cny": 1, "top": 2}, "does not use the column top"),
        ({"kind": "tier", "metric": "exam", "tiers": [(0, 1)], "unit": "amount_cny", "points": 1}, "does not use"),
        ({**RANK, "amount_cny": 1, "ties": "both"}, 'ties cannot be "both"; allowed: all, split, none'),
        ({**RANK, "amount_cny": [1, 2], "top": 3}, "lists 2 amounts, top is 3"),
        ({**RANK, "amount_cny": [1, 2]}, "lists 2 amounts, top is 1"),
        ({**RANK, "amount_cny": 1, "top": 0}, "must be a whole number of at least 1"),
        ({**RANK, "amount_cny": 1, "top": 1.5}, "must be a whole number of at least 1"),
        ({**RANK, "amount_cny": "exam * 2"}, "which is no number"),
        ({**RANK, "amount_cny": [2, -1], "top": 2}, "below 0. Deductions from wages"),
        ({**RANK, "amount_cny": 10.001, "ties": "split"}, "10.001, which has parts of a cent"),
        ({"kind": "share", "metric": "exam", "amount_cny": "0.015"}, "parts of a cent"),
        ({"kind": "share", "metric": "exam", "amount_cny": 1, "round_cny": 1}, "does not use the column round_cny"),
        ({**RANK, "ties": "split", "amount_cny": 1, "round_cny": 1}, "clear round_cny"),
        ({"kind": "each", "points": 1, "round_cny": 1}, "clear round_cny"),
        ({"kind": "each", "amount_cny": 1, "round_cny": 0.001}, "whole number of cents"),
        ({"kind": "each", "amount_cny": 1, "round_cny": 0}, "must be above 0"),
        ({"kind": "each", "amount_cny": -5}, "amount_cny comes to -5, below 0"),
        ({"kind": "each", "amount_cny": "exam - 2"}, "amount_cny comes to -1, below 0"),
        ({"kind": "each", "amount_cny": "metric"}, "may not use metric"),
        ({"kind": "each", "amount_cny": 1, "where": "metric > 1"}, "may not use metric"),
        ({"kind": "each", "amount_cny": 1, "where": "exm >= 1"}, "no figure is called exm; nearest: exam"),
        ({"kind": "each", "amount_cny": 1, "where": "exam"}, "a condition belongs here"),
        ({"kind": "each", "amount_cny": "exam > 1"}, "a number belongs here"),
        ({"kind": "each", "amount_cny": 1, "where": "cohort == 'own'"}, "results have no such column"),
        ({"kind": "each", "amount_cny": 1, "where": "name == 'own'"}, "the column name is no figure"),
        ({"kind": "each", "amount_cny": 1, "sample": "exam"}, "min_sample is missing"),
        ({"kind": "each", "amount_cny": 1, "min_sample": 3}, "sample is missing"),
        ({"kind": "each", "amount_cny": 1, "sample": "exam", "min_sample": "many"}, "which is no number"),
        ({**STEP, "step": 0}, 'step is "0"; it must be above 0'),
        ({**STEP, "step": None}, "a rule of kind step needs step"),
        ({**STEP, "from": None}, "a rule of kind step needs from"),
        ({**STEP, "cap_steps": -1}, "at least 0"),
        ({**STEP, "amount_cny": -1}, "below 0"),
        ({**TIER, "tiers": [(1, 5), (1, 6)]}, "bounds of tiers must rise: 1 comes after 1"),
        ({**TIER, "tiers": [(2, 5), (1, 6)]}, "bounds of tiers must rise: 1 comes after 2"),
        ({**TIER, "tiers": [(1, -6)]}, "tiers comes to -6, below 0"),
        ({**TIER, "tiers": "1-5"}, "is not understood"),
        ({**TIER, "tiers": None}, "a rule of kind tier needs tiers"),
        ({**TIER, "tiers": [(1, 5)], "unit": None}, "unit is needed; allowed: amount_cny, points"),
        ({"kind": "share", "metric": "exam - 5", "amount_cny": 1}, "no share can be negative"),
        ({"kind": "rank", "metric": "0.7*exam + 0.2*hours", "amount_cny": 1}, "add up to 0.9; they must add up to 1"),
        ({"kind": "each", "amount_cny": 1, "announced_on": None}, "announced_on is needed"),
        ({"kind": "each", "amount_cny": 1, "pay_on": ""}, "pay_on is needed"),
        ({"kind": "each", "amount_cny": 1, "pay_on": "soon"}, "which is no day"),
        ({"kind": "each", "amount_cny": 1, "announced_on": "2026-09-11"}, "after the day of payment"),
        ({"kind": "each", "amount_cny": 1, "min_sampel": 3}, "no column min_sampel; nearest: min_sample"),
        ({"kind": "each", "amount_cny": "__import__('os').getcwd()"}, "is not understood"),
    ],
)
def test_what_cannot_be_defended_is_refused_with_what_is_allowed(columns, why):
    found = refusal([rule(7, **columns)])
    assert found.startswith('Scheme "scheme", rule 7, is refused')
    assert why.casefold() in found.casefold()


def test_a_commission_is_no_score_and_may_have_any_rates():
    scheme = rule(kind="each", amount_cny="0.01 * sales + 0.03 * second_sales")
    assert paid([scheme], [{"person": "A", "sales": 1000, "second_sales": 100}]) == {"A": 13}


def test_a_refusal_stops_its_scheme_and_no_other():
    schemes = [rule(1, scheme="bad", kind="each", amount_cny=1), rule(2, scheme="bad", kind="each", amount_cny=-1)]
    frame = work_out_payouts([*schemes, rule(scheme="good", kind="each", amount_cny=3)], [{"person": "A", "x": 1}])
    assert frame["scheme"].tolist() == ["good"]
    assert [(one["scheme"], one["rule"]) for one in frame.attrs["refused"]] == [("bad", "2")]


def test_two_rules_of_one_number_are_refused():
    assert "used 2 times" in refusal([rule(3, kind="each", amount_cny=1), rule(3.0, kind="each", amount_cny=2)])


def test_a_group_holds_money_or_points_and_no_pool():
    both = [rule(1, kind="each", amount_cny=1, group="g"), rule(2, kind="each", points=2, group="g")]
    assert "group g holds both money and points" in refusal(both)
    pool = rule(2, kind="share", metric="exam", amount_cny=2, group="g")
    assert "cannot stand in the group g" in refusal([both[0], pool])
    split = rule(2, kind="rank", metric="exam", ties="split", amount_cny=2, group="g")
    assert "cannot stand in the group g" in refusal([both[0], split])
    assert paid([pool], [{"person": "A", "exam": 1}]) == {"A": 2}


@pytest.mark.parametrize(
    ("announced_on", "pay_on", "why"),
    [
        ("2026-08-01", "2026-08-31", None),
        ("2026-08-02", "2026-09-10", "after the period began on 2026-08-01"),
        ("2026-07-29", "2026-08-30", "before the period ends on 2026-08-31"),
    ],
)
def test_a_rule_is_announced_before_its_period_and_paid_after_it(announced_on, pay_on, why):
    scheme = rule(kind="each", amount_cny=1) | {"announced_on": announced_on, "pay_on": pay_on}
    results = [{"person": "A", "first_day": "2026-08-01", "last_day": dt.date(2026, 8, 31)}]
    for more in ({"period": AUGUST}, {}):
        if why is None:
            assert paid([scheme], results, **more) == {"A": 1}
        else:
            assert why in refusal([scheme], results, **more)


def test_a_share_written_as_percent_is_refused_and_120_percent_is_not():
    results = [{"person": "A", "typing_cpm": 104, "typing_accuracy": 93}]
    assert "above its cap 1" in refusal(TYPING[:1], results)
    assert "above its cap 10" in refusal(COMPLETION, [{"person": "A", "completion": 120}])
    assert paid(TYPING[:1], [{"person": "A", "typing_cpm": 104, "typing_accuracy": 1}]) == {"A": 100}


@pytest.mark.parametrize("value", ["ninety", "90%", "1,000", "90分", dt.date(2026, 1, 1), [1], float("inf")])
def test_text_in_a_figure_is_refused(value):
    scheme = rule(kind="each", where="exam >= 80", amount_cny=1)
    assert "the figure exam holds the text" in refusal([scheme], [{"person": "A", "exam": value}]).casefold()
    assert paid([rule(kind="each", amount_cny=1)], [{"person": "A", "exam": value}]) == {"A": 1}


def test_two_rows_of_one_person_are_an_error():
    rows = [{"person": "A", "cohort": "own"}, {"person": "A ", "cohort": "student"}]
    with pytest.raises(UserError, match="more than one row in the results: A"):
        work_out_payouts([rule(kind="each", amount_cny=1)], rows)


@pytest.mark.parametrize(
    ("results", "why"),
    [
        ([{"person": None, "x": 1}], "no person in row 1"),
        ([{"agent": "A", "x": 1}], "no column person"),
        ([{"person": "A", "metric": 1}], "figure called metric"),
        ([{"person": "A", "first_day": "2026-07-01"}], "period is 2026-08-01 to 2026-08-31"),
        ([{"person": "A", "last_day": "x"}], "is no day"),
        (pd.DataFrame([["A", 1, 2]], columns=["person", "x", "x"]), "stand twice: x"),
    ],
)
def test_results_that_cannot_be_read_are_an_error(results, why):
    with pytest.raises(UserError, match=why):
        work_out_payouts([rule(kind="each", amount_cny=1)], results, period=AUGUST)


def test_schemes_without_name_or_number():
    with pytest.raises(UserError, match="no column rule"):
        work_out_payouts([{"scheme": "s"}], [{"person": "A"}])
    assert "no name of a scheme" in refusal([rule(scheme=None, kind="each", amount_cny=1)])
    assert "rule needs a whole number" in refusal([rule(None, kind="each", amount_cny=1)])


def test_all_columns_may_be_there_and_empty():
    scheme = dict.fromkeys(COLUMNS) | rule(kind="each", amount_cny=1, note="why not")
    assert paid([scheme], [{"person": "A", "x": 1}]) == {"A": 1}
