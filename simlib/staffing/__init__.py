"""Chapter 1, staffing: from the sales task to contacts and heads, and from heads to named people."""

from simlib.staffing.aftersale import aftersale_stream, visitor_route
from simlib.staffing.cascade import (
    Span,
    cascade_inputs,
    day_capacity,
    hour_view,
    sales_cascade,
    tornado,
)
from simlib.staffing.people import (
    effective_speed,
    has_passed,
    head_ratio,
    last_safe_dates,
    list_out,
    make_or_buy,
    may_serve,
    need_and_have,
    organise,
)
from simlib.staffing.solve import SolvedValue, needed_heads, solve_for

__all__ = [
    "SolvedValue",
    "Span",
    "aftersale_stream",
    "cascade_inputs",
    "day_capacity",
    "effective_speed",
    "has_passed",
    "head_ratio",
    "hour_view",
    "last_safe_dates",
    "list_out",
    "make_or_buy",
    "may_serve",
    "need_and_have",
    "needed_heads",
    "organise",
    "sales_cascade",
    "solve_for",
    "tornado",
    "visitor_route",
]
