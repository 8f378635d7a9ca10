"""What the stage of a store presets: the chapters to begin with, the posts of the night, what newcomers learn."""

from __future__ import annotations

from functools import cache
from typing import Any

import pandas as pd

from simlib import facts

STAGES = ("startup", "growth", "mature")
POSTS = ("post_command", "post_floor", "post_qa", "post_data", "post_logistics", "post_liaison")  # without a stage


@cache
def _presets(kind: str) -> dict[str, dict[Any, Any]]:
    rows = facts.table("stage_presets").to_dict("records")
    return {row["key"]: row for row in rows if row["kind"] == kind}


def posts_of(stage: str) -> tuple[str, ...]:
    """Return the posts of the night that must have an owner; an unknown or empty stage has the usual six.

    Examples
    --------
    >>> posts_of("startup")
    ('post_command', 'post_logistics', 'post_liaison')
    >>> len(posts_of("")), len(posts_of("mature"))
    (6, 7)
    """
    preset = _presets("stage").get(stage)
    return POSTS if preset is None else tuple(preset["posts"])


def lay_modules(stage: str) -> pd.DataFrame:
    """List the chapters of the kit: with which a store of this stage begins, and from which stage the others help.

    Returns
    -------
    pandas.DataFrame
        chapter, module_state (``module_now`` or ``module_later``), store_stage (the first that begins with it).
    """
    presets = _presets("stage")
    rows = []
    for chapter in presets["mature"]["value"]:
        first = next(each for each in STAGES if chapter in presets[each]["value"])
        now = "module_now" if chapter in presets[stage]["value"] else "module_later"
        rows.append((chapter, now, f"store_stage_{first}"))
    return pd.DataFrame(rows, columns=["chapter", "module_state", "store_stage"])


def lay_syllabus(stage: str) -> pd.DataFrame:
    """Lay what newcomers learn in a store of this stage: each subject with the lessons that teach it.

    Returns
    -------
    pandas.DataFrame
        subject, taught_in (the course), lesson (its number in the course), lesson_day, hours_h; one row per lesson.

    Examples
    --------
    >>> [len(lay_syllabus(stage)["subject"].unique()) for stage in STAGES]
    [3, 6, 8]
    """
    rows = []
    for subject, preset in _presets("subject").items():
        for place in preset["lessons"] if stage in preset["value"] else ():
            course, _, number = place.partition(":")
            lesson = _lessons(course)[int(number) - 1]
            rows.append((subject, f"course_{course}", int(number), int(lesson["day"]), float(lesson["hours_h"])))
    return pd.DataFrame(rows, columns=["subject", "taught_in", "lesson", "lesson_day", "hours_h"])


def _lessons(course: str) -> list[dict[str, Any]]:
    found = next(row for row in facts.table("courses").to_dict("records") if row["key"] == course)
    return list(found["lessons"])
