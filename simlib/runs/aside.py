"""Work out chapters of a plan in a second process, while the first runs the notebooks before them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from simlib.planning import Plan


@dataclass(kw_only=True)
class Aside:
    """A process that waits for a plan and returns some of its chapters; ``at_work`` once it was given one."""

    process: SpawnProcess
    ours: Connection
    at_work: bool = False

    def begin(self, plan: Plan, chapters: Sequence[str]) -> None:
        """Send the plan over with all that is worked out so far; the chapters are worked out from there, in order."""
        self.at_work = True
        self.ours.send((plan, tuple(chapters)))

    def collect(self, plan: Plan, chapter: str) -> None:
        """Put the chapters up to this one into the plan as they come; one that fails is left to be asked for here."""
        while self.at_work and chapter not in vars(plan):
            try:
                name, result = self.ours.recv()
            except (EOFError, OSError):
                return
            vars(plan).setdefault(name, result)


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
    import simlib.actions.result
    import simlib.drill.result
    import simlib.simulator.compiled
    import simlib.stress.result  # noqa: F401  loaded while the first process plans

    try:
        plan, chapters = pipe.recv()
        for name in chapters:
            try:
                found = getattr(plan, name)
            except Exception:  # the first process asks again and shows it
                return
            pipe.send((name, found))
    except (EOFError, OSError):  # the first process is gone
        return
