"""How long rules and phrases take to check: 5,000 rules of 500 goods for conflicts, and against 20,000 phrases.

Run ``python benchmarks/readiness.py``; it prints one line per piece of work with seconds and what was found.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from collections.abc import Callable

import pandas as pd

from simlib.readiness import find_conflicts, read_promo_sheet
from simlib.readiness.changes import find_stale, record_change
from simlib.readiness.library import check_own_phrases, read_library

START = dt.datetime(2026, 11, 1)


def make_sheet(rules: int, goods: int, *, faults: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make a sheet of daily unit prices and category coupons; each fault is a price below the floor."""
    of_goods = pd.DataFrame(
        {
            "sku": [f"G{number:04d}" for number in range(goods)],
            "list_price_cny": [50 + number % 300 for number in range(goods)],
            "category": [f"c{number % 20}" for number in range(goods)],
            "floor_price_cny": 25,
            "stock": 900,
        }
    )
    coupons = 100
    rows = []
    for number in range(rules - coupons):
        start = START + dt.timedelta(days=number // goods)
        rows.append(
            {
                "id": f"U{number:05d}",
                "kind": "unit_price",
                "scope": f"sku:G{number % goods:04d}",
                "buyers": "all",
                "start": start,
                "end": start + dt.timedelta(days=1),
                "percent": 0.95 if number < faults else 0.1,
            }
        )
    for number in range(coupons):
        rows.append(
            {
                "id": f"C{number:03d}",
                "kind": "coupon",
                "scope": f"category:c{number % 20}",
                "buyers": "all",
                "start": START,
                "end": START + dt.timedelta(days=30),
                "threshold_cny": 300,
                "amount_cny": 30,
            }
        )
    return pd.DataFrame(rows), of_goods


def measure(name: str, work: Callable[[], object]) -> None:
    """Print how long a piece of work takes and how much it found."""
    begun = time.perf_counter()
    found = work()
    seconds = time.perf_counter() - begun
    print(f"{name}: {seconds:.2f} s, {len(found)} found")  # type: ignore[arg-type]


def main() -> None:
    """Measure reading, conflicts and stale phrases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=5_000)
    parser.add_argument("--goods", type=int, default=500)
    parser.add_argument("--phrases", type=int, default=20_000)
    given = parser.parse_args()
    clean, goods = make_sheet(given.rules, given.goods, faults=0)
    wrong, _ = make_sheet(given.rules, given.goods, faults=20)
    measure(f"read {given.rules} rules", lambda: read_promo_sheet(clean, goods).activities)
    measure(f"conflicts of {given.rules} rules in order", lambda: find_conflicts(clean, goods))
    measure(f"conflicts of {given.rules} rules with 20 faults", lambda: find_conflicts(wrong, goods))
    changed = {"activities": clean.assign(buyers="new"), "goods": goods}
    before = {"activities": clean, "goods": goods}
    phrases = pd.DataFrame(
        {
            "id": [f"P{number}" for number in range(given.phrases)],
            "owner": "owner",
            "rests_on": [f"{clean['id'][number % len(clean)]}; C{number % 100:03d}" for number in range(given.phrases)],
            "checked_on": dt.date(2026, 10, 1),
        }
    )

    def check_phrases() -> pd.DataFrame:
        log = record_change(None, before=before, after=changed, changed_by="ops", changed_on=START)
        return find_stale(log, {"phrase": phrases})

    measure(f"{given.rules} changed rules against {given.phrases} phrases", check_phrases)
    texts = [template.texts["zh"] for template in read_library()]
    written = phrases.assign(
        topic="guide",
        channel="chat",
        zh=[f"{texts[number % len(texts)]} {number}" for number in range(given.phrases)],
        en=None,
    )
    measure(f"wording of {given.phrases} phrases", lambda: check_own_phrases(written))


if __name__ == "__main__":
    main()
