"""The report: nothing of a store's text runs, nothing loads, and all that a reader needs is in the page."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from fontTools.ttLib import TTFont

from simlib.report.charts import plot_coverage, plot_forecast
from simlib.report.html import (
    POLICY,
    ROWS_SHOWN,
    Card,
    Fragment,
    render_index,
    render_report,
    show_cards,
    show_chart,
    show_table,
    show_text,
    show_verdict,
)

ATTACK = '<script>alert(1)</script><img src=x onerror="alert(2)">\'"&'
META = {"Store": ATTACK, "Seed": 7}


class Page(HTMLParser):
    """A page taken apart: its elements, its ids, its links, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, text or "") for name, text in attrs]
        if tag not in ("meta", "br", "img", "link", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data


@pytest.fixture
def report(forecast: pd.DataFrame, coverage: pd.DataFrame) -> str:
    """A report of two chapters about a store with a hostile name."""
    frame = pd.DataFrame({"name": [ATTACK], "contacts": [1234], "queue": ["presale"]})
    sections = [
        (
            "预测",
            [show_chart(plot_forecast(forecast, lang="zh"), caption=ATTACK), show_table(frame, lang="zh")],
        ),
        (ATTACK, [show_text(ATTACK), show_chart(plot_coverage(coverage, lang="zh"))._repr_html_()]),
    ]
    return render_report(
        sections,
        title=ATTACK,
        lang="zh",
        meta=META,
        verdict=["需要 89 人。", ATTACK, "第三句。"],
        tone="bad",
        cards=[Card(label=ATTACK, value="89", band="82 – 95", note=ATTACK, tone="bad")],
    )


def test_what_a_store_writes_is_shown_and_never_run(report: str) -> None:
    """A store's name full of markup appears as text everywhere it stands, and makes no element."""
    page = Page(report)
    assert page.open == []
    assert not {"script", "img", "iframe", "object", "form", "link"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert page.text.count("<script>alert(1)</script>") == 11
    assert ("svg", "aria-label") in {(tag, name) for tag, name, _ in page.attributes}


def test_the_page_needs_nothing_from_elsewhere(report: str) -> None:
    """No address is loaded, the policy forbids it, and every style address is in the page itself."""
    page = Page(report)
    assert ("meta", "content", POLICY) in page.attributes
    assert "default-src 'none'" in POLICY
    addresses = [text for tag, name, text in page.attributes if name in ("src", "href", "xlink:href")]
    assert addresses
    assert all(text.startswith("#") for text in addresses)
    assert all(url.startswith(("#", "data:font/woff")) for url in re.findall(r"url\(([^)]{0,20})", report))
    assert "@import" not in report


def test_the_page_brings_its_letters(report: str) -> None:
    """The embedded font has every Chinese character that the page says."""
    packed = re.search(r"url\(data:font/woff;base64,([^)]+)\)", report)
    assert packed
    with TTFont(io.BytesIO(base64.b64decode(packed[1]))) as font:
        glyphs = set(font.getBestCmap())
    said = {sign for sign in Page(report).text if not sign.isspace()}
    assert {sign for sign in said if ord(sign) not in glyphs} == set()


def test_the_same_content_gives_the_same_bytes(forecast: pd.DataFrame) -> None:
    """Two reports of the same sections are equal."""
    pages = [
        render_report(
            [("a", [show_chart(plot_forecast(forecast, lang="zh"))])], title="店", lang="zh", meta={"种子": 7}
        )
        for _ in range(2)
    ]
    assert pages[0] == pages[1]


def test_the_contents_lead_to_the_chapters(report: str) -> None:
    """Every link of the contents finds its chapter, and no id stands twice."""
    page = Page(report)
    ids = [text for _, name, text in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    links = [text[1:] for tag, name, text in page.attributes if tag == "a" and name == "href"]
    assert links == ["s1", "s2"]
    assert set(links) <= set(ids)


def test_the_page_prints_on_a4(report: str) -> None:
    """The style has A4 pages, a chapter goes on below the one before, pictures and boxes are not cut, titles repeat."""
    assert "@page{size:A4" in report
    assert "break-before:page" not in report
    for kept_whole in (".st-chart{", ".st-verdict{", ".st-card{"):
        rule = report[report.index(kept_whole) :].split("}")[0]
        assert "break-inside:avoid" in rule
    assert ".st-table thead{display:table-header-group}" in report


def test_a_notebooks_piece_keeps_its_style_once(forecast: pd.DataFrame) -> None:
    """A piece as a notebook shows it brings its own style; the report has that style a single time."""
    piece = show_table(forecast.head(3), lang="en")
    assert piece._repr_html_().startswith("<style>")
    page = render_report([("a", [piece._repr_html_(), piece])], title="t", lang="en", meta={})
    assert page.count(".st-table caption{text-align") == 1
    assert page.count("<table") == 2


@pytest.mark.parametrize(
    "active",
    [
        "<script>1</script>",
        '<p onclick="x()">a</p>',
        '<a href=" java\tscript:x()">a</a>',
        '<img src="https://example.org/a.png">',
        '<img src="//example.org/a.png">',
        '<link rel="stylesheet" href="a.css">',
        '<svg><use xlink:href="https://example.org/#a"/></svg>',
        "<style>@import 'a.css';</style>",
        '<p style="background:url(https://example.org/a.png)">a</p>',
        '<iframe src="a.html"></iframe>',
        '<form action="/x"></form>',
    ],
)
def test_a_piece_that_runs_or_loads_is_refused(active: str) -> None:
    """The report stops with the section and the culprit, rather than carry it along."""
    with pytest.raises(ValueError, match="section 'Chapter' holds"):
        render_report([("Chapter", [active])], title="t", lang="en", meta={})


def test_a_harmless_piece_passes() -> None:
    """A link to click on, a picture inside the page, and inner references are no danger."""
    piece = (
        '<a href="https://example.org/">a</a><a href="01.ipynb">b</a><img src="data:image/png;base64,AA==">'
        '<svg><use xlink:href="#a"/></svg><style>p{color:red}</style>'
    )
    assert piece in render_report([("Chapter", [piece])], title="t", lang="en", meta={})


def test_numbers_stand_right_and_gaps_are_red(coverage: pd.DataFrame) -> None:
    """Number cells and titles are marked to stand right; a gap above nought is red, nought is not."""
    table = coverage.iloc[[0, 25]].assign(shortfall=[0, 7])
    html = show_table(table, lang="en").html
    assert '<th class="n">Shortfall (agents)</th>' in html
    assert '<td class="n bad">7</td>' in html
    assert '<td class="n">0</td>' in html
    assert "<td>Presale</td>" in html


def test_a_long_table_is_folded_and_a_very_long_one_cut_with_a_word() -> None:
    """Thirty rows are folded; of three hundred the first two hundred are shown, and the page says so."""
    frame = pd.DataFrame({"contacts": range(300)})
    assert "<details" not in show_table(frame.head(10), lang="en").html
    assert show_table(frame.head(30), lang="en").html.count("<tr>") == 31
    cut = show_table(frame, lang="en").html
    assert cut.startswith("<details")
    assert cut.count("<tr>") == ROWS_SHOWN + 1
    assert "The first 200 of 300 rows" in cut


def test_cards_and_verdict_escape_and_refuse() -> None:
    """Cards and verdict escape their text, leave out what is empty, and a card knows three tones."""
    assert "&lt;b&gt;" in show_verdict(["<b>"]).html
    shown = show_cards([Card(label="<b>", value="1")]).html
    assert "&lt;b&gt;" in shown
    assert "band" not in shown
    with pytest.raises(ValueError, match="tone"):
        Card(label="a", value="1", tone="great")  # type: ignore[arg-type]


def test_the_page_over_a_batch_shows_each_store() -> None:
    """A store that is done has its figures and files, a failed one its message; both are escaped."""
    rows = [
        {
            "store": ATTACK,
            "folder": "a store/<1>",
            "summary": {
                "verdict": {"en": ["Good."]},
                "agents_needed": 89,
                "shortfall": 17,
                "platform_rate": 0.8123,
            },
            "problem": None,
        },
        {"store": "b", "folder": "b", "summary": {"agents_needed": 9, "shortfall": 0}, "problem": None},
        {"store": "c", "folder": None, "summary": {}, "problem": "agents, row 3: <b>\nwaves, row 4"},
    ]
    html = render_index(rows, lang="en")
    page = Page(html)
    assert page.open == []
    assert "3 stores: 2 done, 1 failed." in page.text
    links = [text for tag, name, text in page.attributes if tag == "a" and name == "href"]
    assert links[:2] == ["a%20store/%3C1%3E/report.html", "a%20store/%3C1%3E/report.xlsx"]
    assert len(links) == 4
    assert '<td class="n bad">17</td>' in html
    assert '<td class="n">81.2</td>' in html
    assert "<details><summary>agents, row 3: &lt;b&gt;</summary><div>waves, row 4</div></details>" in html
    assert "<b> " not in html


def test_a_batch_is_sorted_by_its_columns_without_code() -> None:
    """Each row carries its place by every column, rising and falling; what has no figure comes last in both."""
    shops = [("b.xlsx", "Beta", 9), ("a.xlsx", "Alpha", 17), ("c.xlsx", "", None)]
    rows = [
        {
            "store": file,
            "folder": file,
            "summary": {"store": name, "shortfall": short} if name else {},
            "problem": None if name else "broken",
        }
        for file, name, short in shops
    ]
    html = render_index(rows, lang="en")
    places = [dict(re.findall(r"--(\w+):(\d+)", style)) for style in re.findall(r'<tr style="([^"]+)"', html)]
    by_name, falling = ("up0", ["1", "0", "2"]), ("down2", ["1", "0", "2"])
    for key, wanted in (by_name, falling, ("up2", ["0", "1", "2"]), ("up1", ["0", "1", "2"])):
        assert [place[key] for place in places] == wanted
    assert "<script" not in html


def test_an_empty_batch_is_a_page_too() -> None:
    """No stores at all still give a whole page, in Chinese too."""
    assert "共 0 家店" in render_index([], lang="zh")


def test_a_fragment_is_what_was_put_in() -> None:
    """A fragment shows its HTML in a notebook, after its style."""
    assert Fragment("<p>x</p>")._repr_html_().endswith("</style><p>x</p>")


@pytest.mark.parametrize(("lang", "text"), [("zh", "没有要列的内容。"), ("en", "There is nothing to list.")])
def test_a_table_without_rows_is_a_sentence(lang: str, text: str) -> None:
    """Under its caption stands what is not there, and no title of a column; a sentence of its own goes first."""
    bare = pd.DataFrame(columns=["queue", "contacts"])
    html = show_table(bare, lang=lang, caption="a < b").html
    assert (text in html, "<th" in html, "<caption>a &lt; b</caption>" in html) == (True, False, True)
    assert "Nobody is late" in show_table(bare, lang=lang, no_rows="Nobody is late").html
    assert "<caption>" not in show_table(bare, lang=lang).html
