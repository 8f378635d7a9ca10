"""Scripted teams on six nights, and the tables of the paper game on twenty-four plays; the tests keep half of each."""

from __future__ import annotations

from tests.drill.test_drill import judge_scripts
from tests.drill.test_play import follows_the_night


def test_good_play_beats_no_play_beats_bad_play(night):
    """Six nights, each played by three scripted teams: the means stand in this order, well apart."""
    means = judge_scripts(night, seeds=range(6))
    assert means["good"] > means["idle"] + 5
    assert means["idle"] == 50
    assert means["bad"] < means["idle"] - 2


def test_the_tables_follow_the_night(night):
    """A half hour that began calm in every play and was left alone goes where the night of nobody leading goes."""
    assert follows_the_night(night, plays=24)
