"""The panels of the lessons: sliders that change a copy of the plan, and that stand still without anybody there."""

import asyncio
import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import pytest

from simlib import load_store, plan
from simlib.live.panels import (
    WAIT_S,
    Panel,
    PanelSlider,
    PastePanel,
    change_plan,
    change_scenario,
    is_attended,
    paste_counts,
    ratio_panel,
    scenario_panel,
)
from simlib.messages import HOUSE, LANGS, glossary, label, translate
from simlib.report.html import show_text
from simlib.report.pages import show_tonight
from simlib.stress import Incident, Scenario, ScenarioError
from simlib.stress.compare import rehearse_scenarios
from simlib.stress.result import ScenarioSet, StressResult

SMALL = HOUSE / "templates" / "stores" / "bodycare"


def show_value(found, *, lang):
    """A page of one value."""
    return show_text(f"{lang} {found}")


def counter(*, attended=True, lang="en"):
    """A panel over a number, and the positions that it has worked out."""
    asked = []

    def change(values):
        asked.append(values)
        return values["bot_share"]

    sliders = [PanelSlider(key="bot_share", plan=0.4, low=0.0, high=0.99, step=0.01)]
    return Panel(sliders, start="plan", change=change, lang=lang, attended=attended), asked


def test_a_moved_slider_changes_the_cell_below():
    """The cell shows the plan first, the position after a move, and the plan again after the way back."""
    panel, asked = counter()
    cell = panel.show(show_value)
    assert "en plan" in cell.value
    panel.controls["bot_share"].value = 0.6
    assert "en 0.6" in cell.value
    panel.go_back()
    assert "en plan" in cell.value
    assert asked == [{"bot_share": 0.6}]  # the plan is known, nothing is worked out for it


def test_only_a_slider_that_rests_is_read():
    """Ten moves in a row, as by a dragging hand, are worked out once."""
    panel, asked = counter()
    panel.show(show_value)

    async def drag():
        for step in range(10):
            panel.controls["bot_share"].value = 0.5 + step / 100
        assert translate("live.thinking", "en") in panel.note.value
        assert asked == []
        await asyncio.sleep(2 * WAIT_S)

    asyncio.run(drag())
    assert asked == [{"bot_share": pytest.approx(0.59)}]
    assert panel.note.value == ""


def test_without_anybody_there_nothing_is_a_widget():
    """A run by papermill or nbval has the page as it would be without a panel, and a sentence in the panel's place."""
    panel, asked = counter(attended=False)
    cell = panel.show(show_value)
    assert cell.html == "<p>en plan</p>"
    assert translate("live.panel_still", "en") in panel._repr_mimebundle_()["text/html"]
    assert asked == []
    assert "controls" not in vars(panel)
    assert not is_attended()  # nor does pytest attend


def test_a_still_panel_loads_no_widgets():
    """Where nobody attends neither ipywidgets nor anywidget is imported."""
    code = (
        "import sys; from simlib import widgets, load_store, plan; from simlib.report import pages\n"
        f"panel = widgets.ratio_panel(plan(load_store({str(SMALL)!r})), 'bot_share', lang='en')\n"
        "panel.show(pages.show_unknowns)\n"
        "assert not {'ipywidgets', 'anywidget'} & set(sys.modules), 'a widget was loaded'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.parametrize("lang", LANGS)
def test_sliders_are_named_by_the_glossary(lang):
    """Each slider carries its label, with the unit where its value has one, and stands where the plan stands."""
    night = plan(load_store(SMALL))
    panel = ratio_panel(night, "bot_share", "patience_s", lang=lang, attended=True)
    share, patience = panel.controls["bot_share"], panel.controls["patience_s"]
    assert share.description == label("bot_share", lang)
    assert share.readout_format == ".0%"
    assert label("patience_s", lang) in patience.description
    assert patience.description != label("patience_s", lang)
    for key, control in panel.controls.items():
        assert control.value == pytest.approx(night.store.ratio(key).likely)
        assert {"later_min", "lasts_min", key} <= set(glossary())


def test_a_changed_plan_is_a_plan_with_that_ratio():
    """The cascade of a changed plan is that of a store whose workbook has the ratio; the plan itself stays."""
    night = plan(load_store(SMALL))
    before = night.sales.value("human_contacts")
    helped = change_plan(night, bot_share=0.6)
    less = 0.4 / (1 - night.store.ratio("bot_share").likely)
    assert helped.sales.value("human_contacts") == pytest.approx(before * less)
    assert night.sales.value("human_contacts") == before
    assert helped.replications == 3
    assert "roster_result" not in vars(helped)


def test_a_scenario_is_moved_and_made_longer(night):
    """The scenario of the panel begins later, lasts longer and costs something; out of the night it is refused."""
    start = pd.Timestamp("2026-10-31 21:00", tz="Asia/Shanghai")
    incident = Incident(kind="bot_down", start=start, end=start + pd.Timedelta(minutes=30))
    chosen = Scenario(name="bot_down", incidents=(incident,))
    planned = SimpleNamespace(night=night, seed=1)
    test = rehearse_scenarios(night, (chosen,), seed=1, replications=2, targets={"service_level": 0.5})
    stress = _stress(test, chosen)
    moved = change_scenario(planned, stress, later_min=10, lasts_min=60)
    assert moved.chosen.start == start + pd.Timedelta(minutes=10)
    assert moved.chosen.end - moved.chosen.start == pd.Timedelta(minutes=60)
    assert moved.test.worst.name == "bot_down"
    assert stress.chosen.start == start
    with pytest.raises(ScenarioError):
        change_scenario(planned, stress, later_min=600, lasts_min=60)
    panel = scenario_panel(planned, stress, lang="en", attended=True)
    cell = panel.show(lambda found, *, lang: show_text(f"{found.chosen.start:%H:%M}"))
    panel.controls["later_min"].value = 120
    assert "23:00" in cell.value
    panel.controls["lasts_min"].value = 180
    assert panel.note.value != ""  # refused with a sentence; the cell keeps what it showed
    assert "23:00" in cell.value


@pytest.mark.parametrize("lang", LANGS)
def test_story_13_what_came_is_pasted_and_the_rest_of_the_night_follows(small_plan, lang):
    """A busier evening asks for other heads, a wrong line is named, an empty field is the plan again."""
    panel = PastePanel(small_plan, lang=lang, attended=True)
    assert panel.box.children[-1] is panel.answer
    before = panel.answer.value
    came = small_plan.forecast[small_plan.forecast["queue"] == "presale"]
    evening = came[came["start"].dt.hour.isin([18, 19]) & (came["start"].dt.day == came["start"].iloc[0].day)]
    lines = [f"{row.start:%H:%M}\t{2 * row.contacts:.0f}" for row in evening.itertuples()]
    panel.field.value = "\n".join(["时间\t咨询人数", *lines])
    panel.update()
    after = panel.answer.value
    assert after != before
    assert "20:00" in after
    found = paste_counts(small_plan, panel.field.value)
    assert found.roster is small_plan.roster
    assert [level.factor > 1 for level in found.next_hours.levels] == [True]
    assert small_plan.pasted == ""
    panel.field.value = "20:07 x"
    panel.update()
    assert "20:07 x" in panel.answer.value
    panel.field.value = " "
    panel.update()
    assert panel.answer.value == before


def test_without_anybody_the_field_is_the_cell_that_it_replaces(small_plan):
    """Under papermill the panel shows what the report shows, and no widget is made."""
    panel = PastePanel(small_plan, lang="zh", attended=False)
    assert panel._repr_mimebundle_()["text/html"] == show_tonight(small_plan, lang="zh")._repr_html_()
    assert "box" not in vars(panel)


def _stress(test, chosen):
    """A stress test of which only the scenario matters."""
    return StressResult(
        scenarios=ScenarioSet(scenarios=(chosen,)),
        test=test,
        chosen=chosen,
        answer=None,
        lever_map=pd.DataFrame(),
        reserve=None,
        targets={"service_level": 0.5},
        floor=None,
    )
