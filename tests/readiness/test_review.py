"""A10, A11, A16 as a user types them: check, ready, cards; conflicts named, four kinds of content stale and fresh."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from simlib import facts
from simlib.cli import app, store_paths
from simlib.inputs import with_exam
from simlib.messages import HOUSE, LANGS, label, translate
from simlib.planning import Plan, plan
from simlib.readiness import work_out_readiness
from simlib.readiness.kept import open_kept
from simlib.readiness.workbook import read_readiness, write_readiness_template
from simlib.report.pages.readiness_pack import print_meeting
from simlib.runs import readiness as review
from simlib.store import load_store

STORES = HOUSE / "templates" / "stores"
KINDS = ("wrong_time", "overlap", "limit_against_bundle", "gift_without_stock", "below_floor")
FAULTY = {
    "goods": [
        {"sku": "A", "name": "dryer", "list_price_cny": 100, "floor_price_cny": 90, "stock": 50},
        {"sku": "B", "name": "cup", "list_price_cny": 10, "stock": 0},
    ],
    "activities": [
        {"id": "U1", "kind": "unit_price", "scope": "sku:A", "buyers": "all", "price_cny": 80},
        {"id": "U2", "kind": "unit_price", "scope": "sku:A", "buyers": "all", "price_cny": 85, "later": 1},
        {"id": "G1", "kind": "gift", "scope": "all", "buyers": "all", "gift_sku": "B", "gift_quantity": 1, "stock": 9},
        {"id": "L1", "kind": "limit", "scope": "sku:A", "buyers": "all", "limit_pieces": 1},
        {"id": "P1", "kind": "pieces", "scope": "sku:A", "buyers": "all", "threshold_pieces": 2, "amount_cny": 5},
        {
            "id": "C1",
            "kind": "coupon",
            "scope": "all",
            "buyers": "all",
            "threshold_cny": 50,
            "amount_cny": 5,
            "back": 1,
        },
    ],
    "logistics": [{"item": "snack", "name": "congee", "owner": "Li"}],
}


def run(*words: object) -> Any:
    """Run the command line."""
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return a copy of the smaller example store, with two days of its history: nothing here reads more."""
    copy = Path(shutil.copytree(STORES / "bodycare", tmp_path / "shop"))
    lines = (copy / "history.csv").read_text("utf-8-sig").splitlines()
    (copy / "history.csv").write_text("\n".join(lines[:97]), "utf-8")
    return copy


def rows_of(book: Path, **changed: Any) -> dict[str, list[dict[str, Any]]]:
    """Read a readiness workbook as rows; ``changed`` goes to the first coupon."""
    tables = read_readiness(book).tables
    rows = {
        sheet: [
            {key: cell for key, cell in row.items() if key != "row" and not pd.isna(cell)}
            for row in table.to_dict("records")
        ]
        for sheet, table in tables.items()
    }
    for row in rows["activities"]:
        if row["id"] == "C1":
            row.update(changed)
    return rows


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_check_names_conflicts_and_logistics_without_a_time(shop: Path, lang: str) -> None:
    """Overlap, a price under the floor, a gift without stock, a wrong date, limit 1 against a bundle of 2: status 1."""
    rows = dict(FAULTY)
    rows["activities"] = []
    for row in FAULTY["activities"]:
        begins = dt.datetime(2026, 10, 31, 20) + dt.timedelta(days=row.get("later", 0))
        window = {"start": begins, "end": begins + dt.timedelta(days=-1 if "back" in row else 3)}
        rows["activities"].append(row | window)
    write_readiness_template(shop / "readiness.xlsx", "zh", rows=rows)
    done = run("check", shop, "--lang", lang)
    assert done.exit_code == 1
    words = [label(f"conflict_{kind}", lang).split()[0] for kind in KINDS]
    assert all(word in done.output for word in words), done.output
    assert all(row in done.output for row in ("U1", "G1", "P1", "C1"))
    assert "Traceback" not in done.output


def test_new_writes_the_chapters_workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command of the chapter writes readiness.xlsx with its nine sheets."""
    monkeypatch.chdir(tmp_path)
    assert run("new", "--chapter", "readiness").exit_code == 0
    assert read_readiness(tmp_path / "readiness.xlsx").problems == ()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_cards_are_written_for_a_store_and_without_one(shop: Path, tmp_path: Path, lang: str) -> None:
    """Without a store the incident cards; with one the tasks, with the store's own dates."""
    assert run("cards", "--kind", "incident", "--out", tmp_path, "--lang", lang).exit_code == 0
    page = (tmp_path / "cards" / "incident.html").read_text("utf-8")
    assert page.count('<article class="pc">') == len(facts.table("incidents"))
    assert run("cards", shop, "--kind", "task", "--out", tmp_path, "--lang", lang).exit_code == 0
    tasks = next(tmp_path.rglob("task.html")).read_text("utf-8")
    assert "2026-10-09" in tasks  # T-22 of an opening on 10-31


def plan_without_roster(store: Path) -> Plan:
    """Plan the store with the chapter worked out from its sheets alone."""
    night = plan(store)
    given = {"promo_day": night.wave.day, "today": night.counted_from, "peak_heads": 8.0}
    book = night.inputs.find_readiness(str(store))
    vars(night)["readiness"] = work_out_readiness(night.store, book=book, **given)
    vars(night)["people"] = SimpleNamespace(tables={})
    return night


class StoppedClock(dt.datetime):
    """A clock that stands."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> StoppedClock:
        """Return always the same second."""
        return cls(2026, 9, 28, 21, 40, tzinfo=tz)


def test_a_rule_changed_at_21_40_runs_through_the_command(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First review, the coupon's threshold changes, second review: stale of four kinds; accepted, handed out: fresh.

    All in one second of the clock: what comes later is noted as later.
    """
    clock = SimpleNamespace(date=dt.date, datetime=StoppedClock, timedelta=dt.timedelta)
    monkeypatch.setattr(review, "dt", clock)
    monkeypatch.setattr(review, "plan", plan_without_roster)
    monkeypatch.setattr(review, "write_pack", lambda *_, **__: [])
    hours = iter(range(9, 24))  # three reviews within one second of the real clock would be one instant
    review_now = review.review_readiness
    monkeypatch.setattr(
        review, "review_readiness", lambda *of, **how: review_now(*of, **how, at=dt.datetime(2026, 9, 27, next(hours)))
    )
    book = shop / "readiness.xlsx"
    first = run("ready", shop, "--out", tmp_path / "out")
    assert first.exit_code == 0, first.output
    assert open_kept(shop).change_log.empty
    assert len(open_kept(shop).quizzes) == 2  # the example's own and the one made now

    write_readiness_template(book, "en", rows=rows_of(book, threshold_cny=150))
    second = run("ready", shop, "--out", tmp_path / "out", "--by", "Tim", "--inform", "Rose", "--lang", "en")
    assert second.exit_code == 0, second.output
    kept = open_kept(shop)
    assert kept.change_log[["changed_row", "after", "changed_by", "informed"]].to_numpy().tolist() == [
        ["C1", "150", "Tim", "Rose"]
    ]
    stale = plan_without_roster(shop).readiness.tables["stale_items"]
    assert {"phrase", "quiz", "card"} <= set(stale["stale_kind"]), stale["stale_kind"].unique()
    assert len(kept.history) == 4  # three of the example and today's, once

    third = run("ready", shop, "--out", tmp_path / "out", "--accept", "Max")
    assert third.exit_code == 0, third.output
    left = plan_without_roster(shop).readiness.tables["stale_items"]
    assert set(left["content_id"]) == {"B02"}  # the store's own phrase: its owner has to check it


def test_the_roster_obeys_the_marks_of_the_readiness_workbook(shop: Path) -> None:
    """Who fails in the answers is refused whatever the store's own sheet says, and so is a failed quality check."""
    rows = rows_of(shop / "readiness.xlsx")
    for row in rows["exam"]:
        row["answer"] = "?" if row["agent_id"] == "B01" else row.get("answer", "")
    for row in rows["training"]:
        row["qa_result"] = row["agent_id"] != "B02"
    write_readiness_template(shop / "readiness.xlsx", "en", rows=rows)
    store = load_store(shop)
    marked = {agent.agent_id: agent for agent in with_exam(store, str(shop)).agents}
    assert marked["B01"].exam_score == 0
    assert marked["B02"].qa_pass is False
    assert not {"B01", "B02"} & plan(shop).inputs.ready
    assert with_exam(store, "") is store


def test_what_lies_beside_a_store_is_no_store(tmp_path: Path) -> None:
    """A batch over a folder leaves out readiness workbooks and what is kept."""
    for name in ("a.xlsx", "a.readiness.xlsx", "readiness.xlsx"):
        (tmp_path / name).touch()
    (tmp_path / "a.readiness").mkdir()
    assert [path.name for path in store_paths([tmp_path])] == ["a.xlsx"]


@pytest.mark.parametrize(("red", "shown"), [(1, 11), (16, 6)])
def test_the_sheet_shows_every_meal_it_has_room_for_and_says_how_many_more(shop: Path, red: int, shown: int) -> None:
    """Few red items leave room for eleven meals; where the sheet is full it names how many are left out."""
    night = plan_without_roster(shop)
    meals = pd.DataFrame({"logistics_item": "meal", "quantity": range(501, 512)})
    items = pd.DataFrame({"block": "people", "item": "exam", "reason": "red_late", "owner": "Li"}, index=range(red))
    dates = pd.DataFrame({"task": [f"task {number}" for number in range(6)]})
    rental = pd.DataFrame({"room": ["a", "b", "c", "d"]})
    ready = replace(night.readiness, tables={**night.readiness.tables, "food": meals, "red_items": items})
    ready = replace(ready, tables={**ready.tables, "rental": rental})
    vars(night).update(readiness=ready, people=SimpleNamespace(tables={"last_safe_dates": dates}))
    for lang in LANGS:
        page = print_meeting(night, lang=lang)
        assert sum(f">{number}<" in page for number in range(501, 512)) == shown
        assert (translate("readiness.rows_left", lang, count=5) in page) == (shown == 6)
        assert "padding-bottom:2px;line-height:1.3" in page  # rows so low that they fit on the one sheet


@pytest.mark.parametrize("lang", LANGS)
def test_a_list_that_is_cut_short_says_which_file_has_the_rest(
    shop: Path, monkeypatch: pytest.MonkeyPatch, lang: str
) -> None:
    """Who may not go online stands whole in the lists of the same pack; the conflicts in the report of a rehearsal."""
    cut = {"kept_off": pd.DataFrame({"name": ["x"] * 18}), "conflicts": pd.DataFrame({"conflict": ["x"] * 15})}
    done = SimpleNamespace(findings=(), shown=cut, written=(), kept=shop)
    monkeypatch.setattr(review, "review_readiness", lambda *_, **__: done)
    output = " ".join(run("ready", shop, "--lang", lang).output.split())
    assert translate("cli.rows_more_listed", lang, count=6, file="lists.html") in output
    assert translate("cli.rows_more", lang, count=3) in output


@pytest.mark.slow
def test_the_pack_is_whole(shop: Path, tmp_path: Path) -> None:
    """Every file that the review hands out is there: pages, pictures, calendar, sheets."""
    night = plan_without_roster(shop)
    book = night.inputs.find_readiness(str(shop))
    written = review.write_pack(night, tmp_path / "pack", book=book, quiz=book.kept.quizzes[-1], lang="en")
    names = {path.name for path in written}
    assert {"meeting-zh.html", "meeting-en.html", "gantt.svg", "seats.svg", "countdown.ics"} <= names
    assert {"quick-replies.xlsx", "answers.xlsx", "quiz.html", "quiz-key.html", "lists.html", "prices.html"} <= names
    assert all(path.stat().st_size > 200 for path in written)
    assert "A3 landscape" in (tmp_path / "pack" / "meeting-zh.html").read_text("utf-8")
