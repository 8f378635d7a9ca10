"""Count what the reader of exports does with damaged headers, and time it on large files.

Run ``python benchmarks/exports.py`` from the top of the project; ``--headers N`` and ``--orders N`` set the sizes.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from simlib.store.exports import read_exports
from simlib.store.exports.formats import bare_names, fields, formats, spellings, split_heading
from simlib.store.exports.headers import find_header

POOL = "客服人数量率额金时间平均响应回复接待咨询买家询单付款下最终首次不满意未去退新总日当店铺分秒有效无前后"
WIDE = {"(": "（", ")": "）", "3": "３", "0": "０"}


def true_field(name: str) -> str | None:
    """Return the field that a listed name stands for."""
    heading = split_heading(name)
    return spellings().get((heading.name, heading.remarks))


def mistype(name: str, chance: random.Random) -> str:
    """Make one slip of the pen: a sign left out, put in, exchanged or swapped with its neighbour."""
    at = chance.randrange(len(name))
    kind = chance.randrange(4)
    if kind == 0 and len(name) > 2:
        return name[:at] + name[at + 1 :]
    if kind == 1:
        return name[:at] + chance.choice(POOL) + name[at:]
    if kind == 2 and at + 1 < len(name):
        return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    return name[:at] + chance.choice(POOL) + name[at + 1 :]


def redress(name: str, chance: random.Random) -> str:
    """Write a name as another year's export does: other brackets, a unit, line breaks, blanks, full width."""
    kind = chance.randrange(5)
    if kind == 0:
        return "".join(WIDE.get(sign, sign) for sign in name)
    if kind == 1 and "(" not in name:
        field = true_field(name)
        unit = {"duration": "(秒)", "money": "（元)", "count": "(人）", "share": "（%）"}
        return name + unit.get(fields()[field].kind if field else "", "（固数）")
    if kind == 2 and len(name) > 3:
        at = chance.randrange(1, len(name))
        return f"{name[:at]}\n{name[at:]}"
    if kind == 3:
        return f" {name}　"
    return name.replace("(", "【").replace(")", "】")


def mutate(columns: list[str], chance: random.Random) -> tuple[list[list[str]], list[tuple[str, str | None]]]:
    """Damage a header; return its rows, and for each column the name as written and the field that is meant."""
    names = [(name, true_field(name)) for name in columns]
    chance.shuffle(names)
    if chance.random() < 0.4 and len(names) > 4:
        names.pop()
    if chance.random() < 0.4:
        names.insert(
            chance.randrange(len(names)), (chance.choice(["备用一", "自定义指标", "加权得分", "环比增减"]), None)
        )
    written: list[tuple[str, str | None]] = []
    for name, field in names:
        draw = chance.random()
        if draw < 0.25:
            name = mistype(name, chance)
        elif draw < 0.5:
            name = redress(name, chance)
        written.append((name, field))
    rows = [["报表"]] if chance.random() < 0.3 else []
    if chance.random() < 0.2:
        rows.append(["基础" if k % 5 == 0 else "" for k in range(len(written))])
    rows.append([name for name, _ in written])
    return rows, written


def judge_headers(count: int, seed: int = 2026) -> Iterator[tuple[str, str, str | None, str | None]]:
    """Yield (verdict, name, field meant, field read) for each column of ``count`` damaged headers.

    Verdicts: right, reported (read rightly, with a note), asked, unread, other_name (the slip made it the listed name
    of something else), wrong_reported and wrong_silent.
    """
    chance = random.Random(seed)
    listed = [form for form in formats().values() if len(form.columns) > 3]
    for _ in range(count):
        form = chance.choice(listed)
        rows, written = mutate(list(form.columns), chance)
        body = [["2026-04-20" if field == "day" else "1" for _, field in written] for _ in range(2)]
        header = find_header([(number, cells) for number, cells in enumerate([*rows, *body], start=1)])
        if header is None:
            yield from (("unread", name, field, None) for name, field in written)
            continue
        at = {column.at: column for column in header.columns}
        for place, (name, field) in enumerate(written):
            column = at.get(place)
            read = column.field if column else None
            verdict = "right" if read == field else "asked" if column and column.how in ("asked", "twice") else "unread"
            if read == field and column and column.how == "close":
                verdict = "reported"
            elif read is not None and read != field:
                heading = split_heading(name)
                exact = (heading.name, heading.remarks) in spellings() or heading.name in bare_names()
                verdict = (
                    "other_name" if exact else "wrong_reported" if column and column.how == "close" else "wrong_silent"
                )
            yield verdict, name, field, read


def write_orders(path: Path, count: int) -> None:
    """Write an order export of ``count`` rows in the layout of Tmall, GBK."""
    columns = list(formats()["tmall_orders"].columns)
    place = {name: at for at, name in enumerate(columns)}
    chance, begin = random.Random(1), dt.datetime(2026, 4, 1)
    with path.open("w", encoding="gbk", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for number in range(count):
            row = [""] * len(columns)
            moment = f"{begin + dt.timedelta(seconds=number * 12):%Y-%m-%d %H:%M:%S}"
            row[place["订单编号"]] = f'="{10**15 + number}"'
            row[place["总金额"]] = row[place["买家实际支付金额"]] = f"{chance.random() * 200:.2f}"
            row[place["订单状态"]], row[place["订单创建时间"]] = "交易成功", moment
            row[place["订单付款时间"]] = moment if number % 9 else ""
            writer.writerow(row)


def main() -> None:
    """Print the counts and the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--headers", type=int, default=10_000)
    parser.add_argument("--orders", type=int, default=200_000)
    parser.add_argument("--shops", type=int, default=2)
    parser.add_argument("--days", type=int, default=30)
    given = parser.parse_args()
    verdicts: Counter[str] = Counter()
    wrong = []
    began = time.perf_counter()
    for verdict, name, field, read in judge_headers(given.headers):
        verdicts[verdict] += 1
        if verdict.startswith("wrong"):
            wrong.append(f"  {verdict}: {name!r} meant {field}, read as {read}")
    print(f"{given.headers:,} damaged headers, {sum(verdicts.values()):,} columns, {time.perf_counter() - began:.1f} s")
    for verdict in ("right", "reported", "asked", "unread", "other_name", "wrong_reported", "wrong_silent"):
        print(f"  {verdict:15s} {verdicts[verdict]:9,}")
    print("\n".join(sorted(set(wrong))[:40]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.csv"
        write_orders(path, given.orders)
        began, cpu = time.perf_counter(), time.process_time()
        orders = read_exports(path).tables["orders"]
        print(f"{len(orders):,} orders: {time.perf_counter() - began:.1f} s, {time.process_time() - cpu:.1f} s of CPU")
        path.unlink()
        for shop in range(given.shops):
            for day in range(given.days):
                date = dt.date(2026, 1, 1) + dt.timedelta(days=day)
                rows = ["店铺,旺旺昵称,接待人数,询单人数,平均响应时长（秒)"]
                rows += [f"店{shop},店{shop}:客服{who},{80 + who},{60 + who},{20 + who}" for who in range(12)]
                (Path(folder) / f"店{shop}_{date:%Y%m%d}.csv").write_text("\n".join(rows), encoding="utf-8")
        began, cpu = time.perf_counter(), time.process_time()
        found = read_exports(folder)
        spent, used = time.perf_counter() - began, time.process_time() - cpu
        files, rows_read = len(found.understood), len(found.tables["agent_day"])
        print(f"{files:,} daily files, {rows_read:,} agent-days: {spent:.1f} s, {used:.1f} s of CPU")


if __name__ == "__main__":
    main()
