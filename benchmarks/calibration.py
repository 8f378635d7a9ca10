"""Count how often the calibration recovers a known truth inside its 90 % band, shop after shop.

Run ``python benchmarks/calibration.py`` from the top of the project; ``--shops N`` and ``--draws N`` set the sizes.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import replace

import numpy as np

from simlib.simulator.calibrate import PARAMETERS, SHOWN, DayFigures, fit_floor, simulate_figures
from simlib.streams import stream


def main() -> None:
    """Print, for each parameter, in how many shops the band holds the truth, and how wide it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shops", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="number of the first shop")
    parser.add_argument("--each", action="store_true", help="print every shop's truth and bands")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--days", type=int, default=20)
    given = parser.parse_args()
    inside: Counter[str] = Counter()
    learnt: Counter[str] = Counter()
    widths: dict[str, list[float]] = {name: [] for name in PARAMETERS}
    off: dict[str, list[float]] = {name: [] for name in PARAMETERS}
    seconds = []
    for shop in range(given.first, given.first + given.shops):
        truth, figures = make_shop(shop, days=given.days)
        began = time.perf_counter()
        table = fit_floor(figures, draws=given.draws, seed=9000 + shop).parameters.set_index("parameter")
        seconds.append(time.perf_counter() - began)
        for name in PARAMETERS:
            low, value, high = (float(table.loc[name, key]) for key in ("low", "value", "high"))
            inside[name] += low <= truth[name] <= high
            learnt[name] += bool(table.loc[name, "learnt"])
            widths[name].append(high / low)
            off[name].append(abs(value / truth[name] - 1.0))
        if given.each:
            print(shop, {name: (round(truth[name], 3), *table.loc[name, ["low", "high"]].round(3)) for name in truth})
    print(f"{given.shops} shops of {given.days} days, {given.draws} draws a round: {np.mean(seconds):.1f} s a shop")
    for name in PARAMETERS:
        print(
            f"  {name:16s} truth inside in {inside[name]:3d}, learnt in {learnt[name]:3d}; "
            f"high / low {np.median(widths[name]):.2f}, value off by {100 * np.median(off[name]):.1f} % (medians)"
        )


def make_shop(shop: int, *, days: int) -> tuple[dict[str, float], DayFigures]:
    """Make a shop of drawn parameters, and return them with what its exports would hold."""
    chance = stream(2026, shop, "calibration shops")
    truth = {
        "turns": float(chance.uniform(3, 8)),
        "reply_s": float(chance.uniform(12, 30)),
        "think_s": float(chance.uniform(25, 70)),
        "patience_s": float(chance.uniform(60, 300)),
        "busyness_cv": float(chance.uniform(0.05, 0.25)),
        "switch_cost_pct": float(np.exp(chance.uniform(np.log(1.0), np.log(8.0)))),
    }
    writing_s = truth["turns"] * truth["reply_s"]
    agents, online_s = int(chance.integers(2, 7)), 8 * 3600.0
    busy = float(chance.uniform(0.25, 0.7))  # share of the day that a person writes
    made_up = {"turns": 1.0, "first_response_s": 1.0, "mean_response_s": 1.0, "chat_s": 1.0}
    blank = DayFigures(agents=agents, receptions=busy * online_s / writing_s, online_s=online_s, days=days, **made_up)
    seen = simulate_figures(blank, truth, days=days, seed=shop + 1)
    return truth, replace(blank, **{name: seen[name] for name in (*SHOWN, "receptions")})


if __name__ == "__main__":
    main()
