"""Chapter 4, goals: what to aim for, what it pays, how it is scored, and a team that knows."""

from simlib.goals.payouts import Payouts, calculate_payouts, divide_pool, round_payout, work_out_payouts
from simlib.goals.schemes import Refusal
from simlib.goals.targets import STRETCH, set_targets, split_targets

__all__ = [
    "STRETCH",
    "Payouts",
    "Refusal",
    "calculate_payouts",
    "divide_pool",
    "round_payout",
    "set_targets",
    "split_targets",
    "work_out_payouts",
]
