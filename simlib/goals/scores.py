"""The monthly score: figures, learning and team, weighted; and a ledger of bonus and malus beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd

from simlib import facts
from simlib.goals.figures import Figures, each_record, exact_number, is_empty, read_date, read_figures, text_of
from simlib.goals.payouts import money, round_payout
from simlib.goals.wording import number_text
from simlib.messages import Message, UserError

__all__ = ["Item", "Score", "combine_score", "read_ledger", "score_sheet", "work_out_scores"]

PARTS = ("data", "learning", "team")
SCORE_COLUMNS = ["person", "sheet", *(f"{part}_score" for part in PARTS), "bonus", "score", "lacks"]
ITEM_COLUMNS = ["person", "sheet", "part", "item", "value", "points", "weight", "weighted"]


@dataclass(frozen=True, kw_only=True)
class Item:
    """One item of a sheet: its part, weight, direction, and bands of (bound, points)."""

    key: str
    part: str
    weight: Fraction
    better: str
    bands: tuple[tuple[Fraction, Fraction], ...]

    def points(self, value: Fraction, *, linear: bool = False) -> Fraction:
        """Return the points of a value: those of the best band that it reaches, beyond the last band 0.

        With ``linear`` the points between two bounds lie on a straight line.

        Examples
        --------
        >>> item = score_sheet("presale")[0]
        >>> [int(item.points(Fraction(share))) for share in ("0.4399", "0.44", "0.54")]
        [0, 60, 100]
        """
        sign = 1 if self.better == "higher" else -1
        bands = sorted(self.bands, key=lambda band: sign * band[0])
        reached = [band for band in bands if sign * value >= sign * band[0]]
        if not reached:
            return Fraction(0)
        low = reached[-1]
        if not linear or len(reached) == len(bands):
            return low[1]
        high = bands[len(reached)]
        return low[1] + (high[1] - low[1]) * (value - low[0]) / (high[0] - low[0])


@dataclass(frozen=True, kw_only=True)
class Score:
    """The scores of a month.

    Attributes
    ----------
    scores : DataFrame
        person, sheet, data_score, learning_score, team_score (0 to 100 each), bonus, score, lacks: score is missing
        where an item is.
    items : DataFrame
        person, sheet, part, item, value, points, weight, weighted: one row per person and item.
    findings : tuple of Message
    """

    scores: pd.DataFrame
    items: pd.DataFrame
    findings: tuple[Message, ...] = field(default=())


def combine_score(
    parts: Mapping[str, Any], *, weights: Mapping[str, Any] | None = None, adjustment: Any = 0
) -> tuple[Decimal, tuple[Decimal, ...]]:
    """Return a score from the marks of its parts, and the terms that it is the sum of.

    Parameters
    ----------
    parts : mapping
        Mark of each part, 0 to 100.
    weights : mapping, optional
        Of the same parts; they add up to 1. Left out, 60 % data, 20 % learning, 20 % team.
    adjustment : number
        Bonus and malus together.

    Returns
    -------
    Decimal, tuple of Decimal
        The score, and the weighted parts followed by the adjustment.

    Raises
    ------
    UserError
        Weights that do not add up to 1, other parts than weights, or a mark outside 0 to 100.

    Examples
    --------
    >>> score, terms = combine_score({"data": 88, "learning": 90, "team": 95}, adjustment=2)
    >>> " + ".join(f"{term.normalize():f}" for term in terms), f"{score.normalize():f}"
    ('52.8 + 18 + 19 + 2', '91.8')
    """
    shares = {part: exact_number(weight) for part, weight in (weights or part_weights()).items()}
    _check_weights(shares, "parts")
    if set(parts) != set(shares):
        raise UserError(Message("goals.parts_differ", given=sorted(parts), needed=sorted(shares)))
    terms = []
    for part, weight in shares.items():
        mark = exact_number(parts[part])
        if not 0 <= mark <= 100:
            raise UserError(Message("goals.mark_outside", item=part, value=number_text(mark)))
        terms.append(weight * mark)
    terms.append(exact_number(adjustment))
    total = sum(terms, Fraction(0))
    return money(round_payout(total)), tuple(money(round_payout(term)) for term in terms)


def part_weights() -> dict[str, Fraction]:
    """Return the weights of the three parts from the facts."""
    return {part: exact_number(facts.value("routine", f"score_{part}_share")) for part in PARTS}


def _check_weights(weights: Mapping[str, Fraction], sheet: str) -> None:
    total = sum(weights.values(), Fraction(0))
    if any(weight < 0 for weight in weights.values()) or total != 1:
        raise UserError(Message("goals.sheet_weights", sheet=sheet, total=number_text(total)))


def score_sheet(sheet: str, rows: pd.DataFrame | Iterable[Mapping[str, Any]] | None = None) -> tuple[Item, ...]:
    """Return the items of a score sheet, a store's own rows before those of the facts.

    Parameters
    ----------
    sheet : str
        ``presale``, ``aftersale``, or a sheet of the store.
    rows : DataFrame or list of mappings, optional
        The store's sheet: sheet, part, item, weight, better, bands (``0.44:60; 0.48:80``).

    Raises
    ------
    UserError
        No such sheet, weights that do not add up to 1, bounds that do not fit the direction, points outside 0-100.
    """
    own = [] if rows is None else [row for row in each_record(rows)[0] if text_of(row.get("sheet", "")) == sheet]
    if own:
        items = tuple(_own_item(row, sheet) for row in own)
    else:
        known = facts.table("score_sheets")
        table = known[known["sheet"] == sheet]
        items = tuple(
            Item(
                key=row.key,
                part=row.part,
                weight=exact_number(row.value),
                better=row.better,
                bands=tuple((exact_number(bound), exact_number(points)) for bound, points in row.bands),
            )
            for row in table.itertuples()
        )
        if not items:
            raise UserError(Message("goals.sheet_unknown", sheet=sheet, known=sorted(known["sheet"].unique())))
    _check_weights({f"{item.part} {item.key}": item.weight for item in items}, sheet)
    for item in items:
        _check_bands(item, sheet)
    return items


def _own_item(row: Mapping[str, Any], sheet: str) -> Item:
    part, better, key = (text_of(row.get(name) or "") for name in ("part", "better", "item"))
    if part not in PARTS:
        raise UserError(Message("goals.word_unknown", column="part", value=part, allowed=PARTS))
    if better not in ("higher", "lower"):
        raise UserError(Message("goals.word_unknown", column="better", value=better, allowed=("higher", "lower")))
    try:
        weight = exact_number(row["weight"])
        pairs = [pair.replace("\uff1a", ":").split(":") for pair in str(row["bands"]).replace("\uff1b", ";").split(";")]
        bands = tuple((exact_number(bound), exact_number(points)) for bound, points in pairs)
    except ValueError as error:
        raise UserError(Message("goals.item_unread", sheet=sheet, item=key)) from error
    return Item(key=key, part=part, weight=weight, better=better, bands=bands)


def _check_bands(item: Item, sheet: str) -> None:
    sign = 1 if item.better == "higher" else -1
    bands = sorted(item.bands, key=lambda band: sign * band[0])
    bounds, points = [band[0] for band in bands], [band[1] for band in bands]
    outside = [point for point in points if not 0 <= point <= 100]
    if len(set(bounds)) < len(bounds) or points != sorted(points) or outside or not bands:
        raise UserError(Message("goals.bands_cross", sheet=sheet, item=item.key))


def work_out_scores(
    results: pd.DataFrame | Iterable[Mapping[str, Any]],
    *,
    sheet_of: Mapping[str, str] | None = None,
    sheets: pd.DataFrame | Iterable[Mapping[str, Any]] | None = None,
    ledger: pd.DataFrame | None = None,
    linear: bool = False,
) -> Score:
    """Work out the month's score of each person.

    Parameters
    ----------
    results : DataFrame or list of mappings
        person and the figures of the sheets; a column sheet (``presale``, ``aftersale``) says which sheet counts.
    sheet_of : mapping, optional
        Person to sheet, before the column.
    sheets : DataFrame, optional
        The store's own sheets.
    ledger : DataFrame, optional
        person, points of bonus and malus, as :func:`read_ledger` gives it.
    linear : bool
        Straight lines between the bounds of the bands.

    Raises
    ------
    UserError
        As :func:`score_sheet`, or results that cannot be read.
    """
    rows, _ = each_record(results)
    own_sheet = {text_of(row["person"]): text_of(row["sheet"]) for row in rows if not is_empty(row.get("sheet"))}
    figures = read_figures([{k: v for k, v in row.items() if k != "sheet"} for row in rows])
    bonus = _bonus(ledger)
    scores, items = [], []
    known: dict[str, tuple[Item, ...]] = {}
    for index, person in enumerate(figures.persons):
        sheet = (sheet_of or {}).get(person, own_sheet.get(person, "presale"))
        if sheet not in known:
            known[sheet] = score_sheet(sheet, sheets)
        lines = [_score_item(item, figures, index, linear=linear) for item in known[sheet]]
        items += [(figures.ids[index], sheet, item.part, item.key, *line) for item, line in lines]
        lacks = [item.key for item, line in lines if line[1] is None]
        marks: dict[str, Fraction | None] = {}
        for part in PARTS:
            own = [(item.weight, line[1]) for item, line in lines if item.part == part]
            whole = sum((weight for weight, _ in own), Fraction(0))
            gap = any(points is None for _, points in own)
            marks[part] = None if gap or not whole else sum(w * p for w, p in own if p is not None) / whole
        total = None if lacks else sum((item.weight * line[1] for item, line in lines), bonus.get(person, Fraction(0)))
        scores.append(
            (
                figures.ids[index],
                sheet,
                *(_decimal(marks[part]) for part in PARTS),
                _decimal(bonus.get(person, Fraction(0))),
                _decimal(total),
                ", ".join(lacks),
            )
        )
    table = pd.DataFrame(scores, columns=SCORE_COLUMNS)
    lines_table = pd.DataFrame(
        [(*row[:4], *(None if cell is None else float(cell) for cell in row[4:])) for row in items],
        columns=ITEM_COLUMNS,
    )
    gaps = [row[0] for row in scores if row[-1]]
    findings = (
        (Message("goals.scores_lack", people=[str(person) for person in gaps[:5]], count=len(gaps)),) if gaps else ()
    )
    return Score(scores=table, items=lines_table, findings=findings)


def _decimal(value: Fraction | None) -> Decimal | None:
    return None if value is None else money(round_payout(value))


def _score_item(item: Item, figures: Figures, index: int, *, linear: bool) -> tuple[Item, tuple[Any, ...]]:
    value = figures.column(item.key)[index] if item.key in figures.names else None
    points = None if value is None else item.points(value, linear=linear)
    return item, (value, points, item.weight, None if points is None else item.weight * points)


def _bonus(ledger: pd.DataFrame | None) -> dict[str, Fraction]:
    found: dict[str, Fraction] = {}
    for row in () if ledger is None else each_record(ledger)[0]:
        person = text_of(row["person"])
        found[person] = found.get(person, Fraction(0)) + exact_number(row["points"])
    return found


def read_ledger(
    rows: pd.DataFrame | Iterable[Mapping[str, Any]], *, rules: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Read the ledger of bonus and malus; an entry without evidence, or before its rule, does not count.

    Parameters
    ----------
    rows : DataFrame or list of mappings
        person, day, points, reason, evidence, entered_by; rule where a rule of the team was broken.
    rules : DataFrame, optional
        rule, announced_on: the team's rules. A malus dated before its rule does not count.

    Returns
    -------
    DataFrame
        The entries that count, with the columns given.
    tuple of Message
        Why which of the others does not, each with its row.
    """
    records, names = each_record(rows)
    announced = {} if rules is None else _announced(rules)
    kept, found = [], []
    for number, row in enumerate(records, start=2):
        needed: Sequence[str] = ("person", "day", "points", "reason", "evidence", "entered_by")
        empty = [name for name in needed if is_empty(row.get(name))]
        if empty:
            found.append(Message("goals.ledger_lacks", row=number, columns=empty))
            continue
        try:
            points, day = exact_number(row["points"]), read_date(row["day"])
        except ValueError:
            found.append(Message("goals.ledger_unread", row=number, points=str(row["points"]), day=str(row["day"])))
            continue
        rule = "" if is_empty(row.get("rule")) else text_of(row["rule"])
        if points < 0 and rule and (rule not in announced or announced[rule] > day):
            since = announced.get(rule, "-")
            found.append(Message("goals.ledger_before_rule", row=number, rule=rule, day=day, since=since))
            continue
        kept.append(row)
    return pd.DataFrame(kept, columns=names), tuple(found)


def _announced(rules: pd.DataFrame) -> dict[str, dt.date]:
    return {
        text_of(row["rule"]): read_date(row["announced_on"])
        for row in each_record(rules)[0]
        if not is_empty(row.get("announced_on"))
    }
