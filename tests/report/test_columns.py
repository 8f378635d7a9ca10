"""How cells are written: by unit, by language, by what they are."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simlib.messages import LANGS, glossary
from simlib.report.columns import describe_column, list_words, quantity, show_cell, show_number, titled
from simlib.report.excel import write_workbook
from simlib.report.html import show_table


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


@pytest.mark.parametrize(
    ("named", "columns"),
    [
        ("figure", ("own_figure", "team_median", "figure_value", "as_is", "dropping")),
        ("item", ("value",)),
    ],
)
def test_a_row_about_a_figure_is_written_in_that_figure_s_unit(
    named: str, columns: tuple[str, ...], tmp_path: Path
) -> None:
    """A conversion of 54.8 % beside sales of 351,047 CNY is not rounded to 1, on the page and in the workbook."""
    rows = pd.DataFrame({named: ["sales_cny", "conversion", "mean_response_s"]})
    rows = rows.assign(**{column: [351046.8, 0.5478, 12.9] for column in columns})
    html = show_table(rows, lang="zh").html
    assert re.findall(r'<td class="n">([^<]+)</td>', html) == [
        shown for shown in ("351,047", "54.8%", "12.9") for _ in columns
    ]
    write_workbook(tmp_path / "book.xlsx", {"talk_sheets": rows}, lang="zh")
    [sheet] = openpyxl.load_workbook(tmp_path / "book.xlsx").worksheets
    assert [sheet.cell(line, 2).number_format for line in (2, 3, 4)] == ["#,##0", "0.0%", "#,##0.0"]


@pytest.mark.parametrize("lang", LANGS)
def test_no_key_of_the_glossary_reaches_a_cell(small_plan, lang: str) -> None:
    """Where a cell of the report holds a term, its word is shown and never its key."""
    keys = {key for key in glossary() if "_" in key} | {"all", "bot"}
    shown = []
    for name, table in small_plan.tables.items():
        for key in set(table.columns) - {"scope"}:  # goods in scope are written as the store wrote them
            column = describe_column(key, table[key], lang)
            if column.kind in ("text", "words"):
                cells = {show_cell(value, column, lang=lang) for value in table[key]}
                shown += [f"{name}.{key}: {cell}" for cell in sorted(cells & keys)]
    assert shown == []


def test_a_share_that_is_an_exact_number_is_a_percentage_and_a_price_keeps_its_cents() -> None:
    """Prices and shares of a promo sheet are Decimals: numbers with unit and separators, never bare texts."""
    assert shown("percent", [Decimal("0.1"), None], "zh") == ["10.0", "–"]
    assert describe_column("percent", pd.Series([Decimal("0.1")], dtype=object), "zh").title == "减百分之几"
    assert shown("list_price_cny", [Decimal("1299"), Decimal("75.05")]) == ["1,299.00", "75.05"]
    assert shown("list_price_cny", [Decimal("1299"), Decimal("79")]) == ["1,299", "79"]
    assert shown("amount_cny_h", [6.09, 5.5]) == ["6.09", "5.50"]
    assert shown("sales_cny", [1299.4]) == ["1,299"]


@pytest.mark.parametrize("lang", LANGS)
def test_ids_of_moves_and_the_other_language_are_for_programs(tmp_path: Path, lang: str) -> None:
    """Page and workbook show a move in words, once; its key and its bare size stay in the Parquet tables."""
    both = {"move_what_zh": ["机器人多解决 10 个百分点"], "move_what_en": ["the bot resolves 10 points more"]}
    table = pd.DataFrame({"move_key": ["more_bot:0.1"], "move": ["more_bot"], **both, "move_size": [60.0]})
    html = show_table(table, lang=lang).html
    write_workbook(tmp_path / "book.xlsx", {"move_shifts": table}, lang=lang)
    [sheet] = openpyxl.load_workbook(tmp_path / "book.xlsx").worksheets[-1:]
    cells = [str(cell) for row in sheet.iter_rows(values_only=True) for cell in row]
    for key in ("more_bot:0.1", "60.0", "60", both[f"move_what_{'en' if lang == 'zh' else 'zh'}"][0]):
        assert key not in cells
        assert f">{key}<" not in html
    assert both[f"move_what_{lang}"][0] in cells
    assert both[f"move_what_{lang}"][0] in html


@pytest.mark.parametrize("lang", LANGS)
def test_no_title_repeats_its_unit(small_plan, lang: str) -> None:
    """Neither a term nor a column of any table has its unit twice, as in 满多少元（元） or Contacts (contacts)."""
    terms = {key: pd.Series([1.0, 2.0]) for key in glossary()}
    columns = [(key, table[key]) for table in small_plan.tables.values() for key in table.columns]
    repeated = set()
    for key, values in [*terms.items(), *columns]:
        column = describe_column(key, values, lang)
        name, sign, unit = column.title.partition("（" if lang == "zh" else " (")
        unit = unit.rstrip("）)").rpartition("（" if lang == "zh" else "(")[2]
        words = set(re.findall("[a-z]+", name.lower())) if lang == "en" else name
        plain = unit.removesuffix("s") if len(unit) > 2 else unit
        if sign and unit and (unit in words or plain in words or f"{plain}s" in words):
            repeated.add(column.title)
    # 人员 and 人工 are no count of 人; a possessive is no second.
    assert sorted(each for each in repeated if not re.search("人员|人工|'s ", each)) == []


@pytest.mark.parametrize(
    ("key", "zh", "en"),
    [
        ("contacts", "咨询量（个）", "Contacts"),
        ("threshold_cny", "满多少元", "From amount (CNY)"),
        ("percent", "减百分之几", "Share off (%)"),
        ("answer_min", "几分钟内回应", "First answer within (min)"),
        ("gone_h", "清完要几小时", "Hours until gone"),
        ("call_pool", "叫机动人员到岗（人）", "Call the pool (agents)"),
        ("own_phrases", "自写话术（条）", "Own phrases (items)"),
    ],
)
def test_a_unit_is_added_where_the_name_lacks_it(key: str, zh: str, en: str) -> None:
    """The unit stands once: in the name, as a sign or in full, or else behind it."""
    assert (titled(key, "zh"), titled(key, "en")) == (zh, en)
