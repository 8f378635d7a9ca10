"""What lies damaged in a folder of results: one sentence with what to do, and nothing there is touched."""

import json
import shutil

import pandas as pd
import pytest

from simlib.cli import last_roster
from simlib.messages import HOUSE, UserError
from simlib.roster import ROSTER_COLUMNS
from simlib.runs import file_hash

BODYCARE = HOUSE / "templates" / "stores" / "bodycare"


@pytest.fixture
def place(tmp_path):
    """The results of a rehearsal, as far as a repair reads them before it works anything out."""
    folder = tmp_path / "bodycare"
    (folder / "tables").mkdir(parents=True)
    moment = pd.Timestamp("2026-10-31 18:00", tz="Asia/Shanghai")
    row = dict.fromkeys(ROSTER_COLUMNS, "B01") | {"start": moment, "end": moment + pd.Timedelta(hours=8)}
    pd.DataFrame([row]).to_parquet(folder / "tables" / "roster.parquet")
    need = pd.DataFrame({"start": [moment], "queue": ["presale"], "to_roster": [3]})
    need.to_parquet(folder / "tables" / "requirement.parquet")
    made = {"store_hash": file_hash(BODYCARE), "parameters": {"roster_effort": 0.5}}
    (folder / "manifest.json").write_text(json.dumps(made))
    return folder


def cut_off(path):
    path.write_bytes(path.read_bytes()[:200])


def empty(path):
    path.write_bytes(b"")


def other_columns(path):
    pd.DataFrame({"who": ["B01"]}).to_parquet(path)


def times_as_text(path):
    pd.read_parquet(path).assign(start="18:00").to_parquet(path)


def another_kind(path):
    path.write_text("agent_id,start\nB01,18:00\n")


DAMAGES = [cut_off, empty, other_columns, times_as_text, another_kind]


def refused(place):
    """Return the sentence with which a repair is refused, after looking that nothing was touched."""
    before = {path: file_hash(path) for path in place.rglob("*") if path.is_file()}
    with pytest.raises(UserError) as caught:
        last_roster(BODYCARE, out=place.parent, lang="en").adopt()
    assert {path: file_hash(path) for path in place.rglob("*") if path.is_file()} == before
    assert "sandtable rehearse" in caught.value.text("zh") or "移到别处" in caught.value.text("zh")
    return caught.value.text("en")


@pytest.mark.parametrize("table", ["roster", "requirement"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_table_is_one_sentence(place, damage, table):
    """A roster or requirement that cannot be read is named with its path, and asks for another rehearsal."""
    damage(place / "tables" / f"{table}.parquet")
    assert refused(place).startswith(f"{place / 'tables' / table}.parquet cannot be read")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"store_hash": "x", "parameters": [1]}', '{"parameters": {}}'])
def test_a_damaged_manifest_is_one_sentence(place, text):
    """Without a manifest the roster is not taken for another one, made anew beside the one that was handed out."""
    (place / "manifest.json").write_text(text)
    assert refused(place).startswith(f"{place / 'manifest.json'} cannot be read or is incomplete")


@pytest.mark.parametrize("name", ["repair.json", "roster.parquet"])
@pytest.mark.parametrize("damage", [cut_off, empty, another_kind])
def test_a_damaged_repair_is_one_sentence(place, damage, name):
    """A repair that cannot be read is named with the folder to move away."""
    repair = place / "repairs" / "001-1031-1900"
    repair.mkdir(parents=True)
    shutil.copy(place / "tables" / "roster.parquet", repair / "roster.parquet")
    noted = {"away": ["B01"], "rehearsed": file_hash(place / "tables" / "roster.parquet"), "note": "x" * 300}
    (repair / "repair.json").write_text(json.dumps(noted))
    damage(repair / name)
    assert refused(place) == (
        f"{repair / name} cannot be read, so nothing can go on from that repair. Nothing was changed: move the folder "
        f"{repair} away and repair again; that begins with the roster before it."
    )
