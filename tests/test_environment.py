"""The lock file knows every package of pyproject.toml by hash, and each has its reason."""

import re
import tomllib

from simlib.messages import HOUSE

PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))


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
