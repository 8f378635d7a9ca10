"""Times of the night as people type them: one reading for all who ask, a sentence where there is none."""

import datetime as dt

import pandas as pd
import pytest

from simlib.clock import read_date, read_moment
from simlib.messages import LANGS, UserError

TZ = "Asia/Shanghai"
FIRST, LAST = pd.Timestamp("2026-10-31", tz=TZ), pd.Timestamp("2026-11-01 04:00", tz=TZ)
EVENING, MIDNIGHT = pd.Timestamp("2026-10-31 20:00", tz=TZ), FIRST

TYPED = {
    "20:05": "2026-10-31 20:05",
    "8:05": "2026-10-31 08:05",
    "08:05": "2026-10-31 08:05",
    "20：05": "2026-10-31 20:05",
    " 20:05:00 ": "2026-10-31 20:05",
    "24:00": "2026-11-01 00:00",
    "25:30": "2026-11-01 01:30",
    "01:30": "2026-11-01 01:30",
    "0:00": "2026-11-01 00:00",
    "11-01 01:30": "2026-11-01 01:30",
    "10-31 01:30": "2026-10-31 01:30",
    "2026-10-31 01:30": "2026-10-31 01:30",
    "2026/11/1 1:30": "2026-11-01 01:30",
    "2026-11-01T01:30": "2026-11-01 01:30",
    "10月31日 20点05分": "2026-10-31 20:05",
    "20点": "2026-10-31 20:00",
    "晚上8点半": "2026-10-31 20:30",
    "次日1:30": "2026-11-01 01:30",
    "凌晨1:30": "2026-11-01 01:30",
    "8:05 pm": "2026-10-31 20:05",
    "晚上12点": "2026-11-01 00:00",
    "10月31日晚12点半": "2026-11-01 00:30",
    "凌晨12点": "2026-11-01 00:00",
    "下午12点": "2026-10-31 12:00",
}


@pytest.mark.parametrize(("typed", "meant"), TYPED.items())
def test_a_typed_time_is_one_instant(typed, meant):
    """Each way of writing a time gives the instant that a lead means on an evening that opens at eight."""
    assert read_moment(typed, first=FIRST, last=LAST, opening=EVENING) == pd.Timestamp(meant, tz=TZ)


@pytest.mark.parametrize("typed", ["", "x", "20:60", "49:00", "20", "20.05", "20:05 x", "2026-13-01 20:05x", "::"])
def test_what_is_no_time_is_a_sentence(typed):
    """Text that is no time is refused in both languages, with the text in the sentence."""
    with pytest.raises(UserError) as refused:
        read_moment(typed, first=FIRST, last=LAST, opening=EVENING)
    assert all(typed in refused.value.text(lang) and "25:30" in refused.value.text(lang) for lang in LANGS)


@pytest.mark.parametrize("typed", ["29:00", "11-01 05:00", "10-30 20:00", "2025-10-31 20:00", "2026-02-30 20:00"])
def test_what_lies_outside_the_night_is_a_sentence(typed):
    """A time before or after the night, or on a day that no calendar has, names where the night begins and ends."""
    with pytest.raises(UserError, match="10-31 00:00") as refused:
        read_moment(typed, first=FIRST, last=LAST, opening=EVENING)
    assert "11-01 04:00" in refused.value.text("zh")


def test_a_time_that_comes_twice_is_the_first_after_the_opening():
    """Half past one is after the opening: the next morning of an evening wave, the same morning of a midnight wave."""
    asked = {"first": FIRST, "last": LAST}
    assert read_moment("01:30", **asked, opening=EVENING) == pd.Timestamp("2026-11-01 01:30", tz=TZ)
    assert read_moment("01:30", **asked, opening=MIDNIGHT) == pd.Timestamp("2026-10-31 01:30", tz=TZ)


def test_a_time_that_comes_twice_without_an_opening_is_asked_back():
    """Where nothing says which of two is meant, both are offered, written so that each is read back."""
    with pytest.raises(UserError) as refused:
        read_moment("01:30", first=FIRST, last=LAST)
    text = refused.value.text("en")
    for offered in ("10-31 01:30", "11-01 01:30"):
        assert offered in text
        assert f"{read_moment(offered, first=FIRST, last=LAST):%m-%d %H:%M}" == offered


def test_dates_as_people_type_them():
    """A date is read with dashes, slashes, dots, in one number and in Chinese; anything else is a sentence."""
    for typed in ("2026-10-10", "2026/10/10", "2026.10.10", "20261010", "2026年10月10日", "２０２６-10-10"):
        assert read_date(typed) == dt.date(2026, 10, 10)
    for typed in ("zzz", "", "2026-13-01", "10-10"):
        with pytest.raises(UserError, match="2026-10-10"):
            read_date(typed)
