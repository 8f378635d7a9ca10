"""The live page and the panels of the lessons under the name that notebooks import; built in :mod:`simlib.live`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simlib import live

if TYPE_CHECKING:
    from simlib.live import (
        ImportPanel,
        LiveNight,
        LivePage,
        PastePanel,
        change_plan,
        describe_page,
        keep_in_store,
        ratio_panel,
        scenario_panel,
    )

__all__ = [
    "ImportPanel",
    "LiveNight",
    "LivePage",
    "PastePanel",
    "change_plan",
    "describe_page",
    "keep_in_store",
    "ratio_panel",
    "scenario_panel",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(live, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
