"""Plan A, Plan B: positions of the live page that are kept under a name and with a reason, beside the store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simlib.actions.moves import ActionError
from simlib.files import write_file
from simlib.live.answer import Comparison
from simlib.live.night import LiveNight, Position

LONGEST_NAME = 60  # letters
ANONYMOUS = ("Plan A", "Plan B", "Plan C")


@dataclass(frozen=True, kw_only=True)
class KeptPlan:
    """A position that was kept.

    Parameters
    ----------
    name, reason : str
        What it is called, and why it was kept.
    position : mapping
        Where the sliders stood, and the moves that were taken.
    figures : mapping of KPI to mean
        What it gave, over ``nights`` nights.
    nights : int
        0 where it was kept before anything was simulated.
    """

    name: str
    reason: str
    position: Mapping[str, Any]
    figures: Mapping[str, float] = field(default_factory=dict)
    nights: int = 0


@dataclass(frozen=True, kw_only=True)
class PlanBook:
    """The plans that were kept, in the order in which they were.

    Examples
    --------
    >>> book = PlanBook().keep(KeptPlan(name="Plan A", reason="cheapest", position={"people_own": 12}))
    >>> [plan.name for plan in book.plans], book.find("Plan A").reason
    (['Plan A'], 'cheapest')
    """

    plans: tuple[KeptPlan, ...] = ()

    def keep(self, plan: KeptPlan) -> PlanBook:
        """Return the book with another plan; without a name it is called Plan A, Plan B and so on.

        Raises
        ------
        ActionError
            A plan of that name is there already, no free name is left, or the name is too long.
        """
        name = " ".join(plan.name.split())
        taken = [each.name for each in self.plans]
        if not name:
            name = next((each for each in ANONYMOUS if each not in taken), "")
        if not name or len(name) > LONGEST_NAME:
            raise ActionError("plan_nameless", longest=LONGEST_NAME)
        if name in taken:
            raise ActionError("plan_twice", name=name, taken=taken)
        return replace(self, plans=(*self.plans, replace(plan, name=name)))

    def drop(self, name: str) -> PlanBook:
        """Return the book without a plan; :meth:`find` says what is raised where there is none."""
        gone = self.find(name)
        return replace(self, plans=tuple(each for each in self.plans if each is not gone))

    def find(self, name: str) -> KeptPlan:
        """Return a plan by its name.

        Raises
        ------
        ActionError
            There is none of that name.
        """
        for plan in self.plans:
            if plan.name == name:
                return plan
        raise ActionError("plan_unknown", name=name, taken=[each.name for each in self.plans])


def plans_file(store: Path) -> Path:
    """Return where the plans of a store lie: beside its workbook or folder."""
    return store.with_name(f"{store.stem}.plans.json")


def read_plans(path: Path) -> PlanBook:
    """Read the plans of a store; an empty book where there are none, or the file cannot be read as one."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return PlanBook(plans=tuple(KeptPlan(**row) for row in rows))
    except (OSError, ValueError, TypeError):
        return PlanBook()


def write_plans(book: PlanBook, path: Path) -> Path:
    """Write the plans of a store, whole or not at all.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    return write_file(path, json.dumps([asdict(plan) for plan in book.plans], ensure_ascii=False, indent=2) + "\n")


def compare_plans(live: LiveNight, first: Position, second: Position, *, nights: int = 10) -> pd.DataFrame:
    """Compare two positions night by night on the same buyers.

    Returns
    -------
    DataFrame
        kpi, plan (the first), now (the second), change, half_width (of the mean change, 95 %).
    """
    ready = [live.prepare(position) for position in (first, second)]
    figures = [[live.simulate(each, number) for number in range(nights)] for each in ready]
    return Comparison(live=live, position=second, plan=figures[0], now=figures[1]).table()


def keep_figures(answer: Comparison | None, position: Position) -> dict[str, Any]:
    """Return figures and nights of a position's last answer, where the answer is to that very position."""
    if answer is None or dict(answer.live.read(answer.position)) != dict(answer.live.read(position)):
        return {"figures": {}, "nights": 0}
    table: Sequence[Mapping[str, Any]] = answer.table().to_dict("records")
    figures = {row["kpi"]: float(row["now"]) for row in table if np.isfinite(row["now"])}
    return {"figures": figures, "nights": len(answer.now)}
