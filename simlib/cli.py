"""The command line: new, check, import, rehearse, repair, learn, batch, lab, dashboard, drill and others."""

from __future__ import annotations

import atexit
import datetime as dt
import errno
import gc
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from simlib.files import explained
from simlib.messages import HOUSE, LANGS, Lang, Message, UserError, glossary, label, translate

DONE, DATA_WRONG, USAGE_WRONG, SOME_FAILED = 0, 1, 2, 3
INTERRUPTED = 130
BESIDE = ("readiness.xlsx", "goals.xlsx", "review.xlsx")  # what a chapter keeps beside a store is no store
ROWS_SHOWN = 12  # changed rows of one sheet that an import prints
FILES_SHOWN = 60  # of an import of more, those with a complaint alone

if TYPE_CHECKING:
    import pandas as pd

    from simlib.planning import Plan
    from simlib.roster.repair import RepairResult
    from simlib.roster.result import Roster
    from simlib.runs import BatchRow, ImportRow, RunFolder
    from simlib.store.exports import StoreImport


class Language(StrEnum):
    """The two languages of the kit."""

    zh = "zh"
    en = "en"


def both(key: str) -> str:
    """Return a text in both languages: help is read before a language is chosen."""
    return " / ".join(translate(f"cli.{key}", lang) for lang in LANGS)


class Commands(TyperGroup):
    """The commands, and the one place where an error that is meant for the user becomes text and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; whatever the system refuses it ends in a sentence, not in a traceback."""
        from simlib.store import StoreError

        try:
            with explained():
                return super().invoke(ctx)
        except UserError as error:
            lang: Language = ctx.find_root().obj or Language.zh
            status = DATA_WRONG if isinstance(error, StoreError) else USAGE_WRONG
            raise stop(error.text(lang.value), status=status) from None


def remember_language(context: typer.Context, lang: Language) -> Language:
    """Keep the language of a command for the errors that end it."""
    context.find_root().obj = lang
    return lang


def of_exports(key: str) -> str:
    """Return a help text of the import in both languages."""
    return " / ".join(translate(f"exports.{key}", lang) for lang in LANGS)


app = typer.Typer(
    cls=Commands,
    help=both("help"),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
console = Console(stderr=True, highlight=False)

StorePath = Annotated[Path, typer.Argument(metavar="STORE", help=both("store"), show_default=False)]
Out = Annotated[Path, typer.Option("--out", help=both("out"))]
Lingo = Annotated[Language, typer.Option("--lang", help=both("lang"), callback=remember_language)]
Given = Annotated[list[str], typer.Option("-p", metavar="NAME=VALUE", help=both("parameter"))]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help=both("seed"))]


def print_message(key: str, lang: Lang, **values: object) -> None:
    """Print a text on the terminal; what a store wrote is never read as markup."""
    console.print(escape(translate(f"cli.{key}", lang, **values)), soft_wrap=True)


def stop(text: str, *, status: int) -> typer.Exit:
    """Print why the command stops, and return the exit to raise."""
    console.print(escape(text), soft_wrap=True)
    return typer.Exit(status)


class CardKind(StrEnum):
    """The kinds of cards that can be printed."""

    incident = "incident"
    gate = "gate"
    ladder = "ladder"
    task = "task"
    course = "course"
    role_play = "role_play"
    teaching = "teaching"
    checklist = "checklist"
    authority = "authority"
    request = "request"


class Chapter(StrEnum):
    """The chapters that have a workbook of their own."""

    readiness = "readiness"
    goals = "goals"
    retrospective = "retrospective"


@app.command(help=both("new"))
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help=both("new_name"), show_default=False)] = "",
    chapter: Annotated[Chapter | None, typer.Option("--chapter", help=both("new_chapter"))] = None,
    lang: Lingo = Language.zh,
) -> None:
    """Write a fresh workbook; one that is there already stays as it is."""
    from simlib.goals.workbook import write_goals_template
    from simlib.readiness.workbook import write_readiness_template
    from simlib.retrospective.workbook import BOOK_NAME, review_book
    from simlib.store import write_template

    if not name and chapter is None:
        raise stop(translate("cli.new_without_name", lang.value), status=USAGE_WRONG)
    name = name or (BOOK_NAME if chapter is Chapter.retrospective else str(chapter))
    path = Path(name if name.endswith(".xlsx") else f"{name}.xlsx")
    if path.exists():
        raise stop(translate("cli.new_exists", lang.value, path=path), status=USAGE_WRONG)
    if not path.parent.is_dir():
        raise stop(translate("cli.no_folder", lang.value, path=path.parent), status=USAGE_WRONG)
    if chapter is None:
        write_template(path, lang=lang.value)
    elif chapter is Chapter.goals:
        write_goals_template(path, lang=lang.value)
    elif chapter is Chapter.retrospective:
        review_book().write(path, lang=lang.value)
    else:
        write_readiness_template(path, lang=lang.value)
    print_message("new_done", lang.value, path=path)


@app.command(help=both("check"))
def check(store: StorePath, lang: Lingo = Language.zh) -> None:
    """List all problems of a store's data at once, and what is still empty."""
    from simlib.goals.workbook import find_goals_workbook
    from simlib.inputs import check_book, clock_of, find_wave, know_clock, noted_figures
    from simlib.retrospective.workbook import doubt_figures, read_review
    from simlib.store import check_store
    from simlib.store.problems import count_mistakes, list_problems

    found = check_store(store)
    conflicts, problems, asked = check_book(found.store, store)
    for listed in (found.notices, found.problems):
        if listed:
            console.print(escape(list_problems(listed, lang.value)), soft_wrap=True)
    if problems or asked or len(conflicts):
        print_message("check_beside", lang.value, file="readiness.xlsx")
    print_table("conflicts", conflicts, lang=lang.value)
    if problems or asked:
        console.print(escape(list_problems([*asked, *problems], lang.value)), soft_wrap=True)
    all_problems = [*found.problems, *problems]
    if found.store is None:
        review = read_review(store, read_time=know_clock)
    else:
        wave = find_wave(found.store)
        review = read_review(store, read_time=clock_of(found.store, wave))
        review = doubt_figures(review, noted_figures(found.store, wave))
    for file, other in (("goals.xlsx", find_goals_workbook(store)), ("review.xlsx", review)):
        all_problems += other.problems
        if other.notices or other.problems:
            print_message("check_beside", lang.value, file=file)
            console.print(escape(list_problems([*other.notices, *other.problems], lang.value)), soft_wrap=True)
    wrong = count_mistakes(all_problems) + len(conflicts)
    if wrong:
        raise stop(translate("cli.check_wrong", lang.value, count=wrong), status=DATA_WRONG)
    print_message("check_done", lang.value, store=store)


@app.command("cards", help=both("cards"))
def cards(
    store: Annotated[Path | None, typer.Argument(metavar="STORE", help=both("store"), show_default=False)] = None,
    kind: Annotated[list[CardKind], typer.Option("--kind", help=both("card_kind"))] = [],  # noqa: B006  never changed
    out: Out = Path("out"),
    lang: Lingo = Language.zh,
) -> None:
    """Write the cards of the playbook to print, one page each; with a store, its tasks and courses bear dates."""
    from simlib.inputs import find_wave
    from simlib.runs.readiness import read_countdown, write_cards
    from simlib.store.figures import ask_figures
    from simlib.store.reader import load_store

    days: dict[str, Any] = {}
    if store is not None:
        loaded = load_store(store, figures_open=True)
        today, wave = loaded.store.today or dt.date.today(), find_wave(loaded)
        days = {"promo_day": wave.day, "today": today}
        days |= {"figures": ask_figures(loaded, wave), "countdown": read_countdown(store, **days)}
        out = out / loaded.store_id / "readiness"
    for path in write_cards(out / "cards", kinds=tuple(map(str, kind or CardKind)), lang=lang.value, **days):
        print_message("written", lang.value, path=path)


@app.command("ready", help=both("ready"))
def ready(
    store: StorePath,
    out: Out = Path("out"),
    lang: Lingo = Language.zh,
    by: Annotated[str, typer.Option("--by", help=both("ready_by"))] = "",
    accept: Annotated[str, typer.Option("--accept", help=both("ready_accept"))] = "",
    inform: Annotated[list[str], typer.Option("--inform", help=both("ready_inform"))] = [],  # noqa: B006
    items: Annotated[int, typer.Option("--questions", min=1, max=100, help=both("ready_questions"))] = 20,
    replies: Annotated[Path | None, typer.Option("--replies", help=both("ready_replies"))] = None,
) -> None:
    """Work out how ready a store is, note it beside the store, and write what is printed, handed out and imported."""
    from simlib.report.pages.readiness_pack import LISTS
    from simlib.runs.readiness import review_readiness

    how: dict[str, Any] = {"changed_by": by, "accepted_by": accept, "informed": tuple(inform), "questions": items}
    with progress_bar(label("readiness", lang.value)):
        done = review_readiness(store, out=out, lang=lang.value, replies=replies, **how)
    for finding in done.findings:
        console.print(escape(finding.text(lang.value)), soft_wrap=True)
    for name, table in done.shown.items():
        print_table(name, table.head(ROWS_SHOWN), lang=lang.value)
        if len(table) > ROWS_SHOWN:
            where = {"file": "lists.html"} if name in LISTS else {}
            key = "rows_more_listed" if where else "rows_more"
            print_message(key, lang.value, count=len(table) - ROWS_SHOWN, **where)
    for path in done.written:
        print_message("written", lang.value, path=path)
    print_message("kept", lang.value, path=done.kept)


@app.command("learn", help=both("learn"))
def learn(
    store: StorePath,
    out: Annotated[Path, typer.Option("--out", metavar="NEW.xlsx", help=both("learn_out"))],
    lang: Lingo = Language.zh,
    wave: Annotated[str, typer.Option("--wave", help=both("learn_wave"))] = "",
    today: Annotated[str, typer.Option("--today", help=both("learn_today"))] = "",
) -> None:
    """Write what a promo taught into a new workbook: before and after side by side, nothing overwritten."""
    from simlib.runs.retrospective import learn_promo

    with progress_bar(label("retrospective", lang.value)):
        done = learn_promo(store, out=out, lang=lang.value, wave=wave, today=today)
    for finding in done.findings:
        console.print(escape(finding.text(lang.value)), soft_wrap=True)
    if len(done.changes):
        print_table("table_write_back", done.changes, lang=lang.value)
    for path in done.written:
        print_message("written", lang.value, path=path)


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
    fit: Annotated[bool, typer.Option("--fit", help=of_exports("help_fit"))] = False,
) -> None:
    """Read what the platforms export into the store: what was understood, what changes, what must be asked."""
    stores = list(store_paths([store]))
    if stores != [store]:
        _import_many(files, stores, save_to=save_as, write=not dry_run, lang=lang.value)
        return
    from simlib.report import plot_hours, save_figure
    from simlib.runs import fit_store
    from simlib.store import import_exports

    answers = dict(_read_answer(given, lang.value) for given in who)
    asked: dict[str, Any] = {"own_shops": own_shop, "lang": lang.value}
    with progress_bar(translate("exports.title_understood", lang.value)) as show:
        on_file = _count_files(files, show, lang.value)
        result = import_exports(files, store, answers=answers, on_file=on_file, **asked)
    strangers = [question for question in result.exports.questions if question.kind == "agent"]
    if strangers and sys.stdin.isatty():
        for question in strangers:
            prompt = translate("exports.prompt_agent", lang.value, nick=question.value)
            answers[question.value] = typer.prompt(prompt, default="", show_default=False)
        result = import_exports(files, store, answers=answers, **asked)
    fitted = None
    if fit:
        with progress_bar(translate("exports.title_fit", lang.value)) as show:
            doing = translate("exports.title_fit", lang.value)
            fitted = fit_store(result, lang=lang.value, on_progress=lambda share: show(doing, share))
        result = fitted.imported
    print_import(result, lang.value)
    if fitted is not None:
        for name, table in fitted.tables.items():
            print_table(f"table_{name}", table, lang=lang.value)
        for message in fitted.notes:
            console.print(escape(message.text(lang.value)), soft_wrap=True)
    if not (result.exports.understood["rows"] > 0).any():
        raise stop(translate("exports.nothing_understood", lang.value), status=DATA_WRONG)
    if dry_run:
        raise stop(translate("exports.not_saved", lang.value), status=DONE)
    target = result.save(save_as, lang.value)
    saved = "exports.saved_unchanged" if result.changes.empty else "exports.saved"
    console.print(escape(translate(saved, lang.value, path=target)), soft_wrap=True)
    normal = result.hours[result.hours["kind"] == "N"]
    if len(normal):
        picture = out / f"{result.store.store_id}-day-profile.svg"
        picture.parent.mkdir(parents=True, exist_ok=True)
        save_figure(plot_hours(normal.rename(columns={"count": "orders"}), lang=lang.value, left_out=[]), picture)
        print_message("picture", lang.value, path=picture)


def _import_many(
    files: Sequence[Path], stores: Sequence[Path], *, save_to: Path | None, write: bool, lang: Lang
) -> None:
    """Import a folder that holds a folder of exports per store into the stores of a folder, a sentence for each."""
    from simlib import runs

    if not stores:
        raise UserError(Message("cli.no_stores"))
    if len(files) != 1 or not files[0].is_dir():
        raise UserError(Message("exports.one_folder"))
    done: list[ImportRow] = []
    with progress_bar(translate("exports.title_understood", lang)) as show:

        def show_row(row: ImportRow) -> None:
            done.append(row)
            show(row.store, len(done) / len(stores))

        rows = runs.import_stores(stores, exports=files[0], save_to=save_to, write=write, lang=lang, on_store=show_row)
    for row in rows:
        if row.problem:
            print_message("store_failed", lang, store=row.store, problem=row.problem)
        else:
            counts = {"files": f"{row.files:,}", "rows": f"{row.rows:,}", "changes": row.changes}
            text = translate("exports.store_imported", lang, store=row.store, questions=row.questions, **counts)
            console.print(escape(text), soft_wrap=True)
    failed = sum(bool(row.problem) for row in rows)
    written = translate("exports.stores_saved", lang, count=len(rows) - failed)
    console.print(escape(written if write else translate("exports.not_saved", lang)), soft_wrap=True)
    raise typer.Exit(SOME_FAILED if failed else DONE)


def _count_files(files: Sequence[Path], show: Callable[[str, float | None], None], lang: Lang) -> Callable[[str], None]:
    """Return what shows that a file is read, and which share of them all; where no bar is, of many every tenth part."""
    total = sum(sum(each.is_file() for each in path.rglob("*")) if path.is_dir() else 1 for path in files)
    done = 0

    def show_file(name: str) -> None:
        nonlocal done
        done += 1
        share = min(done / max(total, 1), 1.0)
        many = total > FILES_SHOWN and not console.is_terminal
        part = int(10 * share) * total // 10
        show(translate("exports.files_read", lang, done=f"{part:,}", total=f"{total:,}") if many else name, share)

    return show_file


def _read_answer(given: str, lang: Lang) -> tuple[str, str]:
    """Read one ``--who ACCOUNT=AGENT_ID``; an account may hold a = itself."""
    account, mark, person = given.rpartition("=")
    if not mark or not account.strip() or not person.strip():
        raise stop(translate("exports.who_wrong", lang, given=given), status=USAGE_WRONG)
    return account.strip(), person.strip()


def print_import(result: StoreImport, lang: Lang) -> None:
    """Print an import: what was understood, what changes in the store, what stands against it, what to ask."""
    from simlib.report.pages.imports import show_change

    table = Table(title=translate("exports.title_understood", lang), title_justify="left")
    for key in ("column_file", "column_understood"):
        table.add_column(translate(f"exports.{key}", lang), overflow="fold")
    understood = result.exports.understood
    if len(understood) > FILES_SHOWN:
        plain = (understood["rows"] > 0) & (understood["reconciled"] != False)  # noqa: E712  None is no complaint
        first, last = understood.loc[plain, "first_day"].min(), understood.loc[plain, "last_day"].max()
        known = first == first and last == last  # no day is known where no sheet bears one
        counts = {"count": int(plain.sum()), "rows": f"{understood.loc[plain, 'rows'].sum():,}"}
        span = Message("exports.from_to", first=f"{first:%Y-%m-%d}", last=f"{last:%Y-%m-%d}") if known else ""
        text = Message("exports.many_files" if known else "exports.many_files_undated", span=span, **counts).text(lang)
        console.print(escape(text), soft_wrap=True)
        understood = understood[~plain].head(FILES_SHOWN)
    for row in understood.to_dict("records"):
        table.add_row(Text(f"{row['file']} {row['sheet']}".strip()), Text(row["note"]))
    if len(understood):
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
                before, after = (show_change(row, side, lang) for side in ("before", "after"))
                table.add_row(*map(Text, (label(str(sheet), lang), str(name), before, after)))
        console.print(table)
        for sheet, rows in result.changes.groupby("sheet", sort=False):
            if len(rows) > ROWS_SHOWN:
                text = translate("exports.more_rows", lang, sheet=label(str(sheet), lang), count=len(rows))
                console.print(escape(text), soft_wrap=True)
    print_table("table_export_figures", result.figures, lang=lang)
    asked = [question.message for question in result.exports.questions]
    for message in (*result.against, *asked[:FILES_SHOWN]):
        console.print(escape(message.text(lang)), soft_wrap=True)
    if len(asked) > FILES_SHOWN:
        console.print(escape(translate("exports.more_asked", lang, count=len(asked) - FILES_SHOWN)), soft_wrap=True)
    if any(question.kind == "agent" for question in result.exports.questions):
        console.print(escape(translate("exports.answer_agents", lang)), soft_wrap=True)


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
    from simlib.runs.memory import keep_freed_memory

    keep_freed_memory()
    parameters = runs.read_parameters(with_seed(given, seed))
    try:
        with progress_bar(label("sand_table", lang.value)) as show:

            def show_stage(chapter: str, stage: str, share: float) -> None:
                show(" · ".join(label(part, lang.value) for part in dict.fromkeys((chapter, stage))), share)

            done = runs.rehearse(
                store,
                out=out,
                lang=lang.value,
                parameters=parameters,
                on_progress=show_stage,
                side_by_side=(os.cpu_count() or 1) > 1,
            )
    except runs.NotebookError as error:
        text = translate(
            "cli.notebook_failed", lang.value, notebook=error.notebook, reason=error.reason, kept=error.kept
        )
        raise stop(text, status=DATA_WRONG) from None
    except KeyboardInterrupt:
        raise stop(translate("cli.interrupted", lang.value), status=INTERRUPTED) from None
    for sentence in done.summary["verdict"][lang.value]:
        console.print(escape(sentence), soft_wrap=True)
    print_message("rehearse_done", lang.value, report=done.folder / "report.html", tables=done.folder / "report.xlsx")


@app.command(help=both("repair"))
def repair(
    store: StorePath,
    absent: Annotated[str, typer.Option("--absent", metavar="A07,A12", help=both("absent"), show_default=False)],
    from_time: Annotated[str, typer.Option("--from", metavar="18:00", help=both("from"), show_default=False)],
    out: Out = Path("out"),
    lang: Lingo = Language.zh,
) -> None:
    """Repair the roster of the last rehearsal when people call in sick; the old one stays as it is."""
    from simlib.report.pages.repair import name_changes, repair_texts
    from simlib.roster.repair import find_absent

    last = last_roster(store, out=out, lang=lang.value)
    night = replace(last.night, absent=absent, absent_from=from_time)
    if last.rows is not None:  # a name that is nobody's costs no requirement
        at = night.inputs.read_moment(from_time)
        find_absent(absent, people=night.inputs.people, at=at, rows=last.rows)
    with progress_bar(label("repair", lang.value)):
        before = None if last.rows is None else last.adopt()
        repaired = night.repair(before=before, still_away=tuple(last.still_away))
    written = _keep_repair(repaired, night, last.folder, rehearsed=last.rehearsed, lang=lang.value)
    for sentence in repair_texts(repaired, lang.value):
        console.print(escape(sentence), soft_wrap=True)
    print_table("changes", name_changes(repaired, lang.value), lang=lang.value)
    print_table("remaining_gaps", repaired.gaps, lang=lang.value)
    console.print(escape(translate("repair.written", lang.value, folder=written)), soft_wrap=True)


@app.command(help=both("swap"))
def swap(
    store: StorePath,
    first: Annotated[str, typer.Argument(metavar="FIRST", help=both("swap_who"), show_default=False)],
    second: Annotated[str, typer.Argument(metavar="SECOND", help=both("swap_who"), show_default=False)],
    on: Annotated[str, typer.Option("--on", metavar="2026-10-31", help=both("swap_on"))] = "",
    out: Out = Path("out"),
    lang: Lingo = Language.zh,
) -> None:
    """Swap two people's shifts in the last roster, if no rule is broken and no gap is left; the old one stays."""
    import pandas as pd

    from simlib.clock import read_date
    from simlib.report.pages.repair import name_changes
    from simlib.roster.repair import find_people
    from simlib.roster.swap import work_out_swap

    last = last_roster(store, out=out, lang=lang.value)
    night = last.night
    day = read_date(on) if on else night.wave.day
    find_people([first, second], people=night.inputs.people)  # as in `repair`
    with progress_bar(label("repair", lang.value)):
        step = pd.Timedelta(seconds=night.inputs.grid.step_s)
        pair = {"first": first, "second": second}
        swapped = work_out_swap(last.adopt(), people=night.inputs.people, **pair, day=day, step=step)
    for message in swapped.texts:
        console.print(escape(message.text(lang.value)), soft_wrap=True)
    print_table("swap_effect", swapped.effect, lang=lang.value)
    if not swapped.allowed:
        raise typer.Exit(DATA_WRONG)
    change = swapped.as_repair(still_away=last.still_away)
    print_table("changes", name_changes(change, lang.value), lang=lang.value)
    texts = [message.text(lang.value) for message in swapped.texts]
    written = _keep_repair(change, night, last.folder, rehearsed=last.rehearsed, lang=lang.value, texts=texts)
    console.print(escape(translate("repair.written", lang.value, folder=written)), soft_wrap=True)


def _keep_repair(change: RepairResult, night: Plan, folder: RunFolder, *, lang: Lang, **how: Any) -> Path:
    """Write a changed roster beside the rehearsed one, while nobody else writes there, and return its folder."""
    from simlib.files import lock_folder
    from simlib.runs.repairs import write_repair

    team, title = night.store.frame("agents"), night.store.store.name
    with lock_folder(folder.path):
        return write_repair(change, folder.repairs, team=team, title=title, seed=night.seed, lang=lang, **how)


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
        raise UserError(Message("cli.no_stores"))
    parameters = runs.read_parameters(with_seed(given, seed))
    ended: list[BatchRow] = []
    try:
        with progress_bar(label("sand_table", lang.value)) as show:

            def show_row(row: BatchRow) -> None:
                ended.append(row)
                show(row.store, len(ended) / len(paths))
                if row.problem:
                    print_message("store_failed", lang.value, store=row.store, problem=row.problem)

            rows = runs.rehearse_batch(
                paths,
                out=out,
                lang=lang.value,
                parameters=parameters,
                workers=workers,
                scheduler=scheduler,
                resume=resume,
                on_store=show_row,
            )
    except KeyboardInterrupt:
        done = sum(row.problem is None for row in ended)
        text = translate("cli.batch_interrupted", lang.value, done=done, total=len(paths))
        raise stop(text, status=INTERRUPTED) from None
    failed = sum(row.problem is not None for row in rows)
    print_message("batch_done", lang.value, count=len(rows) - failed, failed=failed, index=out / "index.html")
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
        *(["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else []),  # this machine alone, with a token
        *context.args,
    ]
    os.execv(command[0], command)


def lab_look() -> list[str]:
    """Return the options that give JupyterLab the kit's settings, its style sheet and the font that this names."""
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

    parameters = runs.read_parameters(with_seed(given, seed))
    with tempfile.TemporaryDirectory(prefix="sandtable-dashboard-") as place:
        with progress_bar(label("sand_table", lang.value)) as show:
            notebook = runs.prepare_dashboard(
                Path(place),
                store,
                out=out,
                lang=lang.value,
                parameters=parameters,
                on_stage=lambda stage: show(label(stage, lang.value), None),
            )
        print_message("dashboard_open", lang.value)
        with suppress(KeyboardInterrupt):  # the server hears Ctrl+C by itself
            raise typer.Exit(runs.serve_dashboard(notebook, more=context.args))


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
    minutes: Annotated[int | None, typer.Option("--minutes", help=both("minutes"))] = None,
    round_min: Annotated[int | None, typer.Option("--round", help=both("round"))] = None,
) -> None:
    """Open a drill for a room of teams, or go on with one; an address holds its own key."""
    from simlib import runs
    from simlib.drill_room import open_drill
    from simlib.report.pages.drill import door_name
    from simlib.store.reader import store_id

    if not name.replace("-", "").replace("_", "").isalnum():
        raise UserError(Message("cli.drill_name_wrong", name=name))
    given = {"seed": seed, "teams": teams, "minutes": minutes, "round_min": round_min}
    runs.read_parameters([f"{key}={value}" for key, value in given.items() if value is not None])
    with runs.RunFolder.of(out, store_id(store)).drill_held(name):
        with progress_bar(label("roster", lang.value)):
            room = open_drill(
                store,
                out=out,
                name=name,
                teams=teams,
                lang=lang.value,
                incidents=incidents,
                seed=seed,
                minutes=minutes,
                round_min=round_min,
            )
        try:
            room.open_doors(host=host, port=port)
        except OSError as error:
            if error.filename is not None or not is_of_port(error):
                raise
            raise UserError(Message("cli.port_taken", host=host, port=port, why=error.strerror or error)) from None
        print_message("drill_open", lang.value, folder=room.folder)
        for who, address in room.links.items():
            console.print(escape(f"{door_name(who, lang.value)}  {address}"), soft_wrap=True)
        with suppress(KeyboardInterrupt):  # the user's way to end it; the drill is in its log
            threading.Event().wait()
        room.close()


def is_of_port(error: OSError) -> bool:
    """Return whether an error says that an address cannot be served, and not that the disk is full."""
    refused = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM, errno.EAFNOSUPPORT)
    return isinstance(error, socket.gaierror) or error.errno in refused


NEED = ("start", "queue", "to_roster")  # what is needed of the requirement that a roster was made for


class LastRoster(NamedTuple):
    """The plan, the rows of the roster last repaired or rehearsed (None where none was), and who is away by it."""

    night: Plan
    rows: pd.DataFrame | None
    still_away: list[str]
    rehearsed: str  # hash of the rehearsed roster
    folder: RunFolder
    same_store: bool  # nothing in the workbook has changed since the rehearsal

    def adopt(self) -> Roster:
        """Return the roster against the need it was made for, or against today's where the store has changed since."""
        from simlib.runs import read_kept

        if self.rows is None:
            return self.night.roster_result
        kept = self.folder.requirement if self.same_store else None
        need = self.night.requirement if kept is None else read_kept(kept, columns=NEED, otherwise="runs.table_damaged")
        return self.night.inputs.adopt_roster(self.rows, need)


def last_roster(store: Path, *, out: Path, lang: Lang) -> LastRoster:
    """Return the plan of a store with the roster last repaired or rehearsed, and print which one that is."""
    from simlib.planning import plan
    from simlib.roster import ROSTER_COLUMNS
    from simlib.runs import RunFolder, file_hash, read_kept
    from simlib.runs.repairs import kept_repairs, read_repair
    from simlib.store import load_store

    loaded = load_store(store)
    folder = RunFolder.of(out, loaded.store_id)
    folder.refuse_unreadable_manifest()
    folder.refuse_other_store(store)
    if folder.roster is None:
        console.print(escape(translate("repair.from_plan", lang, path=folder.path)), soft_wrap=True)
        return LastRoster(plan(loaded, source=str(store)), None, [], "", folder, False)
    rows = read_kept(folder.roster, columns=ROSTER_COLUMNS, otherwise="runs.table_damaged")
    night = plan(loaded, source=str(store), **folder.roster_parameters)
    same = folder.manifest["store_hash"] == file_hash(store)
    if not same:
        console.print(escape(translate("repair.store_changed", lang)), soft_wrap=True)
    of = file_hash(folder.roster)
    kept = {path: read_repair(path) for path in kept_repairs(folder.repairs)}
    earlier = [path for path, noted in kept.items() if noted.get("rehearsed") == of]
    if kept and not earlier:
        console.print(escape(translate("repair.former", lang, folder=folder.repairs)), soft_wrap=True)
    if not earlier:
        console.print(escape(translate("repair.from_rehearsal", lang, path=folder.roster)), soft_wrap=True)
        return LastRoster(night, rows, [], of, folder, same)
    latest = earlier[-1]
    text = translate("repair.from_repair", lang, path=latest / "roster.parquet", folder=latest)
    console.print(escape(text), soft_wrap=True)
    rows = read_kept(latest / "roster.parquet", columns=ROSTER_COLUMNS, otherwise="repair.kept_damaged")
    return LastRoster(night, rows, kept[latest]["away"], of, folder, same)


def print_table(key: str, table: pd.DataFrame, *, lang: Lang) -> None:
    """Print a table under its name, with the words and figures that the report gives it; a moment without its year."""
    from simlib.report.columns import describe_column, is_empty, show_cell, size_unit, size_words, unit_of_row

    if table.empty:
        return
    columns = [describe_column(name, table[name], lang) for name in table]
    grid = Table(title=label(key, lang), title_justify="left")
    for column in columns:
        number = column.kind == "number"
        grid.add_column(Text(column.title), justify="right" if number else "left", no_wrap=column.kind == "moment")
    for row in table.to_dict("records"):
        in_unit, sized = unit_of_row(row), size_unit(row)
        cells = {column.key: show_cell(row[column.key], column, lang=lang, row_unit=in_unit) for column in columns}
        if sized and "size" in row and not is_empty(row["size"]):
            cells["size"] = size_words(sized, row["size"], lang)
        moments = [column.key for column in columns if column.kind == "moment" and not is_empty(row[column.key])]
        cells |= {key: f"{row[key]:%m-%d %H:%M}" for key in moments}
        grid.add_row(*map(Text, cells.values()))
    console.print(grid)


def with_seed(given: Iterable[str], seed: int | None) -> list[str]:
    """Return the parameters with ``--seed`` among them."""
    return [*given, *([f"seed={seed}"] if seed is not None else [])]


def store_paths(stores: Iterable[Path]) -> Iterable[Path]:
    """Return stores as they are, and for a folder that is no store itself every store inside it."""
    for path in stores:
        tables = ("store.csv", "store.yml", "store.yaml")
        if path.is_dir() and not any((path / name).exists() for name in tables):
            inside = sorted(path.iterdir())
            yield from (p for p in inside if is_store(p))
        else:
            yield path


def is_store(path: Path) -> bool:
    """Return whether a file or folder inside a folder of stores is one: not what a chapter keeps beside a store."""
    if path.is_dir():
        return path.suffix != ".readiness"
    return path.suffix == ".xlsx" and not path.name.startswith("~$") and not path.name.endswith(BESIDE)


@contextmanager
def progress_bar(text: str) -> Iterator[Callable[[str, float | None], None]]:
    """Show that long work goes on; yields what to call with a text and the share done, None where that is not known.

    A terminal shows a bar, which goes before anything else is printed; where there is none (a log, a pipe), every
    new text is a line with the seconds so far.
    """
    if console.is_terminal:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(escape(text), total=None)

            def show(text: str, share: float | None) -> None:
                bar.update(task, description=escape(text), completed=share or 0.0, total=None if share is None else 1.0)

            yield show
        return
    begun, shown = time.monotonic(), ""

    def print_line(text: str, share: float | None) -> None:
        nonlocal shown
        if text != shown:
            part = "" if share is None else f"{share:4.0%}  "
            console.print(escape(f"{time.monotonic() - begun:5.0f} s  {part}{text}"), soft_wrap=True)
            shown = text

    print_line(text, None)
    yield print_line


def main() -> None:
    """Enter the command line."""
    atexit.register(gc.freeze)  # at the end Python would look through all it holds once more, which takes a second
    app()


if __name__ == "__main__":
    main()
