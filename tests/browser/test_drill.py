"""A drill in a real Chromium: four teams, the facilitator and the board, from the first round to the last."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from simlib.drill_room import DrillRoom, open_drill
from simlib.stress.drill import Drill

CHROMIUM = Path("/usr/bin/chromium")
STORE = Path(__file__).parents[2] / "templates" / "stores" / "bodycare"
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[DrillRoom]:
    """Two hours of the small store's night in rounds of half an hour, its doors open."""
    opened = open_drill(STORE, out=tmp_path, teams=4, lang="zh", minutes=120, round_min=30, roster_effort=0.1)
    opened.open_doors()
    yield opened
    opened.close()


@pytest.fixture
def browser() -> Iterator[object]:
    """A browser with a fresh profile."""
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
    dealt = room.drill.noticed()
    assert dealt, "something can be noticed after half an hour"
    card = dealt[0].cards[0]
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
    """Without a key nothing is shown; a team sees no other team, no deal and no paper, and leads nobody's game."""
    keys = room.keys
    assert all(address.startswith("http://127.0.0.1:") for address in room.links.values())
    for path in ("/state", "/paper", "/debrief?team=1"):
        assert ask(room, path, key="guess")[0] == 403
    assert ask(room, "/step", key="guess", wish={"step": "advance", "to": 1})[0] == 403
    status, page = ask(room, "/state", key=keys["1"])
    assert status == 200
    assert "dealt" not in json.loads(page)
    assert ask(room, "/paper", key=keys["1"])[0] == 403
    assert ask(room, "/step", key=keys["1"], wish={"step": "advance", "to": 1})[0] == 409
    wish = {"step": "move", "team": 2, "role": "floor", "key": "call_pool", "size": 3}
    assert ask(room, "/step", key=keys["1"], wish=wish)[0] == 200
    assert (len(room.drill.levers(1)), len(room.drill.levers(2))) == (1, 0)
    assert ask(room, "/step", key=keys["board"], wish=wish)[0] == 409
    assert ask(room, "/etc/passwd", key=keys["1"])[0] == 404


@pytest.mark.parametrize(
    "wish",
    [b"", b"not json", b"[]", {"step": "dance"}, {"step": "move"}, {"step": "move", "role": 3, "key": [], "size": "x"}],
)
def test_what_is_not_understood_is_a_sentence(room: DrillRoom, wish: object) -> None:
    """A step that makes no sense is answered with a sentence and changes nothing."""
    status, answer = ask(room, "/step", key=room.keys["1"], wish=wish)
    assert status in (400, 409)
    assert json.loads(answer)["said"].endswith("。")
    assert len(room.drill.log.entries) == 1


def test_the_clock_runs_by_itself_and_a_crash_changes_no_address(room: DrillRoom, tmp_path: Path) -> None:
    """With a pace, a round passes when its time is up; opened again, the keys and the game are the same."""
    facilitator = room.keys["facilitator"]
    assert ask(room, "/step", key=facilitator, wish={"step": "pace", "seconds": 1e-6})[0] == 200
    for number in range(1, 5):
        assert json.loads(ask(room, "/state", key=room.keys["2"])[1])["round"] >= number
    again = open_drill(STORE, out=tmp_path, lang="en", roster_effort=0.1)
    assert again.keys == room.keys
    assert again.drill.state == room.drill.state
    assert again.show("1")["name"] == "Team 1"


def test_the_papers_are_whole(room: DrillRoom) -> None:
    """The paper version has every card and a table a half hour; a debrief says what would have helped."""
    facilitator, team = room.keys["facilitator"], room.keys["1"]
    status, paper = ask(room, "/paper", key=facilitator)
    assert status == 200
    assert paper.count('class="st-card"') == 15
    assert paper.count("<h3>2") >= 4
    assert ask(room, "/debrief", key=team)[0] == 409  # it would tell what is dealt
    for _ in range(4):
        room.drill.advance()
    status, debrief = ask(room, "/debrief", key=team)
    assert status == 200
    assert all(word in debrief for word in ("结果", "事故卡", "什么会更好"))
    assert ask(room, "/debrief?team=9", key=facilitator)[0] == 404
