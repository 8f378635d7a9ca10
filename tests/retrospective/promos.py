"""Simulated promos with known causes: what was changed is known, and what each change is worth alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from simlib.night import PromoNight
from simlib.retrospective import NightFacts, work_out_variance
from simlib.simulator import Disruptions
from simlib.streams import stream

CAUSES = ("contacts", "bot_net_share", "conversion", "aov_cny", "absence", "handling", "outages")
WORTH = {"inquiry_share": 0.5, "conversion": 0.5, "aov_cny": 400.0}
NIGHTS = 4


def draw_causes(number: int, night: PromoNight) -> dict[str, object]:
    """Draw one to four causes of a size each, from the number of the promo."""
    rng = stream(19, number, "causes")
    names = rng.choice(CAUSES, size=rng.integers(1, 5), replace=False)
    sizes = {
        "contacts": lambda: float(np.exp(rng.choice([-1, 1]) * rng.uniform(0.05, 0.4))),
        "bot_net_share": lambda: float(rng.uniform(-0.2, 0.1)),
        "conversion": lambda: float(rng.uniform(0.38, 0.58)),
        "aov_cny": lambda: float(rng.uniform(320, 470)),
        "absence": lambda: sorted(rng.choice(len(night.people), size=rng.integers(1, 5), replace=False).tolist()),
        "handling": lambda: float(np.exp(rng.uniform(-0.2, 0.5))),
        "outages": lambda: (int(rng.integers(2, 8)), float(rng.uniform(0, 5400)), float(rng.uniform(1800, 9000))),
    }
    return {str(name): sizes[str(name)]() for name in names}


def apply_causes(night: PromoNight, causes: dict[str, object]) -> NightFacts:
    """Make the facts of the night that these causes make of the plan's."""
    worth = dict(WORTH)
    absences = []
    for name, size in causes.items():
        if name == "contacts":
            night = replace(night, forecast=night.forecast.assign(contacts=night.forecast["contacts"] * size))
        elif name in worth:
            worth[name] = size
        elif name == "bot_net_share":
            services = {queue: replace(each, bot_share=each.bot_share + size) for queue, each in night.services.items()}
            night = replace(night, services=services)
        elif name == "handling":
            services = {queue: replace(each, reply_s=each.reply_s * size) for queue, each in night.services.items()}
            night = replace(night, services=services)
        elif name == "absence":
            ids = night.people["agent_id"].iloc[list(size)]
            absences = [(agent, night.grid.opens, night.grid.opens + pd.Timedelta("1D")) for agent in ids]
        else:
            seats, start_s, length_s = size
            night = replace(
                night, disruptions=Disruptions(down=[(seat, start_s, start_s + length_s) for seat in range(seats)])
            )
    return NightFacts(night=night, absences=absences, **worth)


def judge_promo(night: PromoNight, number: int) -> tuple[str, str, float]:
    """Return the largest cause, the first driver of the tree, and how much larger the largest cause is than the next.

    What a cause is worth is measured with it alone, on other buyers than the tree's, so neither chance nor the other
    causes are shared.
    """
    plan = NightFacts(night=night, **WORTH)
    causes = draw_causes(number, night)
    alone = {}
    for name, size in causes.items():
        variance = work_out_variance(plan, apply_causes(night, {name: size}), seed=77, nights=NIGHTS)
        alone[name] = abs(float(variance.tree.set_index("driver").loc[name, "effect_cny"]))
    sizes = sorted(alone.values(), reverse=True)
    tree = work_out_variance(plan, apply_causes(night, causes), seed=7, nights=NIGHTS).tree
    first = str(tree.loc[tree["effect_cny"].abs().idxmax(), "driver"])
    ahead = sizes[0] / sizes[1] if len(sizes) > 1 and sizes[1] else float("inf")
    return max(alone, key=lambda name: alone[name]), first, ahead
