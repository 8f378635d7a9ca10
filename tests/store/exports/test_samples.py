"""Every listed export, as its sample writes it, gives the rows that a person writes down by hand."""

import importlib.util

import numpy as np
import pandas as pd
import pytest

from simlib.messages import HOUSE
from simlib.store.exports import CANONICAL, read_exports
from simlib.store.exports.formats import formats

SAMPLES = HOUSE / "templates" / "exports"
DAY = pd.Timestamp(2026, 4, 20)
BUYERS = ("李梦示", "王乐例", "赵安样", "陈可示", "周宁例", "孙悦样")

# file, table, format, number of rows, figures of the first row, and whether it adds up to its own summary
EXPECTED = [
    (
        "客服绩效_勿删_客服日报_下单优先判定_2026-04-20至2026-04-20.xlsx",
        *("agent_day", "chitu_report", 4, True),
        {
            "day": DAY,
            "agent": "小禾",
            "account": "青禾示例店:小禾",
            "receptions": 70,
            "messages_buyer": 384,
            "messages_agent": 440,
            "characters": 19140,
            "most_chats": 8,
            "unanswered": 2,
            "first_response_s": 22.3,
            "mean_response_s": 24,
            "chat_s": 371,
            "sales_rule": "by_order_first",
            "reply_rate": 0.973,
        },
    ),
    (
        "客服绩效_周人效_付款判定_2026-04-20至2026-04-26.txt",
        *("agent_day", "chitu_persons", 4, True),
        {
            "day": pd.NaT,
            "first_day": DAY,
            "last_day": DAY + pd.Timedelta(days=6),
            "sales_rule": "by_payment",
            "source_row": 2,
        },
    ),
    (
        "客服绩效_满意度_2026-04-20至2026-04-21.xlsx",
        *("agent_day", "chitu_satisfaction", 8, None),
        {
            "receptions": 70,
            "mean_response_s": 24,
            "conversion": 0.4694,
            "invite_rate": 0.625,
            "satisfied_share": 0.9117,
            "ratings_best": 30,
            "ratings_worst": 1,
        },
    ),
    (
        "客服绩效明细.csv",
        *("agent_day", "chitu_full", 4, None),
        {
            "agent": "小禾",
            "shop": "青禾示例店",
            "inquiries": 49,
            "buyers_paid": 23,
            "buyers_ordered": 27,
            "sales_cny": 3122.96,
            "first_response_s": 22,
            "mean_response_s": 24,
            "chat_s": 371,
            "answer_ratio": 1.19,
            "online_s": 27078,
            "break_s": 2766,
            "conversion_order_paid": 0.8519,
        },
    ),
    (
        "咨询接待分析_20260420.xlsx",
        *("agent_day", "sycm_reception_analysis", 4, True),
        {
            "receptions": 70,
            "consultations": 74,
            "unanswered": 2,
            "mean_response_s": 24,
            "rate_3min": 0.9558,
            "reply_rate": 0.9987,
            "first_response_s": 22.3,
        },
    ),
    (
        "客服绩效20260420.xlsx",
        *("agent_day", "sycm_performance", 4, True),
        {
            "inquiries": 49,
            "buyers_paid": 23,
            "conversion": 0.4694,
            "satisfied_share": 0.9117,
            "sales_cny": 3122.96,
            "refunded_cny": 128.4,
            "receptions": np.nan,
        },
    ),
    (
        "客服接待_2026-04-20.xlsx",
        *("agent_day", "tmall_by_agent", 4, None),
        {"agent": "青禾示例店:小禾", "receptions": 70, "mean_response_s": 24, "rate_3min": 0.9558},
    ),
    (
        "open_platform_720.csv",
        *("agent_day", "open_platform", 4, None),
        {
            "day": DAY,
            "receptions": 70,
            "inquiries": 49,
            "chat_s": 371,
            "messages_buyer": 384,
            "characters": 19140,
            "service_s": 27078,
            "break_s": 2766,
        },
    ),
    (
        "团队总表.xlsx",
        *("agent_day", "team_master", 4, None),
        {"day": DAY, "agent": "小禾", "sales_cny": 3122.96, "receptions": 70, "mean_response_s": 24, "source_row": 5},
    ),
    (
        "京东pop2026-04-20.xlsx",
        *("agent_day", "jd_receptions", 4, True),
        {
            "receptions": 70,
            "presale_receptions": 49,
            "buyers_ordered": 27,
            "buyers_paid": np.nan,
            "first_response_s": 22,
            "mean_response_s": 24,
            "rate_30s": 0.93,
            "rate_3min": 0.9558,
            "satisfied_share": 37 / 40,
        },
    ),
    (
        "飞鸽_客服绩效_20260420.xlsx",
        *("agent_day", "douyin_performance", 4, True),
        {
            "agent": "小禾",
            "receptions": 70,
            "sessions": 74,
            "dissatisfied_share": 0.012,
            "satisfied_share": 0.9117,
            "sales_cny": 3122.96,
            "net_sales_cny": 2994.56,
            "buyers_paid": 23,
        },
    ),
    (
        "抖音客服接待.csv",
        *("agent_day", "douyin_receptions", 4, None),
        {
            "day": DAY,
            "agent": "小禾",
            "rate_3min": 0.9558,
            "rate_3min_sessions": 0.9458,
            "mean_response_s": 29,
            "mean_response_new_s": 24,
            "online_s": 27072,
            "break_s": 2772,
            "sales_cny": 3122.96,
        },
    ),
    (
        "快手_客服考核_2026-04-20.xlsx",
        *("store_day", "kuaishou_assessment", 1, None),
        {
            "day": DAY,
            "consultations": 74,
            "receptions": 70,
            "rate_3min": 0.9558,
            "satisfied_share": 0.97,
            "dissatisfied_share": 0.02,
            "bad_share": 0.01,
        },
    ),
    (
        "拼多多客服绩效_2026-04-20.xlsx",
        *("agent_day", "pdd_performance", 4, True),
        {
            "agent": "pdd小禾",
            "receptions": 70,
            "inquiries": 49,
            "buyers_paid": 23,
            "sales_cny": 3122.96,
            "net_sales_cny": 2994.56,
            "unanswered": np.nan,
            "unanswered_3min": 2,
            "rate_3min": 0.9558,
        },
    ),
    (
        "业绩询单_20260427093012.xlsx",
        *("store_day", "sycm_inquiries", 7, None),
        {
            "day": DAY,
            "inquiries": 249,
            "buyers_paid": 110,
            "sales_cny": 12146.65,
            "conversion": 0.4418,
            "conversion_same_day": 0.4056,
            "buyers_paid_same_day": 101,
            "provisional": True,
        },
    ),
    (
        "咨询接待_按天.zip",
        *("store_day", "sycm_receptions", 7, None),
        {
            "receptions": 342,
            "consultations": 357,
            "mean_response_s": 31,
            "first_response_s": 27,
            "chat_s": 490,
            "messages_buyer": 1809,
            "answer_ratio": 1.18,
            "unanswered": 7,
            "unanswered_times": 8,
        },
    ),
    (
        "客单价.xlsx",
        *("store_day", "sycm_order_value", 7, None),
        {"sales_cny": 19434.64, "buyers_sold": 140, "buyers_paid": np.nan, "mean_order_cny": 120.5},
    ),
    (
        "评价统计.xlsx",
        *("store_day", "sycm_ratings", 7, None),
        {
            "receptions": 342,
            "ratings": 60,
            "satisfied_share": 0.933,
            "satisfied_invited": 0.95,
            "satisfied_own": 0.9,
            "ratings_fair": 2,
        },
    ),
    (
        "客服经营总览.xlsx",
        *("store_day", "sycm_overview", 7, None),
        {"sales_cny": 12146.65, "cs_share": 0.3312, "receptions": 342, "satisfied_share": 0.9598, "conversion": 0.4418},
    ),
    (
        "京东客服工作量.xlsx",
        *("store_day", "jd_workload", 7, None),
        {
            "agents_on_duty": 4,
            "online_s": 115200,
            "service_s": 54009,
            "receptions": 342,
            "chat_s": 492,
            "rate_30s": 0.932,
        },
    ),
    (
        "店小蜜_按天.xlsx",
        *("store_day", "bot_daily", 7, None),
        {"bot_share": 0.524, "bot_meets_share": 0.61, "transfer_rate": 0.352, "bot_receptions": 220},
    ),
    (
        "分时咨询.csv",
        *("store_interval", "own_report", 168, None),
        {"start": DAY, "queue": "presale", "contacts": 2, "answered": 2, "in_time": 1},
    ),
    (
        "ExportOrderList202604231030.zip",
        *("orders", "tmall_orders", 60, None),
        {
            "order": "260420000000",
            "created": pd.Timestamp(2026, 4, 21, 22, 10),
            "paid": pd.Timestamp(2026, 4, 21, 22, 13),
            "amount_cny": 192.4,
            "refunded_cny": 0,
            "status": "交易成功",
        },
    ),
    (
        "宝贝报表_202604231030.xlsx",
        *("orders", "taobao_items", 60, None),
        {"order": "260421000000", "amount_cny": 192.4, "lines": 1},
    ),
    (
        "抖店订单_1776912000.csv",
        *("orders", "douyin_orders", 60, None),
        {"order": "6900000000000000A", "amount_cny": 192.4, "paid": pd.NaT, "is_paid": True, "status": "已完成"},
    ),
    (
        "拼多多订单导出.csv",
        *("orders", "pdd_orders", 60, None),
        {"order": "260420-000000000000000", "amount_cny": 192.4, "channel": "否", "refunded_cny": 0},
    ),
    (
        "京东订单.xlsx",
        *("orders", "jd_orders", 60, None),
        {"order": "300000000000", "amount_cny": 192.4, "channel": "APP", "status": "完成"},
    ),
    (
        "会话明细_20260420.xlsx",
        *("chat", "desk_chats", 40, None),
        {
            "chat": "C00000",
            "day": DAY,
            "agent": "小禾",
            "begun": pd.Timestamp(2026, 4, 20, 17, 56, 43),
            "ended": pd.Timestamp(2026, 4, 20, 18, 5),
            "first_response_s": 34,
            "mean_response_s": 35,
            "chat_s": 497,
            "satisfied": 1,
        },
    ),
    (
        "聊天记录_2026-04-20.xlsx",
        *("message", "qianniu_chats", 12, None),
        {"sent": pd.Timestamp(2026, 4, 20, 23, 57), "side": "buyer", "characters": 2},
    ),
    (
        "聊天摘录.txt",
        *("message", "qianniu_text", 3, None),
        {"sent": pd.Timestamp(2026, 4, 20, 23, 59, 30), "side": "buyer", "characters": 5},
    ),
    (
        "排班表2026年4月.xlsx",
        *("roster", "roster_matrix", 120, None),
        {"day": pd.Timestamp(2026, 4, 1), "agent": "小禾", "shift": "A"},
    ),
    ("班次明细2026.csv", *("roster", "roster_list", 12, None), {"day": DAY, "agent": "小禾", "shift": "D"}),
    (
        "2026年目标.xlsx",
        *("target", "target_book", 24, None),
        {"month": pd.Timestamp(2026, 1, 1), "shop": "青禾示例店", "channel": "天猫", "target_cny": 1_000_000},
    ),
]


@pytest.fixture(scope="module")
def samples():
    """Every sample, read by itself."""
    return {path.name: read_exports(path) for path in sorted(SAMPLES.iterdir())}


def same(found, wanted):
    if wanted is pd.NaT or (isinstance(wanted, float) and np.isnan(wanted)):
        return pd.isna(found)
    if isinstance(wanted, float | int) and not isinstance(wanted, bool):
        return found == pytest.approx(wanted, abs=1e-9)
    return found == wanted


@pytest.mark.parametrize(("file", "table", "form", "rows", "reconciled", "first"), EXPECTED, ids=lambda v: str(v)[:24])
def test_a_sample_gives_the_rows_written_by_hand(samples, file, table, form, rows, reconciled, first):
    """Table, format, number of rows, the first row and the reconciliation are what a person reads off the sample."""
    found = samples[file]
    frame = found.tables[table]
    assert len(frame) == rows
    assert tuple(frame.columns[: len(CANONICAL[table])]) == CANONICAL[table]
    assert form in set(found.understood["format"])
    wrong = {key: (frame[key].iloc[0], value) for key, value in first.items() if not same(frame[key].iloc[0], value)}
    assert wrong == {}
    assert found.understood["reconciled"].dropna().tolist() == ([] if reconciled is None else [reconciled])


def test_every_listed_format_has_a_sample():
    """No format stands in the table of formats without a sample that is read by it."""
    assert set(formats()) <= {form for _, _, form, *_ in EXPECTED}
    assert {path.name for path in SAMPLES.iterdir()} == {file for file, *_ in EXPECTED}


def test_no_buyer_is_in_any_table_sentence_or_question(samples):
    """Names, phones and addresses of buyers are nowhere in what a reading gives."""
    for found in samples.values():
        shown = [frame.to_csv() for frame in (*found.tables.values(), *found.originals.values(), found.summaries)]
        text = "".join([*shown, found.understood.to_csv(), found.text("zh"), found.text("en"), repr(found.questions)])
        assert not [word for word in (*BUYERS, "13800001234", "示例路") if word in text]


def test_orders_of_several_lines_are_counted_once(samples):
    """Sixty orders on ninety lines are sixty, and every platform's dress of them has the same sums."""
    sums = {}
    for file in ("宝贝报表_202604231030.xlsx", "抖店订单_1776912000.csv", "拼多多订单导出.csv", "京东订单.xlsx"):
        orders = samples[file].tables["orders"]
        done = orders[orders["is_paid"].astype(bool)]
        sums[file] = (len(orders), len(done), round(done["amount_cny"].sum(), 2), round(done["refunded_cny"].sum(), 2))
    tmall = samples["ExportOrderList202604231030.zip"].tables["orders"]
    done = tmall[tmall["is_paid"].astype(bool)]
    wanted = (60, 54, round(done["amount_cny"].sum(), 2), round(done["refunded_cny"].sum(), 2))
    assert wanted[0] == len(tmall)
    assert wanted[3] > 0
    assert set(sums.values()) == {wanted}


def test_a_night_chat_runs_over_midnight(samples):
    """Times without a date that fall back have passed midnight; the file names the day on which it began."""
    sent = samples["聊天记录_2026-04-20.xlsx"].tables["message"]["sent"]
    night = sent.iloc[:6]
    assert night.is_monotonic_increasing
    assert night.iloc[-1] == pd.Timestamp(2026, 4, 21, 0, 2, 50)
    placeholder = samples["聊天记录_2026-04-20.xlsx"].tables["message"]["characters"].iloc[4]
    assert np.isnan(placeholder)


def test_not_counted_yet_is_missing_and_never_zero(samples):
    """A word in place of a figure leaves the figure missing, and the sentence says so."""
    frame = samples["业绩询单_20260427093012.xlsx"].tables["store_day"]
    assert frame["buyers_paid"].isna().tolist() == [False] * 6 + [True]
    assert frame["conversion"].isna().tolist() == [False] * 6 + [True]
    assert "延迟" in "".join(frame.columns) or "还没有统计" in samples["业绩询单_20260427093012.xlsx"].text("zh")


def test_a_roster_says_who_rests(samples):
    """Rest, leave and blank cells of a matrix are distinguished."""
    roster = samples["排班表2026年4月.xlsx"].tables["roster"]
    own = roster[roster["agent"] == "小禾"]["shift"].tolist()
    assert own[:7] == ["A", "B", "rest", "C", "leave", "rest", "D"]


def test_samples_are_made_by_their_script(tmp_path):
    """The script gives the samples byte for byte."""
    spec = importlib.util.spec_from_file_location("make_exports", HOUSE / "templates" / "make_exports.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.make_all(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {name for name, data in made.items() if data != (SAMPLES / name).read_bytes()} == set()
    assert len(made) == len(EXPECTED)


def test_the_names_that_other_chapters_rely_on():
    """Tables and columns of an empty reading are those of the house's drawing."""
    empty = read_exports([])
    assert set(empty.tables) == {
        *("orders", "agent_day", "store_day", "store_interval", "chat", "message", "target", "roster"),
    }
    assert empty.understood.columns[:8].tolist() == [
        *("file", "sheet", "format", "rows", "first_day", "last_day", "reconciled", "note"),
    ]
    assert empty.questions == ()
