"""What is written is read back the same: the template, a store, a folder; and the committed files are reproducible."""

import csv
import datetime as dt
import importlib.util
import os
from pathlib import Path

import openpyxl
import pytest

from simlib.messages import LANGS, glossary, label
from simlib.store import StoreError, check_store, load_store, save_store, write_template
from simlib.store.columns import column_names, columns, sheet_names, sheet_title
from simlib.store.models import SHEETS

TEMPLATES = Path(__file__).parents[2] / "templates"
APPLIANCES = TEMPLATES / "stores" / "appliances.xlsx"
BODY_CARE = TEMPLATES / "stores" / "bodycare"


@pytest.fixture(scope="module")
def appliances():
    return load_store(APPLIANCES)


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("lang", LANGS)
def test_the_template_is_filled_in_and_read(tmp_path, lang):
    """A newcomer fills four sheets of the empty workbook, with labels from its lists, and has a store."""
    path = tmp_path / "new.xlsx"
    write_template(path, lang)
    book = openpyxl.load_workbook(path)
    store = book[sheet_title("store")]
    store["B2"], store["B3"], store["B5"], store["B6"] = "Shop", label("douyin", lang), "100万", 150
    waves = book[sheet_title("waves")]
    opening = [
        "Opening",
        label("profile_E", lang),
        dt.datetime(2026, 10, 31, 20),
        dt.datetime(2026, 11, 1, 23, 59),
        None,
        "30%",
    ]
    for at, value in enumerate(opening, start=1):
        waves.cell(2, at, value)
    agents = book[sheet_title("agents")]
    for at, value in enumerate(["A1", "Ann", label("student", lang), label("aftersale", lang)], start=1):
        agents.cell(2, at, value)
    book.save(path)
    found = load_store(path)
    assert (found.store.platform, found.store.month_gmv_cny) == ("douyin", 1_000_000)
    assert (found.waves[0].profile, found.waves[0].month_share) == ("E", 0.3)
    assert (found.agents[0].cohort, found.agents[0].skills) == ("student", ("aftersale",))
    assert {ratio.source for ratio in found.ratios} == {"field", "ours"}
    assert found.ratio("conversion").likely == 0.5


def test_the_template_explains_itself():
    """Each sheet has a header in both languages, a note a column, lists in its cells, and a first page."""
    book = openpyxl.load_workbook(TEMPLATES / "store.xlsx")
    assert "说明" in book.sheetnames[0]
    for sheet in SHEETS:
        page = book[sheet_title(sheet)]
        assert page.freeze_panes == "A2"
        header = [cell.value for cell in page[1] if cell.value]
        wanted = ["key", "value", "note"] if sheet == "store" else [column.key for column in columns(sheet)]
        if sheet in ("ratios", "rules", "goals"):  # whose rows decide the unit of their figures
            wanted.insert(wanted.index({"ratios": "high", "rules": "value", "goals": "stretch"}[sheet]) + 1, "unit")
        assert header == [f"{label(key, 'zh')}\n{label(key, 'en')}" for key in wanted]
        assert all(
            cell.comment and glossary()[key]["definition_zh"] in cell.comment.text
            for key, cell in zip(wanted, page[1], strict=False)
        )
    offered = {rule.formula1 for rule in book[sheet_title("agents")].data_validations.dataValidation}
    assert '"自有,临时,外包,校企实习"' in offered
    assert book["_lists"].sheet_state == "hidden"


def test_lists_fit_into_a_cell():
    """Excel refuses a list of more than 255 characters."""
    for sheet in SHEETS:
        for column in columns(sheet):
            for lang in LANGS:
                assert len(",".join(label(key, lang) for key in column.choices.values())) <= 255


def test_names_lead_to_one_place():
    """No label of a sheet, a column or a choice stands for two things."""
    for sheet in SHEETS:
        for lang in LANGS:
            assert sheet_names()[label(sheet, lang).replace(" ", "").casefold()] == sheet
            for column in columns(sheet):
                assert (
                    column_names(sheet)[
                        label(column.key, lang).replace(" ", "").replace("-", "").replace("/", "").casefold()
                    ]
                    == column.key
                )
                labels = [label(key, lang) for key in column.choices.values()]
                assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("lang", LANGS)
def test_a_store_survives_a_workbook(tmp_path, appliances, lang):
    """A whole store written as a workbook in either language reads back equal."""
    save_store(appliances, tmp_path / "appliances.xlsx", lang)
    assert load_store(tmp_path / "appliances.xlsx") == appliances


def test_a_store_survives_a_folder(tmp_path, appliances):
    """The same store written as a folder reads back equal."""
    save_store(appliances, tmp_path / "appliances")
    assert load_store(tmp_path / "appliances") == appliances


def test_saving_twice_gives_the_same_bytes(tmp_path, appliances):
    """No clock and no chance gets into what is written."""
    for name in ("one", "two"):
        save_store(appliances, tmp_path / name / "s.xlsx")
        write_template(tmp_path / name / "t.xlsx", "en")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_text_that_looks_like_a_formula_stays_text(tmp_path, short_store):
    """A name that begins with = is text in the workbook, guarded in CSV, and comes back as it was."""
    store = short_store
    nasty = '=HYPERLINK("http://example.org","x")'
    agents = (
        store.agents[0].model_copy(update={"name": nasty, "wishes": "+1", "note": "'=already guarded"}),
        *store.agents[1:],
    )
    store = store.model_copy(update={"agents": agents, "store_id": "nasty"})
    save_store(store, tmp_path / "nasty.xlsx")
    save_store(store, tmp_path / "nasty")
    cell = openpyxl.load_workbook(tmp_path / "nasty.xlsx")[sheet_title("agents")]["B2"]
    assert (cell.data_type, cell.value) == ("s", nasty)
    with (tmp_path / "nasty" / "agents.csv").open(encoding="utf-8-sig", newline="") as file:
        written = next(csv.DictReader(file))
    assert written["name"] == "'" + nasty
    assert load_store(tmp_path / "nasty.xlsx") == load_store(tmp_path / "nasty") == store


def test_own_sheets_are_kept(tmp_path, short_store):
    """A sheet of the user's own is carried over when the store is written back."""
    path = tmp_path / "bodycare.xlsx"
    store = short_store
    save_store(store, path)
    book = openpyxl.load_workbook(path)
    book.create_sheet("_sums").append(["mine", 42])
    book.save(path)
    save_store(load_store(path), path)
    assert [cell.value for cell in openpyxl.load_workbook(path)["_sums"][1]] == ["mine", 42]
    assert load_store(path) == store


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, short_store):
    """When the disk refuses, the store that was there stays, and no scrap is left beside it."""
    path = tmp_path / "bodycare.xlsx"
    store = short_store
    save_store(store, path)
    before = path.read_bytes()

    def refuse(*_):
        raise OSError("disk full")

    monkeypatch.setattr("simlib.files.os.replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        save_store(store.model_copy(update={"history": ()}), path)
    assert os.listdir(tmp_path) == ["bodycare.xlsx"]
    assert path.read_bytes() == before


def test_a_file_that_another_program_holds(tmp_path, monkeypatch, short_store):
    """A workbook that is open in Excel can be neither read nor replaced: a sentence says so, and nothing is lost."""
    path = tmp_path / "bodycare.xlsx"
    store = short_store
    save_store(store, path)
    before = path.read_bytes()

    def refuse(*_, **__):
        raise PermissionError(13, "in use")

    with monkeypatch.context() as patch:
        patch.setattr("simlib.files.os.replace", refuse)
        with pytest.raises(StoreError, match="Close it in Excel"):
            save_store(store, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["bodycare.xlsx"]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        assert check_store(path)[1][0].message == "file_in_use"


def test_a_folder_keeps_its_files(tmp_path, short_store):
    """Saving into a folder keeps a table's own name and kind, and touches only what changed."""
    store = short_store
    folder = tmp_path / "bodycare"
    save_store(store, folder)
    (folder / "goals.csv").unlink()
    (folder / "目标.yml").write_text("- {kpi: service_level, floor: 0.8}\n")
    untouched = (folder / "history.csv").stat().st_mtime_ns
    store = load_store(folder)
    goal = store.goals[0].model_copy(update={"stretch": 0.9})
    save_store(store.model_copy(update={"goals": (goal,)}), folder)
    assert (folder / "history.csv").stat().st_mtime_ns == untouched
    assert not (folder / "goals.csv").exists()
    assert load_store(folder).goals == (goal,)


def test_committed_files_are_what_the_script_makes(tmp_path):
    """The template and the invented stores are the script's own output, byte for byte."""
    spec = importlib.util.spec_from_file_location("make_stores", TEMPLATES / "make_stores.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    write_template(tmp_path / "store.xlsx", "zh")
    save_store(maker.appliances(), tmp_path / "stores" / "appliances.xlsx", "zh")
    save_store(maker.body_care(), tmp_path / "stores" / "bodycare")
    made = files_of(tmp_path)
    stale = [name for name, data in made.items() if data != (TEMPLATES / name).read_bytes()]
    assert not stale, "run: python templates/make_stores.py"
    tables = {path.name for path in BODY_CARE.iterdir() if path.suffix in (".csv", ".yml")}
    assert tables == {Path(name).name for name in made if "bodycare" in name}


def test_the_invented_stores_are_plausible(appliances):
    """The stores have the size that they claim, are complete, and are stated as invented."""
    sites = {seat.site for seat in appliances.site}
    cohorts = {agent.cohort for agent in appliances.agents}
    assert (len(appliances.agents) >= 110, len(sites), len(cohorts)) == (True, 2, 4)
    assert appliances.missing == ()
    days = {row.start.date() for row in appliances.history if row.promo is None}
    assert len(days) >= 60
    assert {row.promo for row in appliances.history} >= {"2026-618", "2025双11"}
    small = load_store(BODY_CARE)
    assert (len(small.agents), small.missing) == (12, ())
    assert "虚构" in appliances.store.note
    assert "invented" in small.store.note
    assert any(agent.exam_score < 90 for agent in appliances.agents)
    assert any(shift.end <= shift.start for shift in appliances.shifts)


def test_the_empty_template_says_what_it_wants():
    """Checking the empty workbook asks for the four needed sheets' cells and nothing else."""
    store, problems, _ = check_store(TEMPLATES / "store.xlsx")
    assert store is None
    assert {(problem.sheet, problem.column) for problem in problems} == {
        ("store", "name"),
        ("store", "platform"),
        ("waves", None),
        ("agents", None),
    }
    with pytest.raises(StoreError):
        load_store(TEMPLATES / "store.xlsx")
