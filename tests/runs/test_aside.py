"""Chapters that a second process works out."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pandas as pd
import psutil
import pytest

from simlib.planning import plan
from simlib.runs.aside import _take_half, working_aside
from simlib.simulator import count_cores

SMALL = Path(__file__).parents[2] / "templates" / "stores" / "bodycare"


@pytest.mark.slow
def test_a_chapter_comes_back_as_it_would_be_worked_out_here() -> None:
    """What the second process finds equals what this one finds; what it cannot find is left to be asked for here."""
    sent, here = plan(SMALL), plan(SMALL)
    with working_aside() as aside:
        aside.begin(sent, ("sales", "no_such_chapter", "forecasting"))
        aside.collect(sent, "forecasting")
        assert aside.process.is_alive() or aside.process.exitcode == 0
    assert "sales" in vars(sent)
    assert "forecasting" not in vars(sent)
    for name, table in here.sales.tables.items():
        pd.testing.assert_frame_equal(sent.sales.tables[name], table)
    assert not aside.process.is_alive()


@pytest.mark.slow
def test_what_is_asked_for_later_waits_for_nobody_to_read() -> None:
    """Chapters larger than a pipe holds are worked out one after the other, before the first of them is collected."""
    sent = plan(SMALL)
    with working_aside() as aside:
        aside.begin(sent, ("required",))
        aside.begin(sent, ("required", "forecasting"))
        assert aside.asked == {"required", "forecasting"}
        aside.collect(sent, "forecasting")
        assert {"required", "forecasting"} <= vars(sent).keys()
        aside.collect(sent, "people")  # nobody asked for it
        assert "people" not in vars(sent)


@pytest.mark.slow
def test_a_job_is_done_there_or_else_here(tmp_path: Path) -> None:
    """A job that is lent is done by the other process; where that has ended or fails, by this one."""
    with working_aside() as aside:
        aside.lend(partial(_write_number, tmp_path / "there", 0))()
        assert (tmp_path / "there").read_text() == str(aside.process.pid)
        aside.lend(partial(_write_number, tmp_path / "here", os.getpid()))()
        assert (tmp_path / "here").read_text() == str(os.getpid())


@pytest.mark.slow
def test_a_chapter_that_nobody_collected_is_not_taken_for_the_end_of_a_job(tmp_path: Path) -> None:
    """Who waits for a job waits until it is done."""
    with working_aside() as aside:
        aside.begin(plan(SMALL), ("sales",))
        aside.lend(partial(_write_number, tmp_path / "there", 0))()
        assert (tmp_path / "there").read_text() == str(aside.process.pid)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the cores cannot be chosen here")
def test_a_single_core_is_not_halved(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine may have many cores and this process one of them."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3})
    monkeypatch.setattr("os.sched_setaffinity", lambda *_: pytest.fail("the only core was taken away"))
    assert _take_half(first=True) == frozenset()
    assert _take_half(first=False) == frozenset()


def _write_number(path: Path, only_in: int) -> None:
    if only_in not in (0, os.getpid()):
        raise RuntimeError
    path.write_text(str(os.getpid()))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the cores cannot be chosen here")
def test_the_two_processes_share_the_cores() -> None:
    """Both keep to their half while both have work; the first has all of them again afterwards."""
    cores = os.sched_getaffinity(0)
    with working_aside() as aside:
        aside.lend(partial(abs, 0))()  # it has begun
        theirs = os.sched_getaffinity(aside.process.pid)
        assert os.sched_getaffinity(0) == cores
        aside.share_cores()
        aside.share_cores()
        mine = os.sched_getaffinity(0)
        assert count_cores() == len(mine)
        assert mine | theirs == cores
        assert len(cores) == 1 or not mine & theirs
    assert os.sched_getaffinity(0) == cores


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_run_leaves_no_process_behind() -> None:
    """The second process waits on a pipe whose other end is gone, and ends."""
    code = (
        "import time\nfrom simlib.runs.aside import _take_half, working_aside\n"
        "with working_aside() as aside:\n    print(aside.process.pid, flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        child = psutil.Process(int(run.stdout.readline()))
        os.kill(run.pid, signal.SIGKILL)
        until = time.monotonic() + 60
        while child.is_running() and child.status() != psutil.STATUS_ZOMBIE and time.monotonic() < until:
            time.sleep(0.1)
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
