"""Every platform's own definition on logs written by hand, the 30-day view, and what one more lost buyer costs."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

from simlib import facts
from simlib.kpis import NightLog, example_log, platform_rate, platform_rates
from simlib.kpis.platform_scores import (
    FACTS,
    PlatformScore,
    Tally,
    cost_of_one_lost,
    count_score,
    find_overdue_facts,
    platform_scores,
    points_of,
    score_nights,
    score_platforms,
)
from simlib.messages import LANGS, UserError, glossary

ON = dt.date(2026, 11, 11)
OPENS = pd.Timestamp("2026-11-11 22:59:00", tz="Asia/Shanghai")  # second 59 is 22:59:59, second 60 is 23:00:00
NAN = math.nan
PLATFORMS = ("tmall", "taobao", "douyin", "jd", "pdd", "kuaishou", "xiaohongshu")


def log_of(*turns, opens=OPENS, buyers=None):
    """Make a log of turns (chat, asked, answered); answered nan = never."""
    frame = pd.DataFrame(turns, columns=["contact", "sent", "replied"]).astype({"sent": float, "replied": float})
    frame["turn"] = frame.groupby("contact").cumcount()
    frame["agent"] = np.where(frame["replied"].isna(), -1, 0)
    n = int(frame["contact"].max()) + 1
    first = frame[frame["turn"] == 0].set_index("contact")
    contacts = pd.DataFrame(
        {
            "queue": "presale",
            "arrival": first["sent"],
            "outcome": np.where(first["replied"].isna(), "abandoned", "served"),
            "asked": first["sent"],
            "first_reply": first["replied"],
            "end": first["replied"],
            "agent": -1,
            "replies": frame.groupby("contact")["replied"].count(),
        }
    ).reindex(range(n))
    if buyers is not None:
        contacts["buyer"] = buyers
    return NightLog(contacts=contacts, turns=frame, opens=opens)


def one(platform, key=None, on=ON):
    """Look up one score of a platform, its headline unless a key is given."""
    scores = {score.key: score for score in platform_scores(platform, on=on)}
    return scores[key] if key else next(iter(scores.values()))


def value(log, *which):
    """Return the value of one score on a log."""
    return count_score(log, one(*which)).value


NOON = pd.Timestamp("2026-11-11 12:00:00", tz="Asia/Shanghai")


# --- the definitions --------------------------------------------------------------------------------------


def test_one_unanswered_turn_in_sixty_adds_ten_seconds_to_the_mean_of_douyin():
    """Sixty turns, 59 answered after 12 s: what the last one counts is a sixtieth of 600 s."""
    answered = [(i, 10.0 * i, 10.0 * i + 12) for i in range(59)]
    lost = value(log_of(*answered, (59, 590.0, NAN), opens=NOON), "douyin")
    assert lost == (59 * 12 + 600) / 60
    at_once = value(log_of(*answered, (59, 590.0, 590.0), opens=NOON), "douyin")
    assert lost - at_once == pytest.approx(10.0)


def test_douyin_looks_at_when_a_chat_began_and_tmall_at_when_a_turn_began():
    """A chat begun 22:59:59 counts on Douyin with all its turns, one begun 23:00:00 with none."""
    late = (0, 59.0, 79.0), (0, 100.0, 500.0), (1, 60.0, 61.0)
    assert count_score(log_of(*late), one("douyin")) == Tally(counted=2, total=420.0)
    assert count_score(log_of(*late), one("tmall")) == Tally(counted=1, total=1.0)
    early = pd.Timestamp("2026-11-11 07:59:00", tz="Asia/Shanghai")  # second 60 is 8:00:00
    assert count_score(log_of((0, 59.0, 61.0), (0, 100.0, 103.0), (1, 60.0, 64.0), opens=early), one("douyin")) == (
        Tally(counted=1, total=4.0)
    )


def test_a_late_reply_of_douyin_counts_its_own_time():
    """A turn that is answered after twenty minutes counts 1200 s, not 600."""
    assert value(log_of((0, 0.0, 1200.0), opens=NOON), "douyin") == 1200.0


def test_douyin_was_a_rate_until_the_sixth_of_may():
    """A run on a day uses what held on that day."""
    log = log_of((0, 0.0, 180.0), (1, 5.0, 186.0), opens=NOON)
    before = one("douyin", None, dt.date(2026, 5, 6))
    assert (before.key, before.better) == ("douyin_3min", "higher")
    assert count_score(log, before).value == 0.5
    after = one("douyin", None, dt.date(2026, 5, 7))
    assert (after.key, after.better, after.limit_s) == ("douyin_mean_response", "lower", 90.0)
    assert count_score(log, after).value == 180.5


def test_tmall_counts_every_turn_answered_within_three_minutes():
    """The 180th second is in time, a turn without a reply is not, a turn of a chat begun too early is."""
    log = log_of((0, 0.0, 180.0), (0, 300.0, 481.0), (1, 10.0, NAN), (2, 20.0, 21.0), opens=NOON)
    assert count_score(log, one("tmall")) == Tally(counted=4, total=2.0)
    assert count_score(log, one("taobao")) == count_score(log, one("tmall"))


def test_jd_counts_the_first_turn_within_thirty_seconds_and_the_mean_of_what_was_answered():
    """Chats begun from 9:00 to 23:00; who was never answered lowers the rate and leaves the mean alone."""
    log = log_of((0, 0.0, 30.0), (0, 100.0, 200.0), (1, 10.0, 41.0), (2, 20.0, NAN), opens=NOON)
    assert count_score(log, one("jd", "jd_30s")) == Tally(counted=3, total=1.0)
    assert value(log, "jd", "jd_mean_response") == (30 + 100 + 31) / 3
    assert cost_of_one_lost(Tally(counted=3, total=161.0), one("jd", "jd_mean_response")) == 0.0
    assert one("jd", "jd_mean_response").limit_s == 40
    assert count_score(log_of((0, 0.0, 5.0), opens=pd.Timestamp("2026-11-11 08:59+08:00")), one("jd")).counted == 0


def test_pdd_counts_a_buyer_once_by_the_worst_of_their_turns():
    """Two turns in time and one not: the buyer was not served in time; by the 30-second rate the first turn counts."""
    log = log_of((0, 0.0, 10.0), (0, 20.0, 30.0), (0, 50.0, 231.0), (1, 5.0, 40.0), opens=NOON)
    assert count_score(log, one("pdd", "pdd_3min")) == Tally(counted=2, total=1.0)
    assert count_score(log, one("pdd", "pdd_30s")) == Tally(counted=2, total=1.0)


def test_kuaishou_counts_by_buyer_and_by_chat_and_who_was_not_served():
    """One buyer with two chats, one of them late: a buyer not in time, a chat that is."""
    log = log_of((0, 0.0, 10.0), (1, 500.0, 900.0), (2, 5.0, 20.0), (3, 9.0, NAN), opens=NOON, buyers=list("aabc"))
    assert count_score(log, one("kuaishou", "kuaishou_3min_buyer")) == Tally(counted=3, total=1.0)
    assert count_score(log, one("kuaishou", "kuaishou_3min_chat")) == Tally(counted=4, total=2.0)
    assert count_score(log, one("kuaishou", "kuaishou_unserved")) == Tally(counted=4, total=1.0)
    assert one("kuaishou", "kuaishou_unserved").better == "lower"


def test_xiaohongshu_counts_first_replies_within_45_seconds_and_three_minutes():
    """45 s is in time for the one, 180 s for the other."""
    log = log_of((0, 0.0, 45.0), (1, 0.0, 46.0), (2, 0.0, 180.0), (3, 0.0, 181.0), (0, 300.0, 900.0), opens=NOON)
    assert value(log, "xiaohongshu", "xiaohongshu_45s") == 0.25
    assert value(log, "xiaohongshu", "xiaohongshu_3min") == 0.75


@pytest.mark.parametrize("platform", ["tmall", "taobao", "jd", "pdd"])
def test_rates_are_those_that_were_there_before(platform):
    """The rates of both tables of facts are one definition and give one figure."""
    scores = [score for score in platform_scores(platform, on=ON) if score.measure == "rate"]
    assert tuple(score.as_rate() for score in scores) == platform_rates(platform, on=ON)
    draw = np.random.default_rng(5)
    sent = np.sort(draw.uniform(0, 50_000, 400))
    chats, waits = draw.integers(0, 90, 400).tolist(), draw.exponential(90, 400)
    turns = [(chat, s, s + wait) for chat, s, wait in zip(chats, sent, waits, strict=True)]
    turns += [(chat, sent[0] - 1, NAN) for chat in range(90) if chat not in {turn[0] for turn in turns}]
    log = log_of(*sorted(turns), opens=NOON)
    for score in scores:
        assert count_score(log, score).value == pytest.approx(platform_rate(log, score.as_rate()))


def test_times_with_a_zone_are_read_like_seconds():
    """A real log has clock times."""
    log = log_of((0, 59.0, 79.0), (0, 100.0, 500.0), (1, 60.0, NAN))
    clock = log.turns.assign(
        sent=OPENS + pd.to_timedelta(log.turns["sent"], unit="s"),
        replied=OPENS + pd.to_timedelta(log.turns["replied"], unit="s"),
    )
    real = NightLog(contacts=log.contacts, turns=clock, opens=OPENS)
    for platform in PLATFORMS:
        for score in platform_scores(platform, on=ON):
            one_way, other = count_score(log, score), count_score(real, score)
            assert (one_way.counted, one_way.total) == (other.counted, pytest.approx(other.total))


def test_a_night_without_turns_has_no_figure():
    """Nothing counted is nan, not 0 and no error."""
    log = log_of((0, 60.0, 61.0))
    empty = NightLog(contacts=log.contacts, turns=log.turns.iloc[:0], opens=OPENS)
    for platform in PLATFORMS:
        for score in platform_scores(platform, on=ON):
            assert count_score(empty, score).counted == 0
            assert math.isnan(count_score(empty, score).value)


# --- several platforms, thirty days, steps ----------------------------------------------------------------


def test_the_same_lost_buyer_costs_score_on_douyin_and_one_turn_on_tmall():
    """A store on both sees both for the same night, each over its own share of the chats."""
    answered = [(i, 10.0 * i, 10.0 * i + 12) for i in range(60)]
    night = score_platforms(log_of(*answered, opens=NOON), {"tmall": 0.5, "douyin": 0.5}, on=ON).set_index("key")
    assert night["counted"].tolist() == [30, 30]
    assert night.loc["douyin_mean_response", "one_more_lost"] == pytest.approx((600 - 12) / 31)
    assert night.loc["wangwang_3min", "one_more_lost"] == pytest.approx(-1 / 31)


def test_a_night_moves_the_thirty_day_figure_by_its_weight():
    """29 days of 100 turns at 20 s, and a night of 60 turns at 60 s."""
    answered = [(i, 10.0 * i, 10.0 * i + 60) for i in range(60)]
    before = {"douyin_mean_response": Tally.of_value(20.0, counted=2900)}
    row = score_platforms(log_of(*answered, opens=NOON), {"douyin": 1.0}, on=ON, before=before).iloc[0]
    assert (row["before"], row["value"]) == (20.0, 60.0)
    assert row["after"] == pytest.approx((2900 * 20 + 60 * 60) / 2960)
    assert row["one_more_lost_after"] == pytest.approx((600 - row["after"]) / 2961)
    alone = score_platforms(log_of(*answered, opens=NOON), {"douyin": 1.0}, on=ON).iloc[0]
    assert math.isnan(alone["before"])
    assert math.isnan(alone["after"])


def test_bad_input_is_refused_in_both_languages():
    """A platform without facts on that day, shares that do not add up, steps out of order: a sentence each."""
    log = example_log()
    wrong = {
        "not known": (lambda: platform_scores("nowhere", on=ON), "nowhere", "2026-11-11"),
        "not yet": (lambda: platform_scores("jd", on=dt.date(2020, 1, 1)), "京东", "JD"),
        "shares": (lambda: score_platforms(log, {"tmall": 0.6, "jd": 0.3}, on=ON), "90.0%", "60.0%"),
        "negative": (lambda: score_platforms(log, {"tmall": 1.2, "jd": -0.2}, on=ON), "-20.0%", "100%"),
        "no shares": (lambda: score_platforms(log, {}, on=ON), "0.0%", "100%"),
        "steps": (lambda: points_of(20.0, [(20, 90), (10, 100)]), "20 s: 90", "50"),
        "points": (lambda: points_of(20.0, [(20, 40)]), "20 s: 40", "50"),
        "no steps": (lambda: points_of(20.0, []), "50", ""),
    }
    for call, *parts in wrong.values():
        with pytest.raises(UserError) as caught:
            call()
        text = " ".join(caught.value.text(lang) for lang in LANGS)
        assert all(part in text for part in parts), text


def test_a_definition_is_checked_when_it_is_made():
    """An unknown measure, unit of counting or clock is named."""
    usual = {"key": "k", "platform": "p", "measure": "rate", "limit_s": 9.0, "counts": "turn", "opens_s": 0}
    for field, sentence in (
        ({"measure": "median"}, "measure must be one of"),
        ({"counts": "message"}, "counts must be one of"),
        ({"window_by": "buyer"}, "window_by must be one of"),
        ({"limit_s": None}, "limit_s must be given"),
        ({"opens_s": -1}, "opens_s must be a second of the day"),
    ):
        with pytest.raises(ValueError, match=sentence):
            PlatformScore(**usual | {"closes_s": 86_400} | field)
    with pytest.raises(ValueError, match="is no response rate but a mean"):
        one("douyin").as_rate()


def test_a_figure_of_the_exports_is_a_rate_and_no_score():
    """Since 2026-05-07 the 3-minute rate is shown and not scored; the day before it was the score."""
    for day, scored in ((dt.date(2026, 5, 6), "douyin_3min"), (dt.date(2026, 5, 7), "douyin_mean_response")):
        assert [score.key for score in platform_scores("douyin", on=day)] == [scored]
        assert [rate.key for rate in platform_rates("douyin", on=day)] == ["douyin_3min"]


def test_nights_are_scored_like_one_night_after_the_other():
    """Tallies of simulated nights, their mean and the 30 days, worked by hand; one more lost buyer on each platform."""
    scores = [*platform_scores("tmall", on=ON), *platform_scores("douyin", on=ON)]
    nights = np.array([[[1000.0, 900.0], [1000.0, 30_000.0]], [[1000.0, 700.0], [1000.0, 50_000.0]]])
    shares = {"tmall": 0.75, "douyin": 0.25}
    before = {"douyin_mean_response": Tally.of_value(20.0, counted=4750)}
    table = score_nights(nights, scores, shares, before=before).set_index("kpi")
    assert table.loc["wangwang_3min", ["counted", "mean"]].tolist() == [750.0, 0.8]
    mean = table.loc["douyin_mean_response"]
    assert (mean["counted"], mean["mean"]) == (250.0, 40.0)
    assert mean["one_more_lost"] == pytest.approx((10_000 + 600) / 251 - 40)
    assert mean["figure_after"] == pytest.approx((20 * 4750 + 10_000) / 5000)
    assert mean["one_more_lost_after"] == pytest.approx((105_000 + 600) / 5001 - 21)
    assert table.loc["wangwang_3min", "one_more_lost"] == pytest.approx(600 / 751 - 0.8)
    assert math.isnan(table.loc["wangwang_3min", "figure_after"])


# --- the table of facts -----------------------------------------------------------------------------------


def test_every_fact_has_a_source_a_grade_and_a_day_to_look_at_it_again():
    """Dates in order, half a year between checks, a name in the glossary, a unit that fits."""
    table = facts.table(FACTS)
    assert set(table["platform"]) == set(PLATFORMS)
    for row in table.to_dict("records"):
        assert row["grade"] in ("A", "B", "C")
        assert (row["grade"] == "A") == (row["status"] == "verified")
        assert (row["recheck_by"] - row["checked_on"]).days == 180
        assert row["valid_to"] is None or row["valid_from"] is None or row["valid_from"] <= row["valid_to"]
        assert glossary()[row["key"]]["unit"] == ("s" if row["measure"] == "mean" else "share")
        assert row["platform"] in glossary()


def test_definitions_of_one_figure_follow_each_other_without_a_gap_or_an_overlap():
    """No figure is defined twice on a day, and no platform lacks one in between.

    What holds changes on the days on which a definition begins or ends alone, so those and the days beside them stand
    for all from 2026-01-01 on; tests/prove/prove_definitions.py goes through 500 days one by one.
    """
    edges = pd.concat([facts.table(FACTS)[column].dropna() for column in ("valid_from", "valid_to")])
    beside = {edge + dt.timedelta(days=by) for edge in edges for by in (-1, 0, 1)}
    first, last = dt.date(2026, 1, 1), dt.date(2027, 5, 15)
    days = sorted({first, last} | {day for day in beside if first <= day <= last})
    assert len(days) > 5
    for platform in PLATFORMS:
        for day in days:
            keys = [score.key for score in platform_scores(platform, on=day)]
            assert len(keys) == len(set(keys)) >= 1


def test_facts_past_their_day_are_listed():
    """The day itself is in time; only what holds on the day is listed."""
    assert find_overdue_facts(on=dt.date(2027, 5, 26)).loc[:, "key"].tolist() == []
    overdue = find_overdue_facts(on=dt.date(2027, 5, 27))
    assert set(overdue["platform"]) == set(PLATFORMS)
    assert "douyin_3min" not in set(overdue["key"])
