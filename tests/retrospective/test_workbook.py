"""The workbook review.xlsx: what goes in comes out, what is wrong is named once, what is missing stays at plan."""

from __future__ import annotations

import datetime as dt
from functools import partial

import pandas as pd
import pytest
from openpyxl import load_workbook

from simlib.clock import read_moment
from simlib.messages import LANGS, label
from simlib.retrospective import NightFacts
from simlib.retrospective.audit import audit_questions
from simlib.retrospective.workbook import (
    begin_next_review,
    doubt_figures,
    lay_on_grid,
    note_night,
    read_review,
    review_book,
    take_figures,
    within_night,
)
from simlib.store.problems import shorten

EVENING = dt.datetime(2026, 10, 31, 20, 0)
LATE = dt.datetime(2026, 10, 31, 23, 0)


@pytest.fixture
def planned(night):
    """The plan of the small night."""
    return NightFacts(night=night, inquiry_share=0.5, conversion=0.5, aov_cny=400.0, opening=night.grid.starts[2])


def write(folder, rows, lang="zh"):
    """Write a review beside a store that need not be there, and read it."""
    review_book().write(folder / "review.xlsx", lang=lang, rows=rows)
    return read_review(folder)


def actuals_of(night, *, factor=1.2):
    table = night.forecast[["start", "queue", "contacts"]].copy()
    table["contacts"] = (table["contacts"] * factor).round()
    return table.assign(answered=table["contacts"], in_time=(table["contacts"] * 0.8).round())


@pytest.mark.parametrize("lang", LANGS)
def test_a_fresh_workbook_explains_itself_and_reads_as_empty(tmp_path, lang):
    """Every sheet has an example with its note, lists of choices in words, and none of the examples is read."""
    review_book().write(tmp_path / "review.xlsx", lang=lang)
    book = load_workbook(tmp_path / "review.xlsx")
    assert len(book.sheetnames) == len(review_book().sheets) + 1
    for sheet in book.worksheets[1:]:
        assert sheet.max_row == 2, sheet.title
        assert all(cell.comment is not None for cell in sheet[1]), sheet.title
    choices = [rule.formula1 for rule in book.worksheets[1].data_validations.dataValidation]
    assert any(label("conversion", lang) in choice for choice in choices)
    review = read_review(tmp_path)
    assert review.problems == ()
    assert dict(review.figures) == {}
    assert all(table.empty for table in review.book.tables.values())


@pytest.mark.parametrize("lang", LANGS)
def test_what_is_written_down_comes_back(tmp_path, lang):
    """Figures by kind, spans as moments, audit questions by their keys, task cards by their names."""
    text = audit_questions(lang).iloc[0]
    rows = {
        "review_night": [
            {"figure": "conversion", "value": "41%"},
            {"figure": "presale_reply_s", "value": "24"},
            {"figure": "opening", "value": "2026-10-31 20:30"},
        ],
        "review_absences": [{"agent_id": "A05", "start": EVENING, "end": LATE}],
        "review_audit": [{"question": text["text"], "score": 3.0, "score_before": 2.0}],
        "review_actions": [{"lesson": "x", "action": "y", "card": "向运营要四个数"}],
    }
    review = write(tmp_path, rows, lang)
    assert review.problems == ()
    figures = dict(review.figures)
    assert figures.pop("opening") == EVENING.replace(minute=30)
    assert figures == pytest.approx({"conversion": 0.41, "presale_reply_s": 24.0})
    assert review.absences[["agent_id", "start", "end"]].to_numpy().tolist() == [["A05", EVENING, LATE]]
    assert review.book.tables["review_audit"]["question"].tolist() == [text["question"]]
    assert review.book.tables["review_actions"]["card"].tolist() == ["ask_figures"]


def test_mistakes_are_named_by_place_and_value_and_the_rest_is_used(tmp_path):
    """A share in percent, a figure twice, an end before its start, an unknown question: each with sheet, row, value."""
    rows = {
        "review_night": [
            {"figure": "conversion", "value": "41"},
            {"figure": "aov_cny", "value": "92"},
            {"figure": "aov_cny", "value": "93"},
            {"figure": "presale_reply_s", "value": "0"},
        ],
        "review_absences": [{"agent_id": "A05", "start": LATE, "end": EVENING}],
        "review_audit": [{"question": "nonsense", "score": 1.0}],
    }
    review = write(tmp_path, rows)
    assert dict(review.figures) == {"aov_cny": 92.0}
    assert review.absences.empty
    places = [(problem.sheet, problem.row, problem.column, problem.value) for problem in review.problems]
    assert sorted(places) == [
        ("review_absences", 2, "end", "2026-10-31 20:00"),
        ("review_audit", 2, "review_question", "nonsense"),
        ("review_night", 2, "review_value", "41"),
        ("review_night", 4, "review_value", "93"),
        ("review_night", 5, "review_value", "0"),
    ]
    for lang in LANGS:
        for problem in review.problems:
            assert label(str(problem.sheet), lang) in problem.text(lang)
            assert str(problem.value) in problem.text(lang)


def test_one_mistake_in_many_rows_is_reported_once(tmp_path, as_book):
    """Forty promises without a due time are one sentence with its rows."""
    head = ["review_promise", "agent_id", "review_made", "review_due"]
    promises = [head, *[[f"gift {number}", "A05", EVENING, "tonight"] for number in range(40)]]
    as_book({"review_promises": promises}, name="review.xlsx")
    review = read_review(tmp_path)
    assert len(review.problems) == 40
    assert len(shorten(review.problems)) == 1
    assert "2" in shorten(review.problems)[0].text("en")


def test_a_broken_file_is_a_problem_and_no_traceback(tmp_path):
    """What cannot be opened leaves an empty review and says so."""
    (tmp_path / "review.xlsx").write_bytes(b"no workbook")
    review = read_review(tmp_path)
    assert len(review.problems) == 1
    assert all(table.empty for table in review.book.tables.values())


def test_without_a_workbook_and_without_actuals_nothing_is_known(planned, tmp_path):
    """An empty review makes an empty record."""
    record = note_night(read_review(tmp_path), planned, actuals=None)
    assert record.actual is None
    assert record.served is None
    assert record.questions is None


def test_what_was_measured_takes_the_place_of_the_plan(planned, tmp_path):
    """Bot share, handling, absences and worth are the night's own; what nobody measured is named."""
    rows = {
        "review_night": [
            {"figure": "conversion", "value": "41%"},
            {"figure": "bot_share", "value": "20%"},
            {"figure": "presale_reply_s", "value": "25"},
        ],
        "review_absences": [{"agent_id": "A05", "start": EVENING, "end": LATE}],
        "review_questions": [{"asked": "什么时候发货", "times": 12}, {"asked": "怎么开发票"}],
    }
    record = note_night(write(tmp_path, rows), planned, actuals=actuals_of(planned.night))
    came = record.actual
    assert (came.conversion, came.inquiry_share, came.aov_cny) == pytest.approx((0.41, 0.5, 400.0))
    assert {service.bot_share for service in came.night.services.values()} == {0.2}
    assert came.night.services["presale"].reply_s == 25
    assert came.night.services["aftersale"].reply_s == planned.night.services["aftersale"].reply_s
    assert set(came.unmeasured) == {"inquiry_share", "aov_cny", "heads", "opening", "outages"}
    gone = record.served[record.served["agent_id"] == "A05"]
    assert gone["start"].min() >= pd.Timestamp(LATE, tz="Asia/Shanghai")
    assert record.questions["times"].tolist() == [12.0, 1.0]


def test_half_a_night_stays_at_plan_where_nothing_was_counted(planned, tmp_path):
    """Counted intervals move the total, the others keep the plan; such a night is not kept as history."""
    night = planned.night
    half = actuals_of(night)
    half = half[half["start"] < night.grid.starts[4]]
    review = read_review(tmp_path)
    came = note_night(review, planned, actuals=half).actual.night.forecast
    early = came["start"] < night.grid.starts[4]
    assert came.loc[early, "contacts"].tolist() == half["contacts"].tolist()
    assert came.loc[~early, "contacts"].tolist() == night.forecast.loc[~early, "contacts"].tolist()
    assert take_figures(review, promo="x", actuals=half, forecast=night.forecast) is None
    whole = take_figures(review, promo="x", actuals=actuals_of(night), forecast=night.forecast)
    assert len(whole.contacts) == len(night.forecast)


def test_hours_of_an_export_are_laid_out_by_the_plan(planned):
    """An export by the hour keeps its sums, and the plan's shape inside the hour; other days are cut off."""
    night = planned.night
    hours = actuals_of(night)
    hours["start"] = hours["start"].dt.floor("h")
    hours = hours.groupby(["start", "queue"], as_index=False).sum()
    other = hours.assign(start=hours["start"] - pd.Timedelta("7D"))
    laid, messages = lay_on_grid(pd.concat([other, hours]), planned)
    assert laid["contacts"].sum() == pytest.approx(hours["contacts"].sum())
    assert len(laid) == len(night.forecast)
    first = laid[laid["queue"] == "presale"].sort_values("start")["contacts"].tolist()
    plan = night.forecast.query("queue == 'presale'")["contacts"].tolist()
    assert first[0] / first[1] == pytest.approx(plan[0] / plan[1])
    assert [message.key for message in messages] == ["retrospective.laid_by_plan"]
    fine, none = lay_on_grid(actuals_of(night), planned)
    assert len(fine) == len(night.forecast)
    assert none == ()


def test_exports_give_chats_and_messages_of_the_night_only(planned, tmp_path):
    """A bad mark is a complaint, a missing one is none; a message's time is counted from the opening of the grid."""
    night = planned.night
    moments = [EVENING + dt.timedelta(minutes=10), EVENING - dt.timedelta(days=3)]
    chats = pd.DataFrame(
        {"agent": "A05", "begun": moments * 2, "ended": [each + dt.timedelta(minutes=5) for each in moments * 2],
         "satisfied": [0.0, 0.0, float("nan"), 1.0]}
    )  # fmt: skip
    messages = pd.DataFrame({"chat": "c", "sent": moments, "side": "buyer"})
    tables = {"chat": chats, "message": messages}
    record = note_night(read_review(tmp_path), planned, actuals=None, tables=tables)
    assert record.chats["complaint"].tolist() == [True, False]
    assert record.platform_messages.to_dict("records") == [{"contact": "c", "time": 600.0, "sender": "buyer"}]
    assert night.grid.opens == pd.Timestamp(EVENING, tz="Asia/Shanghai")


def test_the_next_review_begins_where_this_one_ends(tmp_path):
    """The chain of promos goes on, what is done is gone, and this time's scores are the last time's."""
    text = audit_questions("zh")["text"]
    rows = {
        "review_promos": [{"promo": "618", "day": dt.date(2026, 6, 18), "planned_contacts": 5.0, "wape": 0.2}],
        "review_learned": [{"promo": "618", "key": "conversion", "before": 0.45, "seen": 0.41, "after": 0.44}],
        "review_audit": [{"question": text[0], "score": 4.0}],
        "review_feedback": [
            {"what": "a", "department": "b", "status": "done"},
            {"what": "c", "department": "d", "status": "open"},
        ],
        "review_actions": [{"lesson": "l", "action": "a", "done": True}, {"lesson": "m", "action": "b", "done": False}],
    }
    review = write(tmp_path, rows)
    assert review.problems == ()
    promo = {"promo": "双11", "day": dt.date(2026, 10, 31), "planned_contacts": 10.0, "actual_contacts": 12.0}
    changes = pd.DataFrame(
        {"key": ["conversion", "hour_01"], "before": 0.44, "seen": 0.4, "weight": 0.25, "after": 0.43}
    )
    begun = begin_next_review(review.book, promo=promo, changes=changes)
    folder = tmp_path / "next"
    folder.mkdir()
    after = write(folder, begun)
    assert after.problems == ()
    assert after.book.tables["review_promos"]["promo"].tolist() == ["618", "双11"]
    assert after.book.tables["review_learned"]["key"].tolist() == ["conversion", "conversion"]
    audit = after.book.tables["review_audit"].iloc[0]
    assert (audit["question"], audit["score"], audit["score_before"]) == ("role_known", None, 4)
    assert after.book.tables["review_feedback"]["what"].tolist() == ["c"]
    assert after.book.tables["review_actions"]["lesson"].tolist() == ["m"]


def test_more_paid_than_were_reminded_is_named(tmp_path):
    """A part above its whole is left out, with its row and what is allowed; the row beside it is used."""
    day = EVENING.date()
    rows = {
        "review_reminders": [
            {"day": day, "agent": "A01", "reminded": 9, "paid_after": 12},
            {"day": day, "agent": "A02", "reminded": 9, "paid_after": 4},
        ],
        "review_answers": [{"question": "q", "agent": "A01", "wording": "w", "votes": 3, "sent": 2, "paid": 5}],
    }
    review = write(tmp_path, rows, "en")
    assert review.book.tables["review_reminders"]["agent"].tolist() == ["A02"]
    assert review.book.tables["review_answers"].empty
    places = [(each.sheet, each.row, each.column, each.value) for each in review.problems]
    assert ("review_reminders", 2, "paid_after", "12") in places
    assert ("review_answers", 2, "review_paid", "5") in places
    assert "<= 9" in " ".join(each.text("zh") for each in review.problems)


def test_what_lies_outside_the_night_or_stands_twice_is_named(tmp_path, night):
    """Rows of another day, and a second row over the same time, are left out with their place and what is allowed."""
    days = dt.timedelta(days=3)
    rows = {
        "review_night": [{"figure": "opening", "value": "2026-11-11 20:00"}],
        "review_absences": [
            {"agent_id": "A05", "start": EVENING, "end": LATE},
            {"agent_id": "A05", "start": EVENING + dt.timedelta(hours=1), "end": LATE},
            {"agent_id": "A05", "start": EVENING + days, "end": LATE + days},
        ],
        "review_served": [{"agent_id": "A06", "queue": "presale", "start": EVENING + days, "end": LATE + days}],
        "review_incidents": [{"incident": "bot_down", "start": EVENING, "end": LATE}] * 2,
    }
    review = within_night(write(tmp_path, rows), night.grid)
    places = [(each.sheet, each.row, each.message) for each in review.problems]
    assert places == [
        ("review_night", 2, "out_of_range"),
        ("review_absences", 3, "stands_twice"),
        ("review_absences", 4, "out_of_range"),
        ("review_served", 2, "out_of_range"),
        ("review_incidents", 3, "stands_twice"),
    ]
    assert (len(review.absences), len(review.served), len(review.incidents)) == (1, 0, 1)
    assert "opening" not in review.figures
    stated = " ".join(each.text("en") for each in review.problems)
    assert "2026-11-03 20:00" in stated
    assert f">= {night.grid.opens:%Y-%m-%d %H:%M}" in stated


def test_a_promise_kept_before_it_was_made_is_named(tmp_path):
    """The order of made, due and kept is checked; what is right beside it stays."""
    promise = {"promise": "gift", "agent": "A05", "made": EVENING, "due": LATE}
    review = write(tmp_path, {"review_promises": [promise | {"kept": EVENING - dt.timedelta(days=1)}, promise]})
    assert [(each.row, each.column) for each in review.problems] == [(2, "review_kept")]
    assert len(review.book.tables["review_promises"]) == 1


def test_hidden_rows_totals_merged_cells_and_stray_cells_are_noticed(tmp_path):
    """A total is no question, what is hidden counts and is named, and merged rows belong to nobody."""
    asked = [{"asked": "能不能便宜", "times": 30}, {"asked": "几天到货", "times": 12}, {"asked": "合计", "times": 42}]
    sales = [{"lever": "second_gift", "orders": each, "sales_cny": "99元"} for each in (1, "2单", "3%")]
    promises = [{"promise": f"p{at}", "agent": "A1", "made": EVENING, "due": LATE, "note": "seen"} for at in range(3)]
    path = tmp_path / "review.xlsx"
    review_book().write(path, lang="zh", rows={"review_questions": asked, "review_promises": promises})
    pages = load_workbook(path)
    page = next(page for page in pages if page.title.endswith("review_questions"))
    page.row_dimensions[3].hidden = True
    page.cell(2, 9, "stray")
    page = next(page for page in pages if page.title.endswith("review_promises"))
    page.merge_cells("B2:B3")
    page = next(page for page in pages if page.title.endswith("review_second_sales"))
    for at, row in enumerate(sales, start=2):
        for column, key in enumerate(("lever", "agent", "orders", "sales_cny"), start=1):
            page.cell(at, column, row.get(key))
    pages.save(path)
    review = read_review(tmp_path)
    assert review.book.tables["review_questions"]["times"].tolist() == [30, 12]
    assert [(each.message, each.row) for each in review.notices] == [("total_rows", None), ("rows_hidden", 3)]
    assert review.book.tables["review_promises"]["promise"].tolist() == ["p2"]
    second = review.book.tables["review_second_sales"]
    assert second[["orders", "sales_cny"]].to_numpy().tolist() == [[1, 99], [2, 99]]
    wrong = [(each.message, each.sheet, each.row, each.value) for each in review.problems]
    assert sorted(wrong) == [
        ("cell_outside", "review_questions", 2, "stray"),
        ("merged", "review_promises", None, "B2:B3"),
        ("percent_unwanted", "review_second_sales", 4, "3%"),
    ]


NIGHT = {
    "first": pd.Timestamp("2026-10-31", tz="Asia/Shanghai"),
    "last": pd.Timestamp("2026-11-01 04:00", tz="Asia/Shanghai"),
}
SPAN = ["agent_id", "start", "end"]


def test_a_time_alone_is_the_nights_own(tmp_path, as_book):
    """Typed, as a cell of Excel's clock or in Chinese; 01:30 after the opening is the next morning."""
    night, clock = [["figure", "review_value"], ["opening", "晚上8点20"]], dt.time(22, 0)
    absences = [["A01", "20:20", "24:00"], ["A02", clock, "晚上12点"], ["A03", "1:30", "4:00"]]
    as_book({"review_night": night, "review_absences": [SPAN, *absences]}, name="review.xlsx")
    review = read_review(tmp_path, read_time=partial(read_moment, **NIGHT, opening=NIGHT["first"].replace(hour=20)))
    assert review.problems == ()
    assert review.figures["opening"] == dt.datetime(2026, 10, 31, 20, 20)
    midnight = dt.datetime(2026, 11, 1)
    assert review.absences[["start", "end"]].to_numpy().tolist() == [
        [dt.datetime(2026, 10, 31, 20, 20), midnight],
        [dt.datetime(2026, 10, 31, 22, 0), midnight],
        [midnight.replace(hour=1, minute=30), midnight.replace(hour=4)],
    ]
    assert len(read_review(tmp_path).problems) == 7  # nothing says which night


@pytest.mark.parametrize(
    ("typed", "words"),
    [("01:30", ("10-31 01:30", "11-01 01:30")), ("29:00", ("11-01 04:00",)), ("soon", ("2026-10-31 20:00",))],
)
def test_a_time_alone_that_is_unclear_is_asked_back(tmp_path, as_book, typed, words):
    """A time that comes twice in the night, lies outside it or is none is named, with what may be written."""
    as_book({"review_absences": [SPAN, ["A01", typed, "2026-11-01 03:00"]]}, name="review.xlsx")
    (problem,) = read_review(tmp_path, read_time=partial(read_moment, **NIGHT)).problems
    assert (problem.row, problem.column, problem.value) == (2, "start", typed)
    for lang in LANGS:
        assert all(word in problem.text(lang) for word in words)


def test_a_figure_far_from_the_plan_is_asked_about(tmp_path):
    """A seventh of the planned order value is a notice with both values, no mistake; twice a reply time is none."""
    figures = {"aov_cny": "186", "presale_reply_s": "40", "conversion": "50%", "opening": "2026-10-31 20:30"}
    rows = [{"figure": figure, "value": value} for figure, value in figures.items()]
    plan = {"aov_cny": 1280.0, "presale_reply_s": 20.0, "conversion": 0.0}
    review = doubt_figures(write(tmp_path, {"review_night": rows}), plan)
    [notice] = review.notices
    assert (review.problems, notice.row, notice.value) == ((), 2, "186")
    assert review.figures["aov_cny"] == 186.0
    for lang in LANGS:
        assert all(word in notice.text(lang) for word in ("186", "1280", label("aov_cny", lang)))


def test_of_two_reviews_beside_a_store_the_one_that_is_read_is_named(tmp_path):
    """The workbook that bears the store's name goes first, and a notice names both."""
    for name, value in (("review.xlsx", "92"), ("shop.review.xlsx", "93")):
        rows = {"review_night": [{"figure": "aov_cny", "value": value}]}
        review_book().write(tmp_path / name, lang="zh", rows=rows)
    review = read_review(tmp_path / "shop.xlsx")
    [notice] = review.notices
    assert review.figures["aov_cny"] == 93.0
    assert "shop.review.xlsx 和 review.xlsx" in notice.text("zh")
    assert "shop.review.xlsx alone is read" in notice.text("en")
    assert read_review(tmp_path / "other.xlsx").notices == ()
