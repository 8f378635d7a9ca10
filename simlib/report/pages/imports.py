"""What an import of exports understood, what it changes in the store, what stands against it and what must be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from simlib.messages import Lang, glossary, label, translate
from simlib.report.html import Fragment, show_table, show_text
from simlib.report.pages.common import show_result, stack
from simlib.store.columns import columns, unit_of_row
from simlib.store.exports import StoreImport
from simlib.store.problems import unit_label

ROWS_SHOWN = 12
FIGURE_OF = {"day_profile": "share", "history": "contacts", "actuals": "contacts"}  # what changes of a row by its time


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
            "figure_was": [show_change(row, "before", lang) for row in few.to_dict("records")],
            "figure_is": [show_change(row, "after", lang) for row in few.to_dict("records")],
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


def show_change(row: Mapping[Any, Any], side: str, lang: Lang) -> str:
    """Return one side of a change, ``before`` or ``after``, in the unit of what changes; an empty one is empty.

    Examples
    --------
    >>> show_change({"sheet": "ratios", "key": "paid_share", "before": 0.85, "after": 0.9048}, "after", "en")
    '90.48%'
    >>> show_change({"sheet": "store", "key": "month_aov_cny", "before": 1280.0, "after": None}, "before", "en")
    '1,280 CNY'
    """
    value = row[side]
    if value is None or value != value:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    sheet, key = str(row["sheet"]), str(row["key"])
    own = unit_of_row(sheet, {"key": key})
    column = key if any(each.key == key for each in columns(sheet)) else FIGURE_OF.get(sheet)
    unit = own if own is not None else next((each.unit for each in columns(sheet) if each.key == column), "")
    if unit == "share":
        return f"{100 * value:.4g}%"
    shown = f"{value:,.6g}"
    return f"{shown} {unit_label(unit, lang)}" if unit and sheet not in FIGURE_OF else shown
