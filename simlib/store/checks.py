"""What only the whole store can show: waves that overlap, shares that do not add up, names that nobody bears."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from simlib import facts
from simlib.store.cells import fold, shown, shown_share
from simlib.store.columns import known_keys, known_terms, nearest, percent_range
from simlib.store.figures import ORDER_VALUE, has_order_value
from simlib.store.models import (
    BETTER,
    Actual,
    Agent,
    Goal,
    HistoryRow,
    HourShare,
    IntentShare,
    PlatformShare,
    Ratio,
    Rule,
    Shift,
    Store,
    StoreInfo,
    Wave,
)
from simlib.store.problems import Loss, Problem, note_totals

if TYPE_CHECKING:
    from simlib.store.reader import ReadSheet

SHARE_SLACK = 0.01
ORDER_VALUE_CELLS = {"month_aov_cny", "day_aov_cny", ORDER_VALUE}
DAY = dt.timedelta(days=1)
DAY_MIN = 24 * 60
YEAR, AMONG = 365 * DAY, 60 * DAY  # what is this near to other dates belongs to the same promo
ROW_SHARE_OF_DAY_MAX = 0.5
DAY_CONTACTS_TO_JUDGE = 100
ROWS_TO_JUDGE_DAY = 24
ROWS_TO_JUDGE_HEADERS = 2
PERSON = re.compile(r"[^\d:\uff1a_@]{1,40}")  # how people are called: neither a number nor an account
NUMBERED = re.compile(r"[A-Za-z#.-]{0,8}\d[\w#.-]*", re.ASCII)  # an id such as 1001, A01 or KF-7
CHINESE = re.compile(r"[\u4e00-\u9fff]")


class Reference(NamedTuple):
    """A column whose names must stand in a column of another sheet."""

    sheet: str
    column: str
    home: str
    wanted: str


REFERENCES = (
    Reference("agents", "seat", "site", "seat"),
    Reference("duties", "agent_id", "agents", "agent_id"),
    *(Reference("scenarios", place, "site", place) for place in ("site", "room", "seat")),
)


class Pair(NamedTuple):
    """Two columns whose headers may be exchanged without a wrong cell.

    ``exchanged`` returns whether the cells of one row stand the wrong way round; None where they show nothing. It gets
    the two cells, and all that the row holds where the rest of the row decides.
    """

    sheet: str
    one: str
    other: str
    exchanged: Callable[[Any, Any], bool | None] | None = None
    in_row: Callable[[Mapping[str, Any]], bool | None] | None = None

    def shows(self, cells: Mapping[str, Any]) -> bool | None:
        """Return whether a row shows that the headers are exchanged."""
        if self.in_row is not None:
            return self.in_row(cells)
        return None if self.exchanged is None else self.exchanged(cells[self.one], cells[self.other])


def _rises(one: float, other: float) -> bool | None:
    """Return whether the second figure is above the first, which it never is where a table is right."""
    return None if one == other else other > one


def _meal_turned(cells: Mapping[str, Any]) -> bool | None:
    """Return whether a meal lies within its shift only if its latest time is taken as the earliest."""
    if not {"start", "end"} <= cells.keys():
        return None
    start, end, one, other = (
        cells[name].hour * 60 + cells[name].minute for name in ("start", "end", "meal_from", "meal_to")
    )
    end += DAY_MIN * (end <= start)

    def lies_within(first: int, last: int) -> bool:
        first += DAY_MIN * (first < start)
        last += DAY_MIN * (last < start)
        return bool(first < last <= end)

    as_typed, turned = lies_within(one, other), lies_within(other, one)
    return None if as_typed == turned else turned


PAIRS = (
    Pair("agents", "agent_id", "name", lambda one, other: bool(PERSON.fullmatch(one) and NUMBERED.fullmatch(other))),
    Pair("agents", "cost_cny_h", "capacity", lambda one, other: _rises(one, other) if one else None),
    Pair("phrases", "zh", "en", lambda one, other: bool(CHINESE.search(other) and not CHINESE.search(one))),
    Pair("shifts", "meal_from", "meal_to", in_row=_meal_turned),
    Pair("waves", "day_gmv_cny", "day_aov_cny", _rises),
    # The outer two of actuals first: exchanged, they look like the inner pairs too.
    Pair("actuals", "contacts", "in_time", _rises),
    Pair("actuals", "contacts", "answered", _rises),
    Pair("actuals", "answered", "in_time", _rises),
)


def find_exchanged(read: Mapping[str, ReadSheet]) -> Iterator[Problem]:
    """Find headers that seem exchanged: in every row that shows it, two columns hold what belongs to the other."""
    asked: set[tuple[str, str]] = set()
    for pair in PAIRS:
        sheet, one, other = pair[:3]
        both = [(number, cells) for number, cells in read[sheet].cells if one in cells and other in cells]
        shows = [(number, pair.shows(cells)) for number, cells in both]
        wrong = [number for number, is_wrong in shows if is_wrong]
        if len(wrong) < ROWS_TO_JUDGE_HEADERS or any(is_wrong is False for _, is_wrong in shows):
            continue
        if not asked & {(sheet, one), (sheet, other)}:
            asked |= {(sheet, one), (sheet, other)}
            cells = dict(both)[wrong[0]]
            place: dict[str, Any] = {"sheet": sheet, "row": wrong[0], "column": one, "columns": (one, other)}
            yield Problem(message="columns_exchanged", typed=(shown(cells[one]), shown(cells[other])), **place)


def find_problems(read: Mapping[str, ReadSheet]) -> Iterator[Problem]:
    """Find what contradicts itself across rows and sheets; rows that are unsound already are left out."""
    yield from _wave_problems(read["store"], read["waves"])
    yield from _ratio_problems(read["ratios"])
    yield from _key_problems(read)
    yield from _name_problems(read)
    yield from _profile_problems(read["day_profile"])
    yield from _platform_problems(read["platforms"])
    yield from _intent_problems(read["intents"], read["ratios"])
    yield from _clock_problems(read)
    yield from _shift_problems(read)
    yield from _goal_problems(read["goals"])
    for sheet in ("history", "actuals"):
        yield from _series_problems(sheet, read[sheet], _zone_of(read["store"]))


def find_notices(store: Store, read: Mapping[str, ReadSheet]) -> Iterator[Problem]:
    """Find what is no error and yet worth knowing before a rehearsal."""
    for sheet in store.missing:
        yield Problem(message="sheet_left_empty", sheet=sheet)
    for sheet, found in read.items():
        yield from note_totals(sheet, found.totals)
        for twins in found.copies:
            yield Problem(message="sheet_copy", sheet=sheet, values=twins)
        if found.cells:
            yield from found.hidden
    yield from find_exchanged(read)
    yield from _twins(read["agents"])
    yield from find_odd_years(
        ("waves", "start", number, wave.name, wave.start, wave.end) for number, wave in read["waves"].of(Wave)
    )
    yield from _past_waves(store, read["waves"])
    yield from _wave_notices(
        store, {wave.name for number, wave in read["waves"].of(Wave) if number in read["waves"].day_ends}
    )
    yield from _slowdown_notices(store)
    own = {ratio.key for ratio in store.ratios} | ({"bot_share"} if store.intents else set())
    own.add(ORDER_VALUE)  # without one of the store's own there is a problem, and no notice
    defaults = tuple(key for key in dict.fromkeys(facts.table("ratios")["key"]) if key not in own)
    if defaults:
        yield Problem(message="ratios_from_defaults", sheet="ratios", values={"ratios": defaults})
    ungated = sum(agent.exam_score is None or agent.qa_pass is None for agent in store.agents)
    if ungated:
        yield Problem(message="agents_without_gate", sheet="agents", values={"count": ungated})
    served = {queue for agent in store.agents for queue in agent.skills}
    asked = {row.queue for row in store.history} | {goal.queue for goal in store.goals if goal.queue}
    for queue in sorted(asked - served):
        yield Problem(message="queue_without_agents", sheet="agents", values={"queue": queue})
    unusable = {seat.seat for seat in store.site if not seat.usable}
    for agent in store.agents:
        if agent.seat in unusable:
            who = f"{agent.agent_id} {agent.seat}"
            yield Problem(message="seat_unusable", sheet="agents", column="seat", value=who)
    for goal in store.goals:
        if fold(goal.kpi) not in known_terms() and goal.kpi not in set(facts.table("targets")["key"]):
            yield Problem(
                message="kpi_unknown",
                sheet="goals",
                column="kpi",
                value=goal.kpi,
                nearest=nearest(goal.kpi, known_terms()),
            )
    yield from _history_notices(store)


def _twins(agents: ReadSheet) -> Iterator[Problem]:
    """Find people of one name and several ids: no error, and yet nobody can keep them apart by name."""
    ids: dict[str, list[tuple[int, Agent]]] = defaultdict(list)
    for number, agent in agents.of(Agent):
        ids[agent.name].append((number, agent))
    for name, found in ids.items():
        if len(found) > 1:
            values = {"ids": ", ".join(agent.agent_id for _, agent in found)}
            place: dict[str, Any] = {"sheet": "agents", "row": found[0][0], "column": "name", "value": name}
            yield Problem(message="name_twice", values=values, rows=tuple(number for number, _ in found), **place)


def _past_waves(store: Store, waves: ReadSheet) -> Iterator[Problem]:
    """Find waves that are over on the day that the store calls today."""
    today = store.store.today
    for number, wave in waves.of(Wave):
        if today is not None and wave.end.date() < today:
            place: dict[str, Any] = {"sheet": "waves", "row": number, "column": "end"}
            yield Problem(message="wave_over", value=f"{wave.end:%Y-%m-%d %H:%M}", values={"today": today}, **place)


Dated = tuple[str, str, int, str, dt.datetime, dt.datetime]


def find_odd_years(dated: Iterable[Dated], *, beside: Iterable[dt.datetime] = ()) -> Iterator[Problem]:
    """Find what lies a year from everything else and would lie among it in the next or the last year: a slip of typing.

    Parameters
    ----------
    dated : iterable of tuple
        Sheet, column, row, name, start and end of each row.
    beside : iterable of datetime
        Moments of another sheet among which the rows should lie; left out, the other rows are these.
    """
    rows, beside = list(dated), list(beside)
    for at, (sheet, column, number, name, start, end) in enumerate(rows):
        others = beside or [other[4] for place, other in enumerate(rows) if place != at]
        if not others or any(start - AMONG <= other <= end + AMONG for other in others):
            continue
        for years in (1, -1):
            moved = (start + years * YEAR, end + years * YEAR)
            near = sum(moved[0] - AMONG <= other <= moved[1] + AMONG for other in others)
            if near >= (1 if years == 1 or beside else 2):  # of two alone, the earlier one is asked about
                values = {"name": name, "year": start.year + years}
                shown_start = f"{start:%Y-%m-%d %H:%M}"
                yield Problem(
                    message="odd_year", sheet=sheet, row=number, column=column, value=shown_start, values=values
                )
                break


def find_missing_figures(read: Mapping[str, ReadSheet], problems: Iterable[Problem]) -> Iterator[Problem]:
    """Find an order value that operations still owe: the day's sales do not turn into buyers without it.

    Where a cell that could hold one is wrong, that is the mistake, and nothing else is missing.
    """
    info = next((row for _, row in read["store"].of(StoreInfo)), None)
    ratios, waves = read["ratios"].of(Ratio), [wave for _, wave in read["waves"].of(Wave)]
    named = {row for row, cells in read["ratios"].cells if cells.get("key") == ORDER_VALUE}
    if info is None or not waves or any(_is_of_order_value(problem, named) for problem in problems):
        return
    if has_order_value(info, [ratio for _, ratio in ratios], waves):
        return
    lacking = ", ".join(wave.name for wave in waves if wave.day_aov_cny is None)
    yield Problem(
        message="order_value_missing", sheet="store", column="month_aov_cny", values={"waves": lacking}, loss="missing"
    )


def _is_of_order_value(problem: Problem, rows_of_ratio: Set[int]) -> bool:
    """Return whether a problem is about a cell, a column or a sheet that could hold an order value."""
    if ORDER_VALUE_CELLS & {problem.column, problem.nearest, problem.values.get("ratio")}:
        return True
    if problem.sheet == "ratios" and problem.row in rows_of_ratio:
        return True
    whole = problem.loss in ("sheet", "unread", "merged")
    return problem.nearest in ("store", "ratios") or (whole and problem.sheet in ("store", "waves", "ratios"))


def _slowdown_notices(store: Store) -> Iterator[Problem]:
    """Find a slow-down that ends before the most chats that somebody may hold, and one that a ratio says as well."""
    points = store.store.slowdown_points
    if not points:
        return
    place: dict[str, Any] = {"sheet": "store", "column": "slowdown_by_chats", "value": store.store.slowdown_by_chats}
    last, most = max(points), max(agent.capacity for agent in store.agents)
    if last < most:
        values = {"last": last, "most": most, "factor": f"{points[last]:g}"}
        yield Problem(message="slowdown_short", values=values, **place)
    if any(ratio.key == "switch_cost_pct" and ratio.source == "store" for ratio in store.ratios):
        yield Problem(message="slowdown_twice", values={"ratio": "switch_cost_pct"}, **place)


def _history_notices(store: Store) -> Iterator[Problem]:
    """Find what a history does not hold, queue by queue: weekdays, hours of the day, ordinary days."""
    steps = _steps(store.history)
    if steps and min(steps.values()) == DAY:
        yield Problem(message="history_by_day", sheet="history")
    by_queue: dict[str, list[HistoryRow]] = defaultdict(list)
    for row in store.history:
        by_queue[row.queue].append(row)
    for queue, rows in by_queue.items():
        place: dict[str, Any] = {"sheet": "history", "column": "start"}
        days = {row.start.date() for row in rows}
        if (max(days) - min(days)).days >= 6:
            lacking = tuple(sorted(set(range(7)) - {day.weekday() for day in days}))
            if lacking:
                yield Problem(message="weekdays_not_recorded", values={"queue": queue, "weekdays": lacking}, **place)
        if steps.get(queue, DAY) < DAY:
            step_h = steps[queue] / dt.timedelta(hours=1)
            seen = {row.start.hour + n for row in rows for n in range(max(int(step_h), 1))}
            open_hours = [hour for hour in range(24) if _serves(store, dt.time(hour))]
            hours = [hour for hour in open_hours if hour not in seen]
            if hours:
                shown = _spans_of_hours(hours)
                yield Problem(message="hours_not_recorded", values={"queue": queue, "hours": shown}, **place)
        if all(row.promo is not None for row in rows):
            yield Problem(message="history_all_promo", values={"queue": queue}, **(place | {"column": "promo"}))


def _spans_of_hours(hours: list[int]) -> str:
    """Show hours of the day as spans: 0-8, 23."""
    spans: list[list[int]] = []
    for hour in hours:
        if spans and hour == spans[-1][1] + 1:
            spans[-1][1] = hour
        else:
            spans.append([hour, hour])
    return ", ".join(f"{first}–{last}" if last > first else f"{first}" for first, last in spans)


def _serves(store: Store, clock: dt.time) -> bool:
    """Return whether human service is open at a time; equal hours mean round the clock."""
    opens, closes = store.store.service_opens, store.store.service_closes
    if opens == closes:
        return True
    return opens <= clock < closes if opens < closes else clock >= opens or clock < closes


def _clock_change(moment: dt.datetime, zone: ZoneInfo) -> str | None:
    """Return whether the clock leaves a moment out (``clock_skipped``) or shows it twice (``clock_twice``)."""
    early, late = (moment.replace(tzinfo=zone, fold=fold_).utcoffset() for fold_ in (0, 1))
    if early is None or late is None or early == late:
        return None
    return "clock_twice" if early > late else "clock_skipped"


def _zone_of(store: ReadSheet) -> ZoneInfo:
    """Return the zone of a store whose sheet is read; the usual one where that is unknown."""
    found = next((info.timezone for _, info in store.of(StoreInfo)), StoreInfo.model_fields["timezone"].default)
    return ZoneInfo(found)


def _clock_problems(read: Mapping[str, ReadSheet]) -> Iterator[Problem]:
    """Find times that the store's clock never shows."""
    zone = _zone_of(read["store"])
    for sheet in ("waves", "duties", "scenarios"):
        for number, row in read[sheet].rows:
            for column in ("start", "end"):
                moment = getattr(row, column)
                if _clock_change(moment, zone) != "clock_skipped":
                    continue
                there = moment.replace(tzinfo=zone).astimezone(dt.UTC).astimezone(zone)
                values = {"clock": f"{moment:%H:%M}", "hint": f"{there:%Y-%m-%d %H:%M}"}
                loss: Loss = "wave" if sheet == "waves" else "row"
                place: dict[str, Any] = {"sheet": sheet, "row": number, "column": column}
                yield Problem(
                    message="clock_skipped", value=f"{moment:%Y-%m-%d %H:%M}", values=values, loss=loss, **place
                )


def _shift_problems(read: Mapping[str, ReadSheet]) -> Iterator[Problem]:
    """Find shifts that the law lets nobody of the store work: too long for a day, or a student's night."""
    own = {row.key: row.value for _, row in read["rules"].of(Rule)}

    def limit(key: str) -> float:
        return own.get(key, float(facts.value("labour", key)))

    most_h = limit("standard_h_day") + limit("overtime_max_h_day")
    student_h, student_nights = limit("student_max_h_day"), limit("student_nights_allowed")
    night_from, night_to = limit("night_from_h"), limit("night_to_h")
    cohorts = {row.cohort for _, row in read["agents"].of(Agent)}
    for number, shift in read["shifts"].of(Shift):
        begin, end = (clock.hour + clock.minute / 60 for clock in (shift.start, shift.end))
        end += 24 * (end <= begin)
        hours = end - begin - shift.meal_min / 60
        place: dict[str, Any] = {"sheet": "shifts", "row": number, "column": "end", "loss": "row"}
        if hours > most_h + 1e-9:
            values = {"code": shift.code, "hours": f"{hours:g}", "most": f"{most_h:g}"}
            yield Problem(message="shift_unlawful", value=f"{shift.end:%H:%M}", values=values, **place)
            continue
        night = any(
            begin < later + night_to + 24 * (night_to <= night_from) and later + night_from < end
            for later in (-24, 0, 24)
        )
        if cohorts == {"student"} and (hours > student_h + 1e-9 or (night and not student_nights)):
            values = {"code": shift.code, "most": f"{student_h:g}"}
            yield Problem(message="shift_for_few", value=f"{shift.end:%H:%M}", values=values, **place)


def _wave_problems(store: ReadSheet, waves: ReadSheet) -> Iterator[Problem]:
    month = next((cells.get("month_gmv_cny") for _, cells in store.cells), None) or 0.0
    month_gmv = month if month > 0 else None
    yield from _overlaps(waves.of(Wave), month_gmv or 0.0)
    yield from _twice(waves, "name")
    for number, wave in waves.of(Wave):
        if wave.month_share is None:
            continue
        place: dict[str, Any] = {"sheet": "waves", "row": number, "column": "month_share"}
        place["value"] = f"{wave.month_share:.4g}"
        if month_gmv is None and store.rows:
            yield Problem(message="share_of_unknown_month", loss="cell" if wave.day_gmv_cny else "wave", **place)
        if month_gmv is None or wave.day_gmv_cny is None:
            continue
        if abs(wave.month_share * month_gmv - wave.day_gmv_cny) > 0.01 * month_gmv:
            values = {"share_cny": f"{wave.month_share * month_gmv:,.0f}", "day_cny": f"{wave.day_gmv_cny:,.0f}"}
            yield Problem(message="wave_figures_disagree", values=values, loss="cell", **place)
    total = sum(wave.month_share or 0 for _, wave in waves.of(Wave))
    if total > 1 + SHARE_SLACK:
        values = {"total": f"{total:.1%}"}
        yield Problem(
            message="month_shares_above_one", sheet="waves", column="month_share", values=values, loss="nothing"
        )


def _overlaps(waves: Iterable[tuple[int, Wave]], month_gmv: float) -> Iterator[Problem]:
    """Find waves that run at the same time; the one whose day sells less gives way."""
    kept: list[Wave] = []
    for number, wave in sorted(waves, key=lambda item: -item[1].sales_cny(month_gmv)):
        other = next((other for other in kept if wave.start < other.end and other.start < wave.end), None)
        if other is None:
            kept.append(wave)
            continue
        column, when = ("start", wave.start) if wave.start >= other.start else ("end", wave.end)
        span = {"begins": f"{other.start:%Y-%m-%d %H:%M}", "ends": f"{other.end:%Y-%m-%d %H:%M}"}
        yield Problem(
            message="waves_overlap",
            sheet="waves",
            row=number,
            column=column,
            value=f"{when:%Y-%m-%d %H:%M}",
            values={"name": wave.name, "other": other.name} | span,
            loss="row",
        )


def _wave_notices(store: Store, day_ends: Set[str]) -> Iterator[Problem]:
    """Find what of the waves is worth knowing; ``day_ends`` are those whose end was typed as 24:00."""
    for wave in store.waves:
        for column, moment in (("start", wave.start), ("end", wave.end)):
            if _clock_change(moment, store.zone) == "clock_twice":
                values = {"clock": f"{moment:%H:%M}"}
                yield Problem(message="clock_twice", sheet="waves", column=column, value=wave.name, values=values)
        if wave.end.time() == dt.time() and wave.name not in day_ends:
            last = {"last": (wave.end - DAY).date()}
            yield Problem(message="wave_ends_at_midnight", sheet="waves", column="end", value=wave.name, values=last)
        if not _serves(store, wave.start.time()):
            yield Problem(message="wave_outside_service", sheet="waves", column="start", value=wave.name)
    month_gmv = store.store.month_gmv_cny
    total = sum(wave.day_gmv_cny or 0 for wave in store.waves)
    if month_gmv and total > month_gmv:
        values = {"total": f"{total:,.0f}", "month": f"{month_gmv:,.0f}"}
        yield Problem(message="waves_above_month", sheet="waves", column="day_gmv_cny", values=values)


def _ratio_problems(ratios: ReadSheet) -> Iterator[Problem]:
    yield from _twice(ratios, "key")
    limits = {row["key"]: row for row in facts.table("ratios").to_dict("records")}
    for number, cells in ratios.cells:
        limit = limits.get(cells.get("key"))
        if limit is None:
            continue
        wrong = {
            column: ratios.percents.get((number, column), cells[column])
            for column in ("low", "likely", "high")
            if column in cells and not limit["min"] <= cells[column] <= limit["max"]
        }
        share = limit["unit"] == "share"
        typed = {column: shown_share(cell) if share else (shown(cell), {}) for column, cell in wrong.items()}
        meant = next((words for _, words in typed.values() if words), None)
        span = percent_range(limit["min"], limit["max"]) if share else f"{limit['min']:g} – {limit['max']:g}"
        for column, (value, own) in typed.items():
            as_percent = meant is not None and (bool(own) or cells[column] > 100)  # 170 beside 20 and 40 is of a kind
            yield Problem(
                message="share_not_percent" if as_percent else "ratio_out_of_range",
                sheet="ratios",
                row=number,
                column=column,
                value=value,
                values={"ratio": limit["key"]} | (meant if as_percent and meant else {}),
                allowed=(span,),
                loss="default",
            )


def _key_problems(read: Mapping[str, ReadSheet]) -> Iterator[Problem]:
    """Return the keys of ratios and rules that nobody knows."""
    for sheet, column, known in (
        ("ratios", "key", known_keys("ratios")),
        ("rules", "key", known_keys("labour")),
    ):
        for number, cells in read[sheet].cells:
            name = cells.get(column)
            if name is not None and fold(name) not in known:
                yield Problem(
                    message="key_unknown",
                    sheet=sheet,
                    row=number,
                    column=column,
                    value=name,
                    nearest=nearest(name, known),
                    loss="row",
                )


def _name_problems(read: Mapping[str, ReadSheet]) -> Iterator[Problem]:
    """Find ids that stand twice and names that no other sheet knows."""
    for sheet, column in (("agents", "agent_id"), ("shifts", "code"), ("site", "seat"), ("rules", "key")):
        yield from _twice(read[sheet], column)
    exchanged = list(find_exchanged(read))
    for sheet, column, home, wanted in REFERENCES:
        known = {fold(cells[wanted]): cells[wanted] for _, cells in read[home].cells if wanted in cells}
        people = _known_by_name(read[home]) if home == "agents" else {}
        elsewhere = {
            cells[column]: column
            for wrong in exchanged
            if wrong.sheet == home and wanted in wrong.columns
            for column in wrong.columns
            for _, cells in read[home].cells
            if column in cells
        }
        for number, cells in read[sheet].cells:
            name = cells.get(column)
            if known and name in elsewhere and name not in known.values():
                values = {"sheet_name": home, "of_column": wanted, "other_column": elsewhere[name]}
                place: dict[str, Any] = {"sheet": sheet, "row": number, "column": column, "value": name}
                yield Problem(message="in_other_column", values=values, loss="cell", **place)
            elif known and name is not None and name not in known.values():
                near = nearest(name, known | people)
                title = next(
                    (of["name"] for _, of in read[home].cells if of.get(wanted) == near and "name" in of), None
                )
                yield Problem(
                    message="not_in_sheet",
                    sheet=sheet,
                    row=number,
                    column=column,
                    value=name,
                    values={"sheet_name": home, "of_column": wanted},
                    nearest=f"{near} ({title})" if near and title and home == "agents" else near,
                    loss="row" if sheet == "scenarios" else "cell",
                )


def _known_by_name(agents: ReadSheet) -> dict[str, str]:
    """Return the ids of people by their names, folded; a name that two bear stands for nobody."""
    ids: dict[str, list[str]] = defaultdict(list)
    for _, cells in agents.cells:
        if "name" in cells and "agent_id" in cells:
            ids[fold(cells["name"])].append(cells["agent_id"])
    return {name: found[0] for name, found in ids.items() if len(found) == 1}


def _twice(read: ReadSheet, column: str) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for number, cells in read.cells:
        name = cells.get(column)
        if name is None:
            continue
        if name in first:
            yield Problem(
                message="stands_twice",
                sheet=read.sheet,
                row=number,
                column=column,
                value=name,
                values={"first": first[name]},
                loss="row",
            )
        first.setdefault(name, number)


def _profile_problems(profile: ReadSheet) -> Iterator[Problem]:
    hours = Counter(cells["hour"] for _, cells in profile.cells if "hour" in cells)
    for number, cells in profile.cells:
        if hours[cells.get("hour")] > 1:
            hour = str(cells["hour"])
            place: dict[str, Any] = {"sheet": "day_profile", "row": number, "column": "hour", "value": hour}
            yield Problem(message="hour_twice", loss="profile", **place)
    total = sum(row.share for _, row in profile.of(HourShare))
    if profile.rows and not profile.problems and abs(total - 1) > SHARE_SLACK:
        values = {"total": f"{total:.1%}"}
        yield Problem(message="shares_not_one", sheet="day_profile", column="share", values=values, loss="profile")


def _goal_problems(goals: ReadSheet) -> Iterator[Problem]:
    """Find goals whose stretch asks for less than their floor; a KPI that is better neither way is not judged."""
    better = dict(BETTER) | dict.fromkeys(("cs_sales_cny", "receptions"), "higher")
    for number, row in goals.of(Goal):
        if row.kpi not in better or row.stretch is None:
            continue
        higher = better[row.kpi] == "higher"
        if row.stretch < row.floor if higher else row.stretch > row.floor:
            values = {"floor": shown(row.floor), "stretch": shown(row.stretch)}
            place: dict[str, Any] = {"sheet": "goals", "row": number, "column": "kpi", "value": row.kpi}
            message = "levels_exchanged_higher" if higher else "levels_exchanged_lower"
            yield Problem(message=message, values=values, loss="row", **place)


def _platform_problems(platforms: ReadSheet) -> Iterator[Problem]:
    """Find platforms that stand twice, and shares that do not make up the store's chats."""
    named = Counter(cells["platform"] for _, cells in platforms.cells if "platform" in cells)
    for number, cells in platforms.cells:
        if named[cells.get("platform")] > 1:
            place: dict[str, Any] = {"sheet": "platforms", "row": number, "column": "platform"}
            yield Problem(message="platform_twice", loss="platforms", value=str(cells["platform"]), **place)
    total = sum(row.share for _, row in platforms.of(PlatformShare))
    if platforms.rows and not platforms.problems and abs(total - 1) > SHARE_SLACK:
        values = {"total": f"{total:.1%}"}
        yield Problem(
            message="platform_shares_not_one", sheet="platforms", column="share", values=values, loss="platforms"
        )


def _intent_problems(intents: ReadSheet, ratios: ReadSheet) -> Iterator[Problem]:
    """Find questions that stand twice, shares that do not make up all contacts, and a bot that takes two shares."""
    yield from _twice(intents, "intent")
    rows = [row for _, row in intents.of(IntentShare)]
    if not rows or intents.problems:
        return
    place: dict[str, Any] = {"sheet": "intents", "loss": "intents"}
    total = sum(row.share for row in rows)
    if abs(total - 1) > SHARE_SLACK:
        yield Problem(message="intents_not_one", column="share", values={"total": f"{total:.1%}"}, **place)
        return
    gross = sum(row.share * row.bot_solves for row in rows) / total
    for number, own in ratios.of(Ratio):
        if own.key == "bot_share" and own.source == "store" and abs(own.likely - gross) > SHARE_SLACK:
            values = {"gross": f"{gross:.1%}", "ratio": "bot_share", "likely": f"{own.likely:.1%}", "row": number}
            yield Problem(message="intents_against_ratio", column="bot_solves", values=values, **place)


def _steps(rows: Iterable[HistoryRow | Actual]) -> dict[str, dt.timedelta]:
    """Find the step of each queue's series: the gap that is most frequent."""
    starts = defaultdict(list)
    for row in rows:
        starts[row.queue].append(row.start)
    found: dict[str, dt.timedelta] = {}
    for queue, times in starts.items():
        gaps = Counter(later - sooner for sooner, later in pairwise(sorted(times)) if later > sooner)
        if gaps:
            found[queue] = max(gaps, key=lambda gap: (gaps[gap], -gap))
    return found


def _worded_step(step: dt.timedelta) -> str:
    hours = step / dt.timedelta(hours=1)
    return f"{hours:g} h" if hours >= 1 else f"{60 * hours:g} min"


def _series_problems(sheet: str, series: ReadSheet, zone: ZoneInfo) -> Iterator[Problem]:
    """Find times that stand twice, steps that jump, and rows in a unit other than their neighbours'."""
    by_queue: dict[str, list[tuple[dt.datetime, int, float]]] = defaultdict(list)
    rows_found: list[tuple[int, HistoryRow | Actual]] = [*series.of(HistoryRow), *series.of(Actual)]
    for number, row in rows_found:
        by_queue[row.queue].append((row.start, number, row.contacts))
    steps = _steps(row for _, row in rows_found)
    for queue, rows in by_queue.items():
        rows.sort()
        if sheet == "history" and len({start for start, _, _ in rows}) == 1:
            place: dict[str, Any] = {"sheet": sheet, "row": rows[0][1], "column": "start"}
            yield Problem(message="series_too_short", values={"queue": queue}, loss="series", **place)
        times = Counter(start for start, _, _ in rows)
        first_rows: dict[dt.datetime, int] = {}
        for start, number, _ in rows:
            first = first_rows.setdefault(start, number)
            shown_twice = times[start] == 2 and _clock_change(start, zone) == "clock_twice"
            if first != number and not shown_twice:
                yield Problem(
                    message="time_twice",
                    sheet=sheet,
                    row=number,
                    column="start",
                    value=f"{start:%Y-%m-%d %H:%M}",
                    values={"first": first, "queue": queue},
                    loss="row",
                )
        step = steps.get(queue)
        if step is None:
            continue
        if step > DAY or DAY % step:
            values = {"queue": queue, "step": _worded_step(step)}
            yield Problem(
                message="step_unusable", sheet=sheet, row=rows[0][1], column="start", values=values, loss="series"
            )
            continue
        phases = [(start - dt.datetime.min) % step for start, _, _ in rows]
        usual = Counter(phases).most_common(1)[0][0]
        for (start, number, _), phase in zip(rows, phases, strict=True):
            if phase == usual:
                continue
            yield Problem(
                message="step_irregular",
                sheet=sheet,
                row=number,
                column="start",
                value=f"{start:%Y-%m-%d %H:%M}",
                values={"step": _worded_step(step), "queue": queue},
                loss="row",
            )
        if step < DAY:
            yield from _day_totals(sheet, rows)
    if len(set(steps.values())) > 1:
        finest = min(steps, key=lambda queue: steps[queue])
        coarsest = max(steps, key=lambda queue: steps[queue])
        yield Problem(
            message="steps_differ",
            sheet=sheet,
            row=by_queue[coarsest][0][1],
            column="start",
            values={
                "queue": coarsest,
                "step": _worded_step(steps[coarsest]),
                "other_queue": finest,
                "other": _worded_step(steps[finest]),
            },
            loss="series",
        )


def _day_totals(sheet: str, rows: list[tuple[dt.datetime, int, float]]) -> Iterator[Problem]:
    """Find a row that holds more than half of a full day: a day's total where an interval's count was meant."""
    totals: dict[dt.date, float] = defaultdict(float)
    counts: Counter[dt.date] = Counter()
    for start, _, contacts in rows:
        totals[start.date()] += contacts
        counts[start.date()] += 1
    for start, number, contacts in rows:
        day = start.date()
        judged = counts[day] >= ROWS_TO_JUDGE_DAY and totals[day] >= DAY_CONTACTS_TO_JUDGE
        if judged and contacts > ROW_SHARE_OF_DAY_MAX * totals[day]:
            place: dict[str, Any] = {"sheet": sheet, "row": number, "column": "contacts", "value": f"{contacts:g}"}
            yield Problem(message="day_total_in_row", loss="row", **place)
