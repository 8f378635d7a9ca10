"""Laws that hold on any night, whatever the luck: nothing is lost, nobody works more than there is time."""

import math

import numpy as np
import pytest

from simlib.streams import stream
from tests.simulator.nights import agent, buyer, night, run

HOUR = 3600.0


def busy_night(seed, *, contacts=500, agents=9, bot=True, retry=True, disrupted=True, **policy):
    """A night of two hours with three queues and everything that can happen."""
    rng = stream(seed, 0, "busy night")
    turns = rng.integers(1, 7, contacts)
    buyers = [
        buyer(
            arrival,
            rng.exponential(20, count),
            rng.exponential(40, count),
            queue=int(rng.integers(0, 3)),
            patience=math.inf if rng.random() < 0.1 else rng.exponential(200),
            silent=bool(rng.random() < 0.3),
            bot=rng.exponential(30) if bot and rng.random() < 0.5 else math.nan,
            bot_resolves=bool(rng.random() < 0.5),
            retry=rng.exponential(300) if retry and rng.random() < 0.5 else math.nan,
        )
        for arrival, count in zip(np.sort(rng.uniform(0, 2 * HOUR, contacts)), turns, strict=True)
    ]
    staff = [
        agent(
            (600.0 * (i % 3), HOUR),
            (HOUR + 300.0 * (i % 2), 2 * HOUR + 600.0 * (i % 4)),
            capacity=int(rng.integers(1, 6)),
            speed=rng.uniform(0.7, 1.3),
            skill=[(1, 1, 1), (1, 2, 0), (0, 1, 2)][i % 3],
        )
        for i in range(agents)
    ]
    down = [(int(rng.integers(agents)), start, start + 500.0) for start in rng.uniform(0, 2 * HOUR, 8)]
    slow = [(int(rng.integers(agents)), start, start + 900.0, 1.7) for start in rng.uniform(0, 2 * HOUR, 5)]
    trouble = {"down": down, "slow": slow, "bot_down": [(1500.0, 2100.0), (4000.0, 4300.0)]}
    return night(buyers, staff, **(trouble if disrupted else {}), **policy)


@pytest.fixture(scope="module", params=["compiled", "simpy"])
def engine(request):
    """Each engine in turn."""
    return request.param


@pytest.fixture(
    scope="module",
    params=[
        {"seed": 1, "close_s": 20, "silent_close_s": 120, "transfer_s": 90},
        {"seed": 2, "at_shift_end": "handover", "transfer_s": 0},
        {"seed": 3, "routing": "most_available", "silent_close_s": 60},
        {"seed": 4, "routing": "most_available", "at_shift_end": "handover", "close_s": 5, "agents": 4},
    ],
    ids=lambda params: f"night {params['seed']}",
)
def played(request, engine):
    """A busy night, what went in and what came out."""
    busy = busy_night(**request.param)
    return busy, run(busy, engine, turns=True, trace=True)


def test_every_contact_has_one_outcome(played):
    """As many rows as contacts, in their order, each with an outcome of the five."""
    busy, found = played
    assert len(found.contacts) == len(busy.contacts.arrival)
    counts = found.contacts["outcome"].value_counts()
    assert set(counts.index[counts > 0]) <= {"bot", "served", "abandoned", "silent", "unserved"}
    assert counts.sum() == len(busy.contacts.arrival)
    assert (counts[["bot", "served", "abandoned", "silent"]] > 0).all(), "the night must try every outcome"


def test_replies_are_turns_for_the_served_and_fewer_for_the_rest(played):
    """Served means every turn answered; the gone got nothing."""
    busy, found = played
    rows, turns = found.contacts, busy.contacts.turns
    served = (rows["outcome"] == "served").to_numpy()
    assert (rows["replies"][served] == turns[served]).all()
    assert (rows["replies"][~served] < turns[~served]).all()
    assert (rows["replies"][rows["outcome"].isin(["bot", "abandoned", "silent"])] == 0).all()


def test_the_bot_takes_exactly_what_it_resolves_when_it_is_up(played):
    """A contact ends with the bot when it would resolve it and no outage comes between."""
    busy, found = played
    c = busy.contacts
    meets = ~np.isnan(c.bot)
    for start, end in busy.disruptions.bot_down:
        meets &= ~((c.arrival < end) & (c.arrival + c.bot >= start))
    bot = (found.contacts["outcome"] == "bot").to_numpy()
    assert (bot == (meets & c.bot_resolves)).all()
    assert np.allclose(found.contacts["end"][bot], (c.arrival + c.bot)[bot], rtol=0, atol=0)


def test_effects_follow_causes(played):
    """Arrival <= entry <= assigned <= first reply <= end, wherever they are known."""
    busy, found = played
    rows = found.contacts
    served = rows["outcome"] == "served"
    assert (rows["entry"].dropna() >= busy.contacts.arrival[rows["entry"].notna()]).all()
    assert not (rows["assigned"] < rows["entry"]).any()
    assert not (rows["first_reply"] < rows["assigned"]).any()
    assert (rows["end"][served] >= rows["first_reply"][served]).all()
    gone = rows["outcome"].isin(["abandoned", "silent"])
    deadline = rows["entry"] + busy.contacts.patience
    assert (rows["end"][gone] == deadline[gone]).all(), "a gone buyer left at the deadline"


def test_turns_add_up_to_the_contacts(played):
    """The log of turns and the rows of contacts say the same."""
    _, found = played
    turns = found.turns
    answered = turns.dropna(subset="replied")
    response = (answered["replied"] - answered["sent"]).groupby(answered["contact"])
    rows = found.contacts
    replied = rows.index[rows["replies"] > 0]
    assert (response.count().reindex(rows.index, fill_value=0) == rows["replies"]).all()
    assert np.allclose(response.sum()[replied], rows["response_sum"][replied])
    assert (response.max()[replied] == rows["response_max"][replied]).all()
    assert (answered.groupby("contact")["replied"].min() == rows["first_reply"][replied]).all()
    per_agent = answered.groupby("agent").size().reindex(found.agents.index, fill_value=0)
    assert (per_agent == found.agents["replies"]).all()


def test_a_buyer_thinks_exactly_as_long_as_drawn(played):
    """Each message comes ``think`` seconds after the reply before it, whatever happens to the agent."""
    busy, found = played
    firsts = np.concatenate([[0], np.cumsum(busy.contacts.turns)])
    turns = found.turns
    later = turns[turns["turn"] > 0]
    before = turns["replied"].shift().loc[later.index]
    think = busy.contacts.think[firsts[later["contact"]] + later["turn"] - 1]
    assert (later["sent"] == before + think).all()


def test_nobody_works_more_than_there_is_time(played):
    """Busy <= on duty + overtime, and busy is the writing in the trace."""
    busy, found = played
    staff = found.agents
    assert (staff["busy"] <= staff["on_duty"] + staff["overtime"] + 1e-6).all()
    shifts = np.array(busy.agents.shifts)
    paid = np.bincount(shifts[:, 0].astype(int), shifts[:, 2] - shifts[:, 1])
    assert np.allclose(staff["on_duty"], paid)
    for index, steps in found.trace.groupby("agent"):
        length = np.diff(steps["time"], append=steps["time"].iloc[-1])
        assert np.isclose((length * steps["replying"]).sum(), staff["busy"][index])
        assert np.isclose((length * steps["open"]).sum(), staff["chat_seconds"][index])


def test_nobody_holds_more_chats_than_places(played):
    """Open chats stay between 0 and capacity, and an agent who writes has one open."""
    busy, found = played
    trace = found.trace
    assert (trace["open"] >= 0).all()
    assert (trace["open"] <= busy.agents.capacity[trace["agent"]]).all()
    assert (trace["open"][trace["replying"]] >= 1).all()
    last = trace.groupby("agent").last()
    assert (last["open"] == 0).all(), "the floor drains"
    assert not last["replying"].any()


def test_nobody_writes_while_down(played):
    """A seat that is down is not writing at any instant of the window."""
    busy, found = played
    for index, start, end in busy.disruptions.down:
        steps = found.trace[found.trace["agent"] == index]
        inside = steps[(steps["time"] >= start) & (steps["time"] < end)]
        before = steps[steps["time"] < start]["replying"].tail(1)
        assert not inside["replying"].any()
        assert not before.any() or (inside["time"].min() == start), "writing must stop as the seat goes down"


def test_nothing_new_is_assigned_off_duty_or_down(played):
    """The first assignment falls in a shift of some agent and outside that agent's down windows."""
    busy, found = played
    rows = found.contacts[(found.contacts["transfers"] == 0) & found.contacts["assigned"].notna()]
    for i, at, index in zip(rows.index, rows["assigned"], rows["agent"], strict=True):
        assert any(a == index and start <= at < end for a, start, end in busy.agents.shifts), i
        assert not any(a == index and start <= at < end for a, start, end in busy.disruptions.down), i
        assert busy.agents.skill[index, busy.contacts.queue[i]] > 0


def test_a_queue_is_first_come_first_served(engine):
    """Without handovers, contacts of one queue are assigned in the order of (entry, index)."""
    found = run(busy_night(5, agents=5), engine).contacts
    busy = busy_night(5, agents=5)
    for queue in range(3):
        rows = found[(busy.contacts.queue == queue) & found["assigned"].notna()]
        assert len(rows) > 50
        # A first attempt in an inbox that came back leaves no row, so entries are those of the last attempt.
        order = np.lexsort((rows.index, rows["entry"]))
        assert (np.diff(rows["assigned"].to_numpy()[order]) >= 0).all()


def test_littles_law_on_open_chats(engine):
    """Chat seconds of all agents = the time from assignment to freed place of all contacts."""
    close_s, silent_close_s = 15.0, 60.0
    busy = busy_night(6, agents=4, retry=False, close_s=close_s, silent_close_s=silent_close_s)
    found = run(busy, engine, turns=True, trace=True)
    rows = found.contacts
    served = rows["outcome"] == "served"
    left = (rows["outcome"] == "abandoned") & rows["assigned"].notna()
    held = (rows["end"] + close_s - rows["assigned"])[served].sum() + (rows["end"] - rows["assigned"])[left].sum()
    # A silent contact's reply is not in its row: what is left of the agents' time must be theirs, with the
    # closing time and at least the first handle at the fastest speed for each.
    silent = (rows["outcome"] == "silent") & rows["assigned"].notna()
    rest = found.agents["chat_seconds"].sum() - held
    firsts = np.concatenate([[0], np.cumsum(busy.contacts.turns)])[:-1]
    least = silent.sum() * silent_close_s + busy.contacts.handle[firsts][silent].sum() / busy.agents.speed.max()
    assert silent.sum() > 10
    assert rest >= least

    nobody_silent = busy_night(6, agents=4, retry=False, close_s=close_s)
    nobody_silent.contacts.silent[:] = False
    found = run(nobody_silent, engine)
    rows = found.contacts
    place_s = np.where(rows["outcome"] == "served", close_s, 0.0) + rows["end"] - rows["assigned"]
    assert np.isclose(place_s.sum(), found.agents["chat_seconds"].sum())


def test_work_is_conserved(engine):
    """On an undisturbed night the busy time is the handle of every reply over the speed of who wrote it."""
    busy = busy_night(7, disrupted=False, silent_close_s=30)
    busy.contacts.silent[:] = False
    found = run(busy, engine, turns=True, trace=True)
    firsts = np.concatenate([[0], np.cumsum(busy.contacts.turns)])
    answered = found.turns.dropna(subset="replied")
    handle = busy.contacts.handle[firsts[answered["contact"]] + answered["turn"]]
    written = handle / busy.agents.speed[answered["agent"]]
    assert np.allclose(np.bincount(answered["agent"], written, minlength=len(found.agents)), found.agents["busy"])


def test_splitting_an_agent_in_shifts_changes_nothing_when_it_finishes(engine):
    """Shifts that touch are one shift as long as agents finish their chats."""
    whole = busy_night(8)
    split = busy_night(8)
    split.agents.shifts = [
        part
        for index, start, end in whole.agents.shifts
        for part in ((index, start, (start + end) / 2), (index, (start + end) / 2, end))
    ]
    one, other = run(whole, engine), run(split, engine)
    assert one.contacts.equals(other.contacts)
    assert one.agents.drop(columns="on_duty").equals(other.agents.drop(columns="on_duty"))


def test_a_queue_that_nobody_serves_disturbs_nobody(engine):
    """One more contact in a queue of its own leaves every other row as it is."""
    busy = busy_night(9, contacts=200)
    before = run(busy, engine).contacts
    busy.contacts.queue = np.append(busy.contacts.queue, 3)
    busy.agents.skill = np.column_stack([busy.agents.skill, np.zeros(len(busy.agents.skill), dtype=int)])
    late = {"arrival": 2 * HOUR, "turns": 1, "handle": 10.0, "think": 0.0, "patience": math.inf, "silent": False,
            "bot": math.nan, "bot_resolves": False, "retry": math.nan}  # fmt: skip
    for name, value in late.items():
        setattr(busy.contacts, name, np.append(getattr(busy.contacts, name), value))
    after = run(busy, engine).contacts
    assert after["outcome"].iloc[-1] == "unserved"
    assert (after.iloc[:-1].to_numpy() == before.to_numpy())[before.notna().to_numpy()].all()
