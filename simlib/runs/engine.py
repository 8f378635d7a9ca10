"""Papermill's engine that runs a notebook's cells in this process."""

from __future__ import annotations

import atexit
import io
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import nbformat
import papermill
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from papermill.engines import Engine, papermill_engines
from traitlets.config import Config

from simlib.messages import UserError
from simlib.runs.parameters import NOTEBOOKS, Values

SHOWN_CODE = {"parameters", "injected-parameters"}  # tags of cells whose code is not folded in an executed notebook


class NotebookError(RuntimeError):
    """A notebook stopped; ``notebook``, ``reason`` (one line) and ``kept`` (the executed part) say where."""

    def __init__(self, *, notebook: str, reason: str, kept: Path) -> None:
        super().__init__(f"{notebook}: {reason}")
        self.notebook, self.reason, self.kept = notebook, reason, kept


class _Publisher(DisplayPublisher):
    """Collects what a cell displays."""

    outputs: list[nbformat.NotebookNode]

    def publish(self, data: dict[str, Any], metadata: dict[str, Any] | None = None, *_: Any, **__: Any) -> None:
        """Keep one display."""
        self.outputs.append(nbformat.v4.new_output("display_data", data=data, metadata=metadata or {}))


class _Hook(DisplayHook):
    """Collects the value of a cell's last expression."""

    shell: Any

    def write_output_prompt(self) -> None:
        """Print no prompt: there is no terminal."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        """Keep one value in all its formats."""
        self.shell.display_pub.outputs.append(
            nbformat.v4.new_output(
                "execute_result", data=format_dict, metadata=md_dict or {}, execution_count=self.prompt_count
            )
        )

    def finish_displayhook(self) -> None:
        """Print no line end."""
        self._is_active = False


class _Shell(InteractiveShell):
    """A shell whose cells leave notebook outputs instead of printing."""

    displayhook_class = _Hook
    display_pub_class = _Publisher
    display_pub: Any
    history_manager: Any

    def _text_of(self, error: BaseException) -> str:
        """Return the text of an error in the language of the notebook's own parameter."""
        return error.text(self.user_ns.get("lang", "zh")) if isinstance(error, UserError) else str(error)

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        name = (UserError if isinstance(evalue, UserError) else etype).__name__
        self.display_pub.outputs.append(
            nbformat.v4.new_output("error", ename=name, evalue=self._text_of(evalue), traceback=stb)
        )


class InProcessEngine(Engine):
    """Papermill's engine that runs cells in this process: a kernel's start costs more than most chapters."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> None:
        """Run the code cells in order; the first error stops the notebook and stays in its cell.

        The code is folded, as JupyterLab shows it, so that a manager sees results; parameters stay open.

        An interrupt ends the run, even where a cell takes it as "enough" and goes on with what it has.
        """
        on_cell = kwargs.get("on_cell")
        with _fresh_shell() as shell, _noting_interrupts() as interrupted:
            for index, cell in enumerate(nb_man.nb.cells):
                if cell.cell_type != "code" or not cell.source.strip():
                    continue
                if on_cell:
                    on_cell(index, cell)
                if not SHOWN_CODE & set(cell.metadata.get("tags", ())):
                    cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
                nb_man.cell_start(cell, index)
                error = _run_cell(shell, cell)
                if interrupted.is_set():
                    raise KeyboardInterrupt
                if error is not None:
                    nb_man.cell_exception(cell, cell_index=index, exception=error)
                nb_man.cell_complete(cell, cell_index=index)
                if error is not None:
                    return


@contextmanager
def _fresh_shell() -> Iterator[_Shell]:
    """Open a shell of our own and put the former one back; a notebook never sees another one's names."""
    former: Any = InteractiveShell._instance
    hook, main = sys.displayhook, sys.modules.get("__main__")
    _Shell.clear_instance()
    shell = _Shell.instance(config=Config(HistoryManager={"enabled": False}))
    atexit.unregister(shell.atexit_operations)  # which looks for garbage once more, shell by shell
    shell.display_pub.outputs = []
    try:
        yield shell
    finally:
        shell.user_ns.clear()  # IPython holds on to a shell; what its notebook made is freed here
        _Shell.clear_instance()
        sys.displayhook = hook
        if main is not None:
            sys.modules["__main__"] = main
        if former is not None:
            for kin in type(former)._walk_mro():
                kin._instance = former


@contextmanager
def _noting_interrupts() -> Iterator[threading.Event]:
    """Note whether somebody presses Ctrl-C; a worker's thread never hears of it."""
    interrupted = threading.Event()

    def note(*_: Any) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    former = signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, former)


def _run_cell(shell: _Shell, cell: nbformat.NotebookNode) -> BaseException | None:
    outputs: list[nbformat.NotebookNode] = []
    shell.display_pub.outputs = outputs
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        result: Any = shell.run_cell(cell.source, store_history=True)
    streams = [("stdout", out.getvalue()), ("stderr", err.getvalue())]
    printed = [nbformat.v4.new_output("stream", name=name, text=text) for name, text in streams if text]
    cell.outputs = printed + outputs
    cell.execution_count = shell.execution_count - 1
    error: BaseException | None = result.error_before_exec or result.error_in_exec
    return error


ENGINE = "in-process"
papermill_engines.register(ENGINE, InProcessEngine)


def run_notebook(
    notebook: Path, executed: Path, *, parameters: Values, on_cell: Callable[..., None], keep: Path
) -> None:
    """Execute one notebook into ``executed``; what one that stops did up to there goes into ``keep``.

    Raises
    ------
    NotebookError
        A cell stopped.
    """
    try:
        papermill.execute_notebook(
            notebook,
            executed,
            parameters=dict(parameters),
            engine_name="in-process",
            cwd=NOTEBOOKS,
            progress_bar=False,
            request_save_on_cell_execute=False,
            on_cell=on_cell,
        )
    except papermill.PapermillExecutionError as error:
        keep.mkdir(parents=True, exist_ok=True)
        kept = keep / notebook.name
        shutil.copy(executed, kept)
        spoken = error.ename == UserError.__name__
        reason = (error.evalue if spoken else f"{error.ename}: {error.evalue}").splitlines()[0]
        raise NotebookError(notebook=notebook.stem, reason=reason, kept=kept) from None
