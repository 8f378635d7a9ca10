"""Every word a user sees, in Chinese and English: terms of the glossary, sentences of the playbook."""

from __future__ import annotations

import difflib
import string
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml

Lang = Literal["zh", "en"]
LANGS: tuple[Lang, ...] = ("zh", "en")
HOUSE = Path(__file__).resolve().parents[1]
PLAYBOOK = HOUSE / "playbook"


def read_yaml(path: Path) -> Any:
    """Read a YAML file of the playbook with the fast safe loader."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with path.open(encoding="utf-8") as text:
        return yaml.load(text, Loader=loader)


@lru_cache(maxsize=1)
def glossary() -> dict[str, dict[str, str]]:
    """Read the glossary: one row a term, by key, with zh, en, unit and definitions in both languages."""
    rows: dict[str, dict[str, str]] = {}
    for row in read_yaml(PLAYBOOK / "glossary.yml"):
        if row["key"] in rows:
            raise ValueError(f"playbook/glossary.yml: the key {row['key']!r} stands twice")
        rows[row["key"]] = row
    return rows


@lru_cache(maxsize=1)
def sentences() -> dict[str, dict[str, str]]:
    """Read the sentences of every package, by key ``package.name``, each with zh and en."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted((PLAYBOOK / "sentences").glob("*.yml")):
        for key, twins in (read_yaml(path) or {}).items():
            found[f"{path.stem}.{key}"] = twins
    return found


def _twin(twins: dict[str, dict[str, str]], key: str, lang: Lang, where: str) -> str:
    if lang not in LANGS:
        raise ValueError(f"lang must be one of {', '.join(LANGS)}, got {lang!r}")
    if key not in twins:
        near = ", ".join(difflib.get_close_matches(key, twins, n=3)) or "nothing near"
        raise KeyError(f"{key!r} is not in {where}; near it: {near}")
    return twins[key][lang]


def term(key: str, lang: Lang) -> str:
    """Name a term of the glossary in one language.

    Examples
    --------
    >>> term("first_response", "zh"), term("first_response", "en")
    ('首响', 'First response')
    """
    return _twin(glossary(), key, lang, "playbook/glossary.yml")


def say(key: str, lang: Lang, **values: object) -> str:
    """Say a sentence of the playbook in one language, with ``values`` put in for its {names}.

    Examples
    --------
    >>> say("words.list_comma", "en", first="a", second="b")
    'a, b'
    """
    return _twin(sentences(), key, lang, "playbook/sentences").format(**values)


class Term(str):
    """A key of the glossary, as a value of a sentence that names it in its own language."""


class SpokenError(ValueError):
    """An error that is meant for the user: one or more sentences of the playbook; its text has them in both languages.

    Parameters
    ----------
    parts : (key, values) pairs
        As :func:`say` takes them; a :class:`Term` is named in the language of the sentence, a tuple or list is told
        one by one.

    Examples
    --------
    >>> error = SpokenError(("words.list_comma", {"first": "a", "second": Term("presale")}))
    >>> str(error), error.explain("zh")
    ('a、售前 / a, Presale', 'a、售前')
    """

    def __init__(self, *parts: tuple[str, Mapping[str, object]]) -> None:
        self.parts = parts
        super().__init__(" / ".join(self.explain(lang) for lang in LANGS))

    def explain(self, lang: Lang) -> str:
        """Say it in one language, in one line."""
        told = (
            say(key, lang, **{name: _in_words(value, lang) for name, value in values.items()})
            for key, values in self.parts
        )
        return say("words.sentence_space", lang).join(told)


def _in_words(value: object, lang: Lang) -> object:
    if isinstance(value, tuple | list):
        comma = say("words.list_comma", lang, first="", second="")
        return comma.join(str(_in_words(part, lang)) for part in value)
    return term(value, lang) if isinstance(value, Term) else value


def placeholders(sentence: str) -> set[str]:
    """Name the {values} that a sentence asks for."""
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}
