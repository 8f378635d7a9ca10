"""The charts: right figures at the right place, right words, the same picture every time."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from matplotlib.text import Text

from simlib.messages import label
from simlib.report import charts
from simlib.report.charts.actions import plot_folk_rules, plot_gap
from simlib.report.typeface import FAMILY, missing_glyphs

CHINESE = re.compile(r"[\u4e00-\u9fff]")
ZONE = "Asia/Shanghai"
TODAY = dt.date(2026, 10, 25)
INCIDENT = (pd.Timestamp("2026-10-31 20:05", tz=ZONE), pd.Timestamp("2026-10-31 20:35", tz=ZONE), "B3")
PLOTS: dict[str, Callable[..., Axes]] = {
    "forecast": charts.plot_forecast,
    "requirement": charts.plot_requirement,
    "coverage": charts.plot_coverage,
    "cascade": charts.plot_cascade,
    "intervals": charts.plot_night,
    "roster": charts.plot_roster,
    "waves": charts.plot_calendar,
    "hours": charts.plot_hours,
    "day_heads": charts.plot_day_heads,
    "tornado": charts.plot_tornado,
    "sweep": charts.plot_concurrency,
    "squads": charts.plot_organisation,
}
ALSO = {
    "intervals": {"incidents": [INCIDENT]},
    "waves": {"today": TODAY},
    "hours": {"left_out": [dt.date(2026, 2, day) for day in range(1, 10)]},
    "day_heads": {"day_agents": 14},
    "tornado": {"target": "agents_needed"},
}


@pytest.fixture
def ax() -> Axes:
    """An axis outside pyplot."""
    figure = Figure(figsize=(11, 6), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def texts(ax: Axes) -> list[str]:
    """Gather every text that the figure draws."""
    figure = ax.get_figure(root=True)
    figure.draw_without_rendering()
    found = [text.get_text() for text in figure.findobj(Text) if text.get_visible()]
    return [text for text in found if text.strip()]


def steps(ax: Axes, label: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the values, edges and baseline of a stepped area or line by its name in the legend."""
    return next(patch for patch in ax.patches if isinstance(patch, StepPatch) and patch.get_label() == label).get_data()


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", PLOTS)
def test_every_chart_draws_on_the_axis_it_is_given_in_one_language(
    name: str, lang: str, ax: Axes, request: pytest.FixtureRequest
) -> None:
    """A chart draws on the given axis, leaves its table alone, opens no window, and warns of no lacking glyph.

    The Chinese chart has its title in Chinese, the English one no Chinese, and both only drawable signs.
    """
    table = request.getfixturevalue(name)
    before = table.copy(deep=True)
    assert PLOTS[name](table, ax, lang=lang, **ALSO.get(name, {})) is ax
    ax.get_figure().canvas.draw()
    pd.testing.assert_frame_equal(table, before)
    assert plt.get_fignums() == []
    if "name" in table:  # what the store calls its people and waves is drawn as it stands
        figure = ax.get_figure()
        figure.clear()
        ax = figure.add_subplot()
        PLOTS[name](table.assign(name=[f"W{each}" for each in range(len(table))]), ax, lang=lang, **ALSO.get(name, {}))
    said = "".join(texts(ax))
    assert bool(CHINESE.search(said)) == (lang == "zh")
    assert missing_glyphs(said) == ""


@pytest.mark.parametrize("name", PLOTS)
def test_the_same_table_gives_the_same_bytes(name: str, request: pytest.FixtureRequest) -> None:
    """Two drawings of one table are equal to the byte, well-formed, without a date, and no figure stays open."""
    table = request.getfixturevalue(name)
    first, second = (charts.to_svg(PLOTS[name](table, lang="zh", **ALSO.get(name, {}))) for _ in range(2))
    assert first == second
    ElementTree.fromstring(first)
    assert "20" + "26-" not in re.sub(r'="[^"]*"', "", first)
    assert "<text" not in first
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", PLOTS)
def test_an_empty_table_is_refused(name: str, request: pytest.FixtureRequest) -> None:
    """A table without rows is refused with a sentence that names the chart, and leaves no figure open."""
    with pytest.raises(ValueError, match=r"plot_\w+ needs a table with at least one row"):
        PLOTS[name](request.getfixturevalue(name).head(0), lang="en", **ALSO.get(name, {}))
    assert plt.get_fignums() == []


def test_a_saved_figure_opens_alone(hours: pd.DataFrame, tmp_path: Path) -> None:
    """The file is an SVG with its own namespaces and no figure stays open."""
    charts.save_figure(charts.plot_hours(hours, lang="zh"), tmp_path / "hours.svg")
    root = ElementTree.parse(tmp_path / "hours.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert plt.get_fignums() == []


def test_two_charts_share_no_id(forecast: pd.DataFrame, hours: pd.DataFrame) -> None:
    """The ids of two charts differ and every reference finds its id, so that both may stand in one page."""
    pictures = [
        charts.to_svg(charts.plot_forecast(forecast, lang="zh")),
        charts.to_svg(charts.plot_hours(hours, lang="zh")),
    ]
    ids = [set(re.findall(r'\bid="([^"]+)"', picture)) for picture in pictures]
    assert not ids[0] & ids[1]
    for picture, own in zip(pictures, ids, strict=True):
        assert set(re.findall(r'href="#([^"]+)"', picture)) | set(re.findall(r"url\(#([^)]+)\)", picture)) <= own


def test_the_clock_is_the_stores_own(forecast: pd.DataFrame, ax: Axes) -> None:
    """The tick that says 20:00 stands at 20:00 in the store's zone, not at 20:00 UTC."""
    charts.plot_forecast(forecast, ax, lang="en")
    ticks = {label.get_text(): tick for label, tick in zip(ax.get_xticklabels(), ax.get_xticks(), strict=True)}
    assert ticks["20:00"] == pytest.approx(mdates.date2num(pd.Timestamp("2026-10-31 20:00", tz=ZONE)))
    assert [text for text in ticks if "Nov" in text] == ["00:00\n1 Nov"]


def test_a_night_when_the_clock_goes_back_keeps_its_hours(ax: Axes) -> None:
    """Where 02:00 comes twice, both hours are drawn side by side."""
    starts = pd.date_range("2026-10-24 22:00", periods=20, freq="30min", tz="Europe/Berlin")
    table = pd.DataFrame({"start": starts, "required": 5, "rostered": 5, "shortfall": 0})
    charts.plot_coverage(table, ax, lang="en")
    _, edges, _ = steps(ax, "Rostered")
    assert np.allclose(np.diff(edges), 1 / 48)
    labels = [label.get_text().split("\n")[0] for label in ax.get_xticklabels()]
    assert labels.count("02:00") == 2


def test_the_stack_adds_up_to_the_contacts(forecast: pd.DataFrame, ax: Axes) -> None:
    """The top of the bot's area is the number of contacts in every interval."""
    charts.plot_forecast(forecast, ax, lang="en")
    top, _, _ = steps(ax, "Resolved by the bot")
    assert top == pytest.approx(forecast.groupby("start")["contacts"].sum().to_numpy())


def test_the_organisation_names_every_lead_and_their_span(squads: pd.DataFrame, ax: Axes) -> None:
    """Heads and squads stand in the boxes of the whole and of each role; a squad without a lead is named as such."""
    charts.plot_organisation(squads, ax, lang="en")
    said = texts(ax)
    assert "60 people · 10 squads · 8 with a lead" in said
    assert {"heads 54 · squads 9", "heads 6 · squads 1"} <= set(said)
    assert set(squads["lead_name"].dropna()) <= set(said)
    assert said.count("No lead named") == 2
    assert "Squad 1 · leads 5" in said
    assert "Squad 9 · 6 people" in said


@pytest.mark.parametrize("squads_of", [[1], [3, 2], [6, 4, 1, 1, 1], [19, 9, 3], [40, 30, 20, 10, 5]])
def test_no_box_of_the_organisation_covers_another(squads_of: list[int], ax: Axes) -> None:
    """From one squad to a hundred, every box lies inside the picture and beside the others."""
    queues = np.repeat(list(charts.QUEUE_COLOURS)[: len(squads_of)], squads_of)
    numbers = np.arange(1, len(queues) + 1)
    table = pd.DataFrame({"squad": numbers, "queue": queues, "lead_name": "A rather long name", "is_lead": True})
    charts.plot_organisation(table, ax, lang="en")
    boxes = [patch.get_bbox() for patch in ax.patches if patch.get_width() > 1]
    assert len(boxes) == 1 + len(squads_of) + sum(squads_of)
    inside = ax.viewLim
    assert all(inside.x0 <= box.x0 and box.x1 <= inside.x1 for box in boxes)
    assert all(inside.y0 <= box.y0 and box.y1 <= inside.y1 for box in boxes)
    assert not any(one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[:number])


def test_second_receptions_stand_above_the_contacts(forecast: pd.DataFrame, ax: Axes) -> None:
    """Where a tenth is handed on, the stack of buyers stays and what is received again lies on top of it."""
    charts.plot_forecast(forecast.assign(human=1.1 * forecast["human"]), ax, lang="en")
    contacts = forecast.groupby("start")["contacts"].sum().to_numpy()
    assert steps(ax, "Resolved by the bot")[0] == pytest.approx(contacts)
    top, _, bottom = steps(ax, "Handed on, received again")
    assert bottom == pytest.approx(contacts)
    assert top - bottom == pytest.approx(0.1 * forecast.groupby("start")["human"].sum().to_numpy())


def test_a_gap_is_red_even_where_another_queue_has_people_to_spare(ax: Axes) -> None:
    """Two missing in one queue stay two missing although the other has five too many."""
    table = pd.DataFrame(
        {
            "start": pd.to_datetime(["2026-10-31 08:00"] * 2 + ["2026-10-31 08:30"] * 2).tz_localize(ZONE),
            "queue": ["presale", "aftersale"] * 2,
            "required": [10, 5, 10, 5],
            "rostered": [8, 10, 10, 5],
            "shortfall": [2, 0, 0, 0],
        }
    )
    charts.plot_coverage(table, ax, lang="en")
    top, _, bottom = steps(ax, "Shortfall (agents)")
    assert (top - bottom).tolist() == [2, 0]
    assert "Worst gap: 2 agents at 08:00" in texts(ax)


def test_the_worst_gap_is_the_verdict_s(coverage: pd.DataFrame, ax: Axes) -> None:
    """Part of a head is a head: 30.2 missing are 31 people, as the verdict above the chart counts them."""
    first = coverage["start"] == coverage["start"].iloc[0]
    short = coverage.assign(shortfall=np.where(first & ~coverage.duplicated("start"), 30.2, 0.0))
    charts.plot_coverage(short, ax, lang="en")
    assert [text for text in texts(ax) if text.startswith("Worst gap: 31 agents at")]


def test_a_roster_is_not_green_whatever_it_loses(ax: Axes) -> None:
    """Beside rules of thumb only the requirement is drawn as good: a roster may lose more than a rule does."""
    rules = ["folk_need", "folk_roster", "folk_per_hour"]
    table = pd.DataFrame({"folk_rule": rules, "heads": [77, 53, 54], "peak_lost_share": [0.05, 0.12, 0.12]})
    ends = {f"peak_lost_share_{end}": table["peak_lost_share"] for end in ("low", "high")}
    plot_folk_rules(table.assign(**ends), ax, lang="zh")
    need, roster, rule = (bar.get_facecolor() for bar in ax.patches)
    assert len({need, roster, rule}) == 3


def test_heads_and_lost_share_each_have_their_unit(ax: Axes) -> None:
    """The picture of the meeting names the unit of both its panels."""
    starts = pd.date_range("2026-10-31 19:30", periods=3, freq="30min", tz=ZONE)
    course = pd.DataFrame({"start": starts, "required": 9, "rostered": 7.5, "lost_share": 0.1, "lost_share_then": 0.05})
    plot_gap(course, ax, lang="zh")
    assert [panel.get_ylabel() for panel in ax.child_axes] == ["人", "%"]


def test_a_covered_night_says_so(coverage: pd.DataFrame, ax: Axes) -> None:
    """Without a gap the chart says that every interval is covered."""
    covered = coverage.assign(rostered=coverage["required"], shortfall=0)
    charts.plot_coverage(covered, ax, lang="en")
    assert "Every interval is covered" in texts(ax)


def test_a_bar_of_the_cascade_compares_within_its_unit(cascade: pd.DataFrame, ax: Axes) -> None:
    """Receptions and human contacts share a scale, and every step says its figure with its unit."""
    charts.plot_cascade(cascade, ax, lang="en")
    widths = dict(zip(cascade["step"], [bar.get_width() for bar in ax.patches], strict=True))
    assert widths["human"] / widths["receptions"] == pytest.approx(4000 / 6667)
    assert {"6,667 contacts", "30.0%", "1,000,000 CNY", "13.3 agents"} <= set(texts(ax))


def test_the_night_has_a_panel_for_each_measure_it_knows(intervals: pd.DataFrame, ax: Axes) -> None:
    """A measure without a column gets no panel; without any the chart refuses, naming what it could draw."""
    charts.plot_night(intervals.drop(columns="waiting"), ax, lang="en")
    assert len(ax.child_axes) == 3
    with pytest.raises(ValueError, match="offered, open_chats"):
        charts.plot_night(intervals[["start"]], ax, lang="en")


def test_an_incident_is_shaded_where_it_was(intervals: pd.DataFrame, ax: Axes) -> None:
    """The shade runs from its beginning to its end on every panel, and is named."""
    charts.plot_night(intervals, ax, lang="en", incidents=[INCIDENT])
    for panel in ax.child_axes:
        shade = panel.patches[-1]
        assert (shade.get_x(), shade.get_width() * 1440) == pytest.approx((mdates.date2num(INCIDENT[0]), 30))
    assert "Incident: B3" in texts(ax)


@pytest.mark.parametrize(("people", "named"), [(12, True), (300, False)])
def test_a_roster_names_few_and_brackets_many(
    people: int, named: bool, ax: Axes, roster_of: Callable[[int], pd.DataFrame]
) -> None:
    """Twelve people stand with their names, three hundred by cohort with head counts, each on its own line."""
    roster = roster_of(people)
    charts.plot_roster(roster, ax, lang="en")
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert (
        labels == list(dict.fromkeys(roster["name"]))
        if named
        else [
            "Own\n75 agents",
            "Temporary\n75 agents",
            "Outsourced\n75 agents",
            "Student\n75 agents",
        ]
    )
    boxes = [path.get_extents() for collection in ax.collections for path in collection.get_paths()]
    assert len(boxes) == len(roster)
    hours = sum(box.width for box in boxes) * 24
    assert hours == pytest.approx((roster["end"] - roster["start"]).dt.total_seconds().sum() / 3600)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_long_legend_stays_on_the_page(lang: str, ax: Axes, roster: pd.DataFrame) -> None:
    """With all five queues and three activities the legend takes two lines, within the picture and off the title."""
    queues = ["presale", "aftersale", "order_change", "payment_chasing", "escalation"]
    roster = roster.assign(queue=[queues[number % 5] for number in range(len(roster))])
    charts.plot_roster(roster, ax, lang=lang)
    figure = ax.get_figure()
    figure.canvas.draw()
    legend, title = ax.get_legend().get_window_extent(), ax._left_title.get_window_extent()
    assert len(ax.get_legend().get_texts()) == 8
    assert figure.bbox.x0 <= legend.x0 < legend.x1 <= figure.bbox.x1
    assert legend.y1 <= title.y0
    assert ax.get_window_extent().width > 0.8 * figure.bbox.width


def test_today_stands_on_the_calendar(waves: pd.DataFrame, ax: Axes) -> None:
    """The line of today stands at its day, before, among and after the waves."""
    for day in (dt.date(2026, 9, 1), TODAY, dt.date(2026, 12, 24)):
        ax.clear()
        charts.plot_calendar(waves, ax, lang="en", today=day)
        line = ax.lines[-1].get_xdata()
        low, high = ax.get_xlim()
        assert line[0] == mdates.date2num(day)
        assert low < line[0] < high


def test_left_out_days_are_counted_and_named(hours: pd.DataFrame, ax: Axes) -> None:
    """Nine days left out are counted, six named; none left out is said too."""
    charts.plot_hours(hours, ax, lang="en", **ALSO["hours"])
    assert any(text.startswith("9 days left out") and text.endswith("6 Feb and more") for text in texts(ax))
    ax.clear()
    charts.plot_hours(hours, ax, lang="en")
    assert "Every day is counted in" in texts(ax)


def test_the_wrong_division_is_drawn_as_wrong(sweep: pd.DataFrame, ax: Axes) -> None:
    """The line of the usual mistake lies below what is needed beyond one chat at a time."""
    charts.plot_concurrency(sweep, ax, lang="en")
    needed, divided = (line.get_ydata() for line in ax.child_axes[0].lines[:2])
    assert (divided[1:] < needed[1:]).all()
    assert [list(line.get_xdata()) for panel in ax.child_axes for line in panel.lines[-1:]] == [[5, 5]] * 3
    assert "Sweet spot: 5" in texts(ax)
    assert "Divided by the limit (wrong)" in texts(ax)


def test_a_tornado_shows_the_widest_first(tornado: pd.DataFrame, ax: Axes) -> None:
    """The first ratio stands on top, and every bar starts at the base."""
    charts.plot_tornado(tornado, ax, lang="en", target="agents_needed")
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [label(step, "en") for step in tornado["step"]]
    assert ax.get_yticks()[0] == len(tornado) - 1
    assert {bar.get_x() for bar in ax.patches} == {31.0}


def test_a_users_words_are_drawn_as_they_are(waves: pd.DataFrame) -> None:
    """A name with dollar signs is no formula, and one with angle brackets no markup."""
    named = waves.assign(name=["$x^2$", "<script>", "a & b", "a_b^c"])
    axis = charts.plot_calendar(named, lang="en", today=TODAY)
    assert [label.get_text() for label in axis.get_yticklabels()] == named["name"].tolist()
    ElementTree.fromstring(charts.to_svg(axis))


def test_the_letters_are_the_kits_own(forecast: pd.DataFrame, ax: Axes) -> None:
    """Every text of a chart asks for the bundled font first, ticks that matplotlib makes late included."""
    charts.plot_forecast(forecast, ax, lang="zh")
    ax.get_figure().canvas.draw()
    drawn = [text for text in ax.get_figure().findobj(Text) if text.get_text().strip()]
    assert {text.get_fontfamily()[0] for text in drawn} == {FAMILY}
