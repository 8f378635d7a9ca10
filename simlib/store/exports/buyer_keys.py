"""A key for each buyer of an order, by which a second order is found and nobody is recognised."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from simlib.store.exports.formats import split_heading, value
from simlib.store.exports.headers import Header
from simlib.store.exports.part import Part
from simlib.store.exports.values import bare, is_missing

_SALT = secrets.token_bytes(32)
"""Drawn once per process and kept nowhere, so that no list of names can be tried against the keys afterwards."""
KEY_BYTES = 8
EXACT_BELOW = 2**53  # a spreadsheet rounds longer numbers, so that two buyers may share one


def key_buyers(header: Header, body: Sequence[tuple[int, Sequence[Any]]], part: Part) -> np.ndarray | None:
    """Return a key per row in place of the buyer's account; None where no column holds accounts.

    Equal accounts of one platform have equal keys within one process. A name that the platform has hidden behind
    stars stands for many buyers and has no key. Neither the account nor the key is in a message.

    Parameters
    ----------
    header : Header
        Its first column among the ``buyer_accounts`` of the playbook is read.
    body : sequence of (int, sequence)
        The rows of the file.
    part : Part
        Gets a note: that accounts were replaced, or how many are hidden.
    """
    places = {c.heading.name: c.at for c in header.columns if c.field == "buyer" and not c.heading.remarks}
    at = next(
        (places[name] for known in value("buyer_accounts") if (name := split_heading(known).name) in places), None
    )
    if at is None:
        return None
    cells = [row[at] if at < len(row) else None for _, row in body]
    keys = np.array([key_of(cell, platform=part.platform or "") for cell in cells], dtype=object)
    hidden = sum(map(_is_hidden, cells))
    if hidden:
        part.note("buyers_hidden", count=hidden)
    elif len(cells):
        part.note("buyers_keyed")
    return keys


def key_of(account: Any, *, platform: str) -> str | None:
    """Return the key of an account; None for an empty or hidden one, and for a number that was rounded.

    Examples
    --------
    >>> key_of("amy", platform="jd") == key_of(" amy ", platform="jd") != key_of("amy", platform="tmall")
    True
    >>> key_of("a**y", platform="jd"), key_of("", platform="jd"), key_of(1.5e17, platform="jd")
    (None, None, None)
    """
    cell = bare(account)
    if isinstance(cell, float) and not abs(cell) < EXACT_BELOW:
        return None
    if is_missing(cell) or _is_hidden(cell):
        return None
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    named = f"{platform}\0{cell}".encode()
    return hashlib.blake2b(named, key=_SALT, digest_size=KEY_BYTES).hexdigest()


def _is_hidden(account: Any) -> bool:
    """Return whether a platform has put stars, of half or full width, in place of a part of an account."""
    return "*" in unicodedata.normalize("NFKC", str(account))
