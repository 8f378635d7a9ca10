"""The pages of a drill: the standing, what a team learns afterwards, and the game on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd
from markupsafe import Markup, escape

from simlib import facts
from simlib.drill.game import Drill, TeamScore
from simlib.drill.log import Decided
from simlib.drill.play import CROWDS, Hindsight, PlayProgress, tabulate_play
from simlib.drill.result import PARTS, DebriefResult, DrillResult, work_out_debrief
from simlib.messages import Lang, label, texts, translate
from simlib.report.charts import plot_courses
from simlib.report.columns import EMPTY, list_words, quantity, size_words, table_label
from simlib.report.html import (
    ONE_LINE,
    Card,
    Fragment,
    render_report,
    show_cards,
    show_chart,
    show_table,
    show_text,
    show_verdict,
)
from simlib.report.pages.common import show_result, stack
from simlib.stress.levers import WITH_INCIDENTS
from simlib.stress.scenarios import Scenario

if TYPE_CHECKING:
    from simlib.planning import Plan

NO_BREAK = "\u00a0"  # a space at which a name does not break in a narrow column
PAPER_STYLE = """<style>
.drill-rules li{margin:6px 0}
.drill-grid{width:100%;font-size:1em}
.drill-grid th,.drill-grid td{border:1px solid #52606d;vertical-align:middle;white-space:normal}
.drill-write{table-layout:fixed}
.drill-write td{height:calc(20cm / var(--rows))}
.drill-write th:nth-child(1){width:9%}.drill-write th:nth-child(3),.drill-write th:nth-child(4){width:23%}
.drill-write td:first-child{font-size:1.3em;font-weight:600}
.drill-lookup{table-layout:fixed;font-size:.88em}
.drill-lookup th,.drill-lookup td{padding:1px 4px;line-height:1.35;overflow-wrap:anywhere}
.drill-lookup td{white-space:nowrap}
.drill-lookup td b{font-size:1.25em;margin-right:2px}
.drill-whole{break-inside:avoid}
.drill-whole h3{margin:12px 0 3px}
.drill-card{border-color:#52606d;margin-bottom:14px}
.drill-card h3{margin:2px 0 4px}
.drill-card p,.drill-card ul{margin:5px 0}
</style>"""
DEBRIEF_STYLE = """<style>
.drill-rounds{font-size:.86em;min-width:100%}
.drill-rounds th,.drill-rounds td{padding:2px 8px}
.drill-rounds tr>:nth-child(-n+4){white-space:nowrap;width:11%}
.drill-rounds tr>:nth-child(n+2):nth-child(-n+4){text-align:right}
.drill-rounds tr{break-inside:avoid}
@media print{section+section{break-before:auto}section h2{margin-top:24px;padding-top:0}}
</style>"""
FOUR_STYLE = "<style>.drill-four .st-cards{grid-template-columns:repeat(4,1fr)}</style>"


def name_decision(decided: Decided, lang: Lang) -> str:
    """Return what was decided, without who decided it."""
    if decided.what == "lever":
        return lever_words(decided.key, decided.size, lang)
    return translate(f"drill.said_{decided.what}", lang, name=cards()[decided.key][lang]["name"])


@lru_cache(maxsize=1)
def cards() -> dict[str, dict[str, Any]]:
    """Read the incident cards by their keys: a page that is made every second looks many of them up."""
    return {row["key"]: row for row in facts.table("incidents").to_dict("records")}


def lever_words(kind: str, size: float | None, lang: Lang) -> str:
    """Return a lever's name with its size."""
    return label(kind, lang) if size is None else f"{label(kind, lang)} {size_words(kind, size, lang)}"


# --- the standing -----------------------------------------------------------------------------------------


def sections(plan: Plan, *, lang: Lang) -> list[Fragment]:
    """Return the chapter's pieces in the order of the report."""
    found = plan.drill
    return [
        show_schedule(found, lang=lang),
        show_doors({}, lang=lang),
        show_standing(found, lang=lang),
        stack(*show_debrief(found.debrief, happens=found.drill.state.happens, lang=lang).values()),
    ]


def show_standing(found: DrillResult, *, lang: Lang) -> Fragment:
    """Show how the teams stand, the best first, with the parts of their scores."""
    return show_result(found.tables, "drill_standing", lang=lang)


def show_schedule(found: DrillResult, *, lang: Lang) -> Fragment:
    """Show what happens in this drill, and when; for the facilitator's eyes."""
    return show_result(found.tables, "drill_schedule", lang=lang)


def show_doors(links: Mapping[str, str], *, lang: Lang) -> Fragment:
    """Show the addresses of an open room; without one, say that this drill was played by script."""
    if not links:
        return show_text(translate("drill.scripted", lang))
    doors = [
        f'<li>{escape(door_name(name, lang))}: <a href="{escape(address)}">{escape(address)}</a></li>'
        for name, address in links.items()
    ]
    return Fragment(f"<ul>{''.join(doors)}</ul>")


def door_name(name: str, lang: Lang) -> str:
    """Return whom a page is for: the facilitator, the board, or the team of that number."""
    return translate("drill.ui_team", lang, team=name) if name.isdigit() else translate(f"drill.ui_{name}", lang)


# --- the debrief of a team --------------------------------------------------------------------------------


def show_debrief(found: DebriefResult, *, happens: Sequence[Scenario], lang: Lang) -> dict[str, Fragment]:
    """Show a team what it saw, what it did, what that brought and cost, and what would have helped; by heading."""
    incidents = [(each.start, each.end) for each in happens]
    talk = (translate(f"drill.talk_{number}", lang, count=found.decisions) for number in (1, 2, 3))
    return {
        translate("drill.part_result", lang): _show_score(found.score, found.best, lang=lang),
        translate("drill.part_saw", lang): stack(
            show_chart(plot_courses(found.courses, lang=lang, incidents=incidents)), _show_rounds(found.rounds, lang)
        ),
        translate("drill.part_cards", lang): stack(
            show_table(found.by_card, lang=lang, caption=table_label("drill_cards", lang)),
            show_text(translate("drill.wrong_cards", lang, count=found.score.wrong)),
        ),
        translate("drill.part_moves", lang): _show_moves(found.moves, lang=lang),
        translate("drill.part_best", lang): _show_best(found, lang=lang),
        translate("drill.part_talk", lang): show_text(*talk),
    }


def _show_score(score: TeamScore, best: Hindsight, *, lang: Lang) -> Fragment:
    won = score.idle["lost_cny"] - score.lost_cny
    key = "verdict_better" if won >= 0 else "verdict_worse"
    said = translate(
        f"drill.{key}",
        lang,
        score=f"{score.total:.1f}",
        best=f"{best.score.total:.1f}",
        won=quantity(abs(round(won)), "CNY", lang),
        cost=quantity(round(score.cost_cny), "CNY", lang),
    )
    figures = [
        Card(
            label=label(f"score_{part}", lang),
            value=f"{getattr(score, part):.0f}",
            band=translate("drill.best_has", lang, value=f"{getattr(best.score, part):.0f}"),
            tone="good" if getattr(score, part) > 55 else "bad" if getattr(score, part) < 45 else "plain",
        )
        for part in PARTS
    ]
    four = Fragment(f'{FOUR_STYLE}<div class="drill-four">{show_cards(figures).html}</div>')
    sentences = [said] if score.total <= best.score.total else [said, translate("drill.best_below", lang)]
    return stack(show_verdict(sentences, tone="good" if score.total > 50 else "bad"), four)


def _show_rounds(rounds: pd.DataFrame, lang: Lang) -> Fragment:
    """Show the night round by round: what stood on the screen, and what was done; never folded, for it is printed."""
    units = {"waiting": "", "first_response": "s", "platform_rate": "share"}
    rows = [
        [
            f"{row['clock']:%H:%M}",
            *(
                EMPTY if pd.isna(row[key]) else quantity(round(row[key], 4 if unit == "share" else 0), unit, lang)
                for key, unit in units.items()
            ),
            list_words([name_decision(decided, lang) for decided in row["did"]], lang),
        ]
        for row in rounds.to_dict("records")
    ]
    return _grid([label(key, lang) for key in ("clock", *units, "did")], rows, kind="drill-rounds")


def _show_moves(moves: pd.DataFrame, *, lang: Lang) -> Fragment:
    """Show what each lever brought: the night again without it, everything else as it was."""
    if moves.empty:
        return show_text(translate("drill.no_moves", lang))
    table = show_table(moves, lang=lang, caption=table_label("drill_moves", lang))
    return stack(show_text(translate("drill.moves_note", lang)), table)


def _show_best(found: DebriefResult, *, lang: Lang) -> Fragment:
    if found.gains.empty:
        return show_text(translate("drill.best_is_idle", lang))
    note = translate("drill.best_note", lang, score=f"{found.best.score.total:.1f}")
    return stack(show_text(note), show_table(found.gains, lang=lang, caption=table_label("drill_best", lang)))


def render_debrief(drill: Drill, *, team: int, best: Hindsight, store: str, lang: Lang) -> str:
    """Write a team's debrief as one page to print."""
    found = show_debrief(work_out_debrief(drill, team=team, best=best), happens=drill.state.happens, lang=lang)
    sections = [(title, [piece]) for title, piece in found.items()]
    sections[0][1].insert(0, Fragment(DEBRIEF_STYLE))
    title = translate("drill.debrief_title", lang, team=team, store=store)
    return render_report(sections, title=title, lang=lang, meta=_meta(drill, lang))


def _meta(drill: Drill, lang: Lang) -> dict[str, str]:
    return {
        label("clock", lang): f"{drill.starts:%Y-%m-%d %H:%M}–{drill.clock(drill.rounds):%H:%M}",
        label("seed", lang): str(drill.opened.seed),
        label("data_hash", lang): drill.opened.night,
    }


# --- on paper ---------------------------------------------------------------------------------------------


def render_paper(
    drill: Drill, *, store: str, lang: Lang, plays: int = 80, on_progress: PlayProgress | None = None
) -> str:
    """Write the game on paper: how to play, the board, the moves, slips to hand out, tables without dice, the cards."""
    how = {3: {"minutes": drill.rules.cooldown_min}}
    texts = (translate(f"drill.paper_how_{number}", lang, **how.get(number, {})) for number in range(1, 7))
    rules = "".join(f"<li>{escape(text)}</li>" for text in texts)
    sections = [
        (
            translate("drill.paper_how", lang),
            [
                Fragment(f"{PAPER_STYLE}<ol class='drill-rules'>{rules}</ol>"),
                Fragment(f"<h3>{escape(translate('drill.paper_moves', lang))}</h3>"),
                _paper_moves(drill, lang),
            ],
        ),
        (translate("drill.paper_board", lang), [_paper_board(drill, lang)]),
        (translate("drill.paper_cards", lang), [_paper_cards(lang)]),
        (translate("drill.paper_tables", lang), [_paper_tables(drill, lang, plays=plays, on_progress=on_progress)]),
        (translate("drill.paper_slips", lang), [_paper_slips(drill, lang)]),
    ]
    title = translate("drill.paper_title", lang, store=store)
    return render_report(sections, title=title, lang=lang, meta=_meta(drill, lang))


def _grid(head: list[str], rows: list[list[str]], *, kind: str = "") -> Fragment:
    """Lay out cells that are words already, with lines that a black-and-white printer keeps."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    cells = ([f"<td{' class=long' * (len(cell) > ONE_LINE)}>{escape(cell)}</td>" for cell in row] for row in rows)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    return Fragment(
        f'<div class="st-scroll"><table class="st-table drill-grid {kind}" style="--rows:{len(rows)}">'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def crowd_words(crowd: int, lang: Lang) -> str:
    """Return the name of a state of the paper game with its letter."""
    return f"{'ABCD'[crowd]} {translate(f'drill.crowd_{crowd}', lang)}"


def _half_hours(drill: Drill) -> list[pd.Timestamp]:
    return list(pd.date_range(drill.starts, drill.clock(drill.rounds), freq="30min", inclusive="left"))


def _paper_board(drill: Drill, lang: Lang) -> Fragment:
    head = [translate(f"drill.sheet_{column}", lang) for column in ("clock", "crowd", "card", "move", "next", "lost")]
    blank = "\u3000" * 4
    return _grid(head, [[f"{clock:%H:%M}", *[blank] * 5] for clock in _half_hours(drill)], kind="drill-write")


def _paper_moves(drill: Drill, lang: Lang) -> Fragment:
    head = [translate(f"drill.sheet_{column}", lang) for column in ("move", "roles", "delay", "cooldown")]
    rows = [
        [
            label(kind, lang),
            list_words(
                [label(f"role_{role}", lang) for role, kinds in drill.rules.roles.items() if kind in kinds], lang
            ),
            quantity(drill.rules.delay_min(kind), "min", lang),
            quantity(drill.rules.cooldown_min, "min", lang),
        ]
        for kind in drill.rules.kinds
    ]
    return _grid(head, rows)


def _paper_tables(drill: Drill, lang: Lang, *, plays: int, on_progress: PlayProgress | None) -> Fragment:
    table = tabulate_play(drill, plays=plays, on_progress=on_progress)
    kinds = [WITH_INCIDENTS, *drill.rules.kinds]
    pieces = [
        show_text(
            translate(
                "drill.tables_note", lang, plays=plays, edges=list_words([str(edge) for edge in CROWDS[1:]], lang)
            )
        )
    ]
    for clock, here in table.groupby("clock"):
        fields = here.set_index(["crowd", "move"])
        rows = []
        for crowd in range(len(CROWDS)):
            cells = []
            for kind in kinds:
                field = fields.loc[(crowd, kind)]
                mark = "" if field["plays"] else "*"
                lost = f"{field['lost_cny'] / 1000:,.1f}{mark}"
                cells.append(Markup("<b>{}</b> {}").format("ABCD"[int(field["next_crowd"])], lost))
            rows.append([crowd_words(crowd, lang), *cells])
        head = [translate("drill.sheet_crowd", lang), *[label(kind, lang) for kind in kinds]]
        grid = _grid(head, rows, kind="drill-lookup").html
        pieces.append(Fragment(f'<div class="drill-whole"><h3>{clock:%H:%M}</h3>{grid}</div>'))
    return stack(*pieces)


def _paper_slips(drill: Drill, lang: Lang) -> Fragment:
    """List what is handed out, and in which half hour."""
    notice = pd.Timedelta(minutes=drill.rules.notice_min)
    rows = []
    for scenario in sorted(drill.state.happens, key=lambda scenario: scenario.start):
        begins = max(clock for clock in _half_hours(drill) if clock <= max(scenario.start + notice, drill.starts))
        rows.append([f"{begins:%H:%M}", sign_words(scenario, lang), cards()[scenario.cards[0]][lang]["name"]])
    return _grid([translate(f"drill.sheet_{column}", lang) for column in ("hand_out", "sign", "answer")], rows)


def sign_words(scenario: Scenario, lang: Lang) -> str:
    """Describe what the floor notices of a scenario."""
    places = [place for each in scenario.incidents for place in (each.room, each.site) if place]
    where = list_words(places, lang) or label("all_rooms", lang)
    twins = texts().get(f"drill.sign_{scenario.name}")
    return twins[lang].format(where=where) if twins else translate("drill.sign_other", lang, name=scenario.title(lang))


def _paper_cards(lang: Lang) -> Fragment:
    """Print every incident card."""
    pieces = []
    for card in cards().values():
        words = card[lang]
        steps = "".join(f"<li>{escape(step)}</li>" for step in words["first_5_min"])
        levers = list_words([label(lever, lang) for lever in card["levers"]], lang)
        title = f"{words['name']} · {label('role_' + card['declares'], lang)}"
        pieces.append(
            Fragment(
                f'<div class="st-card drill-card"><h3>{escape(title)}</h3>'
                f"<p>{escape(words['trigger'])}</p><ul>{steps}</ul>"
                f"<p>{escape(translate('stress.card_phrase', lang, phrase=words['phrase']))}</p>"
                f"<p>{escape(label('levers', lang))}{escape(translate('store.colon', lang))}{escape(levers)}</p></div>"
            )
        )
    return stack(*pieces)
