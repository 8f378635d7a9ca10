"""Count how often the calibration recovers a known truth inside its 90 % band, shop after shop.

Run ``python benchmarks/calibration.py`` from the top of the project; ``--shops N`` and ``--draws N`` set the sizes.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import replace

import numpy as np

from simlib.simulator.calibrate import FIGURES, PARAMETERS, DayFigures, fit_floor, simulate_figures
from simlib.streams import stream


def main() -> None:
    """Print, for each parameter, in how many shops the band holds the truth, and how wide it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shops", type=int, default=100)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--days", type=int, default=20)
    given = parser.parse_args()
    inside: Counter[str] = Counter()
    widths: dict[str, list[float]] = {name: [] for name in PARAMETERS}
    seconds = []
    for shop in range(given.shops):
        chance = stream(2026, shop, "calibration shops")
        truth = {
            "turns": float(chance.uniform(3, 8)),
            "reply_s": float(chance.uniform(12, 30)),
            "think_s": float(chance.uniform(25, 70)),
            "busyness_cv": float(chance.uniform(0.05, 0.25)),
        }
        busy = truth["turns"] * truth["reply_s"]  # a person is busy writing for half of the day at most
        blank = DayFigures(
            agents=int(chance.integers(2, 6)),
            receptions=float(min(chance.uniform(40, 120), 0.5 * 8 * 3600 / busy)),
            online_s=8 * 3600.0,
            turns=1.0,
            first_response_s=1.0,
            mean_response_s=1.0,
            chat_s=1.0,
            days=given.days,
        )
        seen = simulate_figures(blank, truth, days=given.days, seed=shop + 1)
        figures = replace(blank, **{name: seen[name] for name in (*FIGURES, "first_response_s", "most_chats")})
        began = time.perf_counter()
        table = fit_floor(figures, draws=given.draws, seed=9000 + shop).parameters.set_index("parameter")
        seconds.append(time.perf_counter() - began)
        for name in PARAMETERS:
            low, high = float(table.loc[name, "low"]), float(table.loc[name, "high"])
            inside[name] += low <= truth[name] <= high
            widths[name].append(high / low)
    print(f"{given.shops} shops of {given.days} days, {given.draws} draws: {np.mean(seconds):.1f} s a shop")
    for name in PARAMETERS:
        print(f"  {name:12s} truth inside in {inside[name]:3d}; high / low {np.median(widths[name]):.2f} (median)")


if __name__ == "__main__":
    main()
