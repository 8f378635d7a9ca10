"""Workbooks as people leave them: filtered, pasted under each other, saved under another ending."""

import shutil

import pytest
from openpyxl import load_workbook

from simlib.goals.workbook import find_goals_workbook
from simlib.messages import HOUSE
from simlib.readiness.workbook import read_readiness_beside
from simlib.retrospective.workbook import read_review, review_book
from simlib.store import StoreError, check_store, save_store
from simlib.store.problems import SHOWN_OF_A_KIND, list_problems
from simlib.store.sources import OLE_MAGIC


def test_rows_that_a_filter_hides_are_read_and_named(as_book, sound):
    """A filter takes nobody off the list: the rows count, and a notice names them."""
    path = as_book(sound)
    book = load_workbook(path)
    book["agents"].row_dimensions[3].hidden = True
    book.save(path)
    store, problems, notices = check_store(path)
    assert (len(store.agents), problems) == (2, ())
    [notice] = [each for each in notices if each.message == "rows_hidden"]
    assert (notice.sheet, notice.row, notice.rows) == ("agents", 3, (3,))
    assert "第 3 行" in notice.text("zh")
    assert "hides them" in notice.text("en")


def test_a_hidden_title_above_the_table_is_no_matter(as_book, sound):
    """Only rows of data are named: what stands above the header is not read in any case."""
    sound["agents"].insert(0, ["People of the promo"])
    path = as_book(sound)
    book = load_workbook(path)
    book["agents"].row_dimensions[1].hidden = True
    book.save(path)
    assert "rows_hidden" not in {each.message for each in check_store(path).notices}


@pytest.mark.parametrize(
    ("state", "message", "words"),
    [("hidden", "sheet_hidden", "隐藏的"), ("veryHidden", "sheet_very_hidden", "深度隐藏")],
)
def test_a_hidden_sheet_is_read_and_named(as_book, sound, state, message, words):
    """Hiding a tab takes nothing off: its rows count, and one notice names the sheet."""

    def hide(book):
        book["agents"].sheet_state = state

    store, problems, notices = check_store(as_book(sound, hide))
    assert (len(store.agents), problems) == (2, ())
    [notice] = [each for each in notices if "hidden" in each.message]
    assert (notice.message, notice.sheet) == (message, "agents")
    assert words in notice.text("zh")
    assert "counts like the others" in notice.text("en")


def test_a_hidden_sheet_of_which_nothing_is_read_is_no_matter(as_book, sound):
    """A sheet of the owner's own, one that explains and one that holds a header alone give no data."""
    sound |= {"_lists": [["own"], ["temp"]], "说明": [["how to fill in"]], "duties": [["duty", "kind", "start", "end"]]}

    def hide(book):
        for title in ("_lists", "说明", "duties"):
            book[title].sheet_state = "hidden"

    _, problems, notices = check_store(as_book(sound, hide))
    assert (problems, [each for each in notices if "hidden" in each.message]) == ((), [])


def test_hidden_columns_with_data_are_read_and_named_in_one_line(as_book, sound):
    """A column out of sight counts as well: one notice names all of a sheet, by their headers and letters."""
    sound["agents"][0] += ["speed", "note"]
    for row in sound["agents"][1:]:
        row += [None, "a remark"]

    def hide(book):
        people = book["agents"].column_dimensions
        for letter in "CEHI":  # cohort, capacity, an empty one, and notes
            people[letter].hidden = True
        book["store"].column_dimensions["B"].hidden = True
        book["waves"].column_dimensions.group("H", "XFD", hidden=True)

    store, problems, notices = check_store(as_book(sound, hide))
    assert ([each.capacity for each in store.agents], problems) == ([5, 5], ())
    of_store, of_agents = [each for each in notices if "hidden" in each.message]
    assert (of_store.sheet, of_store.column) == ("store", "value")
    assert "it is hidden in Excel (column B)" in of_store.text("en")
    assert (of_agents.sheet, of_agents.columns) == ("agents", ("cohort", "capacity"))
    assert "第 C、E 列" in of_agents.text("zh")
    assert "they are hidden in Excel (columns C, E)" in of_agents.text("en")


def test_the_kits_own_workbooks_hide_nothing_that_is_read(tmp_path):
    """The example store as it is and as it is saved: the hidden lists to choose from are not data."""
    example = HOUSE / "templates" / "stores" / "appliances.xlsx"
    found = check_store(example)
    save_store(found.store, tmp_path / "saved.xlsx")
    for notices in (found.notices, check_store(tmp_path / "saved.xlsx").notices):
        assert notices
        assert [each.message for each in notices if "hidden" in each.message] == []


def test_a_header_within_the_table_is_one_mistake(as_book, sound):
    """Two tables pasted under each other: the second header is named as one, not cell by cell."""
    header, *people = sound["agents"]
    more = [[f"{row[0]}x", *row[1:]] for row in people]
    sound["agents"] = [header, *people, header, *more]
    store, problems, _ = check_store(as_book(sound))
    [problem] = problems
    assert (problem.message, problem.sheet, problem.row) == ("header_again", "agents", 4)
    assert len(store.agents) == 4


@pytest.mark.parametrize(
    "data", ["工号,姓名\nA1,张三\n".encode("gbk"), "工号\t姓名\n".encode(), "a;b\n".encode("utf-16")]
)
def test_a_csv_under_the_ending_of_a_workbook_is_named_as_one(tmp_path, data):
    """The sentence names what the file is and what to do with it."""
    path = tmp_path / "team.xlsx"
    path.write_bytes(data)
    [problem] = check_store(path).problems
    assert problem.message == "file_text_renamed"
    assert "另存为 .xlsx" in problem.text("zh")


def test_one_mistake_in_many_rows_is_one_line(as_book, sound):
    """Errors of one formula down a column are listed once, with their rows."""
    sound["agents"] += [[f"C{n}", f"P{n}", "own", "presale", "#N/A", 95, "yes"] for n in range(2 * SHOWN_OF_A_KIND)]
    problems = check_store(as_book(sound)).problems
    assert "rows 4–43 (40 rows)" in list_problems(problems, "en")
    assert len(list_problems(problems, "zh").splitlines()) == 1


@pytest.mark.parametrize("ending", [".xlsm", ".xls"])
def test_a_chapters_workbook_with_macros_is_read_and_an_old_one_is_refused_by_name(tmp_path, ending):
    """Passed over for its ending, it would leave a chapter without what the store wrote into it."""
    for path in (HOUSE / "templates" / "stores").glob("appliances*.xlsx"):
        shutil.copy(path, tmp_path / path.name)
    store = (tmp_path / "appliances.xlsx").rename(tmp_path / "appliances.xlsm")
    review_book().write(tmp_path / "appliances.review.xlsx", lang="zh")
    for chapter in ("goals", "readiness", "review"):
        path = (tmp_path / f"appliances.{chapter}.xlsx").rename(tmp_path / f"appliances.{chapter}{ending}")
        if ending == ".xls":
            path.write_bytes(OLE_MAGIC + bytes(600))
    if ending == ".xlsm":
        assert not find_goals_workbook(store).is_empty
        assert len(read_readiness_beside(store).tables["goods"]) > 0
        assert read_review(store).problems == ()
        return
    for problems in (find_goals_workbook(store).problems, read_review(store).problems):
        assert [each.message for each in problems] == ["file_xls"]
    with pytest.raises(StoreError, match=r"appliances\.readiness\.xls: this is a workbook of the old kind"):
        read_readiness_beside(store)
