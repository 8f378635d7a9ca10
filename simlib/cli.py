"""The command line: ``sandtable new | check | import | rehearse | repair | batch | lab | dashboard | drill``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from simlib.messages import HOUSE, LANGS, Lang, UserError, glossary, label, translate

DONE, DATA_WRONG, USAGE_WRONG, SOME_FAILED = 0, 1, 2, 3
INTERRUPTED = 130
ROWS_SHOWN = 12  # changed rows of one sheet that an import prints
REPAIRS = "repairs"  # folder of mended rosters beside a rehearsal's results
OF_ROSTER = ("wave", "seed", "roster_effort", "roster_file")  # parameters of a rehearsal that its roster depends on

if TYPE_CHECKING:
    import pandas as pd

    from simlib.planning import Plan
    from simlib.store.exports import StoreImport


class Language(StrEnum):
    """The two languages of the kit."""

    zh = "zh"
    en = "en"


def both(key: str) -> str:
    """Say a sentence in both languages: help is read before a language is chosen."""
    return " / ".join(translate(f"cli.{key}", lang) for lang in LANGS)


def of_exports(key: str) -> str:
    """Return a help text of the import in both languages."""
    return " / ".join(translate(f"exports.{key}", lang) for lang in LANGS)


app = typer.Typer(
    help=both("help"),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
console = Console(stderr=True, highlight=False)

StorePath = Annotated[Path, typer.Argument(metavar="STORE", help=both("store"), show_default=False)]
Out = Annotated[Path, typer.Option("--out", help=both("out"))]
Lingo = Annotated[Language, typer.Option("--lang", help=both("lang"))]
Given = Annotated[list[str], typer.Option("-p", metavar="NAME=VALUE", help=both("parameter"))]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help=both("seed"))]


def tell(key: str, lang: Lang, **values: object) -> None:
    """Say a sentence on the terminal; what a store wrote is never read as markup."""
    console.print(escape(translate(f"cli.{key}", lang, **values)), soft_wrap=True)


def stop(text: str, *, status: int) -> typer.Exit:
    """Say why the command stops and give the exit to raise."""
    console.print(escape(text), soft_wrap=True)
    return typer.Exit(status)


@app.command(help=both("new"))
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help=both("new_name"), show_default=False)],
    lang: Lingo = Language.zh,
) -> None:
    """Write a fresh workbook; one that is there already stays as it is."""
    from simlib.store import write_template

    path = Path(name if name.endswith(".xlsx") else f"{name}.xlsx")
    if path.exists():
        raise stop(translate("cli.new_exists", lang.value, path=path), status=USAGE_WRONG)
    if not path.parent.is_dir():
        raise stop(translate("cli.no_folder", lang.value, path=path.parent), status=USAGE_WRONG)
    write_template(path, lang=lang.value)
    tell("new_done", lang.value, path=path)


@app.command(help=both("check"))
def check(store: StorePath, lang: Lingo = Language.zh) -> None:
    """List all problems of a store's data at once, and what is still empty."""
    from simlib.store import check_store
    from simlib.store.problems import list_problems

    found = check_store(store)
    if found.notices:
        console.print(escape(list_problems(found.notices, lang.value)), soft_wrap=True)
    if found.problems:
        console.print(escape(list_problems(found.problems, lang.value)), soft_wrap=True)
        raise stop(translate("cli.check_wrong", lang.value, n=len(found.problems)), status=DATA_WRONG)
    tell("check_done", lang.value, store=store)


@app.command("import", help=both("import"))
def import_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILES", help=both("files"), show_default=False)],
    store: Annotated[Path, typer.Option("--store", metavar="STORE", help=both("store"))],
    out: Out = Path("out"),
    lang: Lingo = Language.zh,
    save_as: Annotated[Path | None, typer.Option("--save-as", help=of_exports("help_save_as"))] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=of_exports("help_dry_run"))] = False,
    who: Annotated[list[str], typer.Option("--who", help=of_exports("help_who"))] = [],  # noqa: B006  never changed
    own_shop: Annotated[list[str], typer.Option("--own-shop", help=of_exports("help_own_shop"))] = [],  # noqa: B006
) -> None:
    """Read what the platforms export into the store: what was understood, what changes, what must be asked."""
    from simlib.report import plot_hours, save_figure
    from simlib.store import StoreError, import_exports

    answers = dict(_read_answer(given, lang.value) for given in who)
    try:
        with progress_bar() as bar:
            task = bar.add_task("", total=None)
            result = import_exports(
                files,
                store,
                answers=answers,
                own_shops=own_shop,
                lang=lang.value,
                on_file=lambda name: bar.update(task, advance=1, description=name),
            )
        strangers = [question for question in result.exports.questions if question.kind == "agent"]
        if strangers and sys.stdin.isatty():
            for question in strangers:
                prompt = translate("exports.prompt_agent", lang.value, nick=question.value)
                answers[question.value] = typer.prompt(prompt, default="", show_default=False)
            result = import_exports(files, store, answers=answers, own_shops=own_shop, lang=lang.value)
    except StoreError as error:
        raise stop(error.text(lang.value), status=DATA_WRONG) from None
    except UserError as error:
        raise stop(error.text(lang.value), status=USAGE_WRONG) from None
    print_import(result, lang.value)
    if not (result.exports.understood["rows"] > 0).any():
        raise stop(translate("exports.nothing_understood", lang.value), status=DATA_WRONG)
    if dry_run:
        raise stop(translate("exports.not_saved", lang.value), status=DONE)
    try:
        target = result.save(save_as, lang.value)
    except StoreError as error:
        raise stop(error.text(lang.value), status=DATA_WRONG) from None
    console.print(escape(translate("exports.saved", lang.value, path=target)), soft_wrap=True)
    normal = result.hours[result.hours["kind"] == "N"]
    if len(normal):
        picture = out / f"{result.store.store_id}-day-profile.svg"
        picture.parent.mkdir(parents=True, exist_ok=True)
        save_figure(plot_hours(normal.rename(columns={"count": "orders"}), lang=lang.value, left_out=[]), picture)
        tell("picture", lang.value, path=picture)


def _read_answer(given: str, lang: Lang) -> tuple[str, str]:
    """Read one ``--who ACCOUNT=AGENT_ID``; an account may hold a = itself."""
    account, mark, person = given.rpartition("=")
    if not mark or not account.strip() or not person.strip():
        raise stop(translate("exports.who_wrong", lang, given=given), status=USAGE_WRONG)
    return account.strip(), person.strip()


def print_import(result: StoreImport, lang: Lang) -> None:
    """Print an import: what was understood, what changes in the store, what stands against it, what to ask."""
    table = Table(title=translate("exports.title_understood", lang), title_justify="left")
    for key in ("column_file", "column_understood"):
        table.add_column(translate(f"exports.{key}", lang), overflow="fold")
    for row in result.exports.understood.to_dict("records"):
        table.add_row(Text(f"{row['file']} {row['sheet']}".strip()), Text(row["note"]))
    console.print(table)
    if result.changes.empty:
        console.print(escape(translate("exports.nothing_changes", lang)))
    else:
        table = Table(title=translate("exports.title_changes", lang), title_justify="left")
        for key in ("column_sheet", "column_key", "column_before", "column_after"):
            table.add_column(translate(f"exports.{key}", lang))
        for sheet, rows in result.changes.groupby("sheet", sort=False):
            for row in rows.head(ROWS_SHOWN).to_dict("records"):
                name = label(row["key"], lang) if row["key"] in glossary() else row["key"]
                before, after = (_show_figure(row[side]) for side in ("before", "after"))
                table.add_row(*map(Text, (label(str(sheet), lang), str(name), before, after)))
        console.print(table)
        for sheet, rows in result.changes.groupby("sheet", sort=False):
            if len(rows) > ROWS_SHOWN:
                text = translate("exports.more_rows", lang, sheet=label(str(sheet), lang), count=len(rows))
                console.print(escape(text), soft_wrap=True)
    for message in (*result.against, *(question.message for question in result.exports.questions)):
        console.print(escape(message.text(lang)), soft_wrap=True)
    if any(question.kind == "agent" for question in result.exports.questions):
        console.print(escape(translate("exports.answer_agents", lang)), soft_wrap=True)


def _show_figure(value: object) -> str:
    return "" if value is None or value != value else f"{value:.6g}" if isinstance(value, float) else str(value)


@app.command(help=both("rehearse"))
def rehearse(
    store: StorePath,
    out: Out = Path("out"),
    lang: Lingo = Language.zh,
    given: Given = [],  # noqa: B006  typer reads the default and never changes it
    seed: Seed = None,
) -> None:
    """Run every notebook for one store and write its report."""
    from simlib import runs
    from simlib.store import StoreError

    try:
        parameters = runs.read_parameters(with_seed(given, seed), lang=lang.value)
        with progress_bar() as bar:
            task = bar.add_task(label("sand_table", lang.value), total=1.0)

            def show(chapter: str, stage: str, share: float) -> None:
                text = " · ".join(label(part, lang.value) for part in dict.fromkeys((chapter, stage)))
                bar.update(task, description=text, completed=share)

            done = runs.rehearse(store, out=out, lang=lang.value, parameters=parameters, on_progress=show)
    except runs.ParameterError as error:
        raise stop(str(error), status=USAGE_WRONG) from None
    except StoreError as error:
        raise stop(error.text(lang.value), status=DATA_WRONG) from None
    except runs.NotebookError as error:
        said = translate(
            "cli.notebook_failed", lang.value, notebook=error.notebook, reason=error.reason, kept=error.kept
        )
        raise stop(said, status=DATA_WRONG) from None
    except KeyboardInterrupt:
        raise stop(translate("cli.interrupted", lang.value), status=INTERRUPTED) from None
    for sentence in done.summary["verdict"][lang.value]:
        console.print(escape(sentence), soft_wrap=True)
    tell("rehearse_done", lang.value, report=done.folder / "report.html", tables=done.folder / "report.xlsx")


@app.command(help=both("repair"))
def repair(
    store: StorePath,
    absent: Annotated[str, typer.Option("--absent", metavar="A07,A12", help=both("absent"), show_default=False)],
    from_time: Annotated[str, typer.Option("--from", metavar="18:00", help=both("from"), show_default=False)],
    out: Out = Path("out"),
    lang: Lingo = Language.zh,
) -> None:
    """Mend the roster of the last rehearsal when people call in sick; the old one stays as it is."""
    from simlib.report.repair_pages import mend, write_repair
    from simlib.store import StoreError

    try:
        night, rows, still_away, rehearsed = last_roster(store, out=out, lang=lang.value)
        with progress_bar() as bar:
            bar.add_task(label("repair", lang.value), total=None)
            mended = mend(night, absent=absent, absent_from=from_time, rows=rows, still_away=still_away)
        place = out / night.store.store_id / REPAIRS
        folder = write_repair(mended, place, rehearsed=rehearsed, lang=lang.value)
    except StoreError as error:
        raise stop(error.text(lang.value), status=DATA_WRONG) from None
    except UserError as error:
        raise stop(error.text(lang.value), status=USAGE_WRONG) from None
    for sentence in mended.texts(lang.value):
        console.print(escape(sentence), soft_wrap=True)
    print_table("changes", mended.name_changes(lang.value), lang=lang.value)
    print_table("remaining_gaps", mended.gaps, lang=lang.value)
    console.print(escape(translate("repair.written", lang.value, folder=folder)), soft_wrap=True)


@app.command(help=both("batch"))
def batch(
    stores: Annotated[list[Path], typer.Argument(metavar="STORES", help=both("stores"), show_default=False)],
    out: Out = Path("out"),
    lang: Lingo = Language.zh,
    given: Given = [],  # noqa: B006  as above
    seed: Seed = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help=both("workers"))] = None,
    scheduler: Annotated[str | None, typer.Option("--scheduler", help=both("scheduler"))] = None,
    resume: Annotated[bool, typer.Option("--resume", help=both("resume"))] = False,
) -> None:
    """Rehearse many stores on all cores; a broken one fails alone."""
    from simlib import runs

    paths = list(store_paths(stores))
    if not paths:
        raise stop(translate("cli.no_stores", lang.value), status=USAGE_WRONG)
    try:
        parameters = runs.read_parameters(with_seed(given, seed), lang=lang.value)
    except runs.ParameterError as error:
        raise stop(str(error), status=USAGE_WRONG) from None
    ended = []
    try:
        with progress_bar() as bar:
            task = bar.add_task(label("sand_table", lang.value), total=len(paths))

            def show(row: runs.BatchRow) -> None:
                ended.append(row)
                bar.update(task, advance=1, description=row.store)
                if row.problem:
                    tell("store_failed", lang.value, store=row.store, problem=row.problem)

            rows = runs.rehearse_batch(
                paths,
                out=out,
                lang=lang.value,
                parameters=parameters,
                workers=workers,
                scheduler=scheduler,
                resume=resume,
                on_store=show,
            )
    except KeyboardInterrupt:
        done = sum(row.problem is None for row in ended)
        said = translate("cli.batch_interrupted", lang.value, done=done, total=len(paths))
        raise stop(said, status=INTERRUPTED) from None
    failed = sum(row.problem is not None for row in rows)
    tell("batch_done", lang.value, done=len(rows) - failed, failed=failed, index=out / "index.html")
    raise typer.Exit(SOME_FAILED if failed else DONE)


@app.command(help=both("lab"), context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Open JupyterLab on this machine only, with its token, at the landing page; what follows goes to Jupyter."""
    command = [
        str(Path(sys.executable).with_name("jupyter-lab")),
        f"--ServerApp.root_dir={HOUSE / 'notebooks'}",
        "--ServerApp.ip=127.0.0.1",
        "--LabApp.default_url=/lab/tree/00_sand_table.ipynb",
        *lab_look(),
        *context.args,
    ]
    os.execv(command[0], command)


def lab_look() -> list[str]:
    """List the options that give JupyterLab the kit's settings, its style sheet and the font that this names."""
    from simlib.report.typeface import FONT

    ours = HOUSE / "notebooks" / ".jupyter"
    return [
        f"--LabApp.app_settings_dir={ours}",
        "--LabApp.custom_css=True",
        f"--ServerApp.tornado_settings={ {'static_custom_path': [str(ours / 'custom'), str(FONT.parent)]} }",
    ]


@app.command(help=both("dashboard"), context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dashboard(
    context: typer.Context,
    store: StorePath,
    out: Out = Path("out"),
    lang: Lingo = Language.zh,
    given: Given = [],  # noqa: B006  as above
    seed: Seed = None,
) -> None:
    """Serve the live night on this machine only, with a token; what follows goes to Voila."""
    from simlib import runs
    from simlib.store import StoreError

    with tempfile.TemporaryDirectory(prefix="sandtable-dashboard-") as place:
        folder = Path(place)
        try:
            parameters = runs.read_parameters(with_seed(given, seed), lang=lang.value)
            with progress_bar() as bar:
                task = bar.add_task(label("sand_table", lang.value), total=None)
                notebook = runs.prepare_dashboard(
                    folder,
                    store,
                    out=out,
                    lang=lang.value,
                    parameters=parameters,
                    on_stage=lambda stage: bar.update(task, description=label(stage, lang.value)),
                )
        except runs.ParameterError as error:
            raise stop(str(error), status=USAGE_WRONG) from None
        except StoreError as error:
            raise stop(error.text(lang.value), status=DATA_WRONG) from None
        except UserError as error:
            raise stop(error.text(lang.value), status=USAGE_WRONG) from None
        tell("dashboard_open", lang.value)
        paths = [str(HOUSE / "notebooks" / ".jupyter"), os.environ.get("JUPYTER_PATH", "")]
        settings = {"JUPYTER_CONFIG_DIR": place, "JUPYTER_PATH": os.pathsep.join(filter(None, paths))}
        command = [sys.executable, "-m", "voila", str(notebook), *context.args]
        with suppress(KeyboardInterrupt), subprocess.Popen(command, env=os.environ | settings) as server:
            signal.signal(signal.SIGTERM, lambda *_: server.terminate())  # Ctrl+C reaches the server by itself
            raise typer.Exit(server.wait())


@app.command(help=both("drill"))
def drill(
    store: StorePath,
    out: Out = Path("out"),
    lang: Lingo = Language.zh,
    seed: Annotated[int, typer.Option("--seed", min=0, help=both("seed"))] = 7,
    teams: Annotated[int, typer.Option("--teams", min=1, max=8, help=both("teams"))] = 4,
    name: Annotated[str, typer.Option("--name", help=both("drill_name"))] = "drill",
    incidents: Annotated[str, typer.Option("--incidents", help=both("incidents"))] = "",
    host: Annotated[str, typer.Option("--host", help=both("host"))] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help=both("port"))] = 0,
) -> None:
    """Open a drill for a room of teams, or go on with one; whoever has an address has its key."""
    from simlib.drill_room import open_drill
    from simlib.report.drill_pages import door_name
    from simlib.store import StoreError

    if not name.replace("-", "").replace("_", "").isalnum():
        raise stop(translate("cli.drill_name_wrong", lang.value, name=name), status=USAGE_WRONG)
    try:
        with progress_bar() as bar:
            bar.add_task(label("roster", lang.value), total=None)
            room = open_drill(
                store,
                out=out,
                name=name,
                teams=teams,
                lang=lang.value,
                incidents=incidents,
                seed=seed,
            )
        room.open_doors(host=host, port=port)
    except StoreError as error:
        raise stop(error.text(lang.value), status=DATA_WRONG) from None
    except UserError as error:
        raise stop(error.text(lang.value), status=USAGE_WRONG) from None
    except OSError as error:
        raise stop(
            translate("cli.port_taken", lang.value, host=host, port=port, why=error), status=USAGE_WRONG
        ) from None
    tell("drill_open", lang.value, folder=room.folder)
    for who, address in room.links.items():
        console.print(escape(f"{door_name(who, lang.value)}  {address}"), soft_wrap=True)
    with suppress(KeyboardInterrupt):  # the user's way to end it; the drill is in its log
        threading.Event().wait()
    room.close()


def last_roster(store: Path, *, out: Path, lang: Lang) -> tuple[Plan, pd.DataFrame | None, list[str], str]:
    """Find the plan, the roster last mended or rehearsed (None without one), who is away by it, the rehearsed hash."""
    import pandas as pd

    from simlib.planning import plan
    from simlib.report.repair_pages import kept_repairs, read_repair
    from simlib.runs import file_hash
    from simlib.store import load_store

    loaded = load_store(store)
    place = out / loaded.store_id
    rehearsed = place / "tables" / "roster.parquet"
    try:
        manifest = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        manifest = {}
    if not manifest or not rehearsed.exists():
        console.print(escape(translate("repair.from_plan", lang, path=place)), soft_wrap=True)
        return plan(loaded), None, [], ""
    night = plan(loaded, **{name: value for name, value in manifest["parameters"].items() if name in OF_ROSTER})
    if manifest["store_hash"] != file_hash(store):
        console.print(escape(translate("repair.store_changed", lang)), soft_wrap=True)
    of = file_hash(rehearsed)
    kept = {folder: read_repair(folder) for folder in kept_repairs(place / REPAIRS)}
    earlier = [folder for folder, told in kept.items() if told.get("rehearsed") == of]
    if kept and not earlier:
        console.print(escape(translate("repair.former", lang, folder=place / REPAIRS)), soft_wrap=True)
    if not earlier:
        console.print(escape(translate("repair.from_rehearsal", lang, path=rehearsed)), soft_wrap=True)
        return night, pd.read_parquet(rehearsed), [], of
    latest = earlier[-1]
    said = translate("repair.from_repair", lang, path=latest / "roster.parquet", folder=latest)
    console.print(escape(said), soft_wrap=True)
    return night, pd.read_parquet(latest / "roster.parquet"), kept[latest]["away"], of


def print_table(key: str, table: pd.DataFrame, *, lang: Lang) -> None:
    """Print a table under its name, with the words and figures that the report gives it; a moment without its year."""
    from simlib.report.columns import describe_column, show_cell

    if table.empty:
        return
    columns = [describe_column(name, table[name], lang) for name in table]
    grid = Table(title=label(key, lang), title_justify="left")
    for column in columns:
        number = column.kind == "number"
        grid.add_column(Text(column.title), justify="right" if number else "left", no_wrap=column.kind == "moment")
    for row in table.to_dict("records"):
        cells = {column.key: show_cell(row[column.key], column, lang=lang) for column in columns}
        cells |= {column.key: f"{row[column.key]:%m-%d %H:%M}" for column in columns if column.kind == "moment"}
        grid.add_row(*map(Text, cells.values()))
    console.print(grid)


def with_seed(given: Iterable[str], seed: int | None) -> list[str]:
    """Put ``--seed`` among the parameters."""
    return [*given, *([f"seed={seed}"] if seed is not None else [])]


def store_paths(stores: Iterable[Path]) -> Iterable[Path]:
    """Take stores as they are, and from a folder that is no store itself every store inside it."""
    for path in stores:
        tables = ("store.csv", "store.yml", "store.yaml")
        if path.is_dir() and not any((path / name).exists() for name in tables):
            inside = sorted(path.iterdir())
            yield from (p for p in inside if p.is_dir() or (p.suffix == ".xlsx" and not p.name.startswith("~$")))
        else:
            yield path


def progress_bar() -> Progress:
    """Make the bar that long work shows."""
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console
    )


def main() -> None:
    """Enter the command line."""
    app()
