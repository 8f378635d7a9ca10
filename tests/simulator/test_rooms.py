"""Memory that is lent: an outcome keeps its own, what nobody holds is lent again, and what waits has a limit."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from simlib.simulator import rooms, run_arrays
from simlib.simulator.rooms import ALIGNED, KEPT_BYTES, SMALLEST_BYTES, lend
from tests.simulator.test_running_night import draw_night

N = SMALLEST_BYTES


@pytest.fixture(autouse=True)
def empty(monkeypatch):
    """No room waits at the beginning."""
    monkeypatch.setattr(rooms, "_free", [])


@pytest.mark.parametrize("rows", [0, 1, 100, N])
@pytest.mark.parametrize("dtype", [np.float64, np.int32, np.dtype([("a", "f8"), ("b", "i4")], align=True)])
def test_a_room_is_an_array_like_any_other(rows, dtype):
    """It has its length and type, begins where cache lines do, and is cleared where it is asked to be."""
    for _ in range(3):
        table = lend(rows, dtype, cleared=True)
        assert (len(table), table.dtype) == (rows, np.dtype(dtype))
        assert table.ctypes.data % ALIGNED == 0 or rows == 0
        assert not table.view(np.uint8).any()
        table.view(np.uint8)[:] = 7
        del table


def test_a_room_comes_back_when_the_last_piece_of_it_is_gone():
    """A column of a row of an array holds the whole; then the next who asks has the same memory."""
    table = lend(N, np.dtype([("a", "f8"), ("b", "f8")]))
    at, piece = table.ctypes.data, table["b"][10:20]
    piece[:] = 3.0
    del table
    other = lend(N, np.dtype([("a", "f8"), ("b", "f8")]))
    assert other.ctypes.data != at
    assert (piece == 3.0).all()
    del piece
    assert lend(N, np.dtype([("a", "f8"), ("b", "f8")])).ctypes.data == at


def test_a_room_twice_too_large_is_left_alone():
    """A small night does not take the room of a large one."""
    at = lend(10 * N, np.float64).ctypes.data
    assert lend(N, np.float64).ctypes.data != at
    assert lend(9 * N, np.float64).ctypes.data == at


def test_what_waits_has_a_limit():
    """Beyond it a room goes to the system."""
    lend(KEPT_BYTES // 8, np.float64)
    assert rooms._free == []
    lend(KEPT_BYTES // 16, np.float64)
    lend(KEPT_BYTES // 80, np.float64)
    lend(KEPT_BYTES // 9, np.float64)
    assert len(rooms._free) == 2
    assert sum(map(len, rooms._free)) <= KEPT_BYTES


def test_nights_that_are_held_stay_as_they_are():
    """Outcomes of nights in many threads at once are those of the nights alone, whatever came after them."""
    nights = [draw_night(seed) for seed in range(6)]
    alone = [run_arrays(*night) for night in nights]
    kept = [{name: np.array(getattr(one, name)) for name in ("outcome", "entry", "end", "replies")} for one in alone]
    seen: list = [None] * 24

    def run(number):
        seen[number] = run_arrays(*nights[number % 6])

    threads = [threading.Thread(target=run, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, outcome in enumerate([*alone, *seen]):
        for name, column in kept[number % 6].items():
            np.testing.assert_array_equal(getattr(outcome, name), column)
