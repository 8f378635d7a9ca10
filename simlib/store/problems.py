"""What is wrong with a store's data, said in both languages: where, what, what is allowed, what was meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from simlib.messages import Lang, UserError, glossary, label, translate

SHOWN_OF_A_KIND = 20
Loss = Literal[
    "cell",
    "row",
    "wave",
    "default",
    "series",
    "merged",
    "profile",
    "platforms",
    "intents",
    "sheet",
    "unread",
    "second",
    "missing",
    "nothing",
]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One complaint or notice about one place of a store's data.

    Attributes
    ----------
    message : str
        Key of a sentence in ``playbook/messages/store.yml``; ``values`` are put in for its {names}.
    sheet, row, column : str, int, str or None
        Where: the key (or the name as written) of sheet and column, the row as Excel numbers it (the line of a
        CSV file, the item of a YAML list).
    value : str or None
        What stands there; blank text is said to be empty, and None says nothing of it.
    allowed : tuple of str
        What may stand there; glossary keys are shown with their labels.
    nearest : str or None
        The known name nearest to the one that nobody knows.
    loss : str or None
        What a store that is read as far as it is right goes without because of this problem: the ``cell`` (it
        counts as blank), the ``row``, a ``wave`` for which another may be shown, a ratio for which a ``default``
        stands in, a queue's ``series``, the rows of a ``merged`` range, the day's ``profile``, the ``sheet``, what is
        ``unread`` anyway, the ``second`` of two, a figure that is ``missing`` and has nothing of the store's own to
        stand in for it, or ``nothing``. None where nothing is wrong with the store's data.
    rows : tuple of int
        All rows with the same mistake, where several are shown in one line; ``row`` is the first.
    firsts : tuple of int
        The rows that ``rows`` repeat, one by one, where a stretch of a table stands there again.
    columns, typed : tuple of str
        All columns of one row with the same mistake, and what stands in them; ``column`` is the first.

    Examples
    --------
    >>> print(Problem(message="sheet_twice", sheet="waves", values={"first": "a", "second": "b"}).text("en"))
    "Waves" (waves): the sheet is there twice: a and b. Keep one.
    """

    message: str
    sheet: str | None = None
    row: int | None = None
    column: str | None = None
    value: str | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()
    nearest: str | None = None
    loss: Loss | None = None
    rows: tuple[int, ...] = ()
    firsts: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()

    def text(self, lang: Lang) -> str:
        """Return the problem as one line of one language."""
        names = {name: _worded(value, lang) if name in LABELLED else value for name, value in self.values.items()}
        if "weekdays" in names:
            days = [translate(f"store.weekday_{day}", lang) for day in self.values["weekdays"]]  # type: ignore[attr-defined]
            names["weekdays"] = translate("store.list_mark", lang).join(days)
        if "unit" in names:
            names["unit"] = unit_label(str(names["unit"]), lang)
        if self.firsts:
            names |= {"firsts": _spans_of(self.firsts, lang)}
            whole = len(set(self.firsts)) >= PASTED_ROWS
            parts = [translate("store.rows_pasted_twice" if whole else "store.rows_repeat", lang, **names)]
        else:
            parts = [translate(f"store.{self.message}", lang, **names)]
        if self.allowed:
            parts.append(translate("store.allowed", lang, choices=_worded(self.allowed, lang)))
        if self.nearest is not None:
            parts.append(translate("store.nearest", lang, name=coded_label(self.nearest, lang)))
        return self._place(lang) + translate("words.sentence_space", lang).join(parts)

    def loss_text(self, lang: Lang) -> str:
        """Return what is left out because of the problem; empty where that is not known."""
        if self.loss is None:
            return ""
        queue = self.values.get("queue")
        return translate(f"store.loss_{self.loss}", lang, queue=coded_label(str(queue), lang) if queue else "")

    def _place(self, lang: Lang) -> str:
        place = [] if self.sheet is None else [coded_label(self.sheet, lang)]
        if len(self.rows) > 1:
            place.append(translate("store.at_rows", lang, rows=_spans_of(self.rows, lang), count=len(self.rows)))
        elif self.row is not None:
            place.append(translate("store.at_row", lang, row=self.row))
        if len(self.columns) > 1:
            place.append(translate("store.at_columns", lang, columns=_worded(self.columns, lang)))
        elif self.column is not None:
            place.append(translate("store.at_column", lang, column=coded_label(self.column, lang)))
        if self.typed:
            place.append(translate("store.at_values", lang, values=translate("store.list_mark", lang).join(self.typed)))
        elif self.value is not None:
            several = len(self.rows) > 1 and self.message not in SHOWN_BY_VALUE
            which = "first_" if several else ""
            if self.value.strip():
                place.append(translate(f"store.at_{which}value", lang, value=self.value))
            else:
                place.append(translate(f"store.at_{which}empty", lang))
        return translate("store.place_mark", lang).join(place) + translate("store.colon", lang) if place else ""


# Complaints whose value is the mistake itself: rows with another value are another mistake.
SHOWN_BY_VALUE = frozenset({"not_choice", "key_unknown", "not_in_sheet", "column_unknown", "item_unknown", "merged"})
SPANS_SHOWN = 8
REPEATS = frozenset({"stands_twice", "time_twice"})  # complaints that name by ``first`` the row they repeat
PASTED_ROWS = 10  # from so many repeated rows on, a table was pasted twice rather than a row typed twice (our choice)
OF_CELL = frozenset({"hint", "part"})  # values of a message that are of one cell
LABELLED = frozenset({
    "queue", "other_queue", "sheet_name", "sheets", "needed", "of_column", "other_column", "letters", "ratio", "ratios",
})  # fmt: skip


def coded_label(key: str, lang: Lang) -> str:
    """Show a glossary key as its label with the key behind it; show anything else as it is.

    Examples
    --------
    >>> coded_label("waves", "zh"), coded_label("7-day plan", "zh")
    ('「波次」(waves)', '7-day plan')
    """
    if key not in glossary():
        return key
    return translate(
        "store.label", lang, name=label(key, lang), code=key.removeprefix("profile_").removeprefix("source_")
    )


def _worded(value: object, lang: Lang) -> str:
    """Label a key, or the keys of a list."""
    keys = value if isinstance(value, tuple) else (value,)
    return translate("store.list_mark", lang).join(coded_label(str(key), lang) for key in keys)


def unit_label(unit: str, lang: Lang) -> str:
    """Show a unit in words.

    Examples
    --------
    >>> unit_label("s", "zh"), unit_label("CNY/h", "en"), unit_label("", "en")
    ('秒', 'CNY/h', '')
    """
    named = {
        "CNY/h": "store.unit_cny_h",
        "%": "report.unit_share",
        "years": "store.unit_years",
    }
    return translate(named.get(unit, f"report.unit_{unit}"), lang) if unit else ""


def _spans_of(rows: Sequence[int], lang: Lang) -> str:
    """Show row numbers, runs of them as a span; of many the first few."""
    spans: list[list[int]] = []
    for row in sorted(set(rows)):
        if spans and row == spans[-1][1] + 1:
            spans[-1][1] = row
        else:
            spans.append([row, row])
    shown = [f"{first}–{last}" if last > first else f"{first}" for first, last in spans]
    if len(shown) > SPANS_SHOWN:
        shown = [*shown[: SPANS_SHOWN - 1], f"… {shown[-1]}"]
    return translate("store.list_mark", lang).join(shown)


def group_rows(problems: Iterable[Problem]) -> list[Problem]:
    """Make one problem of the same mistake in many rows, or in several columns of one row, where the first stood.

    Examples
    --------
    >>> many = [Problem(message="missing", sheet="agents", row=row, column="name") for row in (2, 3, 4, 9)]
    >>> print(group_rows(many)[0].text("en"))
    "Agents" (agents), rows 2–4, 9 (4 rows), column "Name" (name): it must be filled in and is empty.
    """
    groups: dict[Any, list[Problem]] = {}
    for number, problem in enumerate(_group_repeats(problems)):
        values = tuple(sorted((name, repr(value)) for name, value in problem.values.items() if name not in OF_CELL))
        by_value = problem.value if problem.message in SHOWN_BY_VALUE else None
        same = (problem.message, problem.sheet, problem.column, problem.loss, problem.nearest, values, by_value)
        alone = type(problem) is not Problem or problem.row is None or bool(problem.firsts)
        groups.setdefault(number if alone else same, []).append(problem)
    grouped = []
    for group in groups.values():
        rows = tuple(dict.fromkeys(problem.row for problem in group if problem.row is not None))
        grouped.append(group[0] if len(rows) < 2 else replace(group[0], rows=rows))
    return _group_columns(grouped)


def _group_repeats(problems: Iterable[Problem]) -> list[Problem]:
    """Make one problem of rows that repeat other rows of their sheet; rows as far from their twins are one paste.

    What remains repeats rows here and there: one problem each, or one of all where they are too many to list.
    """
    listed = list(problems)
    pastes: dict[Any, list[int]] = {}
    strays: dict[Any, list[int]] = {}
    for at, problem in enumerate(listed):
        first = problem.values.get("first")
        if type(problem) is Problem and problem.message in REPEATS and problem.row and isinstance(first, int):
            kind = (problem.message, problem.sheet, problem.column, problem.loss)
            pastes.setdefault((*kind, problem.row - first), []).append(at)
    for key, group in pastes.items():
        if len(group) == 1:
            strays.setdefault(key[:-1], []).extend(group)
    whole = [group for group in pastes.values() if len(group) > 1]
    whole += [group for group in strays.values() if len(group) > SHOWN_OF_A_KIND]
    joined: dict[int, Problem | None] = {}
    for group in whole:
        pairs = sorted((listed[at].row or 0, int(str(listed[at].values["first"]))) for at in group)
        rows, firsts = zip(*pairs, strict=True)
        joined |= dict.fromkeys(group)
        begun = min(group, key=lambda at: listed[at].row or 0)
        joined[min(group)] = replace(listed[begun], rows=rows, firsts=firsts, value=None)
    kept = (joined.get(at, problem) for at, problem in enumerate(listed))
    return [problem for problem in kept if problem is not None]


def _group_columns(problems: Iterable[Problem]) -> list[Problem]:
    """Make one problem of the same mistake in several columns of one row: low, likely and high are one."""
    groups: dict[Any, list[Problem]] = {}
    for number, problem in enumerate(problems):
        values = tuple(sorted((name, repr(value)) for name, value in problem.values.items() if name not in OF_CELL))
        same = (problem.message, problem.sheet, problem.row, problem.loss, problem.nearest, values, problem.allowed)
        alone = (
            type(problem) is not Problem
            or problem.row is None
            or problem.column is None
            or bool(problem.rows or problem.columns)
        )
        groups.setdefault(number if alone else same, []).append(problem)
    grouped = []
    for group in groups.values():
        columns = tuple(dict.fromkeys(str(problem.column) for problem in group))
        typed = tuple(problem.value for problem in group if problem.value is not None)
        grouped.append(group[0] if len(columns) < 2 else replace(group[0], columns=columns, typed=typed))
    return grouped


def count_mistakes(problems: Iterable[Problem]) -> int:
    """Return how many mistakes there are: the same one in many rows or columns counts once, as it is listed once.

    Examples
    --------
    >>> count_mistakes(Problem(message="missing", sheet="agents", row=row, column="name") for row in range(2, 11))
    1
    """
    return len(group_rows(problems))


def shorten(problems: Iterable[Problem]) -> list[Problem]:
    """Show the same mistake in many rows once, keep twenty of one kind in one column, and count the rest.

    Examples
    --------
    >>> many = [Problem(message="not_choice", sheet="agents", row=row, column="cohort", value=f"kind {row}")
    ...         for row in range(2, 40)]
    >>> print(shorten(many)[-1].text("en"))
    "Agents" (agents), column "Cohort" (cohort): 18 more lines like this, up to row 39.
    """
    problems = group_rows(problems)
    kinds = [(problem.sheet, problem.column, problem.message, problem.loss) for problem in problems]
    total, seen = Counter(kinds), Counter[tuple[str | None, ...]]()
    kept = []
    for kind, problem in zip(kinds, problems, strict=True):
        seen[kind] += 1
        if seen[kind] <= SHOWN_OF_A_KIND:
            kept.append(problem)
        elif seen[kind] == total[kind]:
            last = problem.rows[-1] if problem.rows else problem.row
            rest = {**problem.values, "count": total[kind] - SHOWN_OF_A_KIND, "last": last}
            message = "more_like_this" if problem.row else "more_of_these"
            kept.append(
                Problem(message=message, sheet=problem.sheet, column=problem.column, values=rest, loss=problem.loss)
            )
    return kept


def note_totals(sheet: str, rows: Sequence[int]) -> list[Problem]:
    """Return the notice of the rows of a sheet that add up others; none where there are none."""
    values = {"rows": ", ".join(map(str, rows)), "count": len(rows)}
    return [Problem(message="total_rows", sheet=sheet, values=values)] if rows else []


def list_problems(problems: Iterable[Problem], lang: Lang) -> str:
    """Return all problems, one per line; the same mistake in many rows is one line with its rows."""
    return "\n".join(problem.text(lang) for problem in shorten(problems))


class StoreError(UserError):
    """A store's data cannot be used; ``problems`` lists everything that is wrong, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__()

    def text(self, lang: Lang) -> str:
        """Return all problems in one language, one per line."""
        return list_problems(self.problems, lang)

    def __str__(self) -> str:
        return self.text("en")
