"""Roster a team of 120 people in 30 s (one day) and 180 s (two weeks), and print how far from the best that is.

    python benchmarks/roster.py --days 1 14 --people 120 --workers 2

The gap is measured against a bound that no roster can beat. Where pyworkforce is installed, its shift scheduler gets
the same day: it knows one queue, no people, no pauses, so both are compared on that smaller problem.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time

import numpy as np
import pandas as pd

from simlib import facts
from simlib.roster import Roster, RosterRules, solve_roster
from simlib.roster.check import check_roster

SECONDS = {1: 28.0, 14: 170.0}  # what is left of 30 and 180 s once the tables are read and written
ZONE = "Asia/Shanghai"
SHARES = {"presale": 0.6, "aftersale": 0.3, "escalation": 0.1}
CREWS = (
    ("own", ("presale",)),
    ("own", ("presale", "aftersale")),
    ("outsourced", ("aftersale", "presale")),
    ("student", ("presale", "aftersale")),
    ("temp", ("aftersale", "escalation", "presale")),
)
COST_CNY_H = {"own": 35.0, "outsourced": 28.0, "student": 18.0, "temp": 30.0}
PROMO_DAY = 6  # of two weeks


def make_team(people: int) -> pd.DataFrame:
    """Make a team of four cohorts and five sets of skills; one in twenty is on call."""
    rows = []
    for number in range(people):
        cohort, skills = CREWS[number % len(CREWS)]
        row = {"agent_id": f"a{number:03d}", "name": f"a{number:03d}", "cohort": cohort, "skills": skills}
        row |= {"cost_cny_h": COST_CNY_H[cohort], "exam_score": 95.0, "qa_pass": True, "on_call": number % 20 == 19}
        rows.append(row)
    return pd.DataFrame(rows)


def make_shifts_of_a_store() -> pd.DataFrame:
    """Make a library of eight shifts with meals and breaks, one of them over night."""
    hours = [("A", 8, 17, 11, 14), ("B", 9, 18, 11, 14), ("C", 12, 21, 15, 18), ("D", 14, 23, 17, 20)]
    hours += [("E", 15, 0, 17, 20), ("F", 16, 1, 18, 21), ("T", 10, 21, 13, 17), ("N", 23, 8, 3, 5)]
    rows = [(code, *(dt.time(hour) for hour in clock), 60, 15) for code, *clock in hours]
    return pd.DataFrame(rows, columns=["code", "start", "end", "meal_from", "meal_to", "meal_min", "break_min"])


def make_requirement(days: int, people: int) -> pd.DataFrame:
    """Draw the day's shape from the playbook: normal days, and one that opens at 20:00."""
    starts = pd.date_range("2026-10-25", periods=48 * days, freq="30min", tz=ZONE)
    rows = []
    for queue, share in SHARES.items():
        for day in range(days):
            promo = days == 1 or day == PROMO_DAY
            shape = np.asarray(facts.value("profiles", "E" if promo else "N"), dtype=float)
            peak = people * share * (0.55 if promo else 0.3)
            heads = np.ceil(shape / shape.max() * peak).repeat(2).astype(int)
            rows += zip(starts[48 * day : 48 * day + 48], [queue] * 48, heads, strict=True)
    return pd.DataFrame(rows, columns=["start", "queue", "to_roster"])


def solve(days: int, people: int, seconds: float, workers: int) -> tuple[Roster, float, int]:
    """Solve one case; returns the roster, the wall time and the number of rules that the checker finds broken."""
    need, team, library = make_requirement(days, people), make_team(people), make_shifts_of_a_store()
    rules = RosterRules.of_playbook()
    begun = time.perf_counter()
    roster = solve_roster(need, team, library, rules=rules, seconds=seconds, workers=workers)
    wall_s = time.perf_counter() - begun
    found = check_roster(roster.assignments, team, library, rules, need, coverage=roster.coverage)
    return roster, wall_s, int((found["rule"] != "coverage").sum())


def compare_pyworkforce(people: int) -> str:
    """Give one queue of the promo day, without people and pauses, to both; same shifts, shortfall forbidden."""
    try:
        from pyworkforce.scheduling import MinAbsDifference
    except ImportError:
        return "pyworkforce is not installed (uv sync --group bench): nothing to compare with"
    need = make_requirement(1, people).query("queue == 'presale'")
    bare = make_shifts_of_a_store().query("code not in ['E', 'F', 'N']").drop(columns=["meal_min", "break_min"])
    slots = range(48)
    covers = {
        row.code: [int(row.start.hour * 2 <= slot < row.end.hour * 2) for slot in slots] for row in bare.itertuples()
    }
    begun = time.perf_counter()
    theirs = MinAbsDifference(
        num_days=1,
        periods=48,
        shifts_coverage=covers,
        required_resources=[need["to_roster"].tolist()],
        max_period_concurrency=people,
        max_shift_concurrency=people,
    ).solve()
    their_s = time.perf_counter() - begun
    rostered = np.zeros(48)
    for row in theirs["resources_shifts"]:
        rostered += np.asarray(covers[row["shift"]]) * row["resources"]
    team = make_team(people).assign(skills=[("presale",)] * people, on_call=False, cohort="own")
    begun = time.perf_counter()
    ours = solve_roster(need, team, bare, seconds=30)
    our_s = time.perf_counter() - begun
    their_short = float(np.clip(need["to_roster"].to_numpy() - rostered, 0, None).sum())
    return (
        f"one queue, no pauses: pyworkforce {their_s:.2f} s, {their_short:g} half hours short, {rostered.sum() / 2:g} "
        f"agent-hours; ours {our_s:.2f} s, {ours.coverage['shortfall'].sum():g} short, "
        f"{ours.coverage['rostered'].sum() / 2:g} agent-hours, with names"
    )


def main() -> int:
    """Print one line a case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, nargs="+", default=sorted(SECONDS))
    parser.add_argument("--people", type=int, default=120)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, help="in place of 28 s for a day and 170 s for two weeks")
    wish = parser.parse_args()
    for days in wish.days:
        seconds = wish.seconds or SECONDS.get(days, 180.0)
        roster, wall_s, broken = solve(days, wish.people, seconds, wish.workers)
        print(
            f"{wish.people} people x {days:2d} days: cost {roster.cost_cny:,.0f} bound {roster.bound_cny:,.0f} "
            f"gap {roster.gap:.2%} in {wall_s:.1f} s (allowed {seconds:g}), short "
            f"{roster.coverage['shortfall'].sum() / 2:g} agent-hours, {broken} rules broken"
        )
    print(compare_pyworkforce(wish.people))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
