"""Chapter 1, staffing: from the sales task to heads, and from heads to named people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.messages import Lang, label, translate
from simlib.report.charts import plot_cascade, plot_day_heads, plot_organisation, plot_tornado
from simlib.report.columns import day_words, list_words, lower_end, quantity, show_number, table_label
from simlib.report.html import Fragment, show_chart, show_table, show_text, show_verdict
from simlib.report.pages.common import drawn_once, show_result, stack
from simlib.store.problems import coded_label

if TYPE_CHECKING:
    from simlib.planning import Plan


def sections(plan: Plan, *, lang: Lang) -> list[Fragment]:
    """Return the chapter's pieces in the order of the report."""
    return [
        show_cascade(plan, lang=lang),
        show_hours(plan, lang=lang),
        show_cross_check(plan, lang=lang),
        show_tornado(plan, lang=lang),
        show_unknowns(plan, lang=lang),
        show_people(plan, lang=lang),
        show_organisation(plan, lang=lang),
        show_aftersale(plan, lang=lang),
    ]


@drawn_once
def show_cascade(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the four figures and the sales cascade; without one of them the rows before it, and the way to get it."""
    figures = show_result(plan.sales.tables, "four_figures", lang=lang)
    if plan.sales.missing_figures:
        owed = [label(f"ask_{key}", lang) for key in plan.sales.missing_figures]
        stopped = translate("store.verdict_figures_missing", lang, figures=list_words(owed, lang))
        reached = show_table(plan.sales.reached, lang=lang, caption=table_label("cascade", lang))
        return stack(show_verdict([stopped], tone="bad"), figures, reached)
    lines = [translate("pages.full_load", lang, heads=plan.sales.heads("agents_day"))]
    handed_on = plan.inputs.transfer_rate
    if handed_on == 0:
        lines.append(translate("pages.no_transfers", lang))
    else:
        lines.append(translate("pages.transfers", lang, share=show_number(handed_on, unit="share", digits=1)))
    return stack(
        figures,
        show_chart(plot_cascade(plan.cascade, lang=lang)),
        show_text(*lines),
        show_result(plan.sales.tables, "cascade", lang=lang),
    )


@drawn_once
def show_hours(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the heads of every hour against the day's average, and why the average is unsafe."""
    hours, day_agents = plan.sales.hours, plan.sales.heads("agents_day")
    worst = hours.loc[hours["agents_flat_out"].idxmax()]
    text = translate(
        "pages.average_unsafe",
        lang,
        average=day_agents,
        hour=f"{int(worst['hour']):02d}:00",
        flat_out=int(worst["agents_flat_out"]),
        at_ceiling=int(worst["agents_at_ceiling"]),
    )
    return stack(
        show_text(text),
        show_chart(plot_day_heads(hours, lang=lang, day_agents=day_agents)),
        show_result(plan.sales.tables, "hours", lang=lang),
    )


@drawn_once
def show_tornado(plan: Plan, *, lang: Lang) -> Fragment:
    """Show which ratio moves the peak's heads most, or that no ratio has a span."""
    if plan.sales.tornado.empty:
        return show_text(translate("pages.no_spans", lang))
    return stack(
        show_chart(plot_tornado(plan.sales.tornado, lang=lang, target="agents_peak_occupancy")),
        show_result(plan.sales.tables, "tornado", lang=lang),
    )


def show_unknowns(plan: Plan, *, lang: Lang) -> Fragment:
    """Turn the question round: with the people there are, which GMV do they carry, which bot share is needed."""
    heads = len(plan.inputs.ready)
    if heads == 0:
        return show_text(_nobody_text(plan, lang))
    if plan.sales.unknowns.empty:
        return show_text(translate("pages.no_contacts", lang))
    lines = []
    for row in plan.sales.unknowns.itertuples():
        if row.value != row.value:  # nan: no solution
            needed = quantity(row.needed_value, row.unit, lang)
            highest = quantity(row.allowed_high, row.unit, lang)
            asked = {"heads": heads, "name": label(row.step, lang), "needed_value": needed, "highest": highest}
            lines.append(translate("pages.no_solution", lang, **asked))
        else:
            value = quantity(row.value, row.unit, lang)
            lines.append(translate(f"pages.solved_{row.step}", lang, heads=heads, value=value))
    return stack(
        show_text(*lines, translate("pages.one_pool", lang)),
        show_result(plan.sales.tables, "unknowns", lang=lang),
    )


def _nobody_text(plan: Plan, lang: Lang) -> str:
    """Explain why nobody may serve on the day: nobody has passed, or all who have are away."""
    if not plan.people.passed:
        return translate("pages.nobody_ready", lang)
    return translate("pages.nobody_there", lang, passed=plan.people.passed, day=day_words(plan.wave.day, lang))


def show_cross_check(plan: Plan, *, lang: Lang) -> Fragment:
    """Hold the cascade against two other routes, and name the gaps: the visitors, and the store's own history."""
    lines = [translate("pages.no_visitors", lang)]
    if plan.sales.visitor_route == plan.sales.visitor_route:
        gap = _gap_texts(plan.sales.value("presale_contacts"), plan.sales.visitor_route, lang)
        lines = [translate("pages.visitor_route", lang, **gap)]
    history = plan.forecasting.second_route
    if history.empty:
        lines.append(translate("pages.no_second_route", lang))
    for row in history.itertuples():
        lines.append(
            translate(
                "pages.second_route",
                lang,
                queue=label(row.queue, lang),
                low=lower_end(row.p05, "contacts", lang),
                high=quantity(row.p95, "contacts", lang),
                **_gap_texts(row.planned, row.mean, lang),
            )
        )
        named = {"queue": label(row.queue, lang), "last": f"{row.history_end:%Y-%m-%d}", "count": row.age_days}
        lines.append(translate("pages.route_age", lang, **named))
        if row.unseen_weekday:
            lines.append(translate("pages.route_unseen", lang, queue=label(row.queue, lang)))
    doubts = _doubt_texts(plan, lang)
    return stack(
        show_text(*lines),
        None if history.empty else show_result(plan.forecasting.tables, "second_route", lang=lang),
        show_verdict(doubts, tone="bad") if doubts else None,
    )


def _doubt_texts(plan: Plan, lang: Lang) -> list[str]:
    """Return each history that stands in another unit than the cascade."""
    lines = []
    for row in plan.forecasting.doubtful_units.itertuples():
        unit = "by_day" if row.rows_per_day == 1 else "by_interval"
        side = "high" if row.usual > row.expected else "low"
        lines.append(
            translate(
                "store.unit_doubtful",
                lang,
                queue=label(row.queue, lang),
                sheet=coded_label("history", lang),
                column=coded_label("contacts", lang),
                usual=quantity(row.usual, "contacts", lang),
                expected=quantity(row.expected, "contacts", lang),
                factor=f"{row.factor:.0f}",
                mistake=translate(f"store.unit_{unit}_{side}", lang, rows=round(row.rows_per_day)),
            )
        )
    return lines


def _gap_texts(planned: float, other: float, lang: Lang) -> dict[str, str]:
    gap = other / planned - 1 if planned else 0.0
    return {
        "planned": quantity(planned, "contacts", lang),
        "other": quantity(other, "contacts", lang),
        "gap": f"{100 * gap:+.0f}",
    }


def show_aftersale(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the after-sale contacts that the promo day's orders bring in the two weeks that follow."""
    by_day = plan.sales.aftersale_stream.groupby("date")["contacts"].sum()
    orders = plan.sales.value("day_gmv_cny") / plan.sales.value("aov_cny")
    text = translate(
        "pages.aftersale",
        lang,
        orders=quantity(orders, "buyers", lang),
        contacts=quantity(float(by_day.sum()), "contacts", lang),
        worst=by_day.idxmax().isoformat(),
        most=quantity(float(by_day.max()), "contacts", lang),
        on_day=quantity(plan.sales.value("aftersale_contacts"), "contacts", lang),
    )
    return stack(show_text(text), show_result(plan.sales.tables, "aftersale_stream", lang=lang))


def show_people(plan: Plan, *, lang: Lang) -> Fragment:
    """Show need against have by role, where the missing people can come from, and every last safe day."""
    people = plan.people
    unknown = [label(queue, lang) for queue in people.need_and_have.query("need.isna()")["queue"]]
    late = [label(task, lang) for task in people.last_safe_dates.query("late")["task"]]
    short = [
        translate("pages.gap_queue", lang, queue=label(row.queue, lang), count=row.gap)
        for row in people.need_and_have.query("gap > 0").itertuples()
    ]
    lines = [translate("pages.gap", lang, queues=list_words(short, lang)) if short else translate("pages.no_gap", lang)]
    if unknown:
        lines.append(translate("pages.need_unknown", lang, roles=list_words(unknown, lang)))
    warned = [
        translate("pages.too_late", lang, tasks=list_words(late, lang)) if late else translate("pages.in_time", lang),
        translate(f"pages.goods_{'complex' if people.complex_goods else 'simple'}", lang),
    ]
    if (people.sources["state"] == "impossible").any():
        warned.append(translate("pages.impossible_source", lang))
    ratio = people.head_ratio
    compared = translate(
        "pages.head_ratio",
        lang,
        presale=ratio["presale"],
        aftersale=ratio["aftersale"],
        ratio=show_number(ratio["ratio"], unit="", digits=1) if ratio["aftersale"] else "–",
        trade=show_number(ratio["trade"], unit="", digits=0),
    )
    return stack(
        show_text(*lines),
        show_result(people.tables, "need_and_have", lang=lang),
        show_text(*warned),
        show_result(people.tables, "sources", lang=lang),
        show_result(people.tables, "last_safe_dates", lang=lang),
        show_text(compared),
    )


@drawn_once
def show_organisation(plan: Plan, *, lang: Lang) -> Fragment:
    """Draw the promo organisation of those who may serve as a tree, and list who is in each squad."""
    if plan.people.organisation.empty:
        return show_text(translate("pages.nobody_to_organise", lang))
    return stack(
        show_chart(plot_organisation(plan.people.organisation, lang=lang)),
        show_result(plan.people.tables, "organisation", lang=lang),
    )
