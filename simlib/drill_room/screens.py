"""What the pages of a drill show: every text and figure ready to be read, in one language."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from simlib.drill.floor import OFF, STATES
from simlib.drill.game import Drill, Move, View
from simlib.drill.log import Decided
from simlib.drill.result import PARTS
from simlib.messages import Lang, label, texts, translate
from simlib.planning import Plan
from simlib.report.columns import quantity, size_words
from simlib.report.pages.drill import cards, door_name, lever_words, name_decision, sign_words
from simlib.stress.scenarios import Scenario, standard_scenarios

FACILITATOR, BOARD = "facilitator", "board"


@dataclass(frozen=True, kw_only=True, eq=False)
class Screens:
    """The contents of every page of a drill.

    Parameters
    ----------
    drill : Drill
        The game.
    plan : Plan
        The store's, for its name, its phrases and its targets.
    lang : {"zh", "en"}
        Of every text.
    """

    drill: Drill
    plan: Plan
    lang: Lang
    _made: dict[int, tuple[Hashable, dict[str, Any], dict[str, Any]]] = field(default_factory=dict)

    def head(self, who: str, *, left_s: int | None) -> dict[str, Any]:
        """Return what stands on every page; ``left_s`` are the seconds left in a round that ends by itself."""
        drill, lang = self.drill, self.lang
        return {
            "who": who,
            "kind": who if who in (FACILITATOR, BOARD) else "team",
            "store": self.plan.store.store.name,
            "name": door_name(who, lang),
            "clock": f"{drill.clock():%H:%M}",
            "round": drill.state.round,
            "rounds": drill.rounds,
            "round_words": translate("drill.ui_round", lang, round=drill.state.round, rounds=drill.rounds),
            "over": drill.over,
            "paused": drill.state.paused,
            "left_words": "" if left_s is None else translate("drill.ui_left", lang, time=minutes_seconds(left_s)),
            "notices": [notice.text(lang) for notice in drill.notices],
            "words": self._words,
        }

    def team(self, team: int) -> dict[str, Any]:
        """Return a team's page, made anew only when its game has changed."""
        return self._both(team)[0]

    def standing(self) -> list[dict[str, Any]]:
        """Return every team's figures, the best first."""
        return sorted((self._both(team)[1] for team in self.drill.teams), key=lambda row: -row["total"])

    def facilitator(self, *, links: Mapping[str, str], pace_s: float | None) -> dict[str, Any]:
        """Return the facilitator's page: what happens when, the addresses, and the log of every team."""
        drill, lang = self.drill, self.lang
        return {
            "teams": self.standing(),
            "schedule": [
                {
                    "clock": f"{scenario.start:%H:%M}",
                    "until": f"{scenario.end:%H:%M}",
                    "name": scenario.title(lang),
                    "begun": bool(scenario.start <= drill.clock()),
                }
                for scenario in sorted(drill.state.happens, key=lambda scenario: scenario.start)
            ],
            "can_inject": self._deck,
            "links": [
                {"name": door_name(name, lang), "address": address}
                for name, address in links.items()
                if name != FACILITATOR
            ],
            "pace_s": pace_s,
            "usual_pace_s": drill.rules.pace_s,
            "log": [
                {"clock": f"{drill.clock(number):%H:%M}", "team": decided.team, "text": self.decision_text(decided)}
                for number, decided in reversed(drill.state.decisions)
            ],
        }

    def effect_text(self, team: int) -> str:
        """Return what a team's latest decision brings: when it works, until when, and what it costs."""
        number, decided = self.drill.decisions(team)[-1]
        clock = f"{self.drill.clock(number):%H:%M}"
        if decided.what != "lever":
            name = cards()[decided.key][self.lang]["name"]
            return translate(f"drill.{decided.what}_taken", self.lang, name=name, clock=clock)
        lever = self.drill.levers(team)[-1]
        cost_cny = self.drill.cost_cny(lever)
        values = {
            "move": lever_words(decided.key, decided.size, self.lang),
            "start": f"{lever.works_from:%H:%M}",
            "end": f"{lever.until:%H:%M}",
        }
        if cost_cny <= 0:
            return translate("drill.move_taken_free", self.lang, **values)
        return translate("drill.move_taken", self.lang, cost=quantity(cost_cny, "CNY", self.lang), **values)

    def decision_text(self, decided: Decided) -> str:
        """Return a decision in words, with the role that took it."""
        return translate(
            "drill.said_by",
            self.lang,
            role=label(f"role_{decided.role}", self.lang),
            what=name_decision(decided, self.lang),
        )

    def sign(self, scenario: Scenario) -> dict[str, str]:
        """Return what the floor notices of an incident, and since when."""
        return {"clock": f"{scenario.start:%H:%M}", "text": sign_words(scenario, self.lang)}

    def phrase(self, card: str) -> str:
        """Return the phrase of a card: the store's own where its sheet has one for the topic, else the card's."""
        for row in self.plan.store.phrases:
            own = getattr(row, self.lang)
            if row.topic == card and own:
                return str(own)
        return str(cards()[card][self.lang]["phrase"])

    # --- the parts of a page ---

    def _both(self, team: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return a team's page and its row on the board, made anew only when its game has changed."""
        game = self.drill.game(team)
        if team not in self._made or self._made[team][0] != game:
            view = self.drill.view(team)
            self._made[team] = game, self._page(view), self._row(team, view)
        return self._made[team][1:]

    def _page(self, view: View) -> dict[str, Any]:
        lang = self.lang
        return {
            "tiles": self._tiles(view),
            "queues": [
                {
                    "name": label(row["queue"], lang),
                    "waiting": int(row["waiting"]),
                    "oldest": translate("drill.ui_oldest", lang, time=minutes_seconds(row["oldest_s"])),
                }
                for row in view.queues.to_dict("records")
                if row["queue"] in self._busy_queues
            ],
            "course": _course(view, lang),
            "people": self._people(view),
            "signs": [self.sign(scenario) for scenario in reversed(self.drill.noticed())],
            "roles": [
                {"key": role, "name": label(f"role_{role}", lang), "moves": [_move(view.moves[k], lang) for k in kinds]}
                for role, kinds in self.drill.rules.roles.items()
            ],
            "cards": self._cards,
            "phrases": self._phrases,
            "called": [decided.key for _, decided in view.decisions if decided.what == "card"],
            "done": [
                {"clock": f"{clock:%H:%M}", "text": self.decision_text(decided)}
                for clock, decided in reversed(view.decisions)
            ],
        }

    def _row(self, team: int, view: View) -> dict[str, Any]:
        score, rules = self.drill.score(team), self.drill.rules
        points = {part: round(getattr(score, part)) for part in PARTS}
        return {
            "team": team,
            "name": translate("drill.ui_team", self.lang, team=team),
            "total": round(score.total, 1),
            "parts": [
                {
                    "name": label(f"score_{part}", self.lang),
                    "value": value,
                    "tone": "good" if value >= rules.points_good else "bad" if value < rules.points_bad else "plain",
                }
                for part, value in points.items()
            ],
            "tiles": self._tiles(view),
            "course": _course(view, self.lang),
        }

    def _tiles(self, view: View) -> list[dict[str, Any]]:
        """Return the large figures of a floor's screen; their colours follow the store's targets."""
        lang, now, rules = self.lang, view.now, self.drill.rules
        rate, response = now["platform_rate_so_far"], now["first_response"]
        waiting = None if view.queues.empty else int(view.queues["waiting"].sum())
        within_s = self.drill.night.threshold_s
        asked = self.plan.inputs
        least = asked.floors.get(self.drill.night.rates[0].key, asked.target("platform_rate"))
        amber = least + (1 - least) * rules.warn_share
        return [
            {
                "key": "waiting",
                "name": label("waiting", lang),
                "value": "?" if waiting is None else f"{waiting}",
                "note": "",
                "tone": "bad"
                if waiting is None
                else _tone(waiting, warn_above=rules.waiting_warn, bad_above=rules.waiting_bad),
            },
            {
                "key": "first_response",
                "name": label("first_response", lang),
                "value": "–" if np.isnan(response) else quantity(round(response), "s", lang),
                "note": translate("drill.ui_last_round", lang),
                "tone": _tone(response, warn_above=rules.warn_share * within_s, bad_above=within_s),
            },
            {
                "key": "platform_rate",
                "name": label("platform_rate", lang),
                "value": "–" if np.isnan(rate) else quantity(rate, "share", lang),
                "note": translate("drill.ui_so_far", lang),
                "tone": _tone(-rate, warn_above=-amber, bad_above=-least),
            },
            {
                "key": "offered",
                "name": label("offered", lang),
                "value": f"{now['offered']:.0f}",
                "note": translate("drill.ui_expected", lang, count=f"{now['expected']:.0f}"),
                "tone": "warn" if now["offered"] > rules.surge_share * now["expected"] else "plain",
            },
        ]

    def _people(self, view: View) -> list[dict[str, Any]]:
        """Return everybody on duty, room by room."""
        agents = view.agents[view.agents["state"] != OFF].fillna({"room": "", "site": ""})
        rooms = []
        for (site, room), here in agents.groupby(["site", "room"]):
            people = [
                {"state": state, "open": None if chats is None or chats != chats else int(chats), "name": name}
                for state, chats, name in here[["state", "open_chats", "name"]].itertuples(index=False)
            ]
            place = " ".join(dict.fromkeys(str(part) for part in (site, room) if part))
            rooms.append({"name": place or label("on_call", self.lang), "people": people})
        return rooms

    @cached_property
    def _words(self) -> dict[str, str]:
        """Return every text that the pages need themselves, by its key."""
        start = "drill.ui_"
        ui = {key.removeprefix(start): twins[self.lang] for key, twins in texts().items() if key.startswith(start)}
        return ui | {f"state_{state}": label(f"state_{state}", self.lang) for state in STATES if state != OFF}

    @cached_property
    def _cards(self) -> list[dict[str, Any]]:
        return [
            {"key": key, **{part: card[self.lang][part] for part in ("name", "trigger")}}
            | {"steps": card[self.lang]["first_5_min"]}
            for key, card in cards().items()
        ]

    @cached_property
    def _phrases(self) -> list[dict[str, str]]:
        """Return the phrases by the names of their cards: the whole text would not fit into a list."""
        rows = [
            {"key": key, "name": card[self.lang]["name"], "text": self.phrase(key)} for key, card in cards().items()
        ]
        return sorted(rows, key=lambda row: row["name"])

    @cached_property
    def _busy_queues(self) -> set[str]:
        expected = self.drill.night.forecast.groupby("queue")["contacts"].sum()
        return set(expected[expected > 0].index)

    @cached_property
    def _deck(self) -> list[dict[str, str]]:
        known = standard_scenarios(self.drill.night)
        return [
            {"key": each.name, "name": each.title(self.lang)} for each in known if each.name in self.drill.rules.deck
        ]


def minutes_seconds(seconds: float) -> str:
    """Return a length of time in minutes and seconds.

    >>> minutes_seconds(75.4)
    '1:15'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _tone(value: float, *, warn_above: float, bad_above: float) -> str:
    """Return the colour of a figure that should be low.

    >>> [_tone(value, warn_above=15, bad_above=40) for value in (15, 16, 41, float("nan"))]
    ['good', 'warn', 'bad', 'plain']
    """
    if np.isnan(value):
        return "plain"
    return "bad" if value > bad_above else "warn" if value > warn_above else "good"


def _course(view: View, lang: Lang) -> dict[str, Any]:
    """Return how the night went so far, round by round."""
    return {
        "clock": [f"{clock:%H:%M}" for clock in view.course["clock"]],
        "series": [
            {"name": label(key, lang), "values": _numbers(view.course[key])} for key in ("waiting", "first_response")
        ],
    }


def _numbers(values: Any) -> list[float | None]:
    return [None if value is None or np.isnan(value) else round(float(value), 1) for value in values]


def _move(move: Move, lang: Lang) -> dict[str, Any]:
    """Return a lever with its sizes and when it can be used."""
    if move.ready_min > 0:
        note = translate("drill.ui_wait", lang, minutes=f"{move.ready_min:.0f}")
    elif move.on_until is not None and not move.ready:
        note = translate("drill.ui_on_until", lang, clock=f"{move.on_until:%H:%M}")
    elif move.delay_min:
        note = translate("drill.ui_works_after", lang, minutes=f"{move.delay_min:.0f}")
    else:
        note = translate("drill.ui_works_now", lang)
    return {
        "key": move.kind,
        "name": label(move.kind, lang),
        "note": note,
        "ready": move.ready,
        "sizes": [{"value": size, "name": size_words(move.kind, size, lang)} for size in move.sizes],
    }
