"""Dropping files onto notebook 00: nothing is written before somebody accepts, and never over the kit's own stores."""

import itertools

import pytest

from simlib.live.imports import ImportPanel
from simlib.messages import HOUSE
from simlib.store import load_store, save_store

SMALL = HOUSE / "templates" / "stores" / "bodycare"
RUNS = itertools.count()
REPORT = "旺旺昵称,接待人数,询单人数,平均响应(秒)\n店:甲,80,60,30\n店:乙,40,35,20\n"


@pytest.fixture
def shop(tmp_path, short_store):
    """The small example store, where it may be changed."""
    save_store(short_store, tmp_path / "shop.xlsx")
    return tmp_path / "shop.xlsx"


def drop_on(panel, **files):
    """Send what the browser sends when files are dropped: a begin, each file in two pieces, an end."""
    place = panel.drop
    run = str(next(RUNS))
    place._heard(place, {"kind": "begin", "run": run, "count": len(files)}, [])
    for number, (name, text) in enumerate(files.items()):
        for piece in (text.encode()[:11], text.encode()[11:]):
            place._heard(place, {"kind": "part", "run": run, "file": number, "name": name}, [memoryview(piece)])
    place._heard(place, {"kind": "end", "run": run, "count": len(files)}, [])


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
    drop_on(panel, **{"../客服绩效_20260420.csv": REPORT})
    assert "120 receptions" in panel.table.value
    assert not any(button.disabled for button in panel.buttons.values())
    before = shop.read_bytes()
    panel.buttons["copy"].click()
    copy = shop.with_name("shop-1.xlsx")
    assert shop.read_bytes() == before
    assert load_store(copy).ratio("inquiries_per_reception").likely == pytest.approx(95 / 120, abs=1e-4)
    assert str(copy) in panel.note.value
    assert all(button.disabled for button in panel.buttons.values())
    drop_on(panel, **{"客服绩效_20260420.csv": REPORT})
    panel.buttons["in_place"].click()
    assert load_store(shop).ratios == load_store(copy).ratios
    drop_on(panel, **{"a.csv": "a,b\n1,2\n"})
    assert all(button.disabled for button in panel.buttons.values())


def test_a_store_of_the_kit_is_never_written(tmp_path, monkeypatch):
    """The example store takes no files; what is accepted goes into a copy in the working folder."""
    monkeypatch.chdir(tmp_path)
    panel = ImportPanel(SMALL, lang="en", attended=True)
    assert panel.box
    drop_on(panel, **{"客服绩效_20260420.csv": REPORT})
    assert panel.buttons["in_place"].disabled
    assert panel.accept(in_place=True) is None
    assert panel.accept(in_place=False) == tmp_path / "bodycare-1.xlsx"


def test_a_broken_store_is_shown_as_its_text(tmp_path):
    """A store that cannot be read is a sentence in the panel, no traceback."""
    path = tmp_path / "broken.xlsx"
    path.write_bytes(b"no workbook")
    assert "broken.xlsx" in html_of(ImportPanel(path, str(tmp_path), lang="en", attended=False))


def test_too_much_is_refused_whole_and_an_old_drop_is_forgotten(shop, monkeypatch):
    """Over the limit nothing is read and a sentence says what to do; pieces of a drop that was replaced count not."""
    panel = ImportPanel(shop, lang="en", attended=True)
    assert panel.box
    place = panel.drop
    monkeypatch.setattr("simlib.live.drop.MOST_BYTES", 1 << 20)
    drop_on(panel, **{"a.csv": REPORT, "b.csv": "x" * (1 << 20)})
    assert "At most 1 MB" in panel.table.value
    assert all(button.disabled for button in panel.buttons.values())
    place._heard(place, {"kind": "part", "run": "x", "file": 0, "name": "old.csv"}, [b"a,b"])
    place._heard(place, {"kind": "begin", "run": "y", "count": 1}, [])
    place._heard(place, {"kind": "part", "run": "x", "file": 0, "name": "old.csv"}, [b"a,b"])
    assert place._paths == {}
    place._heard(place, {"kind": "end", "run": "y", "count": 1}, [])
    assert "1 file was dropped, 0 arrived" in panel.table.value
    place._heard(place, {"kind": "begin", "run": "z", "count": 10**6}, [])
    assert "At most 30,000 files" in panel.table.value
    assert place._folder is None
