"""Random stores, and what a plan of one must never contradict itself in."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd

from simlib import load_store
from simlib.kpis import BETTER
from simlib.messages import HOUSE, label
from simlib.planning import Plan, plan
from simlib.report.pages import kpi_cards
from simlib.store import Store

A1 = HOUSE / "tests" / "stores" / "a1"
PLATFORMS = ("tmall", "jd", "pdd", "douyin")


def make_random_store(number: int) -> Store:
    """Make story A1's store with other people, another task, platform and hours, by number."""
    rng = np.random.default_rng([14, number])
    base = load_store(A1)
    people = list(base.agents[: int(rng.integers(1, len(base.agents) + 1))])
    people = [
        agent.model_copy(update={"speed": float(rng.choice([0.65, 0.86, 1.06])), "capacity": int(rng.integers(2, 6))})
        for agent in people
    ]
    wave = base.waves[0].model_copy(update={"day_gmv_cny": float(np.exp(rng.uniform(np.log(5e3), np.log(3e5))))})
    ratios = {ratio.key: ratio for ratio in base.ratios}
    for key, low, high in (("bot_share", 0.0, 0.8), ("shrinkage", 0.0, 0.3)):
        value = float(rng.uniform(low, high))
        known = base.ratio(key)
        ratios[key] = known.model_copy(update={"low": value, "likely": value, "high": value})
    closed = rng.random() < 0.4
    hours = {"service_opens": dt.time(8), "service_closes": dt.time(int(rng.choice([0, 22])))} if closed else {}
    store = base.store.model_copy(update={"platform": str(rng.choice(PLATFORMS)), **hours})
    changed = {"agents": tuple(people), "waves": (wave,), "ratios": tuple(ratios.values()), "store": store}
    return base.model_copy(update=changed)


def make_random_roster(night: Plan, number: int) -> pd.DataFrame:
    """Put five in six of those who may serve on eight hours from a random half hour, with a meal in the middle."""
    rng = np.random.default_rng([15, number])
    rows = []
    for agent in night.store.agents:
        begins = night.inputs.grid.opens + pd.Timedelta(minutes=30 * int(rng.integers(8, 38)))
        if agent.agent_id not in night.inputs.ready or (rows and rng.random() < 1 / 6):
            continue
        for after_h, hours, activity in ((0, 4, "chat"), (4, 0.5, "meal"), (4.5, 3.5, "chat")):
            start = begins + pd.Timedelta(hours=after_h)
            rows.append(
                {
                    "agent_id": agent.agent_id,
                    "name": agent.name,
                    "cohort": agent.cohort,
                    "queue": agent.skill_1 if activity == "chat" else None,
                    "shift": "R",
                    "date": night.wave.day,
                    "start": start,
                    "end": start + pd.Timedelta(hours=hours),
                    "activity": activity,
                }
            )
    return pd.DataFrame(rows)


def plan_quickly(number: int) -> Plan:
    """Plan a random store's night: its requirement is worked out, its roster is random, three nights are simulated."""
    night = plan(make_random_store(number), replications=3, seed=number)
    rows = make_random_roster(night, number)
    vars(night)["roster_result"] = night.inputs.adopt_roster(rows, night.requirement)
    return night


def find_contradictions(night: Plan) -> list[str]:
    """Return everything in which verdict, coverage, intervals, KPI cards and summary disagree; empty where nothing."""
    found = []

    def expect(holds: bool, what: str) -> None:
        if not holds:
            found.append(what)

    verdict, table, summary = night.conclusion, night.intervals, night.conclusion.summary
    kpis = night.kpis.set_index("kpi")["mean"]
    missed = {kpi for each in table["missed"] for kpi in each}

    # one judgement
    expect(verdict.holds == all(verdict.targets_met.values()), "holds against targets_met")
    expect(summary["targets_met"] == verdict.targets_met, "summary against targets_met")
    expect(all(not verdict.targets_met[kpi] for kpi in missed), "a half hour misses what is called met")
    expect({weak["kpi"] for weak in summary["worst_half_hours"]} == missed, "worst half hours against intervals")
    score = verdict.inputs.headline.key
    beyond = (verdict.floors[score] - kpis[score]) * (1 if BETTER[score] == "higher" else -1)
    expect(verdict.targets_met[score] == (not beyond > 1e-9), "the platform's score against its mean")
    for card, kpi in zip(kpi_cards(night, lang="en"), verdict.headline, strict=True):
        tone = {True: "good", False: "bad", None: "plain"}[verdict.targets_met.get(kpi)]
        expect(card.tone == tone, f"the card of {kpi}")
        expect(card.band.startswith("mean of the rehearsed nights"), f"what the card of {kpi} rests on")
        expect(bool(card.note) == (kpi in missed), f"the card of {kpi} and its half hour")

    # one count
    for key, column in (("offered", "offered"), ("human", "human"), ("sales_lost", "sales_lost")):
        expect(abs(table[column].sum() - kpis[key]) <= 1e-6 * max(1.0, kpis[key]), f"intervals against {key}")
    lost = (table["lost_share"].fillna(0) * table["human"]).sum()
    expect(abs(lost - kpis["human"] + kpis["answered"]) < 1e-6 * max(1.0, kpis["human"]), "lost buyers")
    for row in table.itertuples():
        for kpi in row.missed:
            value = getattr(row, kpi)
            beyond = value - verdict.floors[kpi] if BETTER[kpi] == "lower" else verdict.floors[kpi] - value
            expect(beyond > 0, f"{row.start} {row.queue} misses {kpi} and does not show it")

    # one basis of heads
    coverage = night.coverage
    need = night.requirement.set_index(["start", "queue"])
    here = table.set_index(["start", "queue"])
    expect((here["required_on_chat"] == need["on_chat"].reindex(here.index).fillna(0)).all(), "required on chat")
    covered = coverage.set_index(["start", "queue"])
    rostered = covered["rostered"].reindex(here.index).fillna(0)
    expect((here["on_chat"] <= rostered + 1e-6).all(), "more on chat than rostered")
    short = math.ceil(coverage.groupby("start")["shortfall"].sum().max() - 1e-9)
    expect(verdict.shortfall == short == summary["shortfall"], "shortfall")

    # the sentences
    for lang in ("zh", "en"):
        sentences = night.verdict(lang)
        expect(sentences == summary["verdict"][lang], "verdict against summary")
        text = " ".join(sentences)
        failing = [message.text(lang) for message in verdict.failures]
        expect(bool(failing) == (not verdict.holds), "a failure is named where one is")
        expect(all(sentence in sentences for sentence in failing), "the failure stands in the verdict")
        if failing and not night.store.problems:
            expect(sentences[0] == failing[0], "the failure stands first")
        for weak in verdict.judged.weaknesses if not verdict.fails_badly else ():
            expect(f"{100 * weak.share:.1f}" in text, f"the share of {weak.kpi} in the verdict")
            value = here.loc[(weak.start, weak.queue), weak.kpi]
            expect(abs(value - weak.share) < 1e-9, f"the share of {weak.kpi} in the intervals")
        promise = {"zh": "目标都达到", "en": "every target is met"}[lang]
        expect((promise in text) == verdict.holds, "the promise that every target is met")
        gap = {"zh": f"少 {short} 人", "en": f" {short} below"}, {"zh": f"缺 {short} 人", "en": f"up to {short} people"}
        expect(any(one[lang] in text for one in gap) == (short > 0), "the shortfall in the verdict")
        expect(label(score, lang) in text or verdict.fails_badly, "the platform's rate in the verdict")
    return found
