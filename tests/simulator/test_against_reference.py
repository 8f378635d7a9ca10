"""Random small floors with every feature on: both engines and the reference agree, float for float.

Times come from a coarse grid, so that shift edges, replies, messages, deadlines and outages fall on the
same instant again and again. The normal suite repeats the same examples; a longer, random run is
``HYPOTHESIS_PROFILE=long .venv/bin/pytest tests/simulator/test_against_reference.py``.
"""

import math
import os

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulator.nights import agent, buyer, night, run
from tests.simulator.reference_floor import AGENT_COLUMNS, CONTACT_COLUMNS, TURN_COLUMNS

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
NAN = math.nan


def examples(normal, long):
    """Run this many examples: the same ones in the normal suite, fresh ones in a long run."""
    return settings(
        max_examples=long if LONG else normal,
        derandomize=not LONG,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


class Tape:
    """Choices read off a string of bytes.

    A night takes some two hundred choices: one draw of bytes is ten times as fast as one draw a choice.
    Byte 0 is always the plainest choice and so is the end of the tape, so Hypothesis shrinks to plain nights.
    """

    def __init__(self, data: bytes):
        self._bytes = iter(data)

    def steps(self, most):
        """Choose a whole number from 0 to most."""
        return next(self._bytes, 0) % (most + 1)

    def pick(self, *options):
        """Choose one of the options."""
        return options[self.steps(len(options) - 1)]


def night_on(tape, *, most_buyers, most_agents, last, most_turns):
    """Read a night with every feature off a tape; all times are multiples of one unit."""
    # Halves add up without rounding, tenths and thirds do not.
    unit = tape.pick(0.5, 0.5, 0.1, 1 / 3)

    def time(most):
        return tape.steps(most) * unit

    def windows(*, agents=True, by=()):
        rows = []
        for _ in range(tape.pick(0, 0, 1, 2, 3)):
            whose = [tape.steps(n_agents - 1)] if agents else []
            start = time(last)
            length = tape.pick(time(last // 2), time(last // 2), time(last // 2), math.inf)
            rows.append((*whose, start, start + length, *([tape.pick(*by)] if by else [])))
        return rows

    def shifts():
        # Any even number of sorted edges is a list of shifts: edges may be equal, so shifts may touch
        # and may have no length, and no edges at all is an agent who never comes.
        edges = sorted(time(last + 10) for _ in range(2 * tape.pick(1, 2, 3, 0)))
        return tuple(zip(edges[0::2], edges[1::2], strict=True))

    queues = tape.pick(1, 2, 3)
    n_agents = 1 + tape.steps(most_agents - 1)
    always = ((0.0, 1e3),)
    buyers = []
    for _ in range(tape.steps(most_buyers)):
        turns = 1 + tape.steps(most_turns - 1)
        buyers.append(
            buyer(
                time(last),
                [time(8) for _ in range(turns)],
                [time(8) for _ in range(turns)],
                queue=tape.steps(queues - 1),
                patience=tape.pick(math.inf, time(10), time(10), time(4)),
                silent=tape.pick(False, False, True),
                bot=tape.pick(NAN, NAN, time(6)),
                bot_resolves=tape.pick(False, True),
                retry=tape.pick(NAN, time(6)),
            )
        )
    agents = [
        agent(
            capacity=tape.pick(1, 1, 2, 3, 99),
            speed=tape.pick(1.0, 1.0, 0.5, 2.0, 3.0),
            skill=[tape.pick(1, 1, 2, 0) for _ in range(queues)],
            weight=tape.pick(1.0, 1.0, 0.8, 1.5, 3.0),
        )
        | {"shifts": tape.pick(always, shifts(), shifts())}
        for _ in range(n_agents)
    ]
    return night(
        sorted(buyers, key=lambda row: row["arrival"]),
        agents,
        down=windows(),
        slow=windows(by=(0.5, 1.1, 1.5, 3.0)),
        away=windows(),
        bot_down=windows(agents=False),
        routing=tape.pick("least_active", "most_available", "weighted"),
        slowdown=tape.pick((1.0,), (1.0, 2.0), (1.0, 1.03, 1.1, 1.5), (1.5, 1.0, 3.0), (2.0,)),
        at_shift_end=tape.pick("finish", "handover"),
        close_s=tape.pick(0.0, time(4)),
        silent_close_s=tape.pick(0.0, time(4)),
        transfer_s=tape.pick(NAN, time(6)),
    )


def nights(length, **sizes):
    """Draw nights of at most these sizes from tapes of this many bytes."""
    return st.binary(min_size=length, max_size=length).map(lambda data: night_on(Tape(data), **sizes))


SMALL = nights(250, most_buyers=7, most_agents=3, last=20, most_turns=3)
LARGER = nights(500, most_buyers=14, most_agents=5, last=30, most_turns=4)


def differing(one, other, columns, *, within=0.0):
    """Name the columns in which two frames differ."""
    if len(one) != len(other):
        return ["number of rows"]
    names = []
    for name in columns:
        a, b = np.asarray(one[name]), np.asarray(other[name])
        if name == "outcome":
            same = list(a) == list(b)
        else:
            a, b = a.astype(float), b.astype(float)
            same = np.allclose(a, b, rtol=within, atol=within, equal_nan=True)
        if not same:
            names.append(f"{name}: {list(a)} against {list(b)}")
    return names


def contact_differences(one, other):
    """Name the columns in which the contacts or the turns of two nights differ at all."""
    return [
        *differing(one.contacts, other.contacts, CONTACT_COLUMNS),
        *differing(one.turns, other.turns, TURN_COLUMNS),
    ]


@examples(normal=500, long=20_000)
@given(SMALL)
def test_both_engines_agree_with_the_reference(drawn):
    """Every column of every contact and every turn is the same number in all three.

    Agents too: their sums are taken in another order by the reference, so they may differ in the last digits.
    How long a chat stays open on a seat that never comes back is nobody's number.
    """
    reference = run(drawn, "reference")
    lost_seat = any(math.isinf(end) for _, _, end in [*drawn.disruptions.down, *drawn.disruptions.away])
    compared = [name for name in AGENT_COLUMNS if not (lost_seat and name in ("overtime", "chat_seconds"))]
    for engine in ("compiled", "simpy"):
        found = run(drawn, engine, turns=True)
        assert not contact_differences(found, reference), engine
        assert not differing(found.agents, reference.agents, compared, within=1e-9), engine


@examples(normal=300, long=20_000)
@given(LARGER)
def test_both_engines_agree_on_larger_floors(drawn):
    """The two engines return identical frames, agents and the trace included."""
    compiled, simpy = (run(drawn, engine, turns=True, trace=True) for engine in ("compiled", "simpy"))
    assert not contact_differences(compiled, simpy)
    assert not differing(compiled.agents, simpy.agents, AGENT_COLUMNS)
    assert not differing(compiled.trace, simpy.trace, ["agent", "time", "open", "replying"])
