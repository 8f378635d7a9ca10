"""Reference values, limits and laws for simlib.erlang.

The reference values are the project's field oracles: each was computed by at least two methods (recursion,
Markov chain, integral) outside this code.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simlib.erlang import (
    OutOfReachError,
    agents_for,
    chat_pool,
    chats,
    erlang_a,
    erlang_b,
    erlang_c,
    extended_erlang_b,
    halfin_whitt,
    lps_pool,
    message_agent,
    offered_load,
    patience,
    retrial_agent,
    saturated_agent,
    service_level_c,
    silent_share,
    sinusoidal_load,
)


def exactly(value):
    return pytest.approx(value, rel=1e-9, abs=0)


# ------------------------------------------------------------------ reference values


@pytest.mark.parametrize(
    ("agents", "load", "blocked"),
    [
        (1, 1, 0.5),
        (10, 10, 0.21458234310734733),
        (20, 20, 0.15889196154197155),
        (100, 100, 0.07570045271086097),
        (1000, 1000, 0.02481191764616041),
        (60, 50, 0.021668473057806243),
    ],
)
def test_erlang_b_reference(agents, load, blocked):
    """Erlang B agrees with the reference values."""
    assert erlang_b(agents, load) == exactly(blocked)


@pytest.mark.parametrize(
    ("agents", "load", "service", "threshold", "waits", "mean_wait", "level", "in_line"),
    [
        (14, 10, 180, 20, 0.17413193359504983, 7.835937011777243, 0.8883500191794669, 0.43532983398762154),
        (25, 20, 180, 20, 0.2091028265988366, 7.527701757558119, 0.8800265379530512, 0.8364113063953429),
        (50, 48, 60, 20, 0.6944556111968343, 20.83366833590503, 0.6434546008033034, 16.666934668722778),
        (34, 30, 360, 60, 0.3763806550167656, 33.8742589515089, 0.8067597284416923, 2.8228549126256417),
        (12, 8.4, 120, 20, 0.18388863039349973, 6.129621013116658, 0.8990797798946537, 0.42907347091816594),
    ],
)
def test_erlang_c_reference(agents, load, service, threshold, waits, mean_wait, level, in_line):
    """Erlang C agrees with the reference values, by its own formulas and as Erlang A without patience."""
    assert erlang_c(agents, load) == exactly(waits)
    assert service_level_c(agents, load, service, threshold) == exactly(level)
    endless = erlang_a(agents, load / service, 1 / service, patience_rate=0)
    assert endless.wait_probability == exactly(waits)
    assert endless.mean_wait == exactly(mean_wait)
    assert endless.served_within(threshold) == exactly(level)
    assert endless.queue_length == exactly(in_line)
    assert endless.occupancy == exactly(load / agents)
    assert endless.abandon_probability == 0


ERLANG_A = [  # arguments, threshold, then P(wait), P(abandon), E W, E queue, occupancy, within t, lost in t, > t
    (
        (50, 48, 1, 0.5),
        1 / 3,
        (0.4677740685537904, 0.030912249162193216, 0.06182449832438643, 2.967575919570475),
        (0.9303242408042945, 0.9430189547469798, 0.0298454369608262, 0.02713560829219064),
    ),
    (
        (100, 102, 1, 1),
        0.1,
        (0.5917186345188439, 0.04991797599982072, 0.04991797599982072, 5.091633551981861),
        (0.9690836644801829, 0.7587772981086602, 0.03829057501940788, 0.20293212687193093),
    ),
    (
        (12, 4.2, 0.5, 1),
        1 / 3,
        (0.127372281808747, 0.0296789055423734, 0.0296789055423734, 0.12465140327796834),
        (0.6792247661203387, 0.9452695755589986, 0.023352234531269528, 0.03137818990973103),
    ),
    (
        (5, 1.0, 0.25, 1 / 3),
        0.5,
        (0.35265813429489423, 0.11295138586863941, 0.33885415760591825, 0.3388541576059182),
        (0.7096388913050885, 0.7334956816523392, 0.04697944608501655, 0.21952487226264306),
    ),
    (
        (12, 10 / 3, 1 / 3, 0.5),
        1 / 3,
        (0.2798070186454443, 0.06159737700368045, 0.1231947540073609, 0.41064918002453665),
        (0.7820021858302664, 0.8255826443617635, 0.03400465013447791, 0.14041270550375737),
    ),
]


@pytest.mark.parametrize(("arguments", "t", "means", "shares"), ERLANG_A)
def test_erlang_a_reference(arguments, t, means, shares):
    """Erlang A agrees with the reference values, the distribution of the wait included."""
    team = erlang_a(*arguments)
    got = (team.wait_probability, team.abandon_probability, team.mean_wait, team.queue_length)
    assert got == exactly(means)
    got = (team.occupancy, team.served_within(t), team.abandoned_within(t), team.waits_longer_than(t))
    assert got == exactly(shares)


@pytest.mark.parametrize(
    ("beta", "waits"), [(0.25, 0.7209321134030546), (1, 0.22336127479826076), (2, 0.02688136242943227)]
)
def test_halfin_whitt_reference(beta, waits):
    """The square-root rule agrees with the reference values."""
    assert halfin_whitt(beta) == exactly(waits)


@pytest.mark.parametrize(
    ("rates", "arrivals", "expected"),
    [
        (
            [0.1, 0.1, 0.1],
            1.6,
            (
                0.42921453332440496,
                0.1712843502978479,
                0.5481099209531133,
                0.3425687005956958,
                13.25945039523452,
                10.000000000000064,
                0.9969353380281717,
                2.651890079046904,
            ),
        ),
        (
            [0.1, 0.05, 0.1 / 3],
            0.45,
            (
                0.06661358300683441,
                0.03823663891302925,
                0.03441297502172633,
                0.0764732778260585,
                7.970194051104048,
                18.41569668007466,
                0.8655870249782291,
                1.5940388102208096,
            ),
        ),
        (
            [0.1],
            0.45,
            (
                0.3423897843450761,
                0.1965340094404565,
                0.17688060849641085,
                0.393068018880913,
                3.615596957517843,
                9.999999999999716,
                0.7231193915035685,
                0.7231193915035685,
            ),
        ),
    ],
)
def test_lps_pool_reference(rates, arrivals, expected):
    """Five agents who share their attention agree with the exact chain of the reference."""
    pool = lps_pool(5, rates, arrivals, patience_rate=0.5)
    got = (pool.wait_probability, pool.abandon_probability, pool.queue_length, pool.mean_wait)
    got += (pool.open_chats, pool.mean_chat, pool.agent_busy, pool.concurrency)
    assert got == exactly(expected)


@pytest.mark.parametrize("capacity", [1, 3, 5])
def test_one_processor_sharer_is_geometric(capacity):
    """One agent who works at one speed however many chats are open has rho / (1 - rho) in the system."""
    agent = lps_pool(1, [1 / k for k in range(1, capacity + 1)], arrival_rate=0.8, patience_rate=0)
    assert agent.open_chats + agent.queue_length == exactly(4.0)


@pytest.mark.parametrize(
    ("chats", "occupancy", "replies_per_h", "response"),
    [
        (1, 0.33333333333333337, 60.000000000000014, 19.999999999999996),
        (2, 0.6, 108.0, 26.666666666666668),
        (4, 0.9047619047619048, 162.8571428571429, 48.421052631578945),
        (5, 0.963302752293578, 173.39449541284404, 63.8095238095238),
        (8, 0.9991405242801891, 179.84529437043406, 120.13763440860215),
        (10, 0.9999618098320587, 179.9931257697706, 160.00763832529717),
    ],
)
def test_saturated_agent_reference(chats, occupancy, replies_per_h, response):
    """An agent who always has k chats agrees with the reference (reply 20 s, think 40 s)."""
    agent = saturated_agent(chats, reply_s=20, think_s=40)
    assert agent.occupancy == exactly(occupancy)
    assert agent.replies_per_s * 3600 == exactly(replies_per_h)
    assert agent.mean_response_s == exactly(response)


MESSAGE_AGENT = [  # chats, arrivals an hour, P(wait), P(abandon), E W, occupancy, response, chat, concurrency
    (
        (4, 20),
        (
            0.19542544668757714,
            0.1120405944224982,
            13.444871330699783,
            0.5919729370516718,
            36.82400799341187,
            420.94404796047377,
            2.0765623700464984,
        ),
    ),
    (
        (4, 26),
        (
            0.3300725228152707,
            0.19458403608430966,
            23.350084330117156,
            0.6980271687269155,
            40.52179796708535,
            443.1307878025019,
            2.5776444098792926,
        ),
    ),
    (
        (1, 10),
        (
            0.5292207111499589,
            0.40462669995630207,
            48.55520399475624,
            0.1984577666812345,
            20.00000000000001,
            320.0000000000031,
            0.5292207111499589,
        ),
    ),
]


@pytest.mark.parametrize(("case", "expected"), MESSAGE_AGENT)
def test_message_agent_reference(case, expected):
    """One agent, message by message, agrees with the exact chain of the reference."""
    capacity, an_hour = case
    agent = message_agent(capacity, an_hour / 3600, replies=6, reply_s=20, think_s=40, patience_s=120)
    got = (agent.wait_probability, agent.abandon_probability, agent.mean_wait, agent.occupancy)
    got += (agent.agent_response_s, agent.mean_chat, agent.concurrency)
    assert got == exactly(expected)


@pytest.mark.parametrize(
    ("arguments", "service", "expected"),
    [
        ((600, 400, 24, 0.25), "exponential", (249.78648256964075, 6.252, 246.71387161216785, 50.213517430359246)),
        ((600, 400, 24, 0.25), "fixed", (249.98214885242638, 6.126, 246.04866057850825, 50.017851147574305)),
        (
            (100, 20, 2 * math.pi, 1.0),
            "exponential",
            (114.14213562373095, 2.3561944901923444, 112.60073510670098, 85.85786437626905),
        ),
        (
            (100, 20, 2 * math.pi, 1.0),
            "fixed",
            (119.1770192722361, 2.0703095587156737, 118.84681726273142, 80.8229807277639),
        ),
        (
            (30, 20, 1.2566370614359172, 1.0),
            "fixed",
            (34.78777595370118, 0.8143008158104744, 27.237477513413165, 25.212224046298825),
        ),
    ],
)
def test_sinusoidal_load_reference(arguments, service, expected):
    """The load of a smooth day agrees with the reference, whose largest value was looked for on a grid."""
    load = sinusoidal_load(*arguments, service=service)
    highest, when, at_three_tenths, lowest = expected
    period = arguments[2]
    assert load.at(when) == exactly(highest)
    assert load.at(when + period / 2) == exactly(lowest)
    assert load.at(0.3 * period) == exactly(at_three_tenths)
    assert highest <= load.peak == pytest.approx(highest, rel=1e-6)
    assert lowest >= load.trough == pytest.approx(lowest, rel=1e-6)
    assert period / 4 + load.lag == pytest.approx(when, abs=period / 3000)


def test_offered_load_reference():
    """Arrivals jump from 1 to 10 a minute for ten minutes, a chat takes five: the reference load follows."""
    load = offered_load([1.0] * 100 + [10.0, 10.0, 1.0], interval_s=5, mean_service_s=5)
    assert load.at_end[99] == exactly(5.0)
    assert load.at_end[100] == exactly(33.44542514728509)
    assert load.at_end[102] == exactly(19.31415677616102)


def test_retries_reference():
    """The retrial agent and Erlang B with retries agree with the reference values."""
    assert retrial_agent(0.7, 1, 0.5) == exactly((0.7, 4.9))
    light, heavy = extended_erlang_b(10, 8, 0.5), extended_erlang_b(10, 10, 0.5)
    assert (light.offered_load, light.blocked) == exactly((8.657784407670531, 0.15195213387105372))
    assert (heavy.offered_load, heavy.blocked) == exactly((11.689816645913526, 0.2891091788859236))


@pytest.mark.parametrize(
    ("agents", "load", "impatience", "lost", "waits"),
    [
        (12, 10, 1.5, 0.19259495327068762, 0.4493882242982711),
        (50, 48, 0.5, 0.1388911222393669, 0.6944556111968344),
    ],
)
def test_silent_share_reference(agents, load, impatience, lost, waits):
    """Buyers who leave without a word are lost as in the reference, and wait as in Erlang C."""
    assert silent_share(agents, load, 1, 1 / impatience) == exactly(lost)
    assert erlang_c(agents, load) == exactly(waits)


# ------------------------------------------------------------------ laws and limits


def wait_from_queue_lengths(agents, arrivals, service, impatience, t):
    """P(served within t) by adding up queue lengths: j in line means j + 1 departures at known rates."""
    lengths = agents + 400
    log_share = np.cumsum(
        [0.0]
        + [math.log(arrivals / (min(n, agents) * service + max(n - agents, 0) * impatience)) for n in range(1, lengths)]
    )
    share = np.exp(log_share - log_share.max())
    share /= share.sum()
    # dP/dt of "still in line with j in front" for a tagged arrival, integrated by small exact steps
    in_front = share[agents:]
    steps = 4000
    rates = agents * service + np.arange(len(in_front)) * impatience
    kernel = np.zeros((len(in_front), len(in_front)))
    kernel[np.arange(len(in_front)), np.arange(len(in_front))] = -rates - impatience
    kernel[np.arange(1, len(in_front)), np.arange(len(in_front) - 1)] = rates[1:]
    h = t / steps
    served, state = share[:agents].sum(), in_front
    for _ in range(steps):
        slope = state @ kernel
        served += h * agents * service * (state[0] + h / 2 * slope[0])
        state = state + h * slope + h * h / 2 * (slope @ kernel)
    return served


@pytest.mark.parametrize(
    ("agents", "arrivals", "service", "impatience", "t"), [(3, 4.0, 1.0, 0.7, 1.1), (20, 16.0, 1.0, 0.05, 0.8)]
)
def test_erlang_a_by_brute_force(agents, arrivals, service, impatience, t):
    """The share served in time equals what following one contact through the line gives."""
    brute = wait_from_queue_lengths(agents, arrivals, service, impatience, t)
    assert erlang_a(agents, arrivals, service, impatience).served_within(t) == pytest.approx(brute, rel=1e-5)


@settings(max_examples=300, deadline=None)
@given(
    agents=st.integers(1, 10_000),
    load_per_agent=st.floats(0, 20),
    service=st.floats(1e-3, 1e3),
    impatience=st.floats(1e-6, 1e3),
    t=st.floats(0, 1e4),
)
def test_erlang_a_is_whole(agents, load_per_agent, service, impatience, t):
    """From one agent to ten thousand and at any threshold, the shares are shares and add up."""
    team = erlang_a(agents, load_per_agent * agents * service, service, impatience * service)
    t = t / service
    parts = (team.served_within(t), team.abandoned_within(t), team.waits_longer_than(t))
    assert all(0 <= part <= 1 for part in parts)
    assert sum(parts) == pytest.approx(1, abs=1e-12)
    assert 0 <= team.abandon_probability <= team.wait_probability <= 1
    assert 0 <= team.occupancy <= 1 + 1e-12
    assert team.queue_length == pytest.approx(team.arrival_rate * team.mean_wait)


@pytest.mark.parametrize("load_per_agent", [0.3, 0.95, 1.0, 1.05, 3.0])
@pytest.mark.parametrize("agents", [1, 7, 180, 10_000])
def test_flow_is_conserved(agents, load_per_agent):
    """What comes in is served or gives up: the agents' work equals the arrivals that stay."""
    arrivals = agents * load_per_agent
    team = erlang_a(agents, arrivals, 1.0, 0.2)
    blocked = erlang_b(agents, arrivals)
    busy_below_full = arrivals * (1 - blocked) - agents * blocked  # E[busy; not all busy] of the loss system
    below = (1 - team.wait_probability) / (1 - blocked) * busy_below_full if blocked < 1 else 0.0
    assert below + agents * team.wait_probability == pytest.approx(arrivals * (1 - team.abandon_probability), rel=1e-9)


def test_patience_without_end_is_erlang_c():
    """As patience grows Erlang A becomes Erlang C, without a jump at infinity."""
    endless = erlang_a(12, 10, 1, 0)
    nearly = erlang_a(12, 10, 1, 1e-11)
    assert nearly.wait_probability == pytest.approx(endless.wait_probability, rel=1e-8)
    assert nearly.mean_wait == pytest.approx(endless.mean_wait, rel=1e-8)
    assert nearly.served_within(3) == pytest.approx(service_level_c(12, 10, 1, 3), rel=1e-8)


def test_longer_threshold_never_lowers_service_level():
    """The share served in time rises with the threshold, however long it is."""
    thresholds = [0, 1, 10, 60, 600, 900, 1800, 86_400, 1e9, math.inf]
    team = erlang_a(380, 1.0, 1 / 400, 1 / 600)
    for level in (team.served_within, team.abandoned_within, lambda t: service_level_c(401, 400, 400, t)):
        levels = [level(t) for t in thresholds]
        assert levels == sorted(levels)
    assert team.served_within(math.inf) == pytest.approx(1 - team.abandon_probability, rel=1e-15)


@pytest.mark.parametrize("load", [0.4, 20, 700, 9000])
def test_more_agents_never_hurt(load):
    """Blocking, waiting, abandonment fall and the service level rises with every agent."""
    crowd = sorted({max(1, int(load * f) + d) for f in (0.5, 0.9, 1, 1.02, 1.1, 1.5) for d in (0, 1, 2)})
    for worse in (
        lambda n: erlang_b(n, load),
        lambda n: erlang_c(n, load),
        lambda n: -service_level_c(n, load, 1, 0.1),
        lambda n: erlang_a(n, load, 1, 0.5).wait_probability,
        lambda n: erlang_a(n, load, 1, 0.5).abandon_probability,
        lambda n: -erlang_a(n, load, 1, 0.5).served_within(0.1),
    ):
        values = [worse(n) for n in crowd]
        assert values == sorted(values, reverse=True)


def test_square_root_rule_is_the_limit():
    """A large team with load + beta sqrt(load) agents waits as Halfin and Whitt say."""
    load = 9_000.0
    assert erlang_c(round(load + math.sqrt(load)), load) == pytest.approx(halfin_whitt(1.0), rel=0.01)


def test_one_chat_at_a_time_is_erlang_a():
    """A pool without concurrency is Erlang A, on both sides of the size at which the method changes."""
    for agents in (1, 40, chats.EXACT_STATES - 1, chats.EXACT_STATES, 3000):
        pool = lps_pool(agents, [0.1], 0.098 * agents, 0.05)
        team = erlang_a(agents, 0.098 * agents, 0.1, 0.05)
        assert pool.wait_probability == pytest.approx(team.wait_probability, rel=1e-9)
        assert pool.served_within(3.0) == pytest.approx(team.served_within(3.0), rel=1e-9)
        assert pool.occupancy == pytest.approx(team.occupancy, rel=1e-9)


def test_no_slowdown_makes_chats_servers():
    """When a chat goes as fast among many as alone, 60 agents with 4 chats are 240 servers."""
    pool = lps_pool(60, [0.1] * 4, 24.0, 0.5)
    team = erlang_a(240, 24.0, 0.1, 0.5)
    assert pool.wait_probability == pytest.approx(team.wait_probability, rel=1e-9)
    assert pool.mean_chat == pytest.approx(10, rel=1e-9)


COMPLETIONS = np.array([0.0, *(saturated_agent(k, 20, 40 * 5 / 6).replies_per_s / 6 for k in (1, 2, 3, 4))])


@pytest.mark.parametrize("load", [0.8, 0.9, 1.0, 1.2])
@pytest.mark.parametrize(("agents", "capacity"), [(12, 3), (14, 3), (8, 4), (9, 4)])
def test_the_two_methods_meet(agents, capacity, load):
    """Around the size at which the approximation takes over it agrees with the exact chain to 1 %."""
    completions = COMPLETIONS[: capacity + 1]
    arrivals = load * agents * completions[-1]
    exact, levels = chats._levels_exact(agents, completions, arrivals)
    spread, about = chats._levels_even(agents, completions, arrivals)
    capacity_rate = agents * completions[-1]
    waits = patience.solve_wait(exact, arrivals, capacity_rate, 1 / 120)[0]
    assert patience.solve_wait(spread, arrivals, capacity_rate, 1 / 120)[0] == pytest.approx(waits, rel=0.01)
    assert levels.sum() == pytest.approx(agents * (1 - exact), rel=1e-12)
    held = np.arange(capacity + 1)
    assert about @ held == pytest.approx(levels @ held, rel=0.01)


def test_exact_chain_against_a_plain_solution():
    """The level-by-level solution equals a dense solution of the balance equations, in an overload too."""
    agents, completions = 4, COMPLETIONS[:4]
    spreads = chats._chat_splits(agents, 3)
    first = np.cumsum([0] + [len(s.counts) for s in spreads])
    for load in (0.05, 0.9, 4.0):
        arrivals = load * agents * completions[-1]
        flow = np.zeros((first[-1], first[-1]))
        for total, here in enumerate(spreads):
            for i, after in enumerate(here.busier):
                flow[first[total] + i, first[total + 1] + after] += arrivals
            for i, level, after in here.calmer:
                flow[first[total] + i, first[total - 1] + after] += here.counts[i, level] * completions[level]
        np.fill_diagonal(flow, -flow.sum(axis=1))
        balance = np.vstack([flow.T, np.ones(len(flow))])
        share = np.linalg.lstsq(balance, np.eye(len(flow) + 1)[-1], rcond=None)[0]
        assert chats._levels_exact(agents, completions, arrivals)[0] == pytest.approx(share[-1], rel=1e-7)


@pytest.mark.parametrize(("case", "expected"), MESSAGE_AGENT)
def test_bridge_from_messages_to_chats(case, expected):
    """With several chats the pool of one agent agrees to 0.2 % with the chain of every message."""
    capacity, an_hour = case
    pool = chat_pool(1, capacity, an_hour / 3600, replies=6, reply_s=20, think_s=40, patience_s=120)
    got = (pool.wait_probability, pool.abandon_probability, pool.mean_wait, pool.occupancy)
    got += (pool.agent_response_s, pool.mean_chat, pool.concurrency)
    assert got == pytest.approx(expected, rel=0.002 if capacity > 1 else 0.01)


def test_bridge_against_simulated_pools():
    """Published simulations of pools, message by message: 2 to 4 % is what the bridge may miss."""
    three = chat_pool(3, 4, 60 / 3600, replies=6, reply_s=20, think_s=40, patience_s=120)
    assert three.wait_probability == pytest.approx(0.0648, abs=0.0017)
    assert three.abandon_probability == pytest.approx(0.0231, abs=0.0009)
    six = chat_pool(6, 3, 120 / 3600, replies=6, reply_s=20, think_s=40, patience_s=120)
    assert six.wait_probability == pytest.approx(0.1101, rel=0.04)
    assert six.abandon_probability == pytest.approx(0.0308, rel=0.05)


@pytest.mark.parametrize("pct", [0, 1, 3, 8, 20, 60])
def test_output_has_a_peak_if_and_only_if_the_slow_down_outgrows_what_is_gained(pct):
    """The next chat brings more output exactly while the busy share grows by more than replies slow down."""
    slowdown = [(1 + pct / 100) ** k for k in range(12)]
    pools = [
        chat_pool(4, limit, 1 / 3600, replies=6, reply_s=18, think_s=40, patience_s=120, slowdown=slowdown)
        for limit in range(1, 13)
    ]
    output = [pool.capacity_rate for pool in pools]
    busy = [saturated_agent(k, 18 * slowdown[k - 1], 40 * 5 / 6).occupancy for k in range(1, 13)]
    for k in range(11):
        assert (output[k + 1] > output[k]) == (busy[k + 1] / busy[k] > slowdown[k + 1] / slowdown[k])
    assert (output[-1] == max(output)) == (pct == 0)


def test_no_slow_down_is_the_pool_as_it_was():
    """Factors of 1, one or many, give the same numbers to the last bit; nonsense is refused."""
    given = {"replies": 6, "reply_s": 20, "think_s": 40, "patience_s": 120}
    plain = chat_pool(6, 3, 120 / 3600, **given)
    assert chat_pool(6, 3, 120 / 3600, slowdown=(1.0, 1.0, 1.0), **given) == plain
    slow = chat_pool(6, 3, 120 / 3600, slowdown=(1.0, 1.1), **given)
    assert slow.reply_s > plain.reply_s
    assert slow.mean_response_s > plain.mean_response_s
    for wrong in ((), (0.9,), (math.inf,)):
        with pytest.raises(ValueError, match="slowdown must be factors >= 1"):
            chat_pool(6, 3, 120 / 3600, slowdown=wrong, **given)


def test_chat_pool_laws():
    """Replies sent are the replies needed, chats and responses obey Little's law, in a large pool too."""
    for agents in (4, 90):
        arrivals = agents * 0.0075
        pool = chat_pool(agents, 4, arrivals, replies=6, reply_s=20, think_s=40, patience_s=90)
        served = arrivals * (1 - pool.abandon_probability)
        assert pool.occupancy * agents == pytest.approx(served * 6 * 20, rel=0.003)
        assert pool.mean_chat == pytest.approx(6 * pool.agent_response_s + 5 * 40, rel=0.003)
        assert pool.open_chats == pytest.approx(served * pool.mean_chat)
        assert sum(pool.at_level) == pytest.approx(1)
        assert pool.mean_response_s > pool.agent_response_s


def mean_of(share_within, longest):
    times = np.linspace(0, longest, 601)
    within = np.array([share_within(t) for t in times])
    assert (np.diff(within) >= -1e-6).all()
    late = within[-1] - within
    return float(((late[1:] + late[:-1]) / 2 * np.diff(times)).sum())


def test_responses_have_their_mean():
    """The distribution of the time until a reply is begun has the mean that Little's law gives."""
    pool = chat_pool(6, 4, 0.041, replies=6, reply_s=20, think_s=40, patience_s=math.inf)
    assert mean_of(pool.turns_begun_within, 1500) == pytest.approx(pool.mean_response_s - 20, rel=0.03)
    with_line = mean_of(pool.first_begun_within, 1500)
    assert pool.mean_wait < with_line < pool.mean_wait + 4 * 20
    alone = chat_pool(6, 1, 0.01, replies=6, reply_s=20, think_s=40, patience_s=math.inf)
    assert mean_of(alone.first_begun_within, 9000) == pytest.approx(alone.mean_wait, rel=5e-3)


def test_a_turn_without_reply_counts():
    """Who gives up in line leaves one unanswered turn, so not all turns are answered in any time."""
    pool = chat_pool(2, 3, 0.03, replies=6, reply_s=20, think_s=40, patience_s=60)
    lost = pool.abandon_probability
    assert pool.turns_begun_within(math.inf) == pytest.approx(1 - lost / (lost + 6 * (1 - lost)))
    assert pool.turns_begun_within(1e5) == pytest.approx(pool.turns_begun_within(math.inf))
    assert pool.first_begun_within(1e5) == pytest.approx(1 - lost)


def test_closing_holds_the_place():
    """A place that is freed later is a longer pause: twenty seconds more thinking, or one more at the end."""
    closing = chat_pool(5, 3, 0.02, replies=6, reply_s=20, think_s=40, patience_s=90, close_s=100)
    thinking = chat_pool(5, 3, 0.02, replies=6, reply_s=20, think_s=60, patience_s=90)
    assert closing == thinking
    assert closing.wait_probability > chat_pool(5, 3, 0.02, 6, 20, 40, 90).wait_probability


@settings(max_examples=150, deadline=None)
@given(
    agents=st.integers(1, 400),
    capacity=st.integers(1, 12),
    load=st.floats(0, 5),
    replies=st.floats(1, 30),
    reply_s=st.floats(1, 120),
    think_s=st.floats(0, 300),
    patience_s=st.floats(1, 1e5),
)
def test_chat_pool_is_whole(agents, capacity, load, replies, reply_s, think_s, patience_s):
    """For any team the shares are shares and nothing is nan."""
    arrivals = load * agents / (replies * reply_s)
    pool = chat_pool(agents, capacity, arrivals, replies, reply_s, think_s, patience_s)
    shares = (pool.wait_probability, pool.abandon_probability, pool.occupancy)
    shares += (pool.first_begun_within(60), pool.turns_begun_within(60))
    assert all(-1e-12 <= share <= 1 + 1e-9 for share in shares)
    assert pool.abandon_probability <= pool.wait_probability
    assert 0 <= pool.concurrency <= capacity + 1e-9
    assert reply_s * (1 - 1e-9) <= pool.agent_response_s <= pool.mean_response_s < math.inf


def test_dividing_by_concurrency_understaffs():
    """The usual error: Erlang C for one chat at a time, divided by the concurrency, misses the target."""
    arrivals, replies, reply_s, think_s = 0.1, 6, 20, 40
    alone_s = replies * (reply_s + think_s * (replies - 1) / replies)
    alone = agents_for(lambda n: service_level_c(n, arrivals * alone_s, alone_s, 30) >= 0.8)

    def answered(n):
        return chat_pool(n, 4, arrivals, replies, reply_s, think_s, 600).served_within(30)

    assert answered(agents_for(lambda n: answered(n) >= 0.8)) >= 0.8
    assert answered(math.ceil(alone / 4)) < 0.5


def test_offered_load_solves_its_equation():
    """Between the ends of two intervals the load follows dm/dt = rate - m / service."""
    rates = np.array([0.2, 3.0, 0.0, 1.0])
    load = offered_load(rates, interval_s=300, mean_service_s=500)
    m, steps = 0.0, 20_000
    for rate, end in zip(rates, load.at_end, strict=True):
        for _ in range(steps):
            h = 300 / steps
            k = rate - m / 500
            m += h * (k + h / 2 * (-k / 500))
        assert m == pytest.approx(end, rel=1e-6)
    assert load.peak == load.at_end.max()


def test_offered_load_of_a_sinusoid():
    """Thin steps of a sinusoid give the closed formula of the sinusoid."""
    wave = sinusoidal_load(600, 400, 24, 0.25)
    step = 0.005
    middle = (np.arange(round(48 / step)) + 0.5) * step
    load = offered_load(600 + 400 * np.sin(2 * np.pi * middle / 24), step, 0.25)
    assert load.at_end[-1] == pytest.approx(wave.at(48.0), rel=1e-5)
    assert load.at_end.max() == pytest.approx(wave.peak, rel=1e-5)


@pytest.mark.parametrize("start", [1, 13, 14, 15, 900])
def test_agents_for_finds_the_smallest(start):
    """From any first guess the same smallest team comes back."""
    asked = []

    def enough(n):
        asked.append(n)
        return n >= 14

    assert agents_for(enough, start=start, at_most=1000) == 14
    assert len(asked) <= 2 * math.log2(1000) + 2


def test_agents_for_gives_up_with_a_reason():
    """A target nobody can meet ends in an error of its own, at the limit."""
    with pytest.raises(OutOfReachError, match="no number of agents up to 50"):
        agents_for(lambda _: False, at_most=50)
    assert agents_for(lambda n: n >= 50, at_most=50) == 50


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: erlang_b(-1, 2), "agents must be a whole number"),
        (lambda: erlang_b(2.5, 2), "agents must be a whole number"),
        (lambda: erlang_b(3, math.nan), "load must be a finite number >= 0, got nan"),
        (lambda: erlang_c(0, 1), "from 1 to"),
        (lambda: erlang_c(3, -1), "load"),
        (lambda: service_level_c(3, 1, 0, 1), "mean_service"),
        (lambda: service_level_c(3, 1, 1, math.nan), "threshold"),
        (lambda: erlang_a(3, 4, 1, 0), "add agents, or give a finite patience"),
        (lambda: erlang_a(3, math.inf, 1, 1), "arrival_rate"),
        (lambda: erlang_a(3, 1, 1, -1), "patience_rate"),
        (lambda: erlang_a(3, 1, 1, 1).served_within(-1), "threshold"),
        (lambda: halfin_whitt(-0.1), "beta"),
        (lambda: silent_share(3, 1, 1, 0), "mean_patience"),
        (lambda: retrial_agent(1, 1, 1), "below service_rate"),
        (lambda: extended_erlang_b(3, 1, 1.2), "retry_share must be between 0 and 1, got 1.2"),
        (lambda: extended_erlang_b(3, 3, 1), "below agents"),
        (lambda: lps_pool(3, [], 1, 1), "completion_rates"),
        (lambda: lps_pool(3, [1, 0], 1, 1), "completion_rates"),
        (lambda: chat_pool(3, 0, 1, 6, 20, 40, 60), "capacity"),
        (lambda: chat_pool(3, 2, 1, 0.5, 20, 40, 60), "replies must be a finite number >= 1"),
        (lambda: chat_pool(3, 2, 1, 6, 20, 40, 0), "patience_s must be > 0"),
        (lambda: chat_pool(3, 2, 1, 6, 20, 40, math.inf), "when nobody gives up"),
        (lambda: chat_pool(3, 2, 1, 6, 20, math.nan, 60), "think_s"),
        (lambda: message_agent(1, 0, 6, 20, 40, 60), "arrival_rate"),
        (lambda: saturated_agent(0, 20, 40), "chats"),
        (lambda: offered_load([], 1, 1), "rates"),
        (lambda: offered_load([1, -1], 1, 1), "rates"),
        (lambda: offered_load([1], 0, 1), "interval_s"),
        (lambda: sinusoidal_load(1, 2, 1, 1), "amplitude"),
        (lambda: sinusoidal_load(1, 1, 1, 1, service="gamma"), "service must be"),
        (lambda: agents_for(lambda _: True, at_most=0), "at_most"),
    ],
)
def test_nonsense_is_refused(call, says):
    """Every argument that makes no sense is refused with what is allowed."""
    with pytest.raises(ValueError, match=says):
        call()


def test_an_overloaded_team_without_patience_never_catches_up():
    """With as much load as agents everybody waits, and nobody is served in time."""
    assert erlang_c(3, 3) == 1.0
    assert service_level_c(3, 3, 1, 1e6) == 0.0
    assert silent_share(3, 4, 1, 1) == 1.0


def test_nobody_comes():
    """An empty floor is a valid floor."""
    assert erlang_b(0, 0) == 1.0
    assert erlang_a(1, 0, 1, 1).wait_probability == 0
    pool = chat_pool(30, 4, 0, 6, 20, 40, 60)
    assert (pool.wait_probability, pool.concurrency, pool.agent_response_s) == (0, 0, 20)
    assert offered_load([0.0], 1, 1).peak == 0


@pytest.mark.parametrize(("agents", "capacity", "an_hour"), [(3, 4, 60), (6, 3, 120), (20, 4, 480)])
def test_chat_pool_against_the_simulated_floor(agents, capacity, an_hour):
    """A steady day on the chat floor: occupancy, response and first replies are the pool's, within its accuracy.

    Nobody gives up, as the floor lets buyers give up in an inbox too and the pool in line only.
    """
    from scipy.stats import t

    from simlib.simulator import Agents, Contacts, run_arrays

    pool = chat_pool(agents, capacity, an_hour / 3600, replies=6, reply_s=20, think_s=40, patience_s=math.inf)
    seen = []
    for day in range(16):
        rng = np.random.default_rng([7, day])
        arrival = np.cumsum(rng.exponential(3600 / an_hour, size=26 * an_hour))
        turns = rng.geometric(1 / 6, size=len(arrival))
        messages = turns.sum()
        contacts = Contacts(
            arrival=arrival, turns=turns, handle=rng.exponential(20, messages), think=rng.exponential(40, messages)
        )
        staff = Agents(capacity=np.full(agents, capacity), shifts=[(a, 0, np.inf) for a in range(agents)])
        night = run_arrays(contacts, staff)
        steady = (arrival > 7200) & (arrival < 86_400)
        begun = night.first_reply - contacts.handle[contacts.first_turn[:-1]] - night.entry
        seen.append(
            [
                night.busy.sum() / agents / night.end.max(),
                (night.assigned > night.entry)[steady].mean(),
                night.response_sum[steady].sum() / night.replies[steady].sum(),
                (begun <= 40)[steady].mean(),
            ]
        )
    mean = np.mean(seen, axis=0)
    band = t.ppf(0.9995, len(seen) - 1) * np.std(seen, axis=0, ddof=1) / math.sqrt(len(seen))
    expected = [pool.occupancy, pool.wait_probability, pool.mean_response_s, pool.first_begun_within(40)]
    accuracy = np.array([0.01, 0.05, 0.02, 0.02])
    assert (np.abs(mean - expected) <= band + accuracy * np.array(expected)).all(), (mean, expected, band)
