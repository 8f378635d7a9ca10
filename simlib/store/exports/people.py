"""Whose account is it: accounts and the people behind them, asked once and kept beside the store."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import yaml

from simlib.messages import Message, UserError, read_yaml
from simlib.store.exports.formats import fold_word
from simlib.store.models import Store

NOBODY = "-"
NEAR_SHOWN = 3  # names and ids of a store that are offered for one that it does not have


@dataclass(frozen=True, kw_only=True)
class People:
    """Accounts by the people they belong to.

    Attributes
    ----------
    kept : mapping of str to str
        Account to agent_id, as answered; ``-`` for an account that belongs to nobody, empty for one asked about.
    names : mapping of str to str
        Folded name or agent_id of the store's own list to agent_id.
    """

    kept: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def find(self, account: str) -> str | None:
        """Return the person of an account; None where nobody has said whose it is.

        Examples
        --------
        >>> people = People(kept={"shop:amy": "A01"}, names={"bob": "A02"})
        >>> people.find("shop:amy"), people.find("shop:Bob"), people.find("shop:carl")
        ('A01', 'A02', None)
        """
        answer = self.kept.get(account)
        if answer:
            return answer
        own = fold_word(account)
        by_name = self.names.get(own) or self.names.get(bare_account(account))
        if by_name:
            return by_name
        alike = self._by_bare_account.get(bare_account(account), set())
        return next(iter(alike)) if len(alike) == 1 else None

    @cached_property
    def _by_bare_account(self) -> dict[str, set[str]]:
        """The people whose accounts are the same but for the shop in front."""
        found: dict[str, set[str]] = {}
        for nick, person in self.kept.items():
            if person:
                found.setdefault(bare_account(nick), set()).add(person)
        return found

    def with_answers(self, answers: Mapping[str, str]) -> People:
        """Return a copy that knows more accounts; an answer that names nobody of the store is left out."""
        known = {*self.names.values(), NOBODY, ""}
        sound = {account: person for account, person in answers.items() if person in known}
        return replace(self, kept={**self.kept, **sound})

    def doubt_answers(self, answers: Mapping[str, str]) -> list[Message]:
        """Return a message for each answer that names nobody of the store, with the ids that are spelled most like it.

        Examples
        --------
        >>> people = People(names={"a01": "A01", "amy": "A01", "a02": "A02", "bob": "A02"})
        >>> people.doubt_answers({"shop:amy": "A01", "shop:bob": "A2"})[0].fields["nearest"]
        ('A02', 'A01')
        """
        known = {*self.names.values(), NOBODY, ""}
        found = []
        for account, person in answers.items():
            if person not in known:
                near = difflib.get_close_matches(fold_word(person), self.names, n=NEAR_SHOWN, cutoff=0.0)
                ids = tuple(dict.fromkeys(self.names[name] for name in near))
                found.append(Message("exports.nobody", account=account, person=person, nearest=ids))
        return found


def bare_account(account: str) -> str:
    """Return an account without the shop in front of it, folded: two files often spell one account both ways.

    Examples
    --------
    >>> bare_account("shop:Amy") == bare_account("amy")
    True
    """
    return fold_word(account).replace("：", ":").rpartition(":")[2]


def people_path(store: str | Path) -> Path:
    """Return where the map of a store's accounts is kept: beside the workbook, or inside the folder."""
    path = Path(store)
    return path.with_name(f"{path.name}.people.yml") if not path.is_dir() else path.parent / f"{path.name}.people.yml"


def read_people(store: Store | None, path: str | Path | None) -> People:
    """Return who is known: the store's own list, and the answers kept beside it.

    Raises
    ------
    UserError
        The file of answers is no map of accounts to people.
    """
    names: dict[str, str] = {}
    for agent in store.agents if store is not None else ():
        names.setdefault(fold_word(agent.name), agent.agent_id)
        names[fold_word(agent.agent_id)] = agent.agent_id
    kept: dict[str, str] = {}
    if path is not None and people_path(path).exists():
        place = people_path(path)
        try:
            found = read_yaml(place) or {}
        except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
            raise UserError(Message("exports.people_damaged", file=place.name)) from error
        if not isinstance(found, dict) or not all(isinstance(key, str | int) for key in found):
            raise UserError(Message("exports.people_damaged", file=place.name))
        kept = {str(account): "" if person is None else str(person) for account, person in found.items()}
    return People(kept=kept, names=names)


def write_people(people: People, path: str | Path, *, asked: Iterable[str] = ()) -> Path:
    """Write the map of accounts whole; accounts that were asked about stand in it without a person."""
    target = people_path(path)
    kept = {**dict.fromkeys(asked, ""), **people.kept}
    data = yaml.safe_dump(dict(sorted(kept.items())), allow_unicode=True, sort_keys=False).encode()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".yml")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(name).chmod(0o644)
    Path(name).replace(target)
    return target
