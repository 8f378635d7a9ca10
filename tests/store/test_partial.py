"""A store with one mistake is read as far as it is right: the mistake is named with its cost, and the rest stands."""

import csv
import shutil
from typing import get_args

import pytest

from simlib.messages import HOUSE, texts
from simlib.planning import plan
from simlib.store import StoreError, check_store, load_store, read_store, save_store
from simlib.store.problems import Loss, Problem

SMALL = HOUSE / "templates" / "stores" / "bodycare"


LAST_DAY = "2026-06-15"  # four weeks of the small store's history, of six months


def copy_small(folder, *, whole=False):
    """Copy the small example store; of its history four weeks, unless it is whole."""
    shutil.copytree(SMALL, folder)
    if not whole:
        header, *lines = (folder / "history.csv").read_text("utf-8-sig").splitlines(keepends=True)
        (folder / "history.csv").write_text("".join([header, *(line for line in lines if line < LAST_DAY)]), "utf-8")
    return folder


@pytest.fixture(scope="module")
def sound_store(tmp_path_factory):
    """The small example store with a short history, and the length of its cascade."""
    store = load_store(copy_small(tmp_path_factory.mktemp("sound") / "shop"))
    return store, len(plan(store, wave="Evening opening", replications=2).cascade)


@pytest.fixture
def spoiled(tmp_path):
    """Copy the small example store, let a test change the records of some sheets, and give its path."""

    def spoil(*, whole=False, **changes):
        folder = copy_small(tmp_path / "shop", whole=whole)
        for sheet, change in changes.items():
            path = folder / f"{sheet}.csv"
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file))
            names = list(rows[0])
            change(rows)
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, names)
                writer.writeheader()
                writer.writerows(rows)
        return folder

    return spoil


def put(row, **cells):
    """Make a change that fills cells of one record."""
    return lambda rows: rows[row].update(cells)


def day_at_midnight(rows):
    """Fill each day's presale total into its midnight."""
    totals = {}
    for row in rows:
        key = row["start"][:10], row["queue"]
        totals[key] = totals.get(key, 0) + float(row["contacts"])
    for row in rows:
        if row["start"].endswith("00:00") and row["queue"] == "presale":
            row["contacts"] = 50 * totals[row["start"][:10], "presale"]


def aftersale_by_day(rows):
    """Leave of after-sale one row per day."""
    rows[:] = [row for row in rows if row["queue"] == "presale" or row["start"].endswith("00:00")]


MISTAKES = {
    "conversion of 0": ({"ratios": put(1, low=0, likely=0)}, "ratio_out_of_range", "default", "ratios", -1),
    "conversion above 1": ({"ratios": put(1, likely=1.2, high=1.3)}, "share_not_percent", "default", "ratios", -1),
    "conversion of 46": ({"ratios": put(1, low=41, likely=46, high=51)}, "share_not_percent", "default", "ratios", -1),
    "wave ends first": ({"waves": put(1, end="2026-11-09")}, "end_after_start", "wave", "waves", -1),
    "waves overlap": ({"waves": put(1, start="2026-11-02")}, "waves_overlap", "row", "waves", -1),
    "no sales": ({"waves": put(1, month_share="")}, "wave_without_sales", "wave", "waves", -1),
    "two figures": ({"waves": put(0, month_share=0.5)}, "wave_figures_disagree", "cell", "waves", 0),
    "profile": ({"day_profile": put(20, share=0.5)}, "shares_not_one", "profile", "day_profile", -24),
    "hour of text": ({"day_profile": put(20, share="x")}, "not_number", "profile", "day_profile", -24),
    "no skill": ({"agents": put(2, skill_1="")}, "missing", "row", "agents", -1),
    "skill unknown": ({"agents": put(2, skill_1="chat")}, "not_choice", "row", "agents", -1),
    "second skill unknown": ({"agents": put(2, skill_2="chat")}, "not_choice", "cell", "agents", 0),
    "score of 120": ({"agents": put(2, exam_score=120)}, "out_of_range", "cell", "agents", 0),
    "skill twice": ({"agents": put(2, skill_2="aftersale")}, "skill_twice", "cell", "agents", 0),
    "seat unknown": ({"agents": put(2, seat="Z9")}, "not_in_sheet", "cell", "agents", 0),
    "agent twice": ({"agents": put(2, agent_id="B02")}, "stands_twice", "row", "agents", -1),
    "meal outside": ({"shifts": put(0, meal_from="20:00", meal_to="21:00")}, "meal_outside_shift", "row", "shifts", -1),
    "rule unknown": ({"rules": put(0, key="rest_min_hh")}, "key_unknown", "row", "rules", -1),
    "goal of nobody": ({"goals": put(0, floor="much")}, "not_number", "row", "goals", -1),
    "room unknown": ({"scenarios": put(0, room="Cellar")}, "not_in_sheet", "row", "scenarios", -1),
    "queue unknown": ({"history": put(5, queue="presail")}, "not_choice", "row", "history", -1),
    "time twice": ({"history": put(5, start="2026-05-18 04:00")}, "time_twice", "row", "history", -1),
    "off the grid": ({"history": put(0, start="2026-05-18 00:10")}, "step_irregular", "row", "history", -1),
    "a day's total": ({"history": put(12, contacts=4000)}, "day_total_in_row", "row", "history", -1),
    "days' totals": ({"history": day_at_midnight}, "day_total_in_row", "row", "history", None),
    "days and hours": ({"history": aftersale_by_day}, "steps_differ", "series", "history", None),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_mistake_costs_its_own_place(spoiled, sound_store, mistake):
    """Each mistake is named with what it costs, other sheets stay whole, and the plan of the rest stands."""
    changes, message, loss, sheet, fewer = MISTAKES[mistake]
    path, (sound, steps) = spoiled(**changes), sound_store
    store = read_store(path)
    assert {(problem.message, problem.loss) for problem in store.problems} == {(message, loss)}
    for problem in store.problems:
        assert problem.sheet == sheet
        assert all(problem.text(lang) and problem.loss_text(lang) for lang in ("zh", "en"))
    rows = len(getattr(store, sheet)) - len(getattr(sound, sheet))
    assert rows == fewer if fewer is not None else rows < 0
    for other in {"waves", "ratios", "agents", "shifts", "history", "site"} - {sheet}:
        assert getattr(store, other) == getattr(sound, other)
    with pytest.raises(StoreError) as refused:
        load_store(path)
    assert refused.value.problems == store.problems == check_store(path).problems
    night = plan(store, wave="Evening opening", replications=2)
    assert night.forecast["contacts"].sum() > 0
    assert len(night.cascade) == steps


def test_a_blank_cell_is_an_empty_one(spoiled):
    """A wrong cell leaves the row exactly as if nothing had been typed."""
    store = read_store(spoiled(agents=put(2, capacity="five", exam_score=120, seat="Z9")))
    agent = store.agents[2]
    assert (agent.capacity, agent.exam_score, agent.seat) == (5, None, None)
    assert agent.name == load_store(SMALL).agents[2].name


def test_a_default_stands_in_for_a_ratio(spoiled):
    """Where a ratio is out of range the field's takes its place, marked as such; nothing typed wrong is used."""
    ratio = read_store(spoiled(ratios=put(1, likely=1.2, high=1.3))).ratio("conversion")
    assert ratio.source != "store"
    assert 0 < ratio.likely < 1


def test_the_wave_that_sells_less_gives_way(spoiled):
    """Of two waves at one time the main one stays, wherever it stands in the sheet and whichever begins first."""
    store = read_store(spoiled(waves=put(0, start="2026-11-11 20:00", end="2026-11-12 23:59")))
    assert [wave.name for wave in store.waves] == ["Evening opening"]
    (problem,) = store.problems
    assert (problem.row, problem.column) == (3, "end")
    other = problem.values
    assert (other["name"], other["other"]) == ("Last day", "Evening opening")


def test_three_waves_at_one_time(as_book, sound):
    """A wave that overlaps only one that has given way already stays."""
    sound["waves"] = [
        sound["waves"][0],
        ["First", "E", "2026-10-20", "2026-10-23", 500],
        ["Second", "E", "2026-10-22", "2026-10-26", 100],
        ["Third", "E", "2026-10-25", "2026-10-28", 400],
    ]
    assert [wave.name for wave in read_store(as_book(sound)).waves] == ["First", "Third"]


def test_shares_above_one_stay_as_typed(as_book, sound):
    """Shares of the month above 100 % are named and counted as they stand: which of them is wrong, nobody knows."""
    sound["waves"][0][4] = "month_share"
    sound["waves"][1][4], sound["waves"][2][4] = 0.8, 0.7
    store = read_store(as_book(sound))
    assert [wave.month_share for wave in store.waves] == [0.8, 0.7]
    assert [(problem.message, problem.loss) for problem in store.problems] == [("month_shares_above_one", "nothing")]


def test_a_share_of_an_unreadable_month(as_book, sound):
    """Where the month's GMV is wrong, a wave that lives on it alone is left out, and both are said."""
    sound["store"][3][1] = "many"
    sound["waves"][0].append("month_share")
    sound["waves"][2] = [*sound["waves"][2][:4], None, 0.3]
    store = read_store(as_book(sound))
    assert [wave.name for wave in store.waves] == ["Opening"]
    assert [problem.message for problem in store.problems] == ["not_number", "share_of_unknown_month"]


def test_a_sheet_without_a_header_counts_as_empty(as_book, sound):
    """A sheet that cannot be read is missing, like one that was never filled in; ratios have defaults."""
    sound["goals"] = [["what", "how much"], ["service_level", 0.8]]
    sound["ratios"] = [["a", "b"], [1, 2]]
    store = read_store(as_book(sound))
    assert {"goals", "ratios"} <= set(store.missing)
    assert {problem.loss for problem in store.problems} == {"sheet"}
    assert plan(store).forecast["contacts"].sum() > 0


def test_merged_cells_cost_their_rows(as_book, sound):
    """What stands in merged cells belongs to one row, and nobody knows to which."""
    sound["goals"] = [["kpi", "floor"], ["service_level", 0.8], ["first_response", 30], ["abandoned", 0.05]]
    store = read_store(as_book(sound, lambda book: book["goals"].merge_cells("A2:A3")))
    assert [goal.kpi for goal in store.goals] == ["abandoned"]
    assert {problem.loss for problem in store.problems} == {"merged"}


def test_names_of_what_was_left_out_are_blank(spoiled):
    """A duty whose agent was left out has nobody's name, so that the roster can give it to another."""
    live = load_store(SMALL).duties[0].agent_id
    change = lambda rows: next(row for row in rows if row["agent_id"] == live).update(skill_1="")  # noqa: E731
    store = read_store(spoiled(whole=True, agents=change))
    assert store.duties[0].agent_id is None
    assert len(store.problems) == 1
    night = plan(store, replications=2, roster_effort=0.2)
    assert live not in set(night.roster["agent_id"])
    # A warning, failure, need and roster; of a night that fails badly nothing more is worth saying.
    sentences = 4 if night.conclusion.fails_badly else 5
    for lang, word in (("zh", "不能签字"), ("en", "Not to be signed")):
        assert night.verdict(lang)[0].startswith(word)
        assert len(night.verdict(lang)) == sentences


@pytest.mark.parametrize("sheet", ["store", "waves", "agents"])
def test_too_little_is_refused(as_book, sound, sheet):
    """Without a store, a wave or an agent there is nothing to show but the problems."""
    sound[sheet] = sound[sheet][:1]
    with pytest.raises(StoreError) as refused:
        read_store(as_book(sound))
    assert {problem.sheet for problem in refused.value.problems} == {sheet}


def test_what_was_left_out_is_never_saved(spoiled):
    """A store with mistakes is not written: what was left out of it would be gone for good."""
    path = spoiled(agents=put(2, skill_1=""))
    before = (path / "agents.csv").read_bytes()
    with pytest.raises(StoreError):
        save_store(read_store(path), path)
    assert (path / "agents.csv").read_bytes() == before


def test_every_cost_has_its_sentence():
    """What a problem may cost is said for each kind, and a notice costs nothing."""
    assert {f"store.loss_{loss}" for loss in get_args(Loss)} == {key for key in texts() if ".loss_" in key}
    assert Problem(message="sheet_left_empty", sheet="goals").loss_text("en") == ""
