"""The library's lines in README run as they stand."""

import re

from simlib.messages import HOUSE


def commands(name):
    """Read the commands of a README with their options, without names that are the reader's own."""
    text = (HOUSE / name).read_text("utf-8")
    lines = re.findall(r"^(?:make|\.venv/bin/sandtable) .*$", text, flags=re.MULTILINE)
    found = []
    for line in lines:
        words = line.partition("#")[0].split()
        verb = 1 if words[0] == "make" else 2
        options = [word for word in words[verb:] if word.startswith("-") or "=" in word]
        found.append((*words[:verb], *options))
    return found, re.findall(r"(?:[a-z_]+ )?--[a-z-]+", re.sub(r"[^\x00-\x7f]+", " | ", text)), text


def test_both_languages_have_the_same_commands_and_code():
    """Each command, option, code block, file and exit status of one README stands in the other."""
    (zh, zh_options, zh_text), (en, en_options, en_text) = commands("README.zh.md"), commands("README.md")
    assert zh == en
    assert {each.split()[-1] for each in zh_options} == {each.split()[-1] for each in en_options}
    assert re.findall(r"```python\n.*?```", zh_text, re.DOTALL) == re.findall(r"```python\n.*?```", en_text, re.DOTALL)
    assert zh_text.count("\n## ") == en_text.count("\n## ")
    assert all("130" in text for text in (zh_text, en_text))


def test_the_lines_of_the_readme_run(capsys):
    """The ten lines without a workbook give a probability, a week, two served buyers and a roster."""
    (code,) = re.findall(r"```python\n(.*?)```", (HOUSE / "README.md").read_text("utf-8"), flags=re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    wait, week, *rest = capsys.readouterr().out.split(maxsplit=2)
    assert 0.10 < float(wait) < 0.12
    assert week == "7"
    assert rest[0].startswith("['served', 'served'] 1")
