"""Five hundred simulated promos with one to four known causes: the tree names the largest first in nine of ten."""

from __future__ import annotations

from tests.retrospective.promos import judge_promo

PROMOS = 500


def test_the_tree_names_the_largest_of_the_known_causes_first(night):
    """The largest cause by itself, on other buyers, is the first driver of the tree in at least 90 % of the promos."""
    judged = [judge_promo(night, number) for number in range(PROMOS)]
    hits = sum(largest == first for largest, first, _ in judged)
    missed = [(number, *row) for number, row in enumerate(judged) if row[0] != row[1]]
    assert hits >= 0.9 * PROMOS, missed
