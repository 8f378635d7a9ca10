"""The game on paper, and what a hundred screens may not do: the scripted teams and the tables."""

import pandas as pd

from simlib.drill.game import Drill
from simlib.drill.play import CROWDS, crowd_of, play_well, tabulate_play
from simlib.report.pages.drill import render_paper
from simlib.stress.levers import WITH_INCIDENTS
from tests.conftest import clock


def opened(night, **how):
    """Open a drill of two hours in rounds of half an hour."""
    return Drill.open(night, seed=7, teams=1, starts=clock("21:00"), minutes=120, round_min=30, **how)


def test_the_tables_have_an_answer_for_everything(night):
    """Each half hour, state and move leads to one of the four states at a loss that is none or more."""
    drill = opened(night)
    table = tabulate_play(drill, plays=12)
    moves = {WITH_INCIDENTS, *drill.rules.kinds}
    assert len(table) == 4 * len(CROWDS) * len(moves)
    assert set(table["move"]) == moves
    assert table["next_crowd"].isin(range(len(CROWDS))).all()
    assert (table["lost_cny"] >= 0).all()
    assert table.groupby("clock")["plays"].sum().eq(12).all()
    reported: list[float] = []
    assert tabulate_play(drill, plays=12, on_progress=reported.append).equals(table)
    assert reported == [(play + 1) / 12 for play in range(12)]


def follows_the_night(night, *, plays):
    """Return whether the first half hour of the tables, left alone, goes where the night of nobody leading goes."""
    drill = opened(night)
    table = tabulate_play(drill, plays=plays)
    first = table[(table["clock"] == drill.clock(0)) & (table["move"] == WITH_INCIDENTS)]
    begins = crowd_of(drill.moment((), round_=0).waiting()["waiting"].sum())
    ends = crowd_of(drill.moment((), round_=1).waiting()["waiting"].sum())
    return first.set_index("crowd").loc[begins, "next_crowd"] == ends


def test_the_tables_follow_the_night(night):
    """A half hour that began calm in every play and was left alone goes where the night of nobody leading goes."""
    assert follows_the_night(night, plays=12)  # 24 in tests/prove/prove_play.py


def test_the_well_led_team_knows_only_its_screen(night):
    """Before anything can be noticed it calls no card, and what it calls later had a sign."""
    drill = opened(night)
    play_well(drill, 1)
    assert [decided for _, decided in drill.state.decisions if decided.what == "card"] == []
    drill.advance()
    play_well(drill, 1)
    signs = {scenario.cards[0] for scenario in drill.noticed()}
    called = {decided.key for _, decided in drill.state.decisions if decided.what == "card"}
    assert called == signs
    assert isinstance(drill.view(1).course, pd.DataFrame)


def test_the_rules_on_paper_are_those_of_the_table_of_moves(night):
    """How long a move waits to be used again stands in the rules as in the table."""
    drill = opened(night)
    page = render_paper(drill, store="Lane", lang="zh", plays=2)
    minutes = drill.rules.cooldown_min
    assert f"同一招两次之间至少隔 {minutes} 分钟" in page
    assert f"{minutes} 分钟</td>" in page
