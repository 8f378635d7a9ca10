"""Random small floors with every feature on, and a way to compare two nights to the bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from simlib.simulator import Agents, Contacts, Disruptions, Policy
from simlib.simulator.outcome import Outcome, frame_trace

# Times on a coarse grid, so that much falls on the same instant.
GRID_S = 5.0
EDGES_S = st.integers(0, 12).map(lambda k: k * GRID_S * 2)


def seconds(largest: int) -> st.SearchStrategy[float]:
    """Mostly on the grid, at times anywhere."""
    return st.one_of(
        st.integers(0, largest).map(lambda k: k * GRID_S),
        st.floats(0, largest * GRID_S, allow_nan=False, width=32).map(float),
    )


@st.composite
def windows(draw, agents: int, most: int):
    """Rows (agent, start, end), overlapping as they please."""
    rows = []
    for _ in range(draw(st.integers(0, most)) if agents else 0):
        start = draw(EDGES_S)
        rows.append((draw(st.integers(0, agents - 1)), start, start + draw(st.integers(0, 8)) * GRID_S))
    return rows


@st.composite
def floors(draw):
    """One random floor: contacts, agents, policy, disruptions."""
    n = draw(st.integers(0, 14))
    queues = draw(st.integers(1, 3))
    n_agents = draw(st.integers(0, 4))

    def each(values, length=n):
        return draw(st.lists(values, min_size=length, max_size=length))

    turns = np.array(each(st.integers(1, 4)), dtype=int)
    contacts = Contacts(
        arrival=np.sort(np.array(each(seconds(20)), dtype=float)),
        queue=np.array(each(st.integers(0, queues - 1)), dtype=int),
        turns=turns,
        handle=np.array(each(seconds(5), int(turns.sum())), dtype=float),
        think=np.array(each(seconds(6), int(turns.sum())), dtype=float),
        patience=np.array(each(st.one_of(st.just(np.inf), seconds(8))), dtype=float),
        silent=np.array(each(st.booleans()), dtype=bool),
        bot=np.array(each(st.one_of(st.just(np.nan), seconds(6))), dtype=float),
        bot_resolves=np.array(each(st.booleans()), dtype=bool),
        retry=np.array(each(st.one_of(st.just(np.nan), seconds(6))), dtype=float),
    )
    shifts = []
    for agent in range(n_agents):
        edges = sorted(draw(st.lists(EDGES_S, min_size=0, max_size=6)))
        shifts += [(agent, start, end) for start, end in zip(edges[::2], edges[1::2], strict=False)]
    agents = Agents(
        capacity=np.array(each(st.sampled_from([1, 1, 2, 3, 99]), n_agents), dtype=int),
        speed=np.array(each(st.sampled_from([1.0, 1.0, 0.8, 1.3]), n_agents), dtype=float),
        skill=np.array(each(st.integers(0, 2), n_agents * queues), dtype=int).reshape(n_agents, queues),
        weight=np.array(each(st.sampled_from([1.0, 1.0, 0.8, 1.5, 3.0]), n_agents), dtype=float),
        shifts=draw(st.permutations(shifts)),
    )
    policy = Policy(
        routing=draw(st.sampled_from(["least_active", "most_available", "weighted"])),
        slowdown=draw(st.sampled_from([(1.0,), (1.0, 2.0), (1.0, 1.03, 1.1, 1.5), (1.5, 1.0, 3.0)])),
        at_shift_end=draw(st.sampled_from(["finish", "handover"])),
        close_s=draw(st.sampled_from([0.0, 0.0, GRID_S, 7.3])),
        silent_close_s=draw(st.sampled_from([0.0, GRID_S, 30.0])),
        transfer_s=draw(st.sampled_from([np.nan, 0.0, GRID_S, 12.5])),
    )
    slow = [(*row, draw(st.sampled_from([0.5, 1.5, 3.0, 1.1]))) for row in draw(windows(n_agents, 3))]
    disruptions = Disruptions(
        down=draw(windows(n_agents, 4)),
        slow=slow,
        away=draw(windows(n_agents, 3)),
        bot_down=[row[1:] for row in draw(windows(1, 2))],
    )
    return contacts, agents, policy, disruptions


def assert_same_arrays(one, other) -> None:
    """Every array of two nights is the same, float for float; the trace as people read it."""
    for name in Outcome._fields:
        if name != "changes":
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name, strict=True)
    pd.testing.assert_frame_equal(frame_trace(one), frame_trace(other), check_exact=True)
