"""Each notebook is a lesson: it quotes the playbook, shows a frame, sets an exercise, and keeps little in git."""

from __future__ import annotations

import ast
import json
import re

import nbformat
import papermill
import pytest

from simlib import load_store
from simlib.messages import LANGS
from simlib.planning import sharing
from simlib.report.lesson import agrees, find_passage, read_passages, show_check, show_passage
from simlib.runs.engine import ENGINE
from simlib.runs.parameters import NOTEBOOKS, declared_parameters
from tests.conftest import SMALL_PLAN

CHAPTERS = sorted(path.stem for path in NOTEBOOKS.glob("0*.ipynb"))
WITH_PANEL = {"01_staffing", "03_forecasting", "04_goals", "06_stress_test"}
LESSON = "The lesson"
END = re.compile(r"[。？！]|[.?!](?=\s|$|”)")
MOST_BYTES, MOST_OUTPUT = 25_000, 2_000


def cells_of(chapter):
    """Read a notebook's cells."""
    return nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4).cells


def quotations(chapter):
    """List what a notebook quotes: page, heading and the place of the cell."""
    found = []
    for place, cell in enumerate(cells_of(chapter)):
        if cell.cell_type != "code":
            continue
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "show_passage":
                found.append((*(argument.value for argument in node.args), place))
    return found


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_heading_that_a_notebook_names_is_there(chapter):
    """Each quoted passage stands in the chapter's page in both languages and can be shown."""
    quoted = quotations(chapter)
    assert quoted
    for page, heading, _ in quoted:
        assert page == chapter
        for lang in LANGS:
            assert len(show_passage(page, heading, lang=lang).html) > 60


@pytest.mark.parametrize("chapter", CHAPTERS)
@pytest.mark.parametrize("lang", LANGS)
def test_a_lesson_can_be_read_out(chapter, lang):
    """Each passage of a lesson has two to four sentences, and the notebook quotes every one of them once."""
    english = [passage.title for passage in read_passages(chapter, "en")]
    begins = english.index(LESSON) + 1
    ends = next(n for n, one in enumerate(read_passages(chapter, "en")) if n >= begins and one.level <= 2)
    lesson = english[begins:ends]
    assert sorted(heading for _, heading, _ in quotations(chapter) if heading in lesson) == sorted(lesson)
    for heading in lesson:
        text = " ".join(find_passage(chapter, heading, lang).lines)
        assert 2 <= len(END.findall(text)) <= 4, (heading, text)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_lesson_has_its_parts(chapter):
    """A notebook shows its frame, sets an exercise whose solution is folded, and ends with its checks."""
    cells = cells_of(chapter)
    code = [cell for cell in cells if cell.cell_type == "code"]
    number = chapter[:2]
    frame = next(cell for cell in code if cell.id == f"{number}-frame")
    assert "keep_output" in frame.metadata.tags
    assert any(cell.source.startswith("answer = None") for cell in code)
    solution = next(cell for cell in code if cell.source.startswith("def solve()"))
    assert solution.metadata.jupyter.source_hidden
    assert cells[cells.index(solution) - 1].cell_type == "markdown"
    assert "assert " in code[-1].source
    assert not code[-1].outputs
    assert ("panel.show(" in "".join(cell.source for cell in code)) == (chapter in WITH_PANEL)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_git_holds_small_texts_only(chapter):
    """A notebook has no picture, no page and no time stamp; nbval compares every cell that is not left out by a tag."""
    path = NOTEBOOKS / f"{chapter}.ipynb"
    assert path.stat().st_size < MOST_BYTES
    assert "iopub" not in path.read_text("utf-8")
    for cell in (cell for cell in cells_of(chapter) if cell.cell_type == "code"):
        tags = cell.metadata.get("tags", ())
        assert bool(cell.outputs) == ("keep_output" in tags), cell.id
        for output in cell.outputs:
            assert (output.output_type, output.name) == ("stream", "stdout")
            assert len(output.text) < MOST_OUTPUT
        last = ast.parse(cell.source).body[-1]
        if isinstance(last, ast.Expr) and "keep_output" not in tags:
            assert "nbval-ignore-output" in tags, cell.id


def test_a_heading_that_is_not_there_is_named():
    """A heading that the page does not have, or a table under it, stops with page and heading."""
    with pytest.raises(KeyError, match="01_staffing: the heading 'Nowhere'"):
        find_passage("01_staffing", "Nowhere", "zh")
    with pytest.raises(ValueError, match="holds a table"):
        show_passage("01_staffing", "When", lang="en")


def test_a_passage_is_escaped():
    """Bold and code are marked; what looks like a page's code is text."""
    html = show_passage("00_sand_table", "How", lang="en").html
    assert "<code>sandtable new NAME</code>" in html
    assert "<script" not in html


@pytest.fixture(scope="module")
def small(small_plan):
    """The small example store's plan, shared by all notebooks, and their parameters."""
    given = {name: SMALL_PLAN[name] for name in ("replications", "roster_effort", "today")}
    return {"store": small_plan.source, "simpy_min": 30, **given}, small_plan


@pytest.mark.slow
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_exercise_has_an_answer(chapter, small, tmp_path):
    """The folded solution runs; it is right, another answer is not, and no answer is asked for in a run."""
    given, night = small
    if chapter == "06_stress_test":
        given = given | {"replications": night.stress_replications}
    book = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4)
    question = next(cell for cell in book.cells if cell.source.startswith("answer = None"))
    number = chapter[:2]
    test = "import json; print(json.dumps([solve(), show_check(solve(), solve, lang=lang).html, "
    test += "show_check('?', solve, lang=lang).html]))"
    order = [f"{number}-01", f"{number}-data", f"{number}-solution"]
    made = {f"{number}-0{n}" for n in (2, 3, 4)} if number in ("06", "07") else {f"{number}-02"}
    book.cells = [cell for cell in book.cells if cell.id in made or cell.id in order]
    book.cells = [cell for cell in book.cells if "panel" not in cell.source]
    book.cells.append(nbformat.v4.new_code_cell(test))
    assert "answer" in question.source
    nbformat.write(book, tmp_path / "in.ipynb")
    declared = declared_parameters(NOTEBOOKS / f"{chapter}.ipynb")
    with sharing(night, of=load_store(given["store"])):
        papermill.execute_notebook(
            tmp_path / "in.ipynb",
            tmp_path / "out.ipynb",
            parameters={name: value for name, value in given.items() if name in declared} | {"lang": "en"},
            engine_name=ENGINE,
            cwd=NOTEBOOKS,
            progress_bar=False,
        )
    printed = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[-1].outputs[0].text
    solution, right, wrong = json.loads(printed)
    assert solution not in ("", None)
    assert "st-verdict good" in right
    assert "st-verdict bad" in wrong


@pytest.mark.parametrize(
    ("answer", "solution", "right"),
    [("20:30", "20:30", True), ("20：30", "20:30", True), (12, 12, True), ("12", 12, True), (13, 12, False)],
)
def test_answers_are_compared_kindly(answer, solution, right):
    """A number may come as a text; blanks and case do not count; another value is wrong."""
    assert agrees(answer, solution) == right
    assert ("good" in show_check(answer, lambda: solution, lang="zh").html) == right
