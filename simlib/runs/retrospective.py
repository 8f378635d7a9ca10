"""What a promo taught, in a new workbook, with the beginning of the next promo's ``review.xlsx`` beside it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from simlib.inputs import clock_of
from simlib.messages import Lang, Message, Term, UserError
from simlib.planning import plan
from simlib.retrospective.result import RetrospectiveResult
from simlib.retrospective.workbook import BOOK_NAME, begin_next_review, read_review, review_book
from simlib.review import learn

ENDING = ".xlsx"


@dataclass(frozen=True, kw_only=True)
class LearnedPromo:
    """What a promo taught: the sentences, the figures before and after, the files written."""

    findings: tuple[Message, ...]
    changes: pd.DataFrame
    written: tuple[Path, ...]
    result: RetrospectiveResult = field(repr=False)


def learn_promo(store: Path, *, out: Path, lang: Lang, wave: str = "", today: str = "") -> LearnedPromo:
    """Write what a night taught into a new workbook; the store and its notes stay as they are.

    Beside the workbook ``<out>.review.xlsx`` begins the next retrospective: the chain of promos with how wrong each
    plan was, what was learned from each, the feedback and actions still open, the self-audit as the last one.

    Parameters
    ----------
    store : Path
        The store with the night's actuals and, beside it, ``review.xlsx`` and the folder ``exports``.
    out : Path
        The new workbook, an ``.xlsx`` file.

    Raises
    ------
    UserError
        A file is there already, the folder is not, or there is nothing to learn from.
    """
    out = out if out.suffix.lower() == ENDING else out.with_name(out.name + ENDING)
    beside = out.with_name(f"{out.stem}.{BOOK_NAME}")
    for path in (out, beside):
        if path.exists():
            raise UserError(Message("retrospective.workbook_exists", path=str(path)))
    if not out.parent.is_dir():
        raise UserError(Message("cli.no_folder", path=str(out.parent)))
    night = plan(store, wave=wave, today=today)
    result = night.retrospective
    if result.write_back is None:
        raise UserError(Message("retrospective.nothing_learned"))
    aov_cny = night.sales.spans["aov_cny"].likely
    learned = learn(night.inputs, result.write_back.figures, aov_cny=aov_cny, lang=lang)
    if learned.history_rows:  # what is history now is no actual of the next night
        learned = replace(learned, store=learned.store.model_copy(update={"actuals": ()}))
    learned.save(out, lang=lang)
    promo = _sum_up(result, promo=night.wave.name) | {"day": night.wave.day}
    review = read_review(store, read_time=clock_of(night.inputs.store, night.wave))
    rows = begin_next_review(review.book, promo=promo, changes=learned.changes)
    review_book().write(beside, lang=lang, rows=rows)
    said = [Message("retrospective.learned_rows", count=learned.history_rows)] if learned.history_rows else []
    left = [
        Message(
            "retrospective.unlearned_one",
            figures=tuple(Term(key) for key in alike["key"]),
            reason=Term(f"unlearned_{reason}"),
        )
        for reason, alike in learned.unlearned.groupby("reason", sort=False)
    ]
    said += [Message("retrospective.unlearned", figures=tuple(left))] if left else []
    changes = result.tables.get("write_back", pd.DataFrame())
    return LearnedPromo(findings=(*said, *learned.messages), changes=changes, written=(out, beside), result=result)


def _sum_up(result: RetrospectiveResult, *, promo: str) -> dict[str, Any]:
    """Return how wrong the plan was, as far as it was measured."""
    found: dict[str, Any] = {"promo": promo}
    if result.fit is not None:
        found |= {"planned_contacts": result.fit.planned, "actual_contacts": result.fit.actual}
        found |= {"wape": result.fit.wape, "poisson_floor": result.fit.poisson_floor}
    if result.variance is not None:
        found |= {"planned_cny": result.variance.planned_cny, "actual_cny": result.variance.actual_cny}
    return {key: value for key, value in found.items() if value is not None}
