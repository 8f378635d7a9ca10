"""What chapter 1 has worked out: the demand side (task to heads) and the people side."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from simlib import facts
from simlib.staffing.aftersale import aftersale_stream, visitor_route
from simlib.staffing.cascade import Span, cascade_inputs, hour_view, sales_cascade, tornado, whole_heads
from simlib.staffing.people import (
    has_passed,
    head_ratio,
    last_safe_dates,
    make_or_buy,
    may_serve,
    need_and_have,
    organise,
)
from simlib.staffing.solve import solve_for
from simlib.store.figures import ask_figures
from simlib.store.models import Store, Wave

UNKNOWNS = ("day_gmv_cny", "month_gmv_cny", "bot_share")
BEFORE_BUYERS = ("month_gmv_cny", "wave_share", "day_gmv_cny", "cs_share", "cs_sales_cny")
UNKNOWN_UNITS = {"bot_share": "share"}


@dataclass(frozen=True, kw_only=True)
class SalesResult:
    """From the sales task to contacts and heads.

    Attributes
    ----------
    spans : mapping of str to Span
        The inputs of the cascade, each with its span and its source.
    cascade : DataFrame
        step, value, low, high, unit, formula, source, heads.
    hours : DataFrame
        hour, contacts, agents flat out and at the occupancy ceiling.
    tornado : DataFrame
        Which ratio moves the peak's heads most; empty where none has a span.
    unknowns : DataFrame
        step, value (nan without a solution), needed_value, allowed_high, unit: each figure as the unknown, given the
        people there are; empty without people or contacts.
    visitor_route : float
        Presale contacts by the visitors of the day; nan where the store has no visitors.
    aftersale_stream : DataFrame
        date, phase, contacts, low, high: what the day's orders bring in the two weeks after it.
    four_figures : DataFrame
        asked_figure, figure_cny, figure_state (see :class:`simlib.store.figures.AskedFigure`), stands_in: the four
        figures that operations are asked for.
    """

    spans: Mapping[str, Span] = field(repr=False)
    cascade: pd.DataFrame = field(repr=False)
    hours: pd.DataFrame = field(repr=False)
    tornado: pd.DataFrame = field(repr=False)
    unknowns: pd.DataFrame = field(repr=False)
    visitor_route: float
    aftersale_stream: pd.DataFrame = field(repr=False)
    four_figures: pd.DataFrame = field(repr=False)

    @property
    def missing_figures(self) -> tuple[str, ...]:
        """Which of the four figures the cascade stands still without, by key; empty where it runs."""
        asked = self.four_figures
        missing = asked.loc[asked["figure_state"] == "figure_missing", "asked_figure"]
        return tuple(key.removeprefix("ask_") for key in missing)

    @property
    def reached(self) -> pd.DataFrame:
        """The rows of the cascade that stand without a missing figure: all of them where none is missing."""
        stands = self.cascade["step"].isin(BEFORE_BUYERS)
        return self.cascade[stands].reset_index(drop=True) if self.missing_figures else self.cascade

    def value(self, step: str) -> float:
        """Return the value of one step of the cascade."""
        return float(self.cascade.set_index("step").loc[step, "value"])

    def heads(self, step: str) -> int:
        """Return one step of the cascade as whole people."""
        return whole_heads(self.value(step))

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table of the demand side, by name."""
        found = {
            "four_figures": self.four_figures,
            "cascade": self.cascade,
            "hours": self.hours,
            "tornado": self.tornado,
            "unknowns": self.unknowns,
        }
        return {**found, "aftersale_stream": self.aftersale_stream}


def work_out_sales(
    store: Store, *, wave: Wave, shape: np.ndarray, peak_share: float, ready_heads: int, seed: int
) -> SalesResult:
    """Work the sales task out to contacts and heads.

    Parameters
    ----------
    store, wave
        The store and the wave whose day is planned.
    shape : array of 24 shares
        How the promo day's contacts fall into its hours.
    peak_share : float
        Share of the day in its busiest half hour.
    ready_heads : int
        People who may serve on the day; what the unknowns are solved for.
    seed : int
        Of the cascade's Monte Carlo.
    """
    spans = cascade_inputs(store, wave, peak_share=peak_share)
    cascade = sales_cascade(spans, seed=seed)
    value = cascade.set_index("step")["value"]
    likely = {key: span.likely for key, span in spans.items()}
    visitors, asking = (store.ratio(key).likely for key in ("visitors", "consult_share"))
    return SalesResult(
        spans=spans,
        cascade=cascade,
        hours=hour_view(
            human_contacts=float(value["human_contacts"]),
            profile=shape,
            agent_hour_capacity=likely["agent_hour_capacity"],
            occupancy_max=likely["occupancy_max"],
        ),
        tornado=tornado(spans),
        unknowns=_solve_unknowns(likely, heads=ready_heads, contacts=float(value["total_contacts"])),
        visitor_route=visitor_route(visitors=visitors, consult_share=asking) if visitors > 0 else np.nan,
        aftersale_stream=aftersale_stream(
            orders=float(value["day_gmv_cny"] / value["aov_cny"]),
            promo_day=wave.day,
            refund_share=store.ratio("refund_share").likely,
        ),
        four_figures=pd.DataFrame(
            [
                (f"ask_{figure.key}", figure.value_cny, figure.state, figure.stands_in or None)
                for figure in ask_figures(store, wave)
            ],
            columns=["asked_figure", "figure_cny", "figure_state", "stands_in"],
        ),
    )


def _solve_unknowns(likely: Mapping[str, float], *, heads: int, contacts: float) -> pd.DataFrame:
    rows = []
    for unknown in UNKNOWNS if heads and contacts else ():
        if unknown == "month_gmv_cny" and "wave_share" not in likely:
            continue
        solved = solve_for(unknown, likely, heads=heads)
        rows.append(
            {
                "step": unknown,
                "value": np.nan if solved.value is None else solved.value,
                "needed_value": solved.needed,
                "allowed_high": solved.allowed[1],
                "unit": UNKNOWN_UNITS.get(unknown, "CNY"),
            }
        )
    return pd.DataFrame(rows, columns=["step", "value", "needed_value", "allowed_high", "unit"])


@dataclass(frozen=True, kw_only=True)
class PeopleResult:
    """Need against have, where the missing people come from, and who leads whom.

    Attributes
    ----------
    need_and_have : DataFrame
        By role: need, have, by cohort, not_ready, can_help, gap.
    sources : DataFrame
        By cohort: sign_by, train_by, days_left, state, speed_on_day, heads_to_take, cost_cny_day, limits of the law.
    last_safe_dates : DataFrame
        task, last_day, days_left, late.
    organisation : DataFrame
        One row per person who may serve on the day: agent_id, name, queue, squad, lead_id, lead_name, is_lead.
    squads : DataFrame
        One row per squad: squad, queue, lead_name, members.
    ready, passed : int
        People who may serve on the day, and people who have passed exam and QA.
    head_ratio : mapping
        presale, aftersale, ratio, trade.
    complex_goods : bool
        Whether the goods need the long training.
    """

    need_and_have: pd.DataFrame = field(repr=False)
    sources: pd.DataFrame = field(repr=False)
    last_safe_dates: pd.DataFrame = field(repr=False)
    organisation: pd.DataFrame = field(repr=False)
    squads: pd.DataFrame = field(repr=False)
    ready: int
    passed: int
    head_ratio: Mapping[str, float]
    complex_goods: bool

    @property
    def gap(self) -> int:
        """People missing over all roles."""
        return int(self.need_and_have["gap"].clip(lower=0).sum())

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table of the people side, by name."""
        found = {"need_and_have": self.need_and_have, "sources": self.sources}
        return {**found, "last_safe_dates": self.last_safe_dates, "organisation": self.squads}


def work_out_people(
    store: Store, *, need: Mapping[str, float], day: dt.date, today: dt.date, stage: str = ""
) -> PeopleResult:
    """Set the heads needed at once, by role, against the people there are on the promo day.

    Parameters
    ----------
    need : mapping of queue to heads
        Heads on the roster at the worst half hour.
    day, today : datetime.date
        The promo day, and the day from which the last safe dates are counted.
    stage : str
        Of the store; one that begins has presale and after-sale in one team.
    """
    mark = store.rule("exam_pass_mark")
    complex_goods = bool(store.rule("complex_goods"))
    table = need_and_have(store, need=need, day=day)
    gap = int(table["gap"].clip(lower=0).sum())
    when: dict[str, Any] = {"promo_day": day, "today": today, "complex_goods": complex_goods}
    presets = {row["key"]: row for row in facts.table("stage_presets").to_dict("records")}
    organisation = organise(store, day=day, one_team=bool(presets.get(stage, {}).get("one_team", False)))
    rows = [
        {
            "squad": number,
            "queue": queue,
            "lead_name": people["lead_name"].iloc[0] if people["is_lead"].any() else None,
            "members": people.loc[~people["is_lead"], "name"].tolist(),
        }
        for (number, queue), people in organisation.groupby(["squad", "queue"], sort=True)
    ]
    return PeopleResult(
        need_and_have=table,
        sources=make_or_buy(gap=gap, **when),
        last_safe_dates=last_safe_dates(**when),
        organisation=organisation,
        squads=pd.DataFrame(rows, columns=["squad", "queue", "lead_name", "members"]),
        ready=sum(may_serve(agent, day=day, exam_pass=mark) for agent in store.agents),
        passed=sum(has_passed(agent, exam_pass=mark) for agent in store.agents),
        head_ratio=head_ratio(store),
        complex_goods=complex_goods,
    )
