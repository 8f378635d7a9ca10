"""The requirement keeps its targets on the floor, needs nobody too many, and says what cannot be met."""

import datetime as dt
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from simlib.erlang import OutOfReachError, agents_for, chat_pool, erlang_a
from simlib.forecasting import TargetOutOfReachError, Targets, judge_heads, require_agents, sweep_concurrency
from simlib.forecasting.requirement import COLUMNS
from simlib.intervals import Grid
from simlib.kpis import platform_rates
from simlib.messages import UserError
from simlib.simulator import Agents, Policy, run_arrays, simulate
from simlib.simulator.draw import ChatService, Spread, draw_contacts, slowdown_from_ratio
from tests.forecasting.random_requirements import find_faults

NIGHT = Grid(opens=pd.Timestamp("2026-10-31 18:00+08:00"), n=8)
PRESALE = ChatService(replies_mean=5, reply_s=18, think_s=40, patience_s=240, silent_share=0.3)
GOOD = Targets(answered_share=0.9, answered_s=90, occupancy_max=0.9)


def forecast_of(human, queue="presale", grid=NIGHT):
    return pd.DataFrame({"start": grid.starts, "queue": queue, "human": np.asarray(human, dtype=float)})


EVENING = forecast_of([100, 110, 130, 210, 550, 350, 250, 175])


def requirement(forecast=EVENING, services=None, targets=GOOD, **rest):
    asked = {"concurrency": 4, "shrinkage": 0.2, "seed": 7} | rest
    return require_agents(forecast, services or {"presale": PRESALE}, targets, **asked)


@pytest.fixture(scope="module")
def evening():
    """The requirement of the evening, worked out once."""
    return requirement()


def live(need, *, service=PRESALE, concurrency=4, nights=range(100, 106), minute_profile=None):
    """Simulate a requirement on nights it has never seen; one row per contact."""
    on_chat = need["on_chat"].to_numpy()
    shifts = [
        (agent, i * 1800, (i + 1) * 1800 + 3600 * (i == len(on_chat) - 1))
        for i, heads in enumerate(on_chat)
        for agent in range(heads)
    ]
    agents = Agents(capacity=np.full(on_chat.max(), concurrency), shifts=shifts)
    forecast = forecast_of(need["human"]).rename(columns={"human": "contacts"})
    seen = []
    for night in nights:
        contacts = draw_contacts(
            forecast, {"presale": service}, grid=NIGHT, seed=7, replication=night, minute_profile=minute_profile
        )
        chats = simulate(contacts, agents).contacts
        seen.append(chats.assign(interval=np.minimum(chats["entry"] // 1800, NIGHT.n - 1).astype(int)))
    return pd.concat(seen)


def test_table_is_the_common_one(evening):
    """One row per forecast row, in its order, with the columns that the roster and the report read."""
    shuffled = EVENING.sample(frac=1, random_state=3)
    need = requirement(shuffled)
    assert list(need.columns) == list(COLUMNS)
    assert need["start"].tolist() == shuffled["start"].tolist()
    assert need["human"].tolist() == shuffled["human"].tolist()
    assert (need["on_chat"] == need["agents_simulated"]).all()
    sorted_need = need.sort_values("start", ignore_index=True)
    pd.testing.assert_frame_equal(sorted_need, evening)


def test_load_is_work_over_time(evening):
    """The offered load is contacts x replies x seconds a reply over the interval."""
    assert evening["load"].tolist() == pytest.approx((EVENING["human"] * 5 * 18 / 1800).tolist())


def test_targets_hold_on_other_nights():
    """Nights that the requirement has never seen keep the target, but for chance: twice the evening, to have less."""
    chats = live(requirement(EVENING.assign(human=2 * EVENING["human"])))
    in_time = (chats["first_reply"] - chats["entry"]).le(90).groupby(chats["interval"]).mean()
    assert (in_time > 0.9 - 0.035).all()
    assert in_time.mean() > 0.9


def test_nobody_is_there_for_nothing():
    """With a tenth fewer people where the target binds, intervals miss it."""
    targets = Targets(answered_share=0.9, answered_s=60)
    need = requirement(targets=targets)
    assert set(need["bound_by"]) == {"service_level"}
    fewer = need.assign(on_chat=(need["on_chat"] * 0.9).astype(int))
    chats = live(fewer)
    in_time = (chats["first_reply"] - chats["entry"]).le(60).groupby(chats["interval"]).mean()
    assert (in_time < 0.9).mean() > 0.5


def test_one_chat_at_a_time_is_erlang_a():
    """With one reply a chat, one chat an agent and patience until the reply, all three ways are Erlang A's."""
    service = ChatService(replies_mean=1, reply_s=120, think_s=0, patience_s=300, reply=Spread("exponential"))
    targets = Targets(abandoned_max=0.03)
    need = requirement(forecast_of([300.0] * 8), {"presale": service}, targets, concurrency=1)
    exact = agents_for(lambda n: erlang_a(n, 300 / 1800, 1 / 120, 1 / 300).abandon_probability <= 0.03)
    assert (need["agents_pool"] == exact).all()
    assert (need["agents_offered_load"].iloc[1:] == exact).all()
    assert need["agents_simulated"].iloc[1:].mean() == pytest.approx(exact, abs=1.5)
    assert set(need["bound_by"]) == {"abandoned"}


def test_a_spike_inside_the_half_hour_needs_more(evening):
    """When most of a half hour's buyers come in its first minutes, only the interval formula does not see it."""
    minutes = pd.date_range(NIGHT.opens, periods=NIGHT.n * 30, freq="min")
    weight = pd.Series(1.0, index=minutes)
    weight.iloc[4 * 30 : 4 * 30 + 8] = 12.0
    even, burst = evening, requirement(minute_profile=weight)
    assert burst["agents_pool"].tolist() == even["agents_pool"].tolist()
    for method in ("agents_offered_load", "agents_simulated"):
        assert burst.loc[4, method] > 1.2 * even.loc[4, "agents_pool"]
        assert burst.loc[:2, method].tolist() == pytest.approx(even.loc[:2, method].tolist(), abs=2)
    chats = live(burst, minute_profile=weight)
    at_eight = chats[chats["interval"] == 4]
    assert (at_eight["first_reply"] - at_eight["entry"]).le(90).mean() > 0.87


def test_chats_run_on_into_the_next_interval():
    """After the peak the modified offered load is above the interval's own, before it below or equal."""
    need = requirement(targets=Targets(answered_share=0.9, answered_s=60))
    assert need.loc[5, "agents_offered_load"] > need.loc[5, "agents_pool"]
    assert need.loc[4, "agents_offered_load"] <= need.loc[4, "agents_pool"]


def test_shrinkage_is_applied_once(evening):
    """Agents on chat, and those to roster for them: rounded up, exact where it divides."""
    need = evening
    assert (need["to_roster"] == np.ceil(need["on_chat"] / 0.8 - 1e-9)).all()
    none = requirement(shrinkage=0.0)
    assert (none["to_roster"] == none["on_chat"]).all()


def test_occupancy_binds_when_it_is_tight():
    """A low saturation cap asks for load over cap, and says so."""
    need = requirement(targets=replace(GOOD, occupancy_max=0.5))
    assert (need["on_chat"] == np.ceil(need["load"] / 0.5 - 1e-9)).all()
    assert set(need["bound_by"]) == {"occupancy"}


def test_turns_bind_where_platforms_count_them(evening):
    """A tight turn-level target binds, and a requirement for it answers the turns in time."""
    targets = Targets(turn_share=0.9, turn_s=45, answered_share=0.5, answered_s=600)
    need = requirement(targets=targets)
    assert set(need["bound_by"]) == {"platform_rate"}
    assert (need["on_chat"] > evening["on_chat"]).all()


def test_queues_are_staffed_each_for_itself(evening):
    """Two queues in one forecast need what each needs alone, targets and concurrency by queue."""
    after = forecast_of(EVENING["human"] / 2, "aftersale")
    slow = replace(PRESALE, replies_mean=8, reply_s=25)
    both = require_agents(
        pd.concat([EVENING, after], ignore_index=True),
        {"presale": PRESALE, "aftersale": slow},
        {"presale": GOOD, "aftersale": replace(GOOD, answered_s=180)},
        concurrency={"presale": 4, "aftersale": 3},
        shrinkage=0.2,
        seed=7,
    )
    alone = requirement(after, {"aftersale": slow}, replace(GOOD, answered_s=180), concurrency=3)
    pd.testing.assert_frame_equal(both[:8].reset_index(drop=True), evening)
    pd.testing.assert_frame_equal(both[8:].reset_index(drop=True), alone)


@pytest.mark.parametrize("number", [1, 4, 6])
def test_nobody_is_spare_and_a_heavier_night_needs_more(number):
    """A sample of tests/prove/prove_requirement.py: heads hold, one less misses somewhere, and more load needs more."""
    found = find_faults(number)
    assert found["free"] > 0
    assert (found["failing"], found["spare"], found["fewer_in_all"]) == (0, 0, 0)


def test_a_larger_share_of_nights_needs_more_and_holds_more():
    """Half, four and nine nights in ten: the heads rise, and so does the share of fresh nights that they hold.

    Without the occupancy cap, whose heads hold more than half of the nights by themselves.
    """
    given = {"targets": replace(GOOD, occupancy_max=None), "busyness_cv": 0.1}
    found = [requirement(holds_share=share, **given) for share in (0.5, 0.8, 0.9)]
    heads = [need["on_chat"].sum() for need in found]
    holds = [need.loc[2:, "holds_share"].mean() for need in found]
    assert heads == sorted(heads)
    assert heads[0] < heads[2]
    assert holds == sorted(holds)
    assert 0.45 < holds[0] < 0.8
    assert holds[2] > 0.82


def test_busyness_needs_more_where_most_nights_must_hold():
    """Nights that differ in their level need more than nights of one level."""
    calm, busy = (requirement(holds_share=0.9, busyness_cv=cv)["on_chat"].sum() for cv in (0.0, 0.2))
    assert busy > calm


def test_the_band_is_what_other_nights_give():
    """The heads of other seeds lie in the band of the first nine times in ten, and in a band that is not idle."""
    first = requirement(busyness_cv=0.1)
    others = pd.concat([requirement(busyness_cv=0.1, seed=seed)["on_chat"] for seed in range(1, 6)], axis=1)
    inside = others.ge(first["on_chat_low"], axis=0) & others.le(first["on_chat_high"], axis=0)
    assert inside.to_numpy().mean() > 0.85
    assert ((first["on_chat_high"] - first["on_chat_low"]) < 0.4 * first["on_chat"] + 3).all()


def test_heads_that_stand_stay_and_hand_their_chats_on(evening):
    """Settled intervals keep their heads; too few of them leave work to the next."""
    whole = evening
    standing = whole["on_chat"].astype(float).where(whole.index < 5)
    kept = requirement(EVENING.assign(standing=standing))
    assert kept["on_chat"].tolist()[:5] == whole["on_chat"].tolist()[:5]
    assert (kept["on_chat"] - whole["on_chat"]).abs().max() <= 1
    short = requirement(EVENING.assign(standing=(standing * 0.5).round()))
    assert short.loc[5, "on_chat"] > whole.loc[5, "on_chat"]


@pytest.mark.parametrize("cores", [1, 3, 64])
def test_same_seed_same_requirement(evening, cores, monkeypatch):
    """Same seed, same table, on however many processor cores the nights lie side by side."""
    monkeypatch.setattr("simlib.forecasting.requirement.count_cores", lambda: cores)
    pd.testing.assert_frame_equal(requirement(), evening)


def test_nights_side_by_side_are_the_nights_alone(evening):
    """What the search counts on many nights at once is what each night gives when it is run by itself."""
    heads = (evening["on_chat"] - [0, 0, 1, 0, 3, 0, 2, 0]).to_numpy()
    targets = Targets(answered_share=0.9, answered_s=90, turn_share=0.85, turn_s=60)
    how = {"concurrency": 4, "seed": 7, "holds_share": 0.5}
    judged = judge_heads(EVENING.assign(on_chat=heads), {"presale": PRESALE}, targets, **how)
    shifts = [
        (agent, i * 1800, (i + 1) * 1800 + 3600 * (i == NIGHT.n - 1))
        for i in range(NIGHT.n)
        for agent in range(heads[i])
    ]
    agents = Agents(capacity=np.full(heads.max(), 4), shifts=shifts)
    demand = EVENING.rename(columns={"human": "contacts"})
    held = np.zeros(NIGHT.n)
    for night in range(20):
        contacts = draw_contacts(demand, {"presale": PRESALE}, grid=NIGHT, seed=7, replication=night)
        seen = run_arrays(contacts, agents, turns=True)

        def count(at, good=slice(None)):
            return np.bincount(np.minimum(at[good] // 1800, NIGHT.n - 1).astype(int), minlength=NIGHT.n)

        asked = ~np.isnan(seen.asked)
        first = contacts.handle[contacts.first_turn[:-1]]
        offered, turns = count(seen.entry), count(seen.asked, asked)
        by_turn = np.repeat(contacts.arrival, contacts.turns)
        possible = count(by_turn, contacts.handle <= 60) / count(by_turn)
        late = np.minimum(0.9 * offered, count(contacts.arrival, first <= 90))
        late = late - count(seen.entry, seen.first_reply - seen.entry <= 90)
        slow = np.minimum(0.85, possible) * turns - count(seen.asked, seen.replied - seen.asked <= 60)
        held += (late <= 1e-9) & (slow <= 1e-9)
    assert judged["holds_share"].to_numpy() == pytest.approx(held / 20)
    assert 0 < held.min() / 20 < 0.9


def test_bot_takes_its_share_where_the_forecast_has_no_human_column(evening):
    """Contacts less the bot's share are the human contacts."""
    served = replace(PRESALE, bot_share=0.4)
    given = EVENING.assign(contacts=EVENING["human"] / 0.6)
    pd.testing.assert_frame_equal(requirement(given.drop(columns="human"), {"presale": served}), evening, rtol=1e-12)


def test_who_is_handed_on_is_work_twice_but_counted_once(evening):
    """A transfer rate adds to contacts of which no human share is given, and nothing to receptions that are."""
    handing_on = {"presale": replace(PRESALE, transfer_rate=0.25)}
    given = EVENING.assign(contacts=EVENING["human"] / 1.25).drop(columns="human")
    pd.testing.assert_frame_equal(requirement(given, handing_on), evening, rtol=1e-12)
    pd.testing.assert_frame_equal(requirement(EVENING, handing_on), evening)


def test_quiet_intervals():
    """Nobody where nobody comes, one where hardly anybody comes, and the formulas where too few come to judge."""
    need = requirement(forecast_of([0, 0, 0.2, 3, 60, 3, 0, 0]))
    assert need["on_chat"].tolist()[:3] == [0, 0, 1]
    assert need["bound_by"].tolist()[:3] == ["no_contacts", "no_contacts", "presence"]
    assert need.loc[3, "on_chat"] == max(need.loc[3, "agents_pool"], need.loc[3, "agents_offered_load"])
    empty = requirement(forecast_of([0.0] * 8))
    assert empty["on_chat"].sum() == 0
    assert set(empty["bound_by"]) == {"no_contacts"}


def test_infinite_patience_has_an_answer():
    """When nobody gives up a queue may build up, and the requirement still ends it."""
    need = requirement(services={"presale": replace(PRESALE, patience_s=math.inf)})
    assert (need["on_chat"] > need["load"]).all()


def test_what_nobody_can_meet_is_said():
    """A target below the time of a reply is refused with queue, target, the best possible and the way out."""
    with pytest.raises(TargetOutOfReachError, match="no number of people") as caught:
        requirement(targets=Targets(answered_share=0.95, answered_s=10))
    error = caught.value
    assert isinstance(error, OutOfReachError)
    assert (error.queue, error.target) == ("presale", "service_level")
    assert 0 < error.best < 0.95
    assert "售前" in error.text("zh")
    assert "95.0%" in error.text("zh")
    assert "Presale" in error.text("en")
    with pytest.raises(TargetOutOfReachError, match=r"99\.0%") as caught:
        requirement(targets=Targets(turn_share=0.99, turn_s=20))
    assert caught.value.target == "platform_rate"


@pytest.mark.parametrize("contacts", [1e6, 1.9e5])
def test_a_zero_too_many_is_said(contacts):
    """More people than any store has are refused with queue, time, figures and where to look, in both languages."""
    with pytest.raises(UserError) as caught:
        requirement(forecast=forecast_of([0.0] * 7 + [contacts]))
    for lang, queue, most in (("zh", "售前", "10,000"), ("en", "Presale", "10,000")):
        said = caught.value.text(lang)
        assert queue in said
        assert most in said
        assert f"{contacts:,.0f}" in said


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"shrinkage": 1.0}, r"shrinkage must lie in \[0, 1\)"),
        ({"services": {"aftersale": PRESALE}}, "'presale' is missing"),
        ({"targets": {"aftersale": GOOD}}, "targets must name every queue"),
        ({"concurrency": {"aftersale": 3}}, "concurrency must name every queue"),
        ({"forecast": EVENING[:0]}, "at least one row"),
        ({"forecast": EVENING.drop(columns="human")}, "needs the column human, or contacts"),
        ({"forecast": EVENING.assign(human=-1.0)}, "must count >= 0 contacts, got -1.0"),
        ({"forecast": EVENING.assign(human=math.nan)}, "got nan"),
        ({"concurrency": 0}, "capacity"),
    ],
)
def test_nonsense_is_refused(change, says):
    """What makes no sense is refused with its name and what is allowed."""
    with pytest.raises(ValueError, match=says):
        requirement(**change)


def test_irregular_forecast_is_refused():
    """Starts off the common step cannot be laid on one grid."""
    odd = EVENING.assign(start=EVENING["start"].where(EVENING.index != 3, EVENING["start"] + pd.Timedelta("7min")))
    with pytest.raises(ValueError, match="regular step"):
        requirement(odd)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "at least one target"),
        ({"answered_share": 0.9}, "go together"),
        ({"turn_s": 30}, "go together"),
        ({"answered_share": 1.2, "answered_s": 30}, "answered_share must lie between 0 and 1, got 1.2"),
        ({"answered_share": 0.9, "answered_s": 0}, "answered_s must be > 0"),
        ({"abandoned_max": 0}, "abandoned_max"),
        ({"occupancy_max": 1.1}, "occupancy_max"),
    ],
)
def test_targets_refuse_nonsense(given, says):
    """A target is refused at birth with its name and what is allowed."""
    with pytest.raises(ValueError, match=says):
        Targets(**given)


# ------------------------------------------------------------------ concurrency


def test_concurrency_is_not_a_divisor():
    """People needed fall by less than the limit rises, responses get slower, and dividing is far too low."""
    targets = Targets(answered_share=0.85, answered_s=60, turn_share=0.8, turn_s=180, occupancy_max=0.95)
    table = sweep_concurrency(PRESALE, targets, contacts_h=800)
    needed = table["agents_needed"]
    assert (needed.diff().dropna() <= 0).all()
    assert (needed[1:] > needed[0] / table["concurrency"][1:]).all()
    assert (table["mean_response"].diff().dropna() > -1e-9).all()
    assert (table["divided"][1:] < needed[1:]).all()
    assert table["platform_rate"].min() >= 0.8
    assert table["sweet_spot"].sum() == 1
    spot = table[table["sweet_spot"]].iloc[0]
    assert 2 <= spot["concurrency"] < 10
    assert spot["agents_needed"] <= 1.02 * needed.min()


def test_too_few_people_and_a_higher_limit():
    """With the people fixed and too few, a higher limit slows every reply, and past a point the rates fall."""
    targets = Targets(answered_share=0.8, answered_s=90, turn_share=0.8, turn_s=90)
    table = sweep_concurrency(PRESALE, targets, contacts_h=800, agents=18, limits=range(1, 13))
    assert (table["agents_needed"] > 18).all()
    assert (table["mean_response"].iloc[3:].diff().dropna() > 5).all()
    best = table["platform_rate"].idxmax()
    assert 0 < best < len(table) - 1
    assert table["platform_rate"].iloc[-1] < table["platform_rate"].max() - 0.2


@pytest.mark.parametrize("platform", ["tmall", "taobao", "jd", "pdd", "douyin"])
def test_every_platform_has_its_rate_in_the_sweep(platform):
    """First turns are judged by first replies, others by turns, each within the platform's own seconds."""
    rate = platform_rates(platform, on=dt.date(2026, 11, 1))[0]
    targets = Targets(answered_share=0.8, answered_s=60)
    table = sweep_concurrency(PRESALE, targets, contacts_h=800, limits=[1, 4], rate=rate)
    for row in table.itertuples():
        pool = chat_pool(
            row.agents_needed, row.concurrency, 800 / 3600, replies=PRESALE.replies_mean, reply_s=PRESALE.reply_s,
            think_s=PRESALE.think_s, patience_s=PRESALE.patience_s,
        )  # fmt: skip
        judged = pool.first_begun_within if rate.counts == "first" else pool.turns_begun_within
        assert row.platform_rate == pytest.approx(judged(rate.threshold_s - PRESALE.reply_s))
        assert row.service_level == pytest.approx(pool.first_begun_within(60 - PRESALE.reply_s))
    assert (rate.counts == "first") == (platform == "jd")


def test_a_first_reply_that_is_the_platforms_own_stands_once():
    """Where a platform's rate is itself the target of the first reply, its rate is shown and not the same twice."""
    rate = platform_rates("jd", on=dt.date(2026, 11, 1))[0]
    table = sweep_concurrency(PRESALE, Targets(answered_share=0.6, answered_s=30), contacts_h=600, rate=rate)
    assert "service_level" not in table
    assert (table["platform_rate"] >= 0.6).all()


def test_sweep_has_a_real_optimum_where_further_chats_slow_people_down():
    """At 3 % a chat output peaks at 5 and heads never fall after; at 8 % heads rise again; at 0 nothing ever falls."""
    tables = {
        pct: sweep_concurrency(
            PRESALE, GOOD, contacts_h=300, policy=Policy(slowdown=slowdown_from_ratio(pct, capacity_max=10))
        ).set_index("concurrency")
        for pct in (0, 3, 8)
    }
    assert tables[0]["output_agent_hour"].is_monotonic_increasing
    assert tables[0].equals(sweep_concurrency(PRESALE, GOOD, contacts_h=300).set_index("concurrency"))
    for pct in (3, 8):
        output = tables[pct]["output_agent_hour"]
        peak = output.idxmax()
        assert 3 <= peak <= 6
        assert output.loc[:peak].is_monotonic_increasing
        assert output.loc[peak:].is_monotonic_decreasing
    assert tables[8]["agents_needed"].loc[10] > tables[8]["agents_needed"].min()
    assert (tables[8]["agents_needed"] >= tables[0]["agents_needed"]).all()


def test_sweep_starts_anywhere():
    """The limits need not begin with one, and the divided line still starts from one chat at a time."""
    whole = sweep_concurrency(PRESALE, GOOD, contacts_h=300)
    part = sweep_concurrency(PRESALE, GOOD, contacts_h=300, limits=[3, 5])
    columns = ["concurrency", "agents_needed", "mean_response", "divided"]
    pd.testing.assert_frame_equal(part[columns], whole.loc[[2, 4], columns].reset_index(drop=True))


@pytest.mark.parametrize(
    ("given", "says"), [({"contacts_h": 0}, "contacts_h"), ({"contacts_h": 10, "limits": []}, "limits")]
)
def test_sweep_refuses_nonsense(given, says):
    """An empty hour or no limits are refused."""
    with pytest.raises(ValueError, match=says):
        sweep_concurrency(PRESALE, GOOD, **given)
