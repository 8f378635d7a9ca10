"""A fit of the floor goes from daily exports into the workbook, and the night runs on it."""

import datetime as dt
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from simlib import plan
from simlib.cli import app
from simlib.messages import HOUSE
from simlib.report import pages
from simlib.runs import fit_store
from simlib.simulator.calibrate import fit_patience, read_waits, simulate_figures
from simlib.simulator.draw import slowdown_from_ratio
from simlib.store import import_exports, load_store, save_store
from simlib.streams import stream
from tests.simulator.test_calibrate import FIELD, TRUTH

SMALL = HOUSE / "templates" / "stores" / "bodycare"
DAYS, AGENTS, DRAWS = 8, 3, 60


@pytest.fixture
def shop(tmp_path):
    """The small example store, where it may be changed."""
    save_store(load_store(SMALL), tmp_path / "shop.xlsx")
    return tmp_path / "shop.xlsx"


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Daily reports of three agents of a simulated floor whose truth is known."""
    folder = tmp_path_factory.mktemp("reports")
    people = load_store(SMALL).agents
    blank = replace(FIELD, agents=1, receptions=75.0, online_s=8 * 3600.0)
    for day in range(DAYS):
        date = dt.date(2026, 4, 1) + dt.timedelta(days=day)
        rows = [
            "旺旺昵称,接待人数,买家消息数,客服消息数,首次响应(秒),平均响应(秒),平均接待时长,未回复人数,最大同时聊天数"
        ]
        for who in range(AGENTS):
            seen = simulate_figures(blank, TRUTH, days=1, seed=31, replication=10 * day + who)
            count = round(seen["receptions"])
            messages = round(count * seen["turns"])
            times = [f"{seen[name]:.1f}" for name in ("first_response_s", "mean_response_s", "chat_s")]
            lost, most = round(count * seen["unanswered_share"]), round(seen["most_chats"])
            rows.append(f"店:{people[who].name},{count},{messages},{messages + 9},{','.join(times)},{lost},{most}")
        (folder / f"客服绩效_{date:%Y%m%d}.csv").write_text("\n".join(rows), encoding="utf-8")
    return sorted(folder.glob("客服绩效*.csv"))


@pytest.fixture(scope="module")
def fitted_shop(reports, tmp_path_factory):
    """A store whose floor was fitted on the first of May, saved; not to be changed."""
    path = tmp_path_factory.mktemp("fitted") / "shop.xlsx"
    save_store(load_store(SMALL), path)
    how = {"lang": "en", "today": dt.date(2026, 5, 1), "draws": DRAWS}
    fit_store(import_exports(reports, path, lang="en"), **how).imported.save()
    return path


def test_the_night_runs_on_what_was_fitted(fitted_shop):
    """Fitted ratios are near the truth, bear day and files, and are what the plan's floor is made of."""
    store = load_store(fitted_shop)
    ratio = {row.key: row for row in store.ratios if row.source == "fitted"}
    assert {"presale_replies", "presale_reply_s", "presale_think_s"} <= set(ratio)
    assert ratio["presale_reply_s"].likely == pytest.approx(TRUTH["reply_s"], rel=0.15)
    assert ratio["presale_think_s"].likely == pytest.approx(TRUTH["think_s"], rel=0.1)
    for row in ratio.values():
        assert row.low < row.likely < row.high
        assert "2026-05-01" in row.note
        assert "客服绩效_20260401.csv" in row.note
    night = plan(store)
    service = night.inputs.services["presale"]
    assert (service.replies_mean, service.reply_s, service.think_s) == tuple(
        ratio[key].likely for key in ("presale_replies", "presale_reply_s", "presale_think_s")
    )
    shown = pages.show_floor_ratios(night, lang="en").html
    assert "Fitted to the store" in shown
    assert "rests on" in shown
    row = night.inputs.tables["floor_ratios"].set_index("ratio").loc["presale_reply_s"]
    assert (row["likely"], row["source"]) == (ratio["presale_reply_s"].likely, "fitted")
    assert row["default_likely"] == load_store(SMALL).model_copy(update={"ratios": ()}).ratio("presale_reply_s").likely


def test_a_fit_again_changes_nothing_and_a_plain_import_leaves_it(fitted_shop, reports):
    """The same files give the same fit; rough sums do not replace it and the import says so."""
    data = fitted_shop.read_bytes()
    how = {"lang": "en", "today": dt.date(2026, 5, 2), "draws": DRAWS}
    assert fit_store(import_exports(reports, fitted_shop, lang="en"), **how).imported.changes.empty
    plain = import_exports(reports, fitted_shop, lang="en")
    assert plain.changes.empty
    assert "--fit" in " ".join(message.text("en") for message in plain.against)
    plain.save()
    assert fitted_shop.read_bytes() == data


def test_a_fitted_slow_down_slows_the_floor(shop):
    """The night's policy is made of the ratio, wherever it came from."""
    store = load_store(shop)
    ratio = store.ratio("switch_cost_pct").model_copy(update={"likely": 5.0, "source": "fitted"})
    changed = store.model_copy(update={"ratios": (*store.ratios, ratio)})
    inputs = plan(changed).inputs
    assert inputs.policy.slowdown == slowdown_from_ratio(5.0, capacity_max=inputs.most_chats)


def test_reports_that_cannot_be_fitted_say_what_is_missing(shop, tmp_path):
    """Without messages and lengths nothing is fitted, and the sentence names what to export."""
    path = tmp_path / "客服绩效_20260420.csv"
    path.write_text("旺旺昵称,接待人数,平均响应(秒)\n店:甲,30,20\n", encoding="utf-8")
    fitted = fit_store(import_exports(path, shop, lang="en"), lang="en", draws=DRAWS)
    assert fitted.floor is None
    assert fitted.tables == {}
    assert "length of a chat" in fitted.notes[0].text("en")
    assert not [ratio for ratio in fitted.imported.store.ratios if ratio.source == "fitted"]


def test_patience_from_a_chat_record():
    """A record shows who wrote again and who did not: patience and the share content with one reply come back."""
    chance = stream(3, 0, "patience record")
    n, reply_s = 5000, 12.0
    waits, patience = chance.exponential(90, n), chance.exponential(150, n)
    again = (patience > waits) & (chance.random(n) < 0.8)
    begun = pd.Timestamp("2026-04-20 09:00")
    first = pd.DataFrame({"chat": np.arange(n), "sent": begun, "side": "buyer"})
    replies = first.assign(sent=begun + pd.to_timedelta(waits + reply_s, unit="s"), side="agent")
    bot = first.assign(sent=begun + pd.Timedelta(seconds=1), side="bot")
    last = replies[again].assign(side="buyer", sent=replies["sent"][again] + pd.Timedelta(seconds=20))
    unanswered = pd.DataFrame({"chat": ["x"], "sent": [begun], "side": ["buyer"]})
    waited, outcome = read_waits(pd.concat([bot, first, replies, last, unanswered]), reply_s=reply_s)
    assert len(waited) == n
    assert (outcome == "talked").sum() == again.sum()
    fit = fit_patience(waited, outcome)
    assert fit.patience_s == pytest.approx(150, rel=0.1)
    assert fit.one_turn_share == pytest.approx(0.2, abs=0.04)


def test_the_command_fits_and_writes(shop, reports, tmp_path, monkeypatch):
    """``import --fit`` prints both tables and what cannot be distinguished, and writes fitted ratios."""
    monkeypatch.setattr("simlib.runs.fit_store", partial(fit_store, draws=DRAWS // 3))
    files = [str(path) for path in reports]
    done = CliRunner().invoke(
        app, ["import", *files, "--store", str(shop), "--out", str(tmp_path / "out"), "--lang", "en", "--fit"]
    )
    assert done.exit_code == 0, done.output
    assert "chats open on average" in done.output
    assert "How well the fit matches" in done.output
    assert any(ratio.source == "fitted" for ratio in load_store(shop).ratios)
