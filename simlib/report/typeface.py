"""The Chinese font that the kit carries: for matplotlib by its path, for a web page as the glyphs used."""

from __future__ import annotations

import base64
import io
import logging
from functools import lru_cache
from pathlib import Path

FONT = Path(__file__).parent / "fonts" / "NotoSansSC-subset.otf"
FAMILY = "Noto Sans SC Subset"


@lru_cache(maxsize=1)
def register_typeface() -> str:
    """Register the font with matplotlib by its path, and return the family.

    Only the running process is changed: matplotlib's font cache, which may remember a machine without Chinese
    fonts, is neither read nor written.
    """
    from matplotlib import font_manager

    font_manager.fontManager.addfont(FONT)
    return FAMILY


@lru_cache(maxsize=1)
def drawable() -> frozenset[str]:
    """Return the characters that the font can draw."""
    from fontTools.ttLib import TTFont

    with TTFont(FONT, lazy=True) as font:
        return frozenset(map(chr, font.getBestCmap()))


def missing_glyphs(text: str) -> str:
    """Return the characters of ``text`` that the font cannot draw, each once, sorted; white space is never missing.

    Examples
    --------
    >>> missing_glyphs("首响 < 30 s"), missing_glyphs("一 🙂")
    ('', '🙂')
    """
    return "".join(sorted(sign for sign in set(text) - drawable() if not sign.isspace()))


def embed_typeface(text: str) -> str:
    """Return the font cut down to the glyphs of ``text`` as a ``data:`` address (WOFF, 25 to 60 KB).

    The same text gives the same bytes. Characters that the font lacks are left to the reader's own fonts.
    """
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options(layout_features=[], hinting=True, notdef_outline=True)
    # The kit's font has no hints any more, and the boxes of the whole font hold those of its glyphs: to look for hints
    # and to measure each glyph again would take most of the time.
    with TTFont(FONT, lazy=True, recalcTimestamp=False, recalcBBoxes=False) as font:
        cutter = subset.Subsetter(options)
        cutter.populate(text=text)
        # fontTools reports every table it drops; users do not need to see that.
        logging.getLogger("fontTools.subset").setLevel(logging.WARNING)
        cutter.subset(font)
        font.flavor = "woff"
        packed = io.BytesIO()
        font.save(packed, reorderTables=True)
    return "data:font/woff;base64," + base64.b64encode(packed.getvalue()).decode("ascii")
