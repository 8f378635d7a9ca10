"""A small promo night made by hand: three hours, two sites, three rooms, an opening at nine."""

import csv
import pickle

import pandas as pd
import pytest
from openpyxl import Workbook

from simlib.intervals import Grid
from simlib.kpis import ConversionCurve, PlatformRate
from simlib.messages import HOUSE
from simlib.night import PromoNight
from simlib.simulator import Policy
from simlib.simulator.draw import ChatService
from tests.shared import run_folder, work_out_once

OPENS = pd.Timestamp("2026-10-31 20:00", tz="Asia/Shanghai")

SMALL_PLAN = {
    "replications": 4,
    "roster_effort": 0.5,
    "stress_replications": 2,
    "tonight": "20:30",
    "today": "2026-10-10",
}


def clock(text):
    """Say a time of the small night; an hour before eight is after midnight."""
    day = "2026-11-01" if text < "08:00" else "2026-10-31"
    return pd.Timestamp(f"{day} {text}", tz="Asia/Shanghai")


@pytest.fixture(scope="session")
def night():
    """Twelve people in three rooms of two sites, some 700 contacts from 20:00 to 01:00."""
    grid = Grid(opens=OPENS, n=10)
    shape = [20, 22, 120, 90, 70, 60, 50, 40, 30, 20]
    forecast = pd.DataFrame(
        [
            {"start": start, "queue": queue, "contacts": share * mean}
            for start, mean in zip(grid.starts, shape, strict=True)
            for queue, share in (("presale", 1.0), ("aftersale", 0.4))
        ]
    )
    places = [("North", "N1"), ("North", "N2"), ("South", "S1")]
    ids = [f"A{number:02d}" for number in range(12)]
    people = pd.DataFrame(
        {
            "agent_id": ids,
            "name": ids,
            "cohort": "own",
            "skill_1": ["presale"] * 8 + ["aftersale"] * 4,
            "skill_2": ["aftersale"] * 8 + ["presale"] * 4,
            "skill_3": None,
            "capacity": 4,
            "speed": 1.0,
            "cost_cny_h": 40.0,
            "seat": [f"seat-{number:02d}" for number in range(12)],
            "site": [places[number % 3][0] for number in range(12)],
            "room": [places[number % 3][1] for number in range(12)],
        }
    )
    segments = []
    for number, agent in enumerate(ids):
        queue = people["skill_1"][number]
        ends = "23:00" if number >= 9 else "01:00"
        meal = ("21:30", "22:00") if number < 3 else ("22:30", "23:00")
        spans = [("20:00", meal[0], "chat"), (*meal, "meal")] + ([(meal[1], ends, "chat")] * (meal[1] != ends))
        for start, end, activity in spans:
            segments.append(
                {
                    "agent_id": agent,
                    "name": agent,
                    "cohort": "own",
                    "queue": queue if activity == "chat" else None,
                    "start": clock(start),
                    "end": clock(end),
                    "activity": activity,
                }
            )
    service = {"think_s": 40.0, "patience_s": 120.0, "silent_share": 0.5, "bot_share": 0.3}
    return PromoNight(
        grid=grid,
        forecast=forecast,
        services={
            "presale": ChatService(replies_mean=4, reply_s=18, **service),
            "aftersale": ChatService(replies_mean=5, reply_s=22, **service),
        },
        people=people,
        roster=pd.DataFrame(segments),
        threshold_s=60,
        rates=(PlatformRate(key="wangwang_3min", platform="tmall", threshold_s=180, opens_s=28_800, closes_s=82_800),),
        curve=ConversionCurve.default(),
        values_cny={"presale": 100.0},
        policy=Policy(silent_close_s=60),
    )


@pytest.fixture(scope="session")
def once_a_run(tmp_path_factory):
    """Work something costly out once for the whole run, whichever worker asks first."""
    folder = run_folder(tmp_path_factory.getbasetemp())
    return lambda name, make: pickle.loads(work_out_once(folder, name, make).read_bytes())


@pytest.fixture(scope="session")
def small_plan(once_a_run):
    """The small example store's night, thought about briefly, every chapter worked out; not to be changed."""
    from simlib.planning import plan

    def work_out():
        night = plan(HOUSE / "templates" / "stores" / "bodycare", **SMALL_PLAN)
        assert night.tables
        return night

    return once_a_run("small_plan", work_out)


@pytest.fixture(scope="session")
def short_store():
    """The small example store with two days of its history: every sheet is there, and little is to be read."""
    from simlib.store import load_store

    store = load_store(HOUSE / "templates" / "stores" / "bodycare")
    return store.model_copy(update={"history": store.history[:96]})


@pytest.fixture
def as_book(tmp_path):
    """Write tables as a workbook, let the test change it, and give its path."""

    def write(tables, change=None, name="shop.xlsx"):
        book = Workbook()
        book.remove(book.active)
        for title, rows in tables.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
        if change is not None:
            change(book)
        book.save(tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def as_folder(tmp_path):
    """Write tables as a folder of CSV files and give its path."""

    def write(tables, name="shop", encoding="utf-8"):
        folder = tmp_path / name
        folder.mkdir()
        for title, rows in tables.items():
            with (folder / f"{title}.csv").open("w", newline="", encoding=encoding) as file:
                csv.writer(file).writerows(rows)
        return folder

    return write
