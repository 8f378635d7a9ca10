"""A small shop on disk whose night came: its plan, its actuals, what the lead wrote down and what was exported."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simlib.messages import HOUSE
from simlib.planning import Plan
from simlib.retrospective.workbook import review_book
from simlib.store import load_store

DAY = dt.date(2026, 10, 31)
OPENING = dt.datetime(2026, 10, 31, 20, 0)
LATE = dt.datetime(2026, 10, 31, 23, 30)
ORDINARY_DAYS = 35


def write_shop(folder: Path, *, day_gmv_cny: float = 120_000) -> Path:
    """Write the plan of a shop of sixteen people, with five weeks of hourly history."""
    shutil.copytree(HOUSE / "tests" / "stores" / "a1", folder)
    waves = (folder / "waves.csv").read_text()
    (folder / "waves.csv").write_text(waves.replace("1000000", f"{day_gmv_cny:.0f}"))
    hours = pd.date_range(pd.Timestamp(DAY) - pd.Timedelta(days=ORDINARY_DAYS), periods=24 * ORDINARY_DAYS, freq="h")
    usual = {"presale": 6.0, "aftersale": 3.0}
    rows = [
        {"start": hour, "queue": queue, "contacts": round(level * (0.2 if hour.hour < 8 else 1.4)), "promo": None}
        for hour in hours
        for queue, level in usual.items()
    ]
    pd.DataFrame(rows).to_csv(folder / "history.csv", index=False)
    return folder


def small_plan(folder: Path, **changes: Any) -> Plan:
    """Return the plan of a shop with little effort; the commands' own :func:`simlib.planning.plan` may share it."""
    store = load_store(folder)
    how: dict[str, Any] = {"source": str(folder), "roster_effort": 0.2, "replications": 2}
    return Plan(store=store, wave=store.waves[0], **how | changes)


def write_actuals(folder: Path, forecast: pd.DataFrame, *, factor: float = 1.3, seed: int = 5) -> pd.DataFrame:
    """Write what came: a Poisson count around the plan's mean times a factor, four in five of them in time."""
    rng = np.random.default_rng(seed)
    contacts = rng.poisson(forecast["contacts"] * factor).astype(float)
    starts = forecast["start"].dt.tz_localize(None)
    table = pd.DataFrame({"start": starts, "queue": forecast["queue"], "contacts": contacts})
    table = table.assign(answered=contacts, in_time=np.floor(contacts * 0.8))
    table.to_csv(folder / "actuals.csv", index=False)
    return table


def write_review(folder: Path, **sheets: list[dict[str, Any]]) -> None:
    """Write the lead's own notes of the night; ``night`` is the sheet of figures."""
    rows = {f"review_{name}": values for name, values in sheets.items()}
    (folder / "review.xlsx").unlink(missing_ok=True)
    review_book().write(folder / "review.xlsx", lang="en", rows=rows)
