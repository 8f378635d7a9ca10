"""The live page in a real Chromium: servers to serve it, a browser to open it, and a hand that moves its sliders."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nbformat

from simlib import cli
from simlib.runs.dashboard import LIVE

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox --disable-dev-shm-usage --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
READY = ".st-live[data-shown]"
MOVE = """async ([key, value]) => {
  const root = document.querySelector('.st-live'), input = root.querySelector(`[name=${key}]`);
  const begun = performance.now();
  input.value = value;
  input.dispatchEvent(new Event('input', {bubbles: true}));
  input.dispatchEvent(new Event('change', {bubbles: true}));
  const asked = Number(root.dataset.asked);
  while (Number(root.dataset.shown || 0) < asked) await new Promise(requestAnimationFrame);
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - begun;
}"""
"""Move one slider and wait until what it does is on the screen; gives the milliseconds from the one to the other."""
DRAG = """async (seconds) => {
  const root = document.querySelector('.st-live');
  const inputs = [...root.querySelectorAll('input[type=range]')].slice(0, 10);
  const until = performance.now() + 1000 * seconds;
  let moves = 0;
  while (performance.now() < until || moves < 200) {
    for (const input of inputs) {
      const [low, high, step] = ['min', 'max', 'step'].map((name) => Number(input[name]));
      input.value = low + step * Math.round(Math.random() * (high - low) / step);
      input.dispatchEvent(new Event('input', {bubbles: true}));
      moves += 1;
    }
    await new Promise(requestAnimationFrame);
  }
  for (const input of inputs) input.dispatchEvent(new Event('change', {bubbles: true}));
  return moves;
}"""
"""Drag ten sliders wildly for so many seconds, and 200 moves at least; gives the number of moves."""


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(command: list[str], log: Path, *, port: int, env: dict[str, str] | None = None) -> Iterator[str]:
    """Run a server until the block ends; gives the address with its token, read from what the server says."""
    with log.open("w") as said:
        server = subprocess.Popen(
            command, stdout=said, stderr=subprocess.STDOUT, env=os.environ | (env or {}), start_new_session=True
        )
    try:
        for _ in range(1800):
            found = re.search(rf"http://127\.0\.0\.1:{port}/\S*token=\w+", log.read_text("utf-8", errors="replace"))
            if found:
                break
            assert server.poll() is None, log.read_text("utf-8", errors="replace")
            time.sleep(0.1)
        else:
            raise AssertionError(log.read_text("utf-8", errors="replace"))
        yield found[0]
    finally:
        with suppress(ProcessLookupError):  # nobody of the group is left
            os.killpg(server.pid, signal.SIGTERM)  # the server that the dashboard has started, too
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


@contextmanager
def dashboard(
    folder: Path, store: Path, *, lang: str = "zh", out: Path | None = None, **given: object
) -> Iterator[str]:
    """Serve a store's dashboard the way ``sandtable dashboard`` does; ``given`` are parameters (``-p``)."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("sandtable")), "dashboard", str(store), "--lang", lang]
    command += ["--out", str(out or folder / "out"), "--no-browser", f"--port={port}"]
    command += [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    with serve(command, folder / "dashboard.log", port=port) as address:
        yield address


@contextmanager
def lab(folder: Path, store: Path, *, lang: str = "zh", **given: object) -> Iterator[str]:
    """Serve JupyterLab with the live notebook in it, filled in for a store, and a copy of it (``copy.ipynb``)."""
    place = folder / "notebooks"
    place.mkdir()
    page = nbformat.read(LIVE, as_version=4)
    parameters = next(cell for cell in page.cells if "parameters" in cell.metadata.get("tags", ()))
    filled = {"store": str(store), "lang": lang, **given}
    parameters.source += "".join(f"\n{name} = {value!r}" for name, value in filled.items())
    for name in ("live.ipynb", "copy.ipynb"):
        nbformat.write(page, place / name)
    port = free_port()
    command = [str(Path(sys.executable).with_name("jupyter-lab")), f"--ServerApp.root_dir={place}"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--no-browser", "--allow-root"]
    command += ["--LabApp.expose_app_in_browser=True", "--LabApp.default_url=/lab/tree/live.ipynb"]
    command += cli.lab_look()
    with serve(command, folder / "lab.log", port=port) as address:
        yield address


@contextmanager
def chromium() -> Iterator[Any]:
    """Open a browser with a fresh profile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS.split())
        yield browser
        browser.close()


def open_page(browser: Any, address: str, *, in_lab: bool = False, asked: list[str] | None = None) -> Any:
    """Open the live page in a context of its own, so that two pages are two people; in the lab run the notebook.

    ``asked`` is filled with every address that the page asks for.
    """
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.on("request", lambda request: None if asked is None else asked.append(request.url))
    page.goto(address, timeout=60_000)
    if in_lab:
        page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.content?.widgets?.length > 2", timeout=60_000)
        page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.ready")
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_selector(READY, timeout=120_000)
    return page


def shown(page: Any) -> dict[str, str]:
    """Read the row of figures that a page shows now, by KPI."""
    cells = page.eval_on_selector_all(".st-live tr.now td", "cells => cells.map(c => [c.dataset.kpi, c.textContent])")
    return dict(cells)


def settle(page: Any, nights: int = 30) -> None:
    """Wait until the last answer rests on all its nights."""
    page.wait_for_function(
        "nights => { const d = document.querySelector('.st-live').dataset;"
        " return d.shown === d.asked && Number(d.nights) === nights }",
        arg=nights,
        timeout=60_000,
    )


def heap_mb(page: Any) -> float:
    """Say how much memory a page's scripts hold after the garbage is out."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    return float(used) / 1e6


def kernels_mb() -> float:
    """Add up the memory of the live kernels below this process."""
    parents, sizes = {}, {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text, command = status.read_text(), (status.parent / "cmdline").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        pid = int(status.parent.name)
        parents[pid] = int(re.search(r"PPid:\s+(\d+)", text)[1])
        if b"ipykernel" in command and (found := re.search(r"VmRSS:\s+(\d+)", text)):
            sizes[pid] = int(found[1]) / 1000

    def is_ours(pid: int) -> bool:
        while pid in parents and pid != os.getpid():
            pid = parents[pid]
        return pid == os.getpid()

    return sum(size for pid, size in sizes.items() if is_ours(pid))
