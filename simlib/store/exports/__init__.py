"""Read what the platforms export: any heap of files into canonical tables, and what they show about a store."""

from __future__ import annotations

from simlib.store.exports.fill import StoreImport, import_exports
from simlib.store.exports.part import CANONICAL, Question
from simlib.store.exports.people import People, people_path, read_people, write_people
from simlib.store.exports.reader import Exports, read_exports

__all__ = [
    "CANONICAL",
    "Exports",
    "People",
    "Question",
    "StoreImport",
    "import_exports",
    "people_path",
    "read_exports",
    "read_people",
    "write_people",
]
