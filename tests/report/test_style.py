"""The chart kit: one list of queues, one colour each, and charts by chapter behind one door."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pandas as pd

from simlib.report import charts
from simlib.report.style import MISSING, QUEUE_COLOURS, QUEUES, queues_in_order
from simlib.store.models import Queue

CHARTS = Path(charts.__file__).parent


def test_the_store_s_queues_have_one_order_and_one_colour_each() -> None:
    """The chart kit lists the store's own queues in the store's order; no colour stands for two or for a gap."""
    assert get_args(Queue) == QUEUES == tuple(QUEUE_COLOURS)
    assert len({*QUEUE_COLOURS.values(), MISSING}) == len(QUEUES) + 1


def test_an_unknown_queue_is_listed_after_the_known_ones() -> None:
    """Queues come in the kit's order whatever the table's, and none that occurs is dropped."""
    table = pd.DataFrame({"queue": ["zeta", "aftersale", "alpha", "presale", "presale"]})
    assert queues_in_order(table) == ["presale", "aftersale", "alpha", "zeta"]


def test_every_chart_stands_behind_the_door() -> None:
    """Each plot function of a chapter's module can be imported from ``simlib.report.charts``."""
    plots = {
        node.name
        for path in CHARTS.glob("*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("plot_")
    }
    assert plots == {name for name in charts.__all__ if name.startswith("plot_")}
