"""What every chapter's page uses: pieces under one another, a result's table by its name, the KPI cards, the bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import finalize

import pandas as pd

from simlib import facts
from simlib.messages import LANGS, Lang, Message, glossary, label, texts, translate
from simlib.report.columns import lower_end, quantity, table_label
from simlib.report.html import Card, Fragment, show_alarm, show_table, show_text, show_typeface
from simlib.report.lesson import lesson_signs
from simlib.report.progress import show_progress
from simlib.store.models import Store
from simlib.store.problems import count_mistakes, shorten

if TYPE_CHECKING:
    from simlib.planning import Plan

Tables = Mapping[str, pd.DataFrame]
ShowT = TypeVar("ShowT", bound=Callable[..., Fragment])


def stack(*fragments: Fragment | None) -> Fragment:
    """Show several pieces under one another; a piece that is None is left out."""
    return Fragment("".join(fragment.html for fragment in fragments if fragment is not None))


def drawn_once(show: ShowT) -> ShowT:
    """Return a page function that draws one result once per language, as long as the result lives.

    A chapter's notebook and the report show the same pieces, and a picture costs a second. What is kept belongs to
    one result and goes with it; two results never share a piece, however equal they are.
    """
    drawn: dict[int, dict[Lang, Fragment]] = {}

    @wraps(show)
    def show_kept(found: Any, *, lang: Lang) -> Fragment:
        if id(found) not in drawn:
            drawn[id(found)] = {}
            finalize(found, drawn.pop, id(found))
        pieces = drawn[id(found)]
        if lang not in pieces:
            pieces[lang] = show(found, lang=lang)
        return pieces[lang]

    return show_kept  # type: ignore[return-value]  # the same call, one result and a language


def show_result(tables: Tables, name: str, *, lang: Lang) -> Fragment:
    """Show one table of a result under its name; where it has no rows, what is not there."""
    key = f"report.no_rows_{name}"
    named = {"share": f"{facts.value('courses', 'weak_share'):.0%}"} if name == "special_training" else {}
    no_rows = translate(key if key in texts() else "report.no_rows", lang, **named)
    return show_table(tables[name], lang=lang, caption=table_label(name, lang), no_rows=no_rows)


def show_findings(findings: Sequence[Message], *, lang: Lang) -> Fragment | None:
    """Show what a chapter found, one paragraph per finding; nothing where it found nothing."""
    return show_text(*(finding.text(lang) for finding in findings)) if findings else None


def open_chapter(store: Store, *, lang: Lang) -> Fragment:
    """Open a chapter's notebook: the typeface for all its texts, and what is wrong with the store's data."""
    kit = [languages[each] for languages in (*glossary().values(), *texts().values()) for each in LANGS]
    kit += [lesson_signs(each) for each in LANGS]
    return stack(show_typeface("".join(kit) + store.model_dump_json()), show_problems(store, lang=lang))


def show_problems(store: Store, *, lang: Lang) -> Fragment | None:
    """Show in red all that is wrong with a store's data and what the figures go without; nothing where all is right."""
    if not store.problems:
        return None
    return show_alarm(
        translate("store.problems_head", lang, count=count_mistakes(store.problems)),
        [(problem.text(lang), problem.loss_text(lang)) for problem in shorten(store.problems)],
        translate("store.problems_way_out", lang),
    )


def solve_with_progress(plan: Plan, *, lang: Lang) -> None:
    """Work out agents and roster under a bar; ■ in the notebook ends the search with the best roster so far."""
    with show_progress("requirement", lang=lang):
        _ = plan.required
    with show_progress("roster", lang=lang) as show:

        def report(best: float, bound: float, _: float) -> None:
            show(detail=translate("pages.roster_found", lang, best=f"{best:,.0f}", bound=f"{bound:,.0f}"))

        plan.solve_with_progress(report)


def kpi_cards(plan: Plan, *, lang: Lang, keys: Sequence[str] = ()) -> list[Card]:
    """Make a card of each headline KPI: its mean over the nights, its bands, its target, its worst half hour."""
    judged = plan.conclusion.judged
    weak = {each.kpi: text.text(lang) for each, text in zip(judged.weaknesses, judged.messages, strict=True)}
    shown = keys or plan.conclusion.headline
    return figure_cards(plan.kpis, shown, plan.conclusion.targets_met, lang=lang, notes=weak)


def figure_cards(
    kpis: pd.DataFrame,
    keys: Sequence[str],
    targets_met: Mapping[str, bool],
    *,
    lang: Lang,
    notes: Mapping[str, str] | None = None,
) -> list[Card]:
    """Make a card of each of some KPIs from their table, green where its target is met and red where it is missed."""
    cards = []
    table = kpis.set_index("kpi")
    for key in keys:
        row = table.loc[key]
        held = targets_met.get(key)
        cards.append(
            Card(
                label=label(key, lang),
                value=quantity(row["mean"], row["unit"], lang),
                band=translate(
                    "pages.band",
                    lang,
                    low=lower_end(row["p05"], row["unit"], lang),
                    high=quantity(row["p95"], row["unit"], lang),
                    risk_low=lower_end(row["risk_p05"], row["unit"], lang),
                    risk_high=quantity(row["risk_p95"], row["unit"], lang),
                ),
                note=(notes or {}).get(key, ""),
                tone="plain" if held is None else "good" if held else "bad",
            )
        )
    return cards


@contextmanager
def watch_parts(lang: Lang) -> Iterator[Callable[[str], Callable[..., object]]]:
    """Yield what opens a bar for each part of a long piece of work; the bar of the part before is closed."""
    with ExitStack() as bars:

        def open_part(name: str) -> Callable[..., object]:
            bars.close()
            return bars.enter_context(show_progress(name, lang=lang))

        yield open_part
