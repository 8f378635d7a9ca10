"""What a night is judged by: every half hour and queue, the platform's rate as the platform counts it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from simlib.intervals import Grid
from simlib.night import judge_nights

GRID = Grid(opens=pd.Timestamp("2026-10-31 19:00+08:00"), n=4)
TARGETS = {"service_level": 0.8, "wangwang_3min": 0.9, "lost_share": 0.05}


def make_nights(*, lost, human=None, late=None, rate=0.95, nights=20, spread=0.5):
    """Make nights whose cells vary by ``spread`` buyers around what is given for [intervals, queues]."""
    lost = np.asarray(lost, dtype=float)
    human = np.full(lost.shape, 100.0) if human is None else np.asarray(human, dtype=float)
    late = lost if late is None else np.asarray(late, dtype=float)
    wobble = np.random.default_rng(1).normal(0, spread, (nights, *lost.shape))
    cells = {"cell_human": human, "cell_lost": lost, "cell_late": late, "cell_lost_cny": 10 * lost}
    made = {key: np.repeat(counts[None], nights, axis=0) for key, counts in cells.items()}
    made["cell_lost"] = np.where(lost > 0, np.clip(made["cell_lost"] + wobble, 0, None), 0.0)
    return made | {"wangwang_3min": np.full(nights, rate)}


def judge(nights, **how):
    """Judge nights of two queues."""
    return judge_nights(nights, grid=GRID, queues=("presale", "aftersale"), targets=TARGETS, **how)


def test_one_bad_half_hour_is_not_hidden_by_the_mean():
    """A night that loses 2.9 % on the mean and 9 % at 20:00 does not hold, and the half hour is named."""
    judged = judge(make_nights(lost=[[1, 1], [1, 1], [9, 1], [1, 7]]))
    assert judged.mean["cell_lost"].sum() / judged.mean["cell_human"].sum() < 0.05
    assert judged.missed == ["lost_share"]
    assert not judged.holds
    worst = judged.weakness("lost_share")
    assert (worst.queue, f"{worst.start:%H:%M}", worst.minutes) == ("presale", "20:00", 30)
    assert worst.share == pytest.approx(0.09, abs=0.01)
    assert worst.buyers == pytest.approx(9, abs=0.5)
    assert worst.lost_cny == pytest.approx(90, abs=5)


def test_a_stretch_is_as_long_as_the_half_hours_that_miss():
    """Three half hours in a row are one stretch of 90 minutes with all its buyers; another queue's are not in it."""
    judged = judge(make_nights(lost=[[0, 9], [8, 0], [12, 0], [9, 0]]))
    worst = judged.weakness("lost_share")
    assert (f"{worst.start:%H:%M}", f"{worst.begins:%H:%M}", f"{worst.ends:%H:%M}") == ("20:00", "19:30", "21:00")
    assert worst.minutes == 90
    assert worst.buyers == pytest.approx(29, abs=1)


def test_hours_without_service_are_not_judged():
    """Buyers who come in closed hours are counted apart; the targets are those of the service hours."""
    lost = [[100, 100], [1, 1], [1, 1], [1, 1]]
    assert not judge(make_nights(lost=lost)).holds
    judged = judge(make_nights(lost=lost), open_hours=np.array([False, True, True, True]))
    assert judged.holds
    assert judged.closed_contacts == 200
    assert judged.mean_share("lost_share") == pytest.approx(0.01, abs=0.005)


def test_the_rate_is_judged_on_the_platforms_day():
    """The platform's own rate is one number a night: its mean against the target."""
    assert judge(make_nights(lost=np.zeros((4, 2)), rate=0.89)).missed == ["wangwang_3min"]
    assert judge(make_nights(lost=np.zeros((4, 2)), rate=0.9)).holds


def test_chance_alone_makes_no_miss():
    """A half hour a hair above its limit is missed only where the nights are many enough to be sure of it."""
    just = make_nights(lost=[[5.2, 0], [0, 0], [0, 0], [0, 0]], nights=400, spread=1.0)
    few = {key: values[:3] for key, values in just.items()}
    assert judge(just).missed == ["lost_share"]
    assert judge(few).holds
    one = {key: values[:1] for key, values in just.items()}
    assert judge(one).holds == bool(just["cell_lost"][0, 0, 0] <= 5.0)


def test_small_losses_everywhere_are_a_miss_too():
    """Where no half hour is sure to miss, the service hours together still do: 8 % everywhere, wildly varying."""
    wild = make_nights(lost=np.full((4, 2), 8.0), nights=3)
    wild["cell_lost"] = np.array([0.0, 0.0, 24.0])[:, None, None] * np.ones((3, 4, 2))
    judged = judge(wild)
    assert not judged.misses["lost_share"].any()
    assert judged.mean_share("lost_share") > 0.05
    assert judged.missed == ["lost_share"]
    assert judged.weaknesses == ()


def test_one_mapping_per_night_is_judged_alike():
    """What the live page collects night by night gives what the report's arrays give."""
    nights = make_nights(lost=[[1, 1], [1, 1], [9, 1], [1, 7]])
    rows = [{key: values[number] for key, values in nights.items()} for number in range(20)]
    whole, listed = judge(nights), judge(rows)
    assert listed.met == whole.met
    assert listed.weaknesses == whole.weaknesses


def test_the_rehearsed_night_is_judged_by_its_own_cells(night):
    """Of a simulated night: half of the people gone, the half hours that miss are those whose counts say so."""
    half = replace(night, roster=night.roster[night.roster["agent_id"].str[1:].astype(int) % 2 == 0])
    done = half.rehearse(seed=7, replications=6)
    judged = judge_nights(done.figures, grid=night.grid, queues=night.queues, targets=TARGETS)
    lost = done.figures["cell_lost"].sum(axis=0) / done.figures["cell_human"].sum(axis=0)
    assert not judged.holds
    assert (lost[judged.misses["lost_share"]] > 0.05).all()
    worst = judged.weakness("lost_share")
    place = list(night.grid.starts).index(worst.start), night.queues.index(worst.queue)
    assert worst.share == pytest.approx(lost[place])


@pytest.mark.parametrize("money", [10.0, 0.0])
@pytest.mark.parametrize("kpi", ["lost_share", "service_level"])
def test_a_single_half_hour_is_written_once(kpi, money):
    """A stretch of one half hour has neither its ends nor its minutes after it; a longer one has both."""
    for lost, minutes in (([[1], [1], [30], [1]], 30), ([[1], [30], [30], [1]], 60)):
        nights = make_nights(lost=np.repeat(lost, 2, axis=1))
        nights["cell_lost_cny"] = nights["cell_lost_cny"] * money
        weak = judge(nights).weakness(kpi)
        assert weak.minutes == minutes
        for lang, ends, length in (("zh", "{} 到 {} 共", "分钟"), ("en", "from {} to {}", "minutes")):
            text = weak.message.text(lang)
            assert (ends.format(f"{weak.begins:%H:%M}", f"{weak.ends:%H:%M}") in text) is (minutes > 30)
            assert (length in text) is (minutes > 30)
            assert text.count(f"{weak.start:%H:%M}") == 1 or minutes > 30
            assert f"{round(weak.buyers):,} " in text
            assert ("CNY" in text or " 元" in text) is bool(money)


def test_what_a_half_hour_loses_is_given_once():
    """A half hour that misses two targets costs its money once; another queue's or half hour's stands beside it."""
    judged = judge(make_nights(lost=[[1, 1], [1, 1], [30, 1], [1, 1]], late=[[1, 1], [1, 1], [40, 1], [1, 1]]))
    assert [each.kpi for each in judged.weaknesses] == ["lost_share", "service_level"]
    first, second = (message.text("zh") for message in judged.messages)
    assert "少卖约 300 元" in first
    assert "元" not in second
    assert "40 位买家没有及时得到回复" in second
