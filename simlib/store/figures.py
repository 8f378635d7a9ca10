"""The four figures that operations are asked for, and what of the store's own stands in for one that is open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from simlib.store.models import Ratio, Store, StoreInfo, Wave

FOUR_FIGURES = ("month_gmv_cny", "month_aov_cny", "day_gmv_cny", "day_aov_cny")
ORDER_VALUE = "aov_cny"
FigureState = Literal["figure_given", "figure_calculated", "figure_stood_in", "figure_open", "figure_missing"]


@dataclass(frozen=True, kw_only=True)
class AskedFigure:
    """One of `FOUR_FIGURES`.

    Attributes
    ----------
    key : str
    value_cny : float or None
        What the cascade counts with; None where the store has nothing.
    state : str
        ``figure_given``; ``figure_calculated`` from the month and the wave's share of it; ``figure_stood_in`` by
        another figure of the store; ``figure_open``: not given, and the promo day does without it;
        ``figure_missing``: not given, and the cascade stops.
    stands_in : str
        The figure of the store that stands in; empty where none does.
    """

    key: str
    value_cny: float | None
    state: FigureState
    stands_in: str = ""


def ask_figures(store: Store, wave: Wave) -> tuple[AskedFigure, ...]:
    """Return the four figures of a store and a wave, in the order in which operations are asked.

    An order value that only the field's figure could give is missing: no plan is signed on it.

    Examples
    --------
    >>> from simlib.store import read_store
    >>> store = read_store("tests/stores/a1")
    >>> [figure.state for figure in ask_figures(store, store.waves[0])]
    ['figure_open', 'figure_given', 'figure_given', 'figure_stood_in']
    """
    info = store.store
    day_gmv = AskedFigure(key="day_gmv_cny", value_cny=wave.day_gmv_cny, state="figure_given")
    if wave.day_gmv_cny is None:
        day_cny = wave.sales_cny(info.month_gmv_cny or 0.0) or None
        state: FigureState = "figure_calculated" if day_cny else "figure_missing"
        stands_in = "month_gmv_cny" if day_cny else ""
        day_gmv = AskedFigure(key="day_gmv_cny", value_cny=day_cny, state=state, stands_in=stands_in)
    order_value: FigureState = "figure_open" if has_order_value(info, store.ratios, [wave]) else "figure_missing"
    return (
        _given_or("figure_open", "month_gmv_cny", info.month_gmv_cny),
        _given_or(order_value, "month_aov_cny", info.month_aov_cny),
        day_gmv,
        _day_order_value(store, wave),
    )


def _given_or(otherwise: FigureState, key: str, value: float | None) -> AskedFigure:
    return AskedFigure(key=key, value_cny=value, state=otherwise if value is None else "figure_given")


def _day_order_value(store: Store, wave: Wave) -> AskedFigure:
    """Return the order value of the day: the wave's own, else the store's ratio, else the month's."""
    key = "day_aov_cny"
    if wave.day_aov_cny is not None:
        return AskedFigure(key=key, value_cny=wave.day_aov_cny, state="figure_given")
    own = next((ratio for ratio in store.ratios if _is_own_order_value(ratio)), None)
    month = store.store.month_aov_cny
    if own is not None:
        return AskedFigure(key=key, value_cny=own.likely, state="figure_stood_in", stands_in=ORDER_VALUE)
    if month is not None:
        return AskedFigure(key=key, value_cny=month, state="figure_stood_in", stands_in="month_aov_cny")
    return AskedFigure(key=key, value_cny=None, state="figure_missing")


def has_order_value(info: StoreInfo, ratios: Iterable[Ratio], waves: Iterable[Wave]) -> bool:
    """Return whether the store itself gives what an order is worth, for each of the waves.

    The ratio of a fresh workbook, which is the field's, does not count.
    """
    own = info.month_aov_cny is not None or any(_is_own_order_value(ratio) for ratio in ratios)
    return own or all(wave.day_aov_cny is not None for wave in waves)


def _is_own_order_value(ratio: Ratio) -> bool:
    return ratio.key == ORDER_VALUE and ratio.source == "store"
