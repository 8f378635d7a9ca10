"""Charts, one module per chapter: each takes a table and an axis, and finds every text in the glossary and messages.

``ax`` is an axis to draw on, or None for a new figure; ``lang`` is ``"zh"`` or ``"en"``; the axis is returned.
Times are drawn on the clock of their own zone. Colours, axes and legends are the kit of :mod:`simlib.report.style`.
"""

from simlib.report.charts.actions import plot_folk_rules, plot_gap
from simlib.report.charts.chat import plot_chat
from simlib.report.charts.drill import plot_courses
from simlib.report.charts.forecasting import plot_concurrency, plot_forecast, plot_hours, plot_requirement
from simlib.report.charts.goals import plot_half_hours, plot_winner
from simlib.report.charts.night import plot_night
from simlib.report.charts.readiness import plot_blocks, plot_gantt, plot_posts, plot_presence, plot_seat_plan
from simlib.report.charts.retrospective import plot_audit, plot_questions, plot_variance
from simlib.report.charts.roster import plot_coverage, plot_roster
from simlib.report.charts.sand_table import plot_calendar
from simlib.report.charts.staffing import plot_cascade, plot_day_heads, plot_organisation, plot_tornado
from simlib.report.charts.stress_test import plot_lever_map, plot_ranking, plot_stressed_night
from simlib.report.style import QUEUE_COLOURS, save_figure, to_svg

__all__ = [
    "QUEUE_COLOURS",
    "plot_audit",
    "plot_blocks",
    "plot_calendar",
    "plot_cascade",
    "plot_chat",
    "plot_concurrency",
    "plot_courses",
    "plot_coverage",
    "plot_day_heads",
    "plot_folk_rules",
    "plot_forecast",
    "plot_gantt",
    "plot_gap",
    "plot_half_hours",
    "plot_hours",
    "plot_lever_map",
    "plot_night",
    "plot_organisation",
    "plot_posts",
    "plot_presence",
    "plot_questions",
    "plot_ranking",
    "plot_requirement",
    "plot_roster",
    "plot_seat_plan",
    "plot_stressed_night",
    "plot_tornado",
    "plot_variance",
    "plot_winner",
    "save_figure",
    "to_svg",
]
