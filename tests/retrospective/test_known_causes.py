"""The tree names the largest of several known causes; ``make prove`` does it on 500 promos."""

from __future__ import annotations

from tests.retrospective.promos import judge_promo


def test_the_tree_names_the_largest_cause_first(night):
    """Of eight promos with one to four causes the tree misses the largest at most once."""
    judged = [judge_promo(night, number) for number in range(8)]
    assert sum(largest == first for largest, first, _ in judged) >= 7
