"""Chapter 3: who comes, how many people that asks for, who works when, what the night does, and tonight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.kpis import find_overdue_facts
from simlib.messages import Lang, label, translate
from simlib.report.charts import (
    plot_concurrency,
    plot_coverage,
    plot_forecast,
    plot_night,
    plot_requirement,
    plot_roster,
)
from simlib.report.columns import list_words, show_number
from simlib.report.html import Fragment, show_cards, show_chart, show_text
from simlib.report.pages.common import drawn_once, kpi_cards, show_result, stack
from simlib.report.pages.repair import show_repair

if TYPE_CHECKING:
    from simlib.forecasting.result import ConcurrencyResult
    from simlib.planning import Plan


def sections(plan: Plan, *, lang: Lang) -> list[Fragment]:
    """Return the chapter's pieces in the order of the report."""
    return [
        show_floor_ratios(plan, lang=lang),
        show_forecast(plan, lang=lang),
        show_requirement(plan, lang=lang),
        show_concurrency(plan, lang=lang),
        show_roster(plan, lang=lang),
        show_night(plan, lang=lang),
        show_platform_scores(plan, lang=lang),
        show_tonight(plan, lang=lang),
        show_repair(plan, lang=lang),
    ]


@drawn_once
def show_floor_ratios(plan: Plan, *, lang: Lang) -> Fragment:
    """Show what a chat takes beside the kit's defaults: what was fitted, on what it rests, what stays a guess."""
    table = plan.inputs.floor_ratios
    fitted = [label(key, lang) for key in table.loc[table["source"] == "fitted", "ratio"]]
    guessed = [label(key, lang) for key in table.loc[~table["source"].isin(["fitted", "store"]), "ratio"]]
    texts = [translate("pages.ratios_fitted", lang, ratios=list_words(fitted, lang))] if fitted else []
    if not fitted:
        texts.append(translate("pages.ratios_not_fitted", lang))
    if guessed:
        texts.append(translate("pages.ratios_guessed", lang, ratios=list_words(guessed, lang)))
    return stack(show_text(*texts), show_result(plan.inputs.tables, "floor_ratios", lang=lang))


@drawn_once
def show_forecast(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the contacts by half hour, what the figures rest on, and the table."""
    return stack(
        show_chart(plot_forecast(plan.forecast, lang=lang)),
        show_text(*plan.conclusion.basis(lang)),
        show_result(plan.forecasting.tables, "forecast", lang=lang),
    )


@drawn_once
def show_requirement(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the agents needed by half hour, three methods beside each other, which target binds, which cannot."""
    beyond = plan.required.out_of_reach
    return stack(
        show_text(*(error.text(lang) for error in beyond)) if beyond else None,
        show_text(_the_number_text(plan, lang)),
        show_result(plan.headcounts.tables, "headcounts", lang=lang),
        show_chart(plot_requirement(plan.requirement, lang=lang)),
        show_result(plan.required.tables, "requirement", lang=lang),
    )


def _the_number_text(plan: Plan, lang: Lang) -> str:
    """Return the one number of heads that the plan goes by, with its band and what it promises."""
    required = plan.required
    low, high = required.peak_band
    return translate(
        "requirement.the_number",
        lang,
        time=f"{required.peak_start:%H:%M}",
        heads=required.peak_heads,
        low=low,
        high=high,
        asked=show_number(required.holds_share, unit="share", digits=0),
        fresh=show_number(required.peak_holds, unit="share", digits=0),
    )


@drawn_once
def show_concurrency(plan: Plan, *, lang: Lang) -> Fragment:
    """Show what the concurrency limit does to people, response and rate, and that it is no divisor (story A4)."""
    found = plan.concurrency
    rate = found.rate
    window = {"opens": _clock(rate.opens_s), "closes": _clock(rate.closes_s)}
    counted = translate(
        f"pages.{'sweep_rate' if found.counted else 'sweep_rate_outside'}",
        lang,
        rate=label(rate.key, lang),
        clock=f"{found.peak:%H:%M}",
        **window,
    )
    return stack(
        show_text(
            translate(
                "requirement.sweet_spot",
                lang,
                queue=label("presale", lang),
                clock=f"{found.peak:%H:%M}",
                divided=found.divided,
                concurrency=found.concurrency,
                agents=found.agents_needed,
            ),
            translate("pages.sweep_tight", lang, agents=found.agents, load=f"{found.load:.1f}", best=found.best),
            _output_words(found, lang),
            counted,
        ),
        show_chart(plot_concurrency(found.sweep, lang=lang)),
        show_result(found.tables, "concurrency_sweep", lang=lang),
    )


def show_platform_scores(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the night by every platform's own definition, its 30 days, and which definitions are overdue for a look."""
    overdue = find_overdue_facts(on=plan.counted_from)
    scored = {score.platform for score in plan.inputs.scores}
    overdue = overdue[overdue["platform"].isin(scored)]
    names = list_words([label(key, lang) for key in overdue["key"]], lang)
    mean = plan.conclusion.platform_scores.set_index("kpi")["mean"]
    lines = [
        translate(
            "pages.score_over_line",
            lang,
            score=label(score.key, lang),
            mean=f"{mean[score.key]:.1f}",
            limit=f"{score.limit_s:g}",
        )
        for score in plan.inputs.scores
        if score.key in mean.index and score.is_over_line(mean[score.key])
    ]
    return stack(
        show_text(*lines) if lines else None,
        show_text(translate("pages.scores_overdue", lang, scores=names)) if len(overdue) else None,
        show_result(plan.conclusion.tables, "platform_scores", lang=lang),
    )


def _output_words(found: ConcurrencyResult, lang: Lang) -> str:
    """Return where an agent gets most done, and what the highest limit costs against it."""
    output = found.sweep.set_index("concurrency")["output_agent_hour"]
    falls = found.peak_output < output.index.max()
    return translate(
        f"pages.{'sweep_output_falls' if falls else 'sweep_output_rises'}",
        lang,
        best=found.peak_output,
        output=f"{output[found.peak_output]:.1f}",
        most=output.index.max(),
        least=f"{output.iloc[-1]:.1f}",
    )


def _clock(second: int) -> str:
    return f"{second // 3600:02d}:{second // 60 % 60:02d}"


@drawn_once
def show_roster(plan: Plan, *, lang: Lang) -> Fragment:
    """Show who works when, what is short, and why."""
    tables = plan.roster_result.tables
    return stack(
        None if plan.store.shifts else show_text(translate("pages.no_shifts", lang)),
        show_chart(plot_roster(plan.roster, lang=lang)) if len(plan.roster) else None,
        show_chart(plot_coverage(plan.coverage, lang=lang)),
        show_text(*plan.roster_result.texts(lang)),
        *(show_result(tables, name, lang=lang) for name in tables),
    )


@drawn_once
def show_night(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the simulated night: figures with their bands, and how they run through the night."""
    tables = plan.conclusion.tables
    return stack(
        show_cards(kpi_cards(plan, lang=lang)),
        show_chart(plot_night(plan.conclusion.course, lang=lang)),
        *(show_result(tables, name, lang=lang) for name in tables if name != "platform_scores"),
    )


@drawn_once
def show_tonight(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the rest of the night corrected by what has come, the next hours' heads, and the levers ranked."""
    tonight = plan.next_hours
    if tonight.note is not None:
        return show_text(tonight.note.text(lang))
    tables = [show_result(tonight.tables, name, lang=lang) for name in tonight.tables]
    if plan.conclusion.fails_badly:
        return stack(show_text(translate("pages.tonight_fails", lang)), *tables)
    now = tonight.now
    text = translate(
        "pages.tonight",
        lang,
        time=f"{now['start'].iloc[0]:%H:%M}",
        planned=show_number(now["on_chat_planned"].sum(), unit="agents", digits=0),
        required=show_number(now["required"].sum(), unit="agents", digits=0),
        rostered=show_number(now["rostered"].sum(), unit="agents", digits=0),
        on_chat=show_number(now["on_chat"].sum(), unit="agents", digits=1),
        short=show_number(tonight.short_h, unit="h", digits=1),
    )
    return stack(
        show_text(*(level.text(lang) for level in tonight.levels), text),
        *tables,
    )
