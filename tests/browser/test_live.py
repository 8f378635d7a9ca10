"""The live night as a dashboard and in the lab, in a real Chromium: what people do, and what must not happen."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simlib import load_store, plan
from simlib.store import save_store
from tests.browser.live import CHROMIUM, DRAG, MOVE, READY, chromium, dashboard, lab, open_page, shown
from tests.browser.live import settle as settle_on

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


KERNEL = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.id"
QUICK = {"roster_effort": 0.2, "replications": 6}


def settle(page: Any) -> None:
    """Wait until the last answer rests on all its nights."""
    settle_on(page, QUICK["replications"])


@pytest.fixture(scope="module")
def workbook(tmp_path_factory, short_store) -> Path:
    """The small store's workbook, to be opened and written into."""
    path = tmp_path_factory.mktemp("store") / "shop.xlsx"
    save_store(short_store, path, "zh")
    return path


@pytest.fixture(scope="module")
def address(tmp_path_factory, workbook: Path) -> Iterator[str]:
    """The small store's dashboard, served as the command serves it."""
    with dashboard(tmp_path_factory.mktemp("dashboard"), workbook, **QUICK) as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser; every page has a profile of its own."""
    pytest.importorskip("playwright.sync_api")
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """Every address that one person's page has asked for since it was opened."""
    return []


@pytest.fixture(scope="module")
def opened(browser, address: str, asked: list[str]) -> Any:
    """One person's page, for all tests."""
    return open_page(browser, address, asked=asked)


@pytest.fixture(scope="module")
def other_opened(browser, address: str) -> Any:
    """Another person's page, with a kernel of its own."""
    return open_page(browser, address)


def take_back(page: Any) -> Any:
    """Take a page back to the plan, as Escape does."""
    page.locator(".st-live input[type=range]").first.focus()
    page.keyboard.press("Escape")
    settle(page)
    assert page.locator(".st-live label.moved").count() == 0
    return page


@pytest.fixture
def page(opened) -> Any:
    """One person's page, at the plan."""
    return take_back(opened)


@pytest.fixture
def other_page(other_opened) -> Any:
    """Another person's page, at the plan."""
    return take_back(other_opened)


def test_only_this_machine_and_only_with_the_token(address: str) -> None:
    """The address is this machine's; without its token neither the page nor a kernel is given out."""
    assert address.startswith("http://127.0.0.1:")
    bare = address.partition("?")[0]
    port = int(re.search(r":(\d+)/", address)[1])
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if " 0A " in line]
    assert f"0100007F:{port:04X}" in listening
    assert f"00000000:{port:04X}" not in listening
    assert [given_out(bare + path) for path in ("", "api/kernels", "voila/files/shop.xlsx")] == [False] * 3
    with urllib.request.urlopen(address, timeout=120) as answer:
        assert "/login" not in answer.geturl()
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    elsewhere = urllib.request.Request(address, headers={"Host": "elsewhere.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(elsewhere, timeout=120)
    assert refused.value.code == 403


def given_out(address: str) -> bool:
    """Return whether a page is given out; a refusal is no page, and neither is the one that asks for the token."""
    try:
        with urllib.request.urlopen(address, timeout=120) as answer:
            return "/login" not in answer.geturl()
    except urllib.error.HTTPError as refused:
        if refused.code not in (401, 403):
            raise
        return False


def test_nothing_is_fetched_from_elsewhere_and_no_code_is_shown(page, asked: list[str]) -> None:
    """The page asks this machine only, shows no source line, and lies within the window of a small laptop."""
    assert page.url in asked
    assert [url for url in asked if not re.match(r"(http://127\.0\.0\.1:|data:|blob:)", url)] == []
    assert "import" not in page.inner_text("body")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    box = page.locator(".st-live canvas").bounding_box()
    assert box["height"] > 250
    assert box["y"] + box["height"] <= 768


def test_it_works_by_keyboard_and_undoes(page) -> None:
    """Arrows move a slider, Ctrl+Z takes it back, Escape goes back to the plan, and the figures follow each time."""
    planned = shown(page)
    slider = page.locator(".st-live input[type=range]").first
    heads = int(slider.input_value())
    slider.focus()
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
    settle(page)
    fewer = shown(page)
    assert int(slider.input_value()) == heads - 2
    assert fewer["rostered_heads"] != planned["rostered_heads"]
    page.keyboard.press("Control+z")
    settle(page)
    assert int(slider.input_value()) == heads - 1
    page.keyboard.press("Escape")
    settle(page)
    assert shown(page) == planned
    assert page.locator(".st-live label.moved").count() == 0
    names = page.eval_on_selector_all(
        ".st-live input, .st-live select", "all => all.map(each => each.labels?.length || each.ariaLabel)"
    )
    assert all(names)


def test_line_17_the_axes_stand_still_while_a_slider_moves(page) -> None:
    """Held, a slider changes the figures and no axis; let go, the axes fit. A button shows 19:00 to 01:00 alone."""
    tops = "document.querySelector('.st-live canvas').dataset.tops"
    bounds = page.locator(".st-live thead th .bound").all_inner_texts()
    assert [bound.split()[0] for bound in bounds if bound] == ["≥", "≥", "≤"]
    planned = page.evaluate(tops)
    assert len(planned.split()) == 3
    hold = """async (kinds) => {
      const root = document.querySelector('.st-live'), input = root.querySelector('[name=people_own]');
      input.value = 3;
      for (const kind of kinds) input.dispatchEvent(new Event(kind, {bubbles: true}));
      const asked = Number(root.dataset.asked);
      while (Number(root.dataset.shown || 0) < asked) await new Promise(requestAnimationFrame);
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    }"""
    page.evaluate(hold, ["input"])
    assert page.evaluate(tops) == planned
    page.evaluate(hold, ["change"])
    assert page.evaluate(tops) != planned
    button = page.locator(".st-live .foot button")
    assert "19:00–01:00" in button.inner_text()
    before = page.locator(".st-live canvas").screenshot()
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    page.wait_for_timeout(200)
    assert page.locator(".st-live canvas").screenshot() != before
    button.click()
    assert button.get_attribute("aria-pressed") == "false"


def test_a_wild_drag_leaves_the_last_position_shown(page, other_page) -> None:
    """Ten sliders dragged at every frame: the last position is what is shown, the same as if it were set at once."""
    before = int(page.get_attribute(".st-live", "data-asked"))
    moves = page.evaluate(DRAG, 3)
    settle(page)
    dragged = shown(page)
    position = page.eval_on_selector_all(
        ".st-live input[type=range]", "all => all.map(each => [each.name, each.value])"
    )
    for key, value in position:
        other_page.evaluate(MOVE, [key, value])
    settle(other_page)
    assert shown(other_page) == dragged
    assert int(page.get_attribute(".st-live", "data-asked")) - before >= moves


def test_two_browsers_do_not_see_each_other(page, other_page) -> None:
    """What one moves leaves the other's figures and sliders as they are."""
    before, number = shown(other_page), other_page.get_attribute(".st-live", "data-asked")
    page.evaluate(MOVE, ["bot_share", "0.9"])
    settle(page)
    assert shown(page) != before
    assert shown(other_page) == before
    assert other_page.locator(".st-live label.moved").count() == 0
    assert other_page.get_attribute(".st-live", "data-asked") == number


def test_a_scenario_goes_into_the_workbook(page, workbook: Path) -> None:
    """Named and kept, it stands on the sheet; without a name the page asks for one."""
    page.evaluate(MOVE, ["bot_share", "0.6"])
    page.locator(".st-live button.main").click()
    page.wait_for_function("document.querySelector('.st-live .notice').textContent !== ''")
    assert not page.locator(".st-live .notice.good").count()
    page.locator(".st-live input.scenario").fill("机器人更强")
    page.keyboard.press("Enter")
    page.wait_for_selector(".st-live .notice.good", timeout=60_000)
    kept = load_store(workbook).scenarios[-1]
    assert (kept.name, kept.kind) == ("机器人更强", "bot_share")


def test_an_action_is_one_click_and_a_plan_is_kept(page, workbook: Path) -> None:
    """A click takes an action, a second one says that it is taken, undo takes it back; a plan's name brings it back."""
    planned = shown(page)
    offer = page.locator(".st-live .offers button").first
    offer.click()
    page.wait_for_selector(".st-live .offers button.taken")
    settle(page)
    taken = shown(page)
    assert taken != planned
    offer.click()
    page.wait_for_function("document.querySelector('.st-live .notice').textContent !== ''")
    page.locator(".st-live button.plan").click()
    page.wait_for_selector(".st-live tr.kept", timeout=60_000)
    assert workbook.with_name("shop.plans.json").exists()
    page.keyboard.press("Escape")
    page.locator(".st-live input[type=range]").first.focus()
    page.keyboard.press("Escape")
    settle(page)
    assert shown(page) == planned
    page.locator(".st-live tr.kept button").click()
    settle(page)
    assert shown(page) == taken
    page.keyboard.press("Control+z")
    settle(page)
    assert shown(page) == planned


def test_a_reload_brings_the_sliders_back(page) -> None:
    """The same tab, reloaded, stands where it stood, and Ctrl+Z still goes back; a new browser sees the plan."""
    planned = shown(page)
    page.evaluate(MOVE, ["bot_share", "0.9"])
    settle(page)
    moved = shown(page)
    page.reload(timeout=60_000)
    page.wait_for_selector(READY, timeout=120_000)
    settle(page)
    assert moved != planned
    assert shown(page) == moved
    page.locator(".st-live input[name=bot_share]").focus()
    page.keyboard.press("Control+z")
    settle(page)
    assert shown(page) == planned


def test_an_outage_cannot_end_before_it_begins(page) -> None:
    """Its two sliders push each other, to the ends of the night, too, and the page answers each time."""
    name = page.locator(".st-live option").nth(1).get_attribute("value")
    page.select_option(".st-live select", name)
    edges = [page.locator(f".st-live input[name=outage_{edge}]") for edge in ("from", "to")]
    for moved, end in ((0, "max"), (1, "min")):
        page.evaluate(MOVE, [f"outage_{'to' if moved else 'from'}", edges[moved].get_attribute(end)])
        begins, ends = (float(edge.input_value()) for edge in edges)
        assert begins < ends
        settle(page)
        assert page.inner_text(".st-live .notice") == ""


def test_a_drag_is_shown_as_it_goes(page) -> None:
    """While a slider moves at every frame the figures follow, in order, and do not wait for it to rest."""
    numbers = page.evaluate(
        """async () => {
          const root = document.querySelector('.st-live'), input = root.querySelector('[name=people_own]');
          const seen = [];
          for (let frame = 0; frame < 120; frame++) {
            input.value = Number(input.min) + (frame % 2);
            input.dispatchEvent(new Event('input', {bubbles: true}));
            await new Promise(requestAnimationFrame);
            seen.push(Number(root.dataset.shown));
          }
          return seen;
        }"""
    )
    assert numbers == sorted(numbers)
    assert len(set(numbers)) > 3


def assert_chinese_is_drawn(page) -> None:
    """The menus of JupyterLab are in Chinese, and every character is as wide as the type is high: no empty boxes."""
    labels = page.eval_on_selector_all(
        ".lm-MenuBar-itemLabel",
        "all => all.map(e => [e.textContent, e.clientWidth, parseFloat(getComputedStyle(e).fontSize)])",
    )
    assert "文件" in [text for text, _, _ in labels]
    for text, width, height in labels:
        assert width == pytest.approx(len(text) * height, abs=1), text
    assert page.evaluate("document.fonts.check('20px \"Sandtable Lab\"', '现场推演')")


def test_two_browsers_in_the_lab_do_not_see_each_other(browser, tmp_path: Path, workbook: Path) -> None:
    """It shows, answers and undoes in JupyterLab.

    Neither a second browser on the same notebook, which has the same kernel, nor one on a copy of it, which has a
    kernel of its own, sees what the first one moves.
    """
    roster = tmp_path / "roster.parquet"
    plan(load_store(workbook), roster_effort=QUICK["roster_effort"]).roster.to_parquet(roster)
    with lab(tmp_path, workbook, roster=str(roster), **QUICK) as served:
        page = open_page(browser, served, in_lab=True)
        assert_chinese_is_drawn(page)
        settle(page)
        others = []
        for name in ("live.ipynb", "copy.ipynb"):  # each in a workspace of its own: a shared one opens what others have
            place = served.replace("/lab/tree/live.ipynb", f"/lab/workspaces/{len(others)}/tree/{name}")
            others.append(open_page(browser, place, in_lab=True))
        kernel, *kernels = (each.evaluate(KERNEL) for each in (page, *others))
        assert [each == kernel for each in kernels] == [True, False]
        before = shown(page)
        for other in others:
            settle(other)
            assert shown(other) == before
        page.evaluate(MOVE, ["bot_share", "0.9"])
        settle(page)
        assert shown(page) != before
        for other in others:
            assert shown(other) == before
            assert other.get_attribute(".st-live", "data-asked") == "1"
            other.evaluate(MOVE, ["bot_share", "0.9"])
            settle(other)
            assert shown(other) == shown(page)
        page.locator(".st-live input[type=range]").first.focus()
        page.keyboard.press("Control+z")
        settle(page)
        assert shown(page) == before
        for each in (page, *others):
            each.context.close()
