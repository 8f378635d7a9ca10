"""The live night without a browser: what a position means, what an answer says, and who is answered."""

import datetime as dt
import threading
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from simlib import load_store, widgets
from simlib.kpis import NightLog, platform_scores, score_platforms
from simlib.live import CURVES, Comparison, LatestOnly, LiveNight, LivePage, describe_page, keep_in_store, mean_band
from simlib.messages import LANGS, label, translate
from simlib.night import judge_nights
from simlib.simulator.replicate import measure_night, replicate_variants
from simlib.store import save_store
from simlib.stress import ScenarioError, read_scenarios
from tests.conftest import clock


@pytest.fixture
def live(night):
    """The small night with an opening at nine."""
    return LiveNight(night=night, opening=clock("21:00"), targets={"service_level": 0.8, "lost_share": 0.05}, seed=7)


def answer(live, position, nights=3):
    """Simulate a position and the plan without any thread."""
    plan, now = live.prepare({}), live.prepare(position)
    simulated = [[live.simulate(each, number) for number in range(nights)] for each in (plan, now)]
    return Comparison(live=live, position=position, plan=simulated[0], now=simulated[1])


MOVES = [
    {"people_own": 15},
    {"people_own": 9},
    {"concurrency": 6},
    {"stay": 2.0},
    {"bot_share": 0.5},
    {"presale_share": 0.5},
    {"opening": 120.0},
    {"outage": "power_cut", "outage_from": 70.0, "outage_to": 100.0},
    {"people_own": 22, "concurrency": 3, "stay": 0.5, "outage": "power_cut", "outage_from": 60.0, "outage_to": 90.0},
    {"people_own": 0, "bot_share": 0.9},
    {"people_own": 10, "stay": 1.0, "bot_share": 0.4, "presale_share": 0.6, "opening": 30.0, "outage": "bot_down"},
]


def test_the_plan_changes_nothing(live):
    """Where every slider stands as planned there is no scenario, and no figure differs by anything."""
    assert live.scenario(live.plan_position, name="-") is None
    same = answer(live, {})
    assert (same.table()["change"] == 0).all()
    assert "0" not in {str(row) for row in same.missed()}


@pytest.mark.parametrize("position", MOVES)
def test_a_position_is_a_scenario(live, position):
    """What the page shows of a position is what the same scenario gives in a stress test, to the last digit."""
    changed = live.scenario(position, name="mine").apply_to(live.night)
    variant = changed.variant()
    expected = replicate_variants({"": variant}, measure=live.measure, seed=7, replications=2, turns=True)[""].figures
    shown = answer(live, position, nights=2)
    for key in ("first_response", "sales_lost", "service_level"):
        np.testing.assert_array_equal([simulated[key] for simulated in shown.now], expected[key])


def test_moves_do_not_leave_traces(live):
    """A position gives the same night whatever was asked for before it."""
    fresh = LiveNight(night=live.night, opening=live.opening, targets=live.targets, seed=7)
    for position in MOVES:
        live.simulate(live.prepare(position), 0)
    for position in reversed(MOVES):
        mine, theirs = (each.simulate(each.prepare(position), 0) for each in (live, fresh))
        assert mine["sales_lost"] == theirs["sales_lost"]
        fresh = LiveNight(night=live.night, opening=live.opening, targets=live.targets, seed=7)


def test_the_mix_shifts_and_the_sum_stays(live):
    """Another presale share moves contacts between the two queues and leaves their expected sum as it was."""
    factors = {incident.queue: incident.size for incident in live.scenario({"presale_share": 0.5}, name="-").incidents}
    contacts = live.night.forecast.groupby("queue")["contacts"].sum()
    assert sum(contacts[queue] * factor for queue, factor in factors.items()) == pytest.approx(contacts.sum())
    assert contacts["presale"] * factors["presale"] == pytest.approx(contacts["aftersale"] * factors["aftersale"])


def test_the_concurrency_slider_goes_from_one_to_ten(live):
    """From one chat at once to ten, wherever the plan stands."""
    slider = live.sliders["concurrency"]
    assert (slider.low, slider.plan, slider.high) == (1, 4, 10)


def test_lost_buyers_are_counted(live):
    """The count of lost buyers is the lost share of those for people, night by night."""
    for night in answer(live, {"people_own": 6}).now:
        assert night["buyers_lost"] == pytest.approx(night["lost_share"] * night["cell_human"].sum())
        assert night["buyers_lost"] > 0


def test_heads_and_wages_are_counted_by_hand(live):
    """Twelve people at 40 yuan an hour: nine of 4.5 hours and three of 2.5; two hours more of those three at 150 %."""
    hours = 9 * 4.5 + 3 * 2.5
    table = answer(live, {"stay": 2.0, "people_own": 13}, nights=1).table().set_index("kpi")
    assert table.loc["rostered_heads", ["plan", "now"]].tolist() == [12, 13]
    assert table.loc["night_wages", "plan"] == pytest.approx(40 * hours)
    plan = answer(live, {"stay": 2.0}, nights=1).table().set_index("kpi")
    assert plan.loc["night_wages", "change"] == pytest.approx(40 * 1.5 * 3 * 2.0)


@pytest.mark.parametrize(
    ("position", "says"),
    [
        ({"people_student": 3}, "people_own"),
        ({"bot_share": 2.0}, "0 to 0.95"),
        ({"bot_share": float("nan")}, "0 to 0.95"),
        ({"outage": "meteor"}, "power_cut"),
        ({"stay": "long"}, "0 to 4"),
    ],
)
def test_a_position_that_cannot_be_is_refused(live, position, says):
    """An unknown slider, a value off its range or no number, and an unknown outage are refused by name."""
    with pytest.raises(ValueError, match=says):
        live.scenario(position, name="-")


def test_an_outage_must_end_after_it_begins(live):
    """The stress test's own sentence says so."""
    with pytest.raises(ScenarioError, match="after"):
        live.scenario({"outage": "bot_down", "outage_from": 100.0, "outage_to": 60.0}, name="-")


def test_the_band_is_students_and_narrows():
    """The band of the mean agrees with SciPy's, is 0 for one night, and gets narrower with more."""
    from scipy import stats

    draws = np.random.default_rng(1).normal(size=(16, 3))
    mean, half = mean_band(draws)
    low, high = stats.t.interval(0.95, 15, loc=draws.mean(axis=0), scale=stats.sem(draws))
    np.testing.assert_allclose([mean - half, mean + half], [low, high])
    assert (mean_band(draws[:1])[1] == 0).all()
    assert (mean_band(draws[:4])[1].mean() > half.mean()).all()


def test_curves_lie_inside_their_band(live):
    """Each curve has plan, mean, low and high for every ten minutes; the mean lies in its band."""
    curves = answer(live, {"people_own": 9}).curves()
    assert curves.shape == (len(CURVES), 4, live.steps.n)
    _, mean, low, high = np.moveaxis(curves, 1, 0)
    there = ~np.isnan(mean)
    assert there.any()
    assert (low[there] <= mean[there]).all()
    assert (mean[there] <= high[there]).all()


class Recorder:
    """Notes what is answered and lets a test wait for it."""

    def __init__(self):
        self.heard, self.complaints, self.changed = [], [], threading.Condition()

    def note(self, what):
        """Note anything."""
        with self.changed:
            self.heard.append(what)
            self.changed.notify_all()

    def on_answer(self, request, answer):
        """Note an answer."""
        self.note((request.client_id, request.number, len(answer.now)))

    def on_error(self, request, error):
        """Note a complaint."""
        with self.changed:
            self.complaints.append((request.client_id, request.number, error))
            self.changed.notify_all()

    def wait_for(self, happened):
        """Wait until something has happened."""
        with self.changed:
            assert self.changed.wait_for(happened, timeout=60)


def test_only_the_latest_request_is_answered(live):
    """Of two hundred quick moves few are answered, in order, the last one in full, and the thread ends then."""
    ear = Recorder()
    latest = LatestOnly(live, on_answer=ear.on_answer, on_error=ear.on_error, nights=4)
    for number in range(200):
        latest.ask("me", number, {"people_own": 6 + number % 12})
    ear.wait_for(lambda: ("me", 199, 4) in ear.heard)
    numbers = [number for _, number, _ in ear.heard]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) < 100
    assert numbers[-1] == 199
    deadline = time.monotonic() + 20
    while any(thread.name == "sandtable-live" for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(thread.name == "sandtable-live" for thread in threading.enumerate())


def test_two_clients_get_their_own_answers(live):
    """Each gets its own numbers only, both to the end; one that has left gets nothing more."""
    ear = Recorder()
    latest = LatestOnly(live, on_answer=ear.on_answer, on_error=ear.on_error, nights=4)
    latest.ask("one", 1, {"people_own": 9})
    latest.ask("two", 5, {"people_own": 15})
    latest.ask("gone", 9, {"bot_share": 0.5})
    latest.forget("gone")
    ear.wait_for(lambda: {("one", 1, 4), ("two", 5, 4)} <= set(ear.heard))
    assert {(client_id, number) for client_id, number, _ in ear.heard} - {("gone", 9)} == {("one", 1), ("two", 5)}
    assert ("gone", 9, 4) not in ear.heard


class Stage:
    """Nights without a floor: each begins with what a test has it do, and is noted once it may be measured."""

    def __init__(self, begin):
        self.begin, self.simulated = begin, []

    def prepare(self, position):
        """Take the name as the position."""
        return position.get("name", "plan")

    def is_plan(self, position):
        """No position of a test is the plan."""
        return False

    def simulate(self, prepared, replication, *, pause):
        """Begin, give way, be noted."""
        self.begin(prepared, replication)
        pause()
        self.simulated.append((prepared, replication))
        return {}


def test_an_answer_that_narrows_stands_still_for_a_new_request():
    """A night that is under way is measured after the first night of what was asked meanwhile."""
    begun, asked = threading.Event(), threading.Event()

    def begin(name, replication):
        if (name, replication) == ("old", 1):
            begun.set()
            assert asked.wait(20)

    ear, stage = Recorder(), Stage(begin)
    latest = LatestOnly(stage, on_answer=ear.on_answer, on_error=ear.on_error, nights=2)
    latest.ask("one", 1, {"name": "old"})
    assert begun.wait(20)
    latest.ask("two", 1, {"name": "new"})
    asked.set()
    ear.wait_for(lambda: ("two", 1, 2) in ear.heard)
    assert stage.simulated.index(("new", 0)) < stage.simulated.index(("old", 1))
    assert not ear.complaints


def test_two_answers_that_narrow_do_not_keep_each_other_waiting():
    """A replaced answer and the one in its place both stand still for a third request, and that is answered."""
    begun, asked = {name: threading.Event() for name in ("first", "second")}, threading.Event()

    def begin(name, replication):
        if replication == 1 and name in begun:
            begun[name].set()
            assert asked.wait(20)

    ear, stage = Recorder(), Stage(begin)
    latest = LatestOnly(stage, on_answer=ear.on_answer, on_error=ear.on_error, nights=2)
    for number, name in enumerate(begun):
        latest.ask("me", number, {"name": name})
        assert begun[name].wait(20)
    latest.ask("me", 2, {"name": "third"})
    asked.set()
    ear.wait_for(lambda: ("me", 2, 2) in ear.heard)
    assert ("first", 1) not in stage.simulated
    assert ("second", 1) not in stage.simulated
    assert not ear.complaints


def test_the_plan_answers_with_its_own_nights(live):
    """Back at the plan every night that was simulated for it stands at once, the same to the bit, and none again."""
    ear, simulated = Recorder(), []

    class Counted(LiveNight):
        def simulate(self, prepared, replication, **how):
            simulated.append(replication)
            return super().simulate(prepared, replication, **how)

    counted = Counted(night=live.night, opening=live.opening, targets=live.targets, seed=7)
    answers = []

    def on_answer(request, given):
        answers.append(given)
        ear.on_answer(request, given)

    latest = LatestOnly(counted, on_answer=on_answer, on_error=ear.on_error, nights=5)
    latest.ask("me", 1, {})
    ear.wait_for(lambda: ("me", 1, 5) in ear.heard)
    assert sorted(simulated) == [0, 1, 2, 3, 4]
    latest.ask("me", 2, {"bot_share": counted.bot_share})
    ear.wait_for(lambda: ("me", 2, 5) in ear.heard)
    assert sorted(simulated) == [0, 1, 2, 3, 4]
    assert [heard for heard in ear.heard if heard[1] == 2] == [("me", 2, 5)]
    again = live.simulate(live.prepare({}), 4)
    assert all(np.array_equal(answers[-1].now[4][key], again[key], equal_nan=True) for key in again)


def test_a_bad_request_is_an_error_and_the_next_is_answered(live):
    """A position that cannot be does not stop the thread."""
    ear = Recorder()
    latest = LatestOnly(live, on_answer=ear.on_answer, on_error=ear.on_error, nights=1)
    latest.ask("me", 1, {"outage": "bot_down", "outage_from": 100.0, "outage_to": 60.0})
    ear.wait_for(lambda: ear.complaints)
    latest.ask("me", 2, {"people_own": 11})
    ear.wait_for(lambda: ear.heard)
    assert ear.heard == [("me", 2, 1)]
    assert isinstance(ear.complaints[0][2], ScenarioError)


def test_an_answer_that_cannot_be_sent_is_an_error_and_the_next_is_sent(live):
    """An error while an answer is put into words stops neither thread."""
    ear = Recorder()

    def on_answer(request, answer):
        if request.number < 3:
            raise KeyError("no word for it")
        ear.on_answer(request, answer)

    latest = LatestOnly(live, on_answer=on_answer, on_error=ear.on_error, nights=1)
    for number in (1, 2, 3):
        latest.ask("me", number, {"people_own": 10 + number})
        ear.wait_for(lambda number=number: len(ear.complaints) + len(ear.heard) == number)
    assert [number for _, number, _ in ear.complaints] == [1, 2]
    assert ear.heard == [("me", 3, 1)]


def test_the_page_has_its_name_at_the_door():
    """Notebooks import ``simlib.widgets``; what stands there is the live page itself."""
    assert widgets.LivePage is LivePage
    assert {name for name in widgets.__all__ if not hasattr(widgets, name)} == set()


@pytest.fixture
def workbook(tmp_path, short_store):
    """A small store's workbook."""
    path = tmp_path / "shop.xlsx"
    save_store(short_store, path, "en")
    return path


def test_a_position_is_kept_in_the_workbook(live, workbook):
    """The scenario comes back from the sheet as it was; everything else in the workbook is unchanged."""
    scenario = live.scenario(MOVES[-1], name="My night")
    before = load_store(workbook)
    assert keep_in_store(scenario, workbook, lang="en") == (workbook, False)
    after = load_store(workbook)
    assert read_scenarios(after.frame("scenarios"), tz="Asia/Shanghai")[-1] == scenario
    assert after.model_copy(update={"scenarios": before.scenarios}) == before


def test_an_open_workbook_is_left_alone(live, workbook):
    """Excel's lock file beside it: the workbook stays to the byte, and a copy holds the scenario."""
    workbook.with_name("~$shop.xlsx").write_bytes(b"")
    bytes_before = workbook.read_bytes()
    copy, _ = keep_in_store(live.scenario({"people_own": 9}, name="Fewer"), workbook, lang="en")
    assert copy != workbook
    assert workbook.read_bytes() == bytes_before
    assert load_store(copy).scenarios[-1].name == "Fewer"


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("opened", [False, True])
def test_the_page_says_that_a_scenario_was_replaced(live, workbook, opened, lang):
    """A name that is on the sheet already is kept in the place of the old one and said to be; a new one is not."""
    page = LivePage(live, store=workbook, lang=lang)
    replaced = translate("live.replaced", lang)
    first, good = page.keep({"people_own": 9}, name="Fewer")
    assert good
    assert replaced not in first
    if opened:
        workbook.with_name("~$shop.xlsx").write_bytes(b"")
    second, good = page.keep({"people_own": 8}, name="Fewer")
    assert good
    assert replaced in second
    assert ("shop-" in second) == opened
    other, _ = page.keep({"people_own": 8}, name="Fewer still")
    assert replaced not in other


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_says_why_nothing_is_kept(live, workbook, lang):
    """Without a name, without a change, or without a workbook the page says so and writes nothing."""
    page = LivePage(live, store=workbook, lang=lang)
    assert page.keep({"people_own": 9}, name="  ")[1] is False
    assert page.keep({}, name="Nothing")[1] is False
    kept, good = page.keep({"people_own": 9}, name="Fewer")
    assert good
    assert "Fewer" in kept
    workbook.unlink()
    said, good = page.keep({"people_own": 9}, name="Fewer")
    assert not good
    assert "shop.xlsx" in said


@pytest.mark.parametrize(
    "position",
    [
        {"outage": "bot_down", "outage_from": 100.0, "outage_to": 60.0},
        {"outage": "bot_down", "outage_from": 100.0, "outage_to": 100_000.0},
        {"opening": -30.0},
        {"people_own": None},
        {"people_student": 3},
    ],
)
def test_what_no_night_can_be_is_a_sentence_and_the_page_goes_on(live, workbook, position):
    """Whatever a browser sends, asked or to be kept, is answered with a sentence; the next question with a night."""
    page = LivePage(live, store=workbook, lang="en", nights=1)
    before, ear = workbook.read_bytes(), Recorder()
    page.send = lambda message, buffers=None: ear.note(message)
    heard = ear.heard
    page._receive(page, {"kind": "ask", "view": "me", "number": 1, "position": position}, [])
    ear.wait_for(lambda: len(heard) == 1)
    page._receive(page, {"kind": "keep", "view": "me", "name": "Odd", "position": position}, [])
    page._receive(page, {"kind": "ask", "view": "me", "number": 2, "position": {"people_own": 9}}, [])
    ear.wait_for(lambda: len(heard) == 3)
    assert [message["kind"] for message in heard] == ["notice", "notice", "night"]
    assert all(message["text"] and not message["good"] for message in heard[:2])
    assert workbook.read_bytes() == before


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_speaks_its_language(live, lang):
    """Every word on the page is there, and of the language that was asked for."""
    page = describe_page(live, lang)
    labels = [slider["label"] for slider in page["sliders"]] + [title for _, title in page["groups"]]
    assert all(labels)
    assert any("\u4e00" <= sign <= "\u9fff" for sign in "".join(labels)) == (lang == "zh")
    assert page["clock"][0] == "20:00"
    assert page["clock"][-1] == "01:00"
    verdict = answer(live, {"people_own": 9}, nights=1).verdict(lang)
    assert verdict.count("{") == 0
    assert pd.Series(page["plan"]).drop(["outage", "moves"]).astype(float).notna().all()


def test_the_page_and_the_report_have_one_number(small_plan):
    """Over the plan's nights the plan's column and the sentence on the weakest half hour are those of the report."""
    plan = replace(small_plan, replications=2)
    for known in ("sales", "forecasting", "required", "roster_result"):
        vars(plan)[known] = getattr(small_plan, known)
    page = LivePage.of(plan, store="bodycare")
    live, nights = page.live, page._nights
    assert nights == len(plan.nights) == 2
    shown = answer(live, {}, nights=nights)
    table, report = shown.table().set_index("kpi")["plan"], plan.kpis.set_index("kpi")["mean"]
    both = [key for key in live.headline if key in report]
    assert {"service_level", "lost_share", "first_response", "sales_lost", live.judged_by} <= set(both)
    for key in both:
        assert table[key] == report[key], key
    assert table["buyers_lost"] == plan.conclusion.judged.mean["cell_lost"].sum()
    assert shown.judged.weaknesses == plan.conclusion.judged.weaknesses
    why = plan.roster_result.why
    wages = why.loc[why["rule"] == "wages", "penalty_cny"].sum()
    assert table["night_wages"] == pytest.approx(wages, abs=0.01 * len(live.night.people))


def test_the_first_nights_say_how_many_they_are(live, workbook):
    """Until all nights are there, the sentence begins with how many it rests on."""
    page, sent = LivePage(live, store=workbook, lang="en", nights=3), Recorder()
    page.send = lambda message, buffers=None: sent.note(message)
    page._receive(page, {"kind": "ask", "view": "v", "number": 1, "position": {"people_own": 9}}, [])
    sent.wait_for(lambda: sent.heard and sent.heard[-1]["nights"] == 3)
    assert sent.heard[0]["verdict"].startswith("So far 1 of 3 nights.")
    assert "So far" not in sent.heard[-1]["verdict"]


def test_the_light_turns_red_for_one_half_hour(live):
    """The page judges every half hour, by the judgement of the report, and names the worst one."""
    nights = answer(live, {"people_own": 9}, nights=3)
    judged = judge_nights(
        nights.now, grid=live.night.grid, queues=live.night.queues, targets=live.targets, open_hours=None
    )
    assert nights.missed() == judged.missed != []
    worst = judged.weaknesses[0].message
    assert all(worst.text(lang) in nights.verdict(lang) for lang in ("zh", "en"))


def test_a_store_on_several_platforms_sees_all_of_them(live):
    """The same night by each platform's own headline, points by typed steps, and what one more lost buyer does."""
    on = dt.date(2026, 10, 31)
    scores = (*platform_scores("tmall", on=on), *platform_scores("douyin", on=on), *platform_scores("kuaishou", on=on))
    steps = {"douyin_mean_response": ((12.0, 100.0), (5_000.0, 90.0))}
    several = replace(
        live, night=replace(live.night, scores=scores), shares={"tmall": 0.75, "douyin": 0.25}, score_steps=steps
    )
    assert [score.key for score in several.judges] == ["wangwang_3min", "douyin_mean_response"]
    assert {"wangwang_3min", "douyin_mean_response"} <= set(several.headline)
    assert "kuaishou_unserved" not in several.headline
    shown = answer(several, {"people_own": 9}, nights=2)
    prepared = several.prepare({"people_own": 9})
    contacts = prepared.variant.draw(seed=several.seed, replication=0)
    tonight = prepared.variant.of_night(seed=several.seed, replication=0)

    def by_platform(contacts, agents, result):
        log = NightLog.of(contacts, agents, result, queues=several.night.queues, opens=several.night.grid.opens)
        return {"table": score_platforms(log, several.shares, on=on).set_index("key")}

    table = measure_night(contacts, tonight, measure=by_platform, turns=True)["table"]
    for score in several.judges:
        assert shown.now[0][score.key] == pytest.approx(table.loc[score.key, "value"])
        assert shown.now[0][f"one_more_lost_{score.key}"] == pytest.approx(table.loc[score.key, "one_more_lost"])
    for lang in LANGS:
        said = shown.verdict(lang)
        assert all(label(score.key, lang) in said for score in several.judges)
        assert translate("live.points", lang, points="90") in said
        over = shown.difference("douyin_mean_response")[1] > 90.0
        assert (translate("live.over_line", lang, limit="90") in said) == over
    page = describe_page(several, "zh")
    assert [key for key, *_ in page["rows"]].count("douyin_mean_response") == 1
