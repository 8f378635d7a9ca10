"""Five hundred days: on each, every platform has a figure and none is defined twice."""

from __future__ import annotations

import datetime as dt

import pytest

from simlib.kpis import platform_scores
from tests.kpis.test_platform_scores import PLATFORMS


@pytest.mark.parametrize("platform", PLATFORMS)
def test_definitions_of_one_figure_follow_each_other_without_a_gap_or_an_overlap(platform):
    """No figure is defined twice on a day, and no platform lacks one in between."""
    for day in (dt.date(2026, 1, 1) + dt.timedelta(days=number) for number in range(500)):
        keys = [score.key for score in platform_scores(platform, on=day)]
        assert len(keys) == len(set(keys)) >= 1
