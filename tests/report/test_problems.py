"""What a chapter shows of a store with mistakes: a red box on top, then all that can be worked out without them."""

import base64
import io
import re
import shutil
from html import unescape

import nbformat
import pandas as pd
import papermill
import pytest
from fontTools.ttLib import TTFont

from simlib import load_store, runs
from simlib.messages import HOUSE, LANGS, glossary, translate
from simlib.planning import plan, sharing
from simlib.report import pages
from simlib.runs.engine import ENGINE
from simlib.store import read_store
from simlib.store.problems import Problem

STORES = HOUSE / "templates" / "stores"


@pytest.fixture
def shop(tmp_path):
    """Copy the small example store."""
    return shutil.copytree(STORES / "bodycare", tmp_path / "shop")


def rewrite(shop, sheet, old, new):
    """Change some text of a sheet."""
    path = shop / f"{sheet}.csv"
    text = path.read_text(encoding="utf-8-sig")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def run_chapter(path, done, *, lang):
    """Run notebook 01 of a store, and return what it shows."""
    papermill.execute_notebook(
        runs.NOTEBOOKS / "01_staffing.ipynb",
        done,
        parameters={"store": str(path), "lang": lang, "today": "2026-10-10"},
        engine_name=ENGINE,
        cwd=runs.NOTEBOOKS,
        progress_bar=False,
    )
    outputs = [out for cell in nbformat.read(done, as_version=4).cells for out in cell.get("outputs", ())]
    pieces = [out["data"]["text/html"] for out in outputs if "text/html" in out.get("data", {})]
    return [unescape("".join(piece)) for piece in pieces]


def test_one_mistake_in_many_rows_counts_once(short_store):
    """Nine rows with one mistake and one with another are two, in the red box as in its list."""
    many = [Problem(message="missing", sheet="agents", row=row, column="name", loss="row") for row in range(2, 11)]
    other = Problem(message="missing", sheet="waves", row=3, column="day", loss="row")
    store = short_store.model_copy(update={"problems": (*many, other)})
    html = unescape(pages.show_problems(store, lang="en").html)
    assert translate("store.problems_head", "en", count=2) in html
    assert html.count("<li>") == 2


@pytest.mark.parametrize("lang", LANGS)
def test_a_chapter_with_a_wrong_cell_is_complete(shop, small_plan, tmp_path, lang):
    """Notebook 01 runs to its end, its first picture is the red box, and as much follows as for the sound store."""
    with sharing(small_plan, of=load_store(STORES / "bodycare")):
        sound = run_chapter(STORES / "bodycare", tmp_path / "sound.ipynb", lang=lang)
    rewrite(shop, "ratios", "conversion,0.41,0.46,0.51", "conversion,0.41,1.46,0.51")
    rewrite(shop, "agents", "B03,Chloe,own,aftersale,presale", "B03,Chloe,own,,presale")
    broken = run_chapter(shop, tmp_path / "broken.ipynb", lang=lang)
    assert len(broken) == len(sound)
    head = translate("store.problems_head", lang, count=2)
    assert head in broken[0]
    assert "st-verdict bad" in broken[0]
    assert translate("store.loss_default", lang) in broken[0]
    assert "1.46" in broken[0]
    assert not any(head in html for html in sound)


def test_a_sound_store_has_no_box(small_plan):
    """Where nothing is wrong nothing is shown; the verdict has its three sentences, and before them what fails."""
    assert pages.show_problems(small_plan.store, lang="zh") is None
    assert not small_plan.conclusion.holds
    assert not small_plan.conclusion.fails_badly
    assert len(small_plan.verdict("zh")) == 4


def test_what_a_store_writes_is_text(shop):
    """A wrong value that looks like a page's code is shown and not run."""
    rewrite(shop, "agents", "B03,Chloe,own", "B03,Chloe,<script>alert(1)</script>")
    html = pages.show_problems(read_store(shop), lang="en").html
    assert "<script" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("path", ["bodycare", "appliances.xlsx"])
def test_the_example_stores_raise_no_doubt(path):
    """A history in its right unit is not doubted, on any wave of the example stores."""
    store = load_store(STORES / path)
    for wave in store.waves:
        assert "st-verdict" not in pages.show_cross_check(plan(store, wave=wave.name), lang="zh").html


def scaled(store, factor, by_day=False):
    """Change the unit of a store's history."""
    rows = store.frame("history")
    if by_day:
        rows["start"] = rows["start"].dt.normalize()
        rows = rows.groupby(["start", "queue"], as_index=False)["contacts"].sum()
    rows["contacts"] *= factor
    records = rows.astype(object).where(pd.notna(rows), None).to_dict("records")
    model = type(store.history[0])
    return store.model_copy(update={"history": tuple(model(**record) for record in records)})


@pytest.mark.parametrize(
    ("factor", "by_day", "key"),
    [
        (24, False, "unit_by_interval_high"),
        (1 / 24, False, "unit_by_interval_low"),
        (30, True, "unit_by_day_high"),
        (1 / 24, True, "unit_by_day_low"),
    ],
)
def test_a_history_in_another_unit_is_doubted(factor, by_day, key):
    """Day totals in hours, or hours in days: sheet, column, both figures, the probable mistake and the way out."""
    night = plan(scaled(load_store(STORES / "bodycare"), factor, by_day), wave="Evening opening")
    for lang in LANGS:
        html = unescape(pages.show_cross_check(night, lang=lang).html)
        (box,) = re.findall(r'<div class="st-verdict bad">.*?</div>', html)
        assert box.count("<p>") == 2
        assert "(history)" in box
        assert "(contacts)" in box
        assert translate(f"store.{key}", lang, rows=24) in box
        assert re.search(r"\b[1-9]\d\b", box)


def test_a_chapter_brings_the_glyphs_of_all_it_says():
    """Where there is no Chinese font, every notebook's headings, the glossary and the store's names are drawn."""
    store = load_store(STORES / "appliances.xlsx")
    packed = re.search(r"base64,([A-Za-z0-9+/=]+)\)", pages.open_chapter(store, lang="en").html)[1]
    with TTFont(io.BytesIO(base64.b64decode(packed))) as font:
        drawn = set(map(chr, font.getBestCmap()))
    written = "".join(agent.name for agent in store.agents) + "".join(row["zh"] for row in glossary().values())
    for notebook in sorted((HOUSE / "notebooks").glob("0*.ipynb")):
        cells = nbformat.read(notebook, as_version=4).cells
        written += "".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert {sign for sign in written if not sign.isspace()} <= drawn
