"""The pages of the stress test: units on every size, legible figures, nothing shown that says nothing (issue 15)."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import openpyxl
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from simlib.messages import LANGS
from simlib.report.charts.stress_test import plot_lever_map
from simlib.report.excel import write_workbook
from simlib.report.html import show_table
from simlib.report.pages.stress_test import show_if_any, show_lever_map
from simlib.store.models import INCIDENT_SIZES
from simlib.stress.result import StressResult

SIZES = {"contacts": 1.5, "bot_share": -0.15, "absent": 0.25, "people": 3.0, "concurrency": -1.0, "stay": 1.5}
SHOWN = {
    "zh": ["×1.5", "−15.0%", "25.0%", "+3 人", "−1 个", "+1.5 小时"],
    "en": ["×1.5", "−15.0%", "25.0%", "+3 people", "−1 chats", "+1.5 h"],
}


def grid(value: float = 1.0) -> pd.DataFrame:
    """Every pair of two levers' sizes with a net gain on both sides of zero, or none at all."""
    pairs = [(people, share) for people in (0, 3, 6) for share in (0.0, 0.1)]
    gains = value * np.linspace(-2345, 1234, len(pairs))
    return pd.DataFrame(pairs, columns=["call_pool", "shift_bot_share"]).assign(net_cny=gains)


@pytest.mark.parametrize("lang", LANGS)
def test_line_17_every_size_has_its_unit(lang: str, tmp_path: Path) -> None:
    """A size is a factor, a share or a change with its unit, on the page and in the workbook."""
    table = pd.DataFrame({"scenario": "x", "incident": list(SIZES), "size": list(SIZES.values())})
    html = show_table(table, lang=lang).html
    assert re.findall(r'<td class="n[^"]*">([^<]+)</td>', html) == SHOWN[lang]
    write_workbook(tmp_path / "book.xlsx", {"scenario_list": table}, lang=lang)
    [sheet] = openpyxl.load_workbook(tmp_path / "book.xlsx").worksheets
    assert [cell.value for cell in sheet["C"][1:]] == list(SIZES.values())
    for cell, shown in zip(sheet["C"][1:], SHOWN[lang], strict=True):
        unit = shown.lstrip("×+−").lstrip("0123456789.")
        assert unit in cell.number_format.replace('"', "")
        assert (shown[0] in "×+−") == (cell.number_format[:2] in ('"×', '"+'))


@pytest.mark.parametrize("lang", LANGS)
def test_line_17_no_kind_of_incident_shows_a_bare_size(lang: str) -> None:
    """Whatever kind of incident has a size, its cell holds more than a number."""
    table = pd.DataFrame({"incident": list(INCIDENT_SIZES), "size": [0.5] * len(INCIDENT_SIZES)})
    cells = re.findall(r'<td class="n[^"]*">([^<]+)</td>', show_table(table, lang=lang).html)
    assert len(cells) == len(INCIDENT_SIZES)
    assert not [cell for cell in cells if re.fullmatch(r"[−+]?[\d.]+", cell)]


def test_line_17_the_figures_of_the_heat_map_are_legible() -> None:
    """Each figure stands out against its field by the 4.5 : 1 that is asked of small letters, and sizes have units."""
    _, ax = plt.subplots()
    plot_lever_map(grid(), ax, lang="en", across="call_pool", up="shift_bot_share", value="net_cny")
    [image] = ax.images
    fields = image.to_rgba(image.get_array())[..., :3].reshape(-1, 3)
    ink = to_rgb(ax.texts[0].get_color())
    assert len(ax.texts) == 6
    assert min(contrast(field, ink) for field in fields) > 4.5
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["+0 agents", "+3 agents", "+6 agents"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["+0.0%", "+10.0%"]
    plt.close()


def contrast(one: np.ndarray, other: tuple[float, float, float]) -> float:
    """Return the contrast of two colours as the web's guidelines (WCAG 2) define it."""

    def luminance(colour: np.ndarray) -> float:
        parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
        return float(np.dot([0.2126, 0.7152, 0.0722], parts))

    light, dark = sorted((luminance(np.asarray(one)), luminance(np.asarray(other))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("lang", LANGS)
def test_line_17_a_table_of_zeros_is_one_line(lang: str) -> None:
    """A table whose figures are all zero, or that is empty, keeps its name and says why it is not shown."""
    zeros = pd.DataFrame({"scenario": ["surge"], "held_without": [0.0], "held_with": [0.0]})
    for table, rows in ((zeros, 0), (zeros.assign(held_with=0.5), 1)):
        html = show_if_any(SimpleNamespace(tables={"reserve": table}), "reserve", lang=lang).html
        assert html.count("<thead>") == rows
        assert html.count("<caption>") == 1
    stress = SimpleNamespace(tables={"lever_map": grid(0.0)}, lever_map=grid(0.0), plan_fails=False)
    shown = show_lever_map.__wrapped__(stress, lang=lang).html
    assert "<svg" not in shown
    assert "<thead>" not in shown


def test_line_17_the_busiest_are_those_whom_the_scenario_changes() -> None:
    """Who is as full as in the plan is left out, however full; who is new or freed is shown, the fullest first."""
    people = pd.DataFrame(
        {
            "agent_id": ["same", "more", "less", "new", "hardly"],
            "saturation_plan": [0.9, 0.5, 0.8, np.nan, 0.7],
            "saturation": [0.9, 0.8, 0.6, 0.3, 0.704],
        }
    ).sort_values("saturation", ascending=False, ignore_index=True)
    test = SimpleNamespace(saturation=lambda _: people)
    found = StressResult.busiest_agents.func(SimpleNamespace(test=test, chosen=SimpleNamespace(name="x")))
    assert found["agent_id"].tolist() == ["more", "less", "new"]
