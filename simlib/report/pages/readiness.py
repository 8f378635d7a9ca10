"""Chapter 2, readiness: the share that is ready by block, what is red, and every list that the chapter works out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.messages import Lang, label, translate
from simlib.report.charts.readiness import plot_blocks, plot_gantt, plot_posts, plot_presence, plot_seat_plan
from simlib.report.html import Fragment, show_alarm, show_chart, show_text
from simlib.report.pages.common import Tables, drawn_once, show_findings, show_result, stack
from simlib.store.problems import count_mistakes, shorten

if TYPE_CHECKING:
    from simlib.planning import Plan

# The chapter's tables in the order of the review, by what they answer; what is not named stands at the end.
GROUPS = {
    "group_score": ("blocks", "red_items", "readiness", "readiness_history"),
    "group_rules": ("conflicts", "rule_changes", "stale_items", "rule_phrases", "buyer_prices", "activities", "goods"),
    "group_phrases": ("phrase_matrix", "phrase_faults", "phrase_library"),
    "group_people": (
        "kept_off",
        "rally",
        "gate",
        "progress",
        "acceptance",
        "special_training",
        "weak_topics",
        "weak_items",
    ),
    "group_training": ("stage_modules", "syllabus", "dropouts", "documents"),
    "group_site": ("rental", "equipment_shortage", "interval_shortage", "failed_checks", "seat_plan", "equipment"),
    "group_logistics": (
        "clashes",
        "posts",
        "escalation_ladder",
        "duty_sheet",
        "food",
        "quiet_windows",
        "floor_presence",
    ),
    "group_tasks": ("countdown", "task_plan"),
}


def sections(plan: Plan, *, lang: Lang) -> list[Fragment]:
    """Return the chapter's pieces in the order of the report."""
    return [show_readiness(plan, lang=lang)]


@drawn_once
def show_readiness(plan: Plan, *, lang: Lang) -> Fragment:
    """Show the score, what it comes to, what is wrong in the chapter's sheets, its pictures and its tables."""
    ready = plan.readiness
    days = (plan.wave.day - plan.counted_from).days
    wrong = [(problem.text(lang), problem.loss_text(lang)) for problem in shorten(ready.problems)]
    mistakes = count_mistakes(ready.problems)
    head, foot = (translate(f"store.{key}", lang, count=mistakes) for key in ("problems_head", "problems_way_out"))
    named = {name for names in GROUPS.values() for name in names}
    rest = tuple(name for name in ready.tables if name not in named)
    groups = [(group, names) for group, names in GROUPS.items() if any(name in ready.tables for name in names)]
    return stack(
        show_alarm(head, wrong, foot) if wrong else None,
        show_text(*(notice.text(lang) for notice in shorten(ready.notices))),
        show_text(translate("pages.readiness_days", lang, count=days)),
        show_findings(ready.findings, lang=lang),
        *(show_group(ready.tables, group, names, plan, lang=lang) for group, names in groups),
        *(show_result(ready.tables, name, lang=lang) for name in rest),
    )


def show_group(tables: Tables, group: str, names: tuple[str, ...], plan: Plan, *, lang: Lang) -> Fragment:
    """Show the pictures and tables of one question."""
    shown = [show_result(tables, name, lang=lang) for name in names if name in tables]
    heading = Fragment(f"<h3>{label(group, lang)}</h3>")
    return stack(heading, *show_pictures(tables, group, plan, lang=lang), *shown)


def show_pictures(tables: Tables, group: str, plan: Plan, *, lang: Lang) -> list[Fragment]:
    """Return the pictures of a group: blocks, seats and people, the countdown."""
    if group == "group_score":
        return [show_chart(plot_blocks(tables["blocks"], lang=lang))]
    if group == "group_site" and "seat_plan" in tables:
        return [show_chart(plot_seat_plan(tables["seat_plan"], lang=lang))]
    if group == "group_logistics":
        pictures = []
        if "posts" in tables:
            pictures.append(show_chart(plot_posts(tables["posts"], lang=lang, squads=plan.people.squads)))
        if "floor_presence" in tables:
            seats = sum(seat.usable for seat in plan.store.site)
            pictures.append(show_chart(plot_presence(tables["floor_presence"], lang=lang, seats=seats)))
        return pictures
    if group == "group_tasks":
        return [show_chart(plot_gantt(plan.readiness.tasks, lang=lang, today=plan.counted_from))]
    return []
