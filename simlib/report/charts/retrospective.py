"""Charts of chapter 5, the retrospective: why the sales came so, what buyers asked, how the team sees itself."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from simlib.messages import Lang, label, translate
from simlib.report.columns import key_words, quantity, show_number, titled, unit_word
from simlib.report.style import COUNT, INK, MISSING, MUTED, NEEDED, Table, chart, place_legend

BETTER, WORSE, UNCLEAR = "#009E73", MISSING, "#BBBBBB"


@chart(size=(11, 6.5))
def plot_variance(tree: Table, ax: Axes, *, lang: Lang, planned_cny: float) -> None:
    """Draw how the drivers lead from the planned to the actual sales, each from where the one before it ended.

    Lengths are differences from the plan, whose line is the zero of the axis: bars of whole sales would need an axis
    from nought, on which no driver could be seen, or one cut off, on which no length would be true. A driver whose
    band holds 0 is grey. A driver without an effect is left out, unless none has one.

    Parameters
    ----------
    tree : DataFrame
        driver, effect_cny, effect_cny_low, effect_cny_high (missing where there is no band), in the order of the tree.
    """
    moving = tree[tree["effect_cny"] != 0]
    tree = moving if len(moving) else tree
    effects = tree["effect_cny"].to_numpy(dtype=float)
    ends = np.cumsum(effects)
    starts, gap = ends - effects, float(effects.sum())
    low, high = (tree[name].to_numpy(dtype=float) for name in ("effect_cny_low", "effect_cny_high"))
    unclear = ~np.isnan(low) & (low <= 0) & (high >= 0)
    colours = np.where(unclear, UNCLEAR, np.where(effects >= 0, BETTER, WORSE))
    names = [translate("report.variance_plan", lang), *(label(f"driver_{key}", lang) for key in tree["driver"])]
    names.append(translate("report.variance_actual", lang))
    rows = np.arange(len(names))[::-1]
    ax.axvline(0, color=INK, linewidth=1.4, zorder=3)
    ax.plot([0], [rows[0]], marker="D", color=INK, markersize=7, zorder=4)
    ax.barh(rows[1:], [*effects, gap], left=[*starts, 0.0], color=[*colours, MUTED], height=0.6)
    for row, end in zip(rows[1:-1], ends, strict=True):
        ax.vlines(end, row - 1.3, row + 0.3, color=MUTED, linewidth=0.8)
    reach = [0.0, *np.maximum(starts, ends), max(gap, 0.0)]
    texts = [quantity(planned_cny, "CNY", lang), *map(_with_sign, effects)]
    total = quantity(planned_cny + gap, "CNY", lang)
    texts.append(translate("report.variance_total", lang, total=total, change=_with_sign(gap)))
    for row, x, text in zip(rows, reach, texts, strict=True):
        ax.annotate(text, xy=(x, row), xytext=(8, 0), textcoords="offset points", va="center", fontsize=11, color=INK)
    least, most = min(0.0, *ends), max(0.0, *ends)
    width = max(most - least, 1.0)
    ax.set_xlim(least - 0.08 * width, most + 0.35 * width)
    ax.set_yticks(rows, names)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _with_sign(value)))
    axis, unit = translate("report.variance_axis", lang), unit_word("CNY", lang)
    ax.set_xlabel(translate("report.with_unit", lang, name=axis, unit=unit))
    ax.grid(visible=False, axis="y")
    ax.grid(axis="x")
    shown = [
        (BETTER, "variance_more"),
        (WORSE, "variance_less"),
        *([(UNCLEAR, "variance_unclear")] * int(unclear.any())),
    ]
    place_legend(ax, handles=[Patch(color=colour, label=translate(f"report.{key}", lang)) for colour, key in shown])
    ax.set_title(translate("report.variance_title", lang))


def _with_sign(change_cny: float) -> str:
    """Return a change of sales with its sign."""
    return f"{'+' if change_cny > 0 else ''}{show_number(change_cny, unit='CNY', digits=0)}"


@chart(size=(11, 5))
def plot_questions(questions: Table, ax: Axes, *, lang: Lang) -> None:
    """Draw what buyers asked, the most frequent first, with the running share of all that has a tag.

    Parameters
    ----------
    questions : DataFrame
        question_tag, contacts, most contacts first.
    """
    counts = questions["contacts"].to_numpy(dtype=float)
    rows = np.arange(len(questions))[::-1]
    ax.barh(rows, counts, color=COUNT, height=0.62)
    running = np.cumsum(counts) / counts.sum()
    for row, count, share in zip(rows, counts, running, strict=True):
        text = translate("report.questions_bar", lang, count=f"{count:,.0f}", share=f"{share:.0%}")
        ax.annotate(text, xy=(count, row), xytext=(6, 0), textcoords="offset points", va="center", fontsize=11)
    ax.set_yticks(rows, [key_words(tag, "question_tag", lang) for tag in questions["question_tag"]])
    ax.set_xlim(0, counts.max() * 1.3)
    ax.set_xlabel(titled("contacts", lang))
    ax.grid(visible=False, axis="y")
    ax.grid(axis="x")
    ax.set_title(translate("report.questions_title", lang))


@chart(size=(8, 7))
def plot_audit(audit: Table, ax: Axes, *, lang: Lang, highest: float) -> None:
    """Draw the self-audit as a radar: one spoke per area, and the last audit as a dashed line where there was one.

    Parameters
    ----------
    audit : DataFrame
        area, audit_score, audit_before; missing where nobody answered.
    """
    n = len(audit)
    angles = np.pi / 2 - 2 * np.pi * np.arange(n) / n
    for level in range(1, int(highest) + 1):
        ax.plot(*_round(np.full(n, float(level)), angles), color=MUTED, linewidth=0.5)
    ax.annotate(f"{highest:g}", xy=(0.06, highest), fontsize=10, color=MUTED)
    for angle, area in zip(angles, audit["area"], strict=True):
        ax.plot([0, highest * np.cos(angle)], [0, highest * np.sin(angle)], color=MUTED, linewidth=0.5)
        x, y = 1.16 * highest * np.cos(angle), 1.1 * highest * np.sin(angle)
        ax.annotate(label(f"audit_area_{area}", lang), xy=(x, y), ha="center", va="center", fontsize=12)
    for name, colour, style in (("audit_before", MUTED, "--"), ("audit_score", NEEDED, "-")):
        values = audit[name].to_numpy(dtype=float)
        if np.isnan(values).all():
            continue
        x, y = _round(np.nan_to_num(values), angles)
        ax.plot(x, y, color=colour, linestyle=style, linewidth=2, label=label(name, lang))
        if name == "audit_score":
            ax.fill(x, y, color=colour, alpha=0.15)
    ax.set_xlim(-1.5 * highest, 1.5 * highest)
    ax.set_ylim(-1.3 * highest, 1.3 * highest)
    ax.set_aspect("equal")
    ax.axis("off")
    place_legend(ax)
    ax.set_title(translate("report.audit_title", lang))


def _round(values: np.ndarray, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the closed outline of a radar."""
    closed, around = np.append(values, values[0]), np.append(angles, angles[0])
    return closed * np.cos(around), closed * np.sin(around)
