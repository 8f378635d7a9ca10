"""Solve a public shift-scheduling instance (schedulingbenchmarks.org text format) with the roster's solver.

    python benchmarks/shift_scheduling.py ../shared/data/shift-scheduling/Instance1.txt --seconds 60

The answer is judged by ``evaluate``, which knows the rules of the instances and nothing of the model.
The last line is ``cost bound``. Without an instance, those of the data folder are solved one after the other.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from simlib.roster import ShiftModel

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "shift-scheduling"
BEST_KNOWN = {"Instance1": 607, "Instance2": 828, "Instance3": 1001, "Instance9": 439}


@dataclass(frozen=True, kw_only=True)
class Person:
    """One row of SECTION_STAFF; times in minutes."""

    max_shifts: Mapping[str, int]
    max_total_min: int
    min_total_min: int
    max_run: int
    min_run: int
    min_days_off: int
    max_weekends: int


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A parsed instance; requests and cover by (person, day, shift) and (day, shift)."""

    days: int
    length_min: dict[str, int] = field(default_factory=dict)
    not_after: dict[str, list[str]] = field(default_factory=dict)
    staff: dict[str, Person] = field(default_factory=dict)
    days_off: dict[str, list[int]] = field(default_factory=dict)
    on_requests: dict[tuple[str, int, str], int] = field(default_factory=dict)
    off_requests: dict[tuple[str, int, str], int] = field(default_factory=dict)
    cover: dict[tuple[int, str], tuple[int, int, int]] = field(default_factory=dict)


def read_instance(path: Path) -> Instance:
    """Read the text format; an unknown section is an error."""
    sections: dict[str, list[list[str]]] = {}
    rows: list[list[str]] = []
    for raw in path.read_text(encoding="utf-8").splitlines():
        line = raw.strip()
        if line.startswith("SECTION_"):
            rows = sections.setdefault(line.removeprefix("SECTION_"), [])
        elif line and not line.startswith("#"):
            rows.append([cell.strip() for cell in line.split(",")])
    instance = Instance(days=int(sections["HORIZON"][0][0]))
    for code, minutes, banned in sections["SHIFTS"]:
        instance.length_min[code] = int(minutes)
        instance.not_after[code] = [other for other in banned.split("|") if other]
    for name, shifts, *numbers in sections["STAFF"]:
        most = {code: int(count) for code, count in (part.split("=") for part in shifts.split("|"))}
        high, low, max_run, min_run, min_off, weekends = map(int, numbers)
        instance.staff[name] = Person(
            max_shifts=most,
            max_total_min=high,
            min_total_min=low,
            max_run=max_run,
            min_run=min_run,
            min_days_off=min_off,
            max_weekends=weekends,
        )
    for name, *days in sections["DAYS_OFF"]:
        instance.days_off[name] = [int(day) for day in days]
    for section, requests in (
        ("SHIFT_ON_REQUESTS", instance.on_requests),
        ("SHIFT_OFF_REQUESTS", instance.off_requests),
    ):
        for name, day, code, weight in sections.get(section, []):
            requests[name, int(day), code] = int(weight)
    for day, code, need, under, over in sections["COVER"]:
        instance.cover[int(day), code] = (int(need), int(under), int(over))
    return instance


def solve(
    instance: Instance, *, seconds: float, effort: float | None, seed: int, workers: int, progress: bool
) -> tuple[dict[tuple[str, int], str], int]:
    """Build the instance from the roster's constraints and search; returns shift by (person, day), and the bound."""
    model = ShiftModel()
    takes = {
        (name, day, code): model.decide(name, day)
        for name in instance.staff
        for day in range(instance.days)
        for code in instance.length_min
    }
    for name, person in instance.staff.items():
        work = [model.variable(0 if day in instance.days_off.get(name, []) else 1) for day in range(instance.days)]
        for day, works in enumerate(work):
            shifts = [takes[name, day, code] for code in instance.length_min]
            model.bind([*shifts, works], [1] * len(shifts) + [-1], low=0, high=0)
        shifts = [takes[name, day, code] for day in range(instance.days) for code in instance.length_min]
        minutes = list(instance.length_min.values()) * instance.days
        model.bind(shifts, minutes, low=person.min_total_min, high=person.max_total_min)
        for code in instance.length_min:
            model.at_most([takes[name, day, code] for day in range(instance.days)], person.max_shifts.get(code, 0))
            for day in range(instance.days - 1):
                after = [takes[name, day + 1, other] for other in instance.not_after[code]]
                model.at_most([takes[name, day, code], *after], 1)
        model.limit_run(work, longest=person.max_run)
        model.require_run(work, shortest=person.min_run)
        model.require_run(work, shortest=person.min_days_off, of=0)
        weekends = []
        for saturday in range(5, instance.days, 7):
            weekends.append(model.variable())
            for works in work[saturday : saturday + 2]:
                model.bind([works, weekends[-1]], [1, -1], high=0)
        model.at_most(weekends, person.max_weekends)
    for (name, day, code), weight in instance.on_requests.items():
        model.charge("shift on", (name, day), [takes[name, day, code]], weight, lacking=True)
    for (name, day, code), weight in instance.off_requests.items():
        model.charge("shift off", (name, day), [takes[name, day, code]], weight)
    for (day, code), (need, under, over) in instance.cover.items():
        heads = [takes[name, day, code] for name in instance.staff]
        model.cover(heads, need, rule="cover", where=(day, code), under=under, over=over)

    def print_progress(best: float, bound: float, elapsed_s: float) -> None:
        sys.stderr.write(f"{elapsed_s:7.1f} s  {best:.0f}  bound {bound:.0f}\n")

    answer = model.search(
        seconds=seconds, effort=effort, seed=seed, workers=workers, on_progress=print_progress if progress else None
    )
    if progress:
        sys.stderr.write(f"{answer.seconds:.1f} s, {answer.effort:.1f} units of effort\n")
    return {(name, day): code for (name, day, code), variable in takes.items() if answer.chosen[variable]}, answer.bound


def evaluate(instance: Instance, roster: Mapping[tuple[str, int], str]) -> tuple[int, list[str]]:
    """Price a roster by the rules as published, walking through it day by day; broken hard rules are named."""
    cost, broken = 0, []
    for name, person in instance.staff.items():
        row = [roster.get((name, day)) for day in range(instance.days)]
        total = sum(instance.length_min[code] for code in row if code)
        if not person.min_total_min <= total <= person.max_total_min:
            broken.append(f"{name}: {total} minutes")
        for code, most in person.max_shifts.items():
            if row.count(code) > most:
                broken.append(f"{name}: {row.count(code)} x {code}")
        for day, (today, tomorrow) in enumerate(itertools.pairwise(row)):
            if today and tomorrow in instance.not_after[today]:
                broken.append(f"{name}: {tomorrow} after {today} on day {day}")
        if any(row[day] for day in instance.days_off.get(name, [])):
            broken.append(f"{name}: works on a day off")
        if sum(any(row[day : day + 2]) for day in range(5, instance.days, 7)) > person.max_weekends:
            broken.append(f"{name}: too many weekends")
        first = 0
        while first < len(row):
            last = first
            while last + 1 < len(row) and bool(row[last + 1]) == bool(row[first]):
                last += 1
            run, inside = last - first + 1, first > 0 and last < len(row) - 1
            if row[first] and run > person.max_run:
                broken.append(f"{name}: {run} days in a row from day {first}")
            if inside and run < (person.min_run if row[first] else person.min_days_off):
                broken.append(f"{name}: a run of only {run} from day {first}")
            first = last + 1
    for (name, day, code), weight in instance.on_requests.items():
        cost += weight * (roster.get((name, day)) != code)
    for (name, day, code), weight in instance.off_requests.items():
        cost += weight * (roster.get((name, day)) == code)
    for (day, code), (need, under, over) in instance.cover.items():
        heads = sum(roster.get((name, day)) == code for name in instance.staff)
        cost += under * max(0, need - heads) + over * max(0, heads - need)
    return cost, broken


def main() -> int:
    """Solve one instance from the command line, or all that lie in the data folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("instance", type=Path, nargs="?")
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--effort", type=float, help="in place of seconds: the same answer on every machine")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--progress", action="store_true", help="print_progress of every better roster on stderr")
    wish = parser.parse_args()
    paths = [wish.instance] if wish.instance else sorted(DATA.glob("Instance*.txt"))
    if not paths:
        print(f"no instances in {DATA}: nothing to solve")
    for path in paths:
        instance = read_instance(path)
        roster, bound = solve(
            instance,
            seconds=wish.seconds,
            effort=wish.effort,
            seed=wish.seed,
            workers=wish.workers,
            progress=wish.progress,
        )
        cost, broken = evaluate(instance, roster)
        if broken:
            sys.stderr.write("\n".join([f"the roster of {path.name} breaks hard rules:", *broken]) + "\n")
            return 1
        if not wish.instance:
            print(f"{path.stem}: best known {BEST_KNOWN.get(path.stem, 'not noted')}, ours and our bound:")
        print(cost, bound)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
