"""The import of order exports against sums done by hand, in every dress in which such exports come."""

import csv
import datetime as dt
import gzip
import io
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from simlib.store import StoreError, import_orders, load_store, save_store

DATA = Path(__file__).parents[3] / "shared" / "data" / "tmall_orders_28010.csv.gz"
HEADER = ["订单编号", "买家会员名", "订单创建时间", "订单付款时间", "买家实际支付金额", "退款金额"]


def make_orders(days=5, a_day=40):
    """Write orders by hand: of each day's, every fifth unpaid, every tenth refunded in part."""
    rows = []
    for day in range(days):
        for number in range(a_day):
            created = dt.datetime(2026, 9, 1) + dt.timedelta(days=day, hours=number % 24, minutes=number)
            paid = created + dt.timedelta(minutes=2) if number % 5 else ""
            amount = 100.0 + number if paid else 0.0
            refund = 10.0 if paid and number % 10 == 1 else 0.0
            rows.append([f"N{day}{number}", f"buyer{number}", created, paid, amount, refund])
    return rows


def as_csv(path, rows, *, header=HEADER, encoding="utf-8", mark=",", pack=False):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=mark)
    writer.writerow(header)
    writer.writerows(rows)
    data = text.getvalue().encode(encoding)
    path.write_bytes(gzip.compress(data) if pack else data)
    return path


@pytest.fixture
def shop(tmp_path):
    """The folder store of the first story, copied to where it may be changed."""
    save_store(load_store(Path(__file__).parents[1] / "stores" / "a1"), tmp_path / "shop.xlsx")
    return tmp_path / "shop.xlsx"


def test_figures_by_hand(tmp_path, shop):
    """Order value, shares and hours are what a pencil gives."""
    result = import_orders(as_csv(tmp_path / "o.csv", make_orders()), shop)
    paid = [number for number in range(40) if number % 5]
    ratio = {row.key: row for row in load_store(shop).ratios}
    assert ratio["aov_cny"].likely == pytest.approx(sum(100 + number for number in paid) / 32, abs=0.01)
    assert ratio["paid_share"].likely == 0.8
    assert ratio["refund_share"].likely == 4 / 32
    assert {ratio[key].source for key in ("aov_cny", "paid_share", "refund_share")} == {"store"}
    assert result.store.store.month_aov_cny == ratio["aov_cny"].likely
    by_hand = pd.Series([row[2].hour for row in make_orders()]).value_counts().sort_index()
    assert result.hours["orders"].tolist() == by_hand.tolist()
    assert sum(row.share for row in result.store.day_profile) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("pack", [False, True])
def test_encodings(tmp_path, shop, encoding, pack):
    """Every encoding in which exports come, packed or not, gives the same store."""
    wanted = import_orders(as_csv(tmp_path / "plain.csv", make_orders()), shop).store
    found = import_orders(as_csv(tmp_path / "o.csv", make_orders(), encoding=encoding, pack=pack), shop).store
    assert found == wanted


@pytest.mark.parametrize(
    "header",
    [
        ["a", "b", "订单创建时间 ", "订单付款时间", "买家实际支付金额（元）", "退款金额(元)"],
        ["a", "b", " 订单创建时间", "订单付款\n时间", "买家实际支付金额", "退款金额"],
        ["a", "b", "下单时间", "付款时间", "实付金额", "退款金额"],
    ],
)
def test_headers(tmp_path, shop, header):
    """Brackets, spaces, line breaks and drifted names in the header are no matter."""
    assert import_orders(as_csv(tmp_path / "o.csv", make_orders(), header=header), shop).days["used"].all()


def test_values_as_excel_leaves_them(tmp_path, shop):
    """Slashed dates, tabs, ="..." wraps, commas and the currency read as the plain export does."""
    wanted = import_orders(as_csv(tmp_path / "plain.csv", make_orders()), shop).store
    dressed = [
        [*row[:2], f"{row[2]:%Y/%m/%d %H:%M}\t", row[3] and f'="{row[3]}"', f"￥{row[4]:,.2f}", f"{row[5]} 元"]
        for row in make_orders()
    ]
    assert import_orders(as_csv(tmp_path / "o.csv", dressed), shop).store == wanted


def test_workbook_and_tabs(tmp_path, shop):
    """An export may be a workbook, or text with tabs, with a title above the header."""
    wanted = import_orders(as_csv(tmp_path / "plain.csv", make_orders()), shop).store
    book = openpyxl.Workbook()
    book.active.append(["订单报表"])
    for row in [HEADER, *make_orders()]:
        book.active.append([cell if cell != "" else None for cell in row])
    book.save(tmp_path / "o.xlsx")
    assert import_orders(tmp_path / "o.xlsx", shop).store == wanted
    assert import_orders(as_csv(tmp_path / "o.txt", make_orders(), mark="\t"), shop).store == wanted


def test_twice_is_once(tmp_path, shop):
    """A second import of the same export changes neither the store nor a byte of its file."""
    path = as_csv(tmp_path / "o.csv", make_orders())
    first = import_orders(path, shop)
    data = shop.read_bytes()
    second = import_orders(path, shop)
    assert second.store == first.store == load_store(shop)
    assert shop.read_bytes() == data


def test_into_a_folder(tmp_path):
    """A folder store is filled as a workbook is."""
    folder = tmp_path / "a1"
    save_store(load_store(Path(__file__).parents[1] / "stores" / "a1"), folder)
    result = import_orders(as_csv(tmp_path / "o.csv", make_orders()), folder)
    assert load_store(folder) == result.store


def test_what_was_there_stays_in_a_note(tmp_path, shop):
    """The figures that an import replaces can still be read beside the new ones."""
    store = import_orders(as_csv(tmp_path / "o.csv", make_orders()), shop, "en").store
    assert "month_aov_cny 150" in store.ratio("aov_cny").note
    later = [[*row[:4], row[4] * 2, row[5]] for row in make_orders()]
    again = import_orders(as_csv(tmp_path / "p.csv", later), shop, "en").store
    assert f"{store.ratio('aov_cny').likely:g}" in again.ratio("aov_cny").note


def test_no_buyer_is_kept(tmp_path, shop):
    """Names and numbers of orders are nowhere: not in the result, not in the store's file."""
    rows = [[row[0], "王小明真名", *row[2:]] for row in make_orders()]
    result = import_orders(as_csv(tmp_path / "o.csv", rows), shop)
    assert "王小明" not in repr(result) + repr(result.store)
    book = openpyxl.load_workbook(shop)
    assert not any(
        "王小明" in str(value) for sheet in book for row in sheet.iter_rows(values_only=True) for value in row
    )


def test_days_with_too_little_are_left_out(tmp_path, shop):
    """A nearly empty day and a day without orders are left out, named, with the rule."""
    rows = [row for row in make_orders(days=8) if row[2].day not in (3, 5) or (row[2].day == 3 and row[2].hour == 1)]
    result = import_orders(as_csv(tmp_path / "o.csv", rows), shop)
    left_out = result.days.loc[~result.days["used"], "date"].dt.day.tolist()
    assert left_out == [3, 5]
    text = result.text("zh")
    assert "2026-09-03" in text
    assert "2026-09-05" in text
    assert "25%" in text


def test_unreadable_rows_are_counted_and_the_first_is_named(tmp_path, shop):
    """A row that cannot be read is left out, never guessed; the first is named by line and column."""
    rows = make_orders()
    rows[6][2], rows[9][4], rows[12][5], rows[20][2] = "yesterday", "a lot", -3, ""
    result = import_orders(as_csv(tmp_path / "o.csv", rows), shop)
    assert result.hours["orders"].sum() == len(rows) - 4
    line = next(line for line in result.text("en").splitlines() if "4 rows" in line)
    assert "row 8" in line
    assert "yesterday" in line


def test_amounts_net_of_refunds_are_seen(tmp_path, shop):
    """Where a refund exceeds the amount paid, the amounts are net: the order value counts what was paid at first."""
    net = [[*row[:4], row[4] - row[5] if row[5] == 0 else 0.0, row[4] if row[5] else 0.0] for row in make_orders()]
    gross = [[*row[:4], row[4], row[4] if row[5] else 0.0] for row in make_orders()]
    of_net = import_orders(as_csv(tmp_path / "net.csv", net), shop)
    of_gross = import_orders(as_csv(tmp_path / "gross.csv", gross), shop)
    assert of_net.store.ratio("aov_cny").likely == of_gross.store.ratio("aov_cny").likely
    assert "import_net_amounts" in {notice.message for notice in of_net.notices}
    assert "import_gross_amounts" in {notice.message for notice in of_gross.notices}


def test_a_day_in_two_files_counts_once(tmp_path, shop):
    """Files that overlap do not count a day twice; the fuller file has it."""
    rows = make_orders(days=6)
    first = as_csv(tmp_path / "one.csv", rows[:100])
    second = as_csv(tmp_path / "two.csv", rows[80:])
    whole = import_orders(as_csv(tmp_path / "whole.csv", rows), shop)
    both = import_orders([first, second], shop)
    assert both.store == whole.store
    assert both.days["orders"].tolist() == whole.days["orders"].tolist()
    assert "import_repeated" in {notice.message for notice in both.notices}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: as_csv(path, make_orders(), header=["a", "b", "c", "d", "e", "f"]), "orders_no_header"),
        (lambda path: as_csv(path, make_orders(), header=[*HEADER[:5], "x"]), "orders_column_needed"),
        (lambda path: as_csv(path, []), "orders_no_rows"),
        (lambda path: as_csv(path, make_orders(days=2)), "orders_few_days"),
        (lambda path: path.write_bytes(gzip.compress(b"x" * 1000)[:-20]), "orders_not_gz"),
        (lambda path: path.write_bytes(b""), "file_empty"),
        (lambda path: path.mkdir(), "file_missing"),
    ],
)
def test_a_bad_export_changes_nothing(tmp_path, shop, spoil, message):
    """An export that cannot be used is refused with a sentence, and the store stays as it was."""
    before = shop.read_bytes()
    path = tmp_path / "orders.csv"
    spoil(path)
    with pytest.raises(StoreError) as caught:
        import_orders(path, shop)
    assert caught.value.problems[0].message == message
    assert caught.value.text("zh") != caught.value.text("en")
    assert shop.read_bytes() == before


@pytest.mark.skipif(not DATA.exists(), reason="the real order export lies outside the project and is absent here")
def test_the_real_export(shop):
    """28,010 real orders: the figures equal those of a plain frame, and the nearly empty days are left out."""
    result = import_orders(DATA, shop)
    orders = pd.read_csv(DATA, parse_dates=["订单创建时间", "订单付款时间"])
    orders["date"] = orders["订单创建时间"].dt.normalize()
    used = orders[orders["date"].isin(result.days.loc[result.days["used"], "date"])]
    paid = used[used["订单付款时间"].notna()]
    ratio = {row.key: row for row in result.store.ratios}
    assert ratio["paid_share"].likely == pytest.approx(len(paid) / len(used), abs=1e-4)
    assert ratio["refund_share"].likely == pytest.approx((paid["退款金额"] > 0).mean(), abs=1e-4)
    gross = (paid["买家实际支付金额"] + paid["退款金额"]).mean()
    assert ratio["aov_cny"].likely == pytest.approx(gross, abs=0.01)
    assert round(ratio["paid_share"].likely, 2) == 0.86
    assert set(result.days.loc[~result.days["used"], "date"].dt.day) == {8, 10, 11, 12, 13, 14, 15, 16}
    assert set(result.hours.nlargest(2, "orders")["hour"]) == {21, 22}
    assert load_store(shop) == result.store
