"""The threads that compute: only the latest request of each client is answered."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial

from simlib.live.answer import Comparison
from simlib.live.night import LiveNight, NightFigures, Position, PreparedNight

WORKERS = 2  # one starts a new request while the other finishes its night
CLIENTS_MAX = 32  # browsers that show one page at the same time
ANSWER_AFTER = (1, 4, 8, 16, 30)  # nights after which an answer is sent again
REST_S = 0.4  # without a new request for this long, the last answer gets more nights
log = logging.getLogger(__name__)


@dataclass(kw_only=True, eq=False)
class Request:
    """A client's request: its number and a position; ``now`` grows night by night while a thread has ``taken`` it.

    ``is_plan``: the position changes nothing, so that the plan's own nights are its answer. ``answered``: the nights
    behind the last answer that was sent.
    """

    client_id: str
    number: int
    position: Position
    prepared: PreparedNight | None = None
    now: list[NightFigures] = field(default_factory=list)
    is_plan: bool = False
    answered: int = 0
    taken: bool = False


class Superseded(Exception):
    """A newer request of the same client has replaced the one at work."""


class LatestOnly:
    """Answers requests in threads of its own; of each client only the latest request counts.

    New requests come first. When there has been none for a while, the request with the fewest nights gets one more,
    so that the answers to several browsers are refined alike; one thread at a time does that, and pauses while the
    other answers a new request. Work on a superseded request is cancelled; otherwise two stalled workers would block
    the third request. The threads end when there is nothing left to do.

    Parameters
    ----------
    live : LiveNight
        The night that requests are about.
    on_answer : callable
        (request, answer), called in a thread.
    on_error : callable
        (request, error), called in a thread when a position cannot be simulated.
    nights : int
        Nights behind a final answer.
    """

    def __init__(
        self,
        live: LiveNight,
        *,
        on_answer: Callable[[Request, Comparison], object],
        on_error: Callable[[Request, Exception], object],
        nights: int,
    ) -> None:
        self._live, self._on_answer, self._on_error, self._nights = live, on_answer, on_error, nights
        self._requests: dict[str, Request] = {}
        self._plan: dict[int, NightFigures] = {}
        self._changed = threading.Condition()
        self._workers = 0
        self._requested_at = 0.0

    def ask(self, client_id: str, number: int, position: Position) -> None:
        """Add a request; it supersedes an older one of the same client."""
        with self._changed:
            self._requests[client_id] = Request(client_id=client_id, number=number, position=position)
            while len(self._requests) > CLIENTS_MAX:
                del self._requests[next(iter(self._requests))]
            self._requested_at = time.monotonic()
            while self._workers < WORKERS:
                self._workers += 1
                threading.Thread(target=self._work, name="sandtable-live", daemon=True).start()
            self._changed.notify_all()

    def forget(self, client_id: str) -> None:
        """Drop the request of a client that has left."""
        with self._changed:
            self._requests.pop(client_id, None)
            self._changed.notify_all()

    def _take(self) -> Request | None:
        """Return the next request to work on, after a wait; None when there is nothing left to do."""
        with self._changed:
            while True:
                open_ = [request for request in self._requests.values() if len(request.now) < self._nights]
                if not open_:
                    self._workers -= 1
                    return None
                fresh = [request for request in open_ if not request.now and not request.taken]
                rest_s = self._requested_at + REST_S - time.monotonic()
                at_work = any(request.taken for request in open_)
                if fresh or (rest_s <= 0 and not at_work):
                    request = fresh[0] if fresh else min(open_, key=lambda each: len(each.now))
                    request.taken = True
                    return request
                self._changed.wait(None if at_work else rest_s)

    def _work(self) -> None:
        while (request := self._take()) is not None:
            try:
                self._simulate_next(request)
                self._answer_if_due(request)
            except Superseded:
                continue
            except Exception as error:  # any error: the next request must still be answered
                if not isinstance(error, ValueError):
                    log.exception("a live night failed")
                self._drop(request)
                self._on_error(request, error)
                continue
            with self._changed:
                request.taken = False
                self._changed.notify_all()

    def _simulate_next(self, request: Request) -> None:
        replication = len(request.now)
        if request.prepared is None:
            request.prepared = self._live.prepare(request.position)
            request.is_plan = self._live.is_plan(request.position)
        pause = partial(self._yield_to_new, request) if replication else lambda: None
        if replication not in self._plan:
            self._plan[replication] = self._live.simulate(self._prepared_plan, replication, pause=pause)
        if request.is_plan:  # the same nights to the bit: all of them that are there
            request.now += [self._plan[number] for number in range(replication, self._plan_nights)]
        else:
            request.now.append(self._live.simulate(request.prepared, replication, pause=pause))

    @property
    def _plan_nights(self) -> int:
        """How many of the plan's first nights have been simulated."""
        return next(number for number in range(self._nights + 1) if number not in self._plan)

    def _answer_if_due(self, request: Request) -> None:
        nights = len(request.now)
        due = any(request.answered < mark <= nights for mark in (*ANSWER_AFTER, self._nights))
        if self._is_latest(request) and due:
            request.answered = nights
            plan = [self._plan[number] for number in range(nights)]
            self._on_answer(
                request, Comparison(live=self._live, position=request.position, plan=plan, now=list(request.now))
            )

    def _yield_to_new(self, request: Request) -> None:
        """Wait while a client has no answer yet: two threads that measure would slow each other down."""
        with self._changed:
            while self._requests.get(request.client_id) is request:
                if all(each.now for each in self._requests.values()):
                    return
                self._changed.wait()
        raise Superseded

    @cached_property
    def _prepared_plan(self) -> PreparedNight:
        return self._live.prepare({})

    def _is_latest(self, request: Request) -> bool:
        with self._changed:
            return self._requests.get(request.client_id) is request

    def _drop(self, request: Request) -> None:
        with self._changed:
            if self._requests.get(request.client_id) is request:
                del self._requests[request.client_id]
            self._changed.notify_all()
