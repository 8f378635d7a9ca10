"""The pipeline on one page: story A1 as a store file, laws across the stages, waves and hours."""

import datetime as dt
import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from simlib import load_store
from simlib.forecasting.result import open_at
from simlib.inputs import RESULTS, find_wave
from simlib.messages import HOUSE
from simlib.planning import plan, sharing
from simlib.report import write_roster
from simlib.report.columns import table_label
from simlib.roster import to_sheets
from simlib.simulator.replicate import Replications
from simlib.store.models import PlatformShare, Ratio, StoreInfo

A1 = HOUSE / "tests" / "stores" / "a1"
SMALL = HOUSE / "templates" / "stores" / "bodycare"
LARGE = HOUSE / "templates" / "stores" / "appliances.xlsx"


@pytest.fixture(scope="module")
def night(small_plan):
    """The small example store's night, thought about briefly."""
    return small_plan


def test_story_a1_from_a_store_file():
    """The store file of story A1 gives its numbers: 4,000 human contacts, 14 and 16 agents, 31 and 37 at 20:00."""
    night = plan(load_store(A1))
    assert night.sales.value("cs_sales_cny") == pytest.approx(300_000)
    assert night.sales.value("buyers") == pytest.approx(2_000)
    assert round(night.sales.value("inquiries")) == 4_444
    assert round(night.sales.value("total_contacts")) == 6_667
    assert round(night.sales.value("aftersale_contacts")) == 2_222
    assert night.sales.value("human_contacts") == pytest.approx(4_000)
    assert (night.sales.heads("agents_day"), night.sales.heads("agents_day_reserve")) == (14, 16)
    hour = night.sales.hours.set_index("hour").loc[20]
    assert (hour["agents_flat_out"], hour["agents_at_ceiling"]) == (31, 37)


def test_forecast_of_the_day_adds_up_to_the_cascade(night):
    """The promo day's half hours hold exactly the cascade's contacts, queue by queue."""
    day = night.forecast[night.forecast["start"].dt.date == night.wave.day]
    for queue, step in (("presale", "presale_contacts"), ("aftersale", "aftersale_contacts")):
        assert day.loc[day["queue"] == queue, "contacts"].sum() == pytest.approx(night.sales.value(step))
    assert np.allclose(night.forecast["bot"] + night.forecast["human"], night.forecast["contacts"])
    assert (night.forecast["p05"] <= night.forecast["contacts"]).all()
    assert (night.forecast["contacts"] <= night.forecast["p95"]).all()


@pytest.fixture(scope="module")
def handing_on():
    """The small example store's night, one human contact in ten being handed on to a second agent."""
    return plan(with_transfers(load_store(SMALL)), replications=4, roster_effort=0.5)


def with_transfers(store):
    """Give a store a transfer rate of a tenth."""
    rate = Ratio(key="transfer_rate", low=0.1, likely=0.1, high=0.1)
    others = [ratio for ratio in store.ratios if ratio.key != rate.key]
    return store.model_copy(update={"ratios": (*others, rate)})


def test_a_large_floor_needs_a_tenth_more_people_for_a_tenth_handed_on():
    """Where hardly any half hour is held by the last person present, heads grow like the work: presale around 20:00.

    The other half hours follow the same law and cost ten times as much.
    """
    store, heads = load_store(LARGE), []
    for night in (plan(store), plan(with_transfers(store))):
        starts = night.forecast["start"]
        evening = (starts - night.wave.start.replace(tzinfo=starts.dt.tz)).abs() < pd.Timedelta("2h")
        presale = night.forecast[evening & (night.forecast["queue"] == "presale")]
        required = night.inputs.require(
            presale, occupancy_max=night.sales.spans["occupancy_max"].likely, seed=night.seed
        )
        heads.append(required.requirement["agents_simulated"].sum())
    assert 1.07 < heads[1] / heads[0] < 1.11


def test_a_transfer_rate_is_one_story_from_cascade_to_night(night, handing_on):
    """A tenth handed on: a tenth more receptions in cascade, forecast, load and night; no buyer and no yuan more."""
    day = handing_on.forecast[handing_on.forecast["start"].dt.date == handing_on.wave.day]
    assert day["human"].sum() == pytest.approx(handing_on.sales.value("human_contacts"))
    assert day["contacts"].sum() == pytest.approx(handing_on.sales.value("total_contacts"))
    for table, column in (("forecast", "human"), ("requirement", "load")):
        before, after = (getattr(each, table)[column] for each in (night, handing_on))
        assert np.allclose(after, 1.1 * before)
    before, after = (each.kpis.set_index("kpi")["mean"] for each in (night, handing_on))
    assert after["human"] == pytest.approx(1.1 * before["human"], rel=0.02)
    assert after["bot_resolved"] == before["bot_resolved"]
    sold = [mean["sales_kept"] + mean["sales_lost"] for mean in (before, after)]
    assert sold[1] == pytest.approx(sold[0], rel=0.01)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_transfer_rate_is_said(night, handing_on, lang):
    """The verdict and the forecast's basis speak of second receptions only where there are any."""
    twice = f"{handing_on.forecast['human'].sum() / 11:,.0f}"
    assert any(twice in sentence for sentence in handing_on.verdict(lang))
    assert len(handing_on.conclusion.basis(lang)) == len(night.conclusion.basis(lang)) + 1


def test_roster_is_applied_to_the_need_after_shrinkage(night):
    """Agents to roster are agents on chat over one minus shrinkage, once; closed hours ask for none."""
    need = night.requirement
    shrinkage = night.store.ratio("shrinkage").likely
    expected = np.ceil(need["on_chat"] / (1 - shrinkage) - 1e-9)
    assert (need["to_roster"] == expected).all()
    closed = ~open_at(pd.DatetimeIndex(need["start"]), night.store.store)
    assert (need.loc[closed, "to_roster"] == 0).all()


def test_coverage_is_recounted_from_the_roster(night):
    """Shortfall is need minus rostered where that is positive, half hour by half hour."""
    coverage = night.coverage
    gap = (coverage["required"] - coverage["rostered"]).clip(lower=0)
    assert np.allclose(coverage["shortfall"], gap)


def test_the_roster_comes_near_the_best_there_can_be(night):
    """What is short is the team's and not the search's: the proven bound is no more than a twentieth away."""
    assert night.roster_result.gap <= 0.05


def test_every_contact_of_the_night_is_accounted_for(night):
    """Bot, answered, abandoned, silent and unserved are all the contacts that came."""
    mean = night.kpis.set_index("kpi")["mean"]
    parts = mean[["bot_resolved", "answered", "abandoned", "silent", "unserved"]].sum()
    assert parts == pytest.approx(mean["offered"])


def test_verdict_names_the_failure_first_then_the_need(night):
    """What fails stands first and names the worst half hour; the need, the roster and the night follow."""
    conclusion = night.conclusion
    assert not conclusion.holds
    for lang in ("zh", "en"):
        sentences = night.verdict(lang)
        assert len(sentences) == 4
        assert f"{conclusion.judged.weaknesses[0].start:%H:%M}" in sentences[0]
        assert str(night.required.peak_heads) in sentences[1]
        assert not any("{" in sentence for sentence in sentences)


def test_a_run_shares_its_plan_and_nobody_else_does(night):
    """Inside a run every notebook gets the run's plan, whatever it leaves out; another plan, or none, is a new one."""
    assert plan(SMALL, replications=4, roster_effort=0.5) is not night
    with sharing(night, of=load_store(SMALL)):
        assert plan(SMALL, replications=4, roster_effort=0.5) is night
        assert plan(SMALL, seed=night.seed) is night
        assert plan(SMALL, seed=night.seed + 1) is not night
        store = load_store(SMALL)
        assert plan(store.model_copy(update={"rules": ()})) is not night
    assert plan(SMALL) is not night


def test_a_run_that_was_cut_short_says_so(night):
    """Where fewer nights were simulated than asked for, verdict and summary say how many the figures rest on."""
    few = Replications(
        numbers=night.nights.numbers[:3],
        figures={key: values[:3] for key, values in night.nights.figures.items()},
        complete=False,
    )
    short = replace(night.conclusion, nights=few)
    assert short.summary["complete"] is False
    assert short.summary["replications"] == 3
    for lang in ("zh", "en"):
        assert "3" in short.sentences(lang)[0]
        assert short.sentences(lang)[1:] != night.verdict(lang)
        assert len(short.sentences(lang)) == len(night.verdict(lang)) + 1
    assert night.conclusion.summary["complete"] is True


def test_every_table_of_every_chapter_is_there(night):
    """Each result's tables are the plan's, none is lost under another's name, and each can be kept as Parquet."""
    results = [getattr(night, name) for name in RESULTS]
    assert sum(len(result.tables) for result in results) == len(night.tables)
    labels = [table_label(name, lang) for lang in ("zh", "en") for name in night.tables]
    assert len(set(labels)) == len(labels)
    assert all(len(name) <= 31 for name in labels), "a sheet's name has at most 31 letters"
    for name, table in night.tables.items():
        kept = pd.read_parquet(io.BytesIO(table.to_parquet(index=False)))
        assert list(kept) == list(map(str, table)), name
        assert len(kept) == len(table), name


def test_unknown_wave_names_the_nearest():
    """A mistyped wave is refused with the nearest name."""
    store = load_store(SMALL)
    name = store.waves[0].name
    with pytest.raises(ValueError, match="nearest"):
        find_wave(store, name + "x")
    assert find_wave(store, name) is store.waves[0]


@pytest.mark.parametrize(
    ("opens", "closes", "open_hours"),
    [(0, 0, 24), (9, 21, 12), (20, 4, 8)],
)
def test_open_hours(opens, closes, open_hours):
    """Service hours count right by day, over midnight and round the clock."""
    info = StoreInfo(name="s", platform="tmall", service_opens=dt.time(opens), service_closes=dt.time(closes))
    starts = pd.date_range("2026-11-11", periods=48, freq="30min", tz="Asia/Shanghai")
    assert open_at(starts, info).sum() == 2 * open_hours


def test_a_team_matrix_is_rehearsed_as_it_is(night, tmp_path):
    """A roster written as the matrix, changed in one cell and read in again, is that roster with that change."""
    sheets = to_sheets(night.roster, night.store.frame("agents"), lang="zh")
    matrix = sheets.matrix
    day = night.wave.day.isoformat()
    working = matrix.index[matrix[day].isin(night.inputs.shifts["code"])][0]
    matrix.loc[working, day] = "休"
    path = tmp_path / "team.xlsx"
    write_roster(path, sheets, lang="zh")
    again = plan(load_store(SMALL), replications=2, roster_effort=0.5, roster_file=str(path))
    name = matrix.iloc[working, 0]
    before = night.roster[night.roster["date"] == night.wave.day].groupby("name")["shift"].first().to_dict()
    after = again.roster[again.roster["date"] == night.wave.day].groupby("name")["shift"].first().to_dict()
    assert name in before
    assert after == {person: shift for person, shift in before.items() if person != name}


def with_ratio(store, key, value):
    """Give a store one ratio of its own."""
    others = [ratio for ratio in store.ratios if ratio.key != key]
    own = Ratio(key=key, low=value, likely=value, high=value)
    return store.model_copy(update={"ratios": (*others, own)})


def test_further_chats_slow_people_down_unless_the_store_says_otherwise():
    """3 % a chat where nothing is given, up to what a lever may add; 0 is the floor without the rule."""
    store = load_store(SMALL)
    slowdown = plan(store).inputs.policy.slowdown
    assert slowdown[:3] == pytest.approx((1.0, 1.03, 1.0609))
    assert len(slowdown) == max(agent.capacity for agent in store.agents) + 20
    assert plan(with_ratio(store, "switch_cost_pct", 0.0)).inputs.policy.slowdown == (1.0,)


def test_weights_on_the_sheet_deal_the_chats():
    """One weight is enough to deal by weight; who has none has the median; without any nobody has one."""
    store = load_store(SMALL)
    given = [60.0, 100.0, None, *[100.0] * (len(store.agents) - 3)]
    agents = tuple(
        agent.model_copy(update={"routing_weight": weight}) for agent, weight in zip(store.agents, given, strict=True)
    )
    inputs = plan(store.model_copy(update={"agents": agents})).inputs
    assert inputs.policy.routing == "weighted"
    assert inputs.people["weight"].tolist()[:4] == [60.0, 100.0, 100.0, 100.0]
    assert plan(store).inputs.policy.routing == "least_active"
    assert "weight" not in plan(store).inputs.people


def test_a_bot_whose_buyers_come_back_leaves_more_to_people():
    """A quarter who come back take a quarter of the bot's share back, in cascade, forecast and night alike."""
    store = load_store(SMALL)
    gross = store.ratio("bot_share").likely
    night = plan(with_ratio(store, "bot_return_rate", 0.25))
    total = night.sales.value("total_contacts")
    assert night.sales.value("human_contacts") == pytest.approx(total * (1 - gross * 0.75))
    day = night.forecast[night.forecast["start"].dt.date == night.wave.day]
    assert day["human"].sum() == pytest.approx(night.sales.value("human_contacts"))
    assert night.inputs.services["presale"].bot_net_share == pytest.approx(gross * 0.75)


def test_a_store_on_several_platforms_is_scored_by_each():
    """A Douyin store is judged by its mean, sees the other platforms' figures of the same night, and its 30 days."""
    store = load_store(SMALL)
    sold = (
        {"platform": "douyin", "share": 0.6, "figure_before": 24.0, "counted_before": 18_000},
        {"platform": "tmall", "share": 0.4},
    )
    own = store.store.model_copy(update={"platform": "douyin"})
    platforms = tuple(PlatformShare.model_validate(row) for row in sold)
    night = plan(store.model_copy(update={"store": own, "platforms": platforms}), replications=3, roster_effort=0.2)
    assert night.required.requirement["agents_simulated"].sum() > 0
    verdict = night.conclusion
    assert verdict.floors["douyin_mean_response"] == 90.0
    scores = verdict.platform_scores.set_index("kpi")
    kpis = verdict.kpis.set_index("kpi")
    assert list(scores.index) == ["douyin_mean_response", "wangwang_3min"]
    mean = scores.loc["douyin_mean_response"]
    assert mean["mean"] == pytest.approx(kpis.loc["douyin_mean_response", "mean"])
    assert mean["one_more_lost"] == pytest.approx((600 - mean["mean"]) / (mean["counted"] + 1), rel=0.1)
    assert 24.0 < mean["figure_after"] < mean["mean"] or mean["mean"] < mean["figure_after"] < 24.0
    assert "douyin_mean_response" in verdict.headline
    for lang, unit in (("zh", "秒"), ("en", " s ")):
        assert f"{kpis.loc['douyin_mean_response', 'mean']:.1f}" in verdict.sentences(lang)[-1]
        assert unit in verdict.sentences(lang)[-1]


def test_the_engine_is_a_parameter_of_the_plan():
    """It reaches every night that is made; the compiled one is the default."""
    assert plan(SMALL).inputs.engine == "compiled"
    asked = plan(SMALL, engine="simpy")
    assert asked.inputs.engine == "simpy"
    forecast = asked.forecast
    roster = pd.DataFrame(columns=["agent_id", "queue", "start", "end", "activity"])
    assert asked.inputs.make_night(forecast, roster, aov_cny=100.0).engine == "simpy"


def test_every_headcount_says_its_basis(night):
    """One number stands first, with its band around it; both totals are there, each with the time it is over."""
    table = night.headcounts.table
    assert table["headcount"].iloc[0] == "the_number"
    assert table["value"].iloc[0] == night.headcounts.the_number == night.required.peak_heads
    assert table["low"].iloc[0] <= table["value"].iloc[0] <= table["high"].iloc[0]
    assert table[["headcount", "unit", "counts_what", "grain", "queue", "source"]].notna().all(axis=None)
    assert not table.duplicated(["headcount", "grain", "queue"]).any()
    at = table.set_index(["headcount", "grain", "queue"])["value"]
    assert at["all_contacts", "day", "all"] == pytest.approx(night.sales.value("total_contacts"))
    assert at["all_contacts", "night", "all"] == pytest.approx(night.forecast["contacts"].sum())
    assert at["all_contacts", "night", "all"] > at["all_contacts", "day", "all"]
    assert at["heads_to_roster", "half_hour", "presale"] == night.required.by_queue["presale"]
    assert at["agents_day", "day", "all"] == night.sales.heads("agents_day")
    assert at["heads_on_chat", "half_hour", "all"] <= night.headcounts.the_number


def test_coverage_counts_standard_heads_beside_people(night):
    """Slow cohorts count for less: the standard heads of the night are the people's, each at their cohort's speed."""
    coverage, rows = night.coverage, night.roster
    chat = rows[rows["activity"] == "chat"]
    opens, closes = coverage["start"].min(), coverage["start"].max() + pd.Timedelta(minutes=30)
    inside = chat["end"].clip(upper=closes) - chat["start"].clip(lower=opens)
    hours = inside.dt.total_seconds().clip(lower=0) / 3600
    counts_for = dict(zip(night.inputs.people["agent_id"], night.inputs.standard, strict=True))
    assert coverage["people_on_chat"].sum() / 2 == pytest.approx(hours.sum())
    assert coverage["rostered"].sum() / 2 == pytest.approx((hours * chat["agent_id"].map(counts_for)).sum())


def test_a_queue_by_its_share_of_contacts_is_forecast_and_rosterable(night):
    """Order changes are cut out of after-sale and needed; without a share there is no such queue."""
    share = Ratio(key="order_change_share", low=0.1, likely=0.1, high=0.1)
    store = night.store.model_copy(update={"ratios": (*night.store.ratios, share)})
    split = plan(store, replications=2)
    totals, before = (each.forecast.groupby("queue")["contacts"].sum() for each in (split, night))
    assert set(totals.index) - set(before.index) == {"order_change"}
    assert totals.sum() == pytest.approx(before.sum())
    assert totals["order_change"] == pytest.approx(0.1 * before["aftersale"])


def test_sales_outside_the_chat_bring_no_contacts(night):
    """A channel outside the store takes its share of the sales, and so of the contacts; the day's sales stay."""
    share = Ratio(key="outside_share", low=0.5, likely=0.5, high=0.5)
    half = plan(night.store.model_copy(update={"ratios": (*night.store.ratios, share)}), replications=2)
    assert half.sales.value("day_gmv_cny") == night.sales.value("day_gmv_cny")
    assert half.sales.value("total_contacts") == pytest.approx(0.5 * night.sales.value("total_contacts"))
    assert "outside_share" not in set(night.cascade["step"])


def test_a_team_of_whom_nobody_is_ready_is_rehearsed(tmp_path):
    """Where nobody may go online every chapter answers still, the stress test and the drill too."""
    store = load_store(SMALL)
    nobody = store.model_copy(
        update={"agents": tuple(one.model_copy(update={"qa_pass": False}) for one in store.agents)}
    )
    empty = plan(nobody, replications=2, stress_replications=2, roster_effort=0.3)
    assert empty.roster.empty
    assert empty.tables["kpis"].notna().any(axis=None)
    assert not empty.tables["ranking"].empty
    assert not empty.tables["dropouts"].notna().any(axis=None)
