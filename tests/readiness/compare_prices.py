"""Compare simlib's prices and conflicts of one sheet with the reference's, to the cent."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from simlib.readiness import final_price, find_conflicts
from tests.readiness import reference_prices as reference


def frames(activities, goods):
    """Make the frames of a sheet from its rows."""
    return (
        pd.DataFrame(activities, columns=reference.ACTIVITY_CELLS, dtype=object),
        pd.DataFrame(goods, columns=reference.GOOD_CELLS, dtype=object),
    )


def result_rows(price):
    """Return a Price as the reference returns it."""
    return {
        "pay": price.pay_cny,
        "steps": list(price.steps.itertuples(index=False, name=None)),
        "lines": list(price.lines.itertuples(index=False, name=None)),
        "gifts": list(price.gifts.itertuples(name=None)),
        "refused": price.refused,
    }


def compare_sheet(seed: int, *, baskets: int = 20) -> tuple[int, int]:
    """Compare one random sheet, return how many prices and how many conflicts it had; raise where they differ."""
    rng = np.random.default_rng([17, seed])
    activities, goods = reference.random_sheet(rng, wrong=0.3 if seed % 3 == 0 else 0.0)
    sheet = reference.Sheet(activities, goods)
    of_activities, of_goods = frames(activities, goods)
    mine = find_conflicts(of_activities, of_goods)
    found = [(*row[:4], row[4] and row[4].to_pydatetime(), row[5]) for row in mine.itertuples(index=False, name=None)]
    bounds = [row[name] for row in goods for name in ("stock", "limit_per_buyer") if row[name] is not None]
    bounds += [row["limit_pieces"] or 0 for row in activities] + [row["threshold_pieces"] or 0 for row in activities]
    expected = reference.conflicts(sheet, beyond=int(max([*bounds, 2])) + 1)
    assert found == expected, f"sheet {seed}: {found} != {expected}"
    priced = 0
    for _ in range(baskets):
        names = [row["sku"] for row in goods]
        basket = {sku: int(rng.integers(1, 6)) for sku in names if rng.random() < 0.6}
        buyer = str(rng.choice(reference.BUYERS))
        at = reference.DAY + dt.timedelta(days=float(rng.integers(0, 24)) / 2)
        order = list(basket.items())
        rng.shuffle(order)
        order = [(str(sku), int(quantity)) for sku, quantity in order]
        if sheet.bad_ids or sheet.bad_skus:
            with pytest.raises(ValueError, match=r".") as error:
                final_price(order, activities=of_activities, goods=of_goods, buyer=buyer, at=at)
            assert min(sheet.bad_ids + sheet.bad_skus) in str(error.value)
            continue
        expected_price = reference.price(sheet, basket, buyer, at)
        got = final_price(order, activities=of_activities, goods=of_goods, buyer=buyer, at=at)
        assert result_rows(got) == expected_price, f"sheet {seed}, {order}, {buyer}, {at}"
        priced += 1
    return priced, len(found)
