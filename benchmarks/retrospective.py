"""The loop of promos over simulated shops, and what a variance tree of a whole night costs.

Run: ``.venv/bin/python benchmarks/retrospective.py [--shops 40] [--promos 4] [--contacts 2000]``.

*The loop.* A shop behaves by ratios of its own, which drift a little from promo to promo; its first plan rests on the
field's. Each promo is drawn, measured as a shop would measure it, and written back; the next plan starts from there.
The error of a plan is how far its people's work (contacts past the bot x replies x seconds a reply) and its sales lie
from what the shop truly does, the median over the shops, for nights more and less unlike their shop. Beside it two
rivals: never learn anything, and believe the last night alone.

*The tree.* Seconds and distinct floors of a tree in which all eleven drivers moved, by size of the night.
"""

from __future__ import annotations

import argparse
import platform
import time
from dataclasses import replace

import numpy as np
import pandas as pd

from simlib.intervals import Grid
from simlib.kpis import ConversionCurve
from simlib.night import PromoNight
from simlib.retrospective import NightFacts, NightFigures, learn_from_night, work_out_variance
from simlib.simulator import Disruptions, Policy
from simlib.simulator.draw import ChatService, Demand, services_from_store
from simlib.store import Store, load_store
from simlib.store.models import Ratio
from simlib.streams import stream

LEARNED = ("bot_share", "conversion", "presale_replies", "presale_reply_s", "presale_think_s")
SPREAD = 0.3  # of a shop around the field, on the logarithm
DRIFT = 0.04  # from promo to promo
NIGHTS = (0.0, 0.1, 0.2)  # how unlike its shop a single night is: the goods, the buyers and the people of that night
OPENS = pd.Timestamp("2026-11-11", tz="Asia/Shanghai")


def with_ratios(store: Store, values: dict[str, float]) -> Store:
    """Give a store these ratios, whatever it had."""
    others = [ratio for ratio in store.ratios if ratio.key not in values]
    own = [Ratio(key=key, low=value, likely=value, high=value) for key, value in values.items()]
    return store.model_copy(update={"ratios": (*others, *own)})


def move(values: dict[str, float], rng: np.random.Generator, spread: float) -> dict[str, float]:
    """Move ratios by chance: shares on the logit, the others on the logarithm."""
    moved = {}
    for key, value in values.items():
        step = rng.normal(0, spread)
        odds = value / (1 - value) * np.exp(step) if key in ("bot_share", "conversion") else 0.0
        moved[key] = float(odds / (1 + odds)) if odds else max(float(value * np.exp(step)), 1.05)
    return moved


def measure(true: Store, contacts: int, promo: int, seed: int) -> dict[str, float]:
    """Draw one promo of a shop and measure it as the shop would."""
    service = services_from_store(true)["presale"]
    grid = Grid(opens=OPENS, n=48)
    forecast = pd.DataFrame({"start": grid.starts, "queue": "presale", "contacts": contacts / 48})
    drawn = Demand.of(forecast, {"presale": service}, grid=grid).draw(seed=seed, replication=promo)
    people = ~drawn.bot_resolves
    asked = max(int(people.sum()), 1)
    orders = stream(seed, promo, "orders").binomial(asked, true.ratio("conversion").likely)
    turns = np.repeat(people, drawn.turns)
    return {
        "bot_share": float(drawn.bot_resolves.mean()),
        "conversion": orders / asked,
        "presale_replies": float(drawn.turns[people].mean()),
        "presale_reply_s": float(drawn.handle[turns].mean()),
        "presale_think_s": float(drawn.think[turns].mean()),
    }


def errors(plan: Store, true: Store) -> tuple[float, float]:
    """Return how far a plan's work and sales per contact lie from the truth, on the logarithm."""
    work, sales = [], []
    for store in (plan, true):
        value = {key: store.ratio(key).likely for key in LEARNED}
        work.append((1 - value["bot_share"]) * value["presale_replies"] * value["presale_reply_s"])
        sales.append((1 - value["bot_share"]) * value["conversion"])
    return abs(np.log(work[0] / work[1])), abs(np.log(sales[0] / sales[1]))


def run_loop(shops: int, promos: int, contacts: int, *, night: float) -> pd.DataFrame:
    """Plan, draw, measure and write back, shop by shop; a night is by ``night`` unlike its shop."""
    base = load_store("tests/stores/a1")
    field = base.model_copy(update={"ratios": ()})
    start = {key: field.ratio(key).likely for key in LEARNED}
    rows = []
    for shop in range(shops):
        rng = stream(29, shop, "shop")
        truth = move(start, rng, SPREAD)
        plans = {"write back": field, "never learn": field, "last night": field}
        for promo in range(promos):
            tonight = move(truth, rng, night)
            true = with_ratios(field, truth)
            for way, plan in plans.items():
                work, sales = errors(plan, true)
                rows.append((way, promo + 1, work, sales))
            seen = measure(with_ratios(field, tonight), contacts, promo, seed=shop)
            figures = NightFigures(promo=f"promo {promo + 1}", ratios=seen)
            plans["write back"] = learn_from_night(plans["write back"], figures, lang="en").store
            plans["last night"] = with_ratios(field, seen)
            truth = move(truth, rng, DRIFT)
    table = pd.DataFrame(rows, columns=["way", "promo", "work", "sales"])
    return table.pivot_table(index="way", columns="promo", values=["work", "sales"], aggfunc="median")


def whole_night(people: int) -> tuple[NightFacts, NightFacts]:
    """Make a planned night of some people and one in which every driver is otherwise."""
    grid = Grid(opens=OPENS + pd.Timedelta("18h"), n=12)
    shape = np.array([2, 3, 4, 6, 12, 10, 8, 6, 5, 4, 3, 2], dtype=float)
    service = ChatService(replies_mean=5, reply_s=18, think_s=40, patience_s=120, silent_share=0.5, bot_share=0.3)
    ids = [f"A{number:04d}" for number in range(people)]
    staff = pd.DataFrame(
        {"agent_id": ids, "name": ids, "cohort": "own", "skill_1": "presale", "skill_2": None, "skill_3": None,
         "capacity": 4, "speed": 1.0, "cost_cny_h": 40.0, "seat": ids, "site": "s", "room": "r"}
    )  # fmt: skip
    end = grid.starts[-1] + pd.Timedelta("30min")
    roster = pd.DataFrame(
        {"agent_id": ids, "name": ids, "cohort": "own", "queue": "presale", "start": grid.opens, "end": end,
         "activity": "chat"}
    )  # fmt: skip
    forecast = pd.DataFrame({"start": grid.starts, "queue": "presale", "contacts": shape * people * 1.1})
    night = PromoNight(
        grid=grid,
        forecast=forecast,
        services={"presale": service},
        people=staff,
        roster=roster,
        threshold_s=60,
        rates=(),
        curve=ConversionCurve.default(),
        values_cny={"presale": 100.0},
        policy=Policy(silent_close_s=60),
    )
    plan = NightFacts(night=night, inquiry_share=0.5, conversion=0.5, aov_cny=400.0, opening=grid.starts[4])
    came = replace(
        night,
        forecast=forecast.assign(contacts=np.roll(shape, 1) * people * 1.3),
        services={"presale": replace(service, bot_share=0.2, reply_s=21)},
        roster=roster.iloc[: -max(people // 20, 1)],
        disruptions=Disruptions(down=[(agent, 7200, 9000) for agent in range(max(people // 10, 1))]),
    )
    away = [(ids[0], grid.opens, end)]
    actual = NightFacts(
        night=came,
        inquiry_share=0.48,
        conversion=0.46,
        aov_cny=380.0,
        opening=grid.starts[5],
        absences=away,
        sales_cny=1.0,
    )
    return plan, actual


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shops", type=int, default=40)
    parser.add_argument("--promos", type=int, default=4)
    parser.add_argument("--contacts", type=int, default=2000)
    parser.add_argument("--people", type=int, nargs="*", default=[12, 120])
    chosen = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}")
    for night in NIGHTS:
        print(f"\nmedian error of the plan in %, {chosen.shops} shops, nights {100 * night:.0f} % unlike their shop")
        table = run_loop(chosen.shops, chosen.promos, chosen.contacts, night=night)
        print((100 * table).round(1).to_string())
    work_out_variance(*whole_night(5), nights=2)  # compiled once
    for people in chosen.people:
        plan, actual = whole_night(people)
        contacts = plan.night.forecast["contacts"].sum()
        start = time.perf_counter()
        variance = work_out_variance(plan, actual, nights=10)
        seconds = time.perf_counter() - start
        print(f"\n{people} people, {contacts:,.0f} contacts: {variance.floors} floors x 10 nights in {seconds:.1f} s")


if __name__ == "__main__":
    main()
