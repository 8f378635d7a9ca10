"""Who of a roster is there, and when: absence and spells off chat, drawn person by person in each night.

A requirement divides its heads by one minus the shrinkage; here the same share of the rostered time is lost in each
simulated night, so that what is required and what is rostered meet on one basis. Both are drawn from streams of each
person's own: a person absent in a night is absent in every scenario of it, and moving a shift moves nobody's spells.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache, partial
from typing import Self

import numpy as np

from simlib import facts
from simlib.simulator import Agents
from simlib.simulator.replicate import Attend
from simlib.streams import stream

Spells = tuple[tuple[float, float], ...]
_SHIFT = np.dtype([("agent", np.int64), ("start", np.float64), ("end", np.float64)])


class AttendingAgents(Agents):
    """The agents of one night, who know what they were rostered for.

    Attributes
    ----------
    rostered : structured array
        agent, start, end: the roster's shifts; ``shifts`` are the times of them in which the agent is on chat.
    """

    rostered: np.ndarray

    @classmethod
    def of(cls, agents: Agents, *, on_chat: np.ndarray) -> Self:
        """Return agents with the times in which they are on chat in place of the shifts they are rostered for."""
        columns = {column.name: getattr(agents, column.name) for column in fields(Agents)}
        made = cls(**columns | {"shifts": on_chat})
        object.__setattr__(made, "rostered", agents.shifts)  # frozen; no field, for an engine reads it nowhere
        return made


@dataclass(frozen=True, kw_only=True)
class Shrinkage:
    """The share of the rostered time in which nobody new is taken on chat.

    Parameters
    ----------
    absence : float
        Chance that a person does not come at all, in [0, 1).
    off_chat : float
        Share of the shift of those who come that is spent off chat, in [0, 1).
    spell_s : float
        Mean length of one spell off chat in seconds, > 0. Spells and the time between them are exponential.

    Notes
    -----
    A spell is run like a break of the roster: the person takes no new buyer and finishes the chats that are open. The
    share therefore is of time in which no new buyer is taken, which is what a requirement's heads on chat do.

    Examples
    --------
    >>> shrinkage = Shrinkage.of_share(0.1)
    >>> round(shrinkage.absence, 3), round(shrinkage.on_chat_share, 3)
    (0.03, 0.9)
    >>> agents = Agents(shifts=[(0, 0.0, 36000.0), (1, 0.0, 36000.0)])
    >>> night = Shrinkage(off_chat=0.2).attend(agents, names=["A1", "A2"], until_s=36000.0, seed=7, replication=0)
    >>> bool((night.on_duty_s < agents.on_duty_s).any()), night.rostered is agents.shifts
    (True, True)
    """

    absence: float = 0.0
    off_chat: float = 0.0
    spell_s: float = 900.0

    def __post_init__(self) -> None:
        for name in ("absence", "off_chat"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in [0, 1), got {getattr(self, name)!r}")
        if not 0 < self.spell_s < math.inf:
            raise ValueError(f"spell_s must be > 0 seconds and finite, got {self.spell_s!r}")

    @classmethod
    def of_share(cls, share: float) -> Self:
        """Return the shrinkage of a store's ratio, split by ``playbook/facts/attendance.yml``.

        ``share`` lies in [0, 1); absence and off-chat time together take exactly so much of the rostered time.
        """
        if not 0 <= share < 1:
            raise ValueError(f"share must lie in [0, 1), got {share!r}")
        absence = share * float(facts.value("attendance", "absence_part"))
        off_chat = 1.0 - (1.0 - share) / (1.0 - absence)
        return cls(absence=absence, off_chat=off_chat, spell_s=float(facts.value("attendance", "off_chat_spell_s")))

    @property
    def on_chat_share(self) -> float:
        """Share of the rostered time that is on chat, in the long run."""
        return (1.0 - self.absence) * (1.0 - self.off_chat)

    def is_absent(self, name: str, *, seed: int, replication: int) -> bool:
        """Return whether a person does not come in one night; a larger absence only adds to those who do not."""
        return _mark(name, seed, replication) < self.absence

    def spells_s(self, name: str, *, until_s: float, seed: int, replication: int) -> Spells:
        """Return when a person would be off chat in one night: (start, end) in seconds, in order, up to ``until_s``."""
        if not self.off_chat:
            return ()
        return _draw_spells(name, self.off_chat, self.spell_s, until_s, seed, replication)

    def attend(
        self, agents: Agents, *, names: Sequence[str], until_s: float, seed: int, replication: int
    ) -> AttendingAgents:
        """Return the agents of one night: nobody who is absent, no shift during a spell off chat.

        Parameters
        ----------
        agents : Agents
            As they are rostered.
        names : sequence of str
            One per agent; the same name has the same absence and the same spells in every version of a night.
        until_s : float
            The end of the night.
        """
        if len(names) != len(agents):
            raise ValueError(f"names must be one per agent, {len(agents)}, got {len(names)}")
        when = {"seed": seed, "replication": replication}
        absent = {agent: self.is_absent(names[agent], **when) for agent in np.unique(agents.shifts["agent"]).tolist()}
        kept: list[tuple[int, float, float]] = []
        for agent, start_s, end_s in agents.shifts.tolist():
            if not absent[agent]:
                spells = self.spells_s(names[agent], until_s=until_s, **when)
                kept += [(agent, *span) for span in _cut(start_s, end_s, spells)]
        return AttendingAgents.of(agents, on_chat=np.array(kept, dtype=_SHIFT))

    def bind(self, names: Sequence[str], *, until_s: float) -> Attend | None:
        """Return what draws the agents of each night; None where everybody is always there."""
        if not self.absence and not self.off_chat:
            return None
        return partial(self.attend, names=tuple(names), until_s=until_s)


@lru_cache(maxsize=65536)
def _mark(name: str, seed: int, replication: int) -> float:
    return float(stream(seed, replication, f"absence {name}").random())


@lru_cache(maxsize=65536)
def _draw_spells(
    name: str, share: float, spell_s: float, until_s: float, seed: int, replication: int
) -> tuple[tuple[float, float], ...]:
    chance = stream(seed, replication, f"off chat {name}")
    between_s = spell_s * (1.0 - share) / share
    begins = 0.0 if chance.random() < share else float(chance.exponential(between_s))
    found = []
    while begins < until_s:
        ends = begins + float(chance.exponential(spell_s))
        found.append((begins, min(ends, until_s)))
        begins = ends + float(chance.exponential(between_s))
    return tuple(found)


def _cut(start_s: float, end_s: float, spells: Spells) -> Iterator[tuple[float, float]]:
    """Yield what is left of [start, end) outside the spells."""
    for begins, ends in spells:
        if ends <= start_s:
            continue
        if begins >= end_s:
            break
        if begins > start_s:
            yield start_s, begins
        start_s = ends
    if start_s < end_s:
        yield start_s, end_s
