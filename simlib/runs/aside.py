"""A second process, which works out chapters of a plan while the first runs the notebooks, and writes a file."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from queue import SimpleQueue
from threading import Thread
from typing import TypeAlias

from simlib.planning import Plan
from simlib.runs.memory import collecting_seldom, keep_freed_memory

_Given: TypeAlias = "SimpleQueue[tuple[Plan | Callable[[], object], tuple[str, ...]] | None]"  # a job has no chapters


@dataclass(kw_only=True)
class Aside:
    """A process that waits for a plan and returns some of its chapters; ``asked`` holds those it was asked for."""

    process: SpawnProcess
    ours: Connection
    asked: set[str] = field(default_factory=set)
    cores: frozenset[int] = frozenset()

    def share_cores(self) -> None:
        """Keep to the half of the cores that the second process leaves, from now on: both have work for long."""
        self.cores = self.cores or _take_half(first=True)

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

    def lend(self, job: Callable[[], object]) -> Callable[[], None]:
        """Have a job done there, after the chapters, and return what waits for its end.

        A job that fails there is done here, and a chapter that nobody has collected by then is left out.
        """
        with suppress(OSError):
            self.ours.send((job, ()))

        def wait() -> None:
            try:
                while self.ours.recv() is not None:
                    pass
            except (EOFError, OSError):
                job()

        return wait


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
    aside = Aside(process=process, ours=ours)
    try:
        yield aside
    finally:
        if aside.cores:
            os.sched_setaffinity(0, aside.cores)
        ours.close()
        process.terminate()
        process.join()


def _serve(pipe: Connection) -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the first process's to answer: it ends this one
    _take_half(first=False)
    keep_freed_memory()
    import simlib.actions.result
    import simlib.report.excel
    import simlib.simulator.compiled
    import simlib.stress.result  # noqa: F401  loaded while the first process plans

    given: _Given = SimpleQueue()
    Thread(target=_receive, args=(pipe, given), daemon=True).start()
    # The next chapter does not wait until the first process reads this one.
    with collecting_seldom(), ThreadPoolExecutor(1) as sender:
        while (work := given.get()) is not None:
            source, chapters = work
            try:
                if isinstance(source, Plan):
                    for name in chapters:
                        sender.submit(pipe.send_bytes, pickle.dumps((name, getattr(source, name))))
                else:
                    source()
                    sender.submit(pipe.send_bytes, pickle.dumps(None))
            except Exception:  # the first process does it again and shows it
                return


def _take_half(*, first: bool) -> frozenset[int]:
    """Keep this thread, and those it starts, to half of the cores; return all, none where they cannot be chosen.

    More threads than cores wait for each other at Python's lock.
    """
    if not hasattr(os, "sched_setaffinity"):
        return frozenset()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) == 1:
        return frozenset()
    middle = len(cores) // 2
    os.sched_setaffinity(0, cores[:middle] if first else cores[middle:])
    return frozenset(cores)


def _receive(pipe: Connection, given: _Given) -> None:
    """Put what the first process sends into a queue, and None where it has gone."""
    with suppress(EOFError, OSError):
        while True:
            given.put(pipe.recv())
    given.put(None)
