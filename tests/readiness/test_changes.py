"""Versions of the rule sheet, what a change makes stale, who is liable; prices said aloud; the request form."""

from __future__ import annotations

import datetime as dt
import time
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from simlib.messages import LANGS
from simlib.readiness import final_price, read_promo_sheet
from simlib.readiness.changes import (
    accept_changes,
    compare_versions,
    find_liable,
    find_stale,
    find_uncovered,
    read_change_log,
    record_change,
    version_of,
    write_change_log,
)
from simlib.readiness.explain import explain_price, missing_figures, request_form

DAY = {"buyers": "all", "scope": "all", "start": dt.datetime(2026, 11, 1), "end": dt.datetime(2026, 11, 12)}
PLATFORMS = ("tmall", "jd", "pdd", "douyin")
CHANGED = dt.datetime(2026, 10, 31, 21, 40)


def rules(threshold: int = 300) -> dict[str, pd.DataFrame]:
    """Make eight activities; the first is a coupon from a threshold."""
    rows = [{"id": "H1", "kind": "coupon", "threshold_cny": threshold, "amount_cny": 30, **DAY}]
    rows += [{"id": f"H{n}", "kind": "coupon", "amount_cny": n, "group": f"g{n}", **DAY} for n in range(2, 9)]
    return {"activities": pd.DataFrame(rows), "goods": pd.DataFrame({"sku": ["A"], "list_price_cny": [900]})}


def phrase_book() -> pd.DataFrame:
    """Make a phrase for every rule on every platform, checked in the week before."""
    rows = [
        {
            "id": f"P{n}-{platform}",
            "zh": "话术",
            "en": None,
            "owner": f"owner {platform}",
            "platform": platform,
            "rests_on": f"H{n}",
            "checked_on": dt.date(2026, 10, 24),
        }
        for n in range(1, 9)
        for platform in PLATFORMS
    ]
    return pd.DataFrame(rows)


def test_a_threshold_changed_on_the_night_makes_its_phrases_and_quiz_items_stale() -> None:
    """A10: eight rules on four platforms, a coupon changed at 21:40: owners, liability, and full again after a fix."""
    phrases = phrase_book()
    quiz = pd.DataFrame([{"id": "Q1", "owner": "trainer", "rests_on": "H1; H2", "checked_on": dt.date(2026, 10, 20)}])
    log = record_change(
        None, before=rules(), after=rules(200), changed_by="ops Li", changed_on=CHANGED, informed=("lead",)
    )
    assert log[["changed_row", "changed_column", "before", "after"]].to_numpy().tolist() == [
        ["H1", "threshold_cny", "300", "200"]
    ]
    stale = find_stale(log, {"phrase": phrases, "quiz": quiz})
    assert stale["content_id"].tolist() == ["P1-douyin", "P1-jd", "P1-pdd", "P1-tmall", "Q1"]
    assert stale["owner"].tolist() == ["owner douyin", "owner jd", "owner pdd", "owner tmall", "trainer"]
    covered = find_uncovered(rules(200)["activities"], phrases, stale=stale, platforms=PLATFORMS)
    assert len(covered) == 32
    assert (covered["current"] > 0).mean() == pytest.approx(28 / 32)
    assert covered.loc[covered["current"] == 0, "owner"].tolist() == [f"owner {name}" for name in PLATFORMS]

    later = CHANGED + dt.timedelta(minutes=20)
    assert find_liable(log, row="H1", at=later)["liable"].tolist() == ["liable_operations"]
    log = accept_changes(log, accepted_by="lead", accepted_on=later)
    assert find_liable(log, row="H1", at=later - dt.timedelta(minutes=1))["liable"].tolist() == ["liable_operations"]
    assert find_liable(log, row="H1", at=later)["liable"].tolist() == ["liable_service"]
    assert find_liable(log, row="H2", at=later).empty
    assert find_liable(log, row="H1", at=CHANGED - dt.timedelta(minutes=1)).empty

    fixed = phrases.assign(checked_on=later)
    stale = find_stale(log, {"phrase": fixed})
    assert stale.empty
    covered = find_uncovered(rules(200)["activities"], fixed, stale=stale, platforms=PLATFORMS)
    assert (covered["current"] > 0).all()


def test_a_version_is_its_rules_and_not_how_they_are_written() -> None:
    """The order of rows and 300 for 300.00 change nothing; a rule that comes or goes is one row."""
    old, new = rules(), rules()
    new["activities"] = (
        new["activities"].iloc[::-1].assign(amount_cny=lambda frame: frame["amount_cny"].map("{}.00".format))
    )
    assert compare_versions(old, new).empty
    assert version_of(**old) == version_of(**new)
    fewer = old | {"activities": old["activities"].iloc[1:]}
    gone = compare_versions(old, fewer)
    assert gone[["changed_row", "changed_column", "after"]].to_numpy().tolist() == [["H1", "", ""]]
    assert version_of(**old) != version_of(**fewer)


def test_the_log_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """Written and read, the log is the same; what begins like a formula stays text."""
    log = record_change(None, before={}, after=rules(), changed_by="=cmd()", changed_on=CHANGED)
    log = accept_changes(log, accepted_by="lead", accepted_on=CHANGED + dt.timedelta(hours=1))
    path = tmp_path / "rule_changes.csv"
    assert read_change_log(path).empty
    write_change_log(path, log)
    assert "'=cmd()" in path.read_text("utf-8-sig")
    pd.testing.assert_frame_equal(read_change_log(path), log, check_dtype=False)
    again = record_change(read_change_log(path), before=rules(), after=rules(200), changed_by="Li", changed_on=CHANGED)
    assert len(again) == len(log) + 1


def test_five_thousand_rules_and_twenty_thousand_phrases_are_checked_in_seconds() -> None:
    """Every rule changes, every phrase rests on two of them: all are stale, in less than ten seconds."""
    ids = [f"H{n}" for n in range(5_000)]
    old = pd.DataFrame({"id": ids, "kind": "coupon", "amount_cny": 5, **DAY})
    log = record_change(
        None,
        before={"activities": old},
        after={"activities": old.assign(amount_cny=6)},
        changed_by="Li",
        changed_on=CHANGED,
    )
    phrases = pd.DataFrame(
        {
            "id": [f"P{n}" for n in range(20_000)],
            "owner": "o",
            "rests_on": [f"H{n % 5_000}; H{(n + 1) % 5_000}" for n in range(20_000)],
            "checked_on": dt.date(2026, 10, 1),
        }
    )
    begun = time.perf_counter()
    stale = find_stale(log, {"phrase": phrases})
    assert len(stale) == 40_000
    assert time.perf_counter() - begun < 10


# --- said aloud

NIGHT = [
    {"id": "U", "name": "限时价", "kind": "unit_price", "price_cny": 899, **DAY},
    {"id": "R", "name": "每满300减50", "kind": "store_reduction", "threshold_cny": 300, "amount_cny": 50, "repeat": 1},
    {"id": "G", "kind": "gift", "gift_sku": "B", "gift_quantity": 1},
    {"id": "L", "kind": "limit", "limit_pieces": 2},
]
GOODS = pd.DataFrame({"sku": ["A", "B"], "name": ["吹风机", "梳子"], "list_price_cny": [1000, 20]})


@pytest.mark.parametrize("lang", LANGS)
def test_a_price_can_be_said_aloud(lang: str) -> None:
    """The sentences name the good, each step with its amount, the gift and the sum; zeros are left out."""
    sheet = read_promo_sheet(pd.DataFrame([DAY | row for row in NIGHT]), GOODS)
    price = final_price([("A", 1)], activities=sheet, buyer="all", at="2026-11-02 20:00")
    said = explain_price(price, sheet=sheet, lang=lang)
    assert price.pay_cny == Decimal(799)
    amounts = ["1,000", "899", "100", "梳子", "799"]
    assert all(amount in line for amount, line in zip(amounts, said, strict=True))
    refused = final_price([("A", 3)], activities=sheet, buyer="all", at="2026-11-02 20:00")
    said = explain_price(refused, sheet=sheet, lang=lang)
    assert len(said) == 1
    assert "2" in said[0]


@pytest.mark.parametrize("lang", LANGS)
def test_a_deposit_is_said_as_paid_and_left_to_pay(lang: str) -> None:
    """The known answer of the page: 100 in advance, 519 left."""
    deposit = {
        "id": "D",
        "kind": "deposit",
        "deposit_cny": 100,
        "inflate": "1.5",
        "start": dt.datetime(2026, 10, 20),
        "end": dt.datetime(2026, 10, 31),
        "final_start": dt.datetime(2026, 10, 31),
        "final_end": dt.datetime(2026, 11, 12),
    }
    sheet = read_promo_sheet(pd.DataFrame([DAY | deposit]), GOODS)
    price = final_price([("A", 1)], activities=sheet, buyer="all", at="2026-11-02 20:00")
    said = explain_price(price, sheet=sheet, lang=lang)
    assert "100" in said[1]
    assert "150" in said[1]
    assert "100" in said[-1]
    assert "850" in said[-1]


@pytest.mark.parametrize("lang", LANGS)
def test_the_request_form_asks_for_four_figures_and_names_what_is_open(lang: str) -> None:
    """Each figure with what stands still without it; one that is given is not open."""
    form = request_form({"month_gmv_cny": 3_000_000}, lang=lang)
    assert len(form) == 4
    assert form["answer_given"].tolist() == [3_000_000, None, None, None]
    assert form["reason"].map(len).min() > 10
    assert missing_figures({"month_gmv_cny": 3_000_000}) == ["month_aov_cny", "day_gmv_cny", "day_aov_cny"]
