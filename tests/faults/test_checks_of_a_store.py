"""What check says before anything runs: issue 15, lines 3, 7, 11 and 16."""

from __future__ import annotations

import datetime as dt

import pytest

from simlib.store import check_store, load_store


def shift(start, end, meal=0, meal_from="", meal_to=""):
    """Make the table of a library with one shift."""
    return [["code", "start", "end", "meal_from", "meal_to", "meal_min"], ["X", start, end, meal_from, meal_to, meal]]


@pytest.mark.parametrize(
    ("shifts", "rules", "lawful"),
    [
        (shift("08:00", "08:00"), [], False),
        (shift("08:00", "20:00"), [], False),
        (shift("20:00", "08:00"), [], False),
        (shift("08:00", "20:00", 60, "12:00", "14:00"), [], True),
        (shift("08:00", "19:00"), [], True),
        (shift("08:00", "19:30"), [["overtime_max_h_day", 4]], True),
        (shift("08:00", "18:30"), [["overtime_max_h_day", 2]], False),
    ],
)
def test_line_7_a_shift_that_nobody_may_work_is_named(as_folder, sound, shifts, rules, lawful):
    """A shift longer than a lawful day without its meal is named with its hours and the limit."""
    sound["shifts"] = shifts
    if rules:
        sound["rules"] = [["key", "value"], *rules]
    problems = check_store(as_folder(sound))[1]
    assert [problem.message for problem in problems] == ([] if lawful else ["shift_unlawful"])
    if not lawful:
        assert "X" in problems[0].text("zh")
        assert "nobody may work" in problems[0].text("en")


def test_line_7_a_night_that_only_students_could_work_is_named(as_folder, sound):
    """Where there are only students, a night shift and one of nine hours have nobody."""
    for row in sound["agents"][1:]:
        row[2] = "student"
    sound["shifts"] = [*shift("23:00", "07:00"), ["Y", "08:00", "17:00", "", "", 0], ["Z", "08:00", "16:00", "", "", 0]]
    problems = check_store(as_folder(sound))[1]
    assert [(problem.message, problem.row) for problem in problems] == [("shift_for_few", 2), ("shift_for_few", 3)]
    sound["agents"][1][2] = "own"
    assert check_store(as_folder(sound, "mixed"))[1] == ()


@pytest.mark.parametrize("rows", [[["2026-10-30 10:00", "presale", 50]], [["2026-10-30", "aftersale", 5]]])
def test_line_11_one_row_of_history_is_named(as_folder, sound, rows):
    """A queue with a single observation is named, and the store without it can be planned."""
    sound["history"] = [["start", "queue", "contacts"], *rows]
    store, problems, _ = check_store(as_folder(sound))
    assert [problem.message for problem in problems] == ["series_too_short"]
    assert store.history == ()


@pytest.mark.parametrize(
    ("start", "problem", "notice"),
    [
        ("2026-11-01 01:30", None, "clock_twice"),
        ("2027-03-14 02:30", "clock_skipped", None),
        ("2026-11-01 02:30", None, None),
        ("2027-03-14 03:00", None, None),
    ],
)
def test_line_11_an_opening_at_a_clock_change_is_named(as_folder, sound, start, problem, notice):
    """An opening that the clock never shows is refused with the time to write; one that it shows twice is the first."""
    sound["store"].append(["timezone", "America/New_York"])
    sound["waves"][1][1:4] = ["M", start, f"{start[:10]} 23:59"]
    store, problems, notices = check_store(as_folder(sound))
    assert [found.message for found in problems] == ([problem] if problem else [])
    assert (notice in {found.message for found in notices}) == (notice is not None)
    if problem:
        assert "2027-03-14 03:30" in problems[0].text("zh")
    else:
        [opening] = store.local_times([store.waves[0].start])
        assert opening.utcoffset() == dt.timedelta(hours=-5 if start == "2026-11-01 02:30" else -4)


def test_line_11_the_doubled_hour_of_a_history_is_no_duplicate(as_folder, sound):
    """Both rows of the hour that the clock shows twice are read; a third is a duplicate."""
    sound["store"].append(["timezone", "America/New_York"])
    hours = [f"2026-11-01 {hour:02d}:00" for hour in (0, 1, 1, 2, 3, 4)]
    sound["history"] = [["start", "queue", "contacts"], *([hour, "presale", 10] for hour in hours)]
    store = load_store(as_folder(sound))
    assert len(store.history) == 6
    times = store.local_times(row.start for row in store.history)
    assert not times.duplicated().any()
    sound["history"].append(["2026-11-01 01:00", "presale", 10])
    assert {found.message for found in check_store(as_folder(sound, "more"))[1]} == {"time_twice"}


def test_line_3_weekdays_that_a_history_never_holds_are_named(as_folder, sound):
    """A history without weekends says so by name, and that not recorded is not zero."""
    days = [dt.date(2026, 10, 1) + dt.timedelta(days=n) for n in range(28)]
    sound["history"] = [["start", "queue", "contacts"]]
    sound["history"] += [[day.isoformat(), "presale", 2000] for day in days if day.weekday() < 5]
    notices = check_store(as_folder(sound))[2]
    [found] = [notice for notice in notices if notice.message == "weekdays_not_recorded"]
    assert "周六、周日" in found.text("zh")
    assert "Saturdays, Sundays" in found.text("en")


def test_line_3_hours_that_a_history_never_holds_are_named(as_folder, sound):
    """A history of office hours says which hours it lacks, unless service is closed then."""
    starts = [dt.datetime(2026, 10, day, hour) for day in range(1, 15) for hour in range(9, 18)]
    sound["history"] = [
        ["start", "queue", "contacts"],
        *([f"{start:%Y-%m-%d %H:%M}", "presale", 9] for start in starts),
    ]
    notices = check_store(as_folder(sound))[2]
    [found] = [notice for notice in notices if notice.message == "hours_not_recorded"]
    assert "0–8, 18–23" in found.text("en")
    sound["store"] += [["service_opens", "09:00"], ["service_closes", "18:00"]]
    notices = check_store(as_folder(sound, "closed"))[2]
    assert "hours_not_recorded" not in {notice.message for notice in notices}


def test_line_16_a_store_may_carry_its_own_today(as_folder, sound):
    """The store sheet may say from which day the store is looked at; without it there is none."""
    assert load_store(as_folder(sound, "without")).store.today is None
    sound["store"].append(["今天", "2026年9月27日"])
    assert load_store(as_folder(sound)).store.today == dt.date(2026, 9, 27)
