"""Files that are no store: each is refused with one sentence in two languages, and nothing is unpacked blindly."""

import io
import zipfile

import pytest
from openpyxl import Workbook

from simlib.store import StoreError, check_store, load_store

OLE_HEADER = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504


def refused(path):
    """Name the sentence that refuses a path, after looking that it is said in both languages."""
    with pytest.raises(StoreError) as caught:
        load_store(path)
    for lang in ("zh", "en"):
        assert path.name in caught.value.text(lang)
    return caught.value.problems[0].message


def zip_of(path, **parts):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def test_no_such_file(tmp_path):
    """A path that leads nowhere is named."""
    assert refused(tmp_path / "none.xlsx") == "file_missing"


def test_lock_file(tmp_path):
    """The lock file of an open workbook is distinguished from the workbook."""
    path = tmp_path / "~$shop.xlsx"
    path.write_bytes(b"\x05Ann" + b" " * 100)
    assert refused(path) == "file_lock"


def test_empty_file(tmp_path):
    """A file of no bytes is called empty, not damaged."""
    path = tmp_path / "shop.xlsx"
    path.touch()
    assert refused(path) == "file_empty"


def test_password(tmp_path):
    """An encrypted workbook is an OLE file with an encrypted package; the sentence says how to remove the password."""
    path = tmp_path / "shop.xlsx"
    path.write_bytes(OLE_HEADER + "EncryptionInfo".encode("utf-16-le") + "EncryptedPackage".encode("utf-16-le"))
    assert refused(path) == "file_encrypted"


def test_old_excel(tmp_path):
    """A workbook of the old kind is distinguished from an encrypted one."""
    path = tmp_path / "shop.xls"
    path.write_bytes(OLE_HEADER + "Workbook".encode("utf-16-le"))
    assert refused(path) == "file_xls"


@pytest.mark.parametrize("keep", [30, 400, 3000])
def test_truncated(tmp_path, as_book, sound, keep):
    """A workbook that was cut off while it was copied is refused wherever the cut is."""
    path = as_book(sound)
    path.write_bytes(path.read_bytes()[:keep])
    assert refused(path) == "file_truncated"


def test_rotten_bytes_inside(as_book, sound):
    """A workbook with spoiled bytes in a packed sheet is refused, not half read."""
    path = as_book(sound)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        part = archive.getinfo("xl/worksheets/sheet2.xml")
    begin = part.header_offset + 30 + len(part.filename)
    data[begin : begin + 40] = b"\xff" * 40
    path.write_bytes(data)
    assert refused(path) == "file_truncated"


def test_spoiled_xml(tmp_path, as_book, sound):
    """A sheet whose XML does not close is refused with a sentence."""
    path = as_book(sound)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/worksheets/sheet1.xml"] = parts["xl/worksheets/sheet1.xml"][:-40]
    assert refused(zip_of(tmp_path / "spoiled.xlsx", **parts)) == "file_damaged"


def test_word_document(tmp_path):
    """A document of another program is not Excel, whatever it is called."""
    assert refused(zip_of(tmp_path / "shop.xlsx", **{"word/document.xml": "<w/>"})) == "file_not_excel"


@pytest.mark.parametrize("text", ["<html><table></table></html>", "\ufeff <TABLE>", "<?xml version='1.0'?><Workbook/>"])
def test_web_page(tmp_path, text):
    """A web page saved as .xlsx, which many systems call an Excel export, is recognised."""
    path = tmp_path / "shop.xlsx"
    path.write_text(text, encoding="utf-8")
    assert refused(path) == "file_html"


def test_plain_bytes(tmp_path):
    """A picture is not Excel."""
    path = tmp_path / "shop.xlsx"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 50)
    assert refused(path) == "file_not_excel"


def test_one_table_is_no_store(tmp_path):
    """A single CSV file is answered with the two forms a store may have."""
    path = tmp_path / "agents.csv"
    path.write_text("agent_id,name\n")
    assert refused(path) == "file_csv_alone"


def test_zip_bomb(tmp_path):
    """A small file that unpacks to gigabytes is refused by its stated size, without being unpacked."""
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(240):
                part.write(b"\0" * 1_000_000)
    assert path.stat().st_size < 1_000_000
    assert refused(path) == "file_too_big"


def test_entity_bomb(tmp_path, as_book, sound):
    """XML that defines entities is refused before anything expands it."""
    path = as_book(sound)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    parts["xl/worksheets/sheet1.xml"] = bomb + parts["xl/worksheets/sheet1.xml"].partition(b"?>")[2]
    assert refused(zip_of(tmp_path / "bomb.xlsx", **parts)) == "file_unsafe"


def test_stated_size_is_not_believed(tmp_path, as_book, sound):
    """A sheet that claims to be as large as Excel allows is read for what it holds."""
    path = as_book(sound)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    import re

    claim = b'<dimension ref="A1:XFD1048576"/>'
    for name in [name for name in parts if "worksheets" in name]:
        parts[name] = re.sub(rb"<dimension [^>]*/>", claim, parts[name])
        assert claim in parts[name]
    store = load_store(zip_of(tmp_path / "claims.xlsx", **parts))
    assert len(store.agents) == 2


def test_random_bytes_never_break_the_reader(tmp_path):
    """A sound file with any one byte changed is read or refused with a sentence; it never breaks."""
    import random

    book = Workbook()
    book.active.append(["key", "value"])
    buffer = io.BytesIO()
    book.save(buffer)
    chance = random.Random(7)
    path = tmp_path / "shop.xlsx"
    for _ in range(60):
        data = bytearray(buffer.getvalue())
        data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data)
        store, problems, _ = check_store(path)
        assert store is None
        assert all(problem.text(lang) for problem in problems for lang in ("zh", "en"))


def test_empty_folder(tmp_path):
    """A folder without tables says which are needed."""
    assert refused(tmp_path) == "folder_empty"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"- name: [unclosed", "yaml_damaged"),
        (b"just text", "yaml_not_table"),
        (b"- one\n- two", "yaml_not_table"),
        (b"!!python/object/apply:os.system ['true']", "yaml_not_table"),
        (b"\x80\x81\xff\xfe\x00", "file_not_text"),
    ],
)
def test_bad_yaml(as_folder, sound, data, message):
    """YAML that is no table is refused by file, beside the other tables' problems; no object is ever built."""
    folder = as_folder(sound)
    (folder / "rules.yml").write_bytes(data)
    problems = check_store(folder)[1]
    assert [problem.message for problem in problems] == [message]
    assert "rules.yml" in problems[0].text("zh")


def test_yaml_bomb(as_folder, sound):
    """Nested aliases that stand for a billion items are refused without being unfolded."""
    folder = as_folder(sound)
    layers = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    layers += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (folder / "store.yml").write_text("\n".join([*layers, "name: *a11", "platform: tmall"]))
    (folder / "store.csv").unlink()
    messages = {problem.message for problem in check_store(folder)[1]}
    assert "nested_value" in messages
