"""The parameters of the notebooks: declared in each notebook's first code cell, read and checked before anything runs.

A declaration is one line of the cell tagged ``parameters``, which papermill's ``--help-notebook`` shows as it stands::

    replications: int = 30  # 2..2000 · 模拟多少晚 · simulated nights

Behind the ``#`` stand what is allowed, the description in Chinese and the one in English. Allowed is a range
(``2..2000``), a list of choices (``zh, en``), or one of ``text``, ``path``, ``store`` and ``date``.
"""

from __future__ import annotations

import ast
import difflib
import io
import json
import re
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from simlib.messages import HOUSE, Message, UserError
from simlib.store.cells import CellError, read_cell

NOTEBOOKS = HOUSE / "notebooks"
EXAMPLE = HOUSE / "templates" / "stores" / "appliances.xlsx"  # the store of a notebook that is given none
GIVEN_BY_COMMANDS = ("store", "lang")  # a command takes these as its argument and its option
SEPARATOR = " · "
TYPES = {"int": int, "float": float, "str": str, "bool": bool}
Values = Mapping[str, Any]

_RANGE = re.compile(r"(-?[\d.]*\d)\.\.(-?\d[\d.]*)")


class ParameterError(UserError):
    """A parameter that no notebook declares, or a value that its declaration does not allow."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One declared parameter of a notebook.

    Attributes
    ----------
    name : str
    default : bool, int, float or str
    kind : str
        ``int``, ``float``, ``bool``, ``choice``, ``text``, ``path``, ``store`` or ``date``.
    low, high : int or float, optional
        The range of a number, both ends included.
    choices : tuple of str
        Of a choice.
    zh, en : str
        What it is, in both languages.
    """

    name: str
    default: Any
    kind: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    zh: str
    en: str

    def read(self, value: object) -> Any:
        """Return a value as the notebook uses it, read the way a cell of a workbook is read.

        Raises
        ------
        ParameterError
            The value is of another kind or out of range; the message says what is allowed.

        Examples
        --------
        >>> nights = Parameter(name="replications", default=30, kind="int", low=2, high=2000, zh="晚数", en="nights")
        >>> nights.read("1,200"), nights.read(30.0)
        (1200, 30)
        >>> try:
        ...     nights.read("1")
        ... except ParameterError as error:
        ...     print(error.text("en"))
        replications cannot be 1: it is a whole number from 2 to 2000.
        """
        try:
            if self.kind in ("int", "float"):
                found: Any = self._number(value)
            elif self.kind == "bool":
                found = read_cell(value, "bool")
            else:
                found = self._text(value)
        except (CellError, OverflowError):
            raise self._refuse(value) from None
        if found is None:
            raise self._refuse(value)
        return found

    def _number(self, value: object) -> int | float:
        number = read_cell(value, "integer" if self.kind == "int" else "number")
        if number is None or self.low is None or self.high is None or not self.low <= number <= self.high:
            raise self._refuse(value)  # nan is in no range
        return int(number) if self.kind == "int" else float(number)

    def _text(self, value: object) -> str:
        if isinstance(value, list | dict | tuple | set):
            raise self._refuse(value)
        if self.kind == "date":
            blank = value is None or (isinstance(value, str) and not value.strip())
            return "" if blank else str(read_cell(value, "date").isoformat())
        text = "" if value is None else str(read_cell(value, "text")).strip("" if self.kind == "text" else None)
        if self.kind == "choice" and text not in self.choices:
            raise self._refuse(value)
        if self.kind == "store" and not text:
            return str(EXAMPLE)
        return text

    def _refuse(self, value: object) -> ParameterError:
        shown = " ".join(str(value).split())[:60]
        limits = {"low": f"{self.low:.10g}", "high": f"{self.high:.10g}"} if self.low is not None else {}
        allowed = Message(ALLOWED[self.kind], **limits, **({"choices": self.choices} if self.choices else {}))
        return ParameterError(Message("runs.parameter_value", name=self.name, value=shown, allowed=allowed))


ALLOWED = {
    "int": "runs.allowed_int",
    "float": "runs.allowed_float",
    "bool": "runs.allowed_bool",
    "choice": "runs.allowed_choice",
    "date": "runs.allowed_date",
    "text": "runs.allowed_text",
    "path": "runs.allowed_text",
    "store": "runs.allowed_text",
}


# --- what the notebooks declare ---------------------------------------------------------------------------


def chapter_notebooks() -> list[Path]:
    """Return the notebooks that a rehearsal runs, in their order: those with a parameters cell."""
    return [path for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")) if declared_parameters(path)]


@lru_cache(maxsize=64)
def declared_parameters(notebook: Path) -> dict[str, Parameter]:
    """Return the declarations of a notebook's parameters cell, by name.

    Raises
    ------
    ValueError
        A line that is no declaration; the message names notebook and line.
    """
    found: dict[str, Parameter] = {}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if "parameters" in cell["metadata"].get("tags", ()):
            found |= read_declarations("".join(cell["source"]), where=notebook.name)
    return found


def read_declarations(source: str, *, where: str) -> dict[str, Parameter]:
    """Return the declarations of a cell's source, by name.

    Examples
    --------
    >>> read_declarations('lang: str = "zh"  # zh, en · 语言 · language', where="a cell")["lang"].choices
    ('zh', 'en')
    """
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found = {}
    for line in ast.parse(source).body:
        parts = comments.get(line.lineno, "").split(SEPARATOR)
        if not (isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value is not None):
            raise ValueError(f"{where}, line {line.lineno}: write name: type = default  # allowed · zh · en")
        if len(parts) != 3 or not isinstance(line.annotation, ast.Name) or line.annotation.id not in TYPES:
            raise ValueError(f"{where}, line {line.lineno}: {line.target.id} needs type, range and two descriptions")
        allowed, zh, en = parts
        name, default, kind = line.target.id, ast.literal_eval(line.value), line.annotation.id
        limits = _RANGE.fullmatch(allowed)
        if kind in ("int", "float") and limits:
            low, high = (TYPES[kind](limit) for limit in limits.groups())
            parameter = Parameter(name=name, default=default, kind=kind, low=low, high=high, zh=zh, en=en)
        elif kind == "str" and allowed in ("text", "path", "store", "date"):
            parameter = Parameter(name=name, default=default, kind=allowed, zh=zh, en=en)
        elif kind == "str" and ", " in allowed:
            choices = tuple(allowed.split(", "))
            parameter = Parameter(name=name, default=default, kind="choice", choices=choices, zh=zh, en=en)
        elif kind == "bool":
            parameter = Parameter(name=name, default=default, kind=kind, zh=zh, en=en)
        else:
            raise ValueError(f"{where}, line {line.lineno}: {name} is of type {kind} and allows {allowed!r}")
        parameter.read(default)
        found[name] = parameter
    return found


# --- what a user gives ------------------------------------------------------------------------------------


def read_parameters(given: Sequence[str]) -> dict[str, Any]:
    """Read ``name=value`` words against the notebooks' declarations, before anything runs.

    Parameters
    ----------
    given : sequence of str
        As they follow ``-p`` on the command line; a relative path is one from the working directory.

    Raises
    ------
    ParameterError
        A name that no notebook declares (with the nearest one), or a value that is not allowed.

    Examples
    --------
    >>> read_parameters(["wave=007", "seed=９", "today=2026年10月10日"])
    {'wave': '007', 'seed': 9, 'today': '2026-10-10'}
    """
    declared: dict[str, Parameter] = {}
    for notebook in chapter_notebooks():
        declared |= declared_parameters(notebook)
    free = [name for name in declared if name not in GIVEN_BY_COMMANDS]
    found = {}
    for word in given:
        name, equals, text = word.partition("=")
        name = name.strip()
        if not equals:
            raise ParameterError(Message("runs.parameter_form", word=word))
        if name not in free:
            raise _unknown(name, free)
        value = declared[name].read(text.strip())
        found[name] = str(Path(value).expanduser().absolute()) if declared[name].kind == "path" and value else value
    return found


def _unknown(name: str, free: Sequence[str]) -> ParameterError:
    near = difflib.get_close_matches(name, free, n=1)
    if near:
        return ParameterError(Message("runs.parameter_unknown", name=name, nearest=near[0]))
    return ParameterError(Message("runs.parameter_unlike_any", name=name, names=tuple(free)))


def check_parameters(notebook: str, values: Values) -> dict[str, Any]:
    """Return a notebook's parameters as its declarations allow them; its cells then use nothing else.

    This is what holds where papermill has put values in that no command has read: a wave called 618 comes as a
    number, a date as its user writes dates.

    Parameters
    ----------
    notebook : str
        Name of the notebook, without its ending.
    values : mapping
        The names of the notebook, as ``globals()`` gives them.

    Raises
    ------
    ParameterError
        With a message for every value that is not allowed.

    Examples
    --------
    >>> check_parameters("05_retrospective", {"wave": 618, "seed": 7.0})
    {'wave': '618', 'seed': 7}
    """
    found: dict[str, Any] = {}
    wrong: list[Message] = []
    for name, parameter in declared_parameters(NOTEBOOKS / f"{notebook}.ipynb").items():
        if name in values:
            try:
                found[name] = parameter.read(values[name])
            except ParameterError as error:
                wrong.extend(error.messages)
    if wrong:
        raise ParameterError(*wrong)
    return found
