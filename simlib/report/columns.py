"""How a column of a table is shown: its title, its unit, its digits, and the text of its cells."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache, reduce
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from simlib import facts
from simlib.messages import LANGS, PLAYBOOK, Lang, glossary, label, read_yaml, translate
from simlib.store.columns import SCENARIO_UNITS
from simlib.store.models import Cohort, Queue

CellKind = Literal["number", "moment", "date", "clock", "words", "text"]

# Columns whose cells are keys of the glossary, with the prefix that the glossary puts before them.
KEY_COLUMNS = {
    "action": "",
    "action_lacks": "lacks_",
    "action_state": "action_",
    "activity": "",
    "activity_kind": "activity_kind_",
    "answer": "",
    "answer_group": "",
    "asked_figure": "",
    "area": "audit_area_",
    "assessed": "",
    "back_step": "",
    "basis": "",
    "batch_state": "batch_",
    "block": "",
    "borne_out": "borne_out_",
    "bound_by": "",
    "buyer": "",
    "card": "",
    "channel": "channel_",
    "chapter": "",
    "chat_part": "",
    "cohort": "",
    "conflict": "",
    "counts_what": "counted_",
    "day_figure": "",
    "driver": "driver_",
    "driver_group": "driver_",
    "duty_block": "duty_block_",
    "duty_state": "duty_state_",
    "every": "every_",
    "fact_status": "standing_",
    "fails_first": "",
    "first_kind": "",
    "figure": "",
    "figure_state": "",
    "floor_source": "source_",
    "folk_rule": "",
    "grade": "grade_",
    "grain": "grain_",
    "headcount": "",
    "incident": "kind_",
    "intent": "",
    "item": "",
    "judgement": "judged_",
    "kpi": "",
    "learned_key": "",
    "ladder_step": "",
    "level": "",
    "lever": "",
    "liable": "",
    "logistics_item": "item_",
    "machine": "",
    "measure": "",
    "missed": "",
    "module_state": "",
    "move": "do_",
    "move_borne_out": "move_borne_out_",
    "next_grade": "grade_",
    "open_to": "open_to_",
    "order_figure": "",
    "out_reason": "",
    "owner": "",
    "part": "part_",
    "pay_parts": "",
    "phase": "phase_",
    "platform": "",
    "plausibility": "",
    "post": "",
    "post_state": "",
    "profile": "profile_",
    "promise_state": "promise_",
    "qa_item": "qa_",
    "question_tag": "",
    "queue": "",
    "reason": "",
    "reason_left": "",
    "rally_state": "",
    "ratio": "",
    "rests_on_figure": "",
    "export_figure": "",
    "exported_figure": "",
    "learnt": "",
    "fitted_to": "",
    "relief_reason": "relief_",
    "review_card": "",
    "rule": "rule_",
    "sampling_action": "sampling_",
    "scenario": "",
    "scheme": "scheme_",
    "second_gap": "",
    "second_kind": "",
    "second_lever": "",
    "segment_topic": "",
    "sheet": "",
    "site_item": "",
    "skill_1": "",
    "skill_2": "",
    "skill_3": "",
    "source": "source_",
    "stage": "stage_",
    "stale_kind": "content_",
    "stands_in": "",
    "state": "state_",
    "step": "",
    "store_stage": "",
    "strength": "",
    "subject": "",
    "taught_in": "",
    "stretch_source": "source_",
    "task": "",
    "task_before": "",
    "task_key": "",
    "task_role": "",
    "topic": "",
    "trait": "",
    "unlearned_reason": "unlearned_",
    "variant": "variant_",
    "weighting": "",
    "work": "",
    "written_in": "",
}
# Numbers that stand in the unit of their row.
ROW_UNIT_COLUMNS = frozenset(
    {
        "allowed_high",
        "amount",
        "needed_value",
        "value",
        "low",
        "likely",
        "high",
        "mean",
        "p05",
        "p95",
        "risk_p05",
        "risk_p95",
        "floor",
        "stretch",
    }
    | {"default_low", "default_likely", "default_high", "exported", "fitted"}
    | {"in_plan", "in_scenario", "difference", "past"}
    | {"driver_planned", "driver_actual", "first_review", "second_review", "review_change", "usual_value"}
    | {"week_before", "year_before", "learned_before", "learned_seen", "learned_after"}
    | {"learned_before_low", "learned_before_high", "learned_after_low", "learned_after_high"}
    | {"one_more_lost", "one_more_lost_after", "figure_before", "figure_after", "headline"}
    | {"own_figure", "month_before", "team_median", "figure_value"}
    | {"as_is", "dropping", "difference_low", "difference_high"}
)
FIGURE_NAMES = ("figure", "item")  # columns that name the figure of a row, where no column names its unit
DIGITS = {"CNY": 0, "share": 1}
IN_FULL = frozenset({"min", "h", "s", "share", "percent"})  # units whose sign is short for a word
# What the live page needs to take a move again; a reader has the move in words beside it.
UNSHOWN_COLUMNS = frozenset({"move_key", "move_size"})
# Money to the cent where any of the column has cents: what goods cost and what people are paid.
EXACT_MONEY = frozenset(
    {"list_price_cny", "picture_price_cny", "floor_price_cny", "member_price_cny", "fan_price_cny", "price_cny"}
    | {"pays_all", "pays_new", "pays_member", "pays_fan", "threshold_cny", "amount_off_cny", "cap_cny", "deposit_cny"}
    | {"amount_cny", "provisional_cny", "amount_cny_h"}
)
NOBODY = ("all", "bot")  # rows of a table of people that are about no person
EMPTY = "–"


@dataclass(frozen=True, kw_only=True)
class ShownColumn:
    """A column ready to be shown: ``unit`` is the glossary's or empty, ``digits`` follow the point."""

    key: Hashable
    title: str
    kind: CellKind
    unit: str = ""
    digits: int = 0


def unit_word(unit: str, lang: Lang) -> str:
    """Return the word for a unit.

    Examples
    --------
    >>> unit_word("agents", "zh"), unit_word("s", "en")
    ('人', 's')
    """
    return translate(f"report.unit_{unit}", lang) if unit else ""


def titled(key: str, lang: Lang) -> str:
    """Return a term with its unit, as the title of an axis or a column; a term that names its unit stays as it is.

    Examples
    --------
    >>> titled("first_response", "zh"), titled("roster", "en"), titled("contacts", "en")
    ('首响（秒）', 'Roster', 'Contacts')
    """
    unit = _unit_of(key)
    name = label(key, lang)
    if not unit or names_unit(name, unit, lang):
        return name
    return translate("report.with_unit", lang, name=name, unit=unit_word(unit, lang))


def names_unit(name: str, unit: str, lang: Lang) -> bool:
    """Return whether a name has its unit in it already, as the sign that a title would add or in full.

    Examples
    --------
    >>> names_unit("Agents on chat", "agents", "en"), names_unit("Presale buyer's gap", "s", "en")
    (True, False)
    >>> [names_unit(*each, "zh") for each in (("满多少元", "CNY"), ("几分钟内", "min"), ("叫机动人员到岗", "agents"))]
    [True, True, False]
    """
    words = [unit_word(unit, lang)]
    if unit in IN_FULL:
        words.append(translate(f"report.in_full_{unit}", lang))
    if lang == "zh":
        for longer in translate("report.without_unit", lang).split():
            name = name.replace(longer, "")
        return any(word in name for word in words)
    found = (rf"(?<![a-z]){re.escape(word.removesuffix('s'))}s?(?![a-z])" for word in words if len(word) > 2)
    return any(re.search(each, name, re.IGNORECASE) for each in found)


@lru_cache(maxsize=1)
def _lever_units() -> dict[str, str]:
    """Return the unit of each lever's size, by lever."""
    return {row["key"]: row["unit"] or "" for row in facts.table("levers").to_dict("records")}


def _unit_of(key: str) -> str:
    """Return the unit of a column: the glossary's; a lever's column holds its sizes."""
    unit = glossary()[key]["unit"] if key in glossary() else ""
    return unit or _lever_units().get(key, "")


FACTORS = ("contacts", "handling", "slow", "weights")  # incidents whose size multiplies
OF_A_WHOLE = ("absent",)  # incidents whose size is a share and no change
SIZED_BY = ("incident", "lever")  # columns that name what the row's ``size`` is a size of


def size_unit(row: Mapping[Any, Any]) -> str | None:
    """Return the kind of incident or lever whose size a row holds; None where its size is a plain number.

    Examples
    --------
    >>> size_unit({"incident": "slow", "size": 1.4}), size_unit({"team": 1})
    ('slow', None)
    """
    kind = next((row[key] for key in SIZED_BY if key in row), None)
    known = kind in FACTORS or kind in SCENARIO_UNITS or kind in _lever_units()
    return str(kind) if known else None


def size_words(kind: str, size: float, lang: Lang) -> str:
    """Return the size of an incident or a lever with its unit: a factor, a share, or a change with its sign.

    Examples
    --------
    >>> size_words("slow", 1.4, "zh"), size_words("bot_share", -0.15, "zh"), size_words("absent", 0.15, "en")
    ('×1.4', '−15.0%', '15.0%')
    >>> size_words("call_pool", 3.0, "en"), size_words("people", -2.0, "zh")
    ('+3 agents', '−2 人')
    """
    if kind in FACTORS:
        return f"×{size:g}"
    shown = quantity(size, SCENARIO_UNITS.get(kind, _lever_units().get(kind, "")), lang)
    return shown if size < 0 or kind in OF_A_WHOLE else f"+{shown}"


def unit_of_row(row: Mapping[Any, Any]) -> str | None:
    """Return the unit of a row's numbers: what its ``unit`` names, else that of the figure which the row is about.

    Examples
    --------
    >>> unit_of_row({"unit": "s"}), unit_of_row({"figure": "conversion"}), unit_of_row({"queue": "presale"})
    ('s', 'share', None)
    """
    if isinstance(row.get("unit"), str):
        return str(row["unit"])
    named = (row[key] for key in FIGURE_NAMES if key in row)
    return next((_unit_of(name) for name in named if isinstance(name, str) and name in glossary()), None)


def describe_column(key: Hashable, values: pd.Series, lang: Lang) -> ShownColumn:
    """Return how a column is shown, from its name in the glossary and from its values.

    The ends of a band, ``<name>_low`` and ``<name>_high``, are named after what they bound.

    Raises
    ------
    KeyError
        The glossary does not have the column's name (a date needs no entry).
    """
    base, _, end = str(key).rpartition("_")
    if str(key) not in glossary() and end in LANGS and base in glossary():
        return replace(describe_column(base, values, lang), key=key, kind=_kind(values))
    if str(key) not in glossary() and end in ("low", "high", "floor", "stretch") and base in glossary():
        middle = describe_column(base, values, lang)
        return replace(
            middle, key=key, title=translate("report.bound", lang, name=middle.title, bound=label(end, lang))
        )
    if isinstance(key, dt.date | dt.datetime):
        return ShownColumn(key=key, title=day_words(key, lang), kind=_kind(values))
    kind: CellKind = "words" if key in KEY_COLUMNS else _kind(values)
    unit = _unit_of(str(key))
    if kind != "number":
        return ShownColumn(key=key, title=label(str(key), lang), kind=kind)
    digits = 2 if key in EXACT_MONEY and _has_cents(values) else digits_of(values, unit=unit)
    return ShownColumn(key=key, title=titled(str(key), lang), kind=kind, unit=unit, digits=digits)


def for_readers(table: pd.DataFrame, lang: Lang) -> pd.DataFrame:
    """Return a table without what only programs read, and without a text that it has in the reader's language too.

    Examples
    --------
    >>> table = pd.DataFrame(columns=["law_zh", "law_en", "text_en", "move_key"])
    >>> for_readers(table, "zh").columns.tolist()
    ['law_zh', 'text_en']
    """
    names = {str(name) for name in table.columns}

    def is_shown(name: str) -> bool:
        base, _, end = name.rpartition("_")
        return name not in UNSHOWN_COLUMNS and not (end in LANGS and end != lang and f"{base}_{lang}" in names)

    return table[[name for name in table.columns if is_shown(str(name))]]


# What the ends of a band are, by table: an estimate's, the mean's, or those of single nights.
BANDS = {
    "cascade": "spread",
    "aftersale_stream": "estimate",
    "kpis": "mean",
    "batch_kpis": "mean",
    "ranking": "mean",
    "stressed_kpis": "mean",
    "answers": "mean",
    "intervals": "nights",
}
OF_FORECASTS = ("forecast", "second_route")


def band_of(column: Hashable, table: str) -> str | None:
    """Return what band a column of a table holds an end of; None where it holds none.

    Examples
    --------
    >>> band_of("high", "kpis"), band_of("p05", "kpis"), band_of("rate_change_low", "ranking"), band_of("mean", "kpis")
    ('mean', 'quantiles', 'mean', None)
    """
    if str(column) in ("p05", "p95"):
        return "forecast" if table in OF_FORECASTS else "quantiles"
    return BANDS.get(table) if re.fullmatch(r"(.+_)?(low|high)", str(column)) else None


def explain_column(column: Hashable, table: str, lang: Lang) -> str:
    """Return what a column of a table holds, as the glossary has it; empty where it says nothing.

    Examples
    --------
    >>> explain_column("shortfall", "coverage", "en")
    'Agents needed and not rostered'
    """
    band = band_of(column, table)
    if band is not None:
        return translate(f"report.band_{band}", lang, tables=table_label(table, lang))
    return glossary()[str(column)][f"definition_{lang}"] if str(column) in glossary() else ""


def digits_of(values: pd.Series, *, unit: str) -> int:
    """Return the digits to show after the point: none where all are whole or large, more where all are small.

    Examples
    --------
    >>> digits_of(pd.Series([13.3, 4.0]), unit="agents"), digits_of(pd.Series([5200.7]), unit="contacts")
    (1, 0)
    """
    if unit in DIGITS:
        return DIGITS[unit]
    numbers = np.abs(pd.to_numeric(values, errors="coerce").dropna().to_numpy(dtype=float))
    numbers = numbers[np.isfinite(numbers)]
    if np.array_equal(numbers, np.rint(numbers)) or numbers.max() >= 1000:
        return 0
    return 1 if unit or numbers.max() >= 10 else 2


def _has_cents(values: pd.Series) -> bool:
    amounts = pd.to_numeric(values, errors="coerce").dropna().to_numpy(dtype=float)
    return not np.allclose(amounts, np.rint(amounts), atol=0.004)


def _kind(values: pd.Series) -> CellKind:
    if isinstance(values.dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_dtype(values.dtype):
        return "moment"
    if pd.api.types.is_bool_dtype(values.dtype):
        return "text"
    if pd.api.types.is_numeric_dtype(values.dtype):
        return "number"
    filled = [value for value in values if not is_empty(value)]
    kinds: tuple[tuple[CellKind, type], ...] = (("moment", dt.datetime), ("date", dt.date), ("clock", dt.time))
    for kind, known in kinds:
        if filled and all(isinstance(value, known) for value in filled):
            return kind
    if filled and all(isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in filled):
        return "number"
    return "text"


def is_empty(value: Any) -> bool:
    """Return whether a cell is empty: None, nan, NA or no time."""
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def show_cell(value: Any, column: ShownColumn, *, lang: Lang, row_unit: str | None = None) -> str:
    """Return the text of one cell; an empty one is a dash, an instant keeps the clock of its zone.

    Parameters
    ----------
    row_unit : str, optional
        As :func:`unit_of_row` returns it, for the columns that depend on it.

    Examples
    --------
    >>> share = ShownColumn(key="share", title="Share", kind="number", unit="share", digits=1)
    >>> show_cell(0.625, share, lang="en"), show_cell(None, share, lang="en")
    ('62.5', '–')
    """
    if is_empty(value):
        return EMPTY
    if column.kind == "number":
        if row_unit is None or column.key not in ROW_UNIT_COLUMNS:
            return show_number(value, unit=column.unit, digits=column.digits)
        shown = show_number(value, unit=row_unit, digits=digits_of(pd.Series([value]), unit=row_unit))
        return shown + unit_word(row_unit, lang) if row_unit == "share" else shown
    if column.kind == "moment":
        return f"{pd.Timestamp(value):%Y-%m-%d %H:%M}"
    if column.kind == "date":
        return f"{value:%Y-%m-%d}"
    if column.kind == "clock":
        return f"{value:%H:%M}"
    return text_words(value, column, lang)


def show_number(value: float, *, unit: str, digits: int) -> str:
    """Return a number with thousands separators; a share as a percentage without its sign; nan as a dash.

    Examples
    --------
    >>> show_number(1234567.0, unit="CNY", digits=0), show_number(0.0349, unit="share", digits=1)
    ('1,234,567', '3.5')
    """
    if math.isnan(value):
        return EMPTY
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    shown = f"{100 * value if unit == 'share' else value:,.{digits}f}"
    return shown.replace("-", "−") if float(shown.replace(",", "")) else f"{0:.{digits}f}"


def quantity(value: float, unit: str, lang: Lang) -> str:
    """Return a number with its unit, as on a card; without decimals from 100 up.

    Examples
    --------
    >>> quantity(0.625, "share", "zh"), quantity(974.7, "agents", "en"), quantity(41.5, "s", "zh")
    ('62.5%', '975 agents', '41.5 秒')
    """
    shown = _short_number(value, unit)
    if not unit:
        return shown
    return f"{shown}{unit_word(unit, lang)}" if unit == "share" else f"{shown} {unit_word(unit, lang)}"


def lower_end(value: float, unit: str, lang: Lang) -> str:
    """Return the lower end of a band whose upper end, a :func:`quantity`, bears the unit; a share keeps its sign.

    Examples
    --------
    >>> lower_end(5859, "contacts", "en"), lower_end(0.989, "share", "zh")
    ('5,859', '98.9%')
    """
    return quantity(value, unit, lang) if unit == "share" else _short_number(value, unit)


def _short_number(value: float, unit: str) -> str:
    digits = 0 if abs(value) >= 100 else digits_of(pd.Series([value]), unit=unit)
    return show_number(value, unit=unit, digits=digits)


def key_words(value: Any, column: str, lang: Lang) -> str:
    """Return what the keys in a cell mean; what the glossary does not know is a user's own word and stays.

    A cell may hold a list of keys, or several joined by ``+``.
    """
    if isinstance(value, list | tuple | np.ndarray):
        return list_words([key_words(part, column, lang) for part in value], lang)
    if column == "owner" and not str(value).startswith("task_role_"):
        return str(value)  # a person's name, whatever the glossary calls so
    if column == "card":
        return _card_names()[str(value)][lang] if str(value) in _card_names() else str(value)
    if column == "question_tag":
        return _tag_names().get(str(value), {}).get(lang) or translate("retrospective.untagged", lang)
    if column == "review_card" and str(value) in _card_names():
        return _card_names()[str(value)][lang]
    if column in ("task_key", "task_before", "review_card") and str(value) in _task_names():
        return _task_names()[str(value)][lang]
    plain = str(value)
    key = KEY_COLUMNS[column] + plain
    key = plain if key not in glossary() and plain in glossary() else key
    if key not in glossary() and column == "scenario" and "+" in key:
        return " + ".join(key_words(part, column, lang) for part in key.split("+"))
    return label(key, lang) if key in glossary() else str(value)


@lru_cache(maxsize=1)
def _tag_names() -> dict[str, dict[Lang, str]]:
    rows = facts.table("question_tags").to_dict("records")
    return {row["key"]: {lang: row[lang] for lang in LANGS} for row in rows}


@lru_cache(maxsize=1)
def _card_names() -> dict[str, dict[Lang, str]]:
    rows = facts.table("incidents").to_dict("records")
    return {row["key"]: {lang: row[lang]["name"] for lang in LANGS} for row in rows}


@lru_cache(maxsize=1)
def _task_names() -> dict[str, dict[Lang, str]]:
    rows = read_yaml(PLAYBOOK / "tasks" / "tasks.yml")
    return {row["key"]: {lang: row[lang]["name"] for lang in LANGS} for row in rows}


def table_label(name: str, lang: Lang) -> str:
    """Return the name of a table, as its caption, its sheet and its file's entry in the data dictionary have it.

    Examples
    --------
    >>> table_label("hours", "en"), table_label("roster", "en")
    ('Heads by hour', 'Roster')
    """
    return label(f"table_{name}" if f"table_{name}" in glossary() else name, lang)


def text_words(value: Any, column: ShownColumn, lang: Lang) -> str:
    """Return the text of a cell of words: units, formulas, places and keys translated, the rest unchanged.

    Examples
    --------
    >>> where = ShownColumn(key="where", title="Where", kind="text")
    >>> text_words("presale 2026-10-31 20:00", where, "en"), text_words("A007", where, "en")
    ('Presale 2026-10-31 20:00', 'A007')
    """
    if column.kind == "words":
        return key_words(value, str(column.key), lang)
    if column.key == "unit":
        return unit_word(str(value), lang)
    if column.key == "formula":
        return formula_words(str(value), lang)
    if column.key == "agent_id" and value in NOBODY:
        return label(str(value), lang)
    if column.key == "where":
        first, space, rest = str(value).partition(" ")
        return (label(first, lang) if first in (*get_args(Queue), *get_args(Cohort)) else first) + space + rest
    return plain_words(value, lang)


def plain_words(value: Any, lang: Lang) -> str:
    """Return the text of a cell that is neither number nor time: yes and no, lists, and text unchanged."""
    if isinstance(value, bool | np.bool_):
        return label("yes" if value else "no", lang)
    if isinstance(value, list | tuple | set | frozenset):
        return list_words([plain_words(part, lang) for part in value], lang)
    return str(value)


def list_words(parts: Sequence[str], lang: Lang) -> str:
    """Return words joined into a list, with the comma of the language.

    Examples
    --------
    >>> list_words(["售前", "售后"], "zh"), list_words([], "en")
    ('售前、售后', '')
    """
    return (
        reduce(lambda first, second: translate("words.list_comma", lang, first=first, second=second), parts)
        if parts
        else ""
    )


def formula_words(formula: str, lang: Lang) -> str:
    """Return a formula with the glossary's terms in place of its keys.

    Examples
    --------
    >>> formula_words("bot x (1 - reserve)", "zh")
    '机器人 × (1 − 预留比例)'
    """
    named = re.sub(r"[a-z][a-z0-9_]+", lambda key: label(key[0], lang) if key[0] in glossary() else key[0], formula)
    return named.replace(" x ", " × ").replace(" - ", " − ").replace(" / ", " ÷ ")


def day_words(day: dt.date, lang: Lang) -> str:
    """Return a day without its year.

    Examples
    --------
    >>> day_words(dt.date(2026, 10, 31), "zh"), day_words(dt.date(2026, 10, 31), "en")
    ('10月31日', '31 Oct')
    """
    return translate("report.day", lang, month=translate(f"report.month_{day.month}", lang), day=day.day)
