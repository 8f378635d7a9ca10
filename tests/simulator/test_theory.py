"""The chat floor against queueing theory, with bands from replications.

A floor whose contacts have one turn and whose agents have one place is a classical queue. The exact values
are literals: they come from the project's table of reference values for Erlang B, C and A, limited processor
sharing, the message-level agent and M_t/G/inf, each computed there by two methods or more; so nothing here
rests on ``simlib.erlang``. A mean of replications must lie within a Student t half-width of the exact value
(two-sided 99.9 %). Measured are the contacts after a warm-up.
"""

import math

import numpy as np
import pytest
from scipy.stats import gamma, sem, t

from simlib.simulator import Agents, Contacts, simulate
from simlib.streams import stream

SEED = 11
DAYS = 800


def one_place_agents(count):
    """So many agents with one place each, on duty for ever."""
    return Agents(capacity=np.ones(count, dtype=int), shifts=[(i, 0.0, math.inf) for i in range(count)])


def draw(replication, name, mean, count):
    """Draw exponential seconds with this mean."""
    return stream(SEED, replication, name).exponential(mean, count)


def replicate(measure, replications):
    """Run ``measure(replication)`` so often; return its named values as arrays."""
    runs = [measure(replication) for replication in range(replications)]
    return {name: np.array([run[name] for run in runs]) for name in runs[0]}


def half_width_of(values):
    """Return the Student t half-width of the mean of independent replications."""
    return t.ppf(0.9995, len(values) - 1) * sem(values)


def half_width_over_strata(values):
    """Return the same for one replication from each of many equally likely strata, in their order.

    The spread within strata is read from neighbours (collapsed strata), which can only overstate it.
    """
    differences = values[0::2] - values[1::2]
    return t.ppf(0.9995, len(differences)) * math.sqrt((differences**2).sum()) / len(values)


def assert_means(found, expected, *, half_width_of=half_width_of, known_to=0.0):
    """Hold each mean against its exact value; ``known_to`` is the rounding of a published figure."""
    for name, value in expected.items():
        values = found[name]
        half_width = half_width_of(values) + known_to
        assert half_width < 0.25 * abs(value) + 0.01, f"{name}: a band of +-{half_width:.4g} proves nothing"
        assert abs(values.mean() - value) <= half_width, (
            f"{name}: simulated {values.mean():.5g} +- {half_width:.2g}, exact {value:.5g}"
        )


def run_line(replication, *, agents, arrival_rate, service, mean_patience=math.inf, silent=False, contacts=30_000):
    """Simulate M/M/c with patience; return waits, outcomes and the utilisation."""
    patience = math.inf
    if mean_patience == 0:
        patience = 0.0
    elif mean_patience < math.inf:
        patience = draw(replication, "patience", mean_patience, contacts)
    arrival = np.cumsum(draw(replication, "arrival", 1 / arrival_rate, contacts))
    found = simulate(
        Contacts(
            arrival=arrival,
            handle=draw(replication, "handle", service, contacts),
            patience=patience,
            silent=silent,
        ),
        one_place_agents(agents),
    )
    rows = found.contacts.iloc[contacts // 6 :]
    lost = (rows["outcome"] == "abandoned").to_numpy()
    wait = np.where(lost, rows["end"], rows["assigned"]) - rows["entry"].to_numpy()
    return {
        "wait": wait,
        "lost": lost,
        "silent": (rows["outcome"] == "silent").to_numpy(),
        "occupancy": found.agents["busy"].sum() / (agents * arrival[-1]),
    }


def contacts_for(agents, load):
    """Ask for more contacts where queues are long and change slowly."""
    return 150_000 if load / agents > 0.95 else 50_000


@pytest.mark.parametrize(
    ("agents", "load", "blocked"),
    [
        (1, 1, 0.5),
        (10, 10, 0.21458234310734733),
        (20, 20, 0.15889196154197155),
        (60, 50, 0.021668473057806243),
        (100, 100, 0.07570045271086097),
    ],
)
def test_no_patience_is_erlang_b(agents, load, blocked):
    """With patience 0 the floor is a loss system: the share lost is Erlang B."""

    def measure(replication):
        line = run_line(replication, agents=agents, arrival_rate=load, service=1.0, mean_patience=0)
        return {"lost": line["lost"].mean()}

    assert_means(replicate(measure, 15), {"lost": blocked})


@pytest.mark.parametrize(
    ("agents", "load", "service", "within", "wait_probability", "mean_wait", "service_level"),
    [
        (14, 10, 180, 20, 0.17413193359504983, 7.835937011777243, 0.8883500191794669),
        (25, 20, 180, 20, 0.2091028265988366, 7.527701757558119, 0.8800265379530512),
        (50, 48, 60, 20, 0.6944556111968343, 20.83366833590503, 0.6434546008033034),
        (34, 30, 360, 60, 0.3763806550167656, 33.8742589515089, 0.8067597284416923),
        (12, 8.4, 120, 20, 0.18388863039349973, 6.129621013116658, 0.8990797798946537),
    ],
)
def test_endless_patience_is_erlang_c(agents, load, service, within, wait_probability, mean_wait, service_level):
    """With endless patience the floor is M/M/c: Erlang C in wait probability, mean and distribution."""
    contacts = contacts_for(agents, load)

    def measure(replication):
        line = run_line(replication, agents=agents, arrival_rate=load / service, service=service, contacts=contacts)
        wait = line["wait"]
        return {
            "wait_probability": (wait > 0).mean(),
            "mean_wait": wait.mean(),
            "service_level": (wait <= within).mean(),
            "occupancy": line["occupancy"],
        }

    expected = {"wait_probability": wait_probability, "mean_wait": mean_wait, "service_level": service_level}
    assert_means(replicate(measure, 30), expected | {"occupancy": load / agents})


@pytest.mark.parametrize(
    ("arrival_rate", "service_rate", "agents", "patience_rate", "within", "expected"),
    [
        (48, 1, 50, 0.5, 1 / 3,
         {"wait_probability": 0.4677740685537904, "lost": 0.030912249162193216, "mean_wait": 0.06182449832438643,
          "occupancy": 0.9303242408042945, "served_within": 0.9430189547469798,
          "lost_within": 0.0298454369608262, "longer": 0.02713560829219064}),
        (102, 1, 100, 1, 0.1,
         {"wait_probability": 0.5917186345188439, "lost": 0.04991797599982072, "mean_wait": 0.04991797599982072,
          "occupancy": 0.9690836644801829, "served_within": 0.7587772981086602,
          "lost_within": 0.03829057501940788, "longer": 0.20293212687193093}),
        (4.2, 0.5, 12, 1, 1 / 3,
         {"wait_probability": 0.127372281808747, "lost": 0.0296789055423734, "mean_wait": 0.0296789055423734,
          "occupancy": 0.6792247661203387, "served_within": 0.9452695755589986,
          "lost_within": 0.023352234531269528, "longer": 0.03137818990973103}),
        (1.0, 0.25, 5, 1 / 3, 0.5,
         {"wait_probability": 0.35265813429489423, "lost": 0.11295138586863941, "mean_wait": 0.33885415760591825,
          "occupancy": 0.7096388913050885, "served_within": 0.7334956816523392,
          "lost_within": 0.04697944608501655, "longer": 0.21952487226264306}),
        (10 / 3, 1 / 3, 12, 0.5, 1 / 3,
         {"wait_probability": 0.2798070186454443, "lost": 0.06159737700368045, "mean_wait": 0.1231947540073609,
          "occupancy": 0.7820021858302664, "served_within": 0.8255826443617635,
          "lost_within": 0.03400465013447791, "longer": 0.14041270550375737}),
    ],
)  # fmt: skip
def test_exponential_patience_is_erlang_a(arrival_rate, service_rate, agents, patience_rate, within, expected):
    """With exponential patience the floor is M/M/c+M: Erlang A, and where those who wait end up."""

    def measure(replication):
        line = run_line(
            replication,
            agents=agents,
            arrival_rate=arrival_rate,
            service=1 / service_rate,
            mean_patience=1 / patience_rate,
        )
        wait, lost = line["wait"], line["lost"]
        return {
            "wait_probability": ((wait > 0) | lost).mean(),
            "lost": lost.mean(),
            "mean_wait": wait.mean(),
            "occupancy": line["occupancy"],
            "served_within": (~lost & (wait <= within)).mean(),
            "lost_within": (lost & (wait <= within)).mean(),
            "longer": (wait > within).mean(),
        }

    assert_means(replicate(measure, 20), expected)


@pytest.mark.parametrize(
    ("agents", "load", "patience_rate", "silent_share", "wait_probability"),
    [
        (12, 10, 1.5, 0.19259495327068762, 0.4493882242982711),
        (50, 48, 0.5, 0.1388911222393669, 0.6944556111968344),
    ],
)
def test_all_silent_is_erlang_c_with_wasted_service(agents, load, patience_rate, silent_share, wait_probability):
    """Silent leavers cost an agent what the others do, so all wait as in M/M/c and P(wait > patience) are gone."""

    def measure(replication):
        line = run_line(
            replication,
            agents=agents,
            arrival_rate=load,
            service=1.0,
            mean_patience=1 / patience_rate,
            silent=True,
            contacts=contacts_for(agents, load),
        )
        return {"silent": line["silent"].mean(), "wait_probability": (line["wait"] > 0).mean()}

    assert_means(replicate(measure, 30), {"silent": silent_share, "wait_probability": wait_probability})


def test_chats_that_do_not_slow_each_other_are_places_in_a_pool():
    """Five agents with three chats each and no work between first and last message are M/M/15+M."""
    expected = {"wait_probability": 0.42921453332440496, "lost": 0.1712843502978479,
                "mean_wait": 0.3425687005956958, "open_chats": 13.25945039523452}  # fmt: skip
    rate, chat_s, patience_s, contacts = 1.6, 10.0, 2.0, 30_000

    def measure(replication):
        arrival = np.cumsum(draw(replication, "arrival", 1 / rate, contacts))
        think = np.zeros(2 * contacts)
        think[::2] = draw(replication, "think", chat_s, contacts)
        found = simulate(
            Contacts(
                arrival=arrival, turns=2, handle=0.0, think=think,
                patience=draw(replication, "patience", patience_s, contacts),
            ),
            Agents(capacity=[3] * 5, shifts=[(i, 0.0, math.inf) for i in range(5)]),
        )  # fmt: skip
        rows = found.contacts
        lost = (rows["outcome"] == "abandoned").to_numpy()
        wait = np.where(lost, rows["end"], rows["assigned"]) - rows["entry"].to_numpy()
        return {
            "wait_probability": (wait > 0).mean(),
            "lost": lost.mean(),
            "mean_wait": wait.mean(),
            "open_chats": found.agents["chat_seconds"].sum() / arrival[-1],
        }

    assert_means(replicate(measure, 15), expected)


@pytest.mark.parametrize("capacity", [1, 3, 5])
def test_sharing_an_agent_does_not_change_how_many_are_there(capacity):
    """One agent, limited processor sharing with any limit: E[N] = rho / (1 - rho) = 4 at rho = 0.8.

    Chats of a geometric number of exponential replies with no thinking are exponential in work.
    """
    rate, reply_s, turns_mean, contacts = 0.8, 0.2, 5.0, 20_000

    def measure(replication):
        turns = stream(SEED, replication, "turns").geometric(1 / turns_mean, contacts)
        arrival = np.cumsum(draw(replication, "arrival", 1 / rate, contacts))
        rows = simulate(
            Contacts(arrival=arrival, turns=turns, handle=draw(replication, "handle", reply_s, turns.sum())),
            Agents(capacity=[capacity], shifts=[(0, 0.0, math.inf)]),
        ).contacts
        return {"in_system": rate * (rows["end"] - rows["entry"]).mean()}

    assert_means(replicate(measure, 20), {"in_system": 4.0})


@pytest.mark.parametrize(
    ("chats", "utilisation", "replies_per_h", "mean_response_s"),
    [
        (1, 0.33333333333333337, 60.000000000000014, 19.999999999999996),
        (2, 0.6, 108.0, 26.666666666666668),
        (4, 0.9047619047619048, 162.8571428571429, 48.421052631578945),
        (5, 0.963302752293578, 173.39449541284404, 63.8095238095238),
        (8, 0.9991405242801891, 179.84529437043406, 120.13763440860215),
        (10, 0.9999618098320587, 179.9931257697706, 160.00763832529717),
    ],
)
def test_a_full_agent_is_the_machine_repairman(chats, utilisation, replies_per_h, mean_response_s):
    """An agent who always holds so many chats (reply 20 s, think 40 s) is the machine-repair model."""
    turns = 4_000

    def measure(replication):
        count = chats * turns
        found = simulate(
            Contacts(
                arrival=np.zeros(chats), turns=turns, handle=draw(replication, "handle", 20.0, count),
                think=draw(replication, "think", 40.0, count),
            ),
            Agents(capacity=[chats], shifts=[(0, 0.0, math.inf)]),
            turns=True,
        )  # fmt: skip
        # As long as all chats are open: from the time the first have settled to the end of the shortest.
        start, end = 2_000.0, found.contacts["end"].min()
        sent, replied = found.turns["sent"].to_numpy(), found.turns["replied"].to_numpy()
        done = (replied > start) & (replied <= end)
        waiting = np.clip(replied, start, end) - np.clip(sent, start, end)
        throughput = done.sum() / (end - start)
        # Little's law on the inbox: the time average of messages unanswered over the replies a second.
        return {
            "replies_per_h": 3600 * throughput,
            "mean_response_s": waiting.sum() / (end - start) / throughput,
            "utilisation": 20.0 * throughput,
        }

    expected = {"utilisation": utilisation, "replies_per_h": replies_per_h, "mean_response_s": mean_response_s}
    assert_means(replicate(measure, 15), expected)


def message_agent(*, arrival_rate, capacity, reply_s, think_s, replies, patience_rate, longest_queue=120):
    """Solve the chain of one agent with FIFO messages: (waiting, open chats, messages unanswered).

    Patience runs in the queue only, as in the published values that check this function.
    """
    states = [(0, k, j) for k in range(capacity + 1) for j in range(k + 1)]
    states += [(q, capacity, j) for q in range(1, longest_queue + 1) for j in range(capacity + 1)]
    at = {state: i for i, state in enumerate(states)}
    rates = np.zeros((len(states), len(states)))

    def move(state, to, rate):
        if to in at:
            rates[at[state], at[to]] += rate

    for q, k, j in states:
        here = (q, k, j)
        move(here, (0, k + 1, j + 1) if k < capacity else (q + 1, k, j), arrival_rate)
        if j:
            move(here, (q - 1, k, j) if q else (0, k - 1, j - 1), 1 / reply_s / replies)
            move(here, (q, k, j - 1), 1 / reply_s * (1 - 1 / replies))
        if j < k:
            move(here, (q, k, j + 1), (k - j) / think_s)
        if q:
            move(here, (q - 1, k, j), q * patience_rate)
    np.fill_diagonal(rates, -rates.sum(axis=1))
    balance = np.vstack([rates.T[:-1], np.ones(len(states))])
    share = np.linalg.solve(balance, np.eye(len(states))[-1])
    q, k, j = np.array(states).T
    answered = (share @ (j > 0)) / reply_s
    return {
        "wait_probability": share @ (k == capacity),
        "mean_wait": share @ q / arrival_rate,
        "occupancy": share @ (j > 0),
        "mean_response": share @ j / answered,
        "open_chats": share @ k,
    }


@pytest.mark.parametrize(
    ("per_h", "capacity", "expected"),
    [
        (20, 4, {"wait_probability": 0.19542544668757714, "mean_wait": 13.444871330699783,
                 "occupancy": 0.5919729370516718, "mean_response": 36.82400799341187,
                 "open_chats": 2.0765623700464984}),
        (26, 4, {"wait_probability": 0.3300725228152707, "mean_wait": 23.350084330117156,
                 "occupancy": 0.6980271687269155, "mean_response": 40.52179796708535,
                 "open_chats": 2.5776444098792926}),
        (10, 1, {"wait_probability": 0.5292207111499589, "mean_wait": 48.55520399475624,
                 "occupancy": 0.1984577666812345, "mean_response": 20.00000000000001,
                 "open_chats": 0.5292207111499589}),
    ],
)  # fmt: skip
def test_the_chain_of_the_message_agent_is_right(per_h, capacity, expected):
    """The chain that the next test uses reproduces the published values of one agent with impatient buyers."""
    solved = message_agent(
        arrival_rate=per_h / 3600, capacity=capacity, reply_s=20, think_s=40, replies=6, patience_rate=1 / 120
    )
    for name, value in expected.items():
        assert solved[name] == pytest.approx(value, rel=1e-8), name


@pytest.mark.parametrize(("per_h", "capacity", "patience_s"), [(20, 4, math.inf), (20, 3, math.inf), (10, 1, 120)])
def test_one_agent_with_several_chats_is_the_message_level_chain(per_h, capacity, patience_s):
    """One agent, FIFO messages, thinking buyers: waits, responses and open chats as in the exact chain.

    The chain has patience in the queue only, the floor until the first reply is begun; the two are the same
    with endless patience, and with one place.
    """
    contacts, reply_s, think_s, replies = 8_000, 20.0, 40.0, 6
    expected = message_agent(
        arrival_rate=per_h / 3600, capacity=capacity, reply_s=reply_s, think_s=think_s, replies=replies,
        patience_rate=1 / patience_s,
    )  # fmt: skip

    def measure(replication):
        turns = stream(SEED, replication, "turns").geometric(1 / replies, contacts)
        patience = math.inf if patience_s == math.inf else draw(replication, "patience", patience_s, contacts)
        arrival = np.cumsum(draw(replication, "arrival", 3600 / per_h, contacts))
        found = simulate(
            Contacts(
                arrival=arrival, turns=turns, handle=draw(replication, "handle", reply_s, turns.sum()),
                think=draw(replication, "think", think_s, turns.sum()), patience=patience,
            ),
            Agents(capacity=[capacity], shifts=[(0, 0.0, math.inf)]),
        )  # fmt: skip
        rows = found.contacts
        lost = (rows["outcome"] == "abandoned").to_numpy()
        wait = np.where(lost, rows["end"], rows["assigned"]) - rows["entry"].to_numpy()
        # The chain counts a response from the assignment, the floor from the first message.
        response = (rows["response_sum"].sum() - wait[~lost].sum()) / rows["replies"].sum()
        return {
            "wait_probability": ((wait > 0) | lost).mean(),
            "mean_wait": wait.mean(),
            "occupancy": found.agents["busy"].sum() / arrival[-1],
            "mean_response": response,
            "open_chats": found.agents["chat_seconds"].sum() / arrival[-1],
        }

    assert_means(replicate(measure, 25), expected)


def poisson_arrivals(replication, cumulative, end, step):
    """Arrivals of a Poisson process with this mean count up to each instant, by inversion."""
    rng = stream(SEED, replication, "arrival")
    grid = np.arange(0.0, end + step, step)
    means = cumulative(grid)
    return np.sort(np.interp(rng.uniform(0, means[-1], rng.poisson(means[-1])), means, grid))


def open_at(rows, instant):
    """Count the contacts in service at an instant."""
    return int(((rows["assigned"] <= instant) & (rows["end"] > instant)).sum())


@pytest.mark.parametrize(
    ("deterministic", "after_h", "expected"),
    [
        (False, 6.252, 249.78648256964075),
        (False, 7.2, 246.71387161216785),
        (True, 6.126, 249.98214885242638),
        (True, 7.2, 246.04866057850825),
    ],
)
def test_a_pool_without_waiting_is_mt_g_infinity(deterministic, after_h, expected):
    """Arrivals 600 + 400 sin(2 pi t / 24) an hour, service 15 min: the modified offered load, at any instant."""
    mean_h, early_h = 0.25, 3.0

    def cumulative(s):
        turn = 2 * math.pi / 24
        hours = s / 3600 - early_h
        return 600 * (hours + early_h) - 400 / turn * (np.cos(turn * hours) - math.cos(turn * early_h))

    def measure(replication):
        arrival = poisson_arrivals(replication, cumulative, (early_h + after_h) * 3600, 1.0)
        service = np.full(len(arrival), 3600 * mean_h)
        if not deterministic:
            service = draw(replication, "think", 3600 * mean_h, len(arrival))
        think = np.zeros(2 * len(arrival))
        think[::2] = service
        rows = simulate(
            Contacts(arrival=arrival, turns=2, handle=0.0, think=think),
            Agents(capacity=[10_000], shifts=[(0, 0.0, math.inf)]),
        ).contacts
        return {"busy": open_at(rows, (early_h + after_h) * 3600)}

    assert_means(replicate(measure, 60), {"busy": expected})


def test_the_midnight_spike_needs_fewer_than_its_rate_says():
    """From 60 to 600 an hour for ten minutes, 5 min each: 5, 33.4 and 19.3 busy agents after 0, 5 and 15 min."""
    expected = {"at 0": 5.0, "at 5": 33.44542514728509, "at 15": 19.31415677616102}
    before = 3600.0

    def cumulative(s):
        return s / 60 + 9 * np.clip(s - before, 0, 600) / 60

    def measure(replication):
        arrival = poisson_arrivals(replication, cumulative, before + 900, 1.0)
        rows = simulate(
            Contacts(arrival=arrival, handle=draw(replication, "handle", 300.0, len(arrival))),
            one_place_agents(150),
        ).contacts
        return {f"at {minute}": open_at(rows, before + 60.0 * minute) for minute in (0, 5, 15)}

    assert_means(replicate(measure, 400), expected)


def run_published_centre(replication, shape):
    """Simulate one day of the published call centre of 13 hours with gamma busyness; return its sums.

    Agents by hour 4 6 8 8 8 7 8 8 6 6 4 4 4; those who stay after closing answer who still waits. Patience is 0
    with probability 0.1, else exponential with mean 1000 s; service is exponential with mean 100 s.
    """
    staff = np.array([4, 6, 8, 8, 8, 7, 8, 8, 6, 6, 4, 4, 4])
    rates = np.array([100, 150, 150, 180, 200, 150, 150, 150, 120, 100, 80, 70, 60])
    # One day from each of DAYS equally likely ranges of busyness: the waits are made on the busiest few.
    share = (replication + stream(SEED, replication, "busyness").random()) / DAYS
    busyness = gamma.ppf(share, shape, scale=1 / shape)
    edges = 3600.0 * np.arange(14)
    means = np.concatenate([[0.0], np.cumsum(rates * busyness)])
    rng = stream(SEED, replication, "arrival")
    arrival = np.sort(np.interp(rng.uniform(0, means[-1], rng.poisson(means[-1])), means, edges))
    patience = draw(replication, "patience", 1000.0, len(arrival))
    patience[stream(SEED, replication, "balk").random(len(arrival)) < 0.1] = 0.0
    ends = np.append(edges[1:-1], math.inf)
    shifts = [
        (i, start, end)
        for i in range(8)
        for start, end, count in zip(edges[:-1], ends, staff, strict=True)
        if i < count
    ]
    rows = simulate(
        Contacts(
            arrival=arrival, handle=draw(replication, "handle", 100.0, len(arrival)), patience=patience
        ),
        Agents(capacity=np.ones(8, dtype=int), shifts=shifts),
    ).contacts  # fmt: skip
    lost = (rows["outcome"] == "abandoned").to_numpy()
    wait = np.where(lost, rows["end"], rows["assigned"]) - rows["entry"].to_numpy()
    return {"wait": wait.sum(), "within_20": (wait < 20).sum(), "lost": lost.sum()}


@pytest.mark.parametrize(
    ("shape", "wait", "within_20", "lost"),
    [
        (400, (4.705, 4.715), (0.9245, 0.9255), (0.0195, 0.0205)),
        (10, (11.8, 12.9), (0.8525, 0.8535), (0.034, 0.037)),
    ],
)
def test_the_published_call_centre(shape, wait, within_20, lost):
    """Mean wait, answered within 20 s and lost, each per expected call, lie in the published ranges.

    As published, who leaves within 20 s has not waited longer than 20 s and counts there as well.
    """
    expected_calls = 1660
    found = replicate(lambda replication: run_published_centre(replication, shape), DAYS)
    for name, (low, high) in {"wait": wait, "within_20": within_20, "lost": lost}.items():
        assert_means(
            {name: found[name] / expected_calls},
            {name: (low + high) / 2},
            half_width_of=half_width_over_strata,
            known_to=(high - low) / 2,
        )
