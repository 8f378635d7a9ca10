"""Plain words: names, docstrings and comments keep to the field's terms; what was left behind stays away."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1]

# Each with what to write instead.
LEFT_BEHIND = {
    r"told|tells?": "values, text, on_progress; report, return, show",
    r"struck|strik(e|es|ing)": "apply_to, with_incidents, happen",
    r"lived|lives? through": "simulate, replications",
    r"pull(s|ed)?": "apply",
    r"deals?|dealt": "schedule",
    r"bites?": "neighbourhood",
    r"tamed?|tames": "winsorise",
    r"toward": "to, shrink",
    r"belief": "prior",
    r"whoever|asker": "the one who; client",
    r"mend(s|ed|ing)?": "repair, correct",
    r"(one|a) row an? \w+": "one row per",
    r"a sheet a \w+": "one sheet per",
}
FIRST_WORDS = {"Say", "Says", "Tell", "Tells", "Name", "Names", "Whether", "Let"}
WORD = re.compile(rf"(?<![A-Za-z])({'|'.join(LEFT_BEHIND)})(?![A-Za-z])", re.IGNORECASE)


def dialect(code: str) -> Iterator[str]:
    """Yield what a piece of code says in words that were left behind: names, strings that document, comments."""
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.NAME:
            found = WORD.search(token.string.replace("_", " "))
        elif token.type == tokenize.COMMENT or (token.type == tokenize.STRING and '"""' in token.string):
            found = WORD.search(token.string)
        else:
            continue
        if found:
            yield f"line {token.start[0]}: {found[0]!r}"
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)):
            text = ast.get_docstring(node)
            if text and text.split()[0] in FIRST_WORDS:
                yield f"line {getattr(node, 'lineno', 1)}: a docstring that begins with {text.split()[0]!r}"


@pytest.mark.parametrize("room", ["simlib", "templates", "benchmarks"])
def test_the_code_speaks_plainly(room: str) -> None:
    """No name, docstring or comment of the product uses a word that was left behind."""
    found = [
        f"{path.relative_to(HOUSE)}, {where}"
        for path in sorted((HOUSE / room).rglob("*.py"))
        for where in dialect(path.read_text("utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("def pull_levers():\n    pass", 1),
        ("x = 1  # whoever asks", 1),
        ('def f():\n    """Say what it is."""', 1),
        ('def f():\n    """Return one row a contact."""', 1),
        ('"""Return what a contact is worth."""\npulley = "told"', 0),
    ],
)
def test_the_check_sees_the_dialect(code: str, count: int) -> None:
    """A name, a comment, a docstring are each seen; a longer word and a text in the code's data are none."""
    assert len(list(dialect(code))) == count


def test_no_count_of_half_hours_reads_as_hours_and_a_half() -> None:
    """Two half hours are not 两个半小时, which is two and a half hours; the same half hour is no count."""
    wrong = re.compile(r"(?:[0-9二三四五六七八九十两几多}前]|(?<!每)(?<!某)(?<!同)一) ?个半小时")
    texts = [*(HOUSE / "playbook").rglob("*.yml"), *(HOUSE / "playbook" / "zh").glob("*.md"), HOUSE / "README.zh.md"]
    assert wrong.search("有 7 个半小时没达到目标")
    assert wrong.search("两个半小时回到区间内")
    assert not wrong.search("每个半小时、同一个半小时、这个半小时")
    found = [
        f"{path.relative_to(HOUSE)}, line {number}: {line.strip()[:60]}"
        for path in texts
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if wrong.search(line)
    ]
    assert found == []
