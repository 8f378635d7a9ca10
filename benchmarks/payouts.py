"""One month's pay of 500 people: ten schemes of 25 rules, worked out five times. Prints the best and the worst time."""

from __future__ import annotations

import argparse
import random
import time

import pandas as pd

from simlib.goals import calculate_payouts

DATES = {"announced_on": "2026-07-29", "pay_on": "2026-09-10"}


def make_month(people: int, seed: int = 0) -> pd.DataFrame:
    """Draw the figures of a month."""
    draw = random.Random(seed)
    rows = [
        {
            "person": f"A{number:04d}",
            "cohort": draw.choice(["own", "student", "outsourced"]),
            "exam": draw.randint(50, 100),
            "usual": draw.randint(60, 100),
            "typing_cpm": draw.randint(50, 130),
            "typing_accuracy": draw.randint(80, 100) / 100,
            "items": draw.randint(150, 230) / 100,
            "sales": draw.randint(100_000, 600_000),
            "hours": draw.randint(800, 2000) / 10,
            "source_file": "month.xlsx",
            "source_row": number + 2,
        }
        for number in range(people)
    ]
    return pd.DataFrame(rows)


def make_schemes() -> pd.DataFrame:
    """Write five project rewards and five bonuses."""
    exam = {"metric": "0.7*exam + 0.3*usual", "where": "metric >= 80", "group": "exam"}
    typing = {"kind": "each", "group": "typing"}
    items = {"where": "sales / 338000 >= 0.6 and items >= 1.9", "group": "items"}
    rows = []
    for copy in (1, 2):
        rows += [
            {"scheme": f"exam {copy}", "rule": 1, "kind": "rank", "amount_cny": 100, **exam},
            {"scheme": f"exam {copy}", "rule": 2, "kind": "each", "amount_cny": 50, **exam},
            {"scheme": f"exam {copy}", "rule": 3, "kind": "each", "points": "-10", "where": "exam < last(exam) + 1"},
            {"scheme": f"typing {copy}", "rule": 1, "where": "typing_cpm >= 100", "amount_cny": 100, **typing},
            {"scheme": f"typing {copy}", "rule": 2, "where": "typing_cpm >= 80", "amount_cny": 50, **typing},
            {"scheme": f"items {copy}", "rule": 1, "kind": "rank", "metric": "items", "amount_cny": 300, **items},
            {"scheme": f"items {copy}", "rule": 2, "kind": "each", "amount_cny": 200, **items},
            {"scheme": f"items {copy}", "rule": 3, "kind": "each", "points": -10, "where": "items < mean(items)"},
            {
                "scheme": f"completion {copy}",
                "rule": 1,
                "kind": "step",
                "metric": "sales / 338000",
                "from": 1,
                "step": 0.1,
                "amount_cny": 100,
            },
            {"scheme": f"pool {copy}", "rule": 1, "kind": "share", "metric": "hours", "amount_cny": 20_000},
            {
                "scheme": f"pool {copy}",
                "rule": 2,
                "kind": "rank",
                "metric": "sales",
                "top": 20,
                "ties": "split",
                "amount_cny": 100,
            },
            {
                "scheme": f"pool {copy}",
                "rule": 3,
                "kind": "tier",
                "metric": "sales",
                "unit": "amount_cny",
                "tiers": [(200_000, 50), (300_000, 120), (400_000, 300)],
            },
        ]
    return pd.DataFrame([row | DATES for row in rows], dtype=object)


def main() -> None:
    """Time the month."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--people", type=int, default=500)
    people = options.parse_args().people
    month, schemes = make_month(people), make_schemes()
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        found = calculate_payouts(schemes, month)
        seconds.append(time.perf_counter() - begun)
    if found.refused:
        raise SystemExit(found.refused[0].text("en"))
    print(
        f"{people} people, {len(schemes)} rules, {len(found.lines)} lines: {min(seconds):.2f} to {max(seconds):.2f} s"
    )


if __name__ == "__main__":
    main()
