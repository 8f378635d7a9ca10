"""The logs on request: every turn, and how each agent's open chats and writing change."""

from __future__ import annotations

import numpy as np
import pytest

from simlib.simulator import Agents, Contacts, Disruptions, Policy, run_arrays, simulate
from tests.simulator.conftest import assert_same_arrays
from tests.simulator.test_engines_agree import busy_night


@pytest.fixture(scope="module", params=range(4))
def night(request):
    """One busy night, its inputs and everything that can be logged of it."""
    floor = busy_night(request.param)
    return *floor[:2], simulate(*floor, turns=True, trace=True)


def test_turns_add_up_to_the_contacts(night):
    """First reply, replies, response sum and maximum of a contact are those of its turns."""
    _, _, result = night
    turns, contacts = result.turns, result.contacts
    answered = turns.dropna(subset="replied")
    by_contact = answered.assign(response=answered["replied"] - answered["sent"]).groupby("contact")
    replies = by_contact.size().reindex(contacts.index, fill_value=0)
    assert (replies == contacts["replies"]).all()
    np.testing.assert_allclose(by_contact["response"].sum(), contacts["response_sum"][replies > 0], rtol=1e-12)
    assert (by_contact["response"].max() == contacts["response_max"][replies > 0]).all()
    assert (by_contact["replied"].min() == contacts["first_reply"].dropna()).all()
    assert (turns["agent"].ge(0) == turns["replied"].notna()).all()


def test_turns_come_in_order(night):
    """A message is sent after the reply to the one before, and the first at the entry."""
    _, _, result = night
    turns = result.turns
    follows = turns["turn"] > 0
    assert (turns["sent"][follows] >= turns["replied"].shift()[follows]).all()
    assert turns["contact"].is_monotonic_increasing
    entry = result.contacts["entry"].to_numpy()
    first = turns[~follows]
    assert (first["sent"].to_numpy() == entry[first["contact"]]).all()


def test_trace_integrates_to_the_agents(night):
    """The step functions integrate to busy seconds, chat seconds and overtime, and stay within capacity."""
    contacts, agents, result = night
    assert len(contacts) > 0
    busy, chat_seconds = np.zeros(len(agents)), np.zeros(len(agents))
    for agent, steps in result.trace.groupby("agent"):
        lasts = np.diff(steps["time"])
        chat_seconds[agent] = (steps["open"].to_numpy()[:-1] * lasts).sum()
        busy[agent] = (steps["replying"].to_numpy()[:-1] * lasts).sum()
        assert steps["open"].max() <= agents.capacity[agent]
        assert steps["open"].iloc[-1] == 0
        assert not steps["replying"].iloc[-1]
        assert (steps["open"][steps["replying"]] > 0).all()
    np.testing.assert_allclose(busy, result.agents["busy"], rtol=1e-9)
    np.testing.assert_allclose(chat_seconds, result.agents["chat_seconds"], rtol=1e-9)
    assert (result.agents["busy"] <= result.agents["on_duty"] + result.agents["overtime"] + 1e-6).all()


def test_a_step_is_a_change(night):
    """No row of the trace repeats the one before, and an instant has one row per agent."""
    _, _, result = night
    trace = result.trace
    same_agent = trace["agent"].diff() == 0
    assert (trace["time"].diff()[same_agent] > 0).all()
    unchanged = (trace["open"].diff() == 0) & (trace["replying"] == trace["replying"].shift())
    assert not (unchanged & same_agent).any()


@pytest.mark.parametrize("engine", ["compiled", "simpy"])
def test_a_night_drawn_by_hand(engine):
    """Two chats on one agent: 0 writes 0-30, thinks, 90-120; 1 is written 30-40, cut, written again 60-90."""
    result = simulate(
        Contacts(arrival=[0.0, 10.0], turns=[2, 1], handle=30.0, think=50.0),
        Agents(capacity=2, shifts=[(0, 0, 3600)]),
        Policy(),
        Disruptions(down=[(0, 40, 60)]),
        engine=engine,
        turns=True,
        trace=True,
    )
    assert result.turns.to_dict("list") == {
        "contact": [0, 0, 1],
        "turn": [0, 1, 0],
        "sent": [0.0, 80.0, 10.0],
        "replied": [30.0, 120.0, 90.0],
        "agent": [0, 0, 0],
    }
    assert list(result.trace[["time", "open", "replying"]].itertuples(index=False, name=None)) == [
        (0.0, 1, True),
        (10.0, 2, True),
        (40.0, 2, False),
        (60.0, 2, True),
        (90.0, 1, True),
        (120.0, 0, False),
    ]
    assert result.agents.iloc[0].to_dict() == {
        "busy": 100.0, "on_duty": 3600.0, "overtime": 0.0, "replies": 3.0, "chat_seconds": 200.0,
    }  # fmt: skip


def test_a_trace_of_many_handovers_is_whole():
    """Forty chats that change hands at twenty shift ends leave more rows than a night usually has, and all are kept."""
    contacts = Contacts(arrival=np.zeros(40), handle=1000.0)
    agents = Agents(capacity=50, shifts=[(0, 10.0 * k, 10.0 * k + 10) for k in range(20)])
    night = contacts, agents, Policy(at_shift_end="handover")
    compiled = run_arrays(*night, trace=True)
    assert len(compiled.changes) > 2 * (40 + 2 * 40)
    assert_same_arrays(compiled, run_arrays(*night, engine="simpy", trace=True))


def test_logs_are_made_on_request_only():
    """Without asking there is no log."""
    result = simulate(Contacts(arrival=[0.0], handle=1.0), Agents(shifts=[(0, 0, 9)]))
    assert result.turns is None
    assert result.trace is None
