"""Scripted teams over many nights: good play beats no play beats bad play, with figures.

Run ``python benchmarks/drill.py``; by default 334 nights of the small example store, each scheduled by its own seed and
played by three teams against the same buyers, which makes 1,002 plays: one team calls the card of every sign and
follows it, one does nothing, and one calls cards at random and pushes its people at the wrong moments.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from simlib import load_store, plan
from simlib.drill.game import Drill
from simlib.drill.play import SCRIPTS, play_out
from simlib.night import PromoNight
from simlib.simulator.replicate import half_width

STORES = Path(__file__).resolve().parents[1] / "templates" / "stores"


def play_night(seed: int, *, night: PromoNight, round_min: int) -> dict[str, float]:
    """Play one night with the scripted teams, and return their scores by script and part."""
    drill = Drill.open(night, seed=seed, teams=len(SCRIPTS), round_min=round_min)
    play_out(drill, dict(zip(drill.teams, SCRIPTS.values(), strict=True)))
    found: dict[str, float] = {}
    for team, name in zip(drill.teams, SCRIPTS, strict=True):
        score = drill.score(team)
        for part in ("total", "sales", "platform_rate", "fatigue", "cards", "lost_cny", "cost_cny"):
            found[f"{name} {part}"] = getattr(score, part)
    return found


def print_markdown(table: pd.DataFrame) -> None:
    """Print the means of nights, a row each, with their bands, and how often one script beats the next."""
    for name in SCRIPTS:
        own = table[[column for column in table if column.startswith(f"{name} ")]]
        total = own[f"{name} total"].to_numpy()
        parts = ", ".join(f"{column.split()[1]} {own[column].mean():,.1f}" for column in own.columns[1:])
        half = half_width(total, confidence=0.95)
        print(
            f"{name:<5} mean {total.mean():.2f} +- {half:.2f}, nine in ten {np.percentile(total, 5):.1f}"
            f" to {np.percentile(total, 95):.1f}; {parts}"
        )
    for better, worse in (("good", "idle"), ("idle", "bad")):
        gap = (table[f"{better} total"] - table[f"{worse} total"]).to_numpy()
        half = half_width(gap, confidence=0.95)
        print(
            f"{better} beats {worse}: by {gap.mean():.2f} +- {half:.2f} points, "
            f"on {100 * (gap > 0).mean():.1f} % of nights"
        )


def main() -> None:
    """Play the nights and print the means with their bands."""
    reads = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reads.add_argument("--nights", type=int, default=334)
    reads.add_argument("--store", default="bodycare", help="of templates/stores: bodycare, or appliances.xlsx")
    reads.add_argument("--round-min", type=int, default=30)
    reads.add_argument("--workers", type=int, default=1)
    given = reads.parse_args()
    night = plan(load_store(STORES / given.store), roster_effort=1.0).night
    begun = time.perf_counter()
    rows = []
    with ProcessPoolExecutor(given.workers) as pool:
        for row in pool.map(partial(play_night, night=night, round_min=given.round_min), range(given.nights)):
            rows.append(row)
            print(f"\r{len(rows)} / {given.nights} nights", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(f"nights  {len(rows)} of {given.store}, rounds of {given.round_min} minutes")
    print_markdown(pd.DataFrame(rows))
    print(f"seconds {time.perf_counter() - begun:.0f}")


if __name__ == "__main__":
    main()
