"""What people get to see: charts, the Excel workbook, the HTML report and the page over a batch.

Everything here takes tables that are ready and computes no figure of its own. Names are loaded when first
used, so that a notebook that draws nothing does not pay for matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "plot_calendar": "charts",
    "plot_cascade": "charts",
    "plot_concurrency": "charts",
    "plot_coverage": "charts",
    "plot_day_heads": "charts",
    "plot_forecast": "charts",
    "plot_hours": "charts",
    "plot_night": "charts",
    "plot_organisation": "charts",
    "plot_requirement": "charts",
    "plot_roster": "charts",
    "plot_tornado": "charts",
    "save_figure": "charts",
    "to_svg": "charts",
    "write_roster": "excel",
    "write_workbook": "excel",
    "Card": "html",
    "Fragment": "html",
    "show_cards": "html",
    "show_chart": "html",
    "show_table": "html",
    "show_text": "html",
    "show_verdict": "html",
    "render_index": "html",
    "render_report": "html",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'simlib.report' has no attribute {name!r}")
