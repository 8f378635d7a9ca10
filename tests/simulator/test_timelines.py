"""Hand-drawn timelines for every rule of the chat model.

Each test is one small night whose numbers are worked out by hand in the comments, and is run on both
engines and on the reference floor. Test names begin with the number of the rule.
"""

import math

import pytest

from tests.simulator.nights import ENGINES, agent, assert_columns, buyer, night, run

NAN = math.nan


@pytest.fixture(params=ENGINES)
def engine(request):
    """Each engine in turn."""
    return request.param


def contacts_of(engine, buyers, agents, **rest):
    return run(night(buyers, agents, **rest), engine).contacts


# ---- 1 bot ---------------------------------------------------------------------------------------------


def test_01_bot_resolves_without_an_agent(engine):
    """A contact that the bot resolves ends at arrival + bot and never enters the human stage."""
    out = run(night([buyer(5, bot=20, bot_resolves=True)], [agent()]), engine)
    assert_columns(
        out.contacts, outcome=["bot"], entry=[NAN], assigned=[NAN], first_reply=[NAN], end=[25], agent=[-1],
        replies=[0], attempts=[0], transfers=[0],
    )  # fmt: skip
    assert_columns(out.agents, busy=[0], replies=[0], chat_seconds=[0])


def test_01_bot_hands_over(engine):
    """What the bot cannot resolve enters the human stage at arrival + bot; the wait counts from there."""
    # with the bot 5-25, reply 25-35: response 10, although the buyer came 30 s before it
    found = contacts_of(engine, [buyer(5, bot=20, patience=1)], [agent()])
    assert_columns(found, outcome=["served"], entry=[25], assigned=[25], first_reply=[35], end=[35], response_sum=[10])


def test_01_bot_window_holds_its_start_and_not_its_end(engine):
    """Arrivals at the start of an outage pass the bot by, arrivals at its end meet it."""
    arrivals = [9.5, 10, 19.5, 20]
    found = contacts_of(
        engine, [buyer(t, bot=0.25, bot_resolves=True) for t in arrivals], [agent(capacity=9)],
        bot_down=[(10, 20)],
    )  # fmt: skip
    assert_columns(found, outcome=["bot", "served", "served", "bot"], entry=[NAN, 10, 19.5, NAN])


def test_01_outage_sends_everybody_from_the_bot_in_index_order(engine):
    """When the outage opens, all contacts with the bot enter at that instant, lowest index first."""
    # 0 and 1 enter at 12: agent writes 0 12-22, 1 22-32. Contact 2 had been resolved at 11.
    buyers = [
        buyer(0, bot=30, bot_resolves=True),
        buyer(5, bot=25),
        buyer(6, bot=5, bot_resolves=True),
    ]
    found = contacts_of(engine, buyers, [agent()], bot_down=[(12, 15)])
    assert_columns(
        found, outcome=["served", "served", "bot"], entry=[12, 12, NAN], assigned=[12, 22, NAN],
        end=[22, 32, 11],
    )  # fmt: skip


def test_01_outage_comes_before_a_bot_that_would_finish_at_that_instant(engine):
    """Disruption changes go first: a bot that would resolve at 10 does not when it goes down at 10."""
    found = contacts_of(engine, [buyer(0, bot=10, bot_resolves=True)], [agent()], bot_down=[(10, 20)])
    assert_columns(found, outcome=["served"], entry=[10], end=[20])


# ---- 2 entering the human stage ------------------------------------------------------------------------


def test_02_never_assigned_first_then_longest_ago(engine):
    """Among equally loaded agents the never assigned go first, then the last assignment longest ago."""
    # 0 -> A0 (tie of two never assigned: lowest index), 1 -> A1, both idle at 20.
    # At 20 A0's last assignment was at 0, A1's at 2 -> A0. At 40: A0 at 20, A1 at 2 -> A1.
    buyers = [buyer(0), buyer(2, [3]), buyer(20), buyer(40)]
    found = contacts_of(engine, buyers, [agent(), agent()])
    assert_columns(found, agent=[0, 1, 0, 1])


def test_02_agents_assigned_at_the_same_instant_tie_and_the_lowest_index_goes_first(engine):
    """Two last assignments at one instant are equally long ago, whichever was made first."""
    # 0 -> A0 at 0 (writes 0-12). At 10: contact 1 -> A1 (0 open against 1); contact 2: both 1 open,
    # A0 was assigned at 0, A1 at 10 -> A0 (writes 12-17). Both last assignments are now at 10.
    # At 20 both are idle and were assigned equally long ago -> A0.
    buyers = [buyer(0, [12]), buyer(10, [5]), buyer(10, [5]), buyer(20)]
    found = contacts_of(engine, buyers, [agent(capacity=2), agent(capacity=2)])
    assert_columns(found, agent=[0, 1, 0, 0], first_reply=[12, 15, 17, 30])


def test_02_least_active_counts_open_chats(engine):
    """``least_active`` looks at open chats, however large the capacity."""
    # 0: 0 and 0 open -> A0 (index). 1: A0 1, A1 0 -> A1. 2: A0 is full -> A1.
    buyers = [buyer(t, [100]) for t in (0, 1, 2)]
    found = contacts_of(engine, buyers, [agent(capacity=1), agent(capacity=3)])
    assert_columns(found, agent=[0, 1, 1])


def test_02_most_available_counts_free_places(engine):
    """``most_available`` looks at free capacity."""
    # Free 1 and 3 -> A1; 1 and 2 -> A1; 1 and 1: A0 never assigned -> A0; 0 and 1 -> A1.
    buyers = [buyer(t, [100]) for t in (0, 1, 2, 3)]
    found = contacts_of(engine, buyers, [agent(capacity=1), agent(capacity=3)], routing="most_available")
    assert_columns(found, agent=[1, 1, 0, 1])


def test_02_only_agents_that_serve_the_queue_and_are_on_duty_are_available(engine):
    """Skill 0 and off duty mean not available; the contact waits for the one who is."""
    # A0 does not serve queue 0, A1 comes at 50, A2 left at 3 (its shift [0, 3) does not hold 3).
    agents = [agent(skill=(0,)), agent((50, 100)), agent((0, 3))]
    found = contacts_of(engine, [buyer(3)], agents)
    assert_columns(found, assigned=[50], agent=[1], first_reply=[60])


def test_02_a_shift_holds_its_start(engine):
    """A contact entering at the very start of a shift is assigned at once."""
    found = contacts_of(engine, [buyer(50)], [agent((50, 100))])
    assert_columns(found, assigned=[50])


def test_02_queue_is_ordered_by_entry_not_by_arrival(engine):
    """A contact that came earlier but stayed with the bot queues by when it entered."""
    # Contact 0 enters at 30, contact 2 at 20; the agent is busy with 1 until 41, then 2 until 51, then 0.
    buyers = [buyer(0, bot=30), buyer(1, [40]), buyer(20)]
    found = contacts_of(engine, buyers, [agent()])
    assert_columns(found, assigned=[51, 1, 41])


# ---- 3 assignment --------------------------------------------------------------------------------------


def test_03_messages_are_answered_first_come_first_served(engine):
    """Assigned contacts go to the tail of the inbox and are answered in that order."""
    # 0: 0-10, 1: 10-20, 2: 20-30; all assigned on arrival because three places are free.
    found = contacts_of(engine, [buyer(0), buyer(1), buyer(2)], [agent(capacity=3)])
    assert_columns(found, assigned=[0, 1, 2], first_reply=[10, 20, 30], response_sum=[10, 19, 28])


def test_03_a_chat_counts_as_open_while_its_buyer_thinks(engine):
    """A place is taken from assignment to the end of the chat, thinking included."""
    # Contact 0: 0-10, thinks until 110, 110-120. Contact 1 waits although the agent is idle from 10.
    out = run(night([buyer(0, [10, 10], [100]), buyer(1)], [agent()]), engine)
    assert_columns(out.contacts, assigned=[0, 120], end=[120, 130])
    assert_columns(out.agents, busy=[30], chat_seconds=[130])


# ---- 4 replying ----------------------------------------------------------------------------------------


def test_04_two_chats_interleave(engine):
    """One agent, two chats: messages are answered in the order in which they came."""
    # 0-10 first of 0, whose next message comes at 15; 10-20 first of 1, whose next comes at 40;
    # 20-30 second of 0 (response 30 - 15); idle 30-40; 40-50 second of 1 (response 50 - 40).
    out = run(night([buyer(0, [10, 10], [5]), buyer(2, [10, 10], [20])], [agent(capacity=2)]), engine)
    assert_columns(
        out.contacts, first_reply=[10, 20], end=[30, 50], replies=[2, 2], response_sum=[25, 28],
        response_max=[15, 18],
    )  # fmt: skip
    # open chats: 1 in 0-2, 2 in 2-30, 1 in 30-50
    assert_columns(out.agents, busy=[40], replies=[4], chat_seconds=[78])


def test_04_speed_divides_the_handle(engine):
    """An agent of speed 2 needs half the time, of speed 0.5 twice."""
    found = contacts_of(engine, [buyer(0), buyer(1)], [agent(speed=2), agent(speed=0.5)])
    assert_columns(found, first_reply=[5, 21])


def test_04_slow_factors_multiply_and_are_looked_up_as_the_reply_begins(engine):
    """Windows that hold the beginning count, for the whole reply; the others do not."""
    # begun 0: 2 x 1.5 x 10 = 30; begun 30: only 1.5 x 10 = 15; begun 45, the end of the second: 10;
    # begun 55, the start of the third: 3 x 10.
    found = contacts_of(
        engine, [buyer(0), buyer(0), buyer(0), buyer(0)], [agent(capacity=4)],
        slow=[(0, 0, 5, 2.0), (0, 0, 45, 1.5), (0, 55, 56, 3.0)],
    )  # fmt: skip
    assert_columns(found, first_reply=[30, 45, 55, 85])


def test_04_slow_is_for_the_agent_named(engine):
    """Another agent's slow seat slows nobody else; a factor below 1 speeds up."""
    found = contacts_of(engine, [buyer(0), buyer(0)], [agent(), agent()], slow=[(1, 0, 9, 0.5)])
    assert_columns(found, first_reply=[10, 5])


def test_04_the_place_is_held_for_the_closing_time(engine):
    """After the last reply the chat is over, but its place is free only close_s later."""
    # Contact 0 ends at 10, place held until 15; contact 1 15-25, place held until 30.
    out = run(night([buyer(0), buyer(1)], [agent()], close_s=5), engine)
    assert_columns(out.contacts, assigned=[0, 15], end=[10, 25])
    assert_columns(out.agents, busy=[20], chat_seconds=[30])


def test_04_a_reply_of_no_length_is_sent_at_once(engine):
    """Zero handle and zero think times end the whole chat at the instant at which it begins."""
    found = contacts_of(engine, [buyer(7, [0, 0, 0])], [agent()])
    assert_columns(found, first_reply=[7], end=[7], replies=[3], response_sum=[0], response_max=[0])


def test_04_the_next_message_queues_behind_those_already_there(engine):
    """A next message that comes at once still goes to the tail of the inbox."""
    # 0-10 first of 0; its second message comes at 10, behind that of 1: 10-20 first of 1, 20-30 second of 0.
    found = contacts_of(engine, [buyer(0, [10, 10], [0]), buyer(5)], [agent(capacity=2)])
    assert_columns(found, end=[30, 20], response_max=[20, 15])


# ---- 5 a freed place -----------------------------------------------------------------------------------


def test_05_the_smallest_skill_number_goes_first(engine):
    """An agent takes from the queue it serves first, although the other has waited longer."""
    buyers = [buyer(0, [10], queue=1), buyer(1, queue=0), buyer(2, queue=1)]
    found = contacts_of(engine, buyers, [agent(skill=(2, 1))])
    assert_columns(found, assigned=[0, 20, 10])


def test_05_among_equals_the_earliest_entry_then_the_lowest_index(engine):
    """Queues of equal skill number are one line."""
    buyers = [buyer(0, queue=1), buyer(1, queue=0), buyer(2, queue=1), buyer(2, queue=0)]
    found = contacts_of(engine, buyers, [agent(skill=(1, 1))])
    assert_columns(found, assigned=[0, 10, 20, 30])


def test_05_queues_not_served_are_left_alone(engine):
    """A freed place is not filled from a queue that the agent does not serve."""
    # A0 is free from 10 but serves queue 0 only; contact 1 waits for A1, who comes at 40.
    agents = [agent(skill=(1, 0)), agent((40, 90), skill=(0, 3))]
    found = contacts_of(engine, [buyer(0, queue=0), buyer(1, queue=1)], agents)
    assert_columns(found, assigned=[0, 40], agent=[0, 1])


def test_05_a_newcomer_does_not_overtake_the_queue(engine):
    """A place is filled from the queue as it is freed, so who enters at that instant waits."""
    found = contacts_of(engine, [buyer(0), buyer(5), buyer(10)], [agent()])
    assert_columns(found, assigned=[0, 10, 20])


# ---- 6 patience ----------------------------------------------------------------------------------------


def test_06_leaves_the_queue_at_the_deadline(engine):
    """A waiting buyer whose patience ends leaves at that instant."""
    found = contacts_of(engine, [buyer(0), buyer(1, patience=4)], [agent()])
    assert_columns(
        found, outcome=["served", "abandoned"], assigned=[0, NAN], end=[10, 5], agent=[0, -1], replies=[1, 0],
        first_reply=[10, NAN],
    )  # fmt: skip


def test_06_a_reply_begun_at_exactly_the_deadline_counts(engine):
    """The agent is free at 10, the patience of the next ends at 10: served. Half a second less: gone."""
    served = contacts_of(engine, [buyer(0), buyer(1, patience=9)], [agent()])
    lost = contacts_of(engine, [buyer(0), buyer(1, patience=8.5)], [agent()])
    assert_columns(served, outcome=["served", "served"], end=[10, 20])
    assert_columns(lost, outcome=["served", "abandoned"], end=[10, 9.5])


def test_06_leaves_the_inbox_too_and_frees_the_place(engine):
    """Being assigned is not being answered: a buyer in the inbox leaves, and the next takes the place."""
    # 0 is written to 0-10; 1 is in the inbox from 1 and leaves at 6; 2 waits from 2 and takes its place at 6.
    buyers = [buyer(0), buyer(1, patience=5), buyer(2)]
    found = contacts_of(engine, buyers, [agent(capacity=2)])
    assert_columns(
        found, outcome=["served", "abandoned", "served"], assigned=[0, 1, 6], end=[10, 6, 20], agent=[0, 0, 0]
    )


def test_06_no_patience_is_a_loss_system(engine):
    """With patience 0 one is answered at once or leaves at once."""
    found = contacts_of(engine, [buyer(0, patience=0), buyer(5, patience=0), buyer(10, patience=0)], [agent()])
    assert_columns(found, outcome=["served", "abandoned", "served"], end=[10, 5, 20])


def test_06_two_deadlines_at_one_instant(engine):
    """The place that the first leaver frees reaches the second, who leaves all the same: nobody writes."""
    # At 6 contact 1 leaves the inbox, contact 2 takes the place at 6, and its own deadline is 6 too.
    buyers = [buyer(0), buyer(1, patience=5), buyer(2, patience=4)]
    found = contacts_of(engine, buyers, [agent(capacity=2)])
    assert_columns(found, outcome=["served", "abandoned", "abandoned"], assigned=[0, 1, 6], end=[10, 6, 6])


def test_06_patience_is_for_the_first_reply_only(engine):
    """Once the first reply has begun in time, later waits lose nobody."""
    # Contact 0 needs 0-10 and again from 11 behind contact 1, who is written to 10-60: no loss.
    buyers = [buyer(0, [10, 10], [1], patience=2), buyer(1, [50], patience=9)]
    found = contacts_of(engine, buyers, [agent(capacity=2)])
    assert_columns(found, outcome=["served", "served"], end=[70, 60])


def test_06_a_silent_buyer_costs_the_first_handle(engine):
    """The agent answers a window whose buyer has gone: work, but no reply."""
    # Contact 1 gives up at 5 and says nothing. The agent writes to it 10-20 and holds the window until 27.
    # Contact 2 is assigned at 27.
    buyers = [buyer(0), buyer(1, [10, 40], patience=4, silent=True), buyer(2)]
    out = run(night(buyers, [agent()], silent_close_s=7), engine)
    assert_columns(
        out.contacts, outcome=["served", "silent", "served"], assigned=[0, 10, 27], end=[10, 5, 37],
        first_reply=[10, NAN, 37], replies=[1, 0, 1], agent=[0, 0, 0], response_sum=[10, 0, 35],
    )  # fmt: skip
    assert_columns(out.agents, busy=[30], replies=[2], chat_seconds=[37])


def test_06_a_silent_buyer_answered_in_time_is_like_any_other(engine):
    """Begun before or exactly at the deadline: all turns, served, closing time of the served."""
    buyers = [buyer(0), buyer(1, [10, 10], [3], patience=9, silent=True), buyer(2)]
    found = contacts_of(engine, buyers, [agent()], silent_close_s=100)
    assert_columns(found, outcome=["served"] * 3, assigned=[0, 10, 33], end=[10, 33, 43], replies=[1, 2, 1])


def test_06_a_silent_buyer_leaves_the_window_in_the_inbox(engine):
    """The place of a silent leaver in the inbox is not freed at the deadline."""
    # 1 is gone at 6 but keeps its place; 2 waits until the agent has written to 1 (10-20).
    buyers = [buyer(0), buyer(1, patience=5, silent=True), buyer(2), buyer(3)]
    found = contacts_of(engine, buyers, [agent(capacity=2)])
    assert_columns(found, outcome=["served", "silent", "served", "served"], assigned=[0, 1, 10, 20])


def test_06_a_cut_first_reply_that_began_in_time_keeps_the_buyer(engine):
    """Patience no longer matters once a first reply has begun, even if it is cut and done late."""
    # Begun at 0, cut at 4, again 50-60; the deadline was 5.
    for silent in (False, True):
        found = contacts_of(engine, [buyer(0, patience=5, silent=silent)], [agent()], down=[(0, 4, 50)])
        assert_columns(found, outcome=["served"], first_reply=[60], response_sum=[60])


def test_06_a_cut_reply_to_a_gone_buyer_stays_no_reply(engine):
    """The agent is cut while writing to nobody, writes again, and it still counts for nothing."""
    # Contact 1 gone at 5; written to 10-13 (cut) and 20-30.
    out = run(night([buyer(0), buyer(1, patience=4, silent=True)], [agent()], down=[(0, 13, 20)]), engine)
    assert_columns(out.contacts, outcome=["served", "silent"], end=[10, 5], replies=[1, 0])
    assert_columns(out.agents, busy=[23], replies=[1], chat_seconds=[30])


# ---- 7 retry -------------------------------------------------------------------------------------------


def test_07_comes_back_once_with_the_same_draws(engine):
    """A buyer who left comes back retry seconds later with a new entry and the same patience."""
    # 0 is written to 0-30. 1 leaves at 5, is back at 25, would leave at 29: too early again, and for good.
    # 2 leaves at 6 and is back at 26 with the deadline 30, when the agent is free: served 30-40.
    buyers = [buyer(0, [30]), buyer(1, patience=4, retry=20), buyer(2, patience=4, retry=20)]
    found = contacts_of(engine, buyers, [agent()])
    assert_columns(
        found, outcome=["served", "abandoned", "served"], entry=[0, 25, 26], end=[30, 29, 40],
        attempts=[1, 2, 2], response_sum=[30, 0, 14],
    )  # fmt: skip


def test_07_the_row_is_that_of_the_last_attempt(engine):
    """A first attempt that was assigned leaves no trace in the row of a second that was not."""
    # First attempt: in the inbox 1-6. Back at 16, when 0 and 2 hold both places: never assigned.
    buyers = [buyer(0, [90]), buyer(1, patience=5, retry=10), buyer(2)]
    found = contacts_of(engine, buyers, [agent(capacity=2)])
    assert_columns(
        found, outcome=["served", "abandoned", "served"], entry=[0, 16, 2], assigned=[0, NAN, 6],
        end=[90, 21, 100], agent=[0, -1, 0], attempts=[1, 2, 1],
    )  # fmt: skip


def test_07_silent_leavers_do_not_come_back(engine):
    """Retry is for those who leave visibly."""
    found = contacts_of(engine, [buyer(0), buyer(1, patience=4, silent=True, retry=5)], [agent()])
    assert_columns(found, outcome=["served", "silent"], attempts=[1, 1])


def test_07_a_retry_does_not_meet_the_bot_again(engine):
    """It enters the human stage again, not the shop's front door."""
    # Bot 0-10, waits 10-15, back at 20: entry 20 (not 30), agent on duty at 21.
    found = contacts_of(engine, [buyer(0, bot=10, patience=5, retry=5)], [agent((21, 99))])
    assert_columns(found, outcome=["served"], entry=[20], assigned=[21], attempts=[2])


# ---- 8 down --------------------------------------------------------------------------------------------


def test_08_the_reply_is_cut_and_takes_its_full_time_again(engine):
    """Work done on a cut reply is lost but was work."""
    # 0-4 cut, again 10-20; contact 1 stays in the inbox behind it: 20-30.
    out = run(night([buyer(0), buyer(1)], [agent(capacity=2)], down=[(0, 4, 10)]), engine)
    assert_columns(out.contacts, first_reply=[20, 30], end=[20, 30], response_sum=[20, 29])
    assert_columns(out.agents, busy=[24], replies=[2])


def test_08_a_reply_that_would_end_as_the_seat_goes_down_is_cut(engine):
    """Disruption changes come before replies sent."""
    found = contacts_of(engine, [buyer(0)], [agent()], down=[(0, 10, 15)])
    assert_columns(found, first_reply=[25])


def test_08_a_downed_agent_takes_no_contact(engine):
    """While down an agent is not available; new contacts go elsewhere or wait."""
    found = contacts_of(engine, [buyer(5), buyer(6)], [agent(), agent((8, 99))], down=[(0, 5, 50)])
    assert_columns(found, agent=[1, 1], assigned=[8, 18])


def test_08_patience_and_messages_run_on_while_down(engine):
    """Buyers in the inbox of a downed agent leave, next messages pile up."""
    # The agent is down 11-40. 0: 0-10, its next message comes at 12 into the inbox.
    # 1: assigned at 9, begun at 10 (in time), cut at 11, again 40-50, and only then the second of 0, 50-60.
    # 2: assigned at 9.5, not begun, leaves the inbox at 14.5. 3: waits in the queue from 11.5 to 16.5.
    buyers = [
        buyer(0, [10, 10], [2]),
        buyer(9, patience=7),
        buyer(9.5, patience=5),
        buyer(11.5, patience=5),
    ]
    found = contacts_of(engine, buyers, [agent(capacity=3)], down=[(0, 11, 40)])
    assert_columns(
        found, outcome=["served", "served", "abandoned", "abandoned"], assigned=[0, 9, 9.5, NAN],
        first_reply=[10, 50, NAN, NAN], end=[60, 50, 14.5, 16.5], response_max=[48, 41, 0, 0],
    )  # fmt: skip


def test_08_overlapping_and_touching_windows_are_one_outage(engine):
    """The agent works again when the last window that holds the instant has ended."""
    for windows in ([(0, 4, 10), (0, 8, 12)], [(0, 4, 12), (0, 5, 6)], [(0, 4, 10), (0, 10, 12)]):
        out = run(night([buyer(0)], [agent()], down=windows), engine)
        assert_columns(out.contacts, first_reply=[22])
        assert_columns(out.agents, busy=[14])


def test_08_chats_of_a_downed_agent_are_transferred(engine):
    """transfer_s after the seat went down all its chats are handed over."""
    # 0 begun at 0 on A0, cut at 4. Transferred at 4 + 6 = 10 to A1, who writes 0 10-20 and 1 20-30.
    agents = [agent(capacity=2), agent((5, 99), capacity=2)]
    out = run(night([buyer(0), buyer(1)], agents, down=[(0, 4, 100)], transfer_s=6), engine)
    assert_columns(
        out.contacts,
        agent=[1, 1],
        assigned=[0, 1],
        first_reply=[20, 30],
        transfers=[1, 1],
        response_sum=[20, 29],
    )
    # A0 holds one chat 0-1 and two 1-10; A1 two 10-20 and one 20-30.
    assert_columns(out.agents, busy=[4, 20], chat_seconds=[19, 30])


def test_08_no_transfer_when_the_seat_is_back_first(engine):
    """A transfer due at the end of the window or later is not made."""
    for transfer_s in (6, 7, NAN):
        found = contacts_of(engine, [buyer(0)], [agent(), agent((1, 99))], down=[(0, 4, 10)], transfer_s=transfer_s)
        assert_columns(found, agent=[0], transfers=[0], first_reply=[20])


def test_08_transfer_at_once(engine):
    """With transfer_s 0 chats leave the seat as it goes down."""
    found = contacts_of(engine, [buyer(0)], [agent(), agent((1, 99))], down=[(0, 4, 10)], transfer_s=0)
    assert_columns(found, agent=[1], transfers=[1], first_reply=[14])


def test_08_each_window_has_its_own_transfer(engine):
    """Two overlapping short windows that each end before the transfer is due transfer nothing."""
    # 1 + 15 > 12 and 8 + 15 > 20: no transfer, although the seat is down for 19 s; again 20-30.
    found = contacts_of(engine, [buyer(0)], [agent(), agent((1, 99))], down=[(0, 1, 12), (0, 8, 20)], transfer_s=15)
    assert_columns(found, transfers=[0], agent=[0], first_reply=[30])


# ---- 9 shift end ---------------------------------------------------------------------------------------


def test_09_finish_means_overtime(engine):
    """With ``finish`` an agent answers what is open after its shift, and takes nothing new."""
    # 0: 0-10, thinks until 30, 30-40 after the shift [0, 12). 1 enters at 12: nobody.
    out = run(night([buyer(0, [10, 10], [20]), buyer(12)], [agent((0, 12), capacity=2)]), engine)
    assert_columns(out.contacts, outcome=["served", "unserved"], end=[40, NAN], assigned=[0, NAN], agent=[0, -1])
    assert_columns(out.agents, busy=[20], on_duty=[12], overtime=[28], chat_seconds=[40])


def test_09_an_agent_on_a_break_takes_nothing_new(engine):
    """Two rows of shifts are a break between them: open chats go on, new contacts wait."""
    # 0 runs 0-10, shift [0, 5), back at 20: 1 waits from 6 to 20.
    out = run(night([buyer(0), buyer(6)], [agent((0, 5), (20, 30))]), engine)
    assert_columns(out.contacts, assigned=[0, 20], end=[10, 30])
    assert_columns(out.agents, on_duty=[15], overtime=[5])


def test_09_handover_finishes_the_reply_in_progress(engine):
    """The others go at once, the chat being written to goes as its reply ends, its buyer thinking."""
    # A0: 0 is written to 0-10, 1 in the inbox, shift ends at 6. 1 goes to A1 at 6 (6-16).
    # 0 leaves A0 at 10, next message at 15: offered to A1 (capacity 2), written 16-26.
    agents = [agent((0, 6), capacity=2), agent((5, 99), capacity=2)]
    out = run(night([buyer(0, [10, 10], [5]), buyer(1)], agents, at_shift_end="handover"), engine)
    assert_columns(
        out.contacts, agent=[1, 1], assigned=[0, 1], first_reply=[10, 16], end=[26, 16], transfers=[1, 1],
        response_sum=[21, 15],
    )  # fmt: skip
    assert_columns(out.agents, busy=[10, 20], overtime=[4, 0], replies=[1, 2], chat_seconds=[15, 21])


def test_09_handover_leaves_a_last_reply_where_it_is(engine):
    """A chat whose last reply is being written is served, not transferred."""
    found = contacts_of(engine, [buyer(0)], [agent((0, 6)), agent((1, 99))], at_shift_end="handover")
    assert_columns(found, outcome=["served"], agent=[0], transfers=[0], end=[10])


def test_09_handover_when_the_reply_ends_with_the_shift(engine):
    """Duty changes first: the reply that ends with the shift is still in progress, and its chat follows."""
    # Shift ends at 10 as the reply ends: handed over at 10, thinking until 13, then A1 writes 13-23.
    found = contacts_of(
        engine, [buyer(0, [10, 10], [3])], [agent((0, 10)), agent((5, 99))], at_shift_end="handover"
    )  # fmt: skip
    assert_columns(found, agent=[1], transfers=[1], end=[23])


def test_09_handover_to_nobody_waits_and_comes_back_after_the_break(engine):
    """With nobody else the contact waits in the queue and may come back to the agent it left."""
    # A0: 0 thinks 10-30, shift ends at 20: handed over thinking. Message at 30: waits until 40, 40-50.
    found = contacts_of(
        engine, [buyer(0, [10, 10], [20])], [agent((0, 20), (40, 90))], at_shift_end="handover"
    )  # fmt: skip
    assert_columns(found, agent=[0], transfers=[1], end=[50], response_max=[20])


def test_09_a_handed_over_reply_that_is_cut_is_handed_over_when_it_is_done(engine):
    """The agent finishes the reply in progress after its shift, even if the seat goes down meanwhile."""
    # Begun 0, shift ends 6, down 8-20, again 20-30, then handed over; thinks until 35; A1 writes 35-45.
    out = run(
        night(
            [buyer(0, [10, 10], [5])], [agent((0, 6)), agent((7, 99))], down=[(0, 8, 20)],
            at_shift_end="handover",
        ),
        engine,
    )  # fmt: skip
    assert_columns(out.contacts, agent=[1], first_reply=[30], end=[45], transfers=[1])
    assert_columns(out.agents, busy=[18, 10], overtime=[24, 0])


def test_09_a_seat_down_at_its_shift_end_hands_over_the_cut_chat(engine):
    """A reply cut before or as the shift ends is not in progress: its chat goes with the others."""
    for down_from in (4, 6):
        found = contacts_of(
            engine, [buyer(0)], [agent((0, 6)), agent((5, 99))], down=[(0, down_from, 50)],
            at_shift_end="handover",
        )  # fmt: skip
        assert_columns(found, agent=[1], first_reply=[16], transfers=[1])


def test_09_a_break_of_no_length_is_a_break(engine):
    """Two shifts that touch hand over like any two shifts with a break between them.

    The agent is on duty again at that instant and may be offered its own chat.
    """
    # Thinking chat at 20: leaves A0; its message at 30 is offered to A0 (1 agent): 30-40.
    found = contacts_of(engine, [buyer(0, [10, 10], [20])], [agent((0, 20), (20, 90))], at_shift_end="handover")
    assert_columns(found, agent=[0], transfers=[1], end=[40])
    kept = contacts_of(engine, [buyer(0, [10, 10], [20])], [agent((0, 20), (20, 90))])
    assert_columns(kept, agent=[0], transfers=[0], end=[40])


def test_09_a_shift_of_no_length_is_no_duty(engine):
    """A shift [5, 5) holds no instant."""
    out = run(night([buyer(0), buyer(5)], [agent((5, 5)), agent((9, 99))]), engine)
    assert_columns(out.contacts, assigned=[9, 19], agent=[1, 1])
    assert_columns(out.agents, on_duty=[0, 90], busy=[0, 20])


def test_09_a_closing_place_is_not_handed_over(engine):
    """A chat that is over has nothing to hand over; its place is freed when its closing time is."""
    # Served at 10, held until 30, shift ends at 20.
    out = run(night([buyer(0)], [agent((0, 20)), agent()], close_s=20, at_shift_end="handover"), engine)
    assert_columns(out.contacts, outcome=["served"], agent=[0], transfers=[0], end=[10])
    assert_columns(out.agents, chat_seconds=[30, 0], overtime=[10, 0])


# ---- 10 handed over ------------------------------------------------------------------------------------


def test_10_a_handed_over_contact_goes_near_the_front(engine):
    """It queues with its old entry, ahead of those who entered later."""
    # A0 writes to 0 (0-100, cut at 20), 1 waits from 5. Transfer at 20: 0 queues with entry 0.
    # A1 comes at 30: takes 0 first (30-130), then 1.
    found = contacts_of(
        engine, [buyer(0, [100]), buyer(5)], [agent(), agent((30, 99))], down=[(0, 20, 999)], transfer_s=0
    )  # fmt: skip
    assert_columns(found, assigned=[0, 999], first_reply=[130, 1009], transfers=[1, 0], agent=[1, 0])


def test_10_handed_over_contacts_are_offered_in_entry_order(engine):
    """Among several, earliest entry first, whatever the order of the inbox."""
    # Contact 0 enters at 8 from the bot, contact 1 at 2. A0 writes to 1 from 2, is cut and transfers at 10.
    # A1 has two places: 1 (entry 2) 10-30, then 0 (entry 8) 30-40.
    found = contacts_of(
        engine, [buyer(0, bot=8), buyer(2, [20])], [agent(capacity=3), agent((9, 99), capacity=2)],
        down=[(0, 10, 50)], transfer_s=0,
    )  # fmt: skip
    assert_columns(found, entry=[8, 2], first_reply=[40, 30], agent=[1, 1])


def test_10_the_order_of_assignment_is_not_kept_by_a_handover(engine):
    """A contact that was assigned later but entered earlier is offered first."""
    # A0 starts at 5, takes 1 first (queue 1 has rank 1), then 0; it writes to 1 and is cut and transfers at 10.
    # A1 (two places): 0 (entry 1) 10-20, then 1 (entry 2) 20-30.
    found = contacts_of(
        engine, [buyer(1), buyer(2, queue=1)],
        [agent((5, 99), capacity=2, skill=(2, 1)), agent((9, 99), capacity=2, skill=(1, 1))],
        down=[(0, 10, 50)], transfer_s=0,
    )  # fmt: skip
    assert_columns(found, assigned=[5, 5], first_reply=[20, 30], agent=[1, 1])


def test_10_the_order_of_the_inbox_is_not_kept_by_a_handover(engine):
    """A second message in front of a first one falls back by entry when both are handed over."""
    # A0 writes 0-10 to 0 (next message 12), 10-40 to 1. Inbox at 15: [2 (entry 11), 0 (message of 12)].
    # Cut and transfer at 15: entries 0 -> 0, 1 -> 1, 2 -> 11: A1 writes 0 15-25, 1 25-55, 2 55-65.
    found = contacts_of(
        engine, [buyer(0, [10, 10], [2]), buyer(1, [30]), buyer(11)],
        [agent(capacity=3), agent((15, 99), capacity=3)], down=[(0, 15, 900)], transfer_s=0,
    )  # fmt: skip
    assert_columns(found, end=[25, 55, 65], transfers=[1, 1, 1], response_max=[13, 54, 54])


def test_10_a_thinking_buyer_is_offered_when_the_message_comes(engine):
    """Handed over thinking, the chat is nobody's until its next message, and no place is taken."""
    # 0 thinks 10-40, handed over at 20. A1 (one place) is free for contact 1 at 25 (25-35). At 40: 40-50.
    buyers = [buyer(0, [10, 10], [30]), buyer(25)]
    found = contacts_of(engine, buyers, [agent((0, 20)), agent((20, 99))], at_shift_end="handover")
    assert_columns(found, agent=[1, 1], assigned=[0, 25], end=[50, 35], transfers=[1, 0])


def test_10_every_transfer_counts(engine):
    """A chat handed over twice says 2; assigned stays the first assignment, agent is the last."""
    # A0 cut at 4, A1 cut at 9, A2 writes 9-19.
    agents = [agent(), agent((1, 99)), agent((5, 99))]
    found = contacts_of(engine, [buyer(0)], agents, down=[(0, 4, 90), (1, 9, 90)], transfer_s=0)
    assert_columns(found, transfers=[2], agent=[2], assigned=[0], first_reply=[19])


def test_10_a_handed_over_first_message_keeps_its_deadline(engine):
    """Patience runs from the old entry: handed over unanswered, the buyer leaves as it would have."""
    # 1 sits in the inbox from 1; transferred at 5; the other agent comes at 30, the deadline is 21.
    buyers = [buyer(0, [50]), buyer(1, patience=20)]
    found = contacts_of(
        engine, buyers, [agent(capacity=2), agent((30, 99))], down=[(0, 5, 70)], transfer_s=0
    )  # fmt: skip
    assert_columns(found, outcome=["served", "abandoned"], end=[80, 21], agent=[1, 0], transfers=[1, 1])


# ---- 11 the same instant -------------------------------------------------------------------------------


def test_11_a_shift_that_starts_receives_what_a_shift_that_ends_hands_over(engine):
    """All duty changes of an instant are made before any handover."""
    agents = [agent((0, 20), capacity=2), agent((20, 99), capacity=2)]
    found = contacts_of(
        engine, [buyer(0, [10, 10], [2]), buyer(1, [30])], agents, at_shift_end="handover"
    )  # fmt: skip
    # A0: 0 0-10, 1 10-40, message of 0 at 12 in the inbox. At 20: 0 goes to A1 (20-30); 1 is finished at 40.
    assert_columns(found, agent=[1, 0], end=[30, 40], transfers=[1, 0])


def test_11_handovers_by_agent_index(engine):
    """Two agents hand over at one instant: the lower index first, whatever the entries."""
    # Queue 0 is served by A1 and queue 1 by A0. Contact 0: A1 writes 0-1, contact 1: A0 writes 1-2.
    agents = [
        agent((1, 20), capacity=1, skill=(0, 1)),
        agent((0, 20), skill=(1, 0)),
        agent((20, 99), skill=(1, 1)),
    ]
    buyers = [buyer(0, [1, 10], [18], queue=0), buyer(1, [1, 10], [17.5], queue=1)]
    # Their messages come at 19 and 19.5; both seats are down from 18, so both are unanswered at 20, when both
    # shifts end and A2 (one place) starts. A0 hands over first: contact 1 is written 20-30, contact 0 30-40.
    found = contacts_of(engine, buyers, agents, down=[(0, 18, 99), (1, 18, 99)], at_shift_end="handover")
    assert_columns(found, end=[40, 30], agent=[2, 2])


def test_11_handed_over_before_those_who_wait(engine):
    """Handovers are offered before agents take from the queues, so they can pass a longer wait."""
    # Queue 0 has waited since 0.5 for anybody to serve it. A0 (queue 1) hands over contact 2 at 20 to A1,
    # who starts at 20 with one place and serves both.
    buyers = [buyer(0, [30], queue=1), buyer(0.5, queue=0), buyer(1, queue=1)]
    agents = [agent((0, 20), capacity=2, skill=(0, 1)), agent((20, 99), skill=(1, 1))]
    found = contacts_of(engine, buyers, agents, at_shift_end="handover")
    assert_columns(found, first_reply=[30, 40, 30], agent=[0, 1, 1])


def test_11_agents_take_one_each_round_after_round(engine):
    """Two agents with two places each start together: 0 -> A0, 1 -> A1, 2 -> A0, and A1 keeps a place."""
    agents = [agent((10, 99), capacity=2), agent((10, 99), capacity=2)]
    found = contacts_of(engine, [buyer(1), buyer(2), buyer(3)], agents)
    assert_columns(found, agent=[0, 1, 0], first_reply=[20, 20, 30])


def test_11_a_place_freed_is_there_for_who_enters(engine):
    """Replies sent and places freed come before contacts entering at the same instant."""
    at_reply = contacts_of(engine, [buyer(0), buyer(10)], [agent()])
    at_closing = contacts_of(engine, [buyer(0), buyer(15)], [agent()], close_s=5)
    assert_columns(at_reply, assigned=[0, 10])
    assert_columns(at_closing, assigned=[0, 15])


def test_11_replies_sent_in_contact_order(engine):
    """Two replies end at one instant: the lower contact's agent is the first to take from the queue."""
    # Contact 0 on A0 and contact 1 on A1 both end at 12; 2 and 3 wait: A0 gets 2, A1 gets 3.
    found = contacts_of(engine, [buyer(0, [12]), buyer(2, [10]), buyer(3), buyer(4)], [agent(), agent()])
    assert_columns(found, agent=[0, 1, 0, 1])
    # Now the lower contact sits on the higher agent: contact 0 with the bot until 2 meets A1.
    buyers = [buyer(0, [10], bot=2), buyer(1, [11]), buyer(3), buyer(4)]
    crossed = contacts_of(engine, buyers, [agent(), agent()])
    assert_columns(crossed, agent=[1, 0, 1, 0], end=[12, 12, 22, 22])


def test_11_messages_before_patience_before_entering(engine):
    """Who enters at 10 comes behind the message of 10 and finds the place that was left at 10."""
    # A0 (2 places): 0 0-5, thinks until 10. At 10: its message, then contact 1 enters: 0 10-20, 1 20-30.
    found = contacts_of(engine, [buyer(0, [5, 10], [5]), buyer(10)], [agent(capacity=2)])
    assert_columns(found, end=[20, 30])
    # 1 leaves the inbox at 10 and frees the place for 2, which enters at 10.
    buyers = [buyer(0, [50]), buyer(5, patience=5), buyer(10, patience=100)]
    left = contacts_of(engine, buyers, [agent(capacity=2)])
    assert_columns(left, outcome=["served", "abandoned", "served"], assigned=[0, 5, 10])


def test_11_a_place_left_at_an_instant_counts_for_who_enters_then(engine):
    """Patience comes before entering: the agent whose buyer leaves at 10 is the less busy one at 10."""
    # 0 -> A0, 1 -> A1, 2 -> A0 (assigned longest ago), 3 -> A1: two each. 2 leaves at 10, so 4 goes to A0.
    buyers = [buyer(0, [50]), buyer(1, [50]), buyer(2, patience=8), buyer(3, [50]), buyer(10)]
    found = contacts_of(engine, buyers, [agent(capacity=2), agent(capacity=3)])
    assert_columns(found, agent=[0, 1, 0, 1, 0], assigned=[0, 1, 2, 3, 10])


def test_11_a_seat_that_comes_up_begins_its_mail_before_it_takes(engine):
    """The message that was cut is begun first, the contact taken at that instant goes behind it."""
    # Capacity 2: 0 cut at 4, 1 waits from 5 (seat down). At 10: 0 10-20, 1 taken at 10 and written 20-30.
    found = contacts_of(engine, [buyer(0), buyer(5)], [agent(capacity=2)], down=[(0, 4, 10)])
    assert_columns(found, assigned=[0, 10], first_reply=[20, 30])


def test_11_contacts_of_a_downed_bot_enter_last(engine):
    """Who waits is taken by the starting shift before the bot's contacts enter at the same instant."""
    # Contact 0 (bot) would be first by index, but 1 has waited since 5 and gets A0 at 10.
    found = contacts_of(engine, [buyer(0, bot=90), buyer(5)], [agent((10, 99))], bot_down=[(10, 20)])
    assert_columns(found, entry=[10, 5], assigned=[20, 10])


def test_11_down_and_shift_end_at_one_instant(engine):
    """Down is made before the shift end: the reply is cut, so it is handed over with the rest."""
    agents = [agent((0, 8)), agent((1, 99))]
    found = contacts_of(engine, [buyer(0)], agents, down=[(0, 8, 30)], at_shift_end="handover")
    assert_columns(found, agent=[1], transfers=[1], first_reply=[18])


def test_11_down_as_another_window_ends(engine):
    """A seat that goes down again at the instant at which it comes up does not work in between."""
    found = contacts_of(engine, [buyer(0), buyer(5)], [agent(), agent((40, 99))], down=[(0, 2, 10), (0, 10, 30)])
    # 0 again 30-40. A1 starts at 40, and duty comes before the reply of A0: A1 takes 1, 40-50.
    assert_columns(found, agent=[0, 1], first_reply=[40, 50], assigned=[0, 40])


def test_11_everybody_starts_and_enters_at_zero(engine):
    """At the opening instant duty comes first, then the contacts by index."""
    found = contacts_of(engine, [buyer(0), buyer(0), buyer(0)], [agent((0, 50)), agent((0, 50))])
    assert_columns(found, agent=[0, 1, 0], first_reply=[10, 10, 20])


# ---- 12 never served -----------------------------------------------------------------------------------


def test_12_never_served(engine):
    """Who still waits when nothing more can happen is unserved, or silent if gone silently."""
    # Nobody serves queue 1. 1 waits for ever, 2 leaves at 7, 3 is gone silently at 8, 4 is silent but waits.
    buyers = [
        buyer(0, queue=0),
        buyer(1, queue=1),
        buyer(2, queue=1, patience=5),
        buyer(3, queue=1, patience=5, silent=True),
        buyer(4, queue=1, silent=True),
    ]
    found = contacts_of(engine, buyers, [agent(skill=(1, 0))])
    assert_columns(
        found, outcome=["served", "unserved", "abandoned", "silent", "unserved"], end=[10, NAN, 7, 8, NAN],
        agent=[0, -1, -1, -1, -1], entry=[0, 1, 2, 3, 4], replies=[1, 0, 0, 0, 0],
    )  # fmt: skip


def test_12_handed_over_and_never_taken(engine):
    """A contact handed over to nobody is unserved and says who had it last and what it got."""
    # Reply 0-10, next message at 30, shift ended at 20 and nobody comes.
    found = contacts_of(engine, [buyer(0, [10, 10], [20])], [agent((0, 20))], at_shift_end="handover")
    assert_columns(
        found, outcome=["unserved"], agent=[0], replies=[1], first_reply=[10], end=[NAN], transfers=[1],
        response_sum=[10],
    )  # fmt: skip


def test_12_an_empty_night(engine):
    """No contacts: no rows, and agents who had nothing to do."""
    out = run(night([], [agent((0, 60), skill=(1, 1))]), engine)
    assert len(out.contacts) == 0
    assert_columns(out.agents, busy=[0], on_duty=[60], overtime=[0], chat_seconds=[0])


# ---- 2b weights -----------------------------------------------------------------------------------------


def weighted(engine, buyers, *agents, **rest):
    """Run a small night under weights and return its contacts."""
    return contacts_of(engine, buyers, list(agents), routing="weighted", **rest)


def test_02b_weights_share_the_contacts_out(engine):
    """The smallest (assignments + 1) / weight; of equals the one whose last assignment is longest ago."""
    # Weights 2 and 1. 0: 1/2, 1 -> A0. 1: 2/2, 1: A1 never -> A1. 2: 2/2, 2 -> A0. 3: 3/2, 2 -> A0.
    # 4: 4/2, 2: A0 was assigned at 3, A1 at 1 -> A1. 5: 4/2, 3 -> A0.
    buyers = [buyer(t, [100]) for t in range(6)]
    found = weighted(engine, buyers, agent(capacity=9, weight=2.0), agent(capacity=9, weight=1.0))
    assert_columns(found, agent=[0, 1, 0, 0, 1, 0])


def test_02b_open_chats_do_not_matter(engine):
    """Who has the most open chats gets the next contact all the same, if the weight says so."""
    # Weights 3 and 1. 0: 1/3 -> A0. 1: 2/3 -> A0. 2: 3/3, 1: A1 never -> A1.
    buyers = [buyer(t, [100]) for t in range(3)]
    found = weighted(engine, buyers, agent(capacity=9, weight=3.0), agent(capacity=9))
    assert_columns(found, agent=[0, 0, 1])


def test_02b_a_full_agent_is_not_available_whatever_the_weight(engine):
    """A hundred to one: the contact goes to the one who has a place."""
    found = weighted(engine, [buyer(0), buyer(1)], agent(weight=100.0), agent(weight=1.0))
    assert_columns(found, agent=[0, 1])


def test_02b_contacts_taken_from_a_queue_count(engine):
    """A freed place is filled as always, and the contact that fills it is an assignment too."""
    # A0 alone: 0 0-10, 1 waits and is taken at 10, 10-20: two assignments. A1 comes at 50.
    # 2 at 60: 3, 1 -> A1. 3 at 80: 3, 2 -> A1, although A0's last is longer ago. 4 at 100: 3, 3 -> A0.
    buyers = [buyer(0), buyer(1), buyer(60), buyer(80), buyer(100)]
    found = weighted(engine, buyers, agent(), agent((50, 500)))
    assert_columns(found, agent=[0, 0, 1, 1, 0], assigned=[0, 10, 60, 80, 100])


def test_02b_who_left_counts_as_an_assignment(engine):
    """A contact that abandoned in the inbox was an assignment."""
    # 1 leaves A0's inbox at 11. 2 at 60: 3, 1 -> A1. 3 at 70: 3, 2 -> A1. 4 at 80: 3, 3: A0 last at 1 -> A0.
    buyers = [buyer(0, [40]), buyer(1, patience=10), buyer(60), buyer(70), buyer(80)]
    found = weighted(engine, buyers, agent(capacity=2), agent((50, 500), capacity=2))
    assert_columns(found, outcome=["served", "abandoned", "served", "served", "served"], agent=[0, 0, 1, 1, 0])


def test_02b_a_chat_handed_over_counts_with_both(engine):
    """Who had the chat first keeps the assignment, and who gets it has one more."""
    # 0 on A0 at 0; the seat fails at 5, the chat goes to A1 at 10. 1 at 30: 2, 2: A0 last at 0, A1 at 10 -> A0.
    # 2 at 31: 3, 2 -> A1.
    buyers = [buyer(0, [20]), buyer(30, [100]), buyer(31, [100])]
    found = weighted(
        engine, buyers, agent(capacity=3), agent(capacity=3), down=[(0, 5, 20)], transfer_s=5
    )  # fmt: skip
    assert_columns(found, agent=[1, 0, 1], transfers=[1, 0, 0])


# ---- 4b slow-down ---------------------------------------------------------------------------------------


def test_04b_a_reply_slows_with_the_open_chats_as_it_begins(engine):
    """The chat itself counts; chats that come later do not."""
    # 0 begins alone, 0-10, although 1 and 2 come meanwhile. Then two are open: 10 x 1.5 -> 25. Then one -> 35.
    buyers = [buyer(0), buyer(2), buyer(4)]
    found = contacts_of(engine, buyers, [agent(capacity=3)], slowdown=(1.0, 1.5, 2.0))
    assert_columns(found, first_reply=[10, 25, 35])


def test_04b_a_place_not_yet_freed_counts(engine):
    """After the last reply a chat slows the next ones until its place is free."""
    # At 10 the places of 0, 1 and 2 are taken: 20 s -> 30; still: -> 50.
    buyers = [buyer(0), buyer(2), buyer(4)]
    found = contacts_of(engine, buyers, [agent(capacity=3)], slowdown=(1.0, 1.5, 2.0), close_s=100)
    assert_columns(found, first_reply=[10, 30, 50])


def test_04b_a_place_freed_at_once_is_filled_before_the_next_reply_begins(engine):
    """The chat that comes in for the one that ended is counted."""
    # At 10 the place of 0 goes to 2: with 1 that is two, 20 s -> 30. Then 2 alone -> 40.
    buyers = [buyer(0), buyer(1), buyer(2)]
    found = contacts_of(engine, buyers, [agent(capacity=2)], slowdown=(1.0, 2.0))
    assert_columns(found, first_reply=[10, 30, 40], assigned=[0, 1, 10])


def test_04b_the_last_factor_holds_for_all_larger_numbers(engine):
    """Two factors, four places."""
    # At 10 three are open: 20 s -> 30. Two: 20 s -> 50. One -> 60.
    found = contacts_of(engine, [buyer(t) for t in range(4)], [agent(capacity=4)], slowdown=(1.0, 2.0))
    assert_columns(found, first_reply=[10, 30, 50, 60])


def test_04b_a_thinking_buyer_counts(engine):
    """An open chat slows the others while its buyer writes."""
    # 0: 0-10, its buyer thinks until 110. 1 at 20 is the second: 30 s -> 50. Then 0 alone again: 110-120.
    buyers = [buyer(0, [10, 10], [100]), buyer(20)]
    found = contacts_of(engine, buyers, [agent(capacity=2)], slowdown=(1.0, 3.0))
    assert_columns(found, end=[120, 50])


def test_04b_slow_windows_slow_down_and_speed_multiply(engine):
    """10 s x 1.5 x 2 / 2."""
    found = contacts_of(engine, [buyer(0)], [agent(speed=2.0)], slow=[(0, 0, 100, 1.5)], slowdown=(2.0,))
    assert_columns(found, first_reply=[15])


def test_04b_a_cut_reply_begins_again_with_the_open_chats_of_then(engine):
    """Fixed for a reply means for one beginning of it."""
    # 0 begins alone at 0, is cut at 5, begins at 20 beside 1: 30 s -> 50. Then 1 alone -> 60.
    found = contacts_of(engine, [buyer(0), buyer(1)], [agent(capacity=2)], down=[(0, 5, 20)], slowdown=(1.0, 3.0))
    assert_columns(found, first_reply=[50, 60])


def test_04b_agents_with_mail_begin_before_waiting_contacts_are_taken(engine):
    """When a seat comes back its own chat begins first, and then the waiting one is taken."""
    # 1 waits from 6. At 20 the reply to 0 begins with one open chat: -> 30; then 1 is taken: 30-40.
    found = contacts_of(engine, [buyer(0), buyer(6)], [agent(capacity=2)], down=[(0, 5, 20)], slowdown=(1.0, 3.0))
    assert_columns(found, first_reply=[30, 40], assigned=[0, 20])


def test_04b_all_chats_are_handed_over_before_anybody_begins(engine):
    """Of two chats handed over to one agent the first is begun with both open."""
    # A0 writes to 0, 0-10; its shift ends at 10 and 1 and 2 go to A1: two open, 30 s -> 40. Then one -> 50.
    agents = [agent((0, 10), capacity=3), agent((9, 500), capacity=3)]
    found = contacts_of(engine, [buyer(t) for t in (0, 1, 2)], agents, at_shift_end="handover", slowdown=(1.0, 3.0))
    assert_columns(found, agent=[0, 1, 1], transfers=[0, 1, 1])
    assert_columns(found, first_reply=[10, 40, 50])


def test_04b_who_starts_begins_with_the_first_contact_taken(engine):
    """Three wait at the start of a shift: one is taken and begun, with one open chat, then the others are taken."""
    # 0: 10-20. Then 1 with two open: 50 s -> 70. Then 2 -> 80.
    found = contacts_of(engine, [buyer(t) for t in (0, 1, 2)], [agent((10, 500), capacity=3)], slowdown=(1.0, 5.0))
    assert_columns(found, first_reply=[20, 70, 80], assigned=[10, 10, 10])


# ---- 8b away --------------------------------------------------------------------------------------------


def test_08b_away_cuts_the_reply_and_it_takes_its_full_time_again(engine):
    """As with a seat that is down."""
    out = run(night([buyer(0)], [agent()], away=[(0, 4, 20)]), engine)
    assert_columns(out.contacts, first_reply=[30])
    assert_columns(out.agents, busy=[14])


def test_08b_contacts_go_on_being_assigned(engine):
    """The chat client sees an agent with a place, where nobody sits."""
    found = contacts_of(engine, [buyer(10)], [agent()], away=[(0, 0, 50)])
    assert_columns(found, assigned=[10], first_reply=[60])
    found = contacts_of(engine, [buyer(10)], [agent()], down=[(0, 0, 50)])
    assert_columns(found, assigned=[50], first_reply=[60])


def test_08b_an_empty_seat_gets_its_full_share_by_weight(engine):
    """Beside a person with the same weight every second contact."""
    # 0 -> A0, 1 -> A1, 2: 2, 2: A0 last at 0 -> A0. A1 answers at once, A0 from 100 on.
    buyers = [buyer(0), buyer(1), buyer(20)]
    found = weighted(engine, buyers, agent(capacity=9), agent(capacity=9), away=[(0, 0, 100)])
    assert_columns(found, agent=[0, 1, 0], first_reply=[110, 11, 120])


def test_08b_an_empty_seat_takes_from_its_queues(engine):
    """A place that a leaving buyer frees is filled, although nobody sits there."""
    # 0 leaves at 20; 1 has waited since 5.
    found = contacts_of(engine, [buyer(0, patience=20), buyer(5)], [agent()], away=[(0, 0, 100)])
    assert_columns(found, outcome=["abandoned", "served"], assigned=[0, 20], first_reply=[NAN, 110])


def test_08b_nothing_is_handed_over_for_being_away(engine):
    """``transfer_s`` is for seats that are down."""
    found = contacts_of(engine, [buyer(0)], [agent(), agent()], away=[(0, 2, 50)], transfer_s=5)
    assert_columns(found, agent=[0], transfers=[0], first_reply=[60])


def test_08b_away_and_down_is_down(engine):
    """Down inside away: not available; when the seat is up it takes contacts again, and nobody answers them."""
    # 0 at 20 finds the seat down, is taken at 30, answered from 100 on.
    found = contacts_of(engine, [buyer(20)], [agent()], away=[(0, 0, 100)], down=[(0, 10, 30)])
    assert_columns(found, assigned=[30], first_reply=[110])


def test_08b_away_inside_down_inside_slow(engine):
    """Chats of a seat that is down are handed over also while nobody sits there; slow counts as a reply begins."""
    # 0 begins at 0 with factor 3, is cut at 5, begins again at 40, outside the slow window: -> 50.
    rest = {"slow": [(0, 0, 40, 3.0)], "down": [(0, 5, 30)], "away": [(0, 10, 40)]}
    found = contacts_of(engine, [buyer(0)], [agent()], **rest)
    assert_columns(found, first_reply=[50])
    # The seat has been down for 10 s at 15: the chat goes to A1.
    found = contacts_of(engine, [buyer(0)], [agent(), agent()], transfer_s=10, **rest)
    assert_columns(found, agent=[1], transfers=[1], first_reply=[25])


@pytest.mark.parametrize("windows", [[(0, 0, 20), (0, 10, 40)], [(0, 0, 20), (0, 20, 40)], [(0, 10, 20), (0, 0, 40)]])
def test_08b_windows_may_overlap_and_touch(engine, windows):
    """Nobody is back before the last of them is over."""
    found = contacts_of(engine, [buyer(5)], [agent()], away=windows)
    assert_columns(found, first_reply=[50])


@pytest.mark.parametrize("kind", ["down", "away"])
def test_08b_a_window_of_no_length_is_none(engine, kind):
    """Neither cuts a reply that is being written."""
    out = run(night([buyer(0)], [agent()], transfer_s=0, **{kind: [(0, 5, 5)]}), engine)
    assert_columns(out.contacts, first_reply=[10], transfers=[0])
    assert_columns(out.agents, busy=[10])


def test_08b_a_bot_outage_of_no_length_is_none(engine):
    """Nobody is sent from the bot."""
    found = contacts_of(engine, [buyer(0, bot=10), buyer(5, bot=10)], [agent()], bot_down=[(5, 5)])
    assert_columns(found, entry=[10, 15])


def test_08b_a_shift_ends_at_an_empty_seat(engine):
    """``handover``: its chats go at once. ``finish``: they wait for somebody to come back, in overtime."""
    agents = [agent((0, 30)), agent((20, 500))]
    found = contacts_of(engine, [buyer(0)], agents, away=[(0, 5, 50)], at_shift_end="handover")
    assert_columns(found, agent=[1], transfers=[1], first_reply=[40])
    out = run(night([buyer(0)], agents, away=[(0, 5, 50)]), engine)
    assert_columns(out.contacts, agent=[0], first_reply=[60])
    assert_columns(out.agents, overtime=[30, 0])
