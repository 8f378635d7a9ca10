"""Cards to print, one page each: incidents, gates, the ladder, tasks, courses, role play, teaching, checklists."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd

from simlib import facts
from simlib.messages import PLAYBOOK, Lang, glossary, join_list, label, read_yaml, translate
from simlib.readiness.countdown import catalogue, lay_catalogue, match_catalogue
from simlib.readiness.gate import lay_course
from simlib.readiness.result import CardPart, PrintCard
from simlib.store.figures import FOUR_FIGURES, AskedFigure

KINDS = ("incident", "gate", "ladder", "task", "course", "role_play", "teaching", "checklist", "authority", "request")


@cache
def _cards(name: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(read_yaml(PLAYBOOK / "cards" / f"{name}.yml"))


def _part(name: str, lang: Lang, **filled: Any) -> CardPart:
    return CardPart(heading=translate(f"readiness.part_{name}", lang), **filled)


def _incident_parts(own: Mapping[str, Any], row: Mapping[str, Any], lang: Lang) -> Iterator[CardPart]:
    yield _part("declares", lang, text=label(f"role_{row['declares']}", lang))
    yield _part("trigger", lang, text=own["trigger"])
    yield _part("first_5_min", lang, items=tuple(own["first_5_min"]), strong=True)
    yield _part("phrase", lang, text=own["phrase"], strong=True)
    yield _part("fallback", lang, items=tuple(own["fallback"]))
    if "levers" in row:
        yield _part("levers", lang, text=join_list([label(lever, lang) for lever in row["levers"]], lang))
        yield _part("watch", lang, text=join_list([label(key, lang) for key in row["watch"]], lang))
    yield _part("recovery", lang, text=own["recovery"])
    if "lesson" in own:
        yield _part("lesson", lang, text=own["lesson"])
    columns = tuple(translate(f"readiness.log_{name}", lang) for name in ("what", "value", "who"))
    yield _part("log", lang, columns=columns, rows=tuple((line, "", "") for line in own["log"]))


def incident_cards(lang: Lang) -> tuple[PrintCard, ...]:
    """Return the incident cards: who declares, first five minutes, phrase, fallback, metric, recovery, log."""
    return _of_incidents("incident", facts.table("incidents").to_dict("records"), lang)


def gate_cards(lang: Lang) -> tuple[PrintCard, ...]:
    """Return the cards of promises that became affairs, with what is learnt from each."""
    return _of_incidents("gate", facts.table("gate_cards").to_dict("records"), lang)


def _of_incidents(kind: str, rows: Sequence[Mapping[Any, Any]], lang: Lang) -> tuple[PrintCard, ...]:
    return tuple(
        PrintCard(
            kind=kind,
            key=row["key"],
            title=row[lang]["name"],
            subtitle=label(f"print_{kind}", lang),
            parts=tuple(_incident_parts(row[lang], row, lang)),
        )
        for row in rows
    )


def ladder_cards(lang: Lang) -> tuple[PrintCard, ...]:
    """Return the escalation ladder: who answers within how many minutes, and when the next takes over."""
    rows = []
    for step in facts.table("escalation").to_dict("records"):
        own = step[lang]
        minutes = (f"{step['value']:g}", f"{step['hands_on_after_min']:g}")
        rows.append((own["name"], *minutes, own["does"], own["hands_on"]))
    columns = tuple(translate(f"readiness.ladder_{name}", lang) for name in ("who", "answer", "next", "does", "on"))
    part = _part("ladder", lang, columns=columns, rows=tuple(rows))
    note = _part("ladder_rule", lang, text=translate("readiness.ladder_note", lang))
    return (_single("ladder", label("escalation_ladder", lang), (part, note), lang),)


def authority_cards(lang: Lang) -> tuple[PrintCard, ...]:
    """Return the authority matrix: who may grant how much, when and how."""
    rows = []
    for action in facts.table("authority").to_dict("records"):
        own, most = action[lang], action["value"]
        shown = [_limit(action["key"], role, most[role], lang) for role in ("agent", "lead", "manager", "command")]
        rows.append((own["name"], own["when"], *shown, own["how"]))
    names = ("what", "when", "agent", "lead", "manager", "command", "how")
    columns = tuple(translate(f"readiness.authority_{name}", lang) for name in names)
    part = _part("authority", lang, columns=columns, rows=tuple(rows))
    note = _part("authority_rule", lang, text=translate("readiness.authority_note", lang))
    return (_single("authority", label("authority_matrix", lang), (part, note), lang),)


def _limit(action: str, role: str, most: float, lang: Lang) -> str:
    if action == "stop_coupon":
        return label("yes" if most else "no", lang)
    return f"{most:g}" if most else label("no", lang)


def _single(key: str, title: str, parts: tuple[CardPart, ...], lang: Lang) -> PrintCard:
    return PrintCard(kind=key, key=key, title=title, subtitle=label(f"print_{key}", lang), parts=parts)


def task_cards(
    lang: Lang,
    *,
    promo_day: dt.date | None = None,
    today: dt.date | None = None,
    countdown: pd.DataFrame | None = None,
) -> tuple[PrintCard, ...]:
    """Return the task catalogue: why, when, how, owner's role, evidence; with dates where the promo day is given.

    A task that stands in the store's own ``countdown`` (as `lay_countdown` gives it) under its name in either language
    has the owner, the day and the state that it has there; one that is done says when instead of asking for a hand.
    """
    days = {}
    if promo_day is not None and today is not None:
        laid = lay_catalogue(promo_day=promo_day, today=today, countdown=countdown)
        days = {row.task_key: row for row in laid.itertuples()}
    own_rows = match_catalogue(countdown)
    names = {task["key"]: task[lang]["name"] for task in catalogue()}
    cards = []
    for task in sorted(catalogue(), key=lambda one: one["offset_days"]):
        own, role = task[lang], label(f"task_role_{task['role']}", lang)
        kept, row = own_rows.get(task["key"]), days.get(task["key"])
        when = translate("readiness.task_offset", lang, offset=f"{task['offset_days']:+d}", takes=task["takes_days"])
        if row is not None:
            named = {"when": when, "day": f"{row.due_on:%Y-%m-%d}", "state": label(row.state, lang)}
            when = translate("readiness.task_when", lang, **named)
        owner = None if kept is None else kept.owner
        whose = translate("readiness.task_owner", lang, role=role, name=owner) if owner else role
        sign = translate("readiness.sign_line", lang)
        if kept is not None and kept.state == "task_done":
            sign = translate("readiness.task_done_on", lang, day=f"{kept.done_on:%Y-%m-%d}", owner=owner or role)
        after = (_part("after", lang, text=names[task["after"]]),) if task["after"] else ()
        parts = (
            _part("why", lang, text=own["why"]),
            _part("when", lang, text=when),
            _part("how", lang, items=tuple(own["how"]), strong=True),
            *after,
            _part("owner", lang, text=whose),
            _part("evidence", lang, text=own["evidence"]),
            _part("sign", lang, text=sign),
        )
        subtitle = " · ".join((label("print_task", lang), label(task["block"], lang)))
        cards.append(PrintCard(kind="task", key=task["key"], title=own["name"], subtitle=subtitle, parts=parts))
    return tuple(cards)


def course_cards(lang: Lang, *, starts_on: dt.date | None = None) -> tuple[PrintCard, ...]:
    """Return the course plans, day by day: hours, trainer, material, sign-off; with dates where a start is given."""
    cards = []
    for course in facts.table("courses").to_dict("records"):
        if not isinstance(course.get("lessons"), list):
            continue
        first = starts_on or dt.date(2026, 1, 1)
        laid = lay_course(course["key"], starts_on=first, lang=lang)
        rows = []
        for row in laid.itertuples():
            number = (row.due_on - first).days + 1
            day = translate("readiness.course_day", lang, day=number)
            rows.append(
                (
                    day if starts_on is None else f"{day} {row.due_on:%m-%d}",
                    f"{row.hours_h:g}",
                    row.title,
                    row.trainer,
                    row.material,
                    row.sign_off,
                    "",
                )
            )
        names = ("day", "hours", "title", "trainer", "material", "sign_off", "signed")
        columns = tuple(translate(f"readiness.lesson_{name}", lang) for name in names)
        who = course["cohorts"] if isinstance(course["cohorts"], list) else ()
        cohorts = join_list([label(cohort, lang) for cohort in who], lang) or label("all", lang)
        hours = translate("readiness.course_total", lang, hours=f"{laid['hours_h'].sum():.1f}", cohorts=cohorts)
        part = _part("course", lang, columns=columns, rows=tuple(rows))
        title = label(f"course_{course['key']}", lang)
        parts = (_part("course_for", lang, text=hours), part)
        cards.append(
            PrintCard(kind="course", key=course["key"], title=title, subtitle=label("print_course", lang), parts=parts)
        )
    return tuple(cards)


def role_play_cards(lang: Lang) -> tuple[PrintCard, ...]:
    """Return the role-play cards: scene, who plays what, hints, what to avoid, and the rubric with its points."""
    cards = []
    for row in _cards("role_play"):
        own = row[lang]
        rubric = [one for one in _cards("rubric") if one["rubric"] == row["value"]]
        columns = tuple(translate(f"readiness.score_{name}", lang) for name in ("what", "of", "full", "none", "given"))
        scored = tuple(
            (one[lang]["name"], f"{one['value']:g}", one[lang]["full"], one[lang]["none"], "") for one in rubric
        )
        parts = (
            _part("scene", lang, text=own["scene"]),
            _part("buyer_plays", lang, text=own["buyer"]),
            _part("agent_does", lang, text=own["agent"], strong=True),
            _part("hints", lang, items=tuple(own["hints"])),
            _part("avoid", lang, text=own["bad"]),
            _part("rubric", lang, columns=columns, rows=scored),
        )
        subtitle = " · ".join((label("print_role_play", lang), label(f"play_{row['kind']}", lang)))
        cards.append(PrintCard(kind="role_play", key=row["key"], title=own["name"], subtitle=subtitle, parts=parts))
    return tuple(cards)


def teaching_cards(lang: Lang) -> tuple[PrintCard, ...]:
    """Return the cards for a training hour or a wall: chains, formula, principle, slogans; and the stage matrix."""
    cards = []
    for row in _cards("teaching"):
        own = row[lang]
        parts = (
            _part(f"teach_{row['value']}", lang, items=tuple(own["lines"]), strong=True),
            _part("ask", lang, items=tuple(own["ask"])),
        )
        subtitle = label("print_teaching", lang)
        cards.append(PrintCard(kind="teaching", key=row["key"], title=own["name"], subtitle=subtitle, parts=parts))
    return (*cards, _stage_card(lang))


def _stage_card(lang: Lang) -> PrintCard:
    """Return the stage matrix: what a start-up, a growing and a mature store organise, teach, assess and pay."""
    stages = ("startup", "growth", "mature")
    rows = []
    for line in facts.table("stage_matrix").to_dict("records"):
        rows.append((line[lang]["name"], *(line[lang][stage] for stage in stages)))
    of_stage = facts.table("stages").to_dict("records")
    for aspect in ("presale", "aftersale", "pay"):
        cells = {row["stage"]: row["value"] for row in of_stage if row["key"].endswith(f"_{aspect}")}
        words = [join_list([_word(key, lang) for key in cells[stage]], lang) for stage in stages]
        rows.append((translate(f"readiness.stage_{aspect}", lang), *words))
    columns = (translate("readiness.stage_aspect", lang), *(label(f"store_stage_{stage}", lang) for stage in stages))
    part = _part("stage_matrix", lang, columns=columns, rows=tuple(rows))
    title, subtitle = label("stage_matrix", lang), label("print_teaching", lang)
    return PrintCard(kind="teaching", key="stage_matrix", title=title, subtitle=subtitle, parts=(part,))


def _word(key: str, lang: Lang) -> str:
    return label(key, lang) if key in glossary() else key


def checklist_cards(lang: Lang) -> tuple[PrintCard, ...]:
    """Return the checklists and forms, each an empty table with its first columns filled in."""
    cards = []
    for row in _cards("checklists"):
        own = row[lang]
        rows = []
        for item in own["items"]:
            cells = [cell.strip() for cell in item.split("|")]
            rows.append(tuple(cells + [""] * (len(own["columns"]) - len(cells))))
        part = _part("checklist", lang, columns=tuple(own["columns"]), rows=tuple(rows))
        sign = _part("sign", lang, text=translate("readiness.sign_line", lang))
        subtitle = " · ".join((label("print_checklist", lang), label(row["value"], lang)))
        cards.append(
            PrintCard(kind="checklist", key=row["key"], title=own["name"], subtitle=subtitle, parts=(part, sign))
        )
    return tuple(cards)


def request_cards(
    lang: Lang,
    *,
    figures: Sequence[AskedFigure] = (),
    promo_day: dt.date | None = None,
    today: dt.date | None = None,
) -> tuple[PrintCard, ...]:
    """Return the request to operations: the four figures, what is known of each, why it is needed, room to answer.

    It is due on the day of the task catalogue, and today where that has passed.
    """
    known = {figure.key: figure for figure in figures}
    rows = []
    for key in FOUR_FIGURES:
        figure = known.get(key)
        state = "" if figure is None else label(figure.state, lang)
        value = None if figure is None else figure.value_cny
        given = "" if value is None else f"{value:,.2f}".removesuffix(".00")
        if figure is not None and figure.stands_in:
            given = translate("readiness.request_stands_in", lang, value=given, by=label(figure.stands_in, lang))
        asked, reason = translate(f"readiness.ask_{key}", lang), translate(f"readiness.why_{key}", lang)
        rows.append((asked, state, given, "", reason))
    names = ("asked", "state", "known", "answer", "reason")
    columns = tuple(translate(f"readiness.request_{name}", lang) for name in names)
    due = "________"
    if promo_day is not None:
        offset = next(task["offset_days"] for task in catalogue() if task["key"] == "ask_figures")
        day = promo_day + dt.timedelta(days=offset)
        due = f"{day if today is None else max(day, today):%Y-%m-%d}"
    parts = (
        _part("request", lang, text=translate("readiness.request_head", lang, due=due), strong=True),
        _part("request_figures", lang, columns=columns, rows=tuple(rows)),
        _part("request_rule", lang, text=translate("readiness.request_rule", lang)),
        _part("sign", lang, text=translate("readiness.request_sign", lang)),
    )
    return (_single("request", label("request_form", lang), parts, lang),)


def make_cards(
    kind: str,
    lang: Lang,
    *,
    promo_day: dt.date | None = None,
    today: dt.date | None = None,
    figures: Sequence[AskedFigure] = (),
    countdown: pd.DataFrame | None = None,
) -> tuple[PrintCard, ...]:
    """Return all cards of a kind of `KINDS`.

    ``figures`` are what the store knows of what it asks operations for, ``countdown`` its own tasks.

    Raises
    ------
    ValueError
        There is no such kind.

    Examples
    --------
    >>> [len(make_cards(kind, "en")) for kind in ("incident", "gate", "ladder")]
    [16, 2, 1]
    """
    makers: dict[str, Callable[[], tuple[PrintCard, ...]]] = {
        "incident": lambda: incident_cards(lang),
        "gate": lambda: gate_cards(lang),
        "ladder": lambda: ladder_cards(lang),
        "task": lambda: task_cards(lang, promo_day=promo_day, today=today, countdown=countdown),
        "course": lambda: course_cards(lang, starts_on=today),
        "role_play": lambda: role_play_cards(lang),
        "teaching": lambda: teaching_cards(lang),
        "checklist": lambda: checklist_cards(lang),
        "authority": lambda: authority_cards(lang),
        "request": lambda: request_cards(lang, figures=figures, promo_day=promo_day, today=today),
    }
    if kind not in makers:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    return makers[kind]()
