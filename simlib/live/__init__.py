"""The live night: sliders that change a copy of the plan's night, and a page that shows at once what that does.

:class:`LiveNight` knows the sliders and what a position of them means: a scenario like any other
(:mod:`simlib.stress.scenarios`), so that it can be saved in the workbook and rehearsed. :class:`LatestOnly` simulates
nights in threads of its own; only the latest request of each client counts, and while no new one comes the answer is
refined with more nights. :class:`Comparison` is that answer. :class:`LivePage` is the widget: it passes positions one
way and figures the other.
"""

from simlib.live.answer import CURVES, Comparison, mean_band
from simlib.live.latest import LatestOnly, Request
from simlib.live.night import LiveNight, Slider
from simlib.live.page import LivePage, describe_page, keep_in_store
from simlib.live.plans import KeptPlan, PlanBook, compare_plans, read_plans, write_plans

__all__ = [
    "CURVES",
    "Comparison",
    "KeptPlan",
    "LatestOnly",
    "LiveNight",
    "LivePage",
    "PlanBook",
    "Request",
    "Slider",
    "compare_plans",
    "describe_page",
    "keep_in_store",
    "mean_band",
    "read_plans",
    "write_plans",
]
