"""The live page under the name that notebooks import; it is built in :mod:`simlib.live`."""

from simlib.live import LiveNight, LivePage, describe_page, keep_in_store

__all__ = ["LiveNight", "LivePage", "describe_page", "keep_in_store"]
