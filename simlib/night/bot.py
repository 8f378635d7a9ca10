"""What a bot really takes: by what buyers ask, less those who come back, and worse as the evening goes on.

>>> bot = blend_intents(default_intents(), return_rate=0.3)
>>> round(bot.gross_share, 3), round(bot.net_share, 3)
(0.44, 0.308)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from simlib import facts
from simlib.night.buyers import Episode
from simlib.simulator.draw import ChatService


@dataclass(frozen=True, kw_only=True)
class BotIntent:
    """One thing that buyers ask about: its share of the contacts, and what share of them the bot counts as solved."""

    key: str
    share: float
    resolves: float

    def __post_init__(self) -> None:
        for name in ("share", "resolves"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} of {self.key!r} must lie in [0, 1], got {getattr(self, name)!r}")


@dataclass(frozen=True, kw_only=True)
class BotBlend:
    """What a bot takes of all contacts.

    Attributes
    ----------
    gross_share : float
        Share of all contacts that the bot counts as solved.
    return_rate : float
        Share of these whose buyers come back to a person.
    by_intent : tuple of (key, share of all contacts, gross share of all contacts, net share of all contacts)
    """

    gross_share: float
    return_rate: float
    by_intent: tuple[tuple[str, float, float, float], ...]

    @property
    def net_share(self) -> float:
        """Share of all contacts that no person ever sees."""
        return self.gross_share * (1.0 - self.return_rate)

    def apply_to(self, service: ChatService) -> ChatService:
        """Return a service whose bot takes this much; who meets the bot stays as it was where that is possible."""
        meets = None if service.bot_meets_share is None else max(service.bot_meets_share, self.gross_share)
        return replace(service, bot_share=self.gross_share, bot_meets_share=meets, bot_return_rate=self.return_rate)


def default_intents() -> tuple[BotIntent, ...]:
    """Read the intents of ``playbook/facts/bot_intents.yml``: assumptions of this kit, to be replaced."""
    rows = facts.rows("bot_intents").to_dict("records")
    return tuple(BotIntent(key=row["key"], share=row["value"], resolves=row["resolves"]) for row in rows)


def blend_intents(intents: Sequence[BotIntent], *, return_rate: float = 0.0) -> BotBlend:
    """Add up what a bot takes over what buyers ask.

    Raises
    ------
    ValueError
        Shares that do not add up to 1, or a return rate outside [0, 1].
    """
    total = math.fsum(intent.share for intent in intents)
    if abs(total - 1.0) > 1e-6:
        raise ValueError(f"the shares of the intents must add up to 1, got {total:g}")
    if not 0 <= return_rate <= 1:
        raise ValueError(f"return_rate must lie in [0, 1], got {return_rate!r}")
    parts = []
    for intent in intents:
        gross = intent.share * intent.resolves
        parts.append((intent.key, intent.share, gross, gross * (1.0 - return_rate)))
    return BotBlend(
        gross_share=math.fsum(gross for _, _, gross, _ in parts), return_rate=return_rate, by_intent=tuple(parts)
    )


def drift_bot(
    *, start_s: float, end_s: float, change: float, steps: int, until_s: float, queue: str | None = None
) -> tuple[Episode, ...]:
    """Return the episodes of a bot whose share drifts: in even steps by ``change`` in all, then as it is until the end.

    Parameters
    ----------
    start_s, end_s : float
        When it begins to drift and when it has drifted by all of ``change``.
    change : float
        Added to the share that the bot resolves; after a change of its model or its rules 0.05 to 0.10 either way.
    steps : int
        How many even steps the ramp has.
    until_s : float
        The end of the night.
    queue : str, optional
        Of the buyers; left out, all queues.

    Examples
    --------
    >>> [(e.start_s, round(e.bot_share_change, 3)) for e in drift_bot(
    ...     start_s=0, end_s=7200, change=-0.1, steps=4, until_s=14400)]
    [(0.0, -0.025), (1800.0, -0.05), (3600.0, -0.075), (5400.0, -0.1)]
    """
    if not 0 <= start_s < end_s <= until_s:
        raise ValueError(f"start_s < end_s <= until_s must hold, got {start_s!r}, {end_s!r}, {until_s!r}")
    if steps < 1:
        raise ValueError(f"steps must be a whole number >= 1, got {steps!r}")
    edges = [*(start_s + (end_s - start_s) * step / steps for step in range(steps)), until_s]
    return tuple(
        Episode(start_s=edges[step], end_s=edges[step + 1], queue=queue, bot_share_change=change * (step + 1) / steps)
        for step in range(steps)
    )
