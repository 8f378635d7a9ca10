"""Pages: the pieces a notebook shows, the report that gathers them, and the page over a batch.

A piece is a :class:`Fragment`. A notebook shows it as it is, and the report takes it over unchanged: what people
read in the report is what the notebook has shown. Everything a store has written is escaped; a page loads nothing
from anywhere and runs no code.
"""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import jinja2
import pandas as pd
from markupsafe import Markup, escape

from simlib.messages import Lang, glossary, label, translate
from simlib.report.columns import (
    ShownColumn,
    describe_column,
    for_readers,
    is_empty,
    show_cell,
    show_number,
    size_unit,
    size_words,
    titled,
    unit_of_row,
)
from simlib.report.typeface import embed_typeface

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEMPLATES = Path(__file__).parent / "templates"
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:; base-uri 'none'; form-action 'none'"
)
HTML_LANG = {"zh": "zh-CN", "en": "en"}
FOLD_FROM, ROWS_SHOWN = 24, 200
ONE_LINE = 16  # letters that a cell never breaks: dates, names, states
FIRST_LINE = 160  # letters of a failure that are shown before it is opened
WIDE_FROM = 9  # columns from which a table is printed in smaller letters
INDEX_FIGURES = ("human", "agents_needed", "shortfall", "platform_rate", "sales_lost")

Tone = Literal["plain", "good", "bad"]


@dataclass(frozen=True)
class Fragment:
    """A piece of a page, ready to be shown: safe HTML with its own style."""

    html: str = field(repr=False)  # a notebook would keep it twice

    def _repr_html_(self) -> str:
        return f"<style>{_css('fragment')}</style>{self.html}"


@dataclass(frozen=True, kw_only=True)
class Card:
    """One figure to look at: its name, its value in words, its band, a remark, and whether it is well."""

    label: str
    value: str
    band: str = ""
    note: str = ""
    tone: Tone = "plain"

    def __post_init__(self) -> None:
        if self.tone not in ("plain", "good", "bad"):
            raise ValueError(f"tone must be plain, good or bad, got {self.tone!r}")


@lru_cache(maxsize=4)
def _css(name: str) -> str:
    return (TEMPLATES / f"{name}.css").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _pages() -> jinja2.Environment:
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.globals.update(translate=translate, label=label)
    return pages


def show_typeface(signs: str) -> Fragment:
    """Bring the glyphs of some signs, and of ASCII, into a notebook, for a reader whose machine has no Chinese font.

    Nothing is to be seen of it: headings and tables are written in the reader's own Chinese font, and in this one
    where there is none. The same signs give the same bytes.
    """
    style = _css("notebook").replace("TYPEFACE", _embed_once("".join(sorted({*signs, *string.printable}))))
    return Fragment(f"<style>{style}</style>")


@lru_cache(maxsize=4)
def _embed_once(signs: str) -> str:
    return embed_typeface(signs)


def show_text(*paragraphs: str) -> Fragment:
    """Show paragraphs of plain text.

    Examples
    --------
    >>> show_text("a < b").html
    '<p>a &lt; b</p>'
    """
    return Fragment("".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs))


def show_verdict(sentences: Sequence[str], *, tone: Tone = "plain") -> Fragment:
    """Show the sentences that a lead reads out, in a box; a bad tone makes the box red."""
    lines = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    return Fragment(f'<div class="st-verdict {escape(tone)}">{lines}</div>')


def show_alarm(head: str, items: Sequence[tuple[str, str]], foot: str) -> Fragment:
    """Show in a red box what is wrong: a head, a numbered list of what it is and what follows, and the way out."""
    lines = "".join(f"<li>{escape(what)} <b>{escape(follows)}</b></li>" for what, follows in items)
    return Fragment(
        f'<div class="st-verdict bad"><p><b>{escape(head)}</b></p><ol>{lines}</ol><p>{escape(foot)}</p></div>'
    )


def show_cards(cards: Sequence[Card]) -> Fragment:
    """Show figures side by side, each with its band and its remark."""
    shown = []
    for card in cards:
        parts = (("label", card.label), ("value", card.value), ("band", card.band), ("note", card.note))
        lines = "".join(f'<div class="{name}">{escape(text)}</div>' for name, text in parts if text)
        shown.append(f'<div class="st-card {card.tone}">{lines}</div>')
    return Fragment(f'<div class="st-cards">{"".join(shown)}</div>')


def show_chart(ax: Axes, *, caption: str = "") -> Fragment:
    """Show a chart as a picture that scales, with its title as the spoken text; its figure is closed."""
    from simlib.report.charts import to_svg

    spoken = escape(ax.get_title(loc="left") or caption)
    svg = to_svg(ax).replace("<svg", f'<svg role="img" aria-label="{spoken}"', 1)
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return Fragment(f'<figure class="st-chart">{svg}{below}</figure>')


def show_table(frame: pd.DataFrame, *, lang: Lang, caption: str = "", no_rows: str = "") -> Fragment:
    """Show a table with titles and units from the glossary; numbers stand right, gaps are red.

    A long table is folded; of a very long one the first rows are shown, and the page says so. In place of one without
    rows stands ``no_rows``, or a sentence that nothing is there to list.

    Raises
    ------
    KeyError
        A column has no row in the glossary.

    Examples
    --------
    >>> frame = pd.DataFrame({"queue": ["presale"], "shortfall": [3]})
    >>> "Presale" in show_table(frame, lang="en").html
    True
    """
    if frame.empty:
        return show_left_out(caption, no_rows or translate("report.no_rows", lang))
    frame = for_readers(frame, lang)
    columns = [describe_column(key, frame[key], lang) for key in frame.columns]
    head = "".join(f"<th{_side(column)}>{escape(column.title)}</th>" for column in columns)
    body = "".join(_row(row, columns, lang) for row in frame.head(ROWS_SHOWN).to_dict("records"))
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    wide = " wide" * (len(columns) >= WIDE_FROM)
    spoken = f' role="region" tabindex="0" aria-label="{escape(caption)}"' if caption else ""
    table = (
        f'<div class="st-scroll{wide}"{spoken}><table class="st-table">{title}<thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
    if len(frame) > ROWS_SHOWN:
        cut = translate("report.rows_left_out", lang, shown=ROWS_SHOWN, rows=f"{len(frame):,}")
        table += f'<p class="st-note">{escape(cut)}</p>'
    if len(frame) > FOLD_FROM:
        summary = caption or translate("report.open_table", lang, rows=f"{len(frame):,}")
        table = f'<details class="st-fold"><summary>{escape(summary)}</summary>{table}</details>'
    return Fragment(table)


def show_left_out(caption: str, text: str) -> Fragment:
    """Show in one line, under a table's name, why the table itself is not shown; the workbook has it."""
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return Fragment(
        f'<div class="st-scroll"><table class="st-table">{title}'
        f'<tbody><tr><td class="long">{escape(text)}</td></tr></tbody></table></div>'
    )


def _side(column: ShownColumn) -> str:
    return ' class="n"' if column.kind == "number" else ""


def _row(row: Mapping[Any, Any], columns: Sequence[ShownColumn], lang: Lang) -> str:
    unit, sized = unit_of_row(row), size_unit(row)
    cells = []
    for column in columns:
        value = row[column.key]
        if sized and column.key == "size" and not is_empty(value):
            text = size_words(sized, value, lang)
        else:
            text = show_cell(value, column, lang=lang, row_unit=unit)
        classes = ["n"] * (column.kind == "number") + ["long"] * (len(text) > ONE_LINE)
        if column.key == "shortfall" and pd.notna(row["shortfall"]) and row["shortfall"] > 0:
            classes.append("bad")
        mark = f' class="{" ".join(classes)}"' if classes else ""
        cells.append(f"<td{mark}>{escape(text)}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def render_report(
    sections: Sequence[tuple[str, Sequence[str | Fragment]]],
    *,
    title: str,
    lang: Lang,
    meta: Mapping[str, object],
    verdict: Sequence[str] = (),
    tone: Tone = "plain",
    cards: Sequence[Card] = (),
    folded: Collection[str] = (),
) -> str:
    """Write the report: one page that needs no network, no fonts and no script, and prints on A4.

    Parameters
    ----------
    sections : sequence of (heading, fragments)
        A fragment is a :class:`Fragment`, or the HTML that a notebook's cell has shown.
    title : str
        Usually the store's name; escaped like everything a store writes.
    meta : mapping
        What the page comes from, by label: store, seed, versions, hash.
    verdict, tone, cards
        The box and the figures above everything else.
    folded : collection of headings
        Sections that are closed until somebody opens them; on paper they stay closed.

    Raises
    ------
    ValueError
        A fragment holds a script, a handler, or something that loads from elsewhere; the message names it.
    """
    opening = (show_verdict(verdict, tone=tone).html if verdict else "") + (show_cards(cards).html if cards else "")
    shown = [(heading, [_checked(piece, heading) for piece in pieces]) for heading, pieces in sections]
    return _page(
        "report", title=title, lang=lang, meta=meta, opening=Markup(opening), sections=shown, folded=set(folded)
    )


def render_print(
    pages: Sequence[tuple[str, str, Sequence[str | Fragment]]], *, title: str, lang: Lang, paper: str = "A4"
) -> str:
    """Write pages to print: each a heading, a line below it and its pieces, on a sheet of its own.

    Parameters
    ----------
    pages : sequence of (heading, subtitle, pieces)
    paper : str
        The size as CSS names it, ``A4`` or ``A3 landscape``.

    Raises
    ------
    ValueError
        A piece holds a script, a handler, or something that loads from elsewhere.
    """
    shown = [(heading, line, [_checked(piece, heading) for piece in pieces]) for heading, line, pieces in pages]
    return _page("print", title=title, lang=lang, meta={}, paper=paper, pages=shown)


def render_index(rows: Sequence[Mapping[str, Any]], *, lang: Lang, overview: bool = False) -> str:
    """Write the page over a batch: one row per store, with its verdict, figures and files, or why it failed.

    Two marks beside a title sort by its column: without code, each row carries its places as style properties.

    Parameters
    ----------
    rows : sequence of mapping
        store (its file's name); folder (relative to the page) and summary of a store that is done; problem (text)
        of one that failed, else None. Of the summary are shown: verdict (sentences by language) and those of
        :data:`INDEX_FIGURES` that any store has.
    overview : bool
        Whether batch.xlsx and print.html lie beside the page, which then leads to them.
    """
    present = {key for row in rows for key in row.get("summary") or {}}
    keys = [key for key in INDEX_FIGURES if key in present]
    figures = [
        ShownColumn(key=key, title=titled(key, lang), kind="number", unit=glossary()[key]["unit"]) for key in keys
    ]
    failed = sum(row["problem"] is not None for row in rows)
    counts = translate("report.batch_counts", lang, count=len(rows), done=len(rows) - failed, failed=failed)
    sorted_by = {"store": label("store", lang), "status": translate("report.status", lang)}
    sorted_by |= {str(figure.key): figure.title for figure in figures}
    places = {key: at for at, key in enumerate(sorted_by)}
    sorts = [{"at": places[key], "title": title, "number": key in keys} for key, title in sorted_by.items()]
    verdict = {"at": None, "title": label("verdict", lang), "number": False}
    order = _row_orders(rows, list(sorted_by))
    return _page(
        "index",
        title=translate("report.batch_title", lang),
        lang=lang,
        meta={},
        counts=counts,
        overview=overview,
        figures=figures,
        sorts=sorts,
        heads=[*sorts[:2], verdict, *sorts[2:]],
        rows=[_index_row(row, figures, lang) | {"order": style} for row, style in zip(rows, order, strict=True)],
    )


def _row_orders(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> list[str]:
    """Return each row's places as style properties: its rank by each column, rising and falling; gaps come last."""

    def value(row: Mapping[str, Any], key: str) -> Any:
        if key == "store":
            return _shop_name(row).casefold()
        return row["problem"] is not None if key == "status" else (row.get("summary") or {}).get(key)

    styles: list[list[str]] = [[] for _ in rows]
    for at, key in enumerate(keys):
        values = [value(row, key) for row in rows]
        there = [number for number, each in enumerate(values) if each is not None]
        gaps = [number for number, each in enumerate(values) if each is None]
        for way in ("up", "down"):
            ranked = sorted(there, key=lambda number: values[number], reverse=way == "down") + gaps
            for rank, number in enumerate(ranked):
                styles[number].append(f"--{way}{at}:{rank}")
    return [";".join(style) for style in styles]


def _shop_name(row: Mapping[str, Any]) -> str:
    """Return the store's own name, or its file's where nothing else is known of it."""
    return str((row.get("summary") or {}).get("store") or row["store"])


def _index_row(row: Mapping[str, Any], figures: Sequence[ShownColumn], lang: Lang) -> dict[str, Any]:
    summary = row.get("summary") or {}
    shown = []
    for figure in figures:
        value = summary.get(figure.key)
        text = "–" if value is None else show_number(value, unit=figure.unit, digits=1 if figure.unit == "share" else 0)
        shown.append({"text": text, "bad": figure.key == "shortfall" and bool(value)})
    first, _, rest = (row["problem"] or "").partition("\n")
    if len(first) > FIRST_LINE:
        first, rest = f"{first[:FIRST_LINE]}…", row["problem"]
    return {
        "store": row["store"],
        "name": _shop_name(row),
        "problem": row["problem"],
        "first": first,
        "rest": rest,
        "verdict": summary.get("verdict", {}).get(lang, ()),
        "figures": shown,
        "link": quote(str(row.get("folder") or "")),
    }


def _page(template: str, *, title: str, lang: Lang, meta: Mapping[str, object], **parts: Any) -> str:
    """Fill a template, then give the page the glyphs that it turned out to use."""
    place = "FONT-GOES-HERE"
    html = (
        _pages()
        .get_template(f"{template}.html.j2")
        .render(
            title=title,
            lang=lang,
            html_lang=HTML_LANG[lang],
            meta=meta,
            policy=POLICY,
            font=place,
            css=Markup(_css("fragment") + _css("page")),
            **parts,
        )
    )
    return html.replace(place, embed_typeface("".join(sorted(set(unescape(html))))), 1)


# --- what may stand in a page -----------------------------------------------------------------------------


def _checked(piece: str | Fragment, heading: str) -> Markup:
    html = piece.html if isinstance(piece, Fragment) else piece
    html = html.replace(f"<style>{_css('fragment')}</style>", "")  # the page has it once
    guard = _Guard(heading)
    guard.feed(html)
    guard.close()
    return Markup(html)


class _Guard(HTMLParser):
    """Refuses what runs, and what loads from elsewhere; a link to click on is neither."""

    ACTIVE = frozenset({"script", "iframe", "object", "embed", "link", "meta", "base", "form", "audio", "video"})
    LOADING = frozenset({"src", "srcset", "data", "poster", "background"})

    def __init__(self, heading: str) -> None:
        super().__init__()
        self.heading = heading

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        """Look at one element."""
        if tag in self.ACTIVE:
            self._refuse(f"<{tag}>")
        for name, text in attrs:
            target = (text or "").strip().lower()
            plain = re.sub(r"[\x00-\x20]", "", target)
            if name.startswith("on"):
                self._refuse(f"{name} of <{tag}>")
            if plain.startswith(("javascript:", "vbscript:")):
                self._refuse(f"{name}={text!r} of <{tag}>")
            loads = name in self.LOADING or (name in ("href", "xlink:href") and tag != "a")
            if loads and not plain.startswith(("#", "data:image/")):
                self._refuse(f"{name}={text!r} of <{tag}>")
            if name == "style":
                self._check_style(target)

    def handle_data(self, data: str) -> None:
        """Look at a style sheet's text."""
        if self.cdata_elem == "style":
            self._check_style(data)

    def _check_style(self, style: str) -> None:
        if "@import" in style or re.search(r"url\(\s*['\"]?(?!#|data:)", style):
            self._refuse("a style that loads from elsewhere")

    def _refuse(self, what: str) -> None:
        raise ValueError(f"the section {self.heading!r} holds {what}; a report runs no code and loads nothing")
