"""Learn a store's own figures from an order export: order value, paid share, refund share, the shape of a day."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simlib.messages import Lang, translate
from simlib.store.cells import CellError, fold, is_blank, read_cell, shown, spellings
from simlib.store.models import HourShare, Ratio, Store
from simlib.store.problems import Problem, StoreError
from simlib.store.reader import load_store
from simlib.store.sources import (
    BYTES_MAX,
    HEADER_WITHIN_ROWS,
    OLE_MAGIC,
    ZIP_MAGIC,
    csv_rows,
    decode,
    read_workbook,
    refuse,
)
from simlib.store.workbook import save_store

DAYS_NAMED = 14
FIELDS = ("created", "paid_at", "amount_cny", "refund_cny")
Spoiled = dict[int, tuple[str, Any, CellError]]
SHARE_DIGITS, MONEY_DIGITS = 4, 2


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """What an import did: the store as it is now, and what it rests on.

    Attributes
    ----------
    store : Store
        The store with the new figures, as saved.
    filled : DataFrame
        One row per ratio: key, low, likely, high, before (its likely value before, or nan).
    hours : DataFrame
        hour (0-23), orders, share: the store's own day, from the days that were used.
    days : DataFrame
        date, orders, paid, refunded, used: every calendar day from the first order to the last.
    notices : tuple of Problem
        What was done and what was left out, by rule.
    """

    store: Store
    filled: pd.DataFrame
    hours: pd.DataFrame
    days: pd.DataFrame
    notices: tuple[Problem, ...]

    def text(self, lang: Lang) -> str:
        """Return what was done and what was left out, one sentence per line."""
        return "\n".join(notice.text(lang) for notice in self.notices)


def import_orders(files: str | Path | Sequence[str | Path], store_path: str | Path, lang: Lang = "zh") -> ImportResult:
    """Fill a store with figures from its own order export.

    Parameters
    ----------
    files : path or sequence of paths
        CSV (UTF-8 with or without a mark, GBK, UTF-16; plain or ``.gz``) or ``.xlsx``, with the columns
        订单创建时间, 订单付款时间, 买家实际支付金额, 退款金额 in any order. A day that is in several files counts
        from the file that holds most of it.
    store_path : path
        The store's workbook or folder; it is written back whole or not at all. A workbook is laid out anew.
    lang : {"zh", "en"}
        Language of the notes left in the store.

    Returns
    -------
    ImportResult

    Raises
    ------
    StoreError
        The store or the export cannot be used; nothing is written then.

    Notes
    -----
    An order is paid when it has a time of payment. Shares and the order value pool the days that hold enough;
    low and high are quantiles over those days. No column but the four is kept.
    """
    store = load_store(store_path, figures_open=True)
    paths = [Path(files)] if isinstance(files, str | Path) else [Path(file) for file in files]
    orders, notices = _gather(paths)
    days = judge_days(orders)
    rules = spellings("import_rules")
    if days["used"].sum() < rules["days_min"]:
        values = {"count": int(days["used"].sum()), "least": rules["days_min"]}
        raise StoreError([Problem(message="orders_few_days", sheet=paths[0].name, values=values)])
    used = orders[orders["date"].isin(days.loc[days["used"], "date"])]
    spans, net_cny, net_amounts = measure_orders(used)
    hours = count_hours(used)
    changed, filled = _fill(store, spans, hours, used, lang)
    notices += _report(days, hours, filled, net_cny=net_cny, net_amounts=net_amounts)
    if changed != store:
        save_store(changed, store_path, lang)
    return ImportResult(store=changed, filled=filled, hours=hours, days=days, notices=tuple(notices))


# --- reading


def _gather(paths: Sequence[Path]) -> tuple[pd.DataFrame, list[Problem]]:
    """Read all files; each day from the file that holds most of it."""
    frames, notices = [], []
    for number, path in enumerate(paths):
        frame, spoiled = _read_orders(path)
        frames.append(frame.assign(file=number))
        first, last = (f"{day:%Y-%m-%d}" for day in (frame["created"].min(), frame["created"].max()))
        values = {"file": path.name, "rows": f"{len(frame):,}", "first": first, "last": last}
        notices.append(Problem(message="import_read", values=values))
        notices += spoiled
    orders = pd.concat(frames, ignore_index=True)
    orders["date"] = orders["created"].dt.normalize()
    if len(paths) > 1:
        sizes = orders.groupby(["date", "file"]).size()
        fullest = sizes.groupby(level="date").idxmax().map(lambda pair: pair[1])
        keep = orders["file"] == orders["date"].map(fullest)
        if not keep.all():
            notices.append(Problem(message="import_repeated", values={"count": f"{int((~keep).sum()):,}"}))
        orders = orders[keep]
    return orders.drop(columns="file").reset_index(drop=True), notices


def _read_orders(path: Path) -> tuple[pd.DataFrame, list[Problem]]:
    """Read the four columns of one export as a frame of sound orders, and say which rows were not."""
    rows = _raw_rows(path)
    head, places = _find_columns(path, rows)
    lines = [number for number, _ in rows[head + 1 :]]
    cells = {
        field: pd.Series([_bare_text(row[at]) if at < len(row) else None for _, row in rows[head + 1 :]], dtype=object)
        for field, at in places.items()
    }
    spoiled: Spoiled = {}
    for at in [at for at, cell in enumerate(cells["created"]) if is_blank(cell)]:
        spoiled[at] = ("created", "", CellError("missing"))
    readers = {field: _read_times if field in ("created", "paid_at") else _read_amounts for field in FIELDS}
    frame = pd.DataFrame({field: readers[field](field, cells[field], spoiled) for field in FIELDS})
    frame = frame.drop(index=list(spoiled))
    if frame.empty and not spoiled:
        raise StoreError([Problem(message="orders_no_rows", sheet=path.name)])
    notices: list[Problem] = []
    if spoiled:
        at = min(spoiled)
        field, cell, error = spoiled[at]
        first = Problem(
            message=error.message,
            sheet=path.name,
            row=lines[at],
            column=spellings("order_columns")[field][0],
            value=shown(cell),
            values=error.values,
        )
        if frame.empty:  # the whole file fails, most likely for one reason: the first row says it
            raise StoreError([Problem(message="orders_no_rows", sheet=path.name), first])
        notices.append(_RowsLeftOut(message="import_rows_left_out", values={"count": f"{len(spoiled):,}"}, first=first))
    notices.append(Problem(message="import_other_columns"))
    return frame.reset_index(drop=True), notices


@dataclass(frozen=True, kw_only=True)
class _RowsLeftOut(Problem):
    """A count of unreadable rows that quotes the first of them in the reader's language."""

    first: Problem

    def text(self, lang: Lang) -> str:
        return translate(f"store.{self.message}", lang, first=self.first.text(lang), **self.values)


def _raw_rows(path: Path) -> list[tuple[int, Sequence[Any]]]:
    """Open an export by what it is, not by what it is called."""
    if not path.is_file():
        raise refuse(path, "file_missing")
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith((ZIP_MAGIC, OLE_MAGIC)) or not head:
        sheets, problems = read_workbook(path)
        if problems:
            raise StoreError(problems)
        return list(max((sheet.rows for sheet in sheets), key=lambda rows: len(list(rows)), default=()))
    data = path.read_bytes() if path.stat().st_size <= BYTES_MAX else None
    if data is not None and head.startswith(b"\x1f\x8b"):
        data = _unpack(path)
    if data is None or len(data) > BYTES_MAX:
        raise refuse(path, "file_too_big", limit_mb=BYTES_MAX // 1_000_000)
    return [(number, row) for number, row in csv_rows(path, decode(path, data)) if any(row)]


def _unpack(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read(BYTES_MAX + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise refuse(path, "orders_not_gz") from error


def _find_columns(path: Path, rows: Sequence[tuple[int, Sequence[Any]]]) -> tuple[int, dict[str, int]]:
    """Find the header row and where the four columns stand; a unit in brackets behind a name is no matter."""
    names = {fold(name): field for field, known in spellings("order_columns").items() for name in known}
    best: dict[str, int] = {}
    head = 0
    for number, (_, row) in enumerate(rows[:HEADER_WITHIN_ROWS]):
        found: dict[str, int] = {}
        for at, cell in enumerate(row):
            field = names.get(fold(str(cell)).partition("(")[0].strip("'\"="))
            if field is not None:
                found.setdefault(field, at)
        if len(found) > len(best):
            head, best = number, found
    titles = {field: known[0] for field, known in spellings("order_columns").items()}
    if not best:
        wanted = ", ".join(titles.values())
        raise StoreError([Problem(message="orders_no_header", sheet=path.name, values={"columns": wanted})])
    lacking = [field for field in FIELDS if field not in best]
    if lacking:
        raise StoreError(
            Problem(message="orders_column_needed", sheet=path.name, row=rows[head][0], values={"name": titles[field]})
            for field in lacking
        )
    return head, best


def _read_times(field: str, column: pd.Series, spoiled: Spoiled) -> pd.Series:
    """Read times the fast way, and cell by cell where that fails."""
    times = pd.to_datetime(column, format="%Y-%m-%d %H:%M:%S", errors="coerce").astype("datetime64[s]")
    return _read_rest(field, column, times, "datetime", spoiled)


def _read_amounts(field: str, column: pd.Series, spoiled: Spoiled) -> pd.Series:
    """Read amounts the fast way, and cell by cell where that fails; an empty cell is 0."""
    amounts = pd.to_numeric(column, errors="coerce").astype(float).replace([np.inf, -np.inf], np.nan)
    amounts = _read_rest(field, column, amounts, "money", spoiled).fillna(0.0)
    for at in np.flatnonzero(amounts.to_numpy() < 0):
        spoiled.setdefault(int(at), (field, column[at], CellError("orders_amount_below_zero")))
    return amounts


def _read_rest(field: str, column: pd.Series, values: pd.Series, kind: str, spoiled: Spoiled) -> pd.Series:
    """Read the cells that the fast way left: other spellings; what cannot be read goes to ``spoiled``."""
    left = values.isna().to_numpy() & ~np.array([is_blank(cell) for cell in column], dtype=bool)
    read: dict[int, Any] = {}
    for at in np.flatnonzero(left):
        try:
            read[int(at)] = read_cell(column[at], kind)
        except CellError as error:
            spoiled.setdefault(int(at), (field, column[at], error))
    found = {at: value for at, value in read.items() if value is not None}
    if found:
        values = values.copy()
        values[list(found)] = list(found.values())
    return values


def _bare_text(cell: Any) -> Any:
    """Take off what exports wrap round a value: tabs, apostrophes, ="..."."""
    if not isinstance(cell, str):
        return cell
    text = cell.strip().removeprefix("=").strip("'\"\t ")
    return text or None


# --- measuring


def judge_days(orders: pd.DataFrame) -> pd.DataFrame:
    """Count every calendar day and judge which hold enough to say something."""
    rules = spellings("import_rules")
    paid = orders["paid_at"].notna()
    refunded = paid & (orders["refund_cny"] > 0)
    counted = pd.DataFrame({"orders": 1, "paid": paid.astype(int), "refunded": refunded.astype(int)})
    days = counted.groupby(orders["date"]).sum()
    median = float(days["orders"].median())
    days = days.reindex(pd.date_range(days.index[0], days.index[-1], name="date"), fill_value=0)
    least = max(rules["day_orders_min"], rules["day_share_of_median"] * median)
    days["used"] = days["orders"] >= least
    days.attrs["median"] = median
    return days.reset_index()


def measure_orders(orders: pd.DataFrame) -> tuple[dict[str, tuple[float, float, float]], float, bool]:
    """Measure order value, paid share and refund share: low and high over days, likely over all.

    Returns (low, likely, high) by ratio, the mean amount net of refunds, and whether the amounts were net already.

    A refund above the amount paid shows that the export's amounts are net of refunds.
    """
    rules = spellings("import_rules")
    paid = orders[orders["paid_at"].notna()]
    net_amounts = bool((paid["refund_cny"] > paid["amount_cny"]).any())
    gross_cny = paid["amount_cny"] + (paid["refund_cny"] if net_amounts else 0.0)
    net_cny = float((gross_cny - paid["refund_cny"]).mean())
    is_paid = orders["paid_at"].notna().astype(float)
    figures = {
        "aov_cny": (gross_cny, paid["date"], MONEY_DIGITS),
        "paid_share": (is_paid, orders["date"], SHARE_DIGITS),
        "refund_share": ((paid["refund_cny"] > 0).astype(float), paid["date"], SHARE_DIGITS),
    }
    spans = {}
    for key, (values, dates, digits) in figures.items():
        by_day = values.groupby(dates).mean()
        likely = float(values.mean())
        low, high = (float(by_day.quantile(rules[name])) for name in ("low_quantile", "high_quantile"))
        low, high = min(low, likely), max(high, likely)
        spans[key] = (round(low, digits), round(likely, digits), round(high, digits))
    return spans, net_cny, net_amounts


def count_hours(orders: pd.DataFrame) -> pd.DataFrame:
    """Count the orders created in each hour of the day."""
    counts = orders["created"].dt.hour.value_counts().reindex(range(24), fill_value=0)
    shares = (counts / counts.sum()).round(6)
    return pd.DataFrame({"hour": range(24), "orders": counts.to_numpy(), "share": shares.to_numpy()})


# --- writing back


def _fill(
    store: Store, spans: dict[str, tuple[float, float, float]], hours: pd.DataFrame, used: pd.DataFrame, lang: Lang
) -> tuple[Store, pd.DataFrame]:
    """Put the new figures into a copy of the store; what they replace stays in a note."""
    scope = {"days": used["date"].nunique(), "orders": f"{len(used):,}"}
    ratios = {ratio.key: ratio for ratio in store.ratios}
    lines = []
    for key, (low, likely, high) in spans.items():
        old = ratios.get(key)
        lines.append({"key": key, "low": low, "likely": likely, "high": high, "before": old.likely if old else np.nan})
        if old and (old.low, old.likely, old.high, old.source) == (low, likely, high, "store"):
            continue
        before = translate("store.import_nothing_before", lang)
        if old:
            before = f"{old.low:g} / {old.likely:g} / {old.high:g} ({old.source})"
        if key == "aov_cny" and store.store.month_aov_cny not in (None, likely):
            before += f"; month_aov_cny {store.store.month_aov_cny:g}"
        note = translate("store.import_ratio_note", lang, before=before, **scope)
        ratios[key] = Ratio(key=key, low=low, likely=likely, high=high, source="store", note=note)
    changes = {
        "ratios": tuple(ratios.values()),
        "store": store.store.model_copy(update={"month_aov_cny": spans["aov_cny"][1]}),
        "day_profile": tuple(_new_hours(store, hours, lang)),
    }
    return store.model_copy(update=changes), pd.DataFrame(lines)


def _new_hours(store: Store, hours: pd.DataFrame, lang: Lang) -> Iterable[HourShare]:
    known = {row.hour: row for row in store.day_profile}
    for hour, share in enumerate(hours["share"].tolist()):
        old = known.get(hour)
        if old and (old.share, old.source) == (share, "store"):
            yield old
        else:
            note = translate("store.import_hour_note", lang, before=f"{old.share:.4%} ({old.source})") if old else None
            yield HourShare(hour=hour, share=share, source="store", note=note)


def _report(
    days: pd.DataFrame, hours: pd.DataFrame, filled: pd.DataFrame, *, net_cny: float, net_amounts: bool
) -> list[Problem]:
    """Return what was filled in and which days were left out."""
    rules = spellings("import_rules")
    notices: list[Problem] = []
    for row in filled.to_dict("records"):
        form = "{:,.2f}" if row["key"] == "aov_cny" else "{:.2%}"
        values = {name: form.format(row[name]) for name in ("low", "likely", "high")}
        known = not np.isnan(row["before"])
        before = form.format(row["before"]) if known else ""
        message = "import_ratio" if known else "import_ratio_new"
        quantiles = {"low_pct": f"{rules['low_quantile']:.0%}", "high_pct": f"{rules['high_quantile']:.0%}"}
        notices.append(Problem(message=message, values={"ratio": row["key"], "before": before, **values, **quantiles}))
    message = "import_net_amounts" if net_amounts else "import_gross_amounts"
    notices.append(Problem(message=message, values={"net": f"{net_cny:,.2f}"}))
    busiest = int(hours["orders"].to_numpy().argmax())
    notices.append(
        Problem(
            message="import_hours",
            values={
                "days": int(days["used"].sum()),
                "orders": f"{int(hours['orders'].sum()):,}",
                "hour": busiest,
                "share": f"{hours['share'].iloc[busiest]:.1%}",
            },
        )
    )
    left_out = days.loc[~days["used"], "date"]
    if len(left_out):
        names = [f"{date:%Y-%m-%d}" for date in left_out[:DAYS_NAMED]] + (["..."] if len(left_out) > DAYS_NAMED else [])
        scope = {
            "count": len(left_out),
            "days": ", ".join(names),
            "median": f"{days.attrs['median']:g}",
            "share": f"{rules['day_share_of_median']:.0%}",
            "least": rules["day_orders_min"],
        }
        notices.append(Problem(message="import_days_left_out", values=scope))
    return notices
