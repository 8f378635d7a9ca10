"""The room of a drill: one small server on the facilitator's machine, a page for each team, for the board and for them.

There is one process and one drill; a page holds nothing, asks every second what it should show, and can be closed and
opened again at any moment. Whoever has an address has its key: a team's key shows that team's floor and no other's,
and nobody but the facilitator sees what is dealt. The server listens on this machine only unless it is told otherwise.
"""

from __future__ import annotations

import errno
import hmac
import json
import os
import re
import secrets
import socket
import sys
import time
from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import RLock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from markupsafe import escape

from simlib import load_store
from simlib.drill.floor import OFF, STATES
from simlib.drill.game import Drill, DrillError, DrillState, Move, View, read_deal
from simlib.drill.log import LOG, Decided
from simlib.drill.play import Hindsight, find_best_play
from simlib.files import write_file
from simlib.messages import Lang, UserError, label, texts, translate
from simlib.planning import Plan, plan
from simlib.report.columns import quantity
from simlib.report.pages.drill import (
    PARTS,
    cards,
    door_name,
    name_decision,
    render_debrief,
    render_paper,
    sign_words,
    size_words,
)
from simlib.report.typeface import FONT
from simlib.stress.scenarios import Scenario, standard_scenarios

HERE = Path(__file__).parent
FACILITATOR, BOARD = "facilitator", "board"
LEAST_PACE_S, MOST_PACE_S = 1, 3600
SHORTEST_KEY = 8
PATIENCE_S = 1.0  # a paper that takes longer is announced by a page that asks again
LARGEST_BODY = 4096
CONTENT = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'"
)
DOCUMENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:; base-uri 'none'"


@dataclass(eq=False)
class DrillRoom:
    """A drill with its doors: who may see and do what.

    Parameters
    ----------
    drill : Drill
        The game.
    plan : Plan
        The store's, for its name and its phrases.
    folder : Path
        Where the log and the keys are kept.
    lang : {"zh", "en"}
        Of the pages.
    """

    drill: Drill
    plan: Plan
    folder: Path
    lang: Lang
    pace_s: float | None = None
    _ends: float | None = None
    _lock: RLock = field(default_factory=RLock)
    _server: ThreadingHTTPServer | None = None
    _made: dict[int, tuple[Hashable, tuple[dict[str, Any], dict[str, Any]]]] = field(default_factory=dict)
    _worker: ThreadPoolExecutor = field(default_factory=partial(ThreadPoolExecutor, max_workers=1))
    _papers: dict[Hashable, Future[str]] = field(default_factory=dict)
    _paper_done: float = 0.0  # share of the paper that is being made
    _best: tuple[DrillState, Hindsight] | None = None

    # --- doors ---

    @cached_property
    def keys(self) -> dict[str, str]:
        """The key of every page, by who it is for; the same after a crash."""
        names = [FACILITATOR, BOARD, *map(str, self.drill.teams)]
        path = self.folder / "keys.json"
        kept = _read_keys(path)
        keys = {name: kept.get(name) or secrets.token_urlsafe(9) for name in names}
        if keys != kept:
            write_file(path, json.dumps(keys), mode=0o600)
        return keys

    def who(self, key: str) -> str | None:
        """Tell whose key it is."""
        return next((name for name, own in self.keys.items() if hmac.compare_digest(own.encode(), key.encode())), None)

    def open_doors(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Begin to serve, in the background; on this machine only, unless ``host`` names another address of it.

        Left out, the port is the one that the drill had before, so that pages which are still open find it again.

        Raises
        ------
        DrillError
            That port is not free: this drill may be open already.
        OSError
            The address that was asked for cannot be served.
        """
        room = self

        class Door(_Door):
            pass

        Door.room = room
        path = self.folder / "port"
        again = 0 if port else _read_port(path)
        try:
            self._server = _Server((host, port or again), Door)
        except OSError as error:
            if not again or error.errno != errno.EADDRINUSE:
                raise
            raise DrillError("door_taken", port=again) from error
        path.write_text(str(self._server.server_address[1]), "utf-8")
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving; the drill is in its log."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        self._worker.shutdown(cancel_futures=True)

    @property
    def links(self) -> dict[str, str]:
        """Every page's address, by who it is for."""
        if self._server is None:
            return {}
        host, port = str(self._server.server_address[0]), self._server.server_address[1]
        shown = socket.gethostname() if host in ("0.0.0.0", "::") else host
        return {name: f"http://{shown}:{port}/?key={key}" for name, key in self.keys.items()}

    # --- what is done ---

    def act(self, who: str, wish: dict[str, Any]) -> str:
        """Do what a page asks for, and say that it is done.

        Raises
        ------
        DrillError, ScenarioError
            It cannot be done.
        """
        with self._lock:
            step = str(wish.get("step"))
            try:
                if step in ("move", "card", "phrase"):
                    self._decide(who, step, wish)
                elif who != FACILITATOR:
                    raise DrillError("not_yours")
                elif step == "advance":
                    self.drill.advance(int(wish["to"]))
                    self._start_round()
                elif step == "pause":
                    self.drill.pause(paused=bool(wish["paused"]))
                    self._start_round()
                elif step == "rewind":
                    self.drill.rewind(int(wish["to"]))
                    self._start_round()
                elif step == "inject":
                    self.drill.inject(str(wish["name"]))
                elif step == "pace":
                    self._set_pace(float(wish["seconds"]))
                else:
                    raise DrillError("not_understood")
            except UserError:
                raise
            except (KeyError, TypeError, ValueError) as error:
                raise DrillError("not_understood") from error
            return translate("drill.ui_taken", self.lang)

    def _decide(self, who: str, step: str, wish: dict[str, Any]) -> None:
        team = int(wish["team"]) if who == FACILITATOR else int(who) if who.isdigit() else 0
        role, key = str(wish["role"]), str(wish["key"])
        if step == "move":
            size = wish.get("size")
            self.drill.move(team, role, key, None if size is None else float(size))
        elif step == "card":
            self.drill.call_card(team, role, key)
        else:
            self.drill.use_phrase(team, role, key)

    def _set_pace(self, seconds: float) -> None:
        """Let a round pass every so many seconds; 0 lets none."""
        if seconds and not LEAST_PACE_S <= seconds <= MOST_PACE_S:
            raise DrillError("pace", least=LEAST_PACE_S, most=MOST_PACE_S)
        self.pace_s = seconds or None
        self._start_round()

    def _start_round(self) -> None:
        runs = self.pace_s is not None and not self.drill.state.paused and not self.drill.over
        self._ends = time.monotonic() + (self.pace_s or 0.0) if runs else None

    def _keep_time(self) -> None:
        """Let the round pass when its time is up; every page that asks keeps the clock going."""
        if self._ends is not None and time.monotonic() >= self._ends:
            self.drill.advance()
            self._start_round()

    # --- what is shown ---

    def show(self, who: str) -> dict[str, Any]:
        """Say what a page shows now, every word and figure ready to be read."""
        with self._lock:
            self._keep_time()
            drill, lang = self.drill, self.lang
            left = None if self._ends is None else max(round(self._ends - time.monotonic()), 0)
            page: dict[str, Any] = {
                "who": who,
                "kind": who if who in (FACILITATOR, BOARD) else "team",
                "store": self.plan.store.store.name,
                "name": door_name(who, lang),
                "clock": f"{drill.clock():%H:%M}",
                "round": drill.state.round,
                "rounds": drill.rounds,
                "round_words": translate("drill.ui_round", lang, round=drill.state.round, rounds=drill.rounds),
                "over": drill.over,
                "paused": drill.state.paused,
                "left_words": ""
                if left is None
                else translate("drill.ui_left", lang, time=f"{left // 60}:{left % 60:02d}"),
                "notices": [notice.text(lang) for notice in drill.notices],
                "words": _words(lang),
            }
            if who == BOARD:
                return page | {"teams": self._standing()}
            if who == FACILITATOR:
                return page | self._facilitators()
            return page | self._screens(int(who))[0]

    def _screens(self, team: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give a team's page and its row on the board, made anew only when its game has changed."""
        game = self.drill.game(team)
        if team not in self._made or self._made[team][0] != game:
            view = self.drill.view(team)
            self._made[team] = game, (self._page(view), self._row(team, view))
        return self._made[team][1]

    def _page(self, view: View) -> dict[str, Any]:
        lang = self.lang
        return {
            "tiles": _tiles(view, lang),
            "queues": [
                {
                    "name": label(row["queue"], lang),
                    "waiting": int(row["waiting"]),
                    "oldest": translate("drill.ui_oldest", lang, time=minutes_seconds(row["oldest_s"])),
                }
                for row in view.queues.to_dict("records")
                if row["queue"] in self._busy_queues
            ],
            "course": _course(view, lang),
            "people": self._people(view),
            "signs": [self.sign(scenario) for scenario in reversed(self.drill.noticed())],
            "roles": [
                {"key": role, "name": label(f"role_{role}", lang), "moves": [_move(view.moves[k], lang) for k in kinds]}
                for role, kinds in self.drill.rules.roles.items()
            ],
            "cards": self._cards,
            "phrases": self._phrases,
            "called": [decided.key for _, decided in view.decisions if decided.what == "card"],
            "done": [
                {"clock": f"{clock:%H:%M}", "text": self.told_by(decided)}
                for clock, decided in reversed(view.decisions)
            ],
        }

    @cached_property
    def _cards(self) -> list[dict[str, Any]]:
        return [
            {"key": key, **{part: card[self.lang][part] for part in ("name", "trigger")}}
            | {"steps": card[self.lang]["first_5_min"]}
            for key, card in cards().items()
        ]

    @cached_property
    def _phrases(self) -> list[dict[str, str]]:
        return sorted([{"key": key, "text": self.phrase(key)} for key in cards()], key=lambda row: row["text"])

    @cached_property
    def _busy_queues(self) -> set[str]:
        expected = self.drill.night.forecast.groupby("queue")["contacts"].sum()
        return set(expected[expected > 0].index)

    def _people(self, view: View) -> list[dict[str, Any]]:
        """Lay out everybody on duty, room by room."""
        agents = view.agents[view.agents["state"] != OFF].fillna({"room": "", "site": ""})
        rooms = []
        for (site, room), here in agents.groupby(["site", "room"]):
            people = [
                {"state": state, "open": None if chats is None or chats != chats else int(chats), "name": name}
                for state, chats, name in here[["state", "open_chats", "name"]].itertuples(index=False)
            ]
            place = " ".join(dict.fromkeys(str(part) for part in (site, room) if part))
            rooms.append({"name": place or label("on_call", self.lang), "people": people})
        return rooms

    def _standing(self) -> list[dict[str, Any]]:
        """Every team's figures, the best first."""
        return sorted((self._screens(team)[1] for team in self.drill.teams), key=lambda row: -row["total"])

    def _row(self, team: int, view: View) -> dict[str, Any]:
        score = self.drill.score(team)
        return {
            "team": team,
            "name": translate("drill.ui_team", self.lang, team=team),
            "total": round(score.total, 1),
            "parts": [
                {"name": label(f"score_{part}", self.lang), "value": round(getattr(score, part))} for part in PARTS
            ],
            "tiles": _tiles(view, self.lang),
            "course": _course(view, self.lang),
        }

    def _facilitators(self) -> dict[str, Any]:
        drill, lang = self.drill, self.lang
        return {
            "teams": self._standing(),
            "dealt": [
                {
                    "clock": f"{scenario.start:%H:%M}",
                    "until": f"{scenario.end:%H:%M}",
                    "name": scenario.title(lang),
                    "begun": bool(scenario.start <= drill.clock()),
                }
                for scenario in sorted(drill.state.happens, key=lambda scenario: scenario.start)
            ],
            "can_inject": self._deck,
            "links": [
                {"name": door_name(name, lang), "address": address}
                for name, address in self.links.items()
                if name != FACILITATOR
            ],
            "pace_s": self.pace_s,
            "log": [
                {"clock": f"{drill.clock(number):%H:%M}", "team": decided.team, "text": self.told_by(decided)}
                for number, decided in reversed(drill.state.decisions)
            ],
        }

    @cached_property
    def _deck(self) -> list[dict[str, str]]:
        known = standard_scenarios(self.drill.night)
        return [
            {"key": each.name, "name": each.title(self.lang)} for each in known if each.name in self.drill.rules.deck
        ]

    def sign(self, scenario: Scenario) -> dict[str, str]:
        """Say what the floor notices of an incident, and since when."""
        return {"clock": f"{scenario.start:%H:%M}", "text": sign_words(scenario, self.lang)}

    def phrase(self, card: str) -> str:
        """Give the phrase of a card: the store's own where its sheet has one for the topic, else the card's."""
        for row in self.plan.store.phrases:
            own = getattr(row, self.lang)
            if row.topic == card and own:
                return str(own)
        return str(cards()[card][self.lang]["phrase"])

    def told_by(self, decided: Decided) -> str:
        """Say a decision in words."""
        return translate(
            "drill.said_by",
            self.lang,
            role=label(f"role_{decided.role}", self.lang),
            what=name_decision(decided, self.lang),
        )

    # --- papers ---

    def paper(self, name: str) -> Future[str]:
        """Begin to make a page to read or print: ``paper``, or the debrief of the team of that number.

        It takes a while, and the game goes on meanwhile; asked for again, the one that is under way is given.

        Raises
        ------
        DrillError
            A debrief before the end: it tells what is dealt.
        """
        with self._lock:
            state = self.drill.state
            if name != "paper" and not self.drill.over:
                raise DrillError("not_over")
            wanted = (name, state.happens if name == "paper" else state)
            if wanted not in self._papers:
                self._papers[wanted] = self._worker.submit(self._make_paper, name, state)
            return self._papers[wanted]

    def _make_paper(self, name: str, state: DrillState) -> str:
        store = self.plan.store.store.name
        self._tell_done(0.0)
        if name == "paper":
            return render_paper(self.drill, store=store, lang=self.lang, on_progress=self._tell_done)
        if self._best is None or self._best[0] is not state:
            self._best = (state, find_best_play(self.drill, on_progress=self._tell_done))
        return render_debrief(self.drill, team=int(name), best=self._best[1], store=store, lang=self.lang)

    def _tell_done(self, share: float) -> None:
        self._paper_done = share

    @property
    def paper_done_pct(self) -> int:
        """How far the paper is that is being made."""
        return round(100 * self._paper_done)


def _read_keys(path: Path) -> dict[str, str]:
    """Read the keys as far as the file is sound: a key that somebody has shortened opens nothing."""
    try:
        kept = json.loads(path.read_text("utf-8"))
        return {name: key for name, key in kept.items() if isinstance(key, str) and len(key) >= SHORTEST_KEY}
    except (OSError, ValueError, AttributeError):
        return {}


def _read_port(path: Path) -> int:
    """Read which port a drill had before; 0 where it had none, or none that can be read."""
    told = path.read_text("utf-8", errors="replace").strip() if path.exists() else ""
    return int(told) if re.fullmatch(r"[0-9]{1,5}", told) and int(told) < 1 << 16 else 0


def minutes_seconds(seconds: float) -> str:
    """Write a length of time as minutes and seconds.

    >>> minutes_seconds(75.4)
    '1:15'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _plain(values: Any) -> list[float | None]:
    return [None if value is None or np.isnan(value) else round(float(value), 1) for value in values]


def _words(lang: Lang) -> dict[str, str]:
    """List every word that the pages themselves need, by its key."""
    start = "drill.ui_"
    ui = {key.removeprefix(start): twins[lang] for key, twins in texts().items() if key.startswith(start)}
    shown = [state for state in STATES if state != OFF]
    return ui | {f"state_{state}": label(f"state_{state}", lang) for state in shown}


def _course(view: View, lang: Lang) -> dict[str, Any]:
    """Show how the night went so far, round by round."""
    return {
        "clock": [f"{clock:%H:%M}" for clock in view.course["clock"]],
        "series": [
            {"name": label(key, lang), "values": _plain(view.course[key])} for key in ("waiting", "first_response")
        ],
    }


def _tiles(view: View, lang: Lang) -> list[dict[str, Any]]:
    """Show the figures that stand large on a floor's screen."""
    now = view.now
    rate = now["platform_rate_so_far"]
    waiting = None if view.queues.empty else int(view.queues["waiting"].sum())
    response = now["first_response"]
    return [
        {
            "key": "waiting",
            "name": label("waiting", lang),
            "value": "?" if waiting is None else f"{waiting}",
            "note": "",
            "tone": "bad" if waiting is None or waiting > 40 else "warn" if waiting > 15 else "good",
        },
        {
            "key": "first_response",
            "name": label("first_response", lang),
            "value": "–" if np.isnan(response) else quantity(round(response), "s", lang),
            "note": translate("drill.ui_last_round", lang),
            "tone": "plain" if np.isnan(response) else "bad" if response > 60 else "warn" if response > 30 else "good",
        },
        {
            "key": "platform_rate",
            "name": label("platform_rate", lang),
            "value": "–" if np.isnan(rate) else quantity(rate, "share", lang),
            "note": translate("drill.ui_so_far", lang),
            "tone": "plain" if np.isnan(rate) else "bad" if rate < 0.9 else "warn" if rate < 0.95 else "good",
        },
        {
            "key": "offered",
            "name": label("offered", lang),
            "value": f"{now['offered']:.0f}",
            "note": translate("drill.ui_expected", lang, count=f"{now['expected']:.0f}"),
            "tone": "warn" if now["offered"] > 1.3 * now["expected"] else "plain",
        },
    ]


def _move(move: Move, lang: Lang) -> dict[str, Any]:
    """Show a lever with its sizes and when it can be pulled."""
    if move.ready_min > 0:
        note = translate("drill.ui_wait", lang, minutes=f"{move.ready_min:.0f}")
    elif move.on_until is not None and not move.ready:
        note = translate("drill.ui_on_until", lang, clock=f"{move.on_until:%H:%M}")
    elif move.delay_min:
        note = translate("drill.ui_works_after", lang, minutes=f"{move.delay_min:.0f}")
    else:
        note = translate("drill.ui_works_now", lang)
    return {
        "key": move.kind,
        "name": label(move.kind, lang),
        "note": note,
        "ready": move.ready,
        "sizes": [{"value": size, "name": size_words(move.kind, size, lang)} for size in move.sizes],
    }


class _Server(ThreadingHTTPServer):
    """A server to which a page that is closed while it is being answered is nothing to report."""

    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # there it would let two servers have one port

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a connection that broke; report anything else."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Door(BaseHTTPRequestHandler):
    """Answers one request: the page and its files to anybody, figures and steps to whoever has a key."""

    room: DrillRoom
    protocol_version = "HTTP/1.1"
    server_version = "sandtable"
    timeout = 30

    def do_GET(self) -> None:
        """Answer with the page, one of its files, what it shows, or a paper."""
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/":
            self._file("drill_room.html")
        elif url.path in ("/drill_room.js", "/drill_room.css"):
            self._file(url.path[1:])
        elif url.path == "/font.otf":
            self._send(FONT.read_bytes(), "font/otf", policy=POLICY, keep=True)
        elif url.path in ("/state", "/paper", "/debrief"):
            who = self.room.who(query.get("key", "") or self.headers.get("X-Key", ""))
            if who is None:
                self._say(HTTPStatus.FORBIDDEN, translate("drill.no_key", self.room.lang))
            elif url.path == "/state":
                self._json(self.room.show(who))
            elif who == BOARD or (url.path == "/paper" and who != FACILITATOR):
                self._say(HTTPStatus.FORBIDDEN, translate("drill.not_yours", self.room.lang))
            else:
                name = "paper" if url.path == "/paper" else query.get("team", "1") if who == FACILITATOR else who
                if name != "paper" and name not in map(str, self.room.drill.teams):
                    self._say(HTTPStatus.NOT_FOUND, translate("drill.not_understood", self.room.lang))
                    return
                try:
                    self._send_paper(name)
                except DrillError as refused:
                    self._say(HTTPStatus.CONFLICT, refused.text(self.room.lang))
        else:
            self._say(HTTPStatus.NOT_FOUND, translate("drill.not_understood", self.room.lang))

    def _send_paper(self, name: str) -> None:
        """Send a paper, or, while it is being made, a page that says so and asks again."""
        try:
            page = self.room.paper(name).result(PATIENCE_S)
        except TimeoutError:
            said = escape(translate("drill.ui_waiting_for", self.room.lang))
            page = f'<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="refresh" content="1"><title>{said}</title>'
            done = f'<progress max="100" value="{self.room.paper_done_pct}" style="width:40%;height:1.2em"></progress>'
            done += f" {self.room.paper_done_pct} %"
            page += f'<p style="font:1.5em sans-serif;margin:30vh auto 0;text-align:center">{said}<br><br>{done}</p>'
            self._send(page.encode(), "text/html", policy=DOCUMENT_POLICY, status=HTTPStatus.ACCEPTED)
            return
        self._send(page.encode(), "text/html", policy=DOCUMENT_POLICY)

    def do_POST(self) -> None:
        """Take a step."""
        told = self.headers.get("Content-Length", "")
        length = int(told) if told.isascii() and told.isdigit() else 0
        self.close_connection = length > LARGEST_BODY  # what is left unread is no next request
        body = self.rfile.read(min(length, LARGEST_BODY))
        who = self.room.who(self.headers.get("X-Key", ""))
        if who is None:
            self._say(HTTPStatus.FORBIDDEN, translate("drill.no_key", self.room.lang))
            return
        try:
            wish = json.loads(body)
            if not isinstance(wish, dict):
                raise DrillError("not_understood")
            self._json({"said": self.room.act(who, wish)})
        except UserError as refused:
            self._say(HTTPStatus.CONFLICT, refused.text(self.room.lang))
        except ValueError:
            self._say(HTTPStatus.BAD_REQUEST, translate("drill.not_understood", self.room.lang))

    def _file(self, name: str) -> None:
        self._send((HERE / name).read_bytes(), CONTENT[Path(name).suffix], policy=POLICY)

    def _say(self, status: HTTPStatus, sentence: str) -> None:
        self._json({"said": sentence}, status=status)

    def _json(self, content: dict[str, Any], *, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(json.dumps(content, ensure_ascii=False).encode(), "application/json", policy=POLICY, status=status)

    def _send(
        self, content: bytes, kind: str, *, policy: str, status: HTTPStatus = HTTPStatus.OK, keep: bool = False
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind != "font/otf" else kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", policy)
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "max-age=86400" if keep else "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing on the terminal: the addresses hold keys."""


def open_drill(
    store: Path,
    *,
    out: Path,
    name: str = "drill",
    seed: int = 7,
    teams: int = 4,
    lang: Lang = "zh",
    wave: str = "",
    roster_effort: float = 3.0,
    minutes: int | None = None,
    round_min: int | None = None,
    incidents: str = "",
) -> DrillRoom:
    """Open a drill on a store's own roster, or go on with the one of that name; nobody is served yet.

    Parameters
    ----------
    store : Path
        A workbook or a folder of tables.
    out : Path
        The folder of all results; the drill lies in ``out/<store>/drill/<name>``.
    seed, teams, minutes, round_min
        Of a new drill; one that goes on keeps its own.
    incidents : str
        What happens when, as :func:`simlib.drill.game.read_deal` reads it; left out, the seed deals.

    Returns
    -------
    DrillRoom
        ``open_doors()`` begins to serve, ``links`` are the addresses.

    Raises
    ------
    simlib.store.StoreError, DrillError
        The store's data is wrong, or the drill there cannot go on.
    """
    planned = plan(load_store(store), wave=wave, seed=seed, roster_effort=roster_effort)
    folder = out / planned.store.store_id / "drill" / name
    if (folder / LOG).exists():
        drill = Drill.resume(planned.night, folder)
    else:
        drill = Drill.open(
            planned.night,
            folder=folder,
            seed=seed,
            teams=teams,
            minutes=minutes,
            round_min=round_min,
            scenarios=read_deal(planned.night, incidents),
        )
    return DrillRoom(drill=drill, plan=planned, folder=folder, lang=lang)
