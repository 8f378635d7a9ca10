"""What a batch leaves over its stores: one workbook, the pages to print, and a manifest; each failed store with why."""

import json
import shutil

import openpyxl
import pandas as pd
import pytest

from simlib.runs import file_hash
from simlib.runs.batch import BatchRow, write_index
from simlib.runs.folder import write_manifest
from simlib.runs.overview import add_up_stores, gather_tables, write_overview

STORES = {"own": "Night Owl", "twin": "Night Owl", "late": "=2+3"}
BROKEN = '"Agents", row 3: the name is missing.\nFill it in.'


@pytest.fixture(scope="module")
def rows(small_plan, tmp_path_factory):
    """Three small stores as a batch leaves them, two of one name and one named like a formula, and a broken one."""
    out = tmp_path_factory.mktemp("batch")
    for folder in STORES:
        tables = out / folder / "tables"
        tables.mkdir(parents=True)
        for name in ("kpis", "actions", "coverage"):
            small_plan.tables[name].to_parquet(tables / f"{name}.parquet", index=False)
        source = out / f"{folder}.csv"
        source.write_text(folder)
        write_manifest(out / folder, recipe={"parameters": {"seed": 7}, "store_hash": folder}, store_path=source)
    done = [
        BatchRow(store=f"{folder}.xlsx", folder=folder, summary=small_plan.conclusion.summary | {"store": name})
        for folder, name in STORES.items()
    ]
    return out, [done[0], BatchRow(store="broken.xlsx", problem=BROKEN), *done[1:]]


def write_both(out, rows, lang):
    """Write the page and what stands beside it."""
    write_index(out, rows, lang=lang)
    write_overview(out, rows, lang=lang)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_story_14_one_workbook_holds_every_store(rows, lang):
    """A row per store, the failed one with its reason; KPIs, actions and half hours under each store's name."""
    out, batch = rows
    write_both(out, batch, lang)
    book = openpyxl.load_workbook(out / "batch.xlsx")
    cells = [[cell.value for cell in row] for row in book.worksheets[1]]
    names = [row[0] for row in cells[1:]]
    assert names == ["Night Owl (own.xlsx)", "broken.xlsx", "Night Owl (twin.xlsx)", "=2+3"]
    assert book.worksheets[1]["A5"].data_type == "s"
    assert cells[2][-1] == BROKEN
    assert len(book.worksheets) == 6
    for sheet in book.worksheets[3:]:
        assert {sheet.cell(line, 1).value for line in range(2, sheet.max_row + 1)} == set(names) - {"broken.xlsx"}
    cover = "".join(str(cell.value) for row in book.worksheets[0] for cell in row)
    assert all(name in cover for name in names)
    page = (out / "index.html").read_text("utf-8")
    assert 'href="batch.xlsx"' in page
    assert 'href="print.html"' in page


def test_story_14_a_sheet_is_printed_per_store(rows, small_plan):
    """The first sheet lists all stores and why one failed; each store's own has its verdict and its KPI cards."""
    out, batch = rows
    write_both(out, batch, "en")
    sheets = (out / "print.html").read_text("utf-8").split('<article class="pc">')[1:]
    assert len(sheets) == 1 + len(STORES)
    assert "Fill it in." in sheets[0]
    for sheet in sheets[1:]:
        assert "<svg" in sheet
        assert sheet.count("st-card ") == len(small_plan.conclusion.headline)
    assert "<script" not in "".join(sheets)


def test_story_14_the_manifest_of_a_batch_repeats_to_the_byte(rows, tmp_path):
    """Versions, what each store was made from, and hashes that a second writing elsewhere gives again."""
    out, batch = rows
    write_both(out, batch, "zh")
    again = tmp_path / "again"
    again.mkdir()
    for folder in STORES:
        shutil.copytree(out / folder, again / folder)
    write_both(again, batch, "zh")
    made = json.loads((out / "manifest.json").read_text("utf-8"))
    assert made == json.loads((again / "manifest.json").read_text("utf-8"))
    assert made["hashes"]["batch.xlsx"] == file_hash(again / "batch.xlsx")
    assert {"sandtable", "python", "versions"} <= made.keys()
    assert [one["store_hash"] for one in made["stores"]] == ["own", None, "twin", "late"]
    assert made["stores"][1]["problem"] == BROKEN


def test_stores_are_added_up_by_brute_force(small_plan):
    """Of each half hour: the sums over the stores, and what spare people of the same queue would cover elsewhere."""
    coverage = small_plan.tables["coverage"]
    other = coverage.assign(rostered=coverage["rostered"] + 2, shortfall=0)
    other["shortfall"] = (other["required"] - other["rostered"]).clip(lower=0)
    rows = pd.concat([coverage.assign(store="a"), other.assign(store="b")], ignore_index=True)
    for found in add_up_stores(rows).to_dict("records"):
        there = rows[rows["start"] == found["start"]]
        for column in ("required", "rostered", "shortfall"):
            assert found[column] == there[column].sum()
        lent = 0.0
        for queue in set(there["queue"]):
            own = there[there["queue"] == queue]
            spare = sum(max(0, has - need) for has, need in own[["rostered", "required"]].itertuples(index=False))
            lent += min(own["shortfall"].sum(), spare)
        assert found["spare_elsewhere"] == lent
        assert found["stores_open"] == 2


def test_a_batch_of_failures_alone_is_a_book_too(tmp_path):
    """With no store done there is the list of reasons, and nothing else to gather."""
    batch = [BatchRow(store="a.xlsx", problem="No sheet."), BatchRow(store="b.xlsx", problem="No rows.")]
    write_both(tmp_path, batch, "zh")
    assert list(gather_tables(batch, out=tmp_path, lang="zh")) == ["batch_stores"]
    assert "No rows." in (tmp_path / "print.html").read_text("utf-8")
