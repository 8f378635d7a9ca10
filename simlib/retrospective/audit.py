"""The team's self-audit by areas, and the list of what changes: who does it by when, and which card it changes."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from simlib import facts
from simlib.messages import Lang, Message, UserError
from simlib.retrospective.inputs import need_columns

HIGHEST = 5
AREAS = ("role", "attitude", "basics", "process")


def audit_questions(lang: Lang) -> pd.DataFrame:
    """Return the questionnaire: question (its key), area, text.

    >>> audit_questions("en")["area"].value_counts().to_dict()
    {'role': 3, 'attitude': 3, 'basics': 3, 'process': 3}
    """
    table = facts.table("self_audit")
    return pd.DataFrame({"question": table["key"], "area": table["value"], "text": table[lang]})


def score_audit(answers: pd.DataFrame, *, before: pd.DataFrame | None = None) -> pd.DataFrame:
    """Score a self-audit by area, ready for a radar.

    Parameters
    ----------
    answers : DataFrame
        question, score (0 to 5; missing = not answered); several people may answer one question.
    before : DataFrame, optional
        The answers of the last time.

    Returns
    -------
    DataFrame
        area, score (mean of its questions' means), answered (share of its questions), before, change, in the order of
        the radar. An area without answers has nan.

    Raises
    ------
    UserError
        A question that the questionnaire does not have, or a score outside 0 to 5.

    Examples
    --------
    >>> answers = pd.DataFrame({"question": ["role_known", "role_targets"], "score": [4, 2]})
    >>> score_audit(answers).iloc[0].to_dict()["score"]
    3.0
    """
    area_of = facts.table("self_audit").set_index("key")["value"]
    table = pd.DataFrame({"area": AREAS})
    for name, given in (("score", answers), ("before", before)):
        if given is None:
            table[name] = float("nan")
            continue
        need_columns(given, "question", "score", name="audit")
        strange = [key for key in given["question"] if key not in area_of.index]
        if strange:
            raise UserError(Message("retrospective.audit_question", value=str(strange[0])))
        bad = given[given["score"].notna() & ~given["score"].between(0, HIGHEST)]
        if not bad.empty:
            row = bad.iloc[0]
            raise UserError(
                Message(
                    "retrospective.audit_score", question=row["question"], value=f"{row['score']:g}", highest=HIGHEST
                )
            )
        means = given.dropna(subset=["score"]).groupby("question")["score"].mean()
        by_area = means.groupby(area_of.reindex(means.index)).agg(["mean", "size"])
        table[name] = table["area"].map(by_area["mean"]).astype(float)
        if name == "score":
            asked = area_of.value_counts()
            table["answered"] = table["area"].map(by_area["size"]).fillna(0) / table["area"].map(asked)
    table["change"] = table["score"] - table["before"]
    return table[["area", "score", "answered", "before", "change"]]


def check_actions(actions: pd.DataFrame, *, today: dt.date, cards: list[str] | None = None) -> pd.DataFrame:
    """Check the list of what changes: every lesson has an owner, a date, and the task card that it changes.

    Parameters
    ----------
    actions : DataFrame
        lesson, action, owner, due, card, done (bool).
    cards : list of str, optional
        The cards there are; an action that names another lacks its card.

    Returns
    -------
    DataFrame
        The same with ``lacks`` (tuple of owner, due, card: what is not filled in or not known) and ``state``: done,
        overdue, incomplete, open; what needs somebody first.
    """
    need_columns(actions, "lesson", "action", "owner", "due", "card", "done", name="actions")
    table = actions.reindex(columns=["lesson", "action", "owner", "due", "card", "done"]).copy()
    due = pd.to_datetime(table["due"])
    done = table["done"].fillna(False).astype(bool)
    lacks = []
    for row in table.itertuples():
        missing = [name for name in ("owner", "due", "card") if pd.isna(getattr(row, name)) or not getattr(row, name)]
        if cards is not None and "card" not in missing and row.card not in cards:
            missing.append("card")
        lacks.append(tuple(missing))
    table["lacks"] = lacks
    table["state"] = "open"
    table.loc[[bool(missing) for missing in lacks], "state"] = "incomplete"
    table.loc[due < pd.Timestamp(today), "state"] = "overdue"
    table.loc[done, "state"] = "done"
    order = table["state"].map({"overdue": 0, "incomplete": 1, "open": 2, "done": 3})
    table = table.assign(order=order).sort_values(["order", "due"], kind="stable", ignore_index=True)
    return table.drop(columns="order")
