"""Read the promo rules of a store: goods and activities from two frames, each cell exact or named as wrong.

Amounts are whole cents and shares are exact fractions inside; instants are microseconds, so that a sheet of thousands
of rules is read once and compared by integers. What the model leaves open is decided in ``playbook/decisions.md``,
section Readiness.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from simlib.store.cells import CellError, read_cell, spellings

KINDS = (
    "unit_price",
    "pieces",
    "store_reduction",
    "coupon",
    "platform_reduction",
    "platform_coupon",
    "deposit",
    "gift",
    "limit",
)
REDUCING = KINDS[1:6]
COUPONS = ("coupon", "platform_coupon")
REPEATING = ("pieces", "store_reduction", "platform_reduction")
BUYERS = ("all", "new", "member", "fan")

GOODS_COLUMNS = (
    "sku",
    "name",
    "category",
    "list_price_cny",
    "picture_price_cny",
    "floor_price_cny",
    "member_price_cny",
    "fan_price_cny",
    "stock",
    "limit_per_buyer",
)
ACTIVITY_COLUMNS = (
    "id",
    "name",
    "kind",
    "scope",
    "buyers",
    "start",
    "end",
    "claim_start",
    "claim_end",
    "threshold_cny",
    "threshold_pieces",
    "price_cny",
    "amount_cny",
    "percent",
    "repeat",
    "cap_cny",
    "group",
    "deposit_cny",
    "inflate",
    "final_start",
    "final_end",
    "gift_sku",
    "gift_quantity",
    "stock",
    "limit_pieces",
)
MONEY = frozenset(name for name in (*GOODS_COLUMNS, *ACTIVITY_COLUMNS) if name.endswith("_cny"))
PIECES = frozenset({"stock", "limit_per_buyer", "threshold_pieces", "gift_quantity", "limit_pieces"})
SHARES = frozenset({"percent", "inflate"})
TIMES = frozenset({"start", "end", "claim_start", "claim_end", "final_start", "final_end"})

# A time without a zone beside times with one is China Standard Time (ours): the clock of the platforms' back offices.
CHINA = dt.timezone(dt.timedelta(hours=8))
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
# No price, share or count of a shop is larger or finer than this (ours): what is, is a slip of the hand.
MOST = Decimal(10) ** 15
FINEST_EXPONENT = -60


def round_half_up(amount: Fraction) -> int:
    """Round a fraction that is not negative to the nearest whole number, a half upwards.

    Examples
    --------
    >>> round_half_up(Fraction(5, 2)), round_half_up(Fraction(7, 3))
    (3, 2)
    """
    return round_half_up_ratio(amount.numerator, amount.denominator)


def round_half_up_ratio(numerator: int, denominator: int) -> int:
    """Round a ratio of whole numbers that is not negative, a half upwards."""
    return (2 * numerator + denominator) // (2 * denominator)


def to_cny(cents: int) -> Decimal:
    """Return whole cents as an amount in CNY.

    Examples
    --------
    >>> to_cny(66900)
    Decimal('669.00')
    """
    return Decimal(cents).scaleb(-2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Good:
    """One good of the sheet; amounts in cents, None where the cell is empty."""

    sku: str
    name: str
    category: str | None
    list_cents: int
    picture_cents: int | None = None
    floor_cents: int | None = None
    member_cents: int | None = None
    fan_cents: int | None = None
    stock: int | None = None
    limit_per_buyer: int | None = None

    @property
    def most(self) -> int | None:
        """Return the most pieces that stock and limit_per_buyer leave one buyer, None where there is no end."""
        bounds = [bound for bound in (self.stock, self.limit_per_buyer) if bound is not None]
        return min(bounds) if bounds else None

    def base_cents(self, buyer: str) -> int:
        """Return the lowest of the list price and the buyer's own price, in cents."""
        own = self.member_cents if buyer == "member" else self.fan_cents if buyer == "fan" else None
        return self.list_cents if own is None else min(self.list_cents, own)


@dataclass(frozen=True, kw_only=True, slots=True)
class Activity:
    """One activity whose cells are right: amounts in cents, instants in microseconds, the scope as skus."""

    id: str
    name: str
    kind: str
    scope: str
    skus: frozenset[str]
    buyers: str
    start: int
    end: int
    claim_start: int | None = None
    claim_end: int | None = None
    threshold_cents: int = 0
    threshold_pieces: int = 0
    price_cents: int | None = None
    amount_cents: int | None = None
    percent: Fraction | None = None
    repeat: bool = False
    cap_cents: int | None = None
    group: str | None = None
    deposit_cents: int = 0
    inflate: Fraction = Fraction(1)
    final_start: int | None = None
    final_end: int | None = None
    gift_sku: str | None = None
    gift_quantity: int = 0
    stock: int | None = None
    limit_pieces: int = 0

    @property
    def simple(self) -> bool:
        """Return whether the activity asks for no more than one piece of any worth."""
        return self.threshold_cents == 0 and self.threshold_pieces <= 1

    @property
    def group_order(self) -> tuple[int, int, str]:
        """Return the place of the activity's group: by kind, without a group first by scope, then by name."""
        return (KINDS.index(self.kind), *((0, self.scope) if self.group is None else (1, self.group)))

    @property
    def window(self) -> tuple[int, int]:
        """Return the instants from which and until which the activity is in force; a deposit at the final payment."""
        if self.kind == "deposit" and self.final_start is not None and self.final_end is not None:
            return self.final_start, self.final_end
        return self.start, self.end

    @property
    def changes(self) -> tuple[int, ...]:
        """Return every instant at which the activity may begin or cease to count."""
        instants = (self.start, self.end, self.claim_start, self.final_start, self.final_end)
        return tuple(instant for instant in instants if instant is not None)

    def in_force(self, at: int) -> bool:
        """Return whether an order of the instant falls into the activity's window."""
        start, end = self.window
        return start <= at < end

    def counts(self, at: int, buyer: str) -> bool:
        """Return whether the activity counts for a buyer's order: in force, open to them, claimed and not gone."""
        start, end = self.window
        if not start <= at < end or self.buyers not in ("all", buyer):
            return False
        if self.kind not in COUPONS:
            return True
        return self.stock != 0 and (self.claim_start is None or self.claim_start <= at)

    def asks_cents(self, list_cents: int) -> int:
        """Return the unit price that a ``unit_price`` activity asks for a good of a list price, in cents."""
        if self.price_cents is not None:
            return self.price_cents
        if self.amount_cents is not None:
            return max(list_cents - self.amount_cents, 0)
        assert self.percent is not None
        return round_half_up_ratio(
            list_cents * (self.percent.denominator - self.percent.numerator), self.percent.denominator
        )

    def is_met(self, *, cents: int, pieces: int) -> bool:
        """Return whether goods in scope of a worth and a number meet both thresholds; no piece never does."""
        return pieces > 0 and cents >= self.threshold_cents and pieces >= self.threshold_pieces

    def nominal_cents(self, *, cents: int, pieces: int) -> int:
        """Return what a reduction whose thresholds are met takes off goods in scope at most, in cents."""
        if self.percent is not None:
            nominal = round_half_up_ratio(self.percent.numerator * cents, self.percent.denominator)
        else:
            assert self.amount_cents is not None
            counts = []
            if self.repeat and self.threshold_cents:
                counts.append(cents // self.threshold_cents)
            if self.repeat and self.threshold_pieces:
                counts.append(pieces // self.threshold_pieces)
            nominal = self.amount_cents * min(counts, default=1)
        if self.cap_cents is not None:
            nominal = min(nominal, self.cap_cents)
        return min(nominal, cents)


@dataclass(frozen=True, kw_only=True, slots=True)
class WrongCell:
    """A cell that a price cannot be worked out from: the row's id or sku, the column, what stands there."""

    row: str
    column: str
    value: str


@dataclass(frozen=True, kw_only=True)
class PromoSheet:
    """The goods and activities of a store, read once.

    Attributes
    ----------
    goods : mapping of str to Good
        The goods whose cells are right, by sku.
    activities : tuple of Activity
        The activities that can count, by id: cells right, scope known, times in order.
    wrong_cells : tuple of WrongCell
        Every cell of goods and activities that is wrong, by row.
    wrong_activities, wrong_goods, unknown_scope, wrong_time : tuple of str
        Ids and skus left out, and why.
    instants : mapping of int to pandas.Timestamp
        The sheet's own spelling of each instant, for results.
    """

    goods: Mapping[str, Good]
    activities: tuple[Activity, ...]
    wrong_cells: tuple[WrongCell, ...] = ()
    wrong_activities: tuple[str, ...] = ()
    wrong_goods: tuple[str, ...] = ()
    unknown_scope: tuple[str, ...] = ()
    wrong_time: tuple[str, ...] = ()
    instants: Mapping[int, pd.Timestamp] = field(default_factory=dict)

    @cached_property
    def touching(self) -> Mapping[str, tuple[Activity, ...]]:
        """Return the activities that have a sku in scope, by sku, in the order of ids."""
        found: dict[str, list[Activity]] = {sku: [] for sku in self.goods}
        for activity in self.activities:
            for sku in activity.skus:
                found[sku].append(activity)
        return {sku: tuple(activities) for sku, activities in found.items()}

    @cached_property
    def by_id(self) -> Mapping[str, Activity]:
        """Return the activities that can count, by id."""
        return {activity.id: activity for activity in self.activities}


# --- cells


def is_missing(cell: object) -> bool:
    """Return whether a cell of a frame holds nothing: None, NaN, NaT, blank text, or a mark for nothing.

    Examples
    --------
    >>> [is_missing(cell) for cell in (None, float("nan"), pd.NaT, " ", "-", 0)]
    [True, True, True, True, True, False]
    """
    if cell is None or cell is pd.NaT or cell is pd.NA:
        return True
    if isinstance(cell, str):
        text = cell.strip()
        return not text or text in spellings("blank")
    if isinstance(cell, Decimal):
        return cell.is_nan()
    return isinstance(cell, float) and math.isnan(cell)


def read_id(cell: object) -> str:
    """Return an id or a sku as text, so that 101 of a sheet and "101" are one; blank is "".

    Examples
    --------
    >>> read_id(101), read_id(101.0), read_id(" A1 "), read_id(None)
    ('101', '101', 'A1', '')
    """
    if isinstance(cell, str):
        return cell.strip()
    if is_missing(cell):
        return ""
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    return str(cell)


def read_amount(cell: object) -> Decimal:
    """Return a number exactly as it is printed; a percentage in text is its share.

    Raises
    ------
    ValueError
        It is no number, or not a finite one.

    Examples
    --------
    >>> read_amount(0.1), read_amount("1,299.50"), read_amount("15%")
    (Decimal('0.1'), Decimal('1299.50'), Decimal('0.15'))
    """
    if isinstance(cell, bool | np.bool_):
        raise ValueError(cell)
    if isinstance(cell, Decimal):
        number = cell
    elif isinstance(cell, int | float | np.integer | np.floating):
        number = Decimal(str(cell))
    elif isinstance(cell, str):
        number = _amount_of_text(cell)
    else:
        raise ValueError(cell)
    if not number.is_finite() or abs(number) > MOST or int(number.as_tuple().exponent) < FINEST_EXPONENT:
        raise ValueError(cell)
    return number


def _amount_of_text(text: str) -> Decimal:
    plain = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()
    for mark in spellings("currency"):
        plain = plain.removeprefix(mark).removesuffix(mark)
    percent = plain.endswith("%")
    plain = plain.removesuffix("%")
    if not re.fullmatch(r"[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d*)?(e[+-]?\d{1,3})?", plain):
        raise ValueError(text)
    try:
        number = Decimal(plain.replace(",", ""))
    except InvalidOperation:
        raise ValueError(text) from None
    return number / 100 if percent else number


def read_instant(cell: object) -> tuple[int, pd.Timestamp]:
    """Return an instant in microseconds, and as the sheet has it; without a zone it is China Standard Time.

    Raises
    ------
    ValueError
        It is no time.

    Examples
    --------
    >>> read_instant("2026-10-31 20:00")[0] == read_instant(pd.Timestamp("2026-10-31 12:00", tz="UTC"))[0]
    True
    """
    if isinstance(cell, str):
        try:
            stamp = pd.Timestamp(read_cell(cell, "datetime"))
        except CellError as error:
            if error.message != "date_with_zone":
                raise ValueError(cell) from None
            stamp = pd.Timestamp(cell.strip())
    elif isinstance(cell, dt.date | np.datetime64):
        stamp = pd.Timestamp(cell)
    else:
        raise ValueError(cell)
    if stamp is pd.NaT:
        raise ValueError(cell)
    moment = stamp.to_pydatetime(warn=False)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=CHINA)
    return (moment - EPOCH) // MICROSECOND, stamp


def _read_yes(cell: object) -> bool:
    if isinstance(cell, bool | np.bool_):
        return bool(cell)
    text = unicodedata.normalize("NFKC", read_id(cell)).casefold()
    if text in spellings("yes"):
        return True
    if text in spellings("no"):
        return False
    raise ValueError(cell)


class _Row:
    """One row as it is read: values of the cells that are right, and what is wrong with the others."""

    def __init__(self, key: str, cells: Mapping[str, object], instants: dict[int, pd.Timestamp]) -> None:
        self.key = key
        self.cells = cells
        self.read: dict[str, Any] = {}
        self.wrong: list[WrongCell] = []
        for column, cell in cells.items():
            if is_missing(cell):
                continue
            try:
                self.read[column] = self._read(column, cell, instants)
            except ValueError:
                self.complain(column)

    def _read(self, column: str, cell: object, instants: dict[int, pd.Timestamp]) -> Any:
        if column in TIMES:
            instant, stamp = read_instant(cell)
            instants.setdefault(instant, stamp)
            return instant
        if column == "repeat":
            return _read_yes(cell)
        if column not in MONEY and column not in PIECES and column not in SHARES:
            return read_id(cell)
        number = read_amount(cell)
        if number < 0 or (column == "percent" and not 0 < number < 1):
            raise ValueError(cell)
        if column in SHARES:
            return Fraction(number)
        scaled = Fraction(number) * (100 if column in MONEY else 1)
        if scaled.denominator != 1:
            raise ValueError(cell)
        return scaled.numerator

    def complain(self, column: str) -> None:
        """Note that the cell of a column is wrong, once."""
        if all(wrong.column != column for wrong in self.wrong):
            cell = self.cells.get(column)
            shown = "" if is_missing(cell) else " ".join(str(cell).split())[:60]
            self.wrong.append(WrongCell(row=self.key, column=column, value=shown))

    def has(self, column: str) -> bool:
        """Return whether the cell of a column holds something, right or wrong."""
        return column in self.read or any(wrong.column == column for wrong in self.wrong)

    def need(self, *names: str) -> None:
        """Complain of each column that is empty."""
        for column in names:
            if not self.has(column):
                self.complain(column)

    def refuse(self, *names: str) -> None:
        """Complain of each column that is filled in where it does not belong."""
        for column in names:
            if self.has(column):
                self.complain(column)


# --- the sheet


def read_promo_sheet(activities: pd.DataFrame, goods: pd.DataFrame) -> PromoSheet:
    """Read the frames of activities and goods into a sheet that prices and conflicts are worked out from.

    Parameters
    ----------
    activities, goods : pandas.DataFrame
        The columns of `ACTIVITY_COLUMNS` and `GOODS_COLUMNS`; one that is absent is empty throughout. Cells may be
        None, NaN, NaT, text, numbers (a float counts as its printed digits), Decimals, times with or without a zone.

    Returns
    -------
    PromoSheet
        With what is wrong beside what counts; nothing is raised.

    Examples
    --------
    >>> goods = pd.DataFrame({"sku": ["A", "B"], "list_price_cny": [100, -1]})
    >>> sheet = read_promo_sheet(pd.DataFrame(), goods)
    >>> list(sheet.goods), sheet.wrong_goods
    (['A'], ('B',))
    """
    instants: dict[int, pd.Timestamp] = {}
    good_rows = _read_rows(goods, "sku", GOODS_COLUMNS, instants)
    for row in good_rows:
        _check_good(row)
    _complain_of_twins(good_rows, "sku")
    right = [row for row in good_rows if not row.wrong]
    found = {good.sku: good for good in sorted((_make_good(row) for row in right), key=lambda good: good.sku)}
    scopes = _Scopes(good_rows, found.values())

    activity_rows = _read_rows(activities, "id", ACTIVITY_COLUMNS, instants)
    for row in activity_rows:
        _check_activity(row)
    _complain_of_twins(activity_rows, "id")
    counting, unknown, wrong_time = [], [], []
    for row in activity_rows:
        if row.wrong:
            continue
        gift = row.read.get("gift_sku") if row.read["kind"] == "gift" else None
        if not scopes.is_known(row.read.get("scope")) or (gift is not None and gift not in scopes.skus):
            unknown.append(row.key)
        elif _has_wrong_time(row.read):
            wrong_time.append(row.key)
        else:
            counting.append(_make_activity(row, scopes))
    return PromoSheet(
        goods=found,
        activities=tuple(sorted(counting, key=lambda activity: activity.id)),
        wrong_cells=tuple(wrong for row in (*good_rows, *activity_rows) for wrong in row.wrong),
        wrong_activities=tuple(sorted({row.key for row in activity_rows if row.wrong})),
        wrong_goods=tuple(sorted({row.key for row in good_rows if row.wrong})),
        unknown_scope=tuple(sorted(unknown)),
        wrong_time=tuple(sorted(wrong_time)),
        instants=instants,
    )


def _read_rows(frame: pd.DataFrame, key: str, names: Iterable[str], instants: dict[int, pd.Timestamp]) -> list[_Row]:
    """Read the rows of a frame that hold anything."""
    known = [name for name in names if name in frame.columns]
    cells = [frame[name].tolist() for name in known]
    rows = []
    for values in zip(*cells, strict=True):
        record = dict(zip(known, values, strict=True))
        if not all(is_missing(cell) for cell in values):
            rows.append(_Row(read_id(record.get(key)), record, instants))
    return rows


def _complain_of_twins(rows: Iterable[_Row], column: str) -> None:
    rows = list(rows)
    count = Counter(row.key for row in rows)
    for row in rows:
        if count[row.key] > 1 or not row.key:
            row.complain(column)


def _check_good(row: _Row) -> None:
    row.need("list_price_cny")
    if row.read.get("list_price_cny") == 0:
        row.complain("list_price_cny")


def _check_activity(row: _Row) -> None:
    """Complain of every cell of an activity that its kind does not allow."""
    values = row.read
    kind = values.get("kind")
    if kind not in KINDS:
        row.complain("kind")
    if values.get("buyers") not in BUYERS:
        row.complain("buyers")
    row.need("start", "end")
    allowed: dict[str, tuple[str, ...]] = {"unit_price": ("price_cny", "amount_cny", "percent")}
    allowed |= dict.fromkeys(REDUCING, ("amount_cny", "percent"))
    if kind in KINDS:
        due = allowed.get(str(kind), ())
        row.refuse(*(name for name in ("price_cny", "amount_cny", "percent") if name not in due))
        filled = [name for name in due if row.has(name)]
        if due and len(filled) != 1:
            for name in filled or due:
                row.complain(name)
    if values.get("threshold_cny", 0) and values.get("amount_cny", 0) > values["threshold_cny"]:
        row.complain("amount_cny")
    if values.get("repeat") and (kind not in REPEATING or "amount_cny" not in values):
        row.complain("repeat")
    if kind == "deposit":
        row.need("deposit_cny", "inflate", "final_start", "final_end")
        if values.get("inflate", 1) < 1:
            row.complain("inflate")
    if kind == "gift":
        row.need("gift_sku", "gift_quantity")
    if kind == "limit":
        row.need("limit_pieces")
    if kind in ("deposit", "limit"):
        for name in ("threshold_cny", "threshold_pieces"):
            if values.get(name):
                row.complain(name)


def _has_wrong_time(values: Mapping[str, Any]) -> bool:
    for start, end in (("start", "end"), ("claim_start", "claim_end"), ("final_start", "final_end")):
        if start in values and end in values and values[end] <= values[start]:
            return True
    return bool(values["kind"] == "deposit" and values["final_start"] < values["end"])


class _Scopes:
    """What scopes can name: skus and categories of the sheet, those of wrong rows too, which hold nothing."""

    def __init__(self, rows: Iterable[_Row], goods: Iterable[Good]) -> None:
        rows = list(rows)
        self.skus = {row.key for row in rows}
        self.all = frozenset(good.sku for good in goods)
        self._by_category: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            if "category" in row.read:
                self._by_category[row.read["category"]] |= {row.key} & self.all
        self._read: dict[str, tuple[str, frozenset[str]]] = {}

    def is_known(self, scope: str | None) -> bool:
        """Return whether a scope can be read and names only what the goods have."""
        kind, mark, names = (scope or "").partition(":")
        if kind == "category" and mark:
            return names.strip() in self._by_category
        if kind == "sku" and mark:
            return {name.strip() for name in names.split(";")} <= self.skus
        return scope == "all"

    def read(self, scope: str) -> tuple[str, frozenset[str]]:
        """Return a known scope in one spelling, and the skus of right goods that it holds."""
        if scope not in self._read:
            kind, _, names = scope.partition(":")
            if kind == "all":
                self._read[scope] = "all", self.all
            elif kind == "category":
                self._read[scope] = f"category:{names.strip()}", frozenset(self._by_category[names.strip()])
            else:
                skus = {name.strip() for name in names.split(";")}
                self._read[scope] = "sku:" + ";".join(sorted(skus)), frozenset(skus & self.all)
        return self._read[scope]


def _make_good(row: _Row) -> Good:
    values = row.read
    return Good(
        sku=row.key,
        name=values.get("name", row.key),
        category=values.get("category"),
        list_cents=values["list_price_cny"],
        picture_cents=values.get("picture_price_cny"),
        floor_cents=values.get("floor_price_cny"),
        member_cents=values.get("member_price_cny"),
        fan_cents=values.get("fan_price_cny"),
        stock=values.get("stock"),
        limit_per_buyer=values.get("limit_per_buyer"),
    )


def _make_activity(row: _Row, scopes: _Scopes) -> Activity:
    values = row.read
    scope, skus = scopes.read(values["scope"])
    return Activity(
        id=row.key,
        name=values.get("name", row.key),
        kind=values["kind"],
        scope=scope,
        skus=skus,
        buyers=values["buyers"],
        start=values["start"],
        end=values["end"],
        claim_start=values.get("claim_start"),
        claim_end=values.get("claim_end"),
        threshold_cents=values.get("threshold_cny", 0),
        threshold_pieces=values.get("threshold_pieces", 0),
        price_cents=values.get("price_cny"),
        amount_cents=values.get("amount_cny"),
        percent=values.get("percent"),
        repeat=values.get("repeat", False),
        cap_cents=values.get("cap_cny"),
        group=values.get("group"),
        deposit_cents=values.get("deposit_cny", 0),
        inflate=values.get("inflate", Fraction(1)),
        final_start=values.get("final_start"),
        final_end=values.get("final_end"),
        gift_sku=values.get("gift_sku"),
        gift_quantity=values.get("gift_quantity", 0),
        stock=values.get("stock"),
        limit_pieces=values.get("limit_pieces", 0),
    )
