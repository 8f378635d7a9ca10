"""S006: four figures are asked of operations; without an order value of the store's own nothing is to be signed."""

import datetime as dt
import shutil
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from simlib.cli import app
from simlib.inputs import NightInputs, find_wave
from simlib.messages import HOUSE, LANGS, label
from simlib.planning import plan
from simlib.readiness.cards import make_cards
from simlib.report import pages
from simlib.staffing.result import work_out_sales
from simlib.store import check_store, load_store, read_store
from simlib.store.figures import FOUR_FIGURES, ask_figures
from simlib.store.problems import StoreError
from simlib.verdict import Verdict

A1 = HOUSE / "tests" / "stores" / "a1"
BODYCARE = HOUSE / "templates" / "stores" / "bodycare"


@pytest.fixture
def owed(tmp_path):
    """The store A1 to which operations have not given what an order is worth."""
    folder = shutil.copytree(A1, tmp_path / "owed")
    text = (folder / "store.yml").read_text(encoding="utf-8")
    (folder / "store.yml").write_text(text.replace("month_aov_cny: 150\n", ""), encoding="utf-8")
    return folder


def sales_of(store):
    """Chapter 1 of a store's best wave."""
    wave = find_wave(store)
    given = NightInputs(store=store, wave=wave)
    return work_out_sales(store, wave=wave, shape=given.hours, peak_share=given.peak_share, ready_heads=5, seed=7)


def test_a_missing_order_value_is_a_problem_that_names_the_form(owed):
    """`check` prints it and fails, with the way to get it; a store that has one passes."""
    [problem] = check_store(owed).problems
    assert (problem.message, problem.loss) == ("order_value_missing", "missing")
    assert "Evening opening" in problem.text("zh")
    assert "--kind request" in problem.text("en")
    assert check_store(A1).problems == ()
    done = CliRunner().invoke(app, ["check", str(owed), "--lang", "en"])
    assert done.exit_code == 1
    assert "order value" in done.output


def test_a_plan_is_refused_and_an_import_is_not(owed):
    """No report is written on the field's order value; an import may read the store, because it may bring the value."""
    with pytest.raises(StoreError):
        load_store(owed)
    assert load_store(owed, figures_open=True).problems == ()
    (owed / "agents.csv").write_text("agent_id,name\nA,Lin\n", encoding="utf-8")
    with pytest.raises(StoreError):
        load_store(owed, figures_open=True)


@pytest.mark.parametrize(
    ("month", "day", "ratio", "states"),
    [
        (150.0, None, None, ("figure_given", "figure_stood_in")),
        (None, 150.0, None, ("figure_open", "figure_given")),
        (None, None, 150.0, ("figure_open", "figure_stood_in")),
        (150.0, None, 140.0, ("figure_given", "figure_stood_in")),
        (None, None, None, ("figure_missing", "figure_missing")),
        (None, None, "field", ("figure_missing", "figure_missing")),
    ],
)
def test_what_stands_in_is_what_the_cascade_counts_with(month, day, ratio, states):
    """The states say which figure stands in, and the value beside it is the one of the cascade."""
    store = load_store(A1)
    info = store.store.model_copy(update={"month_aov_cny": month})
    waves = tuple(wave.model_copy(update={"day_aov_cny": day}) for wave in store.waves)
    ratios = tuple(row for row in store.ratios if row.key != "aov_cny")
    if ratio is not None:
        span = dict.fromkeys(("low", "likely", "high"), 150.0 if ratio == "field" else ratio)
        span["source"] = "field" if ratio == "field" else "store"
        own = store.ratio("aov_cny").model_copy(update=span)
        ratios = (*ratios, own)
    store = store.model_copy(update={"store": info, "waves": waves, "ratios": ratios})
    figures = {figure.key: figure for figure in ask_figures(store, store.waves[0])}
    assert tuple(figures) == FOUR_FIGURES
    assert (figures["month_aov_cny"].state, figures["day_aov_cny"].state) == states
    sales = sales_of(store)
    if "figure_missing" in states:
        assert sales.missing_figures == ("month_aov_cny", "day_aov_cny")
        assert figures["day_aov_cny"].value_cny is None
    else:
        assert sales.missing_figures == ()
        assert sales.spans["aov_cny"].likely == figures["day_aov_cny"].value_cny


def test_sales_given_as_a_share_of_the_month_are_calculated():
    """The day's GMV comes from the month and the wave's share, and the table says so."""
    store = load_store(BODYCARE)
    wave = find_wave(store)
    [day] = [figure for figure in ask_figures(store, wave) if figure.key == "day_gmv_cny"]
    expected = "figure_given" if wave.day_gmv_cny else "figure_calculated"
    assert day.state == expected
    assert day.value_cny == pytest.approx(wave.sales_cny(store.store.month_gmv_cny or 0))


@pytest.mark.parametrize("lang", LANGS)
def test_the_chapter_stops_before_the_buyers(owed, lang):
    """The page names what is owed and shows the steps up to the sales of customer service: no buyers, no heads."""
    night = plan(read_store(owed))
    before_buyers = ["month_gmv_cny", "wave_share", "day_gmv_cny", "cs_share", "cs_sales_cny"]
    assert night.sales.reached["step"].tolist() == before_buyers
    html = pages.show_cascade(night, lang=lang).html
    assert label("ask_day_aov_cny", lang) in html
    assert label("figure_missing", lang) in html
    for step in ("buyers", "total_contacts", "agents_peak", "agents_day"):
        assert f">{label(step, lang)}<" not in html
    assert "<svg" not in html
    sound = pages.show_cascade(plan(load_store(A1)), lang=lang).html
    assert f">{label('agents_peak', lang)}<" in sound
    assert label("figure_given", lang) in sound


@pytest.mark.parametrize("lang", LANGS)
def test_the_verdict_has_nothing_to_sign(owed, lang):
    """It names the figures and the form, and says nothing about heads or nights."""
    store = read_store(owed)
    asked = SimpleNamespace(sales=sales_of(store), inputs=NightInputs(store=store, wave=find_wave(store)))
    [sentence] = Verdict.sentences(asked, lang)
    assert label("ask_day_aov_cny", lang) in sentence
    assert "--kind request" in sentence


@pytest.mark.parametrize("lang", LANGS)
def test_the_request_form_is_printed_for_a_store_that_owes_figures(owed, tmp_path, lang):
    """The form has what is known and what is missing, with the day by which operations answer."""
    done = CliRunner().invoke(app, ["cards", str(owed), "--kind", "request", "--out", str(tmp_path), "--lang", lang])
    assert done.exit_code == 0, done.output
    [page] = tmp_path.glob("**/request.html")
    html = page.read_text("utf-8")
    assert "1,000,000" in html
    assert html.count(label("figure_missing", lang)) == 2
    [card] = make_cards("request", lang, promo_day=dt.date(2026, 10, 31), today=dt.date(2026, 8, 1))
    assert "2026-08-17" in card.parts[0].text  # 75 days before
    [card] = make_cards("request", lang, promo_day=dt.date(2026, 10, 31), today=dt.date(2026, 10, 1))
    assert "2026-10-01" in card.parts[0].text  # the day has passed: today
