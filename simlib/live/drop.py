"""A place in a notebook on which files and folders are dropped; their bytes come in pieces."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from simlib.messages import Lang, Message, UserError, translate

MOST_FILES = 30_000  # a year of daily files of eighty stores (ours)
MOST_BYTES = 1 << 30  # what is unpacked from them is bounded where they are read (ours)
WORDS = ("drop", "choose_files", "choose_folder", "sending", "reading")
LONGEST_NAME = 150


class DropPlace(anywidget.AnyWidget):
    """A place to drop files on.

    Parameters
    ----------
    on_files : callable
        Called with the paths of what was dropped, each file under its own name in a folder of its own; they are gone
        when it returns.
    on_refusal : callable
        Called with the error when too much was dropped.
    lang : {"zh", "en"}
        Language of its words.
    """

    _esm = Path(__file__).with_name("drop.js")
    _css = Path(__file__).with_name("drop.css")
    words = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        *,
        on_files: Callable[[Sequence[Path]], None],
        on_refusal: Callable[[UserError], None],
        lang: Lang = "zh",
    ) -> None:
        written = {key: translate(f"exports.panel_{key}", lang, done="{done}", total="{total}") for key in WORDS}
        super().__init__(words=written)
        self._on_files, self._on_refusal = on_files, on_refusal
        self._run, self._bytes, self._paths, self._over = "", 0, dict[int, Path](), set[str]()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.on_msg(self._heard)

    def _heard(self, _: Any, content: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        """Take one message of the browser: the begin of a drop, a piece of a file, or the end with the count."""
        run, kind = str(content.get("run")), content.get("kind")
        if run in self._over:
            return  # a piece of a drop that was refused, or that another one has replaced
        if run != self._run:
            self._forget()
            self._run, self._folder = run, tempfile.TemporaryDirectory(prefix="sandtable-drop-")
        count = int(content.get("count", 0))
        if count > MOST_FILES:
            self._refuse(Message("exports.too_many_dropped", most=f"{MOST_FILES:,}"))
        elif kind == "part":
            self._keep(int(content["file"]), str(content["name"]), bytes(buffers[0]) if buffers else b"")
        elif kind == "end" and len(self._paths) < count:
            self._refuse(Message("exports.drop_incomplete", came=len(self._paths), count=count))
        elif kind == "end":
            try:
                self._on_files([self._paths[number] for number in sorted(self._paths)])
            finally:
                self._forget()

    def _keep(self, number: int, name: str, piece: bytes) -> None:
        assert self._folder is not None
        self._bytes += len(piece)
        if self._bytes > MOST_BYTES or not 0 <= number < MOST_FILES:
            self._refuse(Message("exports.too_much_dropped", most=f"{MOST_BYTES >> 20:,}"))
            return
        if number not in self._paths:
            own = Path(self._folder.name) / str(number)
            own.mkdir()
            self._paths[number] = own / (Path(name.replace("\\", "/")).name[-LONGEST_NAME:] or "table")
        with self._paths[number].open("ab") as file:
            file.write(piece)

    def _refuse(self, why: Message) -> None:
        self._forget()
        self._on_refusal(UserError(why))

    def _forget(self) -> None:
        if self._folder is not None:
            self._over.add(self._run)
            self._folder.cleanup()
        self._folder, self._bytes, self._paths, self._run = None, 0, {}, ""
        self.send({"kind": "done"})
