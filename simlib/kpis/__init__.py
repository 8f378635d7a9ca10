"""Every KPI once: pure functions of the log of a night, simulated or real.

A log is a :class:`NightLog`: one row per contact, lost ones included; optionally one row per turn, which is what
platforms judge; and one row per agent. Times are seconds since ``opens``. A KPI is one number for the whole night, or,
given a grouping (:func:`queue_groups`, :func:`interval_groups`, :func:`agent_groups`), one number per group, from the
same line of code. A share or a mean of nothing is nan.
"""

from simlib.kpis.agents import (
    concurrency,
    concurrency_peak,
    contacts_agent_hour,
    late_break,
    occupancy,
    overtime,
    saturation,
)
from simlib.kpis.contacts import (
    abandoned,
    answered,
    bot_resolved,
    first_response,
    first_response_p90,
    human,
    lost_share,
    mean_response,
    offered,
    platform_rate,
    service_level,
    silently_left,
    unserved,
)
from simlib.kpis.course import COURSE_STEP_S, buyers_waiting, mean_level, open_chats
from simlib.kpis.log import Figure, Grouping, NightLog, agent_groups, example_log, interval_groups, queue_groups
from simlib.kpis.money import ConversionCurve, HasRatios, contact_values, sales
from simlib.kpis.platform_scores import (
    PlatformScore,
    Tally,
    cost_of_one_lost,
    count_score,
    find_overdue_facts,
    platform_scores,
    points_of,
    score_nights,
    score_platforms,
    tally_scores,
)
from simlib.kpis.platforms import PlatformRate, find_turns, judge_turns, platform_rates
from simlib.kpis.tables import CELL_COUNTS, by_agent, by_cell, by_interval, by_queue, summarise
from simlib.store.models import BETTER

__all__ = [
    "BETTER",
    "CELL_COUNTS",
    "COURSE_STEP_S",
    "ConversionCurve",
    "Figure",
    "Grouping",
    "HasRatios",
    "NightLog",
    "PlatformRate",
    "PlatformScore",
    "Tally",
    "abandoned",
    "agent_groups",
    "answered",
    "bot_resolved",
    "buyers_waiting",
    "by_agent",
    "by_cell",
    "by_interval",
    "by_queue",
    "concurrency",
    "concurrency_peak",
    "contact_values",
    "cost_of_one_lost",
    "count_score",
    "contacts_agent_hour",
    "example_log",
    "find_overdue_facts",
    "find_turns",
    "first_response",
    "first_response_p90",
    "human",
    "interval_groups",
    "judge_turns",
    "late_break",
    "lost_share",
    "mean_level",
    "mean_response",
    "occupancy",
    "offered",
    "open_chats",
    "overtime",
    "platform_rate",
    "platform_rates",
    "platform_scores",
    "points_of",
    "queue_groups",
    "sales",
    "saturation",
    "score_nights",
    "score_platforms",
    "service_level",
    "silently_left",
    "summarise",
    "tally_scores",
    "unserved",
]
