"""Twelve scenarios, a hundred nights each, of a promo night of 30,000 contacts: how long, and where the time goes.

Run ``python benchmarks/stress.py``; the project's aim is a minute on two cores. The night is the example store's,
with contacts, people and roster multiplied until it has 30,000 contacts.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from simlib import load_store, plan
from simlib.night import PromoNight
from simlib.stress import rehearse_scenarios, standard_scenarios
from simlib.stress.compare import StressMeasure

STORE = Path(__file__).resolve().parents[1] / "templates" / "stores" / "appliances.xlsx"
CONTACTS, SCENARIOS = 30_000, 12


def multiply(night: PromoNight, *, contacts: int) -> PromoNight:
    """Make a larger night of the same shape: more contacts, and as many copies of the people as keep the load."""
    factor = contacts / night.forecast["contacts"].sum()
    copies = max(round(factor), 1)
    people = [night.people.assign(agent_id=night.people["agent_id"] + f"-{copy}") for copy in range(copies)]
    roster = [night.roster.assign(agent_id=night.roster["agent_id"] + f"-{copy}") for copy in range(copies)]
    return replace(
        night,
        forecast=night.forecast.assign(contacts=night.forecast["contacts"] * factor),
        people=pd.concat(people, ignore_index=True),
        roster=pd.concat(roster, ignore_index=True),
    )


def show_progress(done: int, planned: int) -> None:
    """Write how far it is, on one line."""
    print(f"\r{done} / {planned} nights", end="", file=sys.stderr, flush=True)


def time_parts(night: PromoNight, *, nights: int = 5) -> pd.Series:
    """Time one night's draw, engine and measure, in milliseconds of processor time."""
    from simlib.simulator.replicate import Variant, measure_night

    variant: Variant = night.variant()
    measure = StressMeasure(night=night)
    spent = {"draw": 0.0, "engine": 0.0, "measure": 0.0}
    for number in range(-1, nights):  # the first one compiles, and does not count
        marks = [time.process_time()]
        contacts = variant.draw(seed=7, replication=max(number, 0))
        marks.append(time.process_time())
        measure_night(contacts, variant, measure=lambda *_: {}, turns=True)
        marks.append(time.process_time())
        measure_night(contacts, variant, measure=measure, turns=True)
        marks.append(time.process_time())
        if number >= 0:
            drawn, run, run_and_measured = np.diff(marks)
            spent["draw"] += drawn
            spent["engine"] += run
            spent["measure"] += run_and_measured - run
    return pd.Series(spent) / nights * 1000


def main() -> None:
    """Run the stress test once and print its time."""
    reads = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reads.add_argument("--replications", type=int, default=100)
    reads.add_argument("--workers", type=int, default=None)
    given = reads.parse_args()
    night = multiply(plan(load_store(STORE), roster_effort=1.0).night, contacts=CONTACTS)
    parts = time_parts(night)
    scenarios = standard_scenarios(night)[:SCENARIOS]
    begun, spent = time.perf_counter(), time.process_time()
    test = rehearse_scenarios(
        night,
        scenarios,
        seed=7,
        replications=given.replications,
        workers=given.workers,
        on_progress=show_progress,
    )
    took, spent = time.perf_counter() - begun, time.process_time() - spent
    print(file=sys.stderr)
    print(f"contacts a night      {test.nights['plan'].nights['offered'].mean():,.0f}")
    print(f"agents                {len(night.people)}")
    print(f"scenarios x nights    {len(scenarios)} x {given.replications}, and the plan's own")
    print(f"seconds               {took:.1f} (processor {spent:.1f}, load of the machine {os.getloadavg()[0]:.1f})")
    print(f"ms a night            {', '.join(f'{part} {ms:.1f}' for part, ms in parts.items())}")
    print(f"dearest               {test.worst.name}, {test.ranking['extra_lost_cny'].iloc[0]:,.0f} CNY")


if __name__ == "__main__":
    main()
