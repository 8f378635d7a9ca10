"""The night-of re-forecast: it learns a level, says why it moves, and leaves one odd half hour alone."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import gamma, poisson

from simlib import facts
from simlib.forecasting import read_actuals, reforecast, spread_day
from simlib.forecasting.intraday import LEAST_CV
from simlib.intervals import Grid
from simlib.messages import UserError
from simlib.streams import stream

TZ = "Asia/Shanghai"
NIGHT = Grid.of_day(dt.date(2026, 10, 31), tz=TZ, hours=28)
EVENING = np.asarray(facts.value("profiles", "E"), dtype=float)


def plan(total=20_000, low=13_000, high=31_000, queue="presale"):
    return spread_day(
        queue=queue, total=total, low=low, high=high, profile=EVENING, grid=NIGHT, bot_share=0.4,
        opening=pd.Timestamp("2026-10-31 20:00", tz=TZ),
    )  # fmt: skip


def until(forecast, clock, factor=1.0):
    """Actuals of every interval that is over at a time of day, at a level."""
    over = forecast[forecast["start"] < pd.Timestamp(f"2026-10-31 {clock}", tz=TZ)]
    return over[["start", "queue"]].assign(contacts=(over["contacts"] * factor).round())


def test_night_as_forecast_changes_nothing():
    """What comes as forecast leaves the rest as it was, to the last digit."""
    forecast = plan()
    again = reforecast(forecast, until(forecast, "20:30"))
    rest = forecast[forecast["start"] >= pd.Timestamp("2026-10-31 20:30", tz=TZ)]
    assert not again.reacts
    pd.testing.assert_frame_equal(
        again.forecast[forecast.columns.tolist()], rest.reset_index(drop=True), check_exact=True
    )


@pytest.mark.parametrize("side", ["p05", "p95"])
def test_one_odd_half_hour_inside_the_band_changes_nothing(side):
    """One half hour just inside either edge of its band moves no number of the rest of the night."""
    forecast = plan()
    came = until(forecast, "20:30")
    odd = forecast.loc[came.index[-1], side]
    came.loc[came.index[-1], "contacts"] = np.ceil(odd) if side == "p05" else np.floor(odd)
    again = reforecast(forecast, came)
    assert again.levels[0].reason == "inside"
    assert (again.forecast["contacts"] == again.forecast["before"]).all()


@pytest.mark.parametrize("place", [0, 5, 20, 40])
def test_no_single_half_hour_moves_a_night_by_persistence(place):
    """Wherever one half hour lies at the edge of its band, it alone is never taken for a sustained change."""
    forecast = plan()
    came = until(forecast, "20:30")
    came.loc[place, "contacts"] = np.floor(forecast.loc[place, "p95"])
    assert not reforecast(forecast, came).reacts


def test_half_hour_beyond_its_band_is_answered_at_once():
    """20:00 at 1.9 times its band's top moves the rest up, with its reason in both languages."""
    forecast = plan()
    came = until(forecast, "20:30")
    came.loc[came.index[-1], "contacts"] = round(forecast.loc[came.index[-1], "p95"] * 1.9)
    again = reforecast(forecast, came)
    [level] = again.levels
    assert level.reason == "beyond_band"
    assert level.factor > 1.05
    assert (again.forecast["contacts"] > again.forecast["before"]).all()
    assert "20:00" in level.text("en")
    assert "超出预测区间" in level.text("zh")


@pytest.mark.parametrize(("factor", "reason"), [(1.0, "inside"), (1.3, "sustained")])
def test_count_up_to_now_names_the_end_of_its_last_half_hour(factor, reason):
    """What came in the half hours up to the one from 20:00 came by 20:30, in both languages."""
    forecast = plan()
    [level] = reforecast(forecast, until(forecast, "20:30", factor)).levels
    assert level.reason == reason
    for text in (level.text("zh"), level.text("en")):
        assert "20:30" in text
        assert "20:00" not in text


@pytest.mark.parametrize("level", [0.7, 1.3])
def test_sustained_level_inside_the_bands_is_learned(level):
    """Five hours at a level that no band excludes are taken for tonight's level, within 6 % of it."""
    forecast = plan()
    came = until(forecast, "20:30", level)
    inside = came["contacts"].between(forecast.loc[came.index, "p05"], forecast.loc[came.index, "p95"])
    assert inside.mean() > 0.95
    [learned] = reforecast(forecast, came).levels
    assert learned.reason == "sustained"
    assert learned.low < level < learned.high
    assert learned.factor == pytest.approx(level, rel=0.06)


def test_one_interval_is_the_conjugate_gamma_poisson_update():
    """With one interval the level is the posterior of a gamma prior, worked out by numerical integration."""
    forecast = plan(total=4800, low=3600, high=6400)
    came = forecast[["start", "queue"]].iloc[[40]].assign(contacts=900)
    [level] = reforecast(forecast, came).levels
    mean = forecast["contacts"].to_numpy()
    reach = (forecast["p95"] - forecast["p05"]).to_numpy() / (2 * 1.645)
    variance = max((reach**2 - mean).sum() / (mean**2).sum(), LEAST_CV**2)
    weight = 1 / (1 + facts.value("uplift", "interval_spread") * mean[40])
    grid = np.linspace(0.2, 4.0, 40_001)
    density = gamma.pdf(grid, 1 / variance, scale=variance) * np.exp(weight * poisson.logpmf(900, mean[40] * grid))
    assert level.factor == pytest.approx((grid * density).sum() / density.sum(), rel=1e-4)
    below = np.cumsum(density) / density.sum()
    assert level.low == pytest.approx(grid[np.searchsorted(below, 0.05)], abs=1e-3)
    assert level.high == pytest.approx(grid[np.searchsorted(below, 0.95)], abs=1e-3)


def test_reforecast_beats_the_plan_and_its_band_holds():
    """Over 200 drawn nights the corrected rest errs less than the plan's, and its band holds 85 to 97 %."""
    forecast = plan()
    mean = forecast["contacts"].to_numpy()
    chance = stream(21, 0, "nights")
    error = {"plan": 0.0, "again": 0.0}
    inside = []
    now = pd.Timestamp("2026-10-31 20:30", tz=TZ)
    ahead = (forecast["start"] >= now).to_numpy()
    for _ in range(200):
        night = np.exp(chance.normal(0, 0.26)) * chance.gamma(50, 1 / 50, len(mean))
        came = chance.poisson(mean * night)
        over = forecast.loc[~ahead, ["start", "queue"]].assign(contacts=came[~ahead])
        again = reforecast(forecast, over)
        error["plan"] += np.abs(came[ahead] - mean[ahead]).sum()
        error["again"] += np.abs(came[ahead] - again.forecast["contacts"].to_numpy()).sum()
        if again.reacts:
            inside.append(again.forecast["p05"].le(came[ahead]) & again.forecast["p95"].ge(came[ahead]))
    assert error["again"] < 0.7 * error["plan"]
    assert 0.85 < np.mean(inside) < 0.97


def test_queues_are_learned_apart():
    """A surge of presale leaves aftersale as it was; a queue without actuals has no level."""
    forecast = pd.concat([plan(), plan(total=6000, low=4000, high=9000, queue="aftersale")], ignore_index=True)
    again = reforecast(forecast, until(forecast[forecast["queue"] == "presale"], "20:30", 1.5))
    assert [level.queue for level in again.levels] == ["presale"]
    aftersale = again.forecast[again.forecast["queue"] == "aftersale"]
    assert aftersale["start"].tolist() == NIGHT.starts[NIGHT.starts >= pd.Timestamp("2026-10-31 20:30", tz=TZ)].tolist()
    assert (aftersale["contacts"] == aftersale["before"]).all()


def test_moved_rows_keep_the_bot_share():
    """Bot and human still add up to the contacts, in the old proportion."""
    forecast = plan()
    rest = reforecast(forecast, until(forecast, "20:30", 1.4)).forecast
    np.testing.assert_allclose(rest["bot"] + rest["human"], rest["contacts"])
    np.testing.assert_allclose(rest["bot"] / rest["contacts"], 0.4)


def test_inputs_stay_untouched():
    """Neither the forecast nor the actuals are changed."""
    forecast = plan()
    came = until(forecast, "20:30", 1.4)
    kept = forecast.copy(), came.copy()
    reforecast(forecast, came)
    pd.testing.assert_frame_equal(forecast, kept[0])
    pd.testing.assert_frame_equal(came, kept[1])


def test_pasted_lines_are_read_in_every_dress():
    """Full-width colons, spans, tabs, thousands, a heading and a midnight are read as they are meant."""
    text = "时段\t咨询\n19：30\t312\n20:00-20:30  1,204\n\n23:30,860\n0:00 410\n"
    table = read_actuals(text, day=dt.date(2026, 10, 31), tz=TZ)
    assert table["contacts"].tolist() == [312, 1204, 860, 410]
    assert table["start"].iloc[0] == pd.Timestamp("2026-10-31 19:30", tz=TZ)
    assert table["start"].iloc[-1] == pd.Timestamp("2026-11-01 00:00", tz=TZ)


@pytest.mark.parametrize(
    "text",
    [
        "时间\t咨询人数\t接待人数\n20:00-20:30\t312\t290\n20:30-21:00\t1,204\t280\n合计\t1,516\t570",
        "近30分钟咨询\n20点 312人\n晚上8点半 1204",
        "时间,咨询量\n2026-10-31 20:00:00,312\n2026-10-31 20:30:00,1204\n2026-10-31 21:00:00,-",
        'time,answered,contacts\n"20:00","290","312"\n"20:30","280","1,204"',
        "10月31日 20:00 312\n10月31日 20:30 1204\n总计 1516",
        "2026/10/31 20:00~20:30\t312\n2026/10/31 20:30~21:00\t1204\n21:00 —",
        "时段  售前  售后\n20:00  312  96\n20:30  1,204  -",
        "start;queue;contacts\n20:00;presale;312\n20:00;aftersale;96\n20:30;presale;1204",
        "20点整：312\n20：30：1204",
        "20:00 售前312 售后96\n20:30 售前1204",
        "20:00 售前：312，售后：96\n售前20:30 1204。",
        "8:00 PM 312\n8:30pm - 9:00pm 1,204",
        "10/31 8:00:00 PM\t312\n10/31 8:30:00 PM\t1204",
        "20:00=312,\n20:30 -> 1204",
        "20:30 1204\n20:00 312",
    ],
)
def test_story_13_a_screen_a_chat_and_a_csv_file_are_pasted_as_they_are(text):
    """Titles, further columns, dates, seconds, words of a clock, sums and blanks: the contacts are read, no others."""
    night = pd.concat([plan(), plan(total=6000, low=4000, high=9000, queue="aftersale")], ignore_index=True)
    table = read_actuals(text, day=dt.date(2026, 10, 31), tz=TZ, forecast=night)
    presale = table[table["queue"] == "presale"]
    assert presale["contacts"].tolist() == [312, 1204]
    assert [f"{start:%m-%d %H:%M}" for start in presale["start"]] == ["10-31 20:00", "10-31 20:30"]
    assert table.loc[table["queue"] == "aftersale", "contacts"].tolist() in ([], [96])


@pytest.mark.parametrize(
    ("text", "day"),
    [("0:30 410", 1), ("0:00 500\n0:30 410\n1:00 300", 1), ("0:30 10\n3:00 9\n20:00 312", 31), ("10-31 0:30 10", 31)],
)
def test_the_first_line_belongs_to_the_night_that_is_on(text, day):
    """Half past midnight is the night after the opening, unless a date or a later line says it was the one before."""
    table = read_actuals(text, day=dt.date(2026, 10, 31), tz=TZ, forecast=plan())
    assert table["start"].dt.day.iloc[0] == day


@pytest.mark.parametrize(
    "text", ["20:00 312 290", "20:00 312 96.5%", "20:00,contacts\n20:30 5 6", "2026-13-40 20:00 5"]
)
def test_a_line_of_several_counts_without_titles_is_asked_about(text):
    """Which of two numbers is meant nobody can say; a date that no calendar has is no date."""
    with pytest.raises(UserError):
        read_actuals(text, day=dt.date(2026, 10, 31), tz=TZ, forecast=plan())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("20:30 many 3", "no forecast of a queue 'many'"),
        ("20:30 3 4", "cannot be read"),
        ("25:00 12", "cannot be read"),
        ("20:30 -5", "cannot be read"),
        ("20:30", "cannot be read"),
        ("20:15 10", "the nearest is 10-31 20:"),
        ("20:30 returns 10", "allowed: Presale, After-sale"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_in_both_languages(line, says):
    """The complaint gives the number of the line, what it says, what is allowed, and an example."""
    night = pd.concat([plan(), plan(total=6000, low=4000, high=9000, queue="aftersale")], ignore_index=True)
    with pytest.raises(UserError) as refused:
        read_actuals(f"20:00 312\n{line}\n21:00 300", day=dt.date(2026, 10, 31), tz=TZ, forecast=night)
    english, chinese = refused.value.text("en"), refused.value.text("zh")
    assert english.startswith(f"Line 2, '{line}'")
    assert says in english
    assert chinese.startswith(f"第 2 行“{line}”")
    assert "20:30" in english.split("uch as")[1]
    assert "20:30" in chinese.split("例如")[1]


@pytest.mark.parametrize("again", ["20:00 300", "10-31 20:00 300"])
def test_a_half_hour_that_is_there_twice_is_named_as_that(again):
    """The complaint names both lines, and sends nobody to another half hour."""
    with pytest.raises(UserError) as refused:
        read_actuals(f"19:30 312\n20:00 290\n{again}", day=dt.date(2026, 10, 31), tz=TZ, forecast=plan())
    assert refused.value.text("en").startswith(f"Line 3, '{again}': line 2 has this interval of Presale already.")
    assert "第 2 行已经写过" in refused.value.text("zh")
    assert "nearest" not in refused.value.text("en")


def test_a_list_that_begins_with_the_latest_is_read_from_its_end():
    """A screen shows the newest half hour on top, also across midnight."""
    table = read_actuals("1:00 5\n凌晨0点30 4\n0:00 3\n23:30 2", day=dt.date(2026, 10, 31), tz=TZ, forecast=plan())
    assert table["contacts"].tolist() == [2, 3, 4, 5]
    assert [f"{start:%d %H:%M}" for start in table["start"]] == ["31 23:30", "01 00:00", "01 00:30", "01 01:00"]


def test_pasted_words_without_a_count_are_no_empty_sheet():
    """Who pasted something hears that it holds no count; who pasted nothing is read as nothing."""
    with pytest.raises(UserError) as refused:
        read_actuals("\n昨晚的数据还没出来\n", day=dt.date(2026, 10, 31), tz=TZ, forecast=plan())
    assert "昨晚的数据还没出来" in refused.value.text("zh")
    assert "20:30 312" in refused.value.text("en")
    assert read_actuals(" \n", day=dt.date(2026, 10, 31), tz=TZ, forecast=plan()).empty


def test_every_wrong_line_is_reported_at_once():
    """Three wrong lines are three sentences, in their order."""
    with pytest.raises(UserError) as refused:
        read_actuals("20:15 1\n20:00 5\nx 3\n99:00 7", day=dt.date(2026, 10, 31), tz=TZ, forecast=plan())
    assert [message.fields["number"] for message in refused.value.messages] == [1, 3, 4]


@pytest.mark.parametrize(
    "line", ["20:00 aftersale 96", "20:00\tAfter-sale\t96", "售后 20:00 96", "20:00-20:30,售后,96", "20:00 96 售后"]
)
def test_a_pasted_line_may_name_its_queue(line):
    """The queue stands anywhere beside the time and the count, by key or by name, and each queue has its own clock."""
    night = pd.concat([plan(), plan(total=6000, low=4000, high=9000, queue="aftersale")], ignore_index=True)
    table = read_actuals(f"20:30 312\n{line}", day=dt.date(2026, 10, 31), tz=TZ, forecast=night)
    assert table["queue"].tolist() == ["presale", "aftersale"]
    assert table["contacts"].tolist() == [312, 96]
    assert table["start"].dt.day.tolist() == [31, 31]


@pytest.mark.parametrize(
    ("start", "queue", "contacts", "says"),
    [
        ("2026-10-31 20:10", "presale", 5.0, "nearest is 2026-10-31 20:00"),
        ("2026-10-31 20:00", "presal", 5.0, "must be one of Presale"),
        ("2026-10-31 20:00", "presale", -1.0, "must be >= 0, got -1.0"),
    ],
)
def test_actuals_that_fit_no_interval_are_refused_by_name(start, queue, contacts, says):
    """An unknown interval, queue or a negative count is named with what is allowed."""
    came = pd.DataFrame({"start": [pd.Timestamp(start, tz=TZ)], "queue": [queue], "contacts": [contacts]})
    with pytest.raises(ValueError, match=says):
        reforecast(plan(), came)


def test_an_interval_given_twice_is_refused():
    """The same half hour twice is not added up silently."""
    came = until(plan(), "20:30").iloc[[3, 3]]
    with pytest.raises(ValueError, match=r"01:30 twice"):
        reforecast(plan(), came)


def test_twelve_at_night_and_counts_in_ten_thousands_are_read():
    """Midnight follows the evening's last line, or ends a date's evening; 1.2万 is twelve thousand."""
    how = {"day": dt.date(2026, 10, 31), "tz": TZ}
    table = read_actuals("晚上11点 1,204\n晚上12点 1.2万\n晚上12点半 3千人\n凌晨1点 860人次", **how)
    assert [f"{start:%d %H:%M}" for start in table["start"]] == ["31 23:00", "01 00:00", "01 00:30", "01 01:00"]
    assert table["contacts"].tolist() == [1204.0, 12000.0, 3000.0, 860.0]
    dated = read_actuals("10月31日 晚上12点 1.2w", **how)
    assert f"{dated['start'][0]:%d %H:%M}" == "01 00:00"
    alone = read_actuals("晚上12点 300", **how, forecast=plan())
    assert f"{alone['start'][0]:%d %H:%M}" == "01 00:00"
    assert read_actuals("时间,售前\n20:00,1.2万", **how)["contacts"].tolist() == [12000.0]
    with pytest.raises(UserError, match="1万2"):
        read_actuals("20:00 1万2", **how)
