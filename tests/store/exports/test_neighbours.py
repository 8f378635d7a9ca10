"""Neighbours of the listed formats: another year's spelling, another order, a column more, a report of one's own."""

import pandas as pd
import pytest

from simlib.store.exports import read_exports

DAY = pd.Timestamp(2026, 4, 20)

# file name, text, table, and of its first row what a person reads there
NEIGHBOURS = [
    (
        "咨询接待_20260420.csv",
        "统计日期,旺旺名称,咨询买家数,接待买家数,首响时长(秒),平响时长(秒),3分钟人工回复率,买家消息量,客服消息量,平均会话时长(秒)\n"
        "2026-04-20,店:小甲,90,85,22.5,30.1,97.5%,480,510,500\n汇总,,90,85,,,,480,510,\n",
        "agent_day",
        {
            "day": DAY,
            "receptions": 85,
            "messages_buyer": 480,
            "chat_s": 500,
            "rate_3min": 0.975,
            "first_response_s": 22.5,
        },
    ),
    (
        "客服日报_20260420.csv",
        "客服昵称,咨询人数,接待人数,直接接待人数,转出人数,消息总数,买家消息,客服消息,客服字数,最大同时接待数,未回复人数,"
        "首次响应(s),平均响应(s),平均接待时长(分)\n小甲,90,85,80,2,990,480,510,22000,9,0,22.5,30.1,8.5\n"
        "汇总,90,85,80,2,990,480,510,22000,9,0,22.5,30.1,8.5\n",
        "agent_day",
        {"receptions": 85, "chat_s": 510, "most_chats": 9, "unanswered": 0, "messages_agent": 510},
    ),
    (
        "京东客服数据2026-04-20.csv",
        "客服账号,3分钟人工回复率,接待量,售前接待人数,促成下单人数,首次平均响应时长,平均响应时长,30s应答率,满意度\n"
        "jd_a,99.1%,50,40,12,10.2,12.3,98.2%,95%\n",
        "agent_day",
        {"receptions": 50, "first_response_s": 10.2, "rate_30s": 0.982, "satisfied_share": 0.95},
    ),
    (
        "拼多多客服绩效2026-04-20.csv",
        "客服账号,咨询人数,询单人数,成团人数,询单转化率,销售额(元),人工接待人数,平均人工响应时长(秒)\n"
        'pdd1,100,80,30,37.5%,"2,345.6",88,15\n平均,100,80,30,37.5%,2345.6,88,15\n总计,100,80,30,37.5%,2345.6,88,15\n',
        "agent_day",
        {"receptions": 88, "inquiries": 80, "buyers_paid": 30, "sales_cny": 2345.6, "mean_response_s": 15},
    ),
    (
        "飞鸽客服数据_2026-04-20.csv",
        "客服姓名,接待会话数,接待人数,首次响应时长,平均响应时长,三分钟回复率,满意率,询单人数,支付人数,支付金额\n"
        "飞一,88,80,00:00:12,00:00:15,98%,96%,50,20,￥1.2万\n店铺汇总值,88,80,00:00:12,00:00:15,98%,96%,50,20,￥1.2万\n",
        "agent_day",
        {"receptions": 80, "first_response_s": 12, "rate_3min": 0.98, "sales_cny": 12000},
    ),
    (
        "ExportOrderList2026.csv",
        "订单编号,买家昵称,支付宝交易号,总金额,买家实际支付金额,订单状态,收货人姓名,订单创建时间,订单付款时间 ,"
        "商品标题,退款金额\n"
        '="2026042000001",甲**,x,99,99,交易成功,张*,2026-04-20 10:00:00,2026-04-20 10:01:00,t,0\n',
        "orders",
        {"order": "2026042000001", "amount_cny": 99, "refunded_cny": 0},
    ),
    (
        "我的订单.csv",
        "交易编号,下单时间,支付时间,支付金额,交易状态\n7,2026-04-20 10:00:00,2026-04-20 10:01:00,55.5,已付款\n",
        "orders",
        {"order": "7", "amount_cny": 55.5},
    ),
    (
        "会话明细20260420.csv",
        "会话编号,会话开始时间,会话结束时间,接待客服,客户昵称,首次响应时长,平均响应时长,会话时长,是否有效\n"
        "c1,2026-04-20 23:58:00,2026-04-21 00:06:00,小甲,买,00:00:12,00:00:20,00:08:00,是\n",
        "chat",
        {"chat": "c1", "agent": "小甲", "first_response_s": 12, "chat_s": 480},
    ),
    (
        "目标2026.csv",
        "渠道,店铺,1月目标,2月目标,3月目标\n天猫,店,100万,80万,120万\n",
        "target",
        {"month": pd.Timestamp(2026, 1, 1), "target_cny": 1_000_000},
    ),
    (
        "自定义日报.csv",
        "4月客服日报\n日期,姓名,接待,询单,首响,均响,转化\n2026/4/20,小甲,85,60,22,30,45%\n合计,,85,60,,,\n",
        "agent_day",
        {"agent": "小甲", "receptions": 85, "inquiries": 60, "first_response_s": 22, "mean_response_s": 30},
    ),
]


@pytest.mark.parametrize(("name", "text", "table", "first"), NEIGHBOURS, ids=[row[0] for row in NEIGHBOURS])
def test_a_neighbour_is_read_like_its_listed_format(tmp_path, name, text, table, first):
    """Each gives the figures that a person reads off it, and adds up to its own summary where it has one."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8-sig")
    found = read_exports(path, lang="en")
    assert len(found.tables[table]) >= 1, found.text("en")
    row = found.tables[table].iloc[0]
    for key, value in first.items():
        got = row[key]
        assert (got == pytest.approx(value)) if isinstance(value, int | float) else (got == value), (key, got)
    assert found.understood.loc[0, "reconciled"] in (True, None)


def test_a_column_that_is_nearly_a_name_of_people_is_taken_for_it(tmp_path):
    """Left alone it would turn rows of people into rows of the shop; the note says how it was read."""
    path = tmp_path / "客服_20260420.csv"
    path.write_text("旺旺呢称,接待人数,询单人数,平均响应(秒)\n店:甲,10,5,20\n店:乙,20,9,30\n", encoding="utf-8")
    found = read_exports(path, lang="en")
    assert found.tables["agent_day"]["agent"].tolist() == ["店:甲", "店:乙"]
    assert found.tables["store_day"].empty


def test_rows_of_people_without_a_known_heading_are_refused(tmp_path):
    """Two rows of one day and no column of people are no days of the shop: nothing is read, and the rows are named."""
    path = tmp_path / "客服_20260420.csv"
    path.write_text(
        "日期,小组成员甲乙,接待人数,询单人数,平均响应(秒)\n2026-04-20,9,10,5,20\n2026-04-20,8,20,9,30\n",
        encoding="utf-8",
    )
    found = read_exports(path, lang="en")
    assert found.tables["store_day"].empty
    assert "rows 2, 3" in found.understood.loc[0, "note"]


def test_spans_that_overlap_are_said_and_the_later_counts(tmp_path):
    """Two weeks that share days cannot be added or split."""
    head = "客服昵称,聊天人数(原咨询人数),接待人数,询单人数,销售额,销售人数\n"
    for first, last, count in (("2026-04-01", "2026-04-07", 70), ("2026-04-05", "2026-04-11", 60)):
        path = tmp_path / f"客服绩效_周人效_付款判定_{first}至{last}.csv"
        path.write_text(head + f"小甲,99,{count},50,1000,20\n", encoding="utf-8")
    found = read_exports(sorted(tmp_path.iterdir()), lang="en")
    assert found.tables["agent_day"]["receptions"].tolist() == [60.0]
    assert "overlaps that of" in found.understood.loc[0, "note"]
