"""What a drill's log shows without its night: who called which card how soon."""

from __future__ import annotations

import math

import pytest

from simlib import facts
from simlib.drill.calls import read_calls
from simlib.drill.game import Drill
from simlib.stress import Incident, Scenario
from tests.conftest import clock


@pytest.fixture
def drill(night, tmp_path):
    """A drill of two teams in rounds of ten minutes; the bot goes down ten minutes after its beginning."""
    incident = Incident(kind="bot_down", start=clock("21:10"), end=clock("21:50"))
    scenario = Scenario(name="bot_down", incidents=(incident,), cards=("bot_down",))
    return Drill.open(
        night,
        folder=tmp_path / "room",
        seed=7,
        teams=2,
        starts=clock("21:00"),
        minutes=120,
        round_min=10,
        scenarios=(scenario,),
    )


def calls_of(drill):
    return read_calls(drill.log.path, tz=drill.night.grid.opens.tz)


def test_the_minutes_to_a_card_count_from_when_it_could_be_noticed(drill):
    """Team 1 calls the card two rounds after the incident, team 2 never; before it happens there is no row."""
    assert calls_of(drill).empty
    card = drill.state.happens[0].cards[0]
    for _ in range(3):
        drill.advance()
    role = next(iter(drill.rules.roles))
    drill.call_card(1, role, card)
    calls = calls_of(drill).set_index("team")
    assert calls.loc[1, "called_min"] == pytest.approx(20 - facts.value("levers", "notice_min"))
    assert math.isnan(calls.loc[2, "called_min"])
    assert calls["scenario"].tolist() == ["bot_down"] * 2
    assert calls["card"].tolist() == [[card]] * 2


def test_what_was_taken_back_was_not_called(drill):
    """A rewind before the call takes it back, and a card of another incident is none of this one's."""
    for _ in range(3):
        drill.advance()
    role = next(iter(drill.rules.roles))
    drill.call_card(1, role, drill.state.happens[0].cards[0])
    drill.rewind(2)
    assert calls_of(drill)["called_min"].isna().all()


def test_a_file_that_is_no_log_has_no_rows(tmp_path):
    """A broken file gives an empty table with its columns."""
    path = tmp_path / "log.jsonl"
    path.write_text("no log\n")
    calls = read_calls(path, tz="Asia/Shanghai")
    assert calls.empty
    assert "called_min" in calls
