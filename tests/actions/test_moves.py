"""Moves: the gap, what each move changes and leaves alone, what the law and the calendar forbid."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from simlib import facts
from simlib.actions.moves import (
    KINDS,
    ActionError,
    PlannedMove,
    apply_moves,
    find_gap,
    lay_shift,
    list_moves,
    name_moves,
)
from simlib.messages import LANGS, glossary, texts
from simlib.roster import check_roster
from tests.actions.conftest import DAY, TODAY
from tests.conftest import clock

IGNORED = ["exam", "quality", "unknown_shift", "shift_hours"]


def moves_of(room, kind):
    """List the moves of one kind."""
    return [move for move in list_moves(room) if move.kind == kind]


def heads_at(night, start):
    """Count who chats through a half hour."""
    chat = night.roster[night.roster["activity"] == "chat"]
    return int(((chat["start"] <= start) & (chat["end"] >= start + pd.Timedelta(minutes=30))).sum())


def test_the_gap_is_the_stretch_around_the_worst_half_hour(room):
    """The gap lasts from nine to ten; it has the heads that are missing, by queue."""
    assert (room.gap.start, room.gap.end) == (clock("21:00"), clock("22:00"))
    assert room.gap.minutes == 60
    assert room.gap.heads == 6
    assert room.gap.by_queue == {"presale": 6}
    whole = room.coverage.assign(shortfall=0.0)
    assert find_gap(whole) is None


def test_every_kind_is_a_term():
    """Each kind of move has a name in both languages."""
    assert all(glossary()[f"do_{kind}"][lang] for kind in KINDS for lang in LANGS)


def test_several_moves_are_kept_apart(room):
    """A move has commas of its own, so several are parted by a plus, and one stands alone."""
    one, two = list_moves(room)[:2]
    for lang in LANGS:
        first, second = one.text().text(lang), two.text().text(lang)
        assert name_moves([one]).text(lang) == first
        assert f"{first} + {second}" in name_moves([one, two]).text(lang)


def test_moves_add_heads_in_the_gap_and_leave_the_plan_alone(room, short_night):
    """Whoever is moved, called in, cleared or hired sits in the gap; the plan's own tables stay as they were."""
    before = short_night.roster.copy(), short_night.people.copy()
    found = [move for move in list_moves(room) if not move.segments.empty and move.kind != "move_breaks"]
    assert {"call_in", "resit", "outside_help", "overtime_move"} <= {move.kind for move in found}
    for move in found:
        after = move.apply_to(short_night)
        for start in (clock("21:00"), clock("21:30")):
            assert heads_at(after, start) == heads_at(short_night, start) + move.heads, move.key
        assert after.agents().shifts.size
    pd.testing.assert_frame_equal(short_night.roster, before[0])
    pd.testing.assert_frame_equal(short_night.people, before[1])


def test_moved_rosters_break_no_rule(room, short_night, shifts):
    """The independent checker finds nothing in the roster after any move: no overlap, no short rest, no long day."""
    for move in list_moves(room):
        night = move.apply_to(short_night)
        people = night.people.assign(exam_score=100.0, qa_pass=True)
        found = check_roster(night.roster, people, shifts, room.rules, changed=set(people["agent_id"]))
        assert found[~found["rule"].isin(IGNORED)].empty, (move.key, found)


def test_people_on_call_are_called_first(room):
    """Of those who are off, A10 stands by and is named first; a day off is paid as one."""
    [move] = moves_of(room, "call_in")
    assert move.agents == ("A10", "A08", "A09")
    pay = facts.value("labour", "rest_day_pay_pct") / 100
    assert move.cost_cny == pytest.approx(3 * 4.5 * 40 * pay)
    assert move.last_day == DAY - dt.timedelta(days=1)


def test_who_is_tied_stays(room):
    """A05 has a duty or a wish for this day and is never moved."""
    assert all("A05" not in move.agents for move in list_moves(room))


def test_overtime_is_paid_and_bounded(room):
    """People from ten who come earlier stay their shift: more hours, paid at the rate of overtime, at most three."""
    for move in moves_of(room, "overtime_move"):
        each_h = move.hours / move.heads
        assert 0 < each_h <= room.rules.overtime_max_h_day
        assert move.cost_cny == pytest.approx(move.hours * 40 * room.rules.overtime_pay_pct / 100)


def test_a_move_that_is_too_late_is_not_offered(room):
    """On the promo day itself nobody is hired, taught or cleared any more; breaks and settings still can change."""
    late = replace(room, today=DAY)
    assert {move.kind for move in list_moves(late)} <= {"move_breaks", "more_concurrency"}
    assert all(move.last_day >= TODAY for move in list_moves(room))


def test_breaks_leave_the_gap(room, short_night):
    """Somebody whose meal lies in the gap chats through it afterwards and eats as long as before."""
    eating = short_night.roster["activity"] == "meal"
    roster = short_night.roster.copy()
    in_gap = eating & (roster["agent_id"] == "A00")
    assert (roster.loc[in_gap, "start"] == clock("21:30")).all()
    [move] = moves_of(room, "move_breaks")
    assert "A00" in move.agents
    after = move.apply_to(short_night).roster
    meals = after[(after["activity"] == "meal") & (after["agent_id"] == "A00")]
    assert (meals["end"] - meals["start"]).sum() == pd.Timedelta(minutes=30)
    assert ((meals["end"] <= clock("21:00")) | (meals["start"] >= clock("22:00"))).all()
    assert move.cost_cny == 0


def test_no_place_for_a_rest_is_no_shift():
    """A shift whose only free time is the gap has no place for its meal."""
    who = {"agent_id": "A", "name": "A", "cohort": "own", "shift": "X", "date": DAY}
    rest = [(clock("21:00"), pd.Timedelta(minutes=30), "meal")]
    spans = {"start": clock("20:00"), "end": clock("23:00"), "queue": "presale", "rests": rest}
    assert lay_shift(who, avoid=(clock("21:00"), clock("22:00")), **spans) is None
    rows = lay_shift(who, avoid=(clock("21:00"), clock("21:30")), **spans)
    assert [row["activity"] for row in rows] == ["chat", "meal", "chat"]
    assert rows[1]["start"] == clock("21:30")


def test_settings_change_everybody(room, short_night):
    """A higher limit is everybody's; the bot takes more around the gap only, and costs what it loses."""
    chats = next(move for move in list_moves(room) if move.kind == "more_concurrency")
    after = chats.apply_to(short_night)
    assert (after.people["capacity"] == short_night.people["capacity"] + chats.size).all()
    bot = next(move for move in list_moves(room) if move.kind == "more_bot")
    assert bot.apply_to(short_night).episodes[0].bot_share_change == bot.size
    assert bot.cost_cny > 0


def test_an_action_that_was_taken_is_refused_in_a_sentence(room, short_night):
    """The same move twice, and two moves of the same people, are refused by name in both languages."""
    [called] = moves_of(room, "call_in")
    with pytest.raises(ActionError) as error:
        apply_moves(short_night, [called, called])
    assert error.value.key == "already_taken"
    assert all(error.value.text(lang) and "{" not in error.value.text(lang) for lang in LANGS)
    other = replace(called, key="other")
    with pytest.raises(ActionError) as error:
        apply_moves(short_night, [called, other])
    assert error.value.key == "clash"


def test_newcomers_are_people_of_the_night(room, short_night):
    """Hired people have skills, places and the speed of their ramp; their days of training are paid."""
    moves = moves_of(room, "outside_help")
    assert moves
    for move in moves:
        people = move.apply_to(short_night).people
        new = people[people["agent_id"].isin(move.agents)]
        assert len(new) == move.heads
        assert new["speed"].between(0.5, 1.0).all()
        assert (new["capacity"] == 4).all()
        row = room.sources.set_index("cohort").loc[move.cohort]
        assert move.cost_cny > row["cost_cny_day"] / row["heads_to_take"] * move.heads


def test_moves_have_words(room):
    """Each move says what it is in both languages, with nothing left unfilled."""
    for move in list_moves(room):
        for lang in LANGS:
            assert "{" not in move.text_with_names().text(lang)
    assert isinstance(list_moves(room)[0], PlannedMove)
    assert np.isfinite([move.cost_cny for move in list_moves(room)]).all()


def test_more_chats_at_once_only_as_far_as_they_reach_anybody(room):
    """Where the chapter on concurrency says that so many are enough, no move goes beyond them."""
    now = int(room.people["capacity"].median())

    def sizes(enough):
        kinds = [move for move in list_moves(replace(room, chats_enough=enough)) if move.kind == "more_concurrency"]
        return sorted(move.size for move in kinds)

    assert sizes(None) == sizes(now + 2) == [1.0, 2.0]
    assert sizes(now + 1) == [1.0]
    assert sizes(now) == []


def test_the_sheet_and_the_sentence_name_the_same_last_day() -> None:
    """To be decided on the 28th at the latest is not "before the 28th", as the sheet for the meeting had it."""
    sheet, sentence = (texts()[f"actions.{key}"]["zh"] for key in ("decide", "sentence"))
    assert "最晚 {day}" in sheet
    assert "最晚 {day}" in sentence
