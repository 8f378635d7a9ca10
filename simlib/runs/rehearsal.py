"""One store's rehearsal: every notebook is run, and the results replace the last ones whole."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from simlib.messages import Lang
from simlib.planning import Plan, plan, sharing
from simlib.runs.aside import Aside, working_aside
from simlib.runs.folder import RunFolder, declared_for, plan_parameters, write_manifest, write_recipe
from simlib.runs.memory import collecting_seldom
from simlib.runs.parameters import Values, chapter_notebooks
from simlib.store import Store, load_store

IN_A_REHEARSAL = {"simpy_min": 30}  # a whole night in SimPy takes seconds: for the one who opens the notebook (ours)
ASIDE = {
    "03_forecasting": "concurrency",
    "06_stress_test": "stress",
    "report": "actions_result",
}
"""What a second process works out meanwhile, by the first page that shows it."""
RESTS_ON = {"required": ("concurrency",), "conclusion": ("stress", "actions_result")}
"""What those chapters need of the plan: from then on they can be worked out aside, in this order."""

OnProgress = Callable[[str, str, float], None]  # chapter, stage, share done


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """Where one store's rehearsal lies and what it says."""

    store_id: str
    folder: Path
    summary: dict[str, Any]


def rehearse(
    store_path: Path,
    *,
    out: Path,
    lang: Lang = "zh",
    parameters: Values | None = None,
    on_progress: OnProgress | None = None,
    side_by_side: bool = False,
) -> Rehearsed:
    """Run every notebook for one store and put the results into ``out/<store>``.

    The run is built beside its place and moved there when it is whole, so a run that fails or is killed leaves
    the last good one as it was. Drills and repairs that lie there stay.

    Parameters
    ----------
    store_path : Path
        A workbook or a folder of tables.
    out : Path
        The folder of all results.
    lang : {"zh", "en"}
    parameters : mapping
        As :func:`read_parameters` gives them.
    on_progress : callable, optional
        Called with the chapter, the stage and the share done in [0, 1].
    side_by_side : bool
        Whether some chapters are worked out in a second process meanwhile; the results are the same. It
        starts Python anew, so a script that sets it needs the usual ``if __name__ == "__main__"``.

    Returns
    -------
    Rehearsed

    Raises
    ------
    simlib.store.StoreError
        The store's data is wrong; the error lists every problem.
    NotebookError
        A notebook stopped; what it did up to there is kept in ``out/<store>/failed``.
    simlib.messages.UserError
        The folder holds another store's results, is being written by another run, or cannot be written.
    """
    parameters = dict(parameters or {})
    given = {"store": str(store_path.resolve()), "lang": lang} | IN_A_REHEARSAL | parameters
    with ExitStack() as held:
        aside = held.enter_context(working_aside()) if side_by_side else None
        held.enter_context(collecting_seldom())
        store = load_store(store_path)
        folder = RunFolder.of(out, store.store_id)
        staging = held.enter_context(folder.replaced(store_path))
        recipe = write_recipe(store_path, parameters=parameters, lang=lang)
        notebooks = chapter_notebooks()
        night = plan(store, source=given["store"], **plan_parameters(parameters))
        if aside:
            if on_progress:
                on_progress("forecasting", "requirement", 0.0)
            loading = held.enter_context(ThreadPoolExecutor(1)).submit(_load_pages, store, lang)
            with suppress(Exception):  # the notebook that asks again shows it
                _ = night.required
            _hand_over(aside, night)
            with suppress(Exception):
                loading.result()
        import nbformat

        from simlib.runs.engine import run_notebook
        from simlib.runs.results import tabulate, write_results, write_team_files

        for number, notebook in enumerate(notebooks):
            executed = staging / notebook.name
            cells = len(nbformat.read(notebook, as_version=4).cells)

            def report_cell(
                index: int, cell: Any, *, number: int = number, chapter: str = notebook.stem[3:], cells: int = cells
            ) -> None:
                _hand_over(aside, night)
                if on_progress:
                    on_progress(chapter, cell.metadata.get("stage", chapter), (number + index / cells) / len(notebooks))

            if aside and notebook.stem in ASIDE:
                aside.collect(night, ASIDE[notebook.stem])
            with sharing(night, of=store):
                run_notebook(
                    notebook,
                    executed,
                    parameters=declared_for(notebook, given),
                    on_cell=report_cell,
                    keep=folder.path / "failed",
                )
        write_team_files(staging, night=night, lang=lang)
        if aside:
            aside.collect(night, ASIDE["report"])
        write_book = tabulate(staging, night=night, lang=lang)
        finish_book = aside.lend(write_book) if aside else write_book
        write_results(staging, night=night, lang=lang)
        finish_book()
        write_manifest(staging, recipe=recipe, store_path=store_path)
    if on_progress:
        on_progress("report", "report", 1.0)
    return Rehearsed(store_id=store.store_id, folder=folder.path, summary=night.conclusion.summary)


def _load_pages(store: Store, lang: Lang) -> None:
    """Load what runs and draws the notebooks, and cut their typeface, while the requirement is searched."""
    import simlib.runs.engine
    import simlib.runs.results  # noqa: F401
    from simlib.report.pages.common import open_chapter

    open_chapter(store, lang=lang)


def _hand_over(aside: Aside | None, night: Plan) -> None:
    """Give the second process, if there is one, what can be worked out by now."""
    if aside:
        for needed, chapters in RESTS_ON.items():
            if needed in vars(night):
                aside.begin(night, chapters)
        if aside.asked.issuperset(chain(*RESTS_ON.values())):
            aside.share_cores()
