"""A sample of the random mutations that ``tests/prove/prove_reading.py`` reads by the thousand."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path

PROOF = Path(__file__).parents[1] / "prove" / "prove_reading.py"


def test_a_hundred_mutations_are_read_or_refused_in_words():
    """Each of a hundred spoiled workbooks, CSV and YAML tables ends in a sentence or a reading within ten seconds."""
    spec = importlib.util.spec_from_file_location("prove_reading", PROOF)
    proof = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(proof)
    found = Counter(proof.read_mutations(100, seed=11))
    assert sum(found.values()) == 100
    assert {kind for kind, _ in found} == {"book", "tables", "lists"}
