"""The report and its pieces: every one in both languages, for a full store, a bare one, and one with nobody ready.

The report of the full store is drawn first: what it draws once a language, the tests of the pieces look at again.
"""

import datetime as dt
import re
import shutil
from dataclasses import replace
from html import unescape
from types import SimpleNamespace

import openpyxl
import pandas as pd
import pytest

from simlib import load_store
from simlib.actions.result import ON_SHEET
from simlib.inputs import find_wave
from simlib.kpis import platform_scores
from simlib.messages import HOUSE, LANGS, Message, glossary, label, texts, translate
from simlib.planning import plan
from simlib.report import pages
from simlib.report.columns import day_words, describe_column, table_label
from simlib.report.excel import write_workbook
from simlib.report.html import Fragment, render_report
from simlib.report.pages import forecasting
from simlib.report.pages.common import drawn_once
from simlib.staffing import may_serve
from simlib.store.models import DateSpan

SMALL = HOUSE / "templates" / "stores" / "bodycare"
SEVEN_PM = pd.Timestamp("2026-10-31 19:00", tz="Asia/Shanghai")
PIECES = {
    "show_plan_verdict": {},
    "show_calendar": {},
    "show_filled": {},
    "show_cascade": {},
    "show_hours": {},
    "show_cross_check": {},
    "show_tornado": {},
    "show_unknowns": {},
    "show_people": {},
    "show_organisation": {},
    "show_aftersale": {},
    "show_readiness": {},
    "show_forecast": {},
    "show_requirement": {},
    "show_concurrency": {},
    "show_roster": {},
    "show_night": {},
    "show_tonight": {},
    "show_goals": {},
    "show_retrospective": {},
    "show_repair": {},
    "show_meeting": {},
    "show_actions": {},
    "show_who_is_out": {},
    "show_folk_rules": {},
    "show_plausibility": {},
}
OF_ACTIONS = ("show_meeting", "show_actions", "show_who_is_out", "show_folk_rules", "show_plausibility")


@pytest.fixture(scope="module", params=["full", "bare", "nobody_ready"])
def night(request, tmp_path_factory, small_plan):
    """A full store; one with only the four sheets that are needed; one where nobody has passed QA."""
    if request.param == "full":
        return small_plan
    path = tmp_path_factory.mktemp("stores") / request.param
    path.mkdir()
    for name in ("store.yml", "waves.csv", "ratios.csv", "agents.csv"):
        shutil.copy(SMALL / name, path)
    if request.param == "nobody_ready":
        lines = (path / "agents.csv").read_text(encoding="utf-8-sig").splitlines()
        column = lines[0].split(",").index("qa_pass")
        rows = [line.split(",") for line in lines[1:]]
        failed = [",".join([*row[:column], "no", *row[column + 1 :]]) for row in rows]
        (path / "agents.csv").write_text("\n".join([lines[0], *failed]), encoding="utf-8")
    return plan(load_store(path), replications=2, roster_effort=0.5, today="2026-10-10", tonight="20:30")


@pytest.mark.parametrize("lang", LANGS)
def test_the_report_the_workbook_and_the_tables_hold_the_same(small_plan, lang, tmp_path):
    """The captions of the report are the sheets of the workbook, and both are the tables of the plan, in its order."""
    sections = pages.report_sections(small_plan, lang=lang)
    html = render_report([(key, shown) for key, shown in sections], title="s", lang=lang, meta={})
    captions = [unescape(caption) for caption in re.findall(r"<caption>(.*?)</caption>", html)]
    names = [table_label(name, lang) for name in small_plan.tables]
    assert sorted(captions) == sorted(names)
    path = tmp_path / "report.xlsx"
    write_workbook(path, small_plan.tables, lang=lang)
    sheets = openpyxl.load_workbook(path, read_only=True).sheetnames
    assert [sheet for sheet in sheets if sheet in names] == names
    assert len(sheets) == len(names) + 1, "the tables, and a sheet of charts"


def test_every_table_of_the_report_has_a_caption(small_plan):
    """A table without a name could not be found again in the workbook."""
    sections = pages.report_sections(small_plan, lang="en")
    html = "".join(piece.html for _, shown in sections for piece in shown)
    named = len(re.findall(r"<caption>", html))
    assert named == len(re.findall(r'<table class="st-table">', html))


def with_given(night, **given):
    """Return the plan with other parameters, and the results that do not depend on them."""
    other = replace(night, **given)
    for name in ("inputs", "sales", "forecasting", "required", "roster_result"):
        vars(other)[name] = getattr(night, name)
    return other


@pytest.mark.parametrize("piece", PIECES)
def test_every_piece_is_shown_in_both_languages(night, piece):
    """A piece is shown whatever the store lacks, with no hole, no nan and no unfilled name in its words."""
    shown = {
        lang: getattr(pages, piece)(
            night.actions_result if piece in OF_ACTIONS else night, lang=lang, **PIECES[piece]
        ).html
        for lang in LANGS
    }
    assert shown["zh"] != shown["en"]
    for html in shown.values():
        words = html.split("<svg")[0] + html.split("</svg>")[-1]
        assert "nan" not in words.lower().replace("finance", "")
        assert "{" not in words


def test_nobody_ready_and_nobody_there_are_two_sentences():
    """Where all who passed are on leave or start later, the page says so and does not call them untested."""
    store = load_store(SMALL)
    day = find_wave(store).day
    away = {"leave": (DateSpan(first=day, last=day),)}
    late = {"starts_on": day + dt.timedelta(days=1)}
    gone = [agent.model_copy(update=late if number % 2 else away) for number, agent in enumerate(store.agents)]
    untested = [agent.model_copy(update={"qa_pass": None}) for agent in gone]
    nights = [plan(store.model_copy(update={"agents": tuple(people)})) for people in (gone, untested)]
    passed = sum(agent.qa_pass is True for agent in store.agents)
    for lang in LANGS:
        of_gone, of_untested = (pages.show_unknowns(night, lang=lang).html for night in nights)
        assert translate("pages.nobody_there", lang, passed=passed, day=day_words(day, lang)) in of_gone
        assert translate("pages.nobody_ready", lang) in of_untested


def test_the_organisation_lists_everybody_who_may_serve_once(night):
    """Beside the picture each of them stands in one squad; who is not cleared or is on leave stands nowhere."""
    html = pages.show_organisation(night, lang="en").html
    mark = night.store.rule("exam_pass_mark")
    serving = {agent.name for agent in night.store.agents if may_serve(agent, day=night.wave.day, exam_pass=mark)}
    assert html.count("<svg") == (1 if serving else 0)
    words = html.split("</svg>")[-1]
    assert {agent.name: words.count(agent.name) for agent in night.store.agents} == {
        agent.name: int(agent.name in serving) for agent in night.store.agents
    }


@pytest.mark.parametrize(("platform", "hour"), [("tmall", 20), ("jd", 20), ("pdd", 20), ("douyin", 0), ("jd", 0)])
def test_the_concurrency_limit_shows_every_platforms_rate(small_plan, platform, hour):
    """The platform's own rate is drawn on each, and the page says where the busiest time is none it counts."""
    store = load_store(SMALL)
    wave = store.waves[0]
    opening = dt.datetime.combine(wave.day, dt.time(hour))
    moved = wave.model_copy(update={"profile": "E" if hour else "M", "start": opening})
    info = store.store.model_copy(update={"platform": platform})
    night = plan(store.model_copy(update={"store": info, "waves": (moved,)}))
    vars(night)["required"] = small_plan.required  # of it the sweep takes the people that can be reached alone
    html = pages.show_concurrency(night, lang="en").html
    assert label("platform_rate", "en") in html
    assert label(night.inputs.rates[0].key, "en") in html
    assert ("lies outside" in html) == (hour == 0)


def words_of(*pieces: Fragment) -> str:
    """Return what the pieces say, their pictures and marks taken out."""
    html = re.sub(r"<svg.*?</svg>|<style>.*?</style>", " ", "".join(piece.html for piece in pieces), flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", " ", html))


def test_people_who_are_missing_are_named_by_queue(small_plan):
    """A queue that is short is named with its own figure of the table: one to spare in another hides no one."""
    table = small_plan.people.need_and_have.copy()
    table["gap"] = pd.array([-3, 3] + [pd.NA] * (len(table) - 2), dtype="Int64")
    people = replace(small_plan.people, need_and_have=table)
    first, second = (label(queue, "zh") for queue in table["queue"].iloc[:2])
    shown = words_of(pages.show_people(SimpleNamespace(people=people), lang="zh"))
    assert f"{second}缺 3 人" in shown
    assert f"{first}缺" not in shown


@pytest.mark.parametrize("lang", LANGS)
def test_a_card_s_band_bears_its_unit_once(small_plan, lang):
    """The lower end of a band leaves the unit to the upper end, and no band is taken for a time of day."""
    for card in pages.kpi_cards(small_plan, lang=lang, keys=("human", "first_response", "sales_lost")):
        unit = card.value.rpartition(" ")[2]
        assert len(re.findall(rf"\d {unit}(?![a-z])", card.band)) == 2, "once for each of the two bands"
        assert "准时" not in card.band


@pytest.mark.parametrize("lang", LANGS)
def test_the_sweet_spot_names_its_queue_and_half_hour(small_plan, lang):
    """Its heads are by formula and of one queue; without that they contradict the number to go by."""
    shown = words_of(pages.show_concurrency(small_plan, lang=lang)).split("。" if lang == "zh" else ". ")[0]
    assert label("presale", lang) in shown
    assert f"{small_plan.concurrency.peak:%H:%M}" in shown


@pytest.mark.parametrize("lang", LANGS)
def test_a_decision_names_the_ways_that_need_it(small_plan, lang):
    """The first actions are alternatives: each decision refers to those that hold its move, and the page says so."""
    actions = small_plan.actions_result.actions[:ON_SHEET]
    assert len(actions) > 1
    shown = words_of(pages.show_meeting(small_plan.actions_result, lang=lang))
    assert translate("actions.one_of", lang) in shown
    for move in {move.key: move for action in actions for move in action.moves}.values():
        ways = [str(n) for n, action in enumerate(actions, start=1) if move.key in {each.key for each in action.moves}]
        day, what = f"{move.last_day:%Y-%m-%d}", move.text_with_names()
        assert translate("actions.decide", lang, day=day, what=what, ways=ways) in shown


BASES = {
    "show_folk_rules": {"zh": ["都是在线人数"], "en": ["all are heads on chat"]},
    "show_roster": {"zh": ["不等于要付的钱"], "en": ["not money to be paid"]},
    "show_goals": {"zh": ["大促当天 24 小时"], "en": ["the promo day's 24 hours"]},
    "show_plan_verdict": {"zh": ["按每人速度折成标准人"], "en": ["the rostered count at their speed"]},
}


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("piece", BASES)
def test_a_figure_that_stands_beside_another_names_its_basis(small_plan, piece, lang):
    """Heads on chat beside heads to roster, a price beside wages, the day beside the night: each has its basis."""
    found = small_plan.actions_result if piece in OF_ACTIONS else small_plan
    shown = words_of(getattr(pages, piece)(found, lang=lang))
    assert [words for words in BASES[piece][lang] if words not in shown] == []


@pytest.mark.parametrize("lang", LANGS)
def test_the_day_up_to_which_a_history_reaches_is_no_last_safe_day(small_plan, lang):
    """The table of histories shows their last day under a title of its own, and no date by which to act."""
    routes = small_plan.forecasting.second_route
    titles = {key: describe_column(key, routes[key], lang).title for key in routes}
    reached = small_plan.store.frame("history")["start"].max().date()
    [shown] = [titles[key] for key in routes if (routes[key] == reached).all()]
    assert shown == {"zh": "历史最后一天", "en": "Last day of the history"}[lang]
    assert label("last_day", lang) not in titles.values()


def test_pasted_counts_take_the_place_of_the_sheet(night):
    """Counts pasted from a screen move the rest of the night when they lie far beyond the band."""
    usual = night.forecast.groupby("start")["contacts"].sum()
    counted = usual[(usual.index >= SEVEN_PM) & (usual.index <= SEVEN_PM + pd.Timedelta("1h"))]
    band = night.forecast.groupby("start")["p95"].sum()[counted.index]
    assert len(counted) == 3
    assert (3 * counted > band).all()
    pasted = "\n".join(f"{start:%H:%M} {3 * each:.0f}" for start, each in counted.items())
    many = pages.show_tonight(with_given(night, pasted=pasted), lang="en").html
    assert many != pages.show_tonight(night, lang="en").html
    assert label("lever_pool", "en") in many


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"pasted": "19:00 10\n19:15 12"}, "Line 2"),
        ({"pasted": "19:00 returns 10"}, "Line 1"),
        ({"tonight": "half past eight"}, "half past eight"),
        ({"tonight": "77:00"}, "77:00"),
    ],
)
def test_what_cannot_be_read_tonight_is_a_sentence(night, given, line):
    """A wrong line or time is said in both languages, and nothing ends in an error."""
    shown = {lang: pages.show_tonight(with_given(night, **given), lang=lang).html for lang in LANGS}
    assert line in unescape(shown["en"])
    assert shown["en"] != shown["zh"]


def test_the_roster_is_repaired_on_the_page(night):
    """Nothing given says how to use it, one alone what is lacking, a wrong name or time what is allowed."""

    def show(**given):
        return pages.show_repair(with_given(night, **given), lang="en")

    assert translate("repair.how_to", "en") in unescape(show(absent="", absent_from="").html)
    assert translate("repair.half_given", "en") in unescape(show(absent="B01", absent_from="").html)
    for who, clock, word in [("B99", "19:00", "B99"), ("B01", "40:00", "40:00"), ("B01", "soon", "soon")]:
        assert word in show(absent=who, absent_from=clock).html
    on_duty = night.roster[(night.roster["start"] <= SEVEN_PM) & (night.roster["end"] > SEVEN_PM)]
    if on_duty.empty:
        return
    who = on_duty["agent_id"].iloc[0]
    repaired = {
        lang: pages.show_repair(with_given(night, absent=who, absent_from="19:00"), lang=lang).html for lang in LANGS
    }
    assert repaired["en"].count("<svg") == 2
    assert translate("repair.reason_absent", "en", clock="19:00") in repaired["en"]
    assert translate("repair.reason_absent", "zh", clock="19:00") in repaired["zh"]


def test_missing_sheets_are_named(night):
    """The landing page names exactly the sheets that are empty."""
    html = pages.show_filled(night, lang="en").html
    if night.store.missing:
        assert all(label(sheet, "en") in html for sheet in night.store.missing)
    else:
        assert translate("pages.nothing_missing", "en") in html


@pytest.mark.parametrize(
    ("today", "key"),
    [(dt.date(2026, 1, 1), "days_to_go"), (None, "today_is_it"), (dt.date(2027, 1, 1), "days_ago")],
)
def test_calendar_says_where_today_stands(night, today, key):
    """Before, on and after the promo day the calendar says so in words."""
    today = today or night.wave.day
    days = abs((night.wave.day - today).days)
    said = translate(f"pages.{key}", "en", wave=night.wave.name, count=days)
    assert said.split(night.wave.name)[0] in pages.show_calendar(with_given(night, today=today), lang="en").html


def test_a_piece_is_drawn_once_per_result_and_language():
    """Notebook and report get the same piece; another result is drawn anew, and what is gone is forgotten."""
    drawn = []

    @drawn_once
    def show_it(found, *, lang):
        drawn.append(lang)
        return Fragment(f"<p>{lang}</p>")

    class Result:
        pass

    one, two = Result(), Result()
    assert show_it(one, lang="zh") is show_it(one, lang="zh")
    assert show_it(one, lang="en").html == "<p>en</p>"
    show_it(two, lang="zh")
    assert drawn == ["zh", "en", "zh"]
    del one, two
    show_it(Result(), lang="zh")
    assert len(drawn) == 4


@pytest.mark.parametrize("lang", LANGS)
def test_a_mean_over_the_platform_s_line_is_named(lang):
    """A mean of 95 s is over Douyin's line of 90 s and is named; a rate and a mean under the line are not."""
    on = dt.date(2026, 10, 31)
    scores = (*platform_scores("tmall", on=on), *platform_scores("douyin", on=on), *platform_scores("jd", on=on))
    means = {"wangwang_3min": 0.9, "douyin_mean_response": 95.0, "jd_30s": 0.8, "jd_mean_response": 39.0}
    table = pd.DataFrame({"kpi": list(means), "unit": ["share", "s", "share", "s"], "mean": list(means.values())})
    conclusion = SimpleNamespace(platform_scores=table, tables={"platform_scores": table})
    shown = SimpleNamespace(counted_from=on, inputs=SimpleNamespace(scores=scores), conclusion=conclusion)
    html = unescape(forecasting.show_platform_scores(shown, lang=lang).html)
    said = {"mean": "95.0", "limit": "90", "score": label("douyin_mean_response", lang)}
    assert translate("pages.score_over_line", lang, **said) in html
    assert html.count(translate("pages.score_over_line", lang, score="", mean="", limit="")[-12:]) == 1


@pytest.mark.parametrize("lang", LANGS)
def test_no_table_of_the_report_is_a_header_alone(small_plan, lang):
    """Each table has a row or a sentence, and those without rows have the sentence of their own name."""
    bare = {name: table for name, table in small_plan.tables.items() if table.empty}
    assert "dropouts" in bare
    html = "".join(piece.html for _, pieces in pages.report_sections(small_plan, lang=lang) for piece in pieces)
    assert re.findall(r"<thead>(?:(?!</thead>).)*</thead><tbody></tbody>", html) == []
    assert f'<td class="long">{translate("report.no_rows_dropouts", lang)}</td>' in html


def test_a_sentence_on_missing_rows_belongs_to_a_table():
    """Each of the sentences is about a table that the glossary has."""
    names = [key.removeprefix("report.no_rows_") for key in texts() if key.startswith("report.no_rows_")]
    assert [name for name in names if not {name, f"table_{name}"} & set(glossary())] == []
    assert len(names) > 10


@pytest.mark.parametrize(
    ("count", "zh", "en"), [(1, "没达到目标：", "1 half hour misses a target: a."), (2, "受影响", "Most")]
)
def test_one_half_hour_that_misses_is_not_the_worst_of_several(count, zh, en):
    """Only of several half hours some are hit most."""
    most = Message("plan.fails_most") if count > 1 else ""
    failed = Message("plan.fails_halves", count=count, most=most, what="a")
    assert zh in failed.text("zh")
    assert en in failed.text("en")
    assert ("受影响" in failed.text("zh")) is (count > 1)
