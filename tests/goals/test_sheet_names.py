"""Sheets of goals.xlsx go by any name that plainly means them; others are named with what is allowed."""

import pytest
from openpyxl import load_workbook

from simlib.goals.workbook import SHEETS, check_goals_workbook, write_goals_template
from simlib.messages import label


def renamed(path, sheet, title, *, copy=False):
    """Write the template with one sheet under another title, or with a copy of it."""
    write_goals_template(path, lang="zh")
    opened = load_workbook(path)
    page = next(opened[name] for name in opened.sheetnames if name.split()[-1] == sheet)
    if copy:
        page = opened.copy_worksheet(page)
    page.title = title
    opened.save(path)
    return check_goals_workbook(path)


@pytest.mark.parametrize(
    "title", ["1 {zh} scores ", "3.SCORES", "  scores", "02、scores", "（4）scores", "scores (2)", "S c o r e s"]
)
def test_a_sheet_is_known_by_what_is_plainly_meant(tmp_path, title):
    """A number in front, spaces, wide brackets, another case, the mark of a copy: the sheet is read all the same."""
    sound, none = renamed(tmp_path / "sound.xlsx", "scores", "scores")
    title = title.format(zh=label("scores", "zh"))
    found, problems = renamed(tmp_path / "goals.xlsx", "scores", title)
    assert (none, problems) == ((), ())
    assert len(found.tables["scores"]) == len(sound.tables["scores"]) > 0


def test_a_sheet_that_nobody_knows_is_named_with_the_sheets_there_are(tmp_path):
    """The sentence names the sheet as it is called and every sheet that may be meant."""
    _, problems = renamed(tmp_path / "goals.xlsx", "scores", "Sheet1")
    [problem] = problems
    assert problem.sheet == "Sheet1"
    assert all(sheet in problem.text("en") for sheet in SHEETS)


def test_a_copied_sheet_is_never_read_in_place_of_the_first(tmp_path):
    """Excel's copy of a sheet is a second one, named with the first; before, the last of two replaced the others."""
    found, problems = renamed(tmp_path / "goals.xlsx", "scores", "scores (2)", copy=True)
    assert [problem.message for problem in problems] == ["sheet_twice"]
    assert "scores (2)" in problems[0].text("zh")
    assert len(found.tables["scores"]) > 0


def test_a_copy_before_its_sheet_is_not_read_in_its_place(tmp_path):
    """The order of the tabs is no matter: the sheet of the known name is read, and its copy is named."""
    path = tmp_path / "goals.xlsx"
    sound, _ = renamed(path, "scores", "scores")
    opened = load_workbook(path)
    copy = opened.copy_worksheet(opened["scores"])
    copy.title = "scores (2)"
    copy.delete_rows(3, 100)
    opened.move_sheet(copy, -opened.index(copy))
    opened.save(path)
    found, [problem] = check_goals_workbook(path)
    assert len(found.tables["scores"]) == len(sound.tables["scores"]) > 1
    assert problem.values == {"first": "scores", "second": "scores (2)"}


@pytest.mark.parametrize("above", [["客服部 双11 目标"], ["客服部 双11 目标", None, "填表人：主管"]])
def test_a_title_above_the_header_is_no_header(tmp_path, above):
    """One or more rows of a title, as people put them, move the table down and lose nothing."""
    sound, none = renamed(tmp_path / "sound.xlsx", "scores", "scores")
    opened = load_workbook(tmp_path / "sound.xlsx")
    for page in opened:
        page.insert_rows(1, amount=len(above))
        for number, title in enumerate(above, start=1):
            page.cell(number, 1, title)
    opened.save(tmp_path / "goals.xlsx")
    found, problems = check_goals_workbook(tmp_path / "goals.xlsx")
    assert (none, problems) == ((), ())
    for name, table in sound.tables.items():
        read = found.tables[name]
        placed = [column for column in ("source_file", "source_row") if column in table]
        assert read.drop(columns=placed).equals(table.drop(columns=placed)), name
