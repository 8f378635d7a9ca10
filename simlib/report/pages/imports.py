"""What an import of exports understood, what it changes in the store, what stands against it and what must be asked."""

from __future__ import annotations

import pandas as pd

from simlib.messages import Lang, glossary, label, translate
from simlib.report.html import Fragment, show_table, show_text
from simlib.report.pages.common import show_result, stack
from simlib.store.exports import StoreImport

ROWS_SHOWN = 12


def show_import(found: StoreImport, *, lang: Lang) -> Fragment:
    """Show an import file by file, then the changes of each sheet, then what stands against it and the questions."""
    understood = found.exports.understood
    files = pd.DataFrame(
        {
            "exported_file": (understood["file"] + " " + understood["sheet"]).str.strip(),
            "understood_as": understood["note"],
        }
    )
    texts = [message.text(lang) for message in found.against]
    texts += [question.text(lang) for question in found.exports.questions]
    return stack(
        show_table(files, lang=lang, caption=translate("exports.title_understood", lang)),
        _show_changes(found.changes, lang),
        show_result({"export_figures": found.figures}, "export_figures", lang=lang) if len(found.figures) else None,
        show_text(*texts) if texts else None,
    )


def _show_changes(changes: pd.DataFrame, lang: Lang) -> Fragment:
    if changes.empty:
        return show_text(translate("exports.nothing_changes", lang))
    few = changes.groupby("sheet", sort=False).head(ROWS_SHOWN)
    shown = pd.DataFrame(
        {
            "sheet": few["sheet"],
            "changed_item": [label(key, lang) if key in glossary() else key for key in few["key"]],
            "figure_was": [_figure(value) for value in few["before"]],
            "figure_is": [_figure(value) for value in few["after"]],
        }
    )
    counts = changes["sheet"].value_counts(sort=False)
    more = [
        translate("exports.more_rows", lang, sheet=label(str(sheet), lang), count=int(count))
        for sheet, count in counts.items()
        if count > ROWS_SHOWN
    ]
    table = show_table(shown, lang=lang, caption=translate("exports.title_changes", lang))
    return stack(table, show_text(*more) if more else None)


def _figure(value: object) -> str:
    """Return a figure of a changed cell; an empty one is empty."""
    if value is None or value != value:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
