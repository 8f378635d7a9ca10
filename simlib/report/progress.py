"""A bar under a cell while something long goes on; it is gone when the work is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape

from IPython.core.getipython import get_ipython
from IPython.display import HTML, display

from simlib.messages import Lang, label, translate

EVERY_S = 0.2  # shortest time between two updates that can be read
_ROW = '<div style="font:13px sans-serif"><progress max="1" {share} style="width:16em"></progress> {text}</div>'


@contextmanager
def show_progress(what: str, *, lang: Lang) -> Iterator[Callable[..., None]]:
    """Show a bar for ``what`` (a key of the glossary) in a notebook that is open in a browser; show nothing elsewhere.

    Yields
    ------
    callable (done, planned, detail)
        Updates the bar; without ``planned`` it only shows that work goes on.

    Examples
    --------
    >>> with show_progress("stress_test", lang="en") as update:
    ...     for night in range(10):
    ...         update(night + 1, 10)
    """
    shell = get_ipython()
    handle = None
    if shell is not None and "IPKernelApp" in shell.config:
        handle = display(HTML(""), display_id=True)
    begun, shown_s = time.monotonic(), -EVERY_S

    def update(done: int = 0, planned: int = 0, *, detail: str = "") -> None:
        nonlocal shown_s
        elapsed_s = time.monotonic() - begun
        if handle is None or elapsed_s - shown_s < EVERY_S:
            return
        shown_s = elapsed_s
        state = f"{done} / {planned}" if planned else detail
        text = translate("pages.progress", lang, what=label(what, lang), seconds=round(elapsed_s), state=state)
        share = f'value="{done / planned:.3f}"' if planned else ""
        handle.update(HTML(_ROW.format(share=share, text=escape(text))))

    update()
    try:
        yield update
    finally:
        if handle is not None:
            handle.update(HTML(""))
