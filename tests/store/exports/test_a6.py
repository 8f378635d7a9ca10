"""Story A6: four exports of four tools, as a lead drops them, with every habit of theirs and the story's numbers."""

from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from simlib.store import load_store, read_exports, save_store
from simlib.store.exports import import_exports

HERE = Path(__file__).parents[2] / "stores" / "a1"
DAY = pd.Timestamp(2026, 8, 25)


@pytest.fixture
def shop(tmp_path):
    """The store of the first story, where it may be changed."""
    folder = tmp_path / "shop"
    folder.mkdir()
    save_store(load_store(HERE), folder / "shop.xlsx")
    return folder / "shop.xlsx"


def write_book(path, rows, sheet="数据信息"):
    """Write rows as a workbook of one sheet."""
    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


@pytest.fixture
def four(tmp_path):
    """The four files: receptions in workbooks with mixed brackets, a report of one's own, two other platforms."""
    one, two = (agent.name for agent in load_store(HERE).agents[:2])
    files = tmp_path / "files"
    files.mkdir()
    return [
        write_book(
            files / "咨询接待分析_20260825.xlsx",
            [
                [
                    "旺旺昵称",
                    "咨询人数",
                    "接待人数",
                    "未回复人数",
                    "平均响应时长（秒)",
                    "3分钟\n人工响应率",
                    "首次响应时长（秒)",
                ],
                [f"店:{one}", 18900, 18766, 20, 19.2, "97.5%", 12],
                [f"店:{two}", 9600, 9500, 4, "19.4", 0.962, "-"],
                ["店:新来的", 9100, 9000, 0, 20.1, "95.5", 14],
                ["汇总值", 37600, 37266, 24, "-", "-", "-"],
                ["平均值", 12533.3, 12422, 8, 19.45, "96.6%", 13],
                ["同行同层优秀", 99999, 99999, 0, 9.1, "99.9%", 5],
            ],
        ),
        write_book(
            files / "客服绩效_勿删_客服成交_付款判定_2026-08-25至2026-08-25.xlsx",
            [
                ["客服昵称", "询单人数", "销售人数", "销售额", "询单->最终付款转化率"],
                [one, 14119, 4190, "￥62.85万", "26.41%"],
                [two, 7000, 2000, "300,000", "26.41%"],
                ["新来的", 7000, 2000, "300000元", "26.41%"],
                ["汇总", 28119, 8190, 1228500, "26.41%"],
                ["均值", 9373, 2730, 409500, "-"],
            ],
        ),
        write_book(
            files / "京东pop2026-08-25.xlsx",
            [
                [
                    "客服",
                    "接待量",
                    "售前接待人数",
                    "促成下单人数",
                    "首次平均响应时间",
                    "平均响应时长（新）",
                    "30s应答率",
                ],
                ["jd_a", 300, 200, 60, "11秒", "1分2秒", "93%"],
                ["汇总", 300, 200, 60, "11秒", "1分2秒", "93%"],
            ],
            sheet="整体数据",
        ),
        write_book(
            files / "拼多多客服绩效_2026-08-25.xlsx",
            [
                [
                    "客服账号",
                    "咨询人数",
                    "询单人数",
                    "最终成团人数",
                    "人工接待人数",
                    "3分钟人工回复率(8-23点)",
                    "30秒应答率(8-23点)",
                ],
                ["pdd_a", 120, 90, 30, 110, "98.5%", 0.9],
                ["平均", 120, 90, 30, 110, "98.5%", "-"],
                ["总计", 120, 90, 30, 110, "-", "-"],
            ],
            sheet="Sheet1",
        ),
    ]


def test_four_files_become_one_table(four, shop):
    """No summary row is counted, each file adds up to its own, and a missing rate is blank and not zero."""
    found = read_exports(four, store=shop, lang="en")
    days = found.tables["agent_day"]
    assert len(days) == 6, "the unknown account stands under both of its spellings until somebody says whose it is"
    assert set(days["day"]) == {DAY}
    assert days["receptions"].sum() == 37266 + 300 + 110
    assert found.understood["reconciled"].tolist() == [True] * 4
    own = days[days["platform"] == "tmall"]
    assert own["inquiries"].sum() == 28119
    assert own["sales_cny"].sum() == pytest.approx(1228500)
    assert own["rate_3min"].dropna().tolist() == pytest.approx([0.975, 0.962, 0.955])
    assert own["rate_30s"].isna().all()
    assert days.loc[days["platform"] == "jd", "rate_30s"].tolist() == pytest.approx([0.93])
    assert days.loc[days["platform"] == "jd", "mean_response_s"].tolist() == [62.0]
    assert set(own["sales_rule"].dropna()) >= {"by_payment"}
    assert len(found.summaries) == 8


def test_an_unknown_nick_is_asked_once_and_remembered(four, shop):
    """After it is answered nobody asks again, and its rows bear the person."""
    asked = [q.value for q in read_exports(four, store=shop).questions if q.kind == "agent"]
    assert sorted(asked) == ["jd_a", "pdd_a", "店:新来的"]
    person = load_store(shop).agents[2].agent_id
    answers = {"店:新来的": person, "jd_a": "-", "pdd_a": "-"}
    import_exports(four, shop, answers=answers).save()
    again = read_exports(four, store=shop)
    assert not [q for q in again.questions if q.kind == "agent"]
    days = again.tables["agent_day"]
    assert days.loc[days["agent"] == person, "receptions"].tolist() == [9000]


def test_a_second_upload_replaces(four, shop, tmp_path):
    """The same day again counts once, with the later figures."""
    later = tmp_path / "later"
    later.mkdir()
    book = openpyxl.load_workbook(four[0])
    book.active["C2"], book.active["C5"] = 18800, 37300
    book.save(later / four[0].name)
    days = read_exports([*four, later / four[0].name], store=shop).tables["agent_day"]
    assert days.loc[days["platform"] == "tmall", "receptions"].sum() == 37300
    assert len(days) == 6


def test_two_definitions_of_conversion_stand_side_by_side(four, shop):
    """The stated 26.41 % and the 29.1 % of the file's own counts are both shown, with the reason."""
    found = read_exports(four, store=shop, lang="en")
    row = found.disagreements.iloc[0]
    assert row["stated"] == pytest.approx(0.2641, abs=5e-5)
    assert row["worked_out"] == pytest.approx(8190 / 28119, abs=5e-5)
    note = found.understood.loc[1, "note"]
    assert "26.4" in note
    assert "29.1" in note
    assert "silent orders" in note
