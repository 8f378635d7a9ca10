"""The command line as a user types it: exit status, sentences in both languages, nothing overwritten."""

import shutil

import pytest
from typer.testing import CliRunner

from simlib.cli import app, store_paths
from simlib.words import HOUSE

STORES = HOUSE / "templates" / "stores"


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_new_writes_a_workbook_and_never_overwrites(tmp_path):
    """A fresh workbook is written once; asking again is refused and leaves the file as it was."""
    path = tmp_path / "mine.xlsx"
    assert run("new", path).exit_code == 0
    before = path.read_bytes()
    again = run("new", path, "--lang", "en")
    assert again.exit_code == 2
    assert "left as it is" in again.output
    assert path.read_bytes() == before


@pytest.mark.parametrize("store", ["appliances.xlsx", "bodycare"])
def test_example_stores_are_in_order(store):
    """Both example stores pass the check."""
    assert run("check", STORES / store).exit_code == 0


@pytest.mark.parametrize(("lang", "word"), [("zh", "处问题"), ("en", "problems in all")])
def test_check_lists_all_problems_at_once(tmp_path, lang, word):
    """Three wrong cells on two sheets are three lines and exit status 1."""
    bad = tmp_path / "bad"
    shutil.copytree(STORES / "bodycare", bad)
    waves = (bad / "waves.csv").read_text(encoding="utf-8-sig").splitlines()
    (bad / "waves.csv").write_text("\n".join([waves[0], waves[1].replace(waves[1].split(",")[1], "Z", 1)]) + "\n")
    agents = (bad / "agents.csv").read_text(encoding="utf-8-sig").splitlines()
    cells = agents[1].split(",")
    cells[agents[0].split(",").index("capacity") if "capacity" in agents[0] else 6] = "-3"
    (bad / "agents.csv").write_text("\n".join([agents[0], ",".join(cells), *agents[2:]]) + "\n")
    done = run("check", bad, "--lang", lang)
    assert done.exit_code == 1
    assert word in done.output
    assert "Traceback" not in done.output


def test_missing_store_is_a_sentence(tmp_path):
    """A store that is not there ends in a sentence and status 1."""
    done = run("rehearse", tmp_path / "nowhere.xlsx", "--out", tmp_path / "out", "--lang", "en")
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert "nowhere.xlsx" in done.output.replace("\n", "")


def test_unknown_parameter_is_usage(tmp_path):
    """A mistyped parameter is status 2, with the nearest name, and nothing is written."""
    out = tmp_path / "out"
    done = run("rehearse", STORES / "bodycare", "--out", out, "--lang", "en", "-p", "replicatoins=3")
    assert done.exit_code == 2
    assert "replications" in done.output
    assert not out.exists()


def test_folder_of_stores_is_opened(tmp_path):
    """A batch takes a folder's workbooks and table folders, not Excel's lock files."""
    shutil.copytree(STORES / "bodycare", tmp_path / "a")
    shutil.copy(STORES / "appliances.xlsx", tmp_path / "b.xlsx")
    (tmp_path / "~$b.xlsx").write_bytes(b"lock")
    assert [path.name for path in store_paths([tmp_path])] == ["a", "b.xlsx"]


def test_help_speaks_both_languages():
    """The help of the command line stands in Chinese and in English."""
    text = run("--help").output
    assert "演练" in text
    assert "Rehearse" in text


@pytest.mark.parametrize(
    ("more", "word"),
    [(["--name", "../x"], "letters, digits"), (["--incidents", "bot_dwon 20:05"], "bot_down"), (["--teams", "9"], "8")],
)
def test_a_wrong_drill_is_a_sentence(tmp_path, more, word):
    """A name that leaves the folder, an incident nobody knows, too many teams: status 2, and no drill is kept."""
    done = run("drill", STORES / "bodycare", "--out", tmp_path / "out", "--lang", "en", *more)
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert word in done.output.replace("\n", " ")
    assert not list(tmp_path.rglob("log.jsonl"))
