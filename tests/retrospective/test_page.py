"""The page of the retrospective in both languages, its charts, and bad input that never ends the page."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from simlib.messages import LANGS, glossary, label, translate
from simlib.report.charts.retrospective import plot_audit, plot_questions, plot_variance
from simlib.report.columns import describe_column
from simlib.report.pages.retrospective import ORDER, show_retrospective
from simlib.retrospective import NightRecord, work_out_retrospective
from simlib.retrospective.naming import name_columns, unit_of
from simlib.store.problems import Problem


class Shown(SimpleNamespace):
    """A plan of which only the retrospective is asked."""


@pytest.fixture(scope="module")
def small(night):
    """A plan without bands to speak of, and what it is held against."""
    from simlib.retrospective import NightFacts
    from simlib.retrospective.forecast import count_heads

    mean = night.forecast["contacts"]
    heads = count_heads(night.roster, grid=night.grid, queues=night.queues)
    return {
        "planned": NightFacts(night=night, inquiry_share=0.5, conversion=0.5, aov_cny=400.0),
        "forecast": night.forecast.assign(p05=mean - 1.645 * mean**0.5, p95=mean + 1.645 * mean**0.5),
        "requirement": heads.rename(columns={"heads": "on_chat"}),
        "target": 0.8,
        "today": night.grid.opens.date() + pd.Timedelta("1D").to_pytimedelta(),
        "nights": 2,
    }


def actuals_of(night, **changes):
    table = night.forecast[["start", "queue", "contacts"]].copy()
    return table.assign(answered=table["contacts"], in_time=table["contacts"] * 0.8, **changes)


TABLES = name_columns(
    {
        "variance": pd.DataFrame(
            {"driver": ["contacts", "absence", "not_explained"], "group": ["traffic", "capacity", "not_explained"],
             "planned": [100.0, 0.0, 0.0], "actual": [120.0, 8.0, -5.0], "effect_cny": [190.0, -80.0, -5.0],
             "low": [150.0, -170.0, -30.0], "high": [230.0, 10.0, 20.0]}
        ),
        "questions": pd.DataFrame(
            {"tag": ["invoice", "untagged"], "contacts": [8.0, 2.0], "share": [0.8, 0.2], "cumulative": [0.8, 1.0],
             "top": [True, False]}
        ),
        "self_audit": pd.DataFrame(
            {"area": ["role", "attitude", "basics", "process"], "score": [3.0, 2.0, float("nan"), 5.0],
             "answered": 1.0, "before": [2.0, 2.0, 2.0, 2.0], "change": [1.0, 0.0, float("nan"), 3.0]}
        ),
        "reviews": pd.DataFrame(
            {"figure": ["paid_share", "net_cny"], "first": [0.5, 9.0], "second": [0.9, 12.0], "change": [0.4, 3.0],
             "changed": [True, True]}
        ),
        "second_orders": pd.DataFrame(
            {"gap": ["gap_hour"], "orders": [2], "sales_cny": [90.0], "order_cny": [45.0], "share": [0.1]}
        ),
        "load": pd.DataFrame(
            {"agent_id": ["A1"], "hours": [8.0], "longest_h": [4.5], "chats": [40], "chats_h": [5.0],
             "open_chats": [0.5], "open_share": [0.1], "complaints": [3], "complaints_row": [2], "breaks_missed": [1],
             "load_index": [1.1], "relief": [True]}
        ),
    }
)  # fmt: skip


@pytest.mark.parametrize("lang", LANGS)
def test_charts_are_drawn_in_the_words_of_the_language(lang):
    """Drivers, kinds of questions and areas stand on their axes by their names, and no key does."""
    tree = plot_variance(TABLES["variance"], lang=lang, planned_cny=1000.0)
    rows = [text.get_text() for text in tree.get_yticklabels()]
    assert label("driver_absence", lang) in rows
    assert len(rows) == len(TABLES["variance"]) + 2
    asked = [text.get_text() for text in plot_questions(TABLES["questions"], lang=lang).get_yticklabels()]
    assert asked == ({"zh": ["发票", "未归类"], "en": ["Invoice", "Untagged"]}[lang])
    radar = plot_audit(TABLES["self_audit"], lang=lang, highest=5.0)
    assert label("audit_area_role", lang) in [text.get_text() for text in radar.texts]
    assert len(radar.get_legend().get_texts()) == 2


@pytest.mark.parametrize("lang", LANGS)
def test_the_lengths_of_the_variance_are_true_from_a_zero_that_is_seen(lang):
    """Each bar is as long as its effect, the last from the plan's line to the gap, and the axis holds the line."""
    tree = plot_variance(TABLES["variance"], lang=lang, planned_cny=40_000.0)
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in tree.patches]
    assert bars == [(0, 190), (190, 110), (110, 105), (0, 105)]
    least, most = tree.get_xlim()
    assert least < 0 < 190 < most
    assert list(tree.lines[0].get_xdata()) == [0, 0]
    shown = [text.get_text() for text in tree.texts]
    assert "40,000" in shown[0]
    assert "40,105" in shown[-1]
    assert "+105" in shown[-1]


@pytest.mark.parametrize("lang", LANGS)
def test_every_column_has_a_title_and_every_row_its_unit(lang):
    """Each named column is in the glossary; what the model does not explain has no value of its own."""
    for table in TABLES.values():
        assert all(describe_column(key, table[key], lang).title for key in table)
    tree = TABLES["variance"]
    assert tree["unit"].tolist() == ["contacts", "h", ""]
    assert tree.loc[2, ["driver_planned", "driver_actual"]].isna().all()
    assert TABLES["reviews"]["order_figure"].tolist() == ["paid_share", "paid_less_refunds_cny"]
    assert unit_of("conversion") == glossary()["conversion"]["unit"] == "share"


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_shows_its_tables_in_one_order_and_names_what_is_missing(lang, small):
    """Tables come by the order of the page; exports and sheets that nobody gave are two sentences at its end."""
    found = work_out_retrospective(NightRecord(actuals=actuals_of(small["planned"].night)), **small)
    found = SimpleNamespace(
        **{name: getattr(found, name) for name in ("fit", "findings", "settlement")},
        **{name: getattr(found, name) for name in ("missing_exports", "missing_sheets")},
        tables={**TABLES, **found.tables},
        figures={"planned_cny": 1000.0},
        problems=(),
        notices=(),
        is_empty=False,
        audit_highest=5.0,
    )  # fmt: skip
    html = show_retrospective(Shown(retrospective=found), lang=lang).html
    places = [html.index(label(f"table_{name}", lang)) for name in ORDER if name in found.tables and name != "load"]
    assert places == sorted(places)
    assert "exports" in html
    assert "review.xlsx" in html
    assert "nan" not in html.split("<svg")[0]
    assert label("gap_hour", lang) in html
    assert "gap_hour" not in html


def test_every_table_of_a_retrospective_has_its_place_on_the_page():
    """What is worked out is shown: no table of the result is left out of the order."""
    import re
    from pathlib import Path

    import simlib.retrospective.result as module

    code = Path(module.__file__).read_text(encoding="utf-8")
    named = set(re.findall(r'tables\["([a-z_]+)"\]', code)) | set(
        re.findall(r'_try\(\s*tables,\s*findings,\s*"([a-z_]+)"', code)
    )
    named |= {"variance", "variance_groups", "variance_lost", "variance_rate"}
    assert named == set(ORDER)


MISTAKES = {
    "another promo": (lambda t: t.assign(start=t["start"] + pd.Timedelta("11D")), "another promo"),
    "half a night": (lambda t: t.head(8), "cover"),
    "a negative count": (lambda t: t.assign(contacts=t["contacts"].where(t.index != 3, -4.0)), "fewer than 0"),
    "twice": (lambda t: pd.concat([t, t.head(3)]), "stand twice"),
    "more answered than came": (lambda t: t.assign(answered=t["contacts"] + 5), "counts as unknown"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_actuals_is_a_sentence_and_the_page_shows_the_rest(mistake, small):
    """Each kind of mistake is found, in both languages, once; the page is drawn all the same."""
    change, words = MISTAKES[mistake]
    found = work_out_retrospective(NightRecord(actuals=change(actuals_of(small["planned"].night))), **small)
    said = [message.text("en") for message in found.findings if words in message.text("en")]
    assert len(said) == 1
    chinese = [message.text("zh") for message in found.findings]
    for lang, texts in (("en", said), ("zh", chinese)):
        html = show_retrospective(Shown(retrospective=found), lang=lang).html
        assert all(text.split("“")[0][:12] in html for text in texts)
    assert ("compare_actuals" in found.tables) == (mistake != "another promo")


def test_a_roster_that_is_not_the_rehearsed_one_is_a_sentence(small):
    """Other people than those of the plan: said once, and heads are still compared."""
    roster = small["planned"].night.roster
    other = roster.assign(agent_id="Q" + roster["agent_id"])
    found = work_out_retrospective(NightRecord(served=other), **small)
    for lang, words in (("en", "another roster"), ("zh", "不是演练过的班表")):
        assert sum(words in message.text(lang) for message in found.findings) == 1
        html = show_retrospective(Shown(retrospective=found), lang=lang).html
        assert words in html
        assert label("table_heads_actual", lang) in html
        assert label("table_load", lang) in html


@pytest.mark.parametrize("lang", LANGS)
def test_problems_of_the_workbook_stand_in_red_at_the_top(lang, small):
    """A wrong cell is shown with its sheet and value; a night of which nothing is known has its own sentence."""
    wrong = Problem(message="out_of_range", sheet="review_night", row=4, column="review_value", value="41", loss="row")
    found = work_out_retrospective(NightRecord(problems=(wrong,)), **small)
    html = show_retrospective(Shown(retrospective=found), lang=lang).html
    assert label("review_night", lang) in html
    assert "41" in html
    empty = work_out_retrospective(NightRecord(), **small)
    assert empty.is_empty
    assert show_retrospective(Shown(retrospective=empty), lang=lang).html


def test_the_last_plan_is_the_first_sentence_of_the_next(small):
    """How wrong the last plan was and what it taught stand first, with the chain as a table."""
    promos = pd.DataFrame(
        {"promo": ["618"], "day": ["2026-06-18"], "planned_contacts": [5000.0], "actual_contacts": [6000.0],
         "wape": [0.24], "poisson_floor": [0.08], "planned_cny": [None], "actual_cny": [None]}
    )  # fmt: skip
    learned = pd.DataFrame(
        {"promo": ["618"], "key": ["conversion"], "before": [0.45], "seen": [0.41], "weight": [0.25]}
    )
    found = work_out_retrospective(NightRecord(promos=promos, learned=learned.assign(after=0.44)), **small)
    first = found.findings[0]
    assert "618" in first.text("zh")
    assert "+20%" in first.text("zh")
    assert "24%" in first.text("en")
    assert found.findings[1].text("en") == "What 618 changed most in this plan: Inquiry conversion 45.0% → 44.0%."
    assert found.tables["promos"]["bias"].tolist() == [pytest.approx(0.2)]
    assert found.tables["learned"]["unit"].tolist() == ["share"]
    unknown = promos.assign(planned_contacts=float("nan"), wape=float("nan"))
    bare = work_out_retrospective(NightRecord(promos=unknown), **small)
    assert "not on record" in bare.findings[0].text("en")


@pytest.mark.parametrize("lang", LANGS)
def test_what_is_missing_is_named_in_words(small, lang):
    """Exports and sheets that nobody gave are listed by their names, not as the code writes them."""
    found = work_out_retrospective(NightRecord(actuals=actuals_of(small["planned"].night)), **small)
    page = show_retrospective(Shown(retrospective=found, store=None), lang=lang).html
    assert translate("retrospective.table_store_day", lang) in page
    assert "Message(" not in page


@pytest.mark.parametrize("lang", LANGS)
def test_what_excel_hides_in_the_workbook_is_shown_and_is_no_mistake(lang, small):
    """What is read although nobody sees it stands on the page, not in red."""
    hidden = Problem(message="rows_hidden", sheet="review_night", row=4, rows=(4, 5))
    found = work_out_retrospective(NightRecord(book_notices=(hidden,)), **small)
    assert (found.notices, found.problems) == ((hidden,), ())
    html = show_retrospective(Shown(retrospective=found), lang=lang).html
    assert translate("store.rows_hidden", lang) in html
    assert "st-alarm" not in html
