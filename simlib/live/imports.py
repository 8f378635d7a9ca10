"""Files dropped onto a notebook: what they hold, what they would change in the store, and who accepts it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from simlib.live.drop import DropPlace
from simlib.live.panels import is_attended
from simlib.messages import HOUSE, Lang, UserError, translate
from simlib.report.html import Fragment, show_text
from simlib.report.pages.common import stack
from simlib.report.pages.imports import show_import
from simlib.store.exports import StoreImport, import_exports


class ImportPanel:
    """A place to drop exported files, with the table of what was understood and the buttons that write it.

    Without anybody there it stands still: with files it shows what they would change, and writes nothing.

    Parameters
    ----------
    store : path
        The workbook or folder that the files belong to. A store of the kit's own templates is never written: what is
        accepted goes into a copy.
    files : str
        A file or a folder to begin with; empty for none.
    lang : {"zh", "en"}
        Language of every word.
    attended : bool, optional
        Whether somebody can drop files; left out, as :func:`simlib.live.panels.is_attended` finds it.
    """

    def __init__(self, store: str | Path, files: str = "", *, lang: Lang = "zh", attended: bool | None = None) -> None:
        self.store, self.files, self.lang = Path(store), files, lang
        self.attended = is_attended() if attended is None else attended
        self.found: StoreImport | None = None

    def _repr_mimebundle_(self, **how: Any) -> Any:
        if self.attended:
            return self.box._repr_mimebundle_(**how)
        shown = show_text(translate("exports.panel_still", self.lang))
        if self.files:
            shown = stack(self.read([Path(self.files)]), show_text(translate("exports.panel_not_written", self.lang)))
        return {"text/html": shown._repr_html_(), "text/plain": "ImportPanel()"}

    def read(self, paths: Iterable[Path]) -> Fragment:
        """Read files against the store and return what they hold and would change; an error is shown as its text."""
        self.found = None
        try:
            self.found = import_exports(list(paths), self.store, lang=self.lang)
        except UserError as error:
            return show_text(*error.text(self.lang).splitlines())
        return show_import(self.found, lang=self.lang)

    @property
    def is_example(self) -> bool:
        """True if the store is one of the kit's own templates."""
        return (HOUSE / "templates").resolve() in self.store.resolve().parents

    @property
    def copy_path(self) -> Path:
        """Where a copy goes: beside the store, a store of the kit's own into the working folder; never over a file."""
        folder = Path.cwd() if self.is_example else self.store.resolve().parent
        stem, number = self.store.stem, 1
        while (folder / f"{stem}-{number}.xlsx").exists():
            number += 1
        return folder / f"{stem}-{number}.xlsx"

    def accept(self, *, in_place: bool) -> Path | None:
        """Write what was understood into the store or into a copy; None where there is nothing to write."""
        if self.found is None or (in_place and self.is_example):
            return None
        written = self.found.save(None if in_place else self.copy_path, self.lang)
        self.found = None
        return written

    # --- the widgets ---

    @cached_property
    def drop(self) -> DropPlace:
        """The place to drop files on."""
        return DropPlace(on_files=lambda paths: self._show(self.read(paths)), on_refusal=self._refused, lang=self.lang)

    @cached_property
    def table(self) -> Any:
        """What the files hold."""
        import ipywidgets

        return ipywidgets.HTML(layout={"width": "100%"})

    @cached_property
    def note(self) -> Any:
        """What was written, and where."""
        import ipywidgets

        return ipywidgets.HTML()

    @cached_property
    def buttons(self) -> dict[str, Any]:
        """Accept in place (not for a store of the kit's own), and into a copy."""
        import ipywidgets

        made = {}
        for key in ("in_place", "copy"):
            button = ipywidgets.Button(description=translate(f"exports.panel_{key}", self.lang), disabled=True)
            button.layout.width = "18em"
            button.on_click(lambda _, in_place=key == "in_place": self._accepted(in_place))
            made[key] = button
        return made

    @cached_property
    def box(self) -> Any:
        """The panel: the place to drop files on, the table, the buttons, and the line below."""
        import ipywidgets

        box = ipywidgets.VBox([self.drop, self.table, ipywidgets.HBox([*self.buttons.values()]), self.note])
        if self.files:
            self._show(self.read([Path(self.files)]))
        return box

    def _refused(self, error: UserError) -> None:
        self.found = None
        self._show(show_text(*error.text(self.lang).splitlines()))

    def _show(self, shown: Fragment) -> None:
        self.table.value, self.note.value = shown._repr_html_(), ""
        ready = self.found is not None and bool((self.found.exports.understood["rows"] > 0).any())
        for key, button in self.buttons.items():
            button.disabled = not ready or (key == "in_place" and self.is_example)

    def _accepted(self, in_place: bool) -> None:
        try:
            written = self.accept(in_place=in_place)
        except UserError as error:
            self.note.value = show_text(*error.text(self.lang).splitlines())._repr_html_()
            return
        for button in self.buttons.values():
            button.disabled = True
        if written is not None:
            text = translate("exports.panel_written", self.lang, path=written)
            self.note.value = show_text(text)._repr_html_()
