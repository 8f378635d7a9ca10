"""The dashboard's server: a page that goes ends its kernel, and the server ends with the command that opened it."""

import http.cookiejar
import json
import re
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import psutil
import pytest

from simlib.messages import HOUSE
from simlib.runs.dashboard import SETTINGS

SERVE = """
import sys
from pathlib import Path
from simlib.runs import serve_dashboard
serve_dashboard(Path(sys.argv[1]), more=["--no-browser", f"--port={sys.argv[2]}"])
"""


def wait_until(done, *, seconds=120):
    """Wait until something holds, and return whether it does."""
    for _ in range(10 * seconds):
        if done():
            return True
        time.sleep(0.1)
    return False


def is_alive(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.mark.slow
def test_kernels_end_with_their_page_and_the_server_with_its_command(tmp_path):
    """The page gets the cookie that its farewell needs; a command killed outright leaves no server and no kernel."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print('here')")])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, tmp_path / "live.ipynb")
    (tmp_path / "voila.json").write_text(json.dumps(SETTINGS))
    log = tmp_path / "log"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", SERVE, tmp_path / "live.ipynb", str(port)]
    with log.open("w") as file, subprocess.Popen(command, stderr=file, cwd=HOUSE) as parent:
        try:
            assert wait_until(lambda: "token=" in log.read_text()), log.read_text()
            address = re.search(r"(http://127\.0\.0\.1:\d+/)\?token=\w+", log.read_text())
            cookies = http.cookiejar.CookieJar()
            browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
            page = browser.open(address[0]).read().decode()
            kernel = re.search(r'"kernelId"\s*:\s*"([^"]+)"', page)[1]
            (server,) = psutil.Process(parent.pid).children()
            [process] = server.children()
            [token] = [cookie.value for cookie in cookies if cookie.name == "_xsrf"]
            farewell = f"{address[1]}voila/api/shutdown/{kernel}"
            assert browser.open(farewell, data=f"_xsrf={token}".encode()).status == 204
            assert wait_until(lambda: not is_alive(process))
            browser.open(address[0]).read()
            family = [server, *server.children()]
            assert len(family) == 2
        finally:
            parent.kill()
    assert wait_until(lambda: not any(map(is_alive, family)))
