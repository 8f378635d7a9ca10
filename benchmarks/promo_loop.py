"""The loop of promos over simulated shops: the error of the plan falls from promo to promo.

Run: ``.venv/bin/python benchmarks/promo_loop.py [--shops 40] [--promos 4]``.

Each shop has an uplift, an evening and ratios of its own, which its first plan does not know: that rests on the
field's figures and on five weeks of ordinary days. A promo is drawn, counted and written back by ``learn``; the next
plan starts from there, with five more weeks of ordinary days. One night's size lies around the shop's usual one by a
tenth.
"""

from __future__ import annotations

import argparse
import datetime as dt
import platform

import numpy as np
import pandas as pd

from simlib.forecasting.promo import forecast_by_history, hours_of_opening, promo_curve, spread_day
from simlib.inputs import NightInputs
from simlib.messages import HOUSE
from simlib.retrospective import NightFigures, compare_actuals, measure_fit
from simlib.review import learn
from simlib.store import load_store
from simlib.store.models import HistoryRow, Store, Wave
from simlib.streams import stream

FIRST, APART_DAYS, BEFORE_DAYS = dt.date(2026, 3, 8), 70, 35
USUAL = 400.0  # contacts of an ordinary day
NIGHT_CV = 0.1  # how far one promo's size lies from the shop's usual one
DRAWN = ("conversion", "bot_share")


def spread(inputs: NightInputs, hours: np.ndarray, **total: float) -> pd.DataFrame:
    """Spread a day's total over the half hours of a night, as :meth:`NightInputs.spread_day` does."""
    night = {"grid": inputs.grid, "opening": inputs.opening, "next_profile": inputs.next_shape}
    return spread_day(queue="presale", profile=hours, **night, **total)


class SimulatedShop:
    """A shop with an uplift, an evening and ratios of its own, which its first plan does not know.

    Parameters
    ----------
    number : int
        Which shop: everything about it is drawn from its number.
    """

    def __init__(self, number: int) -> None:
        rng = stream(31, number, "shop")
        self.number = number
        self.uplift = float(4.5 * np.exp(rng.choice([-1, 1]) * rng.uniform(0.35, 0.7)))
        evening = promo_curve("E").shape ** rng.uniform(1.2, 1.6)  # a sharper evening than the field's
        self.shape = evening / evening.sum()
        self.ratios = {"conversion": float(rng.uniform(0.3, 0.38)), "bot_share": float(rng.uniform(0.15, 0.3))}
        bare = load_store(HOUSE / "tests" / "stores" / "a1")
        kept = tuple(ratio for ratio in bare.ratios if ratio.key not in DRAWN)
        self.store = bare.model_copy(update={"ratios": kept, "history": ()})

    def wave(self, promo: int) -> Wave:
        """Return the promo's wave: it opens at 20:00."""
        day = FIRST + dt.timedelta(days=APART_DAYS * promo)
        start = dt.datetime.combine(day, dt.time(20))
        return Wave(name=f"promo {promo + 1}", profile="E", start=start, end=start.replace(hour=23), day_gmv_cny=1e5)

    def plan_of(self, store: Store, promo: int) -> NightInputs:
        """Return what a plan starts from on the eve of a promo: five more weeks of ordinary days in its history."""
        wave = self.wave(promo)
        rng = stream(31, 100 * self.number + promo, "ordinary")
        hours = promo_curve("N").shape
        days = [wave.day - dt.timedelta(days=back) for back in range(BEFORE_DAYS, 0, -1)]
        rows = [
            HistoryRow(
                start=dt.datetime.combine(day, dt.time(hour)),
                queue="presale",
                contacts=float(rng.poisson(USUAL * hours[hour])),
            )
            for day in days
            for hour in range(24)
        ]
        return NightInputs(
            store=store.model_copy(update={"history": (*store.history, *rows), "waves": (wave,)}), wave=wave
        )

    def true_mean(self, inputs: NightInputs) -> pd.DataFrame:
        """Return the contacts that the shop's promos bring on average, by half hour."""
        total = USUAL * self.uplift
        return spread(inputs, hours_of_opening(self.shape, opening=dt.time(20)), total=total, low=total, high=total)

    def play(self, promos: int) -> pd.DataFrame:
        """Plan, meet and write back some promos; one row per plan.

        Returns
        -------
        DataFrame
            promo, contacts_error (share by which the day's total is off), interval_error (WAPE by half hour against
            the shop's own mean), conversion_error, bot_error (share by which the ratio is off).
        """
        store, rows = self.store, []
        for promo in range(promos):
            inputs = self.plan_of(store, promo)
            promo_days = [day for days in inputs.promo_days.values() for day in days]
            found = forecast_by_history(
                inputs.history["presale"], inputs.curve, day=inputs.wave.day, promo_days=promo_days
            )
            planned = spread(inputs, inputs.shape, total=found.mean, low=found.low, high=found.high)
            true = self.true_mean(inputs)
            errors = {
                f"{key.split('_')[0]}_error": abs(inputs.store.ratio(key).likely / self.ratios[key] - 1)
                for key in DRAWN
            }
            fit = measure_fit(compare_actuals(planned, true[["start", "queue", "contacts"]]))
            rows.append(
                {"promo": promo + 1, "contacts_error": abs(found.mean / (USUAL * self.uplift) - 1),
                 "interval_error": fit.wape, **errors}
            )  # fmt: skip
            rng = stream(31, 100 * self.number + promo, "night")
            size = float(np.exp(rng.normal(0, NIGHT_CV)))
            came = true[["start", "queue"]].assign(contacts=rng.poisson(true["contacts"] * size).astype(float))
            asked = int(came["contacts"].sum())
            seen = {key: float(rng.binomial(asked, value) / asked) for key, value in self.ratios.items()}
            figures = NightFigures(promo=inputs.wave.name, ratios=seen, contacts=came)
            store = learn(inputs, figures, aov_cny=150.0, lang="en").store
        return pd.DataFrame(rows)


def main() -> None:
    """Print the median and the upper decile of the errors over the shops, by promo."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shops", type=int, default=40)
    parser.add_argument("--promos", type=int, default=4)
    chosen = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}")
    every = pd.concat([SimulatedShop(number).play(chosen.promos).assign(shop=number) for number in range(chosen.shops)])
    for name, share in (("median", 0.5), ("upper decile", 0.9)):
        print(f"\n{name} of the plan's error in %, {chosen.shops} shops")
        table = every.drop(columns="shop").groupby("promo").quantile(share)
        print((100 * table).round(1).to_string())


if __name__ == "__main__":
    main()
