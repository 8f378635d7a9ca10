"""The log of a drill: what was decided, one line per decision, each chained to the one before it.

The log is the drill. Everything else, the screens, the scores, the debrief, follows from it and can be made again. A
line is on the disk before it counts, so a crash loses nothing; an edited line no longer fits the chain, and the game
goes on from the last one that does.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Any, Literal

import pandas as pd
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    model_serializer,
)

from simlib.files import write_file
from simlib.stress.scenarios import Incident, Scenario

LOG, LOCK = "log.jsonl", "lock"


class FolderLock:
    """A lock on a drill's folder: one process at a time may write its log.

    The lock ends with the process that holds it, however that ends; the file that carries it stays and means nothing.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     first, second = FolderLock(Path(folder)), FolderLock(Path(folder))
    ...     held = first.acquire(), second.acquire()
    ...     first.release()
    ...     held, second.acquire()
    ...     second.release()
    ((True, False), True)
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: IO[bytes] | None = None

    def acquire(self) -> bool:
        """Take the lock; return False where another holder has it.

        Raises
        ------
        OSError
            The folder cannot be made or written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        file = (self.folder / LOCK).open("ab")
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            file.close()
            return False
        except BaseException:
            file.close()
            raise
        self._file = file
        return True

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self._file is not None:
            self._file.close()
            self._file = None


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Scheduled(_Line):
    """A scenario as it is written into the log."""

    name: str
    cards: tuple[str, ...]
    incidents: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, scenario: Scenario) -> Scheduled:
        """Return a scenario as it is written into the log."""
        incidents = [
            {key: value.isoformat() if key in ("start", "end") else value for key, value in vars(incident).items()}
            for incident in scenario.incidents
        ]
        rows = tuple({key: value for key, value in incident.items() if value is not None} for incident in incidents)
        return cls(name=scenario.name, cards=scenario.cards, incidents=rows)

    def scenario(self, tz: Any) -> Scenario:
        """Read the scenario back, on the clock of a time zone."""
        incidents = tuple(
            Incident(**row | {edge: pd.Timestamp(row[edge]).tz_convert(tz) for edge in ("start", "end")})
            for row in self.incidents
        )
        return Scenario(name=self.name, incidents=incidents, cards=self.cards)


class OpeningLine(_Line):
    """The first line: which night of which store, with which schedule, for how many teams.

    Logs of earlier versions do not have ``store`` (its id) and ``shop`` (its name); their line is written again
    without them, so that it still fits the chain.
    """

    kind: Literal["open"] = "open"
    night: str
    store: str = ""
    shop: str = ""
    seed: int
    teams: Annotated[int, Field(ge=1)]
    starts: str
    minutes: Annotated[int, Field(ge=1)]
    round_min: Annotated[int, Field(ge=1)]
    scenarios: tuple[Scheduled, ...]

    @model_serializer(mode="wrap")
    def _without_unknown_store(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in write(self).items() if value or key not in ("store", "shop")}


class Advanced(_Line):
    """The clock goes on to the beginning of a round."""

    kind: Literal["advance"] = "advance"
    round: int


class Paused(_Line):
    """The game is paused, or goes on."""

    kind: Literal["pause"] = "pause"
    paused: bool


class Injected(_Line):
    """The facilitator lets something happen."""

    kind: Literal["inject"] = "inject"
    scenario: Scheduled


class Rewound(_Line):
    """The clock goes back to the beginning of a round, and what was decided since then is undone."""

    kind: Literal["rewind"] = "rewind"
    round: int


class Decided(_Line):
    """A team makes a move, calls a card, or chooses a phrase."""

    kind: Literal["decide"] = "decide"
    team: int
    role: str
    what: Literal["lever", "card", "phrase"]
    key: str
    size: float | None = None


Entry = OpeningLine | Advanced | Paused | Injected | Rewound | Decided
_ENTRY: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])


class DrillLog:
    """The lines of a drill, in memory and, where a file is given, on the disk first.

    Parameters
    ----------
    path : Path, optional
        The file; left out, the log is in memory only.

    Examples
    --------
    >>> log = DrillLog()
    >>> log.append(Paused(paused=True))
    >>> log.entries
    [Paused(kind='pause', paused=True)]
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.entries: list[Entry] = []
        self._link = ""

    def append(self, entry: Entry) -> None:
        """Write a line; it is on the disk when this returns."""
        line, link = _chain(entry, self._link)
        if self.path is not None:
            with self.path.open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        self.entries.append(entry)
        self._link = link

    def cut(self, keep: int) -> Path | None:
        """Set aside what follows the first ``keep`` lines of the file, and go on behind them.

        Returns
        -------
        Path or None
            Where the rest now is; None where there was none.
        """
        if self.path is None:
            raise ValueError("a log in memory has no lines to set aside")
        lines = self.path.read_bytes().splitlines(keepends=True)
        self.entries, self._link = [], ""
        for line in lines[:keep]:
            entry, link = _read(line, self._link)
            self.entries.append(entry)
            self._link = link
        if lines[keep:]:
            number = len(list(self.path.parent.glob("set_aside_*.jsonl"))) + 1
            aside = self.path.with_name(f"set_aside_{number}.jsonl")
            aside.write_bytes(b"".join(lines[keep:]))
            write_file(self.path, b"".join(lines[:keep]))
            return aside
        return None


def read_lines(path: Path) -> Iterator[Entry]:
    """Read the lines of a file for as long as each fits the one before it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     log = DrillLog(Path(folder) / LOG)
    ...     log.append(Paused(paused=True))
    ...     log.append(Paused(paused=False))
    ...     edited = log.path.write_bytes(log.path.read_bytes().replace(b"false", b"true"))
    ...     list(read_lines(log.path))
    [Paused(kind='pause', paused=True)]
    """
    link = ""
    for line in path.read_bytes().splitlines(keepends=True):
        try:
            entry, link = _read(line, link)
        except (ValueError, KeyError, TypeError):
            return
        yield entry


def read_opening(path: Path) -> OpeningLine | None:
    """Read the first line of a log; None where it is not sound."""
    first = next(read_lines(path), None)
    return first if isinstance(first, OpeningLine) else None


def _chain(entry: Entry, link: str) -> tuple[bytes, str]:
    """Return an entry as a line, and the link for the next line."""
    text = json.dumps(entry.model_dump(mode="json"), ensure_ascii=False, sort_keys=True)
    link = hashlib.sha256((link + text).encode()).hexdigest()[:16]
    return f'{{"link": "{link}", "entry": {text}}}\n'.encode(), link


def _read(line: bytes, link: str) -> tuple[Entry, str]:
    """Read a line that follows ``link``.

    Raises
    ------
    ValueError
        It is not a whole line of JSON, not an entry, or does not follow.
    """
    if not line.endswith(b"\n"):
        raise ValueError("the line breaks off")
    try:
        entry = _ENTRY.validate_python(json.loads(line)["entry"])
    except ValidationError as error:
        raise ValueError(f"no entry of a drill: {error}") from error
    written, link = _chain(entry, link)
    if written != line:
        raise ValueError("the line does not follow the one before it")
    return entry, link
