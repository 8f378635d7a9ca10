"""What each incident of the night cost, and what its card and each lever would have saved, on the same buyers."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from simlib.night.promo_night import PromoNight, make_variants
from simlib.simulator.replicate import KpiMeasure, Replications, compare, replicate_variants

PLAN = "plan"


def cost_incidents(
    night: PromoNight,
    scenario_nights: Mapping[str, PromoNight],
    carded: Mapping[str, PromoNight] | None = None,
    *,
    seed: int = 7,
    nights: int = 30,
    workers: int | None = None,
) -> pd.DataFrame:
    """Compute what each incident cost on its own, and what the card for it would have saved.

    Parameters
    ----------
    night : PromoNight
        The night without any incident.
    scenario_nights : mapping of str to PromoNight
        By incident: the same night with this incident alone, as the log of the night has it.
    carded : mapping of str to PromoNight, optional
        By incident: the same with the levers of the incident's card applied at once.

    Returns
    -------
    DataFrame
        incident, cost_cny, cost_low, cost_high, lost_buyers, saved_cny, saved_low, saved_high (nan without a card);
        bands of 95 % on paired nights, the dearest first.

    Raises
    ------
    ValueError
        A card without its incident.
    """
    carded = dict(carded or {})
    strange = sorted(set(carded) - set(scenario_nights))
    if strange:
        raise ValueError(f"carded must name incidents of scenario_nights, got {strange[0]!r}")
    versions = {f"incident {name}": version for name, version in scenario_nights.items()}
    versions |= {f"card {name}": version for name, version in carded.items()}
    done = _rehearse(night, versions, seed=seed, nights=nights, workers=workers)
    rows = []
    for name in scenario_nights:
        cost = compare(done[PLAN], done[f"incident {name}"])
        row = {"incident": name, **_money(cost, "cost", sign=-1)}
        row["lost_buyers"] = float(cost.loc[["abandoned", "silent", "unserved"], "difference"].sum())
        if name in carded:
            row |= _money(compare(done[f"incident {name}"], done[f"card {name}"]), "saved", sign=1)
        rows.append(row)
    columns = ["incident", "cost_cny", "cost_low", "cost_high", "lost_buyers", "saved_cny", "saved_low", "saved_high"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("cost_cny", ascending=False, kind="stable", ignore_index=True)


def value_levers(
    night: PromoNight,
    levered: Mapping[int, PromoNight],
    *,
    seed: int = 7,
    nights: int = 30,
    workers: int | None = None,
) -> pd.DataFrame:
    """Compute what each lever saves in a night as it came.

    Parameters
    ----------
    night : PromoNight
        The night without any lever.
    levered : mapping of int to PromoNight
        By the row of the lever: the same night with this lever alone.

    Returns
    -------
    DataFrame
        saved_cny, saved_low, saved_high, by the row; bands of 95 % on paired nights, what the lever costs not counted.
    """
    versions = {str(row): version for row, version in levered.items()}
    done = _rehearse(night, versions, seed=seed, nights=nights, workers=workers)
    rows = {row: _money(compare(done[PLAN], done[str(row)]), "saved", sign=1) for row in levered}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["saved_cny", "saved_low", "saved_high"])


def _rehearse(
    night: PromoNight, versions: Mapping[str, PromoNight], *, seed: int, nights: int, workers: int | None
) -> dict[str, Replications]:
    """Simulate a night and its versions for the same buyers, wherever a version has the night's."""
    measure = KpiMeasure(
        queues=night.queues,
        opens=night.grid.opens,
        threshold_s=night.threshold_s,
        curve=night.curve,
        values_cny=night.values_cny,
    )
    variants = make_variants({PLAN: night, **versions})
    return replicate_variants(variants, measure=measure, seed=seed, replications=nights, workers=workers)


def _money(compared: pd.DataFrame, name: str, *, sign: int) -> dict[str, float]:
    """Read the change of the kept sales, as a cost (sign -1) or a gain."""
    low, high = sorted(sign * float(compared.loc["sales_kept", side]) for side in ("low", "high"))
    effect = sign * float(compared.loc["sales_kept", "difference"])
    return {f"{name}_cny": effect, f"{name}_low": low, f"{name}_high": high}
