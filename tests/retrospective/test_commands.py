"""The chapter through the command line: a night written down, learned from, and every kind of bad input."""

from __future__ import annotations

import datetime as dt
import functools
import shutil

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

import simlib.planning
from simlib.cli import app
from simlib.drill.game import Drill
from simlib.drill.log import LOG, Advanced, DrillLog, OpeningLine, Scheduled
from simlib.drill.result import tabulate_moves
from simlib.inputs import NightInputs
from simlib.messages import label
from simlib.planning import Plan, plan, sharing
from simlib.report.pages.retrospective import show_retrospective
from simlib.retrospective import work_out_retrospective
from simlib.retrospective.workbook import read_review, review_book
from simlib.review import gather_night, record_night, state_plan
from simlib.store import load_store
from simlib.stress import Incident, Scenario
from tests.retrospective.shop import (
    DAY,
    LATE,
    OPENING,
    small_plan,
    write_actuals,
    write_review,
    write_shop,
)

D1, D9 = dt.date(2026, 11, 1), dt.date(2026, 11, 9)
WORKED_OUT = ("forecasting", "required", "roster_result", "sales")


def run(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done, " ".join(done.output.split())


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory):
    """A shop whose plan is worked out once; the nights below are copies of it."""
    planned = small_plan(write_shop(tmp_path_factory.mktemp("shops") / "shop"))
    assert all(getattr(planned, name) is not None for name in WORKED_OUT)
    return planned


@pytest.fixture(autouse=True)
def few_nights(monkeypatch):
    """Two simulated nights behind each variance tree are enough here."""
    monkeypatch.setattr(simlib.planning, "work_out_retrospective", functools.partial(work_out_retrospective, nights=2))


@pytest.fixture
def shop(rehearsed, tmp_path):
    """A copy of the shop's folder, to which the night is added."""
    return shutil.copytree(rehearsed.source, tmp_path / "shop")


def after_night(rehearsed: Plan, folder, *, today: dt.date | None = None) -> Plan:
    """Return the plan of a copy of the shop, with what the plan before the night had worked out."""
    given = {"roster_effort": rehearsed.roster_effort, "replications": rehearsed.replications}
    store = load_store(folder)
    planned = Plan(store=store, wave=store.waves[0], source=str(folder), today=today, **given)
    vars(planned).update({name: vars(rehearsed)[name] for name in WORKED_OUT})
    return planned


def someone(rehearsed: Plan) -> str:
    """Return somebody who is on chat from the opening on."""
    chat = rehearsed.roster.query("activity == 'chat'")
    there = chat[(chat["start"] <= pd.Timestamp(OPENING, tz=chat["start"].dt.tz)) & (chat["end"] > chat["start"])]
    return str(there["agent_id"].iloc[0])


def write_night(rehearsed: Plan, folder) -> pd.DataFrame:
    """Write a whole night: more came, one was away, the bot stopped, and the lead noted what she knew."""
    write_review(
        folder,
        night=[
            {"figure": "conversion", "value": "41%"},
            {"figure": "presale_reply_s", "value": "22"},
            {"figure": "sales_kept", "value": "45000"},
        ],
        absences=[{"agent_id": someone(rehearsed), "start": OPENING, "end": LATE}],
        incidents=[{"incident": "bot_down", "start": OPENING, "end": OPENING + dt.timedelta(hours=1)}],
        questions=[{"asked": "什么时候发货", "times": 40}, {"asked": "怎么开发票", "times": 9}],
        actions=[{"lesson": "slow", "action": "train", "owner": "TL", "due": D9.replace(day=20), "card": "bot_down"}],
    )
    return write_actuals(folder, rehearsed.forecast)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_fresh_review_is_written_once(tmp_path, lang):
    """``new --chapter retrospective`` writes a workbook that reads as empty, and never over one that is there."""
    path = tmp_path / "review.xlsx"
    done, _ = run("new", path, "--chapter", "retrospective", "--lang", lang)
    assert done.exit_code == 0
    assert len(load_workbook(path).sheetnames) == len(review_book().sheets) + 1
    review = read_review(tmp_path)
    assert (dict(review.figures), review.problems) == ({}, ())
    before = path.read_bytes()
    again, said = run("new", path, "--chapter", "retrospective", "--lang", "en")
    assert again.exit_code == 2
    assert "left as it is" in said
    assert path.read_bytes() == before


@pytest.mark.slow
def test_a_night_is_learned_from_and_the_next_plan_begins_there(rehearsed, shop):
    """A15's tail: before and after side by side, nothing overwritten, and the next plan names this promo first."""
    came = write_night(rehearsed, shop)
    before = {path.name: path.read_bytes() for path in shop.iterdir()}
    out = shop.parent / "next" / "next.xlsx"
    out.parent.mkdir()
    with sharing(after_night(rehearsed, shop), of=load_store(shop)):
        done, said = run("learn", shop, "--out", out, "--lang", "en")
    assert done.exit_code == 0, done.output
    assert {path.name: path.read_bytes() for path in shop.iterdir()} == before
    assert f"{len(came) // 2} intervals of the night are in the new workbook's History" in said
    assert "The night could not teach these" in said
    following, old = load_store(out), load_store(shop)
    assert following.ratio("conversion").likely == pytest.approx(0.45 + 0.25 * (0.41 - 0.45))
    assert following.ratio("no_show_share").likely > 0
    assert len(following.history) == len(old.history) + len(came) // 2  # the shop's history is by the hour
    assert following.actuals == ()
    again, said = run("learn", shop, "--out", out, "--lang", "en")
    assert again.exit_code == 2
    assert "nothing is overwritten" in said

    shutil.move(out.with_name("next.review.xlsx"), out.with_name("review.xlsx"))
    nextly = plan(out)
    curve = nextly.inputs.curve
    assert curve.promos == 1
    review = read_review(out)
    chain = review.book.tables["review_promos"]
    assert chain["promo"].tolist() == [old.waves[0].name]
    assert chain["actual_contacts"].iloc[0] == pytest.approx(came["contacts"].sum())
    learned = review.book.tables["review_learned"].set_index("key")
    assert {"conversion", "presale_reply_s", "no_show_share", "uplift_E"} <= set(learned.index)
    assert learned.loc["uplift_E", "after"] == pytest.approx(curve.likely, rel=1e-3)


@pytest.mark.slow
def test_the_page_of_a_whole_night(rehearsed, shop):
    """A15: the tree adds up to the total gap, outage and absence have their rows, and D+9 is final where D+1 is not."""
    came = write_night(rehearsed, shop)
    write_orders(shop)
    first = after_night(rehearsed, shop, today=D1).retrospective
    tree = first.tables["variance"].set_index("driver")["effect_cny"]
    assert tree.sum() == pytest.approx(45_000 - first.figures["planned_cny"], abs=0.006)
    assert {"contacts", "conversion", "absence", "handling", "outages", "not_explained"} <= set(tree.index)
    assert tree["conversion"] < 0 < tree["contacts"]
    assert first.provisional
    (shop / "review.xlsx").unlink()
    (shop / "actuals.csv").unlink()
    last = after_night(rehearsed, shop, today=D9).retrospective
    assert not last.provisional
    reviews = last.tables["reviews"].set_index("order_figure")
    assert reviews.loc["orders_paid", ["first_review", "second_review", "changed"]].tolist() == [40, 60, True]
    heads = first.tables["heads_actual"]
    assert {"heads_over"} <= set(heads)
    assert first.tables["questions"]["contacts"].iloc[0] == 40
    assert first.tables["review_actions"]["review_card"].tolist() == ["bot_down"]
    assert first.fit.actual == pytest.approx(came["contacts"].sum())
    assert first.tables["incident_costs"]["scenario"].tolist() == ["bot_down"]
    assert "load" in first.tables
    assert "speed" not in first.tables["write_back"]["learned_key"].tolist()
    reasons = first.tables["unlearned"].set_index("learned_key")["unlearned_reason"]
    assert reasons[["switch_cost_pct", "cohort_speed", "ordinary_shape"]].tolist() == [
        "slowdown",
        "no_agent_day",
        "promo_day",
    ]


def write_orders(folder) -> None:
    """Write an export of sixty orders of the promo day, of which twenty are paid on the fifth day after it."""
    export = folder / "exports"
    export.mkdir()
    created = [dt.datetime.combine(DAY, dt.time(20, minute)) for minute in range(60)]
    paid = [each if number < 40 else each + dt.timedelta(days=5) for number, each in enumerate(created)]
    table = pd.DataFrame(
        {"订单编号": [f"20261031{number:06d}" for number in range(60)], "买家实际支付金额": 100.0,
         "订单创建时间": created, "订单付款时间": paid, "订单状态": "交易成功", "退款金额": 0.0}
    )  # fmt: skip
    table.to_csv(export / "orders.csv", index=False)


def spoil(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out most of a night, and let more be answered in a half hour than came."""
    table = table.copy()
    table.loc[3, "answered"] = table.loc[3, "contacts"] + 9
    return table.head(20)


@pytest.mark.slow
def test_bad_actuals_are_sentences_and_the_page_shows_the_rest(rehearsed, shop):
    """Half a night, more answered than came, another roster: a sentence each, and the figures are learned."""
    table = write_night(rehearsed, shop)
    spoil(table).to_csv(shop / "actuals.csv", index=False)
    write_review(
        shop,
        night=[{"figure": "conversion", "value": "41%"}],
        served=[{"agent_id": f"Q{number}", "queue": "presale", "start": OPENING, "end": LATE} for number in range(6)],
    )
    planned = after_night(rehearsed, shop)
    found = planned.retrospective
    stated = " ".join(message.text("en") for message in found.findings)
    for words in ("The actuals cover", "counts as unknown", "another roster", "the store does not have"):
        assert stated.count(words) == 1, words
    page = show_retrospective(planned, lang="zh").html
    assert label("table_compare_actuals", "zh") in page
    assert label("table_write_back", "zh") in page
    out = shop.parent / "next.xlsx"
    with sharing(after_night(rehearsed, shop), of=load_store(shop)):
        done, said = run("learn", shop, "--out", out, "--lang", "en")
    assert done.exit_code == 0
    assert "new workbook's History" not in said
    assert load_store(out).ratio("conversion").likely == pytest.approx(0.44)
    assert len(load_store(out).history) == len(load_store(shop).history)


@pytest.mark.parametrize("mistake", ["negative", "twice"])
def test_what_no_sheet_may_hold_stops_with_its_row_and_value(rehearsed, shop, mistake):
    """A count below 0, or the same half hour twice, is named with its place, and nothing is written."""
    table = write_night(rehearsed, shop)
    if mistake == "negative":
        table.loc[7, "contacts"] = -4.0
    else:
        table.loc[7, ["start", "queue"]] = table.loc[2, ["start", "queue"]]
    table.to_csv(shop / "actuals.csv", index=False)
    out = shop.parent / "next.xlsx"
    done, said = run("learn", shop, "--out", out, "--lang", "en")
    assert done.exit_code == 1
    assert "row 9" in said
    assert ("-4" if mistake == "negative" else "stands in row 4 already") in said
    assert not out.exists()


def test_another_promo_s_actuals_teach_nothing_and_are_named(rehearsed, shop):
    """Actuals of eleven days later are not compared, and without anything else there is nothing to learn."""
    table = write_night(rehearsed, shop)
    table.assign(start=table["start"] + pd.Timedelta("11D")).to_csv(shop / "actuals.csv", index=False)
    (shop / "review.xlsx").unlink()
    planned = after_night(rehearsed, shop)
    found = planned.retrospective
    assert sum("another promo" in message.text("en") for message in found.findings) == 1
    assert "compare_actuals" not in found.tables
    assert "另一场大促" in show_retrospective(planned, lang="zh").html
    with sharing(planned, of=load_store(shop)):
        done, said = run("learn", shop, "--out", shop.parent / "next.xlsx", "--lang", "en")
    assert done.exit_code == 2
    assert "nothing to learn from" in said


@pytest.mark.parametrize(
    ("words", "stated"),
    [
        (["--out", "missing/next.xlsx"], "missing"),
        (["--out", "next.xlsx", "--wave", "nonsense"], "nonsense"),
        (["--out", "next.xlsx", "--today", "zzz"], "zzz"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(shop, words, stated, monkeypatch):
    """A folder that is not there, an unknown wave, a day that is none: status 2 and the word that was wrong."""
    monkeypatch.chdir(shop.parent)
    done, said = run("learn", shop, *words, "--lang", "en")
    assert done.exit_code == 2
    assert stated in said
    assert "Traceback" not in done.output


def test_the_drill_is_set_beside_the_night(rehearsed, shop):
    """A drill in the folder of results beside the store is found; a log that cannot be read is named."""
    write_review(shop, incidents=[{"incident": "bot_down", "start": OPENING, "end": OPENING + dt.timedelta(hours=1)}])
    without = after_night(rehearsed, shop).inputs
    planned = state_plan(without, after_night(rehearsed, shop).night, aov_cny=150.0)
    assert record_night(without, planned, source=str(shop)).drilled is None
    grid = without.grid
    at = pd.Timestamp(OPENING, tz=grid.opens.tz)
    down = Incident(kind="bot_down", start=at + pd.Timedelta("10min"), end=at + pd.Timedelta("40min"))
    drill = Drill.open(
        planned.night,
        folder=shop / "drill" / "evening",
        seed=7,
        teams=2,
        starts=at,
        minutes=60,
        round_min=10,
        scenarios=(Scenario(name="bot_down", incidents=(down,), cards=("bot_down",)),),
    )
    drill.advance()
    drill.advance()
    drill.call_card(1, next(iter(drill.rules.roles)), "bot_down")
    drill.move(1, next(role for role in drill.rules.roles if drill.rules.may(role, "call_pool")), "call_pool", 6)
    for _ in range(4):
        drill.advance()
    (shop / "drill" / "broken").mkdir()
    (shop / "drill" / "broken" / LOG).write_text("nonsense")
    played = after_night(rehearsed, shop)
    found = played.retrospective
    lever = found.tables["drill_moves_borne_out"].iloc[0]
    promised = tabulate_moves(drill, drill.levers(1))["won_back_cny"].iloc[0]
    assert (lever["scenario"], lever["lever"], lever["size"], lever["drill_teams"]) == ("bot_down", "call_pool", 6, 1)
    assert lever["promised_cny"] == pytest.approx(promised)
    assert promised > 0
    assert lever["lever_saved_cny_low"] <= lever["lever_saved_cny"] <= lever["lever_saved_cny_high"]
    assert lever["cost_cny"] > 0
    assert label("table_drill_moves_borne_out", "zh") in show_retrospective(played, lang="zh").html
    row = found.tables["drill_borne_out"].iloc[0]
    assert (row["scenario"], row["drill_teams"], row["teams_in_time"], bool(row["happened"])) == (
        "bot_down",
        2,
        1,
        True,
    )
    stated = [message.key for message in found.findings]
    assert "retrospective.drill_met" in stated
    assert "retrospective.drill_unreadable" in stated
    assert label("table_drill_borne_out", "zh") in show_retrospective(played, lang="zh").html


@pytest.mark.parametrize(
    ("moved", "played", "notice", "compared"),
    [
        (dt.timedelta(days=11), {}, "drill_elsewhere", False),
        (dt.timedelta(0), {}, "drill_other_plan", True),
        (dt.timedelta(0), {"store": "lamps", "shop": "Lamps and more"}, "drill_other_store", False),
        (dt.timedelta(0), {"store": "renamed", "shop": "own"}, "drill_other_plan", True),
    ],
)
def test_a_drill_of_another_night_or_store_is_named(rehearsed, shop, moved, played, notice, compared):
    """A drill of another night or store is left out; of another plan of this one, the cards are compared alone."""
    played = {key: rehearsed.store.store.name if value == "own" else value for key, value in played.items()}
    write_review(shop, incidents=[{"incident": "bot_down", "start": OPENING, "end": OPENING + dt.timedelta(hours=1)}])
    at = pd.Timestamp(OPENING, tz="Asia/Shanghai") + moved
    down = Incident(kind="bot_down", start=at + pd.Timedelta("10min"), end=at + pd.Timedelta("40min"))
    happens = (Scheduled.of(Scenario(name="bot_down", incidents=(down,), cards=("bot_down",))),)
    folder = shop / "drill" / "evening"
    folder.mkdir(parents=True)
    log, how = DrillLog(folder / LOG), {"seed": 7, "teams": 2, "minutes": 60, "round_min": 10}
    log.append(OpeningLine(night="0" * 16, starts=at.isoformat(), scenarios=happens, **how, **played))
    log.append(Advanced(round=1))
    log.append(Advanced(round=2))
    written = (folder / LOG).read_bytes()
    record = gather_night(
        NightInputs(store=rehearsed.store, wave=rehearsed.wave), rehearsed.night, aov_cny=150.0, source=str(shop)
    )["record"]
    said = [message for message in record.notices if message.key == f"retrospective.{notice}"]
    assert len(said) == 1
    assert "evening" in said[0].text("zh")
    assert ("2026-11-11" in said[0].text("en")) is bool(moved)
    assert ("Lamps and more" in said[0].text("en")) is (notice == "drill_other_store")
    assert (record.drilled is not None, record.moves) == (compared, None)
    assert (folder / LOG).read_bytes() == written


def test_exports_of_the_night_give_what_nobody_wrote_down(rehearsed, shop):
    """Reports by agent and a list of chats teach ratios, cohort speed and the burst; what is typed goes first."""
    export = shop / "exports"
    export.mkdir()
    people = rehearsed.store.agents
    slow = np.array([person.agent_id > "A10" for person in people])
    response = np.where(slow, 120.0, 28.0)
    reports = [
        {"日期": day, "客服昵称": person.name, "接待人数": 80, "询单人数": 60, "最终付款人数": 24, "买家消息数": 480,
         "客服消息数": 480, "平均响应时长": seconds, "平均接待时长": 6 * (seconds + 35), "在线时长": "08:00:00"}
        for day, busy in ((DAY, 1.0), (DAY - dt.timedelta(days=3), 0.5))
        for person, seconds in zip(people, response * busy, strict=True)
    ]  # fmt: skip
    pd.DataFrame(reports).to_csv(export / "agents.csv", index=False)
    rng = np.random.default_rng(6)
    since = np.where(rng.random(600) < 0.5, rng.exponential(8, 600), rng.uniform(0, 30, 600)).clip(0, 29.9)
    begun = pd.Timestamp(OPENING) + pd.to_timedelta(np.sort(since) * 60, unit="s")
    chats = {
        "会话ID": range(600),
        "会话开始时间": begun.round("s"),
        "会话结束时间": begun.round("s") + pd.Timedelta("5min"),
    }
    pd.DataFrame(chats | {"接待客服": [people[number % 10].name for number in range(600)]}).to_csv(
        export / "chats.csv", index=False
    )
    write_review(shop, night=[{"figure": "conversion", "value": "43%"}])
    planned = after_night(rehearsed, shop)
    temps = planned.store.model_copy(
        update={
            "agents": tuple(
                person.model_copy(update={"cohort": "temp"}) if late else person
                for person, late in zip(people, slow, strict=True)
            )
        }
    )
    inputs = NightInputs(store=temps, wave=planned.wave)
    record = record_night(inputs, state_plan(inputs, planned.night, aov_cny=150.0), source=str(shop))
    rows = record.write_back.changes.set_index("key")
    assert rows.loc["conversion", "seen"] == 0.43
    assert rows.loc["inquiries_per_reception", "seen"] == pytest.approx(0.75)
    assert rows.loc["presale_replies", "seen"] == pytest.approx(6)
    assert rows.loc["presale_think_s", "seen"] == pytest.approx(35, rel=0.05)
    assert 10 < rows.loc["presale_reply_s", "seen"] < 40
    assert rows.loc["speed_temp", "seen"] < 0.9 < 1 < rows.loc["speed_own", "seen"]
    assert rows.loc["opening_burst", "seen"] > 2
    assert (record.actual.inquiry_share, record.actual.conversion) == pytest.approx((0.75, 0.43))
    assert [message.key for message in record.notices] == ["retrospective.from_exports"]
    speeds = {person.agent_id: person.speed for person in record.write_back.store.agents}
    assert speeds["A16"] < 1 < speeds["A01"]
