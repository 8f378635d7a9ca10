"""The conda route asks for what pyproject.toml asks for, and the lock file knows every package of it."""

import re
import tomllib

import yaml

from simlib.words import HOUSE

PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))


def test_environment_equals_pyproject():
    """environment.yml lists exactly the dependencies of pyproject.toml, and installs the checkout itself."""
    environment = yaml.safe_load((HOUSE / "environment.yml").read_text(encoding="utf-8"))
    by_pip = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert by_pip == [*PROJECT["project"]["dependencies"], "-e ."]


def test_environment_python_is_allowed():
    """The conda route's Python lies inside what pyproject.toml allows."""
    environment = yaml.safe_load((HOUSE / "environment.yml").read_text(encoding="utf-8"))
    python = next(entry for entry in environment["dependencies"] if str(entry).startswith("python="))
    minor = int(python.split(".")[1])
    low, high = (int(found) for found in re.findall(r"3\.(\d+)", PROJECT["project"]["requires-python"]))
    assert low <= minor < high


def test_lock_knows_every_dependency():
    """Every dependency, of the kit and of its tests, is locked with hashes."""
    lock = tomllib.loads((HOUSE / "uv.lock").read_text(encoding="utf-8"))
    locked = {package["name"]: package for package in lock["package"]}
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    for line in wanted:
        name = re.split(r"[<>=]", line)[0].lower()
        assert name in locked, name
        assert all("hash" in wheel for wheel in locked[name].get("wheels", [])), name


def test_every_dependency_has_its_reason():
    """playbook/decisions.md gives a reason for each dependency."""
    reasons = (HOUSE / "playbook" / "decisions.md").read_text(encoding="utf-8").lower()
    lacking = [
        line for line in PROJECT["project"]["dependencies"] if f"`{re.split(r'[<>=]', line)[0].lower()}`" not in reasons
    ]
    assert lacking == []
