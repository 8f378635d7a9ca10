"""What the drill taught beside what the night had."""

from __future__ import annotations

import pandas as pd
import pytest

from simlib.messages import LANGS
from simlib.retrospective.drilled import compare_drill, compare_moves, drill_findings, group_moves, move_findings

NAN = float("nan")


@pytest.fixture
def calls():
    """Two teams met a dead bot, one of them late; both met a power cut that did not come."""
    return pd.DataFrame(
        {"scenario": ["bot_down", "bot_down", "power_cut", "power_cut"],
         "card": [["bot_down"], ["bot_down"], ["power_cut"], ["power_cut"]], "team": [1, 2, 1, 2],
         "called_min": [5.0, 25.0, 5.0, NAN]}
    )  # fmt: skip


@pytest.fixture
def costs():
    """The bot went down and its card pays; a slow system came that nobody had drilled."""
    return pd.DataFrame(
        {"incident": ["bot_down", "network_down"], "cost_cny": [900.0, 1400.0], "cost_low": 0.0, "cost_high": 0.0,
         "lost_buyers": 3.0, "saved_cny": [300.0, NAN], "saved_low": [200.0, NAN], "saved_high": [400.0, NAN]}
    )  # fmt: skip


def test_each_incident_has_its_verdict(calls, costs):
    """Borne out, not drilled, did not happen; the dearest of what happened stands first."""
    table = compare_drill(calls, costs).set_index("scenario")
    assert table["verdict"].to_dict() == {
        "network_down": "not_drilled",
        "bot_down": "borne_out",
        "power_cut": "stayed_away",
    }
    assert table.index.tolist() == ["network_down", "bot_down", "power_cut"]
    assert table.loc["bot_down", ["teams", "in_time", "called_min"]].tolist() == [2, 1, 15.0]
    assert table.loc["power_cut", "in_time"] == 1


def test_a_card_whose_worth_may_be_nothing_is_unclear(calls, costs):
    """A band that holds 0 bears nothing out, and neither does a card without a move."""
    wide = costs.assign(saved_low=-1.0)
    assert compare_drill(calls, wide).set_index("scenario").loc["bot_down", "verdict"] == "unclear"
    none = costs.assign(saved_low=NAN)
    assert compare_drill(calls, none).set_index("scenario").loc["bot_down", "verdict"] == "unclear"


def test_the_next_drill_follows_from_it(calls, costs):
    """One sentence each: how many had been drilled, what the card is worth, who was late, what comes next."""
    found = drill_findings(compare_drill(calls, costs))
    assert [message.key for message in found] == [
        "retrospective.drill_met",
        "retrospective.drill_borne_out",
        "retrospective.drill_late",
        "retrospective.drill_next",
    ]
    for lang in LANGS:
        text = " ".join(message.text(lang) for message in found)
        assert "300" in text
        assert "{" not in text
    nothing = drill_findings(compare_drill(calls, costs.head(0)))
    assert [message.key for message in nothing] == ["retrospective.drill_nothing_came"]


AT = pd.Timestamp("2026-10-31 20:30", tz="Asia/Shanghai")


@pytest.fixture
def moves():
    """Two teams call six people to a dead bot, one moves breaks; one answers a power cut, one nothing in particular."""
    rows = [
        (1, "bot_down", "call_pool", 6.0, 400.0),
        (2, "bot_down", "call_pool", 6.0, 200.0),
        (2, "bot_down", "move_breaks", NAN, 90.0),
        (1, "power_cut", "extend_shifts", 60.0, 50.0),
        (1, "", "shift_bot_share", 0.1, 40.0),
    ]
    table = pd.DataFrame(rows, columns=["team", "scenario", "lever", "size", "promised_cny"])
    return table.assign(drill="evening", decided=AT, until=AT + pd.Timedelta("1h"))


def test_each_lever_has_its_verdict_by_what_it_saves_and_costs(moves):
    """Beyond its cost by more than chance, below it by more than chance, neither, or what it answers did not come."""
    grouped = group_moves(moves).assign(cost_cny=[100.0, 0.0, NAN, 30.0])
    assert grouped["lever"].tolist() == ["call_pool", "move_breaks", "extend_shifts", "shift_bot_share"]
    assert grouped[["teams", "promised_cny"]].to_numpy()[0].tolist() == [2, 300.0]
    saved = pd.DataFrame(
        {"saved_cny": [250.0, 5.0, 10.0], "saved_low": [150.0, -3.0, 4.0], "saved_high": [350.0, 13.0, 16.0]},
        index=[0, 1, 3],
    )
    table = compare_moves(grouped, saved)
    assert table["verdict"].tolist() == ["borne_out", "unclear", "stayed_away", "not_worth"]
    assert pd.isna(table.loc[3, "scenario"])
    assert compare_moves(grouped, saved.head(1))["verdict"].tolist()[1] == "not_tried"
    messages = move_findings(table)
    assert [message.key for message in messages] == ["retrospective.moves_borne_out", "retrospective.moves_not_kept"]
    for lang in LANGS:
        text = " ".join(message.text(lang) for message in messages)
        assert "300" in text
        assert "250" in text
        assert "{" not in text
