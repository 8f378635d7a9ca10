"""What chapter 4 hands out: the page, slips, announcement, board, forms and pictures, from the example workbook."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from html import unescape
from types import SimpleNamespace

import pandas as pd
import pytest
import segno

from simlib import facts
from simlib.goals.month import read_month
from simlib.goals.result import work_out_goals
from simlib.goals.review import lead_team
from simlib.goals.workbook import find_goals_workbook
from simlib.messages import HOUSE, LANGS, PLAYBOOK, translate
from simlib.report.columns import describe_column, for_readers, show_cell, table_label
from simlib.report.pages.goals import sections, show_box, show_slip, winners, write_handouts
from simlib.store import load_store
from simlib.store.problems import Problem
from tests.goals.test_targets import AGENTS, DAY, ROSTER, demand

STORE = HOUSE / "templates" / "stores" / "bodycare"


@pytest.fixture(scope="module")
def night():
    """A plan with the example store's month, and a small roster in place of a solved one."""
    store = load_store(STORE)
    book = find_goals_workbook(STORE)
    found = work_out_goals(
        sales_cny=100_000,
        receptions=540,
        roster=ROSTER,
        agents=AGENTS,
        demand=demand(),
        day=DAY,
        incentives=store.frame("incentives"),
        month=read_month(book, store=store),
        problems=book.problems,
    )
    return SimpleNamespace(goals=found, conclusion=SimpleNamespace(provenance=lambda lang: {}))


def test_the_example_workbook_has_no_problem(night):
    assert night.goals.problems == ()
    assert night.goals.figures["schemes_refused"] == 0
    assert night.goals.figures["paid_cny"] > 0


@pytest.mark.parametrize("lang", LANGS)
def test_every_table_has_a_name_and_named_columns_and_can_be_kept(night, lang):
    for name, table in night.goals.tables.items():
        assert table_label(name, lang)
        for column in table:
            assert describe_column(column, table[column], lang).title
        table.to_parquet(io.BytesIO(), index=False)


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_shows_every_table_once_in_one_language(night, lang):
    html = sections(night, lang=lang)[0].html
    captions = re.findall(r"<caption>(.*?)</caption>", html)
    assert len(captions) == len(night.goals.tables) == len(set(captions))
    other = {"zh": "_en", "en": "_zh"}[lang]
    assert not any(str(name).endswith(other) for name in for_readers(night.goals.tables["payouts"], lang).columns)


def test_a_fact_that_is_shown_has_its_source_in_the_language_shown(night):
    """No source of any fact stands in English in the Chinese page, unless it is in Chinese there too or a name."""
    page = unescape(sections(night, lang="zh")[0].html)
    files = sorted(path.stem for path in (PLAYBOOK / "facts").glob("*.yml"))
    sources = {str(source) for name in files for source in facts.table(name)["source"]}
    assert len(sources) > 100
    assert sorted(source for source in sources if len(source.split()) > 1 and source in page) == []
    assert not (night.goals.tables["pay_law"]["source_grade"] == "none").any()  # what was not looked up has no grade
    law = facts.table("pay_law")
    assert all(source in page for source in law["source_zh"])
    assert all(re.search("[\u4e00-\u9fff]", source) for source in law["source_zh"])
    english = unescape(sections(night, lang="en")[0].html)
    assert all(source in english for source in law["source"])
    assert not any(source in english for source in law["source_zh"])


def test_the_prize_of_the_hour_is_shown_in_seconds_and_pay_to_the_cent(night):
    """Nobody ranks first by a value below 0, and what is paid has its cents on the page."""
    hours = night.goals.tables["first_of_hours"]
    assert (hours["mean_response_s"] > 0).all()
    assert describe_column("mean_response_s", hours["mean_response_s"], "zh").title == "平均响应（秒）"
    payroll = night.goals.tables["payroll"]
    column = describe_column("amount_cny", payroll["amount_cny"], "zh")
    assert show_cell(payroll["amount_cny"].iloc[0], column, lang="zh") == f"{payroll['amount_cny'].iloc[0]:,.2f}"


@pytest.mark.parametrize("lang", LANGS)
def test_no_two_columns_of_a_table_share_a_title(night, lang):
    """A sheet of a talk has a person and a number of people: the second is no second column Person."""
    for name, table in night.goals.tables.items():
        shown = for_readers(table, lang)
        titles = [describe_column(column, shown[column], lang).title for column in shown]
        assert len(titles) == len(set(titles)), (name, titles)


@pytest.mark.parametrize("lang", LANGS)
def test_no_key_of_a_scheme_reaches_the_page(night, lang):
    """Reasons, figures used and announcements name the figures in words."""
    page = unescape(sections(night, lang=lang)[0].html)
    keys = ("sales_cny", "items_per_order", "mean_response_s", "effective_hours", "typing_cpm", "metric >=")
    assert [key for key in keys if key in page] == []


@pytest.mark.parametrize("lang", LANGS)
def test_a_slip_adds_up_to_the_payroll(night, lang):
    payroll = night.goals.tables["payroll"]
    person = payroll["person"].iloc[0]
    amount = payroll.loc[payroll["person"] == person, "amount_cny"].sum()
    assert f"{amount:,.2f}" in show_slip(night, person, lang=lang).html


@pytest.mark.parametrize("lang", LANGS)
def test_the_handouts_are_written_with_a_picture_per_winner(night, lang, tmp_path):
    written = write_handouts(night, tmp_path / "goals", lang=lang)
    names = {path.name for path in written}
    assert {"announcement.html", "slips.html", "payroll.xlsx", "board.html", "forms.html"} <= names
    assert len([name for name in names if name.startswith("winner-")]) == len(winners(night, lang=lang)) > 0
    assert all(path.stat().st_size > 500 for path in written)


def test_without_a_workbook_nothing_is_handed_out(night, tmp_path):
    bare = work_out_goals(
        sales_cny=1.0, receptions=1.0, roster=ROSTER, agents=AGENTS, demand=demand(), day=DAY, incentives=pd.DataFrame()
    )
    plan = SimpleNamespace(goals=bare, conclusion=night.conclusion)
    assert write_handouts(plan, tmp_path / "goals", lang="en") == []
    assert "--chapter goals" in sections(plan, lang="en")[0].html


@pytest.mark.parametrize("lang", LANGS)
def test_the_box_has_a_code_that_leads_to_the_address(lang):
    """S101: the code read back module by module is that of the address, which stands below it; no address, paper."""
    address = "https://forms.example.org/s/abc?from=box&x=<1>"
    html = show_box(address, lang=lang).html
    assert html.count("<svg") == 1
    assert "&lt;1&gt;" in html
    assert "<1>" not in html
    [line] = re.findall(r'class="qrline" stroke="#000" d="M4 4.5([^"]+)"', html)
    dark, x, y = set(), 4, 4
    for kind, numbers in re.findall(r"([hm])([-0-9 ]+)", line):
        across, *down = (int(number) for number in numbers.split())
        if kind == "h":
            dark |= {(y - 4, x - 4 + step) for step in range(across)}
        x, y = x + across, y + sum(down)
    matrix = segno.make(address, error="m").matrix
    assert dark == {(row, column) for row, cells in enumerate(matrix) for column, cell in enumerate(cells) if cell}
    paper = show_box(None, lang=lang).html
    assert "<svg" not in paper
    assert "____" in paper
    assert translate("goals.box_paper", lang) in unescape(paper)


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("https://forms.example.org/7", "https://forms.example.org/7"),
        *(
            (wrong, None)
            for wrong in ("forms.example.org", "javascript:alert(1)", "https://a b.org/x", "file:///etc/x")
        ),
        *((wrong, None) for wrong in ("https://me:secret@example.org/7", "https://x", f"https://a.org/{'x' * 600}")),
    ],
)
def test_an_address_that_no_phone_opens_is_a_finding_and_no_code(night, typed, address):
    """Such a setting is named with what is allowed; the sheet falls back to paper."""
    month = replace(night.goals.month, settings={**night.goals.month.settings, "box_address": typed})
    assert replace(night.goals, month=month).box_address == address
    _, found = lead_team(month, on=DAY)
    assert [one.key for one in found].count("goals.box_address_wrong") == (address is None)


@pytest.mark.parametrize("lang", LANGS)
def test_what_excel_hides_in_the_workbook_is_shown_and_is_no_mistake(night, lang):
    """What is read although nobody sees it stands on the page, not in red."""
    hidden = Problem(message="sheet_hidden", sheet="qa")
    assert translate("store.sheet_hidden", lang) not in show_page(night, lang)
    found = SimpleNamespace(**vars(night) | {"goals": replace(night.goals, notices=(hidden,))})
    html = show_page(found, lang)
    assert hidden.text(lang) in html.replace("&#34;", '"')
    assert translate("store.problems_way_out", lang)[:20] not in html


def show_page(night, lang):
    return "".join(piece.html for piece in sections(night, lang=lang))
