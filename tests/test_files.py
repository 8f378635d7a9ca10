"""Writing: a file or folder is replaced whole or not at all, one writer at a time, and a refusal is a sentence."""

import errno
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from simlib import files
from simlib.messages import HOUSE, UserError

KEEP = ("drill", "repairs")


def test_a_file_that_fails_leaves_the_former_one(tmp_path):
    """An error while writing leaves the old text, its permissions, and nothing beside it."""
    path = files.write_file(tmp_path / "deep" / "a.json", "old", mode=0o600)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UnicodeEncodeError), files.replace_file(path) as staging:
        staging.write_text("half \udc80", encoding="utf-8")
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]
    assert files.write_file(path, b"\x00\r\n").read_bytes() == b"\x00\r\n"
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("dead", [False, True])
@pytest.mark.parametrize("killed_at", [0, 1, 2, 3, 9])
def test_what_people_made_outlives_a_new_run(killed_at, dead, tmp_path, monkeypatch):
    """Drills and repairs stay; a run stopped or killed while it moves into place loses neither them nor the last."""
    place, new = tmp_path / "store", tmp_path / ".store-new"
    for path in (place / "report.html", place / "drill" / "noon" / "log", place / "repairs" / "001-1111-1900" / "x"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("old")
    new.mkdir()
    (new / "report.html").write_text("new")
    moves, replace = iter(range(9)), os.replace

    def killable(source, target):
        if (move := next(moves)) == killed_at or (dead and move > killed_at):
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", killable)
    with nullcontext() if killed_at == 9 else pytest.raises(KeyboardInterrupt):
        files._swap(new, place, keep=KEEP)
    monkeypatch.undo()
    assert (place / "report.html").exists() or dead
    files.restore_folder(place, keep=KEEP)
    assert (place / "report.html").read_text() == ("old" if killed_at in (0, 1) else "new")
    assert (place / "drill" / "noon" / "log").read_text() == "old"
    assert (place / "repairs" / "001-1111-1900" / "x").read_text() == "old"
    assert not list(tmp_path.glob(f".store{files.MARK}*"))


def test_what_was_made_before_a_killed_run_and_after_it_is_kept(tmp_path):
    """A drill of the same name that was begun meanwhile does not push out the older one."""
    place, former = tmp_path / "store", tmp_path / f".store{files.FORMER}"
    for folder, text in ((place, "young"), (former, "old")):
        (folder / "drill" / "noon").mkdir(parents=True)
        (folder / "drill" / "noon" / "log").write_text(text)
    files.restore_folder(place, keep=KEEP)
    assert (place / "drill" / "noon" / "log").read_text() == "young"
    assert (place / "drill" / "noon-former" / "log").read_text() == "old"
    assert not former.exists()


def test_a_run_sweeps_its_own_leftovers_and_no_others(tmp_path):
    """What a killed run left is gone at the next run; a store whose name begins alike keeps its own."""
    mine, others = tmp_path / f".shop{files.STAGING}1", tmp_path / f".shop-2{files.STAGING}1"
    for folder in (mine, others):
        (folder / "tables").mkdir(parents=True)
    with files.replace_folder(tmp_path / "shop") as staging:
        (staging / "a").write_text("a")
    assert not mine.exists()
    assert others.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [others.name, "shop"]


HOLDER = """
import sys, time
from pathlib import Path
from simlib import files
with files.lock_folder(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_goes_with_its_process(tmp_path):
    """A second writer hears which process holds the folder; once that is killed the folder is free, and swept."""
    place = tmp_path / "shop"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, place], stdout=subprocess.PIPE, text=True, cwd=HOUSE
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        assert files.is_locked(place)
        with pytest.raises(files.FolderLockedError) as refused, files.lock_folder(place):
            pass
        assert f"process {holder.pid} on" in refused.value.text("en")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert not files.is_locked(place)
    with files.lock_folder(place), pytest.raises(files.FolderLockedError), files.lock_folder(place):
        pass
    assert list(tmp_path.iterdir()) == []


def test_of_many_writers_one_has_the_lock(tmp_path):
    """Four processes that take and leave a lock thirty times each never hold it together."""
    code = """
import os, sys, time
from pathlib import Path
from simlib import files
place, mine = Path(sys.argv[1]), Path(sys.argv[1]) / "inside"
done = 0
while done < 30:
    try:
        with files.lock_folder(place):
            os.close(os.open(mine, os.O_CREAT | os.O_EXCL))
            time.sleep(0.0005)
            mine.unlink()
        done += 1
    except files.FolderLockedError:
        time.sleep(0.0005)
"""
    place = tmp_path / "shop"
    place.mkdir()
    writers = [subprocess.Popen([sys.executable, "-c", code, place], cwd=HOUSE) for _ in range(4)]
    assert [writer.wait(120) for writer in writers] == [0] * 4


@pytest.mark.parametrize("number", [*files.REASONS, errno.EIO])
def test_each_refusal_of_the_system_names_the_file_and_the_way_out(number):
    """Every error of the system is a sentence in both languages, with the file it is about."""
    error = files.explain(OSError(number, os.strerror(number), "out/shop"))
    assert all("out/shop" in error.text(lang) for lang in ("zh", "en"))
    assert len(error.text("en").split(". ")) > 1
    assert files.explain(OSError(number, "x")).text("en")


def test_real_refusals_are_sentences(tmp_path):
    """A file where a folder should be, a name too long, a full disk: each with the system itself refusing."""
    (tmp_path / "file").write_text("")
    cases = {
        "is a file where a folder is needed": tmp_path / "file" / "a.txt",
        "too long a name": tmp_path / ("x" * 300) / "a.txt",
        "is a folder where a file is needed": tmp_path,
    }
    for words, path in cases.items():
        with pytest.raises(UserError) as refused, files.explained():
            files.write_file(path, "text")
        assert words in refused.value.text("en"), path
    if Path("/dev/full").exists():
        with pytest.raises(UserError) as refused, files.explained(), open("/dev/full", "w") as full:
            full.write("x" * 100_000)
        assert "the disk is full" in refused.value.text("en")
