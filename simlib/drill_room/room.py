"""A drill with its keys, its clock and its papers: who may see and do what."""

from __future__ import annotations

import errno
import hmac
import json
import os
import re
import secrets
import socket
import time
from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from threading import RLock
from typing import Any

from simlib.drill.game import Drill, DrillError, DrillState, read_schedule
from simlib.drill.log import LOG, FolderLock
from simlib.drill.play import Hindsight, find_best_play
from simlib.drill_room.screens import BOARD, FACILITATOR, Screens
from simlib.drill_room.server import DrillServer
from simlib.messages import Lang, UserError, translate
from simlib.planning import Plan, plan
from simlib.report.pages.drill import render_debrief, render_paper

LEAST_PACE_S, MOST_PACE_S = 1, 3600
SHORTEST_KEY = 8


@dataclass(eq=False)
class DrillRoom:
    """A drill and its pages.

    Parameters
    ----------
    drill : Drill
        The game.
    plan : Plan
        The store's, for its name, its phrases and its targets.
    folder : Path
        Where the log and the keys are kept.
    lang : {"zh", "en"}
        Of the pages.
    lock : FolderLock, optional
        Held on the folder until the room is closed.
    """

    drill: Drill
    plan: Plan
    folder: Path
    lang: Lang
    lock: FolderLock | None = None
    pace_s: float | None = None
    _ends: float | None = None
    _busy: RLock = field(default_factory=RLock)
    _server: DrillServer | None = None
    _worker: ThreadPoolExecutor = field(default_factory=partial(ThreadPoolExecutor, max_workers=1))
    _papers: dict[Hashable, Future[str]] = field(default_factory=dict)
    _paper_done: float = 0.0  # share of the paper that is being made
    _best: tuple[DrillState, Hindsight] | None = None

    # --- keys and addresses ---

    @cached_property
    def keys(self) -> dict[str, str]:
        """Return the key of every page, by its owner; the same after a crash."""
        names = [FACILITATOR, BOARD, *map(str, self.drill.teams)]
        path = self.folder / "keys.json"
        kept = _read_keys(path)
        keys = {name: kept.get(name) or secrets.token_urlsafe(9) for name in names}
        if keys != kept:
            fresh = path.with_suffix(".new")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump(keys, file)
            fresh.replace(path)
        return keys

    def who(self, key: str) -> str | None:
        """Return the owner of a key; None for an unknown one."""
        given = key.encode("utf-8", "replace")
        return next((name for name, own in self.keys.items() if hmac.compare_digest(own.encode(), given)), None)

    def serve(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Begin to serve, in the background; on this machine only, unless ``host`` is another address of it.

        Without ``port`` the drill keeps the port it had before, so that open pages find it again.

        Raises
        ------
        DrillError
            That port is taken by another program.
        OSError
            The given address cannot be served.
        """
        path = self.folder / "port"
        again = 0 if port else _read_port(path)
        server = DrillServer(self)
        try:
            server.start(host=host, port=port or again)
        except OSError as error:
            if not again or error.errno != errno.EADDRINUSE:
                raise
            raise DrillError("door_taken", port=again) from error
        self._server = server
        path.write_text(str(server.address[1]), "utf-8")

    open_doors = serve  # the name that the command and the notebook use

    def close(self) -> None:
        """Stop serving and release the folder; the drill is in its log."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._worker.shutdown(cancel_futures=True)
        if self.lock is not None:
            self.lock.release()

    @property
    def links(self) -> dict[str, str]:
        """Return every page's address, by its owner; none before the room is served."""
        if self._server is None:
            return {}
        host, port = self._server.address
        shown = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
        return {name: f"http://{shown}:{port}/?key={key}" for name, key in self.keys.items()}

    # --- steps ---

    def act(self, who: str, wish: dict[str, Any]) -> str:
        """Take the step that a page asks for, and return what it brings.

        Raises
        ------
        DrillError, ScenarioError
            It cannot be taken.
        """
        with self._busy:
            step = str(wish.get("step"))
            try:
                if step in ("move", "card", "phrase"):
                    return self.screens.effect_text(self._decide(who, step, wish))
                if who != FACILITATOR:
                    raise DrillError("not_yours")
                self._lead(step, wish)
            except UserError:
                raise
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                raise DrillError("not_understood") from error
            return translate("drill.ui_taken", self.lang)

    def _lead(self, step: str, wish: dict[str, Any]) -> None:
        """Take a step of the facilitator."""
        if step == "advance":
            self.drill.advance(int(wish["to"]))
        elif step == "pause":
            self.drill.pause(paused=bool(wish["paused"]))
        elif step == "rewind":
            self.drill.rewind(int(wish["to"]))
        elif step == "inject":
            self.drill.inject(str(wish["name"]))
            return
        elif step == "pace":
            self._set_pace(float(wish["seconds"]))
        else:
            raise DrillError("not_understood")
        self._start_round()

    def _decide(self, who: str, step: str, wish: dict[str, Any]) -> int:
        """Take a team's decision and return the team's number."""
        team = int(wish["team"]) if who == FACILITATOR else int(who) if who.isdigit() else 0
        if not wish.get("role"):
            raise DrillError("no_role")
        role, key = str(wish["role"]), str(wish["key"])
        if step == "move":
            size = wish.get("size")
            self.drill.move(team, role, key, None if size is None else float(size))
        elif step == "card":
            self.drill.call_card(team, role, key)
        else:
            self.drill.use_phrase(team, role, key)
        return team

    def _set_pace(self, seconds: float) -> None:
        """Advance a round every so many seconds; 0 stops that."""
        if seconds and not LEAST_PACE_S <= seconds <= MOST_PACE_S:
            raise DrillError("pace", least=LEAST_PACE_S, most=MOST_PACE_S)
        self.pace_s = seconds or None

    def _start_round(self) -> None:
        runs = self.pace_s is not None and not self.drill.state.paused and not self.drill.over
        self._ends = time.monotonic() + (self.pace_s or 0.0) if runs else None

    def _keep_time(self) -> None:
        """Advance the round when its time is up; every page that asks keeps the clock going."""
        if self._ends is not None and time.monotonic() >= self._ends:
            self.drill.advance()
            self._start_round()

    # --- pages ---

    @cached_property
    def screens(self) -> Screens:
        """Return what the pages show."""
        return Screens(drill=self.drill, plan=self.plan, lang=self.lang)

    def show(self, who: str) -> dict[str, Any]:
        """Return what a page shows now, every text and figure ready to be read."""
        with self._busy:
            self._keep_time()
            left_s = None if self._ends is None else max(round(self._ends - time.monotonic()), 0)
            head = self.screens.head(who, left_s=left_s)
            if who == BOARD:
                return head | {"teams": self.screens.standing()}
            if who == FACILITATOR:
                return head | self.screens.facilitator(links=self.links, pace_s=self.pace_s)
            return head | self.screens.team(int(who))

    def paper(self, name: str) -> Future[str]:
        """Begin to make a page to read or print: ``paper``, or the debrief of the team of that number.

        It takes a while, and the game goes on meanwhile; a page that is already being made is returned.

        Raises
        ------
        DrillError
            A debrief before the end: it shows what is going to happen.
        """
        with self._busy:
            state = self.drill.state
            if name != "paper" and not self.drill.over:
                raise DrillError("not_over")
            wanted = (name, state.happens if name == "paper" else state)
            if wanted not in self._papers:
                self._papers[wanted] = self._worker.submit(self._make_paper, name, state)
            return self._papers[wanted]

    def _make_paper(self, name: str, state: DrillState) -> str:
        store = self.plan.store.store.name
        self._on_progress(0.0)
        if name == "paper":
            return render_paper(self.drill, store=store, lang=self.lang, on_progress=self._on_progress)
        if self._best is None or self._best[0] is not state:
            self._best = (state, find_best_play(self.drill, on_progress=self._on_progress))
        return render_debrief(self.drill, team=int(name), best=self._best[1], store=store, lang=self.lang)

    def _on_progress(self, share: float) -> None:
        self._paper_done = share

    @property
    def paper_done_pct(self) -> int:
        """Return how much of the paper that is being made is done."""
        return round(100 * self._paper_done)


def _read_keys(path: Path) -> dict[str, str]:
    """Return the keys as far as the file is sound: a shortened key opens nothing."""
    try:
        kept = json.loads(path.read_text("utf-8"))
        return {name: key for name, key in kept.items() if isinstance(key, str) and len(key) >= SHORTEST_KEY}
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}


def _read_port(path: Path) -> int:
    """Return the port that a drill had before; 0 without one that can be read."""
    text = path.read_text("utf-8", errors="replace").strip() if path.exists() else ""
    return int(text) if re.fullmatch(r"[0-9]{1,5}", text) and int(text) < 1 << 16 else 0


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
    """Open a drill on a store's own roster, or go on with the one of that name; nothing is served yet.

    The room holds a lock on its folder until it is closed, so that no second server can write the same log.

    Parameters
    ----------
    store : Path
        A workbook or a folder of tables.
    out : Path
        The folder of all results; the drill is in ``out/<store>/drill/<name>``.
    seed, teams, minutes, round_min
        Of a new drill; one that goes on keeps its own.
    incidents : str
        What happens when, as :func:`simlib.drill.game.read_schedule` reads it; left out, the seed draws it.

    Returns
    -------
    DrillRoom
        ``serve()`` begins to serve, ``links`` are the addresses.

    Raises
    ------
    simlib.store.StoreError, DrillError
        The store's data is wrong, the drill there is open elsewhere, or it cannot go on.
    """
    planned = plan(store, wave=wave, seed=seed, roster_effort=roster_effort)
    folder = out / planned.store.store_id / "drill" / name
    lock = FolderLock(folder)
    if not lock.acquire():
        raise DrillError("open_elsewhere", folder=folder)
    try:
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
                scenarios=read_schedule(planned.night, incidents),
                store=planned.store.store_id,
                shop=planned.store.store.name,
            )
    except BaseException:
        lock.release()
        raise
    return DrillRoom(drill=drill, plan=planned, folder=folder, lang=lang, lock=lock)
