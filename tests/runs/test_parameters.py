"""Parameters: declared once with their range, read like cells, refused before anything runs."""

import math
import subprocess
import sys

import nbformat
import pytest

from simlib.messages import HOUSE, LANGS
from simlib.runs import ParameterError, check_parameters, declared_parameters, read_parameters
from simlib.runs.parameters import EXAMPLE, NOTEBOOKS, read_declarations

ALL = sorted(NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("replication=3", "nearest one is replications"),
        ("zzz=3", "There are: files, wave, seed"),
        ("seed", "NAME=VALUE"),
        ("store=other.xlsx", "no parameter store"),
        ("replications=many", "a whole number from 2 to 2000"),
        ("replications=0", "a whole number from 2 to 2000"),
        ("replications=1", "a whole number from 2 to 2000"),
        ("replications=", "a whole number from 2 to 2000"),
        ("replications=-", "a whole number from 2 to 2000"),
        ("seed=1.5", "a whole number from 0 to 2147483647"),
        ("seed=-1", "a whole number from 0 to 2147483647"),
        ("seed=10^30", "a whole number from 0 to 2147483647"),
        ("seed=99999999999999999999", "a whole number from 0 to 2147483647"),
        ("seed=1e999", "a whole number from 0 to 2147483647"),
        ("roster_effort=nan", "a number from 0.1 to 3600"),
        ("roster_effort=inf", "a number from 0.1 to 3600"),
        ("roster_effort=-1", "a number from 0.1 to 3600"),
        ("roster_effort=0", "a number from 0.1 to 3600"),
        ("today=zzz", "a date such as 2026-10-10"),
        ("today=10/10", "a date such as 2026-10-10"),
        ("today=2026-02-30", "a date such as 2026-10-10"),
        ("teams=9", "a whole number from 1 to 8"),
        ("engine=simply", "compiled, simpy"),
    ],
)
def test_a_wrong_parameter_is_refused_with_what_is_allowed(given, reason):
    """Unknown, ill-typed and out of range: refused with the nearest name or the range, in both languages."""
    with pytest.raises(ParameterError) as refused:
        read_parameters([given])
    assert reason in refused.value.text("en")
    assert given.partition("=")[0] in refused.value.text("zh")


@pytest.mark.parametrize("text", ["2026-10-10", "2026/10/10", "2026年10月10日", "20261010", "２０２６/１０/１０"])
def test_a_date_is_read_as_in_a_cell(text):
    """However people write a day, the notebooks get one spelling of it."""
    assert read_parameters([f"today={text}"]) == {"today": "2026-10-10"}


def test_values_keep_their_declared_type(tmp_path, monkeypatch):
    """A text that looks like a number stays a text, a number becomes one, a path is one from the working directory."""
    monkeypatch.chdir(tmp_path)
    words = ["wave=007", "seed=９", "roster_effort=2", "replications=1,000", "roster_file=my.xlsx", "absent="]
    assert read_parameters(words) == {
        "wave": "007",
        "seed": 9,
        "roster_effort": 2.0,
        "replications": 1000,
        "roster_file": str(tmp_path / "my.xlsx"),
        "absent": "",
    }


def test_what_papermill_typed_is_read_again():
    """A wave called 618 comes as a number, a date as text; nan, a list and a number of 400 digits are refused."""
    values = {"wave": 618, "seed": 7.0, "store": "", "lang": "en", "today": "2026/10/10", "other": [1]}
    assert check_parameters("01_staffing", values) == {
        "wave": "618",
        "seed": 7,
        "store": str(EXAMPLE),
        "lang": "en",
        "today": "2026-10-10",
    }
    wrong = {"lang": "de", "wave": ["a"], "seed": 10**400, "replications": True, "roster_effort": math.nan}
    with pytest.raises(ParameterError) as refused:
        check_parameters("00_sand_table", wrong)
    assert len(refused.value.messages) == 5
    assert "lang cannot be de: it is one of zh, en." in refused.value.text("en")


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_every_notebook_declares_and_checks_its_parameters(path):
    """Each parameter has a type, a range and both descriptions; its cell stands first and the next one checks it."""
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert code[0].metadata["tags"] == ["parameters"]
    assert f'globals().update(check_parameters("{path.stem}", globals()))' in code[1].source
    declared = declared_parameters(path)
    assert list(declared)[:2] == ["store", "lang"]
    for parameter in declared.values():
        assert all(getattr(parameter, lang).strip() for lang in LANGS)


def test_one_name_is_one_parameter():
    """What two notebooks declare under one name has one range and one description; only its default may differ."""
    found = {}
    for path in ALL:
        for name, parameter in declared_parameters(path).items():
            seen = found.setdefault(name, parameter)
            assert (seen.kind, seen.low, seen.high, seen.choices, seen.zh, seen.en) == (
                *(parameter.kind, parameter.low, parameter.high, parameter.choices),
                *(parameter.zh, parameter.en),
            ), f"{path.name}: {name}"


@pytest.mark.parametrize(
    "line",
    [
        "seed = 7  # 0..9 · 种子 · seed",
        "seed: int = 7",
        "seed: int = 7  # 种子 · seed",
        "seed: int = 7  # text · 种子 · seed",
        "seed: list = []  # text · 种子 · seed",
        "import os",
    ],
)
def test_a_line_that_declares_nothing_is_found(line):
    """A declaration without type, range or description is an error of the notebook, with its line."""
    with pytest.raises(ValueError, match="a cell, line 1"):
        read_declarations(line, where="a cell")


def test_a_default_lies_in_its_range():
    """A notebook whose default its own declaration forbids cannot be run."""
    with pytest.raises(ParameterError):
        read_declarations("seed: int = 70  # 0..9 · 种子 · seed", where="a cell")


def test_papermill_itself_knows_types_and_descriptions():
    """``papermill --help-notebook`` names the type of every parameter, its range and both descriptions."""
    from papermill import inspect_notebook

    for path in ALL:
        shown = inspect_notebook(str(path))
        assert list(shown) == list(declared_parameters(path))
        for name, parameter in declared_parameters(path).items():
            assert shown[name]["inferred_type_name"] in ("str", "int", "float", "bool")
            assert parameter.zh in shown[name]["help"]
            assert parameter.en in shown[name]["help"]


def test_checking_parameters_needs_no_engine():
    """A notebook's check imports neither papermill nor Dask: a kernel opens a second sooner."""
    code = (
        "import sys; from simlib.runs import check_parameters; print({'papermill', 'distributed'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=HOUSE, check=True)
    assert done.stdout.strip() == "set()"


def test_a_rehearsal_builds_no_grammar_of_addresses() -> None:
    """What takes seconds to import and checks nothing in a notebook is left out; notebooks are checked as before."""
    code = (
        "import sys, simlib.runs.rehearsal, nbformat; nbformat.validate(nbformat.v4.new_notebook())\n"
        "assert sys.modules['rfc3987_syntax'] is None"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
