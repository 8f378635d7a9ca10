"""The team's matrix out and in again in every way teams write dates and rest, and the calendar file."""

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest

from simlib.messages import UserError
from simlib.roster.exchange import from_matrix, to_ics, to_matrix

ZONE = "Asia/Shanghai"
DAYS = [dt.date(2026, 10, 30), dt.date(2026, 10, 31), dt.date(2026, 11, 1)]
TEAM = pd.DataFrame({"agent_id": ["a1", "a2", "a3"], "name": ["林一", "Wu", "Wu"]})
SHIFTS = pd.DataFrame({"code": list("ABCDETF")})


def roster():
    rows = [("a1", "A", DAYS[0], 9), ("a1", "B", DAYS[1], 14), ("a2", "T", DAYS[2], 20), ("a3", "C", DAYS[0], 12)]
    return pd.DataFrame(
        [
            {
                "agent_id": who,
                "name": who,
                "cohort": "own",
                "queue": "presale",
                "shift": code,
                "date": day,
                "start": pd.Timestamp(day, tz=ZONE) + pd.Timedelta(hours=hour),
                "end": pd.Timestamp(day, tz=ZONE) + pd.Timedelta(hours=hour + 8),
                "activity": "chat",
            }
            for who, code, day, hour in rows
        ]
    )


def cells(read):
    return {(row.agent_id, row.date): row.shift for row in read.itertuples()}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_matrix_survives_the_round_trip(lang):
    """Out and in again, every person-day is what it was."""
    read = cells(from_matrix(to_matrix(roster(), TEAM, lang=lang), SHIFTS, TEAM, first_day=DAYS[0]))
    worked = {(row.agent_id, row.date): row.shift for row in roster().itertuples()}
    expected = {(who, day): worked.get((who, day), "rest") for who, day in itertools.product(TEAM["agent_id"], DAYS)}
    assert read == expected


@pytest.mark.parametrize(
    "label",
    [
        lambda day: day,
        lambda day: pd.Timestamp(day),
        lambda day: f"{day:%Y-%m-%d}",
        lambda day: f"{day:%Y/%m/%d} 00:00:00",
        lambda day: f"{day.month}/{day.day}",
        lambda day: f"{day.month}月{day.day}日",
        lambda day: f"{day.day}日",
        lambda day: day.day,
        lambda day: float(day.day),
        lambda day: f" {day.month}／{day.day} ",
    ],
)
def test_every_way_of_writing_a_date(label):
    """Dates are understood as teams write them; what lacks month or year follows the first day."""
    matrix = to_matrix(roster(), TEAM)
    matrix.columns = [matrix.columns[0], *[label(day) for day in DAYS]]
    assert cells(from_matrix(matrix, SHIFTS, TEAM, first_day=DAYS[0])).keys() == {
        (who, day) for who in TEAM["agent_id"] for day in DAYS
    }


def test_dates_in_the_first_row_and_summary_columns():
    """A header row above the dates, a total column and a nameless line do not disturb."""
    sheet = pd.DataFrame(
        [["姓名", "10/30", "10/31", "合计"], ["林一", "A", "休", 1], [None, None, None, 1]], columns=list("wxyz")
    )
    read = from_matrix(sheet, SHIFTS, TEAM, first_day=DAYS[0])
    assert cells(read) == {("a1", DAYS[0]): "A", ("a1", DAYS[1]): "rest"}


@pytest.mark.parametrize(
    ("cell", "shift"),
    [("a", "A"), (" B ", "B"), ("Ｃ", "C"), ("休", "rest"), ("假", "leave")]
    + [(blank, "rest") for blank in ("", None, np.nan)],
)
def test_every_way_of_writing_a_cell(cell, shift):
    """Case, width, space and blanks are forgiven."""
    sheet = pd.DataFrame({"姓名": ["林一"], "10/30": pd.Series([cell], dtype=object)})
    assert cells(from_matrix(sheet, SHIFTS, TEAM, first_day=DAYS[0])) == {("a1", DAYS[0]): shift}


def test_three_column_list():
    """A list of name, date and shift reads like the matrix."""
    sheet = pd.DataFrame({"姓名": ["林一", "a2"], "日期": ["2026-10-30", "10/31"], "班次": ["A", "休"]})
    read = from_matrix(sheet, SHIFTS, TEAM, first_day=DAYS[0])
    assert cells(read) == {("a1", DAYS[0]): "A", ("a2", DAYS[1]): "rest"}


def test_all_problems_in_one_message():
    """Unknown codes and unknown or ambiguous names are all reported, with what is allowed."""
    sheet = pd.DataFrame({"姓名": ["林一", "Wu", "Zhao"], "10/30": ["Q", "A", "A"]})
    with pytest.raises(UserError, match="matrix was not read") as problem:
        from_matrix(sheet, SHIFTS, TEAM, first_day=DAYS[0])
    for part in ("Row 2, 林一", '"Q"', "allowed: A, B", 'Row 3: "Wu" is not', 'Row 4: "Zhao" is not'):
        assert part in str(problem.value)
    assert "第 2 行 林一" in problem.value.text("zh")


def test_a_day_named_twice_is_refused():
    """Two columns for one date are an error, not a silent choice."""
    sheet = pd.DataFrame([["林一", "A", "B"]], columns=["姓名", "10/30", "2026-10-30"])
    with pytest.raises(ValueError, match="already stands in row 2"):
        from_matrix(sheet, SHIFTS, TEAM, first_day=DAYS[0])


def test_calendar_follows_rfc_5545():
    """Lines end in CRLF, have at most 75 octets, and unfold into escaped text and UTC times."""
    rows = roster().query("agent_id == 'a1'").assign(shift="A,早;班\\" + "长" * 40)
    text = to_ics(rows, "a1")
    lines = text.split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-2:] == ["END:VCALENDAR", ""]
    assert max(len(line.encode()) for line in lines) <= 75
    assert "\n" not in text.replace("\r\n", "")
    whole = text.replace("\r\n ", "")
    assert "SUMMARY:A\\,早\\;班\\\\" + "长" * 40 in whole
    assert "DTSTART:20261030T010000Z" in whole
    assert whole.count("BEGIN:VEVENT") == 2
    assert len({line for line in whole.split("\r\n") if line.startswith("UID:")}) == 2


def test_calendar_of_a_person_without_shifts_is_empty():
    """No shifts, no events, still a calendar."""
    assert "VEVENT" not in to_ics(roster(), "nobody")


def test_a_sheet_without_dates_is_refused():
    """Headers that are no dates are an error that says how to write them."""
    with pytest.raises(ValueError, match="no date among"):
        from_matrix(pd.DataFrame({"姓名": ["林一"], "周一": ["A"]}), SHIFTS, TEAM, first_day=DAYS[0])


@pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n"])
def test_line_20_no_line_end_of_a_code_reaches_a_calendar(line_end):
    r"""A line break within a shift's code is written as \\n, whatever it is, and begins no line of its own."""
    rows = roster().query("agent_id == 'a1'").assign(shift=f"A{line_end}ATTENDEE:x")
    lines = to_ics(rows, "a1").split("\r\n")
    assert not [line for line in lines if line.startswith("ATTENDEE") or "\n" in line or "\r" in line]
    assert any("A\\nATTENDEE:x" in line for line in lines)
