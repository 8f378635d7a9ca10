"""Names of a store's sheets as people leave them: numbered, copied, or left as Excel names a new one."""

import pytest

from simlib.store import check_store, load_store
from simlib.store.models import SHEETS
from simlib.store.problems import coded_label


@pytest.mark.parametrize("title", ["1 agents", "2. 人员 ", "03、Agents", "agents (2)", "（4）人员 agents"])
def test_a_numbered_or_copied_sheet_is_read(as_book, sound, title):
    """The number in front and Excel's mark of a copy behind say nothing about what the sheet is."""
    sound[title] = sound.pop("agents")
    assert len(load_store(as_book(sound)).agents) == 2


def test_a_copy_beside_its_sheet_is_named_with_it(as_book, sound):
    """Of two sheets that mean one the person keeps the right one: both are named, and no other name is suggested."""
    sound["agents (2)"] = sound["agents"]
    [problem] = check_store(as_book(sound)).problems
    assert (problem.message, problem.values) == ("sheet_twice", {"first": "agents", "second": "agents (2)"})


def test_a_sheet_of_no_known_name_is_named_with_those_that_are_free(as_book, sound):
    """Sheet1 may be any sheet that is not filled in; the others are not offered."""
    sound["Sheet1"] = [["start", "queue", "contacts"], ["2026-09-01 00:00", "presale", 3]]
    [problem] = check_store(as_book(sound)).problems
    assert problem.allowed == tuple(sheet for sheet in SHEETS if sheet not in sound)
    assert coded_label("history", "zh") in problem.text("zh")
    assert coded_label("agents", "zh") not in problem.text("zh")
