"""A small sound store as plain tables, and the means to write it as a folder or a workbook."""

from __future__ import annotations

import copy
import csv

import pytest
from openpyxl import Workbook

SOUND = {
    "store": [["key", "value"], ["name", "Test shop"], ["platform", "tmall"], ["month_aov_cny", 150]],
    "waves": [
        ["name", "profile", "start", "end", "day_gmv_cny"],
        ["Opening", "E", "2026-10-31 20:00", "2026-11-03 23:59", 1_000_000],
    ],
    "ratios": [["key", "low", "likely", "high", "source"], ["conversion", "40%", "45%", "50%", "store"]],
    "agents": [
        ["agent_id", "name", "cohort", "skill_1", "capacity", "exam_score", "qa_pass"],
        ["A1", "Ann", "own", "presale", 5, 95, "yes"],
        ["A2", "Bo", "temp", "aftersale", 5, 91, "yes"],
    ],
}


@pytest.fixture
def sound():
    """The tables of a sound store, free to be spoiled."""
    return copy.deepcopy(SOUND)


@pytest.fixture
def as_folder(tmp_path):
    """Write tables as a folder of CSV files and give its path."""

    def write(tables, name="shop"):
        folder = tmp_path / name
        folder.mkdir()
        for title, rows in tables.items():
            with (folder / f"{title}.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(rows)
        return folder

    return write


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
