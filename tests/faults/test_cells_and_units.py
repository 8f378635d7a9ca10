"""What people type in a cell is read or refused, never stripped: issue 15, lines 2, 3, 10, 14 and 20."""

from __future__ import annotations

import datetime as dt

import pytest

from simlib import facts
from simlib.messages import LANGS, glossary, texts
from simlib.store import check_store, load_store, save_store
from simlib.store.cells import CellError, Percent, read_cell, spellings
from simlib.store.columns import columns, meant_choice, nearest, sheet_names, unit_of_row
from simlib.store.problems import list_problems, unit_label
from simlib.store.sources import guard, unguard


@pytest.mark.parametrize(
    ("written", "kind", "unit", "value"),
    [
        ("2分钟", "number", "s", 120.0),
        ("180分", "number", "h", 3.0),
        ("60秒", "integer", "min", 1),
        ("3 min", "number", "s", 180.0),
        ("３　分钟", "number", "s", 180.0),
        ("500毫秒", "number", "s", 0.5),
        ("250 ms", "number", "s", 0.25),
        ("2天", "number", "h", 48.0),
        ("36小时", "number", "days", 1.5),
        ("2 Hours", "number", "min", 120.0),
        ("1小时30分", "integer", "min", 90),
        ("1h30m", "number", "min", 90.0),
        ("1 hour 30 minutes", "number", "s", 5400.0),
        ("1小时", "integer", "min", 60),
        ("45", "number", "s", 45.0),
        ("25元/时", "money", "CNY/h", 25.0),
        ("￥25/小时", "money", "CNY/h", 25.0),
        ("25元每小时", "money", "CNY/h", 25.0),
        ("25 CNY/h", "money", "CNY/h", 25.0),
        ("0.5元/分钟", "money", "CNY/h", 30.0),
        ("100万元", "money", "CNY", 1_000_000.0),
        ("1.2亿", "money", "CNY", 120_000_000.0),
        ("3元5角", "money", "CNY", 3.5),
        ("92分", "number", "points", 92.0),
        ("8 人", "integer", "chats", 8),
        ("1万人次", "number", "contacts", 10_000.0),
        ("150%", "number", "%", 150.0),
        ("45%", "number", "share", 0.45),
        ("15‰", "share", "share", 0.015),
        ("1.5倍", "number", "", 1.5),
        (Percent(0.45), "share", "share", 0.45),
        (Percent(1.5), "number", "%", 150.0),
    ],
)
def test_line_2_a_typed_unit_is_converted_by_the_columns(written, kind, unit, value):
    """A figure with a unit is turned into the unit of its column."""
    assert read_cell(written, kind, unit=unit) == pytest.approx(value)


@pytest.mark.parametrize(
    ("written", "kind", "unit", "message"),
    [
        ("5分钟", "money", "CNY", "unit_wrong"),
        ("5元", "number", "s", "unit_wrong"),
        ("￥5", "number", "s", "unit_wrong"),
        ("3分钟", "integer", "chats", "unit_wrong"),
        ("200元/天", "money", "CNY/h", "unit_wrong"),
        ("5000元/月", "money", "CNY/h", "unit_wrong"),
        ("5美元", "money", "CNY", "unit_wrong"),
        ("$5", "money", "CNY", "not_number"),
        ("100万元/天", "money", "CNY", "unit_wrong"),
        ("25秒", "number", "", "unit_unwanted"),
        ("30%", "money", "CNY", "percent_unwanted"),
        ("90秒", "integer", "min", "not_integer"),
        ("1小时30", "number", "min", "not_number"),
        ("5 apples", "number", "contacts", "not_number"),
        ("1分2小时", "number", "s", "not_number"),
    ],
)
def test_line_2_a_unit_of_another_kind_is_refused(written, kind, unit, message):
    """What the column's unit cannot be is refused with the unit that is wanted, not stripped."""
    with pytest.raises(CellError) as caught:
        read_cell(written, kind, unit=unit)
    assert caught.value.message == message
    assert set(texts()[f"store.{message}"]) >= {"zh", "en"}


def test_line_2_units_of_ratios_goals_rules_and_shifts(as_folder, sound):
    """In each sheet the row's own unit counts: the ratio's, the KPI's, the rule's, the column's."""
    sound["ratios"].append(["patience_s", "1分钟", "2分钟", "5 min", "store"])
    sound["ratios"].append(["aov_cny", "140元", "￥150", 160, "store"])
    sound["goals"] = [["kpi", "floor", "stretch"], ["service_level_s", "3分钟", "1分钟"], ["service_level", "80%", ""]]
    sound["rules"] = [["key", "value"], ["overtime_max_h_day", "180分"], ["overtime_pay_pct", "150%"]]
    sound["shifts"] = [
        ["code", "start", "end", "meal_from", "meal_to", "meal_min"],
        ["A", "08:00", "17:00", "11:00", "14:00", "60秒"],
    ]
    sound["agents"][0].append("cost_cny_h")
    sound["agents"][1].append("25元/时")
    store = load_store(as_folder(sound))
    patience = store.ratio("patience_s")
    assert (patience.low, patience.likely, patience.high) == (60, 120, 300)
    assert (store.ratio("aov_cny").low, store.ratio("aov_cny").likely) == (140, 150)
    assert [(goal.floor, goal.stretch) for goal in store.goals] == [(180, 60), (0.8, None)]
    assert (store.rule("overtime_max_h_day"), store.rule("overtime_pay_pct")) == (3, 150)
    assert (store.shifts[0].meal_min, store.agents[0].cost_cny_h) == (1, 25)


def test_line_2_every_unit_that_is_declared_is_known():
    """Each unit of a ratio, a rule, a target or a term of the glossary has a kind and words."""
    units = {
        unit for file in ("ratios", "rules") for unit in (unit_of_row(file, {"key": key}) for key in keys_of(file))
    }
    units |= {row["unit"] for row in glossary().values()} - {""}
    assert units - {""} <= set(spellings("unit_kinds"))
    assert all(unit_label(unit, lang) for unit in units - {""} for lang in LANGS)


def keys_of(sheet):
    """List the keys that a sheet of ratios or rules may name."""
    return facts.table({"ratios": "ratios", "rules": "labour"}[sheet])["key"]


def test_line_2_a_unit_in_a_column_of_its_own_counts(as_folder, sound):
    """A row that says its unit in the column unit is converted; the unit that is meant anyway changes nothing."""
    sound["ratios"] = [
        ["key", "low", "likely", "high", "unit"],
        ["patience_s", 1, 2, 5, "分钟"],
        ["retry_s", 200, 300, 400, "秒"],
        ["conversion", 0.4, 0.45, 0.5, "%"],
    ]
    store = load_store(as_folder(sound))
    assert [store.ratio(key).likely for key in ("patience_s", "retry_s", "conversion")] == [120, 300, 0.45]


@pytest.mark.parametrize("cell", ["-", "—", "无", "none", "否", "平日", "N/A", "\u200b"])
def test_line_3_a_promo_cell_that_says_nothing_is_no_promo(as_folder, sound, cell):
    """A dash in the promo column is no promo called "-"."""
    sound["history"] = [["start", "queue", "contacts", "promo"]]
    sound["history"] += [[f"2026-10-{day:02d}", "presale", 100, cell] for day in range(1, 20)]
    sound["history"].append(["2026-10-20", "presale", 100, "618"])
    promos = [row.promo for row in load_store(as_folder(sound)).history]
    assert promos == [None] * 19 + ["618"]


@pytest.mark.parametrize("hidden", ["\u200b", "\u200e", "\u202a", "\ufeff", "\u2060", "\u00ad", "\u3164", "\u061c"])
def test_line_10_invisible_characters_are_passed_over(as_folder, sound, hidden):
    """Characters that nobody sees change no header, key, value, number, date or name."""
    plain = load_store(as_folder(sound, "plain"))
    spoiled = {sheet: [[f"{hidden}{cell}{hidden}" for cell in row] for row in rows] for sheet, rows in sound.items()}
    found = load_store(as_folder(spoiled, "spoiled"))
    assert found.model_copy(update={"store_id": "plain"}) == plain


@pytest.mark.parametrize(
    "cell", ["two\nlines", "bell\x07", "tab\there", "next\x85line", "sep\u2028line", "half \ud83d"]
)
@pytest.mark.parametrize("column", [0, 1])
def test_line_20_control_characters_in_codes_and_names_are_refused(cell, column):
    """A line break or a control character in a code or a name is refused in words."""
    kind = ("code", "text")[column]
    with pytest.raises(CellError) as caught:
        read_cell(cell, kind)
    assert caught.value.message == "control_character"


def test_line_20_a_note_may_have_lines_and_nothing_worse():
    """Line breaks are at home in a note; a bell or half a character is not."""
    assert read_cell("two\nlines", "note") == "two\nlines"
    with pytest.raises(CellError):
        read_cell("a\x00b", "note")


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'=", "''＝"])
def test_line_20_csv_guards_every_beginning_of_a_formula(begin):
    """Whatever a spreadsheet takes for a formula gets an apostrophe, and comes back as it was."""
    assert guard(f"{begin}1").startswith("'")
    assert unguard(guard(f"{begin}1")) == f"{begin}1"


def test_line_20_a_saved_folder_holds_no_formula(as_folder, sound, tmp_path):
    """A note that begins with a full-width sign or a line end is guarded where the store writes CSV."""
    store = load_store(as_folder(sound))
    waves = (store.waves[0].model_copy(update={"note": "＝1+1"}),)
    agents = (store.agents[0].model_copy(update={"wishes": "\n=1"}), *store.agents[1:])
    store = store.model_copy(update={"waves": waves, "agents": agents, "store_id": "out"})
    save_store(store, tmp_path / "out")
    assert "'＝1+1" in (tmp_path / "out" / "waves.csv").read_text("utf-8-sig")
    assert "'\n=1" in (tmp_path / "out" / "agents.csv").read_text("utf-8-sig")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2026-11-02 00:00~00:30", dt.datetime(2026, 11, 2)),
        ("2026-11-02 00:30 - 01:00", dt.datetime(2026, 11, 2, 0, 30)),
        ("2026/11/2 23:30～24:00", dt.datetime(2026, 11, 2, 23, 30)),
        ("2026-11-02 08:00 至 08:30", dt.datetime(2026, 11, 2, 8)),
        ("2026-11-02 08:00~2026-11-02 08:30", dt.datetime(2026, 11, 2, 8)),
    ],
)
def test_line_10_an_interval_is_read_as_its_beginning(written, value):
    """Where only an interval can be meant, its beginning is read, and in other columns it is refused with it."""
    assert read_cell(written, "datetime", begins=True) == value
    with pytest.raises(CellError) as caught:
        read_cell(written, "datetime")
    assert caught.value.message == "interval"


@pytest.mark.parametrize(
    ("written", "kind", "hint"),
    [
        ("2026-11-02 00:00-00:30", "datetime", "2026-11-02 00:00"),
        ("2026-11-02 20:00-20:30", "datetime", "2026-11-02 20:00"),
        ("08:00-17:00", "time", "08:00"),
    ],
)
def test_line_10_an_interval_that_could_be_a_zone_is_called_an_interval(written, kind, hint):
    """With a bare hyphen the sentence says that it is an interval, and how to write its beginning; zones stay zones."""
    with pytest.raises(CellError) as caught:
        read_cell(written, kind, begins=kind == "datetime")
    assert (caught.value.message, caught.value.values["hint"]) == ("interval", hint)
    with pytest.raises(CellError) as caught:
        read_cell("2026-11-02 20:00+08:00", "datetime", begins=True)
    assert caught.value.message == "date_with_zone"


@pytest.mark.parametrize(
    ("word", "sheet", "column", "value"),
    [
        ("全职", "agents", "cohort", "own"),
        ("正式工", "agents", "cohort", "own"),
        ("暑期实习", "agents", "cohort", "student"),
        ("外包临时", "agents", "cohort", None),
        ("freelance", "agents", "cohort", None),
        ("晚上8点开卖", "waves", "profile", "E"),
        ("20点开抢", "waves", "profile", "E"),
        ("零点场", "waves", "profile", "M"),
        ("收官日", "waves", "profile", "L"),
        ("预售", "waves", "profile", None),
        ("天猫国际", "store", "platform", "tmall"),
        ("售后退换", "agents", "skill_1", "aftersale"),
        ("presail", "agents", "skill_1", "presale"),
    ],
)
def test_line_14_suggestions_come_from_synonyms_or_not_at_all(word, sheet, column, value):
    """A word of the table leads to its value; where two fit, or only letters are alike, nothing is suggested."""
    [found] = [each for each in columns(sheet) if each.key == column]
    assert meant_choice(word, found) == value


def test_line_14_letters_suggest_only_where_one_name_is_clearly_nearest():
    """A mistyped name is found; one that is as near to two, or near to none, is not guessed at."""
    assert nearest("agnets", sheet_names()) == "agents"
    assert nearest("A9", {"a1": "A1", "a2": "A2"}) is None
    assert nearest("日报", sheet_names()) is None


def test_line_14_one_mistake_in_many_rows_is_one_line(as_folder, sound):
    """Three mistakes in sixty rows are three lines, each with its rows."""
    header = sound["agents"][0]
    sound["agents"] = [header, *([f"B{n}", "Cy", "freelance", "presale", "five", 95, "yes"] for n in range(30))]
    sound["history"] = [["start", "queue", "contacts"], *([f"2026-10-{day:02d}", "presail", 9] for day in range(1, 31))]
    problems = check_store(as_folder(sound))[1]
    assert len(problems) == 90
    lines = list_problems(problems, "en").splitlines()
    assert len(lines) == 3
    assert "rows 2–31 (30 rows)" in lines[0]


@pytest.mark.parametrize(
    ("spoil", "messages"),
    [
        (lambda t: t["waves"][0].__setitem__(1, "profle"), ["column_unknown"]),
        (lambda t: t.__setitem__("agnets", t.pop("agents")), ["sheet_unknown"]),
        (lambda t: t["ratios"][1].__setitem__(2, 45), ["share_not_percent"]),
        (lambda t: t["store"][2].__setitem__(0, "platfrom"), ["item_unknown"]),
    ],
)
def test_line_14_no_complaint_that_only_follows_from_another(as_folder, sound, spoil, messages):
    """A mistyped column is not called missing as well, nor a mistyped sheet; a ratio out of range not out of order."""
    spoil(sound)
    assert [problem.message for problem in check_store(as_folder(sound))[1]] == messages


def test_line_14_an_end_of_24_00_is_accepted_and_midnight_is_asked_about(as_folder, sound):
    """An end that was typed as 24:00 raises no question; one at 00:00 does."""
    for number, (end, asked) in enumerate(
        (("2026-11-03 24:00", False), ("2026年11月3日 24点", False), ("2026-11-04", True))
    ):
        sound["waves"][1][3] = end
        store, problems, notices = check_store(as_folder(sound, f"shop{number}"))
        assert not problems
        assert store.waves[0].end == dt.datetime(2026, 11, 4)
        assert ("wave_ends_at_midnight" in {notice.message for notice in notices}) == asked


@pytest.mark.parametrize("word", ["合计", "总计：", "Total", "小计"])
def test_line_14_a_row_of_totals_is_no_data(as_folder, sound, word):
    """A row that adds up the ones above it is passed over, and that is said."""
    sound["history"] = [["start", "queue", "contacts"]]
    sound["history"] += [[f"2026-10-{day:02d}", "presale", 100] for day in range(1, 15)]
    sound["history"].append([word, "", 1400])
    sound["agents"].append([word, "", "", "", 10, "", ""])
    store, problems, notices = check_store(as_folder(sound))
    assert not problems
    assert (len(store.history), len(store.agents)) == (14, 2)
    assert [notice.sheet for notice in notices if notice.message == "total_rows"] == ["history", "agents"]


@pytest.mark.parametrize(
    ("cell", "message", "hint"), [("145%", "ratio_out_of_range", None), (1.45, "share_not_percent", "1.45%")]
)
def test_line_6_a_percentage_above_100_is_not_advised_to_be_a_hundredth(as_folder, sound, cell, message, hint):
    """145 % is out of range; only a bare figure is asked whether percent was meant."""
    sound["ratios"][1][1:4] = ["40%", "45%", cell]
    [problem] = check_store(as_folder(sound))[1]
    assert problem.message == message
    assert ("1.45%" in problem.text("en")) == (hint is not None)


@pytest.mark.parametrize(
    ("own", "wave", "ratio"), [(150, None, None), (None, 150, None), (None, None, 150), (None,) * 3]
)
def test_line_6_the_order_value_is_called_missing_only_where_it_is(as_folder, sound, own, wave, ratio):
    """Filled in anywhere it is not named; filled in nowhere it is a problem, and the only one."""
    sound["store"][3][1] = own
    sound["waves"][0].append("day_aov_cny")
    sound["waves"][1].append(wave)
    if ratio:
        sound["ratios"].append(["aov_cny", ratio, ratio, ratio, "store"])
    _, problems, notices = check_store(as_folder(sound))
    assert [problem.message for problem in problems] == ["order_value_missing"] * (own is wave is ratio is None)
    if problems:
        return
    [defaults] = [notice for notice in notices if notice.message == "ratios_from_defaults"]
    assert "aov_cny" not in defaults.values["ratios"]
