"""Rows that stand in a table twice: one paste is one sentence with both stretches, whatever the sheet."""

import datetime as dt

import pytest

from simlib.store import check_store
from simlib.store.problems import SHOWN_OF_A_KIND, Problem, count_mistakes, list_problems, shorten


def series(rows, *, queues=("presale", "aftersale")):
    """Return counts by half hour, the queues in turn."""
    begins = dt.datetime(2026, 10, 31, 18)
    at = [begins + n // len(queues) * dt.timedelta(minutes=30) for n in range(rows)]
    return [[start, queues[n % len(queues)], 100 + n] for n, start in enumerate(at)]


@pytest.mark.parametrize("sheet", ["actuals", "history"])
def test_a_table_pasted_twice_is_one_sentence(as_book, sound, sheet):
    """Both queues, 96 rows under the same 96: one mistake, with its rows, the rows they repeat, and what to do."""
    sound[sheet] = [["start", "queue", "contacts"], *series(96), *series(96)]
    problems = check_store(as_book(sound)).problems
    assert count_mistakes(problems) == 1
    zh, en = (list_problems(problems, lang) for lang in ("zh", "en"))
    assert "第 98–193 行（共 96 行）" in zh
    assert "与第 2–97 行重复" in zh
    assert "粘贴了两次" in zh
    assert "rows 98–193 (96 rows)" in en
    assert "repeat rows 2–97" in en
    assert "delete the other as a whole" in en


def test_a_table_pasted_three_times_names_the_first(as_book, sound):
    """Each further copy is a sentence of its own, against the first rows."""
    sound["actuals"] = [["start", "queue", "contacts"], *series(20), *series(20), *series(20)]
    lines = [problem.text("en") for problem in shorten(check_store(as_book(sound)).problems)]
    assert [line.split("repeat rows")[1].split(";")[0].strip() for line in lines] == ["2–21", "2–21"]
    assert ["rows 22–41" in lines[0], "rows 42–61" in lines[1]] == [True, True]


def test_people_pasted_twice_are_one_sentence(as_book, sound):
    """A name list that was pasted below itself is one mistake as well."""
    people = [[f"B{n:02}", f"P{n}", "own", "presale", 5, 95, "yes"] for n in range(15)]
    sound["agents"] = [sound["agents"][0], *people, *people]
    problems = check_store(as_book(sound)).problems
    assert count_mistakes(problems) == 1
    assert "rows 17–31 (15 rows)" in list_problems(problems, "en")


def test_a_copy_in_another_order_is_one_sentence():
    """Rows whose twins lie at other distances are listed one by one while they are few, and together beyond that."""

    def twin(row, first):
        return Problem(message="stands_twice", sheet="agents", column="agent_id", row=row, values={"first": first})

    few = [twin(10 + n, 9 - n) for n in range(4)]
    many = [twin(100 + n, 99 - n) for n in range(SHOWN_OF_A_KIND + 1)]
    assert count_mistakes(few) == len(few)
    assert count_mistakes(many) == 1
    assert "repeat rows 79–99" in shorten(many)[0].text("en")


def test_two_rows_that_repeat_two_are_no_paste():
    """A few repeated rows are named with their twins; that a table was pasted twice is not claimed of them."""
    pair = [
        Problem(message="stands_twice", sheet="agents", column="agent_id", row=row, values={"first": row - 1})
        for row in (4, 9)
    ]
    [shown] = shorten(pair)
    assert (
        shown.text("zh")
        == "「人员」(agents)，第 4、9 行（共 2 行），列「工号」(agent_id)：与第 3、8 行重复，请只留一处。"
    )
