"""The report in a real Chromium: it loads nothing, complains of nothing, and draws Chinese without system fonts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from simlib.report.charts import plot_forecast
from simlib.report.html import Card, render_index, render_report, show_chart, show_table

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser with a fresh profile for every page."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=[*FLAGS.split(), "--disable-component-update", "--disable-sync"],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page with a fresh profile."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_browser_shows_the_report(lang: str, page, tmp_path: Path, forecast: pd.DataFrame) -> None:
    """The page asks for nothing but itself, breaks no policy, uses its own font, and its chart has a size."""
    path = tmp_path / "report.html"
    html = render_report(
        [("一 A", [show_chart(plot_forecast(forecast, lang=lang)), show_table(forecast, lang=lang)])],
        title="店 <script>document.title='run'</script>",
        lang=lang,
        meta={"a": "b"},
        verdict=["需要 89 人。"],
        cards=[Card(label="需要", value="89")],
    )
    path.write_text(html, "utf-8")
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(path.as_uri())
    page.evaluate("document.fonts.ready")
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert said == []
    assert page.title().startswith("店 <script>")
    loaded = page.evaluate("[...document.fonts].map(face => [face.family, face.status])")
    assert [(family.strip('"'), status) for family, status in loaded] == [("Noto Sans SC Subset", "loaded")]
    box = page.locator(".st-chart svg").bounding_box()
    assert box["width"] > 800
    assert box["height"] > 300
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


WIDE = pd.DataFrame(
    {
        key: [n / 7 for n in range(6)]
        for key in ("scenario", "extra_lost_cny", "answered_change", "rate_change", "overtime_change", "recovery_min")
    }
    | {"where": ["a place with a long name, the second room on the left"] * 6, "fails_at": ["2026-10-31 20:00"] * 6}
    | {"won_back_cny": [1234567.0] * 6, "cost_cny": [1234567.0] * 6, "platform_rate": [0.5] * 6}
)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_line_17_a_phone_shows_legible_charts_and_tables_that_scroll(
    lang: str, page, tmp_path: Path, forecast: pd.DataFrame
) -> None:
    """At 390 px the page itself does not scroll sideways, a chart keeps its letters, and a table shows its edge."""
    path = tmp_path / "report.html"
    pieces = [show_chart(plot_forecast(forecast, lang=lang)), show_table(WIDE, lang=lang, caption="x")]
    path.write_text(render_report([("A", pieces)], title="T", lang=lang, meta={}), "utf-8")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator(".st-chart svg").bounding_box()["width"] == 720
    for part in (".st-chart", ".st-scroll"):
        wide, seen, shade = page.evaluate(
            "part => (box => [box.scrollWidth, box.clientWidth, getComputedStyle(box).backgroundImage])"
            "(document.querySelector(part))",
            part,
        )
        assert wide > seen
        assert "linear-gradient" in shade
    page.evaluate("document.querySelector('.st-scroll').scrollLeft = 300")
    assert page.locator(".st-table tbody td").first.bounding_box()["x"] == pytest.approx(14, abs=1)


def test_line_17_on_paper_no_table_is_cut_and_no_page_is_left_nearly_empty(
    page, tmp_path: Path, forecast: pd.DataFrame
) -> None:
    """At the width of A4 the widest table ends within the page, and a chapter goes on below the one before it."""
    path = tmp_path / "report.html"
    sections = [(name, [show_table(WIDE, lang="en")]) for name in "ABCD"]
    path.write_text(render_report(sections, title="T", lang="en", meta={}), "utf-8")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 695, "height": 1000})  # A4 without its margins
    page.goto(path.as_uri())
    ends = page.evaluate("[...document.querySelectorAll('.st-table')].map(each => each.getBoundingClientRect().right)")
    assert len(ends) == 4
    assert max(ends) <= 695
    printed = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 2


def test_line_17_the_batch_page_shows_links_wraps_verdicts_and_sorts(page, tmp_path: Path) -> None:
    """At 1366 px nothing scrolls sideways, links are in sight, a failure is folded, and a click on a mark sorts."""
    text = "The night is short of people in the half hour that sells most, and it misses its platform's rate. " * 3
    rows: list[dict[str, Any]] = [
        {
            "store": f"s{n}.xlsx",
            "folder": f"s{n}",
            "problem": None,
            "summary": {
                "store": f"Shop {n}",
                "verdict": {"en": [text]},
                "human": 10 * n,
                "agents_needed": 9,
                "shortfall": (n * 2) % 5,
                "platform_rate": 0.9,
                "sales_lost": 123456.0,
            },
        }
        for n in range(5)
    ]
    rows.append({"store": "x.xlsx", "folder": None, "problem": "First.\nSecond.", "summary": {}})
    path = tmp_path / "index.html"
    path.write_text(render_index(rows, lang="en"), "utf-8")
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(path.as_uri())
    assert page.evaluate("(box => box.scrollWidth <= box.clientWidth)(document.querySelector('.st-scroll'))")
    assert page.get_by_role("link", name="Workbook").first.bounding_box()["x"] < 300
    assert page.get_by_text("First.").is_visible()
    assert not page.evaluate("document.querySelector('details').open")
    tops = (
        "[...document.querySelectorAll('td.store b')].map(each => [each.getBoundingClientRect().top, each.innerText])"
    )

    def order() -> str:
        return "".join(name[-1] for _, name in sorted(page.evaluate(tops)))

    assert order() == "01234x"
    page.get_by_title("Sort by Shortfall (agents), largest first").click()
    assert order() == "24130x"
    page.get_by_title("Sort by Shortfall (agents), smallest first").click()
    assert order() == "03142x"
