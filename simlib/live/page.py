"""The live page as a widget: its texts, its messages from and to browsers, and scenarios saved from it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import pandas as pd
import traitlets

from simlib.actions.offers import read_run
from simlib.kpis import BETTER, COURSE_STEP_S
from simlib.live.answer import CURVES, Comparison, signed
from simlib.live.latest import LatestOnly, Request
from simlib.live.night import MOVES, LiveNight, Position, Slider
from simlib.live.plans import KeptPlan, keep_figures, plans_file, read_plans, write_plans
from simlib.messages import Lang, UserError, glossary, label, texts, translate
from simlib.planning import Plan
from simlib.report.columns import quantity, unit_word
from simlib.report.typeface import embed_typeface
from simlib.store import StoreError, load_store, save_store
from simlib.stress.scenarios import Scenario, ScenarioError, keep_scenario


class LivePage(anywidget.AnyWidget):
    """The live controls as a widget, for JupyterLab and the dashboard.

    Every browser and every tab has sliders of its own, even where two show the same notebook and share a kernel. A
    tab that is reloaded keeps its position. :class:`LatestOnly` does all computing; a message only adds a request.

    Parameters
    ----------
    live : LiveNight
        What is shown.
    store : str or Path
        Where a scenario is saved on request.
    lang : {"zh", "en"}
        Language of every word on the page.
    nights : int
        Nights behind a final answer.
    """

    _esm = Path(__file__).with_name("live.js")
    _css = Path(__file__).with_name("live.css")
    page = traitlets.Dict().tag(sync=True)

    def __init__(self, live: LiveNight, *, store: str | Path, lang: Lang = "zh", nights: int = 30) -> None:
        self.live, self._store, self._lang, self._nights = live, Path(store), lang, nights
        self._answers: dict[str, Comparison] = {}
        self._plans = read_plans(plans_file(self._store))
        self._latest = LatestOnly(live, on_answer=self._on_answer, on_error=self._on_error, nights=nights)
        super().__init__(page=describe_page(live, lang))
        self.on_msg(self._receive)

    @classmethod
    def of(
        cls, plan: Plan, *, store: str | Path, roster: str | Path = "", lang: Lang = "zh", nights: int | None = None
    ) -> LivePage:
        """Return the page of a plan's night; ``roster`` is the Parquet table of an earlier run of the same plan.

        Without ``nights`` a final answer rests on as many as the plan's report.
        """
        kept = pd.read_parquet(roster) if roster else None
        offers = read_run(Path(roster).parent) if roster else None
        live = LiveNight.of(plan, roster=kept, offers=offers)
        return cls(live, store=store, lang=lang, nights=plan.replications if nights is None else nights)

    def _receive(self, _: object, message: Mapping[str, Any], buffers: object) -> None:
        """Handle a message from a browser."""
        if message["kind"] == "ask":
            self._latest.ask(message["view"], message["number"], message["position"])
        elif message["kind"] == "leave":
            self._latest.forget(message["view"])
            self._answers.pop(message["view"], None)
        elif message["kind"] == "keep":
            text, good = self.keep(message["position"], name=message["name"])
            self.send({"kind": "notice", "view": message["view"], "text": text, "good": good})
        elif message["kind"] == "take":
            self._take(message["view"], message["position"], message["action"])
        elif message["kind"] == "plan":
            text, good = self.keep_plan(
                message["position"], name=message["name"], reason=message["reason"], view=message["view"]
            )
            self._show_plans(view=message["view"], text=text, good=good)
        elif message["kind"] == "plans":
            self._show_plans(view=message["view"])

    def _take(self, view: str, position: Position, action: str) -> None:
        """Send the position with an action taken, or why it cannot be."""
        try:
            taken = self.live.take(position, action)
        except UserError as error:
            self.send({"kind": "notice", "view": view, "text": error.text(self._lang), "good": False})
        except ValueError as error:
            self.send({"kind": "notice", "view": view, "text": self._failed(error), "good": False})
        else:
            self.send({"kind": "go", "view": view, "position": taken})

    def keep_plan(self, position: Position, *, name: str, reason: str, view: str = "") -> tuple[str, bool]:
        """Keep a position as a plan beside the store; return the text to show, and whether it was kept."""
        try:
            whole = self.live.read(position)
            found = keep_figures(self._answers.get(view), position)
            book = self._plans.keep(KeptPlan(name=name, reason=reason.strip(), position=whole, **found))
        except UserError as error:
            return error.text(self._lang), False
        except ValueError as error:
            return self._failed(error), False
        self._plans = book
        path = plans_file(self._store)
        try:
            write_plans(book, path)
        except OSError:
            return translate("live.plan_not_written", self._lang, name=book.plans[-1].name, file=path.name), True
        return translate("live.plan_kept", self._lang, name=book.plans[-1].name, file=path.name), True

    def _show_plans(self, *, view: str, text: str = "", good: bool = True) -> None:
        rows = [describe_plan(plan, self.live, self._lang) for plan in self._plans.plans]
        self.send({"kind": "plans", "view": view, "plans": rows, "text": text, "good": good})

    def keep(self, position: Position, *, name: str) -> tuple[str, bool]:
        """Save a position in the store's workbook as a scenario; return the text to show, and whether it was saved."""
        name = name.strip()
        if not name:
            return translate("live.nameless", self._lang), False
        try:
            if position.get(MOVES):
                return translate("live.moves_are_a_plan", self._lang), False
            scenario = self.live.scenario(position, name=name)
            if scenario is None:
                return translate("live.nothing_changed", self._lang), False
            place, replaced = keep_in_store(scenario, self._store, lang=self._lang)
        except (ScenarioError, StoreError) as error:
            return error.text(self._lang), False
        except OSError as error:
            return translate("live.not_kept", self._lang, file=self._store.name, reason=error.strerror), False
        except ValueError as error:  # a position that the page itself cannot make
            return self._failed(error), False
        again = translate("live.replaced", self._lang) if replaced else ""
        values = {"name": name, "file": self._store.name, "again": again}
        if place != self._store:
            return translate("live.kept_beside", self._lang, copy=place, **values), True
        return translate("live.kept_in", self._lang, **values), True

    def _on_answer(self, request: Request, answer: Comparison) -> None:
        self._answers[request.client_id] = answer
        whole = self.live.read(request.position)
        dark = [whole["outage_from"], whole["outage_to"]] if whole["outage"] else None
        message = {
            "kind": "night",
            "view": request.client_id,
            "number": request.number,
            "nights": len(answer.now),
            "status": translate("live.nights", self._lang, n=len(answer.now), of=self._nights),
            "table": describe_table(answer, self._lang),
            "verdict": self._so_far(len(answer.now)) + answer.verdict(self._lang),
            "good": not answer.missed(),
            "dark": dark,
        }
        self.send(message, buffers=[answer.curves().tobytes()])

    def _so_far(self, nights: int) -> str:
        """Return how many nights a sentence rests on, in front of it, until it rests on all of them."""
        return translate("live.so_far", self._lang, n=nights, of=self._nights) if nights < self._nights else ""

    def _failed(self, error: Exception) -> str:
        return translate("live.failed", self._lang, reason=type(error).__name__)

    def _on_error(self, request: Request, error: Exception) -> None:
        text = error.text(self._lang) if isinstance(error, UserError) else self._failed(error)
        self.send({"kind": "notice", "view": request.client_id, "number": request.number, "text": text, "good": False})


def keep_in_store(scenario: Scenario, path: Path, *, lang: Lang) -> tuple[Path, bool]:
    """Save a scenario on the sheet ``scenarios`` of the store as it is on the disk now.

    Return the file it was written to, and whether it replaced a scenario of the same name.

    A workbook that is read-only or open in Excel stays unchanged: the store with the scenario is saved beside it
    under a new name, or in the working directory where its folder is read-only too.

    Raises
    ------
    StoreError
        The store cannot be read any more.
    OSError
        No folder can be written.
    """
    before = load_store(path)
    replaced = any(row.name == scenario.name for row in before.scenarios)
    store = keep_scenario(before, scenario)
    opened = path.with_name(f"~${path.name}").exists()
    if not opened and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        try:
            save_store(store, path, lang)
        except StoreError:  # Windows: another program holds the file
            opened = True
        else:
            return path, replaced
    folder = path.parent if os.access(path.parent, os.W_OK) else Path.cwd()
    stamp = pd.Timestamp.now().strftime("%Y%m%d-%H%M%S")
    copy = folder / f"{path.stem}-{stamp}{path.suffix}"
    save_store(store, copy, lang)
    return copy, replaced


GROUPS = ("cohort", "floor", "buyers", "outage")
ASCII = "".join(map(chr, range(32, 127)))
UNITS = {"people": "people", "chats": "chats", "hours": "h"}
WORDS = (
    "rush",
    "whole_night",
    "undo",
    "back_to_plan",
    "keep",
    "name_it",
    "now",
    "change",
    "none",
    "thinking",
    "keys",
    "lost_touch",
)
PLAN_WORDS = ("actions", "keep_plan", "plan_name", "plan_reason", "plans", "no_actions")


def describe_page(live: LiveNight, lang: Lang) -> dict[str, Any]:
    """Return everything on the page that does not change: texts, sliders, the clock, the curves' titles."""
    night = live.night
    minutes = np.arange(live.steps.n + 1) * COURSE_STEP_S / 60
    page = {
        "lang": {"zh": "zh-CN", "en": "en"}[lang],
        "title": translate("live.title", lang, store=live.name, day=f"{night_day(live):%Y-%m-%d}"),
        "words": {key: translate(f"live.{key}", lang) for key in (*WORDS, *PLAN_WORDS)} | {"plan": label("plan", lang)},
        "groups": [[group, translate(f"live.group_{group}", lang)] for group in GROUPS],
        "sliders": [
            asdict(slider) | {"label": slider_label(slider, lang), "unit": unit_of(slider, lang)}
            for slider in live.sliders.values()
        ],
        "outages": [[name, outage_label(scenario, lang)] for name, scenario in live.outages.items()],
        "outage_label": translate("live.outage", lang),
        "plan": live.plan_position,
        "actions": [[offer.key, offer.text.text(lang), [move.key for move in offer.moves]] for offer in live.offers],
        "clock": [f"{live.moment(minute):%H:%M}" for minute in minutes],
        "step_min": COURSE_STEP_S / 60,
        "curves": [[key, label(key, lang), unit_word(glossary()[key]["unit"], lang)] for key in CURVES],
        "target": {
            "curve": "first_response",
            "value": night.threshold_s,
            "label": target_label(night.threshold_s, lang),
        },
        "rows": [[key, label(key, lang), bound_label(live, key, lang)] for key in live.headline],
        "rush": [int(live.night.grid.seconds(pd.DatetimeIndex([moment]))[0] // COURSE_STEP_S) for moment in live.rush],
    }
    shown = "".join(twins[lang] for key, twins in texts().items() if key.startswith(("live.", "store.")))
    return page | {"typeface": embed_typeface(repr(page) + shown + ASCII)}


def describe_plan(plan: KeptPlan, live: LiveNight, lang: Lang) -> dict[str, Any]:
    """Return a kept plan for the page: its name and reason, its position if the night still has it, its figures."""
    try:
        position: Mapping[str, Any] | None = live.read(plan.position)
    except ValueError:  # the roster or its actions have changed since
        position = None
    cells = [figure(plan.figures.get(key, np.nan), glossary()[key]["unit"], lang) for key in live.headline]
    return {"name": plan.name, "reason": plan.reason, "position": position, "cells": cells}


def night_day(live: LiveNight) -> pd.Timestamp:
    """Return the day of the night: that of its opening, else that of its first hour."""
    return live.opening if live.opening is not None else live.night.grid.opens


def slider_label(slider: Slider, lang: Lang) -> str:
    """Return a slider's label: a cohort's own, else that of its key."""
    cohort = slider.key.removeprefix("people_")
    return label(cohort, lang) if cohort != slider.key else translate(f"live.slider_{slider.key}", lang)


def bound_label(live: LiveNight, key: str, lang: Lang) -> str:
    """Return the target of a KPI of the table, at least or at most; empty for one that has none."""
    if key not in live.targets:
        return ""
    sign = "≥" if BETTER[key] == "higher" else "≤"
    return f"{sign} {figure(live.targets[key], glossary()[key]['unit'], lang)}"


def target_label(seconds: float, lang: Lang) -> str:
    """Return the label of the target's line."""
    return translate("live.target", lang, value=quantity(seconds, "s", lang))


def unit_of(slider: Slider, lang: Lang) -> str:
    """Return the unit behind a slider's value; shares and clock times have none."""
    return unit_word(UNITS[slider.shown], lang) if slider.shown in UNITS else ""


def outage_label(scenario: Scenario, lang: Lang) -> str:
    """Return the label of an outage with the place it hits."""
    incident = scenario.incidents[0]
    place = incident.room or incident.site
    title = scenario.title(lang)
    return translate("live.outage_at", lang, name=title, place=place) if place else title


def describe_table(answer: Comparison, lang: Lang) -> list[dict[str, Any]]:
    """Return the table of differences, one row per KPI: plan, now, change with its band, and whether it is better."""
    rows = []
    for row in answer.rows:
        key, change, half = row["kpi"], row["change"], row["half_width"]
        unit = glossary()[key]["unit"]
        scale, digits = (100.0, 1) if unit == "share" else (1.0, 1 if unit == "s" else 0)
        certain = np.isfinite(half) and abs(change) > half
        finer = digits + (scale * half < 0.5 * 10.0**-digits)  # so that a narrow band is not shown as none
        rows.append(
            {
                "plan": figure(row["plan"], unit, lang),
                "now": figure(row["now"], unit, lang),
                "change": signed(scale * change, digits) if np.isfinite(change) else "–",
                "band": f"±{scale * half:,.{finer}f}" if np.isfinite(half) and half > 0 else "",
                "better": bool((change > 0) == (BETTER.get(key) == "higher")) if certain and key in BETTER else None,
            }
        )
    return rows


def figure(value: float, unit: str, lang: Lang) -> str:
    """Return a figure of the table: money and people whole, seconds and shares with one digit.

    Examples
    --------
    >>> figure(1234.5, "CNY", "en"), figure(0.8512, "share", "en"), figure(float("nan"), "s", "en")
    ('1,234 CNY', '85.1%', '–')
    """
    if not np.isfinite(value):
        return "–"
    if unit == "share":
        return f"{100 * value:.1f}%"
    return f"{value:,.{1 if unit == 's' else 0}f} {unit_word(unit, lang)}"
