"""Files of other programs, hostile files and accidents: issue 15, lines 10, 18 and 20."""

from __future__ import annotations

import codecs
import datetime as dt
import os
import re
import threading
import time
import zipfile

import openpyxl
import pytest
import xlsxwriter

from simlib.store import StoreError, check_store, import_exports, import_orders, load_store
from simlib.store.sources import read_csv, read_matrix, read_source, read_workbook
from simlib.store.xlsx import CELLS_MAX


def parts_of(path):
    """Unpack a workbook into its parts."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path, parts):
    """Pack parts into a workbook."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def refused(path):
    """Return the message that refuses a path, after looking that it is there in both languages."""
    with pytest.raises(StoreError) as caught:
        load_store(path)
    assert all(caught.value.text(lang) for lang in ("zh", "en"))
    return caught.value.problems[0].message


def upper(parts):
    """Write the names of the parts in capitals."""
    return {name.upper(): data for name, data in parts.items()}


def with_backslashes(parts):
    """Write back slashes for slashes, in the names of the parts and in what they name."""
    changed = {name: re.sub(rb'(Target="[^"]*)/', rb"\1\\", data) for name, data in parts.items()}
    return {name.replace("/", "\\"): data for name, data in changed.items()}


def at_root(parts):
    """Put the workbook at the root of the package, under another name."""
    moved = {}
    for name, data in parts.items():
        name = {"xl/workbook.xml": "book.xml", "xl/_rels/workbook.xml.rels": "_rels/book.xml.rels"}.get(name, name)
        if name == "_rels/.rels":
            data = re.sub(rb'Target="/?xl/workbook.xml"', b'Target="book.xml"', data)
        elif name == "_rels/book.xml.rels":
            data = re.sub(rb'Target="(?:/xl/)?(worksheets|styles|theme|sharedStrings)', rb'Target="xl/\1', data)
        moved[name] = data
    return moved


def with_empty_styles(parts):
    """Write an empty style attribute into every cell that has none."""
    return {name: re.sub(rb'<c r="([A-Z]+\d+)" t', rb'<c r="\1" s="" t', data) for name, data in parts.items()}


@pytest.mark.parametrize("change", [upper, with_backslashes, at_root, with_empty_styles])
def test_line_10_workbooks_of_other_writers_read_the_same(tmp_path, as_book, sound, change):
    """Names in capitals, back slashes, a workbook elsewhere and empty attributes change nothing."""
    path = as_book(sound)
    expected = load_store(path)
    changed = change(parts_of(path))
    assert changed != parts_of(path)
    other = tmp_path / "other"
    other.mkdir()
    assert load_store(pack(other / "shop.xlsx", changed)) == expected


def test_line_10_iso_clock_cells_are_read(tmp_path, sound):
    """Clocks and days that stand in the file as ISO text are the clocks and days they are."""
    book = openpyxl.Workbook(iso_dates=True)
    book.remove(book.active)
    sound["shifts"] = [["code", "start", "end"], ["A", dt.time(8), dt.time(17)]]
    sound["waves"][1][2:4] = [dt.datetime(2026, 10, 31, 20), dt.datetime(2026, 11, 3, 23, 59)]
    for title, rows in sound.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    path = tmp_path / "iso.xlsx"
    book.save(path)
    assert any(b't="d"' in part for part in parts_of(path).values())
    store = load_store(path)
    assert (store.shifts[0].start, store.shifts[0].end) == (dt.time(8), dt.time(17))
    assert store.waves[0].start == dt.datetime(2026, 10, 31, 20)


@pytest.mark.parametrize(("text", "message"), [("25:61:00", "not_time"), ("soon", "not_time")])
def test_line_10_a_cell_that_is_no_date_costs_its_cell_and_not_the_file(tmp_path, as_book, sound, text, message):
    """One malformed ISO cell is named by its place; the rest of the file is read."""
    sound["shifts"] = [["code", "start", "end"], ["A", "08:00", "17:00"]]
    parts = parts_of(as_book(sound))
    sheet = next(name for name, part in parts.items() if b"worksheet" in part[:400] and name.endswith("sheet5.xml"))
    cell = f'<c r="B2" t="d"><v>{text}</v></c>'.encode()
    parts[sheet] = re.sub(rb'<c r="B2"[^>]*>.*?</c>', cell, parts[sheet])
    [problem] = check_store(pack(tmp_path / "bad.xlsx", parts))[1]
    assert (problem.message, problem.sheet, problem.row, problem.column) == (message, "shifts", 2, "start")


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<a/>"}, ".ods"),
        ({"xl/workbook.bin": "x", "[Content_Types].xml": "<a/>"}, ".xlsb"),
        ({"Index/Document.iwa": "x"}, ".numbers"),
    ],
)
def test_line_10_other_spreadsheets_learn_how_to_be_saved(tmp_path, parts, kind):
    """A spreadsheet of another kind is named, with the way to save it."""
    path = pack(tmp_path / f"shop{kind}", parts)
    assert refused(path) == "file_other_sheet"
    with pytest.raises(StoreError, match=re.escape(kind)):
        load_store(path)


@pytest.mark.parametrize("mark", ["\t", ";", ","])
@pytest.mark.parametrize("title", ["大促日历 2026", "Calendar, plan, 2026", ""])
def test_line_10_a_title_above_a_table_hides_no_separator(as_folder, sound, mark, title):
    """Tabs, semicolons and commas are found under a title line, whatever stands in it."""
    folder = as_folder(sound)
    expected = load_store(folder)
    lines = [mark.join(str(cell) for cell in row) for row in sound["waves"]]
    (folder / "waves.csv").write_text("\n".join([title, *lines] if title else lines), "utf-8")
    assert load_store(folder) == expected


def test_line_10_excels_own_separator_line_is_passed_over(as_folder, sound):
    """The first line sep=; says the separator and is no data."""
    folder = as_folder(sound)
    expected = load_store(folder)
    lines = ["sep=;", *(";".join(map(str, row)) for row in sound["waves"])]
    (folder / "waves.csv").write_text("\r\n".join(lines), "utf-8")
    assert load_store(folder) == expected


def test_line_10_a_quote_that_is_not_closed_is_named_by_its_line(as_folder, sound):
    """A stray quotation mark swallows the rest of a large table; the sentence says where it began."""
    folder = as_folder(sound)
    rows = "\n".join(f"2026-10-01 {n % 24:02d}:00,presale,9" for n in range(20_000))
    (folder / "history.csv").write_text(f'start,queue,contacts\n2026-10-01,"presale,9\n{rows}', "utf-8")
    [problem] = check_store(folder)[1]
    assert problem.message == "csv_damaged"
    assert "2" in problem.text("zh")


def test_line_10_a_web_page_named_xls_is_called_a_web_page(tmp_path, as_folder, sound):
    """The same sentence for a page alone and for one among tables."""
    page = "<html><table><tr><td>x</td></tr></table></html>"
    (tmp_path / "export.xls").write_text(page)
    assert refused(tmp_path / "export.xls") == "file_html"
    folder = as_folder(sound)
    (folder / "history.csv").write_text(page)
    assert [problem.message for problem in check_store(folder)[1]] == ["file_html"]


def test_line_10_an_export_that_fails_for_one_reason_says_the_reason(tmp_path, as_folder, sound):
    """Where no row of an export can be read, the first row's place, value and reason are said."""
    rows = [f"{n},11/0{1 + n % 2}/2026 {1 + n % 12:02d}:05:00 AM,,100,0" for n in range(40)]
    header = "订单编号,订单创建时间,订单付款时间,买家实际支付金额,退款金额"
    export = tmp_path / "us.csv"
    export.write_text("\n".join([header, *rows]), "utf-8")
    with pytest.raises(StoreError) as caught:
        import_orders(export, as_folder(sound))
    assert [problem.message for problem in caught.value.problems] == ["orders_no_rows", "not_date"]
    assert "11/01/2026" in caught.value.text("zh")
    assert "row 2" in caught.value.text("en")


# --- attacks


def test_line_20_a_document_type_is_refused_in_any_encoding(tmp_path, as_book, sound):
    """A part that declares a document type is refused by the parser itself, in UTF-16 as well."""
    parts = parts_of(as_book(sound))
    name = next(name for name in parts if name.endswith("sheet1.xml"))
    text = parts[name].decode("utf-8").partition("?>")[2] if parts[name].startswith(b"<?xml") else parts[name].decode()
    bomb = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY a "aaaa">]>' + text
    for number, data in enumerate((bomb.encode("utf-16"), bomb.replace("utf-16", "utf-8").encode())):
        spoiled = pack(tmp_path / f"bomb{number}.xlsx", parts | {name: data})
        assert refused(spoiled) == "file_unsafe"
    calm = f'<?xml version="1.0" encoding="utf-16"?>{text}'.encode("utf-16")
    assert load_store(pack(tmp_path / "shop.xlsx", parts | {name: calm})).store.name == "Test shop"


def quickly(call, seconds=10.0):
    """Return what a call gives, after looking that it took no longer than it may."""
    begun = time.monotonic()
    result = call()
    assert time.monotonic() - begun < seconds
    return result


def test_line_18_a_reference_of_a_million_letters_is_refused(tmp_path, as_book, sound):
    """A cell whose reference is a million letters long costs no time."""
    parts = parts_of(as_book(sound))
    name = next(name for name in parts if name.endswith("sheet1.xml"))
    parts[name] = parts[name].replace(b'r="A1"', b'r="' + b"A" * 1_000_000 + b'1"')
    assert quickly(lambda: refused(pack(tmp_path / "long.xlsx", parts))) == "file_damaged"


def test_line_18_stray_cells_are_counted_with_the_gaps_before_them(tmp_path):
    """Cells far to the right of many rows end the reading before they fill the memory."""
    path = tmp_path / "stray.xlsx"
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet("waves")
        for row in range(CELLS_MAX // 256 + 1000):
            sheet.write_number(row, 16_000, 1)
    sheets, problems = quickly(lambda: read_workbook(path), 60)
    assert [problem.message for problem in problems] == ["sheet_too_wide"]
    assert sum(len(row) for _, row in sheets[0].rows) <= CELLS_MAX


def test_line_18_merged_ranges_cost_what_the_sheet_holds(as_book, sound):
    """Thousands of merges over all rows that Excel has are counted by the rows that are there."""

    def merge(book):
        for number in range(3000):
            book["agents"].merged_cells.add(f"A{number + 1}:XFD1048576")

    path = as_book(sound, merge)
    problems = quickly(lambda: check_store(path)[1], 30)
    assert {problem.message for problem in problems} >= {"merged"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 40_000 + "]" * 40_000, "yaml_too_deep"),
        ("a: {" * 5_000 + "}" * 5_000, "yaml_too_deep"),
        ("- {" + ", ".join(f"k{n}: 1" for n in range(50_000)) + "}", "table_too_wide"),
        ("- {name: a, name: b}", "yaml_key_twice"),
        ("- {? [a, b] : c}", "yaml_damaged"),
        ("- " + "x" * 6_000_000, "file_too_big"),
        ("a: &a [*a]", None),
    ],
)
def test_line_18_yaml_is_bounded_before_anything_is_built(as_folder, sound, text, message):
    """Depth, keys and size are bounded: a sentence instead of a fault, in no time."""
    folder = as_folder(sound)
    (folder / "rules.yml").write_text(text)
    problems = quickly(lambda: check_store(folder)[1])
    assert problems
    assert message is None or [problem.message for problem in problems] == [message]


def test_line_18_pipes_devices_folders_and_broken_links_are_called_so(tmp_path, as_folder, sound):
    """What is no plain file is named and not waited for, alone and among the tables of a folder."""
    os.mkfifo(tmp_path / "pipe.xlsx")
    (tmp_path / "gone.xlsx").symlink_to(tmp_path / "nowhere.xlsx")
    assert quickly(lambda: refused(tmp_path / "pipe.xlsx")) == "file_not_plain"
    assert refused(tmp_path / "gone.xlsx") == "file_broken_link"
    (tmp_path / "zero.xlsx").symlink_to("/dev/zero")
    assert quickly(lambda: refused(tmp_path / "zero.xlsx")) == "file_not_plain"
    assert refused(tmp_path / ("x" * 300 + ".xlsx")) == "file_unreadable"
    folder = as_folder(sound)
    os.mkfifo(folder / "history.csv")
    (folder / "rules.csv").mkdir()
    (folder / "goals.yml").symlink_to(tmp_path / "nowhere.yml")
    (folder / "site.yml").symlink_to("/dev/zero")
    messages = {problem.message for problem in quickly(lambda: check_store(folder)[1])}
    assert messages == {"file_not_plain", "file_is_folder", "file_broken_link"}


def complain(folder, *, rows):
    """Read a folder whose history holds nothing but mistakes, and look that the complaints are bounded."""
    (folder / "history.csv").write_text("\n".join(["start,queue,contacts", *["x,y,z"] * rows]))
    store, problems, _ = quickly(lambda: check_store(folder), 60)
    assert len(problems) == 20_000
    assert problems[-1].message == "too_many_problems" or any(p.message == "too_many_problems" for p in problems)
    assert store.history == ()


def test_line_18_a_table_of_nothing_but_mistakes_is_bounded(as_folder, sound):
    """Of very many complaints the first are kept, and the page says that there are more (60,000 rows: make prove)."""
    complain(as_folder(sound), rows=10_000)


# --- the roster's matrix, by the same reader


def test_line_18_a_matrix_is_read_by_the_same_reader(tmp_path):
    """Header, gaps and blanks stand as in the sheet: row n of the frame is row n + 2; a CSV file reads the same."""
    book = openpyxl.Workbook()
    for row in (["name", dt.datetime(2026, 10, 31), "11/1"], ["Lin\u200b", "A", None], [], ["Wu", "休", "B"]):
        book.active.append(row)
    book.save(tmp_path / "matrix.xlsx")
    frame = read_matrix(tmp_path / "matrix.xlsx")
    assert list(frame.columns) == ["name", dt.datetime(2026, 10, 31), "11/1"]
    assert frame.iloc[2].tolist() == ["Wu", "休", "B"]
    assert frame.iloc[1].isna().all()
    (tmp_path / "matrix.csv").write_text("name,2026-10-31\nLin,A\n", "utf-8")
    assert read_matrix(tmp_path / "matrix.csv").values.tolist() == [["Lin", "A"]]


@pytest.mark.parametrize("kind", ["pipe", "text", "formula"])
def test_line_18_a_hostile_matrix_is_refused_in_words(tmp_path, kind):
    """A pipe, a text file and a sheet of a million rows are refused as they are for a store."""
    path = tmp_path / "matrix.xlsx"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "text":
        path.write_text("no workbook")
    else:
        book = openpyxl.Workbook()
        book.active["A1"], book.active["A1048576"] = "name", "x"
        book.save(path)
    with pytest.raises(StoreError):
        quickly(lambda: read_matrix(path), 30)


def test_a_damaged_name_inside_a_workbook_is_a_damaged_file(tmp_path, as_book, sound):
    """A package whose list of parts is no text any more is refused in words, by the store, a matrix and an import."""
    parts = parts_of(as_book(sound))
    path = tmp_path / "damaged.xlsx"
    pack(path, parts | {"xl/\u00e9.xml": b"<x/>"})
    path.write_bytes(path.read_bytes().replace("\u00e9".encode(), b"\xff\xff"))
    with pytest.raises(UnicodeDecodeError), zipfile.ZipFile(path):
        pass
    for read in (load_store, read_workbook, read_matrix):
        with pytest.raises(StoreError) as caught:
            read(path)
        assert [problem.message for problem in caught.value.problems] == ["file_truncated"]
    [found] = import_exports([path], as_book(sound, name="sound.xlsx")).exports.understood.to_dict("records")
    assert found["rows"] == 0


def test_a_pipe_that_somebody_writes_to_is_not_read(tmp_path):
    """Even with a writer at the other end, a pipe is no table."""
    path = tmp_path / "waves.csv"
    os.mkfifo(path)
    threading.Thread(target=lambda: os.close(os.open(path, os.O_RDWR)), daemon=True).start()
    with pytest.raises(StoreError):
        read_csv(path)


def test_a_file_that_grows_is_read_to_its_limit(tmp_path, monkeypatch):
    """The limit counts what is read, not what the folder says."""
    monkeypatch.setattr("simlib.store.sources.TABLE_BYTES_MAX", 1000)
    (tmp_path / "waves.csv").write_bytes(codecs.BOM_UTF8 + b"x" * 2000)
    _, problems = read_source(tmp_path)
    assert [problem.message for problem in problems] == ["file_too_big"]
