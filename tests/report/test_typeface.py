"""The bundled font draws Chinese where the machine has none."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

from simlib.messages import glossary, texts
from simlib.report.typeface import FAMILY, FONT, embed_typeface, missing_glyphs, register_typeface

GB2312 = [bytes((high, low)) for high in range(0xB0, 0xF8) for low in range(0xA1, 0xFF)]


def test_the_whole_of_gb2312_is_there() -> None:
    """All 6,763 characters of the national standard can be drawn, and the newer characters of names."""
    characters = "".join(raw.decode("gb2312", errors="ignore") for raw in GB2312)
    assert len(characters) == 6763
    assert missing_glyphs(characters) == ""
    assert missing_glyphs("喆玥珺昇翀祎 ￥1,234.5（%）≥≤×÷−→・●★√") == ""


def test_matplotlib_finds_the_font_by_path() -> None:
    """The family resolves to the file of the kit, not to something that the machine happens to have."""
    found = font_manager.findfont(register_typeface(), fallback_to_default=False)
    assert found == str(FONT)


def test_every_word_of_the_playbook_has_a_glyph_of_its_own() -> None:
    """No character of the glossary and the sentences falls to the empty box, glyph 0."""
    words = "".join(row["zh"] + row["en"] for row in glossary().values())
    words += "".join(twins["zh"] + twins["en"] for twins in texts().values())
    font = FT2Font(str(FONT))
    assert [sign for sign in sorted(set(words)) if not sign.isspace() and not font.get_char_index(ord(sign))] == []


def test_different_characters_look_different() -> None:
    """Two characters drawn by matplotlib are two pictures, and neither is the empty box."""
    pictures = []
    for sign in ("售", "后", "\ue000"):
        font = FT2Font(str(FONT))
        font.set_size(40, 72)
        if missing_glyphs(sign):
            with pytest.warns(UserWarning, match="missing from font"):
                font.set_text(sign, 0)
        else:
            font.set_text(sign, 0)
        font.draw_glyphs_to_bitmap()
        pictures.append(np.asarray(font.get_image()).tobytes())
    assert len(set(pictures)) == 3


def test_a_page_gets_the_glyphs_it_uses() -> None:
    """The embedded font is small, has each character of the text, and is the same every time."""
    text = "首响三分钟 <abc> 1,234 ￥"
    address = embed_typeface(text)
    assert address == embed_typeface(text)
    head, _, packed = address.partition(",")
    assert head == "data:font/woff;base64"
    raw = base64.b64decode(packed)
    assert len(raw) < 20_000
    assert raw[:4] == b"wOFF"
    with TTFont(io.BytesIO(raw)) as font:
        assert {ord(sign) for sign in text} <= set(font.getBestCmap())
        assert font["name"].getDebugName(1) == FAMILY


def test_a_character_the_font_lacks_is_named() -> None:
    """A sign outside the font is reported, and a page that holds it is written all the same."""
    assert missing_glyphs("好\U0001f642") == "\U0001f642"
    assert embed_typeface("好\U0001f642").startswith("data:")
