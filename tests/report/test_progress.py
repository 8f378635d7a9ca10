"""The bar under a cell: seen where somebody looks, escaped, gone at the end whatever happened."""

from types import SimpleNamespace

import pytest

from simlib.report import progress


class Shown(list):
    """What a notebook's display was updated with."""

    def update(self, html):
        self.append(html.data)


@pytest.fixture
def shown(monkeypatch):
    """A notebook that somebody has open, and every state of its bar."""
    states = Shown()
    monkeypatch.setattr(progress, "get_ipython", lambda: SimpleNamespace(config={"IPKernelApp": {}}))
    monkeypatch.setattr(progress, "display", lambda first, display_id: states)
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    return states


@pytest.mark.parametrize(("lang", "what"), [("zh", "压力测试"), ("en", "Stress test")])
def test_the_bar_says_what_is_done_of_how_much(shown, lang, what):
    """Each call moves the bar; the end takes it away."""
    with progress.show_progress("stress_test", lang=lang) as update:
        update(1, 4)
        update(3, 4)
    assert what in shown[0]
    assert "value=" not in shown[0]
    assert 'value="0.250"' in shown[1]
    assert "1 / 4" in shown[1]
    assert 'value="0.750"' in shown[2]
    assert shown[-1] == ""


def test_an_error_takes_the_bar_away_too_and_words_are_escaped(shown):
    """No half bar stays behind a failed cell, and a name with a tag in it stays a name."""

    def fail():
        with progress.show_progress("roster", lang="en") as update:
            update(detail="<b>12</b>")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert "&lt;b&gt;12" in shown[1]
    assert shown[-1] == ""


def test_nothing_is_shown_where_nobody_looks(capsys):
    """Outside a notebook the work goes on in silence."""
    with progress.show_progress("roster", lang="zh") as update:
        update(1, 2)
    assert capsys.readouterr().out == ""
