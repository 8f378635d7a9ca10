"""What a store may say of its floor: slow-down, bot questions, steps of the score; and a sentence for each mistake."""

from __future__ import annotations

import pytest

from simlib.messages import LANGS, texts
from simlib.store import check_store, load_store

STEPS = "12:100, 18:90, 25:80"


def found(path, sheet):
    """Return the messages about one sheet, each of which reads differently in the two languages."""
    problems = [each for each in check_store(path)[1] if each.sheet == sheet]
    assert all(each.text("zh") != each.text("en") and each.text("en")[-1] == "." for each in problems)
    return [each.message for each in problems]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("slow", "slowdown_unreadable"),
        ("3-1.05", "slowdown_unreadable"),
        ("3:0.95, 6:1.3", "slowdown_below_one"),
        ("3:1.4, 6:1.3", "slowdown_falls"),
        ("1:1.2, 6:1.3", "slowdown_falls"),
        ("6:1.3, 3:1.05", "slowdown_levels"),
        ("3:1.05, 3:1.1", "slowdown_levels"),
        ("2.5:1.05", "slowdown_levels"),
        ("0:1, 3:1.1", "slowdown_levels"),
    ],
)
def test_a_wrong_slow_down_is_a_sentence(as_book, as_folder, sound, text, message):
    """Not a list of pairs, below 1, falling, levels out of order: each names its row and what is allowed."""
    sound["store"].append(["slowdown_by_chats", text])
    problems = check_store(as_book(sound))[1]
    assert [(each.message, each.sheet, each.row, each.value) for each in problems] == [(message, "store", 5, text)]
    assert found(as_folder(sound), "store") == [message]


def test_a_slow_down_is_read_in_any_dress(as_book, sound):
    """Full-width marks, as an input method leaves them, are the same curve."""
    sound["store"].append(["slowdown_by_chats", "３：1.05，6：1.3"])
    assert load_store(as_book(sound)).store.slowdown_points == {3: 1.05, 6: 1.3}


def test_a_slow_down_shorter_than_the_capacity_is_noticed(as_book, sound):
    """The notice says what holds beyond the last level, and that the ratio is not used."""
    sound["store"].append(["slowdown_by_chats", "2:1.02, 4:1.1"])
    store, problems, notices = check_store(as_book(sound))
    assert not problems
    most = max(agent.capacity for agent in store.agents)
    short = next(each for each in notices if each.message == "slowdown_short")
    assert short.values == {"last": 4, "most": most, "factor": "1.1"}
    assert all("1.1" in short.text(lang) and str(most) in short.text(lang) for lang in LANGS)
    sound["store"][-1][1] = f"2:1.02, {most}:1.1"
    sound["ratios"].append(["switch_cost_pct", 1, 3, 8, "store"])
    messages = {each.message for each in check_store(as_book(sound, name="two.xlsx"))[2]}
    assert "slowdown_short" not in messages
    assert "slowdown_twice" in messages


def test_weights_of_zero_for_everybody(as_book, sound):
    """One sentence with all rows, and what to do instead."""
    sound["agents"][0].append("routing_weight")
    width = len(sound["agents"][0])
    for row in sound["agents"][1:]:
        row += [None] * (width - 1 - len(row)) + [0]
    problems = [each for each in check_store(as_book(sound))[1] if each.sheet == "agents"]
    assert {each.message for each in problems} == {"weight_zero"}
    assert len(problems) == len(sound["agents"]) - 1
    for row in sound["agents"][1:]:
        row[-1] = 2
    assert {agent.routing_weight for agent in load_store(as_book(sound, name="two.xlsx")).agents} == {2.0}


@pytest.mark.parametrize(
    ("rows", "messages"),
    [
        ([["rules", 0.5, 0.6], ["delivery", 0.5, 0.2]], []),
        ([["rules", 0.5, 0.6], ["delivery", 0.4, 0.2]], ["intents_not_one"]),
        ([["rules", 0.5, 0.6], ["rules", 0.5, 0.2]], ["stands_twice"]),
        ([["rules", 0.5, 1.6], ["delivery", 0.5, 0.2]], ["share_not_percent"]),
        ([["rules", 1.0, 0.9]], ["intents_against_ratio"]),
    ],
)
def test_what_the_bot_is_asked(as_book, sound, rows, messages):
    """Shares make up all contacts, each question stands once, and the sheet agrees with the store's ratio."""
    sound["intents"] = [["intent", "share", "bot_solves"], *rows]
    sound["ratios"].append(["bot_share", 0.3, 0.4, 0.5, "store"])
    assert found(as_book(sound), "intents") == messages


def test_the_bot_takes_what_its_questions_add_up_to(as_book, sound):
    """The sheet takes the place of a default, in the cascade and on the floor, with the default's span around it."""
    sound["intents"] = [["intent", "share", "bot_solves"], ["rules", 0.5, 0.6], ["delivery", 0.5, 0.3]]
    sound["ratios"] = [row for row in sound["ratios"] if row[0] != "bot_share"]
    store = load_store(as_book(sound))
    ratio = store.ratio("bot_share")
    assert ratio.likely == pytest.approx(0.45)
    assert ratio.source == "store"
    assert ratio.low <= 0.45 <= ratio.high
    assert store.with_ratios(bot_share=0.7).ratio("bot_share").likely == 0.7


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (STEPS, []),
        ("95:100, 90:80", []),
        ("fast", ["score_steps_unreadable"]),
        ("12:90, 18:100", ["score_steps_order"]),
        ("12:100, 12:90", ["score_steps_order"]),
        ("12:100, 25:90, 18:80", ["score_steps_order"]),
        ("12:120, 18:90", ["score_steps_order"]),
    ],
)
def test_steps_of_a_score(as_book, sound, text, messages):
    """Limits go one way and points fall."""
    sound["platforms"] = [["platform", "share", "score_steps"], ["douyin", 1.0, text]]
    assert found(as_book(sound), "platforms") == messages


def test_every_sentence_is_there():
    """Each complaint above has its sentence in both languages."""
    assert all(set(texts()[f"store.{key}"]) >= set(LANGS) for key in ("weight_zero", "loss_intents", "fill_intents"))
