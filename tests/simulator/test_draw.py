"""The buyers of a night: right distributions, and the same people in every scenario."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from simlib.erlang import erlang_a
from simlib.intervals import Grid
from simlib.simulator import Agents, simulate
from simlib.simulator.draw import (
    ChatService,
    Demand,
    Spread,
    _count,
    _Marks,
    agents_from_roster,
    draw_contacts,
    fit_spread,
    services_from_store,
    slowdown_from_curve,
    slowdown_from_ratio,
)
from simlib.store.models import Agent, Ratio, Store, StoreInfo, Wave

NIGHT = Grid(opens=pd.Timestamp("2026-10-31 18:00", tz="Asia/Shanghai"), n=8)
PRESALE = ChatService(
    replies_mean=4, reply_s=18, think_s=40, patience_s=120, silent_share=0.6, retry_share=0.3, bot_share=0.4
)
AFTERSALE = replace(PRESALE, replies_mean=6, reply_s=25, reply=Spread("gamma", cv=0.8))
BOTH = {"presale": PRESALE, "aftersale": AFTERSALE}
COLUMNS = ("turns", "patience", "silent", "bot", "bot_resolves", "retry")


def forecast(*means, queue="presale", grid=NIGHT):
    """Make a forecast of one queue, one mean an interval."""
    return pd.DataFrame({"start": grid.starts[: len(means)], "queue": queue, "contacts": np.array(means, dtype=float)})


def buyers(contacts):
    """List each buyer as one comparable tuple, by arrival."""
    first = contacts.first_turn
    return {
        contacts.arrival[i]: (
            *(repr(getattr(contacts, name)[i].item()) for name in COLUMNS),
            tuple(contacts.handle[first[i] : first[i + 1]]),
            tuple(contacts.think[first[i] : first[i + 1]]),
        )
        for i in range(len(contacts))
    }


# --- spreads ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spread", "mean", "cv"),
    [
        (Spread("fixed"), 18.0, 0.0),
        (Spread("exponential"), 40.0, 1.0),
        (Spread("lognormal", cv=0.6), 18.0, 0.6),
        (Spread("gamma", cv=0.5), 25.0, 0.5),
        (Spread("gamma", cv=1.5), 25.0, 1.5),
        (Spread("geometric"), 6.0, math.sqrt(1 - 1 / 6)),
    ],
)
def test_a_spread_has_the_mean_and_the_cv_it_names(spread, mean, cv):
    """Integrated over the unit interval, the inverse cdf gives the stated mean and coefficient of variation."""
    draws = spread.draw((np.arange(400_000) + 0.5) / 400_000, mean=mean)
    assert draws.mean() == pytest.approx(mean, rel=2e-3)
    assert draws.std() / draws.mean() == pytest.approx(cv, rel=0.01, abs=1e-12)


@pytest.mark.parametrize("name", ["exponential", "lognormal", "gamma", "geometric"])
def test_larger_uniforms_and_larger_means_give_larger_draws(name):
    """Inverse cdfs are monotone in both, which is what makes common random numbers work."""
    spread = Spread(name, cv=0.7 if name in ("lognormal", "gamma") else None)
    uniforms = np.linspace(0.001, 0.999, 999)
    short, long = spread.draw(uniforms, mean=5.0), spread.draw(uniforms, mean=9.0)
    assert (np.diff(short) >= 0).all()
    assert (long >= short).all()
    assert (long > short).any()


def test_a_mean_each_gives_the_same_as_one_by_one():
    """An array of means draws what the scalars draw, inf and a geometric mean of 1 included."""
    uniforms, means = np.array([0.2, 0.7, 0.99]), np.array([1.0, 3.0, 7.5])
    for spread in (Spread("geometric"), Spread("lognormal", cv=1.0), Spread("exponential")):
        each = [spread.draw(uniforms[i : i + 1], mean=float(means[i]))[0] for i in range(3)]
        np.testing.assert_array_equal(spread.draw(uniforms, mean=means), each)
    assert np.isinf(Spread("exponential").draw(uniforms, mean=math.inf)).all()
    assert Spread("geometric").draw(uniforms, mean=1.0).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": "weibull"}, "name must be one of"),
        ({"name": "lognormal"}, "cv must be a number > 0"),
        ({"name": "gamma", "cv": -1.0}, "cv must be a number > 0"),
        ({"name": "exponential", "cv": 2.0}, "cv is for lognormal and gamma only"),
        ({"name": "empirical"}, "values must be filled"),
        ({"name": "fixed", "values": (1.0,)}, "values must be filled"),
        ({"name": "empirical", "values": (2.0, 1.0)}, "sorted"),
    ],
)
def test_a_spread_refuses_nonsense(wrong, says):
    """A wrong spread is refused at birth, with the field and what is allowed."""
    with pytest.raises(ValueError, match=says):
        Spread(**wrong)


def test_fits_find_what_made_the_samples():
    """Fitting draws of a known spread gives back its mean and cv; the empirical one repeats the samples."""
    uniforms = (np.arange(20_000) + 0.5) / 20_000
    for spread in (Spread("lognormal", cv=0.6), Spread("gamma", cv=0.4)):
        mean, fitted = fit_spread(spread.draw(uniforms, mean=18.0), name=spread.name)
        assert mean == pytest.approx(18.0, rel=0.01)
        assert fitted.cv == pytest.approx(spread.cv, rel=0.02)
    replies = np.array([1, 1, 2, 3, 8])
    mean, seen = fit_spread(replies)
    assert seen.draw(np.array([0.1, 0.3, 0.5, 0.7, 0.9]), mean=mean) == pytest.approx(replies)
    many = np.random.default_rng(1).exponential(30.0, 50_000)
    mean, thinned = fit_spread(many)
    assert thinned.draw(uniforms, mean=mean).mean() == pytest.approx(many.mean(), rel=1e-3)
    assert len(thinned.values) == 1000


@pytest.mark.parametrize("samples", [[], [1.0, math.nan], [-1.0], [math.inf]])
def test_fits_refuse_samples_that_are_none(samples):
    """No samples, or one that is no time, are refused."""
    with pytest.raises(ValueError, match="samples must be"):
        fit_spread(samples)


# --- services --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"replies_mean": 0.5},
        {"reply_s": -1.0},
        {"reply_s": math.nan},
        {"think_s": math.inf},
        {"patience_s": math.nan},
        {"silent_share": 1.2},
        {"retry_share": -0.1},
        {"bot_share": 2.0},
        {"bot_meets_share": 0.1},
        {"transfer_rate": 1.1},
        {"replies": Spread("exponential")},
    ],
)
def test_a_service_refuses_nonsense_and_names_the_field(wrong):
    """Every field is checked where it is born."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(PRESALE, **wrong)


def test_a_service_can_be_given_by_chats_an_agent_hour():
    """22 chats an hour of six replies are replies of 3600 / (22 x 6) seconds, and back."""
    service = ChatService.of_rate(chats_agent_h=22, replies_mean=6, think_s=40)
    assert service.reply_s * 6 * 22 == pytest.approx(3600)
    assert service.chats_agent_h == pytest.approx(22)


def store(**ratios):
    """Make the smallest store that there is."""
    return Store(
        store_id="s1",
        store=StoreInfo(name="s1", platform="tmall"),
        waves=(Wave(name="w", profile="E", start="2026-10-31T20:00", end="2026-11-01T20:00", month_share=0.2),),
        ratios=tuple(Ratio(key=key, low=value, likely=value, high=value) for key, value in ratios.items()),
        agents=(Agent(agent_id="a", name="a", cohort="own", skill_1="presale"),),
    )


def test_a_store_gives_its_services():
    """A store's own ratio goes before the default, and every queue has a service of its kind."""
    services = services_from_store(store(presale_reply_s=11.0, bot_share=0.55))
    assert list(services) == ["presale", "aftersale", "order_change", "payment_chasing", "escalation"]
    assert services["presale"].reply_s == services["payment_chasing"].reply_s == 11.0
    assert services["escalation"].replies_mean == store().ratio("aftersale_replies").likely
    assert {service.bot_share for service in services.values()} == {0.55}


# --- how many come, and when -----------------------------------------------------------------------------------


def test_counts_are_the_inverse_poisson_distribution():
    """The count is the smallest k whose cumulative probability reaches the uniform, by brute force."""
    rng = np.random.default_rng(5)
    means = np.concatenate([[0.0, 1e-9], 10 ** rng.uniform(-2, 2.3, 300)])
    uniforms = rng.random(len(means))
    for mean, uniform, count in zip(means, uniforms, _count(uniforms, means), strict=True):
        reaches = np.cumsum(np.exp(special.xlogy(np.arange(600), mean) - mean - special.gammaln(np.arange(600) + 1)))
        assert count == np.flatnonzero(reaches >= uniform - 1e-12)[0]


def test_counts_are_exact_where_the_distribution_steps():
    """A uniform that is exactly the cumulative probability of k gives k, not k + 1."""
    counts = np.arange(30.0)
    for mean in (0.5, 7.0, 20.0):
        steps = special.pdtr(counts, mean)
        inner = steps < 1 - 1e-12
        assert _count(steps[inner], np.full(inner.sum(), mean)).tolist() == counts[inner].tolist()


def test_a_quiet_interval_is_poisson():
    """Over 1,500 nights the counts of an interval follow the Poisson distribution (chi-square)."""
    demand = Demand.of(forecast(3.0), {"presale": PRESALE}, grid=NIGHT)
    counts = np.array([len(demand.draw(seed=11, replication=r)) for r in range(1500)])
    seen = np.bincount(np.minimum(counts, 9), minlength=10)
    expected = stats.poisson.pmf(np.arange(10), 3.0)
    expected[9] += stats.poisson.sf(9, 3.0)
    assert stats.chisquare(seen, expected * 1500).pvalue > 1e-3


def test_busy_nights_are_busy_in_every_queue():
    """With gamma busyness the variance of a night is mean + (cv x mean)^2, and the queues rise together."""
    both = pd.concat([forecast(100.0, 100.0), forecast(100.0, 100.0, queue="aftersale")])
    demand = Demand.of(both, BOTH, grid=NIGHT, busyness_cv=0.3)
    counts = np.array(
        [np.bincount(demand.draw(seed=3, replication=r).queue, minlength=2) for r in range(600)], dtype=float
    )
    total = counts.sum(axis=1)
    assert total.mean() == pytest.approx(400, abs=4 * math.sqrt((400 + 120**2) / 600))
    assert total.var() == pytest.approx(400 + 120**2, rel=0.25)
    assert np.corrcoef(counts.T)[0, 1] == pytest.approx(60**2 / (200 + 60**2), abs=0.05)


def test_arrivals_are_even_within_an_interval():
    """Within an interval arrivals are uniform (Kolmogorov-Smirnov), ordered, and inside it."""
    contacts = draw_contacts(forecast(0.0, 4000.0), {"presale": PRESALE}, grid=NIGHT, seed=2, replication=0)
    within = contacts.arrival / 1800 - 1
    assert (np.diff(contacts.arrival) >= 0).all()
    assert within.min() > 0
    assert within.max() < 1
    assert stats.kstest(within, "uniform").pvalue > 1e-3


def test_a_minute_profile_bends_arrivals_and_moves_no_count():
    """An opening burst by the minute falls as its weights say; an interval without weights stays even."""
    minutes = pd.date_range(NIGHT.starts[1], periods=30, freq="min")
    weights = pd.Series(np.exp(-np.arange(30) / 5.0), index=minutes)
    plain = draw_contacts(forecast(500.0, 5000.0), {"presale": PRESALE}, grid=NIGHT, seed=2, replication=0)
    bent = draw_contacts(
        forecast(500.0, 5000.0), {"presale": PRESALE}, grid=NIGHT, seed=2, replication=0, minute_profile=weights
    )
    assert len(bent) == len(plain)
    np.testing.assert_array_equal(bent.arrival[bent.arrival < 1800], plain.arrival[plain.arrival < 1800])
    burst = bent.arrival[bent.arrival >= 1800]
    seen = np.bincount(((burst - 1800) // 60).astype(int), minlength=30)
    assert stats.chisquare(seen, weights / weights.sum() * seen.sum()).pvalue > 1e-3


def test_rows_by_the_minute_are_a_forecast_too():
    """A forecast of finer step than the grid keeps each minute's contacts in that minute."""
    starts = pd.date_range(NIGHT.opens, periods=4, freq="min")
    fine = pd.DataFrame({"start": starts, "queue": "presale", "contacts": [0.0, 60.0, 0.0, 30.0]})
    contacts = draw_contacts(fine, {"presale": PRESALE}, grid=NIGHT, seed=2, replication=0)
    assert set((contacts.arrival // 60).astype(int)) == {1, 3}


# --- the same buyers -------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), growth=st.floats(1.0, 3.0))
def test_a_surge_only_adds_buyers(seed, growth):
    """Every buyer of the plan comes in the surge too, at the same second, with the same draws."""
    plan = draw_contacts(forecast(20.0, 30.0), {"presale": PRESALE}, grid=NIGHT, seed=seed, replication=1)
    surge = draw_contacts(forecast(20.0, 30.0 * growth), {"presale": PRESALE}, grid=NIGHT, seed=seed, replication=1)
    before, after = buyers(plan), buyers(surge)
    assert before.items() <= after.items()
    assert all(1800 <= arrival < 3600 for arrival in after.keys() - before.keys())


def draw(service, **change):
    """Draw one busy night of one queue."""
    services = {"presale": replace(service, **change)}
    return draw_contacts(forecast(300.0, 500.0), services, grid=NIGHT, seed=9, replication=4)


@pytest.mark.parametrize(
    ("change", "moves"),
    [
        ({"reply_s": 30.0}, {"handle"}),
        ({"reply": Spread("exponential")}, {"handle"}),
        ({"think_s": 10.0}, {"think"}),
        ({"patience_s": 60.0}, {"patience"}),
        ({"silent_share": 0.1}, {"silent"}),
        ({"retry_share": 0.9}, {"retry"}),
        ({"retry_s": 60.0}, {"retry"}),
        ({"bot_share": 0.6}, {"bot_resolves"}),
        ({"bot_s": 90.0}, {"bot"}),
        ({"bot_meets_share": 0.5}, {"bot"}),
        ({"replies_mean": 5}, {"turns", "handle", "think"}),
    ],
)
def test_changing_one_source_moves_no_other(change, moves):
    """Exactly the columns of the changed source differ."""
    plan, changed = draw(PRESALE), draw(PRESALE, **change)
    names = ("arrival", "queue", "handle", "think", *COLUMNS)
    differ = {name for name in names if getattr(plan, name).tobytes() != getattr(changed, name).tobytes()}
    assert differ == moves


def test_shares_move_buyers_across_one_line_only():
    """More bot resolves more and loses none; so it is with silence and with coming back."""
    plan = draw(PRESALE)
    assert (plan.bot_resolves <= draw(PRESALE, bot_share=0.5).bot_resolves).all()
    assert (plan.silent <= draw(PRESALE, silent_share=0.8).silent).all()
    more = draw(PRESALE, retry_share=0.6)
    back = ~np.isnan(plan.retry)
    np.testing.assert_array_equal(plan.retry[back], more.retry[back])
    assert np.isnan(plan.retry).sum() > np.isnan(more.retry).sum()


def test_the_bot_resolves_only_whom_it_meets():
    """The bot's share is of all contacts, all of whom met it."""
    night = draw(PRESALE, bot_share=0.4, bot_meets_share=0.5)
    meets = ~np.isnan(night.bot)
    assert (night.bot_resolves <= meets).all()
    assert meets.mean() == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / len(night)))
    assert night.bot_resolves.mean() == pytest.approx(0.4, abs=4 * math.sqrt(0.24 / len(night)))


def test_who_is_handed_on_is_received_once_more():
    """Every contact of the plan is there; a tenth of those past the bot come again, to people, in their interval."""
    plan, handed = draw(PRESALE), draw(PRESALE, transfer_rate=0.1)
    before, after = buyers(plan), buyers(handed)
    assert before.items() <= after.items()
    again = np.array([second not in before for second in handed.arrival])
    human = (~plan.bot_resolves).sum()
    assert again.sum() == pytest.approx(0.1 * human, abs=4 * math.sqrt(0.09 * human))
    assert np.isnan(handed.bot[again]).all()
    assert not handed.bot_resolves[again].any()
    every = draw(PRESALE, transfer_rate=1.0, bot_share=0.0)
    by_interval = np.bincount((every.arrival // NIGHT.step_s).astype(int))
    np.testing.assert_array_equal(by_interval, 2 * np.bincount((plan.arrival // NIGHT.step_s).astype(int)))


def test_longer_chats_keep_their_first_replies():
    """With more replies a chat, nobody writes fewer, and the replies there were stay what they were."""
    short, long = draw(PRESALE, replies_mean=3), draw(PRESALE, replies_mean=6)
    assert (long.turns >= short.turns).all()
    assert (long.turns > short.turns).any()
    for i in range(0, len(short), 7):
        n = short.turns[i]
        for name in ("handle", "think"):
            one = getattr(short, name)[short.first_turn[i] :][:n]
            np.testing.assert_array_equal(one, getattr(long, name)[long.first_turn[i] :][:n])


def test_slower_replies_are_the_same_replies_slower():
    """Doubling the mean doubles every single reply."""
    np.testing.assert_allclose(draw(PRESALE, reply_s=36.0).handle, 2 * draw(PRESALE).handle, rtol=1e-12)


def test_queues_do_not_meddle():
    """Presale buyers are the same people whether or not after-sale is drawn with them."""
    both = pd.concat([forecast(50.0, 80.0), forecast(40.0, 40.0, queue="aftersale")])
    alone = draw_contacts(forecast(50.0, 80.0), {"presale": PRESALE}, grid=NIGHT, seed=1, replication=2)
    mixed = draw_contacts(both, BOTH, grid=NIGHT, seed=1, replication=2)
    assert buyers(alone).items() <= buyers(mixed).items()
    assert len(alone) == (mixed.queue == 0).sum()


def test_an_opening_that_moves_takes_its_buyers_along():
    """With ``origin`` the buyers of the moved row come with all their draws, so many seconds later."""
    plan = forecast(10.0, 90.0)
    moved = plan.assign(origin=plan["start"])
    moved.loc[1, "start"] = NIGHT.starts[5]
    at_two = draw_contacts(plan, {"presale": PRESALE}, grid=NIGHT, seed=1, replication=2)
    at_six = draw_contacts(moved, {"presale": PRESALE}, grid=NIGHT, seed=1, replication=2)
    late = {round(arrival - 4 * 1800, 6): draws for arrival, draws in buyers(at_six).items() if arrival >= 5 * 1800}
    assert late == {round(arrival, 6): draws for arrival, draws in buyers(at_two).items() if arrival >= 1800}


def test_rows_of_one_origin_share_its_buyers_out():
    """Splitting an interval into a part that stays and one that moves loses nobody and doubles nobody."""
    whole = forecast(0.0, 100.0)
    stay = whole.assign(contacts=whole["contacts"] * 0.3, origin=whole["start"])
    move = whole.assign(contacts=whole["contacts"] * 0.7, origin=whole["start"])
    move["start"] += pd.Timedelta(hours=1)
    plan = draw_contacts(whole, {"presale": PRESALE}, grid=NIGHT, seed=6, replication=0)
    split = draw_contacts(pd.concat([stay, move]), {"presale": PRESALE}, grid=NIGHT, seed=6, replication=0)
    back = [arrival if arrival < 3600 else arrival - 3600 for arrival in split.arrival]
    assert sorted(np.round(back, 6)) == sorted(np.round(plan.arrival, 6))
    assert (split.arrival >= 5400).mean() == pytest.approx(0.7, abs=4 * math.sqrt(0.21 / len(split)))


def test_buyers_hang_on_the_clock_not_on_the_grid():
    """The same forecast seen from a grid that opens an hour earlier brings the same people."""
    early = Grid(opens=NIGHT.opens - pd.Timedelta(hours=1), n=10)
    one = draw_contacts(forecast(30.0, 60.0), {"presale": PRESALE}, grid=NIGHT, seed=1, replication=0)
    two = draw_contacts(forecast(30.0, 60.0), {"presale": PRESALE}, grid=early, seed=1, replication=0)
    np.testing.assert_allclose(two.arrival - 3600, one.arrival)
    np.testing.assert_array_equal(two.handle, one.handle)


def test_a_night_repeats_to_the_byte_and_nights_differ():
    """Same seed and replication, same bytes; another of either, another night."""
    demand = Demand.of(forecast(50.0, 60.0), {"presale": PRESALE}, grid=NIGHT, busyness_cv=0.2)
    one, again = demand.draw(seed=1, replication=3), demand.draw(seed=1, replication=3)
    for name in ("arrival", "handle", "think", *COLUMNS):
        assert getattr(one, name).tobytes() == getattr(again, name).tobytes()
    for other in (demand.draw(seed=2, replication=3), demand.draw(seed=1, replication=4)):
        assert one.arrival.tobytes() != other.arrival.tobytes()


def test_marks_are_uniform_and_independent_of_each_other():
    """Marks of 20,000 neighbours are uniform; sources, neighbours and turns do not hang together."""
    marks = _Marks(seed=1, replication=0)
    ids = np.arange(20_000, dtype=np.uint64)
    turns = np.full(20_000, 2)
    steps = np.arange(1, 40_001, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    by_turn = marks.by_turn(ids, "handle", turns, steps)
    samples = [marks.of(ids, "patience"), marks.of(ids, "retry"), by_turn[::2], by_turn[1::2]]
    for sample in samples:
        assert sample.min() > 0
        assert sample.max() < 1
        assert stats.kstest(sample, "uniform").pvalue > 1e-3
        assert abs(np.corrcoef(sample[1:], sample[:-1])[0, 1]) < 4 / math.sqrt(20_000)
    hang = np.corrcoef(samples) - np.eye(4)
    assert np.abs(hang).max() < 4 / math.sqrt(20_000)


def test_drawn_nights_on_the_floor_are_erlang_a():
    """One reply a chat, exponential times: 40 drawn nights on the compiled floor meet M/M/c+M within their band."""
    grid = Grid(opens=NIGHT.opens, n=20)
    service = ChatService(replies_mean=1, reply_s=60, think_s=0, patience_s=90, reply=Spread("exponential"))
    demand = Demand.of(forecast(*[300.0] * 20, grid=grid), {"presale": service}, grid=grid)
    agents = Agents(capacity=[1] * 10, shifts=[(a, 0, 200_000) for a in range(10)])
    lost = []
    for replication in range(40):
        contacts = demand.draw(seed=21, replication=replication)
        late = contacts.arrival > 1800  # the floor starts empty
        outcome = simulate(contacts, agents).contacts["outcome"]
        lost.append(float((outcome == "abandoned")[late].mean()))
    theory = erlang_a(10, 300 / 1800, 1 / 60, 1 / 90).abandon_probability
    half = stats.t.ppf(0.9995, 39) * np.std(lost, ddof=1) / math.sqrt(40)
    assert abs(np.mean(lost) - theory) < half
    assert half < 0.2 * theory


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"contacts": -1.0}, "forecast.contacts must be >= 0"),
        ({"contacts": math.nan}, "forecast.contacts must be >= 0"),
        ({"queue": "sales"}, "forecast.queue must be one of"),
        ({"start": pd.Timestamp("2026-12-31", tz="Asia/Shanghai")}, "no row on the grid"),
    ],
)
def test_a_wrong_forecast_is_refused(change, says):
    """The sentence says which column is wrong and what is allowed."""
    with pytest.raises(ValueError, match=says):
        Demand.of(forecast(5.0).assign(**change), {"presale": PRESALE}, grid=NIGHT)


def test_wrong_arguments_of_a_demand_are_refused():
    """A missing column, no service at all, a negative spread, a crooked minute profile."""
    with pytest.raises(ValueError, match="contacts missing"):
        Demand.of(forecast(5.0).drop(columns="contacts"), {"presale": PRESALE}, grid=NIGHT)
    with pytest.raises(ValueError, match="at least one queue"):
        Demand.of(forecast(5.0), {}, grid=NIGHT)
    with pytest.raises(ValueError, match="busyness_cv"):
        Demand.of(forecast(5.0), {"presale": PRESALE}, grid=NIGHT, busyness_cv=-0.1)
    crooked = pd.Series([1.0, 2.0, 3.0], index=NIGHT.starts[[0, 1, 3]])
    with pytest.raises(ValueError, match="minute_profile"):
        Demand.of(forecast(5.0), {"presale": PRESALE}, grid=NIGHT, minute_profile=crooked)


# --- the roster ------------------------------------------------------------------------------------------------


def segment(agent_id, start, end, activity="chat", queue="presale"):
    """Make one segment of a roster, hours after the grid opens."""
    times = {"start": NIGHT.opens + pd.Timedelta(hours=start), "end": NIGHT.opens + pd.Timedelta(hours=end)}
    return {"agent_id": agent_id, "queue": queue, "activity": activity, **times}


PEOPLE = pd.DataFrame(
    {
        "agent_id": ["ann", "bo", "cy"],
        "skill_1": ["presale", "aftersale", "presale"],
        "skill_2": ["aftersale", None, None],
        "skill_3": None,
        "capacity": [5, 8, 3],
        "speed": [1.0, 1.2, 0.8],
    }
)
QUEUES = ("presale", "aftersale")


def test_a_roster_puts_its_people_on_the_floor():
    """Meals are breaks, touching segments are one, last night's tail begins at 0, another night is left out."""
    roster = pd.DataFrame(
        [
            segment("ann", 0, 1),
            segment("ann", 1, 1.5, activity="meal"),
            segment("ann", 1.5, 2),
            segment("ann", 2, 3),
            segment("bo", -2, 0.5, queue="aftersale"),
            segment("bo", 30, 34, queue="aftersale"),
            segment("bo", -9, -2, queue="aftersale"),
        ]
    )
    agents = agents_from_roster(roster, PEOPLE, queues=QUEUES, grid=NIGHT)
    assert agents.shifts.tolist() == [(0, 0.0, 3600.0), (0, 5400.0, 10800.0), (1, 0.0, 1800.0)]
    assert agents.capacity.tolist() == [5, 8, 3]
    assert agents.speed.tolist() == [1.0, 1.2, 0.8]
    assert agents.skill.tolist() == [[1, 2], [0, 1], [1, 0]]


def test_who_is_rostered_to_a_queue_serves_it_first():
    """Ann, best at presale, is rostered longer to after-sale tonight: after-sale comes first for her."""
    roster = pd.DataFrame([segment("ann", 0, 1), segment("ann", 1, 3, queue="aftersale")])
    agents = agents_from_roster(roster, PEOPLE, queues=QUEUES, grid=NIGHT)
    assert agents.skill[0].tolist() == [2, 1]


def test_a_roster_without_anybody_on_chat_is_an_empty_floor():
    """A night with only meals has agents and no shifts."""
    agents = agents_from_roster(
        pd.DataFrame([segment("ann", 0, 1, activity="meal")]), PEOPLE, queues=QUEUES, grid=NIGHT
    )
    assert len(agents) == 3
    assert len(agents.shifts) == 0


def test_a_roster_with_strangers_is_refused():
    """Unknown people, people twice and unknown queues are named."""
    with pytest.raises(ValueError, match="zoe"):
        agents_from_roster(pd.DataFrame([segment("zoe", 0, 1)]), PEOPLE, queues=QUEUES, grid=NIGHT)
    with pytest.raises(ValueError, match=r"'ann' twice"):
        agents_from_roster(
            pd.DataFrame([segment("ann", 0, 1)]), pd.concat([PEOPLE, PEOPLE[:1]]), queues=QUEUES, grid=NIGHT
        )
    with pytest.raises(ValueError, match="presale"):
        agents_from_roster(pd.DataFrame([segment("ann", 0, 1)]), PEOPLE, queues=("aftersale",), grid=NIGHT)


# --- slow-down by open chats ------------------------------------------------------------------------------


def test_the_default_slow_down_is_that_of_the_one_measured_floor():
    """5 r s(5) - h = 47 and 6 r s(6) - h = 70: for replies of 18 to 21 s the sixth chat costs 1 to 5 %."""
    from simlib import facts

    row = facts.rows("ratios").set_index("key").loc["switch_cost_pct"]
    assert (row["low"], row["value"], row["high"], row["status"]) == (1, 3, 8, "ours")
    five, six = slowdown_from_ratio(row["value"], capacity_max=6)[4:]
    for x in (18.0, 21.0):  # r s(5)
        assert 1.005 < (23 + 5 * x) / (6 * x) < 1.05
    assert six / five == pytest.approx(1.03)
    x = 23 / (6 * 1.03 - 5)  # where 3 % reproduces both figures
    assert 5 * x - (5 * x - 47) == 47
    assert 6 * x * six / five - (5 * x - 47) == pytest.approx(70)
    assert 18 < x < 21


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: slowdown_from_ratio(-1, capacity_max=3), "switch_cost_pct must be >= 0 percent"),
        (lambda: slowdown_from_ratio(math.nan, capacity_max=3), "switch_cost_pct must be >= 0 percent"),
        (lambda: slowdown_from_ratio(3, capacity_max=0), "capacity_max must be a whole number of chats >= 1"),
        (lambda: slowdown_from_curve({2: 1.2, 4: 1.1}, capacity_max=5), r"slow-down at 4 open chats = 1.1: must be"),
        (lambda: slowdown_from_curve({1.5: 1.2}, capacity_max=5), r"slow-down at 1.5 open chats"),
        (lambda: slowdown_from_curve({0: 1.0}, capacity_max=5), r"slow-down at 1 open chats|slow-down at 0 open"),
        (lambda: slowdown_from_curve({2: math.inf}, capacity_max=5), r"slow-down at 2 open chats = inf"),
        (lambda: slowdown_from_curve({2: 1.1}, capacity_max=0), "capacity_max must be"),
    ],
)
def test_a_slow_down_refuses_nonsense(call, says):
    """A percentage below 0, a curve that falls or a level that is no number of chats is named."""
    with pytest.raises(ValueError, match=says):
        call()


def test_weights_of_the_people_are_put_on_the_floor():
    """A column weight of the agents is read; without it everybody has 1."""
    roster = pd.DataFrame(
        {"agent_id": ["a"], "start": [NIGHT.opens], "end": [NIGHT.opens + pd.Timedelta(hours=1)], "activity": ["chat"]}
    )
    people = pd.DataFrame({"agent_id": ["a", "b"], "skill_1": QUEUES[0], "capacity": 3, "speed": 1.0})
    plain = agents_from_roster(roster, people, queues=QUEUES, grid=NIGHT)
    assert plain.weight.tolist() == [1.0, 1.0]
    weighted = agents_from_roster(roster, people.assign(weight=[1.5, 0.8]), queues=QUEUES, grid=NIGHT)
    assert weighted.weight.tolist() == [1.5, 0.8]
