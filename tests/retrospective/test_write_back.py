"""What the next promo starts from: shrinkage with its weight, a new workbook, a chain of promos that is kept."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simlib.messages import UserError
from simlib.retrospective import NightFigures, learn_from_night
from simlib.retrospective.write_back import list_promos, shrink, weight_of_night
from simlib.store import load_store
from simlib.store.models import HistoryRow


@pytest.fixture(scope="module")
def store():
    return load_store("tests/stores/a1")


def figures(**changes):
    return NightFigures(**({"promo": "2026-11", "ratios": {}} | changes))


def night_of(day, contacts=60.0):
    starts = pd.date_range(f"{day} 00:00", periods=48, freq="30min", tz="Asia/Shanghai")
    return pd.DataFrame({"start": starts, "queue": "presale", "contacts": contacts})


def test_a_ratio_moves_by_its_weight(store):
    """A ratio of the store's moves a quarter of the way, one of the field half of it; both become the store's."""
    learned = learn_from_night(store, figures(ratios={"conversion": 0.37, "patience_s": 200.0}))
    rows = learned.changes.set_index("key")
    assert rows.loc["conversion", "after"] == pytest.approx(0.45 + 0.25 * (0.37 - 0.45))
    before = store.ratio("patience_s").likely
    assert rows.loc["patience_s", "after"] == pytest.approx(math.sqrt(before * 200.0), rel=1e-5)
    assert learned.store.ratio("patience_s").source == "store"
    assert store.ratio("conversion").likely == 0.45


@settings(max_examples=100, deadline=None)
@given(st.floats(0.02, 0.98), st.integers(1, 4))
def test_the_span_holds_the_night_and_the_likely_value(seen, nights):
    """However often a night is taken in, the span holds the likely value, and right afterwards also the night."""
    store = load_store("tests/stores/a1")
    for _ in range(nights):
        store = learn_from_night(store, figures(ratios={"conversion": seen, "bot_share": seen})).store
    for key in ("conversion", "bot_share"):
        ratio = store.ratio(key)
        assert ratio.low <= ratio.likely <= ratio.high
        assert ratio.low - 1e-6 <= seen <= ratio.high + 1e-6 or nights > 1


def test_the_same_night_again_and_again_is_believed_in_the_end(store):
    """Twenty nights with the same figure bring the ratio to it, from any side."""
    for seen in (0.2, 0.7):
        learned = store
        away = []
        for _ in range(20):
            learned = learn_from_night(learned, figures(ratios={"conversion": seen})).store
            away.append(abs(learned.ratio("conversion").likely - seen))
        assert away == sorted(away, reverse=True)
        assert away[-1] < 0.01


def test_shares_move_straight_and_times_by_the_logarithm():
    """Half the way from 20 to 80 seconds is 40; a figure of 0 moves straight."""
    assert shrink(0.2, 0.4, 0.5, share=True) == pytest.approx(0.3)
    assert shrink(20, 80, 0.5, share=False) == pytest.approx(40)
    assert shrink(0, 80, 0.5, share=False) == 40
    assert weight_of_night("field") > weight_of_night("store")


def test_the_weight_stands_in_the_note_and_notes_pile_up(store):
    """The workbook says which promo a ratio learned from and with what weight, for each promo of the chain."""
    one = learn_from_night(store, figures(promo="618", ratios={"conversion": 0.4}), lang="en").store
    two = learn_from_night(one, figures(promo="D11", ratios={"conversion": 0.42}), lang="en").store
    note = two.ratio("conversion").note
    assert note.startswith("D11 came to 0.42, taken in with a weight of 25%. 618 came to 0.4")


def test_a_chain_of_promos_keeps_its_history(store):
    """Each promo's half hours are added under its name; the ones that are there stay as they are."""
    one = learn_from_night(store, figures(promo="618", contacts=night_of("2026-06-18")))
    two = learn_from_night(one.store, figures(promo="D11", contacts=night_of("2026-11-11", 90.0)))
    assert (one.history_rows, two.history_rows) == (48, 48)
    chain = list_promos(two.store)
    assert chain["promo"].tolist() == ["618", "D11"]
    assert chain["contacts"].tolist() == [48 * 60, 48 * 90]
    again = learn_from_night(two.store, figures(promo="D11", contacts=night_of("2026-11-11", 1.0)))
    assert again.history_rows == 0
    assert again.store.history == two.store.history
    assert "48 of these intervals" in again.messages[0].text("en")


def test_history_keeps_its_step(store):
    """A history by day gets the night's whole days; half a day is no day."""
    days = tuple(
        HistoryRow(start=day.to_pydatetime(), queue="presale", contacts=900.0)
        for day in pd.date_range("2026-10-01", periods=30, freq="D")
    )
    by_day = store.model_copy(update={"history": days})
    night = pd.concat([night_of("2026-11-11"), night_of("2026-11-12").head(8)])
    learned = learn_from_night(by_day, figures(contacts=night))
    assert learned.history_rows == 1
    assert learned.store.history[-1].contacts == 48 * 60


def test_the_new_workbook_reads_back_and_nothing_is_overwritten(store, tmp_path):
    """Saved and read again it is the same store; a second save to the same place is refused."""
    learned = learn_from_night(store, figures(ratios={"conversion": 0.4}, contacts=night_of("2026-11-11")))
    path = tmp_path / "next.xlsx"
    learned.save(path)
    again = load_store(path)
    assert again.ratio("conversion").likely == pytest.approx(learned.store.ratio("conversion").likely)
    assert len(again.history) == 48
    with pytest.raises(UserError, match="nothing is overwritten"):
        learned.save(path)


def test_cohort_speed_and_day_profile_are_shrunk_too(store):
    """A cohort half as fast again moves by the weight; a store without a profile takes the night's."""
    shares = dict.fromkeys(range(24), 1 / 24)
    learned = learn_from_night(store, figures(cohort_speed={store.agents[0].cohort: 1.5}, day_profile=shares))
    cohort = store.agents[0].cohort
    for before, after in zip(store.agents, learned.store.agents, strict=True):
        factor = 1.5**0.25 if before.cohort == cohort else 1.0
        assert after.speed == pytest.approx(before.speed * factor, abs=1e-4)
    assert len(learned.store.day_profile) == 24
    peak = learn_from_night(learned.store, figures(day_profile={hour: float(hour == 20) for hour in range(24)}))
    assert peak.store.day_profile[20].share == pytest.approx(0.75 / 24 + 0.25)


def test_figures_that_cannot_be_are_left_out_and_named(store):
    """Unknown keys, shares above one, a profile with a hole, a speed of 0: a sentence each, and the rest is learned."""
    learned = learn_from_night(
        store,
        figures(
            ratios={"mood": 1.0, "conversion": 45.0, "bot_share": 0.3},
            cohort_speed={"own": 0.0},
            day_profile={1: 1.0},
        ),
    )
    stated = [message.text("en") for message in learned.messages]
    assert len(stated) == 4
    assert "knows no mood" in stated[0]
    assert "outside the allowed" in stated[1]
    assert learned.changes["key"].tolist() == ["bot_share"]
    assert np.isfinite(learned.changes["after"]).all()
