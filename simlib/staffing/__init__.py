"""Chapter 1, staffing: from the sales task to contacts and heads."""

from simlib.staffing.cascade import (
    Span,
    cascade_inputs,
    day_capacity,
    day_profile,
    hour_view,
    sales_cascade,
    tornado,
)

__all__ = ["Span", "cascade_inputs", "day_capacity", "day_profile", "hour_view", "sales_cascade", "tornado"]
