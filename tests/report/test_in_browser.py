"""The report in a real Chromium: it loads nothing, complains of nothing, and draws Chinese without system fonts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from simlib.report.charts import plot_forecast
from simlib.report.html import Card, render_report, show_chart, show_table

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed")


@pytest.fixture
def page(tmp_path: Path) -> Iterator[object]:
    """A page of a browser with a fresh profile."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=[*FLAGS.split(), "--disable-component-update", "--disable-sync"],
        )
        yield browser.new_page(viewport={"width": 1200, "height": 900})
        browser.close()


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
