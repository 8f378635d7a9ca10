"""A few sliders above a cell of a lesson, which change what that cell shows; without anybody there they stand still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import pandas as pd
from IPython.core.getipython import get_ipython

from simlib import facts
from simlib.messages import Lang, UserError, label, translate
from simlib.planning import Plan
from simlib.report.columns import titled
from simlib.report.html import Fragment, show_text
from simlib.report.pages.forecasting import show_tonight
from simlib.stress.result import StressResult

Page = Callable[..., Fragment]
WAIT_S = 0.3  # a slider that has rested so long is read (ours)
NIGHTS = 3  # of a simulated night that is shown at once
STRESS_NIGHTS = 2
LONGEST_MIN, LATER_MIN, STEP_MIN = 180, 120, 10  # how far an incident's sliders go (ours)
KEPT = ("required", "roster_result")  # what a changed plan shares with its plan: the people stay as they are


@dataclass(frozen=True, kw_only=True)
class PanelSlider:
    """One slider: its key in the glossary, where it stands in the plan, and how far it goes."""

    key: str
    plan: float
    low: float
    high: float
    step: float

    @property
    def is_share(self) -> bool:
        """True if its value is a share, written in per cent."""
        return self.high <= 1


class Panel:
    """Sliders that change a copy of the plan, and the cells that show it.

    Parameters
    ----------
    sliders : sequence of PanelSlider
        In their order.
    start : object
        What the cells show while no slider has moved: a plan or one of its results.
    change : callable
        Takes the values by key and returns what the cells show instead.
    lang : {"zh", "en"}
        Language of every word.
    attended : bool, optional
        Whether somebody can move a slider; left out, as :func:`is_attended` finds it.
    """

    def __init__(
        self,
        sliders: list[PanelSlider],
        *,
        start: object,
        change: Callable[[Mapping[str, float]], object],
        lang: Lang = "zh",
        attended: bool | None = None,
    ) -> None:
        self.sliders, self.start, self.change, self.lang = sliders, start, change, lang
        self.attended = is_attended() if attended is None else attended
        self._shown: list[tuple[Page, Any]] = []
        self._waiting: asyncio.TimerHandle | None = None

    # --- what a notebook shows ---

    def _repr_mimebundle_(self, **how: Any) -> Any:
        if self.attended:
            return self.box._repr_mimebundle_(**how)
        still = show_text(translate("live.panel_still", self.lang))
        return {"text/html": still._repr_html_(), "text/plain": "Panel()"}

    def show(self, page: Page) -> Any:
        """Return what ``page`` makes of the plan; where somebody attends, it changes with the sliders."""
        shown = page(self.start, lang=self.lang)
        if not self.attended:
            return shown
        import ipywidgets

        html = ipywidgets.HTML(value=shown._repr_html_(), layout={"width": "100%"})
        self._shown.append((page, html))
        return html

    # --- the widgets ---

    @cached_property
    def controls(self) -> dict[str, Any]:
        """The sliders' widgets, by key."""
        import ipywidgets

        made = {}
        for slider in self.sliders:
            made[slider.key] = ipywidgets.FloatSlider(
                value=slider.plan,
                min=slider.low,
                max=slider.high,
                step=slider.step,
                description=label(slider.key, self.lang) if slider.is_share else titled(slider.key, self.lang),
                readout_format=".0%" if slider.is_share else ".0f",
                style={"description_width": "14em"},
                layout={"width": "36em"},
            )
            made[slider.key].observe(self._moved, names="value")
        return made

    @cached_property
    def note(self) -> Any:
        """The line below the sliders: whether the cells are up to date, or why a position is refused."""
        import ipywidgets

        return ipywidgets.HTML()

    @cached_property
    def box(self) -> Any:
        """The panel: sliders, the way back, and the line below."""
        import ipywidgets

        back = ipywidgets.Button(description=translate("live.back_to_plan", self.lang))
        back.on_click(lambda _: self.go_back())
        return ipywidgets.VBox([*self.controls.values(), back, self.note])

    def go_back(self) -> None:
        """Put every slider where it stands in the plan."""
        for slider in self.sliders:
            self.controls[slider.key].value = slider.plan

    def _moved(self, _: object) -> None:
        """Read the sliders once they rest; where no loop runs, at once."""
        if self._waiting is not None:
            self._waiting.cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.update()
            return
        self.note.value = show_text(translate("live.thinking", self.lang)).html
        self._waiting = loop.call_later(WAIT_S, self.update)

    def update(self) -> None:
        """Show what the sliders' position does, in every cell of the panel."""
        self._waiting = None
        values = {key: float(control.value) for key, control in self.controls.items()}
        moved = any(abs(values[slider.key] - slider.plan) > slider.step / 2 for slider in self.sliders)
        try:
            found = self.change(values) if moved else self.start
            texts = [page(found, lang=self.lang)._repr_html_() for page, _ in self._shown]
        except UserError as error:
            self.note.value = show_text(error.text(self.lang)).html
            return
        for (_, html), text in zip(self._shown, texts, strict=True):
            html.value = text
        self.note.value = ""


def is_attended() -> bool:
    """Return whether somebody sits before the notebook.

    A front end that a person uses may be asked for input; papermill, nbval and every other runner forbid it.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    return bool(getattr(kernel, "_allow_stdin", False))


def ratio_panel(plan: Plan, *keys: str, lang: Lang = "zh", nights: int = NIGHTS, attended: bool | None = None) -> Panel:
    """Return a panel that moves some of the store's ratios and leaves the roster as it is.

    Parameters
    ----------
    keys : str
        Ratios, by key of the glossary.
    nights : int
        Nights behind a changed plan, which is to be seen at once.
    """
    known = facts.rows("ratios", platform=plan.store.store.platform).drop_duplicates("key", keep="last")
    known = known.set_index("key")
    sliders = []
    for key in keys:
        likely = plan.store.ratio(key).likely
        most = float(known.loc[key, "max"])
        step = 0.01 if most <= 1 else 5.0
        high = most if most <= 1 else min(most, step * -(-3 * likely // step))
        low = max(float(known.loc[key, "min"]), step)  # nothing at all is no night
        sliders.append(PanelSlider(key=key, plan=likely, low=min(low, likely), high=max(high, likely), step=step))
    return Panel(
        sliders,
        start=plan,
        change=lambda ratios: change_plan(plan, nights=nights, **ratios),
        lang=lang,
        attended=attended,
    )


def change_plan(plan: Plan, *, nights: int = NIGHTS, **ratios: float) -> Plan:
    """Return the plan of the same store with other ratios, on the same roster, with so many nights."""
    changed = replace(plan, store=plan.store.with_ratios(**ratios), replications=nights)
    vars(changed).update({name: vars(plan)[name] for name in KEPT if name in vars(plan)})
    return changed


def scenario_panel(plan: Plan, stress: StressResult, *, lang: Lang = "zh", attended: bool | None = None) -> Panel:
    """Return a panel that lets the scenario that is looked into begin later and last longer."""
    chosen = stress.chosen
    lasts = (chosen.end - chosen.start) / pd.Timedelta(minutes=1)
    sliders = [
        PanelSlider(key="later_min", plan=0.0, low=-LATER_MIN, high=LATER_MIN, step=STEP_MIN),
        PanelSlider(key="lasts_min", plan=lasts, low=STEP_MIN, high=max(lasts, LONGEST_MIN), step=STEP_MIN),
    ]
    return Panel(
        sliders,
        start=stress,
        change=lambda values: change_scenario(plan, stress, **values),
        lang=lang,
        attended=attended,
    )


def change_scenario(plan: Plan, stress: StressResult, *, later_min: float, lasts_min: float) -> StressResult:
    """Return the stress test in which the scenario that is looked into begins later and lasts so long.

    Raises
    ------
    ScenarioError
        It does not lie in the night any more.
    """
    later, lasts = pd.Timedelta(minutes=later_min), pd.Timedelta(minutes=lasts_min)
    return stress.moved(plan.night, later=later, lasts=lasts, seed=plan.seed, replications=STRESS_NIGHTS)


class PastePanel:
    """A field for what came so far, as it is pasted from a screen or a file, and the rest of the night below it.

    Parameters
    ----------
    plan : Plan
        The night as it was planned, with its roster.
    lang : {"zh", "en"}
    attended : bool, optional
        Whether somebody can paste; left out, as :func:`is_attended` finds it. With nobody there it shows the plan's own
        next hours.
    """

    def __init__(self, plan: Plan, *, lang: Lang = "zh", attended: bool | None = None) -> None:
        self.plan, self.lang = plan, lang
        self.attended = is_attended() if attended is None else attended

    def _repr_mimebundle_(self, **how: Any) -> Any:
        if self.attended:
            return self.box._repr_mimebundle_(**how)
        return {"text/html": show_tonight(self.plan, lang=self.lang)._repr_html_(), "text/plain": "PastePanel()"}

    @cached_property
    def field(self) -> Any:
        """The field, with an example of each kind of line in it."""
        import ipywidgets

        layout = {"width": "36em", "height": "9em"}
        return ipywidgets.Textarea(placeholder=translate("live.paste_example", self.lang), layout=layout)

    @cached_property
    def answer(self) -> Any:
        """The rest of the night, or every line that cannot be read."""
        import ipywidgets

        shown = show_tonight(self.plan, lang=self.lang)._repr_html_()
        return ipywidgets.HTML(value=shown, layout={"width": "100%"})

    @cached_property
    def box(self) -> Any:
        """The panel: what to paste, the field, its button, the answer."""
        import ipywidgets

        head = ipywidgets.HTML(value=show_text(translate("live.paste_head", self.lang)).html)
        button = ipywidgets.Button(description=translate("live.paste_read", self.lang))
        button.on_click(lambda _: self.update())
        return ipywidgets.VBox([head, self.field, button, self.answer])

    def update(self) -> None:
        """Read the field, and show the rest of the night corrected by it; an empty field shows the plan's own again."""
        text = str(self.field.value)
        found = paste_counts(self.plan, text) if text.strip() else self.plan
        self.answer.value = show_tonight(found, lang=self.lang)._repr_html_()


def paste_counts(plan: Plan, text: str) -> Plan:
    """Return the plan of the same night in which so much has come, with all that was worked out before."""
    changed = replace(plan, pasted=text, tonight="")
    own = {field.name for field in fields(plan)} | {"next_hours"}
    vars(changed).update({name: value for name, value in vars(plan).items() if name not in own})
    return changed
