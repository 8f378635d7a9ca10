"""The web server of a drill: routes, keys and headers; everything shown or done is the room's.

Every request has an answer: a page, a figure, or a sentence that says what is wrong. Nothing is printed: the terminal
is often projected, and addresses hold keys. An unexpected error goes into ``errors.log`` beside the drill's log.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from markupsafe import escape
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from simlib.drill.game import DrillError
from simlib.drill_room.screens import BOARD, FACILITATOR
from simlib.messages import UserError, translate
from simlib.report.typeface import FONT

if TYPE_CHECKING:
    from simlib.drill_room.room import DrillRoom

HERE = Path(__file__).parent
PATIENCE_S = 1.0  # a paper that takes longer is announced by a page that asks again
LARGEST_STEP = 4096  # bytes of a step; what a page sends is below 200
LARGEST_BODY = 1 << 20  # bytes that are read at all
BACKLOG = 512  # connections that may wait: 200 phones that open their page at the same moment
IDLE_S = 30.0
THREADS = 8
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DOCUMENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)

T = TypeVar("T")


class DrillServer:
    """A server in a thread of its own.

    Parameters
    ----------
    room : DrillRoom
        Whose pages are served.
    """

    def __init__(self, room: DrillRoom) -> None:
        self.room = room
        self.address: tuple[str, int] = ("", 0)
        self._pool = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="sandtable-drill")
        self._ready = Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: Thread | None = None

    def start(self, *, host: str, port: int) -> None:
        """Listen on an address and return; port 0 takes a free one.

        Raises
        ------
        OSError
            The address cannot be served.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
        listening.setblocking(False)
        self.address = listening.getsockname()[:2]
        logging.getLogger("tornado").addHandler(logging.NullHandler())  # nothing on the terminal
        self._thread = Thread(
            target=lambda: asyncio.run(self._run(listening, host)), name="sandtable-drill", daemon=True
        )
        self._thread.start()
        self._ready.wait()

    async def _run(self, listening: socket.socket, host: str) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(lambda _, context: self.note_error(str(context.get("exception", context))))
        shared: dict[str, Any] = {"server": self, "own_names": own_names(host)}
        routes: list[Any] = [
            (r"/", FileHandler, shared | {"path": HERE / "drill_room.html", "kind": "text/html"}),
            (r"/drill_room\.js", FileHandler, shared | {"path": HERE / "drill_room.js", "kind": "text/javascript"}),
            (r"/drill_room\.css", FileHandler, shared | {"path": HERE / "drill_room.css", "kind": "text/css"}),
            (r"/font\.otf", FileHandler, shared | {"path": FONT, "kind": "font/otf"}),
            (r"/state", StateHandler, shared),
            (r"/(paper|debrief)", PaperHandler, shared),
            (r"/step", StepHandler, shared),
        ]
        application = Application(
            routes,
            default_handler_class=Handler,
            default_handler_args=shared,
            log_function=lambda _: None,
        )
        server = HTTPServer(
            application, idle_connection_timeout=IDLE_S, body_timeout=IDLE_S, max_body_size=LARGEST_BODY
        )
        server.add_socket(listening)
        self._ready.set()
        await self._stop.wait()
        server.stop()
        await server.close_all_connections()

    def close(self) -> None:
        """Stop listening and wait until the last answer is sent."""
        if self._loop is not None and self._stop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(IDLE_S)
        self._pool.shutdown(cancel_futures=True)

    async def compute(self, work: Callable[..., T], *args: Any) -> T:
        """Run something long in another thread, so that other pages are answered meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(*args))

    def note_error(self, text: str) -> None:
        """Write an unexpected error into the drill's folder."""
        try:
            with (self.room.folder / "errors.log").open("a", encoding="utf-8", errors="replace") as file:
                file.write(text.rstrip() + "\n")
        except OSError:  # a full disk must not stop the game
            return


def own_names(host: str) -> frozenset[str]:
    """Return the host names under which this machine may be asked for.

    Another name in a request's Host header is a page elsewhere whose name has been pointed at this machine.
    """
    machine = socket.gethostname().lower()
    return frozenset({"localhost", machine, machine.partition(".")[0], f"{machine}.local", host.lower()})


def is_own_host(header: str, names: frozenset[str]) -> bool:
    """Return whether a Host header is an address or a name of this machine.

    >>> hosts = ("127.0.0.1:80", "[::1]:80", "localhost", "evil.example")
    >>> [is_own_host(host, frozenset({"localhost"})) for host in hosts]
    [True, True, True, False]
    """
    try:
        name = urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return False
    if name in names:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


class Handler(RequestHandler):
    """The base of every answer: headers, keys and sentences. By itself it answers a path that does not exist."""

    def initialize(self, server: DrillServer, own_names: frozenset[str]) -> None:
        """Take what the route hands over."""
        self.server, self.own_names = server, own_names

    @property
    def room(self) -> DrillRoom:
        """Return the room that is served."""
        return self.server.room

    def set_default_headers(self) -> None:
        """Set the headers of every answer, errors included."""
        self.set_header("Server", "sandtable")
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> None:
        """Return no tag: nothing here is to be kept by a browser, but for the font."""

    async def prepare(self) -> None:
        """Refuse requests to another host's name."""
        if not is_own_host(self.request.host, self.own_names):
            self.refuse(HTTPStatus.FORBIDDEN, "wrong_host")
        elif type(self) is Handler:
            self.refuse(HTTPStatus.NOT_FOUND, "not_understood")

    def owner(self) -> str | None:
        """Return whose key the request has; without one, answer with a refusal and return None."""
        who = self.room.who(self.get_query_argument("key", "") or self.request.headers.get("X-Key", ""))
        if who is None:
            self.refuse(HTTPStatus.FORBIDDEN, "no_key")
        return who

    def refuse(self, status: HTTPStatus, key: str) -> None:
        """Answer with a sentence."""
        self.answer(status, {"said": translate(f"drill.{key}", self.room.lang)})

    def answer(self, status: HTTPStatus, content: dict[str, Any]) -> None:
        """Answer with JSON in plain ASCII, which holds any text, a lone surrogate too."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(content))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer an error with a sentence."""
        key = "server_error" if status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else "not_understood"
        self.answer(HTTPStatus(status_code), {"said": translate(f"drill.{key}", self.room.lang)})

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Write an unexpected error into the drill's folder, not on the terminal."""
        if not isinstance(value, UserError) and getattr(value, "status_code", 500) >= 500:
            self.server.note_error("".join(traceback.format_exception(typ, value, tb)))


class FileHandler(Handler):
    """The page, its script, its style and its font, for anybody."""

    def initialize(
        self, server: DrillServer, own_names: frozenset[str], path: Path = FONT, kind: str = "font/otf"
    ) -> None:
        """Take what the route hands over."""
        super().initialize(server, own_names)
        self.path, self.kind = path, kind

    def get(self) -> None:
        """Answer with the file."""
        self.set_header("Content-Type", self.kind if self.kind == "font/otf" else f"{self.kind}; charset=utf-8")
        if self.kind == "font/otf":
            self.set_header("Cache-Control", "max-age=86400")
        self.finish(self.path.read_bytes())


class StateHandler(Handler):
    """What a page shows now."""

    async def get(self) -> None:
        """Answer with the page's contents."""
        who = self.owner()
        if who is not None:
            self.answer(HTTPStatus.OK, await self.server.compute(self.room.show, who))


class PaperHandler(Handler):
    """The game on paper, for the facilitator, and the debriefs, each for its team and the facilitator."""

    async def get(self, route: str) -> None:
        """Answer with the paper; while it is being made, with a page that says so and asks again."""
        who = self.owner()
        if who is None:
            return
        if who == BOARD or (route == "paper" and who != FACILITATOR):
            self.refuse(HTTPStatus.FORBIDDEN, "not_yours")
            return
        name = route if route == "paper" else self.get_query_argument("team", "1") if who == FACILITATOR else who
        if name != "paper" and name not in map(str, self.room.drill.teams):
            self.refuse(HTTPStatus.NOT_FOUND, "not_understood")
            return
        try:
            made = await self.server.compute(self.room.paper, name)
            page = await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(made)), PATIENCE_S)
            status = HTTPStatus.OK
        except DrillError as refused:
            self.answer(HTTPStatus.CONFLICT, {"said": refused.text(self.room.lang)})
            return
        except TimeoutError:
            page, status = self._waiting_page(), HTTPStatus.ACCEPTED
        self.set_status(status)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", DOCUMENT_POLICY)
        self.finish(page)

    def _waiting_page(self) -> str:
        text = escape(translate("drill.ui_waiting_for", self.room.lang))
        done_pct = self.room.paper_done_pct
        return (
            f'<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="refresh" content="1"><title>{text}</title>'
            f'<p style="font:1.5em sans-serif;margin:30vh auto 0;text-align:center">{text}<br><br>'
            f'<progress max="100" value="{done_pct}" style="width:40%;height:1.2em"></progress> {done_pct} %</p>'
        )


class StepHandler(Handler):
    """A step of a team or of the facilitator."""

    async def post(self) -> None:
        """Take the step and answer with what it brings."""
        who = self.owner()
        if who is None:
            return
        try:
            if len(self.request.body) > LARGEST_STEP:
                raise ValueError("the step is too long")
            wish = json.loads(self.request.body)
            if not isinstance(wish, dict):
                raise TypeError("a step is an object")
        except (ValueError, TypeError, RecursionError):
            self.refuse(HTTPStatus.BAD_REQUEST, "not_understood")
            return
        try:
            text = await self.server.compute(self.room.act, who, wish)
        except UserError as refused:
            self.answer(HTTPStatus.CONFLICT, {"said": refused.text(self.room.lang)})
            return
        self.answer(HTTPStatus.OK, {"said": text})
