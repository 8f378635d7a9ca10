"""Work out chapters of a plan in a second process, while the first runs the notebooks before them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from simlib.planning import Plan


@dataclass(frozen=True, kw_only=True)
class Aside:
    """A process that waits for a plan and returns some of its chapters."""

    process: SpawnProcess
    ours: Connection

    def begin(self, plan: Plan, chapters: Sequence[str]) -> None:
        """Send the plan over with all that is worked out so far; the chapters are worked out from there."""
        self.ours.send((plan, tuple(chapters)))

    def collect(self, plan: Plan) -> None:
        """Put the chapters that were worked out into the plan; one that failed is left to be asked for here."""
        try:
            found: dict[str, Any] = self.ours.recv()
        except (EOFError, OSError):
            return
        vars(plan).update({name: result for name, result in found.items() if name not in vars(plan)})


@contextmanager
def working_aside() -> Iterator[Aside]:
    """Start the second process, and end it with the block, whatever happens in it.

    It loads the libraries while the first process plans. It ends by itself where the first one is killed: its end
    of the pipe is closed then.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Aside(process=process, ours=ours)
    finally:
        ours.close()
        process.terminate()
        process.join()


def _serve(pipe: Connection) -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the first process's to answer: it ends this one
    import simlib.drill.result
    import simlib.simulator.compiled
    import simlib.stress.result  # noqa: F401  loaded while the first process plans

    try:
        plan, chapters = pipe.recv()
        found = {}
        for name in chapters:
            try:
                found[name] = getattr(plan, name)
            except Exception:  # the first process asks again and shows it
                break
        pipe.send(found)
    except (EOFError, OSError):  # the first process is gone
        return
