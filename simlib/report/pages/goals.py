"""Chapter 4, goals: what to aim for and what it pays; and what is handed out: slips, announcement, board, winners."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import segno
from markupsafe import escape

from simlib.messages import Lang, label, translate
from simlib.report.charts.goals import plot_half_hours, plot_winner
from simlib.report.columns import key_words, table_label
from simlib.report.excel import write_workbook
from simlib.report.html import Fragment, render_report, show_alarm, show_chart, show_table, show_text
from simlib.report.pages.common import show_findings, show_result, stack
from simlib.report.style import save_figure
from simlib.store.problems import shorten

if TYPE_CHECKING:
    from simlib.planning import Plan

# The tables by part of the page; one that is named nowhere stands in the first.
PARTS = {
    "pay": (
        *("prizes", "announcements", "budget", "floor_effects", "payroll", "payouts", "totals", "lacking", "refused"),
        *("late_payments", "bonus_per_hour", "first_of_days", "first_of_hours", "red_packets", "pay_models"),
        *("figure_sources", "pay_law"),
    ),
    "scores": (
        *("scores", "score_items", "ledger", "sampling", "step_coverage", "courses", "qa_standard"),
        *("grades", "grade_ladder", "stage_sets"),
    ),
    "team": (
        *("lead_duties", "remote_rituals", "board", "talk_sheets", "talk_questions", "strengths"),
        *("team_rules", "reply_board", "returning_buyers"),
    ),
}
BOX_DAYS = 7  # within which an entry of the anonymous box is answered
QR_SCALE = 5  # pixels per module


def show_box(address: str | None, *, lang: Lang) -> Fragment:
    """Show the sheet of the anonymous box: the code of the lead's own form and its address, else a form on paper.

    Parameters
    ----------
    address : str or None
        Of the form, as the goals workbook has it.
    """
    promise = show_text(translate("goals.box_form", lang, days=BOX_DAYS))
    if address is None:
        return stack(promise, show_text("_" * 60, "_" * 60, translate("goals.box_paper", lang)))
    code = segno.make(address, error="m").svg_inline(scale=QR_SCALE, border=4, light="#fff", svgclass="st-qr")
    return stack(
        promise,
        Fragment(f'<figure class="st-chart">{code}<figcaption>{escape(address)}</figcaption></figure>'),
        show_text(translate("goals.box_scan", lang)),
    )


def sections(plan: Plan, *, lang: Lang) -> list[Fragment]:
    """Return the chapter's pieces in the order of the report."""
    return [show_goals(plan, lang=lang)]


def show_goals(plan: Plan, *, lang: Lang) -> Fragment:
    """Show what is wrong in the sheets, what follows, and every table of the chapter, in four parts."""
    found = plan.goals
    wrong = [(problem.text(lang), problem.loss_text(lang)) for problem in shorten(found.problems)]
    head, foot = (translate(f"store.{key}", lang, count=len(wrong)) for key in ("problems_head", "problems_way_out"))
    elsewhere = {name for names in PARTS.values() for name in names}
    pieces: list[Fragment | None] = [
        show_alarm(head, wrong, foot) if wrong else None,
        show_text(*(notice.text(lang) for notice in shorten(found.notices))),
        show_text(translate("pages.goals", lang, people=found.people)),
        show_findings(found.findings, lang=lang),
        show_text(translate("goals.page_targets", lang), translate("goals.page_bot_row", lang)),
        show_chart(plot_half_hours(found.tables["half_hours"], lang=lang)) if len(found.tables["half_hours"]) else None,
        *(show_result(found.tables, name, lang=lang) for name in found.tables if name not in elsewhere),
    ]
    for part, names in PARTS.items():
        texts = [translate(f"goals.page_{part}", lang)]
        texts += [translate("goals.page_law", lang)] if part == "pay" and found.month is not None else []
        texts += [translate("goals.page_no_book", lang)] if part == "pay" and found.month is None else []
        shown = [show_result(found.tables, name, lang=lang) for name in names if name in found.tables]
        pieces += [show_text(*texts), *shown] if shown or part == "pay" else []
    return stack(*pieces)


# --- what is handed out -------------------------------------------------------------------------------------


def show_slip(plan: Plan, person: str, *, lang: Lang) -> Fragment:
    """Show what one person is paid, line by line, with the figures, files and rows behind each line."""
    lines = plan.goals.tables["payouts"]
    own = lines[lines["person"] == person].drop(columns="person")
    paid = own[~own["provisional"].astype(bool)]
    waits = float(own.loc[own["provisional"].astype(bool), "amount_cny"].sum())
    amount, points = (f"{paid[name].sum():,.2f}" for name in ("amount_cny", "points"))
    texts = [translate("goals.slip_total", lang, amount=amount, points=points)]
    texts += [translate("goals.slip_waits", lang, amount=f"{waits:,.2f}")] if waits else []
    caption = translate("goals.slip_head", lang, name=_names(plan).get(person, person), person=person)
    shown = own.assign(amount_cny=own["amount_cny"].map("{:,.2f}".format))
    shown = shown if own["points"].any() else shown.drop(columns="points")
    shown = shown if waits else shown.drop(columns="provisional")
    return stack(
        show_text(*texts),
        show_table(shown, lang=lang, caption=caption),
        show_text(translate("goals.slip_dispute", lang)),
    )


def announcement_parts(plan: Plan, *, lang: Lang) -> list[tuple[str, Fragment]]:
    """Return every scheme under its name, to read out, with what each rule may reward by mistake."""
    table = plan.goals.tables["announcements"]
    parts = [(label("schemes", lang), show_text(translate("goals.announcement_note", lang)))]
    for scheme, own in table.groupby("scheme", sort=False):
        parts.append((key_words(scheme, "scheme", lang), show_text(*own[f"announcement_{lang}"])))
    if "prizes" in plan.goals.tables:
        parts.append((table_label("prizes", lang), show_result(plan.goals.tables, "prizes", lang=lang)))
    return parts


def show_board(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the board of the day as far as the privacy switch of the settings lets it."""
    month = plan.goals.month
    audience = "all" if month is None else str(month.settings.get("audience", "all"))
    note = translate(f"goals.audience_{audience}", lang) if audience in ("all", "team", "self") else audience
    return stack(
        show_text(translate("goals.board_note", lang, audience=note)),
        show_result(plan.goals.tables, "board", lang=lang),
    )


def winners(plan: Plan, *, lang: Lang) -> pd.DataFrame:
    """Return who has won a place of a ranking or a day: name, prize, amount_cny; one row per picture."""
    found, names = plan.goals, _names(plan)
    rows = []
    rules = {} if found.payouts is None else found.payouts.rules
    ranked = {(rule.scheme, rule.number) for scheme in rules.values() for rule in scheme if rule.kind == "rank"}
    for line in found.tables["payouts"].itertuples() if "payouts" in found.tables else ():
        if (line.scheme, line.rule) in ranked and line.amount_cny > 0:
            name = key_words(line.scheme, "scheme", lang)
            prize = translate("goals.winner_prize", lang, scheme=name, rule=line.rule)
            rows.append((names.get(str(line.person), str(line.person)), prize, line.amount_cny))
    if "first_of_days" in found.tables:
        for first in found.tables["first_of_days"].itertuples():
            prize = translate("goals.winner_day", lang, day=first.day)
            rows.append((names.get(first.person, first.person), prize, first.amount_cny))
    return pd.DataFrame(rows, columns=["name", "prize", "amount_cny"])


def _names(plan: Plan) -> dict[str, str]:
    month = plan.goals.month
    if month is None or month.results is None or "name" not in month.results:
        return {}
    pairs = zip(month.results["person"].map(str), month.results["name"], strict=True)
    return {person: str(name) for person, name in pairs if isinstance(name, str)}


def write_handouts(plan: Plan, folder: Path, *, lang: Lang) -> list[Path]:
    """Write what is handed out: slips, payroll, announcement, board, forms, a picture per winner; nothing without pay.

    Parameters
    ----------
    folder : Path
        A folder that is not there yet.

    Returns
    -------
    list of Path
        The files, in the order in which they are needed.
    """
    tables = plan.goals.tables
    month = plan.goals.month
    if month is None:
        return []
    folder.mkdir()
    written = []

    def write(name: str, title: str, parts: Iterable[tuple[str, Fragment]]) -> None:
        pieces = [(heading, [piece]) for heading, piece in parts]
        html = render_report(pieces, title=title, lang=lang, meta=plan.conclusion.provenance(lang))
        (folder / name).write_text(html, encoding="utf-8")
        written.append(folder / name)

    if "announcements" in tables:
        title = translate("goals.announcement_title", lang)
        write("announcement.html", title, announcement_parts(plan, lang=lang))
    if "payouts" in tables:
        days = "" if month.period is None else f"{month.period[0]} – {month.period[1]}"
        people = list(dict.fromkeys(tables["payouts"]["person"]))
        slips = ((_names(plan).get(str(one), str(one)), show_slip(plan, one, lang=lang)) for one in people)
        write("slips.html", translate("goals.slip_title", lang, period=days), slips)
        write_workbook(folder / "payroll.xlsx", {"payroll": tables["payroll"]}, lang=lang)
        written.append(folder / "payroll.xlsx")
    if "board" in tables and len(tables["board"]):
        title = translate("goals.board_title", lang, day=tables["board"]["day"].iloc[0])
        write("board.html", title, [(label("table_board", lang), show_board(plan, lang=lang))])
    box = show_box(plan.goals.box_address, lang=lang)
    forms = [(translate("goals.report_title", lang), show_text(translate("goals.report_line", lang)))]
    forms.append((translate("goals.box_title", lang), box))
    names = [name for name in ("reply_board", "lead_duties", "remote_rituals") if name in tables]
    forms += [(table_label(name, lang), show_result(tables, name, lang=lang)) for name in names]
    write("forms.html", table_label("lead_duties", lang), forms)
    cards = winners(plan, lang=lang)
    for number in range(len(cards)):
        path = folder / f"winner-{number + 1:02d}.svg"
        save_figure(plot_winner(cards.iloc[[number]], lang=lang), path)
        written.append(path)
    return written
