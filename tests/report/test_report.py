"""The report of a run: its tables are the plan's, by name, in every file that holds them."""

import re
from html import unescape

import openpyxl
import pytest

from simlib import plan
from simlib.messages import HOUSE
from simlib.report import pages
from simlib.report.columns import table_label
from simlib.report.excel import write_workbook
from simlib.report.html import render_report

SMALL = HOUSE / "templates" / "stores" / "bodycare"


@pytest.fixture(scope="module")
def night():
    """The small example store's night, worked out briefly, with actuals up to half past eight."""
    return plan(SMALL, replications=2, roster_effort=0.1, stress_replications=2, tonight="20:30", today="2026-10-10")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_report_the_workbook_and_the_tables_hold_the_same(night, lang, tmp_path):
    """The captions of the report are the sheets of the workbook, and both are the tables of the plan, in its order."""
    sections = pages.report_sections(night, lang=lang)
    html = render_report([(key, shown) for key, shown in sections], title="s", lang=lang, meta={})
    captions = [unescape(caption) for caption in re.findall(r"<caption>(.*?)</caption>", html)]
    names = [table_label(name, lang) for name in night.tables]
    assert sorted(captions) == sorted(names)
    path = tmp_path / "report.xlsx"
    write_workbook(path, night.tables, lang=lang)
    sheets = openpyxl.load_workbook(path, read_only=True).sheetnames
    assert [sheet for sheet in sheets if sheet in names] == names
    assert len(sheets) == len(names) + 1, "the tables, and a sheet of charts"


def test_every_table_of_the_report_has_a_caption(night):
    """A table without a name could not be found again in the workbook."""
    sections = pages.report_sections(night, lang="en")
    html = "".join(piece.html for _, shown in sections for piece in shown)
    named = len(re.findall(r"<caption>", html))
    assert named == len(re.findall(r'<table class="st-table">', html))
