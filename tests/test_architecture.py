"""Who may import whom: the house's floors, read from the imports themselves, those inside functions too."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.specifiers import SpecifierSet

HOUSE = Path(__file__).resolve().parents[1]

# Each floor may import the floors below it. What stands on one floor keeps apart, but for the pairs named.
FLOORS = (
    {"intervals", "streams", "messages", "facts", "clock", "files"},
    {"store"},
    {"erlang", "simulator", "kpis"},
    {"night"},
    {"staffing", "readiness", "forecasting", "goals", "retrospective", "roster", "stress", "drill", "actions"},
    {"headcounts", "inputs", "planning", "review", "verdict"},
    {"report"},
    {"live", "drill_room"},
    {"widgets"},
    {"runs"},
    {"cli"},
    {"__main__"},
)
LEVEL = {room: level for level, floor in enumerate(FLOORS) for room in floor}
NEIGHBOURS = {
    ("planning", "inputs"),  # the page on which the chapters meet, what they start from, and what it comes to
    ("planning", "headcounts"),
    ("planning", "review"),
    ("planning", "verdict"),
    ("review", "inputs"),
    ("headcounts", "inputs"),
    ("verdict", "inputs"),
    ("facts", "messages"),  # facts are read like texts
    ("clock", "facts"),  # how people write a time is a fact
    ("clock", "messages"),  # a time that cannot be read is a message
    ("files", "messages"),  # and so is a folder that cannot be written
    ("simulator", "kpis"),  # replications measure each night as it ends; kpis itself knows only logs
    ("forecasting", "roster"),  # solve_roster and check_roster keep their name at chapter 3's door
    ("drill", "stress"),  # the game is played with the stress test's scenarios and levers
}
# The one place that may import a library with an engine, a solver or a screen in it.
KEEPERS = {
    "simpy": "simlib.simulator",
    "numba": "simlib.simulator",
    "ortools": "simlib.roster",
    "ipywidgets": "simlib.live",
    "anywidget": "simlib.live",
    "tornado": "simlib.drill_room",
    "papermill": "simlib.runs",
    "dask": "simlib.runs",
    "distributed": "simlib.runs",
}


def imported_names(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[str]:
    """Name every module that a piece of code imports, relative and lazy imports resolved."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")[: None if is_package and node.level == 1 else -node.level + is_package]
                base = ".".join([*parents, *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.args[0].value


def breaches(house: Path) -> list[str]:
    """List every import under ``house/simlib`` that the floors or the keepers forbid."""
    found = []
    for path in sorted((house / "simlib").rglob("*.py")):
        parts = path.relative_to(house).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        room = module.split(".")[1] if "." in module else ""
        if room and room not in LEVEL:
            found.append(f"{module}: the room {room} is on no floor")
            continue
        for name in sorted(set(imported_names(ast.parse(path.read_text("utf-8")), module, is_package=is_package))):
            top, _, rest = name.partition(".")
            keeper = KEEPERS.get(top)
            if keeper and module != keeper and not module.startswith(f"{keeper}."):
                found.append(f"{module} imports {top}, which only {keeper} may")
            other = rest.split(".")[0]
            if not room or top != "simlib" or other not in LEVEL or other == room:
                continue
            if LEVEL[other] >= LEVEL[room] and (room, other) not in NEIGHBOURS:
                found.append(f"{module} imports {other}")
    return sorted(set(found))


def test_every_import_goes_down() -> None:
    """No room of the house imports one beside or above it, and each engine has one keeper."""
    assert breaches(HOUSE) == []


@pytest.mark.parametrize(
    ("file", "code", "breach"),
    [
        ("staffing/cascade.py", "from simlib.goals import targets", "simlib.staffing.cascade imports goals"),
        ("messages.py", "import simlib.store", "simlib.messages imports store"),
        ("kpis.py", "def f():\n    from simlib.simulator import simulate", "simlib.kpis imports simulator"),
        ("erlang.py", "import numba", "simlib.erlang imports numba, which only simlib.simulator may"),
        (
            "forecasting/base.py",
            "from ortools.sat.python import cp_model",
            "simlib.forecasting.base imports ortools, which only simlib.roster may",
        ),
        ("planning.py", "from . import report", "simlib.planning imports report"),
        ("drill/game.py", "from ..goals import targets", "simlib.drill.game imports goals"),
        ("stress/__init__.py", "from ..planning import plan", "simlib.stress imports planning"),
        ("report/charts.py", "from importlib import import_module\nimport_module('simlib.cli')", "cli"),
        ("attic/old.py", "import os", "the room attic is on no floor"),
    ],
)
def test_the_check_sees_a_breach(tmp_path: Path, file: str, code: str, breach: str) -> None:
    """A house with one forbidden import, plain, lazy, relative or by name, is found out."""
    path = tmp_path / "simlib" / file
    path.parent.mkdir(parents=True)
    path.write_text(code, "utf-8")
    found = breaches(tmp_path)
    assert len(found) == 1
    assert breach in found[0]


def test_the_check_lets_the_right_way_pass(tmp_path: Path) -> None:
    """Imports that go down, stay in their room, or are a named pair are no breach."""
    for file, code in {
        "messages.py": "import yaml",
        "facts.py": "from simlib.messages import read_yaml",
        "simulator/loop.py": "import numba\nfrom simlib.store.models import Store\nfrom .inputs import Contacts",
        "simulator/inputs.py": "import numpy",
        "planning.py": "from simlib.goals import targets\nfrom simlib.forecasting import solve_roster",
        "cli.py": "from simlib import runs",
    }.items():
        path = tmp_path / "simlib" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, "utf-8")
    assert breaches(tmp_path) == []


# What shows takes results: of a chapter it may import the module with the result, and types that results hold.
SAME_ON_PURPOSE: dict[str, list[str]] = {}
CHAPTERS = ("staffing", "readiness", "forecasting", "goals", "retrospective", "roster", "stress", "actions")
# The live page changes the night in the scenarios' and the actions' own terms: what happens, to whom, how it is kept.
TERMS = ("simlib.stress.scenarios", "simlib.actions.moves", "simlib.actions.offers")


def computing_imports(house: Path) -> list[str]:
    """List every import with which a page, a chart or the live page would reach a chapter's working functions."""
    found = []
    for path in sorted(each for room in ("report", "live") for each in (house / "simlib" / room).rglob("*.py")):
        module = ".".join(path.relative_to(house).with_suffix("").parts)
        for name in imported_names(ast.parse(path.read_text("utf-8")), module, is_package=path.stem == "__init__"):
            parts = name.split(".")
            if parts[0] != "simlib" or len(parts) < 3 or parts[1] not in CHAPTERS:
                continue
            last = parts[-1]
            if ".live." in module and name.startswith(TERMS):
                continue
            if "result" in parts:
                continue
            if last[0].islower() and last not in ("scenarios", "levers", "repair", "play", "game", "log"):
                found.append(f"{module} imports {name}")
    return found


def test_what_shows_computes_nothing() -> None:
    """No page and no chart imports a chapter's working function: it takes results."""
    assert computing_imports(HOUSE) == []


def test_a_page_that_computes_is_found(tmp_path: Path) -> None:
    """An import of a function of a chapter is found, lazy or not; one of a result is not."""
    page = tmp_path / "simlib" / "report" / "page.py"
    page.parent.mkdir(parents=True)
    page.write_text("from simlib.goals.result import GoalsResult", "utf-8")
    assert computing_imports(tmp_path) == []
    page.write_text("def show():\n    from simlib.goals import split_targets", "utf-8")
    assert len(computing_imports(tmp_path)) == 1
    live = tmp_path / "simlib" / "live" / "night.py"
    live.parent.mkdir()
    live.write_text(
        "from simlib.stress.scenarios import Incident\nfrom simlib.stress.levers import best_answer", "utf-8"
    )
    assert "simlib.live.night imports simlib.stress.levers.best_answer" in computing_imports(tmp_path)


def class_names(house: Path) -> dict[str, list[str]]:
    """Return the files of ``simlib`` in which each public class is made, by its name."""
    found: dict[str, list[str]] = {}
    for path in sorted((house / "simlib").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(path.relative_to(house).as_posix())
    return found


def test_each_class_has_a_name_of_its_own() -> None:
    """A name means one thing in the house."""
    assert {name: files for name, files in class_names(HOUSE).items() if len(files) > 1} == SAME_ON_PURPOSE


def test_the_pipeline_fits_on_a_page() -> None:
    """The page on which the chapters meet stays one that can be read at once."""
    assert len((HOUSE / "simlib" / "planning.py").read_text("utf-8").splitlines()) <= 250


def test_notebooks_leave_the_engines_to_simlib() -> None:
    """A notebook imports no library that has a keeper, and nothing private of simlib."""
    found = []
    for path in sorted((HOUSE / "notebooks").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type != "code":
                continue
            code = "\n".join(line for line in cell.source.splitlines() if not line.lstrip().startswith(("%", "!")))
            for name in imported_names(ast.parse(code), "notebook", is_package=False):
                if name.split(".")[0] in KEEPERS or "._" in name:
                    found.append(f"{path.name} imports {name}")
    assert found == []


# --- the conda route --------------------------------------------------------------------------------------

# What conda-forge calls by another name than PyPI.
CONDA_NAMES = {"ortools-python": "ortools", "matplotlib-base": "matplotlib", "dask-core": "dask"}
# What checks the notebooks where there is nothing but the conda environment; the other tools are for development.
CHECKERS = ("nbval", "pytest")


def requirement(spec: str) -> tuple[str, str]:
    """Split a requirement into its name, as PyPI writes it, and its bounds without spaces."""
    name, bounds = re.fullmatch(r"\s*([A-Za-z0-9._-]+)\s*(.*?)\s*", spec).groups()
    name = re.sub(r"[-_.]+", "-", name).lower()
    return CONDA_NAMES.get(name, name), ",".join(sorted(bounds.replace(" ", "").split(",")))


def environment_differences(environment: str, pyproject: str) -> list[str]:
    """List what the conda environment asks for and the project does not, and the other way round."""
    read = tomllib.loads(pyproject)
    project = read["project"]
    tools = dict(map(requirement, read.get("dependency-groups", {}).get("dev", ())))
    wanted = dict(map(requirement, project["dependencies"])) | {
        "python": requirement(f"python{project['requires-python']}")[1]
    }
    wanted |= {name: bounds for name, bounds in tools.items() if name in CHECKERS}
    listed: list[str] = []
    for entry in yaml.safe_load(environment)["dependencies"]:
        listed += entry["pip"] if isinstance(entry, dict) else [entry]
    own = re.compile(r"(-e\s+)?\.(\[.*\])?|--no-deps.*")
    given = dict(requirement(spec) for spec in listed if not own.fullmatch(spec.strip()))
    given = {name: bounds for name, bounds in given.items() if name not in ("pip", "uv") or name in wanted}
    pinned = re.fullmatch(r"={1,2}([\d.]+)", given.get("python", ""))
    if pinned and SpecifierSet(wanted["python"]).contains(pinned[1]):
        given["python"] = wanted["python"]  # conda makes one environment, so it takes one of the versions
    return sorted(
        f"{name}: environment.yml {given.get(name, 'lacks it')}, pyproject.toml {wanted.get(name, 'lacks it')}"
        for name in given.keys() | wanted.keys()
        if given.get(name) != wanted.get(name)
    )


def test_environment_yml_equals_pyproject() -> None:
    """The conda route asks for the same packages, with the same bounds, as the locked one."""
    environment = (HOUSE / "environment.yml").read_text("utf-8")
    assert environment_differences(environment, (HOUSE / "pyproject.toml").read_text("utf-8")) == []


def test_a_drifted_environment_is_found() -> None:
    """A package too few, one too many, and another bound are each a difference."""
    pyproject = '[project]\nrequires-python = ">=3.11,<3.14"\ndependencies = ["pandas>=3.0", "ortools>=9.12"]\n'
    pinned = "dependencies: [python=3.11, 'pandas>=3.0', 'ortools>=9.12']"
    too_old = "dependencies: [python=3.10, 'pandas>=3.0', 'ortools>=9.12']"
    good = "dependencies: ['python >=3.11,<3.14', 'pandas >=3.0', 'ortools-python>=9.12', pip, {pip: ['-e .']}]"
    bad = "dependencies: ['python >=3.11,<3.14', 'pandas >=2.2', scikit-learn]"
    assert environment_differences(good, pyproject) == []
    assert len(environment_differences(bad, pyproject)) == 3
    checked = f'{pyproject}[dependency-groups]\ndev = ["nbval>=0.11", "pytest>=8.3", "mypy>=1.14"]\n'
    assert [line.split(":")[0] for line in environment_differences(good, checked)] == ["nbval", "pytest"]
    assert environment_differences(good.replace("pip,", "nbval>=0.11, pytest>=8.3, pip,"), checked) == []
    assert environment_differences(pinned, pyproject) == []
    assert len(environment_differences(too_old, pyproject)) == 1
