"""How fast the chat floor is, against what, on the same work in one run.

    .venv/bin/python benchmarks/chat_floor.py                 # everything, some minutes
    .venv/bin/python benchmarks/chat_floor.py cpp growth      # some of it

Times are processor seconds of the work itself, the best of a few rounds taken in turn, so that a busy
machine disturbs both sides alike; only the comparison of threads is by the clock on the wall. Needs g++ for
``cpp`` and ``uv sync --group bench`` for Ciw in ``single``; what is missing is said and left out.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import simpy

from simlib.simulator import Agents, Contacts, Disruptions, Policy, run_arrays
from simlib.simulator.outcome import Outcome
from simlib.streams import stream

HERE = Path(__file__).parent
ROWS = (
    "outcome",
    "entry",
    "assigned",
    "first_reply",
    "end",
    "agent",
    "replies",
    "attempts",
    "response_sum",
    "response_max",
)
GROWTH_PAIRS = 5  # nights of the small floor and the large one, in turn
RULE_ROUNDS = 7  # of the night with each rule in use, in turn
SEATS = ("busy", "overtime", "agent_replies", "chat_seconds")


def draw_night(contacts: int, agents: int, *, load: float = 0.9, seed: int = 1) -> tuple[Contacts, Agents]:
    """Draw a night of message-level chats: about 8 turns a contact, 5 chats an agent, some leave silently."""
    draw = stream(seed, 0, "benchmark night")
    turns = draw.geometric(1 / 8, contacts)
    handle = draw.gamma(2.0, 15.0, turns.sum())
    think = draw.exponential(45.0, turns.sum())
    span_s = handle.sum() / (agents * load)
    arrival = draw.uniform(0, span_s, contacts)
    arrival.sort()
    for column in (turns, handle, think, arrival):
        column.setflags(write=False)
    return (
        Contacts(
            arrival=arrival,
            turns=turns,
            handle=handle,
            think=think,
            patience=draw.exponential(300.0, contacts),
            silent=draw.random(contacts) < 0.3,
        ),
        Agents(capacity=5, shifts=[(a, 0.0, span_s) for a in range(agents)]),
    )


def seconds(work: Callable[[], object], rounds: int = 1) -> float:
    """Return the processor seconds of some work, the best of a few rounds."""
    took = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        took.append(time.process_time() - start)
    return min(took)


def assert_same(one: Outcome, other: Outcome) -> None:
    """Both outcomes are the same, float for float."""
    for name in ROWS + SEATS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def report(what: str, figure: str, target: str) -> None:
    """Print one line of the table."""
    print(f"| {what} | {figure} | {target} |", flush=True)


# --- the comparisons --------------------------------------------------------------------------------------


def against_simpy() -> None:
    """Compare both engines on the same night."""
    night = draw_night(50_000, 300)
    run_arrays(*night)
    fast, slow = [], []
    compiled_s = seconds(lambda: fast.append(run_arrays(*night)), 5)
    simpy_s = seconds(lambda: slow.append(run_arrays(*night, engine="simpy")))
    assert_same(fast[0], slow[0])
    report(
        "compiled against the SimPy engine, 50,000 contacts, 300 agents, same rows",
        f"{simpy_s / compiled_s:.0f} times ({compiled_s:.3f} s, {simpy_s:.1f} s)",
        ">= 100",
    )


def against_cpp() -> None:
    """Compare the loops of the compiled engine and of chat_floor.cpp on the same night."""
    if not shutil.which("g++"):
        report("compiled loop against C++ -O3", "left out: no g++", "<= 1.25")
        return
    from simlib.simulator import compiled, loop

    contacts, agents = draw_night(50_000, 300)
    run_arrays(contacts, agents)
    run_floor, ours, theirs, outcomes = compiled.run_floor, [], [], []

    def timed(floor: loop.Floor) -> None:
        start = time.thread_time()
        run_floor(floor)
        ours.append(time.thread_time() - start)

    with tempfile.TemporaryDirectory() as folder:
        program, night, rows = (str(Path(folder) / name) for name in ("chat_floor", "night.bin", "rows.bin"))
        source = str(HERE / "chat_floor.cpp")
        subprocess.run(["g++", "-O3", "-ffp-contract=off", "-o", program, source], check=True)
        write_night(night, contacts, agents)
        compiled.run_floor = timed
        for _ in range(8):  # in turn, so that what else the machine does falls on both
            outcomes = [run_arrays(contacts, agents) for _ in range(3)]
            printed = subprocess.run([program, night, rows, "3"], check=True, capture_output=True, text=True)
            theirs += [float(line) for line in printed.stdout.split()]
        compiled.run_floor = run_floor
        table = np.fromfile(rows)
    split = len(ROWS) * len(contacts)
    for names, part in ((ROWS, table[:split]), (SEATS, table[split:])):
        for name, column in zip(names, part.reshape(-1, len(names)).T, strict=True):
            np.testing.assert_array_equal(getattr(outcomes[0], name), column, err_msg=name)
    report(
        "compiled loop against a loop in C++ -O3, same rows",
        f"{min(ours) / min(theirs):.2f} times its time ({min(ours):.3f} s, {min(theirs):.3f} s)",
        "<= 1.25",
    )


def write_night(path: str, contacts: Contacts, agents: Agents) -> None:
    """Write a night the way chat_floor.cpp reads it."""
    skill = agents.skill_table(contacts)
    sizes = [len(contacts), len(agents), skill.shape[1], len(agents.shifts), len(contacts.handle)]
    columns = [
        np.array(sizes, dtype=np.int64),
        np.zeros(3),  # least_active, and places are freed at once
        *(
            contacts.arrival,
            contacts.queue,
            contacts.turns,
            contacts.patience,
            contacts.silent.astype(np.int64),
        ),
        *(contacts.retry, contacts.handle, contacts.think, agents.capacity, agents.speed, skill),
        *(np.ascontiguousarray(agents.shifts[name]) for name in ("agent", "start", "end")),
    ]
    with open(path, "wb") as file:
        for column in columns:
            column.tofile(file)


def growth() -> None:
    """Compare the cost and the memory of a contact on a small floor and on one a hundred times its size."""
    run_arrays(*draw_night(100, 5))  # so that compiling is not measured
    nights = []
    for contacts, agents, rounds in ((30_000, 180, 9), (3_000_000, 18_000, 1)):
        tracemalloc.start()
        night = draw_night(contacts, agents)
        turns = int(night[0].turns.sum())
        tracemalloc.reset_peak()
        run_arrays(*night)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        nights.append((night, rounds))
        report(
            f"memory a contact beyond 16 bytes a turn, {contacts:,} contacts, inputs and outcome included",
            f"{(peak - 16 * turns) / contacts:.0f} bytes",
            "<= 400",
        )
    # In turn, because the machine's speed changes within seconds.
    cost_us = np.array(
        [
            [1e6 * seconds(lambda night=night: run_arrays(*night), rounds) / len(night[0]) for night, rounds in nights]
            for _ in range(GROWTH_PAIRS)
        ]
    )
    ratios = cost_us[:, 1] / cost_us[:, 0]
    report(
        "cost a contact, 3,000,000 on 18,000 agents against 30,000 on 180",
        f"{np.median(ratios):.2f} times, {ratios.min():.2f} to {ratios.max():.2f} in {GROWTH_PAIRS} pairs "
        f"({cost_us[:, 0].min():.2f} us, {cost_us[:, 1].min():.2f} us at best)",
        "<= 1.5",
    )


def single_message() -> None:
    """Compare customers a second of an M/M/30+M queue, drawing included, with Ciw and a plain SimPy model."""
    rate, service, patience, servers = 27.0, 1.0, 2.0, 30

    def ours(n: int) -> None:
        draw = stream(3, 0, "single message")
        contacts = Contacts(
            arrival=draw.exponential(1 / rate, n).cumsum(),
            handle=draw.exponential(service, n),
            patience=draw.exponential(patience, n),
        )
        run_arrays(contacts, Agents(shifts=[(a, 0, np.inf) for a in range(servers)]))

    def plain_simpy(n: int) -> None:
        draw = stream(3, 0, "single message")
        env = simpy.Environment()
        desk = simpy.Resource(env, servers)

        def customer():
            with desk.request() as request:
                yield request | env.timeout(draw.exponential(patience))
                if request.triggered:
                    yield env.timeout(draw.exponential(service))

        def source():
            for _ in range(n):
                yield env.timeout(draw.exponential(1 / rate))
                env.process(customer())

        env.process(source())
        env.run()

    def ciw_model(n: int) -> None:
        import ciw

        ciw.seed(3)
        network = ciw.create_network(
            arrival_distributions=[ciw.dists.Exponential(rate)],
            service_distributions=[ciw.dists.Exponential(1 / service)],
            reneging_time_distributions=[ciw.dists.Exponential(1 / patience)],
            number_of_servers=[servers],
        )
        ciw.Simulation(network).simulate_until_max_time(n / rate)

    ours(1000)
    ours_a_s = 500_000 / seconds(lambda: ours(500_000), 3)
    simpy_a_s = 20_000 / seconds(lambda: plain_simpy(20_000), 3)
    report(
        "M/M/30+M, customers a second, against plain SimPy",
        f"{ours_a_s / simpy_a_s:.0f} times ({ours_a_s:,.0f}, {simpy_a_s:,.0f})",
        ">= 50",
    )
    if importlib.util.find_spec("ciw") is None:
        report("M/M/30+M, customers a second, against Ciw", "left out: not installed", ">= 100")
        return
    ciw_a_s = 20_000 / seconds(lambda: ciw_model(20_000), 2)
    report(
        "M/M/30+M, customers a second, against Ciw",
        f"{ours_a_s / ciw_a_s:.0f} times ({ours_a_s:,.0f}, {ciw_a_s:,.0f})",
        ">= 100",
    )


def two_cores() -> None:
    """Compare nights a second of one thread and of two, by the clock on the wall."""
    nights = [draw_night(50_000, 300, seed=seed) for seed in range(4)] * 6
    run_arrays(*nights[0])
    took: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(3):
        for threads in took:
            with ThreadPoolExecutor(threads) as pool:
                start = time.perf_counter()
                list(pool.map(lambda night: run_arrays(*night), nights))
                took[threads].append(time.perf_counter() - start)
    report(
        f"replications of two threads against one ({os.cpu_count()} cores)",
        f"{min(took[1]) / min(took[2]):.2f} times",
        ">= 1.8",
    )


def first_call() -> None:
    """Time the imports and the first call, with an empty compile cache and with a full one."""
    call = (
        "import time\n"
        "from simlib.simulator import *\n"
        "contacts, agents = Contacts(arrival=[0.0], handle=1.0), Agents(shifts=[(0, 0, 9)])\n"
        "t = time.perf_counter(); p = time.process_time()\n"
        "simulate(contacts, agents)\n"
        "print(time.perf_counter() - t, time.process_time() - p)"
    )
    load = (
        "import time; t = time.perf_counter(); p = time.process_time(); import {}\n"
        "print(time.perf_counter() - t, time.process_time() - p)"
    )

    def run(script: str, cache: str) -> str:
        command = [sys.executable, "-c", script]
        printed = subprocess.run(
            command, check=True, capture_output=True, text=True, env=os.environ | {"NUMBA_CACHE_DIR": cache}
        )
        wall_s, processor_s = map(float, printed.stdout.split())
        return f"{wall_s:.2f} s ({processor_s:.2f} s of processor)"

    with tempfile.TemporaryDirectory() as cache:
        report("first call, nothing compiled yet", run(call, cache), "<= 5 s")
        run(call, cache)
        report("first call, compile cache filled", run(call, cache), "<= 0.5 s")
        for module in ("simlib", "simlib.simulator"):
            report(f"import {module}", run(load.format(module), cache), "<= 1 s")


def rules() -> None:
    """Compare a night with the rules 2b, 4b and 8b in use, and with a slow-down of nothing, against one without."""
    contacts, agents = draw_night(50_000, 300)
    span_s = float(agents.shifts["end"].max())
    weighted = Agents(capacity=5, shifts=agents.shifts, weight=np.linspace(0.5, 2.0, len(agents)))
    floors = {
        "none of them": (agents, Policy(), Disruptions()),
        "a slow-down of ten factors 1 (same rows)": (agents, Policy(slowdown=(1.0,) * 10), Disruptions()),
        "a slow-down of 3 % a chat": (agents, Policy(slowdown=tuple(1.03**k for k in range(10))), Disruptions()),
        "weights": (weighted, Policy(routing="weighted"), Disruptions()),
        "one seat in thirty left": (
            agents,
            Policy(),
            Disruptions(away=[(a, 0.4 * span_s, 0.5 * span_s) for a in range(0, 300, 30)]),
        ),
    }
    took: dict[str, list[float]] = {name: [] for name in floors}
    for _ in range(RULE_ROUNDS + 1):  # in turn, because the machine's speed changes within seconds; the first compiles
        for name, (people, policy, disruptions) in floors.items():
            night = (contacts, people, policy, disruptions)
            took[name].append(seconds(lambda night=night: run_arrays(*night), 3))
    plain = np.array(took.pop("none of them")[1:])
    for name, each in took.items():
        ratio = np.array(each[1:]) / plain
        target = "<= 1.05" if "same rows" in name else ""
        report(f"{name}, against none", f"{np.median(ratio):.2f} times", target)


COMPARISONS = {
    "simpy": against_simpy,
    "cpp": against_cpp,
    "growth": growth,
    "single": single_message,
    "threads": two_cores,
    "first": first_call,
    "rules": rules,
}

if __name__ == "__main__":
    wanted = sys.argv[1:] or list(COMPARISONS)
    if unknown := set(wanted) - COMPARISONS.keys():
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there is {', '.join(COMPARISONS)}")
    print("| what | measured | asked for |\n|---|---|---|")
    for name in wanted:
        COMPARISONS[name]()
