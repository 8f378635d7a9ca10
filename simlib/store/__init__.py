"""Read and check what a store has: a workbook, a folder of CSV/YAML tables, a platform's order export."""

from simlib.store.models import Store

__all__ = ["Store"]
