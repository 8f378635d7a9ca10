"""The one-pass reader of workbooks against openpyxl, which reads the same files by quite another way."""

import datetime as dt
import re
import zipfile
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont

from simlib.store.sources import read_workbook

TEMPLATES = Path(__file__).parents[2] / "templates"

cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30),
    st.sampled_from(["=1+1", "@here", "-5", "_x0041_", "two\nlines", "  spaces  ", "#N/A", "晚间开卖", "'quoted"]),
    st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(2090, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),
    st.dates(dt.date(1950, 1, 1), dt.date(2090, 1, 1)),
    st.times().map(lambda clock: clock.replace(microsecond=0)),
)


def by_openpyxl(path):
    """Read a workbook as openpyxl does: sheet name to rows that hold something."""
    book = openpyxl.load_workbook(path, data_only=True)
    found = {}
    for sheet in book:
        rows = []
        for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
            values = list(row)
            while values and values[-1] is None:
                values.pop()
            if values:
                rows.append((number, values))
        found[sheet.title] = rows
    return found


def by_us(path):
    sheets, problems = read_workbook(path)
    assert not problems
    return {sheet.name: [(number, list(row)) for number, row in sheet.rows] for sheet in sheets}


@pytest.mark.parametrize(
    "path", [TEMPLATES / "store.xlsx", TEMPLATES / "stores" / "appliances.xlsx"], ids=lambda p: p.name
)
def test_templates_read_the_same(path):
    """Every cell of the committed workbooks is what openpyxl says it is."""
    assert by_us(path) == by_openpyxl(path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(cells, max_size=6), min_size=1, max_size=8))
def test_random_cells_read_the_same(tmp_path, rows):
    """Whatever XlsxWriter writes, in shared strings and in dates, reads as it was written and as openpyxl reads it."""
    path = tmp_path / "random.xlsx"
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(path, options) as book:
        forms = {
            dt.datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            dt.date: book.add_format({"num_format": 'yyyy"年"m"月"d"日"'}),
            dt.time: book.add_format({"num_format": "[$-804]hh:mm:ss;@"}),
        }
        sheet = book.add_worksheet("cells")
        for number, row in enumerate(rows):
            for at, value in enumerate(row):
                if value is not None:
                    sheet.write(number, at, value, forms.get(type(value)))
    ours = dict(by_us(path).get("cells", []))
    assert list(ours.items()) == by_openpyxl(path)["cells"]
    for number, row in enumerate(rows, start=1):
        for at, value in enumerate(row):
            if isinstance(value, str | bool | dt.datetime):
                assert ours[number][at] == value


def test_rich_text_inline_text_and_hours_that_run_on(tmp_path):
    """Text in several fonts is one text, and 26 hours are 26 hours."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["A1"] = CellRichText("plain ", TextBlock(InlineFont(b=True), "bold"))
    sheet["C3"] = dt.timedelta(hours=26)
    sheet["C3"].number_format = "[h]:mm"
    book.save(tmp_path / "rich.xlsx")
    assert by_us(tmp_path / "rich.xlsx") == {"Sheet": [(1, ["plain bold"]), (3, [None, None, dt.timedelta(hours=26)])]}


def test_days_counted_from_1904(tmp_path):
    """A workbook of an old Mac, whose days are counted from 1904, gives the same days."""
    path = tmp_path / "mac.xlsx"
    with xlsxwriter.Workbook(path, {"date_1904": True}) as book:
        form = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        book.add_worksheet("mac").write_datetime(0, 0, dt.datetime(2026, 11, 11, 20), form)
    assert by_us(path) == {"mac": [(1, [dt.datetime(2026, 11, 11, 20)])]}


def test_colour_in_a_format_is_no_date(tmp_path):
    """A number format with a colour, a unit in quotes or a condition is still a number's."""
    path = tmp_path / "colours.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("c")
        for at, code in enumerate(["[Red]0.00", '0" days"', "[>=100]0;0.0", "#,##0.00_);[Red]\\(#,##0.00\\)", "0.0%"]):
            sheet.write_number(0, at, 12.5, book.add_format({"num_format": code}))
    assert by_us(path) == {"c": [(1, [12.5] * 5)]}


def test_a_prefix_before_every_name(tmp_path):
    """A workbook whose XML bears a namespace prefix, as some programs write it, reads the same."""
    plain, dressed = tmp_path / "plain.xlsx", tmp_path / "dressed.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["text", 1.5, True, dt.datetime(2026, 11, 11, 20)])
    book.active.merge_cells("A3:B4")
    book.save(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(dressed, "w") as target:
        for name in source.namelist():
            part = source.read(name)
            if name.endswith(".xml") and b"spreadsheetml/2006/main" in part:
                part = re.sub(rb"<(/?)(?=\w)(?![\w]+:)", rb"<\1x:", part).replace(b"xmlns=", b"xmlns:x=")
            target.writestr(name, part)
    assert by_us(dressed) == by_us(plain) == by_openpyxl(plain)
    assert read_workbook(dressed)[0][0].merged == ((3, 4, "A3:B4"),)
