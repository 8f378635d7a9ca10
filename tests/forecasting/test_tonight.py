"""The next hours: the roster and the requirement are counted on one basis, heads on chat."""

from __future__ import annotations

import numpy as np
import pytest

from simlib.forecasting.requirement import Targets
from simlib.forecasting.tonight import look_ahead

TARGETS = Targets(
    answered_share=0.8, answered_s=60, turn_share=None, turn_s=None, abandoned_max=0.05, occupancy_max=0.9
)


@pytest.fixture
def ahead(night):
    """Return a function that looks ahead from eight o'clock, with some of the rostered on chat."""
    hours = night.forecast[night.forecast["start"] >= night.grid.starts[2]].assign(human=lambda rows: rows["contacts"])

    def look(share):
        targets = dict.fromkeys(night.queues, TARGETS)
        how = {"concurrency": 4, "on_call": (), "seed": 7, "policy": night.policy, "on_chat_share": share}
        return look_ahead(hours, night.roster, night.services, targets, **how)

    return look


def test_absence_and_time_off_chat_count_in_the_next_hours(ahead):
    """With a fifth of the rostered off chat, the same need meets four fifths of the heads and falls short by more."""
    all_there, four_fifths = ahead(1.0), ahead(0.8)
    assert four_fifths.heads["required"].tolist() == all_there.heads["required"].tolist()
    assert four_fifths.heads["rostered"].tolist() == all_there.heads["rostered"].tolist()
    np.testing.assert_allclose(four_fifths.heads["on_chat"], 0.8 * all_there.heads["rostered"])
    gap = (four_fifths.heads["required"] - four_fifths.heads["on_chat"]).clip(lower=0)
    np.testing.assert_allclose(four_fifths.heads["shortfall"], gap)
    assert four_fifths.heads["shortfall"].sum() > all_there.heads["shortfall"].sum()
