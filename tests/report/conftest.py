"""Small tables of a night, made by hand in the columns that the packages agree on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

ZONE = "Asia/Shanghai"
STARTS = pd.date_range("2026-10-31 08:00", periods=36, freq="30min", tz=ZONE)
QUEUES = {"presale": 600.0, "aftersale": 300.0}
SHAPE = 0.3 + np.exp(-(((np.arange(36) - 25) / 3.0) ** 2)) + 0.4 * np.exp(-(((np.arange(36) - 8) / 4.0) ** 2))


@pytest.fixture
def forecast() -> pd.DataFrame:
    """Contacts of two queues by half hour."""
    rows = []
    for queue, size in QUEUES.items():
        contacts = size * SHAPE
        rows.append(
            pd.DataFrame(
                {
                    "start": STARTS,
                    "queue": queue,
                    "contacts": contacts,
                    "p05": contacts * 0.8,
                    "p95": contacts * 1.3,
                    "bot": contacts * 0.4,
                    "human": contacts * 0.6,
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


@pytest.fixture
def requirement(forecast: pd.DataFrame) -> pd.DataFrame:
    """Agents needed, three ways."""
    load = forecast["human"] / 11.0
    return pd.DataFrame(
        {
            "start": forecast["start"],
            "queue": forecast["queue"],
            "human": forecast["human"],
            "load": load,
            "agents_pool": np.ceil(load * 1.1),
            "agents_offered_load": np.ceil(load * 1.05 + 1),
            "agents_simulated": np.ceil(load * 1.15 + 1),
            "on_chat": np.ceil(load * 1.15 + 1).astype(int),
            "to_roster": np.ceil((load * 1.15 + 1) / 0.85).astype(int),
            "bound_by": "platform_rate",
        }
    )


@pytest.fixture
def coverage(requirement: pd.DataFrame) -> pd.DataFrame:
    """What is needed against what is rostered, short in the evening."""
    required = requirement["to_roster"]
    rostered = np.minimum(required + 2, 42)
    return pd.DataFrame(
        {
            "start": requirement["start"],
            "queue": requirement["queue"],
            "required": required,
            "rostered": rostered,
            "shortfall": np.maximum(required - rostered, 0),
        }
    )


@pytest.fixture
def cascade() -> pd.DataFrame:
    """A few steps from the sales task to heads."""
    rows = [
        ("day_gmv_cny", 1_000_000, 1_000_000, 1_000_000, "CNY", "", "store"),
        ("cs_share", 0.3, 0.2, 0.4, "share", "", "field"),
        ("aov_cny", 150, 130, 160, "CNY", "", "store"),
        ("conversion", 0.45, 0.4, 0.54, "share", "", "platform"),
        ("receptions", 6667, 5200, 8100, "contacts", "conversion x cs_share", "calculated"),
        ("bot_share", 0.4, 0.3, 0.5, "share", "", "ours"),
        ("human", 4000, 2900, 5200, "contacts", "receptions x (1 - bot_share)", "calculated"),
        ("agents_needed", 13.33, 9.7, 17.5, "agents", "human / agent_day_capacity", "calculated"),
    ]
    return pd.DataFrame(rows, columns=["step", "value", "low", "high", "unit", "formula", "source"])


@pytest.fixture
def intervals() -> pd.DataFrame:
    """What a night did, by half hour, with bands."""
    frame = pd.DataFrame(
        {
            "start": STARTS,
            "open_chats": 180 * SHAPE,
            "waiting": 30 * np.maximum(SHAPE - 0.9, 0),
            "first_response": 12 + 60 * np.maximum(SHAPE - 0.8, 0),
            "platform_rate": np.clip(1.1 - 0.3 * SHAPE, 0, 1),
        }
    )
    frame.loc[:1, "platform_rate"] = np.nan  # outside the platform's hours
    for key in ("open_chats", "waiting", "first_response", "platform_rate"):
        frame[f"{key}_low"], frame[f"{key}_high"] = frame[key] * 0.85, frame[key] * 1.1
    return frame


def make_roster(people: int) -> pd.DataFrame:
    """Make a roster of early and late shifts with meals, breaks and a live stream."""
    rows = []
    cohorts = ("own", "temp", "outsourced", "student")
    names = ("王伟", "李娜", "张敏", "刘洋", "陈静", "杨帆", "赵磊", "黄喆", "周玥", "吴珺")
    for number in range(people):
        begins = STARTS[0] + pd.Timedelta(hours=(number * 3) % 9)
        queue = "presale" if number % 3 else "aftersale"
        parts = [
            ("chat", 4),
            ("meal", 1),
            ("chat", 2),
            ("live" if number % 7 == 0 else "chat", 1),
            ("break", 0.5),
        ]
        parts.append(("chat", 1.5))
        for activity, hours in parts:
            ends = begins + pd.Timedelta(hours=hours)
            rows.append(
                (
                    f"A{number:03d}",
                    names[number % 10] + (str(number // 10) if number >= 10 else ""),
                    cohorts[min(number * 4 // people, 3)],
                    queue,
                    "A",
                    STARTS[0].date(),
                    begins,
                    ends,
                    activity,
                )
            )
            begins = ends
    columns = ["agent_id", "name", "cohort", "queue", "shift", "date", "start", "end", "activity"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def roster_of() -> Callable[[int], pd.DataFrame]:
    """Make a roster of as many people as asked for."""
    return make_roster


@pytest.fixture
def roster() -> pd.DataFrame:
    """Twelve people on one day."""
    return make_roster(12)


@pytest.fixture
def waves() -> pd.DataFrame:
    """A promo calendar of four waves."""
    rows = [
        ("预售定金", "E", dt.datetime(2026, 10, 14, 20), dt.datetime(2026, 10, 20, 20)),
        ("第一波", "E", dt.datetime(2026, 10, 31, 20), dt.datetime(2026, 11, 3)),
        ("第二波", "M", dt.datetime(2026, 11, 7), dt.datetime(2026, 11, 9)),
        ("收官日", "L", dt.datetime(2026, 11, 11), dt.datetime(2026, 11, 12)),
    ]
    return pd.DataFrame(rows, columns=["name", "profile", "start", "end"])


@pytest.fixture
def hours() -> pd.DataFrame:
    """An hourly profile."""
    weight = 1 + np.sin((np.arange(24) - 9) / 24 * 2 * np.pi) + 2 * (np.arange(24) == 20)
    return pd.DataFrame({"hour": np.arange(24), "share": weight / weight.sum()})


@pytest.fixture
def day_heads(hours: pd.DataFrame) -> pd.DataFrame:
    """Agents needed by hour."""
    agents = np.ceil(hours["share"] * 4000 / 22)
    return pd.DataFrame({"hour": hours["hour"], "agents_flat_out": agents, "agents_at_ceiling": np.ceil(agents / 0.85)})


@pytest.fixture
def tornado() -> pd.DataFrame:
    """What moves the heads."""
    rows = [
        ("cs_share", 20.8, 41.4, 20.6, 31.0),
        ("bot_share", 36.2, 25.9, 10.3, 31.0),
        ("conversion", 34.9, 25.9, 9.0, 31.0),
        ("occupancy_max", 33.0, 29.2, 3.8, 31.0),
    ]
    return pd.DataFrame(rows, columns=["step", "at_low", "at_high", "swing", "base"])


@pytest.fixture
def squads() -> pd.DataFrame:
    """Sixty people: nine squads of presale, the last two without a lead, and one of after-sale."""
    leads = [*(f"Lead {number}" for number in range(1, 8)), None, None, "Lead 10"]
    rows = [
        (number, "presale" if number < 10 else "aftersale", lead, lead is not None and place == 0)
        for number, lead in enumerate(leads, start=1)
        for place in range(6)
    ]
    return pd.DataFrame(rows, columns=["squad", "queue", "lead_name", "is_lead"])


@pytest.fixture
def sweep() -> pd.DataFrame:
    """Agents, response and platform rate against the concurrency limit."""
    caps = np.arange(1, 11)
    agents = np.ceil(30 + 70 / caps**1.5)
    return pd.DataFrame(
        {
            "concurrency": caps,
            "agents_needed": agents,
            "divided": np.ceil(100 / caps),
            "sweet_spot": caps == 5,
            "mean_response": 12 + 0.9 * caps**1.8,
            "platform_rate": np.clip(1 - 0.002 * caps**2.2, 0, 1),
        }
    )
