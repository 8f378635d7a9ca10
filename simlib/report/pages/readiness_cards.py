"""Cards of chapter 2 as pages to print: one card per page."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import escape

from simlib.messages import Lang
from simlib.readiness.result import Part, PrintCard
from simlib.report.html import Fragment, render_print


def show_part(part: Part) -> Fragment:
    """Show one part of a card: its heading, then its text, list or table.

    Examples
    --------
    >>> show_part(Part(heading="Why", text="a < b")).html
    '<h3>Why</h3><p>a &lt; b</p>'
    """
    body = f"<p>{escape(part.text)}</p>" if part.text else ""
    if part.items:
        body += f"<ol>{''.join(f'<li>{escape(item)}</li>' for item in part.items)}</ol>"
    if part.columns:
        head = "".join(f"<th>{escape(name)}</th>" for name in part.columns)
        rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in part.rows)
        body += f'<table class="form"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    shown = f'<div class="strong">{body}</div>' if part.strong else body
    return Fragment(f"<h3>{escape(part.heading)}</h3>{shown}")


def print_cards(cards: Iterable[PrintCard], *, title: str, lang: Lang) -> str:
    """Write cards as one HTML file that prints one card per A4 page."""
    pages = [(card.title, card.subtitle, [show_part(part) for part in card.parts]) for card in cards]
    return render_print(pages, title=title, lang=lang)
