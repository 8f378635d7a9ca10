"""Work out chapters of a plan in a second process, while the first runs the notebooks before them."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from queue import SimpleQueue
from threading import Thread

from simlib.planning import Plan


@dataclass(kw_only=True)
class Aside:
    """A process that waits for a plan and returns some of its chapters; ``asked`` holds those it was asked for."""

    process: SpawnProcess
    ours: Connection
    asked: set[str] = field(default_factory=set)

    def begin(self, plan: Plan, chapters: Sequence[str]) -> None:
        """Send the plan with all that is worked out so far, for the chapters that were not asked for before.

        They are worked out from there, in order, after what was asked for before.
        """
        new = tuple(name for name in chapters if name not in self.asked)
        if new:
            self.asked.update(new)
            with suppress(OSError):  # it has ended: the chapters are worked out here
                self.ours.send((plan, new))

    def collect(self, plan: Plan, chapter: str) -> None:
        """Put the chapters up to this one into the plan as they come; one that fails is left to be asked for here."""
        while chapter in self.asked and chapter not in vars(plan):
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

    plans: SimpleQueue[tuple[Plan, tuple[str, ...]] | None] = SimpleQueue()
    Thread(target=_receive, args=(pipe, plans), daemon=True).start()
    with ThreadPoolExecutor(1) as sender:  # the next chapter does not wait until the first process reads this one
        while (given := plans.get()) is not None:
            plan, chapters = given
            for name in chapters:
                try:
                    found = getattr(plan, name)
                except Exception:  # the first process asks again and shows it
                    return
                sender.submit(pipe.send_bytes, pickle.dumps((name, found)))


def _receive(pipe: Connection, plans: SimpleQueue[tuple[Plan, tuple[str, ...]] | None]) -> None:
    """Put what the first process sends into a queue, and None where it has gone."""
    with suppress(EOFError, OSError):
        while True:
            plans.put(pipe.recv())
    plans.put(None)
