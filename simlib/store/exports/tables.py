"""Turn one sheet into a canonical table: columns read by kind, summaries kept apart and reconciled, days found."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from simlib.messages import Message
from simlib.store.cells import is_blank, spellings
from simlib.store.exports.buyer_keys import key_buyers
from simlib.store.exports.files import RawTable
from simlib.store.exports.formats import (
    METRIC_KINDS,
    fields,
    fold_word,
    formats,
    rules,
    split_heading,
    value,
    word_classes,
)
from simlib.store.exports.headers import Header, HeaderColumn, find_header, lay_by_place, summary_kind
from simlib.store.exports.orders_table import build_orders
from simlib.store.exports.part import CANONICAL, Part
from simlib.store.exports.sheets import counts_a_roster, read_roster_matrix, read_targets
from simlib.store.exports.talk import read_messages, read_talk
from simlib.store.exports.values import (
    Cells,
    bare,
    days_in,
    is_day,
    is_figure,
    is_missing,
    masked,
    read_column,
    stamp_in,
)

Found = dict[str, np.ndarray]
ROWS_NAMED = 6
ROSTER_COUNTS = "roster_counts"  # the format of a sheet that only counts the roster before it
SALES_RULES = ("by_payment", "by_order_first", "by_order")
# Rows that may be added up over the rows of a file, and those that may not.
ADDED_KINDS = frozenset({"count", "money"})
NEVER_ADDED = frozenset({"most_chats", "mean_order_cny"})


def read_table(raw: RawTable) -> Part:
    """Read one sheet as far as it is understood; ``refused`` says that nothing was."""
    part = Part(file=raw.file, sheet=raw.sheet)
    part.fetched = stamp_in(raw.file)
    talk = read_talk(raw, part)
    if talk:
        return part
    if counts_a_roster(raw):
        part.refused, part.format = True, ROSTER_COUNTS
        part.note("no_header")
        return part
    header = find_header(raw.rows)
    if (header is None or len([c for c in header.columns if c.field]) < 3) and (
        read_roster_matrix(raw, part) or read_targets(raw, part)
    ):
        return part
    if header is None:
        header = lay_by_place(raw.rows)
        if header is None:
            part.refused = True
            part.note("no_header")
            return part
        part.ask("place", format=header.format, columns=len(header.columns))
    _read_under(header, raw, part)
    return part


def _read_under(header: Header, raw: RawTable, part: Part) -> None:
    part.format = header.format
    listed = header.listed
    part.platform = (listed.platform if listed else None) or platform_in(raw.file)
    if table_of(header) == "message":
        read_messages(header, raw, part)
        return
    if _name_by_place(header, raw):
        part.note("agent_by_place")
    table = table_of(header)
    body = raw.rows[header.begins :]
    body, summaries = _part_rows(header, body, orders=table == "orders")
    if table is None:
        part.refused = True
        part.note("no_meaning", known=tuple(c.title for c in header.columns if c.how == "known")[:8])
        return
    part.table = table
    numbers = np.array([number for number, _ in body], dtype=np.int64)
    days = named_days(header, raw)
    year = days[0].year if days else _year_in(raw.file)
    read = {c.at: _read_one(c, body, year) for c in header.columns if _is_wanted(c)}
    marks = header.at("satisfied_share")
    if table == "chat" and marks is not None:
        read[marks.at] = read_marks([row[marks.at] if marks.at < len(row) else None for _, row in body])
    _settle_twice(header, read, part)
    found = _keep_fitting(header, read, numbers, part)
    if table == "orders" and (buyers := key_buyers(header, body, part)) is not None:
        found["buyer"] = buyers
    _report_columns(header, part)
    if not body:
        part.refused = not summaries
        part.note("no_rows")
    part.frame = _BUILDERS[table](found, numbers, part, days)
    if table == "roster" and body and part.frame.empty:
        part.refused = True
        part.note("no_rows")
    part.originals = _originals(header, body, part.frame)
    if table == "store_day" and _has_days_twice(part):
        return
    if summaries:
        _reconcile(header, summaries, found, year, part)
    _date(part, days, raw)
    _find_disagreements(found, part)


def _has_days_twice(part: Part) -> bool:
    """Refuse a sheet that would have several rows of the whole shop for one day: they are of people or of something."""
    frame = part.frame
    keys = [key for key in ("first_day", "last_day", "shop", "platform") if key in frame]
    twice = frame.duplicated(keys, keep=False) & frame["first_day"].notna() if "first_day" in frame else pd.Series()
    if not twice.any():
        return False
    rows = frame.loc[twice, "source_row"].astype(str)
    part.note("days_twice", rows=tuple(rows[:ROWS_NAMED]), more="" if len(rows) <= ROWS_NAMED else "…")
    part.frame, part.originals, part.refused = frame.iloc[:0], pd.DataFrame(), True
    return True


# --- what kind of table


def table_of(header: Header) -> str | None:
    """Return the canonical table that a header belongs to, None where its columns make none."""
    have = {column.field for column in header.columns if column.field} - {None}
    metrics = {key for key in have if key and fields()[key].kind in METRIC_KINDS}
    if "sent" in have and have & {"content", "sender", "sender_kind"}:
        return "message"
    if "chat" in have and have & {"ended", "begun", "first_response_s", "chat_s", "agent"}:
        return "chat"
    if have & {"order", "sub_order"} and have & {"created", "paid", "amount_cny", "total_cny", "due_cny", "status"}:
        return "orders"
    if "created" in have and have & {"amount_cny", "total_cny", "paid"}:
        return "orders"
    if {"day", "shift"} <= have and have & {"agent", "account"} and not metrics:
        return "roster"
    if "slot" in have and metrics & {"consultations", "receptions", "sessions"}:
        return "store_interval"
    if have & {"agent", "account"} and metrics:
        return "agent_day"
    if metrics and have & {"day", "span_first"}:
        return "store_day"
    return "store_day" if len(metrics) >= 3 else None


def platform_in(text: str) -> str | None:
    """Return the platform that a name speaks of."""
    folded = fold_word(text)
    for platform, listed in value("platform_words").items():
        if any(fold_word(word) in folded for word in listed):
            return str(platform)
    return None


def _name_by_place(header: Header, raw: RawTable) -> bool:
    """Take the column without a heading that holds the people, where no heading says who they are."""
    if header.at("agent") or header.at("account") or table_of(header) in ("orders", "chat", "roster", "store_interval"):
        return False
    headed = {column.at for column in header.columns}
    width = max((len(cells) for _, cells in raw.rows[header.begins :]), default=0)
    for at in range(min(width, 3)):
        if at in headed:
            continue
        cells = [bare(row[at]) for _, row in raw.rows[header.begins :] if at < len(row) and not is_blank(row[at])]
        people = [cell for cell in cells if isinstance(cell, str) and not is_figure(cell) and not is_day(cell)]
        if people and len(people) == len(cells) and len({*people}) == len(people):
            header.columns.append(
                HeaderColumn(
                    at=at, title="", heading=split_heading("agent"), field="agent", how="place", candidates=("agent",)
                )
            )
            return True
    _name_nearly(header, raw)
    return False


def _name_nearly(header: Header, raw: RawTable) -> None:
    """Take the one column whose heading is nearly a name for people, where its cells are people and nobody else's are.

    Left alone it would turn the rows of people into rows of the whole shop.
    """
    near = [
        column for column in header.columns if column.how == "asked" and set(column.candidates) & {"agent", "account"}
    ]
    if len(near) != 1 or near[0].heading.remarks:
        return
    (column,) = near
    body = [row for _, row in raw.rows[header.begins :] if column.at < len(row) and not is_blank(row[column.at])]
    people = [bare(row[column.at]) for row in body]
    if not people or any(not isinstance(cell, str) or is_figure(cell) or is_day(cell) for cell in people):
        return
    column.field, column.how, column.candidates = "agent", "close", ("agent",)


def _part_rows(
    header: Header, body: Sequence[tuple[int, Sequence[Any]]], *, orders: bool
) -> tuple[list[tuple[int, Sequence[Any]]], list[tuple[str, int, Sequence[Any]]]]:
    """Part the rows of people and days from summaries, titles, remarks and repeated headers."""
    if orders:
        return [row for row in body if any(not is_blank(cell) for cell in row[1])], []
    keys = ("agent", "account", "day", "row_number", "shop", "agent_group", "span_first")
    labels = sorted({column.at for column in header.columns if column.field in keys} | {0, 1})
    day = header.at("day")
    titles = {(column.at, column.heading.name) for column in header.columns}
    kept: list[tuple[int, Sequence[Any]]] = []
    apart: list[tuple[str, int, Sequence[Any]]] = []
    for number, cells in body:
        filled = [at for at, cell in enumerate(cells) if not is_blank(cell)]
        if not filled:
            continue
        kind = next((k for at in labels if at < len(cells) and (k := summary_kind(bare(cells[at])))), None)
        if kind is not None:
            apart.append((kind, number, cells))
            continue
        same = sum((at, split_heading(str(cells[at])).name) in titles for at in filled if isinstance(cells[at], str))
        if same * 2 > len(filled):
            continue
        if len(filled) == 1 and len(header.columns) > 2:
            continue
        if day is not None and not _has_day(cells, day.at) and not any(is_figure(cells[at]) for at in filled):
            continue
        kept.append((number, cells))
    return kept, apart


def _has_day(cells: Sequence[Any], at: int) -> bool:
    return at < len(cells) and not is_blank(cells[at])


# --- reading columns


def _is_wanted(column: HeaderColumn) -> bool:
    if column.field is None and column.how != "twice":
        return False
    key = column.field or column.candidates[0]
    return fields()[key].kind not in ("ignore", "private")


def _read_one(column: HeaderColumn, body: Sequence[tuple[int, Sequence[Any]]], year: int | None) -> Cells:
    at = column.at
    cells = [row[at] if at < len(row) else None for _, row in body]
    key = column.field or column.candidates[0]
    kind = fields()[key].kind
    if kind == "day" and any(not is_blank(cell) for cell in cells):
        cells = _fill_down(cells)
    return read_column(kind, cells, unit=column.heading.unit, year=year)


def _fill_down(cells: Sequence[Any]) -> list[Any]:
    """Repeat a day downwards: a merged cell holds it in its first row only."""
    filled, last = [], None
    for cell in cells:
        last = last if is_blank(cell) else cell
        filled.append(last)
    return filled


def _settle_twice(header: Header, read: Mapping[int, Cells], part: Part) -> None:
    """Drop a second column of one meaning where it holds the same; ask where it does not."""
    for column in header.columns:
        if column.how != "twice":
            continue
        first = header.at(column.candidates[0])
        same = first is not None and _equal(read[first.at].found, read[column.at].found)
        if first is None or same:
            continue
        titles = (first.title, column.title)
        part.ask(
            "twice", row=header.row, column=first.title, value=column.title, candidates=column.candidates, titles=titles
        )
        for each in (first, column):
            each.field, each.how, each.candidates = None, "asked", column.candidates


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    if one.dtype == object or other.dtype == object:
        return bool((pd.Series(one).fillna("") == pd.Series(other).fillna("")).all())
    both = pd.notna(one) & pd.notna(other)
    return bool((one[both] == other[both]).all()) and bool((pd.notna(one) == pd.notna(other)).all())


def _keep_fitting(header: Header, read: Mapping[int, Cells], numbers: np.ndarray, part: Part) -> Found:
    """Keep the columns whose cells are what the name promises; ask about the others."""
    found: Found = {}
    for column in header.columns:
        if column.field is None or column.at not in read or column.how == "twice":
            continue
        cells = read[column.at]
        key, kind = column.field, fields()[column.field].kind
        if cells.fits < rules()["fit_share"] or (column.how == "close" and cells.bad):
            row = int(numbers[cells.bad[0][0]])
            part.ask(
                "values",
                row=row,
                column=column.title,
                value=masked(cells.bad[0][1]),
                candidates=(key,),
                title=column.title,
                cell=masked(cells.bad[0][1]),
                line=row,
            )
            column.field, column.how, column.candidates = None, "asked", (key,)
            continue
        if cells.bad:
            lines = tuple(str(int(numbers[at])) for at, _ in cells.bad[:ROWS_NAMED])
            more = "" if len(cells.bad) <= ROWS_NAMED else "…"
            part.note(
                "bad_cells",
                title=column.title,
                count=len(cells.bad),
                rows=lines,
                more=more,
                cell=masked(cells.bad[0][1]),
            )
        if cells.delayed:
            part.note("delayed", title=column.title, count=cells.delayed)
        if cells.guessed and kind == "share":
            part.note("shares_mixed", title=column.title, count=cells.guessed)
        elif cells.guessed:
            part.note("ids_rounded", title=column.title, count=cells.guessed)
        if column.how == "close":
            known = fields()[key].names[0]
            part.note("read_as", title=column.title, known=known)
        found[key if column.attribution is None else f"{key}|{column.attribution}"] = cells.found
    return found


def _report_columns(header: Header, part: Part) -> None:
    """List the columns that nobody knows, and ask about those that may be one of several."""
    unknown = []
    for column in header.columns:
        if column.how == "asked" and column.candidates and not any(q.value == column.title for q in part.questions):
            known = tuple(fields()[key].names[0] for key in column.candidates if fields()[key].kind != "private")
            if any(q.column == column.title for q in part.questions):
                continue
            part.ask(
                "column",
                row=header.row,
                column=column.title,
                value=column.title,
                candidates=column.candidates,
                title=column.title,
                meant=known,
            )
        elif column.how == "unknown" and not is_figure(column.title) and not is_day(column.title):
            unknown.append(column.title if len(column.title) <= 40 else column.title[:40] + "…")
    part.unknown = tuple(unknown)
    if unknown:
        part.note("unknown_columns", names=tuple(unknown[:12]), count=len(unknown))


def _originals(header: Header, body: Sequence[tuple[int, Sequence[Any]]], frame: pd.DataFrame) -> pd.DataFrame:
    """Keep what stood in the cells that were read, by the row of the file; nothing of a buyer's is among them."""
    kept = {
        column.field: [row[column.at] if column.at < len(row) else None for _, row in body]
        for column in header.columns
        if column.field and _is_wanted(column) and column.how != "twice"
    }
    table = pd.DataFrame(kept, index=[number for number, _ in body], dtype=object)
    if "source_row" not in frame:
        return pd.DataFrame()
    return table.loc[table.index.isin(frame["source_row"])]


# --- days


def named_days(header: Header | None, raw: RawTable) -> tuple[dt.date, ...]:
    """Return the days of business that titles, the sheet or the file name: one, or the first and the last."""
    for text in (*(header.titles if header else ()), raw.sheet, raw.file):
        days = days_in(text)
        if days:
            return (days[0],) if len(days) == 1 else (min(days[:2]), max(days[:2]))
    return ()


def _year_in(text: str) -> int | None:
    found = re.search(r"(?<!\d)(20\d{2})(?!\d)", text)
    return int(found[1]) if found else None


def _date(part: Part, days: tuple[dt.date, ...], raw: RawTable) -> None:
    """Note the days that a part covers, whether its payments are final, and what is odd about its year."""
    frame = part.frame
    if part.table in ("store_interval", "message"):
        moments = frame["start" if part.table == "store_interval" else "sent"]
    elif part.table == "orders":
        moments = frame["created"]
    elif part.table == "target":
        moments = frame["month"]
    else:
        moments = frame["day"]
    known = moments.dropna()
    if len(known):
        part.first_day, part.last_day = known.min().date(), known.max().date()
    elif days:
        part.first_day, part.last_day = days[0], days[-1]
    elif part.table in ("agent_day", "store_day") and len(frame):
        part.ask("day")
    if part.first_day is None or part.last_day is None:
        return
    span = (part.last_day - part.first_day).days
    in_name = days_in(raw.file)
    other_year = in_name and all(abs((day - part.last_day).days) > 200 for day in in_name)
    if span > rules()["span_days_max"] or other_year or part.last_day > dt.date(2099, 1, 1):
        part.ask("year", first=part.first_day, last=part.last_day)
    lag = lag_days(part)
    if lag is not None:
        part.final_on = part.last_day + dt.timedelta(days=lag)


PAYMENT_FIELDS = frozenset({"inquiries", "buyers_paid", "sales_cny", "conversion"})


def lag_days(part: Part) -> int | None:
    """Return how many days the platform takes until a day's payments are final; None where it does not matter."""
    if part.table not in ("agent_day", "store_day"):
        return None
    listed = formats().get(part.format)
    if listed is not None and listed.final_after_days is not None:
        return listed.final_after_days
    has = any(name in part.frame and part.frame[name].notna().any() for name in PAYMENT_FIELDS)
    if not has or part.platform is None:
        return None
    lags = [f.final_after_days for f in formats().values() if f.platform == part.platform and f.final_after_days]
    return max(lags, default=None)


# --- building


def _base(found: Found, numbers: np.ndarray, part: Part) -> pd.DataFrame:
    """Lay out the metrics of a table of days: what the file has, and what follows from it."""
    n = len(numbers)

    def first(*names: str) -> np.ndarray:
        merged = np.full(n, np.nan)
        for name in names:
            if name in found:
                merged = np.where(np.isnan(merged), found[name], merged)
        return merged

    def ratio(over: str, under: str) -> np.ndarray:
        top, bottom = found.get(over, np.full(n, np.nan)), found.get(under, np.full(n, np.nan))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(bottom > 0, top / bottom, np.nan)

    def fill(values: np.ndarray, *others: np.ndarray) -> np.ndarray:
        for other in others:
            values = np.where(np.isnan(values), other, values)
        return values

    frame: dict[str, Any] = {}
    receptions = first("receptions", "sessions")
    if "receptions" not in found and "sessions" in found:
        part.note("sessions_for_people")
    paid = first("buyers_paid")
    if "buyers_paid" not in found and "buyers_sold" in found and "inquiries" in found:
        paid = found["buyers_sold"]
        part.note("sold_for_paid")
    sales, rule = _sales(found, n)
    if "ordered_cny" in found and np.isnan(sales).all():
        sales = found["ordered_cny"]
        part.note("ordered_for_sales")
    frame["receptions"] = receptions
    frame["inquiries"] = first("inquiries")
    frame["buyers_paid"] = paid
    frame["sales_cny"] = sales
    frame["first_response_s"] = fill(first("first_response_s"), ratio("first_response_sum_s", "first_reply_times"))
    frame["mean_response_s"] = fill(
        first("mean_response_s", "mean_response_new_s"),
        ratio("response_sum_s", "reply_times"),
        ratio("response_sum_s", "sessions"),
    )
    frame["chat_s"] = fill(first("chat_s"), ratio("chat_sum_s", "receptions"))
    frame["rate_3min"] = fill(first("rate_3min", "rate_3min_sessions"), ratio("in_time", "sessions"))
    for name in ("messages_buyer", "messages_agent", "characters", "most_chats", "unanswered"):
        frame[name] = first(name)
    best, content = first("ratings_best"), first("ratings_content")
    marks = [first(f"ratings_{name}") for name in ("best", "content", "fair", "poor", "worst")]
    with np.errstate(divide="ignore", invalid="ignore"):
        by_marks = (best + content) / np.sum(marks, axis=0)
    frame["satisfied_share"] = fill(first("satisfied_share"), ratio("ratings_good", "ratings"), by_marks)
    extra = {name: values for name, values in found.items() if name not in frame and "|" not in name}
    kinds = METRIC_KINDS | {"text"}
    for name, values in extra.items():
        if fields()[name].kind in kinds and name not in ("agent", "account"):
            frame[name] = values
    for name, values in found.items():
        if name.startswith("sales_cny|"):
            frame[f"sales_{name.partition('|')[2]}_cny"] = values
    frame["sales_rule"] = rule or _rule_in(part.file) or ""
    if part.table == "agent_day" and not rule:
        by_name = _rule_in(part.file)
        if by_name is not None:
            frame[f"sales_{by_name}_cny"] = sales
            part.note("sales_rule", rule=Message(f"exports.rule_{by_name}"))
    frame["platform"] = part.platform or ""
    return pd.DataFrame(frame, index=range(n))


def _sales(found: Found, n: int) -> tuple[np.ndarray, str | None]:
    for rule in SALES_RULES:
        if f"sales_cny|{rule}" in found and "sales_cny" not in found:
            return found[f"sales_cny|{rule}"], rule
    return found.get("sales_cny", np.full(n, np.nan)), None


def _rule_in(text: str) -> str | None:
    for rule, written in value("attribution").items():
        if any(word in text for word in written):
            return str(rule)
    return None


def _days(frame: pd.DataFrame, found: Found, days: tuple[dt.date, ...]) -> pd.DataFrame:
    """Give each row its day; a row of several days has none, but a first and a last."""
    n = len(frame)
    nat = np.full(n, np.datetime64("NaT", "s"))
    first = found.get("day", found.get("span_first", nat))
    last = found.get("day", found.get("span_last", first))
    if days and "day" not in found and "span_first" not in found:
        first = np.full(n, np.datetime64(days[0], "s"))
        last = np.full(n, np.datetime64(days[-1], "s"))
    frame.insert(0, "day", pd.Series(np.where(first == last, first, nat), index=frame.index))
    frame["first_day"], frame["last_day"] = first, last
    return frame


def _finish(frame: pd.DataFrame, numbers: np.ndarray, part: Part, table: str) -> pd.DataFrame:
    frame["source_file"] = part.file
    if "source_row" not in frame:
        frame["source_row"] = numbers
    front = [name for name in CANONICAL[table] if name not in ("source_file", "source_row")]
    for name in front:
        if name not in frame:
            frame[name] = np.nan
    return frame[[*front, *[name for name in frame if name not in front]]].reset_index(drop=True)


def _build_agent_day(found: Found, numbers: np.ndarray, part: Part, days: tuple[dt.date, ...]) -> pd.DataFrame:
    frame = _days(_base(found, numbers, part), found, days)
    n = len(numbers)
    blank = np.full(n, None, dtype=object)
    who = pd.Series(found.get("agent", blank), dtype=object)
    account = pd.Series(found.get("account", blank), dtype=object)
    frame.insert(1, "agent", who.where(who.notna(), account))
    frame["account"] = account.where(account.notna(), who)
    frame = _finish(frame, numbers, part, "agent_day")
    nameless = frame["agent"].isna()
    if nameless.any():
        rows = tuple(str(row) for row in frame.loc[nameless, "source_row"][:ROWS_NAMED])
        part.note("rows_without_name", count=int(nameless.sum()), rows=rows)
    return frame[~nameless].reset_index(drop=True)


def _build_store_day(found: Found, numbers: np.ndarray, part: Part, days: tuple[dt.date, ...]) -> pd.DataFrame:
    frame = _days(_base(found, numbers, part), found, days)
    return _finish(frame, numbers, part, "store_day")


def _build_orders(found: Found, numbers: np.ndarray, part: Part, days: tuple[dt.date, ...]) -> pd.DataFrame:
    if "order" not in found:
        found = {**found, "order": found.get("sub_order", np.array([f"#{row}" for row in numbers], dtype=object))}
        part.note("orders_without_id")
    orders = build_orders(found, numbers, part)
    orders["platform"] = part.platform or ""
    return _finish(orders, numbers, part, "orders")


def _build_roster(found: Found, numbers: np.ndarray, part: Part, days: tuple[dt.date, ...]) -> pd.DataFrame:
    blank = np.full(len(numbers), None, dtype=object)
    frame = pd.DataFrame({"day": found["day"], "agent": found.get("agent", found.get("account", blank))})
    kinds = word_classes("rest_codes")
    shifts = pd.Series(found.get("shift", blank), dtype=object)
    frame["shift"] = [
        "rest" if is_missing(cell) else kinds.get(fold_word(str(cell)), str(cell).strip()) for cell in shifts
    ]
    frame = _finish(frame, numbers, part, "roster")
    return frame[frame["agent"].notna() & frame["day"].notna()].reset_index(drop=True)


def _build_interval(found: Found, numbers: np.ndarray, part: Part, days: tuple[dt.date, ...]) -> pd.DataFrame:
    n = len(numbers)
    day = found.get("day", np.full(n, np.datetime64(days[0] if days else "NaT", "s")))
    starts = [read_slot(cell) for cell in found["slot"]]
    odd = [int(numbers[at]) for at, start in enumerate(starts) if start is None]
    if odd:
        part.note("bad_slots", count=len(odd), rows=tuple(map(str, odd[:ROWS_NAMED])))
    seconds = np.array(["NaT" if start is None else start for start in starts], dtype="timedelta64[s]")

    def first(*names: str) -> np.ndarray:
        return next((found[name] for name in names if name in found), np.full(n, np.nan))

    kinds = value("queues")
    queue = [
        next((key for key, listed in kinds.items() if any(word in str(cell) for word in listed)), "presale")
        for cell in found.get("queue", np.full(n, "", dtype=object))
    ]
    frame = pd.DataFrame(
        {
            "start": day + seconds,
            "queue": queue,
            "contacts": first("consultations", "sessions", "receptions"),
            "answered": first("receptions", "sessions"),
            "in_time": first("in_time", "in_time_30s"),
            "source_row": numbers,
        }
    )
    frame = frame[frame["start"].notna()]
    if "agent" in found or "account" in found:
        frame = frame.groupby(["start", "queue"], as_index=False, sort=False).agg(
            {"contacts": "sum", "answered": "sum", "in_time": lambda s: s.sum(min_count=1), "source_row": "min"}
        )
    return _finish(frame, numbers, part, "store_interval")


def read_slot(cell: Any) -> int | None:
    """Return the second of the day at which an interval begins; None where the cell names none.

    Examples
    --------
    >>> read_slot("10:30-11:00"), read_slot("9点"), read_slot("20-21"), read_slot(7), read_slot("soon")
    (37800, 32400, 72000, 25200, None)
    """
    if isinstance(cell, dt.time):
        return cell.hour * 3600 + cell.minute * 60
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if 0 < cell < 1 and not float(cell).is_integer():
            return round(cell * 1440) * 60
        return int(cell) * 3600 if 0 <= cell < 24 else None
    text = unicodedata.normalize("NFKC", str(cell))
    for mark, plain in spellings("date_marks").items():
        text = text.replace(mark, plain)
    found = re.match(r"\s*(\d{1,2})(?:\s*:\s*(\d{2})?)?", text)
    if not found or int(found[1]) > 23:
        return None
    return int(found[1]) * 3600 + int(found[2] or 0) * 60


def _build_chat(found: Found, numbers: np.ndarray, part: Part, days: tuple[dt.date, ...]) -> pd.DataFrame:
    n = len(numbers)
    nat, nan = np.full(n, np.datetime64("NaT", "s")), np.full(n, np.nan)
    blank = np.full(n, None, dtype=object)
    ended, begun = found.get("ended", nat), found.get("begun", nat)
    chat_s = found.get("chat_s", nan)
    span = np.where(np.isnan(chat_s), 0, chat_s).astype("timedelta64[s]")
    if "begun" not in found and "ended" in found and "chat_s" in found:
        begun = np.where(np.isnan(chat_s), nat, ended - span)
        part.note("begun_worked_out")
    chat_s = np.where(np.isnan(chat_s), (ended - begun) / np.timedelta64(1, "s"), chat_s)
    moment = np.where(np.isnat(begun), ended, begun)
    if days:
        moment = np.where(np.isnat(moment), np.datetime64(days[0], "s"), moment)
    frame = pd.DataFrame(
        {
            "chat": found.get("chat", blank),
            "day": pd.Series(moment).dt.normalize(),
            "agent": found.get("agent", found.get("account", blank)),
            "begun": begun,
            "ended": ended,
            "first_response_s": found.get("first_response_s", nan),
            "mean_response_s": found.get("mean_response_s", nan),
            "chat_s": chat_s,
            "satisfied": found.get("satisfied_share", nan),
        }
    )
    states = word_classes("yes_no")
    if "chat_valid" in found:
        verdicts = pd.Series(found["chat_valid"], dtype=object)
        frame["valid"] = verdicts.map(lambda cell: states.get(fold_word(str(cell))), na_action="ignore") == "yes"
    return _finish(frame, numbers, part, "chat")


_BUILDERS: Mapping[str, Callable[..., pd.DataFrame]] = {
    "orders": _build_orders,
    "agent_day": _build_agent_day,
    "store_day": _build_store_day,
    "store_interval": _build_interval,
    "chat": _build_chat,
    "roster": _build_roster,
}


# --- summaries


def _reconcile(
    header: Header,
    summaries: Sequence[tuple[str, int, Sequence[Any]]],
    found: Found,
    year: int | None,
    part: Part,
) -> None:
    """Compare the sum of the rows with the file's own summary row, and say by how much they differ."""
    rows = [(number, cells) for _, number, cells in summaries]
    table: dict[str, Any] = {
        "kind": [kind for kind, _, _ in summaries],
        "source_file": part.file,
        "source_row": [number for number, _ in rows],
    }
    wanted = [c for c in header.columns if c.field and c.field in found and fields()[c.field].kind in METRIC_KINDS]
    for column in wanted:
        assert column.field is not None
        table[column.field] = _read_one(column, rows, year).found
    part.summaries = pd.DataFrame(table)
    sums = part.summaries[part.summaries["kind"] == "sum"]
    if sums.empty:
        sums = part.summaries[part.summaries["kind"] == "shop_sum"]
    if sums.empty:
        return
    own = sums.iloc[-1]
    off = []
    compared = 0
    for column in wanted:
        key = column.field
        assert key is not None
        if fields()[key].kind not in ADDED_KINDS or key in NEVER_ADDED or pd.isna(own[key]):
            continue
        total = float(np.nansum(found[key]))
        compared += 1
        slack = 0.005 * len(found[key]) + 1e-9 * abs(total) if fields()[key].kind == "money" else 1e-6
        if abs(total - own[key]) > slack:
            off.append(
                Message(
                    "exports.gap",
                    title=column.title,
                    total=f"{total:,.10g}",
                    own=f"{own[key]:,.10g}",
                    gap=f"{total - own[key]:+,.10g}",
                )
            )
    if not compared:
        return
    part.reconciled = not off
    if off:
        part.note("not_reconciled", row=int(own["source_row"]), differences=tuple(off))
    else:
        part.note("reconciled", row=int(own["source_row"]), count=compared)


def _find_disagreements(found: Found, part: Part) -> None:
    """Show a conversion that the file states beside the one that its own counts give, where they differ."""
    if "conversion" not in found or "inquiries" not in found:
        return
    stated, inquiries = found["conversion"], found["inquiries"]
    for name in ("buyers_paid", "buyers_sold"):
        if name not in found:
            continue
        use = ~np.isnan(stated) & ~np.isnan(found[name]) & (inquiries > 0)
        if not use.any():
            continue
        total = float(inquiries[use].sum())
        says = float((stated[use] * inquiries[use]).sum() / total)
        gives = float(found[name][use].sum() / total)
        if abs(says - gives) <= rules()["disagreement"]:
            continue
        reason = Message(f"exports.why_{name}")
        part.disagreements.append(
            {
                "file": part.file,
                "figure": "conversion",
                "stated": says,
                "worked_out": gives,
                "counted": name,
                "reason": reason,
            }
        )
        part.note("disagreement", stated=f"{says:.2%}", gives=f"{gives:.2%}", reason=reason)


def read_marks(cells: Sequence[Any]) -> Cells:
    """Read marks that buyers give to single chats: 1 satisfied, 0 not, nan where none is given."""
    kinds = word_classes("ratings")
    read = Cells(found=np.full(len(cells), np.nan))
    for at, cell in enumerate(cells):
        text = bare(cell)
        if isinstance(text, float) and text.is_integer():
            text = int(text)
        if is_missing(text):
            continue
        read.filled += 1
        kind = kinds.get(fold_word(str(text)))
        if kind is None:
            read.bad.append((at, cell))
        else:
            read.found[at] = float(kind == "satisfied")
    return read
