"""Names of a store's sheets as people leave them: numbered, copied, or left as Excel names a new one."""

import pytest

from simlib.messages import LANGS
from simlib.store import check_store, load_store
from simlib.store.models import NEEDED, SHEETS
from simlib.store.problems import coded_label


@pytest.mark.parametrize("title", ["1 agents", "2. 人员 ", "03、Agents", "agents (2)", "（4）人员 agents"])
def test_a_numbered_or_copied_sheet_is_read(as_book, sound, title):
    """The number in front and Excel's mark of a copy behind say nothing about what the sheet is."""
    sound[title] = sound.pop("agents")
    assert len(load_store(as_book(sound)).agents) == 2


def beside(sound, name, other, *, first):
    """Call the sheet of agents by a name, and put another one of three people beside it, before or behind."""
    people = sound.pop("agents")
    more = [*people, ["A3", "Cy", "own", "presale", 5, 93, "yes"]]
    pair = {other: more, name: people} if first == "other" else {name: people, other: more}
    return pair | sound


@pytest.mark.parametrize("first", ["other", "named"])
@pytest.mark.parametrize(
    ("name", "other"),
    [("agents", "agents (2)"), ("人员", "人员 (2)"), ("人员 agents", "2 agents"), ("1. 人员", "1. 人员 (2)")],
)
def test_the_sheet_of_the_known_name_goes_before_its_copy(as_book, sound, name, other, first):
    """Whatever the order of the tabs the sheet itself is read; the copy is named as not read, and is no mistake."""
    store, problems, notices = check_store(as_book(beside(sound, name, other, first=first)))
    assert (len(store.agents), problems) == (2, ())
    [notice] = [each for each in notices if each.message == "sheet_copy"]
    assert (notice.sheet, notice.values) == ("agents", {"first": name, "second": other})
    assert f"“{other}”没有读取" in notice.text("zh")
    assert f'"{other}" is not' in notice.text("en")


@pytest.mark.parametrize(
    ("name", "other"), [("人员", "agents"), ("agents (2)", "agents (3)"), ("1 agents", "2 agents")]
)
def test_of_two_sheets_equally_named_the_person_keeps_the_right_one(as_book, sound, name, other):
    """Where no name goes before the other it stays a mistake: both are named, and no other name is suggested."""
    [problem] = check_store(as_book(beside(sound, name, other, first="named"))).problems
    assert (problem.message, problem.values) == ("sheet_twice", {"first": name, "second": other})


@pytest.mark.parametrize("case", ["only a header", "hidden"])
def test_a_copy_of_a_sheet_that_is_blank_or_hidden_is_asked_about(as_book, sound, case):
    """Nothing stands in the sheet of the right name, or it is out of sight: the copy may be the one that is meant."""
    tables = beside(sound, "agents", "agents (2)", first="other")
    tables["agents"] = tables["agents"][: 1 if case == "only a header" else 3]

    def hide(book):
        book["agents"].sheet_state = "hidden" if case == "hidden" else "visible"

    problems = check_store(as_book(tables, hide)).problems
    assert {"first": "agents", "second": "agents (2)"} in [
        each.values for each in problems if each.message == "sheet_twice"
    ]


def test_an_empty_sheet_stands_in_nobodys_way(as_book, sound):
    """A tab with nothing on it is not there: the copy is the only sheet of agents."""
    tables = beside(sound, "agents", "agents (2)", first="other")
    tables["agents"] = []
    store, problems, _ = check_store(as_book(tables))
    assert (len(store.agents), problems) == (3, ())


def test_a_sheet_of_no_known_name_is_named_with_those_that_are_free(as_book, sound):
    """Sheet1 may be any sheet that is not filled in; the others are not offered."""
    sound["Sheet1"] = [["start", "queue", "contacts"], ["2026-09-01 00:00", "presale", 3]]
    [problem] = check_store(as_book(sound)).problems
    assert problem.allowed == tuple(sheet for sheet in SHEETS if sheet not in sound)
    assert coded_label("history", "zh") in problem.text("zh")
    assert coded_label("agents", "zh") not in problem.text("zh")


@pytest.mark.parametrize("sheet", NEEDED)
def test_a_needed_sheet_under_another_name_is_one_mistake(as_book, sound, sheet):
    """What its columns show to be the sheet that lacks is asked about, by both names, and not missed a second time."""
    sound["Sheet1"] = sound.pop(sheet)
    [problem] = check_store(as_book(sound)).problems
    assert (problem.message, problem.sheet, problem.nearest) == ("sheet_unknown", "Sheet1", sheet)
    for lang in LANGS:
        assert "Sheet1" in problem.text(lang)
        assert coded_label(sheet, lang) in problem.text(lang)


def test_a_sheet_that_shows_nothing_is_not_taken_for_the_one_that_lacks(as_book, sound):
    """Columns of something else say nothing: both stay, the sheet nobody knows and the one that is needed."""
    sound["Sheet1"] = [["colour", "size"], ["red", 3]]
    del sound["agents"]
    assert {each.message for each in check_store(as_book(sound)).problems} == {"sheet_unknown", "sheet_needed"}
