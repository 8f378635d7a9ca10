"""The live night: sliders that change a copy of the plan's night, and a page that shows at once what that does.

:class:`LiveNight` knows the sliders and what a position of them means: a scenario like any other
(:mod:`simlib.stress.scenarios`), so that it can be saved in the workbook and rehearsed. :class:`LatestOnly` simulates
nights in threads of its own; only the latest request of each client counts, and while no new one comes the answer is
refined with more nights. :class:`Comparison` is that answer. :class:`LivePage` is the widget: it passes positions one
way and figures the other. :class:`Panel` is the few sliders above a cell of a lesson, :class:`PastePanel`
a field for what came so far.

Names are loaded when first used: a lesson that nobody attends needs no widgets.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simlib.live.answer import CURVES, Comparison, mean_band
    from simlib.live.imports import ImportPanel
    from simlib.live.latest import LatestOnly, Request
    from simlib.live.night import LiveNight, Slider
    from simlib.live.page import LivePage, describe_page, keep_in_store
    from simlib.live.panels import Panel, PastePanel, change_plan, paste_counts, ratio_panel, scenario_panel
    from simlib.live.plans import KeptPlan, PlanBook, compare_plans, read_plans, write_plans

_HOMES = {
    "CURVES": "answer",
    "Comparison": "answer",
    "mean_band": "answer",
    "ImportPanel": "imports",
    "LatestOnly": "latest",
    "Request": "latest",
    "LiveNight": "night",
    "Slider": "night",
    "LivePage": "page",
    "describe_page": "page",
    "keep_in_store": "page",
    "Panel": "panels",
    "PastePanel": "panels",
    "paste_counts": "panels",
    "change_plan": "panels",
    "ratio_panel": "panels",
    "scenario_panel": "panels",
    "KeptPlan": "plans",
    "PlanBook": "plans",
    "compare_plans": "plans",
    "read_plans": "plans",
    "write_plans": "plans",
}

__all__ = [
    "CURVES",
    "Comparison",
    "ImportPanel",
    "KeptPlan",
    "LatestOnly",
    "LiveNight",
    "LivePage",
    "Panel",
    "PastePanel",
    "PlanBook",
    "Request",
    "Slider",
    "change_plan",
    "compare_plans",
    "describe_page",
    "keep_in_store",
    "mean_band",
    "paste_counts",
    "ratio_panel",
    "read_plans",
    "scenario_panel",
    "write_plans",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
