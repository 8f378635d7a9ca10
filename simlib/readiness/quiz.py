"""Make a quiz out of what the store sells and says, rules, prices, goods, phrases and incident cards, and mark it."""

from __future__ import annotations

import datetime as dt
import hashlib
import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from simlib import facts
from simlib.messages import Lang, Message, UserError, label, translate
from simlib.readiness.changes import split_rests_on
from simlib.readiness.explain import spell_cny
from simlib.readiness.prices import InForce, price_order
from simlib.readiness.rules import (
    Activity,
    PromoSheet,
    is_missing,
    read_amount,
    read_id,
    read_promo_sheet,
    to_cny,
)
from simlib.store.problems import Problem
from simlib.streams import stream

LETTERS = "ABCD"
BASKETS = 40  # drafts of basket sums, spread over the instants at which something begins
TOPICS = ("activities", "prices", "goods", "phrases", "incidents")


@dataclass(frozen=True, kw_only=True)
class QuizItem:
    """One question: ``single`` and ``multiple`` have options and letters, ``sum`` has an amount in CNY."""

    number: int
    kind: str
    topic: str
    question: str
    options: tuple[str, ...]
    correct: str
    rests_on: str


@dataclass(frozen=True, kw_only=True)
class Quiz:
    """A quiz: its id, made from its questions, and its items."""

    id: str
    lang: Lang
    items: tuple[QuizItem, ...]

    @property
    def table(self) -> pd.DataFrame:
        """Return the items: quiz, number, kind, topic, question, A to D, correct, rests_on."""
        rows = []
        for item in self.items:
            options: dict[str, object] = dict(
                zip(LETTERS, [*item.options, *[""] * (4 - len(item.options))], strict=True)
            )
            rows.append(
                {
                    "quiz": self.id,
                    "number": item.number,
                    "kind": item.kind,
                    "topic": item.topic,
                    "question": item.question,
                    **dict(zip(LETTERS, options, strict=True)),
                    "correct": item.correct,
                    "rests_on": item.rests_on,
                }
            )
        columns = ["quiz", "number", "kind", "topic", "question", *LETTERS, "correct", "rests_on"]
        return pd.DataFrame(rows, columns=columns, dtype=object)


Draft = tuple[str, str, str, tuple[str, ...], str, str]  # kind, topic, question, options, correct, rests_on


def make_quiz(
    *,
    activities: pd.DataFrame,
    goods: pd.DataFrame,
    phrases: pd.DataFrame | None = None,
    items: int = 20,
    seed: int = 7,
    lang: Lang = "zh",
) -> Quiz:
    """Make a quiz from the store's own rules, goods and phrases and the playbook's incident cards.

    Topics take turns as long as they have questions left; the same seed and data give the same quiz.

    Parameters
    ----------
    activities, goods : pandas.DataFrame
        As `read_promo_sheet` takes them; rows that are wrong are left out.
    phrases : pandas.DataFrame, optional
        topic, zh, en, rests_on, id.
    items : int
        How many questions at most.
    seed : int
    lang : {"zh", "en"}

    Raises
    ------
    UserError
        There is nothing to ask.

    Examples
    --------
    >>> goods = pd.DataFrame({"sku": ["A"], "name": ["dryer"], "list_price_cny": [100]})
    >>> quiz = make_quiz(activities=pd.DataFrame(), goods=goods, items=6, lang="en")
    >>> len(quiz.items), sorted({item.topic for item in quiz.items})
    (6, ['goods', 'incidents'])
    """
    sheet = read_promo_sheet(activities, goods)
    makers: dict[str, Callable[[np.random.Generator], Iterator[Draft]]] = {
        "activities": lambda random: _ask_of_activities(sheet, random, lang),
        "prices": lambda random: _ask_of_prices(sheet, random, lang),
        "goods": lambda random: _ask_of_goods(sheet, random, lang),
        "phrases": lambda random: _ask_of_phrases(phrases, random, lang),
        "incidents": lambda random: _ask_of_incidents(random, lang),
    }
    waiting = {}
    for topic in TOPICS:
        random = stream(seed, 0, f"quiz {topic}")
        drafts = list(makers[topic](random))
        waiting[topic] = [drafts[at] for at in random.permutation(len(drafts))]
    chosen: list[Draft] = []
    asked: set[str] = set()
    while len(chosen) < items and any(waiting.values()):
        for topic in TOPICS:
            while waiting[topic] and len(chosen) < items:
                draft = waiting[topic].pop(0)
                if draft[2] not in asked:
                    asked.add(draft[2])
                    chosen.append(draft)
                    break
    if not chosen:
        raise UserError(Message("readiness.quiz_nothing"))
    made = tuple(
        QuizItem(number=n, kind=kind, topic=topic, question=question, options=options, correct=correct, rests_on=rests)
        for n, (kind, topic, question, options, correct, rests) in enumerate(chosen, start=1)
    )
    fingerprint = hashlib.sha256(repr([(item.question, item.options, item.correct) for item in made]).encode())
    return Quiz(id=f"Q{fingerprint.hexdigest()[:6].upper()}", lang=lang, items=made)


def _single(
    topic: str, question: str, right: str, wrong: Sequence[str], rests_on: str, random: np.random.Generator
) -> Iterator[Draft]:
    """Draft a question with one right option among up to four; none where there is nothing to mix it up with."""
    others = [option for option in dict.fromkeys(wrong) if option != right]
    picked = [others[at] for at in random.permutation(len(others))[:3]]
    if not picked:
        return
    options = [*picked, right]
    options = [options[at] for at in random.permutation(len(options))]
    yield "single", topic, question, tuple(options), LETTERS[options.index(right)], rests_on


def _name_of(activity: Activity, lang: Lang) -> str:
    return (
        activity.name
        if activity.name != activity.id
        else f"{label(f'activity_kind_{activity.kind}', lang)} {activity.id}"
    )


def _ask_of_activities(sheet: PromoSheet, random: np.random.Generator, lang: Lang) -> Iterator[Draft]:
    for activity in sheet.activities:
        name = _name_of(activity, lang)
        for key, cents in (("threshold", activity.threshold_cents), ("amount", activity.amount_cents or 0)):
            if cents:
                right = to_cny(cents)
                near = [spell_cny(right * factor) for factor in (Decimal("0.5"), Decimal("1.5"), 2, 3)]
                question = translate(f"readiness.quiz_{key}", lang, name=name)
                yield from _single("activities", question, spell_cny(right), near, activity.id, random)
        if activity.kind != "limit":
            words = [label(f"open_to_{buyer}", lang) for buyer in ("all", "new", "member", "fan")]
            question = translate("readiness.quiz_buyers", lang, name=name)
            yield from _single(
                "activities", question, label(f"open_to_{activity.buyers}", lang), words, activity.id, random
            )
        begins = sheet.instants[activity.window[0]]
        starts = [f"{begins + dt.timedelta(hours=hours):%m-%d %H:%M}" for hours in (-24, -4, 4, 24)]
        question = translate("readiness.quiz_start", lang, name=name)
        yield from _single("activities", question, f"{begins:%m-%d %H:%M}", starts, activity.id, random)
        inside = sorted(activity.skus)
        outside = sorted(set(sheet.goods) - activity.skus)
        if inside and outside and activity.scope != "all":
            yield _ask_of_scope(activity, name, inside, outside, sheet, random, lang)


def _ask_of_scope(
    activity: Activity,
    name: str,
    inside: list[str],
    outside: list[str],
    sheet: PromoSheet,
    random: np.random.Generator,
    lang: Lang,
) -> Draft:
    """Draft a question with several right options: which goods take part."""
    count = min(len(inside), 3 if len(outside) == 1 else 2)
    skus = [inside[at] for at in random.permutation(len(inside))[:count]]
    skus += [outside[at] for at in random.permutation(len(outside))[: 4 - count]]
    skus = [skus[at] for at in random.permutation(len(skus))]
    right = "".join(letter for letter, sku in zip(LETTERS, skus, strict=False) if sku in activity.skus)
    question = translate("readiness.quiz_scope", lang, name=name)
    return "multiple", "activities", question, tuple(_good(sku, sheet) for sku in skus), right, activity.id


def _good(sku: str, sheet: PromoSheet) -> str:
    name = sheet.goods[sku].name
    return sku if name == sku else f"{name} ({sku})"


def _ask_of_prices(sheet: PromoSheet, random: np.random.Generator, lang: Lang) -> Iterator[Draft]:
    """Draft baskets whose price somebody has to work out, each at the start of an activity that is in force then."""
    instants = sorted({activity.window[0] for activity in sheet.activities if activity.kind not in ("limit", "gift")})
    skus = list(sheet.goods)
    for at in instants[:BASKETS]:
        for _ in range(max(1, BASKETS // len(instants))):
            some = sorted(skus[at] for at in random.permutation(len(skus))[: int(random.integers(1, 3))])
            basket = {sku: int(random.integers(1, 4)) for sku in some}
            counting = [activity for activity in sheet.activities if activity.counts(at, "all")]
            price = price_order(basket, goods=sheet.goods, counting=InForce.of(counting), buyer="all")
            used = [activity for activity, off in price.step_rows if activity is not None and off]
            if price.pay_cny is None or not used:
                continue
            said = translate("words.list_comma", lang, first="", second="").join(
                translate("readiness.quiz_piece", lang, name=_good(sku, sheet), quantity=count)
                for sku, count in basket.items()
            )
            clock = f"{sheet.instants[at]:%m-%d %H:%M}"
            question = translate("readiness.quiz_basket", lang, basket=said, at=clock)
            rests_on = "; ".join(dict.fromkeys([*used, *some]))
            yield "sum", "prices", question, (), f"{price.pay_cny:.2f}", rests_on


def _ask_of_goods(sheet: PromoSheet, random: np.random.Generator, lang: Lang) -> Iterator[Draft]:
    for sku, good in sheet.goods.items():
        right = to_cny(good.list_cents)
        near = [spell_cny(max(right + step, Decimal(1))) for step in (-20, -10, 10, 20, 30)]
        question = translate("readiness.quiz_list_price", lang, name=_good(sku, sheet))
        yield from _single("goods", question, spell_cny(right), near, sku, random)
        if good.limit_per_buyer is not None:
            near = [str(good.limit_per_buyer + step) for step in (1, 2, 3, 5)]
            question = translate("readiness.quiz_limit", lang, name=_good(sku, sheet))
            yield from _single("goods", question, str(good.limit_per_buyer), near, sku, random)


def _ask_of_phrases(phrases: pd.DataFrame | None, random: np.random.Generator, lang: Lang) -> Iterator[Draft]:
    if phrases is None or phrases.empty:
        return
    texts = {row.topic: str(getattr(row, lang)) for row in phrases.itertuples() if not is_missing(getattr(row, lang))}
    for row in phrases.itertuples():
        if row.topic in texts and texts[row.topic] == str(getattr(row, lang)):
            question = translate("readiness.quiz_phrase", lang, topic=row.topic)
            rests_on = "; ".join([str(row.id), *split_rests_on(row.rests_on)])
            yield from _single("phrases", question, texts[row.topic], list(texts.values()), rests_on, random)


def _ask_of_incidents(random: np.random.Generator, lang: Lang) -> Iterator[Draft]:
    cards = facts.table("incidents").to_dict("records")
    names = [card[lang]["name"] for card in cards]
    fallbacks = [card[lang]["fallback"][0] for card in cards if card[lang].get("fallback")]
    for card in cards:
        own = card[lang]
        question = translate("readiness.quiz_incident", lang, trigger=own["trigger"])
        yield from _single("incidents", question, own["name"], names, f"incident:{card['key']}", random)
        if own.get("fallback"):
            question = translate("readiness.quiz_fallback", lang, name=own["name"])
            wrong = [text for text in fallbacks if text not in own["fallback"]]
            yield from _single("incidents", question, own["fallback"][0], wrong, f"incident:{card['key']}", random)


def print_quiz(quiz: Quiz, *, with_key: bool = False) -> str:
    """Return the quiz as a page to print: name and date to fill in, then the questions; with the key for the marker."""
    lang = quiz.lang
    parts = [f"<h1>{html.escape(translate('readiness.quiz_title', lang, quiz=quiz.id))}</h1>"]
    parts.append(f"<p>{html.escape(translate('readiness.quiz_head', lang))}</p><ol>")
    for item in quiz.items:
        hint = translate(f"readiness.quiz_kind_{item.kind}", lang)
        options = "".join(
            f"<br>{letter}. {html.escape(text)}" for letter, text in zip(LETTERS, item.options, strict=False)
        )
        key = f"<br><b>{html.escape(item.correct)}</b>" if with_key else ""
        parts.append(f"<li>{html.escape(item.question)} {html.escape(hint)}{options}{key}</li>")
    return "\n".join([*parts, "</ol>"])


# --- marking


@dataclass(frozen=True, kw_only=True)
class ExamResult:
    """Marked answers.

    Attributes
    ----------
    results : DataFrame
        agent_id, attempt, correct, of, score (of 100), passed; one row per person and attempt.
    by_item : DataFrame
        number, topic, question, rests_on, asked, correct, share; the weakest first.
    by_topic : DataFrame
        topic, group (a squad or cohort, where groups are given), asked, correct, share; the weakest first.
    problems : tuple of Problem
        Answers that were not counted, with their rows.
    """

    results: pd.DataFrame
    by_item: pd.DataFrame
    by_topic: pd.DataFrame
    problems: tuple[Problem, ...] = field(default=())


def mark_answers(
    quiz: Quiz, answers: pd.DataFrame, *, pass_mark: float, groups: Mapping[str, str] | None = None
) -> ExamResult:
    """Mark answers against a quiz; an item that somebody left out is wrong, a sheet that is all blank no attempt.

    Parameters
    ----------
    quiz : Quiz
    answers : pandas.DataFrame
        quiz, agent_id, attempt, item, answer, and row where they come from a sheet.
    pass_mark : float
        Points of 100 to pass.
    groups : mapping of agent to group, optional
        Squad or cohort, for weak topics by group.

    Examples
    --------
    >>> goods = pd.DataFrame({"sku": ["A"], "list_price_cny": [100]})
    >>> quiz = make_quiz(activities=pd.DataFrame(), goods=goods, items=2)
    >>> rows = [{"quiz": quiz.id, "agent_id": "A1", "attempt": 1, "item": i.number, "answer": i.correct}
    ...         for i in quiz.items]
    >>> mark_answers(quiz, pd.DataFrame(rows), pass_mark=90).results["score"].tolist()
    [100.0]
    """
    items = {item.number: item for item in quiz.items}
    problems: list[Problem] = []
    right: dict[tuple[str, int], dict[int, bool]] = {}
    first_row: dict[tuple[str, int, int], int] = {}
    handed_in: set[tuple[str, int]] = set()
    for at, record in enumerate(answers.to_dict("records"), start=2):
        row = int(record.get("row") or at)
        place: dict[str, Any] = {"sheet": "exam", "row": row, "loss": "row"}
        if read_id(record["quiz"]) != quiz.id:
            values = {"quiz": quiz.id}
            problems.append(
                Problem(message="other_quiz", column="quiz", value=read_id(record["quiz"]), values=values, **place)
            )
            continue
        number = int(record["item"])
        if number not in items:
            allowed = (f">= 1, <= {len(items)}",)
            problems.append(
                Problem(message="out_of_range", column="quiz_item", value=str(number), allowed=allowed, **place)
            )
            continue
        key = (read_id(record["agent_id"]), int(record["attempt"]))
        if (*key, number) in first_row:
            first = {"first": first_row[(*key, number)]}
            problems.append(
                Problem(message="stands_twice", column="quiz_item", value=str(number), values=first, **place)
            )
            continue
        first_row[*key, number] = row
        right.setdefault(key, {})[number] = _is_right(items[number], record.get("answer"))
        if not is_missing(record.get("answer")):
            handed_in.add(key)
    right = {key: marks for key, marks in right.items() if key in handed_in}
    rows = []
    for (agent, attempt), marks in sorted(right.items()):
        correct = sum(marks.values())
        score = round(100 * correct / len(items), 1)
        rows.append((agent, attempt, correct, len(items), score, 100 * correct >= pass_mark * len(items)))
    results = pd.DataFrame(rows, columns=["agent_id", "attempt", "correct", "of", "score", "passed"])
    return ExamResult(
        results=results,
        by_item=_weak_items(quiz, right),
        by_topic=_weak_topics(quiz, right, groups or {}),
        problems=tuple(problems),
    )


def _is_right(item: QuizItem, answer: object) -> bool:
    """Compare an answer: letters in any order and case, an amount to the cent."""
    if is_missing(answer):
        return False
    if item.kind == "sum":
        try:
            return read_amount(answer) == Decimal(item.correct)
        except ValueError:
            return False
    given = {sign for sign in str(answer).upper() if sign.isalnum()}
    return given == set(item.correct)


def _weak_items(quiz: Quiz, right: Mapping[tuple[str, int], Mapping[int, bool]]) -> pd.DataFrame:
    rows = []
    for item in quiz.items:
        correct = sum(marks.get(item.number, False) for marks in right.values())
        share = correct / len(right) if right else float("nan")
        rows.append((item.number, item.topic, item.question, item.rests_on, len(right), correct, share))
    columns = ["number", "topic", "question", "rests_on", "asked", "correct", "share"]
    return pd.DataFrame(rows, columns=columns).sort_values(["share", "number"], ignore_index=True)


def _weak_topics(
    quiz: Quiz, right: Mapping[tuple[str, int], Mapping[int, bool]], groups: Mapping[str, str]
) -> pd.DataFrame:
    counts: dict[tuple[str, str], list[int]] = {}
    for (agent, _), marks in right.items():
        for item in quiz.items:
            count = counts.setdefault((item.topic, groups.get(agent, "")), [0, 0])
            count[0] += 1
            count[1] += marks.get(item.number, False)
    rows = [(topic, group, asked, correct, correct / asked) for (topic, group), (asked, correct) in counts.items()]
    columns = ["topic", "group", "asked", "correct", "share"]
    return pd.DataFrame(rows, columns=columns).sort_values(["share", "topic", "group"], ignore_index=True)


def weigh_reward(*, written: float, practical: float) -> Decimal:
    """Return the score that a training's reward hangs on: the written part weighs more than the practical.

    Examples
    --------
    >>> weigh_reward(written=92, practical=85)
    Decimal('89.9')
    """
    share = read_amount(facts.value("courses", "reward_written_share"))
    return read_amount(written) * share + read_amount(practical) * (1 - share)


def mark_exam(
    exam: pd.DataFrame, quizzes: Sequence[Quiz], *, pass_mark: float, groups: Mapping[str, str] | None = None
) -> ExamResult | None:
    """Mark the answers of the sheet exam against every quiz that was handed out; None where nothing can be marked.

    Parameters
    ----------
    exam : pandas.DataFrame
        The sheet exam; rows of a quiz that nobody handed out are named and not counted.
    quizzes : sequence of Quiz
    pass_mark, groups
        As `mark_answers` takes them.
    """
    if exam.empty or not quizzes:
        return None
    known = {quiz.id: quiz for quiz in quizzes}
    given = exam["quiz"].map(read_id)
    marked = [
        mark_answers(quiz, exam[given == key], pass_mark=pass_mark, groups=groups)
        for key, quiz in known.items()
        if (given == key).any()
    ]
    strangers = exam[~given.isin(list(known))]
    problems = list(mark_answers(quizzes[-1], strangers, pass_mark=pass_mark).problems)
    problems += [problem for result in marked for problem in result.problems]
    if not marked:
        return ExamResult(
            results=mark_answers(quizzes[-1], strangers.iloc[:0], pass_mark=pass_mark).results,
            by_item=_weak_items(quizzes[-1], {}),
            by_topic=_weak_topics(quizzes[-1], {}, {}),
            problems=tuple(problems),
        )
    results = pd.concat([result.results for result in marked], ignore_index=True)
    by_item = pd.concat([result.by_item for result in marked], ignore_index=True)
    by_topic = pd.concat([result.by_topic for result in marked], ignore_index=True)
    totals = by_topic.groupby(["topic", "group"], as_index=False)[["asked", "correct"]].sum()
    totals["share"] = totals["correct"] / totals["asked"]
    return ExamResult(
        results=results.sort_values(["agent_id", "attempt"], ignore_index=True),
        by_item=by_item.sort_values(["share", "number"], ignore_index=True),
        by_topic=totals.sort_values(["share", "topic", "group"], ignore_index=True),
        problems=tuple(problems),
    )
