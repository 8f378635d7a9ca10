"""The cell reader: every spelling that people use, and a sentence for the rest."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simlib.messages import texts
from simlib.store.cells import CellError, Formula, fold, read_cell

KINDS = ("text", "note", "code", "share", "money", "number", "integer", "bool", "date", "datetime", "time", "spans")


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        ("62.5%", "share", 0.625),
        ("６２．５％", "share", 0.625),
        (0.625, "share", 0.625),
        ("1,234", "money", 1234.0),
        ("￥1,234.50", "money", 1234.5),
        ("¥ 1,234.50 元", "money", 1234.5),
        ("１２，３４５", "money", 12345.0),
        ("100万", "money", 1_000_000.0),
        ("1.2亿元", "money", 120_000_000.0),
        ("3千", "money", 3000.0),
        ("1.5e6", "number", 1_500_000.0),
        ("12%", "number", 0.12),
        (7.0, "integer", 7),
        ("8 人", "integer", 8),
        ("是", "bool", True),
        ("否", "bool", False),
        ("Yes", "bool", True),
        (0, "bool", False),
        (True, "bool", True),
        ("TRUE", "bool", True),
        ("2026-11-10", "date", dt.date(2026, 11, 10)),
        ("2026/11/1", "date", dt.date(2026, 11, 1)),
        ("2026年11月10日", "date", dt.date(2026, 11, 10)),
        (dt.datetime(2026, 11, 10), "date", dt.date(2026, 11, 10)),
        (20261110, "date", dt.date(2026, 11, 10)),
        ("2026/11/10 20:00", "datetime", dt.datetime(2026, 11, 10, 20)),
        ("2026-11-10T20:00:30", "datetime", dt.datetime(2026, 11, 10, 20, 0, 30)),
        ("2026年11月10日 20点30分", "datetime", dt.datetime(2026, 11, 10, 20, 30)),
        ("2026年11月10日20点", "datetime", dt.datetime(2026, 11, 10, 20)),
        ("2026-11-10 24:00", "datetime", dt.datetime(2026, 11, 11)),
        ("２０２６－１１－１０　２０：００", "datetime", dt.datetime(2026, 11, 10, 20)),
        ("20:00", "time", dt.time(20)),
        ("２０：００", "time", dt.time(20)),
        ("24:00", "time", dt.time(0)),
        ("20点", "time", dt.time(20)),
        (dt.time(9, 30), "time", dt.time(9, 30)),
        (dt.datetime(1900, 1, 1), "time", dt.time(0)),
        (dt.timedelta(hours=24), "time", dt.time(0)),
        (0.5, "time", dt.time(12)),
        (1001.0, "code", "1001"),
        ("Ａ００１", "code", "A001"),
        ("007", "code", "007"),
        (618, "text", "618"),
        ("=SUM(A1)", "text", "=SUM(A1)"),
        ("-", "money", None),
        ("暂无数据", "share", None),
        ("-", "text", "-"),
    ],
)
def test_spellings_are_read(written, kind, value):
    """Every usual spelling gives the one value that it stands for."""
    assert read_cell(written, kind) == value


@pytest.mark.parametrize(
    ("written", "kind", "message", "hint"),
    [
        (62.5, "share", "share_not_percent", "62.5%"),
        ("62.5", "share", "share_not_percent", "62.5%"),
        ("30%", "money", "percent_unwanted", None),
        ("1,23", "money", "not_number", None),
        ("1.234,50", "money", "not_number", None),
        ("nan", "number", "not_number", None),
        ("inf", "number", "not_number", None),
        ("many", "number", "not_number", None),
        ("万", "money", "not_number", None),
        (True, "number", "not_number", None),
        (dt.datetime(2026, 1, 1), "money", "not_number", None),
        ("5.5", "integer", "not_integer", None),
        ("maybe", "bool", "not_bool", None),
        ("11月10日", "date", "year_missing", "YYYY-11-10"),
        ("2月29日", "date", "year_missing", "YYYY-02-29"),
        ("10月32日", "date", "not_in_calendar", None),
        ("13/45 20:00", "datetime", "not_in_calendar", None),
        ("2026-02-30", "date", "not_in_calendar", None),
        ("10/31/2026", "date", "not_date", None),
        (46327, "date", "date_as_number", "2026-11-01"),
        ("2026-11-10 20:00", "date", "date_with_time", "2026-11-10"),
        ("20:00", "datetime", "date_missing", None),
        ("2026-11-10 20:00+08:00", "datetime", "date_with_zone", "2026-11-10 20:00"),
        ("2026-11-10 25:00", "datetime", "not_time", None),
        ("0026-11-10", "date", "year_out_of_range", None),
        ("8pm", "time", "not_time", None),
        (dt.datetime(2026, 11, 10, 20), "time", "time_with_date", "20:00"),
        ("#REF!", "money", "excel_error", None),
        (Formula("=A1"), "money", "formula_without_result", None),
        ({"a": 1}, "text", "nested_value", None),
    ],
)
def test_the_rest_is_refused_with_a_sentence(written, kind, message, hint):
    """What cannot be read plainly is refused; where the way out is plain, it is said."""
    with pytest.raises(CellError) as caught:
        read_cell(written, kind)
    assert caught.value.message == message
    assert caught.value.values.get("hint") == hint
    assert set(texts()[f"store.{message}"]) == {"zh", "en"}


def test_spans_of_leave():
    """Leave is a list of days and spans in any of the usual spellings."""
    day = dt.date(2026, 11, 1)
    spans = read_cell("2026-11-01~2026-11-03； 2026年11月7日", "spans")
    assert spans == (
        {"first": day, "last": day.replace(day=3)},
        {"first": day.replace(day=7), "last": day.replace(day=7)},
    )
    assert read_cell("2026/11/1 至 2026/11/3", "spans") == spans[:1]
    assert read_cell(dt.datetime(2026, 11, 1), "spans") == ({"first": day, "last": day},)


anything = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="0123456789,.%￥¥万亿元年月日点时分:-/~ ＋－eE+()（）%％ TZ", max_size=20),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.datetimes(),
    st.dates(),
    st.times(),
    st.timedeltas(),
)


@given(anything, st.sampled_from(KINDS))
def test_no_cell_breaks_the_reader(written, kind):
    """Whatever stands in a cell is read as the kind's own type, says that there is nothing, or is refused in words."""
    types = {
        "text": str,
        "note": str,
        "code": str,
        "integer": int,
        "bool": bool,
        "date": dt.date,
        "datetime": dt.datetime,
    }
    types |= {"time": dt.time, "spans": tuple}
    refusal = None
    try:
        value = read_cell(written, kind)
    except CellError as error:
        refusal = f"store.{error.message}"
    assert refusal in texts() if refusal else value is None or isinstance(value, types.get(kind, float))


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_amounts_survive_every_dress(amount):
    """An amount reads the same bare, with commas, with the currency before or behind, and in full-width digits."""
    wide = str.maketrans("0123456789.,", "０１２３４５６７８９．，")
    plain = f"{amount:,.2f}"
    dresses = (float(amount), plain, f"￥{plain}", f"{plain}元", plain.translate(wide), plain.replace(",", ""))
    assert {read_cell(dress, "money") for dress in dresses} == {float(amount)}


@given(st.datetimes(min_value=dt.datetime(2000, 1, 1), max_value=dt.datetime(2099, 12, 31, 23, 59)))
def test_times_survive_every_dress(moment):
    """A time reads the same from Excel, from ISO text and from Chinese text."""
    moment = moment.replace(second=0, microsecond=0)
    chinese = f"{moment.year}年{moment.month}月{moment.day}日 {moment.hour}点{moment.minute:02d}分"
    dresses = (moment, moment.isoformat(), f"{moment:%Y/%m/%d %H:%M}", chinese)
    assert {read_cell(dress, "datetime") for dress in dresses} == {moment}


@given(st.text(alphabet=[chr(code) for code in range(0x21, 0x7F)], max_size=30))
def test_width_case_and_spaces_never_distinguish_names(name):
    """A name in full-width letters, in capitals or with spaces between is the same name."""
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in name)
    assert fold(wide) == fold(name.upper()) == fold(" ".join(name)) == fold(name)


@pytest.mark.parametrize(("typed", "figure"), [("35%", 0.35), ("95%", 0.95), ("0.7%", 0.007), ("110%", 1.1)])
def test_a_percentage_is_the_figure_that_is_meant_to_the_last_digit(typed, figure):
    """A prize from 0.35 on is not missed, nor won, by what a computer leaves behind the last digit."""
    assert read_cell(typed, "number", unit="share") == figure
