"""Ten thousand random mutations of workbooks, CSV and YAML: a sentence or a reading, within 1 GB more and 10 s each.

Run by ``make prove``; ``PROVE_MUTATIONS`` sets another number. ``tests/faults/test_mutations.py`` keeps a sample.
"""

from __future__ import annotations

import copy
import os
import random
import resource
import shutil
import signal
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from simlib.messages import HOUSE, LANGS
from simlib.store import check_store, load_store, save_store
from simlib.store.problems import list_problems
from tests.faults.conftest import SOUND
from tests.faults.test_files import complain

MUTATIONS = int(os.environ.get("PROVE_MUTATIONS", "10000"))
MEMORY_BYTES = 1_000_000_000
SECONDS = 10
SMALL = HOUSE / "tests" / "stores" / "a1"
SNIPPETS = (
    *(
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\r",
        b"\n\n",
        b'"',
        b"'",
        b",",
        b";",
        b"\t",
        b"=1+1",
        b"%",
        b"-",
        b"1e999",
    ),
    *(
        b"9" * 5000,
        b"[" * 3000,
        b"{" * 3000,
        b"- " * 2000,
        b"&a [*a]",
        b"<!DOCTYPE x>",
        b"]]>",
        b"&lt;",
        b"nan",
        b"24:00",
    ),
    *(
        "\u200b".encode(),
        "２分钟".encode(),
        "合计".encode(),
        "\u2028".encode(),
        b"\xed\xa0\x80",
        b"XFD1048576",
        b"A" * 2000,
    ),
)


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Change some bytes: flip, insert, delete, repeat, swap, cut off."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        if not changed:
            return bytes(chance.choice(SNIPPETS))
        at = chance.randrange(len(changed))
        width = chance.choice((1, 2, 8, 64, 512))
        kind = chance.randrange(7)
        if kind == 0:
            changed[at] = chance.randrange(256)
        elif kind == 1:
            changed[at:at] = chance.choice(SNIPPETS)
        elif kind == 2:
            del changed[at : at + width]
        elif kind == 3:
            changed[at:at] = changed[at : at + width] * chance.choice((1, 2, 50))
        elif kind == 4:
            other = chance.randrange(len(changed))
            changed[at : at + width], changed[other : other + width] = (
                changed[other : other + width],
                changed[at : at + width],
            )
        elif kind == 5:
            changed[at : at + width] = chance.choice(SNIPPETS)
        elif chance.random() < 0.2:
            del changed[at:]
    return bytes(changed)


def seeds(folder: Path) -> dict[str, Path]:
    """Write the sound stores that are spoiled: a workbook, a folder of CSV tables, a folder of YAML tables."""
    store = load_store(SMALL)
    save_store(store, folder / "book.xlsx")
    save_store(store, folder / "tables")
    shutil.copytree(folder / "tables", folder / "lists")
    for path in sorted((folder / "lists").glob("*.csv")):
        path.with_suffix(".yml").touch()
        path.unlink()
    save_store(store, folder / "lists")
    assert load_store(folder / "lists").waves == store.waves
    return {"book": folder / "book.xlsx", "tables": folder / "tables", "lists": folder / "lists"}


def spoiled(kind: str, seed: Path, folder: Path, chance: random.Random) -> Path:
    """Write one mutation of a store and give its path."""
    if kind != "book":
        target = folder / kind
        shutil.copytree(seed, target)
        victim = chance.choice(sorted(target.iterdir()))
        victim.write_bytes(mutate(victim.read_bytes(), chance))
        return target
    target = folder / "book.xlsx"
    if chance.random() < 0.3:
        target.write_bytes(mutate(seed.read_bytes(), chance))
        return target
    with zipfile.ZipFile(seed) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    victim = chance.choice([name for name in parts if name.endswith((".xml", ".rels"))])
    parts[victim] = mutate(parts[victim], chance)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return target


def read_mutations(count: int, seed: int = 7) -> Iterator[tuple[str, str]]:
    """Read mutations one by one; give their kind and what came of each: sound, in part, or refused.

    Whatever is not a sentence or a reading is raised, and so is a reading that takes more than its seconds.
    """

    def too_slow(*_: object) -> None:
        raise TimeoutError(f"more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, too_slow)
    try:
        with tempfile.TemporaryDirectory() as home:
            sources = seeds(Path(home))
            for number in range(count):
                chance = random.Random(seed * 1_000_003 + number)
                kind = chance.choice(sorted(sources))
                with tempfile.TemporaryDirectory(dir=home) as folder:
                    path = spoiled(kind, sources[kind], Path(folder), chance)
                    signal.alarm(SECONDS)
                    try:
                        store, problems, notices = check_store(path)
                        pages = [list_problems([*problems, *notices], lang) for lang in LANGS]
                    except Exception as error:
                        raise AssertionError(f"mutation {number} of seed {seed}, {kind}: {error!r}") from error
                    finally:
                        signal.alarm(0)
                    assert store is not None or problems, f"mutation {number}: refused without a sentence"
                    assert all(not problems or page.strip() for page in pages)
                    for page in pages:
                        page.encode("utf-8")
                yield kind, "sound" if not problems else "in part" if store is not None else "refused"
    finally:
        signal.signal(signal.SIGALRM, before)


def test_ten_thousand_mutations_are_read_or_refused_in_words() -> None:
    """Each mutation ends in a sentence or a reading, under a limit of memory and time."""
    limits = resource.getrlimit(resource.RLIMIT_DATA)
    status = Path("/proc/self/status").read_text("utf-8")  # what proofs before this one in the same process have left
    held_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData:"))
    resource.setrlimit(resource.RLIMIT_DATA, (1024 * held_kb + MEMORY_BYTES, limits[1]))
    try:
        found = Counter(read_mutations(MUTATIONS))
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, limits)
    assert sum(found.values()) == MUTATIONS
    assert {kind for kind, _ in found} == {"book", "tables", "lists"}
    assert {outcome for _, outcome in found} == {"sound", "in part", "refused"}


def test_a_table_of_sixty_thousand_mistakes_is_bounded(as_folder) -> None:
    """Of very many complaints the first are kept, and the page says that there are more."""
    complain(as_folder(copy.deepcopy(SOUND)), rows=60_000)
