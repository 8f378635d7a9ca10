"""Short ways to write a small night for the tests of the chat floor, and to run it on any of the engines."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd

from simlib.simulator import Agents, Contacts, Disruptions, Policy, simulate
from tests.simulator.reference_floor import simulate_floor

ENGINES = ("compiled", "simpy", "reference")
ALWAYS = 1e6


def buyer(arrival, handle=(10.0,), think=(), **fields):
    """One contact: as many turns as it has entries in ``handle``; the think time not given is 0."""
    turns = len(handle)
    think = [*think, *[0.0] * (turns - len(think))]
    usual = {
        "queue": 0,
        "patience": math.inf,
        "silent": False,
        "bot": math.nan,
        "bot_resolves": False,
        "retry": math.nan,
    }
    assert fields.keys() <= usual.keys()
    return {"arrival": arrival, "turns": turns, "handle": list(handle), "think": think, **usual, **fields}


def agent(*shifts, capacity=1, speed=1.0, skill=(1,), weight=1.0):
    """One agent: on duty all night unless shifts are given."""
    shifts = shifts or ((0.0, ALWAYS),)
    return {"shifts": shifts, "capacity": capacity, "speed": speed, "skill": skill, "weight": weight}


def night(buyers, agents, *, down=(), slow=(), away=(), bot_down=(), **policy):
    """Put buyers and agents into the arrays of the chat model; further names are fields of the policy."""

    def column(rows, name, dtype):
        return np.array([row[name] for row in rows], dtype=dtype)

    def flat(name):
        return np.array([seconds for row in buyers for seconds in row[name]], dtype=float)

    usual = {
        "routing": "least_active",
        "slowdown": (1.0,),
        "at_shift_end": "finish",
        "close_s": 0.0,
        "silent_close_s": 0.0,
        "transfer_s": math.nan,
    }
    assert policy.keys() <= usual.keys()
    contacts = SimpleNamespace(
        arrival=column(buyers, "arrival", float),
        queue=column(buyers, "queue", int),
        turns=column(buyers, "turns", int),
        handle=flat("handle"),
        think=flat("think"),
        patience=column(buyers, "patience", float),
        silent=column(buyers, "silent", bool),
        bot=column(buyers, "bot", float),
        bot_resolves=column(buyers, "bot_resolves", bool),
        retry=column(buyers, "retry", float),
    )
    return SimpleNamespace(
        contacts=contacts,
        agents=SimpleNamespace(
            capacity=column(agents, "capacity", int),
            speed=column(agents, "speed", float),
            skill=np.array([row["skill"] for row in agents], dtype=int),
            weight=column(agents, "weight", float),
            shifts=[(i, start, end) for i, row in enumerate(agents) for start, end in row["shifts"]],
        ),
        policy=SimpleNamespace(**usual | policy),
        disruptions=SimpleNamespace(down=list(down), slow=list(slow), away=list(away), bot_down=list(bot_down)),
    )


def run(night, engine, *, turns=False, trace=False):
    """Run a night on one engine; the reference always logs turns and never a trace."""
    if engine == "reference":
        return simulate_floor(night.contacts, night.agents, night.policy, night.disruptions)
    return simulate(
        Contacts(**vars(night.contacts)),
        Agents(**vars(night.agents)),
        policy=Policy(**vars(night.policy)),
        disruptions=Disruptions(**vars(night.disruptions)),
        engine=engine,
        turns=turns,
        trace=trace,
    )


def assert_columns(frame, **expected):
    """Compare columns of a frame with lists, exactly; nan equals nan."""
    for name, values in expected.items():
        found = list(frame[name])
        same = len(found) == len(values) and all(
            a == b or (pd.isna(a) and pd.isna(b)) for a, b in zip(found, values, strict=True)
        )
        assert same, f"{name}: expected {values}, found {found}"
