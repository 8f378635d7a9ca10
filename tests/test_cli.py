"""The command line as a user types it: exit status, sentences in both languages, nothing overwritten."""

import datetime as dt
import errno
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from typer.testing import CliRunner

from simlib.cli import app, is_of_port, last_roster, print_table, progress_bar, store_paths
from simlib.messages import HOUSE, UserError
from simlib.readiness.workbook import write_readiness_template
from simlib.report.pages.imports import show_change
from simlib.retrospective.workbook import review_book
from simlib.roster import ROSTER_COLUMNS
from simlib.roster.swap import work_out_swap
from simlib.runs import file_hash
from tests.readiness.test_review import rows_of

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


def test_what_is_wrong_beside_a_store_is_listed_under_its_file(tmp_path):
    """A rule without a start is a mistake of readiness.xlsx: a line before it names the file, below the store's own."""
    shutil.copy(STORES / "appliances.xlsx", tmp_path / "shop.xlsx")
    activities = [{"id": "C1", "name": "C", "kind": "coupon", "scope": "all", "buyers": "all", "amount_cny": 10}]
    write_readiness_template(tmp_path / "readiness.xlsx", "en", rows={"activities": activities})
    checked = run("check", tmp_path / "shop.xlsx", "--lang", "en")
    assert checked.exit_code == 1
    above, below = checked.output.split("In the readiness.xlsx beside the store:")
    assert "Activities" not in above
    assert '"Activities" (activities), row 2' in below


def test_a_workbook_with_nothing_beside_it_is_in_order(tmp_path):
    """A store's own workbook has sheets of readiness too, and is not read a second time as a readiness workbook."""
    alone = shutil.copy(STORES / "appliances.xlsx", tmp_path)
    checked = run("check", alone, "--lang", "en")
    assert checked.exit_code == 0, checked.output
    assert "problem" not in checked.output


@pytest.mark.parametrize(("lang", "word"), [("zh", "处错误"), ("en", "in all. Correct")])
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


def test_check_reads_what_lies_beside_a_store(tmp_path):
    """A wrong cell of goals.xlsx or review.xlsx is named by the check, under the file's name, not first at the end."""
    shutil.copy(STORES / "appliances.xlsx", tmp_path / "shop.xlsx")
    assert run("check", tmp_path / "shop.xlsx", "--lang", "en").exit_code == 0
    for sheet, cells in {
        "review.xlsx": ("Figures", ["Figure", "Value"], ["GMV", "many"]),
        "goals.xlsx": ("days", ["day", "agent_id", "sales_cny"], ["2026-10-31", "A001", "lots"]),
    }.items():
        book = openpyxl.Workbook()
        page = book.active
        page.title, header, row = cells
        page.append(header)
        page.append(row)
        book.save(tmp_path / sheet)
    done = run("check", tmp_path / "shop.xlsx", "--lang", "en")
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    _, _, behind = done.output.partition("goals.xlsx beside the store")
    of_goals, _, of_review = behind.partition("review.xlsx beside the store")
    assert "lots" in of_goals
    assert of_review.strip()


def test_what_lies_beside_a_store_that_cannot_be_read_is_checked(tmp_path):
    """Each workbook is read as far as it needs no store; a time alone may be right, and a broken one is a line."""
    (tmp_path / "shop.xlsx").write_text("broken")
    activities = [{"id": "C1", "name": "C", "kind": "coupon", "scope": "all", "buyers": "all", "amount_cny": 10}]
    write_readiness_template(tmp_path / "readiness.xlsx", "en", rows={"activities": activities})
    noted = [{"figure": "opening", "value": "20:20"}, {"figure": "aov_cny", "value": "many"}]
    review_book().write(tmp_path / "review.xlsx", lang="en", rows={"review_night": noted})
    checked = run("check", tmp_path / "shop.xlsx", "--lang", "en")
    assert checked.exit_code == 1
    assert '"Activities" (activities), row 2' in checked.output
    assert "many" in checked.output
    assert "20:20" not in checked.output
    (tmp_path / "readiness.xlsx").write_text("broken")
    broken = run("check", tmp_path / "shop.xlsx", "--lang", "en").output
    assert "readiness.xlsx: " in broken
    assert "many" in broken


def test_check_asks_about_a_figure_far_from_the_plan_and_reads_a_time_alone(tmp_path):
    """The store says which night a time belongs to and what the plan has; a question is no mistake."""
    shutil.copy(STORES / "appliances.xlsx", tmp_path / "shop.xlsx")
    noted = [{"figure": "opening", "value": "20:20"}, {"figure": "aov_cny", "value": "186"}]
    review_book().write(tmp_path / "review.xlsx", lang="en", rows={"review_night": noted})
    checked = run("check", tmp_path / "shop.xlsx", "--lang", "en")
    assert checked.exit_code == 0
    assert "the plan has 1280" in checked.output


@pytest.mark.parametrize("module", ["simlib", "simlib.cli"])
def test_the_command_line_is_a_module_too(module):
    """Both ways to run it as a module print its help."""
    done = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=True)
    assert "import" in done.stdout


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


@pytest.mark.parametrize(
    ("command", "task", "text"),
    [
        ("rehearse", "rehearse", "the last good run is as it was"),
        ("batch", "rehearse_batch", "0 of 1 stores are done"),
    ],
)
def test_ctrl_c_ends_in_a_sentence(command, task, text, tmp_path, monkeypatch):
    """Who stops a run hears what is left of it, not where the program was."""

    def press(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"simlib.runs.{task}", press)
    done = run(command, STORES / "bodycare", "--out", tmp_path / "out", "--lang", "en")
    assert done.exit_code == 130
    assert text in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("command", "given"),
    [
        ("rehearse", "seed=-1"),
        ("rehearse", "roster_effort=nan"),
        ("batch", "replications=0"),
        ("dashboard", "today=zzz"),
        ("drill", "--seed=99999999999999999999"),
        ("drill", "--minutes=0"),
        ("drill", "--round=999"),
    ],
)
def test_a_value_out_of_range_is_usage_before_anything_runs(command, given, tmp_path):
    """Whatever the command, a value that its notebook does not allow is status 2 with what is allowed."""
    words = [given] if given.startswith("--") else ["-p", given]
    done = run(command, STORES / "bodycare", "--out", tmp_path / "out", "--lang", "en", *words)
    assert done.exit_code == 2
    assert re.search(r"it is a (whole number|number|date)", " ".join(done.output.split())), done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["rehearse", "batch", "drill", "repair"])
def test_what_the_system_refuses_is_a_sentence_in_every_command(command, tmp_path):
    """A file where the folder of results should be ends in a sentence that names it, and nobody blames a port."""
    out = tmp_path / "out"
    out.write_text("")
    more = ["--absent", "B01", "--from", "19:00"] if command == "repair" else []
    done = run(command, STORES / "bodycare", "--out", out, "--lang", "en", *more)
    assert done.exit_code == 2
    assert "is a file where a folder is needed" in " ".join(done.output.split())
    assert "Traceback" not in done.output
    assert "--port" not in done.output


def test_two_stores_of_one_folder_are_usage(tmp_path):
    """A batch that would write two stores into one folder is refused, naming both, and nothing is written."""
    for name in ("my shop", "my-shop"):
        shutil.copytree(STORES / "bodycare", tmp_path / "stores" / name)
    done = run("batch", tmp_path / "stores", "--out", tmp_path / "out", "--lang", "en")
    assert done.exit_code == 2
    text = " ".join(done.output.split())
    assert "stores/my shop and" in text
    assert "one over the other, so nothing was run" in text
    assert not (tmp_path / "out").exists()


def test_progress_without_a_terminal_is_lines(capsys):
    """Where the output is a log, each new text is one line; a text that stays is not written again."""
    with progress_bar("Sand table") as show:
        show("Staffing", 0.25)
        show("Staffing", 0.5)
        show("Report", 1.0)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[-1] for line in lines] == ["table", "Staffing", "Report"]
    assert "25%" in lines[1]


@pytest.mark.parametrize(("user", "allowed"), [(0, True), (1000, False)])
def test_lab_opens_for_root_too(user, allowed, monkeypatch):
    """In a container there is often nobody but root; JupyterLab listens on this machine alone, with its token."""
    started = []
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(os, "execv", lambda path, words: started.extend(words))
    assert run("lab", "--no-browser").exit_code == 0
    assert ("--allow-root" in started) is allowed
    assert started[-1] == "--no-browser"
    assert "--ServerApp.ip=127.0.0.1" in started


@pytest.mark.parametrize(
    ("error", "of_port"),
    [(OSError(errno.ENOSPC, "x"), False), (OSError(errno.EADDRINUSE, "x"), True), (socket.gaierror(-2, "x"), True)],
)
def test_the_port_is_blamed_for_its_own_errors_alone(error, of_port):
    """A full disk is no port that is taken."""
    assert is_of_port(error) is of_port


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory, small_plan):
    """Results of a rehearsal of the small store, as far as a repair looks at them."""
    out = tmp_path_factory.mktemp("out")
    night = small_plan
    tables = out / "bodycare" / "tables"
    tables.mkdir(parents=True)
    night.roster.to_parquet(tables / "roster.parquet", index=False)
    night.requirement.to_parquet(tables / "requirement.parquet", index=False)
    made = {"store_hash": file_hash(STORES / "bodycare"), "parameters": {"roster_effort": 0.5, "replications": 2}}
    (out / "bodycare" / "manifest.json").write_text(json.dumps(made))
    return night, out


def test_a_repair_lies_beside_the_rehearsed_roster(rehearsed):
    """Who is changed is printed, matrix, workbook and calendars lie beside the old roster, a second goes on from it."""
    night, out = rehearsed
    now = pd.Timestamp.combine(night.wave.day, dt.time(19)).tz_localize(night.store.zone)
    on_duty = night.roster[(night.roster["start"] <= now) & (night.roster["end"] > now)]
    who = on_duty["agent_id"].unique()
    name = night.inputs.people.set_index("agent_id").loc[who[0], "name"]
    kept = (out / "bodycare" / "tables" / "roster.parquet").read_bytes()
    done = run("repair", STORES / "bodycare", "--absent", name.lower(), "--from", "19:00", "--out", out, "--lang", "en")
    assert done.exit_code == 0, done.output
    assert "sick from 19:00" in " ".join(re.sub(r"[│\n]", " ", done.output).split())
    [folder] = (out / "bodycare" / "repairs").iterdir()
    assert folder.name == f"001-{now:%m%d-%H%M}"
    rows = pd.read_parquet(folder / "roster.parquet")
    assert rows[(rows["agent_id"] == who[0]) & (rows["end"] > now)].empty
    assert {"roster.xlsx", "repair.xlsx", "repair.json", "calendars"} <= {path.name for path in folder.iterdir()}
    assert f"{who[0]}.ics" in {path.name for path in (folder / "calendars").iterdir()}
    assert (out / "bodycare" / "tables" / "roster.parquet").read_bytes() == kept
    again = run("repair", STORES / "bodycare", "--absent", who[1], "--from", "19:30", "--out", out, "--lang", "zh")
    assert again.exit_code == 0, again.output
    assert "001-" in again.output.replace("\n", "")
    second = pd.read_parquet(out / "bodycare" / "repairs" / f"002-{now:%m%d}-1930" / "roster.parquet")
    assert second[second["agent_id"].isin(who[:2]) & (second["end"] > now + pd.Timedelta(minutes=30))].empty
    assert json.loads((out / "bodycare" / "repairs" / f"002-{now:%m%d}-1930" / "repair.json").read_text())["away"] == [
        *who[:2]
    ]


@pytest.fixture(scope="module")
def swaps(rehearsed):
    """The first swap on the day that is allowed and the first that is not: two people each."""
    night, _ = rehearsed
    step = pd.Timedelta(minutes=30)
    tried = {}
    for first, second in itertools.combinations(night.inputs.people["agent_id"], 2):
        given = {"people": night.inputs.people, "first": first, "second": second, "day": night.wave.day, "step": step}
        try:
            found = work_out_swap(night.roster_result, **given)
        except UserError:  # neither works on that day
            continue
        if found.allowed or not found.broken.empty:
            tried.setdefault(found.allowed, (first, second))
        if len(tried) == 2:
            break
    return tried


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_swap_is_written_where_it_may_be_and_refused_where_not(rehearsed, swaps, tmp_path, lang):
    """S126: an allowed swap lies beside the rehearsed roster like a repair; a refused one writes none."""
    (night, out), tried = rehearsed, swaps
    out = Path(shutil.copytree(out, tmp_path / "out"))
    shutil.rmtree(out / "bodycare" / "repairs", ignore_errors=True)
    asked = ("--out", out, "--lang", lang)
    refused = run("swap", STORES / "bodycare", *tried[False], *asked)
    assert refused.exit_code == 1, refused.output
    assert not (out / "bodycare" / "repairs").exists()
    done = run("swap", STORES / "bodycare", *tried[True], "--on", night.wave.day, *asked)
    assert done.exit_code == 0, done.output
    [folder] = (out / "bodycare" / "repairs").iterdir()
    assert json.loads((folder / "repair.json").read_text())["absent"] == []
    codes = []
    for rows in (night.roster, pd.read_parquet(folder / "roster.parquet")):
        of_day = rows[pd.to_datetime(rows["date"]).dt.date == night.wave.day]
        shifts = of_day.groupby("agent_id")["shift"].first()
        codes.append([shifts.get(who) for who in tried[True]])
    assert codes[0] == codes[1][::-1]


def test_a_repair_of_another_roster_is_kept_and_not_gone_on_from(rehearsed, tmp_path):
    """After a rehearsal that made another roster, a repair begins with that one and says where the former ones are."""
    night, out = rehearsed
    out = Path(shutil.copytree(out, tmp_path / "out"))
    place = out / "bodycare"
    shutil.rmtree(place / "repairs", ignore_errors=True)
    asked = ("--from", "19:00", "--out", out, "--lang", "en")
    now = pd.Timestamp.combine(night.wave.day, dt.time(19)).tz_localize(night.store.zone)
    on_duty = night.roster[(night.roster["start"] <= now) & (night.roster["end"] > now)]["agent_id"].unique()
    first = run("repair", STORES / "bodycare", "--absent", on_duty[0], *asked)
    assert first.exit_code == 0, first.output
    kept = sorted(path.name for path in (place / "repairs").iterdir())
    night.roster[night.roster["agent_id"] != on_duty[0]].to_parquet(place / "tables" / "roster.parquet", index=False)
    second = run("repair", STORES / "bodycare", "--absent", on_duty[1], *asked)
    assert second.exit_code == 0, second.output
    assert "Earlier repairs belong to another roster" in " ".join(second.output.split())
    made = sorted(path.name for path in (place / "repairs").iterdir())
    assert made[:-1] == kept
    assert json.loads((place / "repairs" / made[-1] / "repair.json").read_text())["away"] == [on_duty[1]]


def test_the_last_roster_is_held_against_the_need_it_was_made_for(rehearsed):
    """As long as the store is unchanged nothing is worked out again: on the night there is no time for it."""
    night, out = rehearsed
    last = last_roster(STORES / "bodycare", out=out, lang="en")
    rows = night.roster.astype(last.rows.dtypes)
    adopted = last._replace(rows=rows).adopt()
    assert "required" not in vars(last.night)
    pd.testing.assert_frame_equal(adopted.coverage, night.coverage, check_dtype=False)


@pytest.mark.parametrize(
    ("absent", "clock", "word"),
    [
        ("Eva", "19:00", 'nearest: "Ava"'),
        ("B01", "28:00", "lies outside this night"),
        ("B01", "late", "is no time"),
        (" , ", "19:00", "Nobody is named"),
        ("B01", "27:55", "no work left after"),
    ],
)
def test_a_wrong_repair_is_a_sentence(rehearsed, absent, clock, word):
    """An unknown person, one without work left, and a time outside the night are usage, with what is allowed."""
    _, out = rehearsed
    before = sorted(path.name for path in (out / "bodycare").iterdir())
    done = run("repair", STORES / "bodycare", "--absent", absent, "--from", clock, "--out", out, "--lang", "en")
    assert done.exit_code == 2
    assert word in done.output.replace("\n", "")
    assert "Traceback" not in done.output
    assert sorted(path.name for path in (out / "bodycare").iterdir()) == before


def test_a_repair_reads_the_books_beside_the_store(tmp_path):
    """Whom the readiness workbook refuses is not called in for a repair either, with a rehearsed roster or without."""
    shop, out = Path(shutil.copytree(STORES / "bodycare", tmp_path / "shop")), tmp_path / "out"
    assert "B02" in last_roster(shop, out=out, lang="en")[0].inputs.ready
    rows = rows_of(shop / "readiness.xlsx")
    for row in rows["training"]:
        row["qa_result"] = row["agent_id"] != "B02"
    write_readiness_template(shop / "readiness.xlsx", "en", rows=rows)
    night, roster, *_ = last_roster(shop, out=out, lang="en")
    assert roster is None
    assert "B02" not in night.inputs.ready
    (out / "shop" / "tables").mkdir(parents=True)
    at = pd.Timestamp("2026-10-31 18:00", tz="Asia/Shanghai")
    row = dict.fromkeys(ROSTER_COLUMNS, "") | {"agent_id": "B01", "start": at, "end": at + pd.Timedelta(hours=8)}
    pd.DataFrame([row]).to_parquet(out / "shop" / "tables" / "roster.parquet")
    made = {"store_hash": file_hash(shop), "parameters": {"seed": 8}}
    (out / "shop" / "manifest.json").write_text(json.dumps(made))
    night, roster, *_ = last_roster(shop, out=out, lang="en")
    assert (night.seed, night.source, len(roster)) == (8, str(shop), 1)
    assert "B02" not in night.inputs.ready


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


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_printed_table_scales_each_row_by_its_unit(capsys, lang):
    """A share under the unit % is printed as percent, seconds beside it stay seconds; a size wears its own sign."""
    figures = pd.DataFrame(
        {
            "exported_figure": ["answered_180s_share", "first_response"],
            "unit": ["share", "s"],
            "low": [0.981, 24.4],
            "likely": [0.987, 28.7],
            "high": [np.nan, 33.4],
        }
    )
    print_table("table_export_figures", figures, lang=lang)
    print_table("repair", pd.DataFrame({"incident": ["slow", "absent"], "size": [1.4, 0.15]}), lang=lang)
    text = capsys.readouterr().err
    shares, seconds = (next(line for line in text.splitlines() if word in line) for word in ("98.7", "28.7"))
    assert "98.1" in shares
    assert "24.4" in seconds
    assert "×1.4" in text
    assert "15.0%" in text


def test_an_import_prints_shares_as_percent_and_no_question_mark(tmp_path):
    """Every figure of the samples stands in its unit; what a sheet does not count is left out of its sentence."""
    store = Path(shutil.copytree(STORES / "bodycare", tmp_path / "shop"))
    done = run("import", STORES.parent / "exports", "--store", store, "--lang", "en", "--dry-run")
    text = " ".join(re.sub(r"[│\n]", " ", done.output).split())
    assert done.exit_code == 0, done.output
    assert " ? " not in text
    assert "The whole shop in 7 rows, 2026-04-20 to 2026-04-26." in text
    rows = re.findall(r"^│ (.*?) *│ % +│ +(\S+) │ +(\S+) │", done.output, flags=re.MULTILINE)
    assert len(rows) >= 3, done.output
    answered = next(likely for name, _, likely in rows if name.startswith("Answered within"))
    assert 90 < float(answered.rstrip("%")) < 100


def test_an_import_that_changes_nothing_does_not_sound_as_if_it_had(tmp_path):
    """The same exports again: the store is written as it was, and the last line says so."""
    store, first, again = tmp_path / "shop", tmp_path / "first", tmp_path / "again"
    shutil.copytree(STORES / "bodycare", store)
    for at, to, last in ((store, first, "Written to"), (first, again, "The store's sheets are in")):
        done = run("import", STORES.parent / "exports", "--store", at, "--lang", "en", "--save-as", to)
        assert done.exit_code == 0, done.output
        assert last in done.output
    assert "Nothing changes in the store." in done.output
    assert "Written to" not in done.output


def test_no_figure_of_a_printed_table_is_a_share_by_chance():
    """A change of a ratio is shown as it is typed: a share in percent, money in yuan, seconds in seconds."""
    changes = [("paid_share", 0.9048, "90.48%"), ("aov_cny", 174.16, "174.16 CNY"), ("patience_s", 49.0, "49 s")]
    for key, value, shown in changes:
        assert show_change({"sheet": "ratios", "key": key, "before": None, "after": value}, "after", "en") == shown
    hour = {"sheet": "day_profile", "key": "11:00", "before": 0.0723, "after": 0.0635}
    assert [show_change(hour, side, "zh") for side in ("before", "after")] == ["7.23%", "6.35%"]
