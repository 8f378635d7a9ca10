"""KPIs against worked examples, brute force and laws; simulated and real logs through the same functions."""

import datetime as dt
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simlib import facts, kpis
from simlib.intervals import Grid
from simlib.kpis import (
    BETTER,
    ConversionCurve,
    NightLog,
    PlatformRate,
    agent_groups,
    by_agent,
    by_interval,
    by_queue,
    find_turns,
    interval_groups,
    judge_turns,
    platform_rate,
    platform_rates,
    queue_groups,
    summarise,
)
from simlib.messages import glossary
from simlib.simulator import Agents, Contacts, Policy, simulate
from tests.simulator.conftest import floors

ZONE = "Asia/Shanghai"
OPENS = pd.Timestamp("2026-10-31 18:00", tz=ZONE)
ON = dt.date(2026, 11, 1)
WANGWANG, *_ = platform_rates("tmall", on=ON)
JD, *_ = platform_rates("jd", on=ON)
PDD = {rate.key: rate for rate in platform_rates("pdd", on=ON)}
(DOUYIN,) = platform_rates("douyin", on=ON)


def at(clock, day="2023-01-07"):
    """Name an instant of the store's day."""
    return pd.Timestamp(f"{day} {clock}", tz=ZONE)


def chat(*messages, contact=1, day="2023-01-07"):
    """Make a message log from (clock, sender) pairs."""
    return pd.DataFrame(
        {
            "contact": contact,
            "time": [at(clock, day) for clock, _ in messages],
            "sender": [sender for _, sender in messages],
        }
    )


def score(messages, rate):
    """Count (in time, counted) turns of a message log by a platform's definition."""
    judged = judge_turns(find_turns(messages, replies=rate.replies), rate, opens=at("00:00"))
    return int(judged["in_time"].sum()), int(judged["counted"].sum())


def turns_at(*pairs, opens=OPENS, contact=None):
    """Make a turn log from (sent, replied) seconds."""
    sent, replied = zip(*pairs, strict=True)
    number = list(range(len(pairs))) if contact is None else contact
    turn = pd.Series(number).groupby(number).cumcount().to_numpy()
    return pd.DataFrame({"contact": number, "turn": turn, "sent": sent, "replied": replied, "agent": 0})


@pytest.fixture(scope="module")
def night():
    """Simulate a night with everything on: bot, silence, retries, two queues, breaks, overtime; with all logs."""
    rng = np.random.default_rng(4)
    n = 600
    turns = rng.geometric(0.4, n)
    contacts = Contacts(
        arrival=np.sort(rng.uniform(0, 7200, n)),
        queue=rng.integers(0, 2, n),
        turns=turns,
        handle=rng.exponential(22, turns.sum()),
        think=rng.exponential(40, turns.sum()),
        patience=rng.exponential(100, n),
        silent=rng.random(n) < 0.5,
        bot=np.where(rng.random(n) < 0.6, rng.exponential(30, n), np.nan),
        bot_resolves=rng.random(n) < 0.5,
        retry=np.where(rng.random(n) < 0.5, rng.exponential(200, n), np.nan),
    )
    agents = Agents(
        capacity=[4, 3, 5, 4, 3, 3],
        skill=[[1, 2], [1, 0], [2, 1], [0, 1], [1, 1], [2, 1]],
        shifts=[
            (0, 0, 7200),
            (1, 0, 3600),
            (1, 4200, 7200),
            (2, 600, 6000),
            (3, 0, 7200),
            (4, 0, 7200),
            (5, 900, 7200),
        ],
    )
    result = simulate(contacts, agents, Policy(silent_close_s=60), turns=True, trace=True)
    return NightLog.of(contacts, agents, result, queues=("presale", "aftersale"), opens=OPENS), contacts, agents


# --- what platforms count --------------------------------------------------------------------------------------

SECOND_QUESTION = (("10:10:15", "buyer"), ("10:15:20", "buyer"), ("10:18:10", "agent"))
NEXT_QUESTION = (("10:18:30", "buyer"), ("10:19:00", "agent"))


def test_asking_again_before_the_reply_is_the_same_turn():
    """Asked 10:10:15, again 10:15:20, answered 10:18:10: 0 of 1 (first worked example of dingjiuxi.cn)."""
    assert score(chat(*SECOND_QUESTION), WANGWANG) == (0, 1)


def test_the_question_after_a_reply_is_the_next_turn():
    """The same, then asked 10:18:30 and answered 10:19:00: 1 of 2 (second worked example)."""
    assert score(chat(*SECOND_QUESTION, *NEXT_QUESTION), WANGWANG) == (1, 2)


def test_ten_questions_without_any_reply_are_one_turn():
    """Ten questions within three minutes, unanswered until midnight: 0 of 1 (third worked example)."""
    questions = [(f"10:{10 + i // 4:02d}:{15 * (i % 4):02d}", "buyer") for i in range(10)]
    assert score(chat(*questions), WANGWANG) == (0, 1)


def test_a_chat_belongs_by_its_beginning_on_jd():
    """Begun 8:56 and answered 9:01 does not count; begun 9:00:00 does (the platform's own FAQ)."""
    assert score(chat(("08:56:00", "buyer"), ("09:01:00", "agent")), JD) == (0, 0)
    assert score(chat(("09:00:00", "buyer"), ("09:00:30", "agent")), JD) == (1, 1)
    assert score(chat(("23:00:00", "buyer"), ("23:00:05", "agent")), JD) == (0, 0)


def test_jd_counts_the_first_turn_only():
    """A slow second reply costs nothing there, and a chat begun before 9:00 is out with all its turns."""
    slow_later = (("10:00:00", "buyer"), ("10:00:20", "agent"), ("10:01:00", "buyer"), ("10:05:00", "agent"))
    assert score(chat(*slow_later), JD) == (1, 1)
    begun_early = (("08:59:00", "buyer"), ("08:59:10", "agent"), ("09:00:10", "buyer"), ("09:00:20", "agent"))
    assert score(chat(*begun_early), JD) == (0, 0)


def test_pdd_counts_a_buyer_once_by_the_worst_turn():
    """Two good turns and a slow one are a buyer who was not answered; turns outside the window do not count."""
    good = (("10:00:00", "buyer"), ("10:00:20", "agent"), ("10:01:00", "buyer"), ("10:02:00", "agent"))
    slow = (("10:03:00", "buyer"), ("10:06:01", "agent"))
    night = (("22:59:00", "buyer"), ("22:59:30", "agent"), ("23:10:00", "buyer"), ("23:50:00", "agent"))
    assert score(chat(*good), PDD["pdd_3min"]) == (1, 1)
    assert score(chat(*good, *slow), PDD["pdd_3min"]) == (0, 1)
    assert score(chat(*night), PDD["pdd_3min"]) == (1, 1)
    assert score(chat(*good, *slow), PDD["pdd_30s"]) == (1, 1)


def test_douyin_counts_every_turn():
    """Three turns, one of them slow: 2 of 3."""
    turns = (("10:00:00", "buyer"), ("10:00:20", "agent"), ("10:01:00", "buyer"), ("10:02:00", "agent"))
    slow = (("10:03:00", "buyer"), ("10:06:01", "agent"))
    assert score(chat(*turns, *slow), DOUYIN) == (2, 3)


def test_who_answers_decides_what_counts():
    """A greeting answers nothing; a robot alone counts nowhere; a robot's draft counts on one platform only."""
    greeted = (("10:00:00", "buyer"), ("10:00:01", "auto"), ("10:02:00", "agent"))
    robot = (("10:00:00", "buyer"), ("10:00:02", "bot"), ("10:05:00", "buyer"), ("10:05:30", "agent"))
    assist = (("10:00:00", "buyer"), ("10:00:10", "assist"), ("10:09:00", "agent"))
    assert score(chat(*greeted), WANGWANG) == (1, 1)
    assert score(chat(*greeted), JD) == (0, 1)
    assert score(chat(*robot), WANGWANG) == (1, 1)
    assert score(chat(*assist), WANGWANG) == (1, 1)
    assert score(chat(*assist), DOUYIN) == (0, 1)


@pytest.mark.parametrize(
    ("clock", "counts"),
    [("07:59:59.999", 0), ("08:00:00", 1), ("22:59:59.999", 1), ("23:00:00", 0), ("00:00:00", 0)],
)
def test_the_window_is_exact_at_its_edges(clock, counts):
    """A question at 8:00:00 is in, one at 23:00:00 is out, whenever its reply comes."""
    turns = pd.DataFrame({"contact": [1], "turn": 0, "sent": [at(clock)], "replied": [at(clock)]})
    assert judge_turns(turns, WANGWANG, opens=at("00:00"))["counted"].sum() == counts


def test_the_threshold_is_exact():
    """A reply after 180 s is in time, one after 180.001 s is not, and no reply never is."""
    judged = judge_turns(turns_at((0.0, 180.0), (0.0, 180.001), (0.0, math.nan)), WANGWANG, opens=OPENS)
    assert judged["in_time"].tolist() == [True, False, False]
    assert judged["counted"].all()


def test_the_older_window_ended_at_midnight():
    """In 2023 a question at 23:30 counted, now it does not; the facts say since when."""
    (then,) = platform_rates("tmall", on=dt.date(2023, 11, 11))
    late = chat(("23:30:00", "buyer"), ("23:31:00", "agent"))
    assert score(late, then) == (1, 1)
    assert score(late, WANGWANG) == (0, 0)
    assert score(chat(("00:00:00", "buyer"), ("00:00:10", "agent")), then) == (0, 0)


def test_windows_over_midnight_and_round_the_clock():
    """A window from 20:00 to 2:00 holds 1:59 and not 2:00; one of 24 hours holds every second."""
    evening = replace(WANGWANG, opens_s=20 * 3600, closes_s=2 * 3600)
    always = replace(WANGWANG, opens_s=0, closes_s=86_400)
    seconds = np.arange(0, 3 * 86_400, 600.0)
    turns = turns_at(*[(s, s) for s in seconds])
    clock = (18 * 3600 + seconds) % 86_400
    expected = (clock >= 20 * 3600) | (clock < 2 * 3600)
    np.testing.assert_array_equal(judge_turns(turns, evening, opens=OPENS)["counted"], expected)
    assert judge_turns(turns, always, opens=OPENS)["counted"].all()


def test_the_window_follows_the_clock_through_a_change_of_time():
    """In Berlin on 29 March 2026 the clock jumps: 8:00 comes seven hours after midnight."""
    opens = pd.Timestamp("2026-03-29 00:00", tz="Europe/Berlin")
    edges = (7 * 3600.0, 22 * 3600.0)  # of the window, in seconds since that midnight
    turns = turns_at(*[(second, second) for edge in edges for second in (edge - 1.0, edge)])
    assert judge_turns(turns, WANGWANG, opens=opens)["counted"].tolist() == [False, True, True, False]


MESSAGES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 50), st.sampled_from(["buyer", "agent", "assist", "auto", "bot"])),
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(MESSAGES)
def test_turns_are_what_a_clerk_would_count(messages):
    """Going through each contact message by message with a pencil gives the same turns (200 logs: prove_laws.py)."""
    log = pd.DataFrame(messages, columns=["contact", "time", "sender"]).astype({"contact": int, "time": float})
    log = log.sort_values(["contact", "time"], kind="stable")
    expected = []
    for contact, rows in log.groupby("contact"):
        open_since, number = None, 0
        for time, sender in zip(rows["time"], rows["sender"], strict=True):
            if sender == "buyer" and open_since is None:
                open_since = time
            elif sender in ("agent", "assist", "bot") and open_since is not None:
                if sender != "bot":
                    expected.append((contact, number, open_since, time))
                    number += 1
                open_since = None
        if open_since is not None:
            expected.append((contact, number, open_since, None))
    turns = find_turns(log)
    found = [
        (contact, turn, sent, None if math.isnan(replied) else replied)
        for contact, turn, sent, replied in turns[["contact", "turn", "sent", "replied"]].itertuples(index=False)
    ]
    assert found == expected


def test_a_simulated_night_written_as_messages_gives_the_same_rates(night):
    """Writing the simulated turns down as a tz-aware message log and cutting it again changes no rate."""
    log, _, _ = night
    turns = log.turns
    asked = turns.assign(time=turns["sent"], sender="buyer")
    stated = turns[turns["replied"].notna()].assign(sender="agent").assign(time=lambda rows: rows["replied"])
    messages = pd.concat([asked, stated])[["contact", "time", "sender", "agent"]]
    messages["time"] = OPENS + pd.to_timedelta(messages["time"], unit="s")
    real = replace(log, turns=find_turns(messages.sample(frac=1, random_state=1)))
    for rate in (WANGWANG, JD, DOUYIN, *PDD.values()):
        assert platform_rate(real, rate) == pytest.approx(platform_rate(log, rate), abs=1e-12)
        assert 0 < platform_rate(log, rate) < 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"threshold_s": 0}, "threshold_s"),
        ({"opens_s": -1}, "opens_s"),
        ({"closes_s": 90_000}, "closes_s"),
        ({"counts": "all"}, "counts"),
    ],
)
def test_a_platform_rate_refuses_nonsense(wrong, says):
    """Every field is checked where it is born."""
    with pytest.raises(ValueError, match=says):
        replace(WANGWANG, **wrong)


def test_every_rate_of_the_facts_can_be_read_and_named():
    """Each platform has at least one rate now, with a term in both languages and a better side."""
    for platform in ("tmall", "taobao", "jd", "pdd", "douyin", "kuaishou", "xiaohongshu"):
        rates = platform_rates(platform, on=ON)
        assert rates
        for rate in rates:
            assert isinstance(rate, PlatformRate)
            assert rate.key in glossary()
            assert BETTER[rate.key] == "higher"
    known = facts.rows("platform_scores", on=ON)
    assert not known.duplicated(["key", "platform"]).any()


# --- contacts against brute force ------------------------------------------------------------------------------


def test_every_kpi_of_contacts_by_brute_force(night):
    """A plain loop over the contacts counts the same."""
    log, _, _ = night
    rows = log.contacts.to_dict("records")
    people = [row for row in rows if row["outcome"] != "bot"]
    waits = sorted(row["first_reply"] - row["asked"] for row in people if row["replies"])
    figures = summarise(log, threshold_s=30)
    assert figures["offered"] == len(rows)
    assert figures["human"] == len(people)
    assert figures["answered"] == len(waits)
    assert figures["abandoned"] == sum(row["outcome"] == "abandoned" for row in rows) > 0
    assert figures["silent"] == sum(row["outcome"] == "silent" for row in rows) > 0
    assert figures["first_response"] == pytest.approx(sum(waits) / len(waits))
    share = next(wait for wait in waits if sum(w <= wait for w in waits) >= 0.9 * len(waits))
    assert figures["first_response_p90"] == pytest.approx(share)
    assert figures["mean_response"] == pytest.approx(
        sum(row["response_sum"] for row in rows) / sum(row["replies"] for row in rows)
    )
    assert figures["service_level"] == pytest.approx(sum(wait <= 30 for wait in waits) / len(people))
    assert figures["lost_share"] == pytest.approx(1 - len(waits) / len(people))


def test_nobody_is_lost_on_the_way(night):
    """Every contact is the bot's, answered, left openly or silently, or never served; groups add up to the night."""
    log, _, _ = night
    figures = summarise(log, threshold_s=30)
    parts = ("bot_resolved", "answered", "abandoned", "silent", "unserved")
    assert sum(figures[part] for part in parts) == figures["offered"]
    assert figures["human"] == figures["offered"] - figures["bot_resolved"]
    grid = Grid(opens=OPENS, n=5)
    for table in (by_queue(log, threshold_s=30), by_interval(log, grid=grid, threshold_s=30)):
        for part in ("offered", *parts):
            assert table[part].sum() == figures[part]
        assert (table["service_level"] * table["human"]).sum() == pytest.approx(
            figures["service_level"] * figures["human"]
        )
    each = by_agent(log, threshold_s=30)
    assert each["answered"].sum() == figures["answered"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(floors())
def test_the_laws_hold_on_any_floor(floor):
    """On random floors with everything on: contacts add up, shares stay in [0, 1], sums of groups are the night's.

    tests/prove/prove_laws.py draws 150 of them.
    """
    contacts, agents, policy, disruptions = floor
    result = simulate(contacts, agents, policy, disruptions, turns=True, trace=True)
    log = NightLog.of(contacts, agents, result, queues=("presale", "aftersale", "escalation"), opens=OPENS)
    figures = summarise(log, threshold_s=10, rates=[WANGWANG, JD], curve=CURVE, values_cny={"presale": 2.0})
    parts = ("bot_resolved", "answered", "abandoned", "silent", "unserved")
    assert sum(figures[part] for part in parts) == figures["offered"] == len(contacts)
    for key in ("lost_share", "service_level", "occupancy", "saturation", "wangwang_3min", "jd_30s"):
        assert math.isnan(figures[key]) or 0 <= figures[key] <= 1 + 1e-12
    assert figures["sales_kept"] + figures["sales_lost"] == pytest.approx(2.0 * (contacts.queue == 0).sum())
    assert figures["concurrency_peak"] <= max(agents.capacity, default=0)
    wait = log.contacts["first_reply"] - log.contacts["asked"]
    assert (wait.dropna() >= 0).all()
    grid = Grid(opens=OPENS, n=2, step_s=60)
    for table in (by_queue(log, threshold_s=10), by_interval(log, grid=grid, threshold_s=10)):
        assert table["offered"].sum() == len(contacts)
    if len(agents):
        assert by_agent(log, threshold_s=10)["answered"].sum() == figures["answered"]


def test_groups_are_the_sub_logs(night):
    """A figure of a group is the figure of a log that holds only that group."""
    log, _, _ = night
    grid = Grid(opens=OPENS, n=5)
    for groups in (queue_groups(log), agent_groups(log), interval_groups(log, grid)):
        for kpi in (kpis.first_response, kpis.first_response_p90, kpis.mean_response, kpis.lost_share):
            together = kpi(log, groups)
            for code in range(len(groups.labels)):
                alone = kpi(replace(log, contacts=log.contacts[groups.codes == code]))
                assert together.iloc[code] == pytest.approx(alone, nan_ok=True)
        rates = platform_rate(log, WANGWANG, by=groups)
        for code in range(len(groups.labels)):
            mine = log.turns[groups.codes[log.turns["contact"].to_numpy()] == code]
            assert rates.iloc[code] == pytest.approx(platform_rate(replace(log, turns=mine), WANGWANG), nan_ok=True)


def test_intervals_may_open_at_another_time_than_the_log(night):
    """A grid that opens an hour later leaves the first hour's contacts out and shifts no other."""
    log, contacts, _ = night
    later = Grid(opens=OPENS + pd.Timedelta(hours=1), n=2)
    table = by_interval(log, grid=later, threshold_s=30)
    arrival = contacts.arrival
    assert table["offered"].tolist() == [
        ((arrival >= 3600) & (arrival < 5400)).sum(),
        ((arrival >= 5400) & (arrival < 7200)).sum(),
    ]


def test_a_longer_threshold_never_lowers_the_service_level(night):
    """The share answered within T rises with T, up to the share that was answered at all."""
    log, _, _ = night
    levels = [kpis.service_level(log, threshold_s=t) for t in (0, 10, 30, 60, 180, 1e9)]
    assert levels == sorted(levels)
    assert levels[-1] == pytest.approx(1 - kpis.lost_share(log))


@pytest.mark.parametrize(
    ("patience", "outcome", "response"),
    [
        (30.0, "abandoned", math.nan),  # gone at 40, back at 140, gone again at 170: nobody is free before 200
        (100.0, "served", 230.0),  # gone at 110, back at 210, answered at 240
    ],
)
def test_the_first_question_of_who_came_back_is_the_first_one(patience, outcome, response):
    """A buyer leaves the bot at 10, gives up and comes back after 100 s: they have waited since 10, in one turn."""
    contacts = Contacts(
        arrival=[0.0, 5.0],
        handle=[200.0, 30.0],
        bot=[math.nan, 5.0],
        patience=[math.inf, patience],
        retry=[math.nan, 100.0],
    )
    agents = Agents(shifts=[(0, 0, 3600)])
    result = simulate(contacts, agents, turns=True)
    log = NightLog.of(contacts, agents, result, queues=("presale",), opens=OPENS)
    assert result.contacts["attempts"].tolist() == [1, 2]
    assert log.contacts["outcome"].tolist() == ["served", outcome]
    assert log.contacts["asked"].tolist() == [0.0, 10.0]
    assert log.turns["sent"].tolist() == [0.0, 10.0]
    second = log.contacts["first_reply"] - log.contacts["asked"]
    assert second.iloc[1] == pytest.approx(response, nan_ok=True)


def test_a_night_without_contacts_has_no_shares():
    """Counts are 0 and shares nan: nothing is not everything."""
    contacts, agents = Contacts(arrival=[], handle=[]), Agents(shifts=[(0, 0, 60)])
    result = simulate(contacts, agents, turns=True)
    log = NightLog.of(contacts, agents, result, queues=("presale",), opens=OPENS)
    figures = summarise(log, threshold_s=30, rates=[WANGWANG])
    assert figures["offered"] == 0
    assert all(math.isnan(figures[key]) for key in ("service_level", "first_response_p90", "wangwang_3min"))
    assert figures["occupancy"] == 0


# --- agents ----------------------------------------------------------------------------------------------------


def test_figures_of_agents_by_brute_force(night):
    """Occupancy, saturation, concurrency and overtime from the trace, change by change."""
    log, _, agents = night
    busy, chats, peak = np.zeros(6), np.zeros(6), np.zeros(6)
    for agent, rows in log.trace.groupby("agent"):
        steps = rows[["time", "open", "replying"]].to_numpy(dtype=float)
        for (time, chats_open, replying), (until, _, _) in pairwise(steps):
            busy[agent] += replying * (until - time)
            chats[agent] += chats_open * (until - time)
        peak[agent] = rows["open"].max()
    worked = log.agents["worked"]
    figures = summarise(log, threshold_s=30)
    assert figures["occupancy"] == pytest.approx(busy.sum() / worked.sum())
    assert figures["concurrency"] == pytest.approx(chats.sum() / worked.sum())
    assert figures["saturation"] == pytest.approx(chats.sum() / (worked * agents.capacity).sum())
    assert figures["concurrency_peak"] == peak.max()
    assert figures["overtime"] == pytest.approx(log.agents["overtime"].sum() / 3600)
    assert 0 < figures["occupancy"] < 1
    each = by_agent(log, threshold_s=30)
    np.testing.assert_allclose(each["occupancy"], busy / worked)
    np.testing.assert_array_equal(each["concurrency_peak"], peak)


def test_overtime_begins_after_the_last_shift_and_a_late_break_is_none(night):
    """Each agent's chats, one by one: open after the last shift is overtime, open in a gap makes the break late."""
    log, _, agents = night
    overtime_s, late_s = np.zeros(6), np.zeros(6)
    for agent in range(6):
        shifts = sorted((start, end) for who, start, end in agents.shifts.tolist() if who == agent)
        mine = log.contacts[(log.contacts["agent"] == agent) & log.contacts["end"].notna()]
        for number, (_, off) in enumerate(shifts):
            back = shifts[number + 1][0] if number + 1 < len(shifts) else np.inf
            open_until = max((row.end for row in mine.itertuples() if row.assigned < off), default=off)
            seconds = max(min(open_until, back) - off, 0.0)
            if back == np.inf:
                overtime_s[agent] += seconds
            else:
                late_s[agent] += seconds
    assert overtime_s.sum() > 0
    assert late_s.sum() > 0
    figures = summarise(log, threshold_s=30)
    assert figures["overtime"] == pytest.approx(overtime_s.sum() / 3600)
    assert figures["late_break"] == pytest.approx(late_s.sum() / 3600)
    assert figures["overtime"] + figures["late_break"] <= (log.agents["worked"] - log.agents["on_duty"]).sum() / 3600


def test_an_agent_who_finishes_a_chat_in_the_break_has_no_overtime():
    """One chat runs twenty seconds into a break and none past the shift: no overtime, a break late by 20 s."""
    contacts = Contacts(arrival=[90.0], handle=30.0)
    agents = Agents(shifts=[(0, 0, 100), (0, 200, 300)])
    log = NightLog.of(contacts, agents, simulate(contacts, agents), queues=("presale",), opens=OPENS)
    assert kpis.overtime(log) == 0.0
    assert kpis.late_break(log) == pytest.approx(20 / 3600)


def test_cells_add_up_to_the_night(night):
    """The counts of all half hours and queues, and the shares made of them, are those of the whole night."""
    log = night[0]
    grid = Grid(opens=OPENS, n=10, step_s=1800)
    queues = tuple(log.contacts["queue"].cat.categories)
    curve = kpis.ConversionCurve.default()
    money = {"curve": curve, "values_cny": dict.fromkeys(queues, 10.0)}
    cells = kpis.by_cell(log, grid=grid, queues=queues, threshold_s=30, **money)
    whole = summarise(log, threshold_s=30, **money)
    total = {key: counts.sum() for key, counts in cells.items()}
    assert total["cell_offered"] == whole["offered"]
    assert total["cell_human"] == whole["human"]
    assert total["cell_lost"] / total["cell_human"] == pytest.approx(whole["lost_share"])
    assert 1 - total["cell_late"] / total["cell_human"] == pytest.approx(whole["service_level"])
    assert total["cell_wait_s"] / total["cell_answered"] == pytest.approx(whole["first_response"])
    assert total["cell_lost_cny"] == pytest.approx(whole["sales_lost"])
    by_queue = kpis.by_queue(log, threshold_s=30)
    for column, queue in enumerate(queues):
        assert cells["cell_human"][:, column].sum() == by_queue.loc[queue, "human"]


def test_the_peak_is_the_same_from_the_trace_and_from_the_contacts():
    """Where nobody leaves silently and nothing is handed over, both ways of counting open chats agree."""
    rng = np.random.default_rng(8)
    contacts = Contacts(
        arrival=np.sort(rng.integers(0, 600, 80)).astype(float),
        turns=2,
        handle=rng.integers(1, 30, 160).astype(float),
        think=rng.integers(0, 60, 160).astype(float),
    )
    agents = Agents(capacity=[3, 5, 99], shifts=[(0, 0, 900), (1, 0, 900), (2, 300, 900)])
    log = NightLog.of(contacts, agents, simulate(contacts, agents, trace=True), queues=("presale",), opens=OPENS)
    each = kpis.Grouping(codes=np.arange(3), labels=pd.RangeIndex(3))
    traced = kpis.concurrency_peak(log, each)
    swept = kpis.concurrency_peak(replace(log, trace=None), each)
    # A chat may begin at the instant another ends on the same agent: never more than the capacity either way.
    np.testing.assert_array_equal(traced, swept)
    assert (traced <= agents.capacity).all()
    assert traced.iloc[0] == 3


def test_the_floor_by_interval_adds_up(night):
    """Open chats and busy time by interval, integrated, are the agents' own totals; on duty are the shifts."""
    log, _, agents = night
    grid = Grid(opens=OPENS, n=40, step_s=300)  # past the last overtime
    table = by_interval(log, grid=grid, threshold_s=30)
    assert (table["open_chats"] * 300).sum() == pytest.approx(log.agents["chat_seconds"].sum())
    assert (table["occupancy"] * table["on_duty"] * 300).sum() + after_hours(log, grid) == pytest.approx(
        log.agents["busy"].sum()
    )
    on_duty = [
        sum(max(0.0, min(end, edge + 300) - max(start, edge)) for _, start, end in agents.shifts.tolist()) / 300
        for edge in grid.edges_s[:-1]
    ]
    np.testing.assert_allclose(table["on_duty"], on_duty)


def after_hours(log, grid):
    """Busy seconds in intervals with nobody on duty, where occupancy is nan, from the trace."""
    busy = 0.0
    for _, rows in log.trace.groupby("agent"):
        steps = rows[["time", "replying"]].to_numpy(dtype=float)
        for (time, replying), (until, _) in pairwise(steps):
            busy += replying * max(0.0, until - max(time, 7200.0))
    return busy


# --- money -----------------------------------------------------------------------------------------------------

CURVE = ConversionCurve(points=((20, 1.0), (60, 0.9), (600, 0.2)), unanswered=0.05)


def test_money_by_brute_force(night):
    """Contact by contact: the bot's keep all, the unanswered keep what the curve says, the others by their mean."""
    log, _, _ = night
    worth = {"presale": 40.0}
    kept = lost = 0.0
    for row in log.contacts.to_dict("records"):
        if row["queue"] != "presale":
            continue
        share = 1.0
        if row["outcome"] != "bot":
            mean = row["response_sum"] / row["replies"] if row["replies"] else math.nan
            share = float(np.interp(mean, [20, 60, 600], [1.0, 0.9, 0.2])) if row["replies"] else 0.05
        kept += 40.0 * share
        lost += 40.0 * (1 - share)
    found = kpis.sales(log, curve=CURVE, values_cny=worth)
    assert found == pytest.approx((kept, lost))
    presale = (log.contacts["queue"] == "presale").sum()
    assert sum(found) == pytest.approx(40.0 * presale)
    by_queues = kpis.sales(log, curve=CURVE, values_cny=worth, by=queue_groups(log))
    assert by_queues[0]["aftersale"] == by_queues[1]["aftersale"] == 0
    assert by_queues[0]["presale"] == pytest.approx(kept)


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 5000), st.floats(0, 5000))
def test_a_slower_response_never_keeps_more(one, other):
    """The curve of the facts falls, stays in [0, 1], and treats nobody's answer as worst."""
    curve = ConversionCurve.default()
    fast, slow = curve.keeps(np.sort([one, other]))
    assert 0 <= curve.keeps(np.array([math.nan]))[0] <= slow <= fast <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"points": ()},
        {"points": ((20, 1.0), (20, 0.9))},
        {"points": ((-1, 1.0),)},
        {"points": ((0, 0.5), (10, 0.6))},
        {"points": ((0, 1.5),)},
        {"points": ((0, 1.0),), "unanswered": -0.1},
    ],
)
def test_a_curve_refuses_nonsense(wrong):
    """No points, seconds that do not rise, shares that rise or leave [0, 1]."""
    with pytest.raises(ValueError, match="points"):
        ConversionCurve(**wrong)


# --- logs ------------------------------------------------------------------------------------------------------


def test_every_figure_has_a_name_in_both_languages(night):
    """Whatever a summary or a table holds is a term of the glossary; so is whatever has a better side."""
    log, _, _ = night
    money = {"curve": CURVE, "values_cny": {"presale": 1.0}}
    keys = set(summarise(log, threshold_s=30, rates=[WANGWANG, JD], **money)) | set(BETTER)
    keys |= set(by_interval(log, grid=Grid(opens=OPENS, n=5), threshold_s=30, **money))
    keys |= set(by_agent(log, threshold_s=30, **money))
    assert keys <= set(glossary())


def test_a_log_says_what_it_lacks(night):
    """A log without a zone, a column or a table refuses with the name of what is missing."""
    log, _, _ = night
    with pytest.raises(ValueError, match="time zone"):
        replace(log, opens=pd.Timestamp("2026-10-31 18:00"))
    with pytest.raises(ValueError, match="contacts lacks asked"):
        replace(log, contacts=log.contacts.drop(columns="asked"))
    with pytest.raises(ValueError, match="needs the table 'turns'"):
        summarise(replace(log, turns=None), threshold_s=30, rates=[WANGWANG])
    with pytest.raises(ValueError, match="needs the table 'agents'"):
        kpis.occupancy(replace(log, agents=None))
    with pytest.raises(ValueError, match="threshold_s"):
        kpis.service_level(log, threshold_s=-1)


def test_kpis_change_nothing_they_are_given(night):
    """Working every figure out leaves the log's frames as they were."""
    log, _, _ = night
    before = [frame.copy() for frame in (log.contacts, log.turns, log.agents, log.trace)]
    summarise(log, threshold_s=30, rates=[WANGWANG], curve=CURVE, values_cny={"presale": 1.0})
    by_interval(log, grid=Grid(opens=OPENS, n=5), threshold_s=30)
    for frame, copy in zip((log.contacts, log.turns, log.agents, log.trace), before, strict=True):
        pd.testing.assert_frame_equal(frame, copy)


def test_a_clock_window_is_the_store_s_own_whichever_zone_was_asked_first():
    """Two stores whose nights open at the same instant in different zones each have their own clock window."""
    rate = PlatformRate(key="jd_30s", platform="jd", threshold_s=30, opens_s=9 * 3600, closes_s=23 * 3600)
    turns = pd.DataFrame({"contact": [0], "turn": [0], "sent": [600.0], "replied": [610.0], "agent": [0]})
    opens = pd.Timestamp("2026-11-01 10:00", tz="Asia/Shanghai")
    zones = [opens.tz_convert(zone) for zone in ("Asia/Shanghai", "UTC")]
    assert [judge_turns(turns, rate, opens=night)["counted"].item() for night in zones] == [True, False]
