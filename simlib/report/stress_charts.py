"""The stress test's charts under their earlier path; they are in :mod:`simlib.report.charts.stress_test`."""

from simlib.report.charts.stress_test import plot_lever_map, plot_ranking, plot_stressed_night

__all__ = ["plot_lever_map", "plot_ranking", "plot_stressed_night"]
