"""Make ``NotoSansSC-subset.otf``: the Chinese font that charts and reports carry with them.

The glyphs are those of Noto Sans CJK SC Regular (SIL Open Font License 1.1, ``LICENSE-OFL.txt`` beside this
file), taken from the Debian package ``fonts-noto-cjk`` 1:20220127+repack1-1. Run it again only when the
character set must grow::

    apt-get download fonts-noto-cjk && dpkg -x fonts-noto-cjk_*.deb noto
    python simlib/report/fonts/make_font.py noto/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

FACE_SC = 2  # the collection holds Japanese, Korean, Simplified Chinese, Traditional Chinese, Hong Kong
FAMILY = "Noto Sans SC Subset"
BLOCKS = (
    (0x0020, 0x007F),  # ASCII
    (0x00A0, 0x0100),  # Latin-1
    (0x2010, 0x2040),  # dashes, quotes, bullets, per mille
    (0x2190, 0x219A),  # arrows
    (0x2460, 0x2474),  # circled numbers
    (0x25A0, 0x2606),  # squares, triangles, circles, stars
    (0x3000, 0x3020),  # Chinese punctuation
    (0xFF01, 0xFF5F),  # full-width forms
    (0xFFE0, 0xFFE7),  # full-width currency signs
)
SIGNS = "€™←↑→↓⇒∈∑−√∞≈≠≡≤≥✓"
# Characters that the 1980 set lacks and today's given names and surnames use.
NAMES = (
    "喆玥珺璟煊堃烜赟昇垚犇骉翀祎瑄琤璠珮瑀瑨玙珩琰琍昉昀晞暐橦沄湉潆濛燊甯禛竑缦芃荍赑镕铖锜霈頔飏鸰龑䶮"
    "媞嫚嬿孖峤弢彧忞惇愔旸旼昫晅晙暻朓杺柷梽楒樾檑仝仉佟侑俣偲傒凇勍叆咘啰嗪嘏圐垯埇埏堉塬奡妘姞姮婳嫕嫽孃"
    "宬尕峣崟崾崧嶶巘彣徳恬悦惢慜憓扆抃掞揆敩敫斓昪晧晳暠暶曈朤枏栐栢桄楉榃槱橞歆毓汭沚泇泚洢洣浠涢淏淸"
    "渟湜湙溁滃滢漪漷澂澔澴瀞瀚炆炘炤烔烺焓焯煐煜熇熳爔牂牮犨狄珅珖珣珧琇琎琡瑔瑢瑭璆璘璈瓅瓈畹疍皞盼矞砉砼硚祐祜祯"
    "禔稑穈窣笪筜筼箓箴篪粼纁绖绤翚翛翯耔聃脩臹舲芊芗苾茀荃荦莜莳菀菂菉萑萩葳蓁蓥蕗蕤薷藜虓蜎袆裒襻觌訚訢诜诠谞"
    "贇贠踽軏辀迓逄逯邈邝郓郕鄘酆醴钊钐钘钜钤铄铉铎铭锳镡镠镱闳闿阇阚阼陔隗雒雯霁霂霙靖韪韫頫颀颙餗馥骅骎骞骢鬯魃鲲鸢鸾黉黟鼒齮龢"
)


def gb2312() -> set[int]:
    """List the code points of GB 2312: 6,763 Chinese characters, and its letters, signs and punctuation."""
    found = set()
    for high in range(0xA1, 0xF8):
        for low in range(0xA1, 0xFF):
            try:
                found.add(ord(bytes((high, low)).decode("gb2312")))
            except UnicodeDecodeError:
                continue  # an empty cell of the code table
    return found


def make_font(source: Path, target: Path) -> None:
    """Cut the subset out of the collection ``source`` and write it as a plain OpenType font."""
    wanted = gb2312() | {ord(sign) for sign in SIGNS + NAMES}
    wanted |= {point for first, end in BLOCKS for point in range(first, end)}
    options = subset.Options(layout_features=[], hinting=False, name_IDs=["*"], notdef_outline=True)
    options.drop_tables += ["BASE", "VORG", "vhea", "vmtx", "DSIG"]
    font = TTFont(source, fontNumber=FACE_SC, recalcTimestamp=False)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=wanted)
    cutter.subset(font)
    postscript = FAMILY.replace(" ", "")
    own = {1: FAMILY, 2: "Regular", 3: postscript, 4: FAMILY, 6: postscript, 16: FAMILY, 17: "Regular"}
    names = font["name"]
    # Copyright (0), trademark (7) and licence (13, 14) stay as they came.
    names.names = [row for row in names.names if row.nameID in {0, 7, 13, 14} and row.langID in {0, 0x409}]
    for number, text in own.items():
        names.setName(text, number, 3, 1, 0x409)
    font["CFF "].cff.fontNames = [postscript]
    top = font["CFF "].cff.topDictIndex[0]
    top.FullName, top.FamilyName = FAMILY, FAMILY
    font.save(target)


if __name__ == "__main__":
    make_font(Path(sys.argv[1]), Path(__file__).with_name("NotoSansSC-subset.otf"))
