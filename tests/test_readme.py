"""The library's lines in README run as they stand."""

import re

from simlib.messages import HOUSE


def test_the_lines_of_the_readme_run(capsys):
    """The ten lines without a workbook give a probability, a week, two served buyers and a roster."""
    (code,) = re.findall(r"```python\n(.*?)```", (HOUSE / "README.md").read_text("utf-8"), flags=re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    wait, week, *rest = capsys.readouterr().out.split(maxsplit=2)
    assert 0.10 < float(wait) < 0.12
    assert week == "7"
    assert rest[0].startswith("['served', 'served'] 1")
