"""The dashboard: lays out the page that Voila serves, and serves it for as long as somebody wants it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import nbformat
import papermill

from simlib.actions.offers import TABLES
from simlib.messages import Lang
from simlib.planning import plan
from simlib.runs.engine import ENGINE
from simlib.runs.folder import RunFolder, declared_for, plan_parameters, write_recipe
from simlib.runs.parameters import NOTEBOOKS, Values
from simlib.store import load_store

LIVE = NOTEBOOKS / "live.ipynb"
STAGES = ("cascade", "forecast", "requirement", "roster")
CULL_AFTER_S, CULL_EVERY_S = 600, 60
SETTINGS = {
    "Voila": {
        "ip": "127.0.0.1",
        "auto_token": True,
        "tornado_settings": {
            "allow_remote_access": False,  # a Host that is not this machine is refused: no other name may lead here
            "local_hostnames": ["localhost"],
            "headers": {"Referrer-Policy": "no-referrer", "Content-Security-Policy": "frame-ancestors 'none'"},
        },
    },
    "VoilaConfiguration": {"strip_sources": True, "template": "sandtable", "show_tracebacks": False},
    "MappingKernelManager": {"cull_idle_timeout": CULL_AFTER_S, "cull_interval": CULL_EVERY_S},
}


# Voila, with a thread that waits for the end of the pipe from its parent. A page that goes asks for the end of its
# kernel, with the XSRF cookie: Voila checks that cookie and never sets it, so it is set with each page.
VOILA = """
import os, signal, sys, threading

def end_with_parent():
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=end_with_parent, daemon=True).start()
from jupyter_server.base.handlers import JupyterHandler
from voila.app import main
from voila.handler import VoilaHandler

async def prepare(self, **more):
    await JupyterHandler.prepare(self, **more)
    self.xsrf_token

VoilaHandler.prepare = prepare
main()
"""


def prepare_dashboard(
    folder: Path,
    store_path: Path,
    *,
    out: Path,
    lang: Lang = "zh",
    parameters: Values | None = None,
    on_stage: Callable[[str], None] | None = None,
) -> Path:
    """Write into ``folder`` what the dashboard is served from: its page, the roster, and the server's settings.

    The roster is that of the last rehearsal in ``out`` where it has the same data, parameters and kit; otherwise it
    is worked out now. Every browser that opens the page finds it ready.

    Parameters
    ----------
    on_stage : callable, optional
        Called with the name of each stage of the plan before it is worked out.

    Returns
    -------
    Path
        The notebook to serve; the settings (``voila.json``) lie beside it.

    Raises
    ------
    simlib.store.StoreError
        The store's data is wrong; the error lists every problem.
    """
    parameters = dict(parameters or {})
    store = load_store(store_path)
    roster = folder / "roster.parquet"
    made = RunFolder.of(out, store.store_id)
    if made.roster and made.holds_roster(write_recipe(store_path, parameters=parameters, lang=lang)):
        shutil.copy(made.roster, roster)
        rehearsed = made.manifest.get("parameters", {}).get("replications")
        if rehearsed:  # the report's own nights, so that both show one number
            parameters.setdefault("replications", rehearsed)
        for name in TABLES:
            if (table := made.roster.with_name(f"{name}.parquet")).exists():
                shutil.copy(table, folder)
    else:
        night = plan(store, source=str(store_path), **plan_parameters(parameters))
        for stage in STAGES:
            if on_stage:
                on_stage(stage)
            _ = getattr(night, stage)
        night.roster.to_parquet(roster, index=False)
        for name in TABLES:
            night.actions_result.tables[name].to_parquet(folder / f"{name}.parquet", index=False)
    given = {"store": str(store_path.resolve()), "lang": lang, "roster": str(roster)} | parameters
    page = papermill.iorw.load_notebook_node(str(LIVE))
    page.cells = [cell for cell in page.cells if "notebook-only" not in cell.metadata.get("tags", ())]
    page = papermill.parameterize.parameterize_notebook(page, declared_for(LIVE, given), engine_name=ENGINE)
    notebook = folder / LIVE.name
    nbformat.write(page, notebook)
    (folder / "voila.json").write_text(json.dumps(SETTINGS, indent=2), encoding="utf-8")
    return notebook


def serve_dashboard(notebook: Path, *, more: Sequence[str] = ()) -> int:
    """Serve a prepared page until somebody ends it, and return the exit status.

    The server ends with this process, however that ends: it reads a pipe that only this process holds open.

    Parameters
    ----------
    notebook : Path
        As :func:`prepare_dashboard` returns it.
    more : sequence of str
        Further options of Voila.
    """
    paths = [str(NOTEBOOKS / ".jupyter"), os.environ.get("JUPYTER_PATH", "")]
    settings = {"JUPYTER_CONFIG_DIR": str(notebook.parent), "JUPYTER_PATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-c", VOILA, str(notebook), *more]
    with subprocess.Popen(command, env=os.environ | settings, stdin=subprocess.PIPE) as server:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: server.terminate())
        return server.wait()
