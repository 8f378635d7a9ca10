"""A month looked at: what is paid to whom and what it costs, scores and quality, and the team's week."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from simlib import facts
from simlib.goals.figures import is_empty, read_date, text_of
from simlib.goals.grades import competition_months, grade_ladder, review_grades, stage_kpis, stage_pay
from simlib.goals.month import Month
from simlib.goals.pay import (
    announce_scheme,
    announcement_day,
    bonus_per_hour,
    check_law,
    compare_pay_models,
    draw_red_packets,
    find_firsts,
    late_payments,
    side_effects,
)
from simlib.goals.payouts import Payouts, calculate_payouts
from simlib.goals.quality import plan_sampling, qa_standard, step_coverage, suggest_courses
from simlib.goals.scores import read_ledger, work_out_scores
from simlib.goals.targets import compare_efficiency
from simlib.goals.team import (
    AUDIENCES,
    assign_work,
    board,
    box_status,
    duty_list,
    is_form_address,
    open_duties,
    rules_sheet,
    saved_buyer_value,
    segment_phrases,
    spotlight,
    talk_sheets,
)
from simlib.goals.wording import name_figures, name_scheme, number_text
from simlib.messages import LANGS, Message, Term

__all__ = ["assess_month", "lead_team", "list_prizes", "pay_month"]

Tables = dict[str, pd.DataFrame]
LINE_COLUMNS = ("person", "scheme", "rule", "amount_cny", "points", "provisional")
NIGHT_FIGURES = ("receptions", "buyers_paid", "sales_cny", "mean_response_s", "completion")  # what a night has
LEAST_INQUIRIES, LEAST_RECEPTIONS = 20, 10  # ours: below it a conversion, or an hour's response, is luck
# What a talk is about and what praise may be of, where the month has it.
TALK_FIGURES = (
    *("sales_cny", "conversion", "completion", "receptions", "mean_response_s", "satisfied_share"),
    *("items_per_order", "reply_ratio", "exam_score"),
)


def list_prizes(
    incentives: pd.DataFrame | None, prizes: pd.DataFrame | None, *, promo_day: dt.date
) -> tuple[Tables, list[Message]]:
    """List the prizes with the four parts that are published: prize, definition, selection, payout with its day.

    Parameters
    ----------
    incentives : DataFrame, optional
        The core workbook's sheet: prize, basis, selection, payout, payout_cny, pay_on.
    prizes : DataFrame, optional
        The chapter's own sheet: prize, definition, selection, payout, announced_on, pay_on.
    promo_day : date
        A prize of the promo that is paid before it is named.
    """
    rows: list[tuple[Any, ...]] = []
    for row in () if incentives is None else incentives.itertuples():
        payout = row.payout if is_empty(row.payout_cny) else f"{row.payout} ({number_text(row.payout_cny)} CNY)"
        rows.append((row.prize, row.basis, row.selection, payout, None, None if is_empty(row.pay_on) else row.pay_on))
    for row in () if prizes is None else prizes.itertuples():
        rows.append((row.prize, row.definition, row.selection, row.payout, row.announced_on, row.pay_on))
    if not rows:
        return {}, []
    core = 0 if incentives is None else len(incentives)
    early, undated = [], []
    for position, row in enumerate(rows):
        sheet, number = ("incentives", position + 2) if position < core else ("prizes", position - core + 2)
        where: dict[str, object] = {"prize": row[0], "sheet": Term(sheet), "row": number}
        if row[5] is None:
            undated.append(Message("goals.prize_undated", **where))
        elif row[5] < promo_day:
            early.append(Message("goals.prize_paid_early", pay=row[5], day=promo_day, **where))
    found = early + undated
    columns = ["prize", "basis", "selection", "payout", "announced_on", "pay_on"]
    return {"prizes": pd.DataFrame(rows, columns=columns)}, found


def pay_month(
    month: Month, *, on: dt.date, seed: int
) -> tuple[Payouts | None, Tables, dict[str, float], list[Message]]:
    """Work out what a month pays: by rule and person, in sums, by day and hour, against the law, and what is late."""
    tables: Tables = {}
    figures: dict[str, float] = {}
    findings: list[Message] = []
    payouts = None
    if month.schemes is not None and month.results is not None:
        now, later = split_schemes(month)
        payouts = calculate_payouts(
            now, month.results, period=month.period, sources=month.sources, confirmed=month.confirmed
        )
        coming = calculate_payouts(later, month.results.assign(**dict.fromkeys(NIGHT_FIGURES)))
        _add_payouts(payouts, coming, month, tables, figures, findings, on)
    if month.schemes is not None and month.period is not None:
        last, reminder = announcement_day(month.period[0])
        findings.append(Message("goals.announce_by", last=last, reminder=reminder))
    tables |= _day_prizes(month, findings)
    packets = month.settings.get("red_packets")
    if packets and month.results is not None:
        people = [text_of(person) for person in month.results["person"]]
        many = min(int(packets), len(people))
        amount = month.settings.get("red_packets_cny", 0.0)
        if many >= 1 and round(amount * 100) >= many:
            log = draw_red_packets(people, budget_cny=amount, packets=many, seed=seed)
            tables["red_packets"] = log.assign(amount_cny=log["amount_cny"].astype(float))
        else:
            findings.append(Message("goals.red_packets_unfit", count=int(packets), amount=number_text(amount)))
    models = month.more.get("pay_models")
    if models is not None and month.results is not None:
        minimum = month.settings.get("minimum_month_cny")
        compared, more = compare_pay_models(month.results, models, minimum_month_cny=minimum)
        tables["pay_models"] = compared.rename(columns={"people": "heads"})
        findings += more
    if month.results is not None:
        actual = _actual_efficiency(month)
        if actual is not None:
            tables["efficiency"] = actual
    tables["pay_law"] = _law_table()
    return payouts, tables, figures, findings


def split_schemes(month: Month) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Part the schemes of the period from those that are announced after it, such as the promo's: a scheme is whole."""
    schemes = month.schemes if month.schemes is not None else pd.DataFrame(columns=["scheme", "announced_on"])
    if month.period is None:
        return schemes, schemes.iloc[:0]
    last = month.period[1]
    after = np.array([not is_empty(day) and read_date(day) > last for day in schemes["announced_on"]], dtype=bool)
    named = set(schemes.loc[after, "scheme"])
    later = schemes["scheme"].isin(named)
    return schemes[~later], schemes[later]


def _add_payouts(
    payouts: Payouts,
    coming: Payouts,
    month: Month,
    tables: Tables,
    figures: dict[str, float],
    findings: list[Message],
    on: dt.date,
) -> None:
    languages = {lang: [why.text(lang) for why in payouts.lines["why"]] for lang in LANGS}
    lines = payouts.lines.drop(columns="why").assign(pay_why_zh=languages["zh"], pay_why_en=languages["en"])
    used = {f"figures_used_{lang}": [name_figures(text, lang) for text in lines["rows"]] for lang in LANGS}
    lines = lines.assign(**used)[[*LINE_COLUMNS, *used, *(f"pay_why_{lang}" for lang in LANGS)]]
    tables["payroll"] = _sum_payroll(payouts, month)
    tables["payouts"] = _as_floats(lines)
    tables["announcements"] = _announce((*payouts.rules, *coming.rules), month)
    tables["totals"] = _as_floats(payouts.totals)
    tables["lacking"] = payouts.lacking
    evidence = payouts.evidence
    tables["figure_sources"] = evidence.assign(
        value=[None if value is None else float(value) for value in evidence["value"]],
        source_row=[str(row) for row in evidence["source_row"]],
    ).rename(columns={"value": "figure_value"})
    stopped = (*payouts.refused, *coming.refused)
    refused: list[tuple[Any, ...]] = [(one.scheme, str(one.rule), one.text("zh"), one.text("en")) for one in stopped]
    tables["refused"] = pd.DataFrame(refused, columns=["scheme", "rule", "pay_why_zh", "pay_why_en"])
    figures["paid_cny"] = float(sum(payouts.totals["amount_cny"]))
    figures["provisional_cny"] = float(sum(payouts.totals["provisional_cny"]))
    figures["schemes_refused"] = float(len({one.scheme for one in stopped}))
    findings += [one.error.messages[0] for one in stopped]
    waiting = payouts.lacking[~payouts.lacking["confirmed"].astype(bool)]
    for (scheme, rule), own in waiting.groupby(["scheme", "rule"]):
        people = [str(person) for person in own["person"]]
        more: dict[str, Any] = {"rule": rule, "people": people[:5], "count": len(people)}
        findings.append(Message("goals.provisional", scheme=name_scheme(scheme), **more))
    findings += payouts.notices
    late, named = late_payments(payouts, _paid(month), on=on)
    if not late.empty:
        tables["late_payments"] = _as_floats(late)
    findings += named
    results = month.results
    if results is not None and {"person", "cohort", "effective_hours"} <= set(results.columns):
        people = results.assign(effective_hours=pd.to_numeric(results["effective_hours"], errors="coerce").fillna(0.0))
        tables["bonus_per_hour"], unequal = bonus_per_hour(payouts, people)
        findings += unequal
    staff = month.more.get("staff")
    if staff is not None and staff["base_cny"].notna().any():
        findings += _check_law(staff, payouts, month)


def _paid(month: Month) -> pd.DataFrame:
    empty = pd.DataFrame(columns=["person", "scheme", "rule", "paid_on"])
    return month.more.get("paid", empty)


def _as_floats(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its exact amounts as numbers to show; the exact ones stay in the payouts."""
    money = [name for name in table if str(name).endswith(("_cny", "points"))]
    return table.assign(**{str(name): table[name].astype(float) for name in money})


def _sum_payroll(payouts: Payouts, month: Month) -> pd.DataFrame:
    """Return the sheet for payroll: one row per person and day of payment, persons with nothing left out."""
    due = {(rule.scheme, rule.number): rule.pay_on for rules in payouts.rules.values() for rule in rules}
    lines = payouts.lines
    days = [due[key] for key in zip(lines["scheme"], lines["rule"], strict=True)]
    waits = lines["provisional"].astype(bool)
    lines = lines.assign(
        pay_on=days,
        provisional_cny=lines["amount_cny"].where(waits, 0).astype(float),
        amount_cny=lines["amount_cny"].where(~waits, 0).astype(float),
        points=lines["points"].where(~waits, 0).astype(float),
    )
    sums = lines.groupby(["person", "pay_on"], as_index=False)[["amount_cny", "points", "provisional_cny"]].sum()
    sums = sums[(sums[["amount_cny", "points", "provisional_cny"]] != 0).any(axis=1)].reset_index(drop=True)
    results = month.results if month.results is not None else pd.DataFrame(columns=["person"])
    who = results.set_index(results["person"].map(text_of))
    for place, name in enumerate(("name", "cohort"), start=1):
        known = who[name] if name in who else pd.Series(dtype=object)
        sums.insert(place, name, sums["person"].map(text_of).map(known))
    return sums.round({"amount_cny": 2, "points": 2, "provisional_cny": 2})


def _announce(names: Sequence[str], month: Month) -> pd.DataFrame:
    """Return each scheme as it is explained: a line per rule, and what it may reward by mistake."""
    rows = []
    for scheme in names:
        texts: dict[str, list[str]] = {}
        for lang in LANGS:
            known = side_effects(lang)
            risks = known[known["scheme"] == scheme].set_index("rule")["side_effect"].to_dict()
            schemes = month.schemes if month.schemes is not None else pd.DataFrame()
            texts[lang] = [one.text(lang) for one in announce_scheme(schemes, scheme=scheme, risks=risks)]
        rows += [(scheme, zh, en) for zh, en in zip(texts["zh"], texts["en"], strict=True)]
    return pd.DataFrame(rows, columns=["scheme", "announcement_zh", "announcement_en"])


def _day_prizes(month: Month, findings: list[Message]) -> Tables:
    """Return who was first in conversion on each day, and in response in each hour, with the least sample."""
    tables: Tables = {}
    for sheet, column, metric, figure, sample, amount in (
        ("days", "day", "buyers_paid / inquiries", "conversion", "inquiries", "daily_prize_cny"),
        ("hours", "start", "0 - mean_response_s", "mean_response_s", "receptions", "hourly_prize_cny"),
    ):
        rows = month.more.get(sheet)
        prize = month.settings.get(amount)
        if rows is None or prize is None:
            continue
        default = LEAST_INQUIRIES if sheet == "days" else LEAST_RECEPTIONS
        needed = month.settings.get(f"least_{sample}", default)
        how: dict[str, Any] = {"metric": metric, "sample": sample, "least": needed, "amount_cny": prize}
        named = {"metric_value": figure, "sample_size": sample}
        tables[f"first_of_{sheet}"] = find_firsts(rows, by=column, **how).rename(columns=named)
        nobody = len(rows[column].unique()) - tables[f"first_of_{sheet}"][column].nunique()
        if nobody:
            findings.append(Message(f"goals.no_first_of_{sheet}", count=nobody, least=number_text(needed)))
    return tables


def _actual_efficiency(month: Month) -> pd.DataFrame | None:
    """Return sales and receptions per paid hour of the month's results, where they have the three figures."""
    results = month.results
    if results is None or not {"cohort", "sales_cny", "receptions", "paid_hours"} <= set(results.columns):
        return None
    columns = {
        name: pd.to_numeric(results[name], errors="coerce").fillna(0.0)
        for name in ("sales_cny", "receptions", "paid_hours")
    }
    return compare_efficiency(results[["person", "cohort"]].assign(**columns))


def _check_law(staff: pd.DataFrame, payouts: Payouts, month: Month) -> tuple[Message, ...]:
    paid = payouts.totals.assign(paid=payouts.totals["amount_cny"].astype(float)).groupby("person")["paid"].sum()
    own = staff[staff["base_cny"].notna()]
    rows = own.assign(commission_cny=own["person"].map(paid).fillna(0.0).round(2))
    minimum = month.settings.get("minimum_month_cny")
    return check_law(rows, minimum_month_cny=minimum, schemes=month.schemes)


def _law_table() -> pd.DataFrame:
    rows = facts.table("pay_law")
    names = {"text_zh": "law_zh", "text_en": "law_en", "status": "fact_status"}
    names["grade"] = "source_grade"
    names |= {"source_zh": "law_source_zh", "source": "law_source_en"}
    kept = ["text_zh", "text_en", "source_zh", "source", "grade", "status", "checked_on"]
    rows = rows.assign(grade=rows["grade"].where(rows["grade"] != "none"))  # no source, so no grade of one
    return rows[kept].rename(columns=names).astype(object)


def assess_month(month: Month) -> tuple[Tables, list[Message]]:
    """Work out scores, next week's sample, step coverage, courses, grades, and what the store's stage looks at."""
    tables: Tables = {}
    findings: list[Message] = []
    if month.results is not None:
        ledger = None
        if month.evidence is not None:
            ledger, unread = read_ledger(month.evidence, rules=month.rules)
            findings += unread
            tables["ledger"] = ledger.assign(points=ledger["points"].astype(float)) if len(ledger) else ledger
        scores = work_out_scores(month.results, sheets=month.sheets, ledger=ledger)
        numbers = [name for name in scores.scores if name not in ("person", "sheet", "lacks")]
        shown = {name: [None if one is None else float(one) for one in scores.scores[name]] for name in numbers}
        tables["scores"], tables["score_items"] = scores.scores.assign(**shown), scores.items
        findings += scores.findings
    if month.qa is not None and not month.qa.empty:
        named = month.qa.dropna(subset=["supervisor"]) if "supervisor" in month.qa else month.qa.iloc[:0]
        coaches = {text_of(row.person): text_of(row.supervisor) for row in named.itertuples()}
        weeks = month.qa.assign(week=month.qa["week"].astype(int), score=month.qa["score"].astype(float))
        sample = plan_sampling(weeks, supervisors=coaches)
        tables["sampling"] = sample.rename(columns={"action": "sampling_action"})
        findings += _name_low(sample)
    records = month.more.get("chat_records")
    if records is not None:
        talk = records.rename(columns={"person": "agent"})
        parts = [step_coverage(talk, sheet=sheet).assign(sheet=sheet) for sheet in _sheets_of(records, month)]
        coverage = pd.concat(parts, ignore_index=True).rename(columns={"agent": "person", "item": "qa_item"})
        tables["step_coverage"] = coverage
    faults = month.more.get("faults")
    if faults is not None:
        courses, named_courses = suggest_courses(faults)
        tables["courses"] = courses.rename(columns={"item": "qa_item", "people": "heads"})
        findings += named_courses
    tables["qa_standard"] = _standard_table()
    if month.grades is not None and month.months is not None:
        on = month.period[1] if month.period is not None else dt.date.max
        events = month.events if month.events is not None else pd.DataFrame(columns=["person", "day", "kind"])
        past = month.months.rename(columns={"exam_score": "exam"})
        past = past.assign(**{name: pd.to_numeric(past[name]) for name in ("sales_cny", "score", "exam")})
        review = review_grades(month.grades, events=events, months=past, on=on)
        reasons = {lang: _reasons(review.reasons, review.people["person"], lang) for lang in LANGS}
        tables["grades"] = review.people.assign(pay_why_zh=reasons["zh"], pay_why_en=reasons["en"])
        findings += review.warnings
        if month.period is not None:
            year = month.period[1].year
            findings.append(Message("goals.competitions", days=[str(day)[:7] for day in competition_months(year)]))
    tables["grade_ladder"] = grade_ladder().rename(columns={"rank": "grade_rank"})
    stage = month.settings.get("stage")
    if stage is not None:
        if stage in ("startup", "growth", "mature"):
            tables["stage_sets"] = _stage_table(stage)
        else:
            findings.append(Message("goals.stage_unknown", stage=stage))
    return tables, findings


def _sheets_of(records: pd.DataFrame, month: Month) -> list[str]:
    """Return the standards that the records are held against: those of the people in them."""
    sheets = {"presale"}
    if month.results is not None and "sheet" in month.results:
        who = set(records["person"].map(text_of))
        rows = month.results[month.results["person"].map(text_of).isin(who)]
        sheets = {text_of(sheet) for sheet in rows["sheet"] if not is_empty(sheet)} & {"presale", "aftersale"} or sheets
    return sorted(sheets)


def _name_low(sampling: pd.DataFrame) -> list[Message]:
    found = []
    for action in ("coach", "improvement_plan"):
        people = [str(person) for person in sampling.loc[sampling["action"] == action, "person"]]
        if people:
            found.append(Message(f"goals.qa_{action}", people=people[:5], count=len(people)))
    return found


def _standard_table() -> pd.DataFrame:
    parts = []
    for sheet in ("presale", "aftersale"):
        zh, en = (qa_standard(sheet, lang) for lang in LANGS)
        rules = {"rule_zh": zh["rule"], "rule_en": en["rule"]}
        part = zh[["item", "points", "status"]].assign(sheet=sheet, **rules)
        parts.append(part.rename(columns={"item": "qa_item", "status": "fact_status"}))
    table = pd.concat(parts, ignore_index=True)
    return table[["sheet", "qa_item", "points", "rule_zh", "rule_en", "fact_status"]].rename(
        columns={"rule_zh": "qa_rule_zh", "rule_en": "qa_rule_en"}
    )


def _reasons(reasons: dict[str, tuple[Message, ...]], people: pd.Series, lang: Any) -> list[str]:
    return [" ".join(one.text(lang) for one in reasons.get(str(person), ())) for person in people]


def _stage_table(stage: str) -> pd.DataFrame:
    rows = [
        (stage, queue, list(stage_kpis(stage, queue)), list(stage_pay(stage))) for queue in ("presale", "aftersale")
    ]
    return pd.DataFrame(rows, columns=["store_stage", "queue", "assessed", "pay_parts"])


def lead_team(month: Month, *, on: dt.date) -> tuple[Tables, list[Message]]:
    """Lay out the lead's weeks: duties, rituals, talks, board, praise, strengths, rules, the box, phrases."""
    tables: Tables = {}
    findings: list[Message] = []
    owners = month.more.get("owners")
    owned = {} if owners is None else {text_of(row.block): text_of(row.owner) for row in owners.itertuples()}
    blocks = set(facts.table("lead_duties")["block"])
    strange = sorted(set(owned) - blocks)
    if strange:
        findings.append(Message("goals.block_unknown", blocks=strange, allowed=sorted(blocks)))
    owned = {block: owner for block, owner in owned.items() if block in blocks}
    tables["lead_duties"] = _in_both(["duty", "monthly"], owned)
    tables["remote_rituals"] = _in_both(["ritual"], owned)
    done = month.more.get("done")
    if done is not None:
        waiting = open_duties(done.rename(columns={"duty": "key"}), on=on)
        if waiting:
            findings.append(Message("goals.duties_open", count=len(waiting), duties=list(waiting[:3])))
    staff = month.more.get("staff")
    if staff is not None:
        tables["strengths"] = assign_work(staff)
    findings += _look_at_people(month, tables)
    days = month.more.get("days")
    if days is not None:
        tables["board"], more = _lay_board(days, month)
        findings += more
    if month.rules is not None:
        people = [] if month.results is None else [text_of(person) for person in month.results["person"]]
        empty = pd.DataFrame(columns=["rule", "person", "acknowledged_on"])
        sheet, more_rules = rules_sheet(month.rules, people, month.more.get("acknowledged", empty))
        findings += more_rules
        tables["team_rules"] = sheet.rename(columns={"rule": "rule_name", "text": "rule_text"})
    box = month.more.get("box")
    if box is not None:
        board_of_box, overdue = box_status(box, on=on)
        tables["reply_board"] = board_of_box.rename(columns={"text": "box_text"})
        findings += overdue
    address = month.settings.get("box_address")
    if address is not None and not is_form_address(address):
        findings.append(Message("goals.box_address_wrong", address=address[:80]))
    tables["returning_buyers"] = _phrases()
    saved, cost = (month.settings.get(key) for key in ("buyers_saved", "keeping_cost_cny"))
    if saved is not None and cost is not None:
        factor = month.settings.get("new_buyer_factor")
        try:
            _, message = saved_buyer_value(keeping_cost_cny=cost, buyers_saved=int(saved), factor=factor)
            findings.append(message)
        except ValueError:
            findings.append(Message("goals.saved_buyer_unfit"))
    return tables, findings


def _in_both(kinds: Sequence[str], owners: dict[str, str]) -> pd.DataFrame:
    zh, en = (
        pd.concat([duty_list(lang, owners=owners, kind=kind) for kind in kinds], ignore_index=True) for lang in LANGS
    )
    return pd.DataFrame(
        {
            "every": zh["every"],
            "at_zh": zh["at"],
            "at_en": en["at"],
            "duty_block": zh["block"],
            "task_zh": zh["task"],
            "task_en": en["task"],
            "done_when_zh": zh["done_when"],
            "done_when_en": en["done_when"],
            "owner": zh["owner"],
        }
    )


def _look_at_people(month: Month, tables: Tables) -> list[Message]:
    """Fill in everybody's talk sheet with the month and the one before, and draft the week's praise."""
    results = month.results
    if results is None:
        return []
    names = [name for name in TALK_FIGURES if name in results]
    figures = [name for name in names if pd.to_numeric(results[name], errors="coerce").notna().any()]
    if not figures:
        return []
    numbers = {name: pd.to_numeric(results[name], errors="coerce") for name in figures}
    now = results[["person"]].assign(person=results["person"].map(text_of), **numbers)
    before = _month_before(month, figures)
    sheets, questions = [], []
    for person, (sheet, messages) in talk_sheets(now, before, figures=figures).items():
        sheets.append(sheet.assign(person=person))
        questions.append((person, *(" ".join(one.text(lang) for one in messages) for lang in LANGS)))
    table = pd.concat(sheets, ignore_index=True)
    order = ["person", "figure", "own", "before", "team", "rank", "people"]
    renamed = {"own": "own_figure", "before": "month_before", "team": "team_median", "rank": "place", "people": "heads"}
    tables["talk_sheets"] = table[order].rename(columns=renamed)
    tables["talk_questions"] = pd.DataFrame(questions, columns=["person", "begin_with_zh", "begin_with_en"])
    called = results["name"] if "name" in results else results["person"]
    draft = spotlight(
        now.assign(name=called.map(lambda name: "" if is_empty(name) else text_of(name))), figures=figures
    )
    return [] if draft is None else [draft]


def _month_before(month: Month, figures: Sequence[str]) -> pd.DataFrame:
    """Return the last month before the period from the sheet of months, with the figures of the talk."""
    empty = pd.DataFrame({"person": pd.Series(dtype=object), **{name: pd.Series(dtype=float) for name in figures}})
    if month.months is None or month.period is None:
        return empty
    days = np.array([one.date() if isinstance(one, dt.datetime) else one for one in month.months["month"]])
    earlier = days < month.period[0].replace(day=1)
    if not earlier.any():
        return empty
    own = month.months[days == days[earlier].max()]
    values = {name: pd.to_numeric(own[name]) if name in own else np.nan for name in figures}
    return own[["person"]].assign(person=own["person"].map(text_of), **values)


def _lay_board(days: pd.DataFrame, month: Month) -> tuple[pd.DataFrame, list[Message]]:
    """Lay out the board of the last day: ranking, attainment, the published items, as far as the switch shows them."""
    last = max(days["day"])
    day = days[days["day"] == last].copy()
    day["person"] = day["person"].map(text_of)
    results, staff = month.results, month.more.get("staff")
    names = {}
    if results is not None and "name" in results:
        names = {text_of(row.person): row.name for row in results[["person", "name"]].itertuples(index=False)}
    teams = {} if staff is None else {text_of(row.person): row.supervisor for row in staff.itertuples()}
    day["name"] = [names.get(person) or person for person in day["person"]]
    day["team"] = [teams.get(person) or "" for person in day["person"]]
    day["target"] = pd.to_numeric(day["target_cny"], errors="coerce")
    audience, viewer = month.settings.get("audience", "all"), month.settings.get("viewer")
    found: list[Message] = []
    if audience not in AUDIENCES or (audience != "all" and viewer not in set(day["person"])):
        found.append(Message("goals.audience_unfit", audience=audience, allowed=AUDIENCES, viewer=viewer or "-"))
        return pd.DataFrame(columns=["place", "name", "sales_cny", "target_cny", "attainment"]), found
    shown = board(day.assign(sales_cny=pd.to_numeric(day["sales_cny"])), audience=audience, viewer=viewer)
    shown = shown.rename(columns={"rank": "place", "target": "target_cny"})
    shown.insert(0, "day", last)
    overdue = [
        str(name) for name, done in zip(day["name"], day["work_done"], strict=True) if not is_empty(done) and done < 1
    ]
    if overdue and audience == "all":
        found.append(Message("goals.work_open", people=overdue[:5], count=len(overdue), day=last))
    return shown, found


def _phrases() -> pd.DataFrame:
    zh, en = (segment_phrases("returning", lang) for lang in LANGS)
    table = zh.assign(phrase_zh=zh["phrase"], phrase_en=en["phrase"]).rename(
        columns={"topic": "segment_topic", "status": "fact_status"}
    )
    return table[["segment_topic", "phrase_zh", "phrase_en", "fact_status"]]
