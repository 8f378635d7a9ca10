"""Exported files dropped onto a notebook in JupyterLab, in a real Chromium."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest

from simlib import cli
from simlib.messages import HOUSE
from simlib.store import load_store, save_store
from tests.browser.live import CHROMIUM, chromium, free_port, serve

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed"),
    pytest.mark.slow,
]

SMALL = HOUSE / "templates" / "stores" / "bodycare"
CELL = "from simlib import widgets\nwidgets.ImportPanel({store!r}, lang='zh', attended=True)"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
DROP = """([place, files]) => {
    const carried = new DataTransfer();
    for (const [name, text] of files) carried.items.add(new File([text], name));
    for (const kind of ["dragover", "drop"]) {
        const event = new DragEvent(kind, {dataTransfer: carried, bubbles: true, cancelable: true});
        document.querySelector(place).dispatchEvent(event);
    }
}"""


def test_files_are_dropped_understood_and_accepted(tmp_path: Path) -> None:
    """A report and an order list of more than one piece are read; a click writes what they teach into the workbook."""
    pytest.importorskip("playwright.sync_api")
    store = tmp_path / "shop.xlsx"
    save_store(load_store(SMALL), store)
    place = tmp_path / "notebooks"
    place.mkdir()
    cells = [nbformat.v4.new_code_cell(source) for source in (CELL.format(store=str(store)), "1", "2")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), place / "drop.ipynb")
    port = free_port()
    command = [str(Path(sys.executable).with_name("jupyter-lab")), f"--ServerApp.root_dir={place}"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--no-browser", "--allow-root"]
    command += ["--LabApp.expose_app_in_browser=True", "--LabApp.default_url=/lab/tree/drop.ipynb", *cli.lab_look()]
    report = "旺旺昵称,接待人数,询单人数,平均响应(秒)\n店:甲,80,60,30\n店:乙,40,35,20\n"
    orders = "订单编号,订单付款时间,买家实际支付金额\n"
    orders += "".join(f"{n},2026-04-{1 + n % 28:02d} 20:{n % 60:02d}:00,{100 + n % 50}.00\n" for n in range(40_000))
    assert len(orders) > 1 << 20
    with serve(command, tmp_path / "lab.log", port=port) as address, chromium() as browser:
        page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
        page.goto(address, timeout=60_000)
        page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.content?.widgets?.length > 2", timeout=60_000)
        page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.ready")
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        page.wait_for_selector(".st-drop", timeout=120_000)
        page.evaluate(DROP, [".st-drop", [["客服绩效_20260420.csv", report], ["订单.csv", orders]]])
        page.wait_for_selector("text=接待 120 人", timeout=120_000)
        assert "订单.csv" in page.inner_text(".jp-Notebook")
        page.screenshot(path=str(tmp_path / "dropped.png"))
        page.click("button:has-text('写入店铺表')")
        page.wait_for_selector("text=已写入", timeout=60_000)
    assert load_store(store).ratio("inquiries_per_reception").likely == pytest.approx(95 / 120, abs=1e-4)
