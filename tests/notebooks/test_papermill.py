"""Plain papermill, with a kernel of its own, from a directory that knows nothing of the kit."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from simlib.messages import HOUSE

PAPERMILL = Path(sys.executable).with_name("papermill")
QUIET = ("--no-progress-bar", "--log-level", "ERROR")


def run_papermill(notebook, *words, cwd):
    """Run one notebook as a user of papermill types it."""
    command = [PAPERMILL, *QUIET, HOUSE / "notebooks" / f"{notebook}.ipynb", "out.ipynb", *words]
    path = os.pathsep.join(filter(None, (str(HOUSE), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}
    )


@pytest.mark.slow
def test_a_wave_named_618_is_planned_from_anywhere(tmp_path):
    """Papermill makes a number of 618; the notebook plans the wave of that name, with the store named relatively."""
    shop = tmp_path / "shop"
    shutil.copytree(HOUSE / "templates" / "stores" / "bodycare", shop)
    lines = (shop / "waves.csv").read_text(encoding="utf-8-sig").splitlines()
    name = lines[1].split(",")[lines[0].split(",").index("name")]
    (shop / "waves.csv").write_text("\n".join(lines).replace(name, "618") + "\n", encoding="utf-8")
    done = run_papermill("01_staffing", "-p", "store", "shop", "-p", "wave", 618, "-p", "lang", "en", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    assert "wave = 618" in next(cell.source for cell in cells if "injected-parameters" in cell.metadata.get("tags", ()))
    assert all(cell.execution_count for cell in cells if cell.cell_type == "code")


@pytest.mark.slow
def test_a_wrong_value_stops_before_anything_runs(tmp_path):
    """Every wrong value is named in both languages, and no cell behind the check is run."""
    done = run_papermill("00_sand_table", "-p", "seed", -1, "-p", "today", "zzz", "-p", "lang", "en", cwd=tmp_path)
    assert done.returncode != 0
    assert "seed cannot be -1: it is a whole number from 0 to 2147483647." in done.stderr
    assert "today cannot be zzz" in done.stderr
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    ran = [cell.source for cell in cells if cell.cell_type == "code" and cell.execution_count]
    assert len(ran) == 3  # the declarations, what papermill put in, the check
    assert "check_parameters" in ran[2]
