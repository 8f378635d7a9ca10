"""The traps of real exports, one by one: what is read, what is asked, what is refused, and what is never shown."""

import datetime as dt
import gzip
import importlib.util
import io
import subprocess
import sys
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simlib.messages import HOUSE
from simlib.store.exports import read_exports
from simlib.store.exports.formats import fields, formats, split_heading
from simlib.store.exports.headers import find_header, repair_name, summary_kind
from simlib.store.exports.values import masked, read_column, read_duration

SECRET = ("王小明真名", "13912345678", "幸福路八号")


def drop(tmp_path, text, name="客服_20260420.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def read(tmp_path, text, name="客服_20260420.csv", encoding="utf-8"):
    return read_exports(drop(tmp_path, text, name, encoding), lang="en")


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        ("8分48秒", 528),
        ("11秒", 11),
        ("7小时41分52秒", 27712),
        ("00:08:48", 528),
        ("8:48", 528),
        (dt.time(0, 8, 48), 528),
        (dt.timedelta(hours=30), 108_000),
        ("528", 528),
        ("1天2小时", 93_600),
        ("２分", 120),
    ],
)
def test_a_duration_in_every_spelling(cell, seconds):
    assert read_column("duration", [cell]).found.tolist() == [seconds]


@pytest.mark.parametrize(("unit", "seconds"), [("秒", 8.8), ("分", 528.0), ("时", 31680.0), (None, 8.8)])
def test_a_bare_duration_takes_the_unit_of_its_heading(unit, seconds):
    assert read_column("duration", [8.8], unit=unit).found.tolist() == pytest.approx([seconds])


def test_an_excel_fraction_of_a_day_is_a_duration():
    assert read_column("duration", [528 / 86400, 60 / 86400]).found.tolist() == pytest.approx([528, 60])


@given(st.integers(0, 200_000))
@settings(max_examples=60, deadline=None)
def test_every_second_reads_back(seconds):
    hours, rest = divmod(seconds, 3600)
    words = (f"{hours}小时" if hours else "") + f"{rest // 60}分{rest % 60}秒"
    assert read_duration(words) == read_duration(f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d}") == seconds


def test_three_percent_spellings_in_one_column():
    """62.5%, 62.5 and 0.625 are one share; a small figure is read by what the rest of the column says."""
    assert read_column("share", ["62.5%", 62.5, 0.625, "61%"]).found.tolist() == pytest.approx(
        [0.625, 0.625, 0.625, 0.61]
    )
    assert read_column("share", [1.2, 0.8, 0.9, 1.5]).found.tolist() == pytest.approx([0.012, 0.008, 0.009, 0.015])
    assert read_column("share", [0.98, 1, 0.5]).found.tolist() == [0.98, 1.0, 0.5]


@pytest.mark.parametrize("cell", ["-", "--", "—", "暂无数据", "延迟统计", "-999", -999, "", None, "N/A"])
@pytest.mark.parametrize("kind", ["count", "money", "share", "duration", "moment"])
def test_missing_is_never_zero(cell, kind):
    found = read_column(kind, [cell])
    assert pd.isna(found.found[0])
    assert found.bad == []


def test_amounts_in_every_dress():
    cells = ["￥1,234.50", "1.2万", "1,000", "99元", 5]
    assert read_column("money", cells).found.tolist() == [1234.5, 12000, 1000, 99, 5]
    assert read_column("money", [1.5], unit="万元").found.tolist() == [15000]


@pytest.mark.parametrize(
    "label", ["汇总", "汇总值", "合计：", "平均值", "全店汇总值", "同行同层优秀", "店铺平均值", "总计"]
)
def test_a_summary_row_is_no_person(tmp_path, label):
    text = f"旺旺昵称,接待人数,询单人数\n店:小美,10,5\n店:小丽,20,9\n{label},30,14\n"
    found = read(tmp_path, text)
    assert found.tables["agent_day"]["receptions"].tolist() == [10, 20]
    assert len(found.summaries) == 1
    assert summary_kind(label) is not None


def test_a_sum_that_is_off_says_by_how_much(tmp_path):
    found = read(tmp_path, "旺旺昵称,接待人数,询单人数\n店:小美,10,5\n店:小丽,20,9\n汇总,33,-\n")
    assert found.understood["reconciled"].tolist() == [False]
    assert "-3" in found.understood["note"][0]


def test_the_rows_day_goes_before_the_day_of_the_fetch(tmp_path):
    found = read(tmp_path, "日期,客服昵称,接待人数\n2026-04-19,小美,10\n", "报表_2026-04-25.csv")
    assert found.tables["agent_day"]["day"].tolist() == [pd.Timestamp(2026, 4, 19)]
    stamped = read(tmp_path, "旺旺昵称,接待人数,询单人数\n店:小美,10,5\n", "客服_20260425093015.csv")
    assert stamped.tables["agent_day"]["day"].isna().all()
    assert [question.kind for question in stamped.questions] == ["day"]


def test_two_header_rows_with_groups(tmp_path):
    """Group names above, names below, and a name that stands in the upper row alone."""
    text = "客服昵称,接待,,满意度,\n,接待人数,询单人数,评价量,好评量\n小美,10,5,4,3\n"
    found = read(tmp_path, text)
    row = found.tables["agent_day"].iloc[0]
    assert (row["agent"], row["receptions"], row["inquiries"], row["satisfied_share"]) == ("小美", 10, 5, 0.75)


def test_a_header_in_row_four_under_titles(tmp_path):
    text = "客服报表\n统计时间：2026-04-18\n\n客服昵称,接待人数,询单人数\n小美,10,5\n"
    found = read(tmp_path, text, "导出.csv")
    assert found.tables["agent_day"][["day", "receptions", "source_row"]].iloc[0].tolist() == [
        *(pd.Timestamp(2026, 4, 18), 10.0, 5),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_encodings_and_marks(tmp_path, encoding, mark):
    text = "标题\n旺旺昵称,接待人数,询单人数\n店:小美,10,5\n店:小丽,20,9\n".replace(",", mark)
    assert read(tmp_path, text, encoding=encoding).tables["agent_day"]["receptions"].tolist() == [10, 20]


def test_a_zip_with_a_name_in_gbk(tmp_path):
    inner = "旺旺昵称,接待人数,询单人数\n店:小美,10,5\n".encode("gbk")
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("客服_20260420.csv".encode("gbk").decode("cp437"), inner)
        archive.writestr("~$客服_20260420.xlsx", b"lock")
        archive.writestr("__MACOSX/._x.csv", b"x")
    found = read_exports(path, lang="en")
    assert found.tables["agent_day"]["day"].tolist() == [pd.Timestamp(2026, 4, 20)]
    assert len(found.understood) == 2


def test_the_same_file_twice_and_a_day_uploaded_again(tmp_path):
    first = drop(tmp_path, "旺旺昵称,接待人数,询单人数\n店:小美,10,5\n店:小丽,20,9\n")
    copy = drop(tmp_path, "旺旺昵称,接待人数,询单人数\n店:小美,10,5\n店:小丽,20,9\n", "客服_20260420 (1).csv")
    found = read_exports([first, copy], lang="en")
    assert found.tables["agent_day"]["receptions"].tolist() == [10, 20]
    assert "same bytes" in found.understood["note"][1]
    again = drop(tmp_path, "旺旺昵称,接待人数,询单人数\n店:小美,11,5\n", "新_客服_20260420.csv")
    found = read_exports([first, again], lang="en")
    assert found.tables["agent_day"].set_index("agent")["receptions"].to_dict() == {"店:小美": 11}
    assert "replaced" in found.understood["note"][0]


def test_another_kind_of_file_completes_a_day(tmp_path):
    """Receptions from one report and sales from another make one row; what differs is a note."""
    one = drop(tmp_path, "旺旺昵称,接待人数,未回复人数\n店:小美,10,1\n", "接待_20260420.csv")
    two = drop(tmp_path, "旺旺昵称,询单人数,销售额\n店:小美,5,99.5\n", "询单_20260420.csv")
    found = read_exports([one, two], lang="en").tables["agent_day"]
    assert len(found) == 1
    assert found.iloc[0][["receptions", "unanswered", "inquiries", "sales_cny"]].tolist() == [10, 1, 5, 99.5]


def test_three_rules_of_attribution_stay_apart(tmp_path):
    text = "旺旺昵称,接待人数,销售额(下单判定),销售额(付款判定),销售额（下单优先判定）\n店:小美,10,100,90,95\n"
    row = read(tmp_path, text).tables["agent_day"].iloc[0]
    assert row[["sales_by_order_cny", "sales_by_payment_cny", "sales_by_order_first_cny"]].tolist() == [100, 90, 95]
    assert (row["sales_cny"], row["sales_rule"]) == (90, "by_payment")


def test_two_conversions_stand_side_by_side(tmp_path):
    """A stated 26.41 % beside 29.1 % of its own counts: both are shown, with the reason."""
    text = "日期,接待人数,询单人数,客服销售人数,询单转化率\n2026-04-20,37266,28119,8190,26.41%\n"
    found = read(tmp_path, text, "店铺.csv")
    row = found.disagreements.iloc[0]
    assert round(row["stated"], 4) == 0.2641
    assert round(row["worked_out"], 3) == 0.291
    note = found.understood["note"][0]
    assert "26.41%" in note
    assert "29.13%" in note
    assert "silent" in note


def test_payments_are_provisional_until_the_lag_has_passed(tmp_path):
    text = "旺旺昵称,询单人数,询单最终付款人数,询单最终付款转化率,询单最终付款金额\n店:小美,82,30,36.59%,900\n"
    found = read(tmp_path, text, "客服绩效20260420.csv")
    assert found.tables["agent_day"]["final_on"].tolist() == [pd.Timestamp(2026, 4, 28)]
    assert "2026-04-28" in found.understood["note"][0]


def test_two_candidates_become_a_question(tmp_path):
    """Two columns of one meaning with different figures are asked about and not read; with the same they are one."""
    text = "旺旺昵称,接待人数,销售额,客服销售额\n店:小美,10,100,90\n"
    found = read(tmp_path, text)
    assert [question.kind for question in found.questions] == ["twice"]
    assert found.tables["agent_day"]["sales_cny"].isna().all()
    same = read(tmp_path, text.replace("90", "100"))
    assert same.questions == ()
    assert same.tables["agent_day"]["sales_cny"].tolist() == [100]


def test_a_name_whose_values_do_not_fit_is_asked_about(tmp_path):
    text = "旺旺昵称,接待人数,询单人数\n店:小美,早班,5\n店:小丽,晚班,9\n"
    found = read(tmp_path, text)
    assert [(question.kind, question.candidates) for question in found.questions] == [("values", ("receptions",))]
    assert found.tables["agent_day"]["receptions"].isna().all()


def test_unknown_columns_are_listed_and_never_guessed(tmp_path):
    found = read(tmp_path, "旺旺昵称,接待人数,询单人数,加权得分\n店:小美,10,5,88\n")
    assert "加权得分" in found.understood["note"][0]
    assert not (found.tables["agent_day"] == 88).any().any()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("首次响应时场", "first_response_s"),
        ("平均相应时长", "mean_response_s"),
        ("间单人数", ("buyers_ordered", "inquiries")),
        ("未接待人数了", ()),
        ("首次响应", "first_response_s"),
    ],
)
def test_slips_of_the_pen(written, meant):
    """A slip that can be one name only is read as that; one that may be two is a question."""
    name = split_heading(written).name
    known = {split_heading(n).name: key for key, field in fields().items() for n in field.names}
    assert (known[name] if name in known else repair_name(name)) == meant or meant == ()
    if meant == ():
        assert not isinstance(repair_name(name), str)


def test_damaged_headers_are_never_read_as_something_else():
    """A sample of the benchmark's damaged headers: nothing goes to a wrong meaning silently, most is read."""
    spec = importlib.util.spec_from_file_location("bench_exports", HOUSE / "benchmarks" / "exports.py")
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    verdicts = pd.Series([verdict for verdict, *_ in bench.judge_headers(300, seed=7)]).value_counts()
    assert verdicts.get("wrong_silent", 0) == 0
    assert verdicts.get("wrong_reported", 0) == 0
    assert verdicts["right"] > 0.7 * verdicts.sum()


def test_columns_in_any_order_and_a_column_more():
    """Held-out spellings: every listed header, shuffled, in full width and with blanks, keeps its meanings."""
    chance = np.random.default_rng(3)
    for form in formats().values():
        names = [form.columns[k] for k in chance.permutation(len(form.columns))]
        dressed = [f" {name.replace('(', '（').replace(')', '）')} " for name in names]
        plain = find_header([(1, list(form.columns)), (2, [1] * len(names))])
        other = find_header([(1, [*dressed, "备用"]), (2, [1] * len(names))])
        if plain is None or other is None:
            assert plain is other
            continue
        wanted = {column.heading: column.field for column in plain.columns}
        assert {column.heading: column.field for column in other.columns if column.title != "备用"} == wanted


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: (p / "x.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 600),
        lambda p: (p / "x.xls").write_bytes(b"<html><table><tr><td>1</td></tr></table></html>"),
        lambda p: (p / "~$x.xlsx").write_bytes(b"lock"),
        lambda p: (p / "x.xlsx").write_bytes(b""),
        lambda p: (p / "x.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"1" * 99),
        lambda p: (p / "x.csv").write_text("just some words\nand more of them\n"),
        lambda p: (p / "x.csv").write_text(",".join(["接待人数"] * 10_000)),
        lambda p: (p / "x.csv.gz").write_bytes(gzip.compress(b"1,2" * 400)[:-9]),
        lambda p: (p / "x.zip").write_bytes(b"PK\x03\x04broken"),
        lambda p: (p / "x.csv").write_bytes(b"\xff\xfe\x00\xd8\x00\x00"),
    ],
)
def test_a_bad_file_is_a_sentence_and_the_others_go_on(tmp_path, spoil):
    spoil(tmp_path)
    drop(tmp_path, "旺旺昵称,接待人数,询单人数\n店:小美,10,5\n")
    found = read_exports(tmp_path)
    assert found.tables["agent_day"]["receptions"].tolist() == [10]
    bad = found.understood[found.understood["file"].str.startswith(("x", "~"))]
    assert (bad["rows"] == 0).all()
    assert bad["note"].str.len().min() > 5
    assert found.text("en") != found.text("zh")


def test_a_wrong_cell_is_named_by_row_and_column_and_costs_itself_only(tmp_path):
    rows = "".join(f"店:客服{k},{k + 1},{k}\n" for k in range(9))
    found = read(tmp_path, f"旺旺昵称,接待人数,询单人数\n{rows}店:小美,很多,5\n")
    assert found.tables["agent_day"]["receptions"].isna().sum() == 1
    note = found.understood["note"][0]
    assert "row 11" in note
    assert "接待人数" in note


def test_nothing_of_a_buyer_reaches_a_message(tmp_path):
    """Rows that slipped by a column put names and phones under figures: no message shows them."""
    name, phone, home = SECRET
    rows = "".join(f"{k},{name},2026-04-20 10:00:0{k},{k}.5,交易成功,{home}\n" for k in range(8))
    text = (
        f"订单编号,买家会员名,订单创建时间,买家实际支付金额,订单状态,收货地址\n{rows}9,{name},{home},{phone},{name},x\n"
    )
    found = read(tmp_path, text, "订单.csv")
    shown = found.text("zh") + found.text("en") + str(found.understood.to_dict()) + repr(found.questions)
    assert not [word for word in SECRET if word in shown]
    assert masked(phone) == masked(name) == "***"


def test_a_file_without_a_header_shows_nothing_of_its_first_row(tmp_path):
    found = read(tmp_path, f"1,{SECRET[0]},{SECRET[1]}\n2,{SECRET[0]},{SECRET[1]}\n", "订单.csv")
    assert not [word for word in SECRET if word in found.text("zh") + str(found.understood.to_dict())]


def test_two_hundred_orders_of_two_lines(tmp_path):
    rows = [f"s{k}{part},m{k},{10 + k},2026-04-20 10:00:00,2026-04-20 10:01:00" for k in range(200) for part in (1, 2)]
    head = "子订单编号,主订单编号,买家实际支付金额,订单创建时间,订单付款时间"
    same = read(tmp_path, "\n".join([head, *rows]), "宝贝.csv").tables["orders"]
    assert len(same) == 200
    parts = [row.replace(",m", ",m", 1) for row in rows]
    parts = [row.replace(f",{10 + k // 2},", f",{10 + k},", 1) for k, row in enumerate(parts)]
    added = read(tmp_path, "\n".join([head, *parts]), "宝贝.csv").tables["orders"]
    assert len(added) == 200
    assert added["amount_cny"].iloc[0] == 21


def test_order_numbers_that_excel_rounded_are_reported(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["订单编号", "订单创建时间", "买家实际支付金额", "订单状态"])
    book.active.append([1.2345678901234567e18, "2026-04-20 10:00:00", 5, "交易成功"])
    book.save(tmp_path / "o.xlsx")
    assert "lost" in read_exports(tmp_path / "o.xlsx", lang="en").understood["note"][0]


def test_a_year_that_does_not_fit_the_file_is_asked_about(tmp_path):
    found = read(tmp_path, "日期,客服昵称,接待人数\n2016-04-19,小美,10\n", "报表_2026-04-20.csv")
    assert [question.kind for question in found.questions] == ["year"]


def test_a_workbook_of_ten_thousand_columns_is_refused(tmp_path):
    book = openpyxl.Workbook(write_only=True)
    book.create_sheet("x").append(["接待人数"] * 10_000)
    buffer = io.BytesIO()
    book.save(buffer)
    (tmp_path / "wide.xlsx").write_bytes(buffer.getvalue())
    found = read_exports(tmp_path / "wide.xlsx", lang="en")
    assert "columns" in found.understood["note"][0]


def test_orders_of_one_buyer_share_a_key_that_shows_nobody(tmp_path):
    """Equal accounts in two files are one buyer, hidden and empty ones nobody; no cell of the tables holds a name."""
    head = "订单编号,买家会员名,收货人姓名,订单创建时间,买家实际支付金额,订单状态\n"
    names = ["小红姐", "tb_9931", "小红姐", "", "张**", "张**"]
    lines = [f"{k},{name},王五,2026-04-20 10:00:0{k},{k}.5,交易成功\n" for k, name in enumerate(names)]
    for file, rows in (("订单1.csv", lines), ("订单2.csv", ["9,小红姐,王五,2026-04-21 10:00:00,9.5,交易成功\n"])):
        (tmp_path / file).write_text(head + "".join(rows), encoding="utf-8")
    found = read_exports(tmp_path)
    orders = found.tables["orders"].set_index("order")["buyer"]
    assert orders["0"] == orders["2"] == orders["9"] != orders["1"]
    assert orders[["3", "4", "5"]].isna().all()
    everything = "".join(table.to_csv() for table in (*found.tables.values(), *found.originals.values()))
    everything += found.text("zh") + str(found.understood.to_dict())
    assert not [name for name in (*names, "王五") if name and name in everything]
    assert not [key for key in orders.dropna() if key in found.text("zh") + found.text("en")]
    assert "2 rows" in found.text("en")


def test_a_key_is_another_one_in_another_process(tmp_path):
    """The salt is drawn anew by each process, so that no list of names can be tried against keys that got out."""
    code = "from simlib.store.exports.buyer_keys import key_of; print(key_of('tb_9931', platform=''))"
    keys = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout for _ in range(2)}
    assert len(keys) == 2
    assert all(len(key.strip()) == 16 for key in keys)
