"""Make a sample of every export that the kit lists, with invented shops and people and every trap of the real ones.

Run ``python templates/make_exports.py`` from the top of the project. The same seed gives the same bytes.
"""

# ruff: noqa: E501  rows of a sample read best as rows
from __future__ import annotations

import argparse
import csv
import datetime as dt
import io
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from xlsxwriter import Workbook

from simlib.store.exports.formats import formats
from simlib.streams import stream

SEED = 2026
HERE = Path(__file__).resolve().parent
SHOP = "青禾示例店"
PEOPLE = ("小禾", "小麦", "小稻", "阿粟")
BUYERS = ("李梦示", "王乐例", "赵安样", "陈可示", "周宁例", "孙悦样")
MADE_ON = dt.datetime(2026, 1, 1)
DAY = dt.date(2026, 4, 20)


def seconds_as(style: str, seconds: float) -> Any:
    """Write a duration in one of the spellings of exports."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if style == "words":
        return (f"{hours}小时" if hours else "") + (f"{minutes}分" if hours or minutes else "") + f"{rest}秒"
    if style == "clock":
        return f"{hours:02d}:{minutes:02d}:{rest:02d}"
    if style == "excel":
        return dt.timedelta(seconds=whole)
    if style == "minutes":
        return round(seconds / 60, 1)
    return round(seconds, 1)


def share_as(style: str, share: float) -> Any:
    """Write a share in one of the spellings of exports."""
    if style == "percent":
        return f"{share:.2%}"
    return round(share * 100, 2) if style == "hundred" else round(share, 4)


class Draw:
    """The figures of one agent on one day, drawn once, written in many ways."""

    def __init__(self, name: str, day: dt.date) -> None:
        chance = stream(SEED, day.toordinal(), f"exports {name}")
        self.receptions = int(chance.integers(60, 120))
        self.asked = self.receptions + int(chance.integers(0, 9))
        self.inquiries = int(self.receptions * chance.uniform(0.68, 0.8))
        self.paid = int(self.inquiries * chance.uniform(0.38, 0.52))
        self.ordered = self.paid + int(chance.integers(0, 6))
        self.sales = round(float(self.paid * chance.uniform(95, 140)), 2)
        self.refunds = round(self.sales * float(chance.uniform(0.02, 0.12)), 2)
        self.first_s = round(float(chance.uniform(12, 40)), 1)
        self.mean_s = round(float(chance.uniform(20, 48)), 1)
        self.chat_s = round(float(chance.uniform(300, 700)))
        self.of_buyer = int(self.receptions * chance.uniform(5, 7))
        self.of_agent = int(self.of_buyer * chance.uniform(1.1, 1.3))
        self.characters = int(self.of_agent * 43.5)
        self.most = int(chance.integers(6, 14))
        self.unanswered = int(chance.integers(0, 4))
        self.in_time = round(float(chance.uniform(0.95, 0.999)), 4)
        self.content = round(float(chance.uniform(0.9, 0.99)), 4)
        self.online_s = int(chance.integers(7 * 3600, 9 * 3600))
        self.break_s = int(chance.integers(1200, 4200))


def totals(rows: Sequence[Sequence[Any]], label: str, added: Iterable[int]) -> list[Any]:
    """Add up columns of rows; the others get a dash, as exports print it."""
    wanted = set(added)
    row: list[Any] = [label]
    for at in range(1, len(rows[0])):
        row.append(round(sum(each[at] for each in rows), 2) if at in wanted else "-")
    return row


def write_book(path: Path, sheets: dict[str, list[list[Any]]], merged: dict[str, list[str]] | None = None) -> None:
    """Write a workbook of plain cells; durations become Excel's fractions of a day."""
    with Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"created": MADE_ON})
        span = book.add_format({"num_format": "[h]:mm:ss"})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for name, rows in sheets.items():
            page = book.add_worksheet(name)
            for number, cells in enumerate(rows):
                for at, cell in enumerate(cells):
                    if isinstance(cell, dt.timedelta):
                        page.write_number(number, at, cell.total_seconds() / 86_400, span)
                    elif isinstance(cell, dt.date):
                        page.write_datetime(number, at, cell, day)
                    elif isinstance(cell, int | float | np.number):
                        page.write_number(number, at, float(cell))
                    elif cell is not None:
                        page.write_string(number, at, str(cell))
            for where in (merged or {}).get(name, []):
                page.merge_range(where, sheets[name][0][0] if where.startswith("A1") else "")


def as_text(rows: Sequence[Sequence[Any]], mark: str = ",") -> str:
    """Write rows as text with a mark between the cells."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=mark, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def columns(key: str) -> list[str]:
    """Return the header of a listed format."""
    return list(formats()[key].columns)


def make_agent_reports(place: Path) -> None:
    """Write the reports with a row per agent."""
    draws = {name: Draw(name, DAY) for name in PEOPLE}
    nick = {name: f"{SHOP}:{name}" for name in PEOPLE}

    rows = [
        [f"{nick[n]}", n, d.asked, d.receptions, d.receptions - 3, 3, 1, d.of_buyer + d.of_agent, d.of_buyer, d.of_agent,
         round(d.of_agent / d.of_buyer, 2), d.characters, d.most, d.unanswered, share_as("percent", 1 - d.unanswered / d.asked),
         4, 2, d.first_s, d.mean_s, seconds_as("words", d.chat_s)]
        for n, d in draws.items()
    ]  # fmt: skip
    mean = ["均值", "-", *[round(sum(r[at] for r in rows) / 4, 2) if at < 10 else "-" for at in range(2, 20)]]
    book = [
        ["勿删_客服日报"],
        columns("chitu_report"),
        *rows,
        totals(rows, "汇总", [2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 15, 16]),
        mean,
    ]
    write_book(place / "客服绩效_勿删_客服日报_下单优先判定_2026-04-20至2026-04-20.xlsx", {"自定义报表": book})

    week = {n: [Draw(n, DAY + dt.timedelta(days=d)) for d in range(7)] for n in PEOPLE}
    rows = [
        [nick[n], sum(d.asked for d in ds), sum(d.receptions for d in ds), sum(d.inquiries for d in ds),
         round(sum(d.sales for d in ds), 2), sum(d.paid for d in ds) + 9, sum(d.paid for d in ds), sum(d.paid for d in ds) + 4]
        for n, ds in week.items()
    ]  # fmt: skip
    text = as_text([columns("chitu_persons"), *rows, totals(rows, "汇总", range(1, 8))], "\t")
    (place / "客服绩效_周人效_付款判定_2026-04-20至2026-04-26.txt").write_bytes(text.encode("utf-16"))

    rows = [
        [DAY + dt.timedelta(days=k), nick[n], d.receptions, d.mean_s, share_as("percent", 0.99), "延迟统计" if k else
         share_as("percent", d.paid / d.inquiries), 1, "62.5%", share_as("hundred", d.content), 30, 12, 1, 0, 1]
        for k in range(2) for n in PEOPLE for d in [Draw(n, DAY + dt.timedelta(days=k))]
    ]  # fmt: skip
    write_book(
        place / "客服绩效_满意度_2026-04-20至2026-04-21.xlsx", {"Sheet1": [columns("chitu_satisfaction"), *rows]}
    )

    full = [
        [str(DAY), SHOP, n, "早班", d.receptions, d.inquiries, round(d.inquiries / 7, 1), d.paid,
         share_as("percent", d.paid / d.inquiries), round(d.sales / d.paid, 2), 1.4, f"￥{d.sales:,.2f}", 0,
         share_as("percent", 0.995), seconds_as("words", d.mean_s), seconds_as("words", d.first_s),
         seconds_as("words", d.chat_s), 2, 199.0, "119%", d.unanswered, 3, d.ordered,
         share_as("percent", d.paid / d.ordered), "08:58", d.online_s, d.online_s - 600, d.break_s, "98%", "85%"]
        for n, d in draws.items()
    ]  # fmt: skip
    (place / "客服绩效明细.csv").write_text(as_text([columns("chitu_full"), *full]), encoding="utf-8-sig", newline="")

    rows = [
        [nick[n], d.asked, d.receptions, d.unanswered, d.receptions - 5, d.mean_s, share_as("hundred", d.in_time),
         share_as("fraction", 0.9987), d.first_s, 2, round(d.of_agent / d.of_buyer, 2), "售前组"]
        for n, d in draws.items()
    ]  # fmt: skip
    head = ["旺旺昵称", "咨询人数", "接待人数", "未回复人数", "有效接待人数", "平均响应时长（秒)", "3分钟人工\n响应率",
            "旺旺回复率", "首次响应时长（秒)", "慢响应人数", "答问比", "旺旺分组"]  # fmt: skip
    book = [head, *rows, totals(rows, "汇总值", [1, 2, 3, 4, 9]), ["平均值", *["-"] * 11]]
    write_book(place / "咨询接待分析_20260420.xlsx", {"说明": [["本表由平台生成"]], "数据信息": book})

    rows = [
        [nick[n], d.inquiries, d.paid, share_as("percent", d.paid / d.inquiries), d.first_s, d.mean_s,
         share_as("fraction", d.content), share_as("percent", 0.998), f"{d.sales:,.2f}", d.refunds]
        for n, d in draws.items()
    ]  # fmt: skip
    sums = [[r[0], r[1], r[2], 0, 0, 0, 0, 0, d.sales, d.refunds] for r, d in zip(rows, draws.values(), strict=True)]
    below = [totals(sums, "汇总值", [1, 2, 8, 9]), *[[label, *["-999"] * 9] for label in (
        "平均值", "全店汇总值", "全店平均值", "同行同层优秀", "同行同层均值")]]  # fmt: skip
    write_book(place / "客服绩效20260420.xlsx", {"数据信息": [columns("sycm_performance"), *rows, *below]})

    rows = [
        [nick[n], seconds_as("excel", d.mean_s), d.receptions, share_as("percent", d.in_time)] for n, d in draws.items()
    ]
    write_book(place / "客服接待_2026-04-20.xlsx", {"按客服查看": [columns("tmall_by_agent"), *rows]})

    head = columns("jd_receptions")
    rows = [
        [n, d.receptions, d.inquiries, d.ordered, d.sales, seconds_as("words", d.first_s), d.mean_s, share_as("percent", 0.93),
         share_as("percent", d.in_time), 37, 40]
        for n, d in draws.items()
    ]  # fmt: skip
    write_book(place / "京东pop2026-04-20.xlsx", {"整体数据": [head, *rows, totals(rows, "总计", [1, 2, 3, 4, 9, 10])]})

    rows = [
        [n, 1, d.receptions + 4, 1, d.receptions, 2, 30, 28, 1, share_as("hundred", 0.012), share_as("hundred", d.content),
         seconds_as("words", d.mean_s), seconds_as("words", d.first_s), share_as("percent", d.in_time), d.inquiries, d.ordered,
         d.paid, 3, d.sales, d.refunds, round(d.sales - d.refunds, 2), share_as("percent", d.paid / d.inquiries)]
        for n, d in draws.items()
    ]  # fmt: skip
    head = ["", *columns("douyin_performance")[1:]]
    sums = [
        totals(rows, "店铺汇总值", [2, 3, 4, 5, 6, 7, 8, 14, 15, 16, 17, 18, 19, 20]),
        ["店铺平均值", *["暂无数据"] * 21],
    ]
    write_book(place / "飞鸽_客服绩效_20260420.xlsx", {"Sheet1": [head, *rows, *sums]})

    rows = [
        [f"{DAY:%Y/%m/%d}", SHOP, n, f"1{k}@示例", d.receptions, d.receptions + 4, 0.3, share_as("percent", 0.011),
         share_as("percent", d.in_time - 0.01), share_as("percent", d.in_time), d.first_s, d.mean_s + 5, d.mean_s,
         share_as("percent", d.content), d.sales, d.inquiries, d.ordered, d.paid, share_as("percent", d.paid / d.inquiries), 0,
         round(d.online_s / 3600, 2), round(d.break_s / 3600, 2), 0.1]
        for k, (n, d) in enumerate(draws.items())
    ]  # fmt: skip
    text = as_text([columns("douyin_receptions"), *rows])
    (place / "抖音客服接待.csv").write_text(text, encoding="utf-8", newline="")

    d = draws["小禾"]
    rows = [[share_as("percent", d.in_time), share_as("percent", d.in_time - 0.01), "0.3%", d.asked, d.asked + 8, d.receptions,
             seconds_as("words", d.mean_s), "97%", "96%", "1%", "1%", "2%", d.inquiries, d.ordered, d.paid,
             share_as("percent", d.paid / d.inquiries), round(d.sales / d.paid, 2), d.sales]]  # fmt: skip
    write_book(place / "快手_客服考核_2026-04-20.xlsx", {"考核": [columns("kuaishou_assessment"), *rows]})

    rows = [
        [k, f"pdd{n}", 98, d.asked, d.inquiries, d.paid, share_as("percent", d.paid / d.inquiries), f"{d.sales / 10000:.6f}万",
         round(d.sales - d.refunds, 2), d.asked - 3, d.receptions, d.unanswered, share_as("percent", d.in_time),
         share_as("percent", 0.92), seconds_as("words", d.mean_s), 0, 1, 0]
        for k, (n, d) in enumerate(draws.items(), start=1)
    ]  # fmt: skip
    head = columns("pdd_performance")
    head[12], head[13] = "3分钟人工回复率(8-23点)", "30秒应答率（8-23点）"
    total = ["总计", "-", "-", *[sum(r[at] for r in rows) for at in (3, 4, 5)], "-", "-", "-",
             *[sum(r[at] for r in rows) for at in (9, 10, 11)], *["-"] * 6]  # fmt: skip
    book = [head, *rows, ["平均", *["-"] * 17], total]
    write_book(place / "拼多多客服绩效_2026-04-20.xlsx", {"Sheet1": book})

    text = as_text([columns("open_platform"), *[
        [nick[n], "20260420", d.asked, d.receptions, d.inquiries, d.paid, 900, d.receptions, 4000, d.of_agent, d.unanswered, 2, 1,
         d.chat_s * d.receptions, d.online_s, d.break_s, 1, "08:58", "18:02", d.of_buyer, d.of_agent, d.characters]
        for n, d in draws.items()]])  # fmt: skip
    (place / "open_platform_720.csv").write_text(text, encoding="utf-8", newline="")

    rows = [
        [str(DAY), str(DAY), "日", "天猫", "S01", SHOP, n, "售前", d.sales, d.inquiries, d.paid, d.receptions, round(d.mean_s * d.receptions),
         round(d.in_time * d.receptions), 28, 30, "a.xlsx", "2026-04-21", share_as("fraction", d.paid / d.inquiries), d.mean_s,
         share_as("fraction", d.in_time), share_as("fraction", 28 / 30), 60, "-"]
        for n, d in draws.items()
    ]  # fmt: skip
    book = [["团队总表"], ["更新于 2026-04-21"], [], columns("team_master"), *rows]
    write_book(place / "团队总表.xlsx", {"总表": book})


def make_store_reports(place: Path) -> None:
    """Write the reports with a row per day of the whole shop."""
    days = [DAY + dt.timedelta(days=k) for k in range(7)]
    sums = []
    for day in days:
        draws = [Draw(n, day) for n in PEOPLE]
        sums.append({name: sum(getattr(d, name) for d in draws) for name in vars(draws[0])})
    rows = [
        [str(day), s["inquiries"], s["inquiries"] - 4, s["paid"] - 9, round(s["sales"] * 0.9, 2),
         "延迟统计" if k == 6 else s["paid"], "延迟统计" if k == 6 else round(s["sales"], 2),
         share_as("percent", (s["paid"] - 9) / s["inquiries"]), "延迟统计" if k == 6 else share_as("percent", s["paid"] / s["inquiries"])]
        for k, (day, s) in enumerate(zip(days, sums, strict=True))
    ]  # fmt: skip
    write_book(place / "业绩询单_20260427093012.xlsx", {"Sheet1": [["业绩询单"], columns("sycm_inquiries"), *rows]})

    rows = [
        [f"{day:%Y年%m月%d日}", s["asked"], s["receptions"], s["unanswered"], s["receptions"] - 9, seconds_as("words", s["mean_s"] / 4),
         share_as("percent", s["in_time"] / 4), s["asked"] + 20, s["asked"] + 12, 8, share_as("percent", 0.98),
         seconds_as("words", s["first_s"] / 4), 5, 3, s["asked"] - 10, 10, s["of_buyer"] + s["of_agent"], s["of_buyer"],
         s["of_agent"], "118%", s["characters"], seconds_as("clock", s["chat_s"] / 4)]
        for day, s in zip(days, sums, strict=True)
    ]  # fmt: skip
    text = as_text([columns("sycm_receptions"), *rows])
    with zipfile.ZipFile(place / "咨询接待_按天.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo("咨询接待_按天.csv", MADE_ON.timetuple()[:6])
        archive.writestr(member, text.encode("gbk"))

    rows = [
        [day, s["sales"] * 1.6, s["paid"] * 2, s["paid"] + 30, 120.5, 1.4, 86.1]
        for day, s in zip(days, sums, strict=True)
    ]
    write_book(place / "客单价.xlsx", {"Sheet1": [columns("sycm_order_value"), *rows]})

    groups = ["", "", *[g if k == 0 else "" for g in ("总", "邀请", "自主") for k in range(9)]]
    names = [
        "日期",
        "接待人数",
        *["发出", "收到", "很满意", "满意", "一般", "不满", "很不满", "发送率", "返回率", "满意率", "服务度"][:9] * 3,
    ]
    names = ["日期", "接待人数", *["发出", "收到", "很满意", "满意", "一般", "不满", "很不满", "返回率", "满意率"] * 3]
    rows = [
        [day, s["receptions"], 100, 60, 40, 16, 2, 1, 1, "60%", "93.3%", 70, 40, 30, 8, 1, 1, 0, "57%", "95%", 30, 20, 10, 8, 1, 0,
         1, "67%", "90%"]
        for day, s in zip(days, sums, strict=True)
    ]  # fmt: skip
    write_book(place / "评价统计.xlsx", {"Sheet1": [groups, names, *rows]})

    rows = [
        [day, round(s["sales"], 2), s["paid"], 0.3312, 118.2, s["refunds"], round(s["sales"] - s["refunds"], 2), s["asked"], s["receptions"],
         round(s["paid"] / s["inquiries"], 4), round(s["mean_s"] / 4, 2), 0.9598, 0.9971, 10.2, "-", "-", 0.001]
        for day, s in zip(days, sums, strict=True)
    ]  # fmt: skip
    write_book(place / "客服经营总览.xlsx", {"Sheet1": [columns("sycm_overview"), *rows]})

    rows = [
        [str(day), 4, seconds_as("words", 4 * 8 * 3600), seconds_as("words", 15 * 3600 + 9), s["asked"] * 3, s["asked"], s["receptions"], "99.1%",
         "99.5%", "93.2%", "96%", "40%", 6.1, 3, round(s["chat_s"] / 240, 1), 11.2, 18.4, 9, 9, 9, "100%", "100%", "1%", "88%"]
        for day, s in zip(days, sums, strict=True)
    ]  # fmt: skip
    book = [["客服工作量"], ["统计范围：全店"], ["单位：见说明"], *rows]
    write_book(place / "京东客服工作量.xlsx", {"工作量": book})

    rows = [
        [str(day), "35.2%", "3%", "61%", "52.4%", "20%", "31%", "18%", 220 + k, 90, 12]
        for k, day in enumerate(days)
    ]  # fmt: skip
    rows.append(["top", *["-"] * 10])
    write_book(place / "店小蜜_按天.xlsx", {"Sheet1": [columns("bot_daily"), *rows]})

    shape = np.array([2, 1, 1, 1, 1, 1, 1, 2, 4, 8, 10, 10, 8, 9, 10, 10, 9, 7, 7, 9, 12, 13, 11, 7])
    rows = [
        [str(day), f"{h:02d}:00-{h + 1:02d}:00", int(shape[h] + k % 2), int(shape[h]), max(int(shape[h]) - 1, 0)]
        for k, day in enumerate(days) for h in range(24)
    ]  # fmt: skip
    text = as_text([["日期", "时段", "咨询人数", "接待人数", "及时回复数"], *rows])
    (place / "分时咨询.csv").write_text(text, encoding="utf-8-sig", newline="")


def make_orders(place: Path) -> None:
    """Write order exports: of each platform sixty orders on three days, some unpaid, some refunded."""
    chance = stream(SEED, 0, "exports orders")
    orders = []
    for number in range(60):
        made = dt.datetime(2026, 4, 20) + dt.timedelta(minutes=int(chance.integers(0, 3 * 1440)), seconds=number)
        cents = [int(chance.integers(1990, 19900)) for _ in range(1 + number % 2)]
        state = "unpaid" if number % 10 == 3 else "back" if number % 10 == 7 else "done"
        orders.append((number, made, [c / 100 for c in cents], state, BUYERS[number % len(BUYERS)]))
    phone = "13800001234"
    home = "示例省示例市示例路1号"

    rows = []
    for number, made, amounts, state, buyer in orders:
        total = round(sum(amounts), 2)
        paid = "" if state == "unpaid" else f"{made + dt.timedelta(minutes=3):%Y-%m-%d %H:%M:%S}"
        line = dict.fromkeys(columns("tmall_orders"), "")
        line |= {
            "订单编号": f'="26042000{number:04d}"', "买家会员名": buyer, "买家支付宝账号": phone, "买家应付货款": total, "总金额": total,
            "买家实际支付金额": 0 if state == "unpaid" else total, "收货人姓名": buyer, "收货地址": home, "联系手机": f"'{phone}",
            "订单状态": {"unpaid": "等待买家付款", "back": "交易关闭", "done": "交易成功"}[state], "订单创建时间": f"{made:%Y-%m-%d %H:%M:%S}",
            "订单付款时间": paid, "宝贝标题": "示例商品", "店铺名称": SHOP, "订单关闭原因": "退款" if state == "back" else "订单未关闭",
            "是否手机订单": "手机订单",
        }  # fmt: skip
        rows.append(list(line.values()))
    with zipfile.ZipFile(place / "ExportOrderList202604231030.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo("ExportOrderList202604231030.csv", MADE_ON.timetuple()[:6])
        archive.writestr(member, as_text([columns("tmall_orders"), *rows]).encode("gbk"))

    rows = []
    for number, made, amounts, state, _ in orders:
        for part, amount in enumerate(amounts):
            line = dict.fromkeys(columns("taobao_items"), "")
            line |= {
                "子订单编号": f"26042100{number:04d}{part}", "主订单编号": f"26042100{number:04d}", "标题": "示例商品", "价格": amount,
                "订单状态": "等待买家付款" if state == "unpaid" else "交易成功", "买家应付货款": amount,
                "买家实际支付金额": 0 if state == "unpaid" else amount, "退款状态": "退款成功" if state == "back" else "没有申请退款",
                "退款金额": amount if state == "back" else 0, "订单创建时间": f"{made:%Y-%m-%d %H:%M:%S}",
                "订单付款时间": "" if state == "unpaid" else f"{made + dt.timedelta(minutes=3):%Y-%m-%d %H:%M:%S}",
            }  # fmt: skip
            rows.append(list(line.values()))
    write_book(place / "宝贝报表_202604231030.xlsx", {"Sheet1": [columns("taobao_items"), *rows]})

    rows = []
    for number, made, amounts, state, buyer in orders:
        for part, amount in enumerate(amounts):
            line = dict.fromkeys(columns("douyin_orders"), "")
            line |= {
                "主订单编号": f"\t69{number:014d}A", "子订单编号": f"\t69{number:014d}{part}", "选购商品": "示例商品", "订单应付金额": amount,
                "收件人": buyer, "收件人手机号": phone, "详细地址": home, "订单提交时间": f"{made:%Y/%m/%d %H:%M:%S}",
                "订单状态": "待支付" if state == "unpaid" else "已完成", "售后状态": "退款成功" if state == "back" else "-",
            }  # fmt: skip
            rows.append(list(line.values()))
    text = as_text([columns("douyin_orders"), *rows])
    (place / "抖店订单_1776912000.csv").write_text(text, encoding="utf-8-sig", newline="")

    rows = []
    for number, made, amounts, state, _ in orders:
        total = round(sum(amounts), 2)
        line = dict.fromkeys(columns("pdd_orders"), "")
        line |= {
            "商品": "示例商品;示例赠品", "订单号": f"260420-{number:015d}", "订单状态": "待付款" if state == "unpaid" else "已发货，待签收",
            "商品数量(件)": len(amounts), "支付时间": "" if state == "unpaid" else f"{made + dt.timedelta(minutes=3):%Y-%m-%d %H:%M:%S}\t",
            "售后状态": "退款成功" if state == "back" else "无售后或售后取消", "订单成交时间": f"{made:%Y-%m-%d %H:%M:%S}",
            "商品总价(元)": total + 5, "用户实付金额(元)": total, "商家实收金额(元)": total + 2, "是否直播间成交": "否",
        }  # fmt: skip
        rows.append(list(line.values()))
    (place / "拼多多订单导出.csv").write_text(as_text([columns("pdd_orders"), *rows]), encoding="utf-8", newline="")

    rows = []
    for number, made, amounts, state, buyer in orders:
        total = round(sum(amounts), 2)
        for amount in amounts:
            line = dict.fromkeys(columns("jd_orders"), "")
            line |= {
                "订单号": f"3{number:011d}", "商品ID": 100, "商品名称": "示例商品", "订购数量": 1, "下单时间": f"{made:%Y-%m-%d %H:%M:%S}", "京东价": amount,
                "订单金额": total, "结算金额": total, "余额支付": 0, "应付金额": total,
                "订单状态": {"unpaid": "等待付款", "back": "已退款", "done": "完成"}[state], "下单帐号": buyer, "客户姓名": buyer,
                "客户地址": home, "联系电话": phone,
                "付款确认时间": "" if state == "unpaid" else f"{made + dt.timedelta(minutes=3):%Y-%m-%d %H:%M:%S}", "订单渠道": "APP",
            }  # fmt: skip
            rows.append(list(line.values()))
    write_book(place / "京东订单.xlsx", {"订单": [columns("jd_orders"), *rows]})


def make_chats(place: Path) -> None:
    """Write chat records: one row per chat, one per message, and a chat copied as text."""
    chance = stream(SEED, 0, "exports chats")
    rows = []
    for number in range(40):
        ended = dt.datetime(2026, 4, 20, 9) + dt.timedelta(minutes=int(chance.integers(0, 1000)))
        answered = number % 8 != 5
        rows.append(
            [f"C{number:05d}", f"{ended:%Y-%m-%d %H:%M:%S}", PEOPLE[number % 4], BUYERS[number % 6],
             seconds_as("clock", chance.uniform(5, 60)) if answered else "--", seconds_as("clock", chance.uniform(10, 60)) if answered else "--",
             seconds_as("clock", chance.uniform(100, 900)), "是" if answered else "否", "否",
             ("很满意", "", "一般", "")[number % 4]]
        )  # fmt: skip
    write_book(place / "会话明细_20260420.xlsx", {"会话": [columns("desk_chats"), *rows]})

    sheets: dict[str, list[list[Any]]] = {"汇总": [["客户名", "消息条数"], *[[b, 6] for b in BUYERS[:2]]]}
    for k, buyer in enumerate(BUYERS[:2]):
        at = dt.datetime(2026, 4, 20, 23, 57) if k == 0 else dt.datetime(2026, 4, 20, 10, 0)
        lines = []
        for number in range(6):
            of_buyer = number % 2 == 0
            text = "请到客户端查看原始记录" if number == 4 else "在吗" if of_buyer else "亲，在的，请问有什么可以帮您"
            lines.append(
                [
                    buyer,
                    number + 1,
                    f"{at:%H:%M:%S}",
                    text,
                    buyer if of_buyer else f"{SHOP}:小禾",
                    "买家" if of_buyer else "客服",
                ]
            )
            at += dt.timedelta(seconds=70)
        sheets[buyer] = [columns("qianniu_chats"), *lines]
    write_book(place / "聊天记录_2026-04-20.xlsx", sheets)

    lines = [
        f"[{BUYERS[0]}] 2026-04-20 23:59:30", "这个有货吗", f"[{SHOP}:小麦] 2026-04-21 00:00:10", "有的亲", "今天拍明天发",
        f"[{BUYERS[0]}] 2026-04-21 00:01:00", "好",
    ]  # fmt: skip
    (place / "聊天摘录.txt").write_text("\n".join(lines), encoding="utf-8")


def make_plans(place: Path) -> None:
    """Write a roster as a matrix, one as a list, and a book of targets."""
    codes = ("A", "B", "休", "C", "假", "", "D")
    rows = [["姓名", *range(1, 31)], ["", *["一二三四五六日"[(d + 2) % 7] for d in range(30)]]]
    rows += [[name, *[codes[(d + 2 * k) % 7] for d in range(30)]] for k, name in enumerate(PEOPLE)]
    write_book(place / "排班表2026年4月.xlsx", {"排班": [[f"{SHOP}排班"], *rows]})
    rows = [["姓名", "日期", "班次"], *[[n, f"4月{d}日", codes[d % 7]] for n in PEOPLE for d in (20, 21, 22)]]
    (place / "班次明细2026.csv").write_text(as_text(rows), encoding="utf-8-sig", newline="")
    head = ["渠道", "店铺", *[f"{m}月" for m in range(1, 13)]]
    rows = [
        ["天猫", SHOP, *[f"{100 + m}万" for m in range(12)]],
        ["京东", "青禾示例京东店", *[500_000 + 1000 * m for m in range(12)]],
    ]
    total = ["合计", "", *["-"] * 12]
    write_book(place / "2026年目标.xlsx", {"目标金额": [head, *rows, total]})


def make_all(place: Path) -> None:
    """Write every sample into a folder."""
    place.mkdir(parents=True, exist_ok=True)
    make_agent_reports(place)
    make_store_reports(place)
    make_orders(place)
    make_chats(place)
    make_plans(place)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "exports")
    make_all(parser.parse_args().out)
