"""The pieces of every chapter: what a notebook's cell shows, made from a plan's tables and the glossary's words."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from simlib.forecasting import read_actuals, reforecast
from simlib.forecasting.requirement import sweep_concurrency
from simlib.forecasting.tonight import look_ahead
from simlib.goals import set_targets, split_targets
from simlib.messages import LANGS, Lang, UserError, glossary, label, texts, translate
from simlib.readiness import check_readiness, phrase_coverage, score_readiness
from simlib.report.charts import (
    plot_calendar,
    plot_cascade,
    plot_concurrency,
    plot_coverage,
    plot_day_heads,
    plot_forecast,
    plot_night,
    plot_organisation,
    plot_requirement,
    plot_roster,
    plot_tornado,
)
from simlib.report.columns import day_words, list_words, quantity, show_number
from simlib.report.html import (
    Card,
    Fragment,
    show_alarm,
    show_cards,
    show_chart,
    show_table,
    show_text,
    show_typeface,
    show_verdict,
)
from simlib.report.progress import show_progress
from simlib.retrospective import compare_actuals, measure_fit
from simlib.staffing import (
    aftersale_stream,
    has_passed,
    head_ratio,
    last_safe_dates,
    make_or_buy,
    may_serve,
    need_and_have,
    organise,
    solve_for,
    tornado,
    visitor_route,
)
from simlib.store.models import NEEDED, SHEETS, Store
from simlib.store.problems import coded_label, shorten

if TYPE_CHECKING:
    from simlib.kpis import PlatformRate
    from simlib.planning import Plan

UNIT_FACTOR = 10  # a history so many times off the cascade is in another unit; promos differ by far less (ours)
TIGHT = 1.02  # people for the work there is, where a concurrency limit shows what it does
CHAPTERS = ("staffing", "readiness", "forecasting", "goals", "retrospective", "stress_test", "drill")


def put_together(*fragments: Fragment) -> Fragment:
    """Show several pieces under one another."""
    return Fragment("".join(fragment.html for fragment in fragments))


def read_day(text: str) -> dt.date:
    """Read the parameter ``today``: a date as 2026-10-10, or nothing for the real one."""
    return dt.date.fromisoformat(text) if text else dt.date.today()


def think(plan: Plan, *, lang: Lang) -> None:
    """Work out agents and roster under a bar; ■ in the notebook ends the thinking with the best roster so far."""
    with show_progress("requirement", lang=lang):
        _ = plan.requirement
    with show_progress("roster", lang=lang) as tell:

        def found(best: float, bound: float, _: float) -> None:
            tell(detail=translate("pages.roster_found", lang, best=f"{best:,.0f}", bound=f"{bound:,.0f}"))

        plan.watch_roster(on_progress=found)


def open_chapter(store: Store, *, lang: Lang) -> Fragment:
    """Open a chapter's notebook: the typeface for all that it may say, and what is wrong with the store's data."""
    kit = [twins[each] for twins in (*glossary().values(), *texts().values()) for each in LANGS]
    typeface = show_typeface("".join(kit) + store.model_dump_json())
    problems = show_problems(store, lang=lang)
    return put_together(typeface, problems) if problems else typeface


def show_problems(store: Store, *, lang: Lang) -> Fragment | None:
    """Show in red all that is wrong with a store's data and what the figures go without; nothing where all is right."""
    if not store.problems:
        return None
    return show_alarm(
        translate("store.problems_head", lang, count=len(store.problems)),
        [(problem.text(lang), problem.loss_text(lang)) for problem in shorten(store.problems)],
        translate("store.problems_way_out", lang),
    )


# --- 00 the sand table ------------------------------------------------------------------------------------


def show_plan_verdict(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the three sentences that a lead reads out."""
    return show_verdict(plan.verdict(lang), tone="good" if plan.holds and not plan.store.problems else "bad")


def show_calendar(plan: Plan, *, today: dt.date, lang: Lang) -> Fragment:
    """Show the store's promo calendar with today's place on it."""
    waves = plan.store.frame("waves")
    days = (plan.wave.day - today).days
    key = "days_to_go" if days > 0 else "today_is_it" if days == 0 else "days_ago"
    said = translate(f"pages.{key}", lang, wave=plan.wave.name, days=abs(days))
    return put_together(show_chart(plot_calendar(waves, lang=lang, today=today)), show_text(said))


def show_filled(plan: Plan, *, lang: Lang) -> Fragment:
    """Show which sheets are filled in and which are missing, and say what is needed to begin."""
    rows = [
        {
            "sheet": sheet,
            "rows": 1 if sheet == "store" else len(getattr(plan.store, sheet)),
            "needed": label("yes" if sheet in NEEDED else "no", lang),
        }
        for sheet in SHEETS
    ]
    missing = list_words([label(sheet, lang) for sheet in plan.store.missing], lang)
    said = translate("pages.missing", lang, sheets=missing) if missing else translate("pages.nothing_missing", lang)
    return put_together(show_text(said), show_table(pd.DataFrame(rows), lang=lang))


def show_chapters(*, lang: Lang) -> Fragment:
    """Show one line and one link a chapter."""
    from html import escape

    lines = []
    for number, chapter in enumerate(CHAPTERS, start=1):
        where = f"{number:02d}_{chapter}.ipynb"
        question = escape(translate(f"pages.question_{chapter}", lang))
        lines.append(f'<li><a href="{where}">{escape(label(chapter, lang))}</a>　{question}</li>')
    return Fragment(f"<ul>{''.join(lines)}</ul>")


# --- 01 staffing ------------------------------------------------------------------------------------------


def show_cascade(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the sales cascade as a picture and as its table of steps."""
    said = [translate("pages.full_load", lang, heads=plan.heads("agents_day"))]
    handed_on = plan.spans["transfer_rate"].likely
    if handed_on == 0:
        said.append(translate("pages.no_transfers", lang))
    else:
        said.append(translate("pages.transfers", lang, share=show_number(handed_on, unit="share", digits=1)))
    return put_together(
        show_chart(plot_cascade(plan.cascade, lang=lang)),
        show_text(*said),
        show_table(plan.cascade, lang=lang, caption=label("cascade", lang)),
    )


def show_hours(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the heads of every hour against the day's average, and say why the average is unsafe."""
    hours = plan.hours
    day_agents = plan.heads("agents_day")
    worst = hours.loc[hours["agents_flat_out"].idxmax()]
    said = translate(
        "pages.average_unsafe",
        lang,
        average=day_agents,
        hour=f"{int(worst['hour']):02d}:00",
        flat_out=int(worst["agents_flat_out"]),
        at_ceiling=int(worst["agents_at_ceiling"]),
    )
    return put_together(
        show_text(said),
        show_chart(plot_day_heads(hours, lang=lang, day_agents=day_agents)),
        show_table(hours, lang=lang, caption=label("hours_table", lang)),
    )


def show_tornado(plan: Plan, *, lang: Lang) -> Fragment:
    """Show which ratio moves the peak's heads most; say so where no ratio has a span."""
    table = tornado(plan.spans)
    if table.empty:
        return show_text(translate("pages.no_spans", lang))
    return put_together(
        show_chart(plot_tornado(table, lang=lang, target="agents_peak_occupancy")),
        show_table(table, lang=lang),
    )


def show_unknowns(plan: Plan, *, lang: Lang) -> Fragment:
    """Turn the question round: with the people there are, which GMV do they carry, which bot share is needed."""
    values = {key: span.likely for key, span in plan.spans.items()}
    heads = plan.ready_heads
    if heads == 0:
        return show_text(_nobody_words(plan, lang))
    if plan.step("total_contacts") == 0:
        return show_text(translate("pages.no_contacts", lang))
    unknowns = {"day_gmv_cny": "CNY", "month_gmv_cny": "CNY", "bot_share": "share"}
    if "wave_share" not in values:
        del unknowns["month_gmv_cny"]
    lines = []
    for unknown, unit in unknowns.items():
        solution = solve_for(unknown, values, heads=heads)
        name = label(unknown, lang)
        if solution.value is None:
            needed = quantity(solution.needed, unit, lang)
            highest = quantity(solution.allowed[1], unit, lang)
            lines.append(translate("pages.no_solution", lang, heads=heads, name=name, needed=needed, highest=highest))
        else:
            value = quantity(solution.value, unit, lang)
            lines.append(translate(f"pages.solved_{unknown}", lang, heads=heads, value=value))
    return show_text(*lines, translate("pages.one_pool", lang))


def _nobody_words(plan: Plan, lang: Lang) -> str:
    """Say why nobody may serve on the day: nobody has passed, or all who have are away."""
    mark = plan.store.rule("exam_pass_mark")
    passed = sum(has_passed(agent, exam_pass=mark) for agent in plan.store.agents)
    if not passed:
        return translate("pages.nobody_ready", lang)
    return translate("pages.nobody_there", lang, passed=passed, day=day_words(plan.wave.day, lang))


def show_cross_check(plan: Plan, *, lang: Lang) -> Fragment:
    """Hold the cascade against two other routes, and name the gaps: the visitors, and the store's own history."""
    presale = plan.step("presale_contacts")
    visitors, asking = (plan.store.ratio(key).likely for key in ("visitors", "consult_share"))
    said = [translate("pages.no_visitors", lang)]
    if visitors > 0:
        other = visitor_route(visitors=visitors, consult_share=asking)
        said = [translate("pages.visitor_route", lang, **_gap_words(presale, other, lang))]
    by_history = plan.second_route
    if by_history.empty:
        said.append(translate("pages.no_second_route", lang))
    for row in by_history.itertuples():
        said.append(
            translate(
                "pages.second_route",
                lang,
                queue=label(row.queue, lang),
                low=quantity(row.p05, "contacts", lang),
                high=quantity(row.p95, "contacts", lang),
                **_gap_words(row.planned, row.mean, lang),
            )
        )
    doubts = _doubt_units(plan, lang=lang)
    alarm = [show_verdict(doubts, tone="bad")] if doubts else []
    return put_together(show_text(*said), *alarm)


def _doubt_units(plan: Plan, *, lang: Lang) -> list[str]:
    """Name each queue whose ordinary days lie so far from the cascade that no promo explains it: a wrong unit."""
    planned = plan.cascade.set_index("step")["value"]
    promo_days = [day for days in plan.promo_days.values() for day in days]
    said = []
    for queue, counts in plan.history.items():
        days = counts.groupby(counts.index.date).sum()
        usual = days[~days.index.isin(promo_days)].median()
        expected = planned.get(f"{queue}_contacts", 0.0) / plan.curve.likely
        if not (usual > 0 and expected > 0) or 1 / UNIT_FACTOR < usual / expected < UNIT_FACTOR:
            continue
        unit = "by_day" if len(days) == len(counts) else "by_interval"
        side = "high" if usual > expected else "low"
        said.append(
            translate(
                "store.unit_doubtful",
                lang,
                queue=label(queue, lang),
                sheet=coded_label("history", lang),
                column=coded_label("contacts", lang),
                usual=quantity(usual, "contacts", lang),
                expected=quantity(expected, "contacts", lang),
                factor=f"{max(usual / expected, expected / usual):.0f}",
                mistake=translate(f"store.unit_{unit}_{side}", lang, rows=round(len(counts) / len(days))),
            )
        )
    return said


def _gap_words(planned: float, other: float, lang: Lang) -> dict[str, str]:
    gap = other / planned - 1 if planned else 0.0
    return {
        "planned": quantity(planned, "contacts", lang),
        "other": quantity(other, "contacts", lang),
        "gap": f"{100 * gap:+.0f}",
    }


def show_aftersale(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the after-sale contacts that the promo day's orders bring in the two weeks that follow."""
    orders = plan.step("day_gmv_cny") / plan.step("aov_cny")
    table = aftersale_stream(
        orders=orders, promo_day=plan.wave.day, refund_share=plan.store.ratio("refund_share").likely
    )
    by_day = table.groupby("date")["contacts"].sum()
    said = translate(
        "pages.aftersale",
        lang,
        orders=quantity(orders, "buyers", lang),
        contacts=quantity(float(by_day.sum()), "contacts", lang),
        worst=by_day.idxmax().isoformat(),
        most=quantity(float(by_day.max()), "contacts", lang),
    )
    shown = table.assign(phase=[label(f"phase_{phase}", lang) for phase in table["phase"]])
    return put_together(show_text(said), show_table(shown, lang=lang, caption=label("aftersale_stream", lang)))


def show_people(plan: Plan, *, today: dt.date, lang: Lang) -> Fragment:
    """Show need against have by role, where the missing people can come from, and every last safe day."""
    day = plan.wave.day
    table = need_and_have(plan.store, need=plan.need_by_queue, day=day)
    gap = int(table["gap"].clip(lower=0).sum())
    complex_goods = bool(plan.store.rule("complex_goods"))
    sources = make_or_buy(gap=gap, promo_day=day, today=today, complex_goods=complex_goods)
    dates = last_safe_dates(promo_day=day, today=today, complex_goods=complex_goods)
    unknown = [label(queue, lang) for queue in table.loc[table["need"].isna(), "queue"]]
    late = [label(row.task, lang) for row in dates.itertuples() if row.late]
    said = [translate("pages.gap", lang, gap=gap) if gap else translate("pages.no_gap", lang)]
    if unknown:
        said.append(translate("pages.need_unknown", lang, roles=list_words(unknown, lang)))
    warned = [
        translate("pages.too_late", lang, tasks=list_words(late, lang)) if late else translate("pages.in_time", lang),
        translate(f"pages.goods_{'complex' if complex_goods else 'simple'}", lang),
    ]
    if (sources["state"] == "impossible").any():
        warned.append(translate("pages.impossible_source", lang))
    ratio = head_ratio(plan.store)
    shown = show_number(ratio["ratio"], unit="", digits=1) if ratio["aftersale"] else "–"
    compared = translate(
        "pages.head_ratio",
        lang,
        presale=ratio["presale"],
        aftersale=ratio["aftersale"],
        ratio=shown,
        trade=show_number(ratio["trade"], unit="", digits=0),
    )
    states = {key: label(f"state_{key}", lang) for key in ("ok", "late", "impossible")}
    sources = sources.assign(
        state=sources["state"].map(states),
        night_work=[label("yes" if allowed else "no", lang) for allowed in sources["night_work"]],
    )
    dates = dates.assign(
        task=[label(task, lang) for task in dates["task"]],
        late=[label("yes" if late else "no", lang) for late in dates["late"]],
    )
    return put_together(
        show_text(*said),
        show_table(table, lang=lang),
        show_text(*warned),
        show_table(sources, lang=lang),
        show_table(dates, lang=lang),
        show_text(compared),
    )


def show_organisation(plan: Plan, *, lang: Lang) -> Fragment:
    """Draw the promo organisation as a tree, and list who is in each squad."""
    squads = organise(plan.store)
    rows = [
        {
            "squad": number,
            "queue": queue,
            "lead_name": people["lead_name"].iloc[0] if people["is_lead"].any() else translate("pages.no_lead", lang),
            "members": list_words(people.loc[~people["is_lead"], "name"].tolist(), lang),
        }
        for (number, queue), people in squads.groupby(["squad", "queue"], sort=True)
    ]
    caption = label("organisation", lang)
    return put_together(
        show_chart(plot_organisation(squads, lang=lang)),
        show_table(pd.DataFrame(rows), lang=lang, caption=caption),
    )


# --- 02 readiness -----------------------------------------------------------------------------------------


def show_readiness(plan: Plan, *, today: dt.date, lang: Lang) -> Fragment:
    """Show the share that is ready by block, one score, and the phrases that are still unwritten."""
    table = check_readiness(plan.store, day=plan.wave.day, today=today, peak_heads=plan.peak_heads)
    score = score_readiness(table)
    said = translate(
        "pages.readiness_score",
        lang,
        score=show_number(score, unit="share", digits=0) if pd.notna(score) else "–",
        days=int(table["days_left"].iloc[0]),
    )
    phrases = phrase_coverage(plan.store)
    unwritten = [label(topic, lang) for topic in phrases.loc[~phrases["written"], "topic"]]
    todo = (
        translate("pages.phrases_missing", lang, topics=list_words(unwritten, lang))
        if unwritten
        else translate("pages.phrases_whole", lang)
    )
    shown = table.drop(columns="days_left").assign(
        item=[label(item, lang) for item in table["item"]],
        block=[label(block, lang) for block in table["block"]],
    )
    return put_together(show_text(said), show_table(shown, lang=lang), show_text(todo))


# --- 03 forecast, requirement, roster, night --------------------------------------------------------------


def show_forecast(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the contacts by half hour, what the figures rest on, and the table."""
    return put_together(
        show_chart(plot_forecast(plan.forecast, lang=lang)),
        show_text(*plan.forecast_basis(lang)),
        show_table(plan.forecast, lang=lang, caption=label("forecast", lang)),
    )


def show_requirement(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the agents needed by half hour, three methods beside each other, which target binds, which cannot."""
    beyond = [show_text(*(error.text(lang) for error in plan.out_of_reach))] if plan.out_of_reach else []
    return put_together(
        *beyond,
        show_chart(plot_requirement(plan.requirement, lang=lang)),
        show_table(plan.requirement, lang=lang, caption=label("requirement", lang)),
    )


def show_concurrency(plan: Plan, *, lang: Lang) -> Fragment:
    """Show what the concurrency limit does to people, response and rate, and that it is no divisor (story A4)."""
    presale = plan.forecast[plan.forecast["queue"] == "presale"]
    peak = presale.loc[presale["human"].idxmax()]
    busiest = float(peak["human"]) * 3600 / plan.grid.step_s
    service = plan.services["presale"]
    targets = plan.reachable["presale"]
    sweep_hour = partial(
        sweep_concurrency,
        service,
        targets,
        contacts_h=busiest,
        close_s=plan.policy.close_s,
        rate=plan.rates[0],
    )
    enough = sweep_hour().query("sweet_spot").iloc[0]
    load = float(enough["occupancy"] * enough["agents_needed"])
    agents = math.ceil(load * TIGHT)
    sweep = sweep_hour(agents=agents)
    key = "service_level" if "service_level" in sweep else "platform_rate"
    best = int(sweep.loc[sweep[key].idxmax(), "concurrency"])
    found = {"concurrency": int(enough["concurrency"]), "agents": int(enough["agents_needed"])}
    return put_together(
        show_text(
            translate("requirement.sweet_spot", lang, divided=int(enough["divided"]), **found),
            translate("pages.sweep_tight", lang, agents=agents, load=f"{load:.1f}", best=best),
            _rate_words(plan.rates[0], at=peak["start"], lang=lang),
        ),
        show_chart(plot_concurrency(sweep, lang=lang)),
        show_table(sweep.drop(columns="sweet_spot"), lang=lang),
    )


def _rate_words(rate: PlatformRate, *, at: pd.Timestamp, lang: Lang) -> str:
    """Say by which rule the platform's rate is drawn, and whether the platform counts this time of day at all."""
    window = {"opens": _clock(rate.opens_s), "closes": _clock(rate.closes_s)}
    second = (at - at.normalize()).total_seconds()
    key = "sweep_rate" if rate.opens_s <= second < rate.closes_s else "sweep_rate_outside"
    return translate(f"pages.{key}", lang, rate=label(rate.key, lang), clock=f"{at:%H:%M}", **window)


def _clock(second: int) -> str:
    return f"{second // 3600:02d}:{second // 60 % 60:02d}"


def show_roster(plan: Plan, *, lang: Lang) -> Fragment:
    """Show who works when, what is short, and why."""
    pieces = [show_chart(plot_roster(plan.roster, lang=lang))] if len(plan.roster) else []
    if not plan.store.shifts:
        pieces.insert(0, show_text(translate("pages.no_shifts", lang)))
    return put_together(
        *pieces,
        show_chart(plot_coverage(plan.coverage, lang=lang)),
        show_text(*plan.roster_result.texts(lang)),
        show_table(plan.roster, lang=lang, caption=label("roster", lang)),
        show_table(plan.coverage, lang=lang, caption=label("coverage", lang)),
    )


def show_night(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the simulated night: figures with their bands, and how they run through the night."""
    return put_together(
        show_cards(kpi_cards(plan, lang=lang)),
        show_chart(plot_night(plan.intervals, lang=lang)),
        show_table(plan.kpis, lang=lang),
    )


def kpi_cards(plan: Plan, *, lang: Lang, keys: Sequence[str] = ()) -> list[Card]:
    """Make a card of each headline KPI: its mean over the nights, its band, and the target it is held to."""
    cards = []
    table = plan.kpis.set_index("kpi")
    for key in keys or plan.headline:
        row = table.loc[key]
        held = plan.targets_met.get(key)
        cards.append(
            Card(
                label=label(key, lang),
                value=quantity(row["mean"], row["unit"], lang),
                band=translate(
                    "pages.band",
                    lang,
                    low=quantity(row["p05"], row["unit"], lang),
                    high=quantity(row["p95"], row["unit"], lang),
                ),
                tone="plain" if held is None else "good" if held else "bad",
            )
        )
    return cards


def show_tonight(plan: Plan, *, until: str, pasted: str = "", lang: Lang) -> Fragment:
    """Correct the rest of the night by what has come, count the next three hours' heads, rank the levers.

    ``until`` is the time of day up to which the sheet of actuals counts (empty: all of it); ``pasted`` holds lines
    of times and counts instead, each of presale unless it names its queue. What cannot be read is a sentence.
    """
    try:
        if pasted:
            info = plan.store.store
            came = read_actuals(pasted, day=plan.wave.day, tz=info.timezone, forecast=plan.forecast)
        else:
            came = plan.actuals
            if until:
                came = came[came["start"] < plan.find_moment(until)]
        if came.empty:
            return show_text(translate("pages.no_actuals", lang))
        again = reforecast(plan.forecast, came[["start", "queue", "contacts"]])
    except UserError as error:
        return show_text(error.text(lang))
    if again.forecast.empty:
        return show_text(translate("pages.night_is_over", lang))
    at_work = set(plan.roster["agent_id"])
    mark = plan.store.rule("exam_pass_mark")
    on_call = [
        agent.agent_id
        for agent in plan.store.agents
        if agent.agent_id not in at_work and may_serve(agent, day=plan.wave.day, exam_pass=mark)
    ]
    tonight = look_ahead(
        again.forecast,
        plan.roster,
        plan.services,
        plan.reachable,
        concurrency=plan.concurrency,
        on_call=on_call,
        seed=plan.seed,
        policy=plan.policy,
    )
    now = tonight.heads[tonight.heads["start"] == tonight.heads["start"].min()]
    said = translate(
        "pages.tonight",
        lang,
        time=f"{now['start'].iloc[0]:%H:%M}",
        required=show_number(now["required"].sum(), unit="agents", digits=0),
        rostered=show_number(now["rostered"].sum(), unit="agents", digits=0),
        short=show_number(tonight.heads["shortfall"].sum() / 2, unit="h", digits=1),
    )
    levers = tonight.levers.assign(lever=[label(lever, lang) for lever in tonight.levers["lever"]])
    return put_together(
        show_text(*(level.text(lang) for level in again.levels), said),
        show_table(levers, lang=lang, caption=label("levers", lang)),
        show_table(tonight.heads, lang=lang, caption=label("next_hours", lang)),
    )


# --- 04 goals, 05 retrospective ---------------------------------------------------------------------------


def show_goals(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the team's floor and stretch, and each person's share of them."""
    targets = set_targets(
        sales_cny=plan.step("cs_sales_cny"),
        receptions=plan.step("human_contacts"),
    )
    people = split_targets(targets, roster=plan.roster, agents=plan.store.frame("agents"))
    return put_together(
        show_text(translate("pages.goals", lang, people=len(people))),
        show_table(targets, lang=lang),
        show_table(people, lang=lang, caption=label("goals", lang)),
    )


def show_retrospective(plan: Plan, *, lang: Lang) -> Fragment:
    """Show what came against the plan where the store has filled in actuals; say what is missing where not."""
    if plan.actuals.empty:
        return show_text(translate("pages.no_actuals", lang))
    compared = compare_actuals(plan.forecast, plan.actuals[["start", "queue", "contacts"]])
    if compared.empty:
        return show_text(translate("pages.actuals_elsewhere", lang, day=plan.wave.day))
    fit = measure_fit(compared)
    said = translate(
        "pages.fit",
        lang,
        planned=quantity(fit.planned, "contacts", lang),
        actual=quantity(fit.actual, "contacts", lang),
        wape=show_number(fit.wape, unit="share", digits=1),
        floor=show_number(fit.poisson_floor, unit="share", digits=1),
        inside=show_number(fit.inside_band, unit="share", digits=0),
    )
    return put_together(show_text(said), show_table(compared, lang=lang, caption=label("retrospective", lang)))
