"""A drill in a real Chromium: four teams, the facilitator and the board, from the first round to the last."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from simlib import facts, load_store, plan
from simlib.drill.game import Drill, DrillError
from simlib.drill_room import DrillRoom, open_drill
from simlib.planning import Plan

CHROMIUM = Path("/usr/bin/chromium")
STORE = Path(__file__).parents[2] / "templates" / "stores" / "bodycare"
GAME = {"teams": 4, "lang": "zh", "minutes": 120, "round_min": 30, "roster_effort": 0.5}
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"


@pytest.fixture
def room(tmp_path: Path, small_plan: Plan, monkeypatch) -> Iterator[DrillRoom]:
    """Two hours of the small store's night in rounds of half an hour, its doors open.

    The room is opened as the command opens one, on a plan that all rooms share; the command's own plan is in
    ``test_eight_teams_and_a_killed_server``.
    """
    monkeypatch.setattr("simlib.drill_room.room.plan", lambda *_, **__: small_plan)
    opened = open_drill(STORE, out=tmp_path, **GAME)
    opened.open_doors()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def still_room(tmp_path_factory, small_plan: Plan) -> Iterator[DrillRoom]:
    """The same room for all tests that must leave no trace in it; each of them looks that its log is as it was."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simlib.drill_room.room.plan", lambda *_, **__: small_plan)
        opened = open_drill(STORE, out=tmp_path_factory.mktemp("still"), **GAME)
    opened.open_doors()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """One browser; every test that opens a page gives it a profile of its own."""
    if not CHROMIUM.exists():
        pytest.skip("Debian's chromium is not installed")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=[*FLAGS.split(), "--disable-component-update", "--disable-sync"]
        )
        yield launched
        launched.close()


def ask(room: DrillRoom, path: str, *, key: str, wish: object = None) -> tuple[int, str]:
    """Ask the room's server for something, or for a step."""
    address = room.links["board"].split("/?")[0] + path
    body = None if wish is None else wish if isinstance(wish, bytes) else json.dumps(wish).encode()
    request = urllib.request.Request(address, data=body, headers={"X-Key": key})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def wait_for(room: DrillRoom, path: str, *, key: str) -> tuple[int, str]:
    """Ask for a paper until it is made; meanwhile the answer says so and asks again by itself."""
    while True:
        status, page = ask(room, path, key=key)
        if status != 202:
            return status, page
        assert 'http-equiv="refresh"' in page
        assert re.search(r'<progress max="100" value="\d{1,3}"', page)


def test_four_teams_play_to_the_end(room: DrillRoom, browser) -> None:
    """Everybody sees the same clock, moves count once, a closed page comes back, and the scores are the log's."""
    said: list[str] = []
    contexts = {}

    def enter(name: str):
        contexts[name] = browser.new_context(viewport={"width": 1366, "height": 768})
        page = contexts[name].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(room.links[name])
        page.wait_for_selector("#clock")
        return page

    pages = {name: enter(name) for name in ("facilitator", "board", "1", "2", "3", "4")}

    def next_round(number: int) -> None:
        pages["facilitator"].click("#next")
        for page in pages.values():
            page.wait_for_selector(f'main[data-round="{number}"]')

    one = pages["1"]
    one.click('[data-role="floor"]')
    one.click('[data-kind="call_pool"] button.go')
    one.wait_for_selector('[data-kind="call_pool"] button.go:disabled')
    next_round(1)
    schedule = room.drill.noticed()
    assert schedule, "something can be noticed after half an hour"
    card = schedule[0].cards[0]
    assert pages["2"].locator("#declare").is_disabled(), "nobody has said who decides"
    assert pages["2"].locator(".move").count() == 0
    pages["2"].click('[data-role="floor"]')
    pages["2"].select_option("#card", card)
    pages["2"].click("#declare")
    pages["2"].wait_for_selector("#toast.shown")
    pages["2"].click("#declare")  # a second time: a sentence, and the game goes on
    pages["2"].wait_for_selector("#toast.bad")
    pages["3"].click('[data-role="operations"]')
    pages["3"].click('[data-kind="shift_bot_share"] button.go')
    pages["3"].wait_for_selector('[data-kind="shift_bot_share"] button.go:disabled')

    contexts["3"].close()  # a laptop dies in the middle of a round
    del pages["3"]
    next_round(2)
    pages["3"] = enter("3")
    pages["3"].wait_for_selector('main[data-round="2"]')
    assert (
        pages["3"]
        .locator(".done li")
        .filter(has_text="20.0%")
        .or_(pages["3"].locator(".done li").filter(has_text="5.0%"))
        .count()
        == 1
    )

    pages["facilitator"].click("#hold")
    for page in (one, pages["facilitator"]):
        page.wait_for_selector(".status.held")
    one.select_option("#card", "sold_out")
    assert one.locator("#declare").is_disabled()
    pages["facilitator"].click("#hold")
    pages["facilitator"].wait_for_selector("#next:enabled")
    pages["facilitator"].select_option("#inject", "surge")
    pages["facilitator"].click("#let")
    pages["facilitator"].wait_for_selector("#toast.shown")
    next_round(3)
    next_round(4)
    assert pages["facilitator"].locator("#next").is_disabled()

    board = pages["board"]
    totals = {
        row.get_attribute("data-team"): row.locator(".total").inner_text() for row in board.locator("article").all()
    }
    again = Drill.resume(room.plan.night, room.folder)
    assert again.state == room.drill.state
    assert totals == {str(team): f"{again.score(team).total:.1f}" for team in again.teams}
    assert len({page.locator("#clock").inner_text() for page in pages.values()}) == 1
    for page in pages.values():
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert [text for text in said if "409" not in text] == []  # a refused step is answered with 409, and said so


def test_the_doors_hold(room: DrillRoom) -> None:
    """Without a key nothing is shown; a team sees no other team, no schedule and no paper, and leads nobody's game."""
    keys = room.keys
    assert all(address.startswith("http://127.0.0.1:") for address in room.links.values())
    for path in ("/state", "/paper", "/debrief?team=1"):
        assert ask(room, path, key="guess")[0] == 403
    assert ask(room, "/step", key="guess", wish={"step": "advance", "to": 1})[0] == 403
    status, page = ask(room, "/state", key=keys["1"])
    assert status == 200
    assert "schedule" not in json.loads(page)
    assert ask(room, "/paper", key=keys["1"])[0] == 403
    assert ask(room, "/step", key=keys["1"], wish={"step": "advance", "to": 1})[0] == 409
    wish = {"step": "move", "team": 2, "role": "floor", "key": "call_pool", "size": 3}
    assert ask(room, "/step", key=keys["1"], wish=wish)[0] == 200
    assert (len(room.drill.levers(1)), len(room.drill.levers(2))) == (1, 0)
    assert ask(room, "/step", key=keys["board"], wish=wish)[0] == 409
    assert ask(room, "/etc/passwd", key=keys["1"])[0] == 404


def test_a_screen_is_made_only_when_its_game_has_changed(room: DrillRoom, monkeypatch) -> None:
    """Pages that ask every second cost nothing until somebody decides, and then only that team's is made again."""
    made: list[int] = []
    view = room.drill.view
    monkeypatch.setattr(room.drill, "view", lambda team: made.append(team) or view(team))

    def ask_all() -> list[int]:
        made.clear()
        for who in room.keys:
            room.show(who)
        return sorted(made)

    assert ask_all() == [1, 2, 3, 4]
    assert ask_all() == []
    before = room.show("2")
    room.act("2", MOVE)
    assert ask_all() == [2]
    assert room.show("2")["done"] != before["done"]
    room.act("facilitator", {"step": "advance", "to": 1})
    assert ask_all() == [1, 2, 3, 4]


MOVE = {"step": "move", "role": "floor", "key": "call_pool", "size": 3}


def test_a_decision_is_answered_with_what_it_brings(room: DrillRoom) -> None:
    """A move says from when until when it works and what it costs; a card and a phrase say since when they count."""
    moved = room.act("1", MOVE)
    lever = room.drill.levers(1)[0]
    cost = room.drill.cost_cny(lever)
    assert cost > 0
    assert all(word in moved for word in (f"{lever.works_from:%H:%M}", f"{lever.until:%H:%M}", f"{cost:,.0f}"))
    clock = f"{room.drill.clock():%H:%M}"
    for step in ("card", "phrase"):
        assert clock in room.act("1", {"step": step, "role": "floor", "key": "bot_down"})


@pytest.mark.parametrize("role", [None, "", 0])
def test_nothing_is_decided_without_a_role(still_room: DrillRoom, role: object) -> None:
    """A move, a card and a phrase without a role are refused with the advice to choose one, and leave no trace."""
    for wish in (MOVE, {"step": "card", "key": "bot_down"}, {"step": "phrase", "key": "bot_down"}):
        status, answer = ask(still_room, "/step", key=still_room.keys["1"], wish=wish | {"role": role})
        assert status == 409
        assert json.loads(answer)["said"] == DrillError("no_role").text("zh")
    assert len(still_room.drill.log.entries) == 1


def test_the_colours_follow_the_store_s_targets(still_room: DrillRoom, monkeypatch) -> None:
    """A first response is red above the store's own seconds and amber above half of them; a rate likewise."""
    drill, rate_key = still_room.drill, still_room.drill.night.rates[0].key
    within_s, least = drill.night.threshold_s, still_room.plan.inputs.floors[rate_key]
    view = drill.view(1)

    def tones(response_s: float, rate: float) -> list[str]:
        now = {**view.now, "first_response": response_s, "platform_rate_so_far": rate}
        return [tile["tone"] for tile in still_room.screens._tiles(replace(view, now=now))][1:3]

    assert tones(within_s / 2, 1.0) == ["good", "good"]
    assert tones(within_s / 2 + 1, least + (1 - least) / 3) == ["warn", "warn"]
    assert tones(within_s + 1, least - 0.01) == ["bad", "bad"]
    assert tones(float("nan"), float("nan")) == ["plain", "plain"]
    monkeypatch.setattr(drill, "night", replace(drill.night, threshold_s=4 * within_s))
    assert tones(within_s + 1, 1.0)[0] == "good"


def test_phrases_are_listed_by_name(still_room: DrillRoom) -> None:
    """The list has the short names of the cards; the whole text comes beside it."""
    phrases = still_room.show("1")["phrases"]
    assert max(len(row["name"]) for row in phrases) <= 20
    assert all(row["text"] and row["text"] != row["name"] for row in phrases)


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/", "GET"),
        ("/drill_room.js", "GET"),
        ("/font.otf", "GET"),
        ("/state", "GET"),
        ("/nowhere", "GET"),
        ("/paper", "GET"),
        ("/step", "PUT"),
        ("/", "POST"),
        ("/state?key=%ff", "GET"),
        ("/nowhere", "POST"),
    ],
)
def test_every_answer_has_its_headers(still_room: DrillRoom, path: str, method: str) -> None:
    """Pages, files, refusals and errors may be framed by nobody and pass no address on; none is empty."""
    host, port = urlsplit(still_room.links["board"]).netloc.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request(method, path, body=b"" if method != "GET" else None)
    answer = connection.getresponse()
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.read()
    connection.close()


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1", 200), ("localhost:1", 200), ("[::1]", 200), ("evil.example", 403), ("localhost.evil.example", 403)],
)
def test_only_this_machine_s_names_are_served(still_room: DrillRoom, host: str, status: int) -> None:
    """A page elsewhere whose name is pointed at this machine gets nothing, with or without a key."""
    here, port = urlsplit(still_room.links["board"]).netloc.split(":")
    connection = http.client.HTTPConnection(here, int(port), timeout=60)
    connection.request("GET", "/state", headers={"Host": host, "X-Key": still_room.keys["board"]})
    answer = connection.getresponse()
    assert answer.status == status
    assert ("said" in json.loads(answer.read())) == (status == 403)
    connection.close()


def test_hostile_steps_are_answered_and_nothing_is_printed(still_room: DrillRoom, capfd) -> None:
    """Numbers beyond any float, deep nesting, lone surrogates, broken text: a sentence each, and an empty terminal."""
    surrogate = json.dumps(MOVE | {"role": "\ud800"}).encode()
    bodies = [b'{"step": "move", "role": "floor", "key": "call_pool", "size": 1e999}', b"[" * 4000, b"{" * 4000]
    bodies += [
        b'{"a":' * 700 + b"1" + b"}" * 700,
        surrogate,
        b"\xff\xfe",
        b'"\\ud800"',
        b'{"step": "\\ud800"}',
        b"9" * 4096,
    ]
    leads = [
        b'{"step": "advance", "to": 1e999}',
        b'{"step": "rewind", "to": -1e999}',
        b'{"step": "pace", "seconds": 1e999}',
    ]
    leads += [b'{"step": "inject", "name": "\\udfff"}', b'{"step": "advance", "to": ' + b"9" * 3900 + b"}"]
    leads += [b'{"step": "move", "team": 1e999, "role": "floor", "key": "call_pool"}']
    for who, wishes in (("1", bodies), ("facilitator", leads)):
        for wish in wishes:
            status, answer = ask(still_room, "/step", key=still_room.keys[who], wish=wish)
            assert status in (400, 409), wish[:60]
            assert json.loads(answer)["said"]
    assert ask(still_room, "/state", key="\xff" * 50)[0] == 403
    assert len(still_room.drill.log.entries) == 1
    assert ask(still_room, "/state", key=still_room.keys["1"])[0] == 200
    assert capfd.readouterr() == ("", "")
    assert not (still_room.folder / "errors.log").exists()


def test_an_error_of_our_own_is_a_sentence_and_a_line_in_a_file(room: DrillRoom, monkeypatch, capfd) -> None:
    """Whatever breaks inside, the page gets a sentence, the terminal nothing, and the folder what happened."""
    monkeypatch.setattr(room, "show", lambda who: 1 / 0)
    status, answer = ask(room, "/state", key=room.keys["1"])
    assert status == 500
    assert json.loads(answer)["said"] == DrillError("server_error").text("zh")
    assert capfd.readouterr() == ("", "")
    assert "ZeroDivisionError" in (room.folder / "errors.log").read_text("utf-8")


def test_two_hundred_phones_open_their_page_at_once(still_room: DrillRoom) -> None:
    """Two hundred connections that are made before one of them asks are all answered."""
    host, port = urlsplit(still_room.links["board"]).netloc.split(":")
    phones = [socket.create_connection((host, int(port)), timeout=60) for _ in range(200)]
    request = (
        f"GET /state HTTP/1.1\r\nHost: {host}\r\nX-Key: {still_room.keys['2']}\r\nConnection: close\r\n\r\n".encode()
    )
    for phone in phones:
        phone.sendall(request)
    answers = []
    for phone in phones:
        with phone, phone.makefile("rb") as file:
            answers.append(file.readline())
    assert answers == [b"HTTP/1.1 200 OK\r\n"] * 200


@pytest.mark.parametrize(
    ("who", "wish"),
    [
        ("1", b""),
        ("1", b"not json"),
        ("1", b"[]"),
        ("1", b"x" * 100_000),
        ("1", {"step": "dance"}),
        ("1", {"step": "move"}),
        ("1", {"step": "move", "role": 3, "key": [], "size": "x"}),
        ("1", MOVE | {"role": "<b>king</b>"}),
        ("1", MOVE | {"key": "pray"}),
        ("1", MOVE | {"size": float("nan")}),
        ("1", {"step": "card", "role": "floor", "key": "meteor"}),
        ("facilitator", MOVE | {"team": 9}),
        ("facilitator", {"step": "inject", "name": "power_cut@nowhere"}),
        ("facilitator", {"step": "advance", "to": 3}),
        ("facilitator", {"step": "rewind", "to": -1}),
        ("facilitator", {"step": "pace", "seconds": float("nan")}),
        ("facilitator", {"step": "pace", "seconds": -5}),
    ],
)
def test_what_cannot_be_done_is_a_sentence(still_room: DrillRoom, who: str, wish: object) -> None:
    """A step that makes no sense is answered with a sentence, leaves no trace, and every page still stands."""
    status, answer = ask(still_room, "/step", key=still_room.keys[who], wish=wish)
    assert status in (400, 409)
    assert json.loads(answer)["said"].endswith("。")
    assert len(still_room.drill.log.entries) == 1
    assert {ask(still_room, "/state", key=key)[0] for key in still_room.keys.values()} == {200}


def test_the_clock_runs_by_itself_and_a_crash_changes_no_address(room: DrillRoom, tmp_path: Path) -> None:
    """With a pace, a round passes when its time is up; opened again, the addresses and the game are the same."""
    facilitator = room.keys["facilitator"]
    assert ask(room, "/step", key=facilitator, wish={"step": "pace", "seconds": 1})[0] == 200
    deadline = time.monotonic() + 60
    while json.loads(ask(room, "/state", key=room.keys["2"])[1])["round"] < 2:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert ask(room, "/step", key=facilitator, wish={"step": "pace", "seconds": 0})[0] == 200
    links = room.links
    with pytest.raises(DrillError) as refused:
        open_drill(STORE, out=tmp_path, lang="en", roster_effort=0.1)  # the first one is still open
    assert refused.value.key == "open_elsewhere"
    port = int(links["board"].split("/?")[0].rpartition(":")[2])
    room.close()
    again = open_drill(STORE, out=tmp_path, lang="en", roster_effort=0.1)
    with socket.create_server(("127.0.0.1", port)), pytest.raises(DrillError) as refused:
        again.open_doors()  # another program has taken the port
    assert refused.value.key == "door_taken"
    again.open_doors()
    assert again.links == links
    assert again.drill.state == room.drill.state
    assert again.show("1")["name"] == "Team 1"
    again.close()


@pytest.mark.parametrize("kept", ["", "[]", '{"1": ""}', '{"1": null, "board": "short"}', '{"1": "0123456789abc"}'])
def test_edited_keys_open_no_door(room: DrillRoom, kept: str) -> None:
    """Keys that somebody has broken are replaced by new ones; the sound ones stay; an empty one opens nothing."""
    (room.folder / "keys.json").write_text(kept, "utf-8")
    again = DrillRoom(drill=room.drill, plan=room.plan, folder=room.folder, lang="zh")
    assert set(again.keys) == set(room.keys)
    assert min(map(len, again.keys.values())) >= 8
    assert again.who("") is None
    assert (again.keys["1"] == "0123456789abc") == ("0123456789abc" in kept)
    assert DrillRoom(drill=room.drill, plan=room.plan, folder=room.folder, lang="zh").keys == again.keys


def test_the_papers_are_whole(room: DrillRoom) -> None:
    """The paper version has every card and a table a half hour; a debrief says what would have helped."""
    facilitator, team = room.keys["facilitator"], room.keys["1"]
    status, paper = wait_for(room, "/paper", key=facilitator)
    assert status == 200
    assert paper.count('class="st-card drill-card"') == len(facts.table("incidents"))
    assert paper.count("<h3>2") >= 4
    assert ask(room, "/debrief", key=team)[0] == 409  # it would show what is to come
    for _ in range(4):
        room.drill.advance()
    status, debrief = wait_for(room, "/debrief", key=team)
    assert status == 200
    assert all(word in debrief for word in ("结果", "事故卡", "什么会更好"))
    assert ask(room, "/debrief?team=9", key=facilitator)[0] == 404


def test_a_name_with_markup_is_text(tmp_path: Path, browser) -> None:
    """A store whose name and rooms are written like a script shows those names and runs nothing, on paper too."""
    markup = "<b onclick=alert(1)>room</b>"
    store = shutil.copytree(STORE, tmp_path / "store")
    for name, was, now in (
        ("site.csv", "Main room", markup),
        ("scenarios.csv", "Main room", markup),
        ("store.yml", "name: ", f"name: {markup} "),
    ):
        text = (store / name).read_text("utf-8")
        assert was in text
        (store / name).write_text(text.replace(was, now), "utf-8")
    room = open_drill(store, out=tmp_path, lang="zh", minutes=60, round_min=30, roster_effort=0.1)
    room.open_doors()
    try:
        page = browser.new_context().new_page()
        page.goto(room.links["1"])
        page.wait_for_selector("#clock")
        assert markup in page.locator(".room h3").first.inner_text()
        assert markup in page.locator("header .name").inner_text()
        assert page.locator(".room b, header b").count() == 0
        assert markup not in wait_for(room, "/paper", key=room.keys["facilitator"])[1]
    finally:
        room.close()


def serve(out: Path, *, port: int = 0) -> tuple[subprocess.Popen[str], dict[str, str]]:
    """Run the command that opens a drill for eight teams; give the process and its addresses, facilitator first."""
    command = [
        sys.executable,
        "-c",
        "from simlib.cli import main; main()",
        "drill",
        STORE,
        "--out",
        out,
        "--teams",
        "8",
        "--port",
        port,
    ]
    command += ["--lang", "en", "--incidents", "bot_down 20:05, network_down 21:05", "--minutes", "120"]
    process = subprocess.Popen(
        list(map(str, command)), stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )
    assert process.stderr is not None
    found: list[str] = []
    for line in process.stderr:
        found += re.findall(r"http://\S+", line)
        if len(found) == 10:
            break
    return process, dict(zip(["facilitator", "board", *map(str, range(1, 9))], found, strict=True))


def kill(process: subprocess.Popen[str]) -> None:
    """End a server as a power cut would."""
    process.kill()
    process.communicate()


def step(link: str, wish: object) -> tuple[int, str]:
    """Take a step with the key of an address."""
    base, key = link.split("/?key=")
    request = urllib.request.Request(base + "/step", data=json.dumps(wish).encode(), headers={"X-Key": key})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())["said"]
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())["said"]


def look(link: str) -> dict:
    """Ask what a page shows."""
    base, key = link.split("/?key=")
    with urllib.request.urlopen(f"{base}/state?key={key}", timeout=60) as answer:
        return dict(json.loads(answer.read()))


def test_eight_teams_and_a_killed_server(tmp_path: Path, browser) -> None:
    """Eight teams act at once, the server is killed in the middle of a round and comes back; nothing is lost."""
    process, links = serve(tmp_path)
    try:
        page = browser.new_context().new_page()
        page.goto(links["8"])
        page.wait_for_selector("#clock")
        teams = [links[str(team)] for team in range(1, 9)]
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda link: step(link, MOVE), teams * 2))
            assert sorted(status for status, _ in answers) == [200] * 8 + [409] * 8  # each once, the double refused
            advanced = list(pool.map(lambda _: step(links["facilitator"], {"step": "advance", "to": 1}), range(4)))
            assert sorted(status for status, _ in advanced) == [200, 409, 409, 409]
            assert {each["clock"] for each in pool.map(look, links.values())} == {"20:10"}
        assert step(links["facilitator"], {"step": "pause", "paused": True})[0] == 200
        assert step(teams[0], {"step": "card", "role": "floor", "key": "bot_down"})[0] == 409
        assert step(links["facilitator"], {"step": "pause", "paused": False})[0] == 200
        assert step(links["facilitator"], {"step": "inject", "name": "surge"})[0] == 200
        for link in teams[:3]:
            assert step(link, {"step": "card", "role": "floor", "key": "bot_down"})[0] == 200
        before = [look(link) for link in links.values()]
        kill(process)
        page.wait_for_selector("#toast.bad")  # the browser says that it waits
        process, after = serve(tmp_path)
        assert after == links  # the same doors, so every page finds its way back
        assert [look(link) for link in links.values()] == before
        assert step(links["facilitator"], {"step": "advance", "to": 2})[0] == 200
        page.wait_for_selector('main[data-round="2"]')
        page.click('[data-role="aftersale"]')
        page.click('[data-kind="triage_aftersale"] button.go')
        page.wait_for_selector('[data-kind="triage_aftersale"] button.go:disabled')
        assert step(links["facilitator"], {"step": "rewind", "to": 1})[0] == 200
        page.wait_for_selector('main[data-round="1"]')
        assert step(links["facilitator"], {"step": "advance", "to": 2})[0] == 200
        for number in range(3, 13):
            assert step(links["facilitator"], {"step": "advance", "to": number})[0] == 200
        page.wait_for_selector('main[data-round="12"]')
        board = look(links["board"])
        assert board["over"]
    finally:
        kill(process)
    planned = plan(load_store(STORE), seed=7, roster_effort=3.0)
    again = Drill.resume(planned.night, tmp_path / planned.store.store_id / "drill" / "drill")
    assert again.notices == ()
    assert {row["team"]: row["total"] for row in board["teams"]} == {
        team: round(again.score(team).total, 1) for team in again.teams
    }
    decisions = [(decided.team, decided.key) for _, decided in again.state.decisions]
    assert sorted(decisions) == sorted([(team, "call_pool") for team in again.teams])
