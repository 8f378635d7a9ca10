"""A small sound store as plain tables; ``as_book`` and ``as_folder`` of ``tests/conftest.py`` write it."""

import copy

import pytest

SOUND = {
    "store": [["key", "value"], ["name", "Test shop"], ["platform", "tmall"], ["month_gmv_cny", 3_000_000]],
    "waves": [
        ["name", "profile", "start", "end", "day_gmv_cny"],
        ["Opening", "E", "2026-10-31 20:00", "2026-11-03 23:59", 1_000_000],
        ["Last day", "L", "2026-11-11 00:00", "2026-11-11 24:00", 800_000],
    ],
    "ratios": [
        ["key", "low", "likely", "high", "source"],
        ["conversion", "40%", "45%", "50%", "store"],
        ["aov_cny", 120, 150, 200, "store"],
    ],
    "agents": [
        ["agent_id", "name", "cohort", "skill_1", "capacity", "exam_score", "qa_pass"],
        ["A1", "Ann", "own", "presale", 5, 95, "yes"],
        ["A2", "Bo", "temp", "aftersale", 5, 91, "yes"],
    ],
}


@pytest.fixture
def sound():
    """The tables of a sound store, free to be spoiled."""
    return copy.deepcopy(SOUND)
