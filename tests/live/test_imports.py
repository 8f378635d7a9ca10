"""Dropping files onto notebook 00: nothing is written before somebody accepts, and never over the kit's own stores."""

import pytest

from simlib.live.imports import ImportPanel
from simlib.messages import HOUSE
from simlib.store import load_store, save_store

SMALL = HOUSE / "templates" / "stores" / "bodycare"
REPORT = "旺旺昵称,接待人数,询单人数,平均响应(秒)\n店:甲,80,60,30\n店:乙,40,35,20\n"


@pytest.fixture
def shop(tmp_path, short_store):
    """The small example store, where it may be changed."""
    save_store(short_store, tmp_path / "shop.xlsx")
    return tmp_path / "shop.xlsx"


def dropped(**files):
    """What the widget hands on when files are dropped."""
    return {"new": tuple({"name": name, "content": memoryview(text.encode())} for name, text in files.items())}


def html_of(panel):
    """What an unattended notebook shows."""
    return panel._repr_mimebundle_()["text/html"]


def test_nobody_there_and_no_files_stands_still(shop):
    """A run without a user shows one sentence and reads nothing."""
    panel = ImportPanel(shop, "", lang="en", attended=False)
    assert "dropped here" in html_of(panel)
    assert panel.found is None


def test_files_of_a_run_are_shown_and_not_written(shop, tmp_path):
    """With the parameter ``files`` a run shows what they would change and leaves the store alone."""
    path = tmp_path / "客服绩效_20260420.csv"
    path.write_text(REPORT, encoding="utf-8")
    before = shop.read_bytes()
    shown = html_of(ImportPanel(shop, str(path), lang="en", attended=False))
    assert "120 receptions of 2 agents" in shown
    assert "Nothing was written" in shown
    assert shop.read_bytes() == before


def test_what_is_dropped_is_accepted_in_place_or_into_a_copy(shop):
    """The table appears, the buttons open, and each writes once; a bad file disables both."""
    panel = ImportPanel(shop, lang="en", attended=True)
    assert panel.box
    assert all(button.disabled for button in panel.buttons.values())
    panel._dropped(dropped(**{"../客服绩效_20260420.csv": REPORT}))
    assert "120 receptions" in panel.table.value
    assert not any(button.disabled for button in panel.buttons.values())
    before = shop.read_bytes()
    panel.buttons["copy"].click()
    copy = shop.with_name("shop-1.xlsx")
    assert shop.read_bytes() == before
    assert load_store(copy).ratio("inquiries_per_reception").likely == pytest.approx(95 / 120, abs=1e-4)
    assert str(copy) in panel.note.value
    assert all(button.disabled for button in panel.buttons.values())
    panel._dropped(dropped(**{"客服绩效_20260420.csv": REPORT}))
    panel.buttons["in_place"].click()
    assert load_store(shop).ratios == load_store(copy).ratios
    panel._dropped(dropped(**{"a.csv": "a,b\n1,2\n"}))
    assert all(button.disabled for button in panel.buttons.values())


def test_a_store_of_the_kit_is_never_written(tmp_path, monkeypatch):
    """The example store takes no files; what is accepted goes into a copy in the working folder."""
    monkeypatch.chdir(tmp_path)
    panel = ImportPanel(SMALL, lang="en", attended=True)
    assert panel.box
    panel._dropped(dropped(**{"客服绩效_20260420.csv": REPORT}))
    assert panel.buttons["in_place"].disabled
    assert panel.accept(in_place=True) is None
    assert panel.accept(in_place=False) == tmp_path / "bodycare-1.xlsx"


def test_a_broken_store_is_shown_as_its_text(tmp_path):
    """A store that cannot be read is a sentence in the panel, no traceback."""
    path = tmp_path / "broken.xlsx"
    path.write_bytes(b"no workbook")
    assert "broken.xlsx" in html_of(ImportPanel(path, str(tmp_path), lang="en", attended=False))
