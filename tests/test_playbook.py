"""The written sand table keeps its word: twins, dates, figures, tables, incident cards, and nobody's brand."""

import datetime as dt
import doctest
import hashlib
import importlib
import re
import subprocess

import openpyxl
import pytest

from simlib import facts, goals, readiness, retrospective, staffing
from simlib.messages import HOUSE, LANGS, PLAYBOOK, glossary
from simlib.simulator import Agents, Contacts, simulate
from simlib.store.models import NEEDED, SHEETS

PAGES = sorted(path.name for path in (PLAYBOOK / "zh").glob("*.md"))
CHAPTERS = [name for name in PAGES if re.match(r"0[0-6]_", name)]
FRAME = {
    "为什么": "Why",
    "什么时候": "When",
    "怎么做": "How",
    "谁负责": "Owner",
    "做到什么算完成": "Evidence of done",
    "容易踩的坑": "Traps",
    "照着讲": "The lesson",
    "工具里看什么": "In the kit",
    "本页数字": "Figures on this page",
}
STANDING = {
    "verified": ("已核实", "verified"),
    "seen": ("二手来源", "second hand"),
    "recalled": ("凭记忆", "from memory"),
    "unverified": ("未核实", "unverified"),
    "ours": ("本工具假设", "our assumption"),
    "seed": ("同行经验", "trade practice"),
}
CLASSIC_DAYS = ((11, 11), (6, 18))


def read(lang: str, name: str) -> str:
    """Read a page of the playbook."""
    return (PLAYBOOK / lang / name).read_text("utf-8")


def headings(text: str) -> list[tuple[int, str]]:
    """List the headings of a page with their levels."""
    return [(len(marks), title) for marks, title in re.findall(r"^(#+) (.+)$", text, re.MULTILINE)]


def table_rows(text: str) -> list[list[str]]:
    """List the rows of a page's tables as cells, heads and rules left out."""
    lines = text.splitlines()
    rows = []
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if line.startswith("|") and "---" not in line and "---" not in below:
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def section(text: str, title: str) -> str:
    """Cut one section out of a page."""
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


# --- pages ------------------------------------------------------------------------------------------------


def shape(text: str) -> list[str]:
    """Describe a page line by line without its words: headings, list items, table rows with their cells."""
    found = []
    for line in text.splitlines():
        mark = re.match(r"(#+) |(- )|(\d+\. )|(\|)", line)
        if mark:
            found.append(f"|{line.count('|')}" if mark[4] else mark[0])
    return found


@pytest.mark.parametrize("name", PAGES)
def test_twins_have_one_shape(name):
    """Both languages have the same headings, list items and table rows in the same order."""
    assert shape(read("zh", name)) == shape(read("en", name))


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_chapter_answers_the_same_questions(name):
    """A chapter says why, when, how, who, what counts as done, what goes wrong, and where its figures come from."""
    for lang, titles in (("zh", list(FRAME)), ("en", list(FRAME.values()))):
        found = [title for level, title in headings(read(lang, name)) if level == 2]
        assert found == titles, lang


@pytest.mark.parametrize("name", CHAPTERS)
def test_classic_dates_are_the_offsets(name):
    """The classic dates of a page are the promo day plus the offset, for Double 11 and 618, in both languages."""
    titles = {"zh": "什么时候", "en": "When"}
    days = {lang: table_rows(section(read(lang, name), title)) for lang, title in titles.items()}
    assert [row[:3] for row in days["zh"]] == [row[:3] for row in days["en"]] != []
    for offset, *dates in (row[:3] for row in days["zh"]):
        shift = dt.timedelta(days=int(offset.removeprefix("T").replace("−", "-")))
        expected = [f"{dt.date(2026, month, day) + shift:%m-%d}" for month, day in CLASSIC_DAYS]
        assert dates == expected, offset


def figure(source: str) -> tuple[object, str]:
    """Look up what a figure of a page rests on: a fact ``file.key@platform``, or a constant of the code."""
    if source.startswith("simlib."):
        module, _, constant = source.rpartition(".")
        return getattr(importlib.import_module(module), constant), "ours"
    name, _, key = source.partition(".")
    key, _, platform = key.partition("@")
    table = facts.table(name)
    own = table["platform"].map(lambda named: (named or "") == platform)
    row = table[(table["key"] == key) & own].iloc[-1]
    return row["value"], row["status"]


@pytest.mark.parametrize("name", CHAPTERS)
@pytest.mark.parametrize("lang", LANGS)
def test_figures_are_the_facts(name, lang):
    """Each figure that a page lists is the dated fact that it names, with the fact's standing."""
    rows = table_rows(section(read(lang, name), "本页数字" if lang == "zh" else "Figures on this page"))
    assert rows
    for source, shown, standing in rows:
        value, status = figure(source.strip("`"))
        assert standing == STANDING[status][LANGS.index(lang)], source
        if isinstance(value, str):
            assert shown == value, source
        else:
            number = re.match(r"[\d.]+", shown)[0]
            assert float(number) / (100 if "%" in shown else 1) == pytest.approx(float(value)), source


@pytest.mark.parametrize("name", CHAPTERS)
def test_sheets_are_named_as_the_workbook_does(name):
    """Each sheet that a Chinese page names is a sheet of a workbook, by its own label."""
    books = (HOUSE / "templates" / "stores").glob("appliances.*.xlsx")
    labels = {glossary()[sheet]["zh"] for sheet in SHEETS}
    labels |= {title.split()[0] for book in books for title in openpyxl.load_workbook(book, read_only=True).sheetnames}
    kit = section(read("zh", name), "工具里看什么")
    asked = re.findall(r"^要填的表：(.*)$", kit, re.MULTILINE)
    named = re.findall(r"“([^”]+)”表", read("zh", name)) + re.findall(r"“([^”]+)”", "".join(asked))
    assert set(named) <= labels


def test_the_chat_model_runs():
    """The examples of the specification give what the page says."""
    text = re.sub(r"^```.*$", "", (PLAYBOOK / "chat_model.md").read_text("utf-8"), flags=re.MULTILINE)
    examples = doctest.DocTestParser().get_doctest(text, {}, "chat_model", "chat_model.md", 0)
    assert len(examples.examples) > 8
    assert doctest.DocTestRunner(verbose=False).run(examples).failed == 0


@pytest.mark.parametrize("lang", LANGS)
def test_the_worked_extension_of_the_simpy_engine_runs(lang):
    """What a student writes on the page about the SimPy engine gives what the page states, in both languages."""
    page = read(lang, "simpy_engine.md")
    text = re.sub(r"^```.*$", "", page, flags=re.MULTILINE)
    examples = doctest.DocTestParser().get_doctest(text, {}, "simpy_engine", "simpy_engine.md", 0)
    assert len(examples.examples) == 8
    assert doctest.DocTestRunner(verbose=False).run(examples).failed == 0
    engine = (HOUSE / "simlib" / "simulator" / "simpy_engine.py").read_text("utf-8")
    named = set(re.findall(r"`(\w+)`", page)) - {"yield"}
    assert {name for name in named if not re.search(rf"\b{name}\b", engine)} == set()


def test_links_lead_somewhere():
    """Each link from a page to a file of the repository finds it."""
    for path in PLAYBOOK.rglob("*.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


# --- the data dictionary ----------------------------------------------------------------------------------


def dictionary() -> dict[str, list[list[str]]]:
    """Read the data dictionary: the rows of each table, by its name."""
    text = (PLAYBOOK / "data_dictionary.md").read_text("utf-8")
    parts = re.split(r"^### (.+)$", text, flags=re.MULTILINE)[1:]
    bodies = [re.split(r"^## ", body, flags=re.MULTILINE)[0] for body in parts[1::2]]
    return {name: table_rows(body) for name, body in zip(parts[::2], bodies, strict=True)}


def listed(name: str) -> list[str]:
    """List the columns that the dictionary gives a table."""
    return [row[0].strip("`") for row in dictionary()[name]]


@pytest.mark.parametrize("sheet", SHEETS)
def test_sheets_are_listed(sheet):
    """Each sheet has its columns in their order, their Chinese labels and units, and which of them are needed."""
    fields = SHEETS[sheet].model_fields
    assert listed(sheet) == list(fields)
    for (key, info), row in zip(fields.items(), dictionary()[sheet], strict=True):
        assert row[1] == glossary()[key]["zh"]
        assert row[3] == glossary()[key]["unit"]
        assert (row[4] == "yes") == info.is_required()
    text = (PLAYBOOK / "data_dictionary.md").read_text("utf-8")
    lead = text.split(f"### {sheet}\n")[1].split("|")[0]
    assert ("Needed to begin" in lead) == (sheet in NEEDED)


@pytest.fixture(scope="module")
def night(small_plan):
    """The small example store's night, thought about briefly."""
    return small_plan


def test_tables_of_a_run_are_listed(night):
    """Each table that a run keeps has exactly the listed columns in their order."""
    for name, table in night.tables.items():
        assert listed(name) == list(table.columns), name


def test_units_of_a_run_are_the_glossary_s(night):
    """A column that the glossary knows has the glossary's unit in the dictionary too."""
    for name in night.tables:
        for row in dictionary()[name]:
            known = glossary().get(row[0].strip("`"))
            if known and known["unit"] and row[2] != "the row's":
                assert row[2] == known["unit"], (name, row[0])


def test_tables_of_the_chapters_are_listed(night):
    """Each table within a chapter has exactly the listed columns in their order."""
    store, day, today = night.store, night.wave.day, dt.date(2026, 9, 1)
    targets = goals.set_targets(sales_cny=1000.0, receptions=10.0)
    actuals = night.forecast[["start", "queue"]].head(2).assign(contacts=3)
    tables = {
        "tornado": staffing.tornado(night.sales.spans),
        "need_and_have": staffing.need_and_have(store, need={"presale": 3.0}, day=day),
        "make_or_buy": staffing.make_or_buy(gap=2, promo_day=day, today=today),
        "last_safe_dates": staffing.last_safe_dates(promo_day=day, today=today),
        "aftersale_stream": staffing.aftersale_stream(orders=10.0, promo_day=day, refund_share=0.1),
        "check_readiness": readiness.check_readiness(store, day=day, today=today, peak_heads=3),
        "phrase_coverage": readiness.phrase_coverage(store),
        "set_targets": targets,
        "split_targets": goals.split_targets(targets, roster=night.roster, agents=store.frame("agents")),
        "compare_actuals": retrospective.compare_actuals(night.forecast, actuals),
    }
    assert {name: listed(name) for name in tables} == {name: list(table) for name, table in tables.items()}


def test_the_log_of_a_night_is_listed():
    """The frames of a simulated night have exactly the listed columns in their order."""
    log = simulate(Contacts(arrival=[0.0], handle=1.0), Agents(shifts=[(0, 0, 10)]), turns=True, trace=True)
    assert listed("contacts") == list(log.contacts)
    assert listed("agents of a night") == list(log.agents)
    assert listed("turns") == list(log.turns)
    assert listed("trace") == list(log.trace)


# --- facts ------------------------------------------------------------------------------------------------

FACTS = sorted(path.stem for path in (PLAYBOOK / "facts").glob("*.yml"))


@pytest.mark.parametrize("name", [name for name in FACTS if name != "spellings"])
def test_facts_are_dated(name):
    """Each row says where it comes from and was checked on a day; its days of validity are in order."""
    table = facts.table(name)
    assert set(listed("facts")) <= set(table.columns)
    assert table["source"].map(lambda text: isinstance(text, str) and len(text) > 3).all()
    assert table["checked_on"].map(lambda day: isinstance(day, dt.date)).all()
    dated = table[table["valid_from"].notna() & table["valid_to"].notna()]
    assert (dated["valid_from"] <= dated["valid_to"]).all()


CARDS = re.findall(
    r"\w+",
    """
    tool_down bot_down power_cut network_down wrong_coupon sold_out courier_stop live_burst mass_complaint no_shows
    payment_failure page_error wave_moved negative_post surge phantom_seat
    """,
)
ROLES = {"command", "floor", "presale", "aftersale", "operations", "logistics"}
LEVERS = {
    "call_pool",
    "raise_concurrency",
    "extend_shifts",
    "move_breaks",
    "shift_bot_share",
    "triage_aftersale",
    "hand_over_sites",
}
LISTS = ("first_5_min", "fallback", "log")
# What an agent may not write to a buyer: contact outside the platform, money for reviews, absolute claims.
RED_LINES = re.compile(
    r"微信|QQ|加群|好评返|最低|最好|第一名|100\s*%|绝对|保证|wechat|whatsapp|guarantee|cheapest", re.IGNORECASE
)


def test_every_card_is_whole():
    """Every card says in both languages who declares, the first five minutes, phrase, fallback, recovery and log."""
    cards = facts.table("incidents")
    # Those of the first edition, in their order. No test has to know a card that is added: CONTRIBUTING promises that.
    assert list(cards["key"])[: len(CARDS)] == CARDS
    assert cards["key"].is_unique
    for card in cards.to_dict("records"):
        assert card["declares"] in ROLES
        assert card["levers"]
        assert set(card["levers"]) <= LEVERS
        assert len(card["levers"]) == len(set(card["levers"]))
        assert set(card["watch"]) <= set(glossary())
        assert set(card["zh"]) == set(card["en"]) == {"name", "trigger", "phrase", "recovery", *LISTS}
        for part in LISTS:
            assert len(card["zh"][part]) == len(card["en"][part]) >= 3, (card["key"], part)
        assert [re.match(r"[\d–-]+", step)[0].replace("–", "-") for step in card["zh"]["first_5_min"]] == [
            re.match(r"[\d-]+", step)[0] for step in card["en"]["first_5_min"]
        ]


def test_phrases_of_cards_keep_to_the_red_lines():
    """No phrase of a card leaves the platform, pays for reviews or promises what nobody can; such a phrase is found."""
    phrases = [card[lang]["phrase"] for card in facts.table("incidents").to_dict("records") for lang in LANGS]
    assert [phrase for phrase in phrases if RED_LINES.search(phrase)] == []
    assert RED_LINES.search("加我微信，保证今天到")


# --- nobody's brand ---------------------------------------------------------------------------------------

# Brands, shops and people that the source documents name, as the first 16 digits of SHA-256: none may stand here.
BRANDS = frozenset(
    re.findall(
        r"\w+",
        """
    04e408bf1c03e6b5 060651b12cdc11bf 08bb42a30ca57f34 0e65e5b2e21e8a02 12c304af60771c08 217f98357e0f8d9c
    22ffc2d9d5e48600 2931a494b951ed7e 299f2cd7ac002b0a 2f441feac7e6af60 3b62a69b24696102 40a1607372a7c0ab
    4345fa3f884b4508 52a5b2c56320a0fc 648ac0860a36272a 68336fdee54d202a 6a5b9cce2a9d3cba 6b8ef56c492f7661
    9402440400dbc1fa 982c8e4623d56ec1 9ae9f53dc66ede81 a083fab1f44d3fa0 a373d82e6213f3f8 aa644d9260475c62
    abafba9f4856f494 abf4047a9c51f75d c3b772f9cf6dd063 c8439c39b064c11b c8d81bf47265700f cdc5cf4915ec8ca0
    de53b3b51c81a8d7 df5205a5e026b61f ede97b42fc875708
""",
    )
)
CHINESE = re.compile(r"[\u4e00-\u9fff]+")
LONGEST = 5


def brands_in(text: str, brands: frozenset[str]) -> set[str]:
    """Find the names in a text whose hash is listed: runs of 2 to 5 Chinese signs, words of Latin letters."""
    names = {word.lower() for word in re.findall(r"[A-Za-z][A-Za-z.]{2,}", text)}
    for run in CHINESE.findall(text):
        names |= {run[i : i + n] for n in range(2, LONGEST + 1) for i in range(len(run) - n + 1)}
    return {name for name in names if hashlib.sha256(name.encode()).hexdigest()[:16] in brands}


def test_no_brand_of_the_sources_appears():
    """No text of the repository names a brand, shop or person of the source documents."""
    tracked = subprocess.run(["git", "ls-files"], cwd=HOUSE, capture_output=True, text=True, check=True).stdout
    texts = {".md", ".py", ".yml", ".csv", ".ipynb", ".toml", ".cff", ".j2"}
    paths = [HOUSE / name for name in tracked.splitlines()]
    speaking = [path for path in paths if path.suffix in texts and path.exists()]
    found = {path.name: brands_in(path.read_text("utf-8-sig"), BRANDS) for path in speaking}
    assert {name: brands for name, brands in found.items() if brands} == {}


def test_a_brand_is_found():
    """A listed name is found in the middle of a sentence, in Chinese and in Latin letters; others are not."""
    listed_names = frozenset(hashlib.sha256(name.encode()).hexdigest()[:16] for name in ("云上牌", "acme"))
    assert brands_in("我们店卖云上牌的杯子", listed_names) == {"云上牌"}
    assert brands_in("made by acme now", listed_names) == {"acme"}
    assert brands_in("卖杯子 cups", listed_names) == set()


def test_no_column_is_described_by_its_own_name():
    """A column that ends in a language or a bound is described by what it ends; nothing is made up from its key."""
    for name, rows in dictionary().items():
        for row in rows:
            key = row[0].strip("`")
            assert "_" not in key or key not in row[-1].replace(f"`{key}`", "").split(), (name, key)
