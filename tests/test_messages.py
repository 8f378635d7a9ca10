"""Every word that people see has its twin, stands in the playbook, and can be drawn."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat
import pytest
import yaml

from simlib.messages import LANGS, glossary, placeholders, texts, translate
from simlib.report.typeface import missing_glyphs

HOUSE = Path(__file__).resolve().parents[1]
PLAYBOOK = HOUSE / "playbook"
CHINESE = re.compile(r"[\u2e80-\u2fff\u3001-\u9fff\uf900-\ufaff\uff01-\uff5e]+")

# How people write figures and yes or no: signs that a reader must know and that nobody is shown.
NOTATION = frozenset("万亿年月日号时分秒元￥％：，；、（）－～是否对错休假") | {"上午", "下午"}
# A character set is no text: the glyphs that the font carries for people's names.
CHARACTER_SETS = {"simlib/report/fonts/make_font.py"}
# Short names that a file gives to label() and translate(), with what they put before the key.
ALIASES = {"simlib/cli.py": {"both": "cli.", "print_message": "cli."}}
# Where a word becomes visible: calls whose text, and arguments whose value, people read.
SHOWING_CALLS = frozenset(
    {"set_title", "set_xlabel", "set_ylabel", "suptitle", "annotate", "text", "set_text"}
    | {"print", "echo", "secho", "show_text", "show_verdict", "HTML", "Markdown"}
)
SHOWING_ARGUMENTS = frozenset({"label", "title", "description", "placeholder", "tooltip", "help", "caption"})


def code_of(path: Path) -> str:
    """Read a file's Python: a module as it stands, a notebook's code cells without their magics."""
    if path.suffix != ".ipynb":
        return path.read_text("utf-8")
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    lines = "\n".join(cells).splitlines()
    return "\n".join("pass" if line.startswith(("%", "!")) else line for line in lines)


def sources() -> list[Path]:
    """List the code that speaks: the library, the notebooks, the generators of the templates."""
    found = [*HOUSE.glob("simlib/**/*.py"), *HOUSE.glob("notebooks/*.ipynb"), *HOUSE.glob("templates/*.py")]
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


def name_of(path: Path) -> str:
    """Name a file as seen from the repository's root."""
    return path.relative_to(HOUSE).as_posix()


# --- the playbook itself ----------------------------------------------------------------------------------


def repeated_keys(text: str) -> list[str]:
    """List the keys that a YAML mapping has twice; a reader would silently keep the last."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        return []
    counts = Counter(key.value for key, _ in root.value)
    return [key for key, count in counts.items() if count > 1]


def test_every_term_has_its_twin() -> None:
    """Each row of the glossary has zh and en, a unit, and a definition in both."""
    wrong = [
        (key, field)
        for key, row in glossary().items()
        for field in ("zh", "en", "definition_zh", "definition_en")
        if not isinstance(row.get(field), str) or not row[field].strip()
    ]
    assert wrong == []
    assert [key for key, row in glossary().items() if not isinstance(row.get("unit"), str)] == []


def test_every_sentence_has_its_twin() -> None:
    """Each sentence is said in both languages and asks for the same values in both."""
    wrong = []
    for key, twins in texts().items():
        separates = not re.search(r"\w", twins.get("en", ""))  # what stands between words may be nothing
        said = all(isinstance(text, str) and (text.strip() or separates) for text in twins.values())
        asked = [placeholders(text) for text in twins.values()]
        if set(twins) - {"en_one"} != set(LANGS) or not said or any(one != asked[0] for one in asked):
            wrong.append(key)
    assert wrong == []


def test_what_is_counted_has_a_singular() -> None:
    """A message whose English counts things by ``{count}`` has a second form for one; nothing is counted as {n}."""
    counted = re.compile(r"\{(?:count|n)\} (?:[a-z-]+ ){0,2}?(?:[a-z]+s|people)\b")
    always_many = {"store.at_rows", "goals.rule_twice", "readiness.found_rally", "readiness.found_kept_off"}
    counting = {key for key, twins in texts().items() if counted.search(twins["en"])} - always_many
    assert sorted(key for key in counting if "en_one" not in texts()[key] or "{n}" in texts()[key]["en"]) == []


@pytest.mark.parametrize(("count", "begins"), [(1, "1 mistake "), ("1", "1 mistake "), (2, "2 mistakes ")])
def test_one_is_singular_as_a_number_and_as_it_is_shown(count: object, begins: str) -> None:
    """A count of one takes the singular, whether it comes as a number or written out already."""
    assert translate("cli.check_wrong", "en", count=count).startswith(begins)


@pytest.mark.parametrize("key", ["goals.qa_coach", "goals.qa_improvement_plan"])
def test_a_list_that_is_cut_names_the_table_that_has_them_all(key: str) -> None:
    """Five people named after a count of eight look like a mistake, unless the table with all eight is named."""
    for lang in LANGS:
        text = translate(key, lang, count=8, people=["A1", "A2", "A3", "A4", "A5"])
        assert glossary()["table_sampling"][lang] in text


def test_chinese_is_chinese_and_english_is_english() -> None:
    """An English twin holds no Chinese but notation, and a Chinese definition holds some."""
    english = {f"glossary {key}": row["en"] + row["definition_en"] for key, row in glossary().items()}
    english |= {key: twins["en"] for key, twins in texts().items()}
    assert [key for key, text in english.items() if not set("".join(CHINESE.findall(text))) <= NOTATION] == []
    definitions = {key: row["definition_zh"] for key, row in glossary().items()}
    assert [key for key, text in definitions.items() if not CHINESE.search(text)] == []


def test_every_page_has_its_twin() -> None:
    """Each page of the playbook is there in Chinese and in English, under the same name."""
    pages = {
        lang: {path.relative_to(PLAYBOOK / lang).as_posix() for path in (PLAYBOOK / lang).rglob("*.md")}
        for lang in LANGS
    }
    assert pages["zh"] == pages["en"]


def test_no_key_stands_twice() -> None:
    """No file of sentences has a key twice, and neither has the glossary."""
    files = sorted((PLAYBOOK / "messages").glob("*.yml"))
    assert {path.name: repeated_keys(path.read_text("utf-8")) for path in files} == {path.name: [] for path in files}
    rows = yaml.safe_load((PLAYBOOK / "glossary.yml").read_text("utf-8"))
    assert [key for key, count in Counter(row["key"] for row in rows).items() if count > 1] == []
    assert repeated_keys("a: 1\nb: 2\na: 3\n") == ["a"]


def test_every_unit_has_a_word() -> None:
    """Each unit that the glossary uses has a word in both languages."""
    units = {row["unit"] for row in glossary().values()} - {""}
    assert [unit for unit in sorted(units) if f"report.unit_{unit}" not in texts()] == []


def test_every_character_can_be_drawn() -> None:
    """The bundled font has each sign of the glossary and the sentences, and each Chinese one of the playbook."""
    spoken = [row[field] for row in glossary().values() for field in ("zh", "en", "definition_zh", "definition_en")]
    spoken += [text for twins in texts().values() for text in twins.values()]
    assert missing_glyphs("".join(spoken)) == ""
    written = [*PLAYBOOK.rglob("*.md"), *PLAYBOOK.rglob("*.yml"), *HOUSE.glob("templates/**/*.csv")]
    for path in written:
        chinese = "".join(CHINESE.findall(path.read_text("utf-8-sig")))
        assert missing_glyphs(chinese) == "", name_of(path)


# --- the keys that code asks for --------------------------------------------------------------------------


def asked_keys(code: str, aliases: dict[str, str]) -> Iterator[tuple[int, str, str, set[str] | None]]:
    """Find each key that code asks for: line, ``label`` or ``translate``, a pattern of the key, the values it gives.

    The pattern is the key itself, with ``.+`` where an f-string puts something in. The values are None where
    they cannot be read from the code.
    """
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        prefix = aliases.get(name, "")
        if name not in ("label", "translate", "Message") and name not in aliases:
            continue
        keywords = {keyword.arg for keyword in node.keywords}
        values = None if None in keywords else {str(keyword) for keyword in keywords} - {"lang"}
        for choice in _choices(node.args[0]):
            pattern = _pattern(choice)
            if pattern is not None:
                yield node.lineno, "label" if name == "label" else "translate", re.escape(prefix) + pattern, values


def _choices(node: ast.expr) -> list[ast.expr]:
    return [*_choices(node.body), *_choices(node.orelse)] if isinstance(node, ast.IfExp) else [node]


def _pattern(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(re.escape(p.value) if isinstance(p, ast.Constant) else ".+" for p in node.values)
    return None


def unknown_keys(code: str, *, aliases: dict[str, str]) -> list[str]:
    """List the keys of a piece of code that the playbook lacks, and the values that do not fit a sentence."""
    found = []
    for line, kind, pattern, values in asked_keys(code, aliases):
        known = glossary() if kind == "label" else texts()
        matches = [key for key in known if re.fullmatch(pattern, key)]
        if not matches:
            found.append(f"line {line}: {kind}({pattern}) is not in the playbook")
        for key in matches if kind == "translate" and values is not None and len(matches) == 1 else []:
            wanted = placeholders(texts()[key]["zh"])
            if wanted != values:
                found.append(f"line {line}: {key} asks for {sorted(wanted)} and is given {sorted(values)}")
    return found


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_every_key_is_in_the_playbook(path: Path) -> None:
    """Each term and each sentence that code asks for exists, and gets exactly the values it asks for."""
    assert unknown_keys(code_of(path), aliases=ALIASES.get(name_of(path), {})) == []


def test_every_key_of_the_page_templates_is_in_the_playbook() -> None:
    """The templates of the HTML pages ask for known keys only."""
    for path in sorted(HOUSE.glob("simlib/**/*.j2")):
        calls = re.findall(r'\b(label|translate)\("([^"]+)"', path.read_text("utf-8"))
        wrong = [key for kind, key in calls if key not in (glossary() if kind == "label" else texts())]
        assert wrong == [], path.name


def left_over(known: Iterable[str], code: str) -> list[str]:
    """List the sentences that no text in a piece of code names, whole or by the part after the point."""
    nodes = list(ast.walk(ast.parse(code)))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    built = [_pattern(node) or "" for node in nodes if isinstance(node, ast.JoinedStr)]
    patterns = [re.compile(pattern) for pattern in built if re.search("[a-z]{2}", pattern)]

    def named(key: str) -> bool:
        return key in texts or any(pattern.fullmatch(key) for pattern in patterns)

    return [key for key in known if not named(key) and not named(key.partition(".")[2])]


def test_no_sentence_is_left_over() -> None:
    """Each sentence of the playbook is said somewhere: by the code, or by a template of a page."""
    code = "\n".join(code_of(path) for path in sources())
    templates = "".join(path.read_text("utf-8") for path in HOUSE.glob("simlib/**/*.j2"))
    assert [key for key in left_over(texts(), code) if f'"{key}"' not in templates] == []
    assert left_over(["a.one", "a.two", "a.three_x"], 'translate("a.one"); f"three_{x}"') == ["a.two"]


def test_an_unknown_key_is_found() -> None:
    """A mistyped key, a prefix without any sentence, and a value too few or too many are each found."""
    assert unknown_keys('label("first_respons", lang)', aliases={})
    assert unknown_keys('translate(f"report.nothing_{x}", lang)', aliases={})
    assert unknown_keys('translate("report.sweet_spot", lang)', aliases={})
    assert unknown_keys('translate("report.sweet_spot", lang, cap=1, more=2)', aliases={})
    assert unknown_keys('print_message("nowhere_at_all", lang)', aliases={"print_message": "cli."})
    assert not unknown_keys(
        'translate("report.sweet_spot", lang, cap=1); label("own" if x else "temp", lang)', aliases={}
    )


# --- no word past the playbook ----------------------------------------------------------------------------


def chinese_literals(code: str) -> list[str]:
    """List the Chinese text in code that is neither a comment, nor a docstring, nor mere notation."""
    tree = ast.parse(code)
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                docstrings.add(id(first.value))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            runs = CHINESE.findall(node.value)
            if not all(run in NOTATION or set(run) <= NOTATION for run in runs):
                found.append(f"line {node.lineno}: {node.value[:40]!r}")
    return found


@pytest.mark.parametrize("path", [p for p in sources() if p.parts[-2] != "templates"], ids=name_of)
def test_no_chinese_in_code(path: Path) -> None:
    """Code holds no Chinese text: it stands in the playbook, beside its English twin."""
    if name_of(path) in CHARACTER_SETS:
        assert "translate(" not in code_of(path)
    else:
        assert chinese_literals(code_of(path)) == []


def test_a_chinese_literal_is_found() -> None:
    """Chinese in a string or an f-string is found; in a comment, a docstring or as notation it may stand."""
    assert chinese_literals('x = "售前"')
    assert chinese_literals('x = f"{n} 售前"')
    assert not chinese_literals('def f():\n    """首响。"""\n    return 1  # 售前')
    assert not chinese_literals('unit = {"万": 10_000, "亿": 100_000_000}')


def english_words(code: str) -> list[str]:
    """List the literal words in code that go straight to people's eyes."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        shown = list(node.args) if name in SHOWING_CALLS else []
        shown += [keyword.value for keyword in node.keywords if keyword.arg in SHOWING_ARGUMENTS]
        for argument in shown:
            for choice in _choices(argument):
                words = _literal(choice)
                if words not in LANGS and re.search(r"[A-Za-z]{2}", re.sub(r"https?://\S+", "", words)):
                    found.append(f"line {node.lineno}: {name}({words[:40]!r})")
    return found


def _literal(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return " ".join(part.value for part in node.values if isinstance(part, ast.Constant))
    return ""


@pytest.mark.parametrize("path", [p for p in sources() if p.parts[-2] != "templates"], ids=name_of)
def test_no_english_word_reaches_people_unseen(path: Path) -> None:
    """Titles, axes, legends, widgets and the terminal get their words from the playbook, never a literal."""
    assert english_words(code_of(path)) == []


def test_an_english_word_is_found() -> None:
    """A literal title, label, description or printed word is found; a looked-up one is not."""
    assert english_words('ax.set_title("Contacts")')
    assert english_words('ax.plot(x, label=f"queue {name}")')
    assert english_words('widgets.IntSlider(description="Bot share")')
    assert english_words('console.print("done" if ok else "")')
    assert not english_words('ax.set_title(label("contacts", lang)); ax.plot(x, label=label("bot", lang))')
    assert not english_words('raise ValueError("agents must be >= 1")')
