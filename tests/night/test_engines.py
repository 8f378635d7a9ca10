"""One night in both engines, and one buyer's chat in it."""

from dataclasses import fields, replace
from html import unescape

import numpy as np
import pandas as pd
import pytest

from simlib.messages import LANGS, label, translate
from simlib.night.engines import compare_engines, contacts_between
from simlib.report.charts import plot_chat, to_svg
from simlib.report.pages import show_chat, show_engines
from simlib.simulator import simulate
from simlib.stress import Incident

START = pd.Timestamp("2026-10-31 21:00", tz="Asia/Shanghai")


@pytest.fixture(scope="module")
def both(night):
    """The small night with the bot down, in both engines."""
    down = Incident(kind="bot_down", start=START, end=START + pd.Timedelta(minutes=30)).apply_to(night)
    return compare_engines(down, seed=7)


def test_both_engines_give_the_same_rows(both, night):
    """Every figure of every buyer of a disrupted night is equal, and the outcomes add up to the buyers."""
    assert both.different == 0
    assert both.contacts == len(night.variant().draw(seed=7, replication=0))
    assert both.columns == 11
    assert both.outcomes["simpy"].sum() == both.outcomes["compiled"].sum() == both.contacts
    assert both.simpy_s > 0


def test_a_stretch_of_the_night_is_its_own_buyers(night):
    """Half an hour has the buyers who come in it with all that was drawn for them; an empty stretch is the night."""
    whole = night.variant().draw(seed=7, replication=0)
    part = contacts_between(whole, start_s=3600, end_s=5400)
    there = (whole.arrival >= 3600) & (whole.arrival < 5400)
    for column in fields(whole):
        if column.name not in ("handle", "think"):
            values = getattr(whole, column.name)[there]
            assert np.array_equal(getattr(part, column.name), values, equal_nan=values.dtype.kind == "f")
    of_turn = np.repeat(there, whole.turns)
    assert np.array_equal(part.handle, whole.handle[of_turn])
    assert np.array_equal(part.think, whole.think[of_turn])
    assert contacts_between(whole, start_s=1e7, end_s=2e7) is None
    short = compare_engines(night, seed=7, start=START, minutes=30)
    assert short.contacts == int(((whole.arrival >= 3600) & (whole.arrival < 5400)).sum())
    assert short.different == 0


def test_a_chat_is_whole(both, night):
    """The parts follow each other without a gap, from the buyer's arrival to the last reply, as the log has it."""
    chat = both.chat
    assert (chat["start"].iloc[1:].to_numpy() == chat["end"].iloc[:-1].to_numpy()).all()
    assert (chat["lasts_s"] >= 0).all()
    assert chat["chat_part"].iloc[0] == "with_bot"
    assert chat["chat_part"].iloc[-1] == "waits_reply"
    replies = int((chat["chat_part"] == "waits_reply").sum())
    assert 3 <= replies <= 8
    assert (chat["chat_part"] == "buyer_writes").sum() == replies - 1


@pytest.mark.parametrize("lang", LANGS)
def test_a_chat_is_drawn(both, lang):
    """The picture names its lanes and marks; the page has it with its table, and the sentence that all is equal."""
    ax = plot_chat(both.chat, lang=lang)
    shown = [text.get_text() for text in ax.get_yticklabels()]
    assert shown == [label(part, lang) for part in dict.fromkeys(_in_order(both.chat))]
    assert to_svg(ax).startswith("<svg")
    assert translate("report.chat_title", lang) in unescape(show_chat(both, lang=lang).html)
    assert "st-verdict good" in show_engines(both, lang=lang).html


def _in_order(chat):
    present = set(chat["chat_part"])
    return [part for part in ("with_bot", "in_queue", "waits_reply", "buyer_writes") if part in present]


def test_a_difference_is_shown_in_red(both):
    """A cell that differs turns the sentence red and is counted; without a served buyer there is no picture."""
    html = show_engines(replace(both, different=3), lang="en").html
    assert "st-verdict bad" in html
    assert "in 3 of them" in html
    nobody = replace(both, chat=both.chat.head(0))
    assert show_chat(nobody, lang="zh").html == f"<p>{translate('pages.no_chat', 'zh')}</p>"


def test_the_log_is_not_that_of_another_seed(night):
    """The comparison would see a difference: two seeds give different logs."""
    variant = night.variant()
    logs = [simulate(variant.draw(seed=seed, replication=0), variant.agents).contacts for seed in (7, 8)]
    assert not logs[0].equals(logs[1])
