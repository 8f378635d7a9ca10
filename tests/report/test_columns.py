"""How cells are written: by unit, by language, by what they are."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simlib.report.columns import describe_column, list_words, quantity, show_cell, show_number


def shown(key: str, values: list, lang: str = "en", **more: object) -> list[str]:
    """Write a whole column out."""
    series = pd.Series(values)
    column = describe_column(key, series, lang)
    return [show_cell(value, column, lang=lang, **more) for value in series]


def test_a_column_takes_its_title_and_unit_from_the_glossary() -> None:
    """The title carries the unit in the reader's language."""
    assert describe_column("first_response", pd.Series([1.0]), "zh").title == "首响（秒）"
    assert describe_column("first_response", pd.Series([1.0]), "en").title == "First response (s)"


def test_the_end_of_a_band_is_named_after_what_it_bounds() -> None:
    """A column ``<name>_low`` needs no term of its own, and has the unit of its name."""
    column = describe_column("first_response_low", pd.Series([1.0]), "en")
    assert (column.title, column.unit) == ("First response (s), Low", "s")


def test_a_column_without_a_term_is_refused() -> None:
    """A column that the glossary does not know stops with its name, so that no raw key reaches people."""
    with pytest.raises(KeyError, match="first_respons"):
        describe_column("first_respons", pd.Series([1.0]), "en")


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        ("contacts", [1234567, 2], ["1,234,567", "2"]),
        ("contacts", [234.5, 2.0], ["234.5", "2.0"]),
        ("contacts", [5234.4, 2.3], ["5,234", "2"]),
        ("hour", [0, 20], ["0", "20"]),
        ("share", [0.625, 1.0], ["62.5", "100.0"]),
        ("cost_cny_h", [1234.6], ["1,235"]),
        ("shortfall", [-3], ["−3"]),
        ("first_response", [np.nan, np.inf], ["–", "∞"]),
        ("queue", ["presale", "somebody's own"], ["Presale", "somebody's own"]),
        ("profile", ["E"], ["Evening opening"]),
        ("lead", [True, False], ["Yes", "No"]),
        ("date", [dt.date(2026, 10, 31)], ["2026-10-31"]),
        ("service_opens", [dt.time(20, 30)], ["20:30"]),
        ("note", [None, "a"], ["–", "a"]),
        ("leave", [["a", "b"]], ["a, b"]),
    ],
)
def test_cells_are_written_by_what_they_are(key: str, values: list, expected: list[str]) -> None:
    """Counts, shares, money, keys, truth, days, clocks, text and lists each have their form; empty is a dash."""
    assert shown(key, values) == expected


def test_an_instant_keeps_the_clock_of_its_zone() -> None:
    """20:00 in Shanghai is written as 20:00, whatever zone the reader sits in."""
    moment = pd.Timestamp("2026-10-31 20:00", tz="Asia/Shanghai")
    assert shown("start", [moment]) == ["2026-10-31 20:00"]


def test_a_row_with_its_own_unit_is_written_in_it() -> None:
    """In a table of steps every value follows the unit of its own row."""
    column = describe_column("value", pd.Series([0.3, 1e6]), "en")
    assert show_cell(0.3, column, lang="en", row_unit="share") == "30.0%"
    assert show_cell(1e6, column, lang="en", row_unit="CNY") == "1,000,000"


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12), st.integers(0, 3))
def test_a_number_reads_back_as_itself(value: float, digits: int) -> None:
    """Taking the separators out again gives the number, rounded; nought never bears a minus."""
    text = show_number(value, unit="", digits=digits)
    back = float(text.replace(",", "").replace("−", "-"))
    assert back == pytest.approx(value, abs=0.5 * 10**-digits * (1 + 1e-9) + 1e-3 * (abs(value) > 1e9))
    assert text.strip("0.") not in ("−", "-")


def test_the_sign_of_a_share_is_on_the_label() -> None:
    """A quantity on its own carries its unit in the reader's language."""
    assert quantity(0.5, "share", "en") == "50.0%"
    assert quantity(3, "agents", "zh") == "3 人"


def test_a_list_is_joined_in_the_language() -> None:
    """Chinese lists take the enumeration comma."""
    assert list_words(["甲", "乙", "丙"], "zh") == "甲、乙、丙"
