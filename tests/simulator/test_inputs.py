"""What the chat floor accepts, and the sentence with which it refuses the rest."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pandas as pd
import pytest

from simlib.simulator import Agents, Contacts, Disruptions, Policy, simulate

ALL_DAY = [(0, 0, 1e5)]


def three(**fields):
    """Three plain contacts, some fields changed."""
    return Contacts(**{"arrival": [0.0, 1.0, 2.0], "turns": [1, 2, 1], "handle": np.full(4, 10.0)} | fields)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"arrival": [0.0, 3.0, 2.0]}, r"arrival\[2\] = 2.0: must not be before arrival\[1\] = 3.0"),
        ({"arrival": [-1.0, 3.0, 4.0]}, r"arrival\[0\] = -1.0: must be finite seconds >= 0"),
        ({"arrival": [0.0, np.nan, 4.0]}, r"arrival\[1\] = nan: must be finite seconds >= 0"),
        ({"arrival": [0.0, 1.0, np.inf]}, r"arrival\[2\] = inf: must be finite seconds >= 0"),
        ({"arrival": [[0.0, 1.0, 2.0]]}, r"arrival has 2 dimensions: must have one"),
        ({"arrival": ["a", "b", "c"]}, r"arrival: must be numbers"),
        ({"queue": [0, -1, 0]}, r"queue\[1\] = -1: must be a queue index >= 0"),
        ({"queue": [0, 0.5, 0]}, r"queue\[1\] = 0.5: must be a whole number"),
        ({"queue": [0, 0]}, r"queue has length 2: must have 3, one a row"),
        ({"turns": [1, 0, 1]}, r"turns\[1\] = 0: must be a whole number >= 1"),
        ({"turns": [1, np.nan, 1]}, r"turns\[1\] = nan: must be a whole number"),
        ({"handle": np.full(3, 10.0)}, r"handle has length 3: must have 4, sum\(turns\)"),
        ({"handle": [1.0, 2.0, -3.0, 4.0]}, r"handle\[2\] = -3.0: must be finite seconds >= 0"),
        ({"handle": [1.0, 2.0, np.inf, 4.0]}, r"handle\[2\] = inf: must be finite seconds >= 0"),
        ({"think": [1.0, 2.0, 3.0, np.nan]}, r"think\[3\] = nan: must be finite seconds >= 0"),
        ({"think": [1.0]}, r"think has length 1: must have 4, sum\(turns\)"),
        (
            {"patience": [1.0, np.nan, 1.0]},
            r"patience\[1\] = nan: must be seconds >= 0, inf = waits for ever",
        ),
        ({"patience": [1.0, 1.0, -0.5]}, r"patience\[2\] = -0.5: must be seconds >= 0"),
        ({"silent": [0, 2, 0]}, r"silent\[1\] = 2: must be True or False"),
        ({"bot": [np.nan, np.inf, 1.0]}, r"bot\[1\] = inf: must be seconds >= 0, nan = meets no bot"),
        ({"bot": [np.nan, 1.0, -1.0]}, r"bot\[2\] = -1.0: must be seconds >= 0"),
        ({"bot_resolves": [True, False]}, r"bot_resolves has length 2: must have 3"),
        ({"retry": [np.inf, 1.0, 1.0]}, r"retry\[0\] = inf: must be seconds >= 0, nan = never comes back"),
    ],
)
def test_contacts_refuse(fields, sentence):
    """A wrong row is named with its field, its value and what is allowed."""
    with pytest.raises(ValueError, match=sentence):
        three(**fields)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"capacity": [1, 0]}, r"capacity\[1\] = 0: must be a whole number of chats >= 1"),
        ({"capacity": [1, 1.5]}, r"capacity\[1\] = 1.5: must be a whole number"),
        ({"capacity": [1, 1], "speed": [1.0]}, r"speed has length 1: must have 2"),
        ({"speed": [1.0, 0.0]}, r"speed\[1\] = 0.0: must be a number > 0"),
        ({"speed": [np.nan, 1.0]}, r"speed\[0\] = nan: must be a number > 0"),
        ({"weight": [0.0, 0.0]}, r"weight\[0\] = 0.0: must be a number > 0 \(1 = as much as any other\)"),
        ({"weight": [1.0, -2.0]}, r"weight\[1\] = -2.0: must be a number > 0"),
        ({"weight": [1.0, np.inf]}, r"weight\[1\] = inf: must be a number > 0"),
        ({"capacity": [1, 1], "weight": [1.0]}, r"weight has length 1: must have 2"),
        ({"skill": [1, 1]}, r"skill has 1 dimension\(s\): must have two"),
        ({"skill": [[1, 0], [0, -2]]}, r"skill\[1, 1\] = -2: must be 0 \(does not serve\) or a rank >= 1"),
        ({"skill": [[1, 0]], "capacity": [1, 1]}, r"skill has 1 rows: must have 2"),
        (
            {"capacity": [1], "shifts": [(1, 0, 5)]},
            r"shifts row 0 = \(1, 0.0, 5.0\): agent must be an index from 0 to 0",
        ),
        (
            {"shifts": [(0, 0, 5), (-1, 0, 5)]},
            r"shifts row 1 = \(-1, 0.0, 5.0\): agent must be an index from 0 to 0",
        ),
        ({"shifts": [(0.5, 0, 5)]}, r"shifts.agent\[0\] = 0.5: must be a whole number"),
        ({"shifts": [(0, 5, 4)]}, r"shifts row 0 = \(0, 5.0, 4.0\): end must not be before start"),
        ({"shifts": [(0, -5, 4)]}, r"shifts row 0 = \(0, -5.0, 4.0\): start must be finite seconds >= 0"),
        (
            {"shifts": [(0, 0, np.nan)]},
            r"shifts row 0 = \(0, 0.0, nan\): end must be seconds, inf = for ever",
        ),
        ({"shifts": [(0, 0)]}, r"shifts row 0 = \(0, 0\): must be \(agent, start, end\)"),
        (
            {"shifts": [(1, 0, 9), (0, 0, 9), (1, 5, 6)]},
            r"shifts row 2 = \(1, 5.0, 6.0\): overlaps row 0 = \(1, 0.0, 9.0\)",
        ),
        (
            {"shifts": [(0, 3, 9), (0, 0, 4)]},
            r"shifts row 1 = \(0, 0.0, 4.0\): overlaps row 0 = \(0, 3.0, 9.0\)",
        ),
        ({"shifts": [(0, 3, 9), (0, 3, 9)]}, r"shifts row 1 .* overlaps row 0"),
    ],
)
def test_agents_refuse(fields, sentence):
    """A wrong shift, capacity, speed or skill is named."""
    with pytest.raises(ValueError, match=sentence):
        Agents(**{"shifts": []} | fields)


def test_a_long_shift_is_seen_to_overlap_a_later_one():
    """A shift overlaps every shift that begins inside it, not only the next one."""
    with pytest.raises(ValueError, match=r"shifts row 1 = .* overlaps row 0 = .*"):
        Agents(shifts=[(0, 0, 100), (0, 10, 20), (0, 50, 60)])


def test_shifts_may_touch_and_have_no_length():
    """Edges may be shared, and a row of no length may lie anywhere."""
    agents = Agents(shifts=[(0, 0, 10), (0, 10, 20), (0, 5, 5), (0, 20, 20), (0, 30, np.inf)])
    assert agents.on_duty_s.tolist() == [np.inf]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"routing": "nearest"}, r"routing = 'nearest': must be one of 'least_active', 'most_available', 'weighted'"),
        ({"at_shift_end": "stop"}, r"at_shift_end = 'stop': must be one of 'finish', 'handover'"),
        ({"slowdown": ()}, r"slowdown has no entry: must have one factor for each number of open chats"),
        ({"slowdown": (1.0, 0.99)}, r"slowdown\[1\] = 0.99: must be a factor >= 1"),
        ({"slowdown": (np.nan,)}, r"slowdown\[0\] = nan: must be a factor >= 1"),
        ({"slowdown": (1.0, np.inf)}, r"slowdown\[1\] = inf: must be a factor >= 1"),
        ({"slowdown": 1.5}, r"slowdown has 0 dimensions: must have one"),
        ({"slowdown": "abc"}, r"slowdown: must be numbers"),
        ({"close_s": -1}, r"close_s = -1.0: must be finite seconds >= 0"),
        ({"silent_close_s": np.nan}, r"silent_close_s = nan: must be finite seconds >= 0"),
        ({"transfer_s": np.inf}, r"transfer_s = inf: must be finite seconds >= 0, nan = never"),
    ],
)
def test_policy_refuses(fields, sentence):
    """An unknown way to run the floor is named with those that exist."""
    with pytest.raises(ValueError, match=sentence):
        Policy(**fields)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"down": [(0, 5, 4)]}, r"down row 0 = \(0, 5.0, 4.0\): end must not be before start"),
        ({"slow": [(0, 5, 9, 0.0)]}, r"slow row 0 = \(0, 5.0, 9.0, 0.0\): factor must be a number > 0"),
        ({"slow": [(0, 5, 9)]}, r"slow row 0 = \(0, 5, 9\): must be \(agent, start, end, factor\)"),
        ({"away": [(0, 5, 4)]}, r"away row 0 = \(0, 5.0, 4.0\): end must not be before start"),
        ({"away": [(0, np.inf, np.inf)]}, r"away row 0 = \(0, inf, inf\): start must be finite seconds >= 0"),
        ({"bot_down": [(1, 2), (5, 4)]}, r"bot_down row 1 = \(5.0, 4.0\): end must not be before start"),
        (
            {"bot_down": pd.DataFrame({"from": [1], "to": [2], "why": [3]})},
            r"bot_down has columns .*: must have",
        ),
    ],
)
def test_disruptions_refuse(fields, sentence):
    """A wrong window is named."""
    with pytest.raises(ValueError, match=sentence):
        Disruptions(**fields)


@pytest.mark.parametrize("engine", ["compiled", "simpy"])
@pytest.mark.parametrize(
    ("floor", "sentence"),
    [
        (
            {"disruptions": Disruptions(down=[(0, 1, 2), (1, 1, 2)])},
            r"down row 1 = \(1, 1.0, 2.0\): agent must be",
        ),
        (
            {"disruptions": Disruptions(slow=[(7, 1, 2, 3)])},
            r"slow row 0 = \(7, 1.0, 2.0, 3.0\): agent must be",
        ),
        ({"disruptions": Disruptions(away=[(3, 1, 2)])}, r"away row 0 = \(3, 1.0, 2.0\): agent must be"),
        ({"contacts": three(queue=[0, 1, 0])}, r"queue\[1\] = 1: must be a queue index below 1"),
        ({"agents": Agents(shifts=[]), "disruptions": Disruptions(down=[(0, 1, 2)])}, r"there are no agents"),
    ],
)
def test_inputs_that_do_not_fit_each_other_are_refused(floor, sentence, engine):
    """What only shows when the inputs meet is refused before anything runs."""
    usual = {"contacts": three(), "agents": Agents(shifts=ALL_DAY, skill=[[1]])}
    with pytest.raises(ValueError, match=sentence):
        simulate(**usual | floor, engine=engine)


def test_windows_come_as_tuples_arrays_or_frames():
    """The same windows, written five ways, are the same."""
    rows = [(1, 0.0, 10.0), (0, 5.0, 7.0)]
    table = pd.DataFrame(rows, columns=["agent", "start", "end"])
    written = [
        rows,
        np.array(rows),
        table,
        table[["end", "agent", "start"]].assign(note="by name, whatever the order"),
        table.set_axis(["seat", "from", "until"], axis=1),
        Disruptions(down=rows).down,
    ]
    for way in written:
        assert Disruptions(down=way).down.tolist() == rows


def test_numbers_stand_for_everybody():
    """A single number is every row's, and the number of agents comes from whatever names them."""
    contacts = Contacts(arrival=[0.0, 1.0], handle=5, turns=2, queue=1)
    assert contacts.handle.tolist() == [5.0] * 4
    assert contacts.queue.tolist() == [1, 1]
    assert np.isnan(contacts.bot).all()
    assert len(Agents(shifts=[(3, 0, 1)])) == 4
    assert len(Agents(shifts=[(0, 0, 1)], capacity=[1, 2])) == 2
    assert len(Agents(shifts=[], skill=np.ones((3, 2), int))) == 3


def test_a_slow_down_is_read_from_any_sequence():
    """A list, an array and a tuple are the same policy, which can be compared and used as a key."""
    policies = {Policy(slowdown=way) for way in ((1, 1.03), [1.0, 1.03], np.array([1.0, 1.03]))}
    assert policies == {Policy(slowdown=(1.0, 1.03))}


def test_inputs_cannot_change():
    """Neither a field nor an array can be changed, and the caller's own array is not touched."""
    arrival = np.array([0.0, 1.0, 2.0])
    contacts = three(arrival=arrival)
    arrival[0] = 9.0
    assert contacts.arrival[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        contacts.arrival[0] = 1.0
    with pytest.raises(FrozenInstanceError):
        contacts.arrival = arrival
    with pytest.raises(ValueError, match="read-only"):
        Agents(shifts=ALL_DAY).shifts["end"][0] = 5.0


def test_a_frozen_array_is_not_copied():
    """A maker that freezes its arrays holds a large night in memory once."""
    patience = np.full(3, 10.0)
    patience.setflags(write=False)
    contacts = three(patience=patience)
    assert contacts.patience is patience
    assert replace(contacts, handle=5.0).patience is patience


def test_reply_and_think_times_lie_side_by_side():
    """A copy that changes neither shares them; one that changes either, or takes a part, has its own."""
    contacts = three(handle=[1.0, 2.0, 3.0, 4.0], think=[5.0, 6.0, 7.0, 8.0])
    assert contacts.messages.tolist() == [(1.0, 5.0), (2.0, 6.0), (3.0, 7.0), (4.0, 8.0)]
    assert contacts.messages.base is None
    assert contacts.handle.base is contacts.think.base is contacts.messages
    assert replace(contacts, patience=5.0).messages is contacts.messages
    for changed, expected in (
        ({"handle": contacts.handle[::-1]}, [(4.0, 5.0), (3.0, 6.0), (2.0, 7.0), (1.0, 8.0)]),
        ({"handle": contacts.think, "think": contacts.handle}, [(5.0, 1.0), (6.0, 2.0), (7.0, 3.0), (8.0, 4.0)]),
        ({"think": 9.0}, [(1.0, 9.0), (2.0, 9.0), (3.0, 9.0), (4.0, 9.0)]),
    ):
        assert replace(contacts, **changed).messages.tolist() == expected
    with pytest.raises(ValueError, match="read-only"):
        contacts.messages["handle"][0] = 9.0
    with pytest.raises(ValueError, match=r"handle has length 4: must have 5"):
        replace(contacts, turns=[1, 2, 2])
    again = pickle.loads(pickle.dumps(contacts))
    assert again.messages.tolist() == contacts.messages.tolist()


def test_a_scenario_is_a_copy():
    """Replace gives a changed copy that is checked like the first."""
    agents = Agents(capacity=[2, 2], shifts=[(0, 0, 5), (1, 0, 5)], skill=[[1], [2]])
    assert replace(agents, capacity=3).capacity.tolist() == [3, 3]
    with pytest.raises(ValueError, match="capacity"):
        replace(agents, capacity=0)


def test_nobody_and_nothing_is_a_night():
    """No contacts, no agents, or nobody on duty are nights like any other."""
    nothing = simulate(Contacts(arrival=[], handle=[]), Agents(shifts=[]), turns=True, trace=True)
    assert [len(frame) for frame in (nothing.contacts, nothing.agents, nothing.turns, nothing.trace)] == [0] * 4
    for engine in ("compiled", "simpy"):
        alone = simulate(three(patience=[np.inf, 5.0, np.inf], silent=[0, 0, 1]), Agents(shifts=[]), engine=engine)
        assert alone.contacts["outcome"].tolist() == ["unserved", "abandoned", "unserved"]
        assert alone.contacts["end"].tolist()[1] == 6.0
