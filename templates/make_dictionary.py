"""Bring playbook/data_dictionary.md up to date with the tables of a run: columns, kinds, units, and their meaning.

A table that is listed with its columns stays as somebody wrote it; one that is missing or has other columns is written
from the glossary. Run it after a chapter's result has got a table: ``python templates/make_dictionary.py``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pandas as pd

from simlib import plan
from simlib.messages import HOUSE, PLAYBOOK, glossary
from simlib.report.columns import table_label

PAGE = PLAYBOOK / "data_dictionary.md"
BEFORE = "## Tables within a chapter"
EXAMPLE = HOUSE / "templates" / "stores" / "bodycare"


def describe_kind(values: pd.Series) -> str:
    """Return the kind of a column as the dictionary names it."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return "moment"
    if pd.api.types.is_bool_dtype(values.dtype):
        return "yes/no"
    if pd.api.types.is_integer_dtype(values.dtype):
        return "whole number"
    return "number" if pd.api.types.is_numeric_dtype(values.dtype) else "text"


ENDS = {
    "low": "{} (low end of its band)",
    "high": "{} (high end of its band)",
    "floor": "{}: the floor",
    "stretch": "{}: the stretch target",
    "zh": "{}, in Chinese",
    "en": "{}, in English",
}


def describe_column(column: str) -> tuple[str, str]:
    """Return the unit and the meaning of a column, by its own row of the glossary or by that of what it ends.

    Raises
    ------
    KeyError
        Neither the column nor what it is an end of stands in the glossary; a goal's key is a column of shares.

    Examples
    --------
    >>> describe_column("announcement_zh")[1].endswith(", in Chinese")
    True
    """
    base, _, end = column.rpartition("_")
    form = "{}"
    if column not in glossary() and end in ENDS and base in glossary():
        form, column = ENDS[end], base
    term = glossary()[column]
    return term["unit"], form.format(term["definition_en"])


def describe_table(name: str, table: pd.DataFrame) -> str:
    """Return the section of one table."""
    key = f"table_{name}" if f"table_{name}" in glossary() else name
    lines = [f"### {name}", "", f"{table_label(name, 'en')}: {glossary()[key]['definition_en']}.", ""]
    lines += ["| column | kind | unit | meaning |", "|---|---|---|---|"]
    for column in map(str, table.columns):
        unit, meaning = describe_column(column)
        lines.append(f"| `{column}` | {describe_kind(table[column])} | {unit} | {meaning[:1].lower()}{meaning[1:]} |")
    return "\n".join(lines) + "\n"


def update(text: str, tables: dict[str, pd.DataFrame]) -> str:
    """Return the page with a section for every table, in the order of the tables."""
    for name, table in tables.items():
        found = re.search(rf"^### {name}\n.*?(?=^##)", text, flags=re.MULTILINE | re.DOTALL)
        if found:
            listed = re.findall(r"^\| `([^`]+)`", found[0], flags=re.MULTILINE)
            if listed == list(map(str, table.columns)):
                continue
            text = text.replace(found[0], describe_table(name, table) + "\n")
        else:
            text = text.replace(BEFORE, describe_table(name, table) + "\n" + BEFORE)
    return text


def main(page: Path = PAGE) -> int:
    """Write the page anew; return 1 if anything changed."""
    tables = plan(EXAMPLE, replications=2, roster_effort=0.1, stress_replications=2, tonight="20:30").tables
    before = page.read_text("utf-8")
    after = update(before, tables)
    page.write_text(after, "utf-8")
    return int(after != before)


if __name__ == "__main__":
    sys.exit(main())
