"""What makes a notebook a lesson: passages quoted from the playbook, and the check of an exercise."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import escape

from simlib.messages import LANGS, PLAYBOOK, Lang, translate
from simlib.report.html import Fragment, show_text, show_verdict

HEADING = re.compile(r"^(#+) (.+)$")
CLOSE = 0.005  # a number is right where it is off by less than this share (ours)


@dataclass(frozen=True, kw_only=True)
class Passage:
    """What stands under one heading of a playbook page, down to the next heading of any level.

    Attributes
    ----------
    level : int
        Of the heading: 1 for the page's title.
    title : str
    lines : tuple of str
        Without the empty lines at both ends.
    """

    level: int
    title: str
    lines: tuple[str, ...]


@lru_cache(maxsize=64)
def read_passages(page: str, lang: Lang) -> tuple[Passage, ...]:
    """Return every passage of a playbook page in order.

    Examples
    --------
    >>> [passage.title for passage in read_passages("04_goals", "en")][:3]
    ['Goals', 'Why', 'When']
    """
    found: list[tuple[int, str, list[str]]] = []
    for line in (PLAYBOOK / lang / f"{page}.md").read_text(encoding="utf-8").splitlines():
        heading = HEADING.match(line)
        if heading:
            found.append((len(heading[1]), heading[2], []))
        elif found:
            found[-1][2].append(line)
    return tuple(
        Passage(level=level, title=title, lines=tuple("\n".join(lines).strip("\n").split("\n")))
        for level, title, lines in found
    )


def find_passage(page: str, heading: str, lang: Lang) -> Passage:
    """Return the passage under a heading, which is given by its English title; both languages have the same order.

    Raises
    ------
    KeyError
        The page has no such heading, or has it twice, or the two languages differ in shape.

    Examples
    --------
    >>> find_passage("04_goals", "Why", "zh").level
    2
    """
    pages = {each: read_passages(page, each) for each in LANGS}
    if [passage.level for passage in pages["zh"]] != [passage.level for passage in pages["en"]]:
        raise KeyError(f"playbook page {page}: the headings of the two languages differ in order or level")
    places = [place for place, passage in enumerate(pages["en"]) if passage.title == heading]
    if len(places) != 1:
        raise KeyError(f"playbook page {page}: the heading {heading!r} stands there {len(places)} times, must be once")
    return pages[lang][places[0]]


def show_passage(page: str, heading: str, *, lang: Lang) -> Fragment:
    """Show a passage of the playbook in a notebook, so that a trainer can read it out.

    Parameters
    ----------
    page : str
        Name of the page without its ending, such as ``01_staffing``.
    heading : str
        The English title of the heading.

    Raises
    ------
    KeyError
        As :func:`find_passage`.
    ValueError
        The passage holds a table.
    """
    passage = find_passage(page, heading, lang)
    parts = [f"<h3>{escape(passage.title)}</h3>"]
    block: list[str] = []
    for line in (*passage.lines, ""):
        if line.startswith("|"):
            raise ValueError(f"playbook page {page}: the passage {heading!r} holds a table and cannot be read out")
        item = re.match(r"(?:- |\d+\. )(.*)", line)
        if block and (item or not line.strip()):
            parts.append(f"<p>{_inline(('' if lang == 'zh' else ' ').join(block))}</p>")
            block = []
        if item:
            parts.append(f"<p>• {_inline(item[1])}</p>")
        elif line.strip():
            block.append(line.strip())
    return Fragment("".join(parts))


def _inline(text: str) -> str:
    """Return a line's HTML: everything escaped, bold and code marked."""
    shown = str(escape(text))
    shown = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", shown)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", shown)


def lesson_signs(lang: Lang) -> str:
    """Return the text of every chapter's page in one language, for the typeface of its notebook."""
    return "".join(path.read_text(encoding="utf-8") for path in sorted((PLAYBOOK / lang).glob("0*.md")))


def show_check(answer: object, solve: Callable[[], object], *, lang: Lang) -> Fragment:
    """Show whether an exercise's answer is right; without an answer nothing is worked out.

    Parameters
    ----------
    answer : object
        What the learner has written; None for nothing yet.
    solve : callable
        Works the right answer out: a number, or a text such as a time or a name.

    Examples
    --------
    >>> show_check(None, lambda: 1 / 0, lang="en").html
    '<p>No answer yet: write it in the cell above, run that cell, then this one.</p>'
    >>> "Right" in show_check(" 20:30 ", lambda: "20:30", lang="en").html
    True
    """
    if answer is None:
        return show_text(translate("report.no_answer_yet", lang))
    right = agrees(answer, solve())
    return show_verdict(
        [translate("report.right" if right else "report.not_yet", lang)], tone="good" if right else "bad"
    )


def agrees(answer: object, solution: object) -> bool:
    """Return whether an answer is the solution: texts without case, width and blanks, numbers to half a per cent.

    Examples
    --------
    >>> agrees("20:30", "20:30"), agrees("B01 ", "b01"), agrees(100.2, 100), agrees("101", 100), agrees("many", 100)
    (True, True, True, False, False)
    """
    if isinstance(solution, str):
        return _plain(str(answer)) == _plain(solution)
    try:
        return math.isclose(float(str(answer)), float(str(solution)), rel_tol=CLOSE)
    except ValueError:
        return False


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()
