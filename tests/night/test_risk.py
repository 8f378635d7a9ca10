"""The forecast's own risk: its band comes back out of the draws, and every version of a night shares the error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simlib.night import ForecastRisk
from simlib.stress import Incident, Scenario

RISK = ForecastRisk(total={"presale": (0.6, 1.5), "aftersale": (0.7, 1.4)}, shape_cv=0.2)


def test_nine_nights_in_ten_lie_in_the_band(night):
    """Over 250 nights the totals drawn have the 5th and 95th percentile that the forecast was given."""
    drawn = replace(night, risk=RISK).demand()
    sums = [np.bincount(drawn.draw(seed=7, replication=number).queue, minlength=2) for number in range(250)]
    expected = night.forecast.groupby("queue")["contacts"].sum()
    for column, queue in enumerate(night.queues):
        factors = np.array(sums)[:, column] / expected[queue]
        low, high = RISK.total[queue]
        assert np.percentile(factors, [5, 50, 95]) == pytest.approx([low, 1.0, high], rel=0.12)


def test_the_shape_errs_and_the_total_stays(night):
    """With certain totals each queue's contacts add up to the forecast, and one half hour varies by its cv."""
    only_shape = ForecastRisk(shape_cv=0.2)
    factors = np.array(
        [only_shape.factors(night.forecast, grid=night.grid, seed=3, replication=number) for number in range(600)]
    )
    contacts = night.forecast["contacts"].to_numpy()
    presale = (night.forecast["queue"] == "presale").to_numpy()
    np.testing.assert_allclose((factors * contacts)[:, presale].sum(axis=1), contacts[presale].sum())
    shape = np.array([only_shape.shape_factors(night.grid, seed=3, replication=number) for number in range(600)])
    assert shape.mean() == pytest.approx(1.0, abs=0.02)
    assert shape.std() == pytest.approx(0.2, abs=0.02)
    assert np.corrcoef(shape[:, 2], shape[:, 3])[0, 1] > 0.4 > abs(np.corrcoef(shape[:, 0], shape[:, 9])[0, 1])


def test_a_certain_forecast_is_the_plan(night):
    """No band and no spread: the buyers of the plan, to the last digit."""
    certain = replace(night, risk=ForecastRisk()).demand().draw(seed=7, replication=1)
    plain = night.demand().draw(seed=7, replication=1)
    assert certain.arrival.tolist() == plain.arrival.tolist()
    assert certain.handle.tolist() == plain.handle.tolist()


def test_a_night_with_more_buyers_holds_the_plans(night):
    """An error upward only adds buyers, an error downward only leaves some out."""
    sure = {round(each, 6) for each in night.demand().draw(seed=7, replication=0).arrival.tolist()}
    for low, high in ((1.0, 1.6), (0.5, 1.0)):
        risk = ForecastRisk(total=dict.fromkeys(night.queues, (low, high)))
        for number in range(6):
            drawn = replace(night, risk=risk).demand().draw(seed=7, replication=number).arrival
            sure = {round(each, 6) for each in night.demand().draw(seed=7, replication=number).arrival.tolist()}
            found = {round(each, 6) for each in drawn.tolist()}
            assert found >= sure if risk.total_factor("presale", seed=7, replication=number) > 1 else found <= sure


def test_scenarios_meet_the_same_error(night):
    """Outside the stretch that a scenario changes, its buyers are the uncertain plan's own, to the second."""
    uncertain = replace(night, risk=RISK)
    start, end = night.grid.starts[4], night.grid.starts[6]
    rush = Scenario(name="rush", incidents=(Incident(kind="contacts", start=start, end=end, size=1.5),))
    changed = rush.apply_to(uncertain)
    for number in range(3):
        plan, other = (each.buyers().draw(seed=7, replication=number).arrival for each in (uncertain, changed))
        edges = night.grid.edges_s[[4, 6]]
        outside = [times[(times < edges[0]) | (times >= edges[1])].tolist() for times in (plan, other)]
        assert outside[0] == outside[1]
        assert len(other) > len(plan)


@pytest.mark.parametrize("band", [(0.0, 1.2), (1.1, 1.2), (0.5, 0.9)])
def test_a_band_must_hold_the_forecast(band):
    """A band that leaves the forecast out, or reaches nothing at all, is refused with its queue."""
    with pytest.raises(ValueError, match="presale"):
        ForecastRisk(total={"presale": band})
