"""The rules of a roster, written down for the machine: for one person a crew, or for whole cohorts at once.

When the meals are, and which queue a desk serves in which half hour, does not depend on who sits there: those are
counts for a whole desk (people with the same skills and speed), shared out to names at the end. That is the implicit
modelling of breaks of Aykin (1996, Management Science 42:591): linear in the number of break slots, and exact, because
the windows of a shift's pauses never overlap.

Every rule about a person is a linear sum with the limit 1 x limit. For a crew of n people the same sum has the limit
n x limit, and is what remains when the rules of the n people are added up. So one builder makes two models: with
crews of one, the roster; with whole cohorts as crews, a relaxation that is small, and whose optimum no roster can beat.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simlib.roster.problem import Crew, Desk, Option, Person, RosterProblem, RosterRules, TimedDuty
from simlib.roster.search import ShiftModel

FEN = 100  # the machine counts money in whole fen


@dataclass(frozen=True, kw_only=True)
class Built:
    """A model with its variables by what they mean: crew and option; desk, option, pause, start; desk, slot, queue."""

    model: ShiftModel
    crews: tuple[Crew, ...]
    takes: Mapping[tuple[int, int], int]
    pauses: Mapping[tuple[Desk, int, int, int], int]
    quotas: Mapping[tuple[Desk, int, str], int]


def make_crews(
    problem: RosterProblem,
    key: Callable[[Person, tuple[int, ...]], Hashable],
    *,
    among: Sequence[Person] | None = None,
) -> tuple[Crew, ...]:
    """Collect people with the same key into one crew, in the order of their first member."""
    people = problem.people if among is None else among
    allowed = {
        person.agent_id: tuple(n for n, option in enumerate(problem.options) if problem.fits(person, option))
        for person in people
    }
    groups: dict[Hashable, list[Person]] = defaultdict(list)
    for person in people:
        if allowed[person.agent_id]:
            groups[key(person, allowed[person.agent_id])].append(person)
    crews = []
    for members in groups.values():
        room_for: dict[int, int] = defaultdict(int)
        free_on: dict[int, int] = defaultdict(int)
        for person in members:
            for n in allowed[person.agent_id]:
                room_for[n] += 1
            for day in {problem.options[n].day for n in allowed[person.agent_id]}:
                free_on[day] += 1
        crews.append(Crew(members=tuple(members), room_for=room_for, free_on=free_on))
    return tuple(crews)


def build_model(
    problem: RosterProblem,
    crews: tuple[Crew, ...],
    *,
    relaxed: bool = False,
    wanted: Mapping[int, int] | None = None,
) -> Built:
    """Write the model down. ``relaxed`` leaves wishes out; ``wanted`` asks for heads by option in place of coverage."""
    model = ShiftModel()
    takes = {
        (number, n): model.decide(number, problem.options[n].day, room)
        for number, crew in enumerate(crews)
        for n, room in sorted(crew.room_for.items())
    }
    standing: dict[tuple[str | None, int], list[int]] = defaultdict(list)
    for (_, n), variable in takes.items():
        if problem.options[n].must:
            standing[problem.options[n].only, problem.options[n].day].append(variable)
    for variables in standing.values():
        model.settle(variables)
    for number, crew in enumerate(crews):
        mine = {n: takes[number, n] for n in sorted(crew.room_for)}
        _add_person_rules(model, problem, crew, mine)
        if not relaxed:
            _add_wishes(model, problem, crew, mine)
    if wanted is not None:
        _add_wanted(model, takes, wanted)
        return Built(model=model, crews=crews, takes=takes, pauses={}, quotas={})
    _add_seats(model, problem, crews, takes)
    _add_duties(model, problem, takes)
    pauses, quotas = _add_desks(model, problem, crews, takes)
    return Built(model=model, crews=crews, takes=takes, pauses=pauses, quotas=quotas)


def _add_person_rules(model: ShiftModel, problem: RosterProblem, crew: Crew, takes: Mapping[int, int]) -> None:
    """One shift a day, rest, days in a row, hours, pay, nights: sums over a crew, exact for a crew of one."""
    rules, options, people = problem.rules, problem.options, len(crew.members)
    who, cohort = crew.members[0].agent_id, crew.members[0].cohort
    by_day: dict[int, list[int]] = defaultdict(list)
    for n in takes:
        by_day[options[n].day].append(n)
    opens_on = {day: min(options[n].start for n in ns) for day, ns in by_day.items()}
    rest = rules.rest_min_h * 60
    for day, ns in by_day.items():
        model.at_most([takes[n] for n in ns], crew.free_on[day])
        ends = sorted({options[n].end for n in ns})
        for later in sorted(each for each in by_day if each > day and opens_on[each] < ends[-1] + rest):
            for end in ends:
                early = [takes[n] for n in by_day[later] if options[n].start < end + rest]
                if early:
                    model.at_most([takes[n] for n in ns if options[n].end >= end] + early, people)
    longest = int(rules.consecutive_days_max)
    for day in by_day:
        window = [takes[n] for each in range(day, day + longest + 1) for n in by_day.get(each, ())]
        model.at_most(window, longest * people)
    rate = crew.members[0].cost_cny_h
    change = round(rules.change_cny * FEN)
    given_up = [n for n in takes if options[n].only is not None and not options[n].must]  # a shift yet to begin
    for n in given_up:
        model.charge("change", (crew, n), [takes[n]], change, lacking=True)
    standard = round(rules.standard_h_day * 60)
    weeks: dict[tuple[int, int], list[int]] = defaultdict(list)
    months: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    promised = _promised_min(problem, takes)
    for n, variable in takes.items():
        date = problem.calendar.opens.date() + dt.timedelta(days=options[n].day)
        regular = min(options[n].paid_min, standard)
        beyond = options[n].paid_min - regular
        anyway = promised[options[n].day]
        added = max(regular - min(anyway, standard), 0), max(beyond - max(anyway - standard, 0), 0)
        usual = rules.holiday_pay_pct if date in rules.holidays else 100
        model.charge("wages", cohort, [variable], round(rate * added[0] * usual / 60 / 100 * FEN))
        extra = max(usual, rules.overtime_pay_pct)
        model.charge("overtime_pay", cohort, [variable], round(rate * added[1] * extra / 60 / 100 * FEN))
        if crew.members[0].on_call:
            model.charge("on_call", who, [variable], round(rules.on_call_cny * FEN))
        if options[n].changes and (options[n].only is not None or not given_up):
            model.charge("change", (crew, n), [variable], change)
        weeks[date.isocalendar()[:2]].append(n)
        if beyond:
            months[date.year, date.month].append((variable, beyond))
    week = round(rules.standard_h_week * 60)
    for ns in weeks.values():
        regular_of = [min(options[n].paid_min, standard) for n in ns]
        if len({options[n].day for n in ns}) * standard <= week:
            continue
        grain = math.gcd(week, *regular_of)
        rest_day = model.variable(people * (7 * standard - week) // grain)
        works = [takes[n] for n in ns]
        weights = [each // grain for each in regular_of]
        model.bind([*works, rest_day], [*weights, -1], high=people * week // grain)
        price = rate * grain / 60 * (rules.rest_day_pay_pct - 100) / 100
        model.charge("rest_day_pay", cohort, [rest_day], round(price * FEN))
        date = problem.calendar.opens.date() + dt.timedelta(days=options[ns[-1]].day)
        months[date.year, date.month].append((rest_day, grain))
    for pairs in months.values():
        limit = round(rules.overtime_max_h_month * 60) * people
        model.at_most([variable for variable, _ in pairs], limit, [minutes for _, minutes in pairs])
    nights = [takes[n] for n in takes if options[n].night]
    most = len({options[n].day for n in takes if options[n].night})
    for already in range(1, most):
        beyond_fair = model.variable(people * (most - already))
        model.bind([*nights, beyond_fair], [1] * len(nights) + [-1], high=people * already)
        model.charge("night_unfair", who, [beyond_fair], round(rules.night_unfair_cny * FEN))


def _promised_min(problem: RosterProblem, takes: Mapping[int, int]) -> Counter[int]:
    """Minutes by day that a person is paid for anyway, by the roster that is being repaired; no change saves them."""
    promised: Counter[int] = Counter()
    for n in takes:
        option = problem.options[n]
        if problem.today is not None and option.only is not None and not option.changes:
            promised[option.day] = option.paid_min
    return promised


def _add_wishes(model: ShiftModel, problem: RosterProblem, crew: Crew, takes: Mapping[int, int]) -> None:
    for person in crew.members:
        for date, wish, weight in person.wishes:
            day = (date - problem.calendar.opens.date()).days
            works = [takes[n] for n in takes if problem.options[n].day == day]
            wished = [takes[n] for n in takes if problem.options[n].day == day and problem.options[n].code == wish]
            price = round(problem.rules.wish_cny * weight * FEN)
            if wish == "rest":
                model.charge("wish", person.agent_id, works, price)
            elif 0 <= day < len(problem.calendar.days):
                model.charge("wish", person.agent_id, wished, price, lacking=True)


def _add_seats(
    model: ShiftModel,
    problem: RosterProblem,
    crews: Sequence[Crew],
    takes: Mapping[tuple[int, int], int],
) -> None:
    """Never more people on shift in a room, or in all, than there are seats."""
    if not problem.rules.seats:
        return
    present: dict[tuple[str | None, int], list[int]] = defaultdict(list)
    for (number, n), variable in takes.items():
        for slot, _ in problem.spans(problem.options[n].start, problem.options[n].end):
            present[None, slot].append(variable)
            if crews[number].members[0].room is not None:
                present[crews[number].members[0].room, slot].append(variable)
    for (room, _), variables in present.items():
        seats = sum(problem.rules.seats.values()) if room is None else problem.rules.seats[room]
        model.at_most(variables, seats)


def _holds_duty(option: Option, duty: TimedDuty) -> bool:
    return any((piece.start, piece.end, piece.activity) == (duty.start, duty.end, duty.kind) for piece in option.fixed)


def _add_duties(model: ShiftModel, problem: RosterProblem, takes: Mapping[tuple[int, int], int]) -> None:
    """One person for each duty, or a named gap."""
    for number, duty in enumerate(problem.duties):
        holders = [
            variable
            for (_, n), variable in takes.items()
            if problem.options[n].duty == number or _holds_duty(problem.options[n], duty)
        ]
        nobody = model.variable()
        model.at_most(holders, 1)
        model.bind([*holders, nobody], low=1)
        hours = (duty.end - duty.start) / 60
        model.charge("duty_uncovered", duty.name, [nobody], round(problem.rules.duty_uncovered_cny_h * hours * FEN))


def _add_wanted(model: ShiftModel, takes: Mapping[tuple[int, int], int], wanted: Mapping[int, int]) -> None:
    """Ask for so many heads on each option and never more, so that seats and duties stay as they were shared out."""
    groups: dict[int, list[int]] = defaultdict(list)
    for (_, n), variable in takes.items():
        groups[n].append(variable)
    for n, variables in groups.items():
        short = model.variable(wanted[n])
        model.at_most(variables, wanted[n])
        model.bind([*variables, short], low=wanted[n])
        model.charge("wanted", n, [short], 1000 * FEN)


def _add_desks(
    model: ShiftModel,
    problem: RosterProblem,
    crews: Sequence[Crew],
    takes: Mapping[tuple[int, int], int],
) -> tuple[dict[Any, int], dict[Any, int]]:
    """Place pauses and share each desk's time among its queues, so that little is missing anywhere."""
    rules, unit, scale = problem.rules, problem.unit, problem.scale
    asked = {queue for _, queue in problem.need}
    pauses: dict[Any, int] = {}
    quotas: dict[Any, int] = {}
    on_queue: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)
    at_desk: dict[tuple[Desk, int], list[tuple[int, int]]] = defaultdict(list)
    seated: dict[tuple[Desk, int], list[int]] = defaultdict(list)
    for (number, n), variable in takes.items():
        seated[crews[number].members[0].desk, n].append(variable)
    for (desk, n), variables in seated.items():
        option = problem.options[n]
        for begin, end in _chat_spans(problem, option):
            for slot, units in problem.spans(begin, end):
                at_desk[desk, slot] += [(variable, units) for variable in variables]
        for piece in option.fixed:
            if piece.activity == "chat":
                for slot, units in problem.spans(piece.start, piece.end):
                    parts = units * problem.weigh(desk)
                    on_queue[slot, str(piece.queue)] += [(variable, parts) for variable in variables]
        most = model.most(variables)
        for number, pause in enumerate(option.pauses):
            begun = []
            for begin in pause.starts:
                begun.append(model.count(option.day, most))
                pauses[desk, n, number, begin] = begun[-1]
                for slot, units in problem.spans(begin, begin + pause.minutes):
                    at_desk[desk, slot].append((begun[-1], -units))
            model.bind([*begun, *variables], [1] * len(begun) + [-1] * len(variables), low=0, high=0)
    for (desk, slot), pairs in at_desk.items():
        skills, weight = desk[0], problem.weigh(desk)
        useful = [queue for queue in skills if queue in asked and problem.need.get((slot, queue))]
        if skills[0] in useful and len(useful) == 1:
            on_queue[slot, useful[0]] += [(variable, units * weight) for variable, units in pairs]
            continue
        shared = []
        for queue in useful:
            most = math.ceil(_padded(problem.need[slot, queue] * scale // unit, rules) / weight)
            day = problem.slots[slot] // (24 * 60)
            quota = model.count(day, most)
            quotas[desk, slot, queue] = quota
            shared.append(quota)
            on_queue[slot, queue].append((quota, weight))
            down = skills.index(queue)
            model.charge("second_skill", queue, [quota], round(rules.second_skill_cny_h * down * unit / 60 * FEN))
        if shared:
            taken, units_of = zip(*pairs, strict=True)
            model.bind([*shared, *taken], [*[1] * len(shared), *(-units for units in units_of)], high=0)
    for (slot, queue), minutes in problem.need.items():
        need = minutes * scale // unit
        padded = _padded(need, rules)
        short, thin = model.variable(need), model.variable(padded - need)
        supply = [*on_queue[slot, queue], (short, 1), (thin, 1)]
        model.bind(*zip(*supply, strict=True), low=padded)
        model.charge("shortfall", (slot, queue), [short], round(rules.shortfall_cny_h * unit / 60 / scale * FEN))
        model.charge("thin_cover", queue, [thin], round(rules.thin_cover_cny_h * unit / 60 / scale * FEN))
    return pauses, quotas


def _padded(units: int, rules: RosterRules) -> int:
    """Need with its cushion: spare heads are worth a little where they are few, so pauses fall into troughs."""
    return units + round(units * rules.cushion_pct / 100)


def _chat_spans(problem: RosterProblem, option: Option) -> list[tuple[int, int]]:
    """Minutes of an option that the solver may use for chats: all but what stands and the duty."""
    begin = max(option.start, option.flexible_from)
    if option.duty is None:
        return [(begin, option.end)] if begin < option.end else []
    duty = problem.duties[option.duty]
    return [span for span in ((begin, duty.start), (duty.end, option.end)) if span[0] < span[1]]
