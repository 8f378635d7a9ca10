"""The sales cascade against the two worked examples and against brute force."""

import datetime as dt

import numpy as np
import pytest

from simlib import load_store
from simlib.messages import HOUSE
from simlib.staffing import (
    Span,
    cascade_inputs,
    day_capacity,
    hour_view,
    needed_heads,
    sales_cascade,
    solve_for,
    tornado,
)
from simlib.staffing.cascade import draw_inputs, run_steps
from simlib.store.models import Store, StoreInfo, Wave

A1_STORE = HOUSE / "tests" / "stores" / "a1"
# Share of the day's chats in each hour of a day that opens at 20:00 (profile E of the field document).
PROFILE_E = np.array(
    (
        *(0.9, 0.4, 0.3, 0.2, 0.2, 0.2, 0.5, 1.0, 1.9, 2.9, 3.6, 3.5),
        *(3.2, 3.3, 3.6, 3.8, 4.1, 4.2, 4.9, 7.2, 17.0, 13.1, 11.0, 9.0),
    )
)
A1 = {
    "day_gmv_cny": 1_000_000,
    "cs_share": 0.30,
    "aov_cny": 150,
    "conversion": 0.45,
    "inquiries_per_reception": 1,
    "presale_share": 2 / 3,
    "bot_share": 0.40,
    "agent_day_capacity": 300,
    "agent_hour_capacity": 22,
    "reserve": 0.15,
    "occupancy_max": 0.85,
    "peak_share": 0.17 / 2,
}


def spans(values):
    return {key: Span(low=value, likely=value, high=value, source="store") for key, value in values.items()}


def test_story_a1_step_by_step():
    """Six fields of a shop give exactly the numbers of the story, down to 14 and 16 agents."""
    table = sales_cascade(spans(A1)).set_index("step")
    value = table["value"].round(6)
    assert value["cs_sales_cny"] == 300_000
    assert value["buyers"] == 2_000
    assert round(value["inquiries"]) == 4_444
    assert round(value["total_contacts"]) == 6_667
    assert round(value["aftersale_contacts"]) == 2_222
    assert value["human_contacts"] == pytest.approx(4_000)
    assert value["agents_day"] == pytest.approx(13.333, abs=1e-3)
    assert table.loc["agents_day", "heads"] == 14
    assert table.loc["agents_day_reserve", "heads"] == 16


def test_story_a1_hour_view():
    """The hour of 20:00 needs 31 agents flat out and 37 at the ceiling, where the day's average said 14."""
    hours = hour_view(
        human_contacts=4_000, profile=PROFILE_E / PROFILE_E.sum(), agent_hour_capacity=22, occupancy_max=0.85
    ).set_index("hour")
    assert hours.loc[20, ["agents_flat_out", "agents_at_ceiling"]].tolist() == [31, 37]
    assert hours["contacts"].sum() == pytest.approx(4_000)
    assert hours["agents_flat_out"].idxmax() == 20


def test_story_a1_with_three_inquiries_in_four_receptions():
    """With 0.75 inquiries a reception the same inquiries come from 5,926 presale receptions."""
    table = sales_cascade(spans(A1 | {"inquiries_per_reception": 0.75})).set_index("step")
    assert round(table.loc["presale_contacts", "value"]) == 5_926


def test_story_a2_trade_example():
    """The trade's example: 2,500 inquiries, 576 an agent-day, 4.34, so 5 agents."""
    capacity = day_capacity(messages=10, message_s=5, hours=8)
    values = A1 | {
        "day_gmv_cny": 500_000,
        "aov_cny": 100,
        "cs_share": 0.2,
        "conversion": 0.4,
        "presale_share": 1,
        "bot_share": 0,
        "agent_day_capacity": capacity,
        "reserve": 0,
    }
    table = sales_cascade(spans(values)).set_index("step")
    assert capacity == 576
    assert table.loc["buyers", "value"] == pytest.approx(1_000)
    assert table.loc["inquiries", "value"] == pytest.approx(2_500)
    assert table.loc["agents_day", "value"] == pytest.approx(4.34, abs=0.005)
    assert table.loc["agents_day", "heads"] == 5


@pytest.mark.parametrize("basis", ["day", "peak"])
@pytest.mark.parametrize("unknown", ["day_gmv_cny", "bot_share", "conversion", "cs_share", "presale_share"])
def test_solution_put_back_gives_the_heads(basis, unknown):
    """Whatever is solved for, the cascade run forward with the solution asks for exactly the given heads."""
    heads = needed_heads(A1, basis=basis) * 0.9
    solution = solve_for(unknown, A1, heads=heads, basis=basis)
    assert solution.value is not None
    assert needed_heads(A1 | {unknown: solution.value}, basis=basis) == pytest.approx(heads, rel=1e-12)


def test_no_solution_says_what_would_be_needed():
    """Ten times the sales with the same people asks for a conversion above 1: no value, but the need is named."""
    solution = solve_for("conversion", A1 | {"day_gmv_cny": 10_000_000}, heads=14, basis="day")
    assert solution.value is None
    assert solution.needed > 1 == solution.allowed[1]


def test_enough_people_need_no_bot():
    """With more people than the work asks for, the bot share that is needed is none."""
    assert solve_for("bot_share", A1, heads=1_000).value == 0.0


def test_steps_agree_with_solver():
    """The table's heads and the solver's closed form are two ways to the same number."""
    table = sales_cascade(spans(A1)).set_index("step")
    assert needed_heads(A1, basis="day") == pytest.approx(table.loc["agents_day_reserve", "value"])
    assert needed_heads(A1, basis="peak") == pytest.approx(table.loc["agents_peak_occupancy", "value"])


def test_band_holds_ninety_percent_of_draws():
    """The band of a step is the middle 90 % of what the cascade gives over the inputs' spans."""
    wide = spans(A1) | {"conversion": Span(low=0.3, likely=0.45, high=0.6, source="field")}
    row = sales_cascade(wide, seed=3).set_index("step").loc["inquiries"]
    inquiries = run_steps(draw_inputs(wide, seed=99))["inquiries"]
    inside = ((inquiries >= row["low"]) & (inquiries <= row["high"])).mean()
    assert inside == pytest.approx(0.90, abs=0.01)


def test_new_uncertainty_moves_no_other_draw():
    """Widening one input leaves the draws of every other input as they were."""
    base = spans(A1) | {"conversion": Span(low=0.3, likely=0.45, high=0.6, source="field")}
    more = base | {"bot_share": Span(low=0.2, likely=0.4, high=0.6, source="field")}
    assert (draw_inputs(base, seed=7)["conversion"] == draw_inputs(more, seed=7)["conversion"]).all()


def test_a_decision_is_no_chance():
    """Reserve and occupancy ceiling, whatever their span, neither widen a band nor stand in the tornado."""
    given = spans(A1)
    open_to_choice = given | {
        "reserve": Span(low=0.0, likely=0.15, high=0.5, source="ours"),
        "occupancy_max": Span(low=0.6, likely=0.85, high=1.0, source="ours"),
    }
    table = sales_cascade(open_to_choice).set_index("step")
    assert table["low"].equals(table["high"])
    assert table.loc["reserve", ["value", "low", "high"]].tolist() == [0.15, 0.15, 0.15]
    assert tornado(open_to_choice).empty


def test_low_and_high_mean_the_same_in_every_row():
    """Of an input too they are the 5th and 95th percentile of its draws: a triangle's own, not its corners."""
    wide = spans(A1) | {"conversion": Span(low=0.3, likely=0.45, high=0.6, source="field")}
    row = sales_cascade(wide).set_index("step").loc["conversion"]
    low, high = 0.3 + np.sqrt(0.05 * 0.3 * 0.15), 0.6 - np.sqrt(0.05 * 0.3 * 0.15)
    assert (row["low"], row["high"]) == pytest.approx((low, high), abs=0.003)
    assert row["value"] == 0.45


def test_the_sales_task_may_carry_a_span():
    """A store that says 80 to 130 % of its task gets a band of sales and of everything below."""
    base = load_store(A1_STORE)
    reach = base.ratio("task_reach").model_copy(update={"low": 0.8, "likely": 1.0, "high": 1.3})
    store = base.model_copy(update={"ratios": (*base.ratios, reach)})
    plain, table = (
        sales_cascade(cascade_inputs(each, each.waves[0], peak_share=0.1)).set_index("step") for each in (base, store)
    )
    assert table["value"].equals(plain["value"])
    for step in ("day_gmv_cny", "total_contacts", "agents_peak"):
        assert plain.loc[step, "low"] == pytest.approx(plain.loc[step, "high"])
        share_low, share_high = (table.loc[step, end] / table.loc[step, "value"] for end in ("low", "high"))
        assert share_low == pytest.approx(0.8 + np.sqrt(0.05 * 0.5 * 0.2), abs=0.01)
        assert share_high == pytest.approx(1.3 - np.sqrt(0.05 * 0.5 * 0.3), abs=0.01)


def test_tornado_ranks_by_brute_force():
    """The widest bar belongs to the input whose ends move the heads most when the cascade is simply run again."""
    wide = spans(A1) | {
        "conversion": Span(low=0.40, likely=0.45, high=0.50, source="field"),
        "bot_share": Span(low=0.20, likely=0.40, high=0.70, source="field"),
    }
    table = tornado(wide)
    swings = {}
    for key in ("conversion", "bot_share"):
        ends = [needed_heads(A1 | {key: getattr(wide[key], end)}, basis="peak") for end in ("low", "high")]
        swings[key] = abs(ends[1] - ends[0])
    assert table["step"].tolist() == sorted(swings, key=swings.get, reverse=True)
    assert table["swing"].tolist() == pytest.approx(sorted(swings.values(), reverse=True))


def test_span_out_of_order_is_refused():
    """A low above the likely value is refused with the three values."""
    with pytest.raises(ValueError, match=r"low <= likely <= high.*0\.5, 0\.4"):
        Span(low=0.5, likely=0.4, high=0.6, source="store")


STORE = Store(
    store_id="s",
    store=StoreInfo(name="s", platform="tmall", month_gmv_cny=10_000_000),
    waves=(),
    ratios=(),
    agents=(),
)
NIGHT = {"name": "W", "profile": "E", "start": dt.datetime(2026, 10, 31, 20), "end": dt.datetime(2026, 11, 1)}


def without_month(store):
    return store.model_copy(update={"store": store.store.model_copy(update={"month_gmv_cny": None})})


def test_the_months_task_leads_to_the_day():
    """Where the wave has a share of the month only, month and share are given and the day is calculated."""
    found = cascade_inputs(STORE, Wave(**NIGHT, month_share=0.12), peak_share=0.1)
    table = sales_cascade(found).set_index("step")
    assert table.index[:3].tolist() == ["month_gmv_cny", "wave_share", "day_gmv_cny"]
    assert table["value"].iloc[:3].tolist() == pytest.approx([10_000_000, 0.12, 1_200_000])
    assert table["source"].iloc[:3].tolist() == ["store", "store", "calculated"]
    assert table.loc["cs_sales_cny", "value"] == pytest.approx(1_200_000 * 0.25)


def test_the_waves_own_day_goes_before_the_month():
    """A day GMV of the wave's own wins, and its share of the month is what the two figures come to."""
    found = cascade_inputs(STORE, Wave(**NIGHT, month_share=0.5, day_gmv_cny=1_500_000), peak_share=0.1)
    table = sales_cascade(found).set_index("step")
    assert table["value"].iloc[:3].tolist() == [10_000_000, 0.15, 1_500_000]
    assert table["source"].iloc[:3].tolist() == ["store", "calculated", "store"]


def test_an_unknown_month_leaves_an_empty_row():
    """Without a month's GMV its row and the wave's share stand empty, and everything below them has its figure."""
    found = cascade_inputs(without_month(STORE), Wave(**NIGHT, day_gmv_cny=1_500_000), peak_share=0.1)
    table = sales_cascade(found)
    assert table.loc[table["value"].isna(), "step"].tolist() == ["month_gmv_cny", "wave_share"]
    assert table.loc[table["value"].isna(), "source"].eq("missing").all()


def test_a_share_of_an_unknown_month_is_refused():
    """A wave that has nothing but a share of a month that nobody gave is refused by name."""
    with pytest.raises(ValueError, match="wave 'W' needs day_gmv_cny"):
        cascade_inputs(without_month(STORE), Wave(**NIGHT, month_share=0.1), peak_share=0.1)


@pytest.mark.parametrize("basis", ["day", "peak"])
@pytest.mark.parametrize("unknown", ["month_gmv_cny", "wave_share"])
def test_a_figure_of_the_month_can_be_the_unknown(basis, unknown):
    """The month solved for, run forward through the cascade's own steps, asks for exactly the given heads."""
    values = A1 | {"month_gmv_cny": 5_000_000, "wave_share": 0.2}
    heads = needed_heads(values, basis=basis) * 0.8
    solution = solve_for(unknown, values, heads=heads, basis=basis)
    forward = {key: value for key, value in values.items() if key != "day_gmv_cny"} | {unknown: solution.value}
    step = {"day": "agents_day_reserve", "peak": "agents_peak_occupancy"}[basis]
    assert run_steps(forward)[step] == pytest.approx(heads, rel=1e-12)


def test_chats_handed_on_are_taken_twice():
    """A tenth of human contacts handed on makes a tenth more work and heads, and no more buyers who ask."""
    before, after = (run_steps(A1 | {"transfer_rate": rate}) for rate in (0.0, 0.1))
    assert run_steps(A1)["human_contacts"] == before["human_contacts"]
    assert after["total_contacts"] == before["total_contacts"]
    assert after["human_contacts"] == pytest.approx(1.1 * before["human_contacts"])
    assert after["agents_peak_occupancy"] == pytest.approx(1.1 * before["agents_peak_occupancy"])
    assert solve_for("transfer_rate", A1, heads=1.1 * before["agents_peak_occupancy"]).value == pytest.approx(0.1)


def test_a_day_without_sales_needs_nobody():
    """A day GMV of 0 goes through every step, hour and swing, and asks for no heads."""
    found = spans(A1 | {"day_gmv_cny": 0}) | {"conversion": Span(low=0.3, likely=0.45, high=0.6, source="field")}
    table = sales_cascade(found).set_index("step")
    assert table.loc[["agents_day_reserve", "agents_peak_occupancy"], "heads"].tolist() == [0, 0]
    hours = hour_view(human_contacts=0, profile=PROFILE_E / 100, agent_hour_capacity=22, occupancy_max=0.85)
    assert hours["agents_at_ceiling"].sum() == 0
    assert tornado(found).empty


def test_buyers_who_come_back_from_the_bot_are_peoples_contacts():
    """The bot settles its share less those who come back, in the cascade and in the figure solved for."""
    back = run_steps(A1 | {"bot_return_rate": 0.25})["human_contacts"]
    assert back == pytest.approx(run_steps(A1)["total_contacts"] * (1 - 0.75 * A1["bot_share"]))
    assert run_steps(A1 | {"bot_return_rate": 0.0})["human_contacts"] == run_steps(A1)["human_contacts"]
