"""The search: paired with the plan on the same buyers, ranked by the rule that it states, never worse than one move."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from simlib.actions.folk import FolkResult
from simlib.actions.moves import STEP, apply_moves, list_moves
from simlib.actions.offers import read_offers
from simlib.actions.plausibility import work_out_plausibility
from simlib.actions.result import (
    ON_SHEET,
    ActionsResult,
    fill_gap,
    lost_in,
    mark_gap,
    meets,
    rank_trials,
    work_out_actions,
)
from simlib.actions.search import MoveSet, rehearse_moves, rehearse_sets, search_sets
from simlib.messages import LANGS
from simlib.simulator.replicate import Replications, half_width
from tests.actions.conftest import DAY, TODAY

TARGETS = {"lost_share": 0.05, "service_level": 0.8}
NIGHTS = 6


def plausible(**given):
    """Hold a plan against a past."""
    empty = {"planned": {}, "history": {}, "promo_days": {}, "uplift": 3.0, "ratios": {}, "day": DAY}
    return work_out_plausibility(**(empty | given))


@pytest.fixture(scope="module")
def found(room) -> ActionsResult:
    """What to change about the small night."""
    return work_out_actions(
        room.night,
        coverage=room.coverage,
        rules=room.rules,
        shifts=room.shifts,
        list_out=lambda start, end: room.out,
        sources=room.sources,
        tied=room.tied,
        folk=FolkResult(heads={}, nights={}, rate=room.night.rates[0].key),
        plausibility=plausible(),
        targets=TARGETS,
        day=DAY,
        today=TODAY,
        seed=7,
        replications=NIGHTS,
    )


def test_each_action_is_what_its_moves_make_of_the_night(found, room):
    """The figures of an action are those of the changed night, simulated apart on the same buyers."""
    for action in found.actions[:3]:
        night = apply_moves(room.night, action.moves)
        alone = night.rehearse(seed=7, replications=NIGHTS, by_interval=False).figures
        np.testing.assert_allclose(action.trial.nights.figures["sales_lost"], alone["sales_lost"])
        np.testing.assert_allclose(action.trial.nights.figures["lost_share"], alone["lost_share"])


def test_bands_are_of_paired_differences(found):
    """What an action saves is the mean of plan minus action, night by night, and so is its band."""
    row = found.table[found.table["action"] == "A1"].iloc[0]
    trial = found.actions[0].trial
    saved = np.asarray(trial.plan.figures["sales_lost"]) - np.asarray(trial.nights.figures["sales_lost"])
    assert row["saves_cny"] == pytest.approx(saved.mean())
    assert row["saves_cny_high"] - row["saves_cny"] == pytest.approx(half_width(saved, confidence=0.95))
    assert row["net_cny"] == pytest.approx(saved.mean() - row["cost_cny"])


def test_the_order_follows_from_the_table(found):
    """What closes the gap stands first, and no action costs more than it saves."""
    table = found.table[found.table["action"] != "plan"]
    assert len(table) >= 2
    closes = table["closes_gap"].tolist()
    assert closes == sorted(closes, reverse=True)
    assert (table["net_cny"] > 0).all()
    assert table["action"].tolist() == [f"A{n}" for n in range(1, len(table) + 1)]


def test_the_best_action_is_about_as_good_as_the_best_of_all_pairs(found, room):
    """Brute force over all sets of one and two moves finds nothing clearly better than what the search ends with."""
    moves = [move for move in list_moves(room) if move.kind not in ("outside_help",)]
    pairs = [pair for pair in itertools.combinations(moves, 2) if not pair[0].clashes(pair[1])]
    sets = {frozenset(move.key for move in each): each for each in [*((move,) for move in moves), *pairs]}
    nights = rehearse_moves(room.night, sets, seed=7, replications=NIGHTS)
    plan = nights[frozenset()]
    nets = {key: MoveSet(moves=tuple(each), nights=nights[key], plan=plan).net_cny for key, each in sets.items()}
    best = max(nets.values(), key=lambda net: net.mean())
    reached = max((action.trial.net_cny for action in found.actions), key=lambda net: net.mean())
    ahead = best - reached
    assert ahead.mean() <= max(half_width(ahead, confidence=0.95), 0.05 * best.mean())


def test_the_gap_is_worth_what_its_heads_save(found, room):
    """The missing heads, seated in the gap and nowhere else, save what the finding says."""
    nights = rehearse_moves(room.night, {frozenset(["fill_gap"]): [fill_gap(room)]}, seed=7, replications=NIGHTS)
    plan, full = nights[frozenset()], nights[frozenset(["fill_gap"])]
    saved = np.asarray(plan.figures["sales_lost"]) - np.asarray(full.figures["sales_lost"])
    assert found.worth[0] == pytest.approx(saved.mean())
    assert found.worth[0] > 0
    assert found.gap_lost_share[0] > found.gap_lost_share[1]


def test_the_texts_hold_the_figures(found):
    """Top three are messages in both languages with the table's money; the decisions are in the order of their days."""
    for lang in LANGS:
        texts = [message.text(lang) for message in (*found.top(3), *found.findings)]
        assert all("{" not in text and "nan" not in text for text in texts)
        assert f"{found.table.iloc[1]['saves_cny']:,.0f}" in texts[0]
    days = [each.day for each in found.decisions]
    assert days == sorted(days)
    assert found.top(0) == []


def test_offers_come_back_from_the_tables_as_they_were(found, room, tmp_path):
    """An action read from Parquet makes the very same night, to the last digit."""
    names = ("actions", "action_moves", "move_shifts")
    for name in names:
        found.tables[name].to_parquet(tmp_path / f"{name}.parquet", index=False)
    tables = {name: pd.read_parquet(tmp_path / f"{name}.parquet") for name in names}
    offers = read_offers(tables)
    assert [offer.key for offer in offers] == [action.key for action in found.actions]
    for offer, action in zip(offers, found.actions, strict=True):
        sets = {frozenset(["x"]): offer.moves}
        again = rehearse_moves(room.night, sets, seed=7, replications=2)[frozenset(["x"])]
        np.testing.assert_array_equal(
            again.figures["sales_lost"], np.asarray(action.trial.nights.figures["sales_lost"])[:2]
        )
        assert [move.text() for move in offer.moves] == [move.text() for move in action.moves]


def test_no_gap_is_said_in_one_sentence(room):
    """Where no half hour misses heads there is no action, and the tables are empty but there."""
    whole = room.coverage.assign(shortfall=0.0)
    given = {"rules": room.rules, "shifts": room.shifts, "list_out": lambda start, end: room.out}
    none = work_out_actions(
        room.night,
        coverage=whole,
        sources=room.sources,
        tied=(),
        folk=FolkResult(heads={}, nights={}, rate=room.night.rates[0].key),
        plausibility=plausible(),
        targets=TARGETS,
        day=DAY,
        today=TODAY,
        seed=7,
        replications=2,
        **given,
    )
    assert none.actions == ()
    assert [message.key for message in none.findings] == ["actions.no_gap"]
    assert none.table.empty
    assert len(none.course) == room.night.grid.n
    with pytest.raises(ValueError, match="A1"):
        none.action("A1")


def made(name, lost, cost=0.0, agents=()):
    """Make a trial by hand: sales lost night by night, against a plan that loses 100 each night."""
    from simlib.actions.moves import PlannedMove
    from tests.conftest import clock

    keys = name.split("+")
    moves = tuple(
        PlannedMove(
            key=key, kind="call_in", start=clock("21:00"), end=clock("22:00"), last_day=DAY, agents=tuple(agents)
        )
        for key in keys
    )
    moves = tuple(type(each)(**(vars(each) | {"cost_cny": cost / len(keys)})) for each in moves)
    numbers = np.arange(len(lost))
    plan = Replications(numbers=numbers, figures={"sales_lost": np.full(len(lost), 100.0)})
    return MoveSet(moves=moves, nights=Replications(numbers=numbers, figures={"sales_lost": np.array(lost)}), plan=plan)


def test_equals_are_ordered_by_cost_and_identical_rows_are_one():
    """Two sets that cannot be told apart: the cheaper first. The same nights at the same cost: one row."""
    dear = made("a", [40.0, 60.0, 50.0], cost=10)
    cheap = made("b", [66.0, 50.0, 59.0], cost=5)
    same = made("c", [66.0, 50.0, 59.0], cost=5)
    worse = made("d", [90.0, 90.0, 91.0])
    ranked = rank_trials([dear, worse, same, cheap], closes=lambda trial: False)
    assert [set(trial.key) for trial in ranked] == [{"c"}, {"a"}, {"d"}] or [set(t.key) for t in ranked] == [
        {"b"},
        {"a"},
        {"d"},
    ]


def test_a_larger_set_that_adds_nothing_is_left_out():
    """A set that holds a smaller one and is no better beyond chance is no row of its own."""
    small, large = made("a", [40.0, 60.0, 50.0]), made("a+b", [39.0, 61.0, 50.0], cost=0.5)
    assert [set(trial.key) for trial in rank_trials([large, small], closes=lambda trial: False)] == [{"a"}]
    better = made("a+b", [10.0, 30.0, 20.0])
    assert {"a", "b"} in [set(trial.key) for trial in rank_trials([better, small], closes=lambda trial: False)]


def test_targets_of_the_gap_are_judged_in_the_gap(found, room):
    """Lost share and share in time of the gap are those of its buyers alone; a target that is met or missed says so."""
    inside = mark_gap(room.night, room.gap)
    nights = found.plan_nights
    lost = np.asarray(nights.figures["lost_by_interval"])[:, inside].sum()
    came = np.asarray(nights.figures["human_by_interval"])[:, inside].sum()
    assert lost_in(nights, inside) == pytest.approx(lost / came)
    assert meets(nights, inside, {"lost_share": 1.0})
    assert not meets(nights, inside, {"lost_share": 0.0})
    assert inside.sum() == 2


def test_a_target_that_nothing_meets_still_gets_actions(room):
    """Where no move reaches the target, what saves most is still found, and none of it is said to close the gap."""
    sets = search_sets(room.night, list_moves(room), closes=lambda trial: False, seed=7, replications=2)
    trials = rehearse_sets(room.night, sets, seed=7, replications=2)
    assert trials
    assert any(trial.net_cny.mean() > 0 for trial in trials)


@pytest.mark.parametrize(
    ("kept", "returns", "gap", "zh", "en"),
    [
        (
            4,
            [1, 1, 1, 1],
            True,
            "有 4 人不在线，按日期算都还来得及安排。",
            "4 people are not on chat; for all of them there",
        ),
        (
            4,
            [1, 0, 0, 0],
            True,
            "有 4 人不在线，按日期算其中 1 人还来得及安排。",
            "4 people are not on chat; for 1 of them there",
        ),
        (4, [0, 0, 0, 0], True, "有 4 人不在线，都来不及安排回来了。", "it is too late for any of them"),
        (1, [1], True, "有 1 人不在线，按日期算都还来得及安排。", "1 person is not on chat, and there is still time"),
        (0, [], True, "人都在线。", "everybody is on chat."),
        (4, [1, 1, 1, 1], False, "最忙的 ", "the busiest, 4 people"),
    ],
)
def test_who_is_out_is_counted_once(found, kept, returns, gap, zh, en):
    """Two equal counts are one; only a half hour that misses heads is called the one that misses most."""
    out = found.out.head(kept).assign(can_return=np.array(returns, dtype=bool))
    message = replace(found, out=out, gap=found.gap if gap else None).out_message
    assert zh in message.text("zh")
    assert en in message.text("en")
    assert ("缺人最多" in message.text("zh")) is gap
    assert ("misses most heads" in message.text("en")) is gap


def test_a_gap_of_one_half_hour_is_written_once(found):
    """A longer gap has its minutes; a single half hour is one, and its heads are not counted by half hour."""
    short = replace(found.gap, end=found.gap.start + STEP)
    one, longer = (replace(found, gap=each).findings[0].text("zh") for each in (short, found.gap))
    assert "分钟" not in one
    assert "每个半小时" not in one
    assert f"{short.start:%H:%M} 到 {short.end:%H:%M} 这半小时，缺 {short.heads} 人" in one
    assert f"这 {found.gap.minutes} 分钟" in longer


def test_the_moves_to_decide_are_those_of_the_sentences(found):
    """The sheet's sentences and its decisions are about the same actions."""
    assert len(found.actions) > ON_SHEET
    assert found.top() == [action.text(found.rate) for action in found.actions[:ON_SHEET]]
    ways = {number for each in found.decisions for number in each.ways}
    assert ways == set(range(1, len(found.top()) + 1))


def test_who_works_another_shift_is_counted_with_what_a_move_costs(found):
    """Those who could be moved are missing elsewhere; where nobody could be, there is no such line."""
    reasons = [["out_elsewhere"], ["out_exam", "out_leave"], ["out_elsewhere"], ["out_off"]]
    some = replace(found, out=found.out.head(4).assign(out_reason=reasons))
    assert some.elsewhere_message.fields["count"] == 2
    assert "其中 2 人当天排在别的班" in some.elsewhere_message.text("zh")
    assert replace(some, out=some.out.iloc[[1, 3]]).elsewhere_message is None
