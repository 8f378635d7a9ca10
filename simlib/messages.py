"""Every text a user reads, in Chinese and English: terms of the glossary, messages of the playbook."""

from __future__ import annotations

import difflib
import string
from collections.abc import Iterable, Mapping
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
    """Read the glossary: one row per term, by key, with zh, en, unit and definitions in both languages."""
    rows: dict[str, dict[str, str]] = {}
    for row in read_yaml(PLAYBOOK / "glossary.yml"):
        if row["key"] in rows:
            raise ValueError(f"playbook/glossary.yml: the key {row['key']!r} stands twice")
        rows[row["key"]] = row
    return rows


@lru_cache(maxsize=1)
def texts() -> dict[str, dict[str, str]]:
    """Read the messages of every package, by key ``package.name``: zh, en, and en_one for a count of one."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted((PLAYBOOK / "messages").glob("*.yml")):
        for key, languages in (read_yaml(path) or {}).items():
            found[f"{path.stem}.{key}"] = languages
    return found


def _find(rows: Mapping[str, dict[str, str]], key: str, lang: Lang, where: str) -> dict[str, str]:
    if lang not in LANGS:
        raise ValueError(f"lang must be one of {', '.join(LANGS)}, got {lang!r}")
    if key not in rows:
        near = ", ".join(difflib.get_close_matches(key, rows, n=3)) or "nothing near"
        raise KeyError(f"{key!r} is not in {where}; near it: {near}")
    return rows[key]


def label(key: str, lang: Lang) -> str:
    """Return a term of the glossary in one language.

    Examples
    --------
    >>> label("first_response", "zh"), label("first_response", "en")
    ('首响', 'First response')
    """
    return _find(glossary(), key, lang, "playbook/glossary.yml")[lang]


def translate(key: str, lang: Lang, **values: object) -> str:
    """Return a message of the playbook in one language, with ``values`` put in for its {names}.

    A message that counts something has a second English form, ``en_one``, for a ``count`` of one. Values that are
    messages, terms or several of them are written in that language too.

    Examples
    --------
    >>> translate("words.list_comma", "en", first="a", second=["b", Term("presale")])
    'a, b, Presale'
    """
    forms = _find(texts(), key, lang, "playbook/messages")
    singular = lang == "en" and values.get("count") == 1
    written = {name: _localise(value, lang) for name, value in values.items()}
    return forms.get("en_one" if singular else lang, forms[lang]).format(**written)


class Term(str):
    """A key of the glossary, as a value of a message: it is written in the language of the message."""


class Noun(Term):
    """A term that is no name: within an English sentence it begins with a small letter."""


class Message:
    """One thing that a user is to know: the key of a text of the playbook, and the values that go into it.

    Parameters
    ----------
    key : str
        ``package.name`` of a text in ``playbook/messages``.
    **values
        What the text asks for by {name}; a :class:`Term` is written in the language of the text, a tuple or list
        as an enumeration.

    Examples
    --------
    >>> shown = Message("words.list_comma", first="a", second=Term("presale"))
    >>> shown.text("zh"), shown.text("en")
    ('a、售前', 'a, Presale')
    >>> Message("words.list_comma", first="a", second=Noun("presale")).text("en")
    'a, presale'
    """

    __slots__ = ("fields", "key")

    def __init__(self, key: str, **values: object) -> None:
        self.key = key
        self.fields: Mapping[str, object] = values

    def text(self, lang: Lang) -> str:
        """Return the text in one language."""
        written = {name: _localise(value, lang) for name, value in self.fields.items()}
        for name, value in self.fields.items():
            if isinstance(value, Noun) and lang == "en" and not texts()[self.key][lang].startswith(f"{{{name}}}"):
                written[name] = str(written[name])[:1].lower() + str(written[name])[1:]
        return translate(self.key, lang, **written)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and (self.key, self.fields) == (other.key, other.fields)

    def __hash__(self) -> int:
        return hash((self.key, repr(sorted(self.fields.items()))))

    def __repr__(self) -> str:
        return f"Message({self.key!r}, {', '.join(f'{name}={value!r}' for name, value in self.fields.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.key, dict(self.fields))


def _rebuild(key: str, values: dict[str, object]) -> Message:
    return Message(key, **values)


def _localise(value: object, lang: Lang) -> object:
    if isinstance(value, tuple | list):
        return join_list([str(_localise(part, lang)) for part in value], lang)
    if isinstance(value, Message):
        return value.text(lang)
    return label(value, lang) if isinstance(value, Term) else value


def join_list(parts: Iterable[str], lang: Lang) -> str:
    """Join words to an enumeration, with the comma of the language.

    Examples
    --------
    >>> join_list(["售前", "售后"], "zh"), join_list([], "en")
    ('售前、售后', '')
    """
    return translate("words.list_comma", lang, first="", second="").join(parts)


def join_texts(messages: Iterable[Message], lang: Lang) -> str:
    """Join messages to one line of one language."""
    return translate("words.sentence_space", lang).join(message.text(lang) for message in messages)


class UserError(ValueError):
    """An error that is meant for the user: one message or several; ``str`` has them in both languages.

    Examples
    --------
    >>> error = UserError(Message("words.list_comma", first="a", second=Term("presale")))
    >>> str(error), error.text("zh")
    ('a、售前 / a, Presale', 'a、售前')
    """

    def __init__(self, *messages: Message) -> None:
        self.messages = messages
        super().__init__(*messages)

    def text(self, lang: Lang) -> str:
        """Return all messages in one language, in one line."""
        return join_texts(self.messages, lang)

    def __str__(self) -> str:
        return " / ".join(self.text(lang) for lang in LANGS)

    def _render_traceback_(self) -> list[str]:
        """Show the reader of a notebook the messages in both languages, not the stack."""
        return [self.text(lang) for lang in LANGS]


def placeholders(text: str) -> set[str]:
    """Return the names of the {values} that a text asks for."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
