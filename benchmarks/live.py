"""How fast the live night answers in a real Chromium, as a dashboard and in JupyterLab, and what it keeps in memory.

Run: ``.venv/bin/python benchmarks/live.py [voila] [lab] [--moves 60] [--drag 60]``. On the example store's whole
night: the time from a slider's move to the figures and curves on the screen, the sliders moved one after the other to
values by chance and never put back; then ten sliders dragged wildly for a minute, and the memory before and after.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

HOUSE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOUSE))

from simlib import load_store, plan  # noqa: E402
from tests.browser.live import (  # noqa: E402
    DRAG,
    MOVE,
    chromium,
    dashboard,
    heap_mb,
    kernels_mb,
    lab,
    open_page,
    settle,
)

STORE = HOUSE / "templates" / "stores" / "appliances.xlsx"
SLIDERS = "all => all.map(each => [each.name, Number(each.min), Number(each.max), Number(each.step)])"


def main() -> None:
    """Measure and print."""
    reads = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reads.add_argument("where", nargs="*", default=["voila", "lab"])
    reads.add_argument("--moves", type=int, default=60)
    reads.add_argument("--drag", type=float, default=60.0, help="seconds")
    given = reads.parse_args()
    with tempfile.TemporaryDirectory() as scratch, chromium() as browser:
        for where in given.where:
            folder = Path(scratch) / where
            folder.mkdir()
            if where == "lab":
                roster = folder / "roster.parquet"
                plan(load_store(STORE)).roster.to_parquet(roster)
            served: AbstractContextManager[str] = (
                dashboard(folder, STORE) if where == "voila" else lab(folder, STORE, roster=str(roster))
            )
            with served as address:
                measure(browser, address, where=where, moves=given.moves, drag_s=given.drag)


def measure(browser, address: str, *, where: str, moves: int, drag_s: float) -> None:
    """Measure one way of serving the page."""
    begun = time.perf_counter()
    page = open_page(browser, address, in_lab=where == "lab")
    opened_s = time.perf_counter() - begun
    settle(page)
    sliders = [
        each for each in page.eval_on_selector_all(".st-live input[type=range]", SLIDERS) if "outage" not in each[0]
    ]
    chance = random.Random(7)
    spent = []
    for number in range(moves):
        key, low, high, step = sliders[number % len(sliders)]
        page.wait_for_timeout(chance.randint(50, 700))
        spent.append(page.evaluate(MOVE, [key, low + step * chance.randint(0, round((high - low) / step))]))
    median, late = np.percentile(spent, [50, 95])
    print(f"{where}: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"  opened after {opened_s:.1f} s")
    print(f"  slider to pixels, {moves} moves: median {median:.0f}, 95 % {late:.0f}, most {max(spent):.0f} ms")
    if drag_s:
        page.evaluate(DRAG, 5)
        settle(page)
        before = heap_mb(page), kernels_mb()
        dragged = page.evaluate(DRAG, drag_s)
        begun = time.perf_counter()
        settle(page)
        rest_s = time.perf_counter() - begun
        after = heap_mb(page), kernels_mb()
        print(f"  {dragged} moves in {drag_s:.0f} s of wild dragging; the last on all its nights {rest_s:.1f} s later")
        for name, one, other in zip(("page's heap", "kernel"), before, after, strict=True):
            print(f"  {name}: {one:.0f} MB before, {other:.0f} MB after")
    page.context.close()


if __name__ == "__main__":
    main()
